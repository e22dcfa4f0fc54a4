"""The two places in the kernel where programs run, and how each reads and writes the frame on the wire.

At tc ingress the kernel has moved an outer VLAN tag (bytes 12 to 15 of the frame on the wire: its type and the tag
control information) out of the data into the socket buffer's fields ``vlan_present``, ``vlan_proto`` and ``vlan_tci``.
So there is code for either case, ``tagged`` or not, and in the tagged case wire offsets from 16 on lie four bytes
earlier in the data. XDP runs before that and sees the frame as it came.

Sources: ``struct __sk_buff`` and ``struct xdp_md`` in uapi bpf.h, net/core/filter.c, ``skb_vlan_untag`` in skbuff.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .. import scratch
from ..artifact import Label, Reg, asm
from ..artifact.asm import R0, R1, R2, R3, R4, R5, R6, R7, R9, R10
from .gen import Gen

# Helpers, by their numbers in uapi bpf.h.
MAP_LOOKUP, MAP_UPDATE, SKB_STORE_BYTES, VLAN_PUSH, VLAN_POP, REDIRECT, SKB_LOAD_BYTES = 1, 2, 9, 18, 19, 23, 26
KTIME, PRANDOM, CLONE_REDIRECT, CHANGE_HEAD, XDP_ADJUST_HEAD, XDP_ADJUST_TAIL = 5, 7, 13, 43, 44, 65
RINGBUF_OUTPUT, XDP_LOAD_BYTES = 130, 189

TAG_AT: Final = 12
"""Where the outer VLAN tag lies on the wire."""
TAG_BYTES: Final = 4


def begin(g: Gen) -> None:
    """What programs begin with: the registers that hold something throughout."""
    g.asm.emit(asm.mov(R6, R1))
    if not g.spills:
        return
    g.reserve(R9)
    with g.buffer(scratch.KEY_BYTES) as key:
        g.asm.emit(asm.store(scratch.KEY_BYTES, R10, key, 0), asm.load_map(R1, scratch.NAME))
        g.asm.emit(asm.mov(R2, R10), asm.alu("add", R2, key), asm.call(MAP_LOOKUP))
    g.asm.jump("jeq", R0, 0, g.drop)  # never: the map has this element
    g.asm.emit(asm.mov(R9, R0))


def number_port(g: Gen) -> None:
    """r1 = the port that is the interface r1."""
    if g.port0:
        g.asm.emit(asm.alu("sub", R1, g.port0, 32))


def redirect(g: Gen) -> None:
    """The frame leaves by port r1; the program ends."""
    if g.port0:
        g.asm.emit(asm.alu("add", R1, g.port0, 32))
    g.asm.emit(asm.mov(R2, 0), asm.call(REDIRECT), asm.exit_())


def move_bytes(g: Gen, helper: int, start: int, place: int, count: int) -> None:
    """``count`` bytes from ``start`` on of the data at tc to the stack (``SKB_LOAD_BYTES``) or from there
    (``SKB_STORE_BYTES``); the packet is dropped if they are not there."""
    g.asm.emit(asm.mov(R1, R6), asm.mov(R2, start), asm.mov(R3, R10), asm.alu("add", R3, place))
    g.asm.emit(asm.mov(R4, count), asm.mov(R5, 0), asm.call(helper))
    g.asm.jump("jne", R0, 0, g.drop)


def send_copy(g: Gen) -> None:
    """A copy of the frame leaves by port r1 (at tc); if it cannot, it is lost."""
    if g.port0:
        g.asm.emit(asm.alu("add", R1, g.port0, 32))
    g.asm.emit(asm.mov(R2, R1), asm.mov(R1, R6), asm.mov(R3, 0), asm.call(CLONE_REDIRECT))


class TcHook:
    """A classifier in direct-action mode at live tc ingress."""

    section = "tc"
    pass_code = 0  # TC_ACT_OK
    drop_code = 2  # TC_ACT_SHOT
    load_bytes = SKB_LOAD_BYTES
    """The helper that copies bytes of the data."""
    LEN, VLAN_PRESENT, VLAN_TCI, VLAN_PROTO, INGRESS_IFINDEX = 0, 20, 24, 28, 36

    def __init__(self, *, untagged: bool = False) -> None:
        self.variants: tuple[bool, ...] = (False,) if untagged else (False, True)
        """Whether the outer VLAN tag may lie beside the data."""

    def split(self, g: Gen, tagged: Label) -> None:
        """Go to ``tagged`` if the outer tag lies beside the data."""
        g.asm.emit(asm.load(4, R1, R6, self.VLAN_PRESENT))
        g.asm.jump("jne", R1, 0, tagged)

    def length(self, g: Gen) -> None:
        """r1 = the length of the frame on the wire."""
        if True not in self.variants:
            g.asm.emit(asm.load(4, R1, R6, self.LEN))
            return
        untagged = g.asm.label()
        g.asm.emit(asm.load(4, R2, R6, self.VLAN_PRESENT), asm.load(4, R1, R6, self.LEN))
        g.asm.jump("jeq", R2, 0, untagged)
        g.asm.emit(asm.alu("add", R1, TAG_BYTES))
        g.asm.place(untagged)

    def data_length(self, g: Gen) -> None:
        """r1 = the length of the data: a tag that lies beside it does not count."""
        g.asm.emit(asm.load(4, R1, R6, self.LEN))

    def port(self, g: Gen) -> None:
        """r1 = the port that the frame came in by."""
        g.asm.emit(asm.load(4, R1, R6, self.INGRESS_IFINDEX))
        number_port(g)

    def require(self, g: Gen, tagged: bool, size: int, short: Label) -> None:
        """Go to ``short`` if the frame on the wire has less than ``size`` bytes."""
        g.asm.emit(asm.load(4, R1, R6, self.LEN))
        g.asm.jump("jlt", R1, max(0, size - TAG_BYTES if tagged else size), short)

    @contextmanager
    def fetch(self, g: Gen, tagged: bool, start: int, size: int, short: Label) -> Iterator[tuple[Reg, int]]:
        """``size`` bytes of the frame on the wire from ``start`` on: a register and an offset to find them at (here a
        copy on the stack); goes to ``short`` if the frame ends before."""
        with g.buffer(size) as place:
            for wire, data, count in pieces(tagged, start, size):
                target = place + wire - start
                if data is None:
                    self._tag(g, wire - TAG_AT, count, target)
                    continue
                g.asm.emit(asm.mov(R1, R6), asm.mov(R2, data), asm.mov(R3, R10), asm.alu("add", R3, target))
                g.asm.emit(asm.mov(R4, count), asm.call(SKB_LOAD_BYTES))
                g.asm.jump("jne", R0, 0, short)
            yield R10, place

    def _tag(self, g: Gen, first: int, count: int, target: int) -> None:
        """Bytes ``first`` and on of the tag as it was on the wire, to the stack."""
        self.load_tag(g)
        with g.buffer(TAG_BYTES) as whole:
            g.store_bytes(R10, whole, TAG_BYTES)
            for index in range(count):
                g.asm.emit(asm.load(1, R1, R10, whole + first + index), asm.store(1, R10, target + index, R1))

    def zero(self, g: Gen) -> None:
        """r3 = 0, of which the kernel's verifier does not know it."""
        g.asm.emit(asm.load(4, R3, R6, self.LEN), asm.load(4, R2, R6, self.LEN), asm.alu("sub", R3, R2))

    def load_tag(self, g: Gen) -> None:
        """r1 = the four bytes of the tag as they were on the wire, first byte highest."""
        g.asm.emit(asm.load(4, R1, R6, self.VLAN_PROTO), asm.to_big_endian(R1, 16))
        g.asm.emit(asm.load(4, R2, R6, self.VLAN_TCI), asm.alu("lsh", R1, 16), asm.alu("or", R1, R2))


