"""What one copy of a frame sends, in as few outputs as there are kinds of frames.

A copy is told by several outputs, of which at most one is sent: one for each way that an object went before it sent
it. Copies to other members come by other ways (a tag is in the frame already that the first copy had to put there), so
that they have other outputs, though they send the same. Outputs of one kind are one here, which holds what the one
holds that is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Output, Packet, byte

Kind = tuple[object, ...]


def in_one(by_place: Sequence[Sequence[Output]]) -> tuple[list[list[Output]], list[Term]] | None:
    """For each copy one output of each kind, in the order in which kinds come first; and where that may not be so.

    Args:
        by_place: for each copy the outputs of which one is sent.

    Returns:
        None if some copies have kinds that others do not have, or if one has a size of its own.
    """
    every = [output for outputs in by_place for output in outputs]
    if not all(_is_whole(output.packet) for output in every) or any(output.state for output in every):
        return None
    told: dict[Kind, set[int]] = {}
    for output in every:
        told.setdefault(_kind(output), set()).add(output.packet.payload)
    if any({_kind(output) for output in outputs} != told.keys() for outputs in by_place):
        return None
    both = [b.and_(x.when, y.when) for outputs in by_place for x, y in combinations(outputs, 2)]
    found = [
        [reduce(_either, (_telling(o, max(told[kind])) for o in outputs if _kind(o) == kind)) for kind in told]
        for outputs in by_place
    ]
    return found, [term for term in both if term is not b.FALSE]


def _kind(output: Output) -> Kind:
    """What is the same of outputs that can be one: all but their terms, and how many bytes the frame is longer."""
    packet = output.packet
    return output.to, output.each, output.apart, packet.delta, len(packet.trailer), tuple(sorted(output.metadata))


def _is_whole(packet: Packet) -> bool:
    """Whether nothing of the input is cut off, whether that is said or not."""
    return not packet.filled and packet.size in (None, replace(packet, size=None).kept)


def _telling(output: Output, payload: int) -> Output:
    """The output with so much of the input told byte by byte. An input may be shorter: the frame is cut to what it
    has."""
    packet = replace(output.packet, size=None)
    more = tuple(byte(index) for index in range(packet.payload, payload))
    return replace(output, packet=Packet((*packet.prefix, *more), payload, packet.kept, packet.trailer))


def _either(first: Output, second: Output) -> Output:
    """What is sent where one of two outputs of a kind is."""

    def one(x: Term, y: Term) -> Term:
        return b.ite(first.when, x, y)

    mine, theirs = first.packet, second.packet
    prefix, trailer = (tuple(map(one, x, y)) for x, y in ((mine.prefix, theirs.prefix), (mine.trailer, theirs.trailer)))
    return replace(
        first,
        when=b.or_(first.when, second.when),
        port=one(first.port, second.port),
        packet=replace(mine, prefix=prefix, trailer=trailer),
        metadata={name: one(term, second.metadata[name]) for name, term in first.metadata.items()},
    )


__all__ = ["in_one"]
