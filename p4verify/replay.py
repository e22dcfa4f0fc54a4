"""A difference between two programs, run: on both, under rules made real, before it is called ``reject``.

The rules that the solver's model asks for are made entries of the first program and translated to the second. Both
behaviours are evaluated under them on numbers, and where nothing is left open (no undefined value is read) both
programs are also run by the interpreter, each in its own words. Then packet, inputs and rules are made smaller for as
long as the two still differ.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .on_numbers import all_terms
from .proofs.counterexample import Input, differ_on, input_of, shrink
from .proofs.engine import Engine, Model
from .proofs.refine import Outcome, choices_of, may_agree
from .proofs.verdict import Counterexample, Observed, Proof, Tally, Verdict
from .realise import CannotRealise, describe, realise
from .semantics import bits as b
from .semantics.arch.blocks import Interface, run_block
from .semantics.arch.opaque import WORLD
from .semantics.meaning.answers import answers
from .semantics.meaning.behaviour import Behaviour, Choice
from .semantics.meaning.concrete import BadBehaviour, evaluate_behaviour
from .semantics.meaning.inputs import Concrete
from .semantics.meaning.program import run
from .semantics.meaning.trace import Trace
from .semantics.rules.ruleset import RuleSet
from .semantics.source import NOWHERE, Unsupported

if TYPE_CHECKING:
    from .pairs import ProgramPair

Function = Callable[..., int]
SHRINK_SECONDS = 5.0
"""How long a counterexample is made smaller."""

GUESSES = 24
"""Values of the program's undefined values that are tried, all at once, to see that none of them does."""


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


@dataclass(frozen=True)
class _Setting:
    """A concrete case: inputs with the model that gives all else, and the rules (None: the model answers lookups)."""

    given: Input
    rules: RuleSet | None


def confirm_pair(found: Replay, tally: Tally, started: float, engine: Engine) -> Proof:
    """``reject`` with a counterexample that was seen to differ, else ``undecided`` with the reason."""
    difference = found.outcome.difference
    assert difference is not None
    if difference.obligation.startswith("the cases of"):
        reason = f"{difference.obligation}: does not hold (a bug of ours, please report)"
        return Proof(Verdict.UNDECIDED, reason, tally, seconds=time.monotonic() - started)
    try:
        outcome = _Runs(found).confirm()
    except (CannotRealise, BadBehaviour, KeyError, ValueError, Unsupported) as error:
        outcome = f"{difference.obligation}: {error}"
    seconds = time.monotonic() - started
    if isinstance(outcome, str):
        reason = f"a difference was found but could not be confirmed ({outcome})"
        return Proof(Verdict.UNDECIDED, reason, tally, seconds=seconds)
    parts = dict.fromkeys(difference.parts)
    shown = "packet"
    if found.blocks is not None:
        parts, shown = dict.fromkeys(p.removeprefix("metadata ") for p in parts), "input"
    what = ", ".join(parts) or difference.obligation
    reason = f"{found.what} differs in {what}, on the {shown} shown"
    reads = undefined_reads(found, engine)
    if reads:
        places = ", ".join(dict.fromkeys(f"{c.span} ({c.reason})" for c in reads[:5]))
        reason = f"{found.what} differs only where a value is undefined, in {what}: {places}"
    where = reads[0].span if reads else NOWHERE
    return Proof(Verdict.REJECT, reason, tally, where, outcome, seconds=seconds)


def undefined_reads(found: Replay, engine: Engine) -> list[Choice]:
    """The undefined values that the difference hangs on: with others both sides would do the same."""
    outcome = found.outcome
    assert outcome.difference is not None
    assert outcome.spec is not None
    assert outcome.impl is not None
    choices = may_agree(outcome, engine)
    sides = (*outcome.impl.choices, *outcome.spec.choices)
    return [choice for choice in sides if choice.variable in choices]


