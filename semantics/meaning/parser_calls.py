"""Parsers applied by parsers: the callee's states follow the caller's, and its ``accept`` goes on behind the call.

A call in a state's body ends that state as a transition does: what the caller has yet to do, its variables and where
the results go wait in :attr:`State.callers` while the states of the callee run. A program in which the callee's states
were copied into the caller then runs state by state as this one does (P4-16 spec, "Invoking sub-parsers": the calling
parser is split in two at the call).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import ir
from ..bits import Term
from .calls import Argument, bind, come_back, come_back_rejected, enter
from .machine import Machine
from .state import Caller, Leaver, State


@dataclass(frozen=True, slots=True)
class Point:
    """Where a parser is: in ``state``, before the statements ``rest``."""

    parser: ir.Parser
    state: ir.State
    rest: tuple[ir.Stmt, ...]

    @property
    def begins(self) -> bool:
        """Whether the state has done nothing yet."""
        return self.rest is self.state.body

    @property
    def key(self) -> tuple[object, ...]:
        """What two points share that are the same place of the program."""
        return (self.parser.name, self.state.name, *map(id, self.rest))


@dataclass(frozen=True, slots=True)
class Returns:
    """Behind a call: the caller's place, and the arguments of the call."""

    point: Point
    arguments: tuple[Argument, ...]
    call: ir.BlockApply

    @property
    def key(self) -> tuple[object, ...]:
        """What two returns share that are the same."""
        return (*self.point.key, *(argument.place for argument in self.arguments))


def begin_of(parser: ir.Parser, name: str) -> Point | None:
    """The beginning of a state; None if the parser has no state of this name."""
    state = next((s for s in parser.states if s.name == name), None)
    return None if state is None else Point(parser, state, state.body)


def applied(m: Machine, statement: ir.Stmt) -> ir.Parser | None:
    """The parser that a statement applies, if it does nothing else."""
    if not isinstance(statement, ir.Do) or not isinstance(statement.call, ir.BlockApply):
        return None
    block = statement.call.block
    return next((p for p in m.program.parsers if p.name == block), None)


def applies(m: Machine, statement: ir.Stmt) -> bool:
    """Whether a statement applies a parser, or has one in it that does, outside of loops and switches."""
    match statement:
        case ir.Block(body=body):
            return any(applies(m, part) for part in body)
        case ir.If(then=then, otherwise=otherwise):
            return applies(m, then) or applies(m, otherwise)
    return applied(m, statement) is not None


def enter_parser(m: Machine, callee: ir.Parser, call: ir.BlockApply, point: Point) -> None:
    """The call is made: arguments go in, and ``point``, behind it, waits."""
    arguments = bind(m, callee.params, call.args, call.span)
    if m.state.dead:
        return
    state = m.state
    state.callers = (*state.callers, Caller(state.store, Returns(point, tuple(arguments), call)))
    state.store = {}
    enter(m, arguments)


def return_from_parser(m: Machine) -> Point:
    """The callee has accepted: its results go out, and the caller goes on from the place that is returned."""
    *outer, caller = m.state.callers
    returns = _returns(caller)
    m.state.callers = tuple(outer)
    come_back(m, returns.arguments, caller.store, None, returns.call.span)
    return returns.point


def reject_in_callers(m: Machine, state: State, handed: dict[int, Term]) -> State:
    """A packet is rejected by a parser, and so by all that wait for it. ``handed``, by how many wait, are the choices
    whether they get its results, made for all packets together."""
    for depth, caller in reversed(list(enumerate(state.callers))):
        returns = _returns(caller)
        arguments, span = returns.arguments, returns.call.span
        choice = come_back_rejected(m, Leaver("reject", state), arguments, caller.store, None, span, handed.get(depth))
        if choice is not None:
            handed[depth] = choice
    state.callers = ()
    return state


def callers_key(callers: Sequence[Caller]) -> tuple[object, ...]:
    """What two states must share to be in the same calls."""
    return tuple(part for caller in callers for part in _returns(caller).key)


def waiting(callers: Sequence[Caller]) -> Iterator[Point]:
    """Where the callers go on, the outermost first."""
    return (_returns(caller).point for caller in callers)


def _returns(caller: Caller) -> Returns:
    assert isinstance(caller.returns, Returns)
    return caller.returns
