"""Rule sets at random, for any program."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Final

from ..semantics import ir
from ..semantics.rules.build import Builder, check_match, match_keys
from ..semantics.rules.names import table_actions
from ..semantics.rules.profiles import Implementation, implementation_name
from ..semantics.rules.ruleset import (
    ActionCall,
    Answer,
    Exact,
    GroupRef,
    Lpm,
    Match,
    Range,
    Rule,
    RuleSet,
    Ternary,
)
from ..semantics.rules.values import key_bits
from ..semantics.source import NOWHERE, InputError, Unsupported

GROUPED: Final = 0.7
"""How often an entry of a table with an action selector names a group, where some were drawn."""

Asked = Mapping[str, Sequence[Sequence[int]]]
"""Table → keys that it was asked for, each as one value for each key that entries match on."""


def random_rules(
    program: ir.Program, seed: int, pool: Sequence[int], asked: Asked | None = None, *, grouped: bool = False
) -> RuleSet:
    """Some entries in some tables; keys are taken from ``pool`` half of the time, and where a table was ``asked``
    before mostly from there. Action selectors have groups if ``grouped``: for machines that pick members as BMv2 does.
    """
    rng = random.Random(seed)
    builder = Builder(program)
    selectors = [made for made in builder.profiles.known.values() if made.selector] if grouped else []
    groups = {made.name: _groups(rng, program, builder, made) for made in selectors}
    for _, table in program.tables():
        answers: Sequence[Answer] = groups.get(implementation_name(program, table) or "", ())
        if table.keys and not table.const_entries:
            for _ in range(rng.randrange(5)):
                try:
                    builder.add(
                        table,
                        _rule(rng, program, table, pool, (asked or {}).get(table.control_name), answers),
                        rng.randrange(1, 4),
                    )
                except InputError:
                    continue  # the same entry twice
        if not table.const_default and rng.random() < 0.3:
            default = rng.choice(answers) if answers and rng.random() < GROUPED else None
            default = default or _call(rng, program, table, as_default=True)
            if default is not None:
                builder.set_default(table, default, NOWHERE)
    for declared in (v for parser in program.parsers for v in parser.value_sets):
        width = ir.width_of(declared.type) if isinstance(ir.bare(declared.type), ir.BitsType) else 0
        if width and rng.random() < 0.7:
            members: list[tuple[Match, ...]] = [(Exact(_value(rng, width, pool)),) for _ in range(rng.randrange(1, 4))]
            builder.value_sets[declared.control_name] = members
    return builder.finish()


def _groups(rng: random.Random, program: ir.Program, builder: Builder, made: Implementation) -> list[GroupRef]:
    """Some groups of a selector, of members that all its tables take; mostly of three, for any other hash picks others
    then: of two its lowest bit alone decides."""
    numbers = itertools.count()
    found: list[GroupRef] = []
    for group in range(rng.choice((0, 1, 1, 2))):
        members = list(itertools.islice(numbers, rng.choice((1, 2, 3, 3, 4))))
        for member in members:
            call = _call(rng, program, made.tables[0], as_default=False)
            if call is None or any(all(ref.action != call.action for ref in t.actions) for t in made.tables):
                return found
            builder.profiles.set_member(made.name, member, call, NOWHERE, new=True)
        builder.profiles.set_group(made.name, group, members, NOWHERE, new=True)
        found.append(GroupRef(made.name, group))
    return found


def _value(rng: random.Random, width: int, pool: Sequence[int]) -> int:
    choices = [rng.getrandbits(width), rng.randrange(min(4, 1 << width))]
    if pool:
        choices += [rng.choice(pool), rng.choice(pool)]
    return rng.choice(choices) & ((1 << width) - 1)


def _match(rng: random.Random, table: ir.Table, key: ir.Key, pool: Sequence[int], asked: int | None) -> Match:
    width = key_bits(key.expr.type)
    value = _value(rng, width, pool) if asked is None or rng.random() < 0.1 else asked
    kinds: dict[str, Match] = {
        "exact": Exact(value),
        "lpm": Lpm(value, rng.randrange(width + 1)),
        "ternary": Ternary(value, rng.choice([0, (1 << width) - 1, rng.getrandbits(width)])),
        "optional": Ternary(value, rng.choice([0, (1 << width) - 1])),
        "range": Range(min(value, other := _value(rng, width, pool)), max(value, other)),
    }
    if key.match_kind not in kinds:
        raise Unsupported(f"entries of match kind {key.match_kind}")
    return check_match(table, key, kinds[key.match_kind], NOWHERE)


def _call(rng: random.Random, program: ir.Program, table: ir.Table, *, as_default: bool) -> ActionCall | None:
    legal = [a for a in table_actions(program, table) if not (a.ref.table_only if as_default else a.ref.default_only)]
    if not legal:
        return None
    found = rng.choice(legal)
    return ActionCall(found.ref.action, tuple(_value(rng, key_bits(p.type), []) for p in found.params))


def _rule(
    rng: random.Random,
    program: ir.Program,
    table: ir.Table,
    pool: Sequence[int],
    asked: Sequence[Sequence[int]] | None,
    groups: Sequence[Answer],
) -> Rule:
    call = rng.choice(groups) if groups and rng.random() < GROUPED else _call(rng, program, table, as_default=False)
    if call is None:
        raise InputError
    keys = match_keys(table)
    values: Sequence[int | None] = rng.choice(asked) if asked and rng.random() < 0.7 else [None] * len(keys)
    pairs = zip(keys, values, strict=True)
    return Rule(table.control_name, tuple(_match(rng, table, key, pool, value) for key, value in pairs), call)
