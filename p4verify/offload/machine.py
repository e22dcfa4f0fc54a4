"""Both sides of a division on the real machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..proofs.verdict import Observed
from ..semantics.meaning.behaviour import Behaviour
from ..semantics.source import InputError, Unsupported
from ..targets.base import Oracle, Target

Side = tuple[Any, Behaviour]
"""An artifact and what it does."""


@dataclass(frozen=True)
class Seen:
    """The real machine did with both sides what their meanings say."""

    name: str


def seen_by_machine(
    target: Target,
    sides: tuple[Side, Side],
    packets: Sequence[tuple[int, bytes]],
    said: tuple[Sequence[Observed], Sequence[Observed]],
) -> Seen | str | None:
    """Software alone, and the division, on the real machine; the division is one list there, in which the device's part
    comes first (:mod:`..targets.tc.offload.divide`).

    Returns:
        None where there is no such machine, or it cannot be given these lists or packets; in words what it does
        otherwise than it is said to.
    """
    oracle = target.oracle()
    if oracle is None:
        return None
    try:
        if oracle.available() is not None:
            return None
        for (artifact, _), expected in zip(sides, said, strict=True):
            wrong = _otherwise(oracle, artifact, packets, expected)
            if wrong is not None:
                return wrong
    except (ValueError, OSError, InputError, Unsupported):
        return None
    finally:
        oracle.close()
    return Seen(f"{target.name} {getattr(oracle, 'machine', 'kernel')}")


def _otherwise(
    oracle: Oracle, artifact: Any, packets: Sequence[tuple[int, bytes]], said: Sequence[Observed]
) -> str | None:
    for (_, packet), seen, expected in zip(packets, oracle.run(artifact, packets), said, strict=True):
        if sorted(seen.outputs) != sorted(expected.outputs):
            shown = [(to, port, frame.hex()) for to, port, frame in seen.outputs]
            return f"the real machine does something else than its meaning says on {packet.hex()}: {shown}"
    return None
