"""What a list of actions does to a packet: ``tcf_action_exec`` (``net/sched/act_api.c``) and ``act_*.c``, Linux 6.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import CHOICE, Assumption, Choice
from ....semantics.source import Span, Unsupported
from ..artifact.actions import (
    MAX_ACTIONS,
    PACKET_TYPES,
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
from .checksum import KNOWN, checksums
from .conntrack import ask
from .headers import Written, inner_protocol, is_vlan, mpls, vlan
from .packet import Skb
from .pedit import pedit
from .policer import exceeds
from .state import State
from .templates import Runnable, SendTo, WriteWords
from .tunnel import written

UNTAGGED: Final = "where a checksum is computed at egress, there is no tag in the data"
GONE: Final = ("drop", "stolen", "queued", "trap")
DROP: Final = Control("drop")
MAX_WAYS: Final = 2_000
"""Packets that meet an action of one filter, in different states: a bound on the size of the meaning."""
_JUMPS: Final = 0x1FF
"""``TCA_ACT_MAX_PRIO_MASK``: of the action that is jumped to."""


@dataclass(frozen=True, slots=True)
class Result:
    """Where ``when`` holds, the packet is in ``state`` and the list ends with ``control``."""

    when: Term
    state: State
    control: Control


@dataclass
class Machine:
    """What is found out while actions are run: what is left open, and what has to hold of inputs."""

    guard: Term
    """Which inputs these are."""
    choices: list[Choice] = field(default_factory=list)
    assumed: dict[str, list[Term]] = field(default_factory=dict)
    """What is outside the meaning: text → conditions that must hold."""
    kind: str = ""
    """Which packets these are, for the names of what is left open."""
    egress: bool = False
    """Whether the filters are at egress."""

    def assume(self, text: str, condition: Term) -> None:
        """Inputs that break the condition are left out, which the verdict says."""
        if condition is not TRUE:
            self.assumed.setdefault(text, []).append(b.implies(self.guard, condition))

    def choice(self, name: str, reason: str, span: Span) -> Term:
        """An arbitrary bit: a new one every time, for what is asked twice may be answered otherwise."""
        drawn = b.var(f"{CHOICE}{name}.{self.kind}.{len(self.choices)}", 1)
        self.choices.append(Choice(drawn, reason, span))
        return b.eq(drawn, b.bv(1, 1))


def assumptions(machines: Iterable[Machine]) -> list[Assumption]:
    """What has to hold of inputs, one for each text."""
    found: dict[str, list[Term]] = {}
    for machine in machines:
        for text, conditions in machine.assumed.items():
            found.setdefault(text, []).extend(conditions)
    return [Assumption(text, b.and_(*conditions)) for text, conditions in found.items()]


Step = tuple[Term, State, Control]


def run_actions(
    machine: Machine, actions: Sequence[Runnable], state: State, span: Span, when: Term = TRUE
) -> list[Result]:
    """How a packet fares that meets these actions; the conditions exclude each other and one of them holds.

    Args:
        when: that the packet is in ``state`` at all.

    Raises:
        Unsupported: an action that is not modelled, or a control that nothing is known of.
    """
    results: list[Result] = []
    ways = 0
    waiting: dict[_Place, list[tuple[Term, State]]] = {(0, 0): [(TRUE, state)]}
    while waiting:
        place = min(waiting)
        live = waiting.pop(place)
        if place[1] == len(actions):
            last = Control("pipe") if actions else Control("pass")
            results += [Result(condition, packet, last) for condition, packet in live]
            continue
        ways += len(live)
        if ways > MAX_WAYS:
            raise Unsupported(f"more than {MAX_WAYS} ways through the jumps of one filter", span)
        for condition, packet in live:
            for step, left, control in _run(machine, actions[place[1]], packet, span, b.and_(when, condition)):
                both = b.and_(condition, step)
                if both is FALSE:
                    continue
                going = _next(place, control, len(actions), span)
                if isinstance(going, Control):
                    results.append(Result(both, left, going))
                else:
                    waiting.setdefault(going, []).append((both, left))
    return results


_Place = tuple[int, int]
"""How often a packet has jumped, and the action that it has come to."""


def _next(place: _Place, control: Control, count: int, span: Span) -> _Place | Control:
    """Where a packet goes on in a list of ``count`` actions, or how the list ends (``tcf_action_exec``)."""
    jumps, at = place
    match control.kind:
        case "pipe":
            return jumps, at + 1
        case "jump":
            to = control.argument & _JUMPS
            return (jumps + 1, to) if 0 < to <= count and jumps + 1 < MAX_ACTIONS else Control("pass")
        case "repeat":
            raise Unsupported("the control repeat", span)
    return control


def _run(machine: Machine, action: Runnable, state: State, span: Span, when: Term) -> list[Step]:
    """One action."""
    if isinstance(action, Gact):
        return [(TRUE, state, action.control)]
    if isinstance(action, Mirred | SendTo):
        return [_mirred(machine, action, state, span)]
    if isinstance(action, CtClear):
        cleared = replace(state.packet, tracked=state.packet.tracked.cleared())
        return [(TRUE, replace(state, skb=cleared), action.control)]
    if isinstance(action, Ct):
        return list(_ct(machine, action, state, span, when))
    if isinstance(action, TunnelKey):
        keyed = replace(state.packet, tunnel=written(action, span))
        return [(TRUE, replace(state, skb=keyed), action.control)]
    if isinstance(action, Police):
        return _police(machine, action, state, span)
    if isinstance(action, RandomGact):
        if action.one_in <= 1:  # the kernel takes 0 for 1
            return [(TRUE, state, action.other)]
        other = machine.choice("gact", "which packets are drawn", span)
        return [(other, state, action.other), (b.not_(other), state, action.control)]
    if isinstance(action, Sample):
        return [(TRUE, _sample(machine, action, state, span), action.control)]
    if isinstance(action, OpaqueAction):
        raise Unsupported(f"action {action.kind}", span)
    steps: list[Step] = []
    for condition, skb in _writes(machine, action, state.packet, span, when):
        control = DROP if skb is None else action.control
        steps.append((condition, state if skb is None else replace(state, skb=skb), control))
    return steps


def _police(machine: Machine, action: Police, state: State, span: Span) -> list[Step]:
    """``tcf_police_act``."""

    def draw() -> Term:
        return machine.choice("police", "whether a rate is exceeded", span)

    over = exceeds(action, state.packet, draw, egress=machine.egress)
    return [(over, state, action.exceed), (b.not_(over), state, action.conform)]


def _ct(machine: Machine, action: Ct, state: State, span: Span, when: Term) -> Iterator[Step]:
    """``tcf_ct_act``."""

    def assume(text: str, condition: Term) -> None:
        machine.assume(text, b.implies(when, condition))

    for condition, skb, event in ask(assume, action, state.packet, span):
        told = state if event is None else replace(state, events=(*state.events, event))
        yield condition, told if skb is None else replace(told, skb=skb), DROP if skb is None else action.control


def _sample(machine: Machine, action: Sample, state: State, span: Span) -> State:
    """``tcf_sample_act``. That a packet is offered to be drawn is what is told: the drawing is nobody's."""
    skb = state.packet
    start = 0 if machine.egress else skb.network - skb.mac_len
    if start < 0:
        raise Unsupported("sample of a packet whose link header is longer than what is before its network header", span)
    cut = action.truncated
    numbers = ((action.rate, 32), (action.group, 32), (int(cut is not None), 1), (cut or 0, 32))
    fields = tuple(b.bv(number, width) for number, width in numbers)
    return state.sampled(b.bv(action.group, 32), start=start, fields=fields)


