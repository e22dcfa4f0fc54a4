"""Types, expressions and keysets as parts: text, and nodes to print in their turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ...source import Unsupported
from .. import nodes as n
from .. import types as t
from .scope import Scope, anonymous

Part = object
"""A text, a mark of :mod:`.layout`, or a node of the IR."""
Writer = Callable[[Any, Scope], Sequence[Part]]


def joined(items: Sequence[Part], separator: str = ", ") -> list[Part]:
    """The items with a separator between."""
    made: list[Part] = []
    for item in items:
        made += [separator, item] if made else [item]
    return made


def quoted(text: str) -> str:
    """A string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


# --- types ----------------------------------------------------------------------------------------------------------


def _named_type(node: Any, scope: Scope) -> Sequence[Part]:
    return [scope.names.globally(scope.names.type_name(node))]


def _declared_type(node: t.DeclaredType, scope: Scope) -> Sequence[Part]:
    if node.name not in scope.names.declared and node.name not in scope.names.prelude.names:
        raise Unsupported(f"the IR does not hold the declaration of {node.name}, which is generic")
    return [scope.names.globally(node.name), *type_arguments(node.arguments)]


def type_arguments(items: Sequence[t.Type]) -> list[Part]:
    """``<A, B>``, with ``_`` for what stands for nothing."""
    if not items:
        return []
    return ["<", *joined(["_" if isinstance(item, t.VoidType) else item for item in items]), ">"]


TYPES: Final[dict[type, Writer]] = {
    t.BitsType: lambda node, scope: [f"int<{node.width}>" if node.signed else f"bit<{node.width}>"],
    t.BoolType: lambda node, scope: ["bool"],
    t.VarbitType: lambda node, scope: [f"varbit<{node.max_width}>"],
    t.IntType: lambda node, scope: ["int"],
    t.StringType: lambda node, scope: ["string"],
    t.VoidType: lambda node, scope: ["void"],
    t.ErrorType: lambda node, scope: ["error"],
    t.MatchKindType: lambda node, scope: ["match_kind"],
    t.EnumType: _named_type,
    t.HeaderType: _named_type,
    t.UnionType: _named_type,
    t.StructType: _named_type,
    t.NewType: _named_type,
    t.StackType: lambda node, scope: [node.element, f"[{node.size}]"],
    t.TupleType: lambda node, scope: ["tuple<", *joined(node.elements), ">"],
    t.ListType: lambda node, scope: ["list<", node.element, ">"],
    t.ExternType: lambda node, scope: [scope.names.globally(node.name), *type_arguments(node.arguments)],
    t.TypeVariable: lambda node, scope: [node.name],
    t.DeclaredType: _declared_type,
}

# --- expressions ----------------------------------------------------------------------------------------------------


def _const(node: n.Const, scope: Scope) -> Sequence[Part]:
    value = node.value
    match node.type:
        case t.BoolType():
            return ["true" if value else "false"]
        case t.BitsType(width, False):
            return [f"{width}w{value}"]
        case t.BitsType(width, True):
            return [f"{width}s{value}"] if int(value) >= 0 else [f"((int<{width}>)({value}))"]
        case t.IntType():
            return [str(value)] if int(value) >= 0 else [f"({value})"]
        case t.StringType():
            return [quoted(str(value))]
        case t.ErrorType():
            return [f"error.{value}"]
        case t.MatchKindType():
            return [str(value)]
        case t.EnumType() as enum:
            return _enum_value(enum, value)
        case t.NewType(base=base):
            return ["((", node.type, ")", n.Const(value, base), ")"]
        case t.ExternType() | t.DeclaredType():
            return [_object(str(value), scope, node)]
    raise Unsupported(f"a constant of type {type(node.type).__name__} in P4", node.span)


def _enum_value(enum: t.EnumType, value: object) -> Sequence[Part]:
    if enum.underlying is None:
        return [enum, f".{value}"]
    for name, known in zip(enum.members, enum.values, strict=True):
        if known == value:
            return [enum, f".{name}"]
    assert isinstance(value, int)
    return ["((", enum, ")", n.Const(value, enum.underlying), ")"]


def _object(name: str, scope: Scope, node: Any) -> str:
    if name == scope.this:
        return "this"
    if name not in scope.names.objects:
        raise Unsupported(f"the object {name} is not known here", node.span)
    return scope.names.objects[name]


