"""Constant expressions of ``#if`` and ``#elif`` (C11 6.10.1): 64-bit arithmetic over what the macros left."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from ..source import InputError, Span
from .lexer import Token
from .macros import is_word

MAX_NESTING: Final = 24
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)([uU]?[lL]{0,2}|[lL]{1,2}[uU])")
_LEVELS: Final = (
    "||", "&&", "|", "^", "&", "== !=", "< > <= >=", "<< >>", "+ -", "* / %",
)  # fmt: skip
_LEVEL: Final = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators.split()}


def _wrap(value: int, unsigned: bool) -> tuple[int, bool]:
    """The value as 64 bits hold it, and whether it counts as unsigned."""
    value &= (1 << 64) - 1
    return (value, True) if unsigned else (value - (1 << 64) * (value >> 63), False)


def _divide(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_COMPUTE: Final[dict[str, Callable[[int, int], int]]] = {
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "&": lambda a, b: a & b,
    "<<": lambda a, b: a << (b & 63),
    ">>": lambda a, b: a >> (b & 63),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
}


def holds(tokens: Sequence[Token], where: Span) -> bool:
    """Whether the condition is true. ``defined`` is already replaced, macros are already expanded."""
    reader = _Reader(tokens, where)
    value, _ = reader.conditional(True)
    if reader.peek():
        raise InputError.at(reader.span(), f"'{reader.peek()}' is not expected in this condition")
    return value != 0


class _Reader:
    """Recursive descent over the condition; parts that are not evaluated may divide by zero."""

    def __init__(self, tokens: Sequence[Token], where: Span) -> None:
        self._tokens = _join_shifts(tokens)
        self._where = where
        self._index = 0
        self._depth = 0

    def peek(self) -> str:
        return self._tokens[self._index].text if self._index < len(self._tokens) else ""

    def span(self) -> Span:
        return self._tokens[self._index].span if self._index < len(self._tokens) else self._where

    def _take(self) -> str:
        self._index += 1
        return self._tokens[self._index - 1].text

    def _expect(self, text: str) -> None:
        if self.peek() != text:
            found = f"'{self.peek()}'" if self.peek() else "the end of the line"
            raise InputError.at(self.span(), f"expected '{text}' in this condition, found {found}")
        self._index += 1

    def conditional(self, live: bool) -> tuple[int, bool]:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise InputError.at(self.span(), "this condition is nested too deeply")
        result = self._binary(0, live)
        if self.peek() == "?":
            self._index += 1
            chosen = result[0] != 0
            then = self.conditional(live and chosen)
            self._expect(":")
            otherwise = self.conditional(live and not chosen)
            value, unsigned = then if chosen else otherwise
            result = _wrap(value, unsigned or then[1] or otherwise[1])
        self._depth -= 1
        return result

    def _binary(self, lowest: int, live: bool) -> tuple[int, bool]:
        """Operators from the level ``lowest`` up, by precedence climbing."""
        left, unsigned = self._unary(live)
        while (level := _LEVEL.get(self.peek(), -1)) >= lowest:
            op, span = self.peek(), self.span()
            self._index += 1
            if op in ("||", "&&"):
                right, _ = self._binary(level + 1, live and bool(left) == (op == "&&"))
                left, unsigned = int(bool(left) or bool(right) if op == "||" else bool(left) and bool(right)), False
                continue
            right, right_unsigned = self._binary(level + 1, live)
            left, unsigned = self._apply(op, (left, unsigned), (right, right_unsigned), live, span)
        return left, unsigned

    def _apply(
        self, op: str, left: tuple[int, bool], right: tuple[int, bool], live: bool, span: Span
    ) -> tuple[int, bool]:
        unsigned = left[1] if op in ("<<", ">>") else left[1] or right[1]
        a, b = _wrap(left[0], unsigned)[0], _wrap(right[0], unsigned)[0]
        if op in _COMPARE:
            return int(_COMPARE[op](a, b)), False
        if op in ("/", "%") and b == 0:
            if live:
                raise InputError.at(span, "division by zero in this condition")
            return 0, unsigned
        return _wrap(_COMPUTE[op](a, b), unsigned)

    def _unary(self, live: bool) -> tuple[int, bool]:
        signs: list[str] = []
        while self.peek() in ("!", "~", "-", "+"):
            signs.append(self._take())
        value, unsigned = self._primary(live)
        for sign in reversed(signs):
            if sign == "!":
                value, unsigned = int(not value), False
            else:
                value, unsigned = _wrap({"-": -value, "~": ~value, "+": value}[sign], unsigned)
        return value, unsigned

    def _primary(self, live: bool) -> tuple[int, bool]:
        if self._index >= len(self._tokens):
            raise InputError.at(self._where, "the condition is not complete")
        span, token = self.span(), self._tokens[self._index]
        self._index += 1
        if token.text == "(":
            result = self.conditional(live)
            self._expect(")")
            return result
        if is_word(token):
            return 0, False  # whatever is no macro
        match = _NUMBER.fullmatch(token.text)
        if match is None:
            raise InputError.at(span, f"'{token.text}' is not expected in this condition")
        digits = match[1]
        octal = digits[0] == "0" and digits.isdigit() and not set(digits) & set("89")
        value = int(digits[:4000], 8 if octal else 0 if not digits.isdigit() else 10)
        return _wrap(value, "u" in match[2].lower() or value >= 1 << 63)


def _join_shifts(tokens: Sequence[Token]) -> list[Token]:
    """``>`` ``>`` as one token: to the preprocessor a shift is always one."""
    out: list[Token] = []
    for token in tokens:
        if out and out[-1].kind == "RSHIFT1" and token.text in (">", ">="):
            out[-1] = Token("BINOP", ">" + token.text, out[-1].span)
        else:
            out.append(token)
    return out
