"""Two behaviours on the same random inputs under random rules: whatever tells them apart, whichever undefined values
the first one reads (as far as tried, so a difference is a candidate and has to be confirmed).

Both are compiled once; a rule set is then a function from a table's key to a legal answer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..proofs.choices import IMPL
from ..proofs.counterexample import values_of
from ..proofs.engine import Model
from ..semantics import ir
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import CHOICE, LENGTH, Behaviour, is_choice
from .behaviours import NO_CASE, OUTSIDE, Common, Compiled, Shown
from .hints import Hints
from .inputs import Inputs
from .outlasting import Outlasting, Ran
from .rules import Drawn, Rules, constants_of

RUNS_OF_RULES: Final = 16
"""Runs under the same rules."""
TRIES: Final = 4
"""Inputs that are drawn at most for each run: many are none that both programs can meet."""
AGAIN: Final = 0.5
"""How often an input is one of those that ran under the rules before, where these were made of what they asked for."""
AMONG: Final = 3
"""Inputs of which the most promising one is taken."""
NEAR: Final = 0.25
"""How often such an input is one beside it."""
LOOKED_AT: Final = 0.8
"""How often the cell that is looked at is one that the input reads or writes."""


BESIDE: Final = 127
"""Inputs beside one of which it is known that something is done with it."""
ONCE_MORE: Final = 64
"""Inputs of these that are run once more: the most promising ones."""


Run = tuple[bytes, dict[str, int]]
"""A frame, and all other inputs but undefined values."""

Promise = tuple[bool, int]
"""Whether an input asked for an entry that is missing, and how many it found: the more, the further it may get in a
chain of tables once what is missing is there."""


@dataclass(frozen=True)
class Seen:
    """An input on which two behaviours differ."""

    number: int
    """Of the run."""
    names: tuple[str, ...]
    """What differs."""
    data: bytes
    """The frame."""
    given: Mapping[str, int]
    """All other inputs by name; undefined values of the second behaviour are among them, the first one has others."""
    answers: Mapping[str, Mapping[tuple[int, ...] | None, int]]
    """What functions answered to what they were asked."""
    shown: tuple[Shown, Shown]
    functions: Mapping[str, Callable[..., int]]
    """What stood for the first behaviour's functions, whatever they are asked."""
    surely: bool = True
    """Whether what differs was the same with all undefined values of the first behaviour that were tried."""

    @property
    def model(self) -> Model:
        """The same as a solver would tell it."""
        values = {(IMPL + n if n.startswith(CHOICE) else n): value for n, value in self.given.items()}
        values |= {f"pkt[{i}]": octet for i, octet in enumerate(self.data)} | {LENGTH.name: len(self.data)}
        return Model(values, self.answers)


