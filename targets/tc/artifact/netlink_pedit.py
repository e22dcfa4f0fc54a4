"""``act_pedit`` as ``TCA_ACT_OPTIONS``, both ways (``uapi/linux/tc_act/tc_pedit.h``).

``struct tc_pedit_sel`` and its keys; which header a key counts from, and whether it adds, stand beside them in
``TCA_PEDIT_KEYS_EX`` (``pedit ex``). Values and masks are words as they lie in the frame.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final

from .actions import Action, Pedit, PeditHeader, PeditKey
from .attributes import NESTED, Attribute, attribute, small
from .netlink_controls import GENERIC, control_of, generic, has_only

_TM, _PARMS, _PAD, _PARMS_EX, _KEYS_EX, _KEY_EX = range(1, 7)
_HEADER, _COMMAND = 1, 2
_COUNT: Final = struct.Struct("=BBxx")
"""``nkeys`` and ``flags``."""
_KEY: Final = struct.Struct("=IIiIII")
_HEADERS: Final[tuple[PeditHeader, ...]] = ("network", "eth", "ip", "ip6", "tcp", "udp")
"""By their numbers: ``enum pedit_header_type``."""
_SET, _ADD = 0, 1


def pedit_options(action: Pedit) -> bytes:
    """The options of an action."""
    extended = any(key.header != "network" or key.add for key in action.keys)
    selector = generic(action.control) + _COUNT.pack(len(action.keys), 0) + b"".join(map(_packed, action.keys))
    if not extended:
        return attribute(_PARMS, selector)
    told = b"".join(attribute(_KEY_EX | NESTED, _told(key)) for key in action.keys)
    return attribute(_PARMS_EX, selector) + attribute(_KEYS_EX | NESTED, told)


def _packed(key: PeditKey) -> bytes:
    return _KEY.pack(socket.htonl(key.mask), socket.htonl(key.value), key.offset, key.at, key.offmask, key.shift)


def _told(key: PeditKey) -> bytes:
    return small(_HEADER, _HEADERS.index(key.header), 2) + small(_COMMAND, _ADD if key.add else _SET, 2)


def read_pedit(found: dict[int, Attribute]) -> Action | None:
    """The action; None if it has what the data type has no place for. Raises InputError, ValueError."""
    if not has_only(found, range(_TM, _KEYS_EX + 1)):
        return None
    parms = found.get(_PARMS_EX) or found[_PARMS]
    number = parms.unpack(GENERIC)[2]
    head = GENERIC.size + _COUNT.size
    if len(parms.data) < head:
        raise parms.place.error(f"attribute of {len(parms.data)} bytes where {head} are expected")
    count, _ = _COUNT.unpack_from(parms.data, GENERIC.size)
    if len(parms.data) < head + count * _KEY.size:
        raise parms.place.error(f"{len(parms.data)} bytes are too few for {count} keys of pedit")
    told = list(_read_told(found[_KEYS_EX])) if _KEYS_EX in found else [("network", False)] * count
    if len(told) != count:
        raise parms.place.error(f"{count} keys of pedit, but {len(told)} headers")
    keys = []
    for i, (header, add) in enumerate(told):
        mask, value, offset, at, offmask, shift = _KEY.unpack_from(parms.data, head + i * _KEY.size)
        keys.append(PeditKey(header, offset, socket.ntohl(value), socket.ntohl(mask), add, at, offmask, shift))  # type: ignore[arg-type]
    return Pedit(tuple(keys), control_of(parms, number))


def _read_told(keys: Attribute) -> Iterator[tuple[PeditHeader, bool]]:
    for kind, nested in keys.items():
        if kind != _KEY_EX:
            raise nested.place.error(f"attribute {kind} where a key of pedit is expected")
        found = nested.nest()
        if _HEADER not in found or _COMMAND not in found:
            raise nested.place.error("a key of pedit without header or command")
        header, command = found[_HEADER].number(2), found[_COMMAND].number(2)
        if header >= len(_HEADERS) or command not in (_SET, _ADD):
            raise nested.place.error(f"unknown header {header} or command {command} of pedit")
        yield _HEADERS[header], command == _ADD
