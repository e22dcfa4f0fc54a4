"""Obligations in which choices of the specification occur: for every input there have to be choices that do.

Before instances of the choices are taken, what takes no more than a look is tried: that the obligation holds with
choices made as the other side makes them, by the way that it goes, or in its order. An obligation that is not seen to
hold so goes through instantiation by counterexample: find an input that defeats all instances tried, ask for values of
the choices that would do on that input, add them, repeat within a bound. If there are none for that input, the two
differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import is_choice_of_a_copy
from .alignment import Candidates, instances
from .answers import OUT_OF_TIME
from .choices import IMPL, SOME, choices_beside, partner
from .compare import Obligation, Part, under
from .decided_decisions import decided, with_decisions_made
from .difference import Difference, difference_in
from .engine import Answer, Engine, Model
from .exclusive_ors import with_equal_sums_met
from .fixing import at_a_cell, cells_of, fix, number, number_of, with_own_cells
from .freeing import freed
from .known import facts
from .made_in_order import InOrder
from .options import (
    Instance,
    cells_in,
    every_instance,
    instantiated,
    is_one_of_many,
    names_a_copy,
    options_of,
    telling_instances,
)
from .regardless import holding_regardless, may_hold_regardless
from .splitting import condition_besides, condition_of, sides
from .sweeping import swept
from .ways import by_ways
from .without_choices import QUICK_SECONDS, WithoutChoices
from .written_out import with_indices_back

MANY_CHOICES: Final = 100
"""Choices of which more are not looked for one by one where no pains are to be taken (``rounds`` is 0)."""

LARGE: Final = 2_000
"""Nodes of a violation from which on choices are made in the other side's order before witnesses are looked for."""

ZEROS_SECONDS: Final = 5.0
"""How long each part is tried with zeros for all choices."""

WAYS_SECONDS: Final = 5.0
"""How long each part is tried with choices that are made by the way that the other side goes."""

TELLING_SECONDS: Final = 20.0
"""How long all values of choices that tell are tried together."""

DEFEATED_SECONDS: Final = 10.0
"""How long an input is looked for that defeats a few choices, once choices in order are seen not to do."""

AT_ONCE_SECONDS: Final = 0.5
"""How long it is asked of a part whether it holds whatever is chosen, before its context's decisions are made ..."""
REGARDLESS_SECONDS: Final = 4.0
"""... and afterwards."""

NOT_SEEN: Final = "it is not seen in this way"

FEW_FAILING: Final = 8
"""Parts that fail with choices in order and are looked at one by one, if there are no more, and ..."""
OF_ALL: Final = 4
"""... all parts are so many times as many: of few it takes as long as all at once."""

FEW_ROUNDS: Final = 6
"""Instances that are tried for the choices that are left then."""

FEW_OTHERS: Final = 3
"""Instances that are tried alone before an obligation is taken apart."""

MOST_ORDERED: Final = 24
"""Choices of which it is asked one by one which is the first term that fits an input."""

ROUNDS = 24
"""How many instances of the specification's choices are tried before a query is left undecided."""

MAX_SPLIT_NODES: Final = 400_000
"""Nodes of all parts into which obligations are taken apart in one search."""


