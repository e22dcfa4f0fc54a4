"""`check` of large tables that a side asks where the other has none: there rows are known by their fields."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.inputs import read_rules
from p4verify.proofs.engine import Engine
from p4verify.proofs.plain_keys import Space, in_space, runs
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, Standing, check_large
from p4verify.scale.field_laws import FieldLaw, Known, laws_against
from p4verify.semantics import bits as b
from p4verify.semantics.classifier import Row
from p4verify.semantics.meaning.opened import NotSuitable, OpenTable, Template
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.ruleset import Exact
from p4verify.targets import find
from tests.support.large_programs import of_ethernet

PROGRAM = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action serve() { }
    table stations {
        key = { standard.ingress_port: exact; hdr.eth.src: exact; }
        actions = { serve; drop; }
        default_action = serve();
    }
    apply {
        standard.egress_spec = 7;
        stations.apply();
    }
"""
)
STATIONS = "I.stations"
PORTS = (1, 3)
"""On others no rule asks for anything, and the filters of these do not come to a chain."""


SENT, DROPPED = "action mirred egress redirect dev port7", "action gact drop"


def filters(rules: dict[tuple[int, int], bool], elsewhere: str = SENT) -> str:
    """A chain for every port, of filters that drop what the rules drop; ``elsewhere``: what is done on other ports."""
    made = [f"protocol all pref 1 flower indev port{port} action gact goto chain {port}" for port in PORTS]
    made.append(f"protocol all pref 2 flower {elsewhere}")
    for (port, station), dropped in rules.items():
        src = ":".join(f"{byte:02x}" for byte in station.to_bytes(6, "big"))
        made.append(f"protocol all pref 1 chain {port} flower src_mac {src} {DROPPED if dropped else SENT}")
    made += [f"protocol all pref 2 chain {port} flower {SENT}" for port in PORTS]
    return "".join(f"filter add dev port0 ingress {one}\n" for one in made)


RULES = {(PORTS[i % 2], i * 7919 + 3): i % 3 != 0 for i in range(48)}


def pair(where: Path, rules: dict[tuple[int, int], bool], filters: str) -> Large:
    (where / "x.p4").write_text(PROGRAM)
    lines = (f"table_add {STATIONS} {'drop' if dropped else 'serve'} {port} {station} =>"
             for (port, station), dropped in rules.items())  # fmt: skip
    (where / "x.cli").write_text("\n".join(lines))
    program, flower = load_program(str(where / "x.p4")), find("flower")
    given = read_rules(str(where / "x.cli"), program)
    return Large(program, given, flower, flower.read(filters.encode(), "x.tc"), False, 12)


def verdict_of(large: Large) -> Verdict:
    return check_large(large, Engine.within(None), time.monotonic()).verdict


def test_a_table_that_is_asked_where_filters_have_no_chain_is_decided_by_regions(tmp_path: Path) -> None:
    proof = check_large(pair(tmp_path, RULES, filters(RULES)), Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.parametrize(
    ("rules", "elsewhere"), [(RULES, DROPPED), (RULES | {(9, 77): True}, SENT), (RULES | {(9, 77): True}, DROPPED)]
)
def test_what_differs_on_a_port_without_a_chain_is_rejected(
    tmp_path: Path, rules: dict[tuple[int, int], bool], elsewhere: str
) -> None:
    """A rule for a port that filters do not ask about, and filters that drop there what no rule does."""
    assert verdict_of(pair(tmp_path, rules, filters(RULES, elsewhere))) is Verdict.REJECT


def test_a_rule_for_a_port_that_had_none_needs_the_whole_check(tmp_path: Path) -> None:
    large = pair(tmp_path, RULES, filters(RULES))
    standing = Standing(large, Engine.within(None))
    old = next(rule for rule in large.rules.of(STATIONS) if rule.action.action.endswith("drop"))
    port, station = old.matches
    assert isinstance(port, Exact)
    with pytest.raises(NotSuitable, match="where a field has this value"):
        standing.changed([Change(0, STATIONS, replace(old, matches=(replace(port, value=9), station)))])
    same = replace(old, matches=(port, replace(station, value=77)))  # on a port that rules ask for
    assert standing.changed([Change(0, STATIONS, same)])


@pytest.mark.long
def test_a_law_is_true_of_every_row_and_of_those_that_it_allows() -> None:
    """Against the rows themselves, drawn with wildcards in the field and outside it; some come or go later."""
    draw = random.Random(7)
    key = b.concat(b.var("field", 4), b.var("low", 6))
    made = kept = 0
    for _ in range(40):
        cubes = [((draw.getrandbits(10) & (mask := draw.choice([0x3FF, 0x3C0, 0x3F, 0x1C0, 0x2FF]))), mask)
                 for _ in range(4)]  # fmt: skip
        rows = [Row(*cube, (draw.randrange(3), ()), rank) for rank, cube in enumerate([*cubes, (0, 0)])]
        table = OpenTable("t", 10, [Template(str(i)) for i in range(3)], rows, lambda *_: b.FALSE, lambda *_: ())
        space = Space()
        there = in_space(rows, runs(key), space)
        for law in laws_against(
            there, runs(key), space, draw.getrandbits(10), draw.randrange(3), frozenset(b.variables(key))
        ):
            made += 1
            assert _all_hold(law, rows)
            known = Known(0, table, runs(key), space, law)
            more = Row(*draw.choice(cubes), (draw.randrange(3), ()), draw.choice([-1, 1.5, 2.5]))
            less = draw.choice(rows[:-1])
            for changed, stays in (
                ([*rows, more], known.stays(come=[more])),
                ([row for row in rows if row is not less], known.stays(gone=[less])),
            ):
                kept += stays
                changed.sort(key=lambda row: row.rank)
                assert not stays or _all_hold(law, changed)
    assert made > 15
    assert kept > 20


def _answer(rows: list[Row], value: int) -> int:
    number = next(row for row in rows if not (row.value ^ value) & row.mask).decision[0]
    assert isinstance(number, int)
    return number


def _all_hold(law: FieldLaw, rows: list[Row]) -> bool:
    """Whether what a law says is true of every key, if a table answers as these rows do."""
    answer = b.var("answer", 8)
    table = OpenTable("t", 10, (), (), lambda _, number: b.eq(answer, b.bv(number, 8)), lambda *_: ())
    said = [law.says(table, b.bv(0, 10))]
    keys = ({"field": value >> 6, "low": value & 63, "answer": _answer(rows, value)} for value in range(1024))
    return all(b.evaluate(said, key)[0] for key in keys)
