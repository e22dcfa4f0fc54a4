"""The evaluator against the plain interpreter, on one packet."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from p4verify.running.entries import random_rules
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import Run, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from tests.support.agreement import Packet, number
from tests.support.p4_random import Generated
from tests.support.plain import UNDEFINED, Result, Skip, run_plain


@dataclass
class Judged:
    """How many packets were compared, and why others were not."""

    compared: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def judge(made: Generated, seed: int, packets: int = 10) -> Judged:
    """Random rules and packets through both interpreters.

    Raises:
        AssertionError: they differ.
    """
    program = load_text(made.text, "random.p4").program
    rng = random.Random(seed)
    judged = Judged()
    for turn in range(2):
        rules = random_rules(program, 2 * seed + turn, made.pool)
        for salt in range(packets):
            one_packet(program, rules, Packet(made.packet(rng), rng.randrange(8), salt), judged)
    return judged


def one_packet(program: ir.Program, rules: RuleSet, packet: Packet, judged: Judged) -> None:
    """One packet through both."""

    def before(name: str, index: int) -> int:
        return number(packet.salt, "cell", name, index)

    try:
        wanted = run_plain(program, rules, packet.data, packet.port, before)
    except Skip as reason:
        judged.skipped[str(reason)] += 1
        return
    cells = {i.name: (lambda index, name=i.name: before(name, index)) for i in program.instances}
    got = run(program, rules, packet.data, packet.port, cells=cells, choice=packet.choice)
    where = f"packet {packet.data.hex()} port {packet.port}"
    assert _same_outputs(got, wanted), f"{where}: {got.outputs}, plainly {wanted.outputs}"
    assert _same_state(got, wanted), f"{where}: {got.state}, plainly {wanted.state}"
    judged.compared += 1


def _same_outputs(got: Run, wanted: Result) -> bool:
    pairs = zip(got.outputs, wanted.outputs, strict=False)
    same = all(to == also and out == port and _fits(frame, bits) for (to, out, frame), (also, port, bits) in pairs)
    return same and len(got.outputs) == len(wanted.outputs)


def _fits(frame: bytes, bits: str) -> bool:
    """Whether a frame is one of those that bits with ``?`` describe."""
    found = "".join(format(octet, "08b") for octet in frame)
    return len(found) == len(bits) and all(bit in ("?", seen) for bit, seen in zip(bits, found, strict=True))


def _same_state(got: Run, wanted: Result) -> bool:
    indexes = {name: set(cells) for name, cells in wanted.state.items()}
    if {name: set(cells) for name, cells in got.state.items()} != indexes:
        return False
    cells = [(got.state[name][i], value) for name, found in wanted.state.items() for i, value in found.items()]
    return all(value is UNDEFINED or seen == value for seen, value in cells)
