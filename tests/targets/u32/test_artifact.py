"""u32 filters as data and in their real formats: laws of round trips, and what bad input gets."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.u32.artifact import (
    CONTINUE,
    DROP,
    PASS,
    PIPE,
    FilterList,
    Gact,
    Handle,
    Hook,
    Key,
    Mirred,
    PortNames,
    Selector,
    U32Filter,
    canonical,
    decode,
    encode,
    goto_chain,
    hash_table,
    parse_script,
    print_filter,
    print_script,
    read,
    recognises,
    write,
)
from p4verify.targets.u32.artifact.names import hash_fold
from p4verify.targets.u32.meaning.install import install
from tests.support.u32_strategies import lists

ADD = "filter add dev port0 ingress "


def one(text: str) -> U32Filter:
    """The only filter of ``u32 ...``."""
    (filter_,) = parse_script(f"{ADD}protocol all pref 10 u32 {text}\n").filters
    return filter_


def keys_of(text: str) -> tuple[tuple[int, int, int, int], ...]:
    selector = one(text).selector
    assert selector is not None
    return tuple((k.value, k.mask, k.offset, k.offmask) for k in selector.keys)


def refusal(data: bytes, name: str) -> InputError | None:
    """The error that reading gives, if any; any other exception is a failure."""
    try:
        read(data, name)
    except InputError as error:
        return error
    except Unsupported:
        return None  # what tc takes, but is no list of filters
    return None


# --- laws ---------------------------------------------------------------------------------------------------------


@given(lists(sayable=True))
def test_what_tc_can_say_is_read_back(filters: FilterList) -> None:
    assert parse_script(print_script(filters)) == FilterList(tuple(map(canonical, filters.filters)), filters.hook)


@given(lists(sayable=False))
def test_messages_are_read_back(filters: FilterList) -> None:
    assert decode(encode(filters)) == filters


@given(lists(sayable=True))
def test_files_are_recognised_and_read(filters: FilterList) -> None:
    assert recognises(write(filters))
    assert read(write(filters), "x.tc").filters == tuple(map(canonical, filters.filters))


@given(lists(sayable=False), st.data())
def test_broken_messages_are_input_errors(filters: FilterList, data: st.DataObject) -> None:
    raw = bytearray(encode(filters))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(1, len(raw)))])
    error = refusal(cut, "x.nl")
    assert error is None or error.diagnostics[0].span.file == "x.nl"


@given(st.binary(max_size=200))
def test_garbage_is_one_input_error(data: bytes) -> None:
    recognises(data)
    error = refusal(data, "garbage")
    assert error is None or [d.span.file for d in error.diagnostics] == ["garbage"]


WORDS = (
    "filter add dev port0 ingress u32 match ip src 10.0.0.1/8 at nexthdr+0 0xff link 1: ht 800: sample divisor 4 "
    "offset plus mask shift eat hashkey action mirred egress mirror redirect drop goto chain flowid 1:2 mark tcp ether"
)


@given(st.lists(st.sampled_from(WORDS.split()), max_size=12))
def test_any_words_are_filters_or_an_input_error(words: list[str]) -> None:
    text = f"{ADD}u32 {' '.join(words)}"
    error = refusal(text.encode(), "x")
    if error is None:
        filters = parse_script(text)
        assert parse_script(print_script(filters)).filters == tuple(map(canonical, filters.filters))
    else:
        assert [(d.span.line, d.source_line) for d in error.diagnostics] == [(1, text)]


# --- what tc's words mean -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("match u32 0x12345678 0xffffffff at 8", ((0x12345678, 0xFFFFFFFF, 8, 0),)),
        ("match u16 0x0800 0xffff at -2", ((0x0800, 0xFFFF, -4, 0),)),
        ("match u16 53 ffff at nexthdr+0", ((53 << 16, 0xFFFF0000, 0, -1),)),
        ("match u8 6 0xff at 9", ((6 << 16, 0xFF0000, 8, 0),)),
        ("match u8 010 ff at nexthdr+ 3", ((8, 0xFF, 0, -1),)),
        ("match ip dst 10.0.0.0/8", ((0x0A000000, 0xFF000000, 16, 0),)),
        ("match ip src 10.1.2.3/255.255.0.0", ((0x0A010000, 0xFFFF0000, 12, 0),)),
        ("match ip src any", ((0, 0, 12, 0),)),
        ("match ip protocol 17 0xff match ip ihl 5 0xf", ((17 << 16, 0xFF0000, 8, 0), (5 << 24, 0xF000000, 0, 0))),
        ("match ip tos 0x10 0xff match ip precedence 0 1", ((0x100000, 0xFF0000, 0, 0),)),
        ("match ip nofrag match ip df", ((0x4000, 0x7FFF, 4, 0),)),
        ("match ip firstfrag", ((0x2000, 0x3FFF, 4, 0),)),
        ("match ip sport 80 0xffff match ip dport 443 0xffff", ((80 << 16 | 443, 0xFFFFFFFF, 20, 0),)),
        ("match ip6 src 2001:db8::/33", ((0x20010DB8, 0xFFFFFFFF, 8, 0), (0, 0x80000000, 12, 0))),
        ("match ip6 priority 0x12 0xff", ((0x01200000, 0x0FF00000, 0, 0),)),
        ("match ip6 dst ::1/128", tuple((int(i == 3), 0xFFFFFFFF, 24 + 4 * i, 0) for i in range(4))),
        ("match tcp dst 80 0xffff", ((80, 0xFFFF, 0, -1),)),
        ("match udp src 53 0xffff", ((53 << 16, 0xFFFF0000, 0, -1),)),
        ("match icmp type 8 0xff match icmp code 0 0xff", ((8 << 24, 0xFFFF0000, 0, -1),)),
        ("match ether dst 02:00:00:00:00:01", ((0x0200, 0xFFFF, -16, 0), (1, 0xFFFFFFFF, -12, 0))),
        ("match ether src 02:00:00:00:00:01", ((0x02000000, 0xFFFFFFFF, -8, 0), (0x00010000, 0xFFFF0000, -4, 0))),
    ],
)
def test_matches(text: str, expected: tuple[tuple[int, int, int, int], ...]) -> None:
    assert keys_of(text) == expected


def test_places_links_and_offsets() -> None:
    filter_ = one(
        "match u8 6 0xff at 9 ht 2:5: link 3: offset at 0 mask 0x0f00 shift 6 plus 4 eat hashkey mask ff at 16"
    )
    assert (filter_.ht, filter_.link, filter_.actions) == (Handle(2, 5), 3, ())
    assert filter_.selector == Selector(
        (Key(0x060000, 0xFF0000, 8),), terminal=False, has_offset=True, var_offset=True, eat=True, offshift=6,
        offmask=0xF00, off=4, offoff=0, hoff=16, hmask=0xFF,
    )  # fmt: skip


def test_sample_finds_the_bucket() -> None:
    assert one("ht 2: sample u8 0x25 0x0f at 9 match u8 0 0 at 0").ht == Handle(2, 5)
    assert one("sample tcp dst 0x1234 0xffff divisor 16 ht 2:7: match u8 0 0 at 0").ht == Handle(2, 4)
    assert hash_fold(0x00250000, 0x000F0000) == 5


def test_actions_and_classes() -> None:
    filter_ = one("match u8 0 0 at 0 action mirred egress mirror dev port3 action drop action goto chain 5 flowid 1:a")
    assert filter_.actions == (Mirred(3, False, PIPE), Gact(DROP), Gact(goto_chain(5)))
    assert filter_.classid == 0x1000A
    assert one("match u8 0 0 at 0 action mirred egress redirect dev port7").actions == (Mirred(7),)
    assert one("match u8 0 0 at 0 action ok").actions == (Gact(PASS),)
    assert one("match u8 0 0 at 0 action mirred egress mirror dev port3 continue").actions == (
        Mirred(3, False, CONTINUE),
    )


def test_what_may_stand_around_filters() -> None:
    text = (
        "# a comment\nqdisc add dev port1 clsact\n\n"
        "tc filter add dev port1 parent ffff:fff2 prio 7 handle 1: u32 \\\n  divisor 4 # the table\n"
        "filter add dev port1 ingress protocol 802.1Q chain 3 order"
    )
    with pytest.raises(InputError, match=r"x\.tc:6:54"):
        parse_script(text, "x.tc")
    good = parse_script(text.rsplit("\n", 1)[0], "x.tc")
    assert good == FilterList((hash_table(7, 1, 4),), Hook("port1"))
    assert (good.filters[0].span.line, good.filters[0].span.end_line) == (4, 5)


def test_ports_have_the_names_that_are_asked_for() -> None:
    ports = PortNames("eth")
    match = "match u32 0x00000000 0x00000000 at 0"
    text = f"filter add dev eth0 ingress protocol all pref 1 u32 {match} action mirred egress redirect dev eth12"
    (filter_,) = parse_script(text, ports=ports).filters
    assert filter_.actions == (Mirred(12),)
    assert print_filter(filter_, Hook("eth0"), ports) == text
    assert [ports.port(n) for n in ("eth0", "eth01", "eth", "port1", "eth-1", "eth99999999999", "eth٣")] == [
        0,
        *[None] * 6,
    ]


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("filter put dev port0 ingress", 8, "'filter add' expected"),
        ("klass add dev port0", 1, "'filter add' expected"),
        ("filter add dev port0 ingress flour skip_hw", 30, "only u32"),
        (f"{ADD}handle fff: u32 divisor 1", 1, "the root table"),
        (ADD, 29, "'u32' is missing"),
        ("filter add ingress u32 match u32 0 0 at 0", 1, "'dev'"),
        (ADD + "pref 1 pref 2 u32", 37, "given twice"),
        (ADD + "pref 70000 u32", 35, "not in 0..65535"),
        (ADD + "protocol nonsense u32", 39, "protocol expected"),
        (ADD + "u32 match u32 1 1 at 3", 51, "not a multiple of 4"),
        (ADD + "u32 match u8 256 0xff at 0", 43, "not in 0..255"),
        (ADD + "u32 match u32 zzz 0", 44, "value expected"),
        (ADD + "u32 match u32 1", 45, "mask expected, but the command ends"),
        (ADD + "u32 match u32 1 1 at 0 match u32 0 1 at 0", 70, "contradicts"),
        (ADD + "u32 match ip src 10.0.0.256", 47, "IPv4 address"),
        (ADD + "u32 match ip src 10.0.0.0/33", 47, "prefix length"),
        (ADD + "u32 match ip nothing 1 1", 43, "unknown field"),
        (ADD + "u32 action drop", 1, "no match"),
        (ADD + "u32 match u32 0 0 at 0 link 1:2:", 58, "a link goes to a hash table"),
        (ADD + "u32 match u32 0 0 at 0 ht 1:2:3", 56, "not a filter"),
        (ADD + "u32 match u32 0 0 at 0 offset at 3", 63, "not a multiple of 2"),
        (ADD + "u32 divisor 3", 42, "power of 2"),
        (ADD + "u32 divisor 4 match u32 0 0 at 0", 1, "a hash table"),
        (ADD + "u32 match u32 0 0 at 0 action mirred egress redirect dev eth0", 87, "not a port"),
        (ADD + "u32 match u32 0 0 at 0 action", 59, "action expected"),
        (ADD + "u32 match u32 0 0 at 0 tcindex 1", 53, "unknown option 'tcindex'"),
        (ADD + "u32 match u32 0 0 at 0 action drop random some ok 10", 72, "netrand or determ"),
        (ADD + "u32 match u32 0 0 at 0 action gact index 4", 71, "no action gact with index 4"),
        (ADD + "handle 1:2:3:4 u32", 37, "too many parts"),
        (ADD + "handle 1000: u32", 37, "table 4096"),
        (ADD + "u32 match u32 0 0 at 0 'open", 53, "quotation mark"),
        (ADD + "u32 match u32 " + "9" * 5000 + " 0", 44, "value expected"),
    ],
)  # fmt: skip
def test_errors_name_their_place(text: str, column: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_script("\n" + text + "\n", "x.tc")
    (diagnostic,) = caught.value.diagnostics
    assert message in diagnostic.message
    assert (diagnostic.span.file, diagnostic.span.line, diagnostic.span.column) == ("x.tc", 2, column)
    assert diagnostic.source_line == text


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [  # tc takes all of these
        ("filter del dev port0 ingress pref 1 u32 match u32 0 0 at 0", 41, "where it is taken away"),
        ("class add dev port0", 1, "'tc class'"),
        ("qdisc del dev port0 clsact", 7, "'tc qdisc del'"),
        ("qdisc add dev port0 root handle 1: htb", 21, "qdisc 'root'"),
        ("filter add dev port0 ingress flower skip_hw", 30, "a filter of 'flower'"),
        ("filter add dev port0 ingress protocol all pref 9 basic action drop", 50, "a filter of 'basic'"),
        ("filter add dev port0 u32 match u32 0 0 at 0", 1, "'ingress' (or 'egress') is missing"),
        ("filter add dev port0 parent 1: u32 match u32 0 0 at 0", 29, "neither ingress"),
        ("filter add dev port1 ingress u32 divisor 1", 1, "filters on several hooks"),
    ],
)
def test_what_tc_takes_and_is_no_list_of_filters_is_unsupported(text: str, column: int, reason: str) -> None:
    with pytest.raises(Unsupported) as caught:
        parse_script(f"{ADD}pref 1 u32 match u32 0 0 at 0\n{text}\n", "x.tc")
    assert reason in caught.value.reason
    assert (caught.value.span.file, caught.value.span.line, caught.value.span.column) == ("x.tc", 2, column)


def test_u32_alone_makes_the_root_table_of_its_priority() -> None:
    alone = f"{ADD}protocol ip pref 5 u32\n"
    rest = f"{ADD}protocol ip pref 6 u32 match u8 1 1 at 0\n{ADD}protocol ip pref 5 u32 ht 800: match u8 2 2 at 0\n"
    filters = parse_script(alone + rest)
    assert [c.pref for c in install(filters).chains[0]] == [5, 6]
    assert len(install(filters).tables[0x800].nodes(0)) == 1
    for again in (parse_script(print_script(filters)), decode(encode(filters))):
        assert again.filters == filters.filters
    with pytest.raises(InputError, match="another protocol"):
        install(parse_script(f"{alone}{ADD}protocol arp pref 5 u32 match u8 1 1 at 0\n"))


def test_a_filter_that_replaces_none_is_added() -> None:
    on = "{} dev port0 ingress"
    lines = f"{on} pref 1 handle 800::1 u32 match u32 0 0 at 0", f"{on} u32 match u8 1 1 at 0"
    added, replaced = ("".join(f"{line.format(f'filter {how}')}\n" for line in lines) for how in ("add", "replace"))
    assert recognises(replaced.encode())
    assert read(replaced.encode(), "x.tc").filters == read(added.encode(), "x.tc").filters


def test_no_filter_at_all() -> None:
    for text in ("", "# nothing\n", "qdisc add dev port0 clsact\n"):
        with pytest.raises(InputError, match="no u32 filter"):
            parse_script(text)


def test_binary_that_is_no_message() -> None:
    with pytest.raises(InputError, match="x:2:3"):
        read(b"filter\nab\xff\xfe", "x")
    elf = b"\x7fELF" + bytes(60)
    assert not recognises(elf)
    with pytest.raises(InputError):
        read(elf, "x")


def test_every_cut_of_a_message() -> None:
    filters = parse_script(f"{ADD}u32 match ip dst 10.0.0.1 action mirred egress redirect dev port1\n" * 2)
    raw = encode(filters)
    whole = {len(raw) // 2, len(raw)}
    for length in range(1, len(raw) + 1):
        if length in whole:
            assert decode(raw[:length]).filters == filters.filters[: length * 2 // len(raw)]
        else:
            with pytest.raises(InputError):
                read(raw[:length], "cut")


def test_a_long_line_is_read_in_linear_time() -> None:
    many = " ".join("match u32 0 0 at 0" for _ in range(20_000))
    filter_ = one(many)
    assert filter_.selector == Selector((Key(0, 0, 0),), terminal=False)


# --- what tc cannot say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filter_", "reason"),
    [
        (U32Filter(1, selector=Selector((Key(1, 1, -14),))), "a key at -14"),
        (U32Filter(1, selector=Selector((Key(1, 1, 0), Key(2, 2, 0)))), "two keys at one place"),
        (U32Filter(1, selector=Selector((Key(1, 1, 0, 4),))), "offset mask"),
        (U32Filter(1, selector=Selector(var_offset=True, offoff=1)), "odd"),
        (U32Filter(1, selector=Selector(hmask=1, hoff=2)), "hash key"),
        (U32Filter(1, selector=Selector(terminal=False), actions=(Gact(DROP),)), "terminal"),
        (U32Filter(1, actions=(Mirred(1, control=PASS),)), "redirect"),
    ],
)
def test_printing_what_tc_cannot_say(filter_: U32Filter, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        print_script(FilterList((filter_,)))
    assert decode(encode(FilterList((filter_,)))).filters == (filter_,)


def test_ranges_are_checked() -> None:
    for bad in (
        lambda: Handle(0x1000),
        lambda: Key(1 << 32, 0, 0),
        lambda: Selector(offshift=256),
        lambda: U32Filter(1 << 16),
        lambda: U32Filter(1, divisor=4),
        lambda: Mirred(-1),
    ):
        with pytest.raises(ValueError):
            bad()


def test_the_selector_has_the_kernels_layout() -> None:
    """``struct tc_u32_sel`` and ``tc_u32_key``, written out by hand."""
    selector = Selector((Key(0x0A000001, 0xFFFFFFFF, -2, -1),), offshift=6, offmask=0x0F00, off=5, offoff=-2, hoff=16)
    raw = encode(FilterList((U32Filter(1, selector=selector),)))
    layout = struct.pack("=BBBxHHhhI", 1, 6, 1, 0, 5, -2, 16, 0)[:4] + b"\x0f\x00" + struct.pack("=Hhh", 5, -2, 16)
    assert layout + bytes(4) + b"\xff\xff\xff\xff\x0a\x00\x00\x01" + struct.pack("=ii", -2, -1) in raw
