"""What packets have beside their bytes: a tunnel's key, and what a device finds that receives them by ``mirred``."""

from __future__ import annotations

import ipaddress

import pytest

from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour
from p4verify.targets.flower.artifact import parse_script
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.u32.artifact import parse_script as parse_u32
from p4verify.targets.u32.meaning import meaning as u32_meaning
from tests.support.compiled import inside
from tests.support.small_behaviours import verdict as compared

FRAME = bytes.fromhex("020000000001 020000000002 0800 45000014 00010000 40110000 0a000001 0a000002")
ALL = "protocol all flower"
SET = "tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.2 id 7 dst_port 4789 ttl 9"
SIX = "tunnel_key set src_ip fe80::1 dst_ip fe80::2 tos 8"
TO1 = "action mirred egress redirect dev port1"
FROM4 = {
    "in.tunnel": 1, "in.tunnel.id": 5, "in.tunnel.src": 0x01010101, "in.tunnel.dst": 0x02020202, "in.tunnel.mode": 1,
    "in.tunnel.ttl": 64,
}  # fmt: skip
FROM6 = {**FROM4, "in.tunnel.dst": int(ipaddress.ip_address("fe80::2")), "in.tunnel.mode": 3, "in.tunnel.src": 1}


def script(*filters: str) -> str:
    return "".join(f"filter add dev port0 ingress {f}\n" for f in filters)


def does(*filters: str, given: dict[str, int] | None = None) -> Outcome:
    return evaluate_behaviour(meaning(parse_script(script(*filters))), FRAME, 0, inputs=given or {}, default=0)


def verdict(*lists: str) -> str:
    first, second = (meaning(parse_script(text)) for text in lists)
    return compared(first, second)


def test_a_key_that_is_set_goes_with_the_frame() -> None:
    (beside,) = does(f"pref 1 {ALL} action {SET} {TO1}").carried
    assert beside == {
        "tunnel": 1, "tunnel.id": 7, "tunnel.src": 0x01010101, "tunnel.dst": 0x02020202, "tunnel.dst_port": 4789,
        "tunnel.tos": 0, "tunnel.ttl": 9, "tunnel.mode": 1, "tunnel.flags": 5, "tunnel.rest": 0, "tunnel.options": 0,
        "tunnel.options_len": 0,
    }  # fmt: skip
    (beside,) = does(f"pref 1 {ALL} action {SET} action tunnel_key unset {TO1}", given=FROM4).carried
    assert set(beside.values()) == {0}


def test_what_is_not_written_is_as_it_came() -> None:
    both = does(
        f"pref 1 protocol ip {ALL[13:]} {TO1}", "pref 2 protocol arp flower action tunnel_key unset", given=FROM6
    )
    assert {f"in.{name}": value for name, value in both.carried[0].items() if value} == FROM6


KEYS = [
    ("enc_key_id 5", True, True),
    ("enc_key_id 0", False, False),
    ("enc_dst_ip 2.2.2.0/24", True, False),
    ("enc_src_ip 9.0.0.0/0", False, False),
    ("enc_dst_ip fe80::/10", False, True),
    ("enc_ttl 64", True, True),
    ("enc_ttl 0x41/0xfe", True, True),
    ("enc_dst_port 4789", False, False),
    ("enc_tos 0", True, True),
]
"""Keys, and whether what comes with :data:`FROM4` and :data:`FROM6` has them."""


@pytest.mark.parametrize(("key", "four", "six"), KEYS)
def test_what_a_tunnels_key_is_asked_for(key: str, four: bool, six: bool) -> None:
    line = f"pref 1 {ALL} {key} {TO1}"
    assert [does(line, given=given).outputs[0][0] == "port" for given in (FROM4, FROM6)] == [four, six]


@pytest.mark.oracle
@pytest.mark.parametrize("given", [FROM4, FROM6, {}], ids=["IPv4", "IPv6", "none"])
def test_the_kernel_asks_for_the_same(kernel: UserModeFlower, given: dict[str, int]) -> None:
    lines = [
        f"pref {i} {ALL} {key} action mirred egress mirror dev port{i} continue" for i, (key, *_) in enumerate(KEYS, 1)
    ]
    lines += [f"pref 20 {ALL} action {SIX} action gact goto chain 2"]
    lines += [f"pref 1 chain 2 {ALL} enc_dst_ip fe80::2 enc_tos 8 action mirred ingress redirect dev port30"]
    filters = parse_script(script(*lines))
    (seen,) = kernel.run_given(filters, [(0, FRAME)], given)
    said = evaluate_behaviour(meaning(filters), FRAME, 0, inputs=given, default=0)
    assert list(seen.outputs) == sorted(said.outputs)
    told = dict(zip(said.outputs, said.carried, strict=True))
    for output, beside in zip(seen.outputs, seen.beside, strict=True):
        assert {name: told[output][name] for name in beside if name in told[output]} == {
            name: value for name, value in beside.items() if name in told[output]
        }
    assert seen.beside[0]["tunnel.dst"] == int(ipaddress.ip_address("fe80::2"))  # of what was received


