"""Refinement and equality on small behaviours made by hand: what must hold, and what must never be accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p4verify.proofs import deciding, refine
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import search
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import (
    INPUT_PACKET,
    LENGTH,
    PORT,
    Assumption,
    Behaviour,
    Case,
    Fault,
    Output,
    Packet,
    byte,
)
from p4verify.semantics.meaning.checksums import ones_complement_sum
from p4verify.semantics.meaning.payload import sums_linked
from tests.support.small_behaviours import ONE, always, choice, found, send, split, verdict


def test_equal_behaviours_are_accepted_by_folding_alone() -> None:
    side = split(b.eq(byte(0), b.bv(4, 8)), (send(),), ())
    outcome = found(side, side)
    assert outcome.difference is None
    assert outcome.tally.compared > 0


def test_a_condition_told_in_another_way_is_solved() -> None:
    spec = split(b.ult(byte(0), b.bv(16, 8)), (send(),), ())
    impl = split(b.eq(b.lshr(byte(0), b.bv(4, 8)), b.bv(0, 8)), (send(),), ())
    assert verdict(spec, impl) == "accept"


@pytest.mark.parametrize(
    "impl",
    [
        always(send(port=b.bv(2, 32))),
        always(),
        always(Output(b.TRUE, "stack", ONE, INPUT_PACKET)),
        always(send(packet=Packet((b.bv(0, 8),), 1))),
        always(send(packet=Packet((), 1))),
        always(send(packet=Packet((byte(0),), 0))),
        always(send(), send()),
        always(send(when=b.ult(LENGTH, b.bv(1000, 16)))),
        always(send(), metadata={"mark": b.bv(7, 32)}),
        always(send(), state={"ctr": b.add(b.apply("state.ctr", 32, b.var("at.ctr", 8)), ONE)}),
    ],
    ids=["port", "dropped", "to the stack", "byte", "shorter", "longer", "twice", "long frames", "mark", "state"],
)
def test_any_difference_in_an_observable_is_found(impl: Behaviour) -> None:
    assert verdict(always(send()), impl) == "differs"
    assert verdict(impl, always(send())) == "differs"


def test_metadata_that_is_set_to_what_it_was_is_no_difference() -> None:
    assert verdict(always(send()), always(send(), metadata={"mark": b.var("in.mark", 32)})) == "accept"


def test_a_prefix_that_repeats_the_input_is_no_difference() -> None:
    assert verdict(always(send()), always(send(packet=Packet((byte(0), byte(1)), 2)))) == "accept"


def test_a_model_shows_the_input() -> None:
    spec = split(b.eq(byte(3), b.bv(0x2A, 8)), (), (send(),))
    difference = found(spec, always(send())).difference
    assert difference is not None
    assert difference.model.values["pkt[3]"] == 0x2A


def test_an_input_that_no_case_covers_is_never_accepted() -> None:
    partial = Behaviour((Case(b.ult(PORT, b.bv(5, 32)), (send(),)),))
    assert verdict(always(send()), partial) == "differs"
    assert verdict(partial, partial) == "differs"


def test_assumptions_of_either_side_limit_the_inputs() -> None:
    small = Assumption("ports below 5", b.ult(PORT, b.bv(5, 32)))
    partial = Behaviour((Case(b.ult(PORT, b.bv(5, 32)), (send(),)),), domain=(small,))
    assert verdict(always(send()), partial) == "accept"


def test_no_input_at_all_is_no_accept() -> None:
    nothing = Behaviour((Case(b.TRUE, (send(),)),), domain=(Assumption("nothing", b.FALSE),))
    assert verdict(nothing, nothing) == "unsupported"


def test_nothing_compared_is_no_accept() -> None:
    assert verdict(always(), always()) == "unsupported"


def test_a_fault_that_can_be_reached_is_found() -> None:
    bad = Behaviour((Case(b.TRUE, (send(),)),), faults=(Fault(b.ult(LENGTH, b.bv(20, 16)), "read past the end"),))
    difference = found(always(send()), bad).difference
    assert difference is not None
    assert "read past the end" in difference.obligation


def test_axioms_on_rules_are_used() -> None:
    action = b.apply("table.t.action", 16, byte(0))
    spec = split(b.eq(action, b.bv(0, 16)), (send(),), ())
    impl = split(b.ult(action, b.bv(7, 16)), (send(),), ())
    assert verdict(spec, impl) == "differs"
    legal = Behaviour(spec.cases, axioms=(b.or_(b.eq(action, b.bv(0, 16)), b.eq(action, b.bv(9, 16))),))
    assert verdict(legal, impl) == "accept"


# --- parts with the help of those before ----------------------------------------------------------------------------


def test_what_was_proven_of_one_output_is_not_used_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal wherever the frame is sent does not mean equal everywhere: the mark is set for dropped frames as well."""
    for name in ("QUICK_SECONDS", "LEAST_SECONDS"):
        monkeypatch.setattr(f"p4verify.proofs.without_choices.{name}", 1e-9)
    small = b.ult(byte(0), b.bv(16, 8))
    masked = b.band(byte(0), b.bv(15, 8))
    spec = always(send(packet=Packet((byte(0),), 1), when=small), metadata={"mark": b.zext(byte(0), 32)})
    impl = always(send(packet=Packet((masked,), 1), when=small), metadata={"mark": b.zext(masked, 32)})
    assert verdict(spec, impl) == "differs"
    same = always(send(packet=Packet((masked,), 1), when=small), metadata={"mark": b.zext(byte(0), 32)})
    assert verdict(spec, same) == "accept"


