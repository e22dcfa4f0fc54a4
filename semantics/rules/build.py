"""Making rule sets: entries of the source and of the control plane merged in the order in which they win.

How entries of a table win (P4-16 spec, "Entry priorities"; behavioral-model's ``docs/simple_switch.md``):

* all keys exact: keys are unique, the order does not matter;
* exact and one lpm key: the longest prefix;
* else by priority, highest rank first; among equals the one listed, or inserted, first (the specifications leave it
  open). A *rank* is a number of which higher ones win; each format's reader turns its priorities into ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .. import ir
from ..source import InputError, Span, Unsupported
from .profiles import Profiles
from .replication import ReplicationTable, initial_sessions
from .ruleset import ActionCall, Answer, Exact, GroupRef, Lpm, Match, Range, Rule, RuleSet, Ternary
from .values import constant, key_bits, leaves

SELECTOR = "selector"
"""The match kind of the keys that choose a member of a group."""


# --- what kind of table ---------------------------------------------------------------------------------------------


def match_keys(table: ir.Table) -> tuple[ir.Key, ...]:
    """The keys that entries match on: all but those that only choose among the members of a group."""
    return tuple(key for key in table.keys if key.match_kind != SELECTOR)


def selector_keys(table: ir.Table) -> tuple[ir.Key, ...]:
    """The keys by which an action selector chooses a member of a group."""
    return tuple(key for key in table.keys if key.match_kind == SELECTOR)


def by_prefix(table: ir.Table) -> bool:
    """Whether the longest prefix wins: no key is ternary, range or optional, and one is lpm."""
    kinds = [key.match_kind for key in match_keys(table)]
    return "lpm" in kinds and all(kind in ("exact", "lpm") for kind in kinds)


def needs_priority(table: ir.Table) -> bool:
    """Whether entries need priorities to tell which wins."""
    return any(key.match_kind not in ("exact", "lpm") for key in match_keys(table))


def found_by_key(table: ir.Table) -> bool:
    """Whether each key has an entry of its own, or one that its leading bits tell: of exact keys and at most one lpm
    key. Of any other table a key does not say which entry it meets."""
    kinds = [key.match_kind for key in match_keys(table)]
    return set(kinds) <= {"exact", "lpm"} and kinds.count("lpm") <= 1


# --- entries of the source ------------------------------------------------------------------------------------------


def keyset_match(program: ir.Program, keyset: ir.KeySet, key: ir.Key) -> Match | None:
    """A set of an entry as a match of its key's kind; None if it is empty (a range with low > high).

    Raises:
        Unsupported: the set is none that a rule can express.
    """
    width = key_bits(key.expr.type, key.span)
    full = (1 << width) - 1
    match keyset:
        case ir.AnySet():
            if key.match_kind == "lpm":
                return Lpm(0, 0)
            return Range(0, full) if key.match_kind == "range" else Ternary(0, 0)
        case ir.ValueSet(value):
            return value_match(key.match_kind, constant(program, value), width)
        case ir.MaskSet(value, mask):
            bits = constant(program, mask)
            return _mask_match(key.match_kind, constant(program, value) & bits, bits, width, keyset.span)
        case ir.RangeSet(low, high):
            return _range(program, low, high, key)
    raise Unsupported("a value set in an entry", keyset.span)


def value_match(kind: str, value: int, width: int) -> Match:
    """The match of just one value."""
    match kind:
        case "lpm":
            return Lpm(value, width)
        case "range":
            return Range(value, value)
        case "exact":
            return Exact(value)
    return Ternary(value, (1 << width) - 1)


def _mask_match(kind: str, value: int, mask: int, width: int, span: Span) -> Match:
    if kind != "lpm":
        return Ternary(value, mask)
    length = prefix_length(mask, width)
    if length is None:
        raise InputError.at(span, f"the mask {mask:#x} of an lpm key is no prefix")
    return Lpm(value, length)


def prefix_length(mask: int, width: int) -> int | None:
    """How many leading bits a mask sets; None if it is no prefix."""
    length = mask.bit_count()
    return length if mask == ((1 << length) - 1) << (width - length) else None


def _range(program: ir.Program, low: ir.Expr, high: ir.Expr, key: ir.Key) -> Match | None:
    start, end = constant(program, low), constant(program, high)
    type_ = ir.bare(key.expr.type)
    signed = isinstance(type_, ir.BitsType) and type_.signed
    if signed:
        half = 1 << (type_.width - 1) if isinstance(type_, ir.BitsType) else 0
        if (start ^ half) > (end ^ half):
            return None
        if start > end:
            raise Unsupported("a range of a signed key from negative to positive", key.span)
    return Range(start, end) if start <= end else None


def source_priorities(table: ir.Table) -> list[int]:
    """The priority of each entry of the source, as the specification computes those that are not given."""
    delta = 1
    for item in table.properties:
        if item.name == "priority_delta" and isinstance(item.value, ir.Const):
            delta = int(item.value.value)
    count = len(table.entries)
    step = -delta if table.largest_priority_wins else delta
    if all(entry.priority is None for entry in table.entries):
        first = 1 + delta * (count - 1) if table.largest_priority_wins else 1
        return [first + step * i for i in range(count)]
    priorities: list[int] = []
    for entry in table.entries:
        given = entry.priority
        priorities.append(given if given is not None else (priorities[-1] + step if priorities else 1))
    return priorities


def bmv2_priorities(table: ir.Table) -> list[int] | None:
    """Ranks by p4c's own ``@priority`` on entries, if there is one: the smallest wins, others count from 1."""
    given: list[int | None] = []
    for entry in table.entries:
        number = None
        for annotation in entry.annotations:
            if annotation.name == "priority":
                text = annotation.body if annotation.body is not None else ""
                values = [v for v in annotation.values if isinstance(v, int)]
                number = values[0] if values else int(text) if text.strip().isdecimal() else None
        given.append(number)
    if all(number is None for number in given):
        return None
    return [-(number if number is not None else i + 1) for i, number in enumerate(given)]


