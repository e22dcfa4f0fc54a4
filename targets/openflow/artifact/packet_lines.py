"""A packet that a line of a bundle sends (``parse_ofp_packet_out_str__``, ``lib/ofp-packet.c`` of Open vSwitch 3.1).

Such a line leaves what the bundle makes as it is: only ``learn`` makes flows of packets. So it is taken where neither
it nor anything that its packet may come to is an action that is not modelled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ....semantics.source import InputError, Unsupported
from .actions import read_actions
from .flows import TABLE, Action, Group, Opaque, Output, ToGroup
from .steps import GroupChange, PacketOut, Step, flat, flow_of
from .words import Piece, items, port

WORD: Final = re.compile(r"packet-out\s+")
"""How such a line begins."""
_ACTIONS: Final = re.compile(r"(?:^|[\s,])(actions?)=")
_FRAME: Final = re.compile(r"(?:[0-9a-fA-F]{2}){14,}\Z")
"""An Ethernet header, and what follows."""


def read_packet(piece: Piece) -> PacketOut:
    """What follows ``packet-out``.

    Raises:
        InputError: the tools refuse it.
        Unsupported: fields and actions of which it is not known what the switch takes with a packet.
    """
    found = _ACTIONS.search(piece.text)
    head = piece if found is None else piece.part(0, found.start(1))
    actions = () if found is None else read_actions(piece.part(found.end()))
    frame = False
    for item in items(head):
        if item.value is None:
            raise item.key.error(f"{item.key.shown()} needs a value")
        if item.key.text == "packet":
            frame = _FRAME.match(item.value.text) is not None
            if not frame:
                raise item.value.error("a packet is at least 14 bytes, two hexadecimal digits each")
        elif item.key.text == "in_port":
            port(item.value)
        else:
            raise Unsupported(f"a packet that is sent with {item.key.shown()}", item.whole.span)
    if not frame:
        raise piece.error("the packet that is sent is missing ('packet=...')")
    for action in actions:
        if not isinstance(action, Output | ToGroup):
            raise Unsupported("a packet that is sent, by more than 'output' and 'group'", piece.span)
    return PacketOut(actions, piece.span)


def check_leaves_all(steps: Sequence[Step], *, bundle: bool) -> None:
    """That packets which are sent change nothing: they come to no action that might make a flow.

    Raises:
        InputError: they stand beside lines of no bundle, where ``ovs-ofctl`` knows none.
        Unsupported: they may come to one.
    """
    sent = [step for step in steps if isinstance(step, PacketOut)]
    if sent and not bundle:
        raise InputError.at(sent[0].span, "packet-out, in a file that is no bundle")
    away = [step for step in sent if any(_goes_on(action) for action in step.actions)]
    if not away:
        return
    told = {group.number for group in map(_group_of, steps) if group is not None}
    for packet in away:
        if any(isinstance(one, ToGroup) and one.group not in told for one in packet.actions):
            raise Unsupported("a packet that is sent to a group that no line tells of", packet.span)
    for step in steps:
        if any(isinstance(one, Opaque) for one in flat(_all_actions(step))):
            raise Unsupported("a packet that is sent, where actions that are not modelled might learn", away[0].span)


def _goes_on(action: Action) -> bool:
    return not isinstance(action, Output) or action.port == TABLE


def _group_of(step: Step) -> Group | None:
    return step.group if isinstance(step, GroupChange) else step if isinstance(step, Group) else None


def _all_actions(step: Step) -> tuple[Action, ...]:
    flow, group = flow_of(step), _group_of(step)
    if group is not None:
        return tuple(action for bucket in group.buckets for action in bucket.actions)
    return () if flow is None else flow.actions
