"""L-values: where an assignment or a copy-out goes, found once and before the right side is evaluated.

A reference is a variable and the steps down from it. Reading or writing beyond a stack's end touches nothing and
reads arbitrary values ("Operations on header stacks"); ``next`` and ``last`` beyond it reject the packet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .machine import Machine
from .origin import DISPLACED, OUT_OF_RANGE, Origin
from .values import (
    INDEX_BITS,
    Header,
    Scalar,
    Stack,
    Struct,
    Union,
    Value,
    defined_only,
    mux,
    uninitialised,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct, header or union."""

    name: str


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a stack; ``index`` has 32 bits or more, and may be beyond the end."""

    index: Term


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits ``high`` down to ``low``; the last step, if there is one."""

    high: int
    low: int


Step = Field | Element | Bits


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable and the way down from it."""

    name: str
    steps: tuple[Step, ...]
    span: Span
    stack: tuple[Step, ...] | None = None
    """Set if the l-value was named with ``next``: the steps to the stack, whose ``nextIndex`` an extract advances."""


def reference(m: Machine, node: ir.Expr) -> Reference:
    """The place that an l-value denotes; its index expressions are evaluated now, left to right."""
    spine: list[ir.Expr] = []
    while not isinstance(node, ir.Var):
        if not isinstance(node, ir.Member | ir.Index | ir.Slice):
            raise Unsupported(f"{type(node).__name__} as the target of an assignment", node.span)
        spine.append(node)
        node = node.base
    place = Reference(node.name, (), node.span)
    for part in reversed(spine):
        match part:
            case ir.Member(name=name):
                place = _member_reference(m, place, part, name)
            case ir.Index(base=base, index=ir.Const(value=number)) if isinstance(ir.bare(base.type), ir.TupleType):
                place = replace(place, steps=(*place.steps, Field(str(number))), stack=None)
            case ir.Index(index=index):
                term = m.read(m.eval(index), index.span)
                place = replace(place, steps=(*place.steps, Element(b.zext(term, max(32, term.width)))), stack=None)
            case ir.Slice(high=high, low=low):
                place = replace(place, steps=_sliced(place.steps, high, low), stack=None)
    return replace(place, span=spine[0].span if spine else place.span)


def _sliced(steps: tuple[Step, ...], high: int, low: int) -> tuple[Step, ...]:
    """Steps to bits of what ``steps`` lead to; bits of bits are bits."""
    if steps and isinstance(steps[-1], Bits):
        start = steps[-1].low
        return (*steps[:-1], Bits(start + high, start + low))
    return (*steps, Bits(high, low))


def _member_reference(m: Machine, place: Reference, node: ir.Member, name: str) -> Reference:
    if not isinstance(ir.bare(node.base.type), ir.StackType):
        return replace(place, steps=(*place.steps, Field(name)), stack=place.stack)
    stack = fetch(m, place)
    assert isinstance(stack, Stack)
    if name not in ("next", "last"):
        raise Unsupported(f"{name} as the target of an assignment", node.span)
    index = stack_index(m, stack, name, node.span)
    steps = (*place.steps, Element(b.bv(index, 32)))
    return replace(place, steps=steps, stack=place.steps if name == "next" else None)


def stack_index(m: Machine, stack: Stack, name: str, span: Span) -> int:
    """The element that ``next`` or ``last`` denotes; beyond the ends the packet is rejected with StackOutOfBounds."""
    at = m.number(stack.next_index, span)
    index = at if name == "next" else at - 1
    if not 0 <= index < len(stack.elements):
        m.reject("StackOutOfBounds", span)
        return 0
    return index


def fetch(m: Machine, place: Reference) -> Value:
    """What is at a place now."""
    value = m.state.store.get(place.name)
    if value is None:
        raise Unsupported(f"{place.name} has no value at run time", place.span)
    return _below(m, value, place.steps, place.span)


def _below(m: Machine, value: Value, steps: Sequence[Step], span: Span) -> Value:
    for number, step in enumerate(steps):
        if isinstance(step, Element) and isinstance(value, Stack):
            return _element(m, value, step.index, span, steps[number + 1 :])
        value = _down(m, value, step, span)
    return value


def _down(m: Machine, value: Value, step: Step, span: Span) -> Value:
    match value, step:
        case ((Struct(fields) | Header(fields=fields)), Field(name)):
            child = fields[name]
            return _field_of_header(child, value) if isinstance(value, Header) else child
        case Union(members), Field(name):
            return members[name]
        case Scalar(), Bits(high, low):
            return Scalar(b.extract(value.term, high, low), value.defined, value.origin)
    raise Unsupported(f"a part of a {type(value).__name__.lower()}", span)


def _field_of_header(child: Value, header: Header) -> Value:
    """A field as its readers see it: undefined where the header is invalid."""
    return child if header.valid is b.TRUE else defined_only(child, header.valid, header.origin)


def _element(m: Machine, stack: Stack, index: Term, span: Span, steps: Sequence[Step] = ()) -> Value:
    """A part of an element. What is chosen among is the parts: beyond the end a field is not defined, and nobody asks
    whether a header there is valid."""
    if not stack.elements:
        raise Unsupported("an element of an empty stack", span)
    if index.is_const:
        if index.value < len(stack.elements):
            return _below(m, stack.elements[index.value], steps, span)
        return _undefined(m, _below(m, stack.elements[0], steps, span), span)
    parts = [_below(m, element, steps, span) for element in stack.elements]
    inside = m.decide(b.ult(index, b.bv(len(stack.elements), index.width)))
    value = parts[0] if inside is b.TRUE else _undefined(m, parts[0], span)
    for i, part in enumerate(parts):
        value = mux(m.decide(b.eq(index, b.bv(i, index.width))), part, value)
    return value


def _undefined(m: Machine, like: Value, span: Span) -> Value:
    """What is out of range reads as: leaves undefined, validity arbitrary at each read."""
    match like:
        case Header(fields=fields):
            valid = m.fresh(0, "validity of a stack element out of range", span)
            origin = Origin(OUT_OF_RANGE, span)
            return Header(valid, {n: defined_only(v, b.FALSE, origin) for n, v in fields.items()}, origin)
        case Union(members):
            undefined = {name: _undefined(m, member, span) for name, member in members.items()}
            return Union({name: h for name, h in undefined.items() if isinstance(h, Header)})
        case Struct(fields):
            return Struct({name: _undefined(m, value, span) for name, value in fields.items()})
        case Stack(elements):
            next_index = m.fresh(INDEX_BITS, "nextIndex of an array element out of range", span)
            return Stack(tuple(_undefined(m, value, span) for value in elements), next_index)
    return defined_only(like, b.FALSE, Origin(OUT_OF_RANGE, span))


def select_member(m: Machine, base: Value, node: ir.Member) -> Value:
    """``base.name`` as an expression."""
    if not isinstance(base, Stack):
        return _down(m, base, Field(node.name), node.span)
    if node.name == "lastIndex":
        # "If the nextIndex counter is 0, then evaluating this expression produces an undefined value."
        some = m.decide(b.ne(base.next_index, b.bv(0, 32)))
        return Scalar(b.sub(base.next_index, b.bv(1, 32)), some)
    index = stack_index(m, base, node.name, node.span)
    if not base.elements:
        return uninitialised(node.type, node.span)
    return base.elements[index]


def read_index(m: Machine, base: Stack, index: Term, span: Span, names: Sequence[str] = ()) -> Value:
    """``base[index]`` as an expression, or the field of it that ``names`` lead to."""
    return _element(m, base, b.zext(index, max(32, index.width)), span, [Field(name) for name in names])


# --- writing --------------------------------------------------------------------------------------------------------


def assign(m: Machine, place: Reference, value: Value) -> None:
    """Put a value (with no undefined part that matters) at a place."""
    root = m.state.store.get(place.name)
    if root is None and place.steps:
        raise Unsupported(f"{place.name} has no value at run time", place.span)
    m.state.store[place.name] = value if root is None else _put(m, root, place.steps, lambda _: value, place.span)


def update(m: Machine, place: Reference, change: Callable[[Value], Value]) -> None:
    """Replace what is at a place by a function of it."""
    root = m.state.store[place.name]
    m.state.store[place.name] = _put(m, root, place.steps, change, place.span)


def _put(m: Machine, value: Value, steps: tuple[Step, ...], change: Callable[[Value], Value], span: Span) -> Value:
    if not steps:
        return change(value)
    step, rest = steps[0], steps[1:]
    match value, step:
        case Struct(fields), Field(name):
            return Struct({**fields, name: _put(m, fields[name], rest, change, span)})
        case Header(valid, fields), Field(name):
            return Header(valid, {**fields, name: _put(m, fields[name], rest, change, span)}, value.origin)
        case Union(), Field(name):
            return _put_member(m, value, name, rest, change, span)
        case Stack(elements, next_index), Element(index):
            return Stack(_put_element(m, elements, index, rest, change, span), next_index)
        case Scalar(), Bits(high, low):
            part = change(Scalar(b.extract(value.term, high, low), value.defined))
            return _put_bits(m, value, part, high, low, span)
    raise Unsupported(f"assignment to a part of a {type(value).__name__.lower()}", span)


def _put_member(
    m: Machine, union: Union, name: str, rest: tuple[Step, ...], change: Callable[[Value], Value], span: Span
) -> Union:
    """A member that becomes valid makes the others invalid, one that is set invalid makes all so.

    A write to a field of an invalid member may spoil the fields of the valid one.
    """
    old = union.members[name]
    new = _put(m, old, rest, change, span)
    assert isinstance(new, Header)
    members = dict(union.members)
    for other, header in union.members.items():
        if rest:
            fields = header.fields if old.valid is b.TRUE else _spoilt(header, old.valid)
            members[other] = Header(header.valid, fields, header.origin)
        else:
            members[other] = Header(b.FALSE, header.fields, Origin(DISPLACED, span))
    members[name] = new
    return Union(members)


def _spoilt(header: Header, unless: Term) -> dict[str, Value]:
    return {name: defined_only(value, unless) for name, value in header.fields.items()}


def _put_element(
    m: Machine,
    elements: tuple[Value, ...],
    index: Term,
    rest: tuple[Step, ...],
    change: Callable[[Value], Value],
    span: Span,
) -> tuple[Value, ...]:
    if index.is_const:
        at = index.value
        if at >= len(elements):
            return elements
        return (*elements[:at], _put(m, elements[at], rest, change, span), *elements[at + 1 :])
    return tuple(
        mux(m.decide(b.eq(index, b.bv(i, index.width))), _put(m, old, rest, change, span), old)
        for i, old in enumerate(elements)
    )


def _put_bits(m: Machine, whole: Scalar, part: Value, high: int, low: int, span: Span) -> Scalar:
    """Some bits replaced; the rest of an undefined variable becomes one unspecified value."""
    term = whole.term
    if whole.defined is not b.TRUE and high - low + 1 < term.width:
        term = m.read(whole, span)
    new = m.read(part, span)
    pieces = [new]
    if high < term.width - 1:
        pieces.insert(0, b.extract(term, term.width - 1, high + 1))
    if low:
        pieces.append(b.extract(term, low - 1, 0))
    return Scalar(b.concat(*pieces))
