"""Assertions of programs: checked by themselves on the program that says what is right, faults of the other one.

An ``assert`` restricts what is compared, as an ``assume`` does, and that is only right if somebody looks for packets on
which it fails: :func:`check_assertions`. What a *second* program asserts or assumes restricts nothing. It has no right
to fail where the first program allows the packet, so :func:`with_faults` makes a fault of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .explain import Ran, decoded_headers, diverges, explain, only_met
from .interpreted import Groups, Undefined, run_on
from .on_numbers import all_terms
from .proofs.as_needed import satisfiable
from .proofs.counterexample import Input, input_of
from .proofs.engine import Engine, Model
from .proofs.refine import some_input
from .proofs.verdict import Counterexample, Observed, Proof, Tally, Verdict
from .realise import CannotRealise, describe, realise
from .restrictions import Restrictions
from .semantics import bits as b
from .semantics import ir
from .semantics.arch.assertions import OPEN
from .semantics.bits import Term
from .semantics.ir.traverse import fold
from .semantics.meaning.behaviour import CHOICE, Assumption, Behaviour, Fault, sends_copies
from .semantics.meaning.concrete import BadBehaviour, evaluate_behaviour
from .semantics.meaning.program import Run, meaning
from .semantics.rules.ruleset import RuleSet
from .semantics.source import NOWHERE, Unsupported
from .smaller import Setting, smaller


def with_faults(second: Behaviour) -> Behaviour:
    """The behaviour of a second program, in which a call of ``assert`` or ``assume`` that fails is a fault.

    Raises:
        Unsupported: a condition reads an undefined value, so it fails or not as the value may be.
    """
    calls = [a for a in second.domain if a.call in ("assert", "assume")]
    for call in calls:
        if any(v.name.startswith(OPEN) for v in b.variables(call.condition)):
            raise Unsupported(f"{call.call} of a value that may be undefined, in the second program", call.where)
    faults = tuple(Fault(b.not_(a.condition), f"{a.call} fails at {a.where}", a.where) for a in calls)
    rest = tuple(a for a in second.domain if a not in calls)
    return replace(second, domain=rest, faults=(*second.faults, *faults))


def vacuous(sides: Sequence[Behaviour], engine: Engine) -> str:
    """Why nothing was shown, if no input and rule set satisfies what is assumed; "" if one does.

    An assumption of the user's says nothing of packets that do not get to the control that it speaks of, so some packet
    has to get there and satisfy it; not only with luck, by undefined values that it reads.
    """
    conditions = [a.condition for side in sides for a in (*side.domain, *side.reaching)]
    conditions += [t for side in sides for t in side.axioms]
    reached: dict[str, list[Term]] = {"": [b.TRUE]}
    for a in (a for side in sides for a in side.domain if a.call == "given"):
        reached.setdefault(a.text, []).append(a.reached)
    undefined = [v for v in b.variables(*conditions) if v.name.startswith(OPEN)] if len(reached) > 1 else []
    for ways in reached.values():
        possible = b.and_(*conditions, b.or_(*ways))
        answer = some_input(possible, engine)
        if answer.status == "unknown":
            return f"whether the assumptions can hold is not decided: {answer.reason}"
        if answer.status == "unsat":
            return EMPTY
        if undefined and some_input(_whatever(undefined, possible), engine).status == "unsat":
            return LUCKY
    return ""


EMPTY: Final = "no input satisfies the assumptions, so nothing is shown"
LUCKY: Final = "inputs satisfy the assumptions only by undefined values that these read, so nothing is shown"


def verdict_of_nothing(reason: str) -> Verdict:
    """The verdict where nothing was shown for this ``reason`` (of :func:`vacuous`)."""
    return Verdict.UNSUPPORTED if reason in (EMPTY, LUCKY) else Verdict.UNDECIDED


def _whatever(undefined: Sequence[Term], possible: Term) -> Term:
    """``possible`` with zeros and with ones in place of undefined values: less than whatever they are, and enough to
    tell what holds by luck alone."""
    filled = []
    for ones in (False, True):
        values = {
            v: b.boolean(ones) if v.sort is b.BOOL else b.bv(-ones & (1 << v.width) - 1, v.width) for v in undefined
        }
        filled += b.substitute([possible], values)
    return b.and_(*filled)


# --- checking -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asserted:
    """What is checked: the program (with what the user assumes in it), its rules (None for all), what they keep to."""

    program: ir.Program
    rules: RuleSet | None
    restrictions: Restrictions | None = None


def has_asserts(program: ir.Program) -> bool:
    """Whether a program calls ``assert``."""

    def gather(node: object, _fields: object, parts: Sequence[bool]) -> bool:
        return any(parts) or (isinstance(node, ir.ExternCall) and node.extern == "assert")

    bodies = (*program.parsers, *program.controls, *program.functions, *program.actions)
    return fold(bodies, lambda _: False, lambda node: False if isinstance(node, ir.Type) else None, gather)


def shows_nothing(proof: Proof, sides: Sequence[Behaviour], engine: Engine) -> Proof:
    """``proof``, unless it accepts under assumptions of the user's that nothing satisfies."""
    if proof.verdict is not Verdict.ACCEPT or not any(a.call == "given" for side in sides for a in side.domain):
        return proof
    nothing = vacuous(sides, engine)
    if not nothing:
        return proof
    return replace(proof, verdict=verdict_of_nothing(nothing), reason=nothing)


