"""One P4 program against another of the same architecture: block by block, and if that does not do as a whole.

Blocks whose architecture is not known, or which differ though the whole may not, are functions of their own
(:mod:`.semantics.arch.blocks`); externs then stay uninterpreted. That proves equality for every architecture. A
difference between blocks is one of the programs only where the program brought its package along; in a known
architecture the whole pipeline decides.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

from . import across
from .action_order import in_first_order
from .assertions import vacuous, verdict_of_nothing, with_faults
from .attached import one_of_each_name, same_tables
from .by_frames import ByFrames
from .by_runs import ByRuns
from .drawing import LAST_SECONDS, Beside
from .loops import loops
from .mapping import NOTHING_SAID, ProgramMap
from .no_rules_shown import no_rules_do
from .own_entries import other_entries, same_registers, second_content, with_other_entries
from .pair_blocks import Found, compare_blocks
from .pairing import Pairing, pair_programs
from .proofs.answers import OUT_OF_TIME
from .proofs.choices import IMPL
from .proofs.engine import Engine
from .proofs.refine import NOTHING_COMPARED
from .proofs.verdict import Proof, Verdict
from .proofs.with_choices import ROUNDS
from .replay import Replay, confirm_pair
from .restrictions import Restrictions
from .seen_in_runs import with_time_left
from .semantics import ir
from .semantics.arch.base import OtherPackage
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.bounds import Bounds
from .semantics.meaning.machine import FOLLOWED_SO_FAR
from .semantics.meaning.program import ARCHITECTURES, Run, meaning
from .semantics.rules.build import program_rules
from .semantics.rules.ruleset import RuleSet
from .semantics.source import OutOfTime, Span, Unsupported
from .unseen_results import compare_but_unseen
from .whole_pipelines import accepted, compare_whole

FEW_TURNS: Final = 4
"""Turns of loops among which a difference is looked for first."""

MOST_OUTPUTS: Final = 1_000_000
"""Of what all packets can become (:func:`.meaning`): more take gigabytes of memory, and longer than anybody waits."""

MOST_OUTPUTS_OF_A_FRAME: Final = 20_000
"""The same of one frame: a switch that copies to groups has half a million and takes a minute for one frame, of which
programs with some hundred take a tenth of a second."""

CORE_ERRORS: Final = ("NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort", "ParserTimeout",
                      "ParserInvalidArgument")  # fmt: skip
"""Errors that every parser may meet, also of a program without ``core.p4``."""


@dataclass
class ProgramPair:
    """A program, another one, and how they are compared.

    Args:
        first: the program that says what is right.
        second: the other.
        rules: of the first program; None for every rule set.
        exactly: no undefined value may matter, on either side.
        own_entries: see below.
    """

    first: ir.Program
    second: ir.Program
    rules: RuleSet | None = None
    exactly: bool = False
    assumed: ir.Program | None = None
    """The first program with what the user assumes in it (:mod:`.assumptions`); the whole pipeline is compared so."""
    restrictions: Restrictions | None = None
    """What holds of every entry that the control plane may install in the first program."""
    own_entries: bool = False
    """Whether each program's own entries count as its rules, those of ``rules`` being the first one's."""
    said: ProgramMap = NOTHING_SAID
    """What a user says of how the two correspond."""
    content: RuleSet | None = None
    """The second program's rules, where they do not follow from the first one's ``rules``."""
    turns: int | None = None
    """How often loops are followed; None for as often as they are at all."""
    until: float | None = None
    """When whole pipelines are given up, as of ``time.monotonic()``."""
    known: dict[str, Found] = field(default_factory=dict, init=False)
    """What comparing blocks came to, by their place in the package, where it does not depend on :attr:`turns`."""
    pairing: Pairing = field(init=False)
    frames: ByFrames = field(init=False, repr=False)
    """Frames on which whole pipelines are compared, one by one; the same for whatever :attr:`turns` are."""
    runs: ByRuns = field(init=False, repr=False)
    """Random runs of whole pipelines."""

    def __post_init__(self) -> None:
        errors = tuple(dict.fromkeys((*self.first.errors, *self.second.errors, *CORE_ERRORS)))
        self.first, self.second = replace(self.first, errors=errors), replace(self.second, errors=errors)
        if self.assumed is not None:
            self.assumed = replace(self.assumed, errors=errors)
        self.second = in_first_order(pair_programs(self.first, self.second, self.said))
        self.pairing = pair_programs(self.first, self.second, self.said)
        self.frames = ByFrames(self)
        self.runs = ByRuns(self)

    @property
    def across(self) -> bool:
        """Whether the two are of different architectures."""
        return self.first.arch != self.second.arch

    def inputs_of_a_run(self, side: Literal["first", "second"], values: Mapping[str, int]) -> dict[str, int]:
        """The inputs of one of the two when it is run alone on a model's values, beside what it has in common with the
        other."""
        if not self.across:
            return {}
        mine = side == "first"
        program, said = (self.first, self.said.inputs[0]) if mine else (self.second, self.said.inputs[1])
        passes = self.pairing.passes[0 if mine else 1]
        return across.inputs_of_a_run(program, passes, said, values, "" if mine else IMPL)

    def seen(self, ran: Run) -> Run:
        """Of what a run of one of the two did, what is compared, in the first's words."""
        return across.seen(ran, self.pairing, self.said) if self.across else ran

    def restricted(self, side: Behaviour) -> Behaviour:
        """A behaviour in the first program's words, with what holds of every rule set."""
        unknown = self.restrictions is not None and self.rules is None
        return self.restrictions.restricted(side) if unknown and self.restrictions is not None else side

    def unread(self) -> tuple[str, ...]:
        """Restrictions that are not understood."""
        return tuple(self.restrictions.notes) if self.restrictions is not None and self.rules is None else ()

    @property
    def names_say_nothing(self) -> bool:
        """Whether tables whose p4ast is the same have the same rules: neither a user nor annotations, which are no part
        of a comparison of p4ast, give them other ones."""
        return not self.said.renames and not self.pairing.value_sets.problems and self.pairing.in_order

    @property
    def second_rules(self) -> RuleSet | None:
        """The rules in the second program's names."""
        if self.content is not None:
            return self.content
        if self.own_entries:
            return program_rules(self.second)
        return self.pairing.second_rules(self.rules) if self.rules is not None else None

    @cached_property
    def pipelines(self) -> tuple[Behaviour, Behaviour, Behaviour]:
        """What the two do to packets: the second one in the first one's words, and in its own as well; made once, for
        drawing inputs while blocks are compared and for comparing the whole."""
        return self.on_frame(None)

    def on_frame(self, frame: bytes | None) -> tuple[Behaviour, Behaviour, Behaviour]:
        """The same on one frame (None: on any); one frame that can become too many is not gone on with."""

        def whole(program: ir.Program, rules: RuleSet | None) -> Behaviour:
            bounds = Bounds(MOST_OUTPUTS if frame is None else MOST_OUTPUTS_OF_A_FRAME, self.until)
            return meaning(program, rules, self.turns, meters_kept=True, frame=frame, bounds=bounds)

        spec = whole(self.assumed or self.first, self.rules)
        theirs = with_faults(whole(self.second, self.second_rules))
        impl = self.pairing.in_first_words(theirs)
        return self.restricted(spec), self.restricted(impl), theirs


