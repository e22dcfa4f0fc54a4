"""Programs as flower filters: proven equal, run on user-mode Linux, and refused at the place of what there is not."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.ir import Program
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets import find
from p4verify.targets.base import CannotOffload
from p4verify.targets.flower.artifact import (
    CHECKSUMS_RIGHT,
    PLAIN,
    TAGS_WHOLE,
    TYPES_TOLD,
    UNFRAGMENTED,
    FilterList,
    Match,
    Range,
)
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.tc.artifact.actions import DROP, PIPE, Csum, Gact, Mirred, Mpls, Pedit, Vlan
from tests.support.lowered import judge

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
TARGET = find("flower")
NAMES = (
    "acl",
    "bridge",
    "firewall",
    "mirror",
    "mpls",
    "policer",
    "qinq",
    "router",
    "router_dual",
    "stages",
    "vlan_filter",
)

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header vlan_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type; }
header mpls_t { bit<20> label; bit<3> tc; bit<1> bos; bit<8> ttl; }
header ipv4_t { bit<8> version_ihl; bit<8> tos; bit<16> length; bit<16> id; bit<16> fragment; bit<8> ttl;
                bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst; }
header ports_t { bit<16> src; bit<16> dst; }
struct headers_t { ethernet_t ethernet; vlan_t vlan; vlan_t inner; mpls_t mpls; ipv4_t ipv4; ports_t ports; }
struct metadata_t { bit<8> kind; }
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start { packet.extract(hdr.ethernet); @PARSER@ }
    state vlan { packet.extract(hdr.vlan);
                 transition select(hdr.vlan.type) { 0x8100: inner; 0x0800: ipv4; default: accept; } }
    state inner { packet.extract(hdr.inner); transition accept; }
    state mpls { packet.extract(hdr.mpls); transition accept; }
    state ipv4 { packet.extract(hdr.ipv4);
                 transition select(hdr.ipv4.protocol) { 6: ports; 17: ports; default: accept; } }
    state ports { packet.extract(hdr.ports); transition accept; }
}
control V(inout headers_t hdr, inout metadata_t meta) { apply {} }
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    @DECLARATIONS@
    apply { @BODY@ }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) { apply { @EGRESS@ } }
control C(inout headers_t hdr, inout metadata_t meta) { apply { @COMPUTE@ } }
control D(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.ethernet); packet.emit(hdr.vlan); packet.emit(hdr.inner); packet.emit(hdr.mpls);
            packet.emit(hdr.ipv4); packet.emit(hdr.ports); }
}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
BY_TYPE = "transition select(hdr.ethernet.type) { 0x8100: vlan; 0x8847: mpls; 0x0800: ipv4; default: accept; }"
NOTHING_MORE = "transition accept;"
UPDATE = """update_checksum(hdr.ipv4.isValid(), { hdr.ipv4.version_ihl, hdr.ipv4.tos, hdr.ipv4.length, hdr.ipv4.id,
    hdr.ipv4.fragment, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst }, hdr.ipv4.checksum,
    HashAlgorithm.csum16);"""
BODY_LINE = 29


def program(
    tmp_path: Path, body: str, *, parser: str = BY_TYPE, declarations: str = "", egress: str = "", compute: str = ""
) -> Program:
    """A v1model program with this ingress, which begins in line :data:`BODY_LINE`."""
    text = PROGRAM.replace("@BODY@", body).replace("@PARSER@", parser).replace("@COMPUTE@", compute)
    path = tmp_path / "p.p4"
    path.write_text(text.replace("@DECLARATIONS@", declarations).replace("@EGRESS@", egress))
    return load_program(str(path))


def example(name: str) -> tuple[Program, RuleSet]:
    """An example and its rules."""
    loaded = load_program(str(EXAMPLES / f"{name}.p4"))
    return loaded, read_rules((EXAMPLES / f"{name}.rules.cli").read_text(), f"{name}.rules.cli", loaded)


def proven(loaded: Program, rules: RuleSet | None = None) -> FilterList:
    """The filters, after they were proven to do what the program does."""
    result = Checker(loaded, rules, machines_confirm=False).check_lowered(TARGET, {})
    assert result.proof.verdict is Verdict.ACCEPT, result.proof.reason
    return TARGET.lower(loaded, rules, {})  # type: ignore[no-any-return]


def actions(filters: FilterList) -> list[object]:
    """All actions of all filters."""
    return [action for filter_ in filters.filters for action in filter_.actions]


def refusal(loaded: Program, rules: RuleSet | None = None, **options: str) -> CannotOffload:
    """Why there are no filters."""
    with pytest.raises(CannotOffload) as caught:
        TARGET.lower(loaded, rules, options)
    return caught.value


# --- the examples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bridge", "mpls", "router"])
def test_filters_of_an_example_do_on_linux_what_the_source_does(name: str, kernel: UserModeFlower) -> None:
    loaded, rules = example(name)
    tally = judge(TARGET, kernel, loaded, rules, TARGET.lower(loaded, rules, {}), random.Random(name), 80)
    assert tally.mismatches == []
    assert tally.pairs > 30
    assert tally.sent


@pytest.mark.parametrize("name", NAMES)
def test_filters_are_read_as_they_were_written(name: str) -> None:
    filters = TARGET.lower(*example(name), {})
    again = TARGET.read(TARGET.write(filters), "again")
    assert (again.filters, again.assumes, again.hook) == (filters.filters, filters.assumes, filters.hook)


def test_a_provider_bridge_is_proven() -> None:
    filters = proven(*example("qinq"))
    assert filters.assumes == (TAGS_WHOLE,)
    assert Vlan("push", 200, 3, 0x88A8) in actions(filters)


@pytest.mark.campaign
def test_a_policer_is_proven() -> None:
    proven(*example("policer"))


def test_what_an_earlier_entry_takes_comes_to_no_later_one(tmp_path: Path) -> None:
    """Frames of port 1 have been sent: the second table's entry for it is no filter, nor its check."""
    declarations = """
    action drop() { mark_to_drop(standard); }
    action forward(bit<9> port) { standard.egress_spec = port; }
    table t { key = { standard.ingress_port: exact; } actions = { forward; drop; } default_action = drop(); }
    table u { key = { standard.ingress_port: exact; } actions = { forward; drop; } default_action = drop(); }
    """
    body = "if (!t.apply().hit) { u.apply(); }"
    loaded = program(tmp_path, body, declarations=declarations, parser=NOTHING_MORE)
    rules = "table_add I.t forward 1 => 2\ntable_add I.u forward 1 => 3\ntable_add I.u forward 2 => 4\n"
    filters = proven(loaded, read_rules(rules, "r", loaded))
    assert [(f.indev, f.actions) for f in filters.filters] == [
        (1, (Mirred(2),)), (2, (Mirred(4),)), (None, (Gact(DROP),)),
    ]  # fmt: skip


