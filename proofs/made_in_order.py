"""An obligation of a large program with choices made in the other side's order (:mod:`.ordering`), part by part.

Parts are tried shortly one by one. If many take long, decisions that decide nothing are taken away (:mod:`.merging`),
and what still takes long is asked together, with all the time there is: such parts mostly hang on the same conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from . import as_needed
from .answers import Answer
from .choices import choices_beside
from .compare import Obligation, Part
from .decided_decisions import decided, with_decisions_made
from .difference import Difference
from .engine import Engine, Model
from .merging import merged
from .options import instantiated, is_one_of_many
from .ordering import by_parts, in_order, numbered, only_in
from .summands import with_summands_met
from .sweeping import swept
from .witnesses import witnesses

QUICK_SECONDS: Final = 2.0
"""How long each part is tried at first."""

MOST_SLOW: Final = 3
"""Parts that may take longer than that; and pairs of conditions that may take longer than they should."""

FEW_SLOW: Final = 1
"""Parts with merged decisions that may take longer than that before all the rest are asked together."""

MERGING_SECONDS: Final = 1.0
"""How long it may take to say whether two conditions exclude each other."""


@dataclass
class InOrder:
    """An obligation with its choices, and where queries go.

    Args:
        obligation: of which something depends on ``choices``.
        choices: of the specification.
        legal: what holds of them, whatever they are.
        engine: where queries go.
        unsatisfiable: as of :func:`.sweeping.swept`.
        settled: whether nobody needs to know any more.
        shown_by: a difference that a model leads to on which choices in order do not do, if one is found soon; asked
            once.
    """

    obligation: Obligation
    choices: Sequence[Term]
    legal: Term
    engine: Engine
    unsatisfiable: Callable[[Term, float], bool]
    settled: Callable[[], bool]
    shown_by: Callable[[Model], Difference | None] = lambda model: None
    failing: tuple[Part, ...] = field(default=(), init=False)
    """The obligation's parts that were not seen to hold with the choices in order, once that was asked of each."""
    difference: Difference | None = field(default=None, init=False)
    """One that was met on the way: then nothing more is asked."""
    asked_for: bool = field(default=False, init=False)
    """Whether it was asked whether there is one."""

    def holds(self, soon: Callable[[Obligation], bool]) -> bool:
        """Whether choices do that are made in the other side's order or for the same parts, but for those on which
        nothing else depends.

        All parts have to hold with the same choices. So a choice may be made in another way, for the parts that do not
        hold as it is made in order, only if it occurs in no other part. ``soon`` says of what is left then whether it
        is seen to hold.
        """
        never = partial(decided, self.engine)
        obligation = self.obligation = with_decisions_made(self.obligation, never)
        others = choices_beside(obligation.violation)
        made, tried = self._first(others)
        tried, places = numbered(tried)
        tried = with_summands_met(self._swept(tried), partial(never, b.conjuncts(obligation.context)))
        left = self._left(tried)
        if self.difference is not None:
            return False
        if left is None and not self.settled():
            left = self._left_when_merged(tried)
        if not left:
            return left is not None
        at = {places[part.name] for part in left}
        failing = self.failing = tuple(part for i, part in enumerate(obligation.parts) if i in at)
        proven = [part.differ for i, part in enumerate(obligation.parts) if i not in at]
        elsewhere = [*proven, obligation.context, self.legal]
        free = only_in([part.differ for part in failing], elsewhere, frozenset(self.choices))
        if not free:
            return self._holds_as_failing(failing, made)
        if len(free) == len(self.choices):
            return False
        settled = {v: term for v, term in made.items() if v not in free}
        rest = instantiated(replace(obligation, parts=failing), settled, self.legal)
        return soon(self._swept(rest))

    def _holds_as_failing(self, failing: Sequence[Part], made: Mapping[Term, Term]) -> bool:
        """Whether choices do, for all parts, that are made as the parts want them that do not hold as it is."""
        pairs = [part.pair[1:] for part in failing if part.pair is not None]
        wanted = witnesses(pairs, frozenset(self.choices), self.settled)
        other = {v: t for v, t in wanted.items() if t is not made[v] and not is_one_of_many(t, v)}
        if not other:
            return False
        tried, _ = numbered(instantiated(self.obligation, {**made, **other}, self.legal))
        return self._left(self._swept(tried)) == []

    def _first(self, others: Sequence[Term]) -> tuple[dict[Term, Term], Obligation]:
        """Choices made in order or by parts, whichever leaves less to ask; with the obligation that they leave."""
        ways = in_order(self.choices, others), by_parts(self.obligation.parts, self.choices, others)
        tried = [(made, instantiated(self.obligation, made, self.legal)) for made in ways]
        return min(tried, key=lambda way: sum(part.differ is not b.FALSE for part in way[1].parts))

    def _swept(self, obligation: Obligation) -> Obligation:
        return swept(obligation, self.unsatisfiable)

    def _left(self, obligation: Obligation) -> list[Part] | None:
        """The parts that are not soon seen to hold; None if many take long. Large ones first: these mostly do."""
        left, slow = [], 0
        for part in reversed(_by_size(obligation.parts)):
            query = b.and_(obligation.context, part.differ)
            answer = self.engine.satisfiable(query, self._about(part), QUICK_SECONDS, plain=False)
            status = answer.status
            if status != "unsat":
                left.append(part)
            if answer.model is not None and not self.asked_for:
                self.asked_for, self.difference = True, self.shown_by(answer.model)
            slow += status == "unknown"
            if self.difference is not None or slow > MOST_SLOW or (status != "unsat" and self.settled()):
                return None
        return left

    def _left_when_merged(self, tried: Obligation) -> list[Part] | None:
        """The parts that do not hold, where decisions that decide nothing are taken away; None if that is not known."""
        context = b.conjuncts(tried.context)

        def asked(query: Term, what: str, seconds: float | None) -> Answer:
            return as_needed.satisfiable(self.engine, query, context, what, seconds, plain=False)

        not_known = 0

        def impossible(condition: Term) -> bool:
            nonlocal not_known
            if not_known > MOST_SLOW:
                return False
            status = asked(condition, "two conditions of one way", MERGING_SECONDS).status
            not_known += status == "unknown"
            return status == "unsat"

        left: list[Part] = []
        slow: list[Part] = []
        kept = merged(tried, impossible, lambda: self.engine.out_of_time)
        for part in _by_size(self._swept(kept).parts):
            many = len(slow) > FEW_SLOW
            status = "unknown" if many else asked(part.differ, self._about(part), QUICK_SECONDS).status
            if status != "unsat":
                (slow if status == "unknown" else left).append(part)
        while slow:
            if self.settled():
                return None
            together = asked(b.or_(*(p.differ for p in slow)), f"{self.obligation.name}: what takes long", None)
            if together.model is None:
                return left if together.status == "unsat" else None
            failing = [part for part in slow if together.model.holds(part.differ)]
            left += failing
            slow = [part for part in slow if part not in failing]
        return left

    def _about(self, part: Part) -> str:
        return f"{self.obligation.name}: {part.name}, choices in order"


def _by_size(parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: len(b.postorder([part.differ])))
