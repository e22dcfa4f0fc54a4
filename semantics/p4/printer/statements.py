"""How statements are written, and the declarations among them."""

from __future__ import annotations

from typing import Final

from .. import syntax as s
from .expressions import begins_with_brace, operand
from .parts import Part, Writer, annotated, arguments, lines


def _variable(node: s.VariableDecl) -> list[Part]:
    """Without the semicolon, as in a ``for``."""
    initializer: list[Part] = [" = ", node.initializer] if node.initializer else []
    return [*annotated(node.annotations), node.type, " ", node.name, *initializer]


def _simple(node: s.Node) -> list[Part]:
    """A statement of a ``for`` header: no semicolon."""
    match node:
        case s.VariableDecl():
            return _variable(node)
        case s.Assignment(op, target, value):
            return [target, f" {op} ", value]
        case s.CallStatement(call):
            return [call]
        case _:
            raise TypeError(f"{type(node).__name__} cannot stand in the header of a loop")


def _listed(nodes: tuple[s.Node, ...]) -> list[Part]:
    parts: list[Part] = []
    for node in nodes:
        parts += [", " if parts else "", *_simple(node)]
    return parts


def _instantiation(node: s.Instantiation) -> list[Part]:
    type_: s.Type = node.type
    size: list[Part] = []
    if isinstance(type_, s.StackType):
        size = ["[", type_.size, "]"]
        type_ = type_.element
    body: list[Part] = [" = ", *lines(node.body)] if node.body is not None else []
    return [*annotated(node.annotations), type_, *arguments(node.arguments), " ", node.name, *size, *body, ";"]


def _if(node: s.If) -> list[Part]:
    head: list[Part] = ["if (", node.condition, ") ", node.then]
    return [*head, " else ", node.otherwise] if node.otherwise else head


def _case(node: s.SwitchCase) -> list[Part]:
    label: list[Part] = ["(", node.label, ")"] if begins_with_brace(node.label) else operand(node.label)
    body: list[Part] = [" ", node.body] if node.body else []
    return [*label, ":", *body]


def _for(node: s.For) -> list[Part]:
    head: list[Part] = [*annotated(node.annotations), "for ("]
    return [*head, *_listed(node.init), "; ", node.condition, "; ", *_listed(node.update), ") ", node.body]


def _for_in(node: s.ForIn) -> list[Part]:
    head: list[Part] = [*annotated(node.annotations), "for (", *_variable(node.variable)]
    return [*head, " in ", node.collection, ") ", node.body]


STATEMENTS: Final[dict[type[s.Node], Writer]] = {
    s.VariableDecl: lambda n: [*_variable(n), ";"],
    s.ConstDecl: lambda n: [*annotated(n.annotations), "const ", n.type, " ", n.name, " = ", n.value, ";"],
    s.Instantiation: _instantiation,
    s.EmptyStatement: lambda _: [";"],
    s.Assignment: lambda n: [*_simple(n), ";"],
    s.CallStatement: lambda n: [*_simple(n), ";"],
    s.DirectApplication: lambda n: [n.type, ".apply", *arguments(n.arguments), ";"],
    s.Block: lambda n: [*annotated(n.annotations), *lines(n.statements)],
    s.If: _if,
    s.SwitchCase: _case,
    s.Switch: lambda n: ["switch (", n.subject, ") ", *lines(n.cases)],
    s.For: _for,
    s.ForIn: _for_in,
    s.Exit: lambda _: ["exit;"],
    s.Return: lambda n: ["return ", n.value, ";"] if n.value else ["return;"],
    s.Break: lambda _: ["break;"],
    s.Continue: lambda _: ["continue;"],
}
