"""The states of a parser as a graph: in what order they are run at one position, and where loops begin anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .. import ir
from ..ir.schema import BY_CLASS

_MOVES: Final = frozenset({("packet_in", "extract"), ("packet_in", "advance")})


@dataclass(frozen=True)
class ParserGraph:
    """What the order of a parser's states is like."""

    ranks: Mapping[str, int]
    """A number per state that can be reached: at one position of the packet, loops apart, it is higher than that of all
    states that lead there without going on in the packet."""
    heads: frozenset[str]
    """States through whose beginning loops go round; every loop has one."""


def parser_graph(parser: ir.Parser) -> ParserGraph:
    """The graph of a parser's states."""
    following = {s.name: [c.state for c in s.transition.cases] for s in parser.states}
    order = _order(following, ["start"])
    at = {name: i for i, name in enumerate(order)}
    heads = frozenset(y for x in order for y in following[x] if y in at and at[x] >= at[y])
    staying = {s.name: [] if any(map(_moves, s.body)) else following[s.name] for s in parser.states}
    return ParserGraph({name: i for i, name in enumerate(_order(staying, reversed(order)))}, heads)


def _order(following: Mapping[str, Sequence[str]], roots: Iterable[str]) -> list[str]:
    """All that can be reached from ``roots``: loops apart, nodes come before those that follow them."""
    order: list[str] = []
    seen: set[str] = set()
    for root in roots:
        stack = [(root, False)]
        while stack:
            name, done = stack.pop()
            if done:
                order.append(name)
            elif name not in seen and name in following:
                seen.add(name)
                stack.append((name, True))
                stack.extend((n, False) for n in following[name])
    return order[::-1]


def _moves(statement: ir.Stmt) -> bool:
    """Whether a statement may go on in the packet."""
    stack: list[object] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ir.BlockApply) or (
            isinstance(node, ir.ExternCall) and (node.extern, node.method) in _MOVES
        ):
            return True
        if isinstance(node, tuple):
            stack.extend(node)
        elif type(node) in BY_CLASS:
            stack.extend(getattr(node, field.name) for field in BY_CLASS[type(node)].fields)
    return False
