"""Tables and actions: ``xlate_actions``, ``do_xlate_actions`` (``ofproto/ofproto-dpif-xlate.c``), Open vSwitch 3.1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning import ways as w
from ....semantics.meaning.behaviour import PORT, Choice, Fault
from ....semantics.meaning.behaviour import Output as Sent
from ....semantics.meaning.opened import Lookup
from ....semantics.meaning.ways import first_match, joined, under
from ....semantics.source import Span, Unsupported
from ..artifact import (
    CFI,
    CONTROLLER,
    ETH_IP,
    ETH_IPV6,
    ETH_MPLS,
    FIELDS,
    FIRST_RESERVED,
    FRAG_LATER,
    ICMP,
    ICMPV6,
    IN_PORT,
    Action,
    Bits,
    Bucket,
    ClearActions,
    DecMplsTtl,
    DecTtl,
    Flow,
    Goto,
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
    ToGroup,
    ToMeter,
    WriteActions,
)
from .commit import commit
from .extract import MAX_LABELS, View
from .opened import OpenFlows, OutputTo, SetTo
from .state import DERIVED, LABEL_PARTS, PLAIN, Key, State, masked, one_of, send
from .tables import Tables

Way = w.Way[State]  # in annotations; objects are made by their plain classes
Ways = tuple[Way, ...]
Tried = w.Tried[State]


MAX_DEPTH: Final = 64
"""``MAX_DEPTH``: tables and groups within one another."""
MAX_VISITS: Final = 1_000_000
"""Flows visited in one view: a bound on the size of the meaning."""
MAX_TAGS: Final = 2
"""``FLOW_MAX_VLAN_HEADERS``."""
_LAYER_2: Final = frozenset(("in_port", "metadata", "eth_src", "eth_dst", "eth_type")) | {
    name for name in FIELDS if name.startswith(("reg", "tun_", "ct_"))
}
"""Fields that stay when a label is pushed (``FLOW_SEGMENT_2_ENDS_AT``)."""
_POPPED: Final = "popped"
_DEAD: Final = "dead"
_EXPLICIT_NULL_6: Final = 2
_DEFAULT_TTL: Final = 64


class Pipeline:
    """What the tables do with the frames of one view."""

    def __init__(self, tables: Tables, view: View) -> None:
        self.tables = tables
        self.view = view
        self.choices: list[Choice] = []
        self.faults: list[Fault] = []
        self.lookups: list[Lookup] = []
        """Where tables that are left open are asked."""
        self.given: list[Term] = []
        """What is true of their answers."""
        self._visits = 0

    def run(self) -> tuple[Sent, ...]:
        """What is sent, in order."""
        finished = self._from(0, self.view.state, TRUE, None, 0)
        ended = joined(after for way in finished for after in self._run_set(way))
        sent: Ways = joined(w.Way(way.when, _only_sent(way.state)) for way in ended)
        return tuple(replace(output, when=b.and_(way.when, output.when)) for way in sent for output in way.state.sent)

    def _run_set(self, way: Way) -> Iterable[Way]:
        """``xlate_action_set``."""
        if not way.state.written or _DEAD in way.state.extra:
            return (way,)
        span = self.tables.span
        state = replace(way.state, written=())
        return under(way.when, self._list(in_order(way.state.written), state, span, 1, TRUE))

    def _from(self, table: int, state: State, when: Term, port: Term | None, depth: int) -> Ways:
        """A table and those that its flows go on to. ``port``: what the lookup takes for the ingress port."""
        waiting: dict[int, list[Way]] = {table: [w.Way(TRUE, state, table)]}
        finished: list[Way] = []
        while waiting:
            number = min(waiting)
            for way in joined(waiting.pop(number)):
                asked = port if number == table else None
                for after in under(way.when, self._table(number, way.state, b.and_(when, way.when), asked, depth)):
                    if after.place is None:
                        finished.append(after)
                    else:
                        waiting.setdefault(after.place, []).append(after)
        return joined(finished)

    def _table(self, number: int, state: State, when: Term, port: Term | None, depth: int) -> Ways:
        """``xlate_table_action``: the flow of the highest priority that matches; without one, nothing."""
        if _DEAD in state.extra:
            return (w.Way(TRUE, state),)
        if _POPPED in state.extra:
            raise Unsupported("a table after pop_mpls, which looks at what it uncovered", self.tables.span)
        key = looked_up(state.key if port is None else state.key.with_field("in_port", port))
        opened = self.tables.open.get(number)
        if opened is not None:
            return self._open_table(opened, opened.key(key), state, when, depth)
        tries = []
        for flow in self.tables.flows(number):
            hit = matches(flow, key)
            if hit is FALSE:
                continue
            self._spend(flow)
            ways = self._list(flow.actions, state, flow.span, depth, b.and_(when, hit), number)
            tries.append(w.Tried(hit, under(hit, ways)))
            if hit is TRUE:
                break
        found = first_match(tries)
        return joined((*found.ways, w.Way(b.not_(found.hit), state)))

    def _open_table(self, opened: OpenFlows, key: Term, state: State, when: Term, depth: int) -> Ways:
        """A table that is left open: every template, where the table answers it."""
        self.lookups.append(Lookup(opened.table.name, key, b.and_(self.view.guard, when)))
        self.given += opened.given(key)
        ways: list[Way] = []
        left = TRUE
        for number, actions in enumerate(opened.ways):
            hit = opened.table.is_template(key, number)
            here = b.and_(when, left, hit)
            after = self._list(actions(key), state, self.tables.span, depth, here, opened.number)
            ways += under(b.and_(left, hit), after)
            left = b.and_(left, b.not_(hit))
        return joined((*ways, w.Way(left, state)))

    def _spend(self, flow: Flow) -> None:
        self._visits += 1
        if self._visits > MAX_VISITS:
            raise Unsupported(f"more than {MAX_VISITS} flows on the ways through the tables", flow.span)

    def _list(self, actions: tuple[Any, ...], state: State, span: Span, depth: int, when: Term, table: int = 0) -> Ways:
        """``do_xlate_actions``: one action after the other; at some the list ends."""
        live: Ways = (w.Way(TRUE, state),)
        ended: list[Way] = []
        for action in actions:
            following: list[Way] = []
            for way in live:
                here = b.and_(when, way.when)
                for after, goes_on in self._one(action, way.state, span, depth, here, table):
                    found = replace(after, when=b.and_(way.when, after.when))
                    (following if goes_on and _DEAD not in after.state.extra else ended).append(found)
            live = joined(following)
        return joined((*ended, *live))

    def _one(
        self, action: Action | OutputTo | SetTo, state: State, span: Span, depth: int, when: Term, table: int
    ) -> list[tuple[Way, bool]]:
        """What one action does, and whether the list goes on."""
        if _POPPED in state.extra and not _fits_popped(action):
            raise Unsupported("an action after pop_mpls that looks at what it uncovered", span)
        match action:
            case Goto(target):
                if target <= table:
                    raise Unsupported(f"goto_table:{target} in table {table}", span)
                return [(w.Way(TRUE, state, target), True)]
            case Resubmit(port, target):
                return _on(self._resubmit(port, table if target is None else target, state, span, depth, when))
            case ToGroup(number):
                return _on(self._group(self.tables.group(number, span), state, span, depth, when))
            case Output(port):
                return _on(self._output(b.bv(port, 16), state, span))
            case OutputTo(to):
                return _on(self._sent(b.ne(to, state.key.get("in_port")), to, state, span))
            case OutputBits(source):
                return _on(self._output_bits(source, state, span, when))
            case DecTtl():
                return _dec_ttl(state)
            case DecMplsTtl():
                return self._dec_mpls_ttl(state, span, when)
            case PopMpls(ethertype):
                return _on(_pop_mpls(state, ethertype))
            case _:
                return [(w.Way(TRUE, self._simple(action, state, span, when)), True)]

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
                return _push_vlan(state, tpid, span)
            case PopVlan():
                return replace(state, key=replace(state.key, tags=state.key.tags[1:]))
            case PushMpls(ethertype):
                return self._push_mpls(state, ethertype, span)
            case WriteActions(inner):
                return replace(state, written=state.written + inner)
            case ClearActions():
                return replace(state, written=())
            case ToMeter(number):
                return self._metered(number, state, span)
            case _:
                raise Unsupported(f"the action {type(action).__name__}", span)

    def _output(self, port: Term, state: State, span: Span) -> Ways:
        """``xlate_output_action`` for a port that is known; never back to where the frame came from.

        A frame that is not sent is not committed either.
        """
        came = state.key.get("in_port")
        if port is b.bv(CONTROLLER, 16):
            return (w.Way(TRUE, send(self._committed(state, span), TRUE, "stack", b.bv(0, 32))),)
        if port is b.bv(IN_PORT, 16):
            return self._sent(_is_port(came), came, state, span)
        return self._sent(b.ne(port, came), port, state, span)

    def _output_bits(self, source: Bits, state: State, span: Span, when: Term) -> Ways:
        """``xlate_output_reg_action``: what is no port's number goes nowhere."""
        came = state.key.get("in_port")
        value = _read(source, state.key)
        low = b.resize(value, 16)
        fits = b.eq(b.resize(low, max(source.width, 16)), b.resize(value, max(source.width, 16)))
        fits = b.and_(fits, has(state.key, source.needs))
        ordinary = b.and_(fits, b.ult(low, b.bv(FIRST_RESERVED, 16)), b.ne(low, b.bv(0, 16)))
        back = b.and_(fits, b.eq(low, b.bv(IN_PORT, 16)), _is_port(came))
        ours = one_of(low, (IN_PORT, 0xFFFF))
        reserved = b.and_(fits, b.uge(low, b.bv(FIRST_RESERVED, 16)), b.not_(ours))
        self._fault(b.and_(when, reserved), "output to a reserved port, which depends on the bridge", span)
        return self._sent(b.or_(b.and_(ordinary, b.ne(low, came)), back), b.ite(back, came, low), state, span)

    def _sent(self, when: Term, port: Term, state: State, span: Span) -> Ways:
        if when is FALSE:
            return (w.Way(TRUE, state),)
        after = send(self._committed(state, span), TRUE, "port", b.zext(port, 32))
        return joined((w.Way(when, after), w.Way(b.not_(when), state)))

    def _committed(self, state: State, span: Span) -> State:
        """The frame as it would be sent."""
        key, base = state.key, state.base
        if (key.labels or base.labels) and len(key.tags) != len(base.tags):
            raise Unsupported("tags are pushed or popped around labels", span)
        return commit(state, self.view)

    def _fault(self, when: Term, text: str, span: Span) -> None:
        guard = b.and_(self.view.guard, when)
        if guard is not FALSE:
            self.faults.append(Fault(guard, text, span))

    def _resubmit(self, port: int | None, table: int, state: State, span: Span, depth: int, when: Term) -> Ways:
        if depth >= MAX_DEPTH:
            raise Unsupported(f"tables and groups more than {MAX_DEPTH} deep in one another", span)
        return self._from(table, state, when, None if port is None else b.bv(port, 16), depth + 1)

    def _group(self, group: Group, state: State, span: Span, depth: int, when: Term) -> Ways:
        """``xlate_group_action``; after each bucket the key is what it was before (``xlate_group_bucket``)."""
        if depth >= MAX_DEPTH:
            raise Unsupported(f"tables and groups more than {MAX_DEPTH} deep in one another", span)
        if group.kind in ("all", "indirect"):
            ways: Ways = (w.Way(TRUE, state),)
            for bucket in group.buckets:
                ways = joined(
                    after
                    for way in ways
                    for after in under(way.when, self._bucket(bucket, way.state, group.span, depth, when))
                )
            return ways
        return self._chosen(group, state, depth, when)

    def _metered(self, number: int, state: State, span: Span) -> State:
        """The datapath drops the frame, or goes on with its list of actions; which of them depends on the traffic."""
        drops = self._choice(f"meter.{number}", 1, f"meter {number} drops what is above its rate", span)
        return replace(state, passing=b.and_(state.passing, b.eq(drops, b.bv(0, 1))))

    def _choice(self, name: str, width: int, reason: str, span: Span) -> Term:
        made = b.var(f"any.{name}.{len(self.choices)}", width)
        self.choices.append(Choice(made, reason, span))
        return made

    def _chosen(self, group: Group, state: State, depth: int, when: Term) -> Ways:
        """One bucket that lives: any of them (select), or the first (ff); without one, nothing.

        Of buckets with weights, one without is never taken (``group_setup_dp_hash_table``, ``group_best_live_bucket``).
        """
        buckets = group.buckets
        if group.kind == "select":
            buckets = tuple(bucket for bucket in buckets if bucket.weight)
            if len(buckets) < len(group.buckets) and not buckets:
                raise Unsupported(f"group {group.number}, whose buckets all have weight 0", group.span)
        live = [self._lives(bucket, group.span, ()) for bucket in buckets]
        takes = self._picked(group, live) if group.kind == "select" and len(buckets) > 1 else live
        left = TRUE
        found: list[Way] = []
        for bucket, taken in zip(buckets, takes, strict=True):
            here = b.and_(left, taken)
            if here is not FALSE:
                found += under(here, self._bucket(bucket, state, group.span, depth, b.and_(when, here)))
            left = b.and_(left, b.not_(taken))
        return joined((*found, w.Way(left, state)))

    def _picked(self, group: Group, live: list[Term]) -> list[Term]:
        """An arbitrary one of those that live: the one whose number is drawn, or else the first."""
        pick = self._choice(f"group.{group.number}", 16, f"group {group.number} chooses a bucket", group.span)
        drawn = [b.and_(alive, b.eq(pick, b.bv(i, 16))) for i, alive in enumerate(live)]
        none = b.not_(b.or_(*drawn))
        found = []
        for alive, here in zip(live, drawn, strict=True):
            found.append(b.or_(here, b.and_(none, alive)))
            none = b.and_(none, b.not_(alive))
        return found

    def _lives(self, bucket: Bucket, span: Span, within: tuple[int, ...]) -> Term:
        """``bucket_is_alive``: it watches nothing, or a port that is up, or a group with a bucket that lives."""
        if bucket.watch is None and bucket.watch_group is None:
            return TRUE
        alive = FALSE
        if bucket.watch is not None:
            alive = b.eq(b.var(f"in.live.{bucket.watch}", 1), b.bv(1, 1))
        if bucket.watch_group is not None:
            if bucket.watch_group in within:
                raise Unsupported(f"group {bucket.watch_group} watches itself", span)
            other = self.tables.group(bucket.watch_group, span)
            inner = (*within, other.number)
            alive = b.or_(alive, *(self._lives(one, other.span, inner) for one in other.buckets))
        return alive

    def _bucket(self, bucket: Bucket, state: State, span: Span, depth: int, when: Term) -> Ways:
        """A bucket is an action set; the key is then as before, what was sent and committed stays."""
        if _DEAD in state.extra:
            return (w.Way(TRUE, state),)
        ways = self._list(in_order(bucket.actions), state, span, depth + 1, when)
        return joined(replace(way, state=_rolled_back(way.state, state)) for way in ways)

    def _set_field(self, action: SetField, state: State, span: Span, when: Term) -> State:
        if action.field == "vlan_tci" and not action.needs.tagged:
            return _set_tci(action, state, span)
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
        parts = []
        if target.low + target.width < old.width:
            parts.append(b.extract(old, old.width - 1, target.low + target.width))
        parts.append(_read(source, state.key))
        if target.low:
            parts.append(b.extract(old, target.low - 1, 0))
        new = b.ite(has(state.key, source.needs), b.concat(*parts), old)
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
            self._fault(b.and_(when, sctp), "a port of SCTP is written, whose CRC is not modelled", span)
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
            return replace(state, sent=(), extra=(_DEAD,))
        if key.labels:
            top = b.band(key.labels[0], b.bv(0xFFFFFEFF, 32))
            new = replace(key.with_field("eth_type", kind), labels=(top, *key.labels))
            return replace(state, key=new)
        state = self._committed(state, span)
        labels = (_first_label(key),)
        cleared = {n: t if n in _LAYER_2 else b.bv(0, t.width) for n, t in key.fields.items()}
        fields = MappingProxyType({**cleared, "eth_type": kind})
        return replace(state, key=Key(fields, key.tags, labels))


