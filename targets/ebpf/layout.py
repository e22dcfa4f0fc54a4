"""Where the rules of a table lie: the maps, and what their keys and values are made of.

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
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...semantics import ir
from ...semantics.ir.traverse import mentioned
from ...semantics.rules.build import found_by_key, source_entries
from ...semantics.rules.ruleset import Rule, RuleSet
from ...semantics.rules.values import ENUM_BITS, value_set_widths
from ...semantics.source import Unsupported
from ..base import CannotOffload
from . import selectors as sel
from . import slots as sl
from .artifact import Field, MapDef
from .artifact.program import F_NO_PREALLOC
from .slots import Slots

DEFAULT_SIZE: Final = 1024
"""Entries of a table whose source does not say how many."""

MATCH_KINDS: Final = frozenset({"exact", "lpm", "ternary", "range", "optional"})
MOST_COMPILED_IN: Final = sl.WORD_BITS
"""Rules of a table in the code, where they could lie in slots too. The kernel's verifier goes through the rules behind
each one with what it knows there of the key: its steps grow with their square, and 1,000 rules are too many for it."""
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


def layouts(
    program: ir.Program, rules: RuleSet | None = None, maps: Container[str] | None = None
) -> dict[str, TableLayout]:
    """The layout of every table and value set, by its control-plane name. Tables with const entries have them compiled
    in. So have those whose keys no map matches, when there are rules: in an artifact that is there, unless it has the
    slots for them; in one that is made, unless there are many and slots can hold them.

    Args:
        program: the program.
        rules: what is compiled in where no map matches; None: all tables but those with const entries lie in maps.
        maps: names of maps that an artifact has; None: it is being made.

    Raises:
        CannotOffload: maps cannot hold a table's rules; names the key or parameter.
    """
    names = _Names()
    taken = names.taken
    tables = {}
    for control, table in program.tables():
        if maps is not None:
            slots = _unused(_bits_name(table), set(taken)) in maps
        else:
            slots = rules is not None and _rather_slots(program, control, table, len(rules.of(table.control_name)))
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
    return not found_by_key(table)


def _rather_slots(program: ir.Program, control: ir.Control, table: ir.Table, count: int) -> bool:
    """Whether so many rules of a table that no map of the kernel matches are kept in slots, though they are known."""
    if count <= MOST_COMPILED_IN or not in_slots(table):
        return False
    try:
        slots = layout(program, control, table, _Names()).slots
    except CannotOffload:
        return False
    return slots is not None and count <= slots.room


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
    first = next(calls_by_actions(program, control, table, ADDS), None)
    return (scalar_width(first.params[-1].type) or 0) if first is not None else 0


def calls_by_actions(
    program: ir.Program, control: ir.Control, table: ir.Table, externs: Container[str]
) -> Iterator[ir.ExternCall]:
    """The calls of these externs by a table's actions."""
    known = {action.name: action for action in (*program.actions, *control.actions)}
    for name in dict.fromkeys((*(ref.action for ref in table.actions), table.default.action)):
        for node in mentioned(known[name]) if name in known else ():
            if isinstance(node, ir.ExternCall) and not node.method and node.extern in externs:
                yield node


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