def check_pair(pair: ProgramPair, engine: Engine, started: float) -> Proof:
    """Whether the second program does what the first one allows.

    Raises:
        Unsupported: a program uses what is not modelled, or the two cannot be compared; with the place.
    """
    same_tables(pair.pairing)
    one_of_each_name(pair.pairing)
    pair.until = engine.deadline
    try:
        proof = _proven(pair, with_time_left(engine), started)
    except OutOfTime:
        return Proof(Verdict.UNDECIDED, OUT_OF_TIME, seconds=time.monotonic() - started)
    shown = None
    if proof.verdict is Verdict.UNDECIDED and not pair.across:
        with suppress(OutOfTime):
            shown = pair.runs.reject(engine, started, LAST_SECONDS)
    return proof if shown is None else shown


def _proven(pair: ProgramPair, engine: Engine, started: float) -> Proof:
    try:
        proof = _with_own_entries(pair, engine, started)
        if proof.verdict is Verdict.ACCEPT:
            same_registers(pair.pairing)
        return _with_what_tables_hold(pair, proof)
    except Unsupported as problem:
        if not pair.pairing.problems or pair.rules is not None or not pair.pairing.sources_agree():
            raise
        # No rule set is one of both. The entries of their sources are, and may show a difference.
        own = replace(pair, rules=program_rules(pair.first), own_entries=True)
        proof = _check(own, engine, started)
        if proof.verdict is Verdict.REJECT:
            return proof
        shown = no_rules_do(pair, engine, started, FEW_TURNS if loops(pair.first) or loops(pair.second) else None)
        if shown is None:
            raise problem from None
        return shown


