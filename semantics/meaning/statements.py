"""What statements mean (P4-16 spec, "Statements")."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .dispatch import Loop, executes
from .expressions import convert, is_signed
from .machine import Machine
from .references import assign, reference
from .state import LeaveKind
from .tables import action_number
from .trace import place_text, plain
from .values import Header, Scalar, Stack, Struct, Union, Value, uninitialised

MAX_ITERATIONS: Final = 1024
"""Iterations after which a loop that may go on is followed no further."""

MAX_OPEN_ITERATIONS: Final = 2_000
"""The same for all loops together; from then on each gets :data:`FEW_ITERATIONS`."""

FEW_ITERATIONS: Final = 8

MAX_SURE_ITERATIONS: Final = 4_000
"""Iterations of a loop that certainly goes on, when the packet is not known."""

MAX_ALL_ITERATIONS: Final = 70_000
"""Iterations of all loops together that certainly go on."""

BREAK: Final = frozenset[LeaveKind]({"break"})
"""What ends a loop."""
CONTINUE: Final = frozenset[LeaveKind]({"continue"})
"""What ends a turn of a loop, but not the loop."""


def run_all(m: Machine, body: tuple[ir.Stmt, ...]) -> None:
    """Statements in order, as long as control is here."""
    for statement in body:
        if m.state.dead:
            return
        m.exec(statement)


@executes(ir.Block)
def _block(m: Machine, node: ir.Block) -> None:
    run_all(m, node.body)


@executes(ir.Declare)
def _declare(m: Machine, node: ir.Declare) -> None:
    if isinstance(ir.bare(node.type), ir.ExternType):
        return
    if node.init is None:
        m.state.store[node.name] = uninitialised(node.type, node.span)
        return
    value = shaped(m.fix(m.eval(node.init), node.init.span), node.type, node.span)
    if not m.state.dead:
        m.state.store[node.name] = value


@executes(ir.Assign)
def _assign(m: Machine, node: ir.Assign) -> None:
    place = reference(m, node.target)
    value = shaped(m.fix(m.eval(node.value), node.value.span), node.target.type, node.span)
    if m.state.dead:
        return
    assign(m, place, value)
    if m.trace is not None:
        bits = value.term.width if isinstance(value, Scalar) else None
        m.trace.add("assign", node.span, target=place_text(node.target), value=plain(value), bits=bits)


def shaped(value: Value, type_: ir.Type, span: Span) -> Value:
    """``value`` as one of ``type_``: a tuple given to a struct or header becomes one."""
    bare = ir.bare(type_)
    match bare, value:
        case (ir.StructType() | ir.TupleType(), Struct()) | (ir.HeaderType(), Header()) | (ir.StackType(), Stack()):
            return value
        case ir.UnionType(), Union():
            return value
        case ((ir.HeaderType() | ir.StructType() | ir.TupleType() | ir.StackType()), (Struct() | Header() | Stack())):
            return convert(value, bare, span)
    return value


@executes(ir.Do)
def _do(m: Machine, node: ir.Do) -> None:
    m.eval(node.call)


def if_condition(m: Machine, node: ir.If) -> Term:
    """Whether the condition of a statement holds; the trace is told."""
    condition = m.read(m.eval(node.condition), node.condition.span)
    if m.trace is not None and condition.is_const:
        m.trace.add("if", node.condition.span, holds=condition is b.TRUE)
    return condition


@executes(ir.If)
def _if(m: Machine, node: ir.If) -> None:
    m.branch(if_condition(m, node), lambda: m.exec(node.then), lambda: m.exec(node.otherwise))


@executes(ir.Leave)
def _leave(m: Machine, node: ir.Leave) -> None:
    if m.trace is not None and node.kind == "exit":
        m.trace.add("exit", node.span)
    value = m.fix(m.eval(node.value), node.value.span) if node.value is not None else None
    m.leave(node.kind, value)


# --- switch ---------------------------------------------------------------------------------------------------------


@executes(ir.Switch)
def _switch(m: Machine, node: ir.Switch) -> None:
    subject = m.read(m.eval(node.subject), node.subject.span)
    table = node.subject.table if isinstance(node.subject, ir.TableApply) else None
    taken: list[tuple[Term, ir.Block | None]] = []
    labels: list[Term] = []
    for case in node.cases:
        labels += [_label(m, label, subject, table) for label in case.labels]
        if case.body is not None:
            taken.append((b.or_(*labels), case.body))
            labels = []
    _first_of(m, taken)


def _label(m: Machine, label: ir.Expr | str | None, subject: Term, table: str | None) -> Term:
    """Whether the subject equals a label; ``default`` comes last and always does."""
    if label is None:
        return b.TRUE
    if isinstance(label, str):
        assert table is not None
        return b.eq(subject, b.bv(action_number(m, table, label), subject.width))
    return b.eq(subject, m.read(m.eval(label), label.span))


def _first_of(m: Machine, cases: list[tuple[Term, ir.Block | None]]) -> None:
    """Run the body of the first case whose condition holds."""
    m.choose([(condition, partial(m.exec, body)) for condition, body in cases if body is not None])


# --- loops ----------------------------------------------------------------------------------------------------------


@executes(ir.For)
def _for(m: Machine, node: ir.For) -> None:
    run_all(m, node.init)

    def condition() -> Term:
        return m.read(m.eval(node.condition), node.condition.span)

    loop = Loop(node.span, node.body, node.condition, node.update)
    if not _beyond(m, loop, sure=False):
        _loop(m, node.span, condition, node.body, lambda: run_all(m, node.update), loop)


def _beyond(m: Machine, loop: Loop | None, *, sure: bool) -> bool:
    """Go on behind a loop without following its turns, if anybody knows how (:attr:`Machine.endless`)."""
    return loop is not None and m.endless is not None and not m.state.dead and m.endless(m, loop, sure)


def _loop(
    m: Machine, span: Span, condition: Callable[[], Term], body: ir.Block, update: Callable[[], None],
    loop: Loop | None = None,
) -> None:  # fmt: skip
    """Unrolled until nothing goes on; ``break`` leaves the loop, ``continue`` the body."""
    mark = len(m.leavers)
    turns = sure = 0
    while not m.state.dead:
        goes_on = m.decide(condition())
        if goes_on is b.FALSE:
            break
        if goes_on is b.TRUE:
            sure += 1
        else:
            turns += 1
            _leave_unless(m, goes_on)
        if _too_long(m, turns, sure, goes_on):
            if goes_on is b.TRUE and _beyond(m, loop, sure=True):
                break
            m.cut(f"the loop at {span} more than {turns + sure - 1} times", span)
            break
        inner = len(m.leavers)
        m.exec(body)
        m.rejoin(m.gather(inner, CONTINUE))
        if not m.state.dead:
            update()
    m.rejoin(m.gather(mark, BREAK))


def _too_long(m: Machine, turns: int, sure: int, goes_on: Term) -> bool:
    """Whether a loop after so many turns that it need not have made, and so many that are sure, is followed no
    further."""
    if goes_on is b.TRUE:
        m.iterations += 1
        return m.iterations > MAX_ALL_ITERATIONS or (sure > MAX_SURE_ITERATIONS and not m.input.concrete)
    m.open_iterations += 1
    if m.turns is not None and turns > m.turns:
        m.turned = True
        return True
    return turns > (MAX_ITERATIONS if m.open_iterations <= MAX_OPEN_ITERATIONS else FEW_ITERATIONS)


def _leave_unless(m: Machine, condition: Term) -> None:
    """The loop ends here where its condition does not hold."""
    m.branch(condition, lambda: None, lambda: m.leave("break"))


@executes(ir.ForIn)
def _for_in(m: Machine, node: ir.ForIn) -> None:
    if isinstance(node.over, ir.RangeSet):
        _for_range(m, node, node.over)
        return
    collection = m.fix(m.eval(node.over), node.over.span)
    if isinstance(collection, Stack):
        values = list(collection.elements)
    elif isinstance(collection, Struct):
        values = list(collection.fields.values())
    else:
        raise Unsupported(f"a loop over a {type(collection).__name__.lower()}", node.span)
    remaining = iter(values)
    left = len(values)

    def condition() -> Term:
        nonlocal left
        if not left:
            return b.FALSE
        left -= 1
        m.state.store[node.name] = next(remaining)
        return b.TRUE

    _loop(m, node.span, condition, node.body, lambda: None)


def _for_range(m: Machine, node: ir.ForIn, over: ir.RangeSet) -> None:
    """``low .. high``, both evaluated once. Turns are counted, so that a range of a narrow type ends by itself."""
    low = m.read(m.eval(over.low), over.low.span)
    high = m.read(m.eval(over.high), over.high.span)
    inside = b.sle if is_signed(over.low.type) else b.ule
    signed = is_signed(over.low.type)
    if _beyond(m, Loop(node.span, node.body, index=node.name, low=low, high=high, signed=signed), sure=False):
        return
    any_, distance = inside(low, high), b.sub(high, low)
    turn = 0

    def condition() -> Term:
        nonlocal turn
        if turn >> low.width:
            return b.FALSE
        count = b.bv(turn, low.width)
        m.state.store[node.name] = Scalar(b.add(low, count))
        turn += 1
        return b.and_(any_, b.ule(count, distance))

    _loop(m, node.span, condition, node.body, lambda: None)