def check_assertions(what: Asserted, engine: Engine, started: float) -> Proof:
    """Whether every ``assert`` of the program holds.

    Raises:
        Unsupported: the program uses what is not modelled.
    """
    spec = meaning(what.program, what.rules)
    if what.rules is None and what.restrictions is not None:
        spec = what.restrictions.restricted(spec)
    asserts = [a for a in spec.domain if a.call == "assert"]
    assumed = tuple(a for a in spec.domain if a.call != "assert")
    possible = [*(a.condition for a in assumed), *spec.axioms]
    texts = tuple(dict.fromkeys(a.text for a in assumed))

    def ended(
        verdict: Verdict, reason: str, where: Assumption | None = None, found: Counterexample | None = None
    ) -> Proof:
        span = where.where if where is not None else NOWHERE
        tally = Tally(len(asserts), engine.folded, engine.solved, len(asserts))
        return Proof(verdict, reason, tally, span, found, seconds=time.monotonic() - started, assumptions=texts,
                     warnings=spec.notes)  # fmt: skip

    if vacuous([replace(spec, domain=assumed)], engine) == EMPTY:
        return ended(Verdict.UNSUPPORTED, EMPTY)
    unknown: tuple[str, Assumption] | None = None
    for one in asserts:
        answer = satisfiable(engine, b.not_(one.condition), possible, one.text)
        if answer.status == "unknown":
            unknown = unknown or (f"{one.text}: {answer.reason}", one)
        elif answer.model is not None:
            found = _confirmed(what, replace(spec, domain=assumed), one, answer.model)
            if isinstance(found, str):
                return ended(Verdict.UNDECIDED, f"a failing assertion was found but not confirmed ({found})", one)
            return ended(Verdict.REJECT, f"assert fails at {one.where}, on the packet shown", one, found)
    if unknown is not None:
        return ended(Verdict.UNDECIDED, *unknown)
    how = f"{len(asserts)} that could fail were checked" if asserts else "none could fail"
    return ended(Verdict.ACCEPT, f"every assertion holds: {how}")


