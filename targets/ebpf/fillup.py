"""How rules become map entries: the layout of keys and values, and the entry for one rule, as terms.

A table that holds its rules in a map has one of three kinds of key:

* all keys exact: a hash map, whose key is the P4 keys in order, each in network order and padded in front to bytes;
* one lpm key, the others exact: an LPM trie, whose key is the prefix length (32 bits, host order), the exact keys as
  above, and the lpm key in network order, padded *behind*, so that its prefixes are prefixes of the bytes;
* any others: an array of slots, which hold the rules in the order in which they win, and a second array that tells
  which of them match (:mod:`.slots`).

The value is the action's number (32 bits, host order: its place in ``Table.actions`` plus one; 0 means "nothing set")
and behind it the arguments of all actions in order, each in network byte order and padded in front to bytes; those of
other actions are 0. Behind them lies, of tables to which the program itself adds entries, the expire time profile
(:attr:`TableLayout.profile_bits`). A default action that the control plane may change lies in an array map of one such
value.

Tables with action selectors have more maps, and the number of a group at the end of their values (:mod:`.selectors`).

Everything that depends on a rule is a term, so that a rule with symbolic values gives a symbolic entry (what
:mod:`.relate` proves laws about) and a concrete rule folds to bytes (:func:`fill_maps`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.ir.printer.scope import mentioned
from ...semantics.rules.build import source_entries
from ...semantics.rules.ruleset import ActionCall, Answer, Exact, GroupRef, Lpm, Match, Rule, RuleSet
from ...semantics.rules.values import ENUM_BITS, value_set_widths
from ...semantics.source import NOWHERE, InputError, Unsupported
from ..base import CannotOffload
from . import selectors as sel
from . import slots as sl
from .artifact import Field, MapDef
from .artifact.program import F_NO_PREALLOC
from .slots import Slots

DEFAULT_SIZE: Final = 1024
"""Entries of a table whose source does not say how many."""

MATCH_KINDS: Final = frozenset({"exact", "lpm", "ternary", "range", "optional"})
ACTION_BYTES: Final = 4
PREFIX_BYTES: Final = 4
PROFILE_BYTES: Final = 4
ADDS: Final = ("add_entry", "add_entry_if")
"""PNA's externs with which a program makes entries itself."""
MAX_TRIE_BYTES: Final = 256
"""The longest data of an LPM trie (``LPM_DATA_SIZE_MAX`` in the kernel's lpm_trie.c)."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One P4 key in a map key: ``size`` bytes at ``offset``; the lpm key is padded behind, the others in front."""

    index: int
    """Its place among the table's keys."""
    name: str
    width: int
    lpm: bool
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ArgPart:
    """One argument in a map value: ``size`` bytes at ``offset``."""

    param: str
    width: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ActionPart:
    """An action of the table: its number in map values, and where its arguments lie."""

    index: int
    """Its place in ``Table.actions``."""
    action: ir.Action
    args: tuple[ArgPart, ...]

    @property
    def number(self) -> int:
        """What stands in map values for this action."""
        return self.index + 1


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Where and how a table's rules are kept.

    ``entries`` is the map of the rules (None: a table without keys, or whose entries are compiled in); ``default`` the
    map of the default action (None: it is const).
    """

    table: ir.Table
    keys: tuple[KeyPart, ...]
    actions: tuple[ActionPart, ...]
    entries: MapDef | None
    default: MapDef | None
    baked: tuple[Rule, ...] | None = None
    """The entries that are compiled in, first winner first."""
    members: bool = False
    """Whether this is a value set of a parser: members in place of rules, and no actions."""
    slots: Slots | None = None
    """How the rules are searched for, if ``entries`` is an array of slots."""
    profile_bits: int = 0
    """Of the expire time profile that an entry made by the program itself has; 0 if the program makes none. Then the
    values end in :data:`PROFILE_BYTES` with the profile's number plus one, in host order (0: it never expires)."""
    selector: sel.Selector | None = None
    """The action selector from whose groups entries may take their actions; ``table`` then lacks the keys for it."""

    @property
    def value_size(self) -> int:
        """Bytes of a map value."""
        own = ACTION_BYTES + sum(arg.size for action in self.actions for arg in action.args)
        return own + (PROFILE_BYTES if self.profile_bits else 0) + (sel.GROUP_BYTES if self.selector else 0)

    @property
    def group_number(self) -> int:
        """What stands in map values in place of an action's number where a group of a selector answers: one more than
        stands for a default action that the table does not list."""
        return len(self.actions) + 2

    @property
    def maps(self) -> tuple[MapDef, ...]:
        """The maps that hold the rules."""
        groups = (self.selector.groups, self.selector.members) if self.selector is not None else ()
        found = self.entries, self.slots.bits if self.slots is not None else None, *groups
        return tuple(item for item in found if item is not None)

    @property
    def key_size(self) -> int:
        """Bytes that the keys take, with what a map's key holds beside them."""
        return max((part.offset + part.size for part in self.keys), default=0)

    @property
    def trie(self) -> bool:
        """Whether the rules lie in an LPM trie."""
        return self.entries is not None and self.entries.type == "lpm_trie"

    @property
    def key_width(self) -> int:
        """Bits of all P4 keys together."""
        return sum(part.width for part in self.keys)

    def in_order(self) -> tuple[KeyPart, ...]:
        """The keys in the table's order (:attr:`keys` is in the map's)."""
        return tuple(sorted(self.keys, key=lambda part: part.index))

    def action_named(self, name: str) -> ActionPart:
        """The action with this local name. Raises KeyError."""
        for part in self.actions:
            if part.action.name == name:
                return part
        raise KeyError(name)


