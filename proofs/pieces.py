"""Parts of the input space on which the keys of lookups are plain: bits of the input side by side, and constants.

A key is a term with conditions in it (a field is 0 where its header is not valid). The input space is split by these
conditions, each as a whole however much it is made of, and by those of the lookups' guards, until none is left; on each
part rows of the one key and of the other can be compared bit by bit (:mod:`p4verify.semantics.classifier`).

A part is described by its condition alone. It may be taken for larger than it is (a condition that is not understood,
or bits of two leaves that hang together), which never hides a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..semantics import bits as b
from ..semantics.bits import FALSE, TRUE, Term
from ..semantics.meaning.opened import NotSuitable
from .engine import Engine, Model

MAX_PIECES = 512


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the input space: its condition, and the terms as they are there."""

    condition: Term
    terms: tuple[Term, ...]


def pieces(
    terms: Sequence[Term], known: Sequence[Term], engine: Engine, needed: int | None = None, limit: int = MAX_PIECES
) -> Iterator[Piece]:
    """The parts on which no condition is left in ``terms``, but for what functions answer.

    Args:
        terms: keys and guards.
        known: what holds of every input that counts; it is part of every piece's condition.
        engine: asked whether a part has an input; what it does not know is taken for one.
        needed: the number of a guard among ``terms``; parts where it is false are left out.
        limit: of parts.

    Raises:
        NotSuitable: there are more parts.
    """
    start = _Open(tuple(terms), (), None)
    for condition in known:
        start = start.assuming(condition)
    stack = [start]
    made = 0
    while stack:
        here = stack.pop()
        if FALSE in here.literals or (needed is not None and here.terms[needed] is FALSE):
            continue
        atom = _atom(here.terms)
        if atom is None:
            made += 1
            if made > limit:
                raise NotSuitable(f"the lookups' keys have more than {limit} forms")
            yield Piece(b.and_(*here.literals), here.terms)
            continue
        for literal in (b.not_(atom), atom):
            following = here.possible(literal, engine)
            if following is not None:
                stack.append(following)


def narrowed(piece: Piece, literals: Sequence[Term], replaced: Mapping[Term, Term], engine: Engine) -> Piece | None:
    """The part of a piece where ``literals`` hold as well; None if it has no input.

    Args:
        piece: the piece.
        literals: conditions, over terms as they are in the piece.
        replaced: terms, and what they are equal to where the literals hold.
        engine: asked whether there is an input; what it does not know is taken for one.
    """
    here = _Open(piece.terms, (piece.condition,), None)
    for literal in literals:
        here = here.assuming(literal)
    terms = tuple(b.substitute(here.terms, replaced))
    condition = b.and_(*here.literals)
    if condition is FALSE or engine.satisfiable(condition, "forms of keys by answers", plain=False).status == "unsat":
        return None
    return Piece(condition, terms)


@dataclass(frozen=True, slots=True)
class _Open:
    """A part that may still be split; ``model``: an input in it, if one is known."""

    terms: tuple[Term, ...]
    literals: tuple[Term, ...]
    model: Model | None

    def assuming(self, condition: Term) -> _Open:
        terms = self.terms
        for part in _conjuncts(condition):
            terms = tuple(b.substitute(terms, consequences(part)))
        return _Open(terms, (*self.literals, condition), self.model)

    def possible(self, literal: Term, engine: Engine) -> _Open | None:
        """The part where ``literal`` holds too; None if there is no such input."""
        following = self.assuming(literal)
        if self.model is not None and self.model.holds(literal):
            return following
        answer = engine.satisfiable(b.and_(*following.literals), "forms of keys", plain=False)
        if answer.status == "unsat":
            return None
        return _Open(following.terms, following.literals, answer.model if answer.status == "sat" else None)


def _conjuncts(condition: Term) -> Iterator[Term]:
    if condition.op == "and":
        for arg in condition.args:
            yield from _conjuncts(arg)
    else:
        yield condition


def consequences(literal: Term) -> dict[Term, Term]:
    """What terms are where ``literal`` holds."""
    if literal.op == "not":
        return {literal.args[0]: FALSE}
    if literal.is_const:
        return {}
    found = {literal: TRUE}
    if literal.op == "eq":
        left, right = literal.args
        if left.is_const:
            left, right = right, left
        if right.is_const and right.width:
            found |= _fixed(left, right.value)
    if literal.op == "ult" and literal.args[0].op == "var" and literal.args[1].is_const:
        found |= _bounded(*literal.args)
    return found


def _bounded(variable: Term, bound: Term) -> dict[Term, Term]:
    """A variable that is below a bound: its high bits are 0."""
    width = (bound.value - 1).bit_length()
    if not 0 < width < variable.width:
        return {}
    return {variable: b.zext(b.extract(variable, width - 1, 0), variable.width)}


def _fixed(term: Term, value: int) -> dict[Term, Term]:
    """What the variables and answers are that stand side by side in a term of this value."""
    if term.op in ("var", "apply"):
        return {term: b.bv(value, term.width)}
    found: dict[Term, Term] = {}
    if term.op == "concat":
        left = term.width
        for arg in term.args:
            left -= arg.width
            found |= _fixed(arg, value >> left & ((1 << arg.width) - 1))
    return found


def _atom(terms: Sequence[Term]) -> Term | None:
    """A condition in the terms that is in no other one, of those that do not hang on what a function answers."""
    hanging = b.leading_to(terms, lambda t: t.op in ("apply", "select"))
    seen: set[Term] = set()
    stack = list(reversed(terms))
    while stack:
        term = stack.pop()
        if term in seen:
            continue
        seen.add(term)
        if term.sort is b.BOOL and not term.is_const and term not in hanging:
            return term
        stack += reversed(term.args)
    return None
