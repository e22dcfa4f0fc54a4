"""`@entry_restriction`, `@action_restriction`, `--assume 'table T: ...'`: which rules there are, which are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

SWITCH = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> kind; bit<8> value; bit<32> rest; }
struct headers { h_t h; }
struct meta_t { bit<8> seen; }
parser P(packet_in p, out headers hdr, inout meta_t m, inout standard_metadata_t s) {
    state start { p.extract(hdr.h); transition accept; }
}
control V(inout headers hdr, inout meta_t m) { apply {} }
control I(inout headers hdr, inout meta_t m, inout standard_metadata_t s) {
    TO action to(bit<9> port) { s.egress_spec = port; }
    RESTRICTION
    table t { key = { KEYS } actions = { to; NoAction; } DEFAULT = NoAction(); }
    apply { s.egress_spec = 3; if (hdr.h.isValid()) { t.apply(); BODY } }
}
control E(inout headers hdr, inout meta_t m, inout standard_metadata_t s) { apply {} }
control C(inout headers hdr, inout meta_t m) { apply {} }
control D(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
EXACT = 'hdr.h.kind : exact @name("kind");'
TERNARY = 'hdr.h.kind : ternary @name("kind"); hdr.h.value : optional @name("value");'
LPM = 'hdr.h.rest : lpm @name("rest");'
RANGE = 'hdr.h.kind : range @name("kind");'
MARKED = "if (s.egress_spec == 9) { hdr.h.rest = %d; }"
Check = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def check(p4verify: Command, tmp_path: Path) -> Check:
    """Compares programs that differ only where the table has sent the packet to port 9, under the condition given."""

    def run(
        keys: str, restriction: str, when: str, *more: object, to: str = "", default: str = "const default_action"
    ) -> tuple[int, dict[str, Any]]:
        paths = [tmp_path / "a.p4", tmp_path / "b.p4"]
        for value, path in enumerate(paths):
            annotation = f'@entry_restriction("{restriction}")' if restriction else ""
            limit = f'@action_restriction("{to}")' if to else ""
            text = SWITCH.replace("RESTRICTION", annotation).replace("KEYS", keys).replace("TO", limit)
            text = text.replace("DEFAULT", default)
            path.write_text(text.replace("BODY", f"if ({when}) {{ {MARKED % value} }}"))
        ended = p4verify("check", paths[0], "--against", paths[1], "--format", "json", *more)
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


@pytest.mark.parametrize(
    ("keys", "restriction", "when", "code"),
    [
        (EXACT, "", "hdr.h.kind == 7", 1),
        (EXACT, "kind != 7", "hdr.h.kind == 7", 0),
        (EXACT, "kind != 7", "hdr.h.kind == 6", 1),
        (EXACT, "kind::value < 4", "hdr.h.kind == 4", 0),
        (EXACT, "kind < 4;", "hdr.h.kind == 3", 1),
        (EXACT, "// not this one\nkind == 1 || kind == 2", "hdr.h.kind == 3", 0),
        (EXACT, "kind == -1", "hdr.h.kind == 255", 1),
        (EXACT, "kind == -1", "hdr.h.kind == 254", 0),
        (EXACT, "false", "true", 0),
        (TERNARY, "kind::mask == -1 -> kind != 7; kind::mask != 0", "hdr.h.kind == 7", 1),
        (TERNARY, "kind::mask == -1; kind != 7", "hdr.h.kind == 7", 0),
        (TERNARY, "kind == 6", "hdr.h.kind == 7", 0),
        (TERNARY, "kind == 6", "hdr.h.kind == 6", 1),
        (TERNARY, "kind::mask == 0; value::mask != 0 -> value == 3; value::mask != 0", "hdr.h.value == 4", 0),
        (TERNARY, "kind::mask == 0; value::mask != 0 -> value == 3", "hdr.h.value == 4", 1),
        (TERNARY, "kind::mask == 0xf0 && kind::value == 0x50 && value::mask == 0", "hdr.h.kind[7:4] == 6", 0),
        (TERNARY, "kind::mask == 0xf0 && kind::value == 0x50 && value::mask == 0", "hdr.h.kind == 0x57", 1),
        (TERNARY, "::priority < 5 && ::priority > 3", "hdr.h.kind == 7", 1),
        (TERNARY, "::priority < 5 && ::priority > 4", "hdr.h.kind == 7", 0),
        (LPM, "rest::prefix_length >= 8; rest::value < 0x01000000", "hdr.h.rest == 0x01000000", 0),
        (LPM, "rest::prefix_length >= 8; rest::value <= 0x01000000", "hdr.h.rest == 0x01000005", 1),
        (LPM, "rest::prefix_length <= 8; rest::value == ipv4('10.0.0.0')", "hdr.h.rest == 0x0a000001", 1),
        (LPM, "rest == ipv4('10.0.0.0')", "hdr.h.rest == 0x0a000001", 0),
        (RANGE, "kind::low == 5 && kind::high == 7", "hdr.h.kind == 6", 1),
        (RANGE, "kind::low == 5 && kind::high == 7", "hdr.h.kind == 8", 0),
        (RANGE, "kind == 5", "hdr.h.kind == 6", 0),
    ],
)
def test_only_entries_that_keep_to_it_are_rules(
    check: Check, keys: str, restriction: str, when: str, code: int
) -> None:
    found, result = check(keys, restriction, when)
    assert found == code, result["reason"]
    if code == 0:
        assert any("@entry_restriction" in text for text in result["assumptions"])


def test_a_counterexample_s_rules_keep_to_it(check: Check) -> None:
    code, result = check(TERNARY, "kind::mask == 0xf0; value::mask == -1; value != 0", "true")
    assert code == 1
    (line,) = [r for r in result["counterexample"]["rules"] if r.startswith("table_add")]
    assert "&&&0xf0 " in line
    assert "&&&0xff " in line


def test_arguments_are_restricted_too(check: Check) -> None:
    assert check(EXACT, "", "true")[0] == 1
    code, result = check(EXACT, "", "true", to="port != 9 && port < 100")
    assert code == 0
    assert any("@action_restriction" in text for text in result["assumptions"])
    assert check(EXACT, "", "true", to="port != 8")[0] == 1


def test_a_default_is_no_entry(check: Check) -> None:
    code, result = check(EXACT, "false", "true", to="port != 9", default="default_action")
    assert code == 1
    assert result["counterexample"]["rules"] == ["table_set_default I.t I.to 0x9"]


def test_a_user_restricts_entries_and_arguments(check: Check) -> None:
    for text in ("action to: port < 9", "table t: kind != 7", "table I.t: false"):
        code, result = check(EXACT, "", "hdr.h.kind == 7", "--assume", text)
        assert code == 0, result["reason"]
        assert any("(--assume)" in told for told in result["assumptions"])
    assert check(EXACT, "", "hdr.h.kind == 7", "--assume", "table t: kind != 6")[0] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table nobody: true", "nobody"),
        ("action nobody: true", "there is no action nobody"),
        ("table t: kind == ", "an expression is missing"),
        ("table t: kin == 1", "there is no key or parameter kin"),
        ("table t: kind", "expected a condition"),
        ("table t: kind::mask == 0", "there is no ::mask of this"),
        ("table t: kind == 1 == 2", "need parentheses"),
        ("table t: (kind == 1", "not closed"),
        ("table t: kind == mac('1:2')", "is no address"),
        ("table t: kind == true", "different types"),
        ("table t: kind $ 1", "not understood"),
        ("action to: port + 1 == 2", "not understood"),
    ],
)
def test_what_is_no_restriction_is_one_clear_error(p4verify: Command, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.p4"
    path.write_text(_program(EXACT, ""))
    p4verify("check", path, "--against", path, "--assume", text).one_error(f"--assume '{text}'", message)


def _program(keys: str, restriction: str) -> str:
    annotation = f'@entry_restriction("{restriction}")' if restriction else ""
    text = SWITCH.replace("RESTRICTION", annotation).replace("KEYS", keys)
    return (
        text.replace("TO", '@action_restriction("port != 8")').replace("BODY", "").replace("DEFAULT", "default_action")
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [("table_add t to 7 => 1", "@entry_restriction"), ("table_add t to 6 => 8", "@action_restriction")],
)
def test_rules_that_do_not_keep_to_it_are_refused(p4verify: Command, tmp_path: Path, line: str, message: str) -> None:
    path, rules = tmp_path / "a.p4", tmp_path / "rules.cli"
    path.write_text(_program(EXACT, "kind != 7"))
    rules.write_text(f"table_add t to 5 => 1\n{line}\n")
    p4verify("check", path, "--against", path, "--rules", rules).one_error("rules.cli:2", message)
    rules.write_text("table_add t to 5 => 1\n")
    assert p4verify("check", path, "--against", path, "--rules", rules).code == 0


def test_an_annotation_that_is_not_understood_restricts_nothing_and_is_told(check: Check) -> None:
    code, result = check(EXACT, "kind in 3", "hdr.h.kind == 3")
    assert code == 1
    code, result = check(EXACT, "kind in 3", "hdr.h.kind == 3 && hdr.h.kind == 4")
    assert code == 0
    assert any("is not understood and restricts nothing" in text for text in result["warnings"])


def test_a_lowering_is_checked_under_the_restrictions(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "a.p4"
    acl = (Path(__file__).parents[2] / "examples" / "acl.p4").read_text()
    path.write_text(acl.replace("    table acl {", '    @entry_restriction("dst_port != 0")\n    table acl {'))
    ended = p4verify("check", path, "--target", "ebpf", "--format", "json")
    assert ended.code == 0
    assert any("@entry_restriction" in text for text in ended.json()["results"][0]["assumptions"])


def test_entries_of_the_source_keep_to_nothing(check: Check) -> None:
    """A table that starts with an entry which breaks the restriction: under unknown rules it may be there still."""
    entries = "entries = { 7 : to(9); } const default_action"
    assert check(EXACT, "kind != 7", "hdr.h.kind == 7", default=entries)[0] == 1


@pytest.mark.parametrize("entries", ["const entries", "entries"])
def test_an_entry_of_the_source_that_breaks_its_tables_restriction_is_named(check: Check, entries: str) -> None:
    own = entries + " = { 6 : to(8); 7 : to(9); } const default_action"
    told = [w for w in check(EXACT, "kind != 7", "false", default=own)[1]["warnings"] if "install" in w]
    assert len(told) == 1
    assert "a.p4:13:" in told[0]
    assert "this entry of the program's own in table I.t" in told[0]


def test_one_entry_may_answer_one_key_and_another_the_next(check: Check) -> None:
    """What is unknown of an entry belongs to the key that it answers: not all entries have one mask."""
    both = "kind::mask == 0xff && kind == 1 || kind::mask == 0xf0 && kind::value == 0x20; value::mask == 0"
    for kind in ("1", "0x25"):
        assert check(TERNARY, both, f"hdr.h.kind == {kind}")[0] == 1
    assert check(TERNARY, both, "hdr.h.kind == 0x35")[0] == 0
