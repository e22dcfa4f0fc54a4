"""Which of an architecture's timestamps a program reads: for each of them the kernel's clock is asked once, in this
order. PSA and PNA take its nanoseconds as they are; v1model's are microseconds, of which they hold the low bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.ir.traverse import mentioned
from ...semantics.meaning.behaviour import Behaviour, distinct_terms

TIMESTAMPS: Final = {
    "psa": ("ingress_timestamp", "egress_timestamp"),
    "pna": ("timestamp",),
    "v1model": ("ingress_global_timestamp", "egress_global_timestamp", "enq_timestamp"),
}
"""Architecture → names of them."""
AT_EGRESS: Final = ("egress_global_timestamp", "enq_timestamp")
"""Those of v1model that are set when egress begins."""
UNIT: Final = 1000
"""Nanoseconds in a microsecond."""
CLOCK_BITS: Final = 64


def asked(program: ir.Program) -> tuple[str, ...]:
    """Those that a program mentions."""
    if program.arch not in TIMESTAMPS:
        return ()
    blocks = (*program.parsers, *program.controls)
    names = {node.name for block in blocks for node in mentioned(block) if isinstance(node, ir.Member)}
    return tuple(name for name in TIMESTAMPS[program.arch] if name in names)


def _clock(number: int) -> Term:
    return b.var(f"in.ebpf.ktime.{number}", CLOCK_BITS)


def of_clock(program: ir.Program) -> dict[Term, Term]:
    """What the clock says (PSA and PNA) → the program's time that it is."""
    if program.arch == "v1model":
        return {}
    return {_clock(k): b.var(f"in.{name}", CLOCK_BITS) for k, name in enumerate(asked(program))}


def settled(program: ir.Program, meant: Behaviour) -> Behaviour:
    """v1model's behaviour with its times as the microseconds that the clock says."""
    if program.arch != "v1model" or not asked(program):
        return meant
    inputs = {f"in.{name}": k for k, name in enumerate(asked(program))}
    times = {v: inputs[v.name] for v in b.variables(*distinct_terms(meant.cases)) if v.name in inputs}
    known = {v: b.extract(b.udiv(_clock(k), b.bv(UNIT, CLOCK_BITS)), v.width - 1, 0) for v, k in times.items()}
    return replace(meant, cases=tuple(case.substituted(known) for case in meant.cases))
