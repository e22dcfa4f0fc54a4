"""How a file begins that has filters of a classifier, as regular expressions."""

from __future__ import annotations

import re
from typing import Final

_COMMANDS: Final = "add|replace|change|del|delete"
_KINDS: Final = "flower|matchall|u32"


def script_line(kind: str) -> re.Pattern[bytes]:
    """A command of a script that does something to a filter of that kind: no other one's word is before. It may go on
    behind a backslash."""
    said = rb"^[ \t]*(?:tc[ \t]+)?filter[ \t]+(?:%s)[ \t](?:(?!\b(?:%s)\b)(?:\\\r?\n|[^\n#]))*\b%s\b"
    return re.compile(said % (_COMMANDS.encode(), _KINDS.encode(), kind.encode()), re.MULTILINE)


def shown_line(kind: str) -> re.Pattern[bytes]:
    """The first line of a filter of that kind as ``tc filter show`` prints it."""
    said = rb"^filter (?!(?:%s)\b)[^\n]*\bprotocol \S+ pref \d+ %s\b"
    return re.compile(said % (_COMMANDS.encode(), kind.encode()), re.MULTILINE)