def _first_label(key: Key) -> Term:
    kind = key.get("eth_type")
    six = b.eq(kind, b.bv(ETH_IPV6, 16))
    any_ip = b.or_(six, b.eq(kind, b.bv(ETH_IP, 16)))
    label = b.ite(six, b.bv(_EXPLICIT_NULL_6, 20), b.bv(0, 20))
    tc = b.ite(any_ip, b.extract(key.get("nw_tos"), 4, 2), b.bv(0, 3))
    ttl = key.get("nw_ttl")
    ttl = b.ite(b.and_(any_ip, b.ne(ttl, b.bv(0, 8))), ttl, b.bv(_DEFAULT_TTL, 8))
    return b.concat(label, tc, b.bv(1, 1), ttl)


def _is_port(came: Term) -> Term:
    """Whether the ingress port is one: an action may have written another number to it."""
    if came is b.extract(PORT, 15, 0):
        return TRUE
    return b.and_(b.ne(came, b.bv(0, 16)), b.ult(came, b.bv(FIRST_RESERVED, 16)))


def _on(ways: Ways) -> list[tuple[Way, bool]]:
    return [(way, True) for way in ways]


def _only_sent(state: State) -> State:
    """What is left of a state in the end: what was sent."""
    nothing = Key(MappingProxyType({}))
    frame = replace(state.frame, tags=(), labels=(), snap=(), rest=(), payload=0, macs=b.bv(0, 96), kind=b.bv(0, 16))
    return State(nothing, nothing, frame, state.sent)


