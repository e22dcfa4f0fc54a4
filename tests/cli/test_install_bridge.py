"""``lower --install`` and ``--remove`` with bridges of a private Open vSwitch, seen by ``ovs-ofctl``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from p4verify.targets.openflow.oracle import OpenVSwitch
from p4verify.targets.openflow.oracle.switch import BRIDGE, Switch
from tests.support.machines import require

from .conftest import Command

pytestmark = pytest.mark.oracle

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    """A switch with an empty bridge."""
    with OpenVSwitch() as oracle:
        require(oracle)
    made = Switch()
    yield made
    made.close()


def bridge_of(switch: Switch) -> str:
    """The bridge as ``ovs-ofctl`` names it."""
    return f"unix:{switch.folder}/{BRIDGE}.mgmt"


def arguments(name: str, *more: str) -> list[str]:
    """Those of ``lower`` for an example."""
    rules = str(EXAMPLES / f"{name}.rules.cli")
    return ["lower", str(EXAMPLES / f"{name}.p4"), "--rules", rules, "--target", "openflow", *more]


def there(switch: Switch) -> int:
    """How many flows and groups the bridge has."""
    text = switch.ofctl("dump-flows") + switch.ofctl("dump-groups")
    return sum("actions=" in line for line in text.splitlines())


def test_flows_and_groups_are_put_in_and_taken_back(p4verify: Command, switch: Switch) -> None:
    done = p4verify(*arguments("bridge", "--install", bridge_of(switch)))
    assert (done.code, done.err) == (0, "")
    assert there(switch) > 40
    again = p4verify(*arguments("bridge", "--install", bridge_of(switch)))
    assert again.code == 2
    assert "has flows of p4verify already" in again.err
    assert p4verify("lower", "--target", "openflow", "--remove", bridge_of(switch)).code == 0
    assert there(switch) == 0
    nothing = p4verify("lower", "--target", "openflow", "--remove", bridge_of(switch))
    assert (nothing.code, "has no flows of p4verify" in nothing.err) == (2, True)


def test_flows_of_others_are_left_alone(p4verify: Command, switch: Switch) -> None:
    switch.ofctl("add-flow", "table=0,priority=0,actions=drop")
    switch.ofctl("add-flow", "table=200,priority=7,actions=output:3")
    done = p4verify(*arguments("qinq", "--install", bridge_of(switch)))
    assert done.code == 2
    assert "flows of others in table 0" in done.err
    switch.ofctl("del-flows", "table=0")
    assert p4verify(*arguments("qinq", "--install", bridge_of(switch))).code == 0
    assert p4verify("lower", "--target", "openflow", "--remove", bridge_of(switch)).code == 0
    assert there(switch) == 1
    switch.ofctl("del-flows")


def test_groups_of_others_are_left_alone(p4verify: Command, switch: Switch) -> None:
    switch.ofctl("add-group", "group_id=1,type=all,bucket=output:1")
    done = p4verify(*arguments("bridge", "--install", bridge_of(switch)))
    assert (done.code, "has a group 1 already" in done.err) == (2, True)
    assert there(switch) == 1
    switch.ofctl("del-groups")


def test_what_the_switch_refuses_leaves_nothing(
    p4verify: Command, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from p4verify.targets.openflow import install

    real = install._differs
    monkeypatch.setattr(install, "_differs", lambda given, name: real(given, name) or "does not have what it was given")
    done = p4verify(*arguments("bridge", "--install", bridge_of(switch)))
    assert (done.code, "does not have what it was given" in done.err) == (2, True)
    assert there(switch) == 0


def test_no_such_bridge(p4verify: Command) -> None:
    done = p4verify(*arguments("qinq", "--install", "unix:/nonexistent/br9.mgmt"))
    assert done.code == 2
    assert "bridge unix:/nonexistent/br9.mgmt" in done.err
