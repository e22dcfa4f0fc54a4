"""Copies to the members of a group, as an object sends them one by one, told as the program tells them: for any member.

The object looks a group up and sends a copy for each member that the element holds. What it sends for the k-th one
is a function of that member's port and instance, and is sent where there are more than k members. If that function is
the same for every k that an element has room for (:data:`.replicas.MOST`), then it is what is sent for any member of
the group, because the map holds the group's members in these places and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Case, Fault, Output, Replication, replication
from ...semantics.source import NOWHERE, Unsupported
from .fillup import host_order
from .replicas import COUNT_BYTES, MEMBER_BYTES, MOST, Groups

_OTHER = "group.member."
"""What begins the names of variables for other members."""
_PLACE = b.var("in.ebpf.place", 8)
"""The place of the member that is looked at."""
_UNLIKE = "a frame that is not sent alike to all members of a multicast group or clone session"


class _NotAlike(Exception):
    """What is sent is not the same function for every member, or something else depends on a group's members."""


@dataclass(frozen=True)
class _Copy:
    """What is sent for the member in place ``number``, as a function of ``each.0.*``."""

    number: int
    output: Output


def told(cases: Sequence[Case], groups: Groups) -> tuple[list[Case], list[Fault]]:
    """The cases with their copies for any member; and those where they are not the same for all members, or what is
    told depends on a group's members, as faults: the comparison has to show that no input meets them (a helper fails
    that cannot), else it is unsupported.

    Raises:
        Unsupported: there is none in which they are the same.
    """
    out, faults, alike = [], [], False
    for case in cases:
        try:
            found = _case_told(case, groups)
        except _NotAlike:
            faults.append(Fault(case.guard, _UNLIKE, unsaid=True))
            continue
        alike |= any(output.each for output in found.outputs)
        out.append(found)
    if faults and not alike:
        raise Unsupported(_UNLIKE, NOWHERE)
    return out, faults


def _case_told(case: Case, groups: Groups) -> Case:
    keys = {call.args[0] for call in b.applications(*case.terms()) if call.name in _names(groups)}
    for key in keys:
        case = _told(case, _Element(groups, key))
    return case


def _names(groups: Groups) -> tuple[str, str]:
    """What the map's meaning calls whether there is an element, and what it holds."""
    return f"map.{groups.map.name}.found", f"map.{groups.map.name}.value"


@dataclass(frozen=True)
class _Element:
    """The element of one group."""

    groups: Groups
    key: Term

    @property
    def member(self) -> Replication:
        """Any member of the group."""
        return replication(self.groups.kind, host_order(self.key))

    @property
    def class_of_service(self) -> Term:
        """What the control plane gave to a clone session, 32 bits; 0 for multicast groups."""
        if self.groups.kind == "multicast":
            return b.bv(0, 32)
        return b.zext(b.apply("session.class_of_service", b.bit_vector(8), host_order(self.key)), 32)


def _told(case: Case, element: _Element) -> Case:
    """The case without what the element holds."""
    out: list[Output] = []
    copies: list[_Copy] = []
    for output in case.outputs:
        copy = None if output.each else _copy(output, element)
        if copy is not None:
            copies.append(copy)
        else:
            out.append(_settled_output(output, element))
    [guard] = _settled([case.guard], element)
    names = [*case.metadata, *case.state]
    values = dict(zip(names, _settled([*case.metadata.values(), *case.state.values()], element), strict=True))
    if any(_mentions(event.terms(), element) for event in case.events):
        raise _NotAlike
    return Case(
        guard,
        (*out, *_for_any(copies)),
        {name: values[name] for name in case.metadata},
        {name: values[name] for name in case.state},
        case.events,
    )


def _mentions(terms: Sequence[Term], element: _Element) -> bool:
    return any(_asks(call, element) for call in b.applications(*terms))


def _asks(term: Term, element: _Element) -> bool:
    """Whether a term is what the element is asked for."""
    return term.op == "apply" and term.name in _names(element.groups) and term.args[0] is element.key


def _apart(terms: Sequence[Term], element: _Element) -> dict[Term, Term]:
    """The largest parts of terms that the element has no part in, each as it is: a substitution of what the element
    holds has no need to look into them, and is done for each number of members."""
    asking = b.leading_to(terms, lambda term: _asks(term, element))
    parts = (*terms, *(part for term in asking for part in term.args))
    return {part: part for part in parts if part not in asking}