def test_tables_of_an_example_stay_apart() -> None:
    filters = TARGET.lower(*example("stages"), {})
    assert len({f.chain for f in filters.filters}) > 2


def test_masks_that_are_no_prefix_are_told_by_messages(kernel: UserModeFlower) -> None:
    loaded, rules = example("balancer")
    filters = proven(loaded, rules)
    with pytest.raises(Unsupported, match="rtnetlink messages have"):
        TARGET.write(filters)
    assert TARGET.read(TARGET.write(filters, "netlink"), "again").filters == filters.filters
    tally = judge(TARGET, kernel, loaded, rules, filters, random.Random(1), 60)
    assert tally.mismatches == []
    assert tally.sent
    header = bytes.fromhex("4500 001c 0000 0000 4011 0000") + bytes((10, 0, 0, 1, 192, 0, 2, 20))
    decided = TARGET.decides(filters, bytes(12) + b"\x08\x00" + header + bytes(8), 1)
    assert any("src_ip 0.0.0.1/0.0.0.1" in said for said, _ in decided)


# --- single things ----------------------------------------------------------------------------------------------------

FORWARD = """
    action drop() { mark_to_drop(standard); }
    action forward(bit<9> port) { standard.egress_spec = port; }
    table t { key = { hdr.ethernet.dst: exact; } actions = { forward; drop; } default_action = drop(); size = 100; }
"""


def test_entries_of_a_table_are_as_many_filters(tmp_path: Path) -> None:
    loaded = program(tmp_path, "t.apply();", declarations=FORWARD, parser=NOTHING_MORE)
    text = "".join(f"table_add I.t forward 02:00:00:00:00:{i:02x} => {i % 5}\n" for i in range(40))
    filters = proven(loaded, read_rules(text, "r", loaded))
    assert len(filters.filters) == 41
    assert filters.assumes == ()  # addresses are where they are in any frame
    assert {f.pref for f in filters.filters} == {1, 2}


