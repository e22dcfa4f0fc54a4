"""Which interfaces a program's ports are, and whether it can see the one that a frame came in by.

Linux numbers its interfaces from 1, which is the loopback device; ports of programs often begin with 0. So an object
may say in a section of its own which interface port 0 is; port p is then the interface with a number larger by p.
"""

from __future__ import annotations

from typing import Final

from ....semantics.source import Span, Unsupported
from .insn import LDX
from .program import BpfObject

PSA_RECIRCULATE: Final = 0xFFFFFFFA
"""``PSA_PORT_RECIRCULATE``: a port whose frames come in again. With ``port0`` 7 it is the loopback device."""
SECTION: Final = "p4verify.port0"
LARGEST: Final = (1 << 31) - 1
"""The kernel's interface numbers are positive ints."""


def returning(arch: str) -> tuple[int, ...]:
    """The ports of an architecture whose frames come in again."""
    return (PSA_RECIRCULATE,) if arch == "psa" else ()


def section(port0: int) -> dict[str, bytes]:
    """The section that names port 0's interface; none where ports are the interfaces of the same number."""
    return {SECTION: str(port0).encode()} if port0 else {}


def port0(obj: BpfObject) -> int:
    """The interface that is port 0: what the object says, or 0.

    Raises:
        Unsupported: that is no interface's number.
    """
    text = obj.sections.get(SECTION, b"0")
    number = int(text) if text.isdigit() and len(text) <= 10 else -1
    if not 0 <= number <= LARGEST:
        raise Unsupported(f"section {SECTION} holds no interface's number", Span(obj.name, 0, 0))
    return number


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
