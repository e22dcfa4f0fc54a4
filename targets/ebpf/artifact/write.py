"""An object as the ELF file that libbpf, bpftool and tc load.

Programs stand in the section that they name, one behind the other; their functions stand in ``.text``; maps are
described by BTF in ``.maps``; global data stands in sections of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from . import btf, elf
from .elf import Elf, Relocation, Section, Symbol
from .insn import CALL_LOCAL, JMP, JMP_OPS, PSEUDO_FUNC, SLOT, Insn, encode
from .maps import check_identifier, describe
from .program import F_RDONLY_PROG, BpfObject, BpfProgram, MapDef

R_BPF_64_64, R_BPF_64_ABS64, R_BPF_64_32 = 1, 2, 10
"""Relocation types: a 64-bit immediate load, a pointer in data, a call."""

CALL: Final = JMP_OPS["call"] | JMP
TEXT: Final = ".text"
MAPS: Final = ".maps"
DATA_PREFIXES: Final = (".rodata", ".data", ".bss")


def is_data(name: str) -> bool:
    """Whether a section holds global data, which libbpf turns into a map."""
    return any(name == p or name.startswith(p + ".") for p in DATA_PREFIXES)


def is_local_call(insn: Insn) -> bool:
    """Whether this calls one of the program's own functions."""
    return insn.opcode == CALL and insn.src == CALL_LOCAL


def write_elf(obj: BpfObject) -> bytes:
    """The bytes of the object file.

    Raises:
        ValueError: the object holds what such a file cannot say: names that are no C identifiers or occur twice, a
            reference to a map that it does not have, functions whose bounds are not those of instructions.
    """
    return _Writer(obj).file()


class _Writer:
    def __init__(self, obj: BpfObject) -> None:
        self.obj = obj
        self.types = btf.Builder()
        self.sections: list[Section] = [Section("", elf.SHT_NULL)]
        self.local: list[Symbol] = [Symbol("", 0, 0, 0, 0, elf.STB_LOCAL)]
        self.shared: list[Symbol] = []
        self.code: dict[str, bytearray] = {}
        self.functions: btf.Records = {}
        self.lines: btf.Records = {}
        self.pending: list[tuple[str, int, int, Symbol]] = []
        self.of_map: dict[str, Symbol] = {}

    def file(self) -> bytes:
        _check(self.obj)
        self._indexes = self._section_indexes()
        self._maps()
        for program in self.obj.programs:
            self._program(program)
        for item in self.obj.maps:
            self._held(item)
        for name, code in self.code.items():
            section = self.sections[self._indexes[name]]
            section.data = bytes(code)
        self._rest()
        symbols = self.local + self.shared
        numbers = {id(symbol): number for number, symbol in enumerate(symbols)}
        for name, offset, kind, symbol in self.pending:
            relocation = Relocation(offset, kind, numbers[id(symbol)])
            self.sections[self._indexes[name]].relocations.append(relocation)
        return elf.write(Elf(self.sections, symbols))

    def _section_indexes(self) -> dict[str, int]:
        """Make the sections that symbols refer to, so that their numbers are known."""
        names = dict.fromkeys(p.section for p in self.obj.programs)
        if any(p.functions for p in self.obj.programs):
            names[TEXT] = None
        out: dict[str, int] = {}
        for name in names:
            out[name] = len(self.sections)
            self.sections.append(Section(name, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_EXECINSTR, align=SLOT))
            self.code[name] = bytearray()
        for item in self.obj.maps:
            if item.data is not None:
                out[item.name] = len(self.sections)
                self.sections.append(_data_section(item))
        if any(item.data is None for item in self.obj.maps):
            out[MAPS] = len(self.sections)
            self.sections.append(Section(MAPS, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE, align=SLOT))
        return out

    def _maps(self) -> None:
        at, rows = 0, []
        for item in self.obj.maps:
            if item.data is not None:
                symbol = Symbol(item.name, self._indexes[item.name], 0, 0, elf.STT_SECTION, elf.STB_LOCAL)
                self.local.append(symbol)
            else:
                number, size = describe(self.types, item)
                symbol = Symbol(item.name, self._indexes[MAPS], at, size, elf.STT_OBJECT)
                rows.append((number, at, size))
                at += size
                self.shared.append(symbol)
            self.of_map[item.name] = symbol
        if rows:
            self.types.add(btf.Type(btf.DATASEC, MAPS, at, tuple(rows), len(rows)))
            self.sections[self._indexes[MAPS]].data = bytes(at)

    def _held(self, item: MapDef) -> None:
        """The pointers to the programs that an array holds at the start, which lie at the variable's end."""
        if not item.programs:
            return
        variable = self.of_map[item.name]
        first = variable.value + variable.size - 8 * (max(item.programs) + 1)
        for index, name in item.programs.items():
            program = next(symbol for symbol in self.shared if symbol.type == elf.STT_FUNC and symbol.name == name)
            self.pending.append((MAPS, first + 8 * index, R_BPF_64_ABS64, program))

    def _program(self, program: BpfProgram) -> None:
        starts = [f.slot for f in program.functions]
        bounds = [0, *starts, program.slots()[-1]]
        names = [program.name, *(f.name for f in program.functions)]
        homes: list[tuple[str, int]] = []
        symbols: list[Symbol] = []
        for i, name in enumerate(names):
            section = program.section if i == 0 else TEXT
            binding = elf.STB_GLOBAL if i == 0 else elf.STB_LOCAL
            at = len(self.code[section])
            size = (bounds[i + 1] - bounds[i]) * SLOT
            symbol = Symbol(name, self._indexes[section], at, size, elf.STT_FUNC, binding)
            (self.shared if i == 0 else self.local).append(symbol)
            symbols.append(symbol)
            homes.append((section, at))
            self.code[section] += bytes(size)
            self.functions.setdefault(section, []).append((at, self.types.function(name, entry=i == 0)))
        by_slot = dict(zip(bounds[:-1], symbols, strict=True))
        which = _owner(bounds)
        for slot, insn in zip(program.slots(), program.insns, strict=False):
            part = which(slot)
            section, base = homes[part]
            self._instruction(insn, slot, section, base + (slot - bounds[part]) * SLOT, by_slot)
        for line in program.lines:
            part = which(line.slot)
            section, base = homes[part]
            place = line.line << 10 | line.column
            row = (base + (line.slot - bounds[part]) * SLOT, self.types.string(line.file))
            self.lines.setdefault(section, []).append((*row, self.types.string(line.text), place))

    def _instruction(self, insn: Insn, slot: int, section: str, at: int, by_slot: Mapping[int, Symbol]) -> None:
        if insn.map is not None:
            self.pending.append((section, at, R_BPF_64_64, self.of_map[insn.map]))
        elif is_local_call(insn):
            self.pending.append((section, at, R_BPF_64_32, by_slot[slot + 1 + insn.imm]))
            insn = replace(insn, imm=-1)
        code = encode((insn,))
        self.code[section][at : at + len(code)] = code

    def _rest(self) -> None:
        self.sections.append(Section("license", data=self.obj.license.encode() + b"\0", flags=elf.SHF_ALLOC))
        if self.functions or self.obj.maps:
            ext = btf.write_ext(self.types, _sorted(self.functions), _sorted(self.lines))
            self.sections.append(Section(".BTF", data=self.types.data(), align=4))
            self.sections.append(Section(".BTF.ext", data=ext, align=4))
        self.sections += [Section(name, data=data) for name, data in self.obj.sections.items()]


