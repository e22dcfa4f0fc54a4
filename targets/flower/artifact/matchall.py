"""The classifier ``matchall`` beside flower: it takes every frame of its protocol, and looks into none.

Words as ``matchall_parse_opt`` of iproute2's ``tc/f_matchall.c`` reads and ``matchall_print_opt`` shows them;
attributes as ``mall_change`` reads and ``mall_dump`` shows them (``net/sched/cls_matchall.c``, 6.1).
"""

from __future__ import annotations

from typing import Final

from ....semantics.source import Span, Unsupported
from ...tc.artifact.actions import Action
from ...tc.artifact.attributes import NESTED, Attribute, attribute, number
from ...tc.artifact.hooks import PortNames
from ...tc.artifact.json_actions import Object
from ...tc.artifact.netlink import Links, Told
from ...tc.artifact.netlink_actions import action_attributes, decode_actions
from ...tc.artifact.protocols import read_classid
from ...tc.artifact.read_actions import read_actions
from ...tc.artifact.script import Head
from ...tc.artifact.words import Command, shorten
from .filters import MATCHALL, FlowerFilter

_SKIP: Final = ("skip_hw", "skip_sw")
_IN_HW: Final = ("in_hw", "not_in_hw")
_NUMBERS: Final = ("handle", "rule_hit", "actions")
"""What JSON tells beside the options."""
TCA_MATCHALL_CLASSID, TCA_MATCHALL_ACT, TCA_MATCHALL_FLAGS, TCA_MATCHALL_PCNT, TCA_MATCHALL_PAD = range(1, 6)
_SKIP_HW, _SKIP_SW, _IN, _NOT_IN, _VERBOSE = 1, 2, 4, 8, 16
_SHOWN_ONLY: Final = (TCA_MATCHALL_PCNT, TCA_MATCHALL_PAD)


# --- words --------------------------------------------------------------------------------------------------------


def read_matchall(
    command: Command, head: Head[int], ports: PortNames, span: Span, *, shown: bool = False
) -> FlowerFilter:
    """The filter whose options are the rest of the command; ``shown``: as a dump tells them, which stands for no
    request. Raises InputError, ValueError."""
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
    return _filter(head, classid, tuple(actions), said, span.to(command.last))


def _filter(
    head: Head[int], classid: int | None, actions: tuple[Action, ...], said: set[str], span: Span
) -> FlowerFilter:
    return FlowerFilter(
        head.pref,
        head.protocol,
        actions=actions,
        chain=head.chain,
        handle=head.handle,
        classid=classid or None,
        skip_hw="skip_hw" in said,
        skip_sw="skip_sw" in said,
        in_hw=True if "in_hw" in said else False if "not_in_hw" in said else None,
        span=span,
        kind=MATCHALL,
    )


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


def check_words(filter_: FlowerFilter) -> None:
    """Raises Unsupported: ``tc`` has no words for a filter that does nothing and has no class."""
    if filter_.kind == MATCHALL and not filter_.actions and not filter_.classid:
        what = "tc has no words for matchall without class id and actions"
        raise Unsupported(f"{what}, rtnetlink messages have (--as netlink)", filter_.span)


# --- attributes ---------------------------------------------------------------------------------------------------


def matchall_attributes(filter_: FlowerFilter, links: Links) -> bytes:
    """What is in ``TCA_OPTIONS``. Raises Unsupported: an action is known by its words only."""
    out = b""
    if filter_.classid is not None:
        out += number(TCA_MATCHALL_CLASSID, filter_.classid)
    if filter_.skip_hw or filter_.skip_sw:
        out += number(TCA_MATCHALL_FLAGS, _SKIP_HW * filter_.skip_hw | _SKIP_SW * filter_.skip_sw)
    if filter_.actions:
        out += attribute(TCA_MATCHALL_ACT | NESTED, action_attributes(filter_.actions, links.index, filter_.span))
    return out


def read_matchall_attributes(options: Attribute, told: Told, links: Links) -> FlowerFilter:
    """The filter of a message. Raises InputError, ValueError: an attribute that the kernel would pass over, or a value
    that it refuses."""
    found, place = options.nest(), told.place
    known = {TCA_MATCHALL_CLASSID, TCA_MATCHALL_ACT, TCA_MATCHALL_FLAGS, *(() if told.new else _SHOWN_ONLY)}
    strange = sorted(set(found) - known)
    if strange:
        raise found[strange[0]].place.error(f"attribute {strange[0]} of matchall is not known")
    flags = found[TCA_MATCHALL_FLAGS].number() if TCA_MATCHALL_FLAGS in found else 0
    allowed = _SKIP_HW | _SKIP_SW | _VERBOSE | (0 if told.new else _IN | _NOT_IN)
    if flags & ~allowed:
        raise found[TCA_MATCHALL_FLAGS].place.error(f"unknown flags {flags:#x}")
    words = zip((*_SKIP, *_IN_HW), (_SKIP_HW, _SKIP_SW, _IN, _NOT_IN), strict=True)
    head = Head(place.handle, pref=place.pref, protocol=place.protocol, chain=place.chain)
    return _filter(
        head,
        found[TCA_MATCHALL_CLASSID].number() if TCA_MATCHALL_CLASSID in found else None,
        decode_actions(found[TCA_MATCHALL_ACT], links.port, new=told.new) if TCA_MATCHALL_ACT in found else (),
        {word for word, bit in words if flags & bit},
        Span(options.place.name, 0, 0),
    )
