"""Files of commands that change flows and groups, or take them away: what is left; Open vSwitch says the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.openflow.artifact import Bridge, Output, Resubmit, read, read_text, recognises
from p4verify.targets.openflow.meaning import meaning
from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.changing_flows import (
    BUCKETS,
    BUNDLE,
    FORMS,
    GROUPS,
    LATER_FLOWS,
    Bench,
    Form,
    dumped,
    judge_files,
    judge_messages,
)


@pytest.fixture(scope="module")
def bench(switch: OpenVSwitch) -> Iterator[Bench]:
    """A private switch, where there is one."""
    made = Bench()
    yield made
    made.close()


def bridge(*lines: str) -> Bridge:
    return read_text("".join(f"{line}\n" for line in lines), "s")


def left(*lines: str) -> list[tuple[int, int, int]]:
    """Table, cookie and port of the flows that are left."""
    return [
        (flow.table, flow.cookie, next((one.port for one in flow.actions if isinstance(one, Output)), 0))
        for flow in bridge(*lines).flows
    ]


LATER = "reset_counts,table=9 actions=9"
"""A flow for OpenFlow 1.3 and later."""
FIVE = (
    "cookie=1,ip actions=1",
    "cookie=2,tcp actions=2",
    "cookie=3,tcp,tp_dst=80 actions=clone(output:3)",
    "cookie=4,priority=7,ip actions=4",
    "cookie=5,table=1,arp actions=5",
)


# --- flows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "stay"),
    [
        ("delete ip", {5}),
        ("delete tcp", {1, 4, 5}),
        ("del tcp,tp_dst=80", {1, 2, 4, 5}),
        ("delete_strict ip", {2, 3, 4, 5}),
        ("delete_strict dl_type=0x800", {2, 3, 4, 5}),
        ("delete_strict priority=7,ip", {1, 2, 3, 5}),
        ("delete_strict priority=8,ip", {1, 2, 3, 4, 5}),
        ("delete table=0", {5}),
        ("delete table=1", {1, 2, 3, 4}),
        ("delete table=255,arp", {1, 2, 3, 4}),
        ("delete out_port=3", {1, 2, 4, 5}),
        ("delete out_port=4,tcp", {1, 2, 3, 4, 5}),
        ("delete cookie=0x4/0xc", {1, 2, 3}),
        ("delete cookie=4/-1,ip", {1, 2, 3, 5}),
        ("delete_strict cookie=3/-1,ip", {1, 2, 3, 4, 5}),
        ("delete ip,nw_src=10.0.0.0/8", {1, 2, 3, 4, 5}),
    ],
)
def test_a_deletion_means_flows_that_ask_for_all_that_it_asks_for(command: str, stay: set[int]) -> None:
    assert {cookie for _, cookie, _ in left(*FIVE, command)} == stay


@pytest.mark.parametrize("command", ["modify table=0,ip actions=9", "mod table=0,priority=3,ip actions=9"])
def test_a_modification_gives_new_actions_whatever_the_priority(command: str) -> None:
    found = bridge(*FIVE, LATER, command).flows
    assert [(flow.cookie, flow.actions) for flow in found if flow.cookie < 5 and flow.table == 0] == [
        (cookie, (Output(9),)) for cookie in (1, 2, 3, 4)
    ]
    assert [flow.priority for flow in found] == [0x8000, 0x8000, 0x8000, 7, 0x8000, 0x8000]
    assert found[0].span.line == 7


def test_bits_that_a_flow_does_not_ask_for_are_not_those_of_a_command() -> None:
    assert left("reg0=0/1 actions=1", "reg0=0 actions=2", "delete reg0=0") == [(0, 0, 1)]
    assert left("reg0=0/1 actions=1", "reg0=3 actions=2", "delete reg0=2/2") == [(0, 0, 1)]


def test_a_strict_modification_means_one_flow() -> None:
    assert left(*FIVE, "modify_strict table=0,ip actions=9")[:2] == [(0, 1, 9), (0, 2, 2)]


def test_a_flow_that_is_added_again_is_the_new_one() -> None:
    assert left("cookie=1,ip actions=1", "cookie=2,ip actions=2", "delete arp") == [(0, 2, 2)]
    assert left("cookie=1,ip actions=1", "cookie=-1,ip actions=2", "delete arp") == [(0, 1, 2)]


def test_where_versions_of_openflow_differ_a_flow_file_is_unsupported_and_a_bundle_is_not() -> None:
    nothing = ("cookie=1,ip actions=1", "modify arp actions=2")
    elsewhere = ("cookie=1,table=1,ip actions=1", "ip actions=2", "modify ip actions=3")
    by_cookie = ("cookie=1,ip actions=1", "modify ip actions=3", "delete cookie=0/-1,ip", "arp actions=4")
    for lines, expected in (
        (nothing, [(0, 1, 1)]),
        (elsewhere, [(0, 0, 3), (1, 1, 1)]),
        (by_cookie, [(0, 1, 3), (0, 0, 4)]),
    ):
        with pytest.raises(Unsupported, match=r"in OpenFlow 1\.0 than in later") as caught:
            left(*lines)
        assert caught.value.span.line == (3 if lines is by_cookie else len(lines))
        assert left(LATER, *lines) == [*expected, (9, 0, 9)]
    assert left(*(f"flow {line}" for line in nothing)) == [(0, 1, 1)]
    assert left("ip actions=1", "modify cookie=1/1,arp actions=2") == [(0, 0, 1)]  # a mask: nothing is added
    assert left("ip actions=1", "modify table=0,ip actions=2") == [(0, 0, 2)]


def test_a_comment_says_for_which_version_a_flow_file_is() -> None:
    nothing = ("cookie=1,ip actions=1", "modify arp actions=2")
    elsewhere = ("cookie=1,table=1,ip actions=1", "ip actions=2", "modify ip actions=3")
    by_cookie = ("cookie=1,ip actions=1", "modify ip actions=3", "delete cookie=0/-1,ip", "arp actions=4")
    for version in ("1.3", "1.4", "1.5"):
        said = f"# p4verify openflow: {version}"
        assert left(said, *nothing) == [(0, 1, 1)]
        assert left(said, *elsewhere) == [(0, 0, 3), (1, 1, 1)]
        assert left(said, *by_cookie) == [(0, 1, 3), (0, 0, 4)]
        with pytest.raises(Unsupported, match="mod_vlan_vid in a file for"):
            left(said, "ip actions=load:0->NXM_OF_VLAN_TCI[],mod_vlan_vid:3,1")
    said = "# p4verify openflow: 1.0"
    assert left(said, *nothing) == [(0, 1, 1), (0, 0, 2)]
    assert left(said, *elsewhere) == [(0, 0, 3), (1, 0, 3)]
    assert left(said, *by_cookie) == [(0, 0, 4)]
    assert bridge(said, "ip actions=mod_vlan_vid:3,1") == bridge("ip actions=mod_vlan_vid:3,1")
    assert bridge(said, "ip actions=1,goto_table:3") == bridge("ip actions=1,goto_table:3")  # sent as resubmit(,3)
    for instruction in ("write_metadata:1,goto_table:3", "write_actions(output:1)", "1,clear_actions"):
        with pytest.raises(Unsupported, match="instructions in a file for"):
            left(said, f"ip actions={instruction}")
    for line in ("reset_counts,ip actions=1", "ip actions=push_vlan:0x8100,1", "ip actions=meter:1,1"):
        with pytest.raises(InputError, match="this file says what OpenFlow"):
            left(said, line)
    with pytest.raises(InputError, match="this file says what OpenFlow"):
        left(said, "flow ip actions=1")
    with pytest.raises(InputError, match="no version of OpenFlow"):
        left("# p4verify openflow: 1.7", *nothing)
    with pytest.raises(InputError, match="one version"):
        left(said, "# p4verify openflow: 1.3", *nothing)


@pytest.mark.parametrize("action", ["write_actions(output:3)", "output:3,clear_actions"])
def test_what_ovs_ofctl_may_leave_out_is_said_of_a_file_that_names_no_version(action: str) -> None:
    """Version 3.1 installs ``write_actions(output:3)`` as ``drop`` if it is not told to speak a later one."""
    check_note_about_versions(f"ip actions={action}", "leaves out write_actions")


def test_what_the_switch_may_refuse_is_said_of_a_file_that_names_no_version() -> None:
    check_note_about_versions("ip actions=write_metadata:1,goto_table:1", "refuses write_metadata with goto_table")


def test_the_switch_has_instructions_of_a_file_for_1_0_as_they_are_read(bench: Bench) -> None:
    lines = ["table=1,ip actions=2", "table=2,ip actions=write_metadata:3", "ip actions=1,goto_table:1"]
    assert bench.put(("add-flows", "OpenFlow10"), lines) is None
    shown = meaning(dumped(bench.switch))
    assert any(isinstance(one, Resubmit) for flow in dumped(bench.switch).flows for one in flow.actions)
    written = meaning(bridge("# p4verify openflow: 1.0", *lines))
    assert [case.terms() for case in shown.cases] == [case.terms() for case in written.cases]
    assert bench.put(("add-flows", "OpenFlow10"), ["ip actions=write_metadata:1,goto_table:1"]) is not None


def check_note_about_versions(flow: str, said: str) -> None:
    shown = f" cookie=0x0, duration=1.0s, table=0, n_packets=0, n_bytes=0, {flow}"
    for lines, expected in (
        ((flow,), True),
        (("ip actions=output:3",), False),
        (("# p4verify openflow: 1.3", flow), False),
        ((f"flow add {flow}",), False),
        ((shown,), True),  # ovs-ofctl adds lines with counters, too
        (("NXST_FLOW reply (xid=0x4):", shown), False),
    ):
        notes = meaning(read_text("\n".join(lines), "flows")).notes
        assert any(said in note for note in notes) is expected, lines


def test_flows_that_may_overlap_are_refused_where_a_line_says_so() -> None:
    with pytest.raises(InputError, match="overlaps the flow of s:1:1") as caught:
        bridge("ip actions=1", "add check_overlap,tcp_dst=80,tcp actions=2")
    assert caught.value.diagnostics[0].span.line == 2
    with pytest.raises(InputError, match="overlaps"):
        bridge("ip,nw_src=10.0.0.0/8 actions=1", "add check_overlap,ip,nw_src=10.1.0.0/16 actions=2")
    assert len(bridge("ip actions=1", "add check_overlap,priority=3,tcp actions=2").flows) == 2
    assert len(bridge("ip actions=1", "add check_overlap,arp actions=2").flows) == 2
    assert left("ip actions=1", "add check_overlap,ip actions=2") == [(0, 0, 2)]


def test_overlapping_flows_without_a_command_are_those_of_a_dump_if_it_is_one() -> None:
    lines = ("ip actions=1", "check_overlap,tcp actions=2")
    with pytest.raises(Unsupported, match="check_overlap of a flow that overlaps the one of s:1") as caught:
        bridge(*lines)
    assert caught.value.span.line == 2
    assert len(bridge(*reversed(lines)).flows) == 2
    assert len(bridge("ip actions=1", "check_overlap,arp actions=2").flows) == 2
    assert len(bridge("ip actions=1", "check_overlap,priority=3,tcp actions=2").flows) == 2
    assert len(bridge("ip actions=1", "check_overlap,ip actions=2").flows) == 2
    assert len(bridge("NXST_FLOW reply (xid=0x4):", *lines).flows) == 2
    assert len(bridge(f"n_packets=0, {lines[0]}", lines[1]).flows) == 2
    with pytest.raises(Unsupported, match="check_overlap in a bundle"):
        bridge(*(f"flow {line}" for line in lines))


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("delete priority=3,ip", 8, "'priority' is no field"),
        ("delete ip actions=drop", 11, "'actions' is no field"),
        ("delete cookie=3,ip", 15, "say a mask"),
        ("delete idle_timeout=3", 8, "'idle_timeout' is no field"),
        ("delete table=254", 14, "tables are numbered"),
        ("modify ip", 1, "a flow needs actions"),
        ("modify importance=3,ip actions=1", 8, "'importance' is no field"),
        ("modify out_port=3,ip actions=1", 8, "'out_port' is no field"),
        ("out_port=3,ip actions=1", 1, "'out_port' is no field"),
        ("add cookie=3/-1,ip actions=1", 12, "no mask of its cookie"),
        ("delete check_overlap,ip", 8, "'check_overlap' is no field"),
        ("group insert_buckets group_id=1,command_bucket_id=last", 7, "'insert_buckets' is not known of groups"),
        ("group insert_bucket group_id=1,bucket=1", 7, "inserted somewhere"),
        ("group insert_bucket group_id=1,command_bucket_id=last,bucket=watch_port:1,1", 7, "the switch refuses"),
        ("group remove_bucket group_id=1,bucket=1", 32, "no buckets are needed"),
        ("group remove_bucket group_id=1,type=all", 32, "'type' is not needed"),
        ("group delete type=all", 14, "'type' is not needed"),
        ("group modify group_id=1", 7, "needs a type"),
        ("group modify group_id=0xffffff01,type=all", 7, "groups are numbered"),
        ("group group_id=1,type=all,bucket=bucket_id:0,1,bucket=2", 7, "two buckets have the same number"),
    ],
)
def test_what_the_tools_refuse_is_an_error_at_its_place(line: str, column: int, said: str) -> None:
    with pytest.raises(InputError) as caught:
        bridge("# a comment", line)
    diagnostic = caught.value.diagnostics[0]
    assert (diagnostic.span.line, diagnostic.span.column) == (2, column)
    assert said in diagnostic.message


def test_nothing_that_is_left_is_an_error() -> None:
    with pytest.raises(InputError, match="leave no flow"):
        bridge("ip actions=1", "delete")


def test_what_is_not_known_of_a_command_is_unsupported_at_its_place() -> None:
    for lines, said in (
        (("nd_target=::1,icmp6,icmp_type=135 actions=1", "delete nd_target=::1,icmp6,icmp_type=135"), "nd_target"),
        (("ip actions=learn(table=1),2", "delete out_port=2"), "beside a flow that does learn"),
        (("dl_vlan=0xffff actions=1", "delete_strict vlan_tci=0/0x1000"), "two ways to ask for frames without a tag"),
        (("ip actions=1", "delete cookie=0/-1,reg0=1"), "some that the switch has for itself"),
    ):
        with pytest.raises(Unsupported, match=said) as caught:
            bridge(*lines)
        assert caught.value.span.line == 2


def test_a_bundle_may_miss_flows_of_its_own() -> None:
    """Open vSwitch finds flows loosely whose mask a bundle has brought only if the bridge's past is right."""
    for command in ("modify ip actions=3", "delete", "delete cookie=0/1"):
        with pytest.raises(Unsupported, match="in a bundle, which may miss the flow of s:1:6") as caught:
            bridge("flow ip actions=1", f"flow {command}", "flow arp actions=2")
        assert caught.value.span.line == 2
    with pytest.raises(Unsupported, match="check_overlap in a bundle"):
        bridge("flow ip actions=1", "flow add check_overlap,tcp actions=3")
    for command in ("delete arp", "delete_strict ip", "delete cookie=0/-1,ip", "modify_strict ip actions=3"):
        assert left("flow ip actions=1", f"flow {command}", "flow arp actions=2")


