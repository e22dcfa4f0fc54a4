"""What happens in one case side by side: outputs and events of which at most one happens, and what copies write.

Two sides may tell one thing in different ways: one names a copy for each branch of a condition, the other one copy
whose group hangs on the condition. Things of which at most one happens are therefore one *slot*, and slots are compared
one after the other. Where one side has more slots than the other, they are counted by what really happens; so they are
where that is asked for, because slots of two sides may be as many and not be about the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from typing import TypeVar

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Event, Output, Replication, state_of_a_copy


@dataclass(frozen=True)
class Write:
    """What copies of one kind do to a cell: nothing unless ``when``."""

    when: Term
    before: Term
    after: Term
    each: tuple[Replication, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the groups that make the copy, outermost first."""
        return tuple(r.kind for r in self.each)


Happens = TypeVar("Happens", Output, Event, Write)


def slots(happening: Iterable[Happens]) -> list[list[Happens]]:
    """Outputs, events or writes, of which at most one happens, side by side: each list sends one frame or none (to each
    member), or tells one thing."""
    found: list[list[Happens]] = []
    for each in happening:
        if found and all(_exclude(other.when, each.when) for other in found[-1]):
            found[-1].append(each)
        else:
            found.append([each])
    return found


def in_step(
    mine: Sequence[Sequence[Happens]], theirs: Sequence[Sequence[Happens]], *, counted: bool = False
) -> list[tuple[Sequence[Happens], Sequence[Happens]]]:
    """Slots of two sides, one after the other: both do the same if they do in each; ``counted``: only if they do."""
    if mine and theirs and (len(mine) != len(theirs) or (counted and len(mine) > 1)):
        mine, theirs = _by_rank(mine), _by_rank(theirs)
    return list(zip_longest(mine, theirs, fillvalue=()))


def writes(outputs: Iterable[Output], key: str, index: Sequence[Term]) -> list[Write]:
    """What copies write into the cells ``key``, of which ``index`` is the variable that says which one; in order."""
    found = []
    for output in outputs:
        after = output.state.get(key)
        if after is not None:
            before = b.apply(state_of_a_copy(len(output.each) - 1, key), after.sort, *index)
            found.append(Write(b.ne(after, before), before, after, output.each))
    return [write for write in found if write.when is not b.FALSE]


def left_by(slot: Sequence[Write]) -> Term:
    """What a slot of writes, which has some, leaves in the cell."""
    after = slot[0].before
    for write in slot:
        after = b.ite(write.when, write.after, after)
    return after


def order_shows(x: Write, y: Write, index: Sequence[Term]) -> Term:
    """That a copy of one kind behind one of the other leaves something else in the cell of this index than the other
    way round: nothing says which of them comes first, and each may be any member of its group."""
    held, theirs = x.before.name, y.before.name
    own = {v: b.var(f"other.{v.name}", v.sort) for v in b.variables(y.after) if v.name.startswith("each.")}
    [other] = b.substitute([y.after], own, {theirs: lambda *at: b.apply(held, x.before.sort, *at)})
    asked = {call.name for call in b.applications(x.after, other) if call.name.startswith("each.")}
    if asked - {held}:
        return b.and_(x.when, y.when)  # what a copy does may hang on what another one has left in other cells

    def behind(second: Term, first: Term) -> Term:
        def left(*at: Term) -> Term:
            return b.substitute([first], dict(zip(index, at, strict=True)))[0]

        return b.substitute([second], {}, {held: left})[0]

    return b.ne(behind(x.after, other), behind(other, x.after))


@lru_cache(maxsize=50_000)
def _exclude(x: Term, y: Term) -> bool:
    """Whether two conditions say outright that they do not hold together."""
    if b.and_(x, y) is b.FALSE:
        return True
    for given, asked in ((x, y), (y, x)):
        said = b.conjuncts(given)
        known = dict.fromkeys(said, b.TRUE) | {t.args[0]: b.FALSE for t in said if t.op == "not"}
        if b.substitute([asked], known)[0] is b.FALSE:
            return True
    return False


def _by_rank(found: Sequence[Sequence[Happens]]) -> list[list[Happens]]:
    """As many slots, the first of which is what really happens first, and so on."""
    ranked: list[list[Happens]] = [[] for _ in found]
    exactly: list[Term] = [b.TRUE]
    """That so many of the slots before happen."""
    for slot in found:
        for rank, so_many in enumerate(exactly):
            new = (replace(each, when=b.and_(so_many, each.when)) for each in slot)
            ranked[rank] += [each for each in new if each.when is not b.FALSE]
        here = b.or_(*(each.when for each in slot))
        none = b.not_(here)
        exactly = [
            b.or_(b.and_(none, same), b.and_(here, one_less))
            for same, one_less in zip([*exactly, b.FALSE], [b.FALSE, *exactly], strict=True)
        ]
    return ranked
