"""Rule sets that are grown from an example's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import GroupRef
from tests.support.grown_rules import grown

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize("name", ["acl", "bridge", "ecmp"])
def test_a_grown_rule_set_has_as_many_entries_as_asked(name: str) -> None:
    program = load_program(str(EXAMPLES / f"{name}.p4"))
    own = read_rules((EXAMPLES / f"{name}.rules.cli").read_text(), name, program)
    rules = grown(program, own, 50, 1)
    assert sum(len(entries) for entries in rules.entries.values()) == 50
    assert rules.profiles == own.profiles
    groups = {rule.action for rule in rules.of("EcmpIngress.routes") if isinstance(rule.action, GroupRef)}
    assert len(groups) == (2 if name == "ecmp" else 0)
