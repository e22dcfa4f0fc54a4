"""What the flows of a bridge do to any frame.

Written from Open vSwitch 3.1 (``lib/flow.c``, ``ofproto/ofproto-dpif-xlate.c``, ``lib/odp-util.c``, ``lib/packets.c``)
and judged by its datapath in user space. A frame that goes to the controller is told as ``Output(to="stack")``.
"""

from __future__ import annotations

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH, PORT, Assumption, Behaviour, Case, Choice, Fault
from ..artifact import FIRST_RESERVED, Bridge
from .assumed import assumed as assumed_of
from .execute import Pipeline
from .extract import at_least, views
from .needs import needs
from .tables import Tables

ETHERNET = 14
DEFAULT_MTU = 1500


def meaning(bridge: Bridge, mtu: int = DEFAULT_MTU) -> Behaviour:
    """The behaviour of a bridge with these flows and groups.

    Args:
        bridge: the flows; the bridge is in secure mode, its ports are numbered as in the flows.
        mtu: frames are at most this long, plus Ethernet header and one VLAN tag.

    Raises:
        Unsupported: something that is not modelled, with the place of its flow or group.
    """
    asked, behind = needs(bridge)
    tables = Tables(bridge)
    cases: list[Case] = []
    choices: list[Choice] = []
    faults: list[Fault] = []
    assumed: list[Term] = []
    for view in views(asked):
        pipeline = Pipeline(tables, view)
        cases.append(Case(view.guard, pipeline.run()))
        choices += pipeline.choices
        faults += pipeline.faults
        assumed.append(b.implies(view.guard, view.assumes))
    longest = mtu + ETHERNET + 4
    domain = [
        Assumption(f"frames have at least {ETHERNET} bytes", at_least(ETHERNET)),
        Assumption(f"frames have at most {longest} bytes", b.ule(LENGTH, b.bv(longest, 16))),
        Assumption(
            f"ports are numbered from 1 to {FIRST_RESERVED - 1}",
            b.and_(b.uge(PORT, b.bv(1, 32)), b.ult(PORT, b.bv(FIRST_RESERVED, 32))),
        ),
    ]
    domain += assumed_of(bridge)
    if asked.mpls or asked.arp_written or behind:
        domain.append(
            Assumption(
                "ARP packets are whole; no extension header follows IPv6; label stacks have 1 to 3 entries, none 0",
                b.and_(*assumed),
            )
        )
    return Behaviour(
        tuple(cases),
        domain=tuple(domain),
        choices=tuple(choices),
        faults=tuple(faults),
        notes=(
            "Open vSwitch with a datapath in user space; the bridge is in secure mode and looks at one VLAN tag",
            "ports that frames are sent to exist and are up",
            "a TTL that runs out is not reported to a controller (the default since OpenFlow 1.3)",
        ),
    )


__all__ = ["DEFAULT_MTU", "meaning"]
