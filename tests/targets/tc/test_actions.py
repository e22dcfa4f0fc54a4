"""Actions of tc filters: their words, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from p4verify.semantics.source import NOWHERE, InputError, Unsupported
from p4verify.targets.tc.artifact.actions import Action, Control, Pedit, PeditKey, Police, Vlan
from p4verify.targets.tc.artifact.hooks import PortNames
from p4verify.targets.tc.artifact.print_actions import action_words
from p4verify.targets.tc.artifact.read_actions import read_actions
from p4verify.targets.tc.artifact.words import commands
from tests.support.tc_actions import actions

PORTS = PortNames()


def read(text: str) -> list[Action]:
    (command,) = commands(text, "x")
    return read_actions(command, PORTS)


@settings(max_examples=60)
@given(actions())
def test_what_is_printed_is_read_again(action: Action) -> None:
    """Printing and reading gives another action of the same text; a field may have two names and one meaning."""
    words = action_words(action, PORTS, NOWHERE)
    assert read(words) == [action]


@pytest.mark.parametrize(
    ("words", "keys"),
    [  # as `tc filter show` of iproute2 6.1 prints them
        ("ex munge ip ttl dec", [("ip", 8, "add", "ff000000", "00ffffff")]),
        ("ex munge ip6 hoplimit dec", [("ip6", 4, "add", "000000ff", "ffffff00")]),
        ("ex munge ip tos set 0x12", [("ip", 0, "set", "00120000", "ff00ffff")]),
        ("ex munge ip ihl set 0xff", [("ip", 0, "set", "0f000000", "f0ffffff")]),
        ("ex munge ip nofrag set 0xff", [("ip", 4, "set", "00003f00", "ffffc0ff")]),
        ("ex munge ip df set 0xff", [("ip", 4, "set", "00004000", "ffffbfff")]),
        ("ex munge ip ttl preserve", [("ip", 8, "set", "00000000", "ffffffff")]),
        ("ex munge ip ttl clear", [("ip", 8, "set", "00000000", "00ffffff")]),
        ("ex munge ip ttl invert", [("ip", 8, "set", "ff000000", "ffffffff")]),
        ("ex munge ip ttl set 0x4f retain 0x0f", [("ip", 8, "set", "0f000000", "f0ffffff")]),
        ("ex munge ip src set 1.2.3.4 retain 0xffff", [("ip", 12, "set", "00000304", "ffff0000")]),
        ("ex munge ip6 traffic_class set 0x12", [("ip6", 0, "set", "01200000", "f00fffff")]),
        ("ex munge ip6 flow_lbl set 0x12345", [("ip6", 0, "set", "00012345", "fff80000")]),
        ("ex munge ip6 nexthdr set 6", [("ip6", 4, "set", "00000600", "ffff00ff")]),
        ("ex munge tcp dport set 6 retain 0xff", [("tcp", 0, "set", "00000006", "ffffff00")]),
        ("ex munge tcp flags set 0x12", [("tcp", 12, "set", "00120000", "ff00ffff")]),
        ("ex munge udp sport add 1", [("udp", 0, "add", "00010000", "0000ffff")]),
        (
            "ex munge eth src set 02:00:00:00:00:01",
            [("eth", 4, "set", "00000200", "ffff0000"), ("eth", 8, "set", "00000001", "00000000")],
        ),
        ("ex munge eth type set 0x800", [("eth", 12, "set", "08000000", "0000ffff")]),
        ("ex munge offset 5 u8 set 0x11", [("network", 4, "set", "00110000", "ff00ffff")]),
        ("ex munge offset 6 u16 set 0x1122 retain 0x0f0f", [("network", 4, "set", "00000102", "fffff0f0")]),
        # what `retain` says takes the place of the bits that the field has itself
        ("ex munge ip6 traffic_class set 0x48 retain 0xfc", [("ip6", 0, "set", "04800000", "f03fffff")]),
        ("ex munge ip6 traffic_class invert", [("ip6", 0, "set", "0ff00000", "ffffffff")]),
        ("ex munge ip6 flow_lbl set 0xabcde retain 0xfffff", [("ip6", 0, "set", "000abcde", "fff00000")]),
        ("ex munge ip df set 0xff retain 0xf0", [("ip", 4, "set", "0000f000", "ffff0fff")]),
        ("ex munge ip ttl preserve retain 0x3", [("ip", 8, "set", "00000000", "fcffffff")]),
        ("ex munge ip6 hoplimit decrement retain 3", [("ip6", 4, "add", "00000003", "fffffffc")]),
        ("ex munge udp dport inv r 0xff", [("udp", 0, "set", "000000ff", "ffffffff")]),
        ("ex munge offset 1 u8 set 0x12 retain 0xff00", [("network", 0, "set", "00000000", "ffffffff")]),
        (
            "ex munge eth dst invert",
            [("eth", 0, "set", "ff000000", "00000000"), ("eth", 4, "set", "00000000", "0000ffff")],
        ),
        (
            "ex munge eth dst clear",
            [("eth", 0, "set", "00000000", "00000000"), ("eth", 4, "set", "00000000", "0000ffff")],
        ),
        ("ex munge ip src set 12", [("ip", 12, "set", "0c000000", "00000000")]),
        ("ex munge ip src set 10.1/16", [("ip", 12, "set", "0a010000", "00000000")]),
        ("munge offset -14 u16 set 5", [("network", -16, "set", "00000005", "ffff0000")]),
        ("munge offset 12 u32 invert", [("network", 12, "set", "ffffffff", "ffffffff")]),
        ("munge ip dport set 5", [("network", 20, "set", "00000005", "ffff0000")]),
        ("munge ip icmp_code set 6", [("network", 20, "set", "06000000", "00ffffff")]),
        ("munge ip ttl set 3", [("network", 8, "set", "03000000", "00ffffff")]),
    ],
)
def test_what_munge_writes(words: str, keys: list[tuple[str, int, str, str, str]]) -> None:
    (action,) = read(f"pedit {words}")
    assert isinstance(action, Pedit)
    found = [(k.header, k.offset, "add" if k.add else "set", f"{k.value:08x}", f"{k.mask:08x}") for k in action.keys]
    assert found == keys
    assert read(action_words(action, PORTS, NOWHERE)) == [action]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("pedit munge eth type set 5", "no field"),
        ("pedit ex munge ip dport set 5", "no field"),
        ("pedit munge offset 8 u8 add 5", "only pedit ex has add"),
        ("pedit ex munge offset 3 u16 set 5", "not within a word"),
        ("pedit ex munge eth dst set 02:00:00:00:00:02 retain 1", "up to 32 bits"),
        ("pedit ex", "munge expected"),
        ("pedit ex munge eth dst preserve", "up to 32 bits"),
        ("pedit ex munge ip src set 0x0a000001", "IPv4 address expected"),
        ("pedit ex munge ip6 traffic_class set 0x100", "not in 0..255"),
        ("pedit ex munge ip6 traffic_class dec", "decrement is for"),
        ("vlan modify priority 3", "needs an id"),
        ("vlan push id 4095", "not in 0..4094"),
        ("vlan push id 1 protocol ip", "no VLAN protocol"),
        ("mpls pop", "needs a protocol"),
        ("mpls push tc 3", "needs a label"),
        ("mpls push label 20 ttl 0", "not in 1..255"),
        ("csum foo", "expected"),
        ("skbedit", "changes nothing"),
        ("tunnel_key set id 3", "needs src_ip"),
        ("police drop", "needs a rate"),
        ("vlan index 3", "no action vlan with index 3"),
        ("drop random some pass 3", "netrand or determ expected"),
        ("drop random determ goto chain 3 3", "no other chain"),
        ("drop random netrand pass 65536", "number of packets"),
    ],
)
def test_what_tc_refuses_is_refused_with_its_place(words: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read(words)


def test_an_action_may_follow_another_without_a_word_between() -> None:
    assert read("vlan push id 5 pipe drop") == read("vlan push id 5 action drop")
    assert read("vlan pop cookie 12ab hw_stats disabled action pass") == read("vlan pop action pass")


@pytest.mark.parametrize(
    "action",
    [
        Pedit((PeditKey("network", 2, 0, 0),)),
        Pedit((PeditKey("network", 0, 3, 1),)),
        Pedit((PeditKey("eth", 0, 1, 0),)),
        Pedit((PeditKey("tcp", 8, 1, 0),)),
        Vlan("pop", control=Control("stolen")),
        Police(()),
    ],
)
def test_what_tc_has_no_words_for(action: Action) -> None:
    with pytest.raises(Unsupported):
        action_words(action, PORTS, NOWHERE)