def source_entries(program: ir.Program, table: ir.Table) -> tuple[Rule, ...]:
    """The entries of the source, first winner first."""
    entries = _ranked_source(program, table)
    return tuple(rule for _, rule in _in_order(table, entries))


def _ranked_source(program: ir.Program, table: ir.Table, ranks: Sequence[int] | None = None) -> list[tuple[int, Rule]]:
    """The entries of the source with their ranks: those given, or P4Runtime's."""
    ranked = []
    priorities = source_priorities(table)
    if ranks is None:
        ranks = bmv2_priorities(table) or [p if table.largest_priority_wins else -p for p in priorities]
    for entry, priority, rank in zip(table.entries, priorities, ranks, strict=True):
        sets = entry.sets
        if len(sets) == 1 and isinstance(sets[0], ir.AnySet):
            sets = (sets[0],) * len(table.keys)
        pairs = zip(sets, table.keys, strict=True)
        matches = [keyset_match(program, s, k) for s, k in pairs if k.match_kind != SELECTOR]
        if any(match is None for match in matches):
            continue
        args = _arguments(program, entry.action.args)
        found = tuple(match for match in matches if match is not None)
        rule = Rule(table.control_name, found, ActionCall(entry.action.action, args), priority, entry.span)
        ranked.append((rank, rule))
    return ranked


def _in_order(table: ir.Table, ranked: Sequence[tuple[int, Rule]]) -> list[tuple[int, Rule]]:
    """Ranked entries in the order in which they win."""
    if by_prefix(table):
        return sorted(ranked, key=lambda pair: -prefix_sum(pair[1]))
    if needs_priority(table):
        return sorted(ranked, key=lambda pair: -pair[0])
    return list(ranked)


def prefix_sum(rule: Rule) -> int:
    """The prefix lengths of a rule's lpm keys, added up."""
    return sum(match.prefix_len for match in rule.matches if isinstance(match, Lpm))


# --- building -------------------------------------------------------------------------------------------------------

Identity = tuple[int, tuple[Match, ...]]
"""What a table has one entry of: rank (0 where the table has no priorities) and matches."""


@dataclass(frozen=True, slots=True)
class MemberRef:
    """In place of an action while a rule set is made: the member of an action profile, whatever it is in the end."""

    profile: str
    member: int


Target = Answer | MemberRef
"""What a reader installs; :meth:`Builder.finish` resolves members to their actions."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An entry as it stands in a table: ``rule.action`` is a stand-in where ``target`` is a member."""

    rank: int
    rule: Rule
    target: Target