SENT = "packet-out in_port=1 packet=ffffffffffff0200000000010800"
"""A line that sends a packet, but for its actions."""


def test_a_packet_that_a_bundle_sends_changes_nothing() -> None:
    flow, group = "flow ip actions=3", "group add group_id=1,type=all,bucket=1"
    for actions in ("", " actions=", " actions=2", " actions=drop", " actions=table"):
        assert left(flow, f"{SENT}{actions}", "flow arp actions=2") == [(0, 0, 3), (0, 0, 2)]
    assert left(group, flow, f"{SENT} actions=group:1") == [(0, 0, 3)]
    assert left(flow, f"{SENT} actions=2", "flow arp actions=learn(table=1)")[0] == (0, 0, 3)
    with pytest.raises(InputError, match="group 1 is not there"):
        left(flow, f"{SENT} actions=group:1", group)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((f"{SENT} actions=learn(table=1)",), "by more than 'output' and 'group'"),
        ((f"{SENT} actions=resubmit(,1)",), "by more than 'output' and 'group'"),
        ((f"{SENT} actions=table", "flow arp actions=learn(table=1)"), "actions that are not modelled might learn"),
        ((f"{SENT} actions=table", "flow delete_strict arp", "flow modify_strict arp actions=learn(table=1)"), "learn"),
        ((f"{SENT} actions=table", "group add group_id=1,type=all,bucket=learn(table=1)"), "might learn"),
        ((f"{SENT} actions=group:1", "group add group_id=2,type=all"), "a group that no command tells of"),
        ((f"{SENT} actions=group:1", "group add group_id=1,type=ff,bucket=watch_port:1,group:1"), "on and on"),
        ((f"{SENT} actions=table", "flow ip actions=resubmit(,0)"), "s:3:6 may send on and on"),
        ((f"{SENT} actions=table", "flow arp actions=goto_table:1"), "on and on"),
        ((f"{SENT.replace('packet=', 'reg0=1,packet=')} actions=1",), "sent with 'reg0'"),
    ],
)
def test_a_packet_that_may_make_flows_is_unsupported(lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(Unsupported, match=said) as caught:
        left("flow ip actions=3", *lines)
    assert caught.value.span.line == 2


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("packet-out in_port=1 actions=2", 12, "the packet that is sent is missing"),
        ("packet-out in_port=1 packet=ffffffffffff actions=2", 29, "at least 14 bytes"),
        (f"{SENT}0 actions=2", 29, "two hexadecimal digits each"),
        (f"{SENT},actions=2,foo", 68, "'foo'"),
        ("packet-out foo", 12, "'foo' needs a value"),
    ],
)
def test_a_packet_that_the_tools_refuse_is_an_error(line: str, column: int, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        bridge("flow ip actions=3", line)
    assert (caught.value.diagnostics[0].span.line, caught.value.diagnostics[0].span.column) == (2, column)


def test_only_a_bundle_sends_packets() -> None:
    with pytest.raises(InputError, match="in a file that is no bundle"):
        bridge("ip actions=3", f"{SENT} actions=2")


# --- groups -------------------------------------------------------------------------------------------------------

THREE = "group add group_id=1,type=select,bucket=bucket_id:5,1,bucket=bucket_id:6,weight:3,2,bucket=3"


def buckets(*lines: str) -> list[tuple[int, int, list[int]]]:
    """Number, weight and ports of the buckets of group 1."""
    (group,) = bridge(*lines).groups
    return [
        (one.number, one.weight, [action.port for action in one.actions if isinstance(action, Output)])
        for one in group.buckets
    ]


@pytest.mark.parametrize(
    ("command", "numbers"),
    [
        ("insert_bucket group_id=1,command_bucket_id=first,bucket=bucket_id:9,4", [9, 5, 6, 0]),
        ("insert_bucket group_id=1,command_bucket_id=last,bucket=bucket_id:9,4,bucket=bucket_id:8,4", [5, 6, 0, 9, 8]),
        ("insert group_id=1,command_bucket_id=5,bucket=bucket_id:9,4", [5, 9, 6, 0]),
        ("remove_bucket group_id=1,command_bucket_id=6", [5, 0]),
        ("remove_bucket group_id=1,command_bucket_id=first", [6, 0]),
        ("remove_bucket group_id=1,command_bucket_id=last", [5, 6]),
        ("remove_bucket group_id=1", []),
        ("modify group_id=1,type=select,bucket=4,bucket=5", [0, 1]),
        ("add_or_mod group_id=1,type=all,bucket=4", [0]),
        ("delete group_id=2", [5, 6, 0]),
    ],
)
def test_buckets_are_inserted_and_removed(command: str, numbers: list[int]) -> None:
    assert [number for number, _, _ in buckets(THREE, f"group {command}")] == numbers


def test_buckets_that_are_inserted_have_no_weight_but_what_is_said() -> None:
    inserted = (
        "group insert_bucket group_id=1,command_bucket_id=first,bucket=bucket_id:9,4,bucket=bucket_id:8,weight:2,4"
    )
    assert buckets(THREE, inserted)[:3] == [(9, 0, [4]), (8, 2, [4]), (5, 1, [1])]
    assert buckets("group add group_id=1,type=all", inserted) == [(9, 1, [4]), (8, 1, [4])]


def test_flows_that_lead_to_a_group_go_with_it() -> None:
    flows = ("flow priority=9 actions=group:1", "flow ip actions=write_actions(group:1)", "flow arp actions=2")
    inner = "flow table=1 actions=clone(group:1)"
    assert left(THREE, *flows, inner, "group delete group_id=1") == [(0, 0, 2)]
    assert left(THREE, *flows, inner, "group delete") == [(0, 0, 2)]
    assert left(THREE, *flows, "flow modify_strict priority=9 actions=3", "group delete") == [(0, 0, 3), (0, 0, 2)]


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ((THREE, THREE, "group delete group_id=2"), 2, "group 1 is there"),
        ((THREE, "group modify group_id=2,type=all"), 2, "group 2 is not there"),
        ((THREE, "group remove_bucket group_id=2"), 2, "group 2 is not there"),
        ((THREE, "group remove_bucket group_id=1,command_bucket_id=7"), 2, "no bucket 7"),
        ((THREE, "group insert_bucket group_id=1,command_bucket_id=7,bucket=bucket_id:9,1"), 2, "no bucket 7"),
        ((THREE, "group insert_bucket group_id=1,command_bucket_id=last,bucket=1"), 2, "the same number"),
        ((THREE, "group delete", "flow actions=group:1"), 3, "group 1 is not there"),
        (("flow actions=group:1", THREE, "flow delete arp"), 1, "group 1 is not there"),
        ((THREE, "flow actions=1", "group delete", "flow modify_strict actions=clone(group:1)"), 4, "1 is not there"),
    ],
)
def test_what_the_switch_refuses_is_an_error_at_its_place(lines: tuple[str, ...], line: int, said: str) -> None:
    with pytest.raises(InputError) as caught:
        bridge(*lines)
    assert said in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].span.line == line


