"""Parts of the inputs by what tables answer there: together they hold every input."""

from __future__ import annotations

import pytest

from p4verify.proofs.engine import Engine
from p4verify.scale.by_kinds import MOST, parts_of
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import CHOICE, byte


def answers(table: str, *numbers: int) -> list[Term]:
    """That a table answers one of these."""
    return [b.eq(b.apply(table, 8, byte(0)), b.bv(number, 8)) for number in numbers]


LAWS = [
    (b.eq(byte(1), b.bv(1, 8)), answers("p", 3, 4)),
    (b.ult(byte(1), b.bv(9, 8)), answers("p", 5)),
    (b.eq(byte(2), b.bv(0, 8)), answers("q", 1, 2, 6)),
]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_parts_by_laws_hold_every_input(count: int) -> None:
    laws, engine = LAWS[:count], Engine.within(None)
    parts = parts_of([], laws)
    assert len(parts) == 1 + sum(len(said) for _, said in laws)
    known = [b.implies(where, b.or_(*said)) for where, said in laws]
    assert engine.refuted(b.and_(*known, b.not_(b.or_(*(part.condition for part in parts)))), "no part", 10)
    for part in parts:
        assert engine.satisfiable(part.condition).status == "sat"
        for term, value in part.replaced.items():
            differs = b.ne(b.from_bool(term), b.from_bool(value)) if term.width == 0 else b.ne(term, value)
            assert engine.refuted(b.and_(part.condition, differs), "another value", 10)


def test_laws_that_are_many_or_hang_on_choices_part_nothing() -> None:
    many = [(b.TRUE, answers("p", *range(MOST)))]
    chosen = [(b.eq(b.var(f"{CHOICE}0", 1), b.bv(1, 1)), answers("p", 1))]
    assert [part.condition for part in parts_of([], many)] == [b.TRUE]
    assert [part.condition for part in parts_of([], chosen)] == [b.TRUE]
