"""u32 filters whose actions write to the packet, or draw what they do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.tc.artifact.actions import Vlan
from p4verify.targets.u32.artifact import FilterList, Selector, U32Filter, parse_script, print_script
from p4verify.targets.u32.meaning import meaning
from p4verify.targets.u32.oracle import KernelU32, UserModeU32
from tests.support.compiled import compiled
from tests.support.machines import require
from tests.support.u32_random import PORTS, Frames, Lists
from tests.support.u32_written import campaign

MACS = bytes.fromhex("020000000001 020000000002")
IP = bytes.fromhex("4500001c 00010000 40110000 0a000001 0a000002 00350050 0008 0000")
FRAME = MACS + b"\x08\x00" + IP
ALL = "protocol all u32 match u32 0 0"
TO1 = "action mirred egress redirect dev port1"


def does(*filters: str, frame: bytes = FRAME, choices: int | dict[str, int] = 0, mark: int = 0) -> Outcome:
    text = "".join(f"filter add dev port0 ingress {f}\n" for f in filters)
    given = {"in.mark": mark, "in.priority": 0}
    return evaluate_behaviour(meaning(parse_script(text)), frame, 0, choices=choices, inputs=given)


def goes(*filters: str, frame: bytes = FRAME, choices: int | dict[str, int] = 0) -> list[tuple[int | str, bytes]]:
    outputs = does(*filters, frame=frame, choices=choices).outputs
    return [(port if to == "port" else to, sent) for to, port, sent in outputs]


@pytest.fixture(scope="module")
def private() -> Iterator[UserModeU32]:
    """A private kernel; without one the test is skipped, or fails where oracles are required."""
    with UserModeU32() as oracle:
        require(oracle)
        yield oracle


def test_a_tag_is_pushed_and_popped() -> None:
    tagged = MACS + bytes.fromhex("8100 6005") + FRAME[12:]
    push = "action vlan push id 5 priority 3"
    assert goes(f"pref 1 {ALL} {push} {TO1}") == [(1, tagged)]
    assert goes(f"pref 1 {ALL} action vlan pop {TO1}", frame=tagged) == [(1, FRAME)]
    assert goes(f"pref 1 {ALL} action vlan modify id 6 {TO1}", frame=tagged) == [
        (1, tagged[:15] + b"\x06" + tagged[16:])
    ]


def test_what_is_written_is_sent_from_then_on() -> None:
    mirror = "action mirred egress mirror dev port2"
    written = FRAME[:22] + b"\x07" + FRAME[23:]
    assert goes(f"pref 1 {ALL} {mirror} action pedit ex munge ip ttl set 7 pipe {TO1}") == [(2, FRAME), (1, written)]


def test_a_checksum_is_made_right() -> None:
    ((_, sent),) = goes(f"pref 1 {ALL} action csum ip4h pipe {TO1}")
    assert sent[24:26] == bytes.fromhex("66ce") != FRAME[24:26]


def test_another_chain_sees_what_was_written() -> None:
    asks = "u32 match u8 7 0xff at 8"
    chain = f"pref 1 chain 3 protocol all {asks} {TO1}"
    written = FRAME[:22] + b"\x07" + FRAME[23:]
    assert goes(f"pref 1 {ALL} action pedit ex munge ip ttl set 7 goto chain 3", chain) == [(1, written)]
    assert goes(f"pref 1 {ALL} action pedit ex munge ip ttl set 8 goto chain 3", chain)[0][0] == "stack"


def test_behind_a_pushed_tag_the_protocol_is_the_tags() -> None:
    push = f"pref 1 {ALL} action vlan push id 5 goto chain 3"
    assert goes(push, f"pref 1 chain 3 protocol 802.1q u32 match u8 64 0xff at 8 {TO1}")[0][0] == 1
    assert goes(push, f"pref 1 chain 3 protocol ip u32 match u8 64 0xff at 8 {TO1}")[0][0] == "stack"


@pytest.mark.parametrize("pushes", [1, 2, 3])
def test_tags_that_are_pushed_into_the_data_move_its_end(pushes: int) -> None:
    """The first tag is kept beside the data, which each further one makes longer before the network header."""
    push = f"pref 1 {ALL} {'action vlan push id 5 ' * pushes}action gact goto chain 3"
    for at, there in ((24, True), (28, False)):
        chain = f"pref 1 chain 3 protocol all u32 match u32 0 0 at {at} {TO1}"
        assert (goes(push, chain)[0][0] == 1) == there


def test_the_next_priority_sees_what_the_last_filter_has_written() -> None:
    first = f"pref 1 {ALL} action pedit ex munge ip ttl set 7 continue"
    assert goes(first, f"pref 2 protocol all u32 match u8 7 0xff at 8 {TO1}")[0][0] == 1
    assert goes(first, f"pref 2 protocol all u32 match u8 64 0xff at 8 {TO1}")[0][0] == "stack"


def test_the_next_filter_of_a_priority_after_one_that_writes_is_not_modelled() -> None:
    write = f"pref 1 {ALL} action pedit ex munge ip ttl set 7 continue"
    with pytest.raises(Unsupported, match="next filter of its priority") as caught:
        does(f"pref 1 {ALL} action continue", write, f"pref 1 {ALL} {TO1}")
    assert caught.value.span.line == 2


def test_marks_go_on_to_the_next_filter_and_are_told_at_the_stack() -> None:
    mark = f"pref 1 {ALL} action skbedit mark 5 priority 1:2 continue"
    other = "pref 1 protocol all u32 match u8 64 0xff at 8 action skbedit mark 0x30/0xf0 pass"
    assert does(mark, other).metadata == {"mark": 0x35, "priority": 0x10002}
    ttl = FRAME[:22] + b"\x07" + FRAME[23:]
    assert does(mark, other, frame=ttl).metadata == {"mark": 5, "priority": 0x10002}
    assert does(mark, f"pref 1 {ALL} action drop").metadata == {"mark": 0, "priority": 0}


def test_a_filter_asks_for_the_mark_that_came_or_was_written() -> None:
    asks = f"pref 2 protocol all u32 match mark 5 0xff {TO1}"
    assert [does(asks, mark=mark).outputs[0][:2] for mark in (5, 0x105, 6)] == [("port", 1), ("port", 1), ("stack", 0)]
    mark = f"pref 1 {ALL} action skbedit mark 5 continue"
    assert does(mark, asks, mark=6).outputs[0][:2] == ("port", 1)
    assert does(mark, f"pref 1 {ALL} action drop", mark=6).metadata["mark"] == 6


def test_without_the_mark_nothing_of_the_frame_is_loaded() -> None:
    """A load that fails ends the search in a priority."""
    asks = "pref 1 protocol all u32 match mark 5 0xff match u32 0 0 at 1000 action drop"
    table = ("pref 1 handle 1: protocol all u32 divisor 1", f"pref 1 protocol all u32 ht 1: match u32 0 0 {TO1}")
    leads = "pref 1 protocol all u32 match mark 5 0xff link 1:"
    for mark, port in ((5, "stack"), (6, "port")):
        assert does(asks, f"pref 1 {ALL} {TO1}", mark=mark).outputs[0][0] == port
    for mark, port in ((5, "port"), (6, "stack")):
        assert does(*table, leads, mark=mark).outputs[0][0] == port


def test_a_mark_that_is_written_before_a_filter_of_its_priority_asks_for_it_is_not_modelled() -> None:
    mark = f"pref 1 {ALL} action skbedit mark 5 continue"
    asks = f"pref 1 protocol all u32 match mark 5 0xff {TO1}"
    with pytest.raises(Unsupported, match="next filter of its priority") as caught:
        does(mark, asks)
    assert caught.value.span.line == 1
    assert does(asks, mark).outputs[0][0] == "stack"


@pytest.mark.oracle
@pytest.mark.parametrize("given", [0, 5, 0x106])
def test_the_kernel_asks_for_marks(private: UserModeU32, given: int) -> None:
    lines = (
        f"pref 1 protocol all u32 match mark 5 0xff match u32 0 0 at 1000 {TO1}",
        f"pref 1 protocol all u32 match mark 0 0xff match u8 64 0xff at 8 {TO1}",
        f"pref 2 protocol all u32 match mark 5 0xf {TO1}",
        "pref 3 protocol all u32 match mark 0x100 0x100 action skbedit mark 7 pass",
    )
    filters = parse_script("".join(f"filter add dev port0 ingress {line}\n" for line in lines))
    (seen,) = private.run_given(filters, [(0, FRAME)], {"in.mark": given})
    said = does(*lines, mark=given)
    assert (seen.outputs, seen.metadata["mark"]) == (tuple(sorted(said.outputs)), said.metadata["mark"])


def test_the_class_id_stays_with_pass_only() -> None:
    for control, classid in (("pass", 0x10007), ("pipe", 0)):
        assert does(f"pref 1 {ALL} flowid 1:7 action skbedit mark 1 {control}").metadata["classid"] == classid


def test_a_rate_may_be_exceeded_or_not() -> None:
    police = f"pref 1 {ALL} action police rate 1mbit burst 10k conform-exceed drop/pipe {TO1}"
    assert [goes(police, choices=choice) for choice in (0, 1)] == [[(1, FRAME)], []]


def test_a_rate_that_is_asked_for_twice_may_be_exceeded_once() -> None:
    police = f"pref 1 {ALL} action police rate 1mbit burst 10k conform-exceed reclassify/pipe {TO1}"
    behaviour = meaning(parse_script(f"filter add dev port0 ingress {police}\n"))
    names = [choice.variable.payload for choice in behaviour.choices]
    assert len(set(names)) == len(names)
    untagged = [str(name) for name in names if "untagged" in str(name)]
    once = {str(name): int(str(name) == untagged[0]) for name in names}
    assert goes(police, choices=1) == []
    assert goes(police, choices=once) == [(1, FRAME)]


def test_police_as_an_option_is_an_action() -> None:
    """tc's older words, which the kernel keeps as TCA_U32_POLICE."""
    old = parse_script(f"filter add dev port0 ingress pref 1 {ALL} police rate 1mbit burst 10k drop flowid 1:7\n")
    new = parse_script(
        f"filter add dev port0 ingress pref 1 {ALL} flowid 1:7 action police rate 1mbit burst 10k conform-exceed drop\n"
    )
    assert old == new
    with pytest.raises(InputError, match="police and actions together"):
        does(f"pref 1 {ALL} police rate 1mbit burst 10k drop action drop")
    with pytest.raises(InputError, match="police is there already"):
        does(f"pref 1 {ALL} police rate 1mbit burst 10k police rate 1mbit burst 10k")


