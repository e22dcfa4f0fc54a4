"""What filters do: rules that people trip over, each as the kernel does it, and the meaning against the kernel."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from contextlib import nullcontext
from types import FrameType
from typing import Any

import pytest

from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import FilterList, FlowerFilter, Match, decode, encode, parse_script
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.meaning.install import install
from p4verify.targets.flower.oracle import UserModeFlower
from tests.support.compiled import compiled, compiled_with, inside
from tests.support.flower_campaign import Tally, campaign, judge

MACS = bytes.fromhex("020000000001 020000000002")
UDP = bytes.fromhex("0035 0050 0008 1234")
TCP = bytes.fromhex("0050 0051 00000000 00000000 5002 0000 abcd 0000")
REVERSE_ARP = bytes.fromhex("0001 0800 06 04 0003") + bytes(20)
LAST, NOT_LAST = bytes.fromhex("00063101"), bytes.fromhex("00063001")
TO1 = "action mirred egress redirect dev port1"
TO2 = "action mirred egress redirect dev port2"


def ip4(payload: bytes = UDP, *, proto: int = 17, ttl: int = 64, flags: int = 0, words: int = 5) -> bytes:
    """An IPv4 packet, its checksum not right, with options of zeros; fewer words than 5 are a lie."""
    options = bytes(4 * max(0, words - 5))
    total = 20 + len(options) + len(payload)
    head = bytes((0x40 | words, 0)) + struct.pack("!HHHBBH", total, 1, flags, ttl, proto, 0x1111)
    return head + bytes.fromhex("0a000001 0a000002") + options + payload


def ip6(payload: bytes = UDP, *, following: int = 17) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload), following, 64)
    return head + bytes.fromhex("fe80") + bytes(13) + b"\1" + bytes.fromhex("fe80") + bytes(13) + b"\2" + payload


def eth(kind: int, payload: bytes, *tags: tuple[int, int]) -> bytes:
    """A frame, with tags (type and TCI)."""
    return MACS + b"".join(struct.pack("!HH", *tag) for tag in tags) + struct.pack("!H", kind) + payload


def script(*filters: str) -> str:
    return "".join(f"filter add dev port0 ingress {f}\n" for f in filters)


def does(text: str, frame: bytes) -> list[tuple[str, int, bytes]]:
    """What filters do with a frame, by their meaning."""
    return list(compiled(meaning(parse_script(text)))(frame, 0)[0])


def goes(text: str, frame: bytes) -> list[int | str]:
    """The ports that it leaves by, and whether it goes to the stack."""
    return [port if to == "port" else to for to, port, _ in does(text, frame)]


def matched(keys: str, frame: bytes) -> bool:
    return goes(script(f"pref 1 {keys} {TO1}"), frame) == [1]


MATCHES = [
    ("a header of 16 bytes has no fields", "protocol ip flower ip_proto udp", eth(0x800, ip4(words=4)), False),
    ("but is of its protocol, and in one piece", "protocol ip flower ip_flags nofrag", eth(0x800, ip4(words=4)), True),
    ("what is not found is 0", "protocol ip flower ip_ttl 0", eth(0x800, ip4(words=4)), True),
    ("a header cut short has no fields", "protocol ip flower ip_ttl 64", eth(0x800, ip4()[:19]), False),
    ("an address is asked for with its kind", "protocol ip flower src_ip 0.0.0.0/1", eth(0x800, ip4()[:19]), False),
    ("addresses of no bits match nothing", "protocol ip flower src_ip 0.0.0.0/0", eth(0x800, ip4()), False),
    ("ports stand behind options", "protocol ip flower ip_proto udp dst_port 80", eth(0x800, ip4(words=7)), True),
    ("ports that are cut are 0", "protocol ip flower ip_proto udp dst_port 0/1", eth(0x800, ip4(UDP[:3])), True),
    ("a first piece has no ports", "protocol ip flower ip_proto udp dst_port 80", eth(0x800, ip4(flags=0x2000)), False),
    ("but its protocol", "protocol ip flower ip_proto udp ip_flags firstfrag", eth(0x800, ip4(flags=0x2000)), True),
    ("a later piece has a TTL", "protocol ip flower ip_ttl 64 ip_flags nofirstfrag", eth(0x800, ip4(flags=7)), True),
    ("MPLS in IP is no longer IP", "protocol ip flower", eth(0x800, ip4(proto=137)), False),
    ("unless it is a piece", "protocol ip flower", eth(0x800, ip4(proto=137, flags=7)), True),
    ("GRE is not looked into", "protocol ip flower ip_proto 0x2f", eth(0x800, ip4(proto=47)), True),
    ("tcp_flags are 12 bits", "protocol ip flower ip_proto tcp tcp_flags 0x2", eth(0x800, ip4(TCP, proto=6)), True),
    (
        "an IPv6 header may be extended",
        "protocol ipv6 flower ip_proto udp dst_port 80",
        eth(0x86DD, ip6(bytes((17, 0)) + bytes(6) + UDP, following=60)),
        True,
    ),
    (
        "a first piece of IPv6 has no ports",
        "protocol ipv6 flower ip_proto udp dst_port 80",
        eth(0x86DD, ip6(bytes((17, 0, 0, 1)) + bytes(4) + UDP, following=44)),
        False,
    ),
    (
        "but its protocol and that it is one",
        "protocol ipv6 flower ip_proto udp ip_flags frag/firstfrag",
        eth(0x86DD, ip6(bytes((17, 0, 0, 1)) + bytes(4) + UDP, following=44)),
        True,
    ),
    ("a tag is seen by its type", "protocol 802.1q flower vlan_id 5", eth(0x800, ip4(), (0x8100, 0x6005)), True),
    ("and hides what is behind it", "protocol ip flower", eth(0x800, ip4(), (0x8100, 5)), False),
    (
        "unless that is asked for",
        "protocol 802.1q flower vlan_ethtype ip dst_ip 10.0.0.2",
        eth(0x800, ip4(), (0x8100, 5)),
        True,
    ),
    (
        "the second tag is cvlan",
        "protocol 802.1ad flower vlan_ethtype 802.1q cvlan_id 7 cvlan_ethtype ip ip_proto udp",
        eth(0x800, ip4(), (0x88A8, 5), (0x8100, 7)),
        True,
    ),
    (
        "a tag that is cut is none",
        "protocol 802.1ad flower vlan_ethtype 802.1q",
        eth(0x8100, bytes(3), (0x88A8, 5)),
        False,
    ),
    ("ARP is a request or a reply", "protocol arp flower arp_op 0", eth(0x806, REVERSE_ARP), True),
    ("labels end at the last one", "protocol mpls_uc flower mpls lse depth 2", eth(0x8847, LAST * 2), False),
    ("an entry that is there", "protocol mpls_uc flower mpls lse depth 2 ttl 1", eth(0x8847, NOT_LAST + LAST), True),
    ("a packet from no tunnel", "protocol ip flower enc_key_id 5", eth(0x800, ip4()), False),
    ("no packet is tracked", "protocol ip flower ct_state -trk", eth(0x800, ip4()), True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "frame", "expected"), [case[1:] for case in MATCHES], ids=[case[0] for case in MATCHES]
)
def test_what_matches(keys: str, frame: bytes, expected: bool) -> None:
    assert matched(keys, frame) == expected


@pytest.mark.oracle
def test_the_kernel_agrees_on_what_matches(kernel: UserModeFlower) -> None:
    tally = Tally(0)
    for _, keys, _, _ in MATCHES:
        judge(kernel, script(f"pref 1 {keys} {TO1}"), [frame for _, _, frame, _ in MATCHES], tally)
    assert tally.mismatches == []


def test_masks_are_tried_in_the_order_in_which_they_came() -> None:
    first = f"pref 1 protocol ip flower ip_proto udp {TO1}"
    second = f"pref 1 protocol ip flower dst_ip 10.0.0.2 {TO2}"
    assert goes(script(first, second), eth(0x800, ip4())) == [1]
    assert goes(script(second, first), eth(0x800, ip4())) == [2]


def test_the_first_range_that_fits_is_looked_up_with_all_else() -> None:
    ranged = "pref 1 protocol ip flower ip_proto udp dst_ip {} dst_port {} {}"
    one = ranged.format("10.0.0.9", "70-90", "action drop")
    two = ranged.format("10.0.0.2", "80-99", TO2)
    three = ranged.format("10.0.0.2", "70-90", TO1)
    assert goes(script(one, two, three), eth(0x800, ip4())) == [1]


def test_continue_goes_to_the_next_priority() -> None:
    filters = ["pref 1 protocol ip flower ip_proto udp action continue", f"pref 1 protocol ip flower ip_ttl 64 {TO1}"]
    assert goes(script(*filters, f"pref 2 protocol all flower {TO2}"), eth(0x800, ip4())) == [2]


def test_what_a_filter_has_written_the_next_one_sees() -> None:
    written = "pref 1 protocol ip flower action pedit ex munge ip ttl set 9 pipe action continue"
    assert goes(script(written, f"pref 2 protocol ip flower ip_ttl 9 {TO1}"), eth(0x800, ip4())) == [1]


def test_a_chain_without_filters_lets_pass() -> None:
    assert goes(script("pref 1 protocol all flower action goto chain 5"), eth(0x800, ip4())) == ["stack"]


def test_a_circle_of_chains_drops() -> None:
    assert goes(script("pref 1 protocol all flower action goto chain 0"), eth(0x800, ip4())) == []


def test_filters_for_hardware_only_do_nothing_in_software() -> None:
    filters = script(f"pref 1 protocol ip flower skip_sw {TO1}", f"pref 2 protocol ip flower {TO2}")
    assert goes(filters, eth(0x800, ip4())) == [2]


def test_a_filter_for_hardware_only_hides_a_range_behind_it() -> None:
    ranged = "pref 1 protocol ip flower ip_proto udp dst_port {} {} {}"
    filters = script(ranged.format("70-90", "skip_sw", TO1), ranged.format("80-99", "", TO2))
    assert goes(filters, eth(0x800, ip4())) == ["stack"]


def test_words_are_written_until_one_is_not_there() -> None:
    text = script(f"pref 1 protocol all flower action pedit ex munge ip ttl set 1 munge offset 24 u32 set 7 pipe {TO1}")
    ((_, _, whole),) = does(text, eth(0x800, ip4()))
    ((_, _, cut),) = does(text, eth(0x800, ip4()[:26]))
    assert (whole[22], whole[38:42]) == (1, bytes((0, 0, 0, 7)))
    assert cut == eth(0x800, ip4()[:8] + b"\1" + ip4()[9:26])


def test_a_byte_of_the_frame_may_say_where_a_word_is() -> None:
    """Here TCP's data offset: what stands behind its header is written. Places that are no multiples of 4 end it."""
    behind = "munge offset 20 u32 at 32 0xf0 2 set 0x01020304"
    text = script(f"pref 1 protocol ip flower ip_proto tcp action pedit {behind} munge offset 8 u8 set 9 pipe {TO1}")
    for words in (5, 6):
        header = TCP[:12] + bytes((words << 4,)) + TCP[13:] + bytes(4 * (words - 5))
        frame = eth(0x800, ip4(header + b"payload", proto=6))
        ((_, _, sent),) = does(text, frame)
        at = 34 + 4 * words
        assert sent == frame[:22] + b"\x09" + frame[23:at] + bytes((1, 2, 3, 4)) + frame[at + 4 :]
        cut = frame[: at + 3]
        assert does(text, cut) == [("port", 1, cut)]
    odd = script(f"pref 1 protocol ip flower action pedit munge offset 0 u32 at 32 0xf0 4 set 7 pipe {TO1}")
    frame = eth(0x800, ip4(TCP, proto=6))
    assert does(odd, frame) == [("port", 1, frame)]
    assert does(odd, frame[:46]) == [("port", 1, frame[:46])]
    before = script(f"pref 1 protocol ip flower action pedit munge offset -4 u32 at 0xfffffff2 0x1c 0 set 7 pipe {TO1}")
    assert does(before, b"\4" + frame[1:]) == [("port", 1, b"\4" + frame[1:14] + bytes((0, 0, 0, 7)) + frame[18:])]


