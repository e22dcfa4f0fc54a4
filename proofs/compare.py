"""From two behaviours to obligations: what must hold so that they agree on every observable.

Every pair of cases, one of each side, whose guards can hold together gives one :class:`Obligation`: under both guards
none of its ``parts`` (a name, and a condition under which the two sides differ) may be satisfiable. Two more kinds
make sure that nothing is forgotten: the cases of each side cover every input of the domain, and no fault of a side
can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import (
    DESTINATIONS,
    RETURNS,
    Behaviour,
    Case,
    Event,
    Fault,
    Output,
    Replication,
    distinct_terms,
)
from ..semantics.meaning.bounds import UNBOUNDED, Bounds
from ..semantics.meaning.cells_before import cells_before
from .ends import byte_differences, lengths_differ
from .happenings import Write, in_step, left_by, order_shows, slots, writes
from .known import ROUNDS, bounded, propagate


@dataclass(frozen=True)
class Part:
    """One observable: ``differ`` is satisfiable together with the obligation's context iff the sides can differ."""

    name: str
    differ: Term
    pair: tuple[Term, Term, Term] | None = None
    """``(when, a, b)`` if ``differ`` is ``when and a != b``: once that is proven, ``a`` may stand for ``b`` in other
    parts with the same ``when``."""


def under(parts: Sequence[Part], known: Mapping[Term, Term]) -> list[Part]:
    """The same with terms put in for others; what parts share is looked at once."""
    return told_by(parts, b.substitute(terms_of(parts), known))


def terms_of(parts: Sequence[Part]) -> list[Term]:
    """The terms that tell what parts are, one part after the other."""
    return [term for part in parts for term in part.pair or (part.differ,)]


def told_by(parts: Sequence[Part], terms: Iterable[Term]) -> list[Part]:
    """The same told by others in place of :func:`terms_of`."""
    new = iter(terms)
    return [
        unequal(part.name, when=next(new), x=next(new), y=next(new)) if part.pair else Part(part.name, next(new))
        for part in parts
    ]


NO_FAULT: Final = "no fault in the"
"""How the names of obligations begin that are about a fault."""


def is_about(name: str, fault: Fault) -> bool:
    """Whether an obligation's name says that it is about this fault."""
    return name.startswith(NO_FAULT) and name.endswith(f": {fault.text}")


@dataclass(frozen=True)
class Obligation:
    """No part may be satisfiable under ``context``."""

    name: str
    context: Term
    parts: tuple[Part, ...]
    compared: int = 0
    """Observables that this obligation compares, folded ones included."""
    theirs: Term | None = None
    """The guard of the implementation's case that it is about; None if it is about all of them."""

    @property
    def violation(self) -> Term:
        """Satisfiable exactly if the obligation does not hold."""
        return b.and_(self.context, b.or_(*(p.differ for p in self.parts)))


def domain(*sides: Behaviour) -> Term:
    """What every input that can occur satisfies, for all sides; with the axioms on rule sets."""
    inputs = (a.condition for side in sides for a in (*side.domain, *side.reaching))
    return b.and_(*inputs, *(t for side in sides for t in side.axioms))


def without_axioms(side: Behaviour, about: frozenset[Term]) -> tuple[Behaviour, Term]:
    """``side`` without those of its axioms that mention one of the variables ``about``, and these side by side.

    Raises:
        ValueError: one limits a choice itself. Axioms are true whatever is chosen (they tell what functions answer), so
            it would be taken for true of the other side's choices, too; what must not be chosen belongs into the cases.
    """
    mentioning = b.leading_to(side.axioms, about.__contains__) if about else set()
    taken = [t for t in side.axioms if t in mentioning]
    calling = b.leading_to(taken, lambda t: t.op == "apply")
    if not all(t in calling for t in taken):
        raise ValueError("an axiom limits what may be chosen")
    rest = tuple(t for t in side.axioms if t not in taken)
    return replace(side, axioms=rest), b.and_(*taken)


