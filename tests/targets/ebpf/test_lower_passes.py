"""Packets that come back to a program's beginning: proven pass by pass, seen to come back in the kernel, and told apart
where a pass leaves something else than it is said to."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import Unsupported
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject, Insn, asm, passes, read_elf, write_elf
from p4verify.targets.ebpf.artifact.asm import R1, R6
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.relate_passes import NOTE
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpftool
from tests.support.mutants import drawn, ebpf_mutants
from tests.support.portable_text import pna, psa

EXAMPLES: Final = Path(__file__).resolve().parents[3] / "examples" / "architectures"
AGAIN: Final = load_program(str(EXAMPLES / "again_v1model.p4"))
_RESUBMIT: Final = "ostd.resubmit = hdr.h.a == 1 && istd.packet_path != PSA_PacketPath_t.RESUBMIT; hdr.h.d = meta.m;"
_BROUGHT: Final = """state start { pkt.extract(hdr.h); meta.m = 0;
    transition select(istd.packet_path) { PSA_PacketPath_t.RESUBMIT: again; default: accept; } }
state again { meta.m = resubmitted.m; hdr.e.setInvalid();
    transition select(resubmitted.f && resubmitted.x.isValid()) { true: more; default: accept; } }
state more { meta.m = resubmitted.m + resubmitted.x.v[7:0]; transition accept; }"""
_LEFT: Final = """resubmitted.m = hdr.h.b; resubmitted.f = hdr.h.c > 3; resubmitted.x.setValid(); resubmitted.x.v = 77;
pkt.emit(hdr);"""
_PASSES: Final = """if ((bit<3>) istd.pass < 3) { recirculate(); hdr.h.a = hdr.h.a + 1; }
else { send_to_port((PortId_t) 5); hdr.h.b = (bit<8>) (bit<3>) istd.pass; }"""
_DPDK: Final = "dpdk/pna.p4"

PROGRAMS: Final[dict[str, tuple[ir.Program, ir.Program]]] = {
    "resubmitted in PSA": (
        psa(_RESUBMIT, ip=_BROUGHT, id=_LEFT),
        psa(_RESUBMIT, ip=_BROUGHT, id=_LEFT.replace("= 77", "= 78")),
    ),
    "recirculated in PNA": (
        pna(_PASSES, include=_DPDK),
        pna(_PASSES.replace("< 3", "< 4"), include=_DPDK),
    ),
}
"""What it is about → a program, and one that differs."""


def _checked(program: ir.Program, artifact: BpfObject) -> tuple[Verdict, tuple[str, ...]]:
    proof = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    return proof.verdict, proof.warnings


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_both_ways_back_are_proven_with_what_goes_along(hook: str) -> None:
    verdict, told = _checked(AGAIN, lower(AGAIN, None, {"hook": hook}))
    assert verdict is Verdict.ACCEPT
    assert NOTE in told


@pytest.mark.parametrize("name", PROGRAMS)
def test_proven_and_told_from_another(name: str) -> None:
    program, other = PROGRAMS[name]
    assert _checked(program, lower(program, None, {"hook": "xdp"}))[0] is Verdict.ACCEPT
    assert _checked(program, lower(other, None, {"hook": "xdp"}))[0] is Verdict.REJECT


# --- what a proof rests on --------------------------------------------------------------------------------------------


def _with(artifact: BpfObject, number: int, insns: tuple[Insn, ...]) -> BpfObject:
    programs = list(artifact.programs)
    programs[number] = replace(programs[number], insns=insns, lines=())
    return replace(artifact, programs=tuple(programs))


def _stores(insns: tuple[Insn, ...], base: int) -> list[int]:
    return [i for i, insn in enumerate(insns) if insn.opcode & 7 in (2, 3) and insn.dst == base]


def test_a_packet_that_comes_in_brings_nothing_along() -> None:
    """The element holds what the last packet left: an attached program that does not clear it is wrong."""
    artifact = lower(AGAIN, None, {"hook": "xdp"})
    entry = artifact.programs[0].insns
    [clears, *_] = _stores(entry, 0)
    nothing = asm.mov(R1, 0)
    assert _checked(AGAIN, _with(artifact, 0, (*entry[:clears], nothing, *entry[clears + 1 :])))[0] is Verdict.REJECT


def test_what_is_left_for_the_next_pass_counts() -> None:
    """The kind of pass, and a field."""
    program, _ = PROGRAMS["resubmitted in PSA"]
    artifact = lower(program, None, {"hook": "xdp"})
    code = artifact.program(passes.PASS).insns
    kind, field = _stores(code, 7)[:2]
    for at in (kind, field):
        changed = _with(artifact, 1, (*code[:at], asm.mov(R1, 0), *code[at + 1 :]))
        assert _checked(program, changed)[0] is Verdict.REJECT


def test_more_than_the_element_may_not_be_left_to_the_next_pass() -> None:
    """What the next pass begins with is said to be as it was: a mark on the buffer would have to be carried, too."""
    artifact = lower(AGAIN, None, {"hook": "tc"})
    code = artifact.program(passes.PASS).insns
    marked = _with(artifact, 1, (code[0], asm.mov(R1, 7), asm.store(4, R6, 8, R1), *code[1:]))
    with pytest.raises(Unsupported, match="comes back with its mark changed"):
        meaning(marked)


def test_every_program_of_an_object_has_mutants() -> None:
    """None twice, though two of them may have the same first program."""
    artifact = lower(AGAIN, None, {"hook": "xdp"})
    mutants = list(drawn(ebpf_mutants(artifact), random.Random(1)))
    changed = [
        [old.name for old, new in zip(artifact.programs, mutant.artifact.programs, strict=True) if old != new]
        for mutant in mutants
    ]
    assert {len(names) for names in changed} == {1}
    assert {name for [name] in changed} == {"p4_main", passes.PASS}
    assert all(f"program {name}, " in mutant.where for mutant, [name] in zip(mutants, changed, strict=True))
    assert len({tuple(p.insns for p in mutant.artifact.programs) for mutant in mutants}) == len(mutants)


def test_numbers_that_do_not_fit_their_fields_are_not_carried() -> None:
    """The next pass reads the whole place: what lies above the field's bits must be 0."""
    program = pna("recirculate(); hdr.h.a = 2;", include=_DPDK)
    artifact = lower(program, None, {"hook": "xdp"})
    code = artifact.program(passes.PASS).insns
    [trim] = [i for i, insn in enumerate(code) if insn.opcode == 0x57 and insn.imm == 7]  # r1 &= 7
    assert _checked(program, artifact)[0] is Verdict.ACCEPT
    assert _checked(program, _with(artifact, 1, (*code[:trim], *code[trim + 1 :])))[0] is not Verdict.ACCEPT


