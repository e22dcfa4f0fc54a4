"""Digests: records in a ring buffer, proven to be what the program tells wherever the buffer has room."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import pna, psa
from tests.targets.ebpf.programs import v1_program

_TYPES: Final = """
header h_t { bit<8> a; bit<8> b; bit<12> c; bit<4> d; } header x_t { bit<72> v; }
struct inner_t { bit<3> low; bool odd; }
struct told_t { bit<8> a; inner_t inner; bit<12> c; x_t x; }
struct headers { h_t h; x_t x; }"""
_PARSER: Final = """state start { p.extract(hdr.h); transition select(hdr.h.b) { 9: more; default: accept; } }
state more { p.extract(hdr.x); transition accept; }"""
_TELL: Final = """
    apply {
        std.egress_spec = 2;
        if (hdr.h.a == 1) { digest<told_t>(7, { hdr.h.a, { hdr.h.b[2:0], hdr.h.c[0:0] == 1 }, hdr.h.c, hdr.x }); }
        else if (hdr.h.a == 2) { digest<told_t>(7, { hdr.h.b, { hdr.h.b[7:5], true }, hdr.h.c, hdr.x }); }
        if (hdr.h.d == 3) { mark_to_drop(std); }
    }
"""
_LIST: Final = """
    apply {
        std.egress_spec = 2;
        if (hdr.h.a == 1) { digest(7, { hdr.h.b, hdr.h.c, hdr.h.d == 1 }); }
        else if (hdr.h.a == 2) { digest(7, { hdr.h.c }); }
    }
"""
"""Data whose types have no name."""
_PACK: Final = "Digest<params_t>() learn;"


def v1(body: str = _TELL) -> ir.Program:
    """A v1model program with this ingress."""
    return load_text(v1_program(_TYPES, _PARSER, body, "p.emit(hdr.h); p.emit(hdr.x);"), "t.p4").program


PROGRAMS: Final[dict[str, tuple[ir.Program, ir.Program]]] = {
    "v1model": (v1(), v1(_TELL.replace("{ hdr.h.b[2:0]", "{ hdr.h.b[3:1]"))),
    "a list": (v1(_LIST), v1(_LIST.replace("== 1 }", "!= 1 }"))),
    "another condition": (v1(), v1(_TELL.replace("a == 2", "a == 5"))),
    "PSA": (
        psa(id="if (meta.f) { learn.pack({hdr.h.a, meta.n[15:0]}); } pkt.emit(hdr);", id_locals=_PACK,
            body="meta.f = hdr.h.b == 1; meta.n = 5; if (hdr.h.c == 1) { ingress_drop(ostd); }"),
        psa(id="learn.pack({hdr.h.a, meta.n[15:0]}); pkt.emit(hdr);", id_locals=_PACK,
            body="meta.f = hdr.h.b == 1; meta.n = 5; if (hdr.h.c == 1) { ingress_drop(ostd); }"),
    ),
    "PNA": (
        pna("send_to_port((PortId_t) 5); meta.n = 7; if (hdr.h.a == 1) { drop_packet(); }", md_locals=_PACK,
            deparser="if (hdr.h.b == 1) { learn.pack({hdr.h.a, meta.n[15:0]}); } pkt.emit(hdr);"),
        pna("send_to_port((PortId_t) 5); meta.n = 7; if (hdr.h.a == 1) { drop_packet(); }", md_locals=_PACK,
            deparser="if (hdr.h.b == 1) { learn.pack({hdr.h.b, meta.n[15:0]}); } pkt.emit(hdr);"),
    ),
}  # fmt: skip
"""What it is about → a program, and one that tells something else."""


def proof(program: ir.Program, made: BpfObject) -> Proof:
    """For every packet and rule set."""
    return Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


@pytest.mark.parametrize(
    ("name", "hook"), [("v1model", "tc"), ("v1model", "xdp"), ("a list", "xdp"), ("PSA", "xdp"), ("PNA", "xdp")]
)
def test_proven_where_the_buffer_has_room(name: str, hook: str) -> None:
    program, _ = PROGRAMS[name]
    found = proof(program, lower(program, None, {"hook": hook}))
    assert found.verdict is Verdict.ACCEPT, found.reason
    assert any("has room for what is told" in text for text in found.assumptions), found


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_tells_something_else_is_rejected(name: str) -> None:
    program, other = PROGRAMS[name]
    found = proof(program, lower(other, None, {"hook": "xdp"}))
    assert found.verdict is Verdict.REJECT, found.reason


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_the_kernel_hands_the_records_over(kernel_oracle: KernelOracle, hook: str) -> None:
    made = lower(v1(), None, {"hook": hook})
    told: list[list[bytes]] = []

    def keep(maps: dict[str, KernelMap]) -> None:
        told.append(maps["told_t_digests"].records())

    frames = [bytes([1, 5, 0xAB, 0xC0]), bytes([2, 9, 0x12, 0x33, *range(9)]), bytes([3, 5, 0, 0])]
    kernel_oracle.observe(made, [(2, frame.ljust(60, b"\0")) for frame in frames], inspect=keep)
    assert told == [
        [bytes([1, 5, 0, 0x0A, 0xBC, 0, *bytes(9)])],
        [bytes([9, 0, 1, 0x01, 0x23, 1, *range(9)])],
        [],
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("struct told_t { varbit<8> v; }", "no fixed size"),
        ("struct told_t { h_t[2] s; }", "no fixed size"),
        ("struct told_t { bit<2064> v; }", "1 to 256"),
    ],
)
def test_what_cannot_be_told_is_refused(data: str, why: str) -> None:
    types = f"header h_t {{ bit<8> a; }} {data} struct headers {{ h_t h; }}"
    body = "told_t told; apply { std.egress_spec = 2; digest<told_t>(7, told); }"
    text = v1_program(types, "state start { p.extract(hdr.h); transition accept; }", body, "p.emit(hdr.h);")
    with pytest.raises(CannotOffload, match=why):
        lower(load_text(text, "t.p4").program, None, {})
