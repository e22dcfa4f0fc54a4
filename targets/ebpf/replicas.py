"""Multicast groups and clone sessions in maps: under a number, how many members it has, their ports and instances.

The key is the group or session (32 bits, host order), the value the number of members, then :data:`MOST` pairs of a
port and an instance, then the class of service of a session's copies, 32 bits each in host order; places behind the
last member are 0. What is not set up has no element, or one without members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ...semantics.rules.decide import members
from ...semantics.rules.ruleset import RuleSet
from ...semantics.source import NOWHERE, InputError
from .artifact import Field, MapDef
from .fillup import Entries

MOST: Final = 8
"""Members of a group; a larger one is refused when the map is filled."""
GROUPS: Final = 1024
COUNT_BYTES: Final = 4
MEMBER_BYTES: Final = 8
COS_AT: Final = COUNT_BYTES + MEMBER_BYTES * MOST
"""Where the class of service lies."""
VALUE_BYTES: Final = COS_AT + 4


def _map(name: str) -> MapDef:
    places = [
        Field(f"{what}{number}", COUNT_BYTES + MEMBER_BYTES * number + at, 4)
        for number in range(MOST)
        for what, at in (("port", 0), ("instance", 4))
    ]
    value = (Field("count", 0, COUNT_BYTES), *places, Field("class_of_service", COS_AT, 4))
    return MapDef(name, "hash", 4, VALUE_BYTES, GROUPS, 0, (Field("group", 0, 4),), value)


@dataclass(frozen=True)
class Groups:
    """One kind of group, and the map of all such."""

    kind: Literal["multicast", "clone"]
    map: MapDef

    def numbers(self, rules: RuleSet) -> Mapping[int, object]:
        """Those that are set up, by their number."""
        return rules.multicast if self.kind == "multicast" else rules.sessions


MULTICAST: Final = Groups("multicast", _map("p4verify_multicast"))
CLONES: Final = Groups("clone", _map("p4verify_clones"))
KINDS: Final = (MULTICAST, CLONES)


def fill_groups(rules: RuleSet) -> dict[str, Entries]:
    """The maps' elements for the groups and sessions that are set up.

    Raises:
        InputError: a group has more members than an element holds.
        Unsupported: a session cuts its copies.
    """
    return {groups.map.name: _elements(groups, rules) for groups in KINDS}


def _elements(groups: Groups, rules: RuleSet) -> Entries:
    out: Entries = []
    for number in sorted(groups.numbers(rules)):
        found = members(rules, groups.kind, number)
        if len(found) > MOST:
            text = f"{groups.kind} group {number} has {len(found)} members, and eBPF copies to {MOST}"
            raise InputError.at(NOWHERE, text)
        value = len(found).to_bytes(COUNT_BYTES, "little")
        for port, instance in found:
            value += port.to_bytes(4, "little") + instance.to_bytes(4, "little")
        out.append((number.to_bytes(4, "little"), value.ljust(VALUE_BYTES, b"\0")))
    return out