class _Runs:
    """Both sides on numbers."""

    def __init__(self, found: Replay) -> None:
        self.found = found
        self.pair = found.pair
        assert found.outcome.spec is not None
        assert found.outcome.impl is not None
        self.spec, self.impl = found.outcome.spec, found.outcome.impl
        self.interface: Interface | None = None
        cases = (*self.spec.cases, *self.impl.cases)
        self._told = tuple(dict.fromkeys(name for case in cases for name in case.metadata))
        """The metadata that either side tells; where one does not, it is as it came in."""

    def confirm(self) -> Counterexample | str:
        difference = self.found.outcome.difference
        assert difference is not None
        first = _Setting(_with_cells(input_of(difference.model), difference.cells), self._rules(difference.model))
        if not self._differ(first):
            return f"{difference.obligation}: both sides do the same on the solver's packet"
        best = self._smaller(first)
        expected, actual = self._observed(best, "spec"), self._observed(best, "impl")
        confirmed: tuple[str, ...] = ("meaning of both programs",)
        decoded: tuple[str, ...] = ()
        diverges = ""
        if not choices_of(self.spec) and not choices_of(self.impl):
            traces = self._interpreted(best)
            if isinstance(traces, str):
                return f"{difference.obligation}: {traces}"
            if traces is not None:
                confirmed = (*confirmed, "interpreter of both programs")
                decoded, diverges = _decoded(traces[0]), _first_divergence(*traces)
        shown = self._inputs(best)
        rules = describe(best.rules, self.pair.first) if best.rules is not None and self.pair.rules is None else ()
        return Counterexample(
            best.given.packet, best.given.port, expected, actual, shown, rules, difference.obligation, confirmed,
            decoded, diverges, self.found.what if self.found.blocks else "",
        )  # fmt: skip

    def _inputs(self, setting: _Setting) -> dict[str, int]:
        """What the two runs depend on beside packet, port and rules: inputs that are not 0, and undefined values of the
        second side (of both, if both must be equal) by the place that reads them."""
        values = setting.given.model.values
        names = ("in.", "at.", "each.")
        shown = {n: v for n, v in values.items() if n.startswith(names) and n != "in.port" and v}
        sides = (self.impl, self.spec) if self.pair.exactly else (self.impl,)
        for choice in (c for side in sides for c in side.choices if c.variable.name in values):
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
        return realise(self.pair.first, [*all_terms(self.spec), *all_terms(self.impl)], model)

    def _opaque_keys(self) -> bool:
        """Whether there are tables whose rules cannot be made: match kinds of an architecture that is not known."""
        kinds = {"exact", "lpm", "ternary", "range", "optional"}
        return any(key.match_kind not in kinds for _, table in self.pair.first.tables() for key in table.keys)

    def _differ(self, setting: _Setting) -> bool:
        """Whether the second side's result is none that the first side allows."""
        try:
            actual = self._observed(setting, "impl")
            names = [v.name for v in choices_of(self.spec)]
            if not names or self.pair.exactly:
                return self._observed(setting, "spec").differs(actual)
            return all(self._observed(setting, "spec", guess).differs(actual) for guess in _guesses(self.spec))
        except (ValueError, KeyError):
            return False

    def _observed(self, setting: _Setting, side: str, choices: Mapping[str, int] | None = None) -> Observed:
        given = setting.given
        behaviour = self.spec if side == "spec" else self.impl
        model = given.model
        functions: dict[str, Function] = model.callables()
        values = {n: v for n, v in model.values.items() if not n.startswith(("pkt", "in.port"))}
        if setting.rules is not None:
            known = answers(self.pair.first, setting.rules)
            functions |= known.functions
            values |= known.inputs
        values |= choices or {}
        seen = evaluate_behaviour(
            replace(behaviour, choices=()),
            given.packet,
            given.port,
            functions=functions,
            inputs=_zeros(behaviour) | values,
            default=0,
            cells={n: i for n, i in given.cells.items() if n in _states(behaviour)},
            groups=lambda _kind, _group, depth: [_member(values, depth)],
        )
        metadata = {name: seen.metadata.get(name, values.get(f"in.{name}", 0)) for name in self._told}
        return Observed(seen.outputs, metadata, seen.state, carried=seen.carried, events=seen.events)

    # --- the interpreter --------------------------------------------------------------------------------------------

    def _interpreted(self, setting: _Setting) -> tuple[Trace, Trace] | str | None:
        """Traces of both programs, which must differ; None where the interpreter does not tell what is compared."""
        given, rules = setting.given, setting.rules
        if rules is None:
            return None
        try:
            known = self.pair.second_rules
            theirs = known if known is not None else self.pair.pairing.second_rules(rules)
        except Unsupported:
            return None
        if self.found.blocks is None:
            if given.cells or any(n.startswith(("in.", "each.")) and n != "in.port" for n in given.model.values):
                return None
            left = run(self.pair.first, rules, given.packet, given.port)
            right = run(self.pair.second, theirs, given.packet, given.port)
            if left.outputs == right.outputs:
                return "both programs, run, send the same"
            return left.trace, right.trace
        traces = (Trace(), Trace())
        results = []
        for program, block, entries, trace, identity in (
            (self.pair.first, self.found.blocks[0], rules, traces[0], self.pair.pairing.first_identity),
            (self.pair.second, self.found.blocks[1], theirs, traces[1], self.pair.pairing.second_identity),
        ):
            names = {n.removeprefix("in."): v for n, v in given.model.values.items() if n.startswith("in.")}
            functions = given.model.callables()
            cells = {n.removeprefix("state."): f for n, f in functions.items() if n.startswith("state.")}
            source = Concrete(given.packet, given.port, names, cells, lambda _: 0, functions)
            interface = self.interface if program is self.pair.second else None
            result, interface = run_block(program, block, entries, source, trace, interface, identity)
            self.interface = interface
            results.append({WORLD: names.get(WORLD, 0), **result})
        if results[0] == results[1]:
            return "both blocks, run, do the same"
        return traces

    # --- smaller ----------------------------------------------------------------------------------------------------

    def _smaller(self, setting: _Setting) -> _Setting:
        """Fewer rules, inputs that are 0, a shorter packet: whatever leaves the two different."""
        best = setting
        until = time.monotonic() + SHRINK_SECONDS
        for candidate in self._fewer_rules(best):
            if time.monotonic() < until and self._differ(candidate(best)):
                best = candidate(best)
        for name in list(best.given.model.values):
            if name.startswith("in.") and best.given.model.values[name] and time.monotonic() < until:
                values = {**best.given.model.values, name: 0}
                trial = replace(best, given=replace(best.given, model=Model(values, best.given.model.functions)))
                if self._differ(trial):
                    best = trial
        rules = best.rules

        def side(which: str) -> Callable[[Input], Observed]:
            def observe(given: Input) -> Observed:
                if not self._differ(_Setting(given, rules)):
                    raise ValueError
                return self._observed(_Setting(given, rules), which)

            return observe

        if time.monotonic() > until or not any(
            v.name.startswith("pkt") for v in b.variables(*all_terms(self.spec), *all_terms(self.impl))
        ):
            return best
        shrunk = shrink(best.given, side("spec"), side("impl"), budget=120)
        return replace(best, given=shrunk) if differ_on(shrunk, side("spec"), side("impl")) else best

    def _fewer_rules(self, setting: _Setting) -> Iterator[Callable[[_Setting], _Setting]]:
        """Each entry and each default left out."""
        if setting.rules is None or self.pair.rules is not None:
            return
        for table, entries in setting.rules.entries.items():
            for rule in entries:

                def without(s: _Setting, table: str = table, rule: Any = rule) -> _Setting:
                    assert s.rules is not None
                    rest = tuple(r for r in s.rules.of(table) if r is not rule)
                    return replace(s, rules=replace(s.rules, entries={**s.rules.entries, table: rest}))

                yield without
        for table in setting.rules.defaults:

            def undone(s: _Setting, table: str = table) -> _Setting:
                assert s.rules is not None
                rest = {t: d for t, d in s.rules.defaults.items() if t != table}
                return replace(s, rules=replace(s.rules, defaults=rest))

            yield undone


