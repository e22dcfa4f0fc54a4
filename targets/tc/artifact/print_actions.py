"""Actions in the words of ``tc``, without the leading ``action``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ....semantics.source import Span, Unsupported
from .actions import (
    PASS,
    PIPE,
    STOLEN,
    Action,
    Control,
    Csum,
    Ct,
    CtClear,
    Gact,
    Mirred,
    Mpls,
    OpaqueAction,
    Pedit,
    Police,
    RandomGact,
    Sample,
    Skbedit,
    TunnelKey,
    Vlan,
)
from .conntrack import ct_words
from .hooks import PortNames
from .pedit import print_munges
from .protocols import protocol_text
from .sampling import sample_words

_SAYABLE: Final = {"continue", "drop", "pass", "reclassify", "pipe", "goto chain", "jump", "trap"}


def action_words(action: Action, ports: PortNames, span: Span) -> str:
    """An action as ``tc`` reads it. Raises Unsupported if it has no words for it."""
    if isinstance(action, Gact):
        return f"gact {_control_words(action.control, span)}"
    if isinstance(action, RandomGact):
        both = [_control_words(control, span) for control in (action.control, action.other)]
        return f"gact {both[0]} random {action.drawn} {both[1]} {action.one_in}"
    if isinstance(action, Mirred):
        return _mirred(action, ports, span)
    if isinstance(action, OpaqueAction):
        if action.options is not None:
            raise Unsupported(f"the words of action {action.kind} are not known", span)
        return " ".join((action.kind, *(_quoted(word) for word in action.words)))
    if isinstance(action, Police):
        return _police(action, span)
    words = list(_words(action, span))
    default = PASS if isinstance(action, Pedit | Csum) else PIPE
    if action.control != default:
        words.append(_control_words(action.control, span))
    return " ".join([action.kind, *words])


def _words(
    action: Vlan | Mpls | Pedit | Csum | Skbedit | TunnelKey | Ct | CtClear | Sample, span: Span
) -> Iterator[str]:
    if isinstance(action, Vlan):
        yield from _vlan(action)
    elif isinstance(action, Mpls):
        yield action.operation
        if action.protocol is not None:
            yield f"protocol {protocol_text(action.protocol)}"
        for part in ("label", "tc", "ttl", "bos"):
            if getattr(action, part) is not None:
                yield f"{part} {getattr(action, part)}"
    elif isinstance(action, Pedit):
        extended, said = print_munges(action.keys, span)
        yield from ["ex"] * extended + [f"munge {words}" for words in said]
    elif isinstance(action, Csum):
        yield " and ".join(action.parts)
    elif isinstance(action, Skbedit):
        yield from _skbedit(action)
    elif isinstance(action, Ct):
        yield from ct_words(action)
    elif isinstance(action, Sample):
        yield from sample_words(action)
    elif isinstance(action, CtClear):
        yield action.operation
    else:
        yield from _tunnel_key(action)


def _vlan(action: Vlan) -> Iterator[str]:
    yield action.operation
    if action.operation != "pop":
        yield f"id {action.vid} protocol {protocol_text(action.protocol)}"
        if action.priority is not None:
            yield f"priority {action.priority}"


def _skbedit(action: Skbedit) -> Iterator[str]:
    if action.queue is not None:
        yield f"queue_mapping {action.queue}"
    if action.mark is not None:
        yield f"mark {action.mark[0]}" + (f"/{action.mark[1]:#x}" if action.mark[1] != 0xFFFFFFFF else "")
    if action.priority is not None:
        yield f"priority {action.priority >> 16:x}:{action.priority & 0xFFFF:x}"
    if action.packet_type is not None:
        yield f"ptype {action.packet_type}"
    if action.inherit_dsfield:
        yield "inheritdsfield"


def _tunnel_key(action: TunnelKey) -> Iterator[str]:
    if action.unset:
        yield "unset"
        return
    yield f"set src_ip {action.src} dst_ip {action.dst}"
    for word, number in (("id", action.key_id), ("dst_port", action.dst_port)):
        if number is not None:
            yield f"{word} {number}"
    if action.options is not None:
        yield f"{action.options.word} {action.options}"
    yield "csum" if action.csum else "nocsum"
    for word, number in (("tos", action.tos), ("ttl", action.ttl)):
        if number is not None:
            yield f"{word} {number}"


def _police(action: Police, span: Span) -> str:
    if not action.limits:
        raise Unsupported("the rate of a police action is not known: the dump does not tell it", span)
    if action.conform.kind == "goto chain":
        raise Unsupported("goto chain for what conforms, which the kernel refuses", span)
    limits = " ".join(f"{name} {text}" for name, text in action.limits)
    between = " / " if action.exceed.extended or action.conform.extended else "/"
    both = between.join(_control_words(control, span) for control in (action.exceed, action.conform))
    return f"police {limits} conform-exceed {both}"


def _mirred(action: Mirred, ports: PortNames, span: Span) -> str:
    direction = "ingress" if action.ingress else "egress"
    verb = "redirect" if action.redirect else "mirror"
    words = f"mirred {direction} {verb} dev {ports.name(action.port)}"
    if action.redirect:
        if action.control != STOLEN:
            raise Unsupported("tc writes no control for a redirect", span)
        return words
    return words if action.control == PIPE else f"{words} {_control_words(action.control, span)}"


def _quoted(word: str) -> str:
    return f'"{word}"' if not word or any(c.isspace() or c == "'" for c in word) else word


def _control_words(control: Control, span: Span) -> str:
    if control.kind not in _SAYABLE:
        raise Unsupported(f"tc has no word for the control {control.kind}", span)
    return f"{control.kind} {control.argument}" if control.extended else control.kind
