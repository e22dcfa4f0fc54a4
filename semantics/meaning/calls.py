"""Calls of functions, actions, blocks and externs: arguments copied in and out (P4-16 spec, "Calling convention").

Arguments are evaluated left to right: ``in`` ones are copied, the places of ``out`` and ``inout`` ones are found; after
the callee ends, in whatever way (also by ``exit``), they are copied out left to right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .declared import declared_names
from .dispatch import evaluates
from .expressions import is_valid
from .machine import Machine
from .origin import MOVED, OUT, SET_INVALID, Origin
from .references import Reference, assign, fetch, reference, update
from .state import LeaveKind, Leaver
from .trace import place_text
from .values import Header, Scalar, Stack, Struct, Text, Union, Value, boolean, mux, set_valid, uninitialised

ENDS_CALL: Final = frozenset[LeaveKind]({"return"})
OF_THE_ARCHITECTURE: Final = frozenset({"packet_in", "packet_out", "tc_skb_metadata"})
"""Extern types of objects that the architecture gives to its blocks: there is one of each."""

VOID: Final = Struct({})
"""What a call without a result evaluates to."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A bound argument: what goes in, and where it comes out."""

    param: ir.Param
    value: Value | None
    place: Reference | None = None


def bind(m: Machine, params: Sequence[ir.Param], args: Sequence[ir.Expr | None], span: Span) -> list[Argument]:
    """Evaluate the arguments of a call, left to right. Extern objects are passed by name: their value is the instance's
    full name, if there is an instance."""
    bound = []
    for param, arg in zip(params, args, strict=True):
        if isinstance(ir.bare(param.type), ir.ExternType):
            bound.append(Argument(param, _instance(m, arg)))
        elif param.direction in ("out", "inout"):
            place = reference(m, arg) if arg is not None else None
            if param.direction == "inout" and place is not None:
                value = m.fix(fetch(m, place), arg.span if arg is not None and arg.span.file else span)
            else:
                value = uninitialised(param.type, param.span if param.span.file else span, OUT)
            bound.append(Argument(param, value, place))
        elif arg is None:
            bound.append(Argument(param, None))
        else:
            bound.append(Argument(param, m.fix(m.eval(arg), arg.span)))
    return bound


def tell(m: Machine, arguments: Sequence[Argument]) -> None:
    """The trace is told what goes into the extern call that is being made."""
    for argument in arguments:
        if m.trace is not None and argument.value is not None and argument.param.direction != "out":
            m.trace.told("arguments", argument.param.name, _named(argument))


def _named(argument: Argument) -> Value:
    """What goes in; an enum's member by its name."""
    type_, value = ir.bare(argument.param.type), argument.value
    assert value is not None
    if isinstance(type_, ir.EnumType) and isinstance(value, Scalar) and value.term.is_const:
        numbers = type_.values if type_.underlying is not None else range(len(type_.members))
        names = dict(zip(numbers, type_.members, strict=True))
        return Text(names[value.term.value]) if value.term.value in names else value
    return value


def _instance(m: Machine, arg: ir.Expr | None) -> Text | None:
    """The instance that an argument names; none for what the architecture gives to its blocks (``packet_in``)."""
    if isinstance(arg, ir.Const) and isinstance(arg.value, str):
        return Text(arg.value)
    value = m.state.store.get(arg.name) if isinstance(arg, ir.Var) else None
    return value if isinstance(value, Text) else None


def enter(m: Machine, arguments: Sequence[Argument]) -> None:
    """Put the arguments' values into the callee's parameters."""
    for argument in arguments:
        if argument.value is not None:
            m.state.store[argument.param.name] = argument.value


def copy_out(m: Machine, arguments: Sequence[Argument], results: dict[str, Value], span: Span) -> None:
    """Assign the values that the callee left in its ``out`` and ``inout`` parameters, left to right."""
    for argument in arguments:
        if argument.place is not None:
            assign(m, argument.place, m.fix(results[argument.param.name], span))


