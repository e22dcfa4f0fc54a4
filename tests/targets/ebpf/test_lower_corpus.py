"""Programs of others: each is lowered and taken by the kernel, or refused at a place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from p4verify.semantics.p4.frontend import load
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import unusable
from tests.support.taken import taken

ARCHITECTURES = ("ebpf_model", "ubpf_model", "v1model", "xdp_model")


@pytest.mark.long
@pytest.mark.corpus
@pytest.mark.oracle
@pytest.mark.skipif(unusable() is not None, reason="no eBPF on this machine")
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.campaign)])
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_the_kernel_takes_what_is_lowered(corpus: Path, hook: str, every: int) -> None:
    seen: Counter[str] = Counter()
    nowhere: list[str] = []
    for path in sorted((corpus / "p4c" / "p4_16_samples").glob("*.p4"))[::every]:
        try:
            program = load(str(path)).program
        except (InputError, Unsupported):
            continue  # the front end's own tests say which
        if program.arch not in ARCHITECTURES or program.main is None:
            continue
        try:
            made = lower(program, None, {"hook": hook})
        except CannotOffload as refusal:
            seen["refused"] += 1
            nowhere += [] if refusal.span.line else [f"{path.name}: {refusal}"]
            continue
        taken(made, hook)
        seen["taken"] += 1
    print(hook, dict(seen))
    assert seen["taken"]
    assert nowhere == []
