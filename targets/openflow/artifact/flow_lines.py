"""A flow, or a command about flows, from a line of ``ovs-ofctl`` (``parse_ofp_str__``, ``lib/ofp-flow.c``, 3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .actions import read_actions
from .fields import CFI, ETH_VLAN, NAMES
from .flows import (
    ANY,
    DEFAULT_PRIORITY,
    TABLES,
    Action,
    Bundle,
    Clone,
    Flow,
    Masked,
    Move,
    Multipath,
    Opaque,
    Pop,
    PopVlan,
    PushVlan,
    SetField,
    TagWith,
    WriteActions,
)
from .matches import Match
from .steps import ALL_COOKIE, FlowChange, Verb
from .words import Item, Piece, items, number, port

COMMANDS: Final[dict[str, tuple[Verb, bool]]] = {
    "add": ("add", False),
    "delete": ("delete", False),
    "delete_strict": ("delete", True),
    "modify": ("modify", False),
    "modify_strict": ("modify", True),
}
"""In this order: what a line begins with may be the beginning of one."""
_ACTIONS: Final = re.compile(r"(?:^|[\s,])(actions?|instructions?)=")
_FIRST_WORD: Final = re.compile(r"[a-z_]+(?=[,\s]|\Z)")
_ALL_TABLES: Final = 0xFF
_VID: Final = 0xFFF
_ANY_GROUP: Final = 0xFFFFFFFF
_COUNTERS: Final = frozenset(["duration", "n_packets", "n_bytes", "idle_age", "hard_age"])
_FLAGS: Final = frozenset(["send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"])
_TIMEOUTS: Final = frozenset(["idle_timeout", "hard_timeout"])
SINCE_1_2: Final = frozenset(["reset_counts", "no_packet_counts", "no_byte_counts", "out_group"])
"""Words that OpenFlow 1.0 cannot say."""

_IGNORED: Final[dict[Verb, frozenset[str]]] = {
    "add": _COUNTERS | _FLAGS | _TIMEOUTS | {"importance"},
    "modify": _COUNTERS | _FLAGS | _TIMEOUTS,
    "delete": _COUNTERS,
}
"""What means nothing for packets, of each command."""
_WORDS: Final = _COUNTERS | _FLAGS | _TIMEOUTS | {"importance", "table", "priority", "cookie", "out_port", "out_group"}
"""All that are no fields."""


def command(piece: Piece, known: tuple[str, ...]) -> tuple[str | None, Piece]:
    """The command that a line begins with, which may be cut short, and what follows; None: there is none."""
    found = _FIRST_WORD.match(piece.text)
    word = found[0] if found else ""
    full = next((one for one in known if one.startswith(word)), None) if word else None
    return full, piece if full is None else piece.part(len(word))


class FlowLines:
    """Reads flows line by line."""

    def __init__(self) -> None:
        self._actions: dict[str, tuple[Action, ...]] = {}
        """By their text, for the flows of a large table have few lists."""
        self.later: bool = False
        """Whether some line says what OpenFlow 1.0 cannot say."""
        self.shown: bool = False
        """Whether some line has counters, as only a switch shows them."""

    def read(self, piece: Piece, *, bundle: bool = False) -> Flow | FlowChange:
        """One line, of a bundle or not. Raises InputError, Unsupported with the place."""
        said, rest = command(piece, tuple(COMMANDS))
        verb, strict = COMMANDS[said or "add"]
        line = _Line(verb, strict=strict)
        head = rest
        actions: tuple[Action, ...] = ()
        if verb != "delete":
            found = _ACTIONS.search(rest.text)
            if found is None:
                raise piece.error("a flow needs actions ('actions=...')")
            head, tail = rest.part(0, found.start(1)), rest.part(found.end())
            actions = self._listed(tail)
        line.read(head)
        self.later |= line.later
        self.shown |= line.shown
        match = line.match.done()
        if bundle:
            actions = of_later_versions(match, actions)
        flow = Flow(
            line.table or 0, line.priority, match, actions, line.new_cookie or 0, piece.span,
            tuple(sorted(line.match.unmodelled)),
        )  # fmt: skip
        if verb == "add" and not line.check_overlap:
            return flow
        return FlowChange(
            verb, flow, strict, line.table, line.cookie, line.cookie_mask, _new_cookie(line),
            line.out_port, line.out_group, line.check_overlap, said is None and not bundle,
        )  # fmt: skip

    def _listed(self, text: Piece) -> tuple[Action, ...]:
        found = self._actions.get(text.text)
        if found is None:
            found = self._actions[text.text] = read_actions(text)
        return found


def of_later_versions(match: tuple[Masked, ...], actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """The actions as OpenFlow 1.1 and later take them: ``mod_vlan_vid`` pushes a tag, also onto a frame that has one,
    unless the flow asks for a tag or has pushed one (``ofpacts_check``, ``encode_SET_VLAN_VID``). Where it is not known
    here whether that is so it is not modelled."""
    asked = any(m.field == "vlan_tci" and m.value & m.mask & CFI for m in match)
    return tuple(_pushing(actions, tagged=asked, set_too=True))


def _pushing(actions: tuple[Action, ...], *, tagged: bool | None, set_too: bool) -> Iterator[Action]:
    """``tagged``: whether the tools take the frame to have a tag, None if that is not known here; ``set_too``: whether
    they take that of what is written to the action set, too."""
    for action in actions:
        match action:
            case TagWith(value, mask):
                if tagged is None:
                    yield Opaque(f"mod_vlan_vid:{value & _VID}" if mask & _VID else f"mod_vlan_pcp:{value >> 13}")
                else:
                    yield from () if tagged else (PushVlan(ETH_VLAN[0]),)
                    mask &= CFI | _VID if mask & _VID else ~CFI
                    yield SetField("vlan_tci", value & mask, mask, NAMES["vlan_vid"].needs)
                tagged, set_too = True, False
                continue
            case Clone(inner):
                action = Clone(tuple(_pushing(inner, tagged=tagged, set_too=set_too)))
            case WriteActions(inner):
                action = WriteActions(tuple(_pushing(inner, tagged=tagged if set_too else None, set_too=False)))
            case PushVlan() | PopVlan():
                tagged, set_too = isinstance(action, PushVlan), False
            case _ if _writes_a_tag(action):
                tagged, set_too = None, False
        yield action


def _writes_a_tag(action: Action) -> bool:
    """Whether an action writes to a tag as if there were one, which may make one or take it away."""
    if isinstance(action, SetField):
        return action.field == "vlan_tci" and not action.needs.tagged
    target = action.target if isinstance(action, Move | Pop | Multipath | Bundle) else None
    return target is not None and target.field == "vlan_tci"


def _new_cookie(line: _Line) -> int | None:
    """Which cookie flows get that are modified: 0 where nothing is said of cookies at all."""
    return 0 if line.new_cookie is None and not line.cookie_mask else line.new_cookie


class _Line:
    """What a line says before the actions."""

    def __init__(self, verb: Verb, *, strict: bool) -> None:
        self._verb = verb
        self._ignored = _IGNORED[verb]
        self._has_priority = verb != "delete" or strict
        self.match = Match()
        self.table: int | None = None
        self.priority = DEFAULT_PRIORITY
        self.new_cookie: int | None = None
        self.cookie = self.cookie_mask = 0
        self.out_port: int | None = None
        self.out_group: int | None = None
        self.check_overlap = self.later = self.shown = False

    def read(self, head: Piece) -> None:
        """All of it. Raises InputError, Unsupported."""
        rest = [item for item in items(head) if not self._take(item)]
        for item in sorted(rest, key=_order):
            if not self.match.take(item):
                raise item.key.error(f"{item.key.shown()} is no field that is known")

    def _take(self, item: Item) -> bool:
        """What is no field, and words for protocols."""
        key = item.key.text
        if key not in _WORDS:
            return item.value is None and self.match.shorthand(item.key)
        self.later |= key in SINCE_1_2
        self.shown |= key in _COUNTERS
        if key == "table":
            self.table = _table(item, everywhere=self._verb != "add")
        elif key == "priority" and self._has_priority:
            self.priority = number(_value(item), 16)
        elif key == "cookie":
            self._cookie(_value(item))
        elif key == "out_port" and self._verb == "delete":
            said = port(_value(item))
            self.out_port = None if said == ANY else said
        elif key == "out_group" and self._verb == "delete":
            self.out_group = _group(_value(item))
        elif key in self._ignored:
            self.check_overlap |= key == "check_overlap"
        else:
            return False
        return True

    def _cookie(self, value: Piece) -> None:
        text, slash, mask = value.text.partition("/")
        said = _cookie_number(value.part(0, len(text)))
        if slash and self._verb == "add":
            raise value.error("a flow that is added has no mask of its cookie")
        if slash:
            self.cookie_mask = _cookie_number(value.part(len(value.text) - len(mask)))
            self.cookie = said
        elif self._verb == "delete":
            raise value.error("flows that are deleted get no cookie; to ask for one, say a mask ('cookie=1/-1')")
        else:
            self.new_cookie = said


def _cookie_number(piece: Piece) -> int:
    return ALL_COOKIE if piece.text == "-1" else number(piece, 64)


def _group(piece: Piece) -> int | None:
    if piece.text.lower() in ("any", "all"):
        return None if piece.text.lower() == "any" else 0xFFFFFFFC
    said = number(piece, 32)
    return None if said == _ANY_GROUP else said


def _value(item: Item) -> Piece:
    if item.value is None:
        raise item.key.error(f"{item.key.text} needs a value")
    return item.value


def _table(item: Item, *, everywhere: bool) -> int | None:
    value = _value(item)
    said = number(value, 8)
    if everywhere and said == _ALL_TABLES:
        return None
    if said >= TABLES:
        raise value.error(f"tables are numbered from 0 to {TABLES - 1}")
    return said


def _order(item: Item) -> int:
    """What others need comes first."""
    first = {"dl_type": 0, "eth_type": 0, "nw_proto": 1, "ip_proto": 1}
    return first.get(item.key.text, 2)


__all__ = ["COMMANDS", "SINCE_1_2", "FlowLines", "command"]
