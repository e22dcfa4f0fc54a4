"""Processes on this machine that answer jobs within hard limits on time and memory.

A process is started when there is a job for it, and killed if it does not answer in time, whatever the solver is doing;
its job is then undecided with the reason, and the next job gets a new process. One that dies by itself (the system ran
out of memory) loses its job to another one, once. Processes end with the pool, or when the process that owns it ends in
any way, for then their input ends. Nothing happens in the background: whoever waits for an answer drives the pool, so
there are no threads here.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from .answers import Answer, unpacked
from .frames import DONE, JOB, STARTED, framed, messages
from .identity import solver_identity
from .jobs import Job

START_SECONDS: Final = 60.0
"""How long a new process may take until it begins with its job."""

TICK_SECONDS: Final = 0.25
"""How often whoever waits may say so."""

_ROOT: Final = str(Path(__file__).parent.parent.parent)
_CODE: Final = (
    "import sys; root = sys.argv[1]; root in sys.path or sys.path.insert(0, root); "
    "from p4verify.proofs.worker import main; main()"
)


class Executor(Protocol):
    """Where jobs are answered."""

    @property
    def width(self) -> int:
        """How many jobs run at once."""

    @property
    def started(self) -> bool:
        """Whether the next job is taken up without any start-up."""

    def submit(self, job: Job) -> int:
        """Have a job answered; its number, for the other methods."""

    @property
    def spare(self) -> int:
        """How many more jobs would be begun at once."""

    def wait(self, numbers: Sequence[int], until: float | None, tick: Callable[[], None]) -> tuple[int, Answer] | None:
        """The first answer to one of these jobs, which is given once; None if there is none by ``until``, a point of
        ``time.monotonic()``. ``tick`` is called now and then while waiting.
        """

    def cancel(self, number: int) -> None:
        """Nobody needs this answer."""

    def close(self) -> None:
        """End everything."""


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    number: int | None = None
    """The job that it has; None: it is idle."""
    deadline: float = 0.0
    begun: bool = False
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)


class LocalPool:
    """At most ``jobs`` processes; use it as a context, or ``close`` it.

    Args:
        jobs: how many processes there are at most.
        grace: seconds (and a tenth of the job's own) after which a job that is over its limit is killed.
    """

    def __init__(self, jobs: int, grace: float = 1.0) -> None:
        self.width = jobs
        self._grace = grace
        self._workers: list[_Worker] = []
        self._jobs: dict[int, Job] = {}
        self._queue: deque[int] = deque()
        self._retried: set[int] = set()
        self._answers: dict[int, Answer] = {}
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def started(self) -> bool:
        """Whether there is a process that waits for a job, or will."""
        return bool(self._workers)

    def submit(self, job: Job) -> int:
        """Have a job answered; its number."""
        number = next(self._numbers)
        self._jobs[number] = job
        self._queue.append(number)
        self._step(0.0)
        return number

    @property
    def spare(self) -> int:
        """How many more jobs would be begun at once."""
        return self.width - sum(w.number is not None for w in self._workers) - len(self._queue)

    def wait(self, numbers: Sequence[int], until: float | None, tick: Callable[[], None]) -> tuple[int, Answer] | None:
        """The first answer; None if there is none by ``until``. Raises KeyError for a number that is not waited for."""
        for number in numbers:
            if number not in self._answers and number not in self._jobs:
                raise KeyError(number)
        while True:
            for number in numbers:
                if number in self._answers:
                    return number, self._answers.pop(number)
            left = TICK_SECONDS if until is None else min(TICK_SECONDS, until - time.monotonic())
            if left <= 0:
                return None
            self._step(left)
            tick()

    def cancel(self, number: int) -> None:
        """Forget a job; a process that is at it is killed."""
        self._answers.pop(number, None)
        self._jobs.pop(number, None)
        if number in self._queue:
            self._queue.remove(number)
        for worker in [w for w in self._workers if w.number == number]:
            self._end(worker)

    def close(self) -> None:
        """End all processes and forget all jobs."""
        for worker in list(self._workers):
            self._end(worker)
        self._queue.clear()
        self._jobs.clear()
        self._answers.clear()

    # --- one step ---------------------------------------------------------------------------------------------------

    def _step(self, seconds: float) -> None:
        """Hand out jobs, then wait at most ``seconds`` for something to happen, and take what came."""
        self._hand_out()
        if not self._workers:
            return
        nearest = min((w.deadline for w in self._workers if w.number is not None), default=float("inf"))
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                assert worker.process.stdout is not None
                selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
                if worker.outgoing:
                    assert worker.process.stdin is not None
                    selector.register(worker.process.stdin, selectors.EVENT_WRITE, worker)
            ready = selector.select(max(0.0, min(seconds, nearest - time.monotonic())))
        for key, events in ready:
            if events & selectors.EVENT_WRITE:
                self._send(key.data)
            else:
                self._receive(key.data)
        for worker in [w for w in self._workers if w.number is not None and w.deadline <= time.monotonic()]:
            self._overdue(worker)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._queue:
            worker = next((w for w in self._workers if w.number is None), None)
            if worker is None:
                if len(self._workers) >= self.width:
                    return
                worker = self._start()
            number = self._queue.popleft()
            worker.number, worker.begun, worker.deadline = number, False, time.monotonic() + START_SECONDS
            worker.outgoing += framed(number, JOB, self._jobs[number].packed())
            self._send(worker)

    def _start(self) -> _Worker:
        # A group of its own: Ctrl-C at the terminal is for us, who then end it.
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, _ROOT],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, process_group=0,
        )  # fmt: skip
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        worker = _Worker(process)
        self._workers.append(worker)
        return worker

    def _send(self, worker: _Worker) -> None:
        assert worker.process.stdin is not None
        try:
            sent = os.write(worker.process.stdin.fileno(), worker.outgoing[: 1 << 16])
        except BlockingIOError:
            return
        except BrokenPipeError:  # it is gone; its output ends too, which says so
            worker.outgoing.clear()
            return
        del worker.outgoing[:sent]

    def _receive(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        data = os.read(worker.process.stdout.fileno(), 1 << 16)
        if not data:
            self._gone(worker)
            return
        worker.incoming += data
        for number, kind, content in messages(worker.incoming):
            if number != worker.number:
                continue
            if kind == STARTED:
                worker.begun, worker.deadline = True, time.monotonic() + self._allowed(number)
            elif kind == DONE:
                worker.number = None
                self._conclude(number, opened(content))

    def _allowed(self, number: int) -> float:
        seconds = self._jobs[number].seconds
        return seconds * 1.1 + self._grace

    def _conclude(self, number: int, answer: Answer) -> None:
        self._retried.discard(number)
        if self._jobs.pop(number, None) is not None:
            self._answers[number] = answer

    def _overdue(self, worker: _Worker) -> None:
        number, begun = worker.number, worker.begun
        assert number is not None
        seconds = self._jobs[number].seconds
        self._end(worker)
        reason = f"killed: no answer within {seconds:g} s" if begun else "its process did not start"
        self._conclude(number, Answer("unknown", reason=reason))

    def _gone(self, worker: _Worker) -> None:
        """A process ended without being told to."""
        number, begun = worker.number, worker.begun
        code = self._end(worker)
        if number is None or number not in self._jobs:
            return
        if number not in self._retried:
            self._retried.add(number)
            self._queue.appendleft(number)
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        what = "the solver's process ended, probably out of memory" if begun else "no process could be started"
        self._conclude(number, Answer("unknown", reason=f"{what} ({how})"))

    def _end(self, worker: _Worker) -> int:
        """Kill a process and take it off the system's list; its exit code."""
        self._workers.remove(worker)
        with contextlib.suppress(OSError):
            worker.process.kill()
        for stream in (worker.process.stdin, worker.process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()
        return worker.process.wait()


def opened(content: bytes) -> Answer:
    """A worker's answer; ``unknown`` if it is none, or if another version gave it."""
    identity, _, rest = content.partition(b"\n")
    if identity.decode("utf-8", "replace") != solver_identity():
        return Answer("unknown", reason="the worker runs another version of p4verify or of its solver")
    try:
        return unpacked(rest)
    except ValueError as error:
        return Answer("unknown", reason=f"the worker's answer is damaged ({error})")