def _with_what_tables_hold(pair: ProgramPair, proof: Proof) -> Proof:
    """``proof`` under given rules, where some tables of the second program have none: that they hold what the source
    says and no more is an assumption. A difference might be gone with what else they may hold.

    Raises:
        Unsupported: there is a difference; with such a table.
    """
    unknown = {} if pair.rules is None or pair.own_entries or pair.content is not None else pair.pairing.problems
    if not unknown or proof.verdict not in (Verdict.ACCEPT, Verdict.REJECT):
        return proof
    if proof.verdict is Verdict.REJECT:
        raise next(iter(unknown.values()))
    told = (f"the second program's table {name} holds what its source says and no more" for name in unknown)
    return replace(proof, assumptions=(*proof.assumptions, *told))


def _with_own_entries(pair: ProgramPair, engine: Engine, started: float) -> Proof:
    """:func:`_check`, where tables may hold at first what their sources say, which may differ."""
    unlike = [] if pair.own_entries or pair.content is not None else with_other_entries(pair.pairing)
    if not unlike:
        return _check(pair, engine, started)
    if pair.rules is not None:
        return _check(replace(pair, content=second_content(pair.pairing, unlike, pair.rules)), engine, started)
    for tried in (replace(pair, rules=program_rules(pair.first), own_entries=True), pair):
        proof = _check(tried, engine, started)
        if proof.verdict is Verdict.REJECT:
            return proof
    raise other_entries(unlike[0])


def _check(pair: ProgramPair, engine: Engine, started: float) -> Proof:
    if pair.across:
        if not across.supported(pair.first, pair.second):
            where = Span(pair.second.file, 1, 1)
            raise Unsupported(f"programs of two architectures, {pair.first.arch} and {pair.second.arch}", where)
        return compare_whole(pair, engine, started)
    known = pair.first.arch in ARCHITECTURES
    if pair.turns is None and (loops(pair.first) or loops(pair.second)):
        early = _with_few_turns(pair, engine, started)
        if early is not None:
            return early
    aside = Beside(pair, engine, started) if known else None
    blocks = compare_blocks(pair, engine, 0 if known else ROUNDS, aside)
    if aside is not None and aside.proof is not None:
        return aside.proof
    if blocks.equal:
        return _equal_blocks(pair, blocks, engine, started)
    if not known:
        return _own_package(blocks, started, engine)
    try:
        proof = _after_blocks(pair, blocks, engine, started)
    except OutOfTime:
        proof = Proof(Verdict.UNDECIDED, OUT_OF_TIME, blocks.tally, seconds=time.monotonic() - started)
    if proof.verdict is not Verdict.UNDECIDED or blocks.difference is None:
        return proof
    told = f"{blocks.difference.what} differs in {_parts(blocks.difference)}"
    return replace(proof, reason=f"{proof.reason}; {told}, for inputs that no packet was seen to make")


