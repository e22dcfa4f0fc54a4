"""That no rules of the second program do what the first program does, where a table cannot be paired.

A table of the second program whose rules do not follow from those of the first (it lacks a key, or nobody knows where
it comes from) may hold any rules. The other tables hold the first program's, in their own words. Then the second
program cannot stand for the first one if there are rules of the first, and a packet or two, such that

    for every content of those tables: on one of these packets the second program does what the first one may not.

Rules and packets are guessed: two packets that the second program's tables cannot tell apart, and an entry that one of
them meets in the first program. A guess counts if it is *proven*: packets, rules and the second program's undefined
values are numbers, what the tables answer and the first program's undefined values are open, and that all packets come
out right must be unsatisfiable.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from .assertions import with_faults
from .certain import on_input
from .on_numbers import all_terms
from .proofs.choices import IMPL, apart, choices_of, map_terms
from .proofs.compare import meeting, that_can_meet
from .proofs.counterexample import Input, input_of
from .proofs.engine import Engine, Model
from .realise import CannotRealise, realise
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning import lookup
from .semantics.meaning.action_data import action_leaves
from .semantics.meaning.answer_terms import answer_terms
from .semantics.meaning.answers import answers
from .semantics.meaning.behaviour import Behaviour, Case, is_choice
from .semantics.meaning.program import meaning
from .semantics.rules.build import program_rules
from .semantics.rules.ruleset import RuleSet
from .semantics.source import Unsupported
from .table_pair import actions_of_table
from .undefined_keys import UndefinedKeys

if TYPE_CHECKING:
    from .pairs import ProgramPair

OWN: Final = "second."
"""In front of the names of what tables that cannot be paired answer."""

OTHER: Final = "other."
"""In front of the names of what the second of two packets does not share with the first one."""

MOST_CASES: Final = 8
"""Cases of the first program in which packets are looked for."""

MOST_GUESSES: Final = 24
"""Rules that are tried for two packets."""

SECONDS: Final = 5.0
"""For one question."""

Function = Callable[..., int]


@dataclass(frozen=True)
class Impossible:
    """Rules of the first program and packets that the second one cannot all treat as the first one does.

    Of two packets the second program can treat each alone as it should, and ``second_rules`` make it do so with the
    first; with one packet they are some that it may have.
    """

    rules: RuleSet
    second_rules: RuleSet
    models: tuple[Model, ...]
    """For each of the packets: all that a run depends on, undefined values too."""
    asked: tuple[str, ...]
    """The tables (control-plane names) that all of the packets ask with one key."""
    spec: Behaviour
    impl: Behaviour
    """Both programs under these rules, the second one in the first one's words."""


def find(pair: ProgramPair, engine: Engine, turns: int | None) -> Impossible | None:
    """Rules and packets that show it; None if none were found (there may be some).

    ``turns``: how often loops of parsers are followed.

    Raises:
        Unsupported: a program uses what is not modelled.
    """
    spec = pair.restricted(meaning(pair.assumed or pair.first, None, turns, meters_kept=True))
    theirs = with_faults(meaning(pair.second, None, turns, meters_kept=True))
    impl = apart(pair.restricted(pair.pairing.in_first_words(theirs, own=OWN)), IMPL)
    search = _Search(pair, engine, spec, impl)
    for control, table in search.tables():
        for guess in search.guesses(control, table):
            if engine.deadline is not None and engine.satisfiable(b.TRUE).status != "sat":
                return None
            found = guess.impossible()
            if found is not None:
                return found
    return None


def _agree(spec: Behaviour, impl: Behaviour) -> Term:
    """Where the two do the same: in some pair of their cases nothing that is observed differs."""
    made = meeting(spec, impl, b.TRUE)
    met = (made(i, j) for i, j in that_can_meet(spec, impl))
    return b.or_(*(b.and_(o.context, *(b.not_(p.differ) for p in o.parts)) for o in met if o is not None))