def test_a_header_is_looked_for_anew_where_it_was_written_to() -> None:
    """Behind an IPv4 header of no length a port is that header's first word; then the length is another one (seen on
    Linux 6.1)."""
    text = script(
        f"pref 1 protocol ip flower action pedit ex munge udp sport set 65535 munge udp sport add 1000 pipe {TO1}"
    )
    frame = eth(0x800, ip4(words=0)[:43])
    ((_, _, sent),) = does(text, frame)
    assert sent == frame[:14] + b"\xff\xff" + frame[16:]


def test_added_numbers_carry_as_a_little_endian_word() -> None:
    text = script(f"pref 1 protocol ip flower action pedit ex munge udp sport add 0xd0 pipe {TO1}")
    ((_, _, sent),) = does(text, eth(0x800, ip4()))
    assert sent[34:38] == bytes.fromhex("0005 0050")  # 0x35 + 0xd0 carries into what comes after, which is not written


def test_a_tag_is_pushed_before_the_one_that_is_there() -> None:
    text = script(f"pref 1 protocol 802.1q flower action vlan push id 9 priority 3 protocol 802.1ad pipe {TO1}")
    ((_, _, sent),) = does(text, eth(0x800, ip4(), (0x8100, 5)))
    assert sent == eth(0x800, ip4(), (0x88A8, 0x6009), (0x8100, 5))


