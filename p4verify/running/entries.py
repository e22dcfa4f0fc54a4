"""Rule sets at random, for any program."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Final

from ..semantics import ir
from ..semantics.rules.build import Builder, check_match, match_keys, needs_priority, value_match
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


KEPT: Final = 0.85
"""How often an entry, or a default, is kept of a rule set that goes on."""

MORE: Final = 5
"""New entries of a table are fewer."""

FEWER: Final = 3
"""New entries beside those that are kept are fewer."""

DEFAULTS: Final = 0.3
"""How often a default action is drawn."""

CROWD: Final = 1024
"""Entries of a crowd, of a table that does not say how many it has room for, and ..."""

MOST_CROWD: Final = 4096
"""... at most."""

MET: Final = 0.5
"""How often a key that was asked has an entry in a crowd."""

WIDER: Final = 0.75
"""How often a range in a crowd is one of several numbers."""

TOP: Final = 1 << 24
"""Priorities in a crowd are below."""


def random_rules(
    program: ir.Program,
    seed: int,
    pool: Sequence[int],
    asked: Asked | None = None,
    *,
    grouped: bool = False,
    before: RuleSet | None = None,
    crowd: bool = False,
) -> RuleSet:
    """Some entries in some tables.

    Keys are taken from ``pool`` often, from what other entries' actions are given, and where a table was ``asked``
    before mostly from there. Action selectors have groups if ``grouped``: for machines that pick members as BMv2 does.
    Most of the entries ``before`` are kept, if that is given: what a table is asked that hangs on what another one
    answers can be met then. With a ``crowd``, tables with priorities get as many entries as they have room for: for
    keys that they were asked, and for keys beside these, in any order: the one that is met may then be the last of
    many.
    """
    drawing = _Drawing(program, random.Random(seed), pool, asked or {}, before)
    return drawing.rules(grouped=grouped, crowd=crowd)


class _Drawing:
    """A rule set that is being drawn."""

    def __init__(
        self, program: ir.Program, rng: random.Random, pool: Sequence[int], asked: Asked, before: RuleSet | None
    ) -> None:
        self.program, self.rng, self.pool, self.asked, self.before = program, rng, pool, asked, before
        self.builder = Builder(program)
        self.given: dict[int, list[int]] = {}
        """Width → what actions are given of that width."""

    def rules(self, *, grouped: bool, crowd: bool = False) -> RuleSet:
        """All of it."""
        program = self.program
        selectors = [made for made in self.builder.profiles.known.values() if made.selector] if grouped else []
        groups = {made.name: self._groups(made) for made in selectors}
        for _, table in program.tables():
            self._keep(table, KEPT if not crowd else 1.0)
        for _, table in program.tables():
            if not crowd:
                self._table(table, groups.get(implementation_name(program, table) or "", ()))
            elif needs_priority(table) and not table.const_entries:
                self._crowd(table)
        for declared in (v for parser in program.parsers for v in parser.value_sets):
            self._value_set(declared)
        return self.builder.finish()

    def _keep(self, table: ir.Table, part: float) -> None:
        """Some part of what a table held before, but for what names groups: those are drawn anew."""
        if self.before is None:
            return
        for rule in self.before.entries.get(table.control_name, ()):
            if isinstance(rule.action, ActionCall) and self.rng.random() < part:
                rank = self.rng.randrange(1, 4) if rule.priority is None else rule.priority
                with contextlib.suppress(InputError):  # an entry of the source is there already
                    self.builder.add(table, rule, rank)
                    self._note(table, rule.action)
        default = self.before.defaults.get(table.control_name)
        if isinstance(default, ActionCall) and not table.const_default and self.rng.random() < part:
            self.builder.set_default(table, default, NOWHERE)

    def _note(self, table: ir.Table, call: ActionCall) -> None:
        """What an action is given may be what another table is asked."""
        found = next(a for a in table_actions(self.program, table) if a.ref.action == call.action)
        for param, value in zip(found.params, call.args, strict=True):
            self.given.setdefault(key_bits(param.type), []).append(value)

    def _table(self, table: ir.Table, groups: Sequence[Answer]) -> None:
        """New entries of one table, and perhaps a default action."""
        rng, again = self.rng, self.before is not None
        if table.keys and not table.const_entries:
            for _ in range(rng.randrange(FEWER if again else MORE)):
                with contextlib.suppress(InputError):  # the same entry twice
                    self.builder.add(table, self._rule(table, groups), rng.randrange(1, 4))
        if not table.const_default and rng.random() < DEFAULTS * (1 - KEPT if again else 1):
            default = rng.choice(groups) if groups and rng.random() < GROUPED else None
            default = default or self._call(table, as_default=True)
            if default is not None:
                self.builder.set_default(table, default, NOWHERE)

    def _crowd(self, table: ir.Table) -> None:
        """Many entries, each for one key, in any order: for those that were asked, and for such beside these."""
        rng, keys = self.rng, match_keys(table)
        installed = self.builder.installed(table)
        calls = [item.rule.action for item in installed.values() if isinstance(item.target, ActionCall)]
        calls = calls or [call for _ in range(MORE) if (call := self._call(table, as_default=False)) is not None]
        if not calls:
            return
        room = min(table.size if table.size is not None else CROWD, MOST_CROWD) - len(installed)
        widths = [key_bits(key.expr.type) for key in keys]
        asked = self.asked.get(table.control_name, ())
        wanted = [values for values in asked if rng.random() < MET]
        rng.shuffle(wanted)
        del wanted[max(0, room) :]
        step = TOP // max(1, len(wanted))
        ranked = [(step * n + rng.randrange(step), values, self._met_by) for n, values in enumerate(wanted)]
        more = range(room - len(wanted))
        ranked += [(rng.randrange(TOP), self._beside(asked, widths), value_match) for _ in more]
        for rank, values, match in ranked:
            matches = (match(key.match_kind, v, w) for key, v, w in zip(keys, values, widths, strict=True))
            rule = Rule(table.control_name, tuple(matches), rng.choice(calls))
            with contextlib.suppress(InputError):  # the same entry twice
                self.builder.add(table, rule, rank)

    def _met_by(self, kind: str, value: int, width: int) -> Match:
        """What a value meets: it alone, or mostly a range around it, which differs from it in some of its bytes."""
        rng, most = self.rng, (1 << width) - 1
        if kind != "range" or rng.random() >= WIDER:
            return value_match(kind, value, width)
        below, above = (rng.choice((0, rng.randrange(256), rng.randrange(most + 1))) for _ in range(2))
        return Range(max(0, value - below), min(most, value + above))

    def _beside(self, asked: Sequence[Sequence[int]], widths: Sequence[int]) -> list[int]:
        """A key that differs in one byte from one that was asked, mostly by one; any if none was."""
        rng = self.rng
        if not asked:
            return [rng.getrandbits(width) for width in widths]
        values = [*rng.choice(asked)]
        part = rng.randrange(len(values))
        change = rng.choice((1, 1, 1, rng.randrange(1, 256))) << 8 * rng.randrange(-(-widths[part] // 8) or 1)
        values[part] = (values[part] + rng.choice((-1, 1)) * change) & ((1 << widths[part]) - 1)
        return values

    def _value_set(self, declared: ir.ValueSetDecl) -> None:
        width = ir.width_of(declared.type) if isinstance(ir.bare(declared.type), ir.BitsType) else 0
        if width and self.rng.random() < 0.7:
            members: list[tuple[Match, ...]] = [
                (Exact(self._value(width, self.pool)),) for _ in range(self.rng.randrange(1, 4))
            ]
            self.builder.value_sets[declared.control_name] = members

    def _groups(self, made: Implementation) -> list[GroupRef]:
        """Some groups of a selector, of members that all its tables take; mostly of three, for any other hash picks
        others then: of two its lowest bit alone decides."""
        rng, profiles, numbers = self.rng, self.builder.profiles, itertools.count()
        found: list[GroupRef] = []
        for group in range(rng.choice((0, 1, 1, 2))):
            members = list(itertools.islice(numbers, rng.choice((1, 2, 3, 3, 4))))
            for member in members:
                call = self._call(made.tables[0], as_default=False)
                if call is None or any(all(ref.action != call.action for ref in t.actions) for t in made.tables):
                    return found
                profiles.set_member(made.name, member, call, NOWHERE, new=True)
            profiles.set_group(made.name, group, members, NOWHERE, new=True)
            found.append(GroupRef(made.name, group))
        return found

    def _value(self, width: int, *worth: Sequence[int]) -> int:
        """Any number, a small one, or one of those that are ``worth`` it."""
        rng = self.rng
        choices = [rng.getrandbits(width), rng.randrange(min(4, 1 << width))]
        choices += [rng.choice(numbers) for numbers in worth if numbers for _ in range(2)]
        return rng.choice(choices) & ((1 << width) - 1)

    def _argument(self, width: int) -> int:
        """Any number mostly, so that other tables are asked for what has all bits."""
        return self.rng.getrandbits(width) if self.rng.random() < 0.5 else self._value(width)

    def _match(self, table: ir.Table, key: ir.Key, asked: int | None) -> Match:
        rng, width = self.rng, key_bits(key.expr.type)
        worth = self.pool, self.given.get(width, ())
        value = self._value(width, *worth) if asked is None or rng.random() < 0.1 else asked
        kinds: dict[str, Match] = {
            "exact": Exact(value),
            "lpm": Lpm(value, rng.randrange(width + 1)),
            "ternary": Ternary(value, rng.choice([0, (1 << width) - 1, rng.getrandbits(width)])),
            "optional": Ternary(value, rng.choice([0, (1 << width) - 1])),
            "range": Range(min(value, other := self._value(width, self.pool)), max(value, other)),
        }
        if key.match_kind not in kinds:
            raise Unsupported(f"entries of match kind {key.match_kind}")
        return check_match(table, key, kinds[key.match_kind], NOWHERE)

    def _call(self, table: ir.Table, *, as_default: bool) -> ActionCall | None:
        known = table_actions(self.program, table)
        legal = [a for a in known if not (a.ref.table_only if as_default else a.ref.default_only)]
        if not legal:
            return None
        found = self.rng.choice(legal)
        call = ActionCall(found.ref.action, tuple(self._argument(key_bits(p.type)) for p in found.params))
        self._note(table, call)
        return call

    def _rule(self, table: ir.Table, groups: Sequence[Answer]) -> Rule:
        rng = self.rng
        call = rng.choice(groups) if groups and rng.random() < GROUPED else self._call(table, as_default=False)
        if call is None:
            raise InputError
        keys, asked = match_keys(table), self.asked.get(table.control_name)
        values: Sequence[int | None] = rng.choice(asked) if asked and rng.random() < 0.7 else [None] * len(keys)
        pairs = zip(keys, values, strict=True)
        return Rule(table.control_name, tuple(self._match(table, key, value) for key, value in pairs), call)
