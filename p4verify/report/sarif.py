"""Results as SARIF 2.1.0: what code-scanning services show beside the source.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from .. import __version__
from ..proofs.verdict import Verdict
from ..results import Result
from .text import counterexample

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RULES: Final = {
    Verdict.REJECT: ("not-equivalent", "An offload does something else than the program", "error"),
    Verdict.UNDECIDED: ("undecided", "A check ran out of its limits", "warning"),
    Verdict.UNSUPPORTED: ("unsupported", "A target cannot express the program", "note"),
    Verdict.ACCEPT: ("equivalent", "Proven equivalent", "none"),
}


def render(programs: Sequence[tuple[str | None, Sequence[Result]]]) -> str:
    """The JSON document, one run."""
    results = [_result(program, result) for program, found in programs for result in found]
    driver = {
        "name": "p4verify",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": text}} for rule, text, _ in RULES.values()],
    }
    return json.dumps(
        {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}, indent=2
    )


def _result(program: str | None, result: Result) -> dict[str, Any]:
    rule, _, level = RULES[result.verdict]
    proof = result.proof
    message = [f"{result.target}: {proof.reason}"]
    if proof.counterexample is not None:
        message += counterexample(proof.counterexample)
    out: dict[str, Any] = {
        "ruleId": rule,
        "kind": "pass" if result.verdict is Verdict.ACCEPT else "fail",
        "level": level,
        "message": {"text": "\n".join(message)},
    }
    if result.verdict is not Verdict.ACCEPT:
        out["kind"] = {Verdict.REJECT: "fail", Verdict.UNDECIDED: "open", Verdict.UNSUPPORTED: "notApplicable"}[
            result.verdict
        ]
        out["level"] = level if result.verdict is Verdict.REJECT else "none"
    location = _location(program, result)
    if location is not None:
        out["locations"] = [location]
    return out


def _location(program: str | None, result: Result) -> dict[str, Any] | None:
    where = result.proof.where
    file = where.file or result.artifact or program
    if not file:
        return None
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(file, safe="/~", errors="surrogateescape")}}
    if where.file and where.line:
        physical["region"] = {"startLine": where.line, "startColumn": max(1, where.column)}
    return {"physicalLocation": physical}
