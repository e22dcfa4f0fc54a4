"""What filter lists do to frames: one example for each rule of the kernel, and laws of the whole."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.concrete import BadBehaviour, Outcome, evaluate_behaviour
from p4verify.semantics.source import InputError, Span, Unsupported
from p4verify.targets.tc.artifact.actions import Control
from p4verify.targets.u32.artifact import (
    CONTINUE,
    DROP,
    PASS,
    PIPE,
    RECLASSIFY,
    Action,
    FilterList,
    Gact,
    Handle,
    Hook,
    Key,
    Mirred,
    OpaqueAction,
    Selector,
    U32Filter,
    goto_chain,
    hash_table,
    parse_script,
)
from p4verify.targets.u32.meaning import meaning
from p4verify.targets.u32.meaning.install import install
from tests.support.compiled import compiled
from tests.support.u32_random import PORTS, Frames, Lists

TO_5 = (Mirred(5),)
ADDRESSES = bytes.fromhex("020000000002020000000001")
STACK = ("stack",)


def node(*keys: Key, actions: tuple[Action, ...] = TO_5, pref: int = 1, **others: object) -> U32Filter:
    """A filter with these keys that sends to port 5."""
    selector = others.pop("selector", Selector(keys))
    return U32Filter(pref, selector=selector, actions=actions, **others)  # type: ignore[arg-type]


def frame(kind: int, payload: bytes = bytes(46), tags: bytes = b"") -> bytes:
    return ADDRESSES + tags + kind.to_bytes(2, "big") + payload


def run(filters: tuple[U32Filter, ...], data: bytes, port: int = 0) -> Outcome:
    return evaluate_behaviour(meaning(FilterList(filters)), data, port)


def fate(filters: tuple[U32Filter, ...], data: bytes, port: int = 0) -> tuple[object, ...]:
    """``"stack"`` and port numbers, in order; the frame must come out as it went in."""
    outcome = run(filters, data, port)
    assert all(sent == data for _, _, sent in outcome.outputs)
    return tuple(to if to == "stack" else out for to, out, _ in outcome.outputs)


TYPE_IS = {kind: Key(kind, 0xFFFF, -4) for kind in (0x0800, 0x88B5, 0x86DD)}


def test_what_matches_is_sent_and_the_rest_passes() -> None:
    filters = (node(TYPE_IS[0x0800]),)
    assert fate(filters, frame(0x0800)) == (5,)
    assert fate(filters, frame(0x88B5)) == STACK


def test_no_filters_at_all() -> None:
    assert fate((), frame(0x0800)) == STACK
    assert fate((), frame(0x0800, b"", tags=b"\x81\x00\0\5")[:18]) == ()


def test_first_match_wins_by_node_number_then_by_order() -> None:
    first = node(actions=(Mirred(1),), handle=Handle(node=0x900))
    second = node(actions=(Mirred(2),))
    third = node(actions=(Mirred(3),), handle=Handle(node=7))
    assert fate((first, second), frame(0x0800)) == (2,)
    assert fate((first, second, third), frame(0x0800)) == (3,)


def test_lowest_priority_first_and_the_kernels_own_priorities() -> None:
    assert fate((node(actions=(Mirred(1),), pref=9), node(actions=(Mirred(2),), pref=8)), frame(0x0800)) == (2,)
    automatic = tuple(node(actions=(Mirred(i),), pref=0) for i in (1, 2, 3))
    assert fate(automatic, frame(0x0800)) == (3,)
    assert fate((*automatic, node(actions=(Mirred(4),), pref=0xBFFE)), frame(0x0800)) == (3,)
    assert fate((*automatic, node(actions=(Mirred(4),), pref=0xBFFD)), frame(0x0800)) == (4,)


def test_a_load_past_the_end_ends_the_classifier_but_not_the_chain() -> None:
    long = node(Key(0, 0, 60), actions=(Mirred(1),))
    short = node(TYPE_IS[0x0800], actions=(Mirred(2),))
    later = node(pref=2, actions=(Mirred(3),))
    assert fate((long, short, later), frame(0x0800, bytes(64))) == (1,)
    assert fate((long, short, later), frame(0x0800, bytes(63))) == (3,)
    assert fate((short, long, later), frame(0x0800, bytes(10))) == (2,)
    assert fate((short, long, later), frame(0x88B5, bytes(10))) == (3,)


def test_a_later_key_is_loaded_only_if_the_earlier_ones_match() -> None:
    both = node(TYPE_IS[0x0800], Key(0, 0, 60), actions=(Mirred(1),))
    filters = (both, node(actions=(Mirred(2),)))
    assert fate(filters, frame(0x88B5, bytes(10))) == (2,)
    assert fate(filters, frame(0x0800, bytes(10))) == STACK


def test_a_load_far_below_the_frame_fails_even_after_one_that_did_not() -> None:
    """``headroom + toff > INT_MAX``; once taken as known to succeed, for being lower than an earlier load."""
    never = node(Key(1, 0xFFFFFFFF, 0), actions=(Mirred(1),))
    for offset in (-70_000, -(1 << 31), (1 << 31) - 1, 70_000):
        below = node(Key(0, 0, offset), actions=(Mirred(2),))
        assert fate((never, below, node(actions=(Mirred(3),)), node(pref=2)), frame(0x0800)) == (5,)


def test_loads_have_four_bytes_even_if_masked_out() -> None:
    filters = (node(Key(0, 0, 0)),)
    assert fate(filters, frame(0x0800, bytes(3))) == STACK
    assert fate(filters, frame(0x0800, bytes(4))) == (5,)
    assert fate((node(Key(0x0800, 0xFFFF, -4)),), frame(0x0800, b"")) == (5,)
    assert fate((node(Key(0x08000000, 0xFFFF0000, -2)),), frame(0x0800, b"\0")) == STACK


def test_ethernet_addresses_and_words_that_begin_before_the_frame() -> None:
    action = "action mirred egress redirect dev port5"
    text = f"filter add dev port0 ingress pref 1 u32 match ether dst 02:00:00:00:00:02 {action}"
    filters = parse_script(text).filters
    assert fate(filters, frame(0x0800)) == (5,)
    assert fate(filters, frame(0x0800, tags=b"\x81\x00\0\5")) == (5,)
    assert fate(filters, b"\3" + frame(0x0800)[1:]) == STACK


def test_the_outer_tag_is_out_of_the_data() -> None:
    tag, service = b"\x81\x00\0\5", b"\x88\xa8\0\6"
    inner = node(TYPE_IS[0x0800], actions=(Mirred(1),))
    assert fate((inner,), frame(0x0800, tags=tag)) == (1,)
    assert fate((inner,), frame(0x0800, tags=service)) == (1,)
    assert fate((inner,), frame(0x0800, tags=service + tag)) == STACK
    assert fate((node(Key(0x00050800, 0xFFFFFFFF, 0)),), frame(0x0800, tags=service + tag)) == (5,)
    assert fate((inner,), frame(0x0800, b"\0", tags=tag)) == ()
    assert fate((inner,), frame(0x0800, b"\0\0", tags=tag)) == (1,)


@pytest.mark.parametrize(
    ("protocol", "data", "seen"),
    [
        (0x0800, frame(0x0800), True),
        (0x0800, frame(0x0800, tags=b"\x81\x00\0\5"), False),
        (0x8100, frame(0x0800, tags=b"\x81\x00\0\5"), True),
        (0x88A8, frame(0x0800, tags=b"\x81\x00\0\5"), False),
        (0x88A8, frame(0x0800, tags=b"\x88\xa8\0\5\x81\x00\0\5"), True),
        (0x0001, frame(46, b"\xff\xff"), True),
        (0x0004, frame(46, b"\xff\xff"), False),
        (0x0004, frame(46, b"\xff\xfe"), True),
        (0x0004, frame(46, b"\xff"), True),
        (0x0004, frame(0x05FF), True),
        (0x0600, frame(0x0600), True),
        (0x0001, frame(0x0001, b"\0\0"), False),
        (0x0003, frame(0x0003), True),
    ],
)
def test_protocols(protocol: int, data: bytes, seen: bool) -> None:
    assert fate((node(protocol=protocol),), data) == ((5,) if seen else STACK)


# --- tables -------------------------------------------------------------------------------------------------------


def ihl_link(table: int, *, eat: bool = True, terminal: bool = False) -> U32Filter:
    """``match ip protocol 6 0xff offset at 0 mask 0x0f00 shift 6 [eat] link TABLE:``."""
    selector = Selector((Key(0x060000, 0xFF0000, 8),), terminal, var_offset=True, eat=eat, offshift=6, offmask=0x0F00)
    return node(selector=selector, link=table, actions=TO_5 if terminal else ())


def ip(words: int, payload: bytes) -> bytes:
    head = bytes([0x40 | words]) + bytes(8) + b"\6" + bytes(10)
    return frame(0x0800, (head + b"\1" * (4 * words - 20))[: 4 * words] + payload)


PORT_80 = Key(80, 0xFFFF, 0)


@pytest.mark.parametrize("words", [5, 6, 9, 15])
@pytest.mark.parametrize("eat", [True, False])
def test_a_header_of_variable_length_is_skipped(words: int, eat: bool) -> None:
    key = PORT_80 if eat else Key(80, 0xFFFF, 0, -1)
    filters = (hash_table(1, 1, 1), node(key, ht=Handle(1)), ihl_link(1, eat=eat))
    assert fate(filters, ip(words, b"\0\0\0\x50" + bytes(20))) == (5,)
    assert fate(filters, ip(words, b"\0\0\0\x51" + bytes(20))) == STACK
    assert fate(filters, ip(words, b"\0\0\0\x50")) == (5,)
    assert fate(filters, ip(words, b"\0\0\0")) == STACK


def test_a_linked_table_that_would_begin_at_the_end_is_not_entered() -> None:
    filters = (hash_table(1, 1, 1), node(ht=Handle(1)), ihl_link(1))
    assert fate(filters, ip(6, b"")) == STACK
    assert fate(filters, ip(6, b"\0")) == (5,)


def test_a_linking_filter_that_is_terminal_comes_after_its_table() -> None:
    inside = node(PORT_80, ht=Handle(1), actions=(Mirred(1),))
    filters = (hash_table(1, 1, 1), inside, ihl_link(1, terminal=True), node(actions=(Mirred(9),)))
    assert fate(filters, ip(5, b"\0\0\0\x50")) == (1,)
    assert fate(filters, ip(5, b"\0\0\0\x51")) == (5,)


def test_the_variable_offset_outlives_its_table() -> None:
    """``off2`` is not restored when a table is left: a later ``nexthdr`` still means it."""
    after = node(Key(80, 0xFFFF, 0, -1), actions=(Mirred(2),))
    filters = (hash_table(1, 1, 1), ihl_link(1, eat=False), after)
    assert fate(filters, ip(6, b"\0\0\0\x50")) == (2,)
    assert fate((hash_table(1, 1, 1), after), ip(6, b"\0\0\0\x50")) == STACK
    eaten = (hash_table(1, 1, 1), ihl_link(1, eat=True), after)
    assert fate(eaten, ip(6, b"\0\0\0\x50")) == STACK


def test_buckets() -> None:
    """The bucket is the masked word, shifted down to the mask's lowest bit, modulo the table's size."""
    link = node(selector=Selector((), terminal=False, hmask=0x0FF00000, hoff=8), link=1, actions=())
    members = tuple(node(ht=Handle(1, i), actions=(Mirred(i),)) for i in (0, 1, 5, 15))
    filters = (hash_table(1, 1, 16), *members, link)
    for value, expected in ((0, (0,)), (0x00100000, (1,)), (0xF0500000, (5,)), (0x0F500000, (5,)), (0x00200000, STACK)):
        assert fate(filters, frame(0x0800, bytes(8) + value.to_bytes(4, "big"))) == expected
    assert fate(filters, frame(0x0800, bytes(11))) == STACK


def test_eight_tables_deep_and_no_deeper() -> None:
    for depth, expected in ((8, (5,)), (9, STACK)):
        tables = tuple(hash_table(1, i, 1) for i in range(1, depth + 1))
        no = Selector((), terminal=False)
        links = tuple(node(selector=no, ht=Handle(i) if i else None, link=i + 1, actions=()) for i in range(depth))
        filters = (*tables, *links, node(ht=Handle(depth)), node(actions=(Mirred(9),)))
        assert fate(filters, frame(0x0800)) == expected


def test_a_table_in_a_circle_gives_up() -> None:
    loop = node(selector=Selector((), terminal=False), ht=Handle(1), link=1, actions=())
    enter = node(selector=Selector((), terminal=False), link=1, actions=())
    filters = (hash_table(1, 1, 1), loop, enter, node(), node(pref=2, actions=(Mirred(6),)))
    assert fate(filters, frame(0x0800)) == (6,)


def test_a_table_belongs_to_all_priorities() -> None:
    filters = (hash_table(1, 1, 1), node(pref=2, ht=Handle(1)), node(selector=Selector((), False), link=1, actions=()))
    assert fate(filters, frame(0x0800)) == (5,)
    other_root = node(pref=1, ht=Handle(0x800), handle=Handle(node=5))
    assert fate((node(pref=3, actions=(Mirred(1),)), other_root), frame(0x0800)) == (5,)
    assert fate((node(pref=3, actions=(Mirred(1),)), node(pref=1, ht=Handle(0x800))), frame(0x0800)) == (1,)


# --- actions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ((), STACK),
        ((Gact(PASS),), STACK),
        ((Gact(DROP),), ()),
        ((Gact(PIPE),), STACK),
        ((Gact(CONTINUE),), (9,)),
        ((Gact(RECLASSIFY),), ()),
        ((Mirred(1, redirect=False, control=PIPE),), (1, "stack")),
        ((Mirred(1, redirect=False, control=PIPE), Gact(DROP)), (1,)),
        ((Mirred(1, redirect=False, control=PIPE), Mirred(2)), (1, 2)),
        ((Mirred(1, redirect=False, control=PASS), Mirred(2)), (1, "stack")),
        ((Mirred(1, redirect=False, control=CONTINUE),), (1, 9)),
        ((Mirred(1, redirect=False, control=DROP),), (1,)),
        ((Mirred(1), Mirred(2)), (1,)),
        ((Mirred(1, control=PASS),), (1, "stack")),
        ((Mirred(1, control=PIPE), Mirred(2)), (1, 2)),
        ((Mirred(1, redirect=False, control=RECLASSIFY),), (1,) * 17),
        ((Gact(goto_chain(3)),), (3,)),
        ((Gact(goto_chain(4)),), STACK),
        ((Mirred(1, redirect=False, control=goto_chain(3)),), (1, 3)),
    ],
)
def test_actions(actions: tuple[Action, ...], expected: tuple[object, ...]) -> None:
    filters = (node(actions=actions), node(actions=(Mirred(9),)), node(chain=3, actions=(Mirred(3),)))
    assert fate(filters, frame(0x0800)) == expected


def test_sixteen_chains_and_no_more() -> None:
    for length, expected in ((16, (5,)), (17, ())):
        hops = tuple(node(chain=i, actions=(Gact(goto_chain(i + 1)),)) for i in range(length))
        assert fate((*hops, node(chain=length)), frame(0x0800)) == expected


def test_the_class_id_is_that_of_the_filter_that_said_ok() -> None:
    def classid(*filters: U32Filter) -> int:
        return run(filters, frame(0x0800)).metadata["classid"]

    assert classid(node(actions=(), classid=0x10007)) == 0x10007
    assert classid(node(actions=(Gact(PASS),), classid=0x10007)) == 0x10007
    assert classid(node(actions=(Gact(CONTINUE),), classid=1), node(actions=(), classid=2)) == 2
    assert classid(node(actions=(Gact(CONTINUE),), classid=1), node(actions=())) == 0
    assert classid(node(actions=(Gact(CONTINUE),), classid=1)) == 0
    assert classid(node(actions=(Gact(PIPE),), classid=1)) == 0
    assert classid(node(classid=1)) == 0
    assert classid(node(TYPE_IS[0x88B5], actions=(), classid=1)) == 0
    assert meaning(FilterList((node(actions=(), classid=3),))).observables == ("outputs", "classid")
    assert meaning(FilterList((node(),))).observables == ("outputs",)


def test_the_port_that_a_frame_came_from() -> None:
    filters = (node(indev=2), node(actions=(Gact(DROP),)))
    assert (fate(filters, frame(0x0800), 2), fate(filters, frame(0x0800), 1)) == ((5,), ())


# --- what is refused, and what is not modelled ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ((node(), node(protocol=0x0800)), "another protocol"),
        ((hash_table(1, 1, 3),), "power of 2"),
        ((hash_table(1, 1, 512),), "power of 2"),
        ((hash_table(1, 1, 4), hash_table(2, 1, 4)), "exists"),
        ((node(link=1),), "no hash table 1: to link to"),
        ((node(ht=Handle(1)),), "no hash table 1:"),
        ((hash_table(1, 1, 4), node(ht=Handle(1, 4))), "no bucket 4"),
        ((node(), node(link=0x800)), "root table"),
        ((node(handle=Handle(node=5)), node(handle=Handle(node=5))), "exists"),
        ((hash_table(1, 1, 4), node(handle=Handle(1, 0, 5))), "not in hash table"),
        ((node(protocol=0),), "needs a protocol"),
        ((node(pref=0x8000), node(pref=0)), "no priority is free"),
    ],
)
def test_what_the_kernel_refuses(filters: tuple[U32Filter, ...], reason: str) -> None:
    placed = tuple(replace(f, span=Span("x.tc", i + 1, 1)) for i, f in enumerate(filters))
    with pytest.raises(InputError, match=reason) as caught:
        meaning(FilterList(placed))
    assert caught.value.diagnostics[0].span.line == len(filters)


def test_the_last_priority_that_the_kernel_chooses() -> None:
    """It is the highest of those that it chooses that is free below all others, though lower ones are taken."""
    chosen = install(FilterList((node(pref=0x7FFF), node(pref=0x8001), node(pref=0), node(pref=9)))).chains[0]
    assert [one.pref for one in chosen] == [9, 0x7FFF, 0x8000, 0x8001]


VAROFF = Selector((), False, var_offset=True, offmask=0xFFFF)


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ((node(Key(1, 0xFFFFFFFF, -16)),), "2 bytes before the frame"),
        ((node(Key(0, 0, -18)),), "4 bytes before the frame"),
        ((hash_table(1, 1, 4), node(selector=Selector(hoff=-60, hmask=3), link=1)), "bytes before the frame"),
        ((hash_table(1, 1, 1), node(selector=VAROFF, link=1, actions=())), "16 bits"),
        ((node(actions=(OpaqueAction("skbedit", ("mark", "5")),)),), "skbedit"),
        ((node(actions=(Gact(Control("repeat")),)),), "repeat"),
        ((node(skip_sw=True),), "skip_sw"),
        ((hash_table(1, 0x801, 4),), "number that the kernel chooses"),
    ],
)
def test_what_is_not_modelled(filters: tuple[U32Filter, ...], reason: str) -> None:
    placed = tuple(replace(f, span=Span("x.tc", i + 1, 1)) for i, f in enumerate(filters))
    with pytest.raises(Unsupported, match=reason) as caught:
        meaning(FilterList(placed))
    assert caught.value.span.line == len(filters)


@pytest.mark.long
def test_too_many_ways_are_unsupported_and_not_endless() -> None:
    """Eight tables whose filters all link on, with offsets that differ: 12**8 ways."""
    jump = Selector((), False, has_offset=True, eat=True)
    tables = tuple(hash_table(1, i, 1) for i in range(1, 9))
    places = [None, *(Handle(i) for i in range(1, 8))]
    links = tuple(
        node(selector=replace(jump, off=4 * 13**i * j % 65536), ht=place, link=i + 1, actions=())
        for i, place in enumerate(places)
        for j in range(12)
    )
    with pytest.raises(Unsupported, match="filters on the ways"):
        meaning(FilterList((*tables, *links), Hook()), mtu=9000)


# --- the whole ----------------------------------------------------------------------------------------------------


def test_one_case_applies_to_every_frame_of_the_domain() -> None:
    behaviour = meaning(FilterList((node(TYPE_IS[0x0800]),)))
    for length in (14, 15, 19, 20, 60, 1518):
        for kind in (0x8100, 0x88A8, 0x0800, 5):
            try:
                evaluate_behaviour(behaviour, frame(kind, bytes(2000))[:length], 0)
            except BadBehaviour as error:
                pytest.fail(str(error))
    for length in (0, 13, 1519):
        with pytest.raises(ValueError, match="domain"):
            evaluate_behaviour(behaviour, bytes(length), 0)


@pytest.mark.long
@pytest.mark.parametrize("filters", [1000, 10_000])
def test_long_lists_stay_small_and_shallow(filters: int) -> None:
    rows = [
        node(Key(i * 2654435761 % (1 << 32), 0xFFFFFFFF, 16), Key(0x060000, 0xFF0000, 8), actions=(Mirred(i % 7),))
        for i in range(filters - 1)
    ]
    many = tuple(rows)
    if filters > 2047:  # node numbers end at 0xfff, in each priority
        many = tuple(replace(f, pref=1 + i // 2000) for i, f in enumerate(rows))
    behaviour = meaning(FilterList(many))
    roots = [t for case in behaviour.cases for o in case.outputs for t in (o.when, o.port)]
    assert len(b.postorder(roots)) < 12 * filters
    for i in (500, filters - 2):
        data = frame(0x0800, bytes(9) + b"\6" + bytes(6) + (i * 2654435761 % (1 << 32)).to_bytes(4, "big"))
        assert [(to, out) for to, out, _ in evaluate_behaviour(behaviour, data, 0).outputs] == [("port", i % 7)]


def test_the_fast_evaluation_of_the_campaign_is_the_reference_one() -> None:
    rng = random.Random(5)
    pairs = 0
    while pairs < 300:
        filters = Lists(rng).make()
        try:
            behaviour = meaning(filters)
        except (Unsupported, InputError):
            continue
        fast = compiled(behaviour)
        for _ in range(10):
            data, port = Frames(rng).make(filters), rng.choice(PORTS)
            slow = evaluate_behaviour(behaviour, data, port)
            assert fast(data, port) == (tuple(sorted(slow.outputs)), slow.metadata.get("classid", 0))
            pairs += 1
