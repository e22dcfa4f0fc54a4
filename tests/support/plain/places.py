"""L-values: reading and writing the parts of variables (P4-16 spec, 8.18 to 8.20, 6.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .values import UNDEFINED, Header, Record, Skip, Stack, Union, copy, spoil, unsigned


@dataclass(frozen=True)
class Bits:
    """Bits of a number; ``width`` and ``signed`` are the whole number's."""

    high: int
    low: int
    width: int
    signed: bool


@dataclass(frozen=True)
class Place:
    """A variable and the way down: field names, indexes, and bits last."""

    name: str
    steps: tuple[str | int | Bits, ...] = ()
    advances: tuple[str | int | Bits, ...] | None = None
    """The way to the stack that was named with ``next``."""


def down(value: Any, step: str | int | Bits) -> Any:
    """One part of a value, as a reader sees it."""
    match value, step:
        case Record(), str():
            return value.fields[step]
        case Header(), str():
            part = value.fields[step]
            return part if value.valid is True else spoil(part)
        case Union(), str():
            return value.members[step]
        case Stack(), int():
            if 0 <= step < len(value.elements):
                return value.elements[step]
            if not value.elements:
                raise Skip("an empty stack")
            return spoil(value.elements[0])
        case _, Bits():
            if value is UNDEFINED:
                return UNDEFINED
            return (value >> step.low) & ((1 << (step.high - step.low + 1)) - 1)
    raise Skip(f"a part of a {type(value).__name__}")


def fetch(store: dict[str, Any], place: Place) -> Any:
    """What is at a place."""
    value = store[place.name]
    for step in place.steps:
        value = down(value, step)
    return value


def put(store: dict[str, Any], place: Place, value: Any) -> None:
    """Write a copy of a value."""
    store[place.name] = _put(store[place.name], place.steps, copy(value)) if place.steps else copy(value)


def _put(whole: Any, steps: tuple[str | int | Bits, ...], value: Any) -> Any:
    """``whole`` with one part replaced, in place where it can be."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    match whole, step:
        case ((Record() | Header()), str()):
            whole.fields[step] = _put(whole.fields[step], rest, value)
        case Union(), str():
            _put_member(whole, step, rest, value)
        case Stack(), int():
            if 0 <= step < len(whole.elements):
                whole.elements[step] = _put(whole.elements[step], rest, value)
        case _, Bits():
            return _put_bits(whole, step, value)
        case _:
            raise Skip(f"assignment to a part of a {type(whole).__name__}")
    return whole


def _put_member(union: Union, name: str, rest: tuple[str | int | Bits, ...], value: Any) -> None:
    """Only a member that is assigned may be valid; writing a field of an invalid one may spoil the others."""
    before = union.members[name].valid
    if not rest:
        for other in union.members.values():
            other.valid = False
        union.members[name] = value
        return
    union.members[name] = _put(union.members[name], rest, value)
    if before is not True:
        for other, member in union.members.items():
            if other != name:
                member.fields = {n: spoil(v) for n, v in member.fields.items()}


def _put_bits(whole: Any, step: Bits, value: Any) -> Any:
    count = step.high - step.low + 1
    if value is UNDEFINED or (whole is UNDEFINED and count < step.width):
        return UNDEFINED  # coarser than it is: the other bits of a defined number stay
    mask = ((1 << count) - 1) << step.low
    old = 0 if whole is UNDEFINED else unsigned(whole, step.width)
    new = (old & ~mask) | (unsigned(value, count) << step.low)
    return new - (1 << step.width) if step.signed and new >> (step.width - 1) else new


def set_valid(header: Header) -> None:
    """``setValid()``: the fields of a header that was invalid hold anything."""
    if header.valid is not True:
        header.fields = {n: spoil(v) for n, v in header.fields.items()}
    header.valid = True


def push(stack: Stack, count: int) -> None:
    """``push_front``."""
    size = len(stack.elements)
    count = min(count, size)
    moved = stack.elements[: size - count]
    stack.elements = [_emptied(e) for e in stack.elements[:count]] + moved
    stack.next = min(stack.next + count, size)


def pop(stack: Stack, count: int) -> None:
    """``pop_front``."""
    size = len(stack.elements)
    count = min(count, size)
    gone = stack.elements[size - count :]
    stack.elements = stack.elements[count:] + [_emptied(e) for e in gone]
    stack.next = max(stack.next - count, 0)


def _emptied(element: Any) -> Any:
    element = copy(element)
    if isinstance(element, Header):
        element.valid = False
    elif isinstance(element, Union):
        for member in element.members.values():
            member.valid = False
    return element
