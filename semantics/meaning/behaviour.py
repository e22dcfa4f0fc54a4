"""What a machine does to any packet: the one type into which P4 and every target denote.

A :class:`Behaviour` is a function of the input, written with terms over these free variables and functions:

=====================  ==========================================================================================
``pkt.len``            16 bits: the frame's length in bytes
``pkt[i]``             8 bits: byte ``i`` of the frame on the wire (first byte 0); only asked where ``i < pkt.len``
``pkt.sum16[i]``       16 bits: the one's complement sum of the frame's 16-bit words from byte ``i`` on;
                       ``pkt.xor16[i]``: their exclusive or (:mod:`.payload`)
``pkt.last[k]``        8 bits: its byte ``k`` from the end (the last one is 1; :mod:`.ends`)
``in.port``            32 bits: the ingress port
``in.NAME``            other metadata that comes in (architecture's or machine's own)
``state.NAME(i)``      function: what cell ``i`` of a register, counter or map held before the packet
``at.NAME``            the index of an arbitrary cell, in what :attr:`Case.state` says of ``NAME`` afterwards
``each.K.port``        32 bits: the port of an arbitrary member of a group to which a copy goes (:class:`Replication`);
                       K counts replications within replications from 0
``each.K.instance``    16 bits: ... and that member's instance (rid)
``in.each.K.NAME``     metadata of which each copy has its own
``each.K.state.NAME``  function: what cell ``i`` of NAME held before the copy at depth K went through its own egress
``table.T.*``          what the control plane's rules answer (:mod:`.lookup`)
``map.M.*``            what a target's own map answers (same kind of function; a fill-up relates the two)
``in.ebpf.NAME.k``     what the kernel told an eBPF program that asked for NAME (a time, a random number) the k-th time
``given.N(...)``       what the kernel answers an eBPF program, as a function of what was asked (a route)
``hash.H.W(data)``      a hash function that only the target or the control plane knows (:mod:`.hashes`)
``open.N``             what an assumption reads that is undefined; it holds if it does for some value
``any.N...``           a choice: a value that the specification leaves open (one per read, never shared)
``any.each.N...``      ... made while a copy goes through its egress, so each copy has its own
=====================  ==========================================================================================

Its cases are guarded by exclusive conditions that together cover the domain. Inside a case the layout of every output
packet is fixed: some bytes, then the input from some offset on; so packets of any length are compared by finitely
many terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from .. import bits as b
from ..bits import Term
from ..source import NOWHERE, Span
from .origin import Origin

LENGTH: Final = b.var("pkt.len", 16)
"""The frame's length in bytes."""

PORT: Final = b.var("in.port", 32)
"""The ingress port."""

CHOICE: Final = "any."
"""How the names of choices begin: of variables whose value nobody fixes (:class:`Choice`)."""

CHOICE_OF_A_COPY: Final = f"{CHOICE}each."
"""The same of those that each copy of a frame makes for itself."""


def is_choice(variable: Term) -> bool:
    """Whether a variable is one whose value nobody fixes."""
    return variable.name.startswith(CHOICE)


def is_choice_of_a_copy(variable: Term) -> bool:
    """Whether it is one that each copy of a frame makes for itself."""
    return variable.name.startswith(CHOICE_OF_A_COPY)


def of_a_copy(depth: int, what: str) -> str:
    """The name of what a copy of a frame is told: ``port``, ``instance``, or metadata; ``depth``: how many copies it is
    a copy of."""
    return f"each.{depth}.{what}"


def state_of_a_copy(depth: int, state: str) -> str:
    """The name of what a state holds when a copy of that depth begins."""
    return of_a_copy(depth, f"state.{state}")


def byte(index: int) -> Term:
    """Byte ``index`` of the input frame."""
    return b.var(f"pkt[{index}]", 8)


def input_bytes(start: int, count: int) -> Term:
    """``count`` bytes of the input frame from ``start`` on, as one bit-vector in network order."""
    return b.concat(*(byte(i) for i in range(start, start + count)))


