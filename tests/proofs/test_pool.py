"""The pool of processes: answers, hard limits, processes that die, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from p4verify.proofs import frames, worker
from p4verify.proofs.answers import Answer, packed
from p4verify.proofs.identity import solver_identity
from p4verify.proofs.jobs import Job
from p4verify.proofs.pool import LocalPool, opened
from p4verify.proofs.units import Unit
from tests.support.hard_queries import easy, hard, job

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pool() -> Iterator[LocalPool]:
    with LocalPool(2, grace=0.1) as made:
        yield made


def nothing() -> None:
    """What is done while waiting."""


def busy(pool: LocalPool, number: int) -> int:
    """Waits until a process is at the job; its process id."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        pool._step(0.01)
        for w in pool._workers:
            if w.number == number and w.begun:
                return w.process.pid
    raise AssertionError("nobody took the job")


def answered(pool: LocalPool, number: int) -> Answer:
    found = pool.wait([number], None, nothing)
    assert found is not None
    assert found[0] == number
    return found[1]


def alive(pid: int) -> bool:
    """Whether there is such a process (one that has ended and is not yet taken off the list does not count)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def gone(pool: LocalPool, pid: int) -> bool:
    """Whether the pool has noticed that a process has ended."""
    pool._step(0.01)
    return all(w.process.pid != pid for w in pool._workers)


def soon(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def test_every_job_gets_its_own_answer_in_any_order(pool: LocalPool) -> None:
    queries = [easy(n) for n in range(12)]
    assert not pool.started
    numbers = [pool.submit(job(q)) for q in queries]
    assert len(pool._workers) == 2
    for n in reversed(range(12)):
        answer = answered(pool, numbers[n])
        assert answer.status == ("sat" if n % 2 else "unsat")
        assert answer.model is None or answer.model.holds(queries[n])
    with pytest.raises(KeyError):
        pool.wait([numbers[0]], None, nothing)


def test_a_job_over_its_time_is_killed_whatever_it_does(pool: LocalPool) -> None:
    number = pool.submit(job(hard(), seconds=1.0))
    pid = busy(pool, number)
    os.kill(pid, signal.SIGSTOP)  # it cannot heed any limit any more
    answer = answered(pool, number)
    assert (answer.status, answer.reason) == ("unknown", "killed: no answer within 1 s")
    assert not alive(pid)
    assert answered(pool, pool.submit(job(easy(1)))).status == "sat"


def test_a_process_that_dies_loses_its_job_to_another_one(pool: LocalPool) -> None:
    number = pool.submit(job(hard(), seconds=2.0))
    for _ in range(2):  # killed twice by somebody: the job is given up, with the reason
        pid = busy(pool, number)
        os.kill(pid, signal.SIGKILL)
        soon(partial(gone, pool, pid))
    answer = answered(pool, number)
    assert answer.status == "unknown"
    assert "SIGKILL" in answer.reason

    numbers = [pool.submit(job(hard(1), seconds=0.5)), *(pool.submit(job(easy(n))) for n in range(4))]
    os.kill(busy(pool, numbers[0]), signal.SIGKILL)
    answers = [answered(pool, n) for n in numbers]
    assert [a.status for a in answers] == ["unknown", "unsat", "sat", "unsat", "sat"]
    assert "SIGKILL" not in answers[0].reason  # the second process met the limit of time


def test_nobody_waits_beyond_the_time_for_the_whole(pool: LocalPool) -> None:
    number = pool.submit(job(hard(), seconds=60.0))
    ticks: list[int] = []
    assert pool.wait([number], time.monotonic() + 0.6, lambda: ticks.append(1)) is None
    assert ticks
    pool.cancel(number)
    assert pool._workers == []


def test_memory_is_limited(pool: LocalPool) -> None:
    answer = answered(pool, pool.submit(job(hard(), seconds=20.0, memory_mb=30)))
    assert answer.status == "unknown"
    assert "memory" in answer.reason


def test_memory_is_limited_by_the_system_too() -> None:
    code = "from p4verify.proofs.worker import _limit_memory; _limit_memory(64); print('limited'); bytearray(400 << 20)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout == "limited\n"
    assert "MemoryError" in done.stderr


def test_a_worker_limits_itself_before_each_job(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int] = []
    monkeypatch.setattr(worker, "_limit_memory", limits.append)  # the limit would be this process's own
    for memory in (300, 700):
        assert worker._answered(job(easy(1), memory_mb=memory).packed()).status == "sat"
    assert limits == [300 + worker.SLACK_MB, 700 + worker.SLACK_MB]


def test_an_answer_to_another_job_is_not_taken(pool: LocalPool) -> None:
    """However it got there: a process answers the job that it has, and no other."""
    numbers = [pool.submit(job(easy(n))) for n in (0, 1)]
    false = solver_identity().encode() + b"\n" + packed(Answer("unsat"))
    for w in pool._workers:
        other = next(n for n in numbers if n != w.number)
        w.incoming += frames.framed(other, frames.DONE, false)
    assert [answered(pool, n).status for n in numbers] == ["unsat", "sat"]


def test_what_is_no_job_is_answered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_limit_memory", lambda _: None)
    for content in (b"", b"{}\n", b"[]\nx", b'{"seconds":1,"memory_mb":1,"tactic":"auto"}\nnothing'):
        assert worker._answered(content).status == "unknown"


def test_answers_of_other_versions_and_damaged_ones_do_not_count() -> None:
    good = solver_identity().encode() + b"\n" + packed(Answer("unsat"))
    assert opened(good).status == "unsat"
    assert opened(b"z3 0.1, p4verify 0" + good).status == "unknown"
    assert opened(good[:-1]).status == "unknown"
    assert opened(b"").status == "unknown"


def test_messages_may_come_in_pieces() -> None:
    sent = [(1, frames.JOB, b"x" * 300), (1 << 40, frames.DONE, b""), (2, frames.STARTED, b"\0")]
    stream = b"".join(frames.framed(*m) for m in sent)
    buffer, got = bytearray(), []
    for k in range(0, len(stream), 7):
        buffer += stream[k : k + 7]
        got += list(frames.messages(buffer))
    assert got == sent
    assert not buffer


def test_a_job_survives_the_way_there_and_back() -> None:
    made = Job(Unit.of(easy(3)), 1.5, 77, "smt", plain=False)
    assert Job.unpacked(made.packed()) == made


def test_closing_ends_all_processes_at_once_and_leaves_no_zombie(pool: LocalPool) -> None:
    pids = [busy(pool, pool.submit(job(hard(n), seconds=60.0))) for n in range(2)]
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 5
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    pool.close()


OWNER = """
import signal, sys
from p4verify.proofs.pool import LocalPool
from tests.support.hard_queries import hard, job
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's jobs in the background ignore it
with LocalPool(1) as pool:
    number = pool.submit(job(hard(), 60.0))
    while not pool._workers[0].begun:
        pool._step(0.01)
    try:
        print(pool._workers[0].process.pid, flush=True)  # from here on it may be interrupted
        pool.wait([number], None, lambda: None)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize(("how", "said"), [(signal.SIGINT, "interrupted\n"), (signal.SIGKILL, "")])
def test_processes_end_with_their_owner(how: signal.Signals, said: str) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(how)
        assert owner.stdout.read() == said
    assert soon(lambda: not alive(pid))
