"""Parsers, controls, actions, tables and functions as parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...source import Unsupported
from .. import nodes as n
from .. import types as t
from .expressions import Part, joined
from .scope import Names, Scope
from .statements import Mark, braces, notes, parameters

Line = Sequence[Part]


def function(node: n.Function, name: str) -> list[Part]:
    """A function, or the implementation of an abstract method."""
    return [node.result, f" {name}", *parameters(node.params), " ", node.body]


def action(node: n.Action, path: str) -> list[Part]:
    """An action of the block ``path`` ("" for the top level)."""
    own = control_name(path, node.name, node.control_name)
    return [*notes(node.annotations, own), f"action {node.name}", *parameters(node.params), " ", node.body]


def control_name(path: str, name: str, seen: str) -> str | None:
    """What ``@name`` must say for the control plane to see ``seen``; None if nothing."""
    return None if seen == (f"{path}.{name}" if path else name) else f".{seen}"


def scope_of(block: n.Parser | n.Control, names: Names) -> tuple[Scope, list[n.Action]]:
    """The scope of a block, and the actions that it declares itself."""
    calls: dict[str, str] = {}
    own: list[n.Action] = []
    for item in block.actions:
        top = names.top_actions.get(item.control_name)
        if top is not None and top.body.span == item.body.span and len(top.params) == len(item.params):
            calls[item.name] = f".{top.name}"
        else:
            calls[item.name] = item.name
            own.append(item)
    return Scope(names, calls), own


def parser(node: n.Parser, names: Names, instances: Iterable[Line], constructor: Line) -> list[Part]:
    """A parser with the declarations of the ``instances`` that it holds and the parameters of its ``constructor``."""
    sets = [
        [*notes(v.annotations, control_name(node.name, v.name, v.control_name)),
         "value_set<", v.type, f">({v.size}) {v.name};"]
        for v in node.value_sets
    ]  # fmt: skip
    lines: list[Line] = [*sets, *([d] for d in node.locals), *instances]
    lines += [_state(state) for state in node.states]
    return [*_head("parser", node, names, constructor), *braces(lines)]


def control(
    node: n.Control, names: Names, own: list[n.Action], instances: Iterable[Line], constructor: Line
) -> list[Part]:
    """A control with the declarations of the ``instances`` that it holds and the parameters of its ``constructor``."""
    scope, _ = scope_of(node, names)
    lines: list[Line] = [*([d] for d in node.locals), *instances]
    lines += [action(a, node.name) for a in own]
    lines += [table(item, node.name, scope) for item in node.tables]
    lines.append(["apply ", node.body])
    return [*_head("control", node, names, constructor), *braces(lines)]


def _head(kind: str, node: n.Parser | n.Control, names: Names, constructor: Line) -> list[Part]:
    head = [*notes(node.annotations, f".{node.name}"), f"{kind} {names.blocks[node.name]}"]
    return [*head, *parameters(node.params), *constructor, " "]


def _state(node: n.State) -> list[Part]:
    lines: list[Line] = [[item] for item in node.body]
    move = node.transition
    if not move.keys and len(move.cases) == 1 and not move.cases[0].sets:
        lines.append([f"transition {move.cases[0].state};"])
    elif move.cases:
        cases = [[*_sets(case.sets), f": {case.state};"] for case in move.cases]
        lines.append(["transition select(", *joined(move.keys), ") ", *braces(cases)])
    return [*notes(node.annotations), f"state {node.name} ", *braces(lines)]


def _sets(sets: Sequence[n.KeySet]) -> list[Part]:
    if len(sets) == 1:
        return [sets[0]]
    return ["(", *joined(sets), ")"] if sets else ["default"]


def table(node: n.Table, path: str, scope: Scope) -> list[Part]:
    """A table of the control ``path``."""
    lines: list[Line] = []
    if node.keys:
        keys = [[k.expr, f" : {k.match_kind} ", *notes(k.annotations, k.name), ";"] for k in node.keys]
        lines.append(["key = ", *braces(keys)])
    refs = [[*notes(r.annotations), scope.actions[r.action], *_call(r.args), ";"] for r in node.actions]
    lines.append(["actions = ", *braces(refs)])
    given = {r.action: r.args for r in node.actions}
    if node.default.action in given:
        const = "const " if node.const_default else ""
        lines.append([f"{const}default_action = ", *_bound(node.default, given, scope), ";"])
    if node.size is not None:
        lines.append([f"size = {node.size};"])
    if not node.largest_priority_wins:
        lines.append(["largest_priority_wins = false;"])
    if node.entries or node.const_entries:
        some = [e.priority is None for e in node.entries]
        mixed = any(some) and not all(some)
        entries = [_entry(e, given, scope, node.const_entries, mixed) for e in node.entries]
        lines.append([f"{'const ' if node.const_entries else ''}entries = ", *braces(entries)])
    for item in node.properties:
        value = scope.names.objects.get(item.value) if isinstance(item.value, str) else item.value
        if value is None:
            raise Unsupported(f"the object {item.value} is not known here", item.span)
        lines.append([f"{'const ' if item.const else ''}{item.name} = ", value, ";"])
    own = control_name(path, node.name, node.control_name)
    return [*notes(node.annotations, own), f"table {node.name} ", *braces(lines)]


def _call(args: Sequence[n.Expr]) -> list[Part]:
    return ["(", *joined(args), ")"] if args else []


def _bound(node: n.BoundAction, given: dict[str, tuple[n.Expr, ...]], scope: Scope) -> list[Part]:
    return [scope.actions[node.action], "(", *joined([*given.get(node.action, ()), *node.args]), ")"]


def _entry(node: n.Entry, given: dict[str, tuple[n.Expr, ...]], scope: Scope, const: bool, mixed: bool) -> list[Part]:
    """An entry; where only some have a priority, it must be given in the older way."""
    head = "const " if node.const and not const else ""
    tail = [a for a in node.annotations if a.name != "priority"]
    if node.priority is not None and mixed:
        tail.append(t.Annotation("priority", str(node.priority), (node.priority,)))
    elif node.priority is not None:
        head += f"priority = {node.priority} : "
    return [head, *_sets(node.sets), " : ", *_bound(node.action, given, scope), " ", *notes(tail), ";"]


__all__ = ["Mark", "action", "control", "function", "parser", "scope_of", "table"]