def pieces(tagged: bool, start: int, size: int) -> list[tuple[int, int | None, int]]:
    """A stretch of the frame on the wire as (wire offset, data offset or None for the tag beside the data, bytes)."""
    if not tagged:
        return [(start, start, size)]
    end, tag_end = start + size, TAG_AT + TAG_BYTES
    before = (start, start, min(end, TAG_AT) - start)
    inside = (max(start, TAG_AT), None, min(end, tag_end) - max(start, TAG_AT))
    behind = (max(start, tag_end), max(start, tag_end) - TAG_BYTES, end - max(start, tag_end))
    return [piece for piece in (before, inside, behind) if piece[2] > 0]


class XdpHook:
    """The hook in the driver, or its generic form."""

    section = "xdp"
    pass_code = 2  # XDP_PASS
    drop_code = 1  # XDP_DROP
    load_bytes = XDP_LOAD_BYTES
    DATA, DATA_END, INGRESS_IFINDEX = 0, 4, 12

    def __init__(self, *, untagged: bool = False) -> None:
        """XDP sees tags as they came: ``untagged`` makes no difference."""
        self.variants: tuple[bool, ...] = (False,)

    def split(self, g: Gen, tagged: Label) -> None:
        """Nothing: there is one variant only."""

    def length(self, g: Gen) -> None:
        """See :class:`TcHook`."""
        g.asm.emit(asm.load(4, R1, R6, self.DATA_END), asm.load(4, R2, R6, self.DATA), asm.alu("sub", R1, R2))

    def data_length(self, g: Gen) -> None:
        """See :class:`TcHook`."""
        self.length(g)

    def port(self, g: Gen) -> None:
        """See :class:`TcHook`."""
        g.asm.emit(asm.load(4, R1, R6, self.INGRESS_IFINDEX))
        number_port(g)

    def require(self, g: Gen, tagged: bool, size: int, short: Label) -> None:
        """See :class:`TcHook`; afterwards r7 points to the frame, whose first ``size`` bytes may be read."""
        g.asm.emit(asm.load(4, R7, R6, self.DATA), asm.load(4, R2, R6, self.DATA_END), asm.mov(R3, R7))
        g.asm.emit(asm.alu("add", R3, size))
        g.asm.jump("jgt", R3, R2, short)

    @contextmanager
    def fetch(self, g: Gen, tagged: bool, start: int, size: int, short: Label) -> Iterator[tuple[Reg, int]]:
        """See :class:`TcHook`. The bytes are read in place."""
        self.require(g, tagged, start + size, short)
        yield R7, start

    def zero(self, g: Gen) -> None:
        """See :class:`TcHook`."""
        self.length(g)
        g.asm.emit(asm.mov(R3, R1))
        self.length(g)
        g.asm.emit(asm.alu("sub", R3, R1))


Hook = TcHook | XdpHook
