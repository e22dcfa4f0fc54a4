"""Everything that must hold of a random program, checked on one: for the everyday sample, the campaign, the benchmark.

A study raises AssertionError for what does not hold, and tells what could not be compared.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace

from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import search
from p4verify.semantics import ir, p4info
from p4verify.semantics.ir import codec_json, codec_netlink
from p4verify.semantics.ir.printer import to_p4
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.p4 import parser
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.p4.printer import to_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import Unsupported
from tests.support import agreement
from tests.support.ir_alike import difference
from tests.support.ir_nodes import same
from tests.support.p4_random import Generated, Settings, random_program
from tests.support.random_rules import numbers_of_groups, random_groups, random_rules

PACKETS = 10
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


def study(made: Generated, seed: int) -> Study:
    """Load a program and check all laws that need no solver.

    Raises:
        InputError: it does not load.
        AssertionError: some law does not hold.
    """
    started = time.monotonic()
    result = Study(made.arch, seed)
    program = load_text(made.text, "random.p4").program
    round_trips(made.text, program)
    again = load_text(to_p4(program), "printed.p4").program
    try:
        concrete_is_symbolic(made, program, again, result)
    except Unsupported as problem:
        result.unsupported = problem.reason
    result.seconds = time.monotonic() - started
    return result


def round_trips(text: str, program: ir.Program) -> None:
    """Syntax tree, p4ast, JSON and netlink bytes: written and read again they are the same."""
    tree = parser.parse_text(text, "random.p4")
    assert to_text(parser.parse_text(to_text(tree), "random.p4")) == to_text(tree)
    verify(program)
    assert same(codec_json.from_json(codec_json.to_json(program)), program)
    assert same(codec_netlink.from_netlink(codec_netlink.to_netlink(program)), program)
    again = load_text(to_p4(program), "printed.p4").program
    assert difference(program, again) == ""
    assert p4info.to_text(program) == p4info.to_text(again)


def concrete_is_symbolic(made: Generated, program: ir.Program, again: ir.Program, result: Study) -> None:
    """Runs of packets are evaluations of the behaviour, for every rule set and for these; ``again`` does the same."""
    every = meaning(program)
    numbers = numbers_of_groups(every)
    rng = random.Random(result.seed)
    for turn in range(RULE_SETS):
        seed = 2 * result.seed + turn
        rules = replace(random_rules(program, seed, made.pool), **random_groups(seed, numbers))
        sides = agreement.sides(program, every, rules)
        for salt in range(PACKETS):
            packet = agreement.Packet(made.packet(rng), rng.randrange(8), salt)
            result.comparisons += agreement.check(program, sides, rules, packet)
            result.facts |= same_run(program, again, rules, packet)


def same_run(program: ir.Program, again: ir.Program, rules: RuleSet, packet: agreement.Packet) -> set[str]:
    """The printed program does to a packet what the program does; undefined values are one number for all.

    Returns:
        What the packet did.
    """
    results = []
    for each in (program, again):
        rules_of = rules if each is program else _for(rules, program, again)
        results.append(run(each, rules_of, packet.data, packet.port, choice=lambda c: agreement.number(c.reason)))
    one, two = results
    assert one.outputs == two.outputs, f"printed: packet {packet.data.hex()} port {packet.port}"
    assert one.state == two.state
    facts = {"output" if one.outputs else "dropped"}
    return facts | ({"undefined"} if one.undefined else set()) | ({"state"} if one.state else set())


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
