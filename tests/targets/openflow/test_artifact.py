"""Flows and groups: what is read is what is printed; what is wrong is said at its place."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.openflow.artifact import (
    CFI,
    CONTROLLER,
    IN_PORT,
    Band,
    Bits,
    Bucket,
    Flow,
    Goto,
    Group,
    Masked,
    Meter,
    Move,
    Output,
    OutputBits,
    Prerequisites,
    Resubmit,
    Selection,
    SetField,
    WriteActions,
    print_flow,
    print_meter,
    read,
    read_text,
    recognises,
    write,
)
from tests.support.openflow_random import Flows

DUMP = """\
OFPST_FLOW reply (OF1.5) (xid=0x2):
 cookie=0x7, duration=0.035s, table=0, n_packets=3, n_bytes=9, idle_age=0, priority=10,ip,nw_dst=10.0.0.0/8 actions=\
set_field:10.9.9.9->ip_dst,dec_ttl,goto_table:1
 cookie=0x0, duration=0.035s, table=1, n_packets=0, n_bytes=0, reg0=0x5 actions=output:2,IN_PORT,group:7
"""


@settings(max_examples=150)
@given(st.integers(0, 1 << 32))
def test_what_is_printed_is_read_as_the_same(seed: int) -> None:
    bridge = read_text(Flows(random.Random(seed)).text())
    assert read(write(bridge), "again") == bridge
    assert recognises(write(bridge))


def test_a_dump_is_read_without_its_counters() -> None:
    bridge = read_text(DUMP)
    first, second = bridge.flows
    assert first.cookie == 7
    assert first.priority == 10
    assert first.match == (Masked("eth_type", 0x0800, 0xFFFF), Masked("ip_dst", 0x0A000000, 0xFF000000))
    assert first.actions[0] == SetField("ip_dst", 0x0A090909, 0xFFFFFFFF, Prerequisites((0x0800,)))
    assert first.actions[2] == Goto(1)
    assert second.table == 1
    assert second.priority == 0x8000
    assert second.actions[1] == Output(IN_PORT)
    assert first.span.line == 2
    assert recognises(DUMP.encode())


def test_a_dump_calls_types_of_icmpv6_types_of_icmp() -> None:
    dumped, written = (read_text(f"icmp6,{word}=128 actions=drop").flows for word in ("icmp_type", "icmpv6_type"))
    assert dumped == written


def test_groups_of_a_dump_and_of_a_bundle() -> None:
    head = "group_id=7,type=select"
    dumped = read_text(f"{head},bucket=bucket_id:0,weight:3,actions=output:3,bucket=bucket_id:1,actions=drop")
    bundled = read_text(f"group add {head},bucket=weight:3,output:3,bucket=actions=\nflow add actions=group:7")
    assert dumped.groups == (Group(7, "select", (Bucket((Output(3),), weight=3), Bucket(()))),)
    assert bundled.groups == dumped.groups


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("dl_vlan=5", (Masked("vlan_tci", 5 | CFI, 0xFFF | CFI),)),
        ("dl_vlan=0xffff", (Masked("vlan_tci", 0, 0xFFFF),)),
        ("dl_vlan_pcp=3", (Masked("vlan_tci", 3 << 13 | CFI, 7 << 13 | CFI),)),
        ("dl_vlan=5,dl_vlan_pcp=3", (Masked("vlan_tci", 3 << 13 | 5 | CFI, 0xFFFF),)),
        ("vlan_vid=0x1000/0x1000", (Masked("vlan_tci", CFI, CFI),)),
        ("ct_state=+trk-new", (Masked("ct_state", 0x20, 0x21),)),
        ("tunnel_id=7", (Masked("tun_id", 7, (1 << 64) - 1),)),
        ("reg1=5/0xf", (Masked("reg1", 5, 0xF),)),
        ("in_port=3", (Masked("in_port", 3, 0xFFFF),)),
        ("nw_tos=9,ip", (Masked("eth_type", 0x800, 0xFFFF), Masked("nw_tos", 8, 0xFC))),
        (
            "tcp,tcp_flags=+syn-ack",
            (Masked("eth_type", 0x800, 0xFFFF), Masked("nw_proto", 6, 0xFF), Masked("tcp_flags", 2, 0x12)),
        ),
        ("mpls,mpls_bos=1", (Masked("eth_type", 0x8847, 0xFFFF), Masked("mpls_bos", 1, 1))),
    ],
)
def test_fields(match: str, expected: tuple[Masked, ...]) -> None:
    assert read_text(f"{match} actions=drop").flows[0].match == expected


def test_actions() -> None:
    words = "load:5->NXM_OF_IP_TOS[2..7],move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG0[8..15],output:reg0[0..15],resubmit(,4)"
    text = f"ip actions={words}"
    ip4, ip = Prerequisites((0x0800,)), Prerequisites((0x0800, 0x86DD))
    assert read_text(text).flows[0].actions == (
        SetField("nw_tos", 5 << 2, 0xFC, ip),
        Move(Bits("ip_src", 0, 8, ip4), Bits("reg0", 8, 8)),
        OutputBits(Bits("reg0", 0, 16)),
        Resubmit(None, 4),
    )
    assert read_text("actions=write_actions(controller,3)").flows[0].actions == (
        WriteActions((Output(CONTROLLER), Output(3))),
    )


METERS = """\
OFPST_METER_CONFIG reply (OF1.5) (xid=0x2):
meter=1 pktps burst bands=
type=drop rate=10 burst_size=5
type=drop rate=20 burst_size=7

