"""What all nodes of the syntax tree have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar, dataclass_transform

from ...source import NOWHERE, Span

MAX_DEPTH: Final = 500
"""No tree that the parser makes is deeper than this, so a consumer may recurse if it allows for it."""

Direction: TypeAlias = Literal["", "in", "out", "inout"]

_C = TypeVar("_C")


@dataclass_transform(eq_default=False, frozen_default=True, field_specifiers=(field,))
def node(cls: type[_C]) -> type[_C]:
    """The decorator of every node class: a frozen, slotted dataclass that equals itself only."""
    make: Callable[[type[_C]], type[_C]] = dataclass(frozen=True, slots=True, eq=False, repr=False)
    return make(cls)


@node
class Node:
    """What every node has: the stretch of source it was written as."""

    span: Span = field(default=NOWHERE, compare=False, kw_only=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.span}>"


@node
class Name(Node):
    """A name where it is declared, or after a dot."""

    text: str

    def __str__(self) -> str:
        return self.text
