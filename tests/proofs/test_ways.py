"""A choice that is read once, beside one that every decision reads by itself: made by the way that these go."""

from __future__ import annotations

import time
from itertools import product

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.proofs.ways import by_ways
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.p4.frontend import load_text

X = b.var("any.0", 4)
READS = [b.var(f"impl.any.{n}", 4) for n in range(3)]
A, C, D, E = (b.var(f"in.{name}", 8) for name in "acde")
P, Q = b.var("in.p", 0), b.var("in.q", 0)


def high(term: Term, value: int) -> Term:
    return b.eq(b.extract(term, 3, 2), b.bv(value, 2))


def low(term: Term, value: int) -> Term:
    return b.eq(b.extract(term, 1, 0), b.bv(value, 2))


def chain(first: Term, second: Term, third: Term) -> Term:
    return b.ite(high(first, 1), b.ite(low(second, 2), A, C), b.ite(b.eq(third, b.bv(8, 4)), D, E))


def goes_alike(x: Term, y: Term) -> bool:
    """Whether the two are equal for all reads, with the choice as it is made."""
    made = by_ways([(x, y)], frozenset([X]))
    assert made is not None
    (mine,) = b.substitute([x], made)
    inputs = {"in.a": 1, "in.c": 2, "in.d": 3, "in.e": 4, "in.q": 0}
    for numbers in product(range(16), repeat=len(READS)):
        values = inputs | {v.name: n for v, n in zip(READS, numbers, strict=True)} | {"in.p": numbers[0] & 1}
        if b.evaluate([mine], values) != b.evaluate([y], values):
            return False
    return True


def test_one_read_goes_the_way_of_many() -> None:
    assert goes_alike(chain(X, X, X), chain(*READS))


def test_a_read_that_may_not_be_made_counts_where_it_is() -> None:
    known = b.var("in.k", 4)
    read = [b.ite(P, each, known) for each in READS]
    made = by_ways([(chain(*[b.ite(P, X, known)] * 3), chain(*read))], frozenset([X]))
    assert made is not None
    assert set(b.variables(made[X])) == {P, known, *READS}


def test_comparisons_that_are_one_condition() -> None:
    def either(*reads: Term) -> Term:
        return b.ite(b.or_(P, *(low(read, n) for n, read in enumerate(reads))), A, C)

    assert goes_alike(either(X, X, X), either(*READS))


def test_comparisons_that_are_one_answer() -> None:
    def neither(*reads: Term) -> Term:
        return b.and_(P, *(b.not_(low(read, n)) for n, read in enumerate(reads)))

    made = by_ways([(neither(X, X, X), neither(*READS))], frozenset([X]))
    assert made is not None
    for reads in product(range(4), repeat=3):
        values = {v.name: n for v, n in zip(READS, reads, strict=True)} | {"in.p": 1}
        assert b.evaluate(b.substitute([neither(X, X, X)], made), values) == b.evaluate([neither(*READS)], values)


@pytest.mark.parametrize("asked", [b.ult(X, b.bv(3, 4)), b.eq(X, b.var("in.k", 4))])
def test_other_questions_than_whether_it_is_a_number_are_left_to_others(asked: Term) -> None:
    assert by_ways([(b.ite(asked, A, C), b.ite(b.eq(READS[0], b.bv(1, 4)), A, C))], frozenset([X])) is None


def test_numbers_that_are_too_many_are_left_to_others() -> None:
    wide = b.var("any.1", 8)
    asked = b.or_(*(b.and_(P, b.eq(wide, b.bv(n, 8))) for n in range(70)))
    assert by_ways([(b.ite(asked, A, C), A)], frozenset([wide])) is None


HEAD = """#include <core.p4>
header h_t { bit<8> one; bit<8> two; bit<8> three; }
struct s_t { bit<8> x; h_t h; }
"""
TAIL = """
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""
STEP = """if (OP == 0) { } else if (OP[7:4] == 1) {
    if (OP[3:0] == 1) { X = X << 1; } else if (OP[3:0] == 2) { X = X + 7; } else if (OP[3:0] == 3) { X = X ^ 9; }
} else if (OP[7:4] == 2) { if (OP[3:0] == 0) { X = ~X; } else if (OP[3:0] == 1) { X = 1; } }
"""
FIELDS = ("s.h.one", "s.h.two", "s.h.three")


def copied() -> str:
    step = STEP.replace("OP", "op").replace("X", "x")
    calls = "".join(f"d.apply(s.x, {field});" for field in FIELDS)
    inner = f"control step(inout bit<8> x, in bit<8> op) {{ apply {{ {step} }} }}"
    return f"{HEAD}{inner} control c(inout s_t s) {{ step() d; apply {{ s.h.setInvalid(); {calls} }} }}{TAIL}"


def put_in(last: str = "X = 1;") -> str:
    steps = [STEP.replace("X = 1;", text) for text in ("X = 1;", "X = 1;", last)]
    body = "".join(s.replace("OP", field).replace("X", "s.x") for s, field in zip(steps, FIELDS, strict=True))
    return f"{HEAD}control c(inout s_t s) {{ apply {{ s.h.setInvalid(); {body} }} }}{TAIL}"


@pytest.mark.long
@pytest.mark.parametrize(("last", "verdict"), [("X = 1;", Verdict.ACCEPT), ("X = 3;", Verdict.REJECT)])
def test_copies_of_undefined_values_one_after_the_other(last: str, verdict: Verdict) -> None:
    programs = [load_text(text, "test.p4").program for text in (copied(), put_in(last))]
    assert check_pair(ProgramPair(*programs), Engine(), time.monotonic()).verdict is verdict
