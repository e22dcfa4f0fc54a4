"""Everything that a running program can tell apart, and how the states of two paths that meet become one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH, byte
from .store import Store, merged
from .values import MIXED, Address, Byte, Lane, Partial, Piece, Value


@dataclass(frozen=True, slots=True)
class Layout:
    """The packet as the program sees it: ``prefix``, then the input frame from byte ``payload`` on.

    ``epoch`` counts the changes after which pointers into the packet are stale.
    """

    prefix: tuple[Term, ...] = ()
    payload: int = 0
    epoch: int = 0

    @property
    def delta(self) -> int:
        """Bytes that the packet is longer than the input frame."""
        return len(self.prefix) - self.payload

    def at(self, index: int) -> Term:
        """Byte ``index``, which must lie inside."""
        return self.prefix[index] if index < len(self.prefix) else byte(index - self.delta)

    def reaching(self, count: int) -> Layout:
        """The same packet with at least ``count`` bytes written out in ``prefix``."""
        more = tuple(byte(i - self.delta) for i in range(len(self.prefix), count))
        return replace(self, prefix=self.prefix + more, payload=self.payload + len(more)) if more else self

    def write(self, index: int, values: list[Term]) -> Layout:
        """With ``values`` from byte ``index`` on, all inside."""
        longer = self.reaching(index + len(values))
        prefix = (*longer.prefix[:index], *values, *longer.prefix[index + len(values) :])
        return replace(longer, prefix=prefix)

    def pushed(self, values: tuple[Term, ...]) -> Layout:
        """With ``values`` in front; pointers become stale."""
        return Layout(values + self.prefix, self.payload, self.epoch + 1)

    def pulled(self, count: int) -> Layout:
        """Without its first ``count`` bytes; pointers become stale."""
        over = max(0, count - len(self.prefix))
        return Layout(self.prefix[count:], self.payload + over, self.epoch + 1)

    def touched(self) -> Layout:
        """The same bytes, with pointers stale."""
        return replace(self, epoch=self.epoch + 1)


@dataclass(frozen=True, slots=True)
class Vlan:
    """The tag that the kernel keeps beside the packet: tag protocol and control information, as numbers."""

    protocol: Term
    tci: Term


@dataclass(frozen=True, slots=True)
class Frame:
    """A caller that waits: where to go on, and its registers R6 to R9."""

    slot: int
    saved: tuple[Value, Value, Value, Value]


@dataclass(slots=True)
class State:
    """One set of paths, at one place in the program, of which ``guard`` tells the inputs."""

    guard: Term
    slot: int
    regs: list[Value]
    layout: Layout
    shortest: int = 0
    """A lower bound of ``pkt.len`` that the paths have established."""
    memory: dict[str, dict[int, Byte]] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    vlan: Vlan | None = None
    fields: dict[str, Term] = field(default_factory=dict)
    """What the packet's metadata holds: name → term; the hook says which names there are."""
    stores: dict[str, Store] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    facts: dict[Term, int] = field(default_factory=dict)
    """Terms that the paths have fixed to a number."""

    def copy(self) -> State:
        """A state that can be changed without changing this one."""
        return State(
            self.guard,
            self.slot,
            list(self.regs),
            self.layout,
            self.shortest,
            {name: dict(part) for name, part in self.memory.items()},
            self.frames,
            self.vlan,
            dict(self.fields),
            dict(self.stores),
            dict(self.epochs),
            dict(self.facts),
        )

    @property
    def location(self) -> tuple[int, ...]:
        """The slots of the waiting callers, then the own one."""
        return (*(frame.slot for frame in self.frames), self.slot)

    def assume(self, condition: Term) -> bool:
        """Restrict to the inputs where ``condition`` holds; False if there are none, as far as terms show."""
        self.guard = both(self.guard, condition)
        self.shortest = max(self.shortest, *(lower_bound(part) for part in conjuncts(condition)))
        return self.guard is not b.FALSE

    def settle(self, null: Term) -> None:
        """The paths have established that ``null``, a look-up's, does not hold: its pointers are pointers."""

        def settled(value: Value) -> Value:
            return replace(value, null=b.FALSE) if isinstance(value, Address) and value.null is null else value

        self.regs = [settled(value) for value in self.regs]
        frames = []
        for frame in self.frames:
            a, c, d, e = (settled(value) for value in frame.saved)
            frames.append(replace(frame, saved=(a, c, d, e)))
        self.frames = tuple(frames)
        for part in self.memory.values():
            for at, found in part.items():
                if isinstance(found, Piece) and found.address.null is null:
                    part[at] = replace(found, address=replace(found.address, null=b.FALSE))


