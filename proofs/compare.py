"""From two behaviours to obligations: what must hold so that they agree on every observable.

Every pair of cases, one of each side, whose guards can hold together gives one :class:`Obligation`: under both guards
none of its ``parts`` (a name, and a condition under which the two sides differ) may be satisfiable. Two more kinds
make sure that nothing is forgotten: the cases of each side cover every input of the domain, and no fault of a side
can be reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour, Case, Output, Packet


@dataclass(frozen=True)
class Part:
    """One observable: ``differ`` is satisfiable together with the obligation's context iff the sides can differ."""

    name: str
    differ: Term


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
    known = facts(context)
    parts, compared = [], 0
    for part in _differences(mine, theirs, state):
        compared += 1
        differ = b.substitute([part.differ], known)[0]
        if differ is not b.FALSE:
            parts.append(Part(part.name, differ))
    return Obligation(name, context, tuple(parts), compared)


def facts(context: Term) -> dict[Term, Term]:
    """What a conjunction says outright: terms that equal a literal, conditions that hold or do not hold."""
    known: dict[Term, Term] = {}
    for atom in context.args if context.op == "and" else (context,):
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
        yield Part(f"{name}: bytes", b.and_(both, packets_differ(x.packet, y.packet)))


def packets_differ(x: Packet, y: Packet) -> Term:
    """Whether some byte differs, for packets of one length; bytes behind both prefixes are the same input bytes."""
    count = max(len(x.prefix), len(y.prefix))
    return b.or_(*(b.ne(x.at(k), y.at(k)) for k in range(count) if x.at(k) is not y.at(k)))


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
