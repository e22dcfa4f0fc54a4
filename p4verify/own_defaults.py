"""Default actions that the sources of two programs give one table, where they differ.

A control plane that sets no default action leaves each program with its source's. So a rule set of the first program
under which a miss does what its source says may be one that sets nothing, and then the second program's source says
what a miss does there; or one that sets this very action, and then it is set in the second program too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning import lookup
from .semantics.meaning.action_data import action_leaves
from .semantics.meaning.answers import number_of
from .semantics.rules.build import default_call
from .semantics.source import Unsupported
from .table_pair import TablePair, actions_of_table

if TYPE_CHECKING:
    from .pairing import Pairing


@dataclass(frozen=True)
class OwnDefault:
    """What a miss of the second program's table does while nobody has set it; nothing else than what is set if
    ``table`` is "" (both sources say the same)."""

    table: str = ""
    """Of the first program, and what its source gives it:"""
    mine: int = 0
    mine_arguments: tuple[tuple[str, str, int, int], ...] = ()
    """Action, leaf, width, value."""
    theirs: int = 0
    """What the second's source gives its table, and ..."""
    arguments: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """... by action and leaf, its arguments."""

    def number(self, selector: Term | None, is_set: Term) -> Term:
        """The number of the second's action, of which ``is_set`` is what follows from the first program's."""
        return b.ite(self._unset(selector), b.bv(self.theirs, is_set.width), is_set) if self.table else is_set

    def argument(self, at: tuple[str, str], selector: Term | None, is_set: Term) -> Term:
        """An argument of the second's action, likewise."""
        if at not in self.arguments:
            return is_set
        return b.ite(self._unset(selector), b.bv(self.arguments[at], is_set.width), is_set)

    def _unset(self, selector: Term | None) -> Term:
        """Whether both have their source's: the first's is what its source says, and nobody has set it."""
        which = lookup.default_action(self.table, selector)
        arguments = (
            b.eq(lookup.default_argument(self.table, action, leaf, width, selector), b.bv(value, width))
            for action, leaf, width, value in self.mine_arguments
        )
        is_it = b.eq(which, b.bv(self.mine, which.width))
        return b.and_(lookup.default_is_own(self.table), is_it, *arguments)


def own_default(pairing: Pairing, pair: TablePair) -> OwnDefault:
    """How the sources' default actions of a table differ.

    Raises:
        Unsupported: that is not known, as arguments are not constant.
    """
    first, second = pair.first, pair.second
    if first.const_default or second.const_default:
        return OwnDefault()
    try:
        mine, theirs = default_call(pairing.first, first), default_call(pairing.second, second)
    except Unsupported:
        if first.default.args == second.default.args and first.default.action == second.default.action:
            return OwnDefault()
        raise
    numbers = number_of(first, mine.action), number_of(second, theirs.action)
    if pair.actions.get(numbers[1]) == numbers[0]:
        if tuple(mine.args[k] for k in pair.leaves[numbers[1]]) == theirs.args:
            return OwnDefault()
    ours = action_leaves(actions_of_table(pairing.first, first)[mine.action])
    others = action_leaves(actions_of_table(pairing.second, second)[theirs.action])
    return OwnDefault(
        first.control_name,
        numbers[0],
        tuple((mine.action, leaf, width, value) for (leaf, width), value in zip(ours, mine.args, strict=True)),
        numbers[1],
        {(theirs.action, leaf): value for (leaf, _), value in zip(others, theirs.args, strict=True)},
    )
