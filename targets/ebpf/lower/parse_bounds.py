"""How far packets are followed in a parser's loops that nothing else bounds.

Programs are compared for packets that come through each state of a loop up to :data:`TURNS` times. How often a packet
came through which state is not kept apart for that: in loops that go on in the packet, where it stands says enough, and
in the others, how many of their states it came through at this place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import networkx as nx

from ....semantics import ir
from .parse_reads import most_bits

TURNS: Final = 64
"""How often a packet may come through each state where a loop that nothing else bounds begins anew, which is as far as
programs are compared. Frames that would go on are dropped."""


@dataclass(frozen=True)
class Bounds:
    """How far packets are followed in one parser."""

    furthest: int | None = None
    """Bits behind the parser's beginning; None: not known."""
    counted: dict[str, frozenset[str]] = field(default_factory=dict)
    """For each state of which visits are counted, the states that are counted together with it."""
    loops: frozenset[str] = frozenset()
    """States that can be come to again."""


def bounds(program: ir.Program, parser: ir.Parser) -> Bounds:
    """How far packets may come, for a parser without or with loops."""
    graph = _graph(parser, parser.states)
    loops = _loops(graph)
    furthest = _furthest(program, parser, loops)
    if furthest is None:
        return Bounds(None, loops, frozenset(loops))
    staying = _loops(_graph(parser, [state for state in parser.states if not _goes_on(state.body)]))
    return Bounds(furthest, {name: loops[name] for name in staying}, frozenset(loops))


def _graph(parser: ir.Parser, states: Sequence[ir.State]) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from((state.name, case.state) for state in states for case in state.transition.cases)
    return graph


def _loops(graph: nx.DiGraph[str]) -> dict[str, frozenset[str]]:
    """Each state that can be come to again, and all that can be gone through on the way."""
    parts = map(frozenset, nx.strongly_connected_components(graph))
    return {name: part for part in parts for name in part if len(part) > 1 or graph.has_edge(name, name)}


def _furthest(
    program: ir.Program, parser: ir.Parser, loops: Iterable[str], callers: frozenset[str] = frozenset()
) -> int | None:
    """The bits gone through where each state of a loop is come to :data:`TURNS` times, and every other one once."""
    total = 0
    for state in parser.states:
        most = _most(program, state.body, callers | {parser.name})
        if most is None:
            return None
        total += most * (TURNS if state.name in loops else 1)
    return total


def _most(program: ir.Program, body: Sequence[ir.Stmt], callers: frozenset[str]) -> int | None:
    """The most bits that statements extract and skip; None if it is not known."""
    total = 0
    todo = list(body)
    while todo:
        most: int | None = 0
        match todo.pop():
            case ir.Block(inner):
                todo += inner
            case ir.If(then=then, otherwise=otherwise):
                todo += [then, otherwise]
            case ir.Do(ir.ExternCall(extern="packet_in", method="extract" | "advance") as call):
                most = _bits(call)
            case ir.Do(ir.BlockApply(block=name)) if name in callers:
                return None
            case ir.Do(ir.BlockApply(block=name)):
                inner_parser = program.parser(name)
                most = _furthest(program, inner_parser, _loops(_graph(inner_parser, inner_parser.states)), callers)
        if most is None:
            return None
        total += most
    return total


def _bits(call: ir.ExternCall) -> int | None:
    """The most bits that a call extracts or skips; None if that is not known before the code is made."""
    if call.method == "extract":
        sized = len(call.args) > 1
        return ir.width_of(call.type_args[0]) + (most_bits(call) if sized else 0)
    size = call.args[0]
    return int(size.value) if isinstance(size, ir.Const) and not isinstance(size.value, str) else None


def _goes_on(body: Sequence[ir.Stmt]) -> bool:
    """Whether statements go on in every packet that gets behind them."""
    for stmt in body:
        match stmt:
            case ir.Block(inner) if _goes_on(inner):
                return True
            case ir.If(then=then, otherwise=otherwise) if _goes_on(then.body) and _goes_on(otherwise.body):
                return True
            case ir.Do(ir.ExternCall(extern="packet_in", method="extract") as call):
                if ir.width_of(call.type_args[0]):
                    return True
            case ir.Do(ir.ExternCall(extern="packet_in", method="advance") as call):
                if _bits(call):
                    return True
    return False


__all__ = ["TURNS", "Bounds", "bounds"]
