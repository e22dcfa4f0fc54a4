"""Tables of the second program whose rules follow from those of others: copied, split, merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

PROGRAM = """#include <core.p4>
match_kind {{ range }}
struct h_t {{ bit<8> a; bit<8> b; }}
struct s_t {{ h_t h; bit<8> m; bit<8> n; }}
control c(inout s_t s) {{
    action none() {{ }}
    action both(bit<8> m, bit<8> n) {{ s.m = m; s.n = n; }}
    action set_m(bit<8> m) {{ s.m = m; }}
    action set_n(bit<8> n) {{ s.n = n; }}
    {body}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""


def table(name: str, actions: str, key: str = "s.h.a : exact;", more: str = "") -> str:
    return f"table {name} {{ key = {{ {key} }} actions = {{ {actions} none; }} default_action = none(); {more} }}\n"


CONST = "none; } default_action", "none; } const default_action"
WHOLE = table("t", "both; set_m; set_n;") + "apply { t.apply(); }"
"""All that is done to both fields, in one table."""

PARTS = table("t_m", "set_m;") + table("t_n", "set_n;") + "apply { t_m.apply(); t_n.apply(); }"
"""A table for each field."""

SPLIT_AS_SAID = """
[[derived]]
table = "c.t_m"
from = ["c.t"]
actions = [{ from = ["both"], does = "set_m" }, { from = ["set_n"], does = "none" }]
[[derived]]
table = "c.t_n"
from = ["c.t"]
actions = [{ from = ["both"], does = "set_n" }, { from = ["set_m"] }]
"""


@pytest.fixture
def compare(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Compares two bodies of a control; gives the exit code and the only result."""

    def run(first: str, second: str, mapping: str = "", *more: str):  # type: ignore[no-untyped-def]
        a, c, said = tmp_path / "a.p4", tmp_path / "b.p4", tmp_path / "map.toml"
        a.write_text(PROGRAM.format(body=first))
        c.write_text(PROGRAM.format(body=second))
        said.write_text(mapping)
        ended = p4verify("check", a, "--against", c, "--map", said, "--format", "json", *more)
        if ended.code == 2:
            return ended.code, ended.err
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


# --- copies ---------------------------------------------------------------------------------------------------------

ONE = table("t", "set_m; set_n;") + "apply { t.apply(); }"
TWO = (
    table("low", "set_m; set_n;") + table("high", "set_n; set_m;")
    + "apply { if (s.h.b < 8) { low.apply(); } else { high.apply(); } }"
)  # fmt: skip


def test_a_table_split_by_a_condition_is_told_by_keys_and_actions(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(ONE, TWO)
    assert code == 0, result["reason"]
    assert [text[:60] for text in result["assumptions"]] == [
        "the second program's table c.low has the rules of c.t, whose",
        "the second program's table c.high has the rules of c.t, whos",
    ]
    assert compare(ONE, TWO, '[tables]\n"c.t" = ["c.low", "c.high"]\n')[0] == 0


def test_a_copy_that_differs_is_shown_with_the_rules_of_both(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(ONE, TWO.replace("low.apply();", "if (low.apply().hit) { s.m = 1; }"))
    assert code == 1, result["reason"]
    found = result["counterexample"]
    assert any(rule.startswith(("table_add c.t ", "table_set_default c.t ")) for rule in found["rules"])
    assert any(" c.low " in rule for rule in found["second_rules"])
    assert result["assumptions"]


def test_which_of_two_tables_alike_it_is_nobody_can_tell(compare) -> None:  # type: ignore[no-untyped-def]
    mine = table("t", "set_m;") + table("u", "set_m;") + "apply { t.apply(); u.apply(); }"
    theirs = table("x", "set_m;") + table("y", "set_m;") + "apply { x.apply(); y.apply(); }"
    code, result = compare(mine, theirs)
    assert code == 3
    assert "the first program has none like it" in result["reason"]
    assert compare(mine, theirs, '[tables]\n"c.t" = "c.x"\n"c.u" = "c.y"\n')[0] == 0
    assert compare(mine, theirs, '[tables]\n"c.t" = "c.y"\n"c.u" = "c.x"\n')[0] == 1


def test_what_a_mapping_says_counts_for_programs_of_the_same_text_too(compare) -> None:  # type: ignore[no-untyped-def]
    body = table("t", "set_m;") + table("u", "set_m;") + "apply { t.apply(); u.apply(); }"
    assert compare(body, body)[0] == 0
    assert compare(body, body, '[tables]\n"c.t" = "c.u"\n"c.u" = "c.t"\n')[0] == 1


def test_parameters_in_another_order_are_paired_by_name_where_other_actions_have_the_name_too(compare) -> None:  # type: ignore[no-untyped-def]
    first = "action other(bit<8> x, bit<8> y) { s.m = x; } action put(bit<8> x, bit<8> y) { s.m = x; s.n = y; }"
    second = first.replace("put(bit<8> x, bit<8> y)", "put(bit<8> y, bit<8> x)")
    rest = table("t", "put; other;") + "apply { t.apply(); }"
    assert compare(first + rest, second + rest)[0] == 0
    assert compare(first + rest, second.replace("s.m = x; s.n = y", "s.m = y; s.n = x") + rest)[0] == 1


# --- split ----------------------------------------------------------------------------------------------------------


def test_a_table_whose_actions_are_split_is_told_by_what_they_are_given(compare) -> None:  # type: ignore[no-untyped-def]
    first = table("t", "both;") + "apply { t.apply(); }"
    code, result = compare(first, PARTS)
    assert code == 0, result["reason"]
    assert "set_m(m) for both(m, n)" in result["assumptions"][0]
    code, result = compare(first, PARTS.replace("t_n.apply();", "if (s.h.b != 7) { t_n.apply(); }"))
    assert code == 1, result["reason"]
    assert any(" c.t_m " in rule for rule in result["counterexample"]["second_rules"])


def test_what_a_part_does_is_said_where_names_leave_it_open(compare) -> None:  # type: ignore[no-untyped-def]
    first, second = WHOLE.replace(*CONST), PARTS.replace(*CONST)
    code, result = compare(first, second)
    assert code == 3
    assert "table c.t_m" in result["reason"]
    code, result = compare(first, second, SPLIT_AS_SAID)
    assert code == 0, result["reason"]
    assert "nothing, for there is none, where set_m(m) is done" in result["assumptions"][1]
    swapped = SPLIT_AS_SAID.replace(
        '{ from = ["set_m"] }', '{ from = ["set_m"], does = "set_n", arguments = { n = "m" } }'
    )
    code, result = compare(first, second, swapped)
    assert code == 1, result["reason"]
    # A default that can be set says something for every action.
    code, result = compare(WHOLE, PARTS, SPLIT_AS_SAID)
    assert code == 3
    assert "what it does by default where c.set_m by c.t is done" in result["reason"]


def test_without_an_entry_another_may_win(compare) -> None:  # type: ignore[no-untyped-def]
    first, second = (text.replace("exact", "ternary") for text in (WHOLE, PARTS))
    code, result = compare(first, second, SPLIT_AS_SAID)
    assert code == 3
    assert "others may win" in result["reason"]


def test_given_rules_are_split(compare, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first, second = WHOLE.replace(*CONST), PARTS.replace(*CONST)
    (tmp_path / "rules.txt").write_text("table_add c.t both 5 => 1 2\ntable_add c.t set_n 6 => 9\n")
    given = ("--rules", str(tmp_path / "rules.txt"))
    code, result = compare(first, second, SPLIT_AS_SAID, *given)
    assert code == 0, result["reason"]
    code, result = compare(first, second.replace("t_n.apply();", ""), SPLIT_AS_SAID, *given)
    assert code == 1, result["reason"]
    assert result["counterexample"]["second_rules"]


# --- merged ---------------------------------------------------------------------------------------------------------

MERGED = table("t", "both; set_m; set_n;") + "apply { t.apply(); }"


@pytest.mark.parametrize("kind", ["exact", "lpm", "ternary"])
def test_tables_with_the_same_keys_are_merged(compare, kind: str) -> None:  # type: ignore[no-untyped-def]
    first, second = PARTS.replace("exact", kind), MERGED.replace("exact", kind)
    code, result = compare(first, second)
    assert code == 0, result["reason"]
    assert "for which one of c.t_m, c.t_n has one" in result["assumptions"][0]
    # what matters is the order in which they are applied, too
    code, result = compare(first.replace("t_n.apply();", "t_n.apply(); s.m = s.n;"), second)
    assert code == 1, result["reason"]


def test_tables_with_keys_of_their_own_are_merged_where_entries_can_leave_some_open(compare) -> None:  # type: ignore[no-untyped-def]
    first = (
        table("t_m", "set_m;", "s.h.a : exact;") + table("t_n", "set_n;", "s.h.b : exact;")
        + "apply { t_m.apply(); t_n.apply(); }"
    )  # fmt: skip
    wide = table("t", "both; set_m; set_n;", "s.h.a : ternary; s.h.b : ternary;") + "apply { t.apply(); }"
    code, result = compare(first, wide)
    assert code == 0, result["reason"]
    narrow = wide.replace("ternary", "exact")
    code, result = compare(first, narrow)
    assert code == 3
    assert "table c.t" in result["reason"]
    said = '[[derived]]\ntable = "c.t"\nfrom = ["c.t_m", "c.t_n"]\n'
    code, result = compare(first, narrow, said)
    assert code == 3
    assert "an entry of c.t_m has to match every s.h.b, which is exact" in result["reason"]
    # An entry for each pair of entries: not what the two do where only one has an entry.
    code, result = compare(first, narrow, said + 'entries = "all"\n')
    assert code == 1, result["reason"]
    guarded = "bit<8> m = s.m; if (t_m.apply().hit) { if (t_n.apply().miss) { s.m = m; } }"
    first = first.replace("t_m.apply(); t_n.apply();", guarded).replace("default_action", "const default_action")
    narrow = narrow.replace("default_action", "const default_action")
    code, result = compare(first, narrow, said + 'entries = "all"\n')
    assert code == 0, result["reason"]
    assert "for which each of c.t_m, c.t_n has one" in result["assumptions"][0]


def test_what_is_said_has_to_be_there(compare) -> None:  # type: ignore[no-untyped-def]
    for mapping, text in (
        ('[[derived]]\ntable = "c.none"\nfrom = ["c.t"]', "the second program has no table c.none"),
        ('[[derived]]\ntable = "c.t_m"\nfrom = ["c.u"]', "the first program has no table c.u"),
        ('[[derived]]\ntable = "c.t_m"', "'derived' needs 'table' and 'from'"),
        (SPLIT_AS_SAID.replace('"both"', '"bath"'), "c.t has no action bath"),
        (SPLIT_AS_SAID.replace('does = "none"', 'does = "mone"'), "the table has no action mone"),
        (SPLIT_AS_SAID.replace('does = "set_n"', 'does = "set_n", arguments = { n = "x" }'), "no parameter x"),
        ('[[derived]]\ntable = "c.t_m"\nfrom = ["c.t"]\nkeys = { x = "s.h.a" }', "the table has no key x"),
        ('[[derived]]\ntable = "c.t_m"\nfrom = ["c.t"]\nentries = "some"', "neither \"any\" nor \"all\""),
    ):  # fmt: skip
        code, error = compare(WHOLE, PARTS, mapping)
        assert code == 2, mapping
        assert text in error


# --- what is named as not supported ---------------------------------------------------------------------------------

SWITCH = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; bit<8> m; bit<8> n; }}
struct headers {{ h_t h; }}
struct meta {{ }}
parser P(packet_in p, out headers s, inout meta m, inout standard_metadata_t sm) {{
    state start {{ p.extract(s.h); transition accept; }}
}}
control V(inout headers s, inout meta m) {{ apply {{ }} }}
control c(inout headers s, inout meta m, inout standard_metadata_t sm) {{
    action none() {{ }}
    action both(bit<8> m, bit<8> n) {{ s.h.m = m; s.h.n = n; }}
    action set_m(bit<8> m) {{ s.h.m = m; }}
    action set_n(bit<8> n) {{ s.h.n = n; }}
    {body}
}}
control E(inout headers s, inout meta m, inout standard_metadata_t sm) {{ apply {{ }} }}
control D(packet_out p, in headers s) {{ apply {{ p.emit(s.h); }} }}
V1Switch(P(), V(), c(), E(), V(), D()) main;
"""


@pytest.mark.parametrize(
    ("declared", "of_its_own"),
    [
        ("direct_counter(CounterType.packets) d;", "counters = d;"),
        ("direct_meter<bit<2>>(MeterType.packets) d;", "meters = d;"),
        ("action_profile(16) d;", "implementation = d;"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_tables_with_more_than_entries_follow_from_nothing(
    p4verify: Command, tmp_path: Path, declared: str, of_its_own: str, whole: bool
) -> None:
    """Whether it is the table that was split, or a part of it, that has counters, meters or members of its own."""
    mine, other = table("t", "both;", more=of_its_own if whole else ""), table("t_n", "set_n;")
    theirs = table("t_m", "set_m;", more="" if whole else of_its_own)
    first, second = tmp_path / "first.p4", tmp_path / "second.p4"
    first.write_text(SWITCH.format(body=(declared if whole else "") + mine + "apply { t.apply(); }"))
    body = ("" if whole else declared) + theirs + other + "apply { t_m.apply(); t_n.apply(); }"
    second.write_text(SWITCH.format(body=body))
    ended = p4verify("check", first, "--against", second, "--format", "json")
    assert ended.code == 3
    (result,) = ended.json()["results"]
    named = "c.t has" if whole else "c.t_m has"
    assert f"{named} counters, meters or action data of its own" in result["reason"]
    assert result["where"]["line"] > 0
