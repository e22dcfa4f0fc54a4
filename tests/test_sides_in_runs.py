"""Random runs of a program beside flows and filters under given rules, and of two lists of flows: what they show is a
reject where a search decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest

from p4verify import checks, sides_in_runs, two_machines
from p4verify.checks import Checker
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import Outcome, search
from p4verify.proofs.verdict import Proof, Tally, Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets import find
from p4verify.targets.openflow.artifact import Bridge, DecTtl
from p4verify.targets.openflow.artifact import Flow as OpenFlow

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "examples"
SEARCH: Final = search


@lru_cache
def _example(name: str) -> tuple[ir.Program, RuleSet]:
    program = load_program(str(EXAMPLES / f"{name}.p4"), [], {})
    return program, read_rules((EXAMPLES / f"{name}.rules.cli").read_text(), f"{name}.rules.cli", program)


@lru_cache
def _lowered(name: str, target: str) -> Any:
    return find(target).lower(*_example(name), {})


def _decides_nothing(spec: Behaviour, impl: Behaviour, engine: Engine, **more: Any) -> Outcome:
    """As a search that ran out of time; a side against itself is decided."""
    if spec is impl:
        return SEARCH(spec, impl, engine, **more)
    return Outcome(Tally(), unknown="the time limit ran out", spec=spec, impl=impl)


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "search", _decides_nothing)
    monkeypatch.setattr(two_machines, "search", _decides_nothing)
    monkeypatch.setattr(sides_in_runs, "MOST", 5000)


def _checked(name: str, target: str, artifact: Any) -> Proof:
    return Checker(*_example(name), timeout=60).check_artifact(find(target), artifact, None).proof


def _changed(bridge: Bridge, change: Callable[[OpenFlow], OpenFlow]) -> Bridge:
    """The bridge with the last flow that the change changes."""
    number = max(i for i, flow in enumerate(bridge.flows) if change(flow) != flow)
    flows = list(bridge.flows)
    flows[number] = change(flows[number])
    return replace(bridge, flows=tuple(flows))


def _without_ttl(flow: OpenFlow) -> OpenFlow:
    return replace(flow, actions=tuple(a for a in flow.actions if not isinstance(a, DecTtl)))


def test_flows_that_runs_tell_from_the_program_are_rejected() -> None:
    """Of the last next hop alone, which some prefixes lead to, in frames with the right checksum."""
    proof = _checked("router_dual", "openflow", _changed(_lowered("router_dual", "openflow"), _without_ttl))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert {"openflow switch", "interpreter"} <= set(proof.counterexample.confirmed_by)


@pytest.mark.parametrize(("name", "target"), [("acl", "u32"), ("router", "flower")])
def test_filters_that_runs_tell_from_the_program_are_rejected(name: str, target: str) -> None:
    made = _lowered(name, target)
    checker = Checker(*_example(name), timeout=60, machines_confirm=False)
    fewer = replace(made, filters=made.filters[:-1])
    proof = checker.check_artifact(find(target), fewer, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason


@pytest.mark.parametrize(
    ("name", "target"),
    [
        pytest.param("router_dual", "openflow", id="nothing is open"),
        pytest.param("policer", "openflow", id="colours of meters are"),
        pytest.param("ecmp", "openflow", id="members of groups are"),
        pytest.param("mirror", "flower", id="copies"),
    ],
)
def test_runs_reject_nothing_that_is_right(name: str, target: str) -> None:
    assert _checked(name, target, _lowered(name, target)).verdict is Verdict.UNDECIDED


def test_lists_of_flows_that_runs_tell_apart_are_rejected() -> None:
    flows = _lowered("router_dual", "openflow")
    other = _changed(flows, _without_ttl)
    target = find("openflow")
    proof = Checker(None, timeout=60).check_two((target, flows, "before"), (target, other, "after")).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    same = Checker(None, timeout=60).check_two((target, flows, "before"), (target, flows, "after")).proof
    assert same.verdict is Verdict.UNDECIDED
