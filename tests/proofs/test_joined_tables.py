"""Open tables that are asked for what others answer, joined with these: what is told of the answers is so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.engine import Engine
from p4verify.proofs.plain_keys import runs
from p4verify.scale.joined import hangs_together, joined
from p4verify.scale.unmet import met, unmet, with_fixed
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.classifier import Row
from p4verify.semantics.meaning.behaviour import byte
from p4verify.semantics.meaning.opened import Lookup, NotSuitable, Opened, OpenTable, Template
from tests.support.chained_sides import PACKETS, UNDEFINED, answering, chained
from tests.support.open_sides import Entry, open_table

from .test_answers_in_keys import hops, read, stations

NUMBERS = st.integers(0, 7)


def only_table(side: Opened) -> tuple[OpenTable, Lookup]:
    """The joined table, which is the only one that is left, and where it is asked."""
    (table,), (lookup,) = side.tables.values(), side.lookups
    assert not hangs_together(side)
    return table, lookup


def assert_answers_are_so(side: Opened, packets: Sequence[bytes]) -> None:
    """What the joined table's rows say of each packet, against the two tables themselves."""
    table, lookup = only_table(joined(side))
    functions = answering({name: one.rows for name, one in side.tables.items()}, side.tables)
    for packet in packets:
        values = {**read(packet), UNDEFINED: 5}
        (key,) = b.evaluate([lookup.key], values)
        assert isinstance(key, int)
        row = next(row for row in table.rows if not (row.value ^ key) & row.mask)
        assert all(b.evaluate(table.answers(lookup.key, row.decision), values, functions))


@given(stations, hops, st.sampled_from([(False, False), (False, True), (True, False)]))
@settings(max_examples=40, deadline=None)
def test_a_joined_table_answers_what_its_tables_answer(
    ways: list[Entry], ends: list[Entry], hanging: tuple[bool, bool]
) -> None:
    unsure, always = hanging
    assert_answers_are_so(chained("p", ways, ends, unsure=unsure, always=always), PACKETS)


def beside_inputs(first: Sequence[Entry], second: Sequence[Entry], beside: Term) -> Opened:
    """Routes for three bits, and hops for what a route says and bits of the input."""
    routes = open_table("p.routes", 3, [Template("to", (2,)), Template("(miss)")], first, 1)
    ends = open_table("p.ends", 2 + beside.width, [Template("send", (3,)), Template("(miss)")], second, 1)
    key = b.extract(byte(0), 2, 0)
    asked = b.concat(routes.parameters(key, 0)[0], beside)
    lookups = [Lookup("p.routes", key, b.TRUE), Lookup("p.ends", asked, routes.is_template(key, 0))]
    side = chained("p", [], [])
    return Opened(side.behaviour, {"p.routes": routes, "p.ends": ends}, lookups)


route = st.tuples(NUMBERS, st.sampled_from((7, 6, 4)), st.integers(0, 3)).map(lambda t: (t[0] & t[1], t[1], 0, (t[2],)))


