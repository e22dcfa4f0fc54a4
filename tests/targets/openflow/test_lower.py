"""Programs as flows: proven equal, run on Open vSwitch, and what cannot be expressed is said at its place."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.ir import Program
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets import find
from p4verify.targets.base import CannotOffload
from p4verify.targets.openflow.artifact import (
    IN_PORT,
    PLAIN,
    TAGS_88A8,
    TAGS_8100,
    TAGS_WITHOUT_DEI,
    Bridge,
    DecMplsTtl,
    Goto,
    Output,
    OutputBits,
    PopMpls,
    PushVlan,
    SetField,
    ToGroup,
    read_text,
    write,
)
from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.lowered import judge

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
TARGET = find("openflow")
NAMES = ("balancer", "bridge", "ecmp", "firewall", "mirror", "mpls", "qinq", "router", "router_dual", "stages")

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header vlan_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type; }
header ipv4_t { bit<8> version_ihl; bit<8> tos; bit<16> length; bit<16> id; bit<16> fragment; bit<8> ttl;
                bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst; }
struct headers_t { ethernet_t ethernet; vlan_t vlan; ipv4_t ipv4; }
struct metadata_t { bit<8> kind; }
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start { packet.extract(hdr.ethernet); @PARSER@ }
    state vlan { packet.extract(hdr.vlan); transition accept; }
    state ipv4 { packet.extract(hdr.ipv4); transition accept; }
}
control V(inout headers_t hdr, inout metadata_t meta) { apply {} }
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    @DECLARATIONS@
    apply { @BODY@ }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) { apply { @EGRESS@ } }
control C(inout headers_t hdr, inout metadata_t meta) { apply {} }
control D(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.ethernet); packet.emit(hdr.vlan); packet.emit(hdr.ipv4); }
}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
BY_TYPE = "transition select(hdr.ethernet.type) { 0x8100: vlan; 0x0800: ipv4; default: accept; }"


def program(tmp_path: Path, body: str, *, parser: str = BY_TYPE, declarations: str = "", egress: str = "") -> Program:
    """A v1model program with this ingress."""
    text = PROGRAM.replace("@BODY@", body).replace("@PARSER@", parser)
    path = tmp_path / "p.p4"
    path.write_text(text.replace("@DECLARATIONS@", declarations).replace("@EGRESS@", egress))
    return load_program(str(path))


def example(name: str) -> tuple[Program, RuleSet]:
    """An example and its rules."""
    loaded = load_program(str(EXAMPLES / f"{name}.p4"))
    return loaded, read_rules((EXAMPLES / f"{name}.rules.cli").read_text(), f"{name}.rules.cli", loaded)


def proven(loaded: Program, rules: RuleSet | None = None) -> Bridge:
    """The flows, after they were proven to do what the program does."""
    checker = Checker(loaded, rules, machines_confirm=False)
    result = checker.check_lowered(TARGET, {})
    assert result.proof.verdict is Verdict.ACCEPT, result.proof.reason
    return TARGET.lower(loaded, rules, {})  # type: ignore[no-any-return]


def actions(bridge: Bridge) -> list[object]:
    """All actions of all flows."""
    return [action for flow in bridge.flows for action in flow.actions]


def refusal(loaded: Program, rules: RuleSet | None = None, **options: str) -> CannotOffload:
    """Why there are no flows."""
    with pytest.raises(CannotOffload) as caught:
        TARGET.lower(loaded, rules, options)
    return caught.value


# --- the examples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_flows_of_an_example_do_on_open_vswitch_what_the_source_does(name: str, switch: OpenVSwitch) -> None:
    loaded, rules = example(name)
    bridge = TARGET.lower(loaded, rules, {})
    tally = judge(TARGET, switch, loaded, rules, bridge, random.Random(name), 120)
    assert tally.mismatches == []
    assert tally.pairs > 40
    assert tally.sent


@pytest.mark.parametrize("name", NAMES)
def test_flows_are_read_as_they_were_written(name: str) -> None:
    bridge = TARGET.lower(*example(name), {})
    again = read_text(write(bridge).decode(), "again")
    assert (again.flows, again.groups, again.assumes) == (bridge.flows, bridge.groups, bridge.assumes)


def test_a_provider_bridge_is_proven() -> None:
    bridge = proven(*example("qinq"))
    assert bridge.assumes == (PLAIN, TAGS_88A8)
    assert PushVlan(0x88A8) in actions(bridge)


def test_labels_are_swapped_and_taken_off() -> None:
    made = actions(TARGET.lower(*example("mpls"), {}))
    assert DecMplsTtl() in made
    assert PopMpls(0x0800) in made


@pytest.mark.oracle
def test_the_switchs_cache_tells_label_stack_entries_apart(switch: OpenVSwitch) -> None:
    """It writes a whole entry, by what it has kept of the frame before."""
    source, rules = example("mpls")
    start, end = bytes.fromhex("000000000fa2 000000000001 8847"), bytes(40)
    entries = [0x7D3 << 12 | tc << 9 | 1 << 8 | ttl for tc, ttl in ((4, 64), (7, 64), (7, 9), (2, 30))]
    frames = [start + entry.to_bytes(4, "big") + end for entry in entries]
    seen = switch.run(TARGET.lower(source, rules, {}), [(9, frame) for frame in frames])
    expected = [sorted(run(source, rules, frame, 9).outputs) for frame in frames]
    assert [sorted(one.outputs) for one in seen] == expected
    assert all(expected)


def test_tables_stay_apart() -> None:
    bridge = TARGET.lower(*example("bridge"), {})
    assert sum(isinstance(action, Goto) for action in actions(bridge)) > 10
    assert any(isinstance(action, ToGroup) for action in actions(bridge))


# --- single things ----------------------------------------------------------------------------------------------------

FORWARD = """
    action drop() { mark_to_drop(standard); }
    action forward(bit<9> port) { standard.egress_spec = port; }
    table t { key = { hdr.ethernet.dst: exact; } actions = { forward; drop; } default_action = drop(); size = 100; }
