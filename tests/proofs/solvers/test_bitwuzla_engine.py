"""Answers of the second solver: those of the first, on random queries; models are whole; limits give unknown."""

from __future__ import annotations

import pytest

from p4verify.proofs import jobs
from p4verify.proofs.solvers import bitwuzla_engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.support.hard_queries import easy, hard
from tests.support.terms import Shapes

pytest.importorskip("bitwuzla", reason="p4verify[bitwuzla] is not installed")


def folded_sum(words: list[Term]) -> Term:
    """The ones' complement sum of 16-bit words, as RFC 1071 has it."""
    total = b.bv(0, 32)
    for word in words:
        total = b.add(total, b.zext(word, 32))
    for _ in range(2):
        total = b.add(b.band(total, b.bv(0xFFFF, 32)), b.lshr(total, b.bv(16, 32)))
    return b.bnot(b.extract(total, 15, 0))


def updated(checksum: Term, before: Term, after: Term) -> Term:
    """RFC 1624's equation 3."""
    return folded_sum([b.bnot(checksum), b.bnot(before), after])


@pytest.mark.parametrize("seed", range(40))
def test_both_solvers_say_the_same(seed: int) -> None:
    query = Shapes(seed).term(0, 5)
    answer = jobs.solve(query, 20, 2048, jobs.BITWUZLA)
    assert answer.status == jobs.solve(query, 20, 2048).status
    assert answer.model is None or answer.model.holds(query)


@pytest.mark.parametrize("number", range(4))
def test_functions_are_completed_to_a_model(number: int) -> None:
    odd = b.and_(easy(number), b.eq(b.apply("two words", 8, b.var("line\nend", 8)), b.bv(3, 8)), b.var("flag", 0))
    answer = jobs.solve(odd, 20, 2048, jobs.BITWUZLA)
    assert answer.status == ("sat" if number % 2 else "unsat")
    assert answer.model is None or (answer.model.holds(odd) and answer.model.values["flag"] == 1)


def test_an_incremental_checksum_is_that_of_the_new_words() -> None:
    """Of four words; a sum that is all ones does not occur, for not all words are 0."""
    words, new = [b.var(f"w{i}", 16) for i in range(4)], b.var("new", 16)
    whole = folded_sum([new, *words[1:]])
    some = b.ne(whole, b.bv(0xFFFF, 16))
    wrong = b.and_(some, b.ne(updated(folded_sum(words), words[0], new), whole))
    assert jobs.solve(wrong, 60, 2048, jobs.BITWUZLA).status == "unsat"
    other = b.and_(some, b.ne(updated(folded_sum(words), words[1], new), whole))
    answer = jobs.solve(other, 60, 2048, jobs.BITWUZLA)
    assert answer.model is not None
    assert answer.model.holds(other)


def test_a_limit_gives_unknown() -> None:
    found = bitwuzla_engine.solve([hard()], timeout_s=0.3, memory_mb=2048)
    assert (found.status, found.values) == ("unknown", {})


def test_it_is_asked_in_processes_of_their_own_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.tactics(hard()) == ("sat", "smt")
    assert jobs.tactics(hard(), alone=True) == ("sat", "bitwuzla", "smt")
    monkeypatch.setattr(bitwuzla_engine, "installed", lambda: False)
    assert jobs.tactics(easy(1), alone=True) == ("smt", "sat")
