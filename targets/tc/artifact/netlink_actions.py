"""Actions as netlink attributes: ``TCA_ACT_KIND`` and ``TCA_ACT_OPTIONS`` of gact and mirred, others carried."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from ....semantics.source import Span, Unsupported
from .actions import CONTROL_NUMBERS, Action, Control, ControlKind, Gact, Mirred, OpaqueAction
from .attributes import NESTED, Attribute, attribute

TCA_ACT_KIND, TCA_ACT_OPTIONS = 1, 2
_PARMS: Final = 2
_GACT_PROB: Final = 3
_MIRRED_BLOCK: Final = 4
_GACT: Final = struct.Struct("=IIiii")
_MIRRED: Final = struct.Struct("=IIiiiiI")
_EXTENDED: Final[dict[int, ControlKind]] = {1: "jump", 2: "goto chain"}
_SIMPLE: Final[dict[int, ControlKind]] = {n: k for k, n in CONTROL_NUMBERS.items() if k not in ("jump", "goto chain")}
_KNOWN_INDEX: Final = 0
"""A new action; any other index shares one that is there."""


def action_attribute(action: Action, index: Callable[[int], int], span: Span) -> bytes:
    """The content of one action's attribute; ``index`` gives a port's interface number.

    Raises:
        Unsupported: an action of which only the words are known.
    """
    if isinstance(action, Gact):
        return _packed("gact", attribute(_PARMS, _GACT.pack(_KNOWN_INDEX, 0, action.control.number, 0, 0)))
    if isinstance(action, Mirred):
        code = (1 if action.redirect else 2) + 2 * action.ingress
        parms = _MIRRED.pack(_KNOWN_INDEX, 0, action.control.number, 0, 0, code, index(action.port))
        return _packed("mirred", attribute(_PARMS, parms))
    if not isinstance(action, OpaqueAction) or action.options is None:
        raise Unsupported(f"action {action.kind} is known by its words only", span)
    return _packed(action.kind, action.options)


def _packed(kind: str, options: bytes) -> bytes:
    return attribute(TCA_ACT_KIND, kind.encode() + b"\0") + attribute(TCA_ACT_OPTIONS | NESTED, options)


def decode_actions(actions: Attribute, port: Callable[[int], int]) -> tuple[Action, ...]:
    """The actions in ``TCA_U32_ACT`` and its like, by their order; ``port`` gives an interface's port."""
    return tuple(_decode(nested, port) for _, nested in sorted(actions.nest().items()))


def _decode(nested: Attribute, port: Callable[[int], int]) -> Action:
    found = nested.nest()
    if TCA_ACT_KIND not in found or TCA_ACT_OPTIONS not in found:
        raise nested.place.error("an action without kind or options")
    kind, options = found[TCA_ACT_KIND].text(), found[TCA_ACT_OPTIONS]
    if kind == "gact":
        return _decode_gact(options)
    return _decode_mirred(options, port) if kind == "mirred" else OpaqueAction(kind, options=options.data)


def _decode_gact(options: Attribute) -> Action:
    found = options.nest()
    if _PARMS not in found or _GACT_PROB in found:
        return OpaqueAction("gact", options=options.data)
    return Gact(_control(found[_PARMS], found[_PARMS].unpack(_GACT)[2]))


def _decode_mirred(options: Attribute, port: Callable[[int], int]) -> Action:
    found = options.nest()
    if _PARMS not in found or _MIRRED_BLOCK in found:
        return OpaqueAction("mirred", options=options.data)
    _, _, action, _, _, code, index = found[_PARMS].unpack(_MIRRED)
    if not 1 <= code <= 4:
        raise options.place.error(f"mirred of unknown kind {code}")
    control = _control(found[_PARMS], action)
    return Mirred(port(index), code in (1, 3), control, ingress=code > 2)


def _control(place: Attribute, number: int) -> Control:
    if number in _SIMPLE:
        return Control(_SIMPLE[number])
    kind = _EXTENDED.get(number >> 28)
    if kind is None:
        raise place.place.error(f"unknown control {number}")
    return Control(kind, number & ((1 << 28) - 1))
