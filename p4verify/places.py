"""Places in a program where something is named, for what has none of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final

from .semantics import ir
from .semantics.source import Span

_RETURNS: Final = {
    "resubmit": ("resubmit", "resubmit_preserving_field_list", "psa_resubmit"),
    "recirculate": ("recirculate", "recirculate_preserving_field_list", "psa_recirculate"),
}
"""The functions that send a packet back."""


def of_member(program: ir.Program, name: str) -> Span:
    """Where a field of this name is first read or written; the program's first line if it is not."""
    return _first(program, lambda node: isinstance(node, ir.Member) and node.name == name)


def of_return(program: ir.Program, kind: str) -> Span:
    """Where a packet is sent back, or the field of that name is set."""
    names = _RETURNS.get(kind, ())
    return _first(
        program,
        lambda node: (
            (isinstance(node, ir.ExternCall) and node.extern in names)
            or (isinstance(node, ir.Member) and node.name == kind)
        ),
    )


def _first(program: ir.Program, wanted: Callable[[Any], bool]) -> Span:
    found = [node.span for node in _nodes(program) if wanted(node) and node.span.line]
    return min(found, key=lambda span: (span.file != program.file, span.line, span.column), default=_top(program))


def _top(program: ir.Program) -> Span:
    return Span(program.file, 1, 1)


def _nodes(program: ir.Program) -> Iterator[Any]:
    stack: list[Any] = [*program.parsers, *program.controls, *program.functions]
    while stack:
        node = stack.pop()
        yield node
        for item in fields(node):
            value = getattr(node, item.name)
            parts = value if isinstance(value, tuple) else (value,)
            stack += [part for part in parts if is_dataclass(part) and not isinstance(part, Span | ir.Type)]
