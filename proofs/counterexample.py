"""From a solver's model to a packet that anybody can send, and back: both sides are run on it before it counts.

The two sides are run as given (callables from an :class:`Input` to an :class:`Observed`), not through the terms of the
query, so a mistake in how obligations are made cannot produce a ``reject``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .engine import Model
from .verdict import Observed


@dataclass(frozen=True)
class Input:
    """All that a side may depend on."""

    packet: bytes
    port: int
    model: Model = field(default_factory=Model)
    """Values of everything else: other inputs, tables' answers, state cells, choices."""
    cells: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The state cells to look at afterwards."""


Side = Callable[[Input], Observed]


def input_of(model: Model) -> Input:
    """The concrete input that a model describes; bytes that it leaves open are 0."""
    length = model.values.get("pkt.len", 0)
    packet = bytes(model.values.get(f"pkt[{i}]", 0) & 0xFF for i in range(length))
    cells: dict[str, tuple[int, ...]] = {}
    for name, value in model.values.items():
        if name.startswith("at."):
            cells[name[3:]] = (value,)
    return Input(packet, model.values.get("in.port", 0), model, cells)


def shrink(found: Input, spec: Side, impl: Side, *, budget: int = 400) -> Input:
    """A simpler input on which the sides still differ: shorter, and with as many zero bytes as can be.

    Only the frame and the port are changed. Spends at most ``budget`` runs of the two sides; an input on which a side
    cannot be run (outside of its domain) is not taken.
    """
    best = found
    for candidate in _candidates(found):
        if budget <= 0:
            break
        trial = candidate(best)
        if trial is None:
            continue
        budget -= 1
        if differ_on(trial, spec, impl):
            best = trial
    return best


def differ_on(trial: Input, spec: Side, impl: Side) -> bool:
    """Whether the sides can be told apart on ``trial``; False where one of them cannot be run."""
    try:
        return spec(trial).differs(impl(trial))
    except (ValueError, KeyError):
        return False


def _candidates(found: Input) -> list[Callable[[Input], Input | None]]:
    """Changes to try one after the other, each on the best input so far."""
    tries: list[Callable[[Input], Input | None]] = []
    length = len(found.packet)
    lengths = sorted({n for n in (14, 18, 34, 38, 42, 54, 58, 60, 64, length // 2) if n < length})
    tries += [_with_length(n) for n in lengths]
    tries.append(lambda i: replace(i, port=2) if i.port != 2 else None)
    tries += [_with_zero(k) for k in range(min(length, 128))]
    return tries


def _with_length(count: int) -> Callable[[Input], Input | None]:
    return lambda i: replace(i, packet=i.packet[:count]) if len(i.packet) > count else None


def _with_zero(index: int) -> Callable[[Input], Input | None]:
    def change(trial: Input) -> Input | None:
        if index >= len(trial.packet) or trial.packet[index] == 0:
            return None
        return replace(trial, packet=trial.packet[:index] + b"\0" + trial.packet[index + 1 :])

    return change
