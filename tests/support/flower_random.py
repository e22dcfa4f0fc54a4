"""Random flower filters, as scripts, and random frames: both from small pools, so that they meet."""

from __future__ import annotations

import ipaddress
import random
import struct

PORTS = (0, 1, 2)
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff")
IP4 = ("10.0.0.1", "10.0.0.2", "192.168.7.9")
IP6 = ("fe80::1", "fe80::2", "2001:db8::1")
L4 = (53, 80, 1000, 65535)
VLANS = (0, 1, 5, 4095)
LABELS = (0, 16, 99, 1048575)
IP_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58}
TYPES = {"ip": 0x0800, "ipv6": 0x86DD, "arp": 0x0806, "rarp": 0x8035, "mpls_uc": 0x8847, "mpls_mc": 0x8848}
CHAINS = (0, 1, 7)
UNTRACKED = (
    "ct_state -trk", "ct_state +trk", "ct_state +trk+new", "ct_state -new-est", "ct_mark 0/0xff", "ct_mark 3",
    "ct_label 00/ff",
)  # fmt: skip
"""Keys of connection tracking, which no packet comes from."""
JUMPING = 0.05
"""How many lists of actions jump over some."""
TRACKED = (
    "ct_state +trk+new", "ct_state +trk+inv", "ct_state -trk", "ct_state +trk-new", "ct_state +trk-inv", "ct_mark 5",
    "ct_mark 4/0x4", "ct_label 0102", "ct_label 00/ff", "ct_state +trk+new ct_mark 7",
)  # fmt: skip
"""Keys of connection tracking that is asked."""
TRACKING = 0.12
"""How many lists ask it."""
MATCHING_ALL = 0.1
"""How many priorities are of ``matchall``."""
AT_EGRESS = 0.2
"""How many lists are at an egress hook."""
GENEVE = (
    "0102:80:00800022", "0102:80:00800022,0103:0f:1122334455667788", "0103:0f:1122334455667788", "0102:80:00800023",
    "0102:80:0080002200000000",
)  # fmt: skip
"""Options of tunnels."""
MASKED = (
    "0102:80:00800022/ffff:0f:00ff00ff", "0102:80:00800022/0000:00:00000000",
    "0103:0f:1122334455667788/ff00:ff:ffffffff00000000",
)  # fmt: skip
KEY_IDS = (0, 5, 100, 0xFFFFFFFF)


def pick(rng: random.Random, *weighted: tuple[float, str]) -> str:
    """One of some words, by weight."""
    return rng.choices([word for _, word in weighted], [weight for weight, _ in weighted])[0]


# --- filters --------------------------------------------------------------------------------------------------------


