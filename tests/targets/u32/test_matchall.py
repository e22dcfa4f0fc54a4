"""Filters of matchall beside those of u32: in scripts, dumps and messages, and what they do."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from p4verify.semantics.source import NOWHERE, InputError, Unsupported
from p4verify.targets.flower import artifact as flower
from p4verify.targets.tc.artifact.filters import MATCHALL
from p4verify.targets.u32.artifact import (
    DROP,
    FilterList,
    Gact,
    Handle,
    Key,
    Selector,
    U32Filter,
    decode,
    encode,
    parse_script,
    print_script,
    read,
    recognises,
)
from p4verify.targets.u32.keeping import KeptFilters
from p4verify.targets.u32.meaning import meaning, numbered
from p4verify.targets.u32.oracle import UserModeU32
from p4verify.targets.u32.target import TARGET
from tests.support.changing_scripts import FRAMES
from tests.support.compiled import compiled
from tests.support.machines import require
from tests.support.u32_random import Frames

ADD = "filter add dev port0 ingress "


def script(*commands: str) -> str:
    return "".join(f"{ADD}{command}\n" for command in commands)


def to(port: int) -> str:
    return f"action mirred egress redirect dev port{port}"


MIXED = script(
    f"pref 2 protocol ip u32 match ip dst 10.0.0.1 {to(2)}",
    f"pref 3 protocol ip handle 0x7 matchall skip_hw classid 1:2 {to(1)}",
    "pref 4 handle 010 matchall classid 1:0",
    "pref 9 chain 4 handle 0xffffffff matchall action goto chain 5",
)


def ports(text: str, frame: bytes) -> list[int]:
    """Where a frame leaves."""
    return [port for where, port, _ in compiled(meaning(parse_script(text)))(frame, 0)[0] if where == "port"]


def test_words_and_messages_say_what_was_read() -> None:
    filters = parse_script(MIXED)
    assert [(one.kind, one.handle.value) for one in filters.filters] == [
        ("u32", 0), ("matchall", 7), ("matchall", 8), ("matchall", 0xFFFFFFFF),
    ]  # fmt: skip
    assert parse_script(print_script(filters)) == filters
    assert decode(encode(filters)) == filters
    nothing = FilterList((U32Filter(1), U32Filter(2, kind=MATCHALL)))
    assert decode(encode(nothing)) == nothing
    with pytest.raises(Unsupported, match="no words for matchall"):
        print_script(nothing)


def test_a_list_with_both_is_one_of_u32_and_one_of_matchall_alone_is_not() -> None:
    alone = MIXED.splitlines(keepends=True)[1]
    for order in (MIXED, "".join(reversed(MIXED.splitlines(keepends=True)))):
        for data in (order.encode(), encode(parse_script(order))):
            assert recognises(data)
            assert not flower.recognises(data)
            assert read(data, "x").filters == parse_script(order).filters
    for data in (alone.encode(), encode(parse_script(alone))):
        assert not recognises(data)
        assert flower.recognises(data)


def test_what_u32_lets_go_on_comes_to_it_and_what_is_of_another_protocol_does_not() -> None:
    first, _, other = FRAMES[0], FRAMES[12], FRAMES[24]
    assert ports(MIXED, first) == [2]
    assert ports(MIXED, other) == [1]
    assert ports(MIXED, other[:12] + b"\x08\x06" + other[14:]) == []
    assert ports(script(f"pref 1 matchall {to(3)}", f"pref 2 protocol ip u32 match u32 0 0 {to(2)}"), first) == [3]
    goes_on = script("pref 1 matchall action continue", f"pref 2 protocol ip u32 match u32 0 0 {to(2)}")
    assert ports(goes_on, first) == [2]
    written = script("pref 1 matchall action skbedit mark 3 continue", f"pref 2 matchall {to(1)}")
    assert ports(written, first) == [1]


SHOWN = """filter protocol ip pref 2 u32 chain 0
filter protocol ip pref 2 u32 chain 0 fh 800: ht divisor 1
filter protocol ip pref 2 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 terminal flowid ??? not_in_hw
  match 0a000001/ffffffff at 16
\taction order 1: gact action drop
\t random type none pass val 0
\t index 1 ref 1 bind 1

filter protocol ip pref 3 matchall chain 0
filter protocol ip pref 3 matchall chain 0 handle 0x7 flowid 1:2
  skip_hw
  not_in_hw (rule hit 12)
