"""What a packet has beside its bytes that came out of a tunnel, or is to go into one: ``struct ip_tunnel_info``
(``include/net/ip_tunnels.h``), and how ``act_tunnel_key`` writes it (``net/sched/act_tunnel_key.c``, Linux 6.1).
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Assumption
from ....semantics.source import Span, Unsupported
from ..artifact.actions import TunnelKey
from ..artifact.tunnel_options import FLAGS, MOST

_WIDTHS: Final = {
    "there": 1, "id": 32, "src": 128, "dst": 128, "dst_port": 16, "tos": 8, "ttl": 8, "mode": 8, "flags": 16,
    "options": 8 * MOST, "options_len": 8, "rest": 32,
}  # fmt: skip
_TX, _IPV6 = 0x01, 0x02
_CSUM, _KEY = 0x01, 0x04
_OPTIONS_PRESENT: Final = 0xD800
"""``TUNNEL_OPTIONS_PRESENT``: of ERSPAN, GTP, VXLAN and Geneve."""
_POLICY: Final = (1 << 22) | (1 << 19) | 0xFFFF
"""``VXLAN_GBP_MASK``: what is kept of VXLAN's number."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A tunnel's key, as terms; all of them 0 where there is none."""

    there: Term
    """1 bit: whether there is one."""
    id: Term
    """``tun_id`` as flower and ``tunnel_key`` know it: 32 bits."""
    src: Term
    """128 bits; of IPv4 the last 32, the others are 0."""
    dst: Term
    dst_port: Term
    tos: Term
    ttl: Term
    mode: Term
    """``IP_TUNNEL_INFO_*``: bit 0 to be sent, bit 1 IPv6."""
    flags: Term
    """``TUNNEL_*``."""
    options: Term
    """255 bytes, of which those behind the last are 0."""
    options_len: Term
    """Bytes of them that there are."""
    rest: Term
    """Stands for source port and flow label, neither of which is asked for or written: 0 for none of them."""

    @property
    def asked_options(self) -> Term:
        """``struct flow_dissector_key_enc_opts``: 255 bytes, how many there are, whose they are; 0 for none."""
        kind = b.band(self.flags, b.bv(_OPTIONS_PRESENT, 16))
        whole = b.concat(self.options, self.options_len, kind)
        return b.ite(b.eq(self.options_len, b.bv(0, 8)), b.bv(0, whole.width), whole)

    @property
    def six(self) -> Term:
        """Whether its addresses are IPv6's."""
        return b.to_bool(b.extract(self.mode, 1, 1))

    def merged(self, condition: Term, other: Tunnel) -> Tunnel:
        """This one where the condition holds, else the other."""
        if self is other:
            return self
        both = {f.name: b.ite(condition, getattr(self, f.name), getattr(other, f.name)) for f in fields(Tunnel)}
        return Tunnel(**both)

    def told(self) -> Mapping[str, Term]:
        """By the names under which it is observed."""
        return {_name(field): getattr(self, field) for field in _WIDTHS}


def _name(field: str) -> str:
    return "tunnel" if field == "there" else f"tunnel.{field}"


NAMES: Final = tuple(_name(field) for field in _WIDTHS)
"""Under which a tunnel's key is observed; what comes in is ``in.NAME``."""
NO_TUNNEL: Final = Tunnel(**{field: b.bv(0, width) for field, width in _WIDTHS.items()})
RECEIVED: Final = Tunnel(**{field: b.var(f"in.{_name(field)}", width) for field, width in _WIDTHS.items()})
"""What a packet comes with, if it comes from a tunnel."""


def _none_but(there: Term) -> Term:
    """That whatever else comes in is 0 where a condition does not hold."""
    empty = (b.eq(getattr(RECEIVED, field), b.bv(0, width)) for field, width in _WIDTHS.items() if field != "there")
    return b.or_(there, b.and_(*empty))


def _short(address: Term) -> Term:
    return b.eq(b.extract(address, 127, 32), b.bv(0, 96))


POSSIBLE: Final = Assumption(
    "only what comes from a tunnel has a tunnel's key, and one of IPv4 has addresses of 32 bits",
    b.and_(
        _none_but(b.to_bool(RECEIVED.there)),
        b.or_(RECEIVED.six, b.and_(_short(RECEIVED.src), _short(RECEIVED.dst))),
    ),
)
"""What has to hold of the inputs."""


def _short_options() -> Term:
    """That there is nothing behind the last byte of options that come in."""
    bytes_ = b.chunks(RECEIVED.options, 8)
    return b.and_(
        *(b.or_(b.ugt(RECEIVED.options_len, b.bv(i, 8)), b.eq(one, b.bv(0, 8))) for i, one in enumerate(bytes_))
    )


POSSIBLE_OPTIONS: Final = Assumption("nothing stands behind a tunnel's options", _short_options())
"""The same where options are asked for."""


def written(action: TunnelKey, span: Span) -> Tunnel:
    """The key after ``tunnel_key_act``. Raises Unsupported: addresses that are none, or of two families."""
    if action.unset:
        return NO_TUNNEL
    src, dst = (_address(text, span) for text in (action.src, action.dst))
    if src.version != dst.version:
        raise Unsupported("tunnel_key set with addresses of two families", span)
    numbers = {
        "there": 1,
        "id": action.key_id or 0,
        "src": int(src),
        "dst": int(dst),
        "dst_port": action.dst_port or 0,
        "tos": action.tos or 0,
        "ttl": action.ttl or 0,
        "mode": _TX | _IPV6 * (src.version == 6),
        "flags": _CSUM * action.csum | _KEY * (action.key_id is not None),
    }
    if action.options is not None:
        data, word = action.options.data, action.options.word
        if word == "vxlan_opts":
            data = (action.options.policy & _POLICY).to_bytes(4, sys.byteorder)
        numbers |= {"options": int.from_bytes(data.ljust(MOST, b"\0"), "big"), "options_len": len(data)}
        numbers["flags"] |= FLAGS[word]
    return replace(NO_TUNNEL, **{field: b.bv(number, _WIDTHS[field]) for field, number in numbers.items()})


def _address(text: str, span: Span) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise Unsupported(f"tunnel_key set with {text[:40]!r}, which is no address", span) from None
