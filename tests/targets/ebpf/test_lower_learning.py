"""Entries that a program adds to its own tables: proven to be those that it adds, and met by the next packet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Rule, RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject, Insn, asm
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import pna

_TOP: Final = "struct hop_t { bit<8> d; bit<16> wide; }"
_ADD: Final = 'add_entry("hop", (hop_t) { hdr.h.c, 16w0x0a0b }, (ExpireTimeProfileId_t) 3)'
_LOCALS: Final = """
action hop(bit<8> d, bit<16> wide) { hdr.h.d = d; hdr.h.c = wide[7:0]; send_to_port((PortId_t) 7); }
action other(bit<8> d) { hdr.h.d = d; }
action learn() { %s send_to_port((PortId_t) 6); }
table flows { key = { hdr.h.a : exact; hdr.h.b[2:0] : exact; } actions = { @tableonly hop; other; @defaultonly learn; }
    size = 16; add_on_miss = true; const default_action = learn; }
"""
REST: Final = "00" * 56
_TELL: Final = "bit<1> failed = %s; hdr.h.d = failed == 1 ? 8w2 : 8w1;"


def program(add: str = _TELL % _ADD, body: str = "flows.apply();", locals: str = _LOCALS) -> ir.Program:
    """A PNA program whose table learns with this code."""
    return pna(body, locals=locals % add, top=_TOP, include="tc/pna.p4")


PROGRAMS: Final = {
    "always": (program(), program(_TELL % _ADD.replace("hdr.h.c,", "hdr.h.d,"))),
    "the profile": (program(), program(_TELL % _ADD.replace("Id_t) 3", "Id_t) 4"))),
    "a condition": (program(f"if (hdr.h.d == 9) {{ {_ADD}; }}"), program(f"if (hdr.h.d == 8) {{ {_ADD}; }}")),
    "the action": (
        program(), program(_TELL % _ADD.replace('"hop", (hop_t) { hdr.h.c, 16w0x0a0b }', '"other", hdr.h.c'))),
    "the key": (program(), program(locals=_LOCALS.replace("hdr.h.a : exact", "hdr.h.d : exact"))),
}  # fmt: skip
"""What it is about → a program, and one that adds something else."""


def proof(of: ir.Program, made: BpfObject, rules: RuleSet | None = None) -> Proof:
    """For every packet; without rules for every rule set."""
    return Checker(of, rules, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


@pytest.mark.parametrize("name", ["always", "a condition"])
def test_proven(name: str) -> None:
    of, _ = PROGRAMS[name]
    found = proof(of, lower(of, None, {"hook": "xdp"}))
    assert found.verdict is Verdict.ACCEPT, found.reason
    assert "events" in found.observables


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_adds_something_else_is_rejected(name: str) -> None:
    of, other = PROGRAMS[name]
    assert proof(of, lower(other, None, {"hook": "xdp"})).verdict is Verdict.REJECT


def test_proven_with_given_rules() -> None:
    rule = Rule("MC.flows", (Exact(1), Exact(2)), ActionCall("hop", (3, 4)))
    rules = RuleSet({"MC.flows": (rule,)})
    of = program()
    assert proof(of, lower(of, rules, {"hook": "xdp"}), rules).verdict is Verdict.ACCEPT


def with_code(made: BpfObject, insns: Sequence[Insn]) -> BpfObject:
    """The object with other code."""
    return replace(made, programs=(replace(made.program(), insns=tuple(insns), lines=()),))


def mutants() -> Iterator[tuple[str, BpfObject]]:
    """The code with something else written: into another key, with another number, over an entry that is there."""
    made = lower(program(), None, {"hook": "xdp"})
    insns = made.program().insns
    update = next(i for i, insn in enumerate(insns) if insn == asm.call(2))
    number = next(i for i, insn in enumerate(insns) if insn == asm.store(4, asm.R10, insn.off, 1))
    key = next(i for i in range(update, 0, -1) if insns[i] == asm.mov(asm.R2, asm.R10)) + 1

    def changed(at: int, **new: int) -> BpfObject:
        return with_code(made, (*insns[:at], replace(insns[at], **new), *insns[at + 1 :]))

    zeros = next(i for i, insn in enumerate(insns) if insn == asm.store(8, asm.R10, insns[number].off, 0))
    yield "arguments of another action", changed(zeros, imm=-1)
    first = (
        asm.mov(asm.R9, asm.R1), asm.store(8, asm.R10, -8, 0), asm.store(8, asm.R10, -24, 1),
        asm.store(8, asm.R10, -16, 0), asm.load_map(asm.R1, "MC_flows"), asm.mov(asm.R2, asm.R10),
        asm.alu("add", asm.R2, -8), asm.mov(asm.R3, asm.R10), asm.alu("add", asm.R3, -24), asm.mov(asm.R4, 0),
        asm.call(2), asm.mov(asm.R1, asm.R9),
    )  # fmt: skip
    yield "one entry more", with_code(made, (*first, *insns))
    yield "an action that is none", changed(number, imm=9)
    yield "another key", changed(key, imm=insns[key].imm - 8)
    yield "only where there is one", changed(update - 1, imm=2)


def test_other_writes_are_rejected() -> None:
    for name, made in mutants():
        found = proof(program(), made)
        assert found.verdict is Verdict.REJECT, name


def test_an_entry_that_is_there_stays() -> None:
    """An action that entries may have, too, adds nothing on a hit; code that would replace the entry is rejected."""
    of = program(f"{_ADD};", locals=_LOCALS.replace("@defaultonly learn", "learn"))
    made = lower(of, None, {"hook": "xdp"})
    assert proof(of, made).verdict is Verdict.ACCEPT
    insns = made.program().insns
    over = [asm.mov(asm.R4, 0) if after == asm.call(2) else insn for insn, after in pairwise(insns)]
    assert proof(of, with_code(made, (*over, insns[-1]))).verdict is Verdict.REJECT


def test_the_kernel_adds_the_entry(kernel_oracle: KernelOracle) -> None:
    seen: list[dict[bytes, bytes]] = []

    def keep(maps: dict[str, KernelMap]) -> None:
        held = maps["MC_flows"]
        seen.append({key: held[key] for key in held.keys()})  # noqa: SIM118

    frame = bytes([1, 0xFA, 0x77, 0]).ljust(60, b"\0")
    kernel_oracle.observe(lower(program(), None, {"hook": "xdp"}), [(2, frame)], inspect=keep)
    value = b"\x01\0\0\0" + bytes([0x77, 0x0A, 0x0B, 0]) + b"\x04\0\0\0"
    assert seen == [{b"\x01\x02": value}]


@pytest.mark.oracle
@pytest.mark.parametrize("width", [8, 16, 24, 32])
def test_the_profile_lies_behind_arguments_of_any_size(kernel_oracle: KernelOracle, width: int) -> None:
    """Found by a test program whose entries have five bytes of arguments: the kernel refused the code."""
    told = _LOCALS.replace("action other(bit<8> d)", f"action other(bit<{width}> n, bit<8> d)")
    of = program(locals=told)
    made = lower(of, None, {"hook": "xdp"})
    assert proof(of, made).verdict is Verdict.ACCEPT
    seen: list[bytes] = []

    def keep(maps: dict[str, KernelMap]) -> None:
        held = maps["MC_flows"]
        seen.extend(held[key] for key in held.keys())  # noqa: SIM118

    kernel_oracle.observe(made, [(2, bytes([1, 0xFA, 0x77, 0]).ljust(60, b"\0"))], inspect=keep)
    assert seen[0][4:7] == b"\x77\x0a\x0b"
    assert seen[0][-4:] == b"\x04\0\0\0"


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_the_next_packet_meets_it_on_the_kernel(kernel_oracle: KernelOracle, hook: str) -> None:
    text = "\n".join(
        [
            "add MC.flows hdr.h.a:9 hdr.h.b[2:0]:1 MC.hop(d:5, wide:6)",
            *(f"packet 2 {a}{REST}\nexpect {port} {b}{REST}$" for a, port, b in [
                ("01027700", 6, "01027701"), ("09017700", 7, "09010605"), ("010a0000", 7, "010a0b77"),
                ("020a0000", 6, "020a0001"),
            ]),
        ]
    )  # fmt: skip
    of = program()
    assert run_stf(of, text, "t.stf").passed
    result = run_stf(of, text, "t.stf", Real(of, TARGET, {"hook": hook}, kernel_oracle))
    assert result.passed, result.mismatches


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (program(body="flows.apply(); flows.apply();"), "at several places"),
        (program(locals=_LOCALS.replace("hdr.h.a : exact", "hdr.h.a : ternary")), "outside of the actions"),
        (program(_TELL % _ADD.replace('"hop"', '"other"')), "not those of other"),
    ],
)
def test_what_cannot_be_added_is_refused(of: ir.Program, why: str) -> None:
    with pytest.raises(CannotOffload, match=why):
        lower(of, None, {})
