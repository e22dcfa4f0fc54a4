"""Checksums in packets at the tc hooks: ``bpf_l3_csum_replace``, ``bpf_l4_csum_replace`` (net/core/filter.c, utils.c).

Sums are taken from memory as a little-endian host reads them; that the device has left a checksum to be completed
(CHECKSUM_PARTIAL) does not happen to frames that come from a wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from .helpers_common import context_argument
from .helpers_maps import EFAULT, EINVAL, result
from .state import State

if TYPE_CHECKING:
    from .machine import Machine

SIZE_MASK: Final = 0xF
PSEUDO_HEADER, MARK_ZERO, MARK_ENFORCE, IPV6 = 1 << 4, 1 << 5, 1 << 6, 1 << 7
MANGLED_ZERO: Final = 0xFFFF


def _add(x: Term, y: Term) -> Term:
    """``csum_add``: with the carry around the end."""
    wide = b.add(b.zext(x, x.width + 1), b.zext(y, x.width + 1))
    return b.add(b.extract(wide, x.width - 1, 0), b.zext(b.extract(wide, x.width, x.width), x.width))


def _fold(total: Term) -> Term:
    """``csum_fold``: 32 bits to 16, complemented."""
    for _ in range(2):
        total = b.add(b.zext(b.extract(total, 15, 0), 32), b.zext(b.extract(total, 31, 16), 32))
    return b.bnot(b.extract(total, 15, 0))


def by_difference(old: Term, difference: Term) -> Term:
    """``csum_replace_by_diff``: the 16-bit sum ``old`` after a 32-bit difference."""
    return _fold(_add(difference, b.bnot(b.zext(old, 32))))


def replaced_4(old: Term, before: Term, after: Term) -> Term:
    """``csum_replace4``: the 16-bit sum ``old`` after 32 bits have changed."""
    return _fold(_add(_add(b.bnot(b.zext(old, 32)), b.bnot(before)), after))


def replaced_2(old: Term, before: Term, after: Term) -> Term:
    """``csum_replace2``: the 16-bit sum ``old`` after 16 bits have changed."""
    return b.bnot(_add(_add(b.bnot(old), b.bnot(before)), after))


def l3_csum_replace(machine: Machine, state: State) -> list[State]:
    """``bpf_l3_csum_replace(skb, offset, from, to, flags)``."""
    return _replace(machine, state, SIZE_MASK, replaced_2)


def l4_csum_replace(machine: Machine, state: State) -> list[State]:
    """``bpf_l4_csum_replace(skb, offset, from, to, flags)``: with the zero of UDP, which means none."""

    def two(old: Term, before: Term, after: Term) -> Term:
        return replaced_4(old, b.zext(before, 32), b.zext(after, 32))

    return _replace(machine, state, SIZE_MASK | PSEUDO_HEADER | MARK_ZERO | MARK_ENFORCE | IPV6, two)


def _replace(machine: Machine, state: State, allowed: int, two: object) -> list[State]:
    context_argument(machine, state)
    flags = machine.number(state, machine.scalar(state, 5))
    offset = machine.number(state, b.extract(machine.scalar(state, 2), 31, 0))
    before, after = machine.scalar(state, 3), machine.scalar(state, 4)
    state.layout = state.layout.touched()
    if flags & ~allowed:
        return result(state, -EINVAL)
    if offset > 0xFFFF or offset & 1:
        return result(state, -EFAULT)
    there, missing = machine.fork(state, state.layout.has(offset + 2))
    out = result(missing, -EFAULT) if missing is not None else []
    if there is not None and flags & MARK_ZERO and not flags & MARK_ENFORCE:  # no sum, which is left like that
        none, there = machine.fork(there, b.eq(_old(there, offset), b.bv(0, 16)))
        out += result(none, 0) if none is not None else []
    if there is not None and not flags & SIZE_MASK:
        there, wrong = machine.fork(there, b.eq(before, b.bv(0, 64)))
        out += result(wrong, -EINVAL) if wrong is not None else []
    if there is not None and flags & SIZE_MASK not in (0, 2, 4):
        return out + result(there, -EINVAL)
    if there is not None:
        _write(there, offset, flags, before, after, two)
        out += result(there, 0)
    return out


def _old(state: State, offset: int) -> Term:
    """The sum in the packet."""
    return b.concat(state.layout.at(offset + 1), state.layout.at(offset))


def _write(state: State, offset: int, flags: int, before: Term, after: Term, two: object) -> None:
    old = _old(state, offset)
    size = flags & SIZE_MASK
    width = 16 if size == 2 else 32
    x, y = b.extract(before, width - 1, 0), b.extract(after, width - 1, 0)
    assert callable(two)
    new = two(old, x, y) if size == 2 else replaced_4(old, x, y) if size == 4 else by_difference(old, y)
    if flags & MARK_ZERO:
        new = b.ite(b.eq(new, b.bv(0, 16)), b.bv(MANGLED_ZERO, 16), new)
    state.layout = state.layout.write(offset, [b.extract(new, 7, 0), b.extract(new, 15, 8)])
