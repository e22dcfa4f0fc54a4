"""Messages between a pool and its workers: a length, the number of the job that they belong to, a kind, bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_HEAD: Final = struct.Struct(">IQc")
STARTED: Final = b"s"
DONE: Final = b"d"
JOB: Final = b"j"
Message = tuple[int, bytes, bytes]
"""Number of the job, kind, content."""


def framed(number: int, kind: bytes, content: bytes = b"") -> bytes:
    """A message as bytes."""
    return _HEAD.pack(len(content), number, kind) + content


def messages(buffer: bytearray) -> Iterator[Message]:
    """The whole messages at the front of ``buffer``, which are taken away."""
    while len(buffer) >= _HEAD.size:
        length, number, kind = _HEAD.unpack_from(buffer)
        end = _HEAD.size + length
        if len(buffer) < end:
            return
        content = bytes(buffer[_HEAD.size : end])
        del buffer[:end]
        yield number, kind, content
