"""The machine: runs a program on all inputs at once, path by path, and lets paths become one where they meet.

A path is a :class:`State`. The place with the lowest rank (see :mod:`.graph`) runs first, so that all paths to a join
have arrived before it goes on; what cannot be one state stays apart. Loops are unrolled while their conditions fold.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import CHOICE, Choice, Fault
from ....semantics.source import Span, Unsupported
from ..artifact.program import ARRAYS, INNER, BpfProgram, MapDef
from . import execute, pointers, ranges
from .context import Field
from .graph import CALL, CALL_REGISTER, analyse
from .induction import Cut, behind
from .join import merge
from .memory import MixedRead, Stop
from .packet_sums import Sums
from .pointers import Split
from .state import NEVER, State, both
from .store import NamedStores
from .turns import Window
from .values import MAX_VALUES, Address, Value, possible_values
from .ways import way

if TYPE_CHECKING:
    from .passes import Passes

_A_PAGE: Final = 1 << 12
MAX_STEPS: Final = 400_000
"""Instructions run, over all paths; more is not tried."""
MAX_VISITS: Final = 20_000
"""How often one instruction is run, over all paths; more is not tried."""
MAX_TURNS: Final = 256
"""How often a loop that moves through the packet is unrolled, over all paths; more is not tried."""
MAX_APART: Final = 2_000
"""Paths that wait at one place without becoming one; more is not tried."""
MANY_APART: Final = 24
"""From so many on, paths that differ in where packet pointers point become one, too."""

Helper = Callable[["Machine", State], list[State]]


@dataclass(frozen=True, slots=True)
class Host:
    """What the hook gives a program: its context's fields, and the helpers that it may call."""

    fields: tuple[Field, ...]
    helpers: Mapping[int, Helper]
    legacy_loads: bool = False
    """Whether LD_ABS and LD_IND read the packet (programs that get a socket buffer)."""
    register_calls: bool = False
    """Whether a helper may be called by the number in a register (engines in user space; no kernel takes it)."""


