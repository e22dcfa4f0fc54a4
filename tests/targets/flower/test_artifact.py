"""Flower filters as data: their real formats, both ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import (
    FilterList,
    FlowerFilter,
    Match,
    Range,
    parse_script,
    print_script,
    read,
    recognises,
    write,
)
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.tc.artifact.actions import Ct, CtClear, Police, Skbedit
from p4verify.targets.u32.artifact import recognises as recognises_u32
from tests.support.flower_strategies import lists

DUMPS = Path(__file__).parent / "dumps"
ADD = "filter add dev port0 ingress pref 1 "


@settings(max_examples=30)
@given(lists())
def test_a_printed_script_is_read_again(filters: FilterList) -> None:
    assert parse_script(print_script(filters)) == filters


@pytest.mark.parametrize(
    ("short", "written"),
    [
        ("protocol ip flower dst_ip 10/8 src_ip 1.2.3", "protocol ip flower dst_ip 10.0.0.0/8 src_ip 1.2.3.0"),
        ("protocol ipv6 flower dst_ip default", "protocol ipv6 flower dst_ip ::/0"),
        ("protocol LLDP flower act drop", "protocol 0x88cc flower action drop"),
        ("protocol ip flower action csum ip and t or udpl + s pipe",
         "protocol ip flower action csum iph and tcp and udplite and sctp pipe"),
        ("protocol ip flower action vlan push id 5 prio 3 prot 802.1ad",
         "protocol ip flower action vlan push id 5 protocol 802.1ad priority 3"),
        ("protocol ip flower action skbedit prio 1:2", "protocol ip flower action skbedit priority 1:2"),
    ],
)  # fmt: skip
def test_short_words_are_read_as_tc_reads_them(short: str, written: str) -> None:
    assert parse_script(ADD + short).filters == parse_script(ADD + written).filters


@pytest.mark.parametrize(("shown", "number"), [("none", 0), ("root", 0xFFFFFFFF), (":7", 7), ("1:f", 0x1000F)])
def test_priorities_of_json_are_class_ids(shown: str, number: int) -> None:
    action = f'{{"kind": "skbedit", "priority": "{shown}", "control_action": {{"type": "pipe"}}}}'
    text = f'[{{"kind": "flower", "protocol": "all", "pref": 1, "options": {{"keys": {{}}, "actions": [{action}]}}}}]'
    assert read(text.encode(), "d").filters[0].actions == (Skbedit(priority=number),)


@pytest.mark.parametrize(
    ("said", "key"),
    [("0x50/0xf0", (0x50, 0xF0)), ("010/0xff", (8, 0xFF)), ("80/240", (80, 240)), ("010", (10, 0xFFFF))],
)
def test_a_port_with_a_mask_may_be_in_any_base(said: str, key: tuple[int, int]) -> None:
    """And one without is a decimal number (``get_range`` of ``f_flower.c``)."""
    (filter_,) = parse_script(f"{ADD}protocol ip flower ip_proto tcp dst_port {said}\n").filters
    assert filter_.keys[1:] == (Match("dst_port", *key),)
    for wrong in ("080/0xff", "0x50", "0x50-0x60"):
        with pytest.raises(InputError):
            parse_script(f"{ADD}protocol ip flower ip_proto tcp dst_port {wrong}\n")


def test_what_tc_takes_in_another_form_only_is_said_so() -> None:
    """Port 0 needs a mask (``get_range`` of ``f_flower.c``); operations of ARP but the first two have no words."""

    def one(protocol: int, *keys: Match) -> FilterList:
        return FilterList((FlowerFilter(1, protocol, keys),))

    port = one(0x0800, Match("ip_proto", 6, 0xFF), Match("dst_port", 0, 0xFFFF))
    assert "dst_port 0/0xffff" in print_script(port)
    assert parse_script(print_script(port)) == port
    with pytest.raises(Unsupported, match="no words for arp_op 3, rtnetlink messages have"):
        print_script(one(0x0806, Match("arp_op", 3, 0xFF)))


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("protocol ip flower num_of_vlans 3", '"num_of_vlans": 3'),
        ("protocol 802.1q flower num_of_vlans 2 vlan_ethtype ip", '"num_of_vlans": 2, "vlan_ethtype": "ip"'),
        ("protocol 802.1q flower num_of_vlans 1 vlan_ethtype ip",
         '"num_of_vlans": 1, "vlan_ethtype": "ip", "eth_type": "ipv4"'),
        ("protocol ppp_ses flower ppp_proto 0x1234", '"ppp_proto": "0x1234", "eth_type": "8864"'),
    ],
)  # fmt: skip
def test_the_type_that_a_dump_shows_is_the_kernels(keys: str, shown: str) -> None:
    """Where more tags are asked for, the kernel keeps no type behind them."""
    protocol = keys.split()[1].replace("802.1q", "802.1Q")
    text = f'[{{"protocol": "{protocol}", "pref": 1, "kind": "flower", "options": {{"keys": {{{shown}}}}}}}]'
    dumped, written = read(text.encode(), "d"), parse_script(f"{ADD}{keys}")
    assert [f.keys for f in dumped.filters] == [f.keys for f in written.filters]


def plain(filters: FilterList) -> list[FlowerFilter]:
    """By chain, priority and handle, without what a dump tells otherwise: a police action's rates, and ``in_hw``."""

    def bare(f: FlowerFilter) -> FlowerFilter:
        actions = tuple(replace(a, limits=()) if isinstance(a, Police) else a for a in f.actions)
        return replace(f, actions=actions, in_hw=None)

    return sorted(map(bare, filters.filters), key=lambda f: (f.chain, f.pref, f.handle))


