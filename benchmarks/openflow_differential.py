"""The meaning of OpenFlow flows against Open vSwitch on random bridges and frames: prints one row per seed.

    python benchmarks/openflow_differential.py [--pairs N] [--seed N] [--seeds N] [--seconds N]

Needs Open vSwitch (no root). Exits with 1 if there was a mismatch, with 3 without a switch.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.interrupts import unwound_when_terminated
from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.differential import arguments, report
from tests.support.openflow_campaign import campaign


def main() -> int:
    options = arguments(__doc__.splitlines()[0], pairs=50_000).parse_args()
    with OpenVSwitch() as oracle:
        return report(oracle, lambda seed, pairs: campaign(oracle, seed, pairs=pairs, seconds=options.seconds), options)


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
