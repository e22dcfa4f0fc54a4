"""OpenFlow messages: what is written is read as the same, what Open vSwitch says is understood, damage has a place."""

from __future__ import annotations

import random
import socket
import struct
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets import find
from p4verify.targets.openflow.artifact import (
    MESSAGES,
    PLAIN,
    Bridge,
    Meter,
    Output,
    SetField,
    print_flow,
    print_group,
    print_meter,
    read,
    read_text,
    recognises,
    write_messages,
)
from p4verify.targets.openflow.oracle.switch import BRIDGE, Switch
from tests.support.openflow_proxy import recorded
from tests.support.openflow_random import Flows

TARGET = find("openflow")


def made(seed: int, form: str) -> tuple[Bridge, bytes] | None:
    """A bridge and its messages; None where the version has no words for it."""
    bridge = read_text(Flows(random.Random(seed)).text())
    try:
        return bridge, write_messages(bridge, form)
    except ValueError as error:
        if form == "openflow15" or "goes with OpenFlow 1.5" not in str(error):
            raise
        return None


@settings(max_examples=150)
@given(st.integers(0, 1 << 32), st.sampled_from(sorted(MESSAGES)))
def test_what_is_written_is_read_as_the_same(seed: int, form: str) -> None:
    both = made(seed, form)
    if both is not None:
        assert recognises(both[1])
        assert read(both[1], "again") == both[0]


@settings(max_examples=250)
@given(st.integers(0, 1 << 16), st.sampled_from(sorted(MESSAGES)), st.data())
def test_damaged_messages_are_an_error_with_the_byte_or_flows(seed: int, form: str, data: st.DataObject) -> None:
    both = made(seed, form)
    if both is None:
        return
    message = both[1]
    at = data.draw(st.integers(0, len(message) - 1))
    damaged = message[:at] + data.draw(st.sampled_from([b"", bytes((message[at] ^ 1 << at % 8,)), b"\xff\xff"]))
    damaged += message[at + 1 :] if data.draw(st.booleans()) else b""
    try:
        read(damaged, "damaged")
    except InputError as error:
        if recognises(damaged) and not error.diagnostics[0].message.startswith("byte "):
            raise
    except Unsupported as error:
        if not error.reason.startswith("byte "):
            raise


SAID_BY_OVS_OFCTL = [
    (  # -O OpenFlow13 add-flow
        (
            "040e006800000006000000000000000000000000000000000000000000000007ffffffffffffffffffffffff000000000001001f80000a028"
            "84780000d041000100000013c010980004404000000030000040018000000000019001000013c010300000000000000"
        ),
        "priority=7,mpls,mpls_label=3,vlan_tci=0x1000/0x1000,mpls_ttl=9 actions=set_field:3->mpls_ttl",
    ),
    (  # -O OpenFlow15 add-flow: registers in pairs, fields set with masks, COPY_FIELD
        (
            "060e012800000006000000000000000700000000000000000100000000000005ffffffffffffffffffffffff0000000000010059800000040"
            "000000380000a02080080000c021005800017080a000000ff00000000013401008000100102800012010100013a0103800014010680005504"
            "00020002800101100000000000000005000000000000000f00000000000000000400900000000000190010800016040a00000100000000001"
            "9001000010108000000050000001f001c00180004000000040000000100040001020400000000001800080000000000000010000000020000"
            "000000000000ffff001000002320000efff804000000ffff001800002320000f000f00010004ffff00000000000000000010fffffffdffff0"
            "000000000000001000803000000"
        ),
        (
            "table=1,priority=5,cookie=7,tcp,dl_vlan=5,nw_src=10.0.0.0/8,in_port=3,reg1=5/0xf,nw_tos=8,nw_ecn=1,nw_ttl=3,"
            "nw_frag=no,tcp_flags=+syn actions=set_field:10.0.0.1->ip_src,load:5->NXM_NX_REG0[0..4],"
            "move:NXM_NX_REG0[0..3]->NXM_NX_REG1[4..7],dec_ttl,output:2,resubmit(,4),output:reg0[0..15],controller,goto_table:3"
        ),
    ),
    (  # -O OpenFlow13 add-flow: instructions, a meter among them
        (
            "040e00d000000006000000000000000000000000000000000000000000008000ffffffffffffffffffffffff0000000000010004000000000"
            "006000800000003000400580000000000110008810000000019001080000c0210050000000000000012000800000000001300088847000000"
            "100008000000000014000888470000001600080000000400000010fffffff8000000000000000000050008000000000003001800000000000"
            "000100000000300000000000000000002001800000000000000000000000500000000000000ff"
        ),
        (
            "actions=meter:3,push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan,push_mpls:0x8847,dec_mpls_ttl,"
            "pop_mpls:0x8847,group:4,in_port,clear_actions,write_actions(output:3),write_metadata:5/0xff"
        ),
    ),
]


