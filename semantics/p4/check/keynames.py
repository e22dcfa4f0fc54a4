"""The control-plane name of a table key that has no ``@name``: its text, in the form that control planes know.

The form is the reference compiler's: values as folded, literals in the base in which they are written, fields by their
own ``@name`` if they have one.
"""

from __future__ import annotations

from typing import Final

from .. import syntax as ast
from . import typed
from .annotate import find
from .types import Record

_PREFIXES: Final = {16: "0x", 8: "0o", 2: "0b"}
_FORMATS: Final = {16: "x", 8: "o", 2: "b"}


def key_name(node: ast.Expression, expr: typed.Expr) -> str | None:
    """``hdr.ipv4.dst``, ``hdr.ipv4.$valid$``, ``stack[0].f``, ``x[7:0]``; None if the expression has no such form."""
    match expr:
        case typed.Const(value=value):
            return _constant(node, value)
        case typed.Binary(op="&", left=left, right=right) if isinstance(node, ast.Binary):
            first, second = key_name(node.left, left), key_name(node.right, right)
            return None if first is None or second is None else f"{first} & {second}"
    return _place(expr)


def _constant(node: ast.Expression, value: int | bool | str) -> str:
    if isinstance(value, (bool, str)):
        return str(value).lower() if isinstance(value, bool) else value
    base = node.base if isinstance(node, ast.IntLiteral) else 10
    if value.bit_length() > 1024:
        base = 16
    return _PREFIXES.get(base, "") + format(value, _FORMATS.get(base, "d"))


def _place(expr: typed.Expr) -> str | None:
    match expr:
        case typed.Var(symbol=symbol) | typed.ConstructorParam(symbol=symbol):
            return symbol.name
        case typed.Member(base=base, name=name):
            return _joined(_place(base), f".{_field_name(base, name)}")
        case typed.Index(base=base, index=index):
            at = str(index.value) if isinstance(index, typed.Const) else _place(index)
            return None if at is None else _joined(_place(base), f"[{at}]")
        case typed.Slice(base=base, high=high, low=low):
            return _joined(_place(base), f"[{high}:{low}]")
        case typed.HeaderOp(op="isValid", base=base):
            return _joined(_place(base), ".$valid$")
        case typed.Call(receiver=receiver, callee=callee, args=()) if receiver is not None:
            return _joined(_place(receiver), f".{callee.name}()")
    return None


def _field_name(base: typed.Expr, name: str) -> str:
    if isinstance(base.type, Record) and name in base.type.symbol.fields:
        given = find(base.type.symbol.fields[name].annotations, "name")
        if given is not None and given.values:
            return str(given.values[0])
    return name


def _joined(base: str | None, tail: str) -> str | None:
    return None if base is None else base + tail
