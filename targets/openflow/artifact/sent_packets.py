"""Packets that commands send through the switch, which leave flows, groups and meters as they are.

Only ``learn`` makes flows of packets. So such a command is read over where neither it nor anything that its packet may
come to is an action that is not modelled. A packet of a bundle must not lead in circles either, for where Open vSwitch
gives up following it (``xlate_error`` of ``ofproto/ofproto-dpif-xlate.h``, 3.1), the whole bundle is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ....semantics.source import Unsupported
from .flows import TABLE, Action, Bundle, Goto, Group, Opaque, Output, OutputBits, Push, PushMpls, Resubmit, ToGroup
from .steps import GroupChange, PacketOut, Step, flat, flow_of

_FAR: Final = (Resubmit, Goto, Push, PushMpls)
"""What may be done more often than the switch follows it: 64 tables and groups deep, 4096 tables, 64 KiB, 3 labels."""
_FAR_OF_GROUPS: Final = (*_FAR, ToGroup)


def check_leaves_all(steps: Sequence[Step], where: Sequence[str] = ()) -> None:
    """That packets which are sent change nothing: they come to no action that might make a flow.

    Args:
        steps: all that is commanded, before and after them too.
        where: what a reason says before anything else, for each step.

    Raises:
        Unsupported: they may come to one.
    """
    where = where or [""] * len(steps)
    sent = [(step, at) for step, at in zip(steps, where, strict=True) if isinstance(step, PacketOut)]
    for packet, at in sent:
        opaque = next((one for one in flat(packet.actions) if isinstance(one, Opaque)), None)
        if opaque is not None:
            raise Unsupported(f"{at}a packet that is sent, by {opaque.text[:60]}", packet.span)
    away = [(packet, at) for packet, at in sent if any(map(_goes_on, flat(packet.actions)))]
    if not away:
        return
    told = {group.number for group in map(_group_of, steps) if group is not None}
    for packet, at in away:
        if any(isinstance(one, ToGroup) and one.group not in told for one in flat(packet.actions)):
            raise Unsupported(f"{at}a packet that is sent to a group that no command tells of", packet.span)
        if packet.in_bundle:
            _check_not_given_up(packet, steps, at)
    for step in steps:
        if any(isinstance(one, Opaque) for one in flat(_all_actions(step))):
            packet, at = away[0]
            said = "a packet that is sent, where actions that are not modelled might learn"
            raise Unsupported(f"{at}{said}", packet.span)


def _check_not_given_up(packet: PacketOut, steps: Sequence[Step], at: str) -> None:
    """That what the packet may come to goes on so little that the switch follows it to its end."""
    flows = Output(TABLE) in packet.actions
    for step in steps:
        group = _group_of(step) is not None
        far = _FAR_OF_GROUPS if group else _FAR
        if (group or flows) and any(isinstance(one, far) for one in flat(_all_actions(step))):
            raise Unsupported(f"{at}a packet of a bundle that {step.span} may send on and on", packet.span)


def _goes_on(action: Action) -> bool:
    """Whether it may lead to flows or groups."""
    if isinstance(action, Output):
        return action.port == TABLE
    return isinstance(action, OutputBits | Bundle | ToGroup | Resubmit | Goto)


def _group_of(step: Step) -> Group | None:
    return step.group if isinstance(step, GroupChange) else step if isinstance(step, Group) else None


def _all_actions(step: Step) -> tuple[Action, ...]:
    flow, group = flow_of(step), _group_of(step)
    if group is not None:
        return tuple(action for bucket in group.buckets for action in bucket.actions)
    return () if flow is None else flow.actions
