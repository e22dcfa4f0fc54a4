"""Writes and steps as actions: constants are set, fields and registers moved, in stretches that lie side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ...base import CannotOffload
from ...unfold.values import ONE, ZERO, Bits, known
from ..artifact import (
    CFI,
    ETH_IP,
    ETH_IPV6,
    ETH_MPLS,
    FIELDS,
    ICMP,
    ICMPV6,
    Action,
    Bucket,
    DecMplsTtl,
    DecTtl,
    Move,
    Output,
    OutputBits,
    PopMpls,
    PopVlan,
    Prerequisites,
    PushMpls,
    PushVlan,
    Resubmit,
    SetField,
    ToGroup,
    ToMeter,
)
from ..artifact import Bits as Part
from . import seen
from .drafts import Copies, Copy, Draft, Node, Out, Step, Visit, Write

if TYPE_CHECKING:
    from .assemble import Groups
    from .registers import Places

_ANY_PORT: Final = SetField("in_port", 0, 0xFFFF)
"""Then a frame may leave where it came from (``ovs-fields(7)``, in_port)."""
_UNMOVED: Final = ("tcp_flags", "nw_proto", "mpls_bos", "")
"""Fields that are neither moved from nor to."""
_ECN_BITS: Final = 2


@dataclass(frozen=True)
class Needed:
    """What actions need of the frame."""

    types: frozenset[int] = frozenset()
    protocols: frozenset[int] = frozenset()
    tagged: bool | None = None
    any_type: bool = False
    """Whether the type has to be asked for, whatever it is."""

    def also(self, field: seen.Seen) -> Needed:
        """And to have a field."""
        return Needed(
            self.types if field.type is None else self.types | {field.type},
            self.protocols if field.protocol is None else self.protocols | {field.protocol},
            True if field.tagged else self.tagged,
            self.any_type,
        )


def needed(draft: Draft) -> Needed:
    """What the switch wants to see in a flow's match for its actions (``ofpacts_check``)."""
    found = Needed()
    for bits in (*(w.value for w in draft.every_write()), *(s.value for s in draft.steps if isinstance(s, Copy))):
        if max(bits, default=ZERO) >= 0:  # else a constant, as most of what entries of tables write is
            for field in {f[0] for bit in bits if (f := seen.field_of(bit)) is not None}:
                found = found.also(field)
    pushed: set[str] = set()
    for step in draft.steps:
        if isinstance(step, PushVlan):
            pushed.add("tag")
        elif isinstance(step, PushMpls):
            pushed.add("label")
        elif isinstance(step, PopVlan) or (isinstance(step, Copy) and step.needs.tagged):
            found = found if "tag" in pushed else replace(found, tagged=True)
        elif isinstance(step, PopMpls | DecMplsTtl | DecTtl):
            found = replace(found, any_type=True)
        elif isinstance(step, Copy) and step.needs.types:
            label = step.needs.types == ETH_MPLS
            found = found if label and "label" in pushed else replace(found, any_type=True)
    return found


def actions_of(
    draft: Draft, where: Places, live: set[int], numbers: Mapping[Node, int], groups: Groups
) -> tuple[Action, ...]:
    """The actions of a flow, without the last ``goto_table`` (a group that chooses has none). Raises CannotOffload."""
    made = _Maker(draft, where, numbers, groups)
    found: list[Action] = [] if draft.meter is None else [ToMeter(draft.meter)]
    found += _together(made.writes(draft.writes, live))
    if draft.chosen is None:
        return (*found, *made.steps(draft.steps))
    assert draft.target is not None
    on = Resubmit(None, numbers[draft.target])
    buckets = [
        Bucket((*_together(made.writes(writes, live)), on), weight=weight)
        for writes, weight in zip(draft.chosen.buckets, draft.chosen.weights, strict=True)
    ]
    return (*found, ToGroup(groups.number(tuple(buckets), draft.chosen.selection)))


