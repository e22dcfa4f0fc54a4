"""The mutation campaign: small changes to lowered artifacts, judged by the checker and, beside it, by the real machine.

Whether a mutant behaves differently is seen by running it and the original on the same frames, with the same rules.
What must never be is a mutant that is accepted and differs; what should not be is one that differs and gets any other
verdict than ``reject``.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from p4verify.checks import Checker
from p4verify.proofs.verdict import Counterexample, Proof
from p4verify.running.entries import random_rules
from p4verify.semantics import ir
from p4verify.semantics.rules.build import match_keys
from p4verify.semantics.rules.names import table_actions
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import ActionCall, RuleSet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import Observation, Oracle, Target
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.artifact.ports import port0
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.flower.artifact import FilterList as Filters
from p4verify.targets.openflow.artifact import Bridge
from p4verify.targets.u32.artifact import FilterList
from p4verify.targets.u32.oracle import KernelU32

from .compiled import compiled
from .flower_mutants import flower_mutants
from .lowered import a_frame, plain_packets, runs_of
from .mutants import Mutant, drawn, ebpf_mutants, u32_mutants
from .openflow_mutants import openflow_mutants
from .rule_frames import key_names, rule_frames

PORTS = (2, 3, 77)
"""Where frames are received."""
WAYS = 1000
"""In which a program may do what it leaves open, that are tried at most."""
_STATE_CELLS = 16
"""Elements of an array map that are looked at afterwards."""

Packets = Sequence[tuple[int, bytes]]
Frames = Callable[[random.Random, RuleSet, int], Packets]
"""So many packets for machines that hold these rules."""


@dataclass(frozen=True)
class Seen:
    """What a machine did: per packet what leaves and its metadata, and afterwards what its maps hold."""

    packets: tuple[object, ...]
    state: object = None


class Machine(Protocol):
    """A real machine that runs many packets."""

    def run(self, artifact: Any, packets: Packets, tables: Any) -> Seen:
        """Raises InputError if the machine refuses the artifact."""
        ...


class EbpfMachine:
    """The kernel, running eBPF: outputs, mark and priority of what leaves, and the maps afterwards."""

    def __init__(self, oracle: KernelOracle) -> None:
        self.oracle = oracle

    def run(self, artifact: BpfObject, packets: Packets, tables: Any) -> Seen:
        held: list[object] = []

        def inspect(maps: Mapping[str, KernelMap]) -> None:
            held.append({name: _contents(item, tables.get(name, ())) for name, item in maps.items()})

        first = port0(artifact)
        received = [(port + first, frame) for port, frame in packets]
        seen = self.oracle.observe(artifact, received, tables, inspect=inspect, keep_maps=True)
        return Seen(tuple(_leaving(o, first) for o in seen), held)


class U32Machine:
    """The kernel, running u32: outputs and class ids."""

    def __init__(self, oracle: KernelU32) -> None:
        self.oracle = oracle

    def run(self, artifact: Any, packets: Packets, tables: Any) -> Seen:
        return Seen(tuple((o.outputs, dict(o.metadata)) for o in self.oracle.run(artifact, packets)))


class RulesMachine:
    """A machine that keeps no tables, Open vSwitch or user-mode Linux: outputs."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    def run(self, artifact: Any, packets: Packets, tables: Any) -> Seen:
        try:
            return Seen(tuple(tuple(sorted(o.outputs)) for o in self.oracle.run(artifact, packets)))
        except Unsupported as error:
            raise InputError.at(error.span, error.reason) from None


class MeaningMachine:
    """A target's meaning, run on numbers: for many mutants, where the real machine takes long to be given each."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def run(self, artifact: Any, packets: Packets, tables: Any) -> Seen:
        try:
            does = compiled(self.target.meaning(artifact))
        except Unsupported as error:
            raise InputError.at(error.span, error.reason) from None
        return Seen(tuple(does(frame, port) for port, frame in packets))


def _leaving(seen: Observation, first: int) -> object:
    """What leaves, at the program's ports, the ``first`` of which is an interface, and its metadata."""
    metadata = {name: seen.metadata.get(name) for name in ("mark", "priority", "classid")} if seen.outputs else {}
    return tuple((kind, at - first if kind == "port" else at, frame) for kind, at, frame in seen.outputs), metadata


