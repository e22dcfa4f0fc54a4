"""The actions and instructions of a flow or bucket, from words.

Follows ``ovs-actions(7)`` and ``ofpacts_parse`` (``lib/ofp-actions.c`` of Open vSwitch 3.1). An action that is known to
the tools but not modelled becomes :class:`.flows.Opaque`; a name that is no action's is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

from . import fields, subfields
from .fields import CFI
from .flows import (
    CONTROLLER,
    FIRST,
    FIRST_RESERVED,
    IN_PORT,
    LOCAL,
    MOST_CLAUSES,
    NO_PLACE_IN_A_SET,
    PORT_NAMES,
    TABLES,
    Action,
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
    PopMpls,
    PopVlan,
    PushMpls,
    PushVlan,
    Resubmit,
    SetField,
    TagWith,
    ToGroup,
    ToMeter,
    WriteActions,
)
from .words import Item, Piece, items, masked, number, port

_Read = Action | tuple[Action, ...]
_WHOLE_FRAME: Final = 0xFFFF
"""``max_len`` that cuts nothing (``UINT16_MAX``)."""
_PCP_LOW: Final = 13
_PCP_BITS: Final = 3
_VID_BITS: Final = 12
_MOST_LINKS: Final = 65536
_CONJUNCTION: Final = re.compile(r"\s*([0-9a-fA-FxX]+)\s*,\s*([0-9]+)\s*/\s*([0-9]+)\s*\Z")
_BUNDLE: Final = re.compile(
    r"(\s*[a-z0-9_]+\s*,\s*[0-9]+\s*,\s*(hrw|active_backup)\s*,\s*ofport\s*,)(.*?)(?:slaves|members):(.*)\Z", re.DOTALL
)
_OPAQUE: Final = frozenset(
    [
        "check_pkt_larger",
        "ct",
        "dec_nsh_ttl",
        "decap",
        "delete_field",
        "encap",
        "fin_timeout",
        "learn",
        "sample",
        "push_pbb",
        "pop_pbb",
        "nat",
        "debug_recirc",
        "debug_slow",
        "copy_ttl_in",
        "copy_ttl_out",
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

_INSTRUCTIONS: Final = {"meter": 0, "clear_actions": 2, "write_actions": 3, "write_metadata": 4, "goto_table": 5}


def read_actions(piece: Piece) -> tuple[Action, ...]:
    """The list of actions; ``drop`` (or nothing) is the empty one. Raises InputError with the place."""
    found = list(items(piece))
    if any(item.whole.text.lower() == "drop" for item in found):
        if len(found) > 1:
            raise piece.error("drop stands alone")
        return ()
    read = [_action(item) for item in found]
    for item, action in zip(found[:-1], read[:-1], strict=True):
        if isinstance(action, Goto):
            raise item.whole.error("goto_table is the last of a list")
    for item, after in pairwise(found):
        if _rank(item) > _rank(after):
            raise item.whole.error(f"{item.key.text} must not stand before {after.key.text}")
    actions = tuple(part for action in read for part in (action if isinstance(action, tuple) else (action,)))
    if any(isinstance(action, Conjunction) for action in actions):
        for item, action in zip(found, read, strict=True):
            note = isinstance(action, Ineffective) and action.text.startswith("note")
            if not note and not isinstance(action, Conjunction):
                raise item.whole.error("beside a conjunction there are notes only")
    return actions


def _rank(item: Item) -> int:
    """Where an instruction stands among others; all other actions are those of ``apply_actions``
    (``ofpacts_verify``)."""
    return _INSTRUCTIONS.get(item.key.text.lower(), 1)


def _action(item: Item) -> _Read:
    name, value = item.key.text.lower(), item.value
    if value is None:
        return _bare(item, name)
    reader = _READERS.get(name)
    try:
        if reader is not None:
            return reader(value)
        if name in _MODS:
            return subfields.set_named(fields.NAMES[_MODS[name]], value, value)
    except subfields.NotModelledError:
        return Opaque(item.whole.text)
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
        "exit": Exit(),
        "ct_clear": Ineffective("ct_clear"),
        "pop_queue": Ineffective("pop_queue"),
        "note": _note(item.key.part(len(item.key.text))),
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
    return subfields.output(value)


def _controller(value: Piece) -> Action:
    """``CONTROLLER:max_len`` and ``controller(...)``: a plain copy of the whole frame, or not modelled."""
    if value.text.isdecimal():
        whole = number(value, 16) == _WHOLE_FRAME
    else:
        said = {item.key.text: item.value.text if item.value else "" for item in items(value)}
        plain = {"max_len": str(_WHOLE_FRAME), "reason": "action", "id": "0"}
        whole = all(plain.get(key) == text for key, text in said.items())
    return Output(CONTROLLER) if whole else Opaque(f"controller({value.text})")


def _dec_ttl(value: Piece) -> Action:
    """``dec_ttl(ID, ...)``: controllers that are told of a TTL that runs out."""
    for item in items(value):
        number(item.key, 16)
    return DecTtl()


def _enqueue(value: Piece) -> _Read:
    """``enqueue:PORT:QUEUE``, ``enqueue(PORT,QUEUE)``: the frame is sent, by a queue."""
    parts = re.split(r"[:,]", value.text)
    if len(parts) != 2:
        raise value.error("'enqueue:PORT:QUEUE' expected")
    to = port(value.part(0, len(parts[0])))
    queue = number(value.part(len(parts[0]) + 1), 32)
    return Ineffective(f"set_queue:{queue}"), Output(to), Ineffective("pop_queue")


def _note(value: Piece) -> Action:
    """``note:HEX``, filled up with zeros as in its message (``parse_NOTE``)."""
    digits = value.text.replace(".", "")
    if len(digits) % 2 or not re.fullmatch(r"[0-9a-fA-F]*", digits):
        raise value.error("bytes in hexadecimal expected")
    octets = bytes.fromhex(digits)
    octets += bytes(-(len(octets) + 2) % 8)
    return Ineffective("note:" + ".".join(f"{octet:02x}" for octet in octets))


def _mod_vlan_vid(value: Piece) -> Action:
    mask = (1 << _VID_BITS) - 1 | CFI
    return TagWith(number(value, _VID_BITS) | CFI, mask)


def _mod_vlan_pcp(value: Piece) -> Action:
    mask = ((1 << _PCP_BITS) - 1) << _PCP_LOW | CFI
    return TagWith(number(value, _PCP_BITS) << _PCP_LOW | CFI, mask)


def _conjunction(value: Piece) -> Action:
    """``conjunction(ID,K/N)``: clause ``K`` of ``N``, counted from 1."""
    match = _CONJUNCTION.match(value.text)
    if match is None:
        raise value.error("'conjunction(ID,K/N)' expected")
    clause, clauses = int(match[2][:9]), int(match[3][:9])
    if not 2 <= clauses <= MOST_CLAUSES or not 1 <= clause <= clauses:
        raise value.error(f"a conjunction has 2 to {MOST_CLAUSES} clauses, counted from 1")
    return Conjunction(number(value.part(match.start(1), match.end(1)), 32), clause - 1, clauses)


def _clone(value: Piece) -> Action:
    inner = read_actions(value)
    if any(isinstance(action, Conjunction) for action in inner):
        raise value.error("a conjunction is no part of a clone")
    return Clone(inner)


def _multipath(value: Piece) -> Action:
    """``multipath(FIELDS, BASIS, ALGORITHM, LINKS, ARG, FIELD[BITS])``."""
    text, comma, _ = value.text.rpartition(",")
    parts = text.split(",")
    if not comma or len(parts) != 5:
        raise value.error("'multipath(FIELDS, BASIS, ALGORITHM, LINKS, ARG, FIELD[BITS])' expected")
    at = len(",".join(parts[:3])) + 1
    links = number(_stripped(value.part(at, at + len(parts[3]))), 17)
    bits = subfields.written(_stripped(value.part(len(text) + 1)))
    if not 1 <= links <= min(_MOST_LINKS, 1 << bits.width):
        raise value.error(f"{links} links do not fit into {bits.width} bits")
    return Multipath(links, bits, "".join(text.split()))


def _bundle(value: Piece) -> Action:
    """``bundle(FIELDS, BASIS, ALGORITHM, ofport, members:PORT, ...)``, ``bundle_load`` with ``FIELD[BITS]`` between."""
    match = _BUNDLE.match(value.text)
    if match is None:
        raise value.error("'bundle(FIELDS, BASIS, ALGORITHM, ofport, members:PORT, ...)' expected")
    listed = value.part(match.start(4))
    members = tuple(port(item.key) for item in items(listed))
    if any(not 0 < member < FIRST_RESERVED for member in members):
        raise listed.error("a member of a bundle is a port's number")
    between = _stripped(value.part(match.start(3), match.end(3)))
    target = subfields.written(_stripped(between.part(0, between.text.rindex(",")))) if between.text else None
    if target is not None and target.width < 16:
        raise between.error("a port's number needs 16 bits")
    return Bundle(members, match[2] == FIRST, target, "".join(match[1].split()))


def _stripped(piece: Piece) -> Piece:
    start = len(piece.text) - len(piece.text.lstrip())
    return piece.part(start, len(piece.text.rstrip()))


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
    if as_port is not None and as_port >= FIRST_RESERVED and as_port not in (IN_PORT, LOCAL):
        raise at.error("a frame comes from a port of its own")
    table = _table(value.part(len(parts[0]) + 1)) if parts[1:] and parts[1] else None
    return Resubmit(None if as_port == IN_PORT else as_port, table)


def _write_actions(value: Piece) -> Action:
    inner = read_actions(value)
    for action in inner:
        if isinstance(action, NO_PLACE_IN_A_SET):
            raise value.error(f"{type(action).__name__} cannot be in the action set")
    return WriteActions(in_a_set(inner))


def in_a_set(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Actions of a set or bucket: no ``enqueue`` is executed there, so it must not become what it is elsewhere."""
    return (Opaque("enqueue in an action set"),) if Ineffective("pop_queue") in actions else actions


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


_READERS: Final[Mapping[str, Callable[[Piece], _Read]]] = {
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
    "set_field": subfields.set_field,
    "load": subfields.load,
    "move": subfields.move,
    "push": subfields.push,
    "pop": subfields.pop,
    "dec_ttl": _dec_ttl,
    "enqueue": _enqueue,
    "note": _note,
    "set_queue": lambda value: Ineffective(f"set_queue:{number(value, 32)}"),
    "mod_vlan_vid": _mod_vlan_vid,
    "mod_vlan_pcp": _mod_vlan_pcp,
    "conjunction": _conjunction,
    "clone": _clone,
    "multipath": _multipath,
    "bundle": _bundle,
    "bundle_load": _bundle,
}

__all__ = ["in_a_set", "read_actions"]
