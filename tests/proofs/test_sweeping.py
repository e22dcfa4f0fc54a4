"""Questions of both sides made one: what is left holds if and only if what was there does."""

from __future__ import annotations

import random
from functools import partial

import pytest

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.deciding import Search
from p4verify.proofs.engine import Engine
from p4verify.proofs.sweeping import LEAST, swept
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning import lookup

LONG = LEAST
KEY = 8


def asked(table: int, key: Term) -> tuple[Term, Term, Term]:
    name = f"t{table}"
    return lookup.hit(name, key), lookup.action(name, key), lookup.argument(name, "put", "v", KEY, key)


def chain(length: int, wrong: int | None = None) -> Obligation:
    """A chain of tables, each asked with what the one before has answered; the second side numbers actions from 1 and
    at one place may do something wrong."""
    x = y = b.var("pkt[0]", KEY)
    legal = []
    for i in range(length):
        hit, action, value = asked(i, x)
        legal.append(b.implies(hit, b.ult(action, b.bv(2, action.width))))
        x = b.ite(b.and_(hit, b.eq(action, b.bv(0, 16))), value, x)
        hit, action, value = asked(i, y)
        number = b.add(b.zext(action, 17), b.bv(1, 17))
        does = b.not_(b.ult(b.bv(1, 17), number))
        value = b.add(value, b.bv(1, KEY)) if i == wrong else value
        y = b.ite(b.not_(hit), y, b.ite(does, value, y))
    return Obligation("chain", b.and_(*legal), (unequal("last", x, y),), 1)


def unsatisfiable(engine: Engine, query: Term, seconds: float) -> bool:
    return engine.satisfiable(query, "", seconds).status == "unsat"


def test_a_chain_of_questions_is_proven_one_by_one() -> None:
    engine = Engine(10)
    assert swept(chain(LONG), partial(unsatisfiable, engine)).parts == ()
    assert engine.solved < 6, "all links are one query by another name"


def test_a_short_chain_is_left_to_the_solver() -> None:
    short = chain(LEAST // 3 - 1)
    assert swept(short, partial(unsatisfiable, Engine(10))) is short


@pytest.mark.parametrize("wrong", [0, LONG // 2, LONG - 1])
def test_a_mistake_is_not_swept_away(wrong: int) -> None:
    engine = Engine(20)
    left = swept(chain(LONG, wrong), partial(unsatisfiable, engine))
    assert left.parts
    assert engine.satisfiable(left.violation).status == "sat"


def test_what_the_context_says_of_the_second_side_is_said_of_the_first() -> None:
    """Where one side does one thing in a case, what decides the case is in the context, and not in the parts."""
    links = chain(LONG)
    (last,) = links.parts
    assert last.pair is not None
    _, x, y = last.pair
    five = b.bv(5, KEY)
    left = swept(
        Obligation("case", b.and_(links.context, b.eq(y, five)), (unequal("last", x, five),), 1),
        partial(unsatisfiable, Engine(10)),
    )
    assert set(b.applications(left.violation)) == set(b.applications(x))


def test_what_a_proof_rests_on_is_kept() -> None:
    """Answers that are equal because of a conjunct are not put into that conjunct."""
    links = chain(LONG)
    (last,) = links.parts
    assert last.pair is not None
    _, x, y = last.pair
    key, other, either = b.var("pkt[1]", KEY), b.var("pkt[2]", KEY), b.ult(b.var("pkt[3]", KEY), b.bv(1, KEY))
    known = lookup.argument("known", "put", "v", KEY, key)
    parts = (
        unequal("first", lookup.action("next", b.ite(either, known, other)), lookup.action("next", known)),
        unequal("last", x, y),
        unequal("any", key, other),
    )
    before = Obligation("both", b.and_(links.context, b.eq(known, other)), parts, 3)
    after = swept(before, partial(unsatisfiable, Engine(10)))
    assert [part.name for part in after.parts] == ["any"]
    calls = {t.name for t in b.applications(before.violation)}
    functions = {name: lambda *_key: 0 for name in calls}
    values = {"pkt[0]": 0, "pkt[1]": 1, "pkt[2]": 2, "pkt[3]": 1}
    assert b.evaluate([before.violation, after.violation], values, functions) == [0, 0]


def test_where_the_context_holds_both_say_the_same() -> None:
    """On random answers, whether or not they make a difference."""
    for wrong in (None, 3):
        before = chain(LONG, wrong)
        after = swept(before, partial(unsatisfiable, Engine(10)))
        for seed in range(40):
            rng = random.Random(seed)
            table = {name: rng.randrange(3) for name in range(LONG)}

            def answer(name: str, key: int, table: dict[int, int] = table) -> int:
                number = int(name.split(".")[1][1:])
                kind = name.rsplit(".", 1)[-1]
                return {"hit": table[number] < 2, "action": table[number] % 2}.get(kind, (key * 7 + number) & 0xFF)

            calls = {t.name for t in b.applications(before.violation)}
            functions = {name: partial(answer, name) for name in calls}
            values = b.evaluate([before.violation, after.violation], {"pkt[0]": rng.randrange(256)}, functions)
            assert values[0] == values[1]


def test_a_search_proves_a_chain_without_a_large_query() -> None:
    engine = Engine(10)
    search = Search(engine, frozenset(), b.TRUE, (), (0, 0, 0))
    assert search.check(chain(4 * LONG)) is None
    assert engine.solved < 6


@pytest.mark.long
def test_a_choice_is_made_in_the_words_that_both_sides_have() -> None:
    """What a choice has to be is what the other side does behind a chain: it is told by the chain of the first side, so
    that no second one is left."""
    links = chain(16 * LONG)
    (last,) = links.parts
    assert last.pair is not None
    _, x, y = last.pair
    choice, five = b.var("any.0", KEY), b.bv(5, KEY)
    parts = (
        unequal("sent", b.ite(b.eq(x, five), b.ne(choice, b.bv(0xFF, KEY)), b.FALSE), b.eq(y, five)),
        unequal("port", b.ite(b.eq(x, five), choice, x), b.ite(b.eq(y, five), b.lshr(y, b.bv(1, KEY)), y)),
    )
    engine = Engine(10)
    search = Search(engine, frozenset({choice}), b.TRUE, (), (0, 0, 0))
    assert search.check(Obligation("case", links.context, parts, 2)) is None
    assert engine.solved < 16  # of a chain of hundreds of links; two ask whether zeros would do
