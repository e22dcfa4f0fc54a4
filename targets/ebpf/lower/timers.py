"""PNA's ``set_entry_expire_time``, ``restart_expire_timer`` and their kind: records for whoever lets entries age
(:mod:`..timers`). The key that was looked up still lies on the stack."""

from __future__ import annotations

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R1, R10
from ..timers import RESTART, SET, record_of
from . import digests, operands
from . import expr as ex
from .gen import Gen


def set_time(g: Gen, call: ir.ExternCall) -> None:
    """``set_entry_expire_time(profile)``, and ``set_entry_expire_time_if(condition, profile)``."""
    *condition, profile = _given(call)
    end = g.asm.label()
    for each in condition:
        ex.branch_unless(g, each, end)
    with g.maybe():
        _tell(g, call, SET, profile)
    g.asm.place(end)


def restart(g: Gen, call: ir.ExternCall) -> None:
    """``restart_expire_timer()``."""
    _tell(g, call, RESTART, None)


def update(g: Gen, call: ir.ExternCall) -> None:
    """``update_expire_info(aging, time, profile)``: one of the two above, where ``aging``."""
    aging, time, profile = _given(call)
    end, only_restarts = g.asm.label(), g.asm.label()
    ex.branch_unless(g, aging, end)
    ex.branch_unless(g, time, only_restarts)
    with g.maybe():
        _tell(g, call, SET, profile)
        g.asm.goto(end)
        g.asm.place(only_restarts)
        _tell(g, call, RESTART, None)
    g.asm.place(end)


def _given(call: ir.ExternCall) -> list[ir.Expr]:
    """The arguments; not all of them are evaluated on every way."""
    given = [arg for arg in call.args if arg is not None]
    if len(given) < len(call.args):
        raise CannotOffload("an argument is missing", call.span)
    for each in given:
        if operands.has_calls(each):
            raise CannotOffload(f"a call inside an argument of {call.extern}", each.span)
    return given


def _tell(g: Gen, call: ir.ExternCall, what: str, profile: ir.Expr | None) -> None:
    found = g.looked_up
    if found is None or found.key is None or found.layout.trie:
        raise CannotOffload(
            f"{call.extern} outside of the actions of a table whose entries lie in a hash map", call.span
        )
    table = found.layout.table
    record = record_of(table, what, call)
    with digests.told(g, record, call.span) as at:
        for part in found.layout.keys:
            for byte in range(part.size):
                g.asm.emit(asm.load(1, R1, R10, found.key + part.offset + byte))
                g.asm.emit(asm.store(1, R10, at + record.fields[part.index].offset + byte, R1))
        if profile is not None:
            last = record.fields[-1]
            _store_number(g, profile, at + last.offset, last.size)


def _store_number(g: Gen, number: ir.Expr, at: int, size: int) -> None:
    """A number of up to 64 bits to the stack in network order, byte by byte: it may lie at an odd place."""
    if g.width(number.type, number.span) > 64:
        raise CannotOffload("an expire time profile of more than 64 bits", number.span)
    ex.value(g, number)
    for byte in reversed(range(size)):
        g.asm.emit(asm.store(1, R10, at + byte, R1), asm.alu("rsh", R1, 8))


__all__ = ["restart", "set_time", "update"]
