"""Random scripts that add, change, replace and take away filters: what is left by the reader, and in a private kernel.

The kernel has to refuse the same command, or none. What is left is compared as ``tc`` shows it, and by what becomes of
frames, which tells the order of filters.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower import artifact as flower
from p4verify.targets.flower.meaning import meaning as flower_meaning
from p4verify.targets.tc.command import Failed
from p4verify.targets.tc.oracle.devices import NAMES
from p4verify.targets.tc.oracle.kernel import EGRESS, Kernel
from p4verify.targets.u32 import artifact as u32
from p4verify.targets.u32.meaning import meaning as u32_meaning

from .compiled import compiled

PORTS = 4
HERE = str(EGRESS)
"""A hook with nothing of the private kernel's own, which a script may empty."""
_KEYS = (
    ("",), ("dst_ip 10.0.0.1", "dst_ip 10.0.0.2"), ("dst_ip 10.0.0.0/24", "dst_ip 10.0.1.0/24"),
    ("dst_ip 10.0.0.2/31",),
    ("src_ip 10.0.0.1", "src_ip 10.0.0.7"), ("src_ip 10.0.0.0/24",), ("ip_proto udp", "ip_proto tcp"),
    ("ip_proto udp dst_port 10-20", "ip_proto udp dst_port 15-40", "ip_proto udp dst_port 12-13"),
    ("ip_proto udp dst_port 12-13 src_ip 10.0.0.1", "ip_proto udp dst_port 10-40 src_ip 10.0.0.1"),
    ("dst_mac 02:00:00:00:00:02",), ("ip_ttl 64", "ip_ttl 63", "ip_ttl 9"),
)  # fmt: skip
"""Of flower, those of one mask together."""
_MATCHES = (
    "ip dst 10.0.0.1",
    "ip dst 10.0.0.2",
    "ip dst 10.0.0.0/24",
    "ip src 10.0.0.1",
    "u32 0 0 at 0",
    "ip protocol 17 0xff",
)


@dataclass
class Kind:
    """A classifier whose scripts are judged."""

    name: str
    script: Callable[[random.Random], list[str]]
    read: Callable[[str], Any]
    shown: Callable[[bytes], Any]
    plain: Callable[[Any], object]
    """A list as it is compared; None if it does not say what the kernel chose."""
    meaning: Callable[[Any], Any]


