"""Two ways to make one exclusive or are the same; what is taken to be the same is so for every input."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.exclusive_ors import with_equal_sums_met
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

WIDTH, POLYNOMIAL = 8, 0x8C
BYTES = [b.var(f"pkt[{n}]", WIDTH) for n in range(4)]


def bit_by_bit(polynomial: int = POLYNOMIAL) -> Term:
    """A reflected CRC, one bit after the other."""
    found = b.bv(0xFF, WIDTH)
    for octet in BYTES:
        found = b.bxor(found, octet)
        for _ in range(8):
            shifted = b.lshr(found, b.bv(1, WIDTH))
            lowest = b.eq(b.extract(found, 0, 0), b.bv(1, 1))
            found = b.ite(lowest, b.bxor(shifted, b.bv(polynomial, WIDTH)), shifted)
    return found


def by_products() -> Term:
    """The same: each bit of the message brings a literal along, which follows from the CRC with only that bit."""
    found = b.bv(_number([0] * 4), WIDTH)
    for n, octet in enumerate(BYTES):
        for i in range(8):
            brings = _number([0] * 4) ^ _number([(1 << i) * (k == n) for k in range(4)])
            found = b.bxor(found, b.mul(b.zext(b.extract(octet, i, i), WIDTH), b.bv(brings, WIDTH)))
    return found


def _number(message: list[int]) -> int:
    crc = 0xFF
    for octet in message:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc


def left(x: Term, y: Term) -> int:
    """How many parts are left of one that compares two terms."""
    met = with_equal_sums_met(Obligation("one", b.TRUE, (unequal("crc", x, y),), 1))
    return sum(part.differ is not b.FALSE for part in met.parts)


def test_two_ways_to_compute_a_crc_are_one() -> None:
    assert left(bit_by_bit(), by_products()) == 0


@pytest.mark.parametrize("other", [bit_by_bit(0x8D), b.bnot(bit_by_bit()), b.bxor(bit_by_bit(), BYTES[0])])
def test_another_one_is_another_one(other: Term) -> None:
    assert left(other, by_products()) == 1


FIRST, SECOND = (b.zext(b.extract(BYTES[0], i, i), WIDTH) for i in (0, 1))
LOW_TWO = b.zext(b.extract(BYTES[0], 1, 0), WIDTH)
ONE, ZERO = b.bv(1, WIDTH), b.bv(0, WIDTH)


@pytest.mark.parametrize(
    ("one", "others"),
    [
        (b.band(FIRST, SECOND), (FIRST, SECOND, ZERO, b.bxor(FIRST, SECOND))),
        (b.bor(FIRST, SECOND), (FIRST, SECOND, ONE, b.bxor(FIRST, SECOND))),
        (b.ite(b.eq(LOW_TWO, ZERO), ZERO, ONE), (FIRST, SECOND, ONE, b.bxor(FIRST, SECOND))),
        (b.ite(b.eq(LOW_TWO, b.bv(3, WIDTH)), ONE, ZERO), (FIRST, SECOND, b.bxor(ONE, FIRST), ZERO)),
        (b.mul(LOW_TWO, b.bv(3, WIDTH)), (b.mul(FIRST, b.bv(3, WIDTH)), b.mul(SECOND, b.bv(6, WIDTH)))),
        (b.add(FIRST, SECOND), (b.bxor(FIRST, SECOND), b.bor(FIRST, SECOND))),
        (b.ite(b.eq(FIRST, ONE), SECOND, ZERO), (SECOND, FIRST, b.bxor(FIRST, SECOND))),
        (b.ite(b.eq(FIRST, ONE), ZERO, SECOND), (SECOND, FIRST, b.bxor(FIRST, SECOND))),
    ],
)
def test_what_is_no_exclusive_or_is_not_taken_for_one(one: Term, others: tuple[Term, ...]) -> None:
    many = by_products()
    assert left(b.bxor(many, one), b.bxor(one, many)) == 0
    assert [left(b.bxor(many, one), b.bxor(many, other)) for other in others] == [1] * len(others)


def test_arrays_are_no_exclusive_ors() -> None:
    """They have no bits, in all of which two of them could be the same."""
    first, second = (b.array_var(name, 8, WIDTH) for name in ("state.a", "state.b"))
    asked = b.zext(b.from_bool(b.eq(first, second)), WIDTH)
    assert left(b.bxor(by_products(), asked), b.bxor(by_products(), ONE)) == 1


ONE_BIT = [b.zext(b.extract(octet, i, i), WIDTH) for octet in BYTES[:2] for i in (0, 3, 7)]


@st.composite
def networks(draw: st.DrawFn) -> Term:
    """Exclusive ors, shifts, masks, products, decisions, and sums, which are none."""
    made: list[Term] = [*BYTES[:2], *ONE_BIT, b.bv(draw(st.integers(0, 255)), WIDTH)]
    for _ in range(draw(st.integers(1, 10))):
        x, y, z = (draw(st.sampled_from(made)) for _ in range(3))
        literal = b.bv(draw(st.integers(0, 255)), WIDTH)
        at = draw(st.integers(0, 7))
        made.append(
            draw(
                st.sampled_from(
                    [
                        b.bxor(x, y), b.bnot(x), b.band(x, literal), b.bor(x, literal), b.band(x, y), b.mul(x, literal),
                        b.shl(x, b.bv(at, WIDTH)), b.lshr(x, b.bv(at, WIDTH)), b.add(x, y),
                        b.ite(b.eq(b.extract(x, at, at), b.bv(1, 1)), b.bxor(y, literal), y),
                        b.ite(b.eq(b.band(x, literal), b.bv(0, WIDTH)), y, z),
                        b.concat(b.extract(x, 3, 0), b.extract(y, 7, 4)),
                    ]
                )
            )
        )  # fmt: skip
    return made[-1]


@settings(max_examples=150, deadline=None)
@given(networks(), networks(), st.integers(0, 1 << 32))
def test_what_is_taken_to_be_the_same_is_the_same(x: Term, y: Term, seed: int) -> None:
    many = by_products()  # so that there are enough exclusive ors for either to be looked at
    for first, second in ((x, y), (b.bxor(x, y), b.bxor(y, x)), (b.bxor(x, x), y)):
        if left(b.bxor(many, first), b.bxor(many, second)):
            continue
        rng = random.Random(seed)
        for _ in range(20):
            values = {octet.name: rng.getrandbits(8) for octet in BYTES}
            assert len(set(b.evaluate([first, second], values))) == 1


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(networks(), networks(), st.booleans(), st.integers(0, 1 << 32))
def test_an_obligation_says_what_it_said(x: Term, y: Term, sliced: bool, seed: int) -> None:
    """Where sums are parts of decisions and products, in other widths, and in what the context says."""
    one, other = b.bxor(by_products(), x), b.bxor(bit_by_bit(), y)
    if sliced:
        asked = b.eq(b.extract(x, 0, 0), b.bv(1, 1))
        other = b.concat(*(b.ite(asked, b.extract(other, at + 3, at), b.bv(9, 4)) for at in (4, 0)))
        one = b.ite(asked, one, b.bv(0x99, WIDTH))
    context = b.ult(b.bxor(bit_by_bit(), x), b.add(b.bxor(by_products(), y), ONE))
    before = Obligation("one", context, (unequal("sums", b.mul(one, ONE), other), unequal("other", other, one)), 2)
    met = with_equal_sums_met(before)
    alike_on_inputs(before, met, seed)


def alike_on_inputs(before: Obligation, met: Obligation, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        values = {octet.name: rng.getrandbits(8) for octet in BYTES}
        assert len(set(b.evaluate([before.violation, met.violation], values))) == 1


def test_sums_that_begin_alike_are_two() -> None:
    asked, otherwise = b.ult(BYTES[0], BYTES[1]), b.ult(BYTES[2], BYTES[3])
    changed = b.bxor(bit_by_bit(), b.concat(b.extract(BYTES[3], 7, 7), b.bv(0, 7)))
    differ = unequal("index", b.ite(asked, by_products(), ZERO), b.ite(otherwise, changed, ZERO))
    before = Obligation("one", b.and_(asked, otherwise), (differ,), 1)
    alike_on_inputs(before, with_equal_sums_met(before), 7)


def test_slices_of_one_sum_are_the_same_bits() -> None:
    """A hash that is an index is kept byte by byte, or in pieces of other widths."""
    asked, otherwise = b.ult(BYTES[0], BYTES[1]), b.ult(BYTES[2], BYTES[3])
    whole = b.ite(asked, by_products(), ZERO)
    pieces = b.concat(*(b.ite(otherwise, b.extract(bit_by_bit(), at + 3, at), b.bv(0, 4)) for at in (4, 0)))
    met = with_equal_sums_met(Obligation("one", b.TRUE, (unequal("index", whole, pieces),), 1))
    [part] = met.parts
    assert part.pair is not None
    mine, theirs = (set(b.postorder([side])) for side in part.pair[1:])
    assert not any(node.op == "bxor" for node in theirs - mine)
