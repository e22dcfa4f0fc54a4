"""p4ast and rules → flows and groups of Open vSwitch.

The program is walked once (:mod:`...unfold`), with tables kept apart (:mod:`.machine`), on frames whose bits are those
of the switch's flow key (:mod:`.seen`). Ways end with what becomes of the frame (:mod:`.pipeline`, :mod:`.deparse`),
and leave drafts of flows in nodes, which become tables (:mod:`.assemble`).
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
from ..artifact import ASSUMPTIONS, Bridge
from .assemble import assemble
from .context import FlowContext
from .metering import GREEN, RED, Metering
from .pipeline import nodes

__all__ = ["lower"]

_RECURSION_LIMIT: Final = 20_000


def lower(program: Program, rules: RuleSet | None, options: Mapping[str, str]) -> Bridge:
    """The flows and groups for ``program`` with ``rules`` (None: the entries of the source).

    Options: ``assume``: what may be assumed of frames, ``all`` (default: what is needed, which the artifact says),
    ``none``, or some of :data:`..artifact.ASSUMPTIONS` with ``+`` between them.

    Raises:
        CannotOffload: the switch cannot do what the program does; at its place in the source.
        InputError: an option that does not exist.
    """
    may = _allowed(options)
    given = program_rules(program) if rules is None else rules
    context, metering = FlowContext(program, given), Metering(GREEN)
    with recursion.at_least(_RECURSION_LIMIT):
        try:
            made = nodes(context, metering)
            if metering.numbers:
                nodes(FlowContext(program, given), Metering(RED))
            bridge = assemble(context, made, program.file, metering.numbers.values())
        except RecursionError:
            raise CannotOffload("the program is nested too deep", Span(program.file, 0, 0)) from None
    for name in bridge.assumes:
        if name not in may:
            raise CannotOffload(f"it would have to be assumed of frames: {ASSUMPTIONS[name]} (assume={name})",
                                context.place_of("outer") or Span(program.file, 0, 0))  # fmt: skip
    return bridge


def _allowed(options: Mapping[str, str]) -> frozenset[str]:
    unknown = sorted(set(options) - {"assume"})
    if unknown:
        raise InputError.at(NOWHERE, f"openflow has no option {unknown[0]!r} (there is: assume)")
    return allowed(options.get("assume", "all"), ASSUMPTIONS, "openflow")