def test_a_pushed_tag_hides_what_was_a_tag_before_from_the_dissector() -> None:
    """The network header stays behind the tag that went into the data, so an IP header is read as a tag."""
    pushed = "pref 1 protocol 802.1q flower action vlan push id 9 pipe action continue"
    inner = f"pref 2 protocol 802.1q flower vlan_ethtype 802.1q cvlan_id 5 {TO1}"
    assert goes(script(pushed, inner), eth(0x800, ip4(), (0x8100, 5))) == ["stack"]


def test_the_first_label_under_a_tag_writes_its_type() -> None:
    text = script(f"pref 1 protocol ip flower action mpls push label 99 ttl 3 pipe {TO1}")
    ((_, _, sent),) = does(text, eth(0x800, ip4()))
    assert sent == eth(0x8847, struct.pack("!I", 99 << 12 | 1 << 8 | 3) + ip4())


def test_a_label_before_tags_before_labels_is_not_the_last_one() -> None:
    text = script(f"pref 1 protocol 802.1ad flower action mpls push label 16 ttl 3 pipe {TO1}")
    tags = [(0x88A8, 5), (0x8100, 6), (0x8100, 7), (0x8100, 8), (0x8100, 9)]
    for kind, bottom in ((0x8847, 0), (0x0800, 1)):
        ((_, _, sent),) = does(text, eth(kind, LAST + ip4(), *tags))
        assert sent[18:22] == struct.pack("!I", 16 << 12 | bottom << 8 | 3)


