"""Random flows and groups, as text for ``ovs-ofctl``, and frames that meet them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

PORTS: Final = (1, 2, 3, 4)
MACS: Final = ("02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff")
ADDRESSES: Final = ("10.0.0.1", "10.0.0.2", "10.1.2.3", "192.168.1.1", "255.255.255.255")
ADDRESSES_6: Final = ("2001:db8::1", "2001:db8::2", "fe80::1", "2001:db8:1::")
NUMBERS: Final = (0, 1, 2, 53, 80, 443, 0xFFFF)
TTLS: Final = (0, 1, 2, 64, 255)
VIDS: Final = (0, 1, 5, 100, 4095)
LABELS: Final = (0, 3, 16, 1000)

MOST_BUCKETS: Final = 3
DOWN: Final = 99
"""A port that campaigns take down."""
LIVE: Final = {f"in.live.{port}": int(port != DOWN) for port in (*PORTS, DOWN)}

FAMILIES: Final = ("", "", *["ip", "tcp", "tcp", "udp", "icmp", "sctp", "ipv6", "tcp6", "udp6", "icmp6", "arp", "mpls"])


STACKED = (
    "NXM_NX_XXREG0[]", "NXM_NX_XXREG0[16..47]", "OXM_OF_PKT_REG0[]", "OXM_OF_PKT_REG0[1..40]", "NXM_NX_REG1[]",
    "NXM_NX_REG1[4..9]", "NXM_OF_ETH_SRC[]", "NXM_OF_IN_PORT[]",
)  # fmt: skip
"""What is pushed and popped."""


class Flows:
    """Makes one bridge."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.groups = rng.sample((1, 2, 3), rng.choice((0, 0, 1, 2)))
        self.tables = rng.choice((1, 1, 2, 3))
        self.tags = 0
        self.meters = rng.choice(((), (), (7,)))

    def text(self) -> str:
        """Groups first, then the flows, priorities all different."""
        rng = self.rng
        lines = [self._group(number) for number in self.groups]
        lines += [f"meter={number},pktps,burst,bands=type=drop,rate={rng.choice((1, 9999999))},burst_size=1"
                  for number in self.meters]  # fmt: skip
        count = rng.choice((1, 2, 3, 5, 8, 12))
        priorities = rng.sample(range(1, 1000), count)
        for priority in priorities:
            table = rng.randrange(self.tables)
            words, family = self.match()
            match = ",".join(["", *words])
            lines.append(f"table={table},priority={priority}{match} actions={self.actions(family, table)}")
        if rng.random() < 0.5:
            lines.append(f"table=0,priority=0 actions={self.actions('', 0)}")
        if rng.random() < 0.25:
            lines += self._conjunction(rng.randrange(self.tables))
        if rng.random() < 0.15:  # with others of its priority
            lines.append(f"table=0,priority={rng.choice(priorities)},in_port=1 actions=output:{rng.choice(PORTS)}")
        return "\n".join(lines) + "\n"

    def _conjunction(self, table: int) -> list[str]:
        """Flows that match together, and what follows."""
        rng = self.rng
        number, clauses = rng.choice((1, 2)), rng.choice((2, 2, 3))
        priorities = rng.choices((500, 500, 500, 40, 999), k=clauses)
        lines = []
        for clause, priority in enumerate(priorities, 1):
            for _ in range(rng.choice((1, 1, 2))):
                match = ",".join(["", *self.match()[0]])
                lines.append(
                    f"table={table},priority={priority}{match} actions=conjunction({number},{clause}/{clauses})"
                )
        if rng.random() < 0.9:
            family = rng.choice(FAMILIES)
            asked = f",{family}" if family else ""
            lines.append(
                f"table={table},priority={rng.choice((1, 400, 500, 600))},conj_id={number}{asked} "
                f"actions={self.actions(family, table)}"
            )
        return lines

    def match(self) -> tuple[list[str], str]:
        """The words of a match, and the protocol that it asks for."""
        rng = self.rng
        words: list[str] = []
        if rng.random() < 0.2:
            words.append(f"in_port={rng.choice(PORTS)}")
        if rng.random() < 0.15:
            words.append(f"dl_{rng.choice(('src', 'dst'))}={rng.choice(MACS)}" + rng.choice(("", "/ff:ff:ff:00:00:00")))
        if rng.random() < 0.25:
            vid = rng.choice(VIDS)
            some = (f"dl_vlan={vid}", "vlan_tci=0x1000/0x1000", "vlan_tci=0", f"dl_vlan={vid},dl_vlan_pcp=3")
            words.append(rng.choice(some))
        if rng.random() < 0.2:
            numbers = [f"reg0={rng.randrange(3)}", "reg1=1/1", "metadata=5/0xf", "tun_id=5", "tun_id=0"]
            words.append(
                rng.choice([*numbers, "tun_src=0.0.0.0/8", "ct_state=-trk", "ct_state=+trk+new", "ct_mark=0/1"])
            )
        family = rng.choice(FAMILIES)
        if family:
            words.append(family)
            words += self._of(family)
        self.tags = int(any(word.startswith(("dl_vlan", "vlan_tci=0x1000")) for word in words))
        return words, family

    def _of(self, family: str) -> list[str]:
        rng = self.rng
        some: list[str] = []
        if family in ("ip", "tcp", "udp", "icmp", "sctp"):
            masks = ("", "/24", "/8", "/255.0.255.0")
            some += [f"nw_{end}={rng.choice(ADDRESSES)}{rng.choice(masks)}" for end in ("src", "dst")]
        if family in ("ipv6", "tcp6", "udp6", "icmp6"):
            some += [f"ipv6_{end}={rng.choice(ADDRESSES_6)}{rng.choice(('', '/64', '/16'))}" for end in ("src", "dst")]
            some += [f"ipv6_label={rng.randrange(2)}"]
        if family not in ("arp", "mpls"):
            some += [f"nw_tos={rng.choice((0, 4, 252))}", f"nw_ecn={rng.randrange(4)}", f"nw_ttl={rng.choice(TTLS)}"]
            some += [f"nw_frag={rng.choice(('no', 'yes', 'first', 'later', 'not_later'))}"] if "6" not in family else []
        if family.rstrip("6") in ("tcp", "udp", "sctp"):
            some += [f"tp_{end}={rng.choice(NUMBERS)}{rng.choice(('', '', '/0xfff0'))}" for end in ("src", "dst")]
        if family.startswith("tcp"):
            some.append(rng.choice(("tcp_flags=+syn-ack", "tcp_flags=0x10/0x10")))
        if family == "icmp":
            some += ["icmp_type=8", "icmp_code=0"]
        if family == "icmp6":
            some += ["icmpv6_type=128", "icmpv6_code=0"]
        if family == "arp":
            some += ["arp_op=1", "arp_spa=10.0.0.1", "arp_tpa=10.0.0.0/8", f"arp_sha={MACS[0]}"]
        if family == "mpls":
            some += [f"mpls_label={rng.choice(LABELS)}", f"mpls_tc={rng.randrange(8)}", f"mpls_bos={rng.randrange(2)}"]
        return rng.sample(some, min(len(some), rng.choice((0, 1, 1, 2))))

    def actions(self, family: str, table: int) -> str:
        """A list of actions that fits the match."""
        rng = self.rng
        made = [self._action(family, table) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))]
        made = [action for action in made if action]
        if rng.random() < 0.1 and family not in ("arp", "mpls"):
            made.append(f"push_mpls:0x8847,set_field:{rng.choice(LABELS)}->mpls_label")
        if rng.random() < 0.8:
            made.append(self._output())
        if rng.random() < 0.2:
            inner = [self._write(family) for _ in range(rng.randrange(3))] + [f"output:{rng.choice(PORTS)}"]
            made.append(f"write_actions({','.join(a for a in inner if a)})")
        if rng.random() < 0.1:
            made.append("clear_actions") if not any("write_actions" in a for a in made) else None
        if self.meters and rng.random() < 0.3:
            made.insert(0, f"meter:{self.meters[0]}")
        if table + 1 < self.tables and rng.random() < 0.6:
            made.append(f"goto_table:{rng.randrange(table + 1, self.tables)}")
        return ",".join(made) or "drop"

    def _output(self) -> str:
        rng = self.rng
        if self.groups and rng.random() < 0.2:
            return f"group:{rng.choice(self.groups)}"
        return rng.choice(("in_port", "controller", "output:NXM_NX_REG0[0..15]", *(f"output:{p}" for p in PORTS)))

    def _action(self, family: str, table: int) -> str:
        rng = self.rng
        choices: list[Callable[[], str]] = [
            self._output,
            lambda: self._write(family),
            lambda: self._write(family),
            self._push,
            self._pop,
            lambda: f"resubmit({rng.choice(('', '1', '2'))},{table + 1})" if table + 1 < self.tables else "",
            lambda: self._of_nicira(family),
        ]
        if family == "mpls":
            choices += [lambda: "dec_mpls_ttl", lambda: "pop_mpls:0x8847"]
            choices += [lambda: f"set_field:{rng.choice(LABELS)}->mpls_label"]
        elif family and family != "arp":
            choices += [lambda: "dec_ttl", lambda: "dec_ttl"]
        return rng.choice(choices)()

    def _of_nicira(self, family: str) -> str:
        """An action that OpenFlow has not."""
        rng = self.rng
        some = (
            f"clone({self._write(family)},{self._output()})",
            f"clone({self._output()})",
            "exit" if rng.random() < 0.3 else "note:01",
            "push:NXM_OF_ETH_SRC[0..15],pop:NXM_NX_REG0[0..15]",
            "pop:NXM_OF_ETH_DST[]",
            "push:NXM_OF_IN_PORT[],load:0->NXM_OF_IN_PORT[],output:1,pop:NXM_OF_IN_PORT[]",
            ",".join(f"{verb}:{rng.choice(STACKED)}" for verb in ("push", "push", "pop", "pop")),
            "move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[64..111]",
            f"load:{rng.choice(PORTS)}->NXM_NX_XXREG0[96..127]",
            "enqueue:2:1",
            "ct_clear,set_queue:1",
            f"bundle(eth_src,0,{rng.choice(('hrw', 'active_backup'))},ofport,members:1,{DOWN},2)",
            "multipath(eth_src,0,modulo_n,2,0,NXM_NX_REG1[0..3])",
            "set_field:5->pkt_mark",
        )
        return rng.choice(some)

    def _push(self) -> str:
        if self.tags > 1:
            return ""
        self.tags += 1
        tag = f",set_field:{0x1000 | self.rng.choice(VIDS)}->vlan_vid,set_field:5->vlan_pcp"
        moved = ",move:NXM_NX_REG0[0..11]->OXM_OF_VLAN_VID[0..11],move:NXM_NX_REG0[3..5]->OXM_OF_VLAN_PCP[]"
        return f"push_vlan:{self.rng.choice(('0x8100', '0x88a8'))}" + self.rng.choice(("", tag, tag, moved))

    def _pop(self) -> str:
        if not self.tags:
            return ""
        self.tags -= 1
        return "pop_vlan"

    def _write(self, family: str) -> str:
        rng = self.rng
        made = [
            f"set_field:{rng.choice(MACS)}->eth_{rng.choice(('src', 'dst'))}",
            f"set_field:{rng.randrange(4)}->reg{rng.randrange(2)}",
            "move:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG0[0..15]",
            "set_field:0x5/0xf->metadata",
            "set_field:5->tun_id",
            "move:NXM_NX_TUN_ID[0..15]->NXM_NX_REG0[0..15]",
            f"load:{rng.choice((0, 0, 2))}->NXM_OF_IN_PORT[]",
        ]
        if family in ("ip", "tcp", "udp", "icmp", "sctp"):
            made += [f"set_field:{rng.choice(ADDRESSES)}->ip_{rng.choice(('src', 'dst'))}"] * 2
            made += ["set_field:10.9.0.0/16->ip_dst", "move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]"]
        if family in ("ipv6", "tcp6", "udp6", "icmp6"):
            made += [f"set_field:{rng.choice(ADDRESSES_6)}->ipv6_{rng.choice(('src', 'dst'))}"] * 2
            made += [f"set_field:{rng.randrange(1 << 20)}->ipv6_label"]
        if family not in ("", "arp", "mpls"):
            made += [f"set_field:{rng.choice(TTLS)}->nw_ttl", "set_field:9->ip_dscp", "set_field:2->nw_ecn"]
        if family in ("tcp", "udp", "tcp6", "udp6"):
            made += [f"set_field:{rng.choice(NUMBERS)}->{family.rstrip('6')}_{rng.choice(('src', 'dst'))}"] * 3
        if family == "icmp":
            made += ["set_field:0->icmp_type", "set_field:3->icmp_code"]
        if family == "icmp6":
            made += ["set_field:129->icmpv6_type"]
        if family == "arp":
            made += ["set_field:2->arp_op", f"set_field:{MACS[1]}->arp_sha", "set_field:10.0.0.9->arp_spa"]
        return rng.choice(made)

    def _group(self, number: int) -> str:
        rng = self.rng
        kind = rng.choice(("all", "all", "indirect", "ff", "select", "select"))
        count = 1 if kind == "indirect" else rng.randrange(1, MOST_BUCKETS + 1)
        buckets = []
        for _ in range(count):
            actions = [a for a in (self._write(""), rng.choice(("", "push_vlan:0x8100", "pop_vlan"))) if a]
            rng.shuffle(actions)
            outputs = [f"output:{rng.choice((*PORTS, *PORTS, 'reg0[0..15]'))}"] if rng.random() < 0.9 else []
            buckets.append(f"bucket={self._bucket(kind)}actions=" + (",".join(actions + outputs)))
        method = rng.choice(("", "selection_method=hash,fields(ip_dst,eth_src),")) if kind == "select" else ""
        return f"group_id={number},type={kind},{method}" + ",".join(buckets)

    def _bucket(self, kind: str) -> str:
        """A bucket's weight and what it watches."""
        rng = self.rng
        watch = f"watch_port:{rng.choice((1, 2, DOWN))},"
        if kind == "ff":
            return watch
        return rng.choice(("", "", "weight:5,", "weight:100,", watch)) if kind == "select" else ""


