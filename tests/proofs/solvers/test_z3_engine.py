"""Answers of the Z3 engine: models satisfy, limits give unknown, Ctrl-C surfaces."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.solvers import z3_engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.support.terms import Shapes, assignments

HARD = """
from p4verify.semantics import bits as b
x, y, p = b.var("x", 96), b.var("y", 96), b.bv((1 << 89) - 1, 96)
def hard():
    wide = b.mul(b.zext(x, 192), b.zext(y, 192))
    return [b.eq(wide, b.zext(b.mul(p, b.bv(1000003, 96)), 192)), b.ult(b.bv(2**60, 96), x), b.ult(x, y)]
"""


def hard() -> list[Term]:
    """A query that takes Z3 far longer than any limit used here."""
    scope: dict[str, object] = {}
    exec(HARD, scope)
    query = scope["hard"]
    assert callable(query)
    return list(query())


def _call(table: dict[tuple[int, ...] | None, int], args: tuple[int, ...]) -> int:
    return table.get(args, table.get(None, 0))


def _random_function(seed: int, width: int) -> Callable[..., int]:
    return lambda *args: random.Random(f"{seed}{args}").getrandbits(width)


def with_functions(shapes: Shapes, width: int) -> Term:
    """A Bool term in which functions are applied, nested, with Bool arguments and results."""
    x, y = shapes.term(width, 2), shapes.term(width, 2)
    f = b.apply("f", width, x, b.eq(x, y))
    g = b.apply("g", 0, f)
    h = b.apply("f", width, b.add(f, y), g)
    return b.or_(b.and_(g, b.ult(f, h)), b.eq(b.apply("c", width), h), b.and_(shapes.term(0, 2), b.ult(h, x)))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 4, 8]))
def test_models_satisfy_and_unsat_has_no_model(seed: int, width: int) -> None:
    shapes = Shapes(seed)
    query = [with_functions(shapes, width), shapes.term(0, 3)]
    result = z3_engine.solve(query, timeout_s=60)
    assert result.status in ("sat", "unsat")
    if result.status == "sat":
        assert set(result.values) >= {v.name for v in b.variables(*query)}
        functions = {n: (lambda *a, t=t: _call(t, a)) for n, t in result.functions.items()}
        functions |= {n: (lambda v=v: v) for n, v in result.values.items()}
        assert b.evaluate(query, result.values, functions) == [1, 1]
    else:
        chance = random.Random(seed)
        for values in assignments(tuple(query), 32, seed):
            functions = {
                n: _random_function(chance.randrange(99), w) for n, w in (("f", width), ("g", 1), ("c", width))
            }
            assert b.evaluate(query, values, functions) != [1, 1]


def test_every_application_is_in_the_table() -> None:
    x = b.var("x", 8)
    inner = b.apply("f", 8, x)
    query = [b.eq(b.apply("f", 8, inner), b.bv(9, 8)), b.eq(inner, b.bv(4, 8)), b.eq(x, b.bv(200, 8))]
    result = z3_engine.solve(query, timeout_s=10)
    assert result.values == {"x": 200}
    assert {k: v for k, v in result.functions["f"].items() if k is not None} == {(200,): 4, (4,): 9}


def test_arrays_have_cells() -> None:
    a, i = b.array_var("a", 4, 8), b.var("i", 4)
    query = [b.eq(b.select(a, i), b.bv(7, 8)), b.eq(b.select(a, b.add(i, b.bv(1, 4))), b.bv(8, 8))]
    result = z3_engine.solve(query, timeout_s=10)
    assert result.status == "sat"
    cells = dict(result.arrays["a"])
    at = result.values["i"]
    assert (cells.get(at, cells.get(-1)), cells.get((at + 1) & 15, cells.get(-1))) == (7, 8)


def test_nothing_asked_is_true() -> None:
    assert z3_engine.solve([], timeout_s=1).status == "sat"
    assert z3_engine.solve([b.TRUE], timeout_s=1).status == "sat"
    assert z3_engine.solve([b.FALSE], timeout_s=1).status == "unsat"


@pytest.mark.parametrize(
    ("tactic", "limits", "reason"),
    [
        ("sat", {"timeout_s": 0.3}, "timeout"),
        ("smt", {"timeout_s": 0.3}, "timeout"),
        ("sat", {"timeout_s": 60.0, "rlimit": 20_000}, "resource"),
        ("smt", {"timeout_s": 60.0, "rlimit": 20_000}, "canceled"),
        ("sat", {"timeout_s": 60.0, "memory_mb": 40}, "memory"),
    ],
)
def test_a_limit_gives_unknown(tactic: str, limits: dict[str, float], reason: str) -> None:
    start = time.monotonic()
    result = z3_engine.solve(hard(), tactic=tactic, **limits)  # type: ignore[arg-type]
    assert (result.status, reason in result.reason) == ("unknown", True), result
    assert not result.values
    assert time.monotonic() - start < 30


def test_the_step_count_is_reproducible() -> None:
    x, y = b.var("x", 8), b.var("y", 8)
    query = [b.eq(b.mul(x, y), b.bv(143, 8)), b.ult(b.bv(1, 8), x), b.ult(x, y)]
    counts = {z3_engine.solve(query, timeout_s=10).rlimit_count for _ in range(3)}
    assert len(counts) == 1


def test_an_exception_of_the_solver_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_named: object) -> None:
        raise z3.Z3Exception(b"out of memory")

    monkeypatch.setattr(z3, "parse_smt2_string", broken)
    result = z3_engine.solve([b.var("p", 0)], timeout_s=1)
    assert result.status == "unknown"
    assert "out of memory" in result.reason


def test_a_model_that_does_not_satisfy_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3_engine, "to_smtlib", lambda _: "(declare-fun |$p| () Bool)(assert (not |$p|))")
    result = z3_engine.solve([b.var("p", 0)], timeout_s=1)
    assert result.status == "unknown"
    assert "does not satisfy" in result.reason


def test_bad_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="sort"):
        z3_engine.solve([b.var("x", 8)], timeout_s=1)
    with pytest.raises(ValueError, match="two signatures"):
        z3_engine.solve([b.eq(b.var("x", 8), b.bv(1, 8)), b.eq(b.var("x", 4), b.bv(1, 4))], timeout_s=1)


@pytest.mark.parametrize("tactic", z3_engine.TACTICS)
def test_ctrl_c_ends_a_query(tmp_path: Path, tactic: str) -> None:
    script = tmp_path / "asks.py"
    script.write_text(
        HARD
        + f"tactic = {tactic!r}"
        + """
from p4verify.proofs.solvers import z3_engine
print("asking", flush=True)
try:
    print(z3_engine.solve(hard(), timeout_s=60, tactic=tactic), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    )
    child = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "asking\n"
        time.sleep(1.5)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
    finally:
        child.kill()
    assert out == "interrupted\n"
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("seconds", [2**32 / 1000 + 0.05, 1e300, float("inf")])
def test_a_limit_beyond_what_z3_can_count_is_a_long_one(seconds: float) -> None:
    """Z3 would take it modulo 2**32 milliseconds."""
    x, y = b.var("x", 96), b.var("y", 96)
    small = [b.and_(b.ult(b.bv(1, 96), v), b.ult(v, b.bv(1 << 48, 96))) for v in (x, y)]
    product = b.eq(b.mul(x, y), b.bv((1 << 89) - 1, 96))  # a prime
    result = z3_engine.solve([product, *small], timeout_s=seconds, rlimit=3_000_000)
    assert result.status == "unknown"
    assert "timeout" not in result.reason
