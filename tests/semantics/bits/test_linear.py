"""Sums over GF(2) in one form: the same number as before, and one term for one sum."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.checksums import ALGORITHMS

MESSAGE = b.var("message", 40)
CONDITION = b.ult(b.var("n", 8), b.bv(9, 8))


def _summand(rng: random.Random, width: int) -> Term:
    bit = b.extract(MESSAGE, at := rng.randrange(40), at)
    number = b.bv(rng.getrandbits(width), width)
    match rng.randrange(6):
        case 0:
            return b.ite(b.to_bool(bit), number, b.bv(rng.getrandbits(width), width))
        case 1:
            return b.mul(b.zext(bit, width), number)
        case 2:
            return b.bnot(b.mul(b.zext(bit, width), number))
        case 3:
            return b.ite(CONDITION, number, b.bv(0, width))
        case 4 if width > 1:
            low = rng.randrange(1, width)
            inner = b.bxor(_summand(rng, low), _summand(rng, low))
            return b.concat(_summand(rng, width - low), inner)
        case _:
            return number


@given(st.integers(0, 1 << 32), st.integers(1, 24), st.integers(1, 40))
def test_the_number_is_the_same(seed: int, width: int, count: int) -> None:
    rng = random.Random(seed)
    term = _summand(rng, width)
    for _ in range(count):
        term = b.bxor(term, _summand(rng, width))
    [new] = b.in_order([term])
    for _ in range(8):
        values = {"message": rng.getrandbits(40), "n": rng.getrandbits(8)}
        assert b.evaluate([new], values) == b.evaluate([term], values)


def test_what_is_no_long_sum_stays() -> None:
    x, y = b.var("x", 8), b.var("y", 8)
    terms = [b.bxor(x, y), b.eq(b.bxor(b.zext(b.extract(x, 0, 0), 8), y), b.bv(3, 8)), x]
    assert all(old is new for old, new in zip(terms, b.in_order(terms), strict=True))


def test_a_crc_is_one_term_however_it_is_computed() -> None:
    """As the algorithms compute it, and with products of 64 bits, from the last bit on."""
    for name in ("crc16", "crc32"):
        ours = ALGORITHMS[name](MESSAGE)
        [start] = b.evaluate([ours], {"message": 0})
        assert isinstance(start, int)
        other = b.bv(start, 64)
        for i in range(40):
            [end] = b.evaluate([ours], {"message": 1 << i})
            assert isinstance(end, int)
            other = b.bxor(b.mul(b.zext(b.extract(MESSAGE, i, i), 64), b.bv(start ^ end, 64)), other)
        question = b.ne(b.urem(other, b.bv(0xFFF1, 64)), b.urem(b.zext(ours, 64), b.bv(0xFFF1, 64)))
        assert b.in_order([question]) == [b.FALSE]
        wrong = b.bxor(other, b.mul(b.zext(b.extract(MESSAGE, 7, 7), 64), b.bv(6, 64)))
        assert b.in_order([b.ne(wrong, b.zext(ours, 64))]) != [b.FALSE]
