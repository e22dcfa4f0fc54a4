"""A device's part of a list and software's, as one list of filters.

The device's filters are in the chains that they are in; software's have moved to chains behind them. Where the device
leaves a frame to software, a filter says ``goto chain``: in the place of ``pass`` and ``trap``, and as a last filter of
each chain for all frames. So the division means what the classifier's own meaning says of that list, and the real
machine runs it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from ....semantics.source import NOWHERE, Unsupported
from ...offload.device import Device
from ..artifact.actions import (
    MAX_ACTIONS,
    PASS,
    PIPE,
    Action,
    Csum,
    Gact,
    Mirred,
    OpaqueAction,
    OpenEnded,
    Pedit,
    controls,
    goto_chain,
)
from ..artifact.filters import Filter
from .refusals import refusal

MOST_CHAINS: Final = 7
"""So many times a frame may go from one chain to another in a list that is divided: the kernel drops what does it more
than 16 times (``max_reclassify_loop``), and a division does it twice as often and once more."""
_LAST_PREF: Final = 0xFFFC
_HEADERS: Final = ("ip", "ip6", "tcp", "udp")


AnyFilter = TypeVar("AnyFilter", bound=Filter)


@dataclass(frozen=True)
class Shape(Generic[AnyFilter]):
    """What is the classifier's own."""

    every: Callable[[int, int], AnyFilter]
    """The filter for all frames, of a priority and in a chain, without actions."""
    plain: Callable[[AnyFilter], AnyFilter]
    """A filter without the flags that say where it is run."""
    lone: Callable[[AnyFilter], AnyFilter]
    """A filter without what binds it to others of its list; raises Unsupported where it cannot be without."""


def order(filters: Sequence[Filter]) -> list[int]:
    """Filters by chain and priority."""
    return sorted(range(len(filters)), key=lambda n: (filters[n].chain, filters[n].pref, n))


def ports(filters: Sequence[Filter]) -> frozenset[int]:
    """The ports that filters send to."""
    return frozenset(a.port for f in filters for a in f.actions if isinstance(a, Mirred))


def alone(filters: Sequence[AnyFilter], shape: Shape[AnyFilter]) -> tuple[AnyFilter, ...]:
    """Every filter, as software runs it. Raises Unsupported for what cannot be judged in part."""
    _check(filters)
    return tuple(shape.plain(f) for f in filters)


def divided(
    filters: Sequence[AnyFilter], in_device: Collection[int], device: Device, shape: Shape[AnyFilter]
) -> tuple[AnyFilter, ...]:
    """Software's filters, those in the device before them, and between them what leads from one to the other.

    Raises:
        Unsupported: a filter of which it is not known what the device, or software behind it, does; with its place.
    """
    software, inside, ends = _parts(filters, in_device, device, shape)
    return (*software, *inside, *ends)


def traced(
    filters: Sequence[AnyFilter], in_device: Collection[int] | None, device: Device, shape: Shape[AnyFilter], port: int
) -> tuple[AnyFilter, ...]:
    """The list alone (``in_device`` None), or the device's part of a division alone, in which every filter that a frame
    matches first sends a copy of it out of port ``port`` plus its place.

    Raises:
        Unsupported: see :func:`divided`; or a filter has no room for another action.
    """
    marked = [_marked(f, port + n) for n, f in enumerate(filters)]
    if in_device is None:
        return alone(marked, shape)
    _, inside, ends = _parts(marked, in_device, device, shape)
    return (*inside, *ends)


def _marked(filter_: AnyFilter, port: int) -> AnyFilter:
    if len(filter_.actions) == MAX_ACTIONS:
        raise Unsupported(f"a filter with {MAX_ACTIONS} actions, to be traced", filter_.span)
    return replace(filter_, actions=(Mirred(port, redirect=False, control=PIPE), *(filter_.actions or (Gact(PASS),))))


Parts = tuple[Sequence[AnyFilter], Sequence[AnyFilter], Sequence[AnyFilter]]


def _parts(
    filters: Sequence[AnyFilter], in_device: Collection[int], device: Device, shape: Shape[AnyFilter]
) -> Parts[AnyFilter]:
    """Software's filters, the device's, and what leads from these to those."""
    _check(filters)
    behind = 1 + max((f.chain for f in filters), default=0)
    behind = max(behind, 1 + max((c for f in filters for c in _goes_to(f)), default=0))
    software = [_moved(shape.plain(f), behind) for f in filters if not f.skip_sw]
    chosen = [f for n, f in enumerate(filters) if n in in_device]
    traps = any(_control(a) == "trap" for f in chosen for a in f.actions)
    returns = traps or "software" in (device.misses, device.passes)
    inside = [_in_device(f, behind, device, shape, returns=returns) for f in chosen]
    return software, inside, list(_ends(inside, behind, device, shape))


def telling(filters: Sequence[AnyFilter], kept: Collection[int], shape: Shape[AnyFilter]) -> list[AnyFilter] | None:
    """See :meth:`...offload.entries.Offloads.telling`; the class ids are still to be given."""
    if any(f.chain or not _ends_here(f) for f in filters):
        return None
    return [replace(shape.plain(f), actions=(Gact(PASS),)) for n, f in enumerate(filters) if n in kept]


def _ends_here(filter_: Filter) -> bool:
    """Whether a frame that it matches meets no filter after it, in whatever way its actions end."""
    if any(isinstance(a, OpaqueAction) for a in filter_.actions):
        return False
    return not any(control.kind in ("continue", "goto chain", "reclassify") for control in controls(filter_.actions))


