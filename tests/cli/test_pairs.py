"""`p4verify check A.p4 --against B.p4`, as a user gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

OWN_PACKAGE = """#include <core.p4>
extern bit<8> noise(in bit<8> x);
header h_t { bit<8> a; bit<8> b; }
struct s_t { h_t h; bit<8> m; }
control c(inout s_t s) {
    BODY
}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""

TABLE = """
    action set(bit<8> value) { s.m = value; }
    action none() {}
    @name("t") table t { key = { s.h.a : exact; } actions = { set; none; } default_action = none(); }
    apply { t.apply(); }
"""


@pytest.fixture
def check(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Compares two bodies of the control; gives the exit code and the only result."""

    def run(first: str, second: str, *more: str):  # type: ignore[no-untyped-def]
        paths = []
        for name, body in (("a", first), ("b", second)):
            path = tmp_path / f"{name}.p4"
            path.write_text(OWN_PACKAGE.replace("BODY", body))
            paths.append(path)
        ended = p4verify("check", paths[0], "--against", paths[1], "--format", "json", *more)
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


def test_equal_programs_are_accepted_and_what_was_compared_is_counted(check) -> None:  # type: ignore[no-untyped-def]
    code, result = check("apply { s.m = s.m + s.m; }", "apply { s.m = s.m << 1; }")
    assert code == 0
    assert result["verdict"] == "accept"
    assert result["obligations"]["compared"] == 4  # the header's validity, a, b, and m
    assert result["artifact"].endswith("b.p4")


def test_a_difference_is_rejected_with_inputs_on_which_both_were_run(check) -> None:  # type: ignore[no-untyped-def]
    code, result = check("apply { if (s.m == 77) s.m = 1; }", "apply { if (s.m == 77) s.m = 2; }")
    assert code == 1
    found = result["counterexample"]
    assert found["inputs"] == {"in.s.m": 77}
    assert found["expected"]["metadata"]["s.m"] == 1
    assert found["actual"]["metadata"]["s.m"] == 2
    assert "interpreter of both programs" in found["confirmed_by"]


def test_tables_are_paired_by_the_names_that_the_control_plane_knows(check) -> None:  # type: ignore[no-untyped-def]
    renamed = """
        @name("c.none") action none_1() {}
        @name("c.set") action set_2(@name("value") bit<8> value_7) { s.m = value_7; }
        @name("c.t") table tbl { key = { s.h.a : exact @name("s.h.a"); } actions = { none_1; set_2; }
                                 default_action = none_1(); }
        apply { tbl.apply(); }
    """
    code, result = check(TABLE, renamed)
    assert code == 0, result["reason"]
    assert result["quantified_over"] == "packets and rules"


def test_the_rules_of_a_counterexample_are_shown(check) -> None:  # type: ignore[no-untyped-def]
    code, result = check(TABLE, TABLE.replace("s.m = value", "s.m = value | 1"))
    assert code == 1
    assert len(result["counterexample"]["rules"]) == 1


def test_tables_with_other_keys_are_named(check) -> None:  # type: ignore[no-untyped-def]
    code, result = check(TABLE, TABLE.replace("s.h.a : exact", "s.h.a : exact; s.h.b : exact"))
    assert code == 3
    assert "table c.t" in result["reason"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("apply { s.m = noise(s.m); }", "apply { bit<8> t = noise(s.m); s.m = t; }", True),
        ("apply { s.m = noise(1) + noise(2); }", "apply { s.m = noise(2) + noise(1); }", False),
        ("apply { noise(1); }", "apply { }", False),
        ("apply { noise(1); noise(1); }", "apply { noise(1); }", False),
    ],
)
def test_externs_are_functions_of_their_arguments_and_of_the_calls_before(check, first, second, same) -> None:  # type: ignore[no-untyped-def]
    code, result = check(first, second)
    assert code == (0 if same else 1), result["reason"]


UNDEFINED = "apply { bit<8> x; s.m = x; }"


@pytest.mark.parametrize(
    ("first", "second", "more", "code"),
    [
        (UNDEFINED, "apply { s.m = 5; }", (), 0),
        ("apply { s.m = 5; }", UNDEFINED, (), 1),
        (UNDEFINED, UNDEFINED, (), 0),
        (UNDEFINED, UNDEFINED, ("--exactly",), 1),
        (UNDEFINED, "apply { s.m = 5; }", ("--exactly",), 1),
    ],
)
def test_undefined_values_are_choices_of_the_program(check, first, second, more, code) -> None:  # type: ignore[no-untyped-def]
    got, result = check(first, second, *more)
    assert got == code, result["reason"]
    if code == 1:
        assert "only where a value is undefined" in result["reason"]
        assert result["where"]["line"] == 6


def test_a_program_without_anything_to_compare_is_not_accepted(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "nothing.p4"
    path.write_text("control c(in bit<8> x) { apply { } }\ncontrol p(in bit<8> x);\npackage q(p a);\nq(c()) main;\n")
    ended = p4verify("check", path, "--against", path)
    assert ended.code == 3
    assert "nothing" in ended.out or "no output" in ended.out


def test_calls_of_externs_are_compared_where_nothing_else_is_seen(p4verify: Command, tmp_path: Path) -> None:
    text = """extern void told(in bit<8> x);
control c() { apply { BODY } }
control p();
package q(p a);
q(c()) main;
"""
    paths = []
    for name, body in (("a", "told(1);"), ("b", "told(2);"), ("c", "")):
        paths.append(tmp_path / f"{name}.p4")
        paths[-1].write_text(text.replace("BODY", body))
    same = p4verify("check", paths[0], "--against", paths[0])
    assert same.code == 0
    assert "1 observables compared" in same.out
    assert p4verify("check", paths[0], "--against", paths[1]).code == 1
    assert p4verify("check", paths[0], "--against", paths[2]).code == 1
    assert p4verify("check", paths[2], "--against", paths[0]).code == 1


def test_what_the_packet_shows_decides_in_a_known_architecture(p4verify: Command, tmp_path: Path) -> None:
    """Blocks differ where no packet shows it: accepted, and said."""
    text = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; }
struct H { h_t h; }
struct M {}
parser P(packet_in b, out H h, inout M m, inout standard_metadata_t s) { state start { transition accept; } }
control V(inout H h, inout M m) { apply {} }
control I(inout H h, inout M m, inout standard_metadata_t s) { apply { s.egress_spec = 1; VALUE } }
control E(inout H h, inout M m, inout standard_metadata_t s) { apply {} }
control D(packet_out b, in H h) { apply { } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""
    paths = []
    for name, value in (("a", "h.h.a = 1;"), ("b", "h.h.a = 2;"), ("c", "s.egress_spec = 2;")):
        paths.append(tmp_path / f"{name}.p4")
        paths[-1].write_text(text.replace("VALUE", value))
    same = p4verify("check", paths[0], "--against", paths[1])
    assert same.code == 0, same.out
    assert "which no packet shows" in same.out
    other = p4verify("check", paths[0], "--against", paths[2])
    assert other.code == 1
    assert "expected: port 1" in other.out


def test_state_is_paired_by_the_names_that_the_control_plane_knows(p4verify: Command, tmp_path: Path) -> None:
    text = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; }
struct H { h_t h; }
struct M {}
parser P(packet_in b, out H h, inout M m, inout standard_metadata_t s) {
    state start { b.extract(h.h); transition accept; } }
control V(inout H h, inout M m) { apply {} }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    NAME register<bit<8>>(4) r;
    apply { s.egress_spec = 1; bit<8> x; r.read(x, 1); h.h.a = x + 1; r.write(1, h.h.a + EXTRA); } }
control E(inout H h, inout M m, inout standard_metadata_t s) { apply {} }
control D(packet_out b, in H h) { apply { b.emit(h); } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""
    paths = []
    for name, given, extra in (("a", "", "0"), ("b", '@name("I.r")', "0"), ("c", '@name("I.r")', "1")):
        paths.append(tmp_path / f"{name}.p4")
        paths[-1].write_text(text.replace("NAME", given).replace("EXTRA", extra))
    assert p4verify("check", paths[0], "--against", paths[1]).code == 0
    other = p4verify("check", paths[0], "--against", paths[2])
    assert other.code == 1
    assert "state I.r" in other.out


WRITES = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; }
struct H { h_t h; }
struct M {}
parser P(packet_in b, out H h, inout M m, inout standard_metadata_t s) {
    state start { b.extract(h.h); transition accept; } }
control V(inout H h, inout M m) { apply {} }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    register<bit<8>>(4) r;
    apply { s.egress_spec = 1; CLONE HERE } }
control E(inout H h, inout M m, inout standard_metadata_t s) { register<bit<8>>(4) t; apply { THERE } }
control D(packet_out b, in H h) { apply { b.emit(h.h); } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""


@pytest.mark.parametrize(
    ("here", "there", "clone"),
    [
        ("r.write(1, h.h.a);", "", ""),
        ("", "t.write((bit<32>) h.h.a, 7);", ""),
        ("", "if (s.instance_type == 1) { t.write(2, 7); }", "clone(CloneType.I2E, 5);"),
    ],
)
def test_a_state_that_only_one_program_writes_is_shown(  # type: ignore[no-untyped-def]
    p4verify: Command, tmp_path: Path, here, there, clone
) -> None:
    paths = []
    for name, mine, theirs in (("a", here, there), ("b", "", "")):
        paths.append(tmp_path / f"{name}.p4")
        text = WRITES.replace("CLONE", clone).replace("THERE", theirs).replace("HERE", mine)
        paths[-1].write_text(text)
    for first, second in (paths, paths[::-1]):
        ended = p4verify("check", first, "--against", second, "--format", "json")
        (result,) = ended.json()["results"]
        assert ended.code == 1, result["reason"]
        states = [result["counterexample"][side]["state"] for side in ("expected", "actual")]
        assert states[0] != states[1]


def test_externs_that_programs_declare_are_paired_by_name(p4verify: Command, tmp_path: Path) -> None:
    """Also where only the whole pipeline is the same: the blocks differ in what is never seen."""
    text = """#include <core.p4>
#include <v1model.p4>
extern Noise<T> { Noise(T first); bit<8> next(in bit<8> x); }
struct pair_t { bit<8> x; bit<8> y; }
header h_t { bit<8> a; }
struct H { h_t h; bit<8> hidden; }
struct M {}
parser P(packet_in b, out H h, inout M m, inout standard_metadata_t s) {
    state start { b.extract(h.h); transition accept; } }
control V(inout H h, inout M m) { apply {} }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    NAME Noise<TYPE>(FIRST) r;
    apply { s.egress_spec = 1; h.h.a = r.next(h.h.a); h.hidden = r.next(HIDDEN); } }
