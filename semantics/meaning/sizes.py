"""The few numbers that a term can be: sizes and positions that depend on the packet."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .. import bits as b
from ..bits import Term
from ..source import Span, Unsupported

MAX_FREE_BITS: Final = 12
"""Bits of input on which a size or a position may depend: a parser is run for each of their values."""


def possible_values(term: Term, span: Span) -> list[int]:
    """Every value that a term can have, and perhaps more, from the few bits of input that it depends on.

    Raises:
        Unsupported: it depends on more than :data:`MAX_FREE_BITS`.
    """
    values = _values(term)
    if values is None:
        raise Unsupported("a size or position that can be too many different numbers", span)
    return values


@lru_cache(maxsize=256)
def _values(term: Term) -> list[int] | None:
    """The same; None for too many. A parser that is run once for each value asks each time."""
    atoms: dict[Term, Term] = {}
    for node in b.postorder([term]):
        if node.op in ("var", "apply", "select") or (node.op == "extract" and node.args[0].op in ("var", "apply")):
            atoms[node] = b.var(f"free.{len(atoms)}", node.sort)
    replaced = b.substitute([term], atoms)[0]
    free = b.variables(replaced)
    if sum(max(1, v.width) for v in free) > MAX_FREE_BITS or any(v.sort.index for v in free):
        return None
    values: set[int] = set()
    for number in range(1 << sum(max(1, v.width) for v in free)):
        assignment: dict[str, b.Value] = {}
        for variable in free:
            width = max(1, variable.width)
            assignment[variable.name] = number & ((1 << width) - 1)
            number >>= width
        result = b.evaluate([replaced], assignment)[0]
        assert isinstance(result, int)
        values.add(result)
    return sorted(values)