def _contents(item: KernelMap, filled: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes | None]:
    keys = {key for key, _ in filled}
    if item.item.type == "array":
        keys |= {i.to_bytes(4, "little") for i in range(min(item.item.max_entries, _STATE_CELLS))}
    found: dict[bytes, bytes | None] = {}
    for key in keys:
        try:
            found[key] = item[key]
        except KeyError:
            found[key] = None
    return found


# --- what mutants are made of, and what they are run on ---------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """Packets, with rules and what they are in the machine's tables, and what the original does with them."""

    rules: RuleSet | None
    tables: Any
    packets: tuple[tuple[int, bytes], ...]
    expected: Seen
    again: Seen
    """What the original does with them another time: what the clock says, say, is no difference."""


@dataclass
class Subject:
    """A lowered program: its mutants, its checker, its trials."""

    label: str
    program: ir.Program
    target: Target
    artifact: Any
    checker: Checker
    machine: Machine
    trials: list[Trial]
    found: list[Trial] = field(default_factory=list)
    """The counterexamples of mutants that were rejected: what tells machines apart."""
    leaves_open: bool = False
    """Whether the program leaves something open, as which member of a group answers: a mutant may do all that it
    may."""

    def mutants(self, rng: random.Random) -> Iterator[Mutant]:
        """The artifact's mutants, drawn evenly."""
        if isinstance(self.artifact, BpfObject):
            return drawn(ebpf_mutants(self.artifact), rng)
        return drawn(_MAKERS[type(self.artifact)](self.artifact), rng)

    def allows(self, trial: Trial, port: int, frame: bytes, seen: Any) -> bool:
        """Whether the program leaves it open to do what was seen of the frame, besides what the original does.

        Where the machine holds tables, members of groups are picked as BMv2 does: that is proven of it. What the
        meaning does not follow is not held against a mutant.
        """
        tables = self.target.holds_tables
        if tables:
            rules, (outputs, metadata) = trial.rules, seen
        else:
            rules, outputs, metadata = self.checker.rules if self.leaves_open else None, seen, {}
        if rules is None or any(metadata.values()):
            return False
        undefined = (0, -1, *(number for _, number, _ in outputs))  # as ports: the first, none, or where it was sent
        ways = partial(runs_of, self.program, rules, frame, port, any_member=not tables)
        alike = (next(ways(undefined=(value,))) for value in undefined)
        try:
            tried = [*alike, *itertools.islice(ways(undefined=undefined), WAYS)]
        except Unsupported:  # as a packet that keeps coming back
            return True
        return any(sorted(one.outputs) == sorted(outputs) for one in tried) or (
            any(one.undefined for one in tried) and _as_far_as_defined(outputs, [one.outputs for one in tried])
        )

    def trial(self, rules: RuleSet | None, packets: Packets) -> Trial:
        """What the original does."""
        tables = self.target.fill(self.program, self.artifact, rules) if rules is not None else None
        expected, again = (self.machine.run(self.artifact, packets, tables) for _ in range(2))
        return Trial(rules, tables, tuple(packets), expected, again)


