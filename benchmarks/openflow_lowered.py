"""Programs as flows of Open vSwitch, run beside their source: the examples with larger rule sets, or a corpus.

    python benchmarks/openflow_lowered.py [CORPUS] [--frames N] [--seed S] [--every K] [--own-rules]
        [--prove SECONDS]

Each program that OpenFlow can express gets random rules over a few numbers, or its own (``NAME.rules.cli`` beside
it); flows are made of it, and frames that meet the rules go through the source (on numbers) and through a private
switch; a difference does not count where the program reads an undefined value. ``--prove`` also asks the checker.
Exits with 1 for a mismatch or a rejection, with 3 without Open vSwitch.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.interrupts import unwound_when_terminated
from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.lowered_campaign import main

if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main("openflow", OpenVSwitch(), __doc__, ("v1model",)))
