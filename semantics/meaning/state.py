"""The state of an execution, and two such states merged into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .. import bits as b
from ..bits import Term
from ..source import NOWHERE, Span
from .behaviour import Event
from .values import Ite, Value, mux

LeaveKind = Literal["exit", "return", "break", "continue", "reject"]


@dataclass(frozen=True, slots=True)
class Write:
    """A cell of some state is written: where ``when``, index ``index`` becomes ``value``."""

    when: Term
    index: Term
    value: Term


@dataclass(frozen=True, slots=True)
class Piece:
    """Something emitted: where ``when``, these bits (of a varbit only the first ``length``)."""

    when: Term
    bits: Term
    length: Term | None = None
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Caller:
    """A parser that waits for one that it applies: its variables, and where it goes on (:mod:`.parser_calls`)."""

    store: dict[str, Value]
    returns: object


@dataclass(frozen=True, slots=True)
class Step:
    """Control went on in a parser: the step before, the path before, the condition, and what asked for it."""

    earlier: Step | None
    path: Term
    condition: Term
    by: object = None
    """The method that was called last in the state, with its arguments, or the fields that a transition asks for; the
    variables that a compiler may have put between do not count."""


@dataclass(slots=True)
class State:
    """All that an execution changes. ``path`` is the condition, since the block began, under which it is here."""

    store: dict[str, Value]
    path: Term = b.TRUE
    facts: frozenset[Term] = frozenset()
    """Conditions known to hold here; they decide others syntactically."""
    cells: Mapping[str, tuple[Write, ...]] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    cursor: int = 0
    """Bits of the input that the parser has taken."""
    error: Term = b.bv(0, 32)
    """The parser's error, as an index into ``Program.errors``."""
    objects: Mapping[str, Term] = field(default_factory=dict)
    """What extern objects, and the architecture, remember while a packet is processed: by name."""
    events: tuple[Event, ...] = ()
    """What the control plane has been told, with conditions since the block began."""
    callers: tuple[Caller, ...] = ()
    """Parsers that wait for the one that is running, the outermost first."""
    steps: Step | None = None
    """The last of the steps that led here in a parser since ways were put together, as far as they are known: whoever
    uses one checks that its path and condition make :attr:`path`."""

    def copy(self) -> State:
        """A state that can change without changing this one."""
        return replace(self, store=dict(self.store))

    def after(self, store: dict[str, Value]) -> State:
        """The beginning of a block that follows: other variables, nothing parsed or emitted yet."""
        return State(store, facts=self.facts, cells=self.cells, objects=self.objects, events=self.events)

    @property
    def dead(self) -> bool:
        """Whether nothing reaches this point."""
        return self.path is b.FALSE


@dataclass(slots=True)
class Leaver:
    """Control that has left a scope: how, the state then, and what ``return`` returned."""

    kind: LeaveKind
    state: State
    value: Value | None = None


def merge_stores(condition: Term, then: dict[str, Value], otherwise: dict[str, Value], ite: Ite) -> dict[str, Value]:
    """Variables of one side only are out of scope afterwards."""
    return {
        name: value if value is otherwise[name] else mux(condition, value, otherwise[name], ite)
        for name, value in then.items()
        if name in otherwise
    }


def merge_callers(
    condition: Term, then: tuple[Caller, ...], otherwise: tuple[Caller, ...], ite: Ite
) -> tuple[Caller, ...]:
    """Callers of two states that are in the same calls."""
    if then is otherwise:
        return then
    return tuple(
        Caller(merge_stores(condition, x.store, y.store, ite), x.returns) for x, y in zip(then, otherwise, strict=True)
    )


def _common(first: tuple[Any, ...], second: tuple[Any, ...]) -> int:
    count = 0
    for x, y in zip(first, second, strict=False):
        if x is not y:
            break
        count += 1
    return count


def merge_cells(
    condition: Term, then: Mapping[str, tuple[Write, ...]], otherwise: Mapping[str, tuple[Write, ...]]
) -> Mapping[str, tuple[Write, ...]]:
    if then is otherwise:
        return then
    merged: dict[str, tuple[Write, ...]] = {}
    for name in {**then, **otherwise}:
        first, second = then.get(name, ()), otherwise.get(name, ())
        common = _common(first, second)
        guarded = [Write(b.and_(condition, w.when), w.index, w.value) for w in first[common:]]
        guarded += [Write(b.and_(b.not_(condition), w.when), w.index, w.value) for w in second[common:]]
        merged[name] = (*first[:common], *guarded)
    return merged


def merge_objects(
    condition: Term, then: Mapping[str, Term], otherwise: Mapping[str, Term], ite: Ite
) -> Mapping[str, Term]:
    """What one side alone knows of was set up there, and is not asked for on the other."""
    if then is otherwise:
        return then
    merged = {**then, **otherwise}
    for name in then.keys() & otherwise.keys():
        merged[name] = ite(condition, then[name], otherwise[name])
    return merged


def merge_events(condition: Term, then: tuple[Event, ...], otherwise: tuple[Event, ...]) -> tuple[Event, ...]:
    common = _common(then, otherwise)
    guarded = [replace(e, when=b.and_(condition, e.when)) for e in then[common:]]
    guarded += [replace(e, when=b.and_(b.not_(condition), e.when)) for e in otherwise[common:]]
    return (*then[:common], *guarded)


def merge_pieces(condition: Term, then: tuple[Piece, ...], otherwise: tuple[Piece, ...]) -> tuple[Piece, ...]:
    common = _common(then, otherwise)
    guarded = [Piece(b.and_(condition, p.when), p.bits, p.length, p.span) for p in then[common:]]
    guarded += [Piece(b.and_(b.not_(condition), p.when), p.bits, p.length, p.span) for p in otherwise[common:]]
    return (*then[:common], *guarded)
