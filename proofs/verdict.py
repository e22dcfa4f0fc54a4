"""What a check ends with. Four verdicts, never two: a limit that ran out can not be read as a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..semantics.meaning.behaviour import RETURNS
from ..semantics.meaning.concrete import Kind
from ..semantics.source import NOWHERE, Span


class Verdict(StrEnum):
    """``accept``: proven. ``reject``: a confirmed counterexample. ``unsupported``: cannot be expressed or is not
    modelled. ``undecided``: a limit ran out, or a counterexample could not be confirmed."""

    ACCEPT = "accept"
    REJECT = "reject"
    UNSUPPORTED = "unsupported"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Tally:
    """How the obligations of a check ended, and how many observables they compared."""

    total: int = 0
    folded: int = 0
    solved: int = 0
    compared: int = 0
    """Observables compared on feasible pairs of cases: output decisions, ports, packets, metadata, state cells."""
    cached: int = 0
    """Of those solved, how many were found on disk."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.total + other.total,
            self.folded + other.folded,
            self.solved + other.solved,
            self.compared + other.compared,
            self.cached + other.cached,
        )


@dataclass(frozen=True)
class Observed:
    """What one side does to one packet, concretely: frames as (``port``, ``stack``, ..., port number, bytes)."""

    outputs: tuple[tuple[str, int, bytes], ...]
    metadata: Mapping[str, int] = field(default_factory=dict)
    state: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Cells of state that were compared: name → index → value after the packet."""
    fault: str | None = None
    carried: tuple[Mapping[str, int], ...] = ()
    """Metadata that goes with each of the outputs."""
    events: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """What the control plane is told: name and fields."""
    kinds: tuple[Kind, ...] = ()
    """For each of the outputs of which kind it is, if that is known: nobody sees in which order several kinds are
    sent."""

    def _knows_kinds(self) -> bool:
        return len(self.kinds) == len(self.outputs)

    def of_alike_kinds(self, other: Observed) -> bool:
        """Whether of both it is known of which kinds their frames are, and they are of the same ones."""
        known = self._knows_kinds() and other._knows_kinds()
        return known and {kind[:3] for kind in self.kinds} == {kind[:3] for kind in other.kinds}

    def in_step(self, other: Observed) -> tuple[Observed, Observed]:
        """Both with frames in the order in which they are compared: kind by kind, or where one side tells copies and
        the other does not, by where they go and what they are; as they are where nothing is known of kinds."""
        if not (self._knows_kinds() and other._knows_kinds()):
            return self, other
        by_kind = self.of_alike_kinds(other)
        return self._in_order(by_kind=by_kind), other._in_order(by_kind=by_kind)

    def _in_order(self, *, by_kind: bool) -> Observed:
        carried = self.carried or ({},) * len(self.outputs)

        def rank(number: int) -> tuple[object, ...]:
            (to, port, frame), beside = self.outputs[number], carried[number]
            return (self.kinds[number],) if by_kind else (to, port, len(frame), frame, sorted(beside.items()))

        order = sorted(range(len(self.outputs)), key=rank)
        outputs, kinds = tuple(self.outputs[i] for i in order), tuple(self.kinds[i] for i in order)
        return replace(self, outputs=outputs, kinds=kinds, carried=tuple(carried[i] for i in order))

    def _carries_other_than(self, other: Observed) -> bool:
        """Whether other metadata go with the same frames; with those that come back of names that both show: of what
        the next pass does not read one side may show nothing."""
        if not any(self.carried) and not any(other.carried):
            return False
        none: tuple[Mapping[str, int], ...] = ({},) * len(self.outputs)
        return any(
            any(x[name] != y[name] for name in x.keys() & y.keys()) if to in RETURNS else dict(x) != dict(y)
            for (to, _, _), x, y in zip(self.outputs, self.carried or none, other.carried or none, strict=True)
        )

    def differs(self, other: Observed) -> bool:
        """Whether an observer could tell the two apart (metadata and state: on the names that both show)."""
        mine, theirs = self.in_step(other)
        if mine.fault or theirs.fault or mine.outputs != theirs.outputs:
            return True
        if mine._carries_other_than(theirs):
            return True
        if self.events != other.events:
            return True
        if any(self.metadata[n] != other.metadata[n] for n in self.metadata.keys() & other.metadata.keys()):
            return True
        return any(
            self.state[n][i] != other.state[n][i]
            for n in self.state.keys() & other.state.keys()
            for i in self.state[n].keys() & other.state[n].keys()
        )


Step = Mapping[str, Any]
"""A step of a run, as JSON data (:mod:`p4verify.semantics.meaning.trace`)."""


@dataclass(frozen=True)
class Row:
    """A step of each of two runs that do the same thing to the same place; None: the other run has no such step."""

    first: Step | None
    second: Step | None
    differs: bool
    """Whether both are there and did not come to the same."""
    parts: bool = False
    """Whether this is where the runs part."""


@dataclass(frozen=True)
class Blame:
    """A step of one program that makes the difference: where it is, and what it did."""

    file: str
    line: int
    column: int
    stage: str
    """``control NAME`` or ``parser state NAME``; "" if it is in none."""
    table: str
    """The table whose action it belongs to, or that it is."""
    action: str
    step: Step


@dataclass(frozen=True)
class Explanation:
    """Why two runs end differently."""

    differs: tuple[str, ...] = ()
    """What an observer sees, first side first."""
    blame: tuple[Blame, ...] = ()
    """The steps to look at, at most one for each side, the first side's first."""
    rows: tuple[Row, ...] = ()
    """Both runs side by side; of a machine that tells no steps the first side's alone."""
    undefined: tuple[str, ...] = ()
    """The undefined values that the difference hangs on: who reads what, and why it is undefined."""
    machine: tuple[str, ...] = ()
    """Of a machine that tells no steps: the parts of the artifact that decide, and what its maps were asked."""


