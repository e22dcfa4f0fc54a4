"""Run-time indices that one side writes out: an equality that holds at each value is known; no other is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p4verify.proofs.answers import Answer, Status
from p4verify.proofs.by_values import LEAST, LEAST_AT_ONCE, at_each_value, known_by_values
from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.engine import Engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

K, A, C = b.var("in.k", 5), b.var("in.a", 8), b.var("in.c", 0)
ALL = range(1 << 5)


def f(index: Term) -> Term:
    return b.apply("f", 8, index, A)


def chain(values: range, otherwise: Term, wrong: int | None = None) -> Term:
    """``k == 0 ? f(0) : k == 1 ? f(1) : ...``, at one value what ``f`` is of the next."""
    made = otherwise
    for value in reversed(values):
        made = b.ite(b.eq(K, b.bv(value, 5)), f(b.bv(value + (value == wrong) & 31, 5)), made)
    return made


def holds(x: Term, y: Term) -> bool:
    """Whether nothing is left to prove."""
    return not known_by_values(Obligation("test", b.TRUE, (unequal("x", x, y),))).parts


def test_an_index_that_is_written_out_is_known() -> None:
    assert holds(f(K), chain(ALL, A))
    assert holds(chain(ALL, A), f(K))
    assert holds(f(K), chain(range(LEAST + 1), f(K)))
    assert holds(b.ite(C, f(K), A), b.ite(C, chain(ALL, b.bv(0, 8)), A))


@pytest.mark.parametrize("wrong", [0, 7, 31])
def test_one_value_at_which_the_sides_differ_keeps_it_open(wrong: int) -> None:
    assert not holds(f(K), chain(ALL, A, wrong))


def test_what_happens_at_no_value_counts_where_not_all_are_written_out() -> None:
    assert not holds(f(K), chain(ALL[:-1], A))
    assert not holds(f(K), chain(ALL[1:], A))


def test_comparisons_are_known_behind_the_last_value() -> None:
    """A compiler says ``k >= 30`` where it has come to the end."""
    end = b.ite(b.ult(K, b.bv(30, 5)), A, f(b.bv(2, 5)))
    spec = b.ite(b.ult(K, b.bv(30, 5)), f(K), f(b.bv(2, 5)))
    assert holds(spec, chain(range(30), end))


def test_parts_beside_it_stay() -> None:
    both = Obligation("test", b.TRUE, (unequal("x", f(K), chain(ALL, A)), unequal("y", f(K), chain(ALL, A, 3))))
    assert [part.name for part in known_by_values(both).parts] == ["y"]


def test_values_that_do_not_begin_at_zero_bound_nothing() -> None:
    small = b.ult(K, b.bv(20, 5))
    made = b.ite(small, b.bv(3, 8), f(K))
    for value in range(1, 21):
        made = b.ite(b.eq(K, b.bv(value, 5)), A if value < 20 else f(b.bv(value, 5)), made)
    assert not holds(b.ite(small, A, f(K)), made)


# --- queries ------------------------------------------------------------------------------------------------------


def asked(query: Term) -> Answer | None:
    """What is said of it at each value."""
    return at_each_value(query, lambda here: Engine(timeout=20).satisfiable(here, "test"))


@pytest.mark.parametrize("count", [LEAST_AT_ONCE, 9, 32])
def test_a_query_holds_where_it_does_at_each_value_and_elsewhere(count: int) -> None:
    answer = asked(b.ne(chain(range(count), f(K)), f(K)))
    assert answer is not None
    assert answer.status == "unsat"


@pytest.mark.parametrize(("count", "wrong"), [(LEAST_AT_ONCE, 0), (9, 8), (32, 31)])
def test_a_query_that_has_a_model_at_one_value_has_it_there(count: int, wrong: int) -> None:
    query = b.ne(chain(range(count), f(K), wrong), f(K))
    answer = asked(query)
    assert answer is not None
    assert answer.model is not None
    assert answer.model.values["in.k"] == wrong
    assert answer.model.holds(query)


def test_a_query_that_has_a_model_at_no_value_that_it_names_has_it_elsewhere() -> None:
    query = b.ne(chain(range(9), A), chain(range(9), b.bnot(A)))
    answer = asked(query)
    assert answer is not None
    assert answer.model is not None
    assert answer.model.values["in.k"] >= 9
    assert answer.model.holds(query)


def test_a_query_has_no_answer_where_a_value_has_none_or_few_are_compared() -> None:
    query = b.ne(chain(range(9), f(K)), f(K))
    assert at_each_value(query, lambda here: Answer("unknown")) is None
    assert asked(b.ne(chain(range(LEAST_AT_ONCE - 1), f(K)), f(K))) is None


def test_a_query_whose_first_value_takes_long_is_asked_itself() -> None:
    """Before its other values, for a few times as long; a model and an answer are that query's own."""
    query = b.ne(chain(range(9), f(K)), f(K))
    asked_for: list[float] = []
    pieces = 0

    def piece(here: Term) -> Answer:
        nonlocal pieces
        pieces += 1
        return Answer("unsat")

    def whole(status: Status) -> Callable[[float], Answer]:
        def answer(seconds: float) -> Answer:
            asked_for.append(seconds)
            return Answer(status)

        return answer

    for status, asked_pieces in (("unsat", 1), ("unknown", 10)):
        pieces = 0
        answer = at_each_value(query, piece, whole(status), slow=-1.0)
        assert answer is not None
        assert answer.status == "unsat"
        assert pieces == asked_pieces
    assert len(asked_for) == 2
    assert at_each_value(query, piece, whole("sat"), slow=60.0) == Answer("unsat")
    assert len(asked_for) == 2
