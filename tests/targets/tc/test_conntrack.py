"""The action ``ct``: what it is in every form, and what lists mean that ask connection tracking."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.semantics.bits import applications
from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import encode, parse_script, print_script, read
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.tc.artifact.actions import PASS, Ct, CtClear, OpaqueAction
from p4verify.targets.u32.artifact import parse_script as parse_u32
from p4verify.targets.u32.meaning import meaning as u32_meaning
from tests.support.compiled import inside
from tests.support.machines import require
from tests.support.small_behaviours import verdict as compared

FRAME = bytes.fromhex("020000000001 020000000002 0800 4500001c 00010000 40110000 0a000001 0a000002 0050003500080000")
ALL = "protocol ip flower"
ASK = f"pref 1 {ALL} action ct zone 5 pipe action goto chain 1"
ASK5, ASK6 = "action ct zone 5", "action ct zone 6"
TO = "action mirred egress redirect dev port"
FIRST = "in.ct.5@14"
NEW, ESTABLISHED, INVALID = 9, 10, 24


def script(*filters: str) -> str:
    return "".join(f"filter add dev port0 ingress {f}\n" for f in filters)


def does(*filters: str, given: dict[str, int] | None = None, frame: bytes = FRAME) -> Outcome:
    return evaluate_behaviour(meaning(parse_script(script(*filters))), frame, 0, inputs=given or {}, default=0)


def verdict(*lists: str) -> str:
    first, second = (meaning(parse_script(text)) for text in lists)
    return compared(first, second)


FORMS = [
    ("ct", Ct()),
    ("ct zone 7", Ct(7)),
    ("ct commit zone 7 mark 5 pass", Ct(7, commit=True, mark=(5, 0xFFFFFFFF), control=PASS)),
    ("ct commit force zone 7 mark 0x5/0xf", Ct(7, commit=True, force=True, mark=(5, 15))),
    ("ct zone 7 commit label 0102/ff", Ct(7, commit=True, label=(0x0102 << 112, 0xFF << 120))),
    ("ct clear", CtClear()),
]


@pytest.mark.parametrize(("words", "action"), FORMS)
def test_words_and_messages(words: str, action: Ct | CtClear) -> None:
    filters = parse_script(script(f"pref 1 {ALL} action {words}"))
    assert [f.actions for f in filters.filters] == [(action,)]
    assert read(print_script(filters).encode(), "x").filters == filters.filters
    assert [f.actions for f in read(encode(filters), "x").filters] == [(action,)]


@pytest.mark.parametrize("words", ["ct zone 7 nat", "ct commit nat src addr 1.2.3.4", "ct force zone 7"])
def test_what_has_no_place_is_carried(words: str) -> None:
    (found,) = parse_script(script(f"pref 1 {ALL} action {words}")).filters
    assert [type(action) for action in found.actions] == [OpaqueAction]
    with pytest.raises(Unsupported, match="action ct"):
        does(f"pref 1 {ALL} action {words}")


def test_a_frame_that_was_not_asked_about_is_not_tracked() -> None:
    assert does(f"pref 1 {ALL} ct_state -trk {TO}1").outputs[0][:2] == ("port", 1)
    assert does(f"pref 1 {ALL} ct_state +trk {TO}1").outputs[0][0] == "stack"


STATES = {"+trk+new": NEW, "+trk+est-rpl": ESTABLISHED, "+trk+rpl": 42, "+trk+rel-rpl": 12, "+inv+trk": INVALID}


@pytest.mark.parametrize(("state", "number"), STATES.items())
def test_what_is_answered_is_seen_behind_the_action(state: str, number: int) -> None:
    lines = [ASK, f"chain 1 pref 1 {ALL} ct_state {state} ct_zone 5 {TO}1", f"chain 1 pref 2 {ALL} action drop"]
    for other in STATES.values():
        sent = does(*lines, given={f"{FIRST}.state": other}).outputs
        assert [output[:2] for output in sent] == ([("port", 1)] if other == number else [])
    told = does(*lines, given={f"{FIRST}.state": number}).events
    assert told == (("ct", (5, 0, 0, 0, 0, 0, 0, 14)),)


def test_marks_and_labels_of_connections() -> None:
    lines = [ASK, f"chain 1 pref 1 {ALL} ct_mark 3/0xf ct_label 01/ff {TO}1"]
    given = {f"{FIRST}.state": ESTABLISHED, f"{FIRST}.mark": 0x13, f"{FIRST}.label": 0x01FF << 112}
    assert does(*lines, given=given).outputs[0][:2] == ("port", 1)
    assert does(*lines, given={**given, f"{FIRST}.mark": 4}).outputs[0][0] == "stack"


def test_what_is_kept_is_seen_at_once() -> None:
    keep = f"chain 1 pref 1 {ALL} action ct commit zone 5 mark 0x2/0xff pipe action goto chain 2"
    lines = [ASK, keep, f"chain 2 pref 1 {ALL} ct_mark 0x102 {TO}1"]
    given = {f"{FIRST}.state": NEW, f"{FIRST}.mark": 0x1F0}
    seen = does(*lines, given=given)
    assert seen.outputs[0][:2] == ("port", 1)
    assert [fields[1] for _, fields in seen.events] == [0, 1]
    second = "in.ct.5,5 commit mark 2/ff@14"
    none = {f"{FIRST}.state": INVALID, f"{second}.state": INVALID}
    assert does(*lines, given=none).outputs[0][0] == "stack"
    assert does(*lines, given={**given, f"{second}.refused": 1}).outputs == ()


ANEW = [("ct zone 6", "5,6", 10), ("ct commit force zone 5", "5,5 commit force", 42), ("ct zone 5", "5,5", INVALID)]
KNOWN = [("ct zone 5", 10), ("ct commit zone 5", 42), ("ct commit force zone 5", 10)]


@pytest.mark.parametrize(("again", "how", "first"), ANEW)
def test_what_is_asked_anew(again: str, how: str, first: int) -> None:
    """In another zone, of a reply whose connection is to be forgotten, and of what is no connection's."""
    lines = [f"pref 1 {ALL} {ASK5} action {again} pipe action goto chain 1", f"chain 1 {ALL} ct_state +trk+new {TO}1"]
    given = {f"{FIRST}.state": first, f"in.ct.{how}@14.state": NEW}
    assert does(*lines, given=given).outputs[0][:2] == ("port", 1)


