"""Laws of first-match lists, against what is seen key by key."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.classifier import Comparison, Row, TupleSpace, overlap, subtract
from p4verify.semantics.classifier.inversions import inverted

WIDTH = 5
KEYS = range(1 << WIDTH)

cubes = st.builds(lambda value, mask: (value & mask, mask), st.sampled_from(KEYS), st.sampled_from(KEYS))


@st.composite
def lists(draw: st.DrawFn) -> list[Row]:
    """A list with a last row that holds every key."""
    drawn = draw(st.lists(st.tuples(cubes, st.integers(0, 2)), max_size=9))
    return [*(Row(*cube, decision, i, i) for i, (cube, decision) in enumerate(drawn)), Row(0, 0, 0, 99)]


def decided(rows: list[Row], key: int) -> int:
    return min((r for r in rows if key & r.mask == r.value), key=lambda r: r.rank).decision  # type: ignore[no-any-return]


def same(x: object, y: object) -> bool:
    return x == y


def wrong(first: list[Row], second: list[Row]) -> set[int]:
    return {key for key in KEYS if decided(first, key) != decided(second, key)}


def check(found: list[object], first: list[Row], second: list[Row], keys: set[int]) -> None:
    """Differences name rows that win on keys of their witness, and every key that differs is in a region."""
    for d in found:
        for key in KEYS:
            if key & d.witness[1] == d.witness[0]:  # type: ignore[attr-defined]
                assert key in wrong(first, second)
                assert decided(first, key) == d.first.decision  # type: ignore[attr-defined]
                assert decided(second, key) == d.second.decision  # type: ignore[attr-defined]
    for key in keys:
        assert any(key & d.region[1] == d.region[0] for d in found)  # type: ignore[attr-defined]


@given(cubes, cubes)
def test_what_is_left_of_a_cube(x: tuple[int, int], y: tuple[int, int]) -> None:
    inside = {key for key in KEYS if key & x[1] == x[0]}
    other = {key for key in KEYS if key & y[1] == y[0]}
    assert overlap(x, y) == bool(inside & other)
    if overlap(x, y):
        parts = [{key for key in KEYS if key & m == v} for v, m in subtract(x, y)]
        assert set().union(*parts) == inside - other
        assert sum(map(len, parts)) == len(inside - other)


@given(lists(), cubes, st.data())
def test_an_index_finds_what_overlaps(rows: list[Row], cube: tuple[int, int], data: st.DataObject) -> None:
    index = TupleSpace(rows)
    list(index.overlapping(cube))  # makes the tables by parts
    gone = data.draw(st.sets(st.sampled_from(rows)))
    for row in gone:
        index.remove(row)
    more = [Row(*c, 1, 50 + i) for i, c in enumerate(data.draw(st.lists(cubes, max_size=4)))]
    for row in more:
        index.add(row)
    left = [r for r in rows if r not in gone] + more
    assert sorted(map(id, index.overlapping(cube))) == sorted(id(r) for r in left if overlap(r.cube, cube))
    for key in KEYS:
        assert index.holding(key) == sorted((r for r in left if key & r.mask == r.value), key=lambda r: r.rank)


@given(lists(), lists())
def test_all_differences_are_found_and_no_others(first: list[Row], second: list[Row]) -> None:
    check(list(Comparison(first, second, same).differences()), first, second, wrong(first, second))


@given(lists(), st.randoms(use_true_random=False))
def test_a_list_in_another_order(first: list[Row], chance: random.Random) -> None:
    order = list(range(len(first) - 1))
    chance.shuffle(order)
    second = [*(Row(*row.cube, row.decision, order[i]) for i, row in enumerate(first[:-1])), Row(0, 0, 0, 99)]
    check(list(Comparison(first, second, same).differences()), first, second, wrong(first, second))


@given(lists(), lists(), st.data())
def test_a_change_is_looked_at_where_it_counts(first: list[Row], second: list[Row], data: st.DataObject) -> None:
    before = wrong(first, second)
    comparison = Comparison(first, second, same)
    removed = [
        (side, row)
        for side, rows in enumerate((first, second))
        for row in data.draw(st.sets(st.sampled_from(rows[:-1]), max_size=2) if rows[:-1] else st.just(set()))
    ]
    added = [
        (data.draw(st.integers(0, 1)), Row(*cube, decision, rank, -1))
        for cube, decision, rank in data.draw(
            st.lists(st.tuples(cubes, st.integers(0, 2), st.floats(-1, 9)), max_size=3, unique_by=lambda t: t[2])
        )
    ]
    lines = ([r for r in first if (0, r) not in removed], [r for r in second if (1, r) not in removed])
    for side, row in added:
        if any(row.rank == r.rank for r in lines[side]):
            return
        lines[side].append(row)
    found = comparison.changed(added, removed)
    now = wrong(*lines)
    changed = {
        k for k in KEYS if decided(first, k) != decided(lines[0], k) or decided(second, k) != decided(lines[1], k)
    }
    check(found, *lines, now & changed)
    assert now - before <= {k for k in KEYS if any(k & d.region[1] == d.region[0] for d in found)}


@given(lists(), st.randoms(use_true_random=False), st.integers(3, 20))
def test_inverted_pairs(rows: list[Row], chance: random.Random, decisions: int) -> None:
    unique = list({r.cube: r for r in rows}.values())
    ranks = list(range(len(unique)))
    chance.shuffle(ranks)
    pairs = [
        (Row(*r.cube, d, i), Row(*r.cube, d, ranks[i]))
        for i, r in enumerate(unique)
        for d in [chance.randrange(decisions)]
    ]
    found = {id(row) for row in inverted(pairs, same)}
    for i, (a, b) in enumerate(pairs):
        for c, d in pairs[i + 1 :]:
            if overlap(a.cube, c.cube) and d.rank < b.rank and a.decision != d.decision:
                assert id(a) in found


def test_rows_that_agree_are_not_looked_at_one_by_one() -> None:
    rows = [Row(i, 0xFFFF, i % 7, i) for i in range(1000)]
    first = [*rows, Row(0, 0, 0, 5000)]
    comparison = Comparison(first, [Row(*r.cube, r.decision, r.rank) for r in first], same)
    assert not list(comparison.differences())
    assert comparison.looked_at == 0
    assert comparison.paired == 1001


def test_an_inversion_that_is_not_the_last_row_counts() -> None:
    ranks = ((0, 5), (1, 3), (2, 9))
    cubes_ = ((0, 0), (1, 7), (2, 7))
    pairs = [
        (Row(*cube, min(i, 1), a), Row(*cube, min(i, 1), b))
        for i, (cube, (a, b)) in enumerate(zip(cubes_, ranks, strict=True))
    ]
    assert inverted(pairs, same) == [pairs[0][0]]