class WithChoices:
    """Settles such obligations.

    Args:
        plain: settles those that are left when choices are bound.
        picks: the specification's choices.
        legal: the axioms that speak of them.
        rounds: inputs that defeat all choices so far, for each of which others are looked for.
        settled: whether something else has settled what the search is for (as early as it may be asked, or not).
        likely: what is tried first for some of them (:attr:`..semantics.meaning.behaviour.Choice.likely`).
    """

    def __init__(
        self,
        plain: WithoutChoices,
        picks: frozenset[Term],
        legal: Term,
        rounds: int,
        settled: Callable[[bool], bool],
        likely: Mapping[Term, Term],
    ) -> None:
        self.engine: Engine = plain.engine
        self._plain, self._settled, self._likely = plain, settled, likely
        self.picks, self.legal, self.rounds = picks, legal, rounds
        self._split_nodes = 0

    def picks_in(self, term: Term) -> tuple[Term, ...]:
        """The choices that occur in a term."""
        return tuple(v for v in b.variables(term) if v in self.picks) if self.picks else ()

    def first(self, obligation: Obligation) -> Difference | str | None:
        """The same, of an obligation that was not taken apart yet."""
        if may_hold_regardless(obligation, self.picks) and not self._asks_the_same(obligation):
            slow: list[str] = []
            left = holding_regardless(obligation, self.picks, partial(self._never_at_once, slow))
            if slow and self._settled(True):
                return f"{obligation.name}: settled otherwise"
            obligation = with_decisions_made(left, partial(decided, self.engine)) if slow else left
        return self.settle(obligation)

    def settle(self, obligation: Obligation) -> Difference | str | None:
        """Bind the choices, then go on by counterexample.

        A choice that decides a cell of state must do for *all* cells at once, and the cell is part of the
        counterexample here: so each instance is defeated by a cell of its own (:func:`.with_own_cells`), and a choice
        that fits an input has to fit all cells. Where a choice is shared by all copies of a frame, and the member of
        the group is part of the counterexample, one instance has to do.
        """
        if self._asks_the_same(obligation):
            return None
        models: list[Model] = []
        left = holding_regardless(obligation, self.picks, partial(self._never_soon, models))
        shown = self._on_input(left, models[0]) if models else None
        if shown is not None:
            return shown
        obligation = with_equal_sums_met(with_indices_back(left))
        picks = self.picks_in(obligation.violation)
        if self._is_what_is_assumed(obligation, picks) or self._holds_as_likely(obligation, picks):
            return None
        every = every_instance(picks)
        if every is not None and not _shared_by_copies(obligation.violation, picks):
            return self._for_every_value(obligation, picks, every)
        found = self._by_telling_values(obligation, picks)
        if found is not NOT_SEEN:
            return found
        large = b.size([obligation.violation], LARGE) >= LARGE
        if large:  # what both sides ask for without choosing is one thing in the terms that choices are made of
            obligation = swept(obligation, self._plain.unsatisfiable)
            picks = self.picks_in(obligation.violation)
        alike_too = "unknown" if large else self._alike_too(obligation, picks)
        if alike_too == "unsat" or self._holds_by_ways(obligation, picks):
            return None
        if alike_too == "unknown":
            found = self._made_in_order(obligation, picks)
            if found is not NOT_SEEN:
                return found
        if not self.rounds and len(picks) > MANY_CHOICES:
            return f"{obligation.name}: {len(picks)} undefined values"
        if self._settled(False):
            return f"{obligation.name}: settled otherwise"
        return self._freely(obligation)

    def _asks_the_same(self, obligation: Obligation) -> bool:
        """Whether both sides are seen, without a query, to do the same in the same order."""
        alike: Instance = {v: partner(v) for v in self.picks_in(obligation.violation)}
        return b.FALSE in b.substitute([self.legal, obligation.violation], alike)

    def _holds_as_likely(self, obligation: Obligation, picks: Sequence[Term]) -> bool:
        """Whether an obligation is seen to hold with what somebody has guessed for its choices."""
        made = {v: self._likely[v] for v in picks if v in self._likely}
        if len(made) < len(picks) or any(is_one_of_many(term, choice) for choice, term in made.items()):
            return False
        patience = max(QUICK_SECONDS, self.engine.timeout / 3)
        return self._plain.settle(instantiated(obligation, made, self.legal), patience, patience) is None

    def _holds_with_zeros(self, obligation: Obligation, picks: Sequence[Term]) -> bool:
        """Whether an obligation is soon seen to hold with zeros for its choices, where the other side has none: what a
        machine has for an undefined value is often what it began with."""
        if not picks or choices_beside(obligation.violation):
            return False
        one = instantiated(obligation, _as_the_other_side(obligation.violation, picks), self.legal)
        return self._plain.settle(one, QUICK_SECONDS, ZEROS_SECONDS, ZEROS_SECONDS) is None

    def _late(self) -> bool:
        return self.engine.out_of_time

    def _never_at_once(self, slow: list[str], query: Term, what: str) -> bool:
        """Whether a query is seen at once to have no model; if it is not known, it is among what is ``slow``."""
        status = self.engine.satisfiable(query, what, AT_ONCE_SECONDS).status
        slow += [what] if status == "unknown" else []
        return status == "unsat"

    def _never_soon(self, models: list[Model], query: Term, what: str) -> bool:
        """Whether it is seen to have none while that leaves time for other ways to see what it is about; one that it
        has is put among ``models``."""
        answer = self.engine.satisfiable(query, what, REGARDLESS_SECONDS)
        models += [answer.model] if answer.model is not None else []
        return answer.status == "unsat"

    def _holds_by_ways(self, obligation: Obligation, picks: Sequence[Term]) -> bool:
        """Whether an obligation is seen to hold with choices that are made by the way that the other side goes, where
        that reads undefined values more often."""
        others = choices_beside(obligation.violation)
        if len(others) <= len(picks):
            return False
        pairs = [part.pair[1:] for part in obligation.parts if part.pair is not None]
        made = by_ways(pairs, frozenset(picks))
        if made is None or any(is_one_of_many(term, choice) for choice, term in made.items()):
            return False
        one = instantiated(obligation, made, self.legal)
        return self._plain.settle(one, QUICK_SECONDS, WAYS_SECONDS, WAYS_SECONDS) is None

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
        return self._of_values(obligation, picks, every, answer)

    def _by_telling_values(self, obligation: Obligation, picks: Sequence[Term]) -> Difference | str | None:
        """What comes of zeros, and of the values of the choices that stand for all others, if they are few;
        :data:`NOT_SEEN` if they are not, or if that takes long."""
        if self._holds_with_zeros(obligation, picks):
            return None
        few = telling_instances(obligation.violation, picks)
        if few is None or _shared_by_copies(obligation.violation, picks):
            return NOT_SEEN
        answer = self._defeating(obligation, obligation.violation, few, min(TELLING_SECONDS, self.engine.timeout / 3))
        return NOT_SEEN if answer.status == "unknown" else self._of_values(obligation, picks, few, answer)

    def _of_values(
        self, obligation: Obligation, picks: Sequence[Term], values: list[Instance], answer: Answer
    ) -> Difference | str | None:
        """What an input on which none of these values fits (``answer``) comes to, where they stand for all others."""
        if answer.model is None:
            return None if answer.status == "unsat" else f"{obligation.name}: {answer.reason}"
        options = {v: list(dict.fromkeys(instance[v] for instance in values)) for v in picks}
        return self._by_counterexample(obligation, obligation.violation, options, values, answer.model)

    def _in_order(self, obligation: Obligation, picks: Sequence[Term]) -> InOrder:
        """An obligation, to be seen to hold, part by part, with choices made in the other side's order."""
        return InOrder(
            obligation, picks, self.legal, self.engine, self._plain.unsatisfiable, partial(self._settled, True),
            partial(self._shown_by, obligation, picks),
        )  # fmt: skip

    def _made_in_order(self, obligation: Obligation, picks: Sequence[Term]) -> Difference | str | None:
        """What comes of choices made in that order; :data:`NOT_SEEN` if nothing does."""
        if self._settled(True):
            return f"{obligation.name}: settled otherwise"
        made = self._in_order(obligation, picks)
        if made.holds(self.holds_soon):
            return None
        return made.difference or self._in_one_part(obligation, made.failing) or NOT_SEEN

    def _in_one_part(self, obligation: Obligation, failing: Sequence[Part]) -> Difference | None:
        """A difference in one of the parts that are not seen to hold with choices in order, if there are few: where no
        choice fits one part, none fits all of them."""
        few = len(failing) <= min(FEW_FAILING, len(obligation.parts) // OF_ALL)
        for part in failing if few else ():
            found = self._soon(replace(obligation, parts=(part,)))
            if isinstance(found, Difference):
                return difference_in(obligation, found.model, found.cells)
        return None

    def _defeated(self, obligation: Obligation, picks: Sequence[Term]) -> Difference | None:
        """A difference on an input that defeats choices which all are zeros, all ones, or the other side's, if no other
        choice does on it either. (Most differences have nothing to do with what is undefined.)"""
        violation = obligation.violation
        if cells_in(violation) or _shared_by_copies(violation, picks):
            return None
        tried: list[Instance] = [{v: b.literal(number, v) for v in picks} for number in (0, -1)]
        tried.append(_as_the_other_side(violation, picks))
        answer = self._defeating(obligation, violation, tried, min(DEFEATED_SECONDS, self.engine.timeout / 4))
        if answer.model is None:
            return None
        return self._on_input(obligation, answer.model)

    def _shown_by(self, obligation: Obligation, picks: Sequence[Term], model: Model) -> Difference | None:
        """The difference that a model shows on which choices in order do not do: on its input, or on one looked for."""
        return self._on_input(obligation, model) or self._defeated(obligation, picks)

    def _on_input(self, obligation: Obligation, model: Model) -> Difference | None:
        """The difference on a model's input (and cell, and member of a group), if no choice does there."""
        legal = fix(self.legal, model, self.picks)
        if legal is not b.TRUE and self.engine.satisfiable(legal, obligation.name, QUICK_SECONDS).status != "sat":
            return None  # no rules answer as the model says
        fits = self.fits(obligation.violation, model, obligation.name)
        return difference_in(obligation, model) if fits is False else None

    def fits(self, violation: Term, model: Model, name: str) -> bool | None:
        """Whether there are choices that do on a model's input; None if that is not known."""
        fitting = fix(b.and_(self.legal, b.not_(violation)), model, self.picks)
        status = self.engine.satisfiable(fitting, f"{name}: choices for one input", QUICK_SECONDS).status
        return None if status == "unknown" else status == "sat"

    def _alike_too(self, obligation: Obligation, picks: Sequence[Term]) -> str:
        """Whether something defeats an obligation if each choice is made as the other side makes the one of that name
        ("unsat": nothing, "unknown": that takes long to see); one that is of another width there is 0."""
        alike = _as_the_other_side(obligation.violation, picks)
        query = b.and_(*b.substitute([self.legal, obligation.violation], alike))
        return self.engine.satisfiable(query, "a question asked by both sides", QUICK_SECONDS).status

    def holds_soon(self, obligation: Obligation) -> bool:
        """Whether an obligation is seen to hold in few rounds of short queries."""
        return self._soon(obligation) is None

    def _soon(self, obligation: Obligation) -> Difference | str | None:
        """What an obligation comes to in few rounds of short queries."""
        before = self.rounds, self.engine.timeout
        self.rounds = min(before[0], FEW_ROUNDS)
        self.engine.timeout = min(before[1], self.engine.patience(QUICK_SECONDS))
        try:
            return self._freely(obligation)
        finally:
            self.rounds, self.engine.timeout = before

    def _freely(self, obligation: Obligation) -> Difference | str | None:
        """With choices carried upwards first, where that takes some away."""
        if self._late():
            return f"{obligation.name}: {OUT_OF_TIME}"
        fewer = freed(obligation, self.legal, self.picks)
        if fewer is None:
            return self._with_instances(obligation)
        before = self.picks, self.legal
        self.picks, self.legal = self.picks | fewer.choices, fewer.legal
        try:
            found = self._with_instances(fewer.obligation)
        finally:
            self.picks, self.legal = before
        return difference_in(obligation, found.model, found.cells) if isinstance(found, Difference) else found

    def _with_instances(self, obligation: Obligation) -> Difference | str | None:
        violation = obligation.violation
        picks = self.picks_in(violation)
        if not picks:
            return self._plain.settle(obligation)
        woven, options = options_of(obligation, violation, picks, self._late)
        tried = instances(options, picks)
        if woven:
            tried.insert(0, {v: woven.get(v, options[v][0]) for v in picks})
        if _shared_by_copies(violation, picks):
            return self._with_one_instance(obligation, violation, options, tried)
        condition = self._condition_of(obligation)
        patience = QUICK_SECONDS if condition is not None else max(QUICK_SECONDS, self.engine.timeout / 3)
        each = None if condition is None else patience
        first = self._plain.settle(instantiated(obligation, tried[0], self.legal), patience, patience, each)
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

    def _defeating(
        self, obligation: Obligation, violation: Term, tried: list[Instance], seconds: float | None = None
    ) -> Answer:
        """An input on which none of the instances fits, if that is found in time."""
        own = [with_own_cells(violation, number) for number in range(len(tried))]
        query = b.and_(*(t for i, v in zip(tried, own, strict=True) for t in b.substitute([self.legal, v], i)))
        return self.engine.satisfiable(query, f"{obligation.name}, {len(tried)} instances of choices", seconds)

    def _with_one_instance(
        self, obligation: Obligation, violation: Term, options: Candidates, tried: list[Instance]
    ) -> Difference | str | None:
        """One instance has to fit every cell and copy: several together prove nothing. But where no choice at all fits
        one copy, none fits all of them."""
        for instance in tried:
            answer = self._defeating(obligation, violation, [instance])
            if answer.status == "unsat":
                return None
            if answer.model is None:
                return f"{obligation.name}: {answer.reason}"
        answer = self._defeating(obligation, violation, tried)
        if answer.model is None:
            return _not_decided(obligation)
        return self._by_counterexample(obligation, violation, options, tried, answer.model)

    def _by_counterexample(
        self, obligation: Obligation, violation: Term, options: Candidates, tried: list[Instance], model: Model
    ) -> Difference | str | None:
        """Find an input that defeats every instance of the choices so far; look for one that does on that input."""
        for _ in range(self.rounds):
            fitting = self._choices_for(violation, options, model, obligation.name)
            if isinstance(fitting, str):
                return fitting
            if isinstance(fitting, list):
                return difference_in(obligation, *at_a_cell(violation, model, fitting))
            if self._does_alone(obligation, fitting):
                return None
            tried.append(fitting)
            answer = self._defeating(obligation, violation, tried)
            if answer.status == "unsat":
                return _not_decided(obligation) if _shared_by_copies(violation, tuple(options)) else None
            if answer.model is None:
                return f"{obligation.name}: {answer.reason}"
            model = answer.model
        return f"{obligation.name}: choices not settled after {self.rounds} rounds"

    def _does_alone(self, obligation: Obligation, instance: Instance) -> bool:
        """Whether one instance is soon seen to do on every input: a query about all that were tried holds each of them,
        sums that carry and all."""
        return self._alone(obligation, instance) is None

    def _alone(self, obligation: Obligation, instance: Instance) -> Difference | str | None:
        """What an obligation with one instance soon comes to."""
        one = instantiated(obligation, instance, self.legal)
        return self._plain.settle(one, QUICK_SECONDS, QUICK_SECONDS, QUICK_SECONDS)

    def _condition_of(self, obligation: Obligation) -> Term | None:
        """Where to take an obligation apart, as long as that was not done too often."""
        if self._split_nodes >= MAX_SPLIT_NODES:
            return None
        return condition_besides(obligation, self.picks, condition_of(obligation, self.picks))

    def _in_two(
        self, obligation: Obligation, condition: Term, options: Candidates, defeated: Difference | str
    ) -> Difference | str | None:
        """An obligation whose first instance does not do, by a condition; but not where no choice at all does."""
        found: Difference | str | None = defeated
        for _ in range(FEW_OTHERS):
            if not isinstance(found, Difference):
                break
            fitting = self._choices_for(obligation.violation, options, found.model, obligation.name, likelier=True)
            if isinstance(fitting, list):
                return difference_in(obligation, *at_a_cell(obligation.violation, found.model, fitting))
            if isinstance(fitting, str):
                break
            found = self._alone(obligation, fitting)
            if found is None:
                return None
        todo = [(obligation, condition)]
        while todo:
            if self._late():
                return f"{obligation.name}: {OUT_OF_TIME}"
            for side in sides(*todo.pop()):
                following = self._condition_of(side)
                self._split_nodes += b.size([side.violation])
                if not self.picks_in(side.violation):
                    found = self._plain.settle(side)
                elif following is not None and not self._folds(side):
                    todo.append((side, following))
                    continue
                else:
                    found = self.settle(side)
                if found is not None:
                    return found
        return None

    def _folds(self, obligation: Obligation) -> bool:
        """Whether witnesses for the choices are proof enough."""
        picks = self.picks_in(obligation.violation)
        woven, options = options_of(obligation, obligation.violation, picks, self._late)
        instance = {v: woven.get(v, options[v][0]) for v in picks}
        return b.FALSE in b.substitute([self.legal, obligation.violation], instance)

    def _choices_for(
        self, violation: Term, options: Candidates, model: Model, name: str, *, likelier: bool = False
    ) -> Instance | str | list[Instance]:
        """Choices for which the sides agree on the model's input, in all cells; if there are none, cells of which no
        choice fits all.

        Terms among the options that have fitting values there, if there are such, so that other inputs are served too;
        the first ones, if they are to be the ``likelier`` ones.
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
            if likelier:
                values = self._likelier(fitting, known, values, name)
            elsewhere = (
                self.engine.satisfiable(b.substitute([differ], values)[0], f"{name}: another cell") if cells else None
            )
            if elsewhere is None or elsewhere.status == "unsat":
                return _by_terms(values, options, known)
            if elsewhere.model is None:
                return f"{name}: {elsewhere.reason}"
            seen.append({cell: b.literal(elsewhere.model.values.get(cell.name, 0), cell) for cell in cells})
        return f"{name}: choices for one input not settled after {ROUNDS} cells"

    def _likelier(self, fitting: Term, known: Mapping[Term, Sequence[b.Value]], fit: Instance, name: str) -> Instance:
        """Values of all choices that are as fit as some: those of each choice's first term that can be. What a solver
        happens to choose on one input says nothing of others; the order of the terms does."""
        values = dict(fit)
        if len(known) > MOST_ORDERED:
            return values
        for v in known:
            for found in dict.fromkeys(map(number, known[v])):
                one = b.literal(found, v)
                if one is values[v]:
                    break
                there = b.substitute([fitting], {v: one})[0]
                answer = self.engine.satisfiable(there, f"{name}: the first term that fits", QUICK_SECONDS)
                if answer.model is not None:
                    values |= {w: b.literal(answer.model.values.get(w.name, 0), w) for w in b.variables(there)}
                    values[v] = one
                    break
            fitting = b.substitute([fitting], {v: values[v]})[0]
        return values


def _as_the_other_side(violation: Term, picks: Sequence[Term]) -> Instance:
    """Each choice as the other side makes the one of that name; 0 where there is none, or one of another width."""
    others = {v.name: v for v in b.variables(violation)}
    partners = {v: others.get(IMPL + v.name, b.literal(0, v)) for v in picks}
    return {v: partner if partner.sort == v.sort else b.literal(0, v) for v, partner in partners.items()}


def _shared_by_copies(violation: Term, picks: Sequence[Term]) -> bool:
    """Whether one choice has to do for all copies of a frame, so that no two instances together prove anything."""
    return names_a_copy(violation) and not all(is_choice_of_a_copy(pick) for pick in picks)


def _not_decided(obligation: Obligation) -> str:
    """What is said where no copy alone shows a difference, and no choice is seen to do for all of them."""
    what = "whether an undefined value that is kept in the state, or shared by copies, fits"
    return f"{obligation.name}: {what} is not decided"


def _by_terms(values: Instance, options: Candidates, known: Mapping[Term, Sequence[b.Value]]) -> Instance:
    """Each choice's value as the first of its terms that has it there, if there is one."""
    instance = {}
    for v, value in values.items():
        alike = (t for t, n in zip(options[v], known[v], strict=True) if number(n) == number_of(value))
        instance[v] = next(alike, value)
    return instance
