"""Statements: order, leaving, loops, switches; where compilers err (P4-16 spec, "Statements", "Calling convention")."""

import pytest

from p4verify.semantics.meaning import statements
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import out, v1model

CASES = {
    "assignments in order": ("bit<8> t = hdr.h.a; hdr.h.a = hdr.h.b; hdr.h.b = t;", "", "01020304", "02010304"),
    "if else": ("if (hdr.h.a > 5) { hdr.h.b = 1; } else { hdr.h.b = 2; }", "", "06000000", "06010000"),
    "nested if merges": (
        "if (hdr.h.a == 1) { if (hdr.h.b == 1) { hdr.h.c = 1; } else { hdr.h.c = 2; } hdr.h.d = hdr.h.c; }",
        "",
        "01050000",
        "01050202",
    ),
    "return ends the control": ("if (hdr.h.a == 1) { return; } hdr.h.b = 9;", "", "01000000", "01000000"),
    "return not taken": ("if (hdr.h.a == 1) { return; } hdr.h.b = 9;", "", "02000000", "02090000"),
    "exit in an action ends the control": ("act(); hdr.h.b = 9;", "action act() { hdr.h.a = 7; exit; }", "00", ""),
    "exit copies out": (
        "act(hdr.h.a); hdr.h.b = 9;",
        "action act(inout bit<8> x) { x = 5; exit; }",
        "00000000",
        "05000000",
    ),
    "exit under a condition": (
        "act(hdr.h.a); hdr.h.b = 9;",
        "action act(inout bit<8> x) { if (x == 1) { x = 5; exit; } x = 6; }",
        "01000000",
        "05000000",
    ),
    "exit not taken": (
        "act(hdr.h.a); hdr.h.b = 9;",
        "action act(inout bit<8> x) { if (x == 1) { x = 5; exit; } x = 6; }",
        "02000000",
        "06090000",
    ),
    "return in an action ends the action only": (
        "act(); hdr.h.b = 9;",
        "action act() { hdr.h.a = 7; return; }",
        "00000000",
        "07090000",
    ),
    "inout arguments are copies": (
        "act(hdr.h.a, hdr.h.a);",
        "action act(inout bit<8> x, inout bit<8> y) { x = 1; y = y + 1; }",
        "05000000",
        "06000000",
    ),
    "copy out goes left to right": (
        "act(hdr.h.a, hdr.h.a);",
        "action act(out bit<8> x, out bit<8> y) { x = 1; y = 2; }",
        "05000000",
        "02000000",
    ),
    "an action sees what changes while it holds a copy": (
        "act(hdr.h.a);",
        "action act(inout bit<8> x) { hdr.h.a = 9; hdr.h.b = x; }",
        "05000000",
        "05050000",
    ),
    "switch on a value": (
        "switch (hdr.h.a) { 1: { hdr.h.b = 1; } 2: 3: { hdr.h.b = 2; } default: { hdr.h.b = 3; } }",
        "",
        "02000000",
        "02020000",
    ),
    "switch default": (
        "switch (hdr.h.a) { 1: { hdr.h.b = 1; } 2: 3: { hdr.h.b = 2; } default: { hdr.h.b = 3; } }",
        "",
        "09000000",
        "09030000",
    ),
    "switch without a match": ("switch (hdr.h.a) { 1: { hdr.h.b = 1; } }", "", "09000000", "09000000"),
    "a loop": ("for (bit<8> i = 0; i < 4; i = i + 1) { hdr.h.b = hdr.h.b + i; }", "", "00000000", "00060000"),
    "a loop with break": (
        "for (bit<8> i = 0; i < 9; i = i + 1) { if (i == hdr.h.a) { break; } hdr.h.b = hdr.h.b + 1; }",
        "",
        "03000000",
        "03030000",
    ),
    "a loop with continue": (
        "for (bit<8> i = 0; i < 9; i = i + 1) { if (i < hdr.h.a) { continue; } hdr.h.b = hdr.h.b + 1; }",
        "",
        "03000000",
        "03060000",
    ),
    "a loop left by return": (
        "for (bit<8> i = 0; i < 9; i = i + 1) { if (i == hdr.h.a) { return; } hdr.h.b = i; } hdr.h.c = 1;",
        "",
        "03000000",
        "03020000",
    ),
    "a loop over a range": ("for (bit<8> i in 2 .. 4) { hdr.h.b = hdr.h.b + i; }", "", "00000000", "00090000"),
    "a range up to the largest number": (
        "for (bit<8> i in 254 .. 255) { hdr.h.b = hdr.h.b + 1; }",
        "",
        "00000000",
        "00020000",
    ),
    "an empty range": ("for (bit<8> i in 4 .. 2) { hdr.h.b = 9; }", "", "00000000", "00000000"),
    "a range that depends on the packet": (
        "for (bit<8> i in 0 .. (hdr.h.a & 3)) { hdr.h.b = hdr.h.b + 1; }",
        "",
        "02000000",
        "02030000",
    ),
    "a slice is assigned": ("hdr.h.a[6:3] = 15;", "", "00000000", "78000000"),
    "a slice of a slice is assigned": ("hdr.h.a[6:1][4:2] = 7;", "", "00000000", "38000000"),
    "exit in ingress leaves egress": ("exit;", "", "01020304", "01020304"),
}


