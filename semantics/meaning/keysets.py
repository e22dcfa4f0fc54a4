"""Sets of values: the labels of ``select`` (P4-16 spec, "Operations on sets", "Select expressions")."""

from __future__ import annotations

from collections.abc import Sequence

from .. import bits as b
from .. import ir
from ..bits import Term
from ..rules.ruleset import Exact, Lpm, Match, Range, Ternary
from ..source import Span, Unsupported
from . import lookup
from .expressions import equal, is_signed
from .machine import Machine
from .values import Struct, Value


def select_matches(m: Machine, case: ir.SelectCase, keys: Sequence[Value], node: ir.Transition) -> Term:
    """Whether a case of a ``select`` matches the keys' values."""
    first = case.sets[0]
    if len(case.sets) == 1 and isinstance(first, ir.ParserValueSet):
        return _in_value_set(m, first, keys)
    if len(case.sets) == 1 and isinstance(first, ir.AnySet):
        return b.TRUE
    pairs = zip(case.sets, keys, node.keys, strict=True)
    return b.and_(*(contains(m, keyset, key, expr.type) for keyset, key, expr in pairs))


def contains(m: Machine, keyset: ir.KeySet, key: Value, type_: ir.Type) -> Term:
    """Whether a set contains a value of ``type_``."""
    match keyset:
        case ir.AnySet():
            return b.TRUE
        case ir.ValueSet(value):
            return equal(key, m.fix(m.eval(value), keyset.span), keyset.span)
        case ir.MaskSet(value, mask):
            bits = m.read(m.eval(mask), keyset.span)
            wanted = m.read(m.eval(value), keyset.span)
            return b.eq(b.band(m.read(key, keyset.span), bits), b.band(wanted, bits))
        case ir.RangeSet(low, high):
            below = b.sle if is_signed(type_) else b.ule
            number = m.read(key, keyset.span)
            return b.and_(
                below(m.read(m.eval(low), keyset.span), number), below(number, m.read(m.eval(high), keyset.span))
            )
    raise Unsupported("a value set beside other sets", keyset.span)


def _in_value_set(m: Machine, keyset: ir.ParserValueSet, keys: Sequence[Value]) -> Term:
    """Membership in what the control plane has put into a ``value_set``: without rules any set of values."""
    declaration = m.value_sets[keyset.name]
    terms = [_bits(m, part, keyset.span) for key in keys for part in _flat(key)]
    if m.rules is None:
        return lookup.hit(declaration.control_name, b.concat(*terms) if terms else None)
    members = m.rules.value_sets.get(declaration.control_name, ())
    return b.or_(*(b.and_(*(matches(t, x) for t, x in zip(terms, member, strict=True))) for member in members))


def _flat(value: Value) -> list[Value]:
    if isinstance(value, Struct):
        return [leaf for field in value.fields.values() for leaf in _flat(field)]
    return [value]


def _bits(m: Machine, value: Value, span: Span) -> Term:
    term = m.read(value, span)
    return b.from_bool(term) if term.sort is b.BOOL else term


def matches(key: Term, match: Match) -> Term:
    """Whether a key's value matches a rule's match (``int`` keys compare by their bits; ranges unsigned)."""
    width = key.width
    match match:
        case Exact(value):
            return b.eq(key, b.bv(value, width))
        case Lpm(value, prefix_len):
            if prefix_len == 0:
                return b.TRUE
            wanted = b.bv(value >> (width - prefix_len), prefix_len)
            return b.eq(b.extract(key, width - 1, width - prefix_len), wanted)
        case Ternary(value, mask):
            return b.eq(b.band(key, b.bv(mask, width)), b.bv(value, width))
        case Range(low, high):
            return b.and_(b.ule(b.bv(low, width), key), b.ule(key, b.bv(high, width)))
