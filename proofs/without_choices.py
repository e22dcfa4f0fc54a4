"""Obligations in which no choice of the specification occurs: plain validities, as few and as small as they get.

All parts are asked at once, and if that takes long one after the other. Before that, questions of both sides are made
one (:mod:`.sweeping`), and parts that choose among their values alike are asked as one (:mod:`.shapes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..semantics import bits as b
from ..semantics.bits import Term
from .asked_alike import asked_alike
from .backbone import with_backbone
from .by_values import at_each_value, known_by_values
from .compare import Obligation, Part
from .difference import Difference, difference_in
from .engine import Answer, Engine
from .exclusive_ors import with_equal_sums_met
from .narrower_twins import with_twins_met
from .shapes import Shaped, shaped
from .sums import folds_sums
from .sweeping import swept

QUICK_SECONDS = 2.0
"""How long all parts of an obligation are tried at once before they are taken one by one."""

PART_SECONDS = 0.5
"""How long one part is tried before it is asked at each value of a term."""

LEAST_SECONDS = 0.1
"""What a part takes by itself, however simple it is; all at once have as long as they would take one by one."""


class WithoutChoices:
    """Settles such obligations."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._looked_at: dict[int, tuple[Obligation, Shaped]] = {}
        """Obligations that were looked at before they are settled, by their identity."""

    def first_query(self, obligation: Obligation) -> tuple[Term, float | None]:
        """What :meth:`settle` will ask first, as far as that can be told beforehand, with its limit."""
        asked = shaped(obligation)
        if asked is not None:
            self._looked_at[id(obligation)] = obligation, asked
            return asked.shapes.violation, _quickly(asked.shapes, QUICK_SECONDS)
        return obligation.violation, QUICK_SECONDS if len(obligation.parts) > 1 else None

    def settle(
        self,
        obligation: Obligation,
        quick: float | None = None,
        limit: float | None = None,
        each: float | None = None,
    ) -> Difference | str | None:
        """All parts in one query, or if that takes long one after the other, each with the help of those before; sums
        with carries added again by themselves.

        ``quick`` is for all parts at once (None: :data:`QUICK_SECONDS`), ``limit`` for an obligation of one part,
        ``each`` for one part of several.
        """
        quick = QUICK_SECONDS if quick is None else quick
        obligation = known_by_values(swept(with_twins_met(with_equal_sums_met(obligation)), self.unsatisfiable))
        if any(folds_sums(part.differ) for part in obligation.parts):
            obligation = self._plainer(obligation)
        sums = tuple(part for part in obligation.parts if folds_sums(part.differ))
        if sums and len(sums) < len(obligation.parts):
            others = tuple(part for part in obligation.parts if part not in sums)
            found = self._all_or_each(replace(obligation, parts=others), quick, limit, each)
            if isinstance(found, Difference):
                return found
            return self._one_by_one(replace(obligation, parts=sums), each) or found
        return self._all_or_each(obligation, quick, limit, each)

    def _all_or_each(
        self, obligation: Obligation, quick: float, limit: float | None, each: float | None
    ) -> Difference | str | None:
        obligation = self._without_shapes(obligation, quick, each)
        if not obligation.parts:
            return None
        quickly = _quickly(obligation, quick) if len(obligation.parts) > 1 else limit
        answer = self.engine.satisfiable(obligation.violation, obligation.name, quickly)
        if answer.status == "unknown" and len(obligation.parts) > 1:
            answer = self._at_each_value(obligation.violation, obligation.name) or answer
        if answer.status != "unknown":
            return conclude(obligation, answer)
        plainer = self._plainer(obligation)
        if len(obligation.parts) > 1:
            return self._one_by_one(plainer, each)
        if plainer is not obligation:
            answer = self.engine.satisfiable(plainer.violation, obligation.name, limit)
        return conclude(obligation, answer)

    def _plainer(self, obligation: Obligation) -> Obligation:
        """The same with what the context says put into the parts, for those that take long."""
        fixed = with_backbone(obligation, lambda query, s: self.engine.satisfiable(query, "values of a context", s))
        return asked_alike(fixed, self.unsatisfiable)

    def _without_shapes(self, obligation: Obligation, quick: float, each: float | None) -> Obligation:
        """The obligation without parts that hold because both sides choose alike, where that is far less to ask."""
        _, asked = self._looked_at.pop(id(obligation), None) or (None, shaped(obligation))
        if asked is None:
            return obligation
        todo = asked.shapes
        while todo.parts:
            answer = self.engine.satisfiable(todo.violation, todo.name, _quickly(todo, quick))
            if answer.status == "unsat":
                return asked.without(todo.parts)
            if answer.model is None:
                return asked.without([part for part in todo.parts if self._holds(todo, part, each)])
            if answer.model.holds(obligation.violation):
                break
            todo = replace(todo, parts=tuple(part for part in todo.parts if not answer.model.holds(part.differ)))
        return obligation

    def _holds(self, obligation: Obligation, part: Part, seconds: float | None) -> bool:
        query = b.and_(obligation.context, part.differ)
        return self.engine.satisfiable(query, f"{obligation.name}: {part.name}", seconds).status == "unsat"

    def _one_by_one(self, obligation: Obligation, each: float | None) -> Difference | str | None:
        proven: dict[Term, dict[Term, Term]] = {}
        unknown = None
        for part in sorted(obligation.parts, key=lambda p: len(b.postorder([p.differ]))):
            query = b.and_(obligation.context, _with_help(part, proven))
            answer = self._answer(query, f"{obligation.name}: {part.name}", each)
            if answer.status == "sat":
                return conclude(obligation, answer)
            if answer.status == "unknown":
                unknown = unknown or conclude(obligation, answer)
            elif part.pair is not None:
                when, x, y = part.pair
                proven.setdefault(when, {}).setdefault(*((x, y) if y.is_const else (y, x)))
        return unknown

    def _answer(self, query: Term, name: str, seconds: float | None) -> Answer:
        """Of the query, or of it at each value of some term, if the query takes long."""
        longer = seconds is None or seconds > PART_SECONDS
        answer = self.engine.satisfiable(query, name, PART_SECONDS if longer else seconds)
        if answer.status != "unknown":
            return answer
        at_each = self._at_each_value(query, name)
        if at_each is not None:
            return at_each
        return self.engine.satisfiable(query, name, seconds) if longer else answer

    def _at_each_value(self, query: Term, name: str) -> Answer | None:
        if self.engine.out_of_time:
            return None

        def whole(seconds: float) -> Answer:
            return self.engine.satisfiable(query, name, seconds)

        return at_each_value(
            query, lambda here: self.engine.satisfiable(here, name, QUICK_SECONDS), whole, PART_SECONDS
        )

    def unsatisfiable(self, query: Term, seconds: float) -> bool:
        """Whether a question of both sides is seen to have no model within some seconds."""
        return self.engine.refuted(query, "a question asked by both sides", seconds)


def conclude(obligation: Obligation, answer: Answer) -> Difference | str | None:
    """What an answer to an obligation's violation says of it."""
    if answer.status == "unsat":
        return None
    if answer.model is None:
        return f"{obligation.name}: {answer.reason}"
    return difference_in(obligation, answer.model)


def _quickly(obligation: Obligation, quick: float) -> float:
    """How long all parts are tried at once."""
    return max(quick, len(obligation.parts) * LEAST_SECONDS)


def _with_help(part: Part, proven: Mapping[Term, Mapping[Term, Term]]) -> Term:
    """The part's condition, with what was proven equal under the same condition put in."""
    if part.pair is None:
        return part.differ
    when, x, y = part.pair
    return b.and_(when, b.ne(*b.substitute([x, y], proven.get(when, {}))))
