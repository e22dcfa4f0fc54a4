"""Statements, calls and table lookups: each turns a way into the ordered ways that it can go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from ...semantics import ir
from ...semantics.source import Span
from ..base import CannotOffload
from . import places
from .expressions import Valued, as_bits, decide, evaluate, same, split
from .lookups import Looked, look_up
from .state import Context, State, Ways, bounded
from .values import Bits, Value, number, undefined, width_of

ExternHandler = Callable[["Machine", ir.ExternCall, State], Valued]


@dataclass
class Machine:
    """Walks one block of the program at a time."""

    context: Context
    externs: dict[tuple[str, str], ExternHandler] = field(default_factory=dict)
    """(extern, method) → what it does; everything else cannot be offloaded."""

    def variable(self, state: State, name: str, span: Span) -> Value:
        """The value of a variable of the block that runs."""
        found = state.variables.get(self.context.frame + name)
        if found is None:
            raise CannotOffload(f"{name} has no value here", span)
        return found

    @contextmanager
    def inside(self, block: ir.Parser | ir.Control | None, frame: str) -> Iterator[None]:
        """Names mean what they mean in ``block`` (None: in a function)."""
        context = self.context
        old = (context.frame, context.actions, context.tables, context.value_sets)
        self.context.frame = frame
        self.context.actions = {} if block is None else {a.name: a for a in block.actions}
        self.context.tables = {t.name: t for t in block.tables} if isinstance(block, ir.Control) else {}
        sets = block.value_sets if isinstance(block, ir.Parser) else ()
        self.context.value_sets = {v.name: v.control_name for v in sets}
        try:
            yield
        finally:
            context.frame, context.actions, context.tables, context.value_sets = old

    # --- statements -------------------------------------------------------------------------------------------------

    def run(self, body: Sequence[ir.Stmt], ways: Ways) -> Ways:
        """The statements one after the other, on every way that has not left."""
        for statement in body:
            found: Ways = []
            for state in self.before(statement, ways):
                found += _merged(state, self._one(statement, state)) if state.flow == "run" else [state]
            ways = bounded(found, statement.span)
        return ways

    def before(self, statement: ir.Stmt, ways: Ways) -> Ways:
        """The ways with which a statement begins: a target may bring some of them together here."""
        return ways

    def branches(self, ways: Sequence[tuple[State, Sequence[ir.Stmt]]]) -> Ways:
        """Each way goes on with statements of its own, and what it comes to stands in its place: a target whose ways
        know their order may let those with the same statements go on together."""
        return [end for state, body in ways for end in self.run(body, [state])]

    def _one(self, statement: ir.Stmt, state: State) -> Ways:
        self.context.step(statement.span)
        match statement:
            case ir.Block(body):
                return self.run(body, [state])
            case ir.Declare(name, type_, init):
                if init is None:
                    return [state.set(self.context.frame + name, undefined(type_, statement.span))]
                return [s.set(self.context.frame + name, v) for s, v in evaluate(self, init, state)]
            case ir.Assign(target, value):
                return [self._assign(s, target, v) for s, v in evaluate(self, value, state)]
            case ir.If(condition, then, otherwise):
                decided = decide(self, condition, state)
                return self.branches([(s, (then if truth else otherwise).body) for s, truth in decided])
            case ir.Do(call):
                return self._do(call, state)
            case ir.Switch():
                return self._switch(statement, state)
            case ir.Leave("return", value) if value is not None:
                return [replace(s, flow="return", result=v) for s, v in evaluate(self, value, state)]
            case ir.Leave("return" | "exit" as kind):
                return [replace(state, flow="exit" if kind == "exit" else "return")]
        raise CannotOffload(f"{type(statement).__name__} statements", statement.span)

    def _assign(self, state: State, target: ir.Expr, value: Value) -> State:
        if state.flow != "run":
            return state
        after = places.store(self, state, target, value)
        return replace(after, changed=target.span) if places.in_header(target) else after

    def _do(self, call: ir.Expr, state: State) -> Ways:
        match call:
            case ir.TableApply():
                return [s for s, _, _ in self.apply_table(call, state)]
            case ir.HeaderOp(op, base) if op in ("setValid", "setInvalid"):
                return [replace(places.set_valid(self, state, base, op == "setValid"), changed=call.span)]
            case ir.BlockApply():
                return self.block(call, state)
            case ir.FunctionCall() | ir.ExternCall():
                return [s for s, _ in self.call(call, state)]
        raise CannotOffload(f"{type(call).__name__} as a statement", call.span)

    def _switch(self, statement: ir.Switch, state: State) -> Ways:
        if isinstance(statement.subject, ir.TableApply):
            looked = self.apply_table(statement.subject, state)
            return self.branches([(s, _case(statement, action)) for s, _, action in looked])
        found: list[tuple[State, Sequence[ir.Stmt]]] = []
        for s, value in evaluate(self, statement.subject, state):
            found += self._cases(statement, as_bits(value, statement.span), s)
        return self.branches(found)

    def _cases(self, statement: ir.Switch, subject: Bits, state: State) -> Iterator[tuple[State, Sequence[ir.Stmt]]]:
        """The case with the subject's value, else the default."""
        rest: State | None = state
        for place, case in enumerate(statement.cases):
            for label in case.labels:
                if rest is None or label is None:
                    continue
                assert not isinstance(label, str)
                value = as_bits(evaluate(self, label, rest)[0][1], label.span)
                decided = split(self, rest, [same(rest.cube.resolve(subject), value, label.span)], label.span)
                yield from ((s, _case_body(statement, place)) for s, t in decided if t)
                rest = next((s for s, t in decided if not t), None)
        if rest is not None:
            yield rest, _case(statement, None)

    # --- calls ------------------------------------------------------------------------------------------------------

    def call(self, call: ir.FunctionCall | ir.ExternCall, state: State) -> Valued:
        """A function, action or extern; the value is what it returns."""
        if isinstance(call, ir.ExternCall):
            handler = self.externs.get((call.extern, call.method))
            if handler is None or call.index is not None:
                name = f"{call.extern}.{call.method}" if call.method else call.extern
                raise CannotOffload(f"{name}: {self.context.machine} has nothing of this kind", call.span)
            return handler(self, call, state)
        function = self.context.functions.get(call.name)
        if function is not None:
            return self._routine(function.params, function.body, call.args, state, None, call.span)
        action = self.context.action(call.name, call.span)
        return self._routine(action.params, action.body, call.args, state, self.context.frame, call.span)

    def _routine(
        self,
        params: Sequence[ir.Param],
        body: ir.Block,
        args: Sequence[ir.Expr | None],
        state: State,
        frame: str | None,
        span: Span,
        given: Mapping[str, Value] = MappingProxyType({}),
    ) -> Valued:
        """Copy in, run, copy out; an action (``frame`` not None) sees the variables of its block. ``given``: values of
        parameters that are not the program's."""
        found: Valued = []
        inner = self.context.frame + "()" if frame is None else frame
        for s, values in self._copy_in(params, args, state, span):
            if s.flow != "run":
                found.append((s, ()))
                continue
            entered = replace(s, variables={**s.variables, **{inner + n: v for n, v in {**values, **given}.items()}})
            if frame is None:
                with self.inside(None, inner):
                    ends = self.run(body.body, [entered])
            else:
                ends = self.run(body.body, [entered])
            for end in ends:
                after = self._copy_out(params, args, end, inner)
                back = replace(after, flow="run" if end.flow == "return" else end.flow, result=())
                found.append((back, end.result))
        return found

    def _copy_in(
        self, params: Sequence[ir.Param], args: Sequence[ir.Expr | None], state: State, span: Span
    ) -> list[tuple[State, dict[str, Value]]]:
        ways: list[tuple[State, dict[str, Value]]] = [(state, {})]
        for param, arg in zip(params, args, strict=True):
            if arg is None or param.direction == "out":
                ways = [(s, {**made, param.name: undefined(param.type, span)}) for s, made in ways]
            else:
                ways = [(t, {**made, param.name: v}) for s, made in ways for t, v in evaluate(self, arg, s)]
        return ways

    def _copy_out(self, params: Sequence[ir.Param], args: Sequence[ir.Expr | None], end: State, frame: str) -> State:
        """Out arguments get their values, also when the routine has left by ``exit``."""
        state = replace(end, flow="run")
        for param, arg in zip(params, args, strict=True):
            if arg is not None and param.direction in ("out", "inout"):
                state = places.store(self, state, arg, state.variables[frame + param.name])
        return replace(state, flow=end.flow)

    def block(self, call: ir.BlockApply, state: State) -> Ways:
        """A control within a control."""
        control = next((c for c in self.context.program.controls if c.name == call.block), None)
        if control is None:
            raise CannotOffload("a parser that calls another parser", call.span)
        found: Ways = []
        frame = f"{control.name}/"
        for s, values in self._copy_in(control.params, call.args, state, call.span):
            for end in self.control(control, values, s):
                found.append(self._copy_out(control.params, call.args, end, frame))
        return found

    def control(self, control: ir.Control, values: dict[str, Value], state: State) -> Ways:
        """A whole control; its variables are left under its name. ``exit`` ends it and whatever called it."""
        frame = f"{control.name}/"
        entered = replace(state, variables={**state.variables, **{frame + n: v for n, v in values.items()}})
        with self.inside(control, frame):
            ways = self.run(control.body.body, self.run(control.locals, [entered]))
        return [replace(s, flow="run" if s.flow == "return" else s.flow) for s in ways]

    # --- tables -----------------------------------------------------------------------------------------------------

    def apply_table(self, call: ir.TableApply, state: State) -> list[Looked]:
        """The ways through a table: after its action, with whether there was a hit, and the action's name."""
        if state.flow != "run":
            return [(state, False, "")]
        table = self.context.tables.get(call.table)
        if table is None:
            raise CannotOffload(f"table {call.table} is not known here", call.span)
        found: list[Looked] = []
        for s, hit, name, args in look_up(self, table, state):
            reference = next((r for r in table.actions if r.action == name), None)
            ends = self.action(name, reference.args if reference else (), args, s, table.span)
            found += [(end, hit, name) for end in ends]
        bounded([s for s, _, _ in found], call.span)
        return found

    def action(self, name: str, bound: Sequence[ir.Expr], args: Sequence[int | Bits], state: State, span: Span) -> Ways:
        """An action with arguments from the program (``bound``) and from the control plane (``args``)."""
        action = self.context.action(name, span)
        from_plane = iter(args)
        from_program = iter(bound)
        full: list[ir.Expr | None] = []
        given: dict[str, Value] = {}
        for param in action.params:
            full.append(next(from_program, None) if param.direction else None)
            if not param.direction:
                value = next(from_plane, None)
                if value is None:
                    raise CannotOffload(f"action {name} without a value for {param.name}", span)
                given[param.name] = number(value, width_of(param.type, span)) if isinstance(value, int) else value
        frame = self.context.frame
        return [s for s, _ in self._routine(action.params, action.body, full, state, frame, span, given)]


