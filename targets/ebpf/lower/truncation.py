"""``truncate`` at XDP: the frame that is sent keeps its first bytes, as many as the program said.

``bpf_xdp_adjust_tail`` leaves an Ethernet header at least. At tc ``bpf_skb_change_tail`` does not cut below the
transport header, wherever the kernel takes that to begin (``__bpf_skb_min_len``), so nothing is cut there.
"""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1, R2, R6
from ..artifact.shortest import ETH_HLEN
from .frame import Ref, leaves
from .gen import Gen
from .hooks import XDP_ADJUST_TAIL, XdpHook

LENGTH: Final = "$truncated"
"""Name of what is remembered: the length, in bytes."""
NOT_CUT: Final = 0xFFFFFFFF


def begin(g: Gen) -> None:
    """A packet arrives, of which nothing is to be cut yet; remembered if the program cuts any."""
    if any(isinstance(node, ir.ExternCall) and node.extern == "truncate" for node in mentioned(g.program)):
        g.objects[LENGTH] = g.declare(LENGTH, ir.bits(32))
        _remember(g, g.objects[LENGTH], NOT_CUT)


def least(g: Gen, call: ir.ExternCall) -> None:
    """v1model's ``truncate(length)``: of several lengths the least counts."""
    ref, length = g.objects[LENGTH], _length(g, call)
    longer = g.asm.label()
    g.load_leaf(R1, ref, span=call.span)
    g.constant(R2, length)
    g.asm.jump("jle", R1, R2, longer)
    _remember(g, ref, length)
    g.asm.place(longer)


def last(g: Gen, call: ir.ExternCall) -> None:
    """ubpf_model's ``truncate(length)``: the last one counts; 0, and what is negative as a C ``int``, cuts nothing."""
    _remember(g, g.objects[LENGTH], _length(g, call))


def cut(g: Gen, headers: int) -> None:
    """Cut the frame, as it will be sent. The code of all calls has to be made before.

    Args:
        headers: bytes that the deparser has written, at most.

    Raises:
        CannotOffload: a length within the headers of ubpf_model.
    """
    ref = g.objects.get(LENGTH)
    if ref is None:
        return
    done = g.asm.label()
    for length, span in g.truncated.items():
        if length < headers and g.program.arch == "ubpf_model":
            raise CannotOffload(f"truncate to less than the headers, which have up to {headers} bytes", span)
        other = g.asm.label()
        g.load_leaf(R1, ref)
        g.constant(R2, length)
        g.asm.jump("jne", R1, R2, other)
        _cut_to(g, length)
        g.asm.goto(done)
        g.asm.place(other)
    g.asm.place(done)


def _cut_to(g: Gen, length: int) -> None:
    shorter = g.asm.label()
    g.hook.length(g)
    g.constant(R2, length)
    g.asm.jump("jle", R1, R2, shorter)
    g.asm.emit(asm.alu("sub", R2, R1, 32), asm.mov(R1, R6), asm.call(XDP_ADJUST_TAIL))
    g.asm.jump("jne", R0, 0, g.drop)
    g.asm.place(shorter)


def _length(g: Gen, call: ir.ExternCall) -> int:
    """The length that a call asks for, which is noted; :data:`NOT_CUT` if it cuts nothing.

    Raises:
        CannotOffload: the hook is tc, the length is too short or not known.
    """
    [length] = call.args
    if not isinstance(g.hook, XdpHook):
        raise CannotOffload("truncate at tc (it can with hook=xdp)", call.span)
    if not isinstance(length, ir.Const) or not isinstance(length.value, int):
        raise CannotOffload("truncate to a length that only the packet or rules say", call.span)
    if g.program.arch == "ubpf_model" and not 0 < length.value < 1 << 31:
        return NOT_CUT
    if length.value < ETH_HLEN:
        raise CannotOffload(f"truncate to less than {ETH_HLEN} bytes (bpf_xdp_adjust_tail)", call.span)
    if length.value != NOT_CUT:
        g.truncated.setdefault(length.value, call.span)
    return length.value


def _remember(g: Gen, ref: Ref, length: int) -> None:
    g.store_constant(next(leaves(g.program, ref)), length)


__all__ = ["begin", "cut", "last", "least"]
