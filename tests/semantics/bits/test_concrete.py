"""Folding says what the solver says: every operator, all values at small widths, edges included."""

from __future__ import annotations

import itertools

import pytest
import z3

from p4verify.proofs.solvers import z3_engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Sort, Term
from p4verify.semantics.bits.concrete import BINARY, COMPARE, compute


def agrees(raw: Term) -> Term:
    """``raw`` (on literals) = its folded value, as a Bool term that no rewrite has touched."""
    value = compute(raw, [a.value for a in raw.args])
    assert 0 <= value < 1 << max(1, raw.width)
    return b.make("eq", (raw, b.literal(value, raw)), b.BOOL)


def check(raws: list[Term]) -> None:
    """The solver finds no node in ``raws`` whose value is not ours."""
    all_agree = b.make("and", tuple(dict.fromkeys(map(agrees, raws))), b.BOOL)
    assert z3_engine.solve([b.make("not", (all_agree,), b.BOOL)], timeout_s=120).status == "unsat"


def literals(width: int) -> list[Term]:
    if width <= 3:
        return [b.bv(v, width) for v in range(1 << width)]
    special = {0, 1, 2, 3, 5, -1, -2, -3, 1 << (width - 1), (1 << (width - 1)) - 1, width, width - 1, width + 1, 0x5A}
    return sorted({b.bv(v, width) for v in special}, key=lambda t: t.value)


@pytest.mark.parametrize("width", [1, 2, 3, 8, 33, 128])
@pytest.mark.parametrize("op", [*BINARY, *COMPARE])
def test_binary_operators(op: str, width: int) -> None:
    sort = b.BOOL if op in COMPARE else b.bit_vector(width)
    check([b.make(op, pair, sort) for pair in itertools.product(literals(width), repeat=2)])


@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_parts(width: int) -> None:
    raws = []
    for x in literals(width):
        raws.append(b.make("bnot", (x,), x.sort))
        raws += [b.make("sext", (x,), b.bit_vector(width + k)) for k in (1, 2, 9)]
        raws += [
            b.make("extract", (x,), b.bit_vector(h - low + 1), (h, low)) for h in range(width) for low in range(h + 1)
        ]
        raws += [b.make("concat", (x, y, b.bv(2, 3)), b.bit_vector(width + 4)) for y in literals(1)]
        raws += [b.make("ite", (c, x, b.bv(1, width)), x.sort) for c in (b.TRUE, b.FALSE)]
        raws += [b.make("eq", (x, y), b.BOOL) for y in literals(width)]
    check(raws)


def test_conditions() -> None:
    both = (b.TRUE, b.FALSE)
    raws = [b.make("not", (p,), b.BOOL) for p in both]
    for op in ("and", "or", "eq"):
        raws += [b.make(op, pair, b.BOOL) for pair in itertools.product(both, repeat=2)]
    raws += [b.make("ite", triple, b.BOOL) for triple in itertools.product(both, repeat=3)]
    check(raws)


def test_the_test_can_fail() -> None:
    x = b.bv(3, 8)
    wrong = b.make("eq", (b.make("add", (x, x), Sort(8)), b.bv(7, 8)), b.BOOL)
    assert z3_engine.solve([b.make("not", (wrong,), b.BOOL)], timeout_s=10).status == "sat"


def test_derived_operators() -> None:
    """``sub``, ``neg``, ``zext``, ``resize``, ``to_bool`` and the other comparisons, against Z3's own."""
    for x, y in itertools.product(range(8), repeat=2):
        s, t = b.bv(x, 3), b.bv(y, 3)
        u, v = z3.BitVecVal(x, 3), z3.BitVecVal(y, 3)
        for ours, theirs in (
            (b.sub(s, t), u - v),
            (b.neg(s), -u),
            (b.zext(s, 5), z3.ZeroExt(2, u)),
            (b.resize(s, 2), z3.Extract(1, 0, u)),
        ):
            assert ours.value == z3.simplify(theirs).as_long()
        for ours, theirs in (
            (b.ule(s, t), z3.ULE(u, v)),
            (b.ugt(s, t), z3.UGT(u, v)),
            (b.uge(s, t), z3.UGE(u, v)),
            (b.sle(s, t), u <= v),
            (b.ne(s, t), u != v),
            (b.to_bool(s), u != 0),
        ):
            assert bool(ours.value) == z3.is_true(z3.simplify(theirs))


def test_an_operator_without_a_value_says_so() -> None:
    with pytest.raises(ValueError, match="no value"):
        compute(b.var("x", 8), [])
