"""The blocks of two programs' packages, each against its counterpart: functions of their own, externs uninterpreted
(:mod:`.semantics.arch.blocks`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from .passes_alike import KIND
from .proofs.deciding import Aside
from .proofs.engine import Engine
from .proofs.refine import Outcome, search
from .proofs.verdict import Tally
from .replay import Replay
from .seen_in_runs import BesideBlocks, with_time_left
from .semantics import ir
from .semantics.arch.blocks import EMITTED, BlockMeaning, Emission, Slot, block_meaning, preserved, results_of, slots
from .semantics.arch.opaque import LATER, OpaqueExterns
from .semantics.arch.promises import Promise, promises
from .semantics.meaning.behaviour import Behaviour, Case
from .semantics.meaning.program import ARCHITECTURES
from .semantics.meaning.tables import table_actions
from .semantics.source import Span, Unsupported

if TYPE_CHECKING:
    from .pairs import ProgramPair

MANY_MEETINGS: Final = 2_000
"""Pairs of cases from which on two blocks are not compared before the whole pipelines, where fewer may meet."""


@dataclass(frozen=True)
class Found:
    """What comparing all blocks came to."""

    tally: Tally
    notes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    observables: tuple[str, ...] = ()
    unknown: str = ""
    difference: Replay | None = None
    unsupported: Unsupported | None = None
    turned: bool = False
    """Whether it might be otherwise if loops of parsers were followed further (:attr:`ProgramPair.turns`)."""
    promising: bool = False
    """Whether it might be otherwise if calls of externs do what is said of them (:mod:`.semantics.arch.promises`)."""

    @property
    def equal(self) -> bool:
        """Whether nothing is left that could differ."""
        return self.unsupported is None and self.difference is None and not self.unknown


def compare_blocks(pair: ProgramPair, engine: Engine, rounds: int, aside: Aside | None = None) -> Found:
    """Every block of the package against its counterpart; stops at the first that differs. ``rounds`` and ``aside`` as
    of :func:`search`. What is not supported in one block does not keep the others from being compared."""
    total = Found(Tally())
    try:
        paired = paired_slots(pair)
    except Unsupported as problem:
        return replace(total, unsupported=problem)
    for mine, theirs in paired:
        found = pair.known.get(mine.path) or _compare_or_not(pair, mine, theirs, engine, rounds, aside)
        if not found.unknown and not found.turned and found.unsupported is None:
            pair.known[mine.path] = found
        total = together(total, found)
        if total.difference is not None or (total.unknown and not rounds):
            break
    return total


def _compare_or_not(
    pair: ProgramPair, mine: Slot, theirs: Slot, engine: Engine, rounds: int, aside: Aside | None
) -> Found:
    try:
        return _compare_block(pair, mine, theirs, engine, rounds, aside)
    except Unsupported as problem:
        return Found(Tally(), unsupported=problem)


def together(x: Found, y: Found) -> Found:
    """What comparing some blocks and some others came to."""

    def both(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*first, *second)))

    return Found(
        x.tally + y.tally, both(x.notes, y.notes), both(x.assumptions, y.assumptions),
        both(x.observables, y.observables), x.unknown or y.unknown, x.difference or y.difference,
        x.unsupported or y.unsupported,
    )  # fmt: skip


def paired_slots(pair: ProgramPair) -> list[tuple[Slot, Slot]]:
    """The blocks that the two packages are given, each with its counterpart.

    Raises:
        Unsupported: there is none, or the packages are not given the same beside them.
    """
    where = Span(pair.second.file, 1, 1)
    mine, theirs = slots(pair.first), slots(pair.second)
    enums = {t.name: t for t in pair.first.types if isinstance(t, ir.EnumType)}
    for type_ in pair.second.types:
        if isinstance(type_, ir.EnumType) and enums.get(type_.name, type_).members != type_.members:
            raise Unsupported(f"the two programs declare enum {type_.name} otherwise", where)
    if len(mine) != len(theirs):
        raise Unsupported("the two programs give their package another number of arguments", where)
    for x, y in zip(mine, theirs, strict=True):
        if (x.block is None) != (y.block is None) or x.other != y.other:
            raise Unsupported(f"the two programs give their package another {x.path}", where)
        if x.block is not None and preserved(pair.first, x.block) != preserved(pair.second, y.block or ""):
            raise Unsupported(f"block {x.path}: the two programs put other fields into field lists", where)
    return [(x, y) for x, y in zip(mine, theirs, strict=True) if x.block is not None]


def _compare_block(
    pair: ProgramPair, mine: Slot, theirs: Slot, engine: Engine, rounds: int, aside: Aside | None
) -> Found:
    results = results_of(pair.first, mine.block or "")
    # Where parameters show nothing, extern calls may: these are met when the block is run.
    if results and not pair.exactly and pair.names_say_nothing and _same_block(pair, mine, theirs):
        return Found(Tally(len(results), len(results), 0, len(results)), observables=results)
    found = Found(Tally())
    for promised in (False, True):  # what is the same whatever calls of externs do is so, too, if they keep promises
        found = _block_outcome(pair, mine, theirs, engine, "sequence", rounds, aside, promised)
        if found.difference is not None and any(found.difference.spec.observables) and _emits(found.difference.spec):
            found = _block_outcome(pair, mine, theirs, engine, "bytes", rounds, aside, promised)
        if not rounds or not found.promising or (found.difference is None and not found.unknown):
            break  # without pains the whole pipelines come next
    return found


def _emits(spec: Behaviour) -> bool:
    return any(EMITTED in case.metadata for case in spec.cases)


def _block_outcome(
    pair: ProgramPair, mine: Slot, theirs: Slot, engine: Engine, emission: Emission, rounds: int, aside: Aside | None,
    promised: bool,
) -> Found:  # fmt: skip
    sides = _with_loops_at_once(pair, mine, theirs, emission, promised)
    if isinstance(sides, Sides) and sides.endless:
        alike = search(sides.spec, sides.impl, engine, exactly=pair.exactly, rounds=rounds, most=MANY_MEETINGS)
        if alike.difference is None and not alike.unknown and not alike.empty:
            found = as_found(pair, alike, sides.spec, sides.theirs, sides.what, sides.blocks)
            return replace(found, turned=sides.turned)
        sides = None
    if not isinstance(sides, Sides):
        sides = block_sides(pair, mine, theirs, emission, promised=promised)
    if sides is None:
        return Found(Tally())
    most = None if rounds else MANY_MEETINGS
    ran = False
    if pair.first.arch in ARCHITECTURES or sides.shows_nothing:
        outcome = search(sides.spec, sides.impl, engine, exactly=pair.exactly, rounds=rounds, most=most, aside=aside)
    else:
        outcome, ran = _searched_and_run(pair, sides, engine, rounds)
    if outcome.difference is not None and sides.endless:
        raise Unsupported(sides.endless, Span(pair.second.file, 1, 1))
    if outcome.difference is not None and sides.unsaid:
        said = block_sides(pair, mine, theirs, emission, as_said=True, promised=promised)
        same = _alike_as_said(pair, said, engine) if said is not None else None
        if same is not None:
            return same
        if said is None or not _differ_as_said(pair, said, engine):
            raise Unsupported(sides.unsaid, Span(pair.second.file, 1, 1))
    found = as_found(pair, outcome, sides.spec, sides.theirs, sides.what, sides.blocks)
    if found.difference is not None:
        found = replace(found, difference=replace(found.difference, promised=promised, guessed=ran))
    return replace(found, turned=sides.turned, promising=sides.promising)


def _searched_and_run(pair: ProgramPair, sides: Sides, engine: Engine, rounds: int) -> tuple[Outcome, bool]:
    """What two blocks of a package of the program's own come to, which no whole pipeline decides, and whether random
    runs say so: they show differences beside a long search, and where it ends without an answer."""
    runs, left = BesideBlocks(pair, sides.spec, sides.impl, engine), with_time_left(engine)
    outcome = search(sides.spec, sides.impl, left, exactly=pair.exactly, rounds=rounds, aside=runs)
    if outcome.unknown and outcome.difference is None and runs() and runs.outcome is not None:
        return runs.outcome, True
    return outcome, False


def _alike_as_said(pair: ProgramPair, said: Sides, engine: Engine) -> Found | None:
    """That two blocks do the same, and leave the same behind for methods of which nothing says when they are called, if
    these are not called in between; None if that is not so."""
    outcome = search(said.spec, said.impl, engine, exactly=pair.exactly)
    if outcome.difference is not None or outcome.unknown or outcome.empty:
        return None
    found = as_found(pair, outcome, said.spec, said.theirs, said.what, said.blocks)
    text = f"{said.method}, of which nothing says when it is called, is called when {said.what} is done, if at all"
    return replace(found, turned=said.turned, assumptions=(*found.assumptions, text))


def _differ_as_said(pair: ProgramPair, said: Sides, engine: Engine) -> bool:
    """Whether two blocks differ if methods of which nothing says when they are called are never called."""
    spec, impl = _but_for_later(said.spec), _but_for_later(said.impl)
    return search(spec, impl, engine, exactly=pair.exactly).difference is not None


def _but_for_later(side: Behaviour) -> Behaviour:
    def seen(case: Case) -> Case:
        return replace(case, metadata={n: t for n, t in case.metadata.items() if not n.startswith(LATER)})

    return replace(side, cases=tuple(map(seen, side.cases)))


def _with_loops_at_once(
    pair: ProgramPair, mine: Slot, theirs: Slot, emission: Emission, promised: bool
) -> Sides | None:
    """What two blocks do, with loops that need not be followed; as :func:`block_sides` where there are no loops."""
    try:
        return block_sides(pair, mine, theirs, emission, loops_at_once=True, promised=promised)
    except Unsupported:
        return None


@dataclass(frozen=True)
class Sides:
    """What two blocks do: ``spec``, and ``impl`` in the first program's words; ``theirs`` is that in its own."""

    what: str
    """What reports call the block."""
    blocks: tuple[str, str]
    """Their full names."""
    spec: Behaviour
    impl: Behaviour
    theirs: Behaviour
    turned: bool
    """As :attr:`Found.turned`."""
    endless: str = ""
    """That loops are followed no further, if they are: a difference shows nothing then."""
    method: str = ""
    """One of which nothing says when it is called, and that reads or writes variables of the block, if there is one. A
    difference shows nothing then either, unless it is one without calls of such methods."""

    promising: bool = False
    """As of :class:`BlockMeaning`, of either."""

    @property
    def unsaid(self) -> str:
        """What to say of a difference that hangs on such methods; "" without."""
        if not self.method:
            return ""
        return (
            f"{self.what} differs in what {self.method} may read or write, and nothing says when that method is called"
        )

    @property
    def shows_nothing(self) -> str:
        """Why a difference shows nothing; "" if it does show one."""
        return self.endless or self.unsaid


