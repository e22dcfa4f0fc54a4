"""Everything that must hold of a random program, checked on one: for the everyday sample, the campaign, the benchmark.

A study raises AssertionError for what does not hold, and tells what could not be compared.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace

from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import search
from p4verify.running.entries import random_rules
from p4verify.semantics import ir, p4info
from p4verify.semantics.ir import codec_json, codec_netlink
from p4verify.semantics.ir.printer import to_p4
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.program import Run, run
from p4verify.semantics.p4 import parser
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.p4.printer import to_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import Unsupported
from tests.support import agreement
from tests.support.ir_alike import difference
from tests.support.ir_nodes import same
from tests.support.p4_random import Generated, Settings, random_program
from tests.support.random_groups import numbers_of_groups, random_groups

PACKETS = 10
PRINTED = 2
"""Packets of each rule set that the printed program has to treat alike; its tree has been compared before."""
RULE_SETS = 2


@dataclass
class Study:
    """What was found out about one program."""

    arch: str
    seed: int
    comparisons: int = 0
    unsupported: str = ""
    """Why its behaviour on all packets could not be had."""
    seconds: float = 0.0
    facts: set[str] = field(default_factory=set)
    """What its packets did: "output", "dropped", "undefined", "state"."""


def generated(arch: str, seed: int, settings: Settings | None = None) -> Generated:
    """Program ``seed`` of an architecture."""
    return random_program(random.Random(f"{arch}{seed}"), arch, settings)


def study(made: Generated, seed: int, *, written: bool = True) -> Study:
    """Load a program and check all laws that need no solver; ``written``: those of what is written and read again, too.

    Raises:
        InputError: it does not load.
        AssertionError: some law does not hold.
    """
    started = time.monotonic()
    result = Study(made.arch, seed)
    program = load_text(made.text, "random.p4").program
    again = round_trips(made.text, program) if written else None
    try:
        concrete_is_symbolic(made, program, again, result)
    except Unsupported as problem:
        result.unsupported = problem.reason
    result.seconds = time.monotonic() - started
    return result


def round_trips(text: str, program: ir.Program) -> ir.Program:
    """Syntax tree, p4ast, JSON and netlink bytes: written and read again they are the same.

    Returns:
        The program that was printed and read again.
    """
    tree = parser.parse_text(text, "random.p4")
    assert to_text(parser.parse_text(to_text(tree), "random.p4")) == to_text(tree)
    verify(program)
    assert same(codec_json.from_json(codec_json.to_json(program)), program)
    assert same(codec_netlink.from_netlink(codec_netlink.to_netlink(program)), program)
    again = load_text(to_p4(program), "printed.p4").program
    assert difference(program, again) == ""
    assert p4info.to_text(program) == p4info.to_text(again)
    return again


def concrete_is_symbolic(made: Generated, program: ir.Program, again: ir.Program | None, result: Study) -> None:
    """Runs of packets are evaluations of the behaviour, for every rule set and for these; ``again``, the program that
    was printed and read, does the same."""
    every = agreement.Every.of(program)
    numbers = numbers_of_groups(every.behaviour)
    rng = random.Random(result.seed)
    for turn in range(RULE_SETS):
        seed = 2 * result.seed + turn
        rules = replace(random_rules(program, seed, made.pool), **random_groups(seed, numbers))
        sides = every.sides(rules)
        for salt in range(PACKETS):
            packet = agreement.Packet(made.packet(rng), rng.randrange(8), salt)
            seen = agreement.check(program, sides, rules, packet)
            result.comparisons += seen.compared
            result.facts |= _facts(seen.run)
            if again is not None and salt < PRINTED:
                same_run(program, again, rules, packet)


def _facts(seen: Run) -> set[str]:
    """What a packet did."""
    facts = {"output" if seen.outputs else "dropped"}
    return facts | ({"undefined"} if seen.undefined else set()) | ({"state"} if seen.state else set())


def same_run(program: ir.Program, again: ir.Program, rules: RuleSet, packet: agreement.Packet) -> None:
    """The printed program does to a packet what the program does; undefined values are one number for all."""
    results = []
    for each in (program, again):
        rules_of = rules if each is program else _for(rules, program, again)
        results.append(run(each, rules_of, packet.data, packet.port, choice=lambda c: agreement.number(c.reason)))
    one, two = results
    assert one.outputs == two.outputs, f"printed: packet {packet.data.hex()} port {packet.port}"
    assert one.state == two.state


def _for(rules: RuleSet, program: ir.Program, again: ir.Program) -> RuleSet:
    """The same rules for the printed program; the printer keeps actions' names."""
    names = [[a.name for c in p.controls for a in c.actions] for p in (program, again)]
    assert names[0] == names[1]
    return rules


def never_rejects_itself(behaviour: Behaviour, seconds: float) -> bool:
    """Whether a behaviour is shown to refine itself; it must never be refuted.

    Raises:
        AssertionError: it is.
    """
    outcome = search(behaviour, behaviour, Engine.within(seconds))
    assert outcome.difference is None, outcome.difference
    return not outcome.unknown and not outcome.empty
