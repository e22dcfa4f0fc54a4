"""What a context leaves one value is put in, and calls with equal arguments are made one; what has to hold stays so."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.asked_alike import asked_alike
from p4verify.proofs.backbone import with_backbone
from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.engine import Engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

X, Y, Z = (b.var(name, 3) for name in "xyz")
PROTOCOL, LENGTH = b.var("protocol", 8), b.var("length", 4)
ENGINE = Engine()


def ask(query: Term, seconds: float) -> object:
    return ENGINE.satisfiable(query, "", seconds)


def never(query: Term, _seconds: float) -> bool:
    return ENGINE.satisfiable(query).status == "unsat"


def fails_on(obligation: Obligation) -> list[bool]:
    """Whether the obligation is violated, at each value of x, y and z."""
    return [
        bool(b.evaluate([obligation.violation], {"x": x, "y": y, "z": z})[0])
        for x, y, z in product(range(8), repeat=3)
    ]  # fmt: skip


@st.composite
def terms(draw: st.DrawFn, depth: int = 2) -> Term:
    if depth == 0:
        return draw(st.sampled_from([X, Y, Z, b.bv(1, 3), b.bv(5, 3)]))
    build = draw(st.sampled_from([b.add, b.band, b.bor, b.bxor, b.mul]))
    return build(draw(terms(depth - 1)), draw(terms(depth - 1)))


conditions = st.builds(b.eq, terms(), terms()) | st.builds(b.ult, terms(), terms())


@pytest.mark.long
@settings(max_examples=30)
@given(st.lists(conditions, min_size=1, max_size=4), terms(), terms(), conditions)
def test_an_obligation_fails_where_it_did(context: list[Term], x: Term, y: Term, when: Term) -> None:
    obligation = Obligation("o", b.and_(*context), (unequal("part", when=when, x=x, y=y),))
    assert fails_on(with_backbone(obligation, ask)) == fails_on(obligation)


def test_what_a_sum_leaves_one_value_is_put_in() -> None:
    """Sixteen lengths and two protocols, and one way to get to 76."""
    four = b.concat(b.bv(0, 2), LENGTH, b.bv(0, 2))
    total = b.add(four, b.ite(b.eq(PROTOCOL, b.bv(6, 8)), b.bv(16, 8), b.bv(6, 8)))
    protocols = b.or_(b.eq(PROTOCOL, b.bv(6, 8)), b.eq(PROTOCOL, b.bv(17, 8)))
    found = b.apply("found", b.BOOL, b.var("key", 32))
    context = b.and_(
        protocols, b.or_(b.and_(b.eq(total, b.bv(76, 8)), found), b.and_(b.eq(total, b.bv(76, 8)), b.not_(found)))
    )
    part = unequal("part", x=b.mul(four, b.var("v", 8)), y=b.mul(b.bv(60, 8), b.var("v", 8)))
    assert with_backbone(Obligation("o", context, (part,)), ask).parts[0].differ is b.FALSE


def test_calls_whose_arguments_are_the_same_in_the_context_are_one() -> None:
    def call(argument: Term) -> Term:
        return b.apply("f", b.bit_vector(3), argument)

    same = Obligation("o", b.eq(b.add(X, Y), Z), (unequal("part", x=call(call(Z)), y=call(call(b.add(Y, X)))),))
    assert asked_alike(same, never).parts[0].differ is b.FALSE
    other = Obligation("o", b.ule(X, Z), (unequal("part", x=call(Z), y=call(X)),))
    assert asked_alike(other, never) is other
