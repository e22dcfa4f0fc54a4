"""Flower filters in every form: lists and mutants of the examples' filters, shown by user-mode Linux and read.

    python benchmarks/flower_forms.py [--lists N] [--damaged N] [--seconds S] [--seed N]

Random lists, and the examples' filters with one mutation each, go into the kernel; what ``tc filter show`` prints,
also with -s, -d and -j, and the messages over rtnetlink have to be read as what went in, requests with one wrong bit as
what the kernel makes of them: or not at all, or as what has no meaning. Exits with 1 if something is read otherwise,
with 3 without a kernel.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from p4verify import targets
from p4verify.inputs import SourceOptions, read_program, read_rules
from p4verify.interrupts import unwound_when_terminated
from p4verify.targets.tc.oracle.kernel import missing
from tests.support.flower_forms import Forms, Inside, judge_damage, judge_forms, random_lists
from tests.support.flower_mutants import flower_mutants

EXAMPLES = ("vlan_filter", "acl", "qinq", "mirror", "stages", "mpls", "firewall", "bridge", "router_dual", "router")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lists", type=int, default=200, help="lists, half of them mutants")
    parser.add_argument("--damaged", type=int, default=200, help="requests with a wrong bit")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    reason = missing()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 3
    rng, found, inside = random.Random(options.seed), Forms(), Inside()
    ends = time.monotonic() + options.seconds
    mutants = [list(flower_mutants(_lowered(name))) for name in EXAMPLES]
    lists = random_lists(rng)
    try:
        for i in range(max(options.lists, options.damaged)):
            if time.monotonic() > ends:
                break
            if i < options.lists:
                judge_forms(inside, next(lists) if i % 2 else rng.choice(rng.choice(mutants)).artifact, found)
            if i < options.damaged:
                judge_damage(inside, rng.choice(next(lists).filters), rng, found)
    finally:
        inside.kernel.close()
    return _report(found)


def _lowered(name: str) -> object:
    program = read_program(str(ROOT / "examples" / f"{name}.p4"), SourceOptions())
    rules = read_rules(str(ROOT / "examples" / f"{name}.rules.cli"), program)
    return targets.find("flower").lower(program, rules, {})


def _report(found: Forms) -> int:
    for (form, result), count in sorted(found.counts.items()):
        print(f"{form:<12} {result:<28} {count:>6}")
    for text in found.wrong:
        print(text, file=sys.stderr)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
