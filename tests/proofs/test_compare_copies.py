"""Clones, groups, frames that come back and events: every change of one must be told apart, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import decide, search
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import (
    INPUT_PACKET,
    PORT,
    Behaviour,
    Case,
    Choice,
    Event,
    Output,
    Packet,
    Replication,
    byte,
    replication,
)
from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour

ZERO = b.bv(0, 32)
SESSION = replication("clone", b.bv(5, 32))
GROUP = replication("multicast", b.zext(byte(0), 32))
INNER = replication("clone", b.bv(7, 32), depth=1)
CHOICE, OWN_CHOICE = b.var("any.0", 16), b.var("any.each.1", 16)
FLAG = b.var("any.0", 0)
OF_FOUR = b.var("any.0", 2)
IS_ODD = b.eq(b.extract(SESSION.instance, 0, 0), b.bv(1, 1))
INDEX = b.var("at.reg", 8)


def before(depth: int, index: Term = INDEX) -> Term:
    return b.apply(f"each.{depth}.state.reg", 8, index)


def copy(each: Replication = SESSION, when: Term = b.TRUE, packet: Packet = INPUT_PACKET, **more: object) -> Output:
    return Output(when, "port", each.port, packet, (each,), **more)  # type: ignore[arg-type]


def back(value: Term, to: str = "recirculate") -> Output:
    """A frame that comes back with ``value`` as ``in.meta.x``, which is its first byte."""
    packet = Packet((b.var("in.meta.x", 8),), 0)
    return Output(b.TRUE, to, PORT, packet, metadata={"meta.x": value})  # type: ignore[arg-type]


def rid(each: Replication = SESSION) -> Packet:
    return Packet((b.extract(each.instance, 7, 0),), 0)


def low_bits(port: Term) -> Packet:
    return Packet((b.zext(b.extract(port, 1, 0), 8),), 0)


def either(condition: Term) -> Packet:
    return Packet((b.ite(condition, b.bv(1, 8), b.bv(2, 8)),), 0)


def case(*outputs: Output, events: tuple[Event, ...] = (), choices: tuple[Term, ...] = ()) -> Behaviour:
    return Behaviour((Case(b.TRUE, outputs, events=events),), choices=tuple(Choice(c, "test") for c in choices))


MAIN = Output(b.TRUE, "port", b.bv(1, 32), INPUT_PACKET)
DIGEST = Event(b.TRUE, "digest", (byte(0), byte(1)))
COUNTS = copy(state={"reg": b.ite(b.eq(INDEX, b.bv(3, 8)), b.add(before(0), b.bv(1, 8)), before(0))})
ODD = b.eq(b.extract(byte(0), 0, 0), b.bv(1, 1))


def counts(each: Replication = SESSION, when: Term = b.TRUE, by: int = 1, sends: Term = b.FALSE) -> Output:
    """A copy that adds to a cell and sends nothing, or only where ``sends``."""
    return copy(each, b.and_(when, sends), state={"reg": b.ite(when, b.add(before(0), b.bv(by, 8)), before(0))})


def doubles(each: Replication) -> Output:
    return copy(each, b.FALSE, state={"reg": b.add(before(0), before(0))})


ALL = case(MAIN, copy(packet=rid()), copy(GROUP), back(byte(2)), events=(DIGEST,))


def verdict(spec: Behaviour, impl: Behaviour) -> str:
    outcome = search(spec, impl, Engine(timeout=20))
    proof = decide(outcome, time.monotonic(), "")
    return "differs" if proof is None else proof.verdict.value


CHANGED: Mapping[str, tuple[Behaviour, Behaviour]] = {
    "a clone is dropped": (case(MAIN, copy()), case(MAIN)),
    "a clone is made now and then": (case(copy()), case(copy(when=b.eq(byte(0), b.bv(1, 8))))),
    "a clone is made for one member": (case(copy()), case(copy(when=b.ne(SESSION.port, b.bv(4, 32))))),
    "another session": (case(copy()), case(copy(replication("clone", b.bv(6, 32))))),
    "another group": (case(copy(GROUP)), case(copy(replication("multicast", b.zext(byte(1), 32))))),
    "a clone for a multicast": (case(copy()), case(copy(replication("multicast", b.bv(5, 32))))),
    "once for a clone": (case(copy()), case(replace(copy(), each=(), port=b.bv(1, 32)))),
    "a clone of a clone is dropped": (
        case(copy(), Output(b.TRUE, "port", INNER.port, INPUT_PACKET, (SESSION, INNER))), case(copy())
    ),
    "the member's port is not where it goes": (case(copy()), case(replace(copy(), port=b.bv(1, 32)))),
    "the member's instance is not in the packet": (case(copy(packet=rid())), case(copy(packet=Packet((byte(0),), 0)))),
    "a changed digest field": (ALL, replace(ALL, cases=(replace(ALL.cases[0], events=(
        Event(b.TRUE, "digest", (byte(0), byte(2))),)),))),
    "a digest is not sent": (ALL, replace(ALL, cases=(replace(ALL.cases[0], events=()),))),
    "another digest": (case(MAIN, events=(DIGEST,)), case(MAIN, events=(replace(DIGEST, name="other"),))),
    "a digest with one field more": (case(MAIN, events=(DIGEST,)), case(MAIN, events=(
        replace(DIGEST, fields=(*DIGEST.fields, byte(2))),))),
    "changed preserved metadata": (case(back(byte(2))), case(back(byte(3)))),
    "metadata is not preserved": (case(back(byte(2))), case(replace(back(byte(2)), metadata={}))),
    "resubmitted, not recirculated": (case(back(byte(2))), case(back(byte(2), "resubmit"))),
    "not recirculated": (case(back(byte(2))), case(replace(back(byte(2)), when=b.FALSE))),
    "a copy counts": (case(COUNTS), case(replace(COUNTS, state={}))),
    "a copy counts elsewhere": (case(COUNTS), case(replace(COUNTS, state={"reg": b.ite(
        b.eq(INDEX, b.bv(4, 8)), b.add(before(0), b.bv(1, 8)), before(0))}))),
    "the other of two copies counts": (case(counts(when=ODD, sends=ODD), counts(when=b.not_(ODD), sends=b.TRUE)), case(
        counts(when=ODD, sends=ODD), counts(when=b.not_(ODD), by=2, sends=b.TRUE))),
    "the second copy that sends nothing counts": (case(counts(), counts(by=2)), case(counts(), counts(by=3))),
    "once more counted by a copy that sends nothing": (case(counts()), case(counts(), counts())),
    "copies of another session that send nothing count": (case(counts()), case(
        counts(replication("clone", b.bv(6, 32))))),
    "copies for a group write before those of a session": (case(counts(), doubles(GROUP)), case(
        doubles(GROUP), counts())),
    "a choice that all copies share is no member": (case(copy(packet=Packet((b.extract(CHOICE, 7, 0),), 0)),
                                                         choices=(CHOICE,)), case(copy(packet=rid()))),
    "a choice of two that all copies share": (case(copy(packet=either(FLAG)), choices=(FLAG,)),
                                              case(copy(packet=either(IS_ODD)))),
    "a choice of four that all copies share": (case(copy(packet=Packet((b.zext(OF_FOUR, 8),), 0)), choices=(OF_FOUR,)),
                                               case(copy(packet=low_bits(SESSION.port)))),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_is_told_apart(name: str) -> None:
    one, other = CHANGED[name]
    assert verdict(one, one) == "accept"
    assert verdict(other, other) == "accept" or "choice" in name
    assert verdict(one, other) in ({"differs"} if "choice" not in name else {"differs", "undecided"})
    if "choice" not in name:
        assert verdict(other, one) == "differs"


def test_each_copy_has_choices_of_its_own() -> None:
    chosen = case(copy(packet=Packet((b.extract(OWN_CHOICE, 7, 0),), 0)), choices=(OWN_CHOICE,))
    assert verdict(chosen, case(copy(packet=rid()))) == "accept"
    assert verdict(case(copy(packet=rid())), chosen) == "differs"


@pytest.mark.parametrize("frame", [byte(5), b.ite(b.eq(byte(4), b.bv(7, 8)), byte(6), byte(5))])
def test_a_difference_beside_a_choice_that_all_copies_share_is_found(frame: Term) -> None:
    """No term is seen to be the choice on every input, but on each there is a number that is: what is left then is what
    the copies hold."""
    choice = b.var("any.0", 8)

    def side(chosen: Term, frame: Term, choices: tuple[Term, ...] = ()) -> Behaviour:
        group = replication("multicast", b.zext(b.apply("table.t.group", 8, chosen), 32))
        asked = b.apply("table.out.port", 8, b.concat(chosen, b.extract(group.port, 7, 0)))
        shown = b.ite(b.ult(asked, b.bv(9, 8)), frame, byte(6))
        return case(copy(group, packet=Packet((shown,), 1)), choices=choices)

    spread = b.bxor(choice, b.lshr(choice, b.bv(1, 8)))
    found = verdict(side(spread, byte(5), (choice,)), side(byte(1), frame))
    assert (found == "differs") is (frame is not byte(5))


def test_alternatives_are_compared_whatever_way_they_are_split() -> None:
    odd = b.eq(b.extract(byte(0), 0, 0), b.bv(1, 1))
    whole = case(copy(packet=Packet((b.ite(odd, byte(1), byte(2)),), 1)))
    first, second = copy(when=odd, packet=Packet((byte(1),), 1)), copy(when=b.not_(odd), packet=Packet((byte(2),), 1))
    for parts in ((first, second), (second, first)):
        assert verdict(whole, case(*parts)) == "accept"
        assert verdict(case(*parts), whole) == "accept"
    wrong = replace(second, packet=Packet((byte(3),), 1))
    assert verdict(whole, case(first, wrong)) == "differs"


def test_copies_are_counted_as_they_are_made() -> None:
    """One side names a copy for each of two ways, so that nothing says outright that they exclude each other."""
    low, high = b.ult(byte(0), b.bv(7, 8)), b.ult(b.bv(6, 8), byte(0))
    other = replication("clone", b.bv(6, 32))
    hidden = case(copy(when=low), copy(other, when=high))
    plain = case(copy(when=low), copy(other, when=b.not_(low)))
    one = case(copy(replication("clone", b.ite(low, b.bv(5, 32), b.bv(6, 32)))))
    assert {verdict(x, y) for x in (hidden, plain, one) for y in (hidden, plain, one)} == {"accept"}
    assert verdict(hidden, case(copy(when=low), copy(when=b.not_(low)))) == "differs"
    counting = case(counts(when=low), counts(when=high, by=2))
    at_once = {"reg": b.add(before(0), b.ite(low, b.bv(1, 8), b.bv(2, 8)))}
    assert verdict(counting, case(copy(when=b.FALSE, state=at_once))) == "accept"
    assert verdict(case(copy(when=b.FALSE, state=at_once)), counting) == "accept"


# --- on numbers -----------------------------------------------------------------------------------------------------

MEMBERS = {("multicast", 9): [(1, 10), (2, 20)], ("clone", 5): [(3, 30), (4, 40)], ("clone", 7): [(6, 60)]}


def on_numbers(side: Behaviour, packet: bytes, **more: object) -> Outcome:
    return evaluate_behaviour(
        side, packet, 2, groups=lambda kind, number, _depth: MEMBERS.get((kind, number), []), default=0, **more
    )  # type: ignore[arg-type]


def test_copies_go_to_every_member() -> None:
    seen = on_numbers(ALL, bytes([9, 8, 7]))
    assert seen.outputs == (
        ("port", 1, bytes([9, 8, 7])),
        ("port", 3, bytes([30, 9, 8, 7])),
        ("port", 4, bytes([40, 9, 8, 7])),
        ("port", 1, bytes([9, 8, 7])),
        ("port", 2, bytes([9, 8, 7])),
        ("recirculate", 2, bytes([0, 9, 8, 7])),
    )
    assert seen.carried == ({}, {}, {}, {}, {}, {"meta.x": 7})
    assert seen.events == (("digest", (9, 8)),)
    assert [to for to, _, _ in on_numbers(ALL, bytes([1, 2, 3])).outputs].count("port") == 3


def test_copies_of_copies() -> None:
    side = case(copy(), Output(b.TRUE, "port", INNER.port, rid(), (SESSION, INNER)))
    sent = [(port, frame.hex()) for _, port, frame in on_numbers(side, b"").outputs]
    assert sent == [(3, ""), (4, ""), (6, "1e"), (6, "28")]


def test_state_goes_from_copy_to_copy() -> None:
    """The frame itself adds 1, each of the two copies 10, and shows what was there before it."""
    three = b.bv(3, 8)
    here = b.eq(INDEX, three)
    old = b.apply("state.reg", 8, INDEX)
    shows = Packet((before(0, three),), 0)
    tenth = {"reg": b.ite(here, b.add(before(0), b.bv(10, 8)), before(0))}
    counted = Case(
        b.TRUE, (MAIN, copy(packet=shows, state=tenth)), state={"reg": b.ite(here, b.add(old, b.bv(1, 8)), old)}
    )
    seen = on_numbers(Behaviour((counted,)), b"", functions={"state.reg": lambda i: 100 + i}, cells={"reg": [3, 4]})
    assert [frame.hex() for _, _, frame in seen.outputs] == ["", "68", "72"]
    assert seen.state == {"reg": {3: 124, 4: 104}}


def test_a_group_that_nobody_told_is_an_error() -> None:
    with pytest.raises(KeyError, match="clone group 5"):
        evaluate_behaviour(case(copy()), b"", 0)


def test_nobody_need_be_in_a_group_that_nothing_is_sent_to() -> None:
    """So that a difference is not shown by groups that no copy goes to."""
    none = case(MAIN, copy(when=b.eq(byte(0), b.bv(1, 8))))
    asked: list[int] = []

    def members(kind: str, number: int, depth: int) -> list[tuple[int, int]]:
        asked.append(number)
        return [(7, 0)]

    assert len(evaluate_behaviour(none, b"\0", 1, groups=members).outputs) == 1
    assert asked == []
    assert len(evaluate_behaviour(none, b"\1", 1, groups=members).outputs) == 2
    assert asked == [5]
