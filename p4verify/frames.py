"""Frames that go through a program's first parser, each by another way: what to try whole pipelines on, one by one.

A frame is a solver's answer to what one way of the parser asks for. Where a later block is known to differ for some of
its inputs, the ways that leave its headers valid as those are come first, and the frame's fields are the block's inputs
as far as that way can have them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .proofs.engine import Engine, Model
from .proofs.sampling import Hints
from .semantics import bits as b
from .semantics import ir
from .semantics.arch.blocks import ACCEPTED, block_meaning, slots
from .semantics.bits import Term
from .semantics.meaning.behaviour import LENGTH, Case
from .semantics.rules.ruleset import RuleSet

TURNS: Final = 2
"""How often loops of the parser are followed."""

LONGEST: Final = 1_500
"""Bytes of the longest frame that is tried."""

SECONDS: Final = 1.0
"""For each question to a solver."""

NEAREST: Final = 8
"""Ways whose fields are made those of a block's inputs."""

VALID: Final = ".isValid()"
"""How the names of results end that say whether a header is there."""


def ways(program: ir.Program, rules: RuleSet | None) -> tuple[Case, ...]:
    """The ways through the parser that sees a packet first, with what it leaves behind; none without a parser.

    Raises:
        Unsupported: it uses what is not modelled.
    """
    parsers = {parser.name for parser in program.parsers}
    first = next((slot.block for slot in slots(program) if slot.block in parsers), None)
    if first is None:
        return ()
    return block_meaning(program, first, rules, turns=TURNS).behaviour.cases


def frames(cases: Sequence[Case], engine: Engine) -> Iterator[bytes]:
    """A frame for each of :func:`ways` for which there is one, most headers first; ``engine`` finds them."""
    rng = random.Random(len(cases))
    for case in _in_order(cases, {}, rng):
        yield from _frame(case.guard, engine, rng)


def fitting(cases: Sequence[Case], wanted: Mapping[str, int], engine: Engine) -> Iterator[bytes]:
    """Frames that leave the headers as a block found them, or as few otherwise as can be, with fields as they were.

    Args:
        cases: the ways.
        wanted: the block's inputs by name, without its parameter's (:func:`of_parameters`).
        engine: finds them.
    """
    rng = random.Random(len(cases))
    for case in _in_order(cases, wanted, rng)[:NEAREST] if wanted else ():
        yield from _fitting(case, wanted, engine, rng)
        yield from _frame(case.guard, engine, rng)


def frame_of(model: Model) -> bytes | None:
    """The frame of a difference between parsers; None if it is too long."""
    size = model.values.get(LENGTH.name, 0)
    if size > LONGEST:
        return None
    return bytes(model.values.get(f"pkt[{i}]", 0) & 0xFF for i in range(size))


def of_parameters(values: Mapping[str, int]) -> dict[str, int]:
    """The inputs of a block among a model's values, without the names of its parameters."""
    return {name.partition(".")[2].partition(".")[2]: value for name, value in values.items() if name.startswith("in.")}


def _in_order(cases: Sequence[Case], wanted: Mapping[str, int], rng: random.Random) -> list[Case]:
    """Ways that accept first, and of them those that suit best."""
    order = list(cases)
    rng.shuffle(order)  # neighbours are much alike
    return sorted(order, key=lambda case: (_accepts(case), _valid_as(case, wanted)), reverse=True)


@dataclass(frozen=True)
class _Result:
    """A leaf that a parser leaves behind: its name without the parameter's."""

    name: str
    term: Term


def _results(case: Case) -> Iterator[_Result]:
    return (_Result(name.partition(".")[2], term) for name, term in case.metadata.items())


def _accepts(case: Case) -> bool:
    return case.metadata[ACCEPTED].value != 0


def _valid_as(case: Case, wanted: Mapping[str, int]) -> int:
    """How many headers are there, or not there, as wanted; without anything wanted, how many are there."""
    flags = [r for r in _results(case) if r.name.endswith(VALID) and r.term.is_const]
    return sum(bool(r.term.value) == bool(wanted.get(r.name, 0 if wanted else 1)) for r in flags)


def _fitting(case: Case, wanted: Mapping[str, int], engine: Engine, rng: random.Random) -> Iterator[bytes]:
    """A frame whose fields are as wanted; if there is none, those that are not wanted to be 0, as what does not matter
    is: two fields may be one for the parser."""
    tried = b.TRUE
    for some in (wanted, {name: value for name, value in wanted.items() if value}):
        fits = _fits(case, some)
        if fits in (tried, b.TRUE):
            continue
        found = list(_frame(b.and_(case.guard, fits), engine, rng))
        yield from found
        if found:
            return
        tried = fits


def _fits(case: Case, wanted: Mapping[str, int]) -> Term:
    """That fields are as wanted, of those that the way takes from the frame."""
    read = [
        (r.term, wanted[r.name])
        for r in _results(case)
        if r.name in wanted and not r.term.is_const and all(v.name.startswith("pkt[") for v in b.variables(r.term))
    ]
    return b.and_(*(b.eq(term, b.literal(value, term)) for term, value in read))


def _frame(query: Term, engine: Engine, rng: random.Random) -> Iterator[bytes]:
    """A shortest frame for a query; bytes of which it does not speak are drawn."""
    model = engine.satisfiable(query, "a frame for a way through the parser", SECONDS).model
    if model is None:
        return
    read = {v.name for v in b.variables(query)}
    values = dict(model.values)
    longest = max((int(name[4:-1]) + 1 for name in read if name.startswith("pkt[")), default=0)
    for size in sorted({longest, *Hints([query]).lengths}):
        if not longest <= size <= LONGEST:
            continue
        values |= {f"pkt[{i}]": rng.randrange(256) for i in range(size) if f"pkt[{i}]" not in read}
        values[LENGTH.name] = size
        found = replace(model, values=values)
        if found.holds(query):
            yield bytes(values.get(f"pkt[{i}]", 0) for i in range(size))
            return
