"""How results are printed: text for people, JSON, SARIF and JUnit for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..results import Result
from . import junit, sarif, text


def render(form: str, program: str | None, results: Sequence[Result]) -> str:
    """The report of one program's results in the form named. Raises ValueError for an unknown form."""
    if form == "text":
        return text.render(program, results)
    if form == "json":
        return json.dumps(to_json(program, results), indent=2)
    if form == "sarif":
        return sarif.render([(program, results)])
    if form == "junit":
        return junit.render([(program, results)])
    raise ValueError(f"unknown report form {form}")


def to_json(program: str | None, results: Sequence[Result]) -> dict[str, object]:
    """The object that ``check --format json`` prints."""
    return {"version": 1, "program": program, "results": [r.to_json() for r in results]}
