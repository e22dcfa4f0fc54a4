"""ubpf_model and xdp_model on the programs and STF tests of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import Unsupported

UNSUPPORTED = {
    "ubpf_hash_extern": "compute_hash is the test's own extern, whose meaning is in a C file beside it",
}
"""Programs without a behaviour on all packets, and why."""


def programs(corpus: Path) -> dict[Path, ir.Program]:
    """The corpus's programs for these two architectures."""
    files = (corpus / "p4c" / "p4_16_samples").rglob("*.p4")
    named = [f for f in sorted(files) if any(n in f.read_text("latin-1") for n in ("ubpf_model.p4", "xdp_model.p4"))]
    loaded = {file: load_program(str(file)) for file in named}
    return {file: p for file, p in loaded.items() if p.arch in ("ubpf_model", "xdp_model")}


@pytest.mark.corpus
def test_every_program_has_a_behaviour(corpus: Path) -> None:
    for file, program in programs(corpus).items():
        problem = why_not(program)
        assert problem is None or file.stem in UNSUPPORTED, f"{file}: {problem}"


def why_not(program: ir.Program) -> Unsupported | None:
    """Why a program has no behaviour on all packets; None if it has one."""
    try:
        assert meaning(program).cases
    except Unsupported as problem:
        return problem
    return None


@pytest.mark.corpus
def test_every_stf_test_passes(corpus: Path) -> None:
    for file, program in programs(corpus).items():
        test = file.with_suffix(".stf")
        if test.exists() and file.stem != "ubpf_hash_extern":
            result = run_stf(program, test.read_text(), str(test))
            assert result.passed, f"{test}: {result}"
            assert result.expectations