# --- the kernel -------------------------------------------------------------------------------------------------------

_STF: Final = """
add Switch.senders src:0x020000000002 Switch.classify(class:7)
add Switch.senders src:0x020000000001 Switch.classify(class:9)
add Switch.receivers class:7 dst:0x020000000005 Switch.forward(port:5)
packet 3 020000000005 020000000002 0800 00
expect 5 020000000005 020000000002 0800 00
packet 3 020000000005 020000000000 88B6 01
expect 5 020000000005 020000000002 88B6 01
packet 3 020000000005 020000000001 0800 02
packet 3 020000000005 020000000007 0800 03
"""


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_packets_come_back_in_the_kernel(kernel_oracle: KernelOracle, hook: str) -> None:
    assert run_stf(AGAIN, _STF, "again.stf").passed
    options = {"hook": hook, "port0": "1000"} | ({"untagged": "1"} if hook == "tc" else {})
    found = run_stf(AGAIN, _STF, "again.stf", Real(AGAIN, TARGET, options, kernel_oracle))
    assert found.passed, found.mismatches


@pytest.mark.oracle
def test_the_kernel_drops_what_comes_back_for_ever(kernel_oracle: KernelOracle) -> None:
    def after(count: int) -> list[tuple[str, int]]:
        body = f"hdr.h.b = hdr.h.b + 1; if (hdr.h.b != {count}) {{ recirculate(); }} send_to_port((PortId_t) 5);"
        artifact = lower(pna(body, include=_DPDK), None, {"hook": "xdp"})
        [seen] = kernel_oracle.run(artifact, [(5, bytes(60))])
        return [(to, frame[1]) for to, _, frame in seen.outputs]

    assert after(passes.MOST_RETURNS + 1) == [("port", passes.MOST_RETURNS + 1)]
    assert after(passes.MOST_RETURNS + 2) == []


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.oracle
def test_an_object_file_holds_the_array_of_programs(tmp_path: Path, kernel_oracle: KernelOracle) -> None:
    artifact = lower(AGAIN, None, {"hook": "xdp"})
    data = write_elf(artifact)
    assert read_elf(data, "x.o") == replace(artifact, programs=read_elf(data, "x.o").programs)
    assert [p.name for p in read_elf(data, "x.o").programs] == ["p4_main", passes.PASS]
    (tmp_path / "x.o").write_bytes(data)
    assert set(bpftool.loaded(tmp_path / "x.o", tmp_path / "fs").split()) == {"p4_main", passes.PASS}


REFUSED: Final = {
    "gets longer and comes back": pna("recirculate(); hdr.x.setValid();", include=_DPDK),
    "too short and comes back": pna("recirculate(); hdr.h.setInvalid();", include=_DPDK),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_its_place(what: str) -> None:
    with pytest.raises(CannotOffload, match=what) as refusal:
        lower(REFUSED[what], None, {"hook": "xdp", "min_frame": "60"})
    assert refusal.value.span.line > 0
