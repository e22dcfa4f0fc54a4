"""The state on one way through the program: variables, position in the frame, what led here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ...semantics import ir
from ...semantics.rules.ruleset import RuleSet
from ...semantics.source import NOWHERE, Span
from ..base import CannotOffload
from .values import Bits, Cube, Value

MAX_WAYS = 100_000
"""Ways through the program (with rules put in) that are followed at most."""

MAX_STEPS = 20_000_000
"""Statements and expressions looked at, on all ways together."""

Flow = Literal["run", "return", "exit", "reject"]


@dataclass(frozen=True, slots=True)
class State:
    """One way; conditions are those of :class:`Cube`, and no earlier way of the list applies."""

    cube: Cube
    variables: Mapping[str, Value]
    cursor: int = 0
    """Bits of the frame that have been extracted."""
    flow: Flow = "run"
    result: Value = ()
    """What a function returns."""
    error: str = "NoError"
    """Why the parser rejected."""
    checksum_seen: bool = False
    """Whether a checksum was verified, so that nobody knows ``checksum_error``."""
    changed: Span = NOWHERE
    """The last place that changed a header."""
    emitted: tuple[Bits, ...] = ()
    taken: Bits = ()
    """The frame's bits that have been extracted, as they were."""
    order: tuple[int, ...] = ()
    """Its place among the ways that began together, where :meth:`Context.ordered` keeps it."""
    at: object = None
    """Where the target has come to with it."""

    def set(self, name: str, value: Value) -> State:
        """With one variable changed."""
        return replace(self, variables={**self.variables, name: value})


Ways = list[State]
"""Ways in order: the first one whose condition holds is taken. They cover what they came from."""


@dataclass
class Context:
    """What is the same on every way: the program, its rules, the block that runs, and the limits."""

    program: ir.Program
    rules: RuleSet
    actions: Mapping[str, ir.Action] = field(default_factory=dict)
    tables: Mapping[str, ir.Table] = field(default_factory=dict)
    value_sets: Mapping[str, str] = field(default_factory=dict)
    """Value sets of the parser that runs: name → the control plane's name."""
    frame: str = ""
    """Prefix of the names of the variables in scope."""
    steps: int = 0

    asked: dict[int, Span] = field(default_factory=dict)
    """Bit → the first place that asked for it."""
    fewest: bool = False
    """Whether an order of numbers is asked for by its opposite where that takes fewer conditions."""
    keeps_checksums: bool = False
    """Whether the machine keeps the Internet checksums of its frames right."""
    machine: str = "this machine"
    """What messages call it."""
    most_never: int = 0
    """Conditions that a way remembers to have failed; 0: none, and ways get no places."""

    def __post_init__(self) -> None:
        self.functions = {f.name: f for f in self.program.functions}
        self.global_actions = {a.name: a for a in self.program.actions}

    def step(self, span: Span = NOWHERE, count: int = 1) -> None:
        """Count work. Raises CannotOffload if it becomes too much."""
        self.steps += count
        if self.steps > MAX_STEPS:
            raise CannotOffload(f"the program has too many ways to be unfolded for {self.machine}", span)

    def note(self, bits: Iterable[int], span: Span) -> None:
        """Remember that these bits of the frame are asked for here."""
        for bit in bits:
            if bit not in self.asked:
                self.asked[bit] = span

    def ahead(self, state: State, width: int) -> Bits:
        """The next bits of the frame: their places on the wire."""
        return tuple(range(state.cursor, state.cursor + width))

    def has(self, state: State, count: int, span: Span) -> bool:
        """Whether all frames of this way have so many bytes. ``span``: who asks."""
        return count <= state.cube.length

    def narrowed(self, cube: Cube, wanted: Mapping[int, bool]) -> Cube | None:
        """Where these bits are so too; None if that cannot be."""
        return cube.with_bits(wanted)

    def ordered(self, ways: Ways) -> Ways:
        """Ways that come from one get their places; the later ones know that the earlier ones' conditions fail.

        A condition that also asks for a longer frame is not remembered: that it fails says nothing of its bits.
        """
        if not self.most_never or len(ways) < 2:
            return ways
        found: Ways = []
        shortest = min(way.cube.length for way in ways)
        common = set(ways[0].cube.bits.items()).intersection(*(way.cube.bits.items() for way in ways[1:]))
        failed: list[Mapping[int, bool]] = []
        for place, way in enumerate(ways):
            cube = replace(way.cube, never=(*way.cube.never, *failed)) if failed else way.cube
            found.append(replace(way, cube=cube, order=(*way.order, place)))
            new = dict(way.cube.bits.items() - common)
            if new and way.cube.length == shortest and len(cube.never) < self.most_never:
                failed.append(new)
        return found

    def computed(self, op: str, left: Bits, right: Bits) -> Bits | None:
        """What an operation gives that the machine can do, as bits that stand for it; None if it cannot."""
        return None

    def equations(self, left: Bits, right: Bits) -> list[list[tuple[Bits, Bits]]]:
        """Two numbers are equal where in one of these lists all pairs are."""
        return [[(left, right)]]

    def checksum(self, data: Bits) -> Bits | None:
        """The Internet checksum of some bits, as bits that stand for it; None if the machine keeps none right."""
        return None

    def checksum_right(self, data: Bits, checksum: Bits) -> bool:
        """Whether these bits of the frame always hold the Internet checksum of those."""
        return False

    def action(self, name: str, span: Span) -> ir.Action:
        """The action that a name means here."""
        found = self.actions.get(name) or self.global_actions.get(name)
        if found is None:
            raise CannotOffload(f"action {name} is not known here", span)
        return found


def bounded(ways: Ways, span: Span) -> Ways:
    """``ways``, if they are not too many."""
    if len(ways) > MAX_WAYS:
        raise CannotOffload(f"more than {MAX_WAYS} ways through the program", span)
    return ways
