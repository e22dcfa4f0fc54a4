"""``gate``: a configuration's checks, what is expected of them, its reports, and configurations that are none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import EXAMPLES, Command, Ended

Gate = Callable[..., Ended]


def check(program: str = "acl.p4", **keys: object) -> str:
    """A ``[[check]]`` of an example; paths are relative to the configuration, as everywhere."""
    lines = [f'program = "{program}"', *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "[[check]]\n" + "\n".join(lines) + "\n"


EBPF = check(targets=["ebpf"])
WRONG = check(against=["acl.wrong.tc"], rules="acl.rules.cli")
U32 = check("router.p4", targets=["u32"])
SLOW = check("router.p4", targets=["ebpf"], timeout=0.01)


@pytest.fixture
def gate(p4verify: Command, tmp_path: Path) -> Gate:
    """Runs the gate on a configuration next to links to the examples."""
    for path in EXAMPLES.iterdir():
        (tmp_path / path.name).symlink_to(path)

    def run(text: str, *arguments: str) -> Ended:
        (tmp_path / "gate.toml").write_text(text)
        return p4verify("gate", tmp_path / "gate.toml", "--quiet", *arguments)

    return run


@pytest.mark.long
@pytest.mark.parametrize(
    ("config", "code"), [(EBPF, 0), (WRONG, 1), (U32, 3), (SLOW, 4), (EBPF + WRONG + U32, 1), (EBPF + U32, 3)]
)
def test_exit_codes(gate: Gate, config: str, code: int) -> None:
    ended = gate(config)
    assert ended.code == code
    assert "gate: " in ended.out.splitlines()[-1]
    assert ended.err == ""


@pytest.mark.long
@pytest.mark.parametrize(
    "config",
    [
        WRONG + 'expect = "reject"\n',
        U32 + 'expect = "unsupported"\n',
        U32 + 'expect = { u32 = "unsupported" }\n',
        SLOW + 'expect = "undecided"\n',
        check("router.p4", targets=["ebpf", "u32"]) + 'expect = { u32 = "unsupported" }\n',
    ],
)
def test_what_is_expected_passes(gate: Gate, config: str) -> None:
    assert gate(config).code == 0


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (EBPF + 'expect = "reject"\n', 1),
        (EBPF + 'expect = "unsupported"\n', 1),
        (WRONG + 'expect = "unsupported"\n', 1),
        (U32 + 'expect = { ebpf = "accept", u32 = "unsupported" }\n', 2),  # no such result: a slip must not pass
    ],
)
def test_what_is_not_expected_fails(gate: Gate, config: str, code: int) -> None:
    ended = gate(config)
    assert ended.code == code
    assert "1 failed" in ended.out


@pytest.mark.long
def test_json(gate: Gate) -> None:
    ended = gate(EBPF + WRONG, "--format", "json")
    assert ended.code == 1
    data = ended.json()
    assert data["version"] == 1
    assert [row["passed"] for row in data["checks"]] == [True, False]
    assert [row["results"][0]["verdict"] for row in data["checks"]] == ["accept", "reject"]


@pytest.mark.long
def test_reports_are_written(gate: Gate, tmp_path: Path) -> None:
    report = '[report]\njunit = "build/deep/gate.xml"\nsarif = "build/gate.sarif"\n'
    assert gate(report + EBPF + WRONG + U32).code == 1
    root = ET.parse(tmp_path / "build" / "deep" / "gate.xml").getroot()
    assert [int(s.get("tests", "")) for s in root.iter("testsuite")] == [1, 1, 1]
    assert len(list(root.iter("failure"))) == 1
    run = json.loads((tmp_path / "build" / "gate.sarif").read_text())["runs"][0]
    assert [r["ruleId"] for r in run["results"]] == ["equivalent", "not-equivalent", "unsupported"]


def test_a_report_that_cannot_be_written(gate: Gate) -> None:
    for place in ("acl.p4/gate.xml", "/dev/full"):
        gate(f'[report]\njunit = "{place}"\n' + EBPF).one_error("cannot be written")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no [[check]]"),
        ("[[check]]\n", "'program' is missing"),
        ("[check]\nprogram = 'acl.p4'\n", "no [[check]]"),
        ("check = 5\n", "no [[check]]"),
        ("colour = 1\n" + EBPF, "unknown key 'colour'"),
        (EBPF + "colour = 1\n", "[[check]] number 1: unknown key 'colour'"),
        (EBPF + EBPF + "colour = 1\n", "[[check]] number 2: unknown key 'colour'"),
        ("[report]\nhtml = 'x'\n" + EBPF, "unknown key 'html'"),
        ("report = 1\n" + EBPF, "'report' is not a table"),
        ("[report]\njunit = 1\n" + EBPF, "'junit' is not a string"),
        ("[[check]]\nprogram = 1\n", "'program' is not a string"),
        (check(targets="ebpf"), "'targets' is not a list of strings"),
        (check(targets=[1]), "'targets' is not a list of strings"),
        (check(timeout="1"), "'timeout' is not a number"),
        (check(timeout=0), "'timeout' is not a number"),
        (check(timeout=True), "'timeout' is not a number"),
        (check(expect="perhaps"), "'perhaps' is none of"),
        (check(expect=3), "'expect' is neither"),
        (EBPF + "expect = { ebpf = 3 }\n", "is none of"),
        (EBPF + "expect = [1]\n", "'expect' is neither"),
        ("[[check]\n", "is not TOML"),
        ("\x00", "is not TOML"),
        (check(targets=["nosuch"]), "unknown target 'nosuch'"),
        (check("missing.p4"), "missing.p4"),
        (check(rules="missing"), "missing"),
        (check(against=["missing"]), "missing"),
        (check(rules="router.rules.cli"), "router.rules.cli:2:11"),
    ],
)
def test_a_configuration_that_is_none(gate: Gate, text: str, words: str) -> None:
    gate(text).one_error(words)


@pytest.mark.parametrize("limit", ["nan", "inf"])
def test_a_limit_that_is_none(gate: Gate, limit: str) -> None:
    gate(EBPF + f"timeout = {limit}\n").one_error("'timeout' is not a number")


def test_not_text(p4verify: Command, tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_bytes(b"\xff\xfe")
    p4verify("gate", tmp_path / "gate.toml").one_error("gate.toml", "UTF-8")
    p4verify("gate", tmp_path).one_error("directory")
    p4verify("gate", tmp_path / "missing.toml").one_error("no such file")


@pytest.mark.long
def test_the_default_file_by_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "p4verify.toml").write_text(check(os.path.relpath(EXAMPLES / "acl.p4", tmp_path), targets=["ebpf"]))
    done = subprocess.run([sys.executable, "-m", "p4verify", "gate"], capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert b"1 passed, 0 failed" in done.stdout


def test_a_map_says_how_two_programs_correspond(gate: Gate, tmp_path: Path) -> None:
    """It is not read for artifacts only."""
    (tmp_path / "other.p4").write_text(re.sub(r"\bacl\b", "listed", (EXAMPLES / "acl.p4").read_text()))
    (tmp_path / "names.toml").write_text('[tables]\n"Filter.acl" = "Filter.none"\n')
    gate(check(against=["other.p4"], map="names.toml")).one_error("names.toml", "the second program has no Filter.none")
    gate(check(targets=["ebpf"], map="names.toml")).one_error("names.toml", "'map' needs something in 'against'")


def _told(ended: Ended) -> object:
    """What the gate printed, but for how long things took."""
    checks = ended.json()["checks"]
    for row in checks:
        for result in row["results"]:
            del result["seconds"], result["obligations"]["cached"]
    return checks


@pytest.mark.long
def test_checks_at_once_are_told_as_one_after_the_other(gate: Gate) -> None:
    text = check("vlan_filter.p4", targets=["ebpf"]) + WRONG + EBPF
    alone, together = (gate(text, "--format", "json", "--no-cache", "--jobs", n) for n in ("1", "3"))
    assert alone.code == together.code == 1
    assert _told(alone) == _told(together)


@pytest.mark.long
def test_the_first_check_that_cannot_be_used_is_the_error(gate: Gate) -> None:
    text = EBPF + check("missing.p4") + check(rules="missing too")
    gate(text, "--jobs", "2").one_error("missing.p4")


@pytest.mark.long
def test_processes_of_a_gate_end_with_it(tmp_path: Path) -> None:
    (tmp_path / "p4verify.toml").write_text(check(str(EXAMPLES / "router.p4"), targets=["ebpf"]) * 8)
    command = [sys.executable, "-m", "p4verify", "gate", "--jobs", "2", "--no-cache"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as running:
        _until(lambda: len(_children(running.pid)) >= 2)
        started = _children(running.pid)
        running.kill()
    _until(lambda: not any(map(_runs, started)))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # whoever has taken it over may not have fetched it yet


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
