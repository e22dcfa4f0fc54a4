"""BTF, the kernel's type format (Documentation/bpf/btf.rst): types and strings, both ways, and .BTF.ext.

A :class:`Type` keeps a type's record as it stands; type ids are positions (id 0 is ``void``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from ....semantics.source import InputError, Span

MAGIC: Final = 0xEB9F
(
    VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, VAR,
    DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64,
) = range(20)  # fmt: skip

_HEADER: Final = struct.Struct("<HBBIIIII")
_TYPE: Final = struct.Struct("<III")

_EXTRA: Final = {
    INT: (4, 0), PTR: (0, 0), ARRAY: (12, 0), STRUCT: (0, 12), UNION: (0, 12), ENUM: (0, 8), FWD: (0, 0),
    TYPEDEF: (0, 0), VOLATILE: (0, 0), CONST: (0, 0), RESTRICT: (0, 0), FUNC: (0, 0), FUNC_PROTO: (0, 8),
    VAR: (4, 0), DATASEC: (0, 12), FLOAT: (0, 0), DECL_TAG: (4, 0), TYPE_TAG: (0, 0), ENUM64: (0, 12),
}  # fmt: skip
"""Kind → bytes that follow the record: fixed, and per element."""

_THROUGH: Final = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)
_DEPTH: Final = 64


@dataclass(frozen=True, slots=True)
class Type:
    """A type: ``arg`` is its size or the type it refers to; ``rows`` are its elements (members, parameters, variables)
    or the words of its one extra record, as numbers, with names already resolved."""

    kind: int
    name: str = ""
    arg: int = 0
    rows: tuple[tuple[str | int, ...], ...] = ()
    vlen: int = 0
    flag: bool = False


_NAMED_ROWS: Final = (STRUCT, UNION, ENUM, FUNC_PROTO, ENUM64)
"""Kinds whose elements begin with a name."""


class Btf:
    """Types by id, as they were read; every look-up checks the id."""

    def __init__(self, types: Sequence[Type], place: Span) -> None:
        self.types, self.place = types, place

    def fail(self, message: str) -> NoReturn:
        """Raise the one error that this section gives."""
        raise InputError.at(self.place, f".BTF: {message}")

    def get(self, number: int | str) -> Type:
        """Type ``number``. Raises InputError if there is none."""
        if not isinstance(number, int) or number >= len(self.types):
            self.fail(f"there is no type {number}")
        return self.types[number]

    def plain(self, number: int | str) -> Type:
        """Type ``number`` behind typedefs and qualifiers."""
        found = self.get(number)
        for _ in range(_DEPTH):
            if found.kind not in _THROUGH:
                break
            found = self.get(found.arg)
        else:
            self.fail("types refer to each other without end")
        return found

    def size(self, number: int | str) -> int:
        """Bytes of a type. Raises InputError for one that has no size."""
        factor = 1
        found = self.plain(number)
        for _ in range(_DEPTH):
            if found.kind != ARRAY:
                break
            element, _, count = found.rows[0]
            factor *= int(count)
            found = self.plain(element)
        if found.kind not in (PTR, INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC):
            name = f" ({found.name})" if found.name else ""
            kind = "that is only declared" if found.kind == FWD else f"of kind {found.kind}"
            self.fail(f"a type {kind}{name} has no size")
        return factor * (8 if found.kind == PTR else found.arg)


def read(data: bytes, place: Span) -> tuple[Btf, bytes]:
    """The types in a .BTF section, and its strings. Raises InputError."""
    empty = Btf((), place)
    if len(data) < _HEADER.size:
        empty.fail(f"{len(data)} bytes are no header")
    magic, version, _, header, type_off, type_len, str_off, str_len = _HEADER.unpack_from(data)
    if magic != MAGIC or version != 1 or header < _HEADER.size:
        empty.fail(f"magic {magic:#x}, version {version}, header of {header} bytes is not BTF version 1")
    if header + type_off + type_len > len(data) or header + str_off + str_len > len(data):
        empty.fail("types or strings reach past the end of the section")
    strings = data[header + str_off : header + str_off + str_len]
    types = [Type(VOID), *_types(data[header + type_off : header + type_off + type_len], strings, empty)]
    return Btf(types, place), strings


def string(strings: bytes, offset: int, errors: Btf) -> str:
    """The string at ``offset`` of the table. Raises InputError."""
    end = strings.find(b"\0", offset) if offset < len(strings) else -1
    if end < 0:
        errors.fail(f"offset {offset:#x} is not a string of the table of {len(strings)} bytes")
    return strings[offset:end].decode(errors="replace")


def _types(data: bytes, strings: bytes, errors: Btf) -> Iterator[Type]:
    at = 0
    while at < len(data):
        if at + _TYPE.size > len(data):
            errors.fail(f"type record at {at:#x} is cut short")
        name, info, arg = _TYPE.unpack_from(data, at)
        kind, vlen = info >> 24 & 0x1F, info & 0xFFFF
        if kind not in _EXTRA:
            errors.fail(f"type record at {at:#x} has the unknown kind {kind}")
        fixed, each = _EXTRA[kind]
        at += _TYPE.size
        extra = fixed + each * vlen
        if at + extra > len(data):
            errors.fail(f"type record at {at - _TYPE.size:#x} is cut short")
        words = struct.unpack_from(f"<{extra // 4}I", data, at)
        at += extra
        step = (each or fixed) // 4
        rows = [words[i : i + step] for i in range(0, len(words), step)] if step else []
        named = kind in _NAMED_ROWS
        resolved = tuple((string(strings, r[0], errors), *r[1:]) if named else tuple(r) for r in rows)
        yield Type(kind, string(strings, name, errors), arg, resolved, vlen, bool(info >> 31))


class Builder:
    """Collects types and strings for a .BTF section; equal types are stored once."""

    def __init__(self) -> None:
        self._types: dict[Type, int] = {Type(VOID): 0}
        self._strings = bytearray(b"\0")
        self._places: dict[str, int] = {"": 0}

    def string(self, text: str) -> int:
        """The offset of ``text`` in the table of strings."""
        if text not in self._places:
            self._places[text] = len(self._strings)
            self._strings += text.encode() + b"\0"
        return self._places[text]

    def add(self, found: Type) -> int:
        """The id of the type."""
        return self._types.setdefault(found, len(self._types))

    def integer(self, size: int) -> int:
        """An unsigned integer of 1, 2, 4 or 8 bytes."""
        names = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long"}
        return self.add(Type(INT, names[size], size, ((8 * size,),)))

    def signed_int(self) -> int:
        """C's ``int``."""
        return self.add(Type(INT, "int", 4, ((1 << 24 | 32,),)))

    def array(self, element: int, count: int) -> int:
        """``count`` times type ``element``."""
        return self.add(Type(ARRAY, "", 0, ((element, self.integer(4), count),)))

    def pointer(self, to: int) -> int:
        """A pointer to type ``to``."""
        return self.add(Type(PTR, "", to))

    def struct(self, name: str, size: int, members: Sequence[tuple[str, int, int]]) -> int:
        """A struct of ``size`` bytes with ``members`` (name, type, byte offset)."""
        rows = tuple((member, number, offset * 8) for member, number, offset in members)
        return self.add(Type(STRUCT, name, size, rows, len(rows)))

    def function(self, name: str, *, entry: bool) -> int:
        """A function that returns a number; the ``entry`` is global and takes the context, others are static."""
        return self.add(Type(FUNC, name, self.prototype(context=entry), (), 1 if entry else 0))

    def prototype(self, *, context: bool = True) -> int:
        """What functions that return a number are called with: the ``context``, or nothing."""
        params = (("ctx", self.pointer(0)),) if context else ()
        return self.add(Type(FUNC_PROTO, "", self.signed_int(), params, len(params)))

    def data(self) -> bytes:
        """The section."""
        records = b"".join(self._record(found) for found in self._types if found.kind)
        header = (MAGIC, 1, 0, _HEADER.size, 0, len(records), len(records), len(self._strings))
        return _HEADER.pack(*header) + records + bytes(self._strings)

    def _record(self, found: Type) -> bytes:
        info = found.kind << 24 | found.vlen | found.flag << 31
        words = [self.string(w) if isinstance(w, str) else w for row in found.rows for w in row]
        return _TYPE.pack(self.string(found.name), info, found.arg) + struct.pack(f"<{len(words)}I", *words)


