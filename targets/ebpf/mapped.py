"""A mapping as terms: what foreign maps answer under any rules, the laws that make it so, and entries for given rules.

Under an unknown rule set a map holds what the control plane writes into it for the rules: at the bytes of a key, the
bytes of the table's answer, and zeros in every byte that no field fills. A lookup of other bytes finds nothing in a
hash map, and may find anything in a trie that is not asked for the whole lpm key. The same encoding, on numbers, gives
the entries for rules that are known, so what is proven is what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.meaning import lookup
from ...semantics.meaning.behaviour import Behaviour
from ...semantics.rules.build import program_rules
from ...semantics.rules.ruleset import ActionCall, Exact, Lpm, Rule, RuleSet
from ...semantics.source import InputError
from ..base import CannotOffload, Obligation, Relation, StateRelation
from . import arrivals
from .artifact import BpfObject, MapDef
from .conventions import check_known, recognised
from .decisions import (
    given_others,
    hash_decision,
    other_found,
    other_value,
    prefix_matches,
    trie_decision,
    trie_prefix,
)
from .fillup import Entries, host_order, source_default, term_bytes
from .layout import PREFIX_BYTES
from .mapping import LRU, ActionCode, MappedCells, MappedObject, MappedTable, Mapping, Place
from .relate import cell_reader

Argument = Callable[[str, str, int], Term]
"""Action, parameter and width → its argument."""


def mapping_of(program: ir.Program, obj: BpfObject) -> Mapping | None:
    """How the maps of ``obj`` hold the tables: by its own mapping, else by p4c's names; None for neither.

    Raises:
        Unsupported: maps with p4c's names that are not related (:func:`.conventions.check_known`).
    """
    if isinstance(obj, MappedObject):
        return obj.mapping
    found = recognised(program, obj)
    check_known(program, obj, found)
    return found if found.tables or found.cells else None


def relate_mapped(program: ir.Program, mapping: Mapping, rules: RuleSet | None) -> Relation:
    """The relation that a mapping gives, under ``rules`` or any legal ones. Raises CannotOffload, InputError."""
    out = _Builder(program, rules)
    for table in mapping.tables:
        out.table(table)
    for cells in mapping.cells:
        out.cells(cells)
    for item in mapping.ports:
        out.ports(item)
    notes = (*mapping.notes, *out.notes)

    def told(machine: Behaviour) -> Behaviour:
        return arrivals.short_enough(machine)

    return Relation(out.functions, {}, out.states, out.obligations, tuple(out.axioms), notes, told)


@dataclass
class _Builder:
    program: ir.Program
    rules: RuleSet | None
    functions: dict[str, Callable[..., Term]] = field(default_factory=dict)
    obligations: list[Obligation] = field(default_factory=list)
    states: list[StateRelation] = field(default_factory=list)
    axioms: list[Term] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def table(self, table: MappedTable) -> None:
        """Entries and default action of one table."""
        if table.entries is not None:
            given = program_rules(self.program) if self.rules is None and table.table.const_entries else self.rules
            if given is None:
                self._any_entries(table, table.entries)
            else:
                self._given_entries(table, table.entries, entries_of(table, given))
            self.obligations += laws(table, table.entries)
            if table.entries.type == LRU:
                self.notes.append(f"map {table.entries.name} of type {LRU} evicts no entries of table {table.name}")
        if table.default is not None:
            self._default(table, table.default)
        elif table.fixed_default and not table.table.const_default and self.rules is None:
            self.axioms += _fixed(table)
            self.notes.append(f"the control plane leaves the default action of table {table.name} as the source has it")

    def _any_entries(self, table: MappedTable, item: MapDef) -> None:
        def found(key: Term) -> Term:
            hit = lookup.hit(table.name, table_key(table, key))
            if table.trie:
                return b.ite(well_formed(table, item, key), hit, b.and_(hit, other_found(item, key)))
            return b.and_(well_formed(table, item, key), hit)

        def value(key: Term) -> Term:
            asked = table_key(table, key)
            held = answer(table, item, lookup.action(table.name, asked), _argument(table, asked))
            if item.type == "array":
                held = b.ite(lookup.hit(table.name, asked), held, b.bv(0, held.width))
            return b.ite(well_formed(table, item, key), held, other_value(item, key))

        self._set(item, found, value)

    def _given_entries(self, table: MappedTable, item: MapDef, entries: Entries) -> None:
        decision = trie_decision(item, entries) if table.trie else hash_decision(item, entries)
        other = given_others(item, entries)

        def found(key: Term) -> Term:
            if not table.trie:
                return decision(key)[0]
            return b.ite(well_formed(table, item, key), decision(key)[0], other(key)[0])

        def value(key: Term) -> Term:
            if not table.trie:
                return decision(key)[1]
            return b.ite(well_formed(table, item, key), decision(key)[1], other(key)[1])

        self._set(item, found, value)

    def _default(self, table: MappedTable, item: MapDef) -> None:
        def argument(action: str, param: str, width: int) -> Term:
            return lookup.default_argument(table.name, action, param, width)

        if self.rules is None and not table.table.const_default:
            content = answer(table, item, lookup.default_action(table.name), argument)
        else:
            written = default_of(table, self.rules or RuleSet({}))
            content = b.bv(int.from_bytes(written or b"", "big"), 8 * item.value_size)

        self._set(item, lambda key: b.eq(key, b.bv(0, 32)),
                  lambda key: b.ite(b.eq(key, b.bv(0, 32)), content, other_value(item, key)))  # fmt: skip

    def cells(self, cells: MappedCells) -> None:
        """A counter's or register's cells: an index is a key, in host order."""
        item = cells.map
        if item.type == "percpu_array":
            self.notes.append(f"counter {cells.instance.name} is the sum of what map {item.name} holds for each CPU")
        for cell in cells.cells:
            relation = StateRelation(
                cell.state, f"map.{item.name}", 32, host_order, 8 * item.value_size, cell_reader(cell)
            )
            self.states.append(relation)
        self._set(item, lambda key: b.ult(host_order(key), b.bv(item.max_entries, 32)),
                  lambda key: b.apply(f"state.map.{item.name}", b.bit_vector(8 * item.value_size), key))  # fmt: skip

    def ports(self, item: MapDef) -> None:
        """At each number below the map's size the interface of that number (``struct bpf_devmap_val``)."""
        self.notes.append(f"map {item.name} holds each interface at its own number, and no program")
        room = b.bv(item.max_entries, 32)
        rest = [b.bv(0, 8 * (item.value_size - 4))] if item.value_size > 4 else []
        self._set(item, lambda key: b.TRUE if item.type == "devmap_hash" else b.ult(host_order(key), room),
                  lambda key: b.concat(key, *rest))  # fmt: skip

    def _set(self, item: MapDef, found: Callable[[Term], Term], value: Callable[[Term], Term]) -> None:
        self.functions[f"map.{item.name}.found"] = found
        self.functions[f"map.{item.name}.value"] = value


