"""Chains of filters left open, with the rows as what they answer, do what the filters do."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from p4verify.proofs.engine import Engine
from p4verify.semantics import bits as b
from p4verify.semantics.classifier import Row, TupleSpace
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.opened import NotSuitable, Opened, OpenTable
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets import find
from p4verify.targets.u32.artifact import (
    DROP,
    PASS,
    FilterList,
    Gact,
    Handle,
    Key,
    Mirred,
    Selector,
    U32Filter,
    goto_chain,
    hash_table,
)
from p4verify.targets.u32.meaning import numbered
from tests.support import flower_random, u32_random

Function = Callable[..., int]

VALUES = {"src_mac": [f"00:00:00:00:00:0{i}" for i in (1, 2, 3)], "indev": ["port1", "port2", "port3"]}
VALUES["dst_mac"] = VALUES["src_mac"]
"""What random filters ask for, by field."""


def answering(opened: Opened) -> dict[str, Function]:
    """The functions of open tables, as their rows have it."""
    found: dict[str, Function] = {}
    for table in opened.tables.values():
        stem = next(name.removesuffix(".which") for name in table.functions if name.endswith(".which"))
        rows = TupleSpace(table.rows)
        found[f"{stem}.which"] = lambda key, rows=rows: rows.holding(key)[0].decision[0]
        for number, template in enumerate(table.templates):
            for i in range(len(template.widths)):
                found[f"{stem}.{number}.{i}"] = _number(table, rows, number, i)
    return found


def _number(table: OpenTable, rows: TupleSpace, number: int, place: int) -> Function:
    def answer(key: int) -> int:
        which, numbers = rows.holding(key)[0].decision
        return int(numbers[place]) if which == number else 0

    return answer


def alike(
    target: Any, artifact: Any, frames: list[tuple[int, bytes]], open_: Callable[[Any], Opened] | None = None
) -> bool:
    """Compare on frames; whether the list could be opened at all."""
    try:
        whole = target.meaning(artifact)
        opened = open_(artifact) if open_ else target.opened(artifact, 1)
    except (NotSuitable, Unsupported, InputError):
        return False
    engine = Engine.within(None)
    for name, law in opened.laws:
        assert engine.satisfiable(b.not_(law), name).status == "unsat", name
    functions = answering(opened)
    for port, frame in frames:
        expected, seen = result(whole, frame, port, {}), result(opened.behaviour, frame, port, functions)
        assert seen == expected, (artifact, frame.hex(), port)
    return True


def result(side: Behaviour, frame: bytes, port: int, functions: dict[str, Function]) -> object:
    """What a side does with a frame; why nothing is said of it."""
    try:
        found = evaluate_behaviour(side, frame, port, functions=functions, default=0)
    except ValueError as error:
        return str(error)
    return found.outputs, found.metadata


def plain_u32(rng: random.Random, places: tuple[int, ...] = (0, 8, 12, 16)) -> FilterList:
    """Keys of growing length, in two priorities and hash tables; ``goto chain`` now and then. ``places``: of keys."""
    made: list[U32Filter] = []
    for pref in (1, 2):
        protocol = rng.choice((0x0800, 3))
        if rng.random() < 0.6:
            divisor, shift = rng.choice((2, 4, 256)), rng.choice((0, 8, 24))
            made.append(hash_table(pref, pref, divisor, protocol))
            for _ in range(rng.randint(1, 4)):
                place = Handle(pref, rng.randrange(divisor))
                made.append(_filter(rng, pref, protocol, (12,), place))
            mask = rng.choice((0xFF, 0x0F, 0x3)) << shift
            selector = Selector((Key(0, 0, -4),), terminal=False, hmask=mask, hoff=rng.choice((0, 8)))
            made.append(U32Filter(pref, protocol, selector=selector, link=pref))
        ends = sorted(rng.choice(places) for _ in range(rng.randint(1, 4)))
        made += [_filter(rng, pref, protocol, (end,), None) for end in ends]
    made += [_filter(rng, 3, 3, (4,), None, chain=7) for _ in range(2)]
    return FilterList(tuple(made))


def _filter(
    rng: random.Random, pref: int, protocol: int, places: tuple[int, ...], ht: Handle | None, chain: int = 0
) -> U32Filter:
    keys = tuple(Key(rng.choice((0, 1, 0x0A000001)), rng.choice((1, 3, 0xFF, 0x0F000000)), p) for p in (-12, *places))
    actions = rng.choice(
        [(Gact(DROP),), (Gact(PASS),), (Mirred(rng.choice((1, 2))),), (Gact(goto_chain(7)),), (Mirred(5, False, PASS),)]
    )
    return U32Filter(
        pref, protocol, selector=Selector(keys), ht=ht, actions=actions, chain=chain, classid=rng.choice((None, 7))
    )


def short(frame: bytes, rng: random.Random) -> bytes:
    return frame[: rng.choice((14, 22, 25, 26, 27, 30, 34, 60))]


def u32_lists(seed: int) -> Iterator[tuple[FilterList, list[tuple[int, bytes]]]]:
    rng = random.Random(seed)
    for number in range(40):
        filters = plain_u32(rng) if number % 2 else u32_random.Lists(rng).make()
        frames = u32_random.Frames(rng)
        found = [frames.make(filters) for _ in range(12)]
        found += [
            bytes(12) + rng.choice((b"\x08\x00", b"\x81\x00\x00\x05\x08\x00")) + rng.randbytes(46) for _ in range(6)
        ]
        found += [bytes(12) + b"\x08\x00" + bytes(rng.choice((0, 0, 0, 1, 10)) for _ in range(46)) for _ in range(6)]
        yield filters, [(rng.choice(u32_random.PORTS), short(f, rng) if i % 2 else f) for i, f in enumerate(found)]


def test_u32() -> None:
    target = find("u32")
    opened = sum(alike(target, filters, frames) for filters, frames in u32_lists(3))
    assert opened >= 8


def test_a_u32_filter_that_comes_in_later_stands_where_the_kernel_puts_it() -> None:
    target: Any = find("u32")
    rng, taken, refused = random.Random(8), 0, Counter[str]()
    for _ in range(40):
        filters = numbered(plain_u32(rng, (12, 12, 12, 16)))
        plain = [one for one in filters.filters if one.selector is not None and one.link is None]
        gone, like = rng.choice(plain), rng.choice(plain)
        late = replace(gone, actions=like.actions, classid=like.classid)
        before = replace(filters, filters=tuple(one for one in filters.filters if one is not gone))
        filters = replace(filters, filters=tuple(late if one is gone else one for one in filters.filters))
        try:
            opened, whole = target.opened(before, 1), target.meaning(filters)
            tables = [with_later(table, late) for table in opened.tables.values()]
        except NotSuitable as error:
            refused[str(error)] += 1
            continue
        functions = answering(replace(opened, tables={table.name: table for table in tables}))
        frames = u32_random.Frames(rng)
        for i in range(24):
            frame = frames.make(filters) if i % 3 else bytes(12) + b"\x08\x00" + bytes(rng.choices((0, 1, 10), k=46))
            frame, port = short(frame, rng) if i % 4 == 0 else frame, rng.choice(u32_random.PORTS)
            expected = result(whole, frame, port, {})
            assert result(opened.behaviour, frame, port, functions) == expected, (filters, late, frame.hex())
        taken += 1
    assert taken >= 12, refused
    assert any("more or fewer bytes" in reason for reason in refused)


@pytest.mark.parametrize("ht", [None, Handle(5, 1)])
@pytest.mark.parametrize("place", [8, 12, 16])
def test_a_u32_filter_that_comes_in_needs_as_many_bytes_as_its_neighbours(place: int, ht: Handle | None) -> None:
    """A load that fails ends the priority, so one that needs more would keep short frames from those behind it."""

    def asking(offset: int, node: int, ht: Handle | None) -> U32Filter:
        selector = Selector((Key(1, 0xFF, offset),))
        return U32Filter(1, 0x0800, Handle(node=node), selector=selector, ht=ht, actions=(Gact(DROP),))

    link = U32Filter(1, 0x0800, Handle(node=2), selector=Selector((Key(0, 0, -4),), False, hmask=0xF, hoff=0), link=5)
    made = hash_table(1, 5, 4, 0x0800), asking(12, 1, Handle(5, 0)), link, asking(12, 9, None), asking(16, 10, None)
    target: Any = find("u32")
    (table,) = target.opened(FilterList(made), 1).tables.values()
    late = asking(place, 4, ht)
    if place == 12:
        assert list(table.rows_of(late))
        return
    with pytest.raises(NotSuitable, match="more or fewer bytes"):
        list(table.rows_of(late))


def test_filters_of_one_bucket_are_numbered_as_far_as_numbers_go() -> None:
    made = [U32Filter(1, 0x0800, actions=(Gact(DROP),)) for _ in range(0xFFF)]
    assert {one.handle.node for one in numbered(FilterList(tuple(made))).filters} == set(range(1, 0x1000))
    with pytest.raises(Unsupported, match="the same number"):
        numbered(FilterList((*made, replace(made[0]))))


def with_later(table: OpenTable, late: U32Filter) -> OpenTable:
    """The table with one more filter, if it is of the table's chain."""
    if table.entries[0].chain != late.chain:
        return table
    assert table.rows_of is not None
    assert table.order is not None
    place = table.order(late)
    after = next((row.rank for row in table.rows if row.origin >= 0 and table.order(table.entries[row.origin]) > place),
                 table.rows[-2].rank + 1)  # fmt: skip
    return replace(table, rows=[*table.rows, *(Row(*cube, said, after - 0.5) for cube, said in table.rows_of(late))])


