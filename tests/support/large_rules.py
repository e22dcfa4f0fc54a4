"""An access list before a router: a program, rule sets of any size from a seed, and flows that do the same.

The flows are written in two ways: ``flows`` as a compiler might (the priority of a rule of the access list says how
many others it has to win over), ``foreign_flows`` as somebody else might: shuffled, other priorities, prefixes cut in
two, rules that are never met, actions written otherwise, and, if asked, with errors. ``filters`` and
``foreign_filters`` are the same for tc flower, ``u32_filters`` and ``foreign_u32`` for u32.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from p4verify.semantics.classifier import Row, TupleSpace

_HEADERS: Final = """
header eth_h { bit<48> dst; bit<48> src; bit<16> type; }
header snap_h { bit<48> llc; bit<16> type; }
header ipv4_h { bit<4> version; bit<4> ihl; bit<8> tos; bit<16> total; bit<16> id; bit<16> frag; bit<8> ttl;
                bit<8> proto; bit<16> sum; bit<32> src; bit<32> dst; }
struct headers { eth_h eth; snap_h snap; ipv4_h ip; }
struct metadata { }
"""

PROGRAM: Final = (
    """
#include <core.p4>
#include <v1model.p4>
"""
    + _HEADERS
    + """
parser P(packet_in p, out headers hdr, inout metadata m, inout standard_metadata_t sm) {
    state start {
        p.extract(hdr.eth);
        transition select(hdr.eth.type) {
            0x0800: ip;
            0x0000 &&& 0xfc00: perhaps_snap;
            0x0400 &&& 0xfe00: perhaps_snap;
            default: accept;
        }
    }
    state perhaps_snap {
        transition select(p.lookahead<bit<64>>()) {
            0xaaaa030000000800: snap;
            default: accept;
        }
    }
    state snap { p.extract(hdr.snap); transition ip; }
    state ip { p.extract(hdr.ip); transition accept; }
}
control V(inout headers hdr, inout metadata m) { apply { } }
control I(inout headers hdr, inout metadata m, inout standard_metadata_t sm) {
    action deny() { mark_to_drop(sm); }
    action permit() { }
    action unroutable() { mark_to_drop(sm); }
    action forward(bit<48> dmac, bit<9> port) { hdr.eth.dst = dmac; sm.egress_spec = port; }
    table acl {
        key = { hdr.ip.src : ternary; hdr.ip.dst : ternary; hdr.ip.proto : ternary; }
        actions = { deny; permit; }
        const default_action = permit();
        size = 2000000;
    }
    table routes {
        key = { hdr.ip.dst : lpm; }
        actions = { forward; unroutable; }
        const default_action = unroutable();
        size = 2000000;
    }
    apply {
        bit<32> behind = sm.packet_length - 14;
        if (hdr.snap.isValid()) { behind = sm.packet_length - 22; }
        bit<16> shortest = (bit<16>) (hdr.ip.ihl ++ 2w0);
        if (!hdr.ip.isValid() || hdr.ip.ihl < 5 || hdr.ip.total < shortest || (bit<32>) hdr.ip.total > behind) {
            unroutable();
        } else {
            switch (acl.apply().action_run) {
                permit: {
                    routes.apply();
                    if (sm.egress_spec == sm.ingress_port) { unroutable(); }
                }
                default: { }
            }
        }
    }
}
control E(inout headers hdr, inout metadata m, inout standard_metadata_t sm) { apply { } }
control C(inout headers hdr, inout metadata m) { apply { } }
control D(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
)


def _plain(program: str) -> str:
    """The program without what no flow can ask for (lengths) and without LLC/SNAP."""
    start, end = program.index("        bit<32> behind"), program.index("            unroutable();\n        } else")
    program = program[:start] + "        if (!hdr.ip.isValid()) {\n" + program[end:]
    start, end = program.index("            0x0000 &&&"), program.index("            default: accept;")
    program = program[:start] + program[end:]
    return program.replace("                    if (sm.egress_spec == sm.ingress_port) { unroutable(); }\n", "")


