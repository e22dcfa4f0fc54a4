"""Which member of an action selector's group answers: the switch's to choose, so a choice of the program, too.

The program's pick is a function of the selector's key that the architecture leaves open
(:mod:`....semantics.meaning.selectors`). A switch chooses by itself, so flows are right if for each frame some pick
makes the program do what the switch does. A pick that is asked with several keys for one frame is one function still:
where the keys are equal, so are the answers (Ackermann's expansion). That all frames with one key get one member is not
compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Behaviour, Choice, distinct_terms
from ...semantics.rules.ruleset import RuleSet

PICK: Final = "select."
NOTE: Final = "which member of a group answers is the switch's choice, for each frame anew"


def settled(program: Behaviour, rules: RuleSet | None) -> Behaviour:
    """The program's behaviour with the picks of its selectors as choices."""
    terms = distinct_terms(program.cases)
    asked = [term for term in b.applications(*terms) if term.name.startswith(PICK)]
    if not asked or rules is None:
        return program
    sizes = {
        f"{PICK}{name}.{group}": len(members)
        for name, profile in rules.profiles.items()
        for group, members in profile.groups.items()
    }
    chosen: dict[Term, Term] = {}
    choices = []
    earlier: dict[str, list[tuple[tuple[Term, ...], Term]]] = {}
    for number, call in enumerate(asked):  # those within the keys of others come first
        size = b.bv(sizes[call.name.rpartition(".")[0]], call.width)
        free = b.var(f"any.{call.name}.{number}", call.width)
        value = b.ite(b.ult(free, size), free, b.bv(0, call.width))
        key = tuple(b.substitute(list(call.args), chosen))
        for other, answer in reversed(earlier.setdefault(call.name, [])):
            same = b.and_(*(b.eq(x, y) for x, y in zip(key, other, strict=True)))
            value = b.ite(same, answer, value)
        earlier[call.name].append((key, value))
        chosen[call] = value
        choices.append(Choice(free, NOTE))
    cases = []
    for case in program.cases:
        told = case.terms()
        cases.append(case.mapped(dict(zip(told, b.substitute(told, chosen), strict=True))))
    axioms = tuple(t for t in program.axioms if not any(a.name.startswith(PICK) for a in b.applications(t)))
    notes = (*program.notes, NOTE)
    return replace(program, cases=tuple(cases), axioms=axioms, choices=(*program.choices, *choices), notes=notes)


__all__ = ["settled"]
