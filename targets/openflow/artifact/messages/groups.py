"""Groups in messages, with their buckets and properties (OpenFlow 1.5.1, 7.3.4.3; ``lib/ofp-group.c`` of 3.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args

from .....semantics.source import Span
from ..flows import Bucket, Group, GroupKind, Selection
from ..group_lines import what_is_wrong
from . import oxm
from .oxm import port_of
from .read_actions import actions
from .wire import Wire

NTR: Final = 0x0000154D
"""Netronome's experimenter number."""
KINDS: Final[tuple[GroupKind, ...]] = get_args(GroupKind)
_ANY_32: Final = 0xFFFFFFFF
LAST_NUMBER: Final = 0xFFFFFF00
"""Of groups and of buckets."""


def read_group(
    body: Wire, size: int, kind: int, number: int, version: int, at: int, *, inserted: bool = False
) -> Group:
    """A group whose buckets are the next ``size`` bytes; what is said of it begins at byte ``at``.

    Args:
        inserted: whether its buckets are inserted into one that is there, whose kind counts.

    Raises:
        InputError: damage, or what no group has; with the byte.
    """
    if kind >= len(KINDS):
        raise body.error(f"{kind} is no kind of group", at)
    listed = body.part(size, "buckets")
    select = KINDS[kind] == "select"
    buckets: list[Bucket] = []
    while listed.left:
        if version >= 6:
            buckets.append(_bucket_15(listed, weighs=select or inserted, weight=0 if inserted and not select else 1))
        else:
            buckets.append(_bucket(listed, version, len(buckets), select=select))
    if len({bucket.number for bucket in buckets}) != len(buckets):
        raise body.error("two buckets have the same number", at)
    chosen = _properties(body) if version >= 6 else Selection()
    return Group(number, KINDS[kind], tuple(buckets), Span(body.name, 0, 0), chosen)


def checked(body: Wire, group: Group, at: int) -> Group:
    """The group, if the switch takes it so. Raises InputError."""
    wrong = what_is_wrong(group)
    if wrong is not None:
        raise body.error(wrong, at)
    return group


def _bucket(wire: Wire, version: int, index: int, *, select: bool) -> Bucket:
    """``struct ofp_bucket`` of 1.3 and 1.4, which are numbered as they come."""
    at = wire.at
    size = wire.number(2, "a bucket")
    if size < 16 or size % 8:
        raise wire.error(f"a bucket of {size} bytes", at)
    body = wire.part(size - 2, "a bucket")
    weight = _weight(body, body.number(2, "a bucket"), at, weighs=select)
    port_at = body.at
    port, group = body.number(4, "a bucket"), body.number(4, "a bucket")
    body.take(4, "a bucket")
    watch = None if port == _ANY_32 else port_of(body, port, 4, port_at)
    return Bucket(actions(body, version), watch, weight, None if group == _ANY_32 else group, index)


def _weight(body: Wire, said: int, at: int, *, weighs: bool) -> int:
    """A bucket's weight, which only those of a select group have (1 stands for none)."""
    if said and not weighs:
        raise body.error("only a bucket of a group of type select has a weight", at)
    return said if weighs else 1


def _bucket_15(wire: Wire, *, weighs: bool, weight: int) -> Bucket:
    """``struct ofp_bucket`` of 1.5, with properties."""
    at = wire.at
    size, size_of_actions = wire.number(2, "a bucket"), wire.number(2, "a bucket")
    if size < 8 or size % 8:
        raise wire.error(f"a bucket of {size} bytes", at)
    body = wire.part(size - 4, "a bucket")
    number = body.number(4, "a bucket's number")
    if number > LAST_NUMBER:
        raise body.error(f"buckets are numbered from 0 to {LAST_NUMBER}", at)
    bucket = Bucket(actions(body.part(size_of_actions, "a bucket's actions"), 6), weight=weight, number=number)
    while body.left:
        start = body.at
        kind, length = body.number(2, "a property"), body.number(2, "a property")
        if kind > 2 or length != 8:
            raise body.error(f"property {kind} of a bucket, of {length} bytes, is not known", start)
        value_at = body.at
        value = body.number(2 if kind == 0 else 4, "a property")
        body.take(2 if kind == 0 else 0)
        if kind == 0:
            bucket = replace(bucket, weight=_weight(body, value, start, weighs=weighs))
        elif kind == 1 and value != _ANY_32:
            bucket = replace(bucket, watch=port_of(body, value, 4, value_at))
        elif kind == 2 and value != _ANY_32:
            bucket = replace(bucket, watch_group=value)
    return bucket


def _properties(wire: Wire) -> Selection:
    """A group's properties: Netronome's selection method."""
    chosen = Selection()
    while wire.left:
        at = wire.at
        kind, size = wire.number(2, "a property"), wire.number(2, "a property")
        if kind != 0xFFFF or size < 40:
            raise wire.error(f"property {kind} of a group is not known", at)
        body = wire.part(size - 4, "a property")
        wire.take(-size % 8, "padding")
        experimenter, subtype = body.number(4, "a property"), body.number(4, "a property")
        if (experimenter, subtype) != (NTR, 1):
            raise wire.error(f"property {subtype} of experimenter 0x{experimenter:x} is not known", at)
        body.take(4)
        method = body.take(16, "a selection method").rstrip(b"\0").decode("latin-1")
        param = body.number(8, "a parameter")
        fields: list[str] = []
        while body.left:
            fields.append(_selected(body))
        chosen = Selection(method, param, tuple(fields))
    return chosen


def _selected(body: Wire) -> str:
    """A field by which a group chooses: its header, then the bits that count."""
    kind, _, _, size = oxm.read_header(body)
    if kind is None or size != kind.size:
        raise body.error("a field by which a group cannot choose")
    mask = body.number(size, "a mask")
    full = (1 << kind.known.bits) - 1
    return kind.name if mask & full == full else f"{kind.name}=0x{mask:x}"


__all__ = ["KINDS", "LAST_NUMBER", "NTR", "checked", "read_group"]
