"""Runs against behaviours, and against the plain interpreter: on other people's programs and on random ones.

    python benchmarks/laws.py CORPUS [--programs N] [--packets N] [--rules N] [--from N]
    python benchmarks/laws.py --random N [--from SEED] [--arch NAME]

For every program: random rules and packets that follow its parser; running a packet must be the same as evaluating
the behaviour of every rule set under these rules, and that of these rules alone, and what the plain interpreter says.
Random programs must moreover come back from print, JSON and netlink. Prints a table; exits with 1 if a law does not
hold.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify.semantics.source import InputError
from tests.support.corpus_laws import laws, loaded, programs
from tests.support.p4_random import ARCHITECTURES, DEFINED
from tests.support.plain.machine import MACHINES
from tests.support.plain_agreement import judge
from tests.support.random_campaign import generated, study

Row = tuple[str, int, int, int, float, list[str]]
"""Architecture, programs with comparisons (0 or 1), packets with behaviours, packets plainly, seconds, reasons."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--programs", type=int, default=300, help="programs of the corpus, spread over all of it")
    parser.add_argument("--packets", type=int, default=100, help="packets per program")
    parser.add_argument("--rules", type=int, default=4, help="rule sets per program")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="N random programs instead")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="the first program or seed")
    parser.add_argument("--arch", choices=ARCHITECTURES, help="random programs of this architecture only")
    options = parser.parse_args()
    if not options.random and options.corpus is None:
        parser.error("a corpus, or --random N")
    rows: list[Row] = []
    broken = 0
    for name, row in of_random(options) if options.random else of_corpus(options):
        if isinstance(row, str):
            broken += 1
            print(f"BROKEN {name}: {row}", flush=True)
        else:
            rows.append(row)
    _table(rows)
    print(f"{broken} programs break a law")
    return 1 if broken else 0


def of_corpus(options: argparse.Namespace) -> Iterator[tuple[str, Row | str]]:
    """Programs of the corpus, as many as asked for."""
    usable = [path for path in programs(options.corpus) if loaded(path) is not None]
    step = max(1, len(usable) // options.programs)
    for path in usable[options.first :: step][: options.programs]:
        program = loaded(path)
        assert program is not None
        started = time.monotonic()
        try:
            found = laws(path, program, options.packets, options.rules)
        except AssertionError as problem:
            yield path.stem, str(problem)
            continue
        seconds = time.monotonic() - started
        compared = found.packets, found.plainly.compared
        yield path.stem, (found.arch, int(any(compared)), *compared, seconds, list(found.unsupported))


def of_random(options: argparse.Namespace) -> Iterator[tuple[str, Row | str]]:
    """Random programs, in turn of all architectures: all laws, and once more with what the plain interpreter models."""
    names = [options.arch] if options.arch else list(ARCHITECTURES)
    for number in range(options.random):
        arch, seed = names[number % len(names)], options.first + number // len(names)
        started = time.monotonic()
        try:
            found = study(generated(arch, seed), seed)
            plainly = judge(generated(arch, seed, DEFINED), seed).compared if arch in MACHINES else 0
        except (AssertionError, InputError, LookupError, TypeError, ValueError) as problem:
            yield f"{arch} {seed}", f"{type(problem).__name__}: {problem}"
            continue
        seconds = time.monotonic() - started
        reasons = [found.unsupported] if found.unsupported else []
        yield f"{arch} {seed}", (arch, int(found.comparisons > 0), found.comparisons, plainly, seconds, reasons)


def _table(rows: list[Row]) -> None:
    print(
        f"{'architecture':<14}{'programs':>9}{'compared':>9}{'packets':>9}{'plainly':>9}{'median s':>10}{'worst s':>9}"
    )
    for arch in sorted({row[0] for row in rows}):
        here = [row for row in rows if row[0] == arch]
        counts = [sum(row[i] for row in here) for i in (1, 2, 3)]  # type: ignore[misc]
        times = [row[4] for row in here]
        print(
            f"{arch:<14}{len(here):>9}{counts[0]:>9}{counts[1]:>9}{counts[2]:>9}"
            f"{statistics.median(times):>10.2f}{max(times):>9.1f}"
        )
    for reason, count in Counter(reason for row in rows for reason in row[5]).most_common():
        print(f"  not compared: {reason} ({count} programs)")


if __name__ == "__main__":
    sys.exit(main())
