"""Actions that write to a packet, and what is chosen for it: of each view of frames, with its choices and faults.

Source: ``do_xlate_actions`` (``ofproto/ofproto-dpif-xlate.c``), ``lib/meta-flow.c``, Open vSwitch 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, Term
from ....semantics.meaning import ways as w
from ....semantics.meaning.behaviour import CHOICE, Choice, Fault
from ....semantics.source import Span, Unsupported
from ..artifact import (
    ETH_MPLS,
    FIELDS,
    Action,
    Bits,
    ClearActions,
    Conjunction,
    Group,
    Ineffective,
    Move,
    Multipath,
    Pop,
    PopVlan,
    Prerequisites,
    Push,
    PushMpls,
    PushVlan,
    SetField,
    TagWith,
    ToMeter,
    WriteActions,
)
from ..artifact.subfields import pieces
from .commit import commit
from .extract import MAX_LABELS, View
from .opened import SetTo
from .state import DERIVED, LABEL_PARTS, Key, State, one_of
from .steps import DEAD, LAYER_2, Way, first_label, has, push_vlan, pushed, read_bits, set_tci, tag_with, with_bits

PICK_BITS: Final = 16


def bucket_choice(group: int, before: int) -> Term:
    """Which bucket a group chooses where ``before`` choices were made already."""
    return b.var(f"{CHOICE}group.{group}.{before}", PICK_BITS)


def meter_choice(before: int) -> Term:
    """Whether (1) a meter drops the frame where ``before`` choices were made already."""
    return b.var(f"{CHOICE}meter.{before}", 1)


def _taken(pick: Term, live: Sequence[Term]) -> list[Term]:
    """Which one is taken if none before it is: that whose number is drawn, or the last that lives."""
    return [
        b.and_(alive, b.or_(b.eq(pick, b.bv(i, PICK_BITS)), b.not_(b.or_(*live[i + 1 :]))))
        for i, alive in enumerate(live)
    ]


class Writes:
    """What actions write to the frames of one view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.choices: list[Choice] = []
        self.faults: list[Fault] = []
        self.won: list[list[w.Tried[State]]] = []
        """Of each table that is being looked through, the flows that win over the one that is looked at."""

    def _committed(self, state: State, span: Span) -> State:
        """The frame as it would be sent."""
        key, base = state.key, state.base
        if (key.labels or base.labels) and len(key.tags) != len(base.tags):
            raise Unsupported("tags are pushed or popped around labels", span)
        return commit(state, self.view)

    def _fault(self, when: Term, text: str, span: Span, *, unsaid: bool = False) -> None:
        others = (b.not_(tried.hit) for tries in self.won for tried in tries)
        guard = b.and_(self.view.guard, when, *others)
        if guard is not FALSE:
            self.faults.append(Fault(guard, text, span, unsaid))

    def _metered(self, state: State, span: Span) -> State:
        """The datapath drops the frame, or goes on with its list of actions; which of them depends on the traffic.

        Ways exclude each other, so the meters that are met first on theirs share one choice; so do the second ones.
        """
        drops = meter_choice(state.chosen)
        self.choices.append(Choice(drops, "a meter drops what is above its rate", span))
        passing = b.and_(state.passing, b.eq(drops, b.bv(0, 1)))
        return replace(state, passing=passing, chosen=state.chosen + 1)

    def _choice(self, name: str, width: int, reason: str, span: Span) -> Term:
        made = b.var(f"{CHOICE}{name}.{len(self.choices)}", width)
        self.choices.append(Choice(made, reason, span))
        return made

    def _drawn(self, name: str, reason: str, live: Sequence[Term], span: Span) -> list[Term]:
        """As :func:`_taken`, by a choice of its own."""
        return _taken(self._choice(name, PICK_BITS, reason, span), live)

    def _bucket_drawn(self, group: Group, before: int, live: Sequence[Term]) -> list[Term]:
        """The buckets that are taken, as :func:`_taken`.

        ``before``: how many choices were made on this way. Ways exclude each other, so all that choose at the same
        place share one choice; one way never meets a choice twice.
        """
        pick = bucket_choice(group.number, before)
        self.choices.append(Choice(pick, f"group {group.number} chooses a bucket", group.span))
        return _taken(pick, live)

    def _multipath(self, action: Multipath, state: State, span: Span, when: Term) -> State:
        """``multipath_execute``: the hash is the switch's own."""
        drawn = self._choice("multipath", 32, f"multipath chooses one of {action.links}", span)
        link = b.ite(b.ult(drawn, b.bv(action.links, 32)), drawn, b.bv(0, 32))
        return self._write_bits(action.target, b.resize(link, action.target.width), state, span, when)

    def _popped(self, target: Bits, state: State, span: Span, when: Term) -> State:
        """``nxm_execute_stack_pop``: of an empty stack nothing."""
        if not state.stack:
            return state
        after = replace(state, stack=state.stack[:-1])
        return self._write_bits(target, b.resize(state.stack[-1], target.width), after, span, when)

    def _write_bits(self, target: Bits, value: Term, state: State, span: Span, when: Term) -> State:
        """Bits of a field that every packet has become a value."""
        if target.needs != Prerequisites() or target.field in DERIVED:
            raise Unsupported(f"a write to {target.field} by a hash or from the stack", span)
        for start, part in pieces(target):
            new = with_bits(state.key.get(part.field), part, b.extract(value, start + part.width - 1, start))
            state = self._write(part.field, new, state, part.needs, span, when)
        return state

    def _set_field(self, action: SetField, state: State, span: Span, when: Term) -> State:
        if action.field == "vlan_tci" and not action.needs.tagged:
            return set_tci(action, state, span)
        value = b.bv(action.value, FIELDS[action.field].width)
        return self._set(action.field, value, action.mask, action.needs, state, span, when)

    def _set(
        self, field: str, value: Term, mask: int, needs: Prerequisites, state: State, span: Span, when: Term
    ) -> State:
        old = state.key.get(field)
        new = b.bor(b.band(old, b.bnot(b.bv(mask, old.width))), value)
        return self._write(field, new, state, needs, span, when)

    def _move(self, source: Bits, target: Bits, state: State, span: Span, when: Term) -> State:
        old = state.key.get(target.field)
        new = b.ite(has(state.key, source.needs), with_bits(old, target, read_bits(source, state.key)), old)
        if target.field == "vlan_tci" and not target.needs.tagged:
            raise Unsupported("move to a tag", span)
        return self._write(target.field, new, state, target.needs, span, when)

    def _write(self, field: str, new: Term, state: State, needs: Prerequisites, span: Span, when: Term) -> State:
        """A field becomes ``new`` where the packet has it (``mf_set_flow_value_masked``)."""
        key = state.key
        there = has(key, needs)
        if there is FALSE:
            return state
        if field in ("tp_src", "tp_dst") and self.view.protocol == 0:
            sctp = b.and_(there, b.eq(key.get("nw_proto"), b.bv(132, 8)), b.ne(new, key.get(field)))
            self._fault(b.and_(when, sctp), "a port of SCTP is written, whose CRC is not modelled", span, unsaid=True)
        if field in DERIVED:
            return self._write_part(field, new, state, there, span, when)
        return replace(state, key=key.with_field(field, b.ite(there, new, key.get(field))))

    def _write_part(self, field: str, new: Term, state: State, there: Term, span: Span, when: Term) -> State:
        """The same for a part of the outermost tag or label."""
        key = state.key
        if field == "vlan_tci":
            tpid, old = key.tags[0]
            return replace(state, key=replace(key, tags=((tpid, b.ite(there, new, old)), *key.tags[1:])))
        if not key.labels:
            return state
        old = key.labels[0]
        high, low = LABEL_PARTS[field]
        above = (b.extract(old, 31, high + 1),) if high < 31 else ()
        below = (b.extract(old, low - 1, 0),) if low else ()
        label = b.ite(there, b.concat(*above, new, *below), old)
        self._fault(b.and_(when, b.eq(label, b.bv(0, 32))), "a label stack entry of zeros is no entry", span)
        return replace(state, key=replace(key, labels=(label, *key.labels[1:])))

    def _dec_mpls_ttl(self, state: State, span: Span, when: Term) -> list[tuple[Way, bool]]:
        """``compose_dec_mpls_ttl_action``; without a label, or at 1, the list ends."""
        ttl = state.key.get("mpls_ttl")
        goes_on = b.and_(one_of(state.key.get("eth_type"), ETH_MPLS), b.ugt(ttl, b.bv(1, 8)))
        less = b.sub(ttl, b.bv(1, 8))
        written = self._write("mpls_ttl", less, state, Prerequisites(), span, b.and_(when, goes_on))
        return [(w.Way(goes_on, written), True), (w.Way(b.not_(goes_on), state), False)]

    def _push_mpls(self, state: State, ethertype: int, span: Span) -> State:
        """``compose_mpls_push_action`` and ``flow_push_mpls``."""
        key = state.key
        kind = b.bv(ethertype, 16)
        if len(key.labels) >= MAX_LABELS:
            return replace(state, sent=(), extra=(DEAD,))
        if key.labels:
            top = b.band(key.labels[0], b.bv(0xFFFFFEFF, 32))
            new = replace(key.with_field("eth_type", kind), labels=(top, *key.labels))
            return replace(state, key=new)
        state = self._committed(state, span)
        labels = (first_label(key),)
        cleared = {n: t if n in LAYER_2 else b.bv(0, t.width) for n, t in key.fields.items()}
        fields = MappingProxyType({**cleared, "eth_type": kind})
        return replace(state, key=Key(fields, key.tags, labels))

    def _simple(self, action: Action | SetTo, state: State, span: Span, when: Term) -> State:
        """Actions with one outcome."""
        match action:
            case SetTo(name, to, mask, needs):
                return self._set(name, to, mask, needs, state, span, when)
            case SetField():
                return self._set_field(action, state, span, when)
            case Move(source, target):
                return self._move(source, target, state, span, when)
            case PushVlan(tpid):
                return push_vlan(state, tpid, span)
            case PopVlan():
                return replace(state, key=replace(state.key, tags=state.key.tags[1:]))
            case PushMpls(ethertype):
                return self._push_mpls(state, ethertype, span)
            case WriteActions(inner):
                return replace(state, written=state.written + inner)
            case ClearActions():
                return replace(state, written=())
            case ToMeter():
                return self._metered(state, span)
            case _:
                return self._rare(action, state, span, when)

    def _rare(self, action: Action | SetTo, state: State, span: Span, when: Term) -> State:
        """Those of them that OpenFlow has not."""
        match action:
            case Ineffective() | Conjunction():
                return state
            case TagWith(value, mask):
                return tag_with(state, value, mask)
            case Push(source):
                return pushed(state, read_bits(source, state.key), span)
            case Pop(target):
                return self._popped(target, state, span, when)
            case Multipath():
                return self._multipath(action, state, span, when)
            case _:
                raise Unsupported(f"the action {type(action).__name__}", span)