def test_a_ttl_of_1_is_dropped_with_its_packet() -> None:
    text = script(f"pref 1 protocol mpls_uc flower action mpls dec_ttl pipe {TO1}")
    assert goes(text, eth(0x8847, bytes.fromhex("00063101") + ip4())) == []
    assert goes(text, eth(0x8847, bytes.fromhex("00063102") + ip4())) == [1]


def test_checksum_of_a_header_with_options() -> None:
    text = script(f"pref 1 protocol ip flower action csum ip4h pipe {TO1}")
    ((_, _, sent),) = does(text, eth(0x800, ip4(words=6)))
    words = struct.unpack("!12H", sent[14:38])
    assert sum(words) % 0xFFFF == 0
    assert not inside(meaning(parse_script(text)))(eth(0x800, ip4(words=4)), 0)


def test_checksums_of_tcp_and_udp() -> None:
    text = script(f"pref 1 protocol ip flower action csum ip4h and tcp and udp pipe {TO1}")
    for proto, payload in ((6, TCP + b"odd"), (17, UDP[:4] + b"\0\x0b" + UDP[6:] + b"odd")):
        ((_, _, sent),) = does(text, eth(0x800, ip4(payload, proto=proto)))
        carried = sent[34:] + b"\0" * (len(payload) % 2)
        pseudo = sent[26:34] + bytes((0, proto)) + struct.pack("!H", len(payload))
        words = struct.unpack(f"!{(len(pseudo) + len(carried)) // 2}H", pseudo + carried)
        assert sum(words) % 0xFFFF == 0
        assert sent[36:40] == payload[2:6]


