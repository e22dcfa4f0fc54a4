"""Packets that differ somewhere are told to: any ends, on frames of every small length."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from p4verify.proofs.ends import byte_differences, lengths_differ
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import LENGTH, Packet, byte
from p4verify.semantics.meaning.ends import before_end, last

CUT = b.var("cut", 32)


def some_packet(rng: random.Random) -> Packet:
    """A packet of a few bytes, most of them the input's own."""
    count = rng.randrange(5)
    payload = rng.choice((count, count, rng.randrange(4)))
    prefix = tuple(rng.choice((byte(i), byte(i), b.bv(0, 8))) for i in range(count))
    whole = b.add(b.zext(LENGTH, 32), b.bv(count - payload, 32))
    size = rng.choice(
        (None, None, rng.randrange(6), CUT, b.add(CUT, b.bv(1, 32)), b.sub(whole, b.bv(rng.choice((1, 2)), 32)))
    )
    trailer = tuple(rng.choice((last(i + 1), b.bv(0, 8))) for i in reversed(range(rng.choice((0, 0, 1, 2, 3)))))
    return Packet(prefix, payload, size, trailer, size is not None and rng.random() < 0.3)


def numbers(frame: bytes, cut: int, terms: Sequence[Term]) -> list[int]:
    """Terms on one frame."""
    values: dict[str, b.Value] = {"pkt.len": len(frame), "cut": cut}
    values |= {f"pkt[{i}]": octet for i, octet in enumerate(frame.ljust(20, b"\x09"))}  # nobody asks what is behind
    values |= {f"pkt.last[{k}]": frame[-k] for k in range(1, len(frame) + 1)}
    return [int(n) for n in b.evaluate(list(terms), values, {}, default=0)]


def frames(rng: random.Random) -> list[tuple[bytes, int]]:
    """Frames of few different bytes, and a number each."""
    return [(bytes(rng.choice((0, 0, 7)) for _ in range(n)), rng.randrange(8)) for n in range(10) for _ in range(2)]


@pytest.mark.parametrize("seed", range(40))
def test_where_packets_differ_something_says_so(seed: int) -> None:
    rng, met = random.Random(seed), 0
    for _ in range(40):
        x, y = some_packet(rng), some_packet(rng)
        longer, found = lengths_differ(x, y), list(byte_differences(b.TRUE, x, y))
        parts = [when if p is None or q is None else b.and_(when, b.ne(p, q)) for when, p, q in found]
        untold = any(p is None for _, p, _ in found)
        for frame, cut in frames(rng):
            try:
                sent = [p.sent(frame, lambda *terms, f=frame, c=cut: numbers(f, c, terms)) for p in (x, y)]
            except ValueError:
                continue  # the packet is not so long: no case that builds it holds
            met += 1
            said, *told = numbers(frame, cut, [longer, *parts])
            assert bool(said) == (len(sent[0]) != len(sent[1])), (x, y, frame.hex(), cut)
            if not said:
                assert any(told) or sent[0] == sent[1], (x, y, frame.hex(), cut)
                assert untold or any(told) == (sent[0] != sent[1]), (x, y, frame.hex(), cut)
    assert met > 100


def test_a_byte_from_the_end_is_one_of_the_prefix_or_of_the_input() -> None:
    packet = Packet((b.bv(1, 8), b.bv(2, 8)), 2, b.sub(b.zext(LENGTH, 32), b.bv(1, 32)))
    found, known = before_end(packet, 1)
    assert known is b.TRUE
    assert [numbers(bytes(range(9, 9 + n)), 0, [found])[0] for n in (2, 3, 4, 5)] == [1, 2, 11, 12]
    assert before_end(Packet(size=CUT), 1)[1] is b.FALSE
