"""Counterexamples as files that other tools read: an STF test, the rules, and pcap files of what came in and out.

For the N-th result that was rejected, in the folder given:

* ``counterexample-N.stf``: a test that the program passes and the other side does not, where there is one
  (``p4verify stf PROGRAM counterexample-N.stf``);
* ``counterexample-N.rules``: what has to be installed, as BMv2's command line takes it; ``...second.rules``: in the
  other program, where more than names tells its tables from the first one's;
* ``counterexample-N.pcap``, ``...expected.pcap``, ``...actual.pcap``: the packet, and what comes out on each side;
* ``counterexample-N.json``: all of it, with both runs step by step.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from . import pcap
from .commands.common import write_whole
from .proofs.verdict import Counterexample, Observed
from .results import Result
from .semantics.source import InputError, Span


def write_counterexamples(folder: str, results: Sequence[Result]) -> list[str]:
    """Write the files of every rejected result; the folder is made. Gives their names. Raises InputError."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError.at(Span(folder, 0, 0), f"cannot be made: {error.strerror}") from None
    written: list[str] = []
    for number, result in enumerate(results, 1):
        if result.proof.counterexample is not None:
            stem = str(Path(folder) / f"counterexample-{number}")
            written += _write(stem, result, result.proof.counterexample)
    return written


def _write(stem: str, result: Result, found: Counterexample) -> list[str]:
    files = {
        "json": json.dumps(result.to_json(), indent=2).encode(),
        "pcap": pcap.write([found.packet]),
        "expected.pcap": pcap.write(_frames(found.expected)),
        "actual.pcap": pcap.write(_frames(found.actual)),
    }
    if found.block:
        files = {"json": files["json"]}
    if found.rules:
        files["rules"] = ("\n".join(found.rules) + "\n").encode()
    if found.second_rules:
        files["second.rules"] = ("\n".join(found.second_rules) + "\n").encode()
    if found.stf:
        files["stf"] = found.stf.encode()
    for suffix, data in files.items():
        write_whole(f"{stem}.{suffix}", data)
    return [f"{stem}.{suffix}" for suffix in files]


def _frames(seen: Observed) -> list[bytes]:
    return [frame for _, _, frame in seen.outputs]
