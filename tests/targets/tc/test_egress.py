"""Filters at the egress hook of a device."""

from __future__ import annotations

import pytest

from p4verify.offload.sent import place_by_place
from p4verify.proofs.engine import Engine
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour
from p4verify.semantics.source import Unsupported
from p4verify.targets.flower.artifact import parse_json, parse_script, parse_shown
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.flower.target import TARGET
from p4verify.targets.u32.artifact import parse_script as parse_u32
from p4verify.targets.u32.meaning import meaning as u32_meaning
from p4verify.targets.u32.oracle import KernelU32
from p4verify.two_machines import at_one_place
from tests.support.compiled import inside
from tests.support.machines import require
from tests.support.small_behaviours import verdict

FRAME = bytes.fromhex("020000000001 020000000002 0800 45000014 00010000 40110000 0a000001 0a000002")
TAGGED = FRAME[:12] + bytes.fromhex("8100 6005") + FRAME[12:]
SET = "tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.2 id 7"
KEY = {"in.tunnel": 1, "in.tunnel.id": 5, "in.tunnel.mode": 1}


def at(hook: str, *filters: str) -> Behaviour:
    return meaning(parse_script("".join(f"filter add dev port0 {hook} {f}\n" for f in filters)))


def does(behaviour: Behaviour, frame: bytes = FRAME, given: dict[str, int] | None = None) -> Outcome:
    return evaluate_behaviour(behaviour, frame, 0, inputs=given or {}, default=0)


def test_a_frame_that_passes_leaves_as_it_is_and_with_its_class() -> None:
    out = does(at("egress", "pref 1 protocol ip flower dst_ip 10.0.0.2 classid 1:7 action pass"))
    assert out.outputs == (("stack", 0, FRAME),)
    assert out.metadata == {"classid": 0x10007}


def test_a_tag_is_beside_the_data() -> None:
    """So the type behind it, and what follows, are found where they are at ingress."""
    pops = at(
        "egress",
        "pref 1 protocol 802.1q flower vlan_id 5 vlan_ethtype ip dst_ip 10.0.0.2 action vlan pop pipe action pass",
    )
    assert does(pops, TAGGED).outputs == (("stack", 0, FRAME),)
    short = TAGGED[:18]
    assert not inside(pops)(short, 0)
    assert not pops.reaching
    assert at("ingress", "pref 1 protocol ip flower").reaching


def test_what_a_device_receives_from_egress_has_no_tunnels_key() -> None:
    line = f"pref 1 protocol all flower action {SET} action mirred ingress redirect dev port1"
    for hook, there in (("ingress", 1), ("egress", 0)):
        assert does(at(hook, line)).carried[0]["tunnel"] == there
    plain = line.replace(f"action {SET} ", "")
    assert does(at("egress", plain), given=KEY).carried[0]["tunnel"] == 0
    assert verdict(at("egress", line), at("egress", plain)) == "accept"
    assert verdict(at("ingress", line), at("ingress", plain)) == "differs"


def test_a_checksum_behind_a_tag_in_the_data_is_not_modelled_at_egress() -> None:
    line = "pref 1 protocol 802.1ad flower action csum ip4h"
    twice = FRAME[:12] + bytes.fromhex("88a8 0001 8100 0005") + FRAME[12:]
    assert [inside(at(hook, line))(twice, 0) for hook in ("ingress", "egress")] == [True, False]
    assert inside(at("egress", "pref 1 protocol 802.1q flower action csum ip4h"))(TAGGED, 0)


def test_the_verdict_says_where_the_filters_are() -> None:
    for hook, said in (("ingress", "ports that frames come from"), ("egress", "leave by")):
        assert any(f"{hook} hook" in note for note in at(hook, "pref 1 protocol ip flower").notes)
        assert any(said.split()[-1] in note for note in at(hook, "pref 1 protocol ip flower").notes)


def test_dumps_of_egress_hooks_are_read() -> None:
    text = "filter dev port0 egress protocol ip pref 1 flower chain 0 handle 0x1 \n  eth_type ipv4\n  dst_ip 10.0.0.2\n"
    shown = parse_shown(text, "x")
    assert shown.hook.direction == "egress"
    assert does(meaning(shown)).outputs == (("stack", 0, FRAME),)
    found = parse_json(
        '[{"protocol":"ip","pref":1,"kind":"flower","chain":0,"dev":"port0","parent":"egress",'
        '"options":{"handle":1,"keys":{"eth_type":"ipv4","dst_ip":"10.0.0.2"},"not_in_hw":true}}]', "x"
    )  # fmt: skip
    assert found.hook.direction in ("ingress", "egress")


def test_lists_at_different_hooks_are_not_compared() -> None:
    given = [
        (TARGET, parse_script(f"filter add dev port0 {hook} pref 1 protocol ip flower\n"), f"{hook}.tc")
        for hook in ("ingress", "egress")
    ]
    at_one_place(given[0], given[0])
    with pytest.raises(Unsupported, match="at ingress against filters at egress") as caught:
        at_one_place(*given)
    assert caught.value.span.file == "egress.tc"


def test_the_order_of_frames_that_different_ports_receive_is_not_seen() -> None:
    both = [f"action mirred ingress mirror dev port{n}" for n in (1, 3)]
    one, other = (
        at("ingress", f"pref 1 protocol all flower {' '.join(some)} action drop") for some in (both, both[::-1])
    )
    assert verdict(one, other) == "differs"
    placed = [place_by_place(side, (1, 3), Engine(timeout=20)) for side in (one, other)]
    assert verdict(*placed) == "accept"


LINES = (
    "pref 1 protocol 802.1q flower vlan_id 5 action vlan pop pipe action mirred egress mirror dev port2",
    "pref 2 protocol all flower action skbedit mark 9 pipe action mirred ingress mirror dev port3 continue",
    f"pref 3 protocol ip flower ip_proto udp classid 1:3 action {SET} pipe action pedit ex munge ip ttl dec pass",
)


@pytest.mark.oracle
def test_the_kernel_does_so_at_egress(kernel: UserModeFlower) -> None:
    text = "".join(f"filter add dev port0 egress {line}\n" for line in LINES)
    frames = [FRAME, TAGGED, FRAME[:30], FRAME[:14]]
    seen = kernel.run_given(parse_script(text), [(0, frame) for frame in frames], {"in.priority": 0x10002, **KEY})
    for frame, one in zip(frames, seen, strict=True):
        said = does(meaning(parse_script(text)), frame, {"in.priority": 0x10002, **KEY})
        assert sorted(said.outputs) == list(one.outputs)
        assert dict(said.metadata) == {name: one.metadata[name] for name in said.metadata}


@pytest.mark.oracle
def test_u32_at_egress_finds_what_it_does_at_ingress() -> None:
    asks = "pref 1 protocol all u32 match ip dst 10.0.0.2 match u16 0x800 0xffff at -2"
    text = f"filter add dev port0 egress {asks} action mirred egress redirect dev port1\n"
    with KernelU32() as kernel:
        require(kernel)
        seen = kernel.run(parse_u32(text), [(0, FRAME), (0, FRAME[:33])])
    behaviour = u32_meaning(parse_u32(text))
    assert [list(one.outputs) for one in seen] == [list(does(behaviour, f).outputs) for f in (FRAME, FRAME[:33])]
    assert seen[0].outputs[0][:2] == ("port", 1)
