"""What each side of a comparison may choose, and a behaviour with other terms in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import CHOICE, Behaviour, all_terms, changed, is_choice

Changes = Callable[[list[Term]], list[Term]]

IMPL = "impl."
"""In front of the names of the other side's choices, so that none is shared."""

SOME = "some."
"""In front of the names of choices with which an input is as it is assumed to be."""


def partner(choice: Term) -> Term:
    """The other side's choice of this name."""
    return b.var(IMPL + choice.name, choice.sort)


def apart(side: Behaviour, prefix: str) -> Behaviour:
    """``side`` with its choices renamed, so that no choice is shared with another side."""
    renamed: dict[Term, Term] = {v: b.var(prefix + v.name, v.sort) for v in choices_of(side)}
    if not renamed:
        return side
    return map_terms(side, lambda terms: b.substitute(terms, renamed), renamed)


def choices_of(side: Behaviour) -> list[Term]:
    """Every choice that occurs: by name, so that one that a meaning forgot to list is still never shared."""
    return [v for v in b.variables(*all_terms(side)) if v.name.startswith((CHOICE, IMPL + CHOICE))]


def choices_beside(*terms: Term) -> list[Term]:
    """The other side's choices in terms, as :func:`apart` names them."""
    return [v for v in b.variables(*terms) if v.name.startswith(IMPL + CHOICE)]


def likely(side: Behaviour) -> dict[Term, Term]:
    """What is tried first for some of a side's choices, over the choices of the other side as :func:`apart` names
    them."""
    told = {c.variable: c.likely for c in side.choices if c.likely is not None}
    theirs = {v: partner(v) for v in b.variables(*told.values()) if is_choice(v)}
    return dict(zip(told, b.substitute(list(told.values()), theirs), strict=True))


def left_open(*sides: Behaviour) -> tuple[str, ...]:
    """Why there are the choices that occur in some sides; () if there are none."""
    chosen = {v: v.name for side in sides for v in choices_of(side)}
    listed = {c.variable: c.reason for side in sides for c in side.choices}
    return tuple(dict.fromkeys(listed.get(v, name) for v, name in chosen.items()))


def map_terms(side: Behaviour, change: Changes, renamed: Mapping[Term, Term]) -> Behaviour:
    """``side`` with ``change`` applied to every term in it (all at once, so that shared terms are met once)."""
    choices = tuple(replace(c, variable=renamed.get(c.variable, c.variable)) for c in side.choices)
    return replace(changed(side, change), choices=choices)
