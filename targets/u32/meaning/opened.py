"""Large chains left open: what u32 filters ask, as conditions and bytes (:mod:`...tc.meaning.open_list`).

Here a chain is a plain list of filters: those of all its priorities, and those of hash tables behind the filters that
lead to them, where bits of the frame choose the bucket. In ``u32_classify`` a load that fails ends a whole priority.
Where every filter needs at least as many bytes as those before it in its priority, that is the same as a filter that
does not match: the frame is too short for all that follow, too. Lists that are not in this order are not taken.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import PORT
from ....semantics.meaning.opened import NotSuitable, Opened
from ....semantics.source import Span
from ...tc.meaning.chains import asked as asked_protocol
from ...tc.meaning.open_list import Asked, OpenList
from ..artifact import FilterList, Key, Selector, U32Filter
from .frame import Frame
from .install import Classifier, Installed, Node, Table
from .offsets import ZERO

_LOWEST: Final = -14
"""The Ethernet header's first byte: every frame has all before the network header."""
_INDEV: Final = "indev"

Bytes = dict[int, tuple[int, int]]
"""Offset → value and mask."""


@dataclass(frozen=True, slots=True)
class _Asks:
    """What has been asked on the way to a table: bytes (None: no frame has them), and how far they reach."""

    tests: Bytes | None
    end: int


class OpenChain:
    """One chain, as a list of rows.

    Args:
        number: the chain's.
        classifiers: in the order in which they are tried.
        name: begins the names of the functions.

    Raises:
        NotSuitable: the chain is not of that form.
    """

    def __init__(self, number: int, classifiers: Sequence[Classifier], name: str) -> None:
        self.filters: list[U32Filter] = []
        self._rows: list[Asked] = []
        for classifier in classifiers:
            self._walk(classifier.protocol, classifier.root.nodes(0), _Asks({}, _LOWEST), _LOWEST, ())
        if not self.filters:
            raise NotSuitable(f"no packet comes to a filter of chain {number}")
        self.span: Span = self.filters[0].span
        self.list = OpenList(number, self._rows, self.filters, name)

    def _walk(self, protocol: int, nodes: Sequence[Node], way: _Asks, least: int, above: tuple[int, ...]) -> int:
        """The filters of a bucket, to which one comes that way. ``least``: what filters before need; ``above``: the
        tables that this one lies in. Returns what is needed at most."""
        for node in nodes:
            _check(node)
            end = max((key.offset + 4 for key in node.selector.keys), default=_LOWEST)
            asks = _Asks(_with_keys(way.tests, node.selector.keys), max(way.end, end))
            if asks.end < least:
                raise NotSuitable("filters that need more bytes of the frame than others of their priority after them")
            least = asks.end
            if node.link is not None:
                least = self._linked(protocol, node, node.link, asks, above)
            if node.selector.terminal:
                if asks.end < least:
                    raise NotSuitable("a filter that links to a table whose filters need more bytes, and is one itself")
                self._row(protocol, node.filter, asks)
        return least

    def _linked(self, protocol: int, node: Node, table: Table, asks: _Asks, above: tuple[int, ...]) -> int:
        """The filters of a hash table: bits of the frame say which bucket."""
        if table.number in above or len(above) >= 6:
            raise NotSuitable("tables that are nested deep, or in themselves")
        selector = node.selector
        end = max(asks.end, selector.hoff + 4) if table.divisor > 1 else asks.end
        if selector.hoff < _LOWEST:
            raise NotSuitable("loads before the frame")
        least = end
        for bucket in sorted(table.buckets):
            bits = _bucket_bits(selector, table.divisor, bucket)
            tests = None if bits is None else _with_keys(asks.tests, (bits,) if table.divisor > 1 else ())
            inner = self._walk(protocol, table.nodes(bucket), _Asks(tests, end), end, (*above, table.number))
            least = max(least, inner)
        return least

    def _row(self, protocol: int, filter_: U32Filter, asks: _Asks) -> None:
        if asks.tests is None:
            return
        tests = [(at, 8, value, mask) for at, (value, mask) in sorted(asks.tests.items()) if mask]
        port = [] if filter_.indev is None else [(_INDEV, 32, filter_.indev, 0xFFFFFFFF)]
        origin = len(self.filters)
        self.filters.append(filter_)
        condition = protocol, asks.end
        row = (*tests, *port)
        self._rows.append(Asked(origin, condition, row, filter_.actions, filter_.classid or 0, filter_.span))

    def terms(self, frame: Frame) -> tuple[dict[Hashable, Term], dict[Hashable, Term]]:
        """What the conditions and fields are of a packet."""
        conditions: dict[Hashable, Term] = {}
        for condition in self.list.conditions:
            assert isinstance(condition, tuple)
            protocol, end = condition
            there = frame.load(ZERO, end - 1, 1, 0xFF, self.span, checked=True).ok if end > _LOWEST else b.TRUE
            conditions[condition] = b.and_(asked_protocol(protocol, frame.skb), there)
        fields: dict[Hashable, Term] = {}
        for place in self.list.fields:
            if isinstance(place, int):
                fields[place] = frame.load(ZERO, place, 1, 0xFF, self.span, checked=True).word
            else:
                fields[place] = PORT
        return conditions, fields


