"""Policing: ``tcf_police_act`` (``net/sched/act_police.c``, Linux 6.1).

Whether a rate is exceeded is a matter of the traffic, but a frame longer than the ``mtu`` exceeds always, and one that
is not conforms always where there is no rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, Term
from ....semantics.meaning.behaviour import LENGTH
from ..artifact.actions import Police
from ..artifact.policers import DEFAULT_MTU, LONGEST, MTU, has_rate
from ..artifact.rates import read_size
from .packet import ETH_HLEN, TAGGED, VLAN_HLEN, Skb

_RATES: Final = ("rate", "avrate", "pkts_rate")
"""Limits that make a policer's answer a matter of the traffic."""
_SLACK: Final = 16
"""``print_size`` of iproute2 6.1 writes a size as so many kilobytes if it is less than so far from that."""


@dataclass(frozen=True, slots=True)
class _Mtu:
    """Bytes that a frame may have: those up to ``low`` may, those above ``high`` may not."""

    low: int
    high: int


def exceeds(action: Police, skb: Skb, draw: Callable[[], Term], *, egress: bool) -> Term:
    """Whether a frame exceeds what it may; ``draw`` says it of what is left open."""
    if not action.limits:
        return draw()  # a dump that does not tell them
    limits = dict(action.limits)
    rates = {name for name in _RATES if has_rate(limits, name)}
    mtu = _mtu(limits, has_rate="rate" in rates)
    length = _length(skb, egress=egress)
    too_long, perhaps = _longer(length, mtu.high), _longer(length, mtu.low)
    if rates:
        return b.or_(too_long, draw())
    return too_long if perhaps is too_long else b.or_(too_long, b.and_(perhaps, draw()))


def _longer(length: Term, limit: int) -> Term:
    return FALSE if limit >= LONGEST else b.ugt(length, b.bv(limit, 16))


def _length(skb: Skb, *, egress: bool) -> Term:
    """``tcf_police_mtu_check``: bytes that the frame had when it came to the hook, without the tag that was taken out
    of it. At ingress the link header is not in these, and is counted as it is now."""
    data = b.sub(LENGTH, b.ite(TAGGED, b.bv(VLAN_HLEN, 16), b.bv(0, 16)))
    return data if egress else b.add(data, b.bv((skb.mac_len - ETH_HLEN) & 0xFFFF, 16))


def _mtu(limits: dict[str, str], *, has_rate: bool) -> _Mtu:
    """What ``tc`` and the kernel make of the limits. A number of kilobytes may stand in a dump for one near it; sizes
    with cells make a default that is not followed here, and neither is what is no size."""
    text = next((limits[name] for name in MTU if name in limits), None)
    try:
        size = 0 if text is None else read_size(text.partition("/")[0])
    except ValueError:
        return _Mtu(0, LONGEST)
    if size == 0 and not has_rate:
        return _Mtu(LONGEST, LONGEST)
    if size == 0 and any("/" in said for said in limits.values()):
        return _Mtu(0, LONGEST)
    if size == 0:
        return _Mtu(DEFAULT_MTU, DEFAULT_MTU)
    slack = 0 if text is None or text.strip("b").isdigit() else _SLACK
    return _Mtu(max(0, size - slack), size + slack)
