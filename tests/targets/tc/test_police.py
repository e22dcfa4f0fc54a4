"""Policers: what a frame's length decides, in the meaning and in the kernel; all else is a matter of the traffic."""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.targets import find
from p4verify.targets.flower.artifact import parse_json, parse_script, parse_shown
from p4verify.targets.flower.artifact.netlink import decode, encode
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.tc.artifact.actions import Police
from p4verify.targets.tc.oracle.devices import NAMES
from p4verify.targets.tc.oracle.kernel import EGRESS, INGRESS, Kernel
from p4verify.targets.u32.artifact import parse_script as parse_u32
from p4verify.targets.u32.meaning import meaning as u32_meaning
from tests.support.compiled import compiled_given
from tests.support.small_behaviours import verdict

MACS = bytes.fromhex("020000000001 020000000002")
TO1 = "action mirred egress redirect dev o1"
LONGEST = 9000
CONFORM, EXCEED = 0, 1


def frame(length: int, *tags: tuple[int, int]) -> bytes:
    head = MACS + b"".join(struct.pack("!HH", *tag) for tag in tags) + b"\x08\0\x45\0"
    return (head + bytes(length))[:length]


def script(police: str, *, at: str = "vec0 ingress", first: str = "", protocol: str = "all") -> str:
    return f"filter add dev {at} pref 2 protocol {protocol} flower {first}action police {police} {TO1}\n"


def sent(text: str, one: bytes, drawn: int = CONFORM) -> bool:
    """Whether the frame is sent, where everything that is left open is ``drawn``."""
    run = compiled_given(meaning(parse_script(text, "s", NAMES), LONGEST))
    return any(to == "port" for to, _, _ in run(one, 0, defaultdict(lambda: drawn))[0])


def named(police: str, hook: str) -> str:
    """With the devices' own names."""
    return script(police, at=f"port0 {hook}").replace("dev o1", "dev port1")


KEEPS = "conform-exceed drop/pipe"
RATE = "rate 1gbit burst 1m"


@pytest.mark.parametrize("limits", ["mtu 300", f"{RATE} mtu 300", "pkts_rate 1000 pkts_burst 1000 mtu 300",
                                    "minburst 300b rate 1gbit burst 1m", "rate 0bit burst 0b mtu 300b"])  # fmt: skip
def test_a_frame_longer_than_the_mtu_exceeds(limits: str) -> None:
    text = script(f"{limits} {KEEPS}")
    open_ = "1gbit" in limits or "pkts" in limits
    assert [sent(text, frame(length)) for length in (299, 300, 301)] == [True, True, False]
    assert [sent(text, frame(length), EXCEED) for length in (299, 300, 301)] == [not open_, not open_, False]
    tagged = (0x8100, 5)  # is not counted
    assert [sent(text, frame(length, tagged)) for length in (304, 305)] == [True, False]


@pytest.mark.parametrize("rate", ["pkts_rate 5 pkts_burst 1", "pkts_rate 1 pkts_burst 1000"])
def test_few_packets_per_second_are_a_rate(rate: str) -> None:
    """A packet rate is a number, not bits of which eight are the least."""
    text = script(f"{rate} {KEEPS}")
    assert [sent(text, frame(100), drawn) for drawn in (CONFORM, EXCEED)] == [True, False]


def test_a_rate_without_an_mtu_is_for_frames_of_255_cells() -> None:
    text = script(f"{RATE} {KEEPS}")
    assert [sent(text, frame(length)) for length in (2040, 2041)] == [True, False]
    assert sent(script(f"pkts_rate 1000 pkts_burst 1000 {KEEPS}"), frame(LONGEST))
    unknown = script(f"rate 1gbit burst 1m/8 {KEEPS}")
    assert (sent(unknown, frame(LONGEST)), sent(unknown, frame(14), EXCEED)) == (True, False)


def test_a_number_of_kilobytes_may_stand_for_one_near_it() -> None:
    """A dump says 2Kb for 2040 bytes (iproute2 6.1)."""
    text = script(f"rate 0bit burst 0b mtu 2Kb {KEEPS}")
    assert [sent(text, frame(length), EXCEED) for length in (2032, 2033)] == [True, False]
    assert [sent(text, frame(length)) for length in (2064, 2065)] == [True, False]


@pytest.mark.parametrize("hook", ["ingress", "egress"])
def test_policers_of_different_mtus_differ(hook: str) -> None:

    sides = [meaning(parse_script(named(f"{RATE} mtu {mtu} {KEEPS}", hook))) for mtu in (300, 301)]
    assert verdict(*sides) == "differs"


