"""The search: ``u32_classify`` (``net/sched/cls_u32.c``) and ``__tcf_classify`` (``net/sched/cls_api.c``) as terms.

One pass over the tables builds what every frame does; offsets that depend on the frame are sets of values, so a table
is visited once per *offset*, not once per value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ....semantics import bits as b
from ....semantics.bits import TRUE, Term
from ....semantics.meaning.behaviour import PORT
from ....semantics.source import Unsupported
from ...tc.meaning.chains import MAX_RESETS, asked
from ..artifact import Key, U32Filter
from .actions import Effect, run_actions
from .frame import LOWEST, Frame, Load
from .install import Classifier, Installed, Node, Table
from .offsets import ZERO, Offset, fixed, masked, merged, of_field, plus
from .outcome import (
    DROPPED,
    NEXT,
    OUT,
    PASSED,
    Decision,
    Outcome,
    either,
    finish,
    instance,
    sends,
    sequence,
    under,
)

MAX_DEPTH: Final = 8
"""``TC_U32_MAXDEPTH``: tables nested in one another."""
MAX_VISITS: Final = 100_000
"""Filters visited in all, each once per offset of its table: a bound on the size of the meaning."""


@dataclass(slots=True)
class Budget:
    left: int = MAX_VISITS

    def spend(self, filter_: U32Filter) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unsupported(f"more than {MAX_VISITS} filters on the ways through the tables", filter_.span)


class Chains:
    """The outcome of a frame that enters a chain."""

    def __init__(self, installed: Installed, frame: Frame) -> None:
        self.installed = installed
        self.frame = frame
        self.budget = Budget()
        self._effects: dict[int, Effect] = {}
        self._heights = table_heights(installed.tables.values())
        self._goes = self._measure_chains()
        self._chain_heights = _heights(self._goes, MAX_RESETS + 1)
        self._done: dict[tuple[int, int], Outcome] = {}

    def run(self, chain: int) -> Outcome:
        """``__tcf_classify`` from the start of a chain; what it can go to is done first, so nothing recurses."""
        waiting = [(chain, 0)]
        while waiting:
            key = waiting[-1]
            missing = [other for other in self._next_keys(*key) if other not in self._done]
            if key in self._done or not missing:
                waiting.pop()
            waiting += missing
            if not missing and key not in self._done:
                tries = [self._classifier(c, key[1]) for c in self.installed.chains.get(key[0], ())]
                self._done[key] = finish(sequence(tries), PASSED)
        return self._done[chain, 0]

    def _key(self, chain: int, resets: int) -> tuple[int, int]:
        """The number of resets counts only if they can become too many from here on."""
        return chain, resets if resets + self._chain_heights.get(chain, 0) > MAX_RESETS else 0

    def _next_keys(self, chain: int, resets: int) -> list[tuple[int, int]]:
        if resets >= MAX_RESETS:
            return []
        return [self._key(other, resets + 1) for other in self._goes.get(chain, ())]

    def _classifier(self, classifier: Classifier, resets: int) -> Decision:
        reached = asked(classifier.protocol, self.frame.skb)
        if reached is b.FALSE:
            return NEXT
        decision = Search(self, resets).run(classifier.root)
        return under(reached, instance(decision))

    def effect(self, node: Node) -> Effect:
        """What a filter's actions do; kept, for a filter may be met on many ways."""
        if id(node) not in self._effects:
            self._effects[id(node)] = run_actions(node.filter)
        return self._effects[id(node)]

    def height(self, table: Table) -> int:
        """How deep tables are nested below this one, at most; one more than allowed if there is a circle."""
        return self._heights[table.number]

    def either(self, condition: Term, x: Decision, y: Decision) -> Decision:
        """See :func:`.outcome.either`."""
        return either(condition, x, y)

    def result(self, node: Node, resets: int) -> Decision:
        """What a filter that ends the search does."""
        effect = self.effect(node)
        sent = sends(effect.sent)
        match effect.end:
            case "continue":
                return Decision(sent) if sent else NEXT
            case "goto" | "reclassify":
                key = self._key(effect.chain, resets + 1)
                after = self._done[key] if resets < MAX_RESETS else DROPPED
            case "ok":
                after = Outcome((), TRUE, b.bv(node.filter.classid or 0, 32))
            case "pass":
                after = PASSED
            case _:
                after = DROPPED
        outcome = Outcome(sent + after.sends, after.stack, after.classid) if sent else after
        return Decision((), TRUE, TRUE, outcome)

    def _measure_chains(self) -> dict[int, tuple[int, ...]]:
        """Per chain, the chains to which its filters go on."""
        goes: dict[int, dict[int, None]] = {chain: {} for chain in self.installed.chains}
        for chain, classifiers in self.installed.chains.items():
            for node in nodes_below(classifiers):
                effect = self.effect(node)
                if effect.end in ("goto", "reclassify"):
                    goes[chain][effect.chain] = None
        return {chain: tuple(to) for chain, to in goes.items()}