def obligations(
    spec: Behaviour,
    impl: Behaviour,
    reads: Reads | None = None,
    bounds: Bounds = UNBOUNDED,
    *,
    counted: bool = False,
) -> Iterator[Obligation]:
    """All that must hold so that ``impl`` does what ``spec`` does (choices not yet quantified); ``reads`` if the two do
    not tell it, as inputs are numbers in them.

    Args:
        counted: whether what is sent is counted by what really is: where it is not, an obligation that does not hold
            may be no difference (:func:`.happenings.in_step`).

    Raises:
        OutOfTime: the bounds say so before all of it is said.
    """
    inputs = domain(spec, impl)
    for role, side in (("specification", spec), ("implementation", impl)):
        covered = b.or_(*(case.guard for case in side.cases), *(fault.guard for fault in side.faults))
        yield Obligation(f"the cases of the {role} cover every input", inputs, (Part("coverage", b.not_(covered)),))
        for fault in side.faults:
            yield Obligation(f"{NO_FAULT} {role}: {fault.text}", inputs, (Part(fault.text, fault.guard),))
    made = meeting(spec, impl, inputs, reads, counted=counted)
    for i, pairs in groupby(that_can_meet(spec, impl), key=itemgetter(0)):
        others = [j for _, j in pairs]
        beside = _guards_beside(b.and_(inputs, spec.cases[i].guard), {j: impl.cases[j].guard for j in others})
        for j in others:
            bounds.check_time()
            obligation = made(i, j, beside.get(j))
            if obligation is not None:
                yield replace(obligation, theirs=impl.cases[j].guard)


def _guards_beside(context: Term, guards: Mapping[int, Term]) -> dict[int, Term]:
    """What many guards come to where a context holds: all at once, as they have most of their terms in common, and
    little of most is left."""
    if len(guards) < MANY_CASES:
        return {}
    known = propagate(context)[1]
    return dict(zip(guards, b.substitute(guards.values(), known | bounded(known, list(guards.values()))), strict=True))


MANY_CASES: Final = 4
"""Guards from which on they are looked at together."""


class Meeting(Protocol):
    """What must hold where case ``i`` of the one meets case ``j`` of the other; None where they do not meet."""

    def __call__(self, i: int, j: int, guard: Term | None = None) -> Obligation | None:
        """``guard``: what that of case ``j`` comes to where case ``i`` applies, if somebody knows."""


def meeting(
    spec: Behaviour, impl: Behaviour, inputs: Term, reads: Reads | None = None, *, counted: bool = False
) -> Meeting:
    """What must hold where cases of two sides meet."""
    widths = cells_before(spec, impl)
    asked = reads if reads is not None else tuple(inputs_read(side) for side in (spec, impl))

    def made(i: int, j: int, guard: Term | None = None) -> Obligation | None:
        mine, theirs = spec.cases[i], impl.cases[j]
        context = b.and_(inputs, mine.guard, theirs.guard)
        if context is b.FALSE:
            return None
        name = f"case {i + 1} of the specification, case {j + 1} of the implementation"
        if guard is not None:
            context = b.and_(inputs, mine.guard, guard)
        return _pair(name, context, mine, theirs, partial(_differences, state=widths, reads=asked, counted=counted))

    return made


Reads = Sequence[frozenset[str]]
"""The inputs ``in.*`` that each side's passes read."""


def inputs_read(side: Behaviour) -> frozenset[str]:
    """The inputs ``in.*`` that a side's passes read."""
    terms = [*distinct_terms(side.cases), *(a.condition for a in side.domain)]
    return frozenset(v.name for v in b.variables(*terms) if v.name.startswith("in."))


def that_can_meet(spec: Behaviour, impl: Behaviour) -> Iterator[tuple[int, int]]:
    """Pairs of cases. The guards of one side exclude each other, so two with one guard meet nobody else."""
    same = {case.guard: j for j, case in enumerate(impl.cases)}
    alike = {j for case in spec.cases if (j := same.get(case.guard)) is not None}
    others = [j for j in range(len(impl.cases)) if j not in alike]
    for i, case in enumerate(spec.cases):
        partner = same.get(case.guard)
        for j in others if partner is None else (partner,):
            yield i, j


def _pair(
    name: str, context: Term, mine: Case, theirs: Case, differences: Callable[[Case, Case], Iterator[Part]]
) -> Obligation:
    parts = list(differences(mine, theirs)) if mine.guard is theirs.guard else None
    if parts is not None and all(p.differ is b.FALSE for p in parts):
        return Obligation(name, context, (), len({p.name for p in parts}))
    context, known = propagate(context)
    if context is b.FALSE:
        return Obligation(name, context, ())
    parts = list(differences(mine, theirs)) if parts is None else parts
    left = _simplified(parts, known)
    return Obligation(name, context, tuple(p for p in left if p.differ is not b.FALSE), len({p.name for p in parts}))


