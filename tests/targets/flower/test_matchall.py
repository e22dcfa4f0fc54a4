"""Filters of ``matchall`` beside flower: in every form, and what they do; the kernel says the same."""

from __future__ import annotations

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import (
    MATCHALL,
    FilterList,
    FlowerFilter,
    Match,
    decode,
    encode,
    parse_script,
    print_script,
    read,
    recognises,
)
from p4verify.targets.flower.install import FLOWER
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.flower.target import TARGET
from p4verify.targets.tc.artifact.actions import DROP, Gact
from p4verify.targets.tc.install import install, remove
from p4verify.targets.u32.artifact import recognises as recognises_u32
from tests.support.compiled import compiled
from tests.support.flower_campaign import Tally, judge
from tests.support.flower_forms import Forms, judge_forms
from tests.support.flower_forms import Inside as Forming
from tests.support.private_tc import Inside

ADD = "filter add dev port0 ingress "
TO1, TO2 = (f"action mirred egress redirect dev port{n}" for n in (1, 2))
MACS = bytes.fromhex("020000000001 020000000002")
MPLS_IN_IP = MACS + bytes.fromhex("0800 4500001c 00010000 4089 1111 0a000001 0a000002") + bytes(8)
CUT_TAG = MACS + bytes.fromhex("88a8 0005 8100 000000")
SHORT = MACS + bytes.fromhex("0800")
ARP = MACS + bytes.fromhex("0806") + bytes(28)
FRAMES = [MPLS_IN_IP, CUT_TAG, SHORT, ARP]


def script(*filters: str) -> str:
    return "".join(f"{ADD}{one}\n" for one in filters)


def goes(text: str, frame: bytes) -> list[int | str]:
    """The ports that a frame leaves by, and whether it goes to the stack."""
    sent, _ = compiled(meaning(parse_script(text)))(frame, 0)
    return [port if to == "port" else to for to, port, _ in sent]


