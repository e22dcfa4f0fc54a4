"""``p4verify run``: what a program or an artifact does to packets, by its meaning.

Packets come as ``--packet`` (one or several) or from a pcap file; state, and entries that the program makes, stay from
one to the next.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from .. import pcap
from ..inputs import looks_like_p4, parse_devices, read_artifact, read_bytes, read_program, read_rules, with_mapping
from ..on_numbers import functions_of
from ..report.run import packet_text
from ..semantics import ir
from ..semantics.arch.base import first_parser
from ..semantics.meaning.concrete import Faulted, evaluate_behaviour
from ..semantics.meaning.decode import decode
from ..semantics.meaning.program import ARCHITECTURES
from ..semantics.meaning.stf import Reference
from ..semantics.rules.build import program_rules
from ..semantics.rules.ruleset import RuleSet
from ..semantics.source import InputError, Span, Unsupported
from .common import as_json, emit, source_options, write_whole

NOWHERE = Span("", 0, 0)
Data = dict[str, Any]


def run(arguments: argparse.Namespace) -> int:
    """Run the packets and print what came out. Raises InputError, also for what is not modelled."""
    frames = _frames(arguments)
    try:
        receive = _of_program(arguments) if looks_like_p4(arguments.program) else _of_artifact(arguments)
        results = [receive(frame) for frame in frames]
    except Unsupported as error:
        raise InputError.at(error.span, f"not modelled: {error.reason}") from None
    except Faulted as error:
        text = f"on this packet it does what no machine may: {error}"
        raise InputError.at(Span(arguments.program, 0, 0), text) from None
    except ValueError as error:
        raise InputError.at(NOWHERE, str(error)) from None
    if arguments.pcap_out is not None:
        _write_pcaps(arguments.pcap_out, results)
    emit(_json(arguments, results) if arguments.format == "json" else _text(arguments, frames, results),
         arguments.output)  # fmt: skip
    return 0


def _json(arguments: argparse.Namespace, results: Sequence[Data]) -> str:
    if arguments.pcap_in is None and len(results) == 1:
        return as_json({"version": 1, **results[0]})
    return as_json({"version": 1, "packets": results})


def _text(arguments: argparse.Namespace, frames: Sequence[bytes], results: Sequence[Data]) -> str:
    numbered = enumerate(zip(frames, results, strict=True), 1)
    return "\n\n".join(packet_text(number, frame, arguments.port, data) for number, (frame, data) in numbered)


# --- packets in and out ---------------------------------------------------------------------------------------------


def _frames(arguments: argparse.Namespace) -> list[bytes]:
    """The packets, those given one by one first."""
    frames = [_packet(text) for text in arguments.packet]
    if arguments.pcap_in is not None:
        frames += pcap.read(read_bytes(arguments.pcap_in), arguments.pcap_in)
    elif not frames:
        raise InputError.at(NOWHERE, "no packet: give --packet or --pcap-in")
    return frames


def _packet(text: str) -> bytes:
    digits = "".join(text.split()).removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise InputError.at(NOWHERE, f"--packet: '{text}' is not a whole number of bytes in hexadecimal") from None


def _write_pcaps(path: str, results: Sequence[Data]) -> None:
    """What came out, in order: in one file, or in one for each port where the name holds ``{port}``."""
    sent: dict[str, list[bytes]] = {} if "{port}" in path else {path: []}
    for data in results:
        for out in data["outputs"]:
            name = out["port"] if out["to"] == "port" else out["to"]
            sent.setdefault(path.replace("{port}", str(name)), []).append(bytes.fromhex(out["packet"]))
    for name, frames in sent.items():
        write_whole(name, pcap.write(frames))


# --- programs -------------------------------------------------------------------------------------------------------


def _of_program(arguments: argparse.Namespace) -> Callable[[bytes], Data]:
    if arguments.source:
        raise InputError.at(NOWHERE, "--program goes with an artifact, not with a program")
    program = read_program(arguments.program, source_options(arguments))
    rules = read_rules(arguments.rules, program) if arguments.rules else program_rules(program)
    machine = Reference(program, {name: dict(cells) for name, cells in rules.cells.items()}, leftovers=False)

    def receive(frame: bytes) -> Data:
        data = machine.receive(frame, arguments.port, rules).to_json()
        frames = [(bytes.fromhex(out["packet"]), out["port"]) for out in data["outputs"]]
        data["decoded"] = [_decoded(program, rules, frame, port) for frame, port in frames]
        return data

    return receive


def _decoded(program: ir.Program, rules: RuleSet, frame: bytes, port: int) -> Data | None:
    """A frame as the program's own parser reads it; None if it does not accept it."""
    parser = first_parser(program)
    architecture = ARCHITECTURES.get(program.arch)
    if parser is None or architecture is None:
        return None
    found = decode(program, parser, architecture.externs, rules, frame, port)
    if found is None:
        return None
    headers = [{name: step[name] for name in ("header", "fields", "bits")} for step in found.headers]
    return {"headers": headers, "payload": found.payload}


# --- artifacts ------------------------------------------------------------------------------------------------------


def _of_artifact(arguments: argparse.Namespace) -> Callable[[bytes], Data]:
    """An artifact's tables hold what the rules put there, by the program given with --program; else they are empty."""
    target, artifact, path = read_artifact(arguments.program, parse_devices(arguments.devices))
    functions: dict[str, Any] = {}
    if arguments.map is not None and not arguments.source:
        raise InputError.at(NOWHERE, "--map needs the program to whose tables it relates the maps (--program)")
    behaviour = target.meaning(artifact)
    if arguments.source:
        program = read_program(arguments.source, source_options(arguments))
        if arguments.map is not None:
            artifact = with_mapping((target, artifact, path), arguments.map, program)[1]
        rules = read_rules(arguments.rules, program) if arguments.rules else program_rules(program)
        relation = target.relate(program, artifact, rules)
        functions = functions_of(relation, behaviour)
    elif arguments.rules:
        raise InputError.at(NOWHERE, "--rules for an artifact needs the program whose tables they fill (--program)")

    def receive(frame: bytes) -> Data:
        return evaluate_behaviour(behaviour, frame, arguments.port, functions=functions, default=0).to_json()

    return receive
