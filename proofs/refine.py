"""Refinement and equality of behaviours.

``refine(spec, impl)``: for every input, and every choice that ``impl`` makes, there are choices for ``spec`` with the
same observable result. ``equal(x, y)``: for every input and whatever either side chooses, the results are the same.
How obligations are settled one by one is in :mod:`.deciding`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Assumption, Behaviour, all_terms
from ..semantics.meaning.bounds import Bounds
from ..semantics.meaning.cells_before import with_all_cells
from ..semantics.meaning.payload import sums_linked
from ..semantics.source import OutOfTime
from .alignment import aligned
from .answers import OUT_OF_TIME
from .choices import IMPL, SOME, apart, choices_of, likely, map_terms, partner
from .compare import Obligation, domain, inputs_read, obligations, that_can_meet, without_axioms
from .deciding import Aside, Real, Search
from .difference import Difference
from .engine import Answer, Engine, Model
from .fixing import all_fixed, fix
from .guards import with_guards_alike
from .verdict import Proof, Tally, Verdict
from .with_choices import FEW_ROUNDS, ROUNDS

MANY: Final = 200
"""Pairs of cases from which on inputs are drawn before it is said what has to hold for each pair."""

NO_INPUT: Final = "no input satisfies the assumptions"
"""What :attr:`Outcome.empty` says where nothing was to be compared."""
NOTHING_COMPARED: Final = (
    "whatever comes, neither side sends or keeps anything: no output, metadata or state of the two sides was compared"
)
"""What :attr:`Outcome.empty` says where both sides have nothing to show."""


@dataclass(frozen=True)
class Outcome:
    """What the search found, before any counterexample has been run."""

    tally: Tally
    difference: Difference | None = None
    unknown: str = ""
    empty: str = ""
    """Why nothing was compared, if nothing was."""
    spec: Behaviour | None = None
    impl: Behaviour | None = None


def may_agree(outcome: Outcome, engine: Engine) -> frozenset[Term]:
    """The undefined values that the difference hangs on, of both sides: with others the two do the same on that input.

    An undefined value that both sides read alike, and that both show on that input, is not among them: it is given one
    value on both sides. Empty if there are none, or if that is not decided.
    """
    assert outcome.difference is not None
    assert outcome.spec is not None
    assert outcome.impl is not None
    model = outcome.difference.model
    mine, theirs = choices_of(outcome.spec), choices_of(outcome.impl)
    if not mine and not theirs:
        return frozenset()
    undefined = frozenset((*mine, *theirs))
    told = with_all_cells(outcome.spec, outcome.impl)
    here = [map_terms(side, partial(all_fixed, model=model, free=undefined), {}) for side in told]
    reads = tuple(inputs_read(side) for side in (outcome.spec, outcome.impl))
    todo = list(obligations(here[0], here[1], reads))  # of all inputs it would take long to say what has to hold
    parts = [part for o in todo for part in o.parts]
    pairs = [(part.pair[1], part.pair[2]) for part in parts if part.pair is not None]
    candidates = aligned(pairs, frozenset(mine))
    violation = b.or_(*(o.violation for o in todo))
    shown = frozenset(b.variables(fix(violation, model, frozenset((*mine, *theirs)))))
    shared: dict[Term, Term] = {}
    for choice, known in candidates.items():
        partner = next((t for t in known if t in theirs and t not in shared.values()), None)
        if partner is not None and choice in shown and partner in shown:
            shared[choice] = partner
    violation = b.substitute([violation], shared)[0]
    free = frozenset(v for v in (*mine, *theirs) if v not in shared and v not in shared.values())
    fixed = fix(violation, model, free)
    if engine.satisfiable(b.not_(fixed), "agreement on undefined values", 5.0).status != "sat":
        return frozenset()
    used = free.intersection(b.variables(fixed))
    return used or frozenset(shared)


def search(
    spec: Behaviour,
    impl: Behaviour,
    engine: Engine,
    *,
    exactly: bool = False,
    rounds: int = ROUNDS,
    effort: int = 1,
    most: int | None = None,
    aside: Aside | None = None,
    real: Real = lambda terms: (),
) -> Outcome:
    """Look for a difference; stops at the first one.

    Args:
        spec: the side that may choose (with ``exactly``: just one of two sides).
        impl: the other side.
        engine: where queries go; its deadline bounds the search.
        exactly: no choice may matter, on either side.
        rounds: inputs that defeat all choices so far, for each of which others are looked for.
        effort: how many times as many inputs are drawn as usually, where a difference is likely.
        most: pairs of cases from which on nothing is compared (None: however many there are).
        aside: asked if it takes long and something is undecided or has to be chosen: whether something else has
            settled what the search is for; then it ends.
        real: of terms, what is true of their functions wherever rules make them: where it is not true of a difference,
            one on the same input is looked for of which it is; nothing is proven by it.
    """
    look = partial(_searched, engine=engine, exactly=exactly, rounds=rounds, effort=effort, most=most, aside=aside,
                   real=real)  # fmt: skip
    outcome = look(spec, impl)
    if outcome.difference is None:
        return outcome
    laws = sums_linked((*all_terms(spec), *all_terms(impl)))  # seldom needed, and too much to say with each question
    if outcome.difference.model.holds(b.and_(*laws)):
        return outcome
    again = look(spec, replace(impl, axioms=(*impl.axioms, *laws)))
    settled = again.difference is not None or not again.unknown
    return replace(again if settled else outcome, tally=outcome.tally + again.tally)


def _searched(
    spec: Behaviour,
    impl: Behaviour,
    *,
    engine: Engine,
    exactly: bool,
    rounds: int,
    effort: int,
    most: int | None,
    aside: Aside | None,
    real: Real,
) -> Outcome:
    """As :func:`search`, where sums over a frame may be anything."""
    spec, impl = _in_order(spec), _in_order(apart(impl, IMPL))
    picks: frozenset[Term] = frozenset() if exactly else frozenset(choices_of(spec))
    before = engine.folded, engine.solved, engine.cached
    guesses = likely(spec)
    alike = _with_choices_alike(spec, impl, picks)
    spec = _choosing_what_is_assumed(spec, picks)
    spec, legal = without_axioms(spec, picks)
    impl = with_guards_alike(spec, impl, picks, engine)
    feasible = some_input(domain(spec, impl), engine)
    if feasible.status == "unsat":
        tally = Search(engine, picks, legal, (), before).tally()
        return Outcome(tally, empty=NO_INPUT, spec=spec, impl=impl)
    unknown = feasible.reason if feasible.status == "unknown" else ""
    held = (_all_hold(made, impl, engine, picks, before) for made in alike if not unknown)
    soon = next((tally for tally in held if tally is not None), None)
    if soon is not None:
        return Outcome(soon, spec=spec, impl=impl)
    if most is not None and _meet(spec, impl, most):
        tally = Search(engine, picks, legal, (), before).tally()
        return Outcome(tally, unknown=f"more than {most} pairs of cases", spec=spec, impl=impl)
    if _meet(spec, impl, MANY):
        shown = _drawn_first(spec, impl, Search(engine, picks, legal, (), before))
        if shown is not None:
            return shown
    for counted in (False, True):
        todo = _stated(spec, impl, engine, counted=counted)
        if todo is None:
            return Outcome(Search(engine, picks, legal, (), before).tally(), unknown=OUT_OF_TIME, spec=spec, impl=impl)
        run = Search(engine, picks, legal, todo, before, rounds, aside, guesses, real)
        if picks:  # where less is undefined a difference is found sooner
            todo.sort(key=run.choices_in)
        lucky = run.by_samples(domain(spec, impl), effort)
        found = lucky if lucky is not None else _one_by_one(run, todo, engine)
        if not isinstance(found, Difference):
            break
        lasts = counted or not _is_sent_in_another_order(found)
        if lasts or run.on_input(spec, impl, found.model, counted=True) is not None:
            return Outcome(run.tally(), found, spec=spec, impl=impl)
    assert isinstance(found, str)
    empty = "" if run.compared else NOTHING_COMPARED
    return Outcome(run.tally(), unknown=unknown or found, empty=empty, spec=spec, impl=impl)


def _is_sent_in_another_order(found: Difference) -> bool:
    """Whether the difference may be that the two only name what they send, or tell, in different orders."""
    return bool(found.parts) and all(" output" in part or part.startswith(("output", "event")) for part in found.parts)


def seen_on(spec: Behaviour, impl: Behaviour, engine: Engine, model: Model, *, exactly: bool = False) -> Outcome:
    """As :func:`search`, but of one input alone: whether the two differ there, whatever is chosen.

    ``model``: the input, with the other side's choices (:data:`IMPL`).
    """

    def look(spec: Behaviour, impl: Behaviour, start: Callable[[Sequence[Obligation]], Search]) -> _Seen:
        run = start(())
        return run, run.on_input(spec, impl, model)

    return _looked_for(look, spec, impl, engine, exactly)


def told(spec: Behaviour, impl: Behaviour, engine: Engine, *, exactly: bool = False) -> Outcome:
    """As :func:`search`, but nothing is proven: a difference that a solver soon tells, if choices are made alike."""

    def look(spec: Behaviour, impl: Behaviour, start: Callable[[Sequence[Obligation]], Search]) -> _Seen:
        run = start(())
        return run, run.by_choices_alike(spec, impl)

    return _looked_for(look, spec, impl, engine, exactly)


_Seen = tuple[Search, Difference | None]
_Look = Callable[[Behaviour, Behaviour, Callable[[Sequence[Obligation]], Search]], _Seen]
"""Looks for a difference in a search that it starts."""


def _looked_for(look: _Look, spec: Behaviour, impl: Behaviour, engine: Engine, exactly: bool) -> Outcome:
    """What :func:`search` would find as far as somebody looks."""
    spec, impl = _in_order(spec), _in_order(apart(impl, IMPL))
    picks: frozenset[Term] = frozenset() if exactly else frozenset(choices_of(spec))
    before = engine.folded, engine.solved, engine.cached
    spec, legal = without_axioms(_choosing_what_is_assumed(spec, picks), picks)
    run, lucky = look(spec, impl, lambda todo: Search(engine, picks, legal, todo, before))
    unknown = "" if lucky is not None else "no input that was looked at shows a difference"
    return Outcome(run.tally(), lucky, unknown, spec=spec, impl=impl)


def _drawn_first(spec: Behaviour, impl: Behaviour, drawing: Search) -> Outcome | None:
    """A difference on one of the inputs that are drawn before it is said what has to hold."""
    lucky = drawing.by_case_samples(spec, impl)
    return None if lucky is None else Outcome(drawing.tally(), lucky, spec=spec, impl=impl)


def _one_by_one(run: Search, todo: Sequence[Obligation], engine: Engine) -> Difference | str:
    """The first difference; else why it is not known whether there is one, empty if there is none."""
    unknown = ""
    with engine.expecting([partial(run.first_query, o) for o in todo]):
        for number, obligation in enumerate(todo, 1):
            engine.stage = f"obligation {number} of {len(todo)}: "
            answer = run.check(obligation)
            if isinstance(answer, Difference):
                return answer
            if answer:
                unknown = unknown or answer
                if run.settled_aside():  # while nothing is undecided, the sides may be proven alike without it
                    break
    return unknown


def _stated(spec: Behaviour, impl: Behaviour, engine: Engine, *, counted: bool) -> list[Obligation] | None:
    """All that must hold (``counted``: see :func:`.compare.obligations`); None if there is no time to say it: of large
    programs that can take hours."""
    try:
        return list(obligations(spec, impl, bounds=Bounds(until=engine.deadline), counted=counted))
    except OutOfTime:
        return None


def _meet(spec: Behaviour, impl: Behaviour, count: int) -> bool:
    """Whether so many pairs of cases can meet."""
    return sum(1 for _ in islice(that_can_meet(spec, impl), count)) == count


def _in_order(side: Behaviour) -> Behaviour:
    """``side`` with sums over GF(2) in one form, so that a CRC is one term however it is computed."""
    return map_terms(side, b.in_order, {})


def _hanging_on(picks: frozenset[Term], spec: Behaviour) -> list[Assumption]:
    """The assumptions that some choice may break."""
    return [a for a in (*spec.domain, *spec.reaching) if picks.intersection(b.variables(a.condition))]


def _choosing_what_is_assumed(spec: Behaviour, picks: frozenset[Term]) -> Behaviour:
    """``spec``, in no case where a choice breaks an assumption: left among the assumptions, one that hangs on a choice
    would be broken by choosing, and with it all that is compared.

    An input on which every choice breaks one is none that can occur: there are choices, called :data:`SOME` and part of
    a counterexample, that break none.
    """
    chosen = _hanging_on(picks, spec)
    if not chosen:
        return spec
    kept = b.and_(*(a.condition for a in chosen))
    cases = tuple(replace(case, guard=b.and_(case.guard, kept)) for case in spec.cases)
    some = {v: b.var(SOME + v.name, v.sort) for v in picks}
    inputs, reaching = (_of_some_choice(part, chosen, some) for part in (spec.domain, spec.reaching))
    told = [t for t in spec.axioms if picks.intersection(b.variables(t))]
    axioms = (*spec.axioms, *b.substitute(told, some))
    return replace(spec, cases=cases, domain=inputs, reaching=reaching, axioms=axioms)


def _of_some_choice(
    assumed: Sequence[Assumption], chosen: Sequence[Assumption], some: Mapping[Term, Term]
) -> tuple[Assumption, ...]:
    """Assumptions of which those that hang on choices are about ``some`` that may be made."""
    there = b.substitute([a.condition for a in assumed], some)
    return tuple(
        replace(a, condition=condition) if a in chosen else a for a, condition in zip(assumed, there, strict=True)
    )


def _with_choices_alike(spec: Behaviour, impl: Behaviour, picks: frozenset[Term]) -> Iterator[Behaviour]:
    """``spec`` with choices made as the other side makes those of their names: all of them, then only those that decide
    which case applies. Nothing where that is no help.

    It helps where choices decide which case applies: then two programs that do the same in the same order have the same
    guards, and each case meets but one, while no pair of cases can be settled alone as long as the choices are open.
    """
    deciding = picks.intersection(b.variables(*(case.guard for case in spec.cases)))
    if not deciding:
        return
    theirs = frozenset(choices_of(impl))
    made: dict[Term, Term] = {}
    for v in picks:
        made[v] = partner(v) if partner(v) in theirs else b.literal(0, v)
    there = {case.guard for case in impl.cases}
    for number, chosen in enumerate(dict.fromkeys((picks, deciding))):
        some = {v: made[v] for v in chosen}
        # Where the other side assumes the same of its choices, nothing is left to be broken.
        broken = not _assumed_by(impl, [a.condition for a in _hanging_on(picks, spec)], some)
        side = _choosing_what_is_assumed(spec, picks) if broken else spec
        side = map_terms(side, partial(b.substitute, mapping=some), some)
        if not number and sum(case.guard in there for case in side.cases) * 2 < len(side.cases):
            return
        yield side


def _assumed_by(impl: Behaviour, conditions: list[Term], made: dict[Term, Term]) -> bool:
    """Whether what one side assumes is, with choices made so, assumed by the other."""
    there = {b.TRUE, *(a.condition for a in (*impl.domain, *impl.reaching))}
    return all(condition in there for condition in b.substitute(conditions, made))


def _all_hold(
    spec: Behaviour, impl: Behaviour, engine: Engine, picks: frozenset[Term], before: tuple[int, int, int]
) -> Tally | None:
    """The counts if every obligation of two sides without open choices in their guards holds; None if one does not, or
    takes long."""
    left = picks.intersection(choices_of(spec))
    spec, legal = without_axioms(spec, left)
    run = Search(engine, left, legal, (), before, FEW_ROUNDS)
    with suppress(OutOfTime):
        for obligation in obligations(spec, impl, bounds=Bounds(until=engine.deadline)):
            if run.check_quickly(obligation) is not None:
                return None
        return run.tally() if run.compared else None
    return None


def some_input(possible: Term, engine: Engine) -> Answer:
    """Whether something satisfies the assumptions: zeros, or what satisfies those about no function, with functions
    that are 0 everywhere; else the solver has to say it of all of them."""
    if Model().holds(possible):
        return Answer("sat")
    parts = b.conjuncts(possible)
    calling = b.leading_to(parts, lambda t: t.op == "apply" and bool(t.args))
    plain = b.and_(*(part for part in parts if part not in calling))
    if plain is not possible:
        answer = engine.satisfiable(plain, "some input exists")
        if answer.status == "unsat" or (answer.model is not None and answer.model.holds(possible)):
            return answer
    return engine.satisfiable(possible, "some input exists")


def decide(outcome: Outcome, started: float, what: str) -> Proof | None:
    """The proof of an outcome without a difference (None if there is one, which has to be run first)."""
    if outcome.difference is not None:
        return None
    seconds = time.monotonic() - started
    spec, impl = outcome.spec, outcome.impl
    assumptions = tuple(dict.fromkeys(a.text for side in (spec, impl) if side for a in (*side.domain, *side.reaching)))
    observables = tuple(dict.fromkeys(o for side in (spec, impl) if side for o in side.observables))
    if outcome.unknown:
        verdict, reason = Verdict.UNDECIDED, outcome.unknown
    elif outcome.empty:
        verdict, reason = Verdict.UNSUPPORTED, outcome.empty
    else:
        verdict, reason = Verdict.ACCEPT, what
    return Proof(verdict, reason, outcome.tally, seconds=seconds, assumptions=assumptions, observables=observables)