control E(inout H h, inout M m, inout standard_metadata_t s) { apply {} }
control D(packet_out b, in H h) { apply { b.emit(h.h); } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""

    def program(name: str, type_: str, first: str) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.p4"
        made = text.replace("NAME", name).replace("TYPE", type_).replace("FIRST", first)
        path.write_text(made.replace("HIDDEN", "h.hidden" if name else "8w0 + h.hidden"))
        return path

    plain = program("", "tuple<bit<8>, bit<8>>", "{1, 2}")
    renamed = program('@name("I.r")', "pair_t", "{x = 1, y = 2}")
    assert p4verify("check", plain, "--against", renamed).code == 0
    other = program('@name("I.r")', "pair_t", "{x = 1, y = 3}")
    assert p4verify("check", plain, "--against", other).code == 1


def test_tables_that_a_compiler_makes_are_decided_by_their_entries(check) -> None:  # type: ignore[no-untyped-def]
    made = """
        action one() { s.m = 1; }
        action other() { s.m = OTHER; }
        @hidden table case { key = { s.m : exact; } actions = { one; other; }
                             const default_action = other(); const entries = { 8w16 : one(); } }
        apply { case.apply(); }
    """
    first = "apply { switch (s.m) { 16: { s.m = 1; } default: { s.m = 2; } } }"
    assert check(first, made.replace("OTHER", "2"))[0] == 0
    code, result = check(first, made.replace("OTHER", "3"))
    assert code == 1, result["reason"]
    assert "interpreter of both programs" in result["counterexample"]["confirmed_by"]


def test_what_the_control_plane_gives_to_an_action_may_be_a_struct_or_headers(check) -> None:  # type: ignore[no-untyped-def]
    declared = """
    action set(s_t t, h_t[2] h, bit<8> more) {
        if (t.m == 1) s.m = more; else if (h[1].isValid()) s.m = h[1].a;
    }
    action none() {}
    table t { key = { s.h.a : exact; } actions = { set; none; } default_action = none(); }
    apply { t.apply(); }
"""
    code, result = check(declared, declared.replace("none() {}", "none() { s.m = s.m; }"))
    assert code == 0, result["reason"]
    code, result = check(declared, declared.replace("h[1].a", "h[1].b"))
    assert code == 1, result["reason"]


def test_an_element_of_a_tuple_is_assigned(check) -> None:  # type: ignore[no-untyped-def]
    tuples = "tuple<bit<8>, h_t> x; apply { x = { 1, s.h }; x[0] = s.m; x[1] = s.h; s.m = x[0] + 1; }"
    code, result = check(tuples, "apply { s.m = s.m + 1; }")
    assert code == 0, result["reason"]
    assert check(tuples, "apply { s.m = 2; }")[0] == 1


METHODS = """extern Maker { Maker(); void run(inout bit<8> x); abstract bit<8> step(in bit<8> x); }
extern void given(Maker m);
control c(inout bit<8> x) {
    Maker() maker = { bit<8> step(in bit<8> x) { BODY } };
    apply { USE }
}
control proto(inout bit<8> x);
package top(proto p);
top(c()) main;
"""


@pytest.mark.parametrize("use", ["maker.run(x);", "x = maker.step(x);", "given(maker);"])
@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        ("return x + 1;", "bit<8> y = x; y = y + 1; return y;", {0}),
        ("return x + 1;", "return x + 2;", {1, 3}),  # an extern that is not known may never call it
    ],
)
def test_methods_that_programs_give_to_externs_are_compared(  # type: ignore[no-untyped-def]
    p4verify: Command, tmp_path: Path, use, first, second, codes
) -> None:
    paths = []
    for name, body in (("a", first), ("b", second)):
        paths.append(tmp_path / f"{name}.p4")
        paths[-1].write_text(METHODS.replace("BODY", body).replace("USE", use))
    ended = p4verify("check", paths[0], "--against", paths[1])
    assert ended.code in codes, ended.out + ended.err


