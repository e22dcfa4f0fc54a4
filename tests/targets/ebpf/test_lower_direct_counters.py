"""Direct counters: an element for each rule in a map beside the table's, proven to count its hits, and run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Rule, RuleSet, Ternary
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = "header h_t { bit<112> eth; bit<12> a; bit<4> n; bit<32> x; } struct headers { h_t h; }"
PARSE = "state start { p.extract(hdr.h); transition accept; }"
INGRESS = """
direct_counter(CounterType.KIND) c;
action to(bit<9> port) { std.egress_spec = port; }
action no() { mark_to_drop(std); }
table t { key = { hdr.h.a: exact; hdr.h.x: MATCH; } actions = { to; no; } counters = c; default_action = no(); }
apply { t.apply(); }
"""
KINDS = ("packets", "bytes", "packets_and_bytes")


def program(kind: str, match: str = "exact") -> ir.Program:
    ingress = INGRESS.replace("KIND", kind).replace("MATCH", match)
    return load_text(v1_program(TYPES, PARSE, ingress, "p.emit(hdr.h);"), "c.p4").program


def verdict(given: ir.Program, made: BpfObject) -> Verdict:
    return Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof.verdict


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_proven(kind: str, hook: str) -> None:
    assert verdict(program(kind), lower(program(kind), None, {"hook": hook})) is Verdict.ACCEPT


SMALL = "counters = c; size = 64;"
"""A table whose rules lie in one word of slots."""


def in_slots(kind: str) -> ir.Program:
    """The program with a table whose keys no map of the kernel matches."""
    ingress = INGRESS.replace("KIND", kind).replace("MATCH", "ternary").replace("counters = c;", SMALL)
    return load_text(v1_program(TYPES, PARSE, ingress, "p.emit(hdr.h);"), "c.p4").program


@pytest.mark.parametrize("kind", KINDS)
def test_proven_in_slots(kind: str) -> None:
    assert verdict(in_slots(kind), lower(in_slots(kind), None, {"hook": "xdp"})) is Verdict.ACCEPT


@pytest.mark.long
def test_a_slot_counts_for_itself() -> None:
    """The cell of another slot, or another amount, is seen; one rule shows it."""
    given, made = in_slots("packets"), lower(in_slots("packets"), None, {"hook": "xdp"})
    insns = made.program().insns
    at = next(i for i, insn in enumerate(insns) if insn.opcode == 0xDB)
    number = max(i for i in range(at) if insns[i].opcode == 0x17)  # r1 -= 1: from the number noted to the slot's
    for place, changed in ((at - 1, replace(insns[at - 1], imm=2)), (number, replace(insns[number], imm=2))):
        code = (*insns[:place], changed, *insns[place + 1 :])
        other = replace(made, programs=(replace(made.program(), insns=code),))
        proof = Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, other, None).proof
        assert proof.verdict is Verdict.REJECT, proof.reason
        assert proof.counterexample is not None
        assert len([rule for rule in proof.counterexample.rules if rule.startswith("table_add")]) == 1


def test_a_counter_of_packets_and_bytes_is_proven() -> None:
    """Two cells of the program lie in one element, told by one state of the machine."""
    ingress = """counter(16, CounterType.packets_and_bytes) c;
    apply { c.count((bit<32>)hdr.h.n); std.egress_spec = 3; }"""
    given = load_text(v1_program(TYPES, PARSE, ingress, "p.emit(hdr.h);"), "c.p4").program
    made = lower(given, None, {"hook": "xdp"})
    assert verdict(given, made) is Verdict.ACCEPT
    insns = made.program().insns
    last = max(i for i, insn in enumerate(insns) if insn.opcode == 0xDB)
    wrong = (*insns[:last], replace(insns[last], off=0), *insns[last + 1 :])  # bytes go to the packets
    assert verdict(given, replace(made, programs=(replace(made.program(), insns=wrong),))) is Verdict.REJECT


@pytest.mark.parametrize("actions", [("to",), ("no",), ("to", "no")])
def test_an_action_may_say_that_it_counts(actions: tuple[str, ...]) -> None:
    """The table counts every hit in any case."""
    ingress = INGRESS.replace("KIND", "packets").replace("MATCH", "exact")
    for name, params in (("to", "bit<9> port"), ("no", "")):
        if name in actions:
            ingress = ingress.replace(f"{name}({params}) {{", f"{name}({params}) {{ c.count();")
    given = load_text(v1_program(TYPES, PARSE, ingress, "p.emit(hdr.h);"), "c.p4").program
    assert verdict(given, lower(given, None, {"hook": "xdp"})) is Verdict.ACCEPT


def adding(amount: int) -> BpfObject:
    """The code for a counter of packets, which adds so many."""
    made = lower(program("packets"), None, {"hook": "xdp"})
    insns = made.program().insns
    at = next(i for i, insn in enumerate(insns) if insn.opcode == 0xDB)  # lock *(u64 *)(r0) += r1
    code = (*insns[: at - 1], replace(insns[at - 1], imm=amount), *insns[at:])
    return replace(made, programs=(replace(made.program(), insns=code),))


def test_what_does_not_count_is_rejected() -> None:
    assert verdict(program("packets"), adding(0)) is Verdict.REJECT


@pytest.mark.campaign
def test_what_counts_something_else_is_not_accepted() -> None:
    """Bytes in place of packets, and two packets in place of one."""
    other = lower(program("bytes"), None, {"hook": "xdp"})
    for made in (other, adding(2)):
        assert verdict(program("packets"), made) is not Verdict.ACCEPT


@pytest.mark.oracle
def test_the_kernel_counts_each_rule(kernel_oracle: KernelOracle) -> None:
    given = program("packets_and_bytes")
    entries = tuple(
        Rule("Ing.t", (Exact(a), Exact(x)), call)
        for a, x, call in ((1, 2, ActionCall("to", (4,))), (3, 2, ActionCall("no")), (5, 5, ActionCall("to", (4,))))
    )
    rules = RuleSet({"Ing.t": entries})
    made = lower(given, None, {"hook": "xdp"})
    frames = [bytes(14) + (a << 4).to_bytes(2, "big") + x.to_bytes(4, "big") + bytes(n) for a, x, n in
              ((1, 2, 0), (1, 2, 5), (3, 2, 1), (3, 9, 0))]  # fmt: skip
    found: dict[bytes, tuple[int, ...]] = {}

    def look(maps: dict[str, KernelMap]) -> None:
        for key, _ in tables["Ing_c_cells"]:
            value = maps["Ing_c_cells"][key]
            found[key] = tuple(int.from_bytes(value[i : i + 8], "little") for i in (0, 8))

    tables = dict(TARGET.fill(given, made, rules))
    kernel_oracle.observe(made, [(5, frame) for frame in frames], tables, inspect=look, keep_maps=True)
    assert list(found.values()) == [(2, 45), (1, 21), (0, 0)]


@pytest.mark.oracle
@pytest.mark.parametrize("known", [False, True], ids=["any rules", "these rules"])
def test_the_kernel_counts_each_slot(kernel_oracle: KernelOracle, known: bool) -> None:
    """Two keys of one rule share a cell; of rules that match alike the first counts."""
    given = in_slots("packets")
    entries = tuple(
        Rule("Ing.t", (Exact(1), Ternary(value, mask)), ActionCall("to", (4,)), priority=number)
        for number, (value, mask) in enumerate(((0x10, 0xF0), (0x12, 0xFF), (0x20, 0xF0)), 1)
    )
    rules = RuleSet({"Ing.t": entries})
    made = lower(given, rules if known else None, {"hook": "xdp"})
    frames = [bytes(14) + (1 << 4).to_bytes(2, "big") + x.to_bytes(4, "big") for x in (0x12, 0x13, 0x21, 0x31)]
    found: list[int] = []

    def look(maps: dict[str, KernelMap]) -> None:
        cells = maps["Ing_c_cells"]
        found[:] = [int.from_bytes(cells[n.to_bytes(4, "little")], "little") for n in range(3)]

    tables = dict(TARGET.fill(given, made, rules))
    kernel_oracle.observe(made, [(5, frame) for frame in frames], tables, inspect=look, keep_maps=True)
    assert found == [2, 0, 1]


@pytest.mark.long
def test_known_rules_in_slots_count_by_their_numbers() -> None:
    """Many rules lie in slots though they are known; then a cell is a rule's number."""
    given = program("packets_and_bytes", "ternary")
    entries = tuple(
        Rule("Ing.t", (Exact(n % 5), Ternary(n, 0xFF)), ActionCall("to", (n,)), priority=n) for n in range(1, 70)
    )
    rules = RuleSet({"Ing.t": entries})
    made = lower(given, rules, {"hook": "xdp"})
    assert any(item.name == "Ing_t_bits" for item in made.maps)
    proof = Checker(given, rules, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
