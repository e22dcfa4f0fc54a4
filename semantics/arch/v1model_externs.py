"""The externs of ``v1model`` (p4c's ``v1model.p4``, behavioral-model's ``docs/simple_switch.md``).

State is named by the instance: ``state.NAME(index)`` has 64 bits for counters (packets and bytes kept apart as
``NAME.packets`` and ``NAME.bytes`` where both are counted) and a register's own type. A direct counter's cell is the
entry: its number in the rule set, or, when no rules are known, the key itself (any answers are realised by entries
that match one key each).
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import METER_COLOUR, RANDOM_NUMBER
from ..meaning.calls import bind
from ..meaning.dispatch import ExternTable
from ..meaning.machine import Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.packet_out import PACKET_OUT
from ..meaning.references import update
from ..meaning.unknown_externs import leaf_terms
from ..meaning.values import Scalar, Struct, Value
from ..source import Span, Unsupported
from .assertions import ASSERTIONS, GIVEN
from .extern_call import Call
from .meters import any_colour_noted, kept_colour
from .register_cells import cell_width, from_cell, to_cell
from .v1model_checksums import CHECKSUMS
from .v1model_signals import SIGNALS

COUNTER_BITS: Final = 64


def _inside(call: Call, index: Term) -> Term:
    return b.ult(b.zext(index, max(64, index.width)), b.bv(call.size(), max(64, index.width)))


# --- dropping, messages, assertions ---------------------------------------------------------------------------------


def _mark_to_drop(m: Machine, node: ir.ExternCall) -> None:
    """Sets ``egress_spec`` to 511 and ``mcast_grp`` to 0."""
    if not node.params:
        raise Unsupported("mark_to_drop without its argument", node.span)
    (argument,) = bind(m, node.params, node.args, node.span)
    assert argument.place is not None
    update(m, argument.place, _dropped)


def _dropped(value: Value) -> Value:
    assert isinstance(value, Struct)
    changes = {"egress_spec": 511, "mcast_grp": 0}
    fields = dict(value.fields)
    for name, number in changes.items():
        old = fields.get(name)
        if isinstance(old, Scalar):
            fields[name] = Scalar(b.bv(number, old.term.width))
    return Struct(fields)


def _log(m: Machine, node: ir.ExternCall) -> None:
    """A message to a log that nobody compares; its data is evaluated."""
    bind(m, node.params, node.args, node.span)


def _digest(m: Machine, node: ir.ExternCall) -> None:
    """``digest(receiver, data)``: the values that the data has now; the receiver is not looked at."""
    call = Call(m, node)
    bare = ir.bare(node.params[1].type)
    name = bare.name if isinstance(bare, ir.StructType) else str(node.span)
    m.tell(f"digest {name}", *leaf_terms(m, call.value(1), node.span))


# --- state ----------------------------------------------------------------------------------------------------------


def _counter_kinds(m: Machine, name: str, span: Span) -> list[tuple[str, Term]]:
    """The states of a counter, with what one packet adds to each."""
    kind = next((v for n, v in m.program.instance(name).args if n == "type"), None)
    one, length = b.bv(1, COUNTER_BITS), b.zext(m.input.length, COUNTER_BITS)
    if isinstance(kind, ir.Const):
        match kind.value:
            case "packets":
                return [(name, one)]
            case "bytes":
                return [(name, length)]
            case "packets_and_bytes":
                return [(f"{name}.packets", one), (f"{name}.bytes", length)]
    raise Unsupported("a counter whose type is not known", span)


def _count(m: Machine, node: ir.ExternCall) -> None:
    """``counter.count(index)``: "If index >= size, no counter state will be updated."."""
    call = Call(m, node)
    index = call.term(0)
    assert node.object is not None
    for name, amount in _counter_kinds(m, node.object, node.span):
        old = m.read_cell(name, index, COUNTER_BITS)
        m.write_cell(name, index, b.add(old, amount), _inside(call, index))


def _direct(m: Machine, node: ir.ExternCall) -> None:
    """``direct_counter.count()``: the table counts its hits in any case, whether an action says so or not."""
    for _, table in m.program.tables():
        if any(item.value == node.object for item in table.properties):
            return
    raise Unsupported(f"{node.extern} that belongs to no table", node.span)


def _register_read(m: Machine, node: ir.ExternCall) -> None:
    """ "When index >= size, the final value of result is not specified"."""
    call = Call(m, node)
    index, type_ = call.term(1), node.params[0].type
    width = cell_width(type_, node.span)
    assert node.object is not None
    if width == 0:
        return
    cell = m.read_cell(node.object, index, width)
    inside = m.decide(_inside(call, index))
    if inside is not b.TRUE:
        other = m.fresh(width, "a register is read beyond its size", node.span)
        cell = b.ite(inside, cell, other)
    call.put(0, from_cell(type_, cell, node.span))


def _register_write(m: Machine, node: ir.ExternCall) -> None:
    """ "If index >= size, no register state will be updated."."""
    call = Call(m, node)
    index = call.term(0)
    cell = to_cell(m, call.value(1), node.params[1].type, node.span)
    assert node.object is not None
    if cell is not None:
        m.write_cell(node.object, index, cell, _inside(call, index))


def _colour(m: Machine, width: int, span: Span) -> Term:
    """0, 1 or 2, nobody knows which."""
    any_ = m.fresh(width, METER_COLOUR, span)
    return b.ite(b.ult(any_, b.bv(3, width)), any_, b.bv(0, width))


def _meter(m: Machine, node: ir.ExternCall) -> None:
    """``execute_meter(index, result)``."""
    call = Call(m, node)
    index = call.term(0)
    inside = m.decide(_inside(call, index))
    if m.meters_kept:
        result = b.resize(kept_colour(m, call.instance, index, b.bv(0, 2), inside, node.span), call.width(1))
    else:
        result = _colour(m, call.width(1), node.span)
        any_colour_noted(m, call.instance)
    if inside is not b.TRUE:
        other = m.fresh(call.width(1), "a meter is used beyond its size", node.span)
        result = b.ite(inside, result, other)
    call.put(1, Scalar(result))


def _direct_meter(m: Machine, node: ir.ExternCall) -> None:
    """``direct_meter.read(result)``: the colour for the entry that was hit. It "may only be called within an action
    executed as a result of matching a table entry, of a table that has" this meter (v1model.p4); elsewhere nobody says
    what it gives. BMv2 leaves the result alone there, as it takes the call for no code at all (p4c's
    ``ExternConverter_direct_meter``)."""
    call = Call(m, node)
    width = call.width(0)
    if m.last_lookup is None or all(item.value != node.object for item in m.last_lookup[0].properties):
        call.put(0, Scalar(m.fresh(width, NO_ENTRY, node.span)))
    elif not m.meters_kept:
        any_colour_noted(m, call.instance)
        call.put(0, Scalar(_colour(m, width, node.span)))
    else:
        hit = m.decide(m.last_lookup[2])
        colour = b.resize(m.recall(_colour_of(call.instance), node.span), width)
        call.put(0, Scalar(colour if hit is b.TRUE else b.ite(hit, colour, m.fresh(width, NO_ENTRY, node.span))))


NO_ENTRY: Final = "a direct meter is read where no entry of its table was hit"


def _colour_of(meter: str) -> str:
    """Under which the colour for the entry that was hit last is remembered."""
    return f"{meter}.colour"


def table_hook(m: Machine, table: ir.Table, keys: list[Term], hit: Term, entry: Term | None) -> None:
    """What a table does beside its action: direct counters count hits. Unknown properties are not ignored."""
    m.last_lookup = (table, keys, hit, entry)
    for item in table.properties:
        if not isinstance(item.value, str):
            continue
        extern = m.program.instance(item.value).extern
        if extern == "direct_counter":
            _count_hit(m, item.value, table, keys, hit, entry)
        elif extern == "direct_meter" and m.meters_kept:
            _meter_hit(m, item.value, table, keys, hit, entry)
        elif extern not in ("direct_meter", "action_profile", "action_selector"):
            raise Unsupported(f"table property {item.name} = {extern}", item.span)


def _count_hit(m: Machine, name: str, table: ir.Table, keys: list[Term], hit: Term, entry: Term | None) -> None:
    if hit is b.FALSE or not keys:
        return
    index = b.concat(*keys) if entry is None else entry
    for state, amount in _counter_kinds(m, name, table.span):
        old = m.read_cell(state, index, COUNTER_BITS)
        m.write_cell(state, index, b.add(old, amount), hit)


def _meter_hit(m: Machine, name: str, table: ir.Table, keys: list[Term], hit: Term, entry: Term | None) -> None:
    """What is done to the meter of an entry "every time the table is applied and a table entry is matched", whether its
    action reads the colour or not (v1model.p4)."""
    if hit is b.FALSE or not keys:
        colour = b.bv(0, 2)
    else:
        index = b.concat(*keys) if entry is None else entry
        colour = kept_colour(m, name, index, b.bv(0, 2), hit, table.span)
    m.remember(_colour_of(name), colour)


# --- numbers --------------------------------------------------------------------------------------------------------


def _random(m: Machine, node: ir.ExternCall) -> None:
    """Any value from ``lo`` to ``hi``; any value at all if lo > hi."""
    call = Call(m, node)
    low, high = call.term(1), call.term(2)
    any_ = m.fresh(low.width, RANDOM_NUMBER, node.span)
    fits = b.or_(b.ult(high, low), b.and_(b.ule(low, any_), b.ule(any_, high)))
    call.put(0, Scalar(b.ite(fits, any_, low)))


EXTERNS: Final[ExternTable] = {
    **PACKET_IN,
    **PACKET_OUT,
    ("mark_to_drop", ""): _mark_to_drop,
    ("log_msg", ""): _log,
    **ASSERTIONS,
    **GIVEN,
    ("counter", "count"): _count,
    ("direct_counter", "count"): _direct,
    ("register", "read"): _register_read,
    ("register", "write"): _register_write,
    ("meter", "execute_meter"): _meter,
    ("direct_meter", "read"): _direct_meter,
    ("random", ""): _random,
    **SIGNALS,
    **CHECKSUMS,
    ("digest", ""): _digest,
}
