"""The eBPF of the examples, three ways on random rules and frames: kernel, artifact's meaning, meaning of the source.

    python benchmarks/examples_differential.py [--pairs N] [--seed N] [--only REGEX]

Prints a row per example and hook. Needs what the eBPF oracle needs (root). Exits with 1 if there was a mismatch, with 3
without such a kernel.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.interrupts import unwound_when_terminated
from p4verify.semantics.source import Unsupported
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.examples_campaign import HOOKS, OTHERS, THE_EXAMPLES, Example, Tally, campaign


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100_000, help="program-and-packet pairs in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", default="", metavar="REGEX", help="of the examples those whose name and hook have this"
    )
    options = parser.parse_args()
    with KernelOracle() as oracle:
        reason = oracle.available()
        if reason is not None:
            print(reason, file=sys.stderr)
            return 3
        return _table(oracle, options.pairs, options.seed, options.only)


def _takes(example: Example, hook: str) -> bool:
    """Whether the lowering takes the example there; says so if not."""
    program = example.program()
    try:
        TARGET.lower(program, example.own_rules(program), {"hook": hook})
    except (CannotOffload, Unsupported) as error:
        print(f"{example.name:<12} {hook:<4} not lowered: {error.reason}")
        return False
    return True


def _table(oracle: KernelOracle, pairs: int, seed: int, only: str) -> int:
    asked = [(example, hook) for example in (*THE_EXAMPLES, *OTHERS) for hook in HOOKS]
    runs = [(e, hook) for e, hook in asked if re.search(only, f"{e.name} {hook}") and _takes(e, hook)]
    share = -(-pairs // max(1, len(runs)))
    whole, hits = Tally(), Counter[str]()
    print(f"{'example':<12} {'hook':<4} {'rule sets':>9} {'pairs':>8} {'dropped':>8} {'unchanged':>9} {'rewritten':>9} "
          f"{'mismatches':>10} {'pairs/s':>8}")  # fmt: skip
    for example, hook in runs:
        tally = campaign(oracle, example, hook, pairs=share, seed=seed)
        kinds = tally.kinds
        print(f"{example.name:<12} {hook:<4} {tally.rule_sets:9} {tally.pairs:8} {kinds['dropped']:8} "
              f"{kinds['unchanged']:9} {kinds['rewritten']:9} {len(tally.mismatches):10} "
              f"{tally.pairs / tally.seconds:8.0f}", flush=True)  # fmt: skip
        whole.pairs += tally.pairs
        whole.unreached += tally.unreached
        whole.mismatches += tally.mismatches
        hits += tally.hits
    print(f"in all {whole.pairs} pairs and {whole.unreached} frames that the kernel dropped before the hook,")
    print(f"{len(whole.mismatches)} mismatches; what the tables answered:")
    for name, count in sorted(hits.items()):
        print(f"{count:8}  {name}")
    for mismatch in whole.mismatches:
        print(mismatch, file=sys.stderr)
    return 1 if whole.mismatches else 0


if __name__ == "__main__":
    with unwound_when_terminated():
        sys.exit(main())
