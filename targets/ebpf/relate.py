"""How the object's maps answer, in terms of the program's tables; and the laws of the fill-up that make it sound.

The machine's meaning asks ``map.M.found(k)`` and ``map.M.value(k)`` of a map, with the key and the value as the bytes
of memory, first byte highest. Under an unknown rule set, what a map holds is what :mod:`.fillup` wrote for the rules:
at the encoding of a key, the encoding of the table's answer. A lookup with bytes that are no encoding finds nothing
in a hash map (padding that is not 0); in a trie (which can also be asked for less than the whole key) it may answer
anything, but nothing where the table has no rule for the key.

That is right because of the laws in :mod:`.relate_laws`, which are proven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.meaning import lookup
from ...semantics.meaning.behaviour import Behaviour
from ...semantics.rules.ruleset import Rule, RuleSet
from ...semantics.source import Span, Unsupported
from ..base import MakesEntries, Obligation, Relation, StateRelation
from ..telling import renamed
from . import arrivals, records, relate_learned, relate_outputs, relate_passes, scratch, selector_entries, timers, times
from .answers import answer, asks_all, default_answer, table_key, well_formed
from .artifact import BpfObject, MapDef, passes, ports
from .attached import DIRECT_METERS
from .cells import (
    CELLS,
    METERS,
    Cell,
    CellMap,
    cell_map,
    direct_counters,
    direct_meters,
    meter_map,
)
from .cells_of_copies import cells_in
from .decisions import (
    given_others,
    hash_decision,
    other_found,
    other_value,
    trie_decision,
)
from .fillup import Entries, action_bytes, fill_maps, fill_rule, host_order, key_bytes
from .layout import PROFILE_BYTES, TableLayout, layouts
from .meaning import NamedStores, meaning
from .relate_laws import key_laws, match_laws, value_laws
from .relate_selectors import Selected, picks, selector_laws
from .relate_slots import (
    Word,
    first_slot,
    known_word,
    slot_laws,
    slot_name,
    table_functions,
    unknown_word,
    vector_bytes,
    words_at,
)
from .replicas import KINDS, MOST, Groups, fill_groups
from .selectors import Selector
from .slot_entries import entries_for
from .slots import Slots
from .vector_laws import like_rules

PRESENT = relate_learned.PRESENT


def relate(program: ir.Program, artifact: BpfObject, rules: RuleSet | None) -> Relation:
    """The relation of an object's maps to the program's tables; maps are known by name, type and sizes, and one that
    differs from what the fill-up writes stays unrelated.

    Raises:
        CannotOffload: maps cannot hold the program's tables.
        Unsupported: a map has less room than the table that it stands for.
    """
    have = {(item.name, item.type, item.key_size, item.value_size) for item in artifact.maps}
    out = _Builder(program)
    out.relate_tables(artifact, rules)
    arrays: list[CellMap] = []
    for instance in program.instances:
        if instance.extern in CELLS:
            cells = cell_map(instance)
            if _shape(cells.map) in have:
                out.cells(cells)
                arrays.append(cells)
    notes: list[str] = []
    copies = [groups for groups in KINDS if groups.map in artifact.maps]
    notes += [f"{groups.kind} groups have at most {MOST} members" for groups in copies]
    notes += times.granted(program) if copies else []
    kept = cells_in(arrays if copies and rules is None else (), out.states)
    out.obligations += kept.laws
    if rules is not None:
        for groups in copies:
            out.groups(groups, fill_groups(rules)[groups.map.name])
    clock = times.of_clock(program)
    notes += [f"{name} is what the kernel's clock says" for name in times.asked(program)]
    meters = [(item.name, meter_map(item)) for item in program.instances if item.extern in METERS]
    notes += [f"meter {name} is as map {item.name} says" for name, item in meters if _shape(item) in have]
    metered = any(item.extern in DIRECT_METERS for item in program.instances)
    for layout in layouts(program, rules, {item.name for item in artifact.maps}).values() if metered else ():
        of_rules = [(name, item) for name, item in direct_meters(program, layout).items() if _shape(item) in have]
        notes += [f"meter {name} is as map {item.name} says" for name, item in of_rules]
    returning = ports.returning(program.arch)
    told_of = {**records.records(program), **timers.timers(program)}
    rings = {name: item for name, item in told_of.items() if _shape(item.map) in have}
    notes += [f"what is sent to port {port:#x} comes in there again, unchanged" for port in returning]

    passed = _passed(program, artifact)
    notes += [relate_passes.NOTE] if passed is not None else []

    @cache
    def in_parts() -> tuple[Behaviour, NamedStores]:
        """The object's meaning with names for what its maps hold where groups are looked up."""
        named = NamedStores(frozenset(groups.map.name for groups in copies))
        found = meaning(artifact, named=named)
        return replace(found, cases=tuple(renamed(case, out.states) for case in found.cases)), named

    def told(machine: Behaviour) -> Behaviour:
        machine, named = in_parts() if kept.maps else (machine, None)
        granted = arrivals.assumed(program, comes_back=passed is not None)
        machine = arrivals.short_enough(machine)
        if passed is not None:
            machine = relate_passes.told(program, machine, passed)
        met = records.told(replace(machine, domain=(*machine.domain, *granted)), rings)
        met = relate_learned.told(scratch.forgotten(met, artifact.maps), out.learning)
        met = relate_outputs.told(met, returning, copies if rules is None else (), kept, named)
        return met if passed is None else relate_passes.begun(program, met, passed)

    def settled(meant: Behaviour) -> Behaviour:
        return relate_learned.settled(times.settled(program, meant), out.learning, out.functions)

    completed = partial(selector_entries.with_groups, out.selected)
    selectors = dict.fromkeys(selected.selector.instance.name for _, selected in out.selected)
    notes += [f"groups of action selector {name} have members" for name in selectors]
    return Relation(
        out.functions, clock, out.states, out.obligations, (), notes, told, out.tables, out.made, completed, out.real,
        settled,
    )  # fmt: skip


