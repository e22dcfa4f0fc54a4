"""One run over the obligations of two behaviours, with choices bound, split and found by counterexample.

Where no choice of the specification occurs in an obligation, that is a plain validity. Where a choice occurs,
it is first instantiated by what the implementation shows at the same place; an obligation that still is not valid goes
through instantiation by counterexample: find an input that defeats all instances tried, ask for values of the choices
that would do on that input, add them, repeat within a bound. If there are none for that input, the two differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour
from .alignment import Candidates, instances
from .by_values import known_by_values
from .choices import IMPL, SOME, map_terms
from .compare import Obligation, Part, facts, obligations, under, unequal
from .engine import Answer, Engine, Model
from .fixing import all_fixed, at_a_cell, cells_of, fix, number, number_of, with_own_cells
from .freeing import freed
from .made_in_order import InOrder
from .options import (
    Instance,
    cells_in,
    every_instance,
    instantiated,
    is_made_for_a_copy,
    is_one_of_many,
    names_a_copy,
    options_of,
)
from .regardless import holding_regardless
from .sampling import case_samples, samples
from .shapes import Shaped, shaped
from .splitting import condition_besides, condition_of, sides
from .sums import folds_sums
from .sweeping import swept
from .verdict import Tally
from .ways import by_ways

QUICK_SECONDS = 2.0
"""How long all parts of an obligation are tried at once before they are taken one by one."""

LONG_SECONDS: Final = 2.0
"""What a search may take before it is asked whether it is needed."""

LEAST_SECONDS: Final = 0.1
"""What a part takes by itself, however simple it is; all at once have as long as they would take one by one."""

MANY_CHOICES: Final = 100
"""Choices of which more are not looked for one by one where no pains are to be taken (``rounds`` is 0)."""

LARGE: Final = 2_000
"""Nodes of a violation from which on choices are made in the other side's order before witnesses are looked for."""

WAYS_SECONDS: Final = 5.0
"""How long each part is tried with choices that are made by the way that the other side goes."""

FEW_ROUNDS: Final = 6
"""Instances that are tried for the choices that are left then."""

SAMPLES: Final = 4
"""Inputs drawn at random for which it is asked whether choices fit."""

ROUNDS = 24
"""How many instances of the specification's choices are tried before a query is left undecided."""

MAX_SPLIT_NODES: Final = 400_000
"""Nodes of all parts into which obligations are taken apart in one search."""


@dataclass(frozen=True)
class Difference:
    """A model of the inputs (and of the implementation's choices) on which an obligation fails."""

    obligation: str
    parts: tuple[str, ...]
    model: Model
    cells: tuple[Mapping[str, int], ...] = ()
    """Cells of the state (``at.NAME``) of which whatever the specification chooses leaves one other than it may be; the
    model has one of them. None if one cell is enough."""


