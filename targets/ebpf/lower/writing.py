"""Writing a deparsed frame: which bytes change, and how they get there at XDP and at tc, to stay or for a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1, R2, R3, R6, R7, R10
from ..artifact.shortest import ETH_HLEN, ETH_ZLEN
from . import fronts, wide
from .frame import Leaf
from .gen import Gen, chunks
from .hooks import (
    SKB_LOAD_BYTES,
    SKB_STORE_BYTES,
    TAG_AT,
    TAG_BYTES,
    VLAN_POP,
    VLAN_PUSH,
    XDP_ADJUST_HEAD,
    TcHook,
    move_bytes,
    pieces,
)

_TAG: frozenset[int] = frozenset(range(TAG_AT, TAG_AT + TAG_BYTES))
"""The places of the bytes of an outer VLAN tag."""
_TAG_TYPE: frozenset[int] = frozenset((TAG_AT, TAG_AT + 1))


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the new frame, ``at`` bits from its start; ``kept``: what the old frame has there."""

    leaf: Leaf
    at: int
    kept: bool


class TooShort(CannotOffload):
    """A frame would get shorter than the helpers make them."""

    hint: ClassVar[str] = ""
    """What helps against it."""


class OfShortFrames(TooShort):
    """... but none would that comes in with all the bytes that Ethernet's frames have."""

    hint: ClassVar[str] = f"; min_frame={ETH_ZLEN} says that none come in that get so short"


NO_TAGS = "untagged=1 says that no frame comes with a tag"


