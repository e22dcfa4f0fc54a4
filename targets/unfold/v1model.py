"""``v1model`` while a program is unfolded: its blocks one after the other, each turning a way into ways.

The controls run whatever the parser says. ``egress_spec`` 511 drops after ingress and after egress; ``mcast_grp`` other
than 0 replicates (behavioral-model, ``docs/simple_switch.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ...semantics import ir
from ...semantics.source import Span
from ..base import CannotOffload
from .expressions import Valued, as_bits, decide, evaluate
from .machine import PLAIN_EXTERNS, ExternHandler, Machine
from .parsing import PACKET_IN, run_parser
from .places import store
from .state import Context, State, Ways
from .values import Bits, Record, Value, number, undefined, unknown

MachineMaker = Callable[[Context, dict[tuple[str, str], ExternHandler]], Machine]

DROP_PORT: Final = 511
_EGRESS_INPUTS: Final = ("egress_global_timestamp", "enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth")
_FROM_OUTSIDE: Final = frozenset({"ingress_port", "packet_length", "ingress_global_timestamp", *_EGRESS_INPUTS})
"""Fields of ``standard_metadata`` that have a value which is not in the frame."""


def main_blocks(context: Context, wanted: tuple[str, ...]) -> tuple[dict[str, str], Span]:
    """The blocks of the main package by parameter, and where it is made. Raises CannotOffload if one is missing."""
    program = context.program
    package = next((p for p in program.packages if p.name == program.main), None)
    if package is None:
        raise CannotOffload("a program without main", Span(program.file, 0, 0))
    blocks = {name: value for name, value in package.args if isinstance(value, str)}
    for name in wanted:
        if name not in blocks:
            raise CannotOffload(f"a main package without {name}", package.span)
    return blocks, package.span


@dataclass
class V1Model:
    """The blocks of a ``V1Switch``, and the machine that walks them."""

    m: Machine
    span: Span
    parser: ir.Parser
    verify: ir.Control
    ingress: ir.Control
    egress: ir.Control
    compute: ir.Control
    deparser: ir.Control

    @classmethod
    def of(cls, context: Context, machine: MachineMaker) -> V1Model:
        """The program's. Raises CannotOffload if its main package is no ``V1Switch``."""
        names = ("p", "vr", "ig", "eg", "ck", "dep")
        blocks, span = main_blocks(context, names)
        parser = context.program.parser(blocks["p"])
        controls = [context.program.control(blocks[name]) for name in names[1:]]
        return cls(machine(context, {**PACKET_IN, **PLAIN_EXTERNS, **EXTERNS}), span, parser, *controls)

    # --- ingress ------------------------------------------------------------------------------------------------------

    def parsed(self, start: State, inputs: Mapping[str, Bits]) -> Ways:
        """The ways through the parser. ``inputs``: fields of ``standard_metadata`` that the machine can look at."""
        headers, meta, standard = self.parser.params[1:]
        values = {
            headers.name: undefined(headers.type, headers.span),
            meta.name: undefined(meta.type, meta.span),
            standard.name: _standard_metadata(standard, inputs),
        }
        return [replace(way, flow="run") for way in run_parser(self.m, self.parser, values, start)]

    def checked(self, way: State) -> Ways:
        """The ways of one through the control that verifies checksums."""
        return self._apply(
            self.verify, [way.variables[f"{self.parser.name}/{p.name}"] for p in self.parser.params[1:3]], way
        )

    def ingressed(self, way: State) -> Ways:
        """The ways of one through ingress."""
        error = number(self.m.context.program.errors.index(way.error), 32)
        standard = with_field(way.variables[f"{self.parser.name}/{self.parser.params[3].name}"], "parser_error", error)
        if way.checksum_seen:
            standard = with_field(standard, "checksum_error", unknown(1))
        return self._apply(self.ingress, [*results(way, self.verify), standard], way)

    def after_ingress(self, way: State, field: str) -> Bits:
        """A field of ``standard_metadata`` at the end of ingress."""
        return way.cube.resolve(bits_of(results(way, self.ingress)[2], field, self.ingress.span))

    # --- egress -------------------------------------------------------------------------------------------------------

    def egressed(self, way: State, port: Bits, changes: Mapping[str, Bits]) -> Ways:
        """The ways through egress of a frame for a port; ``changes``: further fields of ``standard_metadata``."""
        headers, meta, standard = results(way, self.ingress)
        return self._to_egress(way, [headers, meta, standard], port, changes)

    def cloned(self, way: State, port: Bits, changes: Mapping[str, Bits]) -> Ways:
        """The same of a clone from ingress: it has the headers that the parser found, and no metadata."""
        headers, meta, standard = self.parser.params[1:]
        found = way.variables[f"{self.parser.name}/{headers.name}"]
        fresh = [found, undefined(meta.type, meta.span), _standard_metadata(standard, {})]
        fresh[2] = with_field(fresh[2], "ingress_port", number(0, 9))
        return self._to_egress(way, fresh, port, changes)

    def _to_egress(self, way: State, values: list[Value], port: Bits, changes: Mapping[str, Bits]) -> Ways:
        headers, meta, standard = values
        assert isinstance(standard, Record)
        inputs = {
            n: unknown(len(as_bits(standard.fields[n], self.span))) for n in _EGRESS_INPUTS if n in standard.fields
        }
        for name, bits in {"egress_port": port, "egress_spec": number(0, len(port)), **inputs, **changes}.items():
            standard = with_field(standard, name, bits)
        return self._apply(self.egress, [headers, meta, standard], way)

    def after_egress(self, way: State, field: str) -> Bits:
        """A field of ``standard_metadata`` at the end of egress."""
        return way.cube.resolve(bits_of(results(way, self.egress)[2], field, self.egress.span))

    def deparsed(self, way: State) -> Ways:
        """The ways of a frame that is sent through checksums and deparser; what leaves is ``State.emitted``."""
        ends: Ways = []
        for computed in self._apply(self.compute, results(way, self.egress)[:2], way):
            named = {self.deparser.params[1].name: results(computed, self.compute)[0]}
            ends += self.m.control(self.deparser, named, replace(computed, emitted=()))
        return ends

    def _apply(self, control: ir.Control, values: list[Value], way: State) -> Ways:
        """The control's ways; ``exit`` ends this control only."""
        named = dict(zip((p.name for p in control.params), values, strict=True))
        return [replace(s, flow="run") for s in self.m.control(control, named, way)]


