"""Multicast groups in a map: under a group's number, how many members it has, and their ports and instances.

The key is the group (32 bits, host order), the value the number of members and then :data:`MOST` pairs of a port and an
instance, 32 bits each in host order; those behind the last member are 0. A group that is not set up has no element, or
one without members.
"""

from __future__ import annotations

from typing import Final

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
NAME: Final = "p4verify_multicast"


def _map() -> MapDef:
    members_ = [
        Field(f"{what}{number}", COUNT_BYTES + MEMBER_BYTES * number + at, 4)
        for number in range(MOST)
        for what, at in (("port", 0), ("instance", 4))
    ]
    value = (Field("count", 0, COUNT_BYTES), *members_)
    size = COUNT_BYTES + MEMBER_BYTES * MOST
    return MapDef(NAME, "hash", 4, size, GROUPS, 0, (Field("group", 0, 4),), value)


MAP: Final = _map()


def fill_groups(rules: RuleSet) -> dict[str, Entries]:
    """The map's elements for the groups that are set up.

    Raises:
        InputError: a group has more members than an element holds.
    """
    out: Entries = []
    for group in sorted(rules.multicast):
        found = members(rules, "multicast", group)
        if len(found) > MOST:
            raise InputError.at(NOWHERE, f"multicast group {group} has {len(found)} members, and eBPF copies to {MOST}")
        value = len(found).to_bytes(COUNT_BYTES, "little")
        for port, instance in found:
            value += port.to_bytes(4, "little") + instance.to_bytes(4, "little")
        out.append((group.to_bytes(4, "little"), value.ljust(MAP.value_size, b"\0")))
    return {NAME: out}