class Search:
    """One run over the obligations, with its counts.

    ``legal`` are the axioms that speak of choices (the table's answer to a key that holds an undefined value). They
    are true whatever is chosen, so they go with every instance of the choices, and no choice may break them.
    """

    def __init__(
        self,
        engine: Engine,
        picks: frozenset[Term],
        legal: Term,
        todo: Sequence[Obligation],
        before: tuple[int, int, int],
        rounds: int = ROUNDS,
        aside: Callable[[], bool] | None = None,
    ) -> None:
        self.rounds = rounds
        self._aside, self._begun = aside, time.monotonic()
        self.engine = engine
        self.picks = picks
        self.legal = legal
        self.total = 0
        self.compared = 0
        self._todo = todo
        self._whole_result: tuple[Difference | str | None] | None = None
        self._before = before
        self._looked_at: dict[int, tuple[Obligation, Shaped]] = {}
        """Obligations that were looked at before they are checked, by their identity."""
        self._split_nodes = 0

    def settled_aside(self) -> bool:
        """Whether something else has settled what the search is for; it is asked when the search takes long."""
        return self._aside is not None and time.monotonic() - self._begun > LONG_SECONDS and self._aside()

    def tally(self) -> Tally:
        now = self.engine.folded, self.engine.solved, self.engine.cached
        folded, solved, cached = (after - before for after, before in zip(now, self._before, strict=True))
        return Tally(self.total, folded, solved, self.compared, cached)

    def first_query(self, obligation: Obligation) -> tuple[Term, float | None] | None:
        """What :meth:`check` will ask first, as far as that can be told beforehand, with its limit."""
        violation = obligation.violation
        if self._picks_in(violation):
            return None
        asked = shaped(obligation)
        if asked is not None:
            self._looked_at[id(obligation)] = obligation, asked
            return asked.shapes.violation, _quickly(asked.shapes, QUICK_SECONDS)
        return violation, QUICK_SECONDS if len(obligation.parts) > 1 else None

    def check(self, obligation: Obligation) -> Difference | str | None:
        """None: it holds; text: why it is not known; a Difference: it fails."""
        self.total += 1
        self.compared += obligation.compared
        if not self._picks_in(obligation.violation):
            return self._without_choices(obligation)
        if self._picks_in(obligation.context):
            # The choices decide which case of the specification applies, so no pair of cases can be settled alone.
            if self._whole_result is None:
                self._whole_result = (self._all_together(),)
            return self._whole_result[0]
        return self._with_choices(obligation)

    def check_quickly(self, obligation: Obligation) -> Difference | str | None:
        """As :meth:`check`, where that does not take long: without choices, in one query.

        Where choices decide which case applies nothing is known of one pair of cases.
        """
        self.total += 1
        self.compared += obligation.compared
        if self._picks_in(obligation.context):
            return f"{obligation.name}: choices decide whether it applies"
        if self._picks_in(obligation.violation):
            return None if self._holds_soon(obligation) else f"{obligation.name}: not seen to hold at once"
        return self._conclude(obligation, self.engine.satisfiable(obligation.violation, obligation.name, QUICK_SECONDS))

    def _all_together(self) -> Difference | str | None:
        """All obligations with choices as one, for each case of the implementation; a difference is that of the
        obligation that fails.

        What the specification chooses may depend on which case of the implementation applies. Obligations without
        choices hold whatever is chosen, or are seen not to hold by themselves.
        """
        open_ = [each for each in self._todo if self._picks_in(each.violation)]
        guards = list(dict.fromkeys(each.theirs for each in open_ if each.theirs is not None))
        unknown = None
        for guard in (*guards, b.not_(b.or_(*guards))):
            about = [each for each in open_ if each.theirs in (None, guard)]
            whole = Obligation("all cases together", b.TRUE, tuple(part for each in about for part in _parts_of(each)))
            side = next(sides(whole, guard))
            found = self._with_choices(side) if self._picks_in(side.violation) else self._without_choices(side)
            if isinstance(found, Difference):
                return self._blamed(about, found)
            unknown = unknown or found
        return unknown

    def _blamed(self, about: Sequence[Obligation], found: Difference) -> Difference:
        """A difference as that of the obligation that fails, the specification choosing so that one of its cases
        applies, where it can: there may be none for what its assumptions forbid it to choose."""
        covered = b.and_(self.legal, *(b.not_(o.violation) for o in about if o.theirs is None))
        fitting = fix(covered, found.model, self.picks)
        answer = self.engine.satisfiable(fitting, "choices with which a case applies", QUICK_SECONDS)
        model = found.model
        if answer.model is not None:
            chosen = {v.name: answer.model.values.get(v.name, 0) for v in b.variables(fitting)}
            model = replace(model, values={**model.values, **chosen})
        failing = next((o for o in about if model.holds(o.violation)), None)
        return found if failing is None else _difference(failing, model, found.cells)

    def by_samples(self, possible: Term, effort: int = 1) -> Difference | None:
        """A difference on one of the inputs that are drawn first; ``effort`` as of :func:`samples`."""
        alike = self._alike()
        violations = b.or_(*(o.violation for o in self._todo))
        for model in islice(samples(self._todo, possible, alike, effort), SAMPLES):
            model = self._with_choices_of(model)
            failing = next((o for o in self._todo if model.holds(o.violation)), None)
            if failing is None or not model.holds(possible):
                continue
            fits = self._fits(violations, model, failing)
            if fits is None:
                return None
            if not fits:
                return _difference(failing, model)
        return None

    def by_case_samples(self, spec: Behaviour, impl: Behaviour) -> Difference | None:
        """The same before obligations are made, where they are many."""
        for drawn, failing in islice(case_samples(spec, impl, self._alike()), SAMPLES):
            model = self._with_choices_of(drawn)
            here = [map_terms(side, partial(all_fixed, model=model, free=self.picks), {}) for side in (spec, impl)]
            fits = self._fits(b.or_(*(o.violation for o in obligations(here[0], here[1]))), model, failing)
            if fits is None:
                return None
            if not fits:
                return _difference(failing, model)
        return None

    def _alike(self) -> Instance:
        return {v: b.var(IMPL + v.name, v.sort) for v in self.picks}

    def _with_choices_of(self, model: Model) -> Model:
        """The model in which the specification chooses as the other side does."""
        same = {v.name: model.values.get(IMPL + v.name, 0) for v in self.picks}
        return replace(model, values={**model.values, **same})

    def _fits(self, violations: Term, model: Model, failing: Obligation) -> bool | None:
        """Whether there are choices that do on the model's input; None if that is not known."""
        if not self._picks_in(violations):
            return not model.holds(violations)
        fitting = fix(b.and_(self.legal, b.not_(violations)), model, self.picks)
        answer = self.engine.satisfiable(fitting, f"{failing.name}: choices for one input", QUICK_SECONDS)
        return None if answer.status == "unknown" else answer.status == "sat"

    def choices_in(self, obligation: Obligation) -> int:
        """How many choices of the specification are in an obligation."""
        return len(self._picks_in(obligation.violation))

    def _picks_in(self, term: Term) -> tuple[Term, ...]:
        return tuple(v for v in b.variables(term) if v in self.picks) if self.picks else ()

    def _without_choices(
        self,
        obligation: Obligation,
        quick: float = QUICK_SECONDS,
        limit: float | None = None,
        each: float | None = None,
    ) -> Difference | str | None:
        """All parts in one query, or if that takes long one after the other, each with the help of those before; sums
        with carries added again by themselves.

        ``limit`` is for an obligation of one part, ``each`` for one part of several.
        """
        obligation = known_by_values(swept(obligation, self._unsatisfiable))
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
        if answer.status != "unknown" or len(obligation.parts) <= 1:
            return self._conclude(obligation, answer)
        return self._one_by_one(obligation, each)

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
            answer = self.engine.satisfiable(query, f"{obligation.name}: {part.name}", each)
            if answer.status == "sat":
                return self._conclude(obligation, answer)
            if answer.status == "unknown":
                unknown = unknown or self._conclude(obligation, answer)
            elif part.pair is not None:
                when, x, y = part.pair
                proven.setdefault(when, {}).setdefault(*((x, y) if y.is_const else (y, x)))
        return unknown

    def _unsatisfiable(self, query: Term, seconds: float) -> bool:
        return self.engine.refuted(query, "a question asked by both sides", seconds)

    def _never(self, query: Term, what: str) -> bool:
        return self.engine.satisfiable(query, what).status == "unsat"

    def _conclude(self, obligation: Obligation, answer: Answer) -> Difference | str | None:
        if answer.status == "unsat":
            return None
        if answer.model is None:
            return f"{obligation.name}: {answer.reason}"
        return _difference(obligation, answer.model)

    def _with_choices(self, obligation: Obligation) -> Difference | str | None:
        """Bind the choices, then go on by counterexample.

        A choice that decides a cell of state must do for *all* cells at once, and the cell is part of the
        counterexample here: so each instance is defeated by a cell of its own (:func:`.with_own_cells`), and a choice
        that fits an input has to fit all cells. Where a choice is shared by all copies of a frame, and the member of
        the group is part of the counterexample, one instance has to do.
        """
        picks = self._picks_in(obligation.violation)
        alike: Instance = {v: b.var(IMPL + v.name, v.sort) for v in picks}
        if b.FALSE in b.substitute([self.legal, obligation.violation], alike):
            return None  # two programs that do the same in the same order
        obligation = holding_regardless(obligation, self.picks, self._never)
        picks = self._picks_in(obligation.violation)
        if self._is_what_is_assumed(obligation, picks):
            return None
        every = every_instance(picks)
        if every is not None and not _shared_by_copies(obligation.violation, picks):
            return self._for_every_value(obligation, picks, every)
        large = _size(obligation.violation) >= LARGE
        alike_too = "unknown" if large else self._alike_too(obligation, picks)
        if alike_too == "unsat" or self._holds_by_ways(obligation, picks):
            return None
        if alike_too == "unknown" and self._holds_in_order(obligation, picks):
            return None
        if not self.rounds and len(picks) > MANY_CHOICES:
            return f"{obligation.name}: {len(picks)} undefined values"
        if self.settled_aside():
            return f"{obligation.name}: settled otherwise"
        return self._freely(obligation)

    def _holds_by_ways(self, obligation: Obligation, picks: Sequence[Term]) -> bool:
        """Whether an obligation is seen to hold with choices that are made by the way that the other side goes, where
        that reads undefined values more often."""
        others = [v for v in b.variables(obligation.violation) if v.name.startswith(IMPL + "any.")]
        if len(others) <= len(picks):
            return False
        pairs = [part.pair[1:] for part in obligation.parts if part.pair is not None]
        made = by_ways(pairs, frozenset(picks))
        if made is None or any(is_one_of_many(term, choice) for choice, term in made.items()):
            return False
        one = instantiated(obligation, made, self.legal)
        return self._without_choices(one, QUICK_SECONDS, WAYS_SECONDS, WAYS_SECONDS) is None

    def _is_what_is_assumed(self, obligation: Obligation, picks: Sequence[Term]) -> bool:
        """Whether an obligation asks for no more than choices that are as they are assumed, which there are."""
        some: Instance = {v: b.var(SOME + v.name, v.sort) for v in picks}
        if obligation.theirs is not None or not set(some.values()).intersection(b.variables(obligation.context)):
            return False
        parts = under([*obligation.parts, Part("legal", b.not_(self.legal))], some)
        return all(part.differ is b.FALSE for part in under(parts, facts(obligation.context)))

    def _for_every_value(
        self, obligation: Obligation, picks: Sequence[Term], every: list[Instance]
    ) -> Difference | str | None:
        """Where choices have few values: there is a difference exactly if none of them fits some input."""
        answer = self._defeating(obligation, obligation.violation, every)
        if answer.model is None:
            return None if answer.status == "unsat" else f"{obligation.name}: {answer.reason}"
        options = {v: list(dict.fromkeys(instance[v] for instance in every)) for v in picks}
        return self._by_counterexample(obligation, obligation.violation, options, every, answer.model)

    def _holds_in_order(self, obligation: Obligation, picks: Sequence[Term]) -> bool:
        """Whether an obligation is seen to hold, part by part, with choices made in the other side's order."""
        made = InOrder(obligation, picks, self.legal, self.engine, self._unsatisfiable)
        return made.holds(self._holds_soon)

    def _alike_too(self, obligation: Obligation, picks: Sequence[Term]) -> str:
        """Whether something defeats an obligation if each choice is made as the other side makes the one of that name
        ("unsat": nothing, "unknown": that takes long to see); one that is of another width there is 0."""
        others = {v.name: v for v in b.variables(obligation.violation)}
        partners = {v: others.get(IMPL + v.name, b.literal(0, v)) for v in picks}
        alike = {v: partner if partner.sort == v.sort else b.literal(0, v) for v, partner in partners.items()}
        query = b.and_(*b.substitute([self.legal, obligation.violation], alike))
        return self.engine.satisfiable(query, "a question asked by both sides", QUICK_SECONDS).status

    def _holds_soon(self, obligation: Obligation) -> bool:
        """Whether an obligation is seen to hold in few rounds of short queries."""
        before = self.rounds, self.engine.timeout
        self.rounds, self.engine.timeout = min(before[0], FEW_ROUNDS), min(before[1], QUICK_SECONDS)
        try:
            return self._freely(obligation) is None
        finally:
            self.rounds, self.engine.timeout = before

    def _freely(self, obligation: Obligation) -> Difference | str | None:
        """With choices carried upwards first, where that takes some away."""
        fewer = freed(obligation, self.legal, self.picks)
        if fewer is None:
            return self._with_instances(obligation)
        before = self.picks, self.legal
        self.picks, self.legal = self.picks | fewer.choices, fewer.legal
        try:
            found = self._with_instances(fewer.obligation)
        finally:
            self.picks, self.legal = before
        return _difference(obligation, found.model, found.cells) if isinstance(found, Difference) else found

    def _with_instances(self, obligation: Obligation) -> Difference | str | None:
        violation = obligation.violation
        picks = self._picks_in(violation)
        if not picks:
            return self._without_choices(obligation)
        woven, options = options_of(obligation, violation, picks)
        tried = instances(options, picks)
        if woven:
            tried.insert(0, {v: woven.get(v, options[v][0]) for v in picks})
        if _shared_by_copies(violation, picks):
            return self._with_one_instance(obligation, violation, options, tried)
        condition = self._condition_of(obligation)
        patience = QUICK_SECONDS if condition is not None else max(QUICK_SECONDS, self.engine.timeout / 3)
        each = None if condition is None else patience
        first = self._without_choices(instantiated(obligation, tried[0], self.legal), patience, patience, each)
        if first is None:
            return None
        if condition is not None:
            return self._in_two(obligation, condition, options, first)
        if isinstance(first, str):
            tried = tried[1:]  # not known to defeat anything, and hard to ask again
            if not tried:
                return first
        answer = self._defeating(obligation, violation, tried)
        if answer.model is None:
            return None if answer.status == "unsat" else f"{obligation.name}: {answer.reason}"
        return self._by_counterexample(obligation, violation, options, tried, answer.model)

    def _defeating(self, obligation: Obligation, violation: Term, tried: list[Instance]) -> Answer:
        """An input on which none of the instances fits."""
        own = [with_own_cells(violation, number) for number in range(len(tried))]
        query = b.and_(*(t for i, v in zip(tried, own, strict=True) for t in b.substitute([self.legal, v], i)))
        return self.engine.satisfiable(query, f"{obligation.name}, {len(tried)} instances of choices")

    def _with_one_instance(
        self, obligation: Obligation, violation: Term, options: Candidates, tried: list[Instance]
    ) -> Difference | str | None:
        """One instance has to fit every cell and copy: several together prove nothing. But where no choice at all fits
        one copy, none fits all of them."""
        model = None
        for instance in tried:
            answer = self._defeating(obligation, violation, [instance])
            if answer.status == "unsat":
                return None
            if answer.model is None:
                return f"{obligation.name}: {answer.reason}"
            model = model or answer.model
        if model is not None:
            fitting = self._choices_for(violation, options, model, obligation.name)
            if isinstance(fitting, list):
                return _difference(obligation, *at_a_cell(violation, model, fitting))
        what = "whether an undefined value that is kept in the state, or shared by copies, fits"
        return f"{obligation.name}: {what} is not decided"

    def _by_counterexample(
        self, obligation: Obligation, violation: Term, options: Candidates, tried: list[Instance], model: Model
    ) -> Difference | str | None:
        """Find an input that defeats every instance of the choices so far; look for one that does on that input."""
        for _ in range(self.rounds):
            fitting = self._choices_for(violation, options, model, obligation.name)
            if isinstance(fitting, str):
                return fitting
            if isinstance(fitting, list):
                return _difference(obligation, *at_a_cell(violation, model, fitting))
            if self._does_alone(obligation, fitting):
                return None
            tried.append(fitting)
            answer = self._defeating(obligation, violation, tried)
            if answer.model is None:
                return None if answer.status == "unsat" else f"{obligation.name}: {answer.reason}"
            model = answer.model
        return f"{obligation.name}: choices not settled after {self.rounds} rounds"

    def _does_alone(self, obligation: Obligation, instance: Instance) -> bool:
        """Whether one instance is soon seen to do on every input: a query about all that were tried holds each of them,
        sums that carry and all."""
        one = instantiated(obligation, instance, self.legal)
        return self._without_choices(one, QUICK_SECONDS, QUICK_SECONDS, QUICK_SECONDS) is None

    def _condition_of(self, obligation: Obligation) -> Term | None:
        """Where to take an obligation apart, as long as that was not done too often."""
        if self._split_nodes >= MAX_SPLIT_NODES:
            return None
        return condition_besides(obligation, self.picks, condition_of(obligation, self.picks))

    def _in_two(
        self, obligation: Obligation, condition: Term, options: Candidates, defeated: Difference | str
    ) -> Difference | str | None:
        """An obligation whose first instance does not do, by a condition; but not where no choice at all does."""
        if isinstance(defeated, Difference):
            fitting = self._choices_for(obligation.violation, options, defeated.model, obligation.name)
            if isinstance(fitting, list):
                return _difference(obligation, *at_a_cell(obligation.violation, defeated.model, fitting))
        todo = [(obligation, condition)]
        while todo:
            for side in sides(*todo.pop()):
                following = self._condition_of(side)
                self._split_nodes += _size(side.violation)
                if not self._picks_in(side.violation):
                    found = self._without_choices(side)
                elif following is not None and not self._folds(side):
                    todo.append((side, following))
                    continue
                else:
                    found = self._with_choices(side)
                if found is not None:
                    return found
        return None

    def _folds(self, obligation: Obligation) -> bool:
        """Whether witnesses for the choices are proof enough."""
        picks = self._picks_in(obligation.violation)
        woven, options = options_of(obligation, obligation.violation, picks)
        instance = {v: woven.get(v, options[v][0]) for v in picks}
        return b.FALSE in b.substitute([self.legal, obligation.violation], instance)

    def _choices_for(
        self, violation: Term, options: Candidates, model: Model, name: str
    ) -> Instance | str | list[Instance]:
        """Choices for which the sides agree on the model's input, in all cells; if there are none, cells of which no
        choice fits all.

        Terms among the options that have fitting values there, if there are such, so that other inputs are served too.
        """
        free, cells = frozenset(options), cells_in(violation)
        legal, differ = fix(self.legal, model, free), fix(violation, model, free.union(cells))
        known = {v: b.evaluate(terms, model.values, model.callables(), default=0) for v, terms in options.items()}
        among = [b.or_(*(b.eq(v, b.literal(number(n), v)) for n in known[v])) for v in options]
        seen = cells_of(model, cells)
        for _ in range(ROUNDS):
            fitting = b.and_(legal, *(b.not_(t) for cell in seen for t in b.substitute([differ], cell)))
            answer = self.engine.satisfiable(b.and_(fitting, *among), f"{name}: choices for one input, among terms")
            if answer.model is None:
                answer = self.engine.satisfiable(fitting, f"{name}: choices for one input")
            if answer.status == "unsat":
                return seen
            if answer.model is None:
                return f"{name}: {answer.reason}"
            values: Instance = {v: b.literal(answer.model.values.get(v.name, 0), v) for v in options}
            elsewhere = (
                self.engine.satisfiable(b.substitute([differ], values)[0], f"{name}: another cell") if cells else None
            )
            if elsewhere is None or elsewhere.status == "unsat":
                return _by_terms(values, options, known)
            if elsewhere.model is None:
                return f"{name}: {elsewhere.reason}"
            seen.append({cell: b.literal(elsewhere.model.values.get(cell.name, 0), cell) for cell in cells})
        return f"{name}: choices for one input not settled after {ROUNDS} cells"


