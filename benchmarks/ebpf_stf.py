"""The reference compiler's STF tests on the kernel: which programs are lowered to eBPF, loaded, and pass there.

    python benchmarks/ebpf_stf.py FOLDER... [--way tc|xdp|xdp60]... [--only REGEX] [--prove SECONDS] [--list]

For each program with an STF test beside it that passes on the reference, in each way (at tc, at XDP, at XDP for frames
of at least 60 bytes, to which those of the test are padded): lowered for every rule set, loaded by the running kernel,
and run with the test there. Prints for each architecture how many got how far in any way, and the constructs that
stopped the others by count; with ``--prove`` also whether the lowered programs are proven for every packet and rule set
within so many seconds, and how long that took; with ``--list`` a line for each program.
"""

from __future__ import annotations

import argparse
import re
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify import targets
from p4verify.checks import Checker
from p4verify.semantics import ir
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.stf_programs import KERNEL_STAGES, WAYS, StfProgram, on_kernel, programs

TARGET: Final = targets.find("ebpf")


PATIENCE: Final = 40
"""Seconds of the processor for one program in one way, without its proof."""


@dataclass(frozen=True)
class Line:
    """How far a program got in one way."""

    stage: str
    """The last of :data:`KERNEL_STAGES` that it got to."""
    reason: str
    verdict: str = ""
    seconds: float = 0.0


def proven(program: ir.Program, way: str, limit: float) -> tuple[str, str, float]:
    """Verdict, reason and processor time of the proof for every rule set."""
    began = time.process_time()
    try:
        proof = Checker(program, timeout=limit, machines_confirm=False).check_lowered(TARGET, WAYS[way]).proof
    except (CannotOffload, Unsupported, InputError) as problem:
        return "error", str(problem), time.process_time() - began
    return proof.verdict.value, proof.reason, time.process_time() - began


def line(item: StfProgram, way: str, oracle: KernelOracle, limit: float | None) -> Line:
    """One program in one way; its proof has time of its own."""
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        found = on_kernel(item, WAYS[way], oracle)
    except TimeoutError:
        return Line(KERNEL_STAGES[0], f"not done within {PATIENCE} s")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if limit is None or found.stage == KERNEL_STAGES[0]:
        return Line(found.stage, found.reason)
    verdict, reason, seconds = proven(item.program, way, limit)
    return Line(found.stage, found.reason if verdict == "accept" else f"{found.reason} [{reason}]", verdict, seconds)


def _give_up(*_: object) -> None:
    raise TimeoutError


def table(rows: Sequence[tuple[StfProgram, dict[str, Line]]]) -> None:
    """The counts, by architecture."""
    for arch in sorted({item.program.arch for item, _ in rows}):
        mine = [lines for item, lines in rows if item.program.arch == arch]
        best = [max(lines.values(), key=lambda x: KERNEL_STAGES.index(x.stage)) for lines in mine]
        reached = [sum(KERNEL_STAGES.index(x.stage) >= n for x in best) for n in range(len(KERNEL_STAGES))]
        print(f"{arch}: {len(mine)} programs, " + ", ".join(
            f"{count} {stage}" for stage, count in zip(KERNEL_STAGES[1:], reached[1:], strict=True)
        ))  # fmt: skip
        reasons = Counter(re.sub(r"\d+", "N", x.reason) for x in best if x.stage != KERNEL_STAGES[-1])
        for reason, count in reasons.most_common():
            print(f"  {count:4} {reason}")
        for way in sorted({way for lines in mine for way in lines}):
            verdicts = Counter(lines[way].verdict for lines in mine if lines[way].verdict)
            times = [lines[way].seconds for lines in mine if lines[way].verdict]
            if times:
                told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
                print(f"  {way}: {told}; median {statistics.median(times):.2f} s, most {max(times):.1f} s")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--only", default="")
    parser.add_argument("--prove", type=float)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    ways = arguments.way or list(WAYS)
    signal.signal(signal.SIGPROF, _give_up)
    rows = []
    with KernelOracle() as oracle:
        for item in programs(arguments.folders, arguments.only):
            lines = {way: line(item, way, oracle, arguments.prove) for way in ways}
            rows.append((item, lines))
            if arguments.list:
                for way, got in lines.items():
                    text = f"{got.verdict} {got.seconds:.2f} s " if got.verdict else ""
                    print(f"{item.path.name} {way}: {got.stage} {text}{got.reason}", flush=True)
    if not rows:
        parser.error("no program with an STF test that passes on the reference lies in these folders")
    table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