def block_sides(
    pair: ProgramPair,
    mine: Slot,
    theirs: Slot,
    emission: Emission,
    *,
    loops_at_once: bool = False,
    as_said: bool = False,
    promised: bool = False,
) -> Sides | None:
    """What two blocks do; None if they leave nothing behind. ``loops_at_once``, ``as_said``, ``promised`` as of
    :func:`block_meaning`.

    Raises:
        Unsupported: a block uses what is not modelled, or the two have other parameters; with the place.
    """
    assert mine.block is not None
    assert theirs.block is not None
    first, second = mine.block, theirs.block
    pairing = pair.pairing
    _same_methods(pair, first)
    if promised:
        _same_promises(pair)
    how = partial(
        block_meaning, emission=emission, turns=pair.turns, loops_at_once=loops_at_once, as_said=as_said,
        promised=promised,
    )  # fmt: skip
    left = how(pair.first, first, pair.rules, identity=pairing.first_identity)
    right = how(pair.second, second, pair.second_rules, like=left.interface, identity=pairing.second_identity)
    endless = _same_loops(pair, mine, left, right)
    if left.interface.widths != right.interface.widths:
        raise Unsupported(f"block {mine.path}: the parameters of the two programs differ", Span(pair.second.file, 1, 1))
    if not any(case.outputs or case.metadata for case in (*left.behaviour.cases, *right.behaviour.cases)):
        return None
    spec, impl = pair.restricted(left.behaviour), pair.restricted(pairing.in_first_words(right.behaviour))
    turned = left.turned or right.turned
    method = next(iter((*left.at_any_time, *right.at_any_time)), "")
    promising = left.promising or right.promising
    return Sides(f"block {mine.path}", (first, second), spec, impl, right.behaviour, turned, endless, method, promising)


