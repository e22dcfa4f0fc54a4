"""What the processes and the cache are worth: pairs of programs with one and two processes, an empty and a full cache.

    python benchmarks/solving.py ../shared/corpus [--every 20] [--only REGEX] [--limit 20] [--jobs 2]

Each row is a fresh process that compares the same pairs, one after the other as a user's batch does: how long it took
by the clock, in processor time (its processes' own included), and in waiting for queries; how many were answered, and
how many of these on disk. The rows: answers in the process itself, within the solver's own limits; a pool of one
process and of ``--jobs``; and that pool with a cache, first empty, then full.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Run all rows, or (``--row``) one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--every", type=int, default=20, metavar="N", help="each Nth program only")
    parser.add_argument("--only", default="", metavar="REGEX", help="programs whose name has this")
    parser.add_argument("--limit", type=float, default=20.0, metavar="SECONDS", help="for each pair (default 20)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="the larger number of processes")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row is not None:
        print(json.dumps(_row(arguments, **json.loads(arguments.row))))
        return 0
    print(f"{'':<24}{'clock':>9}{'processor':>11}{'queries':>9}{'answered':>10}{'on disk':>9}  verdicts")
    with tempfile.TemporaryDirectory() as cache:
        _show("in the process", _run({"jobs": 0, "cache": None}))
        one = _show("1 process", _run({"jobs": 1, "cache": None}))
        two = _show(f"{arguments.jobs} processes", _run({"jobs": arguments.jobs, "cache": None}))
        cold = _show(f"{arguments.jobs} processes, empty", _run({"jobs": arguments.jobs, "cache": cache}))
        warm = _show(f"{arguments.jobs} processes, full", _run({"jobs": arguments.jobs, "cache": cache}))
    print(f"1 process / {arguments.jobs} processes: clock x{one[0] / two[0]:.2f}, queries x{one[2] / two[2]:.2f}")
    print(f"empty / full cache: clock x{cold[0] / warm[0]:.2f}, queries x{cold[2] / warm[2]:.2f}")
    return 0


def _run(row: dict[str, object]) -> dict[str, object]:
    command = [sys.executable, *sys.argv, "--row", json.dumps(row)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _show(name: str, row: dict[str, object]) -> tuple[float, float, float]:
    clock, processor, waited = (float(str(row[key])) for key in ("clock", "processor", "waited"))
    print(f"{name:<24}{clock:>8.1f}s{processor:>10.1f}s{waited:>8.1f}s{row['solved']:>10}{row['cached']:>9}"
          f"  {row['verdicts']}", flush=True)  # fmt: skip
    return clock, processor, waited


def _row(arguments: argparse.Namespace, jobs: int, cache: str | None) -> dict[str, object]:
    from collections import Counter

    from p4verify.proofs.answers import Answer
    from p4verify.proofs.cache import Cache
    from p4verify.proofs.execution import Execution
    from p4verify.proofs.pool import LocalPool
    from p4verify.semantics.source import InputError, Unsupported
    from tests.support.pair_campaign import compiled, judge, load

    counts: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    waited = 0.0

    class Timed(Execution):
        def answer(self, *given: object) -> Answer:
            nonlocal waited
            begun = time.monotonic()
            try:
                found = super().answer(*given)  # type: ignore[arg-type]
            finally:
                waited += time.monotonic() - begun
            counts["solved"] += 1
            counts["cached"] += found.cached
            return found

    pairs = compiled(arguments.corpus)
    names = [n for n in dict.fromkeys(p.name for p in pairs) if re.search(arguments.only, n)][:: arguments.every]
    execution = Timed(LocalPool(jobs) if jobs else None, Cache(Path(cache)) if cache else None)
    started = time.monotonic()
    for name in names:
        mine = [p for p in pairs if p.name == name]
        try:
            program = load(mine[0].program)
        except (InputError, Unsupported):
            continue
        if program.main is not None:
            for made in mine:
                verdicts[judge(program, made.output, arguments.limit, execution=execution).verdict] += 1
    clock = time.monotonic() - started
    execution.close()
    use = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "clock": clock, "processor": sum(u.ru_utime + u.ru_stime for u in use), "waited": waited,
        "solved": counts["solved"], "cached": counts["cached"],
        "verdicts": ", ".join(f"{v} {n}" for v, n in sorted(verdicts.items())),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
