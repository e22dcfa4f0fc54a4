"""Which filters decide what happens to one frame: those without which something else would.

Each filter is left out in turn and the meaning of the rest evaluated on the frame, so this rests on the meaning alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from ....semantics.meaning.behaviour import Behaviour
from ....semantics.meaning.concrete import BadBehaviour, Outcome, evaluate_behaviour
from ....semantics.source import NOWHERE, InputError, Span, Unsupported

SECONDS: Final = 2.0
"""Of this process's own time."""


class Placed(Protocol):
    """A filter that knows where it stands."""

    @property
    def span(self) -> Span:
        """Its place."""
        ...


Filter = TypeVar("Filter", bound=Placed)


def decides(
    filters: Sequence[Filter],
    meaning: Callable[[Sequence[Filter]], Behaviour],
    words: Callable[[Filter], str],
    packet: bytes,
    port: int,
) -> list[tuple[str, Span]]:
    """The deciding filters as ``tc`` commands, with their places; what there is no time for is left out.

    Args:
        meaning: of a list of filters.
        words: the command that adds a filter; it may raise Unsupported.
    """

    def outcome(some: Sequence[Filter]) -> Outcome | None:
        try:
            return evaluate_behaviour(meaning(some), packet, port, default=0)
        except (InputError, Unsupported, BadBehaviour, KeyError, ValueError):
            return None  # without a table, what links to it is refused

    whole = outcome(filters)
    found: list[tuple[str, Span]] = []
    until = time.process_time() + SECONDS
    for number, filter_ in enumerate(filters):
        if whole is None or time.process_time() > until:
            break
        without = outcome([*filters[:number], *filters[number + 1 :]])
        if without is not None and (without.outputs, without.metadata) != (whole.outputs, whole.metadata):
            try:
                text = words(filter_)
            except Unsupported:
                text = "a filter that tc has no words for"
            found.append((text, filter_.span))
    if not found and whole is not None:
        without = outcome([])
        if without is not None and (without.outputs, without.metadata) == (whole.outputs, whole.metadata):
            return [("no filter: the frame goes on as if there were none", NOWHERE)]
    return found