PLAIN_PROGRAM: Final = _plain(PROGRAM)
"""... which can be made flows of, for plain frames."""

_SHAPES: Final = (
    (16, 16, 0), (24, 24, 0), (32, 32, 0xFF), (32, 24, 0), (16, 32, 0xFF), (20, 20, 0xFF), (28, 16, 0xFF), (32, 32, 0),
)  # fmt: skip
"""Prefix lengths of source and destination, mask of the protocol."""
_BROAD: Final = ((32, 0, 0), (0, 32, 0), (24, 0, 0xFF), (0, 24, 0xFF), (0, 28, 0))
MOST_BROAD: Final = 1000
"""Rules that leave an end open (each of them overlaps about all that leave the other end open)."""
_LENGTHS: Final = (12, 16, 18, 20, 22, 23, 24, 24, 24, 24, 28, 32)
_BLOCKS: Final = [0x0A0 + i for i in range(16)] + [0xAC0 + i for i in range(32)] + [0xC0A + i for i in range(48)]
"""The first 12 bits of addresses: rules are about the same networks."""
HOPS: Final = 64


@dataclass(frozen=True)
class Access:
    """A rule of the access list."""

    source: tuple[int, int]
    target: tuple[int, int]
    protocol: tuple[int, int]
    deny: bool

    @property
    def cube(self) -> tuple[int, int]:
        """Value and mask over source, destination and protocol."""
        parts = (self.source, self.target)
        value = parts[0][0] << 40 | parts[1][0] << 8 | self.protocol[0]
        return value, _mask(parts[0][1]) << 40 | _mask(parts[1][1]) << 8 | self.protocol[1]


@dataclass(frozen=True)
class Route:
    """A route: prefix, and the number of the next hop."""

    prefix: tuple[int, int]
    hop: int


@dataclass(frozen=True)
class Rules:
    """An access list, first winner first, and routes."""

    access: tuple[Access, ...]
    routes: tuple[Route, ...]


def _mask(length: int) -> int:
    return 0xFFFFFFFF & ~((1 << (32 - length)) - 1)


def mac(hop: int) -> int:
    """A next hop's address."""
    return 0x02_00_00_00_00_00 | hop * 0x10203


def port(hop: int) -> int:
    """The port to a next hop."""
    return 1 + hop % 48


def generate(count: int, seed: int) -> Rules:
    """``count`` rules, about half of each kind."""
    chance = random.Random(seed)
    access: dict[tuple[int, int], Access] = {}
    while len(access) < (count + 1) // 2:
        broad = chance.random() < 0.05 and len(access) < 20 * MOST_BROAD
        source, target, protocol = chance.choice(_BROAD if broad else _SHAPES)
        rule = Access(_prefix(chance, source), _prefix(chance, target),
                      (chance.choice((1, 6, 17)), 0xFF) if protocol else (0, 0), chance.random() < 0.7)  # fmt: skip
        access.setdefault(rule.cube, rule)
    routes: dict[tuple[int, int], Route] = {}
    while len(routes) < count // 2:
        prefix = _prefix(chance, chance.choice(_LENGTHS))
        routes.setdefault(prefix, Route(prefix, chance.randrange(HOPS)))
    return Rules(tuple(access.values()), tuple(routes.values()))


def _prefix(chance: random.Random, length: int) -> tuple[int, int]:
    if not length:
        return 0, 0
    value = _BLOCKS[chance.randrange(len(_BLOCKS))] << 20 | chance.getrandbits(20)
    return value & _mask(length), length


def command_lines(rules: Rules) -> Iterator[str]:
    """The rules as commands of BMv2."""
    for priority, rule in enumerate(rules.access, 1):
        source, target = (f"0x{v:08x}&&&0x{_mask(n):08x}" for v, n in (rule.source, rule.target))
        protocol = f"0x{rule.protocol[0]:02x}&&&0x{rule.protocol[1]:02x}"
        yield f"table_add I.acl I.{'deny' if rule.deny else 'permit'} {source} {target} {protocol} => {priority}"
    for route in rules.routes:
        yield (f"table_add I.routes I.forward {_dotted(route.prefix[0])}/{route.prefix[1]} => "
               f"0x{mac(route.hop):012x} {port(route.hop)}")  # fmt: skip


