"""``packet_in`` and ``verify`` (P4-16 spec, "Data extraction", "verify").

Bits are taken from the input at the parser's position. Where the packet is too short, control leaves to ``reject``
with ``PacketTooShort``; what is extracted is only asked where the packet is long enough.
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .calls import Argument, bind, tell
from .dispatch import ExternTable
from .machine import Machine
from .references import Reference, assign, fetch
from .trace import place_text, plain, widths
from .values import Header, Scalar, Stack, Value, Varbit, unpack

MAX_SIZES: Final = 520
"""Sizes of one varbit that are told apart, when the packet is not known."""


def frame_byte(m: Machine, index: int) -> Term:
    """Byte ``index`` of the frame that is parsed; only asked where it is long enough."""
    prefix = m.frame.prefix
    return prefix[index] if index < len(prefix) else m.input.byte(index - m.frame.delta)


def frame_length(m: Machine) -> Term:
    """The length in bytes of the frame that is parsed (32 bits)."""
    if m.frame.size is not None:
        return m.frame.kept
    return b.add(b.zext(m.input.length, 32), b.bv(m.frame.delta, 32))


def take(m: Machine, start: int, count: int) -> Term | None:
    """``count`` bits of the input from bit ``start`` on; None for none."""
    if count == 0:
        return None
    first, last = start // 8, (start + count - 1) // 8
    whole = b.concat(*(frame_byte(m, i) for i in range(first, last + 1)))
    high = whole.width - 1 - (start - 8 * first)
    return b.extract(whole, high, high - count + 1)


def need(m: Machine, bits: int, span: Span) -> None:
    """Go on only where the input has ``bits`` bits; elsewhere reject with PacketTooShort."""
    wanted, size = (bits + 7) // 8, m.frame.size
    count = wanted - m.frame.delta  # so many bytes of the input
    if size is not None:
        enough = b.ule(b.bv(wanted, 32), m.frame.kept)
    elif count > 0xFFFF:
        enough = b.FALSE
    elif count <= m.frame.payload:
        enough = b.TRUE  # an earlier parser took as much
    else:
        enough = b.ule(b.bv(count, 16), m.input.length)
    verify(m, enough, "PacketTooShort", span)


def verify(m: Machine, condition: Term, error: str, span: Span) -> None:
    """Go on only where ``condition`` holds; elsewhere reject with ``error``."""
    m.branch(condition, lambda: None, lambda: m.reject(error, span))


def _verify_call(m: Machine, node: ir.ExternCall) -> None:
    condition, error = bind(m, node.params, node.args, node.span)
    tell(m, [condition])
    assert condition.value is not None
    assert error.value is not None
    code = m.read(error.value, node.span)
    m.branch(m.read(condition.value, node.span), lambda: None, lambda: m.reject_with(code, node.span))


def _extract(m: Machine, node: ir.ExternCall) -> None:
    arguments = bind(m, node.params, node.args, node.span)
    header_type = ir.bare(node.params[0].type)
    if not isinstance(header_type, ir.HeaderType):
        raise Unsupported(f"extract into a {type(header_type).__name__}", node.span)
    size = None
    if len(arguments) > 1 and not m.state.dead:
        assert arguments[1].value is not None
        size = _size(m, header_type, m.read(arguments[1].value, node.span), node.span)
    if m.state.dead:
        return
    value = _extracted(m, header_type, size, node.span)
    if m.state.dead or value is None:
        return
    _store(m, arguments[0], value)
    if m.trace is not None and node.args[0] is not None:
        header = place_text(node.args[0])
        m.trace.add("extract", node.span, header=header, fields=plain(value), bits=widths(value))


def _varbit_type(type_: ir.HeaderType) -> ir.VarbitType | None:
    bare = (ir.bare(f.type) for f in type_.fields)
    return next((t for t in bare if isinstance(t, ir.VarbitType)), None)


def _size(m: Machine, type_: ir.HeaderType, size: Term, span: Span) -> int | None:
    """The varbit's size in bits; for sizes that are too large, or no bytes where they must be, the packet is rejected.

    The order of the checks is the specification's: the packet's length comes before the header's.
    """
    varbit = _varbit_type(type_)
    if size.is_const or varbit is None:
        return m.number(size, span)
    step = 8 if m.varbit_bytes_only else 1
    fitting = range(0, varbit.max_width + 1, step)
    if len(fitting) > MAX_SIZES:
        raise Unsupported(f"a varbit of more than {MAX_SIZES} sizes", span)
    found = m.constant(size, span, fitting)
    if found is not None:
        return found
    if m.varbit_bytes_only:
        uneven = b.ne(b.extract(size, 2, 0), b.bv(0, 3))
        verify(m, b.not_(uneven), "ParserInvalidArgument", span)
    if not m.state.dead:
        taken = b.bv(m.state.cursor + ir.width_of(type_), 64)
        bits = b.concat(b.zext(frame_length(m), 61), b.bv(0, 3))
        verify(m, b.ule(b.add(taken, b.zext(size, 64)), bits), "PacketTooShort", span)
        m.reject("HeaderTooShort", span)
    return None


def _extracted(m: Machine, type_: ir.HeaderType, size: int | None, span: Span) -> Header | None:
    """The header at the parser's position, which moves behind it; ``size`` is that of its varbit in bits."""
    fixed = ir.width_of(type_)
    total = fixed + (size or 0)
    start = m.state.cursor
    varbit = _varbit_type(type_)
    if size is not None and m.varbit_bytes_only and size % 8:
        m.reject("ParserInvalidArgument", span)
        return None
    need(m, start + total, span)
    if m.state.dead:
        return None
    if size is None:
        if varbit is not None:
            raise Unsupported("extract of a header with a varbit without its size", span)
        header = unpack(type_, take(m, start, total), span)
        assert isinstance(header, Header)
    else:
        if not isinstance(varbit, ir.VarbitType):
            raise Unsupported("extract with a size, into a header without a varbit", span)
        if size > varbit.max_width:
            m.reject("HeaderTooShort", span)
            return None
        header = _with_varbit(m, type_, varbit, size, span)
    m.move_to(start + total)
    return header


