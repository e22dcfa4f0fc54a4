"""Helpers that move a packet's end (net/core/filter.c): shorter or longer, to a length that may hang on the packet.

What a packet gets longer by is zeros, also where it was longer before (``bpf_xdp_adjust_tail`` and
``bpf_skb_grow_rcsum`` clear it). How much it may be hangs on the machine, and is the same for whatever program asks: at
XDP how much room the driver leaves behind a frame (``xdp_data_hard_end``), at tc how long a packet may become
(BPF_SKB_MAX_LEN, four pages less some bookkeeping).

Packets that were changed at their end and then get longer by a number of bytes that can be many are not modelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH
from . import ends
from .context import packet_length
from .helpers_common import MAX_LEN, SURE_LENGTH, context_argument
from .helpers_maps import EINVAL, ENOTSUPP, result
from .state import HEADERS_MOVED, State
from .values import possible_values

if TYPE_CHECKING:
    from .machine import Helper, Machine

ETH_HLEN: Final = 14
FEW: Final = 16
"""Lengths, or numbers of bytes to get longer by, that are each followed on a path of their own."""


def xdp_adjust_tail(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_adjust_tail(xdp, delta)``: -EINVAL if less than an Ethernet header would be left, or more than there is
    room for behind the frame."""
    context_argument(machine, state)
    wanted = b.add(packet_length(state), b.extract(machine.scalar(state, 2), 31, 0))
    state.layout = state.layout.touched()
    reason = "how much room the device's driver leaves behind a frame"
    room = b.zext(machine.given("tailroom", 16, reason), 32)
    before = b.add(b.zext(LENGTH, 32), b.bv(state.layout.delta, 32))  # the length with the end where it was
    fits = b.sle(b.sub(wanted, before), room)
    return _resized(machine, state, wanted, ETH_HLEN, fits)


