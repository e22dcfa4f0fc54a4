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