\taction order 1: gact action drop
\t random type none pass val 0
\t index 2 ref 1 bind 1
"""
EXPECTED = (
    U32Filter(
        2, 0x800, Handle(node=0x800), Selector((Key(0x0A000001, 0xFFFFFFFF, 16),)), actions=(Gact(DROP),), in_hw=False
    ),
    U32Filter(3, 0x800, Handle.of(7), classid=0x10002, actions=(Gact(DROP),), skip_hw=True, in_hw=False, kind=MATCHALL),
)


def test_a_dump() -> None:
    found = read(SHOWN.encode(), "d")
    assert tuple(replace(one, span=NOWHERE) for one in found.filters) == EXPECTED
    assert [one.span.line for one in found.filters] == [3, 10]
    again = SHOWN + SHOWN[SHOWN.index("filter protocol ip pref 3") :].replace("pref 3", "pref 4")
    assert [one.pref for one in read(again.encode(), "d").filters] == [2, 3, 4]  # handles are each priority's own
    with pytest.raises(InputError, match="unknown option 'order' of matchall") as caught:
        read(SHOWN.replace("handle 0x7 flowid 1:2", "handle 0x7 order 3").encode(), "d")
    assert caught.value.diagnostics[0].span.line == 10


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        (["pref 1 matchall action drop"] * 2, "a matchall filter exists at this priority"),
        (["pref 1 matchall action drop", "pref 1 u32 match u32 0 0"], "priority 1 is there for filters of matchall"),
        (["pref 1 u32 match u32 0 0", "pref 1 matchall action drop"], "priority 1 is there for filters of u32"),
        (["pref 1 handle 1:2:3 matchall action drop"], "handle expected"),
        (["pref 1 handle 7 u32 match u32 0 0"], "handle expected, like 1:2:3"),
        (["pref 1 matchall match u32 0 0"], "unknown option 'match' of matchall"),
        (["pref 1 matchall"], "of which nothing is said"),
    ],
)
def test_what_the_kernel_or_tc_refuses(commands: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        meaning(parse_script(script(*commands)))


def test_it_matches_nothing_of_the_frame() -> None:
    for wrong in ({"selector": Selector((Key(0, 0, 0),))}, {"indev": 1}, {"mark": (1, 1)}, {"ht": Handle(1)}):
        with pytest.raises(ValueError, match="matchall matches nothing"):
            U32Filter(1, kind=MATCHALL, **wrong)  # type: ignore[arg-type]


def test_it_cannot_come_in_alone_but_can_go() -> None:
    filters = numbered(parse_script(MIXED))
    assert [one.handle.value for one in filters.filters] == [0x800, 7, 8, 0xFFFFFFFF]
    kept = KeptFilters(filters.filters)
    for pref, kind in ((3, "u32"), (5, MATCHALL)):
        with pytest.raises(ValueError, match="alone at its priority"):
            kept.add(U32Filter(pref, 0x800, actions=(Gact(DROP),), kind=kind))  # type: ignore[arg-type]
    assert kept.remove(filters.filters[1]).kind == MATCHALL


def test_in_a_device_it_counts_as_u32_without_keys() -> None:
    entry = TARGET.entries(parse_script(MIXED))[1]
    assert (entry.needs.classifier, entry.needs.keys, entry.needs.protocol) == ("u32", {}, "ip")


@pytest.mark.long
@pytest.mark.oracle
def test_the_kernel_does_the_same_with_any_frame() -> None:
    lists = [
        parse_script(
            script(
                f"pref 2 protocol {rng.choice(('all', 'ip', '0x88b5'))} {first}",
                f"pref 3 protocol {rng.choice(('all', 'ip', 'ipv6', '802.1q', '0x0004'))} {second}",
                f"pref 4 u32 match u8 0 3 at {rng.choice((0, -14, 40))} {to(3)}",
            )
        )
        for rng in map(random.Random, range(4))
        for first, second in (
            ("u32 match u8 0 1 at 0 action continue", f"matchall classid 1:5 {to(1)}"),
            (f"matchall {rng.choice(('action continue', 'action drop', 'classid 1:3'))}", f"matchall {to(2)}"),
        )
    ]
    with UserModeU32() as kernel:
        require(kernel)
        for number, filters in enumerate(lists):
            rng = random.Random(number)
            made = Frames(rng)
            frames = [(0, made.make(filters)) for _ in range(25)]
            frames = [(port, frame) for port, frame in frames if len(frame) >= 14]
            run = compiled(meaning(filters))
            for (port, frame), seen in zip(frames, kernel.run(filters, frames), strict=True):
                assert sorted(run(frame, port)[0]) == sorted(seen.outputs), (print_script(filters), frame.hex())
