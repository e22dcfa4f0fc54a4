"""Cells of state of two architectures: counters and registers paired by name, whose shapes may be each one's own.

* An index is as wide as the wider one; beyond what the narrower can say, its side leaves cells alone.
* A counter that is narrower counts what the wider one does, modulo its width: that is what is compared.
* A register must be as wide on both sides.
* What has no partner is not compared only if the user says so, and if nothing reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from .mapping import ProgramMap
from .on_numbers import all_terms
from .pairing import Pairing
from .proofs.choices import map_terms
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour, Output, of_a_copy
from .semantics.source import InputError, Span, Unsupported

COUNTERS: Final = frozenset({"counter", "direct_counter", "Counter", "DirectCounter"})
_CELL: Final = re.compile(r"((?:each\.\d+\.)?state\.)(.*)", re.DOTALL)


@dataclass(frozen=True)
class _Shape:
    """Bits of a cell and of the index (0: there is but one cell)."""

    index: int
    width: int


def alike(pairing: Pairing, said: ProgramMap, spec: Behaviour, impl: Behaviour) -> tuple[Behaviour, Behaviour]:
    """Both sides with cells of the same shapes (``impl`` in the first's names).

    Raises:
        Unsupported: a counter or register has no partner, or one of another width; with its place.
        InputError: what is not to be observed is not there.
    """
    spec, impl = (_unobserved(side, pairing, said) for side in (spec, impl))
    mine, theirs = _shapes(spec), _shapes(impl)
    _all_paired(pairing, set(mine), set(theirs))
    for name in mine.keys() & theirs.keys():
        if mine[name] != theirs[name]:
            _same_kind(pairing.first, name, mine[name], theirs[name])
            shapes = (mine[name], theirs[name])
            common = _Common(name, max(s.index for s in shapes), min(s.width for s in shapes))
            spec, impl = common.applied(spec, mine[name]), common.applied(impl, theirs[name])
    return spec, impl


# --- names ----------------------------------------------------------------------------------------------------------


def _instance(program: ir.Program, state: str) -> ir.Instance | None:
    """The instance whose state has this name: its own, with what of it is meant behind it."""
    found = [i for i in program.instances if state == i.name or state.startswith(f"{i.name}.")]
    return max(found, key=lambda i: len(i.name), default=None)


def _all_paired(pairing: Pairing, mine: set[str], theirs: set[str]) -> None:
    """What only one side writes has a partner on the other, which it does not write."""
    partners = set(pairing.instances.values())
    for name in sorted(mine | theirs):
        found = _instance(pairing.first, name)
        if found is not None and found.name in partners:
            continue
        owner = found or _instance(pairing.second, name)
        other = "second" if name in mine else "first"
        reason = f"{name}: the {other} program has no counter or register like it; say so in [state] of a --map file"
        raise Unsupported(reason, owner.span if owner is not None else Span(pairing.second.file, 1, 1))


def _same_kind(program: ir.Program, name: str, mine: _Shape, theirs: _Shape) -> None:
    instance = _instance(program, name)
    if mine.width != theirs.width and (instance is None or instance.extern not in COUNTERS):
        reason = f"{name} has {mine.width} bits in one program and {theirs.width} in the other"
        raise Unsupported(reason, instance.span if instance is not None else Span(program.file, 1, 1))


def _unobserved(side: Behaviour, pairing: Pairing, said: ProgramMap) -> Behaviour:
    """``side`` without the state that the user does not want to be compared."""
    known = {i.name for p in (pairing.first, pairing.second) for i in p.instances}
    for name in said.unobserved:
        if name not in known:
            raise InputError.at(
                Span(said.path, 0, 0), f"[unobserved]: neither program has a counter or register {name}"
            )

    def hidden(state: str) -> bool:
        own = (state, pairing.instances.get(state, state))
        return any(n == u or n.startswith(f"{u}.") for n in own for u in said.unobserved)

    def seen(state: Mapping[str, Term]) -> dict[str, Term]:
        return {n: t for n, t in state.items() if not hidden(n)}

    def kept(output: Output) -> Output:
        return replace(output, state=seen(output.state))

    cases = tuple(
        replace(case, state=seen(case.state), outputs=tuple(kept(o) for o in case.outputs)) for case in side.cases
    )
    changed = replace(side, cases=cases)
    for call in b.applications(*all_terms(changed)):
        found = _CELL.fullmatch(call.name)
        if found is not None and hidden(found[2]):
            raise Unsupported(f"{found[2]} is not to be observed, but the program reads it", Span("", 0, 0))
    notes = tuple(f"{name} is not compared" for name in said.unobserved)
    return replace(
        changed, notes=(*changed.notes, *notes), observables=tuple(o for o in side.observables if not hidden(o))
    )


# --- shapes ---------------------------------------------------------------------------------------------------------


def _shapes(side: Behaviour) -> dict[str, _Shape]:
    """Every state that a side writes."""
    written: dict[str, Term] = {}
    for case in side.cases:
        for states in (case.state, *(o.state for o in case.outputs)):
            for name, term in states.items():
                written.setdefault(name, term)
    found = {}
    for name, term in written.items():
        at = next((v for v in b.variables(*all_terms(side)) if v.name == f"at.{name}"), None)
        found[name] = _Shape(at.width if at is not None else 0, term.width)
    return found


@dataclass(frozen=True)
class _Common:
    """The shape that a state of both sides is brought to."""

    name: str
    index: int
    width: int

    def applied(self, side: Behaviour, old: _Shape) -> Behaviour:
        """``side``, whose cells have shape ``old``, over narrow cells with wide indexes. Of a wide counter the upper
        bits are taken to be 0 before: what is added to the lower ones does not depend on them."""
        terms = all_terms(side)
        asked = {call.name for call in b.applications(*terms)}
        cells = {n: self._cell(n, old) for n in asked if (m := _CELL.fullmatch(n)) is not None and m[2] == self.name}
        at = self._at()
        narrower = {b.var(f"at.{self.name}", old.index): b.resize(at, old.index)} if old.index != self.index else {}
        changed = map_terms(side, lambda ts: b.substitute(ts, narrower, cells), {})
        cases = []
        for case in changed.cases:
            after = self._after(case.state.get(self.name), old, "state")
            outputs = tuple(
                replace(o, state={**o.state, self.name: self._after(o.state[self.name], old, self._of_copy(o))})
                if self.name in o.state
                else o
                for o in case.outputs
            )
            cases.append(replace(case, state={**case.state, self.name: after}, outputs=outputs))
        return replace(changed, cases=tuple(cases))

    def _of_copy(self, output: Output) -> str:
        return of_a_copy(len(output.each) - 1, "state")

    def _at(self) -> Term:
        return b.var(f"at.{self.name}", self.index)

    def _cell(self, function: str, old: _Shape) -> Callable[..., Term]:
        def cell(*index: Term) -> Term:
            narrow = b.apply(function, b.bit_vector(self.width), *(b.resize(i, self.index) for i in index))
            return b.resize(narrow, old.width)

        return cell

    def _after(self, term: Term | None, old: _Shape, before: str) -> Term:
        """What the cell at the wide index holds afterwards, as many bits as both have."""
        unchanged = b.apply(f"{before}.{self.name}", b.bit_vector(self.width), self._at())
        if term is None:
            return unchanged
        told = b.resize(term, self.width)
        inside = b.ult(self._at(), b.bv(1 << old.index, self.index)) if old.index < self.index else b.TRUE
        return b.ite(inside, told, unchanged)
