"""Filters of ``matchall`` beside those of u32; see :mod:`...tc.artifact.matchall`.

In ``mall_change`` and ``mall_delete`` (``net/sched/cls_matchall.c``, 6.1) a priority has one filter, which cannot be
changed. Here it is what u32 is without keys, alone in a table of its own: ``u32_classify`` then loads nothing of the
frame, and does what ``mall_classify`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ....semantics.source import Span
from ...tc.artifact.attributes import Attribute
from ...tc.artifact.changes import Classifier, Place, Refused
from ...tc.artifact.filters import MATCHALL
from ...tc.artifact.hooks import PortNames
from ...tc.artifact.matchall import Options, read_attributes, read_words
from ...tc.artifact.netlink import Links, Told
from ...tc.artifact.script import Head
from ...tc.artifact.words import Command
from .filters import NO_HANDLE, Handle, U32Filter
from .tables import Node, Table

_FIRST: Final = Handle.of(1)
"""What the kernel gives to one without a handle."""
_NODE: Final = 1


def read_handle(command: Command) -> Handle:
    """One number. Raises InputError."""
    return Handle.of(command.number("handle", 1, 0xFFFFFFFF))


def read_matchall(
    command: Command, head: Head[Handle], ports: PortNames, span: Span, *, shown: bool = False
) -> U32Filter:
    """The filter whose options are the rest of the command; ``shown``: as a dump tells them, which stands for no
    request. Raises InputError, ValueError."""
    options = read_words(command, ports, span, shown=shown)
    return _filter(head.pref, head.protocol, head.chain, head.handle, options)


def read_matchall_attributes(options: Attribute, told: Told, links: Links) -> U32Filter:
    """The filter of a message. Raises InputError, ValueError: an attribute that the kernel would pass over, or a value
    that it refuses."""
    place = told.place
    handle = Handle.of(place.handle)
    return _filter(place.pref, place.protocol, place.chain, handle, read_attributes(options, told, links))


def _filter(pref: int, protocol: int, chain: int, handle: Handle, options: Options) -> U32Filter:
    return U32Filter(
        pref,
        protocol,
        handle,
        actions=options.actions,
        chain=chain,
        classid=options.classid,
        skip_hw=options.skip_hw,
        skip_sw=options.skip_sw,
        in_hw=options.in_hw,
        span=options.span,
        kind=MATCHALL,
    )


class MatchallPriorities(Classifier[U32Filter]):
    """The filters of matchall of one hook; a priority's own is a table with its filter, if it has one."""

    def __init__(self) -> None:
        self.tables: dict[int, Table] = {}
        """By numbers that no table of u32 has."""

    def begin(self, place: Place) -> None:
        """See :meth:`Classifier.begin`."""
        number = -1 - len(self.tables)
        place.own = self.tables[number] = Table(number, 1, place, None)

    def get(self, place: Place, handle: Handle) -> Node | None:
        """See :meth:`Classifier.get`."""
        node = _of(place)
        return node if node is not None and node.filter.handle == handle else None

    def change(self, place: Place, found: object | None, filter_: U32Filter) -> None:
        """See :meth:`Classifier.change`."""
        if _of(place) is not None:
            raise Refused("a matchall filter exists at this priority")
        if filter_.handle == NO_HANDLE:
            filter_ = replace(filter_, handle=_FIRST)
        place.own.put(Node(place.own, 0, _NODE, place, filter_, None, 0))

    def delete(self, place: Place, found: object, span: Span) -> bool:
        """See :meth:`Classifier.delete`."""
        place.own.remove(found)
        return True

    def end(self, place: Place, span: Span) -> None:
        """See :meth:`Classifier.end`."""

    def left(self, places: Sequence[Place]) -> Iterator[U32Filter]:
        """See :meth:`Classifier.left`."""
        for place in places:
            node = _of(place)
            if node is not None:
                yield replace(node.filter, pref=place.pref, protocol=place.protocol)


def _of(place: Place) -> Node | None:
    nodes: tuple[Node, ...] = place.own.nodes(0)
    return nodes[0] if nodes else None
