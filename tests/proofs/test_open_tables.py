"""Two sides with open tables: what is found equals what is seen packet by packet."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.engine import Engine
from p4verify.proofs.pieces import pieces
from p4verify.proofs.plain_keys import Space, in_space, runs
from p4verify.scale.investigate import Found, Investigator
from p4verify.scale.settle import Settlement
from p4verify.semantics import bits as b
from p4verify.semantics.classifier import Row
from p4verify.semantics.meaning.behaviour import byte
from tests.support.open_sides import DENY, PERMIT, SEND, Entry, does, side

access = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from((DENY, PERMIT))).map(
        lambda t: (t[0] & t[1], t[1], t[2], ())
    ),
    max_size=4,
)
routes = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 15), st.one_of(st.none(), st.integers(1, 4))).map(
        lambda t: (t[0] & t[1], t[1], int(t[2] is None), () if t[2] is None else (t[2],))
    ),
    max_size=4,
)


def places(mine: tuple[list[Entry], list[Entry]], theirs: tuple[list[Entry], list[Entry]]) -> tuple[int, list[object]]:
    """How many keys differ, and what is found: a packet or an answer for every region."""
    first, second = side("p", *mine), side("q", *theirs)
    engine = Engine.within(None)
    settlement = Settlement(first, second, engine)
    outcome = settlement.settle()
    assert outcome.difference is None
    assert not outcome.unknown
    investigator = Investigator(first, second, engine)
    found: list[object] = []
    for region in settlement.regions():
        answer = investigator.search(region.condition)
        if isinstance(answer, Found):
            values = answer.model.values
            packet = bytes((values.get("pkt[0]", 0), values.get("pkt[1]", 0)))
            assert does(first, "p", packet) != does(second, "q", packet)
        found.append(answer)
    packets = [bytes((x, y)) for x in range(8) for y in range(8)]
    return sum(does(first, "p", p) != does(second, "q", p) for p in packets), found


@pytest.mark.long
@given(access, routes, access, routes)
@settings(max_examples=15, deadline=None)
def test_any_two_lists(a: list[Entry], r: list[Entry], c: list[Entry], s: list[Entry]) -> None:
    differ, found = places((a, r), (c, s))
    assert not any(isinstance(answer, str) for answer in found)
    assert bool(differ) == any(isinstance(answer, Found) for answer in found)


@given(access, routes, st.data())
@settings(max_examples=15, deadline=None)
def test_one_entry_is_another(a: list[Entry], r: list[Entry], data: st.DataObject) -> None:
    other = list(r)
    if other:
        at = data.draw(st.integers(0, len(other) - 1))
        other[at] = (*other[at][:2], SEND, (data.draw(st.integers(1, 4)),))
    differ, found = places((a, r), (list(a), other))
    assert bool(differ) == any(isinstance(answer, Found) for answer in found)
    assert not any(isinstance(answer, str) for answer in found)


def test_numbers_that_no_rule_has_do_not_count() -> None:
    """One side drops what is sent to port 7: nothing is."""
    some: list[Entry] = [(i, 15, SEND, (i if i != 7 else 8,)) for i in range(8)]
    engine = Engine.within(None)
    settlement = Settlement(side("p", [], some, reserved=7), side("q", [], some), engine)
    assert settlement.settle().difference is None
    assert not settlement.regions()


def test_a_number_that_a_rule_has_counts() -> None:
    some: list[Entry] = [(i, 15, SEND, (i,)) for i in range(8)]
    first, second = side("p", [], some, reserved=7), side("q", [], some)
    engine = Engine.within(None)
    settlement = Settlement(first, second, engine)
    settlement.settle()
    found = [Investigator(first, second, engine).search(region.condition) for region in settlement.regions()]
    assert any(isinstance(answer, Found) and answer.model.values["pkt[1]"] & 7 == 7 for answer in found)


def test_a_program_that_differs_whatever_the_tables_answer() -> None:
    first, second = side("p", [], []), side("q", [], [])
    sent = second.behaviour.cases[0].outputs
    other = type(second.behaviour.cases[0])(b.TRUE, (sent[0],))
    second = type(second)(type(second.behaviour)((other,), second.behaviour.domain), second.tables, second.lookups)
    settlement = Settlement(first, second, Engine.within(None))
    outcome = settlement.settle()
    assert outcome.difference is None  # no rule bounces: the one output that is missing is never asked for


def test_keys_are_split_until_they_are_plain() -> None:
    valid = b.eq(byte(0), b.bv(8, 8))
    key = b.ite(valid, b.concat(byte(2), byte(1)), b.bv(0, 16))
    found = {p.condition: p.terms[0] for p in pieces([key], [], Engine.within(None))}
    assert found == {valid: b.concat(byte(2), byte(1)), b.not_(valid): b.bv(0, 16)}


def test_parts_without_an_input_are_left_out() -> None:
    small, tiny = b.ult(byte(0), b.bv(9, 8)), b.ult(byte(0), b.bv(3, 8))
    key = b.ite(small, byte(1), b.ite(tiny, byte(2), byte(3)))
    assert len(list(pieces([key, tiny], [], Engine.within(None)))) == 3


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=5), st.integers(0, 15))
def test_rows_over_other_bits(entries: list[tuple[int, int]], packet: int) -> None:
    """A key of a constant, two bits, and the same two and two more: rows hold the same packets."""
    leaf = byte(0)
    key = b.concat(b.bv(2, 2), b.extract(leaf, 1, 0), b.extract(leaf, 3, 0))
    rows = [Row(value & mask, mask, i, i, i) for i, (value, mask) in enumerate(entries)]
    space = Space()
    moved = {row.origin: row for row in in_space(rows, runs(key), space)}
    value = 2 << 6 | (packet & 3) << 4 | packet
    place = packet << space.place(leaf)
    first = next((r.origin for r in rows if value & r.mask == r.value), None)
    assert first == next((r.origin for r in moved.values() if place & r.mask == r.value), None)
    for row in moved.values():
        holds = b.evaluate([space.condition(row.cube)], {"pkt[0]": packet})[0]
        assert bool(holds) == (place & row.mask == row.value)
