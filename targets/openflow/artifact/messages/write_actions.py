"""Actions and instructions as messages have them; the opposite of :mod:`.read_actions`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..fields import NAMES, Name, wide
from ..flows import (
    IN_PORT,
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
    Move,
    Multipath,
    Output,
    OutputBits,
    Pop,
    PopMpls,
    PopVlan,
    Prerequisites,
    Push,
    PushMpls,
    PushVlan,
    Resubmit,
    SetField,
    ToGroup,
    ToMeter,
    WriteActions,
)
from . import oxm
from .read_actions import BUNDLES, CLONE, HASH_FIELDS, HASHES, NICIRA

_ALL: Final = 0xFF
_PLAIN: Final = {PopVlan: 18, DecMplsTtl: 16, DecTtl: 24}


def instructions(listed: tuple[Action, ...], version: int) -> bytes:
    """A flow's list as instructions.

    Raises:
        ValueError: the list is in an order that instructions do not have, or an action has no message in this version.
    """
    applied: list[bytes] = []
    others: dict[int, bytes] = {}
    for action in listed:
        kind, body = _instruction(action, version)
        if kind is None:
            applied.append(body)
        elif kind in others:
            raise ValueError(f"{type(action).__name__} twice in one flow")
        else:
            others[kind] = body
    if applied:
        others[4] = bytes(4) + b"".join(applied)
    order = [kind for kind in (6, 4, 5, 3, 2, 1) if kind in others]
    if not _in_order(listed, version):
        raise ValueError("actions in an order that instructions do not have")
    return b"".join(k.to_bytes(2, "big") + (4 + len(others[k])).to_bytes(2, "big") + others[k] for k in order)


def _instruction(action: Action, version: int) -> tuple[int | None, bytes]:
    match action:
        case Goto(table):
            return 1, bytes((table, 0, 0, 0))
        case WriteActions(inner):
            return 3, bytes(4) + b"".join(actions(inner, version))
        case ClearActions():
            return 5, bytes(4)
        case ToMeter(number) if version < 6:
            return 6, number.to_bytes(4, "big")
    return None, _action(action, version)


def _in_order(listed: tuple[Action, ...], version: int) -> bool:
    """Whether the switch would execute the list in this order: meter, actions, clear, write, goto."""
    ranks = [_rank(action, version) for action in listed]
    return ranks == sorted(ranks)


def _rank(action: Action, version: int) -> int:
    if isinstance(action, ToMeter):
        return 0
    return {ClearActions: 2, WriteActions: 3, Goto: 4}.get(type(action), 1)


def actions(listed: Iterable[Action], version: int) -> Iterable[bytes]:
    """A list of actions. Raises ValueError for one that has no message in this version."""
    return (_action(action, version) for action in listed)


def _action(action: Action, version: int) -> bytes:
    match action:
        case Output(port):
            return _made(0, oxm.port_bytes(port) + (0xFFFF if port == 0xFFFD else 0).to_bytes(2, "big") + bytes(6))
        case PopVlan() | DecMplsTtl() | DecTtl():
            return _made(_PLAIN[type(action)], bytes(4))
        case PushVlan(kind):
            return _made(17, kind.to_bytes(2, "big") + bytes(2))
        case PushMpls(kind):
            return _made(19, kind.to_bytes(2, "big") + bytes(2))
        case PopMpls(kind):
            return _made(20, kind.to_bytes(2, "big") + bytes(2))
        case ToGroup(number):
            return _made(22, number.to_bytes(4, "big"))
        case ToMeter(number) if version >= 6:
            return _made(29, number.to_bytes(4, "big"))
        case Resubmit(port, table):
            at = (IN_PORT if port is None else port).to_bytes(2, "big")
            return _nicira(14, at + bytes((_ALL if table is None else table, 0, 0, 0)))
        case OutputBits(source):
            low, header = _part(source)
            length = (0xFFFF).to_bytes(2, "big")
            return _nicira(15, (low << 6 | source.width - 1).to_bytes(2, "big") + header + length + bytes(6))
        case Move():
            return _move(action, version)
        case SetField():
            return _set(action, version)
    return _rare(action, version)


def _rare(action: Action, version: int) -> bytes:
    """Nicira's actions that OpenFlow has not."""
    match action:
        case Exit():
            return _nicira(17, bytes(6))
        case Clone(inner):
            return _nicira(CLONE, bytes(6) + b"".join(actions(inner, version)))
        case Conjunction(number, clause, clauses):
            return _nicira(34, bytes((clause, clauses)) + number.to_bytes(4, "big"))
        case Push(bits) | Pop(bits):
            low, header = _part(bits)
            body = low.to_bytes(2, "big") + header + bits.width.to_bytes(2, "big") + bytes(6)
            return _nicira(27 if isinstance(action, Push) else 28, body)
        case Ineffective(text):
            return _ineffective(text)
        case Multipath():
            return _multipath(action)
        case Bundle():
            return _bundle(action)
    raise ValueError(f"{type(action).__name__} has no message")