class Filters:
    """One random script."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.protocols: dict[tuple[int, int], str] = {}
        self.kinds: dict[tuple[int, int], str] = {}
        self.hook = "ingress"
        self.tracks = rng.random() < TRACKING
        self.further = CHAINS
        """Chains to go to: mostly those behind, for circles make large terms."""

    def text(self) -> str:
        """The commands of up to twelve filters."""
        return "".join(f"{self.one()}\n" for _ in range(self.rng.randint(2, 12)))

    def one(self) -> str:
        """One command."""
        rng = self.rng
        chain = rng.choice(CHAINS) if rng.random() < 0.4 else 0
        self.further = CHAINS[CHAINS.index(chain) + 1 :] if rng.random() < 0.95 else CHAINS
        self.further = self.further or (9,)
        pref = rng.randint(1, 5)
        while self.kinds.get((chain, pref)) == "matchall" and rng.random() < 0.95:
            pref = rng.randint(1, 5)
        protocol = self.protocols.setdefault((chain, pref), self.protocol())
        words = [f"filter add dev port0 {self.hook} pref {pref} protocol {protocol}"]
        if chain:
            words.append(f"chain {chain}")
        kind = "matchall" if rng.random() < MATCHING_ALL else "flower"
        if rng.random() < 0.97:
            kind = self.kinds.setdefault((chain, pref), kind)
        words += [kind] if kind == "matchall" else [kind, *self.keys(protocol)]
        if rng.random() < 0.2:
            words.append(f"classid 1:{rng.randint(1, 3)}")
        actions = self.actions(protocol)
        if rng.random() < 0.05 and (actions or kind == "flower"):
            words.append("skip_hw")
        return " ".join([*words, *(actions or (["action pass"] if kind == "matchall" else []))])

    def protocol(self) -> str:
        """A protocol of a priority."""
        return pick(
            self.rng, (8, "ip"), (5, "ipv6"), (5, "802.1q"), (2, "802.1ad"), (2, "arp"), (3, "mpls_uc"),
            (0.5, "mpls_mc"), (3, "all"), (0.5, "0x88b5"), (0.3, "rarp"), (0.3, "802_2"),
        )  # fmt: skip

    def keys(self, protocol: str) -> list[str]:
        """Keys that go with a protocol."""
        rng = self.rng
        words: list[str] = []
        if rng.random() < 0.3:
            return words
        if rng.random() < 0.1:
            words.append(f"{rng.choice(['dst_mac', 'src_mac'])} {self.mac()}")
        if rng.random() < 0.05:
            words.append(f"num_of_vlans {rng.randint(0, 3)}")
        kind = protocol
        for which in ("vlan", "cvlan"):
            if kind not in ("802.1q", "802.1ad"):
                break
            if rng.random() < 0.3:
                words.append(f"{which}_id {rng.choice(VLANS)}")
            if rng.random() < 0.1:
                words.append(f"{which}_prio {rng.randint(0, 7)}")
            kind = "" if rng.random() < 0.25 else self.behind(which)
            if kind:
                words.append(f"{which}_ethtype {kind}")
        if kind in ("ip", "ipv6"):
            words += self.ip(kind)
        elif kind in ("arp", "rarp"):
            words += self.arp()
        elif kind.startswith("mpls"):
            words += self.mpls()
        if rng.random() < 0.12:
            words.append(f"ip_flags {rng.choice(['frag', 'nofrag', 'firstfrag', 'nofirstfrag', 'frag/nofirstfrag'])}")
        if rng.random() < (0.3 if self.tracks else 0.05):
            words.append(rng.choice(TRACKED if self.tracks else UNTRACKED))
        return words + (self.tunnel_keys() if rng.random() < 0.12 else [])

    def tunnel_keys(self) -> list[str]:
        """Keys that ask for a tunnel's."""
        rng = self.rng
        words = []
        if rng.random() < 0.5:
            words.append(f"enc_key_id {rng.choice(KEY_IDS)}")
        addresses, longest = rng.choice(((IP4, 32), (IP6, 128)))
        sides = [name for name in ("enc_src_ip", "enc_dst_ip") if rng.random() < 0.3]
        words += [f"{n} {rng.choice(addresses)}{rng.choice(('', '', f'/{rng.randint(0, longest)}'))}" for n in sides]
        numbers = [each for each in (("enc_tos", 8), ("enc_ttl", 64)) if rng.random() < 0.15]
        words += [f"{n} {rng.choice((0, some, 3))}{rng.choice(('', '/4', '/0'))}" for n, some in numbers]
        if rng.random() < 0.25:
            words.append(f"geneve_opts {rng.choice((*GENEVE, *MASKED))}" if rng.random() < 0.9 else "vxlan_opts 5/255")
        return words + ([f"enc_dst_port {rng.choice((0, 4789, 6081))}"] if rng.random() < 0.2 else [])

    def behind(self, which: str) -> str:
        """A type behind a tag."""
        tags = (2 if which == "vlan" else 0.7, "802.1q")
        return pick(self.rng, (5, "ip"), (2, "ipv6"), (1, "arp"), (1, "mpls_uc"), (0.5, "0x88b5"), tags, (0.3, "802_2"))

    def mac(self) -> str:
        text = self.rng.choice(MACS)
        return text + self.rng.choice(["", "", "/24", "/ff:00:00:00:00:0f", "/1"])

    def ip(self, kind: str) -> list[str]:
        rng = self.rng
        words: list[str] = []
        for name in ("src_ip", "dst_ip"):
            if rng.random() < 0.25:
                address, longest = (rng.choice(IP4), 32) if kind == "ip" else (rng.choice(IP6), 128)
                words.append(f"{name} {address}" + (f"/{rng.randint(0, longest)}" if rng.random() < 0.7 else ""))
        if rng.random() < 0.08:
            words.append(f"ip_tos {rng.choice([0, 1, 16, 184])}" + rng.choice(["", "/0xfc", "/0x3"]))
        if rng.random() < 0.08:
            words.append(f"ip_ttl {rng.choice([0, 1, 64, 255])}" + rng.choice(["", "/0xf0"]))
        if rng.random() < 0.4:
            mine = "icmp" if kind == "ip" else "icmpv6"
            proto = rng.choice(["tcp", "udp", "sctp", mine, "udp", "tcp", "0x2f", "0x89", "0", "0x3b", "0x32", "0x1"])
            words.append(f"ip_proto {proto}")
            words += self.carried(kind, proto)
        return words

    def carried(self, kind: str, proto: str) -> list[str]:
        rng = self.rng
        words: list[str] = []
        if proto in ("tcp", "udp", "sctp"):
            for name in ("src_port", "dst_port"):
                if rng.random() < 0.35:
                    low = rng.choice(L4)
                    ranges = f"{low}-{min(low + rng.choice([1, 300, 2000]), 65535)}"
                    plain = f"{low}" + rng.choice(["", "", "/0xff", "/0xfff0", "/0"])
                    words.append(f"{name} {ranges if rng.random() < 0.35 and low < 65535 else plain}")
        if proto == "tcp" and rng.random() < 0.4:
            words.append(f"tcp_flags {rng.choice(['0x2', '0x12', '0x0', '0x100'])}" + rng.choice(["", "/0x12", "/0x7"]))
        if (kind, proto) in (("ip", "icmp"), ("ipv6", "icmpv6")):
            some = [name for name in ("type", "code") if rng.random() < 0.5]
            words += [f"{name} {rng.choice([0, 3, 8, 128])}" + rng.choice(["", "/8"]) for name in some]
        return words

    def arp(self) -> list[str]:
        rng = self.rng
        some = [name for name in ("arp_sip", "arp_tip") if rng.random() < 0.3]
        words = [f"{n} {rng.choice(IP4)}" + (f"/{rng.randint(0, 32)}" if rng.random() < 0.5 else "") for n in some]
        if rng.random() < 0.4:
            words.append(f"arp_op {rng.choice(['request', 'reply', '0', '1/1', '2/2'])}")
        return words + [f"{name} {self.mac()}" for name in ("arp_sha", "arp_tha") if rng.random() < 0.2]

    def mpls(self) -> list[str]:
        rng = self.rng
        parts = {"label": LABELS, "tc": (0, 1, 7), "bos": (0, 1), "ttl": (0, 1, 64, 255)}
        if rng.random() < 0.5:
            return [f"mpls_{part} {rng.choice(values)}" for part, values in parts.items() if rng.random() < 0.2]
        words = []
        for depth in sorted(rng.sample(range(1, 8), rng.choice([1, 1, 2]))):
            depth = min(depth, rng.randint(1, 7))
            if f"lse depth {depth}" in " ".join(words):
                continue
            chosen = [f"{part} {rng.choice(values)}" for part, values in parts.items() if rng.random() < 0.2]
            words.append(" ".join([f"lse depth {depth}", *chosen]))
        return ["mpls", *words] if words else []

    # --- actions ---

    def actions(self, protocol: str) -> list[str]:
        """None, or some that end somehow."""
        rng = self.rng
        if rng.random() < 0.08:
            return []
        words = [self.writing(protocol) for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))]
        words.append(self.last())
        if rng.random() < JUMPING:
            at = rng.randrange(len(words))
            words.insert(at, f"jump {rng.randint(at + 1, len(words) + 2)}")
        return [f"action {word}" for word in words]

    def last(self) -> str:
        return pick(
            self.rng,
            (5.3, f"mirred egress redirect dev port{self.rng.choice(PORTS)}"),
            (0.7, f"mirred ingress redirect dev port{self.rng.choice(PORTS)}"),
            (1, "drop"),
            (2, "pass"),
            (1.5, "continue"),
            (1, "pipe"),
            (1.5, f"goto chain {self.rng.choice(self.further)}"),
            (0.1, "reclassify"),
            (0.3, "trap"),
            (1, self.mirror()),
        )

    def mirror(self) -> str:
        control = self.rng.choice(["", " pipe", " drop", " pass", " continue", f" goto chain {self.further[-1]}"])
        hook = pick(self.rng, (8, "egress"), (1, "ingress"))
        return f"mirred {hook} mirror dev port{self.rng.choice(PORTS)}{control}"

    def writing(self, protocol: str) -> str:
        """An action in the middle."""
        rng = self.rng
        done = pick(
            rng, (3, self.vlan()), (2.5, self.labels()), (5, self.pedit()), (1.5, self.csum()), (0.5, self.mirror()),
            (1, self.skbedit()), (0.3, "tunnel_key unset"), (1, self.tunnel_key()), (0.2, "ct clear"),
            (8 if self.tracks else 0, self.ct()), (0.1, f"sample rate {rng.choice((1, 5))} group 3 trunc 60"),
        )  # fmt: skip
        if done.startswith("mirred"):
            return done
        return done + pick(
            rng, (12, " pipe"), (0.4, " continue"), (0.4, " pass"), (0.4, " goto chain 1"), (0.2, " drop")
        )

    def ct(self) -> str:
        """Without zones, which the private kernel has not, and without ``force``, which it does not survive."""
        keeps = self.rng.choice(("", " mark 5", " mark 0x4/0x6", " label 0102/ffff", " mark 3/0x3 label 01/03"))
        return self.rng.choice(("ct", "ct", "ct clear", f"ct commit{keeps}"))

    def tunnel_key(self) -> str:
        rng = self.rng
        addresses = rng.choice((IP4, IP6))
        words = [f"set src_ip {rng.choice(addresses)} dst_ip {rng.choice(addresses)}"]
        words += [f"id {rng.choice(KEY_IDS)}"] if rng.random() < 0.8 else []
        words += ["dst_port 4789"] if rng.random() < 0.4 else []
        words += [f"geneve_opts {rng.choice(GENEVE)}"] if rng.random() < 0.3 else []
        words += [rng.choice(("csum", "nocsum"))] if rng.random() < 0.3 else []
        words += [f"tos {rng.choice((0, 8, 3))}"] if rng.random() < 0.2 else []
        words += [f"ttl {rng.choice((0, 64, 3))}"] if rng.random() < 0.2 else []
        return f"tunnel_key {' '.join(words)}"

    def csum(self) -> str:
        rng = self.rng
        parts = [part for part in ("ip4h", "tcp", "udp", "icmp", "igmp") if rng.random() < 0.25]
        parts += ["udplite"] if rng.random() < 0.1 else []
        return f"csum {' and '.join(parts or ['ip4h'])}"

    def skbedit(self) -> str:
        rng = self.rng
        mark = f"mark {rng.choice([0, 1, 7, 0xFFFFFFFF])}{rng.choice(['', '/0xf', '/0x6'])}"
        kind = f"ptype {rng.choice(['host', 'otherhost', 'multicast'])}"
        some = [mark, mark, "priority 1:2", f"priority 0:0 {mark}", kind, "inheritdsfield", f"{mark} {kind}"]
        return f"skbedit {rng.choice(some)}"

    def vlan(self) -> str:
        rng = self.rng
        kind = rng.choice(["", " protocol 802.1ad"])
        prio = rng.choice(["", " priority 3"])
        verbs = [f"{verb} id {rng.choice(VLANS[:-1])}{kind}{prio}" for verb in ("push", "modify")]
        return "vlan " + rng.choice(["pop", *verbs])

    def labels(self) -> str:
        rng = self.rng
        label = rng.choice([16, 99, 1048575])
        extra = rng.choice(["", " tc 5", " bos 0", " bos 1", " ttl 3", " protocol mpls_mc"])
        return "mpls " + rng.choice(
            [
                f"push label {label}{extra}",
                f"mac_push label {label}{extra}",
                f"pop protocol {rng.choice(['ip', 'ipv6', 'mpls_uc', '0x88b5'])}",
                rng.choice([f"modify label {label}", "modify ttl 7", "modify tc 2 bos 1"]),
                "dec_ttl",
            ]
        )

    def pedit(self) -> str:
        rng = self.rng
        return "pedit ex " + " ".join(f"munge {self.munge()}" for _ in range(rng.choice([1, 1, 2, 3])))

    def munge(self) -> str:
        rng = self.rng
        port = rng.choice(L4)
        retain = rng.choice(["", "", " retain 0xf"])
        verb = rng.choice(["set", "set", "add"])
        return rng.choice(
            [
                f"eth {rng.choice(['src', 'dst'])} set {rng.choice(MACS)}",
                f"eth type set {rng.choice([0x800, 0x86DD, 0x88B5])}",
                f"ip {rng.choice(['src', 'dst'])} {verb} {rng.choice(IP4)}",
                "ip ttl dec",
                f"ip ttl {verb} {rng.randint(0, 255)}{retain}",
                f"ip tos set {rng.randint(0, 255)}{retain}",
                f"ip protocol set {rng.choice([6, 17, 47])}",
                "ip ihl set 6",
                f"ip6 {rng.choice(['src', 'dst'])} set {rng.choice(IP6)}",
                "ip6 hoplimit dec",
                f"ip6 traffic_class set {rng.randint(0, 255)}",
                f"tcp {rng.choice(['sport', 'dport'])} {verb} {port}{retain}",
                f"udp {rng.choice(['sport', 'dport'])} {verb} {port}",
                f"tcp flags set {rng.randint(0, 255)}",
                f"offset {rng.choice([0, 4, 20, -4])} u32 at {rng.choice(_ATS)} set {rng.randint(0, 0xFFFFFFFF)}",
                f"offset {rng.choice([0, 4, 8, 12, 20, 36, 60, -4, -8, -16])} u32 set {rng.randint(0, 0xFFFFFFFF)}"
                if rng.random() < 0.5
                else f"offset {rng.choice([0, 1, 2, 9, 21, 33])} u8 set {rng.randint(0, 255)}{retain}",
            ]
        )


