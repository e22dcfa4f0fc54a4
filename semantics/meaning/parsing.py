"""Parsers: the state machine, and what ``packet_in`` does (P4-16 spec, "Packet parsing").

Paths are enumerated: positions in the packet are numbers, and states reached with the same position and the same
layout of headers are merged, so that diamonds do not multiply. Whatever would make a position depend on the packet
(an ``if`` around an extract, the length of a varbit) is decided by running the state once for each possibility.

A loop goes on until the stack that it fills is full, or the packet ends, which for all packets is too far: loops are
followed for :data:`MAX_VISITS` visits of a state, and the inputs that go on are excluded from the domain by name; loops
through states of several sizes, which end at ever more positions, for fewer (:data:`MAX_LOOP_MOVES`).

Where ways are cut must not depend on how a parser is divided into states, for then two programs that parse alike are
cut alike. States are run in the order of their positions in the packet; what is counted is from where the parser goes
on in it (position and layout of headers), never states; and whether there is too much of it is looked at only when all
positions before the present one are done, and only where a loop begins anew.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .calls import Argument, call
from .declared import declared_by
from .dispatch import Asked
from .keysets import select_matches
from .machine import Fork, Machine
from .parser_calls import (
    Point,
    applied,
    applies,
    begin_of,
    callers_key,
    enter_parser,
    reject_in_callers,
    return_from_parser,
    waiting,
)
from .parser_graph import ParserGraph, parser_graph
from .partings import Partings, Signature, layout_of
from .state import LeaveKind, State
from .statements import if_condition
from .values import Value

MAX_VISITS: Final = 64
"""Visits of one state on one path, when the packet is not known."""

MAX_PATHS: Final = 4000
"""States run in one parser, all paths together, when the packet is not known."""

MAX_MOVES: Final = 1200
"""Positions, with layouts, from which a parser goes on in the packet, behind which no loop is followed when the packet
is not known."""

MAX_LOOP_MOVES: Final = 130
"""The same, behind which no state is visited more than :data:`LATE_VISITS` times on a path; turns of loops that do not
go on in the packet count as well."""

LATE_VISITS: Final = 3
"""See :data:`MAX_LOOP_MOVES`: a loop through states of several sizes ends at ever more positions."""

MAX_FORKS: Final = 400
"""States run again for each value of what a position depends on, all paths together, behind which no loop is
followed when the packet is not known."""

MAX_WAYS: Final = 300
"""Ways through a parser that are kept apart by their headers; everything behind the parser is run for each."""

MAX_STEPS: Final = 150_000
"""States run in one parser, when the packet is known: enough for one state per byte."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A way through a parser: ``state.path`` leads here; ``accepted``, or rejected with ``state.error``."""

    state: State
    accepted: bool


Visits = Mapping[tuple[str, ...], int]
"""How often states were run: the names of the states whose calls led to one, and its own."""

Rank = tuple[int, ...]


@dataclass(slots=True)
class _Pending:
    """A place to go on from, the ways that lead to it, how often they have run each state, and the choices that were
    asked for when it ran before it was split in two."""

    point: Point
    ways: list[State]
    visits: Visits
    asked: tuple[Asked, ...] = ()