def frame(rng: random.Random) -> bytes:
    """A frame of 14 bytes or more: mostly whole headers with right lengths, sometimes damaged or cut."""
    data = _frame(rng)
    if rng.random() < 0.15:
        at = rng.randrange(12, len(data))
        data = data[:at] + rng.randbytes(1) + data[at + 1 :]
    if rng.random() < 0.12:
        data = data[: rng.randrange(14, len(data) + 1)]
    return data


def _mac(rng: random.Random) -> bytes:
    return bytes.fromhex(rng.choice(MACS).replace(":", ""))


def _number(rng: random.Random, values: tuple[int, ...], size: int) -> bytes:
    value = rng.choice(values) if rng.random() < 0.85 else rng.getrandbits(8 * size)
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "big")


def _frame(rng: random.Random) -> bytes:
    head = _mac(rng) + _mac(rng)
    for _ in range(rng.choices((0, 1, 2), (6, 3, 1))[0]):
        tci = rng.choice(VIDS) | rng.choice((0, 0x1000, 0x6000, 0x7000))
        head += rng.choice((b"\x81\0", b"\x81\0", b"\x88\xa8")) + tci.to_bytes(2, "big")
    kind, body = rng.choice((_ip4, _ip4, _ip4, _ip6, _arp, _mpls, _other))(rng)
    if rng.random() < 0.05:
        return head + (8 + len(body)).to_bytes(2, "big") + b"\xaa\xaa\x03\0\0\0" + kind + body
    return head + kind + body


