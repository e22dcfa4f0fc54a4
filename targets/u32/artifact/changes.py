"""u32 filters that commands change: ``u32_change``, ``u32_delete``, ``u32_destroy`` of ``net/sched/cls_u32.c``, 6.1.

A filter that is changed keeps its selector and its place, whatever the command says of them; it gets the command's
actions, and the class id, link and device that the command names. Hash tables are those of a hook: they are there as
long as the hook has a priority of u32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ....semantics.source import Span, Unsupported
from ...tc.artifact.changes import Classifier, Place, Refused
from .filters import FIRST_NODE, FIRST_ROOT, LAST_NODE, ROOT_TABLE, Handle, U32Filter, is_root_alone, wrong_table


@dataclass(eq=False)
class _Table:
    """``struct tc_u_hnode``."""

    number: int
    divisor: int
    place: Place
    """Where it was made."""
    made: U32Filter | None
    """What made it; None: it is the root of its priority."""
    filters: dict[tuple[int, int], _Node] = field(default_factory=dict)
    """By bucket and number."""
    linked: bool = False
    """Whether a filter has ever led to it."""


@dataclass(eq=False)
class _Node:
    """``struct tc_u_knode``."""

    table: _Table
    bucket: int
    number: int
    place: Place
    filter: U32Filter
    link: _Table | None


class U32Changes(Classifier[U32Filter]):
    """The filters and hash tables of u32 of one hook."""

    def __init__(self) -> None:
        self._tables: dict[int, _Table] = {}
        self._places: list[Place] = []
        self._roots = 0
        """Root tables that have been numbered since there was no priority; the kernel goes on from the last one."""

    def begin(self, place: Place) -> None:
        """See :meth:`Classifier.begin`."""
        place.own = _Table(FIRST_ROOT + self._roots, 1, place, None)
        if place.own.number >= ROOT_TABLE:
            raise Refused("too many priorities")
        self._roots += 1
        self._tables[place.own.number] = place.own
        self._places.append(place)

    def get(self, place: Place, handle: Handle) -> _Table | _Node | None:
        """See :meth:`Classifier.get`."""
        table = place.own if handle.table == ROOT_TABLE else self._tables.get(handle.table)
        if table is None or not handle.node:
            return table
        found: _Node | None = table.filters.get((handle.bucket, handle.node))
        return found if handle.table != ROOT_TABLE else None  # its filters do not have this number

    # --- u32_change ---

    def change(self, place: Place, found: object | None, filter_: U32Filter) -> None:
        """See :meth:`Classifier.change`."""
        if isinstance(found, _Table):
            raise Refused("a hash table cannot be changed")
        if isinstance(found, _Node):
            self._changed(found, filter_)
        elif is_root_alone(filter_):
            return
        elif filter_.divisor is not None:
            self._table(place, filter_)
        else:
            self._node(place, filter_)

    def _changed(self, node: _Node, given: U32Filter) -> None:
        before = node.filter
        if (before.skip_hw, before.skip_sw) != (given.skip_hw, given.skip_sw):
            raise Refused("skip_hw and skip_sw of a filter cannot be changed")
        if before.classid is not None and given.classid is None:
            raise Unsupported("a filter that is changed without its class id: kernels keep it or do not", given.span)
        if given.divisor is not None:
            raise Unsupported("a divisor for a filter", given.span)
        link = node.link if given.link is None else self._link(given)
        node.link = link
        node.filter = replace(
            before,
            actions=given.actions,
            classid=given.classid,
            link=before.link if given.link is None else given.link,
            indev=before.indev if given.indev is None else given.indev,
            span=given.span,
        )

    def _table(self, place: Place, filter_: U32Filter) -> None:
        divisor, handle = filter_.divisor or 0, filter_.handle
        wrong = wrong_table(filter_)
        if wrong is not None:
            raise Refused(wrong)
        if not 0 < handle.table < FIRST_ROOT:
            raise Unsupported("a hash table with a number that the kernel chooses (0, or 800 and above)", filter_.span)
        if handle.table in self._tables:
            raise Refused(f"hash table {handle} exists")
        self._tables[handle.table] = _Table(handle.table, divisor, place, filter_)

    def _node(self, place: Place, filter_: U32Filter) -> None:
        if filter_.selector is None or not (filter_.selector.keys or filter_.mark):
            raise Refused("a new filter needs a selector")
        table, bucket = self._target(place, filter_)
        if bucket >= table.divisor:
            raise Refused(f"hash table {table.number:x}: has no bucket {bucket:x}")
        if filter_.handle.table not in (0, table.number):
            raise Refused(f"handle {filter_.handle} is not in hash table {table.number:x}:")
        number = filter_.handle.node or _free(table, bucket, filter_)
        if (bucket, number) in table.filters:
            raise Refused(f"filter {Handle(table.number, bucket, number)} exists")
        table.filters[bucket, number] = _Node(table, bucket, number, place, filter_, self._link(filter_))

    def _target(self, place: Place, filter_: U32Filter) -> tuple[_Table, int]:
        ht = filter_.ht
        if ht is None or ht.table == ROOT_TABLE:
            return place.own, 0
        table = self._tables.get(ht.table)
        if table is None:
            raise Refused(f"there is no hash table {ht.table:x}:")
        if table.made is None and table is not place.own:
            raise Unsupported("a filter in the root table of another priority", filter_.span)
        return table, ht.bucket

    def _link(self, filter_: U32Filter) -> _Table | None:
        if not filter_.link:
            return None
        table = self._tables.get(filter_.link)
        if table is None:
            raise Refused(f"there is no hash table {filter_.link:x}: to link to")
        if table.made is None:
            raise Refused("a link cannot go to a root table")
        table.linked = True
        return table

    # --- u32_delete, u32_destroy ---

    def delete(self, place: Place, found: object, span: Span) -> bool:
        """See :meth:`Classifier.delete`."""
        if isinstance(found, _Node):
            del found.table.filters[found.bucket, found.number]
        else:
            assert isinstance(found, _Table)
            self._without(found, span)
        return len(self._places) == 1 and not any(table.filters for table in self._tables.values())

    def _without(self, table: _Table, span: Span) -> None:
        if table.made is None:
            raise Refused("a root table cannot be taken away")
        if any(node.link is table for node in self._nodes()):
            raise Refused("a hash table that a filter leads to cannot be taken away")
        if table.linked:  # the kernel forgets the link some time after the filter
            raise Unsupported("a hash table that is taken away after what led to it", span)
        del self._tables[table.number]

    def end(self, place: Place, span: Span) -> None:
        """See :meth:`Classifier.end`."""
        self._places.remove(place)
        if not self._places:
            self._tables, self._roots = {}, 0
            return
        del self._tables[place.own.number]
        filters = (node.place for node in self._nodes())
        if place in (*filters, *(table.place for table in self._tables.values())):
            raise Unsupported("a priority that goes, and leaves hash tables or filters in them behind", span)

    # --- all together ---

    def _nodes(self) -> Iterator[_Node]:
        return (node for table in self._tables.values() for node in table.filters.values())

    def left(self, places: Sequence[Place]) -> Iterator[U32Filter]:
        """See :meth:`Classifier.left`."""
        for table in self._tables.values():
            if table.made is not None:
                yield replace(table.made, pref=table.place.pref, protocol=table.place.protocol)
        for node in self._nodes():
            yield replace(
                node.filter,
                pref=node.place.pref,
                protocol=node.place.protocol,
                handle=Handle(node=node.number),
                ht=None if node.table is node.place.own else Handle(node.table.number, node.bucket),
            )


def _free(table: _Table, bucket: int, filter_: U32Filter) -> int:
    """``gen_new_kid``: the lowest free number from 0x800 on."""
    number = next((n for n in range(FIRST_NODE, LAST_NODE + 1) if (bucket, n) not in table.filters), None)
    if number is None:
        raise Unsupported("more filters in a bucket than there are numbers from 800 on", filter_.span)
    return number
