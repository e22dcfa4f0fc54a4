"""Parsers with very many ways through them: those on which as much was parsed meet again in eBPF, where nobody knows
any more which headers were extracted."""

from __future__ import annotations

import random
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.ebpf.lower import lower, parse
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

COUNT: Final = 12
"""Headers that may come along: twice as many sets of them as there may be points in a parser's code."""
TYPES: Final = "header e_t { bit<112> e; bit<16> f; } header o_t { bit<8> v; }"


def program(
    count: int = COUNT,
    *,
    body: str = "",
    emitted: str = "",
    more: str = "",
    last: str = "accept",
    before: str = "",
    instance: str = "",
) -> ir.Program:
    """Each header comes along if a bit of the packet says so; ``more`` states, of which ``last`` is the first one."""
    names = [f"o{i}" for i in range(count)]
    struct = "struct headers { e_t e; " + " ".join(f"o_t {name};" for name in names) + " }"
    states = (
        instance
        + "state start { p.extract(hdr.e); transition s0; }"
        + " ".join(
            f"state s{i} {{ transition select(hdr.e.f[{i}:{i}]) {{ 1: p{i}; default: s{i + 1}; }} }}"
            f"state p{i} {{ p.extract(hdr.o{i}); transition s{i + 1}; }}"
            for i in range(count)
        )
    )
    states += f" state s{count} {{ transition {last}; }} {more}"
    emits = "p.emit(hdr.e); " + (emitted or " ".join(f"p.emit(hdr.{name});" for name in names))
    ingress = f"apply {{ std.egress_spec = 3; {body} }}"
    return load_text(v1_program(TYPES + struct + before, states, ingress, emits), "f.p4").program


CHANGES: Final = """hdr.o3.setInvalid(); if (hdr.o5.isValid()) { hdr.o6.setValid(); hdr.o6.v = 9; }
if (hdr.o7.isValid()) { hdr.o8 = hdr.o7; }"""
WITHOUT_O5: Final = " ".join(f"p.emit(hdr.o{i});" for i in range(COUNT) if i != 5)
TWICE: Final = " ".join(f"p.emit(hdr.o{i});" for i in (*range(COUNT), 4))
SUB: Final = """parser Sub(packet_in p, inout headers hdr) { state start { p.extract(hdr.o0);
verify(hdr.o0.v != 200, error.NoMatch); hdr.o1.setInvalid(); transition accept; } }"""
OUT: Final = "parser Sub(packet_in p, out o_t h) { state start { p.extract(h); transition accept; } }"


def by_bit(then: str) -> str:
    """States that do something where bit 12 is set."""
    return f"state by_bit {{ transition select(hdr.e.f[12:12]) {{ 1: then; default: accept; }} }} {then}"


PROGRAMS: Final = {
    "plain": program(),
    "changed": program(body=CHANGES),
    "skipped": program(more=by_bit("state then { p.advance(24); transition accept; }"), last="by_bit"),
    "again": program(more=by_bit("state then { p.extract(hdr.o2); transition accept; }"), last="by_bit"),
    "taken back": program(more=by_bit("state then { hdr.o2.setInvalid(); hdr.o4.setValid(); hdr.o4.v = 1; "
                                      "transition accept; }"), last="by_bit"),
    "sub-parser": program(instance="Sub() sub; ", more=by_bit("state then { sub.apply(p, hdr); transition accept; }"),
                          last="by_bit", before=SUB),
    "sub-parser again": program(
        instance="Sub() sub; ", more=by_bit("state then { sub.apply(p, hdr.o2); transition accept; }"), last="by_bit",
        before=OUT,
    ),
    "one not emitted": program(emitted=WITHOUT_O5),
    "one emitted twice": program(emitted=TWICE),
}  # fmt: skip
TLV: Final = """
header e_t { bit<112> e; bit<16> f; } header t_t { bit<4> k; bit<4> n; varbit<56> v; }
struct headers { e_t e; t_t[4] t; }
"""
TLV_STATES: Final = """
state start { p.extract(hdr.e); transition select(hdr.e.f[0:0]) { 0: accept; default: tlv; } }
state tlv { p.extract(hdr.t.next, (bit<32>)(p.lookahead<bit<8>>()[2:0]) << 3);
transition select(hdr.t.last.k) { 0 &&& 3: accept; default: tlv; } }
"""


def options() -> ir.Program:
    """A list of options, each with a length."""
    body = "if (hdr.t[1].isValid()) { hdr.t[1].k = 5; } if (hdr.e.f[1:1] == 1) { hdr.t[0].setInvalid(); }"
    ingress = f"apply {{ std.egress_spec = 3; {body} }}"
    return load_text(v1_program(TLV, TLV_STATES, ingress, "p.emit(hdr.e); p.emit(hdr.t);"), "t.p4").program


@pytest.mark.long
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_proven(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "if (hdr.o2.isValid()) { hdr.o2.setInvalid(); hdr.o4.setValid(); hdr.o4.v = 7; }"
    given = program(6, body=body)
    knowing = lower(given, None, {"hook": hook, "min_frame": "60"})
    monkeypatch.setattr(parse, "MAX_POINTS", {"tc": 200, "xdp": 100}[hook])
    artifact = lower(given, None, {"hook": hook, "min_frame": "60"})
    assert len(artifact.program().insns) < len(knowing.program().insns)
    proof = Checker(given, timeout=100, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is Verdict.ACCEPT
    other = program(6, body=body.replace("= 7", "= 8"))
    assert Checker(other, timeout=100, machines_confirm=False).check_artifact(TARGET, artifact, None).proof.verdict is (
        Verdict.REJECT
    )


def frames(seed: int, count: int) -> list[bytes]:
    """Some with a tag, which lies beside the data at tc."""
    dice = random.Random(seed)
    kinds = (b"\x08\x00", b"\x81\x00", b"\x88\xa8")
    return [dice.randbytes(12) + dice.choice(kinds) + dice.randbytes(dice.choice((46, 60))) for _ in range(count)]


@pytest.mark.long
@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["tc", "xdp"])
@pytest.mark.parametrize("name", [*PROGRAMS, "options"])
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, hook: str, name: str) -> None:
    given = PROGRAMS[name] if name in PROGRAMS else options()
    artifact = lower(given, None, {"hook": hook, "min_frame": "60"})
    arrivals = frames(len(name), 120)
    seen = kernel_oracle.observe(artifact, [(5, frame) for frame in arrivals], {}, keep_maps=True)
    for frame, each in zip(arrivals, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()
