"""``--device``: which ports the devices are that lists of tc filters name."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.targets import find

from .conftest import Command

QDISC = "qdisc add dev enp8s0f0 ingress\n"
RULE = (
    "filter add dev enp8s0f0 ingress prio {pref} protocol ip flower ip_proto udp dst_port {port} "
    "action mirred egress redirect dev {to}\n"
)
BEFORE = QDISC + RULE.format(pref=1, port=4789, to="enp8s0f0_0") + RULE.format(pref=2, port=53, to="tap0")
AFTER = QDISC + RULE.format(pref=1, port=53, to="tap1") + RULE.format(pref=2, port=4789, to="enp8s0f0_0")
FRAME = "00112233445500000000000108004500001e00000000401100000101010102020202000012b5000a000000000000"


@pytest.fixture
def lists(tmp_path: Path) -> list[str]:
    """The list before and after an upgrade that has renamed a device and changed the order."""
    (tmp_path / "before.tc").write_text(BEFORE)
    (tmp_path / "after.tc").write_text(AFTER)
    return ["--against", str(tmp_path / "before.tc"), "--against", str(tmp_path / "after.tc"), "-q"]


def test_devices_are_told_apart_by_the_ports_that_they_are(p4verify: Command, lists: list[str], tmp_path: Path) -> None:
    one, other = ("--device", "enp8s0f0_0=1", "--device", "tap0=2"), ("--device", "tap1=3")
    assert p4verify("check", *lists, *one, *other, "--no-machines").code == 1
    (tmp_path / "after.tc").write_text(AFTER.replace("tap1", "tap0"))
    assert p4verify("check", *lists, *one).code == 0
    ended = p4verify("run", tmp_path / "before.tc", *one, "--packet", FRAME)
    assert "port 1" in ended.out.splitlines()[-1]


def test_a_device_that_is_not_named_is_an_error_at_its_place(p4verify: Command, lists: list[str]) -> None:
    ended = p4verify("check", *lists, "--device", "tap0=2")
    assert ended.code == 2
    assert "before.tc:2:" in ended.err
    assert "--device NAME=N" in ended.err


@pytest.mark.parametrize(
    "given", [["tap0"], ["tap0=x"], ["=1"], ["tap0=4294967296"], ["tap0=1", "tap0=2"], ["tap0=1", "tap1=1"]]
)
def test_devices_that_are_none(p4verify: Command, lists: list[str], given: list[str]) -> None:
    ended = p4verify("check", *lists, *(word for text in given for word in ("--device", text)))
    assert ended.code == 2
    assert ended.err.count("error:") == 1


def test_a_port_that_is_named_is_no_other_device(p4verify: Command, lists: list[str], tmp_path: Path) -> None:
    """``port1`` would be port 1 by its name."""
    (tmp_path / "after.tc").write_text(AFTER.replace("tap1", "port1"))
    ended = p4verify("check", *lists, "--device", "enp8s0f0_0=1", "--device", "tap0=2")
    assert ended.code == 2
    assert "device 'port1' is not a port" in ended.err


def test_artifacts_without_devices(p4verify: Command, tmp_path: Path) -> None:
    (tmp_path / "flows").write_text("priority=1,ip actions=output:1\n")
    ended = p4verify("run", f"openflow:{tmp_path / 'flows'}", "--device", "a=1", "--packet", FRAME)
    assert (ended.code, "no devices that --device could name" in ended.err) == (2, True)


def test_messages_name_interfaces_by_number(p4verify: Command, tmp_path: Path) -> None:
    flower, script = find("flower"), BEFORE
    for name, other in (("enp8s0f0_0", "port17"), ("tap0", "port18"), ("enp8s0f0", "port0")):
        script = script.replace(name, other)
    (tmp_path / "m").write_bytes(flower.write(flower.read(script.encode(), "b"), "netlink"))
    ended = p4verify("run", tmp_path / "m", "--device", "17=1", "--packet", FRAME)
    assert "port 1" in ended.out.splitlines()[-1]


def messages(script: str, *names: tuple[str, str]) -> bytes:
    """The script as messages, in which interfaces have these numbers."""
    flower = find("flower")
    for name, other in names:
        script = script.replace(name, other)
    return flower.write(flower.read(script.encode(), "b"), "netlink")


NUMBERS = (("enp8s0f0_0", "port17"), ("tap0", "port18"), ("enp8s0f0", "port3"))


def test_a_port_may_have_a_name_and_an_interfaces_number(p4verify: Command, lists: list[str], tmp_path: Path) -> None:
    named = ("--device", "enp8s0f0_0=1", "--device", "tap0=2", "--device", "17=1", "--device", "18=2")
    (tmp_path / "after.tc").write_bytes(messages(BEFORE, *NUMBERS))
    assert p4verify("check", *lists, *named).code == 0
    (tmp_path / "after.tc").write_bytes(messages(BEFORE.replace("dev tap0", "dev port19"), *NUMBERS))
    assert p4verify("check", *lists, *named, "--no-machines").code == 1
    ended = p4verify("check", *lists, *named, "--device", "19=1")
    assert (ended.code, "was named before" in ended.err) == (2, True)


def test_an_interface_without_a_port_is_none_that_another_one_is(
    p4verify: Command, lists: list[str], tmp_path: Path
) -> None:
    """It was taken for the port of its number, which the other interface is."""
    for side, number in (("before", "port17"), ("after", "port1")):
        (tmp_path / f"{side}.tc").write_bytes(messages(BEFORE, ("enp8s0f0_0", number), *NUMBERS[1:]))
    ended = p4verify("check", *lists, "--device", "17=1", "--device", "18=2")
    assert ended.code == 2
    assert "interface 1 is no port" in ended.err
    assert "after.tc" in ended.err


def test_the_gate_knows_devices(p4verify: Command, tmp_path: Path, lists: list[str]) -> None:
    check = f'[[check]]\nprogram = "{tmp_path}/p.p4"\nagainst = ["before.tc"]\ndevices = ["tap0"]\n'
    (tmp_path / "gate.toml").write_text(check)
    ended = p4verify("gate", tmp_path / "gate.toml", "-q")
    assert (ended.code, "--device is NAME=PORT" in ended.err) == (2, True)
