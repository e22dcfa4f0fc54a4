"""Arrays of programs of what is installed, kept by a file in a BPF file system: the kernel empties an array of programs
when nobody has it open any more, though programs use it (``bpf_map_put_uref``, ``prog_array_map_clear`` in
kernel/bpf)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .oracle.kernel import KernelMap, pin

USUAL: Final = "/sys/fs/bpf"
"""Where a BPF file system is mounted on most machines."""
MOUNTS: Final = "/proc/thread-self/mountinfo"
"""What is mounted (proc_pid_mountinfo(5))."""


class NoFileSystem(Exception):
    """No BPF file system is mounted here."""


def keep(held: KernelMap, device: str, hook: str) -> None:
    """The array stays as it is until :func:`drop`. What an installation has left whose device
    went away gives way.

    Raises:
        NoFileSystem: see there.
        OSError: it cannot be kept.
    """
    mounts = _file_systems()
    if not mounts:
        raise NoFileSystem
    drop(device, hook)
    pin(held, str(mounts[0] / _name(device, hook)))


def drop(device: str, hook: str) -> None:
    """What was kept for a device, if anything was. Raises OSError."""
    for mount in _file_systems():
        with contextlib.suppress(FileNotFoundError):
            (mount / _name(device, hook)).unlink()


def _name(device: str, hook: str) -> str:
    """By the network namespace of this thread, and the interface's number in it."""
    return f"p4verify-{os.stat('/proc/thread-self/ns/net').st_ino}-{socket.if_nametoindex(device)}-{hook}"


def _file_systems() -> list[Path]:
    """Where BPF file systems are mounted, the usual one first."""
    return sorted(_mounted(), key=lambda path: str(path) != USUAL)


def _mounted() -> Iterator[Path]:
    with open(MOUNTS) as lines:
        for line in lines:
            about, _, kind = line.partition(" - ")
            if kind.split()[0] == "bpf":
                yield Path(about.split()[4].encode().decode("unicode_escape"))
