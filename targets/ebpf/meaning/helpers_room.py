"""Room for headers inside packets at the tc hooks: ``bpf_skb_adjust_room``, ``bpf_skb_change_proto`` (filter.c).

Frames are no larger than the device's MTU, so that nothing is to be segmented (GSO); none is encapsulated before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from .alu import swap
from .context import packet_length
from .ends import before_trailer
from .hash import forget_hash
from .helpers_common import context_argument, may_grow_to
from .helpers_maps import EFAULT, EINVAL, ENOMEM, ENOTSUPP, result
from .state import HEADERS_MOVED, State

if TYPE_CHECKING:
    from .machine import Machine

ETH_HLEN: Final = 14
ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
EALREADY: Final = 114
MODE_NET, MODE_MAC = 0, 1
FIXED_GSO, ENCAP_IPV4, ENCAP_IPV6, ENCAP_GRE, ENCAP_UDP, NO_CSUM_RESET, ENCAP_ETH, DECAP_IPV4, DECAP_IPV6 = (
    1 << i for i in range(9)
)
_ENCAP: Final = ENCAP_IPV4 | ENCAP_IPV6 | ENCAP_GRE | ENCAP_UDP | ENCAP_ETH
_DECAP: Final = DECAP_IPV4 | DECAP_IPV6
_INNER_LENGTH: Final = 0xFF << 56
MAX_DIFFERENCE: Final = 0xFFF
_HEADERS: Final = ((ETH_P_IP, 20), (ETH_P_IPV6, 40))
"""Protocol, and the length of its fixed header (``bpf_skb_net_base_len``)."""


def adjust_room(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_adjust_room(skb, len_diff, mode, flags)``."""
    context_argument(machine, state)
    difference = b.signed(machine.number(state, b.extract(machine.scalar(state, 2), 31, 0)), 32)
    mode = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    flags = machine.number(state, machine.scalar(state, 4))
    state.layout = state.layout.touched()
    if flags & ~(FIXED_GSO | _ENCAP | _DECAP | NO_CSUM_RESET | _INNER_LENGTH):
        return result(state, -EINVAL)
    if abs(difference) > MAX_DIFFERENCE:
        return result(state, -EFAULT)
    out: list[State] = []
    rest: State | None = state
    for protocol, header in _HEADERS:
        if rest is None:
            break
        this, rest = machine.fork(rest, b.eq(state.fields["protocol"], b.bv(protocol, 16)))
        if this is not None:
            out += _adjusted(machine, this, header, difference, mode, flags)
    return out + (result(rest, -ENOTSUPP) if rest is not None else [])


def _adjusted(machine: Machine, state: State, header: int, difference: int, mode: int, flags: int) -> list[State]:
    if mode not in (MODE_NET, MODE_MAC):
        return result(state, -ENOTSUPP)
    l2 = machine.number(state, state.fields["l2"])
    at = l2 + (header if mode == MODE_NET else 0)
    least = header
    if flags & _DECAP:
        if difference >= 0 or flags & _DECAP == _DECAP:
            return result(state, -EINVAL)
        least = 20 if flags & DECAP_IPV4 else 40
    if difference < 0:
        return _shrink(machine, state, (l2, at), -difference, least, flags)
    return _grow(machine, state, at, difference, flags)


def _shrink(machine: Machine, state: State, places: tuple[int, int], count: int, least: int, flags: int) -> list[State]:
    l2, at = places
    needed = l2 + count + max(least, 1)
    enough, short = machine.fork(state, b.uge(packet_length(state), b.bv(needed, 32)))
    out = result(short, -ENOTSUPP) if short is not None else []
    if enough is None:
        return out
    if flags & ~(FIXED_GSO | _DECAP | NO_CSUM_RESET):
        return out + result(enough, -EINVAL)
    there, missing = machine.fork(enough, enough.layout.has(at + count))
    out += result(missing, -ENOMEM) if missing is not None else []
    if there is not None:
        before_trailer(machine, there, at + count)
        there.layout = there.layout.removed(at, count)
        _headers_moved(there)
        outer = ETH_P_IP if flags & DECAP_IPV4 else ETH_P_IPV6
        if flags & _DECAP:
            there.fields["protocol"] = b.bv(outer, 16)
        out += result(there, 0)
    return out


