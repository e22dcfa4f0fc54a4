"""Which headers can be valid together when a packet comes to the deparser.

The controls before it are run over the validity of headers alone: from each way out of the parser, through every branch
that conditions on validity leave open, every action that a table may pick. Of what is not followed (a header that comes
out of an extern, elements of a stack by an index that is not known, members of unions) nothing is said; deparsers then
ask for every header that somebody makes valid or invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from .frame import Ref, headers, is_composite, parts

MOST_STATES: Final = 1024
"""Sets of valid headers that are followed at once."""
MOST_TURNS: Final = 64
"""Turns of a loop until nothing new comes."""

State = frozenset[str]
"""The paths of the headers that are valid."""
States = frozenset[State]
Frame = Mapping[str, Ref]
"""What the parameters of a control are."""


class NotFollowed(Exception):
    """Something is done to headers that is not followed."""


def changed_in(program: ir.Program, block: ir.Parser | ir.Control) -> bool:
    """Whether statements in a block, or in controls that it applies, make headers valid or invalid, other than by
    extracting them."""
    for node in mentioned(block):
        match node:
            case ir.HeaderOp(op=op) if op != "isValid":
                return True
            case ir.Assign(target=target) if _holds_headers(target.type):
                return True
            case ir.ExternCall() if _gives_headers(node):
                return True
            case ir.BlockApply(block=name):
                if any(changed_in(program, each) for each in program.controls if each.name == name):
                    return True
    return False


_READERS: Final = ("packet_in", "packet_out")


def behind(
    program: ir.Program, flows: Iterable[Sequence[tuple[ir.Control, Frame]]], before: State
) -> frozenset[State] | None:
    """The sets of headers that can be valid behind one of several sequences of controls, if these are valid ``before``
    them; None if that is not known."""
    found: set[State] = set()
    try:
        for flow in flows:
            states: States = frozenset({before})
            for control, frame in flow:
                states = _Run(program).block(control, frame, states)
            found |= states
    except NotFollowed:
        return None
    return frozenset(found)


class _Run:
    """One block that the architecture calls. States on which it is left early (``exit``, ``return``, ...) are taken for
    possible behind everything that they may leave."""

    def __init__(self, program: ir.Program) -> None:
        self._program = program
        self._left: set[State] = set()
        self._actions: Mapping[str, ir.Action] = {}
        self._tables: Mapping[str, ir.Table] = {}
        self._env: dict[str, Ref] = {}
        self._outer: Mapping[str, Ref] = {}
        """What actions see beside their parameters."""

    def block(self, control: ir.Control, frame: Frame, states: States) -> States:
        """The states behind a control."""
        before = self._env, self._outer, self._actions, self._tables
        self._env = dict(frame)
        self._actions = {action.name: action for action in (*self._program.actions, *control.actions)}
        self._tables = {table.name: table for table in control.tables}
        states = self._all(control.locals, states)
        self._outer = dict(self._env)
        states = self._all(control.body.body, states)
        self._env, self._outer, self._actions, self._tables = before
        return states | self._left

    # --- statements ---

    def _all(self, body: Sequence[ir.Stmt], states: States) -> States:
        for stmt in body:
            if not states:
                break
            states = self._statement(stmt, states)
            if len(states) > MOST_STATES:
                raise NotFollowed
        return states

    def _inner(self, body: Sequence[ir.Stmt], states: States) -> States:
        env = dict(self._env)
        states = self._all(body, states)
        self._env = env
        return states

    def _statement(self, stmt: ir.Stmt, states: States) -> States:
        match stmt:
            case ir.Declare(name=name, init=init):
                states = self._effects(init, states)
                self._env.pop(name, None)
                return states
            case ir.Assign(target=target, value=value):
                states = self._effects(value, self._effects(target, states))
                return self._assign(target, value, states) if _holds_headers(target.type) else states
            case ir.Do(call=call):
                return self._call(call, states)
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                states = self._effects(condition, states)
                yes = frozenset(s for s in states if self._truth(condition, s) is not False)
                no = frozenset(s for s in states if self._truth(condition, s) is not True)
                return self._inner(then.body, yes) | self._inner(otherwise.body, no)
            case ir.Block(body=body):
                return self._inner(body, states)
            case ir.Switch():
                return self._switch(stmt, states)
            case ir.For(init=init, condition=condition, update=update, body=body):
                env = dict(self._env)
                states = self._effects(condition, self._all(init, states))
                states = self._loop((body, *update, ir.Do(condition)), states)
                self._env = env
                return states
            case ir.ForIn(name=name, over=over, body=body):
                env = dict(self._env)
                states = self._effects(over, states)
                self._env.pop(name, None)
                states = self._loop((body,), states)
                self._env = env
                return states
            case ir.Leave(value=value):
                self._left |= self._effects(value, states)
                return frozenset()

    def _loop(self, body: Sequence[ir.Stmt], states: States) -> States:
        for _ in range(MOST_TURNS):
            more = states | self._inner(body, states) | self._left
            if more == states:
                return states
            states = frozenset(more)
        raise NotFollowed

    def _switch(self, stmt: ir.Switch, states: States) -> States:
        subject = stmt.subject
        if not isinstance(subject, ir.TableApply):
            states = self._effects(subject, states)
            bodies = [case.body for case in stmt.cases if case.body is not None]
            return states.union(*(self._inner(body.body, states) for body in bodies))
        found: set[State] = set()
        for name, args in self._picks(subject.table):
            there = self._action(name, args, states)
            body = _chosen(stmt.cases, name)
            found |= there if body is None else self._inner(body.body, there)
        return frozenset(found)

    # --- calls ---

    def _call(self, call: ir.Expr, states: States) -> States:
        match call:
            case ir.HeaderOp(op=op, base=base, count=count) if op != "isValid":
                return self._header(op, base, count, self._effects(base, states))
            case ir.TableApply(table=table):
                return frozenset().union(*(self._action(name, args, states) for name, args in self._picks(table)))
            case ir.BlockApply(block=block, args=args):
                control = self._program.control(block)
                frame, states = self._bound(control.params, args, states)
                return self.block(control, frame, states)
            case ir.FunctionCall(name=name, args=args) if name in self._actions:
                return self._action(name, args, states)
        return self._effects(call, states)

    def _picks(self, name: str) -> Iterator[tuple[str, tuple[ir.Expr | None, ...]]]:
        """The actions that a table may pick, with the arguments that the source gives."""
        table = self._tables[name]
        yield from ((ref.action, ref.args) for ref in table.actions)
        if all(ref.action != table.default.action for ref in table.actions):
            yield table.default.action, ()

    def _action(self, name: str, args: Sequence[ir.Expr | None], states: States) -> States:
        action = self._actions[name]
        if len(args) == len(action.params):
            params = action.params
        else:  # the control plane gives the others
            params = tuple(param for param in action.params if param.direction)
        frame, states = self._bound(params, args, states)
        env = self._env
        own = {param.name for param in action.params}
        self._env = {n: ref for n, ref in self._outer.items() if n not in own} | frame
        states = self._all(action.body.body, states)
        self._env = env
        return states | self._left

    def _bound(
        self, params: Sequence[ir.Param], args: Sequence[ir.Expr | None], states: States
    ) -> tuple[dict[str, Ref], States]:
        """What parameters are. What is copied in and out is taken for the argument itself, as no two overlap."""
        frame: dict[str, Ref] = {}
        for param, arg in zip(params, args, strict=True):
            states = self._effects(arg, states)
            if arg is None or not _holds_headers(param.type):
                continue
            place = self._place(arg)
            if place is None or _in_union(arg):
                if _changes(param):
                    raise NotFollowed
                continue
            frame[param.name] = place
            if param.direction == "out":
                gone = frozenset(ref.path for ref in headers(place))
                states = frozenset(state - gone for state in states)
        refs = list(frame.values())
        if any(x.overlaps(y) for i, x in enumerate(refs) for y in refs[:i]):
            raise NotFollowed
        return frame, states

    def _effects(self, expr: object, states: States) -> States:
        """The states behind an expression, whose calls may happen or not."""
        if expr is None or isinstance(expr, ir.Const | ir.Var):
            return states
        for node in mentioned(expr):
            match node:
                case ir.TableApply() | ir.BlockApply():
                    states |= self._call(node, states)
                case ir.FunctionCall(name=name) if name in self._actions:
                    states |= self._call(node, states)
                case ir.FunctionCall(name=name):
                    if any(map(_changes, self._program.function(name).params)):
                        raise NotFollowed
                case ir.ExternCall() if _gives_headers(node):
                    raise NotFollowed
        return states

    # --- headers ---

    def _place(self, expr: ir.Expr) -> Ref | None:
        """What an lvalue names; None if that is not followed."""
        match expr:
            case ir.Var(name=name):
                return self._env.get(name)
            case ir.Member(base=base, name=name, type=type_) if not isinstance(ir.bare(base.type), ir.StackType):
                whole = self._place(base)
                return None if whole is None else whole.member(name, type_)
            case ir.Index(base=base, index=ir.Const(value=int(index)), type=type_):
                whole = self._place(base)
                return None if whole is None else whole.element(index, type_)
        return None

    def _changed(self, expr: ir.Expr) -> Ref | None:
        """What becomes valid, invalid or something else; None for variables that are not followed."""
        place = self._place(expr)
        if place is None and _is_local(expr, self._env):
            return None
        if place is None or _in_union(expr):
            raise NotFollowed
        return place

    def _header(self, op: str, base: ir.Expr, count: int, states: States) -> States:
        ref = self._changed(base)
        if ref is None:
            return states
        if op == "setValid":
            return frozenset(state | {ref.path} for state in states)
        if op == "setInvalid":
            return frozenset(state - {ref.path} for state in states)
        elements = parts(ref.type, ref)
        by = count if op == "push_front" else -count
        moved = {
            old.path: new.path
            for i, element in enumerate(elements)
            for old, new in zip(headers(element), _headers_at(elements, i + by), strict=False)
        }
        all_of = frozenset(header.path for header in headers(ref))
        return frozenset(
            (state - all_of) | {moved[path] for path in state & all_of if path in moved} for state in states
        )

    def _assign(self, target: ir.Expr, value: ir.Expr, states: States) -> States:
        ref = self._changed(target)
        if ref is None:
            return states
        return frozenset(new for state in states for new in self._given(ref, value, state, state))

    def _given(self, ref: Ref, value: ir.Expr, before: State, state: State) -> Iterator[State]:
        """``state`` with a place given a value, which is read ``before``."""
        all_of = [header.path for header in headers(ref)]
        match value:
            case ir.InvalidHeader() | ir.DefaultValue():
                yield state - frozenset(all_of)
            case ir.Mux(then=then, otherwise=otherwise):
                yield from self._given(ref, then, before, state)
                yield from self._given(ref, otherwise, before, state)
            case ir.Aggregate(values=values) if isinstance(ir.bare(ref.type), ir.HeaderType):
                yield state | {ref.path}
            case ir.Aggregate(values=values):
                found = {state}
                for part, each in zip(parts(ref.type, ref), values, strict=True):
                    if _holds_headers(part.type):
                        found = {new for one in found for new in self._given(part, each, before, one)}
                yield from found
            case ir.Var() | ir.Member() | ir.Index():
                source = self._place(value)
                if source is None:
                    raise NotFollowed
                given = {new for new, old in zip(all_of, headers(source), strict=True) if old.path in before}
                yield (state - frozenset(all_of)) | given
            case _:
                raise NotFollowed

    def _truth(self, condition: ir.Expr, state: State) -> bool | None:
        """What a condition is by validity alone; None if that does not say it."""
        match condition:
            case ir.Const(value=bool(value)):
                return value
            case ir.HeaderOp(op="isValid", base=base):
                place = self._place(base)
                return None if place is None else any(header.path in state for header in headers(place))
            case ir.Unary(op="!", operand=operand):
                truth = self._truth(operand, state)
                return None if truth is None else not truth
            case ir.Binary(op="&&" | "||" as op, left=left, right=right):
                both = self._truth(left, state), self._truth(right, state)
                if (op == "||") in both:
                    return op == "||"
                return None if None in both else op == "&&"
        return None


def _headers_at(elements: Sequence[Ref], index: int) -> list[Ref]:
    return headers(elements[index]) if 0 <= index < len(elements) else []


def _chosen(cases: Sequence[ir.SwitchCase], action: str) -> ir.Block | None:
    """The body for an action, with what falls through to it."""
    for wanted in (action, None):
        for at, case in enumerate(cases):
            if wanted in case.labels:
                return next((each.body for each in cases[at:] if each.body is not None), None)
    return None


def _is_local(expr: ir.Expr, env: Mapping[str, Ref]) -> bool:
    """Whether an lvalue is of a variable that is not followed."""
    while isinstance(expr, ir.Member | ir.Index | ir.Slice):
        expr = expr.base
    return isinstance(expr, ir.Var) and expr.name not in env


def _in_union(expr: ir.Expr) -> bool:
    """Whether an lvalue is a member of a union, or of something in one."""
    while isinstance(expr, ir.Member | ir.Index | ir.Slice):
        expr = expr.base
        if isinstance(ir.bare(expr.type), ir.UnionType):
            return True
    return False


def _changes(param: ir.Param) -> bool:
    return param.direction in ("out", "inout") and _holds_headers(param.type)


def _gives_headers(call: ir.ExternCall) -> bool:
    """Whether headers may come out of an extern; those that are extracted are known."""
    return call.extern not in _READERS and any(map(_changes, call.params))


def _holds_headers(type_: ir.Type) -> bool:
    return is_composite(type_) and bool(headers(Ref("", type_)))
