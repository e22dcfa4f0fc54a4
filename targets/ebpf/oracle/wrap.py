"""A program made observable: it becomes a function of a wrapper that writes down what it decided.

The wrapper calls the program, notes its result and the packet's metadata in a map, and sends what would have gone to
the host's stack to a tap instead, where it can be read. Calls of ``bpf_redirect`` and its like go through a function
that notes the interface asked for and redirects to a tap that is there, so any port number can be observed. The
program's own instructions are otherwise untouched.

A verifier was met (Linux 6.18) that takes ``rN += r10``, rN a number, for an address in the stack of the outermost
function, whichever runs: what is stored there it believes unchanged in the function's own stack, and it drops branches
for that. In a program as it is loaded by others the outermost function is its own; here it is the wrapper, so such code
(compilers write ``rN = r10`` first) may be seen to do what it would not do elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ....semantics.source import Unsupported
from ..artifact import Assembler, BpfProgram, Function, Insn, MapDef, asm, slots
from ..artifact.asm import R0, R1, R2, R3, R6, R7, R8, R9
from ..artifact.insn import called_helper
from .spies import Spy, placed, spied

NOTES: Final = "p4verify_notes"
"""The map with one value of :data:`_LAYOUT`."""
_LAYOUT: Final = struct.Struct("=8I20sI32s2I")
NOTES_MAP: Final = MapDef(NOTES, "array", 4, _LAYOUT.size, 1)
_RESULT, _TARGET, _REDIRECTED, _MARK, _PRIORITY, _CLASSID, _RAN, _TC_INDEX = range(0, 32, 4)
_CONTROL, _CONTROL_BYTES, _SKB_CONTROL = 32, 20, 48
"""Where the control buffer is noted, its bytes, and where it lies in ``struct __sk_buff``."""
_META_LENGTH, _META, _META_BYTES = 52, 56, 32
"""Where the length of the metadata in front of a frame is noted, where its bytes are, and how many of these at most."""

_CLONES, _CLONED_TO = 88, 92
"""Where it is noted how many clones went into the ingress of an interface, and which interface the last of them."""

_CLONE_REDIRECT, _REDIRECT, _REDIRECT_NEIGH, _REDIRECT_PEER = 13, 23, 152, 155
_ADJUST_META: Final = 54
_INGRESS_FLAG: Final = 1
"""BPF_F_INGRESS."""
PORT, PEER, NEIGHBOUR, INGRESS, CPU = 1, 2, 3, 4, 5
LEFT_TO: Final = {PORT: "port", PEER: "peer", NEIGHBOUR: "neighbour", INGRESS: "ingress", CPU: "cpu"}
"""Ways to redirect, and where a packet goes that is."""
HANDED: Final = 16
"""From here on the way is that of a tail call through one of the object's maps, by its place among these."""
_SKB_FIELDS: Final = ((8, _MARK), (32, _PRIORITY), (72, _CLASSID), (44, _TC_INDEX))
"""Where a field lies in ``struct __sk_buff``, and where it is noted."""
TAKEN: Final = {"tc": (2, 4, 7, 8), "tcx": (2, 7), "xdp": ()}
"""Results that do not lead to the stack (checked against the stack itself by a test); XDP: all but XDP_PASS."""
_XDP_PASS: Final = 2
REDIRECTS: Final = {"tc": 7, "tcx": 7, "xdp": 4}


