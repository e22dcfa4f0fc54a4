"""One run over the obligations of two behaviours: which of them hold, and the first that fails.

Where no choice of the specification occurs in an obligation, that is a plain validity (:mod:`.without_choices`). Where
a choice occurs, it is instantiated by what the implementation shows at the same place, and by counterexample
(:mod:`.with_choices`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour, all_terms
from ..semantics.meaning.cells_before import with_all_cells
from .choices import IMPL, choices_of, map_terms, partner
from .compare import Obligation, Part, inputs_read, obligations, unequal
from .difference import Difference, difference_in
from .engine import Engine, Model
from .fixing import all_fixed, fix
from .made_by_rules import made_by_rules
from .options import Instance
from .sampling import case_samples, samples
from .splitting import sides
from .verdict import Tally
from .with_choices import ROUNDS, WithChoices
from .without_choices import QUICK_SECONDS, WithoutChoices, conclude

LONG_SECONDS: Final = 2.0
"""What a search may take before it is asked whether it is needed, and ..."""

EARLY_SECONDS: Final = 4.0
"""... before that is asked while it is still being seen whether something holds without looking for choices."""

Real = Callable[[Sequence[Term]], Sequence[Term]]
"""What is true of the functions in terms wherever they are made of rules (:attr:`.targets.base.Relation.real`)."""

Aside = Callable[[bool], bool]
"""Whether something else has settled what a search is for; asked early, it may take a short look first."""

SAMPLES: Final = 4
"""Inputs drawn at random for which it is asked whether choices fit."""


class Search:
    """One run over the obligations, with its counts.

    ``legal`` are the axioms that speak of choices (the table's answer to a key that holds an undefined value). They
    are true whatever is chosen, so they go with every instance of the choices, and no choice may break them. ``real``
    says what is true of the functions in terms wherever they are made of rules; nothing is proven by it.
    """

    def __init__(
        self,
        engine: Engine,
        picks: frozenset[Term],
        legal: Term,
        todo: Sequence[Obligation],
        before: tuple[int, int, int],
        rounds: int = ROUNDS,
        aside: Aside | None = None,
        likely: Mapping[Term, Term] = MappingProxyType({}),
        real: Real = lambda terms: (),
    ) -> None:
        self._real = real
        self._aside, self._begun = aside, time.monotonic()
        self.engine = engine
        self.picks = picks
        self.legal = legal
        self.total = 0
        self.compared = 0
        self._todo = todo
        self._whole_result: tuple[Difference | str | None] | None = None
        self._before = before
        self._plain = WithoutChoices(engine)
        self._choosing = WithChoices(self._plain, picks, legal, rounds, self.settled_aside, likely)

    def settled_aside(self, early: bool = False) -> bool:
        """Whether something else has settled what the search is for; it is asked when the search takes long."""
        taken = time.monotonic() - self._begun
        return self._aside is not None and taken > (EARLY_SECONDS if early else LONG_SECONDS) and self._aside(early)

    def tally(self) -> Tally:
        now = self.engine.folded, self.engine.solved, self.engine.cached
        folded, solved, cached = (after - before for after, before in zip(now, self._before, strict=True))
        return Tally(self.total, folded, solved, self.compared, cached)

    def first_query(self, obligation: Obligation) -> tuple[Term, float | None] | None:
        """What :meth:`check` will ask first, as far as that can be told beforehand, with its limit."""
        return None if self._choosing.picks_in(obligation.violation) else self._plain.first_query(obligation)

    def check(self, obligation: Obligation) -> Difference | str | None:
        """None: it holds; text: why it is not known; a Difference: it fails."""
        self.total += 1
        self.compared += obligation.compared
        found = self._settled(obligation)
        return self._really(obligation, found) if isinstance(found, Difference) else found

    def _settled(self, obligation: Obligation) -> Difference | str | None:
        if not self._choosing.picks_in(obligation.violation):
            return self._plain.settle(obligation)
        if self._choosing.picks_in(obligation.context):
            # The choices decide which case of the specification applies, so no pair of cases can be settled alone.
            if self._whole_result is None:
                self._whole_result = (self._all_together(),)
            return self._whole_result[0]
        return self._choosing.first(obligation)

    def _really(self, obligation: Obligation, found: Difference) -> Difference:
        """The difference on the same input that rules make, if one is found soon; else the one that was found."""
        about = [obligation]
        if self._choosing.picks_in(obligation.context):  # which decide what applies: no pair of cases fails alone
            about += (each for each in self._todo if each is not obligation)
            if len(about) == 1:
                return found
        violation = b.or_(*(each.violation for each in about))
        real = b.and_(*self._real([violation]))
        if found.model.holds(real):
            return found
        made = made_by_rules(violation, real, self.legal, self.picks, found.model, self.engine, obligation.name)
        failing = next((each for each in about if made is not None and made.holds(each.violation)), None)
        return found if made is None or failing is None else difference_in(failing, made)

    def check_quickly(self, obligation: Obligation) -> Difference | str | None:
        """As :meth:`check`, where that does not take long: without choices, in one query.

        Where choices decide which case applies nothing is known of one pair of cases.
        """
        self.total += 1
        self.compared += obligation.compared
        if self._choosing.picks_in(obligation.context):
            return f"{obligation.name}: choices decide whether it applies"
        if self._choosing.picks_in(obligation.violation):
            return None if self._choosing.holds_soon(obligation) else f"{obligation.name}: not seen to hold at once"
        return conclude(obligation, self.engine.satisfiable(obligation.violation, obligation.name, QUICK_SECONDS))

    def _all_together(self) -> Difference | str | None:
        """All obligations with choices as one, for each case of the implementation; a difference is that of the
        obligation that fails.

        What the specification chooses may depend on which case of the implementation applies. Obligations without
        choices hold whatever is chosen, or are seen not to hold by themselves.
        """
        open_ = [each for each in self._todo if self._choosing.picks_in(each.violation)]
        guards = list(dict.fromkeys(each.theirs for each in open_ if each.theirs is not None))
        unknown = None
        for guard in (*guards, b.not_(b.or_(*guards))):
            about = [each for each in open_ if each.theirs in (None, guard)]
            whole = Obligation("all cases together", b.TRUE, tuple(part for each in about for part in _parts_of(each)))
            side = next(sides(whole, guard))
            found = self._choosing.settle(side) if self._choosing.picks_in(side.violation) else self._plain.settle(side)
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
        return found if failing is None else difference_in(failing, model, found.cells)

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
                return self._really(failing, difference_in(failing, model))
        return None

    def by_case_samples(self, spec: Behaviour, impl: Behaviour) -> Difference | None:
        """The same before obligations are made, where they are many."""
        return self._lasting(spec, impl, islice(case_samples(spec, impl, self._alike()), SAMPLES))

    def by_choices_alike(self, spec: Behaviour, impl: Behaviour) -> Difference | None:
        """A difference among those that a solver tells if the specification chooses as the other side does: then most
        of what the sides have in common is the same term. Nothing is proven; queries are short."""
        theirs = choices_of(impl)
        made = {v: other if other in theirs else b.literal(0, v) for v, other in self._alike().items()}
        alike = map_terms(spec, partial(b.substitute, mapping=made), {})
        return self._lasting(spec, impl, islice(self._defeated(alike, impl), SAMPLES))

    def _defeated(self, spec: Behaviour, impl: Behaviour) -> Iterator[tuple[Model, Obligation]]:
        for obligation in obligations(spec, impl):
            answer = self.engine.satisfiable(obligation.violation, obligation.name, QUICK_SECONDS)
            if answer.model is not None:
                yield answer.model, obligation
            elif self.engine.out_of_time:
                return

    def _lasting(
        self, spec: Behaviour, impl: Behaviour, candidates: Iterable[tuple[Model, Obligation]]
    ) -> Difference | None:
        """The first of some differences that no choice of the specification takes away.

        It says which cell of each state it is about: what a choice leaves in a cell may be all that makes it unfit.
        """
        for found, failing in candidates:
            if self.engine.out_of_time:
                return None
            todo, model = self._on(found, spec, impl)
            fits = self._fits(b.or_(*(o.violation for o in todo)), model, failing)
            if fits is None:
                return None
            if not fits:
                return self._really(failing, difference_in(failing, model))
        return None

    def on_input(self, spec: Behaviour, impl: Behaviour, given: Model, *, counted: bool = False) -> Difference | None:
        """The difference on one input, if it is seen that no choice of the specification takes it away; ``counted`` as
        of :func:`.compare.obligations`."""
        todo, model = self._on(given, spec, impl, counted=counted)
        failing = next((o for o in todo if model.holds(o.violation)), None)
        if failing is None or self._fits(b.or_(*(o.violation for o in todo)), model, failing) is not False:
            return None
        return difference_in(failing, model)

    def _on(
        self, given: Model, spec: Behaviour, impl: Behaviour, *, counted: bool = False
    ) -> tuple[list[Obligation], Model]:
        """What must hold on one input, and all that it is: the cell of each state, and choices made alike."""
        cells = {v.name: 0 for v in b.variables(*all_terms(spec), *all_terms(impl)) if v.name.startswith("at.")}
        model = self._with_choices_of(replace(given, values={**cells, **given.values}))
        told = with_all_cells(spec, impl)
        here = [map_terms(side, partial(all_fixed, model=model, free=self.picks), {}) for side in told]
        reads = inputs_read(spec), inputs_read(impl)
        return list(obligations(here[0], here[1], reads, counted=counted)), model

    def _alike(self) -> Instance:
        return {v: partner(v) for v in self.picks}

    def _with_choices_of(self, model: Model) -> Model:
        """The model in which the specification chooses as the other side does, as far as that fits."""
        same = {v.name: model.values.get(IMPL + v.name, 0) & ((1 << max(1, v.width)) - 1) for v in self.picks}
        return replace(model, values={**model.values, **same})

    def _fits(self, violations: Term, model: Model, failing: Obligation) -> bool | None:
        """Whether there are choices that do on the model's input; None if that is not known."""
        if not self._choosing.picks_in(violations):
            return not model.holds(violations)
        return self._choosing.fits(violations, model, failing.name)

    def choices_in(self, obligation: Obligation) -> int:
        """How many choices of the specification are in an obligation."""
        return len(self._choosing.picks_in(obligation.violation))


def _parts_of(obligation: Obligation) -> Iterator[Part]:
    """The parts of an obligation, each with its context in it."""
    for part in obligation.parts:
        if part.pair is None:
            yield Part(part.name, b.and_(obligation.context, part.differ))
        else:
            when, x, y = part.pair
            yield unequal(part.name, x, y, b.and_(obligation.context, when))
