"""Arithmetic and comparisons with pointers.

Where a program that may leak pointers (bpf_allow_ptr_leaks: the loader has CAP_PERFMON) treats an address as a number,
the number is a choice of the machine: whatever the program does then must be right for every address.

Pointers into a packet that has changed since they were read may not be followed, but are numbers to the kernel's
verifier (``clear_all_pkt_pointers``): how far they are apart is how far they were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import eq, ge, gt, le, lt, ne
from typing import Final, Protocol

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.insn import ALU, JMP32, Insn
from . import alu
from .memory import Checks, before_end, fixed
from .ranges import interval
from .state import State, shorter_than
from .values import Address, possible_values

FAR: Final = 1 << 29
"""Offsets that the kernel's verifier allows (BPF_MAX_VAR_OFF)."""
FEW: Final = 16
"""A pointer into the packet that moves by one of so few numbers is followed for each of them."""


class Split(Exception):
    """``term`` must be a number here: run once for each that it can be."""

    def __init__(self, term: Term) -> None:
        super().__init__(term)
        self.term = term


class Numbers(Checks, Protocol):
    """A machine that also knows addresses as numbers."""

    def address(self, base: Address) -> Term:
        """Where the memory that ``base`` points to lies: 64 bits, the same each time."""


def arithmetic(
    machine: Numbers, state: State, insn: Insn, name: str, dst: Term | Address, operand: Term | Address
) -> Term | Address:
    """``dst name operand`` where at least one is a pointer: plus or minus a number, or the distance of two."""
    if name.startswith(("be", "le", "bswap")) and isinstance(dst, Address):
        return alu.compute(insn, name, as_number(machine, state, dst), b.bv(0, 64))
    if insn.cls == ALU:  # the lower halves of addresses
        return alu.compute(insn, name, *(as_number(machine, state, value) for value in (dst, operand)))
    if name not in ("add", "sub"):
        raise machine.unsupported(state, f"{name} on a pointer")
    if isinstance(dst, Address) and isinstance(operand, Address):
        if name == "sub":
            return _distance(machine, state, dst, operand)
        raise machine.unsupported(state, "the sum of two pointers")
    if isinstance(dst, Address):
        assert not isinstance(operand, Address)
        return _moved_by(machine, state, dst, operand, back=name == "sub")
    assert isinstance(operand, Address)
    if name == "sub":
        raise machine.unsupported(state, "a number minus a pointer")
    return _moved_by(machine, state, operand, dst, back=False)


def _moved_by(machine: Numbers, state: State, address: Address, term: Term, *, back: bool) -> Address:
    """The address ``term`` bytes on, or back."""
    if term.is_const or term in state.facts:
        amount = b.signed(machine.number(state, term), 64)
        return _moved(machine, state, address, -amount if back else amount)
    values = possible_values(term, state.ranges, FEW)
    if address.kind in ("ctx", "map", "end") or (address.kind == "packet" and values is not None):
        raise Split(term)
    amounts = b.neg(term) if back else term
    far = address.at_distance(b.add(address.distance, amounts))
    if address.kind == "packet" and not _bounded(state, far):
        raise machine.unsupported(state, "a pointer into the packet that moves by a number without bounds")
    return far


def _bounded(state: State, address: Address) -> bool:
    """Whether the distance from the start of the memory is one that cannot wrap around."""
    _, high = interval(b.add(address.distance, b.bv(FAR, 64)), state.ranges)
    return high < 2 * FAR


def _moved(machine: Numbers, state: State, address: Address, amount: int) -> Address:
    if address.kind == "map":
        raise machine.unsupported(state, "arithmetic on a map")
    offset = address.offset + amount
    if not -FAR < offset < FAR:
        raise machine.unsupported(state, f"a pointer {offset} bytes away")
    return replace(address, offset=offset)


def _distance(machine: Numbers, state: State, x: Address, y: Address) -> Term:
    gap = b.sub(x.distance, y.distance)
    if _same_memory(x, y):
        return gap
    _packet_pointers(machine, state, x, y)
    length = _length(state, x if x.kind == "end" else y)
    return b.add(length, gap) if x.kind == "end" else b.sub(gap, length)


def _length(state: State, end: Address) -> Term:
    """How long the packet is, or was when the pointer to its end was read if it has changed since then."""
    if end.epoch == state.layout.epoch:
        return state.layout.length(64)
    assert end.key is not None
    return end.key


def _same_memory(x: Address, y: Address) -> bool:
    same = replace(x, offset=0, moved=None) == replace(y, offset=0, moved=None)
    return same and x.kind != "map" and x.null is b.FALSE


