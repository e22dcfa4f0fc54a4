"""Refinement where sides make choices: a choice may be what does, one for all that it shows in, never the other's."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from p4verify.proofs.answers import OUT_OF_TIME, Answer
from p4verify.proofs.compare import obligations
from p4verify.proofs.deciding import Search
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import decide, search
from p4verify.proofs.verdict import Verdict
from p4verify.proofs.with_choices import WithChoices
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import (
    LENGTH,
    Assumption,
    Behaviour,
    Case,
    Choice,
    Packet,
    byte,
)
from p4verify.semantics.meaning.bounds import Bounds
from p4verify.semantics.source import OutOfTime
from tests.support.small_behaviours import ONE, always, choice, found, send, split, verdict


def test_what_is_undefined_may_be_anything() -> None:
    spec = always(send(packet=Packet((choice(0, 8),), 1)), choices=(choice(0, 8),))
    for value in (b.bv(0, 8), byte(7), b.add(byte(1), byte(2))):
        assert verdict(spec, always(send(packet=Packet((value,), 1)))) == "accept"


def test_what_differs_whatever_is_chosen_is_shown_before_choices_are_made() -> None:
    """The port is free, and whether a frame is sent, but not the frame, which is large."""
    asked: list[str] = []

    class Noting(Engine):
        def satisfiable(
            self, query: Term, what: str = "", seconds: float | None = None, *, plain: bool = True
        ) -> Answer:
            asked.append(what)
            return super().satisfiable(query, what, seconds, plain=plain)

    value = byte(0)
    for number in range(60):
        value = b.bxor(b.add(value, byte(number % 14)), b.bv(number + 1, 8))
    port = choice(0, 32)
    spec = always(send(port, Packet((value,), 1), b.ne(port, b.bv(511, 32))), choices=(port,))
    impl = always(send(port=b.zext(byte(1), 32), packet=Packet((b.add(value, byte(2)),), 1)))
    outcome = search(spec, impl, Noting(timeout=20))
    assert outcome.difference is not None
    assert asked[-1].endswith("choices for one input")
    assert not any("asked by both sides" in what or "in order" in what for what in asked), asked


def test_one_choice_cannot_be_two_values() -> None:
    c = choice(0, 8)
    spec = always(send(packet=Packet((c, c), 2)), choices=(c,))
    assert verdict(spec, always(send(packet=Packet((byte(5), byte(5)), 2)))) == "accept"
    assert verdict(spec, always(send(packet=Packet((byte(5), byte(6)), 2)))) == "differs"


@pytest.mark.parametrize(("green", "verdict_"), [(0, "accept"), (1, "differs")])
def test_a_colour_may_be_another_one_for_each_packet(green: int, verdict_: str) -> None:
    """Some frames are dropped always, some never, and of some it is the other side's to say; none leaves as yellow does
    where that shows."""
    colour = choice(0, 8)
    known = b.ite(b.ult(colour, b.bv(3, 8)), colour, b.bv(0, 8))
    spec = always(send(when=b.ne(known, b.bv(2, 8)), packet=Packet((known,), 1)), choices=(colour,))
    never, own = b.ult(byte(0), b.bv(9, 8)), b.and_(b.ult(byte(1), b.bv(9, 8)), b.eq(choice(1, 1), b.bv(1, 1)))
    other = always(
        send(when=b.not_(b.or_(never, own)), packet=Packet((b.bv(3 * green, 8),), 1)), choices=(choice(1, 1),)
    )
    assert verdict(spec, other) == verdict_


def test_two_reads_are_two_choices() -> None:
    spec = always(send(packet=Packet((choice(0, 8), choice(1, 8)), 2)), choices=(choice(0, 8), choice(1, 8)))
    assert verdict(spec, always(send(packet=Packet((byte(5), byte(6)), 2)))) == "accept"


def test_the_implementation_may_not_choose_what_the_specification_fixes() -> None:
    impl = always(send(packet=Packet((choice(0, 8),), 1)), choices=(choice(0, 8),))
    assert verdict(always(send(packet=Packet((byte(9),), 1))), impl) == "differs"


def test_choices_of_the_two_sides_are_never_the_same_one() -> None:
    side = always(send(packet=Packet((choice(0, 8),), 1)), choices=(choice(0, 8),))
    assert verdict(side, side) == "accept"
    assert verdict(side, side, exactly=True) == "differs"


def test_a_choice_compared_in_pieces() -> None:
    wide = choice(0, 32)
    parts = tuple(b.extract(wide, 31 - 8 * i, 24 - 8 * i) for i in range(4))
    spec = always(send(packet=Packet(parts, 4)), choices=(wide,))
    impl = always(send(packet=Packet((byte(9), b.bv(1, 8), byte(3), byte(3)), 4)))
    assert verdict(spec, impl) == "accept"


def test_a_choice_with_some_bits_fixed_by_the_program() -> None:
    c = choice(0, 8)
    spec = always(send(packet=Packet((b.bor(c, b.bv(1, 8)),), 1)), choices=(c,))
    assert verdict(spec, always(send(packet=Packet((b.bv(5, 8),), 1)))) == "accept"
    assert verdict(spec, always(send(packet=Packet((b.bv(4, 8),), 1)))) == "differs"


def test_a_choice_that_decides_the_way() -> None:
    c = choice(0, 1)
    spec = Behaviour(split(b.eq(c, b.bv(1, 1)), (send(),), ()).cases, choices=(Choice(c, "test"),))
    assert verdict(spec, always(send())) == "accept"
    assert verdict(spec, always(send(when=b.FALSE))) == "accept"
    assert verdict(spec, split(b.ult(LENGTH, b.bv(99, 16)), (send(),), ())) == "accept"
    assert verdict(spec, always(send(port=b.bv(2, 32)))) == "differs"


def test_the_way_and_the_value_hang_on_one_choice() -> None:
    """c = 1 sends to port 1, c = 0 drops; an implementation that sends to port c + 1 is right for no c = 0."""
    c = choice(0, 8)
    spec = Behaviour(split(b.ult(c, b.bv(2, 8)), (send(port=b.zext(c, 32)),), ()).cases, choices=(Choice(c, "test"),))
    assert verdict(spec, always(send(port=b.bv(1, 32)))) == "accept"
    assert verdict(spec, always(send(port=b.bv(2, 32)))) == "differs"


def test_a_value_found_for_one_input_is_tried_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values that suggest themselves do not do, and one that is found does on every input: it is not asked for
    together with those that do not."""
    asked: list[int] = []
    together = WithChoices._defeating

    def counted(self: WithChoices, obligation: Any, violation: Term, tried: list[Any]) -> Any:
        asked.append(len(tried))
        return together(self, obligation, violation, tried)

    monkeypatch.setattr(WithChoices, "_defeating", counted)
    c = choice(0, 8)
    square = b.eq(b.mul(c, b.add(c, byte(0))), b.bv(42, 8))
    when = b.eq(byte(0), b.bv(1, 8))
    spec = always(send(port=b.ite(square, ONE, b.bv(2, 32)), when=when), choices=(c,))
    impl = always(send(when=when))
    assert verdict(spec, impl) == "accept"
    assert len(asked) <= 1


