"""Flows and groups as ``ovs-ofctl`` reads them: a flow file, or a bundle where there are groups."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from ...assuming import comment
from . import messages
from .fields import FIELDS, WIDTH_OF_REGISTER, Style, nxm, wide, wide_name
from .flows import (
    PORT_NAMES,
    Action,
    Bits,
    Bridge,
    Bucket,
    Bundle,
    ClearActions,
    Clone,
    Conjunction,
    DecMplsTtl,
    DecTtl,
    Exit,
    Flow,
    Goto,
    Group,
    Ineffective,
    Masked,
    Meter,
    Move,
    Multipath,
    Opaque,
    Output,
    OutputBits,
    Pop,
    PopMpls,
    PopVlan,
    Push,
    PushMpls,
    PushVlan,
    Resubmit,
    SetField,
    TagWith,
    ToGroup,
    ToMeter,
    WriteActions,
)
from .meter_lines import COMMENT
from .steps import flat

_RESERVED: Final = {number: name for name, number in PORT_NAMES.items()}
MESSAGES: Final = {"openflow13": 4, "openflow14": 5, "openflow15": 6}
"""Forms of an artifact that are messages, and their version on the wire."""
_FIRST: Final = ("in_port", "eth_type", "nw_proto")
"""What other fields need of the packet stands before them."""
_PROTOCOLS: Final = {6: "tcp", 17: "udp", 132: "sctp"}


def write(bridge: Bridge) -> bytes:
    """A flow file for ``ovs-ofctl add-flows``; with groups, a bundle for ``ovs-ofctl bundle``, unless some do what
    only OpenFlow 1.0 can say, with which bundles do not go.

    Neither takes meters (``ovs-ofctl add-meter`` does), so these are comments, which :func:`.lines.read` reads.
    """
    bundle = bool(bridge.groups) and not any(isinstance(one, TagWith) for f in bridge.flows for one in flat(f.actions))
    lines = comment(bridge.assumes)
    lines += [f"{COMMENT}{print_meter(meter)}" for meter in bridge.meters]
    lines += [("group add " if bundle else "") + print_group(group) for group in bridge.groups]
    lines += [("flow add " if bundle else "") + print_flow(flow) for flow in bridge.flows]
    return "".join(line + "\n" for line in lines).encode()


def write_messages(bridge: Bridge, form: str) -> bytes:
    """OpenFlow messages of the version that ``form`` names (:data:`MESSAGES`). Raises ValueError."""
    return messages.encode(bridge, MESSAGES[form])


def print_flow(flow: Flow) -> str:
    """One line of a flow file."""
    head = [f"table={flow.table}", f"priority={flow.priority}"]
    if flow.cookie:
        head.append(f"cookie=0x{flow.cookie:x}")
    head += [*_match(flow.match), *flow.unmodelled]
    return ",".join(head) + " actions=" + print_actions(flow.actions)


def print_group(group: Group) -> str:
    """One group, as ``ovs-ofctl add-group`` reads it."""
    buckets = "".join(f",bucket={_bucket(bucket, group)}" for bucket in group.buckets)
    chosen = group.selection
    method = f",selection_method={chosen.method}" if chosen.method else ""
    method += f",selection_method_param={chosen.param}" if chosen.param else ""
    method += f",fields({','.join(chosen.fields)})" if chosen.fields else ""
    return f"group_id={group.number},type={group.kind}{method}{buckets}"


def print_meter(meter: Meter) -> str:
    """One meter, as ``ovs-ofctl add-meter`` reads it."""
    bursts = ",burst" if any(band.burst for band in meter.bands) else ""
    bands = "".join(
        f",type={band.kind},rate={band.rate}"
        + (f",burst_size={band.burst}" if bursts else "")
        + (f",prec_level={band.level}" if band.kind == "dscp_remark" else "")
        for band in meter.bands
    )
    stats = ",stats" if meter.stats else ""
    return f"meter={meter.number},{meter.unit}{bursts}{stats},bands={bands[1:]}"


def _bucket(bucket: Bucket, group: Group) -> str:
    watch = "" if bucket.watch is None else f"watch_port:{_port(bucket.watch)},"
    watch += "" if bucket.watch_group is None else f"watch_group:{bucket.watch_group},"
    weight = f"weight:{bucket.weight}," if group.kind == "select" and bucket.weight != 1 else ""
    return f"{weight}{watch}actions={print_actions(bucket.actions)}"


def _match(match: tuple[Masked, ...]) -> Iterator[str]:
    asked = {m.field: m for m in match}
    for name in (*(n for n in _FIRST if n in asked), *(n for n in asked if n not in _FIRST)):
        yield from _field(asked[name], asked)


def _field(m: Masked, asked: dict[str, Masked]) -> Iterator[str]:
    field = FIELDS[m.field]
    if m.field == "nw_tos":  # whole only as two names
        if m.mask & 0xFC:
            if m.mask & 0xFC != 0xFC:
                raise ValueError("DSCP is matched whole or not at all")
            yield f"nw_tos={m.value & 0xFC}"
        if m.mask & 3:
            yield f"nw_ecn={m.value & 3}"
    elif m.field == "nw_frag":
        yield f"nw_frag={_frag(m)}"
    elif m.field in ("tp_src", "tp_dst"):
        yield f"{_transport(m.field, asked)}={_value(m.value, m.mask, 'decimal', 16)}"
    else:
        yield f"{m.field}={_value(m.value, m.mask, field.style, field.width)}"


def _transport(field: str, asked: dict[str, Masked]) -> str:
    """The name of a port, or of ICMP's type or code; the tools refuse one for which no protocol is asked."""
    protocol = asked["nw_proto"].value if "nw_proto" in asked else 0
    kind = "icmp" if protocol == 1 else "icmpv6"
    if protocol in (1, 58):
        return kind + ("_type" if field == "tp_src" else "_code")
    return f"{_PROTOCOLS[protocol]}_{field[3:]}" if protocol in _PROTOCOLS else field


