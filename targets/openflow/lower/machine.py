"""The walk with tables kept apart: a lookup is a node of its own, and ways that come to it say who they are.

A table with more than a few entries is looked up in one node for each key that it is asked with. Each caller writes its
number, goes there, and the entries write what they answer: an outcome (hit or miss, and the action) and the arguments.
A node behind it tells callers and outcomes apart, where the walk goes on with the arguments as kept numbers. So n
entries are n flows, however many ways lead to the table and from it.

An entry that names a group of an action selector is a group of type `select`: each of its buckets writes what one
member answers, and lets the node behind go on (a resubmit, for the switch forgets what a bucket has written).

Before a statement that applies a table, ways that differ in numbers only are brought together: what differs is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from ....semantics import ir
from ....semantics.rules.build import match_keys, selector_keys
from ....semantics.rules.ruleset import ActionCall, Answer, GroupRef, Rule
from ....semantics.source import Span
from ...base import CannotOffload
from ...unfold.applies import applied
from ...unfold.expressions import as_bits, evaluate
from ...unfold.lookups import Looked, check_properties, cubes_of, default_call
from ...unfold.machine import Machine
from ...unfold.state import State, Ways
from ...unfold.values import Bits, Cube, number, width_of
from . import seen
from .context import At, FlowContext
from .drafts import Chosen, Draft, Kept, Node, Possible, Write
from .joining import joined
from .selecting import selected_by

FEW: Final = 4
"""Entries of a table that is unfolded where it is applied."""
_CALLERS: Final = 16
"""Bits of a caller's number before it is known how many callers there are."""
_MANY: Final = 8
"""Ways that are brought together before any statement."""


@dataclass(frozen=True)
class Outcome:
    """What an entry or the default can answer: an action, on a hit or a miss."""

    hit: bool
    action: str


@dataclass
class Lookup:
    """A table asked with one key."""

    table: ir.Table
    node: Node
    behind: Node
    keys: tuple[Kept | None, ...]
    """Where callers write keys that are kept numbers; None: the key is what it is."""
    caller: Kept
    outcome: Kept
    outcomes: dict[Outcome, Kept]
    """... and the number that its arguments make together."""
    places: dict[Outcome, list[tuple[int, int]]]
    """Where each argument is there: its lowest bit and its width."""
    callers: int = 0