def _passed(program: ir.Program, artifact: BpfObject) -> int | None:
    """The bytes that go along with packets that come back; None for an object of which none do."""
    if program.arch not in relate_passes.ARCHITECTURES:
        return None
    try:
        item = passes.carried_by(artifact, artifact.program())
    except KeyError:
        return None
    return None if item is None else item.value_size


def _check_room(layout: TableLayout, room: Mapping[str, int], where: str) -> None:
    for item in layout.maps:
        if room[item.name] < item.max_entries:
            has, asked = f"map {item.name} has room for {room[item.name]} entries", f"table {_name(layout)} for"
            raise Unsupported(f"{has}, and {asked} {item.max_entries}", Span(where, 0, 0))


def _shape(item: MapDef) -> tuple[str, str, int, int]:
    return item.name, item.type, item.key_size, item.value_size


@dataclass
class _Builder:
    program: ir.Program
    functions: dict[str, Callable[..., Term]] = field(default_factory=dict)
    obligations: list[Obligation] = field(default_factory=list)
    states: list[StateRelation] = field(default_factory=list)
    tables: dict[str, Callable[..., Term]] = field(default_factory=dict)
    made: dict[str, MakesEntries] = field(default_factory=dict)
    learning: list[tuple[TableLayout, MapDef]] = field(default_factory=list)
    """Tables to which the program itself adds entries, with the maps of these."""
    searched: list[tuple[TableLayout, Slots]] = field(default_factory=list)
    """Tables with slots, under an unknown rule set."""
    selected: list[tuple[TableLayout, Selected]] = field(default_factory=list)
    """Tables with action selectors, under an unknown rule set."""

    def real(self, terms: Sequence[Term]) -> list[Term]:
        """What is true of the vectors that ``terms`` ask, whatever the rules."""
        return [fact for layout, slots in self.searched for fact in like_rules(layout, slots, terms)]

    def relate_tables(self, artifact: BpfObject, rules: RuleSet | None) -> None:
        """The maps of tables. Raises as :func:`relate`."""
        room = {item.name: item.max_entries for item in artifact.maps}
        have = {_shape(item) for item in artifact.maps}
        filled = None if rules is None else fill_maps(self.program, rules, room)
        for layout in layouts(self.program, rules, room).values():
            if layout.entries is not None and all(_shape(item) in have for item in layout.maps):
                _check_room(layout, room, artifact.name)
                if layout.slots is not None:
                    self.slots(layout, layout.entries, layout.slots, None if rules is None else rules.of(_name(layout)))
                elif filled is None:
                    self.entries(layout, layout.entries)
                else:
                    self.decided(layout, layout.entries, filled.get(layout.entries.name, []))
                self.laws(layout, layout.entries)
            for direct in direct_counters(self.program, layout):
                if direct.of_rules and _shape(direct.map) in have:
                    of_table = None if rules is None else rules.of(_name(layout))
                    if layout.baked is not None or layout.slots is not None:
                        self.cells(direct)
                    else:
                        self.direct(layout, direct, of_table)
                if direct.miss is not None and _shape(direct.miss) in have:
                    self.missed(direct, direct.miss)
            if layout.selector is not None and all(_shape(item) in have for item in layout.maps):
                self.selector(layout, layout.selector, rules, filled)
            if layout.default is not None and _shape(layout.default) in have:
                self.default(layout, layout.default, None if filled is None else filled.get(layout.default.name, []))

    def entries(self, layout: TableLayout, item: MapDef) -> None:
        """Under any rule set: the table's own functions."""

        def found(key: Term) -> Term:
            hit = lookup.hit(_name(layout), table_key(layout, key))
            if layout.trie:
                return b.ite(well_formed(layout, key), hit, b.and_(hit, other_found(item, key)))
            return b.and_(well_formed(layout, key), hit)

        def value(key: Term) -> Term:
            held = self.held(layout, item, key)
            return b.ite(well_formed(layout, key), held, other_value(item, key))

        self._contents(layout, item, found, value)

    def held(self, layout: TableLayout, item: MapDef, key: Term) -> Term:
        """What the map holds at the bytes of a key that it has."""
        if layout.selector is not None:
            selected = Selected(layout, layout.selector)
            return selected.value(selected.entry, table_key(layout, key))
        profile = b.apply(f"map.{item.name}.profile", b.bit_vector(8 * PROFILE_BYTES), key)
        return answer(layout, table_key(layout, key), profile=profile)

    def selector(
        self, layout: TableLayout, selector: Selector, rules: RuleSet | None, filled: Mapping[str, Entries] | None
    ) -> None:
        """The maps of groups and members, under any rule set or under these rules."""
        selected = Selected(layout, selector)
        self.obligations += selector_laws(selected)
        if rules is None or filled is None:
            at: Callable[[Term], Term] = lambda key: key  # noqa: E731
            if layout.slots is not None:
                slots = layout.slots
                at = lambda key: first_slot(words_at(layout, slots, key))  # noqa: E731
            self.functions |= selected.maps()
            self.tables |= selected.tables(at)
            self.selected.append((layout, selected))
            self.made.setdefault(_name(layout), partial(selector_entries.entries_for, selected))
            return
        for item in (selector.groups, selector.members):
            self.known(item, filled.get(item.name, []))
        self.tables |= picks(selector, rules)

    def known(self, item: MapDef, entries: Entries) -> None:
        """A hash map with these contents."""
        decision = hash_decision(item, entries)
        self.functions[f"map.{item.name}.found"] = lambda key: decision(key)[0]
        self.functions[f"map.{item.name}.value"] = lambda key: decision(key)[1]

    def _contents(
        self, layout: TableLayout, item: MapDef, found: Callable[[Term], Term], value: Callable[[Term], Term]
    ) -> None:
        self.functions[f"map.{item.name}.found"] = found
        self.functions[f"map.{item.name}.value"] = value
        if layout.profile_bits:  # the code writes the map, which is then told as state
            self.functions[f"state.map.{item.name}{PRESENT}"] = lambda key: b.from_bool(found(key))
            self.functions[f"state.map.{item.name}"] = value
            self.learning.append((layout, item))

    def decided(self, layout: TableLayout, item: MapDef, entries: Entries) -> None:
        """Under these rules: a decision over what was written."""
        decision = trie_decision(item, entries) if layout.trie else hash_decision(item, entries)
        other = given_others(item, entries)

        def found(key: Term) -> Term:
            if layout.trie:
                return b.ite(asks_all(layout, key), decision(key)[0], other(key)[0])
            return decision(key)[0]

        def value(key: Term) -> Term:
            if layout.trie:
                return b.ite(asks_all(layout, key), decision(key)[1], other(key)[1])
            return decision(key)[1]

        self._contents(layout, item, found, value)

    def slots(self, layout: TableLayout, item: MapDef, slots: Slots, rules: Sequence[Rule] | None) -> None:
        """The arrays of a table with slots, under any rule set or under these rules."""
        if rules is None:
            word: Word = partial(unknown_word, layout, slots)
            self.tables |= table_functions(layout, slots)
            self.made[_name(layout)] = partial(entries_for, layout, slots)
            self.searched.append((layout, slots))
        else:
            word = known_word(layout, slots, rules)
        calls = [] if rules is None else [int.from_bytes(action_bytes(layout, rule.action), "big") for rule in rules]

        def value(key: Term) -> Term:
            index = host_order(key)
            if rules is None and layout.selector is not None:
                return Selected(layout, layout.selector).value(slot_name(layout), index)
            if rules is None:
                return answer(layout, index, slot_name(layout))
            if index.is_const:
                return b.bv(calls[index.value] if index.value < len(calls) else 0, 8 * item.value_size)
            found = b.bv(0, 8 * item.value_size)
            for slot, content in enumerate(calls):
                found = b.ite(b.eq(index, b.bv(slot, index.width)), b.bv(content, found.width), found)
            return found

        self.functions[f"map.{slots.bits.name}.value"] = vector_bytes(slots, word)
        self.functions[f"map.{item.name}.value"] = value

    def default(self, layout: TableLayout, item: MapDef, entries: Entries | None) -> None:
        """The map of the default action: one element, always there."""
        if entries is None and layout.selector is not None:
            content = Selected(layout, layout.selector).default_value()
        elif entries is None:
            content = default_answer(layout)
        else:
            content = b.bv(int.from_bytes(entries[0][1], "big") if entries else 0, 8 * item.value_size)
        zero = b.bv(0, 32)

        def found(key: Term) -> Term:
            return b.eq(key, zero)

        def value(key: Term) -> Term:
            return b.ite(b.eq(key, zero), content, other_value(item, key))

        self.functions[f"map.{item.name}.found"] = found
        self.functions[f"map.{item.name}.value"] = value

    def cells(self, cells: CellMap) -> None:
        """The cells of a counter or register: an index is a key, in host order."""
        item, bits = cells.map, cells.index_bits

        def index(cell: Term) -> Term:
            if bits <= 32:
                return host_order(b.zext(cell, 32))
            inside = b.ult(cell, b.bv(item.max_entries, bits))
            return host_order(b.ite(inside, b.extract(cell, 31, 0), b.bv(-1, 32)))

        for cell in cells.cells:
            self.states.append(
                StateRelation(cell.state, f"map.{item.name}", bits, index, 8 * item.value_size, cell_reader(cell))
            )

        def found(key: Term) -> Term:
            return b.ult(host_order(key), b.bv(item.max_entries, 32))

        def value(key: Term) -> Term:  # a map that is only read holds its cells all the same
            return b.apply(f"state.map.{item.name}", b.bit_vector(8 * item.value_size), key)

        self.functions[f"map.{item.name}.found"] = found
        self.functions[f"map.{item.name}.value"] = value

    def groups(self, groups: Groups, entries: Entries) -> None:
        """The multicast groups, or clone sessions, that are set up."""
        self.known(groups.map, entries)

    def direct(self, layout: TableLayout, cells: CellMap, rules: Sequence[Rule] | None) -> None:
        """The cells of a direct counter: a key's cell (of given rules: a rule's) lies where its entry does, and is
        there if that is."""
        item = cells.map
        keys = None if rules is None else [fill_rule(layout, rule)[0] for rule in rules]

        def index(key: Term) -> Term:
            values: list[Term | None] = []
            low = layout.key_width
            for part in layout.in_order():
                low -= part.width
                values.append(b.extract(key, low + part.width - 1, low) if part.width else None)
            return key_bytes(layout, values)

        def found(key: Term) -> Term:
            if keys is not None:
                return decision(key)[0]
            hit = lookup.hit(_name(layout), table_key(layout, key))
            less = other_found(item, key) if layout.trie else b.FALSE
            return b.and_(hit, b.or_(well_formed(layout, key), less))

        given = [(key, key) for key in keys or ()]  # of equal keys the first stays, as in the table's map
        kept = [(key, held) for at, (key, held) in enumerate(given) if all(key != other for other, _ in given[:at])]
        itself = replace(item, value_size=item.key_size)
        decision = (trie_decision if layout.trie else hash_decision)(itself, kept)
        if layout.trie:  # under any rule set each key that is asked for may have an entry of its own
            self.functions[f"map.{item.name}.element"] = lambda key: key if keys is None else decision(key)[1]
        bits = layout.key_width if keys is None else 32
        where = index if keys is None else _by_number(keys, item.key_size)
        for cell in cells.cells:
            state = StateRelation(cell.state, f"map.{item.name}", bits, where, 8 * item.value_size, cell_reader(cell))
            self.states.append(state)
        self.functions[f"map.{item.name}.found"] = found

    def missed(self, cells: CellMap, item: MapDef) -> None:
        """What a direct counter counts for the default action: an array with one element."""

        def index(cell: Term) -> Term:
            return host_order(b.zext(cell, 32))

        for cell in cells.cells:
            state, bits = f"{cell.state}.miss", 8 * item.value_size
            self.states.append(StateRelation(state, f"map.{item.name}", 1, index, bits, cell_reader(cell)))
        self.functions[f"map.{item.name}.found"] = lambda key: b.eq(key, b.bv(0, 32))

    def laws(self, layout: TableLayout, item: MapDef) -> None:
        """The obligations of one table."""
        searched = slot_laws(layout, layout.slots) if layout.slots is not None else []
        looked_up = [*key_laws(layout, item), *match_laws(layout, item)] if layout.slots is None else []
        self.obligations += [*searched, *looked_up, *value_laws(layout, item)]


def cell_reader(cell: Cell) -> Callable[[Term], Term]:
    """What an element's bytes say that the cell holds."""

    def read(value: Term) -> Term:
        low = value.width - 8 * (cell.offset + cell.size)
        return b.extract(host_order(b.extract(value, low + 8 * cell.size - 1, low)), cell.width - 1, 0)

    return read


def _by_number(keys: Sequence[bytes], size: int) -> Callable[[Term], Term]:
    """A rule's number → its key; of a rule that never wins, as one before it has the same key, and behind the last
    rule, a key at which there is nothing."""
    width = 8 * size
    numbers = [int.from_bytes(key, "big") for key in keys]
    nothing = next(n for n in range(len(keys) + 1) if n not in set(numbers))
    if nothing >> width:
        raise Unsupported("direct counters of a table that has an entry for every key")
    places = {key: number for number, key in reversed(list(enumerate(numbers)))}

    def place(number: Term) -> Term:
        found = b.bv(nothing, width)
        for key, at in places.items():
            found = b.ite(b.eq(number, b.bv(at, number.width)), b.bv(key, width), found)
        return found

    return place


def _name(layout: TableLayout) -> str:
    return layout.table.control_name