def test_a_difference_is_that_of_the_obligation_that_fails() -> None:
    """Where choices decide which case applies all obligations are one; none is blamed for another."""
    c = choice(0, 8)
    cases = split(b.eq(c, b.bv(1, 8)), (send(),), (send(port=b.bv(2, 32)),)).cases
    spec = Behaviour(cases, choices=(Choice(c, "test"),))
    outcome = found(spec, always(send(port=b.bv(3, 32))))
    assert outcome.difference is not None
    assert outcome.difference.obligation.startswith("case ")
    assert outcome.difference.parts == ("port output: port",)


def test_one_choice_for_all_cells_of_state() -> None:
    """A program that writes one undefined value to two cells: a machine that writes two values is wrong."""
    c = choice(0, 8)
    at = b.var("at.r", 8)
    before = b.apply("state.r", 8, at)

    def writes(first: Term, second: Term) -> dict[str, Term]:
        return {"r": b.ite(b.eq(at, b.bv(0, 8)), first, b.ite(b.eq(at, b.bv(1, 8)), second, before))}

    spec = always(send(), choices=(c,), state=writes(c, c))
    same = always(send(), state=writes(byte(0), byte(0)))
    assert verdict(spec, same) == "accept"
    other = always(send(), state=writes(byte(0), byte(1)))
    outcome = found(spec, other)
    assert outcome.difference is not None
    assert {place["at.r"] for place in outcome.difference.cells} >= {0, 1}  # each cell alone could be right


