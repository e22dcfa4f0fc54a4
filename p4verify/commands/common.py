"""What the subcommands share: output to a file or the terminal, progress, source options."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ..inputs import SourceOptions
from ..semantics.source import InputError, Span


def source_options(arguments: argparse.Namespace) -> SourceOptions:
    """``-I``, ``-D`` and ``--arch``."""
    return SourceOptions(tuple(arguments.include_dirs), tuple(arguments.defines), arguments.arch)


def emit(text: str | bytes, output: str | None) -> None:
    """Print ``text``, or write it whole to the file ``output``. Raises InputError if the file cannot be written."""
    if output is None:
        if isinstance(text, bytes):
            sys.stdout.buffer.write(text)
        else:
            print(text.encode(errors="replace").decode())  # names of files need not be Unicode
        return
    write_whole(output, text if isinstance(text, bytes) else text.encode(errors="replace") + b"\n")


def write_whole(path: str, data: bytes) -> None:
    """Write a file so that it is there as a whole or not at all. Raises InputError."""
    target = Path(path)
    try:
        if target.is_dir():
            raise InputError.at(Span(path, 0, 0), "cannot be written: it is a directory")
        if target.exists() and not target.is_file():  # a device or a pipe: nothing to replace
            target.write_bytes(data)
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InputError.at(Span(path, 0, 0), f"cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(target)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise InputError.at(Span(path, 0, 0), f"cannot be written: {error.strerror}") from None


def as_json(data: Any) -> str:
    """JSON as all commands print it."""
    return json.dumps(data, indent=2)


LINE_SECONDS: Final = 30.0


class Progress:
    """What is going on, on stderr: one line on a terminal, once a command has taken a second; elsewhere a line each
    :data:`LINE_SECONDS`, so that a log of CI shows that long work goes on."""

    def __init__(self, quiet: bool = False) -> None:
        self._on = not quiet
        self._terminal = sys.stderr.isatty()
        self._start = self._last = time.monotonic()
        self._shown = False

    def __call__(self, line: str) -> None:
        """Show ``line`` in place of the one before."""
        now = time.monotonic()
        pause = 0.1 if self._terminal else LINE_SECONDS
        if not self._on or now - self._start < 1 or now - self._last < pause:
            return
        self._last = now
        line = f"p4verify: {line} ({now - self._start:.0f} s)"
        if not self._terminal:
            print(line, file=sys.stderr, flush=True)
            return
        self._shown = True
        width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        print("\r\x1b[K" + line[:width], end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False