def _packet_pointers(machine: Numbers, state: State, x: Address, y: Address) -> None:
    if {x.kind, y.kind} != {"packet", "end"} or x.epoch != y.epoch:
        raise machine.unsupported(state, f"pointers into different memory ({x.kind}, {y.kind}) compared")


_ORDER: Final[dict[str, Callable[[int, int], bool]]] = {
    "jeq": eq, "jne": ne, "jlt": lt, "jle": le, "jgt": gt, "jge": ge,
}  # fmt: skip
_FLIPPED: Final = {"jeq": "jeq", "jne": "jne", "jlt": "jgt", "jle": "jge", "jgt": "jlt", "jge": "jle"}


_SIGNED: Final = {"jlt": "jslt", "jle": "jsle", "jgt": "jsgt", "jge": "jsge"}


def _in_order(machine: Numbers, state: State, name: str, x: Address, y: Address) -> Term:
    if x.moved is None and y.moved is None:
        return b.boolean(_ORDER[name](x.offset, y.offset))
    if name in _SIGNED and not (_bounded(state, x) and _bounded(state, y)):
        raise machine.unsupported(state, "pointers that moved by numbers without bounds are compared")
    return alu.condition(_SIGNED.get(name, name), x.distance, y.distance)


def _against_end(name: str, x: Address, end: Address, length: Term) -> Term:
    return alu.condition(_SIGNED.get(name, name), x.distance, b.add(length, end.distance))


def compare(machine: Numbers, state: State, insn: Insn, name: str, x: Term | Address, y: Term | Address) -> Term:
    """Whether the jump ``name`` between ``x`` and ``y``, of which at least one is a pointer, is taken."""
    if isinstance(x, Address) and isinstance(y, Address):
        if insn.cls == JMP32 or name not in _ORDER:
            raise machine.unsupported(state, f"{name} on a pointer")
        x, y = fixed(state, x), fixed(state, y)
        if _same_memory(x, y):
            return _in_order(machine, state, name, x, y)
        _packet_pointers(machine, state, x, y)
        if x.kind == "end":
            x, y, name = y, x, _FLIPPED[name]
        if x.epoch != state.layout.epoch:
            return _against_end(name, x, y, _length(state, y))
        near = before_end(state, x)
        if near is not None:
            return b.boolean(_ORDER[name](-near, y.offset))
        if x.moved is not None:
            return _against_end(name, x, y, state.layout.length(64))
        size = state.layout.size
        count = x.offset - y.offset - len(state.layout.trailer)
        if isinstance(size, int):
            return b.boolean(_ORDER[name](count, size))
        if size is not None:
            return alu.condition(_SIGNED.get(name, name), b.bv(count, 64), b.zext(size, 64))
        return _against_length(name, count - state.layout.delta)
    address, other = (x, y) if isinstance(x, Address) else (y, x)
    assert isinstance(address, Address)
    if insn.cls != JMP32 and name in ("jeq", "jne") and isinstance(other, Term) and other.is_const and not other.value:
        return address.null if name == "jeq" else b.not_(address.null)
    if address.kind == "map":
        raise machine.unsupported(state, "a map compared with a number")
    high = 31 if insn.cls == JMP32 else 63
    return alu.condition(name, *(b.extract(as_number(machine, state, v), high, 0) for v in (x, y)))


def as_number(machine: Numbers, state: State, value: Term | Address) -> Term:
    """The 64 bits of a register."""
    if not isinstance(value, Address):
        return value
    if value.kind == "map":
        raise machine.unsupported(state, "a map as a number")
    if value.kind == "end":
        start = machine.address(Address("packet", epoch=value.epoch))
        return b.add(start, b.add(_length(state, value), value.distance))
    if value.kind == "value" and state.removed.get(value.name):  # an element may lie where another one was
        raise machine.unsupported(
            state, f"the address of an element of map {value.name}, which has changed, as a number"
        )
    start = machine.address(replace(value, offset=0, null=b.FALSE, moved=None))
    return b.ite(value.null, b.bv(0, 64), b.add(start, value.distance))


def _against_length(name: str, count: int) -> Term:
    """``count name pkt.len``."""
    longer, not_shorter = shorter_than(count), shorter_than(count + 1)  # pkt.len < count, pkt.len <= count
    return {
        "jgt": longer,
        "jge": not_shorter,
        "jlt": b.not_(not_shorter),
        "jle": b.not_(longer),
        "jeq": b.and_(b.not_(longer), not_shorter),
        "jne": b.or_(longer, b.not_(not_shorter)),
    }[name]
