"""Parsers: the state machine, and what ``packet_in`` does (P4-16 spec, "Packet parsing").

Paths are enumerated: positions in the packet are numbers, and states reached with the same position and the same
layout of headers are merged, so that diamonds do not multiply. Whatever would make a position depend on the packet
(an ``if`` around an extract, the length of a varbit) is decided by running the state once for each possibility.

A loop goes on until the stack that it fills is full, or the packet ends, which for all packets is too far: loops are
followed for :data:`MAX_VISITS` visits of a state, and the inputs that go on are excluded from the domain by name; loops
through states of several sizes, which end at ever more positions, for fewer (:data:`MAX_LOOP_PATHS`).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .. import bits as b
from .. import ir
from ..source import Span, Unsupported
from .calls import Argument, call
from .keysets import select_matches
from .machine import Asked, Fork, Machine
from .state import LeaveKind, State
from .values import Value, layout

MAX_VISITS: Final = 64
"""Visits of one state on one path, when the packet is not known."""

MAX_PATHS: Final = 4000
"""States run in one parser, all paths together, when the packet is not known."""

MAX_LOOP_PATHS: Final = 150
"""States run in one parser, all paths together, after which no state is visited more than :data:`LATE_VISITS` times on
a path, when the packet is not known."""

LATE_VISITS: Final = 3
"""See :data:`MAX_LOOP_PATHS`: a loop through states of several sizes ends at ever more positions."""

MAX_FORKS: Final = 800
"""States run again for each value of what a position depends on, all paths together, when the packet is not known."""

MAX_WAYS: Final = 300
"""Ways through a parser that are kept apart by their headers; everything behind the parser is run for each."""

MAX_STEPS: Final = 150_000
"""States run in one parser, when the packet is known: enough for one state per byte."""

Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A way through a parser: ``state.path`` leads here; ``accepted``, or rejected with ``state.error``."""

    state: State
    accepted: bool


@dataclass(slots=True)
class _Pending:
    """A state to run, the ways that lead to it, how often they have run each state, and the choices that it asked for
    when it ran before it was split in two."""

    name: str
    ways: list[State]
    visits: Mapping[str, int]
    asked: tuple[Asked, ...] = ()


@dataclass(slots=True)
class _Run:
    """A parser being run at the top level."""

    parser: ir.Parser
    states: dict[str, ir.State]
    ranks: dict[str, int]
    pending: dict[Signature, _Pending] = field(default_factory=dict)
    queue: list[tuple[int, int, int, Signature]] = field(default_factory=list)
    finished: dict[Signature, list[State]] = field(default_factory=dict)
    """Ends of ways by what they share, of which the first thing is whether they are accepted."""
    counter: int = 0
    forks: int = 0
    late: bool = False
    """Whether so many states have run that loops are cut early."""


def run_parser(
    m: Machine,
    parser: ir.Parser,
    values: Mapping[str, Value],
    before: State | None = None,
    *,
    rejected_go_on: bool = False,
) -> list[Parsed]:
    """Every way through the top-level parser ``parser``.

    Args:
        m: the machine.
        parser: the parser; ``values`` gives its parameters' values (nothing for extern objects).
        values: as above; what is undefined in them stays so.
        before: where an earlier block left off, if there is one: facts and cells go on from there.
        rejected_go_on: whether packets that are rejected go on as others do, but for the error that is told; where
            there are too many ways, one may then hold packets of both kinds (not ``accepted``, the error may be none).

    Returns:
        Ways whose paths exclude each other and cover the domain; their stores hold the parameters at the end.
    """
    run = _Run(parser, {s.name: s for s in parser.states}, _ranks(parser))
    begin = State(dict(values)) if before is None else before.after(dict(values))
    m.state = begin
    m.parsing = True
    with m.inside(parser):
        for declaration in parser.locals:
            m.exec(declaration)
        _enqueue(m, run, "start", m.state, {})
        steps = 0
        while run.queue:
            steps += 1
            run.late = steps > MAX_LOOP_PATHS and not m.input.length.is_const
            if not m.input.length.is_const and (steps > MAX_PATHS or run.forks > MAX_FORKS):
                _cut_all(m, run, steps - 1)
                break
            if steps > MAX_STEPS:
                raise Unsupported(f"a parser that runs more than {steps - 1} states", parser.span)
            _run_next(m, run)
    m.parsing = False
    m.again.clear()
    return _not_too_many(m, run, rejected_go_on)


