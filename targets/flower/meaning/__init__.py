"""What a list of flower filters does to any frame.

Written from the kernel's source, as of 6.1: ``__netif_receive_skb_core`` (untagging), ``sch_handle_ingress``
(``net/core/dev.c``), ``__tcf_classify``, ``fl_classify``, ``__skb_flow_dissect``, ``tcf_action_exec`` and ``act_*.c``;
judged by user-mode Linux 6.1.

A frame goes on to the stack, or at egress leaves by the port (``Output(to="stack")``: TC_ACT_OK and all that is neither
drop nor theft), is sent out of ports by mirred or received by them (``Output(to="ingress")``), or is gone. Metadata
``classid`` is there if a filter has a class id, ``mark`` and ``priority`` if an action writes them; these are as they
came where the frame does not go to the stack. Frames that are received by a port have them beside them, and all frames
have a tunnel's key if an action writes one (:mod:`...tc.meaning.tunnel`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ....semantics.meaning.behaviour import Behaviour
from ....semantics.meaning.opened import Lookup, NothingLarge, Opened
from ...tc.meaning.actions import Machine
from ...tc.meaning.chains import Ways
from ...tc.meaning.hooks import DEFAULT_MTU, at_hook, longest_frame
from ...tc.meaning.state import State
from ...tc.meaning.told import CLASSID, MARK, PRIORITY, told, told_beside
from ..artifact import FilterList, first_class
from .assumed import assumed
from .classify import Search
from .install import Classifier, install
from .opened import OpenChain, only, open_chains
from .parts import ListsOf, whole


def meaning(filters: FilterList, mtu: int = DEFAULT_MTU) -> Behaviour:
    """The behaviour of ports at whose hooks are these filters, and nothing else.

    Args:
        filters: what is on the hook.
        mtu: frames are at most this long, plus Ethernet header and one VLAN tag.

    Raises:
        InputError: the kernel would refuse a filter.
        Unsupported: something that is not modelled, with the filter's place.
    """
    filters = _classed(filters)
    return _run(filters, _installed(filters), mtu)[0]


def opened(
    filters: FilterList, at_least: int, name: str = "", mtu: int = DEFAULT_MTU, *, lists_of: ListsOf = whole
) -> Opened:
    """The same with every chain left open that has ``at_least`` so many filters; their functions' names begin with
    ``name``. ``lists_of``: the lists that a chain consists of (:mod:`.parts`), each of which is one by itself.

    Raises:
        NotSuitable: none has, or one that has cannot be left open; lists are to be finer, and none is.
        InputError, Unsupported: see :func:`meaning`.
    """
    filters = _classed(filters)
    chains = open_chains(_installed(filters), at_least, name, lists_of)
    lists = [one.list for chain in chains.values() for one in chain if isinstance(one, OpenChain)]
    if not lists:
        raise NothingLarge(f"no chain has {at_least} filters or more")
    behaviour, lookups = _run(filters, chains, mtu)
    laws = [law for one in lists for law in one.laws()]
    return Opened(behaviour, {one.table.name: one.table for one in lists}, lookups, laws)


def _classed(filters: FilterList) -> FilterList:
    """On a block, ``hw_tc`` is a class id of no qdisc: then it stands as that."""
    if filters.hook.block is None or all(f.hw_tc is None for f in filters.filters):
        return filters
    first = first_class(filters.hook)
    some = (f if f.hw_tc is None else replace(f, hw_tc=None, classid=first + f.hw_tc) for f in filters.filters)
    return replace(filters, filters=tuple(some))


def _installed(filters: FilterList) -> dict[int, list[Classifier]]:
    return install(filters)


def _run(
    filters: FilterList, chains: Mapping[int, Sequence[Classifier | OpenChain]], mtu: int
) -> tuple[Behaviour, list[Lookup]]:
    actions = [action for f in filters.filters for action in f.actions]
    names = told(
        actions,
        classes=any(f.classid or f.hw_tc is not None for f in filters.filters),
    )
    searches: list[Search] = []

    def run(machine: Machine, start: State, _tagged: bool) -> Ways:
        searches.append(Search(chains, machine))
        return searches[-1].run(start)

    found = at_hook(
        filters.hook,
        run,
        names,
        longest=longest_frame(mtu),
        notes=(
            "flower in software (cls_flower of Linux 6.1, little-endian), where filters with skip_sw do nothing",
            "a NIC that offloads filters is taken at its word",
            "masks of one priority are tried in the order in which the filters are listed",
        ),
        beside=told_beside(actions, filters.hook),
        tunnels=any(key.field.startswith("enc_") for f in filters.filters for key in f.keys),
        options=any(key.field == "enc_opts" for f in filters.filters for key in f.keys),
    )
    given = tuple(dict.fromkeys(term for search in searches for term in search.given))
    domain = (*found.domain, *assumed(filters.assumes))
    return replace(found, domain=domain, axioms=(*found.axioms, *given)), [o for s in searches for o in s.lookups]


__all__ = ["CLASSID", "DEFAULT_MTU", "MARK", "PRIORITY", "meaning", "only", "opened"]
