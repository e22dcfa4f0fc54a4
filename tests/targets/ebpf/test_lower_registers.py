"""Registers of any width, of structs and of headers: proven for every state, run on the kernel, and what they begin
with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.cells import initial_values
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

from .programs import v1_program

TYPES: Final = """
header h_t { bit<96> eth; bit<8> a; bit<8> b; bit<128> wide; bit<72> odd; bit<16> c; }
header o_t { bit<8> p; bit<72> q; }
struct pair_t { bit<7> x; bool y; bit<100> z; int<13> w; }
struct held_t { o_t o; bit<3> n; o_t[2] more; }
struct headers { h_t h; o_t o; }
"""
PARSE: Final = """state start { p.extract(hdr.h); transition select(hdr.h.b) { 1: more; default: accept; } }
state more { p.extract(hdr.o); transition accept; }"""
BODIES: Final = {
    "wide": "register<bit<128>>(4) r; apply { bit<128> v; r.read(v, (bit<32>)hdr.h.a);"
    "r.write((bit<32>)hdr.h.a, hdr.h.wide); hdr.h.wide = v + 1; std.egress_spec = 3; }",
    "odd": "register<bit<72>>(4) r; apply { r.read(hdr.h.odd, (bit<32>)hdr.h.a);"
    "r.write((bit<32>)hdr.h.a, hdr.h.odd ^ 3); std.egress_spec = 3; }",
    "struct": "register<pair_t>(4) r; apply { pair_t v; r.read(v, (bit<32>)hdr.h.a);"
    "hdr.h.wide[99:0] = v.z; hdr.h.c = (bit<16>)(bit<13>)v.w; if (v.y) { hdr.h.odd[6:0] = v.x; }"
    "r.write((bit<32>)hdr.h.a, {hdr.h.wide[6:0], hdr.h.b == 2, (bit<100>)hdr.h.odd, (int<13>)hdr.h.c[12:0]});"
    "std.egress_spec = 3; }",
    "header": "register<o_t>(4) r; apply { o_t v; r.read(v, (bit<32>)hdr.h.a); r.write((bit<32>)hdr.h.a, hdr.o);"
    "if (v.isValid()) { hdr.h.odd = v.q; hdr.h.c = 1; } else { hdr.h.c = 2; } std.egress_spec = 3; }",
    "headers": "register<held_t>(2) r; apply { held_t v; r.read(v, (bit<32>)hdr.h.a);"
    "if (v.more[1].isValid()) { hdr.h.odd = v.more[1].q; hdr.h.c = (bit<16>)v.n; }"
    "v.more[0] = v.more[1]; v.more[1] = hdr.o; v.n = 5; r.write((bit<32>)hdr.h.a, v); std.egress_spec = 3; }",
}  # fmt: skip


def program(body: str) -> ir.Program:
    return load_text(v1_program(TYPES, PARSE, body, "p.emit(hdr.h); p.emit(hdr.o);"), "r.p4").program


def verdict(given: ir.Program, made: BpfObject) -> Verdict:
    return Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof.verdict


@pytest.mark.long
@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_proven(name: str, hook: str) -> None:
    given = program(BODIES[name])
    assert verdict(given, lower(given, None, {"hook": hook})) is Verdict.ACCEPT


SEEDED: Final = {
    "wide": ("hdr.h.wide);", "hdr.h.wide << 64 >> 64);"),
    "odd": ("^ 3", "^ 72w0x800000000000000000"),
    "struct": ("hdr.h.b == 2", "hdr.h.b == 3"),
    "header": ("hdr.o);", "{hdr.o.p, hdr.o.q});"),
    "headers": ("v.more[1] = hdr.o;", "v.more[1] = hdr.o; v.more[0].setInvalid();"),
}


@pytest.mark.parametrize("name", [*sorted(SEEDED.keys() - {"wide"}), pytest.param("wide", marks=pytest.mark.campaign)])
def test_another_value_is_rejected(name: str) -> None:
    given, body = program(BODIES[name]), BODIES[name].replace(*SEEDED[name])
    assert body != BODIES[name]
    assert verdict(given, lower(program(body), None, {"hook": "xdp"})) is Verdict.REJECT


def test_words_the_other_way_round_are_rejected() -> None:
    """Nobody but the proof sees in which order the words of an element lie."""
    given = program("register<bit<128>>(4) r; apply { r.write((bit<32>)hdr.h.a, hdr.h.wide); std.egress_spec = 3; }")
    made = lower(given, None, {"hook": "xdp"})
    code = made.program().insns
    swapped = tuple(
        replace(each, off=8 - each.off) if each.opcode == 0x7B and each.dst == 0 else each for each in code
    )  # *(u64 *)(r0 + off) = ...
    assert swapped != code
    assert verdict(given, made) is Verdict.ACCEPT
    assert verdict(given, replace(made, programs=(replace(made.program(), insns=swapped),))) is Verdict.REJECT


@pytest.mark.oracle
@pytest.mark.parametrize("name", BODIES)
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, name: str) -> None:
    given = program(BODIES[name])
    made = lower(given, None, {"hook": "xdp"})
    frames = [
        bytes(range(12)) + bytes([a, b]) + bytes((a * 37 + b * 11 + i * i) % 256 for i in range(16 + 9 + 2 + 10 + 4))
        for a, b in ((1, 1), (1, 2), (0, 1), (1, 0), (7, 1), (1, 1), (1, 0), (0, 0))
    ]
    held: dict[str, dict[int, int]] = {}
    state: object = {}
    for frame in frames:
        cells = {name: _reader(dict(values)) for name, values in held.items()}
        ours = run(given, RuleSet({}), frame, 5, cells=cells)
        seen, state = kernel_oracle.run_on(made, (5, frame), {}, state, (3,))
        if frame[12] < 2:  # elsewhere nobody says what is read
            assert list(seen.outputs) == list(ours.outputs), frame.hex()
        for register, written in ours.state.items():
            held.setdefault(register, {}).update(written)


def _reader(held: dict[int, int]) -> Callable[[int], int]:
    return lambda index: held.get(index, 0)


# --- initial values -------------------------------------------------------------------------------------------------

STRUCTS: Final = """
header o_t { bit<8> p; bit<72> q; }
struct pair_t { bit<7> x; bool y; bit<100> z; int<13> w; }
struct held_t { o_t o; bit<3> n; o_t more; }
"""
FIRST: Final = """
Register<pair_t, bit<8>>(3, {5, true, 100w0x123456789abcdef012345, -2}) r;
Register<held_t, bit<8>>(2, {{7, 8}, 3, ...}) deep;
Register<bit<100>, bit<8>>(3, 100w1 << 98) wide;
Register<bool, bit<8>>(3, true) yes;
"""


def test_structs_begin_with_their_initial_values() -> None:
    given = psa("", locals=FIRST, top=STRUCTS)
    x, y, z, w = 5, 1, 0x123456789ABCDEF012345, (1 << 13) - 2
    assert {name.rpartition(".")[2]: value for name, value in initial_values(given).items()} == {
        "r": ((x << 1 | y) << 100 | z) << 13 | w, "deep": (((1 << 8 | 7) << 72 | 8) << 3 | 3) << 81,
        "wide": 1 << 98, "yes": 1,
    }  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_the_kernel_begins_with_them(hook: str, kernel_oracle: KernelOracle) -> None:
    body = """pair_t v = r.read(hdr.h.a); held_t d = deep.read(hdr.h.a); hdr.h.b = (bit<8>)v.x;
    hdr.h.c = v.z[7:0] + (bit<8>)(bit<13>)v.w; r.write(hdr.h.a, {6, false, 0, 1});
    if (d.o.isValid() && !d.more.isValid()) { hdr.h.d = d.o.q[7:0] + d.o.p; }
    if (v.y && yes.read(hdr.h.a)) { bit<100> n = wide.read(hdr.h.a); hdr.h.d = hdr.h.d + n[99:92]; }"""
    given, rest = psa(body, locals=FIRST, top=STRUCTS), "00" * 14
    test = f"""
packet 2 01000000{rest}
expect 1 0105434f{rest}$
packet 2 01000000{rest}
expect 1 0106010f{rest}$
packet 2 00000000{rest}
expect 1 0005434f{rest}$
"""
    result = run_stf(given, test, "first.stf", Real(given, TARGET, {"hook": hook}, kernel_oracle))
    assert result.passed, result


def test_elements_that_are_no_numbers_are_refused_with_their_place() -> None:
    body = "register<error>(2) r; apply { r.write(0, error.NoMatch); }"
    with pytest.raises(CannotOffload, match="no number of bits") as refusal:
        lower(program(body), None, {})
    assert refusal.value.span.line
