"""How the maps of a table with an action selector (:mod:`.selectors`) stand to the table.

What an entry holds is a function of the key that it matches, and what the table answers also depends on the selector's
key, so it is told the other way round than for other tables: unknown are what each entry holds (an action, or a group),
how many members each group has, and what each member does. The table's answer is the entry's own action, or that of the
member that BMv2's algorithm picks (:func:`...semantics.meaning.selectors.place`). Whatever rules a control plane
installs, the fill-up makes such maps of them, and a program leaves open how a selector picks, the same for the same
group and key: so what is proven holds for every rule set whose groups have members.

An entry that would name a group which has no members, or more than there is room for, is taken to hold an action, and
one with an action of its own any number in place of a group's (the fill-up writes 0). Where several tables share a
selector, each has its own unknown members. All this is more than a control plane can set up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.meaning import lookup
from ...semantics.meaning.selectors import pick_name, place
from ...semantics.rules.build import SELECTOR
from ...semantics.rules.ruleset import GroupRef, RuleSet
from ..base import Obligation
from .answers import action_number
from .fillup import host_order, member_bytes, value_bytes
from .layout import ACTION_BYTES, TableLayout, scalar_width
from .selectors import GROUP_BYTES, Selector

ENTRY = ".entry"
"""Behind a table's name: what its entries hold."""
MEMBER = ".member"
"""Behind a table's name: what the members of groups do, by group and place as the map's key holds them."""
DEFAULT = ".default_entry"
"""Behind a table's name: what its default holds; a function of nothing, written with one bit of 0."""
NOTHING = b.bv(0, 1)

Build = Callable[..., Term]
At = Callable[[Term], Term]


@dataclass(frozen=True)
class Selected:
    """A table's entries, default and members under an unknown rule set."""

    layout: TableLayout
    selector: Selector

    @property
    def name(self) -> str:
        """The table's control-plane name."""
        return self.layout.table.control_name

    @property
    def entry(self) -> str:
        """What is asked for what an entry holds: the table's slots, or the table's name and :data:`ENTRY`."""
        return self.name + (lookup.SLOT if self.layout.slots is not None else ENTRY)

    @property
    def count_name(self) -> str:
        """The function :meth:`count`."""
        return f"selector.{self.selector.instance.name}.count"

    def count(self, group: Term) -> Term:
        """How many members a group has, 32 bits; ``group``: its number's bytes."""
        return b.apply(self.count_name, b.bit_vector(32), group)

    def there(self, group: Term) -> Term:
        """Whether a group has members."""
        count = self.count(group)
        return b.and_(b.ne(count, b.bv(0, 32)), b.ule(count, b.bv(self.selector.room, 32)))

    def group(self, asked: str, key: Term) -> tuple[Term, Term]:
        """Whether what ``asked`` holds at ``key`` is a group, and its number's bytes."""
        group = b.apply(f"table.{asked}.group", b.bit_vector(8 * GROUP_BYTES), key)
        return b.and_(b.apply(f"table.{asked}.grouped", b.BOOL, key), self.there(group)), group

    # --- maps ---

    def value(self, asked: str, key: Term) -> Term:
        """The map value that ``asked`` holds at ``key``."""
        grouped, group = self.group(asked, key)
        number, args = self._call(asked, key)
        none = {place: b.ite(grouped, b.bv(0, arg.width), arg) for place, arg in args.items()}
        number = b.ite(grouped, b.bv(self.layout.group_number, number.width), number)
        return value_bytes(self.layout, number, none, group=group)

    def default_value(self) -> Term:
        """The map value of the default action."""
        return self.value(self.name + DEFAULT, NOTHING)

    def maps(self) -> dict[str, Build]:
        """What the maps of groups and members answer."""
        groups, members = self.selector.groups.name, self.selector.members.name

        def in_group(key: Term) -> Term:
            group = b.extract(key, key.width - 1, key.width - 8 * GROUP_BYTES)
            at = host_order(b.extract(key, key.width - 8 * GROUP_BYTES - 1, 0))
            return b.and_(self.there(group), b.ult(at, self.count(group)))

        def value(key: Term) -> Term:
            return member_bytes(self.layout, *self._call(self.name + MEMBER, key))

        return {
            f"map.{groups}.found": self.there,
            f"map.{groups}.value": lambda group: host_order(self.count(group)),
            f"map.{members}.found": in_group,
            f"map.{members}.value": value,
        }

    def _call(self, asked: str, key: Term) -> tuple[Term, dict[tuple[int, int], Term]]:
        """The number of an action in map values, and its arguments; those of other actions are 0."""
        action = lookup.action(asked, key)
        args = {}
        for part in self.layout.actions:
            chosen = b.eq(action, b.bv(part.index, lookup.ACTION_BITS))
            for at, arg in enumerate(part.args):
                if arg.width:
                    given = lookup.argument(asked, part.action.name, arg.param, arg.width, key)
                    args[part.index, at] = b.ite(chosen, given, b.bv(0, arg.width))
        return action_number(self.layout, action), args

    # --- the program's functions ---

    def tables(self, at: At) -> dict[str, Build]:
        """The table's functions, by what the maps hold; ``at``: a key that entries match on → where the entry is."""

        def answer(build: Callable[[str, Term], Term], key: Term) -> Term:
            match, chooser = self._split(key)
            return self._answer(build, self.entry, at(match), chooser)

        def default(build: Callable[[str, Term], Term], chooser: Term) -> Term:
            return self._answer(build, self.name + DEFAULT, NOTHING, chooser)

        found: dict[str, Build] = {}
        for suffix, build in self._functions().items():
            found[f"table.{self.name}.{suffix}"] = _given(answer, build)
            found[f"table.{self.name}.default.{suffix}"] = _given(default, build)
        return found

    def _functions(self) -> dict[str, Callable[[str, Term], Term]]:
        found: dict[str, Callable[[str, Term], Term]] = {"action": lookup.action}
        for part in self.layout.actions:
            for arg in part.args:
                if arg.width:
                    found[f"arg.{part.action.name}.{arg.param}"] = _argument(part.action.name, arg.param, arg.width)
        return found

    def _answer(self, build: Callable[[str, Term], Term], asked: str, key: Term, chooser: Term) -> Term:
        grouped, group = self.group(asked, key)
        count = host_order(host_order(self.count(group)))  # byte by byte, as it is in memory
        member = b.concat(group, host_order(place(self.selector.instance, chooser, count)))
        return b.ite(grouped, build(self.name + MEMBER, member), build(asked, key))

    def _split(self, key: Term) -> tuple[Term, Term]:
        """A key of all the table's keys: those that entries match on, and the selector's."""
        parts: dict[bool, list[Term]] = {False: [], True: []}
        low = key.width
        for each in self.selector.table.keys:
            width = scalar_width(each.expr.type) or 0
            if width:
                low -= width
                parts[each.match_kind == SELECTOR].append(b.extract(key, low + width - 1, low))
        return b.concat(*parts[False]), b.concat(*parts[True])


