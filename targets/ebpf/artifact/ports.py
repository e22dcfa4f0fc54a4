"""Whether a program can see the interface that a frame came in by, told from its instructions alone."""

from __future__ import annotations

from typing import Final

from .insn import LDX
from .program import BpfObject

_FIELDS: Final = {"tc": (36, 40), "xdp": (12, 16)}
"""Hook → offsets in its context of the ingress interface and what tells as much (``struct __sk_buff``: ingress_ifindex,
ifindex; ``struct xdp_md``: ingress_ifindex, rx_queue_index)."""
_BPF_LOOKUPS: Final = frozenset({1, 2, 3, 9, 18, 19, 23, 25, 26, 28, 43, 44})
"""Helpers of which none knows the interface: on maps, the packet's bytes, redirection by number."""
_CALL, _FP = 0x85, 10


def plainly_ignores_port(obj: BpfObject) -> bool:
    """False if some load may be one of the interface's number, or a helper is called that may use it.

    A frame that is sent back to where it came from (XDP_TX) is not looked for: its port shows.
    """
    for program in obj.programs:
        fields = _FIELDS.get(program.hook or "")
        if fields is None:
            return False
        for insn in program.insns:
            if insn.cls == LDX and insn.src != _FP and any(at - 7 <= insn.off < at + 4 for at in fields):
                return False
            if insn.opcode == _CALL and (insn.src or insn.imm not in _BPF_LOOKUPS):
                return False
    return True
