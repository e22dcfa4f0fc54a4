"""The meaning of OpenFlow flows against Open vSwitch, on random bridges and frames."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.openflow.artifact import read_text
from p4verify.targets.openflow.meaning import meaning
from p4verify.targets.openflow.oracle import OpenVSwitch

from .compiled import compiled_given, inside, possible
from .differential import Tally, repeat
from .openflow_random import DOWN, LIVE, MOST_BUCKETS, PORTS, Flows, frame

_CHOICES = {
    "any.group.": range(MOST_BUCKETS),
    "any.meter.": range(2),
    "any.table.": range(3),
    "any.multipath.": range(2),
    "any.bundle.": range(3),
}

MOST_WAYS: Final = 20_000
"""Ways through groups and meters that are tried for one frame."""

ENOUGH_WAYS: Final = 200
"""Ways after which a frame counts as one for which nothing is chosen, if all of them do the same."""

ENDED: Final = "the switch ends"
"""Open vSwitch 3.1 fails an assertion of its own: it has hashed a frame for a group in a clone, and the group is asked
once more. Another switch is taken then."""

MOST_ENDED: Final = 5
"""... as often as that in a campaign."""

Sent = tuple[tuple[str, int, bytes], ...]
"""Where a frame goes: kind, port, bytes."""


@dataclass
class SwitchTally(Tally):
    """What a campaign has seen."""

    stale: int = 0
    """Frames that the switch treats as the meaning says when they come first, and otherwise as frames before them: it
    writes whole label stack entries by a cached flow that does not tell labels apart."""

    chosen: int = 0
    """Frames that meet a group that chooses, or a meter: the switch does one of the things that the meaning allows."""

    crowded: int = 0
    """Frames that meet more ways through groups and meters than are tried, of which none does what the switch did."""

    def row(self) -> dict[str, int]:
        """See :meth:`.Tally.row`."""
        return super().row() | {"stale": self.stale, "chosen": self.chosen, "crowded": self.crowded}


def campaign(
    oracle: OpenVSwitch,
    seed: int,
    *,
    pairs: int,
    frames_per_bridge: int = 300,
    stop_after: int = 3,
    seconds: float = 1e9,
) -> SwitchTally:
    """Compare until so many pairs are done, or time is up, or so many mismatches were found."""
    tally, rng = SwitchTally(seed), random.Random(seed)
    oracle.take_down(DOWN)

    def step() -> None:
        text = Flows(rng).text()
        judge(oracle, text, sorted((rng.choice(PORTS), frame(rng)) for _ in range(frames_per_bridge)), tally)

    repeat(step, tally, pairs=pairs, stop_after=stop_after, seconds=seconds)
    return tally


def judge(oracle: OpenVSwitch, text: str, frames: list[tuple[int, bytes]], tally: SwitchTally) -> None:
    """One bridge on its frames."""
    bridge = read_text(text)
    try:
        behaviour = meaning(bridge)
    except Unsupported as reason:
        tally.unsupported[reason.reason] += 1
        return
    run, covers, choices = compiled_given(behaviour), inside(behaviour), possible(behaviour, _CHOICES)

    def does(data: bytes, port: int, wanted: Sent) -> list[Sent] | None:
        """What is allowed, as far as it has to be looked at to see ``wanted``: a frame that meets n groups and meters
        has two to the n ways and more; None where that takes too many."""
        found: dict[Sent, None] = {}
        for number, given in enumerate(choices(data, port)):
            if number == MOST_WAYS:
                return None
            found[run(data, port, LIVE | dict(given))[0]] = None
            if wanted in found and (len(found) > 1 or number >= ENOUGH_WAYS):
                break
        return list(found)

    known = [(port, data) for port, data in frames if covers(data, port)]  # the switch may crash on others
    try:
        observed = oracle.run(bridge, known)
    except InputError as error:
        tally.refused[str(error).split("refuses this: ")[-1][:60]] += 1
        return
    except OSError as error:
        oracle.close()
        oracle.take_down(DOWN)
        tally.refused[ENDED] += 1
        if tally.refused[ENDED] > MOST_ENDED:
            raise OSError(f"the switch ends often: {error}") from error
        return
    tally.outside += len(frames) - len(known)
    for (port, data), seen in zip(known, observed, strict=True):
        expected = tuple(sorted(seen.outputs))
        allowed = does(data, port, expected)
        if allowed is None:
            tally.crowded += 1
            continue
        got = expected if expected in allowed else allowed[0]
        if got != expected and not oracle.looked_at.issuperset(out for to, out, _ in got if to == "port"):
            tally.outside += 1  # a register held some number
            continue
        tally.chosen += len(allowed) > 1
        tally.pairs += 1
        tally.kinds["+".join(sorted(to for to, _, _ in expected)) or "gone"] += 1
        if got != expected and tuple(sorted(oracle.run(bridge, [(port, data)])[0].outputs)) == got:
            tally.stale += 1
            continue
        if got != expected:
            told = [[(to, out, sent.hex()) for to, out, sent in side] for side in (expected, got)]
            tally.mismatches.append(f"port {port} frame {data.hex()}:\n switch  {told[0]}\n meaning {told[1]}\n{text}")
            return
