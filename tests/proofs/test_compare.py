"""Taking the statement apart: what a context says may be used, and nothing else."""

from __future__ import annotations

import random

import pytest

from p4verify.proofs.compare import Obligation, obligations, unequal
from p4verify.proofs.difference import difference_in
from p4verify.proofs.engine import Model
from p4verify.proofs.known import ROUNDS, bounded, conjuncts_of, facts, propagate, size_of
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term, walk
from p4verify.semantics.meaning.behaviour import Behaviour, Case
from tests.support.terms import Shapes, assignments, proven_equal

X, Y, Z = (b.var(name, 8) for name in "xyz")
P, Q = b.var("p", 0), b.var("q", 0)


def test_facts_of_a_conjunction() -> None:
    context = b.and_(b.eq(X, b.bv(3, 8)), b.not_(P), b.ult(Y, Z))
    assert facts(context) == {X: b.bv(3, 8), P: b.FALSE, b.ult(Y, Z): b.TRUE}


def test_that_one_of_several_holds_says_that_not_none_does() -> None:
    known = facts(b.or_(P, Q))
    assert known[b.and_(b.not_(P), b.not_(Q))] is b.FALSE


def test_what_a_condition_folds_to_is_looked_at_again() -> None:
    """With ``p`` known, the condition becomes one that is known as well."""
    one_of = b.or_(Q, b.eq(X, b.bv(3, 8)))
    condition = b.and_(b.or_(P, b.eq(Z, b.bv(1, 8))), b.not_(Q), b.not_(b.eq(X, b.bv(3, 8))))
    shown = b.ite(condition, b.apply("f", b.bit_vector(8), X), Y)
    spec, impl = (Behaviour((Case(b.and_(P, one_of), (), {"y": y}),)) for y in (Y, shown))
    both = [o for o in obligations(spec, impl) if o.name.startswith("case")]
    assert [o.parts for o in both] == [()]


def test_what_differs_in_many_parts_of_one_name_is_named_once() -> None:
    parts = (unequal("bytes", X, Y), unequal("port", Y, Z), unequal("bytes", X, Z))
    found = difference_in(Obligation("sent", b.TRUE, parts), Model({"x": 1, "y": 2, "z": 3}))
    assert found.parts == ("bytes", "port")


def test_a_small_conjunct_is_used_up_in_a_large_one() -> None:
    context, known = propagate(b.and_(P, b.or_(b.not_(P), b.eq(X, b.bv(1, 8)), Q), b.not_(Q)))
    assert context is b.and_(P, b.not_(Q), b.eq(X, b.bv(1, 8)))
    assert known[X] is b.bv(1, 8)


def test_nothing_proves_itself_away() -> None:
    """Two conjuncts that say the same in two ways: one of them must stay."""
    same = b.make("or", (P, Q), b.BOOL), b.make("or", (Q, P), b.BOOL)
    context, _ = propagate(b.make("and", same, b.BOOL))
    assert context is not b.TRUE
    assert proven_equal(context, b.or_(P, Q))


def test_a_contradiction_is_seen() -> None:
    assert propagate(b.and_(b.eq(X, b.bv(1, 8)), b.eq(b.add(X, Y), b.bv(3, 8)), b.eq(Y, b.bv(9, 8))))[0] is b.FALSE


def test_what_comes_behind_a_contradiction_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Term] = []
    monkeypatch.setattr(b, "rebuild", lambda term, args: (looked.append(term), rebuild(term, args))[1])
    rebuild, large = walk.rebuild, b.eq(b.mul(b.add(X, Y), b.add(Y, Z)), b.add(X, b.mul(Y, Z)))
    assert propagate(b.and_(b.eq(X, b.bv(1, 8)), b.eq(b.band(X, b.bv(2, 8)), b.bv(2, 8)), large)) == (b.FALSE, {})
    assert looked
    assert large not in looked