def _other(rng: random.Random) -> tuple[bytes, bytes]:
    return _number(rng, (0x88B5, 0x05FF, 0x0600, 46), 2), rng.randbytes(rng.randrange(50))


def _layer4(rng: random.Random, six: bool) -> tuple[int, bytes]:
    protocol = rng.choice((6, 17, 58 if six else 1, 132, 0 if not six else 59, 6, 17))
    ports = _number(rng, NUMBERS, 2) + _number(rng, NUMBERS, 2)
    data = rng.randbytes(rng.randrange(20))
    if protocol == 6:
        flags = rng.choice((b"\x02", b"\x12", b"\x10"))
        offset = bytes((rng.choices((5, rng.randrange(16)), (3, 1))[0] << 4 | rng.choice((0, 0, 15)),))
        return protocol, ports + rng.randbytes(8) + offset + flags + rng.randbytes(6) + data
    if protocol == 17:
        checksum = rng.choice((b"\0\0", rng.randbytes(2)))
        return protocol, ports + (8 + len(data)).to_bytes(2, "big") + checksum + data
    if protocol in (1, 58):
        return protocol, rng.choice((b"\x08\0", b"\0\0", b"\x80\0", b"\x81\0")) + rng.randbytes(6) + data
    return protocol, ports + rng.randbytes(8) + data


