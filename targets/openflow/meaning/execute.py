"""Tables and actions: ``xlate_actions``, ``do_xlate_actions`` (``ofproto/ofproto-dpif-xlate.c``), Open vSwitch 3.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning import ways as w
from ....semantics.meaning.behaviour import Output as Sent
from ....semantics.meaning.opened import Lookup
from ....semantics.meaning.ways import first_match, joined, under
from ....semantics.source import Span, Unsupported
from ..artifact import (
    ANY,
    CONTROLLER,
    FIELDS,
    FIRST_RESERVED,
    IN_PORT,
    LOCAL,
    Action,
    Bits,
    Bucket,
    Bundle,
    Clone,
    DecMplsTtl,
    DecTtl,
    Exit,
    Flow,
    Goto,
    Group,
    Output,
    OutputBits,
    PopMpls,
    Resubmit,
    ToGroup,
)
from .conjunctive import FIELD as CONJ_ID
from .conjunctive import Together
from .extract import View
from .opened import OpenFlows, OutputTo, SetTo
from .overlaps import Rivals
from .state import Key, State, one_of, send
from .steps import (
    BARE,
    EXITED,
    HASHED,
    POPPED,
    Way,
    Ways,
    dec_ttl,
    fits_bare,
    fits_popped,
    has,
    in_order,
    is_hashed,
    is_over,
    is_port,
    looked_up,
    marked,
    matches,
    on,
    only_sent,
    pop_mpls,
    port_lives,
    read_bits,
    rolled_back,
)
from .tables import Tables, is_rivals
from .writes import Writes

Tried = w.Tried[State]

MAX_DEPTH: Final = 64
"""``MAX_DEPTH``: tables and groups within one another."""
MAX_VISITS: Final = 1_000_000
"""Flows visited in one view: a bound on the size of the meaning."""


class Pipeline(Writes):
    """What the tables do with the frames of one view."""

    def __init__(self, tables: Tables, view: View) -> None:
        super().__init__(view)
        self.tables = tables
        self.lookups: list[Lookup] = []
        """Where tables that are left open are asked."""
        self.given: list[Term] = []
        """What is true of their answers."""
        self._visits = 0

    def run(self) -> tuple[Sent, ...]:
        """What is sent, in order."""
        finished = self._from(0, self.view.state, TRUE, None, 0)
        ended = joined(after for way in finished for after in self._run_set(way))
        sent: Ways = joined(w.Way(way.when, only_sent(way.state)) for way in ended)
        return tuple(replace(output, when=b.and_(way.when, output.when)) for way in sent for output in way.state.sent)

    def _run_set(self, way: Way) -> Iterable[Way]:
        """``xlate_action_set``."""
        if not way.state.written or is_over(way.state):
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
        if is_over(state):
            return (w.Way(TRUE, state),)
        if POPPED in state.extra:
            raise Unsupported("a table after pop_mpls, which looks at what it uncovered", self.tables.span)
        key = looked_up(state.key if port is None else state.key.with_field("in_port", port))
        opened = self.tables.open.get(number)
        if opened is not None:
            return self._open_table(opened, opened.key(key), state, when, depth)
        return self._entries(number, key, state, when, depth)

    def _entries(self, number: int, key: Key, state: State, when: Term, depth: int) -> Ways:
        tries: list[Tried] = []
        self.won.append(tries)
        for entry in self.tables.entries(number):
            if is_rivals(entry):
                found_here = self._rivals(entry, number, key, state, when, depth)
            else:
                those = [one for one in entry if isinstance(one, Together)]
                found_here = self._conjunctions(those, number, key, state, when, depth)
            tries += [tried for tried in found_here if tried.hit is not FALSE]
            if any(tried.hit is TRUE for tried in found_here):
                break
        self.won.pop()
        found = first_match(tries)
        return joined((*found.ways, w.Way(b.not_(found.hit), state)))

    def _rivals(self, flows: Rivals, number: int, key: Key, state: State, when: Term, depth: int) -> list[Tried]:
        """One flow, or several of one priority, any of which is found where more than one matches."""
        hits = [matches(flow, key) for flow in flows]
        if len(flows) > 1 and sum(hit is not FALSE for hit in hits) > 1:
            reason = f"of flows of priority {flows[0].priority} that overlap any is found"
            hits = self._drawn(f"table.{number}", reason, hits, flows[-1].span)
        return [
            w.Tried(hit, self._flow(flow, hit, number, state, when, depth))
            for flow, hit in zip(flows, hits, strict=True)
        ]

    def _flow(self, flow: Flow, hit: Term, number: int, state: State, when: Term, depth: int) -> Ways:
        """What a flow's actions do where it is hit."""
        if hit is FALSE:
            return ()
        self._spend(flow)
        return under(hit, self._list(flow.actions, state, flow.span, depth, b.and_(when, hit), number))

    def _conjunctions(
        self, those: Sequence[Together], number: int, key: Key, state: State, when: Term, depth: int
    ) -> list[Tried]:
        """Of several numbers that are found at one priority the switch takes any (the order of its subtables)."""
        tries = [self._together(one, number, key, state, when, depth) for one in those]
        if sum(tried.hit is not FALSE for tried in tries) < 2 or all(one.does_as(those[0]) for one in those):
            return tries
        reason = f"of conjunctions that are found at priority {those[0].priority} any is taken"
        takes = self._drawn(f"table.{number}", reason, [tried.hit for tried in tries], those[-1].first.span)
        return [w.Tried(taken, under(taken, tried.ways)) for taken, tried in zip(takes, tries, strict=True)]

    def _together(self, those: Together, number: int, key: Key, state: State, when: Term, depth: int) -> Tried:
        """Flows that match together, and what the table finds when it is asked with their number."""
        complete = b.and_(*(b.or_(*(matches(flow, key) for flow in clause)) for clause in those.clauses))
        if complete is FALSE:
            return w.Tried(FALSE, ())
        again = key.with_field(CONJ_ID, b.bv(those.number, FIELDS[CONJ_ID].width))
        here = b.and_(when, complete)
        tries = [
            tried
            for flows in those.leads_to
            for tried in self._rivals(flows, number, again, state, here, depth)
            if tried.hit is not FALSE
        ]
        found = first_match(tries)
        return w.Tried(b.and_(complete, found.hit), under(complete, found.ways))

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
                    (following if goes_on and not is_over(after.state) else ended).append(found)
            live = joined(following)
        return joined((*ended, *live))

    def _one(
        self, action: Action | OutputTo | SetTo, state: State, span: Span, depth: int, when: Term, table: int
    ) -> list[tuple[Way, bool]]:
        """What one action does, and whether the list goes on."""
        _check_labels(action, state, span)
        match action:
            case Goto(target):
                if target <= table:
                    raise Unsupported(f"goto_table:{target} in table {table}", span)
                return [(w.Way(TRUE, state, target), True)]
            case Resubmit(port, target):
                return on(self._resubmit(port, table if target is None else target, state, span, depth, when))
            case ToGroup(number):
                return on(self._group(self.tables.group(number, span), state, span, depth, when))
            case Output(port):
                return on(self._output(b.bv(port, 16), state, span))
            case OutputTo(to):
                return on(self._sent(b.ne(to, state.key.get("in_port")), to, state, span))
            case OutputBits(source):
                return on(self._output_bits(source, state, span, when))
            case DecTtl():
                return dec_ttl(state)
            case DecMplsTtl():
                return self._dec_mpls_ttl(state, span, when)
            case PopMpls(ethertype):
                return on(pop_mpls(state, ethertype))
            case _:
                return self._one_of_nicira(action, state, span, depth, when, table)

    def _one_of_nicira(
        self, action: Action | SetTo, state: State, span: Span, depth: int, when: Term, table: int
    ) -> list[tuple[Way, bool]]:
        """The same for those that OpenFlow has not, and for those with one outcome."""
        match action:
            case Exit():
                return [(w.Way(TRUE, marked(state, EXITED)), False)]
            case Clone(inner):
                return on(self._clone(inner, state, span, depth, when, table))
            case Bundle():
                return on(self._bundle(action, state, span))
            case _:
                return [(w.Way(TRUE, self._simple(action, state, span, when)), True)]

    def _output(self, port: Term, state: State, span: Span) -> Ways:
        """``xlate_output_action`` for a port that is known; never back to where the frame came from.

        A frame that is not sent is not committed either.
        """
        came = state.key.get("in_port")
        if port is b.bv(CONTROLLER, 16):
            return (w.Way(TRUE, send(self._committed(state, span), TRUE, "stack", b.bv(0, 32))),)
        if port is b.bv(IN_PORT, 16):
            return self._sent(is_port(came), came, state, span)
        return self._sent(b.ne(port, came), port, state, span)

    def _output_bits(self, source: Bits, state: State, span: Span, when: Term) -> Ways:
        """``xlate_output_reg_action``: what is no port's number goes nowhere."""
        came = state.key.get("in_port")
        value = read_bits(source, state.key)
        low = b.resize(value, 16)
        fits = b.eq(b.resize(low, max(source.width, 16)), b.resize(value, max(source.width, 16)))
        fits = b.and_(fits, has(state.key, source.needs))
        number = b.and_(b.ult(low, b.bv(FIRST_RESERVED, 16)), b.ne(low, b.bv(0, 16)))
        ordinary = b.and_(fits, b.or_(number, b.eq(low, b.bv(LOCAL, 16))))
        back = b.and_(fits, b.eq(low, b.bv(IN_PORT, 16)), is_port(came))
        ours = one_of(low, (IN_PORT, LOCAL, 0xFFFF))
        reserved = b.and_(fits, b.uge(low, b.bv(FIRST_RESERVED, 16)), b.not_(ours))
        self._fault(b.and_(when, reserved), "output to a reserved port, which depends on the bridge", span, unsaid=True)
        return self._sent(b.or_(b.and_(ordinary, b.ne(low, came)), back), b.ite(back, came, low), state, span)

    def _sent(self, when: Term, port: Term, state: State, span: Span) -> Ways:
        if when is FALSE:
            return (w.Way(TRUE, state),)
        after = send(self._committed(state, span), TRUE, "port", b.zext(port, 32))
        return joined((w.Way(when, after), w.Way(b.not_(when), state)))

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
        hashed = is_hashed(group) and HASHED not in state.extra
        return self._chosen(group, marked(state, HASHED) if hashed else state, depth, when)

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
        takes = live
        if group.kind == "select" and len(buckets) > 1:
            takes = self._bucket_drawn(group, state.chosen, live)
            state = replace(state, chosen=state.chosen + 1)
        left = TRUE
        found: list[Way] = []
        for bucket, taken in zip(buckets, takes, strict=True):
            here = b.and_(left, taken)
            if here is not FALSE:
                found += under(here, self._bucket(bucket, state, group.span, depth, b.and_(when, here)))
            left = b.and_(left, b.not_(taken))
        return joined((*found, w.Way(left, state)))

    def _lives(self, bucket: Bucket, span: Span, within: tuple[int, ...]) -> Term:
        """``bucket_is_alive``: it watches nothing, or a port that is up, or a group with a bucket that lives."""
        if bucket.watch is None and bucket.watch_group is None:
            return TRUE
        alive = FALSE
        if bucket.watch is not None:
            alive = port_lives(bucket.watch)
        if bucket.watch_group is not None:
            if bucket.watch_group in within:
                raise Unsupported(f"group {bucket.watch_group} watches itself", span)
            other = self.tables.group(bucket.watch_group, span)
            inner = (*within, other.number)
            alive = b.or_(alive, *(self._lives(one, other.span, inner) for one in other.buckets))
        return alive

    def _bucket(self, bucket: Bucket, state: State, span: Span, depth: int, when: Term) -> Ways:
        """A bucket is an action set; the key is then as before, what was sent and committed stays."""
        if is_over(state):
            return (w.Way(TRUE, state),)
        ways = self._list(in_order(bucket.actions), state, span, depth + 1, when)
        return joined(replace(way, state=rolled_back(way.state, state)) for way in ways)

    def _clone(self, actions: tuple[Any, ...], state: State, span: Span, depth: int, when: Term, table: int) -> Ways:
        """``clone_xlate_actions``: the key, the stack and the action set are then as before; what was committed stays,
        and is written back before the frame is sent again. What ends the clone by ``exit`` ends everything, and so does
        a group for which the datapath hashes the frame first: ``finish_freezing`` does not take back that the clone
        was left for that. Not so in a bucket (``xlate_group_bucket``)."""
        if depth >= MAX_DEPTH:
            raise Unsupported(f"clones more than {MAX_DEPTH} deep in one another", span)
        ways = self._list(actions, state, span, depth + 1, when, table)
        ended = [after for way in ways for after in self._run_set(way)]
        if HASHED not in state.extra:
            ended = [
                replace(way, state=marked(way.state, EXITED)) if HASHED in way.state.extra else way for way in ended
            ]
        return joined(way if is_over(way.state) else replace(way, state=rolled_back(way.state, state)) for way in ended)

    def _bundle(self, action: Bundle, state: State, span: Span) -> Ways:
        """``xlate_bundle_action``, ``bundle_execute``: a member that lives; if none does, port ``none``."""
        live = [port_lives(member) for member in action.members]
        takes = live if action.first else self._drawn("bundle", "a bundle chooses a port", live, span)
        left = TRUE
        found: list[Way] = []
        for member, taken in zip((*action.members, ANY), (*takes, TRUE), strict=True):
            here = b.and_(left, taken)
            if here is not FALSE:
                found += under(here, self._to_member(member, action, state, span))
            left = b.and_(left, b.not_(taken))
        return joined(found)

    def _to_member(self, member: int, action: Bundle, state: State, span: Span) -> Ways:
        if action.target is not None:
            value = b.resize(b.bv(member, 16), action.target.width)
            return (w.Way(TRUE, self._write_bits(action.target, value, state, span, TRUE)),)
        return (w.Way(TRUE, state),) if member == ANY else self._output(b.bv(member, 16), state, span)


def _check_labels(action: Action | OutputTo | SetTo, state: State, span: Span) -> None:
    """Raises Unsupported for an action on what is not known after labels were popped."""
    if POPPED in state.extra and not fits_popped(action):
        raise Unsupported("an action after pop_mpls that looks at what it uncovered", span)
    if BARE in state.extra and not fits_bare(action):
        text = "an action on labels after the last was popped, of which the type says there are more"
        raise Unsupported(text, span)
