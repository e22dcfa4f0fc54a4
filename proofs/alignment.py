"""What a choice of the specification stands beside on the other side: a guess at the value that makes both agree.

Two terms that should be equal are walked side by side. Where a choice of the one meets a term of the other, that term
is a candidate for it. Any term that does not mention another choice of the specification may be taken, right guess or
not: that the sides then agree is proven afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.bits.pieces import pieces

MAX_STEPS: Final = 20_000
"""Pairs of terms that are looked at."""

AT_ONCE: Final = 3
"""Instances that are tried together."""

Candidates = dict[Term, list[Term]]


def aligned(pairs: Iterable[tuple[Term, Term]], wanted: frozenset[Term]) -> Candidates:
    """Candidates for the choices in ``wanted``, first come first; ``pairs`` are of the specification and the other."""
    found: Candidates = {}
    seen: set[tuple[Term, Term]] = set()
    open_ = Mentions(wanted)
    for first in pairs:
        stack = [first]
        while stack:
            x, y = stack.pop()
            if x is y or (x, y) in seen or not open_(x) or len(seen) > MAX_STEPS:
                continue
            seen.add((x, y))
            if x in wanted:
                if decides_on_a_cell(y):
                    stack.extend((x, branch) for branch in reversed(y.args[1:]))
                elif x.sort == y.sort and not open_(y):
                    known = found.setdefault(x, [])
                    if y not in known:
                        known.append(y)
                continue
            stack.extend(reversed(list(below(x, y, open_))))
    return found


def decides_on_a_cell(term: Term) -> bool:
    """Whether a term is decided by which cell of a state is looked at: no choice may be, but it may be a branch."""
    return term.op == "ite" and any(v.name.startswith("at.") for v in b.variables(term.args[0]))


class Mentions:
    """Which of some variables a term mentions; every node is looked at once, however many terms it is in."""

    def __init__(self, wanted: Iterable[Term]) -> None:
        self._wanted = list(wanted)
        self._known: dict[Term, int] = {}
        """By node, a bit for each of the variables."""
        self._own = {variable: 1 << k for k, variable in enumerate(self._wanted)}

    def __call__(self, term: Term) -> bool:
        return bool(self._bits(term))

    def of(self, term: Term) -> list[Term]:
        """The variables that a term mentions, in a fixed order."""
        bits = self._bits(term)
        return [variable for k, variable in enumerate(self._wanted) if bits >> k & 1]

    def _bits(self, term: Term) -> int:
        known = self._known
        if term not in known:
            for node in b.postorder([term], known):
                if node not in known:
                    bits = self._own.get(node, 0)
                    for arg in node.args:
                        bits |= known[arg]
                    known[node] = bits
        return known[term]


def below(x: Term, y: Term, open_: Mentions) -> Iterable[tuple[Term, Term]]:
    """Pairs that should be equal if ``x`` and ``y`` should."""
    if x.op == "not" and y.op != "not" and x.sort is b.BOOL:
        yield x.args[0], b.not_(y)
    elif x.op == "eq" and y.op != "eq":
        yield from _to_hold_or_not(x, open_)
    elif x.op in ("and", "or", "eq", "add", "band", "bor", "bxor", "mul") and x.op == y.op:
        shared = set(x.args) & set(y.args)
        mine = [arg for arg in x.args if arg not in shared]
        theirs = [arg for arg in y.args if arg not in shared]
        if len(mine) == 1 or len(mine) == len(theirs):
            yield from _sorted_pairs(mine, theirs, open_)
    elif x.op == y.op and x.payload == y.payload and [p.sort for p in x.args] == [q.sort for q in y.args]:
        yield from zip(x.args, y.args, strict=True)
    elif x.op == y.op == "concat":
        yield from _parts(x, y)
    if x.op == "ite":
        for branch in x.args[1:]:
            yield branch, y
    elif y.op == "ite":
        for branch in y.args[1:]:
            yield x, branch
    elif "concat" in (x.op, y.op) and x.op != y.op:
        yield from pieces(x, y)


def _parts(x: Term, y: Term) -> Iterable[tuple[Term, Term]]:
    """The parts of a concatenation, each with the bits of ``y`` that stand beside it, wherever that one is cut."""
    low = x.width
    for part in x.args:
        low -= part.width
        yield part, b.extract(y, low + part.width - 1, low)


def questions(term: Term, wanted: frozenset[Term]) -> list[tuple[Term, Term]]:
    """Pairs of what every comparison in ``term`` compares a choice with, and its complement."""
    open_ = Mentions(wanted)
    comparisons = [node for node in b.postorder([term]) if node.op in ("eq", "ult", "slt") and open_(node)]
    return [pair for node in comparisons for pair in _to_hold_or_not(node, open_)]


def _to_hold_or_not(equality: Term, open_: Mentions) -> Iterable[tuple[Term, Term]]:
    """What would make an equality hold, and what would not."""
    for mine, theirs in (equality.args, equality.args[::-1]):
        if open_(mine) and not open_(theirs):
            yield mine, theirs
            yield mine, b.not_(theirs) if theirs.sort is b.BOOL else b.bnot(theirs)


def _sorted_pairs(mine: list[Term], theirs: list[Term], open_: Mentions) -> Iterable[tuple[Term, Term]]:
    """Arguments of an operator that does not mind their order: those of one sort, in their order."""
    for arg in mine:
        if open_(arg):
            for other in theirs:
                if other.sort == arg.sort and (other.op == arg.op or arg.op == "var"):
                    yield arg, other


def instances(options: Candidates, picks: tuple[Term, ...]) -> list[dict[Term, Term]]:
    """Values for all choices at once, at most :data:`AT_ONCE` and one: first options of which no variable stands for
    two choices, then the first options of each, the second ones, ..."""
    longest = max((len(terms) for terms in options.values()), default=1)
    rows = [_apart(options, picks)]
    for k in range(min(longest, AT_ONCE)):
        row = {v: options[v][min(k, len(options[v]) - 1)] for v in picks}
        if row not in rows:
            rows.append(row)
    return rows


def _apart(options: Candidates, picks: tuple[Term, ...]) -> dict[Term, Term]:
    used: set[Term] = set()
    row = {}
    for v in picks:
        row[v] = next((t for t in options[v] if t.op != "var" or t not in used), options[v][0])
        used.add(row[v])
    return row