@dataclass
class Changes:
    """What came of it."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def judge(kernel: Kernel, kind: Kind, lines: Sequence[str], found: Changes) -> None:
    """One script: up to the command that is refused, if one is."""
    refused = _loaded(kernel, lines)
    text = "".join(f"{line}\n" for line in lines)
    try:
        mine = kind.read(text)
        kind.meaning(mine)
    except Unsupported as reason:
        found.counts[f"unsupported: {reason.reason[:50]}"] += 1
        return
    except InputError as error:
        said = error.diagnostics[0]
        if refused is None and "leaves no" in said.message:
            found.counts["nothing left"] += 1
        elif refused is not None and refused + 1 < min(said.span.line, len(lines)):
            judge(kernel, kind, lines[: refused + 1], found)  # the reader was told of another line first
        elif refused is None or said.span.line != refused + 1:
            found.wrong.append(f"refused at {refused}, read: {error}\n{text}")
        else:
            found.counts[f"refused: {said.message.rpartition(': ')[2][:40]}"] += 1
            judge(kernel, kind, lines[:refused], found) if refused else None
        return
    if refused is not None:
        found.wrong.append(f"the kernel refuses line {refused + 1}\n{text}")
        return
    _judge_left(kernel, kind, mine, text, found)


def _judge_left(kernel: Kernel, kind: Kind, mine: Any, text: str, found: Changes) -> None:
    told = kind.plain(mine)
    theirs = kind.shown(kernel.run(f"tc filter show {HERE}\n").encode()) if told is not None else None
    if told != theirs and not hidden(told, theirs):
        found.wrong.append(f"shown {theirs}\nread  {told}\n{text}")
        return
    run = compiled(kind.meaning(mine))
    frames = FRAMES
    for frame, leaving in zip(frames, kernel.observe(frames), strict=True):
        sent = sorted((port, out) for to, port, out in run(frame, 0)[0] if to == "port")
        if sent != sorted((port, out) for port, _, out in leaving):
            found.wrong.append(f"frame {frame.hex()} leaves by {leaving}, meaning {sent}\n{text}")
            return
    found.counts["same" if told is not None else "same, nothing changed"] += 1


def hidden(told: Any, theirs: Any) -> bool:
    """Whether all that a dump lacks is hash tables and what is in them: ``u32_walk`` shows tables with the priority by
    which they were made, so those of one that has gone are not shown. Frames tell what they do."""
    if not (isinstance(told, tuple) and isinstance(theirs, tuple)):
        return False
    more = {number for number, divisor in told[0] if (number, divisor) not in theirs[0]}
    shown = [one for one in told[1] if one.ht is None or one.ht.table not in more]
    return bool(more) and ([one for one in told[0] if one[0] not in more], shown) == tuple(theirs)


def _loaded(kernel: Kernel, lines: Sequence[str]) -> int | None:
    """Which command is refused."""
    try:
        kernel.load(lines, hook=EGRESS)
    except Failed as failed:
        return -1 if failed.line is None else failed.line
    return None


def _frame(to: int, source: int, port: int, ttl: int) -> bytes:
    head = bytes.fromhex("4500001c00010000") + bytes((ttl, 17)) + bytes.fromhex("1111")
    addresses = bytes((10, 0, 0, source, 10, 0, 0, to))
    udp = bytes.fromhex("0035") + port.to_bytes(2, "big") + bytes.fromhex("00080000")
    return bytes.fromhex("020000000001 020000000002 0800") + head + addresses + udp


FRAMES = [
    _frame(to, source, port, ttl) for to in (1, 2, 9) for source in (1, 7) for port in (12, 18, 30) for ttl in (64, 9)
]


# --- flower -------------------------------------------------------------------------------------------------------


class Script:
    """A script that is made command by command, with an eye to what is there."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.there: dict[tuple[int, int], int] = {}
        """Priorities and handles that may be there, and what they match."""

    def lines(self) -> list[str]:
        """The commands."""
        return [f"filter {self.one()}" for _ in range(self.rng.randint(2, 14))]

    def one(self) -> str:
        rng = self.rng
        verb = rng.choices(("add", "change", "replace", "del"), (8, 2, 3, 4))[0]
        if verb == "del":
            return self.removing()
        pref, handle = self.named(new=verb == "add" or (verb == "replace" and rng.random() < 0.3))
        return self.putting(verb, pref, handle)

    def named(self, *, new: bool) -> tuple[int, int]:
        rng = self.rng
        free = [(p, h) for p in (2, 2, 3) for h in range(1, 6) if (p, h) not in self.there]
        some = list(self.there) if not new else free
        return rng.choice(some) if some and rng.random() < 0.97 else (rng.choice((2, 3)), rng.randrange(6))

    def protocol(self) -> str:
        return self.rng.choices(("protocol ip ", "protocol arp ", ""), (60, 1, 1))[0]

    def action(self) -> str:
        return self.rng.choices(
            (f"action mirred egress redirect dev o{self.rng.randrange(PORTS)}", "action drop", "action continue"),
            (8, 1, 1),
        )[0]

    def removing(self) -> str:
        rng = self.rng
        pref, handle = self.named(new=False)
        how = rng.choices(("handle", "pref", "all", "odd"), (14, 2, 0.7, 1))[0]
        if how in ("pref", "all"):
            self.there = {one: said for one, said in self.there.items() if how == "pref" and one[0] != pref}
        if how == "handle":
            self.there.pop((pref, handle), None)
            return f"del {HERE} pref {pref} {rng.choice(('', 'protocol ip '))}{self.handle(handle)}{self.kind(pref)}"
        if how == "pref":
            return f"del {HERE} pref {pref} {rng.choice(('', self.kind(pref)))}"
        return f"del {HERE} chain {rng.choice((0, 5))}" if how == "all" else f"del {HERE} pref 9 {self.kind(pref)}"

    def handle(self, handle: int) -> str:
        return f"handle {handle} " if handle else ""

    def kind(self, pref: int) -> str:
        raise NotImplementedError

    def putting(self, verb: str, pref: int, handle: int) -> str:
        raise NotImplementedError


