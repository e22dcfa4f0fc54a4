"""Action selectors in maps: groups, how many members each has, and what each member does.

An entry (or a default action) of a table with an action selector holds an action, or the number of a group. Then the
action's number in the map value is two more than the last action's, and the group's number lies behind all arguments
(:data:`GROUP_BYTES`, host order; 0 in other entries). Two hash maps say what a group is:

* ``SELECTOR_groups``, one for all tables of a selector: group's number → how many members it has (32 bits, host order);
  a group without members has no element;
* ``TABLE_members``: group's number and a place from 0 on (32 bits, host order) → the action of the member there and its
  arguments, as in the table's own values. A member that weighs more than one has as many places.

Which place answers is BMv2's choice (behavioral-model's ``src/bm_sim/action_profile.cpp``): the hash of the selector's
keys, modulo the number of members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ...semantics import ir
from ...semantics.rules.build import match_keys, selector_keys
from ...semantics.rules.profiles import implementation_name, implementations
from ..base import CannotOffload
from .artifact import Field, MapDef

GROUP_BYTES: Final = 8
COUNT_BYTES: Final = 4
PLACE_BYTES: Final = 4
DEFAULT_SIZE: Final = 1024
"""Members of a selector whose source does not say how many."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A table's action selector."""

    instance: ir.Instance
    table: ir.Table
    """The table with all its keys."""
    groups: MapDef
    members: MapDef

    @property
    def keys(self) -> tuple[ir.Key, ...]:
        """The keys by which a member is chosen."""
        return selector_keys(self.table)

    @property
    def room(self) -> int:
        """Places that the groups have in all."""
        return self.members.max_entries


def selector_instance(program: ir.Program, table: ir.Table) -> ir.Instance | None:
    """The action selector of a table that has keys to select by.

    Raises:
        CannotOffload: such keys without a selector, or of a type without a width.
    """
    keys = selector_keys(table)
    if not keys:
        return None
    name = implementation_name(program, table)
    found = implementations(program).get(name) if name is not None else None
    if found is None or not found.selector:
        raise CannotOffload("a key of kind selector in a table without an action selector", keys[0].span)
    return found.instance


def selector(instance: ir.Instance, table: ir.Table, names: tuple[str, str], values: MapDef) -> Selector:
    """The selector's maps.

    Args:
        instance: the action selector.
        table: with all its keys.
        names: of the map of groups, and of that of this table's members.
        values: a map with the table's values, whose last field is the group's number.
    """
    size = dict(instance.args).get("size")
    told = int(size.value) if isinstance(size, ir.Const) and isinstance(size.value, int) else 0
    room = told or DEFAULT_SIZE
    key = (Field("group", 0, GROUP_BYTES),)
    groups = MapDef(names[0], "hash", GROUP_BYTES, COUNT_BYTES, room, 0, key, (Field("members", 0, COUNT_BYTES),))
    place = Field("place", GROUP_BYTES, PLACE_BYTES)
    size_of = values.value_size - GROUP_BYTES
    fields = (values.value_fields or ())[:-1]
    members = MapDef(names[1], "hash", GROUP_BYTES + PLACE_BYTES, size_of, room, 0, (*key, place), fields)
    return Selector(instance, table, groups, members)


def without_selector_keys(table: ir.Table) -> ir.Table:
    """The table with the keys alone that entries match on."""
    return replace(table, keys=match_keys(table)) if selector_keys(table) else table
