"""The largest set of entries under conditions, against all sets; and lists in which a third filter makes two safe."""

from __future__ import annotations

from itertools import chain, combinations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.offload.choosing import Room, choose, holds
from p4verify.proofs.solvers.optimum import Clause

from .conftest import Command
from .test_offload import QUIET, script

NUMBERS = st.integers(0, 4)
CLAUSES = st.tuples(st.frozensets(NUMBERS, max_size=2), st.frozensets(NUMBERS, max_size=2))
ROOMS = st.builds(
    Room,
    st.dictionaries(NUMBERS, st.sampled_from([(0,), (1,), (0, 1)]), max_size=5),
    st.fixed_dictionaries({0: st.none() | st.integers(1, 3), 1: st.none() | st.integers(1, 3)}),
)


def best(room: Room, clauses: list[Clause]) -> int | None:
    """The size of a largest set that has room and satisfies the clauses; None if none does."""
    numbers = sorted(room.places)
    subsets = chain.from_iterable(combinations(numbers, n) for n in range(len(numbers) + 1))
    return max((len(s) for s in subsets if holds(frozenset(s), clauses) and _fits(s, room)), default=None)


def _fits(numbers: tuple[int, ...], room: Room) -> bool:
    return any(
        all(size is None or places.count(place) <= size for place, size in room.sizes.items())
        for places in product(*(room.places[n] for n in numbers))
    )


@settings(max_examples=40)
@given(ROOMS, st.lists(CLAUSES, max_size=5))
def test_no_set_that_satisfies_the_conditions_is_larger(room: Room, clauses: list[Clause]) -> None:
    found = choose(room, clauses)
    size = best(room, clauses)
    if size is None:
        assert found is None
        return
    assert found is not None
    assert found.largest
    assert holds(found.chosen, clauses)
    assert len(found.chosen) == size
    assert all(place in room.places[n] for n, place in found.chosen.items())
    assert all(s is None or list(found.chosen.values()).count(p) <= s for p, s in room.sizes.items())


ONE = "action mirred egress redirect dev port1"
THIRD = """
protocol ip pref 1 flower skip_hw dst_ip 192.0.2.0/25 action drop
{}
protocol ip pref 3 flower in_hw dst_ip 192.0.2.0/24 action drop
protocol ip pref 4 flower in_hw dst_ip 198.51.100.0/24 action drop
protocol ip pref 5 flower in_hw ip_proto udp dst_ip 192.0.2.0/24 action mirred egress redirect dev port2
"""
"""The fifth overlaps the first, which is not in hardware; the third does as the first, and takes the overlap."""


@pytest.mark.parametrize(
    ("second", "lines"),
    [
        ("protocol ip pref 2 flower in_hw dst_ip 203.0.113.0/24 action drop", [2, 3, 4, 5]),
        (f"protocol ip pref 2 flower in_hw ip_proto udp dst_ip 192.0.2.0/26 {ONE}", [3, 4, 5]),
        ("protocol ip pref 2 flower skip_hw ip_proto tcp dst_ip 192.0.2.128/25 action pass", [4]),
    ],
)  # fmt: skip
def test_a_third_filter_may_make_it_safe(p4verify: Command, tmp_path: Path, second: str, lines: list[int]) -> None:
    """... unless it cannot stay itself, because of a second one that is not in hardware."""
    path = tmp_path / "filters.tc"
    path.write_text(script(THIRD.format(second)))
    report = p4verify("offload", path, "--largest", *QUIET).json()
    assert report["results"][0]["verdict"] == ("accept" if 2 in lines else "reject")
    assert report["proposal"]["largest"]
    assert [entry["where"]["line"] for entry in report["proposal"]["in_hardware"]] == lines
