"""Parsers and ``packet_in`` (P4-16 spec, chapter 13), and ``packet_out``."""

from __future__ import annotations

from typing import Any

from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import Exact, Match

from .core import Core, Leave
from .places import Place, fetch, put
from .values import UNDEFINED, Header, Record, Skip, Stack, Union, Varbit, bits_of, from_bits, same


def run_states(core: Core, parser: ir.Parser) -> None:
    """From ``start`` to ``accept``; ``reject`` leaves with its error."""
    before, core.block = core.block, parser
    try:
        for declaration in parser.locals:
            core.exec(declaration)
        states = {s.name: s for s in parser.states}
        name = "start"
        for _ in range(2_000):
            for statement in states[name].body:
                core.exec(statement)
            name = _next(core, parser, states[name].transition)
            if name == "accept":
                return
            if name == "reject":
                raise Leave("reject", "NoError")
        raise Skip("a parser that goes on and on")
    finally:
        core.block = before


def _next(core: Core, parser: ir.Parser, node: ir.Transition) -> str:
    if not node.keys:
        return node.cases[0].state if node.cases else "reject"
    keys = [core.eval(key) for key in node.keys]
    for case in node.cases:
        if _selected(core, parser, case, keys):
            return case.state
    core.reject("NoMatch")
    raise AssertionError


def _selected(core: Core, parser: ir.Parser, case: ir.SelectCase, keys: list[Any]) -> bool:
    if len(case.sets) == 1 and isinstance(case.sets[0], ir.AnySet):
        return True
    if len(case.sets) == 1 and isinstance(case.sets[0], ir.ParserValueSet):
        name = case.sets[0].name
        declared = next(v for v in parser.value_sets if v.name == name)
        members = core.rules.value_sets.get(declared.control_name, ())
        return any(_is_member(match, key) for (match,) in members for key in keys)
    found = [_contains(core, s, key) for s, key in zip(case.sets, keys, strict=True)]
    if any(inside is False for inside in found):
        return False
    if any(inside is UNDEFINED for inside in found):
        raise Skip("a select on what is undefined")
    return True


def _is_member(match: Match, key: Any) -> bool:
    """Whether the control plane has put a number into a set of single numbers."""
    if key is UNDEFINED or not isinstance(match, Exact):
        raise Skip("a value set asked for what is undefined, or with members that are no numbers")
    return bool(match.value == key)


def _contains(core: Core, keyset: ir.KeySet, key: Any) -> Any:
    match keyset:
        case ir.AnySet():
            return True
        case ir.ValueSet(value):
            return same(key, core.eval(value))
    if key is UNDEFINED:
        return UNDEFINED
    match keyset:
        case ir.MaskSet(value, mask):
            return (key ^ core.eval(value)) & core.eval(mask) == 0
        case ir.RangeSet(low, high):
            return core.eval(low) <= key <= core.eval(high)
    raise Skip("a value set beside others")


# --- packet_in ------------------------------------------------------------------------------------------------------


def input_bits(core: Core, start: int, count: int) -> str:
    """Bits of the packet; it is too short, the parser rejects."""
    if start + count > 8 * len(core.packet):
        core.reject("PacketTooShort")
    whole = "".join(format(octet, "08b") for octet in core.packet)
    return whole[start : start + count]


def extract(core: Core, node: ir.ExternCall) -> None:
    """``extract(h)`` and ``extract(h, size)``."""
    type_ = ir.bare(node.params[0].type)
    assert isinstance(type_, ir.HeaderType)
    assert node.args[0] is not None
    place = core.place(node.args[0])
    size = core.eval(node.args[1]) if len(node.args) > 1 and node.args[1] is not None else 0
    if size is UNDEFINED:
        raise Skip("a size that is undefined")
    if size % 8:
        core.reject("ParserInvalidArgument")
    fixed = sum(ir.width_of(f.type) for f in type_.fields)
    bits = input_bits(core, core.cursor, fixed + size)
    fields: dict[str, Any] = {}
    at = 0
    for part in type_.fields:
        bare = ir.bare(part.type)
        if isinstance(bare, ir.VarbitType):
            if size > bare.max_width:
                core.reject("HeaderTooShort")
            fields[part.name] = Varbit(bits[at : at + size])
            at += size
        else:
            width = ir.width_of(part.type)
            fields[part.name] = from_bits(bits[at : at + width], part.type)
            at += width
    core.cursor += fixed + size
    put(core.store, place, Header(True, fields))
    if place.advances is not None:
        stack = fetch(core.store, Place(place.name, place.advances))
        assert isinstance(stack, Stack)
        stack.next += 1


def lookahead(core: Core, node: ir.ExternCall) -> Any:
    """``lookahead<T>()``."""
    return from_bits(input_bits(core, core.cursor, ir.width_of(node.type)), node.type)


def advance(core: Core, node: ir.ExternCall) -> None:
    """``advance(bits)``."""
    assert node.args[0] is not None
    count = core.eval(node.args[0])
    if count is UNDEFINED:
        raise Skip("a size that is undefined")
    if count % 8:
        core.reject("ParserInvalidArgument")
    input_bits(core, core.cursor, count)
    core.cursor += count


def verify(core: Core, node: ir.ExternCall) -> None:
    """``verify(condition, error)``; both are evaluated."""
    condition, error = (core.eval(a) for a in node.args if a is not None)
    if condition is UNDEFINED:
        raise Skip("a condition that is undefined")
    if not condition:
        core.reject(error)


# --- packet_out -----------------------------------------------------------------------------------------------------


def emit(core: Core, node: ir.ExternCall) -> None:
    """``emit(x)``: the headers in it that are valid."""
    assert node.args[0] is not None
    _emit(core, core.eval(node.args[0]), node.params[0].type)


def _emit(core: Core, value: Any, type_: ir.Type) -> None:
    type_ = ir.bare(type_)
    match value, type_:
        case Header(), ir.HeaderType():
            if value.valid is UNDEFINED:
                raise Skip("a header that may be valid")
            if value.valid:
                core.emitted += bits_of(value, type_)
        case Record(fields), ir.StructType():
            for part in type_.fields:
                _emit(core, fields[part.name], part.type)
        case Union(members), ir.UnionType():
            for part in type_.fields:
                _emit(core, members[part.name], part.type)
        case Stack(elements), ir.StackType(element):
            for item in elements:
                _emit(core, item, element)
        case _:
            raise Skip(f"emit of a {type(type_).__name__}")


PACKET = {
    ("packet_in", "extract"): extract,
    ("packet_in", "lookahead"): lookahead,
    ("packet_in", "advance"): advance,
    ("verify", ""): verify,
    ("packet_out", "emit"): emit,
}