@pytest.mark.long
def test_flower() -> None:
    target, rng = find("flower"), random.Random(5)
    opened = 0
    for _ in range(16):
        text = flower_random.Filters(rng).text()
        frames = [(rng.choice((1, 2)), flower_random.frame(rng, text)) for _ in range(12)]
        try:
            filters = target.read(text.encode(), "x.tc")
        except (InputError, Unsupported):
            continue
        opened += alike(target, filters, frames)
    assert opened >= 3


def test_flower_chains_in_parts() -> None:
    """Lists of some filters open and others not, one after the other in a chain."""
    target: Any = find("flower")
    rng, parts, beside = random.Random(6), 0, 0
    for _ in range(40):
        text = "".join(
            f"filter add dev port0 ingress protocol all pref {pref} flower "
            f"{field} {value} action gact {rng.choice(('drop', 'pass', 'goto chain 1'))}\n"
            for pref, field in enumerate(rng.sample(("src_mac", "dst_mac", "indev", "src_mac"), 3), 1)
            for value in rng.sample(VALUES[field], rng.randint(1, 3))
        )
        text += (
            "filter add dev port0 ingress protocol all pref 1 chain 1 flower dst_mac 00:00:00:00:00:01 action drop\n"
        )
        filters, least = target.read(text.encode(), "x.tc"), rng.choice((1, 2, 3))
        frames = [(rng.choice((1, 2)), bytes((*bytes(5), rng.choice((1, 2, 3))) * 2) + rng.randbytes(50))
                  for _ in range(12)]  # fmt: skip
        assert alike(target, filters, frames, lambda one: target.opened_in_parts(one, 1))
        try:
            opened = target.opened_in_parts(filters, least)
        except NotSuitable:
            continue
        parts += any("priorities" in name for name in opened.tables)
        stay = {name: range(len(table.entries)) for name, table in opened.tables.items()}
        some = target.only(filters, opened, stay)
        assert sorted(some.filters, key=repr) == sorted(filters.filters, key=repr)
        none = target.only(filters, opened, dict.fromkeys(opened.tables, ()))
        beside += any(one.chain == 0 for one in none.filters)
        gone = {entry for table in opened.tables.values() for entry in table.entries}
        assert set(none.filters) == set(filters.filters) - gone
    assert parts >= 10
    assert beside >= 5


