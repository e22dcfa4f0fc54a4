"""Headers of varying size, and what a parser skips by a number that the packet says."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import estimate, lower
from p4verify.targets.ebpf.lower.gen import Gen
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = """
header eth_t { bit<112> all; }
header opt_t { bit<4> kind; bit<4> words; varbit<64> data; bit<8> last; }
header tail_t { bit<16> x; }
struct headers { eth_t eth; opt_t one; opt_t two; tail_t tail; }
"""
PARSE = """
state start {
    p.extract(hdr.eth);
    p.extract(hdr.one, (bit<32>)(p.lookahead<bit<8>>()[3:0]) * 32);
    p.extract(hdr.tail);
    transition accept;
}
"""
EMIT = "p.emit(hdr.eth); p.emit(hdr.one); p.emit(hdr.two); p.emit(hdr.tail);"
KEEP = "apply { std.egress_spec = 3; hdr.tail.x = hdr.tail.x + 1; }"
COPY = """apply {
    std.egress_spec = 3;
    hdr.two = hdr.one;
    hdr.two.kind = 1;
    if (hdr.two == hdr.one) { hdr.tail.x = 7; }
    if (hdr.two.words == 2) { hdr.one.setInvalid(); }
}"""
SKIP = """
state start {
    p.extract(hdr.eth);
    p.extract(hdr.tail);
    p.advance(((bit<32>)hdr.tail.x[2:0]) << 3);
    p.extract(hdr.one, 8);
    transition accept;
}
"""
HEADER_LENGTH = SKIP.replace(
    "p.advance(((bit<32>)hdr.tail.x[2:0]) << 3)", "p.advance(((bit<32>) hdr.tail.x[3:0] - 5) << 5)"
)
"""As IPv4's options are skipped: a length below 5 is one beyond every frame."""
UNEVEN = PARSE.replace("* 32", "* 12")


def program(states: str, ingress: str = KEEP, emits: str = EMIT) -> ir.Program:
    return load_text(v1_program(TYPES, states, ingress, emits), "sizes.p4").program


PROGRAMS = {
    "kept": program(PARSE),
    "copied": program(PARSE, COPY),
    "uneven": program(UNEVEN),
    "skipped": program(SKIP, emits="p.emit(hdr.eth); p.emit(hdr.one);"),
    "skipped, as a difference": program(
        HEADER_LENGTH,
        "apply { std.egress_spec = 3; if (std.parser_error != error.NoError) { hdr.tail.x = 1; } }",
        "p.emit(hdr.eth); p.emit(hdr.tail); p.emit(hdr.one);",
    ),
}
XDP60 = {"hook": "xdp", "min_frame": "60"}
names = pytest.mark.parametrize("name", PROGRAMS)


@pytest.mark.parametrize(
    ("name", "options"), [("kept", {"hook": "tc"}), *((name, XDP60) for name in PROGRAMS)], ids=["tc", *PROGRAMS]
)
def test_proven_for_every_packet(name: str, options: dict[str, str]) -> None:
    proof = Checker(PROGRAMS[name], timeout=60, machines_confirm=False).check_lowered(TARGET, options).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


def frames() -> list[bytes]:
    """Of each size, and too short for it."""
    out = []
    for words in (0, 1, 2, 3, 15):
        head = bytes(range(14)) + bytes([0x90 | words]) + bytes(range(1, 40))
        out += [head + bytes(30), head[: 14 + 1 + 4 * words] + bytes(64)]
    return [frame.ljust(60, b"\x55") for frame in out]


@pytest.mark.oracle
@names
def test_the_kernel_does_it(kernel_oracle: KernelOracle, name: str) -> None:
    made = lower(PROGRAMS[name], None, XDP60)
    sent = frames()
    seen = kernel_oracle.run(made, [(5, frame) for frame in sent])
    for frame, each in zip(sent, seen, strict=True):
        assert list(each.outputs) == list(run(PROGRAMS[name], RuleSet({}), frame, 5).outputs), frame.hex()


def test_too_many_sizes_are_refused_with_the_place() -> None:
    far = SKIP.replace("hdr.tail.x[2:0]", "hdr.tail.x")
    with pytest.raises(CannotOffload, match="different numbers of bits") as refusal:
        lower(program(far), None, {"hook": "xdp"})
    assert refusal.value.span.line


