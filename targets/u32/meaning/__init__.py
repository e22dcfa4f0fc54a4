"""What a list of u32 filters does to any frame.

Written from the kernel's source: ``__netif_receive_skb_core`` (untagging), ``sch_handle_ingress`` and ``tc_run``
(``net/core/dev.c``), ``__tcf_classify``, ``u32_classify``, ``tcf_action_exec``, ``act_*.c``.

A frame goes on to the stack, or at egress leaves by the port (``Output(to="stack")``, TC_ACT_OK and all that is neither
drop nor theft), is sent out of ports by mirred or received by them (``Output(to="ingress")``), or is gone. Metadata
``classid`` is there if a filter has a class id: the whole 32 bits of the one whose TC_ACT_OK ended the search, else 0;
at these hooks the kernel keeps the low 16 of them, in ``skb->tc_index``. ``mark`` and ``priority`` are there if an
action writes them; they are as they came where the frame does not go to the stack. Frames that are received by a port
have them beside them, and all frames have a tunnel's key if an action writes one (:mod:`...tc.meaning.tunnel`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ....semantics import bits as b
from ....semantics.meaning.behaviour import INPUT_PACKET, Behaviour, Output
from ....semantics.meaning.opened import NothingLarge, Opened
from ....semantics.meaning.ways import Way
from ...tc.meaning.actions import Machine
from ...tc.meaning.chains import Ways
from ...tc.meaning.hooks import DEFAULT_MTU, at_hook, longest_frame
from ...tc.meaning.state import NONE, State
from ...tc.meaning.told import CLASSID, MARK, PRIORITY, told, told_beside
from ..artifact import FilterList
from .classify import Chains
from .frame import Frame
from .install import Installed, install, numbered
from .opened import only, open_chains
from .written import WrittenChains, writes

_NOTES: Final = ("u32 in software (cls_u32); a NIC that offloads the filters is taken at its word",)


def meaning(filters: FilterList, mtu: int = DEFAULT_MTU) -> Behaviour:
    """The behaviour of ports at whose hooks are these filters, and nothing else.

    Args:
        filters: what is on the hook.
        mtu: frames are at most this long, plus Ethernet header and one VLAN tag.

    Raises:
        InputError: the kernel would refuse a filter.
        Unsupported: something that is not modelled, with the filter's place.
    """
    installed = _installed(filters)
    actions = [action for f in filters.filters for action in f.actions]
    longest, written = longest_frame(mtu), writes(actions)

    def run(machine: Machine, start: State, tagged: bool) -> Ways:
        if written:
            return WrittenChains(installed, machine, tagged=tagged, max_length=longest).run(start)
        return (Way(b.TRUE, _fixed(installed, Frame(start.packet, tagged=tagged, max_length=longest))),)

    return at_hook(filters.hook, run, _names(filters), longest=longest, notes=_NOTES, beside=_beside(filters))


def opened(filters: FilterList, at_least: int, name: str = "", mtu: int = DEFAULT_MTU) -> Opened:
    """The same with every chain left open that has ``at_least`` so many filters; their functions' names begin with
    ``name``.

    Raises:
        NotSuitable: none has, or one that has cannot be left open.
        InputError, Unsupported: see :func:`meaning`.
    """
    installed = _installed(filters)
    chains = open_chains(installed, at_least, name)
    if not chains:
        raise NothingLarge(f"no chain has {at_least} filters or more")
    longest = longest_frame(mtu)
    runs: list[WrittenChains] = []

    def run(machine: Machine, start: State, tagged: bool) -> Ways:
        runs.append(WrittenChains(installed, machine, tagged=tagged, max_length=longest, open_chains=chains))
        return runs[-1].run(start)

    found = at_hook(filters.hook, run, _names(filters), longest=longest, notes=_NOTES, beside=_beside(filters))
    given = tuple(dict.fromkeys(term for one in runs for term in one.given))
    lists = [chain.list for chain in chains.values()]
    return Opened(
        replace(found, axioms=(*found.axioms, *given)),
        {one.table.name: one.table for one in lists},
        [lookup for one in runs for lookup in one.lookups],
        [law for one in lists for law in one.laws()],
    )


def _installed(filters: FilterList) -> Installed:
    return install(filters)


def _names(filters: FilterList) -> tuple[str, ...]:
    """The metadata that is told."""
    actions = [action for f in filters.filters for action in f.actions]
    return told(actions, classes=any(f.classid for f in filters.filters))


def _beside(filters: FilterList) -> tuple[str, ...]:
    """The metadata that is told of frames that are sent."""
    return told_beside((action for f in filters.filters for action in f.actions), filters.hook)


def _fixed(installed: Installed, frame: Frame) -> State:
    """The end of a packet that every filter does the same with, and none changes."""
    outcome = Chains(installed, frame).run(0)
    sent = [Output(when, "port", port, INPUT_PACKET) for when, port in outcome.sends if when is not b.FALSE]
    if outcome.stack is not b.FALSE:
        sent.append(Output(outcome.stack, "stack", NONE, INPUT_PACKET))
    return State(None, tuple(sent), outcome.classid)


__all__ = ["CLASSID", "DEFAULT_MTU", "MARK", "PRIORITY", "meaning", "numbered", "only", "opened"]