@dataclass(frozen=True)
class Notes:
    """What the wrapper wrote down."""

    ran: bool
    result: int
    way: int
    """The way that the packet was redirected, 0 for none."""
    target: int
    mark: int
    priority: int
    classid: int
    tc_index: int
    control: bytes
    """What was in the control buffer when another program took over."""
    metadata: bytes
    """What lies in front of a frame at XDP for whoever gets it next."""
    clones: int
    """How many clones went into the ingress of interfaces."""
    cloned_to: int
    """The interface that the last of these went to."""

    @classmethod
    def of(cls, value: bytes) -> Notes:
        """From the map's value."""
        *noted, control, length, words, clones, cloned_to = _LAYOUT.unpack(value)
        if length > len(words):
            raise Unsupported(f"the kernel left {length} bytes of metadata, of which {len(words)} can be seen")
        result, target, way, mark, priority, classid, ran, tc_index = noted
        packet = (way, target, mark, priority, classid, tc_index, control, words[:length])
        return cls(bool(ran), result, *packet, clones, cloned_to)

    def goes_on(self, hook: str) -> bool:
        """Whether somebody gets the frame itself, whatever clones of it do: the result leads to the stack, or the
        program has said where a frame goes that is redirected."""
        return self.result not in TAKEN[hook] or (self.result == REDIRECTS[hook] and self.way != 0)

    @property
    def left(self) -> dict[str, int]:
        """What the program has left with the packet at tc."""
        return {
            "mark": self.mark, "priority": self.priority, "classid": self.classid, "tc_index": self.tc_index,
        }  # fmt: skip

    @property
    def in_front(self) -> dict[str, int]:
        """What the program has left in front of the packet at XDP."""
        return {"meta_len": len(self.metadata)} | {f"meta[{i}]": byte for i, byte in enumerate(self.metadata)}

    def found(self, hook: str) -> tuple[int, ...]:
        """What another program finds that takes over."""
        if hook == "xdp":
            return ()
        control = int.from_bytes(self.control, "little")
        return self.mark, self.priority, self.tc_index, self.classid, control


EMPTY: Final = bytes(_LAYOUT.size)


def wrapped(
    program: BpfProgram, hook: str, stack_port: int, spies: Sequence[Spy], called: Sequence[Sequence[Insn]]
) -> tuple[Insn, ...]:
    """The observable program.

    Args:
        program: the program.
        hook: "tc", "tcx" or "xdp".
        stack_port: where to send what passes.
        spies: what takes the place of helpers, :func:`redirections` among them.
        called: the code of programs that it may hand the packet over to, whose result comes back here.
    """
    out = Assembler()
    start = out.label("program")
    out.emit(asm.mov(R6, R1))
    out.call(start)
    out.emit(
        asm.mov(R7, R0), asm.load_map_value(R8, NOTES, 0), asm.store(4, R8, _RESULT, R7), asm.store(4, R8, _RAN, 1)
    )
    # Read back, so that what the verifier believes of the result, rightly or not, cannot decide the comparisons below.
    out.emit(asm.load(4, R7, R8, _RESULT))
    if hook != "xdp":
        for place, field in _SKB_FIELDS:
            out.emit(asm.load(4, R9, R6, place), asm.store(4, R8, field, R9))
    elif any(called_helper(insn) == _ADJUST_META for code in (program.insns, *called) for insn in code):
        _note_metadata(out)
    leave, passes = out.label(), out.label()
    if hook == "xdp":
        out.jump("jne", R7, _XDP_PASS, leave, 32)
    else:
        for code in TAKEN[hook]:
            out.jump("jeq", R7, code, leave, 32)
    out.place(passes)
    out.emit(asm.mov(R1, stack_port), asm.mov(R2, 0), asm.call(_REDIRECT), asm.exit_())
    out.place(leave)
    out.emit(asm.mov(R0, R7), asm.exit_())
    out.place(start)
    out.emit(*spied(program.insns, spies))
    return out.finish()


def _note_metadata(out: Assembler) -> None:
    """How much lies between ``data_meta`` and ``data`` of the context in R6, and what, into the notes at R8."""
    done = out.label()
    out.emit(asm.load(4, R1, R6, 8), asm.load(4, R2, R6, 0), asm.mov(R3, R2), asm.alu("sub", R3, R1))
    out.emit(asm.store(4, R8, _META_LENGTH, R3))
    for at in range(0, _META_BYTES, 4):
        out.emit(asm.mov(R3, R1), asm.alu("add", R3, at + 4))
        out.jump("jgt", R3, R2, done)
        out.emit(asm.load(4, R3, R1, at), asm.store(4, R8, _META + at, R3))
    out.place(done)


def with_functions(program: BpfProgram, code: tuple[Insn, ...], spies: Sequence[Spy]) -> BpfProgram:
    """``code``, which :func:`wrapped` made of ``program``, with its functions named: the kernel asks for that where one
    of them makes tail calls."""
    behind = list(placed(program.insns, spies))
    start = slots(code)[-1] - slots(spied(program.insns, spies))[-1]
    functions = [Function("p4verify_program", start)]
    functions += [Function(f.name, f.slot + start) for f in program.functions]
    functions += [Function(f"p4verify_{spy.name}", slot + start) for spy, slot in behind]
    return BpfProgram(program.name, program.section, code, tuple(functions))


