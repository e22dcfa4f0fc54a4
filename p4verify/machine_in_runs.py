"""Random runs of a program and a machine that holds its tables, as a search for a difference: it is confirmed like any
other, with the rules of the run.

Where the machine's tables are told by the program's, what these answer is drawn; where it is the other way round (one
map entry says something of many rules), rules are drawn and filled in.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from .confirm import Pair, confirm, with_groups
from .on_numbers import functions_of
from .proofs.counterexample import input_of
from .proofs.engine import Engine
from .proofs.refine import seen_on
from .proofs.verdict import Proof, Verdict
from .realise import CannotRealise, realise_sides
from .related import in_the_machines_cells, in_the_machines_tables, relate, with_legal_answers
from .running.entries import Asked, random_rules
from .running.rules import Drawn, Function, Rules
from .running.runs import Seen
from .semantics import ir
from .semantics.meaning.answers import answers, split, widths_of
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.program import meaning
from .semantics.rules.build import match_keys
from .semantics.rules.ruleset import RuleSet
from .semantics.source import InputError, Unsupported
from .sides_in_runs import SidesInRuns, of_the_packet
from .targets.base import CannotOffload

DRAWS: Final = 32
"""Rules that are drawn until there are some that the machine can hold."""

GOES_ON: Final = 0.9
"""How often rules go on from those before."""

REMEMBERED: Final = 64
"""Values of keys that rules are made with, as they were asked for lately."""

HAVE_ONE: Final = 4
"""Of keys that have an entry already, one in so many is remembered."""


class FilledIn(Rules):
    """Rules that are drawn, and what the machine answers that is filled from them."""

    def __init__(
        self, pair: Pair, rng: random.Random, pool: Sequence[int], asked: Asked, before: RuleSet | None
    ) -> None:
        """
        Args:
            pair: with a program.
            rng: decides everything.
            pool: numbers that are worth meeting.
            asked: the keys that tables were asked for under the rules before.
            before: those rules, if these are to go on from them.

        Raises:
            InputError, Unsupported, CannotOffload: the rules drawn are none that the machine can hold.
        """
        program = pair.program
        assert program is not None
        super().__init__(program, rng, pool)
        self.asked: dict[str, list[list[int]]] = {}
        """Table → keys that it is asked for under these rules, each once; of those that have an entry, some."""
        self.rules = random_rules(program, rng.getrandbits(30), pool, asked, grouped=True, before=before)
        known = answers(program, self.rules)
        held = pair.target.relate(program, pair.artifact, self.rules)
        self.inputs = dict(known.inputs)
        held_there = functions_of(held, pair.impl, known.inputs, known.functions)
        self._functions = {**known.functions, **{name: cache(function) for name, function in held_there.items()}}
        for _, table in program.tables():
            name = f"table.{table.control_name}.hit"
            keys = self.asked.setdefault(table.control_name, [])
            self._functions[name] = self._noting(self._functions[name], table, keys)

    def _noting(self, hit: Function, table: ir.Table, keys: list[list[int]]) -> Function:
        """``hit``, with what it is asked for noted in ``keys``, and counted if there is an entry."""
        widths, met = widths_of(match_keys(table)), set[int]()

        def noted(*key: int) -> int:
            found = hit(*key)
            self.hits += found
            self.misses += not found
            if key and key[0] not in met:
                met.add(key[0])
                if not found or len(met) % HAVE_ONE == 0:
                    keys.append([value for value, _ in split(key[0], widths)])
                    del keys[:-REMEMBERED]
            return found

        return noted


class MachineInRuns(SidesInRuns):
    """The runs of one program and one machine, under every rule set."""

    def __init__(self, pair: Pair, engine: Engine) -> None:
        """
        Args:
            pair: of a program and a machine that holds its tables, for every rule set.
            engine: is asked whether undefined values take a difference away.
        """
        super().__init__(pair, self._related, engine)
        self._asked: Asked = {}
        self._last: Drawn | None = None
        self._held: RuleSet | None = None

    def _related(self) -> tuple[Behaviour, Behaviour]:
        """Both, over the program's functions; or each over its own, where rules have to be filled in."""
        pair = self._pair
        relation = pair.relation
        if relation.tables:
            relation = replace(relation, tables={}, functions={}, axioms=())
        spec, impl = relate(pair.spec, pair.impl, relation)
        assert pair.program is not None
        restricted = pair.restrictions.restricted if pair.restrictions is not None else lambda side: side
        mine, theirs = (restricted(with_legal_answers(pair.program, side)) for side in (spec, impl))
        return mine, theirs

    @property
    def _of_what_was_asked(self) -> bool:
        return bool(self._pair.relation.tables)

    def _drawn(self, pool: Sequence[int]) -> Drawn | None:
        """Rules; None if none are found that the machine can hold."""
        program = self._pair.program
        assert program is not None
        if not self._pair.relation.tables:
            self._last = Rules(program, self._rng, pool)
            return self._last
        for _ in range(DRAWS):
            try:
                made = FilledIn(self._pair, self._rng, pool, self._asked, self._before())
            except (InputError, Unsupported, CannotOffload):
                continue
            self._last, self._asked, self._held = made, made.asked, made.rules
            return made
        return None

    def _before(self) -> RuleSet | None:
        """The rules that the next ones go on from; None now and then: then they begin anew."""
        return self._held if self._rng.random() < GOES_ON else None

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
        proof = confirm(pair, of_the_packet(outcome), started, rules)
        return proof if proof.verdict is Verdict.REJECT else None

    def _rules(self, seen: Seen) -> RuleSet:
        """The rules of a run, or such as answer what it was answered. Raises CannotRealise."""
        if isinstance(self._last, FilledIn):
            return self._last.rules
        assert self._pair.program is not None
        return realise_sides(self._pair.program, self._sides, seen.model, self._pair.relation)

    def _under(self, rules: RuleSet) -> Behaviour:
        """The program under some rules, which picks members of selectors' groups as the machine does; an arbitrary
        member stands for those of multicast groups.

        Raises:
            InputError, Unsupported, CannotOffload: they are none that the machine can hold.
        """
        pair = self._pair
        program = pair.program
        assert program is not None
        held = pair.target.relate(program, pair.artifact, rules)
        spec = held.settled(meaning(pair.assumed or program, rules))
        return in_the_machines_tables(in_the_machines_cells(spec, pair.relation), held)