def levels(rules: Rules) -> list[int]:
    """For each rule of the access list the least priority that lets it win over those after it that differ."""
    found = [0] * len(rules.access)
    seen = TupleSpace()
    for number in range(len(rules.access) - 1, -1, -1):
        rule = rules.access[number]
        below = [found[r.origin] for r in seen.overlapping(rule.cube) if r.decision != rule.deny]
        found[number] = max(below, default=0) + 1
        seen.add(Row(*rule.cube, rule.deny, number, number))
    return found


_FIRST: Final = (
    "table=0,priority=10,ip,vlan_tci=0x0000/0x1fff actions=goto_table:1",
    "table=1,priority=0 actions=goto_table:2",
)


def flows(rules: Rules) -> list[str]:
    """The flows of a compiler."""
    ranks = levels(rules)
    return [
        *_FIRST,
        *(_access_flow(rule, 10 + rank) for rule, rank in zip(rules.access, ranks, strict=True)),
        *(_route_flow(route.prefix, route.hop, 10 + route.prefix[1]) for route in rules.routes),
    ]


_FIRST_FILTERS: Final = (
    "# p4verify assumes: plain",
    "filter add dev port0 ingress protocol ip pref 1 flower action gact goto chain 1",
    "filter add dev port0 ingress protocol all pref 2 flower action gact drop",
    "filter add dev port0 ingress protocol all pref 65000 chain 1 flower action gact goto chain 2",
    "filter add dev port0 ingress protocol all pref 65000 chain 2 flower action gact drop",
)
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp"}
_TOP: Final = 60000
"""A filter's ``pref`` is what its priority leaves of this."""


def filters(rules: Rules) -> list[str]:
    """The same as tc flower filters, for plain frames."""
    ranks = levels(rules)
    return [
        *_FIRST_FILTERS,
        *(_access_filter(rule, 10 + rank) for rule, rank in zip(rules.access, ranks, strict=True)),
        *(_route_filter(route.prefix, route.hop, 10 + route.prefix[1]) for route in rules.routes),
    ]


def _access_filter(rule: Access, priority: int) -> str:
    match = f" ip_proto {_PROTOCOLS[rule.protocol[0]]}" if rule.protocol[1] else ""
    match += "".join(
        f" {end}_ip {_dotted(value)}/{length}"
        for end, (value, length) in (("src", rule.source), ("dst", rule.target))
        if length
    )
    return _denied_or_not(rule, priority, f"flower{match}")


def _denied_or_not(rule: Access, priority: int, match: str) -> str:
    action = "drop" if rule.deny else "goto chain 2"
    return f"filter add dev port0 ingress protocol ip pref {_TOP - priority} chain 1 {match} action gact {action}"


def _route_filter(prefix: tuple[int, int], hop: int, priority: int, other: bool = False) -> str:
    return _routed(hop, priority, f"flower dst_ip {_dotted(prefix[0])}/{prefix[1]}", other)


def _routed(hop: int, priority: int, match: str, other: bool) -> str:
    address = ":".join(f"{mac(hop):012x}"[i : i + 2] for i in range(0, 12, 2))
    change = f"pedit ex munge eth dst set {address} pipe"
    if other:  # the same in two steps
        change = f"pedit ex munge eth dst set ff:ff:00:00:00:00 pipe action {change}"
    return (f"filter add dev port0 ingress protocol ip pref {_TOP - priority} chain 2 {match} action {change} "
            f"action mirred egress redirect dev port{port(hop)}")  # fmt: skip


_WHOLE_HEADER: Final = "match u32 0 0 at 16"
"""All filters of a priority need the same bytes: those of a whole header."""
_FIRST_U32: Final = (
    f"filter add dev port0 ingress protocol ip pref 1 u32 {_WHOLE_HEADER} action gact goto chain 1",
    "filter add dev port0 ingress protocol all pref 2 u32 match u32 0 0 at -4 action gact drop",
    f"filter add dev port0 ingress protocol ip pref 65000 chain 1 u32 {_WHOLE_HEADER} action gact goto chain 2",
    f"filter add dev port0 ingress protocol ip pref 65000 chain 2 u32 {_WHOLE_HEADER} action gact drop",
)


