"""ELF64 little-endian relocatable files (System V gABI, chapter 4) as sections, symbols and relocations, both ways.

Only what an eBPF object needs. The reader trusts nothing: every offset, size and index is checked against the file
before it is used, and what does not fit raises :class:`InputError` naming the place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from ....semantics.source import InputError, Span

EM_BPF: Final = 247
ET_REL: Final = 1
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS, SHT_REL = 0, 1, 2, 3, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION = 0, 1, 2, 3
STB_LOCAL, STB_GLOBAL = 0, 1
SHN_UNDEF: Final = 0
SHN_LORESERVE: Final = 0xFF00

_EHDR: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SHDR: Final = struct.Struct("<IIQQQQIIQQ")
_SYM: Final = struct.Struct("<IBBHQQ")
_REL: Final = struct.Struct("<QQ")


@dataclass(slots=True)
class Symbol:
    """A symbol: where it is (``section`` an index, 0 undefined), how big, of which type and binding."""

    name: str
    section: int
    value: int
    size: int
    type: int
    binding: int = STB_GLOBAL


@dataclass(slots=True)
class Relocation:
    """At byte ``offset`` of the section it belongs to: put in what symbol number ``symbol`` is, in the way ``type``."""

    offset: int
    type: int
    symbol: int


@dataclass(slots=True)
class Section:
    """A section; its index is its position in :attr:`Elf.sections`."""

    name: str
    type: int = SHT_PROGBITS
    flags: int = 0
    data: bytes = b""
    align: int = 1
    link: int = 0
    info: int = 0
    entry_size: int = 0
    size: int = 0
    """Bytes it stands for; differs from ``len(data)`` only for NOBITS."""
    relocations: list[Relocation] = field(default_factory=list)


@dataclass(slots=True)
class Elf:
    """A relocatable file: sections (number 0 is the null section) and symbols (number 0 is the null symbol)."""

    sections: list[Section]
    symbols: list[Symbol]
    machine: int = EM_BPF


# --- reading ------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name

    def fail(self, message: str) -> NoReturn:
        raise InputError.at(Span(self.name, 0, 0), message)

    def bytes_at(self, offset: int, size: int, what: str) -> bytes:
        if offset + size > len(self.data):
            self.fail(
                f"{what} (offset {offset:#x}, {size} bytes) reaches past the end of the file at {len(self.data):#x}"
            )
        return self.data[offset : offset + size]


def looks_like_elf(data: bytes) -> bool:
    """Whether ``data`` begins like an ELF file for BPF."""
    return len(data) >= 20 and data[:4] == b"\x7fELF" and struct.unpack_from("<H", data, 18)[0] == EM_BPF


def read(data: bytes, name: str) -> Elf:
    """The file in ``data``.

    Raises:
        InputError: it is not a whole ELF64 little-endian relocatable file for BPF; ``name`` and the place are named.
    """
    reader = _Reader(data, name)
    table, count, names_index = _header(reader)
    raw = [
        _SHDR.unpack(reader.bytes_at(table + i * _SHDR.size, _SHDR.size, f"section header {i}")) for i in range(count)
    ]
    sections = [_section(reader, i, row) for i, row in enumerate(raw)]
    if not 0 < names_index < count or sections[names_index].type != SHT_STRTAB:
        reader.fail(f"ELF header: section {names_index} is no table of section names")
    for index, section in enumerate(sections):
        if section.type != SHT_NULL:
            section.name = _string(reader, sections[names_index].data, raw[index][0], f"name of section {index}")
    symbols = _symbols(reader, sections)
    _relocations(reader, sections, len(symbols))
    return Elf(sections, symbols)


def _header(reader: _Reader) -> tuple[int, int, int]:
    """``(section table's offset, number of sections, index of the section with their names)``."""
    if not reader.data:
        reader.fail("the file is empty; an ELF object file was expected")
    if reader.data[:4] != b"\x7fELF":
        reader.fail("not an ELF object file: it does not begin with 7f 45 4c 46")
    head = _EHDR.unpack(reader.bytes_at(0, _EHDR.size, "ELF header"))
    ident, kind, machine = head[0], head[1], head[2]
    if ident[4] != 2:
        reader.fail("ELF header: not a 64-bit file")
    if ident[5] != 1:
        reader.fail("ELF header: not a little-endian file")
    if machine != EM_BPF:
        reader.fail(f"ELF header: made for machine {machine}, not for BPF ({EM_BPF})")
    if kind != ET_REL:
        reader.fail(f"ELF header: file type {kind} is not a relocatable object ({ET_REL})")
    table, entry, count, names = head[6], head[11], head[12], head[13]
    if count == 0 or table == 0:
        reader.fail("ELF header: the file has no sections")
    if entry != _SHDR.size:
        reader.fail(f"ELF header: section headers of {entry} bytes, not {_SHDR.size}")
    return table, count, names


def _section(reader: _Reader, index: int, row: tuple[int, ...]) -> Section:
    _, kind, flags, _, offset, size, link, info, align, entry = row
    data = b""
    if kind not in (SHT_NULL, SHT_NOBITS):
        data = reader.bytes_at(offset, size, f"section {index}")
    if kind == SHT_NOBITS and size > 1 << 26:
        reader.fail(f"section {index}: {size} bytes of zeros are more than this reader takes")
    return Section("", kind, flags, data, align, link, info, entry, size)


def _string(reader: _Reader, table: bytes, offset: int, what: str) -> str:
    end = table.find(b"\0", offset) if offset < len(table) else -1
    if end < 0:
        reader.fail(f"{what}: offset {offset:#x} is not a string of the table of {len(table)} bytes")
    try:
        return table[offset:end].decode()
    except UnicodeDecodeError:
        reader.fail(f"{what}: not UTF-8")


def _rows(reader: _Reader, section: Section, row: struct.Struct, what: str) -> Iterator[tuple[int, ...]]:
    if section.entry_size != row.size or len(section.data) % row.size:
        reader.fail(f"{what}: {len(section.data)} bytes are not entries of {row.size} bytes")
    return row.iter_unpack(section.data)


def _symbols(reader: _Reader, sections: Sequence[Section]) -> list[Symbol]:
    tables = [s for s in sections if s.type == SHT_SYMTAB]
    if len(tables) > 1:
        reader.fail("the file has more than one symbol table")
    if not tables:
        return []
    table = tables[0]
    if not 0 < table.link < len(sections) or sections[table.link].type != SHT_STRTAB:
        reader.fail(f"section {table.name}: section {table.link} is no table of symbol names")
    strings, out = sections[table.link].data, []
    for number, (name, info, _, section, value, size) in enumerate(_rows(reader, table, _SYM, table.name)):
        if len(sections) <= section < SHN_LORESERVE:
            reader.fail(f"symbol {number}: there is no section {section}")
        text = _string(reader, strings, name, f"name of symbol {number}")
        kind = info & 15
        if kind == STT_SECTION and section < len(sections):
            text = sections[section].name
        elif 0 < section < len(sections) and kind in (STT_OBJECT, STT_FUNC):
            if value + size > sections[section].size:
                reader.fail(f"symbol {text}: reaches past the end of section {sections[section].name}")
        out.append(Symbol(text, section, value, size, kind, info >> 4))
    return out


def _relocations(reader: _Reader, sections: Sequence[Section], symbols: int) -> None:
    for table in sections:
        if table.type != SHT_REL:
            continue
        if not 0 < table.info < len(sections):
            reader.fail(f"section {table.name}: there is no section {table.info} to relocate")
        section = sections[table.info]
        for offset, info in _rows(reader, table, _REL, table.name):
            symbol = info >> 32
            if not 0 < symbol < symbols:
                reader.fail(f"section {table.name}: relocation at {offset:#x} names symbol {symbol} of {symbols}")
            if offset >= section.size:
                reader.fail(f"section {table.name}: relocation at {offset:#x} lies past the end of {section.name}")
            section.relocations.append(Relocation(offset, info & 0xFFFFFFFF, symbol))


# --- writing ------------------------------------------------------------------------------------------------------


class _Strings:
    """A table of strings, each once."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0")
        self.places: dict[str, int] = {"": 0}

    def add(self, text: str) -> int:
        if text not in self.places:
            self.places[text] = len(self.data)
            self.data += text.encode() + b"\0"
        return self.places[text]


def write(elf: Elf) -> bytes:
    """The bytes of ``elf``: its sections, then one for each section's relocations, the symbols and the strings.

    Local symbols must stand before global ones. The sections given must not hold a symbol or string table.
    """
    strings = _Strings()
    sections = list(elf.sections)
    symtab = len(sections) + sum(1 for s in elf.sections if s.relocations)
    for index, section in enumerate(elf.sections):
        if section.relocations:
            rows = b"".join(_REL.pack(r.offset, r.symbol << 32 | r.type) for r in section.relocations)
            sections.append(Section(".rel" + section.name, SHT_REL, 0, rows, 8, symtab, index, _REL.size))
    local = sum(1 for s in elf.symbols if s.binding == STB_LOCAL)
    sections.append(
        Section(".symtab", SHT_SYMTAB, 0, _symbol_rows(elf.symbols, strings), 8, symtab + 1, local, _SYM.size)
    )
    names = [strings.add(s.name) for s in sections] + [strings.add(".strtab")]
    sections.append(Section(".strtab", SHT_STRTAB, 0, bytes(strings.data)))
    return _laid_out(sections, names, elf.machine)


def _symbol_rows(symbols: Sequence[Symbol], strings: _Strings) -> bytes:
    rows = []
    for symbol in symbols:
        name = 0 if symbol.type == STT_SECTION else strings.add(symbol.name)
        info = symbol.binding << 4 | symbol.type
        rows.append(_SYM.pack(name, info, 0, symbol.section, symbol.value, symbol.size))
    return b"".join(rows)


def _laid_out(sections: Sequence[Section], names: Sequence[int], machine: int) -> bytes:
    body = bytearray(_EHDR.size)
    headers = []
    for name, section in zip(names, sections, strict=True):
        body += bytes(-len(body) % max(1, section.align))
        size = section.size if section.type == SHT_NOBITS else len(section.data)
        offset = 0 if section.type == SHT_NULL else len(body)
        row = (name, section.type, section.flags, 0, offset, size, section.link, section.info)
        headers.append(_SHDR.pack(*row, section.align if section.type else 0, section.entry_size))
        body += section.data
    body += bytes(-len(body) % 8)
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    head = (ident, ET_REL, machine, 1, 0, 0, len(body), 0, _EHDR.size, 0, 0, _SHDR.size, len(headers), len(headers) - 1)
    body[: _EHDR.size] = _EHDR.pack(*head)
    return bytes(body) + b"".join(headers)