def _with_cells(given: Input, more: tuple[Mapping[str, int], ...]) -> Input:
    """An input with more cells of the state to look at."""
    cells = dict(given.cells)
    for place in more:
        for name, index in place.items():
            state = name.removeprefix("at.")
            cells[state] = tuple(dict.fromkeys((*cells.get(state, ()), index)))
    return replace(given, cells=cells)


def _member(values: Mapping[str, int], depth: int) -> tuple[int, int]:
    """The one member (port and instance) of every group that there is in the model."""
    return values.get(f"each.{depth}.port", 0), values.get(f"each.{depth}.instance", 0)


def _states(behaviour: Behaviour) -> set[str]:
    return {name for case in behaviour.cases for name in case.state}


def _zeros(behaviour: Behaviour) -> dict[str, int]:
    return {v.name: 0 for v in choices_of(behaviour)}


def _guesses(spec: Behaviour) -> Iterator[dict[str, int]]:
    """Values of the choices: all zeros, all ones, and some at random."""
    variables = choices_of(spec)
    rng = random.Random(0)
    yield {v.name: 0 for v in variables}
    yield {v.name: (1 << max(1, v.width)) - 1 for v in variables}
    for _ in range(GUESSES):
        yield {v.name: rng.getrandbits(max(1, v.width)) for v in variables}


def _decoded(trace: Trace) -> tuple[str, ...]:
    """The headers that the first program's parser took, by field."""
    lines = []
    for step in trace.steps:
        if step["step"] == "extract" and isinstance(step["fields"], dict):
            fields = " ".join(f"{n}={hex(v) if isinstance(v, int) else v}" for n, v in step["fields"].items())
            lines.append(f"{step['header']}: {fields}")
    return tuple(lines)


_TOLD = ("table", "extract", "output")


def _first_divergence(mine: Trace, theirs: Trace) -> str:
    """The first lookup, extraction or output in which the two runs differ, with its places."""

    def key(step: Mapping[str, Any]) -> tuple[Any, ...]:
        if step["step"] == "table":
            return "table", step["hit"], str(step["table"]).rsplit(".", 1)[-1], tuple(step["key"].values())
        if step["step"] == "extract":
            return ("extract", *(str(v) for v in (step["fields"] or {}).values()))
        return tuple(str(v) for v in step.values())

    left, right = ([s for s in t.steps if s["step"] in _TOLD and not _internal(s)] for t in (mine, theirs))
    for x, y in zip(left, right, strict=False):
        if key(x) != key(y):
            return f"{_told(x)} / {_told(y)}"
    if len(left) != len(right):
        rest = left[len(right)] if len(left) > len(right) else right[len(left)]
        return f"only one of the programs comes to {_told(rest)}"
    return ""


def _internal(step: Mapping[str, Any]) -> bool:
    """A table without keys: compilers put statements into such."""
    return step["step"] == "table" and not step["key"]


def _told(step: Mapping[str, Any]) -> str:
    where = step.get("where")
    place = f" at {where['file']}:{where['line']}" if where else ""
    if step["step"] == "table":
        return f"table {step['table']} {'hit' if step['hit'] else 'miss'}: {step['action']}{place}"
    if step["step"] == "extract":
        return f"extract {step['header']}{place}"
    return f"output {step.get('packet', '')}{place}"
