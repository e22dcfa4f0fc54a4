"""Frames that hit the rules of an example's tables, come near them, or are whatever: for telling machines apart.

Keys are known by the names that the examples give them (:data:`FIELDS`); what is not named by a rule is usual.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from p4verify.running.ethernet import frame
from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary

FIELDS = {
    "src": "ip_source",
    "dst": "ip_destination",
    "next_hop": "ip_destination",
    "there": "ip_source",
    "here": "ip_destination",
    "protocol": "protocol",
    "dst_port": "port",
    "vid": "vid",
    "station": "mac_source",
    "station_to": "mac_destination",
}
"""Key's name (as :func:`key_names` gives it) → field of :class:`Headers`."""
INGRESS_PORT = "ingress_port"
"""A key that is the port by which a frame comes in."""
NOT_IN_FRAMES = {INGRESS_PORT, "port", "zone", "class", "service", "server"}
"""Keys that are no field of the frame."""
NOT_BUILT = {"label", "dst6", "hop"}
"""Keys in headers that no frame here has; :func:`~.lowered.a_frame` makes some that do."""
WIDTHS = {
    "mac_destination": 48,
    "mac_source": 48,
    "vid": 12,
    "priority": 3,
    "type": 16,
    "version": 4,
    "words": 4,
    "fragment": 16,
    "ttl": 8,
    "protocol": 8,
    "ip_source": 32,
    "ip_destination": 32,
    "port": 16,
}
"""Fields and their bits."""


@dataclass(frozen=True)
class Headers:
    """The fields of a frame: Ethernet, tags, IPv4 with a right checksum, ports."""

    mac_destination: int = 0x020000000002
    mac_source: int = 0x020000000001
    tags: tuple[int, ...] = ()
    """The tags' types, outer one first."""
    vid: int = 0
    priority: int = 0
    type: int = 0x0800
    version: int = 4
    words: int = 5
    fragment: int = 0
    ttl: int = 64
    protocol: int = 6
    ip_source: int = 0x0A000001
    ip_destination: int = 0x0A000002
    port: int = 443
    payload: bytes = bytes(12)
    bad_checksum: bool = False

    def frame(self) -> bytes:
        """The bytes on the wire; ``vid`` and ``priority`` are those of the outer tag."""
        data = self.mac_destination.to_bytes(6, "big") + self.mac_source.to_bytes(6, "big")
        tci = self.priority << 13 | self.vid
        for i, kind in enumerate(self.tags):
            data += kind.to_bytes(2, "big") + (tci if i == 0 else 7).to_bytes(2, "big")
        return data + self.type.to_bytes(2, "big") + self._network()

    def _network(self) -> bytes:
        body = (0x1234).to_bytes(2, "big") + self.port.to_bytes(2, "big") + self.payload
        options = bytes(4 * max(0, self.words - 5))
        length = 20 + len(options) + len(body)
        head = bytes((self.version << 4 | self.words, 0)) + length.to_bytes(2, "big") + b"\x00\x07"
        head += self.fragment.to_bytes(2, "big") + bytes((self.ttl, self.protocol))
        ends = self.ip_source.to_bytes(4, "big") + self.ip_destination.to_bytes(4, "big")
        checksum = _checksum(head + ends + options) ^ self.bad_checksum
        return head + checksum.to_bytes(2, "big") + ends + options + body


def _checksum(data: bytes) -> int:
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def rule_frames(rng: random.Random, rules: RuleSet, keys: dict[str, tuple[str, ...]], count: int) -> list[bytes]:
    """``count`` frames for ``rules``; ``keys`` gives the key names of every table. Every rule is hit if there is room:
    first one frame for each, then frames like it, near it, damaged, cut, and random ones."""
    every = [rule for table in keys for rule in rules.of(table)]
    constants = sorted(_constants(every))
    out = [_hit(rng, rule, keys[rule.table], Headers()).frame() for rule in every][:count]
    while len(out) < count:
        kind = rng.random()
        if not every or kind < 0.25:
            out.append(frame(rng, constants))
            continue
        rule = rng.choice(every)
        headers = _shaped(rng, _hit(rng, rule, keys[rule.table], Headers()))
        if kind < 0.65:
            headers = _near(rng, headers, constants)
        out.append(_cut(rng, headers.frame()))
    return out