"""


def entries(*ports: int) -> str:
    """One entry for each port."""
    return "".join(f"table_add I.t forward 02:00:00:00:00:{i:02x} => {port}\n" for i, port in enumerate(ports))


def test_entries_of_a_table_are_as_many_flows(tmp_path: Path) -> None:
    loaded = program(tmp_path, "t.apply();", declarations=FORWARD, parser="transition accept;")
    rules = read_rules(entries(*[1 + i % 5 for i in range(40)]), "r", loaded)
    bridge = proven(loaded, rules)
    assert len(bridge.flows) == 42
    assert bridge.assumes == ()  # addresses are where they are in any frame
    assert any(isinstance(action, OutputBits) for action in actions(bridge))
    assert {flow.priority for flow in bridge.flows if flow.table == 0} == {1, 2}


def test_a_frame_may_leave_where_it_came_from(tmp_path: Path, switch: OpenVSwitch) -> None:
    loaded = program(tmp_path, "standard.egress_spec = 1;", parser="transition accept;")
    bridge = proven(loaded)
    assert SetField("in_port", 0, 0xFFFF) in actions(bridge)
    assert [o.outputs for o in switch.run(bridge, [(1, bytes(20)), (2, bytes(20))])] == [(("port", 1, bytes(20)),)] * 2


def test_a_port_that_is_never_set_may_be_the_one_that_drops(tmp_path: Path) -> None:
    body = "if (hdr.ethernet.dst == 1) { standard.egress_spec = 4; }"
    assert len(proven(program(tmp_path, body, parser="transition accept;")).flows) == 1


def test_a_program_that_drops_all_has_no_flows(tmp_path: Path) -> None:
    assert TARGET.lower(program(tmp_path, "mark_to_drop(standard);"), None, {}).flows == ()


MIRROR = """
    action forward(bit<9> port) { standard.egress_spec = port; }
    action copy(bit<32> session) { clone(CloneType.I2E, session); }
    action both(bit<9> port, bit<32> session) { standard.egress_spec = port; clone(CloneType.I2E, session); }
    action drop() { mark_to_drop(standard); }
    table t { key = { hdr.ethernet.dst: exact; } actions = { forward; copy; both; drop; } default_action = drop(); }