def _fixed(table: MappedTable) -> Iterator[Term]:
    """The default action is the source's."""
    call = source_default(table.table)
    listed = [ref.action for ref in table.table.actions]
    index = listed.index(call.action) if call.action in listed else len(listed)
    yield b.eq(lookup.default_action(table.name), b.bv(index, lookup.ACTION_BITS))
    code = next((code for code in table.actions if code.index == index), None)
    if code is None and call.args:
        raise CannotOffload(f"the default action {call.action} is not among the mapped ones", table.table.span)
    for arg, value in zip(code.args if code else (), call.args, strict=True):
        term = lookup.default_argument(table.name, call.action, arg.param, arg.width)
        yield b.eq(term, b.bv(value, arg.width))


def _argument(table: MappedTable, key: Term | None) -> Argument:
    return lambda action, param, width: lookup.argument(table.name, action, param, width, key)


# --- bytes ----------------------------------------------------------------------------------------------------------


def packed(size: int, parts: Sequence[tuple[Place, Term]]) -> Term:
    """``size`` bytes of memory, the first one highest, with each number at its place and zeros elsewhere."""
    out, at = [], 0
    for place, term in sorted(parts, key=lambda part: part[0].offset):
        if place.offset > at:
            out.append(b.bv(0, 8 * (place.offset - at)))
        whole = b.zext(term, 8 * place.size)
        out.append(whole if place.order == "network" else host_order(whole))
        at = place.offset + place.size
    if at < size:
        out.append(b.bv(0, 8 * (size - at)))
    return b.concat(*out)


def unpacked(whole: Term, place: Place) -> Term:
    """The number at a place, with all its bytes."""
    low = whole.width - 8 * (place.offset + place.size)
    found = b.extract(whole, low + 8 * place.size - 1, low)
    return found if place.order == "network" else host_order(found)