def test_running_out_of_time_is_undecided() -> None:
    """The two factors of a product of two primes, both of about 48 bits."""
    x, y = (b.zext(b.concat(*(byte(i) for i in range(s, s + 6))), 96) for s in (0, 6))
    product = b.bv(0xB4F8D0A2C407 * 0x9A3C71E54D3B, 96)
    hard = b.and_(b.eq(b.mul(x, y), product), b.ult(b.bv(1, 96), x), b.ult(b.bv(1, 96), y), b.ult(x, y))
    spec = split(hard, (send(),), ())
    outcome = search(spec, always(), Engine(timeout=0.3))
    proof = decide(outcome, time.monotonic(), "")
    assert proof is not None
    assert proof.verdict is Verdict.UNDECIDED


def test_what_has_to_hold_is_not_said_once_time_is_up() -> None:
    """Of two large programs, whose cases mostly differ, that alone can take hours."""
    equal = split(b.eq(byte(0), b.bv(1, 8)), (send(port=ONE),), (send(),))
    late = Engine(timeout=1.0, deadline=time.monotonic() - 1.0)
    with pytest.raises(OutOfTime):
        list(obligations(equal, equal, bounds=Bounds(until=late.deadline)))
    outcome = search(equal, equal, late)
    assert outcome.tally.total == 0
    proof = decide(outcome, time.monotonic(), "")
    assert proof is not None
    assert (proof.verdict, proof.reason) == (Verdict.UNDECIDED, OUT_OF_TIME)


def test_axioms_on_an_undefined_key_hold_whatever_is_chosen() -> None:
    """A table is asked with an undefined key: no choice may make its answer illegal, and legal answers may be used."""
    c = choice(0, 8)
    action = b.apply("table.t.action", 16, c)
    legal = b.or_(b.eq(action, b.bv(1, 16)), b.eq(action, b.bv(2, 16)))
    cases = split(b.eq(action, b.bv(1, 16)), (send(port=ONE),), (send(port=b.bv(2, 32)),)).cases
    spec = Behaviour(cases, axioms=(legal,), choices=(Choice(c, "test"),))
    asked = b.apply("table.t.action", 16, byte(0))
    same = Behaviour((Case(b.TRUE, (send(port=b.zext(asked, 32)),)),),
                     axioms=(b.or_(b.eq(asked, b.bv(1, 16)), b.eq(asked, b.bv(2, 16))),))  # fmt: skip
    assert verdict(spec, same) == "accept"
    assert verdict(spec, always(send(port=b.bv(3, 32)))) == "differs"
    assert verdict(spec, always(send(port=ONE))) == "differs"  # a rule set may answer 2 to every key


def test_a_choice_that_is_kept_in_the_state_must_fit_every_cell() -> None:
    """For each cell alone some value fits (0 or 255), but no one value fits all."""
    at = b.var("at.r", 1)
    spec = Behaviour((Case(b.TRUE, (), {}, {"r": choice(0, 8)}),), choices=(Choice(choice(0, 8), "test"),))
    impl = Behaviour((Case(b.TRUE, (), {}, {"r": b.ite(b.eq(at, b.bv(0, 1)), b.bv(0, 8), b.bv(255, 8))}),))
    assert verdict(spec, impl) == "differs"


def test_choices_that_go_into_the_state_may_differ_from_input_to_input() -> None:
    """Twice the value that was chosen is kept: for each even value there is a choice, none of which fits all inputs."""
    double = b.shl(choice(0, 8), b.bv(1, 8))
    at = b.var("at.r", 8)
    before = b.apply("state.r", 8, at)
    spec = always(send(), choices=(choice(0, 8),), state={"r": b.ite(b.eq(at, byte(1)), double, before)})
    small = b.band(byte(0), b.bv(6, 8))
    impl = always(send(), state={"r": b.ite(b.eq(at, byte(1)), small, before)})
    assert verdict(spec, impl) == "accept"
    odd = always(send(), state={"r": b.ite(b.eq(at, byte(1)), b.bor(small, b.bv(1, 8)), before)})
    assert verdict(spec, odd) == "differs"


def test_a_choice_that_must_miss_a_value_is_found() -> None:
    value = b.concat(byte(0), byte(1))
    spec = split(b.eq(choice(0, 16), value), (send(),), ())
    assert verdict(spec, always()) == "accept"
    assert verdict(spec, always(send())) == "accept"


