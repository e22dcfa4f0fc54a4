"""Groups and their buckets, from a line of ``ovs-ofctl`` (``parse_ofp_group_mod_str__``, ``lib/ofp-group.c``, 3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

from . import fields
from .actions import in_a_set, read_actions
from .flows import Bucket, Group, GroupKind, Selection
from .words import Item, Piece, items, number, one_of, port

_BUCKET: Final = re.compile(r"[\s,]buckets?=")
_ACTIONS: Final = re.compile(r"(?:^|[\s,])(actions?)=")
METHODS: Final = ("dp_hash", "hash")
"""Ways to choose that have a name."""
_KINDS: Final[Mapping[str, GroupKind]] = {**{kind: kind for kind in get_args(GroupKind)}, "fast_failover": "ff"}
_SAID_OF_BUCKETS: Final = ("watch_port", "watch_group", "weight", "bucket_id")


def group_of(piece: Piece) -> Group:
    """A group of a dump, a bundle or a file of groups. Raises InputError with the place."""
    starts = [m.start() for m in _BUCKET.finditer(piece.text)]
    ends = [*starts, len(piece.text)]
    number_: int | None = None
    kind: GroupKind = "all"
    chosen = Selection()
    for item in items(piece.part(0, ends[0])):
        if item.key.text == "group_id" and item.value is not None:
            number_ = number(item.value, 32)
        elif item.key.text == "type" and item.value is not None:
            kind = one_of(item.value, _KINDS, "group")
        else:
            chosen = _selection(item, chosen)
    if number_ is None:
        raise piece.error("a group needs a number ('group_id=...')")
    buckets = tuple(_bucket(piece.part(start, end)) for start, end in zip(starts, ends[1:], strict=True))
    made = Group(number_, kind, buckets, piece.span, chosen)
    wrong = what_is_wrong(made)
    if wrong is not None:
        raise piece.error(wrong)
    return made


def what_is_wrong(group: Group) -> str | None:
    """Why the switch refuses a group by itself (``lib/ofp-group.c``); None if it does not."""
    if group.kind == "indirect" and len(group.buckets) != 1:
        return "an indirect group has one bucket"
    if group.kind == "ff" and any(bucket.watch is None and bucket.watch_group is None for bucket in group.buckets):
        return "a bucket of a fast-failover group watches a port or a group"
    if group.selection != Selection() and group.kind != "select":
        return "only a group of type select has a selection method"
    if group.selection.method not in ("", *METHODS):
        return f"{group.selection.method!r} is no way to choose ({', '.join(METHODS)})"
    return None


def _selection(item: Item, chosen: Selection) -> Selection:
    """``selection_method``, its parameter, and ``fields`` in any of the ways in which a dump writes them."""
    value = item.value
    if value is not None and item.key.text == "selection_method":
        if value.text not in METHODS:
            raise value.error(f"{value.shown()} is no way to choose ({', '.join(METHODS)})")
        return replace(chosen, method=value.text)
    if value is not None and item.key.text == "selection_method_param":
        return replace(chosen, param=number(value, 64))
    if value is not None and item.key.text == "fields":
        return replace(chosen, fields=tuple(_field(one) for one in items(value)))
    raise item.whole.error(f"{item.whole.shown()} is not known of groups")


def _field(item: Item) -> str:
    if fields.find(item.key.text) is None:
        raise item.key.error(f"{item.key.shown()} is no field that is known")
    return item.whole.text


def _bucket(piece: Piece) -> Bucket:
    inner = piece.part(piece.text.index("=") + 1)
    found = _ACTIONS.search(inner.text)
    head = inner.part(0, found.start(1) if found else None)
    bucket = Bucket(())
    actions = inner.part(found.end() if found else len(inner.text))
    for item in items(head):
        if item.value is None or item.key.text not in _SAID_OF_BUCKETS:
            if found:
                raise item.whole.error(f"{item.whole.shown()} is not known of buckets")
            actions = inner.part(item.whole.span.column - inner.span.column)
            break
        if item.key.text == "watch_port":
            bucket = replace(bucket, watch=port(item.value))
        elif item.key.text == "watch_group":
            bucket = replace(bucket, watch_group=number(item.value, 32))
        elif item.key.text == "weight":
            bucket = replace(bucket, weight=number(item.value, 16))
    return replace(bucket, actions=in_a_set(read_actions(actions)))


__all__ = ["METHODS", "group_of", "what_is_wrong"]
