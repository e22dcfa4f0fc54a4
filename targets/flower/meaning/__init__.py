"""What a list of flower filters does to any frame.

Written from the kernel's source, as of 6.1: ``__netif_receive_skb_core`` (untagging), ``sch_handle_ingress``
(``net/core/dev.c``), ``__tcf_classify``, ``fl_classify``, ``__skb_flow_dissect``, ``tcf_action_exec`` and ``act_*.c``;
judged by user-mode Linux 6.1.

A frame goes on to the stack (``Output(to="stack")``: TC_ACT_OK and all that is neither drop nor theft), is sent out of
ports by mirred, or is gone. Metadata ``classid`` is there if a filter has a class id, ``mark`` and ``priority`` if an
action writes them; they are 0 where the frame does not go to the stack.
"""

from __future__ import annotations

from dataclasses import replace

from ....semantics.meaning.behaviour import Behaviour
from ....semantics.source import Unsupported
from ...tc.artifact.actions import TunnelKey
from ...tc.meaning.ingress import DEFAULT_MTU, ingress, longest_frame, require_ingress
from ...tc.meaning.told import CLASSID, MARK, PRIORITY, told
from ..artifact import FilterList
from .assumed import assumed
from .classify import Search
from .install import install


def meaning(filters: FilterList, mtu: int = DEFAULT_MTU) -> Behaviour:
    """The behaviour of ports whose ingress hooks have these filters, and nothing else.

    Args:
        filters: what is on the hook.
        mtu: frames are at most this long, plus Ethernet header and one VLAN tag.

    Raises:
        InputError: the kernel would refuse a filter.
        Unsupported: something that is not modelled, with the filter's place.
    """
    require_ingress(filters.hook, "flower", filters.name)
    _check_tunnels(filters)
    chains = install(filters)
    names = told(
        (action for f in filters.filters for action in f.actions),
        classes=any(f.classid or f.hw_tc is not None for f in filters.filters),
    )
    found = ingress(
        lambda machine, start, _tagged: Search(chains, machine).run(start),
        names,
        longest=longest_frame(mtu),
        notes=(
            "flower in software (cls_flower of Linux 6.1, little-endian), where filters with skip_sw do nothing",
            "a NIC that offloads filters is taken at its word",
            "masks of one priority are tried in the order in which the filters are listed",
        ),
    )
    return replace(found, domain=(*found.domain, *assumed(filters.assumes)))


def _check_tunnels(filters: FilterList) -> None:
    for filter_ in filters.filters:
        for action in filter_.actions:
            if isinstance(action, TunnelKey) and not action.unset:
                raise Unsupported("tunnel_key set: what a tunnel device makes of it", filter_.span)


__all__ = ["CLASSID", "DEFAULT_MTU", "MARK", "PRIORITY", "meaning"]
