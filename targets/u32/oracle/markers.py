"""Filters made observable: who let the frame pass is told by a copy to a marker port.

A frame that passes ends in the host's stack, where an arbitrary frame leaves no trace; so

* before every action that ends with ``pass`` a mirror (``pipe``) to the marker of the filter's class id is put; a
  list that ends with ``pipe`` (the frame passes, no class id is stored) gets one at its end;
* a filter without actions (TC_ACT_OK) gets a mirror with ``pass`` to that marker;
* every chain gets a last classifier that matches every frame and mirrors it to the marker of class id 0 with
  ``pass``: what no filter decided passes.

So a frame that passes gives exactly one copy on a marker, and a frame that is gone (dropped, sent elsewhere, dropped
before the hook or for too many resets) gives none. Where the kernel has no gact, ``gact CONTROL`` becomes a mirror with
``CONTROL`` to a port that nobody looks at: the same result of ``tcf_action_exec``, made by ``tcf_mirred_act``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from ....semantics.source import Unsupported
from ...tc.artifact.actions import MAX_ACTIONS
from ..artifact import ETH_P_ALL, PASS, PIPE, Action, Control, Gact, Mirred, Selector, U32Filter

_LAST_PREF: Final = 0xFFFF
MAX_MARKERS: Final = 64


@dataclass
class Markers:
    """The port numbers of markers: free ones, chosen as they are needed."""

    next_port: int
    by_class: dict[int, int] = field(default_factory=dict)
    silent: int = 0
    """Where nobody looks."""

    def __post_init__(self) -> None:
        self.silent = self.next_port
        self.next_port += 1
        self.of(0)

    def of(self, classid: int) -> int:
        """The marker port of a class id."""
        if classid not in self.by_class:
            if len(self.by_class) >= MAX_MARKERS:
                raise Unsupported(f"more than {MAX_MARKERS} class ids can not be told apart")
            self.by_class[classid] = self.next_port
            self.next_port += 1
        return self.by_class[classid]


def observable(filters: tuple[U32Filter, ...], markers: Markers, *, gact: bool) -> list[U32Filter]:
    """The filters with marks, and the last classifier of every chain.

    Raises:
        Unsupported: a filter that cannot be marked.
    """
    marked = [_marked(f, markers, gact) if f.divisor is None else f for f in filters]
    chains = {0} | {f.chain for f in filters}
    chains |= {
        a.control.argument
        for f in filters
        for a in f.actions
        if isinstance(a, Gact | Mirred) and a.control.kind == "goto chain"
    }
    last = Mirred(markers.of(0), redirect=False, control=PASS)
    return marked + [
        U32Filter(_LAST_PREF, ETH_P_ALL, selector=Selector(), actions=(last,), chain=chain) for chain in sorted(chains)
    ]


def _marked(filter_: U32Filter, markers: Markers, gact: bool) -> U32Filter:
    if filter_.pref == _LAST_PREF:
        raise Unsupported(f"priority {_LAST_PREF} is needed for observing", filter_.span)
    if not (filter_.selector and filter_.selector.terminal):
        return filter_
    marker = markers.of(filter_.classid or 0)
    mirror = Mirred(marker, redirect=False, control=PIPE)
    if not filter_.actions:
        return replace(filter_, actions=(replace(mirror, control=PASS),))
    actions: list[Action] = []
    for action in filter_.actions:
        control = _control(filter_, action)
        if control.kind == "pass":
            actions.append(mirror)
        if isinstance(action, Gact) and not gact:
            action = Mirred(markers.silent, redirect=False, control=control)
        actions.append(action)
    if _control(filter_, filter_.actions[-1]).kind == "pipe":
        actions.append(Mirred(markers.of(0), redirect=False, control=PIPE))
    if len(actions) > MAX_ACTIONS:
        raise Unsupported(f"with markers more than {MAX_ACTIONS} actions", filter_.span)
    return replace(filter_, actions=tuple(actions))


def _control(filter_: U32Filter, action: Action) -> Control:
    if not isinstance(action, Gact | Mirred):
        raise Unsupported(f"action {action.kind}", filter_.span)
    if action.control.kind in ("jump", "repeat"):
        raise Unsupported(f"the control {action.control.kind}", filter_.span)
    return action.control
