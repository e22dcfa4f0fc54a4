"""Which member of an action selector's group answers: the switch's to choose, so a choice of the program, too.

The program's pick is a function of the selector's key that the architecture leaves open
(:mod:`....semantics.meaning.selectors`). A switch chooses by itself, so flows are right if for each frame some pick
makes the program do what the switch does. A pick that is asked with several keys for one frame is one function still:
where the keys are equal, so are the answers (Ackermann's expansion). That all frames with one key get one member is not
compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import CHOICE, METER_COLOUR, Behaviour, Choice, distinct_terms
from ...semantics.meaning.selectors import PICK, is_pick
from ...semantics.rules.ruleset import ActionCall, GroupRef, RuleSet
from .artifact import Bridge
from .meaning.writes import PICK_BITS, bucket_choice, meter_choice

_GREEN, _RED = 0, 2
NOTE: Final = "which member of a group answers is the switch's choice, for each frame anew"


def settled(program: Behaviour, rules: RuleSet | None, bridge: Bridge) -> Behaviour:
    """The program's behaviour with the picks of its selectors as choices, and with guesses of what they have to be, and
    the colours of its meters, for the bridge to do the same (:attr:`...semantics.meaning.behaviour.Choice.likely`)."""
    program = _with_colours(program)
    terms = distinct_terms(program.cases)
    asked = [term for term in b.applications(*terms) if is_pick(term)]
    if not asked or rules is None:
        return program
    members = [_members(call, rules) for call in asked]
    guesses = _guesses(members, bridge)
    chosen: dict[Term, Term] = {}
    choices = []
    earlier: dict[str, list[tuple[tuple[Term, ...], Term]]] = {}
    for number, (call, these) in enumerate(zip(asked, members, strict=True)):  # those within others' keys come first
        free = b.var(f"{CHOICE}{call.name}.{number}", PICK_BITS)
        value = _one_of(these, free, call.width)
        key = tuple(b.substitute(list(call.args), chosen))
        for other, answer in reversed(earlier.setdefault(call.name, [])):
            same = b.and_(*(b.eq(x, y) for x, y in zip(key, other, strict=True)))
            value = b.ite(same, answer, value)
        earlier[call.name].append((key, value))
        chosen[call] = value
        choices.append(Choice(free, NOTE, likely=guesses[number]))
    cases = [case.substituted(chosen) for case in program.cases]
    axioms = tuple(t for t in program.axioms if not any(is_pick(a) for a in b.applications(t)))
    notes = (*program.notes, NOTE)
    return replace(program, cases=tuple(cases), axioms=axioms, choices=(*program.choices, *choices), notes=notes)


def _members(call: Term, rules: RuleSet) -> tuple[ActionCall, ...]:
    """Among whom a pick chooses."""
    profile, _, group = call.name.removeprefix(PICK).rpartition(".")[0].rpartition(".")
    return rules.members(GroupRef(profile, int(group)))


def _one_of(members: Sequence[ActionCall], free: Term, width: int) -> Term:
    """The number of a member, so that ``free`` counts those that differ; one beyond them stands for the last."""
    places = [members.index(call) for call in dict.fromkeys(members)]
    value = b.bv(places.pop(), width)
    for number, place in reversed(list(enumerate(places))):
        value = b.ite(b.eq(free, b.bv(number, free.width)), b.bv(place, width), value)
    return value


def _guesses(members: Sequence[Sequence[ActionCall]], bridge: Bridge) -> list[Term | None]:
    """For each pick, in order, the choice of the first group that has as many buckets and is not yet another pick's."""
    groups = [(g.number, sum(bucket.weight > 0 for bucket in g.buckets)) for g in bridge.groups if g.kind == "select"]
    found: list[Term | None] = []
    for these in members:
        fitting = next((one for one in groups if one[1] == len(set(these))), None)
        if fitting is not None:
            groups.remove(fitting)
        found.append(None if fitting is None else bucket_choice(fitting[0], 0))
    return found


def _with_colours(program: Behaviour) -> Behaviour:
    """Meters in the order in which they are asked: red for what the switch's drops, else green."""
    choices, asked = [], 0
    for choice in program.choices:
        if choice.reason == METER_COLOUR:
            variable = choice.variable
            drops = b.eq(meter_choice(asked), b.bv(1, 1))
            colour = b.ite(drops, b.bv(_RED, variable.width), b.bv(_GREEN, variable.width))
            choice, asked = replace(choice, likely=colour), asked + 1
        choices.append(choice)
    return replace(program, choices=tuple(choices))


__all__ = ["settled"]