def _ip4(rng: random.Random) -> tuple[bytes, bytes]:
    protocol, payload = _layer4(rng, six=False)
    options = rng.randbytes(4 * rng.choices((0, 1, 10), (8, 2, 1))[0])
    flags = rng.choices((0, 0x4000, 0x2000, 0x2010, 0x0010, 0x8000), (8, 4, 1, 1, 1, 1))[0]
    length = 20 + len(options) + len(payload)
    padding = bytes(rng.choices((0, 6, 255, 256), (8, 3, 1, 1))[0])
    if rng.random() < 0.05:
        length = rng.choice((length - 1, length + 1, 20, 19, 0))
    header = bytes((0x45 + len(options) // 4, rng.choice((0, 4, 252, 3, 255)))) + length.to_bytes(2, "big")
    header += rng.randbytes(2) + flags.to_bytes(2, "big") + bytes((rng.choice(TTLS), protocol)) + rng.randbytes(2)
    header += b"".join(_address(rng) for _ in range(2)) + options
    return b"\x08\0", header + payload + padding


def _address(rng: random.Random) -> bytes:
    return bytes(int(part) for part in rng.choice(ADDRESSES).split("."))


def _ip6(rng: random.Random) -> tuple[bytes, bytes]:
    protocol, payload = _layer4(rng, six=True)
    first = (6 << 28 | rng.choice((0, 4, 252, 3)) << 20 | rng.choice((0, 1, 0xFFFFF))).to_bytes(4, "big")
    length = len(payload) + (rng.choice((-1, 1)) if rng.random() < 0.05 else 0)
    padding = bytes(rng.choices((0, 4, 256), (8, 2, 1))[0])
    head = first + max(0, length).to_bytes(2, "big") + bytes((protocol, rng.choice(TTLS)))
    return b"\x86\xdd", head + _address_6(rng) + _address_6(rng) + payload + padding


def _address_6(rng: random.Random) -> bytes:
    low = rng.choice((1, 2, 0x10000))
    return bytes.fromhex(rng.choice(("20010db8", "fe800000"))) + low.to_bytes(12, "big")


def _arp(rng: random.Random) -> tuple[bytes, bytes]:
    opcode = rng.choice((1, 2, 256, 0)).to_bytes(2, "big")
    body = b"\0\x01\x08\0\x06\x04" + opcode + _mac(rng) + _address(rng) + _mac(rng) + _address(rng)
    return rng.choice((b"\x08\x06", b"\x08\x06", b"\x80\x35")), body + bytes(rng.choice((0, 18)))


def _mpls(rng: random.Random) -> tuple[bytes, bytes]:
    count = rng.choice((1, 1, 2, 3, 4))
    stack = b""
    for i in range(count):
        bottom = i == count - 1 and rng.random() < 0.9
        entry = rng.choice(LABELS) << 12 | rng.randrange(8) << 9 | bottom << 8 | rng.choice((1, 2, 64, 255))
        stack += entry.to_bytes(4, "big")
    return rng.choice((b"\x88\x47", b"\x88\x48")), stack + _ip4(rng)[1]
