"""p4ast and rules → flower filters: the program is unfolded, with a chain for each state in which it looks up a table.

The program is walked once (:mod:`...unfold`) with the rules put in (:mod:`.machine`), on frames whose bits are what
flower's keys ask for (:mod:`.seen`). Ways end with what becomes of the frame (:mod:`.pipeline`, :mod:`.steps`), and
leave drafts of filters in nodes, which become chains (:mod:`.assemble`). Where the keys do not do for fragments, it is
walked again for frames that are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ....semantics import recursion
from ....semantics.ir import Program
from ....semantics.rules.build import program_rules
from ....semantics.rules.ruleset import RuleSet
from ....semantics.source import NOWHERE, InputError, Span
from ...assuming import allowed
from ...base import CannotOffload
from ...unfold.metering import GREEN, RED
from ..artifact import ASSUMPTIONS, PLAIN, TYPES_TOLD, FilterList, FlowerFilter
from .assemble import assemble
from .context import FlowerContext
from .metering import Policing
from .options import hook
from .pipeline import start

__all__ = ["LIMITS", "lower"]

LIMITS: Final = (
    "ebpf_model (drop, pass) and v1model (drop, ports known beforehand, multicast, clones); rules are put into filters",
    "metadata: each state in which a large table is looked up is a chain; at most 16 chains one after the other",
    "conditions: what flower has keys for, against constants, masks, prefixes and ranges; not field against field",
    "changes: constants, TTL and hop limit by addition, IPv4's checksum, VLAN tags and labels; no field into another",
    "options: device (default port0) or block: whose ingress",
    f"option assume: what may be assumed of frames: all (default), none, or some of {'+'.join(ASSUMPTIONS)}",
    "indexed meters whose red packets are dropped, as police; no counters, registers, digests",
    "no conditions on the frame's length",
)
"""What can be made of programs and what cannot, a line each."""

_PLAIN_HAVE: Final = {TYPES_TOLD}
"""Assumptions that hold of plain frames."""
_RECURSION_LIMIT: Final = 20_000


def lower(program: Program, rules: RuleSet | None, options: Mapping[str, str]) -> FilterList:
    """The filters for ``program`` with ``rules`` (None: the entries of the source).

    Options: see :data:`LIMITS`.

    Raises:
        CannotOffload: flower cannot do what the program does; at its place in the source.
        InputError: an option that does not exist, or a value that it does not take.
    """
    unknown = sorted(set(options) - {"device", "block", "assume"})
    if unknown:
        raise InputError.at(NOWHERE, f"flower has no option {unknown[0]!r} (there are: device, block, assume)")
    where, may = hook(options), allowed(options.get("assume", "all"), ASSUMPTIONS, "flower")
    made = program_rules(program) if rules is None else rules
    nowhere = Span(program.file, 0, 0)
    try:
        context, filters = _made(FlowerContext(program, made))
    except CannotOffload:
        context, filters = _made(FlowerContext(program, made, whole=True))
    for name in sorted(context.assumed):
        if name not in may and not (name in _PLAIN_HAVE and PLAIN in context.assumed):
            asked = next(iter(context.asked.values()), nowhere)
            raise CannotOffload(f"it would have to be assumed of frames: {ASSUMPTIONS[name]} (assume={name})", asked)
    assumed = context.assumed - (_PLAIN_HAVE if PLAIN in context.assumed else set())
    return FilterList(filters, where, program.file, tuple(sorted(assumed)))


def _made(context: FlowerContext) -> tuple[FlowerContext, tuple[FlowerFilter, ...]]:
    """The filters, and what was assumed for them. Raises CannotOffload."""
    metering = Policing(GREEN)
    with recursion.at_least(_RECURSION_LIMIT):
        try:
            node = start(context, metering)
            if metering.cells:
                start(FlowerContext(context.program, context.rules, whole=context.whole), Policing(RED))
            return context, assemble(context, node)
        except RecursionError:
            raise CannotOffload("the program is nested too deep", Span(context.program.file, 0, 0)) from None
