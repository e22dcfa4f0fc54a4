"""How types, expressions, sets and annotations are written."""

from __future__ import annotations

from typing import Final

from .. import syntax as s
from ..actions.expressions import PRECEDENCE
from .parts import NEWLINE, Part, Writer, annotated, arguments, separated

_CONDITIONAL: Final = 0
_PREFIX: Final = 20
_POSTFIX: Final = 30
_PREFIXES: Final = {16: "0x", 8: "0o", 2: "0b", 10: ""}
_RELATIONAL: Final = PRECEDENCE["<"]


def level(node: s.Node) -> int:
    """How tightly an expression holds together."""
    if isinstance(node, s.Conditional):
        return _CONDITIONAL
    if isinstance(node, s.Binary):
        return PRECEDENCE[node.op]
    return _PREFIX if isinstance(node, s.Unary | s.Cast) else _POSTFIX


def at_least(node: s.Node, wanted: int) -> list[Part]:
    """The expression, in parentheses if it does not hold together tightly enough."""
    return [node] if level(node) >= wanted else ["(", node, ")"]


def operand(node: s.Node) -> list[Part]:
    """An expression where a conditional would be hard to read."""
    return at_least(node, _CONDITIONAL + 1)


def begins_with_brace(node: s.Node) -> bool:
    """Whether the text of an expression begins with ``{``."""
    while True:
        match node:
            case s.Binary(_, first, _) | s.Conditional(first, _, _) | s.Member(first, _) | s.Index(first, _):
                node = first
            case s.Slice(first, _, _) | s.PlusSlice(first, _, _) | s.Call(first, _, _):
                node = first
            case _:
                return isinstance(node, s.ListExpr | s.StructExpr | s.InvalidHeader)


def _integer(node: s.IntLiteral) -> list[Part]:
    digits = format(node.value, {16: "x", 8: "o", 2: "b", 10: "d"}[node.base])
    width = "" if node.width is None else f"{node.width}{'s' if node.signed else 'w'}"
    return [f"{width}{_PREFIXES[node.base]}{digits}"]


def _binary(node: s.Binary) -> list[Part]:
    own = PRECEDENCE[node.op]
    # "a < b > (c)" would be a call with type arguments.
    left = own + 1 if own == _RELATIONAL else own
    return [*at_least(node.left, left), f" {node.op} ", *at_least(node.right, own + 1)]


def _unary(node: s.Unary) -> list[Part]:
    plus_plus = node.op == "+" and isinstance(node.operand, s.Unary) and node.operand.op == "+"
    return [node.op, *at_least(node.operand, _POSTFIX if plus_plus else _PREFIX)]


def _base(node: s.Expression) -> list[Part]:
    return at_least(node, _POSTFIX)


def _conditional(node: s.Conditional) -> list[Part]:
    return [*operand(node.condition), " ? ", *operand(node.then), " : ", *operand(node.otherwise)]


def _call(node: s.Call) -> list[Part]:
    types: list[Part] = ["<", *separated(node.type_arguments), ">"] if node.type_arguments else []
    return [*_base(node.callee), *types, *arguments(node.arguments)]


def _struct(node: s.StructExpr) -> list[Part]:
    return ["{", *separated(node.fields), ", ..." if node.dots else "", "}"]


def _argument(node: s.Argument) -> list[Part]:
    name: list[Part] = [node.name, " = "] if node.name else []
    return [*name, "_" if node.value is None else node.value]


def _width(node: s.Expression | None) -> list[Part]:
    if node is None:
        return []
    return ["<", node, ">"] if isinstance(node, s.IntLiteral) else ["<(", node, ")>"]


def _tokens(node: s.TokenAnnotation) -> list[Part]:
    text = " ".join(token.text for token in node.tokens).replace(" , ", ", ")
    return ["@pragma ", node.name, " ", text, NEWLINE] if node.pragma else ["@", node.name, "(", text, ")"]


def _named(node: s.NameExpr | s.NamedType) -> list[Part]:
    return [f"{'.' if node.absolute else ''}{node.name}"]


EXPRESSIONS: Final[dict[type[s.Node], Writer]] = {
    s.Name: lambda n: [n.text],
    # Types
    s.BoolType: lambda _: ["bool"],
    s.ErrorType: lambda _: ["error"],
    s.MatchKindType: lambda _: ["match_kind"],
    s.StringType: lambda _: ["string"],
    s.VoidType: lambda _: ["void"],
    s.DontCareType: lambda _: ["_"],
    s.BitType: lambda n: ["bit", *_width(n.width)],
    s.IntType: lambda n: ["int", *_width(n.width)],
    s.VarbitType: lambda n: ["varbit", *_width(n.width)],
    s.NamedType: _named,
    s.SpecializedType: lambda n: [n.base, "<", *separated(n.arguments), ">"],
    s.StackType: lambda n: [n.element, "[", n.size, "]"],
    s.TupleType: lambda n: ["tuple<", *separated(n.elements), ">"],
    s.ListType: lambda n: ["list<", n.element, ">"],
    # Expressions
    s.IntLiteral: _integer,
    s.StringLiteral: lambda n: [f'"{n.value}"'],
    s.BoolLiteral: lambda n: ["true" if n.value else "false"],
    s.This: lambda _: ["this"],
    s.Dots: lambda _: ["..."],
    s.InvalidHeader: lambda _: ["{#}"],
    s.NameExpr: _named,
    s.Member: lambda n: [*_base(n.base), ".", n.member],
    s.TypeMember: lambda n: [n.type, ".", n.member],
    s.Index: lambda n: [*_base(n.base), "[", n.index, "]"],
    s.Slice: lambda n: [*_base(n.base), "[", *operand(n.high), ":", *operand(n.low), "]"],
    s.PlusSlice: lambda n: [*_base(n.base), "[", *operand(n.low), " +: ", *operand(n.width), "]"],
    s.ListExpr: lambda n: ["{", *separated(n.elements), "}"],
    s.FieldValue: lambda n: [n.name, " = ", n.value],
    s.StructExpr: _struct,
    s.Unary: _unary,
    s.Binary: _binary,
    s.Conditional: _conditional,
    s.Cast: lambda n: ["(", n.type, ")", *at_least(n.operand, _PREFIX)],
    s.Argument: _argument,
    s.Call: _call,
    s.Construct: lambda n: [n.type, *arguments(n.arguments)],
    # Sets
    s.DefaultSet: lambda _: ["default"],
    s.DontCareSet: lambda _: ["_"],
    s.MaskSet: lambda n: [*operand(n.value), " &&& ", *operand(n.mask)],
    s.RangeSet: lambda n: [*operand(n.low), " .. ", *operand(n.high)],
    s.TupleSet: lambda n: arguments(n.elements),
    # Annotations
    s.Annotation: lambda n: ["@", n.name],
    s.TokenAnnotation: _tokens,
    s.ListAnnotation: lambda n: ["@", n.name, "[", *separated(n.expressions), "]"],
    s.PairAnnotation: lambda n: ["@", n.name, "[", *separated(n.pairs), "]"],
    s.Parameter: lambda n: [
        *annotated(n.annotations),
        f"{n.direction} " if n.direction else "",
        n.type,
        " ",
        n.name,
        *([" = ", n.default] if n.default else []),
    ],
}
