"""Which of an architecture's timestamps a program reads: for each of them the kernel's clock is asked once, in this
order. PSA and PNA take its nanoseconds as they are; v1model's are microseconds, of which they hold the low bits.
Programs of ubpf_model and xdp_model ask for the time where they like, and find any there.

Nothing waits between ingress and egress, so all copies of a frame begin egress when the frame itself does, and find the
same of the queues.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.arch.bpf_externs import TIME
from ...semantics.bits import Term
from ...semantics.ir.traverse import mentioned
from ...semantics.meaning.behaviour import Behaviour, Choice, distinct_terms, of_a_copy

TIMESTAMPS: Final = {
    "psa": ("ingress_timestamp", "egress_timestamp"),
    "pna": ("timestamp",),
    "v1model": ("ingress_global_timestamp", "egress_global_timestamp", "enq_timestamp"),
}
"""Architecture → names of them."""
AT_EGRESS: Final = ("egress_global_timestamp", "enq_timestamp")
"""Those of v1model that are set when egress begins."""
_OF_COPIES: Final = f"in.{of_a_copy(0, '')}"
"""How the names of inputs begin of which each copy of a frame has its own."""
TOLD_AT_EGRESS: Final = ("egress_timestamp", *AT_EGRESS, "enq_qdepth", "deq_timedelta", "deq_qdepth")
"""Those that egress is told of, PSA's and v1model's."""
UNIT: Final = 1000
"""Nanoseconds in a microsecond."""
CLOCK_BITS: Final = 64


def asked(program: ir.Program) -> tuple[str, ...]:
    """Those that a program mentions."""
    if program.arch not in TIMESTAMPS:
        return ()
    names = _mentioned(program)
    return tuple(name for name in TIMESTAMPS[program.arch] if name in names)


def _mentioned(program: ir.Program) -> set[str]:
    blocks = (*program.parsers, *program.controls)
    return {node.name for block in blocks for node in mentioned(block) if isinstance(node, ir.Member)}


def granted(program: ir.Program) -> list[str]:
    """What is taken for granted of the copies that a program makes."""
    read = [name for name in TOLD_AT_EGRESS if name in _mentioned(program)]
    return [f"copies begin egress when the frame itself does ({', '.join(read)})"] if read else []


def _clock(number: int) -> Term:
    return b.var(f"in.ebpf.ktime.{number}", CLOCK_BITS)


def of_clock(program: ir.Program) -> dict[Term, Term]:
    """What the clock says (PSA and PNA) → the program's time that it is."""
    if program.arch == "v1model":
        return {}
    return {_clock(k): b.var(f"in.{name}", CLOCK_BITS) for k, name in enumerate(asked(program))}


def settled(program: ir.Program, meant: Behaviour) -> Behaviour:
    """The program's behaviour where copies begin egress with the frame; v1model's with its times as the microseconds
    that the clock says; and one that may find any time with a guess that it finds what the clock says."""
    meant = replace(meant, choices=tuple(_guessed(meant.choices)))
    alike = {v: b.var(f"in.{v.name.removeprefix(_OF_COPIES)}", v.sort) for v in _of_copies(meant)}
    if alike:
        meant = replace(meant, cases=tuple(case.substituted(alike) for case in meant.cases))
    if program.arch != "v1model" or not asked(program):
        return meant
    inputs = {f"in.{name}": k for k, name in enumerate(asked(program))}
    times = {v: inputs[v.name] for v in b.variables(*distinct_terms(meant.cases)) if v.name in inputs}
    known = {v: b.extract(b.udiv(_clock(k), b.bv(UNIT, CLOCK_BITS)), v.width - 1, 0) for v, k in times.items()}
    return replace(meant, cases=tuple(case.substituted(known) for case in meant.cases))


def _guessed(choices: Iterable[Choice]) -> Iterator[Choice]:
    """With the times in the order in which the program asks for them."""
    asked_before = 0
    for choice in choices:
        if choice.reason == TIME and choice.variable.width <= CLOCK_BITS:
            now = b.extract(_clock(asked_before), choice.variable.width - 1, 0)
            choice, asked_before = replace(choice, likely=now), asked_before + 1
        yield choice


def _of_copies(meant: Behaviour) -> list[Term]:
    """What copies are told of time and queues."""
    found = b.variables(*distinct_terms(meant.cases))
    return [v for v in found if v.name.startswith(_OF_COPIES) and v.name.removeprefix(_OF_COPIES) in TOLD_AT_EGRESS]
