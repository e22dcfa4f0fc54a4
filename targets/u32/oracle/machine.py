"""A private network namespace with tap devices: frames in, frames out, filters by rtnetlink.

The namespace is made in a thread of its own, so the caller stays where it is; it lives as long as the file descriptors
that were opened in it, and goes with them. A frame that is written to a tap runs through the whole receive path before
``write`` returns, so what was sent out of other taps can be read at once: nothing has to be waited for.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ...tc.artifact.attributes import HEADER, NLMSG_DONE, NLMSG_ERROR, attribute, message, messages, number

_CLONE_NEWNET: Final = 0x40000000
_TUNSETIFF: Final = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_SIOCGIFINDEX, _SIOCSIFFLAGS, _SIOCSIFMTU = 0x8933, 0x8914, 0x8922
_IFF_UP, _IFF_NOARP = 0x1, 0x80
_RTM_NEWQDISC, _RTM_DELTFILTER, _RTM_GETTFILTER = 36, 45, 46
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE, _NLM_F_DUMP = 1, 4, 0x200, 0x400, 0x300
_TC_H_CLSACT: Final = 0xFFFFFFF1
_TCA_KIND, _TCA_CHAIN, _TCA_INGRESS_BLOCK = 1, 11, 13
_TCMSG: Final = struct.Struct("=BxxxiIII")
_MAGIC_BLOCK: Final = -1
BLOCK: Final = 1
"""The shared block on every tap's ingress hook."""
_IN_FLIGHT: Final = 50
"""Messages sent before their acknowledgements are read, so that no buffer overflows."""
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_PATIENCE: Final = 30.0
"""Seconds for an answer that the kernel gives at once."""
MTU: Final = 9000
_LONGEST: Final = 65535


class Tap:
    """One tap device: ``write`` is receiving a frame there, ``read`` is what was sent out of it."""

    def __init__(self, name: str, control: socket.socket) -> None:
        self.descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            request = struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI)
            fcntl.ioctl(self.descriptor, _TUNSETIFF, request)
            asked = fcntl.ioctl(control, _SIOCGIFINDEX, struct.pack("16si20x", name.encode(), 0))
            self.index: int = struct.unpack_from("=i", asked, 16)[0]
            fcntl.ioctl(control, _SIOCSIFMTU, struct.pack("16si20x", name.encode(), MTU))
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), _IFF_UP | _IFF_NOARP))
        except BaseException:
            os.close(self.descriptor)
            raise

    def read(self) -> bytes | None:
        """The next frame, None if there is none."""
        try:
            return os.read(self.descriptor, _LONGEST)
        except BlockingIOError:
            return None


