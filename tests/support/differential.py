"""What the campaigns share that run random artifacts and frames on a meaning and on the real machine."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from p4verify.targets.base import Oracle


@dataclass
class Tally:
    """What a campaign has seen."""

    seed: int
    artifacts: int = 0
    pairs: int = 0
    outside: int = 0
    """Frames that the meaning leaves out."""
    refused: Counter[str] = field(default_factory=Counter)
    unsupported: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    """What became of the frames."""
    mismatches: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def row(self) -> dict[str, int]:
        """The numbers of a table's row, by column."""
        return {
            "seed": self.seed,
            "artifacts": self.artifacts,
            "refused": self.refused.total(),
            "unsupported": self.unsupported.total(),
            "outside": self.outside,
            "pairs": self.pairs,
            "mismatches": len(self.mismatches),
        }


def repeat(step: Callable[[], None], tally: Tally, *, pairs: int, stop_after: int, seconds: float) -> None:
    """One artifact per step until so many pairs are done, or time is up, or so many mismatches were found."""
    start = time.perf_counter()
    while tally.pairs < pairs and len(tally.mismatches) < stop_after and time.perf_counter() - start < seconds:
        tally.artifacts += 1
        step()
    tally.seconds = time.perf_counter() - start


def arguments(description: str, *, pairs: int) -> argparse.ArgumentParser:
    """The options that every such campaign has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--pairs", type=int, default=pairs, help="artifact-and-frame pairs in all")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds share the pairs")
    parser.add_argument("--seconds", type=float, default=1e9, help="for each seed at most")
    return parser


def report(oracle: Oracle, campaign: Callable[[int, int], Tally], options: argparse.Namespace) -> int:
    """Run ``campaign(seed, pairs)`` for each seed and print a row each, then what became of frames and artifacts. The
    exit code: 1 if there was a mismatch, 3 if there is no such machine here."""
    reason = oracle.available()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 3
    kinds: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    mismatches: list[str] = []
    for seed in range(options.seed, options.seed + options.seeds):
        tally = campaign(seed, max(1, options.pairs // options.seeds))
        row = tally.row()
        if seed == options.seed:
            print("".join(f"{name:>12}" for name in row))
        print("".join(f"{number:12}" for number in row.values()), f" {tally.pairs / tally.seconds:.0f}/s", flush=True)
        kinds += tally.kinds
        left_out += tally.unsupported + tally.refused
        mismatches += tally.mismatches
    print("what became of the frames:")
    for kind, count in kinds.most_common(8):
        print(f"  {count:8}  {kind if len(kind) < 60 else kind[:57] + '...'}")
    for reason, count in left_out.most_common(12):
        print(f"  {count:8}  artifacts left out: {reason}")
    for mismatch in mismatches:
        print(mismatch, file=sys.stderr)
    return 1 if mismatches else 0
