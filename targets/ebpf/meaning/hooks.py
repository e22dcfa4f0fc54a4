"""What the kernel does before a program runs and with what it returns, at the hooks that are modelled.

tc ingress: ``__netif_receive_skb_core`` and ``sch_handle_ingress`` (net/core/dev.c), ``skb_vlan_untag`` (skbuff.c),
``cls_bpf_classify`` with direct action (net/sched/cls_bpf.c) or ``tcx_run`` (dev.c), ``skb_do_redirect`` (filter.c).
tc egress: see :mod:`.egress`; what passes is sent on.
XDP: ``do_xdp_generic`` (dev.c); native XDP gives the same verdicts. Behind a redirect through a map:
``dev_map_bpf_prog_run`` (kernel/bpf/devmap.c; frames only go on) and ``cpu_map_bpf_prog_run`` (cpumap.c; or elsewhere).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH, PORT, Case, Event, Output, Packet, byte, input_bytes
from ....semantics.source import Unsupported
from ..artifact.program import INNER, MapDef
from ..artifact.shortest import ETH_HLEN
from . import egress, elements
from .context import SKB, XDP_DEVMAP
from .context import XDP as XDP_FIELDS
from .ends import ADDRESSES, may_reach_trailer
from .hash import GIVEN, NOT_GIVEN
from .helpers_maps import HASHES, NUMBER_BITS
from .helpers_skb import TC, TC_ACT_REDIRECT, TC_ACT_SHOT
from .helpers_vlan import is_vlan, protocol_of, with_tag
from .helpers_xdp import XDP, XDP_PASS, XDP_REDIRECT, XDP_TX
from .machine import Host, start_registers
from .memory import PRESENT
from .state import NEXT_HOP, NO_NEXT_HOP, REDIRECTS, TUNNEL, Layout, State, Vlan, redirected_to, shorter_than
from .store import Store

HookName = Literal["tc", "tcx", "tc_egress", "tcx_egress", "xdp", "xdp_devmap", "xdp_cpumap"]
XDPS: Final = ("xdp", "xdp_devmap", "xdp_cpumap")
EGRESS: Final = ("tc_egress", "tcx_egress")

UNTAG_LENGTH: Final = 20
"""A tagged frame that is shorter is dropped (``skb_vlan_untag`` wants two bytes behind the tag)."""

_TC: Final = Host(SKB, TC, legacy_loads=True)
_TC_EGRESS: Final = Host(egress.FIELDS, TC, legacy_loads=True)
_XDP: Final = Host(XDP_FIELDS, XDP)
HOOKS: Final[Mapping[HookName, Host]] = {
    "tc": _TC, "tcx": _TC, "tc_egress": _TC_EGRESS, "tcx_egress": _TC_EGRESS, "xdp": _XDP,
    "xdp_devmap": Host(XDP_DEVMAP, XDP), "xdp_cpumap": _XDP,
}  # fmt: skip

TC_ACT_STOLEN, TC_ACT_TRAP = 4, 8

REPORTED: Final = {
    "mark": ("mark", 32),
    "priority": ("priority", 32),
    "tc_classid": ("classid", 16),
    "tc_index": ("tc_index", 16),
    "queue_mapping": ("queue_mapping", 16),
    "tstamp": ("tstamp", 64),
    "pkt_type": ("pkt_type", 3),
}
"""Metadata fields that leave with the packet → their names in :attr:`Case.metadata`, and their widths."""
CLASS_BITS: Final = 32
"""Those of a class id as it is told, which other classifiers may give more bits than programs can."""


@dataclass(frozen=True, slots=True)
class Start:
    """The states in which a program starts, and the cases in which it never does."""

    states: list[State]
    cases: list[Case]


def without_tag() -> Term:
    """That a frame has no VLAN tag in front."""
    return b.not_(is_vlan(input_bytes(12, 2)))


def start(hook: HookName, shortest: int, *, tagless: bool = False) -> Start:
    """What the kernel does to a frame of at least ``shortest`` bytes before the program at ``hook`` runs; ``tagless``
    ones have no VLAN tag. What maps hold is left to the caller."""
    whole = b.not_(shorter_than(shortest))
    if hook in XDPS:
        return Start([_state(whole, Layout(), shortest, None, {})], [])
    if hook in EGRESS:
        return Start(egress.starts(begun, shortest), [])
    kind = input_bytes(12, 2)
    tagged = is_vlan(kind)
    plain = _state(
        b.and_(whole, b.not_(tagged)),
        Layout(),
        shortest,
        None,
        _metadata(protocol_of(kind, input_bytes(14, 2), 16)),
    )
    if tagless:
        return Start([plain], [])
    vlan = Vlan(kind, input_bytes(14, 2))
    inside = Layout(tuple(byte(i) for i in range(12)), 16, beside=4)
    fields = _metadata(protocol_of(input_bytes(16, 2), input_bytes(18, 2), UNTAG_LENGTH))
    enough = max(shortest, UNTAG_LENGTH)
    untagged = _state(b.and_(b.not_(shorter_than(enough)), tagged), inside, enough, vlan, fields)
    if shortest >= UNTAG_LENGTH:
        return Start([plain, untagged], [])
    cut = Case(b.and_(whole, tagged, shorter_than(UNTAG_LENGTH)), ())
    return Start([plain, untagged], [cut])


def _state(
    guard: Term,
    layout: Layout,
    shortest: int,
    vlan: Vlan | None,
    fields: dict[str, Term],
) -> State:
    fields = fields | {"redirect": b.bv(0, 32), "redirect_index": b.bv(0, 32), "redirected": redirected_to(None)}
    sizes = {LENGTH: (shortest, 0xFFFF)}
    return State(guard, 0, start_registers(), layout, shortest, {}, (), vlan, fields, ranges=sizes)


def begun(guard: Term, layout: Layout, shortest: int, vlan: Vlan | None, protocol: Term | None) -> State:
    """A program that begins on a frame; ``protocol`` is what the stack takes it for (None: at XDP, which has none)."""
    return _state(guard, layout, shortest, vlan, {} if protocol is None else _metadata(protocol))


def _metadata(protocol: Term) -> dict[str, Term]:
    kept = {f.name: b.var(f"in.{f.name}", f.width) for f in SKB if f.kind in ("kept", "bytes", "noted")}
    return kept | {
        NEXT_HOP: NO_NEXT_HOP,
        TUNNEL: b.bv(0, 64),
        GIVEN: NOT_GIVEN,
        "hash": b.var("in.ebpf.hash", 32),
        "protocol": protocol,
        "tc_classid": b.bv(0, 16),
        "hashed": b.bv(0, 1),
        "encapsulated": b.bv(0, 1),
        "l2": b.bv(ETH_HLEN, 16),
    }


def changed_metadata(states: Sequence[State]) -> frozenset[str]:
    """The reported fields that some of the paths leave with a packet changed."""
    return frozenset(
        field
        for state in states
        for field, (_, width) in REPORTED.items()
        if field in state.fields and state.fields[field] is not _before(field, width)
    )


def finish(
    hook: HookName, state: State, written: frozenset[str], maps: Mapping[str, MapDef], changed: frozenset[str],
    *, hashes: bool = False,
) -> Case:  # fmt: skip
    """What the kernel does when the program has ended in ``state``.

    Args:
        hook: where the program ran.
        state: its end; R0 holds what it returned.
        written: the state that it may have changed.
        maps: the program's maps by name.
        changed: the metadata that is told, see :func:`changed_metadata`.
        hashes: whether the hash that the program has given a packet is told, as an event: queues and next hops are
            chosen by it.
    """
    returned = state.regs[0]
    assert isinstance(returned, Term)
    code = b.extract(returned, 31, 0)
    packet = finish_frame(state)
    outputs = tuple(o for o in _outputs(hook, state, code, packet) if o.when is not b.FALSE)
    sent = b.or_(*(o.when for o in outputs))
    metadata = _metadata_after(state, changed, sent) | _in_front(state.layout, sent) if outputs else {}
    events = [*state.events, *_at_the_end(state, NEXT_HOP, [o.when for o in outputs if o.to == "neighbour"])]
    events += _at_the_end(state, TUNNEL, [sent])
    if hashes:
        events += _at_the_end(state, GIVEN, [sent])
    return Case(state.guard, (*state.sent, *outputs), metadata, _state_after(state, written, maps), tuple(events))


def _at_the_end(state: State, name: str, whens: Sequence[Term]) -> list[Event]:
    """The event ``name`` with what the field of this name holds behind its first bit, if that is set, for a packet that
    is sent where ``whens`` say."""
    held = state.fields.get(name, b.bv(0, 2))
    top = held.width - 1
    when = b.and_(b.or_(*whens), b.to_bool(b.extract(held, top, top)))
    return [] if when is b.FALSE else [Event(when, name, (b.extract(held, top - 1, 0),))]


def _metadata_after(state: State, changed: frozenset[str], sent: Term) -> dict[str, Term]:
    """The ``changed`` fields; of a frame that goes nowhere nobody sees them, so they count as unchanged."""
    after = {}
    for field in sorted(changed):
        name, term = REPORTED[field][0], state.fields[field]
        width = CLASS_BITS if name == "classid" else term.width  # as what comes in is read
        after[name] = b.ite(sent, b.zext(term, width), b.var(f"in.{name}", width))
    return after


METADATA_LENGTH: Final = b.var("in.meta_len", 32)
"""Bytes of metadata in front of a frame that comes in: none."""


def _in_front(layout: Layout, sent: Term) -> dict[str, Term]:
    """The metadata in front of a frame at XDP, if there is any; whoever gets the frame reads it."""
    told = {"meta_len": b.bv(layout.meta, 32)} | {f"meta[{i}]": term for i, term in enumerate(layout.metadata)}
    if not layout.meta:
        return {}
    return {name: b.ite(sent, term, b.var(f"in.{name}", term.width)) for name, term in told.items()}


def finish_frame(state: State) -> Packet:
    """The frame on the wire as the paths have left it."""
    if state.vlan is None:
        return _trimmed(state.layout)
    if may_reach_trailer(state, ADDRESSES):
        raise Unsupported("a tag in front of what was put behind a packet")
    return _trimmed(with_tag(state.layout, state.vlan))


def _before(field: str, width: int) -> Term:
    """What a reported field holds when the program starts."""
    return b.bv(0, width) if field == "tc_classid" else b.var(f"in.{field}", width)


def _trimmed(layout: Layout) -> Packet:
    """The frame, with bytes that are the input's own left to the payload."""
    prefix, payload = list(layout.prefix), layout.payload
    while prefix and payload and prefix[-1] is byte(payload - 1):
        prefix.pop()
        payload -= 1
    return Packet(tuple(prefix), payload, layout.size, layout.trailer, layout.filled)


