"""The few requests of rtnetlink (uapi rtnetlink.h, pkt_sched.h, if_link.h) that attaching eBPF programs needs."""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

NEWLINK, GETLINK, NEWQDISC, DELQDISC, GETQDISC, NEWTFILTER, DELTFILTER, GETTFILTER = 16, 18, 36, 37, 38, 44, 45, 46
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
EXCLUSIVE, CREATE = 0x200, 0x400
CLSACT, INGRESS, EGRESS = 0xFFFFFFF1, 0xFFFFFFF2, 0xFFFFFFF3
CLSACT_HANDLE: Final = 0xFFFF0000
ALL_PROTOCOLS: Final = 0x0300  # ETH_P_ALL in network order
KIND, OPTIONS, BPF_FD, BPF_NAME, BPF_FLAGS = 1, 2, 6, 7, 8
DIRECT_ACTION: Final = 1
IFLA_XDP, XDP_FD, XDP_ATTACHED, XDP_FLAGS, XDP_PROGRAM = 43, 1, 2, 3, 4
XDP_IF_NONE, XDP_GENERIC = 1 << 0, 1 << 1
NESTED: Final = 1 << 15
LINK_HEAD: Final = 16
TRAFFIC_HEAD: Final = 20
"""Bytes of ``struct ifinfomsg`` and ``struct tcmsg``, before the attributes."""


def attribute(kind: int, content: bytes) -> bytes:
    """An attribute with its padding."""
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


def number(kind: int, value: int) -> bytes:
    """An attribute of 32 bits."""
    return attribute(kind, struct.pack("=I", value))


def text(kind: int, value: str) -> bytes:
    """An attribute that holds a string."""
    return attribute(kind, value.encode() + b"\0")


def traffic(ifindex: int, handle: int, parent: int, info: int) -> bytes:
    """``struct tcmsg``."""
    return struct.pack("=BxxxiIII", 0, ifindex, handle, parent, info)


def link(ifindex: int) -> bytes:
    """``struct ifinfomsg``."""
    return struct.pack("=BxHiII", 0, 0, ifindex, 0, 0)


def attributes(body: bytes) -> dict[int, bytes]:
    """Attributes by kind (without the flag of nested ones)."""
    out, at = {}, 0
    while at + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, at)
        if size < 4:
            break
        out[kind & 0x3FFF] = body[at + 4 : at + size]
        at += (size + 3) & ~3
    return out


class Rtnetlink:
    """A socket in the namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def request(self, kind: int, flags: int, body: bytes) -> None:
        """Ask for a change. Raises OSError with the kernel's reason."""
        self._send(kind, flags | _ACK, body)
        answer = self._socket.recv(1 << 16)
        found, code = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
        if found != _ERROR or code:
            raise OSError(-code, f"rtnetlink request {kind}: {os.strerror(-code)}")

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """The bodies of all answers to a question. Raises OSError."""
        self._send(kind, _DUMP, body)
        out: list[bytes] = []
        while True:
            answer, at = self._socket.recv(1 << 20), 0
            while at + 16 <= len(answer):
                size, found = struct.unpack_from("=IH", answer, at)
                if found == _DONE:
                    return out
                if found == _ERROR:
                    code = -struct.unpack_from("=i", answer, at + 16)[0]
                    raise OSError(code, f"rtnetlink question {kind}: {os.strerror(code)}")
                out.append(answer[at + 16 : at + size])
                at += (size + 3) & ~3

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        self._socket.send(struct.pack("=IHHII", 16 + len(body), kind, flags | _REQUEST, self._sequence, 0) + body)


PRIORITY: Final = 1
"""The filter's priority: the first that a frame meets."""


def attach_filter(netlink: Rtnetlink, ifindex: int, program: int, name: str) -> None:
    """cls_bpf with direct action at ingress, which must have a clsact qdisc. Raises OSError (EEXIST: one is there)."""
    options = number(BPF_FD, program) + text(BPF_NAME, name) + number(BPF_FLAGS, DIRECT_ACTION)
    body = traffic(ifindex, 1, INGRESS, PRIORITY << 16 | ALL_PROTOCOLS) + text(KIND, "bpf")
    netlink.request(NEWTFILTER, CREATE | EXCLUSIVE, body + attribute(OPTIONS, options))


def detach_filter(netlink: Rtnetlink, ifindex: int) -> None:
    """Remove the filters of :data:`PRIORITY`. Raises OSError."""
    netlink.request(DELTFILTER, 0, traffic(ifindex, 0, INGRESS, PRIORITY << 16 | ALL_PROTOCOLS))


def set_xdp(netlink: Rtnetlink, ifindex: int, program: int, flags: int) -> None:
    """Attach to XDP; descriptor -1 detaches. Raises OSError (EBUSY: with XDP_IF_NONE, one is there)."""
    inner = attribute(XDP_FD, struct.pack("=i", program)) + number(XDP_FLAGS, flags)
    netlink.request(NEWLINK, 0, link(ifindex) + attribute(IFLA_XDP | NESTED, inner))