def key_bytes(table: MappedTable, item: MapDef, values: Sequence[Term | None], prefix: Term | None = None) -> Term:
    """The map's key for one value per P4 key (None for width 0). ``prefix``: of a trie, the length of the lpm key's
    prefix (32 bits); None for all of it."""
    parts = []
    for key, value in zip(table.keys, values, strict=True):
        if value is not None:
            pad = 8 * key.place.size - key.width
            parts.append((key.place, b.concat(value, b.bv(0, pad)) if key.lpm and pad else value))
    if table.trie:
        length = b.bv(table.lpm_end, 32) if prefix is None else b.add(prefix, b.bv(table.lpm_start, 32))
        parts.append((Place(0, PREFIX_BYTES, "host"), length))
    return packed(item.key_size, parts)


def table_key(table: MappedTable, key: Term) -> Term | None:
    """The P4 keys in the bytes of a map's key, side by side; None if they have no bits."""
    parts = [value for value in _decoded(table, key) if value is not None]
    return b.concat(*parts) if parts else None


def _decoded(table: MappedTable, key: Term) -> list[Term | None]:
    """The P4 keys in the bytes of a map's key (None for width 0)."""
    values: list[Term | None] = []
    for part in table.keys:
        whole = unpacked(key, part.place)
        top = whole.width - 1 if part.lpm else part.width - 1
        values.append(b.extract(whole, top, top + 1 - part.width) if part.width else None)
    return values


def well_formed(table: MappedTable, item: MapDef, key: Term) -> Term:
    """Whether the bytes are what a lookup of some key asks: zeros wherever entries have zeros that count; of a trie at
    least all of the lpm key is asked, and no more than the trie takes."""
    values = _decoded(table, key)
    clean = key_bytes(table, item, values)
    if not table.trie:
        return b.eq(clean, key)
    data = 8 * (item.key_size - PREFIX_BYTES)
    asked = b.and_(b.ule(b.bv(table.lpm_end, 32), trie_prefix(key)), b.ule(trie_prefix(key), b.bv(data, 32)))
    low = data - table.lpm_end
    return b.and_(asked, b.eq(b.extract(clean, data - 1, low), b.extract(key, data - 1, low)))


def value_bytes(table: MappedTable, item: MapDef, code: ActionCode, args: Sequence[Term | None]) -> Term:
    """The map's value for an action with its arguments (None for width 0)."""
    parts = [(arg.place, term) for arg, term in zip(code.args, args, strict=True) if term is not None]
    if table.action is not None:
        parts.append((table.action, b.bv(code.number or 0, 8 * table.action.size)))
    return packed(item.value_size, parts)


def answer(table: MappedTable, item: MapDef, action: Term, argument: Argument) -> Term:
    """The value for an action's place in the table's list; zeros for one that is not listed (nothing is written)."""
    value = b.bv(0, 8 * item.value_size)
    for code in reversed(table.actions):
        args = [argument(code.name, arg.param, arg.width) if arg.width else None for arg in code.args]
        here = b.eq(action, b.bv(code.index, lookup.ACTION_BITS))
        value = b.ite(here, value_bytes(table, item, code, args), value)
    return value


# --- laws -----------------------------------------------------------------------------------------------------------


def _symbols(table: MappedTable, what: str) -> list[Term | None]:
    return [b.var(f"fill.{table.name}.{what}{i}", key.width) if key.width else None for i, key in enumerate(table.keys)]


def laws(table: MappedTable, item: MapDef) -> list[Obligation]:
    """A key comes back from its bytes; a rule matches exactly if its entry does; the longer of two prefixes wins."""
    asked = _symbols(table, "key")
    encoded = key_bytes(table, item, asked)
    parts = [value for value in asked if value is not None]
    back = table_key(table, encoded)
    same = b.eq(back, b.concat(*parts)) if back is not None else b.TRUE
    known = b.and_(same, well_formed(table, item, encoded))
    out = [Obligation(f"keys of table {table.name} are recovered from the bytes of map {item.name}", known)]
    rule, prefix, legal = _rule(table, "rule")
    entry = key_bytes(table, item, rule, prefix)
    theirs = prefix_matches(entry, encoded) if table.trie else b.eq(entry, encoded)
    ours = b.and_(*_matches(table, rule, prefix, asked))
    match = b.implies(legal, b.eq(b.from_bool(ours), b.from_bool(theirs)))
    out.append(Obligation(f"a rule of table {table.name} matches as its entry in map {item.name}", match))
    if prefix is not None:
        whatever = b.var(f"fill.{table.name}.asked", 8 * item.key_size)
        answers = b.implies(
            prefix_matches(entry, whatever), b.and_(*_matches(table, rule, prefix, _decoded(table, whatever)))
        )
        what = f"what map {item.name} answers if asked for less is of rules of table {table.name} that match"
        out.append(Obligation(what, b.implies(legal, answers)))
        other, longer, also = _rule(table, "rule'")
        assert longer is not None
        in_trie = b.ult(trie_prefix(entry), trie_prefix(key_bytes(table, item, other, longer)))
        order = b.eq(b.from_bool(b.ult(prefix, longer)), b.from_bool(in_trie))
        law = b.implies(b.and_(legal, also), order)
        out.append(Obligation(f"longer prefixes of table {table.name} win in map {item.name}", law))
    return out