def nodes_below(classifiers: Iterable[Classifier]) -> list[Node]:
    """Every filter that these classifiers can reach."""
    tables = [c.root for c in classifiers]
    seen = {id(t) for t in tables}
    nodes: list[Node] = []
    while tables:
        for bucket in tables.pop().buckets.values():
            nodes += bucket
            for node in bucket:
                if node.link is not None and id(node.link) not in seen:
                    seen.add(id(node.link))
                    tables.append(node.link)
    return nodes


def table_heights(tables: Iterable[Table]) -> dict[int, int]:
    links = {t.number: {n.link.number for nodes in t.buckets.values() for n in nodes if n.link} for t in tables}
    return _heights({number: tuple(to) for number, to in links.items()}, MAX_DEPTH + 1)


def _heights(arrows: dict[int, tuple[int, ...]], limit: int) -> dict[int, int]:
    """The longest way along the arrows from each node, cut at ``limit``."""
    height = dict.fromkeys(arrows, 0)
    for _ in range(limit):
        new = {
            node: min(limit, max((1 + height.get(other, 0) for other in others), default=0))
            for node, others in arrows.items()
        }
        if new == height:
            break
        height = new
    return height


@dataclass(slots=True)
class _Known:
    """Loads that are known to succeed on the way that led here, so that they need no new question."""

    floors: dict[Offset, int] = field(default_factory=dict)

    def has(self, base: Offset, key: Key) -> bool:
        """Never for a key that may lie below the headroom: there a lower load can fail where a higher one did not."""
        return key.offset >= LOWEST and key.offset <= self.floors.get(base, LOWEST - 1)

    def learn(self, base: Offset, key: Key) -> None:
        """A key's load has not failed."""
        self.floors[base] = max(key.offset, self.floors.get(base, key.offset))

    def copy(self) -> _Known:
        return _Known(dict(self.floors))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the search stands: ``off``, ``off2`` and ``sdepth`` of ``u32_classify``."""

    off: Offset = ZERO
    off2: Offset = ZERO
    depth: int = 0


Walk = tuple[Decision, Offset]
"""What a table's filters do, and ``off2`` where they do not stop (the kernel does not restore it)."""


class Around(Protocol):
    """What a search asks of what is around it."""

    frame: Frame
    budget: Budget

    def height(self, table: Table) -> int:
        """See :meth:`Chains.height`."""
        ...

    def result(self, node: Node, resets: int) -> Decision:
        """What a filter that ends the search does."""
        ...

    def either(self, condition: Term, x: Decision, y: Decision) -> Decision:
        """``x`` where the condition holds, else ``y``."""
        ...


