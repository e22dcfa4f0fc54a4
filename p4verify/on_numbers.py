"""A relation's functions, which take terms to terms, as functions on numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

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
    return _on_those_asked(relation.functions, all_terms(side), values or {}, others or {})


def tables_of(
    relation: Relation, terms: Iterable[Term], values: Mapping[str, int], others: Mapping[str, Function]
) -> dict[str, Function]:
    """The tables' functions in ``terms`` that the relation gives by what the machine holds (:func:`functions_of`)."""
    return _on_those_asked(relation.tables, terms, values, others)


def _on_those_asked(
    made: Mapping[str, Callable[..., Term]],
    terms: Iterable[Term],
    values: Mapping[str, int],
    others: Mapping[str, Function],
) -> dict[str, Function]:
    asked = _asked(tuple(terms))
    return {name: _on_numbers(made[name], widths, values, others) for name, widths in asked.items() if name in made}


@lru_cache(maxsize=4)  # a behaviour is run under many rule sets one after the other
def _asked(terms: tuple[Term, ...]) -> dict[str, list[int]]:
    """Functions in terms → the widths of their arguments."""
    return {call.name: [a.width for a in call.args] for call in b.applications(*terms)}


def _on_numbers(
    build: Callable[..., Term], widths: list[int], values: Mapping[str, int], others: Mapping[str, Function]
) -> Function:
    def function(*args: int) -> int:
        term = build(*(b.bv(a, w) for a, w in zip(args, widths, strict=True)))
        if term.is_const:
            return int(term.value)
        value = b.evaluate([term], values, others, default=0)[0]
        assert isinstance(value, int)
        return value

    return function
