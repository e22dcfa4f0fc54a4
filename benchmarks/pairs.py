"""Programs of others against what a compiler's passes made of them: verdicts, reasons, time, memory.

    python benchmarks/pairs.py ../shared/corpus [--passes midend] [--every 10] [--only REGEX] [--limit 20]

One process; time includes reading the second program. ``--show`` lists every pair that is not accepted.
"""

from __future__ import annotations

import argparse
import re
import resource
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.semantics import ir
from p4verify.semantics.source import InputError, Unsupported
from tests.support.pair_campaign import PASSES, Judged, Made, compiled, judge, load


def main() -> int:
    """Run; exit code 2 where there are no pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--passes", default=",".join(PASSES), help="first, frontend, midend")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each Nth program only")
    parser.add_argument("--start", type=int, default=0, metavar="K", help="of these, from the Kth on")
    parser.add_argument("--only", default="", metavar="REGEX", help="programs whose name has this")
    parser.add_argument("--limit", type=float, default=20.0, metavar="SECONDS", help="for each pair (default 20)")
    parser.add_argument("--show", action="store_true", help="list what is not accepted")
    arguments = parser.parse_args()
    pairs = compiled(arguments.corpus, tuple(arguments.passes.split(",")))
    names = list(dict.fromkeys(p.name for p in pairs))[arguments.start :: arguments.every]
    chosen = {n for n in names if re.search(arguments.only, n)}
    rows = _judged([p for p in pairs if p.name in chosen], arguments.limit, arguments.show)
    if not rows:
        print("no pairs", file=sys.stderr)
        return 2
    _report(rows)
    return 0


def _judged(pairs: list[Made], limit: float, show: bool) -> list[tuple[Made, Judged]]:
    rows: list[tuple[Made, Judged]] = []
    program: tuple[str, ir.Program | None] = ("", None)
    for made in pairs:
        if program[0] != made.name:
            program = (made.name, _complete(made.program))
        if program[1] is None:
            continue
        judged = judge(program[1], made.output, limit)
        rows.append((made, judged))
        if show and judged.verdict != "accept":
            print(f"{judged.verdict:<12} {made.name} {made.passes} {judged.seconds:.1f} s: {judged.reason}", flush=True)
    return rows


def _complete(path: Path) -> ir.Program | None:
    """The program; None if it is refused, or no whole program."""
    try:
        program = load(path)
    except (InputError, Unsupported):
        return None
    return program if program.main is not None else None


def _report(rows: list[tuple[Made, Judged]]) -> None:
    for passes in dict.fromkeys(made.passes for made, _ in rows):
        counts = Counter(judged.verdict for made, judged in rows if made.passes == passes)
        print(f"{passes:<9}", ", ".join(f"{verdict} {count}" for verdict, count in counts.most_common()))
    print("all      ", ", ".join(f"{v} {n}" for v, n in Counter(j.verdict for _, j in rows).most_common()))
    seconds = sorted(judged.seconds for _, judged in rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(rows)} pairs, {sum(seconds):.0f} s; a pair: median {seconds[len(seconds) // 2]:.3f} s, "
          f"99th percentile {seconds[int(len(seconds) * 0.99)]:.2f} s, longest {seconds[-1]:.1f} s; "
          f"peak memory {peak:.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    begun = time.monotonic()
    code = main()
    print(f"{time.monotonic() - begun:.0f} s in all", file=sys.stderr)
    sys.exit(code)
