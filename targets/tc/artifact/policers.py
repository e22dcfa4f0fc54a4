"""Policers in two lists: what one of them does not tell cannot be compared, and what a frame finds before which none
came; with what their limits say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from .actions import Action, Police
from .filters import Filter
from .rates import read_rate, read_size

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


MTU: Final = ("mtu", "minburst")
"""Names of the length from which on a frame exceeds always."""
DEFAULT_MTU: Final = 2040
"""Of a rate without one: 255 cells of 8 bytes, which hold the 2047 bytes that ``tc`` takes a frame to have then."""
LONGEST: Final = 0xFFFF
_KEPT_AT_REST: Final = {*MTU, "rate", "burst", "buffer", "maxburst"}
"""Limits that a frame keeps, if it is not too long and nothing came before. (A bucket of packets is not
among them: the first of them does not keep ``pkts_rate 10 pkts_burst 5`` on Linux 6.18.)"""
_TWICE: Final = 2
"""Frames of the greatest length that a bucket has to hold at least: filters may share one."""


def at_rest(filters: Sequence[AnyFilter]) -> tuple[AnyFilter, ...]:
    """The filters as a frame finds them before which none came: buckets are full (``tcf_police_init``), so that rates
    are kept, and so is what a dump does not tell.

    Policers whose bucket may be too small for a frame, and those that keep averages, peaks or numbers of packets, are
    as they were.
    """
    return tuple(replace(filter_, actions=tuple(map(_at_rest, filter_.actions))) for filter_ in filters)


def _at_rest(action: Action) -> Action:
    if not isinstance(action, Police):
        return action
    limits = dict(action.limits)
    longest = tuple((name, text) for name, text in action.limits if name in MTU)
    if not longest:
        longest = (("mtu", str(DEFAULT_MTU if has_rate(limits, "rate") else LONGEST)),)
    return replace(action, limits=longest) if _all_fit(limits, longest[0][1]) else action


def _all_fit(limits: Mapping[str, str], longest: str) -> bool:
    """Whether a bucket that is full holds frames of ``longest`` bytes."""
    if not limits.keys() <= _KEPT_AT_REST or any("/" in text for text in limits.values()):
        return False
    if not has_rate(limits, "rate"):
        return True
    try:
        least = _TWICE * read_size(longest)
        return 0 < least <= min(read_size(limits[name]) for name in ("burst", "buffer", "maxburst") if name in limits)
    except ValueError:
        return False


def has_rate(limits: Mapping[str, str], name: str) -> bool:
    """Whether one of the rates is there, and not 0, by which a dump says that there is none."""
    try:
        return name in limits and (int(limits[name], 0) if name == "pkts_rate" else read_rate(limits[name])) > 0
    except ValueError:
        return True