def _rolled_back(after: State, before: State) -> State:
    if _DEAD in after.extra:
        return after
    return replace(after, key=before.key, written=before.written, extra=before.extra)


def _fits_popped(action: Action | OutputTo | SetTo) -> bool:
    if isinstance(action, SetField | SetTo):
        return action.field in _LAYER_2 or action.field == "vlan_tci"
    return isinstance(
        action, Output | OutputTo | OutputBits | PushVlan | PopVlan | ClearActions | WriteActions | ToMeter
    )


def _read(source: Bits, key: Key) -> Term:
    return b.extract(key.get(source.field), source.low + source.width - 1, source.low)


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


def _dec_ttl(state: State) -> list[tuple[Way, bool]]:
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


def _set_tci(action: SetField, state: State, span: Span) -> State:
    """The whole TCI at once makes or removes a tag (``flow_fix_vlan_tpid``)."""
    key = state.key
    if action.mask != 0xFFFF or len(key.tags) > 1 or (not action.value & CFI and action.value):
        raise Unsupported("a part of vlan_tci is written", span)
    if not action.value:
        return replace(state, key=replace(key, tags=()))
    tpid = key.tags[0][0] if key.tags else b.bv(0x8100, 16)
    return replace(state, key=replace(key, tags=((tpid, b.bv(action.value, 16)),)))


