"""Whole files: ``ovs-ofctl`` flow files, bundles, and what ``dump-flows`` and ``dump-groups`` print.

Each line is a flow, a group or (:mod:`.meter_lines`) a meter, or a command that changes those before
(:mod:`.changes`). Lines of a bundle begin with ``flow`` or ``group``; a dump's lines of headers (``OFPST_FLOW reply``)
are read over, and so is what it says of time and counters.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ....semantics.source import NOWHERE, InputError, Span, Unsupported
from ...assuming import assumed
from . import flow_lines, group_lines, messages, packet_lines
from .changes import applied
from .flow_lines import FlowLines
from .flows import ASSUMPTIONS, Bridge
from .group_lines import read_group
from .meter_lines import Meters
from .sent_packets import check_leaves_all
from .steps import Step, Version
from .versions import as_spoken, said_version, versions_of
from .words import Piece

MAX_FILE: Final = 256 << 20
MAX_LINES: Final = 2_000_000
_HEADER: Final = re.compile(r"(?:OFPST|NXST|OFPT)[A-Z0-9_]* ")
_FLOW: Final = re.compile(
    rb"^[ \t]*(?:(?:flow|group)[ \t]+(?:add|modify|delete|insert|remove)|group_id=[0-9]|cookie=0x|"
    rb"[a-z][^\n#]*?[ ,]?\bactions?=)",
    re.MULTILINE,
)
_LOOKED_AT: Final = 1 << 16
_KEYWORD: Final = re.compile(r"(flow|group)\s+")
_GROUP: Final = re.compile(r"\s*group_id=")
_OF_GROUPS: Final = ("add_or_mod", "insert_bucket", "remove_bucket")


def recognises(data: bytes) -> bool:
    """Whether a file's content looks like flows of Open vSwitch."""
    start = data[:_LOOKED_AT]
    return messages.recognises(data) or (b"\0" not in start and _FLOW.search(start) is not None)


def read(data: bytes, name: str) -> Bridge:
    """The flows and groups that a file has, or leaves, of ``ovs-ofctl`` or of messages.

    Raises:
        InputError: a line that is neither, with line and column; a message that is damaged, with the byte.
        Unsupported: a line of which it is not known what it changes, or a match that the tools take for another one.
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
    lines = _Lines()
    assumes: set[str] = set()
    for count, line in enumerate(text.split("\n"), 1):
        if count > MAX_LINES:
            raise InputError.at(Span(name, count, 1), f"more than {MAX_LINES} lines")
        assumes |= set(assumed(line, Span(name, count, 1), ASSUMPTIONS))
        lines.take_version(line, Span(name, count, 1))
        if lines.meters.take(line, count, name):
            continue
        lines.shown |= _HEADER.match(line.lstrip()) is not None
        piece = _statement(line, count, name)
        if piece is not None:
            lines.read(piece)
    if not lines.steps:
        raise InputError.at(Span(name, 1, 1), "no flow in this file")
    steps = [*lines.meters.by_number.values(), *lines.steps]
    packet_lines.check_in_bundle(steps, bundle=lines.bundle)
    check_leaves_all(steps)
    later, shown = lines.flows.later, lines.shown or lines.flows.shown
    versions = versions_of(steps, lines.version, bundle=lines.bundle, later=later, place=lines.version_place)
    steps = list(as_spoken(steps, versions, shown=shown))
    bridge = applied(steps, versions, bundles=[range(len(steps))] if lines.bundle else (), shown=shown)
    version_open = len(versions) > 1 and not lines.shown  # lines with counters may be added, too
    return replace(bridge, name=name, assumes=tuple(sorted(assumes)), version_open=version_open)


class _Lines:
    """The lines of a file so far."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.meters = Meters()
        self.flows = FlowLines()
        self.shown = False
        """Whether some line is one of those that head what a switch shows."""
        self.bundle = True
        """Whether all lines are a bundle's."""
        self.version: Version | None = None
        """Of OpenFlow, as a comment says it."""
        self.version_place = NOWHERE
        self._of_groups = False
        self._of_either: Span | None = None
        """A line that takes away all flows or all groups."""

    def take_version(self, line: str, place: Span) -> None:
        """A line, which may be the comment that says a version. Raises InputError: another one is said, too."""
        version = said_version(line, place)
        if version is None:
            return
        if self.version not in (None, version):
            raise InputError.at(place, "a file is for one version of OpenFlow", line)
        self.version, self.version_place = version, place

    def read(self, piece: Piece) -> None:
        """One line that says something. Raises InputError, Unsupported."""
        packet = packet_lines.WORD.match(piece.text)
        if packet is not None:
            self.steps.append(packet_lines.read_packet(piece.part(packet.end())))
            return
        word = _KEYWORD.match(piece.text)
        self.bundle &= word is not None
        rest = piece if word is None else piece.part(word.end())
        of_group = _is_group(rest) if word is None else word[1] == "group"
        self.steps.append(read_group(rest) if of_group else self.flows.read(rest, bundle=word is not None))
        self._of_groups |= of_group and word is None
        if word is None and not of_group and "delete".startswith(rest.text):
            self._of_either = rest.span
        if self._of_groups and self._of_either is not None:
            raise Unsupported("'delete', of groups or of flows, in a file that has groups", self._of_either)


def _statement(line: str, count: int, name: str) -> Piece | None:
    """What a line says; None for nothing."""
    said = line.split("#", 1)[0].rstrip()
    start = len(said) - len(said.lstrip())
    if start == len(said) or _HEADER.match(said, start):
        return None
    return Piece(said[start:], Span(name, count, start + 1, count, len(said) + 1), line)


def _is_group(piece: Piece) -> bool:
    """Whether a line that does not say so is about groups."""
    if _GROUP.match(piece.text):
        return True
    said, rest = flow_lines.command(piece, tuple(group_lines.COMMANDS))
    return said is not None and (said in _OF_GROUPS or _GROUP.match(rest.text) is not None)
