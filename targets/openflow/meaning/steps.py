"""What single actions do to a packet's state, and what of a packet a flow asks; none of it knows of tables.

Source: ``do_xlate_actions`` and what it calls (``ofproto/ofproto-dpif-xlate.c``, ``lib/flow.c``), Open vSwitch 3.1.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning import ways as w
from ....semantics.meaning.behaviour import PORT
from ....semantics.source import Span, Unsupported
from ..artifact import (
    CFI,
    ETH_IP,
    ETH_IPV6,
    ETH_MPLS,
    FIELDS,
    FIRST_RESERVED,
    FRAG_LATER,
    ICMP,
    ICMPV6,
    LOCAL,
    Action,
    Bits,
    ClearActions,
    DecMplsTtl,
    DecTtl,
    Flow,
    Group,
    Move,
    Output,
    OutputBits,
    PopMpls,
    PopVlan,
    Prerequisites,
    PushMpls,
    PushVlan,
    Resubmit,
    SetField,
    TagWith,
    ToGroup,
    ToMeter,
    WriteActions,
)
from ..artifact.subfields import pieces
from .extract import MAX_LABELS
from .opened import OutputTo, SetTo
from .state import DERIVED, LABEL_PARTS, PLAIN, Key, State, masked, one_of

Way = w.Way[State]  # in annotations; objects are made by their plain classes
Ways = tuple[Way, ...]

MAX_TAGS: Final = 2
"""``FLOW_MAX_VLAN_HEADERS``."""
LAYER_2: Final = frozenset(("in_port", "metadata", "pkt_mark", "conj_id", "eth_src", "eth_dst", "eth_type")) | {
    name for name in FIELDS if name.startswith(("reg", "tun_", "ct_"))
}
"""Fields that stay when a label is pushed (``FLOW_SEGMENT_2_ENDS_AT``)."""
POPPED: Final = "popped"
"""Marks a state in which a label was popped and what it covered is not known."""
BARE: Final = "bare"
"""... in which the last label was popped, and the type says that there are more."""
DEAD: Final = "dead"
"""... in which the switch has given up: nothing is sent."""
EXITED: Final = "exited"
"""... in which no more actions are executed."""
HASHED: Final = "hashed"
"""... in which the datapath has hashed the frame for a group that selects by that."""
MOST_HASH_VALUES: Final = 256
"""``MAX_SELECT_GROUP_HASH_VALUES``."""


_STACK_DEEPEST: Final = 64
_EXPLICIT_NULL_6: Final = 2
_DEFAULT_TTL: Final = 64


def first_label(key: Key) -> Term:
    kind = key.get("eth_type")
    six = b.eq(kind, b.bv(ETH_IPV6, 16))
    any_ip = b.or_(six, b.eq(kind, b.bv(ETH_IP, 16)))
    label = b.ite(six, b.bv(_EXPLICIT_NULL_6, 20), b.bv(0, 20))
    tc = b.ite(any_ip, b.extract(key.get("nw_tos"), 4, 2), b.bv(0, 3))
    ttl = key.get("nw_ttl")
    ttl = b.ite(b.and_(any_ip, b.ne(ttl, b.bv(0, 8))), ttl, b.bv(_DEFAULT_TTL, 8))
    return b.concat(label, tc, b.bv(1, 1), ttl)


def is_port(came: Term) -> Term:
    """Whether the ingress port is one: an action may have written another number to it."""
    if came is b.extract(PORT, 15, 0):
        return TRUE
    ordinary = b.and_(b.ne(came, b.bv(0, 16)), b.ult(came, b.bv(FIRST_RESERVED, 16)))
    return b.or_(ordinary, b.eq(came, b.bv(LOCAL, 16)))


def on(ways: Ways) -> list[tuple[Way, bool]]:
    return [(way, True) for way in ways]


def only_sent(state: State) -> State:
    """What is left of a state in the end: what was sent."""
    nothing = Key(MappingProxyType({}))
    frame = replace(state.frame, tags=(), labels=(), snap=(), rest=(), payload=0, macs=b.bv(0, 96), kind=b.bv(0, 16))
    return State(nothing, nothing, frame, state.sent)


def rolled_back(after: State, before: State) -> State:
    if DEAD in after.extra:
        return after
    return replace(after, key=before.key, written=before.written, extra=before.extra, stack=before.stack)


def fits_popped(action: Action | OutputTo | SetTo) -> bool:
    if isinstance(action, SetField | SetTo):
        return action.field in LAYER_2 or action.field == "vlan_tci"
    return isinstance(
        action, Output | OutputTo | OutputBits | PushVlan | PopVlan | ClearActions | WriteActions | ToMeter
    )


def fits_bare(action: Action | OutputTo | SetTo) -> bool:
    """Whether an action leaves alone the label that is not there: the switch has a place for it that it writes to."""
    match action:
        case DecMplsTtl() | PushMpls():
            return False
        case SetField() | SetTo():
            return action.field not in LABEL_PARTS
        case Move(_, target):
            return target.field not in LABEL_PARTS
    return True


def is_over(state: State) -> bool:
    """Whether no more actions are executed."""
    return DEAD in state.extra or EXITED in state.extra


def port_lives(port: int) -> Term:
    """Whether a port is up."""
    return b.eq(b.var(f"in.live.{port}", 1), b.bv(1, 1))


def marked(state: State, mark: str) -> State:
    """``state`` with one of the marks above."""
    return replace(state, extra=(*state.extra, mark))


def is_hashed(group: Group) -> bool:
    """Whether a group selects by a hash of the datapath's (``group_set_selection_method``), for which the frame goes
    through it once more: where that is asked for, or nothing is, as far as the buckets' weights allow it
    (``group_setup_dp_hash_table``)."""
    weights = [bucket.weight for bucket in group.buckets if bucket.weight]
    if group.kind != "select" or group.selection.method == "hash" or not weights:
        return False
    values = -(-sum(weights) // min(weights))
    return values <= MOST_HASH_VALUES


def pushed(state: State, value: Term, span: Span) -> State:
    if len(state.stack) >= _STACK_DEEPEST:
        raise Unsupported(f"more than {_STACK_DEEPEST} values on the stack", span)
    return replace(state, stack=(*state.stack, value))


def with_bits(old: Term, target: Bits, value: Term) -> Term:
    """A field with other bits."""
    parts = []
    if target.low + target.width < old.width:
        parts.append(b.extract(old, old.width - 1, target.low + target.width))
    parts.append(value)
    if target.low:
        parts.append(b.extract(old, target.low - 1, 0))
    return b.concat(*parts)


def read_bits(source: Bits, key: Key) -> Term:
    parts = [b.extract(key.get(part.field), part.low + part.width - 1, part.low) for _, part in pieces(source)]
    return b.concat(*reversed(parts))


def has(key: Key, needs: Prerequisites) -> Term:
    """``mf_are_prereqs_ok``."""
    kind = key.get("eth_type")
    parts = []
    if needs.types:
        parts.append(one_of(kind, needs.types))
    if needs.protocols:
        parts.append(one_of(key.get("nw_proto"), needs.protocols))
        if not set(needs.protocols) <= {ICMP, ICMPV6}:
            parts.append(b.eq(b.band(key.get("nw_frag"), b.bv(FRAG_LATER, 2)), b.bv(0, 2)))
    if needs.tagged and not key.tags:
        parts.append(FALSE)
    return b.and_(*parts)


def looked_up(key: Key) -> Key:
    """The key that tables see: no fragment has ports (``rule_dpif_lookup_from_table``, ``OFPUTIL_FRAG_NORMAL``)."""
    fragment = b.eq(b.extract(key.get("nw_frag"), 0, 0), b.bv(1, 1))
    for name in ("tp_src", "tp_dst"):
        key = key.with_field(name, b.ite(fragment, b.bv(0, 16), key.get(name)))
    return key


def matches(flow: Flow, key: Key) -> Term:
    """Whether a packet with this key matches."""
    parts = []
    for m in flow.match:
        parts.append(masked(key, m.field, m.mask, b.bv(m.value, FIELDS[m.field].width)))
        if parts[-1] is FALSE:
            return FALSE
    return b.and_(*parts)


def dec_ttl(state: State) -> list[tuple[Way, bool]]:
    """``compose_dec_ttl``; at 0 or 1 the list ends."""
    key = state.key
    kind, ttl = key.get("eth_type"), key.get("nw_ttl")
    any_ip = one_of(kind, (ETH_IP, ETH_IPV6))
    ends = b.and_(any_ip, b.ule(ttl, b.bv(1, 8)))
    less = b.ite(any_ip, b.sub(ttl, b.bv(1, 8)), ttl)
    return [
        (w.Way(b.not_(ends), replace(state, key=key.with_field("nw_ttl", less))), True),
        (w.Way(ends, state), False),
    ]


def set_tci(action: SetField, state: State, span: Span) -> State:
    """The whole TCI at once makes or removes a tag (``flow_fix_vlan_tpid``)."""
    key = state.key
    if action.mask != 0xFFFF or len(key.tags) > 1 or (not action.value & CFI and action.value):
        raise Unsupported("a part of vlan_tci is written", span)
    if not action.value:
        return replace(state, key=replace(key, tags=()))
    tpid = key.tags[0][0] if key.tags else b.bv(0x8100, 16)
    return replace(state, key=replace(key, tags=((tpid, b.bv(action.value, 16)),)))


def tag_with(state: State, value: int, mask: int) -> State:
    """``OFPACT_SET_VLAN_VID`` and ``OFPACT_SET_VLAN_PCP``, which may add a tag."""
    key = state.key
    if not key.tags:
        return replace(state, key=replace(key, tags=((b.bv(0x8100, 16), b.bv(value, 16)),)))
    tpid, old = key.tags[0]
    new = b.bor(b.band(old, b.bv(0xFFFF ^ mask, 16)), b.bv(value, 16))
    return replace(state, key=replace(key, tags=((tpid, new), *key.tags[1:])))


def push_vlan(state: State, tpid: int, span: Span) -> State:
    if len(state.key.tags) >= MAX_TAGS:
        raise Unsupported(f"more than {MAX_TAGS} tags", span)
    tags = ((b.bv(tpid, 16), b.bv(CFI, 16)), *state.key.tags)
    return replace(state, key=replace(state.key, tags=tags))


def pop_mpls(state: State, ethertype: int) -> Ways:
    """``compose_mpls_pop_action`` and ``flow_pop_mpls``."""
    key = state.key
    if not key.labels:
        return (w.Way(TRUE, state),)
    new = replace(key.with_field("eth_type", b.bv(ethertype, 16)), labels=key.labels[1:])
    uncovered = ethertype not in ETH_MPLS
    if uncovered:
        new = replace(new, labels=())
    popped = replace(state, key=new)
    if uncovered or not new.labels:
        popped = marked(popped, POPPED if uncovered else BARE)
    if len(key.labels) < MAX_LABELS:
        return (w.Way(TRUE, popped),)
    bottom = b.eq(b.extract(key.labels[-1], 8, 8), b.bv(1, 1))
    dead = replace(state, sent=(), extra=(DEAD,))
    return (w.Way(bottom, popped), w.Way(b.not_(bottom), dead))


def in_order(written: tuple[Any, ...]) -> tuple[Any, ...]:
    """The action set in the order of its execution (``ofpacts_execute_action_set``); without an output, nothing."""

    def last(kind: type) -> list[Any]:
        found = [action for action in written if isinstance(action, kind)]
        return found[-1:]

    to_port = [action for action in written if isinstance(action, Output | OutputTo)]  # a register's has no place there
    outputs = last(ToGroup) or to_port[-1:] or last(Resubmit)
    if not outputs:
        return ()
    first = [*last(PopVlan), *last(PopMpls), *last(PushMpls), *last(PushVlan), *last(DecMplsTtl), *last(DecTtl)]
    return (*first, *(a for a in written if isinstance(a, SetField | SetTo | TagWith | Move)), *outputs)


assert set(PLAIN) | set(DERIVED) == set(FIELDS)
