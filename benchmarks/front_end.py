"""How long the front end takes: every program of a folder in one process, or one program in a new process.

    python benchmarks/front_end.py ../shared/corpus/p4c/p4_16_samples
    python benchmarks/front_end.py --cold examples/acl.p4

Per program: preprocess, parse, check and elaborate, wall time. Files that the programs include are parsed once a
process, which the first program that includes them pays for.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

_IMPORT = "from p4verify.semantics.p4.frontend import load_program"


class Row(NamedTuple):
    """One program."""

    seconds: float
    path: Path
    outcome: str
    """valid, invalid (with errors), unsupported."""


def main() -> int:
    """Run; exit code 2 for a folder without programs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="FOLDER-or-FILE")
    parser.add_argument("--cold", type=Path, metavar="FILE", help="this program alone, each time in a new process")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="with --cold: how many times (default 5)")
    parser.add_argument("--slowest", type=int, default=5, metavar="N", help="list the N slowest programs (default 5)")
    arguments = parser.parse_args()
    if arguments.cold is not None:
        _cold(arguments.cold, arguments.repeat)
    files = [f for path in arguments.paths for f in (sorted(path.rglob("*.p4")) if path.is_dir() else [path])]
    if not files and arguments.cold is None:
        print("no programs", file=sys.stderr)
        return 2
    if files:
        _warm(files, arguments.slowest)
    return 0


def _cold(path: Path, repeat: int) -> None:
    """New processes: the interpreter alone, with the front end, and with the program."""
    steps = {
        "interpreter": "pass",
        "and the front end": _IMPORT,
        "and the program": f"{_IMPORT}; load_program({str(path)!r})",
    }
    for name, code in steps.items():
        times = []
        for _ in range(repeat):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - started)
        print(f"cold, {name}: median {_ms(statistics.median(times))}, max {_ms(max(times))}")


def _warm(files: list[Path], slowest: int) -> None:
    started = time.perf_counter()
    from p4verify.semantics.p4.frontend import load_program
    from p4verify.semantics.source import InputError, Unsupported

    print(f"import of the front end: {_ms(time.perf_counter() - started)}")
    rows: list[Row] = []
    for path in files:
        started = time.perf_counter()
        try:
            load_program(str(path))
            outcome = "valid"
        except InputError:
            outcome = "invalid"
        except Unsupported:
            outcome = "unsupported"
        rows.append(Row(time.perf_counter() - started, path, outcome))
        gc.collect(0)
    _report(rows, slowest)


def _report(rows: list[Row], slowest: int) -> None:
    times = sorted(row.seconds for row in rows)
    counts = {name: sum(row.outcome == name for row in rows) for name in ("valid", "invalid", "unsupported")}
    print(f"{len(rows)} programs: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    print(f"the first (it reads the grammar's tables and core.p4): {_ms(rows[0].seconds)}")
    shares = (
        (name, times[min(len(times) - 1, int(len(times) * share))]) for name, share in (("p90", 0.9), ("p99", 0.99))
    )
    print(f"median {_ms(statistics.median(times))}, " + ", ".join(f"{name} {_ms(t)}" for name, t in shares)
          + f", max {_ms(times[-1])}, total {sum(times):.2f} s")  # fmt: skip
    for row in sorted(rows, key=lambda row: -row.seconds)[:slowest]:
        print(f"  {_ms(row.seconds):>10}  {row.outcome:<11} {row.path.name}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