@pytest.mark.parametrize("name", ["filters.json", "filters.txt", "brief.txt"])
def test_a_dump_of_the_kernels_shows_the_filters_that_were_added(name: str) -> None:
    """The dumps are what ``tc`` of iproute2 6.1 printed after it had run the script on a 6.1 kernel."""
    data, script = ((DUMPS / file).read_bytes() for file in (name, "filters.tc"))
    assert recognises(data)
    assert recognises(script)
    dumped = read(data, name)
    assert plain(dumped) == plain(read(script, "filters.tc"))
    assert all(f.in_hw is False for f in dumped.filters)


def test_a_script_that_begins_with_a_comment_and_names_no_handles_is_no_dump() -> None:
    text = b"# of an agent\nfilter add dev port0 ingress protocol ip pref 1 flower action drop\n"
    assert recognises(text)
    assert len(read(text, "x").filters) == 1


SHOWN = """filter protocol ip pref 5 flower chain 0
filter protocol ip pref 5 flower chain 0 handle 0x1
  eth_type ipv4
  not_in_hw
\taction order 1: ct {} pipe
\t index 1 ref 1 bind 1
"""
JSON = (
    '[{"protocol":"ip","pref":5,"kind":"flower","chain":0,"options":{"handle":1,"keys":{"eth_type":"ipv4"},'
    '"not_in_hw":true,"actions":[{"order":1,"kind":"ct",ACTION"control_action":{"type":"pipe"},"index":1}]}}]'
)


@pytest.mark.parametrize(
    ("words", "members", "action"),
    [
        ("clear", '"action":"clear",', CtClear()),
        ("zone 0", "", Ct()),
        ("commit force mark 5/0xf zone 7", '"action":"commit force","mark":5,"mark_mask":"f","zone":7,',
         Ct(7, commit=True, force=True, mark=(5, 15))),
        ("commit zone 7 label 01000000000000000000000000000000/ff000000000000000000000000000000",
         '"action":"commit","zone":7,"label":"01000000000000000000000000000000/ff000000000000000000000000000000",',
         Ct(7, commit=True, label=(1 << 120, 0xFF << 120))),
    ],
)  # fmt: skip
def test_connection_tracking_in_dumps(words: str, members: str, action: Ct | CtClear) -> None:
    shown = (SHOWN.format(words), JSON.replace("ACTION", members), ADD + f"protocol ip flower action ct {words}")
    assert {f.actions for text in shown for f in read(text.encode(), "x").filters} == {(action,)}


def test_connection_tracking_that_translates_addresses_is_unsupported() -> None:
    nat = "commit zone 7 nat src addr 1.2.3.4"
    for text in (SHOWN.format(nat), JSON.replace("ACTION", '"action":"commit","zone":7,"nat":"src addr 1.2.3.4",')):
        (found,) = read(text.encode(), "x").filters
        assert found.actions[0].kind == "ct"
        with pytest.raises(Unsupported, match="action ct"):
            meaning(FilterList((found,)))


