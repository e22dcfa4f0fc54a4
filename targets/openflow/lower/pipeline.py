"""v1model's pipeline as flows: what becomes of each way in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ....semantics import ir
from ....semantics.rules.ruleset import Replica
from ....semantics.source import Span
from ...base import CannotOffload
from ...unfold.stages import CLONE, CLONED, NO_CLONE, REPLICATED, ask_for_clone, kept, parameters
from ...unfold.state import State, Ways
from ...unfold.v1model import DROP_PORT, V1Model
from ...unfold.values import Bits, Cube, equals, known, number
from ..artifact import IN_PORT, DecTtl, Output, PopMpls, PopVlan, PushMpls, PushVlan
from . import seen
from .context import ETHERNET, At, FlowContext
from .deparse import Variant, variants
from .drafts import Copies, Copy, Draft, Node, Out, Step, Visit, Write
from .machine import FlowMachine
from .metering import METERED, NOT_METERED, Metering

_SENT, _DROPPED = 0, -1

Fate = tuple[int, int | None]
"""What becomes of the frame (a multicast group, or sent, or dropped), and the session of its clone."""
Egress = Callable[[State, Bits, Mapping[str, Bits]], Ways]
"""The ways of a frame for a port through egress, with these fields of ``standard_metadata``."""
_PORT_BITS: Final = 9


def nodes(context: FlowContext, metering: Metering) -> list[Node]:
    """The nodes of the program's flows; the first one is where packets begin. Raises CannotOffload."""
    program = context.program
    if program.arch != "v1model":
        arch = program.arch or "no known architecture"
        raise CannotOffload(f"programs for {arch} (openflow takes v1model)", Span(program.file, 0, 0))
    ours = {("clone", ""): ask_for_clone, ("meter", "execute_meter"): metering.ask}
    model = V1Model.of(context, lambda c, externs: FlowMachine(c, {**externs, **ours}))
    return _Pipeline(context, model, metering).run()


