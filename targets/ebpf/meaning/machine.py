"""The machine: runs a program on all inputs at once, path by path, and lets paths become one where they meet.

A path is a :class:`State`. The place with the lowest rank (see :mod:`.graph`) runs first, so that all paths to a join
have arrived before it goes on; what cannot be one state stays apart. Loops are unrolled while their conditions fold.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Choice, Fault
from ....semantics.source import Span, Unsupported
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
    PSEUDO_MAP_VALUE,
    SIZE_BYTES,
    ST,
    STX,
    Insn,
    X,
)
from ..artifact.program import BpfProgram, MapDef
from . import alu, atomic, context, memory, pointers
from .context import Field
from .graph import CALL, EXIT, JA, JA32, analyse, is_jump, target
from .memory import Stop
from .pointers import Split
from .state import Frame, State, both, merge
from .values import MAX_VALUES, Address, Value, possible_values

MAX_STEPS: Final = 400_000
"""Instructions run, over all paths; more is not tried."""
MAX_CALLS: Final = 8
"""Frames that the kernel allows (MAX_CALL_FRAMES)."""
MAX_APART: Final = 2_000
"""Paths that wait at one place without becoming one; more is not tried."""

Helper = Callable[["Machine", State], list[State]]


class MixedRead(Exception):
    """A byte was read that holds a pointer on some paths only: run again, keeping such paths apart."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the hook gives a program: its context's fields, and the helpers that it may call."""

    fields: tuple[Field, ...]
    helpers: Mapping[int, Helper]


