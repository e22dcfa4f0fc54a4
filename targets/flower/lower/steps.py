"""What has become of a frame, as actions: what was taken from it beside what is emitted.

The order is that of :func:`changes`: words of the frame as it came (``pedit``, which counts from where the network
header begins, and from the Ethernet header), IPv4's checksum, labels, and tags last, so that each action finds what it
counts from at its place. No action copies one part of a frame into another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ....semantics.source import Span
from ...tc.artifact.actions import PIPE, Action, Csum, Mpls, Pedit, PeditKey, Vlan
from ...unfold.frames import LABEL_TYPES, Parts, Rewrite, alike, same
from ...unfold.state import State
from ...unfold.values import ONE, ZERO, Bits, Wanted, equals, known
from ..artifact import ETH_IP, ETH_IP6
from .context import FlowerContext

_WORD: Final = 32
_ALL: Final = 0xFFFFFFFF
_NO_VID: Final = 0xFFF
_TTL: Final = {ETH_IP: ("ip", 8), ETH_IP6: ("ip6", 7)}
"""The octets that ``pedit`` adds to, each by itself: header and place."""
_CHECKSUM: Final = range(80, 96)
_HEADER: Final = 160

Variant = tuple[Wanted, tuple[Action, ...]]
"""What must hold as well, and the actions."""


def emitted(way: State) -> Bits:
    """What the deparser has written."""
    return tuple(bit for field in way.emitted for bit in field)


def unchanged(way: State, stream: Bits) -> bool:
    """Whether a frame leaves as it came."""
    return same(way, stream, way.taken)


def changes(context: FlowerContext, way: State, stream: Bits, span: Span) -> Iterator[Variant]:
    """The actions that make ``stream`` of the frame's beginning; where they depend on more than is known, for each
    possibility, in order.

    Raises:
        CannotOffload: no actions do that.
    """
    if unchanged(way, stream):
        yield {}, ()
        return
    yield from _Writer(context, way, way.taken, stream, span).variants()


def retagged(context: FlowerContext, way: State, old: Bits, new: Bits, span: Span) -> tuple[Action, ...]:
    """The actions that make of one frame another one that differs in its tags only.

    Raises:
        CannotOffload: they differ in more, or no actions do that.
    """
    writer = _Writer(context, way, old, new, span)
    if not same(way, _without_tags(writer.before), _without_tags(writer.after)):
        raise writer.no("copies of a frame that differ in more than their tags")
    return tuple(writer.tags())


def _without_tags(of: Parts) -> Bits:
    return (*of.addresses, *of.kind, *(bit for label in of.labels for bit in label), *of.rest)


class _Writer(Rewrite):
    """The actions from one frame to the other."""

    def __init__(self, context: FlowerContext, way: State, old: Bits, new: Bits, span: Span) -> None:
        super().__init__(way, old, new, span)
        self.context = context

    def variants(self) -> Iterator[Variant]:
        """See :func:`changes`."""
        words = _Words(self)
        words.addresses()
        pops, pushes = self.label_changes()
        checksum = words.rest()
        tags = self.tags()
        if (pops or pushes) and len(self.before.tags) > 1:
            raise self.no("labels change behind two tags: a label is pushed before the second one")
        for wanted, keys, labels in self._labels(pops, pushes):
            if not (pops or pushes):
                words.type()
            both = (*words.keys(), *keys)
            actions: list[Action] = [Pedit(both, PIPE)] if both else []
            actions += [Csum(("iph",), PIPE)] if checksum else []
            yield wanted, (*actions, *labels, *tags)

    # --- tags ---------------------------------------------------------------------------------------------------------

    def tags(self) -> list[Action]:
        """Tags that differ are popped, from the outermost on, and pushed; the outermost may be written to."""
        old, new = list(self.before.tags), list(self.after.tags)
        while old and new and self._same_tag(old[-1], new[-1]):
            del old[-1], new[-1]
        found: list[Action] = []
        if len(old) == 1 and new:
            written = self._modified(old[0], new[-1])
            if written is not None:
                found.append(written)
                del old[-1], new[-1]
        kinds = [kind for kind, _ in self.before.tags] + [self.before.kind]
        for kind in kinds[1 : len(old) + 1]:
            self.context.popped(known(self.way.cube.resolve(kind)))
        found += [Vlan("pop") for _ in old]
        for tag in reversed(new):
            found.append(self._pushed(tag))
        return found

    def _same_tag(self, x: tuple[Bits, Bits], y: tuple[Bits, Bits]) -> bool:
        return same(self.way, x[0], y[0]) and same(self.way, x[1], y[1])

    def _modified(self, old: tuple[Bits, Bits], new: tuple[Bits, Bits]) -> Vlan | None:
        """The action that writes to a tag; None if it cannot: the id is always written, the DEI never."""
        kind, vid = known(self.way.cube.resolve(new[0])), known(self.way.cube.resolve(new[1][4:]))
        if kind is None or vid is None or vid == _NO_VID or not alike(self.way, old[1][3], new[1][3]):
            return None
        priority = known(self.way.cube.resolve(new[1][:3]))
        if same(self.way, old[1][:3], new[1][:3]):
            return Vlan("modify", vid, None, kind)
        return None if priority is None else Vlan("modify", vid, priority, kind)

    def _pushed(self, tag: tuple[Bits, Bits]) -> Vlan:
        kind, tci = (known(self.way.cube.resolve(bits)) for bits in tag)
        if kind is None or tci is None:
            raise self.no("a tag is written with a number that is taken from the frame or computed")
        if tci >> 12 & 1:
            raise self.no("a tag's DEI is written: tc writes zero")
        if tci & 0xFFF == _NO_VID:
            raise self.no("VLAN id 4095, which tc does not write")
        return Vlan("push", tci & 0xFFF, tci >> 13, kind)

    # --- labels -------------------------------------------------------------------------------------------------------

    def _labels(self, old: list[Bits], new: list[Bits]) -> Iterator[tuple[Wanted, tuple[PeditKey, ...], list[Action]]]:
        if not old and not new:
            yield {}, (), []
            return
        kind = self.type_after()
        if not self.after.labels and kind in LABEL_TYPES:
            raise self.no("a type of labels without labels")
        if not (old and new):
            under = known(self.way.cube.resolve(self.before.kind))
            pops = [Mpls("pop", under if i + 1 < len(old) else kind) for i in range(len(old))]
            yield {}, (), [*pops, *(self._push(label, kind) for label in new)]
            return
        if not same(self.way, self.before.kind, self.after.kind):
            raise self.no("a label and its type change at once")
        above: list[Action] = [self._push(label, kind) for label in new[1:]]
        pops = [Mpls("pop", kind)] * (len(old) - 1)
        for wanted, keys, written in self._swapped(old[-1], new[0]):
            if keys and pops:
                raise self.no("several labels go, and one is written to")
            yield wanted, keys, [*pops, *written, *above]

    def _push(self, label: Bits, kind: int) -> Mpls:
        value = known(self.way.cube.resolve(label))
        if value is None:
            raise self.no("a label stack entry is written with what is taken from the frame or computed")
        if not value & 0xFF:
            raise self.no("a label's TTL of 0, which tc does not write")
        return Mpls("push", kind, value >> 12, value >> 9 & 7, value & 0xFF, value >> 8 & 1)

    def _swapped(self, old: Bits, new: Bits) -> Iterator[tuple[Wanted, tuple[PeditKey, ...], list[Action]]]:
        """A label stack entry is written to. The kernel drops what it would give a TTL of 0; that is written by
        ``pedit``."""
        parts_ = {"label": (0, 20), "tc": (20, 23), "bos": (23, 24)}
        values = {name: self._constant(old[i:j], new[i:j], name) for name, (i, j) in parts_.items()}
        written: list[Action] = []
        if any(value is not None for value in values.values()):
            written.append(Mpls("modify", **values))  # type: ignore[arg-type]
        before, after = old[24:], new[24:]
        if same(self.way, before, after):
            yield {}, (), written
            return
        if self.context.sum(after) == (before, 0xFF):
            yield from self._less_one(before, written)
            return
        ttl = self._constant(before, after, "ttl")
        assert ttl is not None
        yield ({}, (_TTL_ZERO,), written) if ttl == 0 else ({}, (), [*written, Mpls("modify", ttl=ttl)])

    def _less_one(
        self, ttl: Bits, written: list[Action]
    ) -> Iterator[tuple[Wanted, tuple[PeditKey, ...], list[Action]]]:
        last = equals(self.way.cube.resolve(ttl), 1, 0xFF, self.span)
        if last is not None:
            yield last, (_TTL_ZERO,), written
        if last != {}:
            yield {}, (), [*written, Mpls("dec_ttl")]

    def _constant(self, old: Bits, new: Bits, name: str) -> int | None:
        """What is written; None where nothing is."""
        if same(self.way, old, new):
            return None
        value = known(self.way.cube.resolve(new))
        if value is None:
            raise self.no(f"a label's {name} is written with what is taken from the frame or computed")
        return value


_TTL_ZERO: Final = PeditKey("network", 0, 0, 0xFFFFFF00)


class _Words:
    """The words of a frame that ``pedit`` writes."""

    def __init__(self, writer: _Writer) -> None:
        self.writer = writer
        self.way = writer.way
        self.before, self.after = writer.before, writer.after
        self.ethernet: list[PeditKey] = []
        self.written: dict[int, tuple[int, int]] = {}
        """Offset from the network header → value and mask of the bits that are written."""
        self.added: list[PeditKey] = []

    def keys(self) -> tuple[PeditKey, ...]:
        """All of them."""
        network = [PeditKey("network", at, value, _ALL ^ mask) for at, (value, mask) in sorted(self.written.items())]
        return (*self.ethernet, *network, *self.added)

    # --- Ethernet -----------------------------------------------------------------------------------------------------

    def addresses(self) -> None:
        """Addresses are written as wholes, which is what ``tc`` has words for."""
        for start in (0, 48):
            old, new = self.before.addresses[start : start + 48], self.after.addresses[start : start + 48]
            if same(self.way, old, new):
                continue
            value = known(self.way.cube.resolve(new))
            if value is None:
                raise self.writer.no("an address that is taken from the frame, or of which a part is written")
            if start == 0:
                self.ethernet += [
                    PeditKey("eth", 0, value >> 16, 0),
                    PeditKey("eth", 4, (value & 0xFFFF) << 16, 0xFFFF),
                ]
            else:
                self.ethernet += [PeditKey("eth", 4, value >> 32, 0xFFFF0000), PeditKey("eth", 8, value & _ALL, 0)]

    def type(self) -> None:
        """The type, where neither tags nor labels have to do with it."""
        if same(self.way, self.before.kind, self.after.kind):
            return
        value = known(self.way.cube.resolve(self.after.kind))
        if value is None or len(self.before.tags) > 1:
            raise self.writer.no("a type that is taken from the frame, or behind two tags")
        self.ethernet.append(PeditKey("eth", 12, value << 16, 0xFFFF))

    # --- from the network header on -----------------------------------------------------------------------------------

    @property
    def start(self) -> int:
        """The bit, counted from the network header, at which stands what is behind tags and labels."""
        return 32 * (max(0, len(self.before.tags) - 1) + len(self.before.labels))

    def rest(self) -> bool:
        """What stands behind tags and labels; whether IPv4's checksum is computed anew."""
        old, new = self.before.rest, self.after.rest
        if len(old) != len(new):
            raise self.writer.no("headers are added or removed that are neither tags nor labels")
        checksum = self._checksum()
        skipped = set(_CHECKSUM) if checksum else set()
        skipped |= self._sums()
        for place, (x, y) in enumerate(zip(old, new, strict=True)):
            if place not in skipped and not alike(self.way, x, y):
                self._write(self.start + place, y)
        end = self.start + len(old)
        if any(8 * at + _WORD > end for at in self.written):
            raise self.writer.no("a change in the last word of the headers, which tc writes as a whole")
        return checksum

    def _write(self, place: int, bit: int) -> None:
        value = self.way.cube.resolve((bit,))[0]
        if value not in (ZERO, ONE):
            raise self.writer.no("a number is written that is taken from the frame, or computed: tc writes constants")
        at, low = place // _WORD * 4, _WORD - 1 - place % _WORD
        old_value, old_mask = self.written.get(at, (0, 0))
        self.written[at] = old_value | (value == ONE) << low, old_mask | 1 << low

    def _kind(self) -> int | None:
        return None if self.before.labels else known(self.way.cube.resolve(self.before.kind))

    def _sums(self) -> set[int]:
        """TTL and hop limit, to which is added: their places, which are then written."""
        kind = self._kind()
        header, at = _TTL.get(kind or 0, ("", 0))
        new = self.after.rest[8 * at : 8 * at + 8]
        found = self.writer.context.sum(new) if header else None
        if found is None or found[0] != self.before.rest[8 * at : 8 * at + 8]:
            return set()
        if self.start:
            raise self.writer.no("a TTL behind two tags: pedit adds where the network header begins")
        low = 24 - 8 * (at % 4)
        self.added.append(
            PeditKey(header, at & ~3, found[1] << low, _ALL ^ 0xFF << low, add=True)  # type: ignore[arg-type]
        )
        return set(range(8 * at, 8 * at + 8))

    def _checksum(self) -> bool:
        header = self.after.rest[:_HEADER]
        data = self.writer.context.summed(header[_CHECKSUM.start : _CHECKSUM.stop])
        if data is None or self._kind() != ETH_IP or len(header) < _HEADER:
            return False
        if not same(self.way, data, header[: _CHECKSUM.start] + header[_CHECKSUM.stop :]):
            raise self.writer.no("a checksum of something else than the IPv4 header that is sent")
        return True