_ATS = ("0 0x0f 0", "0 0xf 2", "32 0xf0 2", "6 0xff 3", "8 0x3c 0", "0xfffffff4 0x1f 1", "200 0xc 0", "1 0x10f 0")
"""Bytes of the frame that say where a word is: place, mask, shift."""


# --- frames ---------------------------------------------------------------------------------------------------------


def frame(rng: random.Random, text: str = "") -> bytes:
    """One frame: layers upon layers, then perhaps cut short, lengthened or damaged; mostly of a type in the filters."""
    wanted = [number for name, number in TYPES.items() if f" {name} " in text]
    tagged = " 802.1" in text
    data = bytes.fromhex("".join(rng.choice(MACS) for _ in range(2)).replace(":", ""))
    tags = rng.choices([0, 1, 2, 3, 5], [25, 40, 30, 4, 1] if tagged else [80, 10, 6, 3, 1])[0]
    for _ in range(tags):
        tci = rng.choice(VLANS) | rng.choice([0, 0, 3, 7]) << 13 | rng.choice([0, 0, 1]) << 12
        data += struct.pack("!HH", rng.choice([0x8100, 0x8100, 0x88A8]), tci)
    kind = rng.choices(
        [
            0x0800,
            0x86DD,
            0x0806,
            0x8035,
            0x8847,
            0x8848,
            0x88B5,
            0x0028,
            0x8864,
            0x892F,
            0x88FB,
            0x4305,
            0x88F7,
            0x8902,
        ],
        [40, 25, 8, 1, 12, 2, 3, 2, 0.7, 0.4, 0.2, 0.2, 0.2, 0.2],
    )[0]
    if wanted and rng.random() < 0.85:
        kind = rng.choice(wanted)
    data += struct.pack("!H", kind) + payload(rng, kind)
    if rng.random() < 0.2:
        data = data[: max(14, rng.randint(14, max(14, len(data))))]
    if rng.random() < 0.15:
        data += rng.randbytes(rng.randint(1, 40))
    if rng.random() < 0.15 and len(data) > 14:
        at = rng.randrange(12, len(data))
        data = data[:at] + bytes([rng.choice([0, 1, 255, rng.randrange(256)])]) + data[at + 1 :]
    return data