class Runs:
    """Runs of one pair of behaviours.

    Raises:
        NotCompiled: a term is none that Python source is made of.
    """

    def __init__(
        self,
        program: ir.Program | None,
        spec: Behaviour,
        impl: Behaviour,
        rng: random.Random,
        *,
        frame: bytes | None = None,
        exactly: bool = False,
        draw: Callable[[Sequence[int]], Drawn | None] | None = None,
        again: bool = False,
    ) -> None:
        """
        Args:
            program: the first program, whose rules are drawn; None if there is none.
            spec: its behaviour; its undefined values may be chosen so that it does what the other does.
            impl: the other's, in the first's words.
            rng: decides everything.
            frame: the frame of which alone the behaviours speak; None where they speak of all.
            exactly: no undefined value may matter.
            draw: draws rules, given numbers that are worth meeting, or says that there are no more; None for any of
                the program's, if there is one.
            again: inputs run under the next rules as well: these are made of what was asked under those before.
        """
        common = Common(spec, impl, but=by_entry(program) if program is not None else frozenset())
        self.sides = Compiled(spec, common), Compiled(impl, common)
        hints = Hints(self.sides)
        self._rng, self._exactly = rng, exactly
        self._pool = [*(constants_of(program) if program is not None else ()), 0, 1]
        some = partial(Rules, program, rng) if program is not None else partial(Drawn, rng)
        self._draw: Callable[[Sequence[int]], Drawn | None] = draw or some
        self.inputs = Inputs(hints, rng, self._pool, frame)
        self._outlasting = Outlasting(*self.sides, hints, rng)
        free = {v.name: v for side in self.sides for v in side.variables if not is_choice(v)}
        self._free = list(free.values())
        self._undefined = [v for v in self.sides[1].variables if is_choice(v)]
        self._again = again
        self._before: list[tuple[bytes, dict[str, int], Promise]] = []
        """Frames that ran under the rules before, with all other inputs, and what they promise."""
        self._now: dict[bytes, tuple[dict[str, int], Promise]] = {}
        """The same under these rules: each once, or a few would soon be all that is drawn."""
        self._planned: list[Run] = []
        """What is to be run next."""
        self.runs = 0
        """Inputs that both could meet so far."""
        self.outside = 0
        """Other inputs."""

    def differences(self, runs: int, end: float) -> Iterator[Seen]:
        """Differences on inputs that are drawn.

        Args:
            runs: inputs that both can meet, at most.
            end: when to stop, in seconds of processor time as of :func:`time.process_time`.
        """
        before = self.runs
        rules: Drawn | None = None
        for number in range(TRIES * runs):
            if time.process_time() > end:
                return
            if rules is None or (number % RUNS_OF_RULES == 0 and not self._planned):
                if self.runs - before >= runs:
                    return
                rules = self._draw(self._pool)
                self._before, self._now = [(data, *rest) for data, rest in self._now.items()], {}
                if rules is None:
                    return
                self._planned = self._plan(rules)
            seen = self._once(number + 1, rules)
            if seen is not None:
                yield seen

    def _once(self, number: int, rules: Drawn) -> Seen | None:
        data, given = self._drawn(rules)
        padded = self.inputs.padded(data)
        again = dict(given) if self._again else {}
        hits, misses = rules.hits, rules.misses
        given |= self.inputs.undefined(self._undefined)
        asked = [[rules.function(name, data) for name, _ in side.functions] for side in self.sides]
        values = [[given.get(v.name, 0) & ((1 << max(1, v.width)) - 1) for v in s.variables] for s in self.sides]
        self._look_at_cells(padded, given, values, asked)
        first, second = (
            self._ran(side, data, padded, v, f) for side, v, f in zip(self.sides, values, asked, strict=True)
        )
        if self._again:
            self._now[data] = again, (rules.misses > misses, rules.hits - hits)
        if first is None or second is None:
            self.outside += 1
            return None
        self.runs += 1
        self.inputs.keep((first.number, second.number, *_ports(first.shown)), data)
        if first.shown == second.shown:
            return None
        names = [n for n in dict.fromkeys((*first.shown, *second.shown)) if first.shown.get(n) != second.shown.get(n)]
        names, surely = (names, True) if self._exactly else self._outlasting.names(first, second)
        if not names:
            return None
        answers: dict[str, dict[tuple[int, ...] | None, int]] = {}
        for ran in (first, second):
            for name, table in ran.answers().items():
                answers.setdefault(name, {}).update(table.items())
        functions = {name: f for (name, _), f in zip(self.sides[0].functions, asked[0], strict=True)}
        return Seen(number, tuple(names), data, given, answers, (first.shown, second.shown), functions, surely)

    def _drawn(self, rules: Drawn) -> Run:
        """A frame, and all other inputs but undefined values."""
        if self._planned:
            return self._planned.pop()
        if self._before and self._rng.random() < AGAIN:
            some = self._rng.choices(self._before, k=AMONG)
            data, given, _ = max(some, key=lambda ran: ran[2])
            given = self._under(rules, given)
            return self._near(data, given) if self._rng.random() < NEAR else (data, given)
        data = self.inputs.frame()
        return data, {v.name: self.inputs.value(v, data, rules) for v in self._free}

    def _near(self, data: bytes, given: Mapping[str, int]) -> Run:
        """An input beside another one."""
        data = self.inputs.near(data)
        told = {name: self.inputs.of_frame(name, data) for name in given}
        return data, {**given, **{name: value for name, value in told.items() if value is not None}}

    def _plan(self, rules: Drawn) -> list[Run]:
        """What is to be run under new rules before anything is drawn, the last one first."""
        if rules.lead is not None:
            lead, values = rules.lead.packet, values_of(rules.lead) | dict(rules.inputs)
            given = {v.name: self._given(v, lead, values, rules) for v in self._free}
            return [*(self._near(lead, given) for _ in range(BESIDE)), (lead, given)]
        if not rules.only_again:
            return []
        best = sorted(self._before, key=lambda ran: ran[2], reverse=True)[:ONCE_MORE]
        return [(data, self._under(rules, given)) for data, given, _ in best]

    @staticmethod
    def _under(rules: Drawn, given: Mapping[str, int]) -> dict[str, int]:
        """Inputs with what rules say of them."""
        return {name: rules.inputs.get(name, value) for name, value in given.items()}

    def _given(self, variable: Term, data: bytes, values: Mapping[str, int], rules: Drawn) -> int:
        """What a variable is by ``values``, if it is not made of the frame, or as is drawn."""
        found = None if self.inputs.of_frame(variable.name, data) is not None else values.get(variable.name)
        return self.inputs.value(variable, data, rules) if found is None else found

    def _ran(
        self, side: Compiled, data: bytes, padded: bytes, values: Sequence[int], asked: Sequence[Callable[..., int]]
    ) -> Ran | None:
        number = side.which(padded, values, asked)
        if number in (OUTSIDE, NO_CASE):
            return None
        return Ran(side, data, padded, values, asked, side.shown(number, data, padded, values, asked), number)

    def _look_at_cells(
        self,
        padded: bytes,
        given: dict[str, int],
        values: Sequence[list[int]],
        asked: Sequence[Sequence[Callable[..., int]]],
    ) -> None:
        """Mostly look at cells of states that the input reads or writes: others mostly stay as they are."""
        rng = self._rng
        if rng.random() >= LOOKED_AT:
            return
        used = [c for side, v, f in zip(self.sides, values, asked, strict=True) for c in side.cells(padded, v, f)]
        rng.shuffle(used)
        chosen = dict(used)
        given |= chosen
        for side, into in zip(self.sides, values, strict=True):
            for i, v in enumerate(side.variables):
                if v.name in chosen:
                    into[i] = chosen[v.name]


def _ports(shown: Shown) -> list[int]:
    """By which ports frames leave."""
    return [sent[0] for name, outputs in shown.items() if name.startswith("outputs ") for sent in outputs]


def by_entry(program: ir.Program) -> frozenset[str]:
    """The states that have a cell for each entry of a table. Which entry has which number is nothing that an observer
    knows: a counter is asked for with the entry's key."""
    direct = {"DirectCounter", "DirectMeter", "direct_counter", "direct_meter"}
    return frozenset(i.name for i in program.instances if i.extern in direct)
