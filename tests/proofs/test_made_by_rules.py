"""Functions such as rules make them, on the input of a difference."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.proofs import sampling
from p4verify.proofs.engine import Engine, Model
from p4verify.proofs.made_by_rules import made_by_rules
from p4verify.proofs.refine import search
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import byte
from tests.support.small_behaviours import ONE, always, choice, send

ASKED, OTHER = b.var("asked", 8), b.var("other", 8)
PICK: Final = b.var("any.0", 8)
INPUT: Final = {"asked": 1, "other": 2, "any.0": 0}


def word(at: Term) -> Term:
    return b.apply("word", b.bit_vector(8), at)


EXACT: Final = b.eq(b.band(word(ASKED), word(OTHER)), b.bv(0, 8))
"""No rule has two values for one key."""


def made(violation: Term, words: dict[tuple[int, ...] | None, int], real: Term = EXACT) -> Model | None:
    found = Model(INPUT, {"word": words})
    assert found.holds(violation)
    assert not found.holds(real)
    return made_by_rules(violation, real, b.TRUE, frozenset((PICK,)), found, Engine(10.0), "test")


def test_what_no_rules_make_is_mended_and_the_rest_stays() -> None:
    kept = b.eq(word(b.bv(9, 8)), b.bv(77, 8))
    violation = b.and_(b.ne(word(ASKED), b.bv(0, 8)), kept)
    model = made(violation, {(1,): 3, (2,): 1, (9,): 77})
    assert model is not None
    assert model.values == INPUT
    assert model.holds(violation)
    assert model.holds(EXACT)
    assert model.functions["word"][9,] == 77


def test_no_choice_takes_the_difference_away() -> None:
    """With the words as found, mended alone, the choice 1 would."""
    violation = b.ne(b.band(PICK, b.bv(1, 8)), word(ASKED))
    model = made(violation, {(1,): 1, (2,): 1})
    assert model is not None
    assert model.holds(EXACT)
    assert model.functions["word"][1,] > 1


def test_where_some_choice_always_fits_there_is_none() -> None:
    assert made(b.ne(PICK, word(ASKED)), {(1,): 1, (2,): 1}) is None


def test_where_rules_make_no_difference_there_is_none() -> None:
    both = b.and_(b.ne(word(ASKED), b.bv(0, 8)), b.eq(word(ASKED), word(OTHER)))
    assert made(both, {(1,): 3, (2,): 3}) is None


def test_a_word_that_another_one_chooses_is_looked_for_again() -> None:
    """What is mended may ask for what is not kept."""
    violation = b.eq(word(word(ASKED)), b.bv(5, 8))
    real = b.eq(word(ASKED), b.bv(7, 8))
    model = made(violation, {(1,): 3, (3,): 5}, real)
    assert model is not None
    assert model.holds(b.and_(violation, real))


def test_an_axiom_that_speaks_of_choices_is_kept() -> None:
    """A choice that would make a table's answer illegal is none."""
    found = Model(INPUT, {"word": {(1,): 1, (2,): 1}})
    legal = b.ule(word(PICK), b.bv(1, 8))
    violation = b.ne(PICK, b.bv(200, 8))
    assert made_by_rules(violation, EXACT, legal, frozenset((PICK,)), found, Engine(10.0), "test") is None
    model = made_by_rules(b.ne(word(ASKED), b.bv(0, 8)), EXACT, legal, frozenset((PICK,)), found, Engine(10.0), "t")
    assert model is not None
    assert model.holds(b.and_(EXACT, legal))


@pytest.mark.parametrize("large", [sampling.LARGE, 0], ids=["solved", "drawn"])
@pytest.mark.parametrize("port", [ONE, choice(0, 32)], ids=["nothing undefined", "undefined port"])
def test_a_difference_is_of_rules_where_what_is_sent_is_undefined(
    port: Term, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LARGE", large)  # inputs are drawn of terms of any size
    there = b.ne(word(byte(0)), b.bv(0, 8))
    law = b.and_(b.eq(word(byte(0)), b.bv(0x5A, 8)), b.eq(word(b.bv(1, 8)), b.bv(0xA5, 8)))
    spec = always(send(when=there, port=port), choices=() if port is ONE else (port,))
    outcome = search(spec, always(), Engine(10.0), real=lambda terms: [law])
    assert outcome.difference is not None
    assert outcome.difference.model.holds(law)
