"""The lowering: which filters come out, what is refused and where, and that they do what the program does."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Range, Rule, RuleSet, Ternary
from p4verify.targets.base import CannotOffload
from p4verify.targets.u32 import lower as lowering
from p4verify.targets.u32.artifact import (
    DROP,
    ETH_P_ALL,
    PASS,
    FilterList,
    Gact,
    Key,
    Mirred,
    encode,
    parse_script,
    print_script,
)
from p4verify.targets.u32.lower import filters as placing
from p4verify.targets.u32.lower import lower
from p4verify.targets.u32.oracle import KernelU32
from p4verify.targets.u32.target import TARGET
from p4verify.targets.unfold import state as limits
from p4verify.targets.unfold.values import ONE, ZERO, below, prefixes
from tests.support import u32_programs

EBPF = """
#include <core.p4>
#include <ebpf_model.p4>
header ethernet_t {{ bit<48> dst; bit<48> src; bit<16> type; }}
header small_t {{ bit<4> a; bit<12> b; bit<8> c; }}
header long_t {{ bit<32> a; bit<32> b; bit<16> c; }}
struct headers {{ ethernet_t e; small_t s; long_t l; small_t[2] st; }}
parser Parse(packet_in packet, out headers hdr) {{ {parser} }}
control Filter(inout headers hdr, out bool pass) {{ {locals} apply {{ {body} }} }}
ebpfFilter(Parse(), Filter()) main;
"""
ETHERNET_ONLY = "state start { packet.extract(hdr.e); transition accept; }"
BOTH = """
    state start { packet.extract(hdr.e); transition select(hdr.e.type) { 0x800: long; 0x801: small; default: accept; } }
    state long { packet.extract(hdr.l); transition accept; }
    state small { packet.extract(hdr.s); transition accept; }