def _settled_output(output: Output, element: _Element) -> Output:
    terms = output.terms()
    return output.mapped(dict(zip(terms, _settled(terms, element), strict=True)))


def _settled(terms: Sequence[Term], element: _Element) -> list[Term]:
    """Terms without the element, if they plainly are the same whatever it holds; else as they are, and what it holds is
    then anything."""
    if not _mentions(terms, element):
        return list(terms)
    places = [b.var(f"{_OTHER}{n}", 8 * MEMBER_BYTES) for n in range(MOST)]
    apart = _apart(terms, element)
    ways = [_holding(terms, element, apart, places, count) for count in (None, *range(MOST + 1))]
    if any(way != ways[0] for way in ways) or any(v.name.startswith(_OTHER) for v in b.variables(*ways[0])):
        return list(terms)
    return ways[0]


def _holding(
    terms: Sequence[Term], element: _Element, apart: Mapping[Term, Term], places: Sequence[Term], count: int | None
) -> list[Term]:
    """Terms where the element holds ``count`` members (None: is not there); ``apart`` is what it has no part in,
    ``places`` are those of all."""
    held_count = b.bv(count or 0, 8 * COUNT_BYTES)
    value = b.concat(host_order(held_count), *places, host_order(element.class_of_service))
    there, content = _names(element.groups)

    def found(asked: Term) -> Term:
        return b.boolean(count is not None) if asked is element.key else b.apply(there, b.BOOL, asked)

    def held(asked: Term) -> Term:
        return value if asked is element.key else b.apply(content, value.sort, asked)

    return b.substitute(list(terms), apart, {there: found, content: held})


def _copy(output: Output, element: _Element) -> _Copy | None:
    """Which member's copy this is, and the copy for any; None if it is none."""
    if not _mentions([output.when], element):
        return None
    terms = output.terms()
    apart = _apart(terms, element)
    for number in range(MOST):
        sent = _as_member(output, element, apart, number, MOST)
        if sent is not None and not any(v.name.startswith(_OTHER) for v in b.variables(*sent.terms())):
            counted = [_as_member(output, element, apart, number, count) for count in range(MOST)]
            expected = [None] * (number + 1) + [sent] * (MOST - 1 - number)
            if counted == expected and _as_member(output, element, apart, number, None) is None:
                return _Copy(number, sent)
    return None


def _as_member(
    output: Output, element: _Element, apart: Mapping[Term, Term], number: int, count: int | None
) -> Output | None:
    """What is sent if the group has ``count`` members (None: is not set up), any of which has place ``number``; None if
    nothing is."""
    member = element.member
    places = [b.var(f"{_OTHER}{n}", 8 * MEMBER_BYTES) for n in range(MOST)]
    places[number] = b.concat(host_order(member.port), host_order(b.zext(member.instance, 32)))
    terms = output.terms()
    made = output.mapped(dict(zip(terms, _holding(terms, element, apart, places, count), strict=True)))
    return None if made.when is b.FALSE else replace(made, each=(member,))


def _for_any(sent: Sequence[_Copy]) -> list[Output]:
    """The outputs for any of the members for which they are sent."""
    by_place: dict[int, list[Output]] = {number: [] for number in range(MOST)}
    for copy in sent:
        by_place[copy.number].append(copy.output)
    if any(len(outputs) != len(by_place[0]) for outputs in by_place.values()):
        raise _NotAlike
    return [_at_any_place(outputs) for outputs in zip(*by_place.values(), strict=True)]


def _at_any_place(outputs: Sequence[Output]) -> Output:
    """What a member gets, whichever place it has: the same in each, in conditions that may be written differently. A
    member has one of the places, so what is proven for any of them is proven for it."""
    first, *_ = outputs
    if any(replace(output, when=first.when) != first for output in outputs):
        raise _NotAlike
    when = first.when
    for number, output in enumerate(outputs):
        if output.when is not first.when:
            when = b.ite(b.eq(_PLACE, b.bv(number, _PLACE.width)), output.when, when)
    return replace(first, when=when)


__all__ = ["told"]