def _same_loops(pair: ProgramPair, mine: Slot, left: BlockMeaning, right: BlockMeaning) -> str:
    """What to say of a difference between two blocks with loops that are followed no further; "" if they have none.

    Raises:
        Unsupported: such loops of the two are not known to do the same.
    """
    if not left.loops and not right.loops:
        return ""
    if left.loops != right.loops or (pair.exactly and left.loops_chosen):
        text = f"a loop that does not end in block {mine.path}, one turn of which is not known to do the same in both"
        raise Unsupported(text, Span(pair.second.file, 1, 1))
    return f"a loop that does not end in block {mine.path}, before or behind which the two programs differ"


def _same_promises(pair: ProgramPair) -> None:
    """Raises Unsupported where the programs annotate an extern otherwise, so that it is not known what its calls do."""
    mine, theirs = promises(pair.first), promises(pair.second)
    for signature in mine.keys() & theirs.keys():
        if mine[signature] != theirs[signature]:
            extern, method, _ = signature
            text = f"extern {'.'.join(filter(None, (extern, method)))} is {_annotated(theirs[signature])} here, "
            raise Unsupported(f"{text}{_annotated(mine[signature])} in the first program", Span(pair.second.file, 1, 1))


def _annotated(promise: Promise) -> str:
    return f"@{promise}" if promise else "neither @pure nor @noSideEffects"


