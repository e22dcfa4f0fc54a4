"""What was sent on ways that are merged: outputs of one layout share a place."""

from __future__ import annotations

from dataclasses import replace

from .. import bits as b
from ..bits import FALSE, Term
from .behaviour import Output, Packet

Sent = tuple[Output, ...]


def each(condition: Term, x: tuple[Term, ...], y: tuple[Term, ...]) -> tuple[Term, ...]:
    """Term by term: ``x`` where the condition holds, else ``y``; both of one length."""
    return x if x == y else tuple(b.ite(condition, p, q) for p, q in zip(x, y, strict=True))


def merge_sent(condition: Term, x: Sent, y: Sent) -> Sent:
    """What was sent: ``x`` where the condition holds, else ``y``; frames of one layout share a place."""
    if x == y:
        return x
    merged: list[Output] = []
    rest = list(y)
    for sent in x:
        at = next((i for i, other in enumerate(rest) if _alike(sent, other)), None)
        if at is None:
            merged.append(_under(condition, sent))
            continue
        merged += [_under(b.not_(condition), other) for other in rest[:at]]
        merged.append(_one(condition, sent, rest[at]))
        del rest[: at + 1]
    merged += [_under(b.not_(condition), other) for other in rest]
    return tuple(sent for sent in merged if sent.when is not FALSE)


def _alike(x: Output, y: Output) -> bool:
    return x.to == y.to and _layout(x.packet) == _layout(y.packet) and x.metadata.keys() == y.metadata.keys()


def _layout(packet: Packet) -> tuple[int, int, int | str | None, int, bool]:
    size = packet.size if not isinstance(packet.size, Term) else "a term"
    return len(packet.prefix), packet.payload, size, len(packet.trailer), packet.filled


def _under(condition: Term, sent: Output) -> Output:
    return replace(sent, when=b.and_(condition, sent.when))


def _one(condition: Term, x: Output, y: Output) -> Output:
    when = b.ite(condition, x.when, y.when)
    prefix = each(condition, x.packet.prefix, y.packet.prefix)
    trailer = each(condition, x.packet.trailer, y.packet.trailer)
    size = x.packet.size
    if isinstance(size, Term) and isinstance(y.packet.size, Term):
        size = b.ite(condition, size, y.packet.size)
    packet = Packet(prefix, x.packet.payload, size, trailer, x.packet.filled)
    metadata = {name: b.ite(condition, term, y.metadata[name]) for name, term in x.metadata.items()}
    return Output(when, x.to, b.ite(condition, x.port, y.port), packet, metadata=metadata)
