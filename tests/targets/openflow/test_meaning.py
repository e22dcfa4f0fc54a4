"""What flows do: rules that people trip over, each as Open vSwitch does it, and the meaning against the switch."""

from __future__ import annotations

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.openflow.artifact import read_text
from p4verify.targets.openflow.meaning import meaning
from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.compiled import compiled, compiled_given, inside, possible
from tests.support.openflow_campaign import campaign

MACS = bytes.fromhex("020000000001 020000000002")
UDP = bytes.fromhex("0035 0050 0008 1234")
TCP = bytes.fromhex("0050 0051 00000000 00000000 5002 0000 abcd 0000")
PORTS_OF_TCP = "tcp,tcp_src=80 actions=output:2\ntcp,tcp_src=0 actions=output:3"


def ip4(payload: bytes, *, proto: int = 17, ttl: int = 64, flags: int = 0, length: int | None = None) -> bytes:
    """An Ethernet frame with an IPv4 packet, its checksum not right (nothing looks at it)."""
    total = 20 + len(payload) if length is None else length
    head = bytes((0x45, 0)) + total.to_bytes(2, "big") + b"\0\1" + flags.to_bytes(2, "big") + bytes((ttl, proto))
    return MACS + b"\x08\0" + head + b"\x11\x11" + bytes.fromhex("0a000001 0a000002") + payload


def with_offset(words: int) -> bytes:
    """A TCP header of 20 bytes that says that it has ``words`` words."""
    return TCP[:12] + bytes((words << 4,)) + TCP[13:]


def does(text: str, frame: bytes, port: int = 1) -> list[tuple[str, int, bytes]]:
    """What a bridge does with a frame, by its meaning."""
    return list(compiled(meaning(read_text(text)))(frame, port)[0])


