"""What ``psample`` tells those who listen: ``listen COUNT FILE`` writes so many samples, a line each of group, rate,
original size and bytes in hexadecimal (``uapi/linux/psample.h``, ``uapi/linux/genetlink.h``).

It needs nothing but Python, for a private kernel runs it.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_CONTROL, _GET_FAMILY, _NAME, _ID, _GROUPS = 16, 3, 2, 1, 7
_GROUP_NAME, _GROUP_ID = 1, 2
_ORIGINAL, _GROUP, _RATE, _DATA = 2, 3, 5, 6
_MEMBERSHIP, _NETLINK = 1, 270
_HEADER = struct.Struct("=IHHII")
_GENERIC = 4


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += (length + 3) & ~3


def _packets_group(netlink: socket.socket) -> int:
    """The number of the multicast group that samples go to."""
    name = struct.pack("=HH", 4 + 8, _NAME) + b"psample\0"
    body = struct.pack("=BBH", _GET_FAMILY, 1, 0) + name
    netlink.send(_HEADER.pack(_HEADER.size + len(body), _CONTROL, 1, 1, 0) + body)
    family = dict(_attributes(netlink.recv(1 << 16)[_HEADER.size + _GENERIC :]))
    groups = [dict(_attributes(group)) for _, group in _attributes(family[_GROUPS])]
    (number,) = (group[_GROUP_ID] for group in groups if group[_GROUP_NAME].rstrip(b"\0") == b"packets")
    return int.from_bytes(number, sys.byteorder)


def listen(count: int, file: Path) -> None:
    """So many samples, one line each, into a file; an empty one says that it listens."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as netlink:
        netlink.bind((0, 0))
        netlink.settimeout(20)
        netlink.setsockopt(_NETLINK, _MEMBERSHIP, _packets_group(netlink))
        file.write_text("")
        lines = []
        for _ in range(count):
            told = dict(_attributes(netlink.recv(1 << 16)[_HEADER.size + _GENERIC :]))
            numbers = [int.from_bytes(told[kind], sys.byteorder) for kind in (_GROUP, _RATE, _ORIGINAL)]
            lines.append(" ".join([*map(str, numbers), told[_DATA].hex()]))
        file.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    listen(int(sys.argv[1]), Path(sys.argv[2]))