class _Pipeline:
    def __init__(self, context: FlowContext, model: V1Model, metering: Metering) -> None:
        self.context = context
        self.metering = metering
        self.model = model
        assert isinstance(model.m, FlowMachine)
        self.m = model.m

    def run(self) -> list[Node]:
        """Parser, ingress, and then each way by itself."""
        model = self.model
        nothing = {CLONE: NO_CLONE, METERED: NOT_METERED}
        start = State(Cube({}, ETHERNET), nothing, at=At(self.m.node("start"), {}, ETHERNET))
        # a port that is never set is any port: the one that drops, for the switch has no port 0
        inputs = {"ingress_port": seen.bits("in_port")[-_PORT_BITS:], "egress_spec": number(DROP_PORT, _PORT_BITS)}
        ways = model.parsed(start, inputs)
        parser = [f"{model.parser.name}/{p.name}" for p in model.parser.params]
        ways = self._stage(ways, parser, model.checked, model.verify)
        found = parser[1:2] if self.context.rules.sessions else []  # the headers that clones have
        verify = [*found, *parser[-1:], *parameters(model.verify)]
        self.metering.in_ingress = True
        ways = self._stage(ways, verify, model.ingressed, model.ingress)
        self.metering.in_ingress = False
        self._after_ingress(kept(ways, [METERED, *found, *parameters(model.ingress)]))
        return self.m.nodes

    def _stage(self, ways: Ways, names: Sequence[str], stage: Callable[[State], Ways], control: ir.Control) -> Ways:
        together = kept(ways, [METERED, *names])
        if control.body.body and len(ways) > 1:
            together = self.m.together(together, control.span)
        return [end for way in together for end in stage(way)]

    # --- after ingress ------------------------------------------------------------------------------------------------

    def _after_ingress(self, ways: Ways) -> None:
        """Ways with one fate go through egress together."""
        fates: dict[Fate, Ways] = {}
        for way in ways:
            for here, clone in self._session(way):
                for there, original in self._original(here):
                    fates.setdefault((original, clone), []).append(there)
        for (original, clone), found in fates.items():
            for way in self.m.together(found, self.model.ingress.span):
                if original == _SENT and clone is None:
                    self._unicast(way)
                else:
                    self._copied(way, original, clone)

    def _original(self, way: State) -> Iterator[tuple[State, int]]:
        """What becomes of the frame itself: the group that it goes to, or that it is sent, or dropped."""
        span = self.model.ingress.span
        groups = self.model.after_ingress(way, "mcast_grp")
        for here, group in self._values(way, groups, sorted(self.context.rules.multicast), span):
            if group is None:  # another number: a group without members
                yield here, _DROPPED
            elif group:
                yield here, group
            else:
                dropped, others = self._split(here, self.model.after_ingress(here, "egress_spec"), DROP_PORT, span)
                yield from [] if dropped is None else [(dropped, _DROPPED)]
                yield from [] if others is None else [(others, _SENT)]

    def _session(self, way: State) -> Iterator[tuple[State, int | None]]:
        """The clone session that a way asks for; None for none, or one that is not set up."""
        span = self.model.ingress.span
        asked, *bits = way.variables[CLONE]  # type: ignore[misc]
        cloned, others = self._split(way, (asked,), 1, span)
        yield from [] if others is None else [(others, None)]
        if cloned is None:
            return
        for session, replicas in self.context.rules.sessions.items():
            if replicas.truncate is not None:
                raise CannotOffload(f"clone session {session} cuts its copies", span)
            here, left = self._split(cloned, tuple(bits), session, span)
            yield from [] if here is None else [(here, session)]
            if left is None:
                return
            cloned = left
        yield cloned, None

    def _values(self, way: State, bits: Bits, listed: Iterable[int], span: Span) -> list[tuple[State, int | None]]:
        """The way by a number's value: 0, those listed, and the others together (None)."""
        value = known(way.cube.resolve(bits))
        wanted_values = [0, *(v for v in listed if v)]
        if value is not None:
            return [(way, value if value in wanted_values else None)]
        found: list[tuple[State, int | None]] = []
        for value in wanted_values:
            here = self._where(way, bits, value, span)
            if here is not None:
                found.append((here, value))
        possible = self.context.possible(bits)
        if possible is None or not possible <= set(wanted_values):
            found.append((way, None))
        states = self.context.ordered([s for s, _ in found])
        return [(s, v) for s, (_, v) in zip(states, found, strict=True)]

    def _where(self, way: State, bits: Bits, value: int, span: Span) -> State | None:
        wanted = equals(way.cube.resolve(bits), value, (1 << len(bits)) - 1, span)
        cube = None if wanted is None else self.context.narrowed(way.cube, wanted)
        if wanted is None or cube is None:
            return None
        self.context.note(wanted, span)
        return replace(way, cube=cube)

    def _drop(self, way: State, span: Span) -> None:
        self._end(way, {}, (), span)

    def _end(self, way: State, wanted: dict[int, bool], steps: Sequence[Step], span: Span) -> None:
        self.metering.ended(way, sent=bool(steps))
        self._flow(way, wanted, steps, span)

    def _flow(self, way: State, wanted: dict[int, bool], steps: Sequence[Step], span: Span) -> None:
        here = way
        if wanted:
            cube = self.context.narrowed(way.cube, wanted)
            assert cube is not None
            here = replace(way, cube=cube)
        at = self.m.place(here)
        asked = self.m.asked(here, span)
        writes, done = self._in_safety(tuple(steps))
        at.node.add(Draft(here.order, asked, here.cube.bits, writes, done, span=span))
        at.node.targets |= {step.node for copies in done if isinstance(copies, Copies)
                            for steps in copies.buckets for step in steps if isinstance(step, Visit)}  # fmt: skip

    def _in_safety(self, steps: tuple[Step, ...]) -> tuple[list[Write], tuple[Step, ...]]:
        """What an earlier step would write over is kept first."""
        writes: list[Write] = []
        found: list[Step] = []
        spoiled: set[str] = set()
        for step in steps:
            done = step
            if isinstance(step, Copy):
                if any((f := seen.field_of(bit)) is not None and _spoils(f[0], spoiled) for bit in step.value):
                    kept = self.context.keep(len(step.value))
                    kept.possible.add(None)
                    writes.append(Write(kept, step.value))
                    done = replace(step, value=kept.bits)
                spoiled.add(step.field)
            elif isinstance(step, PushMpls | PopMpls):
                spoiled.add("network")
            elif isinstance(step, PushVlan | PopVlan):
                spoiled.add("vlan_tci")
            elif isinstance(step, DecTtl):
                spoiled.add("nw_ttl")
            found.append(done)
        return writes, tuple(found)

    def _unicast(self, way: State) -> None:
        port = self.model.after_ingress(way, "egress_spec")
        for end in self.model.egressed(way, port, {"instance_type": number(0, 32)}):
            self._after_egress(end, port)

    def _split(self, way: State, bits: Bits, value: int, span: Span) -> tuple[State | None, State | None]:
        """Where a number has a value, and where not."""
        where = self._where(way, bits, value, span)
        if where is None:
            return None, way
        if where.cube is way.cube:
            return where, None
        possible = self.context.possible(bits)
        if possible is not None and possible <= {value}:
            return where, None
        first, second = self.context.ordered([where, way])
        return first, second

    def _after_egress(self, way: State, port: Bits) -> None:
        for end, steps in self._sent(way, port):
            for place, (wanted, done) in enumerate(steps):
                here = replace(end, order=(*end.order, place)) if len(steps) > 1 else end
                self._end(here, wanted, done, self.model.deparser.span)

    def _sent(self, way: State, port: Bits) -> list[tuple[State, list[Variant]]]:
        """What leaves at the end of egress: for each way, the steps for each possibility; none where it is dropped."""
        span = self.model.egress.span
        dropped, others = self._split(way, self.model.after_egress(way, "egress_spec"), DROP_PORT, span)
        found: list[tuple[State, list[Variant]]] = []
        if dropped is not None:
            found.append((dropped, [({}, ())]))
        for end in [] if others is None else self.model.deparsed(others):
            out = self._out(end, port)
            found.append(
                (end, [(w, (*steps, out)) for w, steps in variants(self.context, end, self.model.deparser.span)])
            )
        return found

    def _out(self, way: State, port: Bits) -> Step:
        """The output; a port is nobody's if it is 0."""
        bits = way.cube.resolve(port)
        span = self.model.ingress.span
        if bits == seen.bits("in_port")[-_PORT_BITS:]:
            return Output(IN_PORT)
        possible = self.context.possible(bits)
        if possible is None:
            raise CannotOffload("an egress port that is computed or taken from the frame", span)
        if self._where(way, bits, 0, span) is not None:
            raise CannotOffload("egress port 0: ports of OpenFlow are numbered from 1", span)
        value = known(bits)
        if value is not None and known(way.cube.resolve(seen.bits("in_port")[-_PORT_BITS:])) == value:
            return Output(IN_PORT)
        return Out(bits, back=not self._never_back(way, value))

    def _never_back(self, way: State, port: int | None) -> bool:
        """Whether it is known that the frame did not come from there."""
        if port is None:
            return False
        bits = seen.bits("in_port")[-_PORT_BITS:]
        wanted = {bit: bool(port >> i & 1) for i, bit in enumerate(reversed(bits))}
        return wanted in way.cube.never or way.cube.with_bits(wanted) is None

    # --- copies -------------------------------------------------------------------------------------------------------

    def _copied(self, way: State, original: int, clone: int | None) -> None:
        """One flow with all copies: the frame or each member of its group, then its clones. Each goes through egress in
        nodes of its own, so that their number is that of all copies together."""
        model, rules = self.model, self.context.rules
        copies: list[tuple[Egress, Bits, Mapping[str, Bits]]] = []
        if original == _SENT:
            copies.append((model.egressed, model.after_ingress(way, "egress_spec"), {"instance_type": number(0, 32)}))
        copies += [(model.egressed, *_copy(replica, REPLICATED)) for replica in rules.multicast.get(original, ())]
        cloned = () if clone is None else rules.sessions[clone].replicas
        copies += [(model.cloned, *_copy(replica, CLONED)) for replica in cloned]
        if not copies:
            self._drop(way, model.ingress.span)
        elif len(copies) == 1:
            self._egressed(way, *copies[0])
        else:
            nodes = [self._alone(way, *copy) for copy in copies]
            self._flow(way, {}, _together(nodes), model.deparser.span)

    def _egressed(self, way: State, egress: Egress, port: Bits, changes: Mapping[str, Bits]) -> None:
        for end in egress(way, port, changes):
            self._after_egress(end, port)

    def _alone(self, way: State, egress: Egress, port: Bits, changes: Mapping[str, Bits]) -> Node:
        """A node that makes one copy."""
        node = self.m.node("a copy")
        at = At(node, way.cube.bits, way.cube.length)
        self._egressed(replace(way, order=(), at=at), egress, port, changes)
        return node


