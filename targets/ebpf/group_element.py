"""What an element of the map of multicast groups or clone sessions holds, put into what an object does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    def apart(self, terms: Sequence[Term]) -> dict[Term, Term]:
        """The largest parts of terms that the element has no part in, each as it is: a substitution of what the element
        holds has no need to look into them, and is done for each number of members."""
        asking = b.leading_to(terms, self._asks)
        parts = (*terms, *(part for term in asking for part in term.args))
        return {part: part for part in parts if part not in asking}

    def holding(
        self, terms: Sequence[Term], apart: Mapping[Term, Term], count: int | None, number: int | None = None
    ) -> list[Term]:
        """Terms where the element holds ``count`` members (None: is not there); ``apart`` is what it has no part in,
        ``number`` the place of the member that is looked at."""
        places = [_other(place) for place in range(MOST)]
        if number is not None:
            places[number] = _held(self.member.port, self.member.instance)
        held_count = b.bv(count or 0, 8 * COUNT_BYTES)
        value = b.concat(host_order(held_count), *places, host_order(self.class_of_service))
        there, content = names(self.groups)

        def found(asked: Term) -> Term:
            return b.boolean(count is not None) if asked is self.key else b.apply(there, b.BOOL, asked)

        def held(asked: Term) -> Term:
            return value if asked is self.key else b.apply(content, value.sort, asked)

        return b.substitute(list(terms), apart, {there: found, content: held})

    def sent(self, output: Output, apart: Mapping[Term, Term], count: int | None, number: int | None) -> Output | None:
        """What is sent if the group has ``count`` members (None: is not set up), to the one in place ``number`` (None:
        to none of them); None if nothing is."""
        terms = output.terms()
        held = self.holding(terms, apart, count, number)
        made = output.mapped(dict(zip(terms, held, strict=True)))
        return None if made.when is b.FALSE else replace(made, each=() if number is None else (self.member,))

    def _asks(self, term: Term) -> bool:
        """Whether a term is what the element is asked for."""
        return term.op == "apply" and term.name in names(self.groups) and term.args[0] is self.key


def names(groups: Groups) -> tuple[str, str]:
    """What the map's meaning calls whether there is an element, and what it holds."""
    return f"map.{groups.map.name}.found", f"map.{groups.map.name}.value"


def of_others(*terms: Term) -> bool:
    """Whether terms hang on members other than the one that is looked at."""
    return any(v.name.startswith(tuple(_OTHERS)) for v in b.variables(*terms))


def _other(place: int) -> Term:
    return _held(b.var(f"{_OTHERS[place]}.port", 32), b.var(f"{_OTHERS[place]}.instance", 16))


def _held(port: Term, instance: Term) -> Term:
    """A member as an element holds it."""
    return b.concat(host_order(port), host_order(b.zext(instance, 32)))


__all__ = ["Element", "names", "of_others"]
