"""One turn of a loop over the packet, run on its own: what moves in it, and what it can do (:mod:`.induction`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from .graph import touches
from .state import State
from .values import Address, Byte, Lane, Partial, Piece, Value

if TYPE_CHECKING:
    from .machine import Machine

MOST_STEPS: Final = 2_000
"""Instructions that one turn runs, over all of its ways."""
MOST_BYTES: Final = 512
"""Bytes that one turn adds."""
_SOMEWHERE: Final = 1 << 12


class Lost(Exception):
    """The loop is none that can be told."""


@dataclass(slots=True)
class Window:
    """The bytes that a turn reads of the packet, by where they lie behind what moves with the turns."""

    machine: Machine
    done: Term | None
    """64 bits; None: only the addresses are wanted."""
    base: Term | None = None
    octets: dict[int, Term] = field(default_factory=dict)
    places: list[Term] = field(default_factory=list)
    reads: list[tuple[Term, int, int]] = field(default_factory=list)
    """The guard under which each read was made, its place and its size."""

    def read(self, state: State, address: Address, size: int) -> list[Term]:
        """The ``size`` bytes at an address of the packet that is not fixed."""
        self.places.append(address.distance)
        if address.epoch != state.layout.epoch:
            raise Lost
        if self.done is None:
            return [self.machine.sums.fresh("byte", 8) for _ in range(size)]
        place = b.sub(address.distance, self.done)
        self.base = place if self.base is None else self.base
        gap = b.sub(place, self.base)
        if not gap.is_const:
            raise Lost
        at = b.signed(gap.value, 64)
        self.reads.append((state.guard, at, size))
        for index in range(at, at + size):
            if index not in self.octets:
                self.octets[index] = self.machine.sums.fresh("byte", 8)
        return [self.octets[index] for index in range(at, at + size)]


class Told:
    """What a machine has told so far."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.counts = len(machine.faults), len(machine.choices)
        self.known = machine.unnamed()

    def restore(self) -> None:
        """Forget what was told since."""
        del self.machine.faults[self.counts[0] :]
        del self.machine.choices[self.counts[1] :]
        self.machine.forget(self.known)

    @property
    def new(self) -> frozenset[Term]:
        """Variables of choices made since."""
        choices = (choice.variable for choice in self.machine.choices[self.counts[1] :])
        return frozenset((*choices, *(self.machine.unnamed()[0].keys() - self.known[0].keys())))


@dataclass(slots=True)
class Turn:
    """What one turn can do: ways back to the head, and out of the loop."""

    start: State
    back: list[State]
    out: list[State]
    window: Window


@dataclass(slots=True)
class Loop:
    machine: Machine
    state: State
    members: frozenset[int]
    carried: list[int]
    moved: dict[int, int] = field(default_factory=dict)
    """Registers that move by the same number in each turn."""
    mixed: set[tuple[str, int]] = field(default_factory=set)
    """Bytes of memory that turns write."""
    step: int = 0

    @classmethod
    def of(cls, machine: Machine, state: State) -> Loop | None:
        """The loop whose head ``state`` is at, if it may be one over the packet as it came."""
        members = machine.graph.loops.get(state.slot)
        if members is None or not state.layout.open_ended or state.layout.meta:
            return None
        written = {n for slot in members for n in touches(machine.graph.insns[slot])[1]}
        return cls(machine, state, members, sorted(written & machine.graph.live[state.slot]))

    # --- a first look: what moves, and by how much ---

    def look(self) -> None:
        told = Told(self.machine)
        start, places = self.state.copy(), {}
        start.guard = b.TRUE
        for n in self.carried:
            places[n] = self.machine.sums.variable(f"r{n}", 16)
            start.regs[n] = moved_to(self.state.regs[n], b.zext(places[n], 64))
        turn = self.turn(start, None)
        told.restore()
        if not turn.back or not turn.window.places:
            raise Lost
        for n in self.carried:
            gaps = {b.sub(number(after.regs[n]), b.zext(places[n], 64)) for after in turn.back}
            if len(gaps) == 1 and (gap := gaps.pop()).is_const:
                self.moved[n] = b.signed(gap.value, 64)
        before, after = (
            b.substitute(turn.window.places, {places[n]: b.bv(_SOMEWHERE + by * i, 16) for n, by in self.moved.items()})
            for i in (0, 1)
        )
        steps = {b.sub(y, x) for x, y in zip(before, after, strict=True)}
        step = steps.pop()
        if steps or not step.is_const or not 0 < step.value <= MOST_BYTES or step.value % 2:
            raise Lost
        self.step = step.value
        self.mixed = {place for after in turn.back for place in changed(turn.start, after)}

    def turn(self, start: State, done: Term | None) -> Turn:
        """All ways through one turn. Raises Lost for those that end, or are too many."""
        machine, depth, head = self.machine, len(start.frames), start.slot
        machine.window = window = Window(machine, done)
        found = Turn(start.copy(), [], [], window)
        waiting, steps = [start], 0
        while waiting:
            steps += 1
            if steps > MOST_STEPS:
                raise Lost
            for after in machine.step(waiting.pop()):
                if after.slot < 0 or len(after.frames) < depth:
                    raise Lost
                if len(after.frames) > depth or (after.slot in self.members and after.slot != head):
                    waiting.append(after)
                else:
                    (found.back if after.slot == head else found.out).append(after)
        machine.window = None
        return found


def moved_to(value: Value, place: Term) -> Value:
    """A number, or a pointer into the packet, that is ``place`` instead."""
    if isinstance(value, Address):
        if value.kind != "packet":
            raise Lost
        return value.at_distance(place)
    if value is None:
        raise Lost
    return place


def number(value: Value) -> Term:
    if value is None:
        raise Lost
    return value.distance if isinstance(value, Address) else value


def changed(first: State, second: State) -> Iterator[tuple[str, int]]:
    """The bytes of memory that are not the same."""
    for name in first.memory.keys() | second.memory.keys():
        mine, theirs = first.memory.get(name, {}), second.memory.get(name, {})
        yield from ((name, at) for at in mine.keys() | theirs.keys() if mine.get(at) != theirs.get(at))


def all_else(state: State) -> dict[str, object]:
    """What a state has beside registers and memory."""
    return {
        "slot": state.slot, "layout": state.layout, "frames": state.frames, "vlan": state.vlan, "fields": state.fields,
        "stores": state.stores, "removed": state.removed, "counts": state.counts, "asked": state.asked,
        "sent": state.sent, "events": state.events,
    }  # fmt: skip


def terms_in(state: State) -> Iterator[Term]:
    """The terms in a state's registers and memory."""
    values: list[Value | Byte] = [*state.regs, *(each for part in state.memory.values() for each in part.values())]
    for value in values:
        if isinstance(value, Term):
            yield value
        elif isinstance(value, Address):
            yield value.distance
        elif isinstance(value, Lane):
            yield value.whole
        elif isinstance(value, Partial):
            yield from (value.term, value.written)
        elif isinstance(value, Piece):
            yield value.address.distance
