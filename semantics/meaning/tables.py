"""Match-action tables (P4-16 spec, "Match-action unit execution semantics").

Without rules a lookup is uninterpreted (:mod:`.lookup`), save for tables with ``const entries``; with rules, the first
entry that matches, in the order in which entries win, decides. An action that can be reached in several ways (by a hit
or as the default) runs once, with the arguments chosen among.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import bits as b
from .. import ir
from ..bits import Term
from ..p4info.names import param_name
from ..rules.build import SELECTOR, found_by_key, match_keys, source_entries
from ..rules.decide import first, match_text
from ..rules.ruleset import ActionCall, Answer, GroupRef, Rule
from ..source import Span, Unsupported
from . import lookup
from .action_data import action_leaves, argument_terms, control_params, param_leaves, param_value
from .calls import VOID, Argument, bind, find_action, run_action
from .dispatch import evaluates
from .keysets import matches
from .machine import Machine
from .opened import Lookup
from .selectors import key_of, pick
from .trace import place
from .values import Scalar, Value, boolean

MATCH_KINDS = frozenset({"exact", "lpm", "ternary", "range", "optional", SELECTOR})


@dataclass(frozen=True, slots=True)
class Chosen:
    """A way to run action ``number`` (an index into :func:`table_actions`): where ``when``, with these arguments."""

    number: int
    when: Term
    args: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A lookup among entries that are known: whether one matches; action's number → where it is what the winner
    does, with its arguments there; the winner's number, for tables that count their hits."""

    hit: Term
    chosen: Mapping[int, tuple[Term, tuple[Term, ...]]]
    entry: Term | None


@dataclass(frozen=True, slots=True)
class Keys:
    """The values of a table's keys: all of them in order, those that entries match on, and the selector's key."""

    all: list[Term]
    match: list[Term]
    selector: Term | None

    @classmethod
    def of(cls, m: Machine, table: ir.Table) -> Keys:
        """Evaluate the keys."""
        terms = [key_term(m, key) for key in table.keys]
        kinds = [key.match_kind for key in table.keys]
        match = [t for t, kind in zip(terms, kinds, strict=True) if kind != SELECTOR]
        return cls(terms, match, key_of([t for t, kind in zip(terms, kinds, strict=True) if kind == SELECTOR]))


def table_actions(table: ir.Table) -> tuple[ir.ActionRef, ...]:
    """The table's actions; its default action comes last if the list does not name it."""
    if any(ref.action == table.default.action for ref in table.actions):
        return table.actions
    return (*table.actions, ir.ActionRef(table.default.action, default_only=True))


def action_number(m: Machine, table: str, action: str) -> int:
    """The index of an action in :func:`table_actions` of the table in scope."""
    for number, ref in enumerate(table_actions(m.tables[table])):
        if ref.action == action:
            return number
    raise Unsupported(f"{action} is no action of {table}")


@evaluates(ir.TableApply)
def _apply(m: Machine, node: ir.TableApply) -> Value:
    if m.state.dead:
        return VOID if node.result == "" else boolean(b.FALSE)
    table = m.tables[node.table]
    keys = Keys.of(m, table)
    hit, run, matched = _look_up(m, table, keys, node.span)
    hit = m.decide(hit)
    for hook in m.on_hit:
        hook(m, table, keys.match, hit, matched)
    if m.trace is not None:
        _trace(m, table, keys, hit, run, node.span)
    ran = _run(m, table, run, node.span)
    match node.result:
        case "hit":
            return boolean(hit)
        case "miss":
            return boolean(b.not_(hit))
        case "action_run":
            return Scalar(ran)
    return VOID


def key_term(m: Machine, key: ir.Key) -> Term:
    """A key's value as a bit-vector (bool: one bit)."""
    if key.match_kind not in MATCH_KINDS and not m.opaque:
        raise Unsupported(f"match kind {key.match_kind}", key.span)
    value = m.read(m.eval(key.expr), key.span)
    return b.from_bool(value) if value.sort is b.BOOL else value


def _run(m: Machine, table: ir.Table, ways: Sequence[Chosen], span: Span) -> Term:
    """Run the actions chosen, each once; the number of the one that ran."""
    actions = table_actions(table)
    by_action: dict[int, list[Chosen]] = {}
    for way in ways:
        if way.when is not b.FALSE:
            by_action.setdefault(way.number, []).append(way)
    cases = []
    ran = b.bv(0, lookup.ACTION_BITS)
    for number, chosen in by_action.items():
        when, args = _either(chosen)
        cases.append((when, partial(_run_action, m, actions[number], args, span)))
        ran = b.ite(when, b.bv(number, lookup.ACTION_BITS), ran)
    if cases:  # exactly one way is taken, so the last one needs no condition
        cases[-1] = (b.TRUE, cases[-1][1])
    m.choose(cases)
    return ran


