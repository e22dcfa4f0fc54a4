"""Which format a file is in, and reading and writing it."""

from __future__ import annotations

import re
from typing import Final

from ....semantics.source import InputError, Span
from ...tc.artifact.hooks import DEFAULT_PORTS, PortNames
from ...tc.artifact.netlink import Links, is_filters
from ...tc.artifact.recognising import script_line, shown_line
from .dumps import parse_json, parse_shown
from .filters import FLOWER, KINDS, MATCHALL, FilterList
from .netlink import decode
from .printing import print_script
from .script import parse_script

MAX_FILE: Final = 256 << 20
_LOOKED_AT: Final = 1 << 16
_SHOWN: Final = {kind: shown_line(kind) for kind in (*KINDS, "u32")}
_LINES: Final = {kind: (script_line(kind), _SHOWN[kind]) for kind in _SHOWN}
_JSON: Final = {kind: re.compile(rb'"kind"\s*:\s*"%s"' % kind.encode()) for kind in _SHOWN}


def recognises(data: bytes) -> bool:
    """Whether a file's content looks like flower filters: a script, a dump, or netlink messages. Filters of matchall
    alone are taken for such ones, too."""
    start = data[:_LOOKED_AT]
    if is_filters(data, FLOWER, (MATCHALL,)):
        return True
    return _has(start, FLOWER) or (_has(start, MATCHALL) and not _has(start, "u32"))


def _has(start: bytes, kind: str) -> bool:
    if start.lstrip().startswith(b"["):
        return _JSON[kind].search(start) is not None
    return any(line.search(start) is not None for line in _LINES[kind])


def read(data: bytes, name: str, ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters in a file's content: a ``tc -batch`` script, what ``tc filter show`` prints, also with ``-j``, or
    rtnetlink messages.

    Raises:
        InputError: it is none of them, or not well formed; with file and place.
    """
    if len(data) > MAX_FILE:
        raise InputError.at(Span(name, 0, 0), f"the file is larger than {MAX_FILE >> 20} MiB")
    if is_filters(data):
        return decode(data, name, Links(ports))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = "neither a tc script or dump (UTF-8) nor rtnetlink messages"
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise InputError.at(Span(name, line, column), what) from None
    if data.lstrip().startswith(b"["):
        return parse_json(text, name, ports)
    if any(_SHOWN[kind].search(data[:_LOOKED_AT]) is not None for kind in KINDS):
        return parse_shown(text, name, ports)
    return parse_script(text, name, ports)


def write(filters: FilterList, ports: PortNames = DEFAULT_PORTS) -> bytes:
    """The ``tc -batch`` script that adds the filters. Raises Unsupported if ``tc`` has no words for one."""
    return print_script(filters, ports).encode()