@dataclass(frozen=True)
class Beside:
    """A second packet, for which the second side can do as it should only if it does not for the first one."""

    packet: bytes
    port: int
    expected: Observed
    """What the first side does, and with the rules shown the second one too."""
    inputs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Counterexample:
    """A packet (with port, rules and other inputs) on which the two sides differ; both were run on it."""

    packet: bytes
    port: int
    expected: Observed
    actual: Observed
    inputs: Mapping[str, int] = field(default_factory=dict)
    """Other inputs that matter: metadata, state cells, choices, by name."""
    rules: tuple[str, ...] = ()
    """The entries that have to be installed, one line each."""
    obligation: str = ""
    """What failed."""
    confirmed_by: tuple[str, ...] = ()
    decoded: tuple[str, ...] = ()
    """The packet's headers as the first side's parser takes them, a line each."""
    diverges: str = ""
    """The first step in which the two runs differ, in one line."""
    block: str = ""
    """The block that was run by itself, whose results are its observables; "" if the whole was run."""
    explanation: Explanation = Explanation()
    stf: str = ""
    """An STF test that the first side's program passes and the second one does not; "" if there is none."""
    no_stf: str = ""
    """Why there is none."""
    second_rules: tuple[str, ...] = ()
    """The entries that the second side's tables have to hold, where more than names tells them from ``rules``."""
    any_rules: tuple[str, ...] = ()
    """Tables of the second side that may hold anything: whatever it is, the packet is treated wrongly, or that in
    :attr:`beside`. ``second_rules`` are an example."""
    beside: Beside | None = None
    cell_bits: Mapping[str, int] = field(default_factory=dict)
    """Of memory that the sides keep, how many bits an element has, by the state's name; a number has no entry."""


@dataclass(frozen=True)
class Region:
    """One of the places at which a large rule set and an artifact differ."""

    rules: tuple[str, ...]
    """What decides in the program, with its place."""
    entries: tuple[str, ...]
    """... and in the artifact."""
    packet: bytes
    """A packet that shows it; it was run on both sides."""
    port: int
    reason: str


@dataclass(frozen=True)
class Proof:
    """The outcome of one comparison of two behaviours."""

    verdict: Verdict
    reason: str
    tally: Tally = Tally()
    where: Span = NOWHERE
    counterexample: Counterexample | None = None
    quantified_over: str = "packets"
    seconds: float = 0.0
    assumptions: tuple[str, ...] = ()
    observables: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    """Where large tables differ, all that was found; :attr:`counterexample` is that of the first."""