def _frag(m: Masked) -> str:
    names = {(0, 3): "no", (1, 1): "yes", (1, 3): "first", (3, 3): "later", (0, 2): "not_later"}
    return names[m.value, m.mask]


def _value(value: int, mask: int, style: Style, width: int) -> str:
    text = _single(value, style)
    if mask == (1 << width) - 1:
        return text
    return f"{text}/{_single(mask, 'hex' if style == 'decimal' else style)}"


def _single(value: int, style: Style) -> str:
    if style == "mac":
        return ":".join(f"{byte:02x}" for byte in value.to_bytes(6, "big"))
    if style == "ipv4":
        return str(ipaddress.IPv4Address(value))
    if style == "ipv6":
        return str(ipaddress.IPv6Address(value))
    if style == "port":
        return _port(value)
    return str(value) if style == "decimal" else f"0x{value:x}"


def _port(number: int) -> str:
    return _RESERVED[number].upper() if number in _RESERVED else str(number)


def print_actions(actions: tuple[Action, ...]) -> str:
    """A list of actions; the empty one is ``drop``."""
    return ",".join(_action(action) for action in actions) or "drop"


def _action(action: Action) -> str:  # noqa: C901 - one line for each kind
    match action:
        case Output(port):
            return f"output:{_port(port)}"
        case OutputBits(source):
            return f"output:{_bits(source)}"
        case SetField():
            return _set_field(action)
        case Move(source, target):
            return f"move:{_bits(source)}->{_bits(target)}"
        case PushVlan(tpid):
            return f"push_vlan:0x{tpid:04x}"
        case PushMpls(ethertype):
            return f"push_mpls:0x{ethertype:04x}"
        case PopMpls(ethertype):
            return f"pop_mpls:0x{ethertype:04x}"
        case PopVlan():
            return "pop_vlan"
        case DecTtl():
            return "dec_ttl"
        case DecMplsTtl():
            return "dec_mpls_ttl"
        case ToGroup(number):
            return f"group:{number}"
        case Goto(table):
            return f"goto_table:{table}"
        case Resubmit(port, table):
            return f"resubmit({'' if port is None else _port(port)},{'' if table is None else table})"
        case WriteActions(inner):
            return f"write_actions({print_actions(inner)})"
        case ClearActions():
            return "clear_actions"
        case ToMeter(number):
            return f"meter:{number}"
        case Opaque(text) | Ineffective(text):
            return text
        case _:
            return _rare(action)


def _rare(action: Action) -> str:
    """Actions that Open vSwitch has beside OpenFlow's."""
    match action:
        case TagWith(value, mask):
            return f"mod_vlan_vid:{value & 0xFFF}" if mask & 0xFFF else f"mod_vlan_pcp:{value >> 13}"
        case Push(source):
            return f"push:{_bits(source)}"
        case Pop(target):
            return f"pop:{_bits(target)}"
        case Multipath(_, target, text):
            return f"multipath({text},{_bits(target)})"
        case Bundle(members, _, target, text):
            to = "" if target is None else f"{_bits(target)},"
            return f"bundle{'_load' if to else ''}({text}{to}members:{','.join(map(str, members))})"
        case Conjunction(number, clause, clauses):
            return f"conjunction({number},{clause + 1}/{clauses})"
        case Exit():
            return "exit"
        case Clone(inner):
            return f"clone({print_actions(inner) if inner else ''})"
        case _:
            raise TypeError(f"{type(action).__name__} has no words")


def _set_field(action: SetField) -> str:
    field = FIELDS[action.field]
    if action.field in ("tp_src", "tp_dst"):
        names = {1: ("icmp_type", "icmp_code"), 58: ("icmpv6_type", "icmpv6_code")}
        protocol = action.needs.protocols[0] if action.needs.protocols else 6
        pair = names.get(protocol)
        name = pair[action.field == "tp_dst"] if pair else f"{_PROTOCOLS[protocol]}_{action.field[3:]}"
        width = 8 if pair else 16
        return f"set_field:{_value(action.value, action.mask & ((1 << width) - 1), 'decimal', width)}->{name}"
    if action.field == "nw_tos" and not action.mask & 3:
        return f"set_field:{_value(action.value >> 2, action.mask >> 2, 'decimal', 6)}->ip_dscp"
    if action.field == "nw_tos" and not action.mask & 0xFC:
        return f"set_field:{_value(action.value, action.mask, 'decimal', 2)}->nw_ecn"
    if action.needs.tagged and not action.mask & 0xE000:
        return f"set_field:{_value(action.value, action.mask, 'hex', 13)}->vlan_vid"
    if action.needs.tagged and not action.mask & 0x1FFF:
        return f"set_field:{_value(action.value >> 13, action.mask >> 13, 'decimal', 3)}->vlan_pcp"
    return f"set_field:{_value(action.value, action.mask, field.style, field.width)}->{action.field}"


def _bits(bits: Bits) -> str:
    registers = wide(bits.field)
    if registers is not None:
        full, low, whole = wide_name(bits.field), bits.low, WIDTH_OF_REGISTER * len(registers)
    else:
        full, name = nxm(bits)
        low, whole = bits.low - name.low, name.bits
    if bits.width == whole:
        return f"{full}[]"
    return f"{full}[{low}]" if bits.width == 1 else f"{full}[{low}..{low + bits.width - 1}]"
