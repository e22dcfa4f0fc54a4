"""Numeric ids: of P4Info's objects, and of their keys, parameters and fields.

An object's high byte is its kind (P4Runtime specification 1.4, "ID Allocation for P4Info Objects"); the low three are
a hash of its control-plane name (Bob Jenkins' one-at-a-time), probed linearly, names in alphabetical order, where they
collide. The specification leaves the hash open; this one is that of p4c (``control-plane/p4RuntimeSymbolTable.cpp``),
so that rules written against its p4info fit. ``@id`` gives an id; keys, parameters and fields count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Final

from .. import ir
from ..source import InputError, Span

MAX_FIELD_ID: Final = (1 << 32) - 1


class Kind(IntEnum):
    """``P4Ids.Prefix`` of ``p4info.proto``."""

    ACTION = 0x01
    TABLE = 0x02
    VALUE_SET = 0x03
    CONTROLLER_HEADER = 0x04
    ACTION_PROFILE = 0x11
    COUNTER = 0x12
    DIRECT_COUNTER = 0x13
    METER = 0x14
    DIRECT_METER = 0x15
    REGISTER = 0x16
    DIGEST = 0x17


def name_hash(name: str) -> int:
    """Jenkins' one-at-a-time hash, 32 bits."""
    value = 0
    for byte in name.encode():
        value = (value + byte) & 0xFFFFFFFF
        value = (value + (value << 10)) & 0xFFFFFFFF
        value ^= value >> 6
    value = (value + (value << 3)) & 0xFFFFFFFF
    value ^= value >> 11
    return (value + (value << 15)) & 0xFFFFFFFF


def own_id(annotations: Iterable[ir.Annotation]) -> int | None:
    """The number that an ``@id`` annotation gives."""
    for annotation in annotations:
        if annotation.name == "id":
            for value in annotation.values:
                if isinstance(value, int):
                    return value
            if annotation.body is not None:
                try:
                    return int(annotation.body.strip(), 0)
                except ValueError:
                    return None
    return None


def assign(kind: int, names: Mapping[str, tuple[int | None, Span]], taken: set[int]) -> dict[str, int]:
    """The id of each name: the one given by ``@id``, or one made from the name's hash.

    Args:
        kind: the high byte.
        names: name → the number in its ``@id`` (with or without the high byte) or None, and the place.
        taken: ids in use, of any kind; the new ones are added.

    Raises:
        InputError: an ``@id`` is out of range, has another kind's high byte, or is given twice.
    """
    ids: dict[str, int] = {}
    for name, (given, span) in names.items():
        if given is None:
            continue
        if not 0 < given <= MAX_FIELD_ID or given >> 24 not in (0, kind):
            raise InputError.at(span, f"@id({given}) of {name}: the high byte of its ids is {kind:#04x}")
        ids[name] = given | kind << 24
        if ids[name] in taken:
            raise InputError.at(span, f"@id({given}) of {name} is taken already")
        taken.add(ids[name])
    for name in sorted((n for n, (given, _) in names.items() if given is None), key=str.encode):
        low = name_hash(name)
        while (number := kind << 24 | low & 0xFFFFFF) in taken:
            low += 1
        taken.add(number)
        ids[name] = number
    return ids


def field_ids(items: Sequence[ir.Key] | Sequence[ir.Param] | Sequence[ir.Field]) -> list[int]:
    """The ids of an object's keys, parameters or fields: ``@id``, else the position counted from 1.

    A position that some ``@id`` took is passed over.

    Raises:
        InputError: an ``@id`` is no positive 32-bit number, or is given twice.
    """
    given = [own_id(item.annotations) for item in items]
    taken: set[int] = set()
    for place, number in enumerate(given):
        if number is None:
            continue
        if not 0 < number <= MAX_FIELD_ID or number in taken:
            message = f"@id({number}) of {items[place].name} is taken already, or no id"
            raise InputError.at(items[place].span, message)
        taken.add(number)
    ids: list[int] = []
    position = 1
    for number in given:
        if number is not None:
            position += 1
            ids.append(number)
            continue
        while position in taken:
            position += 1
        taken.add(position)
        ids.append(position)
    return ids
