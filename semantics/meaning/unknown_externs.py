"""Externs that a program declares itself: nobody says what they do, so they are unknown functions.

A call answers with functions of its arguments and of what was called before, which is the state ``extern.NAME``: one of
64 bits for each object, one for all functions together (nobody says that they know nothing of each other). The call
leaves a new state, again a function of both. So two programs that make the same calls on the same data, in the same
order, get the same answers, and nothing else is assumed; what is left in the state is compared like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .calls import VOID, Argument, bind, copy_out
from .machine import Machine
from .values import Header, Scalar, Stack, Struct, Text, Union, Value, Varbit, build

OF_UNKNOWN: Final = "extern."
"""In front of the names of such an object's state and functions."""

STATE_BITS: Final = 64
_ONLY: Final = b.bv(0, 1)
"""The index of the only cell of such a state."""


def leaf_terms(m: Machine, value: Value, span: Span) -> list[Term]:
    """The leaves of a value as bit-vectors, in order. A header's validity comes before its fields, which are 0 where it
    is invalid (what they hold there is undefined, so nobody may go by it); a varbit's length before its bits."""
    match value:
        case Scalar():
            term = m.read(value, span)
            return [b.from_bool(term) if term.sort is b.BOOL else term]
        case Varbit(bits, length):
            return [length, bits]
        case Header(valid, fields):
            here = m.decide(valid)
            if here is b.FALSE:
                return [b.from_bool(here), *(b.bv(0, width) for v in fields.values() for width in _widths(v))]
            found = [t for v in fields.values() for t in leaf_terms(m, v, span)]
            return [b.from_bool(here), *(b.ite(here, t, b.bv(0, t.width)) for t in found)]
        case Struct(fields):
            return [t for v in fields.values() for t in leaf_terms(m, v, span)]
        case Union(members):
            return [t for v in members.values() for t in leaf_terms(m, v, span)]
        case Stack(elements):
            return [t for v in elements for t in leaf_terms(m, v, span)]
    return []


def _widths(value: Value) -> list[int]:
    """The widths of what :func:`leaf_terms` makes of a field."""
    match value:
        case Scalar(term):
            return [max(1, term.width)]
        case Varbit(bits, length):
            return [length.width, bits.width]
        case Struct(fields):
            return [width for v in fields.values() for width in _widths(v)]
    return []


def call_unknown(m: Machine, node: ir.ExternCall) -> Value:
    """The meaning of a call of such an extern.

    Raises:
        Unsupported: the object has methods that the program gives it, or an argument is no data.
    """
    arguments = bind(m, node.params, node.args, node.span)
    called = f"{node.extern}.{node.method}" if node.method else node.extern
    owner = _owner(m, node)
    state = f"{OF_UNKNOWN}{owner}" if owner else "extern"
    before = m.read_cell(state, _ONLY, STATE_BITS)
    given = [before, *_given(m, arguments, node.span)]
    texts = [a.value.text for a in arguments if isinstance(a.value, Text)]
    widths = ".".join(str(t.width) for t in given)
    name = ".".join(["extern", owner or called, *([node.method] if owner else []), *texts, _made_of(m, owner), widths])
    answers = _Answers(m, name, tuple(given), node.span)
    m.note(f"extern {called}: an unknown function of its arguments and of the calls before it")
    for argument in arguments:
        if argument.place is not None:
            result = answers.of(argument.param.type)
            copy_out(m, [argument], {argument.param.name: result}, node.span)
    returned = VOID if isinstance(node.type, ir.VoidType) else answers.of(node.type)
    m.write_cell(state, _ONLY, m.input.function(f"{name}.next", STATE_BITS, tuple(given), _WHY, node.span, None))
    return returned


_WHY: Final = "an extern that the program declares answers what nobody knows"


def _owner(m: Machine, node: ir.ExternCall) -> str | None:
    """The object's full name; None for a function."""
    if node.object is None:
        return None
    if node.is_param:
        raise Unsupported(f"extern {node.extern}.{node.method} of an object that no instance is known for", node.span)
    if m.program.instance(node.object).methods:
        raise Unsupported(f"extern {node.extern} with methods that the program gives it", node.span)
    return node.object


def _made_of(m: Machine, owner: str | None) -> str:
    """The constructor's arguments as text: with others it is another object."""
    if not owner:
        return "()"
    return "(" + ", ".join(ir.argument_text(m.program, v) for _, v in m.program.instance(owner).args) + ")"


def _given(m: Machine, arguments: list[Argument], span: Span) -> Iterator[Term]:
    for argument in arguments:
        if argument.value is not None and argument.param.direction != "out":
            yield from leaf_terms(m, argument.value, span)


class _Answers:
    """What one call answers: a function for each leaf of its results."""

    def __init__(self, m: Machine, name: str, given: tuple[Term, ...], span: Span) -> None:
        self.m, self.name, self.given, self.span = m, name, given, span
        self.count = 0

    def next(self, width: int) -> Term:
        """The next one, of ``width`` bits (0: Bool)."""
        name = f"{self.name}.{self.count}"
        self.count += 1
        term = self.m.input.function(name, max(1, width), self.given, _WHY, self.span, self.m.trace)
        return term if width else b.to_bool(term)

    def of(self, type_: ir.Type) -> Value:
        """A result of this type; headers in it are all valid or all not."""
        holds_headers = not isinstance(ir.bare(type_), (ir.BitsType, ir.BoolType, ir.EnumType, ir.ErrorType))
        valid = self.next(0) if holds_headers else b.TRUE
        return build(type_, lambda width: Scalar(self.next(width)), valid, self.span)