def skb_change_tail(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_change_tail(skb, len, flags)``: -EINVAL below the transport header, wherever that lies
    (``__bpf_skb_min_len``), with flags, and beyond what a packet may become."""
    context_argument(machine, state)
    wanted = b.extract(machine.scalar(state, 2), 31, 0)
    flags = machine.number(state, machine.scalar(state, 3))
    state.layout = state.layout.touched()
    if flags:
        return result(state, -EINVAL)
    most = machine.given("longest", 32, "how long a packet may become")
    allowed = b.or_(b.ule(wanted, b.bv(SURE_LENGTH, 32)), b.ule(wanted, most))
    encapsulated = machine.number(state, state.fields["encapsulated"])
    out: list[State] = []
    taken: State | None = state
    longer: State | None = None
    if state.layout.moved >= 0:  # the transport header lies in the packet, then, as it did when that came
        longer, taken = machine.fork(state, b.uge(wanted, packet_length(state)))
    if taken is not None:
        refused, taken = machine.fork(taken, b.ult(wanted, _transport(machine, taken)))
        out += result(refused, -EINVAL) if refused is not None else []
    for part in (longer, taken):
        if part is not None and encapsulated:
            fits = b.and_(_between(wanted, 0), allowed)
            out += result(part, b.ite(fits, b.bv(-ENOTSUPP, 64), b.bv(-EINVAL, 64)))
        elif part is not None:
            out += _resized(machine, part, wanted, 0, allowed)
    return out


def _transport(machine: Machine, state: State) -> Term:
    """Where the kernel takes the transport header to begin (32 bits): the same place of the packet as when that came;
    anywhere, once headers were put in or taken out before it. It came no nearer than behind the Ethernet header, where
    the kernel puts it if nobody has (``__netif_receive_skb_core``, before a tag is taken out), and no further than the
    end (``__skb_flow_dissect``)."""
    reason = "where the kernel takes the transport header to begin"
    moved = state.counts.get(HEADERS_MOVED, 0)
    there = machine.given(f"transport.{moved}", 16, reason)
    if moved:
        first = b.sext(there, 32)
    else:
        least, most = b.bv(ETH_HLEN - state.layout.beside, 16), b.sub(LENGTH, b.bv(state.layout.beside, 16))
        first = b.zext(b.ite(b.ult(most, there), most, b.ite(b.ult(there, least), least, there)), 32)
    return b.add(first, b.bv(state.layout.moved, 32))


def _between(wanted: Term, least: int) -> Term:
    return b.and_(b.uge(wanted, b.bv(least, 32)), b.ule(wanted, b.bv(MAX_LEN, 32)))


def _resized(machine: Machine, state: State, wanted: Term, least: int, allowed: Term) -> list[State]:
    """The packet with ``wanted`` bytes (32 bits), which are ``least`` or more, where ``allowed``; else -EINVAL."""
    good, refused = machine.fork(state, b.and_(_between(wanted, least), allowed))
    out = result(refused, -EINVAL) if refused is not None else []
    if good is None:
        return out
    change = b.sub(wanted, packet_length(good))
    if wanted.is_const or wanted in good.facts:
        made = _of_size(machine, good, machine.number(good, wanted))
    elif change.is_const:
        made = _changed_by(machine, good, b.signed(change.value, 32))
    elif possible_values(wanted, good.ranges, FEW) is not None:
        made = _of_size(machine, good, machine.number(good, wanted))
    else:
        made = _of_any_size(machine, good, wanted)
    return out + [ended for part in made for ended in result(part, 0)]


def _of_size(machine: Machine, state: State, size: int) -> list[State]:
    """With ``size`` bytes."""
    enough, short = machine.fork(state, state.layout.has(size))
    out: list[State] = []
    if enough is not None:
        before, rest = machine.fork(enough, b.ule(b.bv(size, 32), enough.layout.packet.kept))
        if before is not None:
            before.layout = ends.cut(before.layout, size)
            out.append(before)
        out += _within_trailer(machine, rest, b.bv(size, 32)) if rest is not None else []
    if short is not None:
        if size > ends.MOST_WRITTEN:
            raise machine.unsupported(short, f"a packet made longer at its end, to {size} bytes")
        short.layout = ends.written_out(short.layout, size, size)
        out.append(short)
    return out


def _changed_by(machine: Machine, state: State, count: int) -> list[State]:
    """With ``count`` bytes more, or less."""
    if count > ends.MOST_WRITTEN:
        raise machine.unsupported(state, f"a packet made longer at its end, by {count} bytes")
    if count > 0:
        return ends.with_zeros(machine, state, count)
    if count < 0:
        state.layout = ends.without_last(state.layout, -count)
    return [state]


def _of_any_size(machine: Machine, state: State, wanted: Term) -> list[State]:
    """With ``wanted`` bytes, which can be many numbers."""
    before, longer = machine.fork(state, b.ule(wanted, state.layout.packet.kept))
    out: list[State] = []
    if before is not None:
        before.layout = ends.cut(before.layout, wanted)
        out.append(before)
    if longer is None:
        return out
    within, longer = machine.fork(longer, b.ule(wanted, packet_length(longer)))
    out += _within_trailer(machine, within, wanted) if within is not None else []
    if longer is not None:
        more = b.sub(wanted, packet_length(longer))
        if possible_values(more, longer.ranges, FEW) is not None:
            count = b.signed(machine.number(longer, more), 32)
            return out + (_changed_by(machine, longer, count) if 0 < count <= MAX_LEN else [])  # else no path is there
        filled = ends.filled_up(longer.layout, wanted)
        if filled is None:
            raise machine.unsupported(
                longer, "a packet made longer again at its end, by a number of bytes that is open"
            )
        longer.layout = filled
        out.append(longer)
    return out


def _within_trailer(machine: Machine, state: State, wanted: Term) -> list[State]:
    """Cut to ``wanted`` bytes, of which the last ones are some of the trailer's."""
    out: list[State] = []
    rest: State | None = state
    for count in range(1, len(state.layout.trailer) + 1):
        if rest is None:
            break
        there = b.add(rest.layout.packet.kept, b.bv(count, 32))
        this, rest = machine.fork(rest, b.eq(wanted, there))
        if this is not None:
            this.layout = ends.in_trailer(this.layout, count)
            out.append(this)
    return out


XDP_TAIL: Final[dict[int, Helper]] = {65: xdp_adjust_tail}
TC_TAIL: Final[dict[int, Helper]] = {38: skb_change_tail}
"""Helper's number (``enum bpf_func_id``) → what it does."""