class _Maker:
    def __init__(self, draft: Draft, where: Places, numbers: Mapping[Node, int], groups: Groups) -> None:
        self.draft = draft
        self.where = where
        self.numbers = numbers
        self.groups = groups

    def no(self, reason: str) -> CannotOffload:
        """The error that there is no such action."""
        return CannotOffload(reason, self.draft.span)

    def writes(self, writes: Sequence[Write], live: set[int]) -> list[Action]:
        """Kept numbers that are read somewhere are written."""
        found: list[Action] = []
        for write in writes:
            if write.kept.number in live and write.value:
                bits = write.kept.bits[write.kept.width - write.low - len(write.value) :][: len(write.value)]
                found += self.kept(bits, write.value)
        return found

    def kept(self, target: Bits, value: Bits) -> Iterator[Action]:
        """Bits of registers become these."""
        yield from self._copied([self.where[bit] for bit in target], value, Prerequisites())

    def steps(self, steps: Sequence[Step]) -> Iterator[Action]:
        """The actions of steps."""
        for step in steps:
            match step:
                case Copy(field, low, value, needs):
                    target = [(field, low + i) for i in reversed(range(len(value)))]
                    yield from self._copied(target, value, needs)
                case Out(port, back):
                    yield from self._out(port, back)
                case Copies(buckets):
                    yield ToGroup(self.groups.number(tuple(Bucket(tuple(self.steps(b))) for b in buckets)))
                case Visit(node):
                    yield Resubmit(None, self.numbers[node])
                case _:
                    yield step

    def _out(self, port: Bits, back: bool) -> Iterator[Action]:
        if back:
            yield _ANY_PORT
        value = known(port)
        if value is not None:
            yield Output(value)
            return
        places = [self.where.get(bit) for bit in port]
        first = places[-1]
        assert first is not None
        name, low = first
        if places != [(name, low + i) for i in reversed(range(len(port)))]:
            raise self.no("an egress port in several pieces")
        yield OutputBits(Part(name, low, len(port)))

    def _copied(self, target: Sequence[tuple[str, int]], value: Bits, needs: Prerequisites) -> Iterator[Action]:
        """Stretches that are constant, or side by side in one field, on both sides; the lowest first."""
        number = known(value)
        if number is not None:
            yield from _set_in(target, number, needs)
            return
        pairs = list(zip(reversed(target), reversed(value), strict=True))
        start = 0
        while start < len(pairs):
            end = start + 1
            while end < len(pairs) and self._goes_on(pairs[end - 1], pairs[end]):
                end += 1
            yield self._stretch(pairs[start:end], needs)
            start = end

    def _goes_on(self, x: tuple[tuple[str, int], int], y: tuple[tuple[str, int], int]) -> bool:
        (field, place), value = x
        if y[0] != (field, place + 1):
            return False
        if value in (ZERO, ONE) or y[1] in (ZERO, ONE):
            return value in (ZERO, ONE) and y[1] in (ZERO, ONE)
        name, at, _ = self._source(value)
        halves = ("nw_tos", _ECN_BITS) in ((name, at + 1), (field, place + 1))  # DSCP and ECN have names of their own
        return not halves and self._source(y[1])[:2] == (name, at + 1)

    def _source(self, bit: int) -> tuple[str, int, Prerequisites]:
        if seen.is_kept(bit):
            return (*self.where[bit], Prerequisites())
        found = seen.field_of(bit)
        if found is None:
            raise self.no("a number that is not in a field of OpenFlow's flow key, or is computed")
        field, place = found
        if field.field in _UNMOVED:
            raise self.no("a number that no action of OpenFlow moves")
        types = () if field.type is None else (field.type,)
        needs = Prerequisites(types, () if field.protocol is None else (field.protocol,))
        return field.field, field.low + place, needs

    def _stretch(self, pairs: Sequence[tuple[tuple[str, int], int]], needs: Prerequisites) -> Action:
        (name, low), first = pairs[0]
        width = len(pairs)
        if first in (ZERO, ONE):
            value = sum((bit == ONE) << (low + i) for i, (_, bit) in enumerate(pairs))
            return _set(name, value, ((1 << width) - 1) << low, needs)
        if name in _UNMOVED:
            raise self.no(f"a number that is moved to {name}")
        source, at, wants = self._source(first)
        return Move(Part(source, at, width, _full(source, wants)), Part(name, low, width, _full(name, needs)))


def _set_in(target: Sequence[tuple[str, int]], value: int, needs: Prerequisites) -> Iterator[Action]:
    """A number is set in bits of fields: one action for each stretch of bits side by side, the lowest first."""
    places = target[::-1]
    start = 0
    while start < len(places):
        field, low = places[start]
        end = start + 1
        while end < len(places) and places[end] == (field, low + end - start):
            end += 1
        mask = (1 << (end - start)) - 1
        yield _set(field, (value >> start & mask) << low, mask << low, needs)
        start = end


def _full(field: str, needs: Prerequisites) -> Prerequisites:
    """What the field's name says that it needs: some names are of both kinds of IP, or of both types of labels."""
    if field.startswith("mpls_"):
        return Prerequisites(ETH_MPLS)
    if field.startswith(("nw_", "tp_")) and not set(needs.protocols) & {ICMP, ICMPV6}:
        return Prerequisites((ETH_IP, ETH_IPV6), needs.protocols)
    return needs


def _set(name: str, value: int, mask: int, needs: Prerequisites) -> SetField:
    if name == "vlan_tci" and mask == 0xFFF:
        return SetField(name, value | CFI, mask | CFI, needs)
    return SetField(name, value, mask, needs)


def _together(actions: Sequence[Action]) -> Iterator[Action]:
    """Constants for one register at once."""
    waiting: dict[str, SetField] = {}
    for action in actions:
        if isinstance(action, SetField):
            old = waiting.get(action.field)
            value, mask = (0, 0) if old is None else (old.value & ~action.mask, old.mask)
            waiting[action.field] = SetField(action.field, value | action.value, mask | action.mask, action.needs)
        else:
            yield from waiting.values()
            waiting.clear()
            yield action
    yield from waiting.values()


assert set(_UNMOVED) - {""} <= set(FIELDS)
