"""Evaluating the same terms on many inputs: the order and the operations are found once.

Does what :func:`.walk.evaluate` does, which is the definition (a test compares them on random terms); a node costs one
call here, and no walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from .concrete import BINARY, COMPARE, compute
from .term import Term, postorder
from .walk import Value, value_of_node

Functions = Mapping[str, Callable[..., int]]
Step = Callable[[list[Any], Functions], Any]
"""The values of earlier nodes, and functions by name → the value of this node."""

_ARRAYS: Final = ("select", "store", "const_array")


class Plan:
    """How some terms are evaluated."""

    def __init__(self, roots: Iterable[Term]) -> None:
        roots = list(roots)
        places: dict[Term, int] = {}
        self._variables: list[tuple[int, Term]] = []
        self._steps: list[Step | None] = []
        for term in postorder(roots):
            places[term] = len(self._steps)
            if term.op == "var":
                self._variables.append((len(self._steps), term))
                self._steps.append(None)
            else:
                self._steps.append(_step(term, [places[a] for a in term.args]))
        self._roots = [places[root] for root in roots]

    def __call__(
        self, values: Mapping[str, Value], functions: Functions | None = None, default: int | None = None
    ) -> list[Value]:
        """As :func:`.walk.evaluate` of the terms. Raises KeyError."""
        out: list[Any] = [None] * len(self._steps)
        known = _Defaulting(functions or {}, default) if default is not None else functions or {}
        for place, term in self._variables:
            if term.name in values:
                out[place] = values[term.name]
            elif default is None:
                raise KeyError(term.name)
            else:
                out[place] = {-1: default} if term.sort.index else default
        for place, step in enumerate(self._steps):
            if step is not None:
                out[place] = step(out, known)
        return [out[place] for place in self._roots]


class _Defaulting(dict[str, Callable[..., int]]):
    """Functions by name; one that is not there answers a default."""

    def __init__(self, functions: Functions, default: int) -> None:
        super().__init__()
        self._functions, self._default = functions, default

    def __missing__(self, name: str) -> Callable[..., int]:
        if name in self._functions:
            return self._functions[name]
        return lambda *_: self._default


def _step(term: Term, at: list[int]) -> Step:
    op, width = term.op, term.sort.width
    if op == "const":
        number = term.value
        return lambda _v, _f: number
    if op == "apply":
        name = term.name
        return lambda v, f: f[name](*[v[i] for i in at])
    if op in _ARRAYS or term.sort.index or any(a.sort.index for a in term.args):
        return lambda v, f: value_of_node(term, dict(zip(term.args, [v[i] for i in at], strict=True)))
    if op in BINARY:
        (x, y), binary, mask = at, BINARY[op], (1 << width) - 1
        return lambda v, _f: binary(v[x], v[y], width) & mask
    if op in COMPARE:
        (x, y), compare, size = at, COMPARE[op], term.args[0].width
        return lambda v, _f: int(compare(v[x], v[y], size))
    return _simple(term, at)


def _simple(term: Term, at: list[int]) -> Step:
    match term.op:
        case "ite":
            condition, then, other = at
            return lambda v, _f: v[then] if v[condition] else v[other]
        case "not":
            (x,) = at
            return lambda v, _f: 1 - v[x]
        case "eq":
            x, y = at
            return lambda v, _f: int(v[x] == v[y])
        case "and":
            return lambda v, _f: int(all(v[i] for i in at))
        case "or":
            return lambda v, _f: int(any(v[i] for i in at))
        case "extract":
            (x,), (high, low) = at, term.bounds
            mask = (1 << (high - low + 1)) - 1
            return lambda v, _f: v[x] >> low & mask
        case "concat" if len(at) == 2:
            (x, y), shift = at, term.args[1].width
            return lambda v, _f: v[x] << shift | v[y]
        case _:
            return lambda v, _f: compute(term, [v[i] for i in at])
