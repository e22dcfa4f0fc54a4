"""Reading what stands after ``action``: ``parse_action`` and ``tc/m_*.c`` of iproute2 6.1."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final, Literal

from ....semantics.source import Unsupported
from .actions import (
    CSUM_PARTS,
    MAX_ACTIONS,
    PACKET_TYPES,
    PASS,
    PIPE,
    RANDOM_KINDS,
    RECLASSIFY,
    STOLEN,
    Action,
    Control,
    ControlKind,
    Csum,
    CsumPart,
    Gact,
    Mirred,
    Mpls,
    OpaqueAction,
    Pedit,
    PeditKey,
    Police,
    RandomGact,
    Skbedit,
    TunnelKey,
    Vlan,
    controls,
)
from .addresses import ipv4_number
from .conntrack import read_ct
from .hooks import PortNames
from .pedit import read_munge
from .protocols import read_classid, read_protocol
from .sampling import read_sample
from .tunnel_options import FLAGS, options_of, word_of
from .words import Command, shorten

_CONTROLS: Final[dict[str, ControlKind]] = {
    "continue": "continue", "drop": "drop", "shot": "drop", "pass": "pass", "ok": "pass", "reclassify": "reclassify",
    "pipe": "pipe", "goto": "goto chain", "jump": "jump", "trap": "trap",
}  # fmt: skip
_AFTER: Final = ("flowid", "classid")
_CSUM_WORDS: Final[dict[str, CsumPart]] = {
    "iph": "iph", "ip4h": "iph", "ipv4h": "iph", **{part: part for part in CSUM_PARTS},
}  # fmt: skip
"""In the order in which ``tc`` compares a word with them, of which any beginning will do."""
_POLICE_LIMITS: Final = (
    "rate", "burst", "buffer", "maxburst", "mtu", "minburst", "peakrate", "avrate", "overhead", "linklayer",
    "pkts_rate", "pkts_burst",
)  # fmt: skip
_MOST: Final = 0xFFFFFFFF
_IMPLICIT_NULL: Final = 3
_COOKIE: Final = re.compile(r"[0-9a-fA-F]{1,32}\Z")


def read_actions(command: Command, ports: PortNames) -> list[Action]:
    """``A [action] A ...`` up to the command's end, ``flowid`` or ``classid``; the first ``action`` has been read."""
    actions: list[Action] = []
    expected = True
    while command and command.peek() not in _AFTER:
        if command.take("action"):
            expected = True
            continue
        actions.append(_action(command, ports))
        _read_over_bookkeeping(command)
        expected = False
        if len(actions) > MAX_ACTIONS:
            raise command.error(f"more than {MAX_ACTIONS} actions")
    if expected:
        raise command.error("action expected", command.here)
    return actions


def read_port(command: Command, ports: PortNames) -> int:
    """A device's name as a port number."""
    name = command.next("device")
    port = ports.port(name)
    if port is None:
        raise command.error(
            f"device {shorten(name)} is not a port (like {ports.prefix}1; --device NAME=N names others)"
        )
    return port


def _action(command: Command, ports: PortNames) -> Action:
    start = command.here
    kind = command.peek()
    try:
        if command.second == "index" and kind in (*_READERS, "mirred", "gact"):
            command.next("action")
            return _taken_again(command, kind)
        uses = command.shared.uses
        found = _read(command, kind, ports)
        if found is not None:
            return _shared(command, found) if uses == command.shared.uses else found
    except ValueError as error:
        raise command.error(str(error), start) from None
    command.next("action")
    words = []
    while command and command.peek() not in ("action", *_AFTER):
        words.append(command.next("word"))
    command.shared.unnumbered(kind)
    return OpaqueAction(kind, tuple(words))


def _taken_again(command: Command, kind: str) -> Action:
    """``index N`` alone: an action that is there."""
    command.next("index")
    number = command.number("index", 1, _MOST)
    found: Action | None = command.shared.get(kind, number)
    if kind == "police" and command.peek() in _POLICE_LIMITS:  # where tc takes its index in any place
        made = _police(command)
        return found or _held(command, number, made)
    if found is None:
        raise command.error(f"there is no action {kind} with index {number}: no command before this one makes it")
    return found


