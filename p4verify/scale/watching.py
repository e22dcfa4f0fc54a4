"""A pair whose rules and entries come and go, checked after every change (``p4verify watch``).

As long as the pair stands (:mod:`.standing`), a change is compared where it changes something. What cannot be told that
way, and what may make a difference, is a matter of the whole check, after which the pair stands again if it is
accepted.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..proofs.engine import Engine
from ..proofs.verdict import Proof
from ..semantics import ir
from ..semantics.classifier import TooHard
from ..semantics.meaning.opened import NotSuitable
from ..semantics.rules.ruleset import RuleSet
from ..semantics.source import InputError, Span
from ..targets.base import Classifies, KeepsEntries, Target
from .check import OPEN_FROM, Large, LargePair
from .kept_rules import KeptRules
from .standing import Change, NotAccepted, Standing

CHANGE: Final = "change"
WHOLE: Final = "whole"
"""How a change was checked."""


@dataclass(frozen=True)
class Asked:
    """Texts of what comes and goes on one side, in the format of the side's file."""

    add: Sequence[str] = ()
    remove: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """A verdict, how it was found (:data:`CHANGE` or :data:`WHOLE`), and in what time."""

    proof: Proof
    how: str
    seconds: float


class WatchedSide(ABC):
    """One side: what is there, and how a change of it is read."""

    def __init__(self, number: int) -> None:
        self.number = number

    def changes(self, asked: Asked, place: Span) -> list[Change]:
        """Make changes here, and say what they are to :class:`.Standing`. ``place``: where they are asked for.

        Raises:
            InputError: what goes is not there, what comes is, or a text is none of an entry.
        """
        found = []
        for come, texts in ((False, asked.remove), (True, asked.add)):
            for text in texts:
                try:
                    found += [self._made(entry, come) for entry in self._read(text, place.file)]
                except ValueError as error:
                    raise InputError.at(place, f"{error}: {text}") from None
                except InputError as error:
                    raise InputError.at(place, f"{error.diagnostics[0].message}: {text}") from None
        return found

    @abstractmethod
    def _read(self, text: str, file: str) -> Sequence[Any]: ...

    @abstractmethod
    def _made(self, entry: Any, come: bool) -> Change: ...


class RulesSide(WatchedSide):
    """A program's rules; ``lowest``: whether the lowest priority wins in their format."""

    def __init__(self, number: int, program: ir.Program, rules: RuleSet, *, lowest: bool) -> None:
        super().__init__(number)
        self.program = program
        self._kept = KeptRules(program, rules, lowest=lowest)

    @property
    def rules(self) -> RuleSet:
        """As they are now."""
        return self._kept.rules

    def _read(self, text: str, file: str) -> Sequence[Any]:
        return self._kept.read(text, file)

    def _made(self, entry: Any, come: bool) -> Change:
        if come:
            return Change(self.number, entry.table, entry, before=self._kept.add(entry))
        return Change(self.number, entry.table, self._kept.remove(entry), comes=False)


class ArtifactSide(WatchedSide):
    """An artifact's entries. Raises InputError for a target whose entries do not come and go one by one."""

    def __init__(self, number: int, target: Target, artifact: Any, path: str) -> None:
        super().__init__(number)
        if not isinstance(target, KeepsEntries) or not isinstance(target, Classifies):
            text = f"is an artifact of {target.name}, whose entries do not come and go one by one"
            raise InputError.at(Span(path, 0, 0), text)
        self.target: Target = target
        self._keeps: KeepsEntries = target
        self._kept = target.kept(artifact)
        self._first = artifact
        self.path = path

    @property
    def artifact(self) -> Any:
        """As it is now."""
        return self._keeps.having(self._first, self._kept.entries)

    def _read(self, text: str, file: str) -> Sequence[Any]:
        found = self._keeps.entries_in(self.target.read(text.encode(), file), self._first)
        if not found:
            raise ValueError("there is no entry in it")
        return found

    def _made(self, entry: Any, come: bool) -> Change:
        made = self._kept.add(entry) if come else self._kept.remove(entry)
        return Change(self.number, self._keeps.list_of(made), made, come)


Otherwise = Callable[[], Proof]
"""The check that takes any pair, without tables left open."""


class Watched:
    """The pair.

    Args:
        sides: the program's rules and an artifact, or two artifacts.
        engine: makes what a whole check is done with.
        otherwise: see :data:`Otherwise`; of the sides as they are.
        machines_confirm: whether counterexamples are run on real machines.
        open_from: tables of so many entries are left open.
    """

    def __init__(
        self,
        sides: tuple[RulesSide | ArtifactSide, ArtifactSide],
        engine: Callable[[], Engine],
        otherwise: Otherwise,
        *,
        machines_confirm: bool = True,
        open_from: int = OPEN_FROM,
    ) -> None:
        self._sides = sides
        self._engine = engine
        self._otherwise = otherwise
        self._machines_confirm = machines_confirm
        self._open_from = open_from
        self._standing: Standing | None = None

    def whole(self) -> Answer:
        """Check the pair as it is."""
        started = time.monotonic()
        self._standing = None
        try:
            self._standing = Standing(self._pair(), self._engine())
            proof = self._standing.proof
        except NotAccepted as error:
            proof = error.proof
        except NotSuitable as error:
            proof = self._otherwise()
            proof = replace(proof, warnings=(*proof.warnings, f"all entries were put into terms at once ({error})"))
        return Answer(proof, WHOLE, time.monotonic() - started)

    def change(self, asked: Mapping[int, Asked], place: Span) -> Answer:
        """Make changes on the sides, all at once, and check. ``asked``: by the sides' numbers; ``place``: where.

        Raises:
            InputError: see :meth:`WatchedSide.changes`. The sides are as far changed as they were when it was found.
        """
        started = time.monotonic()
        changes = [one for side in self._sides for one in side.changes(asked.get(side.number, Asked()), place)]
        why = "the pair was not accepted before"
        if self._standing is not None:
            before = self._standing.proof
            try:
                differences = self._standing.changed(changes)
            except (NotSuitable, TooHard, ValueError) as error:
                why = str(error)
            else:
                if not differences:
                    reason = f"as before, with {len(changes)} changes compared where they change something"
                    taken = time.monotonic() - started
                    return Answer(replace(before, reason=reason, seconds=taken), CHANGE, taken)
                why = f"{len(differences)} regions may differ"
        answer = self.whole()
        proof = replace(answer.proof, warnings=(*answer.proof.warnings, f"checked as a whole: {why}"))
        return Answer(proof, WHOLE, time.monotonic() - started)

    def _pair(self) -> Large | LargePair:
        first, second = self._sides
        if isinstance(first, RulesSide):
            return Large(first.program, first.rules, second.target, second.artifact, self._machines_confirm,
                         self._open_from)  # fmt: skip
        pair = (first.target, first.artifact), (second.target, second.artifact)
        return LargePair(*pair, self._machines_confirm, self._open_from)
