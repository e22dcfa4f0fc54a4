"""Summands of both sides shown to be the same, one by one, so that their sums need not be.

A checksum adds up all that it covers, and each word of it hangs on what tables said. Two sides that tell the same words
in other ways have sums that share no addition, and a solver that has to show a sum of ten words to be the same goes
through all carries. Each word alone is a small question. Where the answer is yes the second side's word becomes the
first side's; sums of the same words are one term.

A word is replaced by what it is wherever the obligation's context holds and what is compared counts, so the new
obligation holds if and only if the old one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, Part, unequal

CANDIDATES: Final = 3
"""Summands of the first side that one is compared with."""

MOST_VAIN: Final = 4
"""Summands that are none of the first side's, or of which it takes long to say, after which no more are asked about."""

Never = Callable[[Term], bool | None]
"""Whether a condition is false wherever the context holds; None if that takes long to say."""


def with_summands_met(obligation: Obligation, never: Never) -> Obligation:
    """An obligation that holds if and only if this one does, with summands of the second side made the first one's
    where they are the same, and without the parts that are then equal."""
    sides = [side for part in obligation.parts if part.pair is not None for side in part.pair[1:]]
    meeting = _Meeting(never, b.leading_to(sides, lambda term: term.op == "add"))
    parts = (meeting.part(part) for part in obligation.parts)
    return replace(obligation, parts=tuple(part for part in parts if part.differ is not b.FALSE))


class _Meeting:
    def __init__(self, never: Never, adding: set[Term]) -> None:
        """``adding``: the terms that have sums in them."""
        self._never = never
        self._adding = adding
        self._met: dict[tuple[Term, Term], Term | None] = {}
        """What counts and a summand of the second side → the first side's; None if it is none of these."""
        self._vain = 0

    def part(self, part: Part) -> Part:
        """A part with its second term as it has become."""
        if part.pair is None:
            return part
        when, x, y = part.pair
        if x not in self._adding or y not in self._adding:
            return part
        mine, theirs = set(b.postorder([x])), set(b.postorder([y]))
        ours = [t for t in _summands(mine) if t not in theirs]
        known = {
            t: met for t in _summands(theirs - mine) if t not in mine and (met := self._same(when, t, ours)) is not None
        }
        [new] = b.substitute([y], known)
        return unequal(part.name, x, new, when) if new is not y else part

    def _same(self, when: Term, theirs: Term, ours: list[Term]) -> Term | None:
        """The summand of the first side that one of the second side is."""
        if (when, theirs) not in self._met and self._vain < MOST_VAIN:
            alike = [t for t in ours if t.sort == theirs.sort][:CANDIDATES]
            found = next((t for t in alike if self._never(b.and_(when, b.ne(t, theirs)))), None)
            self._vain += bool(alike) and found is None
            self._met[when, theirs] = found
        return self._met.get((when, theirs))


def _summands(terms: set[Term]) -> Iterator[Term]:
    """What is added up in any of the terms, and is no number and no sum itself; of words that are made of several
    things, each of these."""
    found: dict[Term, None] = {}
    for node in sorted(terms, key=lambda t: t.serial):
        for arg in node.args if node.op == "add" else ():
            for word in arg.args if arg.op == "concat" else (arg,):
                if not word.is_const and word.op not in ("add", "var", "apply"):
                    found[word] = None
    return iter(found)
