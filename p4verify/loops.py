"""Whether programs have loops that may go round another time."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from .semantics import ir
from .semantics.ir.traverse import mentioned


def loops(program: ir.Program) -> bool:
    """Whether a parser can come back to one of its states, or a loop may go round another time."""
    if any(_open(loop) for loop in mentioned((*program.controls, *program.actions, *program.functions))):
        return True
    return any(_comes_back(parser) for parser in program.parsers)


def _comes_back(parser: ir.Parser) -> bool:
    order = TopologicalSorter({s.name: {case.state for case in s.transition.cases} for s in parser.states})
    try:
        order.prepare()
    except CycleError:
        return True
    return False


def _open(node: object) -> bool:
    """Whether a node is a loop that is not known to go round just so often."""
    if isinstance(node, ir.ForIn):
        over = node.over
        return isinstance(over, ir.RangeSet) and not all(isinstance(end, ir.Const) for end in (over.low, over.high))
    return isinstance(node, ir.For)