def _given(answer: Callable[..., Term], build: Callable[[str, Term], Term]) -> Build:
    return lambda key: answer(build, key)


def _argument(action: str, param: str, width: int) -> Callable[[str, Term], Term]:
    return lambda asked, key: lookup.argument(asked, action, param, width, key)


def selector_laws(selected: Selected) -> list[Obligation]:
    """An entry tells whether it names a group, and which; a member's action and arguments come back from its value."""
    layout, selector = selected.layout, selected.selector
    item = selector.members
    group = b.var(f"fill.{item.name}.group", 8 * GROUP_BYTES)
    value = value_bytes(layout, b.bv(layout.group_number, 32), {}, group=group)
    named = b.eq(b.extract(value, 8 * GROUP_BYTES - 1, 0), group)
    laws, numbers = [], [layout.group_number]
    for part in layout.actions:
        args = {(part.index, at): b.var(f"fill.{item.name}.{part.index}.{arg.param}", arg.width)
                for at, arg in enumerate(part.args) if arg.width}  # fmt: skip
        held = member_bytes(layout, b.bv(part.number, 32), args)
        laws += [b.eq(_number(held), b.bv(part.number, 32)), b.boolean(held.width == 8 * item.value_size)]
        for (_, at), term in args.items():
            arg = part.args[at]
            low = held.width - 8 * (arg.offset + arg.size)
            laws.append(b.eq(b.extract(held, low + arg.width - 1, low), term))
        numbers += [part.number]
    numbers.append(len(layout.actions) + 1)  # a default action that is not listed
    apart = b.boolean(len(set(numbers)) == len(numbers))
    return [
        Obligation(f"groups are recovered from the values of table {selected.name}",
                   b.and_(named, b.eq(_number(value), b.bv(layout.group_number, 32)), apart)),
        Obligation(f"actions of members are recovered from the values of map {item.name}", b.and_(*laws)),
    ]  # fmt: skip


def _number(value: Term) -> Term:
    return host_order(b.extract(value, value.width - 1, value.width - 8 * ACTION_BYTES))


def picks(selector: Selector, rules: RuleSet) -> dict[str, Build]:
    """The functions that pick members under given rules (:func:`...semantics.meaning.selectors.pick_name`), as the code
    picks."""
    width = sum(scalar_width(key.expr.type) or 0 for key in selector.keys)
    profile = rules.profiles.get(selector.instance.name)
    found: dict[str, Build] = {}
    for number, members in profile.groups.items() if profile is not None else ():
        name = pick_name(GroupRef(selector.instance.name, number), width)
        found[name] = _picker(selector.instance, len(members))
    return found


def _picker(instance: ir.Instance, count: int) -> Build:
    return lambda key: place(instance, key, b.bv(count, 32))