def _case(statement: ir.Switch, label: str | None) -> Sequence[ir.Stmt]:
    """The statements of the case that names an action, else of the default."""
    for wanted in (label, None):
        for place, case in enumerate(statement.cases):
            if wanted in case.labels:
                return _case_body(statement, place)
    return ()


def _case_body(statement: ir.Switch, place: int) -> Sequence[ir.Stmt]:
    """The body of a case, or the one that it falls through to."""
    return next((case.body.body for case in statement.cases[place:] if case.body is not None), ())


def _merged(before: State, ways: Ways) -> Ways:
    """One way for many that differ in their conditions only: together they hold wherever ``before`` did."""
    if not ways or any(w.at is not before.at for w in ways):
        return ways
    first = replace(ways[0], cube=before.cube, order=before.order)
    return [first] if all(replace(w, cube=before.cube, order=before.order) == first for w in ways) else ways


# --- externs that do nothing that anybody sees ------------------------------------------------------------------------


def nothing(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """No effect on what leaves (``log_msg``)."""
    return [(state, ())]


def emit(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``packet_out.emit``: the fields of a valid header, or of all headers within."""
    assert call.args[0] is not None
    return [
        (replace(s, emitted=s.emitted + tuple(places.fields_of(v))), ()) for s, v in evaluate(m, call.args[0], state)
    ]


PLAIN_EXTERNS: Final[dict[tuple[str, str], ExternHandler]] = {
    ("packet_out", "emit"): emit,
    ("log_msg", ""): nothing,
}
