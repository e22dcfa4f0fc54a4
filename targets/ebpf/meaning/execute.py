"""What each instruction does to a state (RFC 9669, section 4 and 5): the machine's steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.insn import (
    ALU,
    ALU64,
    CALL_HELPER,
    CALL_LOCAL,
    JMP32,
    LD,
    LDX,
    MODE_ATOMIC,
    MODE_MEM,
    MODE_MEMSX,
    PSEUDO_FUNC,
    PSEUDO_MAP_VALUE,
    SIZE_BYTES,
    ST,
    STX,
    Insn,
    X,
)
from . import alu, atomic, context, helpers_meta, legacy, memory, pointers, tail
from .graph import CALL, CALL_REGISTER, EXIT, JA, JA32, TAIL_CALL, is_jump, target
from .helpers_maps import result
from .loops import CALL_FUNCTION, LOOP, TOO_MANY, too_many
from .names import HELPERS
from .state import Frame, State, both
from .values import Address, Value

if TYPE_CHECKING:
    from .machine import Helper, Machine

MAX_CALLS: Final = 8
"""Frames that the kernel allows (MAX_CALL_FRAMES)."""


def step(machine: Machine, state: State, insn: Insn) -> list[State]:
    """The states after ``insn``, at which ``state`` is. Raises Stop and Split, and what :meth:`.Machine.run` does."""
    if insn.asks:
        raise machine.unsupported(state, insn.asks)
    if insn.opcode == EXIT:
        return _exit(machine, state, insn)
    if insn.opcode == CALL:
        return _call(machine, state, insn)
    if insn.opcode == CALL_REGISTER:
        return _call_by_register(machine, state, insn)
    if is_jump(insn):
        return _jump(machine, state, insn)
    if insn.cls in (ALU, ALU64):
        _arithmetic(machine, state, insn)
    elif insn.cls == LDX:
        _load(machine, state, insn)
    elif insn.cls in (ST, STX):
        _store(machine, state, insn)
    elif insn.wide:
        _load_wide(machine, state, insn)
    else:
        assert insn.cls == LD
        return legacy.load(machine, state, insn)
    state.slot += insn.size
    return [state]


def _operand(machine: Machine, state: State, insn: Insn) -> Term | Address:
    return machine.register(state, insn.src) if insn.opcode & X else b.bv(insn.imm, 64)


def _arithmetic(machine: Machine, state: State, insn: Insn) -> None:
    name = alu.operation(insn)
    if name is None:
        raise machine.unsupported(state, f"undefined arithmetic (opcode {insn.opcode:#04x}, offset {insn.off})")
    unary = name.startswith(("be", "le", "bswap", "neg"))
    operand: Term | Address = b.bv(0, 64) if unary else _operand(machine, state, insn)
    if name == "mov" and isinstance(operand, Address):
        value: Value = operand
        if insn.cls == ALU:
            value = alu.compute(insn, name, b.bv(0, 64), pointers.as_number(machine, state, operand))
        machine.set(state, insn.dst, value)
        return
    dst: Term | Address = b.bv(0, 64) if name.startswith("mov") else machine.register(state, insn.dst)
    if isinstance(dst, Address) or isinstance(operand, Address):
        machine.set(state, insn.dst, pointers.arithmetic(machine, state, insn, name, dst, operand))
    else:
        found = alu.compute(insn, name, dst, operand)
        machine.set(state, insn.dst, machine.sums.settled(found) if name == "add" else found)


def _load_wide(machine: Machine, state: State, insn: Insn) -> None:
    if insn.map is None:
        if insn.src == PSEUDO_FUNC:
            start = state.slot + 1 + b.signed(insn.imm & 0xFFFFFFFF, 32)
            if all(function.slot != start for function in machine.program.functions):
                raise machine.unsupported(state, "the address of something that is no function")
            machine.set(state, insn.dst, Address("function", 0, str(start)))
            return
        if insn.src:
            raise machine.unsupported(state, f"a 64-bit immediate of kind {insn.src}")
        machine.set(state, insn.dst, b.bv(insn.imm, 64))
    elif insn.map not in machine.maps:
        raise machine.unsupported(state, f"map {insn.map}, which the object does not define")
    elif insn.src == PSEUDO_MAP_VALUE:
        item = machine.maps[insn.map]
        if item.type != "array" or item.max_entries != 1 or item.key_size != 4:
            raise machine.unsupported(state, f"the address of a value of map {insn.map}, which has several")
        key = b.bv(0, 8 * item.key_size)
        machine.set(state, insn.dst, Address("value", insn.imm, insn.map, key))
    else:
        machine.set(state, insn.dst, Address("map", 0, insn.map))


def _load(machine: Machine, state: State, insn: Insn) -> None:
    mode, size = insn.opcode & 0xE0, SIZE_BYTES[insn.opcode & 0x18]
    if mode not in (MODE_MEM, MODE_MEMSX) or insn.imm or (mode == MODE_MEMSX and size == 8):
        raise machine.unsupported(state, f"undefined load (opcode {insn.opcode:#04x})")
    address = machine.pointer(state, insn.src, insn.off)
    if address.kind == "ctx":
        value = _read_context(machine, state, address, size)
    else:
        value = memory.load(machine, state, address, size)
    if isinstance(value, Term):
        value = b.sext(value, 64) if mode == MODE_MEMSX else b.zext(value, 64)
    elif mode == MODE_MEMSX:
        raise machine.unsupported(state, "a pointer, sign-extended")
    machine.set(state, insn.dst, value)


def _read_context(machine: Machine, state: State, address: Address, size: int) -> Value:
    field = context.find(machine.host.fields, address.offset, size) if address.moved is None else None
    if field is not None and field.kind == "data_meta" and not machine.host.legacy_loads:
        return helpers_meta.data_meta(machine, state)
    if field is None or field.kind == "data_meta":
        raise machine.unsupported(state, f"reads {size} bytes of the context at {address.offset}")
    return context.read_field(state, field, address.offset, size, machine.given)


def _store(machine: Machine, state: State, insn: Insn) -> None:
    mode, size = insn.opcode & 0xE0, SIZE_BYTES[insn.opcode & 0x18]
    if mode == MODE_ATOMIC and insn.cls == STX:
        atomic.execute(machine, state, insn, size)
        return
    if mode != MODE_MEM or (insn.cls == STX and insn.imm) or (insn.cls == ST and insn.src):
        raise machine.unsupported(state, f"undefined store (opcode {insn.opcode:#04x})")
    address = machine.pointer(state, insn.dst, insn.off)
    value = machine.register(state, insn.src) if insn.cls == STX else b.bv(insn.imm, 64)
    if address.kind == "ctx":
        _write_context(machine, state, address, value, size, immediate=insn.cls == ST)
    else:
        memory.store(machine, state, address, value, size)


def _write_context(
    machine: Machine, state: State, address: Address, value: Term | Address, size: int, *, immediate: bool
) -> None:
    field = context.find(machine.host.fields, address.offset, size) if address.moved is None else None
    whole = field is not None and (address.offset, size) == (field.offset, field.size)
    if field is None or not ((field.kind == "kept" and whole) or field.kind == "bytes"):
        raise machine.unsupported(state, f"writes {size} bytes of the context at {address.offset}")
    if isinstance(value, Address):
        raise machine.unsupported(state, "a pointer stored in the context")
    context.write_field(state, field, address.offset, size, value, immediate=immediate)


def _jump(machine: Machine, state: State, insn: Insn) -> list[State]:
    there, here = target(state.slot, insn), state.slot + 1
    if insn.opcode in (JA, JA32):
        state.slot = there
        return [state]
    name = alu.jump_name(insn)
    wrong_form = (insn.opcode & X and insn.imm) or (not insn.opcode & X and insn.src)
    if name in (None, "ja", "call", "exit") or wrong_form:
        raise machine.unsupported(state, f"undefined jump (opcode {insn.opcode:#04x})")
    assert name is not None
    x, y = machine.register(state, insn.dst), _operand(machine, state, insn)
    null: Term | None = None
    if isinstance(x, Address) or isinstance(y, Address):
        taken = pointers.compare(machine, state, insn, name, x, y)
        null = next((v.null for v in (x, y) if isinstance(v, Address)), None)
    else:
        width = 32 if insn.cls == JMP32 else 64
        taken = alu.condition(name, b.extract(x, width - 1, 0), b.extract(y, width - 1, 0))
    out = []
    for after, slot in zip(machine.fork(state, taken), (there, here), strict=True):
        if after is not None:
            after.slot = slot
            out.append(after)
    if null is not None and not null.is_const:
        for after in out:
            if both(after.guard, null) is b.FALSE:
                after.settle(null)
    return out


def _call(machine: Machine, state: State, insn: Insn) -> list[State]:
    if insn.src == CALL_LOCAL:
        return [_enter(machine, state, state.slot + 1 + insn.imm)]
    if insn.src == CALL_HELPER and insn.imm == LOOP and machine.loop is not None:
        return [_enter(machine, state, machine.loop)]
    if insn.src == CALL_HELPER and insn.imm == TAIL_CALL:
        return tail.call(machine, state)
    helper = machine.host.helpers.get(insn.imm) if insn.src == CALL_HELPER else None
    if helper is None:
        name = f" ({HELPERS[insn.imm]})" if insn.imm in HELPERS else ""
        kind = f"helper {insn.imm}{name}" if insn.src == CALL_HELPER else f"kernel function (kind {insn.src})"
        raise machine.unsupported(state, f"calls {kind}")
    return _run(machine, state, helper)


def _call_by_register(machine: Machine, state: State, insn: Insn) -> list[State]:
    ours = machine.loop is not None and state.slot >= machine.loop
    if ours and insn == CALL_FUNCTION:
        function = machine.pointer(state, insn.dst)
        if function.kind != "function":
            raise machine.unsupported(state, f"r{insn.dst} is no function")
        return [_enter(machine, state, int(function.name))]
    if ours and insn == TOO_MANY:
        return _run(machine, state, lambda machine, state: result(state, too_many(machine)))
    if not machine.host.register_calls or insn != Insn(CALL_REGISTER, insn.dst):
        raise machine.unsupported(state, f"undefined jump (opcode {insn.opcode:#04x})")
    number = machine.number(state, machine.scalar(state, insn.dst))
    helper = machine.host.helpers.get(number)
    if helper is None:
        raise machine.unsupported(state, f"calls helper {number}")
    return _run(machine, state, helper)


def _run(machine: Machine, state: State, helper: Helper) -> list[State]:
    out = helper(machine, state)
    for after in out:
        after.regs[1:6] = [None] * 5
        after.slot += 1
    return out


def _enter(machine: Machine, state: State, slot: int) -> State:
    """A call of the function that begins at ``slot``."""
    depth = len(state.frames) + 1
    if depth >= MAX_CALLS:
        raise machine.unsupported(state, f"more than {MAX_CALLS} frames")
    back = state.slot + 1
    live = machine.graph.live.get(back, frozenset())
    saved = [state.regs[n] if n in live else None for n in range(6, 10)]
    state.frames = (*state.frames, Frame(back, (saved[0], saved[1], saved[2], saved[3])))
    state.regs[0] = None
    state.regs[6:10] = [None] * 4
    state.regs[10] = Address("stack", 0, f"stack {depth}")
    state.slot = slot
    if state.slot not in machine.graph.insns:
        raise machine.unsupported(state, "calls where there is no instruction")
    return state


def _exit(machine: Machine, state: State, insn: Insn) -> list[State]:
    if insn != Insn(EXIT):
        raise machine.unsupported(state, "undefined exit")
    return leave(machine, state)


def leave(machine: Machine, state: State) -> list[State]:
    """The end of the function at hand, R0 its result: one of the program's own functions may have none."""
    depth = len(state.frames)
    result = machine.register(state, 0) if not depth else state.regs[0]
    state.memory.pop(f"stack {depth}", None)
    state.regs[1:6] = [None] * 5
    if not depth:
        if isinstance(result, Address):  # the kernel's verifier lets privileged programs tell where memory lies
            state.regs[0] = pointers.as_number(machine, state, result)
        state.slot = -1
        state.regs[6:11] = [None] * 5
        return [state]
    frame = state.frames[-1]
    state.frames = state.frames[:-1]
    state.regs[6:10] = frame.saved
    state.regs[10] = Address("stack", 0, f"stack {depth - 1}")
    state.slot = frame.slot
    return [state]