def payload(rng: random.Random, kind: int) -> bytes:
    """What follows a type."""
    if kind == 0x0800:
        return ip4(rng)
    if kind == 0x86DD:
        return ip6(rng)
    if kind in (0x0806, 0x8035):
        return arp(rng)
    if kind in (0x8847, 0x8848):
        return stack(rng)
    if kind == 0x0028:
        return rng.choice([b"\xff\xff", b"\xaa\xaa\x03\0\0\0\x08\0", b"\x42\x42\x03"]) + rng.randbytes(38)
    return rng.randbytes(rng.randint(0, 50))


def address4(rng: random.Random) -> bytes:
    return bytes(map(int, rng.choice(IP4).split(".")))


def address6(rng: random.Random) -> bytes:
    return ipaddress.IPv6Address(rng.choice(IP6)).packed


def ip4(rng: random.Random) -> bytes:
    words = rng.choices([5, 6, 8, 15, 4, 0], [70, 8, 6, 6, 5, 3])[0]
    protocol = rng.choice([*IP_PROTOCOLS.values(), 6, 17, 6, 17, 1, 2, 47, 4, 41, 137, 51, rng.randrange(256)])
    pieces = rng.choices([0, 0x4000, 0x2000, 0x2007, 0x0007, 0x8000, 0x1FFF], [60, 20, 6, 4, 4, 2, 2])[0]
    options = rng.randbytes(4 * max(0, words - 5))
    carried = transport(rng, protocol)
    total = 20 + len(options) + len(carried)
    version = rng.choice([4, 4, 4, 4, 6])
    tos, ttl = rng.choice([0, 1, 16, 184]), rng.choice([0, 1, 64, 255])
    head = struct.pack("!BBHHHBBH", version << 4 | words, tos, total, 7, pieces, ttl, protocol, rng.randrange(65536))
    return head + address4(rng) + address4(rng) + options + carried


