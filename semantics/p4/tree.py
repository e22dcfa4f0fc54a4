"""Things done to any syntax tree: walk it, compare two, measure its depth. Nothing here recurses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from .syntax import Node

_names: dict[type[Node], tuple[str, ...]] = {}


def field_names(kind: type[Node]) -> tuple[str, ...]:
    """The names of a class's fields that count (the span and the texts do not)."""
    names = _names.get(kind)
    if names is None:
        names = _names[kind] = tuple(f.name for f in fields(kind) if f.compare)
    return names


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below."""
    for name in field_names(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif type(value) is tuple:
            yield from (item for item in value if isinstance(item, Node))


def walk(root: Node) -> Iterator[Node]:
    """The node and all below, parents first, in the order of the source."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(list(children(node))))


def depth(root: Node) -> int:
    """How many nodes the longest way down has."""
    level, deepest = [root], 0
    while level:
        deepest += 1
        level = [child for node in level for child in children(node)]
    return deepest


def same(left: object, right: object) -> bool:
    """Whether two trees (or tuples of trees) are equal, spans aside."""
    return difference(left, right) is None


def difference(left: object, right: object) -> tuple[object, object] | None:
    """The first two parts in which two trees differ, or None."""
    stack: list[tuple[object, object]] = [(left, right)]
    while stack:
        a, b = stack.pop()
        if a is b:
            continue
        if type(a) is not type(b):
            return a, b
        if isinstance(a, Node):
            stack.extend((getattr(a, name), getattr(b, name)) for name in reversed(field_names(type(a))))
        elif isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return a, b
            stack.extend(zip(reversed(a), reversed(b), strict=True))
        elif a != b:
            return a, b
    return None
