"""Unusable input anywhere: one clear error that names the file, exit 2, nothing written, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from p4verify import cli

from .conftest import BAD_FILES, SYNTAX_ERROR, Command

File = Callable[[str], Path]
bad_files = pytest.mark.parametrize("kind", BAD_FILES)


@bad_files
def test_as_a_program(p4verify: Command, bad_file: File, tmp_path: Path, kind: str) -> None:
    path, out = bad_file(kind), tmp_path / "out"
    for command in (
        ("check", path, "-o", out),
        ("lower", path, "--target", "ebpf", "-o", out),
        ("run", path, "--packet", "00", "-o", out),
        ("stf", path, path, "-o", out),
    ):
        p4verify(*command).one_error(str(path))
        assert not out.exists()
    ended = p4verify("parse", path, "-o", out)
    assert ended.code in (1, 2)  # a file that can be read is invalid, one that cannot is unusable
    assert (ended.out, ended.err.count("error:")) == ("", 1)
    assert not out.exists()


@bad_files
def test_as_an_artifact(p4verify: Command, example: File, bad_file: File, tmp_path: Path, kind: str) -> None:
    path, out = bad_file(kind), tmp_path / "out"
    p4verify("check", example("acl.p4"), "--against", path, "-o", out).one_error(str(path))
    p4verify("check", example("acl.p4"), "--against", f"ebpf:{path}", "-o", out).one_error(str(path))
    p4verify("check", example("acl.p4"), "--against", f"u32:{path}", "-o", out).one_error(str(path))
    p4verify("check", "--against", path, "--against", path, "-o", out).one_error(str(path))
    p4verify("run", path, "--packet", "00", "-o", out).one_error(str(path))
    assert not out.exists()


@bad_files
def test_as_rules(p4verify: Command, example: File, bad_file: File, tmp_path: Path, kind: str) -> None:
    if kind == "empty":
        return  # a set of no rules; see test_an_empty_rule_file
    path, out = bad_file(kind), tmp_path / "out"
    p4verify("check", example("acl.p4"), "--rules", path, "-o", out).one_error(str(path))
    p4verify("lower", example("acl.p4"), "--target", "u32", "--rules", path, "-o", out).one_error(str(path))
    assert not out.exists()


def test_an_empty_rule_file_is_a_set_of_no_rules(p4verify: Command, example: File, bad_file: File) -> None:
    ended = p4verify("check", example("acl.p4"), "--rules", bad_file("empty"), "--target", "u32")
    assert ended.code == 0


@pytest.mark.parametrize("at", [0, 4, 16, 63, 64, 200, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_objects_cut_anywhere(p4verify: Command, example: File, acl_object: Path, tmp_path: Path, at: float) -> None:
    data = acl_object.read_bytes()
    path = tmp_path / "cut.o"
    path.write_bytes(data[: at if isinstance(at, int) else int(at * len(data))])
    p4verify("check", example("acl.p4"), "--against", f"ebpf:{path}").one_error("cut.o")


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ("table_add Filter.acl permit 10.0.0.1 10.0.0.2 6 443 =>\ntable_add Filter.nosuch permit 1 =>\n", "2:11"),
        ("\n\ntable_add Filter.acl nosuch 10.0.0.1 10.0.0.2 6 443 =>\n", "3:22"),
        ("table_add Filter.acl permit 10.0.0.1 =>\n", "1:"),
        ("table_add Filter.acl permit 10.0.0.1 10.0.0.2 6 65536 =>\n", "1:"),
        ("table_add Filter.acl permit 10.0.0.1 10.0.0.2 6 443 => 7\n", "1:"),
        ("updates { type: INSERT entity { table_entry { table_id: 1 } } }\n", "1:"),
        ("add Filter.acl nosuch:1 permit()\n", "1:"),
        ('{"Filter.acl": 5}', "1:"),
    ],
)
def test_rules_that_do_not_fit(p4verify: Command, example: File, tmp_path: Path, rules: str, place: str) -> None:
    path = tmp_path / "rules"
    path.write_text(rules)
    p4verify("check", example("acl.p4"), "--rules", path, "-o", tmp_path / "out").one_error(f"rules:{place}")
    assert not (tmp_path / "out").exists()


def test_rules_without_a_program(p4verify: Command, example: File, acl_object: Path) -> None:
    two = ("--against", acl_object, "--against", acl_object)
    p4verify("check", *two, "--rules", example("acl.rules.cli")).one_error("PROGRAM")
    p4verify("check", *two, "--target", "ebpf").one_error("PROGRAM")
    p4verify("check").one_error("PROGRAM")
    p4verify("check", "--against", acl_object).one_error("two artifacts")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "nan", "inf"])
def test_a_limit_that_is_none(p4verify: Command, example: File, limit: str) -> None:
    p4verify("check", example("acl.p4"), f"--timeout={limit}").one_error("--timeout")


def test_inputs_are_read_before_anything_is_proven(
    p4verify: Command, example: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from p4verify import checks

    def never(*_: object) -> None:
        raise AssertionError("a proof was begun")

    monkeypatch.setattr(checks.Checker, "check_lowered", never)
    arguments = ("--target", "ebpf", "--against", tmp_path / "missing.o")
    p4verify("check", example("acl.p4"), *arguments).one_error("missing.o")


def test_a_file_that_may_not_be_read(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    p4verify("check", path).one_error(str(path), "not a regular file")


def test_a_mistake_of_ours_is_no_traceback(p4verify: Command, example: File, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody expected: one line, a code of its own, never that of a verdict."""
    from p4verify.commands import check

    def broken(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.delenv("P4VERIFY_DEBUG", raising=False)
    monkeypatch.setattr(check, "read_program", broken)
    ended = p4verify("check", example("acl.p4"))
    assert ended.code == cli.INTERNAL_ERROR
    assert ended.code not in range(5)
    assert len(ended.err.splitlines()) == 1
    assert "internal error" in ended.err


@pytest.mark.long
def test_by_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "bad.p4"
    path.write_text(SYNTAX_ERROR)
    command = [sys.executable, "-m", "p4verify"]
    for arguments, code in ((["check", "bad.p4"], 2), (["parse", "bad.p4"], 1), (["check", "missing.p4"], 2)):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == code
        assert done.stdout == ""
        assert done.stderr.startswith(arguments[1])
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("old", ['"name": "ports"', '"table": "acl"', '"name": "ipv4"', '"Filter"]]'])
def test_p4ast_whose_names_lead_nowhere(p4verify: Command, example: File, tmp_path: Path, old: str) -> None:
    """Well-formed JSON, one reference renamed."""
    text = p4verify("parse", example("acl.p4"), "--format", "json").out
    before, found, after = text.rpartition(old)
    assert found
    path = tmp_path / "renamed.json"
    path.write_text(
        before + old.replace('"name": "', '"name": "x').replace("acl", "xacl").replace("Filter", "x") + after
    )
    for command in (("check", path), ("parse", path), ("run", path, "--packet", "00" * 60)):
        p4verify(*command).one_error("renamed.json", "not a well-formed program")


def test_an_object_that_reads_outside_of_its_memory(p4verify: Command, tmp_path: Path) -> None:
    from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, asm, write_elf
    from p4verify.targets.ebpf.artifact.asm import FP, R0

    insns = (asm.load(4, R0, FP, 8), asm.mov(R0, 0), asm.exit_())
    path = tmp_path / "wild.o"
    path.write_bytes(write_elf(BpfObject((BpfProgram("p4_main", "tc", insns),), ())))
    p4verify("run", path, "--packet", "00" * 60).one_error("wild.o", "stack")