PORTS_THAT_ARE_THERE = "\npriority=0 actions=output:2,output:3"
STACKED = (
    "actions=load:3->NXM_NX_REG3[],load:2->NXM_NX_REG2[],push:NXM_NX_XXREG0[],load:9->NXM_NX_REG3[],"
    "push:OXM_OF_PKT_REG1[32..63],pop:NXM_NX_REG8[],pop:NXM_NX_XXREG1[],output:NXM_NX_REG8[],output:NXM_NX_REG7[]"
) + PORTS_THAT_ARE_THERE
PARTLY_STACKED = (
    "actions=load:0x3->NXM_NX_REG0[16..31],push:NXM_NX_XXREG0[112..127],pop:NXM_NX_XXREG1[16..47],"
    "output:NXM_NX_REG7[16..31]"
) + PORTS_THAT_ARE_THERE
RULES = [
    ("back to where it came from", "actions=output:1,output:2", ip4(UDP), [2]),
    ("back, if that is said", "actions=in_port,output:2", ip4(UDP), [1, 2]),
    (
        "a register that nobody wrote is port 0: none",
        "actions=output:reg0[0..15],output:2",
        ip4(UDP),
        [2],
    ),
    ("a TTL that runs out ends the list", "ip actions=output:3,dec_ttl,output:2", ip4(UDP, ttl=1), [3]),
    ("... of this table only", "ip actions=resubmit(,1),output:2\ntable=1,ip actions=dec_ttl", ip4(UDP, ttl=1), [2]),
    ("a total length beyond the frame: no IP fields", "ip,nw_src=10.0.0.1 actions=output:2", ip4(UDP, length=99), []),
    ("... but the type", "ip actions=output:2", ip4(UDP, length=99), [2]),
    ("later fragments have no ports", "udp,tp_src=53 actions=output:2", ip4(UDP, flags=1), []),
    ("... and no others are written", "udp actions=set_field:7->udp_src,output:2", ip4(UDP, flags=1), [2]),
    ("no fragment has ports for a table", "udp,tp_src=53 actions=output:2", ip4(UDP, flags=0x2000), []),
    ("... they are 0 there", "udp,tp_src=0 actions=output:2", ip4(UDP, flags=0x2000), [2]),
    ("of two flows the higher", "priority=2 actions=output:2\npriority=3,ip actions=output:3", ip4(UDP), [3]),
    ("no flow, no frame", "arp actions=output:2", ip4(UDP), []),
    ("the action set comes last, groups before outputs", "actions=output:3,write_actions(output:2)", ip4(UDP), [2, 3]),
    ("an action set without an output does nothing", "actions=write_actions(pop_vlan)", ip4(UDP), []),
    (
        "a bucket sends to no register's port",
        "group_id=1,type=all,bucket=actions=output:reg0[0..15],bucket=actions=output:3\nactions=set_field:2->reg0,group:1",
        ip4(UDP),
        [3],
    ),
    ("where a frame came from is forgotten", "actions=load:0->NXM_OF_IN_PORT[],output:1,output:2", ip4(UDP), [1, 2]),
    ("... then back is nowhere", "actions=load:0->NXM_OF_IN_PORT[],in_port,output:2", ip4(UDP), [2]),
    (
        "where a frame came from is taken from the stack",
        "actions=push:NXM_OF_IN_PORT[],load:0->NXM_OF_IN_PORT[],output:1,pop:NXM_OF_IN_PORT[],output:1,in_port",
        ip4(UDP),
        [1, 1],
    ),
    (
        "... or from another field",
        "actions=load:2->NXM_NX_REG0[],move:NXM_NX_REG0[0..15]->NXM_OF_IN_PORT[],output:1,output:2,in_port",
        ip4(UDP),
        [1, 2],
    ),
    ("registers together on the stack", STACKED, ip4(UDP), [2, 3]),
    ("a part of them", PARTLY_STACKED, ip4(UDP), [3]),
    ("a TCP header shorter than its fixed part has no ports", PORTS_OF_TCP, ip4(with_offset(4), proto=6), [3]),
    ("a TCP header longer than the packet has no ports", PORTS_OF_TCP, ip4(with_offset(6), proto=6), [3]),
    ("a frame came by no tunnel", "tun_id=0 actions=output:2\ntun_id=5 actions=output:3", ip4(UDP), [2]),
    (
        "a tunnel's number is kept, like a register",
        "actions=set_tunnel:5,goto_table:1\ntable=1,tun_id=5 actions=output:2",
        ip4(UDP),
        [2],
    ),
    ("nobody has tracked it", "ct_state=-trk actions=output:2\nct_state=+trk actions=output:3", ip4(UDP), [2]),
    ("metadata goes on", "actions=write_metadata:5,goto_table:2\ntable=2,metadata=5 actions=output:2", ip4(UDP), [2]),
]