class Search:
    """One run of ``u32_classify``."""

    def __init__(self, chains: Around, resets: int) -> None:
        self.chains = chains
        self.frame = chains.frame
        self.resets = resets
        self._done: dict[tuple[int, int, _Place], Walk] = {}

    def run(self, root: Table) -> Decision:
        """The search from a root table, which has one bucket."""
        return self._bucket(root, 0, _Place())[0]

    def _bucket(self, table: Table, bucket: int, place: _Place) -> Walk:
        if not table.nodes(bucket):
            return NEXT, place.off2
        depth = place.depth if place.depth + self.chains.height(table) > MAX_DEPTH else 0
        key = (table.number, bucket, _Place(place.off, place.off2, depth))
        if key not in self._done:
            self._done[key] = self._filters(table.nodes(bucket), key[2])
        return self._done[key]

    def _filters(self, nodes: Sequence[Node], place: _Place) -> Walk:
        parts: list[Decision] = []
        known = _Known()
        for node in nodes:
            self.chains.budget.spend(node.filter)
            marked = asks_mark(node.filter, self.frame.skb.edited.mark)
            if marked is b.FALSE:
                continue
            if marked is not TRUE:
                after = self._marked(node, marked, place, parts)
            else:
                after = self._filter(node, place, known, parts)
            if after != place.off2:
                place = _Place(place.off, after, place.depth)
        return sequence(parts), place.off2

    def _marked(self, node: Node, marked: Term, place: _Place, parts: list[Decision]) -> Offset:
        """As :meth:`_filter` of a filter that asks for the mark first: without it nothing of the frame is loaded."""
        inside: list[Decision] = []
        after = self._filter(node, place, _Known(), inside)
        parts.append(under(marked, sequence(inside)))
        return merged(marked, after, place.off2, node.filter.span)

    def _filter(self, node: Node, place: _Place, known: _Known, parts: list[Decision]) -> Offset:
        """Add what one filter does to ``parts``; returns ``off2`` after it."""
        matched: list[Term] = []
        on_match = known
        for i, key in enumerate(node.selector.keys):
            if i == 1:
                on_match = known.copy()  # what follows the first key is loaded only if that matches
            load = self._key_load(key, place, node.filter)
            base = self._base(key, place, node.filter)
            if not on_match.has(base, key):
                parts.append(under(b.and_(*matched, b.not_(load.ok)), OUT))
                on_match.learn(base, key)
            mask = b.bv(key.mask, 32)
            matched.append(b.eq(b.band(load.word, mask), b.bv(key.value & key.mask, 32)))
        match = b.and_(*matched)
        if match is b.FALSE:
            return place.off2
        after = place.off2
        if node.link is not None:
            after = self._follow(node, node.link, match, place, parts)
        if node.selector.terminal:
            here = b.TRUE if node.filter.indev is None else b.eq(PORT, b.bv(node.filter.indev, 32))
            parts.append(under(b.and_(match, here), self.chains.result(node, self.resets)))
        return after

    def _base(self, key: Key, place: _Place, filter_: U32Filter) -> Offset:
        """``off + (off2 & offmask)``."""
        if not key.offmask or place.off2 == ZERO:
            return place.off
        return plus(place.off, masked(place.off2, key.offmask, filter_.span), filter_.span)

    def _key_load(self, key: Key, place: _Place, filter_: U32Filter) -> Load:
        base = self._base(key, place, filter_)
        return self.frame.load(base, key.offset, 4, key.mask, filter_.span, checked=True)

    def _follow(self, node: Node, table: Table, match: Term, place: _Place, parts: list[Decision]) -> Offset:
        """PUSH: the linked table, entered where the filter matches; returns ``off2`` after it."""
        if place.depth >= MAX_DEPTH:
            parts.append(under(match, OUT))
            return place.off2
        span, selector = node.filter.span, node.selector
        bucket = b.bv(0, 1)
        if table.divisor > 1:
            load = self.frame.load(place.off, selector.hoff, 4, selector.hmask, span, checked=False)
            parts.append(under(b.and_(match, b.not_(load.ok)), OUT))
            bucket = _bucket_bits(load.word, selector.hmask, table.divisor)
        off, off2 = place.off, place.off2
        entered = TRUE
        if selector.has_offset or selector.var_offset:
            off2 = self._new_offset(node, match, place, parts)
        if selector.eat:
            off, off2 = plus(off, off2, span), ZERO
        if selector.has_offset or selector.var_offset or selector.eat:
            entered = self.frame.longer_than(off)
        decision, after = self._table(table, bucket, _Place(off, off2, place.depth + 1), node.filter)
        parts.append(under(b.and_(match, entered), decision))
        after = merged(entered, after, off2, span)
        return merged(match, after, place.off2, span)

    def _new_offset(self, node: Node, match: Term, place: _Place, parts: list[Decision]) -> Offset:
        """``(off + 3 + ((be16 & offmask) >> offshift)) & ~3``."""
        span, selector = node.filter.span, node.selector
        if not selector.var_offset:
            return fixed((selector.off + 3) & ~3)
        if selector.offshift >= 32:
            raise Unsupported(f"a shift by {selector.offshift} bits", span)
        load = self.frame.load(place.off, selector.offoff, 2, selector.offmask, span, checked=False)
        parts.append(under(b.and_(match, b.not_(load.ok)), OUT))
        shift = min(selector.offshift, 16)
        return of_field(load.word, selector.offmask, shift, selector.off, span)

    def _table(self, table: Table, bucket: Term, place: _Place, filter_: U32Filter) -> Walk:
        """The filters of the bucket that the frame's bits choose, as a tree over those bits."""

        def choose(low: int, bits: int) -> Walk:
            if not any(low <= number < low + (1 << bits) for number in table.buckets):
                return NEXT, place.off2
            if not bits:
                return self._bucket(table, low, place)
            bit = b.eq(b.extract(bucket, bits - 1, bits - 1), b.bv(1, 1))
            if bit.is_const:
                return choose(low + (1 << (bits - 1)) * bit.value, bits - 1)
            no, yes = choose(low, bits - 1), choose(low + (1 << (bits - 1)), bits - 1)
            return self.chains.either(bit, yes[0], no[0]), merged(bit, yes[1], no[1], filter_.span)

        return choose(0, table.divisor.bit_length() - 1)


def asks_mark(filter_: U32Filter, mark: Term) -> Term:
    """Whether a packet has the mark that a filter asks for."""
    if filter_.mark is None:
        return TRUE
    value, mask = filter_.mark
    return b.eq(b.band(mark, b.bv(mask, 32)), b.bv(value, 32))


def _bucket_bits(word: Term, mask: int, divisor: int) -> Term:
    """``u32_hash_fold``, cut to the table's size."""
    shift = (mask & -mask).bit_length() - 1 if mask else 0
    folded = b.lshr(b.band(word, b.bv(mask, 32)), b.bv(shift, 32))
    return b.extract(folded, divisor.bit_length() - 2, 0)


__all__ = ["MAX_DEPTH", "MAX_RESETS", "Budget", "Chains", "Search", "nodes_below", "table_heights"]
