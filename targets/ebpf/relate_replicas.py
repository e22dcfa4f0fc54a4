"""Copies to the members of a group, as an object sends them one by one, told as the program tells them: for any member.

The object looks a group up and sends a copy for each member that the element holds. What it sends for the k-th one
is a function of that member's port and instance, and is sent where there are more than k members. If that function is
the same for every k that an element has room for (:data:`.replicas.MOST`), then it is what is sent for any member of
the group, because the map holds the group's members in these places and nothing else. Else the member's place is part
of what it gets: :mod:`.relate_places`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Case, Fault, Output
from ...semantics.source import NOWHERE, Unsupported
from .group_element import Element, names, of_others
from .relate_places import PLACE, Attributed, NotAlike, at_places, with_members
from .replicas import MOST, Groups

_UNLIKE = "a frame that is not sent alike to all members of a multicast group or clone session"


def told(cases: Sequence[Case], groups: Groups) -> tuple[list[Case], list[Fault]]:
    """The cases with their copies for any member; and those whose copies belong to no member, or where something else
    hangs on a group's members, as faults: the comparison has to show that no input meets them (a helper fails that
    cannot), else it is unsupported.

    Raises:
        Unsupported: there are such only.
    """
    out, faults, alike = [], [], False
    for case in cases:
        try:
            found = _case_told(case, groups)
        except NotAlike:
            faults.append(Fault(case.guard, _UNLIKE, unsaid=True))
            continue
        alike |= any(output.each for output in found.outputs)
        out.append(found)
    if faults and not alike:
        raise Unsupported(_UNLIKE, NOWHERE)
    return out, faults


def faults_told(faults: Sequence[Fault], groups: Groups) -> list[Fault]:
    """The faults; before each that hangs on what one element holds the same where that holds any members: so that
    groups are found that lead there. The fault as it was stays, for cases and faults together cover every input."""
    found = []
    for fault in faults:
        keys = {call.args[0] for call in b.applications(fault.guard) if call.name in names(groups)}
        if len(keys) == 1:
            found.append(replace(fault, guard=with_members(fault.guard, Element(groups, *keys))))
        found.append(fault)
    return found


def _case_told(case: Case, groups: Groups) -> Case:
    keys = {call.args[0] for call in b.applications(*case.terms()) if call.name in names(groups)}
    for key in keys:
        case = _told(case, Element(groups, key), alone=len(keys) == 1)
    return case


def _told(case: Case, element: Element, *, alone: bool) -> Case:
    """The case without what the element holds. ``alone``: no other element is asked."""
    copied = [not output.each and element.mentioned([output.when]) for output in case.outputs]
    out = [_settled_output(o, element) for o, is_copy in zip(case.outputs, copied, strict=True) if not is_copy]
    copies = Attributed.of([o for o, is_copy in zip(case.outputs, copied, strict=True) if is_copy], element)
    [guard] = _settled([case.guard], element)
    written = [*case.metadata, *case.state]
    values = dict(zip(written, _settled([*case.metadata.values(), *case.state.values()], element), strict=True))
    kept = [*(values[name] for name in case.state), *(t for event in case.events for t in event.terms())]
    if element.mentioned(kept):
        raise NotAlike
    return replace(
        case,
        guard=guard,
        outputs=(*out, *(_alike(copies) or at_places(copies, alone=alone))),
        metadata={name: values[name] for name in case.metadata},
        state={name: values[name] for name in case.state},
    )


def _settled_output(output: Output, element: Element) -> Output:
    terms = output.terms()
    return output.mapped(dict(zip(terms, _settled(terms, element), strict=True)))


def _settled(terms: Sequence[Term], element: Element) -> list[Term]:
    """Terms without the element, if they plainly are the same whatever it holds; else as they are, and what it holds is
    then anything."""
    if not element.mentioned(terms):
        return list(terms)
    first, *ways = element.ways(terms).values()
    return list(terms) if any(way != first for way in ways) or of_others(*first) else first


def _alike(copies: Sequence[Attributed]) -> list[Output] | None:
    """The outputs for any of the members for which copies are sent; None if they are not alike."""
    by_place: dict[int, list[Output]] = {number: [] for number in range(MOST)}
    for copy in copies:
        always = copy.always
        if always is None:
            return None
        by_place[copy.number].append(always)
    if any(len(outputs) != len(by_place[0]) for outputs in by_place.values()):
        return None
    found = [_at_any_place(outputs) for outputs in zip(*by_place.values(), strict=True)]
    return [each for each in found if each is not None] if None not in found else None


def _at_any_place(outputs: Sequence[Output]) -> Output | None:
    """What a member gets, whichever place it has: the same in each, in conditions that may be written differently;
    else None. A member has one of the places, so what is proven for any of them is proven for it."""
    first, *_ = outputs
    if any(replace(output, when=first.when) != first for output in outputs):
        return None
    when = first.when
    for number, output in enumerate(outputs):
        if output.when is not first.when:
            when = b.ite(b.eq(PLACE, b.bv(number, PLACE.width)), output.when, when)
    return replace(first, when=when)


__all__ = ["faults_told", "told"]
