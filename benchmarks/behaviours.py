"""Time and peak memory of the symbolic behaviour (every packet, every rule set) of each program in folders.

    python benchmarks/behaviours.py FOLDER... [--slow SECONDS] [--include REGEX] [--limit SECONDS] [--memory MIB]

Each program has a process of its own with limits on processor time and memory, so that one bad program stops nothing.
Prints those that took long, those that were not built with the reason, and at the end the median, the 99th percentile
and the largest of both, the programs outside of the limits asked for, and how many ended in which way. Times are of
the processor, for the behaviour alone (the front end is measured by front_end.py).
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported

GOAL_SECONDS, GOAL_MEBIBYTES = 20.0, 2048.0
"""What all programs but a few should stay below."""


@dataclass(frozen=True)
class Result:
    """How one program ended (``built``, ``refused``, ``library``, ``unsupported``, ``out of time or memory``)."""

    how: str
    reason: str = ""
    seconds: float = 0.0
    mebibytes: float = 0.0
    arch: str = ""
    cases: int = 0


def build(file: str, back: Connection, limits: tuple[int, int]) -> None:
    """In a process of its own: one program's behaviour."""
    seconds, mebibytes = limits
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (mebibytes << 20, mebibytes << 20))
    how, reason, arch, cases, began = "built", "", "", 0, time.process_time()
    try:
        program = load_program(file)
        arch, began = program.arch, time.process_time()
        if program.main is None:
            how = "library"
        else:
            cases = len(meaning(program).cases)
    except InputError:
        how = "refused"
    except Unsupported as problem:
        how, reason = "unsupported", problem.reason
    except MemoryError:
        how = "out of time or memory"
    spent = time.process_time() - began
    back.send(Result(how, reason, spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, arch, cases))


def measured(file: Path, limits: tuple[int, int]) -> Result:
    """One program."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=build, args=(str(file), there, limits))
    process.start()
    there.close()
    try:
        result = here.recv()
    except EOFError:  # the process was killed by its limits
        result = Result("out of time or memory", seconds=float(limits[0]))
    process.join()
    assert isinstance(result, Result)
    return result


def programs(folders: Sequence[Path], include: str) -> Iterator[Path]:
    """The P4 files whose text matches ``include``."""
    for folder in folders:
        for file in sorted(folder.rglob("*.p4") if folder.is_dir() else [folder]):
            if re.search(include, file.read_text("latin-1")):
                yield file


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def summary(results: dict[Path, Result]) -> None:
    """What all of them together say."""
    for (how, arch), count in sorted(Counter((r.how, r.arch) for r in results.values()).items()):
        print(f"{count:5} {how}{f' ({arch})' if arch else ''}")
    for reason, count in Counter(r.reason for r in results.values() if r.how == "unsupported").most_common():
        print(f"{count:5} unsupported: {reason}")
    built = {f: r for f, r in results.items() if r.how == "built"}
    if not built:
        return
    for unit, values in (
        ("s", {f: r.seconds for f, r in built.items()}),
        ("MiB", {f: r.mebibytes for f, r in built.items()}),
    ):
        most = max(values, key=values.__getitem__)
        median, high = statistics.median(values.values()), percentile(list(values.values()), 0.99)
        print(f"median {median:.3f} {unit}, 99 % below {high:.3f} {unit}, most {values[most]:.3f} {unit} ({most.name})")
    beyond = [r for r in built.values() if r.seconds > GOAL_SECONDS or r.mebibytes > GOAL_MEBIBYTES]
    lost = len(beyond) + sum(r.how in ("unsupported", "out of time or memory") for r in results.values())
    print(f"{len(built) - len(beyond)} within {GOAL_SECONDS:.0f} s and {GOAL_MEBIBYTES:.0f} MiB, {lost} not")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--slow", type=float, default=2.0, help="print programs that took so many seconds")
    parser.add_argument("--include", default="", help="only programs whose text matches this regular expression")
    parser.add_argument("--limit", type=int, default=60, help="seconds of processor time for one program")
    parser.add_argument("--memory", type=int, default=3072, help="MiB of address space for one program")
    args = parser.parse_args()
    results: dict[Path, Result] = {}
    for file in programs(args.folders, args.include):
        results[file] = r = measured(file, (args.limit, args.memory))
        if r.how not in ("built", "refused", "library") or (r.how == "built" and r.seconds >= args.slow):
            text = f"{r.how}{f': {r.reason}' if r.reason else ''}"
            print(f"{file.name}: {text}, {r.seconds:.2f} s, {r.mebibytes:.0f} MiB, {r.cases} cases", flush=True)
    summary(results)


if __name__ == "__main__":
    main()
