"""`p4verify check --against A --against B` where a machine leaves something open: which bucket a group takes."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from p4verify.scale import OPEN_FROM, LargePair
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, MapDef, asm, write_elf
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2

from .conftest import Command

GROUP = "group add group_id=1,type=select,{}\nflow add table=0,priority=5,ip actions=group:1\n"


def bundle(path: Path, *ports: int) -> Path:
    path.write_text(GROUP.format(",".join(f"bucket=output:{port}" for port in ports)))
    return path


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [((1, 2), (1, 2), 0), ((1, 2), (2, 1), 0), ((1, 2), (1, 2, 3), 1), ((1, 2, 3), (1, 2), 1)],
)
def test_each_may_take_the_buckets_that_the_other_may(
    p4verify: Command, tmp_path: Path, before: tuple[int, ...], after: tuple[int, ...], code: int
) -> None:
    paths = bundle(tmp_path / "before.ofp", *before), bundle(tmp_path / "after.ofp", *after)
    ended = p4verify("check", "--against", paths[0], "--against", paths[1], "--no-machines")
    assert ended.code == code, ended.out
    assert ("group 1 chooses a bucket" in ended.out) is (code == 0)


def routes(path: Path, count: int, moved: str = "") -> Path:
    """Many flows to a group that chooses, and to ports; one of them for the network ``moved``."""
    lines = ["group add group_id=1,type=select,bucket=output:1,bucket=output:2"]
    for i in range(count):
        network = moved if moved and i == 7 else f"10.{i >> 8}.{i & 255}.0"
        actions = "group:1" if i % 7 == 0 else f"output:{1 + i % 5}"
        lines.append(f"flow add table=0,priority=5,ip,nw_dst={network}/24 actions={actions}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.long
def test_a_port_that_one_entry_alone_has_is_one_region(
    p4verify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p4verify.checks.LargePair", partial(LargePair, open_from=110))
    flows = [f"table=0,priority={900 - i},ip,nw_dst=10.0.0.{i} actions=output:{2 + i % 3}" for i in range(110)]
    after = write(tmp_path / "after.flows", flows)
    flows[60] = flows[60].replace("output:2", "output:9")
    before = write(tmp_path / "before.flows", flows)
    for first, second in ((before, after), (after, before)):
        ended = p4verify("check", "--against", first, "--against", second, "--no-machines")
        assert ended.code == 1, ended.out
        assert "differs in 1 region;" in ended.out


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "moved", "code"),
    [
        (24, "10.99.7.0", 1),
        pytest.param(264, "", 0, marks=pytest.mark.campaign),
        pytest.param(264, "10.99.7.0", 1, marks=pytest.mark.campaign),
    ],
)
def test_large_lists_may_choose_as_well(
    p4verify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, moved: str, code: int
) -> None:
    monkeypatch.setattr("p4verify.checks.LargePair", partial(LargePair, open_from=min(count, OPEN_FROM)))
    before, after = routes(tmp_path / "before.ofp", count), routes(tmp_path / "after.ofp", count, moved)
    ended = p4verify("check", "--against", before, "--against", after, "--no-machines")
    assert ended.code == code, ended.out
    assert "large tables left open" in ended.out or "differs in 2 regions" in ended.out


def programs(path: Path, **returned: int) -> Path:
    """An object with a program at XDP for each name, which returns a number."""
    made = tuple(
        BpfProgram(name, "xdp", (asm.mov(R0, code), asm.exit_())) for name, code in returned.items()
    )  # fmt: skip
    path.write_bytes(write_elf(BpfObject(made)))
    return path


def test_each_of_several_programs_is_compared_with_the_one_of_its_name(p4verify: Command, tmp_path: Path) -> None:
    before = programs(tmp_path / "before.o", drop=1, let=2, back=3)
    same = programs(tmp_path / "same.o", back=3, let=2, drop=1)
    other = programs(tmp_path / "other.o", drop=1, let=3, back=3)
    fewer = programs(tmp_path / "fewer.o", let=2, more=2)
    two = ("check", "--no-machines", "--format", "json", "--against", before, "--against")
    ended = p4verify(*two, same)
    verdicts = {r["target"]: r["verdict"] for r in ended.json()["results"]}
    assert verdicts.pop("ebpf = ebpf, program drop") == "unsupported", "it sends nothing"
    assert verdicts == {"ebpf = ebpf, program let": "accept", "ebpf = ebpf, program back": "accept"}
    ended = p4verify(*two, other)
    assert ended.code == 1
    rejected = [r["target"] for r in ended.json()["results"] if r["verdict"] == "reject"]
    assert rejected == ["ebpf = ebpf, program let"]
    ended = p4verify(*two, fewer)
    assert ended.code == 3
    found = {r["target"].split()[-1]: (r["verdict"], r["reason"]) for r in ended.json()["results"]}
    assert found["let"][0] == "accept"
    assert found["back"] == ("unsupported", f"{before} has a program back, {fewer} has none of this name")
    assert found["more"] == ("unsupported", f"{fewer} has a program more, {before} has none of this name")


def test_one_program_each_is_compared_whatever_its_name(p4verify: Command, tmp_path: Path) -> None:
    first, second = programs(tmp_path / "first.o", one=2), programs(tmp_path / "second.o", two=2)
    assert p4verify("check", "--no-machines", "--against", first, "--against", second).code == 0


def test_what_two_artifacts_are_taken_to_run_on_is_said(p4verify: Command, tmp_path: Path) -> None:
    """Found by a program that lacks a flag which only frames need that a device has summed up: it was accepted, and
    that no such frames are meant was not told."""
    path, same = programs(tmp_path / "before.o", let=2), programs(tmp_path / "same.o", let=2)
    ended = p4verify("check", "--no-machines", "--format", "json", "--against", path, "--against", same)
    (result,) = ended.json()["results"]
    assert result["verdict"] == "accept"
    assert any("port numbers are interface indices" in said for said in result["warnings"])


def keeping(path: Path, number: int) -> Path:
    """An object with a program at XDP that puts a number into the first bytes of memory that it keeps."""
    code = (
        asm.store(4, FP, -4, 0), asm.load_map(R1, "kept"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1),
        asm.jump("jeq", R0, 0, 1), asm.store(4, R0, 0, number), asm.mov(R0, 2), asm.exit_(),
    )  # fmt: skip
    path.write_bytes(write_elf(BpfObject((BpfProgram("keep", "xdp", code),), (MapDef("kept", "array", 4, 8, 1),))))
    return path


def test_memory_is_told_with_all_its_zeros(p4verify: Command, tmp_path: Path) -> None:
    first, second = keeping(tmp_path / "first.o", 0), keeping(tmp_path / "second.o", 0x200)
    ended = p4verify("check", "--no-machines", "--against", first, "--against", second)
    assert ended.code == 1, ended.out
    told = dict(re.findall(r"(expected|actual): .*map\.kept\[0\] = 0x([0-9a-f]+)", ended.out))
    assert {side: len(digits) for side, digits in told.items()} == {"expected": 16, "actual": 16}, ended.out
    assert (told["expected"][:8], told["actual"][:8]) == ("00000000", "00020000")
