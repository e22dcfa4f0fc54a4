"""Loops that add up the packet, of any number of turns, by induction over the turns.

One turn is run from the loop's head in an arbitrary turn ``i``: pointers, offsets and counters are what they were when
the loop was entered and as many times more as they move in a turn, the accumulator is any number up to a bound, memory
that the loop writes is unreadable, and bytes of the packet are variables, told apart by where they lie behind ``start +
step * i``. If the turn comes back to the head, it must have moved what moves by just as much, changed nothing else, and
added each of the next ``step`` bytes once (modulo 65535: as the even or the odd byte of a word) without exceeding the
bound; and what decides whether it comes back must be that ``step`` bytes were left, and nothing else. The frame has at
least ``start`` bytes when the loop is entered. Then it is left after ``(pkt.len - start) / step`` turns, rounded down,
with less than ``step`` bytes left, and what was added up are all bytes before them; a loop of which any of this cannot
be told is unrolled like all others. What is added up is nothing but what is told of it (:mod:`.packet_sums`).

Behind loops with few bytes a turn there is a state for each number of bytes left, which are counted from the packet's
end; behind others that number stays open, for a second loop that adds what is left (:class:`Cut`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH
from ....semantics.meaning.ends import last
from ....semantics.source import Unsupported
from .memory import MixedRead, Restart, Stop
from .packet_sums import MODULUS, PART, Law
from .pointers import Split
from .ranges import interval, meet
from .state import State
from .straight import LONGEST, Course, Limits, Line, course
from .turns import Loop, Lost, Told, Window, all_else, changed, moved_to, number, terms_in
from .values import MIXED, Address, Lane, Value, possible_values

if TYPE_CHECKING:
    from .machine import Machine

FEW: Final = 8
"""A state behind the loop for each number of bytes left, if a turn adds so few."""
_BOUNDS: Final = ((1 << 32) - (1 << 18), 1 << 55)
"""What accumulators that are only added to do not exceed, for 32 bits and for more."""
_FOLDED: Final = (MODULUS, 2 * MODULUS + 1, (1 << 33) - 1)
"""... that are folded in each turn."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a loop has stopped that leaves less than ``step`` bytes: ``gone`` bytes behind ``start``."""

    start: Line
    gone: Term
    """16 bits."""
    step: int
    rest: Term
    """The one's complement sum of what is left (a variable of 16 bits)."""
    least: int
    """``start`` is at least this."""


def behind(machine: Machine, state: State) -> list[State] | None:
    """The states behind the loop at whose head ``state`` is, of all turns; None if it is none that can be told."""
    loop = Loop.of(machine, state)
    if loop is None:
        return None
    before = Told(machine)
    try:
        return _behind(loop)
    except (Lost, Unsupported, Split, Stop, Restart, MixedRead):
        before.restore()
        if loop.step:
            machine.unrolled.add(state.slot)
        return None
    finally:
        machine.window = None


def _behind(loop: Loop) -> list[State]:
    """The states behind a loop. Raises Lost, and whatever a turn raises."""
    loop.look()
    summed = [n for n in loop.carried if n not in loop.moved]
    if len(summed) != 1 or not isinstance(loop.state.regs[summed[0]], Term):
        raise Lost
    for most, folded in (*((m, False) for m in _BOUNDS), *((m, True) for m in _FOLDED)):
        found = _Induction(loop, summed[0], most, folded=folded).states()
        if found is not None:
            return found
    raise Lost


