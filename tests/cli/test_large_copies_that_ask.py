"""`check` of large tables that the copies of a frame ask, of which an artifact has one for each copy."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from p4verify.inputs import read_rules
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, Standing
from p4verify.scale.constants import ValueLaw, laws_of_constants
from p4verify.scale.sides import ProgramSide
from p4verify.semantics import bits as b
from p4verify.semantics.classifier import Row
from p4verify.semantics.meaning.opened import NotSuitable, OpenTable, Template
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.ruleset import Exact
from p4verify.targets.openflow.artifact import Flow, SetField
from tests.support.large_programs import as_flows, checked, of_ethernet

INGRESS: Final = """
    apply { standard.mcast_grp = 1; }
"""
EGRESS: Final = """
    action drop() { mark_to_drop(standard); }
    action serve() { }
    table stations {
        key = { KEY: exact; hdr.eth.src: exact; }
        actions = { serve; drop; }
        default_action = serve();
    }
    apply { stations.apply(); }
"""
STATIONS: Final = "E.stations"
SERVE, DROP = 0, 1
"""As the lowering numbers the actions."""
GROUP: Final = ["mc_mgrp_create 1", "mc_node_create 0 1 2 3", "mc_node_associate 1 0"]
"""To ports 1, 2 and 3; no rule is about the first."""
RULES: Final = [
    f"table_add {STATIONS} {'serve' if i % 3 == 0 else 'drop'} {2 + i % 2} {i * 7919 + 3} =>" for i in range(60)
]


def program(key: str = "standard.egress_port") -> str:
    """Every frame is copied, and each copy looks up its port and the sender."""
    text = of_ethernet(INGRESS)
    before, behind = text.split("control E", 1)
    return f"{before}control E{behind.replace('{ apply { } }', '{' + EGRESS.replace('KEY', key) + '}', 1)}"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Large:
    """As flows, with a table for each of two copies."""
    return as_flows(tmp_path_factory.mktemp("copies"), program(), [*RULES, *GROUP], 12)


def with_flows(large: Large, flows: list[Flow]) -> Large:
    return replace(large, artifact=replace(large.artifact, flows=tuple(flows)))


def tables_of(large: Large) -> list[int]:
    """The large tables."""
    numbers = [flow.table for flow in large.artifact.flows]
    return sorted({number for number in numbers if numbers.count(number) >= 12})


def flows_of(large: Large, which: int) -> list[Flow]:
    return [flow for flow in large.artifact.flows if flow.table == tables_of(large)[which]]


def said(flow: Flow) -> int:
    """The number of the action that a flow writes down for the table behind."""
    return next(action.value for action in flow.actions if isinstance(action, SetField))


def test_a_table_that_copies_ask_is_compared_with_that_of_each_copy(large: Large) -> None:
    assert len(tables_of(large)) == 2
    proof = checked(large)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "left open" in proof.reason


@pytest.mark.parametrize("which", [0, 1])
def test_a_flow_that_is_missing_for_one_copy_is_found(large: Large, which: int) -> None:
    gone = next(flow for flow in flows_of(large, which) if said(flow) == DROP)
    flows = [flow for flow in large.artifact.flows if flow is not gone]
    proof = checked(with_flows(large, flows))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 1


@pytest.mark.parametrize("which", [0, 1])
def test_flows_of_one_copy_that_do_what_others_should_are_found(large: Large, which: int) -> None:
    serving, dropping = (next(f for f in flows_of(large, which) if said(f) == what) for what in (SERVE, DROP))
    swapped = {
        serving: replace(serving, actions=dropping.actions),
        dropping: replace(dropping, actions=serving.actions),
    }
    flows = [swapped.get(flow, flow) for flow in large.artifact.flows]
    proof = checked(with_flows(large, flows))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 2


@pytest.mark.long
def test_a_rule_about_a_copy_that_has_no_table_is_found(large: Large, tmp_path: Path) -> None:
    more = as_flows(tmp_path, program(), [*RULES, f"table_add {STATIONS} drop 1 77 =>", *GROUP], 12)
    proof = checked(replace(more, artifact=large.artifact))
    assert proof.verdict is Verdict.REJECT, proof.reason


def test_a_rule_for_a_copy_that_had_none_needs_the_whole_check(large: Large) -> None:
    standing = Standing(large, Engine.within(None))
    old = next(rule for rule in large.rules.of(STATIONS) if rule.action.action.endswith("drop"))
    port, station = old.matches
    assert isinstance(port, Exact)
    assert isinstance(station, Exact)
    with pytest.raises(NotSuitable, match="where a field has this value"):
        standing.changed([Change(0, STATIONS, replace(old, matches=(replace(port, value=1), station)))])
    assert standing.changed([Change(0, STATIONS, replace(old, matches=(port, replace(station, value=77))))])


def test_copies_that_ask_for_what_each_has_of_its_own_are_not_left_open(tmp_path: Path) -> None:
    text = (
        program("standard.deq_qdepth").replace("drop; }", "}").replace("action drop() { mark_to_drop(standard); }", "")
    )
    (tmp_path / "x.p4").write_text(text)
    rules = [f"table_add {STATIONS} serve {i} {i} =>" for i in range(20)]
    (tmp_path / "x.cli").write_text("\n".join([*rules, *GROUP]))
    loaded = load_program(str(tmp_path / "x.p4"))
    with pytest.raises(NotSuitable, match="of its own"):
        ProgramSide(loaded, read_rules(str(tmp_path / "x.cli"), loaded)).opened(12)


@pytest.mark.long
def test_a_law_about_a_constant_is_true_of_every_row_and_of_those_that_it_allows() -> None:
    """Against the rows themselves, drawn with wildcards in the field and outside it."""
    draw = random.Random(7)
    made = 0
    for _ in range(100):
        cubes = [((draw.getrandbits(10) & (mask := draw.choice([0x3FF, 0x3C0, 0x3F, 0x1C0, 0x2FF]))), mask)
                 for _ in range(4)]  # fmt: skip
        rows = [Row(*cube, (draw.randrange(3), ()), rank) for rank, cube in enumerate([*cubes, (0, 0)])]
        table = OpenTable("t", 10, [Template(str(i)) for i in range(3)], rows, lambda *_: b.FALSE, lambda *_: ())
        port = draw.getrandbits(4)
        for law in laws_of_constants(table, b.concat(b.bv(port, 4), b.var("low", 6))):
            made += 1
            assert _holds_of(law, rows)
            more = Row(*draw.choice(cubes), (draw.randrange(3), ()), draw.choice([-1, 1.5]))
            if law.allows(more.cube, more.decision[0]):
                assert _holds_of(law, [*rows, more])
            assert _holds_of(law, rows[1:])
    assert made > 30


def _holds_of(law: ValueLaw, rows: list[Row]) -> bool:
    """Whether a law is true of what rows answer to every key."""
    for value in range(1024):
        answer = min((row for row in rows if not (row.value ^ value) & row.mask), key=lambda row: row.rank).decision[0]
        here = OpenTable(
            "t", 10, (), (), lambda _, number, won=answer: b.TRUE if number == won else b.FALSE, lambda *_: ()
        )
        if law.says(here, b.bv(value, 10)) is not b.TRUE:
            return False
    return True