def test_a_program_that_drops_all_is_one_filter(tmp_path: Path) -> None:
    filters = TARGET.lower(program(tmp_path, "mark_to_drop(standard);", parser=NOTHING_MORE), None, {})
    assert actions(filters) == [Gact(DROP)]


def test_metadata_goes_from_table_to_table_in_chains(tmp_path: Path) -> None:
    declarations = (
        FORWARD
        + """
    action mark(bit<8> kind) { meta.kind = kind; }
    table k { key = { hdr.ethernet.src: exact; } actions = { mark; NoAction; } default_action = NoAction(); }
    table u { key = { meta.kind: exact; hdr.ethernet.type: ternary; } actions = { forward; drop; }
              default_action = drop(); }
    """
    )
    loaded = program(tmp_path, "meta.kind = 0; k.apply(); u.apply();", declarations=declarations, parser=NOTHING_MORE)
    text = "".join(f"table_add I.k mark 02:00:00:00:00:{i:02x} => {i % 3}\n" for i in range(20))
    for kind in range(3):
        text += f"table_add I.u forward {kind} 0x0800&&&0xffff => {kind + 1} 1\n"
        text += f"table_add I.u forward {kind} 0x0806&&&0xffff => {kind + 2} 1\n"
    filters = proven(loaded, read_rules(text, "r", loaded))
    assert filters.assumes == (TYPES_TOLD,)
    assert len(filters.filters) < 40  # not 20 times 6
    assert len({f.chain for f in filters.filters}) == 4


@pytest.mark.parametrize(
    "body",
    [
        "if (k.apply().hit) { t.apply(); } else { drop(); }",
        "switch (k.apply().action_run) { permit: { t.apply(); } default: { drop(); } }",
    ],
)
def test_a_table_that_another_one_decides_on_is_one_chain(tmp_path: Path, body: str) -> None:
    more = """
    action permit() { }
    table k { key = { hdr.ethernet.src: exact; } actions = { permit; drop; } default_action = drop(); }
    """
    loaded = program(tmp_path, body, declarations=FORWARD + more, parser=NOTHING_MORE)
    text = "".join(f"table_add I.k permit 02:00:00:00:00:{i:02x} =>\n" for i in range(12))
    text += "".join(f"table_add I.t forward 02:00:00:00:00:{i:02x} => {i % 5}\n" for i in range(12))
    filters = proven(loaded, read_rules(text, "r", loaded))
    assert len(filters.filters) == 12 + 12 + 2  # they add up, and do not multiply
    assert len({f.chain for f in filters.filters}) == 2


def test_ports_are_asked_for_whatever_protocol_has_them(tmp_path: Path) -> None:
    """Ways of TCP and of UDP come to the table together; a key of ports needs the protocol."""
    declarations = FORWARD.replace("hdr.ethernet.dst: exact", "hdr.ports.dst: range")
    body = "if (hdr.ports.isValid()) { t.apply(); } else { drop(); }"
    loaded = program(tmp_path, body, declarations=declarations)
    text = "".join(f"table_add I.t forward {9 + 20 * i}->{20 + 20 * i} => {i} 1\n" for i in range(6))
    filters = proven(loaded, read_rules(text, "r", loaded))
    asked = [{k.field: k for k in f.keys} for f in filters.filters]
    assert {keys["ip_proto"].value for keys in asked if "dst_port" in keys} == {6, 17}  # type: ignore[union-attr]
    assert filters.assumes == (PLAIN, UNFRAGMENTED)


@pytest.mark.oracle
def test_ranges_of_ports_stay_ranges(tmp_path: Path, kernel: UserModeFlower) -> None:
    """As few keys as there are: a mask, a port, a range; ranges of flower's begin with 1. ``tc`` takes them all."""
    declarations = FORWARD.replace("hdr.ethernet.dst: exact", "hdr.ports.src: range; hdr.ports.dst: range")
    body = "if (hdr.ports.isValid()) { t.apply(); } else { drop(); }"
    loaded = program(tmp_path, body, declarations=declarations)
    entries = ["7->9 0->99", "0->65535 0->1023", "0->65535 1000->5000", "100->100 7->65535"]
    text = "".join(f"table_add I.t forward {entry} => {i + 1} {i + 1}\n" for i, entry in enumerate(entries))
    rules = read_rules(text, "r", loaded)
    filters = proven(loaded, rules)
    keys = {port: {k for f in filters.filters for k in f.keys if k.field == f"{port}_port"} for port in ("src", "dst")}
    assert keys["dst"] == {
        Match("dst_port", 0, 0xFC00), Range("dst_port", 1000, 5000), Match("dst_port", 0, 0xFFFF),
        Range("dst_port", 1, 99), Range("dst_port", 7, 65535),
    }  # fmt: skip
    assert keys["src"] == {Range("src_port", 7, 9), Match("src_port", 100, 0xFFFF)}
    tally = judge(TARGET, kernel, loaded, rules, filters, random.Random(1), 80)
    assert tally.mismatches == []
    assert tally.sent


