"""A behaviour as Python functions, for runs by the ten thousand: which case an input is in, and what it shows there.

What is shown of an input is a mapping from the names of observables to values that two behaviours can be compared by:
frames with their ports and groups, shape by shape; events; metadata; one arbitrary cell of every state; what copies
write. An arbitrary member stands for those of a group, as in a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import RETURNS, Behaviour, Case, Output, distinct_terms, of_a_copy
from ..semantics.meaning.cells_before import cell_before
from .terms import Source, function

OUTSIDE: Final = -1
"""The input is none that can occur, or the rules are none that may be installed."""
FAULT: Final = -2
NO_CASE: Final = -3

Shown = dict[str, Any]
Values = Sequence[int]
Asked = Sequence[Callable[..., int]]


class Compiled:
    """One behaviour; made for a ``common`` set of names that both sides of a comparison show."""

    def __init__(self, behaviour: Behaviour, common: Common) -> None:
        self.behaviour, self._common = behaviour, common
        self.terms = [*_terms(behaviour), *common.terms()]
        """All that is evaluated."""
        free = b.variables(*self.terms)
        self.variables = tuple(v for v in free if not v.name.startswith("pkt["))
        """Everything but the frame's bytes, in the order of ``values``."""
        self.functions = tuple(dict.fromkeys((c.name, c.width) for c in b.applications(*self.terms)))
        """Name and width of every function, in the order of ``asked``."""
        self._places = {v: f"V[{i}]" for i, v in enumerate(self.variables)}
        self._calls = {name: f"F[{i}]" for i, (name, _) in enumerate(self.functions)}
        self._which = self._guards()
        self._cells = self._indices()
        self._cases: dict[int, Callable[..., Shown]] = {}

    def which(self, frame: Sequence[int], values: Values, asked: Asked) -> int:
        """The number of the case, or :data:`OUTSIDE`, :data:`FAULT`. ``frame`` is padded with zeros."""
        number = self._which(frame, values, asked)
        assert isinstance(number, int)
        return number

    def shown(self, number: int, data: bytes, frame: Sequence[int], values: Values, asked: Asked) -> Shown:
        """What case ``number`` shows of the frame ``data`` (padded: ``frame``)."""
        if number < 0:
            return {"fault": number}
        if number not in self._cases:
            self._cases[number] = self._case(self.behaviour.cases[number])
        return self._cases[number](data, frame, values, asked)

    def cells(self, frame: Sequence[int], values: Values, asked: Asked) -> list[tuple[str, int]]:
        """The cells of states (``at.NAME``) that an input reads or writes."""
        found: list[tuple[str, int]] = self._cells(frame, values, asked)
        return found

    def told(self, case: Case) -> dict[str, Term]:
        """What a case shows beside outputs and events, by name."""
        found = {}
        for name in self._common.metadata:
            found[f"metadata {name}"] = case.metadata.get(name, self._common.before[f"in.{name}"])
        for name in self._common.state:
            found[f"state {name}"] = case.state.get(name, self._common.before[f"state.{name}"])
        for kinds, (most, names) in self._common.copies.items():
            wrote = _written(case, kinds)
            for number in range(most):
                after = wrote[number] if number < len(wrote) else {}
                for name, before in names.items():
                    found[f"copy {number} of {kinds}: state {name}"] = after.get(name, before)
        return found

    def carried(self, output: Output) -> list[Term]:
        """What goes with an output, and is shown; of one that comes back only what is said."""
        if output.to in RETURNS:
            return [output.metadata[n] for n in self._common.carried if n in output.metadata]
        return [output.metadata.get(n, self._common.before[f"in.{n}"]) for n in self._common.beside]

    def _place(self, term: Term) -> str:
        if term.op == "apply":
            return self._calls[term.name]
        if term.name.startswith("pkt["):
            return f"P[{term.name[4:-1]}]"
        return self._places[term]

    def _guards(self) -> Callable[..., Any]:
        side = self.behaviour
        possible = [*(a.condition for a in (*side.domain, *side.reaching)), *side.axioms]
        faults, guards = [f.guard for f in side.faults], [c.guard for c in side.cases]
        source = Source([*possible, *faults, *guards], self._place)
        asked = [(b.not_(t), OUTSIDE) for t in possible] + [(t, FAULT) for t in faults]
        for term, answer in (*asked, *((t, i) for i, t in enumerate(guards))):
            test = source.expression(term)
            source.lines.append(f"if {test}: return {answer}")
        return function("which(P, V, F)", [*source.lines, f"return {NO_CASE}"])

    def _indices(self) -> Callable[..., Any]:
        """Of every comparison with the number of the cell that is looked at: the name, and what it is compared with."""
        compared: dict[tuple[str, Term], None] = {}
        for node in b.postorder(self.terms):
            for x, y in (node.args, node.args[::-1]) if node.op == "eq" else ():
                if x.op == "var" and x.name.startswith("at.") and not y.is_const:
                    compared[x.name, y] = None
        source = Source([index for _, index in compared], self._place)
        pairs = [f"({name!r}, {source.expression(index)})" for name, index in compared]
        return function("cells(P, V, F)", [*source.lines, f"return [{', '.join(pairs)}]"])

    def _case(self, case: Case) -> Callable[..., Shown]:
        source = Source([*case.terms(), *self._common.terms()], self._place)
        value = source.expression
        lines = source.lines
        lines.append("out = {}")
        lines += [f"out[{name!r}] = int({value(term)})" for name, term in self.told(case).items()]
        for output in case.outputs:
            self._sends(source, output)
        for event in case.events:
            fields = "".join(f"int({value(t)}), " for t in (*event.fields, *(r.group for r in event.each)))
            when = value(event.when)
            lines.append(f"if {when}: out.setdefault({f'event {event.name}'!r}, []).append(({fields}))")
        return function("case(D, P, V, F)", [*lines, "return out"])

    def _sends(self, source: Source, output: Output) -> None:
        value, packet = source.expression, output.packet
        groups = "".join(f"int({value(r.group)}), " for r in output.each)
        prefix = "".join(f"{value(t)}, " for t in packet.prefix)
        cut = f"[:{value(packet.kept)}]" if packet.size is not None else ""
        if packet.filled:
            cut = f".ljust({value(packet.kept)}, bytes(1)){cut}"
        trailer = "".join(f"{value(t)}, " for t in packet.trailer)
        more = "".join(f"{value(t)}, " for t in self.carried(output))
        port, when = value(output.port), value(output.when)
        frame = f"(bytes(({prefix})) + D[{packet.payload}:]){cut} + bytes(({trailer}))"
        source.lines.append(f"if {when}: out.setdefault({f'outputs {output_kinds(output)}'!r}, []).append("
                            f"({port}, ({groups}), {frame}, ({more})))")  # fmt: skip