def _push_vlan(state: State, tpid: int, span: Span) -> State:
    if len(state.key.tags) >= MAX_TAGS:
        raise Unsupported(f"more than {MAX_TAGS} tags", span)
    tags = ((b.bv(tpid, 16), b.bv(CFI, 16)), *state.key.tags)
    return replace(state, key=replace(state.key, tags=tags))


def _pop_mpls(state: State, ethertype: int) -> Ways:
    """``compose_mpls_pop_action`` and ``flow_pop_mpls``."""
    key = state.key
    if not key.labels:
        return (w.Way(TRUE, state),)
    new = replace(key.with_field("eth_type", b.bv(ethertype, 16)), labels=key.labels[1:])
    uncovered = ethertype not in ETH_MPLS
    extra = (_POPPED,) if uncovered else state.extra
    if uncovered:
        new = replace(new, labels=())
    popped = replace(state, key=new, extra=extra)
    if len(key.labels) < MAX_LABELS:
        return (w.Way(TRUE, popped),)
    bottom = b.eq(b.extract(key.labels[-1], 8, 8), b.bv(1, 1))
    dead = replace(state, sent=(), extra=(_DEAD,))
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
    return (*first, *(a for a in written if isinstance(a, SetField | SetTo | Move)), *outputs)


assert set(PLAIN) | set(DERIVED) == set(FIELDS)