def _standard_metadata(param: ir.Param, inputs: Mapping[str, Bits]) -> Value:
    """At the start: what comes from outside is unknown but for ``inputs``, the rest is 0 or undefined."""
    start = undefined(param.type, param.span)
    if not isinstance(start, Record):
        raise CannotOffload("a standard_metadata that is no struct", param.span)
    outside = {n: unknown(len(v)) for n, v in start.fields.items() if n in _FROM_OUTSIDE and isinstance(v, tuple)}
    seen = {n: v for n, v in inputs.items() if n in start.fields}
    return Record({**start.fields, **outside, **seen})


def with_field(value: Value, name: str, bits: Bits) -> Value:
    """A struct with one field changed, if it has it."""
    assert isinstance(value, Record)
    return Record({**value.fields, name: bits}, value.valid) if name in value.fields else value


def bits_of(value: Value, name: str, span: Span) -> Bits:
    """A struct's field."""
    assert isinstance(value, Record)
    return as_bits(value.fields[name], span)


def results(way: State, control: ir.Control) -> list[Value]:
    """What a control has left in its parameters."""
    return [way.variables[f"{control.name}/{p.name}"] for p in control.params]


# --- externs ----------------------------------------------------------------------------------------------------------


def _mark_to_drop(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``mark_to_drop(standard_metadata)``."""
    if len(call.args) != 1 or call.args[0] is None:
        raise CannotOffload("mark_to_drop without standard_metadata", call.span)
    spec = ir.Member(call.args[0], "egress_spec", ir.bits(9), call.span)
    after = store(m, state, spec, number(DROP_PORT, 9))
    return [(store(m, after, ir.Member(call.args[0], "mcast_grp", ir.bits(16), call.span), number(0, 16)), ())]


def _verify_checksum(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``verify_checksum``: where it is asked for, nobody knows ``checksum_error`` any more."""
    assert call.args[0] is not None
    found: Valued = []
    for s, truth in decide(m, call.args[0], state):
        seen = truth and not known_right(m, call, s)
        found.append((replace(s, checksum_seen=s.checksum_seen or seen), ()))
    return found


def known_right(m: Machine, call: ir.ExternCall, state: State) -> bool:
    """Whether the machine's frames always have the right checksum here."""
    data, target = _data(m, call, state)
    return data is not None and m.context.checksum_right(data, target)


def _data(m: Machine, call: ir.ExternCall, state: State) -> tuple[Bits | None, Bits]:
    """What a checksum is taken over, if it is known and the algorithm is that of the Internet; and the checksum."""
    if not m.context.keeps_checksums:
        return None, ()
    _, data, target, algorithm, *_ = call.args
    assert data is not None
    assert target is not None
    checksum = as_bits(evaluate(m, target, state)[0][1], call.span)
    plain = call.method == "" and not call.extern.endswith("_with_payload")
    if not (plain and isinstance(algorithm, ir.Const) and algorithm.value == "csum16"):
        return None, checksum
    found = evaluate(m, data, state)
    return (flat(found[0][1]) if len(found) == 1 else None), checksum


def flat(value: Value) -> Bits:
    """All bits of a value, the first field highest."""
    if isinstance(value, tuple):
        return value
    parts = value.items if not isinstance(value, Record) else tuple(value.fields.values())
    return tuple(bit for part in parts for bit in flat(part))


def _update_checksum(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``update_checksum``: where it is asked for, the field holds a number that is not in the frame."""
    condition, _, target, *_ = call.args
    assert condition is not None
    assert target is not None
    width = ir.width_of(ir.bare(target.type))
    found: Valued = []
    for s, truth in decide(m, condition, state):
        if not truth:
            found.append((s, ()))
            continue
        data, _ = _data(m, call, s)
        bits = None if data is None else m.context.checksum(data)
        found.append((replace(store(m, s, target, bits or unknown(width)), changed=call.span), ()))
    return found


def _hash(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``hash(out result, ...)``: a number that no machine of this kind can compute."""
    target = call.args[0]
    if target is None:
        return [(state, ())]
    width = len(as_bits(evaluate(m, target, state)[0][1], call.span))
    return [(store(m, state, target, unknown(width)), ())]


EXTERNS: Final[dict[tuple[str, str], ExternHandler]] = {
    ("mark_to_drop", ""): _mark_to_drop,
    ("verify_checksum", ""): _verify_checksum,
    ("verify_checksum_with_payload", ""): _verify_checksum,
    ("update_checksum", ""): _update_checksum,
    ("update_checksum_with_payload", ""): _update_checksum,
    ("hash", ""): _hash,
}