LISTS = [
    ("MPLS in IP is of its protocol", script(f"pref 1 protocol ip matchall {TO1}"), MPLS_IN_IP, [1]),
    ("flower does not find it", script(f"pref 1 protocol ip flower {TO1}"), MPLS_IN_IP, ["stack"]),
    ("nor what is behind a tag that is cut", script(f"pref 1 protocol 802.1ad flower vlan_ethtype 802.1q {TO1}"),
     CUT_TAG, ["stack"]),
    ("which is of its protocol", script(f"pref 1 protocol 802.1ad matchall {TO1}"), CUT_TAG, [1]),
    ("a type alone is enough", script(f"pref 1 protocol ip matchall {TO1}"), SHORT, [1]),
    ("no other protocol is matched", script(f"pref 1 protocol ip matchall {TO1}", f"pref 2 matchall {TO2}"), ARP, [2]),
    ("the lower priority comes first", script(f"pref 2 protocol arp flower {TO1}", f"pref 1 matchall {TO2}"), ARP, [2]),
    ("continue goes on", script("pref 1 matchall action continue", f"pref 2 protocol arp flower {TO1}"), ARP, [1]),
    ("another chain", script("pref 1 matchall action goto chain 3", f"pref 1 chain 3 matchall {TO2}"), ARP, [2]),
    ("one without actions lets pass", script("pref 1 matchall classid 1:3", f"pref 2 matchall {TO1}"), ARP, ["stack"]),
    ("PPPoE's type can be asked for", script(f"pref 1 protocol ppp_ses matchall {TO1}"), ARP, ["stack"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "frame", "expected"), [case[1:] for case in LISTS], ids=[case[0] for case in LISTS])
def test_what_it_matches(text: str, frame: bytes, expected: list[int | str]) -> None:
    assert goes(text, frame) == expected


@pytest.mark.oracle
def test_the_kernel_agrees_on_what_it_matches(kernel: UserModeFlower) -> None:
    tally = Tally(0)
    for _, text, _, _ in LISTS:
        judge(kernel, text, FRAMES, tally)
    assert tally.mismatches == []
    assert tally.pairs == len(LISTS) * len(FRAMES)


def test_one_for_hardware_only_does_nothing_in_software() -> None:
    assert goes(script(f"pref 1 matchall skip_sw {TO1}", f"pref 2 matchall {TO2}"), ARP) == [2]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (["pref 1 matchall action drop", "pref 1 matchall action pass"], "a matchall filter exists"),
        (["pref 1 handle 5 matchall action drop", "pref 1 handle 7 matchall action pass"], "a matchall filter exists"),
        (["pref 1 protocol ip matchall action drop", "pref 1 protocol ip flower"], "for filters of matchall"),
        (["pref 1 protocol ip flower", "pref 1 protocol ip matchall action drop"], "for filters of flower"),
        (["pref 1 protocol ip flower", "pref 1 protocol arp matchall action drop"], "another protocol"),
    ],
)
def test_what_the_kernel_refuses(filters: list[str], said: str, kernel: UserModeFlower) -> None:
    filters_ = parse_script(script(*filters), "some.tc")
    with pytest.raises(InputError, match=said) as caught:
        meaning(filters_)
    with pytest.raises(InputError) as refused:
        kernel.run(filters_, [])
    assert caught.value.diagnostics[0].span.line == refused.value.diagnostics[0].span.line == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("matchall", "a matchall filter of which nothing is said"),
        ("matchall classid 1:1 skip_hw", "expects something behind skip_hw"),
        ("matchall skip_hw skip_sw action drop", "exclude each other"),
        ("matchall indev port1 action drop", "unknown option 'indev' of matchall"),
        ("matchall in_hw action drop", "unknown option 'in_hw' of matchall"),
    ],
)
def test_what_tc_or_the_kernel_refuse_in_words(text: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_script(f"{ADD}pref 1 {text}\n", "some.tc")
    assert str(caught.value).startswith("some.tc:1:")
    assert complaint in str(caught.value)


def test_one_that_does_nothing_is_told_by_messages_only() -> None:
    filters = FilterList((FlowerFilter(1, kind=MATCHALL),))
    assert decode(encode(filters)) == filters
    with pytest.raises(Unsupported, match="no words for matchall without class id and actions"):
        print_script(filters)


def test_it_has_no_keys() -> None:
    for wrong in ({"keys": (Match("ip_ttl", 1, 255),), "protocol": 0x800}, {"indev": 1}, {"hw_tc": 1}):
        with pytest.raises(ValueError, match="neither keys nor indev nor hw_tc"):
            FlowerFilter(1, kind=MATCHALL, **wrong)  # type: ignore[arg-type]


SHOWN = """filter protocol ip pref 3 matchall chain 0
filter protocol ip pref 3 matchall chain 0 handle 0x7 flowid 1:2
  skip_hw
  not_in_hw (rule hit 12)
\taction order 1: gact action drop
\t random type none pass val 0
\t index 1 ref 1 bind 1
"""
JSON = (
    '[{"protocol":"ip","pref":3,"kind":"matchall","chain":0},{"protocol":"ip","pref":3,"kind":"matchall","chain":0,'
    '"options":{"handle":7,"flowid":"1:2","skip_hw":true,"not_in_hw":true,"rule_hit":12,"actions":[{"order":1,'
    '"kind":"gact","control_action":{"type":"drop"},"index":1,"ref":1,"bind":1}]}}]'
)
EXPECTED = FlowerFilter(
    3, 0x800, actions=(Gact(DROP),), handle=7, classid=0x10002, skip_hw=True, in_hw=False, kind=MATCHALL
)


@pytest.mark.parametrize("text", [SHOWN, JSON])
def test_dumps(text: str) -> None:
    assert recognises(text.encode())
    assert read(text.encode(), "d").filters == (EXPECTED,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SHOWN.replace("  skip_hw", "  eth_type ipv4"), "unknown option 'eth_type' of matchall"),
        (JSON.replace('"rule_hit"', '"rule_hat"'), "option 'rule_hat' of matchall"),
    ],
)
def test_what_a_dump_says_else_is_an_error(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read(text.encode(), "d")


def test_messages_that_the_kernel_would_read_otherwise() -> None:
    data = encode(parse_script(f"{ADD}pref 1 matchall skip_hw classid 1:1\n"))
    for old, new, complaint in (
        ("0800010001000100", "0800060001000100", "attribute 6 of matchall"),
        ("0800010001000100", "0800040001000100", "attribute 4 of matchall"),
        ("0800030001000000", "0800030004000000", "unknown flags 0x4"),
    ):
        damaged = data.replace(bytes.fromhex(old), bytes.fromhex(new))
        assert damaged != data
        with pytest.raises(InputError, match=complaint):
            decode(damaged)


def test_a_request_without_options_is_refused() -> None:
    data = encode(FilterList((FlowerFilter(1, kind=MATCHALL),)))
    assert data.endswith(bytes.fromhex("04000280"))
    short = len(data) - 4
    with pytest.raises(InputError, match="refuses a filter without options"):
        decode(short.to_bytes(4, "little") + data[4:short])


def test_a_list_of_nothing_else_is_one_of_flower_and_one_beside_u32_is_not() -> None:
    alone = f"{ADD}pref 1 matchall action drop\n"
    beside = f"{alone}{ADD}pref 2 protocol ip u32 match u32 0 0 action drop\n"
    assert recognises(alone.encode())
    assert recognises(encode(parse_script(alone)))
    assert not recognises_u32(alone.encode())
    assert not recognises(beside.encode())
    with pytest.raises(Unsupported, match="a filter of 'u32' in a list of flower filters"):
        read(beside.encode(), "x")


MIXED = script(
    "pref 3 protocol ip handle 0x7 matchall skip_hw classid 1:2 action drop action mirred egress redirect dev port1",
    "pref 4 protocol ip handle 1 flower ip_ttl 3 action pass",
    "pref 12 handle 010 matchall classid 1:0",
    "pref 9 chain 4 handle 1 matchall action goto chain 5",
)


@pytest.mark.long
@pytest.mark.oracle
def test_what_the_kernel_shows_is_read_as_what_went_in() -> None:
    inside, found = Forming(), Forms()
    try:
        judge_forms(inside, parse_script(MIXED), found)
    finally:
        inside.kernel.close()
    assert found.wrong == []
    assert sum(count for (_, result), count in found.counts.items() if result == "same") == 6


@pytest.mark.oracle
def test_they_are_put_on_a_device_and_read_back(tc: Inside) -> None:
    given = parse_script(MIXED.replace("handle 0x7 ", "").replace("handle 010 ", ""))
    nothing = FlowerFilter(30, kind=MATCHALL)
    for filters in (given.filters, (*given.filters, nothing)):
        install(FLOWER, filters, "port7", tc)
        assert "matchall" in tc.ask(["filter", "show", "dev", "port7", "ingress"])
        remove("port7", tc)
    assert "filter" not in tc.ask(["filter", "show", "dev", "port7", "ingress"])


def test_in_a_device_it_counts_as_flower_without_keys() -> None:
    (entry,) = TARGET.entries(parse_script(f"{ADD}pref 2 protocol ip matchall action drop\n"))
    assert (entry.needs.classifier, entry.needs.keys, entry.needs.protocol) == ("flower", {}, "ip")
