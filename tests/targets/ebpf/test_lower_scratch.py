"""Programs whose variables do not fit the stack: the others lie in scratch memory, which holds anything before."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf import scratch
from p4verify.targets.ebpf.artifact import BpfObject, Insn
from p4verify.targets.ebpf.artifact.insn import LDX, ST, STX
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

WIDTH, COUNT = 1024, 4
XDP = {"hook": "xdp"}


@functools.cache
def program(width: int = WIDTH, count: int = COUNT) -> ir.Program:
    """Headers that go round by one, if all of them are there."""
    fields = " ".join(f"block_t b{n};" for n in range(count))
    types = f"header eth_t {{ bit<112> all; }} header block_t {{ bit<8> more; bit<{width}> x; }}"
    types += f" struct headers {{ eth_t eth; {fields} }}"
    states = "state start { p.extract(hdr.eth); transition s0; }"
    for n in range(count):
        then = f"select(hdr.b{n}.more) {{ 1: s{n + 1}; default: accept; }}" if n + 1 < count else "accept;"
        states += f" state s{n} {{ p.extract(hdr.b{n}); transition {then} }}"
    moves = " ".join(f"hdr.b{n}.x = hdr.b{n + 1}.x;" for n in range(count - 1))
    last = f"hdr.b{count - 1}"
    ingress = f"""apply {{
        std.egress_spec = 3;
        if ({last}.isValid()) {{ bit<{width}> first = hdr.b0.x; {moves} {last}.x = first; }}
    }}"""
    return load_text(v1_program(types, states, ingress, "p.emit(hdr);"), "round.p4").program


@functools.cache
def made() -> BpfObject:
    return lower(program(), None, XDP)


def verdict(artifact: BpfObject) -> Verdict:
    return Checker(program(), timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof.verdict


def with_code(insns: Sequence[Insn]) -> BpfObject:
    return replace(made(), programs=(replace(made().program(), insns=tuple(insns)),))


def test_what_fits_the_stack_has_no_scratch_memory() -> None:
    assert scratch.NAME not in [item.name for item in lower(program(512, 2), None, XDP).maps]


def test_proven_for_every_packet_and_whatever_the_memory_held() -> None:
    [item] = [item for item in made().maps if item.name == scratch.NAME]
    assert scratch.is_scratch(item)
    assert verdict(made()) is Verdict.ACCEPT


@functools.cache
def unset() -> BpfObject:
    """The code without all that stores at one place of scratch memory, with ``r1 = 0`` instead."""
    insns = list(made().program().insns)
    found = [n for n, insn in enumerate(insns) if insn.cls in (ST, STX) and insn.dst == 9]
    place = insns[found[-1]].off
    for at in found:
        if insns[at].off == place:
            insns[at] = replace(insns[at], opcode=0xB7, dst=1, src=0, off=0, imm=0)
    return with_code(insns)


def test_what_the_memory_held_before_is_not_what_a_program_may_use() -> None:
    assert verdict(unset()) is Verdict.REJECT


@pytest.mark.campaign
def test_memory_is_not_reached_beyond_its_end() -> None:
    [item] = [item for item in made().maps if item.name == scratch.NAME]
    insns = made().program().insns
    at = next(n for n, insn in enumerate(insns) if insn.cls == LDX and insn.src == 9)
    beyond = replace(insns[at], off=item.value_size)
    assert verdict(with_code([*insns[:at], beyond, *insns[at + 1 :]])) is Verdict.REJECT


def together(left: BpfObject, right: BpfObject) -> Verdict:
    checker = Checker(None, timeout=60, machines_confirm=False)
    return checker.check_two((TARGET, left, "left.o"), (TARGET, right, "right.o")).proof.verdict


def test_two_objects_have_memory_of_their_own() -> None:
    """What is left there is not compared, and neither object finds there what the other one does."""
    assert together(made(), made()) is Verdict.ACCEPT
    assert together(unset(), unset()) is Verdict.REJECT


def frames() -> list[bytes]:
    block = 1 + WIDTH // 8
    out = []
    for count in (COUNT, 1, COUNT - 1, COUNT):
        blocks = [bytes([n + 1 < count]) + bytes((n * 7 + i) % 256 for i in range(block - 1)) for n in range(count)]
        out.append(bytes(range(14)) + b"".join(blocks) + b"rest")
    return out


@pytest.mark.oracle
def test_the_kernel_does_it(kernel_oracle: KernelOracle) -> None:
    sent = frames()
    seen = kernel_oracle.run(made(), [(5, frame) for frame in sent])
    for frame, each in zip(sent, seen, strict=True):
        assert list(each.outputs) == list(run(program(), RuleSet({}), frame, 5).outputs), frame.hex()


def test_more_than_scratch_memory_holds_is_refused_with_the_place() -> None:
    names = [f"l{n}" for n in range(260)]
    kept = " ".join(f"bit<1024> {name} = hdr.b0.x;" for name in names)
    used = " ".join(f"hdr.b0.x = {name};" for name in names)
    ingress = f"apply {{ std.egress_spec = 3; {kept} {used} }}"
    types = "header block_t { bit<1024> x; } struct headers { block_t b0; }"
    states = "state start { p.extract(hdr.b0); transition accept; }"
    with pytest.raises(CannotOffload, match="more than 32768 bytes") as refusal:
        lower(load_text(v1_program(types, states, ingress, "p.emit(hdr);"), "much.p4").program, None, XDP)
    assert refusal.value.span.line


def test_headers_behind_what_instructions_reach_are_refused_with_the_place() -> None:
    with pytest.raises(CannotOffload, match="headers that end behind byte 32760") as refusal:
        lower(program(64000, 5), None, XDP)
    assert refusal.value.span.line
