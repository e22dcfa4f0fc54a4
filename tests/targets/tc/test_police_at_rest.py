"""Policers that a frame finds as they were made: before it none came, so that a rate is kept whatever it is."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof
from p4verify.targets import find
from p4verify.targets.flower.artifact import parse_json
from p4verify.targets.flower.artifact import parse_script as parse_flower
from p4verify.targets.tc.artifact.policers import at_rest
from p4verify.targets.tc.oracle.kernel import INGRESS, Kernel
from p4verify.targets.u32.artifact import parse_script as parse_u32

PARSED = {"flower": parse_flower, "u32": parse_u32}
MATCHES = {"flower": "flower dst_ip 10.0.{n}", "u32": "u32 match ip dst 10.0.{n}/32"}
RATE = "rate 1mbit burst 10k"


def lines(kind: str, police: str, count: int = 1) -> list[str]:
    """As many filters, of which each polices an address of its own."""
    matches = ((n, MATCHES[kind].format(n=f"{n >> 8}.{n & 255}")) for n in range(1, count + 1))
    return [f"filter add dev port0 ingress pref {n} protocol ip {match} action police {police}" for n, match in matches]


def compared(kind: str, first: list[str], second: list[str]) -> Proof:
    target = find(kind)
    sides = [(target, PARSED[kind]("\n".join(text) + "\n", name), name) for text, name in ((first, "a"), (second, "b"))]
    return Checker(None, timeout=60, machines_confirm=False).check_two(sides[0], sides[1]).proof


def verdict(first: str, second: str, kind: str = "flower") -> str:
    return compared(kind, lines(kind, first), lines(kind, second)).verdict.value


@pytest.mark.parametrize("limits", [RATE, f"{RATE} mtu 2000", "rate 1mbit buffer 10k"])
@pytest.mark.parametrize("kind", ["flower", "u32"])
def test_what_is_done_with_frames_above_a_rate_and_below_it_is_not_changed_round(kind: str, limits: str) -> None:
    ways = [lines(kind, f"{limits} conform-exceed {what}") for what in ("drop/pass", "pass/drop")]
    proof = compared(kind, *ways)
    assert proof.verdict.value == "reject"
    assert any("no frame came before" in said for said in proof.warnings)
    assert compared(kind, ways[0], ways[0]).verdict.value == "accept"


def test_other_rates_that_a_frame_keeps_are_no_difference() -> None:
    assert verdict(f"{RATE} conform-exceed drop/pass", "rate 2mbit burst 20k conform-exceed drop/pass") == "accept"


@pytest.mark.parametrize(
    "limits", ["rate 1mbit burst 1k", "avrate 1mbit", f"{RATE} peakrate 2mbit mtu 2000", "pkts_rate 10 pkts_burst 5"]
)
def test_of_buckets_that_may_not_hold_a_frame_and_of_averages_nothing_is_known(limits: str) -> None:
    assert verdict(f"{limits} conform-exceed drop/pass", f"{limits} conform-exceed pass/drop") == "accept"


def test_a_frame_that_is_too_long_exceeds_at_rest_as_well() -> None:
    """What differs is done with no frame that is short enough."""
    ways = [f"{RATE} mtu 10 conform-exceed drop/{what}" for what in ("pass", "continue")]
    assert verdict(*ways) == "accept"


def test_one_of_many_filters_is_found() -> None:
    first, second = (lines("flower", f"{RATE} conform-exceed drop/pass", 300) for _ in range(2))
    assert compared("flower", first, second).verdict.value == "accept"
    second[100] = second[100].replace("drop/pass", "pass/drop")
    proof = compared("flower", first, second)
    assert proof.verdict.value == "reject"
    assert proof.counterexample is not None
    assert proof.counterexample.packet[-4:] == bytes([10, 0, 0, 101])


DUMP = (
    '[{"protocol":"ip","pref":1,"kind":"flower","chain":0,"options":{"handle":1,"keys":{"eth_type":"ipv4",'
    '"dst_ip":"10.0.0.1"},"not_in_hw":true,"actions":[{"order":1,"kind":"police","index":1,"control_action":'
    '{"type":"EXCEED"},"control_action":{"type":"CONFORM"},"overhead":0,"ref":1,"bind":1}]}}]'
)


def test_so_are_dumps_that_tell_no_limits() -> None:
    target = find("flower")
    ways = [
        DUMP.replace("EXCEED", one).replace("CONFORM", other) for one, other in (("drop", "pass"), ("pass", "drop"))
    ]
    sides = [(target, parse_json(text, f"{n}.json"), f"{n}.json") for n, text in enumerate(ways)]
    checker = Checker(None, timeout=60, machines_confirm=False)
    assert checker.check_two(sides[0], sides[1]).verdict.value == "reject"
    assert checker.check_two(sides[0], sides[0]).verdict.value == "accept"


@pytest.mark.oracle
@pytest.mark.parametrize("limits", [RATE, "rate 8kbit burst 10k"])
def test_the_kernel_lets_a_first_frame_keep_the_rate(limits: str) -> None:
    """Of a thousand bytes, whichever of the two ways sends it."""
    machine = Kernel()
    frame = bytes.fromhex("020000000001 020000000002 0800 45") + bytes(1000)
    try:
        machine.need(2)
        for text, leaves in (("drop/pipe", True), ("pipe/drop", False)):
            told = f"protocol all u32 match u32 0 0 action police {limits} conform-exceed {text} index 7"
            sends = "action mirred egress redirect dev o1"
            machine.load([f"filter add dev vec0 ingress pref 2 {told} {sends}"], hook=INGRESS)
            assert [bool(seen) for seen in machine.observe([frame])] == [leaves], (limits, text)
    finally:
        machine.close()


def test_at_rest_only_policers_are_another_thing() -> None:
    drops = "filter add dev port0 ingress pref 9 protocol ip flower action drop\n"
    text = "\n".join([*lines("flower", f"{RATE} conform-exceed drop/pass"), drops])
    before = parse_flower(text, "s").filters
    after = at_rest(before)
    assert (after[0] == before[0], after[1] == before[1]) == (False, True)
    assert at_rest(after) == after