def conjuncts(term: Term) -> tuple[Term, ...]:
    """The parts of a conjunction."""
    return term.args if term.op == "and" else (term,)


def both(guard: Term, condition: Term) -> Term:
    """The conjunction, and false if ``guard`` has the negation of ``condition`` as one of its parts.

    (A conjunction is taken apart when it becomes part of another, so that ``b.and_`` does not see that.)
    """
    return b.FALSE if b.not_(condition) in conjuncts(guard) else b.and_(guard, condition)


def lower_bound(condition: Term) -> int:
    """What ``condition`` says of the least length of the frame (0: nothing)."""
    negated = condition.op == "not"
    inner = condition.args[0] if negated else condition
    if inner.op == "ult" and negated and inner.args[0] is LENGTH and inner.args[1].is_const:
        return inner.args[1].value
    if inner.op == "ult" and not negated and inner.args[1] is LENGTH and inner.args[0].is_const:
        return inner.args[0].value + 1
    if inner.op == "eq" and not negated and LENGTH in inner.args:
        other = inner.args[0] if inner.args[1] is LENGTH else inner.args[1]
        return other.value if other.is_const else 0
    return 0


def shorter_than(count: int) -> Term:
    """Whether the input frame has fewer than ``count`` bytes."""
    if count <= 0:
        return b.FALSE
    return b.ult(LENGTH, b.bv(count, 16)) if count < 1 << 16 else b.TRUE


# --- paths that meet ----------------------------------------------------------------------------------------------


class Apart(Exception):
    """Two states that cannot be one."""


def merge(first: State, second: State, live: frozenset[int], *, mix: bool) -> State | None:
    """One state for the paths of both, or None if they differ in what terms cannot choose between.

    Args:
        first: a state.
        second: another one at the same place; their guards exclude each other.
        live: the registers that are still read.
        mix: let bytes of memory that hold a pointer on one side only become unreadable, instead of staying apart.
    """
    condition, guard = _joined(first.guard, second.guard)
    try:
        return State(
            guard,
            first.slot,
            [_value(condition, x, y) if n in live or n == 10 else None for n, (x, y) in _registers(first, second)],
            _layouts(condition, first, second),
            min(first.shortest, second.shortest),
            {name: _memory(condition, first, second, name, mix=mix) for name in first.memory | second.memory},
            tuple(_frame(condition, x, y) for x, y in zip(first.frames, second.frames, strict=True)),
            _vlan(condition, first.vlan, second.vlan),
            {name: b.ite(condition, term, second.fields[name]) for name, term in first.fields.items()},
            _stores(condition, first, second),
            _same(first.epochs, second.epochs),
            {term: n for term, n in first.facts.items() if second.facts.get(term) == n},
        )
    except Apart:
        return None


def _joined(first: Term, second: Term) -> tuple[Term, Term]:
    """A condition that tells the two guards apart where either holds, and their disjunction."""
    ours, theirs = conjuncts(first), conjuncts(second)
    mine = [part for part in ours if part not in theirs]
    other = [part for part in theirs if part not in ours]
    common = [part for part in ours if part in theirs]
    condition = b.and_(*mine) if len(mine) <= len(other) else b.not_(b.and_(*other))
    return condition, b.and_(*common, _either(mine, other))


def _either(mine: list[Term], other: list[Term]) -> Term:
    """The disjunction of two conjunctions; ``a or (not a and b)`` is ``a or b``."""
    if len(mine) == 1:
        other = [part for part in other if b.not_(part) is not mine[0]]
    elif len(other) == 1:
        mine = [part for part in mine if b.not_(part) is not other[0]]
    return b.or_(b.and_(*mine), b.and_(*other))


