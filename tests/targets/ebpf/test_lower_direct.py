"""Direct counters and meters that actions count and measure with: proven, rejected where they differ, seen in maps."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Rule, RuleSet, Ternary
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.layout import layouts
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import pna, psa
from tests.targets.ebpf.programs import v1_program

_COUNTED: Final = """
DirectCounter<bit<32>>(PNA_CounterType_t.PACKETS_AND_BYTES) both;
action hit(bit<8> d) { both.count(); hdr.h.d = d; }
action miss() { both.count(); }
action silent() { hdr.h.d = 2; }
table t { key = { hdr.h.a : exact; hdr.h.b : exact; } actions = { hit; miss; silent; } default_action = miss;
    pna_direct_counter = both; }
"""
_METERED: Final = """
DirectMeter(PSA_MeterType_t.BYTES) police;
action measure(bit<8> d) {
    PSA_MeterColor_t colour = police.execute(hdr.h.c == 1 ? PSA_MeterColor_t.RED : PSA_MeterColor_t.GREEN);
    if (colour == PSA_MeterColor_t.RED) ingress_drop(ostd);
    if (colour == PSA_MeterColor_t.YELLOW) hdr.h.d = d;
}
table t { key = { hdr.h.a : lpm; } actions = { measure; NoAction; } psa_direct_meter = police; }
"""
_V1: Final = """
    direct_meter<bit<8>>(MeterType.bytes) police;
    action measure(bit<9> port) { std.egress_spec = port; police.read(hdr.h.b); if (hdr.h.b == 2) mark_to_drop(std); }
    table t { key = { hdr.h.a : exact; } actions = { measure; NoAction; } meters = police; }
    apply { std.egress_spec = 1; t.apply(); }
