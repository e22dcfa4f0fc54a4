"""A process that answers jobs, one after the other, within hard limits: the other end of :mod:`.pool`.

It reads jobs from its standard input and ends when that ends, also in the middle of a job: nobody waits for the answer
any more. Ctrl-C is the pool's business.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from typing import Final

from .answers import Answer, packed
from .frames import DONE, STARTED, framed, messages
from .identity import solver_identity
from .jobs import Job

SLACK_MB: Final = 256
"""Address space beyond a job's own limit: the solver's limit should be met first, for it ends more gently."""

RETIRES_MB: Final = 1024
"""A worker that has grown beyond this ends after its job."""


def main() -> None:
    """Answer jobs until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    jobs: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    identity = solver_identity().encode() + b"\n"
    while True:
        number, content = jobs.get()
        _write(out, framed(number, STARTED))
        _write(out, framed(number, DONE, identity + packed(_answered(content))))
        if _resident_mb() > RETIRES_MB:
            return


def _read(jobs: queue.SimpleQueue[tuple[int, bytes]]) -> None:
    buffer = bytearray()
    while data := os.read(0, 1 << 16):
        buffer += data
        for number, _, content in messages(buffer):
            jobs.put((number, content))
    os._exit(0)


def _write(out: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(out, data) :]
        except BrokenPipeError:
            os._exit(0)


def _answered(content: bytes) -> Answer:
    try:
        job = Job.unpacked(content)
        _limit_memory(job.memory_mb + SLACK_MB)
        return job.run()
    except MemoryError:
        return Answer("unknown", reason="out of memory")
    except Exception as error:  # noqa: BLE001  a mistake of ours in one job is no reason to lose the others
        return Answer("unknown", reason=f"the worker failed ({type(error).__name__}: {error}); please report")


def _limit_memory(more_mb: int) -> None:
    """Let this process have ``more_mb`` MiB of address space more than it has now."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system can
        import resource

        with open("/proc/self/statm", "rb") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = now + (more_mb << 20)
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _resident_mb() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    except (OSError, ValueError):
        return 0


if __name__ == "__main__":
    sys.exit("this is the other end of p4verify's pool of processes; it is not for people")