def ip6(rng: random.Random) -> bytes:
    protocol = rng.choice([*IP_PROTOCOLS.values(), 6, 17, 58, 47, 137, 59, 4, rng.randrange(256)])
    chain: list[tuple[int, bytes]] = []
    for _ in range(rng.choices([0, 1, 2, 3], [70, 18, 8, 4])[0]):
        kind = rng.choice([0, 43, 60, 44, 51])
        if kind == 44:
            chain.append((44, b"\0" + struct.pack("!HI", rng.choice([0, 1, 8, 0xFFF8, 6]), 7)))
        else:
            units = rng.choices([0, 1, 2, 7, 30], [60, 20, 10, 5, 2])[0]
            chain.append((kind, bytes([units]) + rng.randbytes(8 * units + 6)))
    carried = transport(rng, protocol)
    first = chain[0][0] if chain else protocol
    after = [kind for kind, _ in chain[1:]] + [protocol]
    extensions = b"".join(bytes([follows]) + body for (_, body), follows in zip(chain, after, strict=False))
    word = 6 << 28 | rng.choice([0, 1, 16, 184]) << 20 | rng.choice([0, 0x12345])
    head = struct.pack("!IHBB", word, len(extensions) + len(carried), first, rng.choice([0, 1, 64, 255]))
    return head + address6(rng) + address6(rng) + extensions + carried


