"""Copies told one by one: what leaves for every member of a group, where the rules say who the members are.

A behaviour speaks of an arbitrary member (:class:`.behaviour.Replication`). A machine whose groups are baked in sends
the copies themselves; to be compared with it, each output for a group becomes one output for each member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from typing import Final

from .. import bits as b
from ..bits import Term
from ..rules import decide
from ..rules.ruleset import RuleSet
from ..source import Unsupported
from .behaviour import Behaviour, Case, Choice, Event, Fault, Output, Replication, is_choice_of_a_copy
from .opened import Lookup, NotSuitable, Opened

Members = Callable[[str, int], Sequence[tuple[int, int]]]
"""Kind and number of a group → its members, as (port, instance)."""
MAX_SAME: Final = 3
"""Frames out of one port that are told apart."""
MAX_OUTPUTS: Final = 4096
"""Outputs of one case, each member's counted."""


def groups_of(rules: RuleSet) -> tuple[list[tuple[str, int]], Members]:
    """Kind and number of all groups that there are, and who is in them."""
    groups = [*(("multicast", n) for n in rules.multicast), *(("clone", n) for n in rules.sessions)]
    return groups, lambda kind, number: decide.members(rules, kind, number)


def one_by_one(behaviour: Behaviour, groups: Sequence[tuple[str, int]], members: Members) -> Behaviour:
    """The behaviour without replications. ``groups``: kind and number of all groups that there are.

    Raises:
        Unsupported: copies change state, or depend on inputs of which each copy has its own.
    """
    each = [e for case in behaviour.cases for e in (*(o.each for o in case.outputs), *(o.each for o in case.events))]
    if not any(each):
        return behaviour
    made = _copies(behaviour, groups, members)
    choices = [c for c in behaviour.choices if c not in made.own]
    cases = tuple(made.case(case) for case in behaviour.cases)
    return replace(behaviour, cases=cases, choices=(*choices, *made.choices.values()))


def open_one_by_one(opened: Opened, groups: Sequence[tuple[str, int]], members: Members) -> Opened:
    """:func:`one_by_one` where tables are left open: each copy asks them for itself.

    Raises:
        NotSuitable: what copies ask them for depends on inputs of which each copy has its own.
        Unsupported: see :func:`one_by_one`.
    """
    told = one_by_one(opened.behaviour, groups, members)
    made = _copies(opened.behaviour, groups, members)
    lookups = tuple(one for asked in opened.lookups for one in made.lookups(asked))
    copied_to = frozenset() if told is opened.behaviour else ports_of(groups, members)
    return replace(opened, behaviour=told, lookups=lookups, copied_to=copied_to)


def ports_of(groups: Sequence[tuple[str, int]], members: Members) -> frozenset[int]:
    """The ports of all members."""
    return frozenset(port for kind, number in groups for port, _ in members(kind, number))


def by_port(behaviour: Behaviour, ports: Iterable[int]) -> Behaviour:
    """The behaviour with frames for these ports told port by port, the first one, the second one, ...: so the order
    among ports is left open, as it is among the members of a group."""
    told = sorted(ports)
    faults = list(behaviour.faults)
    cases = tuple(replace(case, outputs=tuple(_by_port(case, told, faults))) for case in behaviour.cases)
    return replace(behaviour, cases=cases, faults=tuple(faults))


def _by_port(case: Case, ports: Sequence[int], faults: list[Fault]) -> Iterator[Output]:
    others = list(case.outputs)
    for port in ports:
        number = b.bv(port, 32)
        before = [b.TRUE, *[b.FALSE] * MAX_SAME]  # how many have left there so far
        for output in case.outputs:
            here = b.and_(output.when, b.eq(output.port, number)) if output.to == "port" else b.FALSE
            if here is b.FALSE:
                continue
            for count in range(MAX_SAME):
                when = b.and_(before[count], here)
                if when is not b.FALSE:
                    yield replace(output, when=when, port=number, apart=(port, count))
            more = b.and_(case.guard, before[MAX_SAME], here)
            if more is not b.FALSE:
                faults.append(Fault(more, f"more than {MAX_SAME} frames out of port {port}"))
            stays = b.not_(here)
            for count in reversed(range(MAX_SAME + 1)):
                goes = b.and_(before[count - 1], here) if count else b.FALSE
                before[count] = b.or_(b.and_(before[count], stays), goes)
        others = [_not_there(output, number) for output in others]
    yield from (output for output in others if output.when is not b.FALSE)


