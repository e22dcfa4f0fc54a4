"""``p4verify offload``: what is not known, what cannot be used, profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from p4verify import targets
from p4verify.targets.offload import Offloads, read_profile, shipped, shipped_profile

from .conftest import Command
from .test_offload import QUIET, script

REDIRECT = "action mirred egress redirect dev port2"
MANY_CHAINS = "\n".join(f"pref 1 protocol ip chain {n} flower not_in_hw action goto chain {n + 1}" for n in range(1, 9))
KNOWN = {name: t.key_names() for name in ("flower", "u32") if isinstance(t := targets.find(name), Offloads)}


@pytest.fixture
def offload(p4verify: Command, tmp_path: Path) -> Any:
    """Runs the command on filters of a hook."""

    def run(filters: str, *arguments: object) -> Any:
        path = tmp_path / "filters.tc"
        path.write_text(script(filters))
        return p4verify("offload", path, *arguments)

    return run


def test_masks_of_one_priority_have_no_order_in_hardware(offload: Any) -> None:
    both = f"""
protocol ip pref 1 flower in_hw dst_ip 192.0.2.0/24 action drop
protocol ip pref 1 flower in_hw dst_ip 192.0.2.1 {REDIRECT}
"""
    ended = offload(both, *QUIET)
    report = ended.json()
    assert ended.code == 4
    assert "need not try them in software's order" in report["results"][0]["reason"]
    assert report["proposal"]["largest"]
    assert len(report["proposal"]["in_hardware"]) == 1


def test_a_filter_that_asks_for_the_port_has_a_mask_of_its_own(offload: Any) -> None:
    both = f"""
