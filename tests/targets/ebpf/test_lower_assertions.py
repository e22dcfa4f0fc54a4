"""``assert`` and ``assume`` of v1model in eBPF: nothing is done where they fail, and what their conditions call is."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

from .programs import v1_program

TYPES = "header h_t { bit<112> eth; bit<8> a; bit<8> b; } struct headers { h_t h; }"
METADATA = "bit<8> never;"
PARSE = "state start { p.extract(hdr.h); transition accept; }"
TABLE = """
action to(bit<9> port) { std.egress_spec = port; hdr.h.b = hdr.h.b + 1; }
action no() { mark_to_drop(std); }
table t { key = { hdr.h.a: exact; } actions = { to; no; } default_action = no(); }
"""


def program(ingress: str, states: str = PARSE, egress: str = "", update: str = "", before: str = "") -> ir.Program:
    text = v1_program(
        TYPES + before, states, ingress, "p.emit(hdr.h);", metadata=METADATA, egress=egress, update=update
    )
    return load_text(text, "a.p4").program


def verdict(given: ir.Program, code: ir.Program, hook: str) -> Verdict:
    made = lower(code, None, {"hook": hook})
    return Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof.verdict


@pytest.mark.parametrize("hook", ["tc", "xdp"])
@pytest.mark.parametrize("extern", ["assert", "assume"])
def test_a_condition_restricts_the_proof_and_not_the_code(extern: str, hook: str) -> None:
    given = program(f"apply {{ {extern}(hdr.h.a != 0); std.egress_spec = 3; hdr.h.b = 8w100 / hdr.h.a; }}")
    plain = program("apply { std.egress_spec = 3; hdr.h.b = 8w100 / hdr.h.a; }")
    assert verdict(given, given, hook) is Verdict.ACCEPT
    assert lower(given, None, {"hook": hook}).program().insns == lower(plain, None, {"hook": hook}).program().insns


def test_what_is_assumed_is_needed() -> None:
    """Code that differs from the program only where the assumption is false."""
    body = "if (hdr.h.a == 0) { hdr.h.b = 1; }"
    given, other = (f"std.egress_spec = 3; hdr.h.b = 2; {each}" for each in ("", body))
    assumed = program(f"apply {{ assume(hdr.h.a != 0); {given} }}")
    code = program(f"apply {{ {other} }}")
    assert verdict(assumed, code, "xdp") is Verdict.ACCEPT
    assert verdict(program(f"apply {{ {given} }}"), code, "xdp") is Verdict.REJECT
    assert verdict(program(f"apply {{ assume(hdr.h.a != 1); {given} }}"), code, "xdp") is Verdict.REJECT


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_conditions_of_undefined_values_are_nothing_to_the_code(hook: str) -> None:
    """The packet stays an input as long as some value makes the condition true."""
    ingress = "bit<8> x; apply { assert(x == 5); std.egress_spec = 3; }"
    assert verdict(program(ingress), program(ingress), hook) is Verdict.ACCEPT


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_what_a_condition_calls_is_done(hook: str) -> None:
    called = program(TABLE + "apply { assume(t.apply().hit || hdr.h.b == 7); }")
    assert verdict(called, called, hook) is Verdict.ACCEPT
    beside = program(TABLE + "apply { t.apply(); if (hdr.h.b == 9) { hdr.h.b = 0; } }")
    assert verdict(called, beside, hook) is Verdict.REJECT


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_what_is_told_in_a_message_is_called(hook: str) -> None:
    function = "bit<8> more(inout bit<8> n) { n = n + 1; return n; }"
    told = 'log_msg("{} {}", { more(hdr.h.b), t.apply().hit });'
    given = program(f"{TABLE} apply {{ std.egress_spec = 2; {told} }}", before=function)
    assert verdict(given, given, hook) is Verdict.ACCEPT
    silent = program(f"{TABLE} apply {{ std.egress_spec = 2; t.apply(); }}")
    assert verdict(given, silent, hook) is Verdict.REJECT


def test_in_parsers_and_behind_them() -> None:
    states = "state start { p.extract(hdr.h); assert(hdr.h.a < 9); transition accept; }"
    given = program("apply { std.egress_spec = 3; }", states, "apply { assert(hdr.h.b > 1); }",
                    "apply { hdr.h.b = hdr.h.b + hdr.h.a; }")  # fmt: skip
    assert verdict(given, given, "xdp") is Verdict.ACCEPT
    wrong = program("apply { std.egress_spec = 3; }", update="apply { hdr.h.b = hdr.h.b - hdr.h.a; }")
    assert verdict(given, wrong, "xdp") is Verdict.REJECT


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_of_psa(hook: str) -> None:
    given, code = (psa(f"{each} hdr.h.b = 3 / hdr.h.a;") for each in ("assert(hdr.h.a > 1);", ""))
    assert verdict(given, given, hook) is Verdict.ACCEPT
    assert verdict(given, psa("hdr.h.b = hdr.h.a > 1 ? 3 / hdr.h.a : 7;"), hook) is Verdict.ACCEPT
    assert verdict(code, psa("hdr.h.b = hdr.h.a > 1 ? 3 / hdr.h.a : 7;"), hook) is not Verdict.ACCEPT


def test_copies_leave_egress_with_them() -> None:
    """What an egress asserts is nothing that a copy does beside being sent."""
    given = program("apply { std.mcast_grp = 7; }", egress="apply { assume(hdr.h.a != 3); hdr.h.b = 4; }")
    assert verdict(given, given, "tc") is Verdict.ACCEPT


@pytest.mark.oracle
def test_the_kernel_goes_on_where_one_fails(kernel_oracle: KernelOracle) -> None:
    given = program("apply { assert(hdr.h.a == 1); std.egress_spec = 3; hdr.h.b = 2; }")
    frames = [(5, bytes(14) + bytes([a, 0]) + bytes(4)) for a in (1, 0)]
    seen = kernel_oracle.run(lower(given, None, {"hook": "tc"}), frames)
    assert [[(port, frame[14:16]) for _, port, frame in each.outputs] for each in seen] == [
        [(3, b"\1\2")], [(3, b"\0\2")]
    ]  # fmt: skip
