"""The actions and instructions of a flow or bucket, from words.

Follows ``ovs-actions(7)`` and ``ofpacts_parse`` (``lib/ofp-actions.c`` of Open vSwitch 3.1). An action that is known to
the tools but not modelled becomes :class:`.flows.Opaque`; a name that is no action's is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from . import fields
from .fields import CFI, FIELDS, Name
from .flows import (
    CONTROLLER,
    FIRST_RESERVED,
    IN_PORT,
    PORT_NAMES,
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
from .words import Item, Piece, items, masked, number, port

_SUBFIELD: Final = re.compile(r"([A-Za-z0-9_]+)(?:\[(?:([0-9]+)(?:\.\.([0-9]+))?)?\])?\Z")
_WHOLE_FRAME: Final = 0xFFFF
"""``max_len`` that cuts nothing (``UINT16_MAX``)."""
VID_BITS: Final = 12
"""A VLAN's number as part of a field; written as a whole it has a thirteenth bit, which says that there is a tag."""
_OPAQUE: Final = frozenset(
    [
        "bundle",
        "bundle_load",
        "check_pkt_larger",
        "clone",
        "conjunction",
        "ct",
        "ct_clear",
        "dec_nsh_ttl",
        "decap",
        "delete_field",
        "encap",
        "enqueue",
        "exit",
        "fin_timeout",
        "learn",
        "move_field",
        "multipath",
        "note",
        "pop",
        "pop_queue",
        "push",
        "sample",
        "set_queue",
        "set_mpls_label",
        "push_pbb",
        "nat",
        "debug_recirc",
        "debug_slow",
        "group_id",
        "mod_vlan_vid",
        "mod_vlan_pcp",
        "output_trunc",
    ]
)
"""Actions of the tools that are not modelled."""
_MODS: Final[Mapping[str, str]] = {
    "mod_dl_src": "eth_src",
    "mod_dl_dst": "eth_dst",
    "mod_nw_src": "ip_src",
    "mod_nw_dst": "ip_dst",
    "mod_nw_tos": "nw_tos",
    "mod_nw_ecn": "nw_ecn",
    "mod_nw_ttl": "nw_ttl",
    "mod_tp_src": "tp_src",
    "mod_tp_dst": "tp_dst",
    "set_mpls_label": "mpls_label",
    "set_mpls_tc": "mpls_tc",
    "set_mpls_ttl": "mpls_ttl",
    "set_tunnel": "tun_id",
    "set_tunnel64": "tun_id",
}


def read_actions(piece: Piece) -> tuple[Action, ...]:
    """The list of actions; ``drop`` (or nothing) is the empty one. Raises InputError with the place."""
    found = list(items(piece))
    if any(item.whole.text.lower() == "drop" for item in found):
        if len(found) > 1:
            raise piece.error("drop stands alone")
        return ()
    actions = tuple(_action(item) for item in found)
    for item, action in zip(found[:-1], actions[:-1], strict=True):
        if isinstance(action, Goto):
            raise item.whole.error("goto_table is the last of a list")
    return actions


def _action(item: Item) -> Action:
    name, value = item.key.text.lower(), item.value
    if value is None:
        return _bare(item, name)
    reader = _READERS.get(name)
    if reader is not None:
        return reader(value)
    if name in _MODS:
        return _set_named(_known(_MODS[name], item.key), value, value)
    if name in _OPAQUE:
        return Opaque(item.whole.text)
    raise item.key.error(f"{item.key.shown()} is no action that is known")


def _bare(item: Item, name: str) -> Action:
    simple: Mapping[str, Action] = {
        "pop_vlan": PopVlan(),
        "strip_vlan": PopVlan(),
        "dec_ttl": DecTtl(),
        "dec_mpls_ttl": DecMplsTtl(),
        "clear_actions": ClearActions(),
    }
    if name in simple:
        return simple[name]
    if name in PORT_NAMES or name.isdecimal():
        return _output(item.key)
    if name in _OPAQUE:
        return Opaque(item.whole.text)
    raise item.key.error(f"{item.key.shown()} is no action that is known")


def _output(value: Piece) -> Action:
    if value.text[:1].isdigit() or value.text.lower() in PORT_NAMES:
        return Output(port(value))
    if value.text.startswith("port="):
        return Opaque(f"output({value.text})")
    return OutputBits(_bits(value))


def _controller(value: Piece) -> Action:
    """``CONTROLLER:max_len`` and ``controller(max_len=N)``; with more than that it is not a plain copy of the frame."""
    if value.text.isdecimal() and number(value, 16) == _WHOLE_FRAME:
        return Output(CONTROLLER)
    return Opaque(f"controller({value.text})")


def _group(value: Piece) -> Action:
    return ToGroup(number(value, 32))


