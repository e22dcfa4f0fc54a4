"""Objects that carry their p4ast: mutants of the code and of the metadata, judged by ``check FILE`` alone.

    python benchmarks/ebpf_embedded.py [--code N] [--metadata N] [--packets N] [--runs N] [--seed S] [--example NAME]
                                       [--hook HOOK] [--skip N] [--stf FOLDER... [--only REGEX]]

With ``--stf`` the subjects are not the examples but the programs in these folders whose STF test passes on the
reference and on this kernel, each in the first way of lowering it in which it does, and run on the test's rules and
frames and on others near them.

Prints a line for each subject, also when it is stopped, and each wrong verdict. Runs with the same seed and ``--skip``
take other mutants: a campaign can be cut into slices. Exits with 1 if a mutant is accepted that was seen to differ (its
code on this kernel, its metadata when both programs run), or if one that differs is not rejected; with 3 without such
a kernel. Needs root.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify import targets
from p4verify.inputs import SourceOptions, read_program, read_rules
from p4verify.interrupts import unwound_when_terminated
from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.embedded import SHORTEST, check_file, described, from_file
from tests.support.mutation import PORTS, EbpfMachine, Frames, Judged, Packets, Subject, judge, judge_again, subject
from tests.support.stf_programs import KERNEL_STAGES, WAYS, FramesNear, on_kernel, played, programs

SUBJECTS = [
    *((name, hook) for name in ("acl", "vlan_filter", "router", "policer", "router_dual") for hook in ("tc", "xdp")),
    *((name, "xdp") for name in ("firewall", "qinq", "mpls", "stages", "balancer", "ecmp", "tunnel")),
    *((name, "tc") for name in ("firewall", "qinq", "mpls", "stages", "balancer", "ecmp", "tunnel")),
    *((name, "tc") for name in ("mirror", "bridge")),
]
"""All that the examples are lowered to."""

PREFERRED = ("tc", "xdp", "tc0", "xdp60")
"""In which order ways to lower a program with an STF test are tried."""
LOWERING = {"port0": "2"}
"""Counterexamples come from port 0 or 1 where another one would do as well, and some examples name port 1. Interface 1
of the kernel's is the loopback device, which receives nothing here."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=int, default=500, help="mutants of the code that the kernel takes")
    parser.add_argument("--metadata", type=int, default=500, help="mutants of the metadata")
    parser.add_argument("--packets", type=int, default=2000, help="packets per mutant of the code")
    parser.add_argument("--runs", type=int, default=200, help="packets per mutant of the metadata")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=20, help="seconds for each verdict")
    parser.add_argument("--example", help="this example only")
    parser.add_argument("--hook", choices=("tc", "xdp"), help="at this hook only")
    parser.add_argument("--skip", type=int, default=0, help="mutants of each half to leave out, for each subject")
    parser.add_argument("--stf", type=Path, nargs="+", default=[], help="folders of programs with STF tests")
    parser.add_argument("--only", default="", help="of these the ones whose test's name matches")
    options = parser.parse_args()
    with KernelOracle() as oracle:
        reason = oracle.available()
        if reason is not None:
            print(reason, file=sys.stderr)
            return 3
        wrong = 0
        chosen = list(_programs(oracle, options) if options.stf else _examples(options))
        for i, item in enumerate(chosen):
            share = [n * (i + 1) // len(chosen) - n * i // len(chosen) for n in (options.code, options.metadata)]
            wrong += _subject(EbpfMachine(oracle), item, share[0], share[1], options)
    print(f"wrong verdicts: {wrong}")
    return 1 if wrong else 0


@dataclass(frozen=True)
class _Chosen:
    """What is lowered, and how its mutants are told from it."""

    label: str
    program: ir.Program
    rules: RuleSet
    lowering: Mapping[str, str]
    ports: tuple[int, ...]
    frames: Frames | None = None
    known: tuple[tuple[RuleSet, Packets], ...] = ()


def _examples(options: argparse.Namespace) -> Iterator[_Chosen]:
    for name, hook in SUBJECTS:
        if options.example in (None, name) and options.hook in (None, hook):
            program = read_program(str(ROOT / "examples" / f"{name}.p4"), SourceOptions())
            rules = read_rules(str(ROOT / "examples" / f"{name}.rules.cli"), program)
            yield _Chosen(f"{name} {hook}", program, rules, LOWERING | {"hook": hook}, (1, *PORTS))


def _programs(oracle: KernelOracle, options: argparse.Namespace) -> Iterator[_Chosen]:
    """Those whose test passes on the kernel."""
    for item in programs(options.stf, options.only):
        passing = (way for way in PREFERRED if on_kernel(item, WAYS[way], oracle).stage == KERNEL_STAGES[-1])
        way = next(passing, None)
        if way is None:
            print(f"{item.path.name}: does not pass on the kernel", flush=True)
            continue
        test = played(item)
        frames = FramesNear(item, test, int(WAYS[way].get("min_frame", SHORTEST)))
        near = frames(random.Random(f"{options.seed} {item.path.name}"), test.rules, options.runs)
        yield _Chosen(f"{item.path.name} {way}", item.program, test.rules, LOWERING | WAYS[way], PORTS, frames,
                      ((test.rules, near),))  # fmt: skip


def _subject(machine: EbpfMachine, item: _Chosen, code: int, metadata: int, options: argparse.Namespace) -> int:
    label, started = item.label, time.monotonic()
    rng = random.Random(f"{options.seed} {label}")
    target = targets.find("ebpf")
    plain = subject(label, item.program, item.rules, target, item.lowering, machine, rng, options.packets,
                    options.timeout, item.ports, item.frames)  # fmt: skip
    own = check_file(target, plain.artifact, item.program, options.timeout).proof
    if own.verdict.value != "accept":
        print(f"{label}: the object itself: {own.verdict.value}: {own.reason}", flush=True)
        return own.verdict.value == "reject" or not options.stf
    made, counts = from_file(plain), Counter[str]()
    rest = random.Random(f"{options.seed} {label} metadata")
    try:
        wrong = _code(made, rng, code, options.skip, counts)
        return wrong + _metadata(made, rest, metadata, options, counts, item.known)
    finally:
        print(f"{label} ({time.monotonic() - started:.0f} s, {time.process_time():.0f} s CPU): "
              + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()) if n), flush=True)  # fmt: skip