class Common:
    """What two behaviours show of themselves: names, and what is seen where one says nothing of a name.

    ``but``: states that are not looked at.
    """

    def __init__(self, *sides: Behaviour, but: frozenset[str] = frozenset()) -> None:
        cases = [case for side in sides for case in side.cases]
        self.metadata = tuple(sorted({name for case in cases for name in case.metadata}))
        self.state = tuple(sorted({name for case in cases for name in case.state if not name.startswith(tuple(but))}))
        reads = [{v.name for v in b.variables(*_terms(side))} for side in sides]
        named = {
            (o.to in RETURNS, name): term for case in cases for o in case.outputs for name, term in o.metadata.items()
        }
        carried = {name for comes_back, name in named if comes_back}
        self.carried = tuple(sorted(n for n in carried if all(f"in.{n}" in names for names in reads)))
        """What goes with a frame that comes back, and is read by both sides."""
        self.beside = tuple(sorted(name for comes_back, name in named if not comes_back))
        """What goes with any other."""
        self.before = {f"in.{name}": b.var(f"in.{name}", named[False, name].sort) for name in self.beside}
        for case in cases:
            for name, term in case.metadata.items():
                self.before.setdefault(f"in.{name}", b.var(f"in.{name}", term.sort))
            for name, term in case.state.items():
                if f"state.{name}" not in self.before:  # a walk over all that is below the term
                    self.before[f"state.{name}"] = cell_before(name, term)
        self.copies: dict[str, tuple[int, dict[str, Term]]] = {}
        """What copies write, by the kinds of the groups: how many do at most, and what a cell held before."""
        for case in cases:
            for output in (output for output in case.outputs if output.state):
                kinds = _kinds(output)
                most, names = self.copies.get(kinds, (0, {}))
                self.copies[kinds] = (max(most, len(_written(case, kinds))), names)
                for name, term in output.state.items():
                    if name not in names:
                        names[name] = cell_before(name, term, of_a_copy(len(output.each) - 1, "state"))

    def terms(self) -> list[Term]:
        """What is seen where a behaviour says nothing."""
        return [*self.before.values(), *(t for _, names in self.copies.values() for t in names.values())]


def output_kinds(output: Output) -> str:
    """To whom an output goes: kinds of groups, then the destination."""
    return " ".join((*(r.kind for r in output.each), output.to))


def _kinds(output: Output) -> str:
    return "/".join(r.kind for r in output.each)


def _written(case: Case, kinds: str) -> list[Mapping[str, Term]]:
    """What the copies to groups of these kinds write to states, for those that do."""
    return [output.state for output in case.outputs if output.state and _kinds(output) == kinds]


def _terms(behaviour: Behaviour) -> list[Term]:
    more = [a.condition for a in (*behaviour.domain, *behaviour.reaching)]
    return [*distinct_terms(behaviour.cases), *more, *behaviour.axioms, *(f.guard for f in behaviour.faults)]