def _simplified(parts: Sequence[Part], known: dict[Term, Term]) -> Sequence[Part]:
    """The parts with what is known put in, also into what a condition folds to by that."""
    for _ in range(ROUNDS):
        before = [part.differ for part in parts]
        parts = under(parts, known | bounded(known, before))
        if [part.differ for part in parts] == before:
            break
    return parts


def _differences(mine: Case, theirs: Case, state: Mapping[str, Term], reads: Reads, *, counted: bool) -> Iterator[Part]:
    left, right = _by_shape(mine.outputs), _by_shape(theirs.outputs)
    for shape in sorted(left.keys() | right.keys()):
        ours, others = (_slots(side.get(shape, ()), shape) for side in (left, right))
        for k, (slot, other) in enumerate(in_step(ours, others, counted=counted)):
            yield from _output_differences(f"{shape.title} {k + 1}" if k else shape.title, slot, other, reads)
    yield from _copied_state_differences(mine.outputs, theirs.outputs, counted=counted)
    yield from _event_differences(mine.events, theirs.events, counted=counted)
    for name in sorted(mine.metadata.keys() | theirs.metadata.keys()):
        x, y = mine.metadata.get(name), theirs.metadata.get(name)
        yield unequal(f"metadata {name}", *_or_unchanged(name, x, y))
    for name, before in state.items():
        yield unequal(f"state {name}", mine.state.get(name, before), theirs.state.get(name, before))


@dataclass(frozen=True, order=True)
class Shape:
    """Where outputs go, and the kinds of the groups that replicate them: only alike ones are compared."""

    place: int
    to: str
    each: tuple[str, ...]
    apart: tuple[int, ...]

    @property
    def title(self) -> str:
        """What reports call such outputs."""
        where = [f"to {self.apart[0]}"] if self.apart else []
        more = [str(self.apart[1] + 1)] if self.apart and self.apart[1] else []
        return " ".join([*self.each, self.to, "output", *where, *more])


def _by_shape(outputs: Sequence[Output]) -> dict[Shape, list[Output]]:
    found: dict[Shape, list[Output]] = {}
    for output in outputs:
        shape = Shape(DESTINATIONS.index(output.to), output.to, tuple(r.kind for r in output.each), output.apart)
        found.setdefault(shape, []).append(output)
    return found


def _slots(outputs: Sequence[Output], shape: Shape) -> list[list[Output]]:
    return [list(outputs)] if shape.apart else slots(outputs)


Slot = Sequence[Output]


def _output_differences(name: str, mine: Slot, theirs: Slot, reads: Reads) -> Iterator[Part]:
    """Two slots of one shape: both send a frame or none does, and what they send is the same."""
    sent = [b.or_(*(o.when for o in slot)) for slot in (mine, theirs)]
    yield unequal(f"{name}: sent or not", *sent)
    for x in mine:
        for y in theirs:
            both = b.and_(x.when, y.when)
            if both is not b.FALSE:
                yield from _frame_differences(name, both, x, y, reads)


def _frame_differences(name: str, both: Term, x: Output, y: Output, reads: Reads) -> Iterator[Part]:
    yield from _group_differences(name, both, x.each, y.each)
    yield unequal(f"{name}: port", x.port, y.port, both)
    longer = lengths_differ(x.packet, y.packet)
    yield Part(f"{name}: length", b.and_(both, longer))
    alike = b.and_(both, b.not_(longer))
    if alike is not b.FALSE:
        yield Part(f"{name}: bytes", b.FALSE)
        for when, mine, theirs in byte_differences(alike, x.packet, y.packet):
            shown = f"{name}: bytes"
            yield Part(shown, when) if mine is None or theirs is None else unequal(shown, mine, theirs, when)
    named = sorted(x.metadata.keys() | y.metadata.keys())
    if x.to not in RETURNS:
        for key in named:
            told = _or_unchanged(key, x.metadata.get(key), y.metadata.get(key))
            yield unequal(f"{name}: metadata {key}", *told, both)
        return
    # What only one side's passes read decides nothing, because one pass of both is the same whatever comes in there.
    for key in (k for k in named if all(f"in.{k}" in names for names in reads)):
        ours, others = x.metadata.get(key), y.metadata.get(key)
        differ = b.TRUE if ours is None or others is None else b.ne(ours, others)
        yield Part(f"{name}: metadata {key}", b.and_(both, differ))