def test_flower_chains_in_finer_parts() -> None:
    """Lists that end where filters look at fewer fields."""
    target: Any = find("flower")
    rng, parts = random.Random(7), 0
    for _ in range(40):
        text = "".join(
            f"filter add dev port0 ingress protocol all pref {pref} flower "
            f"{' '.join(f'{field} {rng.choice(VALUES[field])}' for field in fields)} "
            f"action gact {rng.choice(('drop', 'pass'))}\n"
            for pref, fields in enumerate((rng.sample(("src_mac", "dst_mac", "indev"), n) for n in (2, 1, 2, 1)), 1)
        )
        filters = target.read(text.encode(), "x.tc")
        frames = [(rng.choice((1, 2)), bytes((*bytes(5), rng.choice((1, 2, 3))) * 2) + rng.randbytes(50))
                  for _ in range(12)]  # fmt: skip
        try:
            opened = target.opened_in_parts(filters, 1, finer=True)
        except NotSuitable:
            continue
        assert len(opened.tables) > len(target.opened_in_parts(filters, 1).tables)
        assert alike(target, filters, frames, lambda one: target.opened_in_parts(one, 1, finer=True))
        parts += 1
    assert parts >= 10


def test_what_is_not_modelled_of_packets_is_assumed_not_to_come() -> None:
    target: Any = find("flower")
    filters = target.read(b"filter add dev port0 ingress protocol ipv6 pref 1 flower action gact drop", "x.tc")
    assumed = [{a.text for a in side.domain} for side in (target.meaning(filters), target.opened(filters, 1).behaviour)]
    assert assumed[0] == assumed[1]
    assert any("extension headers" in text for text in assumed[0])


@pytest.mark.parametrize("second", [8, 16])
def test_filters_of_one_priority_that_need_fewer_bytes_than_one_before_are_not_left_open(second: int) -> None:
    keys = Key(1, 0xFF, 12), Key(1, 0xFF, second)
    made = tuple(U32Filter(1, 0x0800, selector=Selector((key,)), actions=(Gact(DROP),)) for key in keys)
    target: Any = find("u32")
    if second == 16:
        assert target.opened(FilterList(made), 1).tables
        return
    with pytest.raises(NotSuitable, match="more bytes"):
        target.opened(FilterList(made), 1)


def test_a_filter_that_comes_in_stands_before_all_rows_of_a_range() -> None:
    """A range is several rows, which have one place in the list together."""
    some = "".join(
        f"filter add dev port0 ingress protocol ip pref {pref} flower ip_proto tcp dst_port {ports} action gact drop\n"
        for pref, ports in ((5, "10-20"), (6, "100"))
    )
    flower: Any = find("flower")
    (table,) = flower.opened(flower.read(some.encode(), "x.tc"), 1).tables.values()
    assert [(row.rank, row.origin) for row in table.rows[:-1]] == [(0, 0)] * 4 + [(1, 1)]
