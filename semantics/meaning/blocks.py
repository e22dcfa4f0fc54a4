"""Controls as a whole, and blocks applied by other blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .. import bits as b
from .. import ir
from ..source import Span
from .calls import ENDS_CALL, VOID, Argument, bind, call
from .dispatch import evaluates
from .machine import Machine
from .parsing import run_subparser
from .state import LeaveKind
from .values import Value

ENDS_BLOCK: Final = frozenset[LeaveKind]({"return", "exit"})


@evaluates(ir.BlockApply)
def _block_apply(m: Machine, node: ir.BlockApply) -> Value:
    for control in m.program.controls:
        if control.name == node.block:
            arguments = bind(m, control.params, node.args, node.span)
            return _run(m, control, arguments, node.span, ENDS_CALL)
    parser = m.program.parser(node.block)
    run_subparser(m, parser, bind(m, parser.params, node.args, node.span), node.span)
    return VOID


def _run(
    m: Machine, control: ir.Control, arguments: Sequence[Argument], span: Span, ends: frozenset[LeaveKind]
) -> Value:
    def body() -> None:
        for declaration in control.locals:
            m.exec(declaration)
        m.exec(control.body)

    with m.inside(control):
        return call(m, arguments, body, ends, span)


def run_control(
    m: Machine, control: ir.Control, values: Mapping[str, Value], at_end: Callable[[], None] = lambda: None
) -> dict[str, Value]:
    """Run a control as the architecture does: ``exit`` ends it too.

    Args:
        m: the machine; its store is not touched.
        control: the control.
        values: parameter's name → its value before (nothing for extern objects). Values pass as they are: what is
            undefined in them stays so.
        at_end: called when it is done and its variables are still there.

    Returns:
        What each of those parameters holds afterwards.
    """
    if m.trace is not None:
        m.trace.add("control", control.span, name=control.name)
    caller, path = m.state.store, m.state.path
    m.state.store, m.state.path = dict(values), b.TRUE
    mark = len(m.leavers)
    m.outer_paths.append(path)
    with m.inside(control):
        for declaration in control.locals:
            m.exec(declaration)
        m.exec(control.body)
        m.rejoin(m.gather(mark, ENDS_BLOCK))
    at_end()
    m.outer_paths.pop()
    results = {name: m.state.store[name] for name in values}
    m.state.store, m.state.path = caller, path
    return results
