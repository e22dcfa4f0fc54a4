"""Where control parts on a condition on which it has parted before: what was put together then is taken apart again.

A compiler keeps in a flag that control has left, and asks for the flag before each statement that follows. In the
source nothing follows where control has left. Both have the same terms only if what is read behind the flag is what was
there before control that has left was put together with control that has not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from .. import bits as b
from ..bits import Term
from .state import State
from .values import Header, Scalar, Stack, Struct, Text, Union, Value, Varbit

Decide = Callable[[Term], Term]
"""A condition as far as it is decided."""


def as_decided(term: Term, decide: Decide) -> Term:
    """``term`` without the decisions above it that are decided."""
    while term.op == "ite":
        condition = decide(term.args[0])
        if not condition.is_const:
            break
        term = term.args[1] if condition is b.TRUE else term.args[2]
    return term


def parted_again(state: State, decide: Decide) -> None:
    """Replace what ``state`` holds by what it is where the state's facts hold (``decide``: by these facts)."""
    state.store = dict(_all(state.store, decide))
    state.objects = {name: as_decided(term, decide) for name, term in state.objects.items()}


def _all(values: Mapping[str, Value], decide: Decide) -> Mapping[str, Value]:
    """The values; the same mapping if none of them changes."""
    new = {name: _value(value, decide) for name, value in values.items()}
    return values if all(new[name] is value for name, value in values.items()) else new


def _value(value: Value, decide: Decide) -> Value:
    """The value; the same one if nothing in it is decided, as merging tells by identity what no side has changed."""
    match value:
        case Scalar():
            term, defined = as_decided(value.term, decide), _condition(value.defined, decide)
            same = term is value.term and defined is value.defined
            return value if same else Scalar(term, defined, value.origin)
        case Varbit():
            bits, length = as_decided(value.bits, decide), as_decided(value.length, decide)
            defined = _condition(value.defined, decide)
            same = bits is value.bits and length is value.length and defined is value.defined
            return value if same else Varbit(bits, length, defined)
        case Struct():
            fields = _all(value.fields, decide)
            return value if fields is value.fields else Struct(fields)
        case Header():
            return _header(value, decide)
        case Union():
            members = {name: _header(member, decide) for name, member in value.members.items()}
            same = all(members[name] is member for name, member in value.members.items())
            return value if same else Union(members)
        case Stack():
            elements = tuple(_value(x, decide) for x in value.elements)
            next_index = as_decided(value.next_index, decide)
            same = next_index is value.next_index and all(map(operator.is_, elements, value.elements))
            return value if same else Stack(elements, next_index)
        case Text():
            return value


def _header(header: Header, decide: Decide) -> Header:
    valid, fields = _condition(header.valid, decide), _all(header.fields, decide)
    same = valid is header.valid and fields is header.fields
    return header if same else Header(valid, fields, header.origin)


def _condition(term: Term, decide: Decide) -> Term:
    return decide(as_decided(term, decide))
