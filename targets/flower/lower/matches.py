"""Conditions as keys: bits of the frame become masked keys, with the types and the protocol that those need.

A key for which no mask is taken is asked for with each number that the bits allow; so is an address for which ``tc``
has only words of prefixes, unless these are too many: then messages say its mask (:mod:`..artifact.netlink`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ....semantics.source import NOWHERE
from ...base import CannotOffload
from ...tc.artifact.protocols import ETH_P_ALL
from ...unfold.frames import ADDRESSES, TAG_TYPES, TYPE
from ...unfold.values import Cube
from ..artifact import ETH_IP, ETH_IP6, FIELDS, Key, Match, Range, ordered
from . import seen
from .context import FlowerContext
from .drafts import Draft

MOST: Final = 512
"""Filters that one condition may need."""
FIRST_TYPE: Final = 0x600
"""Smaller numbers in the type's place are lengths; the kernel gives such frames protocols of its own."""
LOOKED_BEHIND: Final = (0x8864, 0x892F, 0x88FB, 0x4305)
"""PPPoE, HSR, PRP and batman-adv: the dissector goes on behind their headers, so a frame's type is another one."""
_DEPEND: Final = dict.fromkeys(("src_port", "dst_port", "tcp_flags", "icmp_type", "icmp_code"), "ip_proto")
_TYPE_KEYS: Final = ("", "vlan_ethtype", "cvlan_ethtype")
"""By depth; the outermost type is the filter's protocol."""

Masked = dict[str, tuple[int, int]]
"""Key → value and mask; the ingress port is called ``indev``."""
_INDEV: Final = "indev"
_FLAGS: Final = "ip_flags"
_MORE, _OFFSET = 1 << 13, (1 << 13) - 1
"""Of an IPv4 header's 14 bits that say whether it is of a fragment."""
_NO_FRAGMENT, _FIRST_FRAGMENT = (0, 1), (3, 3)
"""``nofrag`` and ``frag/firstfrag``: value and mask."""


@dataclass(frozen=True)
class Asked:
    """What a filter asks for."""

    protocol: int = ETH_P_ALL
    keys: tuple[Key, ...] = ()
    indev: int | None = None

    @property
    def shape(self) -> object:
        """Filters of one shape exclude one another, if they are not the same."""
        return (
            self.protocol,
            self.indev is None,
            tuple((k.field, k.mask) if isinstance(k, Match) else k for k in self.keys),
        )

    def covers(self, other: Asked) -> bool:
        """Whether all packets of the other are packets of this one."""
        if self.protocol not in (ETH_P_ALL, other.protocol) or self.indev not in (None, other.indev):
            return False
        theirs = {key.field: key for key in other.keys}
        for key in self.keys:
            their = theirs.get(key.field)
            if their is None or not _includes(key, their):
                return False
        return True


def interval(key: Key) -> tuple[int, int] | None:
    """The values that a key of a port asks for, where they follow one another."""
    if isinstance(key, Range):
        return key.low, key.high
    free = FIELDS[key.field].whole & ~key.mask
    return (key.value, key.value | free) if free & (free + 1) == 0 else None


def _includes(key: Key, other: Key) -> bool:
    """Whether a key takes all values of the field that the other takes; also False where that is not seen."""
    if isinstance(key, Match) and isinstance(other, Match):
        return not (key.mask & ~other.mask or (key.value ^ other.value) & key.mask)
    outer, inner = interval(key), interval(other)
    return None not in (outer, inner) and outer[0] <= inner[0] and inner[1] <= outer[1]  # type: ignore[index]


ALL: Final = Asked()


def matches(context: FlowerContext, draft: Draft) -> Iterator[Asked]:
    """What is asked for a draft: together these are its condition.

    Raises:
        CannotOffload: no keys ask for it; at the place in the source where it is asked.
    """
    whole = _Maker(context, draft, {})
    told = seen.telling(draft.facts)
    makers = [whole] if len(told) == 1 or whole.enough() else [_Maker(context, draft, one) for one in told]
    for maker in makers:
        masked = maker.masked()
        depth = maker.depth(masked)
        for one in maker.spread(masked):
            yield maker.asked(one, depth)


