"""What is told of two sides without a proof: of one input, or of choices that are made alike."""

from __future__ import annotations

from p4verify.proofs.engine import Engine, Model
from p4verify.proofs.refine import seen_on, told
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import (
    Behaviour,
    Case,
    byte,
)
from tests.support.small_behaviours import always, choice, send


def test_of_one_input_it_is_said_whether_choices_do() -> None:
    mine = choice(0, 8)
    chosen = always(send(b.zext(mine, 32)), choices=(mine,))
    seven, far = always(send(b.bv(7, 32))), always(send(b.bv(256, 32)))
    assert seen_on(chosen, seven, Engine(timeout=20), Model()).unknown
    assert seen_on(chosen, far, Engine(timeout=20), Model()).difference is not None
    assert seen_on(seven, far, Engine(timeout=20), Model()).difference is not None
    assert seen_on(chosen, seven, Engine(timeout=20), Model(), exactly=True).difference is not None
    at_five = b.eq(byte(0), b.bv(5, 8))
    other = Behaviour((Case(at_five, (), {"m": b.bv(1, 8)}), Case(b.not_(at_five), (), {"m": b.bv(2, 8)})))
    same = Behaviour((Case(b.TRUE, (), {"m": b.bv(2, 8)}),))
    assert seen_on(same, other, Engine(timeout=20), Model({"pkt[0]": 6, "pkt.len": 1})).unknown
    assert seen_on(same, other, Engine(timeout=20), Model({"pkt[0]": 5, "pkt.len": 1})).difference is not None


def test_what_is_told_with_choices_alike_is_no_difference_where_another_choice_does() -> None:
    mine, theirs = choice(0, 8), choice(1, 8)
    chosen = always(send(b.zext(mine, 32)), choices=(mine,))
    assert told(chosen, always(send(b.bv(7, 32))), Engine(timeout=20)).unknown
    assert told(chosen, always(send(b.zext(theirs, 32)), choices=(theirs,)), Engine(timeout=20)).unknown
    assert told(chosen, always(send(b.bv(256, 32))), Engine(timeout=20)).difference is not None
    outcome = told(always(send(b.bv(7, 32))), chosen, Engine(timeout=20))
    assert outcome.difference is not None
    assert told(chosen, always(send(b.bv(7, 32))), Engine(timeout=20), exactly=True).difference is not None


def test_choices_of_one_name_may_be_of_two_widths() -> None:
    mine, theirs = choice(0, 8), choice(0, 16)
    spec = always(send(b.zext(mine, 32)), choices=(mine,))
    outcome = told(spec, always(send(b.zext(theirs, 32)), choices=(theirs,)), Engine(timeout=20))
    assert outcome.difference is not None
    assert outcome.difference.model.values["impl.any.0"] > 255
    small = always(send(b.zext(b.extract(theirs, 7, 0), 32)), choices=(theirs,))
    assert told(spec, small, Engine(timeout=20)).unknown


def test_what_is_told_says_which_cells_it_is_about() -> None:
    """A choice would do for what is sent, but not for what is left in the state: a run has to look there, too."""
    mine = choice(0, 8)
    cell = b.var("at.r", 8)
    left = b.ite(b.eq(cell, b.bv(0, 8)), mine, b.apply("state.r", 8, cell))
    kept = b.ite(b.eq(cell, b.bv(0, 8)), b.bv(7, 8), b.apply("state.r", 8, cell))
    spec = always(send(b.zext(mine, 32)), state={"r": left}, choices=(mine,))
    outcome = told(spec, always(send(b.bv(3, 32)), state={"r": kept}), Engine(timeout=20))
    assert outcome.difference is not None
    assert outcome.difference.model.values["at.r"] == 0