@pytest.mark.parametrize(("again", "first"), KNOWN)
def test_what_a_frame_has_already(again: str, first: int) -> None:
    lines = [f"pref 1 {ALL} {ASK5} action {again} pipe action goto chain 1", f"chain 1 {ALL} ct_state +trk+est {TO}1"]
    assert does(*lines, given={f"{FIRST}.state": first}).outputs[0][:2] == ("port", 1)


def test_only_ip_is_taken() -> None:
    line = f"pref 1 protocol all flower action ct zone 5 {TO}1"
    arp = FRAME[:12] + b"\x08\x06" + FRAME[14:]
    assert [does(line, given={f"{FIRST}.state": NEW}, frame=f).outputs for f in (arp, FRAME[:33])] == [(), ()]
    covers = inside(meaning(parse_script(script(line))))
    given = {f"{FIRST}.state": NEW}
    fragment = FRAME[:20] + b"\x20\x00" + FRAME[22:]
    tagged = FRAME[:12] + bytes.fromhex("8100000181000002") + FRAME[12:]
    assert covers(FRAME, 0, given)
    assert [covers(f, 0, given) for f in (fragment, FRAME + b"\0", tagged)] == [False] * 3
    assert not covers(FRAME, 0, {f"{FIRST}.state": 11})
    assert not covers(FRAME, 0, {f"{FIRST}.state": INVALID, f"{FIRST}.mark": 1})


POP = "action mpls pop protocol"
WRITES = "action pedit ex munge ip ttl set 3 pipe"


