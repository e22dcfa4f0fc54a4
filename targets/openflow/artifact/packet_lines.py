"""A packet that a line of a bundle sends (``parse_ofp_packet_out_str__``, ``lib/ofp-packet.c`` of Open vSwitch 3.1).

What such a line leaves as it is :mod:`.sent_packets` tells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ....semantics.source import InputError, Unsupported
from .actions import read_actions
from .flows import Output, ToGroup
from .steps import PacketOut, Step
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


def check_in_bundle(steps: Sequence[Step], *, bundle: bool) -> None:
    """Raises InputError: such a line stands beside lines of no bundle, where ``ovs-ofctl`` knows none."""
    sent = next((step for step in steps if isinstance(step, PacketOut)), None)
    if sent is not None and not bundle:
        raise InputError.at(sent.span, "packet-out, in a file that is no bundle")