def _shared(command: Command, action: Action) -> Action:
    """The action, or that which has its ``index`` already: then nothing else that is said of it counts
    (``tcf_idr_check_alloc`` where an action is bound to a filter, ``net/sched/act_api.c``)."""
    number = command.number("index", 0, _MOST) if command.take("index") else 0
    if not number:
        command.shared.unnumbered(action.kind)
    return _held(command, number, action)


def _held(command: Command, number: int, action: Action) -> Action:
    """The action that has this index, which is ``action`` if none has it yet; 0 is any that is free.

    Raises:
        Unsupported: an action before it may have got this index from the kernel, and would be taken then.
    """
    if command.shared.chosen(action.kind, number):
        raise Unsupported("an index that the kernel may have given to an action that says none", command.last)
    found: Action = command.shared.hold(action.kind, number, action) if number else action
    return found


def read_shared(command: Command, ports: PortNames) -> None:
    """``tc actions add``, of which ``actions`` has been read: actions for the filters behind it."""
    if not command.take("add"):
        raise command.error("only 'actions add' is understood: what is bound to filters is not changed", command.here)
    while command:
        if not command.take("action"):
            raise command.error("action expected", command.here)
        start, known = command.here, len(command.shared)
        action = _action(command, ports)
        _read_over_bookkeeping(command)
        if any(control.kind == "goto chain" for control in controls([action])):
            raise command.error("the kernel takes no goto chain of an action that is of no filter", start)
        if len(command.shared) == known:
            raise command.error("an index that no action has yet is expected", start)


def _read(command: Command, kind: str, ports: PortNames) -> Action | None:
    """The action of that kind which comes next; None (and nothing taken) if there is no place for it."""
    if command.take("mirred"):
        return _mirred(command, ports)
    if command.take("gact") or kind in _CONTROLS:
        return _gact(command)
    if kind not in (*_READERS, "ct"):
        return None
    at = command.at
    command.next("action")
    if kind == "ct":
        found: Action | None = _ct(command)
    else:
        found = _READERS[kind](command)
    if found is None:
        command.at = at
    return found


def _ct(command: Command) -> Action | None:
    """None for what there is no place for; without any word but an index, one that is there, or a plain one."""
    found, number = read_ct(command, lambda rest: _control_or(rest, PIPE))
    return None if found is None else _held(command, number, found)


def _gact(command: Command) -> Gact | RandomGact:
    control = _control_of(command)
    drawn = _drawn(command, control) if command.take("random") else None
    return Gact(control) if drawn is None else drawn


def _drawn(command: Command, control: Control) -> RandomGact:
    """``random netrand|determ CONTROL NUMBER``."""
    if not any(command.take_short(kind) for kind in RANDOM_KINDS):
        raise command.error("netrand or determ expected", command.here)
    kind: Literal["netrand", "determ"] = "netrand" if command.last_text[:1] == "n" else "determ"
    other = _control_of(command)
    return RandomGact(control, kind, other, command.number("number of packets", 0, 0xFFFF))


def _control(command: Command) -> Control:
    kind = _CONTROLS[command.next("control")]
    if kind == "goto chain":
        if not command.take("chain"):
            raise command.error("'chain' expected after goto", command.here)
        return Control(kind, command.number("chain", 0, (1 << 28) - 1))
    return Control(kind, command.number("jump", 0, (1 << 28) - 1)) if kind == "jump" else Control(kind)


def _control_or(command: Command, default: Control) -> Control:
    """``[CONTROL]`` (``parse_action_control_dflt``)."""
    return _control(command) if command.peek() in _CONTROLS else default


def _mirred(command: Command, ports: PortNames) -> Action:
    """``egress|ingress redirect|mirror [index N] dev D [CONTROL]`` (``parse_direction``)."""
    if not any(command.take_short(word) for word in ("egress", "ingress")):
        raise command.error("'egress' or 'ingress' expected after mirred", command.here)
    ingress = command.last_text.startswith("i")
    number = _early_index(command)
    if not any(command.take_short(word) for word in ("redirect", "mirror")):
        raise command.error("'redirect' or 'mirror' expected", command.here)
    redirect = command.last_text.startswith("r")
    number = _early_index(command) if number is None else number
    if not command.take_short("dev"):
        raise command.error("'dev' expected", command.here)
    port = read_port(command, ports)
    made = Mirred(port, redirect, STOLEN if redirect else _control_or(command, PIPE), ingress)
    if number is not None and command.peek() == "index":
        raise command.error("a second index", command.here)
    return made if number is None else _held(command, number, made)


