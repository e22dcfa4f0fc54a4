"""``p4verify parse``: the front end alone, on any number of files in one process."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import Any

from ..inputs import read_with_warnings
from ..semantics import ir
from ..semantics.ir import codec_json, codec_netlink
from ..semantics.p4.preprocess import COMMAND_LINE
from ..semantics.source import NOWHERE, Diagnostic, InputError
from .common import as_json, emit, source_options


def run(arguments: argparse.Namespace) -> int:
    """Parse every file; 0 if all are valid, 1 if one is not (2: a single file that cannot even be read)."""
    if len(arguments.programs) == 1:
        return _single(arguments)
    if arguments.format not in ("text", "json"):
        raise InputError.at(NOWHERE, f"--format {arguments.format} is for one program, not {len(arguments.programs)}")
    rows = [_row(path, arguments) for path in arguments.programs]
    if arguments.format == "json":
        emit(as_json({"version": 1, "files": rows}), arguments.output)
    else:
        bad = sum(not row["ok"] for row in rows)
        emit(f"{len(rows)} files, {len(rows) - bad} valid, {bad} invalid", arguments.output)
    return 0 if all(row["ok"] for row in rows) else 1


def _single(arguments: argparse.Namespace) -> int:
    path = arguments.programs[0]
    try:
        program, warnings = read_with_warnings(path, source_options(arguments))
    except InputError as error:
        if _is_usage(error) or not any(d.span.line for d in error.diagnostics):
            raise  # no file to speak of
        print(error, file=sys.stderr)
        return 1
    _show(warnings, arguments)
    if arguments.format == "json":
        emit(codec_json.to_json(program), arguments.output)
    elif arguments.format == "netlink":
        emit(codec_netlink.to_netlink(program), arguments.output)
    elif arguments.format == "p4":
        from ..semantics.ir import printer

        emit(printer.to_p4(program), arguments.output)
    elif arguments.format == "p4info":
        from ..semantics import p4info

        emit(p4info.to_text(program), arguments.output)
    else:
        emit(_summary(path, program), arguments.output)
    return 0


def _summary(path: str, program: ir.Program) -> str:
    counts = {"parser": len(program.parsers), "control": len(program.controls), "table": len(program.tables())}
    parts = ", ".join(f"{number} {what}{'' if number == 1 else 's'}" for what, number in counts.items())
    arch = f"architecture {program.arch}" if program.arch else "no architecture"
    return f"{path}: valid, {arch}: {parts}"


def _is_usage(error: InputError) -> bool:
    """Whether an argument (``-D``) is to blame, not a file."""
    return all(d.span.file == COMMAND_LINE for d in error.diagnostics)


def _row(path: str, arguments: argparse.Namespace) -> dict[str, Any]:
    started = time.perf_counter()
    errors: list[dict[str, Any]] = []
    warnings: tuple[Diagnostic, ...] = ()
    try:
        warnings = read_with_warnings(path, source_options(arguments))[1]
        _show(warnings, arguments)
    except InputError as error:
        if _is_usage(error):
            raise
        errors = _places(d for d in error.diagnostics if d.severity == "error")
        print(error, file=sys.stderr)
    seconds = round(time.perf_counter() - started, 4)
    return {"file": path, "ok": not errors, "errors": errors, "warnings": _places(warnings), "seconds": seconds}


def _places(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    return [
        {"file": d.span.file, "line": d.span.line, "column": d.span.column, "message": d.message} for d in diagnostics
    ]


def _show(warnings: tuple[Diagnostic, ...], arguments: argparse.Namespace) -> None:
    """Print the warnings, unless they are not wanted."""
    if not arguments.quiet:
        for warning in warnings:
            print(warning.render(), file=sys.stderr)
