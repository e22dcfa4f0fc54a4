"""The text format of the bpf_conformance suite: sections of assembly, memory and expected result.

Sections begin with ``-- NAME``; ``#`` starts a comment. Only "asm", "raw" (encoded instructions), "mem", "result" and
"error" matter here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from p4verify.targets.ebpf.artifact import Assembler, Insn, Label, Reg, asm, decode
from p4verify.targets.ebpf.artifact.insn import ALU_OPS, ATOMIC_CMPXCHG, ATOMIC_FETCH, ATOMIC_XCHG
from p4verify.targets.ebpf.meaning.graph import CALL_REGISTER, JA, JA32

SIZES = {"b": 1, "h": 2, "w": 4, "dw": 8}
ATOMIC = {name: ALU_OPS[name] for name in ("add", "or", "and", "xor")}
_NUMBER = re.compile(r"[+-]?(0x[0-9a-fA-F]+|\d+)")
_MEMORY = re.compile(r"\[%?r(\d+)\s*(?:([+-])\s*(0x[0-9a-fA-F]+|\d+))?\]")
_LOCKED = re.compile(r"(fetch[ _]+)?([a-z]+)(32|64)?\s+(\[.*\])")


@dataclass(frozen=True)
class Case:
    """One test: a program, the memory that r1 points to, and what r0 should hold (None: an error is expected)."""

    insns: tuple[Insn, ...]
    memory: bytes
    result: int | None


def parse(text: str) -> Case:
    """The test in ``text``. Raises ValueError for what is not understood."""
    parts = _sections(text)
    if not parts.keys() & {"asm", "raw"}:
        raise ValueError(f"no program (sections: {', '.join(parts)})")
    insns = assemble(parts["asm"]) if "asm" in parts else _raw(parts["raw"])
    if "asm" in parts and "raw" in parts and insns != _raw(parts["raw"]):
        raise ValueError("the assembly is not what the raw instructions are")
    if not parts.keys() & {"result", "error"}:
        raise ValueError("neither a result nor an error is expected")
    result = None
    if "result" in parts:
        words = parts["result"] or ["no number"]
        result = int(words[0], 16 if "0x" in words[0].lower() else 10) & (1 << 64) - 1
    return Case(insns, bytes.fromhex("".join(parts.get("mem", ()))), result)


def _sections(text: str) -> dict[str, list[str]]:
    """Section's name → its lines, without comments and empty ones."""
    parts: dict[str, list[str]] = {}
    name = ""
    for raw in text.splitlines():
        line = re.split("[#;]" if name == "asm" else "#", raw)[0].strip()
        head = re.fullmatch(r"--\s*(\w[\w ]*)", line)
        if head:
            name = head[1]
            parts[name] = []
        elif line and name:
            parts[name].append(line)
    return parts


def _raw(lines: list[str]) -> tuple[Insn, ...]:
    """Instructions as numbers of 64 bits in the machine's order, or byte by byte as they lie in memory."""
    slots = b""
    for line in lines:
        words = line.replace(",", " ").split()
        whole = all(len(word.lower().removeprefix("0x")) == 16 for word in words)
        slots += b"".join(int(w, 16).to_bytes(8, "little") for w in words) if whole else bytes.fromhex("".join(words))
    return decode(slots)


def assemble(lines: list[str]) -> tuple[Insn, ...]:
    """The program in ``lines``: labels end in a colon, alone or before an instruction; "exit" without a place of its
    own is the last exit. Raises ValueError for what is not understood."""
    out = Assembler()
    labels: dict[str, Label] = {}

    def label(name: str) -> Label:
        return labels.setdefault(name, out.label(name))

    steps = [part for line in lines for part in _parts(line)]
    exits = [number for number, step in enumerate(steps) if step == "exit"]
    last = exits[-1] if exits and "exit:" not in steps else None
    for number, step in enumerate(steps):
        if step.endswith(":"):
            out.place(label(step[:-1]))
            continue
        if number == last:
            out.place(label("exit"))
        name, *rest = step.split(None, 1)
        try:
            _instruction(out, name, [w.strip() for w in rest[0].split(",")] if rest else [], label)
        except (IndexError, KeyError) as error:
            raise ValueError(f"not understood: {step}") from error
    return out.finish()


def _parts(line: str) -> list[str]:
    """The labels and the instruction of a line."""
    found = re.fullmatch(r"(\w+)\s*:\s*(.*)", line)
    return [f"{found[1]}:", *_parts(found[2])] if found else [line] if line else []


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
    elif name in ("call", "callx"):
        _call(out, args[0].split(), label)
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


def _call(out: Assembler, words: list[str], label: Callable[[str], Label]) -> None:
    if words[0] != "local":
        callee = words[-1]
        out.emit(Insn(CALL_REGISTER, dst=_register(callee)) if callee[0] == "%" else asm.call(int(callee, 0)))
    elif _NUMBER.fullmatch(words[1]):
        out.emit(asm.call_local(int(words[1], 0)))
    else:
        out.call(label(words[1]))


def _go(out: Assembler, name: str, target: str, label: Callable[[str], Label]) -> None:
    if _NUMBER.fullmatch(target):
        gap = int(target, 0)
        out.emit(Insn(JA, off=gap) if name == "ja" else Insn(JA32, imm=gap))
    else:
        out.branch(Insn(JA if name == "ja" else JA32), label(target))


def _branch(out: Assembler, name: str, args: list[str], label: Callable[[str], Label]) -> None:
    width = 32 if name.endswith("32") else 64
    op = name.removesuffix("32")
    dst, operand = _register(args[0]), _operand(args[1])
    if _NUMBER.fullmatch(args[2]):
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
    found = _LOCKED.fullmatch(args[0])
    if not found:
        raise ValueError(f"no atomic operation: lock {args[0]}")
    fetch, name, size, where = found.groups()
    codes = {"xchg": ATOMIC_XCHG, "cmpxchg": ATOMIC_CMPXCHG}
    code = codes.get(name) or ATOMIC[name] | (ATOMIC_FETCH if fetch else 0)
    out.emit(asm.atomic(4 if size else 8, code, *_memory(where), _register(args[1])))


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
