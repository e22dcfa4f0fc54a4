"""The bpf_conformance suite: every instruction test, run on numbers and run on symbolic memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.meaning.machine import Machine
from p4verify.targets.ebpf.meaning.state import State
from tests.support import bpf_memory, bpf_text

pytestmark = pytest.mark.corpus

REFUSED = {
    "callx.data": "calls through a register are no instruction of the kernel's eBPF",
    "call_unwind_fail.data": "a helper of the suite's own engine",
}
"""Tests that use what this machine refuses, each with the reason."""


def result(machine: Machine, states: list[State], values: dict[str, int]) -> int:
    """r0 for these values of the memory's variables; exactly one state applies."""
    holding = [s for s in states if b.evaluate([s.guard], values) == [1]]
    assert len(holding) == 1
    assert all(b.evaluate([fault.guard], values) == [0] for fault in machine.faults)
    r0 = holding[0].regs[0]
    assert isinstance(r0, b.Term)
    (value,) = b.evaluate([r0], values)
    assert isinstance(value, int)
    return value


def test_conformance(corpus: Path) -> None:
    wrong, refused, unread, ran = [], {}, {}, 0
    for path in sorted((corpus / "bpf_conformance").glob("*.data")):
        try:
            case = bpf_text.parse(path.read_text())
        except (ValueError, KeyError) as error:
            unread[path.name] = str(error)
            continue
        if case.result is None:
            continue  # expects an engine's own error
        numbers = [b.bv(byte, 8) for byte in case.memory]
        symbols = [b.var(f"m{i}", 8) for i in range(len(case.memory))]
        values = {f"m{i}": byte for i, byte in enumerate(case.memory)}
        try:
            got = [result(*bpf_memory.run(case.insns, memory), values) for memory in (numbers, symbols)]
        except Unsupported as error:
            refused[path.name] = str(error)
            continue
        ran += 1
        if got != [case.result, case.result]:
            wrong.append((path.name, case.result, got))
    assert wrong == []
    assert set(refused) <= set(REFUSED), refused
    assert len(unread) <= ran // 20, unread
    assert ran