class FlowerScript(Script):
    """Of flower, and matchall at priority 3 in some."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.matchall = rng.random() < 0.3

    def kind(self, pref: int) -> str:
        kind = "matchall" if self.matchall and pref == 3 else "flower"
        return kind if self.rng.random() < 0.97 else "flower"

    def putting(self, verb: str, pref: int, handle: int) -> str:
        rng, kind = self.rng, self.kind(pref)
        protocol = self.protocol()
        group = self.there.get((pref, handle), rng.randrange(len(_KEYS))) if rng.random() < 0.95 else 0
        if protocol != "protocol ip ":
            group = 0
        self.there[pref, handle] = group
        handle = 0 if verb == "add" and rng.random() < 0.25 else handle
        keys = f" {rng.choice(_KEYS[group])}" if kind == "flower" else ""
        flag = " skip_hw" if rng.random() < 0.1 else ""
        said = f"pref {pref} " if pref != 2 or rng.random() < 0.95 or verb != "add" else ""
        return f"{verb} {HERE} {said}{protocol}{self.handle(handle)}{kind}{flag}{keys} {self.action()}"


def flower_plain(filters: flower.FilterList) -> object:
    if any(not one.handle or not one.pref for one in filters.filters):
        return None
    some = (replace(one, in_hw=None) for one in filters.filters)
    return sorted(some, key=lambda one: (one.chain, one.pref, one.handle))


# --- u32 ----------------------------------------------------------------------------------------------------------


class U32Script:
    """Of u32, with hash tables, and in some matchall at priority 3; mostly about filters that are there."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.matchall = rng.random() < 0.3
        self.roots: list[int] = []
        """Priorities in the order of their root tables."""
        self.nodes: list[tuple[int, str]] = []
        """Priorities and handles that may be there."""
        self.tables: list[int] = []

    def lines(self) -> list[str]:
        """The commands."""
        start = [self.adding() for _ in range(self.rng.randint(1, 6))]
        kinds = (self.adding, self.adding, self.changing, self.changing, self.removing, self.removing)
        return [f"filter {one}" for one in (*start, *(self.rng.choice(kinds)() for _ in range(self.rng.randint(1, 9))))]

    def adding(self) -> str:
        rng, pref = self.rng, self.rng.choice((2, 2, 3))
        if self.matchall and pref == 3 and rng.random() < 0.97:
            handle = rng.choice(("0x7", "1", "0x80000001"))
            self.nodes.append((pref, handle))
            said = f"handle {handle} " if handle != "1" or rng.random() < 0.5 else ""
            return f"add {HERE} pref {pref} protocol {rng.choice(('ip', 'all'))} {said}matchall {self.rest()}".rstrip()
        if pref not in self.roots:
            self.roots.append(pref)
        start = f"add {HERE} pref {pref} protocol {'ip' if rng.random() < 0.98 else 'arp'} "
        free = [number for number in (1, 2) if number not in self.tables]
        if free and rng.random() < 0.25:
            self.tables.append(free[0])
            return f"{start}handle {free[0]}: u32 divisor 4"
        table, bucket = self.root(pref), ""
        place = ""
        if self.tables and rng.random() < 0.3:
            table, bucket = f"{rng.choice(self.tables)}", "1"
            place = f"ht {table}:{bucket}: "
        taken = [handle for _, handle in self.nodes]
        numbers = [f"{number:x}" for number in (*range(0x800, 0x805), 5)]
        number = next((one for one in numbers if f"{table}:{bucket}:{one}" not in taken), "900")
        said = f"handle {rng.choice((table, ''))}::{number} " if rng.random() < 0.3 else ""
        self.nodes.append((pref, f"{table}:{bucket}:{number}"))
        return f"{start}{said}u32 {place}{self.match()}{self.link()}{self.rest()}"

    def root(self, pref: int) -> str:
        return f"{0x800 + self.roots.index(pref):x}"

    def match(self) -> str:
        return f"match {self.rng.choice(_MATCHES)} "

    def link(self) -> str:
        known = [*self.tables, 0] if self.rng.random() < 0.95 else [3]
        return f"link {self.rng.choice(known)}: " if self.rng.random() < 0.25 else ""

    def rest(self) -> str:
        rng = self.rng
        classid = f"classid 1:{rng.randint(1, 3)} " if rng.random() < 0.2 else ""
        flag = "skip_hw " if rng.random() < 0.03 else ""
        action = f"action mirred egress redirect dev o{rng.randrange(PORTS)}"
        return f"{flag}{classid}{rng.choices((action, 'action drop', 'action continue', ''), (8, 1, 1, 2))[0]}"

    def named(self) -> tuple[int, str]:
        rng = self.rng
        pref, handle = rng.choice(self.nodes) if self.nodes and rng.random() < 0.96 else (2, "800::4")
        return (pref if rng.random() < 0.9 else 5 - pref), handle  # any priority will do

    def changing(self) -> str:
        rng = self.rng
        pref, handle = self.named()
        verb = rng.choice(("change", "replace"))
        protocol = "protocol ip " if verb == "replace" or rng.random() < 0.5 else ""
        match = self.match() if verb == "replace" or rng.random() < 0.5 else ""
        place = "ht 1:2: " if rng.random() < 0.1 else ""
        if self.matchall and pref == 3:
            handle = "1" if ":" in handle else handle
            return f"{verb} {HERE} pref {pref} {protocol}handle {handle} matchall {self.rest()}".rstrip()
        return f"{verb} {HERE} pref {pref} {protocol}handle {handle} u32 {place}{match}{self.link()}{self.rest()}"

    def removing(self) -> str:
        rng = self.rng
        if self.tables and rng.random() < 0.2:
            number = rng.choice(self.tables)
            self.tables.remove(number)
            return f"del {HERE} pref {rng.choice((2, 3))} handle {number}: u32"
        pref, handle = self.named()
        if rng.random() < 0.12:
            self.nodes = [one for one in self.nodes if one[0] != pref]
            kind = "matchall" if self.matchall and pref == 3 else "u32"
            return f"del {HERE} pref {pref} {rng.choice(('', kind, f'protocol ip {kind}'))}"
        if rng.random() < 0.05:
            return f"del {HERE}"
        self.nodes = [one for one in self.nodes if one != (pref, handle)]
        return f"del {HERE} pref {pref} handle {handle} {'u32' if ':' in handle else 'matchall'}"