@pytest.mark.parametrize("seed", range(60))
def test_what_is_learnt_is_put_in_as_a_substitution_puts_it(seed: int) -> None:
    """Whatever was made of a node before: a conjunct becomes what smaller ones' facts, put in at once, make of it."""
    shapes, rng = Shapes(seed=seed), random.Random(seed)
    shared = [shapes.term(8, 3) for _ in range(3)]

    def conjunct() -> Term:
        x, y = rng.choice(shared), rng.choice((*shared, b.bv(rng.randrange(4), 8)))
        return rng.choice((b.eq, b.ult, lambda x, y: b.not_(b.ult(y, x)), lambda x, y: b.ne(x, y)))(x, y)

    context = b.and_(*(b.or_(conjunct(), *(conjunct() for _ in range(rng.randrange(3)))) for _ in range(8)))
    assert propagate(context) == propagated_plainly(context)


def propagated_plainly(context: Term) -> tuple[Term, dict[Term, Term]]:
    for _ in range(ROUNDS):
        known: dict[Term, Term] = {}
        conjuncts = []
        for atom in sorted(conjuncts_of(context), key=lambda t: (size_of(t), t.serial)):
            new = b.substitute([atom], known | bounded(known, [atom]))[0]
            if new is b.FALSE:
                return b.FALSE, {}
            conjuncts.append(new)
            known |= facts(atom) | facts(new)
        after = b.and_(*conjuncts)
        if after is context:
            break
        context = after
    return context, facts(context)


@pytest.mark.parametrize("seed", range(40))
def test_propagation_keeps_the_meaning(seed: int) -> None:
    shapes = Shapes(seed=seed)
    conjuncts = [shapes.term(0, 3) for _ in range(random.Random(seed).randrange(2, 7))]
    before = b.and_(*conjuncts)
    after, known = propagate(before)
    for values in assignments((before, after), 512, seed):
        was, now = b.evaluate([before, after], values)
        assert was == now, (before, after, values)
        if was:
            held: list[tuple[Term, Term]] = list(known.items())
            sides = b.evaluate([t for pair in held for t in pair], values, default=0)
            assert sides[::2] == sides[1::2]


@pytest.mark.parametrize("seed", range(40))
def test_guards_that_are_looked_at_together_ask_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where guards of one side do not exclude each other."""
    shapes = Shapes(seed=seed)
    spec, impl = (
        Behaviour(tuple(Case(shapes.term(0, 3), (), {"y": shapes.term(8, 2)}) for _ in range(count)))
        for count in (3, 5)
    )
    together = {o.name: o.violation for o in obligations(spec, impl)}
    monkeypatch.setattr("p4verify.proofs.compare.MANY_CASES", 100)
    alone = {o.name: o.violation for o in obligations(spec, impl)}
    assert together.keys() == alone.keys()
    for values in assignments((*together.values(), *alone.values()), 256, seed):
        both = (b.evaluate(list(said.values()), values, default=0) for said in (together, alone))
        assert next(both) == next(both)


def test_what_all_ways_have_in_common_is_a_fact() -> None:
    ways = b.or_(b.and_(P, b.eq(X, b.bv(3, 8)), b.eq(Y, b.bv(1, 8))), b.and_(b.eq(X, b.bv(3, 8)), b.not_(Q), P))
    context, known = propagate(ways)
    assert known[X] is b.bv(3, 8)
    assert known[P] is b.TRUE
    assert proven_equal(context, ways)


@pytest.mark.parametrize("truth", [b.TRUE, b.FALSE])
@pytest.mark.parametrize("turned", [False, True])
def test_a_comparison_decides_those_that_follow_from_it_and_no_others(truth: Term, turned: bool) -> None:
    """Every pair of comparisons of four bits with literals, by looking at all values."""
    value = b.var("v", 4)

    def compared(number: int, way: bool) -> Term:
        return b.ult(*((b.bv(number, 4), value) if way else (value, b.bv(number, 4))))

    for fact in (compared(number, turned) for number in range(16)):
        left = [n for n in range(16) if b.evaluate([fact], {"v": n})[0] == truth.value]
        for asked in (compared(number, way) for number in range(16) for way in (False, True)):
            says = {b.evaluate([asked], {"v": n})[0] for n in left}
            found = bounded({fact: truth}, [asked]).get(asked)
            if found is not None:
                assert says <= {found.value}
            elif left and asked.op == fact.op == "ult":
                assert len(says) == 2, (fact, truth, asked)
