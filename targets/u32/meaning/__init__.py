"""What a list of u32 filters does to any frame.

Written from the kernel's source: ``__netif_receive_skb_core`` (untagging), ``sch_handle_ingress`` and ``tc_run``
(``net/core/dev.c``), ``__tcf_classify``, ``u32_classify``, ``tcf_action_exec``, ``act_*.c``.

A frame goes on to the stack (``Output(to="stack")``, TC_ACT_OK and all that is neither drop nor theft), is sent out
of ports by mirred, or is gone. Metadata ``classid`` is there if a filter has a class id: the whole 32 bits of the one
whose TC_ACT_OK ended the search, else 0; at this hook the kernel keeps the low 16 of them, in ``skb->tc_index``.
``mark`` and ``priority`` are there if an action writes them; they are 0 where the frame does not go to the stack.
"""

from __future__ import annotations

from ....semantics import bits as b
from ....semantics.meaning.behaviour import INPUT_PACKET, Assumption, Behaviour, Case, Output
from ....semantics.source import Span, Unsupported
from ...tc.meaning.actions import Machine, assumptions
from ...tc.meaning.packet import ETH_HLEN, ETH_ZLEN, TAGGED, VLAN_HLEN, WHOLE_TAG, received
from ...tc.meaning.packet import length_at_least as at_least
from ...tc.meaning.state import NONE, State
from ...tc.meaning.told import CLASSID, MARK, PRIORITY, metadata, told
from ..artifact import FilterList
from .classify import Chains
from .frame import Frame
from .install import Installed, install
from .written import WrittenChains, writes

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
        raise Unsupported("u32 filters at egress", Span(filters.name, 1, 1) if filters.name else Span("", 0, 0))
    installed = install(filters)
    actions = [action for f in filters.filters for action in f.actions]
    names = told(actions, classes=any(f.classid for f in filters.filters))
    longest = mtu + ETH_HLEN + VLAN_HLEN
    machines: list[Machine] = []
    cases: list[Case] = []
    for tagged in (False, True):
        guard = b.and_(TAGGED, WHOLE_TAG) if tagged else b.not_(TAGGED)
        machine = Machine(guard, kind="tagged" if tagged else "untagged")
        machines.append(machine)
        start = State(received(tagged=tagged))
        if writes(actions):
            ended = WrittenChains(installed, machine, tagged=tagged, max_length=longest).run(start)
        else:
            ended = _fixed(installed, Frame(start.packet, tagged=tagged, max_length=longest))
        cases.append(Case(guard, ended.sent, metadata(ended, names)))
    cases.append(Case(b.and_(TAGGED, b.not_(WHOLE_TAG)), (), metadata(State(None), names)))
    return Behaviour(
        tuple(cases),
        domain=(
            Assumption(f"frames have at least {ETH_ZLEN} bytes", at_least(ETH_ZLEN)),
            Assumption(f"frames have at most {longest} bytes", b.not_(at_least(longest + 1))),
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
            "u32 in software (cls_u32); a NIC that offloads the filters is taken at its word",
        ),
    )


def _fixed(installed: Installed, frame: Frame) -> State:
    """The end of a packet that every filter does the same with, and none changes."""
    outcome = Chains(installed, frame).run(0)
    sent = [Output(when, "port", port, INPUT_PACKET) for when, port in outcome.sends if when is not b.FALSE]
    if outcome.stack is not b.FALSE:
        sent.append(Output(outcome.stack, "stack", NONE, INPUT_PACKET))
    return State(None, tuple(sent), outcome.classid)


__all__ = ["CLASSID", "DEFAULT_MTU", "MARK", "PRIORITY", "meaning"]
