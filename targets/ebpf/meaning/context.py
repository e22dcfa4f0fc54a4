"""The context that a program gets: which fields there are, what reading one gives, and which may be written.

Offsets are those of ``struct __sk_buff`` and ``struct xdp_md`` in the kernel's uapi bpf.h; what a field holds is what
``bpf_convert_ctx_access`` and ``xdp_convert_ctx_access`` (net/core/filter.c) load for it. Fields that depend on what
this model does not know (a hash, a time, a queue) are choices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import PORT
from .alu import swap
from .state import State
from .values import Address, Value

Read = Callable[[State], Term]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the context: its place, what reading it gives, and to what a write to it goes.

    ``kind``: "data", "data_end" and "data_meta" give pointers; "known" is computed by ``read``; "kept" lies in
    :attr:`State.fields` and can be written (``width`` bits are kept); "bytes" too, in any part; "noted" lies there and
    cannot be written; "given" is what the kernel holds, the same for whatever program asks.
    """

    name: str
    offset: int
    kind: str
    size: int = 4
    width: int = 32
    read: Read | None = None


def packet_length(state: State) -> Term:
    """The packet's length as the program sees it, 32 bits."""
    return state.layout.length(32)


def _network(term: Term) -> Term:
    """A 16-bit number as a little-endian host reads it when it lies in network order."""
    return b.zext(swap(term), 32)


def _protocol(state: State) -> Term:
    return _network(state.fields["protocol"])


def _vlan_present(state: State) -> Term:
    return b.bv(int(state.vlan is not None), 32)


def _vlan_tci(state: State) -> Term:
    return b.zext(state.vlan.tci, 32) if state.vlan else b.bv(0, 32)


def _vlan_protocol(state: State) -> Term:
    return _network(state.vlan.protocol) if state.vlan else b.bv(0, 32)


def _port(_: State) -> Term:
    return PORT


SKB: Final = (
    Field("len", 0, "known", read=packet_length),
    Field("pkt_type", 4, "noted", width=3),
    Field("mark", 8, "kept"),
    Field("queue_mapping", 12, "kept", width=16),
    Field("protocol", 16, "known", read=_protocol),
    Field("vlan_present", 20, "known", read=_vlan_present),
    Field("vlan_tci", 24, "known", read=_vlan_tci),
    Field("vlan_proto", 28, "known", read=_vlan_protocol),
    Field("priority", 32, "kept"),
    Field("ingress_ifindex", 36, "known", read=_port),
    Field("ifindex", 40, "known", read=_port),
    Field("tc_index", 44, "kept", width=16),
    Field("cb", 48, "bytes", size=20, width=160),
    Field("hash", 68, "noted"),
    Field("tc_classid", 72, "kept", width=16),
    Field("data", 76, "data"),
    Field("data_end", 80, "data_end"),
    Field("napi_id", 84, "given"),
    Field("data_meta", 140, "data_meta"),
    Field("tstamp", 152, "kept", size=8, width=64),
    Field("wire_len", 160, "given"),
    Field("gso_segs", 164, "given", width=16),
    Field("gso_size", 176, "given", width=16),
    Field("tstamp_type", 180, "given", size=1, width=2),
    Field("hwtstamp", 184, "given", size=8, width=64),
)
"""``struct __sk_buff`` at tc ingress, where the device that the frame came in by is the skb's device."""

XDP: Final = (
    Field("data", 0, "data"),
    Field("data_end", 4, "data_end"),
    Field("data_meta", 8, "data_meta"),
    Field("ingress_ifindex", 12, "known", read=_port),
    Field("rx_queue_index", 16, "given"),
)
"""``struct xdp_md``; ``egress_ifindex`` is for programs on a devmap only."""
XDP_DEVMAP: Final = (*XDP, Field("egress_ifindex", 20, "given"))
"""The same of a frame that is about to leave by a device."""


def find(fields: tuple[Field, ...], offset: int, size: int) -> Field | None:
    """The field that an access of ``size`` bytes at ``offset`` lies in, as the kernel's verifier would allow it."""
    for field in fields:
        if field.offset <= offset and offset + size <= field.offset + field.size:
            whole = offset == field.offset and size == field.size
            partly = offset % size == 0 and field.kind in ("known", "kept", "bytes", "noted", "given")
            return field if whole or partly else None
    return None


Given = Callable[[str, int, str], Term]
"""``(name, width, reason)`` → what the kernel holds."""


def read_field(state: State, field: Field, offset: int, size: int, given: Given) -> Value:
    """What a load of ``size`` bytes at ``offset`` inside ``field`` gives: ``8 * size`` bits, or a pointer."""
    if field.kind == "data":
        return Address("packet", epoch=state.layout.epoch)
    if field.kind == "data_end":
        return Address("end", key=state.layout.length(64), epoch=state.layout.epoch)
    if field.kind == "known":
        assert field.read is not None
        whole = field.read(state)
    elif field.kind in ("given", "noted"):
        whole = given(field.name, field.width, f"what the kernel holds in {field.name} is not modelled")
        whole = state.fields.get(field.name, whole)
    else:
        whole = state.fields[field.name]
    low = 8 * (offset - field.offset)
    return b.extract(b.zext(whole, 8 * field.size), low + 8 * size - 1, low)


NO_QUEUE: Final = 0xFFFF
"""NO_QUEUE_MAPPING: a number from here on is not written to ``queue_mapping``."""


def write_field(state: State, field: Field, offset: int, size: int, value: Term, *, immediate: bool) -> None:
    """A store of a whole "kept" field, or of a part of a "bytes" one; ``value`` has 64 bits, from a register or not."""
    old = state.fields[field.name]
    if field.kind == "kept":
        new = b.extract(value, field.width - 1, 0)
        if field.name == "queue_mapping":
            less = b.slt if immediate else b.ult
            new = b.ite(less(value, b.bv(NO_QUEUE, 64)), new, old)
        state.fields[field.name] = new
        return
    low, high = 8 * (offset - field.offset), 8 * (offset - field.offset + size)
    parts = [b.extract(old, old.width - 1, high)] if high < old.width else []
    parts.append(b.extract(value, 8 * size - 1, 0))
    state.fields[field.name] = b.concat(*parts, *([b.extract(old, low - 1, 0)] if low else []))
