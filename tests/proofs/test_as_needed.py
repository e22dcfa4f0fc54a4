"""Queries beside axioms of which only those are asked for that a model breaks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs import as_needed
from p4verify.proofs.engine import Answer, Engine
from p4verify.semantics import bits as b

X, Y = b.var("x", 8), b.var("y", 8)


def _axiom(kind: int, number: int) -> b.Term:
    n = b.bv(number, 8)
    return (b.ult(X, n), b.ult(n, Y), b.ne(X, n), b.or_(b.eq(X, Y), b.ult(Y, n)), b.eq(Y, n), b.eq(b.add(X, Y), n))[
        kind
    ]


def _asked(query: b.Term, axioms: list[b.Term]) -> tuple[list[b.Term], str]:
    """What the solver was asked for, and the answer."""
    seen: list[b.Term] = []

    class Watched(Engine):
        def satisfiable(
            self, query: b.Term, what: str = "", seconds: float | None = None, *, plain: bool = True
        ) -> Answer:
            seen.append(query)
            return super().satisfiable(query, what, seconds, plain=plain)

    return seen, as_needed.satisfiable(Watched(), query, axioms, "a query").status


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 255)), max_size=60), st.integers(0, 255))
def test_the_answer_is_that_of_all_axioms_at_once(made: list[tuple[int, int]], number: int) -> None:
    axioms = [_axiom(*each) for each in made]
    query = b.ult(X, b.bv(number, 8))
    answer = as_needed.satisfiable(Engine(), query, axioms, "a query")
    assert answer.status == Engine().satisfiable(b.and_(query, *axioms)).status
    if answer.model is not None:
        assert all(answer.model.holds(term) for term in (query, *axioms))


def test_an_axiom_that_no_model_breaks_is_never_asked_for() -> None:
    other = b.ult(b.var("z", 8), b.bv(200, 8))
    seen, status = _asked(b.ult(X, b.bv(9, 8)), [other, b.ult(b.bv(3, 8), X)])
    assert status == "sat"
    assert all(b.variables(query) == [X] for query in seen)


def test_more_models_than_are_allowed_leave_all_axioms_at_once(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(as_needed, "MODELS", 1)
    axioms = [b.ult(b.bv(3, 8), X), b.ult(X, b.bv(4, 8))]
    seen, status = _asked(b.ult(X, b.bv(9, 8)), axioms)
    assert status == "unsat"
    assert len(seen) == 2
