"""The stateful externs that PSA and PNA share: counters, meters, registers, random numbers, digests.

After the PSA specification 1.2 (sections "Counters", "Meters", "Registers", "Random", "Packet Digest"), to which PNA
refers. Decisions:

* State is named by the instance, as in v1model: ``NAME``, or ``NAME.packets`` and ``NAME.bytes`` where a counter counts
  both. A counter of one kind is as wide as its type ``W`` says and wraps around; of both kinds each has 64 bits.
* Bytes are those of the frame that the parser before the control read; DPDK's ``count(index, pkt_len)`` says itself.
* An index beyond the size counts nowhere, writes nothing, and reads an undefined value; so for a meter's colour.
* A direct counter counts only where an action calls ``count``: at the entry that was hit (its number in the rule set
  or, rules unknown, its key), or at ``NAME.miss`` for the default action.
* A meter answers any colour, or one that depends on what it holds (:mod:`.meters`), but, aware of colours, never a
  better one than it was given (RFC 2698).
* What a register holds before is arbitrary, and where a run is not told otherwise its ``initial_value``.
* A digest is an event with the fields of its data.
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import METER_COLOUR, RANDOM_NUMBER
from ..meaning.dispatch import ExternTable
from ..meaning.leaves import leaves
from ..meaning.machine import Machine
from ..meaning.packet_in import frame_length
from ..meaning.values import Scalar, Value
from ..source import Span, Unsupported
from .assertions import ASSERTIONS, GIVEN
from .extern_call import Call
from .meters import MISS, RED, YELLOW, any_colour_noted, kept_colour
from .register_cells import cell_width, from_cell, to_cell

BOTH_BITS: Final = 64
"""Bits of each count of a counter of packets and bytes."""


# --- tables ---------------------------------------------------------------------------------------------------------


def table_hook(m: Machine, table: ir.Table, keys: list[Term], hit: Term, entry: Term | None) -> None:
    """Remembers the lookup whose action runs next. What a table is attached to must be known."""
    for item in table.properties:
        if isinstance(item.value, str):
            extern = m.program.instance(item.value).extern
            if extern not in ("DirectCounter", "DirectMeter", "ActionProfile", "ActionSelector"):
                raise Unsupported(f"table property {item.name} = {extern}", item.span)
    m.last_lookup = (table, keys, hit, entry)


def lookup_of(m: Machine, what: str, span: Span) -> tuple[ir.Table, list[Term], Term, Term | None]:
    """The lookup whose action runs now."""
    if m.last_lookup is None:
        raise Unsupported(f"{what} outside of a table's action", span)
    return m.last_lookup


def _owner(m: Machine, node: ir.ExternCall) -> tuple[list[Term], Term, Term | None]:
    """The lookup in the table that a direct counter or meter belongs to."""
    table, keys, hit, entry = lookup_of(m, f"{node.extern}.{node.method}", node.span)
    if all(item.value != node.object for item in table.properties):
        raise Unsupported(f"{node.extern}.{node.method} in an action of a table that it does not belong to", node.span)
    return keys, hit, entry


# --- counters -------------------------------------------------------------------------------------------------------


def _counts(call: Call, length: Term) -> list[tuple[str, Term]]:
    """The states of a counter, with what this packet adds to each."""
    m, name = call.m, call.instance
    kind = next((v.value for n, v in m.program.instance(name).args if n == "type" and isinstance(v, ir.Const)), None)
    width = _counter_bits(m, name)
    match kind:
        case "PACKETS":
            return [(name, b.bv(1, width))]
        case "BYTES":
            return [(name, b.resize(length, width))]
        case "PACKETS_AND_BYTES":
            return [(f"{name}.packets", b.bv(1, BOTH_BITS)), (f"{name}.bytes", b.resize(length, BOTH_BITS))]
    raise Unsupported("a counter whose type is not known", call.node.span)


def _counter_bits(m: Machine, name: str) -> int:
    types = m.program.instance(name).type_args
    try:
        return ir.width_of(types[0]) or BOTH_BITS if types else BOTH_BITS
    except ValueError:
        return BOTH_BITS


def _add(m: Machine, counts: list[tuple[str, Term]], index: Term, when: Term, suffix: str = "") -> None:
    if when is b.FALSE:
        return
    for name, amount in counts:
        old = m.read_cell(name + suffix, index, amount.width)
        m.write_cell(name + suffix, index, b.add(old, amount), when)


def _given_length(call: Call, position: int) -> Term:
    return call.term(position) if len(call.node.params) > position else frame_length(call.m)


def _inside(call: Call, index: Term, size: str) -> Term:
    width = max(33, index.width)
    return call.m.decide(b.ult(b.zext(index, width), b.bv(call.size(size), width)))


def _count(m: Machine, node: ir.ExternCall) -> None:
    """``count(index)``, DPDK: ``count(index, pkt_len)``."""
    call = Call(m, node)
    index = call.term(0)
    _add(m, _counts(call, _given_length(call, 1)), index, _inside(call, index, "n_counters"))


def _count_direct(m: Machine, node: ir.ExternCall) -> None:
    """``count()``, DPDK: ``count(pkt_len)``."""
    call = Call(m, node)
    keys, hit, entry = _owner(m, node)
    counts = _counts(call, _given_length(call, 0))
    hit = m.decide(hit)
    if keys:
        _add(m, counts, b.concat(*keys) if entry is None else entry, hit)
    _add(m, counts, b.bv(0, 1), b.not_(hit), ".miss")


# --- meters ---------------------------------------------------------------------------------------------------------


def _colours(node: ir.ExternCall) -> tuple[int, int, int]:
    """The numbers of GREEN, YELLOW and RED."""
    type_ = ir.bare(node.type)
    if not isinstance(type_, ir.EnumType):
        raise Unsupported("a meter's colour that is no enum", node.span)
    green, yellow, red = (type_.members.index(name) for name in ("GREEN", "YELLOW", "RED"))
    return green, yellow, red


def _colour(call: Call, index: Term, inside: Term, suffix: str = "") -> Term:
    """A colour, none better than one that is given."""
    green, yellow, red = (b.bv(number, 32) for number in _colours(call.node))
    before = green
    for position, param in enumerate(call.node.params):
        if isinstance(ir.bare(param.type), ir.EnumType):
            before = call.term(position)
    if call.m.meters_kept:
        given = b.ite(b.eq(before, red), b.bv(RED, 2), b.ite(b.eq(before, yellow), b.bv(YELLOW, 2), b.bv(0, 2)))
        any_ = kept_colour(call.m, call.instance + suffix, index, given, inside, call.node.span)
    else:
        any_ = call.m.fresh(2, METER_COLOUR, call.node.span)
        any_colour_noted(call.m, call.instance)
    mild = b.or_(b.eq(before, yellow), b.eq(any_, b.bv(YELLOW, 2)))
    severe = b.or_(b.eq(before, red), b.ult(b.bv(YELLOW, 2), any_))
    return b.ite(severe, red, b.ite(mild, yellow, green))


def _meter(m: Machine, node: ir.ExternCall) -> Value:
    """``execute`` and ``dpdk_execute`` of ``Meter``: the index comes first."""
    call = Call(m, node)
    index = call.term(0)
    inside = _inside(call, index, "n_meters")
    result = _colour(call, index, inside)
    if inside is not b.TRUE:
        result = b.ite(inside, result, m.fresh(32, "a meter is used beyond its size", node.span))
        result = _member(m, result, node)
    return Scalar(result)


def _member(m: Machine, value: Term, node: ir.ExternCall) -> Term:
    """An undefined value of an enum is still one of its members."""
    type_ = ir.bare(node.type)
    assert isinstance(type_, ir.EnumType)
    return b.ite(b.ult(value, b.bv(len(type_.members), 32)), value, b.bv(0, 32))


def _meter_direct(m: Machine, node: ir.ExternCall) -> Value:
    """``execute`` and ``dpdk_execute`` of ``DirectMeter``: of the entry that was hit, or of the default action."""
    keys, hit, entry = _owner(m, node)
    call = Call(m, node)
    hit = m.decide(hit)
    missed = _colour(call, b.bv(0, 1), b.not_(hit), MISS) if hit is not b.TRUE else None
    if not keys or hit is b.FALSE:
        assert missed is not None
        return Scalar(missed)
    found = _colour(call, b.concat(*keys) if entry is None else entry, hit)
    return Scalar(found if missed is None else b.ite(hit, found, missed))


# --- registers ------------------------------------------------------------------------------------------------------


def _register_read(m: Machine, node: ir.ExternCall) -> Value:
    call = Call(m, node)
    type_ = m.program.instance(call.instance).type_args[0]
    width = cell_width(type_, node.span)
    if width == 0:
        return from_cell(type_, None, node.span)
    index = call.term(0)
    cell = m.read_cell(call.instance, index, width)
    inside = _inside(call, index, "size")
    if inside is not b.TRUE:
        cell = b.ite(inside, cell, m.fresh(width, "a register is read beyond its size", node.span))
    return from_cell(type_, cell, node.span)


def _register_write(m: Machine, node: ir.ExternCall) -> None:
    call = Call(m, node)
    index = call.term(0)
    cell = to_cell(m, call.value(1), node.params[1].type, node.span)
    if cell is not None:
        m.write_cell(call.instance, index, cell, _inside(call, index, "size"))


# --- the rest -------------------------------------------------------------------------------------------------------


def _random(m: Machine, node: ir.ExternCall) -> Value:
    """Any value from ``min`` to ``max``, both included."""
    call = Call(m, node)
    low, high = (m.read(m.eval(call.constructor(name)), node.span) for name in ("min", "max"))
    any_ = m.fresh(low.width, RANDOM_NUMBER, node.span)
    return Scalar(b.ite(b.and_(b.ule(low, any_), b.ule(any_, high)), any_, low))


def _pack(m: Machine, node: ir.ExternCall) -> None:
    """``Digest.pack(data)``."""
    call = Call(m, node)
    m.tell(call.instance, *leaves(m, call.value(0), node.span).values())


EXTERNS: Final[ExternTable] = {
    ("Counter", "count"): _count,
    ("DirectCounter", "count"): _count_direct,
    ("Meter", "execute"): _meter,
    ("Meter", "dpdk_execute"): _meter,
    ("DirectMeter", "execute"): _meter_direct,
    ("DirectMeter", "dpdk_execute"): _meter_direct,
    ("Register", "read"): _register_read,
    ("Register", "write"): _register_write,
    ("Random", "read"): _random,
    ("Digest", "pack"): _pack,
    **ASSERTIONS,
    **GIVEN,
}
