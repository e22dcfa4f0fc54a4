"""`check` of large tables in programs that copy frames: the copies are told one by one, the tables left open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Large
from p4verify.targets import find
from p4verify.targets.tc.artifact.actions import Mirred
from tests.support.large_programs import checked, example


@pytest.fixture(scope="module")
def mirror() -> Large:
    """Frames that are cloned, some of them; as filters."""
    return example("mirror", "flower", 60, 40)


@pytest.mark.long
def test_a_clone_that_leaves_elsewhere_is_found(mirror: Large) -> None:
    ports = {replica.port for session in mirror.rules.sessions.values() for replica in session.replicas}
    filters = list(mirror.artifact.filters)
    at, action = next(
        (i, a) for i, f in enumerate(filters) for a in f.actions if isinstance(a, Mirred) and a.port in ports
    )
    elsewhere = tuple(replace(a, port=77) if a is action else a for a in filters[at].actions)
    filters[at] = replace(filters[at], actions=elsewhere)
    proof = checked(replace(mirror, artifact=replace(mirror.artifact, filters=tuple(filters))))
    assert proof.verdict is Verdict.REJECT, proof.reason


@pytest.mark.long
def test_a_filter_that_is_missing_is_found(mirror: Large) -> None:
    filters = mirror.artifact.filters
    chains = [sum(f.chain == g.chain for f in filters) for g in filters]
    at = chains.index(max(chains)) + 7
    proof = checked(replace(mirror, artifact=replace(mirror.artifact, filters=(*filters[:at], *filters[at + 1 :]))))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 1


@pytest.mark.long
def test_a_machine_with_a_clone_agrees_with_software_under_many_rules(mirror: Large) -> None:
    rules = example("mirror", "flower", 270, 256).rules
    checker = Checker(mirror.program, rules, machines_confirm=False)
    for name in ("ebpf", "flower"):
        proof = checker.check_lowered(find(name), {}).proof
        assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "left open" in proof.reason
    assert [one.verdict for one in checker.check_agreement()] == [Verdict.ACCEPT]