@dataclass
class Builder:
    """Collects what a control plane installs and makes a :class:`RuleSet` of it and the source's entries."""

    program: ir.Program
    defaults: dict[str, tuple[Target, Span]] = field(default_factory=dict)
    value_sets: dict[str, list[tuple[Match, ...]]] = field(default_factory=dict)
    source_rank: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Ranks of a table's source entries in the format's own scale, where they differ from P4Runtime's."""
    replication: ReplicationTable = field(default_factory=ReplicationTable)
    cells: dict[str, dict[int, int]] = field(default_factory=dict)
    entry_cells: dict[str, dict[Identity, dict[str, int]]] = field(default_factory=dict)
    """What entries' own cells (direct counters) hold: table → entry → state's name → value."""
    _installed: dict[str, dict[Identity, Installed]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.profiles = Profiles(self.program)

    def installed(self, table: ir.Table) -> dict[Identity, Installed]:
        """The entries of a table as they stand, the source's first."""
        name = table.control_name
        if name not in self._installed:
            ranked = _ranked_source(self.program, table, self.source_rank.get(name))
            entries: dict[Identity, Installed] = {}
            for rank, rule in ranked:  # of two alike in the source the first wins, so the other is never met
                entries.setdefault(identity(table, rule, rank), Installed(rank, rule, rule.action))
            self._installed[name] = entries
        return self._installed[name]

    def add(self, table: ir.Table, rule: Rule, rank: int, target: Target | None = None) -> Identity:
        """Install an entry that does ``target`` (None: ``rule.action``).

        Raises:
            InputError: the table's entries are constant, or it has this entry already.
        """
        self._changeable(table, rule.span)
        if not match_keys(table):
            raise InputError.at(rule.span, f"table {table.control_name} has no keys, so it has no entries")
        entries, which = self.installed(table), identity(table, rule, rank)
        if which in entries:
            raise InputError.at(rule.span, f"table {table.control_name} has this entry already")
        entries[which] = Installed(rank, rule, rule.action if target is None else target)
        return which

    def modify(self, table: ir.Table, which: Identity, target: Target, span: Span) -> None:
        """Change what an entry does. Raises InputError if there is none, or it is constant."""
        old = self._existing(table, which, span)
        rule = replace(old.rule, action=stand_in(target), span=span)
        self.installed(table)[which] = Installed(old.rank, rule, target)

    def remove(self, table: ir.Table, which: Identity, span: Span) -> None:
        """Remove an entry. Raises InputError if there is none, or it is constant."""
        self._existing(table, which, span)
        del self.installed(table)[which]
        self.entry_cells.get(table.control_name, {}).pop(which, None)

    def _changeable(self, table: ir.Table, span: Span) -> None:
        if table.const_entries:
            raise InputError.at(span, f"the entries of table {table.control_name} are constant")

    def _existing(self, table: ir.Table, which: Identity, span: Span) -> Installed:
        self._changeable(table, span)
        found = self.installed(table).get(which)
        if found is None:
            raise InputError.at(span, f"table {table.control_name} has no such entry")
        if any(entry.const and entry.span == found.rule.span for entry in table.entries):
            raise InputError.at(span, f"this entry of table {table.control_name} is constant")
        return found

    def is_in_source(self, table: ir.Table, rule: Rule) -> bool:
        """Whether the source has this very entry, priority included: a dump of all entries repeats them."""
        ranked = needs_priority(table)
        return any(
            other == replace(rule, priority=other.priority) and (not ranked or other.priority == rule.priority)
            for _, other in _ranked_source(self.program, table, self.source_rank.get(table.control_name))
        )

    def set_default(self, table: ir.Table, target: Target, span: Span) -> None:
        """Change a table's default action. Raises InputError if it is constant."""
        if table.const_default:
            raise InputError.at(span, f"the default action of table {table.control_name} is constant")
        self.defaults[table.control_name] = target, span

    def reset_default(self, table: ir.Table) -> None:
        """The default action is that of the source again."""
        self.defaults.pop(table.control_name, None)

    def clear(self, table: ir.Table, span: Span) -> None:
        """Remove all entries. Raises InputError if they are constant."""
        if table.const_entries or any(entry.const for entry in table.entries):
            raise InputError.at(span, f"entries of table {table.control_name} are constant")
        self._installed[table.control_name] = {}
        self.entry_cells.pop(table.control_name, None)

    def finish(self) -> RuleSet:
        """The rule set of every table.

        Raises:
            InputError: an entry names a member or group that its action profile does not have.
        """
        entries = {}
        cells = {name: dict(values) for name, values in self.cells.items() if values}
        for _, table in self.program.tables():
            ranked = [(item.rank, self._resolved(table, item)) for item in self.installed(table).values()]
            in_order = _in_order(table, ranked)
            if ranked:
                entries[table.control_name] = tuple(rule for _, rule in in_order)
            counts = self.entry_cells.get(table.control_name, {})
            for number, (rank, rule) in enumerate(in_order):
                for name, value in counts.get(identity(table, rule, rank), {}).items():
                    cells.setdefault(name, {})[number] = value
        tables = {table.control_name: table for _, table in self.program.tables()}
        defaults = {name: self._answer(tables[name], *given) for name, given in self.defaults.items()}
        return RuleSet(
            entries,
            defaults,
            {name: tuple(members) for name, members in self.value_sets.items()},
            self.replication.multicast(),
            {**initial_sessions(self.program), **self.replication.sessions()},
            self.profiles.finish(),
            cells,
        )

    def _resolved(self, table: ir.Table, item: Installed) -> Rule:
        if isinstance(item.target, ActionCall):
            return item.rule
        return replace(item.rule, action=self._answer(table, item.target, item.rule.span))

    def _answer(self, table: ir.Table, target: Target, span: Span) -> Answer:
        match target:
            case MemberRef(profile, member):
                return self.profiles.member(profile, member, table, span)
            case GroupRef(profile, group):
                self.profiles.group(profile, group, table, span)
        return target


def identity(table: ir.Table, rule: Rule, rank: int) -> Identity:
    """What tells an entry from the table's others."""
    return (rank if needs_priority(table) else 0, rule.matches)


def stand_in(target: Target) -> Answer:
    """What ``Rule.action`` holds until a member is resolved."""
    return ActionCall("") if isinstance(target, MemberRef) else target


def default_call(program: ir.Program, table: ir.Table) -> ActionCall:
    """The default action of the source. Raises Unsupported for arguments that are not constant."""
    return ActionCall(table.default.action, _arguments(program, table.default.args))


def _arguments(program: ir.Program, args: Sequence[ir.Expr]) -> tuple[int, ...]:
    """Arguments in the source as what the control plane would give."""
    return tuple(leaf for arg in args for leaf in leaves(program, arg))


def program_rules(program: ir.Program) -> RuleSet:
    """What a program holds when it is loaded: the entries of its source, and nothing else."""
    return Builder(program).finish()


def check_match(table: ir.Table, key: ir.Key, match: Match, span: Span) -> Match:
    """``match`` normalised for ``key``.

    Raises:
        InputError: a value that does not fit the key's width, or a kind of match that the key does not have.
    """
    width = key_bits(key.expr.type, key.span)
    name = f"key {key.name} of table {table.control_name}"
    numbers = {
        Exact: lambda m: (m.value,),
        Lpm: lambda m: (m.value,),
        Ternary: lambda m: (m.value, m.mask),
        Range: lambda m: (m.low, m.high),
    }[type(match)](match)  # type: ignore[no-untyped-call]
    for number in numbers:
        if not 0 <= number < 1 << width:
            raise InputError.at(span, f"{number:#x} does not fit the {width} bits of {name}")
    if key.match_kind == "optional":
        if isinstance(match, Exact):
            return Ternary(match.value, (1 << width) - 1)
        if isinstance(match, Ternary) and match.mask in (0, (1 << width) - 1):
            return replace(match, value=match.value & match.mask)
    wanted = {"exact": Exact, "lpm": Lpm, "ternary": Ternary, "range": Range}.get(key.match_kind)
    if wanted is None or not isinstance(match, wanted):
        raise InputError.at(span, f"{name} is {key.match_kind}, not {type(match).__name__.lower()}")
    return _normal(match, width, name, span)


def _normal(match: Match, width: int, name: str, span: Span) -> Match:
    match match:
        case Lpm(value, prefix_len):
            if not 0 <= prefix_len <= width:
                raise InputError.at(span, f"a prefix of {prefix_len} bits for the {width} bits of {name}")
            kept = ((1 << prefix_len) - 1) << (width - prefix_len)
            return Lpm(value & kept, prefix_len)
        case Ternary(value, mask):
            return Ternary(value & mask, mask)
        case Range(low, high) if low > high:
            raise InputError.at(span, f"the range {low:#x} to {high:#x} of {name} is empty")
    return match
