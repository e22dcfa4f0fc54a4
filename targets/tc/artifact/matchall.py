"""The classifier ``matchall`` beside flower or u32: it takes every frame of its protocol, and looks into none.

Words as ``matchall_parse_opt`` of iproute2's ``tc/f_matchall.c`` reads and ``matchall_print_opt`` shows them;
attributes as ``mall_change`` reads and ``mall_dump`` shows them (``net/sched/cls_matchall.c``, 6.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ....semantics.source import Span, Unsupported
from .actions import Action
from .attributes import NESTED, Attribute, attribute, number
from .filters import Filter
from .hooks import PortNames
from .json_actions import Object
from .netlink import Links, Told
from .netlink_actions import action_attributes, decode_actions
from .print_actions import action_words
from .protocols import classid_text, read_classid
from .read_actions import read_actions
from .shown_actions import Line
from .words import Command, Word, shorten

_SKIP: Final = ("skip_hw", "skip_sw")
_IN_HW: Final = ("in_hw", "not_in_hw")
_NUMBERS: Final = ("handle", "rule_hit", "actions")
"""What JSON tells beside the options."""
TCA_MATCHALL_CLASSID, TCA_MATCHALL_ACT, TCA_MATCHALL_FLAGS, TCA_MATCHALL_PCNT, TCA_MATCHALL_PAD = range(1, 6)
_SKIP_HW, _SKIP_SW, _IN, _NOT_IN, _VERBOSE = 1, 2, 4, 8, 16
_SHOWN_ONLY: Final = (TCA_MATCHALL_PCNT, TCA_MATCHALL_PAD)


TOLD_OF_HARDWARE: Final = re.compile(r"in_hw_count \d+|used_hw_stats.*|hw_stats.*|\(rule hit \d+\)")
"""What a dump for people says of hardware and counters."""


class Said(Filter, Protocol):
    """A filter, whichever list it is in."""

    @property
    def classid(self) -> int | None:
        """Its class id."""
        ...

    @property
    def skip_hw(self) -> bool:
        """Whether hardware does not run it."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """What is said of a filter behind the classifier's name."""

    actions: tuple[Action, ...]
    classid: int | None
    skip_hw: bool
    skip_sw: bool
    in_hw: bool | None
    """What a dump says of it."""
    span: Span


# --- words --------------------------------------------------------------------------------------------------------


def read_words(command: Command, ports: PortNames, span: Span, *, shown: bool = False) -> Options:
    """The rest of the command; ``shown``: as a dump tells them, which stands for no request. Raises InputError."""
    if not command and not shown:
        raise command.error("the kernel refuses a matchall filter of which nothing is said", span)
    classid: int | None = None
    actions: list[Action] = []
    said: set[str] = set()
    while command:
        if command.take("flowid") or command.take_short("classid"):
            classid = read_classid(command, "class id")
        elif command.take_short("action"):
            actions += read_actions(command, ports)
        elif command.take(*_SKIP, *(_IN_HW if shown else ())):
            said.add(command.last_text)
            if not command and not shown:
                raise command.error(f"tc expects something behind {command.last_text} of matchall")
        else:
            raise command.error(f"unknown option {shorten(command.peek())} of matchall", command.here)
    return _options(classid, tuple(actions), said, span.to(command.last))


def _options(classid: int | None, actions: tuple[Action, ...], said: set[str], span: Span) -> Options:
    in_hw = True if "in_hw" in said else False if "not_in_hw" in said else None
    return Options(actions, classid or None, "skip_hw" in said, "skip_sw" in said, in_hw, span)


def shown_words(rest: str, lines: Sequence[Line]) -> list[Word]:
    """The options of a dump for people but the actions, in the words of scripts; ``rest``: of the first line, what
    stands behind the handle."""
    words = [Word(text, lines[0][0].span) for text in rest.split()]
    for word, _ in lines[1:]:
        words += [Word(text, word.span) for text in TOLD_OF_HARDWARE.sub("", word.text).split()]
    return words


def json_words(options: Object) -> list[str]:
    """The options of a JSON dump but the actions, in the words of scripts. Raises ValueError: one is not known."""
    found: list[str] = []
    for name, value in options.items():
        if name == "flowid":
            found += ["flowid", str(value)]
        elif name in (*_SKIP, *_IN_HW):
            found += [name] if value else []
        elif name not in _NUMBERS:
            raise ValueError(f"option {name[:20]!r} of matchall is not known")
    return found


def check_words(filter_: Said) -> None:
    """Raises Unsupported: ``tc`` has no words for a filter that does nothing and has no class."""
    if not filter_.actions and not filter_.classid:
        what = "tc has no words for matchall without class id and actions"
        raise Unsupported(f"{what}, rtnetlink messages have (--as netlink)", filter_.span)


def words(filter_: Said, ports: PortNames) -> Iterator[str]:
    """Behind the classifier's name. Raises Unsupported: ``tc`` has no words for it, or for an action."""
    check_words(filter_)
    yield from (flag for flag, said in (("skip_hw", filter_.skip_hw), ("skip_sw", filter_.skip_sw)) if said)
    if filter_.classid is not None:  # tc wants something behind the flag
        yield f"classid {classid_text(filter_.classid)}"
    yield from (f"action {action_words(action, ports, filter_.span)}" for action in filter_.actions)


# --- attributes ---------------------------------------------------------------------------------------------------


def option_attributes(filter_: Said, links: Links) -> bytes:
    """What is in ``TCA_OPTIONS``. Raises Unsupported: an action is known by its words only."""
    out = b""
    if filter_.classid is not None:
        out += number(TCA_MATCHALL_CLASSID, filter_.classid)
    if filter_.skip_hw or filter_.skip_sw:
        out += number(TCA_MATCHALL_FLAGS, _SKIP_HW * filter_.skip_hw | _SKIP_SW * filter_.skip_sw)
    if filter_.actions:
        out += attribute(TCA_MATCHALL_ACT | NESTED, action_attributes(filter_.actions, links.index, filter_.span))
    return out


def read_attributes(options: Attribute, told: Told, links: Links) -> Options:
    """What a message says. Raises InputError, ValueError: an attribute that the kernel would pass over, or a value that
    it refuses."""
    found = options.nest()
    known = {TCA_MATCHALL_CLASSID, TCA_MATCHALL_ACT, TCA_MATCHALL_FLAGS, *(() if told.new else _SHOWN_ONLY)}
    strange = sorted(set(found) - known)
    if strange:
        raise found[strange[0]].place.error(f"attribute {strange[0]} of matchall is not known")
    flags = found[TCA_MATCHALL_FLAGS].number() if TCA_MATCHALL_FLAGS in found else 0
    allowed = _SKIP_HW | _SKIP_SW | _VERBOSE | (0 if told.new else _IN | _NOT_IN)
    if flags & ~allowed:
        raise found[TCA_MATCHALL_FLAGS].place.error(f"unknown flags {flags:#x}")
    words = zip((*_SKIP, *_IN_HW), (_SKIP_HW, _SKIP_SW, _IN, _NOT_IN), strict=True)
    return _options(
        found[TCA_MATCHALL_CLASSID].number() if TCA_MATCHALL_CLASSID in found else None,
        decode_actions(found[TCA_MATCHALL_ACT], links.port, new=told.new) if TCA_MATCHALL_ACT in found else (),
        {word for word, bit in words if flags & bit},
        Span(options.place.name, 0, 0),
    )
