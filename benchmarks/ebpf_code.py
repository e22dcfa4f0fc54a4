"""How good the code is: our lowering of a P4 program beside clang's -O2 of a C version of the project's own.

    python benchmarks/ebpf_code.py [NAME]... [--runs N] [--seed S]

For each pair of tests/support/p4_against_c: instructions of both, and how long a frame takes that the program sends on
(one that it drops, where it sends none on that come in at the loopback device),
as BPF_PROG_TEST_RUN measures single runs (what a program takes that only returns is taken away; means without the
slowest tenth, in nanoseconds), with maps that hold the same rules. Both have to do the same with each frame. Prints a
table in Markdown; exits with 1 if the two do not do the same, with 3 without such a kernel. Needs root and clang.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.inputs import SourceOptions, read_program, with_mapping
from p4verify.running.entries import random_rules
from p4verify.running.ethernet import frame
from p4verify.running.rules import constants_of
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, asm
from p4verify.targets.ebpf.artifact.asm import R0
from p4verify.targets.ebpf.oracle import KernelProgram, load_maps, unusable
from p4verify.targets.ebpf.target import TARGET
from tests.support import p4_against_c

PORT = 1
"""Where frames come in: BPF_PROG_TEST_RUN takes the loopback device."""
RULE_SETS = 60
"""That are drawn until enough frames are sent on under one of them."""
TRIES = 300
"""Frames that are drawn for each."""
FRAMES = 4
"""Frames that are timed."""


@dataclass(frozen=True)
class Code:
    """A program in the kernel: how many instructions it has, and how long it takes."""

    instructions: int
    nanoseconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="pairs (all if none is named)")
    parser.add_argument("--runs", type=int, default=2000, help="runs of each program on each frame")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    reason = unusable()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 3
    print("| program | hook | instructions: ours | clang -O2 | ns per frame: ours | clang -O2 |")
    print("|---|---|---|---|---|---|")
    ratios = []
    for name in options.names or p4_against_c.names():
        row = _row(name, options.runs, random.Random(f"{options.seed} {name}"))
        if row is None:
            return 1
        hook, ours, theirs = row
        ratios.append((ours.instructions / theirs.instructions, ours.nanoseconds / max(1.0, theirs.nanoseconds)))
        print(
            f"| {name} | {hook} | {ours.instructions} | {theirs.instructions} "
            f"| {ours.nanoseconds:.0f} | {theirs.nanoseconds:.0f} |",
            flush=True,
        )
    code, time = (statistics.geometric_mean(column) for column in zip(*ratios, strict=True))
    print(f"\nours by clang's, geometric mean: {code:.2f} times the instructions, {time:.2f} times the time")
    return 0


def _row(name: str, runs: int, rng: random.Random) -> tuple[str, Code, Code] | None:
    program = read_program(str(p4_against_c.FOLDER / f"{name}.p4"), SourceOptions())
    theirs: BpfObject = TARGET.read(p4_against_c.compiled(name), f"{name}.o")
    file = p4_against_c.FOLDER / f"{name}.toml"
    if file.exists():
        theirs = with_mapping((TARGET, theirs, f"{name}.o"), str(file), program)[1]
    hook = theirs.program().hook or "xdp"
    ours: BpfObject = TARGET.lower(program, None, {"hook": hook})
    rules, frames = _sent_on(program, rng)
    with ExitStack() as stack:
        floor = stack.enter_context(KernelProgram(hook, (asm.mov(R0, 1), asm.exit_())))
        programs = []
        for obj in (ours, theirs):
            maps = load_maps(obj, TARGET.fill(program, obj, rules), stack)
            programs.append(stack.enter_context(KernelProgram(hook, obj.program().insns, maps, obj.license)))
        for data in frames:
            seen = [(each.result, each.packet) for each in (one.test_run(data) for one in programs)]
            if seen[0] != seen[1]:
                print(f"{name}: the two do not do the same with frame {data.hex()}: {seen}", file=sys.stderr)
                return None
        times = _timed([floor, *programs], frames, runs)
    code = [
        Code(obj.program().slots()[-1], max(0.0, taken - times[0]))
        for obj, taken in zip((ours, theirs), times[1:], strict=True)
    ]
    return hook, code[0], code[1]


def _sent_on(program: ir.Program, rng: random.Random) -> tuple[RuleSet, list[bytes]]:
    """Rules, and frames that the program sends on under them; any frame where none comes in at :data:`PORT`."""
    best: tuple[RuleSet, list[bytes]] = RuleSet({}), []
    mentioned = constants_of(program)
    for _ in range(RULE_SETS):
        rules = random_rules(program, rng.getrandbits(32), mentioned)
        matched = [getattr(m, "value", 0) for of in rules.entries.values() for r in of for m in r.matches]
        found: list[bytes] = []
        for _ in range(TRIES):
            data = _drawn(rng, mentioned, matched).ljust(60, b"\0")
            if _sends(program, rules, data):
                found.append(data)
        if len(found) > len(best[1]):
            best = rules, found[:FRAMES]
        if len(found) >= FRAMES:
            break
    return best if best[1] else (rules, [data])


def _drawn(rng: random.Random, mentioned: list[int], matched: list[int]) -> bytes:
    """A frame of the usual protocols, or of a type that the program mentions, with numbers of the rules inside."""
    types = [n for n in mentioned if 0x600 <= n <= 0xFFFF]
    if not types or rng.random() < 0.5:
        return frame(rng, [*mentioned, *matched, *matched])
    if rng.random() < 0.5:  # two long addresses, where IPv6 has them
        addresses = b"".join((rng.choice(matched or [0]) % (1 << 128)).to_bytes(16, "big") for _ in range(2))
        return rng.randbytes(12) + rng.choice(types).to_bytes(2, "big") + b"\x60" + rng.randbytes(7) + addresses
    words = ((rng.choice(matched or [0]) << rng.choice((0, 8, 12, 16))) | rng.getrandbits(10) for _ in range(12))
    body = b"".join((word & 0xFFFFFFFF).to_bytes(4, "big") for word in words)
    return rng.randbytes(12) + rng.choice(types).to_bytes(2, "big") + body


def _sends(program: ir.Program, rules: RuleSet, data: bytes) -> bool:
    try:
        outcome = run(program, rules, data, PORT)
    except (Unsupported, InputError, ValueError):
        return False
    return bool(outcome.outputs) and not outcome.undefined


def _timed(programs: list[KernelProgram], frames: list[bytes], runs: int) -> list[float]:
    """What each program takes, in turn, so that what else the machine does falls on all of them."""
    times: list[list[int]] = [[] for _ in programs]
    for _ in range(runs):
        for data in frames:
            for program, taken in zip(programs, times, strict=True):
                taken.append(program.test_run(data).nanoseconds)
    return [statistics.mean(sorted(taken)[: len(taken) * 9 // 10]) for taken in times]


if __name__ == "__main__":
    sys.exit(main())