def test_a_part_of_many_bits_that_are_looked_at_ahead() -> None:
    states = """state start { transition select(p.lookahead<bit<112>>()[111:80] ++ p.lookahead<bit<112>>()[15:0]) {
        48w5: all; default: accept; } }
    state all { p.extract(hdr.eth); transition accept; }"""
    ingress = "apply { std.egress_spec = 3; if (hdr.eth.isValid()) { std.egress_spec = 4; } }"
    found = program(states, ingress)
    other = lower(program(states.replace("[15:0]", "[16:1]"), ingress), None, {"hook": "xdp"})
    checker = Checker(found, timeout=60, machines_confirm=False)
    assert checker.check_lowered(TARGET, {"hook": "xdp"}).proof.verdict is Verdict.ACCEPT
    assert checker.check_artifact(TARGET, other, None).proof.verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("size", "values"),
    [
        ("(bit<32>) hdr.one.kind - 5 << 5", {(n - 5 << 5) % (1 << 32) for n in range(16)}),
        ("(bit<32>) ((hdr.one.kind | 2) & 7) * 8", {8 * n for n in (2, 3, 6, 7)}),
        ("(bit<32>) (hdr.one.kind << hdr.one.words[1:0])", set(range(16))),
        ("(bit<32>) (bit<2>) (hdr.one.kind ^ 1) >> 1", {0, 1}),
        ("(bit<32>) (bit<4>) ((int<4>) hdr.one.kind >> 1)", set(range(16))),
        ("(bit<32>) hdr.tail.x", None),
        ("(bit<32>) (bit<5>) hdr.eth.all", set(range(32))),
    ],
)
def test_values_that_a_size_may_have(size: str, values: set[int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    exact = estimate.values

    def noted(g: Gen, expr: ir.Expr, most: int) -> frozenset[int] | None:
        found.append(exact(g, expr, most))
        return found[-1]

    monkeypatch.setattr(estimate, "values", noted)
    states = f"state start {{ p.extract(hdr.eth); p.extract(hdr.one, 8); p.advance({size}); transition accept; }}"
    try:
        lower(program(states), None, {"hook": "xdp"})
    except CannotOffload:
        assert values is None
    assert found[-1] == values


POPPED = """
#include <core.p4>
#include <xdp_model.p4>
header eth_t { bit<112> all; }
header option_t { bit<8> kind; bit<8> bytes; varbit<64> data; }
struct headers { eth_t eth; option_t[3] options; }
parser prs(packet_in p, out headers hdr) {
    state start { p.extract(hdr.eth); transition more; }
    state more { transition select(p.lookahead<bit<16>>()) { 0 &&& 0xff00: accept; 0x0100 .. 0x0108: one; } }
    state one { p.extract(hdr.options.next, (bit<32>) p.lookahead<bit<16>>()[7:0] * 8); transition more; }
}
control sw(inout headers hdr, in xdp_input i, out xdp_output o) { apply {
    o.output_port = 0;
    o.output_action = xdp_action.XDP_TX;
    if (hdr.options[0].bytes == 5) { hdr.options.pop_front(1); }
} }
control dep(in headers hdr, packet_out p) { apply { p.emit(hdr); } }
xdp(prs(), sw(), dep()) main;
"""
"""Varbits whose sizes nothing but the parser bounds: xdp_model takes uneven numbers of bits, too."""


@pytest.mark.long
@pytest.mark.oracle
def test_moved_varbits_have_the_sizes_of_what_was_extracted(kernel_oracle: KernelOracle) -> None:
    found = load_text(POPPED, "popped.p4").program
    made = lower(found, None, {"hook": "xdp"})
    options = [bytes([1, size, *range(0xA0, 0xA0 + size)]) for size in (5, 0, 8, 3)]
    parts = (options[:1], options[:2], options[1:3], options[:3], options, [options[0], options[0]])
    sent = [bytes(range(14)) + b"".join(part) + b"\0rest" for part in parts]
    for frame, each in zip(sent, kernel_oracle.run(made, [(5, frame) for frame in sent]), strict=True):
        assert list(each.outputs) == list(run(found, RuleSet({}), frame, 5).outputs), frame.hex()


CUT_OFF = """
header h_t { bit<112> eth; bit<8> a; }
header v_t { bit<8> n; varbit<16> o; }
struct headers { h_t h; v_t v; v_t w; }
"""


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_a_varbit_of_a_header_that_is_cut_off_stays_what_it_was(hook: str) -> None:
    """Both are empty where the frame ends within the first: they are equal then."""
    parser = """state start { p.extract(hdr.h); transition select(hdr.h.a) { 1: one; default: accept; } }
        state one { p.extract(hdr.v, (bit<32>) p.lookahead<bit<8>>()[1:0] * 8);
            p.extract(hdr.w, (bit<32>) p.lookahead<bit<8>>()[0:0] * 8); transition accept; }"""
    body = "apply { std.egress_spec = 1; if (hdr.v.o == hdr.w.o) { hdr.h.a = 7; } }"
    found = load_text(v1_program(CUT_OFF, parser, body, "p.emit(hdr);"), "cut.p4").program
    proof = Checker(found, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": hook}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)
