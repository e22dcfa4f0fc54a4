"""Entries that a program adds to its own tables (PNA's ``add_entry``): what it writes into a map, told as the program
tells it.

The meaning says of a map that is written what each element holds afterwards. From that follows at which key something
was written, and what an ``add_entry`` of the program's would have to say for it. What is no such thing (an element that
is replaced, taken out, or that holds no entry of the table) is told under a name of its own, which no program tells, so
that it has to be shown that it does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Behaviour, Case, Event, distinct_terms
from ...semantics.rules.learned import EVENT, FAILS
from .artifact import MapDef
from .fillup import host_order, key_bytes, value_bytes
from .layout import ACTION_BYTES, PROFILE_BYTES, ActionPart, KeyPart, TableLayout

PRESENT: Final = ".present"
"""What the meaning calls the state that says which elements a map has, behind the map's name."""
INDEX_BITS: Final = 16
"""Of an action's number in an event."""


def told(machine: Behaviour, learning: Sequence[tuple[TableLayout, MapDef]]) -> Behaviour:
    """The behaviour with what is written into these maps told as entries that are added."""
    cases = list(machine.cases)
    for layout, item in learning:
        cases = [_told(case, layout, item) for case in cases]
    seen = {name for case in cases for name in case.state}
    maps = {f"map.{item.name}{end}" for _, item in learning for end in ("", PRESENT)}
    observed = tuple(name for name in machine.observables if name not in maps or name in seen)
    return replace(machine, cases=tuple(cases), observables=observed)


def settled(
    program: Behaviour, learning: Sequence[tuple[TableLayout, MapDef]], functions: Mapping[str, Callable[..., Term]]
) -> Behaviour:
    """The program's behaviour where adding an entry fails exactly if there is one already, or the map is full. The
    program leaves it open, but a machine that never adds any is not what is meant."""
    if not learning:
        return program
    open_ = {choice.variable for choice in program.choices if choice.reason == FAILS}
    maps = {EVENT + _name(layout): (layout, item) for layout, item in learning}
    cases = []
    for case in program.cases:
        known: dict[Term, Term] = {}
        for event in case.events:
            if event.name in maps:
                layout, item = maps[event.name]
                there = functions[f"map.{item.name}.found"](key_bytes(layout, event.fields[: len(layout.keys)]))
                full = b.var(f"in.ebpf.full.{item.name}.0", b.BOOL)
                known |= dict.fromkeys(open_.intersection(b.variables(event.when)), b.or_(there, full))
        cases.append(case.substituted(known) if known else case)
    left = set(b.variables(*distinct_terms(cases)))
    choices = tuple(c for c in program.choices if c.variable not in open_ or c.variable in left)
    return replace(program, cases=tuple(cases), choices=choices)


def _told(case: Case, layout: TableLayout, item: MapDef) -> Case:
    """The case without the map's state, if it can be said what was written."""
    names = f"map.{item.name}", f"map.{item.name}{PRESENT}"
    if not all(name in case.state for name in names):
        return case
    at, other = (b.var(f"at.{name}", 8 * item.key_size) for name in names)
    before = _before(item, at)
    after = tuple(b.substitute([case.state[name] for name in names], {other: at}))
    kept = {name: term for name, term in case.state.items() if name not in names}
    if after == before:
        return replace(case, state=kept)
    places = [term for term in b.postorder(list(after)) if term.op == "eq" and at in term.args]
    keys = {other for term in places for other in term.args if other is not at}
    if len(keys) != 1:
        return case
    elsewhere = b.substitute(list(after), dict.fromkeys(places, b.FALSE))
    if tuple(elsewhere) != before:
        return case
    [key] = keys
    value, there = b.substitute(list(after), {at: key})
    old_value, was_there = _before(item, key)
    added = b.and_(b.to_bool(there), b.not_(b.to_bool(was_there)))
    changed = b.and_(b.not_(added), b.or_(b.ne(there, was_there), b.ne(value, old_value)))
    events = [*_entries(layout, key, value, added), Event(changed, f"an entry of {_name(layout)} changes")]
    return replace(case, state=kept, events=(*case.events, *(e for e in events if e.when is not b.FALSE)))


def _before(item: MapDef, at: Term) -> tuple[Term, Term]:
    """What an element held when the packet came (nothing counts as 0), and whether it was there (1 bit)."""
    there = b.apply(f"state.map.{item.name}{PRESENT}", b.bit_vector(1), at)
    width = 8 * item.value_size
    value = b.apply(f"state.map.{item.name}", b.bit_vector(width), at)
    return b.ite(b.to_bool(there), value, b.bv(0, width)), there


def _entries(layout: TableLayout, key: Term, value: Term, added: Term) -> Iterator[Event]:
    """What the element says, action by action; and where it says nothing that an entry could be."""
    keys = [part_value(part, key) for part in layout.in_order()]
    number = host_order(b.extract(value, value.width - 1, value.width - 8 * ACTION_BYTES))
    profile = host_order(b.extract(value, 8 * PROFILE_BYTES - 1, 0))
    own = b.extract(b.sub(profile, b.bv(1, profile.width)), layout.profile_bits - 1, 0)
    again = b.add(b.zext(own, profile.width), b.bv(1, profile.width))
    proper = []
    for part in layout.actions:
        chosen = b.eq(number, b.bv(part.number, number.width))
        args = _arguments(part, value)
        fields = (*keys, b.bv(part.index, INDEX_BITS), own, *args)
        when = b.and_(added, chosen)
        if when is not b.FALSE:
            yield Event(when, EVENT + _name(layout), fields)
        placed = {(part.index, place): arg for place, arg in enumerate(args)}
        proper.append(b.and_(chosen, b.eq(value, value_bytes(layout, b.bv(part.number, number.width), placed, again))))
    clean = b.and_(b.or_(*proper), b.eq(key, key_bytes(layout, keys)))
    yield Event(b.and_(added, b.not_(clean)), f"no entry of {_name(layout)} is added")


def _arguments(part: ActionPart, value: Term) -> list[Term]:
    lows = [value.width - 8 * (arg.offset + arg.size) for arg in part.args]
    return [b.extract(value, low + arg.width - 1, low) for arg, low in zip(part.args, lows, strict=True)]


def part_value(part: KeyPart, key: Term) -> Term:
    """The P4 key in the bytes of a hash map's key."""
    low = key.width - 8 * (part.offset + part.size)
    return b.extract(key, low + part.width - 1, low)


def _name(layout: TableLayout) -> str:
    return layout.table.control_name


__all__ = ["PRESENT", "settled", "told"]
