"""Runs against behaviours, and against the plain interpreter: on other people's programs and on random ones.

    python benchmarks/laws.py CORPUS [--programs N] [--packets N] [--rules N] [--from N] [--seconds S]
    python benchmarks/laws.py --random N [--from SEED] [--arch NAME] [--written K] [--seconds S]

For every program: random rules and packets that follow its parser; running a packet must be the same as evaluating
the behaviour of every rule set under these rules, and that of these rules alone, and what the plain interpreter says.
Random programs must moreover come back from print, JSON and netlink. The corpus is walked in a fixed shuffled order,
so that any part of it is a sample. Prints a table and the number to go on from, also when it is terminated; exits with
1 if a law does not hold.
"""

from __future__ import annotations

import argparse
import gc
import random
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify.semantics.source import InputError
from tests.support.corpus_laws import laws, loaded, programs
from tests.support.p4_random import ARCHITECTURES, DEFINED
from tests.support.plain.machine import MACHINES
from tests.support.plain_agreement import judge
from tests.support.random_campaign import generated, study

COLLECT_EVERY = 25
"""Programs after which garbage is collected; collecting on every allocation of terms is a fifth of the time."""


class TooLong(BaseException):
    """A program takes longer than it may."""


class Terminated(BaseException):
    """Somebody wants the results so far."""


BREAKS = (AssertionError, InputError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Row:
    """One program, all of whose laws hold."""

    name: str
    arch: str
    packets: int
    """Packets that were compared with behaviours."""
    plainly: int
    """... and with the plain interpreter."""
    seconds: float
    """Of this processor."""
    reasons: tuple[str, ...]
    """What was not compared."""


@dataclass(frozen=True)
class Broken:
    """A program that breaks a law."""

    name: str
    problem: str


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises TooLong after so many seconds of this processor."""

    def late(_signal: int, _frame: object) -> None:
        raise TooLong

    signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _terminated(_signal: int, _frame: object) -> None:
    raise Terminated


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--programs", type=int, default=300, help="programs of the corpus with a modelled architecture")
    parser.add_argument("--packets", type=int, default=100, help="packets per program")
    parser.add_argument("--rules", type=int, default=4, help="rule sets per program")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="N random programs instead")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="the first file or seed")
    parser.add_argument("--limit", type=float, default=120, help="processor seconds for one program")
    parser.add_argument("--written", type=int, default=1, metavar="K", help="write and read every K-th random program")
    parser.add_argument("--arch", choices=ARCHITECTURES, help="random programs of this architecture only")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="stop before, with the number to go on from"
    )
    options = parser.parse_args()
    if not options.random and options.corpus is None:
        parser.error("a corpus, or --random N")
    gc.freeze()
    gc.disable()
    signal.signal(signal.SIGTERM, _terminated)
    rows: list[Row] = []
    broken = 0
    results = of_random(options) if options.random else of_corpus(options)
    try:
        for found in results:
            if isinstance(found, Broken):
                broken += 1
                print(f"BROKEN {found.name}: {found.problem}", flush=True)
            else:
                rows.append(found)
            if len(rows) % COLLECT_EVERY == 0:
                gc.collect()
    except Terminated:
        print("terminated")
    _table(rows)
    print(f"{broken} programs break a law")
    return 1 if broken else 0


def of_corpus(options: argparse.Namespace) -> Iterator[Row | Broken]:
    """Programs of the corpus, as many as asked for."""
    paths = programs(options.corpus)
    random.Random(0).shuffle(paths)
    until = time.monotonic() + options.seconds
    done, number = 0, options.first
    try:
        while number < len(paths) and done < options.programs and time.monotonic() < until:
            row = _corpus_program(paths[number], options)
            number += 1
            if row is not None:
                done += 1
                yield row
    finally:
        part = f"files {options.first} to {number - 1} of {len(paths)}"
        print(f"{done} programs among the {part}; go on with --from {number}")


def _corpus_program(path: Path, options: argparse.Namespace) -> Row | Broken | None:
    """What holds of a program; None for one that does not load."""
    started = time.process_time()
    program = loaded(path)
    if program is None:
        return None
    try:
        with limited(options.limit):
            found = laws(path, program, options.packets, options.rules)
    except BREAKS as problem:
        return Broken(str(path), f"{type(problem).__name__}: {problem}")
    except TooLong:
        return _too_long(path.stem, program.arch, options.limit)
    seconds = time.process_time() - started
    return Row(path.stem, found.arch, found.packets, found.plainly.compared, seconds, tuple(found.unsupported))


def of_random(options: argparse.Namespace) -> Iterator[Row | Broken]:
    """Random programs, each seed for all architectures; one more for what the plain interpreter models."""
    names = [options.arch] if options.arch else list(ARCHITECTURES)
    until = time.monotonic() + options.seconds
    end = options.first + -(-options.random // len(names))
    seed = options.first
    try:
        while seed < end and time.monotonic() < until:
            for arch in names:
                yield _random_program(arch, seed, options)
            seed += 1
    finally:
        count = (seed - options.first) * len(names)
        print(f"{count} programs, seeds {options.first} to {seed - 1} of {', '.join(names)}; go on with --from {seed}")


def _random_program(arch: str, seed: int, options: argparse.Namespace) -> Row | Broken:
    started = time.process_time()
    try:
        with limited(options.limit):
            found = study(generated(arch, seed), seed, written=seed % options.written == 0)
            plainly = judge(generated(arch, seed, DEFINED), seed).compared if arch in MACHINES else 0
    except TooLong:
        return _too_long(f"{arch} {seed}", arch, options.limit)
    except BREAKS as problem:
        return Broken(f"{arch} {seed}", f"{type(problem).__name__}: {problem}")
    seconds = time.process_time() - started
    reasons = (found.unsupported,) if found.unsupported else ()
    return Row(f"{arch} {seed}", arch, found.comparisons, plainly, seconds, reasons)


def _too_long(name: str, arch: str, limit: float) -> Row:
    return Row(name, arch, 0, 0, limit, (f"{name} takes longer than {limit:g} s",))


def _table(rows: list[Row]) -> None:
    print(
        f"{'architecture':<14}{'programs':>9}{'compared':>9}{'packets':>9}{'plainly':>9}"
        f"{'CPU s':>9}{'median':>8}{'worst':>8}"
    )
    for arch in sorted({row.arch for row in rows}):
        here = [row for row in rows if row.arch == arch]
        compared = sum(bool(row.packets or row.plainly) for row in here)
        packets, plainly = sum(row.packets for row in here), sum(row.plainly for row in here)
        times = [row.seconds for row in here]
        print(
            f"{arch:<14}{len(here):>9}{compared:>9}{packets:>9}{plainly:>9}"
            f"{sum(times):>9.1f}{statistics.median(times):>8.2f}{max(times):>8.1f}"
        )
    for reason, count in Counter(reason for row in rows for reason in row.reasons).most_common():
        print(f"  not compared: {reason} ({count} programs)")


if __name__ == "__main__":
    sys.exit(main())
