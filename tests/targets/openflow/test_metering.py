"""Programs with meters as flows with meters: what is above the rate is dropped, all else goes on as green."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.proofs.verdict import Verdict
from p4verify.targets import find
from p4verify.targets.openflow.artifact import ToMeter, print_meter
from p4verify.targets.openflow.install import install, remove
from p4verify.targets.openflow.oracle import OpenVSwitch
from p4verify.targets.openflow.oracle.switch import BRIDGE, Switch
from tests.support.metered import DROPPED, program, verdict

TARGET = find("openflow")


def test_each_cell_is_a_meter_that_drops(tmp_path: Path) -> None:
    loaded = program(tmp_path, DROPPED)
    bridge = TARGET.lower(*loaded, {})
    asked = [action.meter for flow in bridge.flows for action in flow.actions if isinstance(action, ToMeter)]
    assert asked == [1, 2]
    assert print_meter(bridge.meters[0]) == "meter=1,pktps,bands=type=drop,rate=4294967295"
    assert verdict(loaded, TARGET, bridge) is Verdict.ACCEPT


@pytest.mark.campaign
def test_yellow_does_not_come(tmp_path: Path) -> None:
    loaded = program(tmp_path, DROPPED + " else if (meta.colour == 1) { hdr.ethernet.dst = 1; }")
    bridge = TARGET.lower(*loaded, {})
    assert verdict(loaded, TARGET, bridge) is Verdict.ACCEPT
    assert not any(m.field == "eth_dst" for flow in bridge.flows for m in flow.match)


def test_a_meter_for_packets_that_none_is_asked_for_is_rejected(tmp_path: Path) -> None:
    loaded = program(tmp_path, DROPPED)
    bridge = TARGET.lower(*loaded, {})
    last = bridge.flows[-1]
    assert not any(isinstance(action, ToMeter) for action in last.actions)
    metered = (*bridge.flows[:-1], replace(last, actions=(ToMeter(1), *last.actions)))
    assert verdict(loaded, TARGET, replace(bridge, flows=metered)) is Verdict.REJECT


@pytest.mark.oracle
def test_without_rates_everything_passes(tmp_path: Path, switch: OpenVSwitch) -> None:
    bridge = TARGET.lower(*program(tmp_path, DROPPED), {})
    frames = [(1, bytes(11) + bytes((i % 8,)) + bytes(48)) for i in range(64)]
    frames = [(port, frame[:6] + b"\2" + frame[7:]) for port, frame in frames]
    assert all(seen.outputs == (("port", 2, frame),) for (_, frame), seen in
               zip(frames, switch.run(bridge, frames), strict=True))  # fmt: skip


@pytest.mark.oracle
def test_meters_are_installed_and_taken_back(tmp_path: Path) -> None:
    bridge = TARGET.lower(*program(tmp_path, DROPPED), {})
    switch = Switch()
    try:
        switch.need({1, 2})
        switch.ofctl("del-flows")
        at = f"unix:{switch.folder}/{BRIDGE}.mgmt"
        install(bridge, at)
        assert "meter=2 pktps" in switch.ofctl("dump-meters")
        remove(at)
        assert "meter=" not in switch.ofctl("dump-meters")
        assert "actions" not in switch.ofctl("dump-flows")
    finally:
        switch.close()