def test_what_was_written_to_is_asked_about_as_it_is() -> None:
    behaviour = meaning(parse_script(script(f"pref 1 {ALL} {WRITES} {ASK5} pipe action goto chain 1",
                                            f"chain 1 {ALL} ct_state +trk+est {TO}1")))  # fmt: skip
    functions = {f"given.ct.5@14.{part}": lambda first: 0 for part in ("mark", "label", "refused")}
    functions["given.ct.5@14.state"] = lambda first: ESTABLISHED if first >> 8 * (63 - 8) & 0xFF == 3 else NEW
    seen = evaluate_behaviour(behaviour, FRAME, 0, functions=functions, default=0)
    assert seen.outputs == (("port", 1, FRAME[:22] + b"\x03" + FRAME[23:]),)
    assert seen.events[0][1][7:] == (14, int.from_bytes(seen.outputs[0][2][14:].ljust(64, b"\0"), "big"))
    with pytest.raises(Unsupported, match="behind its first 64 bytes"):
        does(f"pref 1 {ALL} action pedit ex munge offset 64 u32 set 3 pipe {ASK5} {TO}1")
    written = f"pref 1 {ALL} action pedit ex munge eth dst set 02:00:00:00:00:09 pipe {ASK5} {TO}1"
    assert does(written, given={f"{FIRST}.state": NEW}).outputs[0][2][14:] == FRAME[14:]


