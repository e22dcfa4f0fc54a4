"""Whether it shows which of two kinds of copies comes first, on cells of a state that are run one after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.happenings import Write, order_shows
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

AT = b.var("at.c", 8)
PORT = b.var("each.0.port", 8)
Held = Callable[[Term], Term]


def added(held: Held, at: Term) -> Term:
    return b.add(held(at), b.bv(1, 16))


def set_to(value: int) -> Callable[[Held, Term], Term]:
    return lambda held, at: b.bv(value, 16)


def moved(held: Held, at: Term) -> Term:
    """What cell 3 holds goes to every cell."""
    return held(b.bv(3, 8))


def write(depth: int, at: Term, new: Callable[[Held, Term], Term], other: str = "") -> Write:
    """A copy that writes cell ``at``; with ``other``, if that state's cell 0 holds 0."""

    def held(index: Term) -> Term:
        return b.apply(f"each.{depth}.state.c", b.bv(0, 16).sort, index)

    here = b.eq(AT, at)
    if other:
        here = b.and_(here, b.eq(b.apply(f"each.{depth}.state.{other}", b.bv(0, 8).sort, b.bv(0, 8)), b.bv(0, 8)))
    after = b.ite(here, new(held, at), held(AT))
    return Write(b.ne(after, held(AT)), held(AT), after, ())


@pytest.mark.parametrize(
    ("first", "second", "shows"),
    [
        (write(0, PORT, added), write(0, PORT, added), False),
        (write(0, PORT, added), write(1, b.bv(3, 8), added), False),
        (write(0, PORT, set_to(1)), write(1, PORT, set_to(1)), False),
        (write(0, PORT, set_to(1)), write(0, PORT, set_to(2)), True),
        (write(0, PORT, added), write(1, PORT, set_to(2)), True),
        (write(0, b.bv(1, 8), added), write(1, b.bv(2, 8), set_to(2)), False),
        (write(0, b.bv(3, 8), added), write(1, PORT, moved), True),
        (write(0, PORT, added), write(0, PORT, added, other="d"), True),
    ],
)
def test_order_shows_unless_copies_do_the_same_either_way_round(first: Write, second: Write, shows: bool) -> None:
    """Each copy may be any member of its group; what hangs on another state counts as shown."""
    assert (Engine().satisfiable(order_shows(first, second, [AT])).status == "sat") is shows
