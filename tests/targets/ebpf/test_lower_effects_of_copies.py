"""What egress does for each copy of a packet beside changing it: on the kernel in the order that the program says."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.targets.base import CannotOffload, World
from p4verify.targets.ebpf.artifact import BpfObject, Insn
from p4verify.targets.ebpf.lower import effects, lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

from .test_lower_copies import program

ATOMIC, STORE_DOUBLE_WORD, NOTHING = 0xDB, 0x7B, 0x05  # the last one jumps to the next instruction
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
OUT: Final = "if (std.instance_type == 0 && hdr.h.c > 3) { clone(CloneType.E2E, (bit<32>) hdr.h.b); } "
"""Clones from egress find what the frame's own egress has left."""
MADE: Final = {
    "registers of multicast": program(MULTICAST, REGISTER, CELLS),
    "registers of clones": program(CLONE + DROPPED, REGISTER, CELLS),
    "registers of both": program(CLONE + MULTICAST, REGISTER, CELLS),
    "counters": program(CLONE + DROPPED + MULTICAST, COUNTED, COUNTERS),
    "digests": program(CLONE + MULTICAST, TOLD),
    "registers of clones from egress": program(DROPPED, OUT + REGISTER, CELLS),
    "registers of multicast, and of clones from egress": program(MULTICAST, OUT + REGISTER, CELLS),
    "counters of clones from egress": program("", OUT + COUNTED, COUNTERS),
    "digests of clones from egress": program("", OUT + TOLD),
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
        held = [_parts(value, 16 if "counters" in name else 8) for value in after.get("map.eg_r_cells", {}).values()]
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


def proof(of: ir.Program, made: BpfObject) -> Proof:
    """For every packet, every rule set and every group."""
    return Checker(of, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


def lowered(of: ir.Program) -> BpfObject:
    return lower(of, None, {"hook": "tc", "untagged": "1"})


PROVEN: Final = {
    "registers": (MULTICAST, REGISTER, CELLS),
    "registers behind the frame's": (CLONE + DROPPED, REGISTER, CELLS),
    "counters behind the frame's": (CLONE, COUNTED, COUNTERS),
    "counters": (MULTICAST, COUNTED, COUNTERS),
    "digests": (CLONE + MULTICAST, TOLD, ""),
    "registers of clones from egress": (DROPPED, OUT + REGISTER, CELLS),
    "counters of clones from egress": ("", OUT + COUNTED, COUNTERS),
    "digests of clones from egress": ("", OUT + TOLD, ""),
    "random numbers": (MULTICAST, "bit<8> x; random(x, 8w3, 8w9); hdr.h.a = x;", ""),
}
CHANGED: Final = {
    "written before it is read": ("registers", ("bit<8> v; r.read(v, 1);", "r.write(1, 3); bit<8> v; r.read(v, 1);")),
    "another cell": ("registers", ("r.write(1", "r.write(0")),
    "another value": ("registers", ("2 * v", "v")),
    "only the first one written": ("registers", ("r.write(1, ", "if (v == 0) r.write(1, ")),
    "clones count twice": (
        "counters behind the frame's",
        ("r.count", "if (std.instance_type == 1) r.count(0); r.count"),
    ),
    "clones write something else": ("registers behind the frame's", ("2 * v", "(2 | (bit<8>) std.instance_type) * v")),
    "clones from egress write something else": (
        "registers of clones from egress",
        ("2 * v", "(2 + (bit<8>) std.instance_type) * v"),
    ),
    "clones from egress are not told of": (
        "digests of clones from egress",
        ("std.egress_rid != 3", "std.egress_rid != 3 && std.instance_type == 0"),
    ),
    "clones from egress are counted elsewhere": (
        "counters of clones from egress",
        ("r.count((bit<32>) std.egress_port", "r.count((bit<32>) std.egress_port ^ std.instance_type"),
    ),
    "counted twice": ("counters", ("r.count(", "r.count((bit<32>) std.egress_port); r.count(")),
    "counted at another index": ("counters", ("std.egress_port", "(std.egress_port ^ 1)")),
    "not counted where it is dropped": ("counters", ("r.count", "if (std.egress_rid != 3) r.count")),
    "not told": ("digests", ("std.egress_rid != 3", "std.egress_rid > 3")),
    "something else told": ("digests", ("std.egress_port", "std.egress_port + 1")),
}


@pytest.mark.long
@pytest.mark.parametrize("name", PROVEN)
def test_proven_for_any_member(name: str) -> None:
    of = program(*PROVEN[name])
    found = proof(of, lowered(of))
    assert found.verdict is Verdict.ACCEPT, found.reason


SLOW: Final = ("clones count twice", "only the first one written", "counted twice", "counted at another index")


@pytest.mark.long
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.campaign if n in SLOW else ()) for n in CHANGED])
def test_other_effects_are_rejected(name: str) -> None:
    which, (old, new) = CHANGED[name]
    ingress, egress, locals = PROVEN[which]
    assert egress.count(old) >= 1
    found = proof(program(ingress, egress, locals), lowered(program(ingress, egress.replace(old, new, 1), locals)))
    assert found.verdict is Verdict.REJECT, found.reason


