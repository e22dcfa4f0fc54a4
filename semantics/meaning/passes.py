"""Every pass of one packet: frames that were resubmitted or recirculated go through the machine again.

A behaviour is that of one pass from an arbitrary start; what a packet does in the end is the closure over its passes,
which only a run on numbers can follow. The state that one pass leaves is what the next one finds; frames that come
back are processed in the order in which they were sent back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import bits as b
from ..source import Unsupported
from .behaviour import Behaviour
from .concrete import Function, Groups, Outcome, Plans, Told, evaluate_behaviour

MAX_PASSES: Final = 64
"""Passes of one packet and of all that comes of it."""

BACK: Final = frozenset({"recirculate", "resubmit"})
"""Where frames go that come back."""


@dataclass(frozen=True)
class Arrival:
    """A frame at the beginning of a pass."""

    packet: bytes
    port: int
    metadata: Mapping[str, int] = field(default_factory=dict)
    """What it brings with it: ``NAME`` → ``in.NAME``."""
    by: str = "port"
    """``port``, ``recirculate`` or ``resubmit``."""


@dataclass(frozen=True)
class Passed:
    """What one pass sent and told."""

    outputs: tuple[tuple[str, int, bytes], ...]
    carried: tuple[Mapping[str, int], ...]
    events: tuple[Told, ...] = ()


@dataclass(frozen=True)
class Closure:
    """What all passes together did."""

    outputs: tuple[tuple[str, int, bytes], ...]
    """What left, in order."""
    events: tuple[Told, ...]
    passes: int


def all_passes(first: Arrival, once: Callable[[Arrival], Passed]) -> Closure:
    """Run a packet until nothing comes back.

    Args:
        first: the packet.
        once: one pass; it keeps the state from pass to pass.

    Raises:
        Unsupported: there are more than :data:`MAX_PASSES`.
    """
    waiting = deque([first])
    outputs: list[tuple[str, int, bytes]] = []
    events: list[Told] = []
    passes = 0
    while waiting:
        passes += 1
        if passes > MAX_PASSES:
            again = f"it still comes back by {waiting[0].by}"
            raise Unsupported(f"more than {MAX_PASSES} passes of one packet ({again})")
        seen = once(waiting.popleft())
        events += seen.events
        for (to, port, frame), metadata in zip(seen.outputs, seen.carried, strict=True):
            if to in BACK:
                waiting.append(Arrival(frame, port, metadata, to))
            else:
                outputs.append((to, port, frame))
    return Closure(tuple(outputs), tuple(events), passes)


@dataclass(frozen=True)
class Evaluated:
    """What a behaviour does to one packet in all its passes."""

    outputs: tuple[tuple[str, int, bytes], ...]
    events: tuple[Told, ...]
    state: dict[str, dict[int, int]]
    """State afterwards: name → index → value, for the cells that were asked for."""
    outcomes: tuple[Outcome, ...]
    """The passes one by one."""


def evaluate_passes(
    behaviour: Behaviour,
    packet: bytes,
    port: int,
    *,
    functions: Mapping[str, Function] | None = None,
    inputs: Mapping[str, b.Value] | None = None,
    choices: int | Mapping[str, int] = 0,
    cells: Mapping[str, Sequence[int]] | None = None,
    default: int | None = None,
    groups: Groups | None = None,
    plans: Plans | None = None,
) -> Evaluated:
    """:func:`.concrete.evaluate_behaviour`, pass after pass; the arguments and errors are the same.

    ``in.*`` is given for the first pass; what a frame that comes back does not bring with it is 0 in its passes, as in
    :func:`.program.run`.

    Raises:
        Unsupported: there are more than :data:`MAX_PASSES`.
    """
    known = dict(functions or {})
    outcomes: list[Outcome] = []

    def once(arrival: Arrival) -> Passed:
        first = dict(inputs or {}) if arrival.by == "port" else _of_later_passes(inputs or {})
        given = {**first, **{f"in.{name}": value for name, value in arrival.metadata.items()}}
        seen = evaluate_behaviour(
            behaviour, arrival.packet, arrival.port, functions=dict(known), inputs=given, choices=choices,
            default=default, groups=groups, plans=plans,
        )  # fmt: skip
        known.update({f"state.{name}": _remembered(cell) for name, cell in seen.cells.items()})
        outcomes.append(seen)
        return Passed(seen.outputs, seen.carried, seen.events)

    whole = all_passes(Arrival(packet, port), once)
    state = {
        name: {i: _read(known, name, i, default) for i in indexes} for name, indexes in (cells or {}).items()
    }  # fmt: skip
    return Evaluated(whole.outputs, whole.events, state, tuple(outcomes))


def _of_later_passes(inputs: Mapping[str, b.Value]) -> dict[str, b.Value]:
    return {name: 0 if name.startswith("in.") else value for name, value in inputs.items()}


def _remembered(cell: Function) -> Function:
    """A function whose answers are computed once: each pass looks through those before it."""
    answers: dict[tuple[int, ...], int] = {}

    def function(*index: int) -> int:
        if index not in answers:
            answers[index] = cell(*index)
        return answers[index]

    return function


def _read(functions: Mapping[str, Function], name: str, index: int, default: int | None) -> int:
    function = functions.get(f"state.{name}")
    if function is not None:
        return function(index)
    if default is None:
        raise KeyError(f"state.{name}")
    return default
