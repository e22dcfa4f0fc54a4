"""The public door: commands as a user gives them, in this process, with what they print and how they exit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from p4verify.cli import main

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"

SYNTAX_ERROR: Final = """#include <core.p4>
#include <ebpf_model.p4>
header h_t { bit<8> x }
"""
"""One syntax error, at 3:23."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def one_error(self, *texts: str) -> None:
        """Unusable input: exit 2, nothing on stdout, one error line that holds ``texts``, no traceback."""
        assert self.code == 2, self
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.count("error:") == 1, self.err
        for text in texts:
            assert text in self.err, self.err


Command = Callable[..., Ended]


@pytest.fixture
def p4verify(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs ``p4verify ARGUMENTS...`` (paths are welcome) in this process."""

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as end:  # argparse
            code = end.code if isinstance(end.code, int) else 1
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def example() -> Callable[[str], Path]:
    """The path of a file of the examples."""
    return lambda name: EXAMPLES / name


@pytest.fixture(scope="session")
def acl_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """acl.p4 as an ELF object."""
    path = tmp_path_factory.mktemp("lowered") / "acl.o"
    assert main(["lower", str(EXAMPLES / "acl.p4"), "--target", "ebpf", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def acl_filters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """acl.p4 with its rules as a tc script."""
    path = tmp_path_factory.mktemp("lowered") / "acl.tc"
    rules = ["--rules", str(EXAMPLES / "acl.rules.cli")]
    assert main(["lower", str(EXAMPLES / "acl.p4"), "--target", "u32", *rules, "-o", str(path)]) == 0
    return path


BAD_FILES: Final = ("empty", "garbage", "text", "folder", "missing", "truncated ELF", "truncated ELF header")


@pytest.fixture
def bad_file(tmp_path: Path, acl_object: Path) -> Callable[[str], Path]:
    """Files that are neither a program nor an artifact, by name (:data:`BAD_FILES`)."""

    def make(kind: str) -> Path:
        path = tmp_path / f"bad-{kind.replace(' ', '-')}"
        content = {
            "empty": b"",
            "garbage": bytes(range(256)) * 3,
            "text": b"once upon a time, there was no program\n",
            "truncated ELF": acl_object.read_bytes()[:1500],
            "truncated ELF header": acl_object.read_bytes()[:30],
        }
        if kind == "folder":
            path.mkdir()
        elif kind != "missing":
            path.write_bytes(content[kind])
        return path

    return make