def _ineffective(text: str) -> bytes:
    name, _, value = text.partition(":")
    if name == "set_queue":
        return _made(21, int(value).to_bytes(4, "big"))
    if name == "note":
        return _nicira(8, bytes.fromhex(value.replace(".", "")))
    return _nicira({"pop_queue": 5, "ct_clear": 43}[name], bytes(6))


def _multipath(action: Multipath) -> bytes:
    fields, basis, how, _, argument = action.text.split(",")
    low, header = _part(action.target)
    numbers = (HASH_FIELDS.index(fields), int(basis), 0, HASHES.index(how), action.links - 1)
    body = b"".join(number.to_bytes(2, "big") for number in numbers) + int(argument).to_bytes(4, "big") + bytes(2)
    return _nicira(10, body + (low << 6 | action.target.width - 1).to_bytes(2, "big") + header)


def _bundle(action: Bundle) -> bytes:
    fields, basis, how, *_ = action.text.split(",")
    low, header = (0, bytes(4)) if action.target is None else _part(action.target)
    offset = 0 if action.target is None else low << 6 | action.target.width - 1
    body = b"".join(n.to_bytes(2, "big") for n in (BUNDLES.index(how), HASH_FIELDS.index(fields), int(basis)))
    body += oxm.NICIRAS["in_port"].header(masked=False) + len(action.members).to_bytes(2, "big")
    body += offset.to_bytes(2, "big") + header + bytes(4)
    members = b"".join(member.to_bytes(2, "big") for member in action.members)
    return _nicira(12 if action.target is None else 13, body + members + bytes(-len(members) % 8))


def _made(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + (4 + len(body)).to_bytes(2, "big") + body


def _nicira(subtype: int, body: bytes) -> bytes:
    return _made(0xFFFF, NICIRA.to_bytes(4, "big") + subtype.to_bytes(2, "big") + body)


def _part(bits: Bits) -> tuple[int, bytes]:
    """The lowest bit within the named field, and its header."""
    registers = wide(bits.field)
    if registers is not None:
        return bits.low, oxm.header_of_registers(registers)
    name, text = _named(bits.field, bits.low, bits.width, bits.needs)
    kind = oxm.NICIRAS.get(text) or oxm.kind_of(text, 6)
    return bits.low - name.low, kind.header(masked=False)


def _move(action: Move, version: int) -> bytes:
    low, source = _part(action.source)
    high, target = _part(action.target)
    numbers = b"".join(n.to_bytes(2, "big") for n in (action.source.width, low, high))
    if version < 6:
        return _nicira(6, numbers + source + target)
    return _made(28, numbers + bytes(2) + source + target + bytes(4))


def _set(action: SetField, version: int) -> bytes:
    """``OFPAT_SET_FIELD`` where it sets the whole field, or with a mask since 1.5; else loads of stretches of bits."""
    low = (action.mask & -action.mask).bit_length() - 1
    width = action.mask.bit_length() - low
    if action.field in ("tp_src", "tp_dst") and set(action.needs.protocols) <= {1, 58} and action.needs.protocols:
        low, width = 0, 8
    name, text = _named(action.field, low, width, action.needs, whole_tos=False)
    kind = oxm.NICIRAS["in_port"] if text == "in_port" else oxm.kind_of(text, version)  # in 32 bits there is no port 0
    full = (1 << name.bits) - 1
    value, mask = action.value >> name.low & full, action.mask >> name.low & full
    if version >= 6 or (mask == full and text != "in_port"):
        return _set_field(oxm.written(kind, value, None if mask == full else mask))
    return b"".join(_load(kind, value, mask))


def _load(kind: oxm.Kind, value: int, mask: int) -> Iterator[bytes]:
    """``NXAST_REG_LOAD`` for each stretch of at most 64 bits."""
    while mask:
        low = (mask & -mask).bit_length() - 1
        width = min(64, (~(mask >> low) & -~(mask >> low)).bit_length() - 1)
        stretch = (1 << width) - 1
        body = (low << 6 | width - 1).to_bytes(2, "big") + kind.header(masked=False)
        yield _nicira(7, body + (value >> low & stretch).to_bytes(8, "big"))
        mask &= ~(stretch << low)


def _set_field(field: bytes) -> bytes:
    size = 4 + len(field)
    size += -size % 8
    return (25).to_bytes(2, "big") + size.to_bytes(2, "big") + field.ljust(size - 4, b"\0")


def _named(field: str, low: int, width: int, needs: Prerequisites, *, whole_tos: bool = True) -> tuple[Name, str]:
    """A name on the wire for these bits of a field, that needs the same of the packet if there is one."""
    fitting = [
        (name, text)
        for text, name in NAMES.items()
        if name.field == field
        and oxm.has_kind(text)
        and name.low <= low
        and low + width <= name.low + name.bits
        and (whole_tos or text != "nw_tos")
    ]
    if not fitting:
        raise ValueError(f"bits {low} to {low + width - 1} of {field} have no name in messages")
    alike = [one for one in fitting if one[0].needs == needs]
    shared = [one for one in fitting if set(one[0].needs.protocols) & set(needs.protocols)]
    return (alike or shared or fitting)[0]


__all__ = ["actions", "instructions"]
