"""Mutated P4 programs through the whole front end: each gives a diagnostic or a program, in time and in little memory.

    python benchmarks/front_end_fuzz.py 50000 --corpus ../shared/corpus/p4c
    python benchmarks/front_end_fuzz.py 500

Mutations: tokens deleted, doubled, swapped and taken from another program; the text cut off; random bytes; deep
nesting; large numbers. Without ``--corpus`` the programs of ``examples/`` are mutated. Exit code 1, and the texts in
``--keep``, if a program gives anything but a program, an InputError or Unsupported, or takes longer than ``--seconds``,
or if the process takes more than ``--mebibytes``. The same count and seed make the same mutants.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from p4verify.semantics.ir.verify import verify
from p4verify.semantics.p4.frontend import deep_recursion, load
from p4verify.semantics.source import InputError, Unsupported

_TOKEN: Final = re.compile(rb"\s+|\w+|\"[^\"\n]*\"|[^\w\s]")
_HERE: Final = Path(__file__).resolve().parent
_NESTS: Final = (
    (b"(", b"1", b")"),
    (b"{", b"", b"}"),
    (b"!", b"true", b""),
    (b"-", b"1", b""),
    (b"if (true) ", b";", b""),
    (b"if (true) {} else ", b"{}", b""),
    (b"tuple<", b"bool", b">"),
    (b"x[", b"0", b"]"),
    (b"(bit<8>)", b"1", b""),
    (b"a.", b"b", b""),
    (b"1 + ", b"1", b""),
    (b"f(", b"", b")"),
    (b"true ? 1 : ", b"2", b""),
    (b"#if 1\n", b"", b"\n#endif\n"),
    (b"@a(", b"", b")"),
)
_DEPTHS: Final = (3, 30, 300, 3_000, 30_000)

Tokens = list[bytes]
Mutation = Callable[[random.Random, Tokens, Tokens], bytes]


class TooSlow(Exception):
    """A program that is not read in time."""


def _delete(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    at = rng.randrange(len(tokens))
    del tokens[at : at + rng.choice((1, 1, 1, 2, 5, 20))]
    return b"".join(tokens)


def _double(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    at = rng.randrange(len(tokens))
    piece = tokens[at : at + rng.choice((1, 1, 3, 10, 100))]
    tokens[at:at] = piece * rng.choice((1, 1, 1, 5, 50))
    return b"".join(tokens)


def _swap(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    a, b = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[a], tokens[b] = tokens[b], tokens[a]
    return b"".join(tokens)


def _take(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    at, there = rng.randrange(len(tokens)), rng.randrange(len(other))
    tokens[at : at + rng.choice((0, 1))] = other[there : there + rng.choice((1, 1, 5, 30))]
    return b"".join(tokens)


def _cut(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    text = b"".join(tokens)
    return text[: rng.randrange(len(text))]


def _bytes(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    text = bytearray(b"".join(tokens))
    for _ in range(rng.choice((1, 3, 30))):
        at = rng.randrange(len(text))
        text[at : at + rng.choice((0, 1))] = rng.randbytes(rng.choice((1, 1, 4)))
    return bytes(text)


def _nest(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    left, middle, right = rng.choice(_NESTS)
    depth = rng.choice(_DEPTHS)
    at = rng.randrange(len(tokens))
    tokens[at : at + rng.choice((0, 1))] = [left * depth, middle, right * depth]
    return b"".join(tokens)


def _number(rng: random.Random, tokens: Tokens, other: Tokens) -> bytes:
    """A number (a width, a size, a shift) that is as large as numbers get."""
    places = [i for i, t in enumerate(tokens) if t[:1].isdigit()]
    if places:
        digits = rng.choice((b"0", b"-1", b"1048576", b"4294967296", b"9" * 400, b"9" * 20_000, b"0xffffffffw1"))
        tokens[rng.choice(places)] = digits
    return b"".join(tokens)


_MUTATIONS: Final[tuple[Mutation, ...]] = (_delete, _double, _swap, _take, _cut, _bytes, _nest, _number)


def main() -> int:
    """Run; exit code 1 for a failure, 2 for nothing to mutate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help="mutate these programs instead of examples/")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=5, help="of CPU time per program (default 5)")
    parser.add_argument("--mebibytes", type=int, default=1024, help="of the process (default 1024)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), metavar="FOLDER")
    options = parser.parse_args()
    folder = options.corpus or _HERE.parent / "examples"
    sources = [p for p in sorted(folder.rglob("*.p4")) if p.stat().st_size]
    if not sources:
        print(f"no programs in {folder}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGPROF, _late)
    failures, counts, slowest = _campaign(options, sources)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{sum(counts.values())} mutated programs: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
    print(f"slowest {slowest:.2f} s, peak memory {peak} MiB, {failures} failures")
    return 1 if failures or peak > options.mebibytes else 0


def _late(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TooSlow


def _campaign(options: argparse.Namespace, sources: list[Path]) -> tuple[int, Counter[str], float]:
    rng = random.Random(options.seed)
    counts: Counter[str] = Counter()
    failures, slowest = 0, 0.0
    for number in range(options.count):
        path, text = _mutant(rng, sources)
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, options.seconds)
        try:
            outcome = _outcome(path, text)
        except BaseException as error:  # whatever it is, it is what we look for
            if isinstance(error, KeyboardInterrupt):
                raise
            outcome = "failures"
            failures += 1
            _keep(options.keep, number, text, path, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        counts[outcome] += 1
        slowest = max(slowest, time.process_time() - started)
    return failures, counts, slowest


def _mutant(rng: random.Random, sources: list[Path]) -> tuple[Path, bytes]:
    path, other = rng.choice(sources), rng.choice(sources)
    text, others = path.read_bytes(), _TOKEN.findall(other.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        tokens = _TOKEN.findall(text)
        if not tokens:
            break
        text = rng.choice(_MUTATIONS)(rng, tokens, others)
    return path, text


def _outcome(path: Path, text: bytes) -> str:
    """``refused``, ``unsupported`` or ``read``, and then the program is well-formed."""
    with tempfile.TemporaryDirectory() as folder:
        mutant = Path(folder) / path.name
        mutant.write_bytes(text)
        try:
            program = load(str(mutant), (str(path.parent),)).program
        except Unsupported:
            return "unsupported"
        except InputError as error:
            for diagnostic in error.diagnostics:
                diagnostic.render()
            return "refused"
    with deep_recursion():
        verify(program)
    return "read"


def _keep(folder: Path, number: int, text: bytes, path: Path, error: BaseException) -> None:
    folder.mkdir(exist_ok=True)
    kept = folder / f"{number}-{type(error).__name__}.p4"
    kept.write_bytes(text)
    print(f"{kept} (from {path.name}): {error!r:.200}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
