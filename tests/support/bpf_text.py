"""The text format of the bpf_conformance suite: sections of assembly, memory and expected result.

Sections begin with ``-- NAME``; ``#`` starts a comment. Only "asm", "mem", "raw", "result" and "error" matter here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from p4verify.targets.ebpf.artifact import Assembler, Insn, Label, Reg, asm
from p4verify.targets.ebpf.artifact.insn import ALU_OPS, ATOMIC_CMPXCHG, ATOMIC_FETCH, ATOMIC_XCHG

SIZES = {"b": 1, "h": 2, "w": 4, "dw": 8}
ATOMIC = {name: ALU_OPS[name] for name in ("add", "or", "and", "xor")}
_MEMORY = re.compile(r"\[%?r(\d+)\s*(?:([+-])\s*(0x[0-9a-fA-F]+|\d+))?\]")


@dataclass(frozen=True)
class Case:
    """One test: a program, the memory that r1 points to, and what r0 should hold (None: an error is expected)."""

    insns: tuple[Insn, ...]
    memory: bytes
    result: int | None


def parse(text: str) -> Case:
    """The test in ``text``. Raises ValueError for what is not understood."""
    parts: dict[str, list[str]] = {}
    name = ""
    for raw in text.splitlines():
        line = raw.split("#")[0].rstrip()
        if line.startswith("-- "):
            name = line[3:].strip()
            parts[name] = []
        elif line.strip() and name:
            parts[name].append(line.strip())
    if "asm" not in parts:
        raise ValueError(f"no assembly (sections: {', '.join(parts)})")
    result = int(parts["result"][0], 0) & (1 << 64) - 1 if "result" in parts else None
    return Case(assemble(parts["asm"]), bytes.fromhex("".join(parts.get("mem", ()))), result)


def assemble(lines: list[str]) -> tuple[Insn, ...]:
    """The program in ``lines``. Raises ValueError for what is not understood."""
    out = Assembler()
    labels: dict[str, Label] = {}
    named = {line.rstrip(":").strip() for line in lines if line.endswith(":")}

    def label(name: str) -> Label:
        return labels.setdefault(name, out.label(name))

    exit_at = next((i for i, line in enumerate(reversed(lines)) if line.split()[0] == "exit"), None)
    for number, line in enumerate(lines):
        if line.endswith(":"):
            out.place(label(line[:-1].strip()))
            continue
        if "exit" not in named and exit_at is not None and number == len(lines) - 1 - exit_at:
            out.place(label("exit"))
        words = line.replace(",", " , ").split(None, 1)
        _instruction(out, words[0], [w.strip() for w in words[1].split(",")] if len(words) > 1 else [], label)
    return out.finish()


def _register(text: str) -> Reg:
    if not re.fullmatch(r"%r\d+", text):
        raise ValueError(f"no register: {text}")
    return Reg(int(text[2:]))


def _operand(text: str) -> Reg | int:
    if text.startswith("%"):
        return _register(text)
    value = int(text, 0)
    return (value + (1 << 31)) % (1 << 32) - (1 << 31) if -(1 << 63) <= value < 1 << 64 else value


def _memory(text: str) -> tuple[Reg, int]:
    found = _MEMORY.fullmatch(text)
    if not found:
        raise ValueError(f"no memory operand: {text}")
    off = int(found[3] or "0", 0)
    return Reg(int(found[1])), -off if found[2] == "-" else off


def _instruction(out: Assembler, name: str, args: list[str], label: Callable[[str], Label]) -> None:
    if name == "exit":
        out.emit(asm.exit_())
    elif name in ("ja", "ja32"):
        _go(out, name, args[0], label)
    elif name == "call":
        words = args[0].split()
        if words[0] == "local":
            out.call(label(words[1]))
        elif args[0].startswith("%"):
            out.emit(Insn(0x8D, dst=_register(args[0])))
        else:
            out.emit(asm.call(int(words[-1], 0)))
    elif name == "lddw":
        out.emit(asm.load_imm64(_register(args[0]), int(args[1], 0) % (1 << 64)))
    elif name == "lock":
        _lock(out, args)
    elif name.startswith(("ldx", "stx", "st")):
        _transfer(out, name, args)
    elif name.startswith("j"):
        _branch(out, name, args, label)
    else:
        out.emit(_arithmetic(name, args))


def _go(out: Assembler, name: str, target: str, label: Callable[[str], Label]) -> None:
    if re.fullmatch(r"[+-]?\d+|[+-]?0x[0-9a-fA-F]+", target):
        gap = int(target, 0)
        out.emit(Insn(0x05, off=gap) if name == "ja" else Insn(0x06, imm=gap))
    else:
        out.goto(label(target))


def _branch(out: Assembler, name: str, args: list[str], label: Callable[[str], Label]) -> None:
    width = 32 if name.endswith("32") else 64
    op = name.removesuffix("32")
    dst, operand = _register(args[0]), _operand(args[1])
    if re.fullmatch(r"[+-](\d+|0x[0-9a-fA-F]+)", args[2]):
        out.emit(asm.jump(op, dst, operand, int(args[2], 0), width))
    else:
        out.jump(op, dst, operand, label(args[2]), width)


def _transfer(out: Assembler, name: str, args: list[str]) -> None:
    if name.startswith("ldx"):
        signed = name.startswith("ldxs")
        base, off = _memory(args[1])
        size = SIZES[name.removeprefix("ldxs" if signed else "ldx")]
        out.emit(asm.load(size, _register(args[0]), base, off, signed=signed))
        return
    size = SIZES[name.removeprefix("stx").removeprefix("st")]
    base, off = _memory(args[0])
    value = _operand(args[1])
    if name.startswith("stx") != isinstance(value, Reg):
        raise ValueError(f"{name} {args}")
    out.emit(asm.store(size, base, off, value))


def _lock(out: Assembler, args: list[str]) -> None:
    words = args[0].split(None, 1)
    name = words[0]
    size = 4 if name.endswith("32") else 8
    name = name.removesuffix("32")
    fetch = name == "fetch"
    if fetch:
        name, words[1] = words[1].split(None, 1)
        size = 4 if name.endswith("32") else 8
        name = name.removesuffix("32")
    codes = {"xchg": ATOMIC_XCHG, "cmpxchg": ATOMIC_CMPXCHG}
    code = codes.get(name) or ATOMIC[name] | (ATOMIC_FETCH if fetch else 0)
    base, off = _memory(words[1])
    out.emit(asm.atomic(size, code, base, off, _register(args[1])))


def _arithmetic(name: str, args: list[str]) -> Insn:
    dst = _register(args[0])
    order = re.fullmatch(r"(be|le|bswap|swap)(16|32|64)", name)
    if order:
        make = {"be": asm.to_big_endian, "le": asm.to_little_endian, "bswap": asm.bswap, "swap": asm.bswap}[order[1]]
        return make(dst, int(order[2]))
    moved = re.fullmatch(r"movsx(8|16|32)(32|64)", name)
    if moved:
        return asm.movsx(dst, _register(args[1]), int(moved[1]), int(moved[2]))
    width = 32 if name.endswith("32") else 64
    op = name.removesuffix("32").removesuffix("64")
    insn = asm.alu(op, dst, _operand(args[1]) if len(args) > 1 else 0, width)
    return replace(insn, imm=0) if op == "neg" else insn
