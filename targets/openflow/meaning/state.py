"""What the switch knows of a packet while it translates: its flow key, what the datapath has made of it, and the frame.

As in ``ofproto/ofproto-dpif-xlate.c`` of Open vSwitch 3.1 there are two keys: ``key`` is what actions have written
(``xin->flow``), ``base`` is what has been done to the frame (``base_flow``); the difference is committed to the frame
before it is sent (``xlate_commit_actions``). Numbers of tags and labels are fixed in one state; all else are terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Destination, Packet
from ....semantics.meaning.behaviour import Output as Sent
from ....semantics.meaning.sent import each, merge_sent
from ..artifact import FIELDS, Action

LABEL_PARTS = {"mpls_label": (31, 12), "mpls_tc": (11, 9), "mpls_bos": (8, 8), "mpls_ttl": (7, 0)}
"""Fields of a label stack entry: their highest and lowest bit."""
DERIVED = ("vlan_tci", *LABEL_PARTS)
"""Fields that are parts of tags and labels."""
PLAIN = tuple(name for name in FIELDS if name not in DERIVED)

Tag = tuple[Term, Term]
"""A VLAN tag's type and TCI (16 bits each); in a key the TCI has bit 12 set, in a frame that bit is the DEI."""


def one_of(term: Term, numbers: Iterable[int]) -> Term:
    """Whether a bit-vector is one of some numbers."""
    return b.or_(*(b.eq(term, b.bv(number, term.width)) for number in numbers))


@dataclass(frozen=True, slots=True)
class Key:
    """``struct flow``: every field of :data:`PLAIN`, the tags and the label stack entries, outermost first."""

    fields: Mapping[str, Term]
    tags: tuple[Tag, ...] = ()
    labels: tuple[Term, ...] = ()

    def get(self, name: str) -> Term:
        """A field's value (0 where the packet has none)."""
        if name == "vlan_tci":
            return self.tags[0][1] if self.tags else b.bv(0, 16)
        if name in DERIVED:
            label = self.labels[0] if self.labels else b.bv(0, 32)
            return b.extract(label, *LABEL_PARTS[name])
        return self.fields[name]

    def with_field(self, name: str, value: Term) -> Key:
        """The same with another value of a field of :data:`PLAIN`."""
        if self.fields[name] is value:
            return self
        return replace(self, fields=MappingProxyType({**self.fields, name: value}))

    def terms(self) -> list[Term]:
        """Every term in it."""
        return [*self.fields.values(), *(t for tag in self.tags for t in tag), *self.labels]

    @property
    def shape(self) -> tuple[int, int]:
        """How many tags and labels there are."""
        return len(self.tags), len(self.labels)


def masked(key: Key, name: str, mask: int, value: Term) -> Term:
    """Whether the bits of a field in ``mask`` are those of ``value``."""
    term = key.get(name)
    return b.eq(b.band(term, b.bv(mask, term.width)), value)


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame as it is: its head, part by part, then the input from byte ``payload`` on."""

    macs: Term
    """96 bits: destination and source."""
    tags: tuple[Tag, ...]
    kind: Term
    """16 bits: the type or length behind the tags."""
    snap: tuple[Term, ...]
    """8 bytes of LLC and SNAP, or nothing."""
    labels: tuple[Term, ...]
    rest: tuple[Term, ...]
    """Bytes of the network header and what follows it, as far as they were written to."""
    payload: int

    def packet(self) -> Packet:
        """The frame as bytes."""
        tags = [t for tag in self.tags for t in tag]
        parts = (self.macs, *tags, self.kind, *self.snap, *self.labels)
        head = tuple(byte for part in parts for byte in b.chunks(part, 8))
        return Packet((*head, *self.rest), self.payload)

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames of one shape differ in terms only."""
        return len(self.tags), len(self.snap), len(self.labels), len(self.rest), self.payload


@dataclass(frozen=True, slots=True)
class State:
    """A packet on its way through the tables."""

    key: Key
    base: Key
    frame: Frame
    sent: tuple[Sent, ...] = ()
    written: tuple[Action, ...] = ()
    """The action set, in the order in which it was written."""
    extra: tuple[str, ...] = field(default=())
    """Marks of states that must not be merged."""
    stack: tuple[Term, ...] = ()
    """What ``push`` has put there, the top last."""
    passing: Term = b.TRUE
    """Whether every meter so far has let the frame pass; what one drops is sent nowhere any more."""
    chosen: int = 0
    """How many groups have chosen a bucket and meters whether the frame passes so far, at most."""

    @property
    def shape(self) -> tuple[object, ...]:
        """States of one shape can be merged."""
        widths = tuple(term.width for term in self.stack)
        return self.key.shape, self.base.shape, self.frame.shape, self.written, self.extra, widths

    def merged(self, condition: Term, other: State) -> State:
        """See :class:`...semantics.meaning.ways.Mergeable`."""
        return merge(condition, self, other)


def merge(condition: Term, x: State, y: State) -> State:
    """``x`` where the condition holds, else ``y``; both of one shape."""
    if x is y:
        return x
    frame = x.frame
    if frame != y.frame:
        frame = Frame(
            b.ite(condition, x.frame.macs, y.frame.macs),
            _tags(condition, x.frame.tags, y.frame.tags),
            b.ite(condition, x.frame.kind, y.frame.kind),
            each(condition, x.frame.snap, y.frame.snap),
            each(condition, x.frame.labels, y.frame.labels),
            each(condition, x.frame.rest, y.frame.rest),
            x.frame.payload,
        )
    key, base = _keys(condition, x.key, y.key), _keys(condition, x.base, y.base)
    passing = b.ite(condition, x.passing, y.passing)
    stack = each(condition, x.stack, y.stack)
    sent, chosen = merge_sent(condition, x.sent, y.sent), max(x.chosen, y.chosen)
    return State(key, base, frame, sent, x.written, x.extra, stack, passing, chosen)


def _tags(condition: Term, x: tuple[Tag, ...], y: tuple[Tag, ...]) -> tuple[Tag, ...]:
    if x == y:
        return x
    return tuple((b.ite(condition, p[0], q[0]), b.ite(condition, p[1], q[1])) for p, q in zip(x, y, strict=True))


def _keys(condition: Term, x: Key, y: Key) -> Key:
    if x is y:
        return x
    fields = x.fields
    if x.fields is not y.fields:
        fields = MappingProxyType({name: b.ite(condition, value, y.fields[name]) for name, value in x.fields.items()})
    return Key(fields, _tags(condition, x.tags, y.tags), each(condition, x.labels, y.labels))


def send(state: State, when: Term, to: Destination, port: Term) -> State:
    """The frame as it is leaves, if meters let it."""
    return replace(state, sent=(*state.sent, Sent(b.and_(when, state.passing), to, port, state.frame.packet())))
