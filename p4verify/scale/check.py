"""The check of a large rule set against a large artifact, and of two large artifacts (``docs/scale.md``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..confirm import Pair, confirm
from ..impossible import without_the_impossible
from ..proofs.choices import left_open
from ..proofs.engine import Engine
from ..proofs.itself import unlike_itself
from ..proofs.refine import Outcome
from ..proofs.verdict import Proof, Region, Tally, Verdict
from ..semantics import bits as b
from ..semantics import ir
from ..semantics.classifier import TooHard
from ..semantics.meaning.behaviour import Assumption, Behaviour
from ..semantics.meaning.members import by_port
from ..semantics.meaning.opened import NotSuitable, Opened, OpenTable
from ..semantics.rules.ruleset import RuleSet
from ..targets.base import Relation, Target
from .compared import LISTED
from .investigate import Found, Investigator
from .joined import hangs_together, joined
from .pinned import NotPinned, Pinned, pinned
from .settle import Region as Place
from .settle import Settlement
from .sides import ArtifactSide, Kept, ProgramSide, Side
from .unread import without_the_unread

OPEN_FROM: Final = 256
"""Tables of so many rules are left open."""
ALONG: Final = 16
"""... and so are those of so many, beside one of :data:`OPEN_FROM`, where that decides."""
GUESS: Final = 0.5
"""The part of the time for a way to compare of which it is not plain that it is one."""
MOST: Final = 100
"""Regions that are searched for a packet."""
FEW: Final = 10
"""... where tables have more differences than are listed."""


@dataclass(frozen=True)
class Large:
    """A program with many rules, and an artifact with many entries."""

    program: ir.Program
    rules: RuleSet
    target: Target
    artifact: Any
    machines_confirm: bool = True
    open_from: int = OPEN_FROM

    @property
    def sides(self) -> tuple[ProgramSide, ArtifactSide]:
        """Both."""
        settled = self.target.relate(self.program, self.artifact, self.rules).settled
        return ProgramSide(self.program, self.rules, settled), ArtifactSide(self.target, self.artifact)


@dataclass(frozen=True)
class LargePair:
    """Two artifacts with many entries."""

    first: tuple[Target, Any]
    second: tuple[Target, Any]
    machines_confirm: bool = True
    open_from: int = OPEN_FROM
    may: bool = False
    """Whether the first may choose what it leaves to the machine; else neither may leave anything."""

    @property
    def sides(self) -> tuple[ArtifactSide, ArtifactSide]:
        """Both."""
        return ArtifactSide(*self.first, name="first."), ArtifactSide(*self.second, name="second.")

    @property
    def ways(self) -> tuple[LargePair, LargePair]:
        """Each as what the other may do."""
        return replace(self, may=True), replace(self, first=self.second, second=self.first, may=True)


class LeavesOpen(Exception):
    """An artifact leaves something to the machine: the reasons."""


def check_large(large: Large | LargePair, engine: Engine, started: float) -> Proof:
    """The verdict, with every region on which the two differ.

    Raises:
        NotSuitable: it cannot be checked like this.
        LeavesOpen: two artifacts of which one leaves something open, and neither may choose.
        Unsupported: see :func:`..semantics.meaning.program.meaning` and the target's.
    """
    return checked(large, engine, started)[0]


def checked(large: Large | LargePair, engine: Engine, started: float) -> tuple[Proof, Settlement | None]:
    """:func:`check_large`, and what was found of the tables if it is accepted: with regions on which their rows differ,
    if these were seen to make no difference."""
    ways = _ways_to_open(large)
    for way in ways[:-1]:
        try:
            found = _checked(large, way, way.engine(engine), started)
        except NotSuitable:
            continue
        if found[0].verdict is not Verdict.UNDECIDED:
            return found
    return _checked(large, ways[-1], engine, started)


@dataclass(frozen=True)
class _Way:
    """One way to compare."""

    opened: Callable[[], tuple[Opened, Opened]]
    """Both sides, with these tables left open."""
    joined: bool = False
    """Whether tables that are asked for what others answer are joined with these."""
    share: float = 1.0
    """The part of the time that is left that it may take, if others follow."""

    def engine(self, whole: Engine) -> Engine:
        """For this way."""
        if whole.deadline is None or self.share == 1:
            return whole
        now = time.monotonic()
        return replace(whole, deadline=now + self.share * max(0.0, whole.deadline - now))


def _ways_to_open(large: Large | LargePair) -> list[_Way]:
    """Which tables are left open, the likeliest way to decide first: those of some size along with the large ones,
    unless only the large ones are as many on both sides (then they stand for each other one by one). Where frames are
    copied an artifact may have a table for each copy, so it may have more of them. Before all others, where just one
    side's keys hang on answers, its tables are joined; then come the lists of which an artifact's are made. But where
    those of an artifact hang on answers only because of small tables, which the program has none of (for the colours of
    meters, say), these are left in terms first."""
    along = _opened_along(large)
    plain = [_Way(one) for one in _which_to_open(large, along)]
    if along is None:
        return plain
    parts = _opened_in_parts(large, along)
    in_parts = [] if parts is None else [_Way(lambda: parts, share=GUESS)]
    hanging = [hangs_together(side) for side in along]
    if hanging[0] == hanging[1]:
        return [*plain, *in_parts] if _are_as_many(along) else [*in_parts, *plain]
    guesses = [_Way(lambda: along, joined=True), *in_parts]
    if hanging[1] and _stand_for_each_other(plain[0].opened()):
        return [replace(plain[0], share=GUESS), *guesses, *plain[1:]]
    return [*guesses, *plain]


def _which_to_open(
    large: Large | LargePair, along: tuple[Opened, Opened] | None
) -> list[Callable[[], tuple[Opened, Opened]]]:

    def the_large() -> tuple[Opened, Opened]:
        return _opened(large, large.open_from)

    if along is None:
        return [the_large]
    if all(_is_large(large, table) for one in along for table in one.tables.values()):
        return [lambda: along]
    if _are_as_many(along) or _has_them_for_copies(along):
        return [lambda: along, the_large]
    try:
        plain = the_large()
    except NotSuitable:
        return [lambda: along]
    return [lambda: plain, lambda: along] if _are_as_many(plain) else [lambda: along, lambda: plain]


def _are_as_many(sides: tuple[Opened, Opened]) -> bool:
    return len(sides[0].tables) == len(sides[1].tables)


def _stand_for_each_other(sides: tuple[Opened, Opened]) -> bool:
    return _are_as_many(sides) and not any(map(hangs_together, sides))


def _has_them_for_copies(sides: tuple[Opened, Opened]) -> bool:
    return bool(sides[0].copied_to) and len(sides[0].tables) < len(sides[1].tables)


def _opened_along(large: Large | LargePair) -> tuple[Opened, Opened] | None:
    """Both sides with the tables open that are of some size, if each has a large one as well and that is possible."""
    try:
        sides = _opened(large, min(ALONG, large.open_from))
    except NotSuitable:
        return None
    each = all(any(_is_large(large, table) for table in one.tables.values()) for one in sides)
    return sides if each else None


def _opened_in_parts(large: Large | LargePair, along: tuple[Opened, Opened]) -> tuple[Opened, Opened] | None:
    """The same with the lists open that an artifact's are made of, if there are more of these and they may stand for
    several tables. That a list ends where entries look at fewer of the same fields is the worse guess: it is made where
    else there are no more of them, if there are then as many as tables."""
    if len(along[0].tables) < 2:
        return None
    plain = _in_parts(large, along)
    if plain is not None:
        return plain
    finer = _in_parts(large, along, finer=True)
    return finer if finer is not None and _are_as_many(finer) else None


def _in_parts(
    large: Large | LargePair, along: tuple[Opened, Opened], *, finer: bool = False
) -> tuple[Opened, Opened] | None:
    first, second = large.sides
    at_least = min(ALONG, large.open_from)
    try:
        theirs = second.in_parts(at_least, large.open_from, finer=finer)
        if len(theirs.tables) <= len(along[1].tables):
            return None
        return _ready(first.in_parts(at_least, large.open_from, finer=finer), theirs)
    except NotSuitable:
        return None


def _is_large(large: Large | LargePair, table: OpenTable) -> bool:
    return len(table.entries) >= large.open_from


def _opened(large: Large | LargePair, at_least: int) -> tuple[Opened, Opened]:
    first, second = (side.opened(at_least) for side in large.sides)
    return _ready(first, second)


def _ready(first: Opened, second: Opened) -> tuple[Opened, Opened]:
    """Both sides, where frames are copied by the ports that the first copies to."""
    ports = first.copied_to
    if not ports:
        return first, second
    return _by_port(first, ports), _by_port(second, ports)


def _by_port(one: Opened, ports: frozenset[int]) -> Opened:
    return replace(one, behaviour=by_port(one.behaviour, ports))


def _checked(large: Large | LargePair, way: _Way, engine: Engine, started: float) -> tuple[Proof, Settlement | None]:
    opened = way.opened()
    if isinstance(large, LargePair) and not large.may:
        reasons = left_open(*(one.behaviour for one in opened))
        if reasons:
            raise LeavesOpen(*reasons)
    if opened[0].copied_to:
        possible = without_the_impossible(opened[1].behaviour, engine)
        opened = opened[0], replace(opened[1], behaviour=possible)
    opened = without_the_unread(opened[0], engine), without_the_unread(opened[1], engine)
    for name, law in (law for side in opened for law in side.laws):
        if engine.satisfiable(b.not_(law), name).status != "unsat":
            raise NotSuitable(f"that rows say what the artifact says is not proven: {name}")
    for one in opened:
        unlike = unlike_itself(one.behaviour, "a side", engine, started)
        if unlike is not None:
            return unlike, None
    compared = (joined(opened[0]), joined(opened[1])) if way.joined else opened
    check = _Check(large, *opened, engine, started, compared)
    proof = check.run()
    return proof, check.settlement if proof.verdict is Verdict.ACCEPT else None


@dataclass
class _Check:
    large: Large | LargePair
    mine: Opened
    theirs: Opened
    engine: Engine
    started: float
    compared: tuple[Opened, Opened]
    """Both sides, as their tables are compared."""

    def __post_init__(self) -> None:
        self.settlement = Settlement(*self.compared, self.engine, exactly=self.exactly)

    def run(self) -> Proof:
        try:
            outcome = self.settlement.settle()
        except TooHard as error:
            return self._proof(Verdict.UNDECIDED, f"a rule's region has too many parts ({error.row})")
        # a difference that is left is not a matter of what the tables answer
        regions = self.settlement.regions() if outcome.difference is None else [Place(b.TRUE)]
        cut = next((one for one in self.settlement.lists if one.cut), None)
        confirmed, unclear = self._searched(regions[: MOST if cut is None else FEW])
        if confirmed:
            return self._rejected(confirmed, len(regions))
        if cut is not None:
            tables = f"{cut.kinds.first.name} and {cut.kinds.second.name}"
            unclear = f"the rows of {tables} differ in more than {LISTED} places, and none of the first ones is seen"
        if len(regions) > MOST:
            unclear = unclear or f"{len(regions)} regions could differ, and none of the first {MOST} does"
        unclear = unclear or outcome.unknown or outcome.empty
        if outcome.difference is not None:
            unclear = unclear or "a difference was found that is none; please report this"
        if unclear:
            return self._proof(Verdict.UNDECIDED, unclear, outcome)
        return self._proof(Verdict.ACCEPT, self._accepted(outcome), outcome)

    def _searched(self, regions: Sequence[Place]) -> tuple[list[tuple[Region, Proof]], str]:
        """The differences in regions that were confirmed, and why others are not decided."""
        facts, parts = self.settlement.facts(), self.settlement.parts()
        investigator = Investigator(*self.sides, self.engine, exactly=self.exactly, facts=facts, parts=parts)
        confirmed: list[tuple[Region, Proof]] = []
        unclear = ""
        for region in regions:
            answer = self._of_region(investigator, region)
            if not isinstance(answer, tuple):
                unclear = unclear or answer or ""
                continue
            found, proof = answer
            if proof.verdict is Verdict.REJECT:
                confirmed.append((self._told(investigator, found, proof), proof))
            else:
                unclear = unclear or proof.reason
        return confirmed, unclear

    def _of_region(self, investigator: Investigator, region: Place) -> tuple[Found, Proof] | str | None:
        """What :meth:`.Investigator.search` says; with what is found, the proof that comes of running it."""
        at_once = investigator.at_once(region.inside, region.known) if region.known else None
        if at_once is not None:
            proof = self._confirm(investigator, at_once)
            if proof.verdict is Verdict.REJECT:
                return at_once, proof
        found = investigator.search(region.inside, region.known) if region.known else None
        if not isinstance(found, Found):
            found = investigator.search(region.condition)
        return (found, self._confirm(investigator, found)) if isinstance(found, Found) else found

    def _confirm(self, investigator: Investigator, found: Found) -> Proof:
        """Both sides with just the entries that the packet meets, run on it."""
        try:
            met = pinned(self.sides, found.model, found.keys)
        except NotPinned as error:
            return self._proof(Verdict.UNDECIDED, f"a difference was found but could not be confirmed: {error}")
        kept = self._kept(investigator, met)
        left, right = self.large.sides
        first, second = left.only(self.mine, kept[0]), right.only(self.theirs, kept[1])
        spec = first.meaning()
        just_these = Assumption("just these entries match", met.condition)
        limited = replace(spec, domain=(*spec.domain, just_these))
        pair = _pair(first, second, limited, self.large.machines_confirm, not self.exactly)
        outcome = replace(found.outcome, spec=pair.spec, impl=pair.impl)
        return confirm(pair, outcome, self.started)

    def _kept(self, investigator: Investigator, met: Pinned) -> tuple[Kept, Kept]:
        """By table of each side the entries that are met; none of a table that is not asked."""
        kept: tuple[dict[str, list[int]], ...] = tuple({name: [] for name in side.tables} for side in self.sides)
        for side, one, key in met.keys:
            kept[side][one.table] += [row.origin for row in investigator.rows(side, one.table, key) if row.origin >= 0]
        return kept[0], kept[1]

    def _told(self, investigator: Investigator, found: Found, proof: Proof) -> Region:
        """The rules and entries that decide the packet."""
        assert proof.counterexample is not None
        told: tuple[dict[str, None], dict[str, None]] = ({}, {})
        for side, one, key in found.keys:
            if not found.model.holds(one.guard):
                continue
            row = investigator.rows(side, one.table, key)[0]
            table = self.sides[side].tables[one.table]
            if row.origin < 0:
                told[side][f"{one.table}: {table.templates[row.decision[0]].name}"] = None
            else:
                text = self.large.sides[side].text(self.sides[side], table, row)
                told[side][f"{text} ({table.where(row)})"] = None
        rules, entries = told
        seen = proof.counterexample
        return Region(tuple(rules), tuple(entries), seen.packet, seen.port, proof.reason)

    @property
    def sides(self) -> tuple[Opened, Opened]:
        return self.mine, self.theirs

    @property
    def exactly(self) -> bool:
        """Neither of two artifacts may choose."""
        return isinstance(self.large, LargePair) and not self.large.may

    # --- verdicts ---------------------------------------------------------------------------------------------------

    def _rejected(self, confirmed: list[tuple[Region, Proof]], regions: int) -> Proof:
        told = tuple(dict.fromkeys(region for region, _ in confirmed))
        cut = any(one.cut for one in self.settlement.lists)
        searched = FEW if cut else MOST
        count = f"more than {regions}" if cut else str(regions)
        unseen = f" (the first {searched} of {count} that were found)" if regions > searched else ""
        reason = f"differs in {len(told)} region{'s' * (len(told) != 1)}{unseen}; {confirmed[0][1].reason}"
        return replace(confirmed[0][1], reason=reason, regions=told, seconds=time.monotonic() - self.started)

    def _accepted(self, outcome: Outcome) -> str:
        rules, entries = (sum(len(t.entries) for t in side.tables.values()) for side in self.sides)
        single = sum(one.comparison.looked_at for one in self.settlement.lists if one.comparison is not None)
        large = self.large
        who, kind = (
            (f"{large.target.name} does what is asked", "rules")
            if isinstance(large, Large)
            else (f"{large.first[0].name} and {large.second[0].name} do the same", "entries")
        )
        return (
            f"{who}, for every packet: {outcome.tally.compared} observables compared with the large tables left open; "
            f"{rules} {kind} and {entries} entries compared by regions, {single} rows one by one"
        )

    def _proof(self, verdict: Verdict, reason: str, outcome: Outcome | None = None) -> Proof:
        tally = outcome.tally if outcome is not None else Tally()
        notes = (*self.mine.behaviour.notes, *self.theirs.behaviour.notes)
        assumptions = tuple(a.text for side in self.sides for a in side.behaviour.domain)
        seconds = time.monotonic() - self.started
        return Proof(verdict, reason, tally, seconds=seconds, assumptions=tuple(dict.fromkeys(assumptions)),
                     observables=self.mine.behaviour.observables, warnings=tuple(dict.fromkeys(notes)))  # fmt: skip


def _pair(first: Side, second: ArtifactSide, spec: Behaviour, machines_confirm: bool, may: bool) -> Pair:
    """What is run to confirm a difference."""
    impl = second.meaning()
    if isinstance(first, ProgramSide):
        return Pair(first.program, first.rules, spec, impl, second.target, second.artifact, Relation(),
                    machines_confirm)  # fmt: skip
    assert isinstance(first, ArtifactSide)
    return Pair(None, None, spec, impl, second.target, second.artifact, Relation(), machines_confirm,
                first.target, first.artifact, may=may)  # fmt: skip
