"""A second program whose table cannot tell packets apart that the first one's can: no rules make it do the same.

Rejected only where that is proven of *every* content of the table; where some rules do, it stays unsupported.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

PROGRAM = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<16> dst; bit<8> a; bit<8> b; }}
struct hs {{ h_t h; }}
struct m_t {{ bit<8> vrf; }}
parser p(packet_in pk, out hs s, inout m_t m, inout standard_metadata_t d) {{
    state start {{ pk.extract(s.h); transition select(s.h.b) {{ 5: accept; default: {otherwise}; }} }}
}}
control v(inout hs s, inout m_t m) {{ apply {{ }} }}
control i(inout hs s, inout m_t m, inout standard_metadata_t d) {{
    action set(bit<8> x) {{ {does} }}
    action nothing() {{ }}
    {tables}
    apply {{ d.egress_spec = {port}; {apply} }}
}}
control e(inout hs s, inout m_t m, inout standard_metadata_t d) {{ apply {{ }} }}
control c(inout hs s, inout m_t m) {{ apply {{ }} }}
control o(packet_out pk, in hs s) {{ apply {{ pk.emit(s.h); }} }}
V1Switch(p(), v(), i(), e(), c(), o()) main;
"""
ACTIONS = "actions = { set; nothing; } default_action = nothing();"
BOTH = "key = { s.h.dst : exact; s.h.b : exact; }"


def table(keys: str, name: str = "t", rest: str = ACTIONS) -> str:
    return f"table {name} {{ {keys} {rest} }}"


@pytest.fixture
def compare(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(first: str, second: str, mapping: str = "", **both: Any):  # type: ignore[no-untyped-def]
        ports = both.pop("ports", (1, 1))
        applied = both.pop("applied", ("t.apply();", "t.apply();"))
        usual = {"does": "s.h.a = x;", "otherwise": "accept"} | both
        paths = [tmp_path / "a.p4", tmp_path / "b.p4"]
        for path, tables, port, apply in zip(paths, (first, second), ports, applied, strict=True):
            path.write_text(PROGRAM.format(tables=tables, port=port, apply=apply, **usual))
        said = tmp_path / "map.toml"
        said.write_text(mapping)
        ended = p4verify("check", paths[0], "--against", paths[1], "--map", said, "--format", "json")
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BOTH, "key = { s.h.b : exact; }"),
        ("key = { s.h.dst : lpm; s.h.b : exact; }", "key = { s.h.b : exact; }"),
        ("key = { s.h.dst : ternary; s.h.b : ternary; }", "key = { s.h.b : ternary; }"),
        ("key = { s.h.dst : range; s.h.b : exact; }", "key = { s.h.b : exact; }"),
        ("key = { s.h.dst : exact; }", "key = { s.h.dst[15:8] : exact @name(\"s.h.dst\"); }"),
        ("key = { m.vrf : exact; s.h.dst : exact; }", "key = { m.vrf : exact; }"),
        ("key = { s.h.dst : exact; }", ""),
    ],
    ids=["exact", "lpm", "ternary", "range", "narrower", "undefined key", "no key"],
)  # fmt: skip
def test_packets_that_a_table_can_no_longer_tell_apart(compare, first: str, second: str) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(table(first), table(second))
    assert code == 1, result["reason"]
    found = result["counterexample"]
    assert found["any_rules"] == ["i.t"]
    assert found["expected"] != found["actual"]
    assert found["beside"]["packet"] != found["packet"]
    assert any("set" in rule for rule in found["rules"])
    assert len(found["rules"]) <= 2
    assert "interpreter of both programs" in found["confirmed_by"]
    assert result["where"]["file"].endswith("b.p4")


def test_other_tables_have_the_rules_of_the_first_program_and_the_verdict_says_so(compare) -> None:  # type: ignore[no-untyped-def]
    other = table("key = { s.h.dst : exact; }", "u")
    applied = ("t.apply(); u.apply();",) * 2
    code, result = compare(table(BOTH) + other, table("key = { s.h.b : exact; }") + other, applied=applied)
    assert code == 1, result["reason"]
    assert any("other tables" in text for text in result["assumptions"])


def test_a_packet_that_is_wrong_whatever_the_rules_are(compare) -> None:  # type: ignore[no-untyped-def]
    applied = tuple(f"if (t.apply().hit) d.egress_spec = {port};" for port in (1, 2))
    code, result = compare(table(BOTH), table("key = { s.h.b : exact; }"), ports=(3, 3), applied=applied)
    assert code == 1, result["reason"]
    assert "beside" not in result["counterexample"]
    assert "whatever the rules" in result["reason"]


@pytest.mark.parametrize(
    ("first", "second", "more"),
    [
        # one entry for each value of the key that was added
        ("key = { s.h.dst : exact; }", BOTH, {}),
        # only one value of the key that is gone is ever looked up
        ("key = { s.h.b : exact; s.h.dst : exact; }", "key = { s.h.dst : exact; }", {"otherwise": "reject",
         "applied": ("if (s.h.b == 5) t.apply();",) * 2}),
        # where there is an entry any value is right, so no entry is right for both packets
        (BOTH, "key = { s.h.b : exact; }", {"does": "",
         "applied": ("bit<8> u; if (t.apply().hit) { s.h.a = u; } else { s.h.a = 9; }",) * 2}),
        ("key = { s.h.b : exact; s.h.dst : exact; }", "key = { s.h.b : exact; }", {"does": "",
         "applied": ("bit<8> u; if (t.apply().hit) { s.h.a = 9; } else { s.h.a = u; }",) * 2}),
        # no action does anything that shows
        (BOTH, "key = { s.h.b : exact; }", {"does": ""}),
    ],
    ids=["added", "one value", "any value", "any value without", "shows nothing"],
)  # fmt: skip
def test_no_reject_where_some_rules_do(compare, first: str, second: str, more: dict[str, Any]) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(table(first), table(second), **more)
    assert code in (0, 3), result


def test_keys_in_another_order_are_the_same_table(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(table(BOTH), table("key = { s.h.b : exact; s.h.dst : exact; }"))
    assert code == 0, result["reason"]


def test_a_second_table_that_looks_up_the_rest_is_up_to_whoever_fills_it(compare) -> None:  # type: ignore[no-untyped-def]
    second = table("key = { s.h.b : exact; }") + table("key = { s.h.dst : exact; }", "rest")
    code, result = compare(table(BOTH), second, applied=("t.apply();", "t.apply(); rest.apply();"))
    assert code == 3, result["reason"]


def test_nothing_is_rejected_where_the_other_rules_are_a_guess(compare) -> None:  # type: ignore[no-untyped-def]
    first = table(BOTH) + table("key = { s.h.dst : exact; }", "u")
    second = table("key = { s.h.b : exact; }") + table("key = { s.h.dst : exact; }", "renamed")
    code, result = compare(first, second, applied=("t.apply(); u.apply();", "t.apply(); renamed.apply();"))
    assert code == 3, result["reason"]


def test_what_a_map_says_of_the_table_counts(compare) -> None:  # type: ignore[no-untyped-def]
    """The rules follow from those of another table of the first program."""
    first = table(BOTH) + table("key = { s.h.b : exact; }", "u")
    second = table("key = { s.h.b : exact; }")
    applied = ("u.apply();", "t.apply();")
    code, result = compare(first, second, '[tables]\n"i.u" = "i.t"\n', applied=applied)
    assert code == 0, result["reason"]
