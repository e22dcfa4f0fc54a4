"""``p4verify lower``: compile for one target and write the artifact."""

from __future__ import annotations

import argparse
import sys

from ..inputs import embedded, parse_target, read_program, read_rules, with_source
from ..semantics.source import InputError, Span
from ..targets.base import CannotOffload
from .common import emit, source_options


def run(arguments: argparse.Namespace) -> int:
    """Write the artifact; 3 where the target cannot express the program (nothing is written then)."""
    target, options = parse_target(arguments.target)
    program = read_program(arguments.program, source_options(arguments))
    rules = read_rules(arguments.rules, program) if arguments.rules else None
    try:
        artifact = target.lower(program, rules, options)
    except CannotOffload as error:
        print(f"{error.span}: unsupported: {target.name}: {error.reason}", file=sys.stderr)
        return 3
    artifact = with_source(target, artifact)
    if arguments.embed:
        artifact = embedded(target, artifact, program)
    try:
        data = target.write(artifact, arguments.form)
    except ValueError as error:
        raise InputError.at(Span("", 0, 0), str(error)) from None
    emit(data, arguments.output)
    return 0
