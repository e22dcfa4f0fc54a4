"""Arithmetic on compile-time values (spec 8.5 to 8.8): integers of any size and of fixed width, booleans, strings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .types import INT, Bits, Type, bare

Value = int | bool | str

MAX_SHIFT: Final = 1 << 16
"""A compile-time shift of an ``int`` to the left by more than this is refused: nothing needs such a number."""


MAX_BITS: Final = 1 << 17
"""No compile-time integer has more bits, and no string more characters."""


def shown(value: int | bool | str) -> str:
    """A value for a message; of a very large number only its size."""
    if isinstance(value, int) and abs(value).bit_length() > 256:
        return f"a {'negative ' if value < 0 else ''}number of {value.bit_length()} bits"
    return str(value)


_ESCAPE: Final = re.compile(r"\\(.)", re.S)
_ESCAPES: Final = {"n": "\n", '"': '"', "\\": "\\"}


def unescaped(text: str) -> str:
    """A string literal's characters with its escapes read (spec 6.4.3.3); others stay as they stand."""
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text)


class BadConstant(Exception):
    """A compile-time operation without a result; the text says why."""


def wrap(value: int, type_: Bits) -> int:
    """``value`` in the range of ``type_``, by its low bits."""
    if type_.width == 0:
        return 0
    value &= (1 << type_.width) - 1
    if type_.signed and value >> (type_.width - 1):
        value -= 1 << type_.width
    return value


def fits(value: int, type_: Bits) -> bool:
    """Whether ``value`` is in the range of ``type_``."""
    return wrap(value, type_) == value


def bounds(type_: Bits) -> tuple[int, int]:
    """The least and the greatest value of ``type_``."""
    if type_.signed:
        half = 1 << (type_.width - 1) if type_.width else 0
        return -half, max(half - 1, 0)
    return 0, (1 << type_.width) - 1


def _saturate(value: int, type_: Type) -> int:
    if not isinstance(type_, Bits):
        raise BadConstant("saturating arithmetic needs a width")
    low, high = bounds(type_)
    return min(max(value, low), high)


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise BadConstant("division by zero")
    if left < 0 or right < 0:
        raise BadConstant("division of negative numbers is not defined")
    return left // right


def _modulo(left: int, right: int) -> int:
    if right == 0:
        raise BadConstant("modulo by zero")
    if left < 0 or right < 0:
        raise BadConstant("modulo of negative numbers is not defined")
    return left % right


def _shift_left(left: int, right: int, type_: Type) -> int:
    if right < 0:
        raise BadConstant("shift by a negative amount")
    if isinstance(type_, Bits):
        return left << right if right < type_.width else 0
    if right > MAX_SHIFT:
        raise BadConstant(f"shift by {right}, more than {MAX_SHIFT}")
    return left << right


def _shift_right(left: int, right: int) -> int:
    if right < 0:
        raise BadConstant("shift by a negative amount")
    return left >> right if right <= MAX_SHIFT else (-1 if left < 0 else 0)


_INTEGER: Final[dict[str, Callable[[int, int, Type], int]]] = {
    "+": lambda a, b, t: a + b,
    "-": lambda a, b, t: a - b,
    "*": lambda a, b, t: a * b,
    "/": lambda a, b, t: _divide(a, b),
    "%": lambda a, b, t: _modulo(a, b),
    "|+|": lambda a, b, t: _saturate(a + b, t),
    "|-|": lambda a, b, t: _saturate(a - b, t),
    "&": lambda a, b, t: a & b,
    "|": lambda a, b, t: a | b,
    "^": lambda a, b, t: a ^ b,
    "<<": _shift_left,
    ">>": lambda a, b, t: _shift_right(a, b),
}

_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def fold_binary(op: str, left: Value, right: Value, type_: Type, left_type: Type, right_type: Type) -> Value:
    """The value of ``left op right`` of ``type_``. Raises BadConstant if it has none."""
    if op == "==":
        return left == right
    if op == "!=":
        return left != right
    if op == "&&":
        return bool(left) and bool(right)
    if op == "||":
        return bool(left) or bool(right)
    if op == "++":
        return _concatenate(left, right, left_type, right_type, type_)
    if isinstance(left, str) or isinstance(right, str):
        raise BadConstant(f"'{op}' is not defined here")
    if op in _COMPARE:
        return _COMPARE[op](left, right)
    value = _INTEGER[op](int(left), int(right), type_)
    if value.bit_length() > MAX_BITS:
        raise BadConstant(f"the value has more than {MAX_BITS} bits")
    plain = bare(type_)
    return wrap(value, plain) if isinstance(plain, Bits) else value


def _concatenate(left: Value, right: Value, left_type: Type, right_type: Type, type_: Type) -> Value:
    if isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > MAX_BITS:
            raise BadConstant(f"the string has more than {MAX_BITS} characters")
        return left + right
    lower, whole = bare(right_type), bare(type_)
    if not (isinstance(lower, Bits) and isinstance(whole, Bits)):
        raise BadConstant("'++' needs operands with a width")
    mask = (1 << lower.width) - 1
    return wrap((int(left) << lower.width) | (int(right) & mask), whole)


def fold_unary(op: str, value: Value, type_: Type) -> Value:
    """The value of ``op value``."""
    if op == "!":
        return not value
    plain = bare(type_)
    result = -int(value) if op == "-" else ~int(value)
    return wrap(result, plain) if isinstance(plain, Bits) else result


def fold_slice(value: int, high: int, low: int) -> int:
    """Bits ``high`` to ``low`` of ``value``."""
    return (value >> low) & ((1 << (high - low + 1)) - 1)


def fold_cast(value: Value, source: Type, target: Type) -> Value:
    """A constant of ``source`` cast to ``target``: bits, int or bool (after newtypes and enums are looked through)."""
    if isinstance(target, Bits):
        return wrap(int(value), target)
    if target == INT:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value not in (0, 1):
            raise BadConstant(f"only 0 and 1 may be cast to bool, not {shown(value)}")
        return bool(value)
    return value
