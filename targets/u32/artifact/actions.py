"""Reading what stands after ``action``: ``parse_action``, ``parse_mirred`` and ``parse_gact`` of iproute2."""

from __future__ import annotations

from typing import Final

from .filters import MAX_ACTIONS, PIPE, STOLEN, Action, Control, ControlKind, Gact, Mirred, OpaqueAction, PortNames
from .words import Command, shorten

_CONTROLS: Final[dict[str, ControlKind]] = {
    "continue": "continue", "drop": "drop", "shot": "drop", "pass": "pass", "ok": "pass", "reclassify": "reclassify",
    "pipe": "pipe", "goto": "goto chain", "jump": "jump", "trap": "trap",
}  # fmt: skip
_AFTER: Final = ("flowid", "classid")


def read_actions(command: Command, ports: PortNames) -> list[Action]:
    """``A [action] A ...`` up to the command's end, ``flowid`` or ``classid``; the first ``action`` has been read."""
    actions: list[Action] = []
    expected = True
    while command and command.peek() not in _AFTER:
        if command.take("action"):
            expected = True
            continue
        actions.append(_action(command, ports))
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
        raise command.error(f"device {shorten(name)} is not a port (like {ports.name(1)})")
    return port


def _action(command: Command, ports: PortNames) -> Action:
    if command.take("mirred"):
        return _mirred(command, ports)
    if command.take("gact") or command.peek() in _CONTROLS:
        if command.peek() not in _CONTROLS:
            raise command.error(f"control expected, not {shorten(command.peek())}", command.here)
        control = _control(command)
        _not_shared(command)
        if command.peek() == "random":
            raise command.error("random gact is not supported", command.here)
        return Gact(control)
    kind = command.next("action")
    words = []
    while command and command.peek() not in ("action", *_AFTER):
        words.append(command.next("word"))
    return OpaqueAction(kind, tuple(words))


def _control(command: Command) -> Control:
    kind = _CONTROLS[command.next("control")]
    if kind == "goto chain":
        if not command.take("chain"):
            raise command.error("'chain' expected after goto", command.here)
        return Control(kind, command.number("chain", 0, (1 << 28) - 1))
    return Control(kind, command.number("jump", 0, (1 << 28) - 1)) if kind == "jump" else Control(kind)


def _mirred(command: Command, ports: PortNames) -> Mirred:
    if not command.take("ingress", "egress"):
        raise command.error("'egress' or 'ingress' expected after mirred", command.here)
    ingress = command.last_text == "ingress"
    if not command.take("redirect", "mirror"):
        raise command.error("'redirect' or 'mirror' expected", command.here)
    redirect = command.last_text == "redirect"
    if not command.take("dev"):
        raise command.error("'dev' expected", command.here)
    port = read_port(command, ports)
    control = STOLEN if redirect else PIPE
    if not redirect and command.peek() in _CONTROLS:
        control = _control(command)
    _not_shared(command)
    return Mirred(port, redirect, control, ingress)


def _not_shared(command: Command) -> None:
    if command.peek() == "index":
        raise command.error("shared actions (index) are not supported", command.here)
