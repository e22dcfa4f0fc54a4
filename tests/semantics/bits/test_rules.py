"""Every rewrite is proven, row by row: what it returns equals the node that it was asked about."""

from __future__ import annotations

import itertools

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.support.terms import ARITHMETIC, Shapes, difference, proven_equal

ROWS = [(op, name) for op, rows in b.RULES.items() for name, _ in rows]
WIDTHS = (16, 32)
NARROW = {"remainder_of_a_quotient": (4, 6), "extract_quotient_of_small_numbers": (4, 6)}
"""Rows of which a solver proves no more: products of what it divides."""
TRIES = 6000
WANTED = 8


def fired(op: str, name: str, width: int, wanted: int, arithmetic: bool = True) -> list[tuple[Term, Term]]:
    """Pairs (unrewritten node, what the row made of it)."""
    row = dict(b.RULES[op])[name]
    shapes = Shapes(seed=width, arithmetic=arithmetic)
    found: dict[Term, Term] = {}
    for _ in range(TRIES):
        raw = shapes.arguments(op, width)
        better = None if all(a.is_const for a in raw.args) else row(raw.args, raw.payload)
        if better is not None and better is not raw:
            found[raw] = better
            if len(found) == wanted:
                break
    return list(found.items())


@pytest.mark.long
@pytest.mark.parametrize(("op", "name"), ROWS)
def test_row_is_right_on_numbers(op: str, name: str) -> None:
    pairs = [pair for width in range(1, 9) for pair in fired(op, name, width, WANTED)]
    assert len(pairs) >= 2 * WANTED, f"{name} fired only {len(pairs)} times on {op}: the generator must reach it"
    for raw, better in pairs:
        assert better.sort == raw.sort, (raw, better)
        assert difference(raw, better) is None, (raw, better, difference(raw, better))


@pytest.mark.parametrize(("op", "name"), ROWS)
def test_row_is_proven_by_the_solver(op: str, name: str) -> None:
    widths = NARROW.get(name, WIDTHS)
    pairs = [pair for width in widths for pair in fired(op, name, width, 3, op in ARITHMETIC and width < 16)]
    assert pairs, f"{name} never fired on {op} at widths {widths}"
    for raw, better in pairs:
        assert proven_equal(raw, better), (raw, better)


def test_a_wrong_row_would_be_seen() -> None:
    x, y = b.var("x4", 4), b.var("y4", 4)
    raw = b.make("add", (x, y), b.bit_vector(4))
    wrong = b.make("bor", (x, y), b.bit_vector(4))
    assert difference(raw, wrong) is not None
    assert not proven_equal(raw, wrong)


@pytest.mark.long
@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_constructors_agree_with_plain_nodes(width: int) -> None:
    """All rows together, nested as they are in use."""
    shapes = Shapes(seed=100 + width)
    for op in (*b.RULES, "not", "bnot", "sdiv", "srem"):
        for _ in range(40):
            raw = shapes.arguments(op, width)
            built = b.rebuild(b.make(raw.op, (), raw.sort, raw.payload), raw.args)
            assert built.sort == raw.sort
            assert difference(raw, built, 128) is None, (raw, built)


def folded(total: b.Term, width: int) -> b.Term:
    """What lies above the low ``width`` bits of a wider sum, added to them."""
    return b.add(b.zext(b.extract(total, width - 1, 0), total.width), b.lshr(total, b.bv(width, total.width)))


@pytest.mark.parametrize("last", [b.var("z", 4), b.bv(13, 4)])
def test_ones_complement_sums_are_one_term_in_any_width(last: b.Term) -> None:
    """RFC 1071: the carry comes in at the low end, once for each addend or out of a wider register."""
    x, y = b.var("x", 4), b.var("y", 4)

    def around(left: b.Term, right: b.Term) -> b.Term:
        return b.extract(folded(b.add(b.zext(left, 5), b.zext(right, 5)), 4), 3, 0)

    wide = b.zext(x, 64)
    for addend in (y, last):
        wide = folded(b.add(wide, b.zext(addend, 64)), 4)
    assert wide is b.zext(around(around(x, y), last), 64)


