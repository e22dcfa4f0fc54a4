"""The kernel's u32: that it can be asked again and again, and that the meaning says what it does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from p4verify.semantics.source import InputError, Span, Unsupported
from p4verify.targets.base import Observation
from p4verify.targets.u32.artifact import (
    DROP,
    PASS,
    PIPE,
    FilterList,
    Gact,
    Handle,
    Hook,
    Key,
    Links,
    Mirred,
    OpaqueAction,
    PortNames,
    Selector,
    U32Filter,
    decode,
    encode,
    hash_table,
    parse_script,
    print_script,
)
from p4verify.targets.u32.meaning import meaning
from p4verify.targets.u32.oracle import KernelU32
from p4verify.targets.u32.oracle.machine import BLOCK, Namespace
from tests.support.compiled import compiled
from tests.support.u32_campaign import campaign

pytestmark = pytest.mark.oracle

FRAME = bytes(12) + b"\x08\x00" + bytes(46)
IS_IP = Selector((Key(0x0800, 0xFFFF, -4),))


def fate(observation: Observation) -> list[object]:
    return [to if to == "stack" else port for to, port, _ in observation.outputs]


def test_the_meaning_is_what_the_kernel_does(kernel: KernelU32) -> None:
    tally = campaign(kernel, 2024, pairs=4000, seconds=20)
    assert tally.mismatches == []
    assert tally.pairs > 500
    assert tally.refused.total() > 0
    assert min(tally.kinds[kind] for kind in ("stack", "gone", "port", "port+stack")) > 0


def test_one_frame_after_the_other(kernel: KernelU32) -> None:
    filters = FilterList((U32Filter(1, selector=IS_IP, actions=(Mirred(7),)), U32Filter(2, actions=(Gact(DROP),))))
    other = bytes(12) + b"\x88\xb5" + bytes(46)
    seen = kernel.run(filters, [(0, FRAME), (0, other), (3, FRAME)])
    assert seen == [Observation((("port", 7, FRAME),), {"classid": 0}), Observation((), {"classid": 0}), seen[0]]


def test_to_the_port_that_it_came_from_and_twice_to_one_port(kernel: KernelU32) -> None:
    copy = Mirred(2, redirect=False, control=PIPE)
    filters = FilterList((U32Filter(1, actions=(copy, copy, Mirred(0))),))
    assert fate(kernel.run(filters, [(0, FRAME)])[0]) == [0, 2, 2]


def test_passing_is_seen_with_its_class(kernel: KernelU32) -> None:
    filters = FilterList((U32Filter(1, selector=IS_IP, classid=0x10007, actions=(Gact(PASS),)),))
    other = bytes(12) + b"\x88\xb5" + bytes(46)
    seen = kernel.run(filters, [(0, FRAME), (0, other)])
    assert [fate(o) for o in seen] == [["stack"], ["stack"]]
    assert [o.metadata["classid"] for o in seen] == [0x10007, 0]


def test_a_refusal_names_the_filter(kernel: KernelU32) -> None:
    bad = U32Filter(1, selector=Selector(), link=5, span=Span("x.tc", 2, 1))
    with pytest.raises(InputError, match=r"x\.tc:2:1.*refuses"):
        kernel.run(FilterList((U32Filter(1), bad)), [(0, FRAME)])
    assert fate(kernel.run(FilterList(()), [(0, FRAME)])[0]) == ["stack"]


def test_what_cannot_be_observed(kernel: KernelU32) -> None:
    for filters in (
        FilterList((U32Filter(0xFFFF),)),
        FilterList((U32Filter(1, actions=(OpaqueAction("skbedit", ("mark", "1")),)),)),
        FilterList(tuple(U32Filter(1, classid=i + 1) for i in range(100))),
    ):
        with pytest.raises(Unsupported):
            kernel.run(filters, [(0, FRAME)])
    with pytest.raises(ValueError, match="14 bytes"):
        kernel.run(FilterList(()), [(0, bytes(13))])


def test_nothing_is_left_behind(kernel: KernelU32) -> None:
    def state() -> tuple[str, int, list[str]]:
        return os.readlink("/proc/self/ns/net"), len(os.listdir("/proc/self/fd")), sorted(os.listdir("/sys/class/net"))

    before = state()
    for _ in range(3):
        with KernelU32() as another:
            assert another.available() is None
            assert state()[0] == before[0]
            assert state()[2] == before[2]
    assert state() == before


def test_without_such_a_kernel_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Namespace:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr("p4verify.targets.u32.oracle.Namespace", refused)
    assert "not permitted" in str(KernelU32().available())


def test_a_thousand_filters(kernel: KernelU32) -> None:
    rows = tuple(
        U32Filter(1, selector=Selector((Key(i, 0xFFFFFFFF, 0),)), actions=(Mirred(i % 5),)) for i in range(1000)
    )
    frames = [FRAME[:14] + i.to_bytes(4, "big") + bytes(42) for i in (0, 1, 998, 999, 1000)]
    seen = kernel.run(FilterList(rows), [(0, f) for f in frames])
    assert [fate(o) for o in seen] == [[0], [1], [3], [4], ["stack"]]


# --- the formats, judged by tc and the kernel ---------------------------------------------------------------------

TAPS = PortNames("tap")
SCRIPT = """\
handle 1: u32 divisor 256
u32 match ip src 10.1.2.0/24 match ip protocol 6 0xff match ip dport 80 0xffff action mirred egress redirect dev tap1
u32 match ip6 dst 2001:db8::/33 match ip6 priority 0x10 0xff flowid 1:a
u32 match ether src 02:00:00:00:00:01 match u16 0x800 0xffff at -2 action mirred egress mirror dev tap2 continue
u32 ht 1: sample tcp dst 0x1234 0xffff match tcp dst 0x1234 0xffff action mirred egress mirror dev tap1
u32 ht 1: sample u8 0x25 0x0f at 9 divisor 16 match udp src 53 0xffff flowid none
u32 ht 1:7f: match icmp type 8 0xff match icmp code 0 0xff at nexthdr+1 action mirred egress mirror dev tap0 drop
u32 match ip nofrag match ip protocol 6 ff offset at 0 mask 0x0f00 shift 6 plus 4 eat link 1: hashkey mask ff at 8
handle ::5 u32 match ip firstfrag match ip tos 0x10 0xfe action mirred egress mirror dev tap2 goto chain 7
order_u32 match u8 0 0 at 0 order 77 match ip icmp_code 3 ff action mirred egress mirror dev tap2 pass
u32 match mark 0 0 action mirred egress mirror dev tap2 reclassify
u32 match ip df match ip ihl 5 0xf skip_hw indev tap1 flowid 2:0
"""


def lines() -> str:
    rows = SCRIPT.replace("order_u32", "u32").splitlines()
    return "".join(f"filter add block {BLOCK} protocol all pref 10 {row}\n" for row in rows)


@pytest.fixture
def space(kernel: KernelU32) -> Namespace:
    space = kernel._ready()
    space.need(3)
    return space


class TapLinks(Links):
    """Tap numbers are port numbers."""

    def __init__(self, space: Namespace) -> None:
        super().__init__(TAPS)
        object.__setattr__(self, "_taps", [tap.index for tap in space.taps])

    def index(self, port: int) -> int:
        return int(self.__dict__["_taps"][port])

    def port(self, index: int) -> int:
        return int(self.__dict__["_taps"].index(index))


def dumped(space: Namespace, text: str | None, messages: bytes | None) -> FilterList:
    """What the kernel shows of filters that tc, or messages, have added."""
    links = TapLinks(space)
    try:
        if text is not None:
            tc = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{space._here}", "tc", "-batch", "-"]
            subprocess.run(tc, input=text, text=True, check=True, capture_output=True)
        if messages is not None:
            space.send_raw(messages)
        return decode(space.dump(), "<dump>", links)
    finally:
        space.flush({0})


@pytest.mark.skipif(not (Path("/usr/sbin/tc").exists() or Path("/sbin/tc").exists()), reason="no tc")
def test_tc_and_the_reader_of_scripts_agree(space: Namespace) -> None:
    for text in [*lines().splitlines()[1:4], lines()]:
        ours = parse_script(text, "x.tc", TAPS)
        by_tc = dumped(space, text, None)
        assert by_tc == dumped(space, None, encode(ours, TapLinks(space)))
        assert by_tc == dumped(space, print_script(ours, TAPS), None)


def test_a_dump_means_what_was_added(space: Namespace) -> None:
    ours = parse_script(lines(), "x.tc", TAPS)
    shown = dumped(space, None, encode(ours, TapLinks(space)))
    one, other = compiled(meaning(ours)), compiled(meaning(shown))
    for words in range(16):
        for protocol in (1, 6, 17, 0x25):
            head = bytes([0x40 | words, 0x10]) + b"\0\0\0\0\0\0\0" + bytes([protocol, 0, 0]) + bytes.fromhex("0a010203")
            data = FRAME[:14] + head.ljust(4 * words, b"\0") + bytes.fromhex("0050123400500003") + bytes(40)
            assert one(data, 1) == other(data, 1)


def test_hash_tables_come_back_before_what_is_in_them(space: Namespace) -> None:
    filters = FilterList(
        (
            hash_table(3, 2, 4),
            hash_table(3, 1, 1),
            U32Filter(3, ht=Handle(2, 3), link=1, selector=Selector((), terminal=False)),
            U32Filter(3, ht=Handle(1), actions=(Mirred(1),)),
            U32Filter(3, link=2, selector=Selector((), terminal=False, hmask=3)),
        ),
        Hook("", "ingress", BLOCK),
    )
    shown = dumped(space, None, encode(filters, TapLinks(space)))
    again = dumped(space, None, encode(shown, TapLinks(space)))
    assert set(shown.filters) == set(again.filters)
    assert len(shown.filters) == len(filters.filters)
