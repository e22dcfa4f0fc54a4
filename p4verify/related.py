"""A machine's behaviour and a program's brought to the same words: the fill-up, applied.

A :class:`~.targets.base.Relation` says what the machine's own functions (``map.*``) are in terms of the program's
(``table.*``) or the other way round, and how cells of state correspond. Here it is substituted into both behaviours.
Its obligations are proven apart (:class:`.checks.Checker`): they speak of rules, not of packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .on_numbers import all_terms
from .proofs.choices import map_terms
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning import lookup
from .semantics.meaning.behaviour import Behaviour, Case
from .targets.base import Relation, StateRelation
from .targets.telling import arbitrary, initial, renamed


def relate(program: Behaviour, machine: Behaviour, relation: Relation) -> tuple[Behaviour, Behaviour]:
    """Both behaviours, over the program's functions and the machine's cells of state."""
    program = in_the_machines_tables(in_the_machines_cells(program, relation), relation)
    machine = in_the_programs_cells(machine, relation)
    machine = map_terms(machine, lambda terms: b.substitute(terms, relation.variables, relation.functions), {})
    axioms, notes = (*machine.axioms, *relation.axioms), (*machine.notes, *relation.notes)
    return program, replace(machine, axioms=axioms, notes=notes)


def in_the_machines_tables(program: Behaviour, relation: Relation) -> Behaviour:
    """The program, whose functions are told by what the machine holds where the relation says how."""
    if not relation.tables:
        return program
    return map_terms(program, lambda terms: b.substitute(terms, {}, relation.tables), {})


def with_legal_answers(program: ir.Program, side: Behaviour) -> Behaviour:
    """A side of which what :func:`_legal_answers` says is assumed."""
    return replace(side, axioms=(*side.axioms, *_legal_answers(program, side)))


def _legal_answers(program: ir.Program, side: Behaviour) -> tuple[Term, ...]:
    """What is true of every legal rule set, for each answer that a side asks for: it names an action that an entry,
    or a default, may have. A default action outside of the table's list has the index behind the list's last."""
    asked = all_terms(side)
    defaults = {v.name: v for v in b.variables(*asked) if v.name.endswith(".default.action")}
    answers: dict[str, list[Term]] = {}
    for call in b.applications(*asked):
        answers.setdefault(call.name, []).append(call)
    axioms = []
    for _, table in program.tables():
        name = f"table.{table.control_name}"
        by_entry = [i for i, ref in enumerate(table.actions) if not ref.default_only]
        by_default = [i for i, ref in enumerate(table.actions) if not ref.table_only]
        if all(ref.action != table.default.action for ref in table.actions):
            by_default.append(len(table.actions))
        for asked_of in (table.control_name, table.control_name + lookup.SLOT):
            calls = answers.get(lookup.action_name(asked_of), ())
            axioms += [_one_of(call, by_entry) for call in calls if by_entry]
        if f"{name}.default.action" in defaults:
            axioms.append(_one_of(defaults[f"{name}.default.action"], by_default))
    return tuple(axioms)


def _one_of(term: Term, numbers: Sequence[int]) -> Term:
    return b.or_(*(b.eq(term, b.bv(n, term.width)) for n in numbers))


def in_the_machines_cells(program: Behaviour, relation: Relation) -> Behaviour:
    """The program's behaviour, with all of its state as the machine holds it before the packet."""
    cells = {f"state.{s.program}": initial(s) for s in relation.states}
    program = replace(program, cases=tuple(_with_all_cells(case, relation.states) for case in program.cases))
    return map_terms(program, lambda terms: b.substitute(terms, {}, cells), {}) if cells else program


def in_the_programs_cells(machine: Behaviour, relation: Relation) -> Behaviour:
    """The machine's behaviour with its state told in the program's names, indexes and values, and what it sends as
    the program tells it."""
    cases = tuple(renamed(case, relation.states) for case in machine.cases)
    return relation.told(replace(machine, cases=cases))


def _with_all_cells(case: Case, states: Sequence[StateRelation]) -> Case:
    """The program's case, saying outright what holds of cells that it leaves alone."""
    unchanged = {s.program: initial(s)(arbitrary(s)) for s in states if s.program not in case.state}
    return replace(case, state={**case.state, **unchanged})
