"""Drafts to flows: nodes get numbers, kept numbers registers, orders priorities; what no packet reaches goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ....semantics.source import NOWHERE
from ...base import CannotOffload
from ...unfold.values import ONE, ZERO, Bits
from ..artifact import (
    TAGS_88A8,
    TAGS_8100,
    Bridge,
    Bucket,
    Flow,
    Goto,
    Group,
    Masked,
    Meter,
    Selection,
)
from . import seen
from .actions import actions_of
from .context import FlowContext
from .drafts import Chosen, Copies, Copy, Draft, Node, Out, Step, Write
from .matches import Matches
from .priorities import Line, with_priorities
from .registers import live_numbers, places

_TABLES: Final = 254
_COMPARED: Final = 400
"""Flows of a table up to which each is compared with each."""


def assemble(context: FlowContext, nodes: Sequence[Node], file: str, meters: Iterable[Meter] = ()) -> Bridge:
    """The flows and groups, with these meters.

    Raises:
        CannotOffload: there is too much of something, or what no match can ask for.
    """
    _put_in_constants(context, nodes)
    _put_in_copies(nodes)
    start = nodes[0]
    _without_detours(start)
    start = _behind_nothing(start)
    order = _in_order(start)
    if len(order) > _TABLES:
        raise CannotOffload(f"{len(order)} tables are needed; the switch has {_TABLES}", NOWHERE)
    where = places(context.kept, order)
    live = live_numbers(order)
    numbers = {node: i for i, node in enumerate(order)}
    groups = Groups()
    flows: list[Flow] = []
    for node in order:
        flows += _flows(context, node, numbers, where, live, groups)
    return Bridge(tuple(flows), groups.all(), file, tuple(sorted(context.assumed)), tuple(meters))


class Groups:
    """Groups by what they do."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[tuple[Bucket, ...], Selection | None], int] = {}

    def number(self, buckets: tuple[Bucket, ...], chosen: Selection | None = None) -> int:
        """The number of the group with these buckets: all of them act, or one that is chosen in this way."""
        return self._numbers.setdefault((buckets, chosen), len(self._numbers) + 1)

    def all(self) -> tuple[Group, ...]:
        """All of them."""
        return tuple(
            Group(number, "all", buckets) if chosen is None else Group(number, "select", buckets, selection=chosen)
            for (buckets, chosen), number in self._numbers.items()
        )


# --- nodes ------------------------------------------------------------------------------------------------------------


def _put_in_constants(context: FlowContext, nodes: Iterable[Node]) -> None:
    """Kept numbers that are always the same are no longer kept."""
    constants: dict[int, int] = {}
    for kept in context.kept:
        if kept.possible.values is not None and len(kept.possible.values) == 1:
            value = next(iter(kept.possible.values))
            constants |= {bit: ONE if value >> i & 1 else ZERO for i, bit in enumerate(reversed(kept.bits))}
    for node in nodes:
        node.drafts = [known for draft in node.drafts if (known := _with_constants(draft, constants)) is not None]


def _put_in_copies(nodes: Iterable[Node]) -> None:
    """A kept number that is written in one place only, from another one, is that one."""
    writes: dict[int, list[Write]] = {}
    for node in nodes:
        for draft in node.drafts:
            for write in draft.every_write():
                writes.setdefault(write.kept.number, []).append(write)
    copies: dict[int, int] = {}
    for found in writes.values():
        only = found[0]
        if len(found) == 1 and len(only.value) == only.kept.width and all(map(seen.is_kept, only.value)):
            copies |= dict(zip(only.kept.bits, only.value, strict=True))
    for bit in copies:
        while copies[bit] in copies:
            copies[bit] = copies[copies[bit]]
    for node in nodes:
        node.drafts = [new for draft in node.drafts if (new := _with_constants(draft, copies)) is not None]


def _with_constants(draft: Draft, constants: Mapping[int, int]) -> Draft | None:
    """The flow with bits put in for others; None if its match cannot hold."""
    match = _asked_with(draft.match, constants)
    if match is None:
        return None
    steps = tuple(_with(step, constants) for step in draft.steps)
    chosen = _with_chosen(draft.chosen, constants)
    return replace(draft, match=match, writes=_written(draft.writes, constants), steps=steps, chosen=chosen)


def _asked_with(asked: Mapping[int, bool], constants: Mapping[int, int]) -> Mapping[int, bool] | None:
    if constants.keys().isdisjoint(asked):  # so it is for most entries of a large table
        return asked
    match: dict[int, bool] = {}
    for bit, value in asked.items():
        new = constants.get(bit, bit)
        if match.get(new, value) != value or (new in (ZERO, ONE) and (new == ONE) != value):
            return None
        match[new] = value
    match.pop(ZERO, None)
    match.pop(ONE, None)
    return match


def _written(writes: Iterable[Write], constants: Mapping[int, int]) -> list[Write]:
    return [Write(w.kept, _put(w.value, constants), w.low) for w in writes]


def _with_chosen(chosen: Chosen | None, constants: Mapping[int, int]) -> Chosen | None:
    if chosen is None:
        return None
    return replace(chosen, buckets=tuple(tuple(_written(bucket, constants)) for bucket in chosen.buckets))


def _put(bits: Bits, constants: Mapping[int, int]) -> Bits:
    if constants.keys().isdisjoint(bits):
        return bits
    return tuple(constants.get(bit, bit) for bit in bits)


def _with(step: Step, constants: Mapping[int, int]) -> Step:
    if isinstance(step, Copy):
        return replace(step, value=_put(step.value, constants))
    if isinstance(step, Out):
        return replace(step, port=_put(step.port, constants))
    if isinstance(step, Copies):
        return Copies(tuple(tuple(_with(one, constants) for one in bucket) for bucket in step.buckets))
    return step


