"""What an architecture is to the evaluator: which blocks run in which order, what leaves, which externs there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import INPUT_PACKET, Assumption, Destination, Event, Packet, Replication
from ..meaning.dispatch import ExternTable
from ..meaning.machine import Machine
from ..meaning.state import Piece, State
from ..source import NOWHERE, Span, Unsupported

NOT_CUT: Final = b.bv(-1, 32)
"""The length to which a frame is cut that is not cut."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that leaves: ``pieces``, then ``frame`` (what was parsed) from bit ``cursor`` on. The rest is as in
    ``Output``."""

    when: Term
    to: Destination
    port: Term
    pieces: tuple[Piece, ...]
    cursor: int
    span: Span = NOWHERE
    each: tuple[Replication, ...] = ()
    metadata: Mapping[str, Term] = field(default_factory=dict)
    state: Mapping[str, Term] = field(default_factory=dict)
    cut: Term = NOT_CUT
    """32 bits: the bytes to which the frame is cut, if it is longer."""
    frame: Packet = INPUT_PACKET


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of one way through the program: where ``guard`` holds, this was sent and told, ``state`` holds the
    cells."""

    guard: Term
    sent: tuple[Sent, ...]
    state: State
    events: tuple[Event, ...] = ()
    metadata: Mapping[str, Term] = field(default_factory=dict)
    """Metadata that leaves (as in ``Case``)."""


class Architecture(Protocol):
    """One architecture; its module's text says which document it follows and what it decides."""

    @property
    def name(self) -> str:
        """As in ``Program.arch``."""
        ...

    @property
    def externs(self) -> ExternTable:
        """What its programs can call."""
        ...

    def domain(self) -> Sequence[Assumption]:
        """What inputs there are."""
        ...

    def run(self, m: Machine) -> list[Ended]:
        """Every way through the program, with guards that exclude each other and cover the domain."""
        ...


class OtherPackage(Unsupported):
    """The program's ``main`` is called like the architecture's package, but has other parameters: it is one of its
    own."""


def main_arguments(program: ir.Program) -> dict[str, str]:
    """The blocks that the package ``main`` was given: parameter → full name.

    Raises:
        Unsupported: the program has no ``main``.
    """
    if program.main is None:
        raise Unsupported("a program without a package main")
    package = program.package(program.main)
    return {name: value for name, value in package.args if isinstance(value, str)}


def first_parser(program: ir.Program) -> ir.Parser | None:
    """The parser that a packet from a port meets: the first among the blocks of ``main``, through nested packages."""
    packages = {package.name: package for package in program.packages}
    parsers = {parser.name: parser for parser in program.parsers}
    waiting = [program.main] if program.main is not None else []
    while waiting:
        name = waiting.pop(0)
        if name in parsers:
            return parsers[name]
        if name in packages:
            waiting = [value for _, value in packages[name].args if isinstance(value, str)] + waiting
    return None


def is_control(program: ir.Program, name: str) -> bool:
    """Whether a block of this full name is a control."""
    return any(control.name == name for control in program.controls)
