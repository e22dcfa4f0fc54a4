"""eBPF object files as data: instructions, maps, programs, and their ELF form with BTF, both ways."""

from . import asm
from .asm import Assembler, Label, Reg
from .elf import looks_like_elf
from .insn import DecodeError, Insn, decode, encode, slots
from .program import MAP_TYPES, BpfObject, BpfProgram, Field, Function, Line, MapDef
from .read import read_elf
from .write import write_elf

__all__ = [
    "MAP_TYPES", "Assembler", "BpfObject", "BpfProgram", "DecodeError", "Field", "Function", "Insn", "Label", "Line",
    "MapDef", "Reg", "asm", "decode", "encode", "looks_like_elf", "read_elf", "slots", "write_elf",
]  # fmt: skip
