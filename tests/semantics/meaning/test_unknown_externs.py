"""Externs that programs declare: unknown, but the same for the same calls; and none of an architecture's own."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from p4verify import semantics
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import decide, search
from p4verify.semantics import ir
from p4verify.semantics.meaning.passes import evaluate_passes
from p4verify.semantics.meaning.program import ARCHITECTURES, meaning, run
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import v1model

TOP = """extern bit<8> f(in bit<8> x, in bool y);
extern void g<T>(in T x, out bit<16> y, inout bit<8> z);
extern Box { Box(bit<8> start); void put(in bit<8> x); bit<8> get(); }"""
INCLUDE = Path(semantics.__file__).parent / "p4" / "include"


def program(body: str, box: int = 1) -> ir.Program:
    return v1model(f"if (hdr.h.isValid()) {{ {body} }}", top=TOP, locals=f"Box({box}) box;")


def verdict(one: ir.Program, other: ir.Program) -> str:
    outcome = search(meaning(one), meaning(other), Engine(timeout=20))
    proof = decide(outcome, time.monotonic(), "")
    return "differs" if proof is None else proof.verdict.value


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("hdr.h.a = f(hdr.h.b, true);", "bit<8> x = hdr.h.b; hdr.h.a = f(x + 0, hdr.h.b == x);", True),
        ("hdr.h.a = f(hdr.h.b, true);", "hdr.h.a = f(hdr.h.c, true);", False),
        ("hdr.h.a = f(hdr.h.b, true);", "hdr.h.a = f(hdr.h.b, false);", False),
        ("hdr.h.a = f(hdr.h.b, true);", "hdr.h.a = f(hdr.h.b, true); f(1, true);", False),
        ("hdr.h.a = f(1, true); hdr.h.b = f(1, true);", "bit<8> x = f(1, true); hdr.h.a = x; hdr.h.b = x;", False),
        ("f(1, true); f(2, true);", "f(2, true); f(1, true);", False),
        ("f(1, true);", "", False),
        ("if (hdr.h.a == 1) { f(1, true); }", "if (hdr.h.a == 2) { f(1, true); }", False),
        ("bit<16> y; g(hdr.h.a, y, hdr.h.b);", "bit<16> y; g(hdr.h.a, y, hdr.h.b); hdr.h.b = 0;", False),
        ("bit<16> y; g({ hdr.h.a, hdr.h.b }, y, hdr.h.c);", "bit<16> y; g({ hdr.h.a, hdr.h.b }, y, hdr.h.c);", True),
        ("box.put(hdr.h.a); hdr.h.b = box.get();", "bit<8> x = hdr.h.a; box.put(x); hdr.h.b = box.get();", True),
        ("box.put(hdr.h.a); hdr.h.b = box.get();", "hdr.h.b = box.get(); box.put(hdr.h.a);", False),
    ],
)
def test_the_same_calls_get_the_same_answers(one: str, other: str, same: bool) -> None:
    assert verdict(program(one), program(other)) == ("accept" if same else "differs")


def test_an_object_made_otherwise_is_another() -> None:
    body = "hdr.h.b = box.get();"
    assert verdict(program(body, 1), program(body, 2)) == "differs"


def test_the_verdict_says_so_and_a_run_too() -> None:
    p = program("hdr.h.a = f(hdr.h.b, true);")
    behaviour = meaning(p)
    assert behaviour.notes == ("extern f: an unknown function of its arguments and of the calls before it",)
    assert "extern" in behaviour.observables
    seen = run(p, None, bytes([1, 2, 3, 4]), 0)
    assert any("declares" in step["reason"] for step in seen.undefined)
    assert evaluate_passes(behaviour, bytes([1, 2, 3, 4]), 0, default=0).outputs == seen.outputs


def test_methods_that_the_program_gives_are_refused() -> None:
    top = "extern Map { Map(); abstract bit<8> f(in bit<8> x); bit<8> apply_it(in bit<8> x); }"
    given = "Map() m = { bit<8> f(in bit<8> x) { return x + 1; } };"
    with pytest.raises(Unsupported, match="methods that the program gives it"):
        meaning(v1model("hdr.h.a = m.apply_it(hdr.h.a);", top=top, locals=given))


def declared(architecture: str) -> set[str]:
    """The extern functions, and objects with methods, that the shipped declarations of an architecture hold."""
    names: set[str] = set()
    for path in INCLUDE.rglob(f"{architecture}.p4"):
        text = re.sub(r"//[^\n]*", "", path.read_text())
        names |= set(re.findall(r"\bextern\s+[\w<>,\s]*?\b(\w+)\s*(?:<[\w,\s]*>)?\s*\(", text))
        for name, body in re.findall(r"\bextern\s+(\w+)[^({;]*\{(.*?)\n\}", text, re.DOTALL):
            methods = set(re.findall(r"(\w+)\s*(?:<[\w,\s]*>)?\(", body)) - {name}
            names |= {name} if methods else set()
    return names


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_no_extern_of_an_architecture_is_unknown(architecture: str) -> None:
    """What an architecture declares has a meaning, or is refused with its place."""
    names = declared(architecture)
    assert names
    assert names <= {extern for extern, _ in ARCHITECTURES[architecture].externs}