def _shared_by_copies(violation: Term, picks: Sequence[Term]) -> bool:
    """Whether one choice has to do for all copies of a frame, so that no two instances together prove anything."""
    return names_a_copy(violation) and not all(is_made_for_a_copy(pick) for pick in picks)


def _by_terms(values: Instance, options: Candidates, known: Mapping[Term, Sequence[b.Value]]) -> Instance:
    """Each choice's value as the first of its terms that has it there, if there is one."""
    instance = {}
    for v, value in values.items():
        alike = (t for t, n in zip(options[v], known[v], strict=True) if number(n) == number_of(value))
        instance[v] = next(alike, value)
    return instance


def _parts_of(obligation: Obligation) -> Iterator[Part]:
    """The parts of an obligation, each with its context in it."""
    for part in obligation.parts:
        if part.pair is None:
            yield Part(part.name, b.and_(obligation.context, part.differ))
        else:
            when, x, y = part.pair
            yield unequal(part.name, x, y, b.and_(obligation.context, when))


def _quickly(obligation: Obligation, quick: float) -> float:
    """How long all parts are tried at once."""
    return max(quick, len(obligation.parts) * LEAST_SECONDS)


def _size(term: Term) -> int:
    return len(b.postorder([term]))


def _with_help(part: Part, proven: Mapping[Term, Mapping[Term, Term]]) -> Term:
    """The part's condition, with what was proven equal under the same condition put in."""
    if part.pair is None:
        return part.differ
    when, x, y = part.pair
    return b.and_(when, b.ne(*b.substitute([x, y], proven.get(when, {}))))


def _difference(obligation: Obligation, model: Model, cells: tuple[Mapping[str, int], ...] = ()) -> Difference:
    failing = tuple(p.name for p in obligation.parts if model.holds(p.differ))
    return Difference(obligation.name, failing, model, cells)
