"""Tables in slots on the kernel: random tables, rules and packets, against the rule that wins by the rules alone.

    python benchmarks/ebpf_slots.py [--seconds N] [--seed N]

Each table has one to four keys of random widths and match kinds (at least one of ternary, range, optional, or two lpm)
and room for 1 to 200 rules; it is lowered for every rule set, its maps are filled, and the running kernel is given
frames whose keys lie in rules, beside them, or anywhere. Prints how many frames were compared, how many of them hit a
rule, and how many mismatched.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify import targets
from p4verify.semantics.rules.decide import first
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary
from p4verify.targets.ebpf.layout import in_slots
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.targets.ebpf.programs import one_table, rule

TARGET: Final = targets.find("ebpf")
WIDTHS: Final = (1, 3, 7, 8, 9, 12, 16, 17, 24, 32, 48, 70, 128)
KINDS: Final = ("ternary", "range", "optional", "lpm", "exact")
ROOMS: Final = (1, 5, 64, 65, 130, 200)
FRAMES: Final = 60
INSIDE: Final = 0.8
"""How often a frame's keys are taken from a rule."""


@dataclass
class Counts:
    """Frames compared, those that hit a rule, and those that came out otherwise than the rules say."""

    frames: int = 0
    hits: int = 0
    mismatches: int = 0


def number(rng: random.Random, width: int) -> int:
    """Any number, the extreme ones more often."""
    full = (1 << width) - 1
    return rng.choice([0, 1, full, full >> 1, full // 3, rng.getrandbits(width), rng.getrandbits(width)])


def match(rng: random.Random, width: int, kind: str) -> Match:
    """A match as the kind allows."""
    value, other, full = number(rng, width), number(rng, width), (1 << width) - 1
    match kind:
        case "ternary":
            mask = rng.choice([other, other & number(rng, width), 0])
            return Ternary(value & mask, mask)
        case "range":
            return Range(min(value, other), max(value, other))
        case "optional":
            return rng.choice([Ternary(value, full), Ternary(0, 0)])
        case "lpm":
            length = rng.randint(0, width)
            return Lpm(value >> width - length << width - length, length)
    return Exact(value)


def beside(rng: random.Random, item: Match, width: int) -> int:
    """A value that the match allows, or one just outside of a range."""
    full = (1 << width) - 1
    match item:
        case Exact(value):
            return value
        case Ternary(value, mask):
            return value | (number(rng, width) & ~mask & full)
        case Lpm(value, length):
            return value | (number(rng, width) & (1 << width - length) - 1)
        case Range(low, high):
            return rng.choice([low, high, rng.randint(low, high), max(low - 1, 0), min(high + 1, full)])


def frame(keys: list[tuple[int, str]], values: list[int]) -> bytes:
    """The header with these keys side by side, and zeros behind it."""
    total, bits = 0, 0
    for value, (width, _) in zip(values, keys, strict=True):
        total, bits = total << width | value, bits + width
    pad = -bits % 8
    return (total << pad).to_bytes((bits + pad) // 8, "big") + bytes(60)


def one(rng: random.Random, oracle: KernelOracle, counts: Counts) -> None:
    """One table, one rule set, some frames."""
    keys = [(rng.choice(WIDTHS), rng.choice(KINDS)) for _ in range(rng.randint(1, 4))]
    room = rng.choice(ROOMS)
    program = one_table(*keys, rest=f"default_action = no(); size = {room};")
    if not in_slots(next(table for _, table in program.tables())):
        return
    rules: list[Rule] = []
    for _ in range(max(1, rng.choice([room, room // 2, min(room, 3)]))):
        call = ActionCall("yes", (rng.getrandbits(12), rng.getrandbits(1), rng.getrandbits(48)))
        rules.append(rule(*(match(rng, *key) for key in keys), call=call))
    made = lower(program, None, {"hook": rng.choice(["tc", "xdp"])})
    asked = []
    for _ in range(FRAMES):
        near = rng.choice(rules) if rng.random() < INSIDE else None
        parts = [None] * len(keys) if near is None else near.matches
        asked.append([
            number(rng, width) if part is None else beside(rng, part, width)
            for part, (width, _) in zip(parts, keys, strict=True)
        ])  # fmt: skip
    maps = TARGET.fill(program, made, RuleSet({"filt.t": tuple(rules)}))
    seen = oracle.observe(made, [(2, frame(keys, values)) for values in asked], maps, keep_maps=True)
    for values, observed in zip(asked, seen, strict=True):
        at = first(rules, [(value, width) for value, (width, _) in zip(values, keys, strict=True)])
        passes = at is not None and rules[at].call.args[1] == 1
        counts.frames += 1
        counts.hits += at is not None
        if bool(observed.outputs) != passes and observed.metadata.get("ran", 1):
            counts.mismatches += 1
            print(f"mismatch: keys {keys} of values {values}, rule {None if at is None else rules[at]}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, counts = random.Random(arguments.seed), Counts()
    end = time.monotonic() + arguments.seconds
    with KernelOracle() as oracle:
        while time.monotonic() < end:
            one(rng, oracle, counts)
    print(f"{counts.frames} frames, {counts.hits} of them hit a rule, {counts.mismatches} mismatches")
    return 1 if counts.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
