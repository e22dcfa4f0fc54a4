"""Conditions as matches: bits of the frame and of registers become masked fields, with what those fields need.

A field that takes no mask is asked for with each number that the bits allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ...unfold.values import Cube
from ..artifact import CFI, ETH_VLAN, FIELDS, PLAIN, Masked
from . import seen
from .actions import Needed, needed
from .context import FlowContext
from .drafts import Draft

_MOST: Final = 256
"""Matches that one condition may need."""
_KNOWN: Final = 4096
"""Layouts that are kept."""
_FIRST_TYPE: Final = 0x600
_WHOLE_PARTS: Final = {"nw_tos": (0xFC, 0x03)}
"""Fields whose parts are asked for whole."""

Fields = dict[str, tuple[int, int]]
"""Field → value and mask."""


class _Layout:
    """Where some bits are: the entries of a large table ask for the same ones again and again."""

    def __init__(self, places: Sequence[tuple[str, int]], seen_: tuple[seen.Seen, ...]) -> None:
        self.seen = seen_
        self._places = [(field, 1 << place) for field, place in places]
        self._masks: dict[str, int] = {}
        for field, bit in self._places:
            if field:
                self._masks[field] = self._masks.get(field, 0) | bit

    def filled(self, values: Iterable[bool]) -> Fields:
        """The fields that the bits are in, when they have these values."""
        found = dict.fromkeys(self._masks, 0)
        for (field, bit), value in zip(self._places, values, strict=True):
            if value and field:
                found[field] |= bit
        return {field: (value, self._masks[field]) for field, value in found.items()}


class Matches:
    """Makes matches; ``where``: in which registers kept numbers are."""

    def __init__(self, context: FlowContext, where: Mapping[int, tuple[str, int]]) -> None:
        self.context = context
        self.where = where
        self._layouts: dict[tuple[int, ...], _Layout] = {}

    def of(self, draft: Draft) -> Iterator[tuple[Masked, ...]]:
        """The matches of a flow: together they are its condition; none if it cannot hold."""
        layout = self._layout(draft)
        fields = layout.filled(draft.match.values())
        needs = needed(draft)
        for field in layout.seen:
            needs = needs.also(field)
        if self._types(draft, needs, fields):
            yield from self._spread(fields, draft)

    def _layout(self, draft: Draft) -> _Layout:
        """Where the bits that a flow asks for are."""
        bits = tuple(draft.match)
        layout = self._layouts.get(bits)
        if layout is None:
            fields = (found[0] for bit in bits if (found := seen.field_of(bit)) is not None)
            layout = _Layout([self._field(bit, draft) for bit in bits], tuple(dict.fromkeys(fields)))
            if len(self._layouts) == _KNOWN:
                self._layouts.clear()
            self._layouts[bits] = layout
        return layout

    def _field(self, bit: int, draft: Draft) -> tuple[str, int]:
        """Field and place of a bit; "" for the types, which are asked for as a whole."""
        if seen.is_kept(bit):
            return self.where[bit]
        found = seen.field_of(bit)
        if found is None:
            raise CannotOffload("a condition on what is in no field of OpenFlow's flow key", self._span([bit], draft))
        field, place = found
        return field.field, field.low + place

    def _span(self, bits: Iterable[int], draft: Draft) -> Span:
        return next((self.context.asked[bit] for bit in bits if bit in self.context.asked), draft.span or NOWHERE)

    def _types(self, draft: Draft, needs: Needed, fields: Fields) -> bool:
        """Adds the types, the protocol and the tag; False if they contradict each other."""
        asked = Cube(draft.match, 0)
        facts = Cube({**draft.facts, **draft.match}, 0)
        tagged = needs.tagged
        types = set(needs.types)
        for name in ("outer", "inner"):
            bits = [bit for bit in seen.bits(name) if bit in draft.match]
            if not bits:
                continue
            value = seen.number_of(asked, name)
            if value is None or value < _FIRST_TYPE:
                raise CannotOffload("a condition on a part of the Ethernet type, or on a length in its place",
                                    self._span(bits, draft))  # fmt: skip
            self.context.assume(PLAIN)
            if name == "outer":
                if tagged is not None and tagged != (value in ETH_VLAN):
                    return False
                tagged = value in ETH_VLAN
            if name == "inner" or value not in ETH_VLAN:
                types.add(value)
        if needs.any_type:
            known = seen.ethertype(facts)
            if known is None:
                raise CannotOffload("an action on a header that the frame may not have", draft.span)
            types.add(known)
        return self._put(fields, types, needs, tagged)

    def _put(self, fields: Fields, types: set[int], needs: Needed, tagged: bool | None) -> bool:
        if len(types) > 1 or len(needs.protocols) > 1:
            return False
        if types:
            self.context.assume(PLAIN)
            fields["eth_type"] = next(iter(types)), 0xFFFF
        for protocol in needs.protocols:
            if fields.get("nw_proto", (protocol, 0))[0] != protocol and fields["nw_proto"][1] == 0xFF:
                return False
            fields["nw_proto"] = protocol, 0xFF
        if tagged is not None:
            value, mask = fields.get("vlan_tci", (0, 0))
            if not tagged and mask:
                return False
            fields["vlan_tci"] = value | (CFI if tagged else 0), mask | CFI
        if "in_port" in fields:  # nine bits of sixteen, the others zero
            if fields["in_port"] == (0, 0x1FF):
                return False  # ports are numbered from 1
            fields["in_port"] = fields["in_port"][0], fields["in_port"][1] | 0xFE00
        return True

    def _spread(self, fields: Fields, draft: Draft) -> Iterator[tuple[Masked, ...]]:
        found: list[Fields] = [{}]
        for name, (value, mask) in fields.items():
            choices = list(_choices(name, value, mask))
            if len(choices) * len(found) > _MOST:
                raise CannotOffload(f"a condition on a part of {name}, which takes no mask", self._asked(name, draft))
            found = [{**one, name: choice} for one in found for choice in choices]
        for one in found:
            yield tuple(Masked(name, *one[name]) for name in sorted(one))

    def _asked(self, name: str, draft: Draft) -> Span:
        return self._span([b for b in draft.match if (f := seen.field_of(b)) is not None and f[0].field == name], draft)


def _choices(name: str, value: int, mask: int) -> Iterator[tuple[int, int]]:
    """The values with which a field can be asked for the bits in ``mask``."""
    full = (1 << FIELDS[name].width) - 1
    parts = _WHOLE_PARTS.get(name, () if FIELDS[name].maskable else (full,))
    missing = 0
    for part in parts:
        if mask & part:
            missing |= part & ~mask
    if not missing:
        yield value, mask
        return
    if missing.bit_count() > _MOST.bit_length():
        yield from [(value, mask)] * (_MOST + 1)
        return
    bits = [1 << i for i in range(full.bit_length()) if missing >> i & 1]
    for chosen in range(1 << len(bits)):
        yield value | sum(bit for i, bit in enumerate(bits) if chosen >> i & 1), mask | missing
