"""Jumps over actions, and what ``skbedit`` writes."""

from __future__ import annotations

import pytest

from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour
from p4verify.semantics.source import Unsupported
from p4verify.targets.flower.artifact import decode, encode, parse_script, print_script
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.flower.target import TARGET
from p4verify.targets.offload import Device
from p4verify.targets.u32.artifact import parse_script as parse_u32
from p4verify.targets.u32.meaning import meaning as u32_meaning
from tests.support.compiled import inside
from tests.support.flower_forms import Forms, Inside, judge_forms
from tests.support.small_behaviours import verdict

MACS = bytes.fromhex("020000000001 020000000002")
FRAME = MACS + bytes.fromhex("0800 45ba0014 00010000 40110000 0a000001 0a000002")
SIX = MACS + bytes.fromhex("86dd 6b800000 00003b40") + bytes(32)
TO = [f"action mirred egress mirror dev port{n}" for n in range(4)]


def script(*filters: str) -> str:
    return "".join(f"filter add dev port0 ingress {f}\n" for f in filters)


def does(actions: str, frame: bytes = FRAME, given: dict[str, int] | None = None) -> Outcome:
    text = script(f"pref 1 protocol all flower classid 1:7 {actions}")
    return evaluate_behaviour(meaning(parse_script(text)), frame, 0, inputs=given or {}, default=0)


def goes(actions: str) -> list[object]:
    out = does(actions)
    return [port if to == "port" else (to, out.metadata["classid"]) for to, port, _ in out.outputs]


JUMPS = [
    (f"action jump 2 {TO[1]} {TO[2]} action pass", [2, ("stack", 0x10007)]),
    (f"{TO[0]} jump 3 {TO[1]} action drop {TO[2]}", [0, 2, ("stack", 0)]),
    (f"action jump 0 {TO[1]} action drop", [("stack", 0x10007)]),
    (f"action jump 9 {TO[1]} action drop", [("stack", 0x10007)]),
    (f"action jump 3 {TO[1]} action drop", [("stack", 0)]),
    (f"action jump 514 {TO[1]} action drop", []),  # 9 bits count: to the third
]
"""Lists of actions, and where a frame goes that meets them."""


@pytest.mark.parametrize(("actions", "expected"), JUMPS)
def test_a_jump_goes_on_with_the_action_of_that_number(actions: str, expected: list[object]) -> None:
    assert goes(actions) == expected


def test_a_frame_jumps_31_times() -> None:
    assert goes(f"{TO[1]} {TO[2]} jump 1 {TO[3]}") == [1, *[2] * 32, ("stack", 0x10007)]


def test_jumps_that_make_too_many_ways_are_unsupported() -> None:
    police = "action police rate 1mbit burst 10k conform-exceed pipe/pipe "
    with pytest.raises(Unsupported, match="ways through the jumps"):
        does(f"{TO[1]} {police * 8}{TO[2]} jump 1")


def test_u32_jumps_too() -> None:
    text = script(f"pref 1 protocol all u32 match u32 0 0 action jump 2 {TO[1]} {TO[2]} action drop")
    seen = evaluate_behaviour(u32_meaning(parse_u32(text)), FRAME, 0, default=0)
    assert [port for _, port, _ in seen.outputs] == [2]


def test_a_list_that_jumps_is_not_divided() -> None:
    """What traces it counts as an action."""
    filters = parse_script(script(f"pref 1 protocol all flower action jump 2 {TO[1]} action drop"))
    with pytest.raises(Unsupported, match="a jump over actions") as caught:
        TARGET.divided(filters, (), Device())
    assert caught.value.span.line == 1


DRAWN = "pref 1 protocol all flower action gact pass random determ drop 4"


def test_a_packet_that_is_drawn_has_the_other_control() -> None:
    behaviour = meaning(parse_script(script(DRAWN)))
    some = [evaluate_behaviour(behaviour, FRAME, 0, choices=choice).outputs for choice in (0, 1)]
    assert some == [(("stack", 0, FRAME),), ()]
    for count in (0, 1):  # every packet
        assert does(f"action gact pass random netrand drop {count}").outputs == ()
    assert does(f"action pass random netrand jump 2 1 {TO[1]} {TO[2]} action drop").outputs == (("port", 2, FRAME),)


def test_whether_a_packet_is_drawn_is_either_lists_to_choose() -> None:
    drawn, passes = (meaning(parse_script(script(line))) for line in (DRAWN, DRAWN.split(" random")[0]))
    assert verdict(drawn, passes) == "accept"
    assert verdict(passes, drawn) == "differs"


def test_a_filter_that_draws_is_not_for_a_driver() -> None:
    (entry,) = TARGET.entries(parse_script(script(DRAWN)))
    assert "drawn" in str(entry)


