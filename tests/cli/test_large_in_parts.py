"""`check` of filters whose chains are several lists, one after the other: for the tables of a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, Standing
from p4verify.semantics.meaning.opened import NotSuitable
from p4verify.targets.flower.artifact import FlowerFilter
from p4verify.targets.tc.artifact.actions import Control, Gact
from tests.support.large_programs import checked, lowered, of_ethernet, to_another, with_changed

TWO_TABLES: Final = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action admit() { }
    table sources {
        key = { hdr.eth.src: ternary; hdr.eth.type: exact; }
        actions = { admit; drop; }
        default_action = admit();
    }
    action send(bit<9> port) { standard.egress_spec = port; }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    apply {
        switch (sources.apply().action_run) { admit: { stations.apply(); } }
    }
"""
)
"""Whom nobody keeps out is looked for in the next table."""

CLASSES: Final = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action classify(bit<8> class) { meta.class = class; }
    table classes {
        key = { hdr.eth.src: ternary; }
        actions = { classify; }
        default_action = classify(0);
    }
    action send(bit<9> port) { standard.egress_spec = port; }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    table let_out {
        key = { standard.egress_spec: exact; meta.class: exact; }
        actions = { NoAction; drop; }
        default_action = drop();
    }
    apply {
        classes.apply();
        if (stations.apply().hit) { let_out.apply(); }
    }
""",
    meta="bit<8> class;",
)
"""Whether a frame may leave hangs on the numbers that both tables answer."""

PAIRS: Final = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action send(bit<9> port) { standard.egress_spec = port; }
    table pairs {
        key = { hdr.eth.src: exact; hdr.eth.dst: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    table sources {
        key = { hdr.eth.src: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    table let_out {
        key = { standard.egress_spec: exact; hdr.eth.type: exact; }
        actions = { drop; NoAction; }
        default_action = NoAction();
    }
    apply {
        bool known = pairs.apply().hit;
        if (!known) { known = sources.apply().hit; }
        if (known) { let_out.apply(); }
    }
"""
)
"""Frames of pairs that nobody knows go where all others of the source do; a source has no frames of some types where
they leave."""

ROWS: Final = 24
LARGE: Final = 40


def two_tables(where: Path) -> Large:
    """Under rules for both tables."""
    kept = [f"table_add I.sources drop {i << 12:#x}&&&0xfffffffff000 0x800 => {i + 1}" for i in range(ROWS)]
    known = [f"table_add I.stations send {i * 7919 + 3} => {i % 5 + 1}" for i in range(ROWS)]
    return lowered(where, TWO_TABLES, [*kept, *known], 16, "flower")


def pairs(where: Path) -> Large:
    """Under rules for all tables; no frame leaves by a port that the last ones are about."""
    some = [f"table_add I.pairs send {i % 5 + 1} {i * 7919 + 3} => {i % 3 + 1}" for i in range(LARGE)]
    others = [f"table_add I.sources send {i + 1} => {i % 4 + 1}" for i in range(LARGE)]
    out = [f"table_add I.let_out drop {port} {0x800 + port} =>" for port in range(7, 7 + ROWS)]
    return lowered(where, PAIRS, [*some, *others, *out], LARGE, "flower")


def by_class(where: Path, answered: Callable[[int], int] = lambda i: i % 4) -> Large:
    """Under rules for all tables: classes 0 and 1 may leave by every port, 2 by some, and 3 by none."""
    of = [
        f"table_add I.classes classify {i << 16:#x}&&&0xffffffff0000 => {answered(i)} {i + 1}" for i in range(1, ROWS)
    ]
    known = [f"table_add I.stations send {i * 7919 + 3} => {i % 5 + 1}" for i in range(ROWS)]
    out = [f"table_add I.let_out NoAction {port} {one} =>" for one in (0, 1) for port in range(1, 6)]
    out += [f"table_add I.let_out NoAction {port} 2 =>" for port in (1, 2)]
    return lowered(where, CLASSES, [*of, *known, *out], 16, "flower")


def looks_at(field: str) -> Callable[[FlowerFilter], bool]:
    return lambda one: any(key.field == field for key in one.keys)


def let_on(one: FlowerFilter) -> FlowerFilter:
    return replace(one, actions=(Gact(Control("pass")),))


def after_the_others(one: FlowerFilter) -> FlowerFilter:
    return replace(one, pref=9)


def opened_in_parts(large: Large) -> list[list[str]]:
    return [list(side.in_parts(16, 256).tables) for side in large.sides]


def test_a_chain_of_two_lists_is_compared_with_two_tables(tmp_path: Path) -> None:
    large = two_tables(tmp_path)
    assert opened_in_parts(large) == [
        ["I.sources", "I.stations"],
        ["chain 0, priorities 1 to 1", "chain 0, priorities 2 to 3"],
    ]
    proof = checked(large)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