def test_methods_that_touch_the_block_around_them_are_given_its_variables(p4verify: Command, tmp_path: Path) -> None:
    paths = []
    for name, more in (("a", "x"), ("b", "1 + x"), ("c", "0 + x")):
        paths.append(tmp_path / f"{name}.p4")
        text = METHODS.replace("in bit<8> x) { BODY }", "in bit<8> y) { return x; }")
        paths[-1].write_text(text.replace("USE", f"maker.run(x); x = {more};"))
    assert p4verify("check", paths[0], "--against", paths[1]).code == 1
    same = p4verify("check", paths[0], "--against", paths[2])
    assert same.code == 0
    assert "methods that the program gives to an extern Maker are called while others of it are only" in same.out


BLOCKS = """extern Maker {{ Maker(); void run(inout bit<8> x); abstract bit<8> step(in bit<8> x); }}
extern bit<8> given(in bit<8> x);
extern void take(Maker m);
control touches(inout bit<8> x) {{
    Maker() maker = {{ bit<8> step(in bit<8> y) {{ return x; }} }};
    apply {{ take(maker); maker.run(x); x = x{more}; }}
}}
control plain(inout bit<8> x) {{ apply {{ x = given(x{more}); }} }}
control proto(inout bit<8> x);
package top(proto p, proto q);
top({blocks}) main;
"""


@pytest.mark.parametrize("blocks", ["touches(), plain()", "plain(), touches()"])
def test_a_block_that_is_not_supported_keeps_no_other_from_being_told_apart(
    p4verify: Command, tmp_path: Path, blocks: str
) -> None:
    paths = [tmp_path / f"{name}.p4" for name in "abc"]
    for path, more in zip(paths, ("", " + 1", " + 0"), strict=True):
        path.write_text(BLOCKS.format(more=more, blocks=blocks))
    different = p4verify("check", paths[0], "--against", paths[1])
    assert different.code == 1, different.out
    same = p4verify("check", paths[0], "--against", paths[2])
    assert same.code == 3, same.out
    assert "whose methods the program defines" in same.out
