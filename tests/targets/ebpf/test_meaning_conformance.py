"""The bpf_conformance suite: every instruction test, run on numbers and run on symbolic memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.source import Unsupported
from tests.support import bpf_memory, bpf_text

pytestmark = pytest.mark.corpus


def ends(case: bpf_text.Case) -> list[int | str]:
    """The result on numbers and on variables that have these values, or why there is none."""
    numbers = [b.bv(octet, 8) for octet in case.memory]
    symbols = [b.var(f"m{i}", 8) for i in range(len(case.memory))]
    values = {f"m{i}": octet for i, octet in enumerate(case.memory)}
    out: list[int | str] = []
    for memory in (numbers, symbols):
        try:
            out.append(bpf_memory.result(case.insns, memory, values))
        except (Unsupported, bpf_memory.NoResult) as error:
            out.append(str(error))
    return out


def test_conformance(corpus: Path) -> None:
    paths = sorted((corpus / "bpf_conformance").glob("*.data"))
    cases = {path.name: bpf_text.parse(path.read_text()) for path in paths}
    wrong = []
    for name, case in cases.items():
        got = ends(case)
        error_wanted = case.result is None
        as_wanted = all(isinstance(end, str) for end in got) if error_wanted else got == [case.result] * 2
        if not as_wanted:
            wrong.append((name, case.result, got))
    assert wrong == []
    assert cases