@pytest.mark.long
@pytest.mark.oracle
def test_what_the_kernel_shows_of_drawn_packets_is_read() -> None:
    pops = "pref 1 protocol mpls_uc flower action mpls pop protocol 0x88b5"  # shown as [34997]
    lists = (DRAWN, f"{pops} action drop random netrand jump 1 9")
    inside = Inside()
    try:
        for line in lists:
            found = Forms()
            judge_forms(inside, parse_script(script(line)), found)
            assert found.wrong == []
            assert sum(found.counts[form, "same"] for form, _ in found.counts) == 6
    finally:
        inside.kernel.close()


@pytest.mark.parametrize("words", ["gact pass random netrand drop 7", "gact drop random determ jump 2 65535"])
def test_messages_and_words_tell_what_is_drawn(words: str) -> None:
    filters = parse_script(script(f"pref 1 protocol all flower action {words} action pass"))
    assert decode(encode(filters)) == filters
    assert f"action {words}" in print_script(filters)
    assert parse_script(print_script(filters)) == filters


EDITS = [
    ("mark 0x15/0x1f priority 1:2", {"mark": 0xF5, "priority": 0x10002}),
    ("ptype otherhost", {"pkt_type": 3}),
    ("queue_mapping 4", {"queue_mapping": 4}),
    ("priority 1:2 inheritdsfield", {"priority": 0xBA >> 2}),
]


@pytest.mark.parametrize(("words", "told"), EDITS)
def test_what_is_edited_is_told(words: str, told: dict[str, int]) -> None:
    given = {"in.mark": 0xE0, "in.priority": 5, "in.pkt_type": 1, "in.queue_mapping": 2}
    passed = does(f"action skbedit {words} pass", given=given)
    assert passed.metadata == {"classid": 0x10007, **told}
    dropped = does(f"action skbedit {words} drop", given=given)
    assert dropped.metadata == {"classid": 0, **{name: given[f"in.{name}"] for name in told}}
    (beside,) = does(f"action skbedit {words} action mirred ingress redirect dev port1", given=given).carried
    assert beside == told


def test_the_class_of_service_is_ips_own() -> None:
    edit = "action skbedit inheritdsfield pass"
    assert does(edit, SIX).metadata["priority"] == 0xB8 >> 2
    assert does(edit, MACS + b"\x08\x06" + bytes(28), {"in.priority": 3}).metadata["priority"] == 3
    assert does(edit, FRAME[:33]).outputs == ()
    assert does(edit, SIX[:53]).outputs == ()


def test_lists_that_differ_in_what_they_edit_are_told_apart() -> None:
    one, other, same = (
        meaning(parse_script(script(f"pref {pref} protocol ip flower action skbedit {words} pass")))
        for pref, words in ((1, "ptype host"), (1, "ptype multicast"), (2, "ptype host"))
    )
    assert verdict(one, other) == "differs"
    assert verdict(one, same) == "accept"


@pytest.mark.oracle
def test_the_kernel_jumps_and_edits(kernel: UserModeFlower) -> None:
    for actions, expected in JUMPS[:-1]:
        filters = parse_script(script(f"pref 1 protocol all flower classid 1:7 {actions}"))
        (seen,) = kernel.run(filters, [(0, FRAME)])
        told = [port if to == "port" else (to, seen.metadata["classid"]) for to, port, _ in seen.outputs]
        assert told == expected
    text = script(
        "pref 1 protocol ip flower action skbedit inheritdsfield ptype multicast pass",
        "pref 2 protocol ipv6 flower action skbedit mark 3 inheritdsfield action mirred ingress redirect dev port2",
        "pref 3 protocol 802.1q flower action skbedit inheritdsfield pass",
    )
    tags = bytes.fromhex("8100 0fff 88a8 1005")
    frames = [FRAME, SIX, FRAME[:33], SIX[:53], MACS + b"\x08\x06" + bytes(28), MACS + tags + FRAME[12:]]
    given = {"in.priority": 9, "in.pkt_type": 1}
    seen = kernel.run_given(parse_script(text), [(0, frame) for frame in frames], given)
    behaviour = meaning(parse_script(text))
    for frame, one in zip(frames, seen, strict=True):
        assert inside(behaviour)(frame, 0, given)
        said = evaluate_behaviour(behaviour, frame, 0, inputs=given, default=0)
        assert sorted(said.outputs) == list(one.outputs)
        assert dict(said.metadata) == {name: one.metadata[name] for name in said.metadata}
        for told, beside in zip(said.carried, one.beside, strict=False):
            assert told == {name: beside[name] for name in told}
