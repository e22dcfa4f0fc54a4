"""Objects for frames of a shortest length: what they may do, what they say of themselves, and what is assumed."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from p4verify.checks import Checker
from p4verify.commands.stf import Meant, Real
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import Machine, run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject, read_elf, write_elf
from p4verify.targets.ebpf.artifact.insn import STX
from p4verify.targets.ebpf.artifact.shortest import SECTION
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

XDP60 = {"hook": "xdp", "min_frame": "60"}
STACK = "header h_t { bit<8> x; } struct headers { h_t[2] h; }"
PARSE = "state start { p.extract(hdr.h.next); p.extract(hdr.h.next); transition accept; }"


def popping() -> ir.Program:
    """Takes the first byte of a frame away."""
    ingress = "apply { hdr.h.pop_front(1); std.egress_spec = 3; }"
    return load_text(v1_program(STACK, PARSE, ingress, "p.emit(hdr.h);"), "pop.p4").program


def proof(made: BpfObject) -> Proof:
    checker = Checker(popping(), timeout=60, machines_confirm=False)
    return checker.check_artifact(TARGET, made, None).proof


def test_a_frame_may_get_shorter_where_none_comes_in_that_gets_too_short() -> None:
    with pytest.raises(CannotOffload, match=r"shorter than 14 bytes.*min_frame=60") as refusal:
        lower(popping(), None, {"hook": "xdp"})
    assert refusal.value.span.line
    found = proof(lower(popping(), None, XDP60))
    assert found.verdict is Verdict.ACCEPT, found.reason
    assert any("at least 60 bytes" in text for text in found.assumptions)
    assert proof(lower(popping(), None, {"hook": "xdp", "min_frame": "16"})).verdict is Verdict.ACCEPT


@pytest.mark.parametrize("hook", ["tc", "xdp"])
@pytest.mark.parametrize(("gone", "layout", "helped"), [
    ("hdr.a.setInvalid();", "emitted: none; parsed: 16 bytes", True),
    ("hdr.a.setInvalid(); hdr.b.setInvalid();", "emitted: none; parsed: 56 bytes", False),
    ("hdr.b.setInvalid(); hdr.c[0].setInvalid(); hdr.a.setInvalid();", "emitted: hdr.c[1]; parsed: 58 bytes", False),
])  # fmt: skip
def test_the_layout_that_gets_too_short_is_told(hook: str, gone: str, layout: str, helped: bool) -> None:
    """Of several, one that gets too short whatever frames come in."""
    types = "header a_t { bit<128> x; } header b_t { bit<320> x; } header c_t { bit<8> x; }"
    types += " struct headers { a_t a; b_t b; c_t[2] c; }"
    parse = """
    state start { p.extract(hdr.a); transition select(hdr.a.x) { 1: more; default: accept; } }
    state more { p.extract(hdr.b); transition MORE; }
    state all { p.extract(hdr.c.next); p.extract(hdr.c.next); transition accept; }
    """.replace("MORE", "all" if "hdr.c" in gone else "accept")
    ingress = f"apply {{ {gone} std.egress_spec = 3; }}"
    program = load_text(v1_program(types, parse, ingress, "p.emit(hdr);"), "short.p4").program
    with pytest.raises(CannotOffload) as refusal:
        lower(program, None, {"hook": hook})
    assert "shorter than 14 bytes" in refusal.value.reason
    assert f"({layout})" in refusal.value.reason
    assert ("min_frame=60" in refusal.value.reason) == helped
    with pytest.raises(CannotOffload) if not helped else nullcontext():
        lower(program, None, {"hook": hook, "min_frame": "60"})


def test_what_the_object_says_is_all_that_is_assumed() -> None:
    """The same code without the section takes frames of 14 bytes too, of which it makes none of 13."""
    made = lower(popping(), None, XDP60)
    assert made.sections == {SECTION: b"60"}
    again = read_elf(write_elf(made), "pop.o")
    assert again == made
    silent = BpfObject(made.programs, made.maps, made.license)
    found = proof(silent)
    assert found.verdict is Verdict.REJECT
    assert found.counterexample is not None
    assert len(found.counterexample.packet) == 14


@pytest.mark.parametrize("text", [b"", b"13", b"61", b"0060", b"-20", b"sixty", b"9" * 5000])
def test_a_section_that_says_something_else_is_unsupported(text: bytes) -> None:
    made = lower(popping(), None, XDP60)
    with pytest.raises(Unsupported, match="min_frame"):
        TARGET.meaning(BpfObject(made.programs, made.maps, made.license, {SECTION: text}))


@pytest.mark.parametrize("text", ["", "13", "61", "x", "9" * 5000])
def test_an_option_that_is_no_length(text: str) -> None:
    with pytest.raises(InputError, match="min_frame"):
        lower(popping(), None, {"min_frame": text})


def _tested(machine: Machine) -> None:
    """Frames of a test are padded, and what comes out loses the padding again; what came in longer does not."""
    program = popping()
    test = f"packet 5 010203\nexpect 3 0203$\npacket 5 {'01' * 62}\nexpect 3 {'01' * 61}$\n"
    result = run_stf(program, test, "pop.stf", machine)
    assert result.passed, str(result)
    wrong = run_stf(program, "packet 5 010203\nexpect 3 020300$\n", "pop.stf", machine)
    assert not wrong.passed


def test_a_test_by_meaning_is_padded() -> None:
    _tested(Meant(popping(), TARGET, XDP60))


@pytest.mark.oracle
def test_a_test_on_the_kernel_is_padded(kernel_oracle: KernelOracle) -> None:
    _tested(Real(popping(), TARGET, XDP60, kernel_oracle))


def test_only_what_may_look_at_the_port_is_asked_what_it_means() -> None:
    """The quick answer is never wrong about a program that looks; about one that does not it may be "perhaps"."""
    looks = "apply { std.egress_spec = std.ingress_port; }"
    looking = load_text(v1_program(STACK, PARSE, looks, "p.emit(hdr.h);"), "looks.p4").program
    for options in ({"hook": "tc"}, {"hook": "xdp"}, XDP60):
        assert not TARGET.plainly_ignores_port(lower(looking, None, options))
    assert TARGET.plainly_ignores_port(lower(popping(), None, XDP60))


ORDER_TYPES = """
header eth_t { bit<96> macs; bit<16> type; }
header tag_t { bit<16> tci; bit<16> type; }
header ip_t { bit<64> a; bit<8> ttl; bit<88> b; }
struct headers { eth_t eth; tag_t tag; ip_t ip; }
"""
ORDER_PARSE = """
state start { p.extract(hdr.eth); transition select(hdr.eth.type) { 0x8100: tag; 0x800: ip; default: accept; } }
state tag { p.extract(hdr.tag); transition select(hdr.tag.type) { 0x800: ip; default: accept; } }
state ip { p.extract(hdr.ip); transition accept; }
"""


def test_bytes_as_far_from_the_payload_as_they_were_are_not_written() -> None:
    """A tag is taken off and put on: the header behind it is written in its one byte that changes."""
    ingress = """apply {
        std.egress_spec = 3;
        if (hdr.tag.isValid()) { hdr.eth.type = hdr.tag.type; hdr.tag.setInvalid(); }
        else { hdr.tag.setValid(); hdr.tag.tci = 5; hdr.tag.type = hdr.eth.type; hdr.eth.type = 0x8100; }
        if (hdr.ip.isValid()) { hdr.ip.ttl = hdr.ip.ttl - 1; }
    }"""
    emits = "p.emit(hdr.eth); p.emit(hdr.tag); p.emit(hdr.ip);"
    given = load_text(v1_program(ORDER_TYPES, ORDER_PARSE, ingress, emits), "tags.p4").program
    made = lower(given, None, XDP60)
    stores = [i for i in made.program().insns if i.cls == STX and i.dst == 7]
    assert stores
    assert {insn.off for insn in stores if insn.off >= 18} <= {22, 26}  # the TTL, behind 14 and behind 18 bytes
    found = Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof
    assert found.verdict is Verdict.ACCEPT, found.reason
