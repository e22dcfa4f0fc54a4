"""What a machine does to any packet: the one type into which P4 and every target denote.

A :class:`Behaviour` is a function of the input, written with terms over these free variables and functions:

=====================  ==========================================================================================
``pkt.len``            16 bits: the frame's length in bytes
``pkt[i]``             8 bits: byte ``i`` of the frame on the wire (first byte 0); only asked where ``i < pkt.len``
``in.port``            32 bits: the ingress port
``in.NAME``            other metadata that comes in (architecture's or machine's own)
``state.NAME(i)``      function: what cell ``i`` of a register, counter or map held before the packet
``at.NAME``            the index of an arbitrary cell, in what :attr:`Case.state` says of ``NAME`` afterwards
``table.T.*``          what the control plane's rules answer (:mod:`.lookup`)
``map.M.*``            what a target's own map answers (same kind of function; a fill-up relates the two)
``hash.H.W(data)``      a hash function that only the target or the control plane knows (:mod:`.hashes`)
``any.N...``           a choice: a value that the specification leaves open (one per read, never shared)
=====================  ==========================================================================================

Its cases are guarded by exclusive conditions that together cover the domain. Inside a case the layout of every output
packet is fixed: some bytes, then the input from some offset on; so packets of any length are compared by finitely
many terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from .. import bits as b
from ..bits import Term
from ..source import NOWHERE, Span

LENGTH: Final = b.var("pkt.len", 16)
"""The frame's length in bytes."""

PORT: Final = b.var("in.port", 32)
"""The ingress port."""


def byte(index: int) -> Term:
    """Byte ``index`` of the input frame."""
    return b.var(f"pkt[{index}]", 8)


def input_bytes(start: int, count: int) -> Term:
    """``count`` bytes of the input frame from ``start`` on, as one bit-vector in network order."""
    return b.concat(*(byte(i) for i in range(start, start + count)))


@dataclass(frozen=True, slots=True)
class Packet:
    """``prefix`` (8-bit terms), then the input frame from byte ``payload`` on.

    Its length is ``len(prefix) + pkt.len - payload``; a case that builds it must imply ``pkt.len >= payload``.
    """

    prefix: tuple[Term, ...] = ()
    payload: int = 0

    @property
    def delta(self) -> int:
        """Bytes that this packet is longer than the input (negative: shorter)."""
        return len(self.prefix) - self.payload

    def at(self, index: int) -> Term:
        """Byte ``index``; only meaningful below the packet's length."""
        return self.prefix[index] if index < len(self.prefix) else byte(index - self.delta)

    @classmethod
    def of_bits(cls, fields: Iterable[Term], payload: int) -> Packet:
        """The packet of bit-vector ``fields`` side by side (in all a multiple of 8 bits), then the payload."""
        parts = list(fields)
        if not parts:
            return cls((), payload)
        whole = b.concat(*parts)
        if whole.width % 8:
            raise ValueError(f"{whole.width} bits are no bytes")
        count = whole.width // 8
        return cls(tuple(b.extract(whole, 8 * (count - i) - 1, 8 * (count - i - 1)) for i in range(count)), payload)


INPUT_PACKET: Final = Packet()
"""The input, unchanged."""


@dataclass(frozen=True, slots=True)
class Output:
    """A frame that leaves: when, to where, what.

    ``to`` "port": out of port ``port`` (32 bits). ``to`` "stack": on to the host's stack or next hook
    (TC_ACT_OK, XDP_PASS, the eBPF filter's accept); ``port`` is then 0.
    """

    when: Term
    to: Literal["port", "stack"]
    port: Term
    packet: Packet


@dataclass(frozen=True, slots=True)
class Case:
    """What happens where ``guard`` holds."""

    guard: Term
    outputs: tuple[Output, ...]
    metadata: Mapping[str, Term] = field(default_factory=dict)
    """Metadata that leaves (``mark``, ``priority``, ``classid``); a name that is absent is unchanged (``in.NAME``)."""
    state: Mapping[str, Term] = field(default_factory=dict)
    """What cell ``at.NAME`` holds after the packet, for a free index ``at.NAME``; a name that is absent is unchanged
    (``state.NAME(at.NAME)``). So two states are equal exactly if these terms are, for every index."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A free variable ``any.*`` whose value nobody fixes, with the place that reads it and why."""

    variable: Term
    reason: str
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that holds of every input that can occur; repeated in the verdict."""

    text: str
    condition: Term


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a program must never do (read past the packet, follow a null pointer); ``guard`` says when it does.

    A machine that meets one has no meaning there; the proof rejects if some input of the domain satisfies ``guard``.
    """

    guard: Term
    text: str
    where: Span = NOWHERE


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
    """What is compared: "outputs", and names in the cases' ``metadata`` and ``state``."""
    notes: tuple[str, ...] = ()
    """What the verdict should repeat: loops bounded, externs left uninterpreted, ..."""
    faults: tuple[Fault, ...] = ()
    """What must never happen. The cases and the faults' guards together cover the domain."""
    reaching: tuple[Assumption, ...] = ()
    """What holds of every frame that gets as far as the artifact; all others the machine drops whatever the artifact
    says (a VLAN tag cut short at tc ingress). The cases cover them; a comparison leaves them out and says so."""
