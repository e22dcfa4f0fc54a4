"""JSON with places: every value knows where it stands, so that an error about its meaning can say so."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from ..source import InputError, Span

MAX_NESTING: Final = 64
MAX_DIGITS: Final = 400
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_ATOM = re.compile(r"-?[0-9]+(?![0-9.eE])|true|false|null")


@dataclass(frozen=True, slots=True)
class Node:
    """A value: ``int``, ``bool``, ``str``, ``None``, a list of nodes, or a dictionary of nodes."""

    value: int | bool | str | list[Node] | dict[str, Node] | None
    span: Span

    def object(self, what: str) -> dict[str, Node]:
        """The members of an object. Raises InputError for anything else."""
        if not isinstance(self.value, dict):
            raise InputError.at(self.span, f"{what} must be an object")
        return self.value

    def array(self, what: str) -> list[Node]:
        """The elements of an array. Raises InputError for anything else."""
        if not isinstance(self.value, list):
            raise InputError.at(self.span, f"{what} must be an array")
        return self.value

    def text(self, what: str) -> str:
        """A string. Raises InputError for anything else."""
        if not isinstance(self.value, str):
            raise InputError.at(self.span, f"{what} must be a string")
        return self.value


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self.text, self.name, self.at = text, name, 0
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def span(self, at: int | None = None) -> Span:
        """The place of a character."""
        at = self.at if at is None else at
        line = bisect_right(self.starts, at)
        column = at - self.starts[line - 1] + 1
        return Span(self.name, line, column, line, column + 1)

    def fail(self, message: str) -> InputError:
        """An error here."""
        return InputError.at(self.span(), message)

    def peek(self) -> str:
        """The next character that is no space."""
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return self.text[self.at : self.at + 1]

    def expect(self, mark: str) -> None:
        """Take a mark."""
        if self.peek() != mark:
            raise self.fail(f"expected {mark}")
        self.at += 1

    def string(self) -> str:
        """Take a string."""
        self.peek()
        found = _STRING.match(self.text, self.at)
        if found is None:
            raise self.fail("expected a string")
        try:
            text = json.loads(found.group())
        except json.JSONDecodeError as problem:
            raise InputError.at(self.span(self.at + problem.pos), problem.msg) from None
        self.at = found.end()
        return str(text)

    def value(self, depth: int) -> Node:
        """Take a value."""
        mark, span = self.peek(), self.span()
        if depth > MAX_NESTING:
            raise self.fail(f"nested deeper than {MAX_NESTING} levels")
        if mark == "{":
            return Node(self.members(depth), span)
        if mark == "[":
            return Node(self.elements(depth), span)
        if mark == '"':
            return Node(self.string(), span)
        found = _ATOM.match(self.text, self.at)
        if found is None or len(found.group()) > MAX_DIGITS:
            raise self.fail("expected a value (numbers are whole)")
        self.at = found.end()
        known: dict[str, bool | None] = {"true": True, "false": False, "null": None}
        return Node(known[found.group()] if found.group() in known else int(found.group()), span)

    def members(self, depth: int) -> dict[str, Node]:
        """Take an object."""
        self.expect("{")
        members: dict[str, Node] = {}
        while self.peek() != "}":
            if members:
                self.expect(",")
            self.peek()
            span = self.span()
            name = self.string()
            if name in members:
                raise InputError.at(span, f"{name!r} is given twice")
            self.expect(":")
            members[name] = self.value(depth + 1)
        self.at += 1
        return members

    def elements(self, depth: int) -> list[Node]:
        """Take an array."""
        self.expect("[")
        elements: list[Node] = []
        while self.peek() != "]":
            if elements:
                self.expect(",")
            elements.append(self.value(depth + 1))
        self.at += 1
        return elements


def parse_json(text: str, name: str) -> Node:
    """The value that ``text`` spells. Raises InputError with file, line and column."""
    reader = _Reader(text, name)
    node = reader.value(0)
    if reader.peek():
        raise reader.fail("something follows the value")
    return node
