"""`--assume`, `assume()` and `assert()`: what is left out of a comparison, and what is checked besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.test_counterexamples import SWITCH

Example = Callable[[str], Path]
SAME = "no input satisfies the assumptions"


@pytest.fixture
def check(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Compares two bodies of the ingress control; gives the exit code and the results by target."""

    def run(first: str, second: str, *more: object) -> tuple[int, dict[str, Any]]:
        paths = [tmp_path / "a.p4", tmp_path / "b.p4"]
        for path, body in zip(paths, (first, second), strict=True):
            path.write_text(SWITCH.replace("BODY", body))
        ended = p4verify("check", paths[0], "--against", paths[1], "--format", "json", *more)
        return ended.code, {result["target"]: result for result in ended.json()["results"]}

    return run


DIFFER_AT_9 = ("if (hdr.h.value == 9) { hdr.h.rest = 1; }", "if (hdr.h.value == 9) { hdr.h.rest = 2; }")


def test_what_is_assumed_of_fields_is_left_out_and_told(check) -> None:  # type: ignore[no-untyped-def]
    assert check(*DIFFER_AT_9)[0] == 1
    code, results = check(*DIFFER_AT_9, "--assume", "hdr.h.value < 9")
    assert code == 0
    assert "hdr.h.value < 9 (--assume)" in results["p4"]["assumptions"]


def test_every_assumption_counts(check) -> None:  # type: ignore[no-untyped-def]
    both = ("--assume", "hdr.h.value < 10", "--assume", "hdr.h.value != 9")
    assert check(*DIFFER_AT_9, *both)[0] == 0
    assert check(*DIFFER_AT_9, *both[:2])[0] == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("s.ingress_port == 4", 1),
        ("s.ingress_port != 3", 0),
        ("ingress_port != 3", 0),
        ("packet_length > 6", 1),
        ("packet_length < 6", 0),
        ("!hdr.h.isValid()", 0),
        ("hdr.h.isValid()", 1),
        ("hdr.h.isValid() && hdr.h.rest[7:0] == 1", 1),
    ],
)
def test_it_may_speak_of_validity_port_and_length(check, text: str, code: int) -> None:  # type: ignore[no-untyped-def]
    condition = "if (hdr.h.isValid() && (s.ingress_port == 3 || s.ingress_port == 4)) {"
    if "port" in text:
        condition = f"if (s.ingress_port == {4 if '==' in text else 3}) {{"
    found = check(f"{condition} s.egress_spec = 1; }}", f"{condition} s.egress_spec = 2; }}", "--assume", text)
    assert found[0] == code


def test_a_value_that_is_undefined_leaves_nothing_out(check) -> None:  # type: ignore[no-untyped-def]
    first, second = (f"if (!hdr.h.isValid()) {{ s.egress_spec = {port}; }}" for port in (1, 2))
    assert check(first, second, "--assume", "hdr.h.value == 5")[0] == 1
    assert check(first, second, "--assume", "hdr.h.isValid() && hdr.h.value == 5")[0] == 0


def test_a_counterexample_keeps_what_is_assumed(check) -> None:  # type: ignore[no-untyped-def]
    code, results = check("hdr.h.rest = 1;", "hdr.h.rest = 2;", "--assume", "hdr.h.isValid() && hdr.h.kind == 0xab")
    assert code == 1
    assert results["p4"]["counterexample"]["packet"].startswith("ab")


def test_assumptions_that_nothing_satisfies_show_nothing(check) -> None:  # type: ignore[no-untyped-def]
    never = ("--assume", "hdr.h.isValid() && hdr.h.value == 1", "--assume", "hdr.h.value == 2")
    for second in ("hdr.h.rest = 1;", "hdr.h.rest = 2;"):
        code, results = check("hdr.h.rest = 1;", second, *never)
        assert (code, results["p4"]["verdict"]) == (3, "unsupported")
        assert SAME in results["p4"]["reason"]


