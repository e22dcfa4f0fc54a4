"""The fields of headers: where they lie, and from the frame to their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R1, R10
from .frame import Leaf, Ref, is_composite, leaves, parts
from .gen import Gen

TOO_SHORT = "PacketTooShort"
MOST_BYTES = 32760
"""What of a frame is parsed: offsets of instructions have 16 bits and a sign (RFC 9669, section 3)."""


def header_fields(g: Gen, ref: Ref, span: Span, sizes: Mapping[str, int]) -> list[tuple[Leaf, int]]:
    """The header's leaves with the bit offset of each in it; ``sizes`` of its varbits by their paths."""
    if not isinstance(ir.bare(ref.type), ir.HeaderType):
        raise CannotOffload("only headers can be extracted or emitted", span)
    out, at = [], 0
    for part in parts(ref.type, ref):
        for leaf in leaves(g.program, part, span):
            if leaf.path == part.size.path:
                continue
            known = replace(leaf, used=sizes[leaf.path]) if leaf.path in sizes else leaf
            out.append((known, at))
            at += known.bits
    return out


def load_fields(
    g: Gen, tagged: bool, cursor: int, fields: Sequence[tuple[Leaf, int]], short: Label, span: Span
) -> None:
    """Fields from the frame, the first at bit ``cursor``, to their leaves.

    Raises:
        CannotOffload: they end behind what an instruction's offset reaches.
    """
    start = cursor // 8
    end = max(cursor + at + leaf.bits for leaf, at in fields)
    if end > 8 * MOST_BYTES:
        raise CannotOffload(f"headers that end behind byte {MOST_BYTES}", span)
    size = (end + 7) // 8 - start
    with g.hook.fetch(g, tagged, start, size, short) if size else nullcontext((R10, 0)) as (base, offset):
        for leaf, at in fields:
            if leaf.path not in g.slots:
                continue
            missing = leaf.width - leaf.bits  # at the low end of a varbit's place, where there are zeros
            for limb in range((leaf.width + 63) // 64):
                high, low = min(64 * limb + 64, leaf.width), max(64 * limb, missing)
                if high > low:
                    first = cursor + at + leaf.width - high - 8 * start
                    g.load_bits(base, offset, first, high - low)
                    if low > 64 * limb:
                        g.asm.emit(asm.alu("lsh", R1, low - 64 * limb))
                else:
                    g.constant(R1, 0)
                g.store_leaf(Ref(leaf.path, ir.bits(leaf.width)), R1, limb)


def lookahead(g: Gen, call: ir.ExternCall, ref: Ref) -> None:
    """``packet.lookahead``: like extract, but the parser stays where it is."""
    point = g.point
    if point is None:
        raise CannotOffload("lookahead outside a parser", call.span)
    if is_composite(ref.type):
        fields, at = [], 0
        for leaf in leaves(g.program, ref, call.span):
            if leaf.path.endswith(".$valid"):
                g.store_constant(leaf, 1)
                continue
            fields.append((leaf, at))
            at += leaf.width
    else:
        at = g.width(ref.type, call.span)
        fields = [(Leaf(ref.path, at), 0)]
    if at:
        load_fields(g, point.tagged, point.cursor, fields, point.fail(TOO_SHORT), call.span)
