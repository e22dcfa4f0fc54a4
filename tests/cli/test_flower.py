"""Flower filters of others through the public door: against a program and against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Command

Given = Any


def test_a_dump_does_what_the_program_says(p4verify: Command, example: Given) -> None:
    dump, rules = example("vlan_filter.flower.json"), example("vlan_filter.rules.cli")
    ended = p4verify("check", example("vlan_filter.p4"), "--against", dump, "--rules", rules, "--format", "json")
    assert ended.code == 0
    (result,) = ended.json()["results"]
    assert (result["target"], result["artifact"], result["verdict"]) == ("flower", str(dump), "accept")


def test_a_dump_that_forgets_a_station_on_one_kind_of_tag(p4verify: Command, example: Given) -> None:
    wrong, rules = example("vlan_filter.wrong.json"), example("vlan_filter.rules.cli")
    ended = p4verify("check", example("vlan_filter.p4"), "--against", wrong, "--rules", rules, "--format", "json")
    assert ended.code == 1
    (result,) = ended.json()["results"]
    assert result["verdict"] == "reject"
    assert result["counterexample"]["packet"][12:32] == "02000000006688a8" + result["counterexample"]["packet"][28:32]
    again = p4verify("check", "--against", example("vlan_filter.flower.json"), "--against", wrong, "--no-machines")
    assert again.code == 1


def test_a_program_with_what_flower_cannot_tell_apart(p4verify: Command, example: Given, tmp_path: Path) -> None:
    """The dissector does not look at the version, so a filter that lets IPv4 pass lets other versions pass too."""
    filters = tmp_path / "acl.tc"
    filters.write_text("filter add dev port0 ingress pref 1 protocol ip flower src_ip 192.168.1.10 action pass\n")
    arguments = ("--against", filters, "--rules", example("acl.rules.cli"), "--no-machines")
    assert p4verify("check", example("acl.p4"), *arguments).code == 1


@pytest.mark.long
def test_filters_are_made_and_proven(p4verify: Command, example: Given, tmp_path: Path) -> None:
    """What is written is what is checked, and says what it assumes."""
    program, rules, out = example("router.p4"), ("--rules", example("router.rules.cli")), tmp_path / "out.tc"
    assert p4verify("lower", program, "--target", "flower", *rules, "-o", out).code == 0
    assert out.read_text().startswith("# p4verify assumes: checksums-right, plain\n")
    ended = p4verify("check", program, "--target", "flower", *rules, "--no-machines", "--format", "json")
    assert (ended.code, ended.json()["results"][0]["verdict"]) == (0, "accept")
    again = p4verify("check", program, "--against", out, *rules, "--no-machines")
    assert again.code == 0
    assert "IPv4's header checksum is right" in again.out
    refused = p4verify("check", program, "--target", "flower:assume=none", *rules, "--no-machines")
    assert refused.code == 3


MIRROR = (
    "filter add dev port0 ingress protocol ip pref 1 flower ip_proto udp action mirred egress mirror dev port{} pipe "
)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        # two ports: nobody sees which frame leaves first
        (MIRROR.format(1) + "action mirred egress redirect dev port2",
         MIRROR.format(2) + "action mirred egress redirect dev port1", 0),
        # one port: the frame with the tag comes after the other, or before
        (MIRROR.format(1) + "action vlan push id 5 pipe action mirred egress redirect dev port1",
         MIRROR.format(1).replace("action", "action vlan push id 5 pipe action")
         + "action vlan pop pipe action mirred egress redirect dev port1", 1),
    ],
)  # fmt: skip
def test_frames_out_of_different_ports_have_no_order(
    p4verify: Command, tmp_path: Path, first: str, second: str, code: int
) -> None:
    files = tmp_path / "first.tc", tmp_path / "second.tc"
    for file, text in zip(files, (first, second), strict=True):
        file.write_text(text + "\n")
    ended = p4verify("check", "--against", files[0], "--against", files[1], "--no-machines")
    assert ended.code == code, ended.out


TO1 = "action mirred egress redirect dev port1"


def script(*filters: str) -> str:
    return "".join(f"filter add dev port0 ingress {one}\n" for one in filters)


def test_matchall_is_compared_with_flower_without_keys(p4verify: Command, tmp_path: Path) -> None:
    """Without a protocol both take every frame; with one, flower does not take MPLS in IP."""
    first = "pref 1 protocol arp flower action drop"
    lists = {
        "flower": script(first, f"pref 2 flower {TO1}"),
        "matchall": script(first, f"pref 2 matchall {TO1}"),
        "flower_ip": script(first, f"pref 2 protocol ip flower {TO1}"),
        "matchall_ip": script(first, f"pref 2 protocol ip matchall {TO1}"),
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    for one, other, code in (("flower", "matchall", 0), ("flower_ip", "matchall_ip", 1)):
        sides = ("--against", tmp_path / one, "--against", tmp_path / other)
        assert p4verify("check", *sides, "--no-machines").code == code


def test_large_lists_that_end_with_matchall(p4verify: Command, tmp_path: Path) -> None:
    """The list is left open, the last filter part of it."""
    some = [f"pref 1 protocol ip flower dst_ip 10.0.{n // 200}.{n % 200 + 1} {TO1}" for n in range(300)]
    last = {"drop": "pref 2 matchall action drop", "pass": "pref 2 matchall action pass"}
    for name, text in last.items():
        (tmp_path / name).write_text(script(*some, text))
    (tmp_path / "turned").write_text(script(*some[::-1], last["drop"]))
    for one, other, code in (("drop", "turned", 0), ("drop", "pass", 1)):
        sides = ("--against", tmp_path / one, "--against", tmp_path / other)
        assert p4verify("check", *sides, "--no-machines").code == code


def test_a_script_that_changes_filters_is_what_it_leaves(p4verify: Command, tmp_path: Path) -> None:
    """The mask of the host that has gone is still tried before the network's."""
    host, net = (f"pref 1 protocol ip flower dst_ip {address}" for address in ("10.0.0.1", "10.0.0.0/24"))
    added = script(host.replace("0.1", "0.9") + f" {TO1}", f"{net} action drop", f"{host} {TO1}")
    (tmp_path / "changing").write_text(added + "filter del dev port0 ingress pref 1 handle 1 flower\n")
    (tmp_path / "left").write_text(script(f"{host} {TO1}", f"{net} action drop"))
    (tmp_path / "turned").write_text(script(f"{net} action drop", f"{host} {TO1}"))
    for other, code in (("left", 0), ("turned", 1)):
        sides = ("--against", tmp_path / "changing", "--against", tmp_path / other)
        assert p4verify("check", *sides, "--no-machines").code == code
