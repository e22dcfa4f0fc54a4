"""What the flows of a bridge do to any frame.

Written from Open vSwitch 3.1 (``lib/flow.c``, ``ofproto/ofproto-dpif-xlate.c``, ``lib/odp-util.c``, ``lib/packets.c``)
and judged by its datapath in user space. A frame that goes to the controller is told as ``Output(to="stack")``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH, PORT, Assumption, Behaviour, Case, Choice, Fault
from ....semantics.meaning.opened import Lookup, NothingLarge, Opened
from ..artifact import FIRST_RESERVED, LOCAL, Bridge
from ..artifact.versions import SAYS, left_out, refused
from .assumed import assumed as assumed_of
from .execute import Pipeline
from .extract import at_least, views
from .needs import needs, tunnelled, writes_labels
from .tables import Tables

ETHERNET = 14
DEFAULT_MTU = 1500
_CACHED = (
    "Open vSwitch 3.1 writes label stack entries whole: traffic class and TTL, where no flow asks for them, may be "
    "those of an earlier frame, for its cache does not tell them apart; it is compared as if it had none"
)
_AS_WRITTEN = (
    "flows that are added are so with ovs-ofctl -O OpenFlow13 or later: the file does not say its version "
    f"('{SAYS} 1.3'), and in OpenFlow 1.0 "
)
_LEFT_OUT = "ovs-ofctl leaves out write_actions and clear_actions"
_REFUSED = "the switch refuses write_metadata with goto_table"


def meaning(bridge: Bridge, mtu: int = DEFAULT_MTU) -> Behaviour:
    """The behaviour of a bridge with these flows and groups.

    Args:
        bridge: the flows; the bridge is in secure mode, its ports are numbered as in the flows.
        mtu: frames are at most this long, plus Ethernet header and one VLAN tag.

    Raises:
        Unsupported: something that is not modelled, with the place of its flow or group.
    """
    return _run(bridge, Tables(bridge), mtu)[0]


def opened(bridge: Bridge, at_least: int, name: str = "", mtu: int = DEFAULT_MTU) -> Opened:
    """The same with every table left open that has ``at_least`` so many flows; ``name`` begins their functions' names.

    Raises:
        NotSuitable: none has, or one that has cannot be left open.
        Unsupported: see :func:`meaning`.
    """
    tables = Tables(bridge, at_least, name)
    if not tables.open:
        raise NothingLarge(f"no table has {at_least} flows or more")
    behaviour, lookups = _run(bridge, tables, mtu)
    laws = [law for flows in tables.open.values() for law in flows.laws()]
    return Opened(behaviour, {flows.table.name: flows.table for flows in tables.open.values()}, lookups, laws)


def only(bridge: Bridge, opened: Opened, kept: Mapping[str, Sequence[int]]) -> Bridge:
    """The bridge without those flows of open tables that are not kept (by :attr:`.Row.origin`)."""
    gone = {id(flow) for table in opened.tables.values() for flow in table.entries}
    gone -= {id(opened.tables[name].entries[i]) for name, origins in kept.items() for i in origins}
    return replace(bridge, flows=tuple(flow for flow in bridge.flows if id(flow) not in gone))


def _run(bridge: Bridge, tables: Tables, mtu: int) -> tuple[Behaviour, list[Lookup]]:
    asked, behind = needs(bridge)
    lookups: list[Lookup] = []
    given: list[Term] = []
    cases: list[Case] = []
    choices: list[Choice] = []
    faults: list[Fault] = []
    assumed: list[Term] = []
    for view in views(asked):
        pipeline = Pipeline(tables, view)
        cases.append(Case(view.guard, pipeline.run()))
        choices += pipeline.choices
        faults += pipeline.faults
        lookups += pipeline.lookups
        given += pipeline.given
        assumed.append(b.implies(view.guard, view.assumes))
    longest = mtu + ETHERNET + 4
    domain = [
        Assumption(f"frames have at least {ETHERNET} bytes", at_least(ETHERNET)),
        Assumption(f"frames have at most {longest} bytes", b.ule(LENGTH, b.bv(longest, 16))),
        Assumption(
            f"ports are numbered from 1 to {FIRST_RESERVED - 1}; the bridge's own is {LOCAL}",
            b.or_(
                b.and_(b.uge(PORT, b.bv(1, 32)), b.ult(PORT, b.bv(FIRST_RESERVED, 32))),
                b.eq(PORT, b.bv(LOCAL, 32)),
            ),
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
    behaviour = Behaviour(
        tuple(cases),
        domain=tuple(domain),
        axioms=tuple(dict.fromkeys(given)),
        choices=tuple({choice.variable: choice for choice in choices}.values()),
        faults=tuple(faults),
        notes=(
            "Open vSwitch with a datapath in user space; the bridge is in secure mode and looks at one VLAN tag",
            "ports that frames are sent to exist and are up",
            *(["no port is a tunnel"] if tunnelled(bridge) else []),
            *([_CACHED] if writes_labels(bridge) else []),
            *([_AS_WRITTEN + _LEFT_OUT] if bridge.version_open and left_out(bridge.flows) else []),
            *([_AS_WRITTEN + _REFUSED] if bridge.version_open and refused(bridge.flows) else []),
            "a TTL that runs out is not reported to a controller (the default since OpenFlow 1.3)",
        ),
    )
    return behaviour, lookups


__all__ = ["DEFAULT_MTU", "meaning", "only", "opened"]