def _check(node: Node) -> None:
    selector = node.selector
    if node.filter.mark is not None and node.filter.mark != (0, 0):
        raise NotSuitable("matches on the mark")
    if not node.filter.pref:
        raise NotSuitable("filters whose priority the kernel chooses")
    if any(key.offmask for key in selector.keys):
        raise NotSuitable("offsets that depend on the frame")
    if any(key.offset < _LOWEST for key in selector.keys):
        raise NotSuitable("loads before the frame")
    if node.link is not None and (selector.has_offset or selector.var_offset or selector.eat):
        raise NotSuitable("tables that begin elsewhere in the frame")


def _with_keys(tests: Bytes | None, keys: Sequence[Key]) -> Bytes | None:
    """With what keys ask as well; None if no frame has both."""
    if tests is None:
        return None
    found = dict(tests)
    for key in keys:
        for place, (value, mask) in _bytes(key):
            old_value, old_mask = found.get(place, (0, 0))
            if (old_value ^ value) & old_mask & mask:
                return None
            found[place] = old_value | value, old_mask | mask
    return found


def _bytes(key: Key) -> Iterator[tuple[int, tuple[int, int]]]:
    for i, shift in enumerate((24, 16, 8, 0)):
        mask = key.mask >> shift & 0xFF
        yield key.offset + i, (key.value >> shift & mask, mask)


def _bucket_bits(selector: Selector, divisor: int, bucket: int) -> Key | None:
    """The bits with which a frame comes to a bucket (``u32_hash_fold``, cut to the table's size); None if none does."""
    shift = (selector.hmask & -selector.hmask).bit_length() - 1 if selector.hmask else 0
    chosen = selector.hmask & (divisor - 1) << shift
    if bucket << shift & ~chosen:
        return None
    return Key(bucket << shift, chosen, selector.hoff)


def open_chains(installed: Installed, at_least: int, name: str) -> dict[int, OpenChain]:
    """The chains that have ``at_least`` so many filters. Raises NotSuitable."""
    found: dict[int, OpenChain] = {}
    counts = dict.fromkeys(installed.chains, 0)
    for table in installed.tables.values():
        for nodes in table.buckets.values():
            for node in nodes:
                counts[node.filter.chain] += 1
    for number, classifiers in installed.chains.items():
        if counts[number] >= at_least:
            found[number] = OpenChain(number, classifiers, name)
    return found


def only(filters: FilterList, opened: Opened, kept: Mapping[str, Sequence[int]]) -> FilterList:
    """The list without those filters of open chains that are not kept (by :attr:`.Row.origin`)."""
    gone = {id(one) for table in opened.tables.values() for one in table.entries}
    gone -= {id(opened.tables[name].entries[i]) for name, origins in kept.items() for i in origins}
    return replace(filters, filters=tuple(one for one in filters.filters if id(one) not in gone))
