"""A session with BMv2's CLI: the handles that it gives out, where written state goes, and a command's words.

Handles are those of behavioral-model (``src/bm_sim/match_units.cpp``): the smallest that is free, the entries of the
source first; the high byte of an entry's handle counts how often its place was used before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from .. import ir
from ..source import InputError, Span
from .build import Builder, Identity
from .numbers import number

Word = tuple[str, Span]


class Cells(Protocol):
    """Where written state goes."""

    def write(self, name: str, index: int, value: int) -> None:
        """Cell ``index`` of the state ``name`` holds ``value`` from now on."""
        ...

    def reset(self, name: str) -> None:
        """All cells of a state hold 0 from now on."""
        ...


@dataclass
class Kept:
    """Cells that become part of the rule set."""

    builder: Builder

    def write(self, name: str, index: int, value: int) -> None:
        """See :class:`Cells`."""
        self.builder.cells.setdefault(name, {})[index] = value

    def reset(self, name: str) -> None:
        """See :class:`Cells`: what was not written is 0 in any case."""
        self.builder.cells.pop(name, None)


@dataclass
class _Handles:
    """The handles of one table: place → how often it was used before, and the entry there (None: free)."""

    places: list[tuple[int, Identity | None]] = field(default_factory=list)
    _free: list[int] = field(default_factory=list)
    """A heap: the least place is taken first."""
    _held: dict[Identity, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._held = {which: place for place, (_, which) in enumerate(self.places) if which is not None}

    def take(self, which: Identity) -> int:
        if self._free:
            place = heappop(self._free)
            version = self.places[place][0]
            self.places[place] = version, which
        else:
            place, version = len(self.places), 0
            self.places.append((version, which))
        self._held[which] = place
        return version << 24 | place

    def find(self, handle: int) -> Identity | None:
        place = handle & 0xFFFFFF
        if handle < 0 or place >= len(self.places) or self.places[place][0] != handle >> 24:
            return None
        return self.places[place][1]

    def free(self, which: Identity) -> None:
        place = self._held.pop(which, None)
        if place is not None:
            self.places[place] = (self.places[place][0] + 1) & 0xFF, None
            heappush(self._free, place)


@dataclass
class Cli:
    """A session: the builder, the handles given out, and where written state goes."""

    builder: Builder
    cells: Cells | None = None
    _handles: dict[str, _Handles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cells is None:
            self.cells = Kept(self.builder)

    @property
    def program(self) -> ir.Program:
        """The program that the rules are for."""
        return self.builder.program

    def handles(self, table: ir.Table) -> _Handles:
        """The handles of a table; the source's entries have the first."""
        if table.control_name not in self._handles:
            self._handles[table.control_name] = _Handles([(0, which) for which in self.builder.installed(table)])
        return self._handles[table.control_name]

    def entry(self, table: ir.Table, word: Word) -> Identity:
        """The entry that a handle names. Raises InputError."""
        found = self.handles(table).find(number(*word))
        if found is None or found not in self.builder.installed(table):
            raise InputError.at(word[1], f"table {table.control_name} has no entry with the handle {word[0]}")
        return found

    def forget(self, table: ir.Table) -> None:
        """All entries of a table are gone."""
        handles = self.handles(table)
        for _, held in list(handles.places):
            if held is not None:
                handles.free(held)


@dataclass
class Arguments:
    """What is left of a command's words."""

    words: list[Word]
    span: Span
    """Where the command is."""

    def next(self, what: str) -> Word:
        """The next word. Raises InputError if there is none."""
        if not self.words:
            raise InputError.at(self.span, f"{what} is missing")
        return self.words.pop(0)

    def number(self, what: str) -> int:
        """The next word as a number that is not negative. Raises InputError."""
        word = self.next(what)
        value = number(*word)
        if value < 0:
            raise InputError.at(word[1], f"{what} is not negative")
        return value

    def rest(self) -> list[Word]:
        """All words that are left."""
        words_, self.words = self.words, []
        return words_

    def end(self) -> None:
        """Raise InputError if words are left."""
        if self.words:
            raise InputError.at(self.words[0][1], f"{self.words[0][0]} is too much")


Command = Callable[[Cli, Arguments], None]


def words(line: str, name: str, at: int) -> list[Word]:
    """The words of a line, with their places; ``#`` starts a comment."""
    code = line.split("#", 1)[0]
    return [(m.group(), Span(name, at, m.start() + 1, at, m.end() + 1)) for m in re.finditer(r"\S+", code)]
