"""What paths know of numbers never leaves out what can be: laws on random terms, conditions and values."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.targets.ebpf.meaning import offsets, ranges
from p4verify.targets.ebpf.meaning.state import Layout, State
from p4verify.targets.ebpf.meaning.values import Address, possible_values

WIDTH = 8
VARIABLES = [b.var(f"v{i}", WIDTH) for i in range(3)]


def term(rng: random.Random, depth: int) -> b.Term:
    """A term of :data:`WIDTH` bits."""
    if not depth or rng.random() < 0.2:
        return rng.choice(VARIABLES) if rng.random() < 0.7 else b.bv(rng.getrandbits(WIDTH), WIDTH)
    kind = rng.randrange(10)
    x, y = term(rng, depth - 1), term(rng, depth - 1)
    if kind < 6:
        make = (b.add, b.band, b.bor, b.mul, b.lshr, b.urem)[kind]
        if kind > 2 and rng.random() < 0.7:
            y = b.bv(rng.choice((1, 2, 3, 5, 7, 16)), WIDTH)
        return make(x, y)
    if kind == 6:
        low = rng.randrange(WIDTH)
        return rng.choice((b.zext, b.sext))(b.extract(x, rng.randrange(low, WIDTH), low), WIDTH)
    if kind == 9:
        return b.shl(x, b.ite(condition(rng, depth - 1), b.bv(rng.randrange(4), WIDTH), b.bv(rng.randrange(9), WIDTH)))
    if kind == 7:
        return b.concat(b.extract(x, 3, 0), b.bv(rng.getrandbits(4), 4))
    return b.ite(condition(rng, depth - 1), x, y)


def condition(rng: random.Random, depth: int) -> b.Term:
    """A comparison, sometimes negated, sometimes joined with others."""
    if depth and rng.random() < 0.3:
        parts = [condition(rng, depth - 1) for _ in range(rng.randrange(2, 5))]
        joined = rng.choice((b.and_, b.or_))(*parts)
        return b.not_(joined) if rng.random() < 0.5 else joined
    x, y = term(rng, depth), term(rng, depth)
    if rng.random() < 0.7:
        y = b.bv(rng.getrandbits(WIDTH), WIDTH)
    if rng.random() < 0.3:
        x, y = y, x
    found = rng.choice((b.ult, b.ule, b.slt, b.sle, b.eq))(x, y)
    return b.not_(found) if rng.random() < 0.5 else found


def number(term_: b.Term, values: dict[str, b.Value]) -> int:
    (found,) = b.evaluate([term_], values)
    assert isinstance(found, int)
    return found


@given(st.integers(0, 1 << 32))
@settings(max_examples=120, deadline=None)
def test_what_holds_is_never_excluded(seed: int) -> None:
    rng = random.Random(seed)
    conditions = [condition(rng, 2) for _ in range(rng.randrange(1, 5))]
    asked = [term(rng, 3) for _ in range(3)]
    known: dict[b.Term, ranges.Interval] = {}
    learned = [ranges.learn(c, known) for c in conditions]
    for _ in range(60):
        values: dict[str, b.Value] = {v.name: rng.getrandbits(WIDTH) for v in VARIABLES}
        if not all(number(c, values) for c in conditions):
            continue
        assert all(learned)
        for term_ in (*asked, *known):
            value = number(term_, values)
            low, high = ranges.interval(term_, known)
            assert low <= value <= high, (b.show(term_), value, (low, high))
            possible = possible_values(term_, known)
            assert possible is None or value in possible
            number_, count = ranges.low_bits(term_)
            assert (value ^ number_) % (1 << min(count, WIDTH)) == 0


@given(st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None)
def test_a_choice_among_offsets_is_what_lies_there(seed: int) -> None:
    rng = random.Random(seed)
    moved = b.zext(term(rng, 2), 64)
    start = rng.randrange(-20, 20)
    state = State(b.TRUE, 0, [], Layout())
    found = offsets.possible(state, Address("stack", start, "stack 0", moved=moved), -300, 300)
    assert found is not None
    rows = [(at - start, [b.bv(at & 0xFF, 8)]) for at in found]
    for _ in range(10):
        values: dict[str, b.Value] = {v.name: rng.getrandbits(WIDTH) for v in VARIABLES}
        at = number(moved, values) + start
        assert at in found
        assert number(offsets.choose(moved, rows)[0], values) == at & 0xFF


def test_a_loop_that_counts_a_header_down_ends() -> None:
    """Which of two bounds holds is not known, and each number that is left out narrows both."""
    words = b.zext(b.var("words", 4), 32)
    turns = b.ite(b.ult(words, b.bv(14, 32)), words, b.bv(14, 32))
    known: dict[b.Term, ranges.Interval] = {}
    assert ranges.learn(b.ule(b.bv(5, 32), words), known)
    for turn in range(1, 14):
        ends = b.eq(turns, b.bv(turn, 32))
        assert ranges.possible(ends, known) == (turn >= 5)
        assert ranges.learn(b.not_(ends), known)
    assert not ranges.possible(b.ne(turns, b.bv(14, 32)), known)


def test_a_sum_in_two_parts_is_as_large_as_the_sum() -> None:
    """As the folding of numbers that are extended leaves it."""
    short = [b.zext(b.extract(v, 6, 0), 8) for v in VARIABLES]
    number = b.ite(b.eq(VARIABLES[1], b.bv(0, WIDTH)), b.bv(50, WIDTH), b.add(short[0], b.bv(54, WIDTH)))
    whole = b.add(b.zext(number, 9), b.zext(short[2], 9))
    assert ranges.interval(whole, {}) == (50, 54 + 127 + 127)
    high, low = b.extract(whole, 8, 8), b.extract(whole, 7, 0)
    assert low.op == "add"
    assert ranges.interval(b.concat(b.bv(0, 5), high, low), {}) == (50, 54 + 127 + 127)
    assert ranges.interval(b.concat(high, b.bnot(low)), {}) == (0, 511)
    assert ranges.interval(b.concat(b.bv(1, 1), high, low), {}) == (512, 1023)
    assert ranges.interval(b.concat(b.extract(whole, 7, 7), b.extract(whole, 6, 0)), {}) == (0, 255)


def test_a_number_with_a_sign_is_as_large_as_its_sign_says() -> None:
    negative = b.concat(b.bv(1, 1), b.extract(VARIABLES[0], 5, 0))
    assert ranges.interval(b.sext(negative, 16), {}) == (0xFFC0, 0xFFFF)
    positive = b.band(VARIABLES[0], b.bv(0x5F, WIDTH))
    assert ranges.interval(b.sext(positive, 16), {}) == (0, 0x5F)
    assert ranges.interval(b.sext(VARIABLES[0], 16), {}) == (0, 0xFFFF)
