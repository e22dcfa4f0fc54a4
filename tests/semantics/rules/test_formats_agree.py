"""The laws of the readers: all formats say the same, and what was written is what is read."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Unsupported
from tests.support import rule_text

WRITERS: dict[str, Callable[[RuleSet], str]] = {
    "p4runtime": rule_text.to_p4runtime,
    "bmv2": rule_text.to_cli,
    "stf": rule_text.to_stf,
    "json": rule_text.to_json,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=15, deadline=None)
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


@st.composite
def damaged(draw: st.DrawFn, name: str) -> str:
    """Rules with some characters or words taken out, doubled or exchanged."""
    text = WRITERS[name](draw(rule_text.rule_sets()))
    for _ in range(draw(st.integers(1, 3))):
        at, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        end = min(end, at + draw(st.integers(0, 12)))
        others = ["", text[at:end] * 2, "0", "-1", "}", "{", '"', "=>", "group", "\n", " x ", "0x", "9" * 30]
        other = draw(st.sampled_from(others))
        text = text[:at] + other + text[end:]
    return text


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_damaged_rules_are_read_or_refused_with_their_place(name: str, data: st.DataObject) -> None:
    _read_or_refused(name, data.draw(damaged(name)))


@pytest.mark.campaign
@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_damaged_rules_are_read_or_refused_at_length(name: str, data: st.DataObject) -> None:
    _read_or_refused(name, data.draw(damaged(name)))


def _read_or_refused(name: str, text: str) -> None:
    place = None
    try:
        read_rules(text, "rules", rule_text.program())
    except InputError as error:
        place = error.diagnostics[0].span
    except Unsupported as error:
        place = error.span
    if place is not None:
        lines = text.splitlines() or [""]
        assert place.file == "rules"
        assert 1 <= place.line <= len(lines) + 1
