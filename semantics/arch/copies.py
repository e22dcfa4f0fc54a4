"""Copies of a frame that go through an egress of their own: multicast groups and clone sessions.

An architecture asks for copies while it runs a frame; they are run when the frame itself is done, in the order in
which they were asked for, copies of copies after them. If the packet is known, each member of the group gets its run,
on the state that those before it have left. If not, one run stands for every member, known by ``each.*``, on cells
``each.K.state.NAME`` that may hold anything; its outputs say so (:class:`~..meaning.behaviour.Replication`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from .. import bits as b
from ..bits import Term
from ..meaning.behaviour import Assumption, Event, Replication, replication, state_of_a_copy
from ..meaning.machine import Machine
from ..meaning.state import State, Write
from ..rules.decide import members
from ..source import NOWHERE, Span, Unsupported
from .base import Ended, Sent

Kind = Literal["multicast", "clone"]

MAX_DEPTH: Final = 3
"""Copies of copies that are followed when the packet is not known."""

MAX_COPIES: Final = 1000
"""Copies of one packet in one pass."""

Cells = Mapping[str, tuple[Write, ...]]

Run = Callable[[Term, Term], Sequence[Sent]]
"""Port (32 bits) and instance (16 bits) of the member → what is sent. It begins with an empty store."""


@dataclass(frozen=True)
class _Asked:
    """Copies that are still to be made."""

    kind: Kind
    group: Term
    when: Term
    """Where they are made, since the frame itself began."""
    around: tuple[Term, ...]
    """The same for the frames that this is a copy of, outermost first."""
    each: tuple[Replication, ...]
    begin: State
    run: Run
    span: Span


@dataclass
class Copies:
    """The copies of one frame and of its copies."""

    m: Machine
    cuts: bool = False
    """Whether the architecture itself cuts the copies of a session that cuts."""
    sent: list[Sent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _asked: deque[_Asked] = field(default_factory=deque)
    _around: tuple[Term, ...] = ()
    _made: int = 0

    def ask(self, kind: Kind, group: Term, when: Term, run: Run, span: Span = NOWHERE) -> None:
        """For each member of ``group``, where ``when`` holds, a copy that ``run`` processes.

        Args:
            kind: of group.
            group: its number.
            when: beside the present state's path: both since the frame itself began.
            run: processes the copy; what it sends has conditions since its own beginning.
            span: to blame.
        """
        when = b.and_(self.m.state.path, when)
        if self.m.decide(when) is b.FALSE:  # the whole of it is kept: the path is among the facts here, not around
            return
        if len(self.m.each) >= MAX_DEPTH:
            self._too_deep(span)
            return
        self._asked.append(_Asked(kind, group, when, self._around, self.m.each, self.m.state.copy(), run, span))

    def finish(self, ended: Ended) -> Ended:
        """``ended``, the frame itself, with all that was asked for and what comes of it."""
        m = self.m
        state, outer = ended.state, m.outer_paths
        for_all = not m.input.concrete
        cells = state.cells
        while self._asked:
            asked = self._asked.popleft()
            if for_all:
                self._for_any_member(asked, outer)
            else:
                cells = self._for_each_member(asked, cells)
        m.each, m.outer_paths, self._around = (), outer, ()
        if not for_all:
            state = replace(state, cells=cells)
        m.state = state
        return replace(ended, sent=(*ended.sent, *self.sent), state=state, events=(*ended.events, *self.events))

    def _too_deep(self, span: Span) -> None:
        """Copies beyond the last that are followed: these alone are left out, and the verdict says so.

        The packets that get there stay, for what is sent of them before is compared like anything else: a copy that
        asks for itself again is the commonest way to get there, and all that the program ever copies.
        """
        text = f"no copy is copied more than {MAX_DEPTH} times over (at {span})"
        self.m.assumptions.append(Assumption(text, b.TRUE, limit=True))

    def _for_any_member(self, asked: _Asked, outer: list[Term]) -> None:
        m = self.m
        each = (*asked.each, replication(asked.kind, asked.group, len(asked.each)))
        facts = asked.begin.facts.union(asked.when.args if asked.when.op == "and" else (), (asked.when,))
        m.each = each
        m.outer_paths = [*outer, *asked.around, asked.when]
        self._around = (*asked.around, asked.when)
        m.state = replace(asked.begin, store={}, path=b.TRUE, facts=facts, cells={}, pieces=(), events=())
        made = b.and_(*self._around, self._is_member(each[-1]))
        own = list(asked.run(each[-1].port, each[-1].instance))
        state = {name: b.ite(made, m.cell_after(name), self._before(name)) for name in m.state.cells}
        sent = [replace(s, when=b.and_(made, s.when), each=each) for s in own if s.when is not b.FALSE]
        if state and not sent:
            sent = [Sent(b.FALSE, "port", b.bv(0, 32), (), m.state.cursor, asked.span, each)]
        if state:
            sent[-1] = replace(sent[-1], state=state)
        self.sent += sent
        self.events += [Event(b.and_(made, e.when), e.name, e.fields, each) for e in m.state.events]

    def _before(self, name: str) -> Term:
        """What cell ``at.NAME`` held before the copy."""
        index_bits, width = self.m.cell_shapes[name]
        return b.apply(state_of_a_copy(len(self.m.each) - 1, name), width, b.var(f"at.{name}", index_bits))

    def _is_member(self, here: Replication) -> Term:
        """That the control plane has set up this member, if it is known what has been set up."""
        rules = self.m.rules
        if rules is None:
            return b.TRUE
        ways = []
        for number in rules.multicast if here.kind == "multicast" else rules.sessions:
            for port, instance in members(rules, here.kind, number, self.cuts):
                member = b.and_(b.eq(here.port, b.bv(port, 32)), b.eq(here.instance, b.bv(instance, 16)))
                ways.append(b.and_(b.eq(here.group, b.bv(number, 32)), member))
        return b.or_(*ways)

    def _for_each_member(self, asked: _Asked, cells: Cells) -> Cells:
        m = self.m
        rules = m.rules
        if rules is None:
            raise Unsupported(f"a {asked.kind} without the control plane's rules", asked.span)
        number = b.resize(asked.group, 32).value
        for port, instance in members(rules, asked.kind, number, self.cuts):
            self._made += 1
            if self._made > MAX_COPIES:
                raise Unsupported(f"more than {MAX_COPIES} copies of one packet", asked.span)
            if m.trace is not None:
                m.trace.add("copy", asked.span, of=asked.kind, group=number, port=port, instance=instance)
            m.state = replace(asked.begin, store={}, path=b.TRUE, cells=cells, pieces=(), events=())
            self.sent += asked.run(b.bv(port, 32), b.bv(instance, 16))
            self.events += m.state.events
            cells = m.state.cells
        return cells