def scalar_width(type_: ir.Type) -> int | None:
    """Bits in which the lowering keeps values of ``type_``; None if it is no scalar with a fixed width."""
    match ir.bare(type_):
        case ir.BitsType(width):
            return width
        case ir.BoolType():
            return 1
        case ir.EnumType(underlying=ir.BitsType(width)):
            return width
        case ir.EnumType() | ir.ErrorType():
            return ENUM_BITS
    return None


def identifier(name: str) -> str:
    """``name`` with everything that a C identifier cannot hold replaced by ``_``."""
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
    return text if text and not text[0].isdigit() else f"_{text}"


def bytes_for(width: int) -> int:
    """Bytes that ``width`` bits fill."""
    return (width + 7) // 8


def table_actions(program: ir.Program, control: ir.Control, table: ir.Table) -> list[ir.Action]:
    """The actions of ``table`` in the order of its list."""
    known = {action.name: action for action in (*program.actions, *control.actions)}
    return [known[ref.action] for ref in table.actions]


def layouts(program: ir.Program, rules: RuleSet | None = None, maps: Container[str] = ()) -> dict[str, TableLayout]:
    """The layout of every table and value set, by its control-plane name. Tables with const entries have them compiled
    in; so have those whose keys no map matches, when there are rules, unless the slots for them are among ``maps``.

    Args:
        program: the program.
        rules: what is compiled in where no map matches; None: all tables but those with const entries lie in maps.
        maps: names of maps that an artifact has.

    Raises:
        CannotOffload: maps cannot hold a table's rules; names the key or parameter.
    """
    names = _Names()
    taken = names.taken
    tables = {}
    for control, table in program.tables():
        slots = _unused(_bits_name(table), set(taken)) in maps
        baked = _baked(program, table, None if slots or sel.selector_instance(program, table) else rules)
        tables[table.control_name] = layout(program, control, table, names, baked)
    sets = [(item, parser) for parser in program.parsers for item in parser.value_sets]
    return tables | {item.control_name: _value_set(item, taken) for item, _ in sets}


