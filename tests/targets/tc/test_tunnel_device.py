"""Tunnels' keys as real tunnel devices give and take them: VXLAN and, with options, Geneve of a private kernel."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator

import pytest

from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.targets.flower.artifact import parse_script
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.tc.oracle import NAMES
from p4verify.targets.tc.oracle.kernel import Kernel

INNER = bytes.fromhex("020000000001 020000000002 0800 45000014 00010000 40110000 0a000001 0a000002")
ARP = bytes.fromhex("ffffffffffff 020000000002 0806") + bytes(46)
HERE, THERE = (ipaddress.IPv4Address(f"192.0.2.{n}") for n in (2, 1))
VXLAN_PORT, GENEVE_PORT = 4789, 6081
SETUP = f"""
modprobe -d /run/m ipv6 disable_ipv6=1
modprobe -a -d /run/m vxlan geneve
ip addr add {HERE}/24 dev vec0
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 0 > /proc/sys/net/ipv4/conf/vec0/rp_filter
ip link add vx0 type vxlan external dstport {VXLAN_PORT}
ip link add gn0 type geneve external dstport {GENEVE_PORT}
ip link set vx0 up
ip link set gn0 up
tc qdisc add dev vx0 clsact
tc qdisc add dev gn0 clsact
tc qdisc add dev vec0 clsact
"""
TO = [f"action mirred egress redirect dev o{n}" for n in range(3)]
WHOLE = f"enc_key_id 7 enc_src_ip {THERE} enc_dst_ip {HERE} enc_dst_port {VXLAN_PORT} enc_tos 8 enc_ttl 33"
UNSET = "action tunnel_key unset action mirred egress mirror dev o1 action gact goto chain 1"
LINES = (
    f"pref 1 protocol all flower {WHOLE} {TO[0]}",
    f"pref 2 protocol all flower enc_key_id 8 {UNSET}",
    f"pref 3 protocol all flower enc_key_id 9 enc_dst_ip fe80::1/10 {TO[1]}",
    f"pref 4 protocol all flower enc_key_id 9 enc_ttl 32/0xfe {TO[2]}",
    f"pref 1 chain 1 protocol all flower enc_key_id 8 {TO[2]}",
    f"pref 2 chain 1 protocol all flower enc_key_id 0 {TO[0]}",
)


@pytest.fixture(scope="module")
def kernel(uml: UserModeFlower) -> Iterator[Kernel]:
    """A private kernel with a tunnel device, where there can be one."""
    made = Kernel()
    made.need(3)
    made.run(SETUP)
    yield made
    made.close()


def arriving(vni: int, options: bytes | None = None) -> bytes:
    """:data:`INNER` in a tunnel: VXLAN, or Geneve with options (RFC 7348, 5; RFC 8926, 3.4)."""
    port, flags = (VXLAN_PORT, 0x08000000) if options is None else (GENEVE_PORT, len(options) // 4 << 24 | 0x6558)
    packet = struct.pack("!II", flags, vni << 8) + (options or b"") + INNER
    udp = struct.pack("!HHHH", 5555, port, 8 + len(packet), 0) + packet
    head = struct.pack("!BBHHHBBH", 0x45, 8, 20 + len(udp), 1, 0, 33, 17, 0) + THERE.packed + HERE.packed
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
    return bytes.fromhex("020000000010 020000000002 0800") + head + udp


@pytest.mark.oracle
def test_what_comes_out_of_a_tunnel_has_its_key(kernel: Kernel) -> None:
    kernel.run("".join(f"tc filter add dev vx0 ingress {line}\n" for line in LINES))
    behaviour = meaning(parse_script("".join(f"filter add dev vx0 ingress {line}\n" for line in LINES), "tc", NAMES))
    for vni in (7, 8, 9):
        key = {"": 1, ".id": vni, ".src": int(THERE), ".dst": int(HERE), ".dst_port": VXLAN_PORT, ".tos": 8, ".ttl": 33}
        given = {f"in.tunnel{name}": value for name, value in key.items()}
        said = evaluate_behaviour(behaviour, INNER, 0, inputs=given, default=0)
        seen = kernel.arriving(arriving(vni), len(said.outputs))
        assert sorted(("port", port, frame) for port, frame in seen) == sorted(said.outputs)
        assert len(seen) == 1 + (vni == 8)


@pytest.mark.oracle
def test_what_goes_into_a_tunnel_is_sent_as_its_key_says(kernel: Kernel) -> None:
    actions = f"tunnel_key set src_ip {HERE} dst_ip {THERE} id 9 dst_port {VXLAN_PORT} ttl 5 tos 4 nocsum"
    line = f"pref 9 protocol arp flower action {actions} action mirred egress redirect dev"
    kernel.run(f"tc filter add dev vec0 ingress {line} vx0\n")
    text = f"filter add dev vec0 ingress {line} port1\n"
    (key,) = evaluate_behaviour(meaning(parse_script(text)), ARP, 0, default=0).carried
    sent = kernel.answer(ARP)
    assert (sent[15], sent[22]) == (key["tunnel.tos"], key["tunnel.ttl"])
    assert [int.from_bytes(sent[at : at + 4], "big") for at in (26, 30)] == [key["tunnel.src"], key["tunnel.dst"]]
    assert int.from_bytes(sent[36:38], "big") == key["tunnel.dst_port"]
    assert bool(int.from_bytes(sent[40:42], "big")) == bool(key["tunnel.flags"] & 1)
    assert int.from_bytes(sent[46:49], "big") == key["tunnel.id"]
    assert sent[50:] == ARP


ONE, TWO = bytes.fromhex("0102800100800022"), bytes.fromhex("01028001008000220103" + "0f021122334455667788")
GENEVE = (
    f"pref 1 protocol all flower enc_key_id 7 geneve_opts 0102:80:00800022,0103:0f:1122334455667788 {TO[0]}",
    f"pref 2 protocol all flower enc_key_id 7 geneve_opts 0102:80:00800022/ffff:0f:000000ff {TO[1]}",
    f"pref 3 protocol all flower enc_key_id 7 {TO[2]}",
)


@pytest.mark.oracle
def test_what_comes_out_of_a_tunnel_has_its_options(kernel: Kernel) -> None:
    kernel.run("".join(f"tc filter add dev gn0 ingress {line}\n" for line in GENEVE))
    behaviour = meaning(parse_script("".join(f"filter add dev gn0 ingress {line}\n" for line in GENEVE), "tc", NAMES))
    for options, port in ((TWO, 0), (ONE, 1), (b"", 2)):
        key = {"": 1, ".id": 7, ".src": int(THERE), ".dst": int(HERE), ".tos": 8, ".ttl": 33}
        whole = int.from_bytes(options.ljust(255, b"\0"), "big")
        key |= {".options": whole, ".options_len": len(options), ".flags": 0x0800 * bool(options)}
        given = {f"in.tunnel{name}": value for name, value in key.items()}
        said = evaluate_behaviour(behaviour, INNER, 0, inputs=given, default=0)
        assert said.outputs == (("port", port, INNER),)
        assert kernel.arriving(arriving(7, options), 1) == [(port, INNER)]


@pytest.mark.oracle
def test_what_goes_into_a_tunnel_has_the_options_of_its_key(kernel: Kernel) -> None:
    options = "geneve_opts 0102:80:00800022,0103:0f:1122334455667788"
    rarp = ARP[:12] + bytes.fromhex("8035") + ARP[14:]
    line = (
        f"protocol rarp flower action tunnel_key set src_ip {HERE} dst_ip {THERE} id 9 dst_port {GENEVE_PORT} {options}"
    )
    kernel.run(f"tc filter add dev vec0 ingress pref 8 {line} nocsum action mirred egress redirect dev gn0\n")
    text = f"filter add dev vec0 ingress pref 8 {line} nocsum action mirred egress redirect dev port1\n"
    (key,) = evaluate_behaviour(meaning(parse_script(text)), rarp, 0, default=0).carried
    sent = kernel.answer(rarp)
    length = 4 * (sent[42] & 0x3F)
    assert length == key["tunnel.options_len"] == len(TWO)
    assert sent[50 : 50 + length] == TWO == key["tunnel.options"].to_bytes(255, "big")[:length]
    assert int.from_bytes(sent[46:49], "big") == key["tunnel.id"]
    assert sent[50 + length :] == rarp
