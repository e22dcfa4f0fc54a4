"""The largest set of numbers that keeps to conditions: Z3's optimiser (MaxSMT with pseudo-Boolean bounds)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import z3

Clause = tuple[frozenset[int], frozenset[int]]
"""Numbers and numbers: one of the first is in the set, or one of the second is not."""
LONGEST_MS: Final = 0xFFFFFFFE


@dataclass(frozen=True)
class Optimum:
    """``chosen``: number → the place that it has. ``largest``: whether no larger set keeps to the conditions."""

    chosen: Mapping[int, int]
    largest: bool


def largest(
    places: Mapping[int, Sequence[int]], room: Mapping[int, int | None], clauses: Iterable[Clause], timeout_s: float
) -> Optimum | None:
    """A largest set of numbers that satisfies all clauses, each number in one of its places.

    Args:
        places: for each number that may be in the set, where it could be; others are not in it.
        room: how many numbers each place holds; None: any.
        clauses: what must hold.
        timeout_s: limit in seconds.

    Returns:
        None if no set was found in time; the empty set need not satisfy the clauses.
    """
    context = z3.Context()
    there = {(n, p): z3.Bool(f"x{n}_{p}", context) for n, options in places.items() for p in options}
    chosen = {n: z3.Bool(f"s{n}", context) for n in places}
    optimizer = z3.Optimize(ctx=context)
    optimizer.set("timeout", max(1, min(LONGEST_MS, int(timeout_s * 1000))))
    for n, options in places.items():
        optimizer.add(chosen[n] == z3.Or(*(there[n, p] for p in options), context))
        if len(options) > 1:
            optimizer.add(z3.AtMost(*(there[n, p] for p in options), 1))
        optimizer.add_soft(chosen[n], 1)
    for p, count in room.items():
        inside = [term for (_, place), term in there.items() if place == p]
        if count is not None and len(inside) > count:
            optimizer.add(z3.AtMost(*inside, count))
    for some, others in clauses:
        optimizer.add(_clause(some, others, chosen, context))
    answer = optimizer.check()
    if answer == z3.unsat:
        return None
    return _chosen(optimizer, there, proven=answer == z3.sat)


def _clause(some: Iterable[int], others: Iterable[int], chosen: Mapping[int, Any], context: Any) -> Any:
    if any(n not in chosen for n in others):
        return z3.BoolVal(True, context)  # it is not in the set
    return z3.Or(*(chosen[n] for n in some if n in chosen), *(z3.Not(chosen[n]) for n in others), context)


def _chosen(optimizer: Any, there: Mapping[tuple[int, int], Any], *, proven: bool) -> Optimum | None:
    try:
        model = optimizer.model()
    except z3.Z3Exception:
        return None
    found: dict[int, int] = {}
    for (n, p), term in there.items():
        if z3.is_true(model.eval(term, model_completion=True)):
            found.setdefault(n, p)
    return Optimum(found, proven)