def test_cases_that_choices_decide_are_compared_as_the_other_side_chooses() -> None:
    """By choices that are made in the same order; one that is made otherwise is found."""

    def side(last: Term) -> Behaviour:
        first, second = b.eq(choice(0, 8), byte(0)), b.eq(choice(1, 8), byte(1))
        left = b.and_(b.not_(first), b.not_(second))
        return Behaviour(
            (Case(first, (send(ONE),)), Case(b.and_(b.not_(first), second), (send(b.bv(2, 32)),)),
             Case(left, (send(last),))), choices=tuple(Choice(choice(i, 8), "test") for i in range(2)),
        )  # fmt: skip

    outcome = found(side(b.bv(3, 32)), side(b.bv(3, 32)))
    assert outcome.difference is None
    assert not outcome.unknown
    assert outcome.tally.total == 5
    assert verdict(side(b.bv(3, 32)), side(b.bv(4, 32))) == "differs"


def test_an_axiom_that_limits_a_choice_is_refused() -> None:
    """It would limit what the other side chooses, too: a wrong accept."""
    c = choice(0, 8)
    side = replace(always(send(port=b.zext(c, 32)), choices=(c,)), axioms=(b.ult(c, b.bv(5, 8)),))
    with pytest.raises(ValueError, match="limits"):
        found(side, side)


def test_no_choice_may_break_what_is_assumed() -> None:
    """It would leave nothing to compare: a wrong accept."""
    c = choice(0, 8)
    small = Assumption("it is small", b.ult(c, b.bv(5, 8)))
    spec = replace(always(send(port=b.zext(c, 32)), choices=(c,)), domain=(small,))
    assert verdict(spec, always(send(port=b.bv(3, 32)))) == "accept"
    assert verdict(spec, always(send(port=b.bv(7, 32)))) == "differs"
    assert verdict(spec, always(send(port=b.zext(byte(0), 32)))) == "differs"
    as_small = Assumption("so is this", b.ult(byte(0), b.bv(5, 8)))
    limited = replace(always(send(port=b.zext(byte(0), 32))), domain=(as_small,))
    assert verdict(spec, limited) == "accept"


def test_inputs_on_which_every_choice_breaks_an_assumption_are_left_out() -> None:
    """They are as much outside of what is assumed as those on which nothing can be chosen: no case is missing there."""
    c, x = choice(0, 8), byte(0)
    together = Assumption("few turns", b.ult(b.add(b.zext(c, 9), b.zext(x, 9)), b.bv(5, 9)))
    spec = replace(always(send(port=b.zext(c, 32)), choices=(c,)), domain=(together,))
    zero = always(send(port=b.bv(0, 32)))
    assert verdict(spec, zero) == "accept"
    assert verdict(spec, always(send(port=b.bv(1, 32)))) == "differs"
    outcome = found(spec, zero)
    assert outcome.impl is not None
    assert outcome.spec is not None
    assert [a.text for a in outcome.spec.domain] == ["few turns"]


def test_a_missing_case_is_found_where_choices_are_assumed() -> None:
    c = choice(0, 8)
    small = Assumption("it is small", b.ult(c, b.bv(5, 8)))
    some = Case(b.eq(byte(0), b.bv(1, 8)), (send(b.zext(c, 32)),))
    spec = Behaviour((some,), (small,), (), (Choice(c, "test"),))
    difference = found(spec, always(send(b.bv(3, 32)))).difference
    assert difference is not None
    assert difference.parts == ("coverage",)


def test_an_assumption_that_no_choice_meets_leaves_nothing_to_compare() -> None:
    c = choice(0, 8)
    never = Assumption("more than there is", b.ult(b.bv(255, 8), b.bor(c, b.bv(1, 8))))
    spec = replace(always(send(port=b.zext(c, 32)), choices=(c,)), domain=(never,))
    assert found(spec, always(send(port=b.bv(1, 32)))).empty


def ways_by_choice(few: Term) -> Behaviour:
    """A way for each of 20 values of a choice, and one for all others; ``few`` is assumed of it."""
    c, last = choice(0, 8), b.bv(99, 8)
    chosen = [b.eq(c, b.bv(k, 8)) for k in range(20)]
    cases = [Case(is_so, (), {"m": b.bv(k, 8), "n": byte(k)}) for k, is_so in enumerate(chosen)]
    rest = Case(b.not_(b.or_(*chosen)), (), {"m": last, "n": last})
    return Behaviour((*cases, rest), (Assumption("few", few),), (), (Choice(c, "test"),))