def _code(made: Subject, rng: random.Random, wanted: int, skip: int, counts: Counter[str]) -> int:
    """Judges mutants of the code until ``wanted`` were taken by the kernel; how many verdicts are wrong."""
    left, wrong = [], 0
    for mutant in itertools.islice(made.mutants(rng), skip if wanted else 0, None):
        if wanted <= 0:
            break
        one = judge(made, mutant)
        counts["code, drawn"] += 1
        counts["code, refused by the kernel"] += not one.loads
        wanted -= one.loads
        if one.loads and (one.verdict == "reject" or one.differs):
            wrong += _count_code(one, counts)
        elif one.loads:
            left.append(one)
            counts[_first(one)] += 1
    for one in left:
        counts[_first(one)] -= 1
        wrong += _count_code(judge_again(made, one), counts)
    return wrong


def _first(one: Judged) -> str:
    """What is counted until a mutant that was not rejected is run on all counterexamples as well."""
    return f"code: {one.verdict} (not run on all)"


def _count_code(one: Judged, counts: Counter[str]) -> int:
    counts[f"code: {one.verdict}{' (differs)' if one.differs else ''}"] += 1
    if one.wrong or (one.verdict, bool(one.differs)) == ("reject", False):
        print(f"  {one.wrong or 'not seen to differ'}: {one}", flush=True)
    elif one.verdict not in ("accept", "reject"):
        print(f"  {one.verdict}: {one}", flush=True)
    return one.wrong in ("WRONG ACCEPT", "missed")


def _metadata(
    made: Subject, rng: random.Random, count: int, options: argparse.Namespace, counts: Counter[str],
    known: Sequence[tuple[RuleSet, Packets]],
) -> int:  # fmt: skip
    """Judges mutants of the metadata; how many verdicts are wrong."""
    wrong = 0
    for other in described(made.program, made.artifact, rng, count, options.runs, options.timeout, options.skip, known):
        counts[f"metadata: {other.verdict}{' (differs)' if other.differs else ''}"] += 1
        counts["metadata: confirmed by the kernel"] += "ebpf kernel" in other.confirmed
        wrong += other.wrong is not None
        if other.wrong or other.verdict not in ("accept", "reject"):
            where = f"{other.mutant.kind} at {other.mutant.where}"
            said = other.wrong or other.verdict
            print(f"  {said}: {made.label}, metadata, {where}: {other.reason}; {other.differs}", flush=True)
    return wrong


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
