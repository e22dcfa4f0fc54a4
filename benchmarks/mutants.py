"""Mutants of what the lowerings make of the examples, judged by the checker and run on the real machine.

    python benchmarks/mutants.py [--target ebpf|u32|flower|openflow|all] [--count N] [--packets N] [--seed S]
        [--timeout SECONDS] [--by-meaning]

Prints a table per target, a row per kind of mutation. Exits with 1 if a mutant is accepted that differs from the
original on the machine, if one that differs is not rejected, or if a rejected one's counterexample does not differ
there; with 3 without such a kernel (flower: user-mode Linux; openflow: Open vSwitch). The kernel needs root.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify import targets
from p4verify.inputs import SourceOptions, read_program, read_rules
from p4verify.interrupts import unwound_when_terminated
from p4verify.semantics.source import InputError
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.openflow.oracle import OpenVSwitch
from p4verify.targets.u32.oracle import KernelU32
from tests.support.mutation import (
    EbpfMachine,
    Judged,
    Machine,
    MeaningMachine,
    RulesMachine,
    Subject,
    Totals,
    U32Machine,
    judge,
    judge_again,
    subject,
)

BY_RULES = ("qinq", "balancer", "mirror", "stages", "mpls", "firewall", "bridge", "router_dual", "router", "policer")
"""The examples that both flower and OpenFlow take."""

SUBJECTS = {
    "ebpf": [(name, hook) for name in ("acl", "vlan_filter", "router") for hook in ("tc", "xdp")],
    "u32": [("acl", None)],
    "flower": [(name, None) for name in ("vlan_filter", "acl", *BY_RULES)],
    "openflow": [(name, None) for name in (*BY_RULES, "ecmp")],
}
"""Target → the examples that it accepts, and the hook."""
ORACLES: dict[str, Any] = {"ebpf": KernelOracle, "u32": KernelU32, "flower": UserModeFlower, "openflow": OpenVSwitch}
MACHINES: dict[str, Any] = {"ebpf": EbpfMachine, "u32": U32Machine, "flower": RulesMachine, "openflow": RulesMachine}
COLUMNS = ("mutants", "differ", "reject", "accept", "unsupported", "undecided", "invalid",
           "WRONG ACCEPT", "missed", "not shown", "refused")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=("ebpf", "u32", "flower", "openflow", "all"), default="all")
    parser.add_argument("--count", type=int, default=210, help="mutants per target that the machine takes")
    parser.add_argument("--packets", type=int, default=10_000, help="packets per mutant")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=20, help="seconds for each verdict")
    parser.add_argument("--example", help="this example only")
    parser.add_argument("--by-meaning", action="store_true", help="run by the meaning instead of the machine (flower)")
    parser.add_argument("--list", action="store_true", help="a line per mutant")
    options = parser.parse_args()
    failed = False
    if options.by_meaning:
        if options.target != "flower":
            parser.error("--by-meaning is for --target flower")
        return int(_campaign("flower", MeaningMachine(targets.find("flower")), options))
    for name in ("ebpf", "u32", "flower", "openflow") if options.target == "all" else (options.target,):
        with ExitStack() as stack:
            oracle = stack.enter_context(ORACLES[name]())
            reason = oracle.available()
            if reason is not None:
                print(f"{name}: {reason}", file=sys.stderr)
                return 3
            machine = MACHINES[name](oracle)
            failed |= _campaign(name, machine, options)
    return 1 if failed else 0


def _campaign(name: str, machine: Machine, options: argparse.Namespace) -> bool:
    rng = random.Random(options.seed)
    started = time.monotonic()
    chosen = [(e, hook) for e, hook in SUBJECTS[name] if options.example in (None, e)]
    judged: list[Judged] = []
    for i, (example, hook) in enumerate(chosen):
        try:
            made = _subject(name, example, hook, machine, rng, options)
        except InputError as error:
            print(f"{name} {example}: left out, for the machine does not run it: {error}", flush=True)
            continue
        share = -(-(options.count - sum(one.loads for one in judged)) // (len(chosen) - i))
        here = list(_some(made, rng, share, options.list))
        judged += [judge_again(made, one) for one in here]
        took = [one.seconds for one in here if one.loads] or [0.0]
        sizes = f"{len(made.trials)} rule sets, {sum(len(t.packets) for t in made.trials)} packets"
        print(f"{made.label}: {len(here)} mutants, {sizes}; verdicts in {statistics.median(took):.2f} s (median), "
              f"{max(took):.2f} s (longest)", flush=True)  # fmt: skip
    return _report(name, judged, time.monotonic() - started)


def _subject(
    name: str, example: str, hook: str | None, machine: Machine, rng: random.Random,
    options: argparse.Namespace,
) -> Subject:  # fmt: skip
    program = read_program(str(ROOT / "examples" / f"{example}.p4"), SourceOptions())
    rules = read_rules(str(ROOT / "examples" / f"{example}.rules.cli"), program)
    target_options = {"hook": hook} if hook else {}
    label = f"{name} {example}" + (f" {hook}" if hook else "")
    return subject(
        label, program, rules, targets.find(name), target_options, machine, rng, options.packets, options.timeout
    )


def _some(made: Subject, rng: random.Random, count: int, listed: bool) -> Iterator[Judged]:
    """Mutants until ``count`` of them were taken by the machine."""
    for mutant in made.mutants(rng):
        if count <= 0:
            return
        one = judge(made, mutant)
        count -= one.loads
        if listed:
            print(f"{one.seconds:6.2f} {'takes' if one.loads else 'refuses'} {one}", flush=True)
        yield one


def _report(name: str, judged: Sequence[Judged], seconds: float) -> bool:
    totals = Totals()
    for one in judged:
        totals.add(one)
        if one.wrong:
            print(f"{one.wrong}: {one}", file=sys.stderr)
    print(f"\n{name}: mutants by kind ('refused' by the kernel are not counted among them), {seconds:.0f} s")
    print(f"{'kind':<24}" + "".join(f"{column:>13}" for column in COLUMNS))
    rows = sorted(totals.kinds.items())
    for kind, row in rows:
        print(f"{kind:<24}" + "".join(f"{row[column]:>13}" for column in COLUMNS))
    sums = [sum(row[column] for _, row in rows) for column in COLUMNS]
    print(f"{'all':<24}" + "".join(f"{number:>13}" for number in sums), flush=True)
    return any(one.wrong for one in judged)


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