@dataclass(slots=True)
class _Run:
    """A parser being run at the top level."""

    parser: ir.Parser
    graphs: dict[str, ParserGraph] = field(default_factory=dict)
    """By the parser's name."""
    pending: dict[Signature, _Pending] = field(default_factory=dict)
    queue: list[tuple[int, Rank, int, Signature]] = field(default_factory=list)
    finished: dict[Signature, list[State]] = field(default_factory=dict)
    """Ends of ways by what they share, of which the first thing is whether they are accepted."""
    partings: Partings = field(default_factory=Partings)
    handed: dict[int, Term] = field(default_factory=dict)
    """See :func:`.reject_in_callers`."""
    counter: int = 0
    forks: Counter[int] = field(default_factory=Counter)
    """How many of them were made at which position."""
    moves: set[Signature] = field(default_factory=set)
    """Positions, with layouts, from which the parser went on in the packet."""
    begun: set[Signature] = field(default_factory=set)
    """Beginnings of loops that have run."""
    turns: Counter[int] = field(default_factory=Counter)
    """How often one of them ran again, by position: loops that do not go on in the packet."""
    position: int = 0
    """Where the packet is read now: all states that begin in front of it have run."""
    most: int = MAX_VISITS
    """How often a loop may go round from here on."""
    last: int = 0
    """The position from which on none may."""


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
    run = _Run(parser, most=MAX_VISITS if m.turns is None else m.turns)
    begin = State(dict(values)) if before is None else before.after(dict(values))
    m.state = begin
    m.parsing = True
    if not m.input.concrete:
        m.on_move = lambda m: run.moves.add(layout_of(m, m.state))
    with m.inside(parser):
        for declaration in parser.locals:
            m.exec(declaration)
        _enqueue(m, run, _begin_of(parser, "start"), m.state, {})
        steps = 0
        while run.queue:
            steps += 1
            if not m.input.concrete and _too_much(m, run, steps):
                break
            if steps > MAX_STEPS:
                raise Unsupported(f"a parser that runs more than {steps - 1} states", parser.span)
            _run_next(m, run)
    ends = _not_too_many(m, run, rejected_go_on)
    m.parsing = False
    m.on_move = None
    m.again.clear()
    return ends


def _not_too_many(m: Machine, run: _Run, rejected_go_on: bool) -> list[Parsed]:
    """The ways; those that end at one position are one way where there would be too many, whatever their headers."""
    ends = [Parsed(run.partings.merged(m, ways), bool(accepted)) for (accepted, *_), ways in run.finished.items()]
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


def _too_much(m: Machine, run: _Run, steps: int) -> bool:
    """Whether the ways that are not finished are followed no further; they are cut then."""
    position = run.queue[0][0]
    if position > run.position:
        run.position = position
        run.most = min(run.most, _most_visits(run))
    if steps <= MAX_PATHS:
        return False
    for item in run.pending.values():
        m.state = run.partings.merged(m, item.ways)
        m.cut(f"parser {run.parser.name} behind {steps - 1} of its states, of all ways together", run.parser.span)
    return True


def _most_visits(run: _Run) -> int:
    """How often a loop may go round, after what was decided in front of the present position."""
    moves = sum(cursor < run.position for cursor, *_ in run.moves if isinstance(cursor, int))
    forks = sum(count for cursor, count in run.forks.items() if cursor < run.position)
    if moves > MAX_MOVES or forks > MAX_FORKS:
        run.last = run.last or run.position
        return 0
    moves += sum(count for cursor, count in run.turns.items() if cursor < run.position)
    return LATE_VISITS if moves > MAX_LOOP_MOVES else MAX_VISITS


def _enqueue(m: Machine, run: _Run, point: Point, state: State, visits: Visits) -> None:
    if state.dead:
        return
    signature = (point.key, callers_key(state.callers), *layout_of(m, state))
    before = run.pending.get(signature)
    if before is not None:
        counts = {n: max(visits.get(n, 0), before.visits.get(n, 0)) for n in {**visits, **before.visits}}
        run.pending[signature] = _Pending(point, [*before.ways, state], counts)
        return
    run.pending[signature] = _Pending(point, [state], visits)
    _queue(run, signature, state)


def _queue(run: _Run, signature: Signature, state: State) -> None:
    run.counter += 1
    rank = _rank(run, state, run.pending[signature].point)
    heapq.heappush(run.queue, (state.cursor, rank, run.counter, signature))


def _rank(run: _Run, state: State, point: Point) -> Rank:
    """What is run first at one position of the packet: loops apart, what leads to something else. A callee comes behind
    its caller's call, and before what follows the call."""
    *outer, last = (*waiting(state.callers), point)
    ranks = [part for place in outer for part in (_rank_of(run, place), -1 - len(place.rest))]
    return (*ranks, _rank_of(run, last), -len(last.rest))


def _rank_of(run: _Run, point: Point) -> int:
    return _graph(run, point.parser).ranks.get(point.state.name, 0)


