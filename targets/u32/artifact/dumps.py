"""Reading what ``tc [-s] filter show`` prints of u32 for people: ``u32_print_opt`` of iproute2's ``tc/f_u32.c``, 6.1.

Its JSON (``tc -j``) does not tell whether a filter ends the search, and is no JSON where there are offsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ....semantics.source import InputError, Span
from ...tc.artifact.filters import MATCHALL
from ...tc.artifact.hooks import DEFAULT_PORTS, Hook, PortNames
from ...tc.artifact.matchall import shown_words
from ...tc.artifact.protocols import read_classid
from ...tc.artifact.script import MAX_FILTERS, Head
from ...tc.artifact.shown import PLACE, blocks, head_of, on_one_hook, parted, protocol_of
from ...tc.artifact.shown_actions import Line, shown_action
from ...tc.artifact.words import Command, Word
from .filters import FilterList, Handle, Key, Selector, U32Filter
from .matchall import read_matchall
from .netlink import from_dump

_HANDLE: Final = r"(?P<{0}>[0-9a-f]{{1,3}}):(?:(?P<{0}_bucket>[0-9a-f]{{0,2}}):(?P<{0}_node>[0-9a-f]{{1,3}}))?"
_HEAD: Final = re.compile(
    PLACE + r"(?: fh " + _HANDLE.format("fh") + r")?(?: handle (?P<number>0x[0-9a-f]{1,8}|[1-9]\d{0,9}))?(?P<rest>.*)"
)
_TABLE: Final = re.compile(r" ht divisor (\d{1,3})(?P<said>(?: (?:skip_hw|skip_sw|in_hw|not_in_hw))*)\s*")
_NODE: Final = re.compile(
    r" order \d+ key ht (?P<ht>[0-9a-f]{1,3}) bkt (?P<bucket>[0-9a-f]{1,2})\s*"
    r"(?P<star>\*?)(?:flowid (?P<classid>\S+)\s*)?(?P<terminal>terminal flowid (?:\?\?\? )?)?\s*"
    r"(?:link (?P<link>[0-9a-f]{1,3}):\s*)?"
    r"(?P<said>(?:(?:skip_hw|skip_sw|in_hw(?: in_hw_count \d+)?|not_in_hw)\s*)*)"
    r"(?:\(rule hit \d+ success \d+\))?\s*"
)
_KEY: Final = re.compile(
    r"match ([0-9a-f]{8})/([0-9a-f]{8}) at (nexthdr\+)?(-?\d{1,10})(?:\s*\(success \d+\s*\))?(\s+eat)?\s*"
)
_OFFSET: Final = re.compile(r"offset(?: ([0-9a-f]{4})>>(\d{1,3}) at (-?\d{1,5}))?(?:\s+plus (\d{1,5}))?(\s+eat)?\s*")
_HASH: Final = re.compile(r"hash mask ([0-9a-f]{8}) at (-?\d{1,5})\s*")
_MARK: Final = re.compile(r"mark 0x([0-9a-f]{1,8}) 0x([0-9a-f]{1,8})(?: \(success \d+\))?\s*")
_DEVICE: Final = re.compile(r"input dev (\S+)\s*")


def parse_shown(text: str, name: str, ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters of a dump for people, in an order in which they can be added.

    Raises:
        InputError: a line that is not understood; with line and column.
    """
    filters: list[U32Filter] = []
    hook: Hook | None = None
    for lines in blocks(text, name):
        found, told = head_of(lines[0], _HEAD, "u32", (MATCHALL,))
        reading = _filter if found["kind"] == "u32" else _matchall
        if found["fh" if reading is _filter else "number"] is None:
            continue
        try:
            hook = on_one_hook(hook, told)
            filters.append(reading(found, lines, ports))
        except ValueError as error:
            raise InputError.at(lines[0][0].span, str(error)[:200], lines[0][1]) from None
        if len(filters) > MAX_FILTERS:
            raise InputError.at(lines[0][0].span, f"more than {MAX_FILTERS} filters")
    if hook is None:
        raise InputError.at(Span(name, 1, 1), "no u32 filter in this dump")
    return from_dump(FilterList(tuple(filters), hook, name))


