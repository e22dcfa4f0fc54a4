"""The u32 meaning against the running kernel on random filter lists and frames: prints one row per seed.

    python benchmarks/u32_differential.py [--pairs N] [--seed N] [--seeds N] [--seconds N] [--written]

Needs root (a private network namespace, taps), but with --written, for lists whose actions write, user-mode Linux.
Exits with 1 if there was a mismatch, with 3 without such a kernel.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.interrupts import unwound_when_terminated
from p4verify.targets.u32.oracle import KernelU32, UserModeU32
from tests.support import u32_campaign, u32_written
from tests.support.differential import Tally, arguments, report


def main() -> int:
    parser = arguments(__doc__.splitlines()[0], pairs=100_000)
    parser.add_argument("--written", action="store_true", help="lists whose actions write to the packet")
    options = parser.parse_args()
    with UserModeU32() if options.written else KernelU32() as oracle:
        return report(oracle, lambda seed, pairs: _campaign(oracle, seed, pairs, options.seconds), options)


def _campaign(oracle: KernelU32 | UserModeU32, seed: int, pairs: int, seconds: float) -> Tally:
    if isinstance(oracle, UserModeU32):
        return u32_written.campaign(oracle, seed, pairs=pairs, seconds=seconds)
    return u32_campaign.campaign(oracle, seed, pairs=pairs, seconds=seconds)


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
