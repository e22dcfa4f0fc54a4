"""The SMT-LIB text: one line a node, any name, any depth, and the meaning that Z3 reads out of it."""

from __future__ import annotations

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.solvers import z3_engine
from p4verify.proofs.solvers.smtlib import logic, symbol, to_smtlib
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term


def test_a_whole_script() -> None:
    x, y = b.var("pkt[0]", 8), b.var("y", 8)
    shared = b.make("add", (x, y), x.sort)
    product = b.make("mul", (shared, shared), x.sort)
    low = b.make("extract", (shared,), b.bit_vector(3), (2, 0))
    text = to_smtlib([b.make("eq", (product, b.bv(4, 8)), b.BOOL), b.make("ult", (low, b.bv(5, 3)), b.BOOL)])
    assert text.splitlines() == [
        "(set-logic QF_BV)",
        "(declare-fun |$pkt[0]| () (_ BitVec 8))",
        "(declare-fun |$y| () (_ BitVec 8))",
        "(define-fun n3 () (_ BitVec 8) (bvadd |$pkt[0]| |$y|))",
        "(define-fun n4 () (_ BitVec 8) (bvmul n3 n3))",
        "(define-fun n5 () Bool (= n4 #x04))",
        "(define-fun n6 () (_ BitVec 3) ((_ extract 2 0) n3))",
        "(define-fun n7 () Bool (bvult n6 #b101))",
        "(assert n5)",
        "(assert n7)",
        "(check-sat)",
    ]


@pytest.mark.parametrize("name", ["and", "true", "bvadd", "n3", "a|b", "a\\b", "é ü", "", "%7c;", "a\nb", "$x", "x y"])
def test_any_name_will_do(name: str) -> None:
    result = z3_engine.solve([b.eq(b.var(name, 8), b.bv(5, 8)), b.ult(b.var("n4", 8), b.var(name, 8))], timeout_s=5)
    assert result.status == "sat"
    assert result.values[name] == 5


@settings(deadline=None)
@given(st.text(), st.text())
def test_names_stay_apart(first: str, second: str) -> None:
    assert (symbol(first) == symbol(second)) == (first == second)
    assert symbol(first).isascii()


def test_logics() -> None:
    x = b.var("x", 8)
    array = b.array_var("a", 8, 8)
    p = b.eq(x, b.bv(1, 8))
    f = b.eq(b.apply("f", 8, x), x)
    s = b.eq(b.select(array, x), x)
    assert [logic([p]), logic([f]), logic([s]), logic([f, s])] == ["QF_BV", "QF_UFBV", "QF_ABV", "QF_AUFBV"]


@pytest.mark.long
def test_a_deep_term_is_flat_text() -> None:
    x = b.var("x", 8)
    for i in range(20_000):
        x = b.add(b.bxor(x, b.var(f"y{i % 3}", 8)), b.var("z", 8))
    lines = to_smtlib([b.eq(x, b.bv(1, 8))]).splitlines()
    assert max(map(len, lines)) < 100
    assert len(lines) < 41_000
    values = {"x": 1, "y0": 2, "y1": 3, "y2": 4, "z": 5}
    fixed = [b.eq(b.var(n, 8), b.bv(v, 8)) for n, v in values.items()]
    value = b.evaluate([x], values)[0]
    assert isinstance(value, int)
    assert z3_engine.solve([*fixed, b.ne(x, b.bv(value, 8))], timeout_s=100).status == "unsat"


def test_wide_literals() -> None:
    wide = b.bv((1 << 20_001) - 12345, 20_001)
    assert z3_engine.solve([b.make("eq", (b.var("w", 20_001), wide), b.BOOL)], timeout_s=60).values["w"] == wide.value


def _all_operators() -> Term:
    x, y, p = b.var("x", 5), b.var("y", 5), b.var("p", 0)
    parts = [b.make(op, (x, y), x.sort) for op in ("add", "mul", "udiv", "urem", "sdiv", "srem", "band", "bor", "bxor")]
    parts += [b.make(op, (x, y), x.sort) for op in ("shl", "lshr", "ashr")]
    parts += [b.make("bnot", (x,), x.sort), b.make("ite", (p, x, y), x.sort), b.make("sext", (y,), b.bit_vector(9))]
    parts += [b.make("extract", (x,), b.bit_vector(2), (3, 2)), b.make("concat", (x, y, x), b.bit_vector(15))]
    tests = [b.make(op, (x, y), b.BOOL) for op in ("eq", "ult", "ule", "slt", "sle")]
    whole = b.make("concat", tuple(parts), b.bit_vector(sum(t.width for t in parts)))
    same = b.make("eq", (whole, b.var("whole", whole.width)), b.BOOL)
    return b.make("and", (same, b.make("or", (b.make("not", (p,), b.BOOL), *tests), b.BOOL)), b.BOOL)


def test_every_operator_has_a_form() -> None:
    result = z3_engine.solve([_all_operators()], timeout_s=30)
    assert result.status == "sat"  # the engine has compared Z3's value of every operator with our own
    with pytest.raises(ValueError, match="no SMT-LIB form"):
        to_smtlib([b.make("unheard", (b.TRUE,), b.BOOL)])


def test_the_text_is_plain_smt_lib() -> None:
    """Z3 reads it without our reader's help."""
    solver = z3.Solver()
    solver.from_string(to_smtlib([_all_operators()]))
    assert solver.check() == z3.sat
