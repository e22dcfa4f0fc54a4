"""Checks of a configuration in several processes at once, the results in the configuration's order.

A check spends most of its time in Python, so what helps several checks is a process for each, whose own queries then
share what processors are left. A process that dies by itself (the system ran out of memory) loses its check to this
process. All of them end when this one does, in any way: they watch for it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

from ..gate import Check, Config, Ran, run_check
from ..interrupts import TERMINATED, unwound_when_terminated
from .solving import execution

PAUSE = 0.25
"""Seconds between two looks at whether a check is done."""


def run_at_once(config: Config, progress: Callable[[str], None], arguments: argparse.Namespace, jobs: int) -> list[Ran]:
    """Every check, as :func:`..gate.run_checks` does it, in up to ``jobs`` processes that have ``--jobs`` together.

    Raises:
        InputError: of the first check (in the configuration's order) whose input cannot be used.
    """
    count = min(jobs, len(config.checks))
    shared = argparse.Namespace(
        jobs=max(1, jobs // count), executor=None, memory=arguments.memory, cache=arguments.cache,
        no_cache=arguments.no_cache,
    )  # fmt: skip
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin)
    try:
        waiting = [pool.submit(_run, check, shared) for check in config.checks]
        return [_done(future, at, config, progress, shared) for at, future in enumerate(waiting)]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown()


def _done(
    future: Future[Ran], at: int, config: Config, progress: Callable[[str], None], shared: argparse.Namespace
) -> Ran:
    check = config.checks[at]
    try:
        while True:
            progress(f"{check.program}: check {at + 1} of {len(config.checks)}")
            try:
                return future.result(PAUSE)
            except TimeoutError:
                if future.done():
                    raise
    except BrokenProcessPool:
        with execution(shared) as where:
            return run_check(check, progress, where)


def _run(check: Check, shared: argparse.Namespace) -> Ran:
    try:
        with unwound_when_terminated(), execution(shared) as where:
            return run_check(check, lambda _line: None, where)
    except SystemExit:
        os._exit(TERMINATED)  # nobody waits for this process to be told so


def _begin() -> None:
    """In a new process: control-C is the first process's to hear, and its end is ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