def call(
    m: Machine,
    arguments: Sequence[Argument],
    body: Callable[[], None],
    ends: frozenset[LeaveKind],
    span: Span,
    shares: frozenset[str] | None = None,
) -> Value:
    """Run a callee and come back.

    Args:
        m: the machine; its present store is the caller's.
        arguments: bound arguments.
        body: runs the callee; its store is :attr:`Machine.state`'s.
        ends: what ends the callee; other leavers leave the caller as well, after copying out.
        span: of the call.
        shares: None if the callee has a store of its own; else it works in the caller's (an action in its control),
            and these names, its own, are hidden meanwhile.

    Returns:
        What ``return`` gave, or :data:`VOID`.
    """
    if m.state.dead:
        return VOID
    outer_path, caller, steps = m.state.path, m.state.store, m.state.steps
    m.state.path = b.TRUE
    m.state.store = {} if shares is None else dict(caller)
    mark = len(m.leavers)
    enter(m, arguments)
    m.outer_paths.append(outer_path)
    try:
        body()
    finally:
        m.outer_paths.pop()
    returned = m.gather(mark, ends)
    m.rejoin(returned)
    through = m.leavers[mark:]
    for leaver in through:
        _copy_out_of_leaver(m, leaver, arguments, caller, shares, span)
        leaver.state.path = b.and_(outer_path, leaver.state.path)
    inner = m.state
    if inner.dead:
        inner.store, inner.path = caller, b.FALSE
        return VOID
    come_back(m, arguments, caller, shares, span)
    m.state.path = outer_path if inner.path is b.TRUE else b.and_(outer_path, inner.path)
    m.state.steps = steps
    return _result(returned)


def come_back(
    m: Machine, arguments: Sequence[Argument], caller: dict[str, Value], shares: frozenset[str] | None, span: Span
) -> None:
    """The caller's store again, with what the callee changed of it and with the ``out`` arguments."""
    ended = m.state.store
    if shares is None:
        m.state.store = dict(caller)
    else:
        kept = {name: value for name, value in ended.items() if name not in shares and name in caller}
        m.state.store = {**{n: v for n, v in caller.items() if n in shares}, **kept}
    copy_out(m, arguments, ended, span)


def _copy_out_of_leaver(
    m: Machine,
    leaver: Leaver,
    arguments: Sequence[Argument],
    caller: dict[str, Value],
    shares: frozenset[str] | None,
    span: Span,
) -> None:
    """A leaver that goes through the caller too."""
    if leaver.kind == "reject":
        come_back_rejected(m, leaver, arguments, caller, shares, span)
        return
    here = m.state
    m.state = leaver.state
    come_back(m, arguments, caller, shares, span)
    m.state = here


def come_back_rejected(
    m: Machine,
    leaver: Leaver,
    arguments: Sequence[Argument],
    caller: dict[str, Value],
    shares: frozenset[str] | None,
    span: Span,
    handed: Term | None = None,
) -> Term | None:
    """A packet that is rejected in the callee is so in the caller.

    Where a parser rejects, the specification does not say whether the parsers that called it get its results ("the
    sub-parser's reject state is identified with the reject state of the current parser"): either may be. ``handed`` is
    that choice where it was made for another packet, as a packet is rejected but once; it is given back. Compilers that
    put the states of sub-parsers into those of their callers, as p4c does, hand over what there is.
    """
    here = m.state
    m.state = leaver.state
    results = leaver.state.store
    come_back(m, [], caller, shares, span)
    outward = [a for a in arguments if a.place is not None]
    if outward:
        if handed is None:
            reason = "whether a parser that rejects hands its results to its caller is left open"
            handed = m.fresh(0, reason, span, b.boolean(True))
        kept = dict(m.state.store)
        for argument in outward:
            assert argument.place is not None
            assign(m, argument.place, results[argument.param.name])
        # Not assigned what it held: that of an invalid member of a union would make the valid one invalid.
        for name, value in m.state.store.items():
            if value is not kept[name]:
                m.state.store[name] = mux(handed, value, kept[name])
    m.state = here
    return handed


def _result(returned: list[Leaver]) -> Value:
    """The returned value, chosen by where the callee returned from."""
    result: Value | None = None
    for leaver in returned:
        if leaver.value is not None:
            result = leaver.value if result is None else mux(leaver.state.path, leaver.value, result)
    return result if result is not None else VOID


# --- functions, actions, blocks -------------------------------------------------------------------------------------


@evaluates(ir.FunctionCall)
def _function_call(m: Machine, node: ir.FunctionCall) -> Value:
    action = find_action(m, node.name)
    if action is not None:
        arguments = bind(m, action.params, node.args, node.span)
        run_action(m, action, arguments, node.span)
        return VOID
    function = m.functions.get(node.name)
    if function is None:
        raise Unsupported(f"no function {node.name}", node.span)
    arguments = bind(m, function.params, node.args, node.span)
    with m.outside():
        return call(m, arguments, lambda: m.exec(function.body), ENDS_CALL, node.span)


