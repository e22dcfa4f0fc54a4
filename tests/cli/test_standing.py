"""Single entries that come and go in an accepted pair are compared where they change something."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from p4verify.inputs import read_rules
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, LargePair, NotAccepted, Standing, check_large
from p4verify.semantics import ir
from p4verify.semantics.meaning.opened import NotSuitable
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.ruleset import Lpm, Rule, RuleSet
from p4verify.targets import find
from p4verify.targets.flower.artifact import FilterList, FlowerFilter, Match
from p4verify.targets.tc.artifact.actions import DROP, Gact
from tests.support import large_rules

ACL, ROUTES = "I.acl", "I.routes"
Sides = tuple[ir.Program, RuleSet, Any]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    folder: Path = tmp_path_factory.mktemp("standing")
    rules = large_rules.generate(80, 4)
    (folder / "x.p4").write_text(large_rules.PLAIN_PROGRAM)
    (folder / "x.cli").write_text("\n".join(large_rules.command_lines(rules)))
    program = load_program(str(folder / "x.p4"))
    given = read_rules(str(folder / "x.cli"), program)
    return program, given, find("flower").read("\n".join(large_rules.filters(rules)).encode(), "x.tc")


@pytest.fixture
def standing(sides: Sides) -> Standing:
    program, rules, filters = sides
    return Standing(Large(program, rules, find("flower"), filters, False, 8), Engine.within(None))


def prefix(rule: Rule) -> Lpm:
    (match,) = rule.matches
    assert isinstance(match, Lpm)
    return match


def filter_of(rule: Rule, filters: FilterList) -> FlowerFilter:
    """The filter of a route."""
    key = Match("dst_ip", prefix(rule).value, (1 << 32) - (1 << (32 - prefix(rule).prefix_len)))
    return next(one for one in filters.filters if one.chain == 2 and one.keys == (key,))


def route(rules: RuleSet, filters: FilterList, other: int) -> tuple[Rule, FlowerFilter]:
    """A new route inside one of 24 bits, which does what the ``other`` one does; as a rule and as a filter."""
    around, donor = next(r for r in rules.of(ROUTES) if prefix(r).prefix_len == 24), rules.of(ROUTES)[other]
    rule = replace(donor, matches=(Lpm(prefix(around).value, 28),))
    key = Match("dst_ip", prefix(around).value, 0xFFFFFFF0)
    pref = filter_of(around, filters).pref - 4
    return rule, replace(filter_of(donor, filters), keys=(key,), pref=pref)


@pytest.mark.long
def test_a_route_that_comes_and_goes_on_both_sides(standing: Standing, sides: Sides) -> None:
    program, rules, filters = sides
    rule, filter_ = route(rules, filters, 3)
    both = [Change(0, ROUTES, rule), Change(1, "chain 2", filter_)]
    assert standing.changed(both) == []
    assert standing.changed([replace(change, comes=False) for change in both]) == []
    assert standing.changed(both) == []
    more = replace(rules, entries={**rules.entries, ROUTES: _by_length((*rules.of(ROUTES), rule))})
    whole = Large(program, more, find("flower"), replace(filters, filters=(*filters.filters, filter_)), False, 8)
    assert check_large(whole, Engine.within(None), time.monotonic()).verdict is Verdict.ACCEPT


def _by_length(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: -prefix(rule).prefix_len))


def test_a_route_on_one_side_only_or_another_one_is_told(standing: Standing, sides: Sides) -> None:
    _, rules, filters = sides
    rule, filter_ = route(rules, filters, 3)
    wrong = route(rules, filters, 5)[1]
    assert wrong.actions != filter_.actions
    found = standing.changed([Change(0, ROUTES, rule), Change(1, "chain 2", wrong)])
    assert found
    with pytest.raises(ValueError, match="as a whole"):
        standing.changed([])


def test_a_rule_that_goes_on_one_side_only_is_told(standing: Standing, sides: Sides) -> None:
    _, rules, _ = sides
    assert standing.changed([Change(0, ROUTES, rules.of(ROUTES)[0], comes=False)])


def test_a_rule_of_the_access_list_stands_where_it_is_put(standing: Standing, sides: Sides) -> None:
    _, rules, _ = sides
    first = rules.of(ACL)[0]
    rule = replace(first, priority=None)
    last = Change(0, ACL, rule)  # behind a rule with the same key: it never wins
    assert standing.changed([last]) == []
    assert standing.changed([replace(last, comes=False)]) == []
    opposite = next(r.action for r in rules.of(ACL) if r.action != first.action)
    before = Change(0, ACL, replace(rule, action=opposite), before=first)
    assert standing.changed([before])


def test_what_the_proof_did_not_speak_of_needs_the_whole_check(standing: Standing, sides: Sides) -> None:
    _, rules, filters = sides
    rule, filter_ = route(rules, filters, 3)
    chain = Change(1, "chain 2", replace(filter_, actions=(Gact(DROP), Gact(DROP))))
    with pytest.raises(NotSuitable, match="such actions"):
        standing.changed([Change(0, ROUTES, rule), chain])
    call = rule.call
    with pytest.raises(NotSuitable, match="no entry answers the number"):
        standing.changed([Change(0, ROUTES, replace(rule, action=replace(call, args=(call.args[0], 400))))])
    with pytest.raises(NotSuitable, match="takes all packets"):
        standing.changed([Change(1, "chain 2", standing.entries(1, "chain 2")[-1], comes=False)])
    assert standing.changed([Change(0, ROUTES, rule), Change(1, "chain 2", filter_)]) == []


@pytest.mark.long
def test_a_pair_that_differs_is_not_kept(sides: Sides) -> None:
    program, rules, filters = sides
    fewer = replace(rules, entries={**rules.entries, ROUTES: rules.of(ROUTES)[1:]})
    with pytest.raises(NotAccepted, match="differs"):
        Standing(Large(program, fewer, find("flower"), filters, False, 8), Engine.within(None))


def test_a_pair_that_leaves_something_to_the_machine_is_not_kept() -> None:
    lines = ["group add group_id=1,type=select,bucket=output:1,bucket=output:2"]
    lines += [f"flow add table=0,priority=5,ip,nw_dst=10.0.{i}.0/24 actions=group:1" for i in range(8)]
    openflow = find("openflow")
    flows = openflow.read("\n".join(lines).encode(), "x.ofp")
    with pytest.raises(NotSuitable, match="group 1 chooses a bucket"):
        Standing(LargePair((openflow, flows), (openflow, flows), False, 4), Engine.within(None))


def u32_lists(extra: str = "") -> Any:
    lines = [
        f"filter add dev port0 ingress protocol ip pref 1 handle ::{i + 1} u32 match ip src 10.0.{i}.0/24 "
        f"action {'drop' if i % 3 else 'mirred egress redirect dev port2'}"
        for i in range(12)
    ]
    return find("u32").read("\n".join([*lines, extra]).encode(), "x.tc")


def test_a_u32_filter_that_comes_in_says_its_handle() -> None:
    u32, made = find("u32"), u32_lists()
    new = "filter add dev port0 ingress protocol ip pref 1 handle ::80 u32 match ip src 10.0.{}.0/24 action drop"
    here = u32_lists(new.format(99)).filters[-1]
    standing = Standing(LargePair((u32, made), (u32, u32_lists()), False, 4), Engine.within(None))
    assert standing.changed([Change(0, "chain 0", here), Change(1, "chain 0", replace(here))]) == []
    with pytest.raises(NotSuitable, match="for the kernel to choose"):
        standing.changed([Change(0, "chain 0", replace(here, handle=type(here.handle)()))])
    assert standing.changed([Change(0, "chain 0", replace(here, handle=type(here.handle)(node=0x90)))]) == []
    other = u32_lists(new.format(98)).filters[-1]
    assert standing.changed([Change(1, "chain 0", other)])
