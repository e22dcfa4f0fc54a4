"""From parts to text: one loop with a stack, so that depth does not matter."""

from __future__ import annotations

from collections.abc import Sequence

from .expressions import EXPRESSIONS, KEYSETS, TYPES, Part, Writer
from .scope import Scope
from .statements import STATEMENTS, Mark

_WRITERS: dict[type, Writer] = {**TYPES, **EXPRESSIONS, **KEYSETS, **STATEMENTS}


def render(parts: Sequence[Part], scope: Scope) -> str:
    """The text of parts that stand in ``scope``."""
    out: list[str] = []
    depth, fresh = 0, True
    stack = list(reversed(parts))
    while stack:
        part = stack.pop()
        if part is Mark.LINE:
            if not fresh:
                out.append("\n")
            fresh = True
        elif isinstance(part, Mark):
            depth += 1 if part is Mark.IN else -1
        elif isinstance(part, str):
            if part:
                out.append("    " * depth + part if fresh else part)
                fresh = False
        else:
            writer = _WRITERS.get(type(part))
            if writer is None:
                raise TypeError(f"a {type(part).__name__} is no part of a text")
            stack.extend(reversed(writer(part, scope)))
    return "".join(out)