protocol ip pref 1 flower in_hw indev port1 dst_ip 192.0.2.1 action drop
protocol ip pref 1 flower in_hw dst_ip 192.0.2.1 {REDIRECT}
"""
    ended = offload(both, *QUIET)
    assert ended.code == 4, ended.out
    assert "need not try them in software's order" in ended.json()["results"][0]["reason"]
    apart = both.replace("in_hw dst_ip", "in_hw indev port2 dst_ip")
    assert offload(apart, *QUIET).code == 0


@pytest.mark.parametrize(
    "other",
    [
        "protocol ip pref 1 flower in_hw ip_proto udp dst_ip 192.0.2.1 action pass",  # apart
        "protocol ip pref 1 flower in_hw dst_ip 192.0.2.1 action drop",  # the same
        "protocol ip pref 1 flower not_in_hw dst_ip 192.0.2.1 action drop",
        "protocol ip pref 2 flower in_hw dst_ip 192.0.2.1 action mirred egress redirect dev port2",
    ],
)
def test_masks_of_one_priority_whose_order_does_not_matter(offload: Any, other: str) -> None:
    assert offload(f"protocol ip pref 1 flower in_hw ip_proto tcp action drop\n{other}", *QUIET).code == 0


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ("pref 1 protocol ip flower in_hw action police rate 1mbit burst 9k conform-exceed drop\n{} action drop",
         "action police"),
        ("pref 1 protocol ip flower not_in_hw action police rate 1mbit burst 9k conform-exceed drop/continue",
         "action police in a list that is divided"),
        ("pref 1 protocol ip flower not_in_hw action drop random netrand continue 2\n{} action drop",
         "action gact in a list that is divided"),
        ("pref 1 protocol 802.1q flower in_hw vlan_id 5 action vlan pop pipe action pass\n{} action drop",
         "that vlan has changed in hardware comes to software"),
        ("pref 1 protocol ip flower in_hw action skbedit mark 7 pipe action pass\n{} action drop",
         "that skbedit has changed in hardware"),
        ("pref 1 protocol ip flower in_hw action goto chain 1\n{} action drop", "a profile says it"),
        ("pref 1 protocol ip flower not_in_hw action reclassify\n{} action drop", "start again"),
        ("pref 1 protocol ip flower in_hw ip_proto tcp action continue\n{} action drop", "ends with continue"),
        ("pref 1 protocol ip flower in_hw action mirred egress mirror dev port2 continue\n{} action drop",
         "is not told that mirred ends with continue"),
        ("pref 1 protocol ip flower skip_sw action trap\n{} action drop", "trap that only a device runs"),
        ("protocol ip flower in_hw action drop\n{} action drop", "without a priority"),
        ("pref 65533 protocol ip flower in_hw action drop\n{} action drop", "priorities from"),
        (f"{MANY_CHAINS}\n{{}} action goto chain 1", "go to another chain more than 7 times"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_unsupported_with_its_place(offload: Any, filters: str, reason: str) -> None:
    ended = offload(filters.format("pref 2 protocol ip flower not_in_hw"), *QUIET)
    (result,) = ended.json()["results"]
    assert ended.code == 3
    assert result["verdict"] == "unsupported"
    assert reason in result["reason"]
    assert result["where"]["line"] >= 1


@pytest.mark.parametrize(
    ("action", "decides"),
    [
        ("drop", True),
        ("gact drop random determ pass 3", True),
        ("police rate 1mbit burst 9k conform-exceed drop/pass", True),
        ("continue", False),
        ("gact drop random netrand continue 2", False),
        ("gact continue random netrand drop 2", False),
        ("police rate 1mbit burst 9k conform-exceed continue/drop", False),
        ("police rate 1mbit burst 9k", False),  # starts again
    ],
)
def test_the_first_filter_decides_only_where_no_way_leads_on(action: str, decides: bool) -> None:
    flower = targets.find("flower")
    assert isinstance(flower, Offloads)
    filters = f"pref 1 protocol ip flower action {action}\npref 2 protocol all flower action drop"
    assert (flower.telling(flower.read(script(filters).encode(), "x.tc"), [0, 1]) is not None) == decides


@pytest.mark.parametrize(
    ("filters", "texts"),
    [
        (
            "pref 1 protocol ip flower action drop",
            ("filters.tc:1:1", "nothing says whether this filter is in hardware"),
        ),
        ("pref 1 protocol ip flower skip_sw not_in_hw action drop", ("filters.tc:1:1", "nothing runs this filter")),
        ("pref 1 protocol ip flower skip_hw in_hw action drop", ("filters.tc:1:1", "this cannot be")),
    ],
)
def test_flags_that_do_not_say_it(offload: Any, filters: str, texts: tuple[str, ...]) -> None:
    offload(filters).one_error(*texts)


def test_an_artifact_that_is_no_list(p4verify: Command, acl_object: Path) -> None:
    p4verify("offload", acl_object).one_error("ebpf", "no lists of which a device holds a part")


# --- profiles -----------------------------------------------------------------------------------------------------


def test_a_driver_takes_filters_as_they_come_until_there_is_no_room(offload: Any) -> None:
    lines = [f"pref {n + 1} protocol ip flower dst_ip 192.0.2.{n} action drop" for n in range(17)]
    ended = offload("\n".join(lines), "--profile", "dpaa2-switch", *QUIET)
    report = ended.json()
    assert len(report["in_hardware"]) == 15
    assert report["profile"]["sources"]
    assert report["results"][0]["verdict"] == "reject"  # a switch forwards what the other two were to drop
    assert report["proposal"]["in_hardware"] is None


def test_a_driver_leaves_what_it_does_not_take_to_software(offload: Any) -> None:
    filters = f"""
pref 1 protocol ip flower ip_flags frag action drop
pref 2 protocol ip flower ip_proto udp {REDIRECT}
"""
    report = offload(filters, "--profile", "octeontx2-pf", *QUIET).json()
    assert report["in_hardware"] == []
    report = offload(filters.replace("egress", "ingress"), "--profile", "octeontx2-pf", *QUIET).json()
    assert report["results"][0]["verdict"] in ("unsupported", "reject")
    assert [e["where"]["line"] for e in report["in_hardware"]] == [3 - 1]
    refused = offload("pref 1 protocol ip flower skip_sw ip_ttl 1 action drop", "--profile", "octeontx2-pf")
    refused.one_error("filters.tc:1:1", "octeontx2-pf does not take this filter", "not key ip_ttl")


@pytest.mark.parametrize("profile", ["bnxt-flower", "ice-switchdev", "nfp-flower"])
def test_a_driver_that_tells_no_priorities_leaves_open_which_of_two_filters_wins(offload: Any, profile: str) -> None:
    filters = f"""pref 1 protocol ip flower dst_ip 192.0.2.1 action drop