@pytest.mark.oracle
def test_tc_takes_a_filter_of_which_nothing_is_said_but_a_mark(private: UserModeU32) -> None:
    filters = FilterList((U32Filter(1, selector=Selector(terminal=False)),))
    assert parse_script(print_script(filters)) == filters
    (seen,) = private.run(filters, [(0, FRAME)])
    assert [to for to, _, _ in seen.outputs] == ["stack"]


def test_an_action_that_is_not_modelled_is_said_at_its_place() -> None:
    with pytest.raises(Unsupported, match="action simple") as caught:
        does(f"pref 1 {ALL} action drop", f"pref 2 {ALL} action simple sdata 5")
    assert caught.value.span.line == 2


@pytest.mark.parametrize("seed", range(12))
def test_both_ways_of_meaning_a_list_agree(seed: int) -> None:
    """A chain that no packet comes to changes nothing, though what stands there writes."""
    rng = random.Random(seed)
    unreached = U32Filter(1, actions=(Vlan("pop"),), chain=99)
    compared = 0
    while compared < 3:
        filters = Lists(rng).make()
        try:
            behaviours = [meaning(filters), meaning(replace(filters, filters=(*filters.filters, unreached)))]
        except (InputError, Unsupported):
            continue
        one, other = map(compiled, behaviours)
        compared += 1
        for _ in range(40):
            port, frame = rng.choice(PORTS), Frames(rng).make(filters)
            assert one(frame, port) == other(frame, port)


@pytest.mark.oracle
def test_the_meaning_is_what_the_kernel_does(private: UserModeU32) -> None:
    tally = campaign(private, 2026, pairs=800, seconds=6)
    assert tally.mismatches == []
    assert tally.pairs > 100


@pytest.mark.oracle
def test_the_oracle_of_the_target_shows_what_is_written(private: UserModeU32, kernel: KernelU32) -> None:
    text = f"filter add dev port0 ingress pref 1 {ALL} action vlan push id 5 priority 3 {TO1}\n"
    (seen,) = kernel.run(parse_script(text), [(0, FRAME)])
    assert list(seen.outputs) == [("port", 1, MACS + bytes.fromhex("8100 6005") + FRAME[12:])]
