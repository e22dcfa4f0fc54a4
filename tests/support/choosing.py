"""Whether some undefined values let a behaviour show on one input what another one showed there.

Everything but the undefined values is put into the behaviour as numbers; what is left is asked of a solver. It has
nothing of how proofs compare two behaviours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from p4verify.proofs.engine import Engine
from p4verify.running.behaviours import FAULT, NO_CASE, Compiled, Shown, output_kinds
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import Case, Event, Output

Keys = Mapping[str, Collection[tuple[int, ...] | None]]
"""What functions are asked with, by their names."""

SECONDS: Final = 5.0
ROUNDS: Final = 60
"""How often a solver's choice of keys is run."""


def can_show(
    side: Compiled,
    data: bytes,
    values: Mapping[Term, int],
    functions: Mapping[str, Callable[..., int]],
    shown: Shown,
    keys: Keys = MappingProxyType({}),
) -> bool | None:
    """Whether undefined values (``any.*``) let ``side`` show this of the frame ``data``.

    Args:
        side: the behaviour.
        data: the frame.
        values: of everything else; the frame's bytes apart.
        functions: by name.
        shown: what is to be shown, by the names that both sides tell.
        keys: what functions are worth asking with where undefined values are asked, by the functions' names.

    Returns:
        None if that is not known: the solver has no answer in :data:`SECONDS`.
    """
    behaviour = side.behaviour
    possible = b.and_(*(a.condition for a in (*behaviour.domain, *behaviour.reaching)), *behaviour.axioms)
    faults = b.or_(*(f.guard for f in behaviour.faults))
    put, asking = _Put(data, values, functions), _Asking(functions, keys)
    possible, faults, *guards = put([possible, faults, *(case.guard for case in behaviour.cases)])
    if "fault" in shown:
        none = b.and_(b.not_(faults), *(b.not_(guard) for guard in guards))
        return _asked([b.and_(possible, {FAULT: faults, NO_CASE: none}[shown["fault"]])], asking)
    ways = []
    for case, guard in zip(behaviour.cases, guards, strict=True):
        here = b.and_(possible, b.not_(faults), guard)
        if here is not b.FALSE:
            ways.append(b.and_(here, _shows(side, case, data, put, shown)))
    return _asked(ways, asking)


def _asked(ways: Sequence[Term], asking: _Asking) -> bool | None:
    """Whether one of the ways can be, of which a solver chooses what functions are asked with where that is undefined.

    What they answer to a key of the solver's choice is open to it at first; whatever it makes of that is run, and the
    keys that were asked then are known from there on.
    """
    query, end = b.or_(*ways), time.monotonic() + SECONDS
    calls = b.applications(query)
    run, masks = b.Plan([query, *(arg for call in calls for arg in call.args)]), asking.masks(calls)
    for _ in range(ROUNDS):
        found = Engine().satisfiable(asking(query), seconds=max(0.1, end - time.monotonic()))
        if found.model is None:
            return False if found.status == "unsat" else None
        holds, *asked = run(found.model.values, masks, 0)
        if holds:
            return True
        known, numbers = asking.size, (int(one) for one in asked if not isinstance(one, dict))
        for call in calls:
            asking.learn(call.name, tuple(next(numbers) for _ in call.args))
        if asking.size == known or time.monotonic() > end:
            return None
    return None


class _Asking:
    """Functions that are asked with undefined values: what they answer to known keys is put in."""

    def __init__(self, functions: Mapping[str, Callable[..., int]], keys: Keys) -> None:
        self._functions = functions
        self._keys: dict[str, dict[tuple[int, ...], None]] = {}
        self._beside = [key for known in keys.values() for key in known if key]
        """Keys that are worth asking any function with: tables are asked whether, and what, with one key."""

    @property
    def size(self) -> int:
        """How many keys are known."""
        return sum(map(len, self._keys.values()))

    def learn(self, name: str, key: tuple[int, ...]) -> None:
        """That a function is asked with a key."""
        self._keys.setdefault(name, {})[key] = None

    def masks(self, calls: Sequence[Term]) -> dict[str, Callable[..., int]]:
        """The functions, with answers of their width."""

        def masked(function: Callable[..., int], mask: int) -> Callable[..., int]:
            return lambda *key: int(function(*key)) & mask

        return {call.name: masked(self._functions[call.name], (1 << max(1, call.width)) - 1) for call in calls}

    def __call__(self, query: Term) -> Term:
        [answered] = b.substitute([query], {}, {call.name: self._answer(call) for call in b.applications(query)})
        return answered

    def _answer(self, call: Term) -> Callable[..., Term]:
        function = self._functions[call.name]
        for key in ((0,) * len(call.args), *self._beside):
            if len(key) == len(call.args) and all(k >> arg.width == 0 for k, arg in zip(key, call.args, strict=True)):
                self.learn(call.name, key)
        keys = list(self._keys[call.name])

        def build(*args: Term) -> Term:
            if all(arg.is_const for arg in args):
                return b.literal(function(*(int(arg.value) for arg in args)), call)
            value = b.apply(call.name, call.sort, *args)
            for key in keys:
                here = b.and_(*(b.eq(arg, b.literal(k, arg)) for arg, k in zip(args, key, strict=True)))
                value = b.ite(here, b.literal(function(*key), call), value)
            return value

        return build