pref 2 protocol ip flower dst_ip 192.0.2.0/24 {REDIRECT}"""
    report = offload(filters, "--profile", profile, *QUIET).json()
    (result,) = report["results"]
    assert result["verdict"] == "undecided"
    assert "software's order" in result["reason"]
    assert any("which of two entries" in text for text in result["warnings"])
    assert len(report["proposal"]["in_hardware"]) == 1
    assert [entry["where"]["line"] for entry in report["proposal"]["in_hardware"]] == [1]
    apart = filters.replace("192.0.2.0/24", "198.51.100.0/24")
    (result,) = offload(apart, "--profile", profile, *QUIET).json()["results"]
    assert result["verdict"] == "accept"


def test_u32_filters_for_a_device_without_priorities(offload: Any, tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    changed = {'"flower"': '"u32"', 'dst_ip = "prefix"': 'word = "masked"', '"drop"': '"drop", "redirect"'}
    text = GOOD
    for old, new in changed.items():
        text = text.replace(old, new)
    filters = (
        "pref 1 protocol ip u32 match ip dst 192.0.2.1 action drop\npref 2 protocol ip u32 match ip dst {} action drop"
    )
    redirect = filters.replace("{} action drop", "{} " + REDIRECT)
    for order, place, verdict in (("none", "192.0.2.0/24", "undecided"), ("software", "192.0.2.0/24", "accept"),
                                  ("none", "198.51.100.0/24", "accept")):  # fmt: skip
        path.write_text(text.replace("[frames]", f'[frames]\norder = "{order}"'))
        (result,) = offload(redirect.format(place), "--profile", path, *QUIET).json()["results"]
        assert result["verdict"] == verdict, result["reason"]


def test_what_the_profile_would_not_take_is_said_of_filters_in_hardware(offload: Any) -> None:
    report = offload("pref 1 protocol ip flower in_hw ip_ttl 1 action drop", "--profile", "octeontx2-pf", *QUIET).json()
    assert any("would not take" in text for text in report["results"][0]["warnings"])


@pytest.mark.parametrize("name", shipped())
def test_profiles_that_come_along_say_where_they_are_from(name: str) -> None:
    profile = shipped_profile(name, KNOWN)
    assert profile is not None
    assert profile.name == name
    assert all(source.startswith("https://") for source in profile.sources)
    assert all(table.keys and table.actions for table in profile.tables)


GOOD = """name = "n"
summary = "s"
sources = ["x"]
[frames]
misses = "software"
passes = "software"
[[table]]
name = "t"
classifiers = ["flower"]
actions = ["drop"]
[table.keys]
dst_ip = "prefix"
"""


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('name = "n"', "name = ", "no TOML"),
        ('name = "n"', "name = 5", "'name' must be a text"),
        ('summary = "s"', "", "'summary' is missing"),
        ('sources = ["x"]', "sources = []", "not an empty one"),
        ('misses = "software"', 'misses = "lost"', "'lost' is none of software, forwarded"),
        ('passes = "software"', "", "'passes' is missing"),
        ('passes = "software"', 'passes = "software"\nchain_miss = "x"', "'x' is none of resumes, restarts"),
        ('passes = "software"', 'passes = "software"\norder = "x"', "'x' is none of software, none"),
        ('passes = "software"', 'passes = "software"\nother = 1', "unknown key 'other'"),
        ('name = "t"', 'name = "t"\nsize = 0', "'size' must be 1 or more"),
        ('name = "t"', 'name = "t"\nsize = true', "'size' must be a number"),
        ('name = "t"', 'name = "t"\nchains = [3, 1]', "two numbers, the lower one first"),
        ('["flower"]', '["bpf"]', "'bpf' is none of flower, u32"),
        ('["drop"]', '["fly"]', "'fly' is none of"),
        ('dst_ip = "prefix"', 'dst = "prefix"', "there is no key 'dst'"),
        ('dst_ip = "prefix"', 'dst_ip = "some"', "'some' is none of exact, prefix, masked, range"),
        ("[[table]]", "[[tables]]", "unknown key 'tables'"),
    ],
)
def test_profiles_are_read_strictly(offload: Any, tmp_path: Path, old: str, new: str, text: str) -> None:
    assert read_profile(GOOD.encode(), "good", KNOWN).tables[0].keys == {"dst_ip": frozenset({"exact", "prefix"})}
    path = tmp_path / "device.toml"
    path.write_text(GOOD.replace(old, new))
    offload("pref 1 protocol ip flower action drop", "--profile", path).one_error("device.toml", text)


def test_a_profile_that_is_not_there(offload: Any) -> None:
    offload("pref 1 protocol ip flower action drop", "--profile", "mlx9").one_error("mlx9", "mlx5-switchdev")
