"""Programs of others against what a compiler's passes made of them: verdicts, outputs compared, time, memory.

    python benchmarks/pairs.py ../shared/corpus [--passes midend] [--every 10] [--only REGEX] [--limit 20] [--jobs 2]
    python benchmarks/pairs.py ../shared/corpus --start 3 --every 8 --save rows.jsonl     one slice of eight
    python benchmarks/pairs.py --table rows.jsonl                                         the table of all slices

The time of a pair includes reading the second program. ``--show`` lists every pair that is not accepted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.pair_campaign import PASSES, Made, compiled, judged_pairs


@dataclass(frozen=True)
class Row:
    """One pair: seconds, ``cpu`` those of the process alone; ``memory`` is the peak of ``process`` so far, in MiB."""

    name: str
    passes: str
    verdict: str
    reason: str
    seconds: float
    cpu: float
    compared: int
    process: int
    memory: float


def main() -> int:
    """Run; exit code 2 where there are no pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--passes", default=",".join(PASSES), help="first, frontend, midend")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each Nth program only")
    parser.add_argument("--start", type=int, default=0, metavar="K", help="of these, from the Kth on")
    parser.add_argument("--only", default="", metavar="REGEX", help="programs whose name has this")
    parser.add_argument("--limit", type=float, default=20.0, metavar="SECONDS", help="for each pair (default 20)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--show", action="store_true", help="list what is not accepted")
    parser.add_argument("--save", type=Path, metavar="FILE", help="append the rows, one JSON object a line")
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE", help="the table of saved rows; runs nothing")
    arguments = parser.parse_args()
    if arguments.table:
        rows = [Row(**json.loads(line)) for path in arguments.table for line in path.read_text().splitlines()]
    elif arguments.corpus is None:
        parser.error("a corpus, or --table")
    else:
        rows = _run(arguments)
    if not rows:
        print("no pairs", file=sys.stderr)
        return 2
    if arguments.table and arguments.show:
        for row in rows:
            _show(row)
    _report(rows)
    return 0


def _run(arguments: argparse.Namespace) -> list[Row]:
    pairs = compiled(arguments.corpus, tuple(arguments.passes.split(",")))
    programs = [list(group) for _, group in groupby(pairs, lambda made: made.name)]
    chosen = [p for p in programs[arguments.start :: arguments.every] if re.search(arguments.only, p[0].name)]
    rows = []
    for row in _rows(chosen, arguments.limit, arguments.jobs):
        rows.append(row)
        if arguments.show:
            _show(row)
        if arguments.save:
            with arguments.save.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")
    return rows


def _rows(programs: Sequence[Sequence[Made]], limit: float, jobs: int) -> Iterator[Row]:
    """Each program in a process of its own, as from the command line: the order of terms, and so how long a solver
    takes, hangs on those that are there already (up4: 73 s, but 116 s as one of the last of a batch in one process)."""
    with get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        for found in pool.imap(partial(_judged, limit=limit), programs):
            yield from found


def _judged(pairs: Sequence[Made], limit: float) -> list[Row]:
    rows = []
    for made, judged in judged_pairs(pairs, limit):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        times = round(judged.seconds, 4), round(judged.cpu, 4)
        row = Row(made.name, made.passes, judged.verdict, judged.reason, *times, judged.compared, os.getpid(), peak)
        rows.append(row)
    return rows


def _show(row: Row) -> None:
    if row.verdict != "accept":
        print(f"{row.verdict:<12} {row.name} {row.passes} {row.cpu:.1f} s: {row.reason}", flush=True)


def _report(rows: Sequence[Row]) -> None:
    for passes in (*dict.fromkeys(row.passes for row in rows), "all"):
        mine = [row for row in rows if passes in (row.passes, "all")]
        counts = ", ".join(f"{verdict} {count}" for verdict, count in Counter(r.verdict for r in mine).most_common())
        print(f"{passes:<9} {len(mine)} pairs: {counts}; {sum(row.compared for row in mine)} outputs compared")
    for what, seconds in (("CPU", [row.cpu for row in rows]), ("wall", [row.seconds for row in rows])):
        ordered = sorted(seconds)
        median, p90, p99 = (ordered[int(len(ordered) * part)] for part in (0.5, 0.9, 0.99))
        print(f"{what:<4} time of a pair: median {median:.3f} s, 90 % below {p90:.2f} s, 99 % below {p99:.2f} s, "
              f"longest {ordered[-1]:.1f} s; {sum(ordered):.0f} s in all")  # fmt: skip
    peaks: dict[int, float] = {}
    for row in rows:
        peaks[row.process] = max(row.memory, peaks.get(row.process, 0))
    print(f"peak memory of a process {max(peaks.values()):.0f} MiB")
    compared = sorted(row.compared for row in rows if row.verdict == "accept")
    if compared:
        print(f"outputs compared in an accepted pair: least {compared[0]}, median {compared[len(compared) // 2]}")


if __name__ == "__main__":
    begun = time.monotonic()
    code = main()
    print(f"{time.monotonic() - begun:.0f} s in all", file=sys.stderr)
    sys.exit(code)
