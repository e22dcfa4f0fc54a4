"""Everything that a running program can tell apart: one state per set of paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH, Destination, Event, Output, Packet, byte
from . import ranges
from .ranges import Interval
from .removed import Removed
from .store import Store
from .values import Address, Byte, Piece, Value


@dataclass(frozen=True, slots=True)
class Layout:
    """The packet as the program sees it: ``prefix``, then the input frame from byte ``payload`` on, then ``trailer``
    (as :class:`Packet`).

    ``epoch`` counts the changes after which pointers into the packet are stale. ``front`` is what lies in memory in
    front of the packet, as far as the program itself has put it there (XDP: bytes cut off come back).
    """

    prefix: tuple[Term, ...] = ()
    payload: int = 0
    epoch: int = 0
    front: tuple[Term, ...] = ()
    size: int | Term | None = None
    """Bytes in front of the trailer: a number, or a term of 32 bits; None: all that the input frame has."""
    meta: int = 0
    """How many bytes at the end of ``front`` are metadata, which programs reach by negative offsets (XDP)."""
    trailer: tuple[Term, ...] = ()
    """Bytes behind all that."""
    filled: bool = False
    """Whether zeros follow where it has fewer bytes than ``size`` (as :class:`Packet`)."""
    beside: int = 0
    """Bytes of the frame that came in which the kernel keeps beside the packet when the program starts (a tag)."""

    @property
    def packet(self) -> Packet:
        """The packet that is sent like this."""
        return Packet(self.prefix, self.payload, self.size, self.trailer, self.filled)

    @property
    def metadata(self) -> tuple[Term, ...]:
        """The metadata's bytes."""
        return self.front[len(self.front) - self.meta :]

    @property
    def delta(self) -> int:
        """Bytes that the packet is longer than the input frame, apart from what was done at its end."""
        return len(self.prefix) - self.payload

    @property
    def moved(self) -> int:
        """Bytes that the packet has got longer in front, or within its headers, since the program started."""
        return self.delta + self.beside

    @property
    def open_ended(self) -> bool:
        """Whether it ends where the input frame does."""
        return self.size is None and not self.trailer

    def at(self, index: int) -> Term:
        """Byte ``index``, which must lie inside, or in the metadata."""
        if index < 0:
            return self.front[len(self.front) + index]
        packet = self.packet
        first = packet.at(index)
        for i, octet in enumerate(self.trailer):
            first = b.ite(b.eq(packet.kept, b.bv(index - i, 32)), octet, first) if index >= i else first
        return first

    def has(self, count: int) -> Term:
        """Whether there are at least ``count`` bytes."""
        count -= len(self.trailer)
        if self.size is None:
            return b.not_(shorter_than(count - self.delta))
        return b.ule(b.bv(count, 32), self.packet.kept) if count > 0 else b.TRUE

    def length(self, width: int) -> Term:
        """Its length in bytes as a number of ``width`` bits."""
        if self.size is not None:
            return b.resize(self.packet.length, width)
        return b.add(b.zext(LENGTH, width), b.bv(self.delta + len(self.trailer), width))

    def _longer(self, count: int) -> int | Term | None:
        if isinstance(self.size, Term):
            return b.add(self.size, b.bv(count, 32))
        return None if self.size is None else self.size + count

    def reaching(self, count: int) -> Layout:
        """The same packet with at least ``count`` bytes written out in ``prefix``."""
        packet = self.packet
        more = tuple(packet.at(i) for i in range(len(self.prefix), count))
        return replace(self, prefix=self.prefix + more, payload=self.payload + len(more)) if more else self

    def shortest_form(self) -> Layout:
        """The same packet with nothing at the end of ``prefix`` that is the input frame's there anyway."""
        prefix, payload = self.prefix, self.payload
        while prefix and payload and prefix[-1] is byte(payload - 1):
            prefix, payload = prefix[:-1], payload - 1
        return replace(self, prefix=prefix, payload=payload)

    def write(self, index: int, values: list[Term]) -> Layout:
        """With ``values`` from byte ``index`` on, all inside or in the metadata. Where the packet is that short, they
        are bytes of the trailer: what is written of the prefix there is cut off."""
        if index < 0:
            start, count = len(self.front) + index, min(-index, len(values))
            front = (*self.front[:start], *values[:count], *self.front[start + count :])
            return replace(self, front=front).write(0, values[count:])
        longer = self.reaching(index + len(values))
        prefix = (*longer.prefix[:index], *values, *longer.prefix[index + len(values) :])
        if not self.trailer:
            return replace(longer, prefix=prefix)
        kept, trailer = self.packet.kept, list(self.trailer)
        for k in range(len(trailer)):
            for i, value in enumerate(values):
                if index + i >= k:
                    trailer[k] = b.ite(b.eq(kept, b.bv(index + i - k, 32)), value, trailer[k])
        return replace(longer, prefix=prefix, size=kept, trailer=tuple(trailer))

    def pushed(self, values: tuple[Term, ...]) -> Layout:
        """With ``values`` in front; pointers become stale."""
        size = self._longer(len(values))
        return replace(self, prefix=values + self.prefix, epoch=self.epoch + 1, size=size)

    def pulled(self, count: int) -> Layout:
        """Without its first ``count`` bytes; pointers become stale."""
        over = max(0, count - len(self.prefix))
        size = self._longer(-count)
        return replace(self, prefix=self.prefix[count:], payload=self.payload + over, epoch=self.epoch + 1, size=size)

    def inserted(self, at: int, values: tuple[Term, ...]) -> Layout:
        """With ``values`` in front of byte ``at``, which lies inside or at the end; pointers become stale."""
        longer = self.reaching(at)
        prefix = (*longer.prefix[:at], *values, *longer.prefix[at:])
        return replace(longer, prefix=prefix, epoch=self.epoch + 1, size=self._longer(len(values)))

    def removed(self, at: int, count: int) -> Layout:
        """Without ``count`` bytes from byte ``at`` on, all inside; pointers become stale."""
        longer = self.reaching(at + count)
        prefix = (*longer.prefix[:at], *longer.prefix[at + count :])
        return replace(longer, prefix=prefix, epoch=self.epoch + 1, size=self._longer(-count))

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


