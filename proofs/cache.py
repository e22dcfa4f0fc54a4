"""Answers on disk, found by the content of the query: what was proven once is not proven again.

An entry is a file named by the hash of a query and of what answered it (:meth:`.units.Unit.key`). It holds its own
name, the name of its solver, and a checksum over all of it; one that is cut off, damaged, moved to another name or of
another version is a miss, counted in :attr:`Cache.damaged` and written anew. Only decided answers are kept: that a
query is unsatisfiable, or a model of it, which the reader has to check by evaluation before it counts. Entries are
written beside their place and moved there, so any number of processes may share a folder and anybody may delete it at
any time. A folder that cannot be read or written is an empty one.

What a cache is trusted for: that nobody but p4verify writes entries with a right checksum and a false ``unsat``.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .answers import Answer, packed, unpacked

MAGIC: Final = b"p4verify answer 1\n"
MAX_ENTRY: Final = 1 << 20
"""Bytes of the largest entry that is kept."""
_SHELVES: Final = 256
"""Folders below the cache's own, by the first byte of the key; each has its share of the cache's limits."""


@dataclass
class Cache:
    """A folder of answers.

    Args:
        folder: where entries are; made when the first one is written.
        max_entries: about how many are kept; the oldest go first.
        max_bytes: about how long they may be together.
    """

    folder: Path
    max_entries: int = 100_000
    max_bytes: int = 256 << 20
    damaged: int = field(default=0, init=False)
    """Entries that were not taken for what they seemed to be."""

    def load(self, key: str, solver: str) -> Answer | None:
        """The answer kept for ``key``, or None. Its model is as it was found: whoever uses it has to check it."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        try:
            answer = _opened(data, key, solver)
        except ValueError:
            self.damaged += 1
            return None
        return Answer(answer.status, answer.model, cached=True)

    def save(self, key: str, solver: str, answer: Answer) -> None:
        """Keep a decided answer, if that is possible; an undecided one is never kept."""
        if answer.status == "unknown":
            return
        data = _sealed(key, solver, answer)
        if len(data) > min(MAX_ENTRY, self.max_bytes // _SHELVES):
            return
        path, temporary = self._path(key), ""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(temporary).replace(path)
            self._thin_out(path.parent)
        except OSError:
            if temporary:
                Path(temporary).unlink(missing_ok=True)

    def reject(self, key: str) -> None:
        """Throw away an entry whose model does not satisfy its query."""
        self.damaged += 1
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError:
            return

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]

    def _thin_out(self, shelf: Path) -> None:
        """Keep a folder within its share of the limits; others may do the same at the same time."""
        found = []
        with os.scandir(shelf) as entries:
            for entry in entries:
                try:
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                found.append((stat.st_mtime_ns, stat.st_size, entry.path))
        count, size = len(found), sum(item[1] for item in found)
        if count <= self.max_entries / _SHELVES and size <= self.max_bytes / _SHELVES:
            return
        for _, length, path in sorted(found):  # half of what is allowed stays, so that this is rare
            if count <= self.max_entries / _SHELVES / 2 and size <= self.max_bytes / _SHELVES / 2:
                break
            Path(path).unlink(missing_ok=True)
            count, size = count - 1, size - length


def _sealed(key: str, solver: str, answer: Answer) -> bytes:
    body = f"{key}\n{solver}\n".encode("utf-8", "surrogateescape") + packed(answer)
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _opened(data: bytes, key: str, solver: str) -> Answer:
    """The answer in an entry. Raises ValueError if it is not whole, or is one of something else."""
    if not data.startswith(MAGIC):
        raise ValueError("no entry of this version")
    digest, _, body = data[len(MAGIC) :].partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise ValueError("damaged")
    head = f"{key}\n{solver}\n".encode("utf-8", "surrogateescape")
    if not body.startswith(head):
        raise ValueError("an entry of another query or solver")
    answer = unpacked(body[len(head) :])
    if answer.status == "unknown":
        raise ValueError("an entry that decides nothing")
    return answer
