"""Object against object on the suite of C programs: what clang makes of a program in nine ways is the same, and a
mistake that was put into it is found.

    python benchmarks/ebpf_objects.py [NAME]... [--quick] [--seconds N]

Prints a line for each comparison that does not end as it should (a mistake has to be confirmed by the kernel, too,
where there is one), and for each program how long its comparisons took.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.checks import Checker
from p4verify.results import Result
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite


def compared(name: str, level: str, cpu: str, bug: int = 0, seconds: float = 60) -> Result:
    """The program at -O2 for v3 against the same in another way, or with a mistake."""
    base, other = bpf_suite.variant(name), bpf_suite.variant(name, level, cpu, bug)
    return Checker(None, timeout=seconds).check_two((TARGET, base, base.name), (TARGET, other, other.name))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true", help="two of the nine ways only")
    parser.add_argument("--seconds", type=float, default=60, help="for each comparison")
    arguments = parser.parse_args()
    ways = [w for w in bpf_suite.VARIANTS if w != ("-O2", "v3")]
    ways = [("-O1", "v1"), ("-Os", "v2")] if arguments.quick else ways
    machine = KernelOracle().available() is None
    counts: Counter[str] = Counter()
    wrong = 0
    times: list[float] = []
    for name in arguments.names or bpf_suite.names():
        row = []
        tries = [(way, 0) for way in ways] + [(("-O2", "v3"), bug) for bug in bpf_suite.bugs(name)]
        for (level, cpu), bug in tries:
            started = time.monotonic()
            proof = compared(name, level, cpu, bug, arguments.seconds).proof
            row.append(time.monotonic() - started)
            kind, wanted = ("mistake", "reject") if bug else ("variant", "accept")
            counts[f"{kind}: {proof.verdict.value}"] += 1
            on_kernel = proof.counterexample is not None and "ebpf kernel" in proof.counterexample.confirmed_by
            counts["mistakes confirmed by the kernel"] += bool(bug and on_kernel)
            if proof.verdict.value != wanted or (bug and machine and not on_kernel):
                wrong += 1
                print(f"  {name} {level} {cpu}{f' bug {bug}' if bug else ''}: {proof.verdict.value}: {proof.reason}")
        times += row
        print(
            f"{name:14} {len(row)} comparisons, median {statistics.median(row):.2f} s, most {max(row):.2f} s",
            flush=True,
        )
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    print(f"median {statistics.median(times):.2f} s, most {max(times):.2f} s, all {sum(times):.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
