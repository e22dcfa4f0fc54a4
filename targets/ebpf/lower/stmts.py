"""Statements, assignments of any type, and calls (generated in line, with P4's copy-in and copy-out)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from ....semantics import ir
from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R1, R2, R10
from . import expr as ex
from . import externs, tables
from .frame import Leaf, Ref, headers, is_composite, leaf_bytes, leaves, parts
from .gen import Call, Gen

MAX_DEPTH: Final = 64
"""Calls in calls; deeper nesting is refused."""


def block(g: Gen, body: ir.Block) -> None:
    """The statements of a block, in a scope of their own."""
    with g.scope():
        statements(g, body.body)


def statements(g: Gen, body: Sequence[ir.Stmt]) -> None:
    """Statements in the current scope."""
    for stmt in body:
        handler = _STATEMENTS.get(type(stmt))
        if handler is None:
            raise CannotOffload("loops in controls are not unrolled", stmt.span)
        handler(g, stmt)


def _declare(g: Gen, stmt: ir.Declare) -> None:
    if stmt.init is None:
        g.clear(g.declare(stmt.name, stmt.type, stmt.span), stmt.span)
        return
    env = dict(g.env)
    ref = g.declare(stmt.name, stmt.type, stmt.span)
    inside, g.env = g.env, env  # the initialiser does not see the new name
    assign(g, ref, stmt.init)
    g.env = inside


def statements_into(g: Gen, body: Sequence[ir.Declare]) -> None:
    """Declarations whose storage is already in scope."""
    for stmt in body:
        if stmt.init is None:
            g.clear(g.env[stmt.name], stmt.span)
        else:
            assign(g, g.env[stmt.name], stmt.init)


def _assign(g: Gen, stmt: ir.Assign) -> None:
    store(g, stmt.target, stmt.value, stmt.span)


def _do(g: Gen, stmt: ir.Do) -> None:
    match stmt.call:
        case ir.FunctionCall():
            call(g, stmt.call, None)
        case ir.BlockApply():
            apply_block(g, stmt.call)
        case ir.TableApply():
            tables.apply(g, stmt.call)
        case ir.ExternCall():
            externs.statement(g, stmt.call)
        case ir.HeaderOp():
            header_op(g, stmt.call)
        case _:
            ex.value(g, stmt.call)


def _if(g: Gen, stmt: ir.If) -> None:
    otherwise, end = g.asm.label(), g.asm.label()
    ex.branch_unless(g, stmt.condition, otherwise)
    with g.maybe():
        block(g, stmt.then)
        if stmt.otherwise.body:
            g.asm.goto(end)
        g.asm.place(otherwise)
        block(g, stmt.otherwise)
    g.asm.place(end)


def _block(g: Gen, stmt: ir.Block) -> None:
    block(g, stmt)


def _switch(g: Gen, stmt: ir.Switch) -> None:
    end = g.asm.label()
    labels = [g.asm.label() for _ in stmt.cases]
    if isinstance(stmt.subject, ir.TableApply):
        tables.apply(g, stmt.subject)
    else:
        ex.value(g, stmt.subject)
    default = end
    with g.hold() as held:
        for case, target in zip(stmt.cases, labels, strict=True):
            for label in case.labels:
                if label is None:
                    default = target
                    continue
                number = tables.action_index(g, stmt.subject, label, stmt.span)
                held.load()
                g.constant(R2, number)
                g.asm.jump("jeq", R1, R2, target)
    g.asm.goto(default)
    for case, target in zip(stmt.cases, labels, strict=True):
        g.asm.place(target)
        if case.body is not None:  # else it falls through to the next one
            with g.maybe():
                block(g, case.body)
            g.asm.goto(end)
    g.asm.place(end)


def _leave(g: Gen, stmt: ir.Leave) -> None:
    here = g.calls[-1]
    if stmt.kind == "exit":
        here.exits = True
        g.asm.goto(here.exit)
    elif stmt.kind == "return":
        if stmt.value is not None and here.result is not None:
            assign(g, here.result, stmt.value)
        g.asm.goto(here.leave)
    else:
        raise CannotOffload(f"{stmt.kind} outside an unrolled loop", stmt.span)


_STATEMENTS: Final[dict[type, Callable[..., None]]] = {
    ir.Declare: _declare,
    ir.Assign: _assign,
    ir.Do: _do,
    ir.If: _if,
    ir.Block: _block,
    ir.Switch: _switch,
    ir.Leave: _leave,
}


def header_op(g: Gen, op: ir.HeaderOp) -> None:
    """setValid, setInvalid, push_front, pop_front."""
    ref = ex.lvalue(g, op.base)
    if op.op in ("setValid", "setInvalid"):
        _alone_in_union(g, op, ref)
        g.written(ref.valid, op.span)
        g.store_constant(Leaf(ref.valid.path, 1), int(op.op == "setValid"))
        return
    if op.op not in ("push_front", "pop_front"):
        return
    elements = parts(ref.type, ref)
    count = min(op.count, len(elements))
    g.written(ref, op.span)
    if op.op == "push_front":
        for index in range(len(elements) - 1, count - 1, -1):
            copy(g, elements[index], elements[index - count], op.span)
        empty = elements[:count]
    else:
        for index in range(len(elements) - count):
            copy(g, elements[index], elements[index + count], op.span)
        empty = elements[len(elements) - count :]
    for element in empty:
        for header in headers(element):
            g.store_constant(Leaf(header.valid.path, 1), 0)


def _alone_in_union(g: Gen, op: ir.HeaderOp, ref: Ref) -> None:
    """A member of a union made valid makes the others invalid."""
    base = op.base
    if op.op != "setValid" or not isinstance(base, ir.Member) or not isinstance(ir.bare(base.base.type), ir.UnionType):
        return
    for other in headers(ex.lvalue(g, base.base)):
        if other.path != ref.path:
            g.written(other.valid, op.span)
            g.store_constant(Leaf(other.valid.path, 1), 0)


# --- assignment -----------------------------------------------------------------------------------------------------


def store(g: Gen, target: ir.Expr, source: ir.Expr, span: Span) -> None:
    """``target = source``, the target being any lvalue."""
    if isinstance(target, ir.Slice):
        _store_slice(g, target, source, span)
        return
    ref = ex.lvalue(g, target)
    g.written(ref, span)
    union = target.base if isinstance(target, ir.Member) else None
    assign(g, ref, source)
    if union is not None and isinstance(ir.bare(union.type), ir.UnionType):
        _only_member(g, ex.lvalue(g, union), ref, span)


def _only_member(g: Gen, union: Ref, member: Ref, span: Span) -> None:
    """A valid header assigned to a member of a union makes the other members invalid."""
    end = g.asm.label()
    g.load_leaf(R1, member.valid, span=span)
    g.asm.jump("jeq", R1, 0, end)
    for other in headers(union):
        if other.path != member.path:
            g.written(other.valid, span)
            g.store_constant(Leaf(other.valid.path, 1), 0)
    g.asm.place(end)


def _store_slice(g: Gen, target: ir.Slice, source: ir.Expr, span: Span) -> None:
    high, low, base = target.high, target.low, target.base
    while isinstance(base, ir.Slice):
        high, low, base = high + base.low, low + base.low, base.base
    ref = ex.lvalue(g, base)
    g.written(ref, span)
    width = g.width(ref.type, span)
    if not g.is_live(ref.path) and not ex.has_calls(source):
        return
    if high - low >= 64:
        raise CannotOffload("an assignment to a slice of more than 64 bits", span)
    ex.value(g, source)
    with g.hold() as held:
        for limb in range(low // 64, high // 64 + 1):
            top, bottom = min(high, 64 * limb + 63, width - 1), max(low, 64 * limb)
            held.load(R1)
            if bottom > low:
                g.asm.emit(asm.alu("rsh", R1, bottom - low))
            g.trim(R1, top - bottom + 1)
            if bottom % 64:
                g.asm.emit(asm.alu("lsh", R1, bottom % 64))
            g.load_leaf(R2, ref, limb, span)
            mask = ((1 << top - bottom + 1) - 1) << bottom % 64
            g.constant(asm.R3, ~mask)
            g.asm.emit(asm.alu("and", R2, asm.R3), asm.alu("or", R1, R2))
            g.store_leaf(ref, R1, limb)


def assign(g: Gen, ref: Ref, source: ir.Expr) -> None:
    """Give ``ref`` the value of an expression of its type; nothing is computed that nobody reads."""
    if not ex.has_calls(source) and not g.any_live(ref):
        return
    if is_composite(ref.type):
        _assign_composite(g, ref, source)
        return
    width = g.width(ref.type, source.span)
    if width > 64:
        _assign_wide(g, ref, source, width)
    elif width:
        ex.value(g, source)
        g.store_leaf(ref, R1)
    elif ex.has_calls(source):
        ex.value(g, source)


def _assign_wide(g: Gen, ref: Ref, source: ir.Expr, width: int) -> None:
    limbs = [(limb, min(64, width - 64 * limb)) for limb in range((width + 63) // 64)]
    if isinstance(source, ir.FunctionCall | ir.ExternCall):
        _assign_call(g, ref, source)
        return
    if ex.has_calls(source):
        raise CannotOffload("a call inside an expression of more than 64 bits", source.span)
    if not ex.mentions(g, source, ref):
        for limb, bits in limbs:
            ex.window(g, source, 64 * limb, bits)
            g.store_leaf(ref, R1, limb)
        return
    with g.buffer(8 * len(limbs), source.span) as place:
        for limb, bits in limbs:
            ex.window(g, source, 64 * limb, bits)
            g.asm.emit(asm.store(8, R10, place + 8 * limb, R1))
        for limb, _ in limbs:
            g.asm.emit(asm.load(8, R1, R10, place + 8 * limb))
            g.store_leaf(ref, R1, limb)


def _assign_call(g: Gen, ref: Ref, source: ir.FunctionCall | ir.ExternCall) -> None:
    with g.scope():
        result = g.declare("$result", ref.type, source.span)
        if isinstance(source, ir.FunctionCall):
            call(g, source, result)
        else:
            externs.composite(g, source, result)
        copy(g, ref, result, source.span)


def _assign_composite(g: Gen, ref: Ref, source: ir.Expr) -> None:
    match source:
        case ir.Var() | ir.Member() | ir.Index():
            place = ex.resolve(g, source)
            if place is None:
                raise CannotOffload("this expression is not supported", source.span)
            copy(g, ref, place, source.span)
        case ir.Cast(operand):
            _assign_cast(g, ref, operand, source.span)
        case ir.Aggregate(values):
            _assign_aggregate(g, ref, values, source)
        case ir.Mux():
            ex.choose(g, source, lambda side: assign(g, ref, side))
        case ir.InvalidHeader() | ir.DefaultValue():
            g.clear(ref, source.span)
        case ir.FunctionCall() | ir.ExternCall():
            _assign_call(g, ref, source)
        case _:
            raise CannotOffload("this expression is not supported", source.span)


def _assign_aggregate(g: Gen, ref: Ref, values: tuple[ir.Expr, ...], source: ir.Expr) -> None:
    if any(ex.mentions(g, value, ref) for value in values):
        with g.scope():
            copied = g.declare("$aggregate", ref.type, source.span)
            _fill_aggregate(g, copied, values)
            copy(g, ref, copied, source.span)
        return
    _fill_aggregate(g, ref, values)


def _fill_aggregate(g: Gen, ref: Ref, values: tuple[ir.Expr, ...]) -> None:
    for part, item in zip(parts(ref.type, ref), values, strict=True):
        assign(g, part, item)
    if isinstance(ir.bare(ref.type), ir.HeaderType):
        g.store_constant(Leaf(ref.valid.path, 1), 1)


def _assign_cast(g: Gen, ref: Ref, operand: ir.Expr, span: Span) -> None:
    """A tuple or struct taken as another struct, field by field in order."""
    if isinstance(operand, ir.Aggregate):
        _assign_aggregate(g, ref, operand.values, operand)
        return
    with g.scope():
        held = g.declare("$operand", operand.type, span)
        assign(g, held, operand)
        for target, part in zip(parts(ref.type, ref), parts(held.type, held), strict=True):
            copy(g, target, part, span)
        if isinstance(ir.bare(ref.type), ir.HeaderType):
            g.store_constant(Leaf(ref.valid.path, 1), 1)


def copy(g: Gen, to: Ref, source: Ref, span: Span = NOWHERE) -> None:
    """Copy every leaf that is read at ``to``."""
    if to.path == source.path:
        return
    pairs = zip(leaves(g.program, to, span), leaves(g.program, source, span), strict=True)
    for left, right in pairs:
        if left.path not in g.slots or not left.width:
            continue
        g.usage.loads.setdefault(right.path, span)
        size = leaf_bytes(left.width)
        for low in range(0, size, 8):
            step = min(8, size)
            g.asm.emit(
                asm.load(step, R1, R10, g.slots[right.path] + low),
                asm.store(step, R10, g.slots[left.path] + low, R1),
            )


# --- calls ----------------------------------------------------------------------------------------------------------

CopyOut = tuple[ir.Expr, Ref, dict[str, Ref]]
"""What a call copies out: the caller's lvalue, the parameter's storage, the names in scope at the caller."""


def call(g: Gen, expr: ir.FunctionCall, result: Ref | None) -> None:
    """A function or action, in line."""
    action = g.actions.get(expr.name)
    if action is not None:
        invoke(g, expr.name, action.params, expr.args, action.body, None, expr.span, keep_env=True)
        return
    try:
        function = g.program.function(expr.name)
    except KeyError:
        raise CannotOffload(f"{expr.name} cannot be called here", expr.span) from None
    invoke(g, expr.name, function.params, expr.args, function.body, result, expr.span)


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
        run(g, name, lambda: statements(g, body.body), outs, result, span)


def bind(
    g: Gen, params: Sequence[ir.Param], args: Sequence[ir.Expr | None], span: Span, *, by_reference: bool
) -> tuple[dict[str, Ref], list[CopyOut]]:
    """Storage for the parameters, filled; and what is to be copied out: (lvalue, storage, names in scope there).

    With ``by_reference`` (the callee sees nothing but its parameters), an argument that no other one overlaps needs
    no copy.
    """
    caller = g.env
    places = {id(a): ex.resolve(g, a) for a in args if isinstance(a, ir.Var | ir.Member | ir.Index)}
    frame: dict[str, Ref] = {}
    outs: list[CopyOut] = []
    for param, arg in zip(params, args, strict=True):
        place = None if arg is None else places.get(id(arg))
        if place is not None and isinstance(ir.bare(param.type), ir.ExternType):
            frame[param.name] = place
            continue
        if by_reference and place is not None and not _shared(place, arg, args, places):
            frame[param.name] = place
            if param.direction == "out":
                g.written(place, span)
                g.clear(place, span)
            continue
        g.env = dict(caller)
        ref = g.declare(param.name, param.type, param.span)
        g.env = caller
        frame[param.name] = ref
        if param.direction == "out":
            g.clear(ref, span)
        elif arg is not None:
            assign(g, ref, arg)
        if param.direction in ("out", "inout") and arg is not None:
            outs.append((arg, ref, caller))
    return frame, outs


def _shared(place: Ref, arg: ir.Expr | None, args: Sequence[ir.Expr | None], places: dict[int, Ref | None]) -> bool:
    """Whether another argument may touch the same storage (or call something that does)."""
    for other in args:
        if other is None or other is arg:
            continue
        also = places.get(id(other))
        if also is None:
            if not isinstance(other, ir.Const):
                return True
        elif also.overlaps(place):
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
    body()
    g.active.pop()
    g.calls.pop()
    g.asm.place(frame.leave)
    _copy_out(g, outs, span)
    if not frame.exits:
        return
    after = g.asm.label()
    g.asm.goto(after)
    g.asm.place(frame.exit)
    _copy_out(g, outs, span)
    g.calls[-1].exits = True
    g.asm.goto(g.calls[-1].exit)
    g.asm.place(after)


def _copy_out(g: Gen, outs: Sequence[CopyOut], span: Span) -> None:
    env = g.env
    for target, ref, caller in outs:
        g.env = {**caller, "$copied out": ref}
        store(g, target, ir.Var("$copied out", ref.type, span), span)
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
        statements(g, item.locals)
        statements(g, item.body.body)
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


__all__ = [
    "MAX_DEPTH", "Label", "apply_block", "assign", "bind", "block", "call", "control", "copy", "header_op", "invoke",
    "statements", "statements_into", "store", "top_level",
]  # fmt: skip
