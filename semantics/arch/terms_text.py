"""Terms as text, so that equal texts mean the same."""

from __future__ import annotations

from collections.abc import Sequence

from .. import bits as b
from ..bits import Term


def as_text(terms: Sequence[Term]) -> str:
    """Terms as text of linear size: each node once, in an order that the terms alone decide."""
    numbers: dict[Term, int] = {}
    lines = []
    for node in b.postorder(terms):
        numbers[node] = len(numbers)
        args = ",".join(str(numbers[arg]) for arg in node.args)
        name = node.name if node.op in ("var", "apply") else repr(node.payload)
        lines.append(f"{node.op}:{node.sort}:{name}({args})")
    return ";".join([*lines, ",".join(str(numbers[t]) for t in terms)])
