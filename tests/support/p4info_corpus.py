"""Comparing P4Info texts as messages: order of objects and of map entries is of no matter, empty messages neither."""

from __future__ import annotations

from p4verify.semantics.rules.protobuf_text import Message, Scalar, parse

ORDERED = frozenset(
    {"match_fields", "action_refs", "params", "metadata", "members", "match", "expressions", "kv_pairs"}
)


def plain(text: str, name: str) -> object:
    """The text as nested tuples that are equal exactly if the messages are."""
    return _plain(parse(text, name))


def _plain(value: Message | Scalar) -> object:
    if isinstance(value, Scalar):
        return value.value
    fields: dict[str, list[object]] = {}
    for name, item in value.fields:
        made = _plain(item)
        if not (name == "type_info" and made == ()):
            fields.setdefault(name, []).append(made)
    return tuple(
        (name, tuple(items if name in ORDERED else sorted(items, key=repr))) for name, items in sorted(fields.items())
    )
