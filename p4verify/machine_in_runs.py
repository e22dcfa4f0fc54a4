"""Random runs of a program and a machine that holds its tables, as a search for a difference: it is confirmed like any
other, with the rules of the run.

Where the machine's tables are told by the program's, what these answer is drawn; where it is the other way round (one
map entry says something of many rules), rules are drawn and filled in.
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from .confirm import Pair, with_groups
from .on_numbers import functions_of
from .proofs.counterexample import input_of
from .proofs.engine import Engine, Model
from .proofs.refine import seen_on
from .proofs.verdict import Proof
from .reached import reached
from .realise import CannotRealise, realise_sides
from .related import in_the_machines_cells, in_the_machines_tables, relate, with_legal_answers
from .running.entries import Asked, random_rules
from .running.rules import Drawn, Function, Rules
from .running.runs import Seen
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning.answers import answers, split, widths_of
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.program import meaning
from .semantics.rules.build import match_keys, needs_priority
from .semantics.rules.ruleset import RuleSet
from .semantics.source import InputError, Unsupported
from .sides_in_runs import SidesInRuns, confirmed
from .targets.base import CannotOffload, StateRelation

DRAWS: Final = 32
"""Rules that are drawn until there are some that the machine can hold."""

GOES_ON: Final = 0.9
"""How often rules go on from those before."""

LED: Final = 0.05
"""How often rules are once more some that lead somewhere."""

REMEMBERED: Final = 128
"""Values of keys that rules are made with, as they were asked for lately."""

HAVE_ONE: Final = 4
"""Of keys that have an entry already, one in so many is remembered."""


class FilledIn(Rules):
    """Rules that are drawn, and what the machine answers that is filled from them."""

    def __init__(self, pair: Pair, rng: random.Random, pool: Sequence[int], rules: RuleSet) -> None:
        """
        Args:
            pair: with a program.
            rng: decides everything.
            pool: numbers that are worth meeting.
            rules: the rules.

        Raises:
            InputError, Unsupported, CannotOffload: the rules are none that the machine can hold.
        """
        program = pair.program
        assert program is not None
        super().__init__(program, rng, pool)
        self.asked: dict[str, list[list[int]]] = {}
        """Table → keys that it is asked for under these rules, each once; of those that have an entry, some."""
        self.rules = rules
        known = answers(program, self.rules)
        held = pair.target.relate(program, pair.artifact, self.rules)
        self.inputs = dict(known.inputs)
        held_there = functions_of(held, pair.impl, known.inputs, known.functions)
        self._functions = {name: cache(function) for name, function in (known.functions | held_there).items()}
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
        self._leading: Iterator[tuple[RuleSet, Model]] | None = None
        """Rules under which the program does something, that were not tried yet."""
        self._led: list[tuple[RuleSet, Model]] = []
        """The others."""
        self._to_crowd = False
        """Whether the next rules are those before with many others among them."""

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
                made = self._filled_in(pool)
            except (InputError, Unsupported, CannotOffload):
                continue
            self._last, self._asked = made, made.asked
            return made
        return None

    def _filled_in(self, pool: Sequence[int]) -> FilledIn:
        """Rules that lead somewhere, while there are more of them, each then with others among them; then such as are
        drawn. Raises as :class:`FilledIn`."""
        program = self._pair.program
        assert program is not None
        if self._leading is None:
            self._leading = reached(program, *self.sides, self._engine, self._rng)
        if self._to_crowd:
            self._to_crowd = False
            made = self._filled(self._random(pool, self._held, crowd=True), pool)
            made.only_again = True
            return made
        found = next(self._leading, None)
        if found is not None:
            self._led.append(found)
        elif self._led and self._rng.random() < LED:
            found = self._rng.choice(self._led)
        if found is None:
            self._held = self._random(pool, self._held if self._rng.random() < GOES_ON else None)
            return self._filled(self._held, pool)
        self._held, model = found
        self._to_crowd = any(needs_priority(table) for _, table in program.tables())
        made = self._filled(self._held, pool)
        made.lead = input_of(model)
        return made

    def _filled(self, rules: RuleSet, pool: Sequence[int]) -> FilledIn:
        return FilledIn(self._pair, self._rng, pool, rules)

    def _random(self, pool: Sequence[int], before: RuleSet | None, *, crowd: bool = False) -> RuleSet:
        program, seed = self._pair.program, self._rng.getrandbits(30)
        assert program is not None
        return random_rules(program, seed, pool, self._asked, grouped=True, before=before, crowd=crowd)

    def _confirmed(self, seen: Seen, started: float) -> Proof | None:
        """The ``reject`` of what was seen, if it differs under rules whatever the program's undefined values are."""
        pair = self._pair
        try:
            rules = with_groups(pair, self._rules(seen), input_of(seen.model))
            mine, theirs = self._under(rules)
        except (CannotRealise, InputError, Unsupported, CannotOffload):
            return None
        # What the machine asks is known; the program may ask other keys, with other undefined values.
        outcome = seen_on(mine, theirs, self._engine, seen.model)
        if outcome.difference is None:
            return None
        return confirmed(pair, outcome, started, rules)

    def _rules(self, seen: Seen) -> RuleSet:
        """The rules of a run, or such as answer what it was answered. Raises CannotRealise."""
        if isinstance(self._last, FilledIn):
            return self._last.rules
        assert self._pair.program is not None
        return realise_sides(self._pair.program, self.sides, seen.model, self._pair.relation)

    def _under(self, rules: RuleSet) -> tuple[Behaviour, Behaviour]:
        """The program under some rules, which picks members of selectors' groups as the machine does; an arbitrary
        member stands for those of multicast groups. And the machine. Of both what hits are counted in is left out:
        under given rules its cells are theirs, and under all rules each key's.

        Raises:
            InputError, Unsupported, CannotOffload: they are none that the machine can hold.
        """
        pair = self._pair
        program = pair.program
        assert program is not None
        held = pair.target.relate(program, pair.artifact, rules)
        places = {state.program: _place(state) for state in held.states}
        alike = replace(
            pair.relation, states=tuple(s for s in pair.relation.states if places.get(s.program) is _place(s))
        )
        left_out = {s.program for s in pair.relation.states} - {s.program for s in alike.states}
        spec = _without(held.settled(meaning(pair.assumed or program, rules)), left_out)
        there = in_the_machines_tables(in_the_machines_cells(spec, alike), held)
        return there, _without(self.sides[1], left_out)


def _place(state: StateRelation) -> Term:
    """Where a machine holds the cell of some index."""
    return state.index(b.var("at", state.index_bits))


def _without(side: Behaviour, states: Container[str]) -> Behaviour:
    """A behaviour of which nobody sees some states."""
    cases = (replace(c, state={name: v for name, v in c.state.items() if name not in states}) for c in side.cases)
    return replace(side, cases=tuple(cases))
