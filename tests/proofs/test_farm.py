"""Jobs on a Dask cluster: a real one of two workers of which one is killed, and clusters that are not there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from p4verify.proofs import farm
from p4verify.proofs.engine import Engine
from p4verify.proofs.execution import Execution
from p4verify.proofs.farm import DaskFarm, NoCluster
from p4verify.proofs.jobs import Job
from p4verify.proofs.pool import LocalPool, opened
from tests.support.hard_queries import easy, hard, job

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Cluster:
    """A scheduler and its workers, each a process of its own."""

    address: str
    workers: list[subprocess.Popen[bytes]]
    file: Path
    stack: ExitStack

    def add_worker(self) -> None:
        more = ["--scheduler-file", str(self.file), "--no-nanny", "--nthreads", "1", "--no-dashboard"]
        self.workers.append(_run(self.stack, "dask_worker", *more))


def _run(stack: ExitStack, what: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{what}", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    with ExitStack() as stack:
        _run(
            stack,
            "dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(file),
        )
        until = time.monotonic() + 60
        while not (file.exists() and file.read_text().endswith("}")):
            assert time.monotonic() < until, "the scheduler did not start"
            time.sleep(0.05)
        made = Cluster(json.loads(file.read_text())["address"].removeprefix("tcp://"), [], file, stack)
        made.add_worker()
        made.add_worker()
        yield made


def statuses(execution: Execution, numbers: range) -> list[str]:
    """Answers to easy queries, each known to come."""
    engine = Engine(timeout=30, execution=execution)
    with engine.expecting([lambda n=n: (easy(n), None) for n in numbers]):  # type: ignore[misc]
        return [engine.satisfiable(easy(n)).status for n in numbers]


@pytest.mark.campaign
def test_a_worker_killed_in_mid_run_loses_nothing(cluster: Cluster) -> None:
    """One after the other: with two workers, one killed while both are busy, all workers lost, a worker again."""
    dask = DaskFarm(cluster.address)
    until = time.monotonic() + 60
    while dask.width < 2:
        assert time.monotonic() < until, "the workers did not come"
        dask._count()
    busy = [dask.submit(job(hard(n), seconds=3.0)) for n in range(2)]
    queued = [dask.submit(job(easy(n))) for n in range(10)]
    time.sleep(1.0)
    assert dask.spare < 0
    cluster.workers[0].kill()
    found = {}
    while len(found) < 12:
        one = dask.wait([n for n in (*busy, *queued) if n not in found], time.monotonic() + 60, lambda: None)
        assert one is not None
        found[one[0]] = one[1]
    assert [found[n].status for n in queued] == ["unsat", "sat"] * 5
    assert [found[n].status for n in busy] == ["unknown"] * 2
    assert all("timeout" in found[n].reason or "killed" in found[n].reason for n in busy)
    assert dask.width == 1
    assert statuses(Execution(dask), range(20, 26)) == statuses(Execution(), range(20, 26))

    cluster.workers[1].kill()
    farm.PATIENCE = 1.0
    try:
        lost = dask.wait([dask.submit(job(easy(30)))], None, lambda: None)
    finally:
        farm.PATIENCE = 30.0
    assert lost is not None
    assert lost[1].status == "unknown"
    assert "no workers" in lost[1].reason
    cluster.add_worker()
    back = dask.wait([dask.submit(job(easy(31)))], None, lambda: None)
    assert back is not None
    assert back[1].status == "sat"
    dask.close()


@pytest.mark.campaign
def test_a_check_on_a_cluster_has_the_verdict_of_one_here(cluster: Cluster) -> None:
    while sum(w.poll() is None for w in cluster.workers) < 2:
        cluster.add_worker()
    command = [sys.executable, "-m", "p4verify", "check", "examples/acl.p4", "--rules", "examples/acl.rules.cli",
               "--no-cache", "--format", "json"]  # fmt: skip
    here, there = (
        subprocess.run([*command, *more], capture_output=True, text=True, cwd=ROOT, check=True)
        for more in ((), ("--executor", f"dask://{cluster.address}"))
    )
    assert there.stderr == ""
    rows = [
        [(r["target"], r["verdict"], r["obligations"]) for r in json.loads(e.stdout)["results"]] for e in (here, there)
    ]
    assert rows[0] == rows[1]


def test_what_a_worker_of_the_cluster_runs() -> None:
    try:
        for n in range(2):
            assert opened(farm.answered(job(easy(n)).packed())).status == ("sat" if n else "unsat")
        assert opened(farm.answered(Job(job(hard()).unit, 0.3, 2048).packed())).status == "unknown"
    finally:
        pool: LocalPool = farm._kept.pool
        pool.close()


def test_without_distributed_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(NoCluster, match=r"p4verify\[dask\]"):
        DaskFarm("localhost:1")


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farm, "CONNECT_SECONDS", 0.2)
    with pytest.raises(NoCluster, match=r"127\.0\.0\.1:1"):
        DaskFarm("127.0.0.1:1")
