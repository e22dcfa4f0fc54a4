"""``targets``, and what every command has: help, version, arguments that are none."""

from __future__ import annotations

import pytest

from p4verify import __version__, targets
from p4verify.proofs.engine import Engine

from .conftest import Command

COMMANDS = ("check", "parse", "run", "stf", "lower", "targets", "gate")


@pytest.mark.long
def test_json_names_every_target_and_its_limits(p4verify: Command) -> None:
    ended = p4verify("targets", "--format", "json")
    assert ended.code == 0
    data = ended.json()
    assert data["version"] == 1
    rows = {row["name"]: row for row in data["targets"]}
    assert set(rows) == set(targets.names()) >= {"ebpf", "u32"}
    for row in rows.values():
        assert row["summary"]
        assert row["limits"]
        assert row["machine"]


@pytest.mark.long
def test_text(p4verify: Command) -> None:
    ended = p4verify("targets")
    assert ended.code == 0
    for name in targets.names():
        assert f"{name}: " in ended.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help(p4verify: Command, command: str) -> None:
    ended = p4verify(command, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"usage: p4verify {command}")
    assert command in p4verify("--help").out


@pytest.mark.parametrize("command", ["check", "offload", "watch"])
def test_help_says_how_long_it_takes_at_most(p4verify: Command, command: str) -> None:
    told = " ".join(p4verify(command, "--help").out.split())
    assert f"default: {Engine.within(None).timeout:.0f} for a query, none for the comparison" in told


def test_version(p4verify: Command) -> None:
    ended = p4verify("--version")
    assert (ended.code, ended.out.strip()) == (0, f"p4verify {__version__}")


@pytest.mark.parametrize("arguments", [(), ("nosuch",), ("check", "--nosuch"), ("parse",), ("lower", "x.p4")])
def test_arguments_that_are_none(p4verify: Command, arguments: tuple[str, ...]) -> None:
    p4verify(*arguments).one_error()