def _access_u32(rule: Access, priority: int) -> str:
    match = f"{_WHOLE_HEADER} " + " ".join(
        f"match ip {end} {_dotted(value)}/{length}"
        for end, (value, length) in (("src", rule.source), ("dst", rule.target))
        if length
    )
    protocol = f" match ip protocol {rule.protocol[0]} 0xff" if rule.protocol[1] else ""
    return _denied_or_not(rule, priority, f"u32 {match}{protocol}")


def _route_u32(prefix: tuple[int, int], hop: int, priority: int, other: bool = False) -> str:
    return _routed(hop, priority, f"u32 match ip dst {_dotted(prefix[0])}/{prefix[1]}", other)


def u32_filters(rules: Rules) -> list[str]:
    """The same as u32 filters."""
    ranks = levels(rules)
    return [
        *_FIRST_U32,
        *(_access_u32(rule, _apart(10 + rank, rule.cube[0])) for rule, rank in zip(rules.access, ranks, strict=True)),
        *(_own_route_u32(route.prefix, route.hop, 10 + route.prefix[1]) for route in rules.routes),
    ]


def _own_route_u32(prefix: tuple[int, int], hop: int, priority: int) -> str:
    value, length = prefix
    return _route_u32(prefix, hop, _apart(priority, value & ~(1 << 32 - length)))  # that of its sibling, which may come


_SHARES: Final = 16


def _apart(priority: int, value: int) -> int:
    """One of several priorities in the place of one: the kernel numbers 4,095 filters of one, no more
    (``gen_new_kid`` of ``net/sched/cls_u32.c``)."""
    return priority * _SHARES + (value * 0x9E3779B97F4A7C15 >> 52) % _SHARES


ROUTES: Final = {"openflow": "table 2", "flower": "chain 2", "u32": "chain 2"}
"""Where the routes are."""


def route_line(target: str, prefix: tuple[int, int], hop: int) -> str:
    """A route as a line of :func:`flows`, :func:`filters` or :func:`u32_filters`."""
    line = {"openflow": _route_flow, "flower": _route_filter, "u32": _own_route_u32}[target]
    return line(prefix, hop, 10 + prefix[1])


def _access_flow(rule: Access, priority: int) -> str:
    match = "".join(
        f",nw_{end}={_dotted(value)}/{length}"
        for end, (value, length) in (("src", rule.source), ("dst", rule.target))
        if length
    )
    match += f",nw_proto={rule.protocol[0]}" if rule.protocol[1] else ""
    return f"table=1,priority={priority},ip{match} actions={'drop' if rule.deny else 'goto_table:2'}"


def _route_flow(prefix: tuple[int, int], hop: int, priority: int, other: bool = False) -> str:
    address = ":".join(f"{mac(hop):012x}"[i : i + 2] for i in range(0, 12, 2))
    change = f"set_field:{address}->eth_dst" if other else f"mod_dl_dst:{address}"
    match = f"nw_dst={_dotted(prefix[0])}/{prefix[1]}"
    if other:
        match = f"dl_type=0x0800,nw_dst={_dotted(prefix[0])}/{_dotted(_mask(prefix[1]))}"
    return f"table=2,priority={priority},{'' if other else 'ip,'}{match} actions={change},output:{port(hop)}"


def _dotted(value: int) -> str:
    return ".".join(str(value >> shift & 0xFF) for shift in (24, 16, 8, 0))


def foreign_flows(rules: Rules, seed: int, errors: int = 0) -> list[str]:
    """The flows of somebody else; with up to three ``errors``: a wrong port, a route that is missing, and a denied
    range that is half as large."""
    return [*_FIRST, *_foreign(rules, seed, errors, _access_flow, _route_flow)]


def foreign_filters(rules: Rules, seed: int, errors: int = 0) -> list[str]:
    """The same as tc flower filters, for plain frames."""
    return [*_FIRST_FILTERS, *_foreign(rules, seed, errors, _access_filter, _route_filter)]


