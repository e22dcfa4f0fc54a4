"""Table lookups with the rules put in: one way for each entry that can match, the first winner first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ...semantics import ir
from ...semantics.rules.build import match_keys
from ...semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, Ternary
from ...semantics.rules.values import constant
from ...semantics.source import Unsupported
from ..base import CannotOffload
from .expressions import as_bits, evaluate
from .values import Bits, Cube, equals, prefixes

if TYPE_CHECKING:
    from .machine import Machine
    from .state import State

Looked = tuple["State", bool, str]
"""After the action, whether there was a hit, the action's name."""

STORAGE: Final = ("array_table", "hash_table")
"""Property values that say how a table is stored, not what it answers."""
MEMBERS: Final = ("action_profile", "action_selector")
"""... and those that say where its actions are: an entry that names one member holds its action (:class:`.Rule`)."""
HARMLESS: Final = ("size", "support_timeout", "idle_timeout", "default_idle_timeout_for_all")
MAX_PIECES: Final = 4096
"""Masks that the ranges of one entry may need."""


def look_up(m: Machine, table: ir.Table, state: State) -> Iterator[tuple[State, bool, str, Sequence[int]]]:
    """The ways: state, hit, action, the control plane's arguments."""
    check_properties(m, table)
    for s, keys in keys_of(m, table, state):
        found: list[tuple[State, bool, str, Sequence[int]]] = []
        left = False
        for rule in m.context.rules.of(table.control_name):
            m.context.step(rule.span)
            for cube in cubes_of(m, s.cube, keys, rule.matches, table):
                here = s if cube is s.cube else replace(s, cube=cube)
                call = call_of(rule)
                found.append((here, True, call.action, call.args))
                left = left or cube is s.cube
            if left:
                break
        if not left:
            name, args = default_call(m, table)
            found.append((s, False, name, args))
        states = m.context.ordered([state for state, *_ in found])
        for state, (_, hit, action, args) in zip(states, found, strict=True):
            yield state, hit, action, args


def check_properties(m: Machine, table: ir.Table) -> None:
    for item in table.properties:
        if isinstance(item.value, str):
            if m.context.program.instance(item.value).extern not in (*STORAGE, *MEMBERS):
                raise CannotOffload(f"table property {item.name}", item.span)
        elif item.name not in HARMLESS:
            raise CannotOffload(f"table property {item.name}", item.span)


def call_of(rule: Rule) -> ActionCall:
    """The action of an entry. Raises CannotOffload for a group of an action selector."""
    try:
        return rule.call
    except Unsupported as error:
        raise CannotOffload(error.reason, error.span) from None


def default_call(m: Machine, table: ir.Table) -> tuple[str, Sequence[int]]:
    try:
        chosen = m.context.rules.default_call(table.control_name)
    except Unsupported as error:
        raise CannotOffload(error.reason, table.span) from None
    if chosen is not None and not table.const_default:
        return chosen.action, chosen.args
    try:
        return table.default.action, [constant(m.context.program, arg) for arg in table.default.args]
    except Unsupported as error:
        raise CannotOffload(error.reason, error.span) from None


def keys_of(m: Machine, table: ir.Table, state: State) -> list[tuple[State, tuple[Bits, ...]]]:
    ways: list[tuple[State, tuple[Bits, ...]]] = [(state, ())]
    for key in match_keys(table):
        ways = [
            (t, (*made, t.cube.resolve(as_bits(v, key.span)))) for s, made in ways for t, v in evaluate(m, key.expr, s)
        ]
    return ways


def cubes_of(m: Machine, cube: Cube, keys: Sequence[Bits], matches: Sequence[Match], table: ir.Table) -> Iterator[Cube]:
    """Where all keys match: one cube, or several for ranges. ``cube`` itself if they always do.

    Raises:
        CannotOffload: ranges need more than :data:`MAX_PIECES` masks.
    """
    found = [cube]
    for key, bits, match in zip(match_keys(table), keys, matches, strict=True):
        following: list[Cube] = []
        for one in found:
            for value, mask in masks_of(match, len(bits)):
                wanted = equals(one.resolve(bits), value, mask, key.span)
                extended = None if wanted is None else m.context.narrowed(one, wanted)
                if extended is not None:
                    m.context.note(wanted or (), key.span)
                    following.append(extended)
        if len(following) > MAX_PIECES:
            raise CannotOffload(f"the ranges of one entry need more than {MAX_PIECES} masks", key.span)
        found = following
    yield from found


def masks_of(match: Match, width: int) -> Iterator[tuple[int, int]]:
    """The (value, mask) pairs of one match on a key of so many bits."""
    full = (1 << width) - 1
    match match:
        case Exact(value):
            yield value, full
        case Lpm(value, length):
            yield value, full & ~((1 << (width - length)) - 1)
        case Ternary(value, mask):
            yield value, mask
        case Range(low, high):
            yield from prefixes(low, high, width)