def _filter(found: re.Match[str], lines: list[Line], ports: PortNames) -> U32Filter:
    numbers = (int(found[part] or "0", 16) for part in ("fh", "fh_bucket", "fh_node"))
    handle, protocol = Handle(*numbers), protocol_of(found, lines[0])
    place = {"pref": int(found["pref"]), "protocol": protocol, "handle": handle, "chain": int(found["chain"] or 0)}
    table = _TABLE.fullmatch(found["rest"])
    if table is not None:
        made = U32Filter(**place, selector=None, divisor=int(table[1]), span=lines[0][0].span)  # type: ignore[arg-type]
        return _told(made, table["said"])
    node = _NODE.fullmatch(found["rest"])
    if node is None:
        raise ValueError(f"what stands behind the handle is not understood: {found['rest'].strip()[:60]!r}")
    before, actions = parted(lines, ports)
    policed = next((i for i, (word, _) in enumerate(before) if word.text.startswith("police ")), None)
    if policed is not None:  # an option of u32, not an action; what stands behind it are its counters
        before, actions = before[:policed], (shown_action(before[policed:], ports), *actions)
    selector, more = _selector(before[1:], ports)
    ends = bool(node["star"] or node["terminal"])
    made = U32Filter(
        **place,  # type: ignore[arg-type]
        selector=replace(selector, terminal=ends),
        ht=Handle(int(node["ht"], 16), int(node["bucket"], 16)),
        link=None if node["link"] is None else int(node["link"], 16),
        classid=None if node["classid"] is None else _classid(node["classid"], lines[0]),
        actions=actions,
        span=lines[0][0].span,
        **more,  # type: ignore[arg-type]
    )
    return _told(made, node["said"])


def _matchall(found: re.Match[str], lines: list[Line], ports: PortNames) -> U32Filter:
    before, actions = parted(lines, ports)
    handle, protocol = Handle.of(int(found["number"], 0)), protocol_of(found, lines[0])
    head = Head(handle, pref=int(found["pref"]), protocol=protocol, chain=int(found["chain"] or 0))
    shown = {word.span.line: line for word, line in lines}
    command = Command(shown_words(found["rest"], before), before[-1][0].span, shown)
    made = read_matchall(command, head, ports, lines[0][0].span, shown=True)
    return replace(made, actions=actions, span=lines[0][0].span)


def _classid(text: str, line: Line) -> int:
    place = line[0].span
    return read_classid(Command([Word(text, place)], place, {place.line: line[1]}), "class id")


def _told(made: U32Filter, said: str) -> U32Filter:
    """With what a dump says of hardware."""
    words = set(said.split())
    in_hw = True if "in_hw" in words else False if "not_in_hw" in words else None
    return replace(made, skip_hw="skip_hw" in words, skip_sw="skip_sw" in words, in_hw=in_hw)


def _selector(lines: Iterable[Line], ports: PortNames) -> tuple[Selector, dict[str, object]]:
    """The selector, and what else stands on its lines."""
    keys: list[Key] = []
    selector = Selector()
    more: dict[str, object] = {}
    for word, shown in lines:
        text = word.text
        if key := _KEY.fullmatch(text):
            keys.append(Key(int(key[1], 16), int(key[2], 16), int(key[4]), -1 if key[3] else 0))
            selector = replace(selector, eat=selector.eat or bool(key[5]))
        elif offset := _OFFSET.fullmatch(text):
            selector = _with_offset(selector, offset)
        elif hashed := _HASH.fullmatch(text):
            selector = replace(selector, hmask=int(hashed[1], 16), hoff=int(hashed[2]))
        elif mark := _MARK.fullmatch(text):
            more["mark"] = (int(mark[1], 16), int(mark[2], 16))
        elif device := _DEVICE.fullmatch(text):
            port = ports.port(device[1])
            if port is None:
                raise InputError.at(word.span, f"device {device[1]!r} is not a port (like {ports.name(1)})", shown)
            more["indev"] = port
        else:
            raise InputError.at(word.span, f"this line of a u32 filter is not understood: {text[:60]!r}", shown)
    return replace(selector, keys=tuple(keys)), more


def _with_offset(selector: Selector, found: re.Match[str]) -> Selector:
    """With the offset of the table that is linked to; a variable one has a fixed part, which may be 0."""
    variable = found[1] is not None
    return replace(
        selector,
        var_offset=variable,
        has_offset=not variable,
        offmask=int(found[1], 16) if variable else 0,
        offshift=int(found[2]) if variable else 0,
        offoff=int(found[3]) if variable else 0,
        off=int(found[4] or 0),
        eat=selector.eat or bool(found[5]),
    )
