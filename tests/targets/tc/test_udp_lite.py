"""``csum udplite``: what UDP-Lite's checksum covers is said by its header (RFC 3828)."""

from __future__ import annotations

import struct

import pytest

from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.targets.flower.artifact import parse_script
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from tests.support.compiled import inside

MACS = bytes.fromhex("020000000001 020000000002")
DATA = b"payload"
LENGTH = 8 + len(DATA)
LIST = "".join(
    f"filter add dev port0 ingress pref {i} protocol {kind} flower action csum udplite pipe"
    " action mirred egress redirect dev port1\n"
    for i, kind in enumerate(("ip", "ipv6"), 1)
)
RIGHT = (0, LENGTH)
"""Lengths that say that all is covered."""
ZEROED = (5, LENGTH + 1)
"""Lengths that there cannot be."""


def frame(said: int, *, six: bool = False, checksum: int = 0xBEEF) -> bytes:
    lite = struct.pack("!HHHH", 53, 80, said, checksum) + DATA
    if six:
        addresses = bytes(31) + b"\1"
        return MACS + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(lite), 136, 9) + addresses + lite
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(lite), 1, 0, 9, 136, 0) + bytes((10, 0, 0, 1, 10, 0, 0, 2))
    return MACS + b"\x08\x00" + head + lite


def checksum_of(said: int, *, six: bool) -> int:
    """RFC 3828, 3.1, but that the pseudo header has the length as it is said, as the kernel sums it."""
    whole = frame(said, six=six, checksum=0)
    start = 54 if six else 34
    addresses = whole[22:54] if six else whole[26:34]
    data = addresses + struct.pack("!HH", 136, said) + whole[start:]
    total = sum(int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


@pytest.mark.parametrize("six", [False, True])
def test_what_is_computed(six: bool) -> None:
    behaviour = meaning(parse_script(LIST))
    expected = {said: checksum_of(said, six=six) for said in RIGHT} | dict.fromkeys(ZEROED, 0)
    for said, value in expected.items():
        seen = evaluate_behaviour(behaviour, frame(said, six=six), 0, default=0)
        assert seen.outputs == (("port", 1, frame(said, six=six, checksum=value)),)
    assert not inside(behaviour)(frame(9, six=six), 0, {})


@pytest.mark.oracle
def test_the_kernel_computes_the_same(kernel: UserModeFlower) -> None:
    frames = [frame(said, six=six) for said in (*RIGHT, *ZEROED) for six in (False, True)]
    behaviour = meaning(parse_script(LIST))
    seen = kernel.run(parse_script(LIST), [(0, one) for one in frames])
    said = [evaluate_behaviour(behaviour, one, 0, default=0).outputs for one in frames]
    assert [one.outputs for one in seen] == said
