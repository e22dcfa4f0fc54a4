"""``check``: verdicts as exit codes and as JSON, artifacts of others, limits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import SYNTAX_ERROR, Command

File = Callable[[str], Path]
RESULT_KEYS = {
    "target", "artifact", "verdict", "reason", "where", "quantified_over", "obligations", "seconds", "counterexample",
    "certificate", "regions", "warnings",
}  # fmt: skip


def only(data: dict[str, Any]) -> dict[str, Any]:
    """The one result of a report, with the keys that the contract names."""
    assert data["version"] == 1
    (result,) = data["results"]
    assert set(result) >= RESULT_KEYS
    assert set(result["obligations"]) >= {"total", "folded", "solved"}
    assert result["seconds"] >= 0
    found: dict[str, Any] = result
    return found


@pytest.mark.parametrize("target", ["ebpf", "ebpf:hook=xdp"])
def test_accept_for_every_rule(p4verify: Command, example: File, target: str) -> None:
    ended = p4verify("check", example("acl.p4"), "--target", target, "--format", "json")
    assert ended.code == 0
    assert ended.err == ""
    result = only(ended.json())
    assert ended.json()["program"] == str(example("acl.p4"))
    assert (result["target"], result["artifact"], result["verdict"]) == (target, None, "accept")
    assert result["quantified_over"] == "packets and rules"
    assert result["counterexample"] is None
    assert result["where"] is None
    assert result["obligations"]["total"] > 0


def test_accept_under_given_rules_is_about_packets(p4verify: Command, example: File) -> None:
    rules = example("acl.rules.cli")
    ended = p4verify("check", example("acl.p4"), "--target", "u32", "--rules", rules, "--format", "json")
    assert ended.code == 0
    assert only(ended.json())["quantified_over"] == "packets"


def test_all_targets_are_checked_and_compared_with_each_other(p4verify: Command, example: File) -> None:
    ended = p4verify("check", example("acl.p4"), "--rules", example("acl.rules.txtpb"), "--format", "json")
    assert ended.code == 0
    assert [r["target"] for r in ended.json()["results"]] == ["ebpf", "u32", "ebpf = u32"]


@pytest.mark.long
@pytest.mark.parametrize("name", ["mirror", "stages"])
def test_two_machines_agree_on_what_the_program_speaks_of(p4verify: Command, example: File, name: str) -> None:
    """Ports from 512 on are none to v1model, and the machines treat them as they like; copies that the code could
    make, but that these rules never make, shift no output behind them."""
    rules, targets = example(f"{name}.rules.cli"), ("--target", "ebpf", "--target", "openflow")
    ended = p4verify("check", example(f"{name}.p4"), "--rules", rules, *targets, "--no-machines", "--format", "json")
    assert [(r["target"], r["verdict"]) for r in ended.json()["results"]] == [
        ("ebpf", "accept"), ("openflow", "accept"), ("ebpf = openflow", "accept"),
    ]  # fmt: skip


def test_reject_has_a_confirmed_counterexample(p4verify: Command, example: File) -> None:
    wrong, rules = example("acl.wrong.tc"), example("acl.rules.cli")
    ended = p4verify("check", example("acl.p4"), "--against", wrong, "--rules", rules, "--format", "json")
    assert ended.code == 1
    result = only(ended.json())
    assert (result["target"], result["artifact"], result["verdict"]) == ("u32", str(wrong), "reject")
    found = result["counterexample"]
    assert found["confirmed_by"][:2] == ["reference", "u32 meaning"]
    assert found["expected"] != found["actual"]
    assert set(found["expected"]) >= {"outputs", "dropped", "state"}
    assert found["port"] >= 0

    # the packet shown tells the two apart when it is run by itself
    sent = ("--packet", found["packet"], "--port", found["port"], "--format", "json")
    program = p4verify("run", example("acl.p4"), "--rules", rules, *sent).json()
    artifact = p4verify("run", wrong, *sent).json()
    assert program["outputs"] != artifact["outputs"]


def test_reject_in_text_shows_packet_and_both_sides(p4verify: Command, example: File) -> None:
    arguments = ("--against", example("acl.wrong.tc"), "--rules", example("acl.rules.cli"), "--no-machines")
    ended = p4verify("check", example("acl.p4"), *arguments)
    assert ended.code == 1
    for word in ("REJECT", "packet:", "expected:", "actual:", "seen by:"):
        assert word in ended.out


def test_reject_of_another_programs_object(p4verify: Command, example: File, tmp_path: Path) -> None:
    """A lowering of a program with a mistake, against the program without."""
    source = example("acl.p4").read_text()
    assert source.count("0x0806: accept;") == 1
    (tmp_path / "wrong.p4").write_text(source.replace("0x0806: accept;", "0x0807: accept;"))
    assert p4verify("lower", tmp_path / "wrong.p4", "--target", "ebpf", "-o", tmp_path / "wrong.o").code == 0
    ended = p4verify("check", example("acl.p4"), "--against", tmp_path / "wrong.o", "--format", "json")
    assert ended.code == 1
    packet = bytes.fromhex(only(ended.json())["counterexample"]["packet"])
    assert packet[12:14] in (b"\x08\x06", b"\x08\x07")


def test_unsupported_has_a_place(p4verify: Command, example: File) -> None:
    ended = p4verify("check", example("router.p4"), "--target", "u32", "--format", "json")
    assert ended.code == 3
    result = only(ended.json())
    assert result["verdict"] == "unsupported"
    assert result["where"]["file"] == str(example("router.p4"))
    assert result["where"]["line"] > 1
    assert result["where"]["column"] >= 1


def test_undecided_within_the_limit_is_no_accept(p4verify: Command, example: File) -> None:
    ended = p4verify("check", example("router.p4"), "--target", "ebpf", "--timeout", "0.01", "--format", "json")
    assert ended.code == 4
    result = only(ended.json())
    assert result["verdict"] == "undecided"
    assert "timeout" in result["reason"] or "limit" in result["reason"]
    assert result["counterexample"] is None


def test_a_reject_outweighs_the_rest(p4verify: Command, example: File) -> None:
    """One accepted, one rejected: 1."""
    arguments = ("--target", "u32", "--against", example("acl.wrong.tc"), "--rules", example("acl.rules.cli"))
    assert p4verify("check", example("acl.p4"), *arguments).code == 1


# --- artifacts ------------------------------------------------------------------------------------------------------


def test_against_an_elf_object(p4verify: Command, example: File, acl_object: Path) -> None:
    for spec in (acl_object, f"ebpf:{acl_object}"):
        ended = p4verify("check", example("acl.p4"), "--against", spec, "--format", "json")
        assert ended.code == 0
        assert only(ended.json())["artifact"] == str(acl_object)


def test_against_a_tc_script(p4verify: Command, example: File, acl_filters: Path) -> None:
    for spec in (acl_filters, f"u32:{acl_filters}"):
        rules = example("acl.rules.cli")
        assert p4verify("check", example("acl.p4"), "--against", spec, "--rules", rules).code == 0


def test_against_netlink(p4verify: Command, example: File, tmp_path: Path) -> None:
    made, rules = tmp_path / "filters", ("--rules", example("acl.rules.cli"))
    lowered = p4verify("lower", example("acl.p4"), "--target", "u32", *rules, "--as", "netlink", "-o", made)
    assert lowered.code == 0
    assert p4verify("check", example("acl.p4"), "--against", made, *rules).code == 0


def test_a_kind_that_the_content_is_not(p4verify: Command, example: File, acl_object: Path, acl_filters: Path) -> None:
    p4verify("check", example("acl.p4"), "--against", f"u32:{acl_object}").one_error(str(acl_object))
    p4verify("check", example("acl.p4"), "--against", f"ebpf:{acl_filters}").one_error(str(acl_filters))


def test_two_artifacts_without_a_program(p4verify: Command, acl_object: Path, acl_filters: Path) -> None:
    assert p4verify("check", "--against", acl_object, "--against", acl_object).code == 0
    ended = p4verify("check", "--against", acl_object, "--against", acl_filters, "--format", "json")
    assert ended.code == 1
    found = only(ended.json())["counterexample"]  # one of them has its rules in maps, which may hold others
    assert found["expected"] != found["actual"]


def test_p4ast_is_a_program_too(p4verify: Command, example: File, tmp_path: Path) -> None:
    for form in ("json", "netlink"):
        path = tmp_path / f"acl.{form}"
        assert p4verify("parse", example("acl.p4"), "--format", form, "-o", path).code == 0
        assert p4verify("check", path, "--target", "ebpf").code == 0


# --- errors in the program, and how they show -------------------------------------------------------------------------


def test_a_syntax_error_is_one_diagnostic(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "bad.p4"
    path.write_text(SYNTAX_ERROR)
    ended = p4verify("check", path, "-o", tmp_path / "report")
    ended.one_error()
    first, line, caret = ended.err.splitlines()
    assert first.startswith(f"{path}:3:23: error: ")
    assert line.strip() == SYNTAX_ERROR.splitlines()[2]
    assert caret.index("^") == line.index("}")
    assert not (tmp_path / "report").exists()


def test_a_mistake_in_types_is_shown_with_its_place(p4verify: Command, example: File, tmp_path: Path) -> None:
    path = tmp_path / "bad.p4"
    path.write_text(example("acl.p4").read_text().replace("pass = false;", "pass = hdr.ipv4.src;"))
    ended = p4verify("check", path)
    ended.one_error(f"{path}:", "pass = hdr.ipv4.src", "^")


def test_macros_and_include_folders(p4verify: Command, example: File, tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "mine.p4").write_text("const bit<16> ARP = ARP_TYPE;\n")
    source = (
        example("acl.p4")
        .read_text()
        .replace("#include <ebpf_model.p4>", '#include <ebpf_model.p4>\n#include "mine.p4"')
    )
    path = tmp_path / "with.p4"
    path.write_text(source.replace("0x0806: accept;", "ARP: accept;"))
    p4verify("check", path, "--target", "ebpf").one_error("mine.p4")
    include = ("-I", tmp_path / "inc")
    p4verify("check", path, "--target", "ebpf", *include).one_error("ARP_TYPE")
    ended = p4verify("lower", path, "--target", "ebpf", *include, "-D", "ARP_TYPE=0x0806", "-o", tmp_path / "with.o")
    assert ended.code == 0
    assert p4verify("check", example("acl.p4"), "--against", tmp_path / "with.o").code == 0


@pytest.mark.long
def test_the_installed_command(example: File) -> None:
    """By a process of its own, as CI scripts run it."""
    command = [sys.executable, "-m", "p4verify", "check", str(example("acl.p4")), "--target", "ebpf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "ACCEPT" in done.stdout
    assert done.stderr == ""
    wrong = ["--against", str(example("acl.wrong.tc")), "--rules", str(example("acl.rules.cli"))]
    done = subprocess.run([*command[:-2], *wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "REJECT" in done.stdout