def _inputs(*sides: Behaviour) -> Term:
    """What holds of every input that the sides can meet."""
    return b.and_(*(a.condition for side in sides for a in (*side.domain, *side.reaching)))


def _hits(terms: Sequence[Term], start: str) -> list[Term]:
    """The questions, whose names begin like this, whether an entry matches a key."""
    calls = b.applications(*terms)
    return [call for call in calls if call.args and call.name.startswith(start) and call.name.endswith(".hit")]


# --- guesses --------------------------------------------------------------------------------------------------------


class _Search:
    def __init__(self, pair: ProgramPair, engine: Engine, spec: Behaviour, impl: Behaviour) -> None:
        self.pair, self.engine = pair, engine
        self.undefined = UndefinedKeys.of(pair.first, _hits(all_terms(spec), "table."), frozenset(choices_of(spec)))
        self.spec, self.impl = (self._without_undefined(side) for side in (spec, impl))
        own = _hits(all_terms(impl), OWN)
        self.own_undefined = UndefinedKeys.of(pair.second, own, frozenset(choices_of(impl)), OWN)
        self.base = program_rules(pair.first)
        self._rng = random.Random(1)

    def _without_undefined(self, side: Behaviour) -> Behaviour:
        """A side under rules that do not depend on the first program's undefined keys."""
        return map_terms(side, lambda terms: b.substitute(terms, {}, self.undefined.functions(terms)), {})

    def tables(self) -> Iterator[tuple[ir.Control, ir.Table]]:
        """The tables of the first program to which entries are given: those that the ones which cannot be paired are
        called like, or else those that no table of the second has the rules of."""
        pairing = self.pair.pairing
        called = set(pairing.unlike.values())
        if not called:
            taken = {id(p.first) for p in pairing.tables} | {id(s.table) for d in pairing.derived for s in d.sources}
            called = {table.control_name for _, table in self.pair.first.tables() if id(table) not in taken}
        for control, table in self.pair.first.tables():
            if table.control_name in called and table.keys and not table.const_entries:
                yield control, table

    def guesses(self, control: ir.Control, table: ir.Table) -> Iterator[_Guess]:
        """Rules and packets that may show it, by a table of the first program."""
        for packets in islice(self._packets(table), MOST_CASES):
            for rules in islice(self._rules(control, table, packets), MOST_GUESSES):
                guess = _Guess.made(self, rules, [model for model, _ in packets])
                if guess is not None:
                    yield guess

    def _packets(self, table: ir.Table) -> Iterator[list[tuple[Model, int]]]:
        """Two packets with other keys of ``table``, which they look up, that are otherwise alike, and with which tables
        that cannot be paired are asked for one key; with their keys."""
        choices = frozenset(choices_of(self.spec))
        side = self._under_base(self.spec, table)
        other = self._under_base(self.impl, table)
        inputs = _inputs(side, other)
        own = [call.args[0] for call in _hits(all_terms(other), OWN)]
        for case in side.cases:
            keys = [call.args[0] for call in _hits(case.terms(), f"table.{table.control_name}.")]
            for key in keys:
                if choices.isdisjoint(b.variables(key)) and not b.applications(key):
                    yield from self._two(inputs, case, key, own)

    def _two(self, inputs: Term, case: Case, key: Term, own: Sequence[Term]) -> Iterator[list[tuple[Model, int]]]:
        """Two packets that meet a case: the second program's undefined values are zeros, then anything."""
        renamed: dict[Term, Term] = {v: b.var(OTHER + v.name, v.sort) for v in b.variables(key)}
        one = [inputs, case.guard, key, *own]
        two = b.substitute(one, renamed)
        alike = [b.eq(x, y) for x, y in zip(own, two[3:], strict=True)]
        query = b.and_(*one[:2], *two[:2], b.ne(key, two[2]), *alike)
        model = self.engine.satisfiable(query, "two packets that a table cannot tell apart", SECONDS).model
        if model is None:
            return
        values = {n: v for n, v in model.values.items() if not n.startswith(OTHER)}
        changed = {n.removeprefix(OTHER): v for n, v in model.values.items() if n.startswith(OTHER)}
        for drawn in ({v.name: 0 for v in choices_of(self.impl)}, self._drawn()):
            models = [replace(model, values={**values, **more, **drawn}) for more in ({}, changed)]
            found = []
            for known in models:
                number = b.evaluate([key], known.values, known.callables(), default=0)[0]
                assert isinstance(number, int)
                found.append((known, number))
            yield found

    def _drawn(self) -> dict[str, int]:
        """Undefined values at random, one for each place that reads them: a run may come there in any order."""
        places = {(choice.span, choice.reason): self._rng.getrandbits(256) for choice in self.impl.choices}
        widths = {v.name: max(1, v.width) for v in choices_of(self.impl)}
        return {
            choice.variable.name: places[choice.span, choice.reason] & ((1 << widths[choice.variable.name]) - 1)
            for choice in self.impl.choices
            if choice.variable.name in widths
        }

    def _under_base(self, side: Behaviour, table: ir.Table) -> Behaviour:
        """A side in which all tables but ``table`` hold what the source gives them."""
        known = answer_terms(self.pair.first, self.base)
        functions = {n: f for n, f in known.functions.items() if not n.startswith(f"table.{table.control_name}.")}
        return _under(side, functions, known.inputs)

    def _rules(self, control: ir.Control, table: ir.Table, packets: Sequence[tuple[Model, int]]) -> Iterator[RuleSet]:
        """What the source holds, with an entry for the first packet, and one or none for the other."""
        numbers = [i for i, ref in enumerate(table.actions) if not ref.default_only]
        for second, first in product((None, *numbers), numbers):
            actions = (first,) if second is None else (first, second)
            keys = [key for _, key in packets][: len(actions)]
            asked = [b.apply(lookup.hit_name(table.control_name), b.BOOL, b.bv(k, self._bits(table))) for k in keys]
            model = Model({}, self._entries(control, table, list(zip(keys, actions, strict=True))))
            try:
                made = realise(self.pair.first, asked, model).of(table.control_name)
            except CannotRealise:
                return
            entries = {**self.base.entries, table.control_name: (*made, *self.base.of(table.control_name))}
            yield replace(self.base, entries=entries)

    def _bits(self, table: ir.Table) -> int:
        return sum(ir.width_of(key.expr.type) for key in table.keys)

    def _entries(
        self, control: ir.Control, table: ir.Table, entries: Sequence[tuple[int, int]]
    ) -> dict[str, Mapping[tuple[int, ...] | None, int]]:
        """What the table answers: of each entry's key that there is one, which action, and arguments at random."""
        name, actions = table.control_name, actions_of_table(self.pair.first, table)
        found: dict[str, dict[tuple[int, ...] | None, int]] = {}
        for key, number in entries:
            action = actions[table.actions[number].action]
            found.setdefault(lookup.hit_name(name), {None: 0})[(key,)] = 1
            found.setdefault(lookup.action_name(name), {})[(key,)] = number
            for leaf, width in action_leaves(action):
                argument = found.setdefault(lookup.argument_name(name, action.name, leaf), {})
                argument[(key,)] = self._rng.getrandbits(width)
        return {name: dict(table) for name, table in found.items()}


