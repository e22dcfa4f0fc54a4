"""Dumps and flow files in the manner of controllers and agents: each has a meaning or a place that is not supported.

What is written otherwise is the same, or is told apart.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.semantics.source import Unsupported
from p4verify.targets.openflow.artifact import read_text
from p4verify.targets.openflow.meaning import meaning

DUMPS = {
    title.split(": ", 1)[0]: (title.split(": ", 1)[1], text)
    for title, text in (
        part.split("\n", 1) for part in (Path(__file__).parent / "foreign_dumps.txt").read_text().split("\n== ")[1:]
    )
}


@pytest.mark.parametrize("name", DUMPS)
def test_a_dump_has_a_meaning_or_a_place_that_is_not_supported(name: str) -> None:
    expected, text = DUMPS[name]
    try:
        meaning(read_text(text, name))
        found = "meaning"
    except Unsupported as error:
        found = f"{error.span.line} {error.reason[:60]}"
    assert found == expected


def changed(name: str, *changes: tuple[str, str]) -> tuple[str, str]:
    """A dump, and the same written otherwise."""
    before = after = DUMPS[name][1]
    for old, new in changes:
        assert old in after
        after = after.replace(old, new)
    return before, after


FLAT = "".join(
    f"priority=10,udp,nw_src=10.0.0.{i},tp_dst={port} actions=output:2\n" for i in (1, 2) for port in (53, 80)
)
TOGETHER = "".join(f"priority=10,ip,nw_src=10.0.0.{i} actions=conjunction(5,1/2)\n" for i in (1, 2))
TOGETHER += "".join(f"priority=10,udp,tp_dst={port} actions=conjunction(5,2/2)\n" for port in (53, 80))
TOGETHER += "priority=3,conj_id=5 actions=output:2\n"
OVERLAP = "priority=5,ip actions=output:2\npriority=5,in_port=1 actions=output:3"
_TAG = "push_vlan:0x8100,set_field:4196->vlan_vid"
ROUTED = f"""
table=0,in_port=2,dl_vlan=0xffff actions={_TAG},goto_table:1
table=1,priority=9,ip,dl_dst=0e:00:00:00:00:01 actions=goto_table:2
table=1,priority=0 actions=goto_table:3
table=2,ip,nw_dst=10.0.200.0/24 actions=set_field:4296->vlan_vid,mod_dl_dst:02:00:00:00:00:c8,dec_ttl,goto_table:3
table=3,priority=9,dl_vlan=200,dl_dst=02:00:00:00:00:c8 actions=output:3
table=3,priority=0 actions=goto_table:4
table=4,dl_vlan=100,dl_dst=ff:ff:ff:ff:ff:ff actions=pop_vlan,output:1,output:2,{_TAG},output:3
"""
RESUBMITTED = re.sub(r"goto_table:(\d)", r"resubmit(,\1)", ROUTED)
PUSHED = "push_vlan:0x8100,set_field:4196->vlan_vid"
PAIRS = [
    ("clauses written out", (TOGETHER, FLAT), "accept"),
    ("one flow is missing", (TOGETHER, FLAT[FLAT.index("\n") + 1 :]), "reject"),
    (
        "another number",
        changed("ovn_phys0", ("conj_id=2,", "conj_id=7,"), ("conjunction(2,", "conjunction(7,")),
        "accept",
    ),
    ("registers one by one", changed("ovn_router", ("NXM_NX_XXREG0[96..127]", "NXM_NX_REG0[]")), "accept"),
    ("other registers", changed("ovn_router", ("NXM_NX_XXREG0[96..127]", "NXM_NX_REG1[]")), "reject"),
    ("a tag in two ways", changed("faucet_l2", (PUSHED, "mod_vlan_vid:100")), "accept"),
    ("an action set has an order", changed("onos_fabric", ("pop_vlan,output:9", "output:9,pop_vlan")), "accept"),
    ("an action set that is kept", changed("onos_fabric", ("actions=clear_actions", "actions=drop")), "reject"),
    ("queues", (DUMPS["enq"][1], "ip actions=output:2,output:3,output:4"), "accept"),
    ("any of one priority", (OVERLAP, OVERLAP.replace("5,ip", "4,ip")), "reject"),
    ("... is the same in another order", (OVERLAP, "\n".join(reversed(OVERLAP.split("\n")))), "accept"),
    (
        "a bundle is a group",
        (
            DUMPS["bundle_doc"][1],
            (
                "group_id=1,type=select,bucket=watch_port:4,actions=output:4,"
                "bucket=watch_port:8,actions=output:8\nactions=group:1"
            ),
        ),
        "accept",
    ),
    ("frames of the bridge itself", ("in_port=1 actions=2", "in_port=1 actions=2\nin_port=LOCAL actions=1"), "reject"),
    ("on by another word", (ROUTED, RESUBMITTED), "accept"),
    ("... to another port", (ROUTED, RESUBMITTED.replace("c8 actions=output:3", "c8 actions=output:2")), "reject"),
    ("a bundle is no port", (DUMPS["bundle_doc"][1], "actions=output:4"), "reject"),
]


@pytest.mark.long
@pytest.mark.parametrize(("pair", "expected"), [case[1:] for case in PAIRS], ids=[case[0] for case in PAIRS])
def test_dumps_before_and_after(pair: tuple[str, str], expected: str) -> None:
    target = targets.find("openflow")
    before, after = (
        (target, read_text(text, name), name) for text, name in zip(pair, ("before", "after"), strict=True)
    )
    proof = Checker(None, timeout=60, machines_confirm=False).check_two(before, after).proof
    assert proof.verdict.value == expected, proof.reason


LEFT_TO_THE_SWITCH = {"a bundle is no port"}
"""It may pick the very member that the other side names."""


@pytest.mark.campaign
def test_the_switch_confirms_what_is_told_apart() -> None:
    target = targets.find("openflow")
    for name, pair, expected in PAIRS:
        if expected == "reject":
            before, after = ((target, read_text(text, side), side) for text, side in zip(pair, "ab", strict=True))
            example = Checker(None, timeout=60).check_two(before, after).proof.counterexample
            assert example is not None, name
            seen = "openflow switch" in example.confirmed_by
            assert seen or name in LEFT_TO_THE_SWITCH, name