def test_a_group_that_no_line_tells_of_may_be_in_the_switch() -> None:
    assert len(bridge("group delete group_id=2", "flow actions=group:1").flows) == 1


def test_what_no_group_can_be_added_with_is_unsupported() -> None:
    for kind, command in (
        ("type=indirect,bucket=1", "remove_bucket group_id=1"),
        ("type=indirect,bucket=1", "insert_bucket group_id=1,command_bucket_id=last,bucket=bucket_id:9,1"),
        ("type=ff,bucket=watch_port:1,1", "insert_bucket group_id=1,command_bucket_id=last,bucket=bucket_id:9,1"),
    ):
        with pytest.raises(Unsupported, match=r"an indirect group with|that watches nothing"):
            bridge(f"group add group_id=1,{kind}", f"group {command}")


def test_files_of_groups_have_commands_too() -> None:
    lines = ("group_id=1,type=all,bucket=1", "add_or_mod group_id=2,type=all", "del group_id=1")
    assert [group.number for group in bridge(*lines).groups] == [2]
    with pytest.raises(Unsupported, match="of groups or of flows"):
        bridge("group_id=1,type=all,bucket=1", "delete")


# --- the switch ---------------------------------------------------------------------------------------------------


def test_files_of_commands_are_recognised() -> None:
    for data in (b"flow delete ip\nflow arp actions=1", b"group modify group_id=1,type=all", b"delete\nip actions=1"):
        assert recognises(data)
    assert read(b"delete\nip actions=1", "s").flows == bridge("ip actions=1").flows