@pytest.mark.parametrize(("text", "frame", "ports"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_rules(text: str, frame: bytes, ports: list[int]) -> None:
    assert [port for _, port, _ in does(text, frame)] == ports


@pytest.mark.oracle
@pytest.mark.parametrize(("text", "frame", "ports"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_rules_on_the_switch(switch: OpenVSwitch, text: str, frame: bytes, ports: list[int]) -> None:
    assert [port for _, port, _ in switch.run(read_text(text), [(1, frame)])[0].outputs] == ports


def test_an_address_that_changes_takes_checksums_with_it() -> None:
    ((_, _, sent),) = does("tcp actions=set_field:10.0.0.9->ip_src,output:2", ip4(TCP, proto=6))
    assert sent[24:26] == (0x1111 - 8).to_bytes(2, "big")
    assert sent[50:52] == (0xABCD - 8).to_bytes(2, "big")


@pytest.mark.oracle
@pytest.mark.parametrize("words", [4, 5, 6])
def test_ports_are_written_where_the_header_of_tcp_is_whole(switch: OpenVSwitch, words: int) -> None:
    text, frame = (
        "tcp actions=set_field:9->tcp_src,set_field:10.0.0.9->ip_dst,output:2",
        ip4(with_offset(words), proto=6),
    )
    ((_, _, sent),) = does(text, frame)
    assert sent[34:36] == (b"\0\x09" if words == 5 else b"\0\x50")
    assert switch.run(read_text(text), [(1, frame)])[0].outputs == (("port", 2, sent),)


def test_a_checksum_of_udp_that_is_not_used_stays_so() -> None:
    ((_, _, sent),) = does("udp actions=set_field:10.0.0.9->ip_src,output:2", ip4(UDP[:6] + b"\0\0"))
    assert sent[40:42] == b"\0\0"


def test_a_group_gives_each_bucket_the_packet_as_it_came() -> None:
    buckets = "bucket=set_field:02:00:00:00:00:77->eth_src,output:2,bucket=output:3"
    text = f"group_id=1,type=all,{buckets}\nactions=group:1,output:4"
    outputs = does(text, ip4(UDP))
    assert [(port, sent[11]) for _, port, sent in outputs] == [(2, 0x77), (3, 2), (4, 2)]


def may(text: str, live: dict[str, int] | None = None) -> set[tuple[int, ...]]:
    """The ports that a frame may leave by, for every way in which what is open can be decided."""
    behaviour = meaning(read_text(text))
    run = compiled_given(behaviour)
    choices = possible(behaviour, {"any.group.": range(4), "any.meter.": range(2)})
    frame = ip4(UDP)
    return {tuple(p for _, p, _ in run(frame, 1, {**given, **(live or {})})[0]) for given in choices(frame, 1)}


CHOOSING = "group_id=1,type=select,{}bucket=output:2,bucket={}output:3,bucket=output:4\nactions=group:1"


def test_a_group_that_chooses_may_choose_any_bucket() -> None:
    assert may(CHOOSING.format("", "")) == {(2,), (3,), (4,)}
    assert may(CHOOSING.format("selection_method=hash,fields(ip_src),", "")) == {(2,), (3,), (4,)}


def test_a_group_chooses_no_bucket_without_weight_or_whose_port_is_down() -> None:
    assert may(CHOOSING.format("", "weight:0,")) == {(2,), (4,)}
    watched = CHOOSING.format("", "watch_port:9,")
    assert may(watched, {"in.live.9": 0}) == {(2,), (4,)}
    assert may(watched, {"in.live.9": 1}) == {(2,), (3,), (4,)}


ONE_OF_TWO = "group_id=1,type=select,selection_method=hash,fields(ip_src),bucket=output:2,bucket=output:3\n"
EITHER, ANY_PAIR = {(2,), (3,)}, {(2, 2), (2, 3), (3, 3)}


@pytest.mark.parametrize(
    "actions",
    [
        "group:1,group:1",
        "clone(group:1),group:1",
        "resubmit(,1),group:1",
        "group:1,write_actions(group:1)",
        "group:1,write_actions(group:1),goto_table:1",
        "group:9",
    ],
)
def test_a_group_that_chooses_twice_chooses_each_time_anew(actions: str) -> None:
    """Also where it has not always chosen before: table 1 has frames go on to table 2 after a choice and without."""
    both = "group_id=9,type=all,bucket=group:1,bucket=group:1\n"
    later = f"table=1,ip,nw_ttl=64 actions={'goto_table:2' if 'goto' in actions else 'group:1'}\n"
    found = may(f"{ONE_OF_TWO}{both}actions={actions}\n{later}table=2 actions=drop")
    assert {tuple(sorted(ports)) for ports in found} == ANY_PAIR


def test_a_choice_on_ways_that_come_together_is_not_made_again_for_one_of_them() -> None:
    """The way through table 1 has chosen, the other one has not; in table 3 both are one."""
    tables = "table=1 actions=group:1,goto_table:3\ntable=2 actions=goto_table:3\ntable=3 actions=group:1"
    for port, allowed in ((1, ANY_PAIR), (7, EITHER)):
        text = f"{ONE_OF_TWO}priority=9,in_port={port} actions=goto_table:1\npriority=1 actions=goto_table:2\n{tables}"
        assert {tuple(sorted(ports)) for ports in may(text)} == allowed


def test_groups_and_meters_asked_by_one_flow_or_another_make_one_choice() -> None:
    flows = "".join(f"priority={i},ip,nw_ttl={i} actions={{}}\n" for i in range(1, 9))
    assert len(meaning(read_text(ONE_OF_TWO + flows.format(*["group:1"] * 8))).choices) == 1
    meters = "".join(f"meter={i},kbps,bands=type=drop,rate={i}\n" for i in range(1, 9))
    metered = (f"meter:{i},output:2" for i in range(1, 9))
    assert len(meaning(read_text(meters + flows.format(*metered))).choices) == 1


def test_two_meters_of_one_way_drop_each_for_itself() -> None:
    text = "meter=1,kbps,bands=type=drop,rate=1\nmeter=2,kbps,bands=type=drop,rate=1\n"
    flows = "actions=meter:1,output:2,resubmit(,1)\ntable=1 actions=meter:2,output:3"
    assert may(text + flows) == {(), (2,), (2, 3)}


def test_what_is_written_to_ipv6_leaves_short_frames_of_ipv4_as_they_are() -> None:
    """Also where both go the same way on."""
    flows = "priority=2,ipv6 actions=set_field:2001:db8::1->ipv6_dst,goto_table:1\npriority=1 actions=goto_table:1\n"
    short = ip4(b"")
    assert does(f"{flows}table=1 actions=output:4", short) == [("port", 4, short)]


def test_fast_failover_takes_the_first_bucket_that_lives() -> None:
    text = "group_id=2,type=ff,bucket=watch_port:9,output:2,bucket=watch_group:1,output:3\nactions=group:2\n"
    text += "group_id=1,type=ff,bucket=watch_port:8,output:4"
    assert may(text, {"in.live.9": 1, "in.live.8": 0}) == {(2,)}
    assert may(text, {"in.live.9": 0, "in.live.8": 1}) == {(3,)}
    assert may(text, {"in.live.9": 0, "in.live.8": 0}) == {()}


def test_a_meter_may_drop_what_has_not_been_sent_yet() -> None:
    text = "actions=output:2,resubmit(,1),output:4\ntable=1 actions=meter:5,output:3"
    assert may(text) == {(2,), (2, 3, 4)}


def test_what_a_meter_drops_in_a_later_table_is_dropped_with_the_action_set() -> None:
    assert may("actions=write_actions(output:2),goto_table:1\ntable=1 actions=meter:5") == {(), (2,)}


def test_a_tag_that_is_written_loses_its_dei() -> None:
    tagged = MACS + bytes.fromhex("8100 f005 88b5") + bytes(10)
    ((_, _, same),) = does("dl_vlan=5 actions=set_field:0x1005->vlan_vid,output:2", tagged)
    ((_, _, other),) = does("dl_vlan=5 actions=set_field:0x1006->vlan_vid,output:2", tagged)
    assert same[14:16] == b"\xf0\x05"
    assert other[14:16] == b"\xe0\x06"


def test_a_frame_that_is_not_sent_is_not_touched() -> None:
    tagged = MACS + bytes.fromhex("8100 7005 88b5") + bytes(10)
    text = "actions=push_vlan:0x8100,output:1,pop_vlan,output:2"  # back to port 1 it is not sent
    ((_, _, sent),) = does(text, tagged)
    assert sent == tagged
    ((_, _, first), (_, _, second)) = does(text, tagged, port=3)
    assert first[12:20] == bytes.fromhex("8100 0000 8100 7005")
    assert second == tagged


def test_types_of_icmp_are_written_in_later_fragments_too() -> None:
    icmp = ip4(bytes.fromhex("0800 1111 0000 0000"), proto=1, flags=1)
    ((_, _, sent),) = does("icmp actions=set_field:3->icmp_code,output:2", icmp)
    assert sent[34:38] == bytes.fromhex("0003 190e")  # its key has no type: 0


def test_arp_without_an_opcode_is_written_when_it_gets_one() -> None:
    arp = MACS + bytes.fromhex("0806 0001 0800 06 04 0100 020000000003 0a000001 000000000000 0a000002")
    text = "arp actions=set_field:02:00:00:00:00:77->arp_sha,output:2,set_field:2->arp_op,output:3"
    ((_, _, first), (_, _, second)) = does(text, arp)
    assert first == arp
    assert second[20:28] == bytes.fromhex("0002 020000000077")


def test_arp_that_is_cut_short_is_left_out_where_it_would_be_written() -> None:
    short = MACS + bytes.fromhex("0806 0001 0800 06 04 0001")
    written = meaning(read_text("arp actions=set_field:2->arp_op,output:2"))
    assert not inside(written)(short, 1)
    assert inside(written)(short + bytes(20), 1)
    assert inside(meaning(read_text("arp,arp_op=1 actions=output:2")))(short, 1)


def test_ports_that_are_both_0_are_written() -> None:
    ((_, _, sent),) = does("udp actions=set_field:7->udp_dst,output:2", ip4(bytes(4) + UDP[4:]))
    assert sent[34:38] == bytes.fromhex("0000 0007")


def test_both_ports_of_udp_are_one_change_of_its_checksum() -> None:
    ((_, _, sent),) = does("udp actions=set_field:54->udp_src,set_field:79->udp_dst,output:2", ip4(UDP))
    assert sent[34:42] == bytes.fromhex("0036 004f 0008 1234")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("actions=NORMAL", 1, "reserved port"),
        ("actions=output:2\npriority=5,ip actions=ct(commit),output:3", 2, "the action ct"),
        ("actions=group:4", 1, "group 4 is not in the file"),
        ("meter=1,kbps,bands=type=dscp_remark,rate=5,prec_level=1\nactions=meter:1,output:2", 1, "writes to the DSCP"),
        ("group_id=1,type=all,bucket=meter:1,output:2\nactions=group:1", 1, "in a bucket"),
        ("group_id=1,type=select,bucket=weight:0,output:2,bucket=weight:0,output:3\nactions=group:1", 1, "weight 0"),
        ("group_id=1,type=ff,bucket=watch_group:1,output:2\nactions=group:1", 1, "watches itself"),
        ("actions=resubmit(,0)", 1, "deep in one another"),
        ("ip actions=push_vlan:0x8100,push_mpls:0x8847,pop_vlan,output:2", 1, "around labels"),
    ],
)
def test_what_is_not_modelled_is_said_at_its_place(text: str, line: int, said: str) -> None:
    with pytest.raises(Unsupported) as caught:
        meaning(read_text(text, "some.flows"))
    assert said in caught.value.reason
    assert caught.value.span.line == line


@pytest.mark.long
@pytest.mark.oracle
def test_the_meaning_is_what_the_switch_does(switch: OpenVSwitch) -> None:
    tally = campaign(switch, 2026, pairs=2000, frames_per_bridge=200, seconds=12)
    assert tally.mismatches == []
    assert tally.pairs > 200
    assert min(tally.kinds[kind] for kind in ("gone", "port")) > 0


@pytest.mark.oracle
def test_a_flow_that_the_switch_refuses_is_named(switch: OpenVSwitch) -> None:
    bridge = read_text("actions=output:2\nip,priority=7 actions=pop_vlan,output:2", "some.flows")
    with pytest.raises(InputError) as caught:
        switch.run(bridge, [])
    assert caught.value.diagnostics[0].span.line == 2