def test_ranges_that_follow_one_another_are_one_but_for_a_gap(tmp_path: Path) -> None:
    declarations = FORWARD.replace("hdr.ethernet.dst: exact", "hdr.ports.dst: range")
    body = "if (hdr.ports.isValid()) { t.apply(); } else { drop(); }"
    loaded = program(tmp_path, body, declarations=declarations)
    text = "".join(f"table_add I.t forward {ends} => 1 {i}\n" for i, ends in enumerate(["30->39", "10->19", "21->29"]))
    filters = proven(loaded, read_rules(text, "r", loaded))
    keys = {key for f in filters.filters for key in f.keys if key.field == "dst_port"}
    assert keys == {Range("dst_port", 10, 19), Range("dst_port", 21, 39)}


FRAGMENTS = """
    transition select(hdr.ethernet.type) { 0x0800: internet; default: accept; } }
    state internet { packet.extract(hdr.ipv4); transition select(hdr.ipv4.fragment@SLICE@, hdr.ipv4.protocol) {
        (0, 17): udp; default: accept; } }
    state udp { packet.extract(hdr.ports); transition accept;"""


@pytest.mark.oracle
def test_a_program_that_knows_fragments_needs_no_assumption_of_them(tmp_path: Path, kernel: UserModeFlower) -> None:
    """Ports of packets that are none, an answer of its own for first pieces, and another one for those behind."""
    body = """
        if (hdr.ports.isValid()) { if (hdr.ports.dst == 53) { drop(); } else { forward(1); } }
        else if (hdr.ipv4.isValid() && hdr.ipv4.fragment[12:0] == 0) {
            if (hdr.ipv4.fragment[13:13] == 1) { forward(2); } else { forward(3); } }
        else { forward(4); }"""
    loaded = program(tmp_path, body, declarations=FORWARD, parser=FRAGMENTS.replace("@SLICE@", "[13:0]"))
    filters = proven(loaded)
    assert filters.assumes == (PLAIN,)
    flags = {(k.value, k.mask) for f in filters.filters for k in f.keys if k.field == "ip_flags"}  # type: ignore[union-attr]
    assert flags == {(0, 1), (3, 3)}
    tally = judge(TARGET, kernel, loaded, RuleSet({}), filters, random.Random(4), 150)
    assert tally.mismatches == []
    assert tally.sent


@pytest.mark.parametrize("parser", [BY_TYPE, FRAGMENTS.replace("@SLICE@", "[12:0]")])
def test_ports_of_first_fragments_are_not_seen(tmp_path: Path, parser: str) -> None:
    body = "if (hdr.ports.isValid() && hdr.ports.dst == 53) { drop(); } else { forward(1); }"
    loaded = program(tmp_path, body, declarations=FORWARD, parser=parser)
    assert proven(loaded).assumes == (PLAIN, UNFRAGMENTED)
    assert "assume=unfragmented" in refusal(loaded, assume=PLAIN).reason


def test_part_of_an_offset_is_not_asked_for(tmp_path: Path) -> None:
    body = "if (hdr.ipv4.isValid() && hdr.ipv4.fragment[12:8] == 0) { drop(); } else { forward(1); }"
    loaded = program(tmp_path, body, declarations=FORWARD)
    assert proven(loaded).assumes == (PLAIN, UNFRAGMENTED)


