"""An object file made for libbpf, by whatever compiler, as a :class:`BpfObject`.

Does what libbpf does before it loads: finds programs by their symbols, links the functions that they call behind them
(depth first, in the order of the calls), and resolves references to maps and global data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, NoReturn

from ....semantics.source import InputError, Span, Unsupported
from . import btf, core, elf
from .elf import Elf, Section, Symbol
from .insn import (
    CALL_KFUNC,
    PSEUDO_FUNC,
    PSEUDO_MAP_FD,
    PSEUDO_MAP_VALUE,
    PSEUDO_NONE,
    SLOT,
    DecodeError,
    Insn,
    decode,
    slots,
)
from .maps import place_of_values, read_map
from .program import F_RDONLY_PROG, MAP_TYPES, OF_MAPS, BpfObject, BpfProgram, Field, Function, Line, MapDef
from .write import MAPS, R_BPF_64_32, R_BPF_64_64, TEXT, is_data, is_local_call

MAX_LINKED_SLOTS: Final = 1 << 20
"""The kernel takes a million instructions; linking stops there."""

P4TC: Final = ("bpf_p4tc_", "xdp_p4tc_", "bpf_skb_p4tc_", "bpf_xdp_p4tc_")
"""How the functions begin that programs of p4c's tc back end ask for their tables (backends/tc/runtime/pna.h)."""
_NOT_CONTENT: Final = (".strtab", ".shstrtab", ".symtab", ".BTF", ".BTF.ext", ".llvm_addrsig", ".comment", "license")


def read_elf(data: bytes, name: str) -> BpfObject:
    """The object in ``data``.

    Args:
        data: the file's content.
        name: what to call the file in messages.

    Raises:
        InputError: it is no well-formed object file; ``name`` and the place are named.
        Unsupported: it asks for what libbpf can do and this reader does not. What only the running kernel could tell
            (CO-RE of what kernels differ in, externs) is noted in the instructions that ask for it (``Insn.asks``).
    """
    return _Reader(elf.read(data, name), name).object()


@dataclass(slots=True)
class _Code:
    """A function as it stands in its section."""

    name: str
    section: int
    at: int
    insns: tuple[Insn, ...]
    starts: list[int] = field(default_factory=list)


