"""Instructions and actions of messages: OpenFlow 1.3 to 1.5, and Nicira's (``lib/ofp-actions.c`` of 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ..fields import CFI, ETH_MPLS, ETH_VLAN, FIELDS, NAMES, Name
from ..flows import (
    CONTROLLER,
    IN_PORT,
    TABLES,
    Action,
    Bits,
    ClearActions,
    DecMplsTtl,
    DecTtl,
    Goto,
    Move,
    Opaque,
    Output,
    OutputBits,
    PopMpls,
    PopVlan,
    PushMpls,
    PushVlan,
    Resubmit,
    SetField,
    ToGroup,
    ToMeter,
    WriteActions,
)
from . import oxm
from .wire import Wire

NICIRA: Final = 0x00002320
_EXPERIMENTER: Final = 0xFFFF
_WHOLE_FRAME: Final = 0xFFFF
_NAMES: Final = {11: "copy_ttl_out", 12: "copy_ttl_in", 21: "set_queue", 26: "push_pbb", 27: "pop_pbb"}
"""Actions that are not modelled."""
_MASKS_SINCE: Final = 6
"""The version in which ``OFPAT_SET_FIELD`` may have a mask."""


def instructions(wire: Wire, version: int) -> tuple[Action, ...]:
    """The instructions in the order in which the switch executes them (OpenFlow 1.5.1, 5.5). Raises InputError."""
    found: dict[int, tuple[Action, ...]] = {}
    while wire.left:
        at = wire.at
        kind, size = wire.number(2, "an instruction"), wire.number(2, "an instruction")
        body = wire.part(size - 4, "an instruction") if size >= 4 else None
        reader = _INSTRUCTIONS.get(kind)
        if body is None or reader is None or size % 8:
            raise wire.error(f"instruction {kind} of {size} bytes is not known", at)
        if kind in found:
            raise wire.error(f"instruction {kind} is there twice", at)
        found[kind] = reader(body, version)
        if body.left:
            raise body.error("more bytes than the instruction has")
    return tuple(
        action for kind in (_METER, _APPLY, _CLEAR, _WRITE, _METADATA, _GOTO) for action in found.get(kind, ())
    )


def actions(wire: Wire, version: int) -> tuple[Action, ...]:
    """A list of actions. Raises InputError."""
    return tuple(_actions(wire, version))


def _actions(wire: Wire, version: int) -> Iterator[Action]:
    while wire.left:
        at = wire.at
        kind, size = wire.number(2, "an action"), wire.number(2, "an action")
        if size < 8 or size % 8:
            raise wire.error(f"an action of {size} bytes", at)
        body = wire.part(size - 4, "an action")
        if kind == _EXPERIMENTER:
            yield _experimenter(body, at)
        elif kind in _NAMES:
            yield Opaque(_NAMES[kind])
        elif kind == _SET_FIELD:
            yield _set_field(body, version)
        elif kind in _ACTIONS:
            yield _ACTIONS[kind](body)
        else:
            raise wire.error(f"action {kind} is not known", at)


def _experimenter(body: Wire, at: int) -> Action:
    vendor = body.number(4, "an experimenter's number")
    subtype = body.number(2, "an experimenter's action")
    if vendor != NICIRA or subtype not in _NICIRAS:
        return Opaque(f"experimenter 0x{vendor:08x} action {subtype} (byte {at})")
    return _NICIRAS[subtype](body)


# --- instructions -----------------------------------------------------------------------------------------------------


def _table(wire: Wire) -> int:
    at = wire.at
    number = wire.number(1, "a table")
    if number >= TABLES:
        raise wire.error(f"tables are numbered from 0 to {TABLES - 1}", at)
    return number


def _goto(body: Wire, version: int) -> tuple[Action, ...]:
    table = _table(body)
    body.take(3)
    return (Goto(table),)


def _metadata(body: Wire, version: int) -> tuple[Action, ...]:
    body.take(4)
    value, mask = body.number(8, "metadata"), body.number(8, "a mask of metadata")
    return (SetField("metadata", value & mask, mask),)


def _write(body: Wire, version: int) -> tuple[Action, ...]:
    body.take(4)
    at = body.at
    inner = actions(body, version)
    if any(isinstance(action, ToMeter) for action in inner):
        raise body.error("a meter cannot be in the action set", at)
    return (WriteActions(inner),)


def _apply(body: Wire, version: int) -> tuple[Action, ...]:
    body.take(4)
    return actions(body, version)


def _clear(body: Wire, version: int) -> tuple[Action, ...]:
    body.take(4)
    return (ClearActions(),)


_GOTO, _METADATA, _WRITE, _APPLY, _CLEAR, _METER = 1, 2, 3, 4, 5, 6
_INSTRUCTIONS: Final[Mapping[int, Callable[[Wire, int], tuple[Action, ...]]]] = {
    _GOTO: _goto,
    _METADATA: _metadata,
    _WRITE: _write,
    _APPLY: _apply,
    _CLEAR: _clear,
    _METER: lambda body, version: (ToMeter(body.number(4, "a meter")),),
}


# --- actions ----------------------------------------------------------------------------------------------------------


def _output(body: Wire) -> Action:
    at = body.at
    port = oxm.port_of(body, body.number(4, "a port"), 4, at)
    if port == CONTROLLER and body.number(2, "a length") != _WHOLE_FRAME:
        return Opaque("controller with a part of the frame")
    return Output(port)


def _ethertype(body: Wire, allowed: tuple[int, ...] | None) -> int:
    at = body.at
    kind = body.number(2, "an Ethernet type")
    if allowed is not None and kind not in allowed:
        raise body.error(f"the Ethernet type 0x{kind:04x} has no place here", at)
    return kind


def _set_number(name: str) -> Callable[[Wire], Action]:
    known = NAMES[name]
    return lambda body: SetField(known.field, body.number(1), 0xFF, known.needs)


def _set_field(body: Wire, version: int) -> Action:
    at = body.at
    masked = bool(body.data[at + 2] & 1) if body.left > 3 else False
    if masked and version < _MASKS_SINCE:
        raise body.error("a field is set with a mask, which OpenFlow knows since 1.5", at)
    return _set(body)


def _set(body: Wire) -> Action:
    parts = oxm.read_field(body)
    if len(parts) != 1:
        raise body.error("a register of 64 bits is written", parts[0].at if parts else body.at)
    part = parts[0]
    return set_field(body, part.name, part.value, part.mask, part.at)


def set_field(wire: Wire, name: Name, value: int, mask: int, at: int) -> SetField:
    """Bits of a field are set. Raises InputError: nobody may write there."""
    field = FIELDS[name.field]
    if not field.writable:
        raise wire.error(f"{field.name} cannot be written", at)
    if name.field in ("tp_src", "tp_dst") and name.bits == 8:
        mask |= 0xFF00
    value, mask = value << name.low, mask << name.low
    if name.needs.tagged and mask & CFI and not value & CFI:
        raise wire.error("a VLAN's number is written with the bit 0x1000, which says that there is a tag", at)
    return SetField(field.name, value, mask, name.needs)


def _bits(wire: Wire, low: int, width: int, *, written: bool) -> Bits:
    at = wire.at
    kind, number, _, _ = oxm.read_header(wire)
    if kind is None:  # a half of a register of 64 bits
        half = 0 if low >= 32 else 1
        name, low = NAMES[f"reg{2 * number + half}"], low % 32
    else:
        name = kind.known
    if low + width > name.bits:
        raise wire.error(f"{name.field} has {name.bits} bits", at)
    if written and (not FIELDS[name.field].writable or name.field == "in_port"):
        raise wire.error(f"{name.field} cannot be written", at)
    return Bits(name.field, name.low + low, width, name.needs)


def _copy(body: Wire) -> Action:
    """``OFPAT_COPY_FIELD`` and ``NXAST_REG_MOVE``: width, offsets, then the headers of both fields."""
    width, source, target = (body.number(2, "a number of bits") for _ in range(3))
    return Move(_bits(body, source, width, written=False), _bits(body, target, width, written=True))


def _copy_15(body: Wire) -> Action:
    numbers = body.take(6, "three numbers of bits")
    body.take(2)
    width, source, target = (int.from_bytes(numbers[i : i + 2], "big") for i in (0, 2, 4))
    return Move(_bits(body, source, width, written=False), _bits(body, target, width, written=True))


def _load(body: Wire) -> Action:
    """``NXAST_REG_LOAD``."""
    offset = body.number(2, "an offset")
    low, width = offset >> 6, (offset & 0x3F) + 1
    at = body.at
    kind, number, _, _ = oxm.read_header(body)
    name = NAMES[f"reg{2 * number + (0 if low >= 32 else 1)}"] if kind is None else kind.known
    low = low % 32 if kind is None else low
    value = body.number(8, "a value")
    field = FIELDS[name.field]
    if low + width > name.bits or value >> width:
        raise body.error(f"{name.field} has {name.bits} bits", at)
    if not field.writable or (name.field == "in_port" and width < name.bits):
        raise body.error(f"{name.field} cannot be written", at)
    low += name.low
    return SetField(name.field, value << low, ((1 << width) - 1) << low, name.needs)


def _load_2(body: Wire) -> Action:
    """``NXAST_REG_LOAD2``: a field with a mask."""
    body.take(6)
    return _set(body)


def _output_reg(body: Wire) -> Action:
    """``NXAST_OUTPUT_REG``."""
    offset = body.number(2, "an offset")
    return OutputBits(_bits(body, offset >> 6, (offset & 0x3F) + 1, written=False))


def _resubmit(body: Wire, *, with_table: bool) -> Action:
    at = body.at
    port = body.number(2, "a port")
    table: int | None = None
    if with_table:
        there = body.number(1, "a table")
        if there >= TABLES and there != 0xFF:
            raise body.error(f"tables are numbered from 0 to {TABLES - 1}", at + 2)
        table = None if there == 0xFF else there
    if port >= 0xFF00 and port != IN_PORT:
        raise body.error("a frame comes from a port of its own", at)
    return Resubmit(None if port == IN_PORT else port, table)


_SET_FIELD: Final = 25
_ACTIONS: Final[Mapping[int, Callable[[Wire], Action]]] = {
    0: _output,
    15: _set_number("mpls_ttl"),
    16: lambda body: DecMplsTtl(),
    17: lambda body: PushVlan(_ethertype(body, ETH_VLAN)),
    18: lambda body: PopVlan(),
    19: lambda body: PushMpls(_ethertype(body, ETH_MPLS)),
    20: lambda body: PopMpls(_ethertype(body, None)),
    22: lambda body: ToGroup(body.number(4, "a group")),
    23: _set_number("nw_ttl"),
    24: lambda body: DecTtl(),
    28: _copy_15,
    29: lambda body: ToMeter(body.number(4, "a meter")),
}
_NICIRAS: Final[Mapping[int, Callable[[Wire], Action]]] = {
    1: lambda body: _resubmit(body, with_table=False),
    6: _copy,
    7: _load,
    14: lambda body: _resubmit(body, with_table=True),
    15: _output_reg,
    18: lambda body: DecTtl(),
    33: _load_2,
}

__all__ = ["NICIRA", "actions", "instructions"]