@dataclass(frozen=True, slots=True)
class Packet:
    """``prefix`` (8-bit terms), then the input frame from byte ``payload`` on, then ``trailer`` (8-bit terms).

    A case that builds it must imply ``pkt.len >= payload``. With a ``size`` (a number, or a term of 32 bits) what comes
    before the trailer is cut to so many bytes: the case must imply that there are as many, and need not imply
    ``pkt.len >= payload`` where these are bytes of the prefix only. If it is ``filled``, there may be fewer, and zeros
    follow them.
    """

    prefix: tuple[Term, ...] = ()
    payload: int = 0
    size: int | Term | None = None
    trailer: tuple[Term, ...] = ()
    filled: bool = False

    @property
    def delta(self) -> int:
        """Bytes that this packet is longer than the input (negative: shorter), before it is cut."""
        return len(self.prefix) - self.payload

    @property
    def kept(self) -> Term:
        """How many bytes come before the trailer (32 bits)."""
        if self.size is None:
            return b.add(b.zext(LENGTH, 32), b.bv(self.delta, 32))
        return b.bv(self.size, 32) if isinstance(self.size, int) else self.size

    @property
    def length(self) -> Term:
        """Its length in bytes (32 bits)."""
        return b.add(self.kept, b.bv(len(self.trailer), 32))

    def at(self, index: int) -> Term:
        """Byte ``index``; only meaningful below :attr:`kept`."""
        if index < len(self.prefix):
            return self.prefix[index]
        at = index - self.delta
        if not self.filled:
            return byte(at)
        return b.ite(b.ult(b.bv(at, 16), LENGTH), byte(at), b.bv(0, 8)) if at <= 0xFFFF else b.bv(0, 8)

    def terms(self) -> list[Term]:
        """Every term in it."""
        return [*self.prefix, *self.trailer, *([self.size] if isinstance(self.size, Term) else [])]

    def mapped(self, new: Mapping[Term, Term]) -> Packet:
        """The same with ``new[t]`` for each term t."""
        size = self.size
        if isinstance(size, Term):
            size = new[size].value if new[size].is_const else new[size]
        prefix, trailer = (tuple(new[t] for t in part) for part in (self.prefix, self.trailer))
        return Packet(prefix, self.payload, size, trailer, self.filled)

    def sent(self, frame: bytes, value_of: Callable[..., Sequence[int]]) -> bytes:
        """Its bytes for the input ``frame``; ``value_of``: terms to numbers.

        Raises:
            ValueError: the input is shorter than the packet implies.
        """
        (kept,) = value_of(self.kept) if self.size is not None else (len(frame) + self.delta,)
        prefix, trailer = bytes(value_of(*self.prefix)), bytes(value_of(*self.trailer))
        if self.payload > len(frame) and not self.filled and (self.size is None or kept > len(prefix)):
            raise ValueError(f"a packet without the first {self.payload} bytes of {len(frame)}")
        whole = prefix + frame[self.payload :]
        if self.filled and kept <= 0xFFFF:
            whole = whole.ljust(kept, b"\0")
        if kept > len(whole):
            raise ValueError(f"a packet of {len(whole)} bytes cut to {kept}")
        return whole[:kept] + trailer

    @classmethod
    def of_bits(cls, fields: Iterable[Term], payload: int) -> Packet:
        """The packet of bit-vector ``fields`` side by side (in all a multiple of 8 bits), then the payload."""
        parts = list(fields)
        if all(part.width == 8 for part in parts):
            return cls(tuple(parts), payload)
        whole = b.concat(*parts)
        if whole.width % 8:
            raise ValueError(f"{whole.width} bits are no bytes")
        return cls(tuple(b.chunks(whole, 8)), payload)


INPUT_PACKET: Final = Packet()
"""The input, unchanged."""