class _Put:
    """Numbers for all but undefined values."""

    def __init__(self, data: bytes, values: Mapping[Term, int], functions: Mapping[str, Callable[..., int]]) -> None:
        self._data, self._values, self._functions = data, values, functions

    def __call__(self, terms: Sequence[Term]) -> list[Term]:
        known = {v: b.literal(self._of(v), v) for v in b.variables(*terms) if not v.name.startswith("any.")}
        folding = {call.name: self._folding(call) for call in b.applications(*terms)}
        return b.substitute(list(terms), known, folding)

    def _of(self, variable: Term) -> int:
        if variable.name.startswith("pkt["):
            at = int(variable.name[4:-1])
            return self._data[at] if at < len(self._data) else 0
        return self._values[variable]

    def _folding(self, call: Term) -> Callable[..., Term]:
        def build(*args: Term) -> Term:
            if not all(arg.is_const for arg in args):
                return b.apply(call.name, call.sort, *args)
            return b.literal(self._functions[call.name](*(int(arg.value) for arg in args)), call)

        return build


def _shows(side: Compiled, case: Case, data: bytes, put: _Put, shown: Shown) -> Term:
    """That a case shows just that: the values that are told, and of each kind of outputs and events those, in order."""
    told = side.told(case)
    values = put([*told.values(), *(o.when for o in case.outputs), *(e.when for e in case.events)])
    same = [_is(x, shown.get(name)) for name, x in zip(told, values, strict=False)]
    whens = values[len(told) :]
    mine: dict[str, list[tuple[Term, Output | Event]]] = {}
    for when, one in zip(whens, (*case.outputs, *case.events), strict=True):
        kind = f"outputs {output_kinds(one)}" if isinstance(one, Output) else f"event {one.name}"
        mine.setdefault(kind, []).append((when, one))
    theirs = {name: value for name, value in shown.items() if name.startswith(("outputs ", "event "))}
    kinds = dict.fromkeys((*mine, *theirs))
    same += [_in_order(side, mine.get(kind, []), theirs.get(kind, []), data, put) for kind in kinds]
    return b.and_(*same)


def _in_order(
    side: Compiled, mine: Sequence[tuple[Term, Output | Event]], theirs: Sequence[Any], data: bytes, put: _Put
) -> Term:
    """That of outputs or events of one kind those which are there are these: so many of the ones are the first so many
    of the others, with one more of the ones at a time."""
    reached = [b.TRUE, *(b.FALSE for _ in theirs)]
    for when, one in mine:
        if when is b.FALSE:
            continue
        here = [b.and_(when, before, *_same(side, one, other, data, put)) if before is not b.FALSE else b.FALSE
                for before, other in zip(reached, theirs, strict=False)]  # fmt: skip
        absent = b.not_(when)
        reached = [b.or_(b.and_(absent, x), y) for x, y in zip(reached, [b.FALSE, *here], strict=True)]
    return reached[-1]


def _same(side: Compiled, one: Output | Event, other: Any, data: bytes, put: _Put) -> Iterator[Term]:
    return _same_output(side, one, other, data, put) if isinstance(one, Output) else _same_event(one, other, put)


def _same_output(side: Compiled, output: Output, other: tuple[Any, ...], data: bytes, put: _Put) -> Iterator[Term]:
    port, groups, frame, more = other
    packet = output.packet
    carried = side.carried(output)
    terms = put([output.port, *(r.group for r in output.each), *packet.prefix, *carried])
    ours = [*terms[1 : 1 + len(output.each)], *terms[len(terms) - len(carried) :]]
    yield _is(terms[0], port)
    yield from (_is(x, y) for x, y in zip(ours, (*groups, *more), strict=True))
    prefix = terms[1 + len(output.each) : len(terms) - len(carried)]
    rest = data[packet.payload :]
    size = len(prefix) + len(rest)
    size = size if packet.size is None else min(size, packet.size)
    if size != len(frame) or frame[len(prefix) :] != rest[: max(0, size - len(prefix))]:
        yield b.FALSE
    yield from (_is(x, y) for x, y in zip(prefix, frame, strict=False))


def _same_event(event: Event, other: tuple[int, ...], put: _Put) -> Iterator[Term]:
    fields = put([*event.fields, *(r.group for r in event.each)])
    yield from (_is(x, y) for x, y in zip(fields, other, strict=True))


def _is(term: Term, value: int | None) -> Term:
    return b.FALSE if value is None else b.eq(term, b.literal(value, term))