def _without_detours(start: Node) -> None:
    """A node with one flow for all packets is done where one comes from."""
    done: set[Node] = set()

    def straighten(node: Node) -> None:
        if node in done:
            return
        done.add(node)
        for following in list(node.targets):
            straighten(following)
        drafts = []
        for draft in node.drafts:
            target = draft.target
            if (
                target is None
                or draft.chosen is not None
                or (target.drafts and (len(target.drafts) > 1 or target.drafts[0].match))
            ):
                drafts.append(draft)
                continue
            only = target.drafts[0] if target.drafts else Draft((), {}, {})
            if draft.meter is not None and only.meter is not None:
                drafts.append(draft)
                continue
            merged = replace(
                only,
                order=draft.order,
                match=draft.match,
                facts={**only.facts, **draft.facts},
                writes=[*draft.writes, *only.writes],
                span=draft.span,
                meter=only.meter if draft.meter is None else draft.meter,
            )
            drafts.append(_folded(merged))
        node.drafts = drafts

    straighten(start)


def _behind_nothing(start: Node) -> Node:
    """The first node that does something: those before it send all packets on, and write nothing that is read."""
    live = live_numbers(_in_order(start))
    while len(start.drafts) == 1 and not start.drafts[0].match:
        only = start.drafts[0]
        if (
            only.target is None
            or only.meter is not None
            or any(write.kept.number in live for write in only.every_write())
        ):
            break
        start = only.target
    return start


def _folded(draft: Draft) -> Draft:
    """Constants that the flow itself writes are put into what it does with them."""
    known: dict[int, int] = {}
    writes: list[Write] = []
    for write in draft.writes:
        done = replace(write, value=_put(write.value, known))
        bits = write.kept.bits[write.kept.width - write.low - len(write.value) :]
        for bit, value in zip(bits, done.value, strict=False):
            known.pop(bit, None)
            if value in (ZERO, ONE):
                known[bit] = value
        writes.append(done)
    steps = tuple(_with(step, known) for step in draft.steps)
    return replace(draft, writes=writes, steps=steps, chosen=_with_chosen(draft.chosen, known))


def _next(node: Node) -> Iterator[Node]:
    for draft in node.drafts:
        if draft.target is not None:
            yield draft.target
        yield from _visited(draft.steps)


def _visited(steps: Iterable[Step]) -> Iterator[Node]:
    for step in steps:
        if isinstance(step, Copies):
            for bucket in step.buckets:
                yield from _visited(bucket)
        elif hasattr(step, "node"):
            yield step.node


def _in_order(start: Node) -> list[Node]:
    """The nodes that packets come to, each behind all that lead to it."""
    found: list[Node] = []
    seen_: set[Node] = {start}
    todo: list[tuple[Node, Iterator[Node]]] = [(start, iter(dict.fromkeys(_next(start))))]
    while todo:
        node, following = todo[-1]
        one = next(following, None)
        if one is None:
            todo.pop()
            found.append(node)
        elif one not in seen_:
            seen_.add(one)
            todo.append((one, iter(dict.fromkeys(_next(one)))))
    return found[::-1]


# --- flows ------------------------------------------------------------------------------------------------------------


def _flows(
    context: FlowContext, node: Node, numbers: Mapping[Node, int], where: Mapping[int, tuple[str, int]],
    live: set[int], groups: Groups,
) -> list[Flow]:  # fmt: skip
    matches = Matches(context, where)
    lines: list[Line] = []
    for draft in sorted(node.drafts, key=lambda d: d.order):
        actions = actions_of(draft, where, live, numbers, groups)
        if draft.target is not None and draft.chosen is None:
            actions = (*actions, Goto(numbers[draft.target]))
        lines += [(match, actions, draft) for match in matches.of(draft)]
    _check_tags(context, lines)
    return list(with_priorities(_useful(lines), numbers[node]))


def _check_tags(context: FlowContext, lines: Sequence[Line]) -> None:
    """The switch does not tell tags of one type from those of the other."""
    by_type: dict[int, list[tuple[object, ...]]] = {0x8100: [], 0x88A8: []}
    for match, actions, draft in lines:
        found = seen.asked_tag(draft.match)
        if found is not None:
            by_type[found].append((match, actions))
    if by_type[0x8100] == by_type[0x88A8]:
        return
    if not by_type[0x88A8]:
        context.assume(TAGS_8100)
    elif not by_type[0x8100]:
        context.assume(TAGS_88A8)
    if {TAGS_8100, TAGS_88A8} <= context.assumed or all(by_type.values()):
        span = next(d.span for _, _, d in lines if seen.asked_tag(d.match) is not None)
        raise CannotOffload("tags of type 0x8100 and of type 0x88a8 are treated differently: the switch does not tell "
                            "them apart", context.place_of("outer") or span)  # fmt: skip


def _useful(lines: Sequence[Line]) -> list[Line]:
    """Without flows that an earlier one hides, and at the end those that drop: a packet without a flow is dropped."""
    kept: list[Line] = []
    there: set[tuple[Masked, ...]] = set()
    for line in lines:
        match = line[0]
        if match in there or (len(lines) <= _COMPARED and any(_covers(other[0], match) for other in kept)):
            continue
        there.add(match)
        kept.append(line)
        if not match:
            break
    while kept and not kept[-1][1]:
        kept.pop()
    return kept


def _covers(x: tuple[Masked, ...], y: tuple[Masked, ...]) -> bool:
    """Whether all packets of ``y`` are packets of ``x``."""
    asked = {m.field: m for m in y}
    for m in x:
        other = asked.get(m.field)
        if other is None or m.mask & ~other.mask or (m.value ^ other.value) & m.mask:
            return False
    return True
