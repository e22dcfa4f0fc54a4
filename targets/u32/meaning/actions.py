"""What a filter's actions do: ``tcf_action_exec`` (``net/sched/act_api.c``), ``act_gact.c`` and ``act_mirred.c``.

Nothing in them depends on the frame, so they are run once per filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ....semantics.source import Span, Unsupported
from ...tc.artifact.actions import Action
from ..artifact import Control, Gact, Mirred, U32Filter

End = Literal["continue", "ok", "pass", "drop", "goto", "reclassify"]
"""What ``tcf_exts_exec`` leaves: go on with the next filter; TC_ACT_OK, which stores the class id; any other result
that lets the frame pass; the frame is gone (dropped, or sent elsewhere); another chain; from the start again."""

_GONE: Final = ("drop", "stolen", "queued", "trap")


@dataclass(frozen=True, slots=True)
class Effect:
    """Frames sent, in order, and how the list ends."""

    sent: tuple[int, ...]
    end: End
    chain: int = 0


def run_actions(filter_: U32Filter) -> Effect:
    """The effect of a matching filter's actions.

    Raises:
        Unsupported: an action that is not modelled.
    """
    sent: list[int] = []
    control = Control("pass")
    for action in filter_.actions:
        control = _run(action, sent, filter_.span)
        if control.kind != "pipe":
            break
    return Effect(tuple(sent), _end(control), control.argument if control.kind == "goto chain" else 0)


def _run(action: Action, sent: list[int], span: Span) -> Control:
    """One action: what it sends is added to ``sent``; returns its result."""
    if isinstance(action, Gact):
        return _checked(action.control, span)
    if isinstance(action, Mirred):
        assert not action.ingress
        sent.append(action.port)
        control = _checked(action.control, span)
        # A redirect that would take the frame sends it itself, any other sends a copy and goes on.
        return Control("stolen") if action.redirect and control.kind in _GONE else control
    raise Unsupported(f"action {action.kind}", span)


def _checked(control: Control, span: Span) -> Control:
    if control.kind in ("repeat", "jump"):
        raise Unsupported(f"the control {control.kind}", span)
    return control


def _end(control: Control) -> End:
    match control.kind:
        case "continue":
            return "continue"
        case "pass":
            return "ok"
        case "reclassify":
            return "reclassify"
        case "goto chain":
            return "goto"
        case kind if kind in _GONE:
            return "drop"
    return "pass"  # pipe: not TC_ACT_OK, so no class id is stored
