"""Copies to the members of a group, as an object sends them one by one, told as the program tells them: for any member.

The object looks a group up and sends a copy for each member that the element holds. What it sends for the k-th one
is a function of that member's port and instance, and is sent where there are more than k members. If that function is
the same for every k that an element has room for (:data:`.replicas.MOST`), then it is what is sent for any member of
the group, because the map holds the group's members in these places and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Case, Output, Replication, replication
from ...semantics.source import NOWHERE, Unsupported
from .fillup import host_order
from .replicas import COUNT_BYTES, MAP, MEMBER_BYTES, MOST, NAME

_FOUND, _VALUE = f"map.{NAME}.found", f"map.{NAME}.value"
_OTHER = "group.member."
"""What begins the names of variables for other members."""


@dataclass(frozen=True)
class _Copy:
    """What is sent for the member in place ``number``, as a function of ``each.0.*``."""

    number: int
    output: Output


def told(case: Case) -> Case:
    """The case with its copies for any member.

    Raises:
        Unsupported: they are not the same for all members, or what is told depends on a group's members.
    """
    keys = {call.args[0] for call in b.applications(*case.terms()) if call.name in (_FOUND, _VALUE)}
    for key in keys:
        case = _told(case, key)
    return case


def _told(case: Case, key: Term) -> Case:
    """The case without what the element at ``key`` holds."""
    member = replication("multicast", host_order(key))
    out: list[Output] = []
    copies: list[_Copy] = []
    for output in case.outputs:
        copy = None if output.each else _copy(output, member, key)
        if copy is not None:
            copies.append(copy)
        else:
            out.append(_settled_output(output, key))
    [guard] = _settled([case.guard], key)
    names = [*case.metadata, *case.state]
    values = dict(zip(names, _settled([*case.metadata.values(), *case.state.values()], key), strict=True))
    if any(_mentions(event.terms(), key) for event in case.events):
        raise _unclear("what is told")
    return Case(
        guard,
        (*out, *_for_any(copies)),
        {name: values[name] for name in case.metadata},
        {name: values[name] for name in case.state},
        case.events,
    )


def _mentions(terms: Sequence[Term], key: Term) -> bool:
    return any(call.name in (_FOUND, _VALUE) and call.args[0] is key for call in b.applications(*terms))


def _settled_output(output: Output, key: Term) -> Output:
    terms = output.terms()
    return output.mapped(dict(zip(terms, _settled(terms, key), strict=True)))


def _settled(terms: Sequence[Term], key: Term) -> list[Term]:
    """Terms without the element, if they plainly are the same whatever it holds; else as they are, and what it holds is
    then anything."""
    if not _mentions(terms, key):
        return list(terms)
    places = [b.var(f"{_OTHER}{n}", 8 * MEMBER_BYTES) for n in range(MOST)]
    ways = [_holding(terms, key, places, count) for count in (None, *range(MOST + 1))]
    if any(way != ways[0] for way in ways) or any(v.name.startswith(_OTHER) for v in b.variables(*ways[0])):
        return list(terms)
    return ways[0]


def _holding(terms: Sequence[Term], key: Term, places: Sequence[Term], count: int | None) -> list[Term]:
    """Terms where the element at ``key`` holds ``count`` members (None: is not there); ``places`` are those of all."""
    value = b.concat(host_order(b.bv(count or 0, 8 * COUNT_BYTES)), *places)

    def found(asked: Term) -> Term:
        return b.boolean(count is not None) if asked is key else b.apply(_FOUND, b.BOOL, asked)

    def held(asked: Term) -> Term:
        return value if asked is key else b.apply(_VALUE, value.sort, asked)

    return b.substitute(list(terms), {}, {_FOUND: found, _VALUE: held})


def _unclear(what: str) -> Unsupported:
    return Unsupported(f"{what} depends on what map {NAME} holds", NOWHERE)


def _copy(output: Output, member: Replication, key: Term) -> _Copy | None:
    """Which member's copy this is, and the copy for any; None if it is none."""
    if not _mentions([output.when], key):
        return None
    for number in range(MOST):
        sent = _as_member(output, member, key, number, MOST)
        if sent is not None and not any(v.name.startswith(_OTHER) for v in b.variables(*sent.terms())):
            counted = [_as_member(output, member, key, number, count) for count in range(MOST)]
            expected = [None] * (number + 1) + [sent] * (MOST - 1 - number)
            if counted == expected and _as_member(output, member, key, number, None) is None:
                return _Copy(number, sent)
    return None


def _as_member(output: Output, member: Replication, key: Term, number: int, count: int | None) -> Output | None:
    """What is sent if the group has ``count`` members (None: is not set up), of which ``member`` has place ``number``;
    None if nothing is."""
    places = [b.var(f"{_OTHER}{n}", 8 * MEMBER_BYTES) for n in range(MOST)]
    places[number] = b.concat(host_order(member.port), host_order(b.zext(member.instance, 32)))
    terms = output.terms()
    made = output.mapped(dict(zip(terms, _holding(terms, key, places, count), strict=True)))
    return None if made.when is b.FALSE else replace(made, each=(member,))


def _for_any(sent: Sequence[_Copy]) -> list[Output]:
    """The outputs for any of the members for which they are sent."""
    by_place: dict[int, list[Output]] = {number: [] for number in range(MOST)}
    for copy in sent:
        by_place[copy.number].append(copy.output)
    first = by_place[0]
    if any(outputs != first for outputs in by_place.values()):
        raise _unclear("a frame that is not sent alike to all members")
    return first


__all__ = ["MAP", "told"]