class Machine:
    """One run of ``program``; see :meth:`run`."""

    def __init__(
        self,
        program: BpfProgram,
        maps: Sequence[MapDef],
        host: Host,
        *,
        written: frozenset[str] = frozenset(),
        mix: bool = True,
        file: str = "",
    ) -> None:
        self.program, self.host, self.written, self.mix = program, host, written, mix
        self.maps = {item.name: item for item in maps}
        self.graph = analyse(program)
        self.faults: list[Fault] = []
        self.choices: list[Choice] = []
        self._addresses: dict[Address, Term] = {}
        self.file = file
        self._steps = 0
        self._pending: dict[tuple[int, ...], list[State]] = {}
        self._queue: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self._finished: list[State] = []

    def run(self, starts: Sequence[State]) -> list[State]:
        """The states in which the program ends, R0 holding its result; faults are in :attr:`faults`.

        Raises:
            Unsupported: something that is not modelled, with its place.
            Restart: a map must be modelled as state.
            MixedRead: see there.
        """
        for state in starts:
            self._put(state)
        while self._queue:
            _, location = heapq.heappop(self._queue)
            for state in self._meet(self._pending.pop(location)):
                self._advance(state)
        return self._joined(self._finished, frozenset({0}))

    # --- what others ask for ---

    def place(self, state: State) -> Span:
        """The source line of the instruction at hand, or the object file."""
        return self.program.place(state.slot, self.file)

    def where(self, state: State) -> str:
        """The instruction at hand, for messages."""
        return f"program {self.program.name}, instruction {state.slot}"

    def unsupported(self, state: State, text: str) -> Unsupported:
        """The error for something at this place that is not modelled."""
        return Unsupported(f"{self.where(state)}: {text}", self.place(state))

    def mixed(self, state: State) -> Exception:
        """The error for a byte that holds a pointer on some paths only."""
        if self.mix:
            return MixedRead()
        return self.unsupported(state, "reads memory that holds a pointer on some paths only")

    def require(self, state: State, condition: Term, text: str) -> None:
        """Record a fault where ``condition`` does not hold, and go on where it does. Raises Stop if nowhere."""
        bad = both(state.guard, b.not_(condition))
        if bad is not b.FALSE:
            self.faults.append(Fault(bad, f"{self.where(state)}: {text}", self.place(state)))
        if not state.assume(condition):
            raise Stop

    def choose(self, name: str, width: int, reason: str) -> Term:
        """A fresh choice of ``width`` bits."""
        variable = b.var(f"any.ebpf.{name}.{len(self.choices)}", width)
        self.choices.append(Choice(variable, reason))
        return variable

    def address(self, base: Address) -> Term:
        """Where the memory that ``base`` points to lies: 64 bits, the same each time. In the upper half of what 64 bits
        can tell, as kernel memory is on all 64-bit machines but s390, and not in the last page (error numbers)."""
        if base not in self._addresses:
            low = self.choose("address", 63, "the address of a piece of the kernel's memory")
            last_page = b.eq(b.extract(low, 62, 12), b.bv((1 << 51) - 1, 51))
            self._addresses[base] = b.concat(b.bv(1, 1), b.ite(last_page, b.bv(0, 63), low))
        return self._addresses[base]

    def number(self, state: State, term: Term) -> int:
        """``term`` as a number. Raises Split if the paths have not fixed it."""
        if term.is_const:
            return term.value
        known = state.facts.get(term)
        if known is None:
            raise Split(term)
        return known

    def fork(self, state: State, condition: Term) -> tuple[State | None, State | None]:
        """The paths where ``condition`` holds, and those where it does not; None for no paths."""
        then, other = state.copy(), state
        return (then if then.assume(condition) else None), (other if other.assume(b.not_(condition)) else None)

    # --- paths ---

    def _put(self, state: State) -> None:
        location = state.location
        if location not in self._pending:
            self._pending[location] = []
            heapq.heappush(self._queue, (tuple(self.graph.order[slot] for slot in location), location))
        self._pending[location].append(state)

    def _meet(self, states: list[State]) -> list[State]:
        return self._joined(states, self.graph.live[states[0].slot])

    def _joined(self, states: list[State], live: frozenset[int]) -> list[State]:
        """As few states as possible; neighbours that complete each other first."""
        out: list[State] = []
        for state in states:
            kept = state
            while True:
                for other in reversed(out):
                    both = merge(other, kept, live, mix=self.mix)
                    if both is not None:
                        out.remove(other)
                        kept = both
                        break
                else:
                    break
            out.append(kept)
            if len(out) > MAX_APART:
                raise self.unsupported(state, f"more than {MAX_APART} paths that cannot be taken together")
        return out

    def _advance(self, state: State) -> None:
        """Run from ``state`` on until every path has ended or waits at a place where others may come."""
        waiting = [state]
        while waiting:
            state = waiting.pop()
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise self.unsupported(state, f"more than {MAX_STEPS} steps; a loop whose end does not fold?")
            depth = len(state.frames)
            slot = state.slot
            for after in self._step(state):
                if after.slot < 0:
                    self._finished.append(after)
                elif after.slot != slot and (after.slot in self.graph.joins or len(after.frames) != depth):
                    self._put(after)
                else:
                    waiting.append(after)

    def _step(self, state: State) -> list[State]:
        try:
            return self._execute(state, self.graph.insns[state.slot])
        except Stop:
            return []
        except Split as split:
            return list(self._split(state, split.term))

    def _split(self, state: State, term: Term) -> Iterator[State]:
        """One state for every number that ``term`` can be; each runs the same instruction again."""
        values = possible_values(term)
        if values is None:
            raise self.unsupported(state, f"an address or size that can have more than {MAX_VALUES} values")
        for value in values:
            part = state.copy()
            constant = b.bv(value, term.width)
            if part.assume(b.eq(term, constant)):
                part.facts[term] = value
                part.regs = [constant if found is term else found for found in part.regs]
                yield part

    # --- instructions ---

    def _execute(self, state: State, insn: Insn) -> list[State]:
        if insn.opcode == EXIT:
            return self._exit(state, insn)
        if insn.opcode == CALL:
            return self._call(state, insn)
        if is_jump(insn):
            return self._jump(state, insn)
        if insn.cls in (ALU, ALU64):
            self._arithmetic(state, insn)
        elif insn.cls == LDX:
            self._load(state, insn)
        elif insn.cls in (ST, STX):
            self._store(state, insn)
        elif insn.wide:
            self._load_wide(state, insn)
        else:
            assert insn.cls == LD
            raise self.unsupported(state, "a legacy packet load (LD_ABS, LD_IND)")
        state.slot += insn.size
        return [state]

    def register(self, state: State, number: int) -> Term | Address:
        """What a register holds; a fault if nothing was written to it."""
        if number > 10:
            raise self.unsupported(state, f"there is no register r{number}")
        value = state.regs[number]
        if value is None:
            self.require(state, b.FALSE, f"reads r{number}, which holds nothing")
            raise Stop
        return value

    def scalar(self, state: State, number: int) -> Term:
        """The number that a register holds, 64 bits."""
        value = self.register(state, number)
        if isinstance(value, Address):
            raise self.unsupported(state, f"r{number} holds a pointer where a number is asked for")
        return value

    def _set(self, state: State, number: int, value: Value) -> None:
        if number > 9:
            raise self.unsupported(state, f"writes r{number}")
        state.regs[number] = value

    def _operand(self, state: State, insn: Insn) -> Term | Address:
        return self.register(state, insn.src) if insn.opcode & X else b.bv(insn.imm, 64)

    def _arithmetic(self, state: State, insn: Insn) -> None:
        name = alu.operation(insn)
        if name is None:
            raise self.unsupported(state, f"undefined arithmetic (opcode {insn.opcode:#04x}, offset {insn.off})")
        unary = name.startswith(("be", "le", "bswap", "neg"))
        operand: Term | Address = b.bv(0, 64) if unary else self._operand(state, insn)
        if name == "mov" and isinstance(operand, Address):
            if insn.cls != ALU64:
                raise self.unsupported(state, "the lower half of a pointer")
            self._set(state, insn.dst, operand)
            return
        dst: Term | Address = b.bv(0, 64) if name.startswith("mov") else self.register(state, insn.dst)
        if isinstance(dst, Address) or isinstance(operand, Address):
            self._set(state, insn.dst, pointers.arithmetic(self, state, insn, name, dst, operand))
        else:
            self._set(state, insn.dst, alu.compute(insn, name, dst, operand))

    def _load_wide(self, state: State, insn: Insn) -> None:
        if insn.map is None:
            if insn.src:
                raise self.unsupported(state, f"a 64-bit immediate of kind {insn.src}")
            self._set(state, insn.dst, b.bv(insn.imm, 64))
        elif insn.map not in self.maps:
            raise self.unsupported(state, f"map {insn.map}, which the object does not define")
        elif insn.src == PSEUDO_MAP_VALUE:
            item = self.maps[insn.map]
            if item.type != "array" or item.max_entries != 1 or item.key_size != 4:
                raise self.unsupported(state, f"the address of a value of map {insn.map}, which has several")
            key = b.bv(0, 8 * item.key_size)
            self._set(state, insn.dst, Address("value", insn.imm, insn.map, key))
        else:
            self._set(state, insn.dst, Address("map", 0, insn.map))

    # --- memory ---

    def pointer(self, state: State, number: int, off: int = 0) -> Address:
        """The address in a register, ``off`` bytes on; a fault if it is no address."""
        value = self.register(state, number)
        if not isinstance(value, Address):
            self.require(state, b.FALSE, f"follows r{number}, which is no pointer")
            raise Stop
        return replace(value, offset=value.offset + off)

    def _load(self, state: State, insn: Insn) -> None:
        mode, size = insn.opcode & 0xE0, SIZE_BYTES[insn.opcode & 0x18]
        if mode not in (MODE_MEM, MODE_MEMSX) or insn.imm or (mode == MODE_MEMSX and size == 8):
            raise self.unsupported(state, f"undefined load (opcode {insn.opcode:#04x})")
        address = self.pointer(state, insn.src, insn.off)
        if address.kind == "ctx":
            value = self._read_context(state, address, size)
        else:
            value = memory.load(self, state, address, size)
        if isinstance(value, Term):
            value = b.sext(value, 64) if mode == MODE_MEMSX else b.zext(value, 64)
        elif mode == MODE_MEMSX:
            raise self.unsupported(state, "a pointer, sign-extended")
        self._set(state, insn.dst, value)

    def _read_context(self, state: State, address: Address, size: int) -> Value:
        field = context.find(self.host.fields, address.offset, size)
        if field is None or field.kind == "data_meta":
            raise self.unsupported(state, f"reads {size} bytes of the context at {address.offset}")
        return context.read_field(state, field, address.offset, size, self.choose)

    def _store(self, state: State, insn: Insn) -> None:
        mode, size = insn.opcode & 0xE0, SIZE_BYTES[insn.opcode & 0x18]
        if mode == MODE_ATOMIC and insn.cls == STX:
            atomic.execute(self, state, insn, size)
            return
        if mode != MODE_MEM or (insn.cls == STX and insn.imm) or (insn.cls == ST and insn.src):
            raise self.unsupported(state, f"undefined store (opcode {insn.opcode:#04x})")
        address = self.pointer(state, insn.dst, insn.off)
        value = self.register(state, insn.src) if insn.cls == STX else b.bv(insn.imm, 64)
        if address.kind == "ctx":
            self._write_context(state, address, value, size)
        else:
            memory.store(self, state, address, value, size)

    def _write_context(self, state: State, address: Address, value: Term | Address, size: int) -> None:
        field = context.find(self.host.fields, address.offset, size)
        if field is None or field.kind != "kept" or (address.offset, size) != (field.offset, field.size):
            raise self.unsupported(state, f"writes {size} bytes of the context at {address.offset}")
        if isinstance(value, Address):
            raise self.unsupported(state, "a pointer stored in the context")
        context.write_field(state, field, value)

    # --- control ---

    def _jump(self, state: State, insn: Insn) -> list[State]:
        there, here = target(state.slot, insn), state.slot + 1
        if insn.opcode in (JA, JA32):
            state.slot = there
            return [state]
        name = alu.jump_name(insn)
        wrong_form = (insn.opcode & X and insn.imm) or (not insn.opcode & X and insn.src)
        if name in (None, "ja", "call", "exit") or wrong_form:
            raise self.unsupported(state, f"undefined jump (opcode {insn.opcode:#04x})")
        assert name is not None
        x, y = self.register(state, insn.dst), self._operand(state, insn)
        null: Term | None = None
        if isinstance(x, Address) or isinstance(y, Address):
            taken = pointers.compare(self, state, insn, name, x, y)
            null = next((v.null for v in (x, y) if isinstance(v, Address) and v.kind == "value"), None)
        else:
            width = 32 if insn.cls == JMP32 else 64
            taken = alu.condition(name, b.extract(x, width - 1, 0), b.extract(y, width - 1, 0))
        out = []
        for after, slot in zip(self.fork(state, taken), (there, here), strict=True):
            if after is not None:
                after.slot = slot
                out.append(after)
        if null is not None and not null.is_const:
            for after in out:
                if both(after.guard, null) is b.FALSE:
                    after.settle(null)
        return out

    def _call(self, state: State, insn: Insn) -> list[State]:
        if insn.src == CALL_LOCAL:
            return [self._enter(state, insn)]
        helper = self.host.helpers.get(insn.imm) if insn.src == CALL_HELPER else None
        if helper is None:
            kind = f"helper {insn.imm}" if insn.src == CALL_HELPER else f"kernel function (kind {insn.src})"
            raise self.unsupported(state, f"calls {kind}")
        out = helper(self, state)
        for after in out:
            after.regs[1:6] = [None] * 5
            after.slot += 1
        return out

    def _enter(self, state: State, insn: Insn) -> State:
        depth = len(state.frames) + 1
        if depth >= MAX_CALLS:
            raise self.unsupported(state, f"more than {MAX_CALLS} frames")
        back = state.slot + 1
        live = self.graph.live.get(back, frozenset())
        saved = [state.regs[n] if n in live else None for n in range(6, 10)]
        state.frames = (*state.frames, Frame(back, (saved[0], saved[1], saved[2], saved[3])))
        state.regs[0] = None
        state.regs[6:10] = [None] * 4
        state.regs[10] = Address("stack", 0, f"stack {depth}")
        state.slot = back + insn.imm
        if state.slot not in self.graph.insns:
            raise self.unsupported(state, "calls where there is no instruction")
        return state

    def _exit(self, state: State, insn: Insn) -> list[State]:
        if insn != Insn(EXIT):
            raise self.unsupported(state, "undefined exit")
        result = self.register(state, 0)
        depth = len(state.frames)
        state.memory.pop(f"stack {depth}", None)
        state.regs[1:6] = [None] * 5
        if not depth:
            if isinstance(result, Address):
                raise self.unsupported(state, "returns a pointer")
            state.slot = -1
            state.regs[6:11] = [None] * 5
            return [state]
        frame = state.frames[-1]
        state.frames = state.frames[:-1]
        state.regs[6:10] = frame.saved
        state.regs[10] = Address("stack", 0, f"stack {depth - 1}")
        state.slot = frame.slot
        return [state]


def start_registers() -> list[Value]:
    """R1 points to the context, R10 to the stack; nothing else may be read."""
    return [None, Address("ctx"), *[None] * 8, Address("stack", 0, "stack 0")]
