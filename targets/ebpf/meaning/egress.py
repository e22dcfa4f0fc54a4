"""What the kernel does before a program runs at tc egress: ``__dev_queue_xmit`` and ``sch_handle_egress``
(net/core/dev.c).

Packets come from the host's own stack, from its programs and from other interfaces. What the stack takes a packet for,
what is noted of it, and whether its outer tag lies in it or beside it, is theirs to say and not told by its bytes: all
of this may be anything. The packet is told as it goes out, with its tag in front.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import byte, input_bytes
from ..artifact.shortest import ETH_HLEN
from .context import SKB, Field
from .helpers_vlan import SIZE, is_vlan
from .state import Layout, State, Vlan, shorter_than

FIELDS: Final[tuple[Field, ...]] = tuple(
    replace(field, kind="given", read=None) if field.name == "ingress_ifindex" else field for field in SKB
)
"""``struct __sk_buff``: a packet that goes out may have come in anywhere, or nowhere."""
WHERE_HEADERS_LIE: Final = (
    "a packet that goes out has its network header behind the Ethernet header, or behind one tag that lies in it"
)

Begun = Callable[[Term, Layout, int, Vlan | None, Term], State]


def starts(begun: Begun, shortest: int) -> list[State]:
    """The states in which a program starts: the tag in the packet, if there is one, or beside it. ``begun`` makes one
    at tc."""
    tagged = is_vlan(input_bytes(12, 2))
    beside = b.and_(tagged, b.var("in.ebpf.tag_beside", 0), b.not_(shorter_than(ETH_HLEN + SIZE)))
    protocol = b.var("in.ebpf.protocol", 16)
    within = begun(b.and_(b.not_(shorter_than(shortest)), b.not_(beside)), Layout(), shortest, None, protocol)
    behind_tag = b.and_(tagged, b.var("in.ebpf.header_behind_tag", 0))
    within.fields["l2"] = b.ite(behind_tag, b.bv(ETH_HLEN + SIZE, 16), b.bv(ETH_HLEN, 16))
    enough = max(shortest, ETH_HLEN + SIZE)
    without = Layout(tuple(byte(i) for i in range(12)), 16, beside=SIZE)
    vlan = Vlan(input_bytes(12, 2), input_bytes(14, 2))
    apart = begun(b.and_(b.not_(shorter_than(enough)), beside), without, enough, vlan, protocol)
    for state in (within, apart):
        state.fields["encapsulated"] = b.var("in.ebpf.encapsulated", 1)
        state.fields["tc_classid"] = b.var("in.ebpf.classid", 16)
    return [within, apart]
