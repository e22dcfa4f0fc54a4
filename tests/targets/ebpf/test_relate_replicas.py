"""Copies told for any member: what a case's guard says of a group has to follow from the rest of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from p4verify.proofs.engine import Engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import INPUT_PACKET, LENGTH, Case, Output, Packet, byte
from p4verify.targets.ebpf import relate_replicas
from p4verify.targets.ebpf.cells_of_copies import cells_in
from p4verify.targets.ebpf.fillup import host_order
from p4verify.targets.ebpf.group_element import names
from p4verify.targets.ebpf.replicas import COUNT_BYTES, MEMBER_BYTES, MOST, MULTICAST, VALUE_BYTES

KEY: Final = b.var("in.group", 32)
FOUND: Final = b.apply(names(MULTICAST)[0], b.BOOL, KEY)


def word(at: int) -> Term:
    """The number that lies so many bytes behind the element's start."""
    value = b.apply(names(MULTICAST)[1], b.bit_vector(8 * VALUE_BYTES), KEY)
    low = 8 * (VALUE_BYTES - at - 4)
    return host_order(b.extract(value, low + 31, low))


COPIES: Final = tuple(
    Output(b.and_(FOUND, b.ult(b.bv(k, 32), word(0))), "port", word(COUNT_BYTES + MEMBER_BYTES * k), INPUT_PACKET)
    for k in range(MOST)
)
FEW: Final = b.ult(word(0), b.bv(5, 32))


@pytest.mark.parametrize(
    ("guard", "told", "follows"),
    [
        (b.TRUE, b.TRUE, True),
        (b.or_(FEW, b.not_(FEW), FOUND), b.TRUE, True),
        (FOUND, b.TRUE, False),
        (b.or_(b.not_(FOUND), FEW), b.FALSE, False),
    ],
)
def test_what_a_guard_says_of_a_group(guard: Term, told: Term, *, follows: bool) -> None:
    [case], faults = relate_replicas.told([Case(guard, COPIES)], MULTICAST, cells_in((), ()))
    assert case.guard is told
    assert [output.each[0].kind for output in case.outputs] == ["multicast"]
    assert [fault.guard for fault in faults] == ([] if follows else [b.TRUE])
    assert all(fault.unsaid for fault in faults)


def seen(case: Case) -> tuple[Case, str]:
    """The case as told, and whether some input may be another one."""
    [found], faults = relate_replicas.told([case], MULTICAST, cells_in((), ()))
    return found, Engine(timeout=20).satisfiable(b.or_(*(fault.guard for fault in faults))).status


SMALL: Final = b.ult(byte(0), b.bv(8, 8))
SMALL_TOO: Final = b.eq(b.extract(byte(0), 7, 3), b.bv(0, 5))


def drawn(place: int, frame: Packet, when: Term) -> Output:
    """A copy to the member in a place that holds a random number of its own, and then ``frame``."""
    number = b.extract(b.var(f"in.ebpf.prandom.{place}", 32), 7, 0)
    port = word(COUNT_BYTES + MEMBER_BYTES * place)
    return Output(b.and_(FOUND, when), "port", port, replace(frame, prefix=(number, *frame.prefix)))


def for_each_count(odd: Packet, when: Term, others: Term) -> list[Output]:
    """Copies that are told for each number of members, and are sent where ``others``; to the first one of three goes
    ``odd``, and only ``when``."""

    def of(place: int, count: int) -> Output:
        there = b.eq(word(0), b.bv(count, 32))
        if (place, count) == (0, 3):
            return drawn(place, odd, b.and_(there, when))
        return drawn(place, INPUT_PACKET, b.and_(there, others))

    return [of(place, count) for count in range(1, MOST + 1) for place in range(count)]


ALIKE: Final = Packet((b.ite(SMALL, byte(0), b.ite(SMALL_TOO, byte(1), byte(0))),), 1)


@pytest.mark.parametrize(
    ("odd", "when", "others", "differs"),
    [
        (INPUT_PACKET, b.TRUE, b.TRUE, "unsat"),
        (ALIKE, SMALL, SMALL_TOO, "unsat"),
        (Packet((byte(1),), 1), b.TRUE, b.TRUE, "sat"),
        (INPUT_PACKET, SMALL, b.TRUE, "sat"),
        (INPUT_PACKET, b.TRUE, SMALL, "sat"),
    ],
)
def test_a_copy_is_the_same_however_many_members_there_are(odd: Packet, when: Term, others: Term, differs: str) -> None:
    case, status = seen(Case(b.TRUE, tuple(for_each_count(odd, when, others))))
    assert status == differs
    assert [len(output.each) for output in case.outputs] == [1]


def by_ways(first: Term, second: Term) -> list[Output]:
    """Copies of which the first one is told for two ways that the object may have gone, with more or less of the frame
    told byte by byte."""
    ways = [(Packet((byte(0), byte(1), byte(2)), 3), first), (Packet((byte(0),), 1), second)]
    later = [drawn(k, INPUT_PACKET, b.ult(b.bv(k, 32), word(0))) for k in range(1, MOST)]
    return [*(drawn(0, frame, b.and_(b.ult(b.bv(0, 32), word(0)), way)) for frame, way in ways), *later]


@pytest.mark.parametrize(
    ("first", "second", "differs"),
    [
        (b.and_(SMALL, b.ult(b.bv(2, 16), LENGTH)), b.not_(b.and_(SMALL, b.ult(b.bv(2, 16), LENGTH))), "unsat"),
        (SMALL, b.not_(SMALL_TOO), "unsat"),
        (SMALL, b.not_(b.ult(byte(0), b.bv(7, 8))), "sat"),  # two copies
        (SMALL, b.not_(b.ult(byte(0), b.bv(9, 8))), "sat"),  # none
    ],
)
def test_a_copy_is_what_it_is_by_one_of_several_ways(first: Term, second: Term, differs: str) -> None:
    case, status = seen(Case(b.TRUE, tuple(by_ways(first, second))))
    assert status == differs
    [output] = case.outputs
    assert [len(output.packet.prefix), output.packet.payload] == [4, 3]
    short, long = (output.packet.sent(bytes(range(n)), _numbers(n)) for n in (2, 5))
    assert (short[1:], long[1:]) == (bytes(range(2)), bytes(range(5)))


def _numbers(length: int) -> Callable[..., list[int]]:
    values = {"pkt.len": length, **{f"pkt[{i}]": i for i in range(length)}}
    return lambda *terms: [int(n) for n in b.evaluate(list(terms), values, {}, default=0)]


@pytest.mark.parametrize("names_of_groups", [("in.group", "in.other"), ("in.other", "in.group")])
def test_copies_for_several_groups_are_told_in_the_order_in_which_they_are_sent(
    names_of_groups: tuple[str, str],
) -> None:
    groups = [b.var(name, 32) for name in names_of_groups]
    sent = [copy for group in groups for copy in (each.mapped(_of_group(each, group)) for each in COPIES)]
    [case], _ = relate_replicas.told([Case(b.TRUE, tuple(sent))], MULTICAST, cells_in((), ()))
    told = [output.each[0].group for output in case.outputs]
    assert [b.variables(group) for group in told] == [[group] for group in groups]


def _of_group(output: Output, group: Term) -> dict[Term, Term]:
    """The output's terms for copies to another group."""
    terms = output.terms()
    return dict(zip(terms, b.substitute(terms, {KEY: group}), strict=True))
