"""An index that is written out as decisions: put back it is the same for every value, and has the source's shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.written_out import LEAST, with_indices_back
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

WIDTH = 3
INDEX = b.var("k", WIDTH)
COUNT = 1 << WIDTH
BESIDE = b.var("x", 8), b.var("y", 8), b.var("z", WIDTH)


def put_back(term: Term) -> Term:
    """The term, as the second side of an obligation."""
    obligation = Obligation("o", b.TRUE, (unequal("p", b.var("other", term.sort), term),), 1)
    (part,) = with_indices_back(obligation).parts
    assert part.pair is not None
    when, mine, theirs = part.pair
    assert part.differ is unequal("p", mine, theirs, when).differ
    return theirs


def written_out(terms: list[Term], order: list[int], last: Term | None = None) -> Term:
    """``terms[k]`` by decisions about the index in an order; the last one is ``last`` or the last term."""
    *others, end = order
    term = terms[end] if last is None else b.ite(b.eq(INDEX, b.bv(end, WIDTH)), terms[end], last)
    for k in reversed(others):
        term = b.ite(b.eq(INDEX, b.bv(k, WIDTH)), terms[k], term)
    return term


def leaves(k: int) -> st.SearchStrategy[Term]:
    """Terms as a compiler makes them for the index ``k``."""
    leaf = st.sampled_from([*BESIDE[:2], b.bv(k, 8), b.bv(5, 8), b.concat(b.bv(0, 5), BESIDE[2]), b.var(f"any.{k}", 8)])
    return st.recursive(leaf, lambda inner: st.one_of(
        st.builds(lambda x, y: b.apply("f", 8, x, y), inner, inner),
        st.builds(b.add, inner, inner),
        st.builds(lambda x, y: b.ite(b.ult(x, y), x, y), inner, inner),
    ), max_leaves=4)  # fmt: skip


@given(st.tuples(*map(leaves, range(COUNT))), st.permutations(range(COUNT)), st.integers(0, COUNT - 1), st.data())
def test_it_is_the_same_for_every_value(
    terms: tuple[Term, ...], order: list[int], asked_again: int, data: st.DataObject
) -> None:
    never = b.ite(b.eq(INDEX, b.bv(order[asked_again], WIDTH)), b.var("wrong", 8), b.var("never", 8))
    term = written_out(list(terms), order, data.draw(st.sampled_from([None, b.var("never", 8), never])))
    back = put_back(term)
    values = {v.name: data.draw(st.integers(0, (1 << v.width) - 1), label=v.name) for v in b.variables(term, back)}
    functions = {"f": lambda x, y: (7 * x + y) & 255}
    for k in range(COUNT):
        here = values | {"k": k}
        assert b.evaluate([back], here, functions, default=0) == b.evaluate([term], here, functions, default=0)


def test_what_values_have_in_common_stands_once() -> None:
    asked = [b.apply("f", 8, b.bv(k, WIDTH), b.var(f"any.{k}", 8)) for k in range(COUNT)]
    back = put_back(written_out(asked, list(range(COUNT)), BESIDE[0]))
    assert back.op == "apply"
    assert back.args[0] is INDEX
    assert {v.name for v in b.variables(back.args[1])} == {"k", *(f"any.{k}" for k in range(COUNT))}


def test_what_is_written_out_within_is_put_back_as_well() -> None:
    inner = written_out([b.bv(k, WIDTH) for k in range(COUNT)], list(range(COUNT)))
    other = b.var("j", WIDTH)
    outer: Term = BESIDE[0]
    for k in range(COUNT):
        outer = b.ite(b.eq(other, b.bv(k, WIDTH)), b.apply("f", 8, b.bv(k, WIDTH), inner), outer)
    assert put_back(outer) is b.apply("f", 8, other, INDEX)


@pytest.mark.parametrize("decided", [COUNT - 2, COUNT - 1])
def test_all_values_have_to_be_decided(decided: int) -> None:
    """Of one that is left out the rest is said; of two it is not said which of them it is."""
    term = b.apply("f", 8, b.bv(COUNT - 1, WIDTH))
    for k in range(decided):
        term = b.ite(b.eq(INDEX, b.bv(k, WIDTH)), b.apply("f", 8, b.bv(k, WIDTH)), term)
    assert put_back(term) is (b.apply("f", 8, INDEX) if decided == COUNT - 1 else term)


def test_what_has_nothing_in_common_is_left_as_it_is() -> None:
    term = written_out([b.var(f"any.{k}", 8) for k in range(COUNT)], list(range(COUNT)))
    assert put_back(term) is term


def test_few_values_are_left_as_they_are() -> None:
    index = b.var("few", 2)
    assert 1 << index.width < LEAST
    term = b.apply("f", 8, b.bv(3, 2))
    for k in range(3):
        term = b.ite(b.eq(index, b.bv(k, 2)), b.apply("f", 8, b.bv(k, 2)), term)
    assert put_back(term) is term


@pytest.mark.parametrize("numbers", [[k ^ 1 for k in range(COUNT)], [0, 1, 2, 3, 5, 5, 6, 7]])
def test_other_numbers_than_the_values_are_not_the_index(numbers: list[int]) -> None:
    term = written_out([b.apply("f", 8, b.bv(n, WIDTH)) for n in numbers], list(range(COUNT)))
    back = put_back(term)
    assert back.op == "apply"
    assert [b.evaluate([back.args[0]], {"k": k})[0] for k in range(COUNT)] == numbers


def test_a_decision_about_something_else_is_none_about_the_index() -> None:
    other = b.var("other", WIDTH)
    term = b.apply("f", 8, b.bv(COUNT - 1, WIDTH))
    for k in range(COUNT - 1):
        asked = [b.eq(INDEX, b.bv(k, WIDTH)), *([b.eq(other, b.bv(k, WIDTH))] if k == 3 else [])]
        term = b.ite(b.or_(*asked), b.apply("f", 8, b.bv(k, WIDTH)), term)
    assert put_back(term) is term


def test_the_index_in_more_bits_is_the_index() -> None:
    asked = [b.apply("f", 8, b.bv(k, 32)) for k in range(COUNT)]
    assert put_back(written_out(asked, list(range(COUNT)))) is b.apply("f", 8, b.zext(INDEX, 32))


@given(st.tuples(*map(leaves, range(COUNT))), st.data())
def test_values_from_0_on_are_put_back_below_the_others(terms: tuple[Term, ...], data: st.DataObject) -> None:
    index = b.var("k", 32)
    term: Term = b.var("beyond", 8)
    for k in data.draw(st.permutations(range(COUNT))):
        term = b.ite(b.eq(index, b.bv(k, 32)), terms[k], term)
    back = put_back(term)
    values = {v.name: data.draw(st.integers(0, (1 << v.width) - 1), label=v.name) for v in b.variables(term, back)}
    functions = {"f": lambda x, y: (7 * x + y) & 255}
    for k in (*range(COUNT), COUNT, COUNT + 1, 1 << 31):
        here = values | {"k": k}
        assert b.evaluate([back], here, functions, default=0) == b.evaluate([term], here, functions, default=0)


def test_an_index_of_many_values_is_put_back_below_what_is_beyond_them() -> None:
    index, beyond = b.var("k", 32), b.var("beyond", 8)
    term: Term = beyond
    for k in range(COUNT):
        term = b.ite(b.eq(index, b.bv(k, 32)), b.apply("f", 8, b.bv(k, 32)), term)
    assert put_back(term) is b.ite(b.ult(index, b.bv(COUNT, 32)), b.apply("f", 8, index), beyond)
