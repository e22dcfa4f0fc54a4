"""A difference between two programs, run: on both, under rules made real, before it is called ``reject``.

The rules that the solver's model asks for are made entries of the first program and translated to the second. Both
behaviours are evaluated under them on numbers, and where nothing is left open (no undefined value is read) both
programs are also run by the interpreter, each in its own words. Then packet, inputs and rules are made smaller for as
long as the two still differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from .both_interpreted import Interpreted, Interpreters
from .certain import SECONDS, allows, differs_in_all, guesses, on_input
from .earlier_passes import EARLIER
from .explain import decoded_headers, diverges, explain, only_met
from .interpreted import Groups, one_pass, same
from .mapping import NOTHING_SAID
from .on_numbers import all_terms
from .proofs.choices import IMPL, apart, choices_of
from .proofs.compare import NO_FAULT
from .proofs.counterexample import Input, input_of, one_after_the_other
from .proofs.defined import defined_difference
from .proofs.engine import Engine, Model
from .proofs.refine import Outcome, may_agree
from .proofs.verdict import Counterexample, Explanation, Observed, Proof, Tally, Verdict
from .realise import CannotRealise, describe, realise
from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning.answers import answers
from .semantics.meaning.behaviour import CHOICE, Behaviour, Case, Choice
from .semantics.meaning.concrete import BadBehaviour, Faulted, Plans, evaluate_behaviour
from .semantics.meaning.concrete import Outcome as Evaluated
from .semantics.meaning.program import meaning
from .semantics.rules.ruleset import RuleSet
from .semantics.source import NOWHERE, Unsupported
from .smaller import Setting, smaller
from .stf_text import Test, stf_test

if TYPE_CHECKING:
    from .pairs import ProgramPair

Function = Callable[..., int]
_Does = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Replay:
    """A difference that was found, with both sides as they are (the second one in its own words).

    ``blocks`` are the full names of the two blocks, None if the whole programs are compared.
    """

    pair: ProgramPair
    outcome: Outcome
    spec: Behaviour
    impl: Behaviour
    what: str
    blocks: tuple[str, str] | None = None
    shrink: bool = True
    """Whether a smaller packet would do as well."""
    guessed: bool = False
    """Whether undefined values of the first program may take the difference away, for all that is known."""
    promised: bool = False
    """Whether extern calls in blocks are taken to do what is said of them (:mod:`.semantics.arch.promises`)."""


def confirm_pair(found: Replay, tally: Tally, started: float, engine: Engine) -> Proof:
    """``reject`` with a counterexample that was seen to differ, else ``undecided`` with the reason."""
    difference = found.outcome.difference
    assert difference is not None
    if difference.obligation.startswith("the cases of"):
        reason = f"{difference.obligation}: does not hold (a bug of ours, please report)"
        return Proof(Verdict.UNDECIDED, reason, tally, seconds=time.monotonic() - started)
    found, reads, outcome = _confirmed(found, engine)
    difference = found.outcome.difference
    assert difference is not None
    seconds = time.monotonic() - started
    if isinstance(outcome, str):
        reason = f"a difference was found but could not be confirmed ({outcome})"
        return Proof(Verdict.UNDECIDED, reason, tally, seconds=seconds)
    parts = dict.fromkeys(difference.parts)
    shown = "packet"
    if found.blocks is not None:
        parts, shown = dict.fromkeys(p.removeprefix("metadata ") for p in parts), "input"
    what = ", ".join(parts) or difference.obligation
    if difference.obligation.startswith(NO_FAULT) and not outcome.actual.fault:
        what = outcome.explanation.differs[0] if outcome.explanation.differs else "what comes out"
    reason = f"{found.what} differs in {what}, on the {shown} shown"
    if reads:
        places = ", ".join(dict.fromkeys(f"{c.span} ({c.reason})" for c in reads[:5]))
        reason = f"{found.what} differs only where a value is undefined, in {what}: {places}"
    where = reads[0].span if reads else NOWHERE
    if outcome.actual.fault:
        reason = f"{outcome.actual.fault}, in the second program, on the packet shown"
    relations = found.pair.pairing.relations()
    return Proof(Verdict.REJECT, reason, tally, where, outcome, seconds=seconds, assumptions=relations)


def _confirmed(found: Replay, engine: Engine) -> tuple[Replay, list[Choice], Counterexample | str]:
    """A difference, the undefined values that it hangs on, and its counterexample, or why there is none. One that hangs
    on none is taken if it can be found; not for one that is guessed, as that takes much longer than the next guess."""
    try:
        reads = undefined_reads(found, engine)
    except (KeyError, ValueError, Unsupported) as error:
        return found, [], _why(found, error)
    # across architectures it would have to be led to from a port
    if reads and not found.guessed and not found.pair.across:
        defined = defined_difference(found.outcome, engine)
        other = replace(found, outcome=defined) if defined is not None else found
        shown = _run(other, [], engine) if defined is not None else ""
        if isinstance(shown, Counterexample):
            return other, [], shown
    return found, reads, _run(found, reads, engine)


def _run(found: Replay, reads: list[Choice], engine: Engine) -> Counterexample | str:
    try:
        return _Runs(found, engine).confirm(reads)
    except (CannotRealise, BadBehaviour, KeyError, ValueError, Unsupported) as error:
        return _why(found, error)


def _why(found: Replay, error: Exception) -> str:
    assert found.outcome.difference is not None
    return f"{found.outcome.difference.obligation}: {error}"


def undefined_reads(found: Replay, engine: Engine) -> list[Choice]:
    """The undefined values that the difference hangs on: with others both sides would do the same."""
    outcome = found.outcome
    assert outcome.difference is not None
    assert outcome.spec is not None
    assert outcome.impl is not None
    choices = may_agree(outcome, engine)
    sides = (*outcome.impl.choices, *outcome.spec.choices)
    return [choice for choice in sides if choice.variable in choices]


@dataclass(frozen=True)
class Alike:
    """A packet to which both sides do the same."""

    seen: Observed
    steps: tuple[Mapping[str, Any], ...] = ()
    """The first program's, and ..."""
    second_steps: tuple[Mapping[str, Any], ...] = ()
    """... the second one's; () where the interpreter does not tell."""