def _registers(first: State, second: State) -> list[tuple[int, tuple[Value, Value]]]:
    return list(enumerate(zip(first.regs, second.regs, strict=True)))


def _value(condition: Term, x: Value, y: Value) -> Value:
    if x is y or x == y:
        return x
    if isinstance(x, Term) and isinstance(y, Term):
        return b.ite(condition, x, y)
    if isinstance(x, Address) and isinstance(y, Address):
        return _addresses(condition, x, y)
    if isinstance(x, Address) and isinstance(y, Term) and x.kind == "value" and y.is_const and y.value == 0:
        return replace(x, null=b.ite(condition, x.null, b.TRUE))
    if isinstance(y, Address) and isinstance(x, Term) and y.kind == "value" and x.is_const and x.value == 0:
        return replace(y, null=b.ite(condition, b.TRUE, y.null))
    raise Apart


def _addresses(condition: Term, x: Address, y: Address) -> Address:
    same = (x.kind, x.offset, x.name, x.epoch) == (y.kind, y.offset, y.name, y.epoch)
    if not same or x.key is None or y.key is None:
        raise Apart
    return replace(x, key=b.ite(condition, x.key, y.key), null=b.ite(condition, x.null, y.null))


def _layouts(condition: Term, first: State, second: State) -> Layout:
    x, y = first.layout, second.layout
    if x is y:
        return x
    if (x.delta, x.epoch) != (y.delta, y.epoch):
        raise Apart
    count = max(len(x.prefix), len(y.prefix))
    x, y = x.reaching(count), y.reaching(count)
    if x.payload > min(first.shortest, second.shortest):
        raise Apart  # one side may be shorter than what the other has written out
    return replace(x, prefix=tuple(b.ite(condition, p, q) for p, q in zip(x.prefix, y.prefix, strict=True)))


def _memory(condition: Term, first: State, second: State, name: str, *, mix: bool) -> dict[int, Byte]:
    mine, theirs = first.memory.get(name, {}), second.memory.get(name, {})
    out: dict[int, Byte] = {}
    for at in mine | theirs:
        found = _byte(condition, mine.get(at), theirs.get(at), mix=mix)
        if found is not None:
            out[at] = found
    return out


def _byte(condition: Term, x: Byte | None, y: Byte | None, *, mix: bool) -> Byte | None:
    if x is y or x == y:
        return x
    if isinstance(x, Lane) and isinstance(y, Lane) and (x.index, x.whole.sort) == (y.index, y.whole.sort):
        return Lane(b.ite(condition, x.whole, y.whole), x.index)
    (term_x, has_x), (term_y, has_y) = _written(x), _written(y)
    if term_x is None or term_y is None:
        if not mix:
            raise Apart
        return MIXED
    term = term_y if x is None else term_x if y is None else b.ite(condition, term_x, term_y)
    written = b.ite(condition, has_x, has_y)
    return term if written is b.TRUE else Partial(term, written)


def _written(x: Byte | None) -> tuple[Term | None, Term]:
    """A byte's term, and where it was written; no term for a pointer's byte."""
    if x is None:
        return b.bv(0, 8), b.FALSE
    if isinstance(x, Partial):
        return x.term, x.written
    if isinstance(x, Lane):
        return x.term, b.TRUE
    return (x, b.TRUE) if isinstance(x, Term) else (None, b.TRUE)


def _frame(condition: Term, x: Frame, y: Frame) -> Frame:
    saved = [_value(condition, p, q) for p, q in zip(x.saved, y.saved, strict=True)]
    return Frame(x.slot, (saved[0], saved[1], saved[2], saved[3]))


def _vlan(condition: Term, x: Vlan | None, y: Vlan | None) -> Vlan | None:
    if x is None or y is None:
        if x is not y:
            raise Apart
        return None
    return Vlan(b.ite(condition, x.protocol, y.protocol), b.ite(condition, x.tci, y.tci))


def _stores(condition: Term, first: State, second: State) -> dict[str, Store]:
    return {name: merged(condition, store, second.stores[name]) for name, store in first.stores.items()}


def _same(x: dict[str, int], y: dict[str, int]) -> dict[str, int]:
    if x != y:
        raise Apart
    return x
