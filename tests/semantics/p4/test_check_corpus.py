"""The programs of others that are good: they check and become well-formed p4ast.

Every day a sample of them; ``-m campaign`` walks all. What the specification refuses and these programs need all the
same is in docs/language.md.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from p4verify.semantics.ir.verify import verify
from p4verify.semantics.p4.frontend import deep_recursion, load
from p4verify.semantics.p4.preprocess import SHIPPED
from p4verify.semantics.source import InputError, Unsupported

pytestmark = pytest.mark.corpus


def includes(path: Path) -> tuple[str, ...]:
    """Programs for DPDK are meant for that target's versions of the architectures' declarations."""
    return (str(Path(SHIPPED) / "dpdk"),) if "dpdk" in path.name else ()


def outcome(path: Path) -> str:
    """``ok``, or why the program is not loaded; anything that is no clean complaint fails the test."""
    try:
        program = load(str(path), includes(path)).program
    except Unsupported as error:
        return f"unsupported: {error}"
    except InputError as error:
        if "the file is empty" in error.diagnostics[0].message:
            return "ok"
        return error.diagnostics[0].render()
    with deep_recursion():
        verify(program)
    return "ok"


def check_all(paths: list[Path]) -> None:
    """Every program is fine."""
    found = {path.stem: outcome(path) for path in paths}
    assert {stem: text for stem, text in found.items() if text != "ok"} == {}


def programs(corpus: Path, *folders: str) -> list[Path]:
    """The programs of the folders and theirs, but for the files that are there to be included."""
    every = [p for folder in folders for p in sorted((corpus / "p4c" / folder).rglob("*.p4"))]
    return [p for p in every if "include" not in p.parts]


@pytest.mark.long
def test_sample_of_good_programs(corpus: Path) -> None:
    check_all(random.Random(1).sample(programs(corpus, "p4_16_samples", "p4tc_samples"), 300))
    check_all(random.Random(1).sample(programs(corpus, "p4_16_samples_outputs"), 100))


@pytest.mark.campaign
@pytest.mark.parametrize("folder", ["p4_16_samples", "p4tc_samples", "p4_16_samples_outputs"])
def test_all_good_programs(corpus: Path, folder: str) -> None:
    check_all(programs(corpus, folder))
