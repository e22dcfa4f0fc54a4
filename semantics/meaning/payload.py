"""Hashes and checksums over what the parser did not take, which has any length.

Of a packet that is known the bytes are. Of any packet, two sums say all that matters about the rest of it, and are
variables of their own (``S`` the first byte's number):

* ``pkt.sum16[S]``: 16 bits: the one's complement sum of the input's 16-bit words from byte S on, zero-padded;
* ``pkt.xor16[S]``: likewise their exclusive or.

Data in front of an odd number of bytes shifts the words by a byte, which swaps the bytes of both sums (RFC 1071, "Byte
Order Independence"). Any other algorithm is the function ``payload.NAME.W[S](data)`` of the ``W`` bits in front. Two
programs that parsed as much thus mean the same; of those that did not, :func:`sums_linked` says how their sums hang
together, and nothing how functions do.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from itertools import pairwise
from typing import Final

from .. import bits as b
from ..bits import Term
from ..source import Span, Unsupported
from .behaviour import LENGTH, Packet
from .checksums import ALGORITHMS, internet_sum, ones_complement_sum, xor16
from .ends import counted_from_end
from .hashes import compute, opaque
from .machine import Machine

_SUM: Final = re.compile(r"pkt\.(sum16|xor16)\[(\d+)\]")
_PADDED: Final = Packet(filled=True)
"""The frame, whose bytes past its end are 0."""
_HASH: Final = re.compile(r"payload\.(\w+)\.(\d+)\[(\d+)\]")


def with_payload(m: Machine, name: str, data: Term | None, span: Span) -> Term:
    """The hash ``name`` of ``data`` (whole bytes; None for none) and of all that the parser did not take.

    Raises:
        Unsupported: the parser stopped within a byte.
    """
    if m.state.cursor % 8:
        raise Unsupported(f"{name} over a payload that does not begin at a byte", span)
    start = m.state.cursor // 8
    if m.input.length.is_const:
        rest = bytes(m.input.byte(i).value for i in range(start, m.input.length.value))
        parts = [] if data is None else [data]
        if rest:
            parts.append(b.bv(int.from_bytes(rest, "big"), 8 * len(rest)))
        return compute(m, name, b.concat(*parts) if parts else None, span)
    odd = data is not None and data.width // 8 % 2 == 1
    if name == "csum16":
        return b.bnot(ones_complement_sum([internet_sum(data), _sum(m, "sum16", start, odd)]))
    if name == "xor16":
        return b.bxor(xor16(data), _sum(m, "xor16", start, odd))
    if name == "identity" and data is not None and data.width >= 64:
        return compute(m, name, data, span)
    given = () if data is None else (data,)
    if name not in ALGORITHMS:
        return opaque(m, f"{name}.payload[{start}]", given, span)
    width = ALGORITHMS[name](None).width
    return b.apply(f"payload.{name}.{sum(t.width for t in given)}[{start}]", width, *given)


def _sum(m: Machine, kind: str, start: int, odd: bool) -> Term:
    """A sum over the input from byte ``start`` on, 0 if nothing is there."""
    whole = b.var(f"pkt.{kind}[{start}]", 16)
    swapped = b.concat(b.extract(whole, 7, 0), b.extract(whole, 15, 8)) if odd else whole
    return b.ite(b.ult(b.bv(start, 16), m.input.length), swapped, b.bv(0, 16)) if start <= 0xFFFF else b.bv(0, 16)


def sums_linked(terms: Iterable[Term]) -> list[Term]:
    """What is true of the one's complement sums in ``terms`` for every frame: one that begins some words before another
    one is that and these words."""
    found = {v for v in b.variables(*terms) if v.name.startswith("pkt.sum16[")}
    starts = {int(v.name[len("pkt.sum16[") : -1]): v for v in found}
    laws = []
    for odd in (0, 1):
        places = sorted(start for start in starts if start % 2 == odd)
        for first, second in pairwise(places):
            between = [b.concat(_PADDED.at(i), _PADDED.at(i + 1)) for i in range(first, second, 2)]
            rest = b.ite(b.ult(b.bv(second, 16), LENGTH), starts[second], b.bv(0, 16))
            laws.append(b.eq(starts[first], ones_complement_sum([*between, rest])))
    return laws


# --- on numbers -----------------------------------------------------------------------------------------------------


def of_any_length(name: str, packet: bytes) -> int | None:
    """The value of a variable that says something of packets of any length: a sum, or a byte that is counted from the
    end (:mod:`.ends`); None for any other variable."""
    count = counted_from_end(name)
    if count is not None:
        return packet[-count] if count <= len(packet) else 0
    found = _SUM.fullmatch(name)
    if found is None:
        return None
    rest = packet[int(found.group(2)) :]
    return reduce(operator.xor, _words(rest), 0) if found.group(1) == "xor16" else sum16(rest)


def sum16(data: bytes) -> int:
    """The sum of 16-bit words in ones' complement (RFC 1071), with a zero byte behind an odd number of them."""
    total = sum(_words(data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _words(data: bytes) -> Iterator[int]:
    return (int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))


def with_sums(packet: bytes, values: Mapping[str, int]) -> bytes:
    """``packet`` with its payload changed so that its last bytes and the sums over it are what ``values`` says, where
    bytes are free for that: for a sum two, an even number behind its first one, of which ``values`` says nothing."""
    found = bytearray(packet)
    taken = {int(name[4:-1]) for name in values if name.startswith("pkt[")}
    for name in values:
        place = len(packet) - (counted_from_end(name) or 0)
        if 0 <= place < len(packet) and place not in taken:
            found[place] = values[name]
    taken |= {len(packet) - last for name in values if (last := counted_from_end(name)) is not None}
    sums = [(int(parts[2]), parts[1], name) for name in values if (parts := _SUM.fullmatch(name))]
    for start, kind, name in sorted(sums, reverse=True):
        free = (i for i in range(start, len(packet) - 1, 2) if not {i, i + 1} & taken)
        at = next(free, None) if of_any_length(name, bytes(found)) != values[name] else None
        if at is None:
            continue
        taken |= {at, at + 1}
        found[at : at + 2] = b"\0\0"
        rest = of_any_length(name, bytes(found)) or 0
        word = rest ^ values[name] if kind == "xor16" else (values[name] - rest) % 0xFFFF or 0xFFFF
        found[at : at + 2] = word.to_bytes(2, "big")
    return bytes(found)


class PayloadFunctions(Mapping[str, Callable[..., int]]):
    """The functions over a packet's payload, by name."""

    def __init__(self, packet: bytes) -> None:
        self._packet = packet

    def __getitem__(self, name: str) -> Callable[..., int]:
        found = _HASH.fullmatch(name)
        if found is None:
            raise KeyError(name)
        algorithm, width, start = ALGORITHMS[found.group(1)], int(found.group(2)), int(found.group(3))

        def function(*data: int) -> int:
            whole = b"".join(d.to_bytes(width // 8, "big") for d in data) + self._packet[start:]
            return algorithm(b.bv(int.from_bytes(whole, "big"), 8 * len(whole)) if whole else None).value

        return function

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True  # there are as many as anybody asks for
