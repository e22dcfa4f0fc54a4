"""``parse``: which files are valid, as text and as JSON, one file and many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import SYNTAX_ERROR, Command

File = Callable[[str], Path]


@pytest.fixture
def invalid(tmp_path: Path) -> Path:
    path = tmp_path / "invalid.p4"
    path.write_text(SYNTAX_ERROR)
    return path


def test_a_valid_file(p4verify: Command, example: File) -> None:
    ended = p4verify("parse", example("acl.p4"))
    assert (ended.code, ended.err) == (0, "")
    assert "valid" in ended.out


def test_json_of_one_file_is_its_p4ast(p4verify: Command, example: File) -> None:
    ended = p4verify("parse", example("acl.p4"), "--format", "json")
    assert ended.code == 0
    data = ended.json()
    assert isinstance(data, dict)
    assert "acl" in ended.out


@pytest.mark.parametrize("form", ["text", "json", "netlink", "p4", "p4info"])
def test_one_invalid_file_exits_with_1(p4verify: Command, invalid: Path, tmp_path: Path, form: str) -> None:
    ended = p4verify("parse", invalid, "--format", form, "-o", tmp_path / "out")
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith(f"{invalid}:3:23: error: ")
    assert ended.err.count("error:") == 1
    assert not (tmp_path / "out").exists()


def test_many_files_as_json(p4verify: Command, example: File, invalid: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.p4"
    files = [example("acl.p4"), invalid, missing, example("router.p4")]
    ended = p4verify("parse", *files, "--format", "json")
    assert ended.code == 1
    data = ended.json()
    assert data["version"] == 1
    assert [row["file"] for row in data["files"]] == [str(f) for f in files]
    assert [row["ok"] for row in data["files"]] == [True, False, False, True]
    for row in data["files"]:
        assert set(row) >= {"file", "ok", "errors", "seconds"}
        assert row["ok"] == (row["errors"] == [])
    (error,) = data["files"][1]["errors"]
    assert (error["line"], error["column"]) == (3, 23)
    assert error["message"]
    assert f"{invalid}:3:23: error:" in ended.err
    assert f"{missing}: error: no such file" in ended.err


def test_many_valid_files(p4verify: Command, example: File) -> None:
    ended = p4verify("parse", example("acl.p4"), example("router.p4"), example("vlan_filter.p4"))
    assert (ended.code, ended.err) == (0, "")
    assert "3 valid, 0 invalid" in ended.out


def test_a_form_for_one_program_is_refused_for_two(p4verify: Command, example: File, tmp_path: Path) -> None:
    files = (example("acl.p4"), example("router.p4"))
    for form in ("netlink", "p4", "p4info"):
        p4verify("parse", *files, "--format", form, "-o", tmp_path / "out").one_error(form)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("definition", ["", "1x=2"])
def test_a_macro_that_is_none_is_an_argument_error(p4verify: Command, example: File, definition: str) -> None:
    p4verify("parse", example("acl.p4"), "-D", definition).one_error("macro")
    p4verify("parse", example("acl.p4"), example("router.p4"), "-D", definition).one_error("macro")


def test_macros(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "macros.p4"
    path.write_text("#include <core.p4>\n#ifndef WIDTH\n#error no width\n#endif\nconst bit<WIDTH> x = ONE;\n")
    assert p4verify("parse", path).code == 1
    assert p4verify("parse", path, "-D", "WIDTH=8", "-D", "ONE").code == 0


def test_control_characters_of_a_source_do_not_reach_the_terminal(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "escape.p4"
    path.write_text("const bit<8> x = \u009b31m;\n")
    ended = p4verify("parse", path)
    assert ended.code == 1
    assert "\u009b" not in ended.err


ODD = "control c(inout bit<8> x) {\n  apply { x = 256; }\n}\n"


def test_warnings_are_printed_and_do_no_harm(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "odd.p4"
    path.write_text(ODD)
    ended = p4verify("parse", path)
    assert ended.code == 0
    assert ended.err.startswith(f"{path}:2:15: warning: 256 does not fit bit<8>")
    assert "^~~" in ended.err
    quiet = p4verify("parse", path, "-q")
    assert (quiet.code, quiet.err, quiet.out) == (0, "", ended.out)


def test_warnings_as_json(p4verify: Command, example: File, tmp_path: Path) -> None:
    path = tmp_path / "odd.p4"
    path.write_text(ODD)
    rows = p4verify("parse", path, example("acl.p4"), "--format", "json").json()["files"]
    (warning,) = rows[0]["warnings"]
    assert (warning["file"], warning["line"], warning["column"]) == (str(path), 2, 15)
    assert rows[1]["warnings"] == []