@dataclass
class _Names:
    """Names of maps that are there already."""

    taken: set[str] = field(default_factory=set)
    groups: dict[str, str] = field(default_factory=dict)
    """Action selector → the map of its groups."""

    def of(self, name: str) -> str:
        """A name that nobody has yet."""
        return _unused(name, self.taken)

    def of_groups(self, selector: str) -> str:
        """The one of a selector's groups."""
        if selector not in self.groups:
            self.groups[selector] = self.of(f"{identifier(selector)}_groups")
        return self.groups[selector]


def _value_set(item: ir.ValueSetDecl, taken: set[str]) -> TableLayout:
    """A parser's value set: a hash map of its members, whose values say nothing.

    It is laid out like a table with exact keys and no actions; members that match in another way have no element.
    """
    parts, at = [], 0
    try:
        widths = value_set_widths(item.type, item.span)
    except Unsupported as error:
        raise CannotOffload(error.reason, error.span) from None
    for index, width in enumerate(widths):
        parts.append(KeyPart(index, f"key{index}", width, False, at, bytes_for(width)))
        at += bytes_for(width)
    if not at or item.size < 1:
        raise CannotOffload("a value set of nothing", item.span)
    fields = tuple(Field(part.name, part.offset, part.size) for part in parts)
    name = _unused(f"{identifier(item.control_name)}_members", taken)
    entries = MapDef(name, "hash", at, ACTION_BYTES, item.size, 0, fields, (Field("unused", 0, ACTION_BYTES),))
    table = ir.Table(item.name, item.control_name, (), (), ir.BoundAction(""), const_default=True, span=item.span)
    return TableLayout(table, tuple(parts), (), entries, None, members=True)


def _baked(program: ir.Program, table: ir.Table, rules: RuleSet | None) -> tuple[Rule, ...] | None:
    try:
        if table.const_entries:
            return source_entries(program, table)
    except Unsupported as error:
        raise CannotOffload(error.reason, error.span) from None
    return rules.of(table.control_name) if rules is not None and in_slots(table) else None


def in_slots(table: ir.Table) -> bool:
    """Whether no map of the kernel matches the table's keys."""
    kinds = [key.match_kind for key in table.keys]
    return bool(set(kinds) - {"exact", "lpm"}) or kinds.count("lpm") > 1


def _all_exact(table: ir.Table) -> bool:
    return bool(table.keys) and all(key.match_kind == "exact" for key in table.keys)


def _bits_name(table: ir.Table) -> str:
    return f"{identifier(table.control_name)}_bits"


def layout(
    program: ir.Program, control: ir.Control, table: ir.Table, names: _Names, baked: tuple[Rule, ...] | None = None
) -> TableLayout:
    """The layout of one table; its maps get names that are not among ``names``."""
    instance, whole, table = sel.selector_instance(program, table), table, sel.without_selector_keys(table)
    searched = in_slots(table)
    keys = _key_parts(table, baked is not None, searched)
    actions = _action_parts(program, table_actions(program, control, table))
    profile = _profile_bits(program, control, table) if baked is None and _all_exact(table) else 0
    if instance is not None and profile:
        raise CannotOffload("a table with an action selector to which the program adds entries", table.span)
    size = ACTION_BYTES + sum(arg.size for action in actions for arg in action.args)
    size += PROFILE_BYTES if profile else sel.GROUP_BYTES if instance is not None else 0
    fields = _value_fields(actions, size if instance is not None else None)
    base = identifier(table.control_name)
    entries = default = slots = selector = None
    if keys and baked is None:
        name = names.of(base)
        if searched:
            slots = _slots(program, table, names.of(_bits_name(table)), keys)
            entries = MapDef(name, "array", 4, size, sl.WORD_BITS * slots.words, value_fields=fields)
        else:
            entries = _entries_map(program, table, name, keys, size, fields)
    if not table.const_default:
        default = MapDef(names.of(f"{base}_default"), "array", 4, size, 1, value_fields=fields)
    values = entries or default
    if instance is not None and values is not None:
        selector = sel.selector(instance, whole, (names.of_groups(instance.name), names.of(f"{base}_members")), values)
    return TableLayout(table, keys, actions, entries, default, baked, slots=slots, profile_bits=profile,
                       selector=selector)  # fmt: skip