"""


def v1(body: str = _V1) -> ir.Program:
    """A v1model program with this ingress."""
    types = "header h_t { bit<8> a; bit<8> b; } struct headers { h_t h; }"
    parser = "state start { p.extract(hdr.h); transition accept; }"
    return load_text(v1_program(types, parser, body, "p.emit(hdr.h);"), "t.p4").program


_CONST: Final = """const entries = { (1, 2): hit(3); (4, 5): miss(); (6, _): silent(); (1, _): hit(9); }
    default_action = miss;"""


def counted(locals: str = _COUNTED) -> ir.Program:
    """A PNA program whose table counts."""
    return pna("send_to_port((PortId_t) 5); t.apply();", locals=locals)


PROGRAMS: Final = {
    "counters": (counted(), counted(_COUNTED.replace("hit(bit<8> d) { both.count();", "hit(bit<8> d) {"))),
    "misses": (counted(), counted(_COUNTED.replace("miss() { both.count(); }", "miss() { }"))),
    "rules compiled in": (
        counted(_COUNTED.replace("b : exact", "b : ternary").replace("default_action = miss;", _CONST)),
        counted(_COUNTED.replace("b : exact", "b : ternary").replace("default_action = miss;", _CONST)
                .replace("miss() { both.count(); }", "miss() { }")),
    ),
    "prefixes": (
        counted(_COUNTED.replace("b : exact", "b : lpm")),
        counted(_COUNTED.replace("b : exact", "b : lpm").replace("hit(bit<8> d) { both.count();", "hit(bit<8> d) {")),
    ),
    "slots": (
        counted(_COUNTED.replace("b : exact", "b : ternary").replace("pna_direct", "size = 64; pna_direct")),
        counted(_COUNTED.replace("b : exact", "b : ternary").replace("pna_direct", "size = 64; pna_direct")
                .replace("hit(bit<8> d) { both.count();", "hit(bit<8> d) {")),
    ),
    "no keys": (
        counted(_COUNTED.replace("key = { hdr.h.a : exact; hdr.h.b : exact; }", "key = { }")),
        counted(_COUNTED.replace("key = { hdr.h.a : exact; hdr.h.b : exact; }", "key = { }")
                .replace("miss() { both.count(); }", "miss() { both.count(); both.count(); }")),
    ),
    "meters": (
        psa("t.apply();", locals=_METERED, include="dpdk/psa.p4"),
        psa("t.apply();", locals=_METERED.replace("c == 1 ? PSA_MeterColor_t.RED", "c == 2 ? PSA_MeterColor_t.RED"),
            include="dpdk/psa.p4"),
    ),
    "meters in slots": (
        psa("t.apply();", include="dpdk/psa.p4",
            locals=_METERED.replace("a : lpm", "a : ternary").replace("psa_direct", "size = 64; psa_direct")),
        psa("t.apply();", include="dpdk/psa.p4",
            locals=_METERED.replace("a : lpm", "a : ternary").replace("psa_direct", "size = 64; psa_direct")
                .replace("c == 1 ? PSA_MeterColor_t.RED", "c == 2 ? PSA_MeterColor_t.RED")),
    ),
    "v1model's meters": (v1(), v1(_V1.replace("b == 2) mark", "b == 1) mark"))),
}  # fmt: skip
"""What it is about → a program, and one that does something else."""
SLOW: Final = ("v1model's meters", "meters in slots")


def proof(program: ir.Program, made: BpfObject, rules: RuleSet | None = None) -> Proof:
    """For every packet; without rules for every rule set."""
    return Checker(program, rules, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.campaign) if name in SLOW else name for name in PROGRAMS],
)
def test_proven(name: str) -> None:
    program, _ = PROGRAMS[name]
    found = proof(program, lower(program, None, {"hook": "xdp"}))
    assert found.verdict is Verdict.ACCEPT, found.reason


@pytest.mark.parametrize("name", ["no keys", "v1model's meters"])
def test_code_that_counts_or_measures_otherwise_is_rejected(name: str) -> None:
    program, other = PROGRAMS[name]
    assert proof(program, lower(other, None, {"hook": "xdp"})).verdict is Verdict.REJECT


def test_keys_that_find_one_prefix_are_one_element() -> None:
    """What a trie holds is written at what a look-up has found: other keys find it, too."""
    found = meaning(lower(PROGRAMS["prefixes"][0], None, {"hook": "xdp"}))
    [cells] = {term for case in found.cases for name, term in case.state.items() if name == "map.MC_both_cells"}
    assert "map.MC_both_cells.element" in {call.name for call in b.applications(cells)}


@pytest.mark.campaign
@pytest.mark.parametrize(
    "name", ["counters", "meters", "prefixes", "misses", "rules compiled in", "slots", "meters in slots"]
)
def test_so_is_more_of_it(name: str) -> None:
    program, other = PROGRAMS[name]
    assert proof(program, lower(other, None, {"hook": "xdp"})).verdict is Verdict.REJECT


def test_under_given_rules_a_rule_counts_once() -> None:
    """Rules with one key: the first wins, and only its cell counts."""
    program, other = PROGRAMS["counters"]
    calls = [(Exact(1), ActionCall("hit", (7,))), (Exact(2), ActionCall("silent")), (Exact(1), ActionCall("hit", (5,)))]
    rules = RuleSet({"MC.t": tuple(Rule("MC.t", (key, Exact(9)), call) for key, call in calls)})
    assert proof(program, lower(program, rules, {"hook": "xdp"}), rules).verdict is Verdict.ACCEPT
    assert proof(program, lower(other, rules, {"hook": "xdp"}), rules).verdict is Verdict.REJECT


@pytest.mark.long
def test_many_rules_that_count_lie_in_slots() -> None:
    program = counted(_COUNTED.replace("b : exact", "b : ternary"))
    keys = [(Exact(a), Ternary(0, 0)) for a in range(65)]
    rules = RuleSet({"MC.t": tuple(Rule("MC.t", key, ActionCall("hit", (7,))) for key in keys)})
    assert layouts(program, rules)["MC.t"].slots is not None
    assert proof(program, lower(program, rules, {"hook": "xdp"}), rules).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(("call", "counted_bytes"), [("count()", 70), ("count(77)", 77)])
def test_the_kernel_counts_for_the_rule_or_for_misses(
    kernel_oracle: KernelOracle, call: str, counted_bytes: int
) -> None:
    program = counted(_COUNTED.replace("count()", call))
    made = lower(program, None, {"hook": "xdp"})
    rules = RuleSet({"MC.t": tuple(Rule("MC.t", (Exact(a), Exact(9)), ActionCall("hit", (7,))) for a in (1, 2))})
    filled = TARGET.fill(program, made, rules)
    seen: list[tuple[dict[bytes, bytes], bytes]] = []

    def keep(maps: dict[str, KernelMap]) -> None:
        cells, miss = maps["MC_both_cells"], maps["MC_both_miss"]
        seen.append(({key: cells[key] for key in cells.keys()}, miss[bytes(4)]))  # noqa: SIM118

    kernel_oracle.observe(made, [(2, bytes([a, 9, 0, 0]).ljust(70, b"\0")) for a in (2, 3)], filled, inspect=keep)
    one, none = (1).to_bytes(8, "little") + counted_bytes.to_bytes(8, "little"), bytes(16)
    assert seen == [({b"\1\x09": none, b"\2\x09": one}, none), ({b"\1\x09": none, b"\2\x09": none}, one)]


def test_the_kernel_counts_for_the_longest_prefix(kernel_oracle: KernelOracle) -> None:
    program, _ = PROGRAMS["prefixes"]
    made = lower(program, None, {"hook": "xdp"})
    keys = [(Exact(1), Lpm(0, 0)), (Exact(1), Lpm(0xA0, 4))]
    rules = RuleSet({"MC.t": tuple(Rule("MC.t", key, ActionCall("hit", (7,))) for key in keys)})
    seen: list[list[int]] = []

    def keep(maps: dict[str, KernelMap]) -> None:
        cells = maps["MC_both_cells"]
        seen.append([cells[key][0] for key, _ in filled["MC_both_cells"]])

    filled = TARGET.fill(program, made, rules)
    frames = [(2, bytes([a, b, 0, 0]).ljust(60, b"\0")) for a, b in ((1, 0xA7), (1, 0x17), (2, 0xA7))]
    kernel_oracle.observe(made, frames, filled, inspect=keep)
    assert sorted(map(sum, seen)) == [0, 1, 1]
    assert sorted(seen) == [[0, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("kind", ["exact", "ternary"])
def test_the_kernel_heeds_the_rules_colour(kernel_oracle: KernelOracle, kind: str) -> None:
    program = v1(_V1.replace("exact", kind))
    made = lower(program, None, {"hook": "xdp"})
    matches = [Exact(a) if kind == "exact" else Ternary(a, 0xFF) for a in range(4)]
    calls = [Rule("Ing.t", (match,), ActionCall("measure", (3,)), priority=n) for n, match in enumerate(matches, 1)]
    rules = RuleSet({"Ing.t": tuple(calls)})
    name = next(item.name for item in made.maps if item.name.endswith("police_colours"))
    size = 1 if kind == "exact" else 4  # a slot's number
    colours = [(a.to_bytes(size, "little"), colour.to_bytes(4, "little")) for a, colour in enumerate([0, 1, 2])]
    frames = [(2, bytes([a, 9]).ljust(60, b"\0")) for a in range(4)]
    seen = kernel_oracle.observe(made, frames, {**TARGET.fill(program, made, rules), name: colours})
    assert [[frame[1] for _, _, frame in each.outputs] for each in seen] == [[0], [1], [], [0]]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (counted(_COUNTED.replace("pna_direct_counter = both;", "")), "outside of the actions|does not belong to"),
        (v1(_V1.replace("hdr.h.a : exact;", "")), "direct meters of a table without rules"),
    ],
)
def test_what_is_not_kept_is_refused(program: ir.Program, why: str) -> None:
    with pytest.raises(CannotOffload, match=why):
        lower(program, None, {})