def _rule(table: MappedTable, what: str) -> tuple[list[Term | None], Term | None, Term]:
    """Any rule's values, the length of its prefix, and what is true of it."""
    values = _symbols(table, what)
    for key, value in zip(table.keys, values, strict=True):
        if key.lpm and value is not None:
            prefix = b.var(f"fill.{table.name}.{what}.prefix", 32)
            outside = b.band(value, b.bnot(_mask(key.width, prefix)))
            legal = b.and_(b.ule(prefix, b.bv(key.width, 32)), b.eq(outside, b.bv(0, key.width)))
            return values, prefix, legal
    return values, None, b.TRUE


def _mask(width: int, prefix: Term) -> Term:
    amount, wide = b.sub(b.bv(width, 32), prefix), max(width, 32)
    return b.extract(b.shl(b.bv(-1, wide), b.zext(amount, wide)), width - 1, 0)


def _matches(
    table: MappedTable, rule: Sequence[Term | None], prefix: Term | None, asked: Sequence[Term | None]
) -> Iterator[Term]:
    for key, value, term in zip(table.keys, rule, asked, strict=True):
        if value is None or term is None:
            continue
        if key.lpm and prefix is not None:
            mask = _mask(key.width, prefix)
            yield b.eq(b.band(term, mask), b.band(value, mask))
        else:
            yield b.eq(term, value)


# --- entries --------------------------------------------------------------------------------------------------------


def fill_mapped(program: ir.Program, mapping: Mapping, rules: RuleSet) -> dict[str, Entries]:
    """Map's name → what the control plane writes into it for ``rules``. Raises InputError for what no map holds."""
    out: dict[str, Entries] = {}
    for table in mapping.tables:
        if table.entries is not None:
            out[table.entries.name] = entries_of(table, rules)
        if table.default is not None:
            written = default_of(table, rules)
            if written is not None:
                out[table.default.name] = [(bytes(4), written)]
    return out


def entries_of(table: MappedTable, rules: RuleSet) -> Entries:
    """The entries of one table, what wins written last. Raises InputError for a rule that no entry can say."""
    return [_entry(table, rule) for rule in reversed(rules.of(table.name))]


def _entry(table: MappedTable, rule: Rule) -> tuple[bytes, bytes]:
    item = table.entries
    assert item is not None
    values: list[Term | None] = []
    prefix: Term | None = None
    for key, match in zip(table.keys, rule.matches, strict=True):
        if not isinstance(match, Exact) and not (key.lpm and isinstance(match, Lpm)):
            raise InputError.at(rule.span, f"table {table.name} has no entry that matches like this")
        values.append(b.bv(match.value, key.width) if key.width else None)
        if key.lpm:
            prefix = b.bv(match.prefix_len if isinstance(match, Lpm) else key.width, 32)
    return term_bytes(key_bytes(table, item, values, prefix)), _called(table, item, rule.call)


def _called(table: MappedTable, item: MapDef, call: ActionCall) -> bytes:
    code = table.code(call.action)
    args = [b.bv(v, arg.width) if arg.width else None for v, arg in zip(call.args, code.args, strict=True)]
    return term_bytes(value_bytes(table, item, code, args))


def default_of(table: MappedTable, rules: RuleSet) -> bytes | None:
    """What the map of the default action holds; None if nothing is written: the default action is not mapped."""
    assert table.default is not None
    call = rules.default_call(table.name) or source_default(table.table)
    try:
        return _called(table, table.default, call)
    except KeyError:
        return None
