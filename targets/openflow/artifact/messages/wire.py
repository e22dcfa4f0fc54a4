"""Bytes of messages, read in order; every error names the byte."""

from __future__ import annotations

from .....semantics.source import InputError, Span


class Wire:
    """Bytes ``[at, end)`` of a file; what is read moves ``at``."""

    def __init__(self, data: bytes, name: str, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.name = name
        self.at = at
        self.end = len(data) if end is None else end

    @property
    def left(self) -> int:
        """Bytes that are not read yet."""
        return self.end - self.at

    def error(self, message: str, at: int | None = None) -> InputError:
        """An error at a byte (None: at the next one)."""
        return InputError.at(Span(self.name, 0, 0), f"byte {self.at if at is None else at}: {message}")

    def take(self, count: int, what: str = "this") -> bytes:
        """So many bytes. Raises InputError if there are not."""
        if count > self.left:
            raise self.error(f"{what} needs {count} bytes, and {self.left} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count: int, what: str = "a number") -> int:
        """A number of so many bytes, in network order."""
        return int.from_bytes(self.take(count, what), "big")

    def part(self, count: int, what: str) -> Wire:
        """The next so many bytes, to be read by themselves."""
        start = self.at
        self.take(count, what)
        return Wire(self.data, self.name, start, self.at)


def padding(data: bytes) -> bytes:
    """``data`` and zeros up to a multiple of 8 bytes."""
    return data + bytes(-len(data) % 8)