def _not_there(output: Output, port: Term) -> Output:
    return replace(output, when=b.and_(output.when, b.ne(output.port, port))) if output.to == "port" else output


def _copies(behaviour: Behaviour, groups: Sequence[tuple[str, int]], members: Members) -> _Copies:
    return _Copies(groups, members, [c for c in behaviour.choices if is_choice_of_a_copy(c.variable)])


class _Copies:
    def __init__(self, groups: Sequence[tuple[str, int]], members: Members, own: Sequence[Choice]) -> None:
        self.groups = groups
        self.members = members
        self.own = own
        self.choices: dict[Term, Choice] = {}

    def case(self, case: Case) -> Case:
        outputs: list[Output] = []
        for each, alike in groupby(case.outputs, lambda output: output.each):  # one copy's stand side by side
            outputs += self._outputs(each, list(alike))
            if len(outputs) > MAX_OUTPUTS:
                raise Unsupported(f"more than {MAX_OUTPUTS} copies of one packet")
        events = tuple(one for e in case.events for one in self._events(e))
        return replace(case, outputs=tuple(outputs), events=events)

    def _outputs(self, each: Sequence[Replication], outputs: Sequence[Output]) -> Iterator[Output]:
        if not each:
            yield from outputs
            return
        if any(output.state for output in outputs):
            raise Unsupported("copies that change state of the program")
        for condition, mapping in self._each(each):
            for output in outputs:
                one = output.mapped(self._substituted(output.terms(), mapping))
                when = b.and_(condition, one.when)
                if when is not b.FALSE:
                    yield replace(one, when=when, each=())

    def _events(self, event: Event) -> Iterator[Event]:
        if not event.each:
            yield event
            return
        for condition, mapping in self._each(event.each):
            one = event.mapped(self._substituted(event.terms(), mapping))
            when = b.and_(condition, one.when)
            if when is not b.FALSE:
                yield replace(one, when=when, each=())

    def lookups(self, asked: Lookup) -> Iterator[Lookup]:
        """What each member asks. Raises NotSuitable if that depends on inputs of which each copy has its own."""
        if not asked.each:
            yield asked
            return
        for condition, mapping in self._each(asked.each):
            key, guard = b.substitute([asked.key, asked.guard], mapping)
            if any(_of_each_copy((key, guard))):
                raise NotSuitable("copies ask large tables for what each has of its own")
            guard = b.and_(condition, guard)
            if guard is not b.FALSE:
                yield Lookup(asked.table, key, guard)

    def _each(
        self, each: Sequence[Replication], outer: Mapping[Term, Term] = MappingProxyType({})
    ) -> Iterator[tuple[Term, Mapping[Term, Term]]]:
        """For each way to choose members: when the groups are theirs, and what stands for the members."""
        if not each:
            yield b.TRUE, outer
            return
        first = each[0]
        for kind, number in self.groups:
            if kind != first.kind:
                continue
            for place, (port, instance) in enumerate(self.members(kind, number)):
                here = {**outer, first.port: b.bv(port, 32), first.instance: b.bv(instance, 16)}
                for choice in self.own:
                    name = f"{choice.variable.name}.{kind}.{number}.{place}"
                    here[choice.variable] = self._choice(choice, name)
                asked = b.eq(b.substitute([first.group], outer)[0], b.bv(number, first.group.width))
                for condition, mapping in self._each(each[1:], here):
                    yield b.and_(asked, condition), mapping

    def _choice(self, choice: Choice, name: str) -> Term:
        variable = b.var(name, choice.variable.sort)
        self.choices.setdefault(variable, replace(choice, variable=variable))
        return variable

    def _substituted(self, terms: Sequence[Term], mapping: Mapping[Term, Term]) -> dict[Term, Term]:
        found = dict(zip(terms, b.substitute(terms, mapping), strict=True))
        for name in _of_each_copy(found.values()):
            raise Unsupported(f"copies that depend on {name}, of which each has its own")
        return found


def _of_each_copy(terms: Iterable[Term]) -> Iterator[str]:
    """The inputs in terms of which each copy has its own."""
    return (v.name for v in b.variables(*terms) if v.name.startswith("in.each."))
