"""What is compared where tables are large: a program with its rules, or an artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from ..realise import describe
from ..semantics import bits as b
from ..semantics import ir
from ..semantics.bits import Term
from ..semantics.classifier import Row
from ..semantics.meaning import open_tables
from ..semantics.meaning.behaviour import Behaviour, is_choice
from ..semantics.meaning.members import groups_of, one_by_one, open_one_by_one
from ..semantics.meaning.opened import NotSuitable, Opened, OpenTable
from ..semantics.meaning.program import meaning
from ..semantics.meaning.selectors import is_pick
from ..semantics.rules.ruleset import RuleSet
from ..semantics.source import Unsupported
from ..targets.base import Classifies, ClassifiesInParts, Target

Kept = Mapping[str, Sequence[int]]
"""By open table the entries that stay (by their rows' ``origin``)."""
_NO_RULES: Final = RuleSet({})


class Side(Protocol):
    """One of two that are compared."""

    def opened(self, at_least: int) -> Opened:
        """With every table of ``at_least`` so many entries left open. Raises NotSuitable, Unsupported."""
        ...

    def in_parts(self, at_least: int, large: int, *, finer: bool = False) -> Opened:
        """The same for artifacts whose lists are several, one after the other
        (:class:`..targets.base.ClassifiesInParts`, which says what ``finer`` ones are). Tables of fewer entries than
        ``large`` may stay in terms. Raises NotSuitable, Unsupported."""
        ...

    def only(self, opened: Opened, kept: Kept) -> Side:
        """The same without the entries of open tables that are not kept."""
        ...

    def meaning(self) -> Behaviour:
        """With all entries in terms. Raises Unsupported."""
        ...

    def text(self, opened: Opened, table: OpenTable, row: Row) -> str:
        """The entry that a row comes from, as its format writes it."""
        ...


@dataclass(frozen=True)
class ProgramSide:
    """A program with its rules."""

    program: ir.Program
    rules: RuleSet
    settled: Callable[[Behaviour], Behaviour] = lambda program: program
    """See :attr:`..targets.base.Relation.settled`."""

    def opened(self, at_least: int) -> Opened:
        """See :class:`Side`. Raises NotSuitable as well where copies ask tables that are left open."""
        return self._opened(at_least)

    def in_parts(self, at_least: int, large: int, *, finer: bool = False) -> Opened:
        """Tables that are asked for nothing but what others answer stay in terms: no list of inputs stands for one.
        ``finer``: so do those that are asked for an answer among else."""
        found = self._opened(at_least)
        asked = asked_for_some_answer(found) if finer else asked_for_answers(found)
        behind = frozenset(n for n in asked if len(found.tables[n].entries) < large)
        return self._opened(at_least, behind) if behind else found

    def _opened(self, at_least: int, but: frozenset[str] = frozenset()) -> Opened:
        found = open_tables.opened(self.program, self.rules, at_least, but)
        found = replace(found, behaviour=self.settled(found.behaviour))
        if any(is_pick(t) for one in found.lookups for t in b.applications(one.key, one.guard)):
            raise NotSuitable("what large tables are asked for hangs on what a selector picks")
        return open_one_by_one(found, *groups_of(self.rules))

    def only(self, opened: Opened, kept: Kept) -> ProgramSide:
        """See :class:`Side`."""
        return replace(self, rules=open_tables.only(self.rules, opened, kept))

    def meaning(self) -> Behaviour:
        """See :class:`Side`."""
        return one_by_one(self.settled(meaning(self.program, self.rules)), *groups_of(self.rules))

    def text(self, opened: Opened, table: OpenTable, row: Row) -> str:
        """See :class:`Side`."""
        alone = replace(_NO_RULES, profiles=self.rules.profiles)  # a rule may name a member or a group
        said = describe(open_tables.only(alone, opened, {table.name: [row.origin]}), self.program)
        return said[0] if said else table.name


@dataclass(frozen=True)
class ArtifactSide:
    """An artifact; ``name`` keeps the tables of two artifacts apart."""

    target: Target
    artifact: Any
    name: str = ""

    def opened(self, at_least: int) -> Opened:
        """See :class:`Side`. Raises NotSuitable as well where the target has no tables that can be left open."""
        return self._classifier.opened(self.artifact, at_least, self.name)

    def in_parts(self, at_least: int, large: int, *, finer: bool = False) -> Opened:
        """See :class:`Side`. Raises NotSuitable as well where the target has no such lists."""
        if not isinstance(self.target, ClassifiesInParts):
            raise NotSuitable(f"lists of {self.target.name} are not several")
        return self.target.opened_in_parts(self.artifact, at_least, self.name, finer=finer)

    def only(self, opened: Opened, kept: Kept) -> ArtifactSide:
        """See :class:`Side`."""
        return replace(self, artifact=self._classifier.only(self.artifact, opened, kept))

    def meaning(self) -> Behaviour:
        """See :class:`Side`."""
        return self.target.meaning(self.artifact)

    def text(self, opened: Opened, table: OpenTable, row: Row) -> str:
        """See :class:`Side`."""
        try:
            return self._classifier.entry_text(self.artifact, table.entries[row.origin])
        except Unsupported as error:  # messages may say what the format that people read has no words for
            return f"an entry that is not written out: {error.reason}"

    @property
    def _classifier(self) -> Classifies:
        if not isinstance(self.target, Classifies):
            raise NotSuitable(f"{self.target.name} has no tables that can be left open")
        return self.target


def asked_for_answers(side: Opened) -> frozenset[str]:
    """The tables whose keys are made of nothing but numbers that other tables answer, and constants (or of what nothing
    is known of, where none has answered)."""
    functions = side.answering
    found = set(side.tables)
    for one in side.lookups:
        values = list(_values(one.key))
        answered = any(term.name in functions for term in values if term.op == "apply")
        if not answered or any(term.op == "var" and not is_choice(term) for term in values):
            found.discard(one.table)
    return frozenset(found)


def asked_for_some_answer(side: Opened) -> frozenset[str]:
    """The tables whose keys have a number in them that another table answers."""
    functions = side.answering
    return frozenset(
        one.table
        for one in side.lookups
        if any(term.op == "apply" and term.name in functions for term in _values(one.key))
    )


def _values(key: Term) -> Iterator[Term]:
    """What a key's bits are taken from, whatever decides between them."""
    todo, seen = [key], {key}
    while todo:
        term = todo.pop()
        if term.op in ("var", "apply"):
            yield term
            continue
        args = term.args[1:] if term.op == "ite" else term.args
        todo += [arg for arg in args if arg not in seen]
        seen.update(args)
