"""p4ast and rules → u32 filters: the program is unfolded into conditions on the frame, first match wins.

The program is walked once for each kind of frames that the kernel shows in its own way (:mod:`.filters`), along every
path of the parser and every outcome of conditions and tables, with the rules put in. Each walk gives an ordered list
that covers all frames. Everything that is not a condition on bits of the frame, and every effect but dropping,
passing and redirecting, is a :class:`CannotOffload` at its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ....semantics import recursion
from ....semantics.ir import Program
from ....semantics.rules.build import program_rules
from ....semantics.rules.ruleset import RuleSet
from ....semantics.source import NOWHERE, InputError, Span
from ...base import CannotOffload
from ...unfold.state import Context
from ..artifact import FilterList, Hook
from .architectures import entries
from .filters import VIEWS, place, rows
from .rows import Row

__all__ = ["LIMITS", "lower"]

LIMITS: Final = (
    "ebpf_model (drop, pass) and v1model (drop, one port known beforehand); rules are put into the filters",
    "conditions: fields against constants, masks, prefixes and ranges; not field against field, not arithmetic",
    "no change of the frame, no counters, registers, meters, digests, clones or multicast",
    "no condition on the ingress port, the frame's length, timestamps, or the outer VLAN tag's TCI",
    "no varbit, no header unions, no advance by a number in the frame",
    "at most 2000 classifiers of 2000 filters; 64 or more filters that ask for the same bits are a hash table",
)
"""What can be expressed and what cannot, a line each."""

_RECURSION_LIMIT: Final = 20_000
"""Programs are nested as deep as the front end allows, at some ten frames for a level."""


def lower(program: Program, rules: RuleSet | None, options: Mapping[str, str]) -> FilterList:
    """The filters for ``program`` with ``rules`` (None: the entries of the source), in the order of their prefs.

    Options: ``device`` (default "port0"): whose ingress they are for.

    Raises:
        CannotOffload: u32 cannot do what the program does; at its place in the source.
        InputError: an option that does not exist.
    """
    unknown = sorted(set(options) - {"device"})
    if unknown:
        raise InputError.at(NOWHERE, f"u32 has no option {unknown[0]!r} (there is: device)")
    context = Context(program, program_rules(program) if rules is None else rules, machine="u32")
    package = next((p for p in program.packages if p.name == program.main), None)
    span = package.span if package is not None else Span(program.file, 0, 0)
    found: list[Row] = []
    with recursion.at_least(_RECURSION_LIMIT):
        for view in VIEWS:
            try:
                found += rows(view, entries(context, view.start), context.asked)
            except RecursionError:
                raise CannotOffload("the program is nested too deep", span) from None
    return FilterList(place(found), Hook(options.get("device", "port0")), program.file)
