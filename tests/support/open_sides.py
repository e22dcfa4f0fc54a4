"""Small behaviours with open tables: an access list on three bits of a byte, then routes on three bits of the next."""

from __future__ import annotations

from collections.abc import Sequence

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.classifier import Row
from p4verify.semantics.meaning.behaviour import INPUT_PACKET, LENGTH, Assumption, Behaviour, Case, Output, byte
from p4verify.semantics.meaning.opened import Lookup, Opened, OpenTable, Template

DENY, PERMIT, ACCESS_MISS = 0, 1, 2
SEND, BOUNCE, ROUTE_MISS = 0, 1, 2
Entry = tuple[int, int, int, tuple[int, ...]]
"""Value, mask, template, numbers."""


def open_table(name: str, width: int, templates: Sequence[Template], entries: Sequence[Entry], miss: int) -> OpenTable:
    """A table: its key's width in bits, and the template that answers where no entry does."""

    def is_template(key: Term, number: int) -> Term:
        return b.eq(b.apply(f"{name}.which", 8, key), b.bv(number, 8))

    def parameters(key: Term, number: int) -> tuple[Term, ...]:
        widths = templates[number].widths
        return tuple(b.apply(f"{name}.{number}.{i}", w, key) for i, w in enumerate(widths))

    rows = [Row(value, mask, (which, numbers), i, i) for i, (value, mask, which, numbers) in enumerate(entries)]
    rows.append(Row(0, 0, (miss, ()), float("inf")))
    return OpenTable(name, width, templates, rows, is_template, parameters, [None] * len(entries))


def side(name: str, access: Sequence[Entry], routes: Sequence[Entry], *, reserved: int | None = None) -> Opened:
    """A side, whose second table also sees a bit that is always 0. What is sent to port ``reserved`` is dropped."""
    templates = [Template("deny"), Template("permit"), Template("(miss)")]
    ways = [Template("send", (8,)), Template("bounce"), Template("(miss)")]
    first = open_table(f"{name}.access", 3, templates, access, ACCESS_MISS)
    second = open_table(f"{name}.routes", 4, ways, routes, ROUTE_MISS)
    key = b.extract(byte(0), 2, 0)
    other = b.concat(b.bv(0, 1), b.extract(byte(1), 2, 0))
    passed = b.not_(first.is_template(key, DENY))
    port = second.parameters(other, SEND)[0]
    sent = b.and_(passed, second.is_template(other, SEND))
    if reserved is not None:
        sent = b.and_(sent, b.ne(port, b.bv(reserved, 8)))
    back = b.and_(passed, second.is_template(other, BOUNCE))
    outputs = (
        Output(sent, "port", b.zext(port, 32), INPUT_PACKET),
        Output(back, "port", b.bv(99, 32), INPUT_PACKET),
    )
    whole = Assumption("frames have two bytes", b.eq(LENGTH, b.bv(2, 16)))
    behaviour = Behaviour((Case(b.TRUE, outputs),), domain=(whole,))
    lookups = [Lookup(first.name, key, b.TRUE), Lookup(second.name, other, passed)]
    return Opened(behaviour, {first.name: first, second.name: second}, lookups)


def does(opened: Opened, name: str, packet: bytes, reserved: int | None = None) -> int | None:
    """The port that a packet is sent to, key by key; None if it is dropped."""

    def decide(table: str, key: int) -> tuple[int, tuple[int, ...]]:
        row = next(r for r in opened.tables[f"{name}.{table}"].rows if key & r.mask == r.value)
        return row.decision  # type: ignore[no-any-return]

    if decide("access", packet[0] & 7)[0] == DENY:
        return None
    which, numbers = decide("routes", packet[1] & 7)
    if which == BOUNCE:
        return 99
    return numbers[0] if which == SEND and numbers[0] != reserved else None