@dataclass(slots=True)
class _Induction:
    """One try: ``summed`` is the accumulator, of which it is assumed that it does not exceed ``most``."""

    loop: Loop
    summed: int
    most: int
    folded: bool
    done: Term = field(init=False)
    turns: Term = field(init=False)
    total: Term = field(init=False)
    course: Course = field(init=False)
    cut: Cut | None = None
    times: int = 0
    """What the sum of the input's words, in network order, is multiplied with."""

    def states(self) -> list[State] | None:
        """The states behind the loop; None if the sum is none under this assumption. Raises Lost."""
        loop, machine = self.loop, self.loop.machine
        first, before = loop.state.regs[self.summed], Told(machine)
        assert isinstance(first, Term)
        at_first = self._at_most(first)
        if at_first > self.most or (self.folded and at_first):
            return None
        self.done, self.turns = (machine.sums.variable(name, 16) for name in ("done", "turn"))
        self.total = machine.sums.fresh("total", self.most.bit_length(), self.most)
        turn = loop.turn(self._start(), b.zext(self.done, 64))
        if len(machine.faults) > before.counts[0]:
            raise Lost
        self._find_course(turn.window)
        back = [each for each in turn.back if self._rests(each) != (1, 0)]
        out = [each for each in turn.out if self._rests(each) != (1, 0)]
        self._check_reads(turn.window)
        self._check_ways(back, out)
        for each in back:
            self._check_unchanged(turn.start, each)
        added = self._added(back, turn.window)
        if added is None:
            before.restore()
            return None
        most = self.most if self.folded else at_first + self._most_turns() * added
        if most > self.most:
            before.restore()
            return None
        found = [state for each in out for state in self._left(turn.start, each, most - at_first, first)]
        self._check_told(before, found)
        return found

    def _check_told(self, before: Told, found: list[State]) -> None:
        """What was chosen in the turn does not matter behind the loop, and is forgotten."""
        new = before.new
        if new and not new.isdisjoint(b.variables(*(term for state in found for term in terms_in(state)))):
            raise Lost
        before.restore()

    def _at_most(self, term: Term) -> int:
        found = self.loop.machine.sums.form(term)
        return min(interval(term, self.loop.state.ranges)[1], (1 << 64) if found is None else found.most)

    def _most_turns(self) -> int:
        return min(self.course.most, LONGEST - self.course.least) // self.loop.step

    def _start(self) -> State:
        """The head in any turn."""
        loop, start = self.loop, self.loop.state.copy()
        start.guard = b.TRUE
        start.ranges[self.done] = (0, LONGEST)
        start.ranges[self.turns] = (0, LONGEST // loop.step)
        for n, by in loop.moved.items():
            value = loop.state.regs[n]
            start.regs[n] = moved_to(value, b.add(number(value), self._moved(by)))
        start.regs[self.summed] = b.zext(self.total, 64)
        for name, at in loop.mixed:
            start.memory.setdefault(name, {})[at] = MIXED
        return start

    def _moved(self, by: int) -> Term:
        """How far something has moved."""
        share, over = divmod(by, self.loop.step)
        return _times(self.turns if over else self.done, by if over else share, 64)

    # --- where it goes, and how far ---

    def _find_course(self, window: Window) -> None:
        loop, state = self.loop, self.loop.state
        if window.base is None or not window.octets:
            raise Lost
        base = b.add(window.base, b.bv(min(window.octets), 64))
        changing = frozenset((self.total, *window.octets.values()))
        delta, within = state.layout.delta, self._bounds(base)
        for cut in (None, *loop.machine.cuts):
            most = LONGEST if cut is None else cut.step - 1
            found = course(self.done, self.turns, base, delta, loop.step, state.ranges, changing, most, within)
            if found is None:
                continue
            if cut is None and not self._enters(found, base):
                continue
            if cut is not None:
                if cut.step % loop.step or found.start.plus(cut.start, -1) != Line(terms={cut.gone: 1}):
                    continue
                found = replace(found, least=max(found.least, cut.least))
            if found.least < len(state.layout.shortest_form().prefix) - delta:
                continue
            self.course, self.cut = found, cut
            return
        raise Lost

    def _bounds(self, base: Term) -> Limits | None:
        """The least and the greatest of a few numbers that ``base`` can be where the loop is entered; None if it can be
        many, or nothing is entered."""
        state = self.loop.state
        values = possible_values(base, state.ranges) or ()
        left = [value for value in values if state.may(b.eq(base, b.bv(value, base.width)))]
        return (left[0], left[-1]) if left else None

    def _enters(self, found: Course, base: Term) -> bool:
        """Whether the frame has ``start`` bytes for sure, as ranges or a condition that was met show."""
        state = self.loop.state
        if max(state.shortest, interval(LENGTH, state.ranges)[0]) >= found.greatest:
            return True
        entered = replace(found, step=0)
        for part in b.conjuncts(state.guard):
            inner = part.args[0] if part.op == "not" else part
            if inner.op in ("ult", "slt", "eq") and LENGTH in b.variables(inner):
                rest = entered.rests([part], (-LONGEST, LONGEST))
                if rest is not None and rest[0] >= 0:
                    return True
        return False

    def _rests(self, after: State) -> tuple[int, int]:
        found = self.course.rests(b.conjuncts(after.guard))
        if found is None:
            raise Lost
        return found

    def _check_reads(self, window: Window) -> None:
        """Every byte that is read lies in the packet."""
        first = min(window.octets)
        for guard, at, size in window.reads:
            rest = self.course.rests(b.conjuncts(guard))
            if rest is None or (rest[0] <= rest[1] and rest[0] < at - first + size):
                raise Lost

    def _check_ways(self, back: list[State], out: list[State]) -> None:
        """It goes on where the bytes of a turn are left, and ends where they are not."""
        step = self.loop.step
        if not back or not out or any(self._rests(each)[0] < step for each in back):
            raise Lost
        if any(self._rests(each)[1] >= step for each in out):
            raise Lost

    # --- what a turn does ---

    def _check_unchanged(self, start: State, after: State) -> None:
        """The turn has moved what moves, and changed nothing but that, the sum and memory that cannot be read."""
        if all_else(start) != all_else(after) or not set(changed(start, after)) <= self.loop.mixed:
            raise Lost
        for n, by in self.loop.moved.items():
            x, y = start.regs[n], after.regs[n]
            if b.sub(number(y), number(x)) is not b.bv(by, 64) or _kind(x) != _kind(y):
                raise Lost
        if not isinstance(after.regs[self.summed], Term):
            raise Lost

    def _added(self, back: list[State], window: Window) -> int | None:
        """What a turn adds at most, if it adds each byte once on each way back (``folded``: if the sum keeps below what
        is assumed); None if it does not."""
        most = 0
        first = min(window.octets)
        if sorted(window.octets) != list(range(first, first + self.loop.step)):
            raise Lost
        for each in back:
            after = each.regs[self.summed]
            assert isinstance(after, Term)
            found = self.loop.machine.sums.form(after)
            if found is None or found.literal:
                return None
            counts = {term: count % MODULUS for term, count in found.counts.items()}
            if counts.pop(self.total, 0) != 1:
                return None
            times = counts.get(window.octets[first + 1], 0)
            wanted = {window.octets[first + j]: times << 8 * (1 - j % 2) for j in range(self.loop.step)}
            if times not in (1, 256) or counts != {term: count % MODULUS for term, count in wanted.items()}:
                return None
            if self.times not in (0, times):
                return None
            self.times = times
            if self.folded:
                if found.most > self.most:
                    return None
            elif not found.exact or found.counts[self.total] != 1:
                return None
            most = max(most, found.most - self.most)
        return most

    # --- behind it ---

    def _left(self, start: State, after: State, most: int, first: Term) -> Iterator[State]:
        """The states behind the loop for one way out of it, which adds up to ``most`` to what was there ``first``."""
        same = all_else(start) == all_else(after) | {"slot": start.slot}
        if not same or not set(changed(start, after)) <= self.loop.mixed:
            raise Lost
        if self.loop.step > FEW:
            yield self._open(after, most, first)
        else:
            yield from self._counted(after, most, first)

    def _open(self, after: State, most: int, first: Term) -> State:
        """The state behind a loop that leaves any number of bytes less than it adds in a turn."""
        sums, start = self.loop.machine.sums, self.course.start
        if self._rests(after) != (0, self.loop.step - 1) or self.cut is not None:
            raise Lost
        gone = sums.variable("gone", 16)
        total, rest = sums.fresh("total", most.bit_length() or 1, most), sums.fresh("rest", 16)
        sums.add_law(total, Law({total: 1, rest: self.times}, self._whole(), self.times))
        self.loop.machine.cuts.append(Cut(start, gone, self.loop.step, rest, self.course.least))
        length, far = b.zext(LENGTH, 64), b.zext(gone, 64)
        state = self._at(after, far, b.sub(b.add(length, _added_up(Line().plus(start, -1), 64)), far), total, first)
        state.ranges[gone] = (0, LONGEST - self.course.least)
        return state

    def _counted(self, after: State, most: int, first: Term) -> Iterator[State]:
        """A state for each number of bytes that are left."""
        sums, start = self.loop.machine.sums, self.course.start
        whole = sums.fresh("total", (most + (self.loop.step << 16)).bit_length())
        sums.add_law(whole, Law({whole: 1}, self._whole(), self.times))
        low, high = self._rests(after)
        for rest in range(low, high + 1):
            total = whole
            if rest:
                times = {last(rest - j): self.times * (1 if j % 2 else 256) for j in range(rest)}
                parts = {octet: 1 if count == MODULUS + 1 else count for octet, count in times.items()}
                total = sums.fresh(PART, most.bit_length() or 1, most)
                sums.add_law(total, Law({total: 1} | parts, self._whole(), self.times, whole))
            far = b.add(b.zext(LENGTH, 64), _added_up(Line(-rest).plus(start, -1), 64))
            state = self._at(after, far, b.bv(rest, 64), total, first)
            least = self.course.least + rest
            limits = meet(interval(LENGTH, state.ranges), (least, LONGEST))
            if limits is not None and state.assume(self._leaves(rest)):
                state.shortest = max(state.shortest, least)
                state.ranges[LENGTH] = limits
                state.rests[whole] = rest
                yield state

    def _base(self) -> Term:
        """``start``, 64 bits."""
        return _added_up(self.course.start, 64)

    def _whole(self) -> Term:
        """The one's complement sum of the input from ``start`` on."""
        if self.cut is not None:
            return self.cut.rest
        values = possible_values(self._base(), self.loop.state.ranges)
        if not values:
            raise Lost
        found: Term | None = None
        if values[-1] > LONGEST:
            raise Lost
        for value in values:
            there = b.ult(b.bv(value, 16), LENGTH)
            each = b.ite(there, b.var(f"pkt.sum16[{value}]", 16), b.bv(0, 16))
            found = each if found is None else b.ite(b.eq(self._base(), b.bv(value, 64)), each, found)
        assert found is not None
        return found

    def _leaves(self, rest: int) -> Term:
        """Whether ``rest`` bytes are left when the loop ends."""
        start = self.course.start
        if self.cut is not None:  # that moves by whole turns of this loop
            start = start.plus(Line(terms={self.cut.gone: 1}), -1)
        length, step = b.sub(LENGTH, _added_up(start, 16)), self.loop.step
        if step & (step - 1):
            return b.eq(b.urem(length, b.bv(step, 16)), b.bv(rest, 16))
        parts = [b.to_bool(b.extract(length, i, i)) for i in range(step.bit_length() - 1)]
        return b.and_(*(part if rest >> i & 1 else b.not_(part) for i, part in enumerate(parts)))

    def _at(self, after: State, far: Term, rest: Term, total: Term, first: Term) -> State:
        """The state behind the loop, which has moved ``far`` and leaves ``rest``."""
        state, entered = after.copy(), self.loop.state
        state.guard, state.ranges, state.facts = entered.guard, dict(entered.ranges), dict(entered.facts)
        state.shortest = entered.shortest
        for name, at in self.loop.mixed:
            if at in state.memory.get(name, {}):
                state.memory[name][at] = MIXED
        summed = b.add(first, b.zext(total, 64)) if total.width < 64 else b.add(first, total)
        for n, value in enumerate(state.regs):
            if value is not None and value != entered.regs[n]:
                state.regs[n] = self._told(value, far, rest, summed)
        self._tell_length(state)
        return state

    @staticmethod
    def _tell_length(state: State) -> None:
        """The packet's length, which does not wrap around here, as a sum of 64 bits, so that it cancels with others."""
        delta = state.layout.delta
        known = {b.zext(state.layout.length(32), 64): b.add(b.zext(LENGTH, 64), b.bv(delta, 64))}
        if not delta:
            return
        lanes = [(part, at, found) for part in state.memory.values() for at, found in part.items()]
        places = [(part, at, found) for part, at, found in lanes if isinstance(found, Lane)]
        regs = [n for n, value in enumerate(state.regs) if isinstance(value, Term)]
        old = [value for n in regs if isinstance(value := state.regs[n], Term)]
        new = b.substitute([*old, *(found.whole for _, _, found in places)], known)
        for n, term in zip(regs, new, strict=False):
            state.regs[n] = term
        for (part, at, found), term in zip(places, new[len(regs) :], strict=True):
            part[at] = Lane(term, found.index)

    def _told(self, value: Value, far: Term, rest: Term, summed: Term) -> Value:
        """A register's value behind the loop; what cannot be told is a variable that no result may hold."""
        if isinstance(value, Address):
            if value.moved is None:
                return value
            told = self._told(value.distance, far, rest, summed)
            assert isinstance(told, Term)
            return value.at_distance(told)
        assert value is not None
        if value is b.zext(self.total, 64):
            return summed
        hanging = set(b.variables(value))
        if not hanging & {self.done, self.turns, self.total, *self.course.changing}:
            return value
        line = self.course.line(value)
        if line is None or line.turns % self.loop.step:
            return self.loop.machine.sums.variable("lost", 64)
        found = _added_up(replace(line, turns=0, rest=0), 64)
        for term, times in ((far, line.turns // self.loop.step), (rest, line.rest)):
            found = b.add(found, _times(term, times, 64))
        return found


def _added_up(line: Line, width: int) -> Term:
    """A line that does not move, as a term."""
    found = b.bv(line.literal, width)
    for term, times in (line.terms or {}).items():
        found = b.add(found, _times(term, times, width))
    return found


def _times(term: Term, times: int, width: int) -> Term:
    wide = b.resize(term, width)
    return wide if times == 1 else b.neg(wide) if times == -1 else b.mul(wide, b.bv(times, width))


def _kind(value: Value) -> Value:
    """A pointer without where it points."""
    return replace(value, offset=0, moved=None) if isinstance(value, Address) else None