Destination = Literal[
    "port", "stack", "recirculate", "resubmit", "ingress", "peer", "neighbour", "cpu", "socket", "program", "devices",
    "sampler",
]  # fmt: skip
"""Where a frame goes (see :class:`Output`)."""

RETURNS: Final[tuple[Destination, ...]] = ("recirculate", "resubmit")
"""Where it comes back from for another pass."""

DESTINATIONS: Final[tuple[Destination, ...]] = get_args(Destination)


@dataclass(frozen=True, slots=True)
class Replication:
    """For every member (port, instance) of a group that the control plane has set up."""

    kind: Literal["multicast", "clone"]
    """A multicast group, or a clone (mirror) session."""
    group: Term
    """32 bits: the group's or session's number."""
    port: Term
    """The variable that stands for the member's port (32 bits): ``each.K.port``."""
    instance: Term
    """... and its instance or rid (16 bits): ``each.K.instance``. K is 0, and one more inside another replication."""


def replication(kind: Literal["multicast", "clone"], group: Term, depth: int = 0) -> Replication:
    """For every member of ``group`` (widened to 32 bits), inside of ``depth`` other replications."""
    return Replication(
        kind, b.resize(group, 32), b.var(of_a_copy(depth, "port"), 32), b.var(of_a_copy(depth, "instance"), 16)
    )


@dataclass(frozen=True, slots=True)
class Output:
    """A frame that leaves: when, to where, what.

    ``to`` "port": out of port ``port`` (32 bits). ``to`` "stack": on to the host's stack or next hook
    (TC_ACT_OK, XDP_PASS, the eBPF filter's accept); ``port`` is then 0. ``to`` "recirculate" and "resubmit": back to
    the beginning for another pass, which reads ``port`` as ``in.port`` and ``metadata`` as ``in.NAME``. ``to``
    "ingress": received by interface ``port``. ``to`` "sampler": told, with a probability that an event says, to those
    who listen to group ``port``. Of eBPF alone: "peer": received by the other end of that one;
    "neighbour": out of interface ``port``, with the addresses of whatever the kernel takes for the next hop; "cpu": on
    to CPU ``port``; "socket" and "program" (which goes on with the packet): what an element of a map leads to, which
    ``port`` holds; "devices": out of every interface that a map holds, ``port`` says which map, and in its lowest bit
    that the one that the frame came in by is left out.

    A copy goes through its own egress after the frame that it is a copy of, and after all outputs before it; the
    order among the members of one group is open.
    """

    when: Term
    to: Destination
    port: Term
    packet: Packet
    each: tuple[Replication, ...] = ()
    """(): once. Otherwise once for each member; all terms of the output may mention ``each.*``."""
    metadata: Mapping[str, Term] = field(default_factory=dict)
    """What goes with a frame that comes back (:data:`RETURNS`): NAME → what the next pass reads as ``in.NAME``. Of any
    other: what the device finds beside it that gets it (a tunnel's key); a name that is absent is unchanged."""
    state: Mapping[str, Term] = field(default_factory=dict)
    """For a copy: what cell ``at.NAME`` holds after its own egress, as a function of ``each.K.state.NAME``, K the last
    of its replications; a name that is absent is unchanged. It happens whether or not ``when`` holds, and where one
    copy has several outputs (with conditions that exclude each other) it is told with the last of them."""
    apart: tuple[int, ...] = ()
    """Where not (): its port and how many frames left there before. It is compared with those of the same place, of
    which at most one is sent; the order among ports is then open (:mod:`.members`)."""

    def terms(self) -> list[Term]:
        """Every term in it."""
        groups = [t for r in self.each for t in (r.group, r.port, r.instance)]
        rest = (*self.metadata.values(), *self.state.values())
        return [self.when, self.port, *self.packet.terms(), *groups, *rest]

    def mapped(self, new: Mapping[Term, Term]) -> Output:
        """The same with ``new[t]`` for each term t."""
        packet = self.packet.mapped(new)
        each = tuple(Replication(r.kind, new[r.group], new[r.port], new[r.instance]) for r in self.each)
        metadata = {name: new[t] for name, t in self.metadata.items()}
        state = {name: new[t] for name, t in self.state.items()}
        return Output(new[self.when], self.to, new[self.port], packet, each, metadata, state, self.apart)


