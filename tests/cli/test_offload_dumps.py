"""``p4verify offload``: flags as dumps and messages say them, the program beside, the real machine's word."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from p4verify.offload import Division, check_division
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.targets.base import Observation
from p4verify.targets.flower.target import FlowerTarget
from p4verify.targets.offload import DEFAULT_DEVICE
from p4verify.targets.u32.artifact import encode
from p4verify.targets.u32.target import TARGET as U32

from .conftest import Command
from .test_offload import QUIET, script

Example = Callable[[str], Path]


@pytest.mark.long
def test_a_dump_says_what_is_in_hardware(p4verify: Command, example: Example, tmp_path: Path) -> None:
    """All in software; then a filter in hardware that better ones, not there, overlap."""
    program = ("--program", example("vlan_filter.p4"), "--rules", example("vlan_filter.rules.cli"))
    dump = example("vlan_filter.flower.json").read_text()
    ended = p4verify("offload", example("vlan_filter.flower.json"), *program, *QUIET)
    report = ended.json()
    assert ended.code == 0
    assert report["in_hardware"] == []
    assert [r["target"] for r in report["results"]] == ["flower offload", "flower offload = p4"]
    inside = tmp_path / "inside.json"
    inside.write_text("\n".join(
        line.replace('"not_in_hw"', '"in_hw"') if '"type": "drop"' in line else line for line in dump.split("\n")
    ))  # fmt: skip
    report = p4verify("offload", inside, *program, *QUIET).json()
    assert report["in_hardware"]
    verdicts = [r["verdict"] for r in report["results"]]
    assert verdicts[0] == verdicts[1]  # the program and software alone are the same


def test_rules_need_a_program(p4verify: Command, example: Example) -> None:
    dump, rules = example("vlan_filter.flower.json"), example("vlan_filter.rules.cli")
    p4verify("offload", dump, "--rules", rules).one_error("give --program")


@pytest.mark.parametrize(("flags", "said"), [(4, True), (8, False), (0, None)])
def test_messages_of_u32_say_it(flags: int, said: bool | None) -> None:
    """``TCA_CLS_FLAGS_IN_HW`` and ``TCA_CLS_FLAGS_NOT_IN_HW`` (``linux/pkt_cls.h``)."""
    filters = U32.read(
        b"filter add dev port0 ingress protocol ip pref 1 u32 match ip dst 192.0.2.1 skip_hw action drop\n", "x"
    )
    attribute = b"\x08\x00\x0b\x00"
    data = encode(filters)
    assert data.count(attribute + b"\x01\0\0\0") == 1
    read = U32.read(data.replace(attribute + b"\x01\0\0\0", attribute + bytes((flags, 0, 0, 0))), "x")
    assert [entry.said for entry in U32.entries(read)] == [said]


# --- the machine's word -------------------------------------------------------------------------------------------


@dataclass
class Machine:
    """What runs filters by their meaning, or drops everything."""

    honest: bool
    machine = "stub"

    def available(self) -> None:
        return None

    def close(self) -> None:
        return None

    def run(self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any = None) -> list[Observation]:
        meaning = FlowerTarget().meaning(artifact)
        seen = [evaluate_behaviour(meaning, frame, port, default=0) for port, frame in packets]
        return [Observation(one.outputs if self.honest else ()) for one in seen]


@pytest.mark.parametrize("honest", [True, False])
def test_a_machine_that_does_something_else_leaves_it_undecided(honest: bool) -> None:
    class Target(FlowerTarget):
        def oracle(self) -> Any:
            return Machine(honest)

    filters = script(
        "protocol ip pref 1 flower not_in_hw ip_proto udp action mirred egress redirect dev port1\n"
        "protocol ip pref 2 flower in_hw dst_ip 192.0.2.1 action mirred egress redirect dev port2"
    )
    artifact = Target().read(filters.encode(), "x")
    proof = check_division(Division(Target(), artifact, frozenset({1}), DEFAULT_DEVICE, Engine()), time.monotonic())
    assert proof.verdict is (Verdict.REJECT if honest else Verdict.UNDECIDED)
    if honest:
        assert proof.counterexample is not None
        assert "flower stub" in proof.counterexample.confirmed_by
    else:
        assert "does something else than its meaning says" in proof.reason
