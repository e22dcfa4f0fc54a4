"""The command ``tc``, and rtnetlink where it has no words, run in the caller's network namespace."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Final, Protocol

from . import rtnetlink

_PATIENCE: Final = 300.0
_PLACES: Final = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin"


class Failed(Exception):
    """``tc`` fails; ``line``: the number of the line of a batch that it fails at, from 0 on."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.line = line

    @classmethod
    def of(cls, said: str) -> Failed:
        """From what it says: its complaint, and the line of a batch."""
        line: int | None = None
        kept: list[str] = []
        for text in said.splitlines():
            head, _, digits = text.rpartition(":")
            if head.startswith("Command failed") and digits.isdigit():
                line = int(digits) - 1
            elif text.strip() and not text.startswith("We have an error"):
                kept.append(text.strip())
        return cls("; ".join(kept[:3]) or "tc fails", line)


class Tc(Protocol):
    """How ``tc`` is run."""

    def ask(self, arguments: Sequence[str]) -> str:
        """What it prints. Raises Failed."""
        ...

    def batch(self, lines: Sequence[str]) -> None:
        """Commands one after the other; the first that fails ends them. Raises Failed."""
        ...

    def messages(self, requests: bytes) -> None:
        """Send rtnetlink messages; the first that is refused ends them. Raises Failed, with its number."""
        ...

    def index(self, device: str) -> int:
        """A device's interface number. Raises Failed."""
        ...


class Command:
    """The program itself."""

    def ask(self, arguments: Sequence[str]) -> str:
        """See :meth:`Tc.ask`."""
        tool = shutil.which("tc") or shutil.which("tc", path=_PLACES)
        if tool is None:
            raise Failed("tc is not installed")
        try:
            done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise Failed("tc does not come to an end") from None
        if done.returncode:
            raise Failed.of(done.stderr)
        return done.stdout

    def batch(self, lines: Sequence[str]) -> None:
        """See :meth:`Tc.batch`."""
        with tempfile.NamedTemporaryFile("w", prefix="p4v-", suffix=".tc") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            self.ask(["-batch", file.name])

    def messages(self, requests: bytes) -> None:
        """See :meth:`Tc.messages`."""
        try:
            rtnetlink.add(requests)
        except rtnetlink.Refused as error:
            raise Failed(str(error), error.number) from None
        except OSError as error:
            raise Failed(f"rtnetlink: {error}") from None

    def index(self, device: str) -> int:
        """See :meth:`Tc.index`."""
        try:
            return socket.if_nametoindex(device)
        except OSError:
            raise Failed(f'Cannot find device "{device}"') from None
