"""Messages that send packets: ``struct ofp11_packet_out``, since 1.5 ``ofp15_packet_out``.

Follows ``ofputil_decode_packet_out`` (``lib/ofp-packet.c``) and ``ofproto_packet_out_init`` of Open vSwitch 3.1.
"""

from __future__ import annotations

from typing import Final

from .....semantics.source import Span, Unsupported
from ..flows import ANY, CONTROLLER, FIRST_RESERVED, LOCAL, Output, ToGroup
from ..steps import PacketOut
from .match import match
from .oxm import port_of
from .read_actions import actions
from .wire import Wire

_NO_BUFFER: Final = 0xFFFFFFFF
_PORT_BITS: Final = 0xFFFF


def packet_out(body: Wire, version: int, *, in_bundle: bool) -> PacketOut:
    """A command to send a packet, with the packet.

    Args:
        body: what follows the header.
        version: of OpenFlow, on the wire.
        in_bundle: whether the switch may refuse a whole bundle with it.

    Raises:
        InputError: the switch refuses it; with the byte.
        Unsupported: it is not known whether the switch takes it.
    """
    at = body.at
    if body.number(4, "a packet's buffer") != _NO_BUFFER:
        raise body.error("the switch refuses this: a packet of a buffer, and it buffers none", at)
    if version >= 6:
        size = body.number(2, "a list of actions")
        body.take(2, "a packet")
        port_at = body.at
        port = _port(body)
    else:
        port_at = body.at
        port = port_of(body, body.number(4, "a port"), 4, port_at)
        size = body.number(2, "a list of actions")
        body.take(6, "a packet")
    if port >= FIRST_RESERVED and port not in (LOCAL, ANY, CONTROLLER):
        raise body.error("the switch refuses this: no packet comes from such a port", port_at)
    sent = actions(body.part(size, "a list of actions"), version)
    body.take(body.left)
    if in_bundle and not all(isinstance(action, Output | ToGroup) for action in sent):
        raise Unsupported(f"byte {at}: a packet that is sent, by more than 'output' and 'group'", Span(body.name, 0, 0))
    return PacketOut(sent, Span(body.name, 0, 0), in_bundle)


def _port(body: Wire) -> int:
    """The port that a match names. Raises InputError for none, Unsupported for other fields beside it."""
    at = body.at
    found = {m.field: m for m in match(body)}
    port = found.pop("in_port", None)
    if port is None:
        raise body.error("the switch refuses this: it does not say from which port the packet comes", at)
    if found:
        said = f"byte {at}: a packet that is sent with {next(iter(found))}"
        raise Unsupported(said, Span(body.name, 0, 0))
    return port.value & _PORT_BITS
