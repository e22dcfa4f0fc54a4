"""What has become of a frame, as actions: what was taken from it beside what is emitted.

Both are read as the switch reads a frame: addresses, tags, type, label stack, and the rest. All is written when the
frame is sent, so every match on the way looks at the frame as it came. What the switch does on its own (it updates
IPv4's checksum, and forgets a new tag's DEI) has to be what the program does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ....semantics.source import Span
from ...unfold.frames import Rewrite, alike, same
from ...unfold.state import State
from ...unfold.values import ONE, ZERO, Bits, Wanted, equals, known, number
from ..artifact import (
    ETH_IP,
    ETH_IPV6,
    ETH_MPLS,
    TAGS_WITHOUT_DEI,
    DecMplsTtl,
    DecTtl,
    PopMpls,
    PopVlan,
    Prerequisites,
    PushMpls,
    PushVlan,
)
from . import seen
from .context import FlowContext
from .drafts import Copy, Step

_TAG: Final = Prerequisites(tagged=True)
_MPLS: Final = Prerequisites(ETH_MPLS)
_LABEL: Final = (("mpls_label", 0, 20), ("mpls_tc", 20, 23), ("mpls_ttl", 24, 32))
"""Fields of a label stack entry that can be written: where they begin and end."""
_OVER_ADDRESSES: Final = (6, 17, 58)
"""Protocols whose checksum covers the addresses of IP."""

Variant = tuple[Wanted, tuple[Step, ...]]
"""What must hold as well, and the steps."""


def variants(context: FlowContext, way: State, span: Span) -> Iterator[Variant]:
    """The steps that make what is emitted; where they depend on more than is known, for each possibility, in order.

    Raises:
        CannotOffload: no actions do that.
    """
    emitted = tuple(bit for field in way.emitted for bit in field)
    if same(way, emitted, way.taken):
        yield {}, ()
        return
    yield from _Writer(context, way, way.taken, emitted, span).variants()


class _Writer(Rewrite):
    """The steps from one frame to the other."""

    def __init__(self, context: FlowContext, way: State, old: Bits, new: Bits, span: Span) -> None:
        super().__init__(way, old, new, span)
        self.context = context

    def variants(self) -> Iterator[Variant]:
        """See :func:`variants`."""
        addresses = self._addresses()
        tags = self._tags()
        pops, pushes = self.label_changes()
        if not (pops or pushes) and not same(self.way, self.before.kind, self.after.kind):
            raise self.no("the Ethernet type changes")
        if tags and (pops or pushes) and any(isinstance(step, PushVlan | PopVlan) for step in tags):
            raise self.no("tags and labels change at once: the switch does not look behind both")
        changed = self._changed()
        if changed and (self.before.labels or pops):
            raise self.no("a change behind labels, which the switch does not look behind")
        for wanted, ttl in self._ttls(changed):
            steps = [*(c for s, b in changed.items() if s.field != "nw_ttl" for c in self._copies(s, b)), *ttl]
            for more, labels in self._labels(pops, pushes):
                both = {**wanted, **more}
                yield both, (*addresses, *steps, *labels, *tags)

    # --- Ethernet -----------------------------------------------------------------------------------------------------

    def _addresses(self) -> list[Step]:
        found: list[Step] = []
        for name, start in (("eth_dst", 0), ("eth_src", 48)):
            old, new = self.before.addresses[start : start + 48], self.after.addresses[start : start + 48]
            if not same(self.way, old, new):
                found.append(Copy(name, 0, new, Prerequisites()))
        return found

    def _tags(self) -> list[Step]:
        """Tags that differ are popped, from the outermost on, and pushed; one that stays is written to."""
        old, new = list(self.before.tags), list(self.after.tags)
        while old and new and self._same_tag(old[-1], new[-1]):
            del old[-1], new[-1]
        if len(old) > 1:
            raise self.no("a change of the second tag: the switch looks at one")
        found: list[Step] = []
        if len(old) == 1 and new and same(self.way, old[0][0], new[-1][0]):
            found += self._tag(new[-1][1], old[0][1])
            del old[-1], new[-1]
        found += [PopVlan() for _ in old]
        for kind, tci in reversed(new):
            tpid = known(self.way.cube.resolve(kind))
            assert tpid is not None
            found += [PushVlan(tpid), *self._tag(tci, None)]
        return found

    def _same_tag(self, x: tuple[Bits, Bits], y: tuple[Bits, Bits]) -> bool:
        return same(self.way, x[0], y[0]) and same(self.way, x[1], y[1])

    def _tag(self, tci: Bits, old: Bits | None) -> Iterator[Step]:
        """The parts of a tag that differ from what is there (of a new one, from zeros)."""
        was = number(0, 16) if old is None else old
        dei = self.way.cube.resolve(tci[3:4])[0]
        if dei != ZERO and (old is None or dei != old[3]):
            raise self.no("a tag's DEI is written: the switch writes zero")
        if old is not None:  # it writes zero only where something else changes, too
            self.context.assume(TAGS_WITHOUT_DEI)
        for low, start, end in ((13, 0, 3), (0, 4, 16)):
            if not same(self.way, tci[start:end], was[start:end]):
                yield Copy("vlan_tci", low, tci[start:end], _TAG)

    # --- labels -------------------------------------------------------------------------------------------------------

    def _labels(self, old: list[Bits], new: list[Bits]) -> Iterator[Variant]:
        if not old and not new:
            yield {}, ()
            return
        left = len(self.before.labels) - len(old)
        kind = self.type_after()
        if old and new:
            if len(old) > 1:
                raise self.no("several labels change at once")
            above = self._pushes(new[1:], kind, below=True)
            for wanted, steps in self._swapped(old[0], new[0]):
                yield wanted, (*steps, *above)
        elif new:
            yield {}, tuple(self._pushes(new, kind, below=left > 0))
        else:
            if len(old) > 1 or (left > 0) != (kind in ETH_MPLS):
                raise self.no("labels that the switch cannot take off")
            yield {}, (PopMpls(kind),)

    def _swapped(self, old: Bits, new: Bits) -> Iterator[Variant]:
        """A label stack entry is written to.

        The switch writes the whole entry, also by what it has kept of an earlier frame: it looks at what no flow asks
        for only if that is copied, be it onto itself.
        """
        if not same(self.way, old[23:24], new[23:24]):
            raise self.no("the bottom-of-stack bit is written")
        steps = [
            Copy(name, 0, new[i:j], _MPLS)
            for name, i, j in _LABEL[:2]
            if not same(self.way, old[i:j], new[i:j]) or known(self.way.cube.resolve(old[i:j])) is None
        ]
        for wanted, more in self._less_one(old[24:], new[24:], "mpls_ttl", DecMplsTtl(), _MPLS):
            yield wanted, (*steps, *(more or (Copy("mpls_ttl", 0, new[24:], _MPLS),)))

    def _pushes(self, labels: Sequence[Bits], kind: int, *, below: bool) -> Iterator[Step]:
        for label in labels:
            yield PushMpls(kind)
            if self.way.cube.resolve(label[23:24])[0] != (ZERO if below else ONE):
                raise self.no("a label's bottom-of-stack bit is not what the switch writes")
            below = True
            for name, i, j in _LABEL:
                yield Copy(name, 0, label[i:j], _MPLS)

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _changed(self) -> dict[seen.Seen, Bits]:
        """Fields behind Ethernet and labels that get another number."""
        old, new = self.before.rest, self.after.rest
        if len(old) != len(new):
            raise self.no("headers are added or removed that are neither tags nor labels")
        fields: dict[seen.Seen, Bits] = {}
        for place, (x, y) in enumerate(zip(old, new, strict=True)):
            if alike(self.way, x, y) or self._is_checksum(place):
                continue
            found = seen.field_of(x)
            if found is None:
                raise self.no("a change of what no action of OpenFlow writes")
            field, bit = found
            top = place - (field.width - 1 - bit)
            fields[field] = new[top : top + field.width]
        self._check(fields)
        return fields

    def _is_checksum(self, place: int) -> bool:
        return self._is_ipv4() and 80 <= place < 96

    def _is_ipv4(self) -> bool:
        return not self.before.labels and len(self.before.rest) >= 160 and seen.ethertype(self.way.cube) == ETH_IP

    def _check(self, fields: Mapping[seen.Seen, Bits]) -> None:
        """The checksums that the switch keeps right must be right in the program, too."""
        for field in fields:
            if field.field in ("tp_src", "tp_dst", "tcp_flags", "nw_proto"):
                raise self.no(f"a change of {field.field}, after which the switch updates a checksum")
            if field.type in (ETH_IP, ETH_IPV6) and field.field.endswith(("_src", "_dst")):
                version = 4 if field.type == ETH_IP else 6
                protocol = seen.number_of(self.way.cube, f"{version}.nw_proto")
                if protocol is None or protocol in _OVER_ADDRESSES:
                    raise self.no("a change of an IP address, after which the switch updates TCP's or UDP's checksum")
        if not self._is_ipv4():
            return
        header = self.after.rest[:160]
        written = any(field.type == ETH_IP for field in fields)
        if header[80:96] == self.context.checksum(header[:80] + header[96:]):
            return
        if written:
            raise self.no("IPv4's checksum is not updated as the switch updates it")
        if not same(self.way, header[80:96], self.before.rest[80:96]):
            raise self.no("a change of IPv4's checksum, which no action of OpenFlow writes")

    def _copies(self, field: seen.Seen, value: Bits) -> Iterator[Step]:
        needs = Prerequisites(() if field.type is None else (field.type,))
        if field.field != "nw_tos":
            yield Copy(field.field, field.low, value, needs)
            return
        was = seen.bits(field.name)
        for low, start, end in ((2, 0, 6), (0, 6, 8)):  # DSCP and ECN
            if not same(self.way, value[start:end], was[start:end]):
                yield Copy("nw_tos", low, value[start:end], needs)

    def _ttls(self, changed: Mapping[seen.Seen, Bits]) -> Iterator[Variant]:
        field = next((f for f in changed if f.field == "nw_ttl"), None)
        if field is None:
            yield {}, ()
            return
        needs = Prerequisites((ETH_IP if field.type == ETH_IP else ETH_IPV6,))
        yield from self._less_one(seen.bits(field.name), changed[field], "nw_ttl", DecTtl(), needs)

    def _less_one(self, old: Bits, new: Bits, name: str, decrement: Step, needs: Prerequisites) -> Iterator[Variant]:
        """A number that is kept, set, or one less. The switch ends a list that would make a TTL 0: 0 and 1 are set."""
        if same(self.way, old, new):
            yield {}, ()
            return
        if self.context.less_one(new) != old:
            yield {}, (Copy(name, 0, new, needs),)
            return
        for value in (0, 1):
            wanted = equals(self.way.cube.resolve(old), value, 0xFF, self.span)
            if wanted is not None and self.context.narrowed(self.way.cube, wanted) is not None:
                yield wanted, (Copy(name, 0, number((value - 1) & 0xFF, 8), needs),)
                if not wanted:
                    return
        yield {}, (decrement,)