@pytest.mark.parametrize(("message", "text"), SAID_BY_OVS_OFCTL, ids=["labels", "many fields", "instructions"])
def test_what_ovs_ofctl_says(message: str, text: str) -> None:
    assert read(bytes.fromhex(message), "message").flows == read_text(text).flows


def test_groups_and_meters_that_ovs_ofctl_and_the_switch_say() -> None:
    group = (
        "040f00500000000600000100000000040020000300000002ffffffff000000000000001000000002000000000000000000200001fffffffff"
        "fffffff0000000000000010000000030000000000000000"
    )
    answer = (
        "0613006800000002000700000000000000580100000000040048000000000000002800100000000000000010000000020000000000000000"
        "0000000800030000000100080000000200200010000000010000001000000003000000000000000000000008000100 00"
    )
    meter = "0413002800000002000a0000000000000018000600000003000100100000000a0000000500000000"
    text = "group_id=4,type=select,bucket=weight:3,watch_port:2,output:2,bucket=output:3"
    assert read(bytes.fromhex(group), "m").groups == read_text(text).groups
    assert read(bytes.fromhex(answer), "m").groups == read_text(text).groups
    told = read(bytes.fromhex(meter + group), "m").meters
    assert told == read_text(f"meter=3,pktps,burst,bands=type=drop,rate=10,burst_size=5\n{text}").meters
    assert isinstance(told[0], Meter)


def test_what_flows_assume_goes_along() -> None:
    bridge = read_text(f"# p4verify assumes: {PLAIN}\nip actions=output:2")
    data = TARGET.write(bridge, "openflow14")
    assert data[1] == 2  # a request for an echo, to which a switch answers
    assert TARGET.read(data, "again") == bridge
    with pytest.raises(ValueError, match="no form 'openflow12'"):
        TARGET.write(bridge, "openflow12")


def test_flows_that_are_deleted_first_and_a_bundle() -> None:
    one = write_messages(read_text("actions=output:2"), "openflow14")
    two = write_messages(read_text("ip actions=output:3"), "openflow14")
    deleted = bytearray(one[:56])
    deleted[2:4], deleted[24:26] = (56).to_bytes(2, "big"), b"\xff\x03"
    assert read(one + bytes(deleted) + two, "m").flows == read_text("ip actions=output:3").flows
    head = struct.pack("!BBHI", 5, 34, 16 + len(two), 9) + struct.pack("!IHH", 1, 0, 0)
    assert read(one + head + two, "m").flows == read_text("actions=output:2\nip actions=output:3").flows


def test_several_stretches_of_bits_are_loaded_one_by_one_before_1_5() -> None:
    bridge = read_text("actions=set_field:0x305/0xf0f->reg3,output:2")
    assert read(write_messages(bridge, "openflow15"), "m") == bridge
    first, second, last = read(write_messages(bridge, "openflow13"), "m").flows[0].actions
    assert (first, second) == (SetField("reg3", 0x5, 0xF), SetField("reg3", 0x300, 0xF00))
    assert last == Output(2)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("040e0007 00000001 00", "byte 0: a message of 7 bytes"),
        ("040e0010 00000001 0000000000000000", "byte 16: a flow needs 8 bytes, and 0 are left"),
        ("0405000800000001 030e000800000001", "byte 8: OpenFlow of version 3 on the wire"),
        ("0405000800000001 040b000800000001", "byte 8: a message of type 11"),
        ("0405000800000001 040f001000000001 0000070000000001", "byte 16: 7 is no kind of group"),
        ("0405000800000001", "byte 0: no flow in these messages"),
        ("040f001000000001 0007000000000001", "byte 8: command 7 about groups is not known"),
        ("040f001000000001 0001000000000001", "byte 0: the switch refuses this: group 1 is not there"),
    ],
)
def test_damage_has_a_place(message: str, said: str) -> None:
    data = bytes.fromhex(message)
    with pytest.raises(InputError) as caught:
        read(data, "some.msg")
    assert caught.value.diagnostics[0].span.file == "some.msg"
    assert said in caught.value.diagnostics[0].message or not recognises(data)


