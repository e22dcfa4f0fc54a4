"""Queries over integers: what has a model over bits has one there; sums whose carries are added again are decided."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs import jobs
from p4verify.proofs.solvers.integers import over_integers
from p4verify.proofs.solvers.z3_engine import refuted_over_integers
from p4verify.proofs.sums import folds_sums, summands
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

WIDTH = 4
VARIABLES = [b.var(f"in.{name}", WIDTH) for name in "xyz"]


def status(query: Term) -> str:
    return refuted_over_integers(query, timeout_s=20).status


@st.composite
def terms(draw: st.DrawFn) -> Term:
    """Sums upon sums: of variables and literals, carries cut out and added, widened, cut, chosen between."""
    made: list[Term] = [*VARIABLES, b.bv(draw(st.integers(0, 15)), WIDTH), b.bv(1, WIDTH)]
    for _ in range(draw(st.integers(1, 7))):
        x, y, z = (draw(st.sampled_from(made)) for _ in range(3))
        low = draw(st.integers(0, WIDTH + 1))
        top = b.bv(draw(st.integers(0, 3)), 2)
        wide = b.add(b.concat(b.bv(0, 2), x), b.concat(b.bv(0, 2), y))
        wide = b.add(wide, b.add(b.concat(top, z), b.bv(draw(st.integers(0, 63)), WIDTH + 2)))
        carries = b.concat(b.bv(0, 2), b.extract(wide, WIDTH + 1, WIDTH))
        cut = b.extract(wide, min(WIDTH + 1, low + WIDTH - 1), low)
        made.append(draw(st.sampled_from([
            b.add(x, y), b.add(b.add(x, y), z), b.bnot(x), b.bxor(x, y), b.mul(x, y),
            b.ite(b.ult(x, y), y, z), b.ite(b.eq(x, y), z, b.bnot(z)), b.ite(b.slt(x, y), x, z),
            cut if cut.width == WIDTH else b.concat(b.bv(0, WIDTH - cut.width), cut),
            b.concat(b.extract(x, 1, 0), b.extract(y, 3, 2)),
            b.add(b.extract(wide, WIDTH - 1, 0), carries),
        ])))  # fmt: skip
    return b.concat(made[-1], draw(st.sampled_from(made)))


@pytest.mark.long
@settings(max_examples=120, deadline=None)
@given(terms(), st.lists(st.integers(0, 15), min_size=3, max_size=3), st.integers(0, 3))
def test_what_has_a_model_is_never_refuted(term: Term, numbers: list[int], fixed: int) -> None:
    values = {v.name: n for v, n in zip(VARIABLES, numbers, strict=True)}
    (value,) = b.evaluate([term], values)
    assert isinstance(value, int)
    known = [b.eq(v, b.bv(values[v.name], WIDTH)) for v in VARIABLES[:fixed]]
    assert status(b.and_(*known, b.eq(term, b.bv(value, term.width)))) != "unsat"


def ones_complement(words: list[Term], width: int) -> Term:
    """The sum of RFC 1071: carries are added until there are none."""
    room = 4
    total = reduce(b.add, (b.concat(b.bv(0, room), word) for word in words))
    once = b.add(b.concat(b.bv(0, 1), b.extract(total, width - 1, 0)),
                 b.concat(b.bv(0, width + 1 - room), b.extract(total, width + room - 1, width)))  # fmt: skip
    return b.add(b.extract(once, width - 1, 0), b.concat(b.bv(0, width - 1), b.extract(once, width, width)))


def updated(checksum: Term, old: Term, new: Term) -> Term:
    """RFC 1624, equation 3."""
    return b.bnot(ones_complement([b.bnot(checksum), b.bnot(old), new], checksum.width))


def header(width: int = 16) -> tuple[list[Term], Term]:
    """Nine words, and a checksum behind them."""
    half = width // 2
    words = [b.concat(b.var(f"pkt[{2 * i}]", half), b.var(f"pkt[{2 * i + 1}]", half)) for i in range(10)]
    return [b.concat(b.bv(0x45, half), b.extract(words[0], half - 1, 0)), *words[1:9]], words[9]


@pytest.mark.parametrize("part", [(15, 0), (15, 8), (7, 0)])
def test_a_checksum_that_is_updated_is_the_one_that_is_summed_anew(part: tuple[int, int]) -> None:
    words, checksum = header()
    lived = b.concat(b.add(b.extract(words[4], 15, 8), b.bv(0xFF, 8)), b.extract(words[4], 7, 0))
    right = b.eq(ones_complement([*words, checksum], 16), b.bv(0xFFFF, 16))
    anew = b.bnot(ones_complement([*words[:4], lived, *words[5:]], 16))
    made = updated(checksum, words[4], lived)
    differ = b.ne(b.extract(anew, *part), b.extract(made, *part))
    query = b.and_(right, differ)
    assert folds_sums(query)
    assert jobs.tactics(query)[0] == jobs.INTEGERS
    assert status(query) == "unsat"


def test_a_checksum_without_its_last_carry_is_not_the_same() -> None:
    words, checksum = header()
    short = b.add(b.add(b.bnot(checksum), b.bnot(words[4])), words[5])
    right = b.eq(ones_complement([*words, checksum], 16), b.bv(0xFFFF, 16))
    anew = ones_complement([*words[:4], words[5], *words[5:]], 16)
    assert status(b.and_(right, b.ne(anew, short))) == "unknown"


def zeros_below_the_lowest_one(word: Term) -> Term:
    """As compiled code counts them: the ones of ``~word & (word - 1)``, by masks."""
    left = b.band(b.bnot(word), b.sub(word, b.bv(1, 64)))
    for width, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333)):
        odd = b.band(b.lshr(left, b.bv(width, 64)), b.bv(mask, 64))
        left = b.sub(left, odd) if width == 1 else b.add(b.band(left, b.bv(mask, 64)), odd)
    left = b.band(b.add(left, b.lshr(left, b.bv(4, 64))), b.bv(0x0F0F0F0F0F0F0F0F, 64))
    for width in (8, 16, 32):
        left = b.add(left, b.lshr(left, b.bv(width, 64)))
    return b.band(left, b.bv(0x7F, 64))


def test_ones_of_a_word_that_masks_count_are_no_sum_of_numbers() -> None:
    query = b.eq(zeros_below_the_lowest_one(b.var("in.word", 64)), b.bv(9, 64))
    assert any(node.op == "add" for node in b.postorder([query]))
    assert not folds_sums(query)
    words, checksum = header()
    masked = [b.bnot(b.band(words[0], b.bv(0x5A5A, 16))), *words[1:]]  # some words may be no numbers
    assert folds_sums(b.eq(ones_complement(masked, 16), checksum))


def test_summands_are_counted_modulo_the_power_of_two() -> None:
    x, y = VARIABLES[:2]
    twice = b.add(b.add(x, y), x)
    assert summands(twice) == {x: 2, y: 1}
    doubled = reduce(lambda total, _: b.add(total, total), range(WIDTH), y)
    assert y not in summands(doubled)
    assert not folds_sums(b.eq(b.extract(b.add(x, b.bv(3, WIDTH)), 3, 2), b.bv(0, 2)))


@pytest.mark.parametrize("constant", [0, 5, 62])
@pytest.mark.parametrize("more", [0, 11])
def test_a_narrow_sum_is_what_the_low_part_of_a_wide_one_makes_of_it(constant: int, more: int) -> None:
    x, y, z = VARIABLES
    wide = reduce(b.add, [b.concat(b.bv(0, 2), v) for v in (x, x, y)] + [b.bv(constant, WIDTH + 2)])
    carries = b.concat(b.bv(0, 2), b.extract(wide, WIDTH + 1, WIDTH))
    for narrow in (
        reduce(b.add, [b.extract(wide, WIDTH - 1, 0), carries, b.bv(more, WIDTH)]),
        reduce(b.add, [x, y, y, z, carries]),  # the wide one is no part of it: it has x twice
    ):
        values = {"in.x": 9, "in.y": 14, "in.z": 3}
        (value,) = b.evaluate([narrow], values)
        assert isinstance(value, int)
        known = b.and_(*(b.eq(v, b.bv(values[v.name], WIDTH)) for v in VARIABLES))
        assert status(b.and_(known, b.eq(narrow, b.bv(value, WIDTH)))) == "unknown"
        assert status(b.and_(known, b.ne(narrow, b.bv(value, WIDTH)))) == "unsat"


def test_what_stands_in_many_places_is_written_once() -> None:
    """A condition that each next one has twice: written out it is 2^30 times as long."""
    x = [b.var(f"x{i}", b.bit_vector(8)) for i in range(60)]
    query = b.eq(x[0], b.bv(1, 8))
    for i in range(1, 30):
        other = b.and_(b.not_(query), b.eq(x[i + 30], b.bv(2, 8)))
        query = b.or_(b.and_(query, b.eq(x[i], b.bv(1, 8))), other)
    assert len(over_integers(query)) < 100 * len(b.postorder([query]))
