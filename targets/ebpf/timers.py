"""What PNA programs say of the age of their entries, as records in ring buffers: one for each table and kind.

``set_entry_expire_time`` and ``restart_expire_timer`` (PNA, "Tables with add-on-miss") tell whoever lets entries age
the key that was looked up, and the first one also the expire time profile: ``TABLE_expire_times`` and
``TABLE_restarts``. A record holds the keys in the table's order and then the profile, as in :mod:`.records`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...semantics import ir
from ..base import CannotOffload
from .artifact import MapDef
from .layout import calls_by_actions, identifier, scalar_width
from .records import MOST_BYTES, RING_BYTES, Record, side_by_side

SET, RESTART = "set_entry_expire_time", "restart_expire_timer"
CALLS: Final = {
    SET: (SET,),
    f"{SET}_if": (SET,),
    RESTART: (RESTART,),
    "update_expire_info": (SET, RESTART),
}
"""Externs → what they may tell."""


def record_of(table: ir.Table, what: str, call: ir.ExternCall) -> Record:
    """The layout of what a call in an action of ``table`` tells (``what``: one of its externs in :data:`CALLS`).

    Raises:
        CannotOffload: keys or a profile without a width, or too many of them.
    """
    types = [key.expr.type for key in table.keys] + ([call.params[-1].type] if what == SET else [])
    widths = [scalar_width(type_) or 0 for type_ in types]
    fields, at = side_by_side(widths)
    if not all(widths) or not 0 < at <= MOST_BYTES:
        raise CannotOffload(f"{call.extern} with keys of no width, or of more than {MOST_BYTES} bytes", call.span)
    ring = "expire_times" if what == SET else "restarts"
    item = MapDef(f"{identifier(table.control_name)}_{ring}", "ringbuf", 0, 0, RING_BYTES)
    return Record(f"{what}.{table.control_name}", item, fields, tuple(widths))


def timers(program: ir.Program) -> Mapping[str, Record]:
    """Map's name → what lies in it, for all tables of a program. Those that are not told this way are left out."""
    out: dict[str, Record] = {}
    for control, table in program.tables():
        for call in calls_by_actions(program, control, table, CALLS):
            for what in CALLS[call.extern]:
                try:
                    record = record_of(table, what, call)
                except CannotOffload:
                    continue
                out[record.map.name] = record
    return out


__all__ = ["CALLS", "RESTART", "SET", "record_of", "timers"]