def _early_index(command: Command) -> int | None:
    """``index N``, where it stands before what it is the index of; None if it does not."""
    return command.number("index", 0, _MOST) if command.take_short("index") else None


def _not_shared(command: Command) -> None:
    if command.peek() == "index":
        raise command.error("shared actions (index) are not supported", command.here)


def _read_over_bookkeeping(command: Command) -> None:
    """``cookie``, ``no_percpu`` and ``hw_stats`` change nothing that is done to a frame."""
    while True:
        if command.take("cookie"):
            if not _COOKIE.match(command.next("cookie")):
                raise command.error("a cookie is up to 32 hexadecimal digits")
        elif command.take("hw_stats"):
            if not command.take("immediate", "delayed", "disabled"):
                raise command.error("immediate, delayed or disabled expected", command.here)
        elif not command.take("no_percpu"):
            return


def _vlan(command: Command) -> Vlan | None:
    """None for what is done to the whole Ethernet header."""
    if command.take("push_eth", "pop_eth"):
        return None
    if not command.take("push", "pop", "modify"):
        raise command.error(f"vlan push, pop or modify expected, not {shorten(command.peek())}", command.here)
    operation = command.last_text
    vid: int | None = None
    priority: int | None = None
    protocol = 0x8100
    while operation != "pop":
        if command.take_short("id"):
            vid = command.number("VLAN id", 0, 0xFFE)
        elif command.peek() == "p":
            break  # which is ``pop``
        elif command.take_short("protocol"):
            protocol = read_protocol(command)
        elif command.take_short("priority"):
            priority = command.number("VLAN priority", 0, 7)
        else:
            break
    if operation != "pop" and vid is None:
        raise command.error(f"vlan {operation} needs an id")
    if operation == "push":
        priority = priority or 0
    return Vlan(operation, vid or 0, priority, protocol, _control_or(command, PIPE))  # type: ignore[arg-type]


def _mpls(command: Command) -> Mpls:
    if not command.take("push", "mac_push", "pop", "modify", "dec_ttl"):
        raise command.error(f"mpls push, mac_push, pop, modify or dec_ttl expected, not {shorten(command.peek())}")
    operation = command.last_text
    protocol = 0x8847 if operation in ("push", "mac_push") else None
    highest = {"label": 0xFFFFF, "tc": 7, "ttl": 0xFF, "bos": 1}
    found: dict[str, int] = {}
    while command:
        if operation != "dec_ttl" and command.take("protocol"):
            protocol = read_protocol(command)
        elif operation not in ("pop", "dec_ttl") and command.take(*highest):
            part = command.last_text
            found[part] = command.number(part, 1 if part == "ttl" else 0, highest[part])
        else:
            break
    if operation == "pop" and protocol is None:
        raise command.error("mpls pop needs a protocol")
    if operation in ("push", "mac_push"):
        if "label" not in found:
            raise command.error(f"mpls {operation} needs a label")
        found.setdefault("ttl", 0xFF)
    if found.get("label") == _IMPLICIT_NULL:
        raise command.error("the kernel takes no label 3, which is implicit (RFC 3032)")
    return Mpls(operation, protocol, control=_control_or(command, PIPE), **found)  # type: ignore[arg-type]


def _pedit(command: Command) -> Pedit:
    extended = command.take("ex")
    keys: list[PeditKey] = []
    while True:
        if command.take_short("munge"):
            keys += read_munge(command, extended=extended)
        elif not command.take_short("pedit"):  # which may stand before each
            break
    if not keys:
        raise command.error("munge expected", command.here)
    return Pedit(tuple(keys), _control_or(command, PASS))


def _csum(command: Command) -> Csum:
    found: set[CsumPart] = set()
    while (word := next(filter(command.take_short, _CSUM_WORDS), None)) is not None:
        found.add(_CSUM_WORDS[word])
        command.take("and", "or", "+")
    if not found:
        raise command.error(f"{', '.join(CSUM_PARTS)} expected", command.here)
    return Csum(tuple(part for part in CSUM_PARTS if part in found), _control_or(command, PASS))


