"""Parts that choose among their values alike: what is proven of numbers of values holds of the values."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.deciding import Search
from p4verify.proofs.difference import Difference
from p4verify.proofs.engine import Engine
from p4verify.proofs.shapes import LEAST, shaped
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

CONDITIONS = [b.var(f"in.c{i}", 0) for i in range(3)]
VALUES = [b.var("in.x", 4), b.var("in.y", 4), b.bv(3, 4), b.bv(5, 4), b.bnot(b.var("in.x", 4))]
COUNT = 24


def nested(field: int, *, turned: bool = False, last: Term | None = None) -> Term:
    """One of three values of a field; ``turned`` makes the same choice in another order."""
    x, y, z = (b.var(f"in.f{field}.{k}", 32) for k in range(3))
    z = z if last is None else last
    p, q, _ = CONDITIONS
    return b.ite(b.and_(b.not_(p), q), y, b.ite(p, x, z)) if turned else b.ite(p, x, b.ite(q, y, z))


def fields(last: dict[int, Term] | None = None) -> Obligation:
    other = last or {}
    parts = [unequal(f"f{i}", nested(i), nested(i, turned=True, last=other.get(i))) for i in range(COUNT)]
    return Obligation("fields", b.TRUE, tuple(parts), COUNT)


def check(obligation: Obligation, engine: Engine) -> Difference | str | None:
    run = Search(engine, frozenset(), b.TRUE, (obligation,), (0, 0, 0))
    run.first_query(obligation)
    return run.check(obligation)


def test_parts_of_one_shape_are_one_question() -> None:
    asked = shaped(fields())
    assert asked is not None
    assert len(asked.shapes.parts) == 1
    engine = Engine(10)
    assert check(fields(), engine) is None
    assert engine.solved == 1


def test_a_part_of_another_shape_is_still_asked() -> None:
    found = check(fields({5: b.var("in.else", 32)}), Engine(10))
    assert isinstance(found, Difference)
    assert found.parts == ("f5",)


def test_values_that_are_equal_need_not_be_the_same_term() -> None:
    """Numbers tell two values apart that are always equal: then the values are asked."""
    z = b.var("in.f5.2", 32)
    twice = b.udiv(b.mul(z, b.bv(2, 32)), b.bv(2, 32))
    small = b.ult(z, b.bv(9, 32))
    obligation = fields({5: twice})
    limited = Obligation("fields", small, obligation.parts, COUNT)
    assert check(limited, Engine(20)) is None
    assert isinstance(check(obligation, Engine(20)), Difference)


def test_few_parts_are_just_asked() -> None:
    few = fields()
    assert shaped(Obligation("few", b.TRUE, few.parts[: LEAST - 1])) is None


choices = st.recursive(
    st.sampled_from(VALUES),
    lambda below: st.builds(b.ite, st.sampled_from([*CONDITIONS, b.and_(*CONDITIONS[:2])]), below, below),
    max_leaves=6,
)


@given(st.lists(st.tuples(choices, choices), min_size=1, max_size=4))
def test_where_numbers_agree_values_do(pairs: list[tuple[Term, Term]]) -> None:
    parts = [unequal(f"p{i}", x, y) for i, (x, y) in enumerate(pairs)] * LEAST
    asked = shaped(Obligation("random", b.TRUE, tuple(parts)))
    if asked is None:
        return
    left = asked.without(()).parts
    assert {p.differ for p in parts} - {p.differ for p in left} <= {b.FALSE}, "a part is lost"
    for shape in asked.shapes.parts:
        kept = {p.differ for p in asked.without([shape]).parts}
        gone = [p.differ for p in left if p.differ not in kept]
        for bits in product((0, 1), repeat=3):
            for x, y in ((0, 0), (3, 12), (5, 3)):
                values = {**{f"in.c{i}": bit for i, bit in enumerate(bits)}, "in.x": x, "in.y": y}
                agree, *differ = b.evaluate([b.not_(shape.differ), *gone], values)
                assert not agree or not any(differ)
