"""Where a command's queries are answered, from its arguments: processes here or a cluster, and what is kept on disk."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..proofs.cache import Cache
from ..proofs.execution import Execution
from ..proofs.pool import Executor, LocalPool
from ..semantics.p4.store import folder
from ..semantics.source import InputError, Span


@contextmanager
def execution(arguments: argparse.Namespace) -> Iterator[Execution]:
    """As ``--jobs``, ``--executor``, ``--memory``, ``--cache`` and ``--no-cache`` say; at the end all processes end.

    Raises:
        InputError: the executor cannot be used.
    """
    made = Execution(_executor(arguments), _cache(arguments), arguments.memory)
    try:
        yield made
    finally:
        made.close()
        if made.cache is not None and made.cache.damaged:
            count, where = made.cache.damaged, made.cache.folder
            print(f"p4verify: note: {count} damaged entries of the cache {where} were not used", file=sys.stderr)


def _executor(arguments: argparse.Namespace) -> Executor:
    given: str | None = arguments.executor
    if given is None:
        return LocalPool(arguments.jobs or len(os.sched_getaffinity(0)))
    nowhere = Span("", 0, 0)
    found = re.fullmatch(r"dask://(.+:[0-9]+)", given)
    if found is None:
        raise InputError.at(nowhere, f"--executor: '{given}' is not dask://HOST:PORT")
    from ..proofs.farm import DaskFarm, NoCluster

    try:
        return DaskFarm(found[1])
    except NoCluster as error:
        raise InputError.at(nowhere, f"--executor: {error}") from None


def _cache(arguments: argparse.Namespace) -> Cache | None:
    if arguments.no_cache:
        return None
    if arguments.cache is not None:
        return Cache(Path(arguments.cache))
    home = folder()
    return None if home is None else Cache(home / "answers")
