"""What an element of the map of multicast groups or clone sessions holds, put into what an object does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Output, Replication, of_a_copy, replication
from .fillup import host_order
from .replicas import COUNT_BYTES, MOST, Groups

_OTHERS: Final = [of_a_copy(0, f"other.{place}") for place in range(MOST)]
"""What begins the names of variables for what the other members in these places are."""


@dataclass(frozen=True)
class Element:
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

    def mentioned(self, terms: Sequence[Term]) -> bool:
        """Whether terms hang on what the element holds, or whether it is there."""
        return any(self._asks(call) for call in b.applications(*terms))

    def ways(self, terms: Sequence[Term]) -> dict[int | None, list[Term]]:
        """Number of members that the element holds (None: it is not there) → what terms are then."""
        asking = b.leading_to(terms, self._asks)
        parts = (*terms, *(part for term in asking for part in term.args))
        apart = {part: part for part in parts if part not in asking}  # need not be looked into for each number
        return {count: self._holding(terms, apart, count) for count in (None, *range(MOST + 1))}

    def _holding(self, terms: Sequence[Term], apart: Mapping[Term, Term], count: int | None) -> list[Term]:
        held_count = b.bv(count or 0, 8 * COUNT_BYTES)
        value = b.concat(host_order(held_count), *map(_other, range(MOST)), host_order(self.class_of_service))
        there, content = names(self.groups)

        def found(asked: Term) -> Term:
            return b.boolean(count is not None) if asked is self.key else b.apply(there, b.BOOL, asked)

        def held(asked: Term) -> Term:
            return value if asked is self.key else b.apply(content, value.sort, asked)

        return b.substitute(list(terms), apart, {there: found, content: held})

    def seen_by(self, terms: Sequence[Term], number: int) -> list[Term]:
        """Terms where the member in place ``number`` is the one that is looked at."""
        return b.substitute(list(terms), {_port(number): self.member.port, _instance(number): self.member.instance})

    def sent(self, outputs: Sequence[Output]) -> list[dict[int | None, Output]]:
        """For each output: number of members (None: the group is not set up) → what is sent then, to no member yet;
        without those for which nothing is. All outputs are looked at together: they share most of their terms."""
        terms = list(dict.fromkeys(term for output in outputs for term in output.terms()))
        found: list[dict[int | None, Output]] = [{} for _ in outputs]
        for count, way in self.ways(terms).items():
            held = dict(zip(terms, way, strict=True))
            for output, sent in zip(outputs, found, strict=True):
                if held[output.when] is not b.FALSE:
                    sent[count] = replace(output.mapped(held), each=())
        return found

    def to(self, number: int, outputs: Iterable[Output]) -> list[Output]:
        """What is sent, as copies for the member in place ``number``."""
        outputs = list(outputs)
        terms = list(dict.fromkeys(term for output in outputs for term in output.terms()))
        seen = dict(zip(terms, self.seen_by(terms, number), strict=True))
        return [replace(output.mapped(seen), each=(self.member,)) for output in outputs]

    def _asks(self, term: Term) -> bool:
        """Whether a term is what the element is asked for."""
        return term.op == "apply" and term.name in names(self.groups) and term.args[0] is self.key


def names(groups: Groups) -> tuple[str, str]:
    """What the map's meaning calls whether there is an element, and what it holds."""
    return f"map.{groups.map.name}.found", f"map.{groups.map.name}.value"


def of_others(*terms: Term) -> set[int]:
    """The places of the members other than the one that is looked at that terms hang on."""
    names = {v.name for v in b.variables(*terms)}
    return {place for place in range(MOST) if not names.isdisjoint({_port(place).name, _instance(place).name})}


def place_of(port: Term) -> int | None:
    """The place of the member whose port this is; None if it is no member's."""
    return next((place for place in range(MOST) if port is _port(place)), None)


def _other(place: int) -> Term:
    return _held(_port(place), _instance(place))


def _port(place: int) -> Term:
    return b.var(f"{_OTHERS[place]}.port", 32)


def _instance(place: int) -> Term:
    return b.var(f"{_OTHERS[place]}.instance", 16)


def _held(port: Term, instance: Term) -> Term:
    """A member as an element holds it."""
    return b.concat(host_order(port), host_order(b.zext(instance, 32)))


__all__ = ["Element", "names", "of_others", "place_of"]
