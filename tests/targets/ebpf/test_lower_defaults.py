"""Default values (``...``) in eBPF: of single values, and of what is made of them (spec 7.3)."""

from __future__ import annotations

import re

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.ir import codec_json
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = """
enum kind_t { FIRST, SECOND }
enum bit<4> number_t { ONE = 1, TWO = 2 }
header h_t { bit<112> eth; bit<8> a; bit<8> b; }
header x_t { bit<8> x; bit<80> y; }
struct inner_t { bit<8> p; bool q; error e; }
struct all_t { inner_t i; tuple<bit<8>, bit<80>> t; bool c; x_t x; error e; int<8> s; kind_t k; number_t n; bit<80> w; }
struct headers { h_t h; x_t x; }
"""
INGRESS = """apply {
    std.egress_spec = 1;
    all_t v = { c = true, ... };
    all_t u = { i = { q = true, ... }, c = true, ... };
    inner_t j = ...;
    error e = ...;
    bit<80> w = ...;
    if (v.i == j && v.t == { 0, 0 } && v.c && !v.x.isValid() && v.e == error.NoError && v.s == 0) hdr.h.a = 1;
    if (v.k == kind_t.FIRST && (bit<4>)v.n == 0 && v.w == w && e == error.NoError && u.i.e == e && u.i.q) hdr.h.b = 1;
    if (std.parser_error == error.NoError) hdr.h.eth[0:0] = 1;
}"""
FIRST = ["", "error { Mine }"]
"""What stands before the core library: its errors need not be the first ones."""


def _program(first: str) -> ir.Program:
    text = v1_program(TYPES, "state start { p.extract(hdr.h); transition accept; }", INGRESS, "p.emit(hdr);")
    return load_text(first + text, "defaults.p4").program


@pytest.mark.parametrize("first", FIRST)
def test_the_meaning_of_default_values(first: str) -> None:
    result = run_stf(_program(first), f"packet 0 {'00' * 16}\nexpect 1 {'00' * 13}010101$", "defaults.stf")
    assert result.passed, result


@pytest.mark.parametrize("first", FIRST)
def test_default_values_are_lowered(first: str) -> None:
    accepted(_program(first))


def test_single_default_values_that_others_write_are_lowered() -> None:
    """The front end makes literals of them; p4ast may say it in either way."""
    text = codec_json.to_json(_program(""))
    literal = r'"Const", "value": (?:0|"NoError"|"FIRST"), ("type": (?:{"type": "\w+"}|{[^{}]*}))'
    text, count = re.subn(literal, r'"DefaultValue", \1', text)
    assert count > 20
    accepted(codec_json.from_json(text))


def accepted(program: ir.Program) -> None:
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)
