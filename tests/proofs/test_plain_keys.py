"""A key in runs is the same key, whatever masks stand in it; and rows over it are rows over the input's bits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.plain_keys import Space, in_space, runs
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.classifier import Row

INPUTS = [b.var("x", 8), b.var("y", 8), b.var("z", 4)]


@st.composite
def keys(draw: st.DrawFn, depth: int = 3) -> Term:
    """Inputs side by side, cut, and with bits set or cleared."""
    if depth == 0:
        return draw(st.sampled_from(INPUTS))
    inner = draw(keys(depth=depth - 1))
    match draw(st.sampled_from(("concat", "extract", "or", "and", "xor"))):
        case "concat":
            return b.concat(inner, draw(keys(depth=depth - 1)))
        case "extract":
            low = draw(st.integers(0, inner.width - 1))
            return b.extract(inner, draw(st.integers(low, inner.width - 1)), low)
        case how:
            mask = b.bv(draw(st.integers(0, (1 << inner.width) - 1)), inner.width)
            return {"or": b.bor, "and": b.band, "xor": b.bxor}[how](inner, mask)


VALUES = st.fixed_dictionaries({"x": st.integers(0, 255), "y": st.integers(0, 255), "z": st.integers(0, 15)})


@settings(max_examples=150, deadline=None)
@given(keys(), VALUES)
def test_runs_side_by_side_are_the_key(key: Term, values: dict[str, int]) -> None:
    (wanted,) = b.evaluate([key], values)
    found = 0
    for low, width, leaf, start in runs(key):
        (value,) = b.evaluate([leaf], values)
        assert isinstance(value, int)
        found |= (value >> start & ((1 << width) - 1)) << low
    assert found == wanted
    assert sum(width for _, width, _, _ in runs(key)) == key.width


@settings(max_examples=150, deadline=None)
@given(keys(), VALUES, st.data())
def test_a_row_holds_the_same_inputs_over_the_space(key: Term, values: dict[str, int], data: st.DataObject) -> None:
    mask = data.draw(st.integers(0, (1 << key.width) - 1))
    value = data.draw(st.integers(0, (1 << key.width) - 1)) & mask
    space = Space()
    moved = in_space([Row(value, mask, "it", 0)], runs(key), space)
    (asked,) = b.evaluate([key], values)
    assert isinstance(asked, int)
    holds = any(b.evaluate([space.condition(row.cube)], values)[0] for row in moved)
    assert holds == (asked & mask == value)


def test_a_bit_that_is_set_beside_a_number_is_a_constant() -> None:
    """As Open vSwitch's ``vlan_tci`` has one for a tag that is there."""
    x, y = INPUTS[:2]
    tagged = b.bor(b.concat(x, y), b.bv(0x1000, 16))
    assert runs(tagged) == ((0, 8, y, 0), (8, 4, x, 0), (12, 1, b.bv(1, 1), 0), (13, 3, x, 5))
