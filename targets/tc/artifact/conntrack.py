"""The action ``ct`` in all forms in which it comes: words, JSON and ``TCA_ACT_OPTIONS``.

Words: ``tc/m_ct.c`` of iproute2 6.1; attributes: ``uapi/linux/tc_act/tc_ct.h``, as ``tcf_ct_init`` and ``tcf_ct_dump``
of ``net/sched/act_ct.c`` (Linux 6.1) take and give them. Readers return None for what the data types have no place for:
addresses that are translated (``nat``) and helpers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .actions import Action, Control, Ct, CtClear, OpaqueAction
from .attributes import Attribute, attribute, number, small
from .netlink_controls import has_only, parameters, read_generic
from .words import Command, shorten

_PARMS, _TM, _ACTION, _ZONE, _MARK, _MARK_MASK, _LABEL, _LABEL_MASK, _PAD = 1, 2, 3, 4, 5, 6, 7, 8, 15
_COMMIT, _FORCE, _CLEAR = 1, 2, 4
_WHOLE_MARK: Final = 0xFFFFFFFF
_WHOLE_LABEL: Final = (1 << 128) - 1
_LABEL_BYTES: Final = 16
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){0,16}\Z")
_WORDS: Final = ("zone", "nat", "clear", "commit", "force", "index", "mark", "label", "help", "helper")
"""In the order in which ``tc`` compares a word with them, of which any beginning will do."""

Masked = tuple[int, int]

# --- words --------------------------------------------------------------------------------------------------------


def read_ct(command: Command, control: Callable[[Command], Control]) -> tuple[Ct | CtClear | None, int]:
    """What stands after ``ct``, and its index (0: none); ``control`` reads what may follow.

    Raises:
        InputError, ValueError: it is none.
    """
    said: set[str] = set()
    zone = index = 0
    mark: Masked | None = None
    label: Masked | None = None
    while (word := next((w for w in _WORDS if command.peek() and w.startswith(command.peek())), None)) is not None:
        if word in ("nat", "help", "helper"):
            return None, index
        command.next("word")
        if word == "zone":
            zone = command.number("zone", 0, 0xFFFF)
        elif word == "mark":
            mark = _read_mark(command)
        elif word == "label":
            label = _read_label(command)
        elif word == "index":
            index = command.number("index", 0, 0xFFFFFFFF)
        else:
            said.add(word)
    if "clear" in said:
        if said != {"clear"}:
            raise command.error("ct clear stands alone")
        return CtClear(control(command)), index
    if "force" in said and "commit" not in said:
        return None, index
    return Ct(zone, "commit" in said, "force" in said, mark, label, control(command)), index


def _read_mark(command: Command) -> Masked:
    value, slash, mask = command.next("mark").partition("/")
    number_ = command.as_number(value, "mark", 0, _WHOLE_MARK)
    return number_, command.as_number(mask, "mask", 0, _WHOLE_MARK) if slash else _WHOLE_MARK


def _read_label(command: Command) -> Masked:
    found = label_of(command.next("label"))
    if found is None:
        raise command.error(f"up to 16 bytes in hexadecimal expected, not {shorten(command.last_text)}")
    return found


def label_of(text: str) -> Masked | None:
    """``HEX[/HEX]``: bytes from the first one on, of which the others are 0; None if it is none."""
    value, slash, mask = text.partition("/")
    if not (_HEX.match(value) and _HEX.match(mask)):
        return None
    return _padded(bytes.fromhex(value)), _padded(bytes.fromhex(mask)) if slash else _WHOLE_LABEL


def _padded(data: bytes) -> int:
    return int.from_bytes(data.ljust(_LABEL_BYTES, b"\0"), "big")


def ct_words(action: Ct) -> Iterator[str]:
    """What :func:`read_ct` reads, without the control."""
    if action.commit:
        yield "commit"
    if action.force:
        yield "force"
    if action.zone:  # the zone 0 is told to no kernel, for some have no zones
        yield f"zone {action.zone}"
    if action.mark is not None:
        yield f"mark {action.mark[0]:#x}/{action.mark[1]:#x}"
    if action.label is not None:
        yield f"label {action.label[0]:032x}/{action.label[1]:032x}"


# --- JSON ---------------------------------------------------------------------------------------------------------


def ct_of(found: Mapping[str, Any], control: Control) -> Action:
    """One in the JSON that ``tc -j filter show`` prints. Raises ValueError."""
    said = str(found.get("action", "")).split()
    if said == ["clear"]:
        return CtClear(control)
    if "nat" in found or "helper" in found or said not in ([], ["commit"], ["commit", "force"]):
        return OpaqueAction("ct", options=b"")
    mask = found.get("mark_mask", _WHOLE_MARK)
    mark_mask = int(mask, 16) if isinstance(mask, str) else int(mask)  # tc 6.1 prints hexadecimal digits in quotes
    mark = (int(found["mark"]), mark_mask) if "mark" in found else None
    label = label_of(str(found["label"])) if "label" in found else None
    if "label" in found and label is None:
        raise ValueError(f"label {found['label']!r} of ct")
    return Ct(int(found.get("zone", 0)), "commit" in said, "force" in said, mark, label, control)


# --- netlink ------------------------------------------------------------------------------------------------------


def ct_options(action: Ct | CtClear) -> bytes:
    """``act_ct``."""
    out = parameters(_PARMS, action.control)
    if isinstance(action, CtClear):
        return out + small(_ACTION, _CLEAR, 2)
    out += small(_ACTION, _COMMIT * action.commit | _FORCE * action.force, 2)
    out += small(_ZONE, action.zone, 2) if action.zone else b""
    if action.mark is not None:
        out += number(_MARK, action.mark[0]) + number(_MARK_MASK, action.mark[1])
    if action.label is not None:
        both = (part.to_bytes(_LABEL_BYTES, "big") for part in action.label)
        out += b"".join(attribute(kind, part) for kind, part in zip((_LABEL, _LABEL_MASK), both, strict=True))
    return out


def read_ct_options(found: dict[int, Attribute]) -> Action | None:
    """See :func:`ct_options`. Raises InputError, ValueError."""
    if not has_only(found, (*range(_PARMS, _LABEL_MASK + 1), _PAD)):
        return None
    control, _ = read_generic(found[_PARMS])
    said = found[_ACTION].number(2) if _ACTION in found else 0
    if said & _CLEAR:
        return CtClear(control)
    if said & ~(_COMMIT | _FORCE) or said == _FORCE:
        return None
    mark = found[_MARK].number() if _MARK in found else None
    label = _bytes(found[_LABEL]) if _LABEL in found else None
    return Ct(
        found[_ZONE].number(2) if _ZONE in found else 0,
        bool(said & _COMMIT),
        bool(said & _FORCE),
        None if mark is None else (mark, found[_MARK_MASK].number() if _MARK_MASK in found else _WHOLE_MARK),
        None if label is None else (label, _bytes(found[_LABEL_MASK]) if _LABEL_MASK in found else _WHOLE_LABEL),
        control,
    )


def _bytes(found: Attribute) -> int:
    if len(found.data) > _LABEL_BYTES:
        raise found.place.error(f"a label of {len(found.data)} bytes where up to 16 are expected")
    return _padded(found.data)


__all__ = ["ct_of", "ct_options", "ct_words", "label_of", "read_ct", "read_ct_options"]