def alike_on(found: Replay, model: Model, engine: Engine) -> Alike | None:
    """What both sides do to a packet, with the undefined values that ``model`` has; None if it is not the same."""
    return _Runs(found, engine).alike(Setting(input_of(model), found.pair.rules))


class _Runs:
    """Both sides on numbers."""

    def __init__(self, found: Replay, engine: Engine) -> None:
        self.found, self.engine = found, engine
        self.pair = found.pair
        assert found.outcome.spec is not None
        assert found.outcome.impl is not None
        self.spec, self.impl = found.outcome.spec, found.outcome.impl
        self._picks, self._theirs = choices_of(self.spec), choices_of(self.impl)
        """What is undefined in the two."""
        picks = set(self._picks)
        self._assumes_choices = any(picks.intersection(b.variables(a.condition)) for a in found.spec.domain)
        """Whether what is undefined in the first side must be as it assumes."""
        self._interpreters = Interpreters(
            self.pair, found.blocks, self.spec, self.impl, found.impl, self._alike, found.promised
        )
        self._last_covered: tuple[Setting, Term] | None = None
        self._last_asked: tuple[Setting, _Does] | None = None
        self._plans = Plans()
        self._with_members: frozenset[tuple[str, int]] | None = None
        """The groups that have members; None for all."""
        self._twice = False
        """Whether each of these has two."""
        cases = (*self.spec.cases, *self.impl.cases)
        self._told = tuple(dict.fromkeys(name for case in cases for name in case.metadata))
        """The metadata that either side tells; where one does not, it is as it came in."""
        self._states = _states(cases)
        """The states that either side writes; where one does not, a cell holds what it held."""

    def confirm(self, reads: Sequence[Choice] = ()) -> Counterexample | str:
        """The counterexample; or why there is none. ``reads``: undefined values that it hangs on."""
        difference = self.found.outcome.difference
        assert difference is not None
        rules = self._rules(difference.model)
        settings = (
            Setting(_with_cells(input_of(model), difference.cells), rules)
            for model in (one_after_the_other(difference.model), difference.model)
        )
        first = next((setting for setting in settings if self._tells_apart(setting)), None)
        if first is None:
            return f"{difference.obligation}: both sides do the same on the solver's packet"
        best = self._smaller(first) if self.found.shrink else first
        does = self._some_choice_does(best)
        if does == "yes" or (does == "unknown" and self.found.guessed):
            return f"{difference.obligation}: the first program may do the same with other undefined values"
        if self._by_itself(best):
            return (
                f"{difference.obligation}: the first program is told apart from itself (a bug of ours, please report)"
            )
        groups = self._groups(best)
        expected = self._observed(best, "spec", self._alike(best), groups)
        actual = self._observed(best, "impl", groups=groups)
        confirmed: tuple[str, ...] = ("meaning of both programs",)
        decoded: tuple[str, ...] = ()
        explanation = Explanation()
        runs = self._interpreters.runs(best, expected, actual, groups)
        if isinstance(runs, str):
            return f"{difference.obligation}: {runs}"
        rules = best.rules
        if runs is not None:
            confirmed = (*confirmed, "interpreter of both programs")
            decoded = decoded_headers(runs.first.trace)
            explanation = explain(runs.first, runs.second, expected, actual, reads)
            rules = runs.rules
        others = self._others(rules, runs) if rules is not None else None
        test = self._test(best, rules, others, groups, expected, actual)
        shown = describe(rules, self.pair.first) if rules is not None else ()
        return Counterexample(
            best.given.packet, best.given.port, expected, actual, self._inputs(best), shown, difference.obligation,
            confirmed, decoded, diverges(explanation), self.found.what if self.found.blocks else "", explanation,
            test.text, test.why_not, describe(others, self.pair.second) if others is not None else (),
        )  # fmt: skip

    def _others(self, rules: RuleSet, runs: Interpreted | None) -> RuleSet | None:
        """The second program's rules, where names alone do not tell them; where they do not follow, those met."""
        if self.pair.content is not None:
            return only_met(self.pair.content, runs.second.trace) if runs is not None else self.pair.content
        return self._interpreters.second_rules(rules) if self.pair.pairing.relations() else None

    def _test(
        self, setting: Setting, rules: RuleSet | None, others: RuleSet | None, groups: Groups, expected: Observed,
        actual: Observed,
    ) -> Test:  # fmt: skip
        if self.found.blocks is not None:
            return Test(why_not="blocks were compared by themselves, and no packet gets to one alone")
        if rules is None:
            return Test(why_not="the rules are not known")
        first, second = self.pair.first, self.pair.second
        theirs = groups.into(others) if others is not None else None
        return stf_test(first, second, groups.into(rules), setting.given, expected, actual, theirs)

    def _inputs(self, setting: Setting) -> dict[str, int]:
        """What the two runs depend on beside packet, port and rules: inputs that are not 0, and undefined values of the
        second side (of both, if both must be equal) that are not 0 by the place that reads them."""
        values = setting.given.model.values
        names = ("in.", "at.", "each.")
        shown = {n: v for n, v in values.items() if n.startswith(names) and n != "in.port" and v}
        sides = (self.impl, self.spec) if self.pair.exactly else (self.impl,)
        for choice in (c for side in sides for c in side.choices if values.get(c.variable.name)):
            name = f"undefined at {choice.span}: {choice.reason}"
            while name in shown:
                name += " (again)"
            shown[name] = values[choice.variable.name]
        return shown

    # --- one setting ------------------------------------------------------------------------------------------------

    def _rules(self, model: Model) -> RuleSet | None:
        if self.pair.rules is not None:
            return self.pair.rules
        if self._opaque_keys():
            return None
        before = [a.condition for a in self.spec.domain if _of_earlier_passes(a.condition)]
        rules = realise(self.pair.first, [*all_terms(self.spec), *all_terms(self.impl), *before], model)
        if not self._allowed(rules):
            raise CannotRealise("the rules that show the difference are not allowed by the restrictions")
        if self.pair.pairing.derived:
            self.pair.pairing.second_rules(rules)  # they must fit
        return rules

    def _allowed(self, rules: RuleSet) -> bool:
        """Whether a control plane may install these."""
        restrictions = self.pair.restrictions
        return restrictions is None or restrictions.violation(rules) is None

    def _opaque_keys(self) -> bool:
        """Whether there are tables whose rules cannot be made: match kinds of an architecture that is not known."""
        kinds = {"exact", "lpm", "ternary", "range", "optional"}
        return any(key.match_kind not in kinds for _, table in self.pair.first.tables() for key in table.keys)

    def _differ(self, setting: Setting) -> bool:
        """Whether the second side's result is none that the first side allows, under rules that may be installed."""
        if not self._may_stand(setting):
            return False
        try:
            actual = self._observed(setting, "impl")
            if not self._picks or self.pair.exactly:
                return self._observed(setting, "spec").differs(actual)
            return all(seen.differs(actual) for seen in self._guessed(setting))
        except (ValueError, KeyError):
            return False

    def alike(self, setting: Setting) -> Alike | None:
        """:func:`alike_on`."""
        assert setting.rules is not None
        groups = self._groups(setting)
        expected, actual = (self._observed(setting, side, groups=groups) for side in ("spec", "impl"))
        if expected.differs(actual):
            return None
        runs = self._interpreters.both(setting, setting.rules, groups)
        if runs is None or not (same(runs[0], expected) and same(runs[1], actual)):
            told = self._picks or self._theirs or groups.asked or not one_pass(expected)
            return Alike(expected) if runs is None or told else None
        return Alike(expected, tuple(runs[0].trace.steps), tuple(runs[1].trace.steps))

    def _guessed(self, setting: Setting) -> Iterator[Observed]:
        """What the first side does with some values of what is undefined in it, of those that it may have."""
        yield self._observed(setting, "spec", self._alike(setting))
        for guess in guesses(self._picks) if self._picks else ():
            if self._assumes_choices and not self._may_choose(setting, guess):
                continue
            yield self._observed(setting, "spec", guess)

    def _differ_surely(self, setting: Setting) -> bool:
        """Whether they differ in what does not hang on the first side's undefined values, so far as tried."""
        try:
            if not self._may_stand(setting):
                return False
            actual, seen = self._observed(setting, "impl"), []
            for one in self._guessed(setting):
                if not one.differs(actual):
                    return False
                seen.append(one)
            return differs_in_all(seen, actual)
        except (ValueError, KeyError):
            return False

    def _may_stand(self, setting: Setting) -> bool:
        """Whether the rules of a setting may be installed."""
        return setting.rules is None or self.pair.rules is not None or self._allowed(setting.rules)

    def _is_one(self, setting: Setting) -> bool:
        """Whether a setting that was made smaller shows the difference: no undefined value of the first would do."""
        answer = self._some_choice_does(setting)
        return self._differ_surely(setting) if answer == "unknown" else answer == "no"

    def _some_choice_does(self, setting: Setting) -> _Does:
        """Whether some undefined values let the first program do what the second one does, under given rules."""
        if self.pair.exactly or not self._picks:
            return "no"
        if self._last_asked is None or self._last_asked[0] is not setting:
            self._last_asked = setting, self._some_choice_does_anew(setting)
        return self._last_asked[1]

    def _some_choice_does_anew(self, setting: Setting) -> _Does:
        functions, values = self._known(setting)
        given = replace(setting.given, model=Model(values, setting.given.model.functions))
        answer = allows(self.spec, self.impl, given, functions, self.engine)
        if answer == "unknown" and setting.rules is not None and self.found.blocks is None and not self.pair.across:
            # A table is asked with an undefined value: the rules say what it answers to each.
            first, frame = self.pair.assumed or self.pair.first, setting.given.packet
            spec = meaning(first, setting.rules, self.pair.turns, meters_kept=True, frame=frame)
            answer = allows(spec, self.impl, given, functions, self.engine)
        elif answer == "unknown" and setting.rules is None:  # the model says it
            tables = setting.given.model.functions
            answer = allows(self.spec, self.impl, given, functions, self.engine, tables)
        return answer

    def _by_itself(self, setting: Setting) -> bool:
        """Whether the first side, taken for the second, is told apart from itself: then the runs show nothing."""
        pair, theirs = self.pair, self.found.spec
        if not pair.across:
            pair = replace(pair, second=pair.first, said=NOTHING_SAID, exactly=False, content=None)
            theirs = pair.pairing.in_first_words(theirs)
        model = setting.given.model
        values = {n: v for n, v in model.values.items() if not n.startswith(CHOICE)}  # each as the other side's
        if self._assumes_choices:
            values |= {IMPL + name: value for name, value in self._alike(setting).items()}
        alike = replace(setting, given=replace(setting.given, model=Model(values, model.functions)))
        outcome = replace(self.found.outcome, spec=self.spec, impl=apart(theirs, IMPL))
        twin = _Runs(replace(self.found, pair=pair, outcome=outcome), self.engine)
        twin._with_members, twin._twice = self._with_members, self._twice
        return twin._differ(alike)

    def _alike(self, setting: Setting) -> dict[str, int]:
        """Undefined values of the first side: those that the second one has where it reads just as much before; or such
        as are assumed."""
        values = setting.given.model.values
        alike = {v.name: values.get(v.name, values.get(IMPL + v.name, 0)) for v in self._picks}
        if not self._assumes_choices or self._may_choose(setting, alike):
            return alike
        covered = self._covered(setting)
        answer = self.engine.satisfiable(covered, "undefined values as they are assumed", SECONDS)
        if answer.model is None:
            raise ValueError("no undefined values are known that are as they are assumed")
        return {**alike, **{v.name: answer.model.values.get(v.name, 0) for v in b.variables(covered)}}

    def _may_choose(self, setting: Setting, values: Mapping[str, int]) -> bool:
        """Whether these undefined values break nothing that is assumed: then a case of the first side applies."""
        covered = self._covered(setting)
        return Model(values).holds(covered)

    def _covered(self, setting: Setting) -> Term:
        """That some case of the first side applies on an input, over what is undefined."""
        if self._last_covered is None or self._last_covered[0] is not setting:
            self._last_covered = setting, self._covered_anew(setting)
        return self._last_covered[1]

    def _covered_anew(self, setting: Setting) -> Term:
        functions, values = self._known(setting)
        given = replace(setting.given, model=Model(values, setting.given.model.functions))
        here = on_input(
            Behaviour(tuple(Case(c.guard, ()) for c in self.spec.cases)), given, functions, frozenset(self._picks)
        )
        return b.or_(*(case.guard for case in here.cases))

    def _groups(self, setting: Setting) -> Groups:
        return Groups(setting.given.model.values, only=self._with_members, twice=self._twice)

    def _tells_apart(self, setting: Setting) -> bool:
        """Whether the two can be told apart with the groups' members as they are, or with other ones."""
        return self._differ(setting) or self._differ_in_groups(setting) or self._differ_in_numbers(setting)

    def _differ_in_groups(self, setting: Setting) -> bool:
        """Whether the two can be told apart if only the groups that the first copies to have members."""
        groups = self._groups(setting)
        try:
            self._observed(setting, "spec", groups=groups)
        except (ValueError, KeyError):
            return False
        self._with_members = frozenset(groups.asked)
        return bool(groups.asked) and self._differ(setting)

    def _differ_in_numbers(self, setting: Setting) -> bool:
        """Whether the two can be told apart if groups have two members: one that has one, or none, may look like a port
        that the first leaves undefined."""
        self._with_members, self._twice = None, True
        return self._differ(setting)

    def _observed(
        self, setting: Setting, side: str, choices: Mapping[str, int] | None = None, groups: Groups | None = None
    ) -> Observed:
        behaviour = self.spec if side == "spec" else self.impl
        functions, values = self._known(setting)
        undefined = self._picks if side == "spec" else self._theirs
        values = dict.fromkeys((v.name for v in undefined), 0) | values | dict(choices or {})
        try:
            seen = self._evaluated(behaviour, setting, functions, values, groups)
        except Faulted as fault:
            return Observed((), fault=str(fault))
        metadata = {name: seen.metadata.get(name, values.get(f"in.{name}", 0)) for name in self._told}
        return Observed(seen.outputs, metadata, seen.state, carried=seen.carried, events=seen.events, kinds=seen.kinds)

    def _known(self, setting: Setting) -> tuple[dict[str, Function], dict[str, int]]:
        """Functions and inputs beside the packet, those of the rules among them."""
        model = setting.given.model
        functions: dict[str, Function] = model.callables()
        values = {n: v for n, v in model.values.items() if not n.startswith(("pkt", "in.port"))}
        if setting.rules is not None:
            known = answers(self.pair.first, setting.rules)
            functions |= known.functions
            values |= known.inputs
        return functions, values

    def _evaluated(
        self, behaviour: Behaviour, setting: Setting, functions: Mapping[str, Function], values: dict[str, int],
        groups: Groups | None,
    ) -> Evaluated:  # fmt: skip
        given = setting.given
        return evaluate_behaviour(
            replace(behaviour, choices=()),
            given.packet,
            given.port,
            functions=functions,
            inputs=values,
            default=0,
            cells={n: i for n, i in given.cells.items() if n in self._states},
            groups=(groups or self._groups(setting)).members,
            plans=self._plans,
        )

    # --- smaller ----------------------------------------------------------------------------------------------------

    def _smaller(self, setting: Setting) -> Setting:
        """Whatever is simpler and leaves the two different."""
        read = b.variables(*all_terms(self.spec), *all_terms(self.impl))
        differ = self._differ_surely if self._differ_surely(setting) else self._differ
        best = smaller(
            setting, differ, self.pair.first, rules=self.pair.rules is None,
            packet=any(v.name.startswith("pkt") for v in read),
        )  # fmt: skip
        return best if best is setting or self._is_one(best) else setting


def _with_cells(given: Input, more: tuple[Mapping[str, int], ...]) -> Input:
    """An input with more cells of the state to look at."""
    cells = dict(given.cells)
    for place in more:
        for name, index in place.items():
            state = name.removeprefix("at.")
            cells[state] = tuple(dict.fromkeys((*cells.get(state, ()), index)))
    return replace(given, cells=cells)


def _of_earlier_passes(condition: Term) -> bool:
    """Whether an assumption says what passes before do to the packet, under the same rules."""
    return any(v.name.startswith(EARLIER) for v in b.variables(condition))


def _states(cases: Iterable[Case]) -> set[str]:
    """What the cases, or copies in them, write."""
    return {name for case in cases for written in (case.state, *(o.state for o in case.outputs)) for name in written}