def _either(ways: Sequence[Chosen]) -> tuple[Term, tuple[Term, ...]]:
    """Where one of the ways (which exclude each other) is taken, and its arguments; halves are combined."""
    level = [(way.when, way.args) for way in ways]
    while len(level) > 1:
        joined = []
        for i in range(0, len(level) - 1, 2):
            (when, args), (other, others) = level[i], level[i + 1]
            both = tuple(b.ite(when, x, y) for x, y in zip(args, others, strict=True))
            joined.append((b.or_(when, other), both))
        if len(level) % 2:
            joined.append(level[-1])
        level = joined
    return level[0]


def _run_action(m: Machine, ref: ir.ActionRef, args: tuple[Term, ...], span: Span) -> None:
    action = action_of(m, ref, span)
    directed = [p for p in action.params if p.direction]
    arguments = bind(m, directed, ref.args, span)
    terms = iter(args)
    arguments += [Argument(param, param_value(m, param, terms)) for param in control_params(action)]
    run_action(m, action, arguments, span)


def action_of(m: Machine, ref: ir.ActionRef, span: Span) -> ir.Action:
    """The action that a table's list names."""
    action = find_action(m, ref.action)
    if action is None:
        raise Unsupported(f"no action {ref.action}", span)
    return action


# --- lookups --------------------------------------------------------------------------------------------------------


def _look_up(m: Machine, table: ir.Table, keys: Keys, span: Span) -> tuple[Term, list[Chosen], Term | None]:
    """Whether there is a hit, the ways to run actions, and the number of the entry that wins: if the rules are known,
    or if something hangs on it that the key does not tell."""
    if not keys.match:
        return b.FALSE, _default(m, table, keys, b.TRUE, span), None
    if table.const_entries:  # whatever the rules are
        return _decided(m, table, keys, source_entries(m.program, table), span)
    if table.control_name in m.open_tables:
        key = _side_by_side(keys.match, match_keys(table))
        assert key is not None
        m.looked_up.append(Lookup(table.control_name, key, b.and_(*m.outer_paths, m.state.path), m.each))
        return _left_open(m, table, keys, key, span)
    if m.rules is not None:
        entries = m.rules.of(table.control_name)
        return _decided(m, table, keys, entries, span)
    return _unknown(m, table, keys, span)


def _decided(
    m: Machine, table: ir.Table, keys: Keys, entries: Sequence[Rule], span: Span
) -> tuple[Term, list[Chosen], Term | None]:
    """The entries in the order in which they win. One key asked twice is looked up once."""
    asked = (table.control_name, tuple(keys.all))
    if asked not in m.lookups:
        numbers = {ref.action: i for i, ref in enumerate(table_actions(table))}
        m.lookups[asked] = first_match(m, table, keys, entries, numbers, span)
    found = m.lookups[asked]
    ways = [Chosen(number, when, args) for number, (when, args) in found.chosen.items()]
    return found.hit, [*ways, *_default(m, table, keys, b.not_(found.hit), span)], found.entry


def first_match(
    m: Machine, table: ir.Table, keys: Keys, entries: Sequence[Rule], numbers: Mapping[str, int], span: Span
) -> Found:
    """What the first entry that matches says; halves are combined, so that the terms stay shallow."""
    counted = any(isinstance(item.value, str) for item in table.properties)
    if all(key.is_const for key in keys.match):
        at = first(entries, [(key.value, key.width) for key in keys.match])
        entries, start = ([], 0) if at is None else ([entries[at]], at)
    else:
        start = 0
    level = []
    for index, rule in enumerate(entries, start):
        when = b.and_(*(matches(k, x) for k, x in zip(keys.match, rule.matches, strict=True)))
        if when is not b.FALSE:
            chosen = _answer(m, rule.action, keys.selector, when, numbers, span)
            level.append(Found(when, chosen, b.bv(index, 32) if counted else None))
    return _first_of(level)