"""
ACTIONS = "action yes() { pass = true; } action no() { pass = false; }"


def ebpf(body: str, parser: str = BOTH, declared: str = "") -> ir.Program:
    return load_text(EBPF.format(parser=parser, body=body, locals=declared), "test.p4").program


V1MODEL = """
#include <core.p4>
#include <v1model.p4>
header ethernet_t {{ bit<48> dst; bit<48> src; bit<16> type; }}
header small_t {{ bit<4> a; bit<12> b; bit<8> c; }}
struct headers {{ ethernet_t e; small_t s; }}
struct meta {{ bit<9> port; bit<8> n; }}
parser P(packet_in packet, out headers hdr, inout meta m, inout standard_metadata_t sm) {{
    state start {{ packet.extract(hdr.e); transition select(hdr.e.type) {{ 0x800: small; default: accept; }} }}
    state small {{ packet.extract(hdr.s); transition accept; }}
}}
control V(inout headers hdr, inout meta m) {{ apply {{ {verify} }} }}
control I(inout headers hdr, inout meta m, inout standard_metadata_t sm) {{ {locals} apply {{ {body} }} }}
control E(inout headers hdr, inout meta m, inout standard_metadata_t sm) {{ apply {{ {egress} }} }}
control C(inout headers hdr, inout meta m) {{ apply {{ {compute} }} }}
control D(packet_out packet, in headers hdr) {{ apply {{ {deparser} }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


def v1model(body: str, **parts: str) -> ir.Program:
    named = {"verify": "", "locals": "", "egress": "", "compute": "", "deparser": "packet.emit(hdr);"}
    return load_text(V1MODEL.format(body=body, **{**named, **parts}), "test.p4").program


def shown(filters: FilterList) -> list[tuple[int, int, list[tuple[int, int, int]], str]]:
    """pref, protocol, keys as (offset, value, mask), what is done."""
    found = []
    for one in filters.filters:
        assert one.selector is not None
        (action,) = one.actions
        done = f"port {action.port}" if isinstance(action, Mirred) else "pass" if action == Gact(PASS) else "drop"
        assert done != "drop" or action == Gact(DROP)
        keys = [(k.offset, k.value, k.mask) for k in one.selector.keys]
        found.append((one.pref, one.protocol, keys, done))
    return found


def verdict(program: ir.Program, rules: RuleSet | None = None) -> Verdict:
    """What the proof engine says of the lowering."""
    result = Checker(program, rules, timeout=60, machines_confirm=False).check_lowered(TARGET, {})
    assert result.proof.verdict is not Verdict.UNSUPPORTED, result.proof.reason
    return result.proof.verdict


EVERY = (-4, 0, 0)
"""A key that every frame matches: the last bytes of the Ethernet header are always there."""

# --- which filters ----------------------------------------------------------------------------------------------------


def test_each_kind_of_frames_has_its_list() -> None:
    """Types of tags come first, under their protocols; then an exact type is a protocol; the rest matches all."""
    filters = lower(ebpf("pass = hdr.e.type == 0x86dd;", ETHERNET_ONLY), None, {})
    assert shown(filters) == [
        (1, 0x8100, [EVERY], "drop"),
        (2, 0x88A8, [EVERY], "drop"),
        (3, 0x86DD, [EVERY], "pass"),
        (4, ETH_P_ALL, [EVERY], "drop"),
    ]


def test_tags_can_be_asked_for() -> None:
    filters = lower(ebpf("pass = hdr.e.type == 0x8100;", ETHERNET_ONLY), None, {})
    assert [(p, done) for _, p, _, done in shown(filters)] == [(0x8100, "pass"), (0x88A8, "drop"), (ETH_P_ALL, "drop")]


def test_behind_a_tag_bytes_stand_four_earlier() -> None:
    parser = "state start { packet.extract(hdr.e); packet.extract(hdr.l); transition accept; }"
    program = ebpf("pass = hdr.l.b[15:0] == 0xabcd && hdr.e.src == 0x010203040506;", parser)
    rows = [(p, keys) for _, p, keys, done in shown(lower(program, None, {})) if done == "pass"]
    addresses = [(-8, 0x01020304, 0xFFFFFFFF), (-4, 0x05060000, 0xFFFF0000)]
    tagged = [*addresses, (0, 0x0000ABCD, 0xFFFF), (2, 0, 0)]
    plain = [*addresses, (4, 0x0000ABCD, 0xFFFF), (6, 0, 0)]
    assert [(p, sorted(keys)) for p, keys in rows] == [(0x8100, tagged), (0x88A8, tagged), (ETH_P_ALL, plain)]
    assert verdict(program) is Verdict.ACCEPT


def test_a_type_that_is_a_length_is_a_key() -> None:
    rows = shown(lower(ebpf("pass = hdr.e.type == 0x5dc;", ETHERNET_ONLY), None, {}))
    assert rows[2] == (3, ETH_P_ALL, [(-4, 0x5DC, 0xFFFF)], "pass")


def test_a_load_never_reaches_beyond_what_is_asked_for() -> None:
    """Seven bytes after the type: the last load must end with them, aligned or not, and each entry asks for them."""
    parser = """
        state start { packet.extract(hdr.e); transition select(hdr.e.type) { 0x800: more; default: reject; } }
        state more { packet.extract(hdr.st.next); packet.extract(hdr.st.next); packet.advance(8); transition accept; }
    """
    program = ebpf("pass = hdr.st[1].c == 7 && hdr.st[0].a == 3;", parser)
    keys = next(keys for _, p, keys, done in shown(lower(program, None, {})) if p == 0x800 and done == "pass")
    assert max(offset + 4 for offset, _, _ in keys) == 7
    assert (3, 0x00000700, 0x0000FF00) in keys
    assert verdict(program) is Verdict.ACCEPT


def test_within_a_pref_lengths_do_not_fall() -> None:
    """A filter whose load fails ends the search in its pref: what needs fewer bytes must not stand behind it."""
    program = ebpf("pass = hdr.l.isValid() || (hdr.s.isValid() && hdr.s.c == 1);")
    asked: dict[int, int] = {}
    for pref, _, keys, _ in shown(lower(program, None, {})):
        end = max(offset + 4 for offset, _, _ in keys)
        assert asked.get(pref, -100) <= end
        asked[pref] = end
    assert verdict(program) is Verdict.ACCEPT


def test_prefs_are_one_protocol_each() -> None:
    protocols: dict[int, int] = {}
    for pref, protocol, _, _ in shown(lower(u32_programs.program(3), None, {})):
        assert protocols.setdefault(pref, protocol) == protocol


def test_the_result_is_a_script_and_messages() -> None:
    filters = lower(ebpf("pass = hdr.e.type == 0x800;", ETHERNET_ONLY), None, {"device": "port3"})
    assert print_script(filters).count("dev port3") == len(filters.filters)
    assert encode(filters)


# --- rules ------------------------------------------------------------------------------------------------------------

TABLE = """
    action yes() { pass = true; }
    action no() { pass = false; }
    table t {
        key = { hdr.l.a: lpm @name("a"); hdr.l.c: exact @name("c"); }
        actions = { yes; no; }
        default_action = no();
    }
"""


def test_rules_in_the_order_in_which_they_win() -> None:
    program = ebpf("pass = false; if (hdr.l.isValid()) { t.apply(); }", declared=TABLE)
    yes, no = ActionCall("yes"), ActionCall("no")
    given = RuleSet({
        "Filter.t": (
            Rule("Filter.t", (Lpm(0x0A010000, 16), Ternary(5, 0xFFFF)), no),
            Rule("Filter.t", (Lpm(0x0A000000, 8), Ternary(5, 0xFFFF)), yes),
        )
    }, {"Filter.t": no})  # fmt: skip
    rows = [(keys, done) for _, p, keys, done in shown(lower(program, given, {})) if p == 0x800]
    assert rows == [
        ([(0, 0x0A010000, 0xFFFF0000), (6, 5, 0xFFFF)], "drop"),
        ([(0, 0x0A000000, 0xFF000000), (6, 5, 0xFFFF)], "pass"),
    ]
    assert verdict(program, given) is Verdict.ACCEPT
    changed = RuleSet(given.entries, {"Filter.t": yes})
    assert shown(lower(program, changed, {}))[-1] != shown(lower(program, given, {}))[-2]
    assert verdict(program, changed) is Verdict.ACCEPT


def test_ranges_become_masks() -> None:
    table = """
        action yes() { sm.egress_spec = 3; }
        table u { key = { hdr.s.b: ternary @name("b"); hdr.s.c: range @name("c"); } actions = { yes; NoAction; } }
    """
    program = v1model("mark_to_drop(sm); if (hdr.s.isValid()) { u.apply(); }", locals=table)
    rule = Rule("I.u", (Ternary(0x800, 0x800), Range(5, 12)), ActionCall("yes"))
    given = RuleSet({"I.u": (rule,)})
    masks = [keys[-1] for _, p, keys, done in shown(lower(program, given, {})) if p == 0x800 and done == "port 3"]
    assert [(value & 0xFF, mask & 0xFF) for _, value, mask in masks] == [(5, 0xFF), (6, 0xFE), (8, 0xFC), (12, 0xFF)]
    assert verdict(program, given) is Verdict.ACCEPT


def test_without_rules_the_entries_of_the_source_count() -> None:
    table = (
        ACTIONS
        + """
        table t {
            key = { hdr.e.dst: exact; } actions = { yes; no; } const default_action = no();
            const entries = { 1: yes(); 2: yes(); }
        }"""
    )
    rows = shown(lower(ebpf("t.apply();", ETHERNET_ONLY, table), None, {}))
    assert [done for _, p, _, done in rows if p == ETH_P_ALL] == ["pass", "pass", "drop"]


@pytest.mark.parametrize("width", [1, 3, 5])
def test_comparisons_as_masks_are_exact(width: int) -> None:
    bits = tuple(range(width))
    for bound in range((1 << width) + 1):
        cubes = list(below(bits, bound, ir.Const(0, ir.bits(1)).span))
        for value in range(1 << width):
            holds = any(all((value >> (width - 1 - k) & 1) == want for k, want in cube.items()) for cube in cubes)
            assert holds == (value < bound)
    for low in range(1 << width):
        for high in range(low, 1 << width):
            pairs = list(prefixes(low, high, width))
            for value in range(1 << width):
                assert (sum(value & mask == v for v, mask in pairs) == 1) == (low <= value <= high)
            assert len(pairs) <= max(1, 2 * width - 2)
    known = tuple(ONE if b else ZERO for b in (1, 0, 1))
    assert list(below(known, 6, ir.Const(0, ir.bits(1)).span)) != []


# --- programs ---------------------------------------------------------------------------------------------------------

GOOD = [
    ebpf("pass = true; if (hdr.e.dst == 1) { exit; } pass = hdr.e.src < 77;", ETHERNET_ONLY),
    ebpf("bool b = hdr.e.dst > 5; if (b && !(hdr.e.src == 0)) { pass = true; } else { pass = b; }", ETHERNET_ONLY),
    ebpf("no(); if (hdr.s.isValid()) { yes(); return; } pass = hdr.l.isValid() && hdr.l.a >= 100;", declared=ACTIONS),
    ebpf("pass = (hdr.e.dst & 0xff0000000000) == 0x020000000000 || hdr.e.dst[7:0] == 9;", ETHERNET_ONLY),
    ebpf("bit<16> t = hdr.e.type; hdr.e.type = 5; pass = t == 7 || hdr.e.type == 6;", ETHERNET_ONLY),
    ebpf(
        "switch (hdr.e.type) { 1: 2: { pass = true; } 0x800: { pass = hdr.l.isValid(); } default: { pass = false; } }"
    ),
    ebpf("bit<8> x = 3; f(x); pass = hdr.e.dst[7:0] == x;", ETHERNET_ONLY, "action f(inout bit<8> y) { y = y + 4; }"),
    ebpf("pass = (hdr.e.dst == 3 ? hdr.e.src : 9) == 4;", ETHERNET_ONLY),
    ebpf(
        "pass = hdr.st[0].isValid() && hdr.st[0].c == 1;",
        """state start { packet.extract(hdr.e); transition next; }
           state next { packet.extract(hdr.st.next); transition select(hdr.st.last.c) { 0: next; 1: accept; } }""",
    ),
    ebpf(
        "pass = true;",
        """state start { packet.extract(hdr.e); verify(hdr.e.dst != 7, error.NoMatch);
             transition select(hdr.e.type) { 0x800: look; _: accept; } }
           state look { transition select(packet.lookahead<bit<12>>()) {
             5 .. 90: accept; 0xf00 &&& 0xf00: reject; _: accept; } }""",
    ),
    v1model("sm.egress_spec = 3; if (hdr.s.isValid() && hdr.s.a == 5) { sm.egress_spec = 511; }"),
    v1model("if (sm.parser_error != error.NoError) { mark_to_drop(sm); } else { sm.egress_spec = 4; }"),
    v1model("m.port = 3; if (hdr.e.dst == 1) { m.port = 6; } sm.egress_spec = m.port;"),
    v1model(
        "sm.egress_spec = 9; if (hdr.e.src == 4) { exit; } sm.egress_spec = 8;",
        egress="if (sm.egress_port == 9) { mark_to_drop(sm); }",
    ),
    v1model(
        "sm.egress_spec = 2;",
        verify="verify_checksum(hdr.s.isValid(), { hdr.s.a, hdr.s.b }, hdr.s.c, HashAlgorithm.csum16);".replace(
            "hdr.s.c", "hdr.e.type"
        ),
        deparser="packet.emit(hdr.e); packet.emit(hdr.s);",
    ),
    v1model("hdr.e.dst = hdr.e.dst; sm.egress_spec = 2; if (hdr.e.type == 5) { hdr.e.type = 5; }"),
]


@pytest.mark.parametrize("program", GOOD, ids=range(len(GOOD)))
def test_proven(program: ir.Program) -> None:
    assert verdict(program) is Verdict.ACCEPT


@pytest.mark.long
def test_a_wrong_filter_is_seen() -> None:
    """The proof is of these filters: with any one of them turned round it fails."""
    program = GOOD[0]
    filters = lower(program, None, {}).filters
    for place, one in enumerate(filters):
        other = replace(one, actions=(Gact(PASS if one.actions == (Gact(DROP),) else DROP),))
        changed = FilterList((*filters[:place], other, *filters[place + 1 :]))
        proof = Checker(program, None, timeout=60, machines_confirm=False).check_artifact(TARGET, changed, None).proof
        assert proof.verdict is Verdict.REJECT, place


TAG = """state start { packet.extract(hdr.e); transition select(hdr.e.type) { 0x8100: tag; default: accept; } }
    state tag { packet.extract(hdr.s); transition accept; }"""
ADVANCE = "state start { packet.advance((bit<32>)packet.lookahead<bit<8>>()); transition accept; }"
SUM = "update_checksum(hdr.s.isValid(), { hdr.s.a, hdr.s.b }, hdr.e.type, HashAlgorithm.csum16);"
BAD = [
    (ebpf("pass = hdr.e.dst == hdr.e.src;", ETHERNET_ONLY), "two fields", 9),
    (ebpf("pass = hdr.e.dst + 1 == 5;", ETHERNET_ONLY), "not in the frame, or is computed", 9),
    (ebpf("pass = (int<48>)hdr.e.dst < 5;", ETHERNET_ONLY), "signed", 9),
    (ebpf("c.increment(1); pass = true;", ETHERNET_ONLY, "CounterArray(9, true) c;"), "CounterArray.increment", 9),
    (ebpf("pass = true;", ADVANCE), "advance", 8),
    (ebpf("pass = hdr.s.isValid() && hdr.s.b[11:4] == 1;", TAG), "TCI", 10),
    (v1model("hdr.e.dst = 3; sm.egress_spec = 2;"), "the frame is changed", 13),
    (v1model("hdr.s.setInvalid(); sm.egress_spec = 2;"), "added or removed", 13),
    (v1model("hdr.s.setValid(); sm.egress_spec = 2;"), "added or removed|changed", 13),
    (v1model("sm.egress_spec = 2;", deparser="packet.emit(hdr.s); packet.emit(hdr.e);"), "the frame is changed", 16),
    (v1model("sm.egress_spec = (bit<9>)hdr.e.dst[3:0];"), "egress port that depends", 13),
    (v1model("sm.egress_spec = sm.ingress_port;"), "egress port that depends", 13),
    (v1model("sm.egress_spec = 1; if (sm.ingress_port == 3) { mark_to_drop(sm); }"), "not in the frame", 13),
    (v1model("sm.egress_spec = 1; sm.mcast_grp = 3;"), "multicast", 13),
    (v1model("sm.egress_spec = 1; clone(CloneType.I2E, 5);"), "clone", 13),
    (v1model("sm.egress_spec = 1; c.count(1);", locals="counter(4, CounterType.packets) c;"), "counter.count", 13),
    (v1model("sm.egress_spec = 1;", compute=SUM), "the frame is changed", 15),
]


@pytest.mark.parametrize(("program", "reason", "line"), BAD, ids=range(len(BAD)))
def test_refusals_say_why_and_where(program: ir.Program, reason: str, line: int) -> None:
    with pytest.raises(CannotOffload, match=reason) as caught:
        lower(program, None, {})
    assert (caught.value.span.file, caught.value.span.line) == ("test.p4", line)


def test_other_architectures_are_refused() -> None:
    program = load_text("#include <core.p4>\nstruct s { bit<8> a; }", "test.p4").program
    with pytest.raises(CannotOffload, match="ebpf_model and v1model"):
        lower(program, None, {})


def test_limits_are_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    program = u32_programs.program(3)
    monkeypatch.setattr(placing, "MAX_PREFS", 2)
    with pytest.raises(CannotOffload, match="classifiers are needed"):
        lower(program, None, {})
    monkeypatch.setattr(limits, "MAX_WAYS", 1)
    with pytest.raises(CannotOffload, match="ways through the program"):
        lower(program, None, {})
    monkeypatch.setattr(limits, "MAX_STEPS", 3)
    with pytest.raises(CannotOffload, match="too many ways"):
        lower(program, None, {})


def test_conditions_without_consequence_cost_nothing() -> None:
    """Ways that end alike are one way again: 2**40 would be too many."""
    body = "pass = true; bit<8> x = 0; " + "if (hdr.e.dst > 5) { x = 1; } else { x = 1; } " * 40
    assert len(lower(ebpf(body, ETHERNET_ONLY), None, {}).filters) == 3


def test_a_loop_without_end_is_refused() -> None:
    with pytest.raises(CannotOffload, match="parser loop"):
        lower(ebpf("pass = true;", "state start { transition start; }"), None, {})


def test_value_sets_have_the_members_that_rules_give_them() -> None:
    parser = """value_set<bit<16>>(4) known;
        state start { packet.extract(hdr.e); transition select(hdr.e.type) { known: more; default: accept; } }
        state more { packet.extract(hdr.s); transition accept; }"""
    program = ebpf("pass = hdr.s.isValid();", parser)
    rules = RuleSet({}, {}, {"Parse.known": ((Exact(0x88B5),), (Exact(0x88B6),))})
    asked = {f.protocol for f in lower(program, rules, {}).filters if f.actions == (Gact(PASS),)}
    assert asked == {0x88B5, 0x88B6}
    assert verdict(program, rules) is Verdict.ACCEPT


def test_many_rows_that_ask_for_the_same_bits_are_in_a_hash_table() -> None:
    declared = f"""{ACTIONS} table t {{ key = {{ hdr.e.dst: exact; hdr.e.src: exact; }} actions = {{ yes; no; }}
                    default_action = no(); size = 200; }}"""
    program = ebpf("pass = false; if (hdr.e.type == 0x800) { t.apply(); }", ETHERNET_ONLY, declared)
    rules = tuple(
        Rule("Filter.t", (Exact(0x020000000000 + 77 * i), Exact(i % 3)), ActionCall("yes" if i % 5 else "no"))
        for i in range(80)
    )
    filters = lower(program, RuleSet({"Filter.t": rules}), {})
    (link,) = (f for f in filters.filters if f.link is not None)
    assert [f.divisor for f in filters.filters if f.divisor] == [256]
    assert len({f.ht for f in filters.filters if f.ht is not None}) > 40
    assert link.selector is not None
    assert not link.selector.terminal
    assert verdict(program, RuleSet({"Filter.t": rules})) is Verdict.ACCEPT
    assert parse_script(print_script(filters)).filters == filters.filters


def test_few_rows_or_rows_that_no_byte_tells_apart_stay_as_they_are() -> None:
    declared = f"{ACTIONS} table t {{ key = {{ hdr.l.a: KIND; }} actions = {{ yes; no; }} default_action = no(); }}"
    body = "pass = false; if (hdr.l.isValid()) { t.apply(); }"
    few = tuple(Rule("Filter.t", (Exact(i),), ActionCall("yes")) for i in range(60))
    program = ebpf(body, declared=declared.replace("KIND", "exact"))
    assert not any(f.divisor for f in lower(program, RuleSet({"Filter.t": few}), {}).filters)
    parts = tuple(Rule("Filter.t", (Ternary(i << 12, 0x7F000),), ActionCall("yes")) for i in range(100))
    program = ebpf(body, declared=declared.replace("KIND", "ternary"))
    assert not any(f.divisor for f in lower(program, RuleSet({"Filter.t": parts}), {}).filters)


def test_many_rules_take_their_time_only_once() -> None:
    program = ebpf("pass = false; if (hdr.l.isValid()) { t.apply(); }", declared=TABLE)
    rules = tuple(
        Rule("Filter.t", (Lpm(i << 12, 20), Ternary(i & 0xFFFF, 0xFFFF)), ActionCall("yes")) for i in range(5000)
    )
    filters = lower(program, RuleSet({"Filter.t": rules}), {})
    assert len([f for f in filters.filters if f.protocol == 0x800 and f.actions]) == 5000
    assert max(f.pref for f in filters.filters) < 10


def test_rooms_know_nothing_of_each_other() -> None:
    room = Path(lowering.__file__).parent
    for file in room.glob("*.py"):
        imported = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ImportFrom)]
        assert not any("meaning" in (n.module or "") or "oracle" in (n.module or "") for n in imported), file


# --- random programs --------------------------------------------------------------------------------------------------


def proven(seeds: range) -> int:
    """How many of the random programs can be lowered; each of them must be proven right."""
    count = 0
    for seed in seeds:
        program = u32_programs.program(seed)
        proof = Checker(program, None, timeout=300, machines_confirm=False).check_lowered(TARGET, {}).proof
        if proof.verdict is Verdict.UNSUPPORTED:
            continue
        assert proof.verdict is Verdict.ACCEPT, (seed, proof.reason)
        count += 1
    return count


@pytest.mark.long
def test_random_programs_are_proven() -> None:
    assert proven(range(40)) > 10


@pytest.mark.campaign
def test_many_random_programs_are_proven() -> None:
    assert proven(range(1000, 3000)) > 800


def differences(kernel: KernelU32, seeds: range) -> tuple[int, int, list[object]]:
    """Frames compared, frames sent, and the differences between the kernel and the program."""
    compared, sent, found = 0, 0, []
    for seed in seeds:
        program = u32_programs.program(seed)
        try:
            filters = lower(program, None, {})
        except CannotOffload:
            continue
        frames = u32_programs.frames(seed, 40)
        for frame, seen in zip(frames, kernel.run(filters, [(0, f) for f in frames]), strict=True):
            if frame[12:14] in (b"\x81\x00", b"\x88\xa8") and len(frame) < 20:
                continue  # the kernel drops a frame whose tag is cut short before any filter sees it
            wanted = run(program, None, frame, 0).outputs
            compared, sent = compared + 1, sent + bool(wanted)
            if tuple(wanted) != seen.outputs:
                found.append((seed, frame.hex(), wanted, seen.outputs))
    return compared, sent, found


@pytest.mark.long
@pytest.mark.oracle
def test_the_kernel_does_what_the_program_says(kernel: KernelU32) -> None:
    compared, sent, found = differences(kernel, range(40))
    assert found == []
    assert compared > 500
    assert 100 < sent < compared


@pytest.mark.oracle
@pytest.mark.campaign
def test_the_kernel_does_what_many_programs_say(kernel: KernelU32) -> None:
    assert differences(kernel, range(5000, 7000))[2] == []


def test_keys_are_aligned_where_they_can_be() -> None:
    """tc's command line takes aligned offsets only."""
    program = ebpf("pass = hdr.l.isValid() && hdr.l.b == 3 && hdr.e.dst == 9;")
    offsets = {k.offset for f in lower(program, None, {}).filters for k in f.selector.keys if f.selector}  # type: ignore[union-attr]
    assert offsets == {-16, -12, -4, 4, 6}
    assert Key(0, 0, 6).mask == 0
