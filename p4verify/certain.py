"""Whether what two runs show differs for certain: whatever the first program's undefined values are.

A counterexample that the solver gave does: no choice makes the first do what the second does. One that was made smaller
has to show it again, for a run sees one choice only.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import and_
from typing import Literal

from .on_numbers import all_terms
from .proofs.answers import Table
from .proofs.choices import choices_of, map_terms
from .proofs.compare import inputs_read, obligations
from .proofs.counterexample import Input, Side
from .proofs.engine import Engine, Model
from .proofs.fixing import Application, as_decision
from .proofs.verdict import Observed
from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour, is_choice, is_choice_of_a_copy
from .semantics.meaning.cells_before import with_all_cells
from .semantics.meaning.payload import PayloadFunctions, of_any_length

Function = Callable[..., int]
GUESSES = 24
"""Values of the program's undefined values that are tried, all at once, to see that none of them does."""
SECONDS = 5.0
"""For the question whether an undefined value would do."""


def guesses(choices: Sequence[Term]) -> Iterator[dict[str, int]]:
    """Values of undefined values: all zeros, all ones, and some at random."""
    rng = random.Random(0)
    yield {v.name: 0 for v in choices}
    yield {v.name: (1 << max(1, v.width)) - 1 for v in choices}
    for _ in range(GUESSES):
        yield {v.name: rng.getrandbits(max(1, v.width)) for v in choices}


def surely(spec: Side, impl: Side, choices: Sequence[Term]) -> Side:
    """``spec``, which does what ``impl`` does wherever one of its undefined values might let it, so far as tried."""

    def run(given: Input) -> Observed:
        actual = impl(given)
        seen = [spec(given)]
        for guess in guesses(choices):
            if not seen[-1].differs(actual):
                return actual
            model = Model({**given.model.values, **guess}, given.model.functions)
            seen.append(spec(replace(given, model=model)))
        return seen[0] if differs_in_all(seen, actual) else actual

    return run


def differs_in_all(seen: Sequence[Observed], other: Observed) -> bool:
    """Whether there is something that is the same in all of ``seen`` and another in ``other``."""
    aligned = True
    if any(one.kinds and not one.of_alike_kinds(other) for one in seen):
        if _always_missing(seen, other):
            return True
        seen, other = _without_common(seen, other)
        aligned = all(len(one.outputs) <= 1 for one in (*seen, other))
    facets = [_facets(one.in_step(other)[0], frames=aligned) for one in seen]
    theirs = _facets(other.in_step(seen[0])[0], frames=aligned)
    names = dict.fromkeys(name for found in (*facets, theirs) for name in found)
    return any(
        all(found.get(name) == facets[0].get(name) for found in facets) and facets[0].get(name) != theirs.get(name)
        for name in names
    )


def _always_missing(seen: Sequence[Observed], other: Observed) -> bool:
    """Whether all of ``seen`` send some frame equally often, and ``other`` less often."""
    mine, theirs = [Counter(one.outputs) for one in seen], Counter(other.outputs)
    return any(all(each[frame] == count for each in mine) and count > theirs[frame] for frame, count in mine[0].items())


def _without_common(seen: Sequence[Observed], other: Observed) -> tuple[list[Observed], Observed]:
    """All without the frames that all of them send: it is not known which of the frames correspond to each other."""
    counted = [Counter(one.outputs) for one in (*seen, other)]
    common = reduce(and_, counted)
    told = [
        replace(one, outputs=tuple((frames - common).elements()), carried=(), kinds=())
        for one, frames in zip((*seen, other), counted, strict=True)
    ]
    return told[:-1], told[-1]


def _facets(seen: Observed, *, frames: bool) -> dict[Hashable, Hashable]:
    """All that is observed, one by one: number of frames, ports, lengths and bytes (of each of the ``frames``, if they
    are in step), events, metadata, state."""
    found: dict[Hashable, Hashable] = {"fault": seen.fault, "frames": len(seen.outputs), "events": seen.events}
    for number, (to, port, frame) in enumerate(seen.outputs if frames else ()):
        found |= {(number, "to"): to, (number, "port"): port, (number, "length"): len(frame)}
        found |= {(number, at): octet for at, octet in enumerate(frame)}
    for number, carried in enumerate(seen.carried if frames else ()):
        found |= {(number, name): value for name, value in carried.items()}
    found |= {("metadata", name): value for name, value in seen.metadata.items()}
    return found | {("state", name, i): value for name, cells in seen.state.items() for i, value in cells.items()}


