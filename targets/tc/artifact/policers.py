"""Policers in two lists: what one of them does not tell cannot be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from .actions import Action, Police
from .filters import Filter

AnyFilter = TypeVar("AnyFilter", bound=Filter)


def as_told_by(filters: Sequence[AnyFilter], others: Iterable[Filter]) -> tuple[AnyFilter, ...]:
    """The filters, without the limits of policers if the others do not tell theirs (as ``tc -j`` does not).

    Sound as far as policers are compared at all: whether one without limits is exceeded is open.
    """
    if not any(isinstance(action, Police) and not action.limits for other in others for action in other.actions):
        return tuple(filters)
    return tuple(replace(filter_, actions=tuple(map(_without_limits, filter_.actions))) for filter_ in filters)


def _without_limits(action: Action) -> Action:
    return replace(action, limits=()) if isinstance(action, Police) else action
