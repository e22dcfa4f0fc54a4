"""``run``: one packet through a program or an artifact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Command

File = Callable[[str], Path]
ARP = "ffffffffffff 020000000001 0806".replace(" ", "") + "00" * 28
HTTPS = "0200000000020200000000010800" + "4500002800000000400600000a0000010a000002" + "ffff01bb" + "00" * 16
"""TCP from 10.0.0.1 to 10.0.0.2 port 443: permitted by the example's rules."""


def test_a_packet_that_passes(p4verify: Command, example: File) -> None:
    ended = p4verify("run", example("acl.p4"), "--packet", ARP, "--port", "3", "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    data = ended.json()
    assert data["outputs"] == [{"to": "stack", "port": 0, "packet": ARP}]
    assert data["dropped"] is False


def test_rules_decide(p4verify: Command, example: File) -> None:
    without = p4verify("run", example("acl.p4"), "--packet", HTTPS, "--format", "json").json()
    assert without["dropped"] is True
    rules = ("--rules", example("acl.rules.cli"))
    assert p4verify("run", example("acl.p4"), "--packet", HTTPS, *rules, "--format", "json").json()["outputs"]


def test_an_artifact_with_the_programs_rules(p4verify: Command, example: File, acl_object: Path) -> None:
    sent = ("--packet", HTTPS, "--format", "json")
    assert p4verify("run", acl_object, *sent).json()["outputs"] == []  # empty maps
    filled = ("--program", example("acl.p4"), "--rules", example("acl.rules.cli"))
    outputs = p4verify("run", acl_object, *sent, *filled).json()["outputs"]
    assert outputs == [{"to": "stack", "port": 0, "packet": HTTPS}]


def test_filters(p4verify: Command, acl_filters: Path) -> None:
    assert p4verify("run", acl_filters, "--packet", HTTPS, "--format", "json").json()["outputs"]
    assert "dropped" in p4verify("run", acl_filters, "--packet", HTTPS.replace("01bb", "01bc")).out


def test_text(p4verify: Command, example: File) -> None:
    ended = p4verify("run", example("acl.p4"), "--packet", ARP)
    assert ended.code == 0
    assert f"output: passed on to the stack: {ARP}" in ended.out
    assert "dropped" in p4verify("run", example("acl.p4"), "--packet", "00").out


@pytest.mark.parametrize("packet", ["0", "zz", "0x123"])
def test_a_packet_that_is_none(p4verify: Command, example: File, packet: str) -> None:
    p4verify("run", example("acl.p4"), "--packet", packet).one_error("--packet", packet)


@pytest.mark.parametrize("port", ["-1", "x", "4294967296"])
def test_a_port_that_is_none(p4verify: Command, example: File, port: str) -> None:
    p4verify("run", example("acl.p4"), "--packet", ARP, f"--port={port}").one_error("--port")


def test_a_port_that_the_architecture_has_not(p4verify: Command, example: File) -> None:
    p4verify("run", example("router.p4"), "--packet", ARP, "--port", "512").one_error("512")


def test_a_frame_that_the_machine_does_not_get(p4verify: Command, acl_object: Path) -> None:
    p4verify("run", acl_object, "--packet", "00").one_error("at least 14 bytes")


def test_options_that_do_not_go_together(p4verify: Command, example: File, acl_object: Path) -> None:
    p4verify("run", acl_object, "--packet", ARP, "--rules", example("acl.rules.cli")).one_error("--program")
    p4verify("run", example("acl.p4"), "--packet", ARP, "--program", example("acl.p4")).one_error("--program")
