"""Small behaviours with two open tables, of which the second is asked for what the first answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from p4verify.semantics import bits as b
from p4verify.semantics.classifier import Row
from p4verify.semantics.meaning.behaviour import INPUT_PACKET, LENGTH, Assumption, Behaviour, Case, Output, byte
from p4verify.semantics.meaning.opened import Lookup, Opened, OpenTable, Template

from .open_sides import Entry, open_table

NEAR, FAR, LOST = 0, 1, 2
SEND, DROP = 0, 1
UNDEFINED = "any.0"
"""What the second table is asked for where the first has nothing to say, if it is asked there."""
PACKETS = [bytes((x, y)) for x in range(8) for y in range(2)]


def chained(
    name: str, stations: Sequence[Entry], hops: Sequence[Entry], *, unsure: bool = False, always: bool = False
) -> Opened:
    """A side: a table of stations for three bits of a byte, if a bit of the next is set, and one of hops for the two
    bits of a hop and one of a zone. ``near`` says only the hop, ``far`` both.

    ``unsure``: for other frames it is undefined whether the first table is asked. ``always``: the second
    is asked for every frame.
    """
    first = open_table(f"{name}.stations", 3, [Template("near", (2,)), Template("far", (2, 1)), Template("(miss)")],
                       stations, LOST)  # fmt: skip
    second = open_table(f"{name}.hops", 3, [Template("send", (8,)), Template("(miss)")], hops, DROP)
    valid = b.eq(b.extract(byte(1), 0, 0), b.bv(1, 1))
    undefined = b.var(UNDEFINED, 3)
    if unsure:
        valid = b.or_(valid, b.eq(b.extract(undefined, 0, 0), b.bv(1, 1)))
    key = b.extract(byte(0), 2, 0)
    near, far = (b.and_(valid, first.is_template(key, which)) for which in (NEAR, FAR))
    (hop,), (other, zone) = first.parameters(key, NEAR), first.parameters(key, FAR)
    place = b.ite(near, b.concat(b.bv(0, 1), hop), b.ite(far, b.concat(zone, other), undefined))
    asked = b.TRUE if always else b.or_(near, far)
    sent = b.and_(asked, second.is_template(place, SEND))
    output = Output(sent, "port", b.zext(second.parameters(place, SEND)[0], 32), INPUT_PACKET)
    whole = Assumption("frames have two bytes", b.eq(LENGTH, b.bv(2, 16)))
    behaviour = Behaviour((Case(b.TRUE, (output,)),), domain=(whole,))
    lookups = [Lookup(first.name, key, valid), Lookup(second.name, place, asked)]
    return Opened(behaviour, {first.name: first, second.name: second}, lookups)


def answering(rows: Mapping[str, Sequence[Row]], tables: Mapping[str, OpenTable]) -> dict[str, Callable[[int], int]]:
    """What tables with these rows answer, as functions on numbers; numbers that go with no answer are 1."""

    def decided(table: str, key: int) -> tuple[int, tuple[int, ...]]:
        row = next(row for row in rows[table] if key & row.mask == row.value)
        return row.decision  # type: ignore[no-any-return]

    def which(table: str) -> Callable[[int], int]:
        return lambda key: decided(table, key)[0]

    def number(table: str, template: int, place: int) -> Callable[[int], int]:
        def look_up(key: int) -> int:
            at, numbers = decided(table, key)
            return numbers[place] if at == template else 1

        return look_up

    found = {f"{name}.which": which(name) for name in rows}
    for name in rows:
        for template, one in enumerate(tables[name].templates):
            found |= {f"{name}.{template}.{i}": number(name, template, i) for i in range(len(one.widths))}
    return found
