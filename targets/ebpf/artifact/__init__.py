"""eBPF object files as data: instructions, maps, programs, and their ELF form with BTF, both ways."""

from . import asm
from .asm import Assembler, Label, Reg
from .insn import DecodeError, Insn, decode, encode, slots
from .program import MAP_TYPES, BpfObject, BpfProgram, Field, Function, Line, MapDef

__all__ = [
    "MAP_TYPES", "Assembler", "BpfObject", "BpfProgram", "DecodeError", "Field", "Function", "Insn", "Label", "Line",
    "MapDef", "Reg", "asm", "decode", "encode", "slots",
]  # fmt: skip
