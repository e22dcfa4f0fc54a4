"""Time and peak memory of the symbolic behaviour (every packet, every rule set) of each program in a folder.

    python benchmarks/meanings.py FOLDER... [--slow SECONDS] [--include REGEX]

Each program has a process of its own, stopped after ``LIMIT`` seconds. Prints those that took long, those that are not
supported with the reason, and the median, the slowest and the largest.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import statistics
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported

LIMIT = 60
"""Seconds for one program, its front end included."""

Result = tuple[str, float, float]
"""How it ended (``built``, ``refused``, ``unsupported: ...``, ``out of time``), seconds, MiB."""


def build(file: str, back: Connection) -> None:
    """In a process of its own: one program's behaviour."""
    seconds, how = 0.0, "built"
    try:
        program = load_program(file)
        began = time.monotonic()
        if program.main is None:
            how = "refused"
        else:
            meaning(program)
        seconds = time.monotonic() - began
    except InputError:
        how = "refused"
    except Unsupported as problem:
        how = f"unsupported: {problem.reason}"
    back.send((how, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def measured(file: Path) -> Result:
    """One program."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=build, args=(str(file), there))
    process.start()
    result: Result = here.recv() if here.poll(LIMIT) else ("out of time", float(LIMIT), 0.0)
    process.kill()
    process.join()
    return result


def programs(folders: list[Path], include: str) -> Iterator[Path]:
    """The P4 files whose text matches ``include``."""
    for folder in folders:
        for file in sorted(folder.rglob("*.p4")):
            if re.search(include, file.read_text("latin-1")):
                yield file


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--slow", type=float, default=2.0, help="print programs that took so many seconds")
    parser.add_argument("--include", default="", help="only programs whose text matches this regular expression")
    args = parser.parse_args()
    results: dict[Path, Result] = {}
    for file in programs(args.folders, args.include):
        results[file] = how, seconds, memory = measured(file)
        if how not in ("built", "refused") or (how == "built" and seconds >= args.slow):
            print(f"{file.name}: {how}, {seconds:.2f} s, {memory:.0f} MiB", flush=True)
    built = {f: r for f, r in results.items() if r[0] == "built"}
    refused = sum(r[0] == "refused" for r in results.values())
    print(f"{len(built)} built, {refused} refused or incomplete, {len(results) - len(built) - refused} not built")
    if built:
        slowest, largest = (max(built.items(), key=lambda item, i=i: item[1][i]) for i in (1, 2))
        print(
            f"median {statistics.median(r[1] for r in built.values()):.3f} s; "
            f"slowest {slowest[0].name} {slowest[1][1]:.2f} s; largest {largest[0].name} {largest[1][2]:.0f} MiB"
        )


if __name__ == "__main__":
    main()