TAGGING = (
    "actions=mod_vlan_vid:3,2", "dl_vlan=0xffff actions=mod_vlan_vid:3,2", "dl_vlan_pcp=3 actions=mod_vlan_vid:4,2",
    "actions=mod_vlan_pcp:3,mod_vlan_vid:4,2", "actions=resubmit(,1),mod_vlan_vid:4,2",
    "dl_vlan=5 actions=resubmit(,1),mod_vlan_vid:4,2", "dl_vlan=5 actions=pop_vlan,mod_vlan_pcp:4,2",
    "actions=push_vlan:0x8100,pop_vlan,mod_vlan_vid:4,2", "actions=clone(mod_vlan_vid:4,2),mod_vlan_vid:5,1",
    "actions=clone(push_vlan:0x8100,2),mod_vlan_vid:5,1", "dl_vlan=5 actions=clone(pop_vlan,2),mod_vlan_vid:5,1",
    "dl_vlan=5 actions=write_actions(mod_vlan_vid:4,output:2)", "actions=write_actions(mod_vlan_vid:4,output:2)",
    "ip actions=dec_ttl,mod_vlan_vid:4,2", "actions=push_mpls:0x8847,mod_vlan_vid:4,2",
    "vlan_tci=0x1000/0x1000 actions=set_field:0x1005->vlan_vid,mod_vlan_pcp:4,2", "actions=2,mod_vlan_pcp:4,2,note:01",
)  # fmt: skip


def test_mod_vlan_vid_is_what_open_vswitch_has_in_later_versions(bench: Bench) -> None:
    for line in TAGGING:
        for way, text in ((("add-flows", "OpenFlow13"), line), (("bundle", "OpenFlow14"), f"flow {line}")):
            assert bench.put(way, [text]) is None
            said = () if text.startswith("flow") else ("# p4verify openflow: 1.3",)
            assert bridge(*said, text).flows[0].actions == dumped(bench.switch).flows[0].actions, text


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_is_left_is_what_open_vswitch_has(bench: Bench, form: Form) -> None:
    found = judge_files(bench, form, seed=1, count=25)
    assert not found.wrong, found.wrong[0]
    assert found.counts[f"{form.name} same"] > 5


@pytest.mark.long
@pytest.mark.parametrize("form", [LATER_FLOWS, GROUPS, BUNDLE, BUCKETS], ids=lambda form: form.name)
def test_messages_leave_what_open_vswitch_has(bench: Bench, form: Form) -> None:
    found = judge_messages(bench, form, seed=2, count=12)
    assert not found.wrong, found.wrong[0]
    assert found.counts["same"]
