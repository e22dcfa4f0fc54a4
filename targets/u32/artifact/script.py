"""Reading a ``tc -batch`` script of u32 filters, beside which those of ``matchall`` may stand; see
:mod:`...tc.artifact.script`."""

from __future__ import annotations

from ....semantics.source import Span
from ...tc.artifact.filters import MATCHALL
from ...tc.artifact.hooks import DEFAULT_PORTS, PortNames
from ...tc.artifact.script import Head, Kind, read_filters
from ...tc.artifact.words import Command
from .changes import classifiers
from .filters import NO_HANDLE, FilterList, Handle, U32Filter
from .matchall import read_handle as read_number
from .matchall import read_matchall
from .names import read_handle
from .options import Options


def parse_script(text: str, name: str = "<tc>", ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters of a script.

    Raises:
        InputError: a command that is not understood, or that changes filters and is refused by the kernel; with line
            and column.
        Unsupported: one that does something other than adding, changing or taking away filters of u32 or matchall.
    """

    def read(command: Command, head: Head[Handle], start: Span) -> U32Filter:
        options = Options(command, ports)
        options.read()
        head.whole = options.whole
        return options.filter(head.pref, head.protocol, head.chain, head.handle, start, may_change=head.may_change)

    kind = Kind(
        "u32",
        NO_HANDLE,
        lambda command: read_handle(command, "handle"),
        read,
        classifiers,
        ports,
        beside={MATCHALL: lambda command, head, start: read_matchall(command, head, ports, start)},
        handles_beside={MATCHALL: read_number},
    )
    hook, filters = read_filters(text, name, kind)
    return FilterList(filters, hook, name)