def _outputs(hook: HookName, state: State, code: Term, packet: Packet) -> list[Output]:
    def is_code(*numbers: int) -> Term:
        return b.or_(*(b.eq(code, b.bv(n, 32)) for n in numbers))

    nowhere, target = b.bv(0, 32), state.fields["redirect"]
    redirect = is_code(XDP_REDIRECT if hook in XDPS else TC_ACT_REDIRECT)
    redirects = [
        Output(b.and_(redirect, b.eq(state.fields["redirected"], redirected_to(to))), to, target, packet)
        for to in REDIRECTS
    ]
    if hook in XDPS:
        passed = Output(is_code(XDP_PASS), "stack", nowhere, packet)
        sent_back = [Output(is_code(XDP_TX), "port", PORT, packet)] if hook == "xdp" else []
        return [passed, *sent_back, *(redirects if hook != "xdp_devmap" else [])]
    taken = [TC_ACT_SHOT, TC_ACT_REDIRECT]
    if hook in ("tc", "tc_egress"):  # tcx takes these two for "next program", cls_bpf for the end of the packet
        taken += [TC_ACT_STOLEN, TC_ACT_TRAP]
    return [
        Output(b.not_(is_code(*taken)), "stack", nowhere, packet),
        *redirects,
    ]


def _state_after(state: State, written: frozenset[str], maps: Mapping[str, MapDef]) -> dict[str, Term]:
    """Cells after the packet; the value of an element that is not there counts as 0."""
    after = {}
    for name in sorted(written):
        item = maps[name.removesuffix(PRESENT)]
        extra = NUMBER_BITS if item.name.endswith(INNER) else 0
        index = b.var(f"at.map.{name}", 8 * item.key_size + extra)
        after[f"map.{name}"] = _store_after(state, item, name).read(index)
        if name == item.name and item.type in HASHES and name + PRESENT in written:
            there = b.to_bool(state.stores[name + PRESENT].read(b.var(f"at.map.{name}", index.width)))
            after[f"map.{name}"] = b.ite(there, after[f"map.{name}"], b.bv(0, 8 * item.value_size))
    return after


def _store_after(state: State, item: MapDef, name: str) -> Store:
    if name != item.name or not elements.is_single(item):
        return state.stores[name]
    held, found = elements.before(item), elements.after(item, state)
    return state.stores[name] if found is held else state.stores[name].write(b.bv(0, 8 * item.key_size), found)
