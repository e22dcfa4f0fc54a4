"""Actions on bits of fields, from words: ``set_field``, ``load``, ``move``, the stack, ``output:FIELD[BITS]``.

Source: ``mf_parse_subfield`` (``lib/meta-flow.c``), ``lib/nx-match.c`` and ``lib/ofp-actions.c`` of Open vSwitch 3.1. A
name of several registers together (``xxreg0``) becomes one action for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from . import fields
from .fields import CFI, FIELDS, WIDTH_OF_REGISTER, Name
from .flows import NO_PREREQUISITES, Action, Bits, Move, OutputBits, Pop, Push, SetField
from .words import Piece, masked, number

_SUBFIELD: Final = re.compile(r"([A-Za-z0-9_]+)(?:\[(?:([0-9]+)(?:\.\.([0-9]+))?)?\])?\Z")
VID_BITS: Final = 12
"""A VLAN's number as part of a field; written as a whole it has a thirteenth bit, which says that there is a tag."""


class NotModelledError(Exception):
    """A field that the tools know and the meaning does not."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bits of a field, or of several registers together (``registers``: the highest first)."""

    bits: Bits
    name: Name | None
    registers: tuple[str, ...] = ()

    def parts(self, low: int, width: int) -> Iterator[tuple[int, Bits]]:
        """Bits ``[low, low + width)`` of it, field by field from the lowest: where each begins, from ``low`` on."""
        if not self.registers:
            yield 0, Bits(self.bits.field, self.bits.low + low, width, self.bits.needs)
            return
        at, end = self.bits.low + low, self.bits.low + low + width
        start = at
        while at < end:
            below = at % WIDTH_OF_REGISTER
            some = min(end - at, WIDTH_OF_REGISTER - below)
            yield at - start, Bits(self.registers[-1 - at // WIDTH_OF_REGISTER], below, some)
            at += some


def set_field(value: Piece) -> Action | tuple[Action, ...]:
    """``set_field:VALUE[/MASK]->FIELD``."""
    text, arrow, target = value.text.rpartition("->")
    if not arrow:
        raise value.error("'set_field:VALUE->FIELD' expected")
    at, said = value.part(len(text) + 2), value.part(0, len(text))
    registers = fields.wide(target)
    if registers is None:
        return set_named(_known(target, at), said, at)
    width = len(registers) * WIDTH_OF_REGISTER
    everything = Stretch(Bits(target, 0, width), None, registers)
    return tuple(set_parts(everything, *masked(said, width, "hex")))


def set_parts(stretch: Stretch, value: int, mask: int) -> Iterator[SetField]:
    """Bits of registers together become those of a value, register by register."""
    for start, part in stretch.parts(0, stretch.bits.width):
        cut = (1 << part.width) - 1
        if mask >> start & cut:
            yield SetField(part.field, (value >> start & cut) << part.low, (mask >> start & cut) << part.low)


def set_named(name: Name, value: Piece, at: Piece) -> Action:
    """A field becomes a value. Raises InputError at ``at``: nobody may write there."""
    field = FIELDS[name.field]
    if not field.writable:
        raise at.error(f"{at.shown()} cannot be written")
    number_, mask = masked(value, name.bits, name.written)
    mask &= (1 << name.bits) - 1 if name.counts is None else name.counts
    if name.field in ("tp_src", "tp_dst") and name.bits == 8:
        mask |= 0xFF00
    number_, mask = (number_ & mask) << name.low, mask << name.low
    if name.needs.tagged and mask & CFI and not number_ & CFI:
        raise value.error("a VLAN's number is written with the bit 0x1000, which says that there is a tag")
    return SetField(field.name, number_, mask, name.needs)


def load(value: Piece) -> Action | tuple[Action, ...]:
    """``load:VALUE->FIELD[BITS]``."""
    text, arrow, target = value.text.rpartition("->")
    if not arrow:
        raise value.error("'load:VALUE->FIELD[BITS]' expected")
    stretch = _stretch(value.part(len(text) + 2))
    bits = stretch.bits
    loaded = number(value.part(0, len(text)), bits.width)
    if stretch.name is None:
        return tuple(set_parts(stretch, loaded, (1 << bits.width) - 1))
    if not FIELDS[bits.field].writable or (bits.field == "in_port" and bits.width < stretch.name.bits):
        raise value.error(f"{target!r} cannot be written")
    return SetField(bits.field, loaded << bits.low, ((1 << bits.width) - 1) << bits.low, bits.needs)


def move(value: Piece) -> Action | tuple[Action, ...]:
    """``move:FIELD[BITS]->FIELD[BITS]``."""
    text, arrow, _ = value.text.rpartition("->")
    if not arrow:
        raise value.error("'move:FIELD[BITS]->FIELD[BITS]' expected")
    source, target = _stretch(value.part(0, len(text))), _stretch(value.part(len(text) + 2))
    if source.bits.width != target.bits.width:
        raise value.error(f"{source.bits.width} bits cannot be moved to {target.bits.width}")
    _check_written(target, value)
    return tuple(moves(source, target))


def moves(source: Stretch, target: Stretch) -> Iterator[Move]:
    """One for each pair of fields, in the order in which none reads what an earlier one has written."""
    found = [
        Move(Bits(taken.field, taken.low, part.width, taken.needs), part)
        for start, piece in source.parts(0, source.bits.width)
        for inner, part in target.parts(start, piece.width)
        for _, taken in source.parts(start + inner, part.width)
    ]
    return iter(found) if _place(source) >= _place(target) else reversed(found)


def _place(stretch: Stretch) -> int:
    """Where it begins among all registers, counted so that a register's higher bits, and those of the one before it,
    come later."""
    first = next(iter(stretch.parts(0, stretch.bits.width)))[1]
    if not first.field.startswith("reg"):
        return 0
    return (fields.REGISTERS - int(first.field[3:])) * WIDTH_OF_REGISTER + first.low


def push(value: Piece) -> Action | tuple[Action, ...]:
    """``push:FIELD[BITS]``."""
    return Push(_on_the_stack(value))


def pop(value: Piece) -> Action | tuple[Action, ...]:
    """``pop:FIELD[BITS]``."""
    stretch = _stretch(value)
    _check_written(stretch, value)
    return Pop(_on_the_stack(value))


def output(value: Piece) -> Action:
    """``output:FIELD[BITS]``."""
    return OutputBits(_single(value))


def written(value: Piece) -> Bits:
    """Bits of one field that an action writes to. Raises InputError."""
    _check_written(_stretch(value), value)
    return _single(value)


def _check_written(target: Stretch, value: Piece) -> None:
    field = target.bits.field
    if field == "in_port" and target.bits.width < FIELDS[field].width:
        raise NotModelledError(value.text)
    if target.name is not None and not FIELDS[field].writable:
        raise value.error(f"{field} cannot be written")


def _single(value: Piece) -> Bits:
    stretch = _stretch(value)
    parts = list(stretch.parts(0, stretch.bits.width))
    if len(parts) > 1:
        raise value.error("bits of several registers together have no place here")
    return parts[0][1]


def _on_the_stack(value: Piece) -> Bits:
    """Bits of a field, or of registers together."""
    return in_one(_stretch(value))


def in_one(stretch: Stretch) -> Bits:
    """A stretch as bits of one name: a register's where that is enough."""
    parts = list(stretch.parts(0, stretch.bits.width))
    if len(parts) == 1:
        return parts[0][1]
    together = next(name for name, registers in fields.WIDE.items() if registers == stretch.registers)
    return Bits(together, stretch.bits.low, stretch.bits.width)


def pieces(bits: Bits) -> Iterator[tuple[int, Bits]]:
    """Bits field by field from the lowest: where each begins among them."""
    return Stretch(bits, None, fields.wide(bits.field) or ()).parts(0, bits.width)


def _stretch(value: Piece) -> Stretch:
    """``FIELD[low..high]``, ``FIELD[bit]``, ``FIELD[]`` or ``FIELD``."""
    match = _SUBFIELD.match(value.text)
    if match is None:
        raise value.error(f"'FIELD[low..high]' expected, not {value.shown()}")
    registers = fields.wide(match[1])
    if registers is not None:
        name, needs, start, width = None, NO_PREREQUISITES, 0, len(registers) * WIDTH_OF_REGISTER
        field = match[1]
    else:
        name = _known(match[1], value)
        field, needs, start = name.field, name.needs, name.low
        width = VID_BITS if name.needs.tagged and not name.low else name.bits
    low = int((match[2] or "0")[:9])
    high = int((match[3] or match[2] or str(width - 1))[:9])
    if not low <= high < width:
        raise value.error(f"{match[1]} has bits 0 to {width - 1}")
    return Stretch(Bits(field, start + low, high - low + 1, needs), name, registers or ())


def _known(text: str, at: Piece) -> Name:
    name = fields.find(text)
    if name is None and fields.unmodelled(text):
        raise NotModelledError(text)
    if name is None:
        raise at.error(f"{text!r} is no field that is known")
    return name


__all__ = [
    "NotModelledError",
    "Stretch",
    "in_one",
    "load",
    "move",
    "moves",
    "output",
    "pieces",
    "pop",
    "push",
    "set_field",
    "set_named",
    "set_parts",
    "written",
]
