"""Divisions of random lists against a plain model that knows a few packets: which rule is first, in which order."""

from __future__ import annotations

import time
from dataclasses import dataclass
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
DOES: Final = {"drop": "drop", "pass": "pass", "one": "mirred egress redirect dev port1",
               "two": "mirred egress redirect dev port2"}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """``address``: value and number of bits asked for; ``protocol``: None for any."""

    address: tuple[int, int]
    protocol: int | None
    does: str
    inside: bool

    def matches(self, packet: Packet) -> bool:
        value, length = self.address
        return packet[0] >> (2 - length) == value >> (2 - length) and self.protocol in (None, packet[1])

    def line(self, number: int) -> str:
        value, length = self.address
        protocol = "" if self.protocol is None else f" ip_proto {self.protocol}"
        flag = "in_hw" if self.inside else "not_in_hw"
        address = f"dst_ip 192.0.2.{value}/{30 + length}"
        return (
            f"filter add dev port0 ingress protocol ip pref {number} flower {flag}{protocol} {address} "
            f"action {DOES[self.does]}\n"
        )


def _address(value: int, length: int) -> tuple[int, int]:
    return value >> (2 - length) << (2 - length), length


RULES: Final = st.builds(
    Rule,
    st.builds(_address, st.integers(0, 3), st.integers(0, 2)),
    st.sampled_from([None, 6, 17]),
    st.sampled_from(sorted(DOES)),
    st.booleans(),
)
RESTS: Final[st.SearchStrategy[Rest]] = st.sampled_from(["software", "forwarded"])


def outcome(rules: list[Rule], packet: Packet) -> str:
    """What the first rule that matches does; a packet that none matches passes."""
    return next((rule.does for rule in rules if rule.matches(packet)), "pass")


def divided(rules: list[Rule], inside: frozenset[int], packet: Packet, misses: Rest, passes: Rest) -> str:
    """What the device and software behind it do."""
    found = next((rule.does for n, rule in enumerate(rules) if n in inside and rule.matches(packet)), None)
    left = misses if found is None else passes if found == "pass" else ""
    if left == "software":
        return outcome(rules, packet)
    return "pass" if left == "forwarded" else found or ""


def safe(rules: list[Rule], inside: frozenset[int], misses: Rest, passes: Rest) -> bool:
    return all(outcome(rules, p) == divided(rules, inside, p, misses, passes) for p in PACKETS)


def division(rules: list[Rule], misses: Rest, passes: Rest) -> Division:
    target = targets.find("flower")
    assert isinstance(target, Offloads)
    text = "".join(rule.line(n) for n, rule in enumerate(rules, 1))
    inside = frozenset(n for n, rule in enumerate(rules) if rule.inside)
    return Division(target, target.read(text.encode(), "rules"), inside, Device(misses, passes), Engine(), False)


@settings(max_examples=12)
@given(st.lists(RULES, min_size=1, max_size=5), RESTS, RESTS)
def test_the_verdict_is_that_of_the_model(rules: list[Rule], misses: Rest, passes: Rest) -> None:
    _judge(rules, misses, passes)


@settings(max_examples=8)
@given(st.lists(RULES, min_size=1, max_size=5), RESTS, RESTS, st.integers(1, 5))
def test_no_safe_part_is_larger_than_the_one_proposed(rules: list[Rule], misses: Rest, passes: Rest, size: int) -> None:
    _propose(rules, misses, passes, size)


@pytest.mark.campaign
@settings(max_examples=1000)
@given(st.lists(RULES, min_size=1, max_size=7), RESTS, RESTS, st.integers(1, 7))
def test_many_divisions(rules: list[Rule], misses: Rest, passes: Rest, size: int) -> None:
    _judge(rules, misses, passes)
    _propose(rules, misses, passes, size)


def _judge(rules: list[Rule], misses: Rest, passes: Rest) -> None:
    given_ = division(rules, misses, passes)
    proof = check_division(given_, time.monotonic())
    is_safe = safe(rules, given_.in_device, misses, passes)
    assert proof.verdict is (Verdict.ACCEPT if is_safe else Verdict.REJECT)
    told = {tuple(0 if t == "no entry" else int(t.split(":")[1]) for t in (r.rules[0], r.entries[0]))
            for r in proof.regions}  # fmt: skip
    assert told == pairs(rules, given_.in_device, misses, passes)


def pairs(rules: list[Rule], inside: frozenset[int], misses: Rest, passes: Rest) -> set[tuple[int, int]]:
    """Who decides where it goes wrong: the rule, and the entry in the device; by place plus 1, 0 for none."""
    found = set()
    for packet in PACKETS:
        if outcome(rules, packet) != divided(rules, inside, packet, misses, passes):
            matching = [n for n, rule in enumerate(rules) if rule.matches(packet)]
            first = next((n + 1 for n in matching), 0)
            found.add((first, next((n + 1 for n in matching if n in inside), 0)))
    return found


def _propose(rules: list[Rule], misses: Rest, passes: Rest, size: int) -> None:
    keys = {"dst_ip": frozenset({"exact", "prefix"}), "ip_proto": frozenset({"exact"})}
    table = Table("only", frozenset({"flower"}), keys, frozenset({"drop", "pass", "redirect"}), size)
    profile = Profile("some", "some", ("nowhere",), Device(misses, passes), (table,))
    found = propose(division(rules, misses, passes), profile)
    numbers = range(len(rules))
    subsets = chain.from_iterable(combinations(numbers, n) for n in range(min(size, len(rules)) + 1))
    best = max((len(s) for s in subsets if safe(rules, frozenset(s), misses, passes)), default=None)
    if best is None:
        assert found.chosen is None
        return
    assert found.chosen is not None
    assert found.largest
    assert safe(rules, frozenset(found.chosen), misses, passes)
    assert len(found.chosen) == best