class _Maker:
    """Makes the keys of a draft for those of its packets of which is known what they are."""

    def __init__(self, context: FlowerContext, draft: Draft, told: Mapping[int, bool]) -> None:
        self.context = context
        self.draft = draft
        among = draft.facts.among
        only = among[0] if len(among) == 1 else {}
        self.facts = Cube({**only, **told, **draft.facts.bits, **draft.match}, 0)
        self.known = seen.seen(self.facts)
        self.tags = sum(kind in TAG_TYPES for kind in self.known.types)

    def no(self, reason: str, bits: Iterable[int]) -> CannotOffload:
        """The error that there are no such keys."""
        asked = self.context.asked
        return CannotOffload(reason, next((asked[b] for b in bits if b in asked), self.draft.span or NOWHERE))

    def enough(self) -> bool:
        """Whether there are keys for all that is asked, whichever of its packets it is."""
        try:
            self.depth(self.masked())
        except CannotOffload:
            return False
        return True

    def masked(self) -> Masked:
        """The bits in their keys; types are not among them."""
        where = {p.start + i: (p, p.width - 1 - i) for p in self._places() for i in range(p.width)}
        found: Masked = {}
        for bit, value in self.draft.match.items():
            if self._type_of(bit) is not None:
                continue
            if seen.IN_PORT <= bit < seen.IN_PORT + seen.PORT_BITS:
                key, low = _INDEV, seen.PORT_BITS - 1 - (bit - seen.IN_PORT)
            elif bit in where:
                place, at = where[bit]
                key, low = place.key, place.low + at
            else:
                raise self.no("a condition on what no key of flower asks for", [bit])
            old_value, old_mask = found.get(key, (0, 0))
            found[key] = old_value | value << low, old_mask | 1 << low
        return {key: self._whole(key, *asked) for key, asked in found.items()}

    def _whole(self, key: str, value: int, mask: int) -> tuple[int, int]:
        """With what is known of a key anyway, where not any mask can be asked for."""
        if _takes_any_mask(key):
            return value, mask
        for low, bit in enumerate(reversed(list(self._bits(key)))):
            known = self.facts.bits.get(bit)
            if known is not None:
                value, mask = value | known << low, mask | 1 << low
        return value, mask

    def _type_of(self, bit: int) -> int | None:
        """How many tags stand before the type that a bit is of; None if it is of none."""
        for depth in range(self.tags + 1):
            start = ADDRESSES + 32 * depth
            if start <= bit < start + TYPE:
                return depth
        return None

    def depth(self, masked: Masked) -> int:
        """How many types have to be asked for. Raises CannotOffload for what is asked of a part of one."""
        asked = self._types_asked()
        for key in masked:
            if key.startswith("vlan_"):
                asked = max(asked, 1)
            elif key.startswith("cvlan_"):
                asked = max(asked, 2)
            elif key not in ("dst_mac", "src_mac", _INDEV):
                asked = len(self.known.types)
        for depth, kind in enumerate(self.known.types[:asked]):
            self._check_type(kind, depth)
        return asked

    def _types_asked(self) -> int:
        asked = 0
        for bit in self.draft.match:
            depth = self._type_of(bit)
            if depth is None:
                continue
            if depth >= len(self.known.types):
                what = "a third tag" if depth == seen.MAX_TAGS else "a condition on a part of the Ethernet type"
                raise self.no(what, [bit])
            asked = max(asked, depth + 1)
        return asked

    def _check_type(self, kind: int, depth: int) -> None:
        bits = range(ADDRESSES + 32 * depth, ADDRESSES + 32 * depth + TYPE)
        if kind < FIRST_TYPE:
            raise self.no("a condition on a length in the Ethernet type's place", bits)
        if kind in LOOKED_BEHIND:
            raise self.no(f"Ethernet type {kind:#06x}, behind whose header flower looks", bits)
        if kind in (ETH_IP, ETH_IP6):
            self.context.types_asked()

    def spread(self, masked: Masked) -> Iterator[Masked]:
        """The same, where masks are such that ``tc`` has words for them."""
        if any(_DEPEND.get(key) for key in masked):
            assert self.known.protocol is not None
            masked = {**masked, "ip_proto": (self.known.protocol, 0xFF)}
        found: list[Masked] = [{}]
        for name, (value, mask) in masked.items():
            choices = list(_choices(name, value, mask))
            if not choices:
                raise self.no("a condition on fragments that flower does not ask for", self._bits(name))
            if len(choices) * len(found) > MOST and _is_address(name):
                choices = [(value, mask)]  # which is for messages: tc has no words for it
            if len(choices) * len(found) > MOST:
                raise self.no(f"a condition on a part of {name} for which tc has no mask", self._bits(name))
            found = [{**one, name: choice} for one in found for choice in choices]
        yield from found

    def _bits(self, name: str) -> Iterable[int]:
        if name == _INDEV:
            return seen.PORT
        return [b for p in self._places() if p.key == name for b in range(p.start, p.start + p.width)]

    def _places(self) -> Iterator[seen.Place]:
        return seen.places(self.facts, whole=self.context.whole)

    def asked(self, masked: Mapping[str, tuple[int, int]], depth: int) -> Asked:
        """One filter's keys."""
        types = self.known.types[:depth]
        keys: dict[str, Key] = {n: Match(n, v, m) for n, (v, m) in masked.items() if n != _INDEV}
        for name, kind in zip(_TYPE_KEYS[1:], types[1:], strict=False):
            keys[name] = Match(name, kind, 0xFFFF)
        indev = masked.get(_INDEV)
        return Asked(types[0] if types else ETH_P_ALL, ordered(keys), None if indev is None else indev[0])


def _takes_any_mask(name: str) -> bool:
    return name not in (_INDEV, _FLAGS) and FIELDS[name].masked and not _is_address(name)


def _is_address(name: str) -> bool:
    """Whether the kernel takes any mask, but ``tc`` has words for prefixes only."""
    return name != _INDEV and FIELDS[name].form in ("ip", "ip6")


def _choices(name: str, value: int, mask: int) -> Iterator[tuple[int, int]]:
    """The values with which a key can be asked for the bits in ``mask``."""
    if name == _FLAGS:
        yield from _fragments(value, mask)
        return
    width = seen.PORT_BITS if name == _INDEV else FIELDS[name].width
    full = (1 << width) - 1
    if _is_address(name):  # for which ``tc`` has words where it is a prefix
        full ^= (mask & -mask) - 1
    elif _takes_any_mask(name):
        full = mask
    missing = [1 << i for i in range(width) if (full & ~mask) >> i & 1]
    if len(missing) >= MOST.bit_length():
        yield from [(value, mask)] * (MOST + 1)
        return
    for chosen in range(1 << len(missing)):
        yield value | sum(bit for i, bit in enumerate(missing) if chosen >> i & 1), full


def _fragments(value: int, mask: int) -> Iterator[tuple[int, int]]:
    """What flower can ask for of these: whether an offset is 0, and then whether more follows. Nothing else."""
    if mask & _OFFSET != _OFFSET or value & _OFFSET:
        return
    if not value & _MORE:
        yield _NO_FRAGMENT
    if value & _MORE or not mask & _MORE:
        yield _FIRST_FRAGMENT


assert all(kind >= FIRST_TYPE for kind in TAG_TYPES)
