"""Large chains left open: what u32 filters ask, as conditions and bytes (:mod:`...tc.meaning.open_list`).

Here a chain is a plain list of filters: those of all its priorities, and those of hash tables behind the filters that
lead to them, where bits of the frame choose the bucket. In ``u32_classify`` a load that fails ends a whole priority.
Where every filter needs at least as many bytes as those before it in its priority, that is the same as a filter that
does not match: the frame is too short for all that follow, too. Lists that are not in this order are not taken.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import PORT
from ....semantics.meaning.opened import NotSuitable, Opened
from ....semantics.source import Span
from ...tc.meaning.chains import asked as asked_protocol
from ...tc.meaning.open_list import Asked, OpenList
from ..artifact import FilterList, U32Filter
from .asked import LOWEST, Asks, asked_by, check
from .frame import Frame
from .install import Classifier, Installed
from .offsets import ZERO
from .places import MAX_DEPTH, Places, Reached, Way

_INDEV: Final = "indev"


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
        places = Places()
        for classifier in classifiers:
            asks = Asks({}, LOWEST)
            root = Reached(classifier.protocol, classifier.root, Way(classifier.pref), asks)
            places.root(classifier.pref, root)
            self._walk(places, root, 0, LOWEST, ())
        if not self.filters:
            raise NotSuitable(f"no packet comes to a filter of chain {number}")
        self.span: Span = self.filters[0].span

        def later(entry: U32Filter) -> Iterator[Asked]:
            for protocol, asks in places.later(entry):
                yield from _row(-1, protocol, entry, asks)

        self.list = OpenList(number, self._rows, self.filters, name, later, places.order)

    def _walk(self, places: Places, reached: Reached, bucket: int, least: int, above: tuple[int, ...]) -> int:
        """The filters of a bucket. ``least``: what filters before need; ``above``: the tables that this one lies in.
        Returns what is needed at most."""
        way, asked_before = reached.bucket(bucket)
        nodes = reached.table.nodes(bucket)
        for node in nodes:
            check(node.filter, node.selector, leads=node.link is not None)
        asked = [asked_by(node.selector, asked_before) for node in nodes]
        reached.note(bucket, nodes, asked)
        for node, asks in zip(nodes, asked, strict=True):
            if asks.end < least:
                raise NotSuitable("filters that need more bytes of the frame than others of their priority after them")
            least = asks.end
            if node.link is not None:
                least = self._linked(places, Reached(reached.protocol, node.link, way, asks, node), above)
            if node.selector.terminal:
                if asks.end < least:
                    raise NotSuitable("a filter that links to a table whose filters need more bytes, and is one itself")
                rows = list(_row(len(self.filters), reached.protocol, node.filter, asks))
                if rows:
                    self.filters.append(node.filter)
                    self._rows += rows
                    places.put(node.filter, way.to(node.node))
        return least

    def _linked(self, places: Places, reached: Reached, above: tuple[int, ...]) -> int:
        """The filters of a hash table: bits of the frame say which bucket."""
        table, link = reached.table, reached.link
        assert link is not None
        if table.number in above or len(above) >= MAX_DEPTH - 1:
            raise NotSuitable("tables that are nested deep, or in themselves")
        if link.selector.hoff < LOWEST:
            raise NotSuitable("loads before the frame")
        places.linked(reached)
        end = reached.bucket(0)[1].end
        most = end
        for bucket in sorted(table.buckets):
            most = max(most, self._walk(places, reached, bucket, end, (*above, table.number)))
        return most

    def terms(self, frame: Frame) -> tuple[dict[Hashable, Term], dict[Hashable, Term]]:
        """What the conditions and fields are of a packet."""
        conditions: dict[Hashable, Term] = {}
        for condition in self.list.conditions:
            assert isinstance(condition, tuple)
            protocol, end = condition
            there = frame.load(ZERO, end - 1, 1, 0xFF, self.span, checked=True).ok if end > LOWEST else b.TRUE
            conditions[condition] = b.and_(asked_protocol(protocol, frame.skb), there)
        fields: dict[Hashable, Term] = {}
        for place in self.list.fields:
            if isinstance(place, int):
                fields[place] = frame.load(ZERO, place, 1, 0xFF, self.span, checked=True).word
            else:
                fields[place] = PORT
        return conditions, fields


def _row(origin: int, protocol: int, filter_: U32Filter, asks: Asks) -> Iterator[Asked]:
    """The filter as a row; nothing if no frame has what it asks for."""
    if asks.tests is None:
        return
    tests = [(at, 8, value, mask) for at, (value, mask) in sorted(asks.tests.items()) if mask]
    port = [] if filter_.indev is None else [(_INDEV, 32, filter_.indev, 0xFFFFFFFF)]
    condition = protocol, asks.end
    row = (*tests, *port)
    yield Asked(origin, condition, row, filter_.actions, filter_.classid or 0, filter_.span)


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