def dirty(fields: Sequence[Field], size: int) -> list[tuple[int, int]]:
    """The stretches (first byte, bytes) of the new frame's start that must be written."""
    marks = bytearray(size)
    for item in fields:
        if not item.kept:
            for index in range(item.at // 8, (item.at + item.leaf.bits - 1) // 8 + 1):
                marks[index] = 1
    out: list[tuple[int, int]] = []
    for index in range(size):
        if marks[index]:
            if out and sum(out[-1]) == index:
                out[-1] = (out[-1][0], out[-1][1] + 1)
            else:
                out.append((index, 1))
    return out


def _compose_bytes(g: Gen, fields: Sequence[Field], start: int, size: int, write: Callable[[int, int], None]) -> None:
    """Call ``write(offset, bytes)`` with up to 8 bytes in r1, for all of a stretch."""
    for at, step in chunks(start, size, aligned=False):
        wide.compose(g, [(f.leaf, f.at) for f in fields], 8 * at, 8 * step)
        write(at, step)


def too_short(g: Gen, size: int, parsed: int, *, tagged: bool) -> bool:
    """Whether the first ``parsed`` bytes of a frame cannot become ``size``: frames get shorter than the helpers make
    them, or go on to the stack, at tc, with another length."""
    if isinstance(g.hook, TcHook) and g.to_stack and (tagged or size < parsed):
        return True
    return _too_short(g, g.shortest, size, parsed, tagged=tagged)


def _too_short(g: Gen, shortest: int, size: int, parsed: int, *, tagged: bool) -> bool:
    """Whether a frame of at least ``shortest`` bytes gets too short for the helpers."""
    least = max(shortest, fronts.TAGGED_LEAST) if tagged and isinstance(g.hook, TcHook) else shortest
    return size < parsed and size + max(0, least - parsed) < ETH_HLEN


def _refuse_too_short(g: Gen, size: int, parsed: int, span: Span, *, tagged: bool) -> None:
    """Raises :class:`TooShort` if the first ``parsed`` bytes of a frame cannot become ``size``."""
    if not _too_short(g, g.shortest, size, parsed, tagged=tagged):
        return
    said = f"XDP does not make frames shorter than {ETH_HLEN} bytes (bpf_xdp_adjust_head)"
    if isinstance(g.hook, TcHook):
        said = f"at tc frames do not get shorter than {ETH_HLEN} bytes (bpf_skb_vlan_pop)"
    helped = not _too_short(g, ETH_ZLEN, size, parsed, tagged=tagged)
    raise (OfShortFrames if helped else TooShort)(said, span)


def resize_xdp(g: Gen, size: int, parsed: int, span: Span) -> None:
    """Make the first ``parsed`` bytes of the frame ``size``, which are still to be written."""
    _refuse_too_short(g, size, parsed, span, tagged=False)
    if size != parsed:
        g.asm.emit(asm.mov(R1, R6), asm.mov(R2, parsed - size), asm.call(XDP_ADJUST_HEAD))
        g.asm.jump("jne", R0, 0, g.drop)


def store_xdp(g: Gen, fields: Sequence[Field], size: int) -> None:
    """Write what changes in the first ``size`` bytes of the frame."""
    todo = dirty(fields, size)
    if not todo:
        return
    g.hook.require(g, False, size, g.drop)
    for start, count in todo:
        _compose_bytes(g, fields, start, count, lambda at, step: g.store_bytes(R7, at, step))


def put_xdp(g: Gen, fields: Sequence[tuple[Leaf, int]], start: int, count: int) -> None:
    """Write ``count`` bytes of the frame from ``start`` on, which are these fields (with their first bits)."""
    g.hook.require(g, False, start + count, g.drop)
    placed = [Field(leaf, at, kept=False) for leaf, at in fields]
    _compose_bytes(g, placed, start, count, lambda at, step: g.store_bytes(R7, at, step))


def put_tc(g: Gen, fields: Sequence[tuple[Leaf, int]], start: int, count: int, span: Span) -> None:
    """See :func:`put_xdp`; no tag lies beside the data."""
    _store(g, [Field(leaf, at, kept=False) for leaf, at in fields], False, start, count, span)


def resize_tc(g: Gen, size: int, parsed: int, *, tagged: bool) -> None:
    """Make the first ``parsed`` bytes of the frame on the wire ``size``, all in the data, which are still to be
    written."""
    if tagged or size != parsed:
        fronts.resize(g, size, parsed, tagged=tagged)


def resizing(g: Gen, size: int, parsed: int) -> tuple[int, ...]:
    """What tells apart the code by which the first ``parsed`` bytes become ``size``: for most lengths, by how much."""
    plain = not isinstance(g.hook, TcHook) or (size >= fronts.MOVED and parsed >= fronts.MOVED)
    return (size - parsed,) if plain else (size, parsed)


def write_tc(g: Gen, hook: TcHook, fields: Sequence[Field], tagged: bool, size: int, parsed: int, span: Span) -> None:
    """Replace the first ``parsed`` bytes of the frame on the wire by ``size`` new ones."""
    todo = dirty(fields, size)
    changed = _bytes_of(todo)
    if size == parsed and not (tagged and changed & _TAG_TYPE):
        if tagged and changed & _TAG:
            _other_tag(g, hook, fields, size)
        for start, count in todo:
            _store(g, fields, tagged, start, count, span)
        return
    if g.to_stack and (tagged or size < parsed):
        raise CannotOffload(
            "at tc a frame that may go on to the stack gets no shorter, and keeps its outermost type if it came with a "
            f"VLAN tag (not with hook=xdp; {NO_TAGS})",
            span,
        )
    _resize_and_store(g, fields, tagged, size, parsed, span)


def copy_tc(
    g: Gen,
    hook: TcHook,
    fields: Sequence[Field],
    tagged: bool,
    size: int,
    parsed: int,
    send: Callable[[], None],
    span: Span,
) -> None:
    """Replace the first ``parsed`` bytes of the frame on the wire by ``size`` new ones, ``send`` it, and make it again
    what it was."""
    todo = dirty(fields, size)
    if size != parsed or (tagged and _bytes_of(todo) & _TAG):
        _copy_resized(g, hook, fields, tagged, size, parsed, send, span)
        return
    with ExitStack() as stack:
        kept = [(start, stack.enter_context(g.buffer(count, span)), count) for start, count in todo]
        for start, place, count in kept:
            _move(g, SKB_LOAD_BYTES, tagged, start, place, count)
        for start, count in todo:
            _store(g, fields, tagged, start, count, span)
        send()
        for start, place, count in kept:
            _move(g, SKB_STORE_BYTES, tagged, start, place, count)


def _copy_resized(
    g: Gen,
    hook: TcHook,
    fields: Sequence[Field],
    tagged: bool,
    size: int,
    parsed: int,
    send: Callable[[], None],
    span: Span,
) -> None:
    """... where the frame gets another length in between, or loses the tag beside it: the old bytes are put aside, and
    put back in front of the same payload. A tag that was beside the frame is one of them, also where it is payload."""
    front = max(parsed, TAG_AT + TAG_BYTES) if tagged else parsed
    longer = size + front - parsed
    _refuse_too_short(g, longer, front, span, tagged=tagged)  # before the stack has no room for the old bytes
    with ExitStack() as stack:
        place = stack.enter_context(hook.fetch(g, tagged, 0, front, g.drop))[1] if front else 0
        _resize_and_store(g, fields, tagged, longer, front, span)
        if front > parsed:
            _move(g, SKB_STORE_BYTES, False, size, place + parsed, front - parsed)
        send()
        fronts.resize(g, front - TAG_BYTES if tagged else front, longer, tagged=False)
        for wire, data, count in pieces(tagged, 0, front):
            if data is not None and count:
                _move(g, SKB_STORE_BYTES, False, data, place + wire, count)
        if tagged:
            fronts.put_beside(g, place + TAG_AT)


def _resize_and_store(g: Gen, fields: Sequence[Field], tagged: bool, size: int, parsed: int, span: Span) -> None:
    """The new first bytes, all of them in the data. What is in front of :data:`.fronts.MOVED` is not where it was."""
    _refuse_too_short(g, size, parsed, span, tagged=tagged)
    if fronts.resize(g, size, parsed, tagged=tagged):
        fields = [replace(each, kept=each.kept and each.at >= 8 * fronts.MOVED) for each in fields]
    for start, count in dirty(fields, size):
        _store(g, fields, False, start, count, span)


def _bytes_of(stretches: Sequence[tuple[int, int]]) -> set[int]:
    return {index for start, count in stretches for index in range(start, start + count)}


def _move(g: Gen, helper: int, tagged: bool, start: int, place: int, count: int) -> None:
    """Bytes of the frame on the wire to or from the stack."""
    for wire, data, length in pieces(tagged, start, count):
        assert data is not None
        move_bytes(g, helper, data, place + wire - start, length)


def _store(g: Gen, fields: Sequence[Field], tagged: bool, start: int, count: int, span: Span) -> None:
    with g.buffer(count, span) as place:
        _compose_bytes(g, fields, start, count, lambda at, step: g.store_bytes(R10, place + at - start, step))
        for wire, data, length in pieces(tagged, start, count):
            if data is not None:
                move_bytes(g, SKB_STORE_BYTES, data, place + wire - start, length)


def _other_tag(g: Gen, hook: TcHook, fields: Sequence[Field], size: int) -> None:
    """Other control information in the tag beside the data, whose type stays what it is."""
    same = g.asm.label()
    known = min(TAG_AT + TAG_BYTES, size) - (TAG_AT + 2)  # bytes of it that headers make; the rest is payload
    wide.compose(g, [(f.leaf, f.at) for f in fields], 8 * (TAG_AT + 2), 8 * known)
    if known == 1:
        g.asm.emit(asm.load(4, R2, R6, hook.VLAN_TCI), asm.alu("and", R2, 0xFF))
        g.asm.emit(asm.alu("lsh", R1, 8), asm.alu("or", R1, R2))
    with g.hold() as held:
        g.asm.emit(asm.load(4, R2, R6, hook.VLAN_TCI))
        g.asm.jump("jeq", R1, R2, same)
        with _type_behind_tag(g):
            with g.temp() as proto:
                g.asm.emit(asm.load(4, R1, R6, hook.VLAN_PROTO))
                proto.save()
                # This takes the tag off in any case. It fails where it cannot take the next one out of the data, which
                # the push would put back there: then that is just where it shall be.
                g.asm.emit(asm.mov(R1, R6), asm.call(VLAN_POP))
                proto.load(R2)
            held.load(R3)
            g.asm.emit(asm.mov(R1, R6), asm.call(VLAN_PUSH))
            g.asm.jump("jne", R0, 0, g.drop)
    g.asm.place(same)


@contextmanager
def _type_behind_tag(g: Gen) -> Iterator[None]:
    """The type behind the tag beside the data is afterwards what it was.

    If the kernel takes it for another tag's, that tag gets ``skb->protocol`` for its type on its way out of the data
    and back (``skb_vlan_pop``, ``skb_vlan_push``). That need not be what the frame has there by now: PSA writes a frame
    twice, and what comes back has been written in another pass.
    """
    with g.buffer(2) as place:
        move_bytes(g, SKB_LOAD_BYTES, TAG_AT, place, 2)
        yield
        move_bytes(g, SKB_STORE_BYTES, TAG_AT, place, 2)


__all__ = [
    "Field", "OfShortFrames", "TooShort", "copy_tc", "dirty", "put_tc", "put_xdp", "resize_tc", "resize_xdp",
    "resizing", "store_xdp", "too_short", "write_tc",
]  # fmt: skip