def _table(value: Piece) -> int:
    table = number(value, 8)
    if table >= TABLES:
        raise value.error(f"tables are numbered from 0 to {TABLES - 1}")
    return table


def _resubmit(value: Piece) -> Action:
    """``resubmit:port``, ``resubmit(port)``, ``resubmit(port,table)``; either may be left out."""
    parts = value.text.split(",")
    if len(parts) > 2:
        return Opaque(f"resubmit({value.text})")
    at = value.part(0, len(parts[0]))
    as_port = port(at) if at.text else None
    if as_port is not None and as_port >= FIRST_RESERVED and as_port != IN_PORT:
        raise at.error("a frame comes from a port of its own")
    table = _table(value.part(len(parts[0]) + 1)) if parts[1:] and parts[1] else None
    return Resubmit(None if as_port == IN_PORT else as_port, table)


def _write_actions(value: Piece) -> Action:
    inner = read_actions(value)
    for action in inner:
        if isinstance(action, Goto | WriteActions | ClearActions | ToMeter):
            raise value.error("an instruction cannot be in the action set")
    return WriteActions(inner)


def _write_metadata(value: Piece) -> Action:
    return SetField("metadata", *masked(value, 64, "hex"))


def _push_vlan(value: Piece) -> Action:
    tpid = number(value, 16)
    if tpid not in fields.ETH_VLAN:
        raise value.error("a VLAN tag's type is 0x8100 or 0x88a8")
    return PushVlan(tpid)


def _push_mpls(value: Piece) -> Action:
    ethertype = number(value, 16)
    if ethertype not in fields.ETH_MPLS:
        raise value.error("the type of MPLS is 0x8847 or 0x8848")
    return PushMpls(ethertype)


def _set_field(value: Piece) -> Action:
    text, arrow, target = value.text.rpartition("->")
    if not arrow:
        raise value.error("'set_field:VALUE->FIELD' expected")
    at = value.part(len(text) + 2)
    return _set_named(_known(target, at), value.part(0, len(text)), at)


def _set_named(name: Name, value: Piece, at: Piece) -> Action:
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


def _load(value: Piece) -> Action:
    text, arrow, target = value.text.rpartition("->")
    if not arrow:
        raise value.error("'load:VALUE->FIELD[BITS]' expected")
    name, bits = _named_bits(value.part(len(text) + 2))
    if not FIELDS[bits.field].writable or (bits.field == "in_port" and bits.width < name.bits):
        raise value.error(f"{target!r} cannot be written")
    loaded = number(value.part(0, len(text)), bits.width)
    return SetField(bits.field, loaded << bits.low, ((1 << bits.width) - 1) << bits.low, name.needs)


def _move(value: Piece) -> Action:
    text, arrow, _ = value.text.rpartition("->")
    if not arrow:
        raise value.error("'move:FIELD[BITS]->FIELD[BITS]' expected")
    source, target = _bits(value.part(0, len(text))), _bits(value.part(len(text) + 2))
    if source.width != target.width:
        raise value.error(f"{source.width} bits cannot be moved to {target.width}")
    if not FIELDS[target.field].writable or target.field == "in_port":
        raise value.error(f"{target.field} cannot be written")
    return Move(source, target)


def _bits(value: Piece) -> Bits:
    return _named_bits(value)[1]


def _named_bits(value: Piece) -> tuple[Name, Bits]:
    """``FIELD[low..high]``, ``FIELD[bit]``, ``FIELD[]`` or ``FIELD``."""
    match = _SUBFIELD.match(value.text)
    if match is None:
        raise value.error(f"'FIELD[low..high]' expected, not {value.shown()}")
    name = _known(match[1], value)
    width = VID_BITS if name.needs.tagged and not name.low else name.bits
    low = int((match[2] or "0")[:9])
    high = int((match[3] or match[2] or str(width - 1))[:9])
    if not low <= high < width:
        raise value.error(f"{match[1]} has bits 0 to {width - 1}")
    return name, Bits(name.field, name.low + low, high - low + 1, name.needs)


def _known(text: str, at: Piece) -> Name:
    name = fields.find(text)
    if name is None:
        raise at.error(f"{text!r} is no field that is known")
    return name


_READERS: Final[Mapping[str, Callable[[Piece], Action]]] = {
    "output": _output,
    "controller": _controller,
    "group": _group,
    "goto_table": lambda value: Goto(_table(value)),
    "resubmit": _resubmit,
    "write_actions": _write_actions,
    "apply_actions": lambda value: Opaque(f"apply_actions({value.text})"),
    "write_metadata": _write_metadata,
    "meter": lambda value: ToMeter(number(value, 32)),
    "push_vlan": _push_vlan,
    "push_mpls": _push_mpls,
    "pop_mpls": lambda value: PopMpls(number(value, 16)),
    "set_field": _set_field,
    "load": _load,
    "move": _move,
}

__all__ = ["read_actions"]
