"""What every action's parameters begin with in netlink: ``tc_gen`` (``uapi/linux/pkt_cls.h``), with its control."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from typing import Final

from .actions import CONTROL_NUMBERS, Control, ControlKind
from .attributes import Attribute, attribute

GENERIC: Final = struct.Struct("=IIiii")
"""``index``, ``capab``, ``action``, ``refcnt``, ``bindcnt``."""
NEW: Final = 0
"""``index`` of an action that is not shared."""
_EXTENDED: Final[dict[int, ControlKind]] = {1: "jump", 2: "goto chain"}
_SIMPLE: Final[dict[int, ControlKind]] = {n: k for k, n in CONTROL_NUMBERS.items() if k not in ("jump", "goto chain")}


def generic(control: Control) -> bytes:
    """``tc_gen`` of a new action."""
    return GENERIC.pack(NEW, 0, control.number, 0, 0)


def parameters(kind: int, control: Control, more: bytes = b"") -> bytes:
    """The attribute of an action's parameters: ``tc_gen``, and what follows it."""
    return attribute(kind, generic(control) + more)


def control_of(place: Attribute, number: int) -> Control:
    """The control of a signed ``TC_ACT_*``. Raises InputError for one that there is not."""
    if number in _SIMPLE:
        return Control(_SIMPLE[number])
    kind = _EXTENDED.get(number >> 28)
    if kind is None:
        raise place.place.error(f"unknown control {number}")
    return Control(kind, number & ((1 << 28) - 1))


def read_generic(parms: Attribute, more: str = "") -> tuple[Control, tuple[int, ...]]:
    """The control, and the numbers that follow ``tc_gen`` as :mod:`struct` calls them. Raises InputError."""
    numbers = parms.unpack(struct.Struct(GENERIC.format + more))
    return control_of(parms, numbers[2]), numbers[5:]


def has_only(found: Mapping[int, Attribute], known: Collection[int]) -> bool:
    """Whether there are no attributes but these."""
    return not set(found).difference(known)