@pytest.mark.parametrize("widths", [(3, 3), (3, 4), (4, 4), (2, 3)])
def test_a_sum_and_its_carry_are_added_rightly(widths: tuple[int, int]) -> None:
    """Also where a sum of wider addends makes them wider than the low bits: nothing is cut off there."""
    x, y = (b.var(name, width) for name, width in zip("xy", widths, strict=True))
    total = b.add(b.zext(x, 4), b.zext(y, 4))
    found = b.add(b.zext(b.extract(total, 2, 0), 8), b.zext(b.extract(total, 3, 3), 8))
    for first, second in itertools.product(*(range(1 << width) for width in widths)):
        number = (first + second) % 16
        [value] = b.evaluate([found], {"x": first, "y": second})
        assert value == number % 8 + number // 8


def test_a_number_and_its_complement_leave_minus_one_however_wide_the_number_was() -> None:
    x, y = b.var("x", 16), b.var("y", 32)
    wide = b.zext(x, 32)
    assert b.add(b.add(wide, b.bnot(wide)), b.bv(99, 32)) is b.bv(98, 32)
    assert b.add(b.add(y, wide), b.bnot(wide)) is b.sub(y, b.bv(1, 32))
    assert b.add(x, b.bnot(b.extract(b.zext(x, 20), 15, 0))) is b.bv(-1, 16)


def test_what_is_left_of_a_number_less_the_same_number_and_a_literal_is_a_literal() -> None:
    x = b.var("x", 16)
    length, beyond = b.zext(x, 32), b.zext(b.add(b.zext(x, 17), b.bv(8, 17)), 32)  # no carry is lost
    assert b.add(length, b.sub(b.bv(40, 32), beyond)) is b.bv(32, 32)
    assert b.sub(beyond, length) is b.bv(8, 32)
    assert not b.add(length, b.sub(b.bv(40, 32), b.zext(b.add(x, b.bv(8, 16)), 32))).is_const  # one is


@pytest.mark.parametrize(("inner", "width"), [(3, 3), (3, 4), (4, 4)])
def test_a_complement_that_adds_a_literal_is_what_it_was(inner: int, width: int) -> None:
    x, y = b.var("x", inner), b.var("y", width)
    for literal in range(1 << width):
        made = b.add(y, b.bnot(b.add(b.zext(x, width), b.bv(literal, width))))
        for first, second in itertools.product(range(1 << inner), range(1 << width)):
            [value] = b.evaluate([made], {"x": first, "y": second})
            assert value == (second - first - literal - 1) % (1 << width)


def test_a_sum_less_some_of_what_it_adds_is_the_rest() -> None:
    x, y, z = (b.zext(b.var(name, 16), 64) for name in "xyz")
    most = b.add(b.add(x, y), b.bv(7, 64))
    assert b.sub(b.add(b.add(z, most), x), most) is b.add(x, z)
    assert b.sub(most, b.add(most, b.bv(3, 64))) is b.bv(-3, 64)
    assert b.sub(b.add(x, z), b.add(x, y)) is not b.sub(z, y)  # only all of a sum goes
    narrow = b.add(b.var("x", 16), b.var("y", 16))  # which may overflow: not the same in 64 bits
    assert b.sub(b.add(x, y), b.zext(narrow, 64)) is not b.bv(0, 64)


def test_words_are_added_and_multiplied_alike_in_wide_registers() -> None:
    x, y = b.var("x", 32), b.var("y", 32)
    for op in (b.add, b.sub, b.mul):
        wide = op(b.concat(b.var("above", 32), x), b.zext(y, 64))
        for high, low in ((31, 24), (25, 18), (31, 0), (7, 0), (30, 1)):
            assert b.extract(wide, high, low) is b.extract(op(x, y), high, low)
        assert b.extract(wide, 32, 5).op == "extract"
        raw = b.make("extract", (wide,), b.bit_vector(8), (25, 18))
        assert op is b.mul or proven_equal(raw, b.extract(wide, 25, 18))


def _rotated(x: Term, by: int) -> Term:
    return b.concat(b.extract(x, x.width - by - 1, 0), b.extract(x, x.width - 1, x.width - by))


