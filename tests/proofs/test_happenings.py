"""What is sent and told in one case, side by side; and whether it shows which of two kinds of copies comes first, on
cells of a state that are run one after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.happenings import Write, order_shows
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import Event, Output, byte
from tests.support.small_behaviours import always, choice, found, send, verdict

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


HERE = b.eq(byte(0), b.bv(1, 8))
THERE = b.not_(HERE)
FIRST, SECOND = (send(b.bv(port, 32), when=THERE) for port in (1, 2))
ALONE = send(b.bv(9, 32), when=HERE)


def test_what_is_sent_may_be_named_in_another_order() -> None:
    """One frame, or two: both sides send at most one, and then at most one, but not the same."""
    ahead, behind = always(ALONE, FIRST, SECOND), always(FIRST, SECOND, ALONE)
    assert verdict(ahead, behind) == verdict(behind, ahead) == "accept"
    assert verdict(ahead, behind, exactly=True) == "accept"
    any_port = send(choice(0, 32), when=HERE)
    assert verdict(always(any_port, FIRST, SECOND, choices=(choice(0, 32),)), behind) == "accept"


@pytest.mark.parametrize(
    "other",
    [
        (FIRST, SECOND, send(b.bv(8, 32), when=HERE)),
        (FIRST, SECOND, send(b.bv(9, 32), when=b.and_(HERE, b.eq(byte(1), b.bv(1, 8))))),
        (SECOND, FIRST, ALONE),
        (FIRST, send(b.bv(2, 32)), ALONE),
        (FIRST, ALONE),
    ],
)
def test_what_is_not_sent_alike_is_told(other: tuple[Output, ...]) -> None:
    outcome = found(always(ALONE, FIRST, SECOND), always(*other))
    assert outcome.difference is not None
    assert any("output" in part for part in outcome.difference.parts)


def test_what_is_told_may_be_named_in_another_order() -> None:
    def event(number: int, when: Term) -> Event:
        return Event(when, "digest", (b.bv(number, 8),))

    first, second, alone = event(1, THERE), event(2, THERE), event(9, HERE)
    sides = [always(ALONE, events=events) for events in ((alone, first, second), (first, second, alone))]
    assert verdict(*sides) == "accept"
    assert verdict(sides[0], always(ALONE, events=(first, second, event(8, HERE)))) == "differs"
