"""P4Info in protocol buffers' text format, laid out as ``TextFormat::Printer`` does (two blanks, one field a line)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from .model import P4Info, Word

_HEAD: Final = "# proto-file: p4/config/v1/p4info.proto\n# proto-message: p4.config.v1.P4Info\n\n"
_ESCAPES: Final = {10: "\\n", 13: "\\r", 9: "\\t", 34: '\\"', 39: "\\'", 92: "\\\\"}


def write(info: P4Info) -> str:
    """The text of a ``P4Info`` message."""
    return _HEAD + "".join(f"{line}\n" for line in _message(info, ""))


def _message(message: Any, indent: str) -> Iterator[str]:
    """The lines of a message; messages nest a handful deep, and tuples of tuples as deep as their types."""
    for item in fields(message):
        yield from _field(item.name, getattr(message, item.name), indent)


def _field(name: str, value: Any, indent: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, tuple):
        for item in value:
            yield from _one(name, item, indent)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str.encode):
            yield f"{indent}{name} {{"
            yield from _one("key", key, indent + "  ")
            yield from _one("value", value[key], indent + "  ")
            yield f"{indent}}}"
    elif is_dataclass(value) or _explicit(name) or value:
        yield from _one(name, value, indent)


def _explicit(name: str) -> bool:
    """Whether a field's presence is known although it holds its default: members of a oneof, ``optional``."""
    return name.endswith("_value") or name in ("sdn_bitwidth", "max_member_weight")


def _one(name: str, value: Any, indent: str) -> Iterator[str]:
    if is_dataclass(value):
        yield f"{indent}{name} {{"
        yield from _message(value, indent + "  ")
        yield f"{indent}}}"
    else:
        yield f"{indent}{name}: {_scalar(value)}"


def _scalar(value: str | bytes | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Word | int):
        return str(value)
    data = value.encode() if isinstance(value, str) else value
    return '"' + "".join(map(_byte, data)) + '"'


def _byte(byte: int) -> str:
    """A byte of a string, escaped where it is no printable ASCII character."""
    known = _ESCAPES.get(byte)
    if known is not None:
        return known
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
