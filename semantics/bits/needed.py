"""Which questions to functions decide what terms come to on some numbers.

Terms ask many more: in branches that are not taken, and beside what is decided already. (What a solver's model says of
those may be anything, also what cannot be: nothing in the query hangs on it.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from .term import Term, postorder
from .walk import Value, evaluate

_DECIDED_BY: Final[Mapping[str, Callable[[Term], int]]] = {
    "and": lambda _: 0,
    "or": lambda _: 1,
    "band": lambda _: 0,
    "bor": lambda term: (1 << term.width) - 1,
}
"""Operators that one argument of a certain value decides."""


def needed(
    roots: Iterable[Term],
    values: Mapping[str, Value],
    functions: Mapping[str, Callable[..., int]] | None = None,
    default: int | None = None,
) -> list[Term]:
    """Applications of functions on whose values the roots' values hang, enough of them: whatever all others answer, the
    roots come to the same.

    Args, raises: as of :func:`.walk.evaluate`.
    """
    roots = list(roots)
    nodes = postorder(roots)
    done = dict(zip(nodes, evaluate(nodes, values, functions, default), strict=True))
    seen: dict[Term, None] = {}
    todo = list(reversed(roots))
    while todo:
        term = todo.pop()
        if term not in seen:
            seen[term] = None
            todo += reversed(_deciding(term, done, seen))
    return [term for term in seen if term.op == "apply"]


def _deciding(term: Term, done: Mapping[Term, Value], seen: Mapping[Term, None]) -> Sequence[Term]:
    """Arguments whose values are enough for that of ``term``; such as are needed in any case rather than others."""
    if term.op == "ite":
        return (term.args[0], term.args[1] if done[term.args[0]] else term.args[2])
    if term.op in _DECIDED_BY:
        value = _DECIDED_BY[term.op](term)
        alone = [arg for arg in term.args if done[arg] == value]
        if alone:
            return (next((arg for arg in alone if arg in seen), alone[0]),)
    return term.args
