"""What frames have beside their bytes: mark, priority, kind of packet and a tunnel's key, as numbers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ....semantics.source import Span, Unsupported
from ..artifact.actions import CONTINUE, PACKET_TYPES, Action, Skbedit, TunnelKey
from ..artifact.filters import Filter
from ..artifact.hooks import DEFAULT_PORTS
from ..artifact.print_actions import action_words
from ..artifact.tunnel_options import FLAGS, MOST, TunnelOptions
from .labels import MAX_CONDITIONS, Condition

_ASKED: Final = {
    "tunnel.id": "enc_key_id", "tunnel.src": "enc_src_ip", "tunnel.dst": "enc_dst_ip",
    "tunnel.dst_port": "enc_dst_port", "tunnel.tos": "enc_tos", "tunnel.ttl": "enc_ttl",
}  # fmt: skip
"""What flower can ask a tunnel's key for, beside its options. Its flags and whether it is to be sent cannot be seen."""
_SIX: Final = 2
_WORDS: Final = {flag: word for word, flag in FLAGS.items()}
_MARKS: Final = ("mark", "priority", "pkt_type")

Given = Mapping[str, int]
"""What comes with a frame, by full names (``in.mark``); what is not there is 0."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A tunnel's key, as much of it as can be seen."""

    seen: tuple[int, ...]
    """By the order of :data:`_ASKED`."""
    six: bool
    options: TunnelOptions | None = None

    def words(self) -> str:
        """What asks for it, in the words of ``tc``. With options it has to be asked for before one without."""
        asked = [f"{word} {text}" for word, text in zip(_ASKED.values(), self._texts(), strict=True)]
        if self.options is not None:
            asked.append(f"{self.options.word} {self.options}")
        return " ".join(["flower", *asked])

    def told(self) -> dict[str, int]:
        """By the names under which it is observed."""
        data = b"" if self.options is None else self.options.data
        options = {
            "tunnel.options": int.from_bytes(data.ljust(MOST, b"\0"), "big"),
            "tunnel.options_len": len(data),
        }
        return {"tunnel": 1, **dict(zip(_ASKED, self.seen, strict=True)), **options}

    def set_by(self) -> TunnelKey:
        """The action that gives it."""
        key_id, src, dst, port, tos, ttl = self._texts()
        return TunnelKey(
            src=src,
            dst=dst,
            key_id=int(key_id),
            dst_port=int(port),
            tos=int(tos),
            ttl=int(ttl),
            options=self.options,
        )

    def _texts(self) -> list[str]:
        address = ipaddress.IPv6Address if self.six else ipaddress.IPv4Address
        key_id, src, dst, *rest = self.seen
        return [str(key_id), str(address(src)), str(address(dst)), *map(str, rest)]


NO_TUNNEL: Final = {"tunnel": 0, **dict.fromkeys((*_ASKED, "tunnel.options", "tunnel.options_len"), 0)}


def tunnel_of(action: TunnelKey) -> Tunnel | None:
    """The key that an action gives; None if it takes one away. Raises ValueError for addresses that are none."""
    if action.unset:
        return None
    src, dst = ipaddress.ip_address(action.src), ipaddress.ip_address(action.dst)
    numbers = (action.key_id or 0, int(src), int(dst), action.dst_port or 0, action.tos or 0, action.ttl or 0)
    return Tunnel(numbers, src.version == 6, action.options)


def tunnel_given(given: Given) -> Tunnel | None:
    """The key that frames come with. Raises Unsupported: its options are of no tunnel that is known."""
    if not given.get("in.tunnel"):
        return None
    seen = tuple(given.get(f"in.{name}", 0) for name in _ASKED)
    return Tunnel(seen, bool(given.get("in.tunnel.mode", 0) & _SIX), _options_given(given))


def _options_given(given: Given) -> TunnelOptions | None:
    length, flags = given.get("in.tunnel.options_len", 0), given.get("in.tunnel.flags", 0)
    if not length:
        return None
    data = given.get("in.tunnel.options", 0).to_bytes(MOST, "big")[:length]
    try:
        return TunnelOptions(_WORDS[flags & 0xD800], data)
    except (KeyError, ValueError):
        raise Unsupported("options of a tunnel that are none of Geneve's or VXLAN's") from None


