"""The u32 meaning against the running kernel on random filter lists and frames: prints one row per seed.

    python benchmarks/u32_differential.py [--pairs N] [--seed N] [--seeds N] [--written]

Needs root (a private network namespace, taps), but with --written, for lists whose actions write, user-mode Linux.
Exits with 1 if there was a mismatch, with 3 without such a kernel.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.interrupts import unwound_when_terminated
from p4verify.targets.u32.oracle import KernelU32, UserModeU32
from tests.support import flower_campaign, u32_written
from tests.support.u32_campaign import Tally, campaign


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100_000, help="list-and-frame pairs in all")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds share the pairs")
    parser.add_argument("--written", action="store_true", help="lists whose actions write to the packet")
    options = parser.parse_args()
    with UserModeU32() if options.written else KernelU32() as oracle:
        reason = oracle.available()
        if reason is not None:
            print(reason, file=sys.stderr)
            return 3
        return _table(oracle, options.seed, options.seeds, options.pairs)


def _campaign(oracle: KernelU32 | UserModeU32, seed: int, pairs: int) -> Tally | flower_campaign.Tally:
    if isinstance(oracle, UserModeU32):
        return u32_written.campaign(oracle, seed, pairs=pairs)
    return campaign(oracle, seed, pairs=pairs)


def _table(oracle: KernelU32 | UserModeU32, first: int, seeds: int, pairs: int) -> int:
    print(f"{'seed':>6} {'lists':>7} {'refused':>8} {'unsupported':>12} {'pairs':>8} {'mismatches':>11} {'pairs/s':>8}")
    kinds: Counter[str] = Counter()
    mismatches: list[str] = []
    done = 0
    for seed in range(first, first + seeds):
        tally = _campaign(oracle, seed, max(1, pairs // seeds))
        refused = tally.refused if isinstance(tally.refused, int) else tally.refused.total()
        print(
            f"{seed:6} {tally.lists:7} {refused:8} {tally.unsupported.total():12} {tally.pairs:8} "
            f"{len(tally.mismatches):11} {tally.pairs / tally.seconds:8.0f}"
        )
        kinds += tally.kinds
        mismatches += tally.mismatches
        done += tally.pairs
    print(f"in all {done} pairs, {len(mismatches)} mismatches; what became of the frames:")
    for kind, count in kinds.most_common(8):
        print(f"  {count:8}  {kind if len(kind) < 60 else kind[:57] + '...'}")
    for mismatch in mismatches:
        print(mismatch, file=sys.stderr)
    return 1 if mismatches else 0


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