def _aggregate(node: n.Aggregate, scope: Scope) -> Sequence[Part]:
    bare = t.bare(node.type)
    if isinstance(bare, t.StructType | t.HeaderType | t.UnionType) and bare.fields:
        pairs = list(zip(bare.fields, node.values, strict=True))
        items: list[Part] = [Row((f"{f.name} = ", v)) for f, v in pairs if not isinstance(v, n.DefaultValue)]
        if len(items) < len(pairs):
            items.append("...")
    else:
        given = [v for v in node.values if not isinstance(v, n.DefaultValue)]
        items = [*given, *(["..."] if len(given) < len(node.values) else [])]
    body = ["{", *joined(items), "}"]
    return body if anonymous(bare) or isinstance(bare, t.TupleType) else ["((", node.type, ")", *body, ")"]


class Row(tuple[Part, ...]):
    """Several parts as one."""

    __slots__ = ()


def _argument(arg: n.Expr | None) -> Part:
    return "_" if arg is None else arg


def arguments(args: Sequence[n.Expr | None], params: Sequence[n.Param] = (), with_names: bool = False) -> list[Part]:
    """``(a, b)``; with names if that is asked for, or where an optional one is left out before the end."""
    left_out = [a is None and bool(params) and params[i].optional for i, a in enumerate(args)]
    given = len(args)
    while given and left_out[given - 1]:
        given -= 1
    if any(left_out[:given]) or with_names:
        named = [Row((f"{p.name} = ", _argument(a))) for p, a, no in zip(params, args, left_out, strict=True) if not no]
        return ["(", *joined(named), ")"]
    return ["(", *joined([_argument(a) for a in args[:given]]), ")"]


def _extern_call(node: n.ExternCall, scope: Scope) -> Sequence[Part]:
    names = scope.names.overloaded(node.extern, node.method)
    sayable = not any(isinstance(x, t.VoidType) or anonymous(x) for x in node.type_args)
    types = type_arguments(node.type_args) if sayable else []
    if node.object is None:
        return [scope.names.globally(node.extern), *types, *arguments(node.args, node.params, names)]
    receiver = node.object if node.is_param else _object(node.object, scope, node)
    index: list[Part] = [] if node.index is None else ["[", node.index, "]"]
    return [receiver, *index, f".{node.method}", *types, *arguments(node.args, node.params, names)]


def _function_call(node: n.FunctionCall, scope: Scope) -> Sequence[Part]:
    name = scope.actions.get(node.name)
    if name is None:
        if node.name not in scope.names.functions:
            raise Unsupported(f"the function {node.name} is not known here", node.span)
        name = f".{scope.names.functions[node.name]}"
    return [name, *arguments(node.args)]


def _table_apply(node: n.TableApply, scope: Scope) -> Sequence[Part]:
    return [f"{node.table}.apply()", f".{node.result}" if node.result else ""]


def _block_apply(node: n.BlockApply, scope: Scope) -> Sequence[Part]:
    return [_object(node.block, scope, node), ".apply", *arguments(node.args)]


def _header_op(node: n.HeaderOp, scope: Scope) -> Sequence[Part]:
    count = str(node.count) if node.op in ("push_front", "pop_front") else ""
    return [node.base, f".{node.op}({count})"]


EXPRESSIONS: Final[dict[type, Writer]] = {
    Row: lambda node, scope: node,
    n.Const: _const,
    n.Var: lambda node, scope: [node.name],
    n.Member: lambda node, scope: [node.base, f".{node.name}"],
    n.Index: lambda node, scope: [node.base, "[", node.index, "]"],
    n.Slice: lambda node, scope: [node.base, f"[{node.high}:{node.low}]"],
    n.Unary: lambda node, scope: [f"({node.op}", node.operand, ")"],
    n.Binary: lambda node, scope: ["(", node.left, f" {node.op} ", node.right, ")"],
    n.Cast: lambda node, scope: ["((", node.type, ")(", node.operand, "))"],
    n.Mux: lambda node, scope: ["(", node.condition, " ? ", node.then, " : ", node.otherwise, ")"],
    n.Aggregate: _aggregate,
    n.InvalidHeader: lambda node, scope: ["((", node.type, "){#})"],
    n.DefaultValue: lambda node, scope: ["..."],
    n.HeaderOp: _header_op,
    n.ExternCall: _extern_call,
    n.FunctionCall: _function_call,
    n.TableApply: _table_apply,
    n.BlockApply: _block_apply,
}

KEYSETS: Final[dict[type, Writer]] = {
    n.AnySet: lambda node, scope: ["_"],
    n.ValueSet: lambda node, scope: [node.value],
    n.MaskSet: lambda node, scope: [node.value, " &&& ", node.mask],
    n.RangeSet: lambda node, scope: [node.low, " .. ", node.high],
    n.ParserValueSet: lambda node, scope: [node.name],
}
