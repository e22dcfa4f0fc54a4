"""What all actions share: spans, lists, names."""

from __future__ import annotations

from typing import Any, TypeAlias

from ...source import Diagnostic, Span
from ..lexer import Token
from ..symbols import Symbols
from ..syntax import Annotation, Name, Node

Children: TypeAlias = list[Any]
"""The values of a rule's symbols: tokens as they are, nodes, and lists of nodes."""

LONG_CHAIN = 20
"""Longer chains of operators or selections make the parser measure the tree's depth."""


def split(c: Children) -> tuple[tuple[Annotation, ...], Children]:
    """The annotations that a rule begins with, if any, and the rest."""
    return (tuple(c[0]), c[1:]) if type(c[0]) is list else ((), c)


class BaseActions:
    """An action gets the values of the rule's symbols and the places of its first and last token."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.tokens: list[Token] = []
        self.errors: list[Diagnostic] = []
        self.deep = False
        """Something was long or nested, so the depth of the declaration is to be measured."""

    def span(self, first: int, last: int) -> Span:
        """From the first to the last token."""
        if last < first:
            last = first
        begin = self.tokens[first][2]
        if first == last:
            return begin
        end = self.tokens[last][2]
        if begin.file != end.file:
            return begin
        return Span(begin.file, begin.line, begin.column, end.end_line, end.end_column)

    def error(self, span: Span, message: str) -> None:
        """Note a mistake that does not stop the parser."""
        self.errors.append(Diagnostic(span, message))

    def first(self, c: Children, _b: int, _e: int) -> Any:
        return c[0]

    def second(self, c: Children, _b: int, _e: int) -> Any:
        return c[1]

    def nothing(self, _c: Children, _b: int, _e: int) -> None:
        return None

    def empty_list(self, _c: Children, _b: int, _e: int) -> list[Node]:
        return []

    def list_of(self, c: Children, _b: int, _e: int) -> list[Node]:
        return [c[0]]

    def append(self, c: Children, _b: int, _e: int) -> list[Node]:
        c[0].append(c[1])
        return c[0]  # type: ignore[no-any-return]

    def extend(self, c: Children, _b: int, _e: int) -> list[Node]:
        c[0].append(c[2])
        return c[0]  # type: ignore[no-any-return]

    def name(self, c: Children, _b: int, _e: int) -> Name:
        return Name(c[0][1], span=c[0][2])

    def open_scope(self, c: Children, _b: int, _e: int) -> Any:
        self.symbols.push()
        return c[0]
