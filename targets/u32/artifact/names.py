"""Names of u32 filters: handles, and the buckets that words go to."""

from __future__ import annotations

from ...tc.artifact.words import Command, shorten
from .filters import Handle


def read_handle(command: Command, what: str) -> Handle:
    """``table:bucket:node`` in hex with missing parts 0, or the whole as ``0x...`` (``get_u32_handle``)."""
    text = command.next(what)
    if ":" not in text:
        if not text.startswith("0x"):
            raise command.error(f"{what} expected, like 1:2:3, not {shorten(text)}")
        return Handle.of(command.as_number(text, what, 0, 0xFFFFFFFF, hexadecimal=True))
    parts = text.split(":")
    if len(parts) > 3:
        raise command.error(f"{what} has too many parts: {shorten(text)}")
    numbers = [_part(command, part, what) for part in parts] + [0]
    try:
        return Handle(*numbers[:3])
    except ValueError as error:
        raise command.error(str(error)) from None


def _part(command: Command, text: str, what: str) -> int:
    return command.as_number(text, what, 0, 0xFFFFFFFF, hexadecimal=True) if text else 0


def hash_fold(value: int, mask: int) -> int:
    """Which bucket a masked word goes to, before the divisor: shifted down to the mask's lowest bit."""
    shift = (mask & -mask).bit_length() - 1 if mask else 0
    return (value & mask) >> shift