def _mirred(machine: Machine, action: Mirred | SendTo, state: State, span: Span) -> Step:
    """``tcf_mirred_act``: a redirect that would take the frame sends it itself, any other sends a copy and goes on."""
    port = action.port if isinstance(action, SendTo) else b.bv(action.port, 32)
    sent = state.handed_over(port, keyed=not machine.egress) if action.ingress else state.sending("port", port)
    control = action.control
    return TRUE, sent, Control("stolen") if action.redirect and control.kind in GONE else control


def _skbedit(machine: Machine, action: Skbedit, skb: Skb) -> Written:
    """``tcf_skbedit_act``."""
    edited = skb.edited
    if action.priority is not None:
        edited = replace(edited, priority=b.bv(action.priority, 32))
    if action.queue is not None:
        edited = replace(edited, queue_mapping=b.bv(action.queue, 16))
    if action.mark is not None:
        value, mask = action.mark
        mark = b.bor(b.band(edited.mark, b.bv(~mask & 0xFFFFFFFF, 32)), b.bv(value & mask, 32))
        edited = replace(edited, mark=mark)
    if action.packet_type is not None:
        edited = replace(edited, pkt_type=b.bv(PACKET_TYPES.index(action.packet_type), 3))
    if not action.inherit_dsfield:
        return [(TRUE, replace(skb, edited=edited))]
    return list(_inherited(replace(skb, edited=edited), 0 if machine.egress else skb.network))


def _inherited(skb: Skb, data: int) -> Iterator[tuple[Term, Skb | None]]:
    """The priority is the upper part of IP's traffic class; a header that is cut short drops the packet. It is looked
    for at the network header, though the type is that behind tags in the data, and these are looked for as if the data
    began with the Ethernet header (``data``: where it begins)."""
    kind, others = inner_protocol(skb, data), TRUE
    for number, size, upper in ((0x0800, 20, (13, 8)), (0x86DD, 40, (27, 22))):
        here = b.eq(kind, b.bv(number, 16))
        first = skb.bytes(skb.network, 2) if number == 0x0800 else skb.bytes(skb.network, 4)
        class_ = b.extract(first, 7, 2) if number == 0x0800 else b.extract(first, *upper)
        there = skb.has(skb.network + size)
        yield b.and_(here, there), replace(skb, edited=replace(skb.edited, priority=b.zext(class_, 32)))
        yield b.and_(here, b.not_(there)), None
        others = b.and_(others, b.not_(here))
    yield others, skb


def _writes(
    machine: Machine, action: Skbedit | Vlan | Mpls | Pedit | WriteWords | Csum, skb: Skb, span: Span, when: Term
) -> Written:
    """An action that writes to the frame, or beside it."""

    def assume(text: str, condition: Term) -> None:
        machine.assume(text, b.implies(when, condition))

    if isinstance(action, Skbedit):
        return _skbedit(machine, action, skb)
    if isinstance(action, Vlan):
        return vlan(action, skb)
    if isinstance(action, Mpls):
        return mpls(action, skb)
    if isinstance(action, Pedit):
        values = tuple(b.bv(key.value, 32) for key in action.keys)
        return list(pedit(assume, action.keys, values, skb, span))
    if isinstance(action, WriteWords):
        return list(pedit(assume, action.keys, action.values, skb, span))
    unknown = [part for part in action.parts if part not in KNOWN]
    if unknown:
        raise Unsupported(f"checksums of {' and '.join(unknown)}", span)
    if machine.egress:  # ``tcf_csum_act`` takes the data to begin with the tag
        assume(UNTAGGED, b.not_(is_vlan(skb.protocol)))
    return checksums(assume, action.parts, skb)
