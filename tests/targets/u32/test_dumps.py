"""What ``tc filter show`` prints of u32, read as the filters that were added."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.tc.artifact.actions import Police
from p4verify.targets.u32.artifact import NO_HANDLE, FilterList, Handle, parse_script, read, recognises

SCRIPT = """
filter add dev port0 ingress pref 5 handle 1: protocol ip u32 divisor 16
filter add dev port0 ingress pref 5 protocol ip u32 ht 1:3: match ip src 10.0.0.1/32 match u16 0x35 0xffff at nexthdr+2 action mirred egress redirect dev port1
filter add dev port0 ingress pref 5 protocol ip u32 match ip protocol 17 0xff offset at 0 mask 0x0f00 shift 6 eat hashkey mask 0x000f0000 at 12 link 1:
filter add dev port0 ingress pref 7 protocol all chain 3 u32 match u32 0 0 at -4 match ip dst 1.2.3.4 indev port1 skip_hw flowid 1:7
filter add dev port0 ingress pref 8 protocol all u32 match u8 0 0 at -14 action mirred egress mirror dev port1 pipe action mirred egress redirect dev port1
"""  # noqa: E501
DUMP = """filter protocol ip pref 5 u32 chain 0 
filter protocol ip pref 5 u32 chain 0 fh 1: ht divisor 16 
filter protocol ip pref 5 u32 chain 0 fh 1:3:800 order 2048 key ht 1 bkt 3 terminal flowid not_in_hw  (rule hit 7 success 2)
  match 0a000001/ffffffff at 12 (success 3 ) 
  match 00000035/0000ffff at nexthdr+0 (success 2 ) 
\taction order 1: mirred (Egress Redirect to device port1) stolen
\tindex 1 ref 1 bind 1 installed 0 sec used 0 sec
\tAction statistics:
\tSent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0) 
\tbacklog 0b 0p requeues 0

filter protocol ip pref 5 u32 chain 0 fh 800: ht divisor 1 
filter protocol ip pref 5 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 link 1: not_in_hw 
  match 00110000/00ff0000 at 8
    offset 0f00>>6 at 0  eat 
    hash mask 000f0000 at 12 
filter protocol all pref 8 u32 chain 0 
filter protocol all pref 8 u32 chain 0 fh 802: ht divisor 1 
filter protocol all pref 8 u32 chain 0 fh 802::800 order 2048 key ht 802 bkt 0 terminal flowid not_in_hw 
  match 00000000/00000000 at -16
\taction order 1: mirred (Egress Mirror to device port1) pipe
\tindex 2 ref 1 bind 1

\taction order 2: mirred (Egress Redirect to device port1) stolen
\tindex 3 ref 1 bind 1

filter protocol all pref 7 u32 chain 3 
filter protocol all pref 7 u32 chain 3 fh 801: ht divisor 1 
filter protocol all pref 7 u32 chain 3 fh 801::800 order 2048 key ht 801 bkt 0 *flowid 1:7 skip_hw not_in_hw 
  match 00000000/00000000 at -4
  match 01020304/ffffffff at 16
  input dev port1

"""  # noqa: E501, W291


def plain(filters: FilterList) -> set[object]:
    """The filters, without the numbers that the kernel gives them."""
    return {replace(f, handle=f.handle if f.divisor else NO_HANDLE, in_hw=None) for f in filters.filters}


def test_a_dump_is_what_was_added() -> None:
    assert recognises(DUMP.encode())
    found = read(DUMP.encode(), "dump")
    assert plain(found) == plain(parse_script(SCRIPT))
    assert found.filters[0].handle == Handle(1)  # tables stand before what is in them
    assert {f.in_hw for f in found.filters if f.selector} == {False}


def test_a_filter_that_ends_no_search_is_told_apart() -> None:
    head = "filter protocol all pref 1 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 {}not_in_hw"
    key = "\n  match 00000000/00000000 at 0\n"
    dumps = [head.format(said) + key for said in ("terminal flowid ", "", "flowid 1:1 ")]
    ends = [read(dump.encode(), "d").filters[0].selector for dump in dumps]
    assert [selector.terminal for selector in ends if selector] == [True, False, False]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("match 0a000001/ffffffff at 12", "match 0a000001 at 12", "not understood"),
        ("order 2048 key ht 1", "order 2048 kex ht 1", "not understood"),
        ("input dev port1", "input dev eth1", "is not a port"),
        ("to device port1) pipe", "to device eth0) pipe", "port"),
        ("hash mask 000f0000 at 12", "mark 12", "not understood"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_said_at_its_place(old: str, new: str, reason: str) -> None:
    assert old in DUMP
    with pytest.raises(InputError, match=reason) as caught:
        read(DUMP.replace(old, new).encode(), "dump")
    assert caught.value.diagnostics[0].span.line > 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("u32 chain 0 fh 802::800", "flower chain 0 handle 0x1", "a filter of 'flower'"),
        ("filter protocol", "filter parent 1: protocol", "filters of parent 1:"),
        ("fh 802::800", "fh 801::800", "801::800 twice"),
    ],
)
def test_what_another_machine_does_is_unsupported(old: str, new: str, reason: str) -> None:
    assert old in DUMP
    with pytest.raises(Unsupported, match=reason) as caught:
        read(DUMP.replace(old, new).encode(), "dump")
    assert caught.value.span.line > 0


def test_police_that_is_an_option_is_shown_without_an_order() -> None:
    place = "filter parent ffff: protocol ip pref 5 u32 chain 0 fh 800:"
    head = f"{place} ht divisor 1\n{place}:800 order 2048 key ht 800 bkt 0 *flowid :7 not_in_hw"
    shown = " police 0x1 rate 128Kbit burst 4Kb mtu 2Kb action drop overhead 0b \n\tref 1 bind 1 \n"
    (found,) = read(f"{head} \n  match 0b000000/ff000000 at 12\n{shown}\n".encode(), "d").filters
    (added,) = parse_script(
        "filter add dev port0 parent ffff: protocol ip pref 5 u32 match ip src 11/8"
        " police rate 128kbit burst 4k mtu 2kb drop flowid :7\n"
    ).filters
    mine, theirs = found.actions[0], added.actions[0]
    assert isinstance(mine, Police)
    assert isinstance(theirs, Police)
    assert mine.exceed == theirs.exceed
    assert replace(found, actions=(), in_hw=None, handle=NO_HANDLE) == replace(added, actions=())


def test_json_does_not_tell_enough() -> None:
    data = b'[{"protocol":"all","pref":1,"kind":"u32","chain":0}]'
    assert recognises(data)
    with pytest.raises(InputError, match="without -j"):
        read(data, "dump")
