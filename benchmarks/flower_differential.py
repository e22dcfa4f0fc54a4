"""The meaning of flower filters against user-mode Linux on random lists and frames: prints one row per seed.

    python benchmarks/flower_differential.py [--pairs N] [--seed N] [--seeds N]

Needs user-mode Linux (no root). Exits with 1 if there was a mismatch, with 3 without a kernel.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.interrupts import unwound_when_terminated
from p4verify.targets.flower.oracle import UserModeFlower
from tests.support.flower_campaign import campaign


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=50_000, help="list-and-frame pairs in all")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds share the pairs")
    parser.add_argument("--seconds", type=float, default=1e9, help="for each seed at most")
    options = parser.parse_args()
    with UserModeFlower() as oracle:
        reason = oracle.available()
        if reason is not None:
            print(reason, file=sys.stderr)
            return 3
        return _table(oracle, options)


def _table(oracle: UserModeFlower, options: argparse.Namespace) -> int:
    names = ("seed", "lists", "refused", "unsupported", "outside", "pairs", "mismatches")
    print("".join(f"{name:>12}" for name in names))
    kinds: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    mismatches: list[str] = []
    for seed in range(options.seed, options.seed + options.seeds):
        pairs = max(1, options.pairs // options.seeds)
        tally = campaign(oracle, seed, pairs=pairs, seconds=options.seconds)
        left = (tally.refused.total(), tally.unsupported.total(), tally.outside)
        row = (seed, tally.lists, *left, tally.pairs, len(tally.mismatches))
        print("".join(f"{number:12}" for number in row), f" {tally.pairs / tally.seconds:.0f}/s", flush=True)
        kinds += tally.kinds
        left_out += tally.unsupported + tally.refused
        mismatches += tally.mismatches
    print("what became of the frames:")
    for kind, count in kinds.most_common(8):
        print(f"  {count:8}  {kind if len(kind) < 60 else kind[:57] + '...'}")
    for reason, count in left_out.most_common(12):
        print(f"  {count:8}  lists left out: {reason}")
    for mismatch in mismatches:
        print(mismatch, file=sys.stderr)
    return 1 if mismatches else 0


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
