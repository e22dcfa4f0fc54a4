"""A flow's table and match in messages (``struct ofp_match``, OpenFlow 1.5.1, 7.2.3)."""

from __future__ import annotations

from .....semantics.source import InputError
from ..flows import TABLES, Masked
from ..matches import Match
from . import oxm
from .wire import Wire


def table_of(wire: Wire, number: int, at: int) -> int:
    """A table that flows may be in. Raises InputError."""
    if number >= TABLES:
        raise wire.error(f"tables are numbered from 0 to {TABLES - 1}", at)
    return number


def match(wire: Wire) -> tuple[Masked, ...]:
    """``struct ofp_match`` with its padding. Raises InputError."""
    at = wire.at
    kind, size = wire.number(2, "a match"), wire.number(2, "a match")
    if kind != 1 or size < 4:
        raise wire.error(f"a match of type {kind} and {size} bytes (type 1, OXM, is known)", at)
    fields = wire.part(size - 4, "a match")
    wire.take(-size % 8, "padding")
    found = Match()
    while fields.left:
        for part in oxm.read_field(fields):
            found.add(part.name, part.value, part.mask, _Place(fields, part.at))
    return found.done()


class _Place:
    """Where a field of a match stands."""

    def __init__(self, wire: Wire, at: int) -> None:
        self.wire = wire
        self.at = at

    def error(self, message: str) -> InputError:
        """An error there."""
        return self.wire.error(message, self.at)


__all__ = ["match", "table_of"]