def redirections(hook: str, port: int, clone_port: int) -> Iterator[Spy]:
    """Functions that note where to a packet is redirected, and send it to ``port``; a clone that goes into an
    interface's ingress, where nobody would see it, to ``clone_port``."""
    yield Spy("redirect", frozenset({_REDIRECT}), _redirect(hook, port))
    if hook != "xdp":
        yield Spy("clone_redirect", frozenset({_CLONE_REDIRECT}), _clone_redirect(clone_port))
        for helper, kind in ((_REDIRECT_PEER, PEER), (_REDIRECT_NEIGH, NEIGHBOUR)):
            yield Spy(f"redirect_{LEFT_TO[kind]}", frozenset({helper}), _redirect_further(helper, kind, port))


def _redirect(hook: str, port: int) -> tuple[Insn, ...]:
    """``redirect(ifindex, flags)``: note and redirect; R6 to R9 are the function's own."""
    out = Assembler()
    refused, outwards = out.label(), out.label()
    out.emit(asm.mov(R6, R1), asm.mov(R7, R2), asm.mov(R1, port), asm.call(_REDIRECT))
    out.jump("jne", R0, REDIRECTS[hook], refused)
    if hook != "xdp":
        out.emit(asm.alu("and", R7, _INGRESS_FLAG))
        out.jump("jeq", R7, 0, outwards)
        out.emit(asm.mov(R1, port), asm.mov(R2, 0), asm.call(_REDIRECT), *_noted(INGRESS), asm.exit_())
    out.place(outwards)
    out.emit(*_noted(PORT))
    out.place(refused)
    out.emit(asm.exit_())
    return out.finish()


def _clone_redirect(port: int) -> tuple[Insn, ...]:
    """``clone_redirect(skb, ifindex, flags)``: clones that go out are seen where they go."""
    out = Assembler()
    outwards, done = out.label(), out.label()
    out.jump("jne", R3, _INGRESS_FLAG, outwards)
    out.emit(asm.mov(R6, R2), asm.mov(R2, port), asm.mov(R3, 0), asm.call(_CLONE_REDIRECT))
    out.jump("jne", R0, 0, done)
    out.emit(
        asm.load_map_value(R3, NOTES, 0), asm.store(4, R3, _CLONED_TO, R6), asm.load(4, R2, R3, _CLONES),
        asm.alu("add", R2, 1), asm.store(4, R3, _CLONES, R2), asm.exit_(),
    )  # fmt: skip
    out.place(outwards)
    out.emit(asm.call(_CLONE_REDIRECT))
    out.place(done)
    out.emit(asm.exit_())
    return out.finish()


def _redirect_further(helper: int, kind: int, port: int) -> tuple[Insn, ...]:
    """``redirect_peer(ifindex, flags)`` and ``redirect_neigh(ifindex, params, plen, flags)``: the kernel says whether
    it takes that (which it does whatever the number of the interface), then as for ``redirect``."""
    out = Assembler()
    refused = out.label()
    out.emit(asm.mov(R6, R1), asm.call(helper))
    out.jump("jne", R0, REDIRECTS["tc"], refused)
    out.emit(asm.mov(R1, port), asm.mov(R2, 0), asm.call(_REDIRECT), *_noted(kind))
    out.place(refused)
    out.emit(asm.exit_())
    return out.finish()


def taking_over(hook: str, port: int, kind: int, number: int) -> tuple[Insn, ...]:
    """A program in place of one that nobody knows, which tail calls lead to: it notes what it finds, and which it
    stands for (``kind`` and ``number``), and sends the packet to ``port``."""
    control = range(0, _CONTROL_BYTES if hook != "xdp" else 0, 4)
    kept = [
        insn for at in control for insn in (asm.load(4, R0, R7, _SKB_CONTROL + at), asm.store(4, R3, _CONTROL + at, R0))
    ]
    return (
        asm.mov(R7, R1), asm.mov(R6, number, 32), *_noted(kind), *kept, asm.mov(R1, port), asm.mov(R2, 0),
        asm.call(_REDIRECT), asm.exit_(),
    )  # fmt: skip


def _noted(kind: int) -> tuple[Insn, ...]:
    """Note that the packet goes to the interface in R6, in which way."""
    return (asm.load_map_value(R3, NOTES, 0), asm.store(4, R3, _TARGET, R6), asm.store(4, R3, _REDIRECTED, kind))
