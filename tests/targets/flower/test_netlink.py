"""Flower filters as rtnetlink messages, both ways."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import (
    FilterList,
    FlowerFilter,
    Match,
    Range,
    decode,
    encode,
    parse_script,
    read,
    recognises,
)
from p4verify.targets.flower.target import TARGET
from p4verify.targets.tc.artifact.actions import OpaqueAction, Police, TunnelKey, Vlan
from p4verify.targets.tc.artifact.attributes import NLMSG_DONE, NLMSG_ERROR, message
from p4verify.targets.tc.artifact.netlink import Links
from p4verify.targets.tc.command import Failed
from tests.support.flower_strategies import any_masks, lists
from tests.support.private_tc import Inside

DUMPS = Path(__file__).parent / "dumps"

ADD = "filter add dev port0 ingress pref 1 "


def tellable(filters: FilterList) -> FilterList:
    """As messages tell them: bursts as times, the class id of ``hw_tc``, addresses of one family."""

    def action(some: object) -> object:
        if isinstance(some, Police):
            return replace(some, limits=(("rate", "1000000bit"), ("burst", "10240b")))
        if isinstance(some, TunnelKey) and not some.unset:
            return replace(some, src="10.0.0.1", dst="10.0.0.2")
        return OpaqueAction("simple", options=bytes(8)) if isinstance(some, OpaqueAction) else some

    def told(one: FlowerFilter) -> FlowerFilter:
        return replace(one, actions=tuple(map(action, one.actions)))  # type: ignore[arg-type]

    return replace(filters, filters=tuple(told(f) for f in filters.filters))


@settings(max_examples=30)
@given(lists().map(any_masks), st.sampled_from([(), ("plain",), ("plain", "tags-whole")]))
def test_messages_are_read_back(filters: FilterList, assumes: tuple[str, ...]) -> None:
    filters = replace(tellable(filters), assumes=assumes)
    data = encode(filters)
    assert decode(data) == filters
    assert recognises(data)
    assert read(data, "x") == filters


@settings(max_examples=40)
@given(lists(), st.data())
def test_a_damaged_message_is_one_error_or_another_list(filters: FilterList, data: st.DataObject) -> None:
    """Never anything else than an error of the input, or what is not modelled: another hook, another kind of filter."""
    whole = bytearray(encode(tellable(filters)))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    with suppress(InputError, Unsupported):
        assert decode(cut, "some.nl").filters


def test_a_mask_that_tc_has_no_words_for_is_told() -> None:
    filters = FilterList((FlowerFilter(1, 0x800, (Match("src_ip", 0x0A000001, 0xFF0000FF),)),))
    assert decode(TARGET.write(filters, "netlink")) == filters
    with pytest.raises(Unsupported, match="a mask that is no prefix"):
        TARGET.write(filters)


def test_what_a_mask_hides_of_a_value_is_dropped() -> None:
    filters = parse_script(ADD + "protocol ip flower src_ip 10.1.2.3/32\n")
    message = encode(filters).replace(bytes((0xFF,) * 4), bytes((0xFF, 0, 0, 0xF0)))
    (found,) = decode(message).filters
    assert found.keys == (Match("src_ip", 0x0A000000, 0xFF0000F0),)


class Devices(Links):
    """Ports as a private kernel has them."""

    def __init__(self, tc: Inside) -> None:
        super().__init__()
        object.__setattr__(self, "tc", tc)

    def index(self, port: int) -> int:
        return self.tc.index(self.ports.name(port))  # type: ignore[attr-defined, no-any-return]

    def port(self, index: int) -> int:
        names = {number: name for name, number in self.tc.kernel.indices().items()}  # type: ignore[attr-defined]
        found = self.ports.port(names[index])
        assert found is not None
        return found


def shown(tc: Inside, links: Links) -> FilterList:
    return decode(tc.kernel.messages("port0"), "shown", links)


def as_shown(filters: FilterList) -> list[FlowerFilter]:
    """Without what a dump leaves out or adds: keys of which no bit is asked for, bursts to the byte."""

    def bare(one: FlowerFilter) -> FlowerFilter:
        keys = tuple(key for key in one.keys if isinstance(key, Range) or key.mask)
        actions = tuple(replace(a, limits=()) if isinstance(a, Police) else a for a in one.actions)
        return replace(one, keys=keys, actions=actions, in_hw=None)

    return sorted(map(bare, filters.filters), key=lambda f: (f.chain, f.pref, f.handle))


@pytest.mark.oracle
def test_the_kernel_understands_and_shows_messages(tc: Inside) -> None:
    """What ``tc`` puts in is shown as what its script says; the same messages put in are shown the same, limits of
    police actions too."""
    script = (DUMPS / "filters.tc").read_text()
    rates = ("rate 8kbps burst 3000b mtu 1500", "rate 40gbit burst 1m peakrate 80gbit mtu 9000",
             "pkts_rate 1000 pkts_burst 100", "rate 1mbit burst 10k overhead 24 linklayer atm")  # fmt: skip
    start = "filter add dev port0 ingress pref {} protocol all handle 1 flower action police"
    script += "".join(f"{start.format(50 + i)} {rate} conform-exceed drop/pipe\n" for i, rate in enumerate(rates))
    links, given = Devices(tc), parse_script(script)
    clear = "tc qdisc del dev port0 clsact 2>/dev/null || true\ntc qdisc add dev port0 clsact\n"
    tc.kernel.run(clear)
    tc.batch(script.splitlines())
    by_tc = shown(tc, links)
    assert as_shown(by_tc) == as_shown(given)
    tc.kernel.run(clear)
    tc.messages(encode(given, links))
    assert shown(tc, links).filters == by_tc.filters
    tc.kernel.run(clear)
    tc.messages(encode(by_tc, links))
    assert as_shown(shown(tc, links)) == as_shown(by_tc)
    with pytest.raises(Failed) as refused:
        tc.messages(encode(FilterList((FlowerFilter(90), given.filters[3])), links))
    assert refused.value.line == 1
    tc.kernel.run("tc qdisc del dev port0 clsact\n")


NESTED_ACTION = parse_script(ADD + "protocol ip flower action vlan push id 7\n")


@pytest.mark.parametrize(
    ("filters", "old", "new", "complaint"),
    [
        ("protocol ip flower", "08000800", "080086dd", "key eth_type 0x86dd does not go with protocol 0x800"),
        ("protocol ip flower ip_proto udp dst_port 5", "06001500", "06001300", "attribute 19 of flower"),
        ("protocol ip flower ip_proto udp dst_port 5", "06002600", "06006900", "attribute 105 of flower"),
        ("protocol 802.1q flower vlan_id 5", "06001700", "06004d00", "needs vlan_ethtype 802.1q"),
        ("protocol ip flower ip_flags frag", "00000001", "00000004", "of more than 2 bits"),
        ("protocol mpls_uc flower mpls lse depth 3 ttl 5", "0500010003", "0500010009", "from 1 to 7"),
        ("protocol ip flower ip_proto udp dst_port 5-9", "06005a00", "06005700", "without its other end"),
        ("protocol ip flower skip_hw", "0800160001000000", "0800160041000000", "unknown flags 0x41"),
        ("protocol ip flower action vlan push id 7", "0600030007", "0600050007", "vlan without something"),
        ("protocol ip flower action vlan push id 7", "060003000700", "06000300ff0f", "VLAN id 4095"),
        ("protocol ip flower action csum ip4h", "6373756d", "6373ffff", "not ASCII"),
    ],
)  # fmt: skip
def test_what_a_message_cannot_say_is_one_error(filters: str, old: str, new: str, complaint: str) -> None:
    data = encode(parse_script(f"{ADD}{filters}\n"))
    damaged = data.replace(bytes.fromhex(old), bytes.fromhex(new))
    assert damaged != data
    with pytest.raises(InputError, match=complaint) as caught:
        decode(damaged, "some.nl")
    assert str(caught.value).startswith("some.nl: error: byte ")


def test_an_action_that_is_there_already_is_not_taken_for_a_new_one() -> None:
    """The kernel takes the action with that index, whatever the rest of the message says (``tcf_idr_check_alloc``)."""
    whole = encode(NESTED_ACTION)
    at = whole.index(bytes.fromhex("1c000200")) + 4
    shared = whole[:at] + b"\x05" + whole[at + 1 :]
    with pytest.raises(InputError, match="shared actions"):
        decode(shared)
    shown = shared[:6] + bytes(2) + shared[8:]  # the same in a dump, where every action has an index
    assert decode(shown).filters[0].actions == (Vlan("push", 7, 0),)


@pytest.mark.parametrize("number", [0, 2, 9])
def test_actions_are_numbered_without_a_gap(number: int) -> None:
    """The kernel takes those up to the first number that is missing."""
    whole = encode(NESTED_ACTION)
    at = whole.index(b"\x01\x80", whole.index(b"flower"))
    damaged = whole[:at] + bytes((number,)) + whole[at + 1 :]
    with pytest.raises(InputError, match=f"an action of number {number} where 1 is expected"):
        decode(damaged)


def test_a_dump_that_is_not_whole_is_no_list() -> None:
    whole = encode(NESTED_ACTION)
    acknowledged, refused = (message(NLMSG_ERROR, 0, 1, code.to_bytes(4, "little", signed=True)) for code in (0, -17))
    assert decode(whole + acknowledged).filters == NESTED_ACTION.filters
    with pytest.raises(InputError, match=r"refused a request \(error 17\)"):
        decode(whole + refused)
    with pytest.raises(InputError, match=r"refused a request \(error 17\)"):
        decode(whole + message(NLMSG_DONE, 2, 1, refused[16:]))
    assert decode(whole + message(NLMSG_DONE, 2, 1, bytes(4))).filters == NESTED_ACTION.filters
    with pytest.raises(InputError, match="came or went"):
        decode(whole[:6] + b"\x12\0" + whole[8:])
    part = whole[:6] + b"\x02\0" + whole[8:]
    with pytest.raises(InputError, match="without NLMSG_DONE"):
        decode(part)
    assert decode(part + message(NLMSG_DONE, 2, 1, bytes(4))).filters == NESTED_ACTION.filters


def test_messages_of_another_classifier_are_not_taken_for_these() -> None:
    data = encode(NESTED_ACTION).replace(b"flower", b"u32\0\0\0")
    assert not recognises(data)
    with pytest.raises(Unsupported, match="a filter of 'u32' in a list of flower filters"):
        read(data, "x")


def test_a_dump_of_an_ingress_qdisc_is_one_of_ingress() -> None:
    data = bytearray(encode(NESTED_ACTION))
    where = data.index((0xFFFFFFF2).to_bytes(4, sys.byteorder))
    data[where : where + 4] = (0xFFFF0000).to_bytes(4, sys.byteorder)
    assert read(bytes(data), "x").hook == read(encode(NESTED_ACTION), "x").hook
    data[where : where + 4] = (0x00010000).to_bytes(4, sys.byteorder)
    with pytest.raises(Unsupported, match="neither ingress nor egress"):
        read(bytes(data), "x")
