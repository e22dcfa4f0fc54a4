"""What a choice may be, where the other side suggests more than is tried: the one of its own name is among it."""

from __future__ import annotations

from functools import partial

import pytest

from p4verify.proofs.compare import Obligation, Part, unequal
from p4verify.proofs.deciding import Search
from p4verify.proofs.engine import Engine
from p4verify.proofs.options import MAX_SUGGESTED, options_of, telling_instances
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import byte

KEY, PARTNER = b.var("any.0", 32), b.var("impl.any.0", 32)
WORDS = [b.concat(*(byte(4 * k + i) for i in range(4))) for k in range(MAX_SUGGESTED + 2)]
"""Other keys with which the table is asked."""


def hit(key: Term) -> Term:
    return b.apply("table.t.hit", 0, key)


def test_what_the_other_side_chose_may_be_chosen_however_much_else_is_suggested() -> None:
    asked = [b.not_(hit(word)) for word in WORDS]
    differ = b.and_(b.not_(b.eq(KEY, WORDS[0])), b.not_(b.eq(hit(KEY), hit(PARTNER))))
    obligation = Obligation("one", b.and_(*asked), (Part("hit", differ),), 1)
    _, options = options_of(obligation, b.and_(*asked, differ), (KEY,))
    assert PARTNER in options[KEY]


@pytest.mark.parametrize("first", [0, 1])
def test_a_choice_that_is_asked_for_in_pieces_is_all_that_stands_beside_these(first: int) -> None:
    """The other side asks for zeros where it has no key: these are not all that it asks for."""
    port = b.var("any.0", 16)
    high, low = (partial(b.apply, f"table.t.vector.{n}", b.bit_vector(64)) for n in range(2))
    mine = high(b.extract(port, 15, 8)), low(b.extract(port, 7, 0))
    theirs = [(high(x), low(y)) for x, y in ((b.bv(0, 8), b.bv(0, 8)), (byte(36), byte(37)))]
    found = b.ite(b.eq(byte(0), b.bv(6, 8)), b.bor(*theirs[first]), b.bor(*theirs[1 - first]))
    part = unequal("hit", b.eq(b.band(*mine), b.bv(0, 64)), b.eq(found, b.bv(0, 64)))
    _, options = options_of(Obligation("one", b.TRUE, (part,), 1), part.differ, (port,))
    assert options[port][0] is b.concat(byte(36), byte(37))
    assert b.bv(0, 16) in options[port]


COLOUR = b.var("any.1", 8)
KNOWN = b.ite(b.ult(COLOUR, b.bv(3, 8)), COLOUR, b.bv(7, 8))
"""As a meter's colour is read: one of three, and what a caller had before if nobody knows it."""


@pytest.mark.parametrize(
    "violation",
    [
        pytest.param(b.eq(KNOWN, byte(0)), id="what it is"),
        pytest.param(b.and_(b.ult(COLOUR, b.bv(3, 8)), b.eq(byte(1), b.add(KNOWN, byte(0)))), id="and whether it is"),
    ],
)
def test_few_values_tell_what_all_would(violation: Term) -> None:
    few = telling_instances(violation, (COLOUR,))
    assert few is not None
    told = {b.substitute([violation], instance)[0] for instance in few}
    assert len(few) == 4
    assert {b.substitute([violation], {COLOUR: b.bv(n, 8)})[0] for n in range(256)} == told


@pytest.mark.parametrize(
    "violation",
    [
        pytest.param(b.eq(COLOUR, byte(0)), id="it is not asked whether it is small"),
        pytest.param(b.and_(b.eq(KNOWN, byte(0)), b.eq(COLOUR, byte(1))), id="something else is asked as well"),
        pytest.param(b.and_(b.eq(KNOWN, byte(0)), b.ule(COLOUR, b.bv(7, 8))), id="two numbers"),
        pytest.param(b.ult(COLOUR, b.bv(100, 8)), id="too many values"),
        pytest.param(b.ite(b.ult(COLOUR, b.bv(3, 8)), b.eq(byte(0), b.bv(1, 8)), b.ult(byte(0), COLOUR)), id="beyond"),
    ],
)
def test_else_no_few_values_do(violation: Term) -> None:
    assert telling_instances(violation, (COLOUR,)) is None


def test_what_a_cell_held_may_be_chosen_where_the_other_side_writes_nothing() -> None:
    """Which cell is written hangs on another choice."""
    cell, index, value = b.var("at.r", 10), b.var("any.2", 10), b.var("any.3", 16)

    def held(place: Term) -> Term:
        return b.apply("state.r", 16, place)

    part = unequal("state r", b.ite(b.eq(cell, index), value, held(cell)), held(cell))
    obligation = Obligation("one", b.TRUE, (part,), 1)
    assert (
        Search(Engine(timeout=20), frozenset((index, value)), b.TRUE, [obligation], (0, 0, 0)).check(obligation) is None
    )


def test_a_choice_within_bounds_is_what_the_other_side_has_in_pieces() -> None:
    """A random number is told as the least one where the choice is beyond its bounds: what stands beside each of its
    bytes is what the choice may be, and the bytes that say nothing but which bounds it has, too."""
    pick, drawn = b.var("any.0", 16), b.var("in.drawn", 8)
    inside = b.and_(b.ule(b.bv(0x100, 16), pick), b.ule(pick, b.bv(0x17F, 16)))
    told = b.ite(inside, pick, b.bv(0x100, 16))
    other = b.bv(1, 8), b.concat(b.bv(0, 1), b.extract(drawn, 6, 0))
    parts = [unequal(f"byte {n}", b.extract(told, 15 - 8 * n, 8 - 8 * n), octet) for n, octet in enumerate(other)]
    obligation = Obligation("one", b.TRUE, tuple(parts), 1)
    _, options = options_of(obligation, obligation.violation, (pick,))
    assert b.concat(b.bv(1, 8), *other[1:]) in options[pick]
