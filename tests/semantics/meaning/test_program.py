"""Whole programs: a packet that is run is the behaviour of all packets evaluated there; STF tests of others pass."""

import random
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported
from tests.conftest import corpus_root
from tests.support.law import damaged, law
from tests.support.p4_text import v1model

SAMPLES = corpus_root() / "p4c" / "p4_16_samples"
ARCHITECTURES = ("v1model.p4", "ebpf_model.p4")


def programs() -> list[str]:
    found = sorted(SAMPLES.glob("*.p4"))
    return [p.stem for p in found if any(a in p.read_text(errors="replace") for a in ARCHITECTURES)]


def with_packets() -> list[str]:
    return [name for name in programs() if (SAMPLES / f"{name}.stf").exists()]


@cache
def loaded(name: str) -> ir.Program | None:
    try:
        return load_program(str(SAMPLES / f"{name}.p4"))
    except (InputError, Unsupported):
        return None  # the front end's own tests tell of that


def packets_of(path: Path) -> list[bytes]:
    lines = re.findall(r"^packet\s+\d+\s+([0-9a-fA-F \t]+)$", path.read_text(), re.MULTILINE) if path.exists() else []
    digits = ["".join(line.split()) for line in lines]
    return [bytes.fromhex(d) for d in digits if len(d) % 2 == 0]


@pytest.mark.corpus
@pytest.mark.parametrize("name", with_packets())
def test_stf_tests_of_others_pass(name: str) -> None:
    program = loaded(name)
    if program is None:
        pytest.skip("the front end refuses it")
    text = (SAMPLES / f"{name}.stf").read_text()
    result = run_stf(program, text, f"{name}.stf")
    assert result.passed, str(result)


SLOW = {
    "checksum-l4-bmv2", "forloop-bmv2", "header-stack-ops-bmv2", "invalid-hdr-warnings1", "issue2314", "issue561-bmv2",
}  # fmt: skip
"""Left to the campaign: seconds each."""


@pytest.mark.corpus
@pytest.mark.parametrize("name", [n for n in programs() if n not in SLOW])
def test_a_run_is_the_behaviour_at_one_input(name: str) -> None:
    program = loaded(name)
    if program is None:
        pytest.skip("the front end refuses it")
    own = packets_of(SAMPLES / f"{name}.stf") or [bytes(range(64)), b"\x00" * 14 + b"\x08\x00" + bytes(50)]
    rng = random.Random(name)
    frames = [damaged(rng, rng.choice(own)) for _ in range(4)]
    try:
        law(program, frames, rng.getrandbits(30))
    except Unsupported:
        pytest.skip("not modelled, and told so")


BODIES = (
    "t.apply(); if (hdr.h.b > hdr.h.c) { u.apply(); } else { hdr.s.push_front(1); hdr.s[0] = { 1, 2, 3, 4 }; }",
    (
        "if (t.apply().hit) { exit; } switch (u.apply().action_run) { set: { hdr.h.c = 3; return; } default: { } }"
        " hdr.h.b = 7;"
    ),
    "bit<8> x; if (hdr.h.a == 1) { x = 4; } hdr.h.b = x |+| hdr.h.c; hdr.e = hdr.s[hdr.h.d & 3]; hdr.s.pop_front(1);",
    (
        "for (bit<8> i in 0 .. (hdr.h.a & 7)) { if (i == hdr.h.b) { break; } hdr.h.c = hdr.h.c + i; }"
        " c.count((bit<32>) hdr.h.c);"
    ),
)
DECLARED = """action set(bit<8> x) { hdr.h.d = x; } action drop() { mark_to_drop(sm); }
    table t { key = { hdr.h.a : exact; hdr.h.b : ternary; } actions = { set; drop; NoAction; } }
    table u { key = { hdr.h.c : lpm; } actions = { set; NoAction; } default_action = set(1); }
    counter(16, CounterType.packets_and_bytes) c;"""
PARSER = """state start { pkt.extract(hdr.h); transition select(hdr.h.a[1:0]) { 0: accept; 1: stack; 2: odd; } }
    state stack { pkt.extract(hdr.s.next); transition select(hdr.s.last.a) { 0: stack; default: accept; } }
    state odd { pkt.extract(hdr.e); transition accept; }"""


@pytest.mark.long
@given(st.integers(0, len(BODIES) - 1), st.lists(st.binary(max_size=20), min_size=1, max_size=4), st.integers(0, 2**30))
@settings(max_examples=40)
def test_the_law_on_any_bytes(body: int, frames: list[bytes], seed: int) -> None:
    program = v1model(BODIES[body], locals=DECLARED, parser=PARSER)
    assert law(program, frames, seed) > 0


@pytest.mark.parametrize("body", BODIES)
def test_cases_exclude_each_other_and_cover_everything(body: str) -> None:
    behaviour = meaning(v1model(body, locals=DECLARED, parser=PARSER))
    rng = random.Random(body)
    for _ in range(60):
        values: dict[str, b.Value] = {"pkt.len": rng.randrange(24), "in.port": rng.randrange(512)}
        values |= {f"pkt[{i}]": rng.choice([0, 1, 2, rng.getrandbits(8)]) for i in range(24)}
        holding = b.evaluate([c.guard for c in behaviour.cases], values, default=0)
        assert sum(1 for value in holding if value) == 1


def test_a_run_tells_what_happened() -> None:
    program = v1model("t.apply();", locals=DECLARED)
    trace = run(program, None, bytes([1, 2, 3, 4]), 0).to_json()
    steps = {step["step"]: step for step in trace["trace"]}
    assert steps["parser state"]["state"] == "start"
    assert steps["extract"] | {"where": 0} == {
        "step": "extract", "header": "hdr.h", "fields": {"a": 1, "b": 2, "c": 3, "d": 4}, "where": 0,
        "bits": {"a": 8, "b": 8, "c": 8, "d": 8},
    }  # fmt: skip
    assert steps["table"]["hit"] is False
    assert steps["table"]["key"] == {"hdr.h.a": 1, "hdr.h.b": 2}
    assert steps["output"]["packet"] == "01020304"
    assert trace["dropped"] is False


def test_a_program_without_main_has_no_meaning() -> None:
    with pytest.raises(Unsupported, match="main"):
        meaning(replace(v1model(""), main=None))


@pytest.mark.long
@pytest.mark.corpus
@pytest.mark.parametrize("name", with_packets())
def test_p4cs_passes_keep_the_meaning(name: str) -> None:
    """What p4c made of a program does the same to packets, wherever the program reads nothing undefined."""
    program = loaded(name)
    made = SAMPLES.parent / "p4_16_samples_outputs" / f"{name}-midend.p4"
    if program is None or not made.exists():
        pytest.skip("no such pair")
    try:
        other = load_program(str(made))
    except (InputError, Unsupported):
        pytest.skip("the front end refuses what p4c printed")
    rng = random.Random(name)
    own = packets_of(SAMPLES / f"{name}.stf") or [bytes(range(64))]
    for frame in [*own, *(damaged(rng, rng.choice(own)) for _ in range(4))]:
        try:
            first, second = (run(p, None, frame, 3) for p in (program, other))
        except Unsupported:
            pytest.skip("not modelled, and told so")
        if not first.undefined:
            assert first.outputs == second.outputs
