"""The examples under rule sets of 10, 100 and 1,000 entries, run beside their source: frames through real machines.

    python benchmarks/rules_frames.py [--only REGEX] [--sizes 10,100,1000] [--frames N] [--seed N]

Rule sets are those of ``rules_examples.py``. What our lowering makes of an example (eBPF at tc and XDP, u32, flower,
OpenFlow) is put on the machine, and frames that meet the rules, come near them or are whatever go through it and
through the source, on numbers. Prints a row for each. Exits with 1 if there was a mismatch, or if a machine sent none
of the frames; with 3 without one of the machines. The kernel needs root.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify import targets
from p4verify.interrupts import unwound_when_terminated
from p4verify.semantics import ir
from p4verify.semantics.rules.build import match_keys
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import Unsupported
from p4verify.targets.base import CannotOffload
from tests.support import examples_campaign as ebpf
from tests.support.examples_campaign import OTHERS, THE_EXAMPLES, Example
from tests.support.grown_rules import grown
from tests.support.lowered import PORTS, a_frame, compared, inside
from tests.support.rule_frames import key_names, rule_frames, walking_frames

TARGETS: Final = ("ebpf", "u32", "flower", "openflow")
ROUNDS: Final = 10
"""How often frames are drawn until enough of them lie within the assumptions of a meaning."""
Row = tuple[int, int, list[str]]
"""Frames that were compared, frames of them that were sent, mismatches."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="rows whose example, size and target have this")
    parser.add_argument("--sizes", default="10,100,1000", help="numbers of rules")
    parser.add_argument("--frames", type=int, default=1000, help="for each row, within what the meaning assumes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    right = True
    with ExitStack() as stack:
        machines: dict[str, Any] = {}
        for name in TARGETS:
            oracle = targets.find(name).oracle()
            assert oracle is not None
            machines[name] = stack.enter_context(oracle)
        for name, machine in machines.items():
            if (reason := machine.available()) is not None:
                print(f"{name}: {reason}", file=sys.stderr)
                return 3
        for label, run in _rows(machines, options):
            started = time.monotonic()
            try:
                pairs, sent, mismatches = run()
            except (CannotOffload, Unsupported):
                continue
            right = right and sent > 0 and not mismatches
            print(f"{label:<32} {pairs:6} frames {sent:6} sent {len(mismatches):4} mismatches"
                  f" {time.monotonic() - started:8.1f} s", flush=True)  # fmt: skip
            for mismatch in mismatches[:3]:
                print(f"    {mismatch[:1000]}", file=sys.stderr)
    return 0 if right else 1


def _rows(machines: dict[str, Any], options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Row]]]:
    for size in map(int, options.sizes.split(",")):
        for example in (*THE_EXAMPLES, *OTHERS):
            program = example.program()
            try:
                rules = grown(program, example.own_rules(program), size, options.seed)
            except ValueError as error:
                print(f"{example.name} {size}: {error}", file=sys.stderr)
                continue
            for name, machine in machines.items():
                for hook in ebpf.HOOKS if name == "ebpf" else ("",):
                    label = f"{example.name} {size} {name} {hook}".rstrip()
                    if re.search(options.only, label):
                        rng = random.Random(f"{options.seed}/{label}")
                        yield label, _run(machine, name, hook, example, program, rules, rng, options.frames)


def _run(
    machine: Any, name: str, hook: str, example: Example, program: ir.Program, rules: RuleSet, rng: random.Random,
    count: int,
) -> Callable[[], Row]:  # fmt: skip
    def as_ebpf() -> Row:
        made, tally = ebpf.trial(program, hook, rules), ebpf.Tally()
        machine.run(made.artifact, [(port, bytes(60)) for port in ebpf.PORTS], made.tables)  # so that these are there
        ebpf.judge(machine, made, _frames(rng, example, program, rules, count), tally)
        return tally.pairs, tally.pairs - tally.kinds["dropped"], tally.mismatches

    def as_entries() -> Row:
        target = targets.find(name)
        artifact = target.lower(program, rules, {})
        does, packets = target.meaning(artifact), list[tuple[int, bytes]]()
        for _ in range(ROUNDS):
            packets += inside(does, _frames(rng, example, program, rules, count))
            if len(packets) >= count:
                break
        packets = sorted(rng.sample(packets, min(count, len(packets))))
        tally = compared(machine, program, rules, artifact, packets)
        return tally.pairs, tally.sent, tally.mismatches

    return as_ebpf if name == "ebpf" else as_entries


def _frames(
    rng: random.Random, example: Example, program: ir.Program, rules: RuleSet, count: int
) -> list[tuple[int, bytes]]:
    """A quarter meets one rule each, one is made of the rules' numbers, one is aimed at the example, one meets rules
    of all tables."""
    keys = {table.control_name: key_names(match_keys(table)) for _, table in program.tables()}
    walking = walking_frames(rng, rules, keys, PORTS, count // 4)
    frames = rule_frames(rng, rules, keys, count // 4)
    frames += [a_frame(rng, rules, noise=0.08) for _ in range(count // 4)]
    frames += [ebpf.frame(rng, example, rules) for _ in range(count - len(frames) - len(walking))]
    return sorted([*walking, *((rng.choice(PORTS), frame) for frame in frames)])


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