def test_one_byte_helps_to_prove_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checksum over a byte that the two sides compute in two ways."""
    for name in ("QUICK_SECONDS", "LEAST_SECONDS"):
        monkeypatch.setattr(f"p4verify.proofs.without_choices.{name}", 1e-9)
    first = b.ite(b.ult(byte(9), b.bv(2, 8)), byte(9), b.sub(byte(9), b.bv(1, 8)))
    second = b.ite(b.ule(b.bv(2, 8), byte(9)), b.add(byte(9), b.bv(255, 8)), byte(9))

    def frame(ttl: Term) -> Packet:
        words = [b.concat(ttl, byte(20)), *(b.concat(byte(2 * i), byte(2 * i + 1)) for i in range(5, 10))]
        total = b.bv(0, 32)
        for word in words:
            total = b.add(total, b.zext(word, 32))
        return Packet((ttl, b.extract(total, 7, 0), b.extract(total, 19, 12)), 3)

    assert verdict(always(send(packet=frame(first))), always(send(packet=frame(second)))) == "accept"


def test_a_search_that_takes_long_ends_where_something_else_settles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x = b.zext(byte(0), 32)
    square, chosen = always(send(b.mul(x, x))), choice(0, 32)
    anything = always(send(chosen), choices=(chosen,))
    asked: list[None] = []

    def aside(answer: bool) -> Callable[[bool], bool]:
        return lambda _early: asked.append(None) or answer  # type: ignore[func-returns-value]

    assert search(anything, square, Engine(timeout=20), aside=aside(True)).unknown == ""
    assert not asked, "it does not take long"
    monkeypatch.setattr(deciding, "LONG_SECONDS", -1.0)
    assert search(square, square, Engine(timeout=20), aside=aside(True)).unknown == ""
    assert not asked, "nothing is undecided, and no choice is looked for"
    assert search(anything, square, Engine(timeout=20), aside=aside(False)).unknown == ""
    assert len(asked) == 1
    ended = search(anything, square, Engine(timeout=20), aside=aside(True))
    assert ended.unknown, "nothing is proven where it ends early"


SUMS = tuple(b.var(f"pkt.sum16[{start}]", 16) for start in (0, 2))
FIRST_WORD = b.concat(byte(0), byte(1))
LONG = (Assumption("there are three bytes", b.ult(b.bv(2, 16), LENGTH)),)


def with_sum(total: Term) -> Behaviour:
    """Every frame with a sum in front."""
    prefix = b.extract(total, 15, 8), b.extract(total, 7, 0)
    return replace(always(send(packet=Packet(prefix, 0))), domain=LONG)


def test_sums_from_different_places_on_are_told_by_each_other() -> None:
    assert verdict(with_sum(SUMS[0]), with_sum(ones_complement_sum([FIRST_WORD, SUMS[1]]))) == "accept"
    assert verdict(with_sum(SUMS[0]), with_sum(ones_complement_sum([SUMS[1], FIRST_WORD]))) == "accept"


@pytest.mark.parametrize(
    "other", [SUMS[1], b.add(FIRST_WORD, SUMS[1]), ones_complement_sum([FIRST_WORD, SUMS[1], b.bv(1, 16)])]
)
def test_a_difference_of_sums_is_one_of_a_frame(other: Term) -> None:
    outcome = found(with_sum(SUMS[0]), with_sum(other))
    assert outcome.difference is not None
    assert outcome.difference.model.holds(b.and_(*sums_linked(SUMS)))


def test_what_is_not_decided_of_sums_is_a_difference_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is one of a frame is seen when it is run."""
    sides = with_sum(SUMS[0]), with_sum(SUMS[1])
    searched = refine._searched

    def first_only(spec: Behaviour, impl: Behaviour, **how: Any) -> refine.Outcome:
        outcome = searched(spec, impl, **how)
        return replace(outcome, difference=None, unknown="the time limit ran out") if impl.axioms else outcome

    monkeypatch.setattr(refine, "_searched", first_only)
    assert found(*sides).difference is not None
