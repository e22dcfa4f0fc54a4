"""What happens to a frame, as terms: total outcomes, partial decisions, and how they follow one another.

A list of filters is combined as a balanced tree (following one another is associative), so that terms stay shallow
and a list of n filters costs n log n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term

Send = tuple[Term, Term]
"""When (Bool) and out of which port (32 bits) a copy of the frame goes."""
_NOTHING: Final[Send] = (FALSE, b.bv(0, 32))
NO_CLASS: Final = b.bv(0, 32)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Frames sent, in order; whether the frame goes on to the stack; and its class id if it does (else 0)."""

    sends: tuple[Send, ...] = ()
    stack: Term = FALSE
    classid: Term = NO_CLASS


DROPPED: Final = Outcome()
PASSED: Final = Outcome((), TRUE)


@dataclass(frozen=True, slots=True)
class Decision:
    """What some filters do with a frame that reaches them.

    ``events``: sent on the way, whatever comes after. ``stop``: the search in this classifier ends here. ``verdict``
    (implies ``stop``): it ends with a result, ``outcome``.
    """

    events: tuple[Send, ...] = ()
    stop: Term = FALSE
    verdict: Term = FALSE
    outcome: Outcome | None = None


NEXT: Final = Decision()
"""Nothing happens; the next filter is tried."""
OUT: Final = Decision(stop=TRUE)
"""The classifier gives up: a load failed, or tables are nested too deep."""


def sends(ports: Sequence[int]) -> tuple[Send, ...]:
    """Certain sends to these ports."""
    return tuple((TRUE, b.bv(port, 32)) for port in ports)


def choose(condition: Term, x: Outcome, y: Outcome) -> Outcome:
    """``x`` where the condition holds, else ``y``."""
    if x is y or condition is TRUE:
        return x
    if condition is FALSE:
        return y
    return Outcome(
        _choose_sends(condition, x.sends, y.sends),
        b.ite(condition, x.stack, y.stack),
        b.ite(condition, x.classid, y.classid),
    )


def _choose_sends(condition: Term, x: tuple[Send, ...], y: tuple[Send, ...]) -> tuple[Send, ...]:
    if x == y:
        return x
    return tuple(_choose_send(condition, p, q) for p, q in zip_longest(x, y, fillvalue=_NOTHING))


def _choose_send(condition: Term, x: Send, y: Send) -> Send:
    when = b.ite(condition, x[0], y[0])
    # The port of what is not sent does not matter.
    if x[0] is FALSE or y[0] is FALSE:
        return when, (y if x[0] is FALSE else x)[1]
    return when, b.ite(condition, x[1], y[1])


def under(condition: Term, decision: Decision) -> Decision:
    """The decision where the condition holds; elsewhere the next filter is tried."""
    if condition is TRUE or decision is NEXT:
        return decision
    if condition is FALSE:
        return NEXT
    stop = b.and_(condition, decision.stop)
    verdict = stop if decision.verdict is decision.stop else b.and_(condition, decision.verdict)
    events = tuple((b.and_(condition, when), port) for when, port in decision.events)
    return Decision(events, stop, verdict, decision.outcome)


def either(condition: Term, x: Decision, y: Decision) -> Decision:
    """``x`` where the condition holds, else ``y``."""
    if x is y or condition is TRUE:
        return x
    if condition is FALSE:
        return y
    stop = b.ite(condition, x.stop, y.stop)
    same = x.verdict is x.stop and y.verdict is y.stop
    verdict = stop if same else b.ite(condition, x.verdict, y.verdict)
    return Decision(_choose_sends(condition, x.events, y.events), stop, verdict, _either(condition, x, y))


def _either(condition: Term, x: Decision, y: Decision) -> Outcome | None:
    if x.outcome is None or y.outcome is None:
        return x.outcome or y.outcome
    return choose(condition, x.outcome, y.outcome)


def then(x: Decision, y: Decision) -> Decision:
    """``x``, and where it does not stop, ``y``."""
    if x.stop is FALSE and not x.events:
        return y
    if y is NEXT or x.stop is TRUE:
        return x
    stop = b.or_(x.stop, y.stop)
    if x.verdict is x.stop and y.verdict is y.stop:
        verdict = stop
    else:
        verdict = b.or_(x.verdict, b.and_(b.not_(x.stop), y.verdict))
    later = tuple((b.and_(b.not_(x.stop), when), port) for when, port in y.events)
    return Decision(x.events + later, stop, verdict, _either(x.stop, x, y))


def sequence(decisions: Sequence[Decision]) -> Decision:
    """One after the other."""
    row = list(decisions)
    while len(row) > 1:
        odd = [row[-1]] if len(row) % 2 else []
        row = [then(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)] + odd
    return row[0] if row else NEXT


def instance(decision: Decision) -> Decision:
    """A classifier as its chain sees it: without a result, the next classifier is tried."""
    return Decision(decision.events, decision.verdict, decision.verdict, decision.outcome)


def finish(decision: Decision, otherwise: Outcome) -> Outcome:
    """The outcome of a whole chain; ``otherwise`` where no filter gave a result."""
    result = choose(decision.verdict, decision.outcome or otherwise, otherwise)
    return Outcome(decision.events + result.sends, result.stack, result.classid)
