"""Laws of the meaning on a program of others, with random rules and packets that follow its parser."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from p4verify.running.entries import random_rules
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import ARCHITECTURES
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported
from tests.support import agreement
from tests.support.corpus_packets import Packets
from tests.support.plain.machine import MACHINES
from tests.support.plain_agreement import Judged, one_packet
from tests.support.random_groups import numbers_of_groups, random_groups


@dataclass
class Found:
    """What was compared on one program."""

    name: str
    arch: str
    packets: int = 0
    """Packets that a run and both behaviours agree on."""
    plainly: Judged = field(default_factory=Judged)
    """... and a run and the plain interpreter."""
    unsupported: Counter[str] = field(default_factory=Counter)


def programs(corpus: Path) -> list[Path]:
    """The programs with a package that is modelled, in the order of their names."""
    return sorted((corpus / "p4c").glob("p4*_samples/*.p4"))


def loaded(path: Path) -> ir.Program | None:
    """A program of an architecture that is modelled; None for anything else."""
    try:
        program = load_program(str(path))
    except (InputError, Unsupported):
        return None
    return program if program.main is not None and program.arch in ARCHITECTURES else None


def laws(path: Path, program: ir.Program, packets: int, rule_sets: int) -> Found:
    """Run ``packets`` packets in all, shared by random rule sets.

    Raises:
        AssertionError: a law does not hold.
    """
    found = Found(path.stem, program.arch)
    maker = Packets(program)
    rng = random.Random(path.stem)
    try:
        every = agreement.Every.of(program)
        numbers = numbers_of_groups(every.behaviour)
    except Unsupported as problem:
        found.unsupported[problem.reason] += 1
        return found
    for _ in range(rule_sets):
        seed = rng.getrandbits(30)
        try:
            rules = random_rules(program, seed, maker.pool)
            plain = rules
            rules = replace(rules, **random_groups(seed, numbers))
            sides = every.sides(rules)
        except Unsupported as problem:
            found.unsupported[problem.reason] += 1
            continue
        for salt in range(packets // rule_sets):
            packet = agreement.Packet(maker.packet(rng), rng.randrange(8), salt)
            try:
                found.packets += agreement.check(program, sides, rules, packet).compared == len(sides)
                if program.arch in MACHINES:
                    one_packet(program, plain, packet, found.plainly)
            except Unsupported as problem:
                found.unsupported[problem.reason] += 1
    return found
