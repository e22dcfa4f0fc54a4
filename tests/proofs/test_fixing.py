"""What is left of terms on one input: the questions that a model lists, and those that it does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p4verify.proofs.engine import Model
from p4verify.proofs.fixing import fix
from p4verify.semantics import bits as b

SMALL = st.integers(0, 3)
TABLES = st.dictionaries(st.tuples(SMALL, SMALL), SMALL)


@given(TABLES, SMALL, SMALL, SMALL, st.booleans())
def test_questions_are_answered_as_the_model_answers_them(
    table: dict[tuple[int, int], int], first: int, second: int, otherwise: int, free: bool
) -> None:
    """Whether arguments are values, or are left open and get a value afterwards."""
    x, y = b.var("x", 2), b.var("y", 2)
    asked = b.apply("f", 2, x, y)
    model = Model({"x": first, "y": second}, {"f": {**table, None: otherwise}})
    fixed = fix(asked, model, frozenset((y,) if free else ()))
    if free:
        fixed = b.substitute([fixed], {y: b.bv(second, 2)})[0]
    assert fixed is b.bv(table.get((first, second), otherwise), 2)
