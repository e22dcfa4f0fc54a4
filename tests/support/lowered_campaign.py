"""The campaign of programs that are lowered and run beside their source: ``benchmarks/*_lowered.py``."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from p4verify import targets
from p4verify.checks import Checker
from p4verify.running.entries import random_rules
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import CannotOffload, Oracle
from tests.support.lowered import judge

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NUMBERS = [
    1,
    2,
    3,
    4,
    5,
    6,
    10,
    17,
    20,
    64,
    100,
    200,
    0x0A000001,
    0x0A000002,
    0xC0A80101,
    0x020000000001,
    0x020000000002,
]


def main(name: str, machine: AbstractContextManager[Any], about: str, archs: tuple[str, ...]) -> int:
    """Runs the campaign for the target ``name`` with its real machine; what the script exits with."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("corpus", nargs="?", type=Path, default=EXAMPLES)
    parser.add_argument("--frames", type=int, default=100, help="frames for each program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="each K-th program only")
    parser.add_argument(
        "--own-rules", action="store_true", help="the rules beside each program (.rules.cli), where there are"
    )
    parser.add_argument("--prove", type=float, help="seconds for a verdict on each")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    started = time.monotonic()
    with machine as oracle:
        reason = oracle.available()
        if reason is not None:
            print(reason, file=sys.stderr)
            return 3
        for path in sorted(options.corpus.rglob("*.p4"))[:: options.every]:
            try:
                program = load_program(str(path))
            except (InputError, Unsupported):
                continue
            if program.arch in archs:
                _one(name, oracle, path, program, options, counts)
    print(", ".join(f"{name}: {count}" for name, count in counts.items()), f"in {time.monotonic() - started:.0f} s")
    return 1 if counts["mismatches"] or counts["rejects"] else 0


def _own_rules(path: Path, program: ir.Program) -> RuleSet | None:
    """The rules that lie beside a program; None if there are none."""
    beside = path.with_suffix(".rules.cli")
    return read_rules(beside.read_text(), str(beside), program) if beside.exists() else None


def _one(
    name: str, oracle: Oracle, path: Path, program: ir.Program, options: argparse.Namespace, counts: Counter[str]
) -> None:
    rng = random.Random(f"{options.seed}/{path.name}")
    target = targets.find(name)
    try:
        rules = _own_rules(path, program) if options.own_rules else None
        rules = random_rules(program, rng.getrandbits(32), NUMBERS) if rules is None else rules
        artifact = target.lower(program, rules, {})
    except (CannotOffload, Unsupported) as error:
        counts["not expressed"] += 1
        counts["... by rules"] += isinstance(error, Unsupported)
        return
    counts["expressed"] += 1
    counts["entries"] += len(artifact.flows if hasattr(artifact, "flows") else artifact.filters)
    try:
        tally = judge(target, oracle, program, rules, artifact, rng, options.frames)
    except Unsupported as error:
        counts["not observed"] += 1
        print(f"{path}: {error}", file=sys.stderr)
        return
    counts["pairs"] += tally.pairs
    counts["undefined"] += tally.undefined
    counts["stale"] += tally.stale
    counts["chosen"] += tally.chosen
    counts["sent"] += tally.sent
    counts["changed"] += tally.changed
    counts["mismatches"] += len(tally.mismatches)
    print(f"{path.stem}: {tally.pairs} pairs, {tally.sent} sent, {len(tally.mismatches)} mismatches", flush=True)
    for mismatch in tally.mismatches[:3]:
        print(f"{path}: {mismatch}", file=sys.stderr)
    if options.prove is not None:
        proof = Checker(program, rules, timeout=options.prove, machines_confirm=False).check_artifact(
            target, artifact, None
        )
        counts[f"{proof.proof.verdict.value}s"] += 1
        if proof.proof.verdict.value == "reject":
            print(f"{path}: {proof.proof.reason}", file=sys.stderr)