def test_the_script_of_a_dump_is_read_again() -> None:
    filters = read((DUMPS / "filters.txt").read_bytes(), "filters.txt")
    assert plain(read(write(filters), "x")) == plain(filters)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("protocol ip flower src_ip fe80::1", "x:1:63: error: IPv4 address expected"),
        ("protocol all flower src_ip 1.1.1.1", "src_ip needs protocol ip"),
        ("protocol ip flower dst_port 5", "dst_port needs ip_proto"),
        ("protocol ip flower ip_proto udp tcp_flags 2", "tcp_flags needs ip_proto tcp"),
        ("protocol ip flower vlan_id 5", "vlan_id needs protocol 802.1q"),
        ("protocol 802.1q flower cvlan_id 5", "cvlan_id needs vlan_ethtype"),
        ("protocol 802.1q flower vlan_id 4096", "decimal number up to 4095"),
        ("protocol 802.1q flower vlan_id 0x5", "decimal number"),
        ("protocol 802.1q flower vlan_ethtype 0800", "a name or a number like 0x800"),
        ("protocol ip flower ip_proto udp dst_port 20-10", "not a range"),
        ("protocol ip flower ip_proto udp dst_port 0-10", "not a range"),
        ("protocol ip flower ip_proto udp dst_port 5 dst_port 6", "given twice"),
        ("protocol ip flower ip_flags odd", "frag"),
        ("protocol ip flower dst_mac 02:00:00:00:00:01/0", "length of dst_mac 0 is not in 1..48"),
        ("protocol ip flower dst_ip 08.1", "IPv4 address expected"),
        ("protocol ip flower dst_ip 1.2.3.4.5", "IPv4 address expected"),
        ("protocol ip flower ct_state 3", "connection states"),
        ("protocol ip flower vlan", "unknown option"),
        ("protocol ip flower geneve_opts 1", "CLASS:TYPE:DATA"),
        ("protocol ip flower skip_hw skip_sw", "exclude each other"),
        ("protocol ip flower hw_tc 16", "not in 0..15"),
        ("protocol arp flower arp_op 3", "arp_op is"),
        ("protocol mpls_uc flower mpls lse depth 8 label 5", "not in 1..7"),
        ("protocol ip u31", "only flower filters"),
        ("protocol ip", "classifier 'flower' is missing"),
    ],
)
def test_what_tc_refuses_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        read((ADD + text + "\n").encode(), "x")
    assert complaint in str(error.value)
    assert str(error.value).startswith("x:1:")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[{"kind": "flower", "protocol": "ip", "pref": 1, "options": {"keys": {}}}]', "no key eth_type does not go"),
        (
            '[{"kind": "flower", "protocol": "all", "pref": 1, "options": {"keys": {"eth_type": "ipv4"}}}]',
            "does not go with",
        ),
        ('[{"kind": "flower", "pref": 1, "options": {}}]', "'protocol' is missing"),
        ("[7]", "a filter expected"),
        ("[{", "no JSON"),
        ("[]", "no flower filter"),
        ("filter protocol ip pref 1 flower chain 0 handle 0x1\n  what 5\n", "unknown option"),
        ("filter protocol ip pref 1 flower chain 0 handle 0x1\n", "no key eth_type does not go"),
        ("filter protocol ip pref 1 flower chain 0 handle 02\n", "unknown option"),
    ],
)
def test_a_dump_that_is_not_understood_says_where(text: str, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        read(text.encode(), "x")
    assert complaint in str(error.value)
    assert str(error.value).startswith("x:")


@pytest.mark.parametrize(
    ("text", "reason"),
    [  # tc takes, or shows, all of these
        (ADD + "protocol ip u32 match u32 0 0", "a filter of 'u32' in a list of flower filters"),
        (ADD + "protocol ip flower erspan_opts 1:2:0:0", "flower's erspan_opts"),
        ('[{"kind": "u32", "protocol": "ip", "pref": 1, "options": {}}]', "a filter of 'u32'"),
        ('[{"kind": "flower", "parent": "1:", "protocol": "ip", "pref": 1, "options": {}}]', "filters of parent 1:"),
        (
            '[{"kind": "flower", "protocol": "all", "pref": 1, "options": {"keys": {"erspan_opt_key": []}}}]',
            "flower's erspan_opt_key",
        ),
        ("filter protocol ip pref 1 flower\nfilter protocol ip pref 1 u32 chain 0\n", "a filter of 'u32'"),
        ("filter parent 8001: protocol ip pref 1 flower chain 0 handle 0x1\n", "filters of parent 8001:"),
    ],
)
def test_what_another_machine_does_is_unsupported(text: str, reason: str) -> None:
    with pytest.raises(Unsupported) as caught:
        read(f"{text}\n".encode(), "x")
    assert reason in caught.value.reason
    assert caught.value.span.file == "x"
    assert caught.value.span.line > 0


def test_words_of_raw_edits_make_no_u32_filter() -> None:
    text = f"{ADD}flower action pedit munge offset 4 u32 set 0x9\n".encode()
    assert recognises(text)
    assert not recognises_u32(text)


def test_a_filter_that_replaces_none_is_added() -> None:
    lines = [
        f"{{}} dev port0 ingress pref {pref} handle {handle} flower skip_hw \\\n  dst_mac 02::0{handle}"
        for pref, handle in ((1, 1), (1, 2), (2, 1))
    ]
    lines = [line.replace("02::", "02:00:00:00:00:") for line in lines]
    added, replaced = ("".join(f"{line.format(f'tc filter {how}')}\n" for line in lines) for how in ("add", "replace"))
    assert recognises(replaced.encode())
    assert read(replaced.encode(), "x").filters == read(added.encode(), "x").filters


@pytest.mark.parametrize("action", ["vlan pop_eth", "tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.2 erspan_opts 1:2:0:0"])
def test_an_action_that_is_not_known_is_unsupported_where_it_stands(action: str) -> None:
    filters = read(f"{ADD}flower action {action} action drop\n".encode(), "x")
    with pytest.raises(Unsupported, match=f"action {action.split()[0]}") as caught:
        meaning(filters)
    assert caught.value.span.line == 1


HEAD = "filter {} protocol all pref 1 flower chain 0 handle 0x1\n"


def test_filters_of_a_dump_are_on_one_hook() -> None:
    """A dump of more than one hook is no list: it tells where each filter is."""
    text = HEAD.format("dev eth0 ingress") + HEAD.format("dev eth1 ingress")
    with pytest.raises(InputError, match="d:2:1: error: all filters must be on one hook"):
        read(text.encode(), "d")
    with pytest.raises(InputError, match="on one hook; this one is on dev port0 egress"):
        read((HEAD.format("ingress") + HEAD.format("parent ffff:fff3")).encode(), "d")
    one = '{"kind": "flower", "protocol": "all", "pref": 1, "options": {"keys": {}}, "WHERE": SAID}'
    told = {
        said: one.replace("WHERE", said.split("=")[0]).replace("SAID", said.split("=")[1])
        for said in ('dev="eth0"', 'dev="eth1"', "egress=true", 'parent="ffff:fff3"')
    }
    with pytest.raises(InputError, match="on one hook; this one is on dev eth1 ingress"):
        read(("[" + told['dev="eth0"'] + ", " + told['dev="eth1"'] + "]").encode(), "d")
    dumps = [HEAD.format("egress"), f"[{told['egress=true']}]", "[" + told['parent="ffff:fff3"'] + "]"]
    for text in dumps:
        found = read(text.encode(), "d")
        assert found.hook.direction == "egress"
        assert any("egress hook" in note for note in meaning(found).notes)


def test_a_filter_has_each_key_once_and_in_order() -> None:
    with pytest.raises(ValueError, match="twice or out of order"):
        FlowerFilter(1, 0x0800, (Match("ip_ttl", 1, 255), Match("ip_ttl", 1, 255)))
    with pytest.raises(ValueError, match="bits outside"):
        Match("ip_ttl", 3, 1)
    with pytest.raises(ValueError, match="cannot be masked"):
        Match("vlan_id", 1, 1)
    with pytest.raises(ValueError, match="no key"):
        Match("foo", 0, 0)
    with pytest.raises(ValueError, match="not a range"):
        Range("src_port", 7, 7)