class Namespace:
    """A network namespace with as many taps as are asked for, all of whose ingress hooks share one block."""

    def __init__(self) -> None:
        self.taps: list[Tap] = []
        self._sequence = 0
        self._events = select.epoll()
        self._by_descriptor: dict[int, int] = {}
        self._inside(self._open)

    def _inside(self, work: Callable[[], None]) -> None:
        """Run in a thread that is, or goes, in a namespace of its own."""
        with ThreadPoolExecutor(1, "u32-oracle") as thread:
            thread.submit(work).result()

    def _open(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no network namespace of its own: unshare(CLONE_NEWNET)")
        for which in ("all", "default"):  # or the kernel sends router solicitations of its own
            path = Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6")
            with contextlib.suppress(FileNotFoundError):
                path.write_text("1")
        self._here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._netlink.bind((0, 0))
        self._netlink.settimeout(_PATIENCE)
        for option in (_SO_SNDBUFFORCE, _SO_RCVBUFFORCE):
            self._netlink.setsockopt(socket.SOL_SOCKET, option, 4 << 20)

    def need(self, count: int) -> None:
        """Make taps until there are ``count``."""
        if count > len(self.taps):
            self._inside(lambda: self._make(count - len(self.taps)))

    def _make(self, count: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(self._here, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        for _ in range(count):
            tap = Tap(f"tap{len(self.taps)}", self._control)
            self._events.register(tap.descriptor, select.EPOLLIN)
            self._by_descriptor[tap.descriptor] = len(self.taps)
            self.taps.append(tap)
            kind = attribute(_TCA_KIND, b"clsact\0") + number(_TCA_INGRESS_BLOCK, BLOCK)
            body = _TCMSG.pack(0, tap.index, 0xFFFF0000, _TC_H_CLSACT, 0) + kind
            self.request([(_RTM_NEWQDISC, _NLM_F_CREATE | _NLM_F_EXCL, body)])

    def request(self, requests: list[tuple[int, int, bytes]]) -> None:
        """Send ``(type, flags, body)`` messages; all are tried.

        Raises:
            OSError: the first that the kernel refused; its number in ``filename``.
        """
        refused: dict[int, int] = {}
        for start in range(0, len(requests), _IN_FLIGHT):
            part = requests[start : start + _IN_FLIGHT]
            flags = _NLM_F_REQUEST | _NLM_F_ACK
            first = self._sequence + 1
            data = b"".join(message(k, f | flags, first + i, body) for i, (k, f, body) in enumerate(part))
            self._sequence += len(part)
            self._netlink.send(data)
            refused |= {start + i: code for i, code in self._answers(first, len(part)).items()}
        if refused:
            which = min(refused)
            raise OSError(refused[which], os.strerror(refused[which]), which)

    def _answers(self, first: int, count: int) -> dict[int, int]:
        """The error numbers of refused requests, by their place."""
        refused = {}
        while count:
            data = self._netlink.recv(1 << 18)
            at = 0
            for one in messages(data, "<kernel>"):
                sequence = HEADER.unpack_from(data, at)[3]
                at += (HEADER.size + len(one.body.data) + 3) & ~3
                if one.kind != NLMSG_ERROR:
                    continue
                count -= 1
                code = struct.unpack_from("=i", one.body.data)[0]
                if code:
                    refused[sequence - first] = -code
        return refused

    def send_raw(self, requests: bytes) -> None:
        """Whole messages as they are, each of which is to be acknowledged.

        Raises:
            OSError: the first that the kernel refused.
        """
        bodies = [(one.kind, one.flags, one.body.data) for one in messages(requests, "<requests>")]
        self.request(bodies)

    def dump(self) -> bytes:
        """The messages with which the kernel shows all filters on the block."""
        self._sequence += 1
        body = _TCMSG.pack(0, _MAGIC_BLOCK, 0, BLOCK, 0)
        self._netlink.send(message(_RTM_GETTFILTER, _NLM_F_REQUEST | _NLM_F_DUMP, self._sequence, body))
        shown = b""
        while True:
            data = self._netlink.recv(1 << 18)
            for one in messages(data, "<kernel>"):
                if one.kind == NLMSG_DONE:
                    return shown + data
                if one.kind == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", one.body.data)[0], "the dump was refused")
            shown += data

    def flush(self, chains: set[int]) -> None:
        """Remove all filters of these chains."""
        for chain in sorted(chains):
            body = _TCMSG.pack(0, _MAGIC_BLOCK, 0, BLOCK, 0) + number(_TCA_CHAIN, chain)
            try:
                self.request([(_RTM_DELTFILTER, 0, body)])
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EINVAL):  # no such chain: nothing to remove
                    raise

    def pass_through(self, tap: int, frame: bytes) -> list[tuple[int, bytes]]:
        """Receive a frame on a tap; what was sent out of which tap, in no particular order."""
        os.write(self.taps[tap].descriptor, frame)
        seen = []
        for descriptor, _ in self._events.poll(0):
            which = self._by_descriptor[descriptor]
            while (sent := self.taps[which].read()) is not None:
                seen.append((which, sent))
        return seen

    def close(self) -> None:
        """Everything is gone with the last descriptor."""
        for tap in self.taps:
            os.close(tap.descriptor)
        self.taps = []
        self._events.close()
        self._netlink.close()
        self._control.close()
        os.close(self._here)