def _profile_bits(program: ir.Program, control: ir.Control, table: ir.Table) -> int:
    """Bits of the expire time profile in calls of :data:`ADDS` by the table's actions; 0 if there are none, or the
    type has no width."""
    known = {action.name: action for action in (*program.actions, *control.actions)}
    named = (*(ref.action for ref in table.actions), table.default.action)
    calls = [
        node
        for name in named
        if name in known
        for node in mentioned(known[name])
        if isinstance(node, ir.ExternCall) and node.extern in ADDS
    ]
    return (scalar_width(calls[0].params[-1].type) or 0) if calls else 0


def _slots(program: ir.Program, table: ir.Table, name: str, keys: Sequence[KeyPart]) -> Slots:
    chains = sl.chains_of([(part.size, table.keys[part.index].match_kind) for part in keys])
    slots = sl.search_among(max(1, table_size(program, table)), name, chains)
    lookups = slots.words * len(slots.planes)
    if lookups > sl.MOST_LOOKUPS:
        text = f"a search among {slots.room} rules by keys like these takes {lookups} look-ups"
        raise CannotOffload(f"{text}, of at most {sl.MOST_LOOKUPS}", table.span)
    return slots


def _unused(name: str, taken: set[str]) -> str:
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    taken.add(unique)
    return unique


def _key_parts(table: ir.Table, baked: bool, searched: bool) -> tuple[KeyPart, ...]:
    lpm = not searched and any(key.match_kind == "lpm" for key in table.keys)
    order = sorted(range(len(table.keys)), key=lambda i: lpm and table.keys[i].match_kind == "lpm")
    parts, at = [], PREFIX_BYTES if lpm else 0
    for index in order:
        key = table.keys[index]
        if key.match_kind not in MATCH_KINDS and not baked:
            raise CannotOffload(f"a key of kind {key.match_kind}", key.span)
        width = scalar_width(key.expr.type)
        if width is None:
            raise CannotOffload("a key of this type has no fixed width", key.span)
        size = bytes_for(width)
        parts.append(KeyPart(index, key.name, width, lpm and key.match_kind == "lpm", at, size))
        at += size
    if lpm and not baked and at - PREFIX_BYTES > MAX_TRIE_BYTES:
        raise CannotOffload(f"an LPM trie's key holds {MAX_TRIE_BYTES} bytes, these keys need more", table.span)
    if parts and not baked and at == (PREFIX_BYTES if lpm else 0):
        raise CannotOffload("a map needs a key of at least one bit", table.span)
    return tuple(parts)


def _action_parts(program: ir.Program, actions: Sequence[ir.Action]) -> tuple[ActionPart, ...]:
    parts, at = [], ACTION_BYTES
    for index, action in enumerate(actions):
        args = []
        for param in action.params:
            if param.direction:
                continue
            width = scalar_width(param.type)
            if width is None:
                raise CannotOffload("an argument of this type has no fixed width", param.span)
            args.append(ArgPart(param.name, width, at, bytes_for(width)))
            at += bytes_for(width)
        parts.append(ActionPart(index, action, tuple(args)))
    return tuple(parts)


def _entries_map(
    program: ir.Program,
    table: ir.Table,
    name: str,
    keys: tuple[KeyPart, ...],
    value_size: int,
    value_fields: tuple[Field, ...],
) -> MapDef:
    trie = any(part.lpm for part in keys)
    names: set[str] = set()
    fields = [Field(_unused("prefixlen", names), 0, PREFIX_BYTES)] if trie else []
    fields += [Field(_unused(identifier(part.name), names), part.offset, part.size) for part in keys if part.size]
    return MapDef(
        name,
        "lpm_trie" if trie else "hash",
        keys[-1].offset + keys[-1].size,
        value_size,
        max(1, table_size(program, table)),
        F_NO_PREALLOC if trie else 0,
        tuple(fields),
        value_fields,
    )


