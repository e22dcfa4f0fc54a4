"""What ``tc filter show`` prints for people, whatever the classifier (iproute2 6.1).

Each filter is a block of lines, of which the first says where it is; its actions stand at the end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal

from ....semantics.source import InputError, Span, Unsupported
from .actions import Action
from .hooks import Hook, PortNames
from .protocols import protocol_number
from .shown_actions import Line, is_action, shown_action
from .words import Word

PLACE: Final = (
    r"filter (?:(?:dev (?P<dev>\S+)|block (?P<block>\d+)|parent (?P<parent>\S+)|(?P<hook>ingress|egress)) )*"
    r"protocol (?P<protocol>\S+) pref (?P<pref>\d+) (?P<kind>\S+)(?: chain (?P<chain>\d+))?"
)
"""How a filter's first line begins, as a regular expression."""


_INGRESS: Final = ("ingress", "ffff:", "ffff:fff1", "ffff:fff2")
_EGRESS: Final = ("egress", "ffff:fff3")


def blocks(text: str, name: str) -> Iterator[list[Line]]:
    """The lines of each filter. Raises InputError."""
    block: list[Line] = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped:
            continue
        column = len(line) - len(line.lstrip()) + 1
        word = Word(stripped, Span(name, number, column, number, column + len(stripped)))
        if stripped.startswith("filter "):
            if block:
                yield block
            block = []
        elif not block:
            raise InputError.at(word.span, "a line that begins with 'filter' expected", line)
        block.append((word, line))
    if block:
        yield block


def head_of(
    line: Line, pattern: re.Pattern[str], kind: str, beside: Collection[str] = ()
) -> tuple[re.Match[str], Hook]:
    """What the first line says, and the hook; ``beside``: other classifiers whose filters may stand in such a list.
    Raises InputError; Unsupported if it is of yet another one."""
    word, shown = line
    found = pattern.match(word.text)
    if found is None:
        raise InputError.at(word.span, f"'filter protocol P pref N {kind}' expected", shown)
    if found["kind"] not in (kind, *beside):
        raise Unsupported(f"a filter of '{found['kind'][:20]}' in a list of {kind} filters", word.span)
    return found, told_hook(found["dev"], found["block"], found["hook"] or found["parent"], word.span)


def told_hook(device: str | None, block: str | None, parent: str | None, span: Span) -> Hook:
    """The hook that a dump tells of; it leaves out what it was asked for. Raises Unsupported: it is a qdisc's class."""
    if block is None and parent not in (None, *_INGRESS, *_EGRESS):
        raise Unsupported(f"filters of parent {parent}, which is neither ingress nor egress", span)
    number = None if block is None else int(block)
    direction: Literal["ingress", "egress"] = "egress" if parent in _EGRESS else "ingress"
    told = number is not None or device is not None
    return Hook("" if number is not None else device or "port0", direction, number, told)


def on_one_hook(before: Hook | None, hook: Hook) -> Hook:
    """The hook of all filters so far. Raises ValueError: they are on several, and would not be one list."""
    if before is not None and before != hook:
        raise ValueError(f"all filters must be on one hook; this one is on {hook}, earlier ones are on {before}")
    return hook


def protocol_of(found: re.Match[str], line: Line) -> int:
    """The protocol that a first line says. Raises InputError."""
    try:
        return protocol_number(found["protocol"])
    except ValueError as error:
        raise InputError.at(line[0].span, str(error), line[1]) from None


def parted(lines: Sequence[Line], ports: PortNames) -> tuple[Sequence[Line], tuple[Action, ...]]:
    """The lines of a filter before its actions, and the actions. Raises InputError, ValueError."""
    starts = [i for i, (word, _) in enumerate(lines) if is_action(word.text)]
    first = starts[0] if starts else len(lines)
    actions = tuple(shown_action(lines[start:end], ports) for start, end in pairwise([*starts, len(lines)]))
    return lines[:first], actions