def _confirmed(what: Asserted, spec: Behaviour, failing: Assumption, model: Model) -> Counterexample | str:
    """A packet and rules on which the interpreter met the assertion, and it failed; else why not."""
    runs = _Runs(what, spec, failing)
    try:
        first = _setting(runs, model)
        if isinstance(first, str):
            return first
        best = smaller(first, runs.fails, what.program, rules=what.rules is None, packet=True)
        ran = runs.ran(best)
    except (CannotRealise, BadBehaviour, Unsupported, KeyError, ValueError) as error:
        return str(error)
    assert ran is not None
    assert best.rules is not None
    steps = _until_it_fails(ran.trace.steps)
    seen = Observed(ran.outputs, fault=f"assert fails at {failing.where}")
    explanation = explain(Ran(what.program, steps), None, Observed(ran.outputs), seen)
    shown = only_met(best.rules, steps) if what.rules is not None else best.rules
    values = best.given.model.values
    inputs = {n: v for n, v in values.items() if n.startswith(("in.", OPEN)) and n != "in.port" and v}
    return Counterexample(
        best.given.packet, best.given.port, Observed(ran.outputs), seen, inputs, describe(shown, what.program),
        failing.text, ("interpreter",), decoded_headers(steps), diverges(explanation), "", explanation, "",
        "a failing assertion is nothing that an STF test can see",
    )  # fmt: skip


def _setting(runs: _Runs, model: Model) -> Setting | str:
    """The model's packet and rules, on which the assertion fails; else why there are none.

    Entries that only tables behind the assertion ask for are left out at first: there may be no legal ones.
    """
    what, failing = runs.what, runs.failing
    needed = [*(a.condition for a in runs.spec.domain), failing.condition]
    given = input_of(model)

    def rules() -> Iterator[RuleSet]:
        if what.rules is not None:
            yield what.rules
            return
        yield realise(what.program, needed, model)
        yield realise(what.program, [*all_terms(runs.spec), *needed], model)

    found = next((s for r in rules() if runs.fails(s := Setting(given, r))), None)
    return f"{failing.text}: it holds on the solver's packet" if found is None else found


def _until_it_fails(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    at = next(i for i, step in enumerate(steps) if step["step"] == "assertion" and not step["holds"])
    return steps[: at + 1]


@dataclass
class _Runs:
    """The program by the interpreter, to see an assertion fail."""

    what: Asserted
    spec: Behaviour
    failing: Assumption

    def ran(self, setting: Setting) -> Run | None:
        assert setting.rules is not None
        given = setting.given
        functions = given.model.callables()
        cells = {n.removeprefix("state."): f for n, f in functions.items() if n.startswith("state.")}
        groups = self._groups(given)
        chosen = Undefined(self.spec, given.model.values)
        return run_on(self.what.program, groups.into(setting.rules), given, cells, chosen)

    def _groups(self, given: Input) -> Groups:
        """The members of the groups that the packet is copied to."""
        groups = Groups(given.model.values)
        if sends_copies(self.spec):
            values = {n: v for n, v in given.model.values.items() if not n.startswith(("pkt", "in.port"))}
            zeros = {v.name: 0 for v in b.variables(*all_terms(self.spec)) if v.name.startswith((CHOICE, OPEN))}
            evaluate_behaviour(
                replace(self.spec, choices=(), domain=()), given.packet, given.port,
                functions=given.model.callables(), inputs=zeros | values, default=0, groups=groups.members,
            )  # fmt: skip
        return groups

    def fails(self, setting: Setting) -> bool:
        """Whether the run keeps every assumption and meets the assertion, which fails."""
        restrictions = self.what.restrictions
        if self.what.rules is None and restrictions is not None and setting.rules is not None:
            if restrictions.violation(setting.rules) is not None:
                return False
        try:
            ran = self.ran(setting)
        except (BadBehaviour, Unsupported, KeyError, ValueError):
            return False
        if ran is None:
            return False
        where = self.failing.where
        for step in ran.trace.steps:
            if step["step"] == "assertion" and not step["holds"]:
                if step["extern"] != "assert":
                    return False
                place = step["where"]
                if (place["file"], place["line"], place["column"]) == (where.file, where.line, where.column):
                    return True
        return False