def table_size(program: ir.Program, table: ir.Table) -> int:
    """How many entries the table must hold: what the source says, else 1024."""
    size = said_size(program, table)
    return DEFAULT_SIZE if size is None else size


def said_size(program: ir.Program, table: ir.Table) -> int | None:
    """How many entries the source says that the table holds: its ``size``, else what its implementation says."""
    if table.size is not None:
        return table.size
    for item in table.properties:
        if item.name == "implementation" and isinstance(item.value, str):
            size = dict(program.instance(item.value).args).get("size")
            if isinstance(size, ir.Const) and isinstance(size.value, int):
                return int(size.value)
    return None


def _value_fields(actions: tuple[ActionPart, ...], grouped: int | None) -> tuple[Field, ...]:
    """The fields of a table's values; ``grouped``: their size, if they end in the number of a group."""
    names: set[str] = set()
    fields = [Field(_unused("action", names), 0, ACTION_BYTES)]
    for part in actions:
        fields += [
            Field(_unused(f"{identifier(part.action.name)}_{identifier(arg.param)}", names), arg.offset, arg.size)
            for arg in part.args
            if arg.size
        ]
    if grouped is not None:
        fields.append(Field(_unused("group", names), grouped - sel.GROUP_BYTES, sel.GROUP_BYTES))
    return tuple(fields)


# --- entries as terms -----------------------------------------------------------------------------------------------


def host_order(value: Term) -> Term:
    """The bytes of ``value`` (whole bytes) as they lie in the memory of a little-endian host, first one highest."""
    return b.concat(*(b.extract(value, low + 7, low) for low in range(0, value.width, 8)))


def key_bytes(layout: TableLayout, values: Sequence[Term | None], prefix: Term | None = None) -> Term:
    """The map key for one value per P4 key, in the table's order (None for a key of width 0); first byte highest.

    Args:
        layout: of a table whose rules lie in a map.
        values: the keys' values, each as wide as its key.
        prefix: of a trie, the length of the lpm key's prefix in bits (32 bits); None: all of the trie's key, as a
            lookup asks.
    """
    parts = []
    if layout.trie:
        data_bits = 8 * sum(part.size for part in layout.keys)
        lpm_size = next(part.size for part in layout.keys if part.lpm)
        length = b.bv(data_bits, 32) if prefix is None else b.add(prefix, b.bv(data_bits - 8 * lpm_size, 32))
        parts.append(host_order(length))
    for part in layout.keys:
        value = values[part.index]
        if value is None:
            continue
        pad = 8 * part.size - value.width
        if not pad:
            parts.append(value)
        else:
            parts += [value, b.bv(0, pad)] if part.lpm else [b.bv(0, pad), value]
    return b.concat(*parts)


def value_bytes(
    layout: TableLayout,
    number: Term,
    args: Mapping[tuple[int, int], Term],
    profile: Term | None = None,
    group: Term | None = None,
) -> Term:
    """The map value with action ``number`` (32 bits) and arguments by (action's index, argument's place); first byte
    of memory highest. Arguments that are not given are 0, and so is what ``profile`` (32 bits) gives of tables whose
    entries have one, and what ``group`` (the bytes of a group's number) gives of tables with a selector."""
    parts = [member_bytes(layout, number, args)]
    if layout.profile_bits:
        parts.append(b.bv(0, 8 * PROFILE_BYTES) if profile is None else host_order(profile))
    if layout.selector is not None:
        parts.append(b.bv(0, 8 * sel.GROUP_BYTES) if group is None else group)
    return b.concat(*parts)


def member_bytes(layout: TableLayout, number: Term, args: Mapping[tuple[int, int], Term]) -> Term:
    """As :func:`value_bytes`, without what lies behind the arguments: the value of a member of a group."""
    parts = [host_order(number)]
    for action in layout.actions:
        for place, arg in enumerate(action.args):
            if arg.size:
                given = args.get((action.index, place))
                parts.append(b.bv(0, 8 * arg.size) if given is None else b.zext(given, 8 * arg.size))
    return b.concat(*parts)


