"""Entries of the source and of the control plane, in the order in which they win."""

import pytest

from p4verify.semantics import ir
from p4verify.semantics.rules.build import Builder, check_match, program_rules, source_priorities
from p4verify.semantics.rules.names import find_table
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, Ternary
from p4verify.semantics.source import NOWHERE, InputError, Span, Unsupported
from tests.support.p4_text import v1model

ACTIONS = "action set(bit<8> x) { hdr.h.d = x; }"


def winners(kind: str, entries: str, more: str = "") -> list[int]:
    """The arguments of a table's entries, first winner first."""
    rest = f"actions = {{ set; }} default_action = set(0); {more} {entries}"
    declared = f"{ACTIONS} table t {{ key = {{ hdr.h.a : {kind}; }} {rest} }}"
    rules = program_rules(v1model("t.apply();", locals=declared))
    return [rule.action.args[0] for rule in rules.of("I.t")]


def test_ternary_entries_win_in_the_order_listed() -> None:
    assert winners("ternary", "const entries = { 1 &&& 1: set(1); 2: set(2); _: set(3); }") == [1, 2, 3]


def test_the_longest_prefix_wins() -> None:
    assert winners("lpm", "const entries = { _: set(1); 0x10 &&& 0xf0: set(2); 0x12: set(3); }") == [3, 2, 1]


def test_priorities_of_the_source_in_both_conventions() -> None:
    entries = "entries = { priority=10: 1: set(1); priority=30: 1 &&& 3: set(2); priority=20: _: set(3); }"
    assert winners("ternary", entries) == [2, 3, 1]
    assert winners("ternary", entries, "largest_priority_wins = false;") == [1, 3, 2]


def test_the_annotation_of_p4c_counts_smallest_first() -> None:
    entries = "const entries = { 1: set(1) @priority(3); 2: set(2); 3: set(3) @priority(1); }"
    assert winners("ternary", entries) == [3, 2, 1]


def test_empty_ranges_are_no_entries() -> None:
    assert winners("range", "const entries = { 5 .. 3: set(1); 3 .. 5: set(2); }") == [2]


def entry(priority: int | None) -> ir.Entry:
    return ir.Entry((ir.AnySet(),), ir.BoundAction("a"), priority)


@pytest.mark.parametrize(
    ("given", "largest", "delta", "wanted"),
    [
        ([None, None, None], True, 1, [3, 2, 1]),
        ([None, None, None], False, 10, [1, 11, 21]),
        ([10, None, None, None, 40, None], False, 10, [10, 20, 30, 40, 40, 50]),
        ([1000, None, None, 700, 901, None], True, 100, [1000, 900, 800, 700, 901, 801]),
    ],
)
def test_priorities_that_are_not_given(given: list[int | None], largest: bool, delta: int, wanted: list[int]) -> None:
    table = ir.Table(
        "t", "t", (), (), ir.BoundAction("a"), entries=tuple(entry(p) for p in given), largest_priority_wins=largest,
        properties=(ir.Property("priority_delta", ir.Const(delta, ir.bits(32))),),
    )  # fmt: skip
    assert source_priorities(table) == wanted


def rule(table: str, *matches: Match, line: int = 1) -> Rule:
    return Rule(f"I.{table}", matches, ActionCall("drop"), None, Span("r", line, 1))


def test_a_builder_merges_by_rank(program: ir.Program) -> None:
    builder = Builder(program)
    table = find_table(program, "some_t", NOWHERE)
    builder.add(table, rule("some_t", Ternary(9, 255)), 10)
    builder.add(table, rule("some_t", Ternary(8, 255)), 2)
    order = [r.matches[0] for r in builder.finish().of("I.some_t")]
    # source priorities are 3, 2, 1; among equals the source's comes first
    assert order == [Ternary(9, 255), Ternary(1, 3), Ternary(0, 1), Ternary(8, 255), Ternary(0, 0)]


def test_what_cannot_be_added(program: ir.Program) -> None:
    builder = Builder(program)
    constant, keyless = (find_table(program, name, NOWHERE) for name in ("const_t", "none_t"))
    exact, some = (find_table(program, name, NOWHERE) for name in ("exact_t", "some_t"))
    with pytest.raises(InputError, match="constant"):
        builder.add(constant, rule("const_t", Exact(2)), 0)
    with pytest.raises(InputError, match="no keys"):
        builder.add(keyless, rule("none_t"), 0)
    with pytest.raises(InputError, match="constant"):
        builder.set_default(constant, ActionCall("drop"), NOWHERE)
    builder.add(exact, rule("exact_t", Exact(2), Exact(3)), 0)
    with pytest.raises(InputError, match="already"):
        builder.add(exact, rule("exact_t", Exact(2), Exact(3)), 7)
    builder.add(some, rule("some_t", Ternary(1, 3)), 7)  # another priority than the source's
    with pytest.raises(InputError, match="already"):
        builder.add(some, rule("some_t", Ternary(1, 3)), 3)
    with pytest.raises(InputError, match="constant"):
        builder.clear(constant, NOWHERE)
    builder.clear(some, NOWHERE)
    assert "I.some_t" not in builder.finish().entries


@pytest.mark.parametrize(
    ("kind", "match", "wanted"),
    [
        ("exact", Exact(5), Exact(5)),
        ("exact", Exact(256), "does not fit"),
        ("exact", Exact(-1), "does not fit"),
        ("exact", Ternary(1, 255), "is exact, not ternary"),
        ("lpm", Lpm(0x1F, 4), Lpm(0x10, 4)),
        ("lpm", Lpm(0, 9), "a prefix of 9 bits"),
        ("ternary", Ternary(0xFF, 0xF0), Ternary(0xF0, 0xF0)),
        ("ternary", Exact(1), "is ternary, not exact"),
        ("range", Range(3, 2), "is empty"),
        ("range", Range(2, 3), Range(2, 3)),
        ("optional", Exact(3), Ternary(3, 255)),
        ("optional", Ternary(3, 0), Ternary(0, 0)),
        ("optional", Ternary(3, 1), "is optional"),
    ],
)
def test_matches_are_normalised(kind: str, match: Match, wanted: Match | str) -> None:
    key = ir.Key(ir.Var("k", ir.bits(8)), kind, "k")
    table = ir.Table("t", "t", (key,), (), ir.BoundAction("a"))
    if isinstance(wanted, str):
        with pytest.raises(InputError, match=wanted):
            check_match(table, key, match, NOWHERE)
    else:
        assert check_match(table, key, match, NOWHERE) == wanted


def test_an_entry_that_is_no_literal_is_told() -> None:
    key = ir.Key(ir.Var("k", ir.bits(8)), "exact", "k")
    bad = ir.Entry((ir.ValueSet(ir.Var("v", ir.bits(8))),), ir.BoundAction("a"))
    table = ir.Table("t", "t", (key,), (), ir.BoundAction("a"), entries=(bad,))
    control = ir.Control("c", "c", (), (), (), (table,), ir.Block())
    program = ir.Program("", "", (), (), (), (), (), (), (), (control,), (), None)
    with pytest.raises(Unsupported, match="not constant"):
        program_rules(program)
