"""``p4verify lower``: compile for one target; write the artifact, install it on a device, or take it back."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..inputs import embedded, parse_target, read_program, read_rules, with_source
from ..semantics.ir import Program
from ..semantics.rules.build import program_rules
from ..semantics.rules.ruleset import RuleSet
from ..semantics.source import InputError, Span
from ..targets.base import CannotOffload, Installs, StartsState, Target
from .common import emit, source_options

NOWHERE = Span("", 0, 0)


def run(arguments: argparse.Namespace) -> int:
    """Write or install the artifact; 3 where the target cannot express the program (nothing is done then)."""
    target, options = parse_target(arguments.target)
    _check(arguments, target)
    if arguments.remove is not None:
        _installing(target).remove(arguments.remove, options)
        return 0
    program = read_program(arguments.program, source_options(arguments))
    rules = read_rules(arguments.rules, program) if arguments.rules else None
    try:
        artifact = with_source(target, target.lower(program, rules, options))
    except CannotOffload as error:
        print(f"{error.span}: unsupported: {target.name}: {error.reason}", file=sys.stderr)
        return 3
    if arguments.embed:
        artifact = embedded(target, artifact, program)
    data = _written(target, artifact, arguments.form) if arguments.output is not None else b""
    if arguments.install is not None:
        _install(target, artifact, program, rules, arguments.install)
    if arguments.output is not None:
        try:
            emit(data, arguments.output)
        except InputError:
            if arguments.install is not None:
                _installing(target).remove(arguments.install, options)
            raise
    return 0


def _check(arguments: argparse.Namespace, target: Target) -> None:
    """Raises InputError for arguments that do not go together."""
    others = (arguments.program, arguments.output, arguments.install, arguments.rules, arguments.embed)
    if arguments.remove is not None and any(others):
        raise InputError.at(NOWHERE, "--remove DEV takes a --target and nothing else")
    if arguments.remove is None and arguments.program is None:
        raise InputError.at(NOWHERE, "give the PROGRAM to compile (only --remove goes without)")
    if not (arguments.output or arguments.install or arguments.remove):
        raise InputError.at(NOWHERE, "say where the artifact goes: -o ARTIFACT, --install DEV, or both")
    if arguments.install is not None or arguments.remove is not None:
        _installing(target)


def _written(target: Target, artifact: Any, form: str | None) -> bytes:
    try:
        return target.write(artifact, form)
    except ValueError as error:
        raise InputError.at(NOWHERE, str(error)) from None


def _install(target: Target, artifact: Any, program: Program, rules: RuleSet | None, device: str) -> None:
    """With the tables filled as the rules say, or as the program's own entries do, and what it holds at first."""
    given = rules if rules is not None else program_rules(program)
    first = target.at_first(program, artifact) if isinstance(target, StartsState) else {}
    filled = target.fill(program, artifact, given)
    _installing(target).install(artifact, {**first, **filled} if first else filled, device)


def _installing(target: Target) -> Installs:
    if not isinstance(target, Installs):
        raise InputError.at(
            NOWHERE,
            f"{target.name} is not installed by p4verify (--install, --remove); ebpf, u32, flower and openflow are",
        )
    return target
