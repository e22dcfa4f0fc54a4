"""The laws of the fill-up that make it sound to read a table's answers in its maps (:mod:`.relate`), as obligations:

* a key is decoded from its encoding, so different keys are different bytes;
* a rule matches a key exactly if its entry matches the key's bytes in the map's own sense: equal bytes in a hash map;
  in an LPM trie the first ``prefixlen`` bits (kernel/bpf/lpm_trie.c, ``longest_prefix_match``);
* an entry that answers a trie that is asked for less is of a rule that matches the key;
* the longer of two prefixes is the longer one in the trie, and no longer than the trie takes;
* action and arguments are decoded from an entry's value.

They are about a symbolic rule and a symbolic key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...semantics import bits as b
from ...semantics.bits import Term
from ..base import Obligation
from .answers import part_value, table_key, well_formed
from .artifact import MapDef
from .decisions import (
    prefix_matches,
    trie_prefix,
)
from .fillup import fill, host_order, key_bytes, value_bytes
from .layout import ACTION_BYTES, PREFIX_BYTES, KeyPart, TableLayout


def _name(layout: TableLayout) -> str:
    return layout.table.control_name


# --- laws -----------------------------------------------------------------------------------------------------------


def _symbols(layout: TableLayout, item: MapDef, what: str) -> list[Term | None]:
    return [
        b.var(f"fill.{item.name}.{what}{part.index}", part.width) if part.width else None for part in layout.in_order()
    ]


def key_laws(layout: TableLayout, item: MapDef) -> list[Obligation]:
    """A key comes back from its encoding, which is well-formed."""
    values = _symbols(layout, item, "key")
    encoded = key_bytes(layout, values)
    whole = b.concat(*(value for value in values if value is not None))
    back = b.and_(b.eq(table_key(layout, encoded), whole), well_formed(layout, encoded))
    size = b.boolean(encoded.width == 8 * item.key_size)
    return [
        Obligation(f"keys of table {_name(layout)} are recovered from the bytes of map {item.name}", b.and_(back, size))
    ]


@dataclass(frozen=True)
class _SymbolicRule:
    """Any rule's keys: values, and of tables with an lpm key the prefix length; ``legal`` says what a rule obeys."""

    values: list[Term | None]
    prefix: Term | None
    legal: Term
    entry: Term


def _rule(layout: TableLayout, item: MapDef, what: str) -> _SymbolicRule:
    values = _symbols(layout, item, what)
    prefix: Term | None = None
    legal = b.TRUE
    for part, value in zip(layout.in_order(), values, strict=True):
        if part.lpm:
            prefix = b.var(f"fill.{item.name}.{what}.prefix", 32)
            legal = b.ule(prefix, b.bv(part.width, 32))
            if value is not None:
                outside = b.band(value, b.bnot(_mask(part, prefix)))
                legal = b.and_(legal, b.eq(outside, b.bv(0, part.width)))
    return _SymbolicRule(values, prefix, legal, key_bytes(layout, values, prefix))


def _mask(part: KeyPart, prefix: Term) -> Term:
    """The lpm key's mask for a prefix length up to its width."""
    amount = b.sub(b.bv(part.width, 32), prefix)
    wide = max(part.width, 32)
    return b.extract(b.shl(b.bv(-1, wide), b.zext(amount, wide)), part.width - 1, 0)


def match_laws(layout: TableLayout, item: MapDef) -> list[Obligation]:
    """A rule matches as P4 says exactly if its entry matches as the map does; longer prefixes are longer."""
    name = _name(layout)
    rule, asked = _rule(layout, item, "rule"), _symbols(layout, item, "key")
    ours = b.and_(*_matches(layout, rule, asked))
    theirs = entry_matches(layout, rule.entry, key_bytes(layout, asked))
    same = b.eq(b.from_bool(ours), b.from_bool(theirs))
    out = [Obligation(f"a rule of table {name} matches as its entry in map {item.name}", b.implies(rule.legal, same))]
    if rule.prefix is not None:
        out.append(_asked_for_less(layout, item, rule))
        other = _rule(layout, item, "rule'")
        assert other.prefix is not None
        longer = b.ult(rule.prefix, other.prefix)
        in_trie = b.ult(trie_prefix(rule.entry), trie_prefix(other.entry))
        fits = b.ule(trie_prefix(rule.entry), b.bv(8 * (item.key_size - PREFIX_BYTES), 32))
        law = b.and_(b.eq(b.from_bool(longer), b.from_bool(in_trie)), fits)
        legal = b.and_(rule.legal, other.legal)
        out.append(Obligation(f"longer prefixes of table {name} win in map {item.name}", b.implies(legal, law)))
    return out


def _asked_for_less(layout: TableLayout, item: MapDef, rule: _SymbolicRule) -> Obligation:
    """Whatever bytes a trie is asked for, and for however much of them: a rule whose entry answers matches the key."""
    asked = b.var(f"fill.{item.name}.asked", 8 * item.key_size)
    key = [part_value(part, asked) if part.width else None for part in layout.in_order()]
    matched = b.implies(prefix_matches(rule.entry, asked), b.and_(*_matches(layout, rule, key)))
    name = f"what map {item.name} answers if asked for less is of rules of table {_name(layout)} that match"
    return Obligation(name, b.implies(rule.legal, matched))


def _matches(layout: TableLayout, rule: _SymbolicRule, asked: Sequence[Term | None]) -> list[Term]:
    """P4's matching, key by key."""
    out = []
    for part, value, key in zip(layout.in_order(), rule.values, asked, strict=True):
        if value is None or key is None:
            continue
        if part.lpm:
            assert rule.prefix is not None
            mask = _mask(part, rule.prefix)
            out.append(b.eq(b.band(key, mask), b.band(value, mask)))
        else:
            out.append(b.eq(key, value))
    return out


def entry_matches(layout: TableLayout, entry: Term, key: Term) -> Term:
    """Whether the map's entry answers a lookup of ``key`` (of a trie: unless a longer one does)."""
    return prefix_matches(entry, key) if layout.trie else b.eq(entry, key)


def value_laws(layout: TableLayout, item: MapDef) -> list[Obligation]:
    """The number of the action and its arguments come back from the value."""
    laws = []
    values = _symbols(layout, item, "key")
    prefix = b.bv(next((part.width for part in layout.keys if part.lpm), 0), 32) if layout.trie else None
    for part in layout.actions:
        args = [b.var(f"fill.{item.name}.{part.index}.{a.param}", a.width) for a in part.args if a.width]
        places = [place for place, a in enumerate(part.args) if a.width]
        if len(places) != len(part.args):
            given = dict(zip(places, args, strict=True))
            placed = {(part.index, place): term for place, term in given.items()}
            value = value_bytes(layout, b.bv(part.number, 8 * ACTION_BYTES), placed)
        else:
            _, value = fill(layout, values, prefix, part.index, args)
        number = host_order(b.extract(value, value.width - 1, value.width - 8 * ACTION_BYTES))
        laws.append(b.eq(number, b.bv(part.index + 1, 8 * ACTION_BYTES)))
        for term, arg in zip(args, (a for a in part.args if a.width), strict=True):
            low = value.width - 8 * (arg.offset + arg.size)
            laws.append(b.eq(b.extract(value, low + 8 * arg.size - 1, low), b.zext(term, 8 * arg.size)))
        laws.append(b.boolean(value.width == 8 * item.value_size))
    return [
        Obligation(f"actions of table {_name(layout)} are recovered from the values of map {item.name}", b.and_(*laws))
    ]
