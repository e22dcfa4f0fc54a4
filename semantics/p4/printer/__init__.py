"""Syntax trees to P4-16 text that parses back to the same tree.

Each node becomes a row of parts: text, nodes to print in their turn, line breaks, indentation. One loop works the parts
off a stack, so depth does not matter. Parentheses stand only where the tree needs them (and round conditionals inside
other expressions, for the reader). What no text means cannot be printed right: an ``if`` without ``else`` as the
``then`` of one with ``else`` must be in a block.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..syntax import Node, Program
from .declarations import DECLARATIONS
from .expressions import EXPRESSIONS
from .parts import INDENT, NEWLINE, OUTDENT, Part, Writer
from .statements import STATEMENTS

_TABLE: dict[type[Node], Writer] = {**EXPRESSIONS, **STATEMENTS, **DECLARATIONS}


def to_text(node: Node) -> str:
    """The text of a program, a declaration, a statement, a type or an expression."""
    out: list[str] = []
    indent, fresh = 0, True
    stack: list[Part] = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, Node):
            stack.extend(reversed(_parts(part)))
        elif part is NEWLINE:
            if out and out[-1] != "\n":
                out.append("\n")
            fresh = True
        elif part is INDENT:
            indent += 1
        elif part is OUTDENT:
            indent -= 1
        elif part:
            if fresh:
                out.append("    " * indent)
            out.append(str(part))
            fresh = False
    return "".join(out)


def _parts(node: Node) -> Sequence[Part]:
    if isinstance(node, Program):
        parts: list[Part] = []
        for declaration in node.declarations:
            parts += [declaration, NEWLINE]
        return parts
    writer = _TABLE.get(type(node))
    if writer is None:
        raise TypeError(f"{type(node).__name__} is no node that can be printed")
    return writer(node)


__all__ = ["to_text"]