"""


def test_clones_leave_beside_the_frame_or_without_it(tmp_path: Path, switch: OpenVSwitch) -> None:
    loaded = program(tmp_path, "t.apply();", declarations=MIRROR, parser="transition accept;")
    text = "mirroring_add 7 4\nmirroring_add 8 1\ntable_add I.t copy 1 => 7\ntable_add I.t both 2 => 2 7\n"
    text += "table_add I.t both 3 => 3 8\ntable_add I.t both 4 => 3 99\ntable_add I.t forward 5 => 1\n"
    rules = read_rules(text + "table_add I.t both 6 => 4 7\n", "r", loaded)
    bridge = proven(loaded, rules)
    frames = [(1, bytes(5) + bytes([i]) + bytes(20)) for i in range(1, 7)]
    ports = [sorted(port for _, port, _ in o.outputs) for o in switch.run(bridge, frames)]
    assert ports == [[4], [2, 4], [1, 3], [3], [1], [4, 4]]


def test_flows_grow_with_the_members_of_a_group_not_with_their_combinations(switch: OpenVSwitch) -> None:
    loaded, _ = example("bridge")
    text = (EXAMPLES / "bridge.rules.cli").read_text()
    made = []
    for last in (6, 7, 8, 9):
        ports = " ".join(map(str, range(5, last)))
        rules = read_rules(text.replace("mc_node_create 0 1 2 4", f"mc_node_create 0 1 2 4 {ports}"), "r", loaded)
        made.append(TARGET.lower(loaded, rules, {}))
    counts = [len(bridge.flows) for bridge in made]
    assert counts[3] - counts[2] == counts[2] - counts[1] == counts[1] - counts[0]
    tally = judge(TARGET, switch, loaded, rules, made[-1], random.Random(1), 60)
    assert tally.mismatches == []
    assert tally.sent > 10


def test_a_frame_is_sent_back(tmp_path: Path) -> None:
    loaded = program(tmp_path, "standard.egress_spec = standard.ingress_port;", parser="transition accept;")
    assert actions(proven(loaded)) == [Output(IN_PORT)]


def test_addresses_are_swapped(tmp_path: Path) -> None:
    body = """bit<48> old = hdr.ethernet.src; hdr.ethernet.src = hdr.ethernet.dst; hdr.ethernet.dst = old;
              standard.egress_spec = 2;"""
    bridge = proven(program(tmp_path, body, parser="transition accept;"))
    assert len(bridge.flows) == 1


def test_a_tag_is_written_to(tmp_path: Path, switch: OpenVSwitch) -> None:
    """The switch makes DEI 0 where something else changes, and leaves it where nothing does."""
    body = """if (hdr.vlan.isValid()) { hdr.vlan.vid = 7; hdr.vlan.dei = 0; } standard.egress_spec = 2;"""
    bridge = proven(program(tmp_path, body))
    assert bridge.assumes == (PLAIN, TAGS_8100, TAGS_WITHOUT_DEI)
    frame = bytes(12) + bytes.fromhex("8100 2005 88b5") + bytes(10)
    assert switch.run(bridge, [(1, frame)])[0].outputs[0][2] == bytes(12) + bytes.fromhex("8100 2007 88b5") + bytes(10)


def test_metadata_goes_from_table_to_table_in_registers(tmp_path: Path) -> None:
    declarations = (
        FORWARD
        + """
    action mark(bit<8> kind) { meta.kind = kind; }
    table k { key = { hdr.ethernet.src: exact; } actions = { mark; NoAction; } default_action = NoAction(); }
    table u { key = { meta.kind: exact; } actions = { forward; drop; } default_action = drop(); }
    """
    )
    loaded = program(tmp_path, "meta.kind = 0; k.apply(); u.apply();", declarations=declarations)
    text = "".join(f"table_add I.k mark 02:00:00:00:00:{i:02x} => {i % 7}\n" for i in range(20))
    text += "".join(f"table_add I.u forward {i} => {i + 1}\n" for i in range(6))
    bridge = proven(loaded, read_rules(text, "r", loaded))
    assert len(bridge.flows) < 50  # not 20 times 6


def test_two_types_of_tags_that_are_alike_need_no_assumption_about_types(tmp_path: Path) -> None:
    parser = "transition select(hdr.ethernet.type) { 0x8100: vlan; 0x88a8: vlan; default: accept; }"
    body = (
        "if (hdr.vlan.isValid() && hdr.vlan.vid == 5) { standard.egress_spec = 3; } else { standard.egress_spec = 2; }"
    )
    assert proven(program(tmp_path, body, parser=parser)).assumes == (PLAIN,)


@pytest.mark.parametrize(
    ("body", "reason", "line"),
    [
        ("standard.egress_spec = 0;", "port 0", 16),
        ("standard.egress_spec = 1; if (hdr.ipv4.length == 40) { mark_to_drop(standard); }", "in no field", 18),
        ("standard.egress_spec = 1; if (standard.packet_length == 40) { mark_to_drop(standard); }",
         "not in the frame", 18),
        ("standard.egress_spec = 1; hdr.ipv4.ttl = hdr.ipv4.ttl - 1;", "checksum is not updated", 18),
        ("standard.egress_spec = 1; hdr.ipv4.id = 7;", "what no action of OpenFlow writes", 18),
        ("standard.egress_spec = 1; hdr.vlan.dei = 1;", "DEI", 18),
        ("standard.egress_spec = 1; hdr.ethernet.type = 0x88b5;", "Ethernet type changes", 18),
        ("standard.egress_spec = 1; if (hdr.ethernet.src == hdr.ethernet.dst) { mark_to_drop(standard); }",
         "two fields", 18),
        ("standard.egress_spec = (bit<9>)hdr.ipv4.tos;", "egress port 0", 16),
    ],
)  # fmt: skip
def test_what_cannot_be_flows_is_said_at_its_place(tmp_path: Path, body: str, reason: str, line: int) -> None:
    error = refusal(program(tmp_path, body))
    assert reason in error.reason
    assert error.span.line == line


def test_tags_of_two_types_cannot_be_told_apart(tmp_path: Path) -> None:
    parser = """transition select(hdr.ethernet.type) { 0x8100: vlan; 0x88a8: other; default: accept; } }
                state other { meta.kind = 3; transition accept;"""
    body = "if (hdr.vlan.isValid()) { standard.egress_spec = 3; } else { standard.egress_spec = 2; }"
    assert "does not tell" in refusal(program(tmp_path, body, parser=parser)).reason


def test_what_is_assumed_may_be_forbidden(tmp_path: Path) -> None:
    loaded = program(tmp_path, "if (hdr.vlan.isValid()) { mark_to_drop(standard); } else { standard.egress_spec = 1; }")
    assert TARGET.lower(loaded, None, {}).assumes
    assert "assume" in refusal(loaded, assume="none").reason
    assert "tags-8100" in refusal(loaded, assume="plain").reason


def test_what_flows_assume_is_an_assumption_of_the_verdict(tmp_path: Path) -> None:
    """Without it the same flows are rejected: tags of type 0x88a8 are treated as those of 0x8100."""
    loaded = program(tmp_path, "if (hdr.vlan.isValid()) { mark_to_drop(standard); } else { standard.egress_spec = 1; }")
    bridge = TARGET.lower(loaded, None, {})
    checker = Checker(loaded, None, machines_confirm=False)
    said = checker.check_artifact(TARGET, bridge, None)
    assert said.proof.verdict is Verdict.ACCEPT
    unsaid = checker.check_artifact(TARGET, Bridge(bridge.flows, bridge.groups), None)
    assert unsaid.proof.verdict is Verdict.REJECT


def test_an_unknown_assumption_is_an_error() -> None:
    from p4verify.semantics.source import InputError

    with pytest.raises(InputError, match="no assumption is called 'nice'"):
        read_text("# p4verify assumes: nice\nactions=drop\n")
