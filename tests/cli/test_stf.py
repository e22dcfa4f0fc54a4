"""``stf``: a test on the reference, on a target's meaning, on the real machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from p4verify import targets
from tests.support.machines import require

from .conftest import Command

File = Callable[[str], Path]
ARP = "ffffffffffff0200000000010806" + "00" * 28
PASSES = f"packet 5 {ARP}\nexpect 5 {ARP}$\npacket 5 0200000000010200000000020807\n"
ON = [(), ("--on", "ebpf", "--by-meaning"), ("--on", "u32", "--by-meaning")]
REAL = [("--on", "ebpf"), ("--on", "ebpf:hook=xdp"), ("--on", "u32")]


@pytest.fixture
def test_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "test.stf"
        path.write_text(text)
        return path

    return write


def _passes_and_fails(p4verify: Command, program: Path, write: Callable[[str], Path], on: tuple[str, ...]) -> None:
    ended = p4verify("stf", program, write(PASSES), *on, "--format", "json")
    assert ended.code == 0, ended
    data = ended.json()
    assert (data["passed"], data["packets"], data["unseen"], data["mismatches"]) == (True, 2, 0, [])
    ended = p4verify("stf", program, write(PASSES.replace("0806" + "00" * 28 + "$", "0806" + "00" * 27 + "01$")), *on)
    assert ended.code == 1
    assert "test.stf:2:1" in ended.out


@pytest.mark.parametrize("on", ON, ids=" ".join)
def test_by_meaning(p4verify: Command, example: File, test_file: Callable[[str], Path], on: tuple[str, ...]) -> None:
    _passes_and_fails(p4verify, example("acl.p4"), test_file, on)


@pytest.mark.oracle
@pytest.mark.parametrize("on", REAL, ids=" ".join)
def test_on_the_real_machine(
    p4verify: Command, example: File, test_file: Callable[[str], Path], on: tuple[str, ...]
) -> None:
    oracle = targets.find(on[1].partition(":")[0]).oracle()
    assert oracle is not None
    with closing(oracle):
        require(oracle)
    _passes_and_fails(p4verify, example("acl.p4"), test_file, on)


@pytest.mark.parametrize("on", ON[1:], ids=" ".join)
def test_a_frame_too_short_for_the_machine_is_unsupported(
    p4verify: Command, example: File, test_file: Callable[[str], Path], on: tuple[str, ...]
) -> None:
    ended = p4verify("stf", example("acl.p4"), test_file("\npacket 5 00\n"), *on)
    assert ended.code == 3
    assert "test.stf:2:1: unsupported:" in ended.err


@pytest.mark.parametrize(
    ("text", "place"),
    [("packet 1 zz\n", "1:10"), ("\nfrobnicate\n", "2:1"), ("packet\n", "1:1"), ("add nosuch x:1 y()\n", "1:")],
)
def test_a_test_that_is_none(
    p4verify: Command, example: File, test_file: Callable[[str], Path], text: str, place: str
) -> None:
    p4verify("stf", example("acl.p4"), test_file(text)).one_error(f"test.stf:{place}")
    p4verify("stf", example("acl.p4"), example("nosuch.stf")).one_error("nosuch.stf")
