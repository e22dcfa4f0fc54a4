"""What a list of flower filters does to any frame.

Written from the kernel's source, as of 6.1: ``__netif_receive_skb_core`` (untagging), ``sch_handle_ingress``
(``net/core/dev.c``), ``__tcf_classify``, ``fl_classify``, ``__skb_flow_dissect``, ``tcf_action_exec`` and ``act_*.c``;
judged by user-mode Linux 6.1.

A frame goes on to the stack (``Output(to="stack")``: TC_ACT_OK and all that is neither drop nor theft), is sent out of
ports by mirred, or is gone. Metadata ``classid`` is there if a filter has a class id, ``mark`` and ``priority`` if an
action writes them; they are 0 where the frame does not go to the stack.
"""

from __future__ import annotations

from ....semantics import bits as b
from ....semantics.meaning.behaviour import Assumption, Behaviour, Case
from ....semantics.source import Span, Unsupported
from ...tc.artifact.actions import TunnelKey
from ...tc.meaning.actions import Machine, assumptions
from ...tc.meaning.packet import ETH_HLEN, ETH_ZLEN, TAGGED, VLAN_HLEN, WHOLE_TAG, length_at_least, received
from ...tc.meaning.state import State
from ...tc.meaning.told import CLASSID, MARK, PRIORITY, metadata, told
from ..artifact import FilterList
from .classify import Search
from .install import install

DEFAULT_MTU = 1500


def meaning(filters: FilterList, mtu: int = DEFAULT_MTU) -> Behaviour:
    """The behaviour of ports whose ingress hooks have these filters, and nothing else.

    Args:
        filters: what is on the hook.
        mtu: frames are at most this long, plus Ethernet header and one VLAN tag.

    Raises:
        InputError: the kernel would refuse a filter.
        Unsupported: something that is not modelled, with the filter's place.
    """
    if filters.hook.direction != "ingress":
        raise Unsupported("flower filters at egress", Span(filters.name, 1, 1) if filters.name else Span("", 0, 0))
    _check_tunnels(filters)
    chains = install(filters)
    names = told(
        (action for f in filters.filters for action in f.actions),
        classes=any(f.classid or f.hw_tc is not None for f in filters.filters),
    )
    machines: list[Machine] = []
    cases: list[Case] = []
    for tagged in (False, True):
        guard = b.and_(TAGGED, WHOLE_TAG) if tagged else b.not_(TAGGED)
        machine = Machine(guard, kind="tagged" if tagged else "untagged")
        machines.append(machine)
        ended = Search(chains, machine).run(State(received(tagged=tagged)))
        cases.append(Case(guard, ended.sent, metadata(ended, names)))
    cases.append(Case(b.and_(TAGGED, b.not_(WHOLE_TAG)), (), metadata(State(None), names)))
    longest = mtu + ETH_HLEN + VLAN_HLEN
    return Behaviour(
        tuple(cases),
        domain=(
            Assumption(f"frames have at least {ETH_ZLEN} bytes", length_at_least(ETH_ZLEN)),
            Assumption(f"frames have at most {longest} bytes", b.not_(length_at_least(longest + 1))),
            *assumptions(machines),
        ),
        reaching=(
            Assumption(
                "a frame's outer VLAN tag is whole: tc ingress drops all others", b.or_(b.not_(TAGGED), WHOLE_TAG)
            ),
        ),
        choices=tuple(choice for machine in machines for choice in machine.choices),
        observables=("outputs", *names),
        notes=(
            "the filters are on the ingress hook of every port that frames come from",
            "redirected and mirrored frames reach their ports: these exist and are up",
            "flower in software (cls_flower of Linux 6.1, little-endian), where filters with skip_sw do nothing",
            "a NIC that offloads filters is taken at its word",
            "masks of one priority are tried in the order in which the filters are listed",
        ),
    )


def _check_tunnels(filters: FilterList) -> None:
    for filter_ in filters.filters:
        for action in filter_.actions:
            if isinstance(action, TunnelKey) and not action.unset:
                raise Unsupported("tunnel_key set: what a tunnel device makes of it", filter_.span)


__all__ = ["CLASSID", "DEFAULT_MTU", "MARK", "PRIORITY", "meaning"]