def giving(filters: Iterable[Filter], given: Given) -> str:
    """The actions that give frames what they are to come with, and let them go on; "" if that is nothing. The kind of
    packet is given wherever filters write it, as a device takes frames for others' otherwise."""
    typed = any(isinstance(a, Skbedit) and a.packet_type is not None for f in filters for a in f.actions)
    actions: list[Action] = []
    mark, priority, kind = (given.get(f"in.{name}", 0) for name in _MARKS)
    if mark or priority or kind or typed:
        actions.append(Skbedit((mark, 0xFFFFFFFF), priority, packet_type=PACKET_TYPES[kind % 4]))
    tunnel = tunnel_given(given)
    if tunnel is not None:
        actions.append(tunnel.set_by())
    if not actions:
        return ""
    words = [action_words(action, DEFAULT_PORTS, Span("", 0, 0)) for action in actions]
    return " ".join(f"action {said}" for said in (*words, f"gact {CONTINUE.kind}"))


class Possible:
    """What the frames that filters send can have beside them, if an action writes it.

    Raises:
        Unsupported: it is too much to be told apart.
    """

    def __init__(self, filters: Iterable[Filter], given: Given) -> None:
        actions = [action for f in filters for action in f.actions]
        edits = [action for action in actions if isinstance(action, Skbedit)]
        keys = [action for action in actions if isinstance(action, TunnelKey)]
        if any(edit.queue is not None for edit in edits):
            raise Unsupported("skbedit queue_mapping, which cannot be seen")
        self.came = {name: given.get(f"in.{name}", 0) for name in _MARKS}
        self.typed = any(edit.packet_type is not None for edit in edits)
        self.marks = _combinations(edits, *self.came.values()) if edits else []
        came = tunnel_given(given)
        self.tunnels = list(dict.fromkeys([*map(tunnel_of, keys), came, None])) if keys else []
        if max(len(self.marks), 1) * max(len(self.tunnels), 1) > MAX_CONDITIONS:
            raise Unsupported(f"more than {MAX_CONDITIONS} marks, priorities and tunnels")

    def conditions(self) -> tuple[Condition, ...]:
        """What tells them apart."""
        tunnels = ["" if tunnel is None else tunnel.words() for tunnel in self.tunnels or [None]]
        marks = [self._words(*one) for one in self.marks]
        if not self.marks and not self.tunnels:
            return ()
        return tuple((tunnel, mark) for tunnel in tunnels for mark in marks or [""])

    def _words(self, mark: int, priority: int, kind: int) -> str:
        typed = f" and meta(pkt_type eq {kind})" if self.typed else ""
        return f"meta(fwmark eq {mark}) and meta(priority eq {priority}){typed}"

    def told(self, number: int) -> tuple[dict[str, int], dict[str, int]]:
        """Mark and priority, and the tunnel's key, by the number of the condition that was met (-1: none)."""
        if number < 0 and self.conditions():
            raise AssertionError("a frame has a mark or priority that no action gives it")
        tunnel, marks = divmod(number, max(len(self.marks), 1))
        told = dict(zip(_MARKS, self.marks[marks], strict=True)) if self.marks else dict(self.came)
        if not self.tunnels:
            return told, {}
        key = self.tunnels[tunnel]
        return told, NO_TUNNEL if key is None else key.told()


def _combinations(edits: Iterable[Skbedit], mark: int, priority: int, kind: int) -> list[tuple[int, int, int]]:
    """Every mark with every priority and kind of packet that a frame can have. Raises Unsupported: too many."""
    some = list(edits)
    written = {edit.mark for edit in some if edit.mark is not None}
    marks, new = {mark}, {mark}
    while new and len(marks) <= MAX_CONDITIONS:
        new = {old & ~mask | value & mask for old in new for value, mask in written} - marks
        marks |= new
    priorities = {priority} | {edit.priority for edit in some if edit.priority is not None}
    if any(edit.inherit_dsfield for edit in some):
        priorities |= set(range(64))
    kinds = {kind} | {PACKET_TYPES.index(edit.packet_type) for edit in some if edit.packet_type is not None}
    if len(marks) * len(priorities) * len(kinds) > MAX_CONDITIONS:
        raise Unsupported(f"more than {MAX_CONDITIONS} marks, priorities and kinds of packets")
    return sorted((one, two, three) for one in marks for two in priorities for three in kinds)
