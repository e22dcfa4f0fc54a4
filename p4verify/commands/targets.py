"""``p4verify targets``: what each machine can and cannot express, and whether the real one is at hand."""

from __future__ import annotations

import argparse

from .. import targets
from .common import as_json, emit


def run(arguments: argparse.Namespace) -> int:
    """List the targets."""
    rows = []
    for name in targets.names():
        target = targets.find(name)
        oracle = target.oracle()
        missing = "there is no real machine for it" if oracle is None else oracle.available()
        rows.append({"name": name, "summary": target.summary, "limits": list(target.limits()),
                     "machine": "available" if missing is None else f"not available: {missing}"})  # fmt: skip
    if arguments.format == "json":
        emit(as_json({"version": 1, "targets": rows}), arguments.output)
        return 0
    lines = []
    for row in rows:
        lines += [f"{row['name']}: {row['summary']}", f"    real machine {row['machine']}"]
        lines += [f"    {limit}" for limit in row["limits"]]
    emit("\n".join(lines), arguments.output)
    return 0