def _not_too_many(m: Machine, run: _Run, rejected_go_on: bool) -> list[Parsed]:
    """The ways; those that end at one position are one way where there would be too many, whatever their headers."""
    ends = [Parsed(_merged(m, ways), bool(accepted)) for (accepted, *_), ways in run.finished.items()]
    if len(ends) <= MAX_WAYS:
        return ends
    by_position: dict[tuple[bool, int], Parsed] = {}
    for way in ends:
        state, accepted = way.state, way.accepted and not rejected_go_on
        if way.accepted:
            state.error = m.no_error
        before = by_position.get((accepted, state.cursor))
        merged = state if before is None else m.merge(state.path, state, before.state)
        by_position[accepted, state.cursor] = Parsed(merged, accepted)
    return list(by_position.values())


def _cut_all(m: Machine, run: _Run, steps: int) -> None:
    """Ways that are not finished are cut where there are too many."""
    for item in run.pending.values():
        m.state = _merged(m, item.ways)
        m.cut(f"parser {run.parser.name} behind {steps} of its states, of all ways together", run.parser.span)


def _ranks(parser: ir.Parser) -> dict[str, int]:
    """A number per state such that, loops apart, a state's is higher than those of all that lead to it."""
    following = {s.name: [c.state for c in s.transition.cases] for s in parser.states}
    order: list[str] = []
    seen: set[str] = set()
    stack: list[tuple[str, bool]] = [("start", False)]
    while stack:
        name, done = stack.pop()
        if done:
            order.append(name)
        elif name not in seen and name in following:
            seen.add(name)
            stack.append((name, True))
            stack.extend((n, False) for n in following[name])
    return {name: i for i, name in enumerate(reversed(order))}


def _signature(m: Machine, state: State) -> Signature:
    """What two states must share to be merged: the position and the layout of everything in the store (what is emitted
    later has a place for each layout; of a parser by itself nothing is)."""
    terms = (t for name in sorted(state.store) for t in layout(state.store[name], emitted=not m.opaque))
    return (state.cursor, *terms)


def _turns(m: Machine) -> int:
    return MAX_VISITS if m.turns is None else m.turns


def _enqueue(m: Machine, run: _Run, name: str, state: State, visits: Mapping[str, int]) -> None:
    if state.dead:
        return
    if name in ("accept", "reject"):
        _finish(m, run, state, name == "accept")
        return
    most = min(_turns(m), LATE_VISITS) if run.late else _turns(m)
    if visits.get(name, 0) >= most and not state.path.is_const:
        m.state = state
        m.cut(f"parser state {run.parser.name}.{name} more than {most} times", run.states[name].span)
        return
    if name not in run.states:
        raise Unsupported(f"no parser state {name}", run.parser.span)
    signature = (name, *_signature(m, state))
    waiting = run.pending.get(signature)
    if waiting is not None:
        counts = {n: max(visits.get(n, 0), waiting.visits.get(n, 0)) for n in {**visits, **waiting.visits}}
        run.pending[signature] = _Pending(name, [*waiting.ways, state], counts)
        return
    run.pending[signature] = _Pending(name, [state], visits)
    run.counter += 1
    heapq.heappush(run.queue, (state.cursor, run.ranks.get(name, 0), run.counter, signature))


def _finish(m: Machine, run: _Run, state: State, accepted: bool) -> None:
    run.finished.setdefault((accepted, *_signature(m, state)), []).append(state)


def _merged(m: Machine, ways: Sequence[State]) -> State:
    """One state for all ways that lead to it, put together in an order that does not depend on how the parser is
    written: two programs that parse alike then have the same terms, whatever states theirs are divided into."""
    first, *others = sorted(ways, key=lambda state: state.path.serial)
    for state in others:
        first = m.merge(state.path, state, first)
    return first


