"""What is the same on every way: the frame as the switch sees it, what is kept in registers, what is assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ....semantics.source import Span
from ...base import CannotOffload
from ...unfold.state import Context, State
from ...unfold.values import ONE, ZERO, Bits, Cube, known, number
from ..artifact import PLAIN
from . import seen
from .drafts import Kept, Node, Possible

ETHERNET = 14
"""Bytes that every frame has."""
_MAX_VALUES = 64
"""Values of a kept number that a condition on a part of it is compared with."""


Origin = Sequence[tuple[Cube, Mapping[int, int]]]
"""Ways that were brought together: what was known of each, and what it wrote to kept bits."""


@dataclass(frozen=True)
class At:
    """Where a way is: in a node, where ``given`` is known of all packets that come."""

    node: Node
    given: Mapping[int, bool]
    length: int


@dataclass
class FlowContext(Context):
    """The context of a walk that makes flows."""

    fewest: bool = True
    keeps_checksums: bool = True
    machine: str = "openflow"
    most_never: int = 64
    allowed: frozenset[str] = frozenset()
    """Assumptions about frames that may be made."""
    assumed: set[str] = field(default_factory=set)
    """Those that are made."""
    kept: list[Kept] = field(default_factory=list)
    parts: dict[int, list[tuple[Bits, Possible]]] = field(default_factory=dict)
    """Bit of a kept number → the numbers that it is part of, and what they can be."""
    origins: dict[int, Origin] = field(default_factory=dict)
    """Bit of a kept number → the ways that wrote it when they were brought together."""
    _computed: dict[tuple[object, ...], Bits] = field(default_factory=dict)
    _operations: dict[Bits, tuple[str, Bits, Bits]] = field(default_factory=dict)

    # --- the frame ----------------------------------------------------------------------------------------------------

    def ahead(self, state: State, width: int) -> Bits:
        """See :func:`.seen.frame`."""
        return seen.frame(state.cube, state.cursor + width)[state.cursor :]

    def has(self, state: State, count: int, span: Span) -> bool:
        """Plain frames of this way have so many bytes. Raises CannotOffload: not all have, and no flow asks for it."""
        if count <= ETHERNET:
            return True
        if count > seen.least(state.cube):
            raise CannotOffload(
                "a header that the switch does not know here: no flow asks for the frame's length", span
            )
        self.assume(PLAIN)
        return True

    def note(self, bits: Iterable[int], span: Span) -> None:
        """Remember who asks. Raises CannotOffload for what no flow can ask for."""
        new = [bit for bit in bits if bit not in self.asked]
        if any(map(seen.is_hidden, new)):
            raise CannotOffload("a condition on what is in no field of OpenFlow's flow key", span)
        super().note(new, span)

    def assume(self, what: str) -> None:
        """Something is assumed of frames."""
        self.assumed.add(what)

    def place_of(self, name: str) -> Span | None:
        """Where a field was first asked for."""
        return next((self.asked[bit] for bit in seen.bits(name) if bit in self.asked), None)

    # --- conditions ---------------------------------------------------------------------------------------------------

    def narrowed(self, cube: Cube, wanted: Mapping[int, bool]) -> Cube | None:
        """Where these bits are so too; None if that cannot be."""
        found = cube.with_bits(wanted)
        if found is None or found is cube:
            return found
        if any(_holds(never, found.bits) for never in cube.never):
            return None
        kept = [bit for bit in wanted if seen.is_kept(bit)]
        if any(self._impossible(found, bit) for bit in kept):
            return None
        origins = {id(o): o for bit in kept if (o := self.origins.get(bit)) is not None}
        return found if all(self._some_origin(found, origin) for origin in origins.values()) else None

    def _some_origin(self, cube: Cube, origin: Origin) -> bool:
        """Whether one of the ways that were brought together can be one with these bits."""
        for before, sources in origin:
            wanted = {bit: value for bit, value in cube.bits.items() if bit not in sources}
            asked = [(sources[bit], value) for bit, value in cube.bits.items() if bit in sources]
            fits = all((bit == ONE) == value for bit, value in asked if bit in (ZERO, ONE))
            wanted |= {bit: value for bit, value in asked if bit not in (ZERO, ONE)}
            fits = fits and all(wanted[bit] == value for bit, value in asked if bit in wanted)
            fits = fits and not any(_holds_there(never, before, sources) for never in cube.never)
            if fits and self.narrowed(before, wanted) is not None:
                return True
        return False

    def _impossible(self, cube: Cube, bit: int) -> bool:
        return any(
            part.values is not None and not _some(part.values, bits, cube.bits)
            for bits, part in self.parts.get(bit, ())
        )

    # --- numbers ------------------------------------------------------------------------------------------------------

    def keep(self, width: int, area: object = None) -> Kept:
        """A new number to keep."""
        made = Kept(len(self.kept), width, area or object())
        self.kept.append(made)
        self.part(made.bits, made.possible)
        return made

    def part(self, bits: Bits, possible: Possible) -> None:
        """Say what some bits of a kept number can be together."""
        for bit in bits:
            self.parts.setdefault(bit, []).append((bits, possible))

    def possible(self, bits: Bits) -> set[int] | None:
        """What a number can be, if that is known."""
        value = known(bits)
        if value is not None:
            return {value}
        for whole, part in self.parts.get(bits[0], ()) if bits and seen.is_kept(bits[0]) else ():
            if whole == bits and part.values is not None:
                return part.values
        return None

    def computed(self, op: str, left: Bits, right: Bits) -> Bits | None:
        """A field less one (or plus 255) is what the switch can compute, and other sums can be compared."""
        value = known(right)
        if op not in ("+", "-") or value is None or len(left) != 8 or seen.field_of(left[0]) is None:
            return None
        if (value if op == "-" else -value) & 0xFF != 1:
            return None
        return self._new(("less", left), 8, ("less", left, ()))

    def less_one(self, bits: Bits) -> Bits | None:
        """The field that a number is one less than; None if it is none of that kind."""
        found = self._operations.get(bits)
        return found[1] if found is not None and found[0] == "less" else None

    def equations(self, left: Bits, right: Bits) -> list[list[tuple[Bits, Bits]]]:
        """``field - 1 == number`` is ``field == number + 1``; of two numbers that are not known, one must be one of a
        few: then both have one of these values."""
        for x, y in ((left, right), (right, left)):
            field_, value = self.less_one(x), known(y)
            if field_ is not None and value is not None:
                return [[(field_, number(value + 1, 8))]]
        if left != right and known(left) is None and known(right) is None:
            for x in (left, right):
                values = self.possible(x)
                if values is not None and len(values) <= _MAX_VALUES:
                    return [[(left, number(v, len(x))), (right, number(v, len(x)))] for v in sorted(values)]
        return [[(left, right)]]

    def checksum(self, data: Bits) -> Bits | None:
        """The Internet checksum of an IPv4 header without options and without its checksum."""
        if len(data) != 144:
            return None
        return self._new(("checksum", data), 16, ("checksum", data, ()))

    def checksum_right(self, data: Bits, checksum: Bits) -> bool:
        """Whether both are those of a frame's IPv4 header, unchanged."""
        places = [bit - seen.HIDDEN for bit in checksum if seen.is_hidden(bit)]
        if len(places) != 16 or places != list(range(places[0], places[0] + 16)):
            return False
        start = places[0] - 80
        header = seen.ipv4_header(start)
        if data != header[:80] + header[96:] or start not in (112, 144):
            return False
        self.assume(PLAIN)
        return True

    def _new(self, key: tuple[object, ...], width: int, operation: tuple[str, Bits, Bits]) -> Bits:
        if key not in self._computed:
            first = seen.COMPUTED + (len(self._computed) << 8)
            made = tuple(first + i for i in reversed(range(width)))
            self._computed[key] = made
            self._operations[made] = operation
        return self._computed[key]


def _holds(condition: Mapping[int, bool], bits: Mapping[int, bool]) -> bool:
    return all(bits.get(bit) == value for bit, value in condition.items())


def _holds_there(condition: Mapping[int, bool], before: Cube, sources: Mapping[int, int]) -> bool:
    """Whether a condition on bits that ways write when they come together holds of one of them."""
    values = {ONE: True, ZERO: False}
    for bit, value in condition.items():
        source = sources.get(bit, bit)
        if values.get(source, before.bits.get(source)) != value:
            return False
    return True


def _some(values: set[int], bits: Bits, condition: Mapping[int, bool]) -> bool:
    """Whether one of the values fits what is known of the bits."""
    mask = value = 0
    for bit in bits:
        mask, value = mask << 1 | (bit in condition), value << 1 | condition.get(bit, False)
    if mask == (1 << len(bits)) - 1:
        return value in values
    return len(values) > _MAX_VALUES or any(one & mask == value for one in values)