def find_action(m: Machine, name: str) -> ir.Action | None:
    """The action of this name that is in scope."""
    found = m.actions.get(name)
    return found if found is not None else m.top_actions.get(name)


def run_action(m: Machine, action: ir.Action, arguments: Sequence[Argument], span: Span) -> None:
    """Run an action's body; it sees the variables of its control."""
    own = frozenset(p.name for p in action.params) | declared_names(action.body)
    call(m, arguments, lambda: m.exec(action.body), ENDS_CALL, span, shares=own)


# --- methods of headers and stacks ----------------------------------------------------------------------------------


@evaluates(ir.HeaderOp)
def _header_op(m: Machine, node: ir.HeaderOp) -> Value:
    if node.op == "isValid":
        return boolean(is_valid(m, m.eval(node.base), node.span))
    place = reference(m, node.base)
    changes: dict[str, Callable[[Value], Value]] = {
        "setValid": lambda value: _valid(value, node.span),
        "setInvalid": lambda value: _invalid(value, Origin(SET_INVALID, node.span)),
        "push_front": lambda value: _push(value, node.count, Origin(MOVED, node.span)),
        "pop_front": lambda value: _pop(value, node.count, Origin(MOVED, node.span)),
    }
    update(m, place, changes[node.op])
    if m.trace is not None:
        m.trace.add("header", node.span, header=place_text(node.base), does=node.op)
    return VOID


def _valid(value: Value, span: Span) -> Value:
    assert isinstance(value, Header)
    return set_valid(value, span)


def _invalid(value: Value, origin: Origin) -> Value:
    assert isinstance(value, Header)
    return Header(b.FALSE, value.fields, origin)


def _emptied(value: Value, origin: Origin) -> Value:
    match value:
        case Header():
            return _invalid(value, origin)
        case Union(members):
            return Union({name: Header(b.FALSE, member.fields, origin) for name, member in members.items()})
    raise Unsupported("push_front or pop_front of an array that is no header stack")


def _push(value: Value, count: int, origin: Origin) -> Value:
    """``push_front``: elements move up, the first ``count`` become invalid, ``nextIndex`` stops at the size."""
    assert isinstance(value, Stack)
    old = value.elements
    count = min(count, len(old))
    elements = tuple(_emptied(e, origin) for e in old[:count]) + old[: len(old) - count]
    size = b.bv(len(old), 32)
    moved = b.add(value.next_index, b.bv(count, 32))
    return Stack(elements, b.ite(b.ult(size, moved), size, moved))


def _pop(value: Value, count: int, origin: Origin) -> Value:
    """``pop_front``: elements move down, the last ``count`` become invalid, ``nextIndex`` stops at 0."""
    assert isinstance(value, Stack)
    old = value.elements
    count = min(count, len(old))
    elements = old[count:] + tuple(_emptied(e, origin) for e in old[len(old) - count :])
    amount = b.bv(count, 32)
    less = b.sub(value.next_index, amount)
    return Stack(elements, b.ite(b.ult(value.next_index, amount), b.bv(0, 32), less))


TOLD_OTHERWISE = frozenset({"packet_in", "packet_out", "assert", "assume"})
"""Externs whose calls are steps of another kind."""

# --- externs --------------------------------------------------------------------------------------------------------


@evaluates(ir.ExternCall)
def _extern_call(m: Machine, node: ir.ExternCall) -> Value:
    if m.state.dead:
        return uninitialised(node.type, node.span) if not isinstance(node.type, ir.VoidType) else VOID
    name = f"{node.extern}.{node.method}" if node.method else node.extern
    if node.is_param and node.object is not None:
        instance = m.state.store.get(node.object)
        if isinstance(instance, Text):
            node = replace(node, object=instance.text, is_param=False)
        elif node.extern not in OF_THE_ARCHITECTURE:
            raise Unsupported(f"extern {name} of an object that no instance is known for", node.span)
    m.asking = node.method, node.args
    handler = m.externs.get((node.extern, node.method))
    if handler is None and any(known == node.extern for known, _ in m.externs):
        raise Unsupported(f"extern {name}", node.span)
    if m.trace is not None:
        quietly = node.extern in TOLD_OTHERWISE or node.extern.startswith("$")
        step = {"extern": node.extern, "method": node.method, "object": node.object or ""}
        m.trace.call(node.span, step, quietly=quietly)
    result = handler(m, node) if handler is not None else m.unknown_extern(m, node)
    if m.trace is not None:
        m.trace.called(result)
    return VOID if result is None else result
