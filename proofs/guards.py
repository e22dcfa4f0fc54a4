"""Cases of two sides that apply to the same inputs, found and proven, where their guards are not one term.

Two parsers that go the same ways through differently divided states put these ways together in another order, so that
their guards have another form, and every case of the one might meet every case of the other. Cases that show the same
constants (accepted or not, a position in the packet, layouts of outputs) are candidates for each other. Where two
guards are proven equal for every input, the other side's becomes the first one's. Since the guards of one side exclude
each other, each of the two cases then meets nobody else.

A guard that is not proven to be another stays what it is, and nothing is lost but time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour, Case, Packet
from .choices import IMPL
from .compare import domain, that_can_meet
from .engine import Engine

LEAST: Final = 100
"""Pairs of cases that can meet, fewer than which are just compared."""

MOST_FAILURES: Final = 12
"""Guards that are not proven to be others, after which no more are looked at."""

SECONDS: Final = 2.0
"""For each query."""

Shown = tuple[object, ...]


def with_guards_alike(spec: Behaviour, impl: Behaviour, picks: frozenset[Term], engine: Engine) -> Behaviour:
    """``impl`` with guards of ``spec`` where they are the same on every input that both sides may meet.

    Args:
        spec: one side, whose choices are ``picks``.
        impl: the other, with choices of its own (:data:`.choices.IMPL`).
        picks: see above; a guard that hangs on a choice of either side is left alone.
        engine: where it is proven.
    """
    if sum(1 for _ in islice(that_can_meet(spec, impl), LEAST)) < LEAST:
        return impl
    mine, theirs = _unmatched(spec, impl, picks), _unmatched(impl, spec, picks)
    constant = _always_constant([*spec.cases, *impl.cases])
    by_shown: dict[Shown, list[Term]] = {}
    for case in mine:
        by_shown.setdefault(_shown(case, constant), []).append(case.guard)
    possible, new, failed = domain(spec, impl), dict[Term, Term](), 0
    for case in theirs:
        candidates = by_shown.get(_shown(case, constant), [])
        if not candidates or failed > MOST_FAILURES:
            continue
        partner = _nearest(case.guard, candidates)
        query = b.and_(possible, b.ne(case.guard, partner))
        if engine.satisfiable(query, "two cases for the same inputs", SECONDS).status == "unsat":
            new[case.guard] = partner
            candidates.remove(partner)
        else:
            failed += 1
    return replace(impl, cases=tuple(replace(case, guard=new.get(case.guard, case.guard)) for case in impl.cases))


def _unmatched(side: Behaviour, other: Behaviour, picks: frozenset[Term]) -> list[Case]:
    """The cases whose guards are no case's of the other side, and hang on no choice."""
    there = {case.guard for case in other.cases}
    return [case for case in side.cases if case.guard not in there and not _hangs_on_choices(case.guard, picks)]


def _hangs_on_choices(guard: Term, picks: frozenset[Term]) -> bool:
    return any(v in picks or v.name.startswith(IMPL) for v in b.variables(guard))


def _always_constant(cases: Sequence[Case]) -> list[str]:
    """The metadata that every case gives a constant."""
    known = Counter(name for case in cases for name, term in case.metadata.items() if term.is_const)
    return sorted(name for name, count in known.items() if count == len(cases))


def _shown(case: Case, constant: Iterable[str]) -> Shown:
    """What a case shows that is not a term of the input."""
    outputs = sorted(
        (o.to, len(o.packet.prefix), o.packet.payload, *_end(o.packet), len(o.each), *o.apart) for o in case.outputs
    )
    events = sorted(event.name for event in case.events)
    return (*(case.metadata[name] for name in constant), tuple(outputs), tuple(events))


def _end(packet: Packet) -> tuple[str, int]:
    """How a packet ends, as far as that is no term."""
    return "a term" if isinstance(packet.size, Term) else str(packet.size), len(packet.trailer)


def _nearest(guard: Term, candidates: Sequence[Term]) -> Term:
    """Of several guards the one that shares most with another."""
    if len(candidates) == 1:
        return candidates[0]
    nodes = set(b.postorder([guard]))

    def unlike(other: Term) -> int:
        others = b.postorder([other])
        return len(nodes) + len(others) - 2 * sum(node in nodes for node in others)

    return min(candidates, key=unlike)
