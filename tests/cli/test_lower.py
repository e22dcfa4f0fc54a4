"""``lower``: the artifact is written whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import SYNTAX_ERROR, Command

File = Callable[[str], Path]


def test_an_elf_object(p4verify: Command, example: File, tmp_path: Path) -> None:
    for options in ("", ":hook=tc", ":hook=xdp"):
        ended = p4verify("lower", example("acl.p4"), "--target", f"ebpf{options}", "-o", tmp_path / "acl.o")
        assert (ended.code, ended.out, ended.err) == (0, "", "")
        assert (tmp_path / "acl.o").read_bytes()[:4] == b"\x7fELF"
    assert [p.name for p in tmp_path.iterdir()] == ["acl.o"]  # no temporary files


def test_a_tc_script_and_its_netlink_form(p4verify: Command, example: File, tmp_path: Path) -> None:
    rules = ("--rules", example("acl.rules.cli"))
    script, messages = tmp_path / "acl.tc", tmp_path / "acl.nl"
    assert p4verify("lower", example("acl.p4"), "--target", "u32", *rules, "-o", script).code == 0
    assert "u32" in script.read_text()
    assert p4verify("lower", example("acl.p4"), "--target", "u32", *rules, "--as", "netlink", "-o", messages).code == 0
    assert messages.read_bytes()[:4] != script.read_bytes()[:4]
    ended = p4verify("check", "--against", script, "--against", messages)
    assert ended.code == 0


def test_an_existing_file_is_replaced(p4verify: Command, example: File, tmp_path: Path) -> None:
    path = tmp_path / "acl.o"
    path.write_text("something else")
    assert p4verify("lower", example("acl.p4"), "--target", "ebpf", "-o", path).code == 0
    assert path.read_bytes()[:4] == b"\x7fELF"


def test_unsupported_writes_nothing(p4verify: Command, example: File, tmp_path: Path) -> None:
    path = tmp_path / "router.tc"
    ended = p4verify("lower", example("router.p4"), "--target", "u32", "-o", path)
    assert ended.code == 3
    assert ended.err.startswith(f"{example('router.p4')}:")
    assert "unsupported: u32:" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_unsupported_leaves_what_was_there(p4verify: Command, example: File, tmp_path: Path) -> None:
    path = tmp_path / "router.tc"
    path.write_text("before")
    assert p4verify("lower", example("router.p4"), "--target", "u32", "-o", path).code == 3
    assert path.read_text() == "before"


@pytest.mark.parametrize(
    ("target", "texts"),
    [
        ("nosuch", ("nosuch", "ebpf, u32")),
        ("ebpf:hook=egress", ("egress", "tc, xdp")),
        ("ebpf:hook", ("hook", "KEY=VALUE")),
        ("ebpf:huk=xdp", ("huk",)),
        ("u32:hook=xdp", ("hook",)),
    ],
)
def test_targets_and_options_that_do_not_exist(
    p4verify: Command, example: File, tmp_path: Path, target: str, texts: tuple[str, ...]
) -> None:
    p4verify("lower", example("acl.p4"), "--target", target, "-o", tmp_path / "out").one_error(*texts)
    p4verify("check", example("acl.p4"), "--target", target, "-o", tmp_path / "out").one_error(*texts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("target", "form"), [("ebpf", "netlink"), ("u32", "elf")])
def test_a_form_that_the_target_has_not(
    p4verify: Command, example: File, tmp_path: Path, target: str, form: str
) -> None:
    ended = p4verify("lower", example("acl.p4"), "--target", target, "--as", form, "-o", tmp_path / "out")
    ended.one_error(form)
    assert list(tmp_path.iterdir()) == []


def test_an_invalid_program_writes_nothing(p4verify: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.p4").write_text(SYNTAX_ERROR)
    p4verify("lower", tmp_path / "bad.p4", "--target", "ebpf", "-o", tmp_path / "out").one_error("bad.p4:3:23")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.p4"]


@pytest.mark.parametrize("where", ["folder", "no/such/folder/acl.o", "/dev/full"])
def test_an_output_that_cannot_be_written(p4verify: Command, example: File, tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    ended = p4verify("lower", example("acl.p4"), "--target", "ebpf", "-o", tmp_path / where)
    ended.one_error(where, "cannot be written")