# --- .BTF.ext -----------------------------------------------------------------------------------------------------

_EXT: Final = struct.Struct("<HBBIIIII")
_CORE: Final = struct.Struct("<II")
Records = dict[str, list[tuple[int, ...]]]
"""Section name → records, each a tuple of words, the first one the instruction's byte offset in the section."""


def write_ext(builder: Builder, functions: Records, lines: Records) -> bytes:
    """The .BTF.ext section with function records (offset, type) and line records (offset, file, text, line/column)."""
    first, second = _info(builder, functions, 2), _info(builder, lines, 4)
    return _EXT.pack(MAGIC, 1, 0, _EXT.size, 0, len(first), len(first), len(second)) + first + second


def _info(builder: Builder, records: Records, words: int) -> bytes:
    out = [struct.pack("<I", 4 * words)]
    for section, rows in records.items():
        if rows:
            out.append(struct.pack("<II", builder.string(section), len(rows)))
            out += [struct.pack(f"<{words}I", *row) for row in rows]
    return b"".join(out) if len(out) > 1 else b""


def read_ext(data: bytes, strings: bytes, place: Span) -> tuple[Records, Records]:
    """The records of lines and of CO-RE relocations of a .BTF.ext section. Raises InputError."""
    errors = Btf((), Span(place.file, 0, 0))
    if len(data) < _EXT.size:
        errors.fail(f".BTF.ext: {len(data)} bytes are no header")
    magic, version, _, header, _, _, line_off, line_len = _EXT.unpack_from(data)
    if magic != MAGIC or version != 1 or not _EXT.size <= header <= len(data):
        errors.fail(".BTF.ext: not version 1")
    core_off, core_len = _CORE.unpack_from(data, _EXT.size) if header >= _EXT.size + _CORE.size else (0, 0)
    if header + max(line_off + line_len, core_off + core_len) > len(data):
        errors.fail(".BTF.ext: records reach past the end of the section")
    at, core_at = header + line_off, header + core_off
    core = data[core_at : core_at + core_len]
    return _read_info(data[at : at + line_len], strings, errors), _read_info(core, strings, errors)


def _read_info(data: bytes, strings: bytes, errors: Btf) -> Records:
    out: Records = {}
    if not data:
        return out
    size = struct.unpack_from("<I", data)[0] if len(data) >= 4 else 0
    if size < 16 or size % 4:
        errors.fail(f".BTF.ext: records of {size} bytes")
    at = 4
    while at < len(data):
        if at + 8 > len(data):
            errors.fail(".BTF.ext: records are cut short")
        name, count = struct.unpack_from("<II", data, at)
        at += 8
        if at + count * size > len(data):
            errors.fail(".BTF.ext: records are cut short")
        rows = [struct.unpack_from("<4I", data, at + i * size) for i in range(count)]
        out.setdefault(string(strings, name, errors), []).extend(rows)
        at += count * size
    return out