def _run_next(m: Machine, run: _Run) -> None:
    *_, signature = heapq.heappop(run.queue)
    item = run.pending.pop(signature)
    node = run.states[item.name]
    begin = _merged(m, item.ways)
    m.state = begin.copy()
    m.asked, m.again = [], list(reversed(item.asked))
    visits = {**item.visits, item.name: item.visits.get(item.name, 0) + 1}
    steps = len(m.trace.steps) if m.trace is not None else 0
    if m.trace is not None:
        m.trace.add("parser state", node.span, state=node.name, bit=m.state.cursor)
    try:
        _run_state(m, run, node, visits)
    except Fork as fork:
        run.forks += len(fork.conditions)
        m.leavers.clear()
        asked = tuple(m.asked)  # the state runs again, and what it was split by must be read again
        if m.trace is not None:
            del m.trace.steps[steps:]
        for condition in fork.ways:
            m.state = begin.copy()
            m.assume(condition)
            _enqueue_again(m, run, replace(item, asked=asked), signature)


def _enqueue_again(m: Machine, run: _Run, item: _Pending, signature: Signature) -> None:
    """The same state, with one more fact; it must not be merged with its twin."""
    if m.state.dead:
        return
    run.counter += 1
    twin = (*signature, run.counter)
    run.pending[twin] = replace(item, ways=[m.state])
    heapq.heappush(run.queue, (m.state.cursor, run.ranks.get(item.name, 0), run.counter, twin))


def _run_state(m: Machine, run: _Run, node: ir.State, visits: Mapping[str, int]) -> None:
    """A state's statements and its transition."""
    for statement in node.body:
        m.exec(statement)
    ways = _transition(m, node.transition) if not m.state.dead else []
    for leaver in m.gather(0, frozenset[LeaveKind]({"reject"})):
        _finish(m, run, leaver.state, False)
    declared = {s.name for s in node.body if isinstance(s, ir.Declare)}
    for name, state in ways:
        if name == "reject" and m.trace is not None:
            m.trace.add("reject", node.transition.span, error=None)
        state.store = {n: v for n, v in state.store.items() if n not in declared}
        _enqueue(m, run, name, state, visits)


def _transition(m: Machine, node: ir.Transition) -> list[tuple[str, State]]:
    """The states that follow, each with the execution's state on the way there."""
    if not node.keys:
        return [(node.cases[0].state if node.cases else "reject", m.state)]
    keys = [m.fix(m.eval(key), key.span) for key in node.keys]
    ways = []
    for case in node.cases:
        condition = m.decide(select_matches(m, case, keys, node))
        if m.state.dead or condition is b.FALSE:
            continue
        rest = m.state
        m.state = rest.copy()
        m.assume(condition)
        ways.append((case.state, m.state))
        m.state = rest
        m.assume(b.not_(condition))
    m.reject("NoMatch", node.span)
    return [(name, state) for name, state in ways if not state.dead]


def run_subparser(m: Machine, parser: ir.Parser, arguments: Sequence[Argument], span: Span) -> None:
    """A parser applied by a parser: its ``accept`` comes back here, its ``reject`` is the caller's."""
    states = {s.name: s for s in parser.states}

    def body() -> None:
        for declaration in parser.locals:
            m.exec(declaration)
        name = "start"
        visits = 0
        while name not in ("accept", "reject") and not m.state.dead:
            visits += 1
            if visits > 2 * _turns(m):
                m.cut(f"more than {2 * _turns(m)} states of parser {parser.name}", parser.span)
                return
            for statement in states[name].body:
                m.exec(statement)
            name = _decided_transition(m, states[name].transition)
        if name == "reject":
            m.leave("reject")

    with m.inside(parser):
        call(m, arguments, body, frozenset(), span)


def _decided_transition(m: Machine, node: ir.Transition) -> str:
    """The state that follows; what does not decide itself is decided by running the outer state for each case."""
    if m.state.dead:
        return "reject"
    if not node.keys:
        return node.cases[0].state if node.cases else "reject"
    keys = [m.fix(m.eval(key), key.span) for key in node.keys]
    for case in node.cases:
        condition = m.decide(select_matches(m, case, keys, node))
        if condition is b.TRUE:
            return case.state
        if condition is not b.FALSE:
            raise Fork(condition)
    m.reject("NoMatch", node.span)
    return "reject"
