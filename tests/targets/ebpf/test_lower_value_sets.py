"""Value sets of parsers in maps: proven for every content, and filled from rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import Exact, Match, RuleSet, Ternary
from p4verify.semantics.source import InputError
from p4verify.targets.ebpf.artifact import BpfObject, Insn
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = """
header h_t { bit<112> eth; bit<12> a; bit<4> pad; bit<72> wide; bit<8> took; }
struct headers { h_t h; }
struct pair_t { bit<12> a; bit<72> wide; }
"""
PARSE = """
value_set<pair_t>(4) pairs;
value_set<bit<12>>(8) ones;
state start {
    p.extract(hdr.h);
    transition select(hdr.h.a, hdr.h.wide) { pairs: both; (_, 7): accept; default: other; }
}
state both { hdr.h.took = 1; transition accept; }
state other { transition select(hdr.h.a) { ones: one; default: accept; } }
state one { hdr.h.took = 2; transition accept; }
"""
HOOKS = pytest.mark.parametrize("hook", ["tc", "xdp"])


def program(parse: str = PARSE) -> ir.Program:
    text = v1_program(TYPES, parse, "apply { std.egress_spec = 3; }", "p.emit(hdr.h);")
    return load_text(text, "sets.p4").program


def rules(*pairs: tuple[Match, Match]) -> RuleSet:
    return RuleSet({}, value_sets={"Prs.pairs": pairs, "Prs.ones": ((Exact(5),), (Exact(0xFFF),))})


def verdict(made: BpfObject, given: RuleSet | None = None) -> Verdict:
    checker = Checker(program(), rules=given, timeout=60, machines_confirm=False)
    return checker.check_artifact(TARGET, made, None).proof.verdict


@HOOKS
def test_proven_for_every_content_and_for_one(hook: str) -> None:
    made = lower(program(), None, {"hook": hook})
    assert verdict(made) is Verdict.ACCEPT
    assert verdict(made, rules((Exact(1), Exact(2)))) is Verdict.ACCEPT


def test_a_key_that_is_put_together_wrongly_is_not_accepted() -> None:
    """The same program with the one shift of its code that aligns a key's bits left out."""
    made = lower(program(), None, {"hook": "xdp"})
    insns = made.program().insns
    at = next(i for i, insn in enumerate(insns) if insn.opcode == 0x77 and insn.imm == 4)  # r1 >>= 4
    changed = (*insns[:at], Insn(insns[at].opcode, insns[at].dst, 0, 0, 3), *insns[at + 1 :])
    wrong = replace(made, programs=(replace(made.program(), insns=changed),))
    assert verdict(wrong) in (Verdict.REJECT, Verdict.UNDECIDED)


@pytest.mark.oracle
@HOOKS
def test_the_kernel_finds_the_members(kernel_oracle: KernelOracle, hook: str) -> None:
    given = rules((Exact(1), Exact(2)), (Exact(0xABC), Exact((1 << 72) - 1)))
    made = lower(program(), given, {"hook": hook})
    frames = [
        bytes(14) + (a << 4 | 9).to_bytes(2, "big") + wide.to_bytes(9, "big") + b"\0rest"
        for a in (1, 5, 0xABC, 0xFFF, 0)
        for wide in (2, 7, (1 << 72) - 1)
    ]
    seen = kernel_oracle.run(made, [(5, frame) for frame in frames], TARGET.fill(program(), made, given))
    outs = set()
    for frame, each in zip(frames, seen, strict=True):
        assert list(each.outputs) == list(run(program(), given, frame, 5).outputs), frame.hex()
        outs.add(each.outputs[0][2][25])
    assert outs == {0, 1, 2}


def test_members_that_no_map_holds_are_refused() -> None:
    made = lower(program(), None, {})
    with pytest.raises(InputError, match="cannot be matched"):
        TARGET.fill(program(), made, rules((Exact(1), Ternary(2, 3))))
