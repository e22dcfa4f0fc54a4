"""On programs of others: a run is what both behaviours say, and what the plain interpreter says."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics.meaning.program import ARCHITECTURES
from tests.support.corpus_laws import Found, laws, loaded, programs


def of_each(corpus: Path, count: int, packets: int) -> list[Found]:
    """The laws on ``count`` programs of each architecture, spread over all of them."""
    by_arch: dict[str, list[Path]] = {}
    for path in programs(corpus)[:: 1 if count > 5 else 7]:
        program = loaded(path)
        if program is not None:
            by_arch.setdefault(program.arch, []).append(path)
    found = []
    for paths in by_arch.values():
        for path in paths[:: max(1, len(paths) // count)][:count]:
            program = loaded(path)
            assert program is not None
            try:
                found.append(laws(path, program, packets, 2))
            except AssertionError as problem:
                problem.add_note(f"program {path}")
                raise
    return found


@pytest.mark.corpus
def test_a_sample_of_every_architecture(corpus: Path) -> None:
    found = of_each(corpus, 2, 6)
    assert {f.arch for f in found} <= set(ARCHITECTURES)
    assert sum(f.packets for f in found) > 0


@pytest.mark.corpus
@pytest.mark.campaign
def test_three_hundred_programs(corpus: Path) -> None:
    found = of_each(corpus, 75, 100)
    assert sum(f.packets for f in found) > 0.8 * 100 * len(found)
