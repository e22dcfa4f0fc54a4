"""Results as JUnit XML: a test suite per program, a test case per check.

A reject is a failure, an undecided check an error, an unsupported one skipped: what CI servers show by these words.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from ..proofs.verdict import Verdict
from ..results import Result
from .text import counterexample

Results = Sequence[tuple[str | None, Sequence[Result]]]


def render(programs: Results) -> str:
    """The XML document."""
    root = ET.Element("testsuites", name="p4verify")
    for program, results in programs:
        root.append(_suite(_clean(program or "artifacts"), results))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _suite(name: str, results: Sequence[Result]) -> ET.Element:
    def count(verdict: Verdict) -> str:
        return str(sum(r.verdict is verdict for r in results))

    suite = ET.Element(
        "testsuite", name=name, tests=str(len(results)), failures=count(Verdict.REJECT),
        errors=count(Verdict.UNDECIDED), skipped=count(Verdict.UNSUPPORTED),
        time=f"{sum(r.proof.seconds for r in results):.3f}",
    )  # fmt: skip
    for result in results:
        suite.append(_case(name, result))
    return suite


def _case(program: str, result: Result) -> ET.Element:
    proof = result.proof
    name = _clean(f"{result.target} {result.artifact}" if result.artifact else result.target)
    case = ET.Element("testcase", classname=program, name=name, time=f"{proof.seconds:.3f}")
    tag = {Verdict.REJECT: "failure", Verdict.UNDECIDED: "error", Verdict.UNSUPPORTED: "skipped"}.get(proof.verdict)
    if tag is not None:
        child = ET.SubElement(case, tag, message=_clean(proof.reason))
        lines = [str(proof.where)] if proof.where.file else []
        if proof.counterexample is not None:
            lines += counterexample(proof.counterexample)
        child.text = _clean("\n".join(lines))
    return case


def _clean(text: str) -> str:
    """``text`` without the control characters that XML 1.0 forbids."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