def walking_frames(
    rng: random.Random, rules: RuleSet, keys: dict[str, tuple[str, ...]], ports: Sequence[int], count: int
) -> list[tuple[int, bytes]]:
    """``count`` frames with the ports that they come in by, each of which hits a rule of every table that has some, if
    the tables leave what the frame carries alone and ask for different fields; some are damaged."""
    tables = [(names, rules.of(table)) for table, names in keys.items() if rules.of(table)]
    out = []
    for _ in range(count):
        port, headers = rng.choice(ports), Headers()
        for names, entries in rng.sample(tables, len(tables)):
            rule = rng.choice(entries)
            headers = _hit(rng, rule, names, headers)
            wanted = dict(zip(names, rule.matches, strict=True)).get(INGRESS_PORT)
            if isinstance(wanted, Exact) and wanted.value in ports:
                port = wanted.value
        out.append((port, _cut(rng, (_shaped(rng, headers) if rng.random() < 0.3 else headers).frame())))
    return out


def key_names(keys: Iterable[ir.Key]) -> tuple[str, ...]:
    """What the keys of a table are called here. Raises KeyError for one that no frame is known to carry."""
    names = tuple(_key_name(key) for key in keys)
    for name in names:
        if name not in FIELDS and name not in NOT_IN_FRAMES and name not in NOT_BUILT:
            raise KeyError(name)
    return names


def _key_name(key: ir.Key) -> str:
    if isinstance(key.expr, ir.Member) and key.expr.name == INGRESS_PORT:
        return INGRESS_PORT
    if isinstance(key.expr, ir.Member) and (key.name, key.expr.name) == ("station", "dst"):
        return "station_to"
    return key.name


def _constants(rules: list[Rule]) -> set[int]:
    found = {0x0800, 0x0806, 0x8100, 0x88A8, 0x86DD, 5, 6, 17}
    for rule in rules:
        found |= set(rule.action.args) if isinstance(rule.action, ActionCall) else set()
        for match in rule.matches:
            found |= {getattr(match, f.name) for f in fields(match) if f.name not in ("prefix_len", "mask")}
    return found


def _hit(rng: random.Random, rule: Rule, names: tuple[str, ...], headers: Headers) -> Headers:
    values = {}
    for name, match in zip(names, rule.matches, strict=True):
        if name in FIELDS:
            values[FIELDS[name]] = _matching(rng, match, WIDTHS[FIELDS[name]])
    headers = replace(headers, **values)
    return replace(headers, tags=(0x8100,)) if values.get("vid") else headers


def _matching(rng: random.Random, match: Match, width: int) -> int:
    """A value that ``match`` takes; often a boundary."""
    match match:
        case Exact(value):
            return value
        case Lpm(value, prefix_len):
            free = (1 << width - prefix_len) - 1
            return value | rng.choice((0, free, rng.getrandbits(width) & free))
        case Ternary(value, mask):
            return value | rng.choice((0, (1 << width) - 1, rng.getrandbits(width))) & ~mask & (1 << width) - 1
        case Range(low, high):
            return rng.choice((low, high, rng.randint(low, high)))


def _shaped(rng: random.Random, headers: Headers) -> Headers:
    """Another shape, now and then: tags, options, fragments, priorities, checksums."""
    changes: dict[str, object] = {}
    if rng.random() < 0.2:
        changes["tags"] = tuple(rng.choice((0x8100, 0x88A8)) for _ in range(rng.randrange(3)))
    if headers.tags and rng.random() < 0.5:
        changes["tags"] = (rng.choice((0x8100, 0x88A8)), *headers.tags[1:])
    if rng.random() < 0.3:
        changes["priority"] = rng.randrange(8)
    if rng.random() < 0.1:
        changes["words"] = rng.choice((4, 5, 6, 15))
    if rng.random() < 0.1:
        changes["fragment"] = rng.choice((0x4000, 0x2000, 1, 0x1FFF, 0x3FFF))
    if rng.random() < 0.1:
        changes["ttl"] = rng.choice((0, 1, 2, 255))
    if rng.random() < 0.1:
        changes["bad_checksum"] = True
    if rng.random() < 0.2:
        changes["payload"] = rng.randbytes(rng.randrange(40))
    return replace(headers, **changes)  # type: ignore[arg-type]


def _near(rng: random.Random, headers: Headers, constants: list[int]) -> Headers:
    """One field is another: a bit of it, a neighbour, a byte-swapped one, or another constant."""
    name, width = rng.choice(list(WIDTHS.items()))
    value = getattr(headers, name)
    fitting = [c for c in constants if c >> width == 0]
    octets = (width + 7) // 8
    swapped = int.from_bytes(value.to_bytes(octets, "big"), "little")
    near = [value ^ 1 << rng.randrange(width), value ^ 1 << rng.randrange(width), value + 1, value - 1, swapped]
    value = rng.choice([*near, rng.choice(fitting)]) & (1 << width) - 1
    return replace(headers, **{name: value})


def _cut(rng: random.Random, data: bytes) -> bytes:
    """The frame, now and then cut short."""
    return data[: rng.randrange(14, len(data) + 1)] if rng.random() < 0.1 else data