def subject(
    label: str, program: ir.Program, rules: RuleSet, target: Target, options: Mapping[str, str], machine: Machine,
    rng: random.Random, packets: int, timeout: float, ports: Sequence[int] = PORTS, made_of: Frames | None = None,
) -> Subject:  # fmt: skip
    """The lowered program, with about ``packets`` packets, received on ``ports``, to tell its mutants by.

    ``made_of``: what the packets are instead of frames for the tables of an example.

    Raises:
        CannotOffload: it cannot be lowered.
    """
    proven = None if target.holds_tables else rules
    artifact = target.lower(program, proven, options)
    checker = Checker(program, proven, timeout=timeout, machines_confirm=False)
    open_ = not target.holds_tables and bool(target.meaning(artifact).choices)
    made = Subject(label, program, target, artifact, checker, machine, [], leaves_open=open_)
    plain = isinstance(artifact, Bridge | Filters)  # told apart by frames of another kind
    tables = () if plain or made_of is not None else program.tables()
    keys = {table.control_name: key_names(match_keys(table)) for _, table in tables}
    others = list(_other_rules(program, rules, rng)) if target.holds_tables else []
    for filled, share in ((rules, 2), *((r, 1) for r in others)):
        count = -(-packets * share // (2 + len(others)))
        if plain:
            made.trials.append(made.trial(filled, plain_packets(rng, filled, target.meaning(artifact), count)))
            continue
        if made_of is not None:
            made.trials.append(made.trial(filled, made_of(rng, filled, count)))
            continue
        frames = rule_frames(rng, filled, keys, count - count // 3)
        frames += [a_frame(rng, filled) for _ in range(count // 3)]
        made.trials.append(made.trial(filled, [(rng.choice(ports), frame) for frame in frames]))
    return made


def _other_rules(program: ir.Program, rules: RuleSet, rng: random.Random) -> Iterator[RuleSet]:
    """The rules with every default action, with other actions, and rules at random over the same numbers."""
    tables = {table.control_name: table for _, table in program.tables()}
    for name, table in tables.items():
        for listed in () if table.const_default else table_actions(program, table):
            if not listed.ref.table_only:
                call = ActionCall(listed.ref.action, tuple(rng.randrange(1, 4) for _ in listed.params))
                yield replace(rules, defaults={**rules.defaults, name: call})
    for _ in range(2):
        entries = {}
        for name, old in rules.entries.items():
            legal = [a for a in table_actions(program, tables[name]) if not a.ref.default_only]
            changed = []
            for rule in old:
                action = rng.choice(legal)
                args = tuple(rng.randrange(8) for _ in action.params)
                changed.append(replace(rule, action=ActionCall(action.ref.action, args)))
            entries[name] = tuple(changed)
        yield replace(rules, entries=entries)
    numbers = [getattr(m, "value", 0) for old in rules.entries.values() for rule in old for m in rule.matches]
    for _ in range(3):
        yield random_rules(program, rng.getrandbits(32), numbers)


Sent = Sequence[tuple[str, int, bytes]]


def _as_far_as_defined(seen: Sent, tried: Sequence[Sent]) -> bool:
    """Whether what was sent is one of those that were ``tried`` with other values for what nothing defines, but for
    bits in which these differ."""
    alike = [sorted(one) for one in tried if _shapes(one) == _shapes(seen)]
    if not alike:
        return False
    *ways, mine = ([int.from_bytes(frame, "big") for *_, frame in one] for one in (*alike, sorted(seen)))
    hang = [0] * len(mine)
    for way in ways:
        hang = [bits | x ^ y for bits, x, y in zip(hang, ways[0], way, strict=True)]
    return all((x ^ y) & ~bits == 0 for bits, x, y in zip(hang, ways[0], mine, strict=True))


def _shapes(sent: Sent) -> list[tuple[str, int, int]]:
    return sorted((kind, at, len(frame)) for kind, at, frame in sent)


_MAKERS: Mapping[type, Callable[[Any], Iterable[Mutant]]] = {
    Bridge: openflow_mutants,
    Filters: flower_mutants,
    FilterList: u32_mutants,
}


# --- judging --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """One mutant: what the checker says, and what the machine shows."""

    subject: str
    mutant: Mutant
    verdict: str
    """A verdict, or "invalid": the artifact is malformed, says its meaning; "refused": the machine does not take it,
    and it was not judged."""
    reason: str
    seconds: float
    loads: bool
    """Whether the machine takes it."""
    differs: str | None
    """How it was seen to differ from the original."""
    shown: bool | None
    """Whether the counterexample differs on the machine (None: there is none, or it cannot be run)."""

    @property
    def wrong(self) -> str | None:
        """What is wrong with the verdict, if anything."""
        if not self.loads:
            return None
        if self.verdict == "accept" and self.differs:
            return "WRONG ACCEPT"
        if self.verdict != "reject" and self.differs:
            return None if "which wins is not defined" in self.reason else "missed"
        if self.verdict == "reject" and self.shown is False and not self.differs:
            return "not shown"
        return None

    def __str__(self) -> str:
        text = f"{self.subject}, {self.mutant.where}, {self.mutant.what}: {self.verdict} ({self.reason})"
        return f"{text}; {self.differs}" if self.differs else text


def judge(subject: Subject, mutant: Mutant) -> Judged:
    """The verdict on one mutant, and what the machine does with it."""
    loads, differs = _on_machine(subject, mutant.artifact, subject.trials)
    if not loads:
        return Judged(subject.label, mutant, "refused", "by the machine", 0.0, loads, differs, None)
    try:
        proof = subject.checker.check_artifact(subject.target, mutant.artifact, None, subject.label).proof
    except InputError as error:
        return Judged(subject.label, mutant, "invalid", str(error), 0.0, loads, differs, None)
    shown, text = _shown(subject, mutant, proof)
    verdict = proof.verdict.value
    if verdict == "accept" and differs is not None:
        differs = _once_more(subject, mutant.artifact)
    return Judged(subject.label, mutant, verdict, proof.reason, proof.seconds, loads, differs or text, shown)


def judge_again(subject: Subject, judged: Judged) -> Judged:
    """What was not rejected, run on the counterexamples of all other mutants as well."""
    if judged.verdict == "reject" or not judged.loads or judged.differs:
        return judged
    _, differs = _on_machine(subject, judged.mutant.artifact, subject.found)
    return replace(judged, differs=differs)


def _on_machine(subject: Subject, artifact: Any, trials: Sequence[Trial]) -> tuple[bool, str | None]:
    """Whether the machine takes it, and the first difference from the original."""
    for trial in trials:
        try:
            seen = subject.machine.run(artifact, trial.packets, trial.tables)
        except InputError:
            return False, None
        differs = _difference(subject, trial, seen)
        if differs is not None:
            return True, differs
    return True, None


def _once_more(subject: Subject, artifact: Any) -> str | None:
    """The first difference when both are run again: on a machine that is busy a frame may have come too late for the
    one that it was the answer to, once, and would be held against all mutants."""
    return _on_machine(subject, artifact, [subject.trial(trial.rules, trial.packets) for trial in subject.trials])[1]


def _difference(subject: Subject, trial: Trial, seen: Seen) -> str | None:
    if trial.expected == seen:
        return None
    both = zip(trial.expected.packets, trial.again.packets, strict=True)
    for (port, frame), (old, again), new in zip(trial.packets, both, seen.packets, strict=True):
        if old == again != new and not subject.allows(trial, port, frame, new):
            return f"on port {port}, frame {frame.hex()}: original {_show(old)}, mutant {_show(new)}"
    if trial.expected.state == seen.state or trial.expected.state != trial.again.state:
        return None
    return f"the maps: original {trial.expected.state}, mutant {seen.state}"


def _show(seen: object) -> str:
    return str(seen) if len(str(seen)) < 200 else str(seen)[:200] + "..."


def _shown(subject: Subject, mutant: Mutant, proof: Proof) -> tuple[bool | None, str | None]:
    """The counterexample on the machine: whether the two differ there, and how. What a fault leads to depends on what
    the machine's memory happens to hold, of flows that overlap it may take either, and of a group any member, so that
    these need not show."""
    example = proof.counterexample
    if example is None:
        return None, None
    try:
        trial = subject.trial(_rules(subject, example), [(example.port, example.packet)])
    except (InputError, Unsupported, ValueError, OSError):
        return None, None  # a port or a length that the machine has not; a session that BMv2's commands cannot make
    subject.found.append(trial)
    _, differs = _on_machine(subject, mutant.artifact, [trial])
    if differs is None and (example.actual.fault or subject.leaves_open or _takes_any(subject, mutant)):
        return None, None
    return differs is not None, differs


def _takes_any(subject: Subject, mutant: Mutant) -> bool:
    """Whether flows of one priority overlap, of which the machine takes the one that it likes."""
    return any(
        "that overlap any is found" in choice.reason for choice in subject.target.meaning(mutant.artifact).choices
    )


def _rules(subject: Subject, example: Counterexample) -> RuleSet | None:
    if not subject.target.holds_tables:
        return None
    return read_rules("\n".join(example.rules), "<counterexample>", subject.program)


# --- totals ---------------------------------------------------------------------------------------------------------


@dataclass
class Totals:
    """Counts by kind of mutation."""

    kinds: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, judged: Judged) -> None:
        """Count one."""
        row = self.kinds.setdefault(judged.mutant.what, Counter())
        if not judged.loads:
            row["refused"] += 1
            return
        row["mutants"] += 1
        row["differ"] += judged.differs is not None
        row[judged.verdict] += 1
        if judged.wrong:
            row[judged.wrong] += 1
