"""Well-formedness of a program: names resolve and are unique, types agree, counts match.

Our front end makes well-formed programs; p4ast from elsewhere (JSON, netlink, an ELF section) is checked here before
anything else reads it. The first fault is raised, at its place in the source if the program has one. Nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, NoReturn

from ..source import NOWHERE, InputError, Span
from . import nodes as n
from . import types as t
from .program import Declaration, ExternDecl, Program, Prototype
from .verify_expr import Fault, check_expression, check_type, lvalue

FINAL_STATES: Final = ("accept", "reject")


def verify(program: Program) -> None:
    """Check ``program``.

    Raises:
        InputError: it is not well-formed; one diagnostic says where and why.
    """
    checker = _Checker(program)
    try:
        checker.program_level()
        for parser in program.parsers:
            checker.parser(parser)
        for control in program.controls:
            checker.control(control)
        for function in program.functions:
            checker.routine(function, {}, {})
        for instance in program.instances:
            checker.methods(instance)
        for action in program.actions:
            checker.routine(action, {}, {})
    except Fault as fault:
        span = fault.span if fault.span.file else Span(program.file, 0, 0)
        raise InputError.at(span, f"not a well-formed program: {fault.message}") from None


def _fail(node: Any, message: str) -> NoReturn:
    raise Fault(message, node.span)


def _unique(names: Iterable[tuple[str, Any]], what: str) -> None:
    seen: set[str] = set()
    for name, node in names:
        if name in seen:
            raise Fault(f"two {what} are called {name!r}", getattr(node, "span", NOWHERE))
        seen.add(name)


@dataclass
class _Scope:
    """What names mean in a block or routine."""

    where: str
    variables: dict[str, t.Type]
    actions: dict[str, n.Action] = field(default_factory=dict)
    tables: dict[str, n.Table] = field(default_factory=dict)
    value_sets: frozenset[str] = frozenset()


class _Checker:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.functions = {f.name: f for f in program.functions}
        self.actions = {a.name: a for a in program.actions}
        blocks: list[n.Parser | n.Control] = [*program.parsers, *program.controls]
        self.blocks = {b.name: b for b in blocks}
        self.instances = {i.name: i for i in program.instances}
        self.packages = {p.name: p for p in program.packages}
        self.errors = frozenset(program.errors)
        self.good_types: dict[int, t.Type] = {}
        """By identity: types that have been checked, and are kept alive so that identities last."""

    # --- the program ------------------------------------------------------------------------------------------------

    def program_level(self) -> None:
        program = self.program
        _unique(((f.name, f) for f in program.functions), "functions")
        _unique(((a.name, a) for a in program.actions), "actions")
        blocks: list[n.Parser | n.Control] = [*program.parsers, *program.controls]
        _unique(((b.name, b) for b in blocks), "parsers or controls")
        _unique(((i.name, i) for i in program.instances), "instances")
        _unique(((p.name, p) for p in program.packages), "packages")
        _unique(((e, None) for e in program.errors), "errors")
        _unique(((m, None) for m in program.match_kinds), "match kinds")
        _unique(((ty.name, None) for ty in program.types), "types")
        if program.main is not None and program.main not in self.packages:
            raise Fault(f"main is {program.main!r}, and no package has that name", NOWHERE)
        for ty in program.types:
            self._type(ty, NOWHERE)
        for item in program.declarations:
            self._declaration(item)
        known = {*self.blocks, *self.instances, *self.packages}
        scope = _Scope("the program", {})
        holders: list[n.Package | n.Instance] = [*program.packages, *program.instances]
        for holder in holders:
            _unique(((name, holder) for name, _ in holder.args), f"arguments of {holder.name!r}")
            for name, value in holder.args:
                if isinstance(value, str):
                    if value not in known:
                        _fail(holder, f"argument {name!r} of {holder.name!r} is {value!r}, which does not exist")
                else:
                    self._walk(value, scope)

    def _declaration(self, node: Declaration) -> None:
        """Check what is written in a declaration; type parameters may stand there."""
        methods = node.methods if isinstance(node, ExternDecl) else ()
        _unique(((name, node) for name in node.type_params), f"type parameters of {node.name!r}")
        for method in methods:
            _unique(((name, method) for name in method.type_params), f"type parameters of {method.name!r}")
        signatures = methods if isinstance(node, ExternDecl) else (node,)
        for signature in signatures:
            if isinstance(signature, Prototype):
                check_type(signature.result, signature.span, declared=True)
            _unique(((p.name, signature) for p in signature.params), f"parameters of {signature.name!r}")
            for param in signature.params:
                check_type(param.type, signature.span, declared=True)

    def _type(self, type_: t.Type, span: Span) -> None:
        if id(type_) not in self.good_types:
            check_type(type_, span)
            self.good_types[id(type_)] = type_

    # --- blocks -----------------------------------------------------------------------------------------------------

    def parser(self, parser: n.Parser) -> None:
        scope = self._block_scope(parser, parser.actions, (), [s.body for s in parser.states])
        scope.value_sets = frozenset(v.name for v in parser.value_sets)
        _unique(((s.name, s) for s in parser.states), f"states of {parser.name!r}")
        _unique(((v.name, v) for v in parser.value_sets), f"value sets of {parser.name!r}")
        states = {s.name for s in parser.states}
        if "start" not in states or states & set(FINAL_STATES):
            _fail(parser, f"parser {parser.name!r} without a state start, or with one called accept or reject")
        self._walk(parser.locals, scope)
        for state in parser.states:
            self._walk(state.body, scope)
            self._transition(state.transition, states, scope)
        for action in parser.actions:
            self.routine(action, scope.variables, scope.actions)

    def _transition(self, transition: n.Transition, states: set[str], scope: _Scope) -> None:
        self._walk(transition.keys, scope)
        if not transition.keys and (len(transition.cases) != 1 or transition.cases[0].sets not in ((), (n.AnySet(),))):
            _fail(transition, "a transition without keys must have a single case")
        for case in transition.cases:
            if case.state not in states and case.state not in FINAL_STATES:
                _fail(case, f"there is no state {case.state!r}")
            whole = len(case.sets) == 1 and isinstance(case.sets[0], n.ParserValueSet | n.AnySet)
            if transition.keys and not whole and len(case.sets) != len(transition.keys):
                _fail(case, f"{len(case.sets)} sets for {len(transition.keys)} keys")
            self._walk(case.sets, scope)

    def control(self, control: n.Control) -> None:
        scope = self._block_scope(control, control.actions, control.tables, [control.body])
        _unique(((x.name, x) for x in control.tables), f"tables of {control.name!r}")
        self._walk(control.locals, scope)
        self._walk(control.body, scope)
        for action in control.actions:
            self.routine(action, scope.variables, scope.actions)
        for table in control.tables:
            self._table(table, scope)

    def _block_scope(
        self, block: n.Parser | n.Control, actions: Sequence[n.Action], tables: Sequence[n.Table], bodies: Sequence[Any]
    ) -> _Scope:
        _unique(((a.name, a) for a in actions), f"actions of {block.name!r}")
        declared = [*_declared(block.locals), *(d for body in bodies for d in _declared(body))]
        variables = _variables(block.name, block.params, declared)
        return _Scope(block.name, variables, {a.name: a for a in actions}, {x.name: x for x in tables})

    def methods(self, instance: n.Instance) -> None:
        """The functions that implement an extern's abstract methods; they see the block that they stand in."""
        outer: dict[str, t.Type] = {}
        for block in self.blocks.values():
            if instance.name.startswith(block.name + "."):
                outer |= _variables(block.name, block.params, _declared(block.locals))
        for method in instance.methods:
            self.routine(method, outer, {})

    def routine(self, node: n.Action | n.Function, outer: dict[str, t.Type], actions: dict[str, n.Action]) -> None:
        """An action or function; ``outer`` is what it sees of the block around it."""
        own = _variables(node.name, node.params, _declared(node.body))
        for param in node.params:
            self._type(param.type, node.span)
        self._walk(node.body, _Scope(node.name, {**outer, **own}, actions))

    # --- tables -----------------------------------------------------------------------------------------------------

    def _table(self, table: n.Table, scope: _Scope) -> None:
        for key in table.keys:
            self._walk(key.expr, scope)
            if key.match_kind not in self.program.match_kinds:
                _fail(key, f"unknown match kind {key.match_kind!r}")
        listed: dict[str, n.Action] = {}
        for ref in table.actions:
            action = self._action(ref.action, ref, scope)
            bound = [p for p in action.params if p.direction]
            if len(ref.args) != len(bound):
                _fail(ref, f"{len(ref.args)} arguments for the {len(bound)} bound parameters of {ref.action!r}")
            self._walk(ref.args, scope)
            listed[ref.action] = action
        self._bound(table.default, self._action(table.default.action, table.default, scope), scope)
        for entry in table.entries:
            if len(entry.sets) != len(table.keys):
                _fail(entry, f"an entry with {len(entry.sets)} sets for {len(table.keys)} keys")
            self._walk(entry.sets, scope)
            if entry.action.action not in listed:
                _fail(entry, f"{entry.action.action!r} is not an action of table {table.name!r}")
            self._bound(entry.action, listed[entry.action.action], scope)
        for item in table.properties:
            if isinstance(item.value, str):
                if item.value not in self.instances:
                    _fail(item, f"property {item.name!r} is {item.value!r}, which is no instance")
            else:
                self._walk(item.value, scope)
        if table.size is not None and table.size < 0:
            _fail(table, f"a table of {table.size} entries")

    def _action(self, name: str, node: Any, scope: _Scope) -> n.Action:
        found = scope.actions.get(name) or self.actions.get(name)
        if found is None:
            _fail(node, f"there is no action {name!r}")
        return found

    def _bound(self, bound: n.BoundAction, action: n.Action, scope: _Scope) -> None:
        wanted = [p for p in action.params if not p.direction]
        if len(bound.args) != len(wanted):
            _fail(bound, f"{len(bound.args)} arguments for the {len(wanted)} of {action.name!r}")
        self._walk(bound.args, scope)
        for arg, param in zip(bound.args, wanted, strict=True):
            if arg.type != param.type:
                _fail(bound, f"an argument of another type than parameter {param.name!r} of {action.name!r}")

    # --- statements and expressions ---------------------------------------------------------------------------------

    def _walk(self, root: object, scope: _Scope) -> None:
        """Check every statement, key set and expression below ``root``."""
        todo = [root]
        while todo:
            node = todo.pop()
            if isinstance(node, tuple):
                todo.extend(node)
                continue
            if not is_dataclass(node) or isinstance(node, _NOT_WALKED):
                continue
            self._one(node, scope)
            todo.extend(getattr(node, f.name) for f in fields(node) if f.name not in _NOT_LOOKED_INTO)

    def _one(self, node: Any, scope: _Scope) -> None:
        type_ = getattr(node, "type", None)
        if type_ is not None:
            self._type(type_, node.span)
        match node:
            case n.Var():
                self._variable(node, scope)
            case n.Const(value, t.ErrorType()) if value not in self.errors:
                _fail(node, f"there is no error {str(value)[:40]!r}")
            case n.Const(value, t.ExternType()) if value not in self.instances:
                _fail(node, f"there is no instance {str(value)[:40]!r}")
            case n.FunctionCall() | n.BlockApply() | n.TableApply() | n.ExternCall():
                self._call(node, scope)
            case n.ParserValueSet(name) if name not in scope.value_sets:
                _fail(node, f"there is no value set {name!r}")
            case n.Assign(target, value):
                if not lvalue(target) or target.type != value.type:
                    _fail(node, "an assignment to what is no lvalue, or of a value of another type")
            case n.Declare(_, declared, init) if init is not None and init.type != declared:
                _fail(node, f"variable {node.name!r} is initialised with another type")
            case n.If(condition) if condition.type != n.BOOL:
                _fail(node, "a condition that is not bool")
            case n.Switch():
                self._switch(node, scope)
            case _:
                check_expression(node)

    @staticmethod
    def _variable(node: n.Var, scope: _Scope) -> None:
        if node.name not in scope.variables:
            _fail(node, f"there is no variable {node.name!r} in {scope.where!r}")
        if scope.variables[node.name] != node.type:
            _fail(node, f"{node.name!r} has another type than its declaration")

    def _call(self, node: n.FunctionCall | n.BlockApply | n.TableApply | n.ExternCall, scope: _Scope) -> None:
        params: Sequence[n.Param]
        match node:
            case n.TableApply(table):
                if table not in scope.tables:
                    _fail(node, f"there is no table {table!r} in {scope.where!r}")
                return
            case n.FunctionCall(name):
                found = self.functions.get(name) or scope.actions.get(name) or self.actions.get(name)
                if found is None:
                    _fail(node, f"there is no function or action {name!r}")
                params = found.params
            case n.BlockApply(name):
                if name not in self.blocks:
                    _fail(node, f"there is no parser or control {name!r}")
                params = self.blocks[name].params
            case n.ExternCall(name, params=own):
                self._extern_object(node, scope)
                params = own
        if len(node.args) != len(params):
            _fail(node, f"{len(node.args)} arguments for {len(params)} parameters")
        for arg, param in zip(node.args, params, strict=True):
            if arg is not None and param.direction in ("out", "inout") and not lvalue(arg):
                _fail(node, f"the argument for {param.direction} parameter {param.name!r} is no lvalue")
            if arg is not None and not isinstance(node, n.ExternCall) and arg.type != param.type:
                _fail(node, f"an argument of another type than parameter {param.name!r}")

    def _extern_object(self, call: n.ExternCall, scope: _Scope) -> None:
        if call.object is None:
            return
        if call.is_param:
            type_ = scope.variables.get(call.object)
            if call.index is not None:
                _fail(call, f"an index into the parameter {call.object!r}")
            if not isinstance(type_, t.ExternType) or type_.name != call.extern:
                _fail(call, f"{call.object!r} is no parameter of extern type {call.extern!r}")
        elif call.object not in self.instances or self.instances[call.object].extern != call.extern:
            _fail(call, f"there is no instance {call.object!r} of {call.extern!r}")
        elif (self.instances[call.object].size is None) != (call.index is None):
            _fail(call, f"{call.object!r} is called as an array of objects and is none, or the other way round")

    def _switch(self, node: n.Switch, scope: _Scope) -> None:
        subject = node.subject
        by_action = isinstance(subject, n.TableApply)
        if by_action and isinstance(subject, n.TableApply) and subject.table not in scope.tables:
            _fail(node, f"there is no table {subject.table!r} in {scope.where!r}")
        for label in (label for case in node.cases for label in case.labels if label is not None):
            if by_action != isinstance(label, str):
                _fail(node, "a label of the wrong sort")
            if isinstance(label, str):
                self._action(label, node, scope)


_NOT_WALKED: Final = (t.BitsType, Span, t.Annotation, n.Param)
_NOT_LOOKED_INTO: Final = frozenset({"type", "span", "annotations", "params", "type_args"})


def _declared(root: object) -> list[tuple[str, t.Type, Any]]:
    """The variables declared below ``root``: name, type, node."""
    found: list[tuple[str, t.Type, Any]] = []
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(reversed(node))
        elif isinstance(node, n.Declare) or (isinstance(node, n.ForIn) and node.declares):
            found.append((node.name, node.type, node))
        if isinstance(node, n.If):
            todo += [node.otherwise, node.then]
        elif isinstance(node, n.Block | n.ForIn | n.For | n.SwitchCase):
            todo += [node.body, getattr(node, "init", ())]
        elif isinstance(node, n.Switch):
            todo.append(node.cases)
    return found


def _variables(where: str, params: Sequence[n.Param], declared: Sequence[tuple[str, t.Type, Any]]) -> dict[str, t.Type]:
    found: dict[str, t.Type] = {}
    for name, type_, node in (*((p.name, p.type, p) for p in params), *declared):
        if name in found:
            raise Fault(f"two variables of {where!r} are called {name!r}", node.span)
        found[name] = type_
    return found
