"""Where two sides differ both in what is defined and in what is not, the first is what is told."""

from __future__ import annotations

import time

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.defined import defined_difference
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import may_agree, search
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import PORT, Behaviour, Case, Choice, Output, Packet, byte
from p4verify.semantics.p4.frontend import load_text

ANY = b.var("any.0", 8)
UNDEFINED = b.eq(byte(1), b.bv(0, 8))
WRONG = b.and_(b.not_(UNDEFINED), b.eq(byte(2), b.bv(9, 8)))


def sends(value: Term) -> Behaviour:
    output = Output(b.TRUE, "port", PORT, Packet((value,), 1))
    return Behaviour((Case(b.TRUE, (output,)),), choices=(Choice(ANY, "test"),))


@pytest.mark.parametrize("spec", [byte(0), b.ite(b.eq(byte(3), b.bv(0, 8)), ANY, byte(0))])
def test_a_difference_in_what_is_defined_is_found_beside_one_that_is_not(spec: Term) -> None:
    undefined = b.ite(UNDEFINED, ANY, byte(0))
    engine = Engine(timeout=20)
    only = search(sends(spec), sends(undefined), engine)
    assert only.difference is not None
    assert may_agree(only, engine)
    assert defined_difference(only, engine) is None
    both = search(sends(spec), sends(b.ite(WRONG, b.bnot(byte(0)), undefined)), engine)
    found = defined_difference(both, engine)
    assert found is not None
    assert found.difference is not None
    assert found.difference.model.holds(WRONG)
    assert not may_agree(found, engine)


TEXT = """#include <core.p4>
header h_t { bit<8> a; }
struct H { h_t h; bit<8> r; }
control c(inout H s) { apply { BODY } }
control proto(inout H s);
package top(proto p);
top(c()) main;
"""


@pytest.mark.parametrize(
    ("other", "only_undefined"),
    [("s.r = s.h.a;", True), ("if (s.h.isValid()) { s.r = s.h.a + 1; } else { s.r = s.h.a; }", False)],
)
def test_a_verdict_does_not_say_that_only_what_is_undefined_differs_where_more_does(
    other: str, only_undefined: bool
) -> None:
    body = "s.r = s.h.isValid() ? s.h.a : 8w0;"
    first, second = (load_text(TEXT.replace("BODY", text), "t.p4").program for text in (body, other))
    proof = check_pair(ProgramPair(first, second), Engine(), time.monotonic())
    assert proof.verdict is Verdict.REJECT
    assert ("only where a value is undefined" in proof.reason) == only_undefined
