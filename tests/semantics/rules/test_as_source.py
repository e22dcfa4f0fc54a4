"""Rules as constant entries of the source are read as the rules that they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.as_source import with_rules_of
from p4verify.semantics.rules.build import source_entries
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary
from p4verify.semantics.source import Unsupported

SOURCE = """
#include <core.p4>
#include <v1model.p4>
enum Colour { red, green }
header h_t { bit<8> a; int<8> b; bit<16> c; }
struct headers { h_t h; }
struct metadata { bool d; Colour e; }
parser P(packet_in p, out headers hdr, inout metadata m, inout standard_metadata_t sm) {
    state start { p.extract(hdr.h); transition accept; }
}
control V(inout headers hdr, inout metadata m) { apply { } }
control I(inout headers hdr, inout metadata m, inout standard_metadata_t sm) {
    action set(bit<8> x, bool y) { hdr.h.a = x; m.d = y; }
    table t {
        key = { hdr.h.a : ternary; hdr.h.b : exact; hdr.h.c : range; m.d : exact; }
        actions = { set; NoAction; }
        largest_priority_wins = false;
    }
    table l { key = { hdr.h.c : lpm; hdr.h.a : exact; } actions = { set; NoAction; } }
    table coloured { key = { m.e : exact; hdr.h.a : ternary; } actions = { set; NoAction; } }
    apply { t.apply(); l.apply(); coloured.apply(); }
}
control E(inout headers hdr, inout metadata m, inout standard_metadata_t sm) { apply { } }
control C(inout headers hdr, inout metadata m) { apply { } }
control D(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> ir.Program:
    """Tables of all kinds of keys."""
    path: Path = tmp_path_factory.mktemp("p4") / "x.p4"
    path.write_text(SOURCE)
    return load_program(str(path))


BYTE = st.integers(0, 255)
CALLS = st.one_of(
    st.just(ActionCall("NoAction")), st.builds(lambda x, y: ActionCall("set", (x, y)), BYTE, st.sampled_from((0, 1)))
)
TERNARY = st.builds(lambda value, mask: Ternary(value & mask, mask), BYTE, BYTE)
RANGES = st.builds(lambda x, y: Range(min(x, y), max(x, y)), st.integers(0, 65535), st.integers(0, 65535))
PREFIXES = st.builds(lambda v, n: Lpm(v >> (16 - n) << (16 - n), n), st.integers(0, 65535), st.integers(0, 16))


def _rules(table: str, *kinds: st.SearchStrategy[Match]) -> st.SearchStrategy[tuple[Rule, ...]]:
    return st.lists(st.builds(lambda m, a: Rule(table, m, a), st.tuples(*kinds), CALLS), max_size=4).map(tuple)


@settings(max_examples=30, deadline=None)
@given(_rules("I.t", TERNARY, st.builds(Exact, BYTE), RANGES, st.builds(Exact, st.sampled_from((0, 1)))))
def test_entries_are_read_as_the_rules_in_their_order(program: ir.Program, rules: tuple[Rule, ...]) -> None:
    changed = with_rules_of(program, RuleSet({"I.t": rules}), {"I.t"})
    tables = {table.control_name: table for _, table in changed.tables()}
    assert tables["I.t"].const_entries
    assert not tables["I.l"].const_entries
    assert [(r.matches, r.action) for r in source_entries(changed, tables["I.t"])] == [
        (r.matches, r.action) for r in rules
    ]


@settings(max_examples=30, deadline=None)
@given(_rules("I.l", PREFIXES, st.builds(Exact, BYTE)))
def test_prefixes_are_read_as_they_were_or_refused(program: ir.Program, rules: tuple[Rule, ...]) -> None:
    by_length = sorted(rules, key=lambda rule: -rule.matches[0].prefix_len if isinstance(rule.matches[0], Lpm) else 0)
    if list(rules) != by_length:  # no rule set has them so
        with pytest.raises(Unsupported, match="cannot be written"):
            with_rules_of(program, RuleSet({"I.l": rules}), {"I.l"})
        return
    changed = with_rules_of(program, RuleSet({"I.l": rules}), {"I.l"})
    (table,) = (table for _, table in changed.tables() if table.control_name == "I.l")
    assert [r.matches for r in source_entries(changed, table)] == [r.matches for r in rules]


def test_members_of_an_enumeration_are_not_written(program: ir.Program) -> None:
    rule = Rule("I.coloured", (Exact(1), Ternary(0, 0)), ActionCall("NoAction"))
    with pytest.raises(Unsupported, match="EnumType"):
        with_rules_of(program, RuleSet({"I.coloured": (rule,)}), {"I.coloured"})