def test_a_key_without_masks_is_asked_for_as_a_whole(tmp_path: Path) -> None:
    """Ids 10 and 20 have bits in common, of which a chain that both lead to knows: what is asked there is the id."""
    declarations = FORWARD.replace("hdr.ethernet.dst: exact", "hdr.vlan.vid: exact; hdr.ethernet.dst: exact")
    declarations += """table a { key = { hdr.vlan.vid: exact; hdr.ethernet.src: ternary; } actions = { NoAction; drop; }
                                 default_action = drop(); }"""
    parser = """transition select(hdr.ethernet.type) { 0x8100: one; default: accept; } }
                state one { packet.extract(hdr.vlan); transition accept;"""
    body = "if (hdr.vlan.isValid() && a.apply().hit) { t.apply(); } else { drop(); }"
    loaded = program(tmp_path, body, declarations=declarations, parser=parser)
    text = "".join(f"table_add I.a NoAction {vid} 0&&&0 => 1\n" for vid in (10, 20))
    text += "".join(f"table_add I.t forward {10 + i % 2 * 10} {i} => 1\n" for i in range(8))
    assert len(proven(loaded, read_rules(text, "r", loaded)).filters) < 20


def test_a_clone_leaves_beside_the_frame(tmp_path: Path, kernel: UserModeFlower) -> None:
    declarations = (
        FORWARD
        + """action both(bit<9> port, bit<32> s) { standard.egress_spec = port; clone(CloneType.I2E, s); }
    table m { key = { hdr.ethernet.dst: exact; } actions = { both; drop; } default_action = drop(); }"""
    )
    loaded = program(tmp_path, "m.apply();", declarations=declarations, parser=NOTHING_MORE)
    rules = read_rules("mirroring_add 7 4\ntable_add I.m both 2 => 2 7\ntable_add I.m both 3 => 3 99\n", "r", loaded)
    filters = proven(loaded, rules)
    assert Mirred(2, redirect=False, control=PIPE) in actions(filters)
    frames = [(1, bytes(5) + bytes([i]) + bytes(20)) for i in range(1, 4)]
    ports = [sorted(port for _, port, _ in o.outputs) for o in kernel.run(filters, frames)]
    assert ports == [[], [2, 4], [3]]


def test_a_port_that_frames_come_from_is_asked_for(tmp_path: Path, kernel: UserModeFlower) -> None:
    body = "if (standard.ingress_port == 3) { standard.egress_spec = 1; } else { standard.egress_spec = 2; }"
    filters = proven(program(tmp_path, body, parser=NOTHING_MORE))
    outputs = [o.outputs[0][1] for o in kernel.run(filters, [(3, bytes(20)), (4, bytes(20)), (3, bytes(30))])]
    assert outputs == [1, 2, 1]


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("if (hdr.ipv4.isValid()) { hdr.ipv4.ttl = hdr.ipv4.ttl - 1; }", Csum),
        ("if (hdr.ipv4.isValid()) { hdr.ipv4.tos = hdr.ipv4.tos | 4; hdr.ipv4.dst = 0x0a000009; }", Pedit),
        ("if (hdr.vlan.isValid()) { hdr.vlan = { 3, 0, 9, hdr.vlan.type }; }", Vlan),
        ("if (hdr.mpls.isValid()) { hdr.mpls.label = 77; hdr.mpls.ttl = hdr.mpls.ttl - 1; }", Mpls),
        ("if (hdr.ethernet.type == 0x800) { hdr.mpls = { 99, 1, 1, 64 }; hdr.ethernet.type = 0x8847; }", Mpls),
    ],
)  # fmt: skip
def test_what_is_written_is_written_by_linux(tmp_path: Path, body: str, made: type, kernel: UserModeFlower) -> None:
    loaded = program(tmp_path, body + " standard.egress_spec = 2;", compute=UPDATE)
    filters = proven(loaded)
    assert any(isinstance(action, made) for action in actions(filters))
    tally = judge(TARGET, kernel, loaded, RuleSet({}, {}), filters, random.Random(body), 40)
    assert tally.mismatches == []
    assert tally.changed


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("standard.egress_spec = 1; if (hdr.ipv4.length == 40) { mark_to_drop(standard); }", "no key of flower"),
        ("standard.egress_spec = 1; if (standard.packet_length == 40) { mark_to_drop(standard); }", "not in the frame"),
        ("standard.egress_spec = 1; hdr.ethernet.src = hdr.ethernet.dst;", "taken from the frame"),
        ("standard.egress_spec = 1; hdr.vlan.dei = 1;", "a tag is written"),
        ("standard.egress_spec = 1; hdr.ipv4.id = hdr.ipv4.id + 1;", "computed"),
        ("standard.egress_spec = (bit<9>)hdr.ipv4.tos;", "an egress port that depends"),
        ("standard.egress_spec = standard.ingress_port;", "an egress port that depends"),
        ("standard.egress_spec = 1; if (hdr.ethernet.src == hdr.ethernet.dst) { mark_to_drop(standard); }",
         "two fields"),
    ],
)  # fmt: skip
def test_what_cannot_be_filters_is_said_at_its_place(tmp_path: Path, body: str, reason: str) -> None:
    error = refusal(program(tmp_path, body))
    assert reason in error.reason
    assert error.span.line > 0


