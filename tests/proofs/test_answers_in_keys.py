"""Open tables that are asked for what other open tables answer: what is told of the answers is so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.engine import Engine, Model
from p4verify.scale.compared import Compared
from p4verify.scale.lists import Lists
from p4verify.scale.pinned import NotPinned, pinned
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.classifier import Row
from p4verify.semantics.meaning.opened import Opened
from tests.support.chained_sides import FAR, LOST, NEAR, PACKETS, SEND, UNDEFINED, answering, chained
from tests.support.open_sides import Entry

NUMBERS = st.integers(0, 7)


@st.composite
def station(draw: st.DrawFn) -> Entry:
    mask = draw(st.sampled_from((7, 7, 6, 3)))
    answer = draw(
        st.one_of(
            st.tuples(st.just(NEAR), st.tuples(st.integers(0, 3))),
            st.tuples(st.just(FAR), st.tuples(st.integers(0, 3), st.integers(0, 1))),
            st.just((LOST, ())),
        )
    )
    return draw(NUMBERS) & mask, mask, *answer


@st.composite
def hop(draw: st.DrawFn) -> Entry:
    mask = draw(st.sampled_from((7, 7, 3, 5)))
    return draw(NUMBERS) & mask, mask, SEND, (draw(st.integers(0, 3)),)


stations, hops = st.lists(station(), min_size=1, max_size=5), st.lists(hop(), min_size=1, max_size=5)


def changed(data: st.DataObject, entries: list[Entry], other: st.SearchStrategy[Entry]) -> list[Entry]:
    """The entries with few of them changed."""
    found = list(entries)
    for _ in range(data.draw(st.integers(0, 2))):
        found[data.draw(st.integers(0, len(found) - 1))] = data.draw(other)
    return found


@given(stations, hops, st.data())
@settings(max_examples=20, deadline=None)
def test_what_is_told_of_answers_is_so_of_the_rows(ways: list[Entry], ends: list[Entry], data: st.DataObject) -> None:
    mine = chained("p", ways, ends)
    theirs = chained("q", changed(data, ways, station()), changed(data, ends, hop()))
    lists = Lists(mine, theirs, Engine.within(None))
    lists.begin()
    told = [fact for one in compared(lists) for fact in one.axioms(one.used | {one.kind(d) for d in one.differences})]
    assert told
    for fact, packet in untrue(told, (mine, theirs)):
        raise AssertionError(f"{fact} does not hold of {packet!r}")


def compared(lists: Lists) -> Iterator[Compared]:
    """All lists of which something is known, with every kind of answers trusted that rows with the same cube show."""
    while True:
        for one in lists.all:
            if not one.done:
                one.compare(set().union(*(other.used for other in lists.all if other.kinds is one.kinds)))
        if not lists.grow():
            break
    return (one for one in lists.all if not one.cut)


def untrue(facts: Sequence[Term], sides: Sequence[Opened]) -> Iterator[tuple[Term, bytes]]:
    """What does not hold, and of which packet."""
    tables = {name: table for side in sides for name, table in side.tables.items()}
    functions = answering({name: table.rows for name, table in tables.items()}, tables)
    for packet in PACKETS:
        for fact, holds in zip(facts, b.evaluate(facts, {**read(packet), UNDEFINED: 0}, functions), strict=True):
            if not holds:
                yield fact, packet


# --- the entries that a packet meets ----------------------------------------------------------------------------------


@given(stations, hops, st.sampled_from(PACKETS), st.sampled_from([(False, False), (False, True), (True, False)]))
@settings(max_examples=40, deadline=None)
def test_where_the_pins_hold_few_entries_do_what_all_do(
    ways: list[Entry], ends: list[Entry], packet: bytes, hanging: tuple[bool, bool]
) -> None:
    unsure, always = hanging
    side = chained("p", ways, ends, unsure=unsure, always=always)
    rows = {name: table.rows for name, table in side.tables.items()}
    said = rows if packet[1] else {**rows, "p.stations": [Row(0, 0, (LOST, ()), 0)]}  # anything where it is not asked
    model = Model({**read(packet), UNDEFINED: 0}, computed=answering(said, side.tables))
    keys = b.evaluate([one.key for one in side.lookups], model.values, model.callables())
    looked_up = [(0, one, key) for one, key in zip(side.lookups, keys, strict=True) if isinstance(key, int)]
    try:
        pins = pinned((side,), model, looked_up)
    except NotPinned:
        assert unsure or always
        known = side.tables["p.stations"].is_template(side.lookups[0].key, LOST)
        assert not packet[1] or model.holds(known)
        return
    kept: dict[str, list[Row]] = {name: [] for name in rows}
    for _, one, key in pins.keys:
        kept[one.table] += [row for row in rows[one.table] if key & row.mask == row.value]
    few = {name: [row for row in rows[name] if row in some or row.origin < 0] for name, some in kept.items()}
    assert b.evaluate([pins.condition], read(packet)) == [1]  # nothing else is read
    for other in PACKETS:
        if b.evaluate([pins.condition], read(other))[0]:
            for undefined in range(8):
                assert does(side, few, other, undefined) == does(side, rows, other, undefined)


def read(packet: bytes) -> dict[str, int]:
    """The packet as the variables that terms read."""
    return {"pkt[0]": packet[0], "pkt[1]": packet[1], "pkt.len": len(packet)}


def does(side: Opened, rows: Mapping[str, Sequence[Row]], packet: bytes, undefined: int) -> int | None:
    """The port that a packet is sent to with these rows; None if it is dropped."""
    output = side.behaviour.cases[0].outputs[0]
    assert output.port is not None
    values = {**read(packet), UNDEFINED: undefined}
    sent, port = b.evaluate([output.when, output.port], values, answering(rows, side.tables))
    assert isinstance(port, int)
    return port if sent else None
