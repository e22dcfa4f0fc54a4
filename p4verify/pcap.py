"""Classic pcap files (tcpdump's format; draft-ietf-opsawg-pcap): read in either byte order, micro- or nanoseconds."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from .semantics.source import InputError, Span

MICROSECONDS: Final = 0xA1B2C3D4
NANOSECONDS: Final = 0xA1B23C4D
PCAPNG: Final = 0x0A0D0D0A
ETHERNET: Final = 1
HEADER_BYTES: Final = 24
RECORD_BYTES: Final = 16
LONGEST: Final = 0xFFFF
"""Bytes of the longest frame."""


def read(data: bytes, name: str) -> list[bytes]:
    """The frames of a file, in order.

    Args:
        data: its content.
        name: its name, for errors.

    Raises:
        InputError: it is no pcap file, it ends within a frame, or a frame was cut when it was captured.
    """
    order = _byte_order(data, name)
    frames: list[bytes] = []
    at = HEADER_BYTES
    while at < len(data):
        number = len(frames) + 1
        if at + RECORD_BYTES > len(data):
            raise _bad(name, f"the file ends within the header of packet {number}")
        _, _, kept, length = struct.unpack_from(order + "4I", data, at)
        at += RECORD_BYTES
        if kept != length:
            raise _bad(name, f"packet {number} was cut when it was captured: {kept} of {length} bytes")
        if length > LONGEST:
            raise _bad(name, f"packet {number} has {length} bytes, more than {LONGEST}")
        if at + kept > len(data):
            raise _bad(name, f"the file ends within packet {number}")
        frames.append(data[at : at + kept])
        at += kept
    return frames


def _byte_order(data: bytes, name: str) -> str:
    if len(data) >= 4 and struct.unpack_from("<I", data)[0] == PCAPNG:
        raise _bad(name, "is a pcapng file; convert it to pcap (editcap -F pcap)")
    for order in "<>":
        if len(data) >= 4 and struct.unpack_from(order + "I", data)[0] in (MICROSECONDS, NANOSECONDS):
            if len(data) < HEADER_BYTES:
                raise _bad(name, "the file ends within its header")
            return order
    raise _bad(name, "is no pcap file")


def _bad(name: str, message: str) -> InputError:
    return InputError.at(Span(name, 0, 0), message)


def write(frames: Sequence[bytes]) -> bytes:
    """A file with these frames (Ethernet, little endian, microseconds, a microsecond apart)."""
    parts = [struct.pack("<IHHiIII", MICROSECONDS, 2, 4, 0, 0, LONGEST, ETHERNET)]
    for number, frame in enumerate(frames):
        parts += [struct.pack("<4I", number // 1_000_000, number % 1_000_000, len(frame), len(frame)), frame]
    return b"".join(parts)
