"""Programs that grow, as `benchmarks/growth.py` measures them: small ones equal those that are written otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.support.growth_programs import FAMILIES, rule_lines, tables
from tests.support.log_plot import log_plot


@pytest.mark.parametrize("family", FAMILIES)
def test_a_program_that_grows_equals_the_one_written_otherwise(family: str, p4verify: Command, tmp_path: Path) -> None:
    first, second, rules = tmp_path / "a.p4", tmp_path / "b.p4", tmp_path / "rules.cli"
    first.write_text(FAMILIES[family](2))
    second.write_text(FAMILIES[family](2, True))
    rules.write_text(rule_lines(2))
    more = ("--rules", rules) if family == "rules" else ()
    ended = p4verify("check", first, "--against", second, *more)
    assert ended.code == 0, ended.out


def test_a_chain_of_tables_that_list_their_actions_otherwise_needs_no_solver(p4verify: Command, tmp_path: Path) -> None:
    first, second = tmp_path / "a.p4", tmp_path / "b.p4"
    first.write_text(tables(12))
    second.write_text(tables(12, True))
    (equal,) = p4verify("check", first, "--against", second, "--format", "json").json()["results"]
    assert equal["verdict"] == "accept"
    assert equal["obligations"]["solved"] == 0


def test_a_mistake_in_one_of_several_tables_is_found(p4verify: Command, tmp_path: Path) -> None:
    # The keys may be undefined in the block by itself; no packet of the pipeline leaves them so.
    first, second = tmp_path / "a.p4", tmp_path / "b.p4"
    first.write_text(tables(6))
    second.write_text(tables(6, True).replace("m.x = value; }", "m.x = value | 1; }", 1))
    ended = p4verify("check", first, "--against", second)
    assert ended.code == 1, ended.out
    assert "the pipeline differs" in ended.out


def test_a_plot_has_every_curve_by_name() -> None:
    drawn = log_plot({"slow": [(1, 1), (4, 16)], "quick": [(1, 1), (4, 2)]}, {"slow": (0, 0), "quick": (1, 1)},
                     "N", "seconds", 2)  # fmt: skip
    assert drawn.count("<polyline") == 2
    assert ">slow<" in drawn
    assert ">quick<" in drawn
