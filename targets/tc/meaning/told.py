"""What is told of a packet that went to the stack, beside its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ....semantics.bits import Term
from ..artifact.actions import Action, Ct, Mirred, Skbedit, TunnelKey
from ..artifact.hooks import Hook
from .state import State
from .tracked import WIDTHS as TRACKED
from .tunnel import NAMES as TUNNEL

CLASSID: Final = "classid"
MARK: Final = "mark"
PRIORITY: Final = "priority"
PACKET_TYPE: Final = "pkt_type"
QUEUE: Final = "queue_mapping"


def told(actions: Iterable[Action], *, classes: bool) -> tuple[str, ...]:
    """The metadata that is told where filters have these actions: what none of them writes is not.

    Args:
        classes: whether a filter has a class id.
    """
    some = list(actions)
    edits = [action for action in some if isinstance(action, Skbedit)]
    said = {
        CLASSID: classes,
        MARK: any(edit.mark is not None for edit in edits),
        PRIORITY: any(edit.priority is not None or edit.inherit_dsfield for edit in edits),
        PACKET_TYPE: any(edit.packet_type is not None for edit in edits),
        QUEUE: any(edit.queue is not None for edit in edits),
        **dict.fromkeys(TRACKED, any(isinstance(action, Ct) for action in some)),
    }
    return tuple(name for name, there in said.items() if there)


def told_beside(actions: Iterable[Action], hook: Hook) -> tuple[str, ...]:
    """The metadata that is told of every frame that is sent, by the same rule. At egress a frame that a device receives
    has lost a tunnel's key."""
    some = list(actions)
    received = hook.direction == "egress" and any(isinstance(a, Mirred) and a.ingress for a in some)
    tunnels = TUNNEL if received or any(isinstance(action, TunnelKey) for action in some) else ()
    edited = (name for name in told(some, classes=False) if name not in TRACKED)  # which is forgotten there
    return (*edited, *tunnels)


def metadata(ended: State, names: tuple[str, ...]) -> Mapping[str, Term]:
    """These of a packet whose way has ended; where it did not go to the stack the class id is 0, and so is what is
    known of its connection; the others are as they came."""
    values = {CLASSID: ended.classid, **ended.edited.told(), **ended.tracked.told()}
    return {name: values[name] for name in names}
