"""Jobs on a Dask cluster: the same jobs as those of :mod:`.pool`, answered by whatever machines the cluster has.

Each worker of the cluster keeps a process of our own beside it, so the limits on time and memory are as hard there as
they are here. A worker that is lost loses nothing: the scheduler gives its jobs to others. A cluster that has no
workers for a while, or that is gone, leaves its jobs undecided, with the reason. The workers need p4verify in the same
version; an answer of another one does not count. A model is checked at home; what a cluster says is unsatisfiable is
believed, as it is of the processes on this machine.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from .answers import Answer, packed
from .identity import solver_identity
from .jobs import Job
from .pool import TICK_SECONDS, LocalPool, opened

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS: Final = 10.0
"""How long the scheduler may take to answer."""

PATIENCE: Final = 30.0
"""Seconds without any worker after which a cluster counts as having none."""


class NoCluster(Exception):
    """The cluster cannot be used, and why."""


_kept = threading.local()


def answered(content: bytes) -> bytes:
    """Run on the cluster's workers: the answer to a packed job, with the name of what gave it."""
    if not hasattr(_kept, "pool"):
        _kept.pool = LocalPool(1)  # of this thread of the worker; it ends with the worker
    job = Job.unpacked(content)
    pool: LocalPool = _kept.pool
    found = pool.wait([pool.submit(job)], None, lambda: None)
    assert found is not None
    return solver_identity().encode() + b"\n" + packed(found[1])


class DaskFarm:
    """A cluster behind a scheduler.

    Args:
        address: of the scheduler, ``HOST:PORT``.

    Raises:
        NoCluster: distributed is not installed, or nobody answers at the address.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise NoCluster("the executor dask:// needs the package distributed: install p4verify[dask]") from error
        try:
            self._client: Client = Client(f"tcp://{address}", timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise NoCluster(f"no Dask scheduler answers at {address} ({str(error) or type(error).__name__})") from error
        logging.getLogger("distributed").setLevel(logging.ERROR)  # a lost worker is no news for the user
        self._address = address
        self._futures: dict[int, Future[bytes]] = {}
        self._ended = threading.Event()
        """Some job has ended."""
        self._numbers = count(1)
        self._seen = time.monotonic()
        self._threads = 0
        self._count()

    @property
    def width(self) -> int:
        """How many jobs the cluster's workers take at once; workers may come and go."""
        return max(1, self._threads)

    @property
    def started(self) -> bool:
        """A cluster always is."""
        return True

    def submit(self, job: Job) -> int:
        """Have a job answered; its number."""
        number = next(self._numbers)
        future = self._client.submit(answered, job.packed(), key=f"p4verify-{uuid4().hex}", pure=False)
        future.add_done_callback(lambda _: self._ended.set())
        self._futures[number] = future
        return number

    @property
    def spare(self) -> int:
        """How many more jobs would be begun at once, if nobody else uses the cluster."""
        return self.width - sum(not future.done() for future in self._futures.values())

    def wait(self, numbers: Sequence[int], until: float | None, tick: Callable[[], None]) -> tuple[int, Answer] | None:
        """The first answer; None if there is none by ``until``. Raises KeyError for a number that is not waited for."""
        while True:
            self._ended.clear()
            for number in numbers:
                if self._futures[number].done():
                    return number, _result(self._futures.pop(number))
            left = TICK_SECONDS if until is None else min(TICK_SECONDS, until - time.monotonic())
            if left <= 0:
                return None
            lost = self._lost()
            if lost:
                self.cancel(numbers[0])
                return numbers[0], Answer("unknown", reason=lost)
            self._ended.wait(left)
            tick()

    def cancel(self, number: int) -> None:
        """Nobody needs this answer."""
        future = self._futures.pop(number, None)
        if future is not None and self._client.status == "running":
            future.cancel()

    def close(self) -> None:
        """Leave the cluster as it is, without our jobs."""
        for number in list(self._futures):
            self.cancel(number)
        self._client.close(timeout=2)

    def _count(self) -> None:
        try:
            self._threads = sum(self._client.nthreads().values())
        except (OSError, TimeoutError):
            self._threads = 0
        if self._threads:
            self._seen = time.monotonic()

    def _lost(self) -> str:
        """Why no answer can be hoped for; "" as long as it can."""
        if self._client.status in ("closing", "closed"):
            return f"the Dask scheduler at {self._address} is gone"
        self._count()
        if time.monotonic() - self._seen > PATIENCE:
            return f"the Dask cluster at {self._address} has no workers"
        return ""


def _result(future: Future[bytes]) -> Answer:
    """What came of a job that has ended in some way."""
    try:
        return opened(future.result(timeout=CONNECT_SECONDS))
    except Exception as error:  # noqa: BLE001  whatever went wrong on another machine; nothing of it is an answer
        text = str(error).splitlines()[0] if str(error) else ""
        return Answer("unknown", reason=f"the cluster failed ({type(error).__name__}: {text})")
