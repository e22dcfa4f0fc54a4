"""From two behaviours to obligations: what must hold so that they agree on every observable.

Every pair of cases, one of each side, whose guards can hold together gives one :class:`Obligation`: under both guards
none of its ``parts`` (a name, and a condition under which the two sides differ) may be satisfiable. Two more kinds
make sure that nothing is forgotten: the cases of each side cover every input of the domain, and no fault of a side
can be reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour, Case, Output, Packet


@dataclass(frozen=True)
class Part:
    """One observable: ``differ`` is satisfiable together with the obligation's context iff the sides can differ."""

    name: str
    differ: Term
    pair: tuple[Term, Term, Term] | None = None
    """``(when, a, b)`` if ``differ`` is ``when and a != b``: once that is proven, ``a`` may stand for ``b`` in other
    parts with the same ``when``."""


@dataclass(frozen=True)
class Obligation:
    """No part may be satisfiable under ``context``."""

    name: str
    context: Term
    parts: tuple[Part, ...]
    compared: int = 0
    """Observables that this obligation compares, folded ones included."""

    @property
    def violation(self) -> Term:
        """Satisfiable exactly if the obligation does not hold."""
        return b.and_(self.context, b.or_(*(p.differ for p in self.parts)))


def domain(*sides: Behaviour) -> Term:
    """What every input that can occur satisfies, for all sides; with the axioms on rule sets."""
    inputs = (a.condition for side in sides for a in (*side.domain, *side.reaching))
    return b.and_(*inputs, *(t for side in sides for t in side.axioms))


def without_axioms(side: Behaviour, about: frozenset[Term]) -> tuple[Behaviour, Term]:
    """``side`` without those of its axioms that mention one of the variables ``about``, and these side by side."""
    taken = [t for t in side.axioms if about.intersection(b.variables(t))] if about else []
    rest = tuple(t for t in side.axioms if t not in taken)
    return replace(side, axioms=rest), b.and_(*taken)


def obligations(spec: Behaviour, impl: Behaviour) -> Iterator[Obligation]:
    """All that must hold so that ``impl`` does what ``spec`` does (choices not yet quantified)."""
    inputs = domain(spec, impl)
    for role, side in (("specification", spec), ("implementation", impl)):
        covered = b.or_(*(case.guard for case in side.cases), *(fault.guard for fault in side.faults))
        yield Obligation(f"the cases of the {role} cover every input", inputs, (Part("coverage", b.not_(covered)),))
        for fault in side.faults:
            yield Obligation(f"no fault in the {role}: {fault.text}", inputs, (Part(fault.text, fault.guard),))
    widths = _cells_before(spec, impl)
    for i, mine in enumerate(spec.cases):
        for j, theirs in enumerate(impl.cases):
            context = b.and_(inputs, mine.guard, theirs.guard)
            if context is not b.FALSE:
                yield _pair(f"case {i + 1} of the specification, case {j + 1} of the implementation", context,
                            mine, theirs, widths)  # fmt: skip


def _pair(name: str, context: Term, mine: Case, theirs: Case, state: Mapping[str, Term]) -> Obligation:
    context, known = propagate(context)
    if context is b.FALSE:
        return Obligation(name, context, ())
    parts = list(_differences(mine, theirs, state))
    left = [_under(part, known) for part in parts]
    return Obligation(name, context, tuple(p for p in left if p.differ is not b.FALSE), len({p.name for p in parts}))


def _under(part: Part, known: dict[Term, Term]) -> Part:
    if part.pair is None:
        return Part(part.name, b.substitute([part.differ], known)[0])
    when, x, y = b.substitute(part.pair, known)
    return Part(part.name, b.and_(when, b.ne(x, y)), (when, x, y))


ROUNDS: Final = 4
"""How often what a conjunction says outright is put into the rest of it."""


