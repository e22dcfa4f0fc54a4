"""The control-plane name of a table key that has no ``@name``: its text, in the form that control planes know."""

from __future__ import annotations

from .. import syntax as ast
from . import typed
from .context import Context


def key_name(cx: Context, node: ast.Expression, found: typed.Expr) -> str | None:
    """``hdr.ipv4.dst``, ``hdr.ipv4.$valid$``, ``stack[0].f``, ``x[7:0]``; None if the expression has no such form."""
    return _name(node)


def _name(node: ast.Expression) -> str | None:
    match node:
        case ast.NameExpr(name=name, absolute=absolute):
            return f".{name}" if absolute else name
        case ast.Member(base=base, member=member):
            return _joined(_name(base), f".{member.text}")
        case ast.Index(base=base, index=index):
            at = _name(index)
            return _joined(_name(base), f"[{at}]") if at is not None else None
        case ast.Slice(base=base, high=high, low=low):
            top, bottom = _name(high), _name(low)
            return _joined(_name(base), f"[{top}:{bottom}]") if top is not None and bottom is not None else None
        case ast.IntLiteral(value=value):
            return str(value)
        case ast.Binary(op="&", left=left, right=right):
            first, second = _name(left), _name(right)
            return f"{first} & {second}" if first is not None and second is not None else None
        case ast.Call(callee=ast.Member(base=base, member=member), arguments=()):
            tail = "$valid$" if member.text == "isValid" else f"{member.text}()"
            return _joined(_name(base), f".{tail}")
    return None


def _joined(base: str | None, tail: str) -> str | None:
    return None if base is None else base + tail
