"""`watch`: a verdict after every change of a pair."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from p4verify.inputs import read_rules
from p4verify.scale.kept_rules import KeptRules
from p4verify.semantics.p4.frontend import load_program
from p4verify.targets import find
from p4verify.targets.u32.artifact import FilterList
from p4verify.targets.u32.meaning import numbered
from tests.support import large_rules

from .conftest import Command, Ended

ROUTE = "table_add I.routes I.forward {} => 0x{:012x} {}"
FILTER = (
    "filter add dev port0 ingress protocol ip pref 59966 chain 2 flower dst_ip {} action pedit ex munge eth dst set {} "
    "pipe action mirred egress redirect dev port{}"
)


@pytest.fixture
def pair(tmp_path: Path) -> list[object]:
    """An access list before a router, and its filters."""
    rules = large_rules.generate(60, 4)
    files = {
        "x.p4": large_rules.PLAIN_PROGRAM,
        "x.cli": "\n".join(large_rules.command_lines(rules)),
        "x.tc": "\n".join(large_rules.filters(rules)),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / "x.p4", "--rules", tmp_path / "x.cli", "--against", tmp_path / "x.tc", "--open-from", 8]


def changes(folder: Path, *lines: Any) -> list[object]:
    path = folder / "changes"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ["--changes", path, "--no-machines", "--quiet"]


def answers(ended: Ended) -> list[tuple[str, str]]:
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [one["line"] for one in found] == list(range(len(found)))
    return [(one["checked"], one["verdict"]) for one in found]


@pytest.mark.long
def test_a_route_that_comes_on_both_sides_and_goes_on_one(
    p4verify: Command, tmp_path: Path, pair: list[object]
) -> None:
    hop = large_rules.generate(60, 4).routes[3].hop
    address = large_rules.mac(hop)
    shown = ":".join(f"{address:012x}"[i : i + 2] for i in range(0, 12, 2))
    rule = ROUTE.format("1.2.3.0/24", address, large_rules.port(hop))
    filter_ = FILTER.format("1.2.3.0/24", shown, large_rules.port(hop))
    both = {"id": "new", "rules": {"add": [rule]}, "artifact": {"add": [filter_]}}
    ended = p4verify("watch", *pair, *changes(tmp_path, both, {"rules": {"remove": [rule]}}))
    assert answers(ended) == [("whole", "accept"), ("change", "accept"), ("whole", "reject")]
    assert ended.code == 1
    assert json.loads(ended.out.splitlines()[1])["id"] == "new"
    (region,) = json.loads(ended.out.splitlines()[2])["regions"]
    assert "1.2.3.0/24" in " ".join(region["entries"])


def test_two_lists_whose_filters_the_kernel_numbers(p4verify: Command, tmp_path: Path) -> None:
    line = "filter add dev port0 ingress protocol ip pref 1 u32 match ip src 10.0.{}.0/24 action drop"
    for name in ("a.tc", "b.tc"):
        (tmp_path / name).write_text("\n".join(line.format(i) for i in range(10)))
    given = ["--against", tmp_path / "a.tc", "--against", tmp_path / "b.tc", "--open-from", 4]
    swap = {"add": [line.format(77)], "remove": [line.format(3)]}
    new = {"add": [line.format(78)]}
    told = changes(
        tmp_path, {"first": swap, "second": swap}, {"first": new}, {"second": new}, {"first": {"remove": new["add"]}}
    )
    ended = p4verify("watch", *given, *told)
    assert answers(ended) == [
        ("whole", "accept"), ("change", "accept"), ("whole", "reject"), ("whole", "accept"), ("whole", "reject")
    ]  # fmt: skip


def test_what_is_too_small_to_be_left_open_is_checked_whole(p4verify: Command, tmp_path: Path) -> None:
    for name in ("a.flows", "b.flows"):
        (tmp_path / name).write_text("table=0,priority=5,ip,nw_dst=10.0.0.1 actions=output:1\n")
    given = ["--against", tmp_path / "a.flows", "--against", tmp_path / "b.flows"]
    flow = "table=0,priority=5,ip,nw_dst=10.0.0.2 actions=output:2"
    ended = p4verify("watch", *given, *changes(tmp_path, {"second": {"add": [flow]}}, {"first": {"add": [flow]}}))
    assert answers(ended) == [("whole", "accept"), ("whole", "reject"), ("whole", "accept")]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"rules": ', "error: is no JSON"),
        ('{"rule": {}}', "1:1: error: is no object with 'rules' and 'artifact'"),
        ('{"rules": {"add": [3]}}', "'rules' is no object with lists of texts"),
        ('{"rules": {"add": ["table_add I.routes I.forward 10.0.0.0/8 =>"]}}', "1:1: error:"),
        ('{"rules": {"add": ["table_set_default I.acl I.deny"]}}', "1:1: error:"),
        ('{"rules": {"remove": ["table_add I.routes I.forward 9.9.9.9/32 => 1 1"]}}', "has no such entry"),
        ('{"artifact": {"add": ["nonsense"]}}', "1:1: error:"),
        ('{"artifact": {"add": [""]}}', "1:1: error:"),
        (
            '{"artifact": {"add": ["filter add dev port1 ingress flower action drop"]}}',
            "the list is at dev port0 ingress",
        ),
        ('{"artifact": {"add": ["filter add dev port0 egress flower action drop"]}}', "and this at dev port0 egress"),
        ('{"artifact": {"add": ["filter add block 1 flower action drop"]}}', "and this at block 1"),
    ],
)
def test_bad_changes_have_a_place(
    p4verify: Command, tmp_path: Path, pair: list[object], line: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p4verify.scale.watching.Watched.whole", _nothing)
    path = tmp_path / "changes"
    path.write_text(line + "\n")
    ended = p4verify("watch", *pair, "--changes", path, "--quiet")
    assert ended.code == 2, ended.err
    assert f"{path}:1:" in ended.err
    assert error in ended.err
    assert "Traceback" not in ended.err


def test_filters_of_any_device_come_to_a_dump_that_names_none(p4verify: Command, tmp_path: Path) -> None:
    dump = "filter protocol ip pref 1 flower chain 0 handle 0x1 \n  eth_type ipv4\n  not_in_hw\n"
    given: list[object] = []
    for name in ("before", "after"):
        (tmp_path / name).write_text(dump)
        given += ["--against", f"flower:{tmp_path / name}"]
    line = "filter add dev eth0 {} protocol ip pref 2 flower action drop"
    added = changes(tmp_path, {"first": {"add": [line.format("ingress")]}})
    assert answers(p4verify("watch", *given, *added)) == [("whole", "accept"), ("whole", "accept")]
    ended = p4verify("watch", *given, *changes(tmp_path, {"first": {"add": [line.format("egress")]}}))
    assert ended.code == 2
    assert "the list is at" in ended.err


def _nothing(_self: object) -> Any:
    from p4verify.proofs.verdict import Proof, Verdict
    from p4verify.scale.watching import Answer

    return Answer(Proof(Verdict.UNDECIDED, "not asked"), "whole", 0.0)


def test_what_cannot_be_watched_is_an_error(p4verify: Command, tmp_path: Path, acl_object: Path) -> None:
    p4verify("watch", "--against", acl_object, "--against", acl_object).one_error("do not come and go one by one")
    p4verify("watch", "--against", acl_object).one_error("two artifacts")


@pytest.mark.parametrize("lowest", [True, False])
def test_rules_stand_where_their_reader_puts_them(tmp_path: Path, lowest: bool) -> None:
    (tmp_path / "x.p4").write_text(large_rules.PLAIN_PROGRAM)
    program, rng = load_program(str(tmp_path / "x.p4")), random.Random(5)

    def text(given: list[tuple[str, str, int]]) -> str:
        """Source addresses, actions, priorities: as commands, or as JSON of which the highest wins."""
        if lowest:
            return "\n".join(f"table_add I.acl I.{a} 0x{s}&&&0xffffffff 0&&&0 0&&&0 => {p}" for s, a, p in given)
        entries = [{"match": {"hdr.ip.src": f"0x{s}"}, "action": f"I.{a}", "priority": p} for s, a, p in given]
        return json.dumps({"version": 1, "tables": {"I.acl": {"entries": entries}}})

    def made(given: list[tuple[str, str, int]]) -> Any:
        (tmp_path / "rules").write_text(text(given) if given else "")
        return read_rules(str(tmp_path / "rules"), program)

    there = [(f"0a0000{i:02x}", rng.choice(("deny", "permit")), rng.randrange(1, 5)) for i in range(20)]
    kept = KeptRules(program, made(there), lowest=lowest)
    for i in range(20, 50):
        new = (f"0a0000{i:02x}", rng.choice(("deny", "permit")), rng.randrange(1, 5))
        (rule,) = kept.read(text([new]), "x")
        before = kept.add(rule)
        there.append(new)
        if i % 3 == 0:
            gone = there.pop(rng.randrange(len(there)))
            (rule,) = kept.read(text([gone]), "x")
            kept.remove(rule)
        order = kept.rules.of("I.acl")
        assert order == made(there).of("I.acl")
        assert before is None or before in order or i % 3 == 0
    with pytest.raises(ValueError, match="already"):
        kept.add(kept.rules.of("I.acl")[0])


def test_numbers_of_u32_filters_are_those_that_the_kernel_chooses() -> None:
    target: Any = find("u32")
    lines = ["filter add dev p ingress protocol ip pref 1 handle 5: u32 divisor 4"]
    for i, place in enumerate(["", "ht 5:1:", "ht 5:2:", "", "handle ::801", "ht 5:1:", ""]):
        lines.append(f"filter add dev p ingress protocol ip pref 1 {place} u32 match ip src 10.0.0.{i} action drop")
    lines = [line.replace("pref 1 ht", "pref 1 u32 ht").replace(": u32 match", ": match") for line in lines]
    read = [target.read(f"{lines[0]}\n{line}".encode(), "x").filters[-1] for line in lines[1:]]
    first = target.read("\n".join(lines[:2]).encode(), "x")
    kept = target.kept(first)
    for one in read[1:3]:
        kept.add(one)
    whole = numbered(FilterList((first.filters[0], *read[:3])))
    assert [one.handle for one in kept.entries] == [one.handle for one in whole.filters]
    kept.add(read[3])
    kept.remove(read[0])
    assert kept.add(read[6]).handle.node == 0x800  # the lowest that is free
    with pytest.raises(ValueError, match="of number 801 in this bucket"):
        kept.add(read[4])
