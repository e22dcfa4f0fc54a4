"""`check` of a table of which few rules can be met on a part of the inputs: an artifact may have them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.pieces import Piece, pieces
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, Standing, lists
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.opened import NotSuitable
from p4verify.targets.flower.artifact import FlowerFilter
from p4verify.targets.tc.artifact.actions import Control, Gact
from tests.support.large_programs import checked, lowered, of_ethernet, with_changed

PROGRAM = of_ethernet(
    """
    bit<16> part = 0;
    action drop() { mark_to_drop(standard); }
    action send(bit<9> port) { standard.egress_spec = port; }
    table stations {
        key = { hdr.eth.src: exact; part: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    apply {
        if (hdr.eth.type == 0x0800) { part = hdr.eth.dst[15:0]; }
        stations.apply();
    }
"""
)
"""Frames that are no IPv4 are of part 0, which few rules ask for."""
MANY, APART = 40, (5, 77)


def pair(where: Path) -> Large:
    lines = [f"table_add I.stations send {i * 7919 + 3} {i + 1} => {i % 5 + 1}" for i in range(MANY)]
    lines += [f"table_add I.stations send {station} 0 => 2" for station in APART]
    return lowered(where, PROGRAM, lines, 16, "flower")


def of_few(one: FlowerFilter) -> bool:
    """In the chain of frames that are of part 0, where filters ask for no part."""
    return one.chain == 0 and [key.field for key in one.keys] == ["src_mac"]


def test_rules_that_an_artifact_has_in_a_small_list_are_told_there(tmp_path: Path) -> None:
    large = pair(tmp_path)
    assert sum(map(of_few, large.artifact.filters)) == len(APART)
    proof = checked(large)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


@pytest.mark.parametrize(
    "change",
    [
        lambda one: None,
        lambda one: replace(one, actions=(Gact(Control("drop")),)),
        lambda one: replace(one, keys=(replace(one.keys[0], value=one.keys[0].value ^ 1),)),
    ],
)
def test_a_wrong_filter_in_the_small_list_is_rejected(
    tmp_path: Path, change: Callable[[FlowerFilter], FlowerFilter | None]
) -> None:
    proof = checked(with_changed(pair(tmp_path), of_few, change))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None


def test_a_rule_that_comes_there_or_goes_needs_the_whole_check(tmp_path: Path) -> None:
    large = pair(tmp_path)
    rules = large.rules.of("I.stations")
    few = next(rule for rule in rules if rule.matches[1].value == 0)
    many = next(rule for rule in rules if rule.matches[1].value)
    new = replace(few, matches=(replace(few.matches[0], value=9), few.matches[1]))
    other = replace(many, matches=(replace(many.matches[0], value=9), many.matches[1]))
    for come, rule in ((True, new), (False, few)):
        standing = Standing(large, Engine.within(None))
        with pytest.raises(NotSuitable, match="where a field has this value"):
            standing.changed([Change(0, "I.stations", rule, come)])
    assert Standing(large, Engine.within(None)).changed([Change(0, "I.stations", other, True)])


def test_a_key_of_too_many_forms_is_no_more_than_not_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is known of the rows there; the lists are compared all the same."""

    def of_too_many_forms(terms: Sequence[Term], *args: Any, **kwargs: Any) -> Iterator[Piece]:
        if len(terms) == 2:
            raise NotSuitable("too many forms")
        return pieces(terms, *args, **kwargs)

    monkeypatch.setattr(lists, "pieces", of_too_many_forms)
    assert checked(pair(tmp_path), 20).verdict is Verdict.UNDECIDED
