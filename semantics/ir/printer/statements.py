"""Statements, annotations and parameters as parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Final

from ...source import Unsupported
from .. import nodes as n
from .. import types as t
from .expressions import Part, Writer, joined, quoted
from .scope import Scope


class Mark(Enum):
    """Layout between parts."""

    LINE = "the next line"
    IN = "deeper"
    OUT = "less deep"


def braces(lines: Iterable[Sequence[Part]]) -> list[Part]:
    """Lines in braces."""
    made: list[Part] = ["{", Mark.IN, Mark.LINE]
    for line in lines:
        made += [*line, Mark.LINE]
    return [*made, Mark.OUT, "}"]


def annotation(node: t.Annotation) -> str:
    """An annotation as source text."""
    if node.pairs:
        return f"@{node.name}[{', '.join(f'{k} = {_literal(v)}' for k, v in node.pairs)}]"
    if node.body is None:
        return f"@{node.name}[{', '.join(map(_literal, node.values))}]" if node.values else f"@{node.name}"
    if node.values:
        return f"@{node.name}({', '.join(map(_literal, node.values))})"
    if node.name == "p4runtime_translation":
        uri, _, shape = node.body.rpartition(",")
        return f"@{node.name}({quoted(uri.strip())}, {shape.strip()})"
    return f"@{node.name}({_quoted_values(node)})"


def _quoted_values(node: t.Annotation) -> str:
    """The body of an annotation whose strings have lost their quotes in the IR: those of known ones get them back."""
    body = node.body or ""
    if node.name != "pkginfo":
        return body
    pairs = [part.partition("=") for part in body.split(" , ")]
    return ", ".join(f"{key.strip()} = {quoted(value.strip())}" for key, _, value in pairs)


def _literal(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else str(value)


def notes(items: Iterable[t.Annotation], name: str | None = None) -> list[Part]:
    """Annotations, with this control-plane name instead of their own ``@name``."""
    texts = [] if name is None else [f"@name({quoted(name)})"]
    texts += [annotation(item) for item in items if item.name != "name" or name is None]
    return [f"{text} " for text in texts]


def _parameter_type(item: n.Param) -> t.Type:
    if isinstance(item.type, t.VoidType):
        raise Unsupported(f"the parameter {item.name}, whose type parameter stands for nothing", item.span)
    return item.type


def parameters(items: Iterable[n.Param]) -> list[Part]:
    """``(in T a, T b)``."""
    made: list[Part] = []
    for item in items:
        made += [", "] if made else []
        own = [a for a in item.annotations if a.name != "optional"]
        made += [*notes(own), "@optional " if item.optional else ""]
        made += [f"{item.direction} " if item.direction else "", _parameter_type(item), f" {item.name}"]
        made += [" = ", item.default] if item.default is not None else []
    return ["(", *made, ")"]


def _if(node: n.If, scope: Scope) -> Sequence[Part]:
    parts: list[Part] = ["if (", node.condition, ") ", node.then]
    match node.otherwise:
        case n.Block(body=()):
            return parts
        case n.Block(body=(n.If() as other,), annotations=()):  # as a chain, so that it does not nest deeper
            return [*parts, " else ", other]
    return [*parts, " else ", node.otherwise]


def _declare(node: n.Declare, scope: Scope) -> list[Part]:
    parts: list[Part] = [node.type, f" {node.name}"]
    return parts if node.init is None else [*parts, " = ", node.init]


def _switch(node: n.Switch, scope: Scope) -> Sequence[Part]:
    lines: list[Sequence[Part]] = []
    for case in node.cases:
        for place, label in enumerate(case.labels):
            shown = "default" if label is None else _action_label(label, scope) if isinstance(label, str) else label
            last = place == len(case.labels) - 1
            lines.append([shown, ":", *([" ", case.body] if last and case.body is not None else [])])
    return ["switch (", node.subject, ") ", *braces(lines)]


def _action_label(name: str, scope: Scope) -> str:
    """The action's own name: a label looks it up in the table's list."""
    return scope.actions.get(name, name).removeprefix(".")


def _simple(node: n.Stmt, scope: Scope) -> list[Part]:
    """A statement of a ``for``, without its semicolon."""
    if isinstance(node, n.Declare):
        return _declare(node, scope)
    if isinstance(node, n.Assign):
        return [node.target, " = ", node.value]
    assert isinstance(node, n.Do)
    return [node.call]


def _for(node: n.For, scope: Scope) -> Sequence[Part]:
    init = [part for item in node.init for part in (", ", *_simple(item, scope))][1:]
    update = [part for item in node.update for part in (", ", *_simple(item, scope))][1:]
    return ["for (", *init, "; ", node.condition, "; ", *update, ") ", node.body]


def _for_in(node: n.ForIn, scope: Scope) -> Sequence[Part]:
    variable: list[Part] = [node.type, f" {node.name}"] if node.declares else [node.name]
    return ["for (", *variable, " in ", node.over, ") ", node.body]


def _leave(node: n.Leave, scope: Scope) -> Sequence[Part]:
    return [node.kind, *([" ", node.value] if node.value is not None else []), ";"]


def _block(node: n.Block, scope: Scope) -> Sequence[Part]:
    return [*notes(node.annotations), *braces([item] for item in node.body)]


STATEMENTS: Final[dict[type, Writer]] = {
    n.Declare: lambda node, scope: [*_declare(node, scope), ";"],
    n.Assign: lambda node, scope: [node.target, " = ", node.value, ";"],
    n.Do: lambda node, scope: [node.call, ";"],
    n.If: _if,
    n.Block: _block,
    n.Switch: _switch,
    n.For: _for,
    n.ForIn: _for_in,
    n.Leave: _leave,
}

__all__ = ["STATEMENTS", "Any", "Mark", "annotation", "braces", "joined", "notes", "parameters"]
