"""What a choice of the specification may be: terms that the other side suggests, by alignment, witnesses and bindings.

Any term is sound that does not depend on what the choice must not depend on: which cell of a state is looked at, and,
unless the choice was made for a copy, which copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.bits.pieces import pieces
from ..semantics.meaning.behaviour import CHOICE_OF_A_COPY, is_choice_of_a_copy
from .alignment import Candidates, Mentions, aligned, questions
from .choices import IMPL, partner
from .compare import Obligation, under
from .witnesses import witnesses

Instance = dict[Term, Term]
"""A value for each choice of the specification."""

MAX_SUGGESTED = 8
"""Terms on the other side that one choice may be, of those that alignment finds."""

MOST_VALUES = 4
"""Values that all choices of an obligation together may have to be tried one by one."""


def every_instance(picks: Sequence[Term]) -> list[Instance] | None:
    """All values that the choices can have, if they are few."""
    widths = [max(1, pick.width) for pick in picks]
    if any(pick.sort.index for pick in picks) or 1 << sum(widths) > MOST_VALUES:
        return None
    ranges = [range(1 << width) for width in widths]
    return [{v: b.literal(n, v) for v, n in zip(picks, numbers, strict=True)} for numbers in product(*ranges)]


def telling_instances(violation: Term, picks: Sequence[Term]) -> list[Instance] | None:
    """Values of the choices that stand for all others, if they are few: where all that is asked of a choice is whether
    it is below a small number, and what it is then (a meter's colour). None if something else is asked of one."""
    values: dict[Term, range] = {}
    asking: dict[Term, list[Term]] = {pick: [] for pick in picks}
    for node in b.postorder([violation]):
        for pick in {arg for arg in node.args if arg in asking}:
            asking[pick].append(node)
    for pick, nodes in asking.items():
        if pick.sort.index:
            return None
        below = next((n for n in nodes if n.op == "ult" and n.args[0] is pick and n.args[1].is_const), None)
        if below is None or below.args[1].value >= MOST_VALUES:
            return None
        if any(n is not below and not _takes_if(n, below, pick) for n in nodes):
            return None
        values[pick] = range(below.args[1].value + 1)
    if prod(map(len, values.values())) > MOST_VALUES:
        return None
    return [{v: b.literal(n, v) for v, n in zip(values, numbers, strict=True)} for numbers in product(*values.values())]


def _takes_if(term: Term, condition: Term, pick: Term) -> bool:
    """Whether a term is a choice under a condition and something else otherwise."""
    return term.op == "ite" and term.args[:2] == (condition, pick) and term.args[2] is not pick


MOST_TOGETHER = 3
"""Terms that a choice may be that are put together of pieces."""

MOST_HELD = 2
"""Terms that a choice may be since cells held them before."""


def cells_in(violation: Term) -> list[Term]:
    """The variables that say which cells of states are looked at."""
    return [v for v in b.variables(violation) if v.name.startswith("at.")]


def options_of(
    obligation: Obligation, violation: Term, picks: tuple[Term, ...], late: Callable[[], bool] = lambda: False
) -> tuple[Instance, Candidates]:
    """Witnesses for the choices that have one, and terms that each choice may be: those first that the terms themselves
    suggest; zeros and ones last. ``late``: whether there is no time left to look for witnesses."""
    wanted = frozenset(picks)
    pairs = [(part.pair[1], part.pair[2]) for part in obligation.parts if part.pair is not None]
    indices = _indices(violation)
    asked = [*_arguments([violation], wanted), *questions(violation, wanted), *_cells_of_both(indices, wanted)]
    woven = {v: t for v, t in witnesses([*pairs, *asked], wanted, late).items() if not is_one_of_many(t, v)}
    found = aligned([*pairs, *asked], wanted)
    bound = bindings([p.differ for p in obligation.parts], violation, picks)
    there = set(b.variables(violation))
    options: Candidates = {}
    for v in picks:
        suggested = [t for t in found.get(v, []) if not is_one_of_many(t, v)]
        known = [*bound.get(v, []), *([woven[v]] if v in woven else [])]
        ends = [b.literal(0, v), b.literal((1 << max(1, v.width)) - 1, v)]
        alike = [partner(v)] if partner(v) in there else []
        options[v] = list(dict.fromkeys([*suggested[:MAX_SUGGESTED], *alike, *known, *ends]))
    held = _held_before(found, indices, {v: terms[0] for v, terms in options.items()})
    return woven, {v: list(dict.fromkeys([*held.get(v, []), *terms])) for v, terms in options.items()}


def _held_before(found: Candidates, indices: Indices, made: Instance) -> Candidates:
    """What the cells that are written held before, for choices to be that: the other side may write nothing. Which
    cells these are may hang on other choices, which are ``made``."""
    written = {cell: b.substitute(places, made) for cell, places in indices.items()}
    open_ = Mentions(frozenset(made))
    return {
        v: [t for term in terms for t in _where_written(term, written) if not (is_one_of_many(t, v) or open_(t))][
            :MOST_HELD
        ]
        for v, terms in found.items()
    }


def _arguments(terms: list[Term], wanted: frozenset[Term]) -> list[tuple[Term, Term]]:
    """Arguments of one function that both sides ask, one of them with a choice in the argument."""
    return [
        (x, y) for mine, theirs in _asked_by_both(terms, wanted) for x, y in zip(mine.args, theirs.args, strict=True)
    ]


def _asked_by_both(terms: list[Term], wanted: frozenset[Term]) -> list[tuple[Term, Term]]:
    asked: dict[str, list[Term]] = {}
    for call in b.applications(*terms):
        asked.setdefault(call.name, []).append(call)
    open_ = Mentions(wanted)
    found = []
    for calls in asked.values():
        fixed = [c for c in calls if not any(map(open_, c.args))]
        found += [(mine, theirs) for mine in calls if any(map(open_, mine.args)) for theirs in fixed]
    return found


Indices = dict[Term, list[Term]]
"""Cell of a state that is looked at → the indices that it is compared with, which are those of cells written."""


def _indices(violation: Term) -> Indices:
    compared: Indices = {}
    for node in b.postorder([violation]):
        if node.op == "eq":
            for cell, index in (node.args, node.args[::-1]):
                if cell.op == "var" and cell.name.startswith("at."):
                    compared.setdefault(cell, []).append(index)
    return compared


def _cells_of_both(indices: Indices, wanted: frozenset[Term]) -> list[tuple[Term, Term]]:
    """Indices of cells that both sides write, one of them a choice."""
    open_ = Mentions(wanted)
    return [(x, y) for found in indices.values() for x in found if open_(x) for y in found if not open_(y)]


def _where_written(term: Term, indices: Indices) -> Iterator[Term]:
    """What a term that speaks of one cell says of those that are written: what is left in a cell need not depend on
    which cell is looked at, but may be what it held before."""
    for cell in cells_in(term):
        for index in indices.get(cell, ()):
            yield b.substitute([term], {cell: index})[0]


def bindings(differs: list[Term], violation: Term, picks: tuple[Term, ...]) -> Candidates:
    """What the other side shows where a choice is compared with it, whole or in pieces, or asks where the choice is
    part of a question to the same table. Several things may stand beside one piece: those that come first are put
    together, those that come second, ...; what is the same on every input comes last.

    Whatever is bound is sound: a choice may depend on the input and on the other side's choices. It may not depend on
    which cell of state is looked at (``at.*``), nor on another choice of its own side, nor, unless it was made for a
    copy (``any.each.*``), on which member the copy goes to (``each.*``) or what that copy asked and chose.
    """
    bound: Candidates = {}
    pieces: dict[Term, dict[tuple[int, int], dict[Term, None]]] = {}
    wanted = frozenset(picks)
    both = [*_disagreements(differs), *_questions([violation], wanted)]
    for x, y in [*both, *(pair for beside in both for pair in _below_decisions(*beside))]:
        for mine, theirs in ((x, y), (y, x)):
            choice = mine.args[0] if mine.op == "extract" else mine
            if choice not in wanted or wanted.intersection(b.variables(theirs)) or is_one_of_many(theirs, choice):
                continue
            if mine is choice:
                bound.setdefault(choice, [theirs])
            else:
                pieces.setdefault(choice, {}).setdefault(mine.bounds, {})[theirs] = None
    return {choice: _put_together(choice.width, parts) for choice, parts in pieces.items()} | bound


def _below_decisions(x: Term, y: Term) -> Iterator[tuple[Term, Term]]:
    """What a decision may come to, on one side, beside all of the other side: a choice within bounds is told as itself
    or, where it is beyond them, as another number."""
    for mine, theirs in ((x, y), (y, x)):
        if mine.op == "ite" and theirs.op != "ite":
            yield from ((branch, theirs) for branch in mine.args[1:])


def _put_together(width: int, pieces: Mapping[tuple[int, int], Iterable[Term]]) -> list[Term]:
    """What the pieces make: the first one of each, the second one, ..."""
    known = {bounds: list(terms) for bounds, terms in pieces.items()}
    most = min(MOST_TOGETHER, max(map(len, known.values())))
    made = [
        _side_by_side(width, {at: terms[min(k, len(terms) - 1)] for at, terms in known.items()}) for k in range(most)
    ]
    return sorted(made, key=lambda term: term.is_const)


def is_one_of_many(term: Term, choice: Term) -> bool:
    """Whether a term speaks of one cell or one copy among many, which this choice must not depend on."""
    return bool(cells_in(term)) or (names_a_copy(term) and not is_choice_of_a_copy(choice))


def names_a_copy(term: Term) -> bool:
    """Whether a term speaks of one copy among many, which no choice may depend on that was not made for it."""
    names = (t.name for t in (*b.variables(term), *b.applications(term)))
    return any(name.startswith(("each.", "in.each.", CHOICE_OF_A_COPY, IMPL + CHOICE_OF_A_COPY)) for name in names)


def _questions(terms: list[Term], wanted: frozenset[Term]) -> list[tuple[Term, Term]]:
    """Where both sides ask one function, and one of them with a choice in the argument: the arguments, in pieces."""
    found = []
    for mine, theirs in _asked_by_both(terms, wanted):
        for x, y in zip(mine.args, theirs.args, strict=True):
            found += pieces(x, y) if x.sort is not b.BOOL and not x.sort.index else [(x, y)]
    return found


def _side_by_side(width: int, slices: Mapping[tuple[int, int], Term]) -> Term:
    """The pieces put together, gaps filled with zeros; of two that overlap, the first from above."""
    parts, top = [], width - 1
    for (high, low), piece in sorted(slices.items(), reverse=True):
        if high > top:
            continue
        if high < top:
            parts.append(b.bv(0, top - high))
        parts.append(piece)
        top = low - 1
    if top >= 0:
        parts.append(b.bv(0, top + 1))
    return b.concat(*parts)


def _disagreements(differs: list[Term]) -> list[tuple[Term, Term]]:
    """The pairs whose inequality makes one of ``differs`` true, looked for below ``or``, ``and`` and ``not``."""
    found, stack, seen = [], list(reversed(differs)), set()
    while stack:
        term = stack.pop()
        if term in seen:
            continue
        seen.add(term)
        if term.op in ("and", "or", "not"):
            stack.extend(term.args)
        elif term.op == "eq":
            found.append((term.args[0], term.args[1]))
    return found


def instantiated(obligation: Obligation, instance: Instance, legal: Term) -> Obligation:
    """The obligation with values for the choices, for inputs that are legal with them."""
    context, *_ = b.substitute([b.and_(legal, obligation.context)], instance)
    return Obligation(obligation.name, context, tuple(under(obligation.parts, instance)), obligation.compared)
