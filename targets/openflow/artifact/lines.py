"""Whole files: ``ovs-ofctl`` flow files, bundles, and what ``dump-flows`` and ``dump-groups`` print.

Each line is a flow, a group or (:mod:`.meter_lines`) a meter. Lines of a bundle begin with ``flow add`` or
``group add``; a dump's lines of headers (``OFPST_FLOW reply``) are read over, and so is what it says of time and
counters.
"""

from __future__ import annotations

import re
from typing import Final

from ....semantics.source import InputError, Span, Unsupported
from ...assuming import assumed
from . import messages
from .actions import read_actions
from .flows import ASSUMPTIONS, DEFAULT_PRIORITY, TABLES, Action, Bridge, Flow, Group
from .group_lines import group_of
from .matches import Match
from .meter_lines import Meters
from .words import Item, Piece, items, number

MAX_FILE: Final = 256 << 20
MAX_LINES: Final = 2_000_000
_HEADER: Final = re.compile(r"(?:OFPST|NXST|OFPT)[A-Z0-9_]* ")
_GROUP: Final = re.compile(r"\s*group_id=")
_FLOW: Final = re.compile(
    rb"^[ \t]*(?:(?:flow[ \t]+add|group[ \t]+add)[ \t]|group_id=[0-9]|cookie=0x|"
    rb"[a-z][^\n#]*?[ ,]?\bactions?=)",
    re.MULTILINE,
)
_LOOKED_AT: Final = 1 << 16
_ACTIONS: Final = re.compile(r"(?:^|[\s,])(actions?|instructions?)=")
_CHANGES: Final = {
    "flow": ("delete", "delete_strict", "modify", "modify_strict"),
    "group": ("delete", "modify", "add_or_mod", "insert_bucket", "insert_buckets", "remove_bucket", "remove_buckets"),
}
_COUNTERS: Final = frozenset(
    [
        "duration",
        "n_packets",
        "n_bytes",
        "idle_age",
        "hard_age",
        "idle_timeout",
        "hard_timeout",
        "importance",
        "reset_counts",
        "send_flow_rem",
        "check_overlap",
        "out_port",
        "no_packet_counts",
        "no_byte_counts",
    ]
)


def recognises(data: bytes) -> bool:
    """Whether a file's content looks like flows of Open vSwitch."""
    start = data[:_LOOKED_AT]
    return messages.recognises(data) or (b"\0" not in start and _FLOW.search(start) is not None)


def read(data: bytes, name: str) -> Bridge:
    """The flows and groups of a file, of ``ovs-ofctl`` or of messages.

    Raises:
        InputError: a line that is neither, with line and column; a message that is damaged, with the byte.
        Unsupported: a line that changes what is there, or a match that the tools take for another one.
    """
    if len(data) > MAX_FILE:
        raise InputError.at(Span(name, 0, 0), f"the file is larger than {MAX_FILE >> 20} MiB")
    if messages.recognises(data):
        return messages.decode(data, name)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError.at(Span(name, line, 1), "not flows of Open vSwitch: no UTF-8") from None
    return read_text(text, name)


def read_text(text: str, name: str = "<flows>") -> Bridge:
    """The flows and groups of a text; see :func:`read`."""
    flows: list[Flow] = []
    groups: dict[int, Group] = {}
    meters = Meters()
    known: dict[str, tuple[Action, ...]] = {}
    assumes: tuple[str, ...] = ()
    for count, line in enumerate(text.split("\n"), 1):
        if count > MAX_LINES:
            raise InputError.at(Span(name, count, 1), f"more than {MAX_LINES} lines")
        assumes += assumed(line, Span(name, count, 1), ASSUMPTIONS)
        if meters.take(line, count, name):
            continue
        piece = _statement(line, count, name)
        if piece is None:
            continue
        piece, kind = _kind(piece)
        if kind == "flow":
            flows.append(_flow(piece, known))
            continue
        group = group_of(piece)
        if group.number in groups:
            raise piece.error(f"group {group.number} is there twice")
        groups[group.number] = group
    if not flows and not groups:
        raise InputError.at(Span(name, 1, 1), "no flow in this file")
    assumes = tuple(sorted(set(assumes)))
    return Bridge(tuple(flows), tuple(groups.values()), name, assumes, tuple(meters.by_number.values()))


def _statement(line: str, count: int, name: str) -> Piece | None:
    """What a line says; None for nothing."""
    said = line.split("#", 1)[0].rstrip()
    start = len(said) - len(said.lstrip())
    if start == len(said) or _HEADER.match(said, start):
        return None
    return Piece(said[start:], Span(name, count, start + 1, count, len(said) + 1), line)


def _kind(piece: Piece) -> tuple[Piece, str]:
    words = re.match(r"(flow|group)\s+(?:([a-z_]+)(?=[\s,])\s*)?", piece.text)
    if words is None:
        return _added(piece), "group" if _GROUP.match(piece.text) else "flow"
    command, at = words[2], piece.part(words.start(2), words.end(2))
    if command in _CHANGES[words[1]]:
        raise Unsupported(f"'{words[1]} {command}', which changes what is there", at.span)
    if command not in (None, "add") and "=" not in piece.text[words.start(2) :].split(",")[0]:
        raise at.error(f"only 'add' is known here, not {command!r}")
    return piece.part(words.end() if command in (None, "add") else words.start(2)), words[1]


def _added(piece: Piece) -> Piece:
    """A line of a flow file without the command that it may begin with (``parse_ofp_flow_mod_str``)."""
    words = re.match(r"([a-z_]+)\s+(?![\s=:(])", piece.text)
    if words is None or words[1] not in ("add", *_CHANGES["flow"]):
        return piece
    if words[1] != "add":
        raise Unsupported(f"'{words[1]}', which changes flows that are there", piece.part(0, words.end(1)).span)
    return piece.part(words.end())


def _flow(piece: Piece, known: dict[str, tuple[Action, ...]]) -> Flow:
    """One flow; ``known``: lists of actions by their text, for the flows of a large table have few."""
    found = _ACTIONS.search(piece.text)
    if found is None:
        raise piece.error("a flow needs actions ('actions=...')")
    head, tail = piece.part(0, found.start(1)), piece.part(found.end())
    actions = known.get(tail.text)
    if actions is None:
        actions = known[tail.text] = read_actions(tail)
    match = Match()
    numbers = {"table": 0, "priority": DEFAULT_PRIORITY, "cookie": 0}
    rest = []
    for item in items(head):
        if item.key.text in numbers:
            numbers[item.key.text] = _number(item)
        elif item.key.text not in _COUNTERS and not (item.value is None and match.shorthand(item.key)):
            rest.append(item)
    for item in sorted(rest, key=_order):
        if not match.take(item):
            raise item.key.error(f"{item.key.shown()} is no field that is known")
    return Flow(
        numbers["table"], numbers["priority"], match.done(), actions, numbers["cookie"], piece.span,
        tuple(sorted(match.unmodelled)),
    )  # fmt: skip


def _order(item: Item) -> int:
    """What others need comes first."""
    first = {"dl_type": 0, "eth_type": 0, "nw_proto": 1, "ip_proto": 1}
    return first.get(item.key.text, 2)


def _number(item: Item) -> int:
    if item.value is None:
        raise item.key.error(f"{item.key.text} needs a value")
    value = number(item.value, {"table": 8, "priority": 16, "cookie": 64}[item.key.text])
    if item.key.text == "table" and value >= TABLES:
        raise item.value.error(f"tables are numbered from 0 to {TABLES - 1}")
    return value
