"""Protocol buffers' text format, as far as messages of any schema go: names, numbers, strings, nested messages.

After the "Text Format Language Specification" (protobuf.dev). Every value keeps its place in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..source import InputError, Span

MAX_NESTING: Final = 64
MAX_DIGITS: Final = 80

_TOKEN = re.compile(
    r"""(?P<space>[\s,;]+|\#[^\n]*)
      | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
      | (?P<number>-?(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?))
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<mark>[{}<>:\[\]])""",
    re.VERBOSE,
)
_SIMPLE: Final = {
    "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34, "?": 63,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, a string's bytes, or a bare word (an enum member, ``true``)."""

    value: int | bytes | str
    span: Span


@dataclass(frozen=True, slots=True)
class Message:
    """Fields in the order of the text; a name may come more than once."""

    fields: tuple[tuple[str, Scalar | Message], ...]
    span: Span

    def all(self, name: str) -> list[Scalar | Message]:
        """Every value of a field."""
        return [value for field, value in self.fields if field == name]

    def messages(self, name: str) -> list[Message]:
        """Every value of a message field. Raises InputError for a scalar."""
        found = []
        for value in self.all(name):
            if not isinstance(value, Message):
                raise InputError.at(value.span, f"{name} must be a message")
            found.append(value)
        return found

    def message(self, name: str) -> Message | None:
        """The last value of a message field."""
        found = self.messages(name)
        return found[-1] if found else None

    def scalar(self, name: str) -> Scalar | None:
        """The last value of a scalar field. Raises InputError for a message."""
        found = self.all(name)
        if not found:
            return None
        if not isinstance(found[-1], Scalar):
            raise InputError.at(found[-1].span, f"{name} must be a value")
        return found[-1]

    def only(self, known: frozenset[str]) -> None:
        """Raise InputError for a field that is not known."""
        for name, value in self.fields:
            if name not in known:
                raise InputError.at(value.span, f"{name} is not understood here")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    span: Span


def _tokens(text: str, name: str) -> Iterator[_Token]:
    line, start, at = 1, 0, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        span = Span(name, line, at - start + 1, line, at - start + 2)
        if found is None:
            raise InputError.at(span, f"unexpected character {text[at]!r}")
        kind = found.lastgroup or ""
        if kind != "space":
            yield _Token(kind, found.group(), Span(name, line, at - start + 1, line, found.end() - start + 1))
        newlines = found.group().count("\n")
        if newlines:
            line += newlines
            start = at + found.group().rindex("\n") + 1
        at = found.end()
    yield _Token("end", "", Span(name, line, at - start + 1))


def parse(text: str, name: str) -> Message:
    """The message that ``text`` spells; ``name`` is the file's name for errors.

    Raises:
        InputError: the text is none, with file, line and column.
    """
    tokens = list(_tokens(text, name))
    open_: list[tuple[str, list[tuple[str, Scalar | Message]], str, Span]] = []
    fields: list[tuple[str, Scalar | Message]] = []
    at = 0
    while tokens[at].kind != "end":
        token = tokens[at]
        if token.text in ("}", ">"):
            if not open_ or open_[-1][2] != token.text:
                raise InputError.at(token.span, f"unexpected {token.text}")
            field, outer, _, span = open_.pop()
            outer.append((field, Message(tuple(fields), span)))
            fields = outer
            at += 1
            continue
        if token.kind != "name":
            raise InputError.at(token.span, f"expected a field's name, found {token.text!r}")
        at += 1
        if tokens[at].text == ":":
            at += 1
        if tokens[at].text in ("{", "<"):
            if len(open_) >= MAX_NESTING:
                raise InputError.at(token.span, f"nested deeper than {MAX_NESTING} messages")
            open_.append((token.text, fields, "}" if tokens[at].text == "{" else ">", token.span))
            fields = []
            at += 1
            continue
        values, at = _values(tokens, at)
        fields += [(token.text, value) for value in values]
    if open_:
        raise InputError.at(open_[-1][3], f"the message {open_[-1][0]} does not end")
    return Message(tuple(fields), tokens[0].span)


def _values(tokens: list[_Token], at: int) -> tuple[list[Scalar], int]:
    """A scalar, or a list of them in brackets."""
    if tokens[at].text != "[":
        value, at = _scalar(tokens, at)
        return [value], at
    at += 1
    values = []
    while tokens[at].text != "]":
        value, at = _scalar(tokens, at)
        values.append(value)
    return values, at + 1


def _scalar(tokens: list[_Token], at: int) -> tuple[Scalar, int]:
    token = tokens[at]
    if token.kind == "string":
        data = b""
        while tokens[at].kind == "string":  # neighbours are one string
            data += _unescaped(tokens[at])
            at += 1
        return Scalar(data, token.span), at
    if token.kind == "number":
        return Scalar(_number(token), token.span), at + 1
    if token.kind == "name":
        return Scalar(token.text, token.span), at + 1
    raise InputError.at(token.span, f"expected a value, found {token.text!r}" if token.text else "a value is missing")


def _number(token: _Token) -> int:
    if len(token.text) > MAX_DIGITS:
        raise InputError.at(token.span, "the number is too long")
    text = token.text.lower()
    try:
        if "x" in text:
            return int(text, 16)
        if len(text) > 1 and text.lstrip("-").startswith("0"):
            return int(text, 8)
        return int(text)
    except ValueError:
        raise InputError.at(token.span, f"{token.text} is no whole number") from None


_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))|([^\\]+)", re.DOTALL)


def _unescaped(token: _Token) -> bytes:
    out = b""
    for octal, hexadecimal, simple, plain in _ESCAPE.findall(token.text[1:-1]):
        if octal:
            out += bytes([int(octal, 8) & 0xFF])
        elif hexadecimal:
            out += bytes([int(hexadecimal, 16)])
        elif simple:
            if simple not in _SIMPLE:
                raise InputError.at(token.span, f"unknown escape \\{simple}")
            out += bytes([_SIMPLE[simple]])
        else:
            out += plain.encode()
    return out