@given(
    st.lists(route, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 31), st.sampled_from((31, 31, 30, 24, 7)), NUMBERS), min_size=1, max_size=6),
    st.sampled_from([b.extract(byte(0), 2, 0), b.extract(byte(1), 2, 0), b.concat(b.extract(byte(0), 1, 0), b.bv(1, 1)),
                     b.concat(b.extract(byte(0), 0, 0), b.extract(byte(0), 1, 0), b.extract(byte(0), 0, 0))]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_keys_may_have_inputs_and_constants_beside_numbers(
    first: list[Entry], second: list[tuple[int, int, int]], beside: Term
) -> None:
    """Those of the first key again, others, and some of them twice."""
    ends: list[Entry] = [(value & mask, mask, 0, (number,)) for value, mask, number in second]
    assert_answers_are_so(beside_inputs(first, ends, beside), [bytes((x, y)) for x in range(8) for y in range(8)])


def test_tables_that_would_be_large_together_are_not_joined() -> None:
    """Each route leads to all of the hops, which other bits tell apart."""
    first: list[Entry] = [(i, 7, 0, (i % 4,)) for i in range(8)]
    second: list[Entry] = [(i, 15, 0, (i % 4,)) for i in range(16)]
    few = beside_inputs(first, second[:1], b.extract(byte(1), 7, 0))
    assert len(only_table(joined(few))[0].rows) > len(first)
    many = beside_inputs(first * 8, [(i % 16, 255, 0, (i % 4,)) for i in range(256)], b.extract(byte(1), 7, 0))
    with pytest.raises(NotSuitable, match="too many rows"):
        joined(many)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6), NUMBERS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_rows_that_are_left_out_hold_no_input_of_the_part(
    cubes: list[tuple[int, int]], bound: int, above: bool
) -> None:
    leaf = b.extract(byte(0), 2, 0)
    below = b.ult(leaf, b.bv(bound, 3))
    condition = b.not_(below) if above else below
    rows = [Row(value & mask, mask, i, i) for i, (value, mask) in enumerate(cubes)]
    never, fixed = unmet(rows, runs(leaf), condition, Engine.within(None))
    left = met(rows, never)
    inputs = [x for x in range(8) if (x >= bound) == above]
    assert {id(row) for row in rows if any(x & row.mask == row.value for x in inputs)} <= {id(row) for row in left}
    assert all(row in left for row in rows if not row.mask)
    value, mask = fixed.get(byte(0), (0, 0))
    assert all(x & mask == value for x in inputs)


def test_neighbours_in_a_key_are_one_field() -> None:
    """A type's bytes: elsewhere each of them may be what it is in the type that rows ask for, but not both."""
    key = b.concat(byte(2), byte(1), byte(0))
    of_type = b.eq(b.concat(byte(2), byte(1)), b.bv(0x800, 16))
    rows = [Row(0x80000 | i, 0xFFFFFF, i, i) for i in range(20)]
    engine = Engine.within(None)
    never, fixed = unmet(rows, runs(key), b.and_(of_type, b.ult(byte(0), b.bv(30, 8))), engine)
    assert not never
    assert fixed == {byte(1): (0, 0xFF), byte(2): (8, 0xFF)}
    never, fixed = unmet(rows, runs(key), b.not_(of_type), engine)
    assert not met(rows, never)
    assert not fixed


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 7), st.integers(1, 8), st.integers(0, 255))
def test_bits_that_are_fixed_are_constants_of_a_key(value: int, mask: int, low: int, width: int, input_: int) -> None:
    """On inputs that have them the key is what it was."""
    width = min(width, 8 - low)
    key = b.concat(b.extract(byte(0), low + width - 1, low), byte(1))
    there = with_fixed(runs(key), {byte(0): (value & mask, mask)})
    has = (input_ & ~mask) | (value & mask)
    parts = [b.extract(leaf, start + wide - 1, start) for _, wide, leaf, start in reversed(there)]
    assert [at for at, _, _, _ in there] == [sum(one[1] for one in there[:i]) for i in range(len(there))]
    inputs = {byte(0): b.bv(has, 8), byte(1): b.bv(77, 8)}
    assert b.substitute([b.concat(*parts)], inputs) == b.substitute([key], inputs)
    assert not any(mask >> start & ((1 << wide) - 1) for _, wide, leaf, start in there if leaf is byte(0))


def test_a_field_that_may_be_something_else_is_no_constant() -> None:
    """Though all rows ask for one value of it."""
    rows = [Row(5 << 8 | i, 0xFFFF, i, i) for i in range(20)]
    key = b.concat(byte(1), byte(0))
    for bound, known in ((7, {}), (6, {byte(1): (5, 0xFF)})):
        condition = b.and_(b.ult(byte(1), b.bv(bound, 8)), b.ult(b.bv(4, 8), byte(1)))
        assert unmet(rows, runs(key), condition, Engine.within(None)) == (frozenset(), known)
