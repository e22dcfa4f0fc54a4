"""Action profiles and selectors while a control plane fills them (P4Runtime specification 1.4, "Action Profiles").

A table with an ``implementation`` holds, in place of actions, members of an action profile, or groups of members of an
action selector. Members and groups are numbered by whoever makes them; one profile may serve several tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import ir
from ..p4info.architecture import architecture
from ..p4info.ids import Kind
from ..source import InputError, Span
from .ruleset import ActionCall, GroupRef, Profile

ONE_SHOT: Final = 1 << 32
"""The first number of groups and members of one-shot action sets, which have none of their own."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """An action profile or selector of a program, and the tables that it serves."""

    instance: ir.Instance
    selector: bool
    tables: tuple[ir.Table, ...]

    @property
    def name(self) -> str:
        """The control-plane name."""
        return self.instance.name


def implementations(program: ir.Program) -> dict[str, Implementation]:
    """The program's action profiles and selectors by control-plane name."""
    arch = architecture(program.arch)
    found = {}
    for instance in program.instances:
        role = arch.externs.get(instance.extern)
        if role is not None and role.kind is Kind.ACTION_PROFILE:
            served = tuple(t for _, t in program.tables() if implementation_name(program, t) == instance.name)
            found[instance.name] = Implementation(instance, role.selector, served)
    return found


def implementation_name(program: ir.Program, table: ir.Table) -> str | None:
    """The name of the table's action profile or selector; None if it has none."""
    arch = architecture(program.arch)
    for item in table.properties:
        if arch.implementation and item.name == arch.implementation and isinstance(item.value, str):
            role = arch.externs.get(program.instance(item.value).extern)
            return item.value if role is not None and role.kind is Kind.ACTION_PROFILE else None
    return None


@dataclass
class _Filling:
    members: dict[int, ActionCall] = field(default_factory=dict)
    groups: dict[int, list[int]] = field(default_factory=dict)


@dataclass
class Profiles:
    """Members and groups as they stand."""

    program: ir.Program
    _filled: dict[str, _Filling] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = implementations(self.program)

    def _of(self, profile: str) -> _Filling:
        return self._filled.setdefault(profile, _Filling())

    def free_member(self, profile: str) -> int:
        """The smallest number that no member has."""
        return _free(self._of(profile).members)

    def free_group(self, profile: str) -> int:
        """The smallest number that no group has."""
        return _free(self._of(profile).groups)

    def set_member(self, profile: str, member: int, call: ActionCall, span: Span, *, new: bool) -> None:
        """Make a member, or change one. Raises InputError if it is there already, or is not."""
        _expect(member in self._of(profile).members, new, f"member {member}", profile, span)
        self._of(profile).members[member] = call

    def remove_member(self, profile: str, member: int, span: Span) -> None:
        """Take a member away. Raises InputError if there is none, or a group holds it."""
        filled = self._of(profile)
        _expect(member in filled.members, False, f"member {member}", profile, span)
        holder = next((g for g, members in filled.groups.items() if member in members), None)
        if holder is not None:
            raise InputError.at(span, f"member {member} of {profile} is in its group {holder}")
        del filled.members[member]

    def set_group(self, profile: str, group: int, members: Sequence[int], span: Span, *, new: bool) -> None:
        """Make a group, or change one. Raises InputError if it is there already, or is not, or ``profile`` has none."""
        if not self.known[profile].selector:
            raise InputError.at(span, f"{profile} is an action profile: it has no groups")
        _expect(group in self._of(profile).groups, new, f"group {group}", profile, span)
        self._of(profile).groups[group] = list(members)

    def members_of(self, profile: str, group: int, span: Span) -> list[int]:
        """A group's members, to look at. Raises InputError if there is no such group."""
        _expect(group in self._of(profile).groups, False, f"group {group}", profile, span)
        return list(self._of(profile).groups[group])

    def remove_group(self, profile: str, group: int, span: Span) -> None:
        """Take a group away. Raises InputError if there is none."""
        _expect(group in self._of(profile).groups, False, f"group {group}", profile, span)
        del self._of(profile).groups[group]

    def member(self, profile: str, member: int, table: ir.Table | None, span: Span) -> ActionCall:
        """The action of a member, for an entry of ``table`` (None: of any).

        Raises:
            InputError: there is no such member, or the table does not list its action.
        """
        _expect(member in self._of(profile).members, False, f"member {member}", profile, span)
        call = self._of(profile).members[member]
        if table is not None and all(ref.action != call.action for ref in table.actions):
            raise InputError.at(
                span, f"member {member} of {profile} does {call.action}, which table {table.control_name} does not list"
            )
        return call

    def group(self, profile: str, group: int, table: ir.Table, span: Span) -> None:
        """See that a group is there and its members fit ``table``. Raises InputError."""
        for member in self.members_of(profile, group, span):
            self.member(profile, member, table, span)

    def one_shot(self, profile: str, weighted: Sequence[tuple[ActionCall, int]], span: Span) -> GroupRef:
        """A group of members that nobody else names, each as often as its weight; numbered beyond 32 bits."""
        filled = self._of(profile)
        group = max([ONE_SHOT - 1, *filled.groups]) + 1
        member = max([ONE_SHOT - 1, *filled.members]) + 1
        members: list[int] = []
        for at, (call, weight) in enumerate(weighted, member):
            filled.members[at] = call
            members += [at] * weight
        self.set_group(profile, group, members, span, new=True)
        return GroupRef(profile, group)

    def reset(self) -> None:
        """Take everything away."""
        self._filled.clear()

    def finish(self) -> dict[str, Profile]:
        """The profiles that hold anything."""
        return {
            name: Profile(dict(filled.members), {g: tuple(members) for g, members in filled.groups.items()})
            for name, filled in self._filled.items()
            if filled.members or filled.groups
        }


def _free(taken: dict[int, ActionCall] | dict[int, list[int]]) -> int:
    number = 0
    while number in taken:
        number += 1
    return number


def _expect(there: bool, new: bool, what: str, profile: str, span: Span) -> None:
    if there and new:
        raise InputError.at(span, f"{profile} has {what} already")
    if not there and not new:
        raise InputError.at(span, f"{profile} has no {what}")