def _sorted(records: btf.Records) -> btf.Records:
    return {name: sorted(rows, key=lambda row: row[0]) for name, rows in records.items()}


def _owner(bounds: list[int]) -> Callable[[int], int]:
    """Slot → number of the function that it lies in."""
    return lambda slot: max(0, bisect_right(bounds[:-1], slot) - 1)


def _data_section(item: MapDef) -> Section:
    assert item.data is not None
    flags = elf.SHF_ALLOC | (0 if item.flags & F_RDONLY_PROG else elf.SHF_WRITE)
    if item.name == ".bss" or item.name.startswith(".bss."):
        return Section(item.name, elf.SHT_NOBITS, flags, size=len(item.data), align=8)
    return Section(item.name, elf.SHT_PROGBITS, flags, item.data, align=8)


# --- what cannot be written ---------------------------------------------------------------------------------------

RESERVED: Final = ("license", MAPS, TEXT, ".BTF", ".BTF.ext", ".strtab", ".symtab", "maps")


def _check(obj: BpfObject) -> None:
    _unique([p.name for p in obj.programs] + [m.name for m in obj.maps], "name")
    sections = {p.section for p in obj.programs}
    _unique([*sections, *obj.sections, *(m.name for m in obj.maps if m.data is not None)], "section")
    for name in (*sections, *obj.sections):
        if name in RESERVED or name.startswith(".rel") or not name or (is_data(name) and name in obj.sections):
            raise ValueError(f"section name {name!r} is taken by the format")
    for item in obj.maps:
        if (item.data is not None) != is_data(item.name):
            raise ValueError(f"map {item.name}: only global data has content, and is named after its section")
        if item.data is not None and (item.key_size, item.value_size, item.max_entries) != (4, len(item.data), 1):
            raise ValueError(f"map {item.name}: global data is one value with a key of 4 bytes")
        if item.data and ".bss" in item.name and any(item.data):
            raise ValueError(f"map {item.name}: .bss holds zeros only")
    for item in obj.maps:
        held = sorted(set((item.programs or {}).values()))
        missing = held if item.type != "prog_array" else [n for n in held if all(p.name != n for p in obj.programs)]
        if missing:
            raise ValueError(f"map {item.name}: it cannot hold program {missing[0]}")
    for program in obj.programs:
        _check_program(program, {m.name for m in obj.maps})


def _check_program(program: BpfProgram, maps: set[str]) -> None:
    check_identifier(program.name, "program name")
    places = program.slots()
    starts = [f.slot for f in program.functions]
    if not program.insns or starts != sorted(set(starts)) or not {0, *starts} <= set(places[:-1]) or 0 in starts:
        raise ValueError(f"program {program.name}: functions do not start at instructions, in order")
    for function in program.functions:
        check_identifier(function.name, "function name")
    for slot, insn in zip(places, program.insns, strict=False):
        if insn.map is not None and insn.map not in maps:
            raise ValueError(f"program {program.name}, instruction {slot}: there is no map {insn.map}")
        if is_local_call(insn) and slot + 1 + insn.imm not in starts:
            raise ValueError(f"program {program.name}, instruction {slot}: calls into the middle of something")
        if insn.wide and insn.src == PSEUDO_FUNC:
            raise ValueError(f"program {program.name}, instruction {slot}: takes the address of a function")


def _unique(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} occurs twice")
        seen.add(name)
