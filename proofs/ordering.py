"""Choices made as the other side makes those that it reads in the same order, or for the same outputs.

A lowering mostly reads what its source reads, in the order of the source. Where programs are large, terms that are
walked side by side (:mod:`.witnesses`) weave witnesses that are larger than both sides; the order of reads costs
nothing, and neither does it to look which outputs hang on a choice. A wrong pair is no harm: that the sides then agree
is proven afterwards, and that they do not says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import CHOICE_OF_A_COPY
from .choices import IMPL
from .compare import Obligation, Part

Kind = tuple[b.Sort, bool]


def in_order(choices: Iterable[Term], others: Iterable[Term]) -> dict[Term, Term]:
    """For each choice the one of the other side that it is aligned with, in order: one of its sort, and made for a copy
    only if it is itself. Zeros for a choice without any."""
    mine, theirs = sorted(choices, key=_place), sorted(others, key=_place)
    made = {v: b.literal(0, v) for v in mine}
    matcher = SequenceMatcher(None, [_kind(v) for v in mine], [_kind(v) for v in theirs], autojunk=False)
    for i, j, length in matcher.get_matching_blocks():
        made |= zip(mine[i : i + length], theirs[j : j + length], strict=True)
    return made


def by_parts(parts: Sequence[Part], choices: Iterable[Term], others: Iterable[Term]) -> dict[Term, Term]:
    """For each choice one of the other side that just the same parts hang on; what is left on both sides in order.

    A midend that puts one control into another reads what is undefined at other places than its source, which copies
    it: then the order differs, but not the outputs that it leads to.
    """
    pairs = [part.pair[1:] if part.pair is not None else (part.differ, part.differ) for part in parts]
    mine, theirs = (_parts_with([pair[side] for pair in pairs]) for side in (0, 1))
    alike: dict[tuple[Kind, int], tuple[list[Term], list[Term]]] = defaultdict(lambda: ([], []))
    for side, found, where in ((0, choices, mine), (1, others, theirs)):
        for choice in sorted(found, key=_place):
            alike[_kind(choice), where.get(choice, 0)][side].append(choice)
    made: dict[Term, Term] = {}
    left: tuple[list[Term], list[Term]] = [], []
    for group in alike.values():
        made |= zip(*group, strict=False)
        both = min(map(len, group))
        for side in (0, 1):
            left[side].extend(group[side][both:])
    return made | in_order(*left)


def _parts_with(roots: Sequence[Term]) -> Mapping[Term, int]:
    """Term → the roots that it occurs in, as bits."""
    found: dict[Term, int] = defaultdict(int)
    for i, root in enumerate(roots):
        found[root] |= 1 << i
    for term in reversed(b.postorder(roots)):
        for arg in term.args:
            found[arg] |= found[term]
    return found


def _place(choice: Term) -> tuple[int, str]:
    """Where a choice stands among its side's: they are numbered as they are read."""
    number = next((part for part in choice.name.split(".") if part.isdigit()), "0")
    return int(number), choice.name


def _kind(choice: Term) -> Kind:
    return choice.sort, choice.name.removeprefix(IMPL).startswith(CHOICE_OF_A_COPY)


def only_in(failing: Iterable[Term], elsewhere: Iterable[Term], choices: frozenset[Term]) -> frozenset[Term]:
    """The choices that occur in terms that do not hold yet, and nowhere else: they may still be made in another way."""
    return choices.intersection(b.variables(*failing)) - choices.intersection(b.variables(*elsewhere))


def numbered(obligation: Obligation) -> tuple[Obligation, dict[str, int]]:
    """The obligation with names for its parts that no two share, and the place of each."""
    parts = tuple(replace(part, name=f"{part.name} ({i})") for i, part in enumerate(obligation.parts))
    return replace(obligation, parts=parts), {part.name: i for i, part in enumerate(parts)}
