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
from ....semantics.meaning.behaviour import LENGTH, PORT
from .alu import swap
from .state import State
from .values import Address, Value

Read = Callable[[State], Term]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the context: its place, what reading it gives, and to what a write to it goes.

    ``kind``: "data", "data_end" and "data_meta" give pointers; "known" is computed by ``read``; "kept" lies in
    :attr:`State.fields` and can be written (``width`` bits are kept); "input" is a free variable of the input; "choice"
    can be anything.
    """

    name: str
    offset: int
    kind: str
    size: int = 4
    width: int = 32
    read: Read | None = None


def packet_length(state: State) -> Term:
    """The packet's length as the program sees it, 32 bits."""
    return b.add(b.zext(LENGTH, 32), b.bv(state.layout.delta, 32))


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
    Field("pkt_type", 4, "choice", width=3),
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
    *(Field(f"cb{i}", 48 + 4 * i, "kept") for i in range(5)),
    Field("hash", 68, "choice"),
    Field("tc_classid", 72, "kept", width=16),
    Field("data", 76, "data"),
    Field("data_end", 80, "data_end"),
    Field("napi_id", 84, "choice"),
    Field("data_meta", 140, "data_meta"),
    Field("tstamp", 152, "choice", size=8, width=64),
    Field("wire_len", 160, "choice"),
    Field("gso_segs", 164, "choice", width=16),
    Field("gso_size", 176, "choice", width=16),
    Field("tstamp_type", 180, "choice", size=1, width=2),
    Field("hwtstamp", 184, "choice", size=8, width=64),
)
"""``struct __sk_buff`` at tc ingress, where the device that the frame came in by is the skb's device."""

XDP: Final = (
    Field("data", 0, "data"),
    Field("data_end", 4, "data_end"),
    Field("data_meta", 8, "data_meta"),
    Field("ingress_ifindex", 12, "known", read=_port),
    Field("rx_queue_index", 16, "choice"),
)
"""``struct xdp_md``; ``egress_ifindex`` is for programs on a devmap only."""


def find(fields: tuple[Field, ...], offset: int, size: int) -> Field | None:
    """The field that an access of ``size`` bytes at ``offset`` lies in, as the kernel's verifier would allow it."""
    for field in fields:
        if field.offset <= offset and offset + size <= field.offset + field.size:
            whole = offset == field.offset and size == field.size
            return field if whole or (offset % size == 0 and field.kind in ("known", "kept", "choice")) else None
    return None


Choose = Callable[[str, int, str], Term]
"""``(name, width, reason)`` → a fresh choice."""


def read_field(state: State, field: Field, offset: int, size: int, choose: Choose) -> Value:
    """What a load of ``size`` bytes at ``offset`` inside ``field`` gives: ``8 * size`` bits, or a pointer."""
    if field.kind == "data":
        return Address("packet", epoch=state.layout.epoch)
    if field.kind == "data_end":
        return Address("end", epoch=state.layout.epoch)
    if field.kind == "known":
        assert field.read is not None
        whole = field.read(state)
    elif field.kind == "kept":
        whole = state.fields[field.name]
    else:
        whole = choose(field.name, field.width, f"what the kernel holds in {field.name} is not modelled")
    low = 8 * (offset - field.offset)
    return b.extract(b.zext(whole, 8 * field.size), low + 8 * size - 1, low)


def write_field(state: State, field: Field, value: Term) -> None:
    """A store of a whole "kept" field."""
    state.fields[field.name] = b.extract(value, field.width - 1, 0)