def _with_varbit(m: Machine, type_: ir.HeaderType, varbit: ir.VarbitType, size: int, span: Span) -> Header:
    fields: dict[str, Value] = {}
    at = m.state.cursor
    for part in type_.fields:
        if isinstance(ir.bare(part.type), ir.VarbitType):
            width = max(1, varbit.max_width)
            taken = take(m, at, size)
            parts = [t for t in (taken, b.bv(0, width - size) if width > size else None) if t is not None]
            fields[part.name] = Varbit(b.concat(*parts), b.bv(size, 32))
            at += size
        else:
            width = ir.width_of(part.type)
            fields[part.name] = unpack(part.type, take(m, at, width), span)
            at += width
    return Header(b.TRUE, fields)


def _store(m: Machine, argument: Argument, value: Header) -> None:
    place = argument.place
    if place is None:
        return
    assign(m, place, value)
    if place.stack is not None:
        stack_place = Reference(place.name, place.stack, place.span)
        stack = fetch(m, stack_place)
        assert isinstance(stack, Stack)
        assign(m, stack_place, Stack(stack.elements, b.add(stack.next_index, b.bv(1, 32))))


def _lookahead(m: Machine, node: ir.ExternCall) -> Value:
    try:
        width = ir.width_of(node.type)
    except ValueError as problem:
        raise Unsupported(str(problem), node.span) from None
    need(m, m.state.cursor + width, node.span)
    return unpack(node.type, take(m, m.state.cursor, width), node.span)


def _advance(m: Machine, node: ir.ExternCall) -> None:
    (argument,) = bind(m, node.params, node.args, node.span)
    assert argument.value is not None
    amount = m.number(m.read(argument.value, node.span), node.span)
    if m.state.dead:
        return
    if m.varbit_bytes_only and amount % 8:
        m.reject("ParserInvalidArgument", node.span)
        return
    need(m, m.state.cursor + amount, node.span)
    if not m.state.dead:
        m.move_to(m.state.cursor + amount)


def _length(m: Machine, node: ir.ExternCall) -> Value:
    return Scalar(frame_length(m))


PACKET_IN: Final[ExternTable] = {
    ("packet_in", "extract"): _extract,
    ("packet_in", "lookahead"): _lookahead,
    ("packet_in", "advance"): _advance,
    ("packet_in", "length"): _length,
    ("verify", ""): _verify_call,
}
"""What every architecture's parsers can call."""