@pytest.mark.parametrize(
    ("which", "change"),
    [
        (looks_at("src_mac"), let_on),
        (looks_at("src_mac"), lambda _: None),
        (looks_at("src_mac"), after_the_others),
        (looks_at("src_mac"), lambda one: replace(one, keys=(replace(one.keys[0], mask=0xFFFFFFFFF800),))),
        (looks_at("dst_mac"), to_another),
        (looks_at("dst_mac"), lambda _: None),
    ],
)
def test_a_wrong_filter_of_either_list_is_rejected(
    tmp_path: Path, which: Callable[[FlowerFilter], bool], change: Callable[[FlowerFilter], FlowerFilter | None]
) -> None:
    proof = checked(with_changed(two_tables(tmp_path), which, change))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None


def test_a_filter_that_has_no_words_is_rejected_all_the_same(tmp_path: Path) -> None:
    """As messages may have it."""
    kept = with_changed(
        two_tables(tmp_path), looks_at("dst_mac"), lambda one: replace(one, actions=(Gact(Control("stolen")),))
    )
    proof = checked(kept)
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert any("tc has no word for the control stolen" in text for one in proof.regions for text in one.entries)


def test_tables_that_are_asked_for_answers_alone_stay_in_terms(tmp_path: Path) -> None:
    sides = by_class(tmp_path).sides
    assert list(sides[0].in_parts(12, 256).tables) == ["I.classes", "I.stations"]
    assert list(sides[0].opened(12).tables) == ["I.classes", "I.stations", "I.let_out"]
    assert list(sides[0].in_parts(12, 12).tables) == ["I.classes", "I.stations", "I.let_out"]  # too many rules


def test_a_list_ends_where_filters_look_at_fewer_fields(tmp_path: Path) -> None:
    """Then the chain is as many lists as there are tables but for one that is asked for an answer among else."""
    large = pairs(tmp_path)
    mine, theirs = (side.in_parts(16, LARGE, finer=True) for side in large.sides)
    assert list(mine.tables) == ["I.pairs", "I.sources"]
    assert list(theirs.tables) == ["chain 0, priorities 1 to 1", "chain 0, priorities 2 to 3"]
    assert "I.let_out" in large.sides[0].in_parts(16, 16, finer=True).tables  # too many rules
    proof = checked(large)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


def of_a_pair(one: FlowerFilter) -> bool:
    return looks_at("dst_mac")(one)


def of_a_source(one: FlowerFilter) -> bool:
    return looks_at("src_mac")(one) and not of_a_pair(one)


@pytest.mark.parametrize(
    ("which", "change"),
    [
        (of_a_pair, to_another),
        (of_a_pair, lambda _: None),
        (of_a_pair, after_the_others),
        (of_a_pair, lambda one: replace(one, keys=one.keys[:1])),
        (of_a_source, to_another),
        (of_a_source, lambda _: None),
        (of_a_source, lambda one: replace(one, pref=0x10 + one.pref)),
    ],
)
def test_a_wrong_filter_of_such_lists_is_rejected(
    tmp_path: Path, which: Callable[[FlowerFilter], bool], change: Callable[[FlowerFilter], FlowerFilter | None]
) -> None:
    proof = checked(with_changed(pairs(tmp_path), which, change))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None


def leads(one: FlowerFilter) -> bool:
    """To the filters of a class that may leave by every port."""
    return one.actions == (Gact(Control("goto chain", 1)),)


def test_numbers_that_decide_by_what_they_are_are_compared_by_regions(tmp_path: Path) -> None:
    """Which filters a source's filter leads to hangs on which of a few numbers its rule answers."""
    large = by_class(tmp_path)
    proof = checked(large)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


@pytest.mark.long
@pytest.mark.parametrize(
    ("which", "change"),
    [
        (leads, lambda one: replace(one, actions=(Gact(Control("drop")),))),
        (leads, lambda one: replace(one, actions=(Gact(Control("goto chain", 2)),))),
        (lambda one: one.chain == 2 and looks_at("dst_mac")(one), to_another),
        (lambda one: one.chain == 3 and looks_at("dst_mac")(one), to_another),
    ],
)
def test_a_filter_for_another_class_is_rejected(
    tmp_path: Path, which: Callable[[FlowerFilter], bool], change: Callable[[FlowerFilter], FlowerFilter | None]
) -> None:
    proof = checked(with_changed(by_class(tmp_path), which, change))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None


@pytest.mark.long
def test_filters_for_rules_of_other_classes_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    other = by_class(tmp_path / "others", lambda i: 2 if i == 7 else i % 4).artifact
    proof = checked(replace(by_class(tmp_path), artifact=other))
    assert proof.verdict is Verdict.REJECT, proof.reason


def test_a_change_of_such_a_list_needs_the_whole_check(tmp_path: Path) -> None:
    large = two_tables(tmp_path)
    standing = Standing(large, Engine.within(None))
    one = next(filter(looks_at("dst_mac"), large.artifact.filters))
    with pytest.raises(NotSuitable, match="no large table"):
        standing.changed([Change(1, "chain 0", replace(one, handle=0))])
