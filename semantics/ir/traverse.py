"""Walking and folding p4ast values without recursion, and the bounds on what a decoder lets in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from .schema import BY_CLASS, NAMED_TYPES, FieldSchema, KindSchema

R = TypeVar("R")

MAX_HEIGHT: Final = 10_000
"""Nodes and lists within each other that a decoder takes; what a person or a compiler writes stays far below."""

MAX_SIZE: Final = 5_000_000
"""Nodes, counted as often as they are used (a named type once for each use), that a decoder takes."""

MAX_TYPE_SIZE: Final = 100_000
"""Nodes of one named type with everything that it mentions, counted as often as mentioned."""


class _Open(NamedTuple):
    """A node or tuple whose parts are being done."""

    value: object
    fields: Sequence[FieldSchema]
    arity: int


def mentioned(root: object) -> Iterator[object]:
    """Every node below ``root``, types too, each object once."""
    todo: list[object] = [root]
    seen: set[int] = set()
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(reversed(node))
            continue
        kind = BY_CLASS.get(type(node))
        if kind is None or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        todo.extend(getattr(node, f.name) for f in reversed(kind.fields))


def fold(
    root: object,
    leaf: Callable[[object], R],
    known: Callable[[object], R | None],
    gather: Callable[[object, Sequence[FieldSchema], Sequence[R]], R],
) -> R:
    """The result for ``root`` from the results for its parts.

    Args:
        root: a node, a tuple, or a scalar (int, bool, str, None, Span).
        leaf: the result of a scalar.
        known: the result of a node or tuple that need not be looked into again, or None.
        gather: the result of a tuple (no fields; one result an item) or node (results of the fields not at default).
    """
    todo: list[object] = [root]
    out: list[R] = []
    while todo:
        item = todo.pop()
        if isinstance(item, _Open):
            parts = out[len(out) - item.arity :]
            del out[len(out) - item.arity :]
            out.append(gather(item.value, item.fields, parts))
            continue
        kind = BY_CLASS.get(type(item))
        if kind is None and not isinstance(item, tuple):
            out.append(leaf(item))
            continue
        old = known(item)
        if old is not None:
            out.append(old)
        elif kind is None:
            assert isinstance(item, tuple)
            todo.append(_Open(item, (), len(item)))
            todo.extend(reversed(item))
        else:
            values = [(f, getattr(item, f.name)) for f in kind.fields]
            written = [(f, v) for f, v in values if not f.is_default(v)]
            todo.append(_Open(item, [f for f, _ in written], len(written)))
            todo.extend(v for _, v in reversed(written))
    return out[0]


class Made(NamedTuple):
    """A decoded value with what bounds it."""

    value: Any
    height: int = 0
    """Nodes within each other."""
    size: int = 0
    """Nodes, counted as often as used, a named type as one."""
    full: int = 0
    """Nodes, counted as often as used."""

    def used(self) -> Made:
        """As a part of something else."""
        return self._replace(size=1) if isinstance(self.value, NAMED_TYPES) else self


@dataclass
class Assembler:
    """Puts decoded values together, within the bounds. Every method raises ValueError where they are crossed."""

    work: int = 0
    """Values checked so far: a long list that many nodes share is checked for each of them."""

    def list_of(self, parts: Sequence[Made]) -> Made:
        """The list of these parts."""
        return _bounded(tuple(p.value for p in parts), parts)

    def node(self, kind: KindSchema, fields: Mapping[str, Made]) -> Made:
        """The node with these fields."""
        self.work += 1 + sum(len(m.value) for m in fields.values() if isinstance(m.value, tuple))
        if self.work > MAX_SIZE:
            raise ValueError("more values than a program can have, counted as often as they are used")
        return _bounded(kind.create({name: m.value for name, m in fields.items()}), list(fields.values()))


def _bounded(value: object, parts: Sequence[Made]) -> Made:
    height = 1 + max((p.height for p in parts), default=0)
    size = 1 + sum(p.used().size for p in parts)
    full = min(1 + sum(p.full for p in parts), 1 << 40)
    if height > MAX_HEIGHT:
        raise ValueError(f"more than {MAX_HEIGHT} nodes and lists within each other")
    if size > MAX_SIZE or (isinstance(value, NAMED_TYPES) and full > MAX_TYPE_SIZE):
        raise ValueError("more nodes than a program can have, counted as often as they are used")
    return Made(value, height, size, full)
