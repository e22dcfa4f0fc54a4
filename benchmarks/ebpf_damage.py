"""Damaged eBPF objects: each gives a result or one clear error, none a traceback or a hang.

    python benchmarks/ebpf_damage.py [COUNT] [SEED] [FIRST]

Exit code 1, and the bytes' seed with the text, for each that does not. Needs clang for most of the objects.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify import targets
from p4verify.inputs import SourceOptions, embedded, read_program
from p4verify.targets.ebpf.artifact import write_elf
from tests.support import bpf_suite
from tests.support.bpf_damage import damaged, tried
from tests.support.bpf_objects import small_object


def carrying(name: str) -> bytes:
    """An example as an object that carries its p4ast."""
    program, target = read_program(str(ROOT / "examples" / f"{name}.p4"), SourceOptions()), targets.find("ebpf")
    return target.write(embedded(target, target.lower(program, None, {}), program))


def objects() -> list[bytes]:
    """Whole objects of several makers."""
    made = [write_elf(small_object()), *(carrying(name) for name in ("acl", "router"))]
    if bpf_suite.usable():
        made += [bpf_suite.compiled(name, *bpf_suite.VARIANTS[i % 9]) for i, name in enumerate(bpf_suite.names())]
    return made


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    whole, counts, slowest = objects(), Counter[str](), 0.0
    for number in range(first, first + count):
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