def fill(
    layout: TableLayout, values: Sequence[Term | None], prefix: Term | None, action: int, args: Sequence[Term]
) -> tuple[Term, Term]:
    """The entry (key, value) for a rule.

    Args:
        layout: of a table whose rules lie in a map.
        values: per key in the table's order the value to match (of the lpm key: with zeros below the prefix).
        prefix: the length of the lpm key's prefix, 32 bits; None if the table has no lpm key.
        action: the action's place in ``Table.actions``.
        args: the control plane's arguments.
    """
    placed = {(action, place): arg for place, arg in enumerate(args)}
    return key_bytes(layout, values, prefix), value_bytes(layout, b.bv(action + 1, 32), placed)


# --- entries as bytes -----------------------------------------------------------------------------------------------

Entries = list[tuple[bytes, bytes]]
"""Keys and values, in the order in which they are written."""


def term_bytes(term: Term) -> bytes:
    """The bytes of a literal."""
    return term.value.to_bytes(term.width // 8, "big")


def action_bytes(layout: TableLayout, answer: Answer) -> bytes:
    """The map value for a concrete answer: a call, or a group of the table's selector."""
    if isinstance(answer, GroupRef):
        group = b.bv(int.from_bytes(answer.group.to_bytes(sel.GROUP_BYTES, "little"), "big"), 8 * sel.GROUP_BYTES)
        return term_bytes(value_bytes(layout, b.bv(layout.group_number, 32), {}, group=group))
    return term_bytes(value_bytes(layout, *_called(layout, answer)))


def _called(layout: TableLayout, call: ActionCall) -> tuple[Term, dict[tuple[int, int], Term]]:
    part = layout.action_named(call.action)
    given = zip(part.args, call.args, strict=True)
    return b.bv(part.number, 32), {(part.index, i): b.bv(v, a.width) for i, (a, v) in enumerate(given) if a.width}


def _fill_groups(layout: TableLayout, selector: sel.Selector, rules: RuleSet) -> dict[str, Entries]:
    """The maps of a table's selector. Raises InputError: the groups have more members than there is room for."""
    groups: Entries = []
    members: Entries = []
    listed = {part.action.name for part in layout.actions}
    name = selector.instance.name
    for number in sorted(rules.profiles[name].groups) if name in rules.profiles else ():
        calls = rules.members(GroupRef(name, number))
        key = number.to_bytes(sel.GROUP_BYTES, "little")
        if calls:
            groups.append((key, len(calls).to_bytes(sel.COUNT_BYTES, "little")))
        for place, call in enumerate(calls):
            if call.action in listed:  # other tables of the selector may do more
                value = term_bytes(member_bytes(layout, *_called(layout, call)))
                members.append((key + place.to_bytes(sel.PLACE_BYTES, "little"), value))
    if max(len(groups), len(members)) > selector.room:
        text = f"{len(members)} members of groups, and action selector {name} has room for"
        raise InputError.at(NOWHERE, f"{text} {selector.room}")
    return {selector.groups.name: groups, selector.members.name: members}


def fill_rule(layout: TableLayout, rule: Rule) -> tuple[bytes, bytes]:
    """The entry for a concrete rule.

    Raises:
        InputError: the rule matches in a way that the table's keys do not.
    """
    values: list[Term | None] = []
    prefix: Term | None = None
    for part, match in zip(layout.in_order(), rule.matches, strict=True):
        value, length = _match_value(part, match, rule)
        values.append(b.bv(value, part.width) if part.width else None)
        if part.lpm:
            prefix = b.bv(length, 32)
    return term_bytes(key_bytes(layout, values, prefix if layout.trie else None)), action_bytes(layout, rule.action)


def _match_value(part: KeyPart, match: Match, rule: Rule) -> tuple[int, int]:
    """The value and (of lpm keys) the prefix length that ``match`` stands for."""
    if isinstance(match, Exact):
        return match.value, part.width
    if isinstance(match, Lpm) and part.lpm:
        return match.value, match.prefix_len
    raise InputError.at(rule.span, f"key {part.name} of table {rule.table} cannot be matched like this")


def _fill_member(layout: TableLayout, member: Sequence[Match]) -> tuple[bytes, bytes]:
    """The element for a member of a value set. Raises InputError."""
    values = []
    for part, match in zip(layout.in_order(), member, strict=True):
        if not isinstance(match, Exact):
            text = f"a member of value set {layout.table.control_name} cannot be matched like this"
            raise InputError.at(layout.table.span, text)
        values.append(b.bv(match.value, part.width))
    return term_bytes(key_bytes(layout, values)), bytes(ACTION_BYTES)


def rule_pairs(layout: TableLayout, rule: Rule) -> list[sl.Pair]:
    """What a rule in a slot says of each key, in the table's order.

    Raises:
        InputError: the rule matches in a way that the table's keys do not.
    """
    pairs = []
    for part, match in zip(layout.keys, rule.matches, strict=True):
        pair = sl.pair_of(match, part.width, layout.table.keys[part.index].match_kind)
        if pair is None:
            raise InputError.at(rule.span, f"key {part.name} of table {rule.table} cannot be matched like this")
        pairs.append(pair)
    return pairs


def _fill_slots(layout: TableLayout, entries: MapDef, slots: Slots, rules: Sequence[Rule]) -> dict[str, Entries]:
    """Both arrays of a table with slots. Raises InputError: there are more rules than slots."""
    if len(rules) > slots.room:
        text = f"{len(rules)} entries, and table {layout.table.control_name} has room for {slots.room}"
        raise InputError.at(rules[slots.room].span, text)
    values = [(slot.to_bytes(4, "little"), action_bytes(layout, rule.action)) for slot, rule in enumerate(rules)]
    bits = sl.elements(slots, [rule_pairs(layout, rule) for rule in rules])
    return {entries.name: values, slots.bits.name: list(bits)}


def fill_maps(program: ir.Program, rules: RuleSet, maps: Container[str] = ()) -> dict[str, Entries]:
    """Map's name → what the control plane writes into it for ``rules`` (entries of the source included); ``maps`` as
    for :func:`layouts`."""
    out: dict[str, Entries] = {}
    for name, item in layouts(program, rules, maps).items():
        if item.members and item.entries is not None:
            out[item.entries.name] = [_fill_member(item, member) for member in rules.value_sets.get(name, ())]
        elif item.entries is not None and item.slots is not None:
            out |= _fill_slots(item, item.entries, item.slots, rules.of(name))
        elif item.entries is not None:
            # Keys may repeat; the first rule wins, and what is written last stays.
            out[item.entries.name] = [fill_rule(item, rule) for rule in reversed(rules.of(name))]
        if item.selector is not None:
            out |= _fill_groups(item, item.selector, rules)
        if item.default is not None:
            call = rules.defaults.get(name) or source_default(item.table)
            if default_index(item.table) is not None or name in rules.defaults:
                out[item.default.name] = [(bytes(4), action_bytes(item, call))]
    return out


def default_index(table: ir.Table) -> int | None:
    """The place of the source's default action in the table's list; None if it is not listed."""
    return next((i for i, ref in enumerate(table.actions) if ref.action == table.default.action), None)


def source_default(table: ir.Table) -> ActionCall:
    """The default action of the source, as a call."""
    return ActionCall(table.default.action, tuple(_constant(arg) for arg in table.default.args))


def _constant(expr: ir.Expr) -> int:
    if isinstance(expr, ir.Const) and isinstance(expr.value, int):
        return int(expr.value) & ((1 << width) - 1) if (width := ir.width_of(expr.type)) else 0
    raise CannotOffload("the default action's argument is no number", expr.span)
