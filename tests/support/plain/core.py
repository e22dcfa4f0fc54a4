"""Statements, calls and expressions with places (P4-16 spec, chapters 6.8, 8, 11, 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import RuleSet

from . import expressions as ex
from .places import Bits, Place, down, fetch, pop, push, put, set_valid
from .values import UNDEFINED, Header, Record, Skip, Stack, Union, copy, make, spoil, wrap


class Leave(Exception):
    """Control leaves: ``exit``, ``return`` (with a value), ``break``, ``continue``, or a parser's ``reject``."""

    def __init__(self, kind: str, value: Any = None) -> None:
        super().__init__(kind)
        self.kind, self.value = kind, value


Extern = Callable[["Core", ir.ExternCall], Any]


@dataclass
class Core:
    """An interpretation of one packet; ``store`` holds the variables of the callable that runs."""

    program: ir.Program
    rules: RuleSet
    packet: bytes
    cells: Callable[[str, int], Any]
    """What a register or counter held before."""
    externs: dict[tuple[str, str], Extern]
    store: dict[str, Any] = field(default_factory=dict)
    block: ir.Parser | ir.Control | None = None
    cursor: int = 0
    emitted: str = ""
    state: dict[str, dict[int, Any]] = field(default_factory=dict)
    marks: dict[str, Any] = field(default_factory=dict)
    turns: int = 0

    # --- expressions ------------------------------------------------------------------------------------------------

    def eval(self, node: ir.Expr) -> Any:
        """The value of an expression; operands from left to right."""
        match node:
            case ir.Const():
                return ex.literal(node, self.program)
            case ir.Var(name):
                return self.store[name]
            case ir.Member() | ir.Index():
                return self._part(node)
            case ir.Slice(base):
                return ex.sliced(self.eval(base), node)
            case ir.Unary(op, operand, type_):
                return ex.unary(op, self.eval(operand), type_)
            case ir.Binary():
                return self._binary(node)
            case ir.Cast(operand):
                return ex.cast(self.eval(operand), node)
            case ir.Mux(condition, then, otherwise):
                return self.eval(then if self.decided(condition) else otherwise)
            case ir.Aggregate(values, type_):
                return ex.aggregate([copy(self.eval(v)) for v in values], type_)
            case ir.InvalidHeader(type_):
                return make(type_)
            case ir.DefaultValue(type_):
                return ex.default(type_)
        return self._call(node)

    def decided(self, node: ir.Expr) -> bool:
        """A condition that must be known."""
        value = self.eval(node)
        if value is UNDEFINED:
            raise Skip("a condition that is undefined")
        return bool(value)

    def _binary(self, node: ir.Binary) -> Any:
        if node.op == "&&":
            return self.decided(node.left) and self.eval(node.right)
        if node.op == "||":
            return self.decided(node.left) or self.eval(node.right)
        left = copy(self.eval(node.left))
        return ex.binary(node.op, left, self.eval(node.right), node)

    def _part(self, node: ir.Member | ir.Index) -> Any:
        base = self.eval(node.base)
        if isinstance(node, ir.Index):
            if isinstance(base, Record):
                return base.fields[str(ex.literal(node.index, self.program))]  # type: ignore[arg-type]
            return down(base, self._index(node.index))
        if isinstance(base, Stack):
            return self._of_stack(base, node.name)
        return down(base, node.name)

    def _index(self, node: ir.Expr) -> int:
        index = self.eval(node)
        if index is UNDEFINED:
            raise Skip("an index that is undefined")
        return int(index)

    def _of_stack(self, stack: Stack, name: str) -> Any:
        if name == "lastIndex":
            return stack.next - 1 if stack.next else UNDEFINED
        return stack.elements[self._position(stack, name)]

    def _position(self, stack: Stack, name: str) -> int:
        position = stack.next if name == "next" else stack.next - 1
        if not 0 <= position < len(stack.elements):
            self.reject("StackOutOfBounds")
        return position

    def place(self, node: ir.Expr) -> Place:
        """Where an l-value is; its indexes are evaluated now."""
        match node:
            case ir.Var(name):
                return Place(name)
            case ir.Member(base, name):
                outer = self.place(base)
                if isinstance(ir.bare(base.type), ir.StackType):
                    at = self._position(fetch(self.store, outer), name)
                    return Place(outer.name, (*outer.steps, at), outer.steps if name == "next" else None)
                return Place(outer.name, (*outer.steps, name), outer.advances)
            case ir.Index(base, index):
                outer = self.place(base)
                return Place(outer.name, (*outer.steps, self._index(index)))
            case ir.Slice(base, high, low):
                outer = self.place(base)
                type_ = ir.bare(base.type)
                assert isinstance(type_, ir.BitsType)
                return Place(outer.name, (*outer.steps, Bits(high, low, type_.width, type_.signed)))
        raise Skip(f"a {type(node).__name__} as an l-value")

    # --- calls ------------------------------------------------------------------------------------------------------

    def _call(self, node: ir.Expr) -> Any:
        match node:
            case ir.HeaderOp():
                return self._header_op(node)
            case ir.FunctionCall(name, args):
                return self._function(name, args)
            case ir.ExternCall(extern=extern, method=method):
                if (extern, method) not in self.externs:
                    raise Skip(f"extern {extern}.{method}")
                return self.externs[extern, method](self, node)
            case ir.BlockApply(block, args):
                return self.apply_block(block, args)
            case ir.TableApply():
                from .tables import apply_table

                return apply_table(self, node)
        raise Skip(type(node).__name__)

    def _header_op(self, node: ir.HeaderOp) -> Any:
        if node.op == "isValid":
            value = self.eval(node.base)
            if isinstance(value, Union):
                return any(member.valid is True for member in value.members.values())
            return value.valid
        place = self.place(node.base)
        value = fetch(self.store, place)
        whole = copy(value)
        if node.op == "push_front":
            push(whole, node.count)
        elif node.op == "pop_front":
            pop(whole, node.count)
        elif node.op == "setValid":
            set_valid(whole)
        else:
            whole.valid = False
        put(self.store, place, whole)
        return None

    def _function(self, name: str, args: Sequence[ir.Expr | None]) -> Any:
        action = self.action(name)
        if action is not None:
            return self.run_action(action, self.bind(action.params, args))
        function = next(f for f in self.program.functions if f.name == name)
        return self.call(self.bind(function.params, args), lambda: self.exec(function.body), {})

    def action(self, name: str) -> ir.Action | None:
        """The action of this name that is in scope."""
        own = self.block.actions if self.block is not None else ()
        return next((a for a in (*own, *self.program.actions) if a.name == name), None)

    def bind(self, params: Sequence[ir.Param], args: Sequence[ir.Expr | None]) -> list[tuple[str, Any, Place | None]]:
        """Name, value that goes in, and place that is written afterwards, for each parameter."""
        bound: list[tuple[str, Any, Place | None]] = []
        for param, arg in zip(params, args, strict=True):
            if isinstance(ir.bare(param.type), ir.ExternType) or arg is None:
                continue
            if param.direction in ("out", "inout"):
                place = self.place(arg)
                value = copy(fetch(self.store, place)) if param.direction == "inout" else make(param.type)
                bound.append((param.name, value, place))
            else:
                bound.append((param.name, copy(self.eval(arg)), None))
        return bound

    def call(self, bound: list[tuple[str, Any, Place | None]], body: Callable[[], None], store: dict[str, Any]) -> Any:
        """Run a callee in ``store``; arguments are copied out however it ends.

        Whether they are when a parser rejects is left open, so they are undefined then.
        """
        caller = self.store
        self.store = store
        hidden = {name: store.get(name) for name, _, _ in bound}
        self.store.update({name: value for name, value, _ in bound})
        left: Leave | None = None
        try:
            body()
        except Leave as leave:
            left = leave
        results = {name: self.store[name] for name, _, _ in bound}
        for name, value in hidden.items():
            if value is not None:
                self.store[name] = value
        self.store = caller
        rejected = left is not None and left.kind == "reject"
        for name, _, place in bound:
            if place is not None:
                put(self.store, place, spoil(results[name]) if rejected else results[name])
        if left is not None and left.kind != "return":
            raise left
        return left.value if left is not None else None

    def run_action(self, action: ir.Action, bound: list[tuple[str, Any, Place | None]]) -> None:
        """An action sees the variables of its control."""
        self.call(bound, lambda: self.exec(action.body), self.store)

    def apply_block(self, name: str, args: Sequence[ir.Expr | None]) -> None:
        """A control or parser that another one applies."""
        control = next((c for c in self.program.controls if c.name == name), None)
        if control is not None:
            found = control
            self.call(self.bind(found.params, args), lambda: self.run_control(found), {})
            return
        from .parsing import run_states

        parser = next(p for p in self.program.parsers if p.name == name)
        self.call(self.bind(parser.params, args), lambda: run_states(self, parser), {})

    def run_control(self, control: ir.Control) -> None:
        """A control's declarations and body, in the present store."""
        before, self.block = self.block, control
        try:
            for declaration in control.locals:
                self.exec(declaration)
            self.exec(control.body)
        finally:
            self.block = before

    def reject(self, error: str) -> None:
        """The parser ends with an error."""
        raise Leave("reject", error)

    # --- statements -------------------------------------------------------------------------------------------------

    def exec(self, node: ir.Stmt) -> None:
        """Run a statement."""
        match node:
            case ir.Block(body):
                for statement in body:
                    self.exec(statement)
            case ir.Declare(name, type_, init):
                if not isinstance(ir.bare(type_), ir.ExternType):
                    self.store[name] = ex.shaped(copy(self.eval(init)), type_) if init is not None else make(type_)
            case ir.Assign(target, value):
                place = self.place(target)
                put(self.store, place, ex.shaped(copy(self.eval(value)), target.type))
            case ir.Do(call):
                self.eval(call)
            case ir.If(condition, then, otherwise):
                self.exec(then if self.decided(condition) else otherwise)
            case ir.Leave(kind, value):
                raise Leave(kind, copy(self.eval(value)) if value is not None else None)
            case ir.Switch():
                self._switch(node)
            case ir.For():
                self._for(node)
            case ir.ForIn():
                self._for_in(node)

    def _switch(self, node: ir.Switch) -> None:
        subject = self.eval(node.subject)
        if subject is UNDEFINED:
            raise Skip("a switch on what is undefined")
        taken = False
        for case in node.cases:
            for label in case.labels:
                wanted = label if label is None or isinstance(label, str) else self.eval(label)
                taken = taken or label is None or wanted == subject
            if taken and case.body is not None:
                self.exec(case.body)
                return

    def _for(self, node: ir.For) -> None:
        for statement in node.init:
            self.exec(statement)
        while self.decided(node.condition):
            if not self._turn(node.body):
                return
            for statement in node.update:
                self.exec(statement)

    def _for_in(self, node: ir.ForIn) -> None:
        if isinstance(node.over, ir.RangeSet):
            low, high = self.eval(node.over.low), self.eval(node.over.high)
            if low is UNDEFINED or high is UNDEFINED:
                raise Skip("a range that is undefined")
            items: Sequence[Any] = range(low, high + 1)
        else:
            over = self.eval(node.over)
            items = copy(over).elements if isinstance(over, Stack) else list(copy(over).fields.values())
        for item in items:
            self.store[node.name] = item
            if not self._turn(node.body):
                return

    def _turn(self, body: ir.Block) -> bool:
        """One turn of a loop; whether it goes on."""
        self.turns += 1
        if self.turns > 5_000:
            raise Skip("a loop that goes on and on")
        try:
            self.exec(body)
        except Leave as leave:
            if leave.kind == "break":
                return False
            if leave.kind != "continue":
                raise
        return True


def number(value: Any, type_: ir.Type) -> Any:
    """A rule's unsigned number as a value of a type."""
    bare = ir.bare(type_)
    match bare:
        case ir.BoolType():
            return bool(value)
        case ir.BitsType():
            return wrap(value, bare)
        case ir.EnumType(underlying=None):
            return bare.members[value]
    return value


__all__ = ["Core", "Header", "Leave", "number"]
