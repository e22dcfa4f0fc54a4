"""``p4verify gate``: all checks of a configuration, one exit code, reports for the CI server."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from ..gate import Config, Ran, read_config, run_checks
from ..report import junit, sarif, text, to_json
from ..results import exit_code
from ..semantics.source import InputError, Span
from .common import Progress, emit, write_whole
from .gate_pool import run_at_once
from .solving import execution


def run(arguments: argparse.Namespace) -> int:
    """0 if every verdict is the expected one; else the contract's code for the verdicts that are not."""
    config = read_config(arguments.config)
    progress = Progress(arguments.quiet)
    try:
        done = _run(config, progress, arguments)
    finally:
        progress.done()
    _write_reports(config, done)
    emit(_render(arguments.format, done), arguments.output)
    return _exit_code(done)


def _run(config: Config, progress: Progress, arguments: argparse.Namespace) -> list[Ran]:
    """All checks; several at once where there are processes for them, one after the other on a cluster."""
    jobs: int = arguments.jobs or len(os.sched_getaffinity(0))
    if arguments.executor is None and min(jobs, len(config.checks)) > 1:
        return run_at_once(config, progress, arguments, jobs)
    with execution(arguments) as where:
        return run_checks(config, progress, where)


def _write_reports(config: Config, done: list[Ran]) -> None:
    pairs = [(ran.check.program, ran.results) for ran in done]
    for path, form in ((config.junit, junit), (config.sarif, sarif)):
        if path is not None:
            try:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError.at(Span(path, 0, 0), f"cannot be written: {error.strerror}") from None
            write_whole(path, form.render(pairs).encode(errors="replace") + b"\n")


def _render(form: str, done: list[Ran]) -> str:
    pairs = [(ran.check.program, ran.results) for ran in done]
    if form == "json":
        rows = [{**to_json(r.check.program, r.results), "passed": not _surprises(r)} for r in done]
        return json.dumps({"version": 1, "checks": rows}, indent=2)
    if form == "sarif":
        return sarif.render(pairs)
    if form == "junit":
        return junit.render(pairs)
    lines = [text.render(program, results) for program, results in pairs]
    for ran in done:
        lines += [f"gate: {ran.check.program}: {surprise}" for surprise in _surprises(ran)]
    failed = sum(bool(_surprises(ran)) for ran in done)
    lines.append(f"gate: {len(done)} checks, {len(done) - failed} passed, {failed} failed")
    return "\n".join(lines)


def _surprises(ran: Ran) -> list[str]:
    wrong = [f"{r.target}: {r.verdict.value}, expected {ran.check.expected(r)}" for r in ran.unexpected()]
    return wrong + [f"expect names '{name}', of which there is no result" for name in ran.unused()]


def _exit_code(done: list[Ran]) -> int:
    surprises = [r for ran in done for r in ran.unexpected()]
    if not surprises:
        return 2 if any(ran.unused() for ran in done) else 0
    return exit_code(surprises) or 1  # an accept where a reject was expected is a failure too
