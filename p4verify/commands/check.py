"""``p4verify check``."""

from __future__ import annotations

import argparse

from ..checks import Checker
from ..inputs import (
    all_targets,
    looks_like_p4,
    parse_devices,
    read_artifact,
    read_assumptions,
    read_bytes,
    read_carried,
    read_program,
    read_rules,
    with_mapping,
)
from ..mapping import NOTHING_SAID, read_map
from ..one_by_one import one_by_one
from ..proofs.execution import Execution
from ..report import render
from ..results import Result, exit_code
from ..semantics.source import InputError, Span
from .common import Progress, emit, source_options
from .solving import execution


def run(arguments: argparse.Namespace) -> int:
    """Check, report, and give the exit code."""
    progress = Progress(arguments.quiet)
    try:
        with execution(arguments) as where:
            results = _results(arguments, progress, where)
    finally:
        progress.done()
    if arguments.write_counterexample is not None:
        from ..witness import write_counterexamples

        write_counterexamples(arguments.write_counterexample, results)
    emit(render(arguments.format, arguments.program, results), arguments.output)
    return exit_code(results)


def _results(arguments: argparse.Namespace, progress: Progress, where: Execution) -> list[Result]:
    if arguments.program is None:
        return _two_artifacts(arguments, progress, where)
    carried = read_carried(arguments.program)
    program = carried.program if carried else read_program(arguments.program, source_options(arguments))
    rules = read_rules(arguments.rules, program) if arguments.rules else None
    programs = {a: read_program(a, source_options(arguments)) for a in arguments.against if looks_like_p4(a)}
    devices = parse_devices(arguments.devices)
    artifacts = {a: read_artifact(a, devices) for a in arguments.against if a not in programs}  # before the first proof
    implied = not arguments.against and carried is None
    said = NOTHING_SAID
    if arguments.map is not None:
        if bool(artifacts) == bool(programs):
            text = "--map needs an artifact (--against) whose maps it relates to tables, or else a program"
            raise InputError.at(Span("", 0, 0), text)
        artifacts = {a: with_mapping(given, arguments.map, program) for a, given in artifacts.items()}
        said = read_map(read_bytes(arguments.map), arguments.map) if programs else said
    lowered = all_targets(arguments.targets) if arguments.targets or implied else []
    assumed, restrictions = read_assumptions(arguments.program, program, source_options(arguments), arguments.assume)
    if rules is not None and restrictions is not None:
        restrictions.refuse(rules)
    checker = Checker(
        program, rules, arguments.timeout, progress, not arguments.no_machines, where, assumed, restrictions
    )
    results = checker.check_assertions()
    results += [checker.check_artifact(carried.target, carried.artifact, carried.path)] if carried else []
    results += [checker.check_lowered(t, options) for t, options in lowered]
    for spec in arguments.against:
        if spec in programs:
            results.append(checker.check_program(programs[spec], spec, exactly=arguments.exactly, said=said))
        else:
            results.append(checker.check_artifact(*artifacts[spec]))
    return results + checker.check_agreement()


def _two_artifacts(arguments: argparse.Namespace, progress: Progress, where: Execution) -> list[Result]:
    nowhere = Span("", 0, 0)
    if arguments.targets or arguments.rules or arguments.map or arguments.assume:
        raise InputError.at(nowhere, "--target, --rules, --map and --assume need a PROGRAM")
    if len(arguments.against) != 2:
        raise InputError.at(nowhere, "give a PROGRAM, or two artifacts with --against to compare with each other")
    first, second = (read_artifact(spec, parse_devices(arguments.devices)) for spec in arguments.against)
    checker = Checker(None, None, arguments.timeout, progress, not arguments.no_machines, where)
    return one_by_one(checker, first, second)
