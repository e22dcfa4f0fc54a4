"""u32 filters that are added and changed: ``u32_init``, ``u32_change``, ``u32_delete``, ``u32_destroy`` of
``net/sched/cls_u32.c``, 6.1.

A filter that is changed keeps its selector and its place, whatever the command says of them; it gets the command's
actions, and the class id, link and device that the command names. Hash tables are those of a hook: they are there as
long as the hook has a priority of u32. Each priority has a root table, whose number the kernel chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ....semantics.source import Span, Unsupported
from ...tc.artifact.changes import Classifier, Place, Refused
from ...tc.artifact.filters import MATCHALL
from .filters import FIRST_ROOT, ROOT_TABLE, Handle, U32Filter, is_root_alone, wrong_table
from .matchall import MatchallPriorities
from .tables import Node, Table


class U32Tables(Classifier[U32Filter]):
    """The filters and hash tables of u32 of one hook; a priority's own is its root table."""

    def __init__(self) -> None:
        self.tables: dict[int, Table] = {}
        """By their numbers."""
        self._places: list[Place] = []
        self._roots = 0
        """Root tables that have been numbered since there was no priority; the kernel goes on from the last one."""
        self._added = 0

    def begin(self, place: Place) -> None:
        """See :meth:`Classifier.begin`."""
        number = FIRST_ROOT + self._roots
        if number >= ROOT_TABLE:
            raise Refused("too many priorities")
        self._roots += 1
        place.own = self.tables[number] = Table(number, 1, place, None)
        self._places.append(place)

    def get(self, place: Place, handle: Handle) -> Table | Node | None:
        """See :meth:`Classifier.get`."""
        table = place.own if handle.table == ROOT_TABLE else self.tables.get(handle.table)
        if table is None or not (handle.bucket or handle.node):
            return table
        found: Node | None = table.get(handle.bucket, handle.node)
        return found if handle.table != ROOT_TABLE else None  # its filters do not have this number

    # --- u32_change ---

    def change(self, place: Place, found: object | None, filter_: U32Filter) -> None:
        """See :meth:`Classifier.change`."""
        if isinstance(found, Table):
            raise Refused("a hash table cannot be changed")
        if isinstance(found, Node):
            self._changed(found, filter_)
        elif is_root_alone(filter_):
            return
        elif filter_.divisor is not None:
            self._table(place, filter_)
        else:
            self._node(place, filter_)

    def _changed(self, node: Node, given: U32Filter) -> None:
        _one_of_its_number(node, given.span)
        before = node.filter
        if (before.skip_hw, before.skip_sw) != (given.skip_hw, given.skip_sw):
            raise Refused("skip_hw and skip_sw of a filter cannot be changed")
        if before.classid is not None and given.classid is None:
            what = "kernels before 6.5 keep it, later ones and many stable ones do not"
            raise Unsupported(f"a filter that is changed without its class id: {what}", given.span)
        if given.divisor is not None:
            raise Unsupported("a divisor for a filter", given.span)
        node.link = node.link if given.link is None else self._link(given)
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
        if handle.table in self.tables:
            raise Refused(f"hash table {handle} exists")
        self.tables[handle.table] = Table(handle.table, divisor, place, filter_)

    def _node(self, place: Place, filter_: U32Filter) -> None:
        table, bucket = self._target(place, filter_)
        if bucket >= table.divisor:
            raise Refused(f"hash table {Handle(table.number)} has no bucket {bucket:x}")
        number = self._number(table, bucket, filter_)
        self._added += 1
        link = self._link(filter_)
        table.put(Node(table, bucket, number, place, filter_, link, self._added))

    def _target(self, place: Place, filter_: U32Filter) -> tuple[Table, int]:
        ht = filter_.ht or Handle()
        if ht.node:
            raise Unsupported("ht with a node number", filter_.span)
        if filter_.ht is None or ht.table == ROOT_TABLE:
            return place.own, 0
        table = self.tables.get(ht.table)
        if table is None:
            raise Refused(f"there is no hash table {Handle(ht.table)}")
        return table, ht.bucket

    @staticmethod
    def _number(table: Table, bucket: int, filter_: U32Filter) -> int:
        handle = filter_.handle
        if handle.table not in (0, table.number):
            raise Refused(f"handle {handle} is not in hash table {Handle(table.number)}")
        if not handle.node:
            if handle.bucket:
                raise Unsupported("a filter with a handle that names a bucket", filter_.span)
            return table.free(bucket)
        if table.get(bucket, handle.node) is not None:
            raise Refused(f"filter {Handle(table.number, bucket, handle.node)} exists")
        return handle.node

    def _link(self, filter_: U32Filter) -> Table | None:
        if not filter_.link:
            return None
        table = self.tables.get(filter_.link)
        if table is None:
            raise Refused(f"there is no hash table {Handle(filter_.link)} to link to")
        if table.is_root:
            raise Refused("a link cannot go to a root table")
        table.linked = True
        return table

    # --- u32_delete, u32_destroy ---

    def delete(self, place: Place, found: object, span: Span) -> bool:
        """See :meth:`Classifier.delete`."""
        if isinstance(found, Node):
            _one_of_its_number(found, span)
            found.table.remove(found)
        else:
            assert isinstance(found, Table)
            self._without(found, span)
        return len(self._places) == 1 and not any(table.buckets for table in self.tables.values())

    def _without(self, table: Table, span: Span) -> None:
        if table.is_root:
            raise Refused("a root table cannot be taken away")
        if any(node.link is table for node in self._nodes()):
            raise Refused("a hash table that a filter leads to cannot be taken away")
        if table.linked:  # the kernel forgets the link some time after the filter (``u32_delete_key_work``)
            raise Unsupported("a hash table that is taken away after what led to it", span)
        del self.tables[table.number]

    def end(self, place: Place, span: Span) -> None:
        """See :meth:`Classifier.end`."""
        self._places.remove(place)
        if not self._places:
            self.tables, self._roots = {}, 0
            return
        del self.tables[place.own.number]
        self._inherit(place, span)

    def _inherit(self, place: Place, span: Span) -> None:
        """What a priority leaves behind stays as it is (``u32_destroy`` takes away its root table alone, but for the
        last priority), and is told as another one's of its chain.

        Sound because the search goes from root tables through links: it does not ask by which priority a filter in
        another table, or that table, was made. Filters in the root table of another priority are not told
        (:meth:`left`).
        """
        left: list[Table | Node] = [table for table in self.tables.values() if table.place is place]
        left += [node for node in self._nodes() if node.place is place]
        if not left:
            return
        heir = next((one for one in self._places if one.chain == place.chain), None)
        if heir is None:
            raise Unsupported("the last priority of a chain that goes, and leaves hash tables or filters behind", span)
        for one in left:
            if isinstance(one, Node) and one.table.is_root:
                raise Unsupported("a priority that goes, and leaves a filter in the root table of another one", span)
            one.place = heir

    # --- all together ---

    def _nodes(self) -> Iterator[Node]:
        return (node for table in self.tables.values() for bucket in table.buckets.values() for node in bucket)

    def left(self, places: Sequence[Place]) -> Iterator[U32Filter]:
        """See :meth:`Classifier.left`."""
        for table in self.tables.values():
            if table.made is not None:
                yield replace(table.made, pref=table.place.pref, protocol=table.place.protocol)
        for node in self._nodes():
            _one_of_its_number(node, node.filter.span)
            if node.table.is_root and node.table is not node.place.own:
                raise Unsupported("a filter in the root table of another priority", node.filter.span)
            yield replace(
                node.filter,
                pref=node.place.pref,
                protocol=node.place.protocol,
                handle=Handle(node=node.node),
                ht=None if node.table.is_root else Handle(node.table.number, node.bucket),
            )


def classifiers() -> dict[str, Classifier[U32Filter]]:
    """Those of an empty hook."""
    return {"u32": U32Tables(), MATCHALL: MatchallPriorities()}


def _one_of_its_number(node: Node, span: Span) -> None:
    """Raises Unsupported: others have its number, too."""
    if node.table.buckets[node.bucket].again:
        raise Unsupported("filters of one bucket with the same number, which the kernel had to give twice", span)
