"""What an evaluation starts from: the variables of :mod:`.behaviour`, or one packet's numbers in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .. import bits as b
from ..bits import Term
from ..source import Span
from .behaviour import LENGTH, PORT, Choice, byte
from .trace import Trace


class Input(Protocol):
    """The frame, metadata, the state's contents and the choices of one evaluation."""

    @property
    def concrete(self) -> bool:
        """Whether all of it are numbers: one packet under rules that are known."""
        ...

    @property
    def length(self) -> Term:
        """The frame's length in bytes (16 bits)."""
        ...

    @property
    def port(self) -> Term:
        """The ingress port (32 bits)."""
        ...

    def byte(self, index: int) -> Term:
        """Byte ``index`` of the frame; only asked where it is long enough."""
        ...

    def metadata(self, name: str, width: int) -> Term:
        """``in.NAME``."""
        ...

    def cell(self, name: str, width: int, index: Term) -> Term:
        """What cell ``index`` of a state held before the packet."""
        ...

    def choose(self, choice: Choice, trace: Trace | None, leftover: Term | None) -> Term:
        """The value of a choice; ``leftover`` is what a machine may have there, if anything."""
        ...

    def function(
        self, name: str, width: int, args: tuple[Term, ...], reason: str, span: Span, trace: Trace | None
    ) -> Term:
        """What an unknown function answers (``name`` says its arguments' widths, too)."""
        ...


class Symbolic:
    """Every input at once."""

    concrete = False
    port = PORT

    @property
    def length(self) -> Term:
        """See :class:`Input`."""
        return LENGTH

    def byte(self, index: int) -> Term:
        """See :class:`Input`."""
        return byte(index)

    def metadata(self, name: str, width: int) -> Term:
        """See :class:`Input`."""
        return b.var(f"in.{name}", width)

    def cell(self, name: str, width: int, index: Term) -> Term:
        """See :class:`Input`."""
        return b.apply(f"state.{name}", width, index)

    def choose(self, choice: Choice, trace: Trace | None, leftover: Term | None) -> Term:
        """The variable itself: nobody has chosen yet."""
        return choice.variable

    def function(
        self, name: str, width: int, args: tuple[Term, ...], reason: str, span: Span, trace: Trace | None
    ) -> Term:
        """See :class:`Input`."""
        return b.apply(name, width, *args)


class OneFrame(Symbolic):
    """Every input at once but for the frame, which is known."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame

    @property
    def length(self) -> Term:
        """See :class:`Input`."""
        return b.bv(len(self._frame), 16)

    def byte(self, index: int) -> Term:
        """See :class:`Input`."""
        return b.bv(self._frame[index] if index < len(self._frame) else 0, 8)


@dataclass
class Concrete:
    """One packet: metadata that is not given is 0, every choice is 0 and is told to the trace."""

    packet: bytes
    in_port: int
    given: Mapping[str, int] = field(default_factory=dict)
    cells: Mapping[str, Callable[[int], int]] = field(default_factory=dict)
    choice: Callable[[Choice], int] = lambda choice: 0
    functions: Mapping[str, Callable[..., int]] = field(default_factory=dict)
    """Functions that are known on numbers."""
    leftovers: bool = False
    """Whether what is undefined is what was there last, where something was."""
    concrete = True

    @property
    def length(self) -> Term:
        """See :class:`Input`."""
        return b.bv(len(self.packet), 16)

    @property
    def port(self) -> Term:
        """See :class:`Input`."""
        return b.bv(self.in_port, 32)

    def byte(self, index: int) -> Term:
        """See :class:`Input`."""
        return b.bv(self.packet[index] if index < len(self.packet) else 0, 8)

    def metadata(self, name: str, width: int) -> Term:
        """See :class:`Input`."""
        return b.bv(self.given.get(name, 0), width)

    def cell(self, name: str, width: int, index: Term) -> Term:
        """See :class:`Input`."""
        before = self.cells.get(name)
        return b.bv(before(index.value) if before else 0, width)

    def choose(self, choice: Choice, trace: Trace | None, leftover: Term | None) -> Term:
        """The number that was chosen, told to the trace."""
        width = choice.variable.width
        kept = self.leftovers and leftover is not None and leftover.is_const
        value = leftover.value if kept and leftover is not None else self.choice(choice)
        value &= (1 << max(1, width)) - 1
        if trace is not None:
            trace.undefined(choice.reason, choice.span, value, choice.origin, choice.what)
        return b.bv(value, width) if width else b.boolean(bool(value))

    def function(
        self, name: str, width: int, args: tuple[Term, ...], reason: str, span: Span, trace: Trace | None
    ) -> Term:
        """What a known function answers; of others 0, and told to the trace."""
        if name in self.functions:
            return b.bv(self.functions[name](*(arg.value for arg in args)), width)
        if trace is not None:
            trace.undefined(reason, span, 0)
        return b.bv(0, width)
