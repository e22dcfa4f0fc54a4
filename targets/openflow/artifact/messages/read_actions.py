"""Instructions and actions of messages: OpenFlow 1.3 to 1.5, and Nicira's (``lib/ofp-actions.c`` of 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ..fields import CFI, ETH_MPLS, ETH_VLAN, FIELDS, NAMES, Name
from ..flows import (
    CONTROLLER,
    FIRST,
    FIRST_RESERVED,
    IN_PORT,
    LOCAL,
    MOST_CLAUSES,
    NO_PLACE_IN_A_SET,
    TABLES,
    Action,
    Bits,
    Bundle,
    ClearActions,
    Clone,
    Conjunction,
    DecMplsTtl,
    DecTtl,
    Exit,
    Goto,
    Ineffective,
    Multipath,
    Opaque,
    Output,
    OutputBits,
    Pop,
    PopMpls,
    PopVlan,
    Push,
    PushMpls,
    PushVlan,
    Resubmit,
    SetField,
    ToGroup,
    ToMeter,
    WriteActions,
)
from ..subfields import Stretch, in_one, moves, set_parts
from . import oxm
from .wire import Wire

Read = Action | tuple[Action, ...]
NICIRA: Final = 0x00002320
CLONE: Final = 42
HASH_FIELDS: Final = (
    "eth_src",
    "symmetric_l4",
    "symmetric_l3l4",
    "symmetric_l3l4+udp",
    "nw_src",
    "nw_dst",
    "symmetric_l3",
)
"""``enum nx_hash_fields``."""
HASHES: Final = ("modulo_n", "hash_threshold", "hrw", "iter_hash")
"""``enum nx_mp_algorithm``."""
BUNDLES: Final = (FIRST, "hrw")
"""``enum nx_bd_algorithm``."""
_EXPERIMENTER: Final = 0xFFFF
_COPY_FIELD: Final = 3200
"""``ONFACT_RAW13_COPY_FIELD``, by which Open vSwitch tells OpenFlow 1.3 of ``move`` (extension 320 of the ONF)."""
_WHOLE_FRAME: Final = 0xFFFF
_NAMES: Final = {11: "copy_ttl_out", 12: "copy_ttl_in", 26: "push_pbb", 27: "pop_pbb"}
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
    for read in _each(wire, version):
        yield from read if isinstance(read, tuple) else (read,)


def _each(wire: Wire, version: int) -> Iterator[Read]:
    while wire.left:
        at = wire.at
        kind, size = wire.number(2, "an action"), wire.number(2, "an action")
        if size < 8 or size % 8:
            raise wire.error(f"an action of {size} bytes", at)
        body = wire.part(size - 4, "an action")
        if kind == _EXPERIMENTER:
            yield _experimenter(body, at, version)
        elif kind in _NAMES:
            yield Opaque(_NAMES[kind])
        elif kind == _SET_FIELD:
            yield _set_field(body, version)
        elif kind in _ACTIONS:
            yield _ACTIONS[kind](body)
        else:
            raise wire.error(f"action {kind} is not known", at)


def _experimenter(body: Wire, at: int, version: int) -> Read:
    vendor = body.number(4, "an experimenter's number")
    subtype = body.number(2, "an experimenter's action")
    if vendor == NICIRA and subtype == CLONE:
        body.take(6)
        return Clone(actions(body, version))
    if (vendor, subtype) == (oxm.ONF, _COPY_FIELD):
        body.take(2, "a move")
        return _copy_15(body)
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
    wrong = next((action for action in inner if isinstance(action, NO_PLACE_IN_A_SET)), None)
    if wrong is not None:
        raise body.error(f"{type(wrong).__name__} cannot be in the action set", at)
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


def _set_number(name: str) -> Callable[[Wire], Read]:
    known = NAMES[name]
    return lambda body: SetField(known.field, body.number(1), 0xFF, known.needs)


def _set_field(body: Wire, version: int) -> Read:
    at = body.at
    masked = bool(body.data[at + 2] & 1) if body.left > 3 else False
    if masked and version < _MASKS_SINCE:
        raise body.error("a field is set with a mask, which OpenFlow knows since 1.5", at)
    return _set(body)


def _set(body: Wire) -> Read:
    parts = oxm.read_field(body)
    return tuple(set_field(body, part.name, part.value, part.mask, part.at) for part in parts)


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


def _stretch(wire: Wire, low: int, width: int, *, written: bool) -> Stretch:
    """Bits of a field, or of registers together."""
    at = wire.at
    kind, first, _, size = oxm.read_header(wire)
    if kind is None:
        names = oxm.registers(first, size)
        bits, name = 8 * size, None
        found = Stretch(Bits(names[0], low, width), None, names)
    else:
        name = kind.known
        bits = name.bits
        found = Stretch(Bits(name.field, name.low + low, width, name.needs), name)
    if low + width > bits:
        raise wire.error(f"{found.bits.field} has {bits} bits", at)
    if name is not None and written and (not FIELDS[name.field].writable or (name.field == "in_port" and width < bits)):
        raise wire.error(f"{name.field} cannot be written", at)
    return found


def _bits(wire: Wire, low: int, width: int, *, written: bool) -> Bits:
    """Bits of one field."""
    at = wire.at
    stretch = _stretch(wire, low, width, written=written)
    parts = list(stretch.parts(0, width))
    if len(parts) != 1:
        raise wire.error("bits of several registers together have no place here", at)
    return parts[0][1]


def _copy(body: Wire) -> Read:
    """``OFPAT_COPY_FIELD`` and ``NXAST_REG_MOVE``: width, offsets, then the headers of both fields."""
    width, source, target = (body.number(2, "a number of bits") for _ in range(3))
    return _moves(body, width, source, target)


def _copy_15(body: Wire) -> Read:
    numbers = body.take(6, "three numbers of bits")
    body.take(2)
    width, source, target = (int.from_bytes(numbers[i : i + 2], "big") for i in (0, 2, 4))
    return _moves(body, width, source, target)


def _moves(body: Wire, width: int, source: int, target: int) -> Read:
    from_ = _stretch(body, source, width, written=False)
    return tuple(moves(from_, _stretch(body, target, width, written=True)))


def _dec_ttl_for(body: Wire) -> Action:
    """``NXAST_DEC_TTL_CNT_IDS``: which controllers are told of a TTL that runs out."""
    count = body.number(2, "a number of controllers")
    body.take(4)
    body.take(2 * count, "controllers")
    body.take(body.left)
    return DecTtl()


def _load(body: Wire) -> Read:
    """``NXAST_REG_LOAD``."""
    low, width = offset_and_width(body)
    at = body.at
    kind, first, _, size = oxm.read_header(body)
    value = body.number(8, "a value")
    bits = 8 * size if kind is None else kind.known.bits
    if kind is not None and kind.name == "arp_op" and (low, width) == (0, 8 * kind.size):
        width = bits  # 16 bits on the wire, of which the switch keeps 8
    if low + width > bits or value >> width:
        raise body.error(f"{'registers together' if kind is None else kind.known.field} has {bits} bits", at)
    if kind is None:
        names = oxm.registers(first, size)
        return tuple(set_parts(Stretch(Bits(names[0], low, width), None, names), value, (1 << width) - 1))
    name = kind.known
    if not FIELDS[name.field].writable or (name.field == "in_port" and width < name.bits):
        raise body.error(f"{FIELDS[name.field].name} cannot be written", at)
    low += name.low
    return SetField(name.field, value << low, ((1 << width) - 1) << low, name.needs)


def _load_2(body: Wire) -> Read:
    """``NXAST_REG_LOAD2``: a field with a mask."""
    body.take(6)
    return _set(body)


def offset_and_width(body: Wire) -> tuple[int, int]:
    """``ofs_nbits``: where bits begin, and how many there are."""
    offset = body.number(2, "an offset")
    return offset >> 6, (offset & 0x3F) + 1


def _output_reg(body: Wire) -> Action:
    """``NXAST_OUTPUT_REG``."""
    low, width = offset_and_width(body)
    return OutputBits(_bits(body, low, width, written=False))


def _stack(body: Wire, *, written: bool) -> Bits:
    """``NXAST_STACK_PUSH`` and ``NXAST_STACK_POP``."""
    low = body.number(2, "an offset")
    header = body.part(4, "a field")
    found = _stretch(header, low, body.number(2, "a number of bits"), written=written)
    body.take(6)
    return in_one(found)


def _conjunction(body: Wire) -> Action:
    at = body.at
    clause, clauses = body.number(1, "a clause"), body.number(1, "a number of clauses")
    if not 2 <= clauses <= MOST_CLAUSES or clause >= clauses:
        raise body.error(f"clause {clause} of {clauses}", at)
    return Conjunction(body.number(4, "a conjunction"), clause, clauses)


def _note(body: Wire) -> Action:
    return Ineffective("note:" + ".".join(f"{octet:02x}" for octet in body.take(body.left)))


def _multipath(body: Wire) -> Action:
    at = body.at
    fields, basis = body.number(2, "what is hashed"), body.number(2, "a basis")
    body.take(2)
    how, most = body.number(2, "an algorithm"), body.number(2, "a number of links")
    argument = body.number(4, "an argument")
    body.take(2)
    low, width = offset_and_width(body)
    target = _bits(body, low, width, written=True)
    if fields >= len(HASH_FIELDS) or how >= len(HASHES) or most >> width:
        raise body.error("a hash that is not known", at)
    return Multipath(most + 1, target, f"{HASH_FIELDS[fields]},{basis},{HASHES[how]},{most + 1},{argument}")


def _bundle(body: Wire, *, loads: bool) -> Action:
    at = body.at
    how, fields, basis = (body.number(2, "a bundle") for _ in range(3))
    body.take(4)  # the type of members: ports
    count = body.number(2, "a number of members")
    numbers = body.number(2, "an offset")
    header = body.part(4, "a field")
    body.take(4)
    target = _bits(header, numbers >> 6, (numbers & 0x3F) + 1, written=True) if loads else None
    members = tuple(body.number(2, "a member") for _ in range(count))
    body.take(body.left)
    if how >= len(BUNDLES) or fields >= len(HASH_FIELDS) or any(not 0 < m < FIRST_RESERVED for m in members):
        raise body.error("a bundle that is not known", at)
    return Bundle(members, BUNDLES[how] == FIRST, target, f"{HASH_FIELDS[fields]},{basis},{BUNDLES[how]},ofport,")


def _resubmit(body: Wire, *, with_table: bool) -> Action:
    at = body.at
    port = body.number(2, "a port")
    table: int | None = None
    if with_table:
        there = body.number(1, "a table")
        if there >= TABLES and there != 0xFF:
            raise body.error(f"tables are numbered from 0 to {TABLES - 1}", at + 2)
        table = None if there == 0xFF else there
    if port >= FIRST_RESERVED and port not in (IN_PORT, LOCAL):
        raise body.error("a frame comes from a port of its own", at)
    return Resubmit(None if port == IN_PORT else port, table)


_SET_FIELD: Final = 25
_ACTIONS: Final[Mapping[int, Callable[[Wire], Read]]] = {
    0: _output,
    15: _set_number("mpls_ttl"),
    16: lambda body: DecMplsTtl(),
    17: lambda body: PushVlan(_ethertype(body, ETH_VLAN)),
    18: lambda body: PopVlan(),
    19: lambda body: PushMpls(_ethertype(body, ETH_MPLS)),
    20: lambda body: PopMpls(_ethertype(body, None)),
    21: lambda body: Ineffective(f"set_queue:{body.number(4, 'a queue')}"),
    22: lambda body: ToGroup(body.number(4, "a group")),
    23: _set_number("nw_ttl"),
    24: lambda body: DecTtl(),
    28: _copy_15,
    29: lambda body: ToMeter(body.number(4, "a meter")),
}
_NICIRAS: Final[Mapping[int, Callable[[Wire], Read]]] = {
    1: lambda body: _resubmit(body, with_table=False),
    6: _copy,
    7: _load,
    14: lambda body: _resubmit(body, with_table=True),
    15: _output_reg,
    5: lambda body: Ineffective("pop_queue"),
    8: _note,
    10: _multipath,
    12: lambda body: _bundle(body, loads=False),
    13: lambda body: _bundle(body, loads=True),
    17: lambda body: Exit(),
    18: lambda body: DecTtl(),
    21: _dec_ttl_for,
    27: lambda body: Push(_stack(body, written=False)),
    28: lambda body: Pop(_stack(body, written=True)),
    33: _load_2,
    34: _conjunction,
    43: lambda body: Ineffective("ct_clear"),
}

__all__ = ["NICIRA", "actions", "instructions"]