def test_lists_whose_tunnels_differ_are_told_apart() -> None:
    plain, keyed = (script(f"pref 1 {ALL} {some}{TO1}") for some in ("", f"action {SET} "))
    other = keyed.replace("id 7", "id 8")
    assert verdict(keyed, keyed.replace("pref 1", "pref 9")) == "accept"
    assert {verdict(keyed, other), verdict(plain, keyed), verdict(keyed, plain)} == {"differs"}
    unset = script(f"pref 1 {ALL} action {SET} action tunnel_key unset {TO1}")
    assert verdict(unset, script(f"pref 1 {ALL} action tunnel_key unset {TO1}")) == "accept"
    assert verdict(plain, unset) == "differs"  # of what comes from a tunnel


def test_frames_of_two_filters_keep_their_own_keys() -> None:
    """Their outputs share a place."""

    def two(*ids: int) -> str:
        sets = [SET.replace("id 7", f"id {number}") for number in ids]
        kinds = zip(("ip", "arp"), sets, strict=True)
        return script(
            *(f"pref {n} protocol {kind} flower action {key} {TO1}" for n, (kind, key) in enumerate(kinds, 1))
        )

    behaviour = meaning(parse_script(two(1, 2)))
    arp = FRAME[:12] + bytes.fromhex("0806") + FRAME[14:]
    seen = [evaluate_behaviour(behaviour, frame, 0, default=0).carried[0]["tunnel.id"] for frame in (FRAME, arp)]
    assert seen == [1, 2]
    assert verdict(two(1, 2), two(2, 1)) == "differs"


def test_what_comes_from_no_tunnel_has_no_key() -> None:
    covers = inside(meaning(parse_script(script(f"pref 1 {ALL} enc_key_id 5 {TO1}"))))
    assert covers(FRAME, 0, FROM4)
    assert covers(FRAME, 0, FROM6)
    assert not covers(FRAME, 0, {"in.tunnel.id": 5})
    assert not covers(FRAME, 0, {**FROM4, "in.tunnel.dst": 1 << 40})


POPPED = FRAME[:12] + bytes.fromhex("8847 00010140") + bytes(6)


@pytest.mark.oracle
def test_a_device_drops_what_it_receives_with_a_tag_cut_short(kernel: UserModeFlower) -> None:
    pops = "action mpls pop protocol 802.1q"
    text = script(f"pref 1 protocol mpls_uc flower {pops} pipe action mirred ingress redirect dev port1")
    frames = [POPPED[: len(POPPED) - n] for n in range(4)]
    seen = kernel.run(parse_script(text), [(0, frame) for frame in frames])
    behaviour = meaning(parse_script(text))
    said = [list(evaluate_behaviour(behaviour, frame, 0, default=0).outputs) for frame in frames]
    assert [list(one.outputs) for one in seen] == said
    assert [len(outputs) for outputs in said] == [1, 0, 0, 0]


def test_one_that_asks_for_a_tunnel_is_no_list_without_it() -> None:
    asks = script(f"pref 1 {ALL} enc_key_id 5 action drop", f"pref 2 {ALL} {TO1}")
    assert verdict(asks, script(f"pref 2 {ALL} {TO1}")) == "differs"
    assert verdict(asks, script(f"pref 1 {ALL} enc_key_id 5 action trap", f"pref 3 {ALL} {TO1}")) == "accept"


def test_what_a_port_receives_is_not_what_it_sends() -> None:
    received = script(f"pref 1 {ALL} action mirred ingress redirect dev port1")
    assert does(received.split("ingress ", 1)[1].strip()).outputs == (("ingress", 1, FRAME),)
    assert verdict(received, script(f"pref 1 {ALL} {TO1}")) == "differs"
    assert (
        verdict(received, script(f"pref 1 {ALL} action skbedit mark 3 action mirred ingress redirect dev port1"))
        == "differs"
    )
    mirrored = does(f"pref 1 {ALL} action mirred ingress mirror dev port1 action skbedit mark 3 {TO1}")
    assert sorted(output[:2] for output in mirrored.outputs) == [("ingress", 1), ("port", 1)]
    assert {"mark": 0} in mirrored.carried


def test_u32_sets_tunnels_too() -> None:
    text = script(f"pref 1 protocol all u32 match u32 0 0 action {SET} action mirred ingress redirect dev port4")
    seen = evaluate_behaviour(u32_meaning(parse_u32(text)), FRAME, 0, default=0)
    assert seen.outputs == (("ingress", 4, FRAME),)
    assert seen.carried[0]["tunnel.dst_port"] == 4789


@pytest.mark.oracle
def test_a_label_behind_a_tag_that_was_pushed_into_the_data_is_not_the_last(kernel: UserModeFlower) -> None:
    tagged = FRAME[:12] + bytes.fromhex("8100 0fff 8847 00063200") + FRAME[14:]
    text = script(f"pref 1 {ALL} action vlan push id 1 action mpls push protocol mpls_uc label 16 ttl 3 {TO1}")
    (seen,) = kernel.run(parse_script(text), [(0, tagged)])
    said = evaluate_behaviour(meaning(parse_script(text)), tagged, 0, default=0)
    assert list(seen.outputs) == list(said.outputs)
    assert said.outputs[0][2][22:26] == bytes.fromhex("00010003")
