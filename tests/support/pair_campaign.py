"""Pairs of programs of others that are the same or not: each program against what a compiler's passes made of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from p4verify.inputs import SourceOptions, read_program
from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.execution import Execution
from p4verify.proofs.verdict import Proof
from p4verify.semantics import ir
from p4verify.semantics.source import InputError, Unsupported

PASSES = ("first", "frontend", "midend")

BUSY = 4
"""How many times longer than its processor time a check may take on a machine that has other work."""


@dataclass(frozen=True)
class Made:
    """A program and what came out of the passes up to one: ``name`` is the program's path in the samples."""

    name: str
    passes: str
    program: Path
    output: Path


@dataclass(frozen=True)
class Judged:
    """What became of a pair: a verdict, or ``input`` (one of the files is refused) or ``too long``."""

    verdict: str
    reason: str
    seconds: float
    proof: Proof | None = None
    cpu: float = 0.0
    """Seconds of this process, which do not grow with what else the machine does."""

    @property
    def compared(self) -> int:
        """How many outputs were compared."""
        return self.proof.tally.compared if self.proof is not None else 0


class TooLong(BaseException):
    """The time for a pair is over."""


def compiled(corpus: Path, passes: tuple[str, ...] = PASSES) -> list[Made]:
    """Every sample with each of its outputs."""
    samples, outputs = corpus / "p4c" / "p4_16_samples", corpus / "p4c" / "p4_16_samples_outputs"
    found = []
    for program in sorted(samples.rglob("*.p4")):
        name = program.relative_to(samples)
        for kind in passes:
            output = outputs / name.with_name(f"{name.stem}-{kind}.p4")
            if output.exists():
                found.append(Made(str(name), kind, program, output))
    return found


def load(path: Path) -> ir.Program:
    """A program from a file. Raises InputError."""
    return read_program(str(path), SourceOptions())


def complete(path: Path) -> ir.Program | None:
    """A program with a package ``main``; None if the file is refused, or is no whole program."""
    try:
        program = load(path)
    except (InputError, Unsupported):
        return None
    return program if program.main is not None else None


def judged_pairs(
    pairs: Iterable[Made], limit: float, execution: Execution | None = None
) -> Iterator[tuple[Made, Judged]]:
    """Every pair of a whole program with an output, compared; programs are read once for all their outputs."""
    read: tuple[Path | None, ir.Program | None] = (None, None)
    for made in pairs:
        if read[0] != made.program:
            read = (made.program, complete(made.program))
        if read[1] is not None:
            yield made, judge(read[1], made.output, limit, execution=execution)


def judge(
    program: ir.Program, output: Path, limit: float, *, exactly: bool = False, execution: Execution | None = None
) -> Judged:
    """Compare, the reading of the second program included; reading and comparing have ``limit`` seconds each."""
    started, cpu = time.monotonic(), time.process_time()
    try:
        with _at_most(limit):
            second = load(output)
    except InputError as error:
        return Judged("input", str(error).splitlines()[0], 0.0)
    except (TooLong, Unsupported) as error:
        return Judged("unsupported", str(error), limit)
    judged = judge_programs(program, second, limit, exactly=exactly, execution=execution)
    return replace(judged, seconds=time.monotonic() - started, cpu=time.process_time() - cpu)


def judge_programs(
    program: ir.Program,
    second: ir.Program,
    limit: float,
    *,
    exactly: bool = False,
    execution: Execution | None = None,
    alone: bool = True,
) -> Judged:
    """Compare in at most ``limit`` seconds; if this process is not ``alone`` on its core, of processor time."""
    started = time.monotonic()

    def ended(verdict: str, reason: str, proof: Proof | None = None) -> Judged:
        return Judged(verdict, reason, time.monotonic() - started, proof)

    try:
        with _at_most(limit, signal.ITIMER_REAL if alone else signal.ITIMER_PROF):
            deadline = started + limit * (1 if alone else BUSY)
            engine = Engine(limit, deadline, execution=execution or Execution())
            proof = check_pair(ProgramPair(program, second, exactly=exactly), engine, started)
    except Unsupported as error:
        return ended("unsupported", f"{error.span}: {error.reason}")
    except TooLong:
        return ended("too long", "")
    return ended(proof.verdict.value, proof.reason, proof)


@contextmanager
def _at_most(seconds: float, clock: int = signal.ITIMER_REAL) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong

    told = signal.SIGALRM if clock == signal.ITIMER_REAL else signal.SIGPROF
    before = signal.signal(told, stop)
    signal.setitimer(clock, seconds, 1.0)  # again: in a destructor an exception is lost
    try:
        yield
    finally:
        signal.setitimer(clock, 0)
        signal.signal(told, before)
