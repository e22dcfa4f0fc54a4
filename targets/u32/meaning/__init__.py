"""What a list of u32 filters does to any frame.

Written from the kernel's source: ``__netif_receive_skb_core`` (untagging), ``sch_handle_ingress`` and ``tc_run``
(``net/core/dev.c``), ``__tcf_classify``, ``u32_classify``, ``tcf_action_exec``, ``tcf_mirred_act``.

A frame goes on to the stack (``Output(to="stack")``, TC_ACT_OK and all that is neither drop nor theft), is sent out
of ports by mirred, or is gone. Metadata ``classid`` is there if a filter has a class id: the whole 32 bits of the one
whose TC_ACT_OK ended the search, else 0; at this hook the kernel keeps the low 16 of them, in ``skb->tc_index``.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import INPUT_PACKET, Assumption, Behaviour, Case, Output
from ....semantics.source import Span, Unsupported
from ...tc.meaning.packet import ETH_ZLEN, TAGGED, VLAN_HLEN, WHOLE_TAG
from ...tc.meaning.packet import length_at_least as at_least
from ..artifact import FilterList
from .classify import Chains
from .frame import Frame
from .install import Installed, install
from .outcome import DROPPED, Outcome

DEFAULT_MTU = 1500
ETHERNET = 14
CLASSID = "classid"


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
    classes = any(f.classid for f in filters.filters)
    longest = mtu + ETHERNET + VLAN_HLEN
    plain = _case(installed, b.not_(TAGGED), Frame(tagged=False, max_length=longest), classes)
    tagged = _case(installed, b.and_(TAGGED, WHOLE_TAG), Frame(tagged=True, max_length=longest), classes)
    cut = Case(b.and_(TAGGED, b.not_(WHOLE_TAG)), (), _metadata(DROPPED, classes))
    return Behaviour(
        (plain, tagged, cut),
        domain=(
            Assumption(f"frames have at least {ETH_ZLEN} bytes", at_least(ETH_ZLEN)),
            Assumption(f"frames have at most {longest} bytes", b.not_(at_least(longest + 1))),
        ),
        reaching=(
            Assumption(
                "a frame's outer VLAN tag is whole: tc ingress drops all others", b.or_(b.not_(TAGGED), WHOLE_TAG)
            ),
        ),
        observables=("outputs", CLASSID) if classes else ("outputs",),
        notes=(
            "the filters are on the ingress hook of every port that frames come from",
            "redirected and mirrored frames reach their ports: these exist and are up",
            "u32 in software (cls_u32); a NIC that offloads the filters is taken at its word",
        ),
    )


def _case(installed: Installed, guard: Term, frame: Frame, classes: bool) -> Case:
    outcome = Chains(installed, frame).run(0)
    outputs = [Output(when, "port", port, INPUT_PACKET) for when, port in outcome.sends if when is not b.FALSE]
    if outcome.stack is not b.FALSE:
        outputs.append(Output(outcome.stack, "stack", b.bv(0, 32), INPUT_PACKET))
    return Case(guard, tuple(outputs), _metadata(outcome, classes))


def _metadata(outcome: Outcome, classes: bool) -> Mapping[str, Term]:
    return {CLASSID: outcome.classid} if classes else {}


__all__ = ["CLASSID", "DEFAULT_MTU", "meaning"]
