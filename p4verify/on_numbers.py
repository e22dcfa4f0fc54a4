"""A relation's functions, which take terms to terms, as functions on numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour
from .targets.base import Relation

Function = Callable[..., int]


def all_terms(side: Behaviour) -> list[Term]:
    """Every term of a behaviour's cases and faults."""
    return [t for c in side.cases for t in c.terms()] + [f.guard for f in side.faults]


def functions_of(
    relation: Relation,
    side: Behaviour,
    values: Mapping[str, int] | None = None,
    others: Mapping[str, Function] | None = None,
) -> dict[str, Function]:
    """The functions of ``side`` that the relation gives, by name.

    Args:
        relation: the fill-up.
        side: the machine, whose calls tell the arguments' widths.
        values: what free variables in the relation's terms are (others: 0).
        others: what functions in them are (others: 0).
    """
    found = {}
    for call in b.applications(*all_terms(side)):
        build = relation.functions.get(call.name)
        if build is not None:
            found[call.name] = _on_numbers(build, [a.width for a in call.args], values or {}, others or {})
    return found


def tables_of(
    relation: Relation, terms: Iterable[Term], values: Mapping[str, int], others: Mapping[str, Function]
) -> dict[str, Function]:
    """The tables' functions in ``terms`` that the relation gives by what the machine holds (:func:`functions_of`)."""
    found = {}
    for call in b.applications(*terms):
        build = relation.tables.get(call.name)
        if build is not None:
            found[call.name] = _on_numbers(build, [a.width for a in call.args], values, others)
    return found


def _on_numbers(
    build: Callable[..., Term], widths: list[int], values: Mapping[str, int], others: Mapping[str, Function]
) -> Function:
    def function(*args: int) -> int:
        term = build(*(b.bv(a, w) for a, w in zip(args, widths, strict=True)))
        value = b.evaluate([term], values, others, default=0)[0]
        assert isinstance(value, int)
        return value

    return function
