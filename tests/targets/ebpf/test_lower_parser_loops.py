"""Parser loops that nothing but the frame's end bounds: followed so far, and what would go on is dropped."""

from __future__ import annotations

import pytest

from p4verify import targets
from p4verify.commands.stf import Real
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.lower import lower, parse, parse_bounds
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.targets.ebpf.programs import v1_program

TARGET = targets.find("ebpf")
OPTIONS = {"hook": "xdp", "port0": "1000"}
TYPES = """
header first_t { bit<104> rest; bit<8> next; }
header option_t { bit<8> next; }
header last_t { bit<8> value; }
struct headers { first_t first; option_t option; last_t last; }
"""


def skipping() -> ir.Program:
    """Skips options up to the last header, whose value it counts up."""
    states = """
    state start { p.extract(hdr.first); transition select(hdr.first.next) { 1: option; default: last; } }
    state option { p.extract(hdr.option); transition select(hdr.option.next) { 1: option; default: last; } }
    state last { p.extract(hdr.last); transition accept; }
"""
    ingress = "apply { std.egress_spec = 2; hdr.last.value = hdr.last.value + 1; }"
    emits = "p.emit(hdr.first); p.emit(hdr.option); p.emit(hdr.last);"
    return load_text(v1_program(TYPES, states, ingress, emits), "t.p4").program


def test_the_kernel_follows_as_many_turns_as_are_said(kernel_oracle: KernelOracle) -> None:
    most, first = parse_bounds.TURNS, "00" * 13
    lines = [
        f"packet 0 {first} 01 {'01' * (count - 1)} 00 07 aabb\nexpect 2 {first} 01 00 08 aabb $"
        for count in (1, 2, most)
    ]
    lines.append(f"packet 0 {first} 00 07 aabb\nexpect 2 {first} 00 08 aabb $")
    program, text = skipping(), "\n".join(lines)
    assert run_stf(program, text, "options.stf").passed
    found = run_stf(program, text, "options.stf", Real(program, TARGET, OPTIONS, kernel_oracle))
    assert found.passed, found.mismatches
    beyond = f"packet 0 {first} 01 {'01' * (most + len(first) // 2 + 2)} 00 07 aabb\nexpect 2 {first} 01 00 08 aabb $"
    assert run_stf(program, beyond, "options.stf").passed
    found = run_stf(program, beyond, "options.stf", Real(program, TARGET, OPTIONS, kernel_oracle))
    assert not found.passed


def test_loops_with_too_many_ways_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer turns would make code that is told apart from the program, which is compared for more."""
    monkeypatch.setattr(parse, "MAX_POINTS", 60)
    with pytest.raises(parse.UnboundedLoop, match="too many different ways"):
        lower(skipping(), None, OPTIONS)
