"""What becomes of a group that a command changes (``modify_group_start``, ``ofproto/ofproto.c``, Open vSwitch 3.1)."""

from __future__ import annotations

from dataclasses import replace

from ....semantics.source import Unsupported
from .flows import Bucket, Group
from .steps import GroupChange, Refused


def changed(old: Group, change: GroupChange) -> Group:
    """The group in its place.

    Raises:
        Refused: a bucket is not there, or is there twice.
        Unsupported: a group gets buckets that no group of its type can be added with.
    """
    if change.verb in ("modify", "add_or_mod"):
        return change.group
    buckets = _inserted(old, change) if change.verb == "insert" else _removed(old, change)
    if old.kind == "indirect" and len(buckets) != 1:
        raise Unsupported(f"an indirect group with {len(buckets)} buckets", change.span)
    if old.kind == "ff" and any(bucket.watch is None and bucket.watch_group is None for bucket in buckets):
        raise Unsupported("a fast-failover group with a bucket that watches nothing", change.span)
    return replace(old, buckets=buckets, span=change.span)


def _inserted(old: Group, change: GroupChange) -> tuple[Bucket, ...]:
    """``copy_buckets_for_insert_bucket``."""
    at = len(old.buckets) if change.place == "last" else 0
    if isinstance(change.place, int):
        at = _index(old, change.place) + 1
    new = change.group.buckets
    if old.kind != "select":  # only there do weights count
        new = tuple(replace(bucket, weight=1) for bucket in new)
    numbers = [bucket.number for bucket in (*old.buckets, *new)]
    if len(set(numbers)) != len(numbers):
        raise Refused("two buckets have the same number ('bucket_id')")
    return *old.buckets[:at], *new, *old.buckets[at:]


def _removed(old: Group, change: GroupChange) -> tuple[Bucket, ...]:
    """``copy_buckets_for_remove_bucket``."""
    match change.place:
        case "all":
            return ()
        case "first":
            return old.buckets[1:]
        case "last":
            return old.buckets[:-1]
    at = _index(old, change.place)
    return *old.buckets[:at], *old.buckets[at + 1 :]


def _index(group: Group, number: int) -> int:
    for i, bucket in enumerate(group.buckets):
        if bucket.number == number:
            return i
    raise Refused(f"group {group.number} has no bucket {number}")
