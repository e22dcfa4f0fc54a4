"""The words of a ``tc -batch`` script with their places, and the numbers that ``tc`` reads from them.

Follows ``getcmdline`` and ``makeargs`` of iproute2's ``lib/utils.c``: ``#`` starts a comment anywhere, a backslash at
the end of a line joins the next one, words are split at blanks and may be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ....semantics.source import InputError, Span
from .indexed import Shared

_WORD: Final = re.compile(r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s"']+))""")
_NUMBER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\Z")
_HEX: Final = re.compile(r"([+-]?)(?:0[xX])?([0-9a-fA-F]+)\Z")
_LONGEST_NUMBER: Final = 24


@dataclass(frozen=True, slots=True)
class Word:
    """One word and where it stands."""

    text: str
    span: Span


class Command:
    """The words of one command, read from left to right."""

    def __init__(self, words: list[Word], end: Span, lines: dict[int, str], shared: Shared | None = None) -> None:
        self.words = words
        self.end = end
        self.lines = lines
        """The source lines that it stands on, by number."""
        self.shared = Shared() if shared is None else shared
        """What this command and those before it have made that others can take again."""
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.words)

    @property
    def here(self) -> Span:
        """The place of the next word, or of the command's end."""
        return self.words[self.at].span if self else self.end

    @property
    def last(self) -> Span:
        """The place of the word read last."""
        return self.words[self.at - 1].span if self.at else self.here

    @property
    def last_text(self) -> str:
        """The text of the word read last."""
        return self.words[self.at - 1].text

    def peek(self) -> str:
        """The next word's text; empty at the end."""
        return self.words[self.at].text if self else ""

    @property
    def second(self) -> str:
        """The text of the word after the next one; empty at the end."""
        return self.words[self.at + 1].text if self.at + 1 < len(self.words) else ""

    def next(self, what: str) -> str:
        """The next word's text, taken. Raises InputError at the end: ``what`` is missing."""
        if not self:
            raise self.error(f"{what} expected, but the command ends", self.end)
        self.at += 1
        return self.words[self.at - 1].text

    def take(self, *words: str) -> bool:
        """Whether the next word is one of these; then it is taken."""
        if self.peek() in words and self:
            self.at += 1
            return True
        return False

    def take_short(self, word: str) -> bool:
        """The same where ``tc`` accepts any beginning of ``word`` (``matches`` of iproute2)."""
        if self.peek() and word.startswith(self.peek()):
            self.at += 1
            return True
        return False

    def number(self, what: str, low: int, high: int, *, hexadecimal: bool = False) -> int:
        """The next word as a number as ``strtol`` reads it, in base 16, or with C's prefixes.

        Raises:
            InputError: it is not a number, or not in ``low..high``.
        """
        return self.as_number(self.next(what), what, low, high, hexadecimal=hexadecimal)

    def as_number(self, text: str, what: str, low: int, high: int, *, hexadecimal: bool = False) -> int:
        """``text``, from the word read last, as a number; see :meth:`number`."""
        value = read_number(text, hexadecimal=hexadecimal)
        if value is None:
            raise self.error(f"{what} expected, not {shorten(text)}")
        if not low <= value <= high:
            raise self.error(f"{what} {value} is not in {low}..{high}")
        return value

    def error(self, message: str, span: Span | None = None) -> InputError:
        """An error at the word read last, or at ``span``."""
        place = span or self.last
        return InputError.at(place, message, self.lines.get(place.line))


def shorten(text: str) -> str:
    """A word as it is quoted in a message."""
    shown = text if len(text) <= 40 else text[:40] + "..."
    return repr(shown)


def read_number(text: str, *, hexadecimal: bool = False) -> int | None:
    """``text`` as ``strtol`` reads it in base 16, or in base 0 (``0x`` and ``0`` prefixes); None if it is no number."""
    if len(text) > _LONGEST_NUMBER:
        return None
    if hexadecimal:
        found = _HEX.match(text)
        magnitude = int(found[2], 16) if found else 0
    else:
        found = _NUMBER.match(text)
        magnitude = 0
        if found:
            magnitude = int(found[2], 16) if found[2] else int(found[3], 8) if found[3] else int(found[4])
    if not found:
        return None
    return -magnitude if found[1] == "-" else magnitude


def commands(text: str, name: str) -> Iterator[Command]:
    """The commands of a script, empty ones left out.

    Raises:
        InputError: a quotation mark without its partner.
    """
    pending: list[Word] = []
    lines: dict[int, str] = {}
    shared = Shared()
    for number, line in enumerate(text.split("\n"), 1):
        shown = line.rstrip("\r")
        lines[number] = shown
        joined = shown.endswith("\\")
        body = (shown[:-1] if joined else shown).split("#", 1)[0].rstrip()
        pending += _words(body, name, number, shown)
        if joined:
            continue
        if pending:
            yield Command(pending, Span(name, number, len(body) + 1), lines, shared)
        pending, lines = [], {}
    if pending:
        yield Command(pending, pending[-1].span, lines, shared)


def _words(body: str, name: str, line: int, shown: str) -> Iterator[Word]:
    at = 0
    while at < len(body):
        found = _WORD.match(body, at)
        if found is None:
            column = len(body) - len(body[at:].lstrip()) + 1
            raise InputError.at(Span(name, line, column), "quotation mark without its partner", shown)
        group = found.lastgroup or "plain"
        start, end = found.span(group)
        yield Word(found[group], Span(name, line, start + 1, line, end + 1))
        at = found.end()
