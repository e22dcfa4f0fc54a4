"""``p4verify offload``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import targets
from ..checks import Checker
from ..inputs import parse_devices, read_artifact, read_bytes, read_program, read_rules
from ..offload import Division, Proposal, check_division, in_device, propose, strangers
from ..proofs.engine import Engine
from ..proofs.execution import Execution
from ..proofs.verdict import Proof, Verdict
from ..report.offload import render_offload
from ..results import Result, exit_code
from ..semantics.source import InputError, Span, Unsupported
from ..targets.base import Target
from ..targets.offload import DEFAULT_DEVICE, Offloads, Profile, read_profile, shipped, shipped_profile
from .common import Progress, emit, source_options
from .solving import execution


def run(arguments: argparse.Namespace) -> int:
    """Check, report, and give the exit code."""
    profile = _profile(arguments.profile) if arguments.profile is not None else None
    given = _given(arguments.artifact, parse_devices(arguments.devices), profile)
    progress = Progress(arguments.quiet)
    try:
        with execution(arguments) as where:
            text, results = _report(given, profile, arguments, progress, where)
    finally:
        progress.done()
    emit(text, arguments.output)
    return exit_code(results)


@dataclass(frozen=True)
class _Given:
    target: Target
    artifact: Any
    inside: frozenset[int]
    path: str


def _profile(spec: str) -> Profile:
    """The profile of a name or in a file. Raises InputError."""
    found = shipped_profile(spec, _known_keys()) if not Path(spec).exists() else None
    if found is not None:
        return found
    if not Path(spec).exists() and not spec.endswith(".toml"):
        text = f"there is no profile '{spec}', nor such a file; those that come along are {', '.join(shipped())}"
        raise InputError.at(Span("", 0, 0), text)
    return read_profile(read_bytes(spec), spec, _known_keys())


def _known_keys() -> dict[str, Collection[str]]:
    """The keys of entries, by classifier."""
    found = ((name, targets.find(name)) for name in targets.names())
    return {name: target.key_names() for name, target in found if isinstance(target, Offloads)}


def _given(spec: str, devices: Mapping[str, int], profile: Profile | None) -> _Given:
    """What is to be judged. Raises InputError."""
    target, artifact, path = read_artifact(spec, devices)
    if not isinstance(target, Offloads):
        text = f"is an artifact of {target.name}, which has no lists of which a device holds a part (flower, u32)"
        raise InputError.at(Span(path, 0, 0), text)
    return _Given(target, artifact, in_device(target.entries(artifact), profile), path)


def _report(
    given: _Given, profile: Profile | None, arguments: argparse.Namespace, progress: Progress, where: Execution
) -> tuple[str, list[Result]]:
    of_program = _checker(arguments, progress, where)
    started = time.monotonic()
    label = f"{given.target.name} offload"
    engine = Engine.within(arguments.timeout, lambda line: progress(f"{label}: {line}"), where)
    device = profile.device if profile is not None else DEFAULT_DEVICE
    division = Division(given.target, given.artifact, given.inside, device, engine, not arguments.no_machines)
    proposal: Proposal | None = None
    try:
        proof = check_division(division, started)
        if arguments.largest or proof.verdict in (Verdict.REJECT, Verdict.UNDECIDED):
            progress(f"{label}: the largest safe part")
            proposal = propose(division, profile)
    except Unsupported as error:
        proof = Proof(Verdict.UNSUPPORTED, error.reason, where=error.span, seconds=time.monotonic() - started)
    if profile is not None:
        more = strangers(division.entries, given.inside, profile)
        proof = replace(proof, warnings=(*proof.warnings, *_told(profile), *more))
    results = [Result(label, given.path, proof)]
    if of_program is not None:
        results.append(_against_program(of_program, division, given.path, f"{label} = p4"))
    return render_offload(arguments.format, results, division, proposal, profile), results


def _checker(arguments: argparse.Namespace, progress: Progress, where: Execution) -> Checker | None:
    """What checks against the program, if one is given. Raises InputError."""
    if arguments.program is None:
        if arguments.rules is not None:
            raise InputError.at(Span("", 0, 0), "--rules are those of a program: give --program")
        return None
    program = read_program(arguments.program, source_options(arguments))
    rules = read_rules(arguments.rules, program) if arguments.rules is not None else None
    return Checker(program, rules, arguments.timeout, progress, not arguments.no_machines, where)


def _against_program(checker: Checker, division: Division, path: str, label: str) -> Result:
    """Hardware and software together against the program."""
    started = time.monotonic()
    try:
        artifact = division.both[0]
    except Unsupported as error:
        proof = Proof(Verdict.UNSUPPORTED, error.reason, where=error.span, seconds=time.monotonic() - started)
        return Result(label, path, proof)
    return checker.check_artifact(division.target, artifact, path, label)


def _told(profile: Profile) -> list[str]:
    return [f"the device is taken for what the profile {profile.name} says ({profile.summary})"]
