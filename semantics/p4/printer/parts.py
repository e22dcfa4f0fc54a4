"""The parts that a printed node is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from .. import syntax as s


class Layout(Enum):
    """What is no text."""

    NEWLINE = "begin a line, unless one was just begun"
    INDENT = "indent from the next line on"
    OUTDENT = "take that back"


NEWLINE: Final = Layout.NEWLINE
INDENT: Final = Layout.INDENT
OUTDENT: Final = Layout.OUTDENT

Part: TypeAlias = str | s.Node | Layout
Writer: TypeAlias = Callable[[Any], Sequence[Part]]
"""From a node of the class it is registered for."""


def separated(nodes: Iterable[s.Node], separator: str = ", ") -> list[Part]:
    """The nodes with the separator between each two."""
    parts: list[Part] = []
    for node in nodes:
        if parts:
            parts.append(separator)
        parts.append(node)
    return parts


def lines(nodes: Iterable[s.Node], end: str = "") -> list[Part]:
    """``{``, each node on a line of its own, ``}``."""
    parts: list[Part] = ["{", INDENT]
    for node in nodes:
        parts += [NEWLINE, node, end]
    return [*parts, OUTDENT, NEWLINE, "}"]


def annotated(annotations: s.Annotations) -> list[Part]:
    """Annotations before something."""
    parts: list[Part] = []
    for annotation in annotations:
        parts += [annotation, " "]
        if isinstance(annotation, s.TokenAnnotation) and annotation.pragma:
            parts[-1] = NEWLINE
    return parts


def generic(parameters: s.TypeParameters) -> list[Part]:
    """``<T, ...>`` or nothing."""
    return ["<", *separated(parameters), ">"] if parameters else []


def arguments(values: Iterable[s.Node]) -> list[Part]:
    """``(a, ...)``"""
    return ["(", *separated(values), ")"]