EQUAL = [
    (
        [f"pref 1 {ALL} {WRITES} {ASK5} pipe action goto chain 1", f"chain 1 {ALL} ct_state +trk+est {TO}1"],
        [
            f"pref 1 {ALL} action pedit ex munge ip ttl set 3 pipe action goto chain 2",
            f"chain 2 pref 3 {ALL} {ASK5} pipe action goto chain 1",
            f"chain 1 pref 7 {ALL} ct_state +trk-new-inv-rel {TO}1",
        ],
    ),
    (
        [ASK, f"chain 1 pref 1 {ALL} ct_state +trk+est {TO}1", f"chain 1 pref 2 {ALL} {TO}2"],
        [ASK, f"chain 1 pref 3 {ALL} ct_state -est {TO}2", f"chain 1 pref 4 {ALL} {TO}1"],
    ),
    (
        [ASK, f"chain 1 pref 1 {ALL} ct_state +trk+new {TO}1"],
        [ASK, f"chain 1 pref 1 {ALL} ct_state -est-rel-inv {TO}1"],
    ),
    (
        [f"pref 1 {ALL} action ct zone 5 pipe action ct clear pipe action goto chain 1", f"chain 1 {ALL} {TO}1"],
        [f"pref 1 {ALL} action ct zone 5 {TO}1"],
    ),
    (
        [ASK, f"chain 1 pref 1 {ALL} action ct commit zone 5 mark 3 {TO}1"],
        [f"pref 1 {ALL} action ct zone 5 action ct commit zone 5 mark 3 {TO}1"],
    ),
    (
        [ASK, f"chain 1 pref 1 {ALL} ct_mark 3 action drop", f"chain 1 pref 2 {ALL} {TO}1"],
        [ASK, f"chain 1 pref 1 {ALL} ct_mark 3 ct_state -inv action drop", f"chain 1 pref 2 {ALL} {TO}1"],
    ),
]
DIFFERENT = [
    ([f"pref 1 {ALL} {ASK5} {WRITES} {TO}1"], [f"pref 1 {ALL} {WRITES} {ASK5} {TO}1"]),
    (
        [f"pref 1 {ALL} {WRITES} {ASK5} action pedit ex munge ip ttl set 9 {TO}1"],
        [f"pref 1 {ALL} {ASK5} action pedit ex munge ip ttl set 9 {TO}1"],
    ),
    (
        [f"pref 1 {ALL} {WRITES} {ASK5} action pedit ex munge ip ttl set 9 {TO}1"],
        [f"pref 1 {ALL} {WRITES.replace('3', '4')} {ASK5} action pedit ex munge ip ttl set 9 {TO}1"],
    ),
    (
        [f"pref 1 {ALL} {WRITES} {ASK5} pipe action goto chain 1", f"chain 1 {ALL} ct_state +trk+est {TO}1"],
        [f"pref 1 {ALL} {WRITES} {ASK5} pipe action goto chain 1", f"chain 1 {ALL} ct_state +trk+new {TO}1"],
    ),
    (
        [f"pref 1 protocol mpls_uc flower {POP} ip pipe {ASK5} action drop"],
        [f"pref 1 protocol mpls_uc flower {POP} mpls_uc pipe {POP} ip pipe {ASK5} action drop"],
    ),
    ([ASK, f"chain 1 {ALL} ct_state +trk+est {TO}1"], [ASK, f"chain 1 {ALL} ct_state +trk+new {TO}1"]),
    ([f"pref 1 {ALL} action ct zone 5 {TO}1"], [f"pref 1 {ALL} action ct zone 6 {TO}1"]),
    ([f"pref 1 {ALL} action ct zone 5 {TO}1"], [f"pref 1 {ALL} {TO}1"]),
    ([f"pref 1 {ALL} action ct zone 5 {TO}1"], [f"pref 1 {ALL} action ct commit zone 5 {TO}1"]),
    ([f"pref 1 {ALL} action ct commit mark 1 {TO}1"], [f"pref 1 {ALL} action ct commit mark 2 {TO}1"]),
    ([f"pref 1 {ALL} action ct commit label 01 {TO}1"], [f"pref 1 {ALL} action ct commit label 02 {TO}1"]),
    ([f"pref 1 {ALL} action ct zone 5 pass"], [f"pref 1 {ALL} action ct zone 5 action ct clear pass"]),
    ([f"pref 1 {ALL} {ASK5} {ASK6} {TO}1"], [f"pref 1 {ALL} {ASK6} {ASK5} {TO}1"]),
    (
        [ASK, f"chain 1 pref 1 {ALL} ct_zone 5 {TO}1", f"chain 1 pref 9 {ALL} action drop"],
        [ASK, f"chain 1 pref 1 {ALL} ct_zone 6 {TO}1", f"chain 1 pref 9 {ALL} action drop"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("pair", EQUAL)
def test_lists_that_ask_alike_are_equal(pair: tuple[list[str], list[str]]) -> None:
    assert {verdict(*(script(*some) for some in sides)) for sides in (pair, pair[::-1])} == {"accept"}


@pytest.mark.parametrize("pair", DIFFERENT)
def test_lists_that_ask_otherwise_are_told_apart(pair: tuple[list[str], list[str]]) -> None:
    assert {verdict(*(script(*some) for some in sides)) for sides in (pair, pair[::-1])} == {"differs"}


@pytest.mark.parametrize("state", ["+est", "+trk+new+est", "+trk+inv+rpl", "+trk+new+rpl"])
def test_states_that_there_are_not(state: str) -> None:
    with pytest.raises(InputError, match="the kernel refuses"):
        does(f"pref 1 {ALL} ct_state {state} {TO}1")


def test_u32_asks_too() -> None:
    line = f"pref 1 protocol ip u32 match u32 0 0 action ct zone 5 {TO}4"
    seen = evaluate_behaviour(u32_meaning(parse_u32(script(line))), FRAME, 0, inputs={f"{FIRST}.state": NEW}, default=0)
    assert seen.outputs == (("port", 4, FRAME),)
    assert seen.events[0][0] == "ct"


@pytest.fixture(scope="module")
def kernel() -> Iterator[UserModeFlower]:
    """A private kernel; without one the test is skipped, or fails where oracles are required."""
    with UserModeFlower() as oracle:
        require(oracle)
        yield oracle


REPLY = FRAME[:26] + FRAME[30:34] + FRAME[26:30] + FRAME[36:38] + FRAME[34:36] + FRAME[38:]
SHORT = FRAME[:16] + b"\x00\x15" + FRAME[18:35]
"""UDP that is cut short."""
CONVERSATION = [
    (SHORT, INVALID, 0), (FRAME, NEW, 0), (FRAME, NEW, 0x107), (REPLY, 42, 0x107), (FRAME, ESTABLISHED, 0x107),
    (REPLY, 42, 0x107),
]  # fmt: skip
"""Frames one after the other, and what connection tracking answers: state and mark."""
KEPT = 0x0102 << 112


@pytest.mark.oracle
def test_the_kernel_does_what_is_said_of_a_conversation(kernel: UserModeFlower) -> None:
    """What it answers about the first frame after it was kept, about replies, and about what is no connection's."""
    keep = "action ct commit mark 0x7/0xff label 0102/ffff pipe"
    lines = [
        ASK.replace(" zone 5", ""),
        *(f"chain 1 pref {i} {ALL} ct_state {state} action mirred egress mirror dev port{i} continue"
          for i, state in enumerate(STATES, 1)),
        f"chain 1 pref 8 {ALL} ct_mark 7 ct_label 0102 action mirred egress mirror dev port8 continue",
        f"chain 1 pref 9 {ALL} ct_state +trk+inv action drop",
        f"chain 1 pref 10 {ALL} ct_mark 7 action ct clear pipe action goto chain 3",
        f"chain 1 pref 11 {ALL} {keep} action goto chain 2",
        f"chain 2 pref 1 {ALL} ct_state +trk+new ct_mark 0x7 ct_label 0102 action ct commit mark 0x100/0xf00 {TO}10",
        f"chain 3 pref 1 {ALL} ct_state -trk ct_mark 0 {TO}11",
    ]  # fmt: skip
    lines = [line.replace("ct_mark 7", "ct_mark 0x7/0xff") for line in lines]
    filters = parse_script(script(*lines))
    behaviour = meaning(filters)
    seen = kernel.run(filters, [(0, frame) for frame, _, _ in CONVERSATION])
    for (frame, state, mark), shown in zip(CONVERSATION, seen, strict=True):
        given = {"in.ct.0@14.state": state, "in.ct.0@14.mark": mark, "in.ct.0@14.label": KEPT if mark else 0}
        given["in.ct.0,0 commit mark 7/ff label " + f"{KEPT:x}/{0xFFFF << 112:x}@14.labelled"] = KEPT
        said = evaluate_behaviour(behaviour, frame, 0, inputs=given, default=0)
        assert list(shown.outputs) == sorted(said.outputs)
    for state in ("+est", "+trk+new+est", "+trk+inv+rpl", "+trk+new+rpl"):
        assert kernel.refuses(parse_script(script(f"pref 1 {ALL} ct_state {state} {TO}1")))
    assert [sorted(port for _, port, _ in one.outputs) for one in seen] == [
        [5], [1, 10], [1, 8, 11], [3, 8, 11], [2, 8, 11], [3, 8, 11],
    ]  # fmt: skip


@pytest.mark.oracle
def test_the_kernel_asks_about_what_was_written(kernel: UserModeFlower) -> None:
    """It keeps what it knows of a packet that is written to, and asks anew about one that it knows nothing of."""
    source = "action pedit ex munge ip src set 10.0.0.7 pipe"
    lines = [
        f"pref 1 {ALL} src_port 81 action ct pipe {source} action ct commit mark 9 pipe action goto chain 1",
        f"pref 2 {ALL} {source} action ct pipe action goto chain 1",
        f"chain 1 pref 1 {ALL} ct_state +trk+new ct_mark 9 {TO}1",
        f"chain 1 pref 2 {ALL} ct_state +trk+new ct_mark 0 {TO}2",
    ]
    lines = [line.replace("flower src_port", "flower ip_proto udp src_port") for line in lines]
    filters = parse_script(script(*lines))
    behaviour = meaning(filters)
    answers = {"state": NEW, "mark": 0, "label": 0, "refused": 0, "labelled": 0}
    calls = {call.name for call in applications(*(term for case in behaviour.cases for term in case.terms()))}
    answered = {name: answers[name.rpartition(".")[2]] for name in calls if name.startswith("given.ct.")}
    functions = {name: lambda _first, number=number: number for name, number in answered.items()}
    frames = [FRAME[:34] + bytes((0, port)) + FRAME[36:] for port in (81, 82)]
    seen = kernel.run(filters, [(0, frame) for frame in frames])
    for frame, shown in zip(frames, seen, strict=True):
        said = evaluate_behaviour(behaviour, frame, 0, inputs={"in.ct.0@14.state": NEW}, functions=functions, default=0)
        assert list(shown.outputs) == sorted(said.outputs)
    assert [one.outputs[0][1] for one in seen] == [1, 2]
