"""Which of two overlapping entries wins, by every format's convention, seen on packets."""

from __future__ import annotations

import pytest

from p4verify.semantics.meaning.program import run
from p4verify.semantics.rules.read import read_rules
from tests.support.p4_text import v1model

ACTIONS = "action set(bit<8> x) { hdr.h.d = x; } action none() { }"


def winner(rules: str, kind: str = "ternary", more: str = "", packet: str = "05000000") -> int:
    """The number that the entry which wins writes; 0 on a miss."""
    table = f"""{ACTIONS} table t {{ key = {{ hdr.h.a : {kind}; }} actions = {{ set; none; }}
        default_action = none(); {more} }}"""
    program = v1model("t.apply();", locals=table)
    return run(program, read_rules(rules, "rules", program), bytes.fromhex(packet), 0).outputs[0][2][3]


def p4runtime(kind: str, *entries: tuple[str, int, int]) -> str:
    lines = []
    for match, priority, x in entries:
        action = f'action {{ action {{ action_id: "set" params {{ param_id: 1 value: "\\x{x:02x}" }} }} }}'
        body = f'table_id: "t" match {{ field_id: 1 {kind} {{ {match} }} }} priority: {priority} {action}'
        lines.append(f"updates {{ type: INSERT entity {{ table_entry {{ {body} }} }} }}")
    return "\n".join(lines)


def json(*entries: tuple[str, int, int]) -> str:
    made = ", ".join(
        f'{{"match": {{"hdr.h.a": {match}}}, "action": "set", "args": [{x}], "priority": {priority}}}'
        for match, priority, x in entries
    )
    return f'{{"version": 1, "tables": {{"t": {{"entries": [{made}]}}}}}}'


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("kind", ["ternary", "range", "optional"])
def test_the_largest_wins_in_p4runtime_json_and_stf_the_smallest_in_bmv2(kind: str, order: tuple[int, int]) -> None:
    runtime = {
        "ternary": r'value: "\005" mask: "\007"',
        "range": r'low: "\001" high: "\010"',
        "optional": r'value: "\005"',
    }
    plain = {"ternary": '{"value": 5, "mask": 7}', "range": '{"low": 1, "high": 8}', "optional": "5"}
    cli = {"ternary": "5&&&7", "range": "1->8", "optional": "5&&&255"}
    stf = {"ternary": "0x05", "range": "1->8", "optional": "5"}
    pairs = [(10, 1), (20, 2)]
    entries = [pairs[i] for i in order]
    assert winner(p4runtime(kind, *((runtime[kind], p, x) for p, x in entries)), kind) == 2
    assert winner(json(*((plain[kind], p, x) for p, x in entries)), kind) == 2
    assert winner("\n".join(f"add t {p} hdr.h.a:{stf[kind]} set(x:{x})" for p, x in entries), kind) == 2
    assert winner("\n".join(f"table_add t set {cli[kind]} => {x} {p}" for p, x in entries), kind) == 1


def test_the_longest_prefix_wins_whatever_comes_first() -> None:
    for lines in (
        ("table_add t set 0/0 => 1", "table_add t set 5/8 => 2"),
        ("table_add t set 5/8 => 2", "table_add t set 4/7 => 1"),
    ):
        assert winner("\n".join(lines), "lpm") == 2
        assert winner("\n".join(reversed(lines)), "lpm") == 2


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("entries = { 5 &&& 7: set(1); 5: set(2); }", 1),  # listed first
        ("entries = { priority = 1: 5 &&& 7: set(1); priority = 2: 5: set(2); }", 2),  # the largest
        ("largest_priority_wins = false; entries = { priority = 1: 5 &&& 7: set(1); priority = 2: 5: set(2); }", 1),
        ("priority_delta = 10; entries = { priority = 30: _: set(1); 5: set(2); priority = 25: 5 &&& 7: set(3); }", 1),
        ("const entries = { _: set(1); 5: set(2); }", 1),
    ],
)
def test_entries_of_the_source(more: str, wanted: int) -> None:
    assert winner("", more=more) == wanted


def test_entries_of_the_source_next_to_the_control_planes() -> None:
    """P4Runtime's priorities are on the source's scale; BMv2 gives the source's entries 1, 2, ... from the first."""
    more = "entries = { priority = 20: 5 &&& 7: set(1); priority = 10: _: set(2); }"
    for priority, wanted in ((30, 3), (15, 1)):
        rules = p4runtime("ternary", (r'value: "\005" mask: "\377"', priority, 3))
        assert winner(rules, more=more) == wanted
    assert winner("table_add t set 5&&&255 => 3 0", more=more) == 3
    assert winner("table_add t set 5&&&255 => 3 2", more=more) == 1
