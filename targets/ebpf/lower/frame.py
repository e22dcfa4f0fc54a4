"""Where values live: the 512 bytes of stack, and the leaves (scalars) of P4 variables that are kept there.

A variable of a struct or header type is a set of leaves, one per field, named by a path (``hdr#1.ipv4.ttl``; a header's
validity is ``hdr#1.ipv4.$valid``). A leaf of up to 64 bits fills 1, 2, 4 or 8 bytes in host order, a wider one as many
64-bit limbs as it needs, lowest first. A leaf that nobody reads has no place and is not written (:class:`Usage`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ....semantics import ir
from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ..artifact import Reg
from ..layout import scalar_width

STACK_BYTES = 512
"""The kernel's MAX_BPF_STACK."""

VALID, SIZE = "$valid", "$size"
OBJECT = "$object "
"""What the path begins with of a name that stands for an extern object; its full name follows."""
SIZE_BITS = 16
"""Bits of a varbit's size."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A place in some variable: its path and the type of what lies there."""

    path: str
    type: ir.Type

    def member(self, name: str, type_: ir.Type) -> Ref:
        """The field ``name``."""
        return Ref(f"{self.path}.{name}", type_)

    def element(self, index: int, type_: ir.Type) -> Ref:
        """The element ``index`` of a stack or tuple."""
        return Ref(f"{self.path}.[{index}]", type_)

    @property
    def size(self) -> Ref:
        """How many bits a varbit has; they are the first ones of its place, the others are 0."""
        return Ref(f"{self.path}.{SIZE}", ir.bits(SIZE_BITS))

    @property
    def valid(self) -> Ref:
        """A header's validity."""
        return Ref(f"{self.path}.{VALID}", ir.BOOL)

    def overlaps(self, other: Ref) -> bool:
        """Whether the two have a leaf in common."""
        mine, others = f"{self.path}.", f"{other.path}."
        return mine.startswith(others) or others.startswith(mine)

    def holds(self, path: str) -> bool:
        """Whether what has this path is the place or a part of it."""
        return f"{path}.".startswith(f"{self.path}.")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar of a variable."""

    path: str
    width: int
    """Of its place, in bits; 0 for fields of type ``bit<0>``."""
    used: int | None = None
    """Of a varbit whose size is known: so many bits, which are the first ones of its place."""

    @property
    def bits(self) -> int:
        """Bits that it has in a header."""
        return self.width if self.used is None else self.used


def parts(type_: ir.Type, ref: Ref, span: Span = NOWHERE) -> list[Ref]:
    """The fields or elements of a composite ``ref`` (without validity), in order; none for scalars."""
    match ir.bare(type_):
        case ir.HeaderType(fields=fields) | ir.StructType(fields=fields) | ir.UnionType(fields=fields):
            return [ref.member(f.name, f.type) for f in fields]
        case ir.StackType(element, size):
            return [ref.element(i, element) for i in range(size)]
        case ir.TupleType(elements):
            return [ref.element(i, t) for i, t in enumerate(elements)]
    return []


def is_composite(type_: ir.Type) -> bool:
    """Whether values of the type are made of parts."""
    return isinstance(ir.bare(type_), ir.HeaderType | ir.StructType | ir.UnionType | ir.StackType | ir.TupleType)


def leaves(program: ir.Program, ref: Ref, span: Span = NOWHERE) -> Iterator[Leaf]:
    """Every leaf of ``ref``.

    Raises:
        CannotOffload: a type that has no largest size here (extern, string, ...).
    """
    todo = [ref]
    while todo:
        item = todo.pop()
        if is_composite(item.type):
            if isinstance(ir.bare(item.type), ir.HeaderType):
                yield Leaf(item.valid.path, 1)
            todo += reversed(parts(item.type, item))
            continue
        bare = ir.bare(item.type)
        if isinstance(bare, ir.VarbitType) and 0 < bare.max_width < 1 << SIZE_BITS:
            yield Leaf(item.path, bare.max_width)
            yield Leaf(item.size.path, SIZE_BITS)
            continue
        width = scalar_width(item.type)
        if width is None:
            raise CannotOffload(f"values of type {type_name(item.type)} are not kept in eBPF programs", span)
        yield Leaf(item.path, width)


def varbits(ref: Ref) -> list[Ref]:
    """The fields of varying size in a header."""
    return [part for part in parts(ref.type, ref) if isinstance(ir.bare(part.type), ir.VarbitType)]


def headers(ref: Ref) -> list[Ref]:
    """Every header in ``ref``, in order, members of unions and elements of stacks included."""
    out, todo = [], [ref]
    while todo:
        item = todo.pop()
        if isinstance(ir.bare(item.type), ir.HeaderType):
            out.append(item)
        else:
            todo += reversed(parts(item.type, item))
    return out


def type_name(type_: ir.Type) -> str:
    """A type as a message calls it."""
    name = getattr(type_, "name", None)
    return name if isinstance(name, str) else type(type_).__name__.removesuffix("Type").lower()


def leaf_bytes(width: int) -> int:
    """Bytes of a leaf's place."""
    if width > 64:
        return 8 * ((width + 63) // 64)
    return next(size for size in (1, 2, 4, 8) if width <= 8 * size)


class Full(CannotOffload):
    """Variables need more memory than there is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leaf lies: ``offset`` bytes behind what a register points to."""

    base: Reg
    offset: int


@dataclass
class Frame:
    """Hands out bytes of the stack, or of scratch memory, lowest addresses last; ``unlimited`` while it is only counted
    what is read."""

    unlimited: bool = False
    size: int = STACK_BYTES
    _used: list[tuple[int, int]] = field(default_factory=list)
    """Stretches in use as (distance below the frame pointer of the low end, of the high end), ascending."""
    deepest: int = 0

    def take(self, size: int, span: Span = NOWHERE) -> int:
        """The offset from the frame pointer of ``size`` free bytes, aligned to the largest power of two up to 8 in it.

        Raises:
            Full: there is no room.
        """
        align = next(a for a in (8, 4, 2, 1) if size >= a)
        top = 0
        for high, low in sorted((high, low) for low, high in self._used):
            if self._fit(top, size, align) <= high:
                break
            top = max(top, low)
        low = self._fit(top, size, align)
        if low > self.size and not self.unlimited:
            raise Full(f"the variables need more than {self.size} bytes", span)
        if self.unlimited:
            return -min(low, 32760)
        self._used.append((low, low - size))
        self.deepest = max(self.deepest, low)
        return -low

    @staticmethod
    def _fit(top: int, size: int, align: int) -> int:
        return (top + size + align - 1) // align * align

    def give_back(self, offset: int, size: int) -> None:
        """Free what :meth:`take` gave."""
        if not self.unlimited:
            self._used.remove((-offset, -offset - size))

    def has_room(self, size: int, limit: int) -> bool:
        """Whether ``size`` bytes fit the ``limit`` bytes next to the frame pointer."""
        if self.unlimited:
            return True
        offset = self.take(size)
        self.give_back(offset, size)
        return -offset <= limit


@dataclass
class Usage:
    """What a pass over the program found out, for the next pass."""

    live: frozenset[str] | None = None
    """Paths of the leaves that are read; None: not known yet, so all of them."""
    loads: dict[str, Span] = field(default_factory=dict)
    """Path of each leaf read → a place that reads it."""
    stores: dict[str, Span] = field(default_factory=dict)
    """Path of each leaf written, other than by ``extract`` → a place that writes it."""
    nonzero: dict[str, Span] = field(default_factory=dict)
    """... → a place that may give it something other than 0."""