def _together(copies: Sequence[Node]) -> tuple[Step, ...]:
    """The copies as steps: what all have in common first; one that is changed by itself is left to its node."""
    plain = [_plain(node) for node in copies]
    found = [(node, steps) for node, steps in zip(copies, plain, strict=True) if steps != ()]  # others are dropped
    common = {None if steps is None else steps[:-1] for _, steps in found}
    if len(common) == 1 and (first := common.pop()) is not None:
        last = [steps[-1:] for _, steps in found if steps is not None]
        return (*first, *last[0]) if len(last) == 1 else (*first, Copies(tuple(last)))
    each = [steps if steps is not None and len(steps) == 1 else (Visit(node),) for node, steps in found]
    return (Copies(tuple(each)),) if each else ()


def _plain(node: Node) -> tuple[Step, ...] | None:
    """The steps of a node that does the same with all packets, nothing if it drops them; None: it is more than that, or
    sends to a port that a register holds, which no bucket does."""
    draft = min(node.drafts, key=lambda draft: draft.order)
    if draft.match or draft.target is not None or draft.writes:
        return None
    last = draft.steps[-1] if draft.steps else None
    return None if isinstance(last, Out) and known(last.port) is None else tuple(draft.steps)


def _copy(replica: Replica, kind: int) -> tuple[Bits, dict[str, Bits]]:
    """The port of a copy, and what its metadata says."""
    changes = {"instance_type": number(kind, 32), "egress_rid": number(replica.instance, 16)}
    return number(replica.port, _PORT_BITS), changes


def _spoils(field: seen.Seen, spoiled: set[str]) -> bool:
    return field.field in spoiled or ("network" in spoiled and field.type is not None)
