"""The examples with rule sets of 10, 100 and 1,000 entries on every target that can express them.

    python benchmarks/rules_examples.py [--only REGEX] [--sizes 10,100,1000] [--seed N] [--limit SECONDS] [--data FILE]

Every rule set is grown from the example's own (``tests/support/grown_rules.py``). What our lowering makes of the
program under it is checked against the program, and what is accepted against the program's eBPF. Prints a row for
each; times are of one process on one core. ``--data`` keeps a line of JSON for each row and leaves out what is there.
Exits with 1 if a check ended otherwise than in ``accept`` or ``unsupported``, or if a target that was accepted was not
compared with an eBPF that was.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify import targets
from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.source import Unsupported
from p4verify.targets.base import CannotOffload
from tests.support.examples_campaign import OTHERS, THE_EXAMPLES, Example
from tests.support.grown_rules import grown

TARGETS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("ebpf", {}),
    ("ebpf", {"hook": "xdp"}),
    ("u32", {}),
    ("flower", {}),
    ("openflow", {}),
)
FINE: Final = (Verdict.ACCEPT, Verdict.UNSUPPORTED)


def main() -> int:
    """Run; see the module's text for the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="REGEX", help="examples whose name has this")
    parser.add_argument("--sizes", default="10,100,1000", help="of the rule sets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, help="seconds for a check (default: none)")
    parser.add_argument("--data", type=Path, help="keeps the rows")
    options = parser.parse_args()
    lines = options.data.read_text().splitlines() if options.data is not None and options.data.exists() else []
    rows = [json.loads(line) for line in lines]
    for example in (*THE_EXAMPLES, *OTHERS):
        for count in map(int, options.sizes.split(",")):
            known = any((row["example"], row["rules"]) == (example.name, count) for row in rows)
            if not re.search(options.only, example.name) or known:
                continue
            made = []
            for row in _rows(example, count, options.seed, options.limit):
                made.append(row)
                print(_shown(row), flush=True)
            rows += made
            if options.data is not None:
                with options.data.open("a") as file:
                    file.writelines(f"{json.dumps(row)}\n" for row in made)
    wrong = [row for row in rows if not row["right"]]
    print(f"{len(rows)} rows, {len(wrong)} of them not as they should be")
    return 1 if wrong else 0


def _rows(example: Example, count: int, seed: int, limit: float | None) -> Iterator[dict[str, Any]]:
    program = example.program()
    try:
        rules = grown(program, example.own_rules(program), count, seed)
    except ValueError as error:
        yield {"example": example.name, "rules": count, "target": "(any)", "verdict": "none", "reason": str(error),
               "entries": 0, "seconds": 0.0, "right": count > 100}  # fmt: skip
        return
    checker = Checker(program, rules, limit)
    accepted: dict[bool, list[str]] = {True: [], False: []}
    for name, given in TARGETS:
        target = targets.find(name)
        label = name + "".join(f":{k}={v}" for k, v in given.items())
        started, entries = time.process_time(), 0
        try:
            artifact = target.lower(program, rules, given)
        except (CannotOffload, Unsupported) as error:
            result = "unsupported", error.reason
        else:
            entries = len(getattr(artifact, "flows", getattr(artifact, "filters", ())))
            proof = checker.check_artifact(target, artifact, None, label).proof
            result = proof.verdict.value, proof.reason
            if proof.verdict is Verdict.ACCEPT:
                accepted[target.holds_tables].append(label)
        yield _row(example, count, label, *result, entries, time.process_time() - started)
    wanted = {f"{software} = {hardware}" for software in accepted[True] for hardware in accepted[False]}
    started = time.process_time()
    for one in checker.check_agreement():
        wanted.discard(one.target)
        yield _row(
            example, count, one.target, one.verdict.value, one.proof.reason, 0, time.process_time() - started,
            right=one.verdict is Verdict.ACCEPT,
        )  # fmt: skip
        started = time.process_time()
    for label in sorted(wanted):
        yield _row(example, count, label, "none", "not compared", 0, 0.0, right=False)


def _row(
    example: Example, count: int, label: str, verdict: str, reason: str, entries: int, seconds: float,
    right: bool | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "example": example.name, "rules": count, "target": label, "verdict": verdict, "entries": entries,
        "seconds": round(seconds, 2), "reason": reason,
        "right": verdict in {fine.value for fine in FINE} if right is None else right,
    }  # fmt: skip


def _shown(row: dict[str, Any]) -> str:
    said = row["reason"] if row["verdict"] != "accept" else ""
    return (f"{row['example']:<12} {row['rules']:5} {row['target']:<26} {row['verdict']:<12} {row['entries'] or '':>6} "
            f"{row['seconds']:8.2f} s  {said[:120]}{'' if row['right'] else '  <== WRONG'}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
