"""Filters of a device put in and shown by rtnetlink, in the caller's network namespace (``man 7 rtnetlink``).

It needs nothing but Python, for the private kernel of :mod:`.oracle` runs it as a program as well:
``rtnetlink.py add FILE`` sends the messages in a file, ``rtnetlink.py show DEVICE FILE`` writes those that the kernel
shows; what is refused is told on standard error as ``MESSAGE-NUMBER:REASON``.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct("=IHHII")
_TCMSG: Final = struct.Struct("=BxxxiIII")
_CODE: Final = struct.Struct("=i")
_GET: Final = 46
"""``RTM_GETTFILTER``."""
_INGRESS: Final = 0xFFFFFFF2
_ERROR, _DONE, _FIRST = 2, 3, 16
"""``NLMSG_ERROR``, ``NLMSG_DONE``, ``NLMSG_MIN_TYPE``."""
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_BUFFER: Final = 1 << 20
_PATIENCE: Final = 60.0
_SOL_NETLINK, _EXT_ACK = 270, 11
_MESSAGE: Final = 1
"""``NLMSGERR_ATTR_MSG``."""


class Refused(Exception):
    """The kernel refuses a message; ``number``: which, from 0 on, not counting those that say nothing."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number


def add(requests: bytes) -> None:
    """Send messages one after the other, up to the first that is refused.

    Raises:
        Refused: which, and why.
        OSError: there is no such socket here, or the kernel does not answer.
    """
    with _socket() as netlink:
        asked = (body for kind, body in _messages(requests) if kind >= _FIRST)
        for number, one in enumerate(asked):
            length, kind, flags, _, port = _HEADER.unpack_from(one)
            whole = _HEADER.pack(length, kind, flags | _REQUEST | _ACK, number + 1, port) + one[_HEADER.size :]
            netlink.send(whole)
            _acknowledged(netlink, number)


def show(index: int) -> bytes:
    """The messages with which the kernel shows the filters at the ingress of a device. Raises OSError."""
    with _socket() as netlink:
        body = _TCMSG.pack(0, index, 0, _INGRESS, 0)
        netlink.send(_HEADER.pack(_HEADER.size + len(body), _GET, _REQUEST | _DUMP, 1, 0) + body)
        shown = b""
        while True:
            for kind, one in _messages(netlink.recv(_BUFFER)):
                if kind == _ERROR:
                    raise OSError(-_CODE.unpack_from(one, _HEADER.size)[0], "the kernel does not show its filters")
                shown += one + bytes(-len(one) % 4)
                if kind == _DONE:
                    return shown


def _socket() -> socket.socket:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    netlink.bind((0, 0))
    netlink.settimeout(_PATIENCE)
    netlink.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
    return netlink


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Types, and messages with their headers."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            raise OSError("a netlink message's length does not fit")
        yield kind, data[at : at + length]
        at += (length + 3) & ~3


def _acknowledged(netlink: socket.socket, number: int) -> None:
    while True:
        for kind, one in _messages(netlink.recv(_BUFFER)):
            if kind != _ERROR:
                continue
            code = -_CODE.unpack_from(one, _HEADER.size)[0]
            if code:
                raise Refused(number, _said(one) or os.strerror(code))
            return


def _said(answer: bytes) -> str:
    """The kernel's own words, which stand behind the header that it was asked with (capped to that)."""
    at = 2 * _HEADER.size + _CODE.size
    while at + 4 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        if length < 4:
            break
        if kind == _MESSAGE:
            return answer[at + 4 : at + length].rstrip(b"\0").decode("ascii", "replace")
        at += (length + 3) & ~3
    return ""


def main(arguments: list[str]) -> int:
    """See above."""
    try:
        if arguments[0] == "add":
            add(Path(arguments[1]).read_bytes())
        else:
            Path(arguments[2]).write_bytes(show(socket.if_nametoindex(arguments[1])))
    except Refused as error:
        sys.stderr.write(f"{error.number}:{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
