"""Damaged eBPF objects: each gives a result or one clear error, none a traceback or a hang.

    python benchmarks/ebpf_damage.py [COUNT] [SEED]

Exit code 1, and the bytes' seed with the text, for each that does not. Needs clang for most of the objects.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.targets.ebpf.artifact import write_elf
from tests.support import bpf_suite
from tests.support.bpf_damage import damaged, tried
from tests.support.bpf_objects import small_object


def objects() -> list[bytes]:
    """Whole objects of several makers."""
    made = [write_elf(small_object())]
    if bpf_suite.usable():
        made += [bpf_suite.compiled(name, *bpf_suite.VARIANTS[i % 9]) for i, name in enumerate(bpf_suite.names())]
    return made


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    whole, counts, slowest = objects(), Counter[str](), 0.0
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        data = damaged(rng, rng.choice(whole))
        started = time.monotonic()
        ended = tried(data)
        slowest = max(slowest, time.monotonic() - started)
        counts[ended.kind] += 1
        if ended.kind == "failure":
            print(f"seed {seed}, number {number}: {ended.text}", flush=True)
    print(f"{count} damaged objects: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))
    print(f"slowest {slowest:.1f} s")
    return 1 if counts["failure"] else 0


if __name__ == "__main__":
    sys.exit(main())