def propagate(context: Term) -> tuple[Term, dict[Term, Term]]:
    """An equal conjunction in which smaller conjuncts are used up in larger ones, and what it says outright.

    Each conjunct is rewritten by the facts of those before it only, so nothing is used to prove itself away.
    """
    for _ in range(ROUNDS):
        known: dict[Term, Term] = {}
        conjuncts = []
        for atom in sorted(_conjuncts(context), key=lambda t: (len(b.postorder([t])), t.serial)):
            new = b.substitute([atom], known)[0] if known else atom
            conjuncts.append(new)
            known |= facts(atom) | facts(new)
        after = b.and_(*conjuncts)
        if after is context:
            break
        context = after
    return context, facts(context)


def _conjuncts(context: Term) -> tuple[Term, ...]:
    return context.args if context.op == "and" else (context,)


def facts(context: Term) -> dict[Term, Term]:
    """What a conjunction says outright: terms that equal a literal, conditions that hold or do not hold."""
    known: dict[Term, Term] = {}
    for atom in _conjuncts(context):
        if atom.op == "eq" and atom.args[1].is_const:
            known[atom.args[0]] = atom.args[1]
        elif atom.op == "eq" and atom.args[0].is_const:
            known[atom.args[1]] = atom.args[0]
        elif atom.op == "not":
            known[atom.args[0]] = b.FALSE
        elif not atom.is_const:
            known[atom] = b.TRUE
    return known


def _differences(mine: Case, theirs: Case, state: Mapping[str, Term]) -> Iterator[Part]:
    for to in ("port", "stack"):
        left = [o for o in mine.outputs if o.to == to]
        right = [o for o in theirs.outputs if o.to == to]
        for k in range(max(len(left), len(right))):
            yield from _output_differences(
                f"{to} output {k + 1}" if k else f"{to} output", _get(left, k), _get(right, k)
            )
    for name in sorted(mine.metadata.keys() | theirs.metadata.keys()):
        x, y = mine.metadata.get(name), theirs.metadata.get(name)
        yield Part(f"metadata {name}", _unequal_or_unchanged(name, x, y))
    for name, before in state.items():
        yield Part(f"state {name}", b.ne(mine.state.get(name, before), theirs.state.get(name, before)))


def _get(outputs: Sequence[Output], index: int) -> Output | None:
    return outputs[index] if index < len(outputs) else None


def _output_differences(name: str, x: Output | None, y: Output | None) -> Iterator[Part]:
    when_x, when_y = (o.when if o is not None else b.FALSE for o in (x, y))
    yield Part(f"{name}: sent or not", b.not_(b.eq(when_x, when_y)))
    if x is None or y is None:
        return
    both = b.and_(when_x, when_y)
    yield Part(f"{name}: port", b.and_(both, b.ne(x.port, y.port)))
    yield Part(f"{name}: length", both if x.packet.delta != y.packet.delta else b.FALSE)
    if x.packet.delta == y.packet.delta:
        yield Part(f"{name}: bytes", b.FALSE)
        yield from _byte_differences(f"{name}: bytes", both, x.packet, y.packet)


def _byte_differences(name: str, both: Term, x: Packet, y: Packet) -> Iterator[Part]:
    """The bytes that are not one term, for packets of one length; behind both prefixes lie the same input bytes."""
    for k in range(max(len(x.prefix), len(y.prefix))):
        mine, theirs = x.at(k), y.at(k)
        if mine is not theirs:
            yield Part(name, b.and_(both, b.ne(mine, theirs)), (both, mine, theirs))


def _unequal_or_unchanged(name: str, x: Term | None, y: Term | None) -> Term:
    width = next(t.width for t in (x, y) if t is not None)
    before = b.var(f"in.{name}", width)
    return b.ne(before if x is None else x, before if y is None else y)


def _cells_before(*sides: Behaviour) -> dict[str, Term]:
    """For every name in some case's state: what an arbitrary cell held before (a single cell: no index)."""
    names: dict[str, Term] = {}
    for case in (c for side in sides for c in side.cases):
        for name, after in case.state.items():
            if name not in names:
                names[name] = _cell_before(name, after)
    return names


def _cell_before(name: str, after: Term) -> Term:
    index = [v for v in b.variables(after) if v.name == f"at.{name}"]
    return b.apply(f"state.{name}", after.sort, *index[:1])
