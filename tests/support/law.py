"""The law that running a packet is the same as evaluating the behaviour on it: all passes, copies, events and state."""

from __future__ import annotations

import random
from dataclasses import replace

from p4verify.running.entries import random_rules
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.checksums import CUSTOM, crc_bytes
from p4verify.semantics.meaning.concrete import Function
from p4verify.semantics.meaning.passes import evaluate_passes
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.source import Unsupported
from tests.support.random_groups import numbers_of_groups, random_groups


def damaged(rng: random.Random, frame: bytes) -> bytes:
    """A frame with some bytes changed, cut or appended."""
    data = bytearray(frame)
    for _ in range(rng.randrange(4)):
        if data:
            data[rng.randrange(len(data))] = rng.choice([0, 1, 255, 8, 6, rng.getrandbits(8)])
    if rng.random() < 0.3:
        del data[rng.randrange(len(data) + 1) :]
    return bytes(data) + (rng.randbytes(rng.randrange(40)) if rng.random() < 0.2 else b"")


KNOWN: dict[int, tuple[ir.Program, Behaviour]] = {}


def of_all_rules(program: ir.Program) -> Behaviour:
    """The behaviour without rules, made once per program object."""
    if id(program) not in KNOWN:
        KNOWN[id(program)] = (program, meaning(program))
    return KNOWN[id(program)][1]


def law(program: ir.Program, frames: list[bytes], seed: int) -> int:
    """Run frames under random rules, and evaluate both behaviours there: with these rules, and with any."""
    rng = random.Random(seed)
    pool = [int.from_bytes(f[i : i + w], "big") for f in frames for w in (1, 2, 4, 6) for i in range(min(len(f), 40))]
    rules = random_rules(program, seed, pool)
    general = of_all_rules(program)
    rules = replace(rules, **random_groups(seed, numbers_of_groups(general)))
    special = meaning(program, rules)
    made = answers(program, rules)
    compared = 0
    for frame in frames:
        port = rng.randrange(512)
        before = {name: (lambda index: (index * 7 + 3) & 0xFF) for name in special.observables}
        try:
            result = run(program, rules, frame, port, cells=before)
        except Unsupported as problem:
            if problem.reason.startswith("more than"):
                continue  # passes or copies without end
            raise
        cells = {name: list(written) for name, written in result.state.items()}
        states = {f"state.{name}": function for name, function in before.items()}
        unknown = {**made.functions, **states, **custom_crcs(general)}
        for behaviour, functions in ((special, states), (general, unknown)):
            asked = cells if behaviour is special else None  # direct counters are indexed by key without rules
            try:
                outcome = evaluate_passes(
                    behaviour, frame, port, functions=functions, inputs=made.inputs, cells=asked, default=0,
                    groups=made.groups,
                )  # fmt: skip
            except ValueError:
                continue  # a loop goes on for longer than it was followed
            assert outcome.outputs == result.outputs
            assert outcome.events == result.events
            assert asked is None or outcome.state == result.state
            compared += 1
    return compared


def custom_crcs(behaviour: Behaviour) -> dict[str, Function]:
    """Hashes whose parameters no control plane has set, as a run takes them to be."""
    names = {t.name for case in behaviour.cases for t in b.applications(*case.terms())}
    return {name: made for name in names if (made := _custom_crc(name)) is not None}


def _custom_crc(name: str) -> Function | None:
    parts = name.split(".")
    if len(parts) != 3 or parts[0] != "hash" or parts[1] not in CUSTOM:
        return None
    parameters, count = CUSTOM[parts[1]], int(parts[2]) // 8
    return lambda data: crc_bytes(parameters, data.to_bytes(count, "big"))
