"""Choices carried upwards, obligations taken apart, and parts that hold whatever is chosen: on few bits all inputs and
all choices are gone through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.engine import Engine
from p4verify.proofs.freeing import freed
from p4verify.proofs.refine import search
from p4verify.proofs.regardless import LEAST, holding_regardless
from p4verify.proofs.splitting import condition_of, sides
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import INPUT_PACKET, Behaviour, Case, Output

WIDTH = 2
INPUTS = (b.var("in.x", WIDTH), b.var("in.y", WIDTH))
CELL = b.var("at.cell", 1)
CHOICES = tuple(b.var(f"any.{i}", WIDTH) for i in range(3))


def numbers(leaves: Sequence[Term]) -> st.SearchStrategy[Term]:
    leaf = st.sampled_from([*leaves, *(b.bv(n, WIDTH) for n in range(4))])
    return st.recursive(leaf, lambda inner: st.one_of(
        st.builds(lambda f, x, y: f(x, y), st.sampled_from([b.add, b.bxor, b.band]), inner, inner),
        st.builds(b.bnot, inner),
        st.builds(b.ite, conditions(inner), inner, inner),
    ), max_leaves=6)  # fmt: skip


def conditions(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    compared = (st.builds(f, inner, inner) for f in (b.eq, b.ult, b.slt))
    atoms = st.one_of(*compared, st.just(b.eq(CELL, b.bv(0, 1))))
    both = st.tuples(atoms, atoms)
    return st.one_of(atoms, atoms.map(b.not_), both.map(lambda p: b.and_(*p)), both.map(lambda p: b.or_(*p)))


def holds(obligation: Obligation, legal: Term, choices: Sequence[Term], beside: Sequence[Term] = ()) -> bool:
    """For all inputs some choices do, in all cells. Choices that break an axiom are not to be had."""
    fails = b.and_(legal, obligation.violation)
    for inputs in values((*INPUTS, *beside)):
        if not any(
            all(not b.evaluate([fails], {**inputs, **chosen, CELL.name: cell})[0] for cell in range(2))
            for chosen in values(choices)
        ):
            return False
    return True


def values(variables: Sequence[Term]) -> list[dict[str, int]]:
    ranges = [range(1 << max(1, v.width)) for v in variables]
    return [{v.name: n for v, n in zip(variables, each, strict=True)} for each in product(*ranges)]


def compared(*pairs: tuple[Term, Term], context: Term = b.TRUE) -> Obligation:
    parts = (unequal(f"{i}", x, y) for i, (x, y) in enumerate(pairs))
    return Obligation("test", context, tuple(p for p in parts if p.differ is not b.FALSE))


@settings(max_examples=150, deadline=None)
@given(numbers([*INPUTS, *CHOICES]), numbers([*INPUTS, *CHOICES]), numbers([*INPUTS, CHOICES[0]]), numbers(INPUTS))
def test_an_obligation_with_freed_choices_holds_exactly_if_it_did(x: Term, z: Term, more: Term, y: Term) -> None:
    obligation = compared((x, y), (b.bxor(x, z), more))
    found = freed(obligation, b.TRUE, frozenset(CHOICES))
    if found is None:
        return
    left = [v for v in b.variables(found.obligation.violation) if v in found.choices or v in CHOICES]
    if sum(max(1, v.width) for v in left) <= 6:
        assert holds(found.obligation, found.legal, left) == holds(obligation, b.TRUE, CHOICES)


def never(query: Term, _what: str) -> bool:
    """Whether a query is false on all inputs."""
    return not any(b.evaluate([query], {**inputs, CELL.name: cell})[0] for inputs in values(INPUTS) for cell in (0, 1))


@pytest.fixture
def however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p4verify.proofs.regardless.LEAST", 1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions(numbers([*INPUTS, *CHOICES[:2]])), conditions(numbers([*INPUTS, CHOICES[0]])),
       numbers([*INPUTS, CHOICES[0]]), numbers(INPUTS), numbers(INPUTS))  # fmt: skip
def test_an_obligation_holds_exactly_if_it_did_without_what_holds_regardless(
    however_small: None, when: Term, context: Term, x: Term, y: Term, z: Term
) -> None:
    parts = (unequal("chosen", x, y, when), unequal("free", y, z, when), unequal("alike", z, b.add(z, y), when))
    obligation = Obligation("test", context, tuple(part for part in parts if part.differ is not b.FALSE))
    left = holding_regardless(obligation, frozenset(CHOICES), never)
    assert set(left.parts) <= set(obligation.parts)
    assert holds(left, b.TRUE, CHOICES[:2]) == holds(obligation, b.TRUE, CHOICES[:2])


def sum_of(names: str, *, shuffled: bool = False) -> Term:
    """A fold of many numbers, which the terms' own form does not show to be the same in another order."""
    terms = [b.concat(b.bv(0, 8), b.var(f"in.{names}{i}", 8)) for i in range(LEAST // 2)]
    total = b.bv(0, 16)
    for term in reversed(terms) if shuffled else terms:
        total = b.band(b.add(total, term), b.bnot(b.bv(0x8000, 16))) if shuffled else b.add(total, term)
    return total


def test_large_parts_without_choices_are_asked_once_where_no_choice_is_known() -> None:
    chosen, sent = b.eq(CHOICES[0], X), b.eq(X, Y)
    large, other = sum_of("a"), sum_of("a", shuffled=True)
    parts = (unequal("port", CHOICES[1], X, chosen), unequal("sum", large, other, b.and_(chosen, sent)))
    asked: list[Term] = []

    def unsatisfiable(query: Term, _what: str) -> bool:
        asked.append(query)
        return True

    obligation = Obligation("test", b.ult(X, b.bv(2, WIDTH)), parts)
    left = holding_regardless(obligation, frozenset(CHOICES), unsatisfiable)
    assert asked == [b.and_(obligation.context, sent, b.ne(large, other))]
    assert [part.name for part in left.parts] == ["port"]
    kept = holding_regardless(obligation, frozenset(CHOICES), lambda _query, _what: False)
    assert kept.parts == obligation.parts


def chosen_of(names: str, *, otherwise: bool = False) -> Term:
    """A large term in which nothing is added up."""
    found = X
    for i in range(LEAST // 2):
        one = b.var(f"in.{names}{i}", WIDTH)
        found = b.ite(b.ult(one, found), *((one, found) if otherwise else (found, one)))
    return found


def test_large_parts_in_which_nothing_is_added_up_are_asked_together() -> None:
    """... and one by one where that is not seen."""
    pairs = [(chosen_of(name), chosen_of(name, otherwise=True)) for name in "ab"]
    when = b.eq(CHOICES[0], X)
    bytes_ = (unequal(f"bytes {i}", *pair, when) for i, pair in enumerate(pairs))
    parts = (unequal("port", CHOICES[1], X, when), *bytes_)
    obligation, asked = Obligation("test", b.TRUE, parts), list[str]()

    def unsatisfiable(_query: Term, what: str) -> bool:
        asked.append(what)
        return answer

    answer = True
    left = holding_regardless(obligation, frozenset(CHOICES), unsatisfiable)
    assert (asked, [part.name for part in left.parts]) == (["test: large parts"], ["port"])
    answer = False
    kept = holding_regardless(obligation, frozenset(CHOICES), unsatisfiable)
    assert (asked[1:], kept.parts) == (["test: large parts", "test: bytes 0"], parts)


X, Y = INPUTS
IN_CELL = b.ite(b.eq(CELL, b.bv(0, 1)), X, Y)


@pytest.mark.parametrize(("x", "y", "expected"), [
    (b.ult(CHOICES[0], X), b.eq(Y, X), False),
    (b.ult(X, CHOICES[0]), b.eq(Y, X), False),
    (b.slt(CHOICES[0], X), b.eq(Y, X), False),
    (b.slt(X, CHOICES[0]), b.eq(Y, X), False),
    (b.slt(CHOICES[0], X), b.eq(X, b.bv(2, WIDTH)), False),
    (b.slt(X, CHOICES[0]), b.eq(X, b.bv(1, WIDTH)), False),
    (b.add(CHOICES[0], IN_CELL), Y, False),
    (b.add(b.ite(b.eq(CELL, b.bv(0, 1)), CHOICES[0], X), b.ite(b.eq(CELL, b.bv(0, 1)), Y, CHOICES[1])), IN_CELL, True),
    (b.add(b.ite(b.eq(CELL, b.bv(0, 1)), CHOICES[0], CHOICES[1]), X), IN_CELL, True),
    (b.ult(b.bv(1, WIDTH), b.add(b.ite(b.eq(X, Y), CHOICES[0], X), CHOICES[1])), b.eq(Y, X), True),
    (b.and_(b.eq(X, Y), b.eq(CHOICES[0], X)), b.eq(X, b.bv(1, WIDTH)), False),
    (b.or_(b.eq(X, Y), b.eq(CHOICES[0], X)), b.eq(X, b.bv(1, WIDTH)), False),
])  # fmt: skip
def test_what_must_stay_closed_stays_closed(x: Term, y: Term, expected: bool) -> None:
    obligation = compared((x, y))
    assert holds(obligation, b.TRUE, CHOICES[:2]) == expected
    found = freed(obligation, b.TRUE, frozenset(CHOICES))
    if found is not None:
        left = [v for v in b.variables(found.obligation.violation) if v in found.choices or v in CHOICES]
        assert holds(found.obligation, b.TRUE, left) == expected


def test_a_choice_that_an_axiom_speaks_of_is_not_freed() -> None:
    obligation = compared((b.add(CHOICES[0], X), Y))
    assert freed(obligation, b.eq(CHOICES[0], b.bv(0, WIDTH)), frozenset(CHOICES)) is None


@settings(max_examples=80, deadline=None)
@given(numbers([*INPUTS, *CHOICES[:2]]), numbers([*INPUTS, *CHOICES[:2]]), numbers(INPUTS))
def test_an_obligation_holds_if_it_does_on_both_sides_of_a_condition(x: Term, z: Term, y: Term) -> None:
    obligation = compared((b.ite(b.eq(X, b.bv(1, WIDTH)), x, z), y))
    condition = condition_of(obligation, frozenset(CHOICES))
    if condition is None:
        return
    assert not {*CHOICES, CELL}.intersection(b.variables(condition))
    apart = [holds(side, b.TRUE, CHOICES[:2]) for side in sides(obligation, condition)]
    assert all(apart) == holds(obligation, b.TRUE, CHOICES[:2])


def test_no_condition_speaks_of_a_cell_a_copy_or_a_choice() -> None:
    for name in ("at.cell", "each.0.port", "in.each.0.x", "any.each.1", "impl.any.each.1", "any.0"):
        condition = b.eq(b.var(name, WIDTH), b.bv(3, WIDTH))
        obligation = compared((b.ite(condition, CHOICES[0], X), Y))
        assert condition_of(obligation, frozenset(CHOICES)) is None, name


def test_elements_of_a_stack_with_an_open_index_are_added_by_both() -> None:
    """Each side may take what it likes where an index is too large; the other decides element by element."""
    elements = [b.var(f"in.e{i}", 32) for i in range(3)]
    indices = [b.var(f"in.i{i}", 32) for i in range(3)]

    def total(name: Callable[[int, int], str]) -> Term:
        read = []
        for k, index in enumerate(indices):
            value = b.var(name(k, 0), 32)
            for i, element in enumerate(elements):
                value = b.ite(b.eq(index, b.bv(i, 32)), element, value)
            read.append(value)
        return b.add(b.add(read[0], read[1]), read[2])

    def of(value: Term) -> Behaviour:
        big = b.ult(b.bv(20, 32), value)
        return Behaviour((Case(b.TRUE, (Output(big, "port", b.bv(1, 32), INPUT_PACKET),)),))

    spec, impl = of(total(lambda k, _: f"any.{k}")), of(total(lambda k, _: f"any.{7 - k}"))
    outcome = search(spec, impl, Engine(timeout=20))
    assert outcome.difference is None
    assert not outcome.unknown
    wrong = of(b.add(total(lambda k, _: f"any.{k}"), b.bv(1, 32)))
    assert search(spec, wrong, Engine(timeout=20)).difference is not None
