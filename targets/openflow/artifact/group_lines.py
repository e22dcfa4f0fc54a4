"""Groups and commands about them, from a line of ``ovs-ofctl`` (``parse_ofp_group_mod_str__``, ``lib/ofp-group.c``,
3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

from . import fields
from .actions import in_a_set, read_actions
from .flow_lines import command
from .flows import Bucket, Group, GroupKind, Selection
from .steps import GroupChange, GroupVerb, Place
from .words import Item, Piece, items, number, one_of, port

_BUCKET: Final = re.compile(r"[\s,]buckets?=")
_ACTIONS: Final = re.compile(r"(?:^|[\s,])(actions?)=")
METHODS: Final = ("dp_hash", "hash")
"""Ways to choose that have a name."""
_KINDS: Final[Mapping[str, GroupKind]] = {**{kind: kind for kind in get_args(GroupKind)}, "fast_failover": "ff"}
_SAID_OF_BUCKETS: Final = ("watch_port", "watch_group", "weight", "bucket_id")
COMMANDS: Final[Mapping[str, GroupVerb | None]] = {
    "add": None,
    "delete": "delete",
    "modify": "modify",
    "add_or_mod": "add_or_mod",
    "insert_bucket": "insert",
    "remove_bucket": "remove",
}
"""In this order: what a line begins with may be the beginning of one."""
ALL_GROUPS: Final = 0xFFFFFFFC
_LAST_GROUP: Final = 0xFFFFFF00
_LAST_BUCKET: Final = 0xFFFFFF00
_PLACES: Final[Mapping[str, Place]] = {"first": "first", "last": "last", "all": "all"}


def read_group(piece: Piece) -> Group | GroupChange:
    """A group of a dump, a bundle or a file of groups, or a command. Raises InputError, Unsupported with the place."""
    said, rest = command(piece, tuple(COMMANDS))
    line = _Line(COMMANDS[said or "add"], rest, piece)
    verb, buckets = line.verb, line.buckets
    if verb in ("insert", "remove", "delete"):
        if line.number is None:
            raise piece.error("a command needs a group's number ('group_id=...')")
        if verb == "insert" and any(b.watch is not None or b.watch_group is not None for b in buckets):
            raise piece.error("the switch refuses buckets that are inserted and watch a port or a group")
        about = Group(line.number, line.kind, buckets, piece.span)
        return GroupChange(verb, about, line.place, verb == "delete" and line.number == ALL_GROUPS)
    if line.number is None:
        raise piece.error("a group needs a number ('group_id=...')")
    if line.number > _LAST_GROUP:
        raise piece.error(f"groups are numbered from 0 to {_LAST_GROUP}")
    made = Group(line.number, line.kind, buckets, piece.span, line.chosen)
    wrong = what_is_wrong(made)
    if wrong is not None:
        raise piece.error(wrong)
    return made if verb is None else GroupChange(verb, made)


class _Line:
    """What a line says behind its command."""

    def __init__(self, verb: GroupVerb | None, rest: Piece, piece: Piece) -> None:
        self.verb = verb
        self.number: int | None = ALL_GROUPS if verb == "delete" and not rest.text.strip() else None
        self.kind: GroupKind = "all"
        self.chosen = Selection()
        self.place: Place = "all"
        starts = [m.start() for m in _BUCKET.finditer(rest.text)]
        ends = [*starts, len(rest.text)]
        has_type = False
        for item in items(rest.part(0, ends[0])):
            has_type |= item.key.text == "type"
            self._take(item)
        if verb in ("modify", "add_or_mod") and not has_type:
            raise piece.error("a group needs a type ('type=...')")
        if verb == "insert" and self.place == "all":
            raise piece.error("buckets are inserted somewhere ('command_bucket_id=last')")
        if starts and verb in ("delete", "remove"):
            raise rest.part(starts[0] + 1, starts[0] + 7).error("no buckets are needed here")
        weight = 0 if self.verb == "insert" else 1  # of buckets that are inserted it is not known whether they need one
        listed = [_bucket(rest.part(start, end), weight) for start, end in zip(starts, ends[1:], strict=True)]
        self.buckets = _numbered(listed, piece)

    def _take(self, item: Item) -> None:
        key, value = item.key.text, item.value
        if value is not None and key == "group_id":
            everything = value.text == "all" and self.verb == "delete"
            self.number = ALL_GROUPS if everything else number(value, 32)
        elif value is not None and key == "command_bucket_id" and self.verb in ("insert", "remove"):
            self.place = _PLACES.get(value.text) or _bucket_number(value)
        elif self.verb in ("insert", "remove", "delete"):
            raise item.key.error(f"{item.key.shown()} is not needed here")
        elif value is not None and key == "type":
            self.kind = one_of(value, _KINDS, "group")
        else:
            self.chosen = _selection(item, self.chosen)


def _bucket_number(piece: Piece) -> int:
    said = number(piece, 32)
    if said > _LAST_BUCKET:
        raise piece.error(f"buckets are numbered from 0 to {_LAST_BUCKET}")
    return said


def _numbered(buckets: list[tuple[Bucket, bool]], piece: Piece) -> tuple[Bucket, ...]:
    """Numbers for buckets that have none: free ones, but for those said before (``ofputil_encode_ofp15_group_mod``).

    Raises:
        InputError: two buckets get the same.
    """
    first = next((i for i, (_, has_number) in enumerate(buckets) if not has_number), len(buckets))
    taken = {bucket.number for bucket, has_number in buckets[first:] if has_number}
    found: list[Bucket] = []
    free = 0
    for bucket, has_number in buckets:
        if not has_number:
            while free in taken:
                free += 1
            bucket, free = replace(bucket, number=free), free + 1
        found.append(bucket)
    if len({bucket.number for bucket in found}) != len(found):
        raise piece.error("two buckets have the same number ('bucket_id'; those without one begin with 0)")
    return tuple(found)


def what_is_wrong(group: Group) -> str | None:
    """Why the switch refuses a group by itself (``lib/ofp-group.c``); None if it does not."""
    if group.kind == "indirect" and len(group.buckets) != 1:
        return "an indirect group has one bucket"
    if group.kind == "ff" and any(bucket.watch is None and bucket.watch_group is None for bucket in group.buckets):
        return "a bucket of a fast-failover group watches a port or a group"
    if group.kind in ("all", "indirect") and any(
        b.watch is not None or b.watch_group is not None for b in group.buckets
    ):
        return f"a bucket of a group of type {group.kind} watches nothing"
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


def _bucket(piece: Piece, weight: int) -> tuple[Bucket, bool]:
    """A bucket, with this weight if it says none, and whether it says its number."""
    inner = piece.part(piece.text.index("=") + 1)
    found = _ACTIONS.search(inner.text)
    head = inner.part(0, found.start(1) if found else None)
    bucket, has_number = Bucket((), weight=weight), False
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
        else:
            bucket, has_number = replace(bucket, number=_bucket_number(item.value)), True
    return replace(bucket, actions=in_a_set(read_actions(actions))), has_number


__all__ = ["ALL_GROUPS", "COMMANDS", "METHODS", "read_group", "what_is_wrong"]