def _same_methods(pair: ProgramPair, block: str) -> None:
    """Raises Unsupported where the programs give an extern object that ``block`` may get at (one that no other block
    of the package declares) methods that are not known to do the same."""
    mine, theirs = (OpaqueExterns(i) for i in (pair.pairing.first_identity, pair.pairing.second_identity))
    packages = [slot.block for slot in slots(pair.first) if slot.block is not None]
    for other, name in pair.pairing.instances.items():
        if max((p for p in packages if name.startswith(f"{p}.")), key=len, default=block) != block:
            continue
        instance = pair.second.instance(other)
        if instance.methods or pair.first.instance(name).methods:
            x, y = mine.known_as(pair.first, name), theirs.known_as(pair.second, other)
            if x.rpartition(" with ")[2] != y.rpartition(" with ")[2]:
                text = f"extern {instance.extern} whose methods the program defines: not known to be the same in both"
                raise Unsupported(text, instance.span)
            if pair.exactly and mine.methods_choose(pair.first, name):
                text = f"extern {instance.extern} whose methods the program defines: they read what is not defined"
                raise Unsupported(text, instance.span)


def _same_block(pair: ProgramPair, mine: Slot, theirs: Slot) -> bool:
    """Whether a block, and all that it may use, is the same p4ast in both programs: then so is what it does."""
    a, c, first = pair.first, pair.second, mine.block
    if first != theirs.block or a.match_kinds != c.match_kinds:
        return False
    packages = {slot.block for slot in slots(a)}

    def used(program: ir.Program) -> tuple[object, ...]:
        parsers = [p for p in program.parsers if p.name == first or p.name not in packages]
        controls = [_with_defaults(c) for c in program.controls if c.name == first or c.name not in packages]
        return (parsers, controls, program.functions, program.actions, program.instances)

    try:
        return used(a) == used(c)
    except RecursionError:  # nested too deeply to be compared like this
        return False


def _with_defaults(control: ir.Control) -> ir.Control:
    """``control`` with the default actions of its tables in their lists, where a compiler puts them if they lack."""
    return replace(control, tables=tuple(replace(t, actions=table_actions(t)) for t in control.tables))


def as_found(
    pair: ProgramPair, outcome: Outcome, spec: Behaviour, impl: Behaviour, what: str,
    blocks: tuple[str, str] | None = None,
) -> Found:  # fmt: skip
    notes = tuple(dict.fromkeys((*spec.notes, *impl.notes)))
    assumptions = tuple(dict.fromkeys(a.text for side in (spec, impl) for a in (*side.domain, *side.reaching)))
    found = Found(outcome.tally, notes, assumptions, spec.observables, outcome.unknown)
    if outcome.difference is not None:
        later = outcome.difference.model.values.get(KIND.name, 0) != 0
        return replace(found, difference=Replay(pair, outcome, spec, impl, what, blocks, shrink=not later))
    return found
