"""Rule sets with as many entries as tables have room for."""

from __future__ import annotations

import pytest

from p4verify.running.entries import MOST_CROWD, random_rules
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import Range, Ternary
from tests.support.two_headers import BEFORE, BEHIND

TEXT = (
    BEFORE
    + """control i(inout h_t h, inout m_t m, inout standard_metadata_t s) {
    action put(bit<16> c) { h.f.c = c; }
    table few { key = { h.e.kind : exact; } actions = { put; NoAction; } }
    table many { key = { h.e.a : exact; h.f.c : ternary; } actions = { put; } SIZE }
    apply { few.apply(); many.apply(); }
}
"""
    + BEHIND
)


def test_a_small_table_gets_no_more_than_it_has_room_for() -> None:
    program = load_text(TEXT.replace("SIZE", "size = 20;"), "crowd.p4").program
    rules = random_rules(program, 2, (1, 2), {"i.many": [[7, n << 8] for n in range(64)]}, crowd=True)
    assert 16 < len(rules.of("i.many")) <= 20


@pytest.mark.parametrize(("size", "entries"), [("size = 300;", 300), ("", 1024), ("size = 1048576;", MOST_CROWD)])
def test_a_table_with_priorities_is_filled_with_what_was_asked_and_what_is_beside_it(size: str, entries: int) -> None:
    program = load_text(TEXT.replace("SIZE", size), "crowd.p4").program
    asked = {"i.many": [[7, n << 8] for n in range(64)]}
    before = random_rules(program, 1, (1, 2))
    rules = random_rules(program, 2, (1, 2), asked, before=before, crowd=True)
    assert rules.of("i.few") == before.of("i.few")
    found = rules.of("i.many")
    assert 0.9 * entries < len(found) <= entries
    places = [
        place
        for place, rule in enumerate(found)
        if any(isinstance(m, Ternary) and m.mask == 0xFFFF and m.value in range(0, 64 << 8, 256) for m in rule.matches)
    ]
    assert 16 < len(places) < len(found)
    assert max(places) - min(places) > len(found) // 2


def test_ranges_of_keys_that_were_asked_are_wider_and_those_beside_are_not() -> None:
    """Or the first of many entries would meet most of what is asked."""
    text = TEXT.replace("h.f.c : ternary", "h.f.c : range").replace("SIZE", "size = 300;")
    asked = [[7, n << 8] for n in range(64)]
    rules = random_rules(load_text(text, "crowd.p4").program, 2, (1, 2), {"i.many": asked}, crowd=True)
    ranges = [match for rule in rules.of("i.many") for match in rule.matches if isinstance(match, Range)]
    wide = [match for match in ranges if match.low < match.high]
    assert 8 < len(wide) < 64 < len(ranges) - len(wide)
    assert all(any(match.low <= value <= match.high for _, value in asked) for match in wide)
    assert any(match.low >> 8 < match.high >> 8 for match in wide)
