"""Every sample of the reference compiler for ebpf_model and v1model, checked with target u32: proven, or refused with
its place. Nothing else may come out: no reject, no undecided, no exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported

pytestmark = pytest.mark.corpus

INCLUDES: Final = ("ebpf_model.p4", "v1model.p4")
TIMEOUT: Final = 60.0
EXCEPTIONS: Final[dict[str, str]] = {}
"""Sample → why it is neither accepted nor unsupported; one that no longer is must go from here."""


def samples(corpus: Path) -> Iterator[Path]:
    for path in sorted((corpus / "p4c" / "p4_16_samples").glob("*.p4")):
        text = path.read_text(errors="replace")
        if any(name in text for name in INCLUDES):
            yield path


def outcome(path: Path) -> str:
    """ "accept", "unsupported" or "not loaded"; else what went wrong."""
    try:
        program = load_program(str(path))
    except (InputError, Unsupported):
        return "not loaded"  # the front end's own tests say which may fail
    proof = Checker(program, timeout=TIMEOUT, machines_confirm=False).check_lowered(targets.find("u32"), {}).proof
    if proof.verdict is Verdict.UNSUPPORTED and not (proof.where.file and proof.where.line):
        return f"unsupported without a place: {proof.reason}"
    if proof.verdict in (Verdict.ACCEPT, Verdict.UNSUPPORTED):
        return proof.verdict.value
    return f"{proof.verdict.value}: {proof.reason}"


@pytest.mark.long
def test_accepted_or_unsupported(corpus: Path) -> None:
    found = {path.name: outcome(path) for path in samples(corpus)}
    fine = ("accept", "unsupported", "not loaded")
    assert {name: text for name, text in found.items() if text not in fine and name not in EXCEPTIONS} == {}
    assert {name for name in EXCEPTIONS if found.get(name) in fine} == set()
    counts = Counter(found.values())
    assert counts["accept"] >= 50
    assert counts["unsupported"] >= 100
    assert counts["not loaded"] <= 10
