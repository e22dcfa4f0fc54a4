"""OpenFlow messages that change what is there: flows, groups, meters, and bundles that are committed or not."""

from __future__ import annotations

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.openflow.artifact import Bridge, Output, read, read_text, write_messages

FLOW, GROUP, METER, CONTROL, IN_BUNDLE = 14, 15, 29, 33, 34
ALL, ANY = 0xFFFFFFFC, 0xFFFFFFFF


def added(text: str, form: str = "openflow13") -> bytes:
    return write_messages(read_text(text), form)


def as_command(message: bytes, number: int, *, table: int | None = None, cookie: tuple[int, int] = (0, 0)) -> bytes:
    """A message that adds a flow, as another command."""
    found = bytearray(message)
    found[8:16], found[16:24] = cookie[0].to_bytes(8, "big"), cookie[1].to_bytes(8, "big")
    found[25] = number
    found[24] = found[24] if table is None else table
    return bytes(found)


def message(kind: int, body: str, version: int = 4) -> bytes:
    data = bytes.fromhex(body)
    return bytes((version, kind)) + (8 + len(data)).to_bytes(2, "big") + bytes(4) + data


def left(data: bytes) -> list[tuple[int, int]]:
    """Cookie and port of the flows that are left."""
    return [
        (flow.cookie, next((one.port for one in flow.actions if isinstance(one, Output)), 0))
        for flow in read(data, "m").flows
    ]


TWO = added("cookie=1,ip actions=1\ncookie=2,priority=7,tcp actions=2")


def one(text: str, command: int, *, table: int | None = None, cookie: tuple[int, int] = (0, 0)) -> bytes:
    return as_command(added(text), command, table=table, cookie=cookie)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (one("ip actions=9", 1), [(1, 9), (2, 9)]),
        (one("ip actions=9", 2), [(1, 9), (2, 2)]),
        (one("arp actions=9", 1), [(1, 1), (2, 2)]),
        (one("tcp actions=9", 3), [(1, 1)]),
        (one("tcp actions=9", 3, table=1), [(1, 1), (2, 2)]),
        (one("tcp actions=9", 3, table=255), [(1, 1)]),
        (one("tcp actions=9", 4), [(1, 1), (2, 2)]),
        (one("priority=7,tcp actions=9", 4), [(1, 1)]),
        (one("ip actions=9", 1, cookie=(2, 3)), [(1, 1), (2, 9)]),
        (one("ip actions=9", 3, cookie=(1, 1)), [(2, 2)]),
    ],
)
def test_flows_are_modified_and_deleted(command: bytes, expected: list[tuple[int, int]]) -> None:
    assert left(TWO + command) == expected


def test_a_flow_that_is_deleted_may_be_asked_for_by_port_and_group() -> None:
    command = bytearray(one("actions=9", 3))
    for port, expected in ((1, [(2, 2)]), (3, [(1, 1), (2, 2)]), (0, [(1, 1), (2, 2)])):
        command[36:40] = port.to_bytes(4, "big")
        assert left(TWO + bytes(command)) == expected
    command[36:40], command[40:44] = ANY.to_bytes(4, "big"), bytes((0, 0, 0, 1))
    grouped = added("group_id=1,type=all\ncookie=3,arp actions=group:1")
    assert left(TWO + grouped + bytes(command)) == [(1, 1), (2, 2)]