def _grow(machine: Machine, state: State, at: int, count: int, flags: int) -> list[State]:
    taken, refused = machine.fork(state, may_grow_to(machine, b.add(packet_length(state), b.bv(count, 32))))
    out = _grown(machine, taken, at, count, flags) if taken is not None else []
    return out + (result(refused, -ENOTSUPP) if refused is not None else [])


def _grown(machine: Machine, state: State, at: int, count: int, flags: int) -> list[State]:
    encapsulates = flags & (ENCAP_IPV4 | ENCAP_IPV6)
    if encapsulates:
        inner = flags >> 56
        both = (ENCAP_IPV4 | ENCAP_IPV6, ENCAP_GRE | ENCAP_UDP)
        if any(flags & pair == pair for pair in both) or (flags & ENCAP_ETH and inner < ETH_HLEN):
            return result(state, -EINVAL)
        if machine.number(state, state.fields["encapsulated"]):
            return result(state, -EALREADY)
        if inner > count:
            return result(state, -EINVAL)
    _reaching(machine, state, at)
    state.layout = state.layout.inserted(at, (b.bv(0, 8),) * count)
    _headers_moved(state)
    if encapsulates:
        state.fields["encapsulated"] = b.bv(1, 1)
        state.fields["protocol"] = b.bv(ETH_P_IP if flags & ENCAP_IPV4 else ETH_P_IPV6, 16)
    return result(state, 0)


def _headers_moved(state: State) -> None:
    state.counts[HEADERS_MOVED] = state.counts.get(HEADERS_MOVED, 0) + 1


def _reaching(machine: Machine, state: State, at: int) -> None:
    """The packet has the bytes in front of which room is made: the kernel does not ask."""
    missing = b.not_(state.layout.has(at))
    before_trailer(machine, state, at)
    if state.may(missing) and (not state.layout.open_ended or state.shortest < at - state.layout.delta):
        raise machine.unsupported(state, f"room at byte {at} of a packet that may be shorter")


def change_proto(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_change_proto(skb, proto, flags)``: 20 bytes more or less behind the Ethernet header."""
    context_argument(machine, state)
    asked = swap(b.extract(machine.scalar(state, 2), 15, 0))
    flags = machine.number(state, machine.scalar(state, 3))
    state.layout = state.layout.touched()
    if flags:
        return result(state, -EINVAL)
    before = state.fields["protocol"]
    grows = b.and_(b.eq(before, b.bv(ETH_P_IP, 16)), b.eq(asked, b.bv(ETH_P_IPV6, 16)))
    shrinks = b.and_(b.eq(before, b.bv(ETH_P_IPV6, 16)), b.eq(asked, b.bv(ETH_P_IP, 16)))
    longer, rest = machine.fork(state, grows)
    shorter, other = machine.fork(rest, shrinks) if rest is not None else (None, None)
    out = result(other, -ENOTSUPP) if other is not None else []
    if longer is not None:
        at = machine.number(longer, longer.fields["l2"])
        _reaching(machine, longer, at)
        longer.layout = longer.layout.inserted(at, (b.bv(0, 8),) * 20)
        out += _translated(longer, ETH_P_IPV6)
    if shorter is not None:
        at = machine.number(shorter, shorter.fields["l2"])
        there, missing = machine.fork(shorter, shorter.layout.has(at + 20))
        out += result(missing, -ENOMEM) if missing is not None else []
        if there is not None:
            before_trailer(machine, there, at + 20)
            there.layout = there.layout.removed(at, 20)
            out += _translated(there, ETH_P_IP)
    return out


def _translated(state: State, protocol: int) -> list[State]:
    state.fields["protocol"] = b.bv(protocol, 16)
    _headers_moved(state)
    forget_hash(state)
    return result(state, 0)
