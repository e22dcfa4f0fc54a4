"""Reading a ``tc -batch`` script of u32 filters; see :mod:`...tc.artifact.script`."""

from __future__ import annotations

from ....semantics.source import Span
from ...tc.artifact.hooks import DEFAULT_PORTS, PortNames
from ...tc.artifact.script import Head, Kind, read_filters
from ...tc.artifact.words import Command
from .filters import NO_HANDLE, FilterList, Handle, U32Filter
from .names import read_handle
from .options import Options


def parse_script(text: str, name: str = "<tc>", ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters of a script.

    Raises:
        InputError: a command that is not understood; with line and column.
        Unsupported: one that does something other than adding a u32 filter.
    """

    def read(command: Command, head: Head[Handle], start: Span) -> U32Filter:
        options = Options(command, ports)
        options.read()
        return options.filter(head.pref, head.protocol, head.chain, head.handle, start)

    kind = Kind(
        "u32", NO_HANDLE, lambda command: read_handle(command, "handle"), read, ports, one_space=True, may_be=_may_be
    )
    hook, filters = read_filters(text, name, kind)
    return FilterList(filters, hook, name)


def _may_be(one: Handle, other: Handle) -> bool:
    """Whether two handles may name one filter or table: what is missing the kernel chooses."""
    return all(not a or not b or a == b for a, b in ((one.table, other.table), (one.node, other.node)))