def _graph(run: _Run, parser: ir.Parser) -> ParserGraph:
    if parser.name not in run.graphs:
        run.graphs[parser.name] = parser_graph(parser)
    return run.graphs[parser.name]


def _visited(state: State, point: Point) -> tuple[str, ...]:
    return (*(place.state.name for place in waiting(state.callers)), point.state.name)


def _begin_of(parser: ir.Parser, name: str) -> Point:
    point = begin_of(parser, name)
    if point is None:
        raise Unsupported(f"no parser state {name}", parser.span)
    return point


def _finish(m: Machine, run: _Run, state: State, accepted: bool) -> None:
    cursor, *shared = layout_of(m, state)
    if m.opaque:  # nothing is parsed or emitted behind: only that accepted stacks are filled alike is kept apart
        shared = [term if isinstance(term, Term) and term.is_const else None for term in shared] if accepted else []
    run.finished.setdefault((accepted, cursor, *shared), []).append(state)


def _run_next(m: Machine, run: _Run) -> None:
    *_, signature = heapq.heappop(run.queue)
    item = run.pending.pop(signature)
    point = item.point
    begin = run.partings.merged(m, item.ways)
    m.state = begin.copy()
    m.asked, m.again = [], list(reversed(item.asked))
    visits = item.visits
    if _goes_round_no_more(m, run, item, begin, signature):
        return
    steps = len(m.trace.steps) if m.trace is not None else 0
    if point.begins:
        visited = _visited(begin, point)
        visits = {**visits, visited: visits.get(visited, 0) + 1}
        if m.trace is not None:
            m.trace.add("parser state", point.state.span, state=point.state.name, bit=m.state.cursor)
    try:
        with m.scope(point.parser):
            ways, rejected = _run_from(m, run, point)
    except Fork as fork:
        run.forks[m.state.cursor] += len(fork.conditions)
        m.leavers.clear()
        asked = tuple(m.asked)  # the state runs again, and what it was split by must be read again
        if m.trace is not None:
            del m.trace.steps[steps:]
        parted = []
        for condition in fork.ways:
            m.state = begin.copy()
            m.assume(condition)
            parted.append((condition, m.state))
            _enqueue_again(m, run, replace(item, asked=asked), signature)
        run.partings.part(begin, parted)
        return
    for state in rejected:
        _finish(m, run, state, False)
    for way in ways:
        if way.point is None:
            _finish(m, run, way.state, True)
        else:
            _enqueue(m, run, way.point, way.state, visits)


def _goes_round_no_more(m: Machine, run: _Run, item: _Pending, state: State, signature: Signature) -> bool:
    """Whether a loop has gone round often enough; it is cut then."""
    point = item.point
    if state.path.is_const or not point.begins or point.state.name not in _graph(run, point.parser).heads:
        return False
    run.turns[state.cursor] += signature in run.begun
    run.begun.add(signature)
    if item.visits.get(_visited(state, point), 0) < run.most:
        return False
    where = f"more than {run.most} times" if run.most else f"from bit {run.last} of the packet on"
    m.turned = m.turned or run.most == m.turns
    m.cut(f"parser state {point.parser.name}.{point.state.name} {where}", point.state.span)
    return True


def _enqueue_again(m: Machine, run: _Run, item: _Pending, signature: Signature) -> None:
    """The same state, with one more fact; it must not be merged with its twin."""
    if m.state.dead:
        return
    twin = (*signature, run.counter)
    run.pending[twin] = replace(item, ways=[m.state])
    _queue(run, twin, m.state)


@dataclass(frozen=True, slots=True)
class _Way:
    """Where control goes on (None: the packet is accepted), and the execution's state there."""

    point: Point | None
    state: State