def _control(action: Action) -> str:
    return "" if isinstance(action, OpenEnded) else action.control.kind


def _goes_to(filter_: Filter) -> Iterator[int]:
    for action in filter_.actions:
        if not isinstance(action, OpenEnded) and action.control.kind == "goto chain":
            yield action.control.argument


# --- what can be divided ------------------------------------------------------------------------------------------


def _check(filters: Sequence[Filter]) -> None:
    """Raises Unsupported."""
    for filter_ in filters:
        if not filter_.pref:
            raise Unsupported("a filter without a priority: which one the kernel gives it hangs on all", filter_.span)
        if filter_.pref >= _LAST_PREF:
            raise Unsupported(f"priorities from {_LAST_PREF} on, which are needed for what comes last", filter_.span)
        for action in filter_.actions:
            if isinstance(action, OpenEnded):
                raise Unsupported(f"action {action.kind} in a list that is divided", filter_.span)
            if action.control.kind == "jump":  # it counts actions, of which others come before
                raise Unsupported("a jump over actions in a list that is divided", filter_.span)
            if action.control.kind == "reclassify":
                raise Unsupported("frames that start again (reclassify) in a list that is divided", filter_.span)
        traps = any(_control(a) == "trap" for a in filter_.actions)
        if traps and filter_.skip_sw:
            raise Unsupported("trap that only a device runs: what software alone would do with the frame", filter_.span)
    _check_depth(filters)


def _check_depth(filters: Sequence[Filter]) -> None:
    """No frame goes from chain to chain so often that the kernel's bound would count differently in two parts."""
    edges: dict[int, dict[int, Filter]] = {}
    for filter_ in filters:
        for chain in _goes_to(filter_):
            edges.setdefault(filter_.chain, {}).setdefault(chain, filter_)
    reached: dict[int, Filter | None] = {0: None}
    for _ in range(MOST_CHAINS + 1):
        reached = {chain: by for number in reached for chain, by in edges.get(number, {}).items()}
        if not reached:
            return
    by = next(f for f in reached.values() if f is not None)
    raise Unsupported(f"frames that go to another chain more than {MOST_CHAINS} times, divided", by.span)


# --- the two parts ------------------------------------------------------------------------------------------------


def _moved(filter_: AnyFilter, behind: int) -> AnyFilter:
    """A filter of software's, in a chain behind the device's."""
    return replace(
        filter_, chain=filter_.chain + behind, actions=tuple(_redirected(a, behind) for a in filter_.actions)
    )


def _redirected(action: Action, behind: int) -> Action:
    if isinstance(action, OpenEnded) or action.control.kind != "goto chain":
        return action
    return replace(action, control=goto_chain(action.control.argument + behind))


def _in_device(filter_: AnyFilter, behind: int, device: Device, shape: Shape[AnyFilter], *, returns: bool) -> AnyFilter:
    """A filter of the device's. ``returns``: whether a frame can come to software after it went to another chain."""
    reason = refusal(filter_.actions)
    if reason is not None:
        raise Unsupported(f"in hardware: {reason}", filter_.span)
    lone = shape.lone(shape.plain(filter_))
    *first, last = filter_.actions or (Gact(PASS),)
    if isinstance(last, Mirred) and last.redirect:
        return lone
    kind = last.control.kind if isinstance(last, Gact) else "pass"
    if kind == "goto chain":
        if device.chain_miss is None and device.misses == "software":
            text = "goto chain in hardware: where software goes on after a miss there (a profile says it)"
            raise Unsupported(text, filter_.span)
        if returns:
            _check_left(first, filter_)
    elif kind == "trap" or (kind == "pass" and device.passes == "software"):
        left = first if isinstance(last, Gact) else [*first, last]
        _check_left(left, filter_)
        return replace(lone, actions=(*_piped(left), Gact(goto_chain(behind))))
    return lone


def _piped(actions: Sequence[Action]) -> Iterator[Action]:
    """What a device does before it leaves a frame: one after the other."""
    for action in actions:
        assert not isinstance(action, OpenEnded)
        yield replace(action, control=PIPE)


def _check_left(actions: Sequence[Action], filter_: Filter) -> None:
    """A frame that a device has written to comes to software as if it had been received so; the filters behind see it
    with what the kernel keeps beside it, which is the same only where addresses, ports and the like were written."""
    for action in actions:
        plain = isinstance(action, Mirred | Csum) or (
            isinstance(action, Pedit) and all(key.header in _HEADERS for key in action.keys)
        )
        if not plain:
            text = f"a frame that {getattr(action, 'kind', 'something')} has changed in hardware comes to software"
            raise Unsupported(text, filter_.span)


def _ends(inside: Sequence[AnyFilter], behind: int, device: Device, shape: Shape[AnyFilter]) -> Iterator[AnyFilter]:
    """The last filters of the device's chains: where a miss leads."""
    if device.misses == "forwarded":
        return
    last: Mapping[int, int] = {
        chain: max((f.pref for f in inside if f.chain == chain), default=0)
        for chain in sorted({0} | {f.chain for f in inside} | {c for f in inside for c in _goes_to(f) if c < behind})
    }
    for chain, pref in last.items():
        to = behind + (chain if device.chain_miss == "resumes" else 0)
        yield replace(shape.every(pref + 1, chain), actions=(Gact(goto_chain(to)),), span=NOWHERE)
