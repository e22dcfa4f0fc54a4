"""How rules become map entries: the entry for one rule, as terms, and the contents of all maps of a program.

Where the parts of keys and values lie is told by :mod:`.layout`. Everything that depends on a rule is a term, so that a
rule with symbolic values gives a symbolic entry (what :mod:`.relate_laws` proves laws about) and a concrete rule folds
to bytes (:func:`fill_maps`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.rules.ruleset import ActionCall, Answer, Exact, GroupRef, Lpm, Match, Rule, RuleSet
from ...semantics.source import NOWHERE, InputError
from ..base import CannotOffload
from . import selectors as sel
from . import slots as sl
from .artifact import MapDef
from .layout import ACTION_BYTES, PROFILE_BYTES, KeyPart, TableLayout, layouts
from .slots import Slots

# --- entries as terms -----------------------------------------------------------------------------------------------


def host_order(value: Term) -> Term:
    """The bytes of ``value`` (whole bytes) as they lie in the memory of a little-endian host, first one highest."""
    if value.is_const:
        size = value.width // 8
        return b.bv(int.from_bytes(value.value.to_bytes(size, "little"), "big"), value.width)
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


def fill_maps(program: ir.Program, rules: RuleSet, maps: Container[str] | None = None) -> dict[str, Entries]:
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
            source = source_default(item.table)
            call = rules.defaults.get(name, source)
            # One that the table does not list can only be the source's, with its arguments: the code does that where
            # the map holds zeros.
            if default_index(item.table) is not None or call != source:
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
