"""Divisions of random lists against a plain model that knows a few packets: which rule is first, in which order."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify import targets
from p4verify.offload import Division, check_division, propose
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.targets.offload import Device, Offloads, Profile, Table
from p4verify.targets.offload.device import Rest

Packet = tuple[int, int]
"""The last two bits of the destination, and the protocol."""
PACKETS: Final[tuple[Packet, ...]] = tuple((address, protocol) for address in range(4) for protocol in (1, 6, 17))
DOES: Final = {"goto": "goto chain 1", "drop": "drop", "pass": "pass", "one": "mirred egress redirect dev port1",
               "two": "mirred egress redirect dev port2"}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """``address``: value and number of bits asked for; ``protocol``: None for any."""

    address: tuple[int, int]
    protocol: int | None
    does: str
    inside: bool
    chain: int = 0

    def matches(self, packet: Packet) -> bool:
        value, length = self.address
        return packet[0] >> (2 - length) == value >> (2 - length) and self.protocol in (None, packet[1])

    def line(self, number: int) -> str:
        value, length = self.address
        protocol = "" if self.protocol is None else f" ip_proto {self.protocol}"
        flag = "in_hw" if self.inside else "not_in_hw"
        address = f"dst_ip 192.0.2.{value}/{30 + length}"
        place = f"filter add dev port0 ingress protocol ip pref {number} chain {self.chain}"
        return f"{place} flower {flag}{protocol} {address} action {DOES[self.does]}\n"


def _address(value: int, length: int) -> tuple[int, int]:
    return value >> (2 - length) << (2 - length), length


RULES: Final = st.builds(
    Rule,
    st.builds(_address, st.integers(0, 3), st.integers(0, 2)),
    st.sampled_from([None, 6, 17]),
    st.sampled_from(sorted(DOES.keys() - {"goto"})),
    st.booleans(),
)
RESTS: Final[st.SearchStrategy[Rest]] = st.sampled_from(["software", "forwarded"])
DEVICES: Final = st.builds(Device, RESTS, RESTS, st.sampled_from(["resumes", "restarts"]))


IN_CHAINS: Final = st.builds(
    lambda rule, chain, goes: replace(rule, chain=chain, does="goto" if goes and not chain else rule.does),
    RULES, st.integers(0, 1), st.booleans(),
)  # fmt: skip
"""Rules of two chains, of which the first may lead to the second."""


def walk(rules: Sequence[Rule], packet: Packet, chain: int = 0) -> tuple[str, int]:
    """What is done to a packet that comes to a chain ("": no rule matches), and the chain where this was found."""
    found = next((rule.does for rule in rules if rule.chain == chain and rule.matches(packet)), "")
    return walk(rules, packet, 1) if found == "goto" else (found, chain)


def outcome(rules: Sequence[Rule], packet: Packet, chain: int = 0) -> str:
    """What software does."""
    return walk(rules, packet, chain)[0] or "pass"


def divided(rules: Sequence[Rule], inside: frozenset[int], packet: Packet, device: Device) -> str:
    """What the device and software behind it do."""
    found, chain = walk([rule for n, rule in enumerate(rules) if n in inside], packet)
    left = device.passes if found == "pass" else device.misses if not found else ""
    if left == "software":
        return outcome(rules, packet, chain if not found and device.chain_miss == "resumes" else 0)
    return "pass" if left == "forwarded" else found


def safe(rules: Sequence[Rule], inside: frozenset[int], device: Device) -> bool:
    return all(outcome(rules, p) == divided(rules, inside, p, device) for p in PACKETS)


def division(rules: list[Rule], device: Device) -> Division:
    target = targets.find("flower")
    assert isinstance(target, Offloads)
    text = "".join(rule.line(n) for n, rule in enumerate(rules, 1))
    inside = frozenset(n for n, rule in enumerate(rules) if rule.inside)
    return Division(target, target.read(text.encode(), "rules"), inside, device, Engine(), False)


@settings(max_examples=6)
@given(st.lists(RULES, min_size=1, max_size=5), DEVICES)
def test_the_verdict_is_that_of_the_model(rules: list[Rule], device: Device) -> None:
    _judge(rules, device)


@settings(max_examples=4)
@given(st.lists(RULES, min_size=1, max_size=5), DEVICES, st.integers(1, 5))
def test_no_safe_part_is_larger_than_the_one_proposed(rules: list[Rule], device: Device, size: int) -> None:
    _propose(rules, device, size)


@settings(max_examples=4)
@given(st.lists(IN_CHAINS, min_size=1, max_size=5), DEVICES, st.integers(1, 5))
def test_divisions_of_lists_with_chains(rules: list[Rule], device: Device, size: int) -> None:
    _judge(rules, device)
    _propose(rules, device, size)


@pytest.mark.campaign
@settings(max_examples=int(os.environ.get("P4VERIFY_DIVISIONS", "30")))
@given(st.lists(RULES | IN_CHAINS, min_size=1, max_size=7), DEVICES, st.integers(1, 7))
def test_many_divisions(rules: list[Rule], device: Device, size: int) -> None:
    _judge(rules, device)
    _propose(rules, device, size)


def _judge(rules: list[Rule], device: Device) -> None:
    given_ = division(rules, device)
    proof = check_division(given_, time.monotonic())
    is_safe = safe(rules, given_.in_device, device)
    assert proof.verdict is (Verdict.ACCEPT if is_safe else Verdict.REJECT)
    told = {tuple(0 if t == "no entry" else int(t.split(":")[1]) for t in (r.rules[0], r.entries[0]))
            for r in proof.regions}  # fmt: skip
    if not any(rule.chain or rule.does == "goto" for rule in rules):
        assert told == pairs(rules, given_.in_device, device)


def pairs(rules: Sequence[Rule], inside: frozenset[int], device: Device) -> set[tuple[int, int]]:
    """Who decides where it goes wrong: the rule, and the entry in the device; by place plus 1, 0 for none."""
    found = set()
    for packet in PACKETS:
        if outcome(rules, packet) != divided(rules, inside, packet, device):
            matching = [n for n, rule in enumerate(rules) if rule.matches(packet)]
            first = next((n + 1 for n in matching), 0)
            found.add((first, next((n + 1 for n in matching if n in inside), 0)))
    return found


def _propose(rules: list[Rule], device: Device, size: int) -> None:
    keys = {"dst_ip": frozenset({"exact", "prefix"}), "ip_proto": frozenset({"exact"})}
    table = Table("only", frozenset({"flower"}), keys, frozenset({"drop", "pass", "redirect", "goto chain"}), size)
    profile = Profile("some", "some", ("nowhere",), device, (table,))
    found = propose(division(rules, device), profile)
    numbers = range(len(rules))
    subsets = chain.from_iterable(combinations(numbers, n) for n in range(min(size, len(rules)) + 1))
    best = max((len(s) for s in subsets if safe(rules, frozenset(s), device)), default=None)
    if best is None:
        assert found.chosen is None
        return
    assert found.chosen is not None
    assert found.largest
    assert safe(rules, frozenset(found.chosen), device)
    assert len(found.chosen) == best