def _under(side: Behaviour, functions: Mapping[str, Callable[..., Term]], inputs: Mapping[str, int]) -> Behaviour:
    """A side with lookups by rules that are known."""

    def change(terms: list[Term]) -> list[Term]:
        values = {v: b.literal(inputs[v.name], v) for v in b.variables(*terms) if v.name in inputs}
        return b.substitute(terms, values, functions)

    return map_terms(side, change, {})


def _chosen(spec: Behaviour, model: Model) -> dict[str, int]:
    """The first program's undefined values, as those of a packet that is looked at alone; what is read at one place is
    the same."""
    values = {n.removeprefix(OTHER): v for n, v in model.values.items()}
    names = [(choice.variable.name, (choice.span, choice.reason)) for choice in spec.choices]
    places = {place: values[name] for name, place in names if name in values}
    return {name: values.get(name, places.get(place, 0)) for name, place in names}


# --- proofs ---------------------------------------------------------------------------------------------------------


@dataclass
class _Guess:
    """Rules of the first program, and packets with all else that a run depends on."""

    search: _Search
    rules: RuleSet
    open: RuleSet
    """The same, as they are asked (:class:`UndefinedKeys`)."""
    models: list[Model]
    packets: list[Input]

    @classmethod
    def made(cls, search: _Search, rules: RuleSet, models: list[Model]) -> _Guess | None:
        """None if the rules cannot be installed, or a packet is none that may come."""
        try:
            open_ = search.undefined.open(rules)
            rules = search.undefined.installed(open_)
        except CannotRealise:
            return None
        restrictions = search.pair.restrictions
        if restrictions is not None and restrictions.violation(rules) is not None:
            return None
        guess = cls(search, rules, open_, models, [input_of(m) for m in models])
        return guess if all(guess.may_come(n) for n in range(len(models))) else None

    def __post_init__(self) -> None:
        self._terms = answer_terms(self.search.pair.first, self.open)
        self._numbers = answers(self.search.pair.first, self.open)

    def side(self, side: Behaviour, number: int) -> Behaviour:
        """A side on one packet, under the rules; only contents and the first one's undefined values, which are the
        packet's own, are open."""
        side = _under(side, self._terms.functions, self._terms.inputs)
        undefined = [v for v in choices_of(side) if is_choice(v)]
        variables = b.variables(*all_terms(side), *side.axioms)
        free = frozenset([*undefined, *(v for v in variables if v.name.startswith(OWN))])
        side = on_input(side, self.packets[number], self.models[number].callables(), free, OWN)
        renamed: dict[Term, Term] = {v: b.var(OTHER + v.name, v.sort) for v in undefined if number}
        return map_terms(side, lambda terms: b.substitute(terms, renamed), renamed)

    def may_come(self, number: int) -> bool:
        """Whether the packet is one that both sides can meet, whatever the contents and undefined values."""
        return _inputs(*(self.side(side, number) for side in (self.search.spec, self.search.impl))) is b.TRUE

    def right(self, number: int) -> Term:
        """Where the second program treats a packet as it should, with contents that may be."""
        spec, impl = (self.side(side, number) for side in (self.search.spec, self.search.impl))
        return b.and_(_agree(spec, impl), *impl.axioms, *spec.axioms)

    def impossible(self) -> Impossible | None:
        """What is proven of the guess: of both packets together, or of one of them."""
        right = [self.right(n) for n in range(len(self.packets))]
        if self._asked(b.and_(*right)) != "none":
            return None
        alone = [self._asked(one) for one in right]
        if any(isinstance(one, Model) for one in alone):
            if not all(isinstance(one, Model) for one in alone):
                first = next(n for n, one in enumerate(alone) if not isinstance(one, Model))
                return self._one(first) if alone[first] == "none" else None
            return self._shown(tuple(range(len(self.packets))), [one for one in alone if isinstance(one, Model)])
        return self._one(0) if alone[0] == "none" else None

    def _one(self, number: int) -> Impossible | None:
        """One packet is treated wrongly whatever the contents, of which there are some."""
        contents = self._asked(b.and_(*self.side(self.search.impl, number).axioms))
        return self._shown((number,), [contents]) if isinstance(contents, Model) else None

    def _shown(self, numbers: tuple[int, ...], alone: Sequence[Model]) -> Impossible | None:
        """What was proven, under contents that treat the first packet right (of one packet, any). None if the way in
        which it was proven says the same of the first program and itself. ``alone``: for each packet what treats it
        right."""
        search = self.search
        twin = apart(search.spec, IMPL)
        for number in numbers:
            if not isinstance(self._asked(_agree(self.side(search.spec, number), self.side(twin, number))), Model):
                return None
        contents = alone[0]
        second = self._second_rules(contents, numbers)
        if second is None:
            return None
        open_, installed = second
        known = answer_terms(search.pair.second, open_)
        functions = {OWN + name: function for name, function in known.functions.items()}
        inputs = {OWN + name: value for name, value in known.inputs.items()}
        spec, impl = (_under(s, self._terms.functions, self._terms.inputs) for s in (search.spec, search.impl))
        impl = _under(impl, functions, inputs)
        models = [
            replace(self.models[n], values={**self.models[n].values, **_chosen(search.spec, one)})
            for n, one in zip(numbers, alone, strict=True)
        ]
        tables = tuple(self._asked_alike(contents, numbers))
        return Impossible(self.rules, installed, tuple(models), tables, spec, impl)

    def _second_rules(self, contents: Model, numbers: Sequence[int]) -> tuple[RuleSet, RuleSet] | None:
        """The second program's rules with such contents, as they are asked and as they are installed."""
        search, pairing = self.search, self.search.pair.pairing
        own = {
            table.control_name: table
            for _, table in search.pair.second.tables()
            if table.control_name in pairing.problems
        }
        if any(entry.const for table in own.values() for entry in table.entries):
            return None
        values = {name.removeprefix(OWN): value for name, value in contents.values.items()}
        model = Model(values, {name.removeprefix(OWN): known for name, known in contents.functions.items()})
        asked = [
            b.apply(call.name.removeprefix(OWN), b.BOOL, b.literal(key, call.args[0]))
            for number in numbers
            for call, key in zip(self._own_calls(), self._keys(contents, number), strict=True)
        ]
        try:
            made = realise(search.pair.second, asked, model)
            others = pairing.second_rules(self.rules)
            open_ = search.own_undefined.open(made)
            installed = search.own_undefined.installed(open_)
        except (CannotRealise, Unsupported):
            return None
        entries = {name: rules for name, rules in installed.entries.items() if name in own}
        defaults = {name: answer for name, answer in made.defaults.items() if name in own}
        return open_, replace(others, entries={**others.entries, **entries}, defaults={**others.defaults, **defaults})

    def _own_calls(self) -> list[Term]:
        return _hits(all_terms(self.search.impl), OWN)

    def _keys(self, contents: Model, number: int) -> list[int]:
        """What the tables that cannot be paired are asked by a packet."""
        keys = b.evaluate([c.args[0] for c in self._own_calls()], *self._all_known(number, contents), default=0)
        return [key for key in keys if isinstance(key, int)]

    def _asked(self, question: Term) -> Model | str:
        """What makes it true; "none" if nothing does."""
        answer = self.search.engine.satisfiable(question, "contents that treat packets right", SECONDS)
        if answer.status == "unknown":
            return answer.reason or "unknown"
        return answer.model if answer.model is not None else "none"

    def _asked_alike(self, contents: Model, numbers: Sequence[int]) -> Iterator[str]:
        """The tables that all packets ask with one key."""
        calls = self._own_calls()
        keys = [self._keys(contents, n) for n in numbers]
        for table in self.search.pair.pairing.problems:
            of = [k for k, call in enumerate(calls) if call.name == f"{OWN}{lookup.hit_name(table)}"]
            if of and all([key[k] for k in of] == [keys[0][k] for k in of] for key in keys):
                yield table

    def _all_known(self, number: int, contents: Model) -> tuple[dict[str, int], dict[str, Function]]:
        values = {**contents.values, **self.models[number].values, **self._numbers.inputs}
        values |= {f"pkt[{i}]": octet for i, octet in enumerate(self.packets[number].packet)}
        functions = {**self.models[number].callables(), **contents.callables(), **self._numbers.functions}
        return values, functions