def test_messages_tell_the_mtu_that_the_kernel_takes() -> None:
    read = parse_script(named(f"{RATE} {KEEPS}", "ingress"))
    data = bytearray(encode(read))
    assert not [name for name, _ in limits_of(data) if name == "mtu"]
    spec = data.index(struct.pack("=BBHhH", 3, 1, 0, -1, 0))
    data[spec] = 2
    assert ("mtu", "1020b") in limits_of(data)


def limits_of(messages: bytearray) -> tuple[tuple[str, str], ...]:
    police = decode(bytes(messages)).filters[0].actions[0]
    assert isinstance(police, Police)
    return police.limits


LISTS = [
    {"police": f"mtu 100 {KEEPS}"},
    {"police": f"{RATE} mtu 300 {KEEPS}"},
    {"police": f"mtu 100 {KEEPS}", "first": "action vlan push id 5 pipe "},
    {"police": f"mtu 100 {KEEPS}", "first": "action vlan push id 5 pipe action vlan push id 6 pipe "},
    {"police": f"mtu 100 {KEEPS}", "first": "action mpls push label 5 pipe "},
    {"police": f"mtu 100 {KEEPS}", "first": "action mpls mac_push label 5 pipe "},
    {"police": f"mtu 100 {KEEPS}", "first": "action vlan pop pipe ", "protocol": "802.1q"},
    {"police": f"{RATE} {KEEPS}"},
    {"police": "mtu 100 conform-exceed continue/pipe"},
]
FRAMES = [
    *(frame(length) for length in (14, 60, *range(92, 108), *range(298, 303), 1514, 2040, 2041, 3000)),
    *(frame(length, (0x8100, 5)) for length in (*range(92, 108), *range(302, 307), 2044, 2045)),
    *(frame(length, (0x88A8, 1), (0x8100, 5)) for length in range(92, 112)),
]


@pytest.mark.long
@pytest.mark.oracle
def test_the_kernel_counts_frames_so() -> None:
    """Few frames at a high rate, so that nothing but their lengths decides."""
    machine = Kernel()
    try:
        judge(machine)
    finally:
        machine.close()


def judge(machine: Kernel) -> None:
    machine.need(2)
    for hook, at in ((INGRESS, "vec0 ingress"), (EGRESS, f"{EGRESS.device} egress")):
        for given in LISTS:
            text = script(at=at, **given)
            machine.load([text.strip()], hook=hook)
            run = compiled_given(meaning(parse_script(text, "s", NAMES), LONGEST))
            for one, leaving in zip(FRAMES, machine.observe(FRAMES), strict=True):
                told = [(port, out) for to, port, out in run(one, 0, defaultdict(int))[0] if to == "port"]
                assert told == [(port, out) for port, _, out in leaving], (text, len(one))
            dump = machine.run(f"tc filter show dev {at}\n")
            begins = re.search(r"filter protocol \S+ pref 2 ", dump)
            assert begins is not None
            shown = parse_shown(dump[begins.start() :], "d", NAMES)
            told = compiled_given(meaning(replace(shown, hook=hook), LONGEST))
            for one in FRAMES:
                assert told(one, 0, defaultdict(int)) == run(one, 0, defaultdict(int)) or 2030 < len(one) < 2070


def test_u32_counts_frames_alike() -> None:
    text = f"filter add dev port0 ingress pref 2 protocol all u32 match u32 0 0 action police mtu 100 {KEEPS} {TO1}\n"
    run = compiled_given(u32_meaning(parse_u32(text, "s", NAMES)))
    assert [bool([1 for to, *_ in run(frame(n), 0, {})[0] if to == "port"]) for n in (100, 101)] == [True, False]


POLICED = (
    '[{"protocol":"all","pref":2,"kind":"flower","chain":0,"options":{"handle":1,"keys":{},"not_in_hw":true,"actions":['
    '{"order":1,"kind":"police","index":1,"control_action":{"type":"drop"},"control_action":{"type":"CONFORM"},'
    '"overhead":0,"ref":1,"bind":1},{"order":2,"kind":"mirred","mirred_action":"redirect","direction":"egress",'
    '"to_dev":"port1","control_action":{"type":"stolen"},"index":8,"ref":1,"bind":1}]}}]'
)


def test_a_dump_that_does_not_tell_the_limits_is_compared_without_them() -> None:
    target = find("flower")
    written = parse_script(named(f"{RATE} mtu 300 {KEEPS}", "ingress"))
    for conform, expected in (("pipe", "accept"), ("continue", "reject")):
        dump = parse_json(POLICED.replace("CONFORM", conform), "d.json")
        for first, second in ((written, dump), (dump, written)):
            proof = Checker(None, timeout=60, machines_confirm=False).check_two(
                (target, first, "first"), (target, second, "second")
            )
            assert proof.proof.verdict.value == expected, proof.proof.reason
