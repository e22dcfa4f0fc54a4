"""Helpers for the tunnels and IPsec states that packets came through, or are to go through (net/core/filter.c).

What is known of a packet's tunnel changes when a key or options are set, and can be read again: what the kernel gives
then is a function of what it knew before and of all that was set, in this order. :data:`TUNNEL` of ``State.fields`` is
a name for that: 0 at first, and another number for each thing set on top of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Event
from . import memory
from .helpers_common import context_argument
from .helpers_maps import EINVAL, ENOMEM, result
from .state import TUNNEL, State

if TYPE_CHECKING:
    from .machine import Helper, Machine

ENOENT: Final = 2
KEY_BYTES: Final = 44
"""Bytes of ``struct bpf_tunnel_key`` as of Linux 6.0; programs may know less of it."""
XFRM_BYTES: Final = 28
"""Bytes of ``struct bpf_xfrm_state``."""
MOST_OPTIONS: Final = 255
"""Bytes of options (IP_TUNNEL_OPTS_MAX)."""
SET: Final = "tunnel.set"
"""The event of a tunnel key that was set, and the count of how often something was set."""
_NUMBER_BITS: Final = 64


def get_tunnel_key(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_get_tunnel_key(skb, key, size, flags)``: what the tunnel's device said of the packet, or what was set,
    or an error and zeros."""
    context_argument(machine, state)
    to = machine.pointer(state, 2)
    size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    flags = machine.number(state, machine.scalar(state, 4))
    if size > KEY_BYTES:
        memory.store_bytes(machine, state, to, [b.bv(0, 8)] * size)
        return result(state, -EINVAL)
    name = f"tunnel.{flags:x}.{size}"
    found = _known(machine, state, f"{name}.found", 0)
    known = [_known(machine, state, f"tunnel.{flags:x}[{i}]", 8) for i in range(size)]
    memory.store_bytes(machine, state, to, [b.ite(found, byte, b.bv(0, 8)) for byte in known])
    error = _known(machine, state, f"{name}.error", 31)
    return result(state, b.ite(found, b.bv(0, 64), b.sext(b.concat(b.bv(1, 1), error), 64)))


def _known(machine: Machine, state: State, name: str, width: int) -> Term:
    """What the kernel says of the packet's tunnel: of what it came through as long as nothing was set, whether or not
    something was on other ways."""
    number = state.fields[TUNNEL]
    first = machine.given(name, width, "what is known of the tunnel that the packet came through")
    if number.is_const:
        return first
    sort = b.bit_vector(width) if width else b.BOOL
    return b.ite(b.eq(number, b.bv(0, _NUMBER_BITS)), first, b.apply(f"given.after.{name}", sort, number))


def _set(state: State, name: str, what: tuple[Term, ...], taken: Term) -> None:
    """Where ``taken``, something was set: told as an event, and known of the packet from now on."""
    before = state.fields[TUNNEL]
    after = b.apply(f"given.{name}.on", b.bit_vector(_NUMBER_BITS - 1), before, *what)
    state.fields[TUNNEL] = b.ite(taken, b.concat(b.bv(1, 1), after), before)
    state.counts[SET] = state.counts.get(SET, 0) + 1
    state.events = (*state.events, Event(taken, name, what))


def set_tunnel_key(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_set_tunnel_key(skb, key, size, flags)``: told as an event, if the kernel takes it."""
    context_argument(machine, state)
    size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    flags = machine.number(state, machine.scalar(state, 4))
    if size > KEY_BYTES or not size:
        return result(state, -EINVAL)
    key: Term = b.concat(*memory.load_bytes(machine, state, machine.pointer(state, 2), size))
    name = f"given.{SET}.{flags:x}.{size}"
    taken = b.apply(f"{name}.taken", b.BOOL, key)
    _set(state, f"{SET}.{flags:x}", (key,), taken)
    error = b.sext(b.concat(b.bv(1, 1), b.apply(f"{name}.error", b.bit_vector(31), key)), 64)
    return result(state, b.ite(taken, b.bv(0, 64), error))


def get_tunnel_opt(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_get_tunnel_opt(skb, opt, size)``: how many bytes of options there are, which are written, and zeros
    behind them; -ENOENT without any, -ENOMEM if they are more, and zeros."""
    context_argument(machine, state)
    to = machine.pointer(state, 2)
    size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    found = _known(machine, state, "tunnel.options.found", 0)
    length = b.zext(_known(machine, state, "tunnel.options.length", 8), 64)
    fits = b.ule(length, b.bv(size, 64))
    values = []
    for i in range(size):
        there = b.and_(found, fits, b.ult(b.bv(i, 64), length))
        octet = _known(machine, state, f"tunnel.options[{i}]", 8) if i < MOST_OPTIONS else b.bv(0, 8)
        values.append(b.ite(there, octet, b.bv(0, 8)))
    memory.store_bytes(machine, state, to, values)
    return result(state, b.ite(found, b.ite(fits, length, b.bv(-ENOMEM, 64)), b.bv(-ENOENT, 64)))


def set_tunnel_opt(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_set_tunnel_opt(skb, opt, size)``: options beside a key that a program has set, else -EINVAL; also told
    as an event."""
    context_argument(machine, state)
    size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    options = memory.load_bytes(machine, state, machine.pointer(state, 2), size)
    before = machine.given("tunnel.key_set", 0, "whether a program before has set the packet's tunnel key")
    key_set = b.or_(b.ne(state.fields[TUNNEL], b.bv(0, _NUMBER_BITS)), before)
    if size % 4 or size == 0:
        return result(state, -EINVAL)
    if size > MOST_OPTIONS:
        return result(state, b.ite(key_set, b.bv(-ENOMEM, 64), b.bv(-EINVAL, 64)))
    _set(state, f"tunnel.options.{size}", (b.concat(*options),), key_set)
    return result(state, b.ite(key_set, b.bv(0, 64), b.bv(-EINVAL, 64)))


def get_xfrm_state(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_get_xfrm_state(skb, index, state, size, flags)``: the IPsec state of this number that the packet came
    through, or -EINVAL and zeros."""
    context_argument(machine, state)
    index = b.extract(machine.scalar(state, 2), 31, 0)
    to = machine.pointer(state, 3)
    size = machine.number(state, b.extract(machine.scalar(state, 4), 31, 0))
    flags = machine.scalar(state, 5)
    there = b.apply("given.xfrm.found", b.BOOL, index)
    found = b.and_(there, b.eq(flags, b.bv(0, 64))) if size == XFRM_BYTES else b.FALSE
    known = [b.apply(f"given.xfrm.{i}", b.bit_vector(8), index) for i in range(size)]
    memory.store_bytes(machine, state, to, [b.ite(found, octet, b.bv(0, 8)) for octet in known])
    return result(state, b.ite(found, b.bv(0, 64), b.bv(-EINVAL, 64)))


TUNNELS: Final[dict[int, Helper]] = {
    20: get_tunnel_key,
    21: set_tunnel_key,
    29: get_tunnel_opt,
    30: set_tunnel_opt,
    66: get_xfrm_state,
}
"""Helper's number (``enum bpf_func_id``) → what it does."""
