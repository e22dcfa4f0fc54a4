"""Random eBPF programs and frames: what the meaning says, and what this kernel does, side by side.

    python benchmarks/ebpf_differential.py [PAIRS] [SEED] [--frames N] [--seconds N]

Prints a line per mismatch, and at the end how many pairs were compared. Needs what the eBPF oracle needs (root).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from p4verify.proofs.compare import domain
from p4verify.proofs.engine import Engine
from p4verify.running.ethernet import frame
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.concrete import Faulted, Plans
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.artifact.program import INNER
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, shown
from tests.support.bpf_compare import (
    Contents,
    contents,
    difference,
    difference_in_maps,
    difference_in_records,
    evaluated,
    functions,
    worlds,
)
from tests.support.bpf_random import random_object, random_tables
from tests.support.bpf_random_wider import wider_object, wider_tables

SECONDS = 2.0
"""How long the solver may look for a frame that leads to a fault."""


def rounds(oracle: KernelOracle, seed: int, counts: Counter[str], frames: int = 8) -> Iterator[str]:
    """One program and some frames per step; a text per mismatch, "" for none."""
    rng = random.Random(seed)
    while True:
        state = rng.getrandbits(48)
        yield from one_round(oracle, state, counts, frames)


def one_round(oracle: KernelOracle, seed: int, counts: Counter[str], frames: int = 8) -> Iterator[str]:
    """The program and frames of this seed."""
    rng = random.Random(seed)
    hook = rng.choice(("tc", "tc", "tcx", "xdp"))
    wider = seed & 1
    make = wider_object if wider else random_object
    obj: BpfObject = make(rng, "xdp" if hook == "xdp" else "tc", rng.choice((5, 15, 40)))
    named = {insn.map for program in obj.programs for insn in program.insns}
    there = {item.name for item in obj.maps} | {item.name + INNER for item in obj.maps}
    tables = {name: held for name, held in (wider_tables if wider else random_tables)(rng).items() if name in there}
    packets = [(rng.choice((2, 3, 77)), frame(rng, (0x0800, 0x8100))) for _ in range(frames)]
    ports = {port.to_bytes(4, "little") for port, _ in packets}  # the interfaces that there are
    tables = {n: [e for e in held if n != "ports" or e[1] in ports] for n, held in tables.items()}
    after: list[Contents] = []
    records = Records()

    def inspect(maps: Mapping[str, KernelMap]) -> None:
        after.append(contents({n: m for n, m in maps.items() if n in named}, tables))
        records.look(maps)

    try:
        seen = oracle.observe(
            obj,
            packets,
            tables,
            "test",
            hook,
            inspect=inspect,
            refill=True,
        )
    except InputError as error:
        counts["refused by the kernel"] += 1
        counts["refused: " + str(error).rsplit("processed", 1)[0].strip().splitlines()[-1][:70]] += 1
        yield ""
        return
    try:
        behaviour = meaning(obj, "test", hook)  # type: ignore[arg-type]
    except Unsupported as error:
        counts["unsupported: " + error.reason.split(": ")[-1]] += 1
        yield ""
        return
    counts["programs"] += 1
    possible = reachable(behaviour)
    if possible:
        counts["programs with faults that the kernel takes"] += 1
        yield f"seed {seed}: fault {possible}"
    plans, known = Plans(), functions(obj, tables)
    for (port, data), observation, maps, told in zip(packets, seen, after, records.new, strict=True):
        counts["pairs"] += 1
        counts["pairs with an output"] += bool(observation.outputs)
        wrong = ""
        for transport, room in worlds(behaviour):
            try:
                outcome = evaluated(behaviour, obj, tables, port, data, plans, transport, room, known=known)
                wrong = difference(outcome, observation) or difference_in_maps(outcome, maps, obj, known) or ""
                wrong = wrong or difference_in_records(outcome, told) or ""
            except (AssertionError, KeyError, Faulted) as error:
                wrong = repr(error)
            if not wrong:
                break
        if wrong:
            counts["mismatches"] += 1
        yield f"seed {seed}, {hook}, port {port}, frame {data.hex()}: {wrong}" if wrong else ""


class Records:
    """What each frame adds to ring buffers, which nobody reads."""

    def __init__(self) -> None:
        self.new: list[dict[str, tuple[tuple[int, ...], ...]]] = []
        self._known: Counter[str] = Counter()

    def look(self, maps: Mapping[str, KernelMap]) -> None:
        """After each frame."""
        found = shown.records(maps)
        self.new.append({name: records[self._known[name] :] for name, records in found.items()})
        self._known.update({name: len(records) for name, records in self.new[-1].items()})


def reachable(behaviour: Behaviour) -> str:
    """A fault that some frame can lead to, "" for none: the kernel's verifier has seen that there is none.

    Only what the solver says at once counts; the frames that are run show the rest.
    """
    inputs = domain(behaviour)
    engine = Engine(timeout=SECONDS, deadline=time.monotonic() + 2 * SECONDS)
    for fault in behaviour.faults:
        if engine.satisfiable(b.and_(inputs, fault.guard), fault.text).status == "sat":
            return fault.text
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=int, nargs="?", default=10_000)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--frames", type=int, default=8, help="frames per program")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    started = time.monotonic()
    with KernelOracle() as oracle:
        reason = oracle.available()
        if reason:
            print(reason)
            return 2
        for text in rounds(oracle, options.seed, counts, options.frames):
            if text:
                print(text)
            if counts["pairs"] >= options.pairs or time.monotonic() - started > options.seconds:
                break
    for name, count in sorted(counts.items()):
        print(f"{count:8} {name}")
    print(f"{time.monotonic() - started:.1f} s; mismatches: {counts['mismatches']}")
    return 1 if counts["mismatches"] else 0


if __name__ == "__main__":
    sys.exit(main())