def test_assumptions_that_only_undefined_values_satisfy_show_nothing(check) -> None:  # type: ignore[no-untyped-def]
    """Of a header that is not there the two reads may have two values, of one that is there they have not."""
    never = ("--assume", "hdr.h.value == 1", "--assume", "hdr.h.value == 2")
    for second in ("hdr.h.rest = 1;", "hdr.h.rest = 2;"):
        code, results = check("hdr.h.rest = 1;", second, *never)
        assert (code, results["p4"]["verdict"]) == (3, "unsupported")
        assert "only by undefined values" in results["p4"]["reason"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hdr.h.valu == 1", "no field 'valu'"),
        ("hdr.h.value ==", "expected an expression"),
        ("hdr.h.value", "expected bool"),
        ("nobody == 1", "unknown name 'nobody'"),
        ("steer.apply().hit", "calls something"),
        ("true) {} if (false", "is no P4 expression"),
        ("hdr.h.value == 1 // so", ""),
    ],
)
def test_what_is_no_condition_is_one_clear_error(p4verify: Command, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.p4"
    path.write_text(SWITCH.replace("BODY", ""))
    ended = p4verify("check", path, "--against", path, "--assume", text)
    if message:
        ended.one_error(f"--assume '{text}'", message)
    else:
        assert ended.code == 0


def test_an_offload_that_is_right_where_it_is_used(p4verify: Command, example: Example) -> None:
    against = ("--against", example("acl.wrong.tc"), "--rules", example("acl.rules.cli"), "--format", "json")
    whole = "!hdr.ipv4.isValid() || hdr.ipv4.fragment_offset == 0"
    ended = p4verify("check", example("acl.p4"), *against, "--assume", whole)
    assert ended.code == 0
    assert f"{whole} (--assume)" in ended.json()["results"][0]["assumptions"]


def test_software_and_hardware_agree_where_it_is_assumed(p4verify: Command, example: Example) -> None:
    more = ("--target", "ebpf", "--against", example("acl.wrong.tc"), "--rules", example("acl.rules.cli"))
    whole = "!hdr.ipv4.isValid() || hdr.ipv4.fragment_offset == 0"
    ended = p4verify("check", example("acl.p4"), *more, "--format", "json", "--assume", whole)
    assert [r["verdict"] for r in ended.json()["results"]] == ["accept"] * 3


# --- calls in the program -------------------------------------------------------------------------------------------


def test_an_assert_that_fails_is_found_with_its_line(check, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    body = "steer.apply(); assert(s.egress_spec != 7);"
    code, results = check(body, body)
    assert code == 1
    found = results["assertions"]
    assert found["verdict"] == "reject"
    text = (tmp_path / "a.p4").read_text().splitlines()
    assert "assert(" in text[found["where"]["line"] - 1]
    assert len(found["counterexample"]["rules"]) == 1
    assert "0x7" in found["counterexample"]["rules"][0]
    (blame,) = found["counterexample"]["explanation"]["blame"]
    assert blame["step"]["step"] == "assertion"


def test_an_assert_that_holds_is_proven(check) -> None:  # type: ignore[no-untyped-def]
    body = "hdr.h.value = hdr.h.value & 7; if (hdr.h.isValid()) { assert(hdr.h.value < 8); }"
    code, results = check(body, body)
    assert code == 0
    assert results["assertions"]["verdict"] == "accept"


@pytest.mark.parametrize("asserted", ["hdr.h.isValid()", "!hdr.h.isValid() || hdr.h.kind != 9"])
def test_what_comes_after_an_assert_that_fails_needs_no_entries(
    p4verify: Command, tmp_path: Path, asserted: str
) -> None:
    """Behind it one entry would have to answer two keys of its selector, one on each path."""
    table = """action_selector(HashAlgorithm.crc16, 32w16, 32w4) sel;
        table pick {
            key = { hdr.h.kind : exact; hdr.h.value : selector; } actions = { to; NoAction; } implementation = sel;
        }"""
    body = f"""assert({asserted});
        if (hdr.h.isValid()) {{
            if (hdr.h.rest == 1) {{ hdr.h.value = 1; pick.apply(); }} else {{ hdr.h.value = 2; pick.apply(); }}
        }}"""
    path = tmp_path / "a.p4"
    path.write_text(SWITCH.replace("    table steer", f"    {table}\n    table steer").replace("BODY", body))
    ended = p4verify("check", path, "--against", path, "--format", "json")
    results = {result["target"]: result for result in ended.json()["results"]}
    assert results["assertions"]["verdict"] == "reject", results["assertions"]["reason"]
    assert "assert" in results["assertions"]["counterexample"]["actual"]["fault"]


def test_an_assume_before_an_assert_counts(check) -> None:  # type: ignore[no-untyped-def]
    body = "if (hdr.h.isValid()) { %s assert(hdr.h.value != 9); }"
    assert check(body % "", body % "")[1]["assertions"]["verdict"] == "reject"
    assumed = body % "assume(hdr.h.value < 9);"
    assert check(assumed, assumed)[1]["assertions"]["verdict"] == "accept"
    assert check(body % "", body % "", "--assume", "hdr.h.value < 9")[1]["assertions"]["verdict"] == "accept"


def test_programs_without_asserts_have_no_such_result(check) -> None:  # type: ignore[no-untyped-def]
    assert list(check("", "")[1]) == ["p4"]


@pytest.mark.parametrize("call", ["assert", "assume"])
def test_what_the_second_program_asserts_or_assumes_restricts_nothing(check, call: str) -> None:  # type: ignore[no-untyped-def]
    first, second = DIFFER_AT_9
    guard = f"if (hdr.h.isValid()) {{ {call}(hdr.h.value != 9); }}"
    code, results = check(first, guard + second)
    assert code == 1
    found = results["p4"]["counterexample"]
    assert f"{call} fails" in found["actual"]["fault"]
    assert found["packet"][2:4] == "09"


def test_what_both_assume_is_no_fault(check) -> None:  # type: ignore[no-untyped-def]
    guard = "if (hdr.h.isValid()) { assume(hdr.h.value != 9); }"
    first, second = DIFFER_AT_9
    code, results = check(guard + first, guard + second)
    assert code == 0, results["p4"]["reason"]
    assert any("assume at" in text for text in results["p4"]["assumptions"])


def test_the_gate_assumes_too(p4verify: Command, tmp_path: Path) -> None:
    for name, body in zip("ab", DIFFER_AT_9, strict=True):
        (tmp_path / f"{name}.p4").write_text(SWITCH.replace("BODY", body))
    config = tmp_path / "p4verify.toml"
    config.write_text('[[check]]\nprogram = "a.p4"\nagainst = ["b.p4"]\nassume = ["hdr.h.value < 9"]\n')
    assert p4verify("gate", config).code == 0


def test_an_assert_of_an_undefined_value_fails_for_some_value(check) -> None:  # type: ignore[no-untyped-def]
    code, results = check("assert(m.seen != 3);", "assert(m.seen != 3);")
    assert code == 1
    assert results["assertions"]["verdict"] == "reject"
    assert list(results["assertions"]["counterexample"]["inputs"].values()) == [3]


def test_a_lowering_is_not_accepted_where_nothing_is_left(p4verify: Command, example: Example) -> None:
    never = ("--assume", "hdr.ipv4.isValid() && !hdr.ethernet.isValid()")
    ended = p4verify("check", example("acl.p4"), "--target", "ebpf", "--format", "json", *never)
    (result,) = ended.json()["results"]
    assert (ended.code, result["verdict"]) == (3, "unsupported")
    assert SAME in result["reason"]


DRAWN = "bit<8> drawn; random(drawn, 2, 9); assume(drawn > 5); hdr.h.kind = drawn;"


def test_what_is_drawn_is_as_the_first_program_assumes(check) -> None:  # type: ignore[no-untyped-def]
    """Values that an assumption rules out are not among those that the first program may do."""
    assert check(DRAWN, "hdr.h.kind = 7;")[0] == 0
    code, results = check(DRAWN, "hdr.h.kind = 4;")
    assert code == 1, results["p4"]["reason"]
    packet = bytes.fromhex(results["p4"]["counterexample"]["expected"]["outputs"][0]["packet"])
    assert 5 < packet[0] < 10
    assert check(DRAWN, DRAWN.replace("assume(drawn > 5);", ""))[0] == 1
