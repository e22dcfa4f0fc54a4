"""The laws of the readers: all formats say the same, and what was written is what is read."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import RuleSet
from tests.support import rule_text

WRITERS: dict[str, Callable[[RuleSet], str]] = {
    "p4runtime": rule_text.to_p4runtime,
    "bmv2": rule_text.to_cli,
    "stf": rule_text.to_stf,
    "json": rule_text.to_json,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=25, deadline=None)
@given(rules=rule_text.rule_sets())
def test_what_is_written_is_read(name: str, rules: RuleSet) -> None:
    text = WRITERS[name](rules)
    assert rule_text.plain(read_rules(text, name, rule_text.program())) == rule_text.plain(rules), text


@pytest.mark.campaign
@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=3000, deadline=None)
@given(rules=rule_text.rule_sets())
def test_what_is_written_is_read_at_length(name: str, rules: RuleSet) -> None:
    text = WRITERS[name](rules)
    assert rule_text.plain(read_rules(text, name, rule_text.program())) == rule_text.plain(rules), text