@pytest.mark.campaign
def test_copies_that_draw_other_numbers_are_not_accepted() -> None:
    ingress, egress, locals = PROVEN["random numbers"]
    made = lowered(program(ingress, egress.replace("8w9", "8w10"), locals))
    assert proof(program(ingress, egress, locals), made).verdict is not Verdict.ACCEPT


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "number"),
    [("registers", 0), ("registers", 7), *(pytest.param("counters", n, marks=pytest.mark.campaign) for n in (0, 2, 7))],
)
def test_a_copy_that_leaves_something_else_than_the_others_is_not_accepted(name: str, number: int) -> None:
    """What one copy adds is changed in the code."""
    of = program(*PROVEN[name])
    artifact = lowered(of)
    code = list(artifact.programs[0].insns)
    writes = [place for place, insn in enumerate(code) if insn.opcode == ATOMIC or _stores(insn)]
    place = writes[len(writes) // 9 * number]
    code[place] = replace(code[place], opcode=NOTHING, dst=1, src=0, off=0, imm=0)
    changed = replace(artifact, programs=(replace(artifact.programs[0], insns=tuple(code)),))
    found = proof(of, changed).verdict
    assert found is Verdict.REJECT or (name == "counters" and found is Verdict.UNSUPPORTED)


def _stores(insn: Insn) -> bool:
    return insn.opcode == STORE_DOUBLE_WORD and insn.dst == 0


OF_PSA: Final = "multicast(ostd, (MulticastGroup_t) (bit<32>) hdr.h.a); if (hdr.h.b == 9) { ostd.resubmit = true; }"
ADDS: Final = "hdr.h.c = one.read(1); one.write(1, 2 * hdr.h.c + (bit<8>) (bit<16>) istd.instance);"
"""Where copies may come in again by PSA's port for that, an output of theirs is told as two."""


@pytest.mark.parametrize("adds", [ADDS, ADDS.replace("2 *", "3 *")])
def test_registers_of_psa(adds: str) -> None:
    of, made = (psa(OF_PSA, each, egress_locals="Register<bit<8>, bit<8>>(3) one;") for each in (ADDS, adds))
    found = proof(of, lowered(made))
    assert found.verdict is (Verdict.ACCEPT if adds == ADDS else Verdict.REJECT), found.reason


PSA_OUT: Final = """if (istd.packet_path == PSA_PacketPath_t.NORMAL_UNICAST && hdr.h.a == 7) {
    ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) (bit<16>) 4;
}
hdr.h.c = one.read(1); one.write(1, 2 * hdr.h.c + (bit<8>) (bit<16>) istd.instance + 1);
if (hdr.h.c == 1) { egress_drop(ostd); }"""
PSA_CELLS: Final = "Register<bit<8>, bit<8>>(3) one;"


@pytest.mark.oracle
def test_clones_from_egress_of_psa_find_what_the_frame_left(kernel_oracle: KernelOracle) -> None:
    made = psa("", PSA_OUT, egress_locals=PSA_CELLS)
    artifact = lower(made, None, {"hook": "tc"})
    tables = TARGET.fill(made, artifact, RULES)
    for frame in FRAMES:
        seen, after = kernel_oracle.run_showing(
            artifact, (5, frame), tables, (1, 5, 6, 8), {"map.EG_one_cells": [1]}, World()
        )
        expected = run(made, RULES, frame, 5)
        assert sorted(seen.outputs) == sorted(expected.outputs), frame.hex()
        held = [_parts(value, 8) for value in after["map.EG_one_cells"].values()]
        assert held == [_expected(expected.state, index) for index in range(len(held))], frame.hex()


@pytest.mark.parametrize("changed", ["2 *", "3 *"])
def test_registers_of_psas_clones_from_egress(changed: str) -> None:
    texts = (PSA_OUT, PSA_OUT.replace("2 *", changed))
    of, made = (psa("", each, egress_locals=PSA_CELLS) for each in texts)
    found = proof(of, lowered(made))
    assert found.verdict is (Verdict.ACCEPT if changed == "2 *" else Verdict.REJECT), found.reason


BACK: Final = """if (std.instance_type == 0 && hdr.h.c == 3) { hdr.h.c = 4; recirculate_preserving_field_list(1); }
else if (std.instance_type == 5) { hdr.h.d = 3; } """
CLONED_BACK: Final = "if (std.instance_type == 0 && hdr.h.d == 9) { clone(CloneType.E2E, (bit<32>) hdr.h.b); } "
COMING_BACK: Final = {
    "beside a group": (MULTICAST, BACK + REGISTER.replace("hdr.h.c = v;", "hdr.h.a = v;"), CELLS),
    "beside clones": (CLONE, BACK, ""),
    "cloned on its way back": ("", CLONED_BACK + BACK + REGISTER.replace("hdr.h.c = v;", "hdr.h.a = v;"), CELLS),
}


@pytest.mark.long
@pytest.mark.parametrize("name", COMING_BACK)
def test_frames_that_come_back_beside_copies_that_do_not(name: str) -> None:
    ingress, egress, locals = COMING_BACK[name]
    of = program(ingress, egress, locals)
    found = proof(of, lowered(of))
    assert found.verdict is Verdict.ACCEPT, found.reason
    for old, new in (("hdr.h.c = 4", "hdr.h.c = 5"), ("hdr.h.d = 3", "hdr.h.d = 4")):
        made = lowered(program(ingress, egress.replace(old, new), locals))
        found = proof(of, made)
        equal = old == "hdr.h.d = 3" and name != "beside a group"  # where there are no copies for a group
        assert found.verdict is (Verdict.ACCEPT if equal else Verdict.REJECT), (old, found.reason)


@pytest.mark.oracle
def test_frames_come_back_in_the_kernel_and_their_clones_do_not(kernel_oracle: KernelOracle) -> None:
    of = program("", CLONED_BACK + BACK)
    lines = [
        "mirroring_add 4 7",
        "packet 2 070403090102030405060708090a0b0c0d0e",
        *(f"expect {port} 070404090102030405060708090a0b0c0d0e$" for port in (7, 7, 5)),
    ]
    for machine in (None, Real(of, TARGET, {"hook": "tc"}, kernel_oracle)):
        found = run_stf(of, "\n".join(lines), "back.stf", machine)
        assert found.passed, found


def test_a_copy_that_may_come_back_is_refused() -> None:
    egress = "if (std.instance_type != 1) { recirculate_preserving_field_list(1); }"
    with pytest.raises(CannotOffload, match="a copy of a packet is asked to come back") as refusal:
        lower(program(MULTICAST, egress), None, {"hook": "tc"})
    assert refusal.value.span.line > 0


@pytest.mark.campaign
@pytest.mark.parametrize("name", ["registers of both", "counters"])
def test_copies_to_groups_behind_clones_are_proven(name: str) -> None:
    found = proof(MADE[name], lowered(MADE[name]))
    assert found.verdict is Verdict.ACCEPT, found.reason


@pytest.mark.long
def test_clones_before_the_frame_are_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    of = MADE["registers of clones"]
    monkeypatch.setattr(effects, "kept", lambda *_: None)
    assert proof(of, lowered(of)).verdict in (Verdict.REJECT, Verdict.UNSUPPORTED)


REFUSED: Final = {
    "clones from ingress and from egress": "if (hdr.h.a == 1) { clone(CloneType.E2E, 32w1); } r.write(0, 1);",
    "clones that find what a frame left that comes back": (
        "if (hdr.h.a == 1 && std.instance_type == 0) { recirculate_preserving_field_list(1); } r.write(0, 1);"
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_other_effects_are_refused_with_their_place(what: str) -> None:
    with pytest.raises(CannotOffload, match=r"what egress does for each clone|clones find what its egress") as refusal:
        lower(program(CLONE, REFUSED[what], CELLS), None, {"hook": "tc"})
    assert refusal.value.span.line > 0
