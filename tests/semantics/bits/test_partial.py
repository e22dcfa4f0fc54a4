"""Boolean terms under partial assignments: what is decided is right, and taking back takes all back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from tests.support.terms import Shapes, assignments


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_deciding_atoms_as_numbers_have_them_decides_the_terms_as_numbers_have_them(seed: int) -> None:
    shapes = Shapes(seed, arithmetic=False)
    roots = [shapes.term(0, 4) for _ in range(3)]
    partial = b.Partial(roots)
    before = [partial.value(root) for root in roots]
    for values in assignments(tuple(roots), 8, seed):
        for root in roots:
            while partial.value(root) is None:
                atom = partial.open_atom(root)
                simpler = partial.simplified(atom)
                (value,) = b.evaluate([atom], values)
                assert b.evaluate([simpler], values) == [value]
                partial.assign(atom, bool(value))
            assert [partial.value(root)] == b.evaluate([root], values)
        partial.undo(0)
        assert [partial.value(root) for root in roots] == before


def test_what_follows_is_decided_at_once() -> None:
    p, q, r = (b.var(name, 0) for name in "pqr")
    either, both = b.or_(b.and_(p, q), b.and_(b.not_(p), r)), b.and_(q, r)
    partial = b.Partial([either, both, b.ite(r, either, p)])
    partial.assign(p, True)
    mark = partial.mark
    partial.assign(q, False)
    assert partial.value(either) is False
    assert partial.value(both) is False
    assert partial.value(r) is None
    partial.undo(mark)
    assert partial.value(either) is None
    assert partial.value(p) is True
    partial.assign(q, True)
    assert partial.value(either) is True
    assert partial.value(b.ite(r, either, p)) is True  # whatever r is


def test_an_atom_is_simplified_by_those_inside_of_it() -> None:
    p, x, key = b.var("p", 0), b.var("x", 8), b.var("k", 8)
    chosen = b.ite(p, b.bv(3, 8), b.add(x, key))
    atom = b.ult(chosen, b.bv(5, 8))
    asked = b.eq(b.apply("f", 8, chosen), x)
    partial = b.Partial([p, atom, asked])
    partial.assign(p, True)
    assert partial.simplified(atom) is b.TRUE
    assert partial.simplified(asked) is asked  # a function's result is open, whatever it is asked


def test_a_term_that_is_replaced_is_not_looked_into() -> None:
    x, y = b.var("x", 8), b.var("y", 8)
    inner = b.add(x, y)
    assert b.postorder([b.bnot(inner)], {inner}) == [inner, b.bnot(inner)]
    assert b.substitute([b.band(inner, y)], {inner: b.bv(1, 8), y: b.bv(3, 8)}) == [b.bv(1, 8)]