def _mixed(x: Term, y: Term, rounds: int) -> Term:
    """Sums and rotated sums, joined bit by bit and added up again, as hashes do."""
    for by in (4, 6, 8, 16, 19)[:rounds]:
        x = b.bxor(b.sub(x, y), _rotated(y, by))
        y = b.add(y, x)
    return y


def test_sums_that_are_mixed_stay_one_sum_whatever_bits_are_asked_for() -> None:
    """Each bit of them is one of the same sums: rotated and joined again, they grow by a few nodes a round."""
    x, y = b.var("x", 32), b.var("y", 32)
    sizes = [len(b.postorder([_mixed(x, y, rounds)])) for rounds in range(2, 6)]
    assert all(after - before < 40 for before, after in itertools.pairwise(sizes))
    word = _mixed(x, y, 3)
    assert b.extract(b.extract(word, 27, 0), 27, 22) is b.extract(word, 27, 22)


@pytest.mark.parametrize(("high", "low"), [(7, 0), (15, 0), (27, 0), (27, 22), (31, 0), (31, 8)])
def test_words_are_mixed_alike_in_wide_registers(high: int, low: int) -> None:
    """What lies above the words is cut off, wherever the bits are cut out."""
    x, y = b.var("x", 8), b.var("y", 8)
    narrow = _mixed(b.concat(b.bv(5, 24), x), b.concat(b.bv(3, 24), y), 3)
    by, above = 8, b.concat(b.var("above", 32), b.extract(narrow, 31, 0))
    shifted = b.extract(
        b.bor(b.concat(b.extract(above, 55, 0), b.bv(0, 8)), b.zext(b.extract(above, 31, 24), 64)), 31, 0
    )
    assert shifted is _rotated(narrow, by)
    wide = b.extract(b.sub(b.zext(narrow, 64), above), 31, 0)
    raw = b.make("extract", (wide,), b.bit_vector(high - low + 1), (high, low))
    assert proven_equal(raw, b.extract(wide, high, low))
    for first, second in itertools.product(range(0, 256, 17), repeat=2):
        values = {"x": first, "y": second, "above": 77}
        [word, part] = b.evaluate([wide, b.extract(wide, high, low)], values)
        assert part == (word >> low) & ((1 << high - low + 1) - 1)


@pytest.mark.parametrize("narrow", [3, 4, 5])
@pytest.mark.parametrize("literal", range(8))
def test_a_choice_between_sums_adds_what_both_add_unless_one_overflows(narrow: int, literal: int) -> None:
    chosen, x, y = b.var("chosen", 0), b.var("x", 3), b.var("y", 5)
    total = b.zext(b.make("add", (b.zext(x, narrow), b.bv(literal, narrow)), b.bit_vector(narrow)), 5)
    for other in (b.bv(literal, 5), b.add(y, b.bv(literal, 5))):
        made = b.ite(chosen, other, total)
        for first, second, third in itertools.product(range(2), range(8), range(32)):
            values = {"chosen": first, "x": second, "y": third}
            assert b.evaluate([made], values) == b.evaluate([other if first else total], values)


def test_ways_that_add_a_literal_and_a_literal_added_where_they_meet_are_one_term() -> None:
    chosen, x = b.var("chosen", 0), b.zext(b.var("x", 8), 16)
    apart = b.ite(chosen, b.bv(62, 16), b.add(x, b.bv(62, 16)))
    assert apart is b.add(b.ite(chosen, b.bv(8, 16), b.add(x, b.bv(8, 16))), b.bv(54, 16))


def test_lower_bits_of_a_quotient_of_words_are_the_same_in_any_width() -> None:
    """CPUs before v3 divide words in 64 bits: one term, also where the divisor is 0."""
    x, y = (b.var(name, 32) for name in "xy")
    narrow, wide = b.udiv(x, y), b.udiv(b.zext(x, 64), b.zext(y, 64))
    for high, low in ((31, 0), (7, 0), (31, 24)):
        assert b.extract(narrow, high, low) is b.extract(wide, high, low)
    assert b.extract(wide, 32, 0) is not b.zext(narrow, 33)