def allows(
    spec: Behaviour,
    impl: Behaviour,
    given: Input,
    functions: Mapping[str, Function],
    engine: Engine,
    tables: Mapping[str, Table] | None = None,
) -> Literal["yes", "no", "unknown"]:
    """Whether some undefined values let ``spec`` do on one input what ``impl`` does.

    Args:
        spec: the first program.
        impl: the second; its choices have values in ``given``.
        given: the input, with the cells that are looked at as ``at.NAME``.
        functions: uninterpreted functions by name; others are 0.
        engine: is asked.
        tables: the same functions where an undefined value is asked for; None if that is not known.
    """
    free = frozenset(choices_of(spec))
    sides = [on_input(side, given, functions, free, tables=tables) for side in with_all_cells(spec, impl)]
    parts = [o.violation for o in obligations(sides[0], sides[1], (inputs_read(spec), inputs_read(impl)))]
    if any(not call.args for call in b.applications(*parts)):
        return "unknown"  # what a copy's cell held, whichever it is
    known = _on_input(parts, given, functions, free, tables=tables)  # bytes of the payload are asked for there only
    violation = b.or_(*known)
    if b.applications(violation):
        return "unknown"  # a table is asked with an undefined value
    answer = engine.satisfiable(b.not_(violation), "an undefined value that would do", SECONDS)
    return {"sat": "yes", "unsat": "no"}.get(answer.status, "unknown")  # type: ignore[return-value]


def certainly_told(side: Behaviour, given: Input, functions: Mapping[str, Function]) -> frozenset[str] | None:
    """The names of metadata that are the same on one input whatever is undefined and whatever comes with the frame, if
    all frames are that are sent; else None, as on an input that meets a fault, or may.

    Args:
        side: a program or a machine.
        given: the input.
        functions: uninterpreted functions by name; of others those of the payload are known, and state is 0.
    """
    free = frozenset(v for v in b.variables(*all_terms(side)) if _is_open(v))
    known = on_input(side, given, functions, free)
    live = [number for number, case in enumerate(known.cases) if case.guard is not b.FALSE]
    if len(live) != 1 or any(fault.guard is not b.FALSE for fault in known.faults):
        return None
    case = known.cases[live[0]]
    asked = {call.name for call in b.applications(*side.cases[live[0]].terms())} - functions.keys()
    sent = [term for output in case.outputs if output.when is not b.FALSE for term in output.terms()]
    if any(not name.startswith(("payload.", "state.")) for name in asked):
        return None
    if case.guard is not b.TRUE or any(not term.is_const for term in sent):
        return None
    return frozenset(name for name, term in case.metadata.items() if term.is_const)


def _is_open(variable: Term) -> bool:
    """Whether it is undefined, or comes with the frame but for its port."""
    if is_choice(variable) or is_choice_of_a_copy(variable):
        return True
    return variable.name.startswith("in.") and variable.name != "in.port"


def on_input(
    side: Behaviour,
    given: Input,
    functions: Mapping[str, Function],
    free: frozenset[Term],
    open_: str | None = None,
    tables: Mapping[str, Table] | None = None,
) -> Behaviour:
    """A behaviour on one input: all that it depends on but ``free`` is a number, and functions whose names begin with
    ``open_``; functions that are not in ``functions`` are 0. ``tables`` as of :func:`allows`."""

    def change(terms: list[Term]) -> list[Term]:
        return _on_input(terms, given, functions, free, open_, tables)

    return map_terms(side, change, {})


def _on_input(
    terms: Sequence[Term],
    given: Input,
    functions: Mapping[str, Function],
    free: frozenset[Term],
    open_: str | None = None,
    tables: Mapping[str, Table] | None = None,
) -> list[Term]:
    """Terms on one input, as of :func:`on_input`."""
    of_payload = PayloadFunctions(given.packet)

    def answer(name: str) -> Function:
        if name in functions:
            return functions[name]
        return of_payload[name] if name.startswith("payload.") else lambda *_: 0

    def other(call: Term) -> Application | None:
        known = tables is not None and not call.name.startswith("payload.")
        return as_decision(call, (tables or {}).get(call.name, {})) if known else None

    values = {v: b.literal(_value(v.name, given), v) for v in b.variables(*terms) if v not in free}
    calls = {call.name: call for call in b.applications(*terms)}
    calls = {n: call for n, call in calls.items() if open_ is None or not n.startswith(open_)}
    return b.substitute(terms, values, {n: _folding(call, answer(n), other(call)) for n, call in calls.items()})


def _value(name: str, given: Input) -> int:
    if name == "pkt.len":
        return len(given.packet)
    if name == "in.port":
        return given.port
    if name.startswith("pkt[") and name.endswith("]"):
        at = int(name[4:-1])
        return given.packet[at] if at < len(given.packet) else 0
    total = of_any_length(name, given.packet)
    return given.model.values.get(name, 0) if total is None else total


def _folding(call: Term, function: Function, other: Application | None) -> Application:
    """The function on numbers; where an argument is none, the ``other`` one, or left as it is."""

    def build(*args: Term) -> Term:
        if all(arg.is_const for arg in args):
            return b.literal(function(*(arg.value for arg in args)), call)
        return b.apply(call.name, call.sort, *args) if other is None else other(*args)

    return build
