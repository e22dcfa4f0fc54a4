"""Mutants of what a compiler's passes made, against the original: no accept may be contradicted by a random run.

    python benchmarks/pair_mutants.py ../shared/corpus --mutants 200 [--runs 10000] [--seed 0] [--data FILE]

Programs are taken at random from the midend outputs, and kinds of mutants evenly. A mutant that is rejected has a
counterexample that was run; every other one is attacked with random rules and packets, and whatever shows a difference
had to be rejected.
``--data`` keeps what was tried, a JSON line each, and goes on behind it when it is called again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.mutant_campaign import Tried, campaign
from tests.support.pair_mutation import KINDS


def main() -> int:
    """Run; exit code 1 if a difference was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mutants", type=int, default=200, help="with a verdict, in --data too (default 200)")
    parser.add_argument("--each", type=int, default=2, help="mutants of one program (default 2)")
    parser.add_argument("--runs", type=int, default=10000, help="random runs of a mutant that is not rejected")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=10.0, help="processor time for a verdict (default 10)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long, without an error")
    parser.add_argument("--data", type=Path, help="keeps what was tried")
    arguments = parser.parse_args()
    tried = _read(arguments.data)
    begun = time.monotonic()
    rest = campaign(
        arguments.corpus, arguments.seed, arguments.each, arguments.runs, arguments.limit, tried, arguments.mutants
    )
    while sum(t.counts for t in tried) < arguments.mutants and time.monotonic() - begun < arguments.seconds:
        rows = next(rest, None)
        if rows is None:
            break
        tried += rows
        _keep(arguments.data, rows)
        for row in rows:
            if row.missed or row.unsure:
                seen = row.shown or f"not known: {row.unsure}"
                print(f"{row.verdict}: {row.program} {row.kind} at {row.where}: {row.reason}\n    {seen}"[:600])
    if not tried:
        parser.error(f"no outputs of a compiler to make mutants of in {arguments.corpus}")
    return _report(tried)


def _read(data: Path | None) -> list[Tried]:
    if data is None or not data.exists():
        return []
    return [Tried(**json.loads(line)) for line in data.read_text().splitlines()]


def _keep(data: Path | None, rows: list[Tried]) -> None:
    if data is not None:
        with data.open("a") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def _report(tried: list[Tried]) -> int:
    for kind in KINDS:
        mine = Counter(row.verdict for row in tried if row.kind == kind)
        print(f"{kind:<10} {sum(mine.values()):>4}: {', '.join(f'{v} {n}' for v, n in mine.most_common())}")
    counts = Counter((row.verdict, "differs" if row.shown else "no difference seen") for row in tried)
    for (verdict, seen), count in sorted(counts.items()):
        print(f"{verdict:<12} {'' if verdict == 'reject' else seen:<20} {count}")
    seconds = sorted(row.seconds for row in tried)
    missed, wrong = sum(row.missed for row in tried), sum(row.contradicted for row in tried)
    if seconds:
        print(f"a verdict: median {seconds[len(seconds) // 2]:.2f} s, longest {seconds[-1]:.1f} s of processor time")
    asked = sorted(row.runs for row in tried if row.verdict != "reject" and row.shown is None)
    if asked:
        taken = sorted(row.attacked for row in tried if row.runs)
        print(f"random runs where nothing was seen to differ: median {asked[len(asked) // 2]}, least {asked[0]}, "
              f"in {taken[len(taken) // 2]:.2f} s at the median")  # fmt: skip
    unsure = sum(row.unsure is not None and row.shown is None for row in tried)
    print(f"{sum(row.counts for row in tried)} mutants, {missed} differences missed, {wrong} accepts contradicted; "
          f"{unsure} where it is not known whether undefined values take a difference away")  # fmt: skip
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