def _after_blocks(pair: ProgramPair, blocks: Found, engine: Engine, started: float) -> Proof:
    """The whole pipelines, of which some block was not found equal."""
    shown = pair.frames.reject(engine, started, blocks) if pair.frames.large else None
    if shown is not None:
        return shown
    try:
        proof = compare_whole(pair, engine, started, blocks)
    except OtherPackage:
        blocks = _thoroughly(pair, blocks, engine)
        return _equal_blocks(pair, blocks, engine, started) if blocks.equal else _own_package(blocks, started, engine)
    except Unsupported as problem:
        blocks = _thoroughly(pair, blocks, engine)
        if blocks.equal:
            return _equal_blocks(pair, blocks, engine, started)
        raise _why_not(blocks, problem) from problem
    if proof.verdict is Verdict.UNDECIDED:
        blocks = _thoroughly(pair, blocks, engine)
        if blocks.equal:
            return _equal_blocks(pair, blocks, engine, started)
    if proof.verdict is Verdict.UNSUPPORTED and proof.reason == NOTHING_COMPARED:
        return _sending_nothing(pair, proof, engine, started)
    if proof.verdict is Verdict.ACCEPT and blocks.difference is not None:
        note = f"{blocks.difference.what} differs in {_parts(blocks.difference)}, which no packet shows"
        return replace(proof, warnings=(*proof.warnings, note))
    return proof


def _sending_nothing(pair: ProgramPair, whole: Proof, engine: Engine, started: float) -> Proof:
    """``whole``, by which neither program has anything to show; accepted if what their blocks do is the same but for
    what would be seen if they had (:mod:`.unseen_results`)."""
    found = compare_but_unseen(pair, engine)
    if found is None:
        return whole
    proof = _equal_blocks(pair, found, engine, started)
    told = dict.fromkeys((*proof.assumptions, *whole.assumptions)), dict.fromkeys((*proof.warnings, *whole.warnings))
    return replace(proof, assumptions=tuple(told[0]), warnings=tuple(told[1]))


def _thoroughly(pair: ProgramPair, blocks: Found, engine: Engine) -> Found:
    """What comparing the blocks comes to if no pains are spared over undefined values.

    At first none are taken: what is undefined in a block alone (a table's key in a header that may be missing) is
    mostly defined in the pipeline, which decides sooner.
    """
    return compare_blocks(pair, engine, ROUNDS) if blocks.unknown else blocks


def _with_few_turns(pair: ProgramPair, engine: Engine, started: float) -> Proof | None:
    """What packets that go through few turns of loops show: a difference (most show there, at a small part of what all
    turns take), or that the two are equal, if no loop goes round any further."""
    try:
        few = replace(pair, turns=FEW_TURNS)
        few.known, few.frames = pair.known, pair.frames
        proof = _check(few, engine, started)
    except Unsupported:
        return None
    followed = not any(warning.startswith(FOLLOWED_SO_FAR) for warning in proof.warnings)
    settled = proof.verdict is Verdict.REJECT or (proof.verdict is Verdict.ACCEPT and followed)
    return proof if settled else None


def _equal_blocks(pair: ProgramPair, blocks: Found, engine: Engine, started: float) -> Proof:
    """Accepted; what the user assumes was not needed, but has to be possible."""
    if pair.assumed is None:
        return accepted(pair, blocks, started, "block by block")
    spec = meaning(pair.assumed, pair.rules, meters_kept=True)
    nothing = vacuous([spec], engine)
    if nothing:
        return Proof(verdict_of_nothing(nothing), nothing, blocks.tally, seconds=time.monotonic() - started)
    texts = tuple(a.text for a in spec.domain if a.call == "given")
    return accepted(pair, replace(blocks, assumptions=(*blocks.assumptions, *texts)), started, "block by block")


def _why_not(blocks: Found, problem: Unsupported) -> Unsupported:
    """The whole pipeline is not modelled, and its blocks were not found equal."""
    if blocks.unsupported is not None:
        return problem
    text = f"are not decided ({blocks.unknown})"
    if blocks.difference is not None:
        text = f"differ ({blocks.difference.what} in {_parts(blocks.difference)})"
    reason = f"with uninterpreted externs the blocks {text}, and the whole is not modelled: {problem.reason}"
    return Unsupported(reason, problem.span)


def _parts(found: Replay) -> str:
    difference = found.outcome.difference
    assert difference is not None
    return ", ".join(dict.fromkeys(difference.parts)) or difference.obligation


def _own_package(found: Found, started: float, engine: Engine) -> Proof:
    if found.difference is not None:
        return confirm_pair(found.difference, found.tally, started, engine)
    if found.unsupported is not None:
        raise found.unsupported
    return Proof(Verdict.UNDECIDED, found.unknown, found.tally, seconds=time.monotonic() - started)
