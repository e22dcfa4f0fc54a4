"""What is said of the numbers that an open table answers: of all that its rows have, and of few others."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.opened import FEW, Template, few_ranges
from tests.support.open_sides import open_table

NUMBERS = st.frozensets(st.integers(0, 255), min_size=1, max_size=80)
MANY = st.frozensets(st.integers(0, 255), min_size=FEW + 1, max_size=80)
"""Too many to tell each by itself."""
KEY = b.var("key", 8)


@given(st.one_of(NUMBERS, MANY))
def test_few_ranges_hold_all_numbers_and_the_widest_gaps_are_outside(numbers: frozenset[int]) -> None:
    ranges = few_ranges(numbers)
    held = {n for low, high in ranges for n in range(low, high + 1)}
    assert numbers <= held
    assert {n for one in ranges for n in one} <= numbers
    assert len(ranges) <= FEW
    assert len(ranges) == FEW or held == numbers
    ends = sorted(numbers)
    gaps = [(low, high) for low, high in pairwise(ends) if high - low > 1]
    filled = [high - low for low, high in gaps if low + 1 in held]
    assert max(filled, default=0) <= min((high - low for low, high in gaps if low + 1 not in held), default=256)


@given(st.one_of(NUMBERS, MANY))
@settings(max_examples=30)
def test_what_rows_answer_is_never_denied(numbers: frozenset[int]) -> None:
    """A number in what is said is not unheard of, and the other way round; of a row's every one is said."""
    entries = [(n, 255, 0, (n,)) for n in sorted(numbers)]
    table = open_table("t", 8, [Template("put", (8,)), Template("(miss)")], entries, 1)
    said = b.and_(*table.said_of_numbers(KEY))
    denied = set()
    for n in range(256):
        functions = {"t.which": lambda _key: 0, "t.0.0": lambda _key, n=n: n}
        if not b.evaluate([said], {"key": 0}, functions)[0]:
            denied.add(n)
        assert table.unheard((0, (n,))) == (n in denied)
    assert not denied & numbers


@given(st.frozensets(st.integers(0, 3), min_size=1))
def test_a_table_does_not_answer_what_no_row_does(answered: frozenset[int]) -> None:
    """Whether it goes with a number or not; a miss is what the last row answers."""
    templates = [
        Template("put", (8,)),
        Template("keep"),
        Template("drop"),
        Template("send", (8, 8)),
        Template("(miss)"),
    ]
    entries = [(n, 255, n, (1,) * len(templates[n].widths)) for n in sorted(answered)]
    table = open_table("t", 8, templates, entries, 4)
    said = b.and_(*table.said_of_numbers(KEY))
    ones = {f"t.{n}.{i}": lambda _key: 1 for n in range(5) for i in range(2)}
    for n in range(5):
        assert b.evaluate([said], {"key": 0}, {"t.which": lambda _key, n=n: n, **ones})[0] == (n in answered | {4})
