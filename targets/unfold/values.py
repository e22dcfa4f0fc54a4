"""Values while a program is walked: what is known of each bit, and what the packet must be for a path to be taken.

A number is a tuple of bits, the most significant first. Each bit is known (:data:`ZERO`, :data:`ONE`), or a bit that
the machine can look at (which number stands for which is the target's business: :meth:`.state.Context.ahead`), or
:data:`UNKNOWN`: something that no key of the machine can see. Reading what the program leaves undefined gives zeros,
which is one of the values allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ...semantics import ir
from ...semantics.source import Span
from ..base import CannotOffload

ZERO: Final = -1
ONE: Final = -2
UNKNOWN: Final = -3

Bits = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A struct, header or union: its fields. ``valid`` is None for a struct, and for a union says nothing."""

    fields: Mapping[str, Value]
    valid: bool | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """A header stack or tuple; ``next`` is the stack's nextIndex."""

    items: tuple[Value, ...]
    next: int = 0


Value = Bits | Record | Stack


def shape_of(value: Value, of_bits: Callable[[Bits], object]) -> object:
    """What two values must have in common to be brought together: the same parts, in which ``of_bits`` is the same."""
    if isinstance(value, Stack):
        return value.next, tuple(shape_of(item, of_bits) for item in value.items)
    if isinstance(value, Record):
        if value.valid is False:
            return "invalid"
        return value.valid, tuple((name, shape_of(part, of_bits)) for name, part in value.fields.items())
    return of_bits(value)


def number(value: int, width: int) -> Bits:
    """A known number."""
    return tuple(ONE if value >> i & 1 else ZERO for i in reversed(range(width)))


def unknown(width: int) -> Bits:
    """A number of which nothing is known."""
    return (UNKNOWN,) * width


def known(bits: Bits) -> int | None:
    """The number, if every bit of it is known."""
    value = 0
    for bit in bits:
        if bit not in (ZERO, ONE):
            return None
        value = value << 1 | (bit == ONE)
    return value


TRUE: Final = number(1, 1)
FALSE: Final = number(0, 1)


def width_of(type_: ir.Type, span: Span) -> int:
    """Bits of a number's type; enums without a representation and errors take 32, as table keys of them do."""
    match ir.bare(type_):
        case ir.BitsType(width) | ir.EnumType(underlying=ir.BitsType(width)):
            return width
        case ir.BoolType():
            return 1
        case ir.EnumType() | ir.ErrorType() | ir.MatchKindType():
            return 32
    raise CannotOffload(f"values of type {type(ir.bare(type_)).__name__}", span)


def undefined(type_: ir.Type, span: Span) -> Value:
    """A variable before it is set: headers invalid, numbers arbitrary, so 0."""
    bare = ir.bare(type_)
    match bare:
        case ir.HeaderType():
            return Record({f.name: _field(f, span) for f in bare.fields}, valid=False)
        case ir.StructType() | ir.UnionType():
            return Record({f.name: _field(f, span) for f in bare.fields})
        case ir.StackType(element, size):
            return Stack((undefined(element, span),) * size)
        case ir.TupleType(elements):
            return Stack(tuple(undefined(e, span) for e in elements))
        case ir.ExternType() | ir.StringType() | ir.VarbitType() | ir.IntType():
            return ()
    return number(0, width_of(bare, span))


def _field(field: ir.Field, span: Span) -> Value:
    return undefined(field.type, field.span if field.span.file else span)


# --- paths ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cube:
    """A condition on the packet: some of its bits, and how many bytes it has at least."""

    bits: Mapping[int, bool]
    length: int
    never: tuple[Mapping[int, bool], ...] = ()
    """Conditions that are known not to hold (for the target that remembers them)."""
    among: tuple[Mapping[int, bool], ...] = ()
    """Conditions of which one is known to hold; () if nothing of this kind is known (for the target that asks)."""

    def with_bits(self, more: Mapping[int, bool]) -> Cube | None:
        """Both conditions; None if they contradict each other."""
        if not self.bits.keys().isdisjoint(more) and any(self.bits.get(b, value) != value for b, value in more.items()):
            return None
        return replace(self, bits={**self.bits, **more}) if more else self

    def with_length(self, length: int) -> Cube:
        """And at least so many bytes."""
        return self if length <= self.length else replace(self, length=length)

    def resolve(self, bits: Bits) -> Bits:
        """The number with the bits that the condition decides put in."""
        if self.bits.keys().isdisjoint(bits):
            return bits
        return tuple((ONE if self.bits[bit] else ZERO) if bit in self.bits else bit for bit in bits)


Wanted = dict[int, bool]
"""Bits of the frame and what they must be."""


def equals(bits: Bits, value: int, mask: int, span: Span) -> Wanted | None:
    """What the frame must be for ``bits & mask == value & mask``; None if it cannot be.

    Raises:
        CannotOffload: it depends on what the machine cannot see.
    """
    wanted: Wanted = {}
    unseen = False
    for place, bit in zip(reversed(range(len(bits))), bits, strict=True):
        if not mask >> place & 1:
            continue
        want = bool(value >> place & 1)
        if bit == UNKNOWN:
            unseen = True
        elif bit < 0:
            if want != (bit == ONE):
                return None
        elif wanted.setdefault(bit, want) != want:
            return None
    if unseen:
        raise CannotOffload("a condition on something that is not in the frame, or is computed from it", span)
    return wanted


def below(bits: Bits, bound: int, span: Span) -> Iterator[Wanted]:
    """What the frame must be for ``bits < bound``, unsigned: one possibility for each one-bit of the bound."""
    width = len(bits)
    if bound >= 1 << width:
        yield {}
        return
    for place in reversed(range(width)):
        if bound >> place & 1:
            high = ((1 << width) - 1) & ~((1 << place) - 1)
            found = equals(bits, bound & ~((1 << (place + 1)) - 1), high, span)
            if found is not None:
                yield found


def prefixes(low: int, high: int, width: int) -> Iterator[tuple[int, int]]:
    """The interval ``low..high`` as the fewest (value, mask) pairs, from below."""
    full = (1 << width) - 1
    while low <= high:
        size = low & -low if low else 1 << width
        while size > high - low + 1:
            size >>= 1
        yield low, full & ~(size - 1)
        low += size
