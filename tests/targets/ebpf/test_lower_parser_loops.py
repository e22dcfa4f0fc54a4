"""Parser loops that nothing but the frame's end bounds: followed so far, and what would go on is dropped."""

from __future__ import annotations

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
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


def through(states: str, *more: str) -> ir.Program:
    """``hdr.first``, and headers a, b of a byte and three of one in a stack, which all are emitted."""
    types = """
header first_t { bit<104> rest; bit<8> next; }
header option_t { bit<8> next; }
struct headers { first_t first; option_t a; option_t b; option_t[3] each; }
"""
    ingress = "apply { std.egress_spec = 2; hdr.first.next = 0xff; }"
    emits = "p.emit(hdr.first); p.emit(hdr.a); p.emit(hdr.b); p.emit(hdr.each);"
    return load_text(v1_program(types, states, ingress, emits, metadata=more[0] if more else ""), "t.p4").program


def agree(program: ir.Program, frames: list[str], oracle: KernelOracle) -> None:
    """The kernel sends what the reference sends, which is taken from it first."""
    lines = []
    for frame in frames:
        sent = run(program, RuleSet(()), bytes.fromhex(frame), 0).outputs
        lines += [f"packet 0 {frame}", *(f"expect {port} {data.hex()} $" for _, port, data in sent)]
    found = run_stf(program, "\n".join(lines), "loops.stf", Real(program, TARGET, OPTIONS, oracle))
    assert found.passed, found.mismatches


FIRST = "00" * 13
FEW = 8


@pytest.fixture
def few_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less code to make and to load, of the same kind."""
    for module in (parse, parse_bounds):
        monkeypatch.setattr(module, "TURNS", FEW)
    monkeypatch.setattr(parse, "MAX_POINTS", 400)


@pytest.mark.usefixtures("few_turns")
def test_a_loop_through_several_states_is_known_by_where_it_is(kernel_oracle: KernelOracle) -> None:
    """As many ways lead through the two states as there are words of two letters; places, only as many as bytes."""
    program = through("""
    state start { p.extract(hdr.first); transition select(hdr.first.next) { 1: a; 2: b; default: accept; } }
    state a { p.extract(hdr.a); transition select(hdr.a.next) { 1: a; 2: b; default: accept; } }
    state b { p.extract(hdr.b); transition select(hdr.b.next) { 1: a; 2: b; 3: reject; default: accept; } }
""")
    most = FEW
    ends = ["00", "0100aa", "0200bb", "01020100cc", "0202010200dd", "0103ee", "0203ff", "01", "02" * most + "00"]
    agree(
        program,
        [FIRST + each for each in [*ends, "0201" * (most - 1) + "00", "01" * most + "02" * most]],
        kernel_oracle,
    )


def test_a_loop_that_stays_where_it_is_is_counted(kernel_oracle: KernelOracle) -> None:
    program = through(
        """
    state start { p.extract(hdr.first); meta.left = hdr.first.next; transition stay; }
    state stay { meta.left = meta.left - 1; transition select(meta.left) { 0: go; 9: reject; default: stay; } }
    state go { p.extract(hdr.a); transition accept; }
""",
        "bit<8> left;",
    )
    agree(program, [FIRST + each for each in ("01aa", "02bb", "0acc", "08dd", "3f")], kernel_oracle)


def test_a_loop_that_nothing_ends_is_left_some_time(kernel_oracle: KernelOracle) -> None:
    program = through("""
    state start { p.extract(hdr.first); transition other; }
    state other { transition select(hdr.first.next) { 3: again; default: accept; } }
    state again { transition other; }
""")
    agree(program, [FIRST + "02"], kernel_oracle)
    found = run_stf(program, f"packet 0 {FIRST}03", "endless.stf", Real(program, TARGET, OPTIONS, kernel_oracle))
    assert found.passed, found.mismatches  # nothing is sent


@pytest.mark.usefixtures("few_turns")
def test_an_element_that_is_found_at_run_time_is_extracted(kernel_oracle: KernelOracle) -> None:
    """Beyond the stack nothing is extracted, but the parser goes on."""
    program = through(
        """
    state start { p.extract(hdr.first); meta.at = hdr.first.next; transition more; }
    state more {
        p.extract(hdr.each[meta.at]);
        meta.at = meta.at + 1;
        transition select(p.lookahead<bit<8>>()) { 0: accept; default: more; }
    }
""",
        "bit<8> at;",
    )
    ends = ["00aa00", "00aabb00", "01aabb00", "02aa00cc", "02aabb00cc", "03aa00dd", "ffaabb00ee", "00aabbccdd00", "00"]
    agree(program, [FIRST + each for each in ends], kernel_oracle)


def test_what_loops_extract_is_forgotten_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first header, without which frames would be too short, is known to be there."""
    program = through("""
    state start { p.extract(hdr.first); transition select(hdr.first.next) { 1: a; 2: b; default: accept; } }
    state a { p.extract(hdr.a); transition select(hdr.a.next) { 1: a; 2: b; default: accept; } }
    state b { p.extract(hdr.b); transition select(hdr.b.next) { 1: a; 2: b; default: accept; } }
""")
    monkeypatch.setattr(parse, "MAX_POINTS", 700)
    lower(program, None, OPTIONS)


SHORT_LOOP = """
    state start { p.extract(hdr.first); transition select(hdr.first.next) { 1: a; 2: b; default: accept; } }
    state a { p.extract(hdr.a); transition select(hdr.a.next) { 1: b; default: accept; } }
    state b { p.extract(hdr.b); transition select(hdr.b.next) { 1: a; default: accept; } }
"""


@pytest.mark.long
def test_a_loop_that_nothing_else_bounds_is_proven() -> None:
    proof = Checker(through(SHORT_LOOP), timeout=300, machines_confirm=False).check_lowered(TARGET, OPTIONS).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
