"""Mutants of what a compiler's passes made, against the original: no accept may be contradicted by a random run.

    python benchmarks/pair_mutants.py ../shared/corpus --mutants 200 [--runs 200] [--seed 0]

Programs are taken at random from the midend outputs. A mutant on which a random run shows a difference must not be
accepted; one that is rejected has a confirmed counterexample anyway.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.pairing import pair_programs
from p4verify.semantics.source import InputError, Unsupported
from tests.support.pair_campaign import compiled, judge_programs, load
from tests.support.pair_mutation import difference, known, mutants


def main() -> int:
    """Run; exit code 1 if an accept was contradicted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--each", type=int, default=2, help="mutants of one program (default 2)")
    parser.add_argument("--runs", type=int, default=200, help="random runs for each mutant (default 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds for a verdict (default 10)")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    outputs = compiled(arguments.corpus, ("midend",))
    rng.shuffle(outputs)
    counts: Counter[tuple[str, str]] = Counter()
    contradicted, begun = 0, time.monotonic()
    for made in outputs:
        if sum(counts.values()) >= arguments.mutants:
            break
        try:
            program = load(made.output)
        except (InputError, Unsupported):
            continue
        if program.main is None:
            continue
        for mutant in mutants(program, rng, arguments.each):
            judged = judge_programs(program, mutant.program, arguments.limit)
            blocks = not known(program)
            shown = difference(pair_programs(program, mutant.program), rng, arguments.runs, blocks=blocks)
            counts[judged.verdict, "differs" if shown else "no difference seen"] += 1
            if shown and judged.verdict != "reject":
                print(
                    f"{judged.verdict}: {made.name} {mutant.kind} at {mutant.where}: {judged.reason}\n    {shown[:300]}"
                )
            contradicted += bool(shown) and judged.verdict == "accept"
    for (verdict, seen), count in sorted(counts.items()):
        print(f"{verdict:<12} {seen:<20} {count}")
    print(f"{sum(counts.values())} mutants, {contradicted} accepts contradicted, {time.monotonic() - begun:.0f} s")
    return 1 if contradicted else 0


if __name__ == "__main__":
    sys.exit(main())
