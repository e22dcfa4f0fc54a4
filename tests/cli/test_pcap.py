"""pcap files: every variant that tools write is read, what is written is read again."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify import pcap
from p4verify.semantics.source import InputError


def file(order: str, magic: int, frames: list[bytes], link: int = 1) -> bytes:
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)]
    for frame in frames:
        parts += [struct.pack(order + "4I", 5, 7, len(frame), len(frame)), frame]
    return b"".join(parts)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("magic", [pcap.MICROSECONDS, pcap.NANOSECONDS])
def test_byte_orders_and_resolutions(order: str, magic: int) -> None:
    assert pcap.read(file(order, magic, [b"abc", b"", b"x" * 65535]), "f") == [b"abc", b"", b"x" * 65535]
    assert pcap.read(file(order, magic, [b"abc"], link=0), "f") == [b"abc"]


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_what_is_written_is_read(frames: list[bytes]) -> None:
    assert pcap.read(pcap.write(frames), "f") == frames


WHOLE = file("<", pcap.MICROSECONDS, [b"abc", b"defg"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no pcap file"),
        (b"abc", "is no pcap file"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "pcapng"),
        (WHOLE[:20], "ends within its header"),
        (WHOLE[:30], "within the header of packet 1"),
        (WHOLE[:-1], "within packet 2"),
        (WHOLE[:24] + struct.pack("<4I", 0, 0, 3, 60) + b"abc", "packet 1 was cut when it was captured: 3 of 60"),
        (WHOLE[:24] + struct.pack("<4I", 0, 0, 65536, 65536) + bytes(65536), "65536 bytes"),
    ],
)
def test_what_is_none(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        pcap.read(data, "f.pcap")
    assert caught.value.diagnostics[0].span.file == "f.pcap"


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for start in (b"", WHOLE[:24]):
        with suppress(InputError):
            pcap.read(start + data, "f")
