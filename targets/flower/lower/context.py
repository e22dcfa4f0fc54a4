"""What is the same on every way: the frame as flower sees it, what is assumed, what actions compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ....semantics.source import Span
from ...base import CannotOffload
from ...unfold.frames import TAG_TYPES
from ...unfold.state import Context, State
from ...unfold.values import Bits, Cube, known, number
from ..artifact import CHECKSUMS_RIGHT, ETH_IP, PLAIN, TAGS_WHOLE, TYPES_TOLD, UNFRAGMENTED
from . import seen

_OCTET = 8
_IPV4_STARTS = (112, 144, 176)
"""Bits at which an IPv4 header begins, behind no tag, one or two."""


@dataclass
class FlowerContext(Context):
    """The context of a walk that makes flower filters."""

    fewest: bool = True
    keeps_checksums: bool = True
    machine: str = "flower"
    most_never: int = 16
    whole: bool = False
    """Whether IPv4 packets are taken to be no fragments."""
    assumed: set[str] = field(default_factory=set)
    """The assumptions about frames that are made."""
    _sums: dict[Bits, tuple[Bits, int]] = field(default_factory=dict)
    _checksums: dict[Bits, Bits] = field(default_factory=dict)

    # --- the frame ----------------------------------------------------------------------------------------------------

    def ahead(self, state: State, width: int) -> Bits:
        """The next bits of the frame, those put in that a plain frame always has."""
        always = seen.constant(state.cube, whole=self.whole)
        return tuple(always.get(place, place) for place in range(state.cursor, state.cursor + width))

    def has(self, state: State, count: int, span: Span) -> bool:
        """Plain frames of this way have so many bytes. Raises CannotOffload: not all have, and no key asks for it."""
        if count <= seen.certain(state.cube):
            return True
        if count > seen.least(state.cube, whole=self.whole):
            raise CannotOffload("a header that flower does not know here: no key asks for the frame's length", span)
        self.assumed.add(PLAIN)
        if self.whole and seen.seen(state.cube).kind == ETH_IP:
            self.assumed.add(UNFRAGMENTED)
        return True

    def types_asked(self) -> None:
        """A filter asks for frames of IP, which flower takes for others if IP carries MPLS."""
        self.assumed.add(TYPES_TOLD)

    def popped(self, kind: int | None) -> None:
        """A tag is taken off before a type: the kernel takes up a tag that follows, and drops one that is cut."""
        if kind is None or kind in TAG_TYPES:
            self.assumed.add(TAGS_WHOLE)

    def narrowed(self, cube: Cube, wanted: Mapping[int, bool]) -> Cube | None:
        """Where these bits are so too; None if that cannot be, also because an earlier way has such packets, or no way
        that was brought together has them."""
        found = cube.with_bits(wanted)
        if found is None or found is cube:
            return found
        if any(all(found.bits.get(bit) == value for bit, value in never.items()) for never in cube.never):
            return None
        if not cube.among:
            return found
        left = tuple(one for one in cube.among if seen.agree(one, found.bits))
        return replace(found, among=left) if left else None

    # --- numbers ------------------------------------------------------------------------------------------------------

    def computed(self, op: str, left: Bits, right: Bits) -> Bits | None:
        """A sum of an octet of the frame and a constant, which ``pedit`` may be able to make."""
        value = known(right)
        if op not in ("+", "-") or value is None or len(left) != _OCTET:
            return None
        bits, added = self._sums.get(left, (left, 0))
        if any(not 0 <= bit < seen.IN_PORT for bit in bits):
            return None
        more = (added + (value if op == "+" else -value)) & 0xFF
        return bits if more == 0 else self._sum(bits, more)

    def _sum(self, bits: Bits, added: int) -> Bits:
        for made, sum_ in self._sums.items():
            if sum_ == (bits, added):
                return made
        made = self._new(_OCTET)
        self._sums[made] = bits, added
        return made

    def sum(self, bits: Bits) -> tuple[Bits, int] | None:
        """What a number is the sum of; None if it is none."""
        return self._sums.get(bits)

    def equations(self, left: Bits, right: Bits) -> list[list[tuple[Bits, Bits]]]:
        """``octet + a == number`` is ``octet == number - a``."""
        for x, y in ((left, right), (right, left)):
            sum_, value = self._sums.get(x), known(y)
            if sum_ is not None and value is not None:
                return [[(sum_[0], number((value - sum_[1]) & 0xFF, _OCTET))]]
        return [[(left, right)]]

    def checksum(self, data: Bits) -> Bits | None:
        """The Internet checksum of an IPv4 header without options and without its checksum."""
        if len(data) != 144:
            return None
        made = self._new(16)
        self._checksums[made] = data
        return made

    def checksum_right(self, data: Bits, checksum: Bits) -> bool:
        """Whether both are those of a frame's IPv4 header, unchanged."""
        start = checksum[0] - 80 if len(checksum) == 16 else -1
        if start not in _IPV4_STARTS:
            return False
        header = seen.ipv4_header(start, whole=self.whole)
        if data != header[:80] + header[96:] or checksum != header[80:96]:
            return False
        self.assumed |= {PLAIN, CHECKSUMS_RIGHT} | ({UNFRAGMENTED} if self.whole else set())
        return True

    def summed(self, checksum: Bits) -> Bits | None:
        """What a number is the checksum of; None if it is none."""
        return self._checksums.get(checksum)

    def _new(self, width: int) -> Bits:
        first = seen.COMPUTED + 16 * (len(self._sums) + len(self._checksums))
        return tuple(first + i for i in range(width))
