"""The meaning of OpenFlow flows against Open vSwitch, on random bridges and frames."""

from __future__ import annotations

import random
from dataclasses import dataclass

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.openflow.artifact import read_text
from p4verify.targets.openflow.meaning import meaning
from p4verify.targets.openflow.oracle import OpenVSwitch

from .compiled import compiled, inside
from .differential import Tally, repeat
from .openflow_random import PORTS, Flows, frame


@dataclass
class SwitchTally(Tally):
    """What a campaign has seen."""

    stale: int = 0
    """Frames that the switch treats as the meaning says when they come first, and otherwise as frames before them: it
    writes whole label stack entries by a cached flow that does not tell labels apart."""

    def row(self) -> dict[str, int]:
        """See :meth:`.Tally.row`."""
        return super().row() | {"stale": self.stale}


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
    run, covers = compiled(behaviour), inside(behaviour)
    known = [(port, data) for port, data in frames if covers(data, port)]  # the switch may crash on others
    try:
        observed = oracle.run(bridge, known)
    except InputError as error:
        tally.refused[str(error).split("refuses this: ")[-1][:60]] += 1
        return
    tally.outside += len(frames) - len(known)
    for (port, data), seen in zip(known, observed, strict=True):
        got = run(data, port)[0]
        expected = tuple(sorted(seen.outputs))
        tally.pairs += 1
        tally.kinds["+".join(sorted(to for to, _, _ in expected)) or "gone"] += 1
        if got != expected and tuple(sorted(oracle.run(bridge, [(port, data)])[0].outputs)) == got:
            tally.stale += 1
            continue
        if got != expected:
            told = [[(to, out, sent.hex()) for to, out, sent in side] for side in (expected, got)]
            tally.mismatches.append(f"port {port} frame {data.hex()}:\n switch  {told[0]}\n meaning {told[1]}\n{text}")
            return
