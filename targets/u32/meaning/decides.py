"""Which filters decide what happens to one frame: those without which something else would.

Each filter is left out in turn and the meaning of the rest evaluated on the frame, so this rests on the meaning alone.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from ....semantics.meaning.concrete import BadBehaviour, Outcome, evaluate_behaviour
from ....semantics.source import NOWHERE, InputError, Span, Unsupported
from ..artifact import FilterList, print_filter

SECONDS: Final = 2.0
"""Of this process's own time."""


def decides(filters: FilterList, packet: bytes, port: int) -> list[tuple[str, Span]]:
    """The deciding filters as ``tc`` commands, with their places; what there is no time for is left out."""
    from . import meaning

    def outcome(some: FilterList) -> Outcome | None:
        try:
            return evaluate_behaviour(meaning(some), packet, port, default=0)
        except (InputError, Unsupported, BadBehaviour, KeyError, ValueError):
            return None  # without a table, what links to it is refused

    whole = outcome(filters)
    found: list[tuple[str, Span]] = []
    until = time.process_time() + SECONDS
    for number, filter_ in enumerate(filters.filters):
        if whole is None or time.process_time() > until:
            break
        rest = replace(filters, filters=filters.filters[:number] + filters.filters[number + 1 :])
        without = outcome(rest)
        if without is not None and (without.outputs, without.metadata) != (whole.outputs, whole.metadata):
            try:
                text = print_filter(filter_, filters.hook)
            except Unsupported:
                text = "a filter that tc has no words for"
            found.append((text, filter_.span))
    if not found and whole is not None:
        without = outcome(replace(filters, filters=()))
        if without is not None and (without.outputs, without.metadata) == (whole.outputs, whole.metadata):
            return [("no filter: the frame goes on as if there were none", NOWHERE)]
    return found
