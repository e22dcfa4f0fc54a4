"""What egress does for each copy of a packet beside changing it: on the kernel in the order that the program says."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.meaning.program import run
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.targets.base import CannotOffload, World
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .test_lower_copies import program

MULTICAST: Final = "if (hdr.h.a > 3) { std.mcast_grp = (bit<16>) hdr.h.b; }"
CLONE: Final = "if (hdr.h.c > 3) { clone(CloneType.I2E, (bit<32>) hdr.h.b); } hdr.h.d = 7;"
DROPPED: Final = "if (hdr.h.c == 9) { mark_to_drop(std); }"
REGISTER: Final = """
bit<8> v; r.read(v, 1); hdr.h.c = v;
r.write(1, 2 * v + (bit<8>) std.egress_port + (bit<8>) std.instance_type);
if (v == 16) { mark_to_drop(std); }
"""
CELLS: Final = "register<bit<8>>(2) r;"
COUNTED: Final = "r.count((bit<32>) std.egress_port); if (std.egress_rid == 3) { mark_to_drop(std); }"
COUNTERS: Final = "counter(10, CounterType.packets_and_bytes) r;"
TOLD: Final = "if (std.egress_rid != 3) { m.k.x = (bit<8>) std.egress_port; digest(1, m.k); }"
FRAMES: Final = [bytes((a, 4, c, 1, *range(1, 20))) for a in (1, 7) for c in (1, 5, 9)]
GROUPS: Final = {4: (Replica(6, 1), Replica(7, 3), Replica(8, 2))}
RULES: Final = RuleSet({}, multicast=GROUPS, sessions={4: Session((Replica(8, 1), Replica(6, 2)))})
MADE: Final = {
    "registers of multicast": program(MULTICAST, REGISTER, CELLS),
    "registers of clones": program(CLONE + DROPPED, REGISTER, CELLS),
    "registers of both": program(CLONE + MULTICAST, REGISTER, CELLS),
    "counters": program(CLONE + DROPPED + MULTICAST, COUNTED, COUNTERS),
    "digests": program(CLONE + MULTICAST, TOLD),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", MADE)
def test_effects_are_those_of_the_program(kernel_oracle: KernelOracle, name: str) -> None:
    made = MADE[name]
    artifact = lower(made, None, {"hook": "tc"})
    tables = TARGET.fill(made, artifact, RULES)
    cells = {"map.eg_r_cells": [index << 24 for index in range(10)]} if "digest" not in name else {}
    for frame in FRAMES:
        seen, after = kernel_oracle.run_showing(artifact, (5, frame), tables, (5, 6, 7, 8), cells, World())
        expected = run(made, RULES, frame, 5)
        assert sorted(seen.outputs) == sorted(expected.outputs), frame.hex()
        held = [_parts(value, 16 if name == "counters" else 8) for value in after.get("map.eg_r_cells", {}).values()]
        assert held == [_expected(expected.state, index) for index in range(len(held))], frame.hex()
        told = [record for found in seen.events.values() for (record,) in found]
        assert told == [_record(fields) for _, fields in expected.events], frame.hex()


def _parts(element: int, size: int) -> list[int]:
    """The numbers of eight bytes in an element, which are in host order."""
    whole = element.to_bytes(size, "big")
    return [int.from_bytes(whole[at : at + 8], "little") for at in range(0, size, 8)]


def _expected(state: dict[str, dict[int, int]], index: int) -> list[int]:
    names = ("eg.r.packets", "eg.r.bytes") if "eg.r.packets" in state else ("eg.r",)
    return [state.get(name, {}).get(index, 0) for name in names]


def _record(fields: tuple[int, ...]) -> int:
    return int.from_bytes(bytes(fields), "big")


@pytest.mark.parametrize("name", ["registers of multicast", "digests"])
def test_what_is_left_behind_by_copies_is_not_proven(name: str) -> None:
    proof = Checker(MADE[name], timeout=20, machines_confirm=False).check_lowered(TARGET, {"hook": "tc"}).proof
    assert proof.verdict is Verdict.UNSUPPORTED, proof.reason


REFUSED: Final = {
    "a clone of a clone": "if (hdr.h.a == 1) { clone(CloneType.E2E, 32w1); } r.write(0, 1);",
    "what comes back": "if (hdr.h.a == 1) { recirculate_preserving_field_list(1); } r.write(0, 1);",
}


@pytest.mark.parametrize("what", REFUSED)
def test_other_effects_are_refused_with_their_place(what: str) -> None:
    with pytest.raises(CannotOffload, match="what egress does for each copy") as refusal:
        lower(program(CLONE, REFUSED[what], CELLS), None, {"hook": "tc"})
    assert refusal.value.span.line > 0