@pytest.mark.parametrize("name", [n for n in CASES if len(CASES[n][2]) == 8])
def test_a_statement_does(name: str) -> None:
    body, declared, packet, wanted = CASES[name]
    assert out(v1model(body, locals=declared), packet) == wanted


def test_a_function_returns_from_several_places() -> None:
    top = """bit<8> f(in bit<8> x) { if (x == 1) { return 10; } if (x == 2) { return 20; } return x; }"""
    program = v1model("hdr.h.b = f(hdr.h.a) + f(hdr.h.c);", top=top)
    assert out(program, "01000200") == "011e0200"
    assert out(program, "03000400") == "03070400"


def test_egress_runs_after_exit_in_ingress() -> None:
    program = v1model("exit; ", egress="hdr.h.d = 7;")
    assert out(program, "01020304") == "01020307"


def test_a_loop_that_may_not_end_is_cut_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MAX_ALL_ITERATIONS", 2_000)
    monkeypatch.setattr(statements, "MAX_SURE_ITERATIONS", 500)
    program = v1model("for (bit<8> i = 0; i <= hdr.h.a; i = i + 1) { hdr.h.b = i; }")
    result = meaning(program)
    assert any("loop at test.p4" in a.text for a in result.domain)
    assert any("loop" in note for note in result.notes)
    assert out(program, "fe000000") == "fefe0000"
    with pytest.raises(ValueError, match="loop at"):
        evaluate_behaviour(result, bytes.fromhex("ff000000"), 0, default=0)
    with pytest.raises(Unsupported, match="does not end"):
        run(program, None, bytes.fromhex("ff000000"), 0)


def test_a_loop_that_never_ends_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="does not end") as caught:
        meaning(v1model("for (bit<8> i = 0; i <= 255; i = i + 1) { hdr.h.b = i; }"))
    assert caught.value.span.line


def test_a_range_of_a_narrow_type_ends_by_itself() -> None:
    """Its ends are not known; it has at most as many turns as the type has values."""
    body = "hdr.h.c = 0; for (bit<2> i in hdr.h.a[1:0]..hdr.h.b[1:0]) { hdr.h.c = hdr.h.c + 1; hdr.h.d = (bit<8>) i; }"
    program = v1model(body)
    assert not [note for note in meaning(program).notes if "loop" in note]
    assert out(program, "00030000") == "00030403"
    assert out(program, "02030000") == "02030203"
    assert out(program, "03030000") == "03030103"
    assert out(program, "03000009") == "03000009"
    signed = body.replace("bit<2> i", "int<2> i").replace("hdr.h.a[1:0]", "(int<2>) hdr.h.a[1:0]")
    signed = signed.replace("hdr.h.b[1:0]", "(int<2>) hdr.h.b[1:0]").replace("(bit<8>) i", "(bit<8>) (bit<2>) i")
    assert out(v1model(signed), "02010000") == "02010401"


@pytest.mark.long
def test_loops_that_may_go_on_for_long_are_followed_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MAX_ITERATIONS", 32)
    monkeypatch.setattr(statements, "MAX_OPEN_ITERATIONS", 300)
    nested = (
        "hdr.h.d = 0; for (bit<16> i = 0; i < hdr.h.a ++ hdr.h.b; i = i + 1) "
        "{ for (bit<8> j = 0; j < hdr.h.c; j = j + 1) { hdr.h.d = hdr.h.d + 1; } }"
    )
    program = v1model(nested)
    behaviour = meaning(program)
    assert any("no packet goes through the loop" in a.text for a in behaviour.domain)
    assert out(program, "00030500") == "0003050f"
    assert run(program, None, bytes([1, 4, 200, 0]), 0).outputs[0][2].hex() == "0104c820"


def test_a_loop_that_certainly_goes_on_is_unrolled() -> None:
    body = "hdr.h.d = 0; for (bit<16> i = 0; i < 3000; i = i + 1) { hdr.h.d = hdr.h.d + 1; }"
    assert out(v1model(body), "00" * 4) == "000000b8"
