"""Finding what a rule names: tables, actions, keys and parameters by control-plane name, or by a part that is unique.

The formats are written by people, for several tools: a name may be the whole control-plane name, its last components
(``t`` for ``ingress.t``), or p4c's eBPF spelling with underscores (``pipe_t``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .. import ir
from ..p4info.names import param_name as param_name
from ..source import InputError, Span
from .profiles import Implementation, Profiles
from .values import key_bits

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class TableAction:
    """An action as one table lists it."""

    ref: ir.ActionRef
    action: ir.Action
    params: tuple[ir.Param, ...]
    """Those that the control plane fills in."""


def pick(
    items: Sequence[Item], name_of: Callable[[Item], str], wanted: str, what: str, span: Span, *, loose: bool = False
) -> Item:
    """The item of this name: spelt out, by its last components, or with underscores for dots; ``loose``: by its last
    letters, if nothing else fits.

    Raises:
        InputError: there is none, or several fit equally well.
    """
    wanted = wanted.lstrip(".")
    spellings: list[Callable[[str], bool]] = [
        lambda name: name == wanted,
        lambda name: name.endswith("." + wanted),
        lambda name: name.replace(".", "_") in (wanted, wanted.lstrip("_")),
        lambda name: name.replace(".", "_").endswith("_" + wanted),
        *([lambda name: name.endswith(wanted)] if loose else []),
    ]
    for fits in spellings:
        found = [item for item in items if fits(name_of(item).lstrip("."))]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(sorted(name_of(item) for item in found))
            raise InputError.at(span, f"{what} {wanted} is ambiguous: {names}")
    known = ", ".join(sorted(name_of(item) for item in items)[:8])
    raise InputError.at(span, f"no {what} {wanted}" + (f"; there is {known}" if known else ""))


def find_table(program: ir.Program, name: str, span: Span, *, loose: bool = False) -> ir.Table:
    """The table of this name (``loose``: see :func:`pick`). Raises InputError."""
    tables = [table for _, table in program.tables()]
    return pick(tables, lambda table: table.control_name, name, "table", span, loose=loose)


def table_actions(program: ir.Program, table: ir.Table) -> list[TableAction]:
    """The actions that a table lists, and its default action."""
    control = next(c for c, t in program.tables() if t is table)
    by_name = {action.name: action for action in (*program.actions, *control.actions)}
    refs = list(table.actions)
    if all(ref.action != table.default.action for ref in refs):
        refs.append(ir.ActionRef(table.default.action, default_only=True))
    listed = []
    for ref in refs:
        action = by_name[ref.action]
        listed.append(TableAction(ref, action, tuple(p for p in action.params if not p.direction)))
    return listed


def find_profile(profiles: Profiles, name: str, span: Span) -> Implementation:
    """The action profile or selector of this name. Raises InputError."""
    return pick(list(profiles.known.values()), lambda profile: profile.name, name, "action profile", span)


def profile_actions(program: ir.Program, profile: Implementation) -> list[TableAction]:
    """The actions that members of a profile can have: those that its tables list for entries."""
    found: dict[str, TableAction] = {}
    for table in profile.tables:
        for listed in table_actions(program, table):
            if not listed.ref.default_only:
                found.setdefault(listed.action.control_name, listed)
    return list(found.values())


def find_action(
    program: ir.Program, table: ir.Table, name: str, span: Span, *, as_default: bool, loose: bool = False
) -> TableAction:
    """The action of this name among a table's, legal for an entry or as the default (``loose``: see :func:`pick`).

    Raises:
        InputError: there is none, or several fit.
    """
    actions, what = table_actions(program, table), f"action of table {table.control_name}"
    found = pick(actions, lambda a: a.action.control_name, name, what, span, loose=loose)
    check_use(table, found, span, as_default=as_default)
    return found


def check_use(table: ir.Table, found: TableAction, span: Span, *, as_default: bool) -> None:
    """Raise InputError for an action that is not legal for an entry or as the default."""
    if as_default and found.ref.table_only:
        raise InputError.at(span, f"{found.action.control_name} is for entries only in table {table.control_name}")
    if not as_default and found.ref.default_only:
        raise InputError.at(span, f"{found.action.control_name} is for the default only in table {table.control_name}")


def find_key(table: ir.Table, name: str, span: Span) -> int:
    """The position of the key of this name. Raises InputError."""
    for position in range(len(table.keys)):
        if name in (f"key.field{position}", f"field{position}"):
            return position
    wanted = name
    for i, part in enumerate(wanted.split("$")[1:]):
        digits = "".join(c for c in part if c.isdigit())
        if digits and part.startswith(digits) and i < 8:
            wanted = wanted.replace(f"${digits}", f"[{digits}]", 1)  # extra$0.h: a stack's element
    if wanted.startswith("key.") and all(key.name != wanted for key in table.keys):
        wanted = wanted[len("key.") :]
    positions = list(range(len(table.keys)))
    wanted = _validity(table, wanted)
    return pick(positions, lambda i: table.keys[i].name, wanted, f"key of table {table.control_name}", span)


def _validity(table: ir.Table, wanted: str) -> str:
    """``h.valid``, ``h.$valid`` and ``h`` for the key ``hdr.h.$valid$``, as p4c's runner takes them."""
    names = [key.name for key in table.keys]
    if any(name == wanted or name.endswith("." + wanted) for name in names):
        return wanted
    bare = re.sub(r"\.?\$?valid\$?$", "", wanted)
    spelt = f"{bare}.$valid$" if bare else "$valid$"
    return spelt if any(name == spelt or name.endswith("." + spelt) for name in names) else wanted


def check_value(value: int, param: ir.Param, span: Span) -> int:
    """An action's argument. Raises InputError if it does not fit."""
    width = key_bits(param.type, param.span)
    if not 0 <= value < 1 << width:
        raise InputError.at(span, f"{value:#x} does not fit the {width} bits of parameter {param_name(param)}")
    return value
