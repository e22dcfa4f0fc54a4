"""`check` of filters that lead to more chains than there may be lists of actions, each of few filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, NotAccepted, Standing
from p4verify.semantics.meaning.opened import NotSuitable
from p4verify.targets.flower.artifact import FilterList, FlowerFilter, Match
from p4verify.targets.tc.artifact.actions import Control, Gact, Mirred
from tests.support.large_programs import checked, example, to_another, with_changed


@pytest.fixture(scope="module")
def balancer() -> Large:
    """Every service's filter leads to a chain of its servers, of which there are more than a hundred."""
    return example("balancer", "flower", 1000)


def leads(one: FlowerFilter) -> bool:
    return one.chain == 1 and any(isinstance(a, Gact) and a.control.kind == "goto chain" for a in one.actions)


def sends(one: FlowerFilter) -> bool:
    return one.chain > 1 and isinstance(one.actions[-1], Mirred)


def of_one_client(one: FlowerFilter) -> bool:
    return sends(one) and isinstance(one.keys[0], Match) and one.keys[0].mask == 0xFFFFFFFF


def ends(one: FlowerFilter) -> bool:
    return one.chain > 1 and not one.keys


@pytest.mark.long
def test_chains_that_filters_lead_to_are_compared_as_part_of_the_list(balancer: Large) -> None:
    proof = checked(balancer)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


@pytest.mark.long
@pytest.mark.parametrize(
    ("which", "change"),
    [
        (sends, to_another),
        (leads, lambda one: replace(one, actions=(Gact(Control("goto chain", 2)),))),
        (of_one_client, lambda one: replace(one, keys=(replace(one.keys[0], value=one.keys[0].value ^ 1),))),
    ],
)
def test_a_wrong_filter_is_rejected(
    balancer: Large, which: Callable[[FlowerFilter], bool], change: Callable[[FlowerFilter], FlowerFilter]
) -> None:
    proof = checked(with_changed(balancer, which, change))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.regions


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, protocol=0x86DD),  # others leave the chain by its end, and are passed on
        lambda one: replace(one, actions=(Gact(Control("goto chain", 2)),)),
    ],
)
def test_chains_that_packets_leave_are_no_part_of_the_list(
    balancer: Large, change: Callable[[FlowerFilter], FlowerFilter]
) -> None:
    """Packets that no filter of theirs takes would go on to the next one of the list: a filter leads there still."""
    parts, apart = (
        one.sides[1].opened(16).tables["chain 1"].templates for one in (balancer, with_changed(balancer, ends, change))
    )
    assert not any(template.name.startswith("gact") and "Both" not in template.name for template in parts[1:-2])
    assert len(apart) > len(parts)


@pytest.mark.long
def test_a_change_of_such_a_list_needs_the_whole_check(balancer: Large) -> None:
    assert isinstance(balancer.artifact, FilterList)
    try:
        standing = Standing(balancer, Engine.within(None))
    except NotAccepted as error:
        raise AssertionError(error.proof.reason) from error
    one = next(filter(leads, balancer.artifact.filters))
    with pytest.raises(NotSuitable, match="one by one"):
        standing.changed([Change(1, "chain 1", replace(one, handle=0))])
