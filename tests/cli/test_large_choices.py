"""`check` of large tables in programs that leave something to the machine: what a meter says is chosen for each kind of
answers by itself."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from p4verify.proofs.answer_pairs import Kind
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import Outcome
from p4verify.proofs.verdict import Tally, Verdict
from p4verify.scale import Large, check_large
from p4verify.scale.by_kinds import WHOLE, Proven, parts_of
from p4verify.scale.settle import Settlement
from p4verify.semantics import bits as b
from p4verify.targets.openflow.artifact import Bridge, SetField
from tests.support.large_programs import as_flows, of_ethernet

PROGRAM = of_ethernet(
    """
    meter(64, MeterType.bytes) rates;
    action drop() { mark_to_drop(standard); }
    action police(bit<8> subscriber) { rates.execute_meter((bit<32>)subscriber, meta.colour); }
    action best_effort() { meta.colour = 1; }
    table subscribers {
        key = { hdr.eth.src: exact; }
        actions = { police; best_effort; drop; }
        default_action = best_effort();
    }
    apply {
        meta.colour = 0;
        standard.egress_spec = 7;
        subscribers.apply();
        if (meta.colour == 2) { drop(); } else if (meta.colour == 1) { hdr.eth.src = 0; }
    }
""",
    meta="bit<8> colour;",
)
METERS = 16
"""The flow table of the meters is of some size, and the program has none like it."""


@pytest.fixture(scope="module")
def policer(tmp_path_factory: pytest.TempPathFactory) -> Large:
    """Subscribers with meters, some of no class and some that are not served."""
    where = tmp_path_factory.mktemp("policer")
    lines = []
    for i in range(60):
        action = ("drop =>", "best_effort =>")[i // 5 % 2] if i % 5 == 0 else f"police => {i % METERS}"
        name, rest = action.split(" ", 1)
        lines.append(f"table_add I.subscribers {name} {i * 7919 + 3} {rest}")
    return as_flows(where, PROGRAM, lines, 40)


@pytest.fixture(scope="module")
def settlement(policer: Large) -> Settlement:
    """What is found of the tables that are left open."""
    mine, theirs = (side.opened(policer.open_from) for side in policer.sides)
    found = Settlement(mine, theirs, Engine.within(None))
    found.settle()
    return found


@pytest.mark.long
def test_meters_of_many_subscribers_are_decided_by_regions(policer: Large) -> None:
    proof = check_large(policer, Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "left open" in proof.reason


def test_parts_are_all_inputs_on_which_tables_answer_as_they_do_and_terms_are_right_there(
    settlement: Settlement,
) -> None:
    engine = settlement.engine
    parts = settlement.parts()
    assert len(parts) > 3
    elsewhere = b.and_(*settlement.facts(), *(b.not_(part.condition) for part in parts))
    assert engine.satisfiable(elsewhere).status == "unsat"
    for part in parts:
        for term, value in part.replaced.items():
            assert engine.satisfiable(b.and_(part.condition, b.not_(b.eq(term, value)))).status == "unsat"
    assert any(part.replaced for part in parts)


@pytest.mark.parametrize("name", ["each.member", "at.rates", "in.each.key", "any.75"])
def test_inputs_are_not_parted_by_what_a_copy_or_a_cell_asks_or_what_is_chosen(
    settlement: Settlement, name: str
) -> None:  # fmt: skip
    """One choice may have to do for all copies, or cells."""
    assert len(settlement.parts()) > 1
    one = next(one for one in settlement.lists if one.facts)
    condition, *keys = one.facts[0]
    own = replace(one, facts=[(b.and_(condition, b.eq(b.var(name, 4), b.bv(1, 4))), *keys)])
    assert parts_of([(own, own.used)]) is WHOLE


def test_parts_that_hold_are_searched_again_where_that_does_not_follow(settlement: Settlement) -> None:
    """With more kinds than before it does only from everything that was known then; and for a kind that comes back,
    not at all."""
    one = next(one for one in settlement.lists if len(one.used) > 2)
    first, second, third = sorted(one.used, key=repr)[:3]
    holds = Outcome(Tally())

    def kept(proven: Proven, *kinds: Kind, everything: bool = True) -> int:
        """How many parts hold already; all do then, or all but one."""
        told = [(one, frozenset(kinds))]
        parts = parts_of(told)
        outcomes = proven.turn_to(told, parts)
        before = len(outcomes)
        outcomes.update({part.condition: holds for part in parts[: len(parts) if everything else -1]})
        proven.everything = everything
        return before

    asked = len(parts_of([(one, {first})])) - 1
    proven = Proven()
    assert kept(proven, first, second) == 0
    assert kept(proven, first) == asked + 1  # and where none is asked
    assert kept(proven, first, second) == asked + 1
    assert kept(proven, first, second, third, everything=False) == 2 * asked + 1
    assert kept(proven, first, second, everything=False) in (2 * asked, 2 * asked + 1)
    assert kept(proven, first, second, third) == 0
    proven.outcomes[b.TRUE], proven.everything = holds, True
    assert proven.turn_to([(one, {first})], WHOLE) == {}  # all inputs are no new kind's part


def test_parts_are_searched_again_where_nothing_is_known_any_more_of_a_list(settlement: Settlement) -> None:
    one = next(one for one in settlement.lists if len(one.used) > 2)
    kind = min(one.used, key=repr)
    condition, *keys = one.facts[0]
    other = replace(one, facts=[(b.and_(condition, b.var("more", 0)), *keys)])
    proven, both = Proven(), [(one, {kind}), (other, {kind})]
    proven.turn_to(both, parts_of(both)).update({part.condition: Outcome(Tally()) for part in parts_of(both)})
    proven.everything = True
    assert proven.turn_to(both, parts_of(both))
    proven.everything = True
    assert proven.turn_to(both[:1], parts_of(both[:1])) == {}


@pytest.mark.long
def test_a_subscriber_who_is_served_though_the_rules_drop_him_is_found(policer: Large) -> None:
    assert isinstance(policer.artifact, Bridge)
    flows = list(policer.artifact.flows)
    actions = {a.value: f.actions for f in flows for a in f.actions if isinstance(a, SetField) and f.table == 0}
    dropped, no_class = 0x000, 0x200  # as the register says it
    at = next(i for i, f in enumerate(flows) if f.table == 0 and f.actions == actions[dropped])
    flows[at] = replace(flows[at], actions=actions[no_class])
    wrong = replace(policer, artifact=replace(policer.artifact, flows=tuple(flows)))
    proof = check_large(wrong, Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 1
