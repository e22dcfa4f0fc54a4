"""A sample of the mutation campaign on pairs of programs: no accept is contradicted by a random run."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.support.mutant_campaign import Tried, campaign

pytestmark = [
    pytest.mark.corpus,
    # The limit of a pair may run out in a destructor.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def tried(corpus: Path, seed: int, programs: int, runs: int) -> list[Tried]:
    return [row for rows in islice(campaign(corpus, seed, 2, runs, 3), programs) for row in rows]


@pytest.mark.long
def test_no_accept_of_a_mutant_is_contradicted(corpus: Path) -> None:
    rows = tried(corpus, 1, 8, 1000)
    assert [row for row in rows if row.contradicted] == []
    assert sum(row.verdict == "reject" for row in rows) > 5


@pytest.mark.campaign
def test_no_accept_of_many_mutants_is_contradicted(corpus: Path) -> None:
    rows = tried(corpus, 2, 500, 10_000)
    assert [row for row in rows if row.contradicted] == []
    assert sum(row.verdict == "reject" for row in rows) > 100