def test_udp_without_a_checksum_keeps_none_and_with_another_length_loses_it() -> None:
    text = script(f"pref 1 protocol ip flower action csum udp pipe {TO1}")
    ((_, _, without),) = does(text, eth(0x800, ip4(UDP[:6] + bytes(2))))
    ((_, _, other),) = does(text, eth(0x800, ip4(UDP + b"more")))
    assert without[40:42] == other[40:42] == bytes(2)


def test_udp_in_ipv6_always_gets_a_checksum() -> None:
    text = script(f"pref 1 protocol ipv6 flower action csum udp pipe {TO1}")
    ((_, _, sent),) = does(text, eth(0x86DD, ip6(UDP[:6] + bytes(2))))
    assert sent[60:62] != bytes(2)


def test_a_frame_that_goes_on_behind_its_packet_is_left_out_of_checksums() -> None:
    covers = inside(meaning(parse_script(script(f"pref 1 protocol ip flower action csum udp pipe {TO1}"))))
    assert covers(eth(0x800, ip4()), 0)
    assert not covers(eth(0x800, ip4() + bytes(18)), 0)
    assert goes(script(f"pref 1 protocol ip flower action csum udp pipe {TO1}"), eth(0x800, ip4()[:-1])) == []


def test_the_class_id_stays_with_pass_only() -> None:
    text = "pref 1 protocol ip flower classid 1:7 action {}"
    frame = eth(0x800, ip4())
    assert compiled(meaning(parse_script(script(text.format("pass")))))(frame, 0)[1] == 0x10007
    assert compiled(meaning(parse_script(script(text.format("pipe")))))(frame, 0)[1] == 0


@pytest.mark.parametrize(("hook", "first"), [("dev port0 ingress", 0xFFFFFFE0), ("block 22", 0xFFE0)])
def test_a_hardware_class_is_a_class_id(hook: str, first: int) -> None:
    """As ``tc`` names it, which for a block knows no qdisc (seen in what Linux 6.1 then shows)."""
    filters = parse_script(f"filter add {hook} pref 1 protocol ip flower hw_tc 3 action pass\n")
    assert decode(encode(filters)) == filters
    assert struct.pack("=I", first + 3) in encode(filters)
    assert compiled(meaning(filters))(eth(0x800, ip4()), 0)[1] == first + 3


THIRD = "pref 1 protocol 802.1q flower vlan_ethtype 802.1q cvlan_id 6 cvlan_ethtype"


def test_the_type_behind_a_third_tag_is_not_the_tags() -> None:
    """The kernel looks behind it, so that a filter which asks for it sees only frames that end within it."""
    tagged = eth(0x800, ip4(), (0x8100, 5), (0x8100, 6), (0x8100, 7))
    for kind, ports in (("802.1q", [["stack"], [1], [1], ["stack"]]), ("ip", [["stack"]] * 4)):
        text = script(f"{THIRD} {kind} {TO1}")
        assert [goes(text, frame) for frame in (tagged, tagged[:25], tagged[:22], tagged[:21])] == ports


@pytest.mark.oracle
def test_the_kernel_looks_behind_a_third_tag(kernel: UserModeFlower) -> None:
    tagged = eth(0x800, ip4(), (0x8100, 5), (0x8100, 6), (0x8100, 7))
    text = script(f"{THIRD} 802.1q {TO1}")
    frames = [tagged, tagged[:25], tagged[:22], tagged[:21], eth(0x800, ip4(), (0x8100, 5), (0x8100, 6))]
    seen = kernel.run(parse_script(text), [(0, frame) for frame in frames])
    assert [list(one.outputs) for one in seen] == [does(text, frame) for frame in frames]