@dataclass
class FlowMachine(Machine):
    """Walks a block and leaves flows behind."""

    lookups: dict[tuple[object, ...], list[Lookup]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    choosing: dict[GroupRef, list[Lookup]] = field(default_factory=dict)
    """Where a group of an action selector is asked."""

    @cached_property
    def flows(self) -> FlowContext:
        """The context, by its own type."""
        assert isinstance(self.context, FlowContext)
        return self.context

    def node(self, label: str) -> Node:
        """A new one."""
        made = Node(label)
        self.nodes.append(made)
        return made

    def leave(
        self, state: State, writes: Sequence[Write], target: Node, span: Span, *, meter: int | None = None
    ) -> None:
        """A flow for packets of this way: they go on in another node, if they pass the meter."""
        at, asked = self.place(state), self.asked(state, span)
        at.node.add(Draft(state.order, asked, state.cube.bits, writes, target=target, span=span, meter=meter))

    def place(self, state: State) -> At:
        """Where the way is."""
        assert isinstance(state.at, At)
        return state.at

    def asked(self, state: State, span: Span) -> dict[int, bool]:
        """What a flow has to ask so that it is for this way only."""
        at = self.place(state)
        if state.cube.length > at.length:
            raise CannotOffload("a condition on the frame's length, which no flow can ask for", span)
        return {bit: value for bit, value in state.cube.bits.items() if bit not in at.given}

    # --- bringing ways together ---------------------------------------------------------------------------------------

    def before(self, statement: ir.Stmt, ways: Ways) -> Ways:
        """Ways are brought together before tables, and where they are many."""
        running = sum(way.flow == "run" for way in ways)
        if running > _MANY or (running > 1 and any(applied(statement))):
            return self.together(ways, statement.span)
        return ways

    def together(self, ways: Ways, span: Span) -> Ways:
        """Running ways that differ in numbers only become one, in a node of its own."""
        return joined(self, ways, span)

    # --- tables -------------------------------------------------------------------------------------------------------

    def apply_table(self, call: ir.TableApply, state: State) -> list[Looked]:
        """See the module's text."""
        table = self.context.tables.get(call.table)
        if table is None or state.flow != "run":
            return super().apply_table(call, state)
        rules = self.context.rules.of(table.control_name)
        answers = (*(rule.action for rule in rules), self._default(table))
        if len(rules) <= FEW and not any(isinstance(answer, GroupRef) for answer in answers):
            return super().apply_table(call, state)
        check_properties(self, table)
        found: list[Looked] = []
        for s, keys in self._keys(table, state):
            lookup = self._lookup(call, table, keys, self.place(s).node)
            caller, lookup.callers = lookup.callers, lookup.callers + 1
            if caller >> _CALLERS:
                raise CannotOffload("too many ways to one table", call.span)
            lookup.caller.possible.add([caller])
            asked = [Write(kept, bits) for kept, bits in zip(lookup.keys, keys, strict=False) if kept is not None]
            self.leave(s, [*asked, Write(lookup.caller, number(caller, _CALLERS))], lookup.node, table.span)
            for place, outcome in enumerate(lookup.outcomes):
                here = self._behind(s, lookup, caller, place)
                reference = next((r for r in table.actions if r.action == outcome.action), None)
                bound = reference.args if reference else ()
                ends = self.action(outcome.action, bound, _arguments(lookup, outcome), here, table.span)
                found += [(end, outcome.hit, outcome.action) for end in ends]
        return found

    def _behind(self, s: State, lookup: Lookup, caller: int, place: int) -> State:
        bits = dict(s.cube.bits)
        given = dict(bits)
        for kept, value in ((lookup.caller, caller), (lookup.outcome, place)):
            bits |= {bit: bool(value >> i & 1) for i, bit in enumerate(reversed(kept.bits))}
        at = At(lookup.behind, given, s.cube.length)
        return replace(s, cube=replace(s.cube, bits=bits), order=(caller, place), at=at)

    def _keys(self, table: ir.Table, state: State) -> list[tuple[State, tuple[Bits, ...]]]:
        """Keys as they are, not what this way knows of them: so ways share a lookup. Those of a selector come last."""
        ways: list[tuple[State, tuple[Bits, ...]]] = [(state, ())]
        for key in (*match_keys(table), *selector_keys(table)):
            ways = [(t, (*made, as_bits(v, key.span))) for s, made in ways for t, v in evaluate(self, key.expr, s)]
        return ways

    def _lookup(self, call: ir.TableApply, table: ir.Table, keys: tuple[Bits, ...], caller: Node) -> Lookup:
        """One that is there already, unless it leads to the caller (a control that is applied twice)."""
        shape = tuple(None if _all_kept(bits) else bits for bits in keys)
        there = self.lookups.setdefault((self.context.frame, table.control_name, call.span, shape), [])
        for lookup in there:
            if not lookup.node.reaches(caller):
                return lookup
        there.append(self._made(table, keys))
        self._choose_once(table, there[-1], caller)
        return there[-1]

    def _choose_once(self, table: ir.Table, lookup: Lookup, caller: Node) -> None:
        """A group answers one key always alike, but the switch chooses anew: no packet may come to it twice."""
        answers = (*(rule.action for rule in self.context.rules.of(table.control_name)), self._default(table))
        for group in {answer for answer in answers if isinstance(answer, GroupRef)}:
            earlier = self.choosing.setdefault(group, [])
            if any(other.behind.reaches(caller) for other in earlier):
                raise CannotOffload(f"group {group.group} of {group.profile} is asked twice for one packet", table.span)
            earlier.append(lookup)

    def _made(self, table: ir.Table, keys: tuple[Bits, ...]) -> Lookup:
        """The node with the table's entries."""
        rules = self.context.rules.of(table.control_name)
        default = self._default(table)
        answers = {
            Outcome(hit, call.action): None
            for _, answer, hit in _entries(rules, default)
            for call in self._calls(answer, table)
        }
        places: dict[Outcome, list[tuple[int, int]]] = {}
        for outcome in answers:
            widths = [width_of(p.type, p.span) for p in self.context.action(outcome.action, table.span).params
                      if not p.direction]  # fmt: skip
            places[outcome] = list(_side_by_side(widths))
        name, keep = table.control_name, self.flows.keep
        caller, outcome_ = keep(_CALLERS), keep(max(1, (len(answers) - 1).bit_length()))
        area = object()  # only one outcome's arguments are there at a time
        outcomes = {o: keep(max((low + size for low, size in found), default=0), area) for o, found in places.items()}
        for arguments in outcomes.values():
            arguments.possible.add(None)
        matched = len(match_keys(table))
        selection, keys = selected_by(keys[matched:]), keys[:matched]
        asked = tuple(keep(len(bits)) if _all_kept(bits) else None for bits in keys)
        keys = tuple(bits if kept is None else kept.bits for bits, kept in zip(keys, asked, strict=True))
        for kept in asked:
            if kept is not None:
                kept.possible.add(None)
        made = Lookup(table, self.node(name), self.node(f"behind {name}"), asked, caller, outcome_, outcomes, places)
        possible = {o: [Possible() for _ in found] for o, found in places.items()}
        for place, (matches, answer, hit) in enumerate(_entries(rules, default)):
            calls = self._calls(answer, table)
            each = [self._answer(made, Outcome(hit, call.action), call) for call in calls]
            for call in calls:
                for value, part in zip(call.args, possible[Outcome(hit, call.action)], strict=True):
                    part.add([value])
            writes = each[0] if len(each) == 1 else ()
            chosen = None if len(each) == 1 else Chosen(tuple(map(tuple, each)), tuple(calls.values()), selection)
            span = matches.span if matches is not None else table.span
            anything = Cube({}, 0)
            cubes = [anything] if matches is None else cubes_of(self, anything, keys, matches.matches, table)
            for cube in cubes:
                draft = Draft((place,), cube.bits, cube.bits, writes, target=made.behind, span=span, chosen=chosen)
                made.node.add(draft)
        for outcome in made.outcomes:
            for bits, part in zip(_arguments(made, outcome), possible[outcome], strict=True):
                self.flows.part(bits, part)
        return made

    def _default(self, table: ir.Table) -> Answer:
        """What a miss does, which may be a group's to choose."""
        set_ = self.context.rules.defaults.get(table.control_name)
        if isinstance(set_, GroupRef) and not table.const_default:
            return set_
        name, args = default_call(self, table)
        return ActionCall(name, tuple(args))

    def _calls(self, answer: Answer, table: ir.Table) -> dict[ActionCall, int]:
        """The actions that an answer chooses among, each with its weight."""
        if not isinstance(answer, GroupRef):
            return {answer: 1}
        members = self.context.rules.members(answer)
        if not members:
            reason = f"group {answer.group} of action selector {answer.profile} is empty: what is done is open"
            raise CannotOffload(reason, table.span)
        return dict(Counter(members))

    def _answer(self, lookup: Lookup, outcome: Outcome, answer: ActionCall) -> list[Write]:
        place = list(lookup.outcomes).index(outcome)
        lookup.outcome.possible.add([place])
        writes = [Write(lookup.outcome, number(place, lookup.outcome.width))]
        for value, (low, size) in zip(answer.args, lookup.places[outcome], strict=True):
            writes.append(Write(lookup.outcomes[outcome], number(value, size), low))
        return writes


def _all_kept(bits: Bits) -> bool:
    return bool(bits) and all(seen.is_kept(bit) for bit in bits)


def _arguments(lookup: Lookup, outcome: Outcome) -> list[Bits]:
    kept = lookup.outcomes[outcome]
    return [kept.bits[kept.width - low - size : kept.width - low] for low, size in lookup.places[outcome]]


def _entries(rules: Sequence[Rule], default: Answer) -> Iterator[tuple[Rule | None, Answer, bool]]:
    for rule in rules:
        yield rule, rule.action, True
    yield None, default, False


def _side_by_side(widths: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Numbers as (low, width), none across a register's end that fits in one."""
    low = 0
    for width in widths:
        if width <= 32 and low % 32 + width > 32:
            low = (low + 31) // 32 * 32
        yield low, width
        low += width
