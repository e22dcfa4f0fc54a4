"""What is undefined in the keys of large tables, but is not read where the tables are asked, left out.

A program sets a next hop's number on every way that leads to the table, and elsewhere the number is undefined: the key
is a choice there. What is known of the table's answers is said of its keys, and would so be said of a choice, of which
nothing can be known.

Whether it is read may hang on the rules: where none has an action that leaves the number undefined, the table that is
asked before does not answer so (:func:`.known_answers.said_of_numbers`). What is proven with that is true of these
rules, and of others while no row answers what none did (:meth:`.OpenTable.unheard`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Final

from ..proofs.choices import map_terms
from ..proofs.engine import Engine
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import all_terms, is_choice
from ..semantics.meaning.opened import Lookup, Opened
from .known_answers import said_of_numbers

SECONDS: Final = 10.0
"""For each key; one that takes longer stays."""


def without_the_unread(side: Opened, engine: Engine) -> Opened:
    """``side`` with keys without those undefined values that are proven never to be read when the table is asked, under
    the rules that its tables have.

    What a table answers while it is not asked counts for nothing, so that a table is asked for another key there
    changes nothing.
    """
    for number in range(len(side.lookups)):  # a key may hang on what those before answer, which are changed as well
        one = side.lookups[number]
        defined = b.substitute([one.key], {v: b.literal(0, v) for v in _chosen([one.key])})[0]
        asked = [other.guard for other in side.lookups if (other.table, other.key) == (one.table, one.key)]
        if defined is not one.key and _are_equal(one.key, defined, asked, side, engine):
            side = _asked_for(side, one, defined)
    return side


def _chosen(terms: Iterable[Term]) -> list[Term]:
    return [v for v in b.variables(*terms) if is_choice(v)]


def _are_equal(key: Term, defined: Term, asked: Iterable[Term], side: Opened, engine: Engine) -> bool:
    """Whether two keys are the same when a table is asked, whatever is chosen."""
    inputs = (a.condition for a in (*side.behaviour.domain, *side.behaviour.reaching))
    axioms = (axiom for axiom in (*side.behaviour.axioms, *said_of_numbers(side)) if not _chosen([axiom]))
    query = b.and_(*inputs, *axioms, b.or_(*asked), b.ne(key, defined))
    return engine.refuted(query, "what is undefined in a key is read", SECONDS)


def _asked_for(side: Opened, one: Lookup, key: Term) -> Opened:
    """``side`` with a lookup asked for another key."""
    functions = side.tables[one.table].functions
    every = (t for t in b.applications(*_terms(side)) if t.name in functions and t.args[0] is one.key)
    change = partial(b.substitute, mapping={t: b.apply(t.name, t.sort, key) for t in every})
    behaviour = map_terms(side.behaviour, change, {})
    parts = iter(change([term for other in side.lookups for term in (other.key, other.guard)]))
    lookups = [replace(other, key=next(parts), guard=next(parts)) for other in side.lookups]
    here = (one.table, one.key)
    return replace(side, behaviour=behaviour, lookups=[
        replace(now, key=key) if (was.table, was.key) == here else now
        for was, now in zip(side.lookups, lookups, strict=True)
    ])  # fmt: skip


def _terms(side: Opened) -> list[Term]:
    return [*all_terms(side.behaviour), *(term for one in side.lookups for term in (one.key, one.guard))]
