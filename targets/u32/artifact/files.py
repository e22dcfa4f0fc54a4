"""Which format a file is in, and reading and writing it."""

from __future__ import annotations

import re
from typing import Final

from ....semantics.source import InputError, Span
from ...tc.artifact.filters import MATCHALL
from ...tc.artifact.hooks import DEFAULT_PORTS, PortNames
from ...tc.artifact.netlink import Links, is_filters
from ...tc.artifact.recognising import script_line, shown_line
from .dumps import parse_shown
from .filters import FilterList
from .netlink import decode
from .printing import print_script
from .script import parse_script

MAX_FILE: Final = 256 << 20
_FILTER_LINE: Final = script_line("u32")
_SHOWN: Final = shown_line("u32")
_SHOWN_BESIDE: Final = shown_line(MATCHALL)
_JSON: Final = re.compile(rb'"kind"\s*:\s*"u32"')
_LOOKED_AT: Final = 1 << 16


def recognises(data: bytes) -> bool:
    """Whether a file's content looks like u32 filters: a script, a dump, or netlink messages. Filters of matchall alone
    are taken for some of flower."""
    start = data[:_LOOKED_AT]
    if is_filters(data):  # where there is nothing but matchall both are so
        return is_filters(data, "u32", (MATCHALL,)) and not is_filters(data, "flower", (MATCHALL,))
    if _is_json(data):
        return True
    return _FILTER_LINE.search(start) is not None or _SHOWN.search(start) is not None


def _is_json(data: bytes) -> bool:
    start = data[:_LOOKED_AT]
    return start.lstrip().startswith(b"[") and _JSON.search(start) is not None


def read(data: bytes, name: str, ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters in a file's content: a ``tc -batch`` script, what ``tc [-s] filter show`` prints, or rtnetlink
    messages.

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
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise InputError.at(
            Span(name, line, column), "neither a tc script or dump (UTF-8) nor rtnetlink messages"
        ) from None
    if _is_json(data):
        what = "tc -j does not tell which u32 filters end the search; give what 'tc filter show' prints without -j"
        raise InputError.at(Span(name, 1, 1), what)
    if any(line.search(data[:_LOOKED_AT]) is not None for line in (_SHOWN, _SHOWN_BESIDE)):
        return parse_shown(text, name, ports)
    return parse_script(text, name, ports)


def write(filters: FilterList, ports: PortNames = DEFAULT_PORTS) -> bytes:
    """A ``tc -batch`` script that adds the filters (the hook's clsact qdisc must be there).

    Raises:
        Unsupported: ``tc`` has no words for a filter; :func:`.netlink.encode` has.
    """
    return print_script(filters, ports).encode()
