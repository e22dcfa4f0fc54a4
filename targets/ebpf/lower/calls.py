"""Calls, generated in line: functions, actions, controls; with copy-in and copy-out, ``return`` and ``exit``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from ....semantics.source import Span
from ...base import CannotOffload
from . import objects, operands, stmts
from .frame import OBJECT, Ref
from .gen import Call, Gen

MAX_DEPTH: Final = 64
"""Calls in calls; deeper nesting is refused."""

CopyOut = tuple[ir.Expr, Ref, dict[str, Ref]]
"""What a call copies out: the caller's lvalue, the parameter's storage, the names in scope at the caller."""

_Given = Sequence[tuple[ir.Param, ir.Expr | None]]
"""The parameters of a call with their arguments."""


def call(g: Gen, expr: ir.FunctionCall, result: Ref | None) -> None:
    """A function or action, in line."""
    action = g.actions.get(expr.name)
    if action is not None:
        invoke(g, expr.name, action.params, expr.args, action.body, None, expr.span, keep_env=not closed(g, action))
        return
    try:
        function = g.program.function(expr.name)
    except KeyError:
        raise CannotOffload(f"{expr.name} cannot be called here", expr.span) from None
    invoke(g, expr.name, function.params, expr.args, function.body, result, expr.span)


def closed(g: Gen, action: ir.Action) -> bool:
    """Whether an action sees no variables but its parameters and its own, so that it can be given its arguments by
    reference."""
    own = {param.name for param in action.params}
    used: set[str] = set()
    for node in mentioned(action.body):
        match node:
            case ir.Declare(name=name):
                if name in g.env:
                    return False
                own.add(name)
            case ir.ForIn():
                return False
            case ir.Var(name=name):
                used.add(name)
            case ir.FunctionCall(name=name) if name in g.actions and not closed(g, g.actions[name]):
                return False
    return used <= own


def invoke(
    g: Gen,
    name: str,
    params: Sequence[ir.Param],
    args: Sequence[ir.Expr | None],
    body: ir.Block,
    result: Ref | None,
    span: Span,
    *,
    keep_env: bool = False,
) -> None:
    """Copy in, run, copy out. ``keep_env``: the body sees what is in scope here (actions)."""
    with g.scope():
        frame, outs = bind(g, params, args, span, by_reference=not keep_env)
        g.env = {**g.env, **frame} if keep_env else frame
        run(g, name, lambda: stmts.statements(g, body.body), outs, result, span)


def bind(
    g: Gen, params: Sequence[ir.Param], args: Sequence[ir.Expr | None], span: Span, *, by_reference: bool
) -> tuple[dict[str, Ref], list[CopyOut]]:
    """Storage for the parameters, filled; and what is to be copied out: (lvalue, storage, names in scope there).

    With ``by_reference`` (the callee sees nothing but its parameters), an argument that no other one overlaps needs
    no copy, unless it is a member of a union, which changes the other members when it is copied out.
    """
    caller, places = g.env, _places(g, args)
    frame: dict[str, Ref] = {}
    outs: list[CopyOut] = []
    given = list(zip(params, args, strict=True))
    for param, arg in given:
        if isinstance(arg, ir.Const) and isinstance(arg.value, str) and isinstance(ir.bare(param.type), ir.ExternType):
            frame[param.name] = Ref(f"{OBJECT}{arg.value}", param.type)
            continue
        place = None if arg is None else places.get(id(arg))
        if place is not None and isinstance(ir.bare(param.type), ir.ExternType):
            frame[param.name] = place
            continue
        if by_reference and place is not None and _by_reference(place, param, given, places, arg):
            frame[param.name] = place
            if param.direction == "out":
                g.written(place, span, zero=True)
                g.clear(place, span)
            continue
        g.env = dict(caller)
        ref = g.declare(param.name, param.type, param.span)
        g.env = caller
        frame[param.name] = ref
        seen = caller
        if param.direction in ("out", "inout") and arg is not None:
            arg, seen = _with_fixed_indexes(g, arg, caller)
            outs.append((arg, ref, seen))
        if param.direction == "out":
            g.clear(ref, span)
        elif arg is not None:
            g.env = seen
            stmts.assign(g, ref, arg)
            g.env = caller
    return frame, outs


def hands_references(g: Gen, params: Sequence[ir.Param], args: Sequence[ir.Expr | None]) -> bool:
    """Whether :func:`bind`, asked to, gives references for all arguments that a call may change."""
    given, places = list(zip(params, args, strict=True)), _places(g, args)
    return all(
        (place := places.get(id(arg))) is not None
        and (isinstance(ir.bare(param.type), ir.ExternType) or _by_reference(place, param, given, places, arg))
        for param, arg in given
        if arg is not None and param.direction in ("out", "inout")
    )


def _places(g: Gen, args: Sequence[ir.Expr | None]) -> dict[int, Ref | None]:
    """Where the arguments lie that name a fixed place, by their identity."""
    named = [a for a in args if isinstance(a, ir.Var | ir.Member | ir.Index) and operands.runtime_index(a) is None]
    return {id(a): operands.resolve(g, a) for a in named}


def _by_reference(
    place: Ref, param: ir.Param, given: _Given, places: dict[int, Ref | None], arg: ir.Expr | None
) -> bool:
    return (arg is None or operands.union_of(arg) is None) and not _shared(place, param, given, places)


def _with_fixed_indexes(g: Gen, arg: ir.Expr, env: dict[str, Ref]) -> tuple[ir.Expr, dict[str, Ref]]:
    """The lvalue with its indexes evaluated now, as nothing that the call does changes which element it names; and the
    names that it then needs."""
    path: list[ir.Member | ir.Index | ir.Slice] = []
    while isinstance(arg, ir.Member | ir.Index | ir.Slice):
        path.append(arg)
        arg = arg.base
    for part in reversed(path):
        if isinstance(part, ir.Index) and not isinstance(part.index, ir.Const):
            g.env = dict(env)
            name = f"$index {len(env)}"
            ref = g.declare(name, part.index.type, part.span)
            g.env = env
            stmts.assign(g, ref, part.index)
            env = {**env, name: ref}
            part = replace(part, index=ir.Var(name, part.index.type, part.span))
        arg = replace(part, base=arg)
    return arg, env


def _shared(
    place: Ref,
    param: ir.Param,
    given: _Given,
    places: dict[int, Ref | None],
) -> bool:
    """Whether another argument may touch the same storage while it is in use, or call something that does."""
    for other, arg in given:
        if arg is None or other is param:
            continue
        also = places.get(id(arg))
        if also is not None:
            if also.overlaps(place):
                return True
        elif not isinstance(arg, ir.Const):
            read_before = param.direction != "out" and other.direction not in (
                "out",
                "inout",
            )  # an out is cleared first
            if not read_before or operands.has_calls(arg):
                return True
    return False


def run(
    g: Gen,
    name: str,
    body: Callable[[], None],
    outs: Sequence[CopyOut],
    result: Ref | None,
    span: Span,
) -> None:
    """The body, and behind it the copies out, which ``exit`` takes along on its way."""
    if name in g.active or len(g.active) >= MAX_DEPTH:
        raise CannotOffload(f"{name} calls itself, or calls are nested too deeply", span)
    frame = Call(g.asm.label(), g.asm.label(), result)
    g.calls.append(frame)
    g.active.append(name)
    outer, g.loops = g.loops, []
    body()
    g.loops = outer
    g.active.pop()
    g.calls.pop()
    g.asm.place(frame.leave)
    copy_out(g, outs, span)
    if not frame.exits:
        return
    after = g.asm.label()
    g.asm.goto(after)
    g.asm.place(frame.exit)
    copy_out(g, outs, span)
    g.calls[-1].exits = True
    g.asm.goto(g.calls[-1].exit)
    g.asm.place(after)


def copy_out(g: Gen, outs: Sequence[CopyOut], span: Span) -> None:
    """The copies out of a call, left to right."""
    env = g.env
    for target, ref, caller in outs:
        g.env = {**caller, "$copied out": ref}
        stmts.store(g, target, ir.Var("$copied out", ref.type, span), span)
    g.env = env


def top_level(g: Gen, body: Callable[[], None]) -> None:
    """Run a block that the architecture calls: ``exit`` and ``return`` end up behind it."""
    end = g.asm.label()
    g.calls.append(Call(end, end))
    body()
    g.calls.pop()
    g.asm.place(end)


def control(g: Gen, item: ir.Control, frame: dict[str, Ref]) -> None:
    """Locals and body of a control with its parameters bound."""
    env, actions, tabs = g.env, g.actions, g.tables
    with ExitStack() as stack:
        stack.enter_context(g.scope())
        g.env = dict(frame)
        g.actions = {action.name: action for action in (*g.program.actions, *item.actions)}
        g.tables = {table.name: table for table in item.tables}
        objects.begin(g, item.name)
        stmts.statements(g, item.locals)
        stmts.statements(g, item.body.body)
    g.env, g.actions, g.tables = env, actions, tabs


def apply_block(g: Gen, expr: ir.BlockApply) -> None:
    """A sub-control, in line (sub-parsers are the parser's business)."""
    try:
        item = g.program.control(expr.block)
    except KeyError:
        raise CannotOffload(f"{expr.block} cannot be applied here", expr.span) from None
    with g.scope():
        frame, outs = bind(g, item.params, expr.args, expr.span, by_reference=True)
        run(g, item.name, lambda: control(g, item, frame), outs, None, expr.span)