def _run_from(m: Machine, run: _Run, point: Point) -> tuple[list[_Way], list[State]]:
    """Run statements up to the state's end or a call of a parser: where control goes on, and the ways that reject."""
    ways: list[_Way] | None = None
    m.asking = None
    for at, statement in enumerate(point.rest):
        if m.state.dead:
            break
        if applies(m, statement):
            ways = _into(m, run, statement, replace(point, rest=point.rest[at + 1 :]))
            break
        m.exec(statement)
    rejected = []
    if ways is None:
        ways = []
        for name, state in _transition(m, run, point.state.transition) if not m.state.dead else []:
            _drop_variables(state, point.state)
            if name == "reject":
                if m.trace is not None:
                    m.trace.add("reject", point.state.transition.span, error=None)
                rejected.append(state)
            else:
                ways.append(_followed(m, point.parser, name, state))
    leavers = m.gather(0, frozenset[LeaveKind]({"reject"}))
    return ways, [
        reject_in_callers(m, state, run.handed) for state in [*(leaver.state for leaver in leavers), *rejected]
    ]


def _into(m: Machine, run: _Run, statement: ir.Stmt, behind: Point) -> list[_Way]:
    """The ways into a statement that applies a parser, ``behind`` being the place after it."""
    match statement:
        case ir.Block(body=body):
            return [_Way(replace(behind, rest=(*body, *behind.rest)), m.state)]
        case ir.If(then=then, otherwise=otherwise):
            condition = m.decide(if_condition(m, statement))
            before = m.state
            ways, parted = [], []
            for branch, holds in ((then, condition), (otherwise, b.not_(condition))):
                m.state = before.copy()
                m.assume(holds)
                parted.append((holds, m.state))
                ways.append(_Way(replace(behind, rest=(*branch.body, *behind.rest)), m.state))
            run.partings.part(before, parted)
            return ways
    callee = applied(m, statement)
    assert callee is not None
    assert isinstance(statement, ir.Do)
    assert isinstance(statement.call, ir.BlockApply)
    enter_parser(m, callee, statement.call, behind)
    with m.inside(callee):
        for declaration in callee.locals:
            m.exec(declaration)
    return [_Way(_begin_of(callee, "start"), m.state)]


def _drop_variables(state: State, node: ir.State) -> None:
    """Variables end with the state that declares them."""
    declared = declared_by(node.body)
    state.store = {n: v for n, v in state.store.items() if n not in declared}


def _followed(m: Machine, parser: ir.Parser, name: str, state: State) -> _Way:
    """What follows a transition to a state, or to ``accept``."""
    if name != "accept":
        return _Way(_begin_of(parser, name), state)
    if not state.callers:
        return _Way(None, state)
    m.state = state
    return _Way(return_from_parser(m), m.state)


def _transition(m: Machine, run: _Run, node: ir.Transition) -> list[tuple[str, State]]:
    """The states that follow, each with the execution's state on the way there."""
    if not node.keys:
        return [(node.cases[0].state if node.cases else "reject", m.state)]
    m.asking = tuple(key if isinstance(key, ir.Member) else None for key in node.keys)
    keys = [m.fix(m.eval(key), key.span) for key in node.keys]
    ways, parted = [], []
    before, left = m.state.copy(), len(m.leavers)
    passed: list[Term] = []
    for case in node.cases:
        condition = m.decide(select_matches(m, case, keys, node))
        if m.state.dead or condition is b.FALSE:
            continue
        rest = m.state
        m.state = rest.copy()
        m.assume(condition)
        ways.append((case.state, m.state))
        parted.append((b.and_(*passed, condition), m.state))
        passed.append(b.not_(condition))
        m.state = rest
        m.assume(b.not_(condition))
    if m.state.dead and len(m.leavers) == left:
        run.partings.part(before, parted)
    m.reject("NoMatch", node.span)
    return [(name, state) for name, state in ways if not state.dead]


def run_subparser(m: Machine, parser: ir.Parser, arguments: Sequence[Argument], span: Span) -> None:
    """A parser applied by a parser: its ``accept`` comes back here, its ``reject`` is the caller's."""
    states = {s.name: s for s in parser.states}
    most = 2 * (MAX_VISITS if m.turns is None else m.turns)

    def body() -> None:
        for declaration in parser.locals:
            m.exec(declaration)
        name = "start"
        visits = 0
        while name not in ("accept", "reject") and not m.state.dead:
            visits += 1
            if visits > most:
                m.turned = m.turns is not None
                m.cut(f"more than {most} states of parser {parser.name}", parser.span)
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