def test_sides_that_choose_alike_and_assume_the_same_of_it_are_settled_at_once() -> None:
    side = ways_by_choice(b.ult(b.add(choice(0, 8), byte(30)), b.bv(21, 8)))
    outcome = found(side, side)
    assert (outcome.difference, outcome.unknown, outcome.tally.total) == (None, "", 23)
    assert outcome.tally.solved <= 2


def test_sides_that_choose_alike_and_assume_less_of_it_differ() -> None:
    """What only the other side may choose is a difference, although each case has its partner."""
    spec, impl = (ways_by_choice(b.ult(choice(0, 8), b.bv(limit, 8))) for limit in (20, 21))
    assert verdict(spec, impl) == "differs"


def keeping(indices: tuple[Term, Term], first: int = 1, both: Term = b.FALSE) -> dict[str, Term]:
    """What a copy without a header leaves, whose fields say whether something is kept in a cell, where, and what.

    ``both``: where that is so in two cells.
    """
    at, kind, other = b.var("at.r", 8), of_a_copy(first), of_a_copy(first + 1)
    before = b.apply("each.0.state.r", 8, at)
    told = b.eq(kind, b.bv(7, 8))
    seen = b.and_(b.or_(b.not_(told), both), b.ult(other, b.bv(9, 8)))
    kept = b.ite(b.and_(seen, b.eq(at, indices[1])), b.bv(1, 8), before)
    return {"r": b.ite(b.and_(told, b.eq(at, indices[0])), of_a_copy(first + 2), kept)}


def of_a_copy(number: int) -> Term:
    return b.var(f"any.each.{number}", 8)


def test_an_index_that_is_read_once_may_be_any_of_those_that_the_other_side_reads() -> None:
    spec = always(send(), state=keeping((of_a_copy(0), of_a_copy(0))))
    theirs = of_a_copy(4), of_a_copy(5)
    assert verdict(spec, always(send(), state=keeping(theirs))) == "accept"
    assert verdict(spec, always(send(), state=keeping(theirs, both=b.TRUE))) == "differs"


def test_choices_that_decide_no_case_may_be_made_otherwise_than_those_of_their_names() -> None:
    """Where others decide which case applies, each case is still settled by itself."""
    drops = b.eq(choice(0, 8), b.bv(0, 8))

    def side(kept: dict[str, Term]) -> Behaviour:
        return Behaviour((Case(b.not_(drops), (send(),), state=kept), Case(drops, (), {}, {"r": choice(9, 8)})))

    spec = side(keeping((of_a_copy(4), of_a_copy(4))))
    for first in (1, 5):  # numbered as the specification's are, or not
        theirs = of_a_copy(10), of_a_copy(11)
        assert verdict(spec, side(keeping(theirs, first))) == "accept"
        assert verdict(spec, side(keeping(theirs, first, both=b.TRUE))) != "accept"


def test_choices_that_decide_the_way_are_made_for_each_case_of_the_other_side() -> None:
    ports = [b.bv(n, 32) for n in range(4)]
    first, second = b.eq(choice(0, 8), byte(2)), b.eq(choice(1, 8), b.bv(1, 8))
    ways = first, b.and_(b.not_(first), second), b.and_(b.not_(first), b.not_(second))
    spec = Behaviour(tuple(Case(way, (send(port),)) for way, port in zip(ways, ports, strict=False)))

    def machine(last: Term) -> Behaviour:
        small, large = b.ult(byte(0), b.bv(5, 8)), b.ult(b.bv(9, 8), byte(0))
        rest = b.and_(b.not_(small), b.not_(large))
        return Behaviour(tuple(Case(w, (send(p),)) for w, p in ((small, ports[1]), (large, ports[0]), (rest, last))))

    assert verdict(spec, machine(ports[2])) == "accept"
    assert verdict(spec, machine(ports[3])) == "differs"
    assert verdict(machine(ports[2]), spec) == "differs"
    never = Behaviour((Case(b.and_(first, b.not_(first)), ()), *spec.cases[:2]))  # no case where neither is chosen
    assert verdict(never, machine(ports[0])) == "accept"
    assert verdict(never, machine(ports[2])) == "differs"


