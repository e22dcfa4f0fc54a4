"""What the kernel gives no driver, and what it gives, in words.

Written from ``tc_setup_offload_action`` (``net/sched/cls_api.c``) and the ``offload_act_setup`` of each action
(``net/sched/act_*.c``), Linux 6.1.

A driver is told the actions one after the other. Of what follows an action it is told only where this is the generic
action (or police), so an action whose control is not the usual one does something else in a device than in software.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..artifact.actions import (
    Action,
    Ct,
    Gact,
    Mirred,
    OpaqueAction,
    Pedit,
    Police,
    RandomGact,
    Skbedit,
    TunnelKey,
)

_GENERIC = ("pass", "drop", "trap", "goto chain")


def refusal(actions: Sequence[Action]) -> str | None:
    """Why no driver is given a filter with these actions, or would be told something else; None if one may be."""
    for place, action in enumerate(actions):
        reason = _refused(action, last=place == len(actions) - 1)
        if reason is not None:
            return reason
    return None


def _refused(action: Action, *, last: bool) -> str | None:
    if isinstance(action, OpaqueAction):
        return f"the action {action.kind} is not understood"
    if isinstance(action, Police):
        return "the device polices by a bucket of its own"
    if isinstance(action, Ct):
        return "the device tracks connections by a table of its own"
    if isinstance(action, RandomGact):
        return "a driver is not told that packets are drawn"
    kind = action.control.kind
    if isinstance(action, Gact):
        if kind not in _GENERIC:
            return f"the kernel gives no driver a filter that ends with {kind}"
        return None if last else f"what comes after {kind} is run by a device, not by software"
    if isinstance(action, Mirred) and action.redirect:
        return None if last and kind == "stolen" else "a redirect that is not the end of the filter"
    if kind == "pipe" or (kind == "pass" and last):
        return _not_told(action)
    return f"a driver is not told that {action.kind} ends with {kind}"


def _not_told(action: Action) -> str | None:
    if isinstance(action, Pedit) and any(key.offmask for key in action.keys):
        return "pedit at a place that the packet says"
    if isinstance(action, Skbedit) and action.inherit_dsfield:
        return "skbedit inheritdsfield"
    return None


def words_of(actions: Sequence[Action]) -> tuple[str, ...]:
    """What a device has to be able to do: a word for each action, for profiles."""
    return tuple(word for action in actions for word in _words(action)) or ("pass",)


def _words(action: Action) -> list[str]:
    if isinstance(action, Gact):
        return [action.control.kind]
    if isinstance(action, Mirred):
        return [f"{'redirect' if action.redirect else 'mirror'}{' ingress' if action.ingress else ''}"]
    if isinstance(action, Pedit):
        return [f"pedit {key.header}" for key in action.keys]
    if isinstance(action, TunnelKey):
        return [f"tunnel_key {'unset' if action.unset else 'set'}"]
    operation = getattr(action, "operation", None)
    return [f"{action.kind} {operation}" if operation else action.kind]