Times = Mapping[int, Term]
"""How often something was asked → where it was; of these conditions one holds."""
NEVER: Final[Times] = MappingProxyType({0: b.TRUE})
MOST_TIMES: Final = 64
"""Numbers of times that are told apart on paths that meet."""


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
    removed: dict[str, tuple[Removed, ...]] = field(default_factory=dict)
    """What was taken out of maps, by their names, in order."""
    facts: dict[Term, int] = field(default_factory=dict)
    """Terms that the paths have fixed to a number."""
    ranges: dict[Term, Interval] = field(default_factory=dict)
    """What the paths have established of how large terms are."""
    counts: dict[str, int] = field(default_factory=dict)
    """How often something was asked of the world around (a time), by its name; tail calls as well."""
    asked: dict[str, Times] = field(default_factory=dict)
    """The same of what paths ask differently often and meet again (:meth:`.machine.Machine.asked_anew`)."""
    sent: tuple[Output, ...] = ()
    """Copies that were sent on the way."""
    events: tuple[Event, ...] = ()
    """What was told on the way."""
    rests: dict[Term, int] = field(default_factory=dict)
    """How many bytes loops over the packet have left, by what they add up with them."""

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
            dict(self.removed),
            dict(self.facts),
            dict(self.ranges),
            dict(self.counts),
            dict(self.asked),
            self.sent,
            self.events,
            dict(self.rests),
        )

    @property
    def location(self) -> tuple[int, ...]:
        """The slots of the waiting callers, then the own one."""
        return (*(frame.slot for frame in self.frames), self.slot)

    def assume(self, condition: Term) -> bool:
        """Restrict to the inputs where ``condition`` holds; False if there are none, as far as terms show."""
        self.guard = both(self.guard, condition)
        self.shortest = max(self.shortest, *(lower_bound(part) for part in b.conjuncts(condition)))
        if self.guard is not b.FALSE and not ranges.learn(condition, self.ranges):
            self.guard = b.FALSE
        if LENGTH in self.ranges:
            self.shortest = max(self.shortest, self.ranges[LENGTH][0])
        return self.guard is not b.FALSE

    def may(self, condition: Term) -> bool:
        """Whether ``condition`` can hold on these paths, as far as terms show."""
        return both(self.guard, condition) is not b.FALSE and ranges.possible(condition, self.ranges)

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


def both(guard: Term, condition: Term) -> Term:
    """The conjunction, and false if ``guard`` has the negation of ``condition`` as one of its parts.

    (A conjunction is taken apart when it becomes part of another, so that ``b.and_`` does not see that.)
    """
    parts = b.conjuncts(guard)
    opposite = b.not_(condition)
    if opposite in parts or (opposite.op == "and" and all(part in parts for part in opposite.args)):
        return b.FALSE
    return b.and_(guard, condition)


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


REDIRECTED_BITS: Final = 3
REDIRECTS: Final[tuple[Destination, ...]] = ("port", "ingress", "peer", "neighbour", "cpu", "socket", "devices")
"""Where a packet can be redirected to."""


HEADERS_MOVED: Final = "headers moved"
"""How often room was made or taken away behind the Ethernet header: the transport header may lie elsewhere then."""
NEXT_HOP: Final = "next_hop"
"""The field that holds which neighbour ``bpf_redirect_neigh`` was given, behind a bit that says whether it was."""
TUNNEL: Final = "tunnel"
"""The field that names what has been set of the packet's tunnel."""
NEXT_HOP_BYTES: Final = 20
"""Bytes of ``struct bpf_redir_neigh``."""
NO_NEXT_HOP: Final = b.bv(0, 1 + 8 * NEXT_HOP_BYTES)


def redirected_to(to: Destination | None) -> Term:
    """What field "redirected" holds: where a packet is to go by what a helper has noted (None: nowhere)."""
    return b.bv(0 if to is None else 1 + REDIRECTS.index(to), REDIRECTED_BITS)


def shorter_than(count: int) -> Term:
    """Whether the input frame has fewer than ``count`` bytes."""
    if count <= 0:
        return b.FALSE
    return b.ult(LENGTH, b.bv(count, 16)) if count < 1 << 16 else b.TRUE
