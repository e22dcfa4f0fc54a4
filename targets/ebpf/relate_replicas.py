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
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Case, Fault, Output
from ...semantics.source import NOWHERE, Unsupported
from . import relate_in_turn
from .cells_of_copies import Cells
from .group_element import Element, names, of_others
from .relate_places import PLACE, Attributed, NotAlike, at_places, with_members
from .replicas import MOST, Groups

MOST_PARTS: Final = 4
"""Conditions by which a case is taken apart, one after the other."""
_UNLIKE = "a frame that is not sent alike to all members of a multicast group or clone session"


def told(cases: Sequence[Case], groups: Groups, cells: Cells) -> tuple[list[Case], list[Fault]]:
    """The cases with their copies for any member; and those whose copies belong to no member, or where something else
    hangs on a group's members, as faults: the comparison has to show that no input meets them (a helper fails that
    cannot), else it is unsupported.

    Args:
        cases: of an object.
        groups: the kind of groups that its copies go to.
        cells: the program's cells that its maps hold.

    Raises:
        Unsupported: there are such only.
    """
    out, faults, alike = [], [], False
    parts = [part for case in cases for part in _parts(case, groups, cells)]
    for case in parts:
        try:
            found, wrong = _case_told(case, groups, cells)
        except NotAlike:
            faults.append(Fault(case.guard, _UNLIKE, unsaid=True))
            continue
        alike |= any(output.each for output in found.outputs)
        out.append(found)
        if wrong is not b.FALSE:
            faults.append(Fault(wrong, _UNLIKE, unsaid=True))
    if faults and not alike:
        raise Unsupported(_UNLIKE, NOWHERE)
    return out, faults


def faults_told(faults: Sequence[Fault], groups: Groups) -> list[Fault]:
    """The faults; before each that hangs on what one element holds the same where that holds any members: so that
    groups are found that lead there. The fault as it was stays, for cases and faults together cover every input."""
    found = []
    for fault in faults:
        keys = _keys([fault.guard], groups)
        if len(keys) == 1:
            found.append(replace(fault, guard=with_members(fault.guard, Element(groups, *keys))))
        found.append(fault)
    return found


def _parts(case: Case, groups: Groups, cells: Cells, depth: int = MOST_PARTS) -> list[Case]:
    """A case where paths with copies and others meet, apart: what they leave in cells has no form in common."""
    if case.guard is b.FALSE:
        return []
    written = [term for name, term in case.state.items() if name in cells.shapes]
    for key in _keys(written, groups) if depth else ():
        left = Element(groups, key).ways(written)[0]
        for term in b.substitute(left, {}, cells.elements):
            condition = term.args[0] if term.op == "ite" else b.TRUE
            if condition.is_const or any(v.name.startswith("at.") for v in b.variables(condition)):
                continue
            ways = [replace(case, guard=b.and_(case.guard, where)) for where in (condition, b.not_(condition))]
            told = [_by_its_guard(way, groups) for way in ways]
            whole = [replace(way, guard=b.and_(way.guard, *about)) for way, about in told]
            return [part for way in whole for part in _parts(way, groups, cells, depth - 1)]
    return [case]


def _case_told(case: Case, groups: Groups, cells: Cells) -> tuple[Case, Term]:
    """The case, and where it may be another one. Paths with few members and with many meet again: what its guard says
    of groups has to come to the same whatever they hold, and is said as it is where they hold as many as they can."""
    if not _keys(case.terms(), groups):
        return case, b.FALSE
    case, about = _by_its_guard(case, groups)
    reached = b.and_(*about)
    sent = [term for output in case.outputs for term in output.terms()]
    keys = _keys([*sent, *case.terms(), reached], groups)
    missed, differ = [], []
    for key in reversed(keys):  # what is told later comes before what was told (:func:`_told`)
        element = Element(groups, key)
        ways = [way for [way] in element.ways([reached]).values()]
        reached = ways[-1]
        missed += [b.ne(way, reached) for way in ways]
        case, unlike = _told(case, element, cells, alone=len(keys) == 1)
        differ.append(unlike)
    wrong = b.and_(case.guard, b.or_(*missed, b.and_(reached, b.or_(*differ))))
    return replace(case, guard=b.and_(case.guard, reached)), wrong


def _keys(terms: Sequence[Term], groups: Groups) -> list[Term]:
    """The numbers of groups that are asked, in the order of the terms."""
    return list(dict.fromkeys(call.args[0] for call in b.applications(*terms) if call.name in names(groups)))


def _by_its_guard(case: Case, groups: Groups) -> tuple[Case, list[Term]]:
    """What is in the case said as far as its guard decides it, and the parts of the guard that hang on groups, which it
    then is without."""
    about, rest = list(b.conjuncts(case.guard)), list[Term]()
    known: dict[Term, Term] = {}
    while plain := [part for part in about if not _keys([part], groups)]:
        rest += plain
        known |= _said_outright(plain)
        left = b.and_(*b.substitute([part for part in about if part not in plain], known))
        about = [part for part in b.conjuncts(left) if part is not b.TRUE]
    inside = replace(case, guard=b.TRUE).substituted(known | _said_outright(about))
    sent = tuple(output for output in inside.outputs if output.when is not b.FALSE or output.state)
    told = tuple(event for event in inside.events if event.when is not b.FALSE)
    return replace(inside, guard=b.and_(*rest), outputs=sent, events=told), about


def _said_outright(parts: Sequence[Term]) -> dict[Term, Term]:
    """Conditions that hold, or do not, where all of these do."""
    return dict.fromkeys(parts, b.TRUE) | {part.args[0]: b.FALSE for part in parts if part.op == "not"}


def _told(case: Case, element: Element, cells: Cells, *, alone: bool) -> tuple[Case, Term]:
    """The case without what the element holds. ``alone``: no other element is asked."""
    differ = b.FALSE
    copied = [not output.each and element.mentioned([output.when]) for output in case.outputs]
    others = [_settled_output(o, element) for o, is_copy in zip(case.outputs, copied, strict=True) if not is_copy]
    sent = [o for o, is_copy in zip(case.outputs, copied, strict=True) if is_copy]
    metadata, state = (_settled(list(each.values()), element) for each in (case.metadata, case.state))
    case = replace(case, metadata=dict(zip(case.metadata, metadata, strict=True)))
    case = replace(case, state=dict(zip(case.state, state, strict=True)))
    if relate_in_turn.concerns(case, sent, element, cells):
        case, copies, differ = relate_in_turn.told(case, sent, element, cells)
    else:
        attributed = Attributed.of(sent, element)
        copies = _alike(attributed) or at_places(attributed, alone=alone)
    if element.mentioned([*case.state.values(), *(t for event in case.events for t in event.terms())]):
        raise NotAlike
    # What other groups are sent that was told before comes behind: kinds are told from the last one to the first.
    once, more = ([o for o in others if bool(o.each) is several] for several in (False, True))
    return replace(case, outputs=(*once, *copies, *more)), differ


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