class _Reader:
    def __init__(self, file: Elf, name: str) -> None:
        self.elf, self.place = file, Span(name, 0, 0)
        self.types, self.strings = self._read_types()
        self.code: dict[int, dict[int, _Code]] = {}
        self.maps: dict[tuple[int, int], MapDef] = {}
        self.lines: btf.Records = {}
        self.moved: dict[tuple[str, int], core.Relocation] = {}

    def fail(self, message: str) -> NoReturn:
        raise InputError.at(self.place, message)

    def unsupported(self, message: str) -> NoReturn:
        raise Unsupported(message, self.place)

    def object(self) -> BpfObject:
        self._read_lines()
        self.maps = dict(self._read_maps())
        for index, section in enumerate(self.elf.sections):
            if section.flags & elf.SHF_EXECINSTR and section.type == elf.SHT_PROGBITS and section.data:
                self.code[index] = {code.at: code for code in self._functions(index, section)}
        programs = tuple(self._link(code) for code in self._entries())
        if not programs:
            self.fail("the object file holds no eBPF program")
        names = [p.name for p in programs] + [m.name for m in self.maps.values()]
        for item in set(names):
            if names.count(item) > 1:
                self.fail(f"the name {item} is defined twice")
        return BpfObject(programs, tuple(self.maps.values()), self._license(), self._others(), self.place.file)

    # --- parts ---

    def _section(self, name: str) -> Section | None:
        found = [s for s in self.elf.sections if s.name == name and s.type != elf.SHT_NULL]
        if len(found) > 1:
            self.fail(f"there are {len(found)} sections {name}")
        return found[0] if found else None

    def _read_types(self) -> tuple[btf.Btf, bytes]:
        section = self._section(".BTF")
        return btf.read(section.data, self.place) if section else (btf.Btf((), self.place), b"\0")

    def _read_lines(self) -> None:
        section = self._section(".BTF.ext")
        if section is None:
            return
        self.lines, moved = btf.read_ext(section.data, self.strings, self.place)
        for name, rows in moved.items():
            for offset, number, way, kind in rows:
                there = core.Relocation(number, btf.string(self.strings, way, self.types), kind)
                self.moved[name, offset] = there

    def _license(self) -> str:
        section = self._section("license")
        return section.data.split(b"\0")[0].decode(errors="replace") if section else ""

    def _others(self) -> dict[str, bytes]:
        out: dict[str, bytes] = {}
        for section in self.elf.sections:
            name = section.name
            if section.type != elf.SHT_PROGBITS or section.flags & elf.SHF_EXECINSTR or name in _NOT_CONTENT:
                continue
            if name in (MAPS, "maps") or is_data(name) or name.startswith((".debug_", ".eh_frame", ".rel")):
                continue
            if name in out:
                self.fail(f"there are two sections {name}")
            out[name] = section.data
        return out

    # --- maps ---

    def _read_maps(self) -> Iterator[tuple[tuple[int, int], MapDef]]:
        """Maps by (section, offset of the symbol): those of ``.maps`` in the order of the file, then global data."""
        for index, section in enumerate(self.elf.sections):
            if section.name == MAPS:
                yield from self._btf_maps(index)
            elif section.name == "maps":
                yield from self._legacy_maps(index, section)
        for index, section in enumerate(self.elf.sections):
            if is_data(section.name) and section.type in (elf.SHT_PROGBITS, elf.SHT_NOBITS) and section.size:
                yield (index, 0), self._global_data(index, section)

    def _btf_maps(self, index: int) -> Iterator[tuple[tuple[int, int], MapDef]]:
        variables = {}
        for found in self.types.types:
            if found.kind == btf.DATASEC and found.name == MAPS:
                for number, _, _ in found.rows:
                    variable = self.types.get(number)
                    if variable.kind != btf.VAR:
                        self.types.fail(f"section {MAPS}: type {number} is no variable")
                    variables[variable.name] = variable
        for symbol in self._objects(index):
            if symbol.name not in variables:
                self.fail(f"section {MAPS}: map {symbol.name} has no type in .BTF")
            described = variables[symbol.name]
            item = read_map(self.types, described)
            at = place_of_values(self.types, described)
            if at is not None and item.type == "prog_array":
                held = dict(self._held(index, symbol, at, "program"))
                item = replace(item, programs=held or None)  # one that begins empty is filled by somebody else
            if at is not None and item.type in OF_MAPS:
                item = replace(item, held=dict(self._held(index, symbol, at, "map")))
            yield (index, symbol.value), item

    def _held(self, index: int, symbol: Symbol, at: int, what: str) -> Iterator[tuple[int, str]]:
        """The programs or maps that a map holds at the start: index → name, from the relocations of its pointers."""
        kind = {"program": elf.STT_FUNC, "map": elf.STT_OBJECT}[what]
        for relocation in self.elf.sections[index].relocations:
            offset = relocation.offset - symbol.value - at
            if not 0 <= offset < symbol.size - at:
                continue
            held = self.elf.symbols[relocation.symbol]
            if offset % 8 or held.type != kind:
                self.fail(f"map {symbol.name}: byte {offset + at} does not refer to a {what}")
            yield offset // 8, held.name

    def _legacy_maps(self, index: int, section: Section) -> Iterator[tuple[tuple[int, int], MapDef]]:
        """``struct bpf_map_def`` or iproute2's ``struct bpf_elf_map``: both begin with the same five words. Four more
        at most say under what number and where the map is kept, or on which node its memory lies, which is nothing to
        packets, and of a map of maps what is in it."""
        kinds = {number: name for name, number in MAP_TYPES.items()}
        for symbol in self._objects(index):
            more = section.data[symbol.value + 20 : symbol.value + symbol.size]
            raw = section.data[symbol.value : symbol.value + 20]
            kind, key, value, entries, flags = (int.from_bytes(raw[i : i + 4], "little") for i in range(0, 20, 4))
            if kind not in kinds:
                self.unsupported(f"section maps: map {symbol.name} of type {kind}")
            if symbol.size < 20 or any(more[0 if kinds[kind] in OF_MAPS else 16 :]):
                self.unsupported(f"section maps: map {symbol.name} has more than type, sizes, entries and flags")
            yield (index, symbol.value), MapDef(symbol.name, kinds[kind], key, value, entries, flags)

    def _objects(self, index: int) -> list[Symbol]:
        found = [s for s in self.elf.symbols if s.section == index and s.type == elf.STT_OBJECT]
        return sorted(found, key=lambda s: s.value)

    def _global_data(self, index: int, section: Section) -> MapDef:
        if section.relocations:
            self.unsupported(f"section {section.name}: global data that holds addresses")
        data = section.data if section.type == elf.SHT_PROGBITS else bytes(section.size)
        flags = F_RDONLY_PROG if section.name.startswith(".rodata") else 0
        return MapDef(section.name, "array", 4, len(data), 1, flags, data=data, variables=self._variables(index))

    def _variables(self, index: int) -> tuple[Field, ...]:
        """The variables of a section; () where their names or places are not their own (linked files, aliases)."""
        found = [Field(s.name, s.value, s.size) for s in self._objects(index) if s.size]
        apart = all(x.offset + x.size <= y.offset for x, y in pairwise(found))
        named = all(item.name for item in found) and len({item.name for item in found}) == len(found)
        return tuple(found) if apart and named else ()

    # --- code ---

    def _functions(self, index: int, section: Section) -> Iterator[_Code]:
        symbols = [s for s in self.elf.symbols if s.section == index and s.type == elf.STT_FUNC and s.size]
        relocations = {r.offset: r for r in section.relocations}
        if len(relocations) < len(section.relocations):
            self.fail(f"section {section.name}: two relocations at one place")
        end = 0
        for symbol in sorted(symbols, key=lambda s: s.value):
            what = f"section {section.name}, function {symbol.name}"
            if symbol.value % SLOT or symbol.value < end:
                self.fail(f"{what}: starts inside an instruction or another function")
            end = symbol.value + symbol.size
            try:
                insns = decode(section.data[symbol.value : end])
            except DecodeError as error:
                self.fail(f"{what}, {error}")
            starts = slots(insns)
            code = _Code(symbol.name, index, symbol.value, insns, starts)
            self._resolve(code, relocations, what)
            yield code
        if relocations:
            self.fail(f"section {section.name}: relocation at {min(relocations):#x} belongs to no instruction")

    def _resolve(self, code: _Code, relocations: dict[int, elf.Relocation], what: str) -> None:
        """Put maps into 64-bit loads, and make every call's distance count from its place in its section."""
        section = self.elf.sections[code.section].name
        out = []
        for slot, insn in zip(code.starts, code.insns, strict=False):
            relocation = relocations.pop(code.at + slot * SLOT, None)
            place = f"{what}, instruction {slot}"
            asks = self._asked(insn, relocation, self.moved.get((section, code.at + slot * SLOT)))
            if asks:
                out.append(_without_place(insn, asks))
                continue
            if relocation is not None:
                symbol = self.elf.symbols[relocation.symbol]
                if relocation.type == R_BPF_64_64 and insn.wide:
                    insn = self._load(insn, symbol, place)
                elif relocation.type == R_BPF_64_32 and is_local_call(insn):
                    insn = self._call(code, slot, insn, symbol, place)
                else:
                    self.unsupported(f"{place}: relocation of type {relocation.type}")
            if insn.wide and insn.src and insn.map is None and (insn.src != PSEUDO_FUNC or relocation is None):
                self.unsupported(f"{place}: a 64-bit load of kind {insn.src} without a map that the object defines")
            out.append(insn)
        code.insns = tuple(out)

    def _asked(self, insn: Insn, relocation: elf.Relocation | None, moved: core.Relocation | None) -> str:
        """What the instruction takes from the running kernel, "" for nothing. Programs that do not come to it need not
        care: an object often holds programs for several hooks."""
        if moved is not None and (asks := core.asked(self.types, moved, insn)):
            return asks
        symbol = self.elf.symbols[relocation.symbol] if relocation is not None else None
        if symbol is not None and (symbol.section == elf.SHN_UNDEF or symbol.section >= elf.SHN_LORESERVE):
            return _undefined(symbol.name, call=is_local_call(insn))
        return ""

    def _load(self, insn: Insn, symbol: Symbol, place: str) -> Insn:
        section = self.elf.sections[symbol.section]
        if is_data(section.name):
            offset = (symbol.value + insn.imm) & 0xFFFFFFFF
            if insn.imm >> 32 or offset >= section.size:
                self.fail(f"{place}: refers past the end of section {section.name}")
            return replace(insn, src=PSEUDO_MAP_VALUE, imm=offset, map=section.name)
        if section.flags & elf.SHF_EXECINSTR:
            return self._function_address(insn, symbol, place)
        item = self.maps.get((symbol.section, symbol.value))
        if item is None or insn.imm:
            self.fail(f"{place}: refers to {symbol.name} in section {section.name}, which is no map")
        return replace(insn, src=PSEUDO_MAP_FD, imm=0, map=item.name)

    def _function_address(self, insn: Insn, symbol: Symbol, place: str) -> Insn:
        """The place of a function in its section, which is noted in ``off`` until it is linked, as for calls."""
        at = symbol.value + insn.imm
        if at % SLOT or at >= 1 << 32 or symbol.section >= 1 << 15:
            self.fail(f"{place}: takes the address of {symbol.name}, which is no function")
        return replace(insn, src=PSEUDO_FUNC, off=symbol.section, imm=at // SLOT)

    def _call(self, code: _Code, slot: int, insn: Insn, symbol: Symbol, place: str) -> Insn:
        section = self.elf.sections[symbol.section]
        if not section.flags & elf.SHF_EXECINSTR:
            self.fail(f"{place}: calls into section {section.name}, which holds no code")
        target = symbol.value // SLOT + insn.imm + 1
        # A call to another section is marked by `off`, which calls do not use, until it is linked.
        if symbol.section == code.section:
            return self._with_distance(insn, target - (code.at // SLOT + slot) - 1, place)
        if symbol.section >= 1 << 15:
            self.unsupported(f"{place}: calls into section number {symbol.section}")
        return replace(self._with_distance(insn, target, place), off=symbol.section)

    def _with_distance(self, insn: Insn, distance: int, place: str) -> Insn:
        if not -(1 << 31) <= distance < 1 << 31:
            self.fail(f"{place}: calls something {distance} instructions away")
        return replace(insn, imm=distance)

    # --- linking ---

    def _entries(self) -> Iterator[_Code]:
        """Functions outside ``.text``, and the one in ``.text`` if it is all there is there (libbpf's rule)."""
        everything = sum(len(codes) for codes in self.code.values())
        for index, codes in self.code.items():
            if self.elf.sections[index].name != TEXT or everything == 1:
                yield from codes.values()

    def _link(self, entry: _Code) -> BpfProgram:
        placed: dict[int, int] = {id(entry): 0}
        parts = [entry]
        total = entry.starts[-1]
        stack = [self._calls(entry)]
        while stack:
            callee = next(stack[-1], None)
            if callee is None:
                stack.pop()
            elif id(callee) not in placed:
                placed[id(callee)] = total
                parts.append(callee)
                total += callee.starts[-1]
                if total > MAX_LINKED_SLOTS:
                    self.fail(f"program {entry.name} has more than {MAX_LINKED_SLOTS} instructions")
                stack.append(self._calls(callee))
        insns = [insn for part in parts for insn in self._placed(part, placed)]
        functions = tuple(Function(part.name, placed[id(part)]) for part in parts[1:])
        section = self.elf.sections[entry.section].name
        lines = tuple(line for part in parts for line in self._lines(part, placed[id(part)]))
        return BpfProgram(entry.name, section, tuple(insns), functions, lines, self._context(entry.name))

    def _context(self, function: str) -> str:
        """The struct that the function's first parameter points to, if the object says so."""
        for found in self.types.types:
            if found.kind != btf.FUNC or found.name != function:
                continue
            called = self.types.get(found.arg)
            pointer = self.types.plain(called.rows[0][1]) if called.kind == btf.FUNC_PROTO and called.rows else found
            return self.types.plain(pointer.arg).name if pointer.kind == btf.PTR else ""
        return ""

    def _calls(self, code: _Code) -> Iterator[_Code]:
        for slot, insn in zip(code.starts, code.insns, strict=False):
            if is_local_call(insn) or _is_function_address(insn):
                yield self._callee(code, slot, insn)

    def _callee(self, code: _Code, slot: int, insn: Insn) -> _Code:
        section = insn.off or code.section
        target = insn.imm if insn.off or insn.wide else code.at // SLOT + slot + 1 + insn.imm
        found = self.code.get(section, {}).get(target * SLOT)
        if found is None:
            self.fail(f"function {code.name}, instruction {slot}: calls something that is no function")
        return found

    def _placed(self, code: _Code, placed: dict[int, int]) -> Iterator[Insn]:
        base = placed[id(code)]
        for slot, insn in zip(code.starts, code.insns, strict=False):
            if is_local_call(insn):
                distance = placed[id(self._callee(code, slot, insn))] - (base + slot) - 1
                yield replace(insn, off=0, imm=distance)
            elif _is_function_address(insn):
                distance = placed[id(self._callee(code, slot, insn))] - (base + slot) - 1
                yield replace(insn, off=0, imm=distance & 0xFFFFFFFF)
            else:
                yield insn

    def _lines(self, code: _Code, base: int) -> Iterator[Line]:
        section = self.elf.sections[code.section].name
        inside = range(code.at, code.at + code.starts[-1] * SLOT)
        for offset, file, text, place in sorted(self.lines.get(section, []), key=lambda row: row[0]):
            if offset in inside:
                names = (btf.string(self.strings, n, self.types) for n in (file, text))
                path, source = names
                slot = base + (offset - code.at) // SLOT
                yield Line(slot, path, place >> 10, place & 0x3FF, source)


def _without_place(insn: Insn, asks: str) -> Insn:
    """The instruction with what it asks of the kernel; a call's target, or an address, is nothing that the object has.
    A call is one of the kernel's function."""
    if is_local_call(insn):
        return replace(insn, src=CALL_KFUNC, imm=0, asks=asks)
    return replace(insn, src=PSEUDO_NONE if insn.wide else insn.src, asks=asks)


def _is_function_address(insn: Insn) -> bool:
    return insn.wide and insn.src == PSEUDO_FUNC


def _undefined(name: str, *, call: bool) -> str:
    """What to say of something that the object takes from elsewhere."""
    if not call:
        return f"refers to {name}, which the object does not define"
    where = "; P4TC's tables and externs lie in the kernel, in no maps" if name.startswith(P4TC) else ""
    return f"calls {name}, which the object does not define: functions of the kernel (kfuncs) are not modelled{where}"