class Machine:
    """One run of ``program``; see :meth:`run`."""

    def __init__(
        self,
        program: BpfProgram,
        maps: Sequence[MapDef],
        host: Host,
        *,
        written: frozenset[str] = frozenset(),
        mix: bool = True,
        file: str = "",
        entries: Mapping[str, int] | None = None,
        passes: Passes | None = None,
        open_ended: bool = False,
        loop: int | None = None,
        named: NamedStores | None = None,
        in_part: bool = False,
    ) -> None:
        self.named = named
        self.in_part = in_part
        """Whether paths to what is not modelled end there, with a fault that says so, in place of everything."""
        self.loop = loop
        """Where calls of ``bpf_loop`` lead to."""
        self.program, self.host, self.written, self.mix = program, host, written, mix
        self.maps = with_inner_maps(maps)
        self.arrays = frozenset(name for name, item in self.maps.items() if item.type in ARRAYS)
        self.entries = entries or {}
        """Programs behind the own one, which tail calls lead to: name → first slot."""
        self.passes = passes
        self.open_ended = open_ended
        """Whether tail calls may lead to programs that nobody knows."""
        """Of an object whose packets come back."""
        self.graph = analyse(program, tuple(self.entries.values()), self_calls=passes is None)
        self.faults: list[Fault] = []
        self.choices: list[Choice] = []
        self._addresses: dict[Address, Term] = {}
        self.starts_low = False
        """Whether it is taken for granted that the lower half of a packet's address is not 0."""
        self.sums = Sums()
        """What is known of sums over the packet."""
        self.cuts: list[Cut] = []
        """Loops that have left less than a turn."""
        self.window: Window | None = None
        """Where bytes of the packet come from while one turn of a loop is run."""
        self.unrolled: set[int] = set()
        """Heads of loops that move through the packet, and are not told otherwise."""
        self._entered: set[tuple[int, ...]] = set()
        """Heads of loops at which paths wait that come from elsewhere."""
        self.file = file
        self._given: dict[Term, Choice] = {}
        self._unwritten: dict[Term, Fault] = {}
        self._steps = 0
        self._visits: dict[int, int] = {}
        self._pending: dict[tuple[int, ...], list[State]] = {}
        self._queue: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self._finished: list[State] = []

    def run(self, starts: Sequence[State]) -> list[State]:
        """The states in which the program ends, R0 holding its result; faults are in :attr:`faults`.

        Raises:
            Unsupported: something that is not modelled, with its place; with ``in_part`` only what is so of all paths.
            Restart: a map must be modelled as state.
            MixedRead: see there.
        """
        for state in starts:
            self._put(state)
        while self._queue:
            _, location = heapq.heappop(self._queue)
            entered = location in self._entered
            self._entered.discard(location)
            for state in self._meet(self._pending.pop(location)):
                found = behind(self, state) if entered else None
                if found is None:
                    self._advance(state)
                for each in found or ():
                    self._put(each)
                    if each.slot in self.graph.loops:
                        self._entered.add(each.location)
        return self._joined(self._finished, frozenset({0}), ended=True)

    # --- what others ask for ---

    def place(self, state: State) -> Span:
        """The source line of the instruction at hand, or the object file."""
        return self.program.place(state.slot, self.file)

    def where(self, state: State) -> str:
        """The instruction at hand, for messages: that of the program which a tail call led to, if one did."""
        behind = ((at, name) for name, at in self.entries.items() if at <= state.slot)
        at, name = max(behind, default=(0, self.program.name))
        return f"program {name}, instruction {state.slot - at}"

    def unsupported(self, state: State, text: str) -> Unsupported:
        """The error for something at this place that is not modelled."""
        return Unsupported(f"{self.where(state)}: {text}", self.place(state))

    def mixed(self, state: State) -> Exception:
        """The error for a byte that holds a pointer on some paths only."""
        if self.mix:
            return MixedRead()
        return self.unsupported(state, "reads memory that holds a pointer on some paths only")

    def require(self, state: State, condition: Term, text: str) -> None:
        """Record a fault where ``condition`` does not hold, and go on where it does. Raises Stop if nowhere."""
        bad = both(state.guard, b.not_(condition))
        if bad is not b.FALSE and state.may(b.not_(condition)):
            self.faults.append(Fault(bad, f"{self.where(state)}: {text}", self.place(state)))
        if not state.assume(condition):
            raise Stop

    def unwritten(self, state: State, condition: Term, text: str) -> Term:
        """What lies in a byte of the stack that was read, though nothing was written there where ``condition``:
        anything. The kernel lets privileged programs read it, and compilers do where they throw it away again."""
        variable = b.var(f"{CHOICE}ebpf.unwritten.{len(self._unwritten)}", 8)
        self._unwritten[variable] = Fault(
            both(state.guard, condition), f"{self.where(state)}: {text}", self.place(state)
        )
        return variable

    def depending(self, terms: Iterable[Term]) -> tuple[tuple[Choice, Fault], ...]:
        """What was read without having been written, as far as ``terms`` or faults depend on it."""
        asked = [*terms, *(fault.guard for fault in self.faults)]
        used: set[Term] = set()
        while asked:
            found = self._unwritten.keys() & set(b.variables(*asked)) - used
            used |= found
            asked = [self._unwritten[variable].guard for variable in found]
        return tuple(
            (Choice(variable, "what the kernel's stack holds where nothing was written"), fault)
            for variable, fault in self._unwritten.items()
            if variable in used
        )

    def choose(self, name: str, width: int, reason: str) -> Term:
        """A fresh choice of ``width`` bits."""
        variable = b.var(f"{CHOICE}ebpf.{name}.{len(self.choices)}", width)
        self.choices.append(Choice(variable, reason))
        return variable

    def given(self, name: str, width: int, reason: str) -> Term:
        """What the world around holds, the same for whatever program is asked: ``in.ebpf.NAME`` (``width`` 0: Bool)."""
        variable = b.var(f"in.ebpf.{name}", width)
        self._given.setdefault(variable, Choice(variable, reason))
        return variable

    def asked(self, state: State, name: str, width: int, reason: str) -> Term:
        """As :meth:`given`, for what may be something else each time: the k-th time on a path gives ``NAME.k``."""
        number = state.counts.get(name, 0)
        state.counts[name] = number + 1
        return self.given(f"{name}.{number}", width, reason)

    def asked_anew(self, state: State, name: str, width: int, reason: str) -> Term:
        """As :meth:`asked`, for what paths may ask differently often that meet again: none of them waits for the
        others' answers, so it is ``NAME.k`` with the k of whichever path it is."""
        times = state.asked.get(name, NEVER)
        state.asked[name] = {number + 1: where for number, where in times.items()}
        *others, last = [(where, self.given(f"{name}.{number}", width, reason)) for number, where in times.items()]
        found = last[1]
        for where, variable in reversed(others):
            found = b.ite(where, variable, found)
        return found

    def unnamed(self) -> tuple[dict[Term, Fault], dict[Address, Term]]:
        """What was told so far of memory that nobody wrote, and of where memory lies; for :meth:`forget`."""
        return dict(self._unwritten), dict(self._addresses)

    def forget(self, before: tuple[dict[Term, Fault], dict[Address, Term]]) -> None:
        """Only what was told before is told."""
        self._unwritten, self._addresses = dict(before[0]), dict(before[1])

    def unknowns(self) -> tuple[Choice, ...]:
        """Everything that the program was told and nobody controls."""
        return (*self.choices, *self._given.values())

    def address(self, base: Address) -> Term:
        """Where the memory that ``base`` points to lies: 64 bits, the same each time. In the upper half of what 64 bits
        can tell, as kernel memory is on all 64-bit machines but s390, and not in the last page (error numbers).

        At XDP the lower half of a packet's address is never 0: 4 GiB lie between such addresses, memory of a buffer
        does not reach over one of them (pages come in blocks of 4 MiB at most, which lie at multiples of their size),
        and a packet never begins where its buffer does (``bpf_xdp_adjust_head`` leaves room for a ``struct
        xdp_frame``; ``netif_receive_generic_xdp`` and drivers for XDP_PACKET_HEADROOM). At tc nothing keeps a packet
        from beginning where its buffer does, so there it is only taken for granted, which is said: compilers compare 32
        bits of ``skb->data`` with 0.
        """
        if base not in self._addresses:
            low = self.choose("address", 63, "the address of a piece of the kernel's memory")
            never = b.eq(b.extract(low, 62, 12), b.bv((1 << 51) - 1, 51))
            if base.kind == "packet":
                self.starts_low = self.starts_low or self.host.legacy_loads
                never = b.or_(never, b.eq(b.extract(low, 31, 0), b.bv(0, 32)))
            self._addresses[base] = b.concat(b.bv(1, 1), b.ite(never, b.bv(_A_PAGE, 63), low))
        return self._addresses[base]

    def bits_of(self, state: State, value: Term | Address) -> Term:
        """The 64 bits of a number, or of a pointer that is taken for one; unsupported for one to a map itself."""
        return pointers.as_number(self, state, value)

    def number(self, state: State, term: Term) -> int:
        """``term`` as a number. Raises Split if the paths have not fixed it."""
        if term.is_const:
            return term.value
        known = state.facts.get(term)
        if known is None:
            raise Split(term)
        return known

    def fork(self, state: State, condition: Term) -> tuple[State | None, State | None]:
        """The paths where ``condition`` holds, and those where it does not; None for no paths. What holds anyway is not
        said again."""
        opposite = b.not_(condition)
        if not condition.is_const and not ranges.possible(opposite, state.ranges):
            return state, None
        if not condition.is_const and not ranges.possible(condition, state.ranges):
            return None, state
        then, other = state.copy(), state
        return (then if then.assume(condition) else None), (other if other.assume(opposite) else None)

    def on(self, state: State | None, work: Callable[[State], list[State]]) -> list[State]:
        """What ``work`` makes of the paths in ``state``: nothing if there are none, or if they end in it, which leaves
        those that a helper has told from them."""
        if state is None:
            return []
        try:
            return work(state)
        except Stop:
            return []

    # --- paths ---

    def _put(self, state: State) -> None:
        location = state.location
        if location not in self._pending:
            self._pending[location] = []
            heapq.heappush(self._queue, (tuple(self.graph.order[slot] for slot in location), location))
        self._pending[location].append(state)

    def _meet(self, states: list[State]) -> list[State]:
        return self._joined(states, self.graph.live[states[0].slot])

    def _joined(self, states: list[State], live: frozenset[int], *, ended: bool = False) -> list[State]:
        """As few states as possible; neighbours that complete each other first. Those that have ``ended`` stay apart if
        they have sent different things."""
        out = self._merged(states, live, loose=False, ended=ended)
        return self._merged(out, live, loose=True, ended=ended) if len(out) > MANY_APART else out

    def _merged(self, states: list[State], live: frozenset[int], *, loose: bool, ended: bool) -> list[State]:
        def parts(state: State) -> Any:
            return (state.sent, state.events) if ended else None if loose else way(self.graph, state)

        out: list[tuple[State, Any]] = []
        for state in states:
            kept, here = state, parts(state)
            while True:
                for at, (other, there) in reversed([*enumerate(out)]):
                    both = merge(other, kept, live, mix=self.mix, loose=loose) if there == here else None
                    if both is not None:
                        del out[at]
                        kept, here = both, parts(both)
                        break
                else:
                    break
            out.append((kept, here))
            if len(out) > MAX_APART:
                raise self.unsupported(state, f"more than {MAX_APART} paths that cannot be taken together")
        return [state for state, _ in out]

    def _advance(self, state: State) -> None:
        """Run from ``state`` on until every path has ended or waits at a place where others may come."""
        waiting = [state]
        while waiting:
            state = waiting.pop()
            depth, slot = len(state.frames), state.slot
            too_much = self._counted(slot)
            if too_much:
                self._end_unsaid(state.guard, self.unsupported(state, too_much))
                continue
            for after in self.step(state):
                if after.slot < 0:
                    self._finished.append(after)
                elif after.slot != slot and (after.slot in self.graph.joins or len(after.frames) != depth):
                    self._put(after)
                    if after.slot in self.graph.loops and slot not in self.graph.loops[after.slot]:
                        self._entered.add(after.location)
                else:
                    waiting.append(after)

    def _counted(self, slot: int) -> str:
        """Counts one more visit of an instruction; what is too much now, if anything is."""
        self._steps += 1
        visits = self._visits[slot] = self._visits.get(slot, 0) + 1
        if self._steps > MAX_STEPS:
            return f"more than {MAX_STEPS} steps; a loop whose end does not fold?"
        if visits > MAX_VISITS:
            return f"run more than {MAX_VISITS} times; a loop whose end does not fold?"
        if slot in self.unrolled and visits > MAX_TURNS:
            return f"more than {MAX_TURNS} turns through the packet; no sum of all of it?"
        return ""

    def step(self, state: State) -> list[State]:
        """The states after the instruction at hand."""
        guard = state.guard
        try:
            return self._stepped(state)
        except Unsupported as error:
            self._end_unsaid(guard, error)
            return []

    def _end_unsaid(self, guard: Term, error: Unsupported) -> None:
        """Paths end at what is not modelled; raises the error where it is of the whole."""
        if not self.in_part or self.window is not None:
            raise error
        self.faults.append(Fault(guard, error.reason, error.span, unsaid=True))

    def _stepped(self, state: State) -> list[State]:
        insn = self.graph.insns[state.slot]
        # A helper may have taken paths apart before it asks for a number: those are what the state has lost then.
        before = state.copy() if insn.opcode in (CALL, CALL_REGISTER) else state
        try:
            return execute.step(self, state, insn)
        except Stop:
            return []
        except Split as split:
            return list(self._split(before, split.term))

    def _split(self, state: State, term: Term) -> Iterator[State]:
        """One state for every number that ``term`` can be; each runs the same instruction again."""
        values = possible_values(term, state.ranges)
        if values is None:
            raise self.unsupported(state, f"an address or size that can have more than {MAX_VALUES} values")
        for value in values:
            part = state.copy()
            constant = b.bv(value, term.width)
            if part.assume(b.eq(term, constant)):
                part.facts[term] = value
                part.regs = [constant if found is term else found for found in part.regs]
                yield part

    # --- registers ---

    def register(self, state: State, number: int) -> Term | Address:
        """What a register holds; a fault if nothing was written to it."""
        if number > 10:
            raise self.unsupported(state, f"there is no register r{number}")
        value = state.regs[number]
        if value is None:
            self.require(state, b.FALSE, f"reads r{number}, which holds nothing")
            raise Stop
        return value

    def scalar(self, state: State, number: int) -> Term:
        """The number that a register holds, 64 bits."""
        return self.bits_of(state, self.register(state, number))

    def set(self, state: State, number: int, value: Value) -> None:
        if number > 9:
            raise self.unsupported(state, f"writes r{number}")
        state.regs[number] = value

    def pointer(self, state: State, number: int, off: int = 0) -> Address:
        """The address in a register, ``off`` bytes on; a fault if it is no address."""
        value = self.register(state, number)
        if not isinstance(value, Address):
            self.require(state, b.FALSE, f"follows r{number}, which is no pointer")
            raise Stop
        return value.on(off)


def with_inner_maps(maps: Sequence[MapDef]) -> dict[str, MapDef]:
    """The maps by name; the maps that a map of maps holds as one, whose key begins with the number of the map."""
    out = {item.name: item for item in maps}
    for item in maps:
        if item.inner is not None:
            name = item.name + INNER
            out[name] = replace(item.inner, name=name)
    return out


def start_registers() -> list[Value]:
    """R1 points to the context, R10 to the stack; nothing else may be read."""
    return [None, Address("ctx"), *[None] * 8, Address("stack", 0, "stack 0")]
