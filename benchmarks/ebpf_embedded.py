"""Objects that carry their p4ast: mutants of the code and of the metadata, judged by ``check FILE`` alone.

    python benchmarks/ebpf_embedded.py [--code N] [--metadata N] [--packets N] [--runs N] [--seed S] [--example NAME]

Prints a line for each subject and each wrong verdict. Exits with 1 if a mutant is accepted that was seen to differ (its
code on this kernel, its metadata when both programs run), or if one that differs is not rejected; with 3 without such
a kernel. Needs root.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify import targets
from p4verify.inputs import SourceOptions, read_program, read_rules
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.embedded import check_file, described, from_file
from tests.support.mutation import EbpfMachine, judge, judge_again, subject

SUBJECTS = [
    *((name, hook) for name in ("acl", "vlan_filter", "router") for hook in ("tc", "xdp")),
    *((name, "xdp") for name in ("firewall", "qinq", "mpls", "stages", "balancer")),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=int, default=500, help="mutants of the code that the kernel takes")
    parser.add_argument("--metadata", type=int, default=500, help="mutants of the metadata")
    parser.add_argument("--packets", type=int, default=2000, help="packets per mutant of the code")
    parser.add_argument("--runs", type=int, default=200, help="packets per mutant of the metadata")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=20, help="seconds for each verdict")
    parser.add_argument("--example", help="this example only")
    options = parser.parse_args()
    chosen = [(name, hook) for name, hook in SUBJECTS if options.example in (None, name)]
    with KernelOracle() as oracle:
        reason = oracle.available()
        if reason is not None:
            print(reason, file=sys.stderr)
            return 3
        wrong = 0
        for i, (name, hook) in enumerate(chosen):
            share = [n * (i + 1) // len(chosen) - n * i // len(chosen) for n in (options.code, options.metadata)]
            wrong += _subject(EbpfMachine(oracle), name, hook, share[0], share[1], options)
    print(f"wrong verdicts: {wrong}")
    return 1 if wrong else 0


def _subject(machine: EbpfMachine, name: str, hook: str, code: int, metadata: int, options: argparse.Namespace) -> int:
    program = read_program(str(ROOT / "examples" / f"{name}.p4"), SourceOptions())
    rules = read_rules(str(ROOT / "examples" / f"{name}.rules.cli"), program)
    rng = random.Random(f"{options.seed} {name} {hook}")
    target = targets.find("ebpf")
    label, started = f"{name} {hook}", time.monotonic()
    plain = subject(label, program, rules, target, {"hook": hook}, machine, rng, options.packets, options.timeout)
    own = check_file(target, plain.artifact, program, options.timeout).proof
    if own.verdict.value != "accept":
        print(f"{label}: the object itself: {own.verdict.value}: {own.reason}")
        return 1
    made, counts, wrong, judged = from_file(plain), Counter[str](), 0, []
    for mutant in made.mutants(rng):
        if code <= 0:
            break
        one = judge(made, mutant)
        counts["code, refused by the kernel"] += not one.loads
        code -= one.loads
        judged += [one] if one.loads else []
    for one in (judge_again(made, j) for j in judged):
        counts[f"code: {one.verdict}{' (differs)' if one.differs else ''}"] += 1
        wrong += one.wrong in ("WRONG ACCEPT", "missed")
        if one.wrong:
            print(f"  {one.wrong}: {one}", flush=True)
    for other in described(program, made.artifact, rng, metadata, options.runs, options.timeout):
        counts[f"metadata: {other.verdict}{' (differs)' if other.differs else ''}"] += 1
        counts["metadata: confirmed by the kernel"] += "ebpf kernel" in other.confirmed
        wrong += other.wrong is not None
        if other.wrong:
            where = f"{other.mutant.kind} at {other.mutant.where}"
            print(f"  {other.wrong}: {label}, metadata, {where}: {other.reason}; {other.differs}", flush=True)
    print(f"{label} ({time.monotonic() - started:.0f} s): "
          + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())), flush=True)  # fmt: skip
    return wrong


if __name__ == "__main__":
    sys.exit(main())