def transport(rng: random.Random, protocol: int) -> bytes:
    if protocol == 6:
        offset = rng.choice([5, 5, 5, 8, 4, 0, 15])
        flags = rng.choice([0x02, 0x12, 0x10, 0x00, 0x102, 0xFFF])
        head = struct.pack("!HHIIHHHH", rng.choice(L4), rng.choice(L4), 1, 2, offset << 12 | flags, 512, 0xBEEF, 0)
        return head + rng.randbytes(rng.choice([0, 1, 7, 20]))
    if protocol in (17, 132, 136):
        data = rng.randbytes(rng.choice([0, 1, 9]))
        length, checksum = (
            rng.choice([8 + len(data)] * 4 + [8, 0 if protocol == 136 else 8]),
            rng.choice([0xBEEF, 0xBEEF, 0]),
        )
        return struct.pack("!HHHH", rng.choice(L4), rng.choice(L4), length, checksum) + data
    if protocol in (1, 2, 58):
        return bytes([rng.choice([0, 3, 8, 128]), rng.choice([0, 3, 8])]) + rng.randbytes(rng.choice([2, 6, 7, 30]))
    return rng.randbytes(rng.randint(0, 30))


def arp(rng: random.Random) -> bytes:
    head = struct.pack(
        "!HHBBH", rng.choice([1, 1, 1, 6]), rng.choice([0x800, 0x800, 0x86DD]), 6, 4, rng.choice([1, 2, 3])
    )
    macs = [bytes.fromhex(rng.choice(MACS).replace(":", "")) for _ in range(2)]
    return head + macs[0] + address4(rng) + macs[1] + address4(rng) + rng.randbytes(rng.choice([0, 18]))