def tell(switch: Switch, version: int, messages: bytes) -> list[bytes]:
    """Sends messages to the switch, and a barrier; the errors that it answers."""
    errors: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as to:
        to.settimeout(20)
        to.connect(str(switch.folder / f"{BRIDGE}.mgmt"))
        to.sendall(struct.pack("!BBHI", version, 0, 8, 1) + messages + struct.pack("!BBHI", version, 20, 8, 99))
        heard = b""
        while True:
            heard += to.recv(1 << 16)
            while len(heard) >= 8 and len(heard) >= (size := int.from_bytes(heard[2:4], "big")):
                one, heard = heard[:size], heard[size:]
                if one[1] == 1:
                    errors.append(one)
                if one[1] == 21:
                    return errors


def in_the_switch(switch: Switch) -> tuple[Counter[object], Counter[object]]:
    """The flows and groups of the switch, as its tools print them."""
    said = switch.ofctl("dump-flows", "--no-names") + switch.ofctl("dump-groups", "--no-names")
    bridge = read_text(said)
    return Counter(bridge.flows), Counter(bridge.groups)


TO_REGISTER = "arp actions=move:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG0[4..19],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],1"
STACK = "actions=push:NXM_NX_XXREG0[],push:OXM_OF_PKT_REG3[3..40],pop:NXM_NX_XXREG2[64..127],pop:NXM_OF_IN_PORT[],1"


@pytest.mark.parametrize("form", MESSAGES)
@pytest.mark.parametrize("text", [TO_REGISTER, STACK])
def test_registers_together_are_named_in_messages(form: str, text: str) -> None:
    assert read(write_messages(read_text(text), form), "m").flows == read_text(text).flows


SPECIAL = (
    "ip actions=dec_ttl(1,2),output:2",
    "arp,nw_src=10.0.0.0/8,nw_proto=1 actions=load:2->NXM_OF_ARP_OP[],output:2",
    "rarp,arp_op=3,ip_dst=10.0.0.1 actions=output:2",
)
"""Flows that Open vSwitch has other words for."""


@pytest.mark.oracle
def test_the_switch_tells_of_flows_in_other_words() -> None:
    switch = Switch()
    try:
        switch.need({1, 2})
        for text in SPECIAL:
            switch.load(f"{text}\n", "")
            for version in ("OpenFlow13", "OpenFlow15"):
                said = recorded(switch, version, "dump-flows")[1]
                told, shown = read(said, "m"), read_text(switch.ofctl("dump-flows", "--no-names"))
                assert told.flows == tuple(shown.flows)
                assert [flow.match for flow in read_text(text).flows] == [flow.match for flow in shown.flows]
        switch.load("icmp6,icmp_type=135,nd_target=fe80::1 actions=output:2\n", "")
        with pytest.raises(Unsupported, match="which is not modelled"):
            read(recorded(switch, "OpenFlow13", "dump-flows")[1], "m")
    finally:
        switch.close()


@pytest.mark.oracle
def test_the_switch_tells_of_moves_in_words_of_their_own() -> None:
    """In OpenFlow 1.3 by an extension of the ONF, which nothing else says."""
    switch = Switch()
    try:
        switch.need({1, 2})
        switch.load(f"{TO_REGISTER}\npriority=2,{STACK}\n", "")
        for version in ("OpenFlow13", "OpenFlow14", "OpenFlow15"):
            said = recorded(switch, version, "dump-flows")[1]
            assert Counter(read(said, "m").flows) == in_the_switch(switch)[0]
    finally:
        switch.close()


@pytest.mark.long
@pytest.mark.oracle
def test_the_switch_understands_and_is_understood() -> None:
    """The messages make what the tools make of the text, and what the switch answers is read as what it has."""
    switch = Switch()
    try:
        switch.need({1, 2, 3, 4})
        compared = [compare(switch, seed, form) for form in MESSAGES for seed in range(1000, 1003)]
    finally:
        switch.close()
    assert sum(compared) >= 5


def compare(switch: Switch, seed: int, form: str) -> bool:
    """Whether a bridge could be compared: flows at random are not all possible."""
    both = made(seed, form)
    if both is None:
        return False
    bridge, messages = both
    groups = "".join(print_group(group) + "\n" for group in bridge.groups)
    flows = "".join(print_flow(flow) + "\n" for flow in bridge.flows)
    try:
        switch.load(flows, groups, [print_meter(meter) for meter in bridge.meters])
    except OSError:
        return False
    wanted = in_the_switch(switch)
    switch.load("", "")
    assert tell(switch, MESSAGES[form], messages) == []
    assert in_the_switch(switch) == wanted
    tool = f"OpenFlow1{MESSAGES[form] - 1}"
    said = b"".join(recorded(switch, tool, what)[1] for what in ("dump-flows", "dump-groups", "dump-meters"))
    answered = read(said, "answers")
    assert (Counter(answered.flows), Counter(answered.groups)) == wanted
    assert answered.meters == bridge.meters
    switch.ofctl("del-meters")
    return True
