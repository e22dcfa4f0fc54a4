"""What came of included files, on disk: tokens and declarations, found again by the content of all that made them.

An entry is a file named by the hash of its key and of this front end's own source. It begins with the hash of what
follows, so that a file that is cut off or damaged is not taken; it is then written anew. Entries are written beside
their place and moved there, so any number of processes may share the folder, and anybody may delete it at any time.
Nothing here raises: without a folder that can be written, everything is read and parsed again.

The folder is ``P4VERIFY_CACHE`` (``off`` for none), or ``p4verify`` in ``XDG_CACHE_HOME`` or ``~/.cache``.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
import tempfile
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "P4VERIFY_CACHE"
MAX_ENTRIES: Final = 512
"""More entries than this are thinned out, the oldest first."""

_HOME: Final = Path(__file__).resolve().parent
_MALFORMED: Final = (
    *(pickle.UnpicklingError, ValueError, TypeError, AttributeError, ImportError, EOFError, KeyError, IndexError),
)
_TRUSTED: Final = ("p4verify.semantics.p4.", "p4verify.semantics.source")
"""Modules whose classes an entry may hold: an entry that somebody else wrote makes no other objects."""


def folder() -> Path | None:
    """Where entries are; None if there shall be none."""
    given = os.environ.get(VARIABLE, "")
    if given.lower() in ("off", "0", "none"):
        return None
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return Path(base if os.path.isabs(base) else Path.home() / ".cache") / "p4verify"
    except (RuntimeError, KeyError):  # nobody's home
        return None


def key_of(*parts: object) -> str:
    """The name of an entry for ``parts``, whose ``repr`` says all that matters."""
    made = hashlib.sha256(_front_end().encode())
    for part in parts:
        data = repr(part).encode("utf-8", "surrogatepass")
        made.update(b"%d:" % len(data))
        made.update(data)
    return made.hexdigest()


@cache
def _front_end() -> str:
    """What ties entries to the source of this front end and to the interpreter."""
    made = hashlib.sha256(repr((sys.version_info[:2], pickle.HIGHEST_PROTOCOL)).encode())
    source = [*_HOME.glob("*.py"), *_HOME.glob("*.lark"), *_HOME.glob("actions/*.py"), *_HOME.glob("syntax/*.py")]
    for path in sorted([*source, _HOME.parent / "source.py"]):
        made.update(path.name.encode())
        made.update(path.read_bytes())
    return made.hexdigest()


class _Writer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Dataclasses as calls of their classes, which are read back much faster than objects with a state."""
        kind = type(value)
        if kind.__module__.startswith(_TRUSTED) and is_dataclass(kind):
            places, names = _parameters(kind)
            named = {name: getattr(value, name) for name in names}
            args = tuple(getattr(value, name) for name in places)
            return (_made, (kind, args, named)) if named else (kind, args)
        return NotImplemented


@cache
def _parameters(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of a dataclass: those given by place, and those by name."""
    known = [f for f in fields(kind) if f.init]
    return tuple(f.name for f in known if not f.kw_only), tuple(f.name for f in known if f.kw_only)


def _made(kind: type, args: tuple[object, ...], named: dict[str, object]) -> object:
    return kind(*args, **named)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (__name__, _made.__name__):
            return _made
        found = super().find_class(module, name) if module.startswith(_TRUSTED) and "." not in name else None
        if not isinstance(found, type) or found.__module__ != module:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in an entry")
        return found


def packed(value: object) -> bytes:
    """``value`` as bytes. Raises PicklingError, TypeError or RecursionError."""
    out = io.BytesIO()
    _Writer(out, pickle.HIGHEST_PROTOCOL).dump(value)
    return out.getvalue()


def unpacked(data: bytes) -> Any:
    """The value of such bytes. Raises one of many errors for others."""
    return _Reader(io.BytesIO(data)).load()


def load(key: str) -> Any:
    """The entry, or None if there is none that is whole."""
    home = folder()
    if home is None:
        return None
    try:
        data = (home / key).read_bytes()
        digest, payload = data[:32], data[32:]
        if hashlib.sha256(payload).digest() != digest:
            return None
        return unpacked(payload)
    except (OSError, *_MALFORMED):
        return None


def save(key: str, value: object) -> None:
    """Write an entry, if that is possible."""
    home = folder()
    if home is None:
        return
    temporary = ""
    try:
        payload = packed(value)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=home, prefix=".new-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(hashlib.sha256(payload).digest() + payload)
        os.replace(temporary, home / key)
        _thin_out(home)
    except (OSError, pickle.PicklingError, RecursionError, TypeError):
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _thin_out(home: Path) -> None:
    """Keep the folder small; others may do the same at the same time."""
    entries = [entry for entry in os.scandir(home) if entry.is_file(follow_symlinks=False)]  # others live here too
    if len(entries) <= MAX_ENTRIES:
        return
    oldest = sorted(entries, key=lambda entry: entry.stat().st_mtime)
    for entry in oldest[: len(entries) - MAX_ENTRIES // 2]:
        Path(entry.path).unlink(missing_ok=True)
