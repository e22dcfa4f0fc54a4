"""Answers on disk: found again, never trusted to say anything but a miss once they are damaged, safe to delete."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from p4verify.proofs import identity
from p4verify.proofs.answers import Answer, Model
from p4verify.proofs.cache import MAGIC, Cache
from p4verify.proofs.engine import Engine
from p4verify.proofs.execution import Execution
from p4verify.proofs.identity import solver_identity
from p4verify.proofs.solvers import z3_engine
from p4verify.proofs.units import Unit
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

ROOT = Path(__file__).resolve().parents[2]
KEY, OTHER_KEY = (hashlib.sha256(text).hexdigest() for text in (b"query", b"other"))
WIDE = 1 << 20_000
MODEL = Model({"x": 5, "odd name \ud800": WIDE}, {"f": {(1, WIDE): 2, None: 7}})
X, Y = b.var("x", 16), b.var("y", 16)
UNSATISFIABLE = b.and_(b.ult(X, Y), b.ult(Y, X))
SATISFIABLE = b.and_(b.ult(X, Y), b.eq(b.apply("f", 16, X), b.bv(77, 16)))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "answers")


def entry(cache: Cache) -> Path:
    """The only file."""
    (path,) = (p for p in cache.folder.rglob("*") if p.is_file())
    return path


@pytest.mark.parametrize("answer", [Answer("unsat"), Answer("sat", MODEL)])
def test_what_is_decided_is_found_again(cache: Cache, answer: Answer) -> None:
    cache.save(KEY, "s", answer)
    found = cache.load(KEY, "s")
    assert found == Answer(answer.status, answer.model, cached=True)
    assert cache.load(OTHER_KEY, "s") is None
    assert cache.damaged == 0


def test_what_ran_into_a_limit_is_not_kept(cache: Cache) -> None:
    cache.save(KEY, "s", Answer("unknown", reason="timeout"))
    assert cache.load(KEY, "s") is None
    assert not cache.folder.exists()


def test_an_entry_of_another_solver_or_under_another_name_is_a_miss(cache: Cache) -> None:
    cache.save(KEY, "z3 1", Answer("unsat"))
    assert cache.load(KEY, "z3 2") is None
    path = cache.folder / OTHER_KEY[:2] / OTHER_KEY[2:]
    path.parent.mkdir()
    path.write_bytes(entry(cache).read_bytes())
    assert cache.load(OTHER_KEY, "z3 1") is None
    assert cache.damaged == 2


@pytest.mark.parametrize("answer", [Answer("unsat"), Answer("sat", Model({"x": 5}, {"f": {(1,): 2}}))])
def test_no_damage_to_an_entry_is_taken_for_an_answer(cache: Cache, answer: Answer) -> None:
    cache.save(KEY, "s", answer)
    path = entry(cache)
    whole = path.read_bytes()
    damaged = [whole[:k] for k in range(len(whole))]
    damaged += [whole[:k] + bytes([whole[k] ^ 1 << k % 8]) + whole[k + 1 :] for k in range(len(whole))]
    damaged += [whole + b"\n", whole.replace(b"sat", b"unsat"), whole.replace(b"unsat", b"sat"), b"\0" * len(whole)]
    for data in damaged:
        if data != whole:
            path.write_bytes(data)
            assert cache.load(KEY, "s") is None
    assert cache.damaged >= len(damaged) - 1
    cache.save(KEY, "s", answer)
    assert cache.load(KEY, "s") is not None


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "not JSON",
        '{"status":"maybe","reason":""}',
        '{"status":"unknown","reason":""}',
        '{"status":"sat","reason":"","values":[],"functions":{}}',
        '{"status":"sat","reason":"","values":{"x":3},"functions":{}}',
        "[" * 5000,
    ],
)
def test_an_entry_with_a_right_checksum_and_no_answer_is_a_miss(cache: Cache, text: str) -> None:
    body = f"{KEY}\ns\n{text}".encode()
    path = cache.folder / KEY[:2] / KEY[2:]
    path.parent.mkdir(parents=True)
    path.write_bytes(MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert cache.load(KEY, "s") is None
    assert cache.damaged == 1


def engine(cache: Cache) -> Engine:
    return Engine(timeout=20, execution=Execution(cache=cache))


@pytest.mark.parametrize(("query", "status"), [(UNSATISFIABLE, "unsat"), (SATISFIABLE, "sat")])
def test_a_kept_answer_needs_no_solver(cache: Cache, monkeypatch: pytest.MonkeyPatch, query: Term, status: str) -> None:
    first = engine(cache)
    assert first.satisfiable(query).status == status
    assert (first.solved, first.cached) == (1, 0)
    monkeypatch.delattr(z3_engine, "solve")
    second = engine(cache)
    answer = second.satisfiable(query)
    assert (answer.status, answer.cached, second.solved, second.cached) == (status, True, 1, 1)
    assert status == "unsat" or (answer.model is not None and answer.model.holds(query))


def test_a_kept_model_that_does_not_satisfy_is_thrown_away(cache: Cache) -> None:
    """Also one of a right form: of a mistake of ours, or of somebody who edits entries."""
    key = Unit.of(UNSATISFIABLE).key(solver_identity())
    for model in (Model({"x": 1, "y": 2}), Model({}, {"f": {}}), Model({"x": 1 << 99})):
        cache.save(key, solver_identity(), Answer("sat", model))
        asked = engine(cache)
        assert asked.satisfiable(UNSATISFIABLE).status == "unsat"
        assert asked.cached == 0
    assert cache.damaged == 3


def test_a_folder_that_cannot_be_written_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing")):
        blocked = Cache(folder)
        blocked.save(KEY, "s", Answer("unsat"))
        assert blocked.load(KEY, "s") is None
    path = tmp_path / "answers" / KEY[:2] / KEY[2:]
    path.mkdir(parents=True)  # a folder where an entry should be
    odd = Cache(tmp_path / "answers")
    odd.save(KEY, "s", Answer("unsat"))
    assert odd.load(KEY, "s") is None
    assert [p for p in odd.folder.rglob("*") if p.is_file()] == []


def test_a_cache_keeps_within_its_limits_and_drops_the_oldest(tmp_path: Path) -> None:
    small = Cache(tmp_path, max_entries=256 * 10)
    keys = [f"ab{i:062d}" for i in range(40)]
    for i, key in enumerate(keys):
        small.save(key, "s", Answer("unsat"))
        os.utime(tmp_path / key[:2] / key[2:], (i, i))
    left = [k for k in keys if small.load(k, "s") is not None]
    assert 5 <= len(left) <= 10
    assert left == keys[-len(left) :]
    narrow = Cache(tmp_path / "narrow", max_bytes=256 * 1000)
    narrow.save(KEY, "s", Answer("sat", Model({"x": WIDE})))  # larger than its share
    assert narrow.load(KEY, "s") is None
    for key in keys:
        narrow.save(key, "s", Answer("unsat"))
    assert sum(p.stat().st_size for p in narrow.folder.rglob("*") if p.is_file()) <= 1000


MANY = """
import hashlib, sys
from pathlib import Path
from p4verify.proofs.answers import Answer
from p4verify.proofs.cache import Cache
mine = Cache(Path(sys.argv[1]), max_entries=256 * 4)
for i in range(300):
    key = "ab" + hashlib.sha256(str(i % 7).encode()).hexdigest()[2:]
    mine.save(key, "s", Answer("unsat"))
    mine.load(key, "s")
print(mine.damaged)
"""


def test_processes_may_share_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)]
    assert [process.communicate(timeout=60)[0] for process in running] == ["0\n"] * 3
    assert not list(tmp_path.rglob(".new-*"))
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) <= 7


def test_another_solver_or_another_source_is_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    known = solver_identity()
    assert known in {identity.solver_identity.__wrapped__() for _ in range(2)}
    for pattern in identity._SOURCES:
        assert list(identity._folder(pattern).glob(Path(pattern).name)), pattern
    monkeypatch.setattr(identity, "_z3_version", lambda: "0.1")
    other = identity.solver_identity.__wrapped__()
    monkeypatch.setattr(identity, "_SOURCES", identity._SOURCES[1:])
    assert len({known, other, identity.solver_identity.__wrapped__()}) == 3
    assert Unit.of(SATISFIABLE).key(known) != Unit.of(SATISFIABLE).key(other)