@dataclass(frozen=True, slots=True)
class Event:
    """What the control plane is told where ``when`` holds: a digest, an assertion's failure."""

    when: Term
    name: str
    fields: tuple[Term, ...] = ()
    each: tuple[Replication, ...] = ()

    def terms(self) -> list[Term]:
        """Every term in it."""
        return [self.when, *self.fields, *(t for r in self.each for t in (r.group, r.port, r.instance))]

    def mapped(self, new: Mapping[Term, Term]) -> Event:
        """The same with ``new[t]`` for each term t."""
        each = tuple(Replication(r.kind, new[r.group], new[r.port], new[r.instance]) for r in self.each)
        return Event(new[self.when], self.name, tuple(new[t] for t in self.fields), each)


@dataclass(frozen=True, slots=True)
class Case:
    """What happens where ``guard`` holds (it never mentions ``each.*``)."""

    guard: Term
    outputs: tuple[Output, ...]
    metadata: Mapping[str, Term] = field(default_factory=dict)
    """Metadata that leaves (``mark``, ``priority``, ``classid``); a name that is absent is unchanged (``in.NAME``)."""
    state: Mapping[str, Term] = field(default_factory=dict)
    """What cell ``at.NAME`` holds after the packet, for a free index ``at.NAME``; a name that is absent is unchanged
    (``state.NAME(at.NAME)``). So two states are equal exactly if these terms are, for every index. What copies write is
    not in it (:attr:`Output.state`)."""
    events: tuple[Event, ...] = ()

    def terms(self) -> list[Term]:
        """Every term in it."""
        sent = [t for output in self.outputs for t in output.terms()]
        told = [t for event in self.events for t in event.terms()]
        return [self.guard, *sent, *told, *self.metadata.values(), *self.state.values()]

    def mapped(self, new: Mapping[Term, Term]) -> Case:
        """The same with ``new[t]`` for each term t."""
        return Case(
            new[self.guard],
            tuple(output.mapped(new) for output in self.outputs),
            {name: new[t] for name, t in self.metadata.items()},
            {name: new[t] for name, t in self.state.items()},
            tuple(event.mapped(new) for event in self.events),
        )

    def substituted(self, known: Mapping[Term, Term]) -> Case:
        """The same with terms in place of others, wherever it mentions them."""
        terms = self.terms()
        return self.mapped(dict(zip(terms, b.substitute(terms, known), strict=True)))


def distinct_terms(cases: Iterable[Case]) -> list[Term]:
    """Every term in some cases once. Outputs of copies belong to many cases, and are looked through once."""
    found: dict[Term, None] = {}
    outputs: dict[int, Output] = {}
    for case in cases:
        outputs.update({id(output): output for output in case.outputs})
        found.update(dict.fromkeys(replace(case, outputs=()).terms()))
    for output in outputs.values():
        found.update(dict.fromkeys(output.terms()))
    return list(found)


METER_COLOUR: Final = "the colour of a meter"
RANDOM_NUMBER: Final = "a random number"
OWN_TO_EACH_MACHINE: Final = frozenset((METER_COLOUR, RANDOM_NUMBER))
"""Reasons of choices that every machine makes for itself, from what is in no packet; others are for want of a value."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A free variable ``any.*`` whose value nobody fixes, with the place that reads it and why."""

    variable: Term
    reason: str
    span: Span = NOWHERE
    origin: Origin | None = None
    """Where the value that is read there comes from."""
    what: str = ""
    """The name of what is read, where the place does not show it: metadata that the architecture reads."""
    likely: Term | None = None
    """What it may have to be for another side to do the same, a term over that side's choices: tried first, and no more
    than a guess."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that holds of every input that can occur; repeated in the verdict."""

    text: str
    condition: Term
    call: str = ""
    """``assert`` or ``assume`` if a call in the program says so, ``given`` if the user does, else ""."""
    where: Span = NOWHERE
    reached: Term = b.TRUE
    """Where a call is reached."""
    limit: bool = False
    """Whether it says what is left out of what the program does; the condition does not tell it then."""


