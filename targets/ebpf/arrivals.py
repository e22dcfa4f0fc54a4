"""What is taken for granted of the packets that come in, as the kernel says nothing of it: how, in PNA and v1model, and
how long, where headers are put in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.ir.traverse import mentioned
from ...semantics.meaning.behaviour import Assumption, Behaviour, distinct_terms

_INPUTS: Final = {
    "pna": {
        "direction": (1, "packets come from the network (direction is NET_TO_HOST)"),
        "pass": (3, "packets come in for the first time (pass is 0)"),
        "loopedback": (1, "packets are not looped back"),
        "class_of_service": (8, "packets come in with class of service 0"),
    },
    "v1model": {
        "enq_qdepth": (19, "no packets wait before egress (enq_qdepth is 0)"),
        "deq_qdepth": (19, "no packets wait behind one that begins egress (deq_qdepth is 0)"),
        "deq_timedelta": (32, "packets do not wait before egress (deq_timedelta is 0)"),
    },
}
"""Architecture → input → its bits, and what it means that it is 0."""


def assumed(program: ir.Program, *, comes_back: bool = False) -> Sequence[Assumption]:
    """That the inputs which a program can see are 0; not that packets come for the first time, where they may come
    back."""
    if program.arch not in _INPUTS:
        return ()
    blocks = (*program.parsers, *program.controls)
    read = {node.name for block in blocks for node in mentioned(block) if isinstance(node, ir.Member)}
    read |= {"loopedback"} if program.arch == "pna" else set()
    return [
        Assumption(text, b.eq(b.var(f"in.{name}", bits), b.bv(0, bits)))
        for name, (bits, text) in _INPUTS[program.arch].items()
        if name in read and not (comes_back and name == "pass")
    ]


LONGEST: Final = "in.ebpf.longest_grown"
"""The input that says how long the kernel lets frames become where headers are put into them (32 bits)."""


def short_enough(machine: Behaviour) -> Behaviour:
    """The behaviour where the kernel never refuses, which is then taken for granted: it can only for frames of almost
    15,000 bytes and more (BPF_SKB_MAX_LEN in net/core/filter.c), and no program can do anything about it. So that
    copies are told alike for all members of a group, nothing in the cases speaks of refusals any more."""
    asked = [v for v in b.variables(*distinct_terms(machine.cases)) if v.name == LONGEST]
    if not asked:
        return machine
    text = "no frame is so long that the kernel refuses to make it longer (from almost 15,000 bytes on it may)"
    most = b.bv(-1, 32)
    granted = Assumption(text, b.and_(*(b.eq(v, most) for v in asked)))
    never: dict[Term, Term] = dict.fromkeys(asked, most)
    cases = [case.substituted(never) for case in machine.cases]
    met = tuple(case for case in cases if case.guard is not b.FALSE)
    return replace(machine, cases=met, domain=(*machine.domain, granted))
