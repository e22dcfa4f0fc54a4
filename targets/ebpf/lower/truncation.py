"""``truncate`` at XDP: the frame that is sent keeps its first bytes, as many as the program said.

``bpf_xdp_adjust_tail`` leaves an Ethernet header at least. At tc ``bpf_skb_change_tail`` does not cut below the
transport header, wherever the kernel takes that to begin (``__bpf_skb_min_len``), so nothing is cut there.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    if next(_calls(g.program), None) is not None:
        g.objects[LENGTH] = g.declare(LENGTH, ir.bits(32))
        _remember(g, g.objects[LENGTH], NOT_CUT)


def least(g: Gen, call: ir.ExternCall) -> None:
    """v1model's ``truncate(length)``: of several lengths the least counts."""
    ref, length = _asked(g, call)
    longer = g.asm.label()
    g.load_leaf(R1, ref, span=call.span)
    g.constant(R2, length)
    g.asm.jump("jle", R1, R2, longer)
    _remember(g, ref, length)
    g.asm.place(longer)


def last(g: Gen, call: ir.ExternCall) -> None:
    """ubpf_model's ``truncate(length)``: the last one counts; 0, and what is negative as a C ``int``, cuts nothing."""
    ref, length = _asked(g, call)
    _remember(g, ref, length if 0 < length < 1 << 31 else NOT_CUT)


def cut(g: Gen, headers: int) -> None:
    """Cut the frame, as it will be sent.

    Args:
        headers: bytes that the deparser has written, at most.

    Raises:
        CannotOffload: a length within the headers, or the hook is tc.
    """
    ref = g.objects.get(LENGTH)
    if ref is None:
        return
    lengths: dict[int, ir.ExternCall] = {}
    for call in _calls(g.program):
        lengths.setdefault(_asked(g, call)[1], call)
    done = g.asm.label()
    for length, call in lengths.items():
        if not 0 < length < NOT_CUT:
            continue
        if length < headers and g.program.arch == "ubpf_model":
            raise CannotOffload(f"truncate to less than the headers, which have up to {headers} bytes", call.span)
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


def _asked(g: Gen, call: ir.ExternCall) -> tuple[Ref, int]:
    """What remembers the length, and the length."""
    [length] = call.args
    ref = g.objects.get(LENGTH)
    if ref is None:
        raise CannotOffload("truncate outside a pipeline", call.span)
    if not isinstance(g.hook, XdpHook):
        raise CannotOffload("truncate at tc (it can with hook=xdp)", call.span)
    if not isinstance(length, ir.Const) or not isinstance(length.value, int):
        raise CannotOffload("truncate to a length that only the packet or rules say", call.span)
    cuts = g.program.arch == "v1model" or length.value
    if cuts and length.value < ETH_HLEN:
        raise CannotOffload(f"truncate to less than {ETH_HLEN} bytes (bpf_xdp_adjust_tail)", call.span)
    return ref, length.value


def _remember(g: Gen, ref: Ref, length: int) -> None:
    g.store_constant(next(leaves(g.program, ref)), length)


def _calls(program: ir.Program) -> Iterator[ir.ExternCall]:
    for control in program.controls:
        for node in mentioned(control):
            if isinstance(node, ir.ExternCall) and (node.extern, node.method) == ("truncate", ""):
                yield node


__all__ = ["begin", "cut", "last", "least"]
