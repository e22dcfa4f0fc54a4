"""What the kernel makes of a filter list: chains of classifiers with their hash tables and filters in order.

Follows ``u32_init`` and ``u32_change`` of ``net/sched/cls_u32.c`` and ``tc_new_tfilter`` of ``net/sched/cls_api.c``
(6.x): which root table belongs to which priority, in which order filters of one bucket stand, which numbers the
kernel chooses, and what it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from ....semantics.source import InputError, Unsupported
from ..artifact import (
    FIRST_NODE,
    FIRST_ROOT,
    LAST_NODE,
    ROOT_TABLE,
    FilterList,
    Handle,
    Selector,
    U32Filter,
    is_root_alone,
    wrong_table,
)

_FIRST_AUTO_PREF: Final = 0xC000
_AUTO_LIMIT: Final = 0x8000


@dataclass(eq=False, slots=True)
class Node:
    """A filter in its table (``struct tc_u_knode``)."""

    node: int
    selector: Selector
    filter: U32Filter
    link: Table | None
    after: int = 0
    """Its number in the order of insertion."""


@dataclass(eq=False, slots=True)
class Table:
    """A hash table (``struct tc_u_hnode``)."""

    number: int
    divisor: int
    is_root: bool
    buckets: dict[int, list[Node]] = field(default_factory=dict)
    taken: dict[int, _Numbers] = field(default_factory=dict)

    def nodes(self, bucket: int) -> list[Node]:
        """The filters of a bucket in the order in which they are tried."""
        return self.buckets.get(bucket, [])


class _Numbers:
    """The node numbers of one bucket that are in use (``gen_new_kid``: lowest free from 0x800 on, then from 1)."""

    def __init__(self) -> None:
        self.used: set[int] = set()
        self._high = FIRST_NODE
        self._low = 1

    def new(self) -> int:
        while self._high in self.used:
            self._high += 1
        if self._high <= LAST_NODE:
            self.used.add(self._high)
            return self._high
        while self._low in self.used:
            self._low += 1
        if self._low > LAST_NODE:
            return LAST_NODE  # the kernel then uses the last number again
        self.used.add(self._low)
        return self._low


@dataclass(eq=False, slots=True)
class Classifier:
    """One ``tcf_proto``: the filters of one priority of one chain."""

    pref: int
    protocol: int
    root: Table


@dataclass(slots=True)
class Installed:
    """Everything on one hook: per chain its classifiers, lowest priority number first."""

    chains: dict[int, list[Classifier]] = field(default_factory=dict)
    tables: dict[int, Table] = field(default_factory=dict)


def install(filters: FilterList) -> Installed:
    """The kernel's state after the filters were added in their order.

    Raises:
        InputError: the kernel refuses a filter; with its place.
        Unsupported: something that depends on what is not modelled.
    """
    installer = _Installer()
    for filter_ in filters.filters:
        installer.add(filter_)
    installer.sort()
    return installer.state


def numbered(filters: FilterList) -> FilterList:
    """The list with the number of every filter in its bucket said, as the kernel chose it.

    Raises:
        InputError, Unsupported: see :func:`install`; also Unsupported for a bucket with so many filters that some have
            the same number.
    """
    numbers: dict[int, int] = {}
    for bucket in (bucket for table in install(filters).tables.values() for bucket in table.buckets.values()):
        for before, node in pairwise([None, *bucket]):
            assert node is not None
            if before is not None and before.node == node.node:
                raise Unsupported("filters of one bucket with the same number, which the kernel had to give twice",
                                  node.filter.span)  # fmt: skip
            numbers[id(node.filter)] = node.node
    said = (
        replace(one, handle=Handle(node=numbers[id(one)])) if id(one) in numbers else one for one in filters.filters
    )
    return replace(filters, filters=tuple(said))


def _refused(filter_: U32Filter, why: str) -> InputError:
    return InputError.at(filter_.span, f"the kernel refuses this filter: {why}")


class _Installer:
    def __init__(self) -> None:
        self.state = Installed()
        self.roots = 0
        self.added = 0
        self.by_pref: dict[tuple[int, int], Classifier] = {}
        self.lowest_auto: dict[int, int] = {}

    def add(self, filter_: U32Filter) -> None:
        """One ``RTM_NEWTFILTER``."""
        if filter_.skip_sw:
            raise Unsupported("skip_sw: the filter exists in hardware only", filter_.span)
        classifier = self._classifier(filter_)
        if is_root_alone(filter_):
            return
        if filter_.divisor is not None:
            self._table(filter_)
        else:
            self._node(filter_, classifier)

    def sort(self) -> None:
        """Bring classifiers and filters into the order in which they are tried."""
        for chain in self.state.chains.values():
            chain.sort(key=lambda classifier: classifier.pref)
        roots = [c.root for chain in self.state.chains.values() for c in chain]
        for table in {id(t): t for t in [*self.state.tables.values(), *roots]}.values():
            for bucket in table.buckets.values():
                bucket.sort(key=lambda node: (node.node, node.after))

    def _classifier(self, filter_: U32Filter) -> Classifier:
        pref = filter_.pref or self._auto_pref(filter_)
        key = (filter_.chain, pref)
        found = self.by_pref.get(key)
        if found is not None:
            if not filter_.pref:
                raise _refused(filter_, "no priority is free")
            if filter_.protocol not in (0, found.protocol):
                raise _refused(filter_, f"priority {pref} is there for another protocol")
            return found
        if filter_.protocol == 0:
            raise _refused(filter_, "a new priority needs a protocol")
        number = FIRST_ROOT + self.roots
        if number > 0xFFE:
            raise Unsupported("too many priorities", filter_.span)
        self.roots += 1
        root = Table(number, 1, is_root=True)
        self.state.tables[number] = root
        found = Classifier(pref, filter_.protocol, root)
        self.by_pref[key] = found
        self.state.chains.setdefault(filter_.chain, []).append(found)
        if pref >= _AUTO_LIMIT:
            self.lowest_auto[filter_.chain] = min(pref, self.lowest_auto.get(filter_.chain, pref))
        return found

    def _auto_pref(self, filter_: U32Filter) -> int:
        """``tcf_auto_prio``: one below the lowest priority from 0x8000 on, 0xc000 if there is none."""
        lowest = self.lowest_auto.get(filter_.chain)
        return _FIRST_AUTO_PREF if lowest is None else lowest - 1

    def _table(self, filter_: U32Filter) -> None:
        divisor, handle = filter_.divisor or 0, filter_.handle
        wrong = wrong_table(filter_)
        if wrong is not None:
            raise _refused(filter_, wrong)
        if handle.table in self.state.tables:
            raise _refused(filter_, f"hash table {handle} exists")
        if not 0 < handle.table < FIRST_ROOT:
            raise Unsupported("a hash table with a number that the kernel chooses (0, or 800 and above)", filter_.span)
        self.state.tables[handle.table] = Table(handle.table, divisor, is_root=False)

    def _node(self, filter_: U32Filter, classifier: Classifier) -> None:
        assert filter_.selector is not None
        place = filter_.ht or Handle()
        table, bucket = self._target(filter_, place, classifier)
        if bucket >= table.divisor:
            raise _refused(filter_, f"hash table {Handle(table.number)} has no bucket {bucket:x}")
        number = self._number(filter_, table, bucket)
        node = Node(number, filter_.selector, filter_, self._link(filter_), self.added)
        self.added += 1
        table.buckets.setdefault(bucket, []).append(node)

    def _target(self, filter_: U32Filter, place: Handle, classifier: Classifier) -> tuple[Table, int]:
        if place.node:
            raise Unsupported("ht with a node number", filter_.span)
        if filter_.ht is None or place.table == ROOT_TABLE:
            return classifier.root, 0
        table = self.state.tables.get(place.table)
        if table is None:
            raise _refused(filter_, f"there is no hash table {place.table:x}:")
        return table, place.bucket

    def _number(self, filter_: U32Filter, table: Table, bucket: int) -> int:
        handle = filter_.handle
        if handle.table:
            self._free(filter_, handle)
            if handle.table != table.number:
                raise _refused(filter_, f"handle {handle} is not in hash table {Handle(table.number)}")
        numbers = table.taken.setdefault(bucket, _Numbers())
        if not handle.node:
            return numbers.new()
        if handle.node in numbers.used:
            raise _refused(filter_, f"filter {handle} exists")
        numbers.used.add(handle.node)
        return handle.node

    def _free(self, filter_: U32Filter, handle: Handle) -> None:
        """A handle that exists is refused, as ``tc filter add`` asks for (``u32_get``)."""
        table = self.state.tables.get(ROOT_TABLE if handle.table == ROOT_TABLE else handle.table)
        if table is None:
            return
        taken = table.taken.get(handle.bucket)
        if not (handle.bucket or handle.node) or (taken is not None and handle.node in taken.used):
            raise _refused(filter_, f"{handle} exists")

    def _link(self, filter_: U32Filter) -> Table | None:
        if not filter_.link:
            return None
        table = self.state.tables.get(filter_.link)
        if table is None:
            raise _refused(filter_, f"there is no hash table {filter_.link:x}: to link to")
        if table.is_root:
            raise _refused(filter_, "a link cannot go to a root table")
        return table
