"""The commands of a flow file, a bundle or messages, applied to a bridge that is empty: what it has in the end.

Follows ``ofproto/ofproto.c`` of Open vSwitch 3.1 (``add_flow_start``, ``modify_flows_start__``, ``collect_rules_loose``
and ``_strict``, ``modify_group_start``, ``delete_group_start``). What the switch refuses is an error. OpenFlow 1.0
differs from later versions, and a file does not say which one is spoken: there, commands are applied in each version
that can be meant, side by side, and a command that does something else in one of them is not guessed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ....semantics.source import InputError, Span, Unsupported
from .changed_groups import changed
from .flows import Action, Bridge, Flow, Group, Masked, Meter, Opaque, Output, ToGroup, ToMeter
from .steps import (
    ALL_COOKIE,
    FlowChange,
    GroupChange,
    MeterChange,
    PacketOut,
    Refused,
    Step,
    Version,
    flat,
    flow_of,
    is_change,
)

_CFI: Final = 0x1000
_OF_OWN_FLOWS: Final = frozenset(["reg0"])
"""What flows match that the switch keeps in its own table (``add_internal_flows``); only a cookie leads to them."""
_Key = tuple[int, tuple[Masked, ...]]
_Done = tuple[object, ...]
"""What a command did, so that two versions can be compared."""


def applied(
    steps: Sequence[Step],
    versions: Sequence[Version],
    *,
    bundles: Sequence[range] = (),
    told: Span | None = None,
    shown: bool = False,
    where: Sequence[str] = (),
) -> Bridge:
    """What is there after the steps; just what they say, if none changes or takes away what was there.

    Sound because each command either is executed as the switch does it, in every version that may be spoken with the
    same effect, or there is no bridge at all.

    Args:
        steps: in their order.
        versions: those of OpenFlow that may be spoken.
        bundles: the steps of each bundle.
        told: where the file also tells what a switch has, if it does.
        shown: whether the file surely is what a switch shows, if nothing in it is a command.
        where: what an error says before anything else, for each step.

    Raises:
        InputError: the switch refuses a command; with its place.
        Unsupported: it is not known what the switch does, with the command's place.
    """
    where = where or [""] * len(steps)
    if not any(map(is_change, steps)):
        if not shown:
            _check_not_refused(steps)
        return _as_said(steps, where)
    if told is not None:
        raise Unsupported("what a switch has, beside commands that change it", told)
    _check_no_tag(steps)
    switches = [_Switch(version, steps) for version in versions]
    starts = {bundle.start for bundle in bundles}
    ends = {bundle.stop for bundle in bundles}
    for i, step in enumerate(steps):
        for switch in switches:
            switch.publish(i in ends, i in starts)
        done = [_attempt(switch, step, where[i]) for switch in switches]
        if any(one != done[0] for one in done):
            said = "a command that does something else in OpenFlow 1.0 than in later versions, and none is said"
            raise Unsupported(f"{where[i]}{said}", step.span)
        if isinstance(done[0], Refused):
            raise InputError.at(step.span, f"{where[i]}the switch refuses this: {done[0]}")
    left = switches[-1].left()
    if not left.flows and not left.groups:
        raise InputError.at(steps[-1].span, "these commands leave no flow")
    return left


def _as_said(steps: Sequence[Step], where: Sequence[str]) -> Bridge:
    flows = tuple(flow for flow in map(flow_of, steps) if flow is not None)
    groups: dict[int, Group] = {}
    meters: dict[int, Meter] = {}
    for step, at in zip(steps, where, strict=True):
        if isinstance(step, Group):
            if step.number in groups:
                raise InputError.at(step.span, f"{at}group {step.number} is there twice")
            groups[step.number] = step
        elif isinstance(step, Meter):
            if step.number in meters:
                raise InputError.at(step.span, f"{at}meter {step.number} is there twice")
            meters[step.number] = step
    return Bridge(flows, tuple(groups.values()), meters=tuple(meters.values()))


def _check_not_refused(steps: Sequence[Step]) -> None:
    """Flows without a command may be some to add, of which the switch refuses one that says ``check_overlap``
    (``add_flow_start``), or what it shows: there the other one has come later. Raises Unsupported: they are not the
    same."""
    if not any(isinstance(step, FlowChange) and step.check_overlap for step in steps):
        return
    before: dict[tuple[int, int], dict[tuple[Masked, ...], Flow]] = {}
    for step in steps:
        flow = flow_of(step)
        if flow is None:
            continue
        alike = before.setdefault((flow.table, flow.priority), {})
        asks = isinstance(step, FlowChange) and step.check_overlap and flow.match not in alike
        others = alike.values() if asks else ()
        other = next((one for one in others if _overlap(one.match, flow.match)), None)
        if other is not None:
            said = "the switch refuses it if it is added after that, and may have both"
            raise Unsupported(f"check_overlap of a flow that overlaps the one of {other.span}: {said}", flow.span)
        alike[flow.match] = flow


def _check_no_tag(steps: Sequence[Step]) -> None:
    """Of the ways to ask for frames without a tag some become another one on the way to the switch
    (``nx_put_raw``: what asks for no priority, number and tag asks for no number and tag), so that flows may be alike
    for it that are not as they are written."""
    seen: set[Masked] = set()
    for step in steps:
        flow = flow_of(step)
        if flow is not None:
            seen |= {m for m in flow.match if m.field == "vlan_tci" and not m.value & _CFI}
        if len(seen) > 1 and any(m.mask & _CFI for m in seen):
            raise Unsupported("two ways to ask for frames without a tag, in a file that changes flows", step.span)


def _attempt(switch: _Switch, step: Step, where: str) -> _Done | Refused:
    try:
        return switch.take(step)
    except Refused as reason:
        return reason
    except Unsupported as reason:
        raise Unsupported(f"{where}{reason.reason}", reason.span) from None


class _Switch:
    """The tables of a bridge, as one version of OpenFlow changes them."""

    def __init__(self, version: Version, steps: Sequence[Step]) -> None:
        self._version = version
        self._flows: dict[int, dict[_Key, Flow]] = {}
        self._groups: dict[int, Group] = {}
        self._meters: dict[int, Meter] = {}
        self._named = _Named(steps)
        self._published: dict[int, set[Hashable]] | None = None
        """In a bundle, the masks of each table's flows when it began.

        Open vSwitch 3.1 publishes new masks when a bundle ends (``classifier_insert``, ``lib/pvector.c``). Before, a
        command that asks loosely finds flows with a new mask only if the table has room, which is as its past was.
        """

    def left(self) -> Bridge:
        """What there is."""
        flows = tuple(flow for number in sorted(self._flows) for flow in self._flows[number].values())
        return Bridge(flows, tuple(self._groups.values()), meters=tuple(self._meters.values()))

    def publish(self, ends: bool, starts: bool) -> None:
        """Whether a bundle ends before the next step, and whether one starts."""
        if ends:
            self._published = None
        if starts:
            self._published = {number: set(map(_mask, table.values())) for number, table in self._flows.items()}

    def take(self, step: Step) -> _Done:
        """One step. Raises Refused, Unsupported."""
        match step:
            case Flow():
                return self._add(step)
            case FlowChange(verb="add"):
                return self._add(step.flow, check_overlap=step.check_overlap)
            case FlowChange(verb="modify"):
                return self._modify(step)
            case FlowChange():
                found = self._collect(step)
                for table, key in found:
                    del self._flows[table][key]
                return tuple(found)
            case Group():
                self._new_group(step)
            case GroupChange():
                self._change_group(step)
            case Meter():
                if step.number in self._meters:
                    raise Refused(f"meter {step.number} is there")
                self._meters[step.number] = step
            case MeterChange():
                self._change_meter(step)
            case PacketOut():
                self._check_leads(step.actions, step.span)
        return ()

    # --- flows --------------------------------------------------------------------------------------------------------

    def _add(self, flow: Flow, *, check_overlap: bool = False) -> _Done:
        """``add_flow_start``: a flow of the same match and priority is replaced."""
        self._check_leads(flow.actions, flow.span)
        table = self._flows.setdefault(flow.table, {})
        key = (flow.priority, flow.match)
        old = table.get(key)
        if old is None and check_overlap:
            self._check_overlap(flow)
        if old is not None and old.unmodelled != flow.unmodelled:
            raise Unsupported("flows that differ by matches that are not modelled", flow.span)
        if old is not None and flow.cookie == ALL_COOKIE:
            flow = replace(flow, cookie=old.cookie)
        table[key] = flow
        return "add", flow.table, key

    def _check_overlap(self, flow: Flow) -> None:
        for other in self._flows[flow.table].values():
            if other.priority == flow.priority and _overlap(other.match, flow.match):
                if self._published is not None:
                    raise Unsupported(f"check_overlap in a bundle, which may miss the flow of {other.span}", flow.span)
                if other.unmodelled and flow.unmodelled:
                    raise Unsupported("flows that may overlap by matches that are not modelled", flow.span)
                raise Refused(f"it overlaps the flow of {other.span}")

    def _modify(self, change: FlowChange) -> _Done:
        """``modify_flows_start__``: new actions; where there is no flow, OpenFlow 1.0 adds one."""
        found = self._collect(change)
        if not found:
            return self._add(change.flow) if self._version == "1.0" and not change.cookie_mask else ()
        self._check_leads(change.flow.actions, change.span)
        for table, key in found:
            old = self._flows[table][key]
            cookie = old.cookie
            if self._version == "1.0" and change.new_cookie not in (None, ALL_COOKIE):
                cookie = change.flow.cookie
            new = replace(old, actions=change.flow.actions, cookie=cookie, span=change.span)
            self._flows[table][key] = new
        return "modify", *found

    def _collect(self, change: FlowChange) -> list[tuple[int, _Key]]:
        """``collect_rules_strict``, ``collect_rules_loose``: which flows are meant."""
        flow = change.flow
        if flow.unmodelled:
            raise Unsupported(f"a command for flows that match {flow.unmodelled[0][:60]}", change.span)
        everywhere = change.table is None and (change.verb == "delete" or self._version == "1.0")
        found = [
            one for table in (list(self._flows) if everywhere else [flow.table]) for one in self._in(table, change)
        ]
        by_cookie = change.cookie_mask == ALL_COOKIE and not change.cookie
        if everywhere and by_cookie and not found and {m.field for m in flow.match} <= _OF_OWN_FLOWS:
            raise Unsupported("a command that means no flow but some that the switch has for itself", change.span)
        return found

    def _in(self, number: int, change: FlowChange) -> Iterator[tuple[int, _Key]]:
        """Those of one table."""
        table = self._flows.get(number, {})
        key = (change.flow.priority, change.flow.match)
        for one in ([key] if key in table else []) if change.strict else list(table):
            there = table[one]
            if change.strict and there.unmodelled:
                raise Unsupported("flows that differ by matches that are not modelled", change.span)
            if _within(there.match, change.flow.match) and _is_meant(there, change):
                self._check_seen(there, change)
                yield number, one

    def _check_seen(self, flow: Flow, change: FlowChange) -> None:
        """Strict commands, and those that ask for a whole cookie, find flows without their mask."""
        loose = not change.strict and change.cookie_mask != ALL_COOKIE
        if loose and self._published is not None and _mask(flow) not in self._published.get(flow.table, ()):
            raise Unsupported(f"a command in a bundle, which may miss the flow of {flow.span}", change.span)

    def _check_leads(self, actions: tuple[Action, ...], span: Span) -> None:
        """``ofproto_check_ofpacts``: groups and meters have to be there; those that no command tells of may be."""
        for action in flat(actions):
            if isinstance(action, ToGroup) and self._named.group(action.group) and action.group not in self._groups:
                raise Refused(f"group {action.group} is not there")
            if isinstance(action, ToMeter) and self._named.meter(action.meter) and action.meter not in self._meters:
                raise Refused(f"meter {action.meter} is not there")

    # --- groups and meters --------------------------------------------------------------------------------------------

    def _new_group(self, group: Group) -> None:
        if group.number in self._groups:
            raise Refused(f"group {group.number} is there")
        self._groups[group.number] = group

    def _change_group(self, change: GroupChange) -> None:
        number = change.group.number
        if change.verb == "delete":
            for one in list(self._groups) if change.all else [number] if number in self._groups else []:
                del self._groups[one]
                self._drop(ToGroup(one), change.span)
            return
        if change.verb == "add_or_mod" and number not in self._groups:
            self._new_group(change.group)
            return
        if number not in self._groups:
            raise Refused(f"group {number} is not there")
        self._groups[number] = changed(self._groups[number], change)

    def _change_meter(self, change: MeterChange) -> None:
        number = change.meter.number
        if change.verb == "delete":
            for one in list(self._meters) if change.all else [number] if number in self._meters else []:
                del self._meters[one]
                self._drop(ToMeter(one), change.span)
        elif number not in self._meters:
            raise Refused(f"meter {number} is not there")
        else:
            self._meters[number] = change.meter

    def _drop(self, leads: ToGroup | ToMeter, span: Span) -> None:
        """Flows that lead to what is taken away go with it."""
        for table in self._flows.values():
            for key in [key for key, flow in table.items() if _leads_to(flow, leads, span)]:
                del table[key]


class _Named:
    """Groups and meters that some step tells of. Others may be in the switch, as where files only add."""

    def __init__(self, steps: Sequence[Step]) -> None:
        groups = [step for step in steps if isinstance(step, GroupChange)]
        meters = [step for step in steps if isinstance(step, MeterChange)]
        self._all_groups = any(step.all for step in groups)
        self._all_meters = any(step.all for step in meters)
        self._groups = {step.group.number for step in groups} | {s.number for s in steps if isinstance(s, Group)}
        self._meters = {step.meter.number for step in meters} | {s.number for s in steps if isinstance(s, Meter)}

    def group(self, number: int) -> bool:
        """Whether some step tells of it."""
        return self._all_groups or number in self._groups

    def meter(self, number: int) -> bool:
        """Whether some step tells of it."""
        return self._all_meters or number in self._meters


def _mask(flow: Flow) -> Hashable:
    """Which bits a flow asks for."""
    return tuple((m.field, m.mask) for m in flow.match), flow.unmodelled


def _within(there: tuple[Masked, ...], asked: tuple[Masked, ...]) -> bool:
    """``cls_rule_is_loose_match``: a flow asks for all that the command asks for."""
    by_field: Mapping[str, Masked] = {m.field: m for m in there}
    for m in asked:
        own = by_field.get(m.field)
        if own is None or own.mask & m.mask != m.mask or own.value & m.mask != m.value:
            return False
    return True


def _overlap(one: tuple[Masked, ...], other: tuple[Masked, ...]) -> bool:
    """``classifier_rule_overlaps``: no field is asked for in ways that exclude each other."""
    by_field = {m.field: m for m in one}
    return not any(
        m.field in by_field and (m.value ^ by_field[m.field].value) & m.mask & by_field[m.field].mask for m in other
    )


def _is_meant(flow: Flow, change: FlowChange) -> bool:
    """Cookie, port and group that a command asks for."""
    if (flow.cookie ^ change.cookie) & change.cookie_mask:
        return False
    listed = list(flat(flow.actions))
    if change.out_port is not None:
        opaque = next((one for one in listed if isinstance(one, Opaque)), None)
        if opaque is not None:
            raise Unsupported(f"out_port, beside a flow that does {opaque.text[:60]}", change.span)
        if Output(change.out_port) not in listed:
            return False
    return change.out_group is None or _leads_to(flow, ToGroup(change.out_group), change.span)


def _leads_to(flow: Flow, leads: ToGroup | ToMeter, span: Span) -> bool:
    listed = list(flat(flow.actions))
    word = "group" if isinstance(leads, ToGroup) else "meter"
    if any(isinstance(one, Opaque) and word in one.text for one in listed):
        raise Unsupported(f"a {word} that is taken away, beside flows that may lead there", span)
    if isinstance(leads, ToMeter) and leads in listed and leads not in flow.actions:
        raise Unsupported("a meter that is taken away, of a flow that uses it in a clone", span)
    return leads in listed


__all__ = ["applied"]