def u32_plain(filters: u32.FilterList) -> object:
    """Where a filter is, by its table, and else by its priority."""
    nodes, tables = [], set()
    for one in filters.filters:
        if one.kind == "matchall":
            if one.handle == u32.NO_HANDLE:
                return None
            nodes.append(replace(one, in_hw=None))
            continue
        if one.divisor is not None:
            tables.add((one.handle.table, one.divisor))
            continue
        if not one.handle.node or not one.pref:
            return None
        where = {"pref": 0, "protocol": 0} if one.ht is not None else {}
        selector = replace(one.selector, offmask=0) if one.selector else None
        handle = u32.Handle(node=one.handle.node)
        nodes.append(replace(one, handle=handle, selector=selector, link=one.link or None, in_hw=None, **where))
    return sorted(tables), sorted(nodes, key=lambda one: (one.pref, repr(one.ht), one.handle))


FLOWER = Kind(
    "flower",
    lambda rng: FlowerScript(rng).lines(),
    lambda text: flower.parse_script(text, "s", NAMES),
    lambda data: flower_plain(flower.read(data, "d", NAMES)),
    flower_plain,
    flower_meaning,
)
U32 = Kind(
    "u32",
    lambda rng: U32Script(rng).lines(),
    lambda text: u32.parse_script(text, "s", NAMES),
    lambda data: u32_plain(u32.read(data, "d", NAMES)),
    u32_plain,
    u32_meaning,
)


def judge_scripts(kernel: Kernel, kind: Kind, seed: int, count: int) -> Changes:
    """So many random scripts."""
    rng, found = random.Random(seed), Changes()
    kernel.need(PORTS)
    for _ in range(count):
        judge(kernel, kind, kind.script(rng), found)
        if len(found.wrong) > 3:
            break
    return found
