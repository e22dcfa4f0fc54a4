"""Inputs drawn at random find a difference between large behaviours without the solver, and never one that is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from p4verify.proofs import deciding, refine
from p4verify.proofs.compare import domain, obligations, that_can_meet
from p4verify.proofs.engine import Answer, Engine
from p4verify.proofs.refine import search
from p4verify.proofs.sampling import LARGE, samples
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import (
    LENGTH,
    Assumption,
    Behaviour,
    Case,
    Choice,
    Output,
    Packet,
    byte,
    input_bytes,
)
from p4verify.semantics.meaning.lookup import action, hit

ONE = b.bv(1, 32)
KIND, KEY = input_bytes(12, 2), input_bytes(14, 4)
GUARD = b.and_(
    b.ule(b.bv(20, 16), LENGTH), b.eq(KIND, b.bv(0x0806, 16)), hit("t", KEY), b.eq(action("t", KEY), b.bv(2, 16))
)
LEGAL = b.implies(hit("t", KEY), b.or_(*(b.eq(action("t", KEY), b.bv(n, 16)) for n in (0, 2))))


def mixed(last: Term, rounds: int = 400) -> Term:
    """Something that a solver does not see through: many multiplications of what the frame holds, and ``last``."""
    value = b.zext(KEY, 64)
    for number in range(rounds):
        value = b.bxor(b.mul(value, b.bv(2 * number + 3, 64)), b.lshr(value, b.bv(number % 31 + 1, 64)))
    return b.mul(b.bor(b.extract(value, 7, 0), b.bv(1, 8)), last)


def side(value: Term, choices: tuple[Term, ...] = ()) -> Behaviour:
    sent = Output(b.TRUE, "port", ONE, Packet((value,), 1))
    cases = (Case(GUARD, (sent,)), Case(b.not_(GUARD), ()))
    return Behaviour(cases, axioms=(LEGAL,), choices=tuple(Choice(c, "test") for c in choices))


class NoSolver(Engine):
    """Answers what folds, and fails where anything hard is asked."""

    def satisfiable(self, query: Term, what: str = "", seconds: float | None = None, *, plain: bool = True) -> Answer:
        assert query.is_const or len(b.postorder([query])) < LARGE, what
        return super().satisfiable(query, what, seconds, plain=plain)


def test_a_difference_behind_a_guard_a_table_and_its_action_is_drawn() -> None:
    outcome = search(side(mixed(b.bv(1, 8))), side(mixed(b.bv(2, 8))), NoSolver(timeout=5))
    assert outcome.difference is not None
    model = outcome.difference.model
    assert model.holds(b.and_(GUARD, LEGAL))
    assert outcome.difference.parts == ("port output: bytes",)


def test_nothing_is_drawn_where_nothing_differs_or_all_is_small() -> None:
    seven = b.bv(7, 8)
    same = b.bxor(b.bxor(byte(1), seven), b.bxor(byte(0), seven))
    for spec, impl in (
        (side(mixed(b.bxor(byte(0), byte(1)))), side(mixed(same))),
        (side(byte(0)), side(byte(1))),
    ):
        assert list(samples(list(obligations(spec, impl)), domain(spec, impl), {})) == []


@pytest.mark.long
def test_what_a_choice_makes_equal_is_no_difference() -> None:
    free = b.var("any.0", 8)
    spec, impl = side(mixed(free, 150), (free,)), side(mixed(b.bv(77, 8), 150))
    todo = list(obligations(spec, impl))
    assert list(islice(samples(todo, domain(spec, impl), {free: b.var("impl.any.0", 8)}), 1))
    assert search(spec, impl, Engine(timeout=5)).difference is None


@pytest.mark.parametrize("mask", [0xFE, 0x7F])
def test_what_no_choice_makes_equal_is_one(mask: int) -> None:
    free = b.var("any.0", 8)
    spec = side(mixed(b.band(free, b.bv(mask, 8)), 300), (free,))
    impl = side(mixed(b.bv(0xFF, 8), 300))
    outcome = search(spec, impl, NoSolver(timeout=5))
    assert outcome.difference is not None


def test_an_input_that_is_not_legal_is_not_drawn() -> None:
    spec, impl = side(mixed(b.bv(1, 8))), side(mixed(b.bv(2, 8)))
    never = b.and_(domain(spec, impl), b.not_(hit("t", KEY)))
    assert list(samples(list(obligations(spec, impl)), never, {})) == []


def counted(limit: int, wrong: int | None = None, free: Term | None = None) -> Behaviour:
    """Cuts the frame to as many bytes as its first byte says: a case for each number. ``wrong``: with one too many;
    ``free``: behind what is sent."""
    cases = []
    for number in range(limit):
        sent = (byte(0), b.bv(number + (number == wrong), 8), free if free is not None else b.bv(5, 8))
        cases.append(Case(b.eq(byte(0), b.bv(number, 8)), (Output(b.TRUE, "port", ONE, Packet(sent, 1)),)))
    cases.append(Case(b.ule(b.bv(limit, 8), byte(0)), ()))
    domain_ = (Assumption("a byte", b.ule(b.bv(1, 16), LENGTH)),)
    return Behaviour(tuple(cases), domain_, choices=(Choice(free, "test"),) if free is not None else ())


def apart_in_form(side: Behaviour) -> Behaviour:
    """The same with other guards, so that by its form each case could meet each."""
    three = b.mul(byte(0), b.bv(3, 8))
    cases = [replace(case, guard=b.eq(three, b.bv(3 * i, 8))) for i, case in enumerate(side.cases[:-1])]
    rest = replace(side.cases[-1], guard=b.and_(*(b.not_(case.guard) for case in cases)))
    return replace(side, cases=(*cases, rest))


def test_among_many_cases_a_difference_is_drawn_before_obligations_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, impl = counted(40), apart_in_form(counted(40, wrong=23))
    assert len(list(that_can_meet(spec, impl))) > refine.MANY
    made = []
    right = refine.obligations
    for module in (refine, deciding):
        monkeypatch.setattr(module, "obligations", lambda *sides, **how: made.append(sides) or right(*sides, **how))
    outcome = search(spec, impl, Engine(timeout=20))
    assert outcome.difference is not None
    assert outcome.difference.model.values["pkt[0]"] == 23
    assert made
    assert all(isinstance(case.guard, Term) and case.guard.is_const for sides in made for case in sides[0].cases)


def test_many_cases_that_a_choice_makes_equal_are_equal() -> None:
    free = b.var("any.0", 8)
    impl = apart_in_form(counted(20))
    assert len(list(that_can_meet(counted(20, free=free), impl))) > refine.MANY
    assert search(counted(20, free=free), impl, Engine(timeout=20)).difference is None
    assert search(counted(20, wrong=3, free=free), impl, Engine(timeout=20)).difference is not None


def test_the_cell_that_is_looked_at_is_one_that_is_written() -> None:
    """Among 2^32 cells no other would be drawn."""
    cell = b.var("at.seen", 32)

    def writing(number: int) -> Behaviour:
        wide = b.zext(mixed(b.bv(1, 8)), 32)
        written = b.eq(cell, b.add(b.mul(wide, b.bv(0x10001, 32)), KEY))
        after = b.ite(written, b.add(wide, b.bv(number, 32)), b.apply("state.seen", 32, cell))
        return Behaviour((Case(b.TRUE, (), state={"seen": after}),))

    outcome = search(writing(1), writing(2), NoSolver(timeout=5))
    assert outcome.difference is not None
    assert outcome.difference.parts == ("state seen",)


def test_a_choice_may_have_another_width_on_the_other_side() -> None:
    """Sides number their choices by themselves, so one name may be two things."""
    narrow, wide = b.var("any.0", 8), b.var("any.0", 16)
    spec = side(b.bxor(narrow, byte(0)), (narrow,))
    impl = side(b.bxor(b.extract(wide, 11, 4), byte(1)), (wide,))
    assert search(spec, impl, Engine(timeout=20)).difference is None
    assert search(impl, spec, Engine(timeout=20)).difference is None
    outcome = search(side(b.band(narrow, byte(0)), (narrow,)), impl, Engine(timeout=20))
    assert outcome.difference is not None
