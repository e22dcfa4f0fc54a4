"""Names that say which rules two programs have in common, where all that is compared of their text is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

PROGRAM = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; bit<16> b; bit<16> c; }}
struct s_t {{ h_t h; h_t next; }}
struct m_t {{ }}
struct set_t {{ bit<8> a; @match({kind}) bit<16> b; }}
parser p(packet_in pk, out s_t s, inout m_t m, inout standard_metadata_t d) {{
    value_set<set_t>({room}) {name};
    state start {{ pk.extract(s.h); transition select(s.h.a, s.h.b) {{ {name}: more; default: accept; }} }}
    state more {{ pk.extract(s.next); transition accept; }}
}}
control v(inout s_t s, inout m_t m) {{ apply {{ }} }}
control i(inout s_t s, inout m_t m, inout standard_metadata_t d) {{
    direct_counter(CounterType.packets) seen;
    {state}
    action set(@name("{params[0]}") bit<16> x, @name("{params[1]}") bit<16> y) {{ s.h.b = x; s.h.c = y; }}
    action none() {{ }}
    table t {{ key = {{ s.h.b : {match}; }} actions = {{ set; none; }} default_action = none(); {of_t} }}
    table u {{ key = {{ s.h.a : exact; }} actions = {{ none; }} default_action = none(); {of_u} }}
    apply {{ d.egress_spec = 1; {counts} t.apply(); u.apply(); if (s.next.isValid()) {{ s.h.a = 1; }} }}
}}
control e(inout s_t s, inout m_t m, inout standard_metadata_t d) {{ apply {{ }} }}
control c(inout s_t s, inout m_t m) {{ apply {{ }} }}
control o(packet_out pk, in s_t s) {{ apply {{ pk.emit(s.h); pk.emit(s.next); }} }}
V1Switch(p(), v(), i(), e(), c(), o()) main;
"""
FIRST: dict[str, Any] = {
    "kind": "exact", "room": 4, "name": "members", "params": ("x", "y"), "of_t": "counters = seen;", "of_u": "",
    "state": "counter(4, CounterType.packets) c1;", "counts": "c1.count(0);", "match": "exact",
}  # fmt: skip
Compare = Callable[..., tuple[int, Any]]
"""See :func:`compare`."""
RULES = '{"version": 1, "tables": {}, "value_sets": {"p.members": [["1", "2"]]}}'


@pytest.fixture
def compare(p4verify: Command, tmp_path: Path) -> Compare:
    """Compares the program with one that is otherwise in what is given; gives the exit code and the only result."""

    def run(rules: str = "", mapping: str = "", **other: object) -> tuple[int, Any]:
        a, c, given, said = (tmp_path / name for name in ("a.p4", "b.p4", "rules.json", "map.toml"))
        a.write_text(PROGRAM.format(**FIRST))
        c.write_text(PROGRAM.format(**FIRST | other))
        given.write_text(rules)
        said.write_text(mapping)
        more = ["--rules", given] if rules else []
        ended = p4verify("check", a, "--against", c, "--format", "json", "--map", said, *more)
        if ended.code == 2:
            return ended.code, ended
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


def test_parameters_whose_names_only_annotations_say_are_paired_by_them(compare: Compare) -> None:
    """The two are one text but for ``@name``, and the control plane gives arguments by these names."""
    code, result = compare(params=("y", "x"))
    assert code == 1, result["reason"]
    code, result = compare()
    assert code == 0, result["reason"]


@pytest.mark.parametrize("rules", ["", RULES])
@pytest.mark.parametrize(
    ("other", "reason"),
    [({"kind": "ternary"}, "match its members otherwise"), ({"name": "others"}, "its members are not known")],
)
def test_a_value_set_that_is_not_known_to_have_the_first_ones_members_is_named(
    compare: Compare, other: dict[str, str], reason: str, rules: str
) -> None:
    code, result = compare(rules, **other)
    assert code == 3, result["reason"]
    assert f"value set p.{other.get('name', 'members')}: " in result["reason"]
    assert reason in result["reason"]
    assert (Path(result["where"]["file"]).name, result["where"]["line"]) == ("b.p4", 8)


def test_that_members_fit_a_smaller_value_set_is_an_assumption(compare: Compare) -> None:
    code, result = compare(room=2)
    assert code == 0, result["reason"]
    assert any("value set p.members, of size 2" in text for text in result["assumptions"])


def test_a_counter_of_entries_of_another_table_is_another_counter(compare: Compare) -> None:
    code, result = compare(of_t="", of_u="counters = seen;")
    assert code == 3, result["reason"]
    assert "i.seen hangs on table i.t in the first program, on i.u in the second" in result["reason"]


def test_names_do_not_gainsay_what_a_user_says_of_actions(compare: Compare) -> None:
    code, result = compare(mapping='[actions]\n"i.set" = "i.none"\n')
    assert code == 3, result["reason"]


@pytest.mark.parametrize("said", ['"i.sat" = "i.set"', '"i.set" = "sat"'])
def test_an_action_that_no_table_has_is_one_error(compare: Compare, said: str) -> None:
    _, ended = compare(mapping=f"[actions]\n{said}\n")
    ended.one_error("map.toml", "has an action", "sat", "i.set")


@pytest.mark.parametrize("counts", ["c2.count(0); c1.count(1);", "c1.count(1); c2.count(0);"])
def test_two_states_do_not_become_one(compare: Compare, counts: str) -> None:
    """The first program's ``c1`` is ``c2`` in the second, which counts in a ``c1`` of its own besides."""
    two = "counter(4, CounterType.packets) c1; counter(4, CounterType.packets) c2;"
    code, result = compare(mapping='[state]\n"i.c1" = "i.c2"\n', state=two, counts=counts)
    assert code == 3, result["reason"]
    assert "i.c1: the first program's of this name is i.c2 in the second" in result["reason"]


@pytest.mark.parametrize(
    ("entries", "code"), [("[]", 0), ('[{"match": {"s.h.b": 5}, "action": "i.set", "args": [1, 2]}]', 3)]
)
def test_rules_that_are_given_say_nothing_of_tables_without_partners(compare: Compare, entries: str, code: int) -> None:
    """The second program's table might hold what makes both alike, or, where both are empty, something else."""
    rules = f'{{"version": 1, "tables": {{"i.t": {{"entries": {entries}}}}}}}'
    found, result = compare(rules, match="ternary")
    assert found == code, result["reason"]
    if code:
        assert "table i.t: the two programs give it other keys" in result["reason"]
    else:
        assert "the second program's table i.t holds what its source says and no more" in result["assumptions"]