@pytest.mark.parametrize("tags", [(), ((0x8100, 5),)])
def test_extension_headers_beyond_those_that_are_modelled_are_left_out_behind_a_tag_too(
    tags: tuple[tuple[int, int], ...],
) -> None:
    """A tag lies beside the data, so that both headers begin at one place."""
    covers = inside(meaning(parse_script(script(f"pref 5 protocol all flower ip_flags nofrag {TO2}"))))
    for options, modelled in ((3, True), (30, False)):
        piece = bytes([17, 0, 0, 1]) + bytes(4)
        headers = bytes([44, options]) + bytes(8 * options + 6) + piece
        assert covers(eth(0x86DD, ip6(headers + UDP, following=60), *tags), 0, {}) is modelled


def test_a_policer_without_a_rate_leaves_nothing_open() -> None:
    for limits, open_ in (("mtu 1042", False), ("mtu 500 overhead 4", False), ("pkts_rate 9 pkts_burst 9", True)):
        one = f"pref 1 protocol all flower action police {limits} conform-exceed drop/ok"
        assert bool(meaning(parse_script(script(one))).choices) is open_


def test_a_rate_that_is_asked_for_twice_may_be_exceeded_once() -> None:
    police = "pref 1 protocol all flower action police rate 1mbit burst 10k conform-exceed reclassify/pipe " + TO1
    behaviour = meaning(parse_script(script(police)))
    names = [str(choice.variable.payload) for choice in behaviour.choices]
    assert len(set(names)) == len(names)
    first = next(name for name in names if "untagged" in name)
    once = {name: int(name == first) for name in names}
    frame = eth(0x0800, ip4())
    assert evaluate_behaviour(behaviour, frame, 0, choices=1).outputs == ()
    assert [port for _, port, _ in evaluate_behaviour(behaviour, frame, 0, choices=once).outputs] == [1]


def test_marks_are_told() -> None:
    text = "pref 1 protocol ip flower action skbedit mark 0xff/0xf priority 1:2 pass"
    behaviour = meaning(parse_script(script(text)))
    assert behaviour.observables == ("outputs", "mark", "priority")
    run = compiled_with(behaviour, ("mark", "priority"))
    assert run(eth(0x800, ip4()), 0)[1] == {"mark": 0xF, "priority": 0x10002}
    assert run(eth(0x806, ip4()), 0)[1] == {"mark": 0, "priority": 0}


