"""Whether a rule set finds room in an object's maps: one that does not can never be put there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...semantics.rules.ruleset import RuleSet
from ...semantics.source import Span, Unsupported
from .artifact import BpfObject


def check_room(artifact: BpfObject, rules: RuleSet, filled: Mapping[str, Iterable[tuple[bytes, bytes]]]) -> None:
    """``filled``: by map the elements that the rules make. Raises Unsupported."""
    for item in artifact.maps:
        needed = len({key for key, _ in filled.get(item.name, ())})
        if item.max_entries and needed > item.max_entries:
            text = f"map {item.name} has room for {item.max_entries} elements, and the rules make {needed}"
            raise Unsupported(text, _place(artifact, rules, item.max_entries))


def _place(artifact: BpfObject, rules: RuleSet, room: int) -> Span:
    """The first rule of a table that has more than so many; the object, if there is none."""
    beyond = (entries[room].span for entries in rules.entries.values() if len(entries) > room)
    return next(beyond, Span(artifact.name, 0, 0))