def test_what_is_assumed_may_be_forbidden(tmp_path: Path) -> None:
    loaded = program(tmp_path, "if (hdr.ipv4.isValid()) { mark_to_drop(standard); } else { standard.egress_spec = 1; }")
    assert TARGET.lower(loaded, None, {}).assumes == (PLAIN, UNFRAGMENTED)
    assert "assume=plain" in refusal(loaded, assume="none").reason
    assert "assume=plain" in refusal(loaded, assume=CHECKSUMS_RIGHT).reason


def test_what_filters_assume_is_an_assumption_of_the_verdict(tmp_path: Path) -> None:
    """Without it the same filters are rejected: a frame cut short has no address for flower."""
    body = "if (hdr.ipv4.isValid() && hdr.ipv4.dst == 7) { mark_to_drop(standard); } else { standard.egress_spec = 1; }"
    loaded = program(tmp_path, body)
    filters = TARGET.lower(loaded, None, {})
    checker = Checker(loaded, None, machines_confirm=False)
    assert checker.check_artifact(TARGET, filters, None).proof.verdict is Verdict.ACCEPT
    unsaid = checker.check_artifact(TARGET, FilterList(filters.filters), None)
    assert unsaid.proof.verdict is Verdict.REJECT


@pytest.mark.long
@pytest.mark.parametrize("name", [TAGS_WHOLE, TYPES_TOLD, CHECKSUMS_RIGHT, UNFRAGMENTED])
def test_no_assumption_is_made_in_vain(name: str, tmp_path: Path) -> None:
    """Without it the filters are rejected."""
    asked = "if (hdr.ethernet.type == 0x0800) { mark_to_drop(standard); } else { standard.egress_spec = 1; }"
    given = {
        TAGS_WHOLE: lambda: example("qinq"),
        TYPES_TOLD: lambda: (program(tmp_path, asked, parser=NOTHING_MORE), None),
        CHECKSUMS_RIGHT: lambda: example("router"),
        UNFRAGMENTED: lambda: example("acl"),
    }
    loaded, rules = given[name]()
    filters = TARGET.lower(loaded, rules, {})
    assert name in filters.assumes
    less = replace(filters, assumes=tuple(other for other in filters.assumes if other != name))
    checker = Checker(loaded, rules, machines_confirm=False)
    assert checker.check_artifact(TARGET, less, None).proof.verdict is Verdict.REJECT


def test_hooks_are_chosen_by_options(tmp_path: Path) -> None:
    loaded = program(tmp_path, "standard.egress_spec = 1;", parser=NOTHING_MORE)
    assert str(TARGET.lower(loaded, None, {"device": "eth7"}).hook) == "dev eth7 ingress"
    assert str(TARGET.lower(loaded, None, {"block": "12"}).hook) == "block 12"
    for options in ({"block": "0"}, {"block": "x"}, {"device": "a", "block": "1"}, {"assume": "nice"}, {"x": "y"}):
        with pytest.raises(InputError):
            TARGET.lower(loaded, None, options)


def test_an_unknown_assumption_is_an_error() -> None:
    with pytest.raises(InputError, match="no assumption is called 'nice'"):
        TARGET.read(b"# p4verify assumes: nice\nfilter add dev port0 ingress flower action drop\n", "f")


def test_filters_that_exclude_one_another_share_a_priority(tmp_path: Path) -> None:
    declarations = FORWARD.replace("hdr.ethernet.dst: exact", "hdr.ipv4.dst: lpm")
    loaded = program(tmp_path, "if (hdr.ipv4.isValid()) { t.apply(); }", declarations=declarations)
    text = "".join(f"table_add I.t forward 10.{i}.0.0/16 => {i}\ntable_add I.t forward 10.{i}.1.0/24 => 9\n"
                   for i in range(10))  # fmt: skip
    filters = proven(loaded, read_rules(text, "r", loaded))
    masks = {f.pref: k.mask for f in filters.filters for k in f.keys if isinstance(k, Match) and k.field == "dst_ip"}
    assert sorted(masks.values()) == [0xFFFF0000, 0xFFFFFF00]
