"""``p4verify offload``: divisions that are safe and such that are not, each of these with packets that the real machine
confirms."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from p4verify import targets
from p4verify.offload import Division, check_division
from p4verify.proofs.engine import Engine
from p4verify.targets.base import Oracle
from p4verify.targets.flower.offload import KEY_NAMES
from p4verify.targets.offload import Device, Offloads, held
from p4verify.targets.offload.profile import ACTIONS

from ..support.machines import require
from .conftest import Command

CASES: Final = Path(__file__).parent / "offload" / "cases.toml"


@dataclass(frozen=True)
class Case:
    """See the head of the file of cases."""

    name: str
    verdict: str
    filters: str
    kind: str = "flower"
    pairs: list[list[int | list[int]]] = field(default_factory=list)
    device: dict[str, str] = field(default_factory=dict)
    largest: int | None = None
    everyday: bool = False

    @property
    def script(self) -> str:
        return script(self.filters)


def script(filters: str) -> str:
    """A ``tc -batch`` script of a hook's filters."""
    return "".join(f"filter add dev port0 ingress {line}\n" for line in filters.strip().splitlines())


ALL: Final = [Case(**case) for case in tomllib.loads(CASES.read_text())["case"]]
MARKED: Final = [pytest.param(case, id=case.name, marks=() if case.everyday else pytest.mark.campaign) for case in ALL]


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """A file with filters."""

    def write(filters: str) -> Path:
        path = tmp_path / "filters.tc"
        path.write_text(script(filters))
        return path

    return write


@pytest.fixture
def everything(tmp_path: Path) -> Any:
    """The arguments for a device that takes every filter, and leaves frames to software as it is said."""

    def write(device: dict[str, str]) -> list[object]:
        if not device:
            return []
        path = tmp_path / "device.toml"
        keys = "".join(f'{name} = ["masked", "range"]\n' for name in sorted(KEY_NAMES))
        frames = "".join(f"{name} = {value!r}\n" for name, value in device.items())
        path.write_text(
            "name = 'all'\nsummary = 'takes all'\nsources = ['none']\n"
            f"[frames]\n{frames}[[table]]\nname = 'all'\nclassifiers = ['flower']\nactions = {sorted(ACTIONS)}\n"
            f"[table.keys]\n{keys}"
        )
        return ["--profile", path]

    return write


QUIET: Final = ("--no-machines", "--jobs", "1", "--format", "json")


def test_there_are_twenty_cases_safe_and_unsafe() -> None:
    assert len(ALL) >= 20
    assert {case.verdict for case in ALL} == {"accept", "reject"}


@pytest.mark.parametrize("case", MARKED)
def test_cases_are_decided_right(case: Case, p4verify: Command, written: Any, everything: Any) -> None:
    ended = p4verify("offload", written(case.filters), *everything(case.device), *QUIET)
    report = ended.json()
    (result,) = report["results"]
    assert result["verdict"] == case.verdict
    assert ended.code == (0 if case.verdict == "accept" else 1)
    told = [[_lines(region[side]) for side in ("rules", "entries")] for region in result["regions"]]
    assert sorted(told, key=repr) == sorted(case.pairs, key=repr)
    if case.largest is not None:
        assert report["proposal"]["largest"]
        assert len(report["proposal"]["in_hardware"]) == case.largest


def _lines(told: list[str]) -> int | list[int]:
    """The lines of the filters that a region names; 0 for none."""
    lines = [0 if text == "no entry" else int(text.split(":")[1]) for text in told]
    return lines[0] if len(lines) == 1 else lines


# --- the real machine ---------------------------------------------------------------------------------------------


@pytest.mark.campaign
@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["flower", "u32"])
def test_the_machine_tells_every_unsafe_division_from_software_alone(kind: str) -> None:
    """The list as it is, and the list with the device's part before it, on every packet that was found."""
    oracle = targets.find(kind).oracle()
    assert oracle is not None
    require(oracle)
    try:
        for case in ALL:
            if (case.kind, case.verdict) == (kind, "reject"):
                _tells_apart(oracle, case)
    finally:
        oracle.close()


def _tells_apart(oracle: Oracle, case: Case) -> None:
    division = divided(case)
    proof = check_division(division, time.monotonic())
    assert proof.counterexample is not None, case.name
    found = [(region.port, region.packet) for region in proof.regions]
    packets = [(proof.counterexample.port, proof.counterexample.packet), *found]
    alone, both = (oracle.run(side[0], packets) for side in (division.alone, division.both))
    for packet, x, y in zip(packets, alone, both, strict=True):
        assert sorted(x.outputs) != sorted(y.outputs), (case.name, packet)


def divided(case: Case) -> Division:
    """The division of a case, which asks no machine."""
    target = targets.find(case.kind)
    assert isinstance(target, Offloads)
    artifact = target.read(case.script.encode(), case.name)
    inside = held(target.entries(artifact))
    assert not isinstance(inside, int)
    return Division(target, artifact, inside, Device(**case.device), Engine(), machines_confirm=False)  # type: ignore[arg-type]
