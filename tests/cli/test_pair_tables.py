"""Tables that only one of two programs has, or that are called something else, in `check A.p4 --against B.p4`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

PROGRAM = """#include <core.p4>
header h_t {{ bit<8> a; bit<8> b; }}
struct s_t {{ h_t h; bit<8> m; bit<8> n; }}
control c(inout s_t s) {{
    action set_m(bit<8> value) {{ s.m = value; }}
    action set_n(bit<8> value, bit<8> mask) {{ s.n = value & mask; }}
    action none() {{ }}
    {body}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""
M = "table t_m { key = { s.h.a : exact; } actions = { set_m; none; } default_action = none(); }"
N = "table t_n { key = { s.h.b : exact; } actions = { set_n; none; } default_action = none(); }"
IDLE = "table idle { key = { s.h.b : exact; } actions = { none; } default_action = none(); }"


@pytest.fixture
def compare(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Compares two bodies of a control; gives the exit code and the only result."""

    def run(first: str, second: str, mapping: str = ""):  # type: ignore[no-untyped-def]
        a, c, said = tmp_path / "a.p4", tmp_path / "b.p4", tmp_path / "map.toml"
        a.write_text(PROGRAM.format(body=first))
        c.write_text(PROGRAM.format(body=second))
        said.write_text(mapping)
        ended = p4verify("check", a, "--against", c, "--map", said, "--format", "json")
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


def test_independent_tables_in_another_order_are_the_same(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(f"{M} {N} apply {{ t_m.apply(); t_n.apply(); }}",
                           f"{N} {M} apply {{ t_n.apply(); t_m.apply(); }}")  # fmt: skip
    assert code == 0, result["reason"]


def test_tables_that_depend_on_each_other_in_another_order_are_not(compare) -> None:  # type: ignore[no-untyped-def]
    asks_m = M.replace("s.h.a : exact", "s.n : exact")
    code, result = compare(f"{asks_m} {N} apply {{ t_m.apply(); t_n.apply(); }}",
                           f"{asks_m} {N} apply {{ t_n.apply(); t_m.apply(); }}")  # fmt: skip
    assert code == 1, result["reason"]


N_AFTER_M = "apply { if (t_m.apply().hit) t_n.apply(); }"


def test_defaults_of_the_sources_count_while_the_control_plane_sets_none(compare) -> None:  # type: ignore[no-untyped-def]
    """A default action that may be set is the source's until it is set; here entries of another table lead to it."""
    other = N.replace("default_action = none()", "default_action = set_n(7, 3)")
    code, result = compare(f"{M} {N} {N_AFTER_M}", f"{M} {other} {N_AFTER_M}")
    assert code == 1, result["reason"]
    rules = result["counterexample"]["rules"]
    assert any(rule.startswith("table_add c.t_m") for rule in rules)
    assert not any(rule.startswith("table_set_default c.t_n") for rule in rules)
    assert "interpreter of both programs" in result["counterexample"]["confirmed_by"]


def test_arguments_of_defaults_of_the_sources_count(compare) -> None:  # type: ignore[no-untyped-def]
    n, other = (N.replace("default_action = none()", f"default_action = set_n({args})") for args in ("7, 3", "7, 4"))
    code, result = compare(f"{n} apply {{ t_n.apply(); }}", f"{other} apply {{ t_n.apply(); }}")
    assert code == 1, result["reason"]


def test_defaults_of_the_sources_that_do_the_same_are_equal(compare) -> None:  # type: ignore[no-untyped-def]
    n, other = (N.replace("default_action = none()", f"default_action = set_n({args})") for args in ("7, 3", "3, 11"))
    code, result = compare(f"{n} apply {{ t_n.apply(); }}", f"{other} apply {{ t_n.apply(); }}")
    assert code == 0, result["reason"]


def _with_entries(entries: str, use: str = "t_m.apply();") -> str:
    return f"{M.removesuffix('}')} entries = {{ {entries} }} }} apply {{ {use} }}"


@pytest.mark.parametrize("other", ["3 : set_m(6);", "4 : set_m(5);", ""])
def test_entries_of_the_sources_count_while_nobody_changes_them(compare, other: str) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(_with_entries("3 : set_m(5);"), _with_entries(other))
    assert code == 1, result["reason"]


def test_entries_of_the_sources_that_are_the_same_are_equal(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(_with_entries("3 : set_m(5); 4 : none();"), _with_entries("4 : none(); 3 : set_m(5);"))
    assert code == 0, result["reason"]


def test_other_entries_of_the_source_that_show_nothing_alone_are_not_accepted(compare) -> None:  # type: ignore[no-untyped-def]
    """Where an entry of another table leads there they would show, and that combination is not compared."""
    use = "if (s.m == 1 && s.m == 2) t_m.apply();"
    code, result = compare(_with_entries("3 : set_m(5);", use), _with_entries("3 : set_m(6);", use))
    assert code == 3
    assert "the two sources give it other entries" in result["reason"]


def test_given_rules_come_on_top_of_each_source(p4verify: Command, tmp_path: Path) -> None:
    rules = tmp_path / "rules.txt"
    rules.write_text("table_add c.t_m set_m 9 => 1\n")
    verdicts = []
    a, c = tmp_path / "a.p4", tmp_path / "b.p4"
    for other in ("3 : set_m(5);", "3 : set_m(6);"):
        for path, entries in ((a, "3 : set_m(5);"), (c, other)):
            path.write_text(PROGRAM.format(body=_with_entries(entries)))
        ended = p4verify("check", a, "--against", c, "--rules", rules, "--format", "json")
        verdicts.append(ended.json()["results"][0]["verdict"])
    assert verdicts == ["accept", "reject"]


def test_that_rules_fit_a_smaller_table_is_an_assumption(compare) -> None:  # type: ignore[no-untyped-def]
    tables = [f"{M.removesuffix('}')} size = {size}; }} apply {{ t_m.apply(); }}" for size in (8, 2)]
    code, result = compare(*tables)
    assert code == 0
    assert "the rules fit the second program's table c.t_m, of size 2" in result["assumptions"]
    code, result = compare(*tables[::-1])
    assert code == 0
    assert not any("fit" in text for text in result["assumptions"])


def test_a_table_that_does_nothing_may_go_or_come(compare) -> None:  # type: ignore[no-untyped-def]
    with_idle = f"{M} {IDLE} apply {{ idle.apply(); t_m.apply(); }}"
    without = f"{M} apply {{ t_m.apply(); }}"
    assert compare(with_idle, without)[0] == 0
    assert compare(without, with_idle)[0] == 0


def test_a_table_that_does_something_may_not_go(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(f"{M} {N} apply {{ t_m.apply(); t_n.apply(); }}", f"{M} apply {{ t_m.apply(); }}")
    assert code == 1, result["reason"]
    assert any("c.t_n" in rule for rule in result["counterexample"]["rules"])


def test_a_table_whose_rules_are_not_known_is_named(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(f"{M} apply {{ t_m.apply(); }}", f"{M} {N} apply {{ t_m.apply(); t_n.apply(); }}")
    assert code == 3
    assert "table c.t_n: the first program has none like it" in result["reason"]
    assert result["where"]["file"].endswith("b.p4")


RENAMED = """action put(bit<8> mask, bit<8> value) { s.n = value & mask; }
    table other { key = { s.h.b : exact; } actions = { none; put; } default_action = none(); }
    apply { other.apply(); }"""


def test_a_renamed_table_is_related_by_a_mapping(compare) -> None:  # type: ignore[no-untyped-def]
    first = f"{N} apply {{ t_n.apply(); }}"
    code, result = compare(first, RENAMED)
    assert code == 3
    assert "table c.other" in result["reason"]
    tables = '[tables]\n"c.t_n" = "c.other"\n'
    code, result = compare(first, RENAMED, tables)
    assert code == 3
    assert "no action c.set_n" in result["reason"]
    code, result = compare(first, RENAMED, f'{tables}[actions]\nset_n = "put"\n')
    assert code == 0, result["reason"]
    assert "table c.t_n is called c.other in the second program" in result["warnings"]
    code, result = compare(first, RENAMED.replace("value & mask", "value | mask"),
                           f'{tables}[actions]\nset_n = "put"\n')  # fmt: skip
    assert code == 1, result["reason"]


MEMBERS = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; bit<4> b; bit<12> c; }}
struct s_t {{ h_t h; h_t next; }}
struct m_t {{ }}
struct set_t {{ bit<4> b; @match(ternary) bit<12> c; }}
parser p(packet_in pk, out s_t s, inout m_t m, inout standard_metadata_t d) {{
    value_set<set_t>({size}) members;
    value_set<bit<8>>(4) others;
    state start {{ pk.extract(s.h); transition select(s.h.b, s.h.c) {{ members: more; default: accept; }} }}
    state more {{ pk.extract(s.next); transition select(s.next.a) {{ others: reject; default: accept; }} }}
}}
control v(inout s_t s, inout m_t m) {{ apply {{ }} }}
control i(inout s_t s, inout m_t m, inout standard_metadata_t d) {{
    apply {{ d.egress_spec = 1; if (s.next.isValid()) {{ s.h.a = {value}; }} }}
}}
control e(inout s_t s, inout m_t m, inout standard_metadata_t d) {{ apply {{ }} }}
control c(inout s_t s, inout m_t m) {{ apply {{ }} }}
control o(packet_out pk, in s_t s) {{ apply {{ pk.emit(s.h); pk.emit(s.next); }} }}
V1Switch(p(), v(), i(), e(), c(), o()) main;
"""


def test_members_of_a_value_set_are_among_the_rules_that_show_a_difference(p4verify: Command, tmp_path: Path) -> None:
    a, c = tmp_path / "a.p4", tmp_path / "b.p4"
    a.write_text(MEMBERS.format(size=4, value=1))
    c.write_text(MEMBERS.format(size=4, value=2))
    ended = p4verify("check", a, "--against", c, "--format", "json")
    (result,) = ended.json()["results"]
    assert ended.code == 1, result["reason"]
    example = result["counterexample"]
    (member,) = example["rules"]
    assert member.startswith("pvs_add p.members 0x")
    assert member in example["stf"]
    rules = tmp_path / "rules.txt"
    rules.write_text("\n".join(example["rules"]) + "\n")
    assert p4verify("check", a, "--against", c, "--rules", rules).code == 1


@pytest.mark.long
def test_a_value_set_without_room_for_a_member_has_none(p4verify: Command, tmp_path: Path) -> None:
    a, c = tmp_path / "a.p4", tmp_path / "b.p4"
    a.write_text(MEMBERS.format(size=0, value=1))
    c.write_text(MEMBERS.format(size=0, value=2))
    ended = p4verify("check", a, "--against", c, "--format", "json")
    assert ended.code != 1, ended.json()["results"]


SELECTOR = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; bit<8> b; }
struct headers { h_t h; }
struct meta_t { }
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {
    state start { pkt.extract(hdr.h); transition accept; }
}
control V(inout headers hdr, inout meta_t meta) { apply { } }
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {
    action_selector(HashAlgorithm.crc16, 8, 10) ways;
    action to(bit<9> port) { sm.egress_spec = port; }
    table t { key = { hdr.h.a : exact; hdr.h.b : selector; } actions = { to; NoAction; } implementation = ways; }
    apply { t.apply(); }
}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) { apply { } }
control C(inout headers hdr, inout meta_t meta) { apply { } }
control D(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr.h); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


def test_selectors_that_pick_otherwise_are_not_taken_for_each_other(p4verify: Command, tmp_path: Path) -> None:
    ended = []
    for old, new in (("t.apply();", "t.apply(); sm.mcast_grp = 0;"), ("crc16", "crc32")):
        a, c = tmp_path / "a.p4", tmp_path / "b.p4"
        a.write_text(SELECTOR)
        c.write_text(SELECTOR.replace(old, new))
        ended.append(p4verify("check", a, "--against", c, "--format", "json"))
    assert [e.code for e in ended] == [0, 3]
    assert "selectors that pick otherwise" in ended[1].json()["results"][0]["reason"]
