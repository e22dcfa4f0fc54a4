"""Where a command's queries are answered: ``--jobs``, ``--executor``, ``--memory``, ``--cache``; and its progress."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from p4verify.commands import common
from p4verify.commands.common import Progress
from p4verify.proofs.solvers import z3_engine
from tests.cli.conftest import Command, Ended

Check = Callable[..., Ended]

PROGRAM = """#include <core.p4>
header h_t { bit<8> a; bit<8> b; }
struct s_t { h_t h; bit<8> m; }
control c(inout s_t s) { apply { BODY } }
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""


@pytest.fixture
def check(p4verify: Command, tmp_path: Path) -> Check:
    """A check that needs the solver: two ways to say one thing, or (``other``) not quite."""

    def run(*more: object, other: str = "s.m = (s.h.a | s.h.b) - (s.h.a & s.h.b);") -> Ended:
        for name, body in (("a", "s.m = s.h.a ^ s.h.b;"), ("b", other)):
            (tmp_path / f"{name}.p4").write_text(PROGRAM.replace("BODY", body))
        return p4verify("check", tmp_path / "a.p4", "--against", tmp_path / "b.p4", *more)

    return run


def obligations(ended: Ended) -> dict[str, int]:
    (result,) = ended.json()["results"]
    found: dict[str, int] = result["obligations"]
    return found


def test_what_was_proven_once_is_not_proven_again(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ("--cache", tmp_path / "kept", "--format", "json")
    first = check(*kept)
    assert (first.code, obligations(first)["cached"]) == (0, 0)
    assert obligations(first)["solved"] > 0
    monkeypatch.delattr(z3_engine, "solve")
    second = check(*kept)
    assert second.code == 0
    assert obligations(second) == {**obligations(first), "cached": obligations(first)["solved"]}
    assert "of them before)" in check("--cache", tmp_path / "kept").out


def test_a_confirmed_difference_is_found_again_too(check: Check, tmp_path: Path) -> None:
    wrong = "s.m = s.h.a | s.h.b;"
    runs = [check("--cache", tmp_path / "kept", "--format", "json", other=wrong) for _ in range(2)]
    results = [run.json()["results"][0] for run in runs]
    assert [run.code for run in runs] == [1, 1]
    assert results[1]["obligations"]["cached"] > 0
    assert results[0]["counterexample"] == results[1]["counterexample"]


def test_a_damaged_cache_changes_nothing_and_is_told(check: Check, tmp_path: Path) -> None:
    check("--cache", tmp_path / "kept")
    entries = [p for p in (tmp_path / "kept").rglob("*") if p.is_file()]
    assert entries
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:-3])
    again = check("--cache", tmp_path / "kept", "--format", "json")
    assert (again.code, obligations(again)["cached"]) == (0, 0)
    assert f"note: {len(entries)} damaged entries of the cache" in again.err
    assert obligations(check("--cache", tmp_path / "kept", "--format", "json"))["cached"] == len(entries)


def test_the_cache_lies_where_the_environment_says_or_nowhere(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P4VERIFY_CACHE", str(tmp_path / "home"))
    assert check("--no-cache").code == 0
    assert not (tmp_path / "home" / "answers").exists()
    assert check().code == 0
    assert (tmp_path / "home" / "answers").is_dir()
    monkeypatch.setenv("P4VERIFY_CACHE", "off")
    assert check().code == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_number_of_processes_changes_no_verdict(check: Check, jobs: int) -> None:
    ended = check("--jobs", jobs, "--memory", 1000, "--format", "json")
    assert ended.code == 0
    assert obligations(ended) == obligations(check("--format", "json"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--executor", "ray://here:1"), "dask://HOST:PORT"),
        (("--executor", "dask://"), "dask://HOST:PORT"),
        (("--jobs", "0"), "from 1"),
        (("--jobs", "many"), "no number"),
        (("--memory", "-1"), "from 1"),
        (("--jobs", "2", "--executor", "dask://localhost:1"), "not allowed with"),
        (("--cache", "x", "--no-cache"), "not allowed with"),
    ],
)
def test_what_cannot_be_meant_is_an_error(check: Check, arguments: tuple[str, ...], text: str) -> None:
    check(*arguments).one_error(text)


def test_an_executor_that_cannot_be_used_is_an_error(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    check("--executor", "dask://localhost:8786").one_error("p4verify[dask]")


@pytest.mark.parametrize(("quiet", "lines"), [(False, 1), (True, 0)])
def test_long_work_shows_in_a_log(
    quiet: bool, lines: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(common.time, "monotonic", lambda: now[0])
    progress = Progress(quiet)
    for seconds in (0.5, 29.0, 31.0, 40.0):
        now[0] = 100.0 + seconds
        progress(f"at {seconds}")
    progress.done()
    assert capsys.readouterr().err == "p4verify: at 31.0 (31 s)\n" * lines
