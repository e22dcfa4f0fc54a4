"""What a conjunction says outright, and the rest of it with that put in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term

ROUNDS: Final = 4
"""How often what a conjunction says outright is put into the rest of it."""

Comparison = tuple[Term, Term, int, bool]
"""A comparison with a literal; what is compared, the number, and whether it says ``value < number`` (else it says
``number < value``)."""


def propagate(context: Term) -> tuple[Term, dict[Term, Term]]:
    """An equal conjunction in which smaller conjuncts are used up in larger ones, and what it says outright.

    Each conjunct is rewritten by the facts of those before it only, so nothing is used to prove itself away.
    """
    for _ in range(ROUNDS):
        atoms = sorted(conjuncts_of(context), key=lambda t: (size_of(t), t.serial))
        rewriting, conjuncts = _Rewriting(atoms), []
        for atom in atoms:
            new = rewriting.of(atom)
            if new is b.FALSE:
                return b.FALSE, {}
            conjuncts.append(new)
            rewriting.learn(facts(atom) | facts(new))
        after = b.and_(*conjuncts)
        if after is context:
            break
        context = after
    return context, facts(context)


class _Rewriting:
    """Terms with facts put in, which get more while the terms are looked at one after the other.

    What was made of a node is kept until something is learnt that is below it: large conjuncts share most of their
    nodes, and few of these are touched by what a conjunct says.
    """

    def __init__(self, roots: Sequence[Term]) -> None:
        self._known: dict[Term, Term] = {}
        self._done: dict[Term, Term] = {}
        self._users: dict[Term, list[Term]] = {}
        self._bounds = _Bounds()
        self._comparisons: dict[Term, list[Comparison]] = {}
        for term in b.postorder(roots):
            for arg in term.args:
                self._users.setdefault(arg, []).append(term)
            side = _compared(term)
            if side is not None:
                self._comparisons.setdefault(side[0], []).append((term, *side))

    def learn(self, found: Mapping[Term, Term]) -> None:
        """Facts, to be put into what is asked for from now on."""
        for term, value in found.items():
            self._put(term, value)
            about = self._bounds.learn(term, value)
            for comparison in self._comparisons.get(about, ()) if about is not None else ():
                decided = self._bounds.decide(comparison)
                if decided is not None:
                    self._put(comparison[0], decided)

    def _put(self, term: Term, value: Term) -> None:
        if self._known.get(term) is value:
            return
        self._known[term] = value
        stack = [term]
        while stack:  # a node that is known, or was never reached, hands nothing upwards
            node = stack.pop()
            if self._done.pop(node, None) is not None:
                stack += [user for user in self._users.get(node, ()) if user not in self._known]

    def of(self, root: Term) -> Term:
        """One of the terms, as far as it is known."""
        done, known = self._done, self._known
        stack = [root]
        while stack:
            term = stack[-1]
            if term in done:
                stack.pop()
            elif term in known:
                done[term] = known[term]
            elif missing := [arg for arg in term.args if arg not in done]:
                stack += missing
            else:
                done[term] = b.rebuild(term, tuple([done[arg] for arg in term.args]))
        return done[root]


@lru_cache(maxsize=50_000)
def size_of(term: Term) -> int:
    """Nodes of a term; guards share most of their conjuncts, so each is counted once."""
    return b.size([term])


def conjuncts_of(context: Term) -> Sequence[Term]:
    """The conjuncts of a conjunction; of those that are disjunctions, what all disjuncts have in common apart."""
    found: dict[Term, None] = {}
    for atom in b.conjuncts(context):
        found |= dict.fromkeys(_factored(atom) if atom.op == "or" else (atom,))
    return list(found)


def _factored(disjunction: Term) -> list[Term]:
    ways = [b.conjuncts(way) for way in disjunction.args]
    common = [atom for atom in ways[0] if all(atom in way for way in ways[1:])]
    if not common:
        return [disjunction]
    return [*common, b.or_(*(b.and_(*(atom for atom in way if atom not in common)) for way in ways))]


def facts(context: Term) -> dict[Term, Term]:
    """What a conjunction says outright: terms that equal a literal, conditions that hold or do not hold."""
    known: dict[Term, Term] = {}
    for atom in conjuncts_of(context):
        if atom.op == "eq" and atom.args[1].is_const:
            known[atom.args[0]] = atom.args[1]
        elif atom.op == "eq" and atom.args[0].is_const:
            known[atom.args[1]] = atom.args[0]
        elif atom.op == "not":
            known[atom.args[0]] = b.FALSE
        elif not atom.is_const:
            known[atom] = b.TRUE
            if atom.op == "or":  # others may ask whether none of them holds
                none = b.and_(*(b.not_(part) for part in atom.args))
                known |= {none: b.FALSE} if not none.is_const else {}
    return known


def bounded(known: Mapping[Term, Term], terms: Sequence[Term]) -> dict[Term, Term]:
    """The comparisons with literals in terms that are decided because others, with what they compare, are known."""
    bounds = _Bounds()
    for atom, truth in known.items():
        bounds.learn(atom, truth)
    if not bounds:
        return {}
    found: dict[Term, Term] = {}
    for comparison in _comparisons(terms[0]) if len(terms) == 1 else _comparisons_in(terms):
        decided = bounds.decide(comparison)
        if decided is not None:
            found[comparison[0]] = decided
    return found


class _Bounds:
    """What is known of values that are compared with numbers."""

    def __init__(self) -> None:
        self._low: dict[Term, int] = {}
        self._high: dict[Term, int] = {}

    def __bool__(self) -> bool:
        return bool(self._low or self._high)

    def learn(self, atom: Term, truth: Term) -> Term | None:
        """The value that ``atom`` compares with a number, which is then known better; None if it compares nothing."""
        side = _compared(atom)
        if side is None:
            return None
        value, number, below = side
        if (truth is b.TRUE) == below:  # value < number, or value <= number
            self._high[value] = min(self._high.get(value, number), number - below)
        else:
            self._low[value] = max(self._low.get(value, 0), number + (not below))
        return value

    def decide(self, comparison: Comparison) -> Term | None:
        """Whether a comparison holds, as far as that is known."""
        _, value, number, below = comparison
        most, least, border = self._high.get(value), self._low.get(value), number + (not below)
        if most is not None and most < border:
            return b.boolean(below)
        if least is not None and least >= border:
            return b.boolean(not below)
        return None


def _compared(atom: Term) -> tuple[Term, int, bool] | None:
    """Of a comparison with a literal what is compared, the number, and whether it says ``value < number`` (else it says
    ``number < value``)."""
    if atom.op != "ult":
        return None
    left, right = atom.args
    if right.is_const:
        return left, right.value, True
    return (right, left.value, False) if left.is_const else None


@lru_cache(maxsize=50_000)
def _comparisons(term: Term) -> tuple[Comparison, ...]:
    """Those of a conjunct, of which most are in many guards."""
    return _comparisons_in([term])


def _comparisons_in(terms: Sequence[Term]) -> tuple[Comparison, ...]:
    return tuple((atom, *side) for atom in b.postorder(terms) if (side := _compared(atom)) is not None)
