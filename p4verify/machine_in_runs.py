"""Random runs of a program and a machine that holds its tables, as a search for a difference: it is confirmed like any
other, with the rules of the run.

Where the machine's tables are told by the program's, what these answer is drawn; where it is the other way round (one
map entry says something of many rules), rules are drawn and filled in.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Final

from .confirm import Pair, confirm, with_groups
from .on_numbers import all_terms, functions_of
from .proofs.counterexample import input_of
from .proofs.engine import Engine
from .proofs.refine import seen_on
from .proofs.verdict import Proof, Verdict
from .realise import CannotRealise, realise
from .related import in_the_machines_cells, legal_answers, relate
from .running.entries import random_rules
from .running.rules import Function, Rules
from .running.runs import Runs, Seen
from .running.terms import NotCompiled
from .semantics import ir
from .semantics.meaning.answers import answers, split, widths_of
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.program import meaning
from .semantics.rules.build import match_keys
from .semantics.rules.ruleset import RuleSet
from .semantics.source import InputError, Unsupported
from .targets.base import CannotOffload

SECONDS: Final = 8.0
"""Of processor time for all runs of one pair."""

ASIDE_SECONDS: Final = 3.0
"""Of these for what is run while a proof goes on, which has the less time."""

MOST: Final = 50_000
"""Runs at most."""

DRAWS: Final = 32
"""Rules that are drawn until there are some that the machine can hold."""

ALIKE: Final = 3
"""Differences in the same that are looked into: what takes one of them away mostly takes all."""

REMEMBERED: Final = 64
"""Values of keys that rules are made with, as they were asked for lately."""


class FilledIn(Rules):
    """Rules that are drawn, and what the machine answers that is filled from them."""

    def __init__(self, pair: Pair, rng: random.Random, pool: Sequence[int], asked: dict[str, list[list[int]]]) -> None:
        """
        Args:
            pair: with a program.
            rng: decides everything.
            pool: numbers that are worth meeting.
            asked: table → keys that it was asked for before; those that these rules are asked for are added.

        Raises:
            InputError, Unsupported, CannotOffload: the rules drawn are none that the machine can hold.
        """
        program = pair.program
        assert program is not None
        super().__init__(program, rng, pool)
        self.rules = random_rules(program, rng.getrandbits(30), pool, asked)
        known = answers(program, self.rules)
        held = pair.target.relate(program, pair.artifact, self.rules)
        self.inputs = dict(known.inputs)
        held_there = functions_of(held, pair.impl, known.inputs, known.functions)
        self._functions = {**known.functions, **{name: cache(function) for name, function in held_there.items()}}
        for _, table in program.tables():
            name = f"table.{table.control_name}.hit"
            keys = asked.setdefault(table.control_name, [])
            self._functions[name] = _noting(self._functions[name], table, keys)


def _noting(hit: Function, table: ir.Table, keys: list[list[int]]) -> Function:
    """``hit``, with what it is asked for noted in ``keys``."""
    widths = widths_of(match_keys(table))

    def noted(*key: int) -> int:
        if key:
            keys.append([value for value, _ in split(key[0], widths)])
            del keys[:-REMEMBERED]
        return hit(*key)

    return noted


class MachineInRuns:
    """The runs of one program and one machine; each search goes on where the one before stopped."""

    def __init__(self, pair: Pair, engine: Engine) -> None:
        """
        Args:
            pair: of a program and a machine that holds its tables, for every rule set.
            engine: is asked whether undefined values take a difference away.
        """
        self._pair, self._engine = pair, engine
        self._spent = 0.0
        self._tried: Counter[tuple[str, ...]] = Counter()
        self._rng = random.Random(len(pair.spec.cases))
        self._asked: dict[str, list[list[int]]] = {}
        self._last: Rules | None = None
        self.proof: Proof | None = None
        """The ``reject`` that was found."""

    def __call__(self, _early: bool = False) -> bool:
        """Whether they differ (:data:`.proofs.deciding.Aside`)."""
        return self.reject(time.monotonic(), ASIDE_SECONDS) is not None

    def reject(self, started: float, seconds: float = SECONDS) -> Proof | None:
        """A difference on some input under some rules, confirmed; None if none is found in time.

        Args:
            started: when the check began, as of ``time.monotonic()``.
            seconds: of processor time, with what was spent before.
        """
        if self.proof is None and self._spent < seconds and not self._engine.out_of_time and self._runs is not None:
            begun = time.process_time()
            end = begun + seconds - self._spent
            confirmed = (self._confirmed(seen, started) for seen in self._differences(self._runs, end))
            self.proof = next((proof for proof in confirmed if proof is not None), None)
            self._spent += time.process_time() - begun
        return self.proof

    @cached_property
    def _runs(self) -> Runs | None:
        """None where the two are not of numbers alone."""
        program = self._pair.program
        assert program is not None
        spec, impl = self._sides
        try:
            return Runs(program, spec, impl, self._rng, draw=self._drawn)
        except NotCompiled:
            return None

    @cached_property
    def _sides(self) -> tuple[Behaviour, Behaviour]:
        """Both, over the program's functions; or each over its own, where rules have to be filled in."""
        pair = self._pair
        relation = pair.relation
        if relation.tables:
            relation = replace(relation, tables={}, functions={}, axioms=())
        spec, impl = relate(pair.spec, pair.impl, relation)
        assert pair.program is not None
        restricted = pair.restrictions.restricted if pair.restrictions is not None else lambda side: side
        legal = legal_answers(pair.program, spec, impl)
        return restricted(spec), restricted(replace(impl, axioms=(*impl.axioms, *legal)))

    def _drawn(self, pool: Sequence[int]) -> Rules | None:
        """Rules; None if none are found that the machine can hold."""
        program = self._pair.program
        assert program is not None
        if not self._pair.relation.tables:
            self._last = Rules(program, self._rng, pool)
            return self._last
        for _ in range(DRAWS):
            try:
                self._last = FilledIn(self._pair, self._rng, pool, self._asked)
            except (InputError, Unsupported, CannotOffload):
                continue
            return self._last
        return None

    def _differences(self, runs: Runs, end: float) -> Iterator[Seen]:
        """What was seen to differ; ``end`` in seconds of processor time."""
        for seen in runs.differences(MOST - runs.runs, end):
            if time.process_time() > end or self._engine.out_of_time:
                return
            self._tried[seen.names] += 1
            if self._tried[seen.names] <= ALIKE:
                yield seen

    def _confirmed(self, seen: Seen, started: float) -> Proof | None:
        """The ``reject`` of what was seen, if it differs under rules whatever the program's undefined values are."""
        pair = self._pair
        try:
            rules = with_groups(pair, self._rules(seen), input_of(seen.model))
            mine = self._under(rules)
        except (CannotRealise, InputError, Unsupported, CannotOffload):
            return None
        # What the machine asks is known; the program may ask other keys, with other undefined values.
        outcome = seen_on(mine, self._sides[1], self._engine, seen.model)
        if outcome.difference is None:
            return None
        model = outcome.difference.model  # what follows from the packet is not to be said of another one
        functions = {name: table for name, table in model.functions.items() if not name.startswith("payload.")}
        found = replace(outcome, difference=replace(outcome.difference, model=replace(model, functions=functions)))
        proof = confirm(pair, found, started, rules)
        return proof if proof.verdict is Verdict.REJECT else None

    def _rules(self, seen: Seen) -> RuleSet:
        """The rules of a run, or such as answer what it was answered. Raises CannotRealise."""
        if isinstance(self._last, FilledIn):
            return self._last.rules
        program, (spec, impl) = self._pair.program, self._sides
        assert program is not None
        return realise(program, [*all_terms(spec), *all_terms(impl)], seen.model, self._pair.relation)

    def _under(self, rules: RuleSet) -> Behaviour:
        """The program under some rules; an arbitrary member stands for those of groups.

        Raises:
            InputError, Unsupported, CannotOffload: they are none that the machine can hold.
        """
        pair = self._pair
        program = pair.program
        assert program is not None
        held = pair.target.relate(program, pair.artifact, rules)
        spec = held.settled(meaning(pair.assumed or program, rules))
        return in_the_machines_cells(spec, pair.relation)
