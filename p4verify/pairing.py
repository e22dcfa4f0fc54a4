"""Two P4 programs' tables, actions and extern instances paired by the names that the control plane knows them by.

What one program says of its tables (``table.T.hit``, the number of an action in its list, the name of a parameter in
the program text) is put into the other's words, so that both ask the same unknown rules. A compiler that prints a
program writes the full name into ``@name``, and reading that puts the control's name in front once more; so a name, of
either program, counts without its first part if it has no partner with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from .derived import Derived
from .derived_rules import derived_default, derived_entries
from .derived_words import derived_words
from .mapping import NOTHING_SAID, ProgramMap, told
from .pairing_words import Words, translation
from .passes_alike import Passes
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.tables import table_actions
from .semantics.meaning.unknown_externs import OF_UNKNOWN
from .semantics.rules.build import default_call, program_rules
from .semantics.rules.ruleset import ActionCall, Answer, GroupRef, Rule, RuleSet
from .semantics.source import Unsupported
from .table_pair import TablePair, actions_of_table, partners
from .table_partners import pair_all_tables
from .value_set_pairs import ValueSetPairs, pair_value_sets

Function = Callable[..., Term]
_OF_A_STATE: Final = re.compile(r"((?:each\.\d+\.)?state\.|at\.)(.*)", re.DOTALL)
"""Names of what a cell held before, and of the index of an arbitrary cell."""


@dataclass
class Pairing:
    """How the second program's names are the first's."""

    first: ir.Program
    second: ir.Program
    tables: list[TablePair] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)
    """Full name in the second → full name in the first."""
    value_sets: ValueSetPairs = field(default_factory=ValueSetPairs)
    derived: list[Derived] = field(default_factory=list)
    """The second's tables whose rules follow from those of other tables of the first."""
    guessed: list[TablePair] = field(default_factory=list)
    """Of the pairs, those of tables with other names that nobody has paired: their keys and actions are the same."""
    problems: dict[str, Unsupported] = field(default_factory=dict)
    """Why a table cannot be paired with that of its name: the second's control-plane name → reason, place."""
    unlike: dict[str, str] = field(default_factory=dict)
    """Of these tables: the one of the first that is called so."""
    _functions: dict[str, Function] = field(default_factory=dict)
    _variables: dict[Term, Term] = field(default_factory=dict)
    _translated: bool = False
    events: dict[str, str] = field(default_factory=dict)
    """Where the architectures are two: the second's names of digests → the first's (:mod:`.across`)."""
    passes: tuple[Passes, Passes] = (Passes(), Passes())
    """The same: what comes in with a pass, in the words of the first and of the second."""

    def first_identity(self, name: str) -> str:
        """The name by which both know an extern instance of the first program."""
        return f"{name}:{ir.instance_text(self.first, name)}"

    def second_identity(self, name: str) -> str:
        """The name by which both know an extern instance of the second program."""
        return f"{self.instances.get(name, name)}:{ir.instance_text(self.second, name)}"

    def in_first_words(self, behaviour: Behaviour, own: str = "") -> Behaviour:
        """A behaviour of the second program over the first one's tables and state.

        Args:
            behaviour: in the second program's words.
            own: put in front of what tables that cannot be paired answer, which are then functions of their own.

        Raises:
            Unsupported: without ``own``, that it asks such a table, with the table's name and place.
        """
        from .proofs.choices import map_terms

        if not self._translated:
            self._translate()
            self._translated = True
        renamed = map_terms(behaviour, partial(self._substituted, own=own), {})
        cases = []
        for case in renamed.cases:
            outputs = tuple(replace(o, state={self.state_name(n): t for n, t in o.state.items()}) for o in case.outputs)
            state = {self.state_name(n): t for n, t in case.state.items()}
            cases.append(replace(case, outputs=outputs, state=state))
        return replace(renamed, cases=tuple(cases))

    def notes(self) -> tuple[str, ...]:
        """What the verdict should repeat: tables that the second program calls something else."""
        names = [(p.first.control_name, p.second.control_name) for p in self.tables]
        renamed = [(x, y) for x, y in names if x != y and not y.endswith(f".{x}")]
        return tuple(f"table {x} is called {y} in the second program" for x, y in renamed)

    def relations(self) -> tuple[str, ...]:
        """What is assumed of whoever fills the second program's tables, beside that names are names."""
        guessed = {id(pair) for pair in self.guessed}
        copies = [p for p in self.tables if id(p) in guessed or self._copied(p.first)]
        told = [
            f"the second program's table {p.second.control_name} has the rules of {p.first.control_name}"
            + (", whose keys and actions it has" if id(p) in guessed else "")
            for p in copies
        ]
        return (*told, *(derived.text() for derived in self.derived))

    def room(self) -> tuple[str, ...]:
        """What is assumed of how many rules there are."""
        small = [p.second for p in self.tables if p.has_less_room and not (p.second.const_entries or not p.second.keys)]
        holders = [("table", t) for t in small] + [("value set", s) for s in self.value_sets.smaller]
        return tuple(
            f"the rules fit the second program's {what} {x.control_name}, of size {x.size}" for what, x in holders
        )

    def sources_agree(self) -> bool:
        """Whether the entries and defaults in the source of derived tables are those that follow from the first's."""
        if not self.derived:
            return True
        try:
            follow, own = self.second_rules(program_rules(self.first)), program_rules(self.second)
        except Unsupported:
            return False

        def told(rules: RuleSet, table: ir.Table) -> tuple[object, ...]:
            entries = [(rule.matches, rule.action) for rule in rules.of(table.control_name)]
            return entries, rules.default_call(table.control_name) or default_call(self.second, table)

        return all(told(follow, derived.second) == told(own, derived.second) for derived in self.derived)

    @property
    def in_order(self) -> bool:
        """Whether paired tables have their keys and parameters, of an action each, in one order."""
        orders = [order for pair in self.tables for order in (pair.keys, *pair.params.values())]
        return all(order == tuple(range(len(order))) for order in orders)

    def _copied(self, table: ir.Table) -> bool:
        """Whether several of the second's tables have the rules of one of the first."""
        return sum(pair.first is table for pair in self.tables) > 1

    def actions_of(self, pair: TablePair, number: int) -> tuple[ir.Action, ir.Action]:
        """The first's and the second's action that has this number in the second's list."""
        left, right = actions_of_table(self.first, pair.first), actions_of_table(self.second, pair.second)
        mine, theirs = table_actions(pair.first)[pair.actions[number]], table_actions(pair.second)[number]
        return left[mine.action], right[theirs.action]

    def _substituted(self, terms: list[Term], own: str = "") -> list[Term]:
        functions, variables = dict(self._functions), dict(self._variables)
        for call in b.applications(*terms):
            new = self._refused(call.name, own) or self.renamed(call.name)
            if new != call.name:
                functions[call.name] = partial(b.apply, new, call.sort)
        for variable in b.variables(*terms):
            new = self._refused(variable.name, own) or self.renamed(variable.name)
            if new != variable.name:
                variables[variable] = b.var(new, variable.sort)
        return b.substitute(terms, variables, functions)

    def _refused(self, name: str, own: str) -> str:
        """The name of what a table that cannot be paired answers, with ``own`` in front; "" for all else."""
        if name.startswith("table."):
            unknown = self.value_sets.problems.get(name.removeprefix("table.").removesuffix(".hit"))
            if unknown is not None:
                raise unknown
            for table, problem in self.problems.items():
                if name.startswith(f"table.{table}."):
                    if not own:
                        raise problem
                    return own + name
        return ""

    def renamed(self, name: str) -> str:
        """The first's name of a state's or value set's function, or of the index of a state's cell."""
        found = _OF_A_STATE.match(name)
        if found is not None:
            return found[1] + self.state_name(found[2])
        if name.startswith(OF_UNKNOWN):
            return self._called(name)
        if name.startswith("table.") and name.endswith(".hit"):
            known = self.value_sets.names.get(name[len("table.") : -len(".hit")])
            return f"table.{known}.hit" if known is not None else name
        return name

    def _called(self, name: str) -> str:
        """The first's name of a function of an extern that the programs declare: the instance's name is in it."""
        called = name.removeprefix(OF_UNKNOWN)
        for second, first in self.instances.items():
            if called.startswith(f"{second}."):
                return OF_UNKNOWN + first + called.removeprefix(second)
        return name

    def state_name(self, name: str) -> str:
        """The first's name of a state: an instance's name, with what of it is meant behind it."""
        if name.startswith(OF_UNKNOWN):
            return OF_UNKNOWN + self.state_name(name.removeprefix(OF_UNKNOWN))
        stem = name
        while stem and stem not in self.instances:
            stem = stem.rpartition(".")[0]
        return f"{self.instances[stem]}{name.removeprefix(stem)}" if stem else name

    def _translate(self) -> None:
        for pair in self.tables:
            functions, variables = translation(self, pair)
            self._functions |= functions
            self._variables |= variables
        for derived in self.derived:
            functions, variables = self.words_of(derived)
            self._functions |= functions
            self._variables |= variables

    def words_of(self, derived: Derived) -> Words:
        """What a derived table answers over what its sources answer."""
        return derived_words(derived, self.first)

    def second_rules(self, rules: RuleSet) -> RuleSet:
        """Rules of the first program as the second one's.

        Raises:
            Unsupported: a rule's action is none of the second's, or they are too many for a table, or what a value set
                holds is not known.
        """
        for problem in self.value_sets.problems.values():
            raise problem
        entries: dict[str, tuple[Rule, ...]] = {}
        defaults: dict[str, Answer] = {}
        for pair in self.tables:
            first, second = pair.first.control_name, pair.second.control_name
            if first in rules.entries:
                entries[second] = tuple(
                    Rule(second, tuple(r.matches[k] for k in pair.matched), self._answer(pair, r.action), r.priority)
                    for r in rules.entries[first]
                    if pair.can_match(r)
                )
            if first in rules.defaults:
                defaults[second] = self._answer(pair, rules.defaults[first])
        for derived in self.derived:
            name = derived.second.control_name
            entries[name] = derived_entries(derived, self.first, rules)
            default = derived_default(derived, self.first, rules)
            if default is not None:
                defaults[name] = default
        names = self.value_sets.names
        sets = {second: rules.value_sets[first] for second, first in names.items() if first in rules.value_sets}
        return replace(rules, entries=entries, defaults=defaults, value_sets=sets)

    def _answer(self, pair: TablePair, answer: Answer) -> Answer:
        if isinstance(answer, GroupRef):
            raise Unsupported(f"a group of table {pair.first.control_name}", pair.second.span)
        names = [ref.action for ref in table_actions(pair.first)]
        for second, first in pair.actions.items():
            if names[first] == answer.action:
                args = tuple(answer.args[k] for k in pair.leaves[second])
                if any(arg >> width for arg, width in zip(args, pair.widths.get(second, ()), strict=False)):
                    reason = f"table {pair.second.control_name}: an argument of {answer.action} that it has no room for"
                    raise Unsupported(reason, pair.second.span)
                return ActionCall(table_actions(pair.second)[second].action, args)
        raise Unsupported(f"table {pair.second.control_name} has no action {answer.action}", pair.second.span)


def pair_programs(first: ir.Program, second: ir.Program, said: ProgramMap = NOTHING_SAID) -> Pairing:
    """Pair what has control-plane names, by what a user has said of them first. Tables that nobody can change (no keys
    or const entries, const default) need no partner.

    Raises:
        InputError: what was said names something that is not there.
    """
    pairing = Pairing(first, second)
    pair_all_tables(pairing, said)
    mine, theirs = [i.name for i in first.instances], [i.name for i in second.instances]
    pairing.instances = partners(theirs, mine, told(said, "state", mine, theirs))
    pairing.value_sets = pair_value_sets(first, second)
    return pairing
