"""Machines that are checked, and whether two of them do the same: exactly, or as far as either leaves nothing open."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from .offload.sent import place_by_place
from .proofs.engine import Engine
from .proofs.refine import Outcome, search
from .proofs.verdict import Proof, Verdict
from .scale import LargePair, LeavesOpen, check_large
from .semantics.meaning.behaviour import Behaviour
from .semantics.source import Span, Unsupported
from .targets.base import AtHooks, BeginsFilled, ComesToRest, ComparesArtifacts, Target, TellsLess
from .targets.offload import Offloads

MAY: Final = "each may do what the other may, where this is open: "
"""How an accept begins to say why the machines do not do the same whatever happens."""
AT_REST: Final = "no frame came before, so that rates are kept"


@dataclass(frozen=True)
class Machine:
    """A target with an artifact, and what came of it."""

    target: Target
    artifact: Any
    path: str | None
    behaviour: Behaviour
    label: str


Given = tuple[Target, Any, str]
"""A target, an artifact of it, and the file that it is in."""


def machine_with(target: Target, artifact: Any, path: str | None, label: str) -> Machine:
    """The target with an artifact. Raises Unsupported for what its meaning does not cover."""
    return Machine(target, artifact, path, target.meaning(artifact), label)


def at_one_place(first: Given, second: Given) -> tuple[str, ...]:
    """What is to be said of where two artifacts are. Raises Unsupported for two at hooks where frames that pass go
    different ways."""
    places = [target.direction(artifact) for target, artifact, _ in (first, second) if isinstance(target, AtHooks)]
    if len(set(places)) > 1:
        raise Unsupported(f"filters at {places[0]} against filters at {places[1]}", Span(second[2], 1, 1))
    said = [target.place(artifact) for target, artifact, _ in (first, second) if isinstance(target, AtHooks)]
    if len(said) < 2 or not all(said) or said[0] == said[1]:
        return ()
    return (f"the first filters are at {said[0]}, the second at {said[1]}: this is taken for one place",)


def two_machines(first: Given, second: Given) -> tuple[Machine, Machine]:
    """Two artifacts; of one target with what they share under the same names."""
    target = first[0]
    if target is second[0] and isinstance(target, ComparesArtifacts):
        sides = target.behaviours(first[1], second[1])
        artifacts = target.as_compared(first[1], second[1])
        left, right = (
            Machine(t, artifact, p, side, t.name)
            for (t, _, p), artifact, side in zip((first, second), artifacts, sides, strict=True)
        )
        return left, right
    left, right = (machine_with(t, a, p, t.name) for t, a, p in (first, second))
    return left, right


def as_both_tell(first: Given, second: Given) -> tuple[Given, Given]:
    """Two artifacts, without what the other one does not tell."""
    return _told_by(first, second), _told_by(second, first)


def _told_by(given: Given, other: Given) -> Given:
    target, artifact, path = given
    if isinstance(target, TellsLess) and isinstance(other[0], TellsLess):
        return target, target.as_told_by(artifact, other[1]), path
    return given


def exactly(left: Machine, right: Machine, engine: Engine) -> tuple[Machine, Machine, Outcome]:
    """Whether two machines do the same, whatever is open; with the machines as they were compared."""
    outcome = search(left.behaviour, right.behaviour, engine, exactly=True)
    placed = _by_place(left, right, engine) if outcome.difference is not None else None
    if placed is not None:
        left, right = placed
        outcome = search(left.behaviour, right.behaviour, engine, exactly=True)
    return left, right, outcome


def _by_place(left: Machine, right: Machine, engine: Engine) -> tuple[Machine, Machine] | None:
    """Both with their frames told port by port: nobody sees the order of frames that leave by different ports. None if
    the targets do not know their ports, or frames go elsewhere."""
    ports: set[int] = set()
    for one in (left, right):
        if not isinstance(one.target, Offloads):
            return None
        ports.update(one.target.ports(one.artifact))
    try:
        told = [replace(one, behaviour=place_by_place(one.behaviour, ports, engine)) for one in (left, right)]
    except Unsupported:
        return None
    return told[0], told[1]


def large_pair(pair: LargePair, engine: Engine, started: float) -> Proof:
    """Two large artifacts; see :func:`.scale.check_large` for what is raised."""
    try:
        return check_large(pair, engine, started)
    except LeavesOpen as error:
        return both_ways([partial(check_large, way, engine, started) for way in pair.ways], error.args)


def both_ways(ways: Iterable[Callable[[], Proof]], reasons: Iterable[str]) -> Proof:
    """The first proof that is no accept, or the last. ``reasons``: why something is the machines' to choose."""
    for way in ways:
        proof = way()
        if proof.verdict is not Verdict.ACCEPT:
            return proof
    said = f"{MAY}{', '.join(reasons)}"
    return replace(proof, warnings=(*proof.warnings, said))


def also_at_rest(compare: Callable[[Given, Given], Proof], first: Given, second: Given) -> Proof:
    """What comparing two artifacts comes to, and if each may do what the other may, what comparing them comes to for a
    frame before which none came: then policers leave nothing open."""
    proof = compare(first, second)
    if proof.verdict is not Verdict.ACCEPT or not any(said.startswith(MAY) for said in proof.warnings):
        return proof
    resting = _at_rest(first), _at_rest(second)
    if resting == (first, second):
        return proof
    again = compare(*resting)
    return proof if again.verdict is Verdict.ACCEPT else replace(again, warnings=(*again.warnings, AT_REST))


def check_beginnings(first: Given, second: Given) -> None:
    """Raises Unsupported for two artifacts of one target that do the same on the same memory, but begin with memory
    that is not the same: nobody has looked whether that can be told."""
    target = first[0]
    if target is second[0] and isinstance(target, BeginsFilled):
        unlike = target.unlike_at_first(first[1], second[1])
        if unlike is not None:
            raise Unsupported(f"both do the same on the same memory, but {unlike}", Span(second[2], 0, 0))


def _at_rest(given: Given) -> Given:
    target, artifact, path = given
    return (target, target.at_rest(artifact), path) if isinstance(target, ComesToRest) else given