def stack(rng: random.Random) -> bytes:
    count = rng.choices([1, 2, 3, 8], [50, 30, 12, 5])[0]
    data = b""
    for i in range(count):
        bottom = int(i == count - 1) if rng.random() < 0.95 else rng.randint(0, 1)
        label, tc, ttl = rng.choice(LABELS), rng.choice([0, 1, 7]), rng.choice([0, 1, 64, 255])
        data += struct.pack("!I", label << 12 | tc << 9 | bottom << 8 | ttl)
    return data + rng.choice([ip4, ip6])(rng)


# --- beside frames --------------------------------------------------------------------------------------------------


def beside(rng: random.Random, text: str) -> dict[str, int]:
    """What frames come with: more often where filters ask for it."""
    given: dict[str, int] = {}
    if rng.random() < (0.7 if " mark " in text else 0.1):
        given |= {"in.mark": rng.choice((1, 2, 7, 0xFFFFFFFF)), "in.priority": rng.choice((0, 0x10002))}
        given["in.pkt_type"] = rng.choice((0, 1, 3))
    if rng.random() < (0.6 if "enc_" in text else 0.1):
        given |= _key(rng)
    return given


def _key(rng: random.Random) -> dict[str, int]:
    addresses, mode = rng.choice(((IP4, 1), (IP6, 3)))
    numbers = {
        "id": rng.choice(KEY_IDS),
        "src": int(ipaddress.ip_address(rng.choice(addresses))),
        "dst": int(ipaddress.ip_address(rng.choice(addresses))),
        "dst_port": rng.choice((0, 4789)),
        "tos": rng.choice((0, 8, 3)),
        "ttl": rng.choice((0, 64, 3)),
        "mode": mode,
    }
    if rng.random() < 0.4:
        numbers |= {"flags": 0x0800, **_options(rng.choice(GENEVE))}
    return {"in.tunnel": 1, **{f"in.tunnel.{name}": number for name, number in numbers.items()}}


def _options(text: str) -> dict[str, int]:
    """Options of Geneve as they go over the wire (RFC 8926, 3.5)."""
    data = b""
    for one in text.split(","):
        kind, number, body = one.split(":")
        data += bytes.fromhex(f"{kind}{number}{len(body) // 8:02x}{body}")
    return {"options": int.from_bytes(data.ljust(255, b"\0"), "big"), "options_len": len(data)}
