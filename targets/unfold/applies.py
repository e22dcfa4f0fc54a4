"""Which tables a part of a program applies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from ...semantics import ir


def applied(node: object) -> Iterator[ir.TableApply | ir.BlockApply]:
    """The tables that a part of the tree applies, and the blocks, which may apply others."""
    if isinstance(node, ir.TableApply | ir.BlockApply):
        yield node
    elif isinstance(node, tuple | list):
        for part in node:
            yield from applied(part)
    elif isinstance(node, ir.Stmt | ir.Expr | ir.SwitchCase) and is_dataclass(node):
        for f in fields(node):
            if f.name not in ("type", "span"):
                yield from applied(getattr(node, f.name))
