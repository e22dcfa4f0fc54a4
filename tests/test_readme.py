"""README tells the truth: its commands are there, and what it says they print is what they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p4verify.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def normal(text: str) -> list[str]:
    """Lines without times, counts of queries, and the name of a machine that may not be there."""
    text = re.sub(r"\d+\.\d\d s", "N s", text).replace(", u32 kernel", "")
    text = re.sub(r"\d+ (queries folded|solved|observables|obligations)", r"N \1", text)
    return [line.rstrip() for line in text.strip().splitlines()]


def printed(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.chdir(ROOT)
    main(arguments)
    return normal(capsys.readouterr().out)


def test_there_are_two_commands_each_one_line() -> None:
    commands = [text for language, text in BLOCKS if language == "sh"]
    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)


def test_first_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command, shown = BLOCKS[0][1], BLOCKS[2][1]
    arguments = command.split("bin/p4verify ")[1].split()
    assert printed(arguments, monkeypatch, capsys) == normal(shown)


def test_second_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command, _, shown = BLOCKS[3][1].partition("\n")
    arguments = command.removeprefix("$ p4verify ").split()
    assert printed(arguments, monkeypatch, capsys) == normal(shown)


def test_two_programs_side_by_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = (ROOT / "examples" / "router.p4").read_text()
    (tmp_path / "router.p4").write_text(source)
    (tmp_path / "router.wrong.p4").write_text(source.replace("hdr.ipv4.ttl - 1;", "hdr.ipv4.ttl;"))
    monkeypatch.chdir(tmp_path)
    main(["check", "router.p4", "--against", "router.wrong.p4"])
    found = {_solved(line) for line in capsys.readouterr().out.splitlines()}
    shown = [_solved(line) for line in BLOCKS[4][1].splitlines()]
    assert len(shown) > 8
    assert [line for line in shown if line not in found] == []


def _solved(line: str) -> str:
    """A line without what is the solver's to choose: numbers, and which of two like actions."""
    line = re.sub(r"RouterIngress\.(route|deliver)\b", "ACTION", line)
    line = re.sub(r"\b(0x[0-9a-f]+|[0-9a-f]{16,}|\d+(\.\d+)*)\b", "#", line)
    return re.sub(r"(# )+", "# ", re.sub(r" +", " ", line + " ")).strip()
