"""What the architectures make of a program: what becomes of each way in the end, as drafts of filters.

``ebpf_model``: a frame that the parser rejects is dropped; ``accept`` decides the others. ``v1model``: the controls run
whatever the parser says; ``egress_spec`` 511 drops (also where it is never set), another known port is where the frame
goes; multicast groups and clone sessions are those of the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ....semantics import ir
from ....semantics.rules.ruleset import Replica
from ....semantics.source import Span
from ...base import CannotOffload
from ...tc.artifact.actions import DROP, PASS, Action, Gact
from ...unfold.expressions import as_bits, decide
from ...unfold.machine import PLAIN_EXTERNS
from ...unfold.metering import METERED, NOT_METERED
from ...unfold.parsing import PACKET_IN, run_parser
from ...unfold.stages import CLONE, CLONED, NO_CLONE, REPLICATED, ask_for_clone, kept, parameters
from ...unfold.state import State, Ways
from ...unfold.v1model import DROP_PORT, V1Model, main_blocks
from ...unfold.values import ONE, Bits, Cube, known, number, undefined
from . import seen
from .context import FlowerContext
from .copies import Copy, sent
from .drafts import At, Draft, Node
from .machine import FlowerMachine
from .metering import Policing
from .steps import emitted

Copied = list[tuple[State, tuple[Copy, ...]]]
"""Ways, with the copies that leave so far."""


def start(context: FlowerContext, metering: Policing) -> Node:
    """The node where packets begin. Raises CannotOffload."""
    program = context.program
    if program.arch not in ("ebpf_model", "v1model"):
        arch = program.arch or "no known architecture"
        raise CannotOffload(f"programs for {arch} (flower takes ebpf_model and v1model)", Span(program.file, 0, 0))
    return _ebpf_model(context) if program.arch == "ebpf_model" else _v1model(context, metering)


def _begun(node: Node, variables: Mapping[str, Bits]) -> State:
    return State(Cube({}, seen.ETHERNET), dict(variables), at=At(node, {}))


def _end(m: FlowerMachine, way: State, actions: Sequence[Action], span: Span) -> None:
    """What becomes of the packets of a way."""
    m.leave(way, Draft(way.order, m.asked(way), way.cube, tuple(actions), None, span))


# --- ebpf_model -------------------------------------------------------------------------------------------------------


def _ebpf_model(context: FlowerContext) -> Node:
    blocks, _ = main_blocks(context, ("prs", "filt"))
    m = FlowerMachine(context, {**PACKET_IN, **PLAIN_EXTERNS})
    node = Node()
    parser, control = context.program.parser(blocks["prs"]), context.program.control(blocks["filt"])
    headers = parser.params[1]
    name = f"{parser.name}/{headers.name}"
    ways = run_parser(m, parser, {headers.name: undefined(headers.type, headers.span)}, _begun(node, {}))
    parsed: Ways = []
    for way in ways:
        if way.flow == "reject":
            _end(m, way, [Gact(DROP)], parser.span)
        else:
            parsed.append(replace(way, variables={name: way.variables[name]}))
    for way in m.together(parsed, control.span):
        _filtered(m, control, way, name)
    return node


def _filtered(m: FlowerMachine, control: ir.Control, way: State, headers: str) -> None:
    first, accept = control.params
    values = {first.name: way.variables[headers], accept.name: undefined(accept.type, accept.span)}
    result = ir.Var(accept.name, accept.type, accept.span)
    for end in m.control(control, values, way):
        with m.inside(control, f"{control.name}/"):
            decided = decide(m, result, replace(end, flow="run"))
        for state, truth in decided:
            _end(m, state, [Gact(PASS if truth else DROP)], control.span)


# --- v1model ----------------------------------------------------------------------------------------------------------


def _v1model(context: FlowerContext, metering: Policing) -> Node:
    ours = {("clone", ""): ask_for_clone, ("meter", "execute_meter"): metering.ask}
    model = V1Model.of(context, lambda c, externs: FlowerMachine(c, {**externs, **ours}))
    return _Pipeline(context, model, metering).run()


class _Pipeline:
    def __init__(self, context: FlowerContext, model: V1Model, metering: Policing) -> None:
        self.context = context
        self.model = model
        self.metering = metering
        assert isinstance(model.m, FlowerMachine)
        self.m = model.m

    def run(self) -> Node:
        """Parser, ingress, and then each way by itself."""
        model, node = self.model, Node()
        way = _begun(node, {CLONE: NO_CLONE, METERED: NOT_METERED})
        inputs = {"ingress_port": seen.PORT, "egress_spec": number(DROP_PORT, seen.PORT_BITS)}
        ways = model.parsed(way, inputs)
        parser = [f"{model.parser.name}/{p.name}" for p in model.parser.params]
        ways = self._stage(ways, parser, model.checked, model.verify)
        found = parser[1:2] if self.context.rules.sessions else []  # the headers that clones have
        verify = [*found, *parser[-1:], *parameters(model.verify)]
        self.metering.in_ingress = True
        ways = self._stage(ways, verify, model.ingressed, model.ingress)
        self.metering.in_ingress = False
        ways = kept(ways, [METERED, *found, *parameters(model.ingress)])
        if model.egress.body.body:
            ways = self.m.together(ways, model.ingress.span)
        for way in ways:
            self._after_ingress(way)
        return node

    def _stage(self, ways: Ways, names: Sequence[str], stage: Callable[[State], Ways], control: ir.Control) -> Ways:
        together = kept(ways, [METERED, *names])
        if control.body.body:
            together = self.m.together(together, control.span)
        return [end for way in together for end in stage(way)]

    def _after_ingress(self, way: State) -> None:
        span = self.model.ingress.span
        group = known(self.model.after_ingress(way, "mcast_grp"))
        port = known(self.model.after_ingress(way, "egress_spec"))
        if group is None or port is None:
            what = "a multicast group" if group is None else "an egress port"
            raise CannotOffload(f"{what} that depends on the frame", span)
        ends: Copied = [(way, ())]
        if group:
            for replica in self.context.rules.multicast.get(group, ()):
                ends = self._one_more(ends, self.model.egressed, *_copy(replica, REPLICATED))
        elif port != DROP_PORT:
            bits = number(port, seen.PORT_BITS)
            ends = self._one_more(ends, self.model.egressed, bits, {"instance_type": number(0, 32)})
        for replica in self._clones(way, span):
            ends = self._one_more(ends, self.model.cloned, *_copy(replica, CLONED))
        for state, copies in ends:
            self._sent(state, copies)

    def _clones(self, way: State, span: Span) -> Sequence[Replica]:
        """The replicas of the clone session that is asked for."""
        asked, *session = way.cube.resolve(as_bits(way.variables[CLONE], span))
        if asked != ONE:
            return ()
        value = known(tuple(session))
        if value is None:
            raise CannotOffload("a clone session that depends on the frame", span)
        found = self.context.rules.sessions.get(value)
        if found is None:
            return ()
        if found.truncate is not None:
            raise CannotOffload(f"clone session {value} cuts its copies", span)
        return found.replicas

    def _one_more(
        self,
        ends: Copied,
        egress: Callable[[State, Bits, Mapping[str, Bits]], Ways],
        port: Bits,
        changes: Mapping[str, Bits],
    ) -> Copied:
        """One more copy on every way; each begins with what ingress has left."""
        found: Copied = []
        number_ = known(port)
        assert number_ is not None
        for state, copies in ends:
            for end in egress(state, port, changes):
                last = known(self.model.after_egress(end, "egress_spec"))
                if last is None:
                    raise CannotOffload("whether egress drops depends on the frame", self.model.egress.span)
                outs = [end] if last == DROP_PORT else self.model.deparsed(end)
                for out in outs:
                    more = () if last == DROP_PORT else ((number_, emitted(out)),)
                    back = replace(out, variables=state.variables, emitted=(), changed=out.changed)
                    found.append((back, (*copies, *more)))
        return found

    def _sent(self, way: State, copies: tuple[Copy, ...]) -> None:
        span = self.model.deparser.span
        self.metering.ended(way, sent=bool(copies))
        if not copies:
            _end(self.m, way, [Gact(DROP)], span)
            return
        variants = list(sent(self.context, way, copies, span))
        for place, (wanted, actions) in enumerate(variants):
            cube = self.context.narrowed(way.cube, wanted)
            if cube is not None:
                _end(self.m, replace(way, cube=cube, order=(*way.order, place)), actions, span)


def _copy(replica: Replica, kind: int) -> tuple[Bits, dict[str, Bits]]:
    """The port of a copy, and what its metadata says."""
    changes = {"instance_type": number(kind, 32), "egress_rid": number(replica.instance, 16)}
    return number(replica.port, seen.PORT_BITS), changes