def _first_of(level: list[Found]) -> Found:
    while len(level) > 1:
        joined = [_before(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = joined + level[len(joined) * 2 :]
    return level[0] if level else Found(b.FALSE, {}, b.bv(0, 32))


def _answer(
    m: Machine, answer: Answer, selector: Term | None, when: Term, numbers: Mapping[str, int], span: Span
) -> dict[int, tuple[Term, tuple[Term, ...]]]:
    """What an entry or a default action that holds ``when`` does: action's number → where, with which arguments."""
    if not isinstance(answer, GroupRef):
        return {numbers[answer.action]: (when, _literals(m, answer, span))}
    picks = [
        Found(where, {numbers[call.action]: (where, _literals(m, call, span))}, None)
        for where, call in pick(m, answer, selector, span)
    ]
    chosen = _first_of(picks).chosen
    return {number: (b.and_(when, where), args) for number, (where, args) in chosen.items()}


def _before(first_: Found, second: Found) -> Found:
    """The first one's answer where it has one, else the second one's."""
    otherwise = b.not_(first_.hit)
    chosen = dict(first_.chosen)
    for number, (when, args) in second.chosen.items():
        later = b.and_(otherwise, when)
        if number in chosen:
            earlier, old = chosen[number]
            merged = tuple(b.ite(earlier, x, y) for x, y in zip(old, args, strict=True))
            chosen[number] = (b.or_(earlier, later), merged)
        else:
            chosen[number] = (later, args)
    entry = None
    if first_.entry is not None and second.entry is not None:
        entry = b.ite(first_.hit, first_.entry, second.entry)
    hit = b.or_(first_.hit, second.hit)
    if len(chosen) == 1:
        chosen = {number: (hit, args) for number, (_, args) in chosen.items()}
    return Found(hit, chosen, entry)


def _literals(m: Machine, call: ActionCall, span: Span) -> tuple[Term, ...]:
    action = find_action(m, call.action)
    if action is None:
        raise Unsupported(f"no action {call.action}", span)
    return tuple(b.bv(value, width) for value, (_, width) in zip(call.args, action_leaves(action), strict=True))


def _default(m: Machine, table: ir.Table, keys: Keys, when: Term, span: Span) -> list[Chosen]:
    """What a miss does."""
    numbers = {ref.action: i for i, ref in enumerate(table_actions(table))}
    if when is b.FALSE:
        return []
    if m.rules is None and not table.const_default:
        return _any_default(m, table, keys.selector, when)
    changed = m.rules.defaults.get(table.control_name) if m.rules is not None and not table.const_default else None
    if changed is not None:
        chosen = _answer(m, changed, keys.selector, when, numbers, span)
        return [Chosen(number, where, args) for number, (where, args) in chosen.items()]
    action = find_action(m, table.default.action)
    if action is None:
        raise Unsupported(f"no action {table.default.action}", span)
    given = zip(control_params(action), table.default.args, strict=True)
    args = [term for param, arg in given for term in argument_terms(m, param, arg)]
    return [Chosen(numbers[table.default.action], when, tuple(args))]


def _any_default(m: Machine, table: ir.Table, selector: Term | None, when: Term) -> list[Chosen]:
    """The control plane may have set any action that is not for entries only."""
    which = lookup.default_action(table.control_name, selector)
    legal = [(i, ref) for i, ref in enumerate(table_actions(table)) if not ref.table_only]
    ways = []
    for number, ref in legal:
        is_it = b.eq(which, b.bv(number, lookup.ACTION_BITS))
        args = []
        for param in control_params(action_of(m, ref, table.span)):
            for leaf, width in param_leaves(param):
                args.append(lookup.default_argument(table.control_name, ref.action, leaf, width, selector))
            _restrict(m, param, args, is_it)
        ways.append(Chosen(number, b.and_(when, is_it), tuple(args)))
    m.axioms[b.or_(*(b.eq(which, b.bv(i, lookup.ACTION_BITS)) for i, _ in legal))] = None
    return ways


def groups_in(entries: Sequence[Rule]) -> list[GroupRef]:
    """The groups that entries lead to; of a table that is left open the action's number behind those of its actions."""
    return list(dict.fromkeys(rule.action for rule in entries if isinstance(rule.action, GroupRef)))


def _left_open(
    m: Machine, table: ir.Table, keys: Keys, key: Term, span: Span
) -> tuple[Term, list[Chosen], Term | None]:
    """Uninterpreted functions of the key, where the entries are known: that say an action, or one of their groups."""
    assert m.rules is not None
    groups = groups_in(m.rules.of(table.control_name))
    hit, ways, _ = _unknown(m, table, keys, span, key, len(groups))
    which = lookup.action(table.control_name, key)
    numbers = {ref.action: i for i, ref in enumerate(table_actions(table))}
    for number, ref in enumerate(groups, len(table.actions)):
        here = b.and_(hit, b.eq(which, b.bv(number, lookup.ACTION_BITS)))
        chosen = _answer(m, ref, keys.selector, here, numbers, span)
        ways += [Chosen(action, when, args) for action, (when, args) in chosen.items()]
    return hit, ways, None


def _unknown(
    m: Machine, table: ir.Table, keys: Keys, span: Span, key: Term | None = None, others: int = 0
) -> tuple[Term, list[Chosen], Term | None]:
    """Any entries: uninterpreted functions of the key (None: all of it, with what a selector looks at); ``others``: so
    many numbers behind those of the actions may be answered as well."""
    name = table.control_name
    key = _side_by_side(keys.all, table.keys) if key is None else key
    hit = lookup.hit(name, _side_by_side(keys.match, match_keys(table)))
    which = lookup.action(name, key)
    ways = []
    legal = [(i, ref) for i, ref in enumerate(table.actions) if not ref.default_only]
    more = range(len(table.actions), len(table.actions) + others)
    for number, ref in legal:
        is_it = b.eq(which, b.bv(number, lookup.ACTION_BITS))
        args = []
        for param in control_params(action_of(m, ref, span)):
            args += [lookup.argument(name, ref.action, leaf, width, key) for leaf, width in param_leaves(param)]
            _restrict(m, param, args, b.and_(hit, is_it))
        ways.append(Chosen(number, b.and_(hit, is_it), tuple(args)))
    numbers = (*(i for i, _ in legal), *more)
    m.axioms[b.implies(hit, b.or_(*(b.eq(which, b.bv(i, lookup.ACTION_BITS)) for i in numbers)))] = None
    if any(entry.const for entry in table.entries):
        m.note(f"table {name}: that its entries marked const are always there is not used")
    return hit, [*ways, *_default(m, table, keys, b.not_(hit), span)], _entry_of(table, keys)


def _entry_of(table: ir.Table, keys: Keys) -> Term | None:
    """The number of the entry that is met, where it has a cell of its own and only the rules say which it is."""
    if found_by_key(table) or not any(isinstance(item.value, str) for item in table.properties):
        return None
    return lookup.entry(table.control_name, _side_by_side(keys.match, match_keys(table)))


def _side_by_side(terms: Sequence[Term], keys: Sequence[ir.Key]) -> Term | None:
    parts = [t for t, key in zip(terms, keys, strict=True) if not _is_empty(key)]
    return b.concat(*parts) if parts else None


def _is_empty(key: ir.Key) -> bool:
    return isinstance(bare := ir.bare(key.expr.type), ir.BitsType) and bare.width == 0


def _restrict(m: Machine, param: ir.Param, args: Sequence[Term], when: Term) -> None:
    """Arguments (the last of which is this parameter's) of an enum or error without representation are members."""
    bare = ir.bare(param.type)
    count = None
    if isinstance(bare, ir.EnumType) and bare.underlying is None:
        count = len(bare.members)
    elif isinstance(bare, ir.ErrorType):
        count = len(m.program.errors)
    if count is not None:
        m.axioms[b.implies(when, b.ult(args[-1], b.bv(count, args[-1].width)))] = None


def _trace(m: Machine, table: ir.Table, keys: Keys, hit: Term, ways: Sequence[Chosen], span: Span) -> None:
    assert m.trace is not None
    taken = [way for way in ways if m.decide(way.when) is b.TRUE]
    ref = table_actions(table)[taken[0].number] if taken else None
    names = [
        param_name(p) if name == p.name else name
        for p in (control_params(action_of(m, ref, span)) if ref is not None else [])
        for name, _ in param_leaves(p)
    ]
    args = [t.value for t in taken[0].args if t.is_const] if taken else []
    m.trace.add(
        "table",
        span,
        table=table.control_name,
        key={k.name: t.value for k, t in zip(table.keys, keys.all, strict=True) if t.is_const},
        bits={k.name: t.width for k, t in zip(table.keys, keys.all, strict=True)},
        hit=hit is b.TRUE,
        entry=_entry_met(m, table, keys) if hit is b.TRUE else None,
        action=ref.action if ref is not None else None,
        args=args,
        arguments=dict(zip(names, args, strict=False)),
    )


def _entry_met(m: Machine, table: ir.Table, keys: Keys) -> dict[str, Any] | None:
    """The entry that won, as plain data: its number, what it matches on, its priority, where it is."""
    if m.rules is None or not all(key.is_const for key in keys.match):
        return None
    entries = m.rules.of(table.control_name)
    at = first(entries, [(key.value, key.width) for key in keys.match])
    if at is None:
        return None
    rule = entries[at]
    match = {
        k.name: match_text(x, t.width) for k, x, t in zip(match_keys(table), rule.matches, keys.match, strict=True)
    }
    entry: dict[str, Any] = {"number": at, "match": match, **place(rule.span)}
    if rule.priority is not None:
        entry["priority"] = rule.priority
    if isinstance(rule.action, GroupRef):
        entry["group"] = rule.action.group
    return entry
