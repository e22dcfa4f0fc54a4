"""Flows as others write them: what Open vSwitch has beside OpenFlow, each as the switch does it."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.meaning.opened import NotSuitable
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets import find
from p4verify.targets.openflow.artifact import print_flow, read, read_text, write
from p4verify.targets.openflow.meaning import meaning, opened
from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.compiled import compiled_given, inside, possible

from .test_meaning import UDP, ip4

_CHOICES = {"any.table.": range(3), "any.group.": range(2), "any.multipath.": range(4), "any.bundle.": range(3)}
_LIVE = {f"in.live.{port}": 1 for port in range(2, 6)}
FRAME = ip4(UDP)
LOW_TTL = ip4(UDP, ttl=1)
TAGGED = FRAME[:12] + b"\x81\0\0\5" + FRAME[12:]
TWICE = TAGGED[:12] + b"\x88\xa8\0\7" + TAGGED[12:]


def conjunction(*others: str, clauses: int = 2, priority: int = 10) -> str:
    """Two clauses of number 5, both of which :data:`FRAME` meets, and other flows."""
    ends = (f"{end}={address} actions=conjunction(5,{clause}/{clauses})"
            for clause, (end, address) in enumerate((("nw_src", "10.0.0.1"), ("nw_dst", "10.0.0.2")), 1))  # fmt: skip
    return "\n".join([*(f"priority={priority},ip,{end}" for end in ends), *others])


def selecting(weight: int, method: str = "") -> str:
    """A group that selects one of two ports, of which one has the weight 1."""
    how = f"selection_method={method}," if method else ""
    return f"group_id=1,type=select,{how}bucket=weight:{weight},actions=output:2,bucket=weight:1,actions=output:3\n"


AGAIN = "priority=5,ip,nw_src=10.0.0.1 actions=conjunction(7,1/2)\npriority=5,udp actions=conjunction(7,2/2)"

CASES = [
    ("clauses that match together", conjunction("conj_id=5 actions=output:2", "priority=9 actions=output:3"), FRAME),
    ("... whatever the priority of what follows", conjunction("priority=1,conj_id=5 actions=output:2"), FRAME),
    ("... but what matches alone at a higher one comes first",
     conjunction("priority=1,conj_id=5 actions=output:2", "priority=11,ip actions=output:3"), FRAME),
    ("... and at the same one", conjunction("conj_id=5 actions=output:2", "priority=10 actions=output:3"), FRAME),
    ("... and what it is asked for again may be another flow",
     conjunction("priority=3,conj_id=5 actions=output:2", "priority=5,ip actions=output:3"), FRAME),
    ("a clause is missing", conjunction("conj_id=5 actions=output:2", "priority=5 actions=output:3", clauses=3), FRAME),
    ("clauses of different priorities",
     ("priority=10,ip,nw_src=10.0.0.1 actions=conjunction(5,1/2)\npriority=20,ip,nw_dst=10.0.0.2 "
     "actions=conjunction(5,2/2)\npriority=9,ip actions=output:4\npriority=10,conj_id=5 actions=output:2"), FRAME),
    ("nothing follows: on with lower priorities",
     conjunction("conj_id=5,nw_ttl=9,ip actions=output:2", AGAIN, "priority=4,conj_id=7 actions=output:3"), FRAME),
    ("... unless another flow follows",
     conjunction("conj_id=6 actions=output:2", AGAIN, "priority=4,ip actions=output:3",
                 "priority=6,conj_id=7 actions=output:4"), FRAME),
    ("a flow behind a clause with the same match is not found again",
     conjunction("priority=5,ip,nw_src=10.0.0.1 actions=output:4", "priority=4,conj_id=5 actions=output:2"), FRAME),
    ("conj_id is 0 afterwards",
     conjunction("conj_id=5 actions=resubmit(,1)") + "\ntable=1,conj_id=5 actions=output:2\ntable=1,conj_id=0 "
     "actions=output:3", FRAME),
    ("any of two numbers that do the same",
     conjunction("priority=10,ip,nw_ttl=64 actions=conjunction(6,1/2)", "priority=10,udp actions=conjunction(6,2/2)",
                 "conj_id=5 actions=output:2", "conj_id=6 actions=output:2"), FRAME),
    ("any of two numbers that do not",
     conjunction("priority=10,ip,nw_ttl=64 actions=conjunction(6,1/2)", "priority=10,udp actions=conjunction(6,2/2)",
                 "conj_id=5 actions=output:2", "conj_id=6 actions=output:3"), FRAME),
    ("flows of one priority: any", ("priority=5,ip actions=output:2\npriority=5,udp actions=output:3\n"
     "priority=5,in_port=1 actions=output:4\npriority=1 actions=output:5"), FRAME),
    ("a clone is another packet", "actions=clone(set_field:02:00:00:00:00:09->eth_dst,output:2),output:4", FRAME),
    ("... with tags of its own", "actions=clone(push_vlan:0x8100,output:2),output:4", TAGGED),
    ("... and a TTL that runs out", "ip actions=clone(dec_ttl,output:2),output:4", LOW_TTL),
    ("... and an action set", ("actions=clone(resubmit(,1)),output:4,write_actions(output:3)\ntable=1 "
     "actions=write_actions(output:5)"), FRAME),
    ("... but exit ends all", "actions=clone(output:2,exit,output:3),output:4", FRAME),
    ("a clone that is hashed ends all", selecting(5) + "actions=clone(group:1,output:4),output:5", FRAME),
    ("... by another flow", selecting(5) + "actions=clone(resubmit(,1)),output:5\ntable=1 actions=group:1", FRAME),
    ("... and what led to it", selecting(5) + "actions=resubmit(,1),output:5\ntable=1 actions=clone(group:1)", FRAME),
    ("... and clones around it", selecting(5) + "actions=clone(clone(group:1),output:4),output:5", FRAME),
    ("... and its action set", selecting(5) + "actions=clone(group:1),write_actions(output:5)", FRAME),
    ("... but not if that was done before", selecting(5) + "actions=group:1,clone(group:1),output:5", FRAME),
    ("... nor in a bucket", selecting(5) + "group_id=2,type=all,bucket=actions=group:1,bucket=actions=output:4\n"
     "actions=clone(group:2),output:5", FRAME),
    ("... nor with as many weights", selecting(256) + "actions=clone(group:1),output:5", FRAME),
    ("... nor by a hash of fields", selecting(5, "hash,fields(ip_dst)") + "actions=clone(group:1),output:5", FRAME),
    ("... which are not too many yet", selecting(255, "dp_hash") + "actions=clone(group:1),output:5", FRAME),
    ("exit ends what led to it", "actions=resubmit(,1),output:4\ntable=1 actions=output:2,exit,output:5", FRAME),
    ("... and the action set", "actions=write_actions(output:3),goto_table:1\ntable=1 actions=output:2,exit", FRAME),
    ("... but not other buckets", ("group_id=1,type=all,bucket=actions=resubmit(,1),bucket=actions=output:3\n"
     "actions=group:1,output:4\ntable=1 actions=output:2,exit"), FRAME),
    ("a tag where there is none", "vlan_tci=0 actions=mod_vlan_vid:9,mod_vlan_pcp:3,output:2", FRAME),
    ("... or the outermost one's number", "actions=mod_vlan_vid:9,output:2", TWICE),
    ("... and none after it was taken off", "actions=strip_vlan,mod_vlan_pcp:2,output:2", TAGGED),
    ("the stack", ("actions=push:NXM_OF_ETH_SRC[],resubmit(,1),pop:NXM_OF_ETH_DST[],output:2\ntable=1 actions="
     "pop:NXM_NX_REG0[],set_field:02:00:00:00:00:09->eth_src,push:NXM_OF_ETH_SRC[]"), FRAME),
    ("... of a clone", ("actions=push:NXM_OF_ETH_SRC[],clone(pop:NXM_OF_ETH_DST[],output:3),pop:NXM_OF_ETH_DST[],"
     "output:2"), FRAME),
    ("... empty", "actions=pop:NXM_OF_ETH_DST[],output:2", FRAME),
    ("... with wider values", ("actions=push:NXM_OF_ETH_SRC[0..15],pop:NXM_NX_REG0[8..31],load:5->NXM_NX_REG0[16..31],"
     "output:NXM_NX_REG0[16..31],move:NXM_NX_REG0[0..15]->NXM_OF_ETH_DST[0..15],output:2"), FRAME),
    ("registers together", ("actions=load:0x300000000->NXM_NX_XXREG0[64..127],output:NXM_NX_REG1[0..15],"
     "output:NXM_NX_REG0[0..15]"), FRAME),
    ("... set", ("actions=set_field:0x1020304050607080->xreg1,move:NXM_NX_XXREG0[0..47]->NXM_OF_ETH_DST[],"
     "output:2"), FRAME),
    ("... matched", ("actions=set_field:7->reg3,set_field:1->reg0,resubmit(,1)\ntable=1,xxreg0=0x7/0xff "
     "actions=output:2\ntable=1,priority=5 actions=output:3"), FRAME),
    ("... moved upwards", ("actions=move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[24..71],move:NXM_NX_XXREG0[24..71]->"
     "NXM_NX_XXREG0[40..87],move:NXM_NX_XXREG0[40..87]->NXM_OF_ETH_DST[],output:2"), FRAME),
    ("... moved downwards", ("actions=move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[40..87],move:NXM_NX_XXREG0[40..87]->"
     "NXM_NX_XXREG0[24..71],move:NXM_NX_XXREG0[24..71]->NXM_OF_ETH_DST[],output:2"), FRAME),
    ("a mark", "actions=set_field:5->pkt_mark,goto_table:1\ntable=1,pkt_mark=5 actions=output:2", FRAME),
    ("queues and notes", "actions=enqueue:2:7,note:01.02,ct_clear,set_queue:4,output:3,pop_queue", FRAME),
    ("a hash", ("actions=multipath(eth_src,50,modulo_n,3,0,NXM_NX_REG0[0..7]),resubmit(,1)\ntable=1,reg0=0 "
     "actions=output:2\ntable=1,reg0=1 actions=output:3\ntable=1,reg0=2/2 actions=output:4"), FRAME),
    ("a port of several", ("actions=bundle(eth_src,0,hrw,ofport,members:2,3),bundle(eth_src,0,active_backup,ofport,"
     "slaves:4,5)"), FRAME),
    ("... in a register", ("actions=bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG0[],members:2,3),"
     "output:NXM_NX_REG0[0..15]"), FRAME),
]  # fmt: skip
EXPECTED: dict[str, set[tuple[int, ...]]] = {
    "clauses that match together": {(2,)},
    "... whatever the priority of what follows": {(2,)},
    "... but what matches alone at a higher one comes first": {(3,)},
    "... and at the same one": {(3,)},
    "... and what it is asked for again may be another flow": {(3,)},
    "a clause is missing": {(3,)},
    "clauses of different priorities": {(4,)},
    "nothing follows: on with lower priorities": {(3,)},
    "... unless another flow follows": {(3,)},
    "a flow behind a clause with the same match is not found again": {(2,)},
    "conj_id is 0 afterwards": {(3,)},
    "any of two numbers that do the same": {(2,)},
    "any of two numbers that do not": {(2,), (3,)},
    "flows of one priority: any": {(2,), (3,), (4,)},
    "a clone is another packet": {(2, 4)},
    "... with tags of its own": {(2, 4)},
    "... and a TTL that runs out": {(4,)},
    "... and an action set": {(3, 4, 5)},
    "... but exit ends all": {(2,)},
    "a clone that is hashed ends all": {(2, 4), (3, 4)},
    "... by another flow": {(2,), (3,)},
    "... and what led to it": {(2,), (3,)},
    "... and clones around it": {(2,), (3,)},
    "... and its action set": {(2,), (3,)},
    "... but not if that was done before": {(2, 2, 5), (2, 3, 5), (3, 3, 5)},
    "... nor in a bucket": {(2, 4, 5), (3, 4, 5)},
    "... nor with as many weights": {(2, 5), (3, 5)},
    "... nor by a hash of fields": {(2, 5), (3, 5)},
    "... which are not too many yet": {(2,), (3,)},
    "exit ends what led to it": {(2,)},
    "... and the action set": {(2,)},
    "... but not other buckets": {(2, 3, 4)},
    "a tag where there is none": {(2,)},
    "... or the outermost one's number": {(2,)},
    "... and none after it was taken off": {(2,)},
    "the stack": {(2,)},
    "... of a clone": {(2, 3)},
    "... empty": {(2,)},
    "... with wider values": {(2, 5)},
    "registers together": {(3,)},
    "... set": {(2,)},
    "... matched": {(2,)},
    "... moved upwards": {(2,)},
    "... moved downwards": {(2,)},
    "a mark": {(2,)},
    "queues and notes": {(2, 3)},
    "a hash": {(2,), (3,), (4,)},
    "a port of several": {(2, 4), (3, 4)},
    "... in a register": {(2,), (3,)},
}
"""Ports that a frame leaves by: one of these."""


def allowed(text: str, frame: bytes, port: int = 1) -> list[tuple[tuple[str, int, bytes], ...]]:
    """What a bridge may do with a frame, by its meaning."""
    behaviour = meaning(read_text(text))
    run, choices = compiled_given(behaviour), possible(behaviour, _CHOICES)
    return list(dict.fromkeys(run(frame, port, _LIVE | dict(given))[0] for given in choices(frame, port)))


@pytest.mark.parametrize(("name", "text", "frame"), CASES, ids=[case[0] for case in CASES])
def test_ports(name: str, text: str, frame: bytes) -> None:
    assert {tuple(port for _, port, _ in sent) for sent in allowed(text, frame)} == EXPECTED[name]


LOCAL_PORT = 0xFFFE
OF_THE_BRIDGE = "priority=2,in_port=LOCAL actions=output:2,LOCAL,in_port\npriority=1 actions=LOCAL,output:3"


def test_the_bridge_has_a_port_of_its_own() -> None:
    behaviour = meaning(read_text(OF_THE_BRIDGE))
    run, covers = compiled_given(behaviour), inside(behaviour)
    assert [port for _, port, _ in run(FRAME, LOCAL_PORT, {})[0]] == [2, LOCAL_PORT]
    assert [port for _, port, _ in run(FRAME, 1, {})[0]] == [3, LOCAL_PORT]
    assert covers(FRAME, LOCAL_PORT)
    assert not covers(FRAME, 0xFFFD)


@pytest.mark.oracle
def test_the_bridges_port_on_the_switch(switch: OpenVSwitch) -> None:
    by_register = "actions=load:0xfffe->NXM_NX_REG0[],output:NXM_NX_REG0[0..15]"
    for text, port, expected in (
        (OF_THE_BRIDGE, LOCAL_PORT, [2, LOCAL_PORT]),
        (OF_THE_BRIDGE, 1, [3, LOCAL_PORT]),
        (by_register, 1, [LOCAL_PORT]),
        (by_register, LOCAL_PORT, []),
    ):
        (seen,) = switch.run(read_text(text), [(port, FRAME)])
        assert [to for _, to, _ in seen.outputs] == expected
        assert allowed(text, FRAME, port) == [tuple(seen.outputs)]


@pytest.mark.long
@pytest.mark.oracle
def test_the_switch_does_one_of_the_things_that_are_allowed(switch: OpenVSwitch) -> None:
    for name, text, frame in CASES:
        (seen,) = switch.run(read_text(text), [(1, frame)])
        assert tuple(sorted(seen.outputs)) in allowed(text, frame), name


@pytest.mark.parametrize(("name", "text", "frame"), CASES, ids=[case[0] for case in CASES])
def test_what_is_printed_is_read_as_the_same(name: str, text: str, frame: bytes) -> None:
    flows = read_text(text).flows
    assert read_text("\n".join(map(print_flow, flows))).flows == flows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ip actions=conjunction(1,1/2),output:1", "beside a conjunction there are notes only"),
        ("ip actions=conjunction(1,0/2)", "counted from 1"),
        ("ip actions=conjunction(1,1/1)", "2 to 64 clauses"),
        ("actions=write_actions(exit)", "Exit cannot be in the action set"),
        ("actions=move:NXM_OF_ETH_SRC[]->conj_id", "cannot be moved"),
        ("actions=multipath(eth_src,50,modulo_n,300,0,NXM_NX_REG0[0..7])", "300 links do not fit"),
        ("actions=bundle(eth_src,0,hrw,ofport,members:2,LOCAL)", "a member of a bundle is a port's number"),
        ("actions=load:1->NXM_NX_XXREG0[100..128]", "bits 0 to 127"),
    ],
)
def test_what_the_switch_refuses_is_an_error(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_text(text, "some.flows")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("icmp6,icmpv6_type=135,nd_target=fe80::1 actions=output:2", "a match on nd_target=fe80::1"),
        ("actions=load:1->NXM_NX_ND_TARGET[0..3],output:2", "the action load:1->NXM_NX_ND_TARGET"),
        ("ip actions=conjunction(1,1/2)\nudp actions=conjunction(1,2/3)", "two numbers of clauses"),
        ("ip actions=conjunction(1,1/2),conjunction(1,2/2)", "in two clauses"),
        ("actions=mod_vlan_vid:5,write_actions(output:2)", "beside what OpenFlow 1.0 has not"),
        ("group_id=1,type=all,bucket=actions=mod_vlan_vid:5,output:2\nactions=group:1", "in a bucket"),
        ("mpls actions=pop_mpls:0x8847,set_field:16->mpls_label,output:2", "of which the type says there are more"),
        ("meter=1,kbps,bands=type=drop,rate=5\nactions=clone(meter:1,output:2)", "a meter in a clone"),
        ("group_id=1,type=all,bucket=actions=enqueue:2:1\nactions=group:1", "enqueue in an action set"),
        ("actions=clone(ct(commit),output:2)", "the action ct"),
        ("actions=learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])", "the action learn"),
        ("actions=controller(userdata=00.01)", "the action controller"),
        ("actions=push:in_port,2,pop:NXM_OF_IN_PORT[0..7]", "the action pop:NXM_OF_IN_PORT"),
    ],
)
def test_what_is_not_modelled_is_said(text: str, said: str) -> None:
    with pytest.raises(Unsupported) as caught:
        meaning(read_text(text, "some.flows"))
    assert said in caught.value.reason


@pytest.mark.parametrize(
    "late",
    [
        "priority=7,icmp6,icmpv6_type=135,nd_target=fe80::1 actions=output:2",
        "priority=7,icmp6,icmpv6_type=135 actions=mod_vlan_vid:5,output:2",
        "priority=7,icmp6,icmpv6_type=135 actions=conjunction(1,1/2)",
        "priority=7,icmp6,icmpv6_type=135,conj_id=1 actions=output:2",
    ],
)
def test_a_flow_that_comes_in_is_not_taken_for_what_a_table_knows(late: str) -> None:
    kinds = "\n".join(f"priority={i},icmp6,icmpv6_type={i} actions=output:{i}" for i in range(2, 6))
    tagged = "priority=9,icmp6,icmpv6_type=9 actions=mod_vlan_vid:7,output:2"
    (table,) = opened(read_text(f"{kinds}\n{tagged}"), 2).tables.values()
    assert table.rows_of is not None
    (usual,) = read_text("priority=7,icmp6,icmpv6_type=135 actions=output:3").flows
    assert list(table.rows_of(usual))
    with pytest.raises(NotSuitable):
        list(table.rows_of(read_text(late).flows[0]))


def test_a_large_table_whose_flows_match_together_is_not_left_open() -> None:
    with pytest.raises(NotSuitable, match="match together"):
        opened(read_text(conjunction("conj_id=5 actions=output:2")), 2)
    with pytest.raises(Unsupported, match="which wins is not defined"):
        opened(read_text("priority=5,ip actions=output:2\npriority=5,in_port=1 actions=output:3"), 2)


SCTP = "priority=10,udp actions=mod_tp_dst:53,output:2\npriority=10,sctp actions=mod_tp_dst:53,output:2"


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (SCTP, 2, "a port of SCTP is written, whose CRC is not modelled"),
        ("udp actions=output:NXM_OF_UDP_DST[]", 1, "output to a reserved port, which depends on the bridge"),
    ],
)
def test_what_only_some_frames_need_and_is_not_modelled_is_no_difference(text: str, line: int, said: str) -> None:
    flows = (find("openflow"), read_text(text, "x.flows"), "x.flows")
    found = Checker(None, timeout=60).check_two(flows, flows)
    assert (found.proof.verdict, found.proof.reason) == (Verdict.UNSUPPORTED, said)
    assert found.proof.where.line == line


@pytest.mark.long
def test_a_difference_beside_what_is_not_modelled_is_one() -> None:
    """Where no frame gets to what is not modelled."""
    unmet = "priority=20,sctp actions=output:3\n" + SCTP
    first, second = (read_text(text, "x.flows") for text in (unmet, unmet.replace(":53,output:2", ":54,output:2")))
    target = find("openflow")
    check = Checker(None, timeout=60, machines_confirm=False).check_two
    assert check((target, first, "a"), (target, first, "b")).proof.verdict is Verdict.ACCEPT
    assert check((target, first, "a"), (target, second, "b")).proof.verdict is Verdict.REJECT


PUSHED_3 = "push_vlan:0x8100,set_field:4099->vlan_vid"


def test_mod_vlan_vid_in_a_bundle_pushes_a_tag() -> None:
    for flow, spoken in (
        ("actions=mod_vlan_vid:3,output:2", f"actions={PUSHED_3},output:2"),
        ("actions=clone(mod_vlan_vid:3,output:2)", f"actions=clone({PUSHED_3},output:2)"),
        ("dl_vlan=7 actions=mod_vlan_vid:3,output:2", "dl_vlan=7 actions=set_field:4099->vlan_vid,output:2"),
    ):
        made, other = (read_text(f"flow add {text}").flows[0] for text in (flow, spoken))
        assert (made.match, made.actions) == (other.match, other.actions)
    with pytest.raises(Unsupported, match="the action mod_vlan_vid"):
        meaning(read_text("flow add actions=load:0->NXM_OF_VLAN_TCI[],mod_vlan_vid:3,output:2"))
    grouped = read_text("group_id=1,type=all\nactions=mod_vlan_vid:3,output:2")
    assert read(write(grouped), "again") == grouped


@pytest.mark.parametrize("other", ["push_vlan:0x8100,output:1", "meter:1,output:1", "clone(push_vlan:0x8100,output:1)"])
def test_mod_vlan_vid_beside_what_only_later_versions_say_pushes_a_tag(other: str) -> None:
    """``ovs-ofctl`` refuses such a file by default, and with ``-O OpenFlow13`` the first flow pushes a second tag."""
    first = read_text(f"in_port=1,actions=mod_vlan_vid:3,output:2\nin_port=2,actions={other}").flows[0]
    assert first.actions == read_text(f"actions={PUSHED_3},output:2").flows[0].actions
    assert meaning(read_text(f"dl_vlan=3,actions=output:1,mod_vlan_vid:5,output:2\nin_port=2,actions={other}"))
    with pytest.raises(Unsupported, match="mod_vlan_vid in a file for OpenFlow"):
        read_text(f"OFPST_FLOW reply (OF1.5) (xid=0x2):\n actions=mod_vlan_vid:3,output:2\n in_port=2,actions={other}")


@pytest.mark.parametrize("before", ["load:0->NXM_OF_VLAN_TCI[]", "load:0x1005->NXM_OF_VLAN_TCI[]"])
def test_mod_vlan_vid_behind_what_may_take_the_tag_away_is_not_openflow_1(before: str) -> None:
    text = f"dl_vlan=3,actions={before},mod_vlan_vid:5,output:2"
    assert meaning(read_text(text))
    with pytest.raises(Unsupported, match="mod_vlan_vid in a file for OpenFlow"):
        read_text(f"{text}\nin_port=2,actions=push_vlan:0x8100,output:1")
    with pytest.raises(Unsupported, match="the action mod_vlan_vid"):
        meaning(read_text(f"flow add {text}"))
