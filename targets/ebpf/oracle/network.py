"""A private network namespace with tap devices, and programs attached to their ingress by rtnetlink.

The namespace is entered by a thread of its own and lives as long as the descriptors opened in it. A frame written to a
tap has run through the receive path, the program and the sending device when ``write`` returns; nothing is waited for.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from . import rtnetlink
from .kernel import KernelProgram, Link

_CLONE_NEWNET: Final = 0x40000000
_TUNSETIFF, _TUNSETIFINDEX = 0x400454CA, 0x400454DA
_TAP, _NO_PI = 0x0002, 0x1000
_SIOCSIFFLAGS, _SIOCSIFMTU, _SIOCSIFADDR = 0x8914, 0x8922, 0x8916
_UP, _NOARP = 0x1, 0x80
MTU: Final = 9000
LONGEST_FRAME: Final = MTU + 14
"""Bytes of a frame that every device sends on; the kernel drops longer ones silently (``is_skb_forwardable``)."""
_LONGEST: Final = 1 << 16


Result = TypeVar("Result")


class Tap:
    """A tap device with a chosen interface number: ``send`` is receiving there, ``receive`` is what it sent."""

    def __init__(self, ifindex: int, control: socket.socket) -> None:
        self.ifindex = ifindex
        self.name = f"t{ifindex}".encode()
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self.fd, _TUNSETIFINDEX, struct.pack("=I", ifindex))
            fcntl.ioctl(self.fd, _TUNSETIFF, struct.pack("16sH22x", self.name, _TAP | _NO_PI))
            fcntl.ioctl(control, _SIOCSIFMTU, struct.pack("16si20x", self.name, MTU))
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", self.name, _UP | _NOARP))
        except BaseException:
            os.close(self.fd)
            raise

    def send(self, frame: bytes) -> None:
        """Let the device receive a frame."""
        os.write(self.fd, frame)

    def receive(self) -> bytes | None:
        """The next frame that the device sent, None if there is none."""
        try:
            return os.read(self.fd, _LONGEST)
        except BlockingIOError:
            return None


class Network:
    """A network namespace with taps by interface number."""

    def __init__(self) -> None:
        self.taps: dict[int, Tap] = {}
        self._events = select.epoll()
        self._by_fd: dict[int, Tap] = {}
        self._in_thread(self._open)

    def _in_thread(self, work: Callable[[], Result]) -> Result:
        with ThreadPoolExecutor(1, "ebpf-oracle") as thread:
            return thread.submit(work).result()

    def _open(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET): no network namespace of its own")
        for which in ("all", "default"):  # or the kernel sends router solicitations of its own
            with contextlib.suppress(FileNotFoundError):
                Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")
        self._here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._netlink = rtnetlink.Rtnetlink()

    def tap(self, ifindex: int) -> Tap:
        """The tap with this interface number, made if need be; with a clsact qdisc. Raises OSError (2 is the least)."""
        if ifindex not in self.taps:
            self._in_thread(lambda: self._make(ifindex))
        return self.taps[ifindex]

    def _make(self, ifindex: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(self._here, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        tap = Tap(ifindex, self._control)
        self.taps[ifindex] = tap
        self._by_fd[tap.fd] = tap
        self._events.register(tap.fd, select.EPOLLIN)
        clsact = rtnetlink.traffic(ifindex, rtnetlink.CLSACT_HANDLE, rtnetlink.CLSACT, 0)
        flags = rtnetlink.CREATE | rtnetlink.EXCLUSIVE
        self._netlink.request(rtnetlink.NEWQDISC, flags, clsact + rtnetlink.text(rtnetlink.KIND, "clsact"))

    def give_address(self, ifindex: int, address: str) -> None:
        """Let the host's own IPv4 stack answer on a tap."""
        request = struct.pack("=16sHH4s8x", self.taps[ifindex].name, socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(self._control, _SIOCSIFADDR, request)

    def attach(self, stack: ExitStack, hook: str, ifindex: int, program: KernelProgram) -> None:
        """Run ``program`` for what a tap receives until ``stack`` is closed, at hook "tc", "tcx" or "xdp"."""
        if hook == "xdp":
            self.attach_xdp(ifindex, program.fd)
            stack.callback(self.attach_xdp, ifindex, -1)
        elif hook == "tc":
            self.attach_tc(ifindex, program.fd)
            stack.callback(self.detach_tc, ifindex)
        else:
            self.inside(lambda: stack.push(Link(program, ifindex).__exit__))

    def attach_tc(self, ifindex: int, program: int) -> None:
        """cls_bpf with direct action on the ingress of a tap; ``program`` is a descriptor."""
        rtnetlink.attach_filter(self._netlink, ifindex, program, "p4verify")

    def detach_tc(self, ifindex: int) -> None:
        """Remove what :meth:`attach_tc` attached."""
        rtnetlink.detach_filter(self._netlink, ifindex)

    def attach_xdp(self, ifindex: int, program: int) -> None:
        """Generic XDP on a tap; descriptor -1 detaches."""
        rtnetlink.set_xdp(self._netlink, ifindex, program, rtnetlink.XDP_GENERIC)

    def inside(self, work: Callable[[], Result]) -> Result:
        """What ``work`` gives in the namespace (interface numbers are looked up in it)."""

        def entered() -> Result:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(self._here, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            return work()

        return self._in_thread(entered)

    def pass_through(self, ifindex: int, frame: bytes) -> list[tuple[int, bytes]]:
        """Let a tap receive a frame; ``(interface number, frame)`` for everything that was sent then."""
        self.taps[ifindex].send(frame)
        return self.sent(0)

    def sent(self, seconds: float) -> list[tuple[int, bytes]]:
        """``(interface number, frame)`` for what was sent, waiting for as long as this for the first."""
        sent = []
        for fd, _ in self._events.poll(seconds):
            tap = self._by_fd[fd]
            while (out := tap.receive()) is not None:
                sent.append((tap.ifindex, out))
        return sent

    def close(self) -> None:
        """Everything goes with the last descriptor."""
        for tap in self.taps.values():
            os.close(tap.fd)
        self.taps = {}
        self._events.close()
        self._netlink.close()
        self._control.close()
        os.close(self._here)