def _group_differences(
    name: str, both: Term, mine: Sequence[Replication], theirs: Sequence[Replication]
) -> Iterator[Part]:
    for x, y in zip(mine, theirs, strict=True):
        yield unequal(f"{name}: {x.kind} group", x.group, y.group, both)


def _copied_state_differences(mine: Sequence[Output], theirs: Sequence[Output], *, counted: bool) -> Iterator[Part]:
    """What copies write into the cells one after the other, those of each kind by themselves; copies that send nothing
    write, too."""
    after = {key: term for o in (*theirs, *mine) for key, term in o.state.items()}
    for key in sorted(after):
        index = [v for v in b.variables(after[key]) if v.name == f"at.{key}"][:1]
        ours, others = (writes(side, key, index) for side in (mine, theirs))
        kinds = {write.kinds for write in (*ours, *others)}
        for kind in sorted(kinds):
            left, right = (slots(w for w in side if w.kinds == kind) for side in (ours, others))
            for k, (x, y) in enumerate(in_step(left, right, counted=counted)):
                name = f"{' '.join(kind)} {k + 1}" if k else " ".join(kind)
                yield from _write_differences(f"{name}: state {key}", x, y)
        if len(kinds) > 1 and [w.kinds for w in ours] != [w.kinds for w in others]:
            yield Part(f"order of copies: state {key}", _several_kinds(ours, index))


def _write_differences(name: str, mine: Sequence[Write], theirs: Sequence[Write]) -> Iterator[Part]:
    before = next(write.before for write in (*mine, *theirs))
    yield unequal(name, *(left_by(slot) if slot else before for slot in (mine, theirs)))
    for x in mine:
        for y in theirs:
            both = b.and_(x.when, y.when)
            if both is not b.FALSE:
                yield from _group_differences(name, both, x.each, y.each)


def _several_kinds(found: Sequence[Write], index: Sequence[Term]) -> Term:
    """That copies of more than one kind write, and it shows which of them do first."""
    pairs = ((x, y) for i, x in enumerate(found) for y in found[:i] if x.kinds != y.kinds)
    return b.or_(*(order_shows(x, y, index) for x, y in pairs))


def _event_differences(mine: Sequence[Event], theirs: Sequence[Event], *, counted: bool) -> Iterator[Part]:
    """Events of one name, number of fields and replication, one after the other; those of which at most one is told
    count as one."""

    def key(event: Event) -> tuple[str, int, tuple[str, ...]]:
        return event.name, len(event.fields), tuple(r.kind for r in event.each)

    for shape in sorted({key(event) for event in (*mine, *theirs)}):
        left, right = (slots([event for event in side if key(event) == shape]) for side in (mine, theirs))
        for k, (ours, others) in enumerate(in_step(left, right, counted=counted)):
            name = f"event {shape[0]} {k + 1}" if k else f"event {shape[0]}"
            yield unequal(f"{name}: told or not", *(b.or_(*(event.when for event in slot)) for slot in (ours, others)))
            for x in ours:
                for y in others:
                    both = b.and_(x.when, y.when)
                    if both is not b.FALSE:
                        yield from _told_differences(name, both, x, y)


def _told_differences(name: str, both: Term, x: Event, y: Event) -> Iterator[Part]:
    yield from _group_differences(name, both, x.each, y.each)
    for i, (ours, others) in enumerate(zip(x.fields, y.fields, strict=True)):
        if ours.sort != others.sort:
            yield Part(f"{name}: field {i + 1}", both)
        else:
            yield unequal(f"{name}: field {i + 1}", ours, others, both)


def unequal(name: str, x: Term, y: Term, when: Term = b.TRUE) -> Part:
    """That two terms differ, where ``when``."""
    return Part(name, b.and_(when, b.ne(x, y)), (when, x, y))


def _or_unchanged(name: str, x: Term | None, y: Term | None) -> tuple[Term, Term]:
    width = next(t.width for t in (x, y) if t is not None)
    before = b.var(f"in.{name}", width)
    return before if x is None else x, before if y is None else y