def octets(*names: str) -> list[Term]:
    return [b.var(f"in.{name}", 8) for name in names]


def test_a_choice_between_two_things_is_settled_at_once() -> None:
    """What it has to be is told by several results, none of which tells it for every input."""
    mine = [octets(f"x{k}", f"y{k}") for k in range(6)]
    asked = [b.eq(byte(k), b.bv(k, 8)) for k in range(6)]
    way = b.or_(*(b.and_(p, b.not_(q)) for p, q in pairwise(asked)))
    c, zero = choice(0, 0), b.bv(0, 8)
    shown, made = {}, {}
    for k, (when, (x, y)) in enumerate(zip(asked, mine, strict=True)):
        shown[f"m{k}"] = b.ite(when, b.ite(c, x, y), y)
        made[f"m{k}"] = b.ite(when, b.add(y, b.ite(way, b.sub(x, y), zero)), y)
    outcome = found(always(choices=(c,), metadata=shown), always(metadata=made))
    assert decide(outcome, time.monotonic(), "").verdict is Verdict.ACCEPT  # type: ignore[union-attr]
    assert outcome.tally.solved == 1


def test_a_choice_between_two_things_is_one_for_all_results() -> None:
    (x, y, u, v), c = octets("x", "y", "u", "v"), choice(0, 0)
    spec = always(choices=(c,), metadata={"m": b.ite(c, x, y), "n": b.ite(c, u, v)})
    assert verdict(spec, always(metadata={"m": x, "n": v})) == "differs"
    assert verdict(spec, always(metadata={"m": y, "n": v})) == "accept"


def test_a_choice_between_two_things_is_one_for_all_cells() -> None:
    (x, y), c, cell = octets("x", "y"), choice(0, 0), b.var("at.r", 8)
    spec = always(choices=(c,), state={"r": b.ite(c, x, y)})
    by_cell = b.ite(b.eq(cell, b.bv(0, 8)), x, y)
    assert verdict(spec, always(state={"r": by_cell})) == "differs"
    assert verdict(spec, always(state={"r": b.ite(b.eq(byte(0), b.bv(0, 8)), x, y)})) == "accept"


def test_no_pair_of_cases_is_settled_alone_where_choices_decide_which_applies() -> None:
    """Each pair by itself holds for some choice: that under which its case does not apply."""
    one = choice(0, 0)
    spec = split(one, (send(b.bv(1, 32)),), (send(b.bv(2, 32)),))
    impl = always(send(b.bv(3, 32)))
    run = Search(Engine(timeout=20), frozenset({one}), b.TRUE, (), (0, 0, 0))
    pairs = [o for o in obligations(spec, impl) if o.theirs is not None]
    assert len(pairs) == 2
    assert all("choices decide whether it applies" in str(run.check_quickly(o)) for o in pairs)
    assert verdict(spec, impl) == "differs"


def test_what_fails_is_named_where_an_assumption_limits_choices() -> None:
    """A choice that the assumption forbids leaves the input in no case, and that is not what differs."""
    drawn = choice(0, 8)
    assumed = Assumption("drawn above 5", b.ult(b.bv(5, 8), drawn))
    spec = replace(always(send(b.zext(drawn, 32)), choices=(drawn,)), domain=(assumed,))
    assert verdict(spec, always(send(b.bv(7, 32)))) == "accept"
    difference = found(spec, always(send(b.bv(4, 32)))).difference
    assert difference is not None
    assert difference.parts == ("port output: port",)


@pytest.mark.parametrize("guess", [b.var("any.9", 1), b.var("any.8", 1), b.bv(1, 1)])
@pytest.mark.parametrize("right", [True, False])
def test_a_guess_decides_nothing_but_is_tried_first(guess: Term, right: bool) -> None:
    """Whether it is right, of a choice that nobody makes, or wrong."""
    mine, theirs = choice(1, 1), b.var("any.9", 1)
    spec = always(send(b.ite(b.eq(mine, b.bv(1, 1)), ONE, b.bv(7, 32))), choices=(mine,))
    spec = replace(spec, choices=(replace(spec.choices[0], likely=guess),))
    other = b.bv(7 if right else 8, 32)
    impl = always(send(b.ite(b.eq(theirs, b.bv(1, 1)), ONE, other)), choices=(theirs,))
    assert verdict(spec, impl) == ("accept" if right else "differs")
