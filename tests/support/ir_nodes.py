"""Random p4ast nodes made from the annotations of the node classes: typed right, but without any further sense."""

from __future__ import annotations

import dataclasses
import random
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from p4verify.semantics import ir
from p4verify.semantics.source import NOWHERE, Span

_LEAVES = (ir.Const, ir.Var, ir.BitsType, ir.BoolType, ir.AnySet, ir.Leave, ir.Block)


class Nodes:
    """Makes nodes of at most ``depth`` levels; the same seed makes the same ones."""

    def __init__(self, seed: int, depth: int = 5) -> None:
        self.random = random.Random(seed)
        self.depth = depth
        self.named: list[Any] = []

    def program(self) -> ir.Program:
        made = self.node(ir.Program, self.depth)
        assert isinstance(made, ir.Program)
        return made

    def node(self, cls: type, depth: int) -> Any:
        """A node of class ``cls``; named types are now and then ones that were made before."""
        old = [t for t in self.named if type(t) is cls]
        if old and self.random.random() < 0.5:
            return self.random.choice(old)
        hints = get_type_hints(cls)
        values = {}
        for field in dataclasses.fields(cls):
            if field.default is dataclasses.MISSING or self.random.random() < 0.5:
                values[field.name] = self.value(hints[field.name], depth - 1)
        made = cls(**values)
        if issubclass(cls, ir.HeaderType | ir.StructType | ir.UnionType | ir.EnumType | ir.NewType):
            self.named.append(made)
        return made

    def value(self, hint: Any, depth: int) -> Any:
        """A value that the annotation allows."""
        origin, members = get_origin(hint), get_args(hint)
        if origin is Literal:
            return self.random.choice(members)
        if origin in (Union, types.UnionType):
            leaves = [m for m in members if not dataclasses.is_dataclass(m) or m in _LEAVES]
            return self.value(self.random.choice(leaves if depth <= 0 and leaves else members), depth)
        if origin is tuple:
            if len(members) == 2 and members[1] is Ellipsis:
                count = 0 if depth <= 0 else self.random.choice((0, 1, 1, 2, 3))
                return tuple(self.value(members[0], depth) for _ in range(count))
            return tuple(self.value(m, depth) for m in members)
        if hint is Span:
            return self.span()
        return self.node(hint, depth) if dataclasses.is_dataclass(hint) else self.scalar(hint)

    def span(self) -> Span:
        if self.random.random() < 0.2:
            return NOWHERE
        line, column = self.random.randrange(1 << 20), self.random.randrange(200)
        return Span(self.random.choice(("a.p4", "core.p4", "ü/x y.p4", "")), line, column, line, column + 3)

    def scalar(self, hint: Any) -> Any:
        if hint is bool:
            return self.random.random() < 0.5
        if hint is int:
            wide = self.random.getrandbits(self.random.choice((3, 8, 60, 200)))
            return self.random.choice((0, 1, -1, wide, -wide, 1 << 53, 255, 128, -128, 127))
        if hint is str:
            return self.random.choice(("", "x", "hdr", "a.b.c", "ü €", 'q"\\', "x" * 30, "\0", "type", "part"))
        assert hint in (None, types.NoneType), hint
        return None


seeds = st.integers(0, 2**32)
"""Seeds for :class:`Nodes`: a failing test then shows a number, not a page of nodes."""


def same(left: object, right: object) -> bool:
    """Whether two values agree in everything, also in what ``==`` leaves out (spans, annotations); never recurses."""
    todo = [(left, right)]
    while todo:
        x, y = todo.pop()
        if type(x) is not type(y):
            return False
        if isinstance(x, tuple) and isinstance(y, tuple):
            if len(x) != len(y):
                return False
            todo += zip(x, y, strict=True)
        elif dataclasses.is_dataclass(x) and not isinstance(x, Span):
            todo += [(getattr(x, f.name), getattr(y, f.name)) for f in dataclasses.fields(x)]
        elif x != y:
            return False
    return True
