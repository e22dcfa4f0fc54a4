"""The meaning of flower filters against user-mode Linux on random lists and frames: prints one row per seed.

    python benchmarks/flower_differential.py [--pairs N] [--seed N] [--seeds N] [--seconds N]

Needs user-mode Linux (no root). Exits with 1 if there was a mismatch, with 3 without a kernel.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.interrupts import unwound_when_terminated
from p4verify.targets.flower.oracle import UserModeFlower
from tests.support.differential import arguments, report
from tests.support.flower_campaign import campaign


def main() -> int:
    options = arguments(__doc__.splitlines()[0], pairs=50_000).parse_args()
    with UserModeFlower() as oracle:
        return report(oracle, lambda seed, pairs: campaign(oracle, seed, pairs=pairs, seconds=options.seconds), options)


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
