"""The control-plane name of a table key that has no ``@name``: its text, in the form that control planes know."""

from __future__ import annotations

from . import typed


def key_name(expr: typed.Expr) -> str | None:
    """``hdr.ipv4.dst``, ``hdr.ipv4.$valid$``, ``stack[0].f``, ``x[7:0]``; None if the expression has no such form."""
    match expr:
        case typed.Var(symbol=symbol) | typed.ConstructorParam(symbol=symbol):
            return symbol.name
        case typed.Const(value=value):
            return str(value).lower() if isinstance(value, bool) else str(value)
        case typed.Member(base=base, name=name):
            return _joined(key_name(base), f".{name}")
        case typed.Index(base=base, index=index):
            at = key_name(index)
            return None if at is None else _joined(key_name(base), f"[{at}]")
        case typed.Slice(base=base, high=high, low=low):
            return _joined(key_name(base), f"[{high}:{low}]")
        case typed.HeaderOp(op="isValid", base=base):
            return _joined(key_name(base), ".$valid$")
        case typed.Binary(op="&", left=left, right=right):
            first, second = key_name(left), key_name(right)
            return None if first is None or second is None else f"{first} & {second}"
        case typed.Call(receiver=receiver, callee=callee, args=()) if receiver is not None:
            return _joined(key_name(receiver), f".{callee.name}()")
    return None


def _joined(base: str | None, tail: str) -> str | None:
    return None if base is None else base + tail