def foreign_u32(rules: Rules, seed: int, errors: int = 0) -> list[str]:
    """The same as u32 filters."""
    return [*_FIRST_U32, *_foreign(rules, seed, errors, _access_u32, _route_u32)]


def _foreign(
    rules: Rules, seed: int, errors: int, access_line: Callable[[Access, int], str], route_line: Callable[..., str]
) -> list[str]:
    chance = random.Random(seed)
    ranks = levels(rules)
    access = [(rule, 100 + 3 * rank) for rule, rank in zip(rules.access, ranks, strict=True)]
    routes = [(route.prefix, route.hop) for route in rules.routes]
    if errors:
        _plant(rules, access, routes, chance, errors)
    lines = [access_line(rule, rank) for rule, rank in access]
    for prefix, hop in routes:
        value, length = prefix
        parts = [prefix]
        if length < 32 and chance.random() < 0.05:
            parts = [(value, length + 1), (value | 1 << (31 - length), length + 1)]
        # a half has the priority of the whole, so that longer prefixes still win
        lines += [route_line(part, hop, 1000 + 7 * length, other=chance.random() < 0.5) for part in parts]
        if length < 30 and chance.random() < 0.01:  # never met
            lines.append(route_line((value, length + 2), (hop + 3) % HOPS, 999 + 7 * length))
    chance.shuffle(lines)
    return lines


def _plant(
    rules: Rules,
    access: list[tuple[Access, int]],
    routes: list[tuple[tuple[int, int], int]],
    chance: random.Random,
    errors: int,
) -> None:
    """Put errors in of which each is seen by some packet."""
    seen = _Winners(rules)
    found: list[int] = []
    for at in chance.sample(range(len(routes)), len(routes)):
        if len(found) < min(errors, 2) and seen.route_counts(routes[at][0], chance):
            found.append(at)
    routes[found[0]] = routes[found[0]][0], routes[found[0]][1] + 1
    if errors >= 3:
        at = next(i for i in chance.sample(range(len(access)), len(access)) if seen.half_counts(i, chance))
        rule, rank = access[at]
        access[at] = replace(rule, target=(rule.target[0], rule.target[1] + 1)), rank
    if errors >= 2:
        del routes[found[1]]


class _Winners:
    """What rules decide, by packets."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._access = TupleSpace(Row(*r.cube, r.deny, i, i) for i, r in enumerate(rules.access))
        self._routes = TupleSpace(
            Row(r.prefix[0], _mask(r.prefix[1]), r.hop, -r.prefix[1], i) for i, r in enumerate(rules.routes)
        )

    def route_counts(self, prefix: tuple[int, int], chance: random.Random) -> bool:
        """Whether some packet goes by this route, and would go another way without it."""
        for _ in range(8):
            target = prefix[0] | chance.getrandbits(32) & ~_mask(prefix[1]) & 0xFFFFFFFF
            key = chance.getrandbits(32) << 40 | target << 8 | 17
            denied = self._access.holding(key)
            ways = self._routes.holding(target)
            here = self._rules.routes[ways[0].origin].prefix == prefix
            other = len(ways) == 1 or ways[1].decision != ways[0].decision
            if here and other and not (denied and denied[0].decision):
                return True
        return False

    def half_counts(self, at: int, chance: random.Random) -> bool:
        """Whether a rule that loses the upper half of its destinations lets a packet through."""
        rule = self._rules.access[at]
        value, length = rule.target
        if not rule.deny or not 0 < length < 32:
            return False
        for _ in range(8):
            source = rule.source[0] | chance.getrandbits(32) & ~_mask(rule.source[1]) & 0xFFFFFFFF
            target = value | 1 << (31 - length) | chance.getrandbits(31 - length) if length < 31 else value | 1
            key = source << 40 | target << 8 | (rule.protocol[0] or 17)
            winners = self._access.holding(key)
            through = len(winners) == 1 or not winners[1].decision
            if winners[0].origin == at and through and self._routes.holding(target):
                return True
        return False
