"""What a real machine shows of a packet that two sides disagree on, and whether that confirms the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from .on_numbers import all_terms
from .proofs.counterexample import Input, values_of
from .proofs.verdict import Observed
from .semantics import bits as b
from .semantics.meaning.behaviour import Behaviour
from .semantics.source import InputError, Unsupported
from .targets.base import ComparesArtifacts, Oracle, Returns, ShowsState, Target, World

MOST_PORT: Final = 1 << 30
"""Port numbers from here on are not made for a run."""
MOST_PORTS: Final = 4
"""Ports besides the one that the packet comes in by that the real machine is given."""

_SEEN: Final = ("port", "cpu", "peer", "neighbour", "ingress", "program", "stack", "recirculate", "resubmit")
"""Where frames may go that a machine is watched at."""

_GIVEN: Final = "given."
"""What functions are called that the world around answers."""

Loaded = tuple[Target, Any, Behaviour]
"""A target, an artifact, and what its meaning is."""


@dataclass(frozen=True)
class Seen:
    """What a real machine showed, all of it as its meaning says."""

    machine: str
    shown: Observed


def can_show(target: Target) -> bool:
    """Whether a real machine of this target is at hand."""
    oracle = target.oracle()
    if oracle is None:
        return False
    try:
        return oracle.available() is None
    finally:
        oracle.close()


def confirming(seen: Sequence[Seen | str | None], *, both: bool) -> tuple[str, ...]:
    """The machines that confirm a difference: one that did as it is said to; of two those that showed it."""
    found = [each for each in seen if isinstance(each, Seen)]
    if both and not (len(found) == 2 and differ(found[0].shown, found[1].shown)):
        return ()
    return tuple(each.machine for each in found)


def name_of(target: Target, oracle: Oracle) -> str:
    """What a real machine is called in verdicts."""
    return f"{target.name} {getattr(oracle, 'machine', 'kernel')}"


def differ(first: Observed, second: Observed) -> bool:
    """Whether two machines can be told apart by what both show of what goes with frames, and by all else."""
    names = _beside(first) & _beside(second)
    return _with_beside(first, names).differs(_with_beside(second, names))


def _beside(seen: Observed) -> frozenset[str]:
    return frozenset(name for more in seen.carried for name in more)


def _with_beside(seen: Observed, names: frozenset[str]) -> Observed:
    """With frames in one order, and what goes with each under these names alone."""
    carried = seen.carried or ({},) * len(seen.outputs)
    frames = [
        (output, sorted((n, v) for n, v in more.items() if n in names))
        for output, more in zip(seen.outputs, carried, strict=True)
    ]
    frames.sort()
    outputs, beside = tuple(o for o, _ in frames), tuple(dict(more) for _, more in frames)
    return replace(seen, outputs=outputs, carried=beside, kinds=())


def ports_of(*sides: Observed) -> list[int]:
    """Ports that frames go to, which the machines are given; of two machines both."""
    used = {port for side in sides for to, port, _ in side.outputs if to == "port"}
    return sorted(port for port in used if 1 < port < MOST_PORT)[:MOST_PORTS]


def with_the_rest(
    target: Target, artifact: Any, behaviour: Behaviour, filled: Any, found: Input,
    functions: Mapping[str, Callable[..., int]],
) -> Any:  # fmt: skip
    """What rules fill in, and in whatever else the machine asks what the input says of it (the colours of a meter)."""
    if not isinstance(target, ComparesArtifacts) or not isinstance(filled, Mapping):
        return filled
    return {**target.contents(artifact, all_terms(behaviour), values_of(found), functions), **filled}


def on_machine(loaded: Loaded, tables: Any, found: Input, said: Observed, ports: Sequence[int]) -> Seen | str | None:
    """What the real machine with these ports shows, or in which way it does something else than its meaning says; None
    where it cannot be asked."""
    target, artifact, behaviour = loaded
    oracle = target.oracle()
    if oracle is None or any(to not in _SEEN or (to == "port" and port >= MOST_PORT) for to, port, _ in said.outputs):
        return None  # nobody can be given such ports
    try:
        if oracle.available() is not None:
            return None
        seen = _shown(oracle, artifact, behaviour, tables, found, said, ports)
    except (ValueError, OSError, InputError, Unsupported):
        return None  # the machine cannot be given this packet or artifact (too long, a port that it has not, refused)
    finally:
        oracle.close()
    if seen is None:
        return None
    sight = _with_events(behaviour, seen)
    shown = sight.shown
    if _agrees(target, said, sight):
        return Seen(name_of(target, oracle), shown)
    if behaviour.choices or _depends_on_more(behaviour, found):
        return None  # the machine has chosen otherwise (an address, say), or it was not told all that counts
    outputs = [(to, port, frame.hex()) for to, port, frame in shown.outputs]
    text = f"{outputs}, metadata {dict(shown.metadata)}, state {dict(shown.state)}"
    return f"the real machine does something else than its meaning says on {found.packet.hex()}: {text}"


@dataclass(frozen=True)
class _Sight:
    """What the machine showed, and all that it shows of events, by name."""

    shown: Observed
    events: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)


def _shown(
    oracle: Oracle, artifact: Any, behaviour: Behaviour, tables: Any, found: Input, said: Observed, ports: Sequence[int]
) -> _Sight | None:
    """What the machine shows of ``said``; None where it cannot show it."""
    if said.fault:
        return _Sight(said) if isinstance(oracle, ShowsState) and oracle.refuses(artifact) else None
    if not isinstance(oracle, ShowsState):
        packets = [(port, found.packet) for port in (found.port, *ports)]  # so that these ports are there
        return _Sight(Observed(tuple(sorted(oracle.run(artifact, packets, tables)[0].outputs))))
    asked = {name: tuple(cells) for name, cells in said.state.items()}
    seen, cells = oracle.run_showing(
        artifact, (found.port, found.packet), tables, ports, asked, _around(behaviour, found)
    )
    metadata = {name: value for name, value in seen.metadata.items() if name in said.metadata}
    if seen.beside:
        return _Sight(Observed(seen.outputs, metadata, cells, carried=seen.beside), seen.events)
    return _Sight(Observed(tuple(sorted(seen.outputs)), metadata, cells), seen.events)


def _around(behaviour: Behaviour, found: Input) -> World:
    """What the world around tells the behaviour on an input."""
    values = values_of(found)
    calls = [call for call in b.applications(*all_terms(behaviour)) if call.name.startswith(_GIVEN)]
    terms = [term for call in calls for term in (call, *call.args)]
    told = iter(b.evaluate(terms, values, found.model.callables(), default=0))
    answers: dict[str, dict[tuple[int, ...], int]] = {}
    for call in calls:
        answer, *asked = (int(value) for value in islice(told, 1 + len(call.args)) if not isinstance(value, dict))
        answers.setdefault(call.name, {})[tuple(asked)] = answer
    return World({name: value for name, value in values.items() if name.startswith("in.")}, answers)


def _with_events(behaviour: Behaviour, sight: _Sight) -> _Sight:
    """With the events that the behaviour tells under the names that the machine shows them by, name by name."""
    told = {event.name for case in behaviour.cases for event in case.events}
    events = {name: each for name, each in sorted(sight.events.items()) if name in told}
    listed = tuple((name, fields) for name, each in events.items() for fields in each)
    return _Sight(replace(sight.shown, events=listed) if events else sight.shown, events)


def _agrees(target: Target, said: Observed, sight: _Sight) -> bool:
    """Whether the machine showed what was said, in all that it showed."""
    if said.fault:
        return True  # it refused what has the fault
    outputs = tuple(_as_seen(target, said.outputs))
    events = sorted((event for event in said.events if event[0] in sight.events), key=lambda event: event[0])
    told = Observed(outputs, said.metadata, said.state, carried=said.carried, events=tuple(events))
    return not differ(told, sight.shown)


def _as_seen(target: Target, outputs: Sequence[tuple[str, int, bytes]]) -> list[tuple[str, int, bytes]]:
    """What a machine is said to send as it is seen: what comes back leaves by the port that brings it back."""
    back = isinstance(target, Returns)
    return [("port" if back and to == "recirculate" else to, port, frame) for to, port, frame in outputs]


def _depends_on_more(behaviour: Behaviour, found: Input) -> bool:
    """Whether the behaviour reads what no frame brings about: metadata that is not 0, the world's answers."""
    terms = all_terms(behaviour)
    if any(call.name.startswith(_GIVEN) for call in b.applications(*terms)):
        return True
    names = {v.name for v in b.variables(*terms) if v.name.startswith("in.") and v.name != "in.port"}
    return any(found.model.values.get(name, 0) for name in names if not name.startswith("in.ebpf."))