def still_assumed(domain: Iterable[Assumption]) -> tuple[Assumption, ...]:
    """Assumptions without those that are known to hold by now."""
    return tuple(each for each in domain if each.limit or each.condition is not b.TRUE)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a program must never do (read past the packet, follow a null pointer); ``guard`` says when it does.

    A machine that meets one has no meaning there; the proof rejects if some input of the domain satisfies ``guard``.
    """

    guard: Term
    text: str
    where: Span = NOWHERE
    unsaid: bool = False
    """It is no mistake: what the machine does there is more than its meaning tells, so the check is unsupported."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a machine does to any packet (see the module's text)."""

    cases: tuple[Case, ...]
    domain: tuple[Assumption, ...] = ()
    """What inputs this machine can meet at all (a minimal frame length, a port number's range)."""
    axioms: tuple[Term, ...] = ()
    """True of every legal rule set: an action's number is one of the table's, and so on. Never restricts inputs."""
    choices: tuple[Choice, ...] = ()
    observables: tuple[str, ...] = ("outputs",)
    """What is compared: "outputs", "events", and names in the cases' (and copies') ``metadata`` and ``state``."""
    notes: tuple[str, ...] = ()
    """What the verdict should repeat: loops bounded, externs left uninterpreted, ..."""
    faults: tuple[Fault, ...] = ()
    """What must never happen. The cases and the faults' guards together cover the domain."""
    reaching: tuple[Assumption, ...] = ()
    """What holds of every frame that gets as far as the artifact; all others the machine drops whatever the artifact
    says (a VLAN tag cut short at tc ingress). The cases cover them; a comparison leaves them out and says so."""
    held: tuple[Term, ...] = field(default=(), compare=False, repr=False)
    """Conditions by whose age states were put in an order: as long as they live, another program that comes to the same
    conditions puts its states in the same order."""


def sends_copies(behaviour: Behaviour) -> bool:
    """Whether a behaviour sends copies of which it says to which groups' members they go."""
    return any(output.each for case in behaviour.cases for output in case.outputs)


def all_terms(behaviour: Behaviour) -> list[Term]:
    """Every term in ``behaviour`` once, but for the variables of its choices."""
    found = dict.fromkeys(distinct_terms(behaviour.cases))
    found.update(dict.fromkeys(a.condition for a in (*behaviour.domain, *behaviour.reaching)))
    found.update(dict.fromkeys(behaviour.axioms))
    found.update(dict.fromkeys(fault.guard for fault in behaviour.faults))
    return list(found)


def changed(behaviour: Behaviour, change: Callable[[list[Term]], list[Term]]) -> Behaviour:
    """``behaviour`` with ``change`` applied to every term in it (all at once, so that shared terms are met once)."""
    terms = all_terms(behaviour)
    new = dict(zip(terms, change(terms), strict=True))
    return replace(
        behaviour,
        cases=tuple(case.mapped(new) for case in behaviour.cases),
        domain=tuple(replace(each, condition=new[each.condition]) for each in behaviour.domain),
        reaching=tuple(replace(each, condition=new[each.condition]) for each in behaviour.reaching),
        axioms=tuple(new[t] for t in behaviour.axioms),
        faults=tuple(replace(fault, guard=new[fault.guard]) for fault in behaviour.faults),
    )


def substituted(behaviour: Behaviour, variables: Mapping[Term, Term]) -> Behaviour:
    """``behaviour`` with terms in place of variables, wherever it mentions them."""
    return changed(behaviour, lambda terms: b.substitute(terms, variables))