meter=2 kbps stats bands=
type=dscp_remark rate=10 prec_level=1
"""


def test_meters_of_a_dump_and_of_a_comment() -> None:
    flow = "actions=meter:1,output:2\n"
    first = Meter(1, (Band("drop", 10, 5), Band("drop", 20, 7)), "pktps")
    bridge = read_text(METERS + flow)
    assert bridge.meters == (first, Meter(2, (Band("dscp_remark", 10, 0, 1),), "kbps", stats=True))
    assert b"\n# p4verify meter: meter=2,kbps,stats,bands=" in write(bridge)
    assert read(write(bridge), "again") == bridge
    assert read_text(f"{print_meter(first)}\n{flow}").meters == (first,)


def test_how_a_group_chooses() -> None:
    for fields in ("fields(ip_dst=255.0.0.0,tcp_src)", "fields(ip_dst=255.0.0.0 tcp_src)"):
        text = f"group_id=3,type=select,selection_method=hash,selection_method_param=7,{fields},bucket=watch_group:4,2"
        (group,) = read_text(text).groups
        assert group.selection == Selection("hash", 7, ("ip_dst=255.0.0.0", "tcp_src"))
        assert group.buckets == (Bucket((Output(2),), watch_group=4),)


def test_no_actions_drop() -> None:
    assert read_text("priority=1 actions=").flows == (Flow(priority=1),)
    assert read_text("priority=1 actions=drop").flows == (Flow(priority=1),)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("priority=1,tcp", 1, 1, "a flow needs actions"),
        ("\n  priority=70000 actions=drop", 2, 12, "does not fit into 16 bits"),
        ("nonsense=3 actions=drop", 1, 1, "is no field that is known"),
        ("actions=fly:3", 1, 9, "is no action that is known"),
        ("actions=output:eth0", 1, 16, "'eth0' is no field"),
        ("in_port=eth0 actions=drop", 1, 9, "a port's number expected"),
        ("actions=write_actions(output:3", 1, 22, "never closed"),
        ("actions=drop,output:3", 1, 9, "drop stands alone"),
        ("actions=goto_table:1,output:3", 1, 9, "the last of a list"),
        ("actions=write_actions(output:3),4", 1, 9, "write_actions must not stand before 4"),
        ("actions=2,write_metadata:7,clear_actions", 1, 11, "must not stand before clear_actions"),
        ("actions=output:2,meter:3", 1, 9, "output must not stand before meter"),
        ("actions=set_field:5->vlan_vid", 1, 19, "says that there is a tag"),
        ("actions=set_field:5->dl_type", 1, 22, "cannot be written"),
        ("ip,nw_src=1.2.3 actions=drop", 1, 11, "an IPv4 address expected"),
        ("ip,nw_src=1.2.3.4/33 actions=drop", 1, 19, "at most 32 bits"),
        ("table=255 actions=drop", 1, 7, "tables are numbered"),
        ("flow deletes,ip actions=drop", 1, 6, "'deletes' is no field that is known"),
        ("group_id=1,type=some,bucket=output:1", 1, 17, "no kind of group"),
        ("group_id=1,type=all\ngroup_id=1,type=all", 2, 1, "there twice"),
        ("reg0=1,reg0=2 actions=drop", 1, 8, "matched twice"),
        ("group_id=1,type=ff,bucket=output:1", 1, 1, "watches a port or a group"),
        ("group_id=1,type=all,selection_method=hash,bucket=1", 1, 1, "only a group of type select"),
        ("group_id=1,type=select,selection_method=best,bucket=1", 1, 41, "no way to choose"),
        ("group_id=1,type=select,fields(ip_dst,size),bucket=1", 1, 38, "no field that is known"),
        ("meter=1,mbps,bands=type=drop,rate=3", 1, 9, "not known of meters"),
        ("meter=1 kbps bands=\ntype=drop speed=3", 2, 11, "not known of a meter's bands"),
        ("# p4verify meter: meter=1,kbps,band=type=burn,rate=3", 1, 42, "no kind of band"),
        ("meter=1\nmeter=1", 2, 1, "there twice"),
        ("# nothing", 1, 1, "no flow in this file"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_text(text, "some.flows")
    diagnostic = caught.value.diagnostics[0]
    assert (diagnostic.span.file, diagnostic.span.line, diagnostic.span.column) == ("some.flows", line, column)
    assert said in diagnostic.message


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [  # ovs-ofctl takes all of these
        ("tcp_dst=80 actions=drop", 1, 1, "a match on tcp_dst without one on the Ethernet type"),
        ("ip,tcp_dst=80 actions=drop", 1, 4, "a match on tcp_dst without one on the IP protocol"),
    ],
)
def test_what_the_tools_take_for_something_else_is_unsupported(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(Unsupported) as caught:
        read_text(text, "some.flows")
    assert said in caught.value.reason
    assert (caught.value.span.line, caught.value.span.column) == (line, column)


def test_a_line_may_begin_with_the_word_add() -> None:
    plain = "priority=3,ip actions=2\nip,nw_proto=4 actions=output:3\n"
    added = "add priority=3,ip actions=2\n  add ip,nw_proto=4 actions=output:3\n"
    assert read_text(added).flows == read_text(plain).flows


@pytest.mark.parametrize(("kind", "others"), [("icmp", "icmp_{}"), ("icmp6", "icmpv6_{}")])
def test_ports_of_icmp_are_type_and_code(kind: str, others: str) -> None:
    ports = read_text(f"{kind},tp_src=3,tp_dst=1 actions=2").flows
    assert ports == read_text(f"{kind},{others.format('type')}=3,{others.format('code')}=1 actions=2").flows


@settings(max_examples=200)
@given(st.integers(0, 1 << 16), st.data())
def test_damaged_flows_are_an_error_or_flows(seed: int, data: st.DataObject) -> None:
    text = write(read_text(Flows(random.Random(seed)).text())).decode()
    at = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.sampled_from(["", "(", ")", ",", "=", ":", "/", "->", "[", "99999999999999999999", "\0", "x"]))
    try:
        read((text[:at] + new + text[at + 1 :]).encode(), "damaged")
    except InputError as error:
        place = error.diagnostics[0].span
        if not place.line:
            raise
    except Unsupported as reason:
        if not reason.span.line:
            raise


@pytest.mark.parametrize("protocol", [(), (Masked("nw_proto", 7, 0xFF),)], ids=["none", "another"])
def test_ports_of_no_protocol_are_printed_as_the_tools_leave_them_out(protocol: tuple[Masked, ...]) -> None:
    flow = Flow(match=(Masked("eth_type", 0x800, 0xFFFF), *protocol, Masked("tp_dst", 80, 0xFFFF)))
    with pytest.raises(Unsupported, match="a match on tp_dst without one on the IP protocol"):
        read_text(print_flow(flow))
