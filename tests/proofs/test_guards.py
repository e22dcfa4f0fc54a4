"""Sides whose cases are divided alike, with guards of another form: cases meet their partners alone."""

from __future__ import annotations

import time
from dataclasses import replace

from p4verify.proofs.compare import that_can_meet
from p4verify.proofs.engine import Engine
from p4verify.proofs.guards import with_guards_alike
from p4verify.proofs.refine import decide, search
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import Assumption, Behaviour, Case, byte

WAYS = 16
NONE: frozenset[Term] = frozenset()


def is_(index: int, value: int) -> Term:
    return b.eq(byte(index), b.bv(value, 8))


def first(way: int) -> Term:
    """Byte 0 says the way, and byte 1 is one of two."""
    return b.or_(b.and_(is_(0, way), is_(1, 1)), b.and_(is_(0, way), is_(1, 2), b.not_(is_(2, 9))))


def second(way: int) -> Term:
    """The same, put together in another order."""
    return b.and_(is_(0, way), b.or_(is_(1, 1), is_(1, 2)), b.or_(is_(1, 1), b.not_(is_(2, 9))))


def side(guards: list[Term], shown: int = 0) -> Behaviour:
    rest = b.not_(b.or_(*guards))
    cases = [Case(g, (), {"way": b.bv(k // 2, 8), "x": b.bv(k + shown, 8)}) for k, g in enumerate(guards)]
    return Behaviour((*cases, Case(rest, (), {"way": b.bv(255, 8), "x": b.bv(255, 8)})))


SPEC = side([first(way) for way in range(WAYS)])


def verdict(spec: Behaviour, impl: Behaviour) -> str:
    proof = decide(search(spec, impl, Engine(timeout=20)), time.monotonic(), "")
    return "differs" if proof is None else proof.verdict.value


def meetings(spec: Behaviour, impl: Behaviour) -> int:
    return sum(1 for _ in that_can_meet(spec, with_guards_alike(spec, impl, NONE, Engine(timeout=20))))


def test_each_case_meets_its_partner_alone() -> None:
    impl = side([second(way) for way in range(WAYS)])
    assert sum(1 for _ in that_can_meet(SPEC, impl)) > WAYS * WAYS
    assert meetings(SPEC, impl) == WAYS + 1
    assert verdict(SPEC, impl) == "accept"


def test_a_guard_that_is_almost_another_is_not_taken_for_it() -> None:
    """One input of one way goes another way."""
    odd = b.and_(second(3), b.not_(b.and_(is_(1, 2), is_(2, 77))))
    impl = side([odd if way == 3 else second(way) for way in range(WAYS)])
    assert meetings(SPEC, impl) > WAYS + 1
    assert verdict(SPEC, impl) == "differs"


def test_what_cases_show_is_still_compared() -> None:
    impl = side([second(way) for way in range(WAYS)])
    other = replace(impl, cases=(*impl.cases[:5], replace(impl.cases[5], metadata={"way": b.bv(2, 8), "x": byte(4)}),
                                 *impl.cases[6:]))  # fmt: skip
    assert meetings(SPEC, other) == WAYS + 1
    assert verdict(SPEC, other) == "differs"


def test_guards_may_differ_where_no_input_is() -> None:
    impl = side([b.or_(second(way), b.and_(is_(0, way), is_(3, 5))) for way in range(WAYS)])
    assert verdict(SPEC, impl) == "differs"
    never = Assumption("no 5 there", b.not_(is_(3, 5)))
    assert meetings(replace(SPEC, domain=(never,)), impl) == WAYS + 1
    assert verdict(replace(SPEC, domain=(never,)), impl) == "accept"


def test_a_guard_that_hangs_on_a_choice_stays_what_it_is() -> None:
    """A choice that is given the other side's name is another choice."""
    chosen = b.var("any.0", 0)
    spec = side([b.and_(first(way), chosen) if way == 3 else first(way) for way in range(WAYS)])
    impl = side([second(way) for way in range(WAYS)])
    same = with_guards_alike(spec, impl, frozenset({chosen}), Engine(timeout=20))
    assert impl.cases[3].guard in {case.guard for case in same.cases}