@pytest.mark.oracle
def test_the_kernel_tells_marks(kernel: UserModeFlower) -> None:
    marks = [
        "pref 1 protocol ip flower action skbedit mark 0xff/0xf pipe action continue",
        "pref 2 protocol ip flower ip_proto udp action skbedit mark 0x70/0xf0 priority 1:2 pass",
    ]
    udp, tcp, other = (eth(0x800, ip4()), eth(0x800, ip4(TCP, proto=6)), eth(0x806, ip4()))
    seen = kernel.run(parse_script(script(*marks)), [(0, udp), (0, tcp), (0, other)])
    assert [(s.metadata["mark"], s.metadata["priority"]) for s in seen] == [(0x7F, 0x10002), (0xF, 0), (0, 0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("protocol ip flower action simple sdata 5", "action simple"),
        ("protocol ip flower action tunnel_key set src_ip 1.1.1.1 dst_ip a.host id 3", "which is no address"),
        ("protocol ip flower action tunnel_key set src_ip 1.1.1.1 dst_ip fe80::1", "addresses of two families"),
        ("protocol ip flower enc_src_ip 1.1.1.1 enc_dst_ip fe80::1", "addresses of two families"),
        ("protocol ip flower action csum tcp and sctp", "checksums of sctp"),
        ("protocol ip flower action pedit munge offset 0 u32 at 0xffffffe0 0xf 0 set 7", "taken from 18 bytes before"),
        ("protocol ppp_ses flower", "PPPoE"),
        ("protocol mpls_mc flower num_of_vlans 2 mpls_ttl 0", "a number of tags"),
        ("protocol 802.1q flower num_of_vlans 2 vlan_ethtype ip", "a number of tags"),
    ],
)
def test_what_is_not_modelled_is_said_at_its_place(text: str, said: str) -> None:
    with pytest.raises(Unsupported) as caught:
        meaning(parse_script(script("pref 7 protocol all chain 3 flower action drop", f"pref 1 {text}"), "some.tc"))
    assert said in caught.value.reason
    assert caught.value.span.line == 2


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (["pref 1 protocol ip flower ip_ttl 3", "pref 1 protocol ip flower ip_ttl 3 action drop"], "same keys"),
        (["pref 1 protocol ip flower", "pref 1 protocol ipv6 flower"], "another protocol"),
        (["pref 1 protocol ip handle 3 flower", "pref 1 protocol ip handle 3 flower ip_ttl 3"], "filter 0x3 exists"),
        (["pref 1 protocol ip flower indev port1", "pref 1 protocol ipv6 flower indev port2"], "another protocol"),
        (["pref 32768 protocol ip flower", "protocol ip flower ip_ttl 3"], "no priority is free"),
    ],
)
@pytest.mark.parametrize("port", [None, 1, 2, 3])
def test_what_the_kernel_refuses(filters: list[str], said: str, port: int | None, kernel: UserModeFlower) -> None:
    with pytest.raises(InputError, match=said) as caught:
        meaning(parse_script(script(*filters), "some.tc"))
    with pytest.raises(InputError) as refused:
        kernel.run(parse_script(script(*filters), "some.tc"), [] if port is None else [(port, eth(0x800, ip4()))])
    assert caught.value.diagnostics[0].span.line == refused.value.diagnostics[0].span.line == 2


@pytest.mark.oracle
def test_filters_without_a_handle_get_the_lowest_that_is_free(kernel: UserModeFlower) -> None:
    given = ["handle 2", "", "", "handle 5", "", "", "handle 6"]
    lines = [f"pref 1 protocol ip {handle} flower ip_ttl {i}" for i, handle in enumerate(given)]
    for artifact in (parse_script(script(*lines[:-1])), parse_script(script(*lines))):
        refused = len(artifact.filters) == len(given)
        for run in (meaning, lambda one: kernel.run(one, [])):
            with pytest.raises(InputError) if refused else nullcontext():
                run(artifact)


def test_the_work_for_filters_of_one_priority_grows_with_their_number() -> None:
    def lines(count: int) -> int:
        """Lines of code that are run to add so many filters."""
        filters = FilterList(tuple(FlowerFilter(1, 0x800, (Match("dst_ip", i, 0xFFFFFFFF),)) for i in range(count)))
        run = 0

        def trace(_frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
            nonlocal run
            run += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            install(filters)
        finally:
            sys.settrace(before)
        return run

    assert lines(4_800) < 12 * lines(800)  # 6 times as many; it was 36 times as much in the end


@pytest.mark.oracle
def test_filters_for_other_ports_say_which_mask_comes_first(kernel: UserModeFlower) -> None:
    text = script(
        f"pref 1 protocol ip flower ip_proto udp indev port9 {TO1}",
        f"pref 1 protocol ip flower dst_ip 10.0.0.2 indev port3 {TO1}",
        f"pref 1 protocol ip flower ip_proto udp indev port3 {TO2}",
    )
    frame = eth(0x800, ip4())
    does = compiled(meaning(parse_script(text)))
    (seen,) = kernel.run(parse_script(text), [(3, frame)])
    assert list(seen.outputs) == list(does(frame, 3)[0]) == [("port", 2, frame)]


@pytest.mark.long
@pytest.mark.oracle
def test_the_meaning_is_what_the_kernel_does(kernel: UserModeFlower) -> None:
    tally = campaign(kernel, 2026, pairs=800, frames_per_list=100, seconds=6)
    assert tally.mismatches == []
    assert tally.pairs >= 100