def test_flows_that_may_overlap_are_refused_where_a_flag_says_so() -> None:
    checked = bytearray(added("udp actions=3"))
    checked[44:46] = (2).to_bytes(2, "big")
    with pytest.raises(InputError, match=f"byte {len(TWO)}: the switch refuses this: it overlaps"):
        read(TWO + bytes(checked), "m")
    checked[44:46] = (0x20).to_bytes(2, "big")
    with pytest.raises(InputError, match=f"byte {len(TWO) + 44}: flags 0x20"):
        read(TWO + bytes(checked), "m")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (one("ip actions=9", 5), "command 5 about flows is not known"),
        (one("ip actions=9", 1, table=255), "tables are numbered"),
        (one("ip actions=9", 0, table=254), "tables are numbered"),
        (message(GROUP, "0003 00 00 00000001"), "command 3 about groups is not known"),
        (message(GROUP, "0001 00 00 00000001"), "group 1 is not there"),
        (message(GROUP, "0000 00 00 ffffff01"), "groups are numbered"),
        (message(METER, "0003 0001 00000001"), "command 3 about meters is not known"),
        (message(METER, "0001 0001 00000001"), "meter 1 is not there"),
        (message(IN_BUNDLE, "00000001 0000 0000" + "0405000800000001"), "a message of type 5 in a bundle"),
    ],
)
def test_what_is_refused_is_an_error_with_the_byte(command: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(TWO + command, "m")
    text = caught.value.diagnostics[0].message
    assert said in text
    assert int(text.split()[1].rstrip(":")) >= len(TWO)


def test_what_is_not_known_is_unsupported_with_the_byte() -> None:
    with pytest.raises(Unsupported, match=f"byte {len(TWO)}: .*some that the switch has for itself"):
        read(TWO + one("reg0=1 actions=9", 3, table=255, cookie=(0, (1 << 64) - 1)), "m")


# --- groups and meters --------------------------------------------------------------------------------------------

GROUPED = added(
    "group_id=1,type=all,bucket=1\ngroup_id=2,type=all\ncookie=1,ip actions=group:1\ncookie=2,arp actions=2"
)


def test_a_group_takes_its_flows_along() -> None:
    for number, groups in ((1, [2]), (3, [1, 2]), (ALL, [])):
        bridge = read(GROUPED + message(GROUP, f"0002 00 00 {number:08x}"), "m")
        assert [group.number for group in bridge.groups] == groups
        assert [flow.cookie for flow in bridge.flows] == [1, 2][number != 3 :]


def test_groups_are_modified_and_added() -> None:
    for command, number in ((1, 2), (0x8000, 2), (0x8000, 5)):
        found = read(GROUPED + message(GROUP, f"{command:04x} 01 00 {number:08x}"), "m").groups
        assert next(group.kind for group in found if group.number == number) == "select"
        assert len(found) == (3 if number == 5 else 2)


def test_buckets_are_removed_and_inserted_since_1_5() -> None:
    start = added("group_id=1,type=select,bucket=1,bucket=2", "openflow15")
    for place, ports in (("00000001", [1]), ("fffffffd", [2]), ("fffffffe", [1]), ("ffffffff", [])):
        removed = message(GROUP, f"0005 00 00 00000001 0000 0000 {place}", 6)
        assert ports_of(read(start + removed, "m")) == ports
    bucket = "0018 0010 00000007 0000 0010 00000003 ffff 000000000000"
    inserted = message(GROUP, f"0003 00 00 00000001 0018 0000 00000000 {bucket}", 6)
    found = read(start + inserted, "m")
    assert ports_of(found) == [1, 3, 2]
    assert [one.weight for one in found.groups[0].buckets] == [1, 0, 1]
    for wrong in ("0003 00 00 00000001 0018 0000 ffffffff", "0000 00 00 00000003 0018 0000 fffffffd"):
        with pytest.raises(InputError, match="of a command that has no such"):
            read(start + message(GROUP, f"{wrong} {bucket}", 6), "m")


def ports_of(bridge: Bridge) -> list[int]:
    return [a.port for one in bridge.groups[0].buckets for a in one.actions if isinstance(a, Output)]


def test_a_bucket_of_weight_0_is_one_before_1_5_too() -> None:
    bridge = read_text("group_id=1,type=select,bucket=weight:0,1,bucket=2")
    for form in ("openflow13", "openflow15"):
        assert read(write_messages(bridge, form), "m") == bridge


def test_a_meter_takes_its_flows_along() -> None:
    text = "meter=1 kbps bands=type=drop rate=5\n\nmeter=2 kbps bands=type=drop rate=5\n\n"
    start = added(f"{text}cookie=1,ip actions=meter:1,1\ncookie=2,arp actions=meter:2,2")
    for number, meters, cookies in ((1, [2], [2]), (3, [1, 2], [1, 2])):
        bridge = read(start + message(METER, f"0002 0001 {number:08x}"), "m")
        assert [meter.number for meter in bridge.meters] == meters
        assert [flow.cookie for flow in bridge.flows] == cookies
    changed = read(start + message(METER, "0001 0003 00000002"), "m").meters[1]
    assert (changed.unit, changed.bands) == ("pktps", ())
    with pytest.raises(InputError, match="leave no flow"):
        read(start + message(METER, f"0002 0001 {ANY:08x}"), "m")


# --- bundles ------------------------------------------------------------------------------------------------------


def control(kind: int, number: int = 1) -> bytes:
    return message(CONTROL, f"{number:08x} {kind:04x} 0003", 5)


def bundled(text: str, command: int = 0) -> bytes:
    inner = as_command(added(text, "openflow14"), command)
    return message(IN_BUNDLE, "00000001 0000 0003" + inner.hex(), 5)


def test_a_bundle_counts_when_it_is_committed() -> None:
    first = added("cookie=1,ip actions=1", "openflow14")
    inside = control(0) + bundled("ip actions=3", 1)
    between = as_command(added("ip actions=4", "openflow14"), 1)
    assert left(first + inside + between + control(2) + control(4)) == [(1, 3)]
    assert left(first + inside + control(4) + between) == [(1, 4)]
    assert left(first + inside + control(6)) == [(1, 1)]
    assert left(first + bundled("ip actions=3", 1)) == [(1, 3)]
    with pytest.raises(InputError, match=f"byte {len(first)}: bundle 1 is not committed"):
        read(first + inside, "m")
    with pytest.raises(InputError, match="bundle 1 is not committed"):
        read(first + bundled("ip actions=3", 1) + between, "m")


# --- packets that are sent ----------------------------------------------------------------------------------------

PACKET, FRAME = 13, "ffffffffffff 020000000001 0800"


def sent(actions: str, *, port: int = 0xFFFFFFFD, buffer: int = ANY, version: int = 4) -> bytes:
    size = len(bytes.fromhex(actions))
    if version < 6:
        return message(PACKET, f"{buffer:08x} {port:08x} {size:04x} 000000000000 {actions} {FRAME}", version)
    match = f"0001 000c 80000004 {port:08x} 00000000"
    return message(PACKET, f"{buffer:08x} {size:04x} 0000 {match} {actions} {FRAME}", version)


def output(port: int) -> str:
    return f"0000 0010 {port:08x} ffff 000000000000"


LEARN = "ffff 0020 00002320 0010 0000 0000 8000 0000000000000000 0000 01 00 0000 0000"
"""``learn(table=1)`` in Nicira's words."""
OTHER_EXPERIMENTER = "ffff 0010 00abcdef 0001 000000000000"
TO_GROUP_2, RESUBMIT_1 = "0016 0008 00000002", "ffff 0010 00002320 000e fff8 01 000000"


@pytest.mark.parametrize("version", [4, 5, 6])
@pytest.mark.parametrize("port", [1, 0xFFFFFFFD, 0xFFFFFFFE, ANY])
def test_a_packet_that_is_sent_changes_nothing(version: int, port: int) -> None:
    form = f"openflow1{version - 1}"
    first, last = (added(f"cookie={i},{kind} actions={i}", form) for i, kind in ((1, "ip"), (2, "arp")))
    for actions in ("", output(2), output(2) + output(0xFFFFFFF9), output(0xFFFFFFFB), RESUBMIT_1):
        assert left(first + sent(actions, port=port, version=version) + last) == [(1, 1), (2, 2)]


def test_a_packet_is_sent_to_groups_that_are_there() -> None:
    assert read(GROUPED + sent(TO_GROUP_2), "m") == read(GROUPED, "m")
    with pytest.raises(InputError, match="group 2 is not there"):
        read(sent(TO_GROUP_2) + GROUPED, "m")


def test_a_packet_that_a_bundle_sends_changes_nothing() -> None:
    def inside(data: bytes) -> bytes:
        return message(IN_BUNDLE, "00000001 0000 0003" + data.hex(), 5)

    first = added("cookie=1,ip actions=1", "openflow14")
    both = control(0) + bundled("ip actions=3", 1) + inside(sent(output(0xFFFFFFF9), version=5)) + control(4)
    assert left(first + both) == [(1, 3)]
    with pytest.raises(Unsupported, match="by more than 'output' and 'group'"):
        read(first + control(0) + inside(sent(RESUBMIT_1, version=5)) + control(4), "m")


def applying(match: str, actions: str) -> bytes:
    """A flow that applies these actions."""
    body = added(f"{match} actions=drop")[8:].hex()
    return message(FLOW, f"{body} 0004 {8 + len(bytes.fromhex(actions)):04x} 00000000 {actions}")


@pytest.mark.parametrize(
    ("before", "actions", "said"),
    [
        ("ip actions=1", LEARN, "by experimenter 0x00002320 action 16"),
        ("ip actions=1", OTHER_EXPERIMENTER, "by experimenter 0x00abcdef action 1"),
        ("ip actions=1", TO_GROUP_2, "a group that no command tells of"),
        ("ip actions=drop", output(0xFFFFFFF9), "actions that are not modelled might learn"),
        ("ip actions=drop", RESUBMIT_1, "actions that are not modelled might learn"),
    ],
)
def test_a_packet_that_may_make_flows_is_unsupported(before: str, actions: str, said: str) -> None:
    first = added(before)
    if before.endswith("drop"):
        first += applying("ipv6", LEARN)
    with pytest.raises(Unsupported, match=f"byte {len(first)}[0-9]*: .*{said}"):
        read(first + sent(actions) + added("arp actions=2"), "m")


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (sent(output(2), buffer=7), "a packet of a buffer"),
        (sent(output(2), port=0xFFFFFFFB), "no packet comes from such a port"),
        (sent(output(2), port=0xFF12), "there is no port"),
        (sent("0000 0009 00000002"), "an action of 9 bytes"),
        (message(PACKET, "ffffffff 00000001 0040 000000000000"), "a list of actions needs 64 bytes"),
        (message(PACKET, "ffffffff 0000 0000 0001 0004 00000000", 6), "does not say from which port"),
        (message(PACKET, "ffffffff 00"), "needs 4 bytes"),
    ],
)
def test_a_packet_that_the_switch_refuses_is_an_error(packet: bytes, said: str) -> None:
    first = added("ip actions=1", f"openflow1{packet[0] - 1}")
    with pytest.raises(InputError) as caught:
        read(first + packet, "m")
    text = caught.value.diagnostics[0].message
    assert said in text
    assert int(text.split()[1].rstrip(":")) >= len(first)


def test_what_a_switch_has_stands_alone() -> None:
    told = message(19, "0007 0000 00000000 0008 00 00 00000009")
    with pytest.raises(Unsupported, match="beside commands that change it"):
        read(told + GROUPED + message(GROUP, "0002 00 00 00000007"), "m")