def _skbedit(command: Command) -> Skbedit:
    found: dict[str, object] = {}
    while command:
        if command.take_short("mark"):
            value, slash, mask = command.next("mark").partition("/")
            number = command.as_number(value, "mark", 0, 0xFFFFFFFF)
            kept = command.as_number(mask, "mask", 0, 0xFFFFFFFF) if slash else 0xFFFFFFFF
            found["mark"] = (number, kept)
        elif command.peek() != "p" and command.take_short("priority"):
            found["priority"] = read_classid(command, "priority")
        elif command.take_short("queue_mapping"):
            found["queue"] = command.number("queue", 0, 0xFFFF)
        elif command.take("ptype"):
            if not command.take(*PACKET_TYPES):
                raise command.error(f"{', '.join(PACKET_TYPES)} expected", command.here)
            found["packet_type"] = command.last_text
        elif command.take("inheritdsfield"):
            found["inherit_dsfield"] = True
        else:
            break
    return Skbedit(control=_control_or(command, PIPE), **found)  # type: ignore[arg-type]


def _tunnel_key(command: Command) -> TunnelKey | None:
    """None for options of ERSPAN, and where fragments are forbidden."""
    if command.take("unset"):
        return TunnelKey(unset=True, control=_control_or(command, PIPE))
    if not command.take("set"):
        raise command.error("set or unset expected", command.here)
    highest = {"id": 0xFFFFFFFF, "dst_port": 0xFFFF, "tos": 0xFF, "ttl": 0xFF}
    found: dict[str, object] = {}
    while command:
        if command.take("src_ip", "dst_ip"):
            side = command.last_text[:3]
            found[side] = _tunnel_address(command.next("address"))
        elif command.take(*highest):
            name = command.last_text
            number = command.number(name, 0, highest[name])
            found["key_id" if name == "id" else name] = number
        elif command.take("csum", "nocsum"):
            found["csum"] = command.last_text == "csum"
        elif command.take(*FLAGS):
            if "options" in found:
                raise command.error("options of two tunnels")
            found["options"] = options_of(word_of(command.last_text), command.next("options"))
        elif command.peek() in ("erspan_opts", "nofrag"):
            return None
        else:
            break
    if not found.get("src") or not found.get("dst"):
        raise command.error("tunnel_key set needs src_ip and dst_ip")
    return TunnelKey(control=_control_or(command, PIPE), **found)  # type: ignore[arg-type]


def _tunnel_address(text: str) -> str:
    number = ipv4_number(text)
    return text if number is None else str(ipaddress.IPv4Address(number))


def read_police(command: Command) -> Police:
    """What stands after ``police``, as an action or as an option of a classifier (``act_parse_police``)."""
    police = _police(command)
    command.shared.unnumbered(police.kind)
    _not_shared(command)
    return police


def _police(command: Command) -> Police:
    limits: list[tuple[str, str]] = []
    exceed, conform = RECLASSIFY, PASS
    while command:
        if command.take(*_POLICE_LIMITS):
            name = command.last_text
            limits.append((name, command.next(name)))
        elif command.take("conform-exceed"):
            exceed, conform = _conform_exceed(command)
        elif command.peek() in _CONTROLS:
            exceed = _control(command)
        else:
            break
    if not limits:
        raise command.error("police needs a rate", command.here)
    return Police(tuple(limits), exceed, conform)


def _conform_exceed(command: Command) -> tuple[Control, Control]:
    """``EXCEED[/CONFORM]`` in one word, or as words with a ``/`` between them (``parse_action_control_slash``)."""
    if "/" not in command.peek():
        exceed = _control_of(command)
        conform = _control_of(command) if command.take("/") else PASS
    else:
        words = command.next("control").split("/")
        kinds = [_CONTROLS.get(word) for word in words]
        if len(words) > 2 or None in kinds or any(kind in ("goto chain", "jump") for kind in kinds):
            raise command.error(f"two controls like drop/pipe expected, not {shorten('/'.join(words))}")
        exceed, conform = (Control(kind) for kind in kinds if kind is not None)
    if conform.kind == "goto chain":
        raise command.error("the kernel takes no goto chain for what conforms")
    return exceed, conform


def _control_of(command: Command) -> Control:
    if command.peek() not in _CONTROLS:
        raise command.error(f"control expected, not {shorten(command.peek())}", command.here)
    return _control(command)


_READERS: Final[dict[str, Callable[[Command], Action | None]]] = {
    "vlan": _vlan, "mpls": _mpls, "pedit": _pedit, "csum": _csum, "skbedit": _skbedit, "tunnel_key": _tunnel_key,
    "police": _police, "sample": lambda command: read_sample(command, lambda rest: _control_or(rest, PIPE)),
}  # fmt: skip
