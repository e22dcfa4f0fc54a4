"""Two machines that do what one program does do the same, where that leaves nothing open."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from p4verify.agreement import Followed, through_program
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import INPUT_PACKET, LENGTH, Assumption, Behaviour, Case, Output, byte

PORT_ONE = Output(b.eq(byte(0), b.bv(1, 8)), "port", b.bv(1, 32), INPUT_PACKET)
PROGRAM = Behaviour((Case(b.TRUE, (PORT_ONE,)),))
SHORT = Assumption("short", b.ult(LENGTH, b.bv(100, 16)))
LONG = Assumption("long", b.uge(LENGTH, b.bv(100, 16)))


def verdict(left: Followed, right: Followed) -> Proof | None:
    return through_program(left, right, "one = two", Engine.within(None), time.monotonic())


def followed(program: Behaviour = PROGRAM, compared: int = 3, **changed: object) -> Followed:
    return Followed(program, replace(PROGRAM, **changed), compared)  # type: ignore[arg-type]


def test_both_follow_a_program_that_leaves_nothing_open() -> None:
    found = verdict(followed(domain=(SHORT,)), followed())
    assert found is not None
    assert (found.verdict, found.assumptions) == (Verdict.ACCEPT, ("short",))
    assert found.observables == ("outputs",)
    assert found.tally.compared == 3


def test_a_meaning_with_open_tables_need_not_be_told_alike() -> None:
    large = replace(followed(OTHER), large=True)
    assert verdict(followed(), large) is not None
    assert verdict(replace(followed(), large=True), followed(OTHER)) is not None


def test_what_no_machine_meets_may_be_open() -> None:
    port = b.ite(LONG.condition, b.var("any.port", 32), b.bv(1, 32))
    open_where_long = Behaviour((Case(b.TRUE, (replace(PORT_ONE, port=port),)),))
    short, large = followed(domain=(SHORT,)), Followed(open_where_long, PROGRAM, 3, large=True)
    assert verdict(replace(short, program=open_where_long), large) is not None
    assert verdict(replace(short, program=open_where_long, large=True), followed(OPEN)) is not None
    assert verdict(replace(followed(), program=open_where_long), large) is None


def test_choices_of_several_meanings_are_not_one_for_their_names() -> None:
    """Each meaning numbers its own: where one machine's choice says whether it can meet an input, another one's of that
    name may be of another width, and the program's is not limited by it."""
    wide, narrow = (Assumption("chosen", b.eq(b.var("any.port", n), b.bv(1, n))) for n in (32, 8))
    assert verdict(replace(followed(domain=(wide,)), large=True), followed(OTHER, domain=(narrow,))) is not None
    limited = replace(followed(OPEN, domain=(wide,)), large=True)
    assert verdict(limited, limited) is None


OPEN = Behaviour((Case(b.TRUE, (replace(PORT_ONE, port=b.var("any.port", 32)),)),))
OTHER = Behaviour((Case(b.TRUE, ()),))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(followed(OPEN), followed(OPEN), id="the program leaves something open"),
        pytest.param(followed(), followed(OTHER), id="they were compared with different meanings"),
        pytest.param(followed(domain=(SHORT,)), followed(domain=(LONG,)), id="no input is one of both"),
        pytest.param(followed(), followed(compared=0), id="nothing was compared"),
        pytest.param(
            followed(observables=("outputs", "mark")),
            followed(observables=("outputs", "mark")),
            id="both tell what the program does not",
        ),
        pytest.param(followed(observables=("mark",)), followed(), id="no outputs"),
        pytest.param(followed(OPEN), replace(followed(OPEN), large=True), id="with open tables something is left open"),
    ],
)
def test_it_does_not_follow(left: Followed, right: Followed) -> None:
    assert verdict(left, right) is None
