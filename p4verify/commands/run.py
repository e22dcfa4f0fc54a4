"""``p4verify run``: what a program or an artifact does to one packet, by its meaning."""

from __future__ import annotations

import argparse
from typing import Any

from ..inputs import looks_like_p4, read_artifact, read_program, read_rules
from ..on_numbers import functions_of
from ..semantics.meaning.concrete import Faulted, evaluate_behaviour
from ..semantics.meaning.program import run as run_program
from ..semantics.rules.build import program_rules
from ..semantics.source import InputError, Span, Unsupported
from .common import as_json, emit, source_options

NOWHERE = Span("", 0, 0)


def run(arguments: argparse.Namespace) -> int:
    """Run the packet and print what came out; 3 where something is not modelled."""
    packet = _packet(arguments.packet)
    try:
        data = _of_program(arguments, packet) if looks_like_p4(arguments.program) else _of_artifact(arguments, packet)
    except Unsupported as error:
        raise InputError.at(error.span, f"not modelled: {error.reason}") from None
    except Faulted as error:
        text = f"on this packet it does what no machine may: {error}"
        raise InputError.at(Span(arguments.program, 0, 0), text) from None
    except ValueError as error:
        raise InputError.at(NOWHERE, str(error)) from None
    emit(as_json(data) if arguments.format == "json" else _text(data), arguments.output)
    return 0


def _packet(text: str) -> bytes:
    digits = "".join(text.split()).removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise InputError.at(NOWHERE, f"--packet: '{text}' is not a whole number of bytes in hexadecimal") from None


def _of_program(arguments: argparse.Namespace, packet: bytes) -> dict[str, Any]:
    if arguments.source:
        raise InputError.at(NOWHERE, "--program goes with an artifact, not with a program")
    program = read_program(arguments.program, source_options(arguments))
    rules = read_rules(arguments.rules, program) if arguments.rules else None
    return run_program(program, rules, packet, arguments.port).to_json()


def _of_artifact(arguments: argparse.Namespace, packet: bytes) -> dict[str, Any]:
    """An artifact's tables hold what the rules put there, by the program given with --program; else they are empty."""
    target, artifact, _ = read_artifact(arguments.program)
    behaviour = target.meaning(artifact)
    functions: dict[str, Any] = {}
    if arguments.source:
        program = read_program(arguments.source, source_options(arguments))
        rules = read_rules(arguments.rules, program) if arguments.rules else program_rules(program)
        relation = target.relate(program, artifact, rules)
        functions = functions_of(relation, behaviour)
    elif arguments.rules:
        raise InputError.at(NOWHERE, "--rules for an artifact needs the program whose tables they fill (--program)")
    seen = evaluate_behaviour(behaviour, packet, arguments.port, functions=functions, default=0)
    return {"version": 1, **seen.to_json()}


def _text(data: dict[str, Any]) -> str:
    lines = [_step(step) for step in data.get("trace", [])]
    for out in data["outputs"]:
        where = f"port {out['port']}" if out["to"] == "port" else "passed on to the stack"
        lines.append(f"output: {where}: {out['packet']}")
    if not data["outputs"]:
        lines.append("dropped")
    lines += [f"metadata: {name} = {value:#x}" for name, value in data.get("metadata", {}).items()]
    for name, cells in data.get("state", {}).items():
        lines += [f"state: {name}[{index}] = {value}" for index, value in cells.items()]
    return "\n".join(lines)


def _step(step: dict[str, Any]) -> str:
    where = step.get("where")
    place = f"  ({where['file']}:{where['line']})" if where else ""
    rest = ", ".join(f"{k} {_short(v)}" for k, v in step.items() if k not in ("step", "where"))
    return f"{step['step']}: {rest}{place}"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_short(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bool) or value is None:
        return {None: "undefined", True: "true", False: "false"}[value]
    return hex(value) if isinstance(value, int) else str(value)
