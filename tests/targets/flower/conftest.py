"""User-mode Linux for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.targets.flower.oracle import UserModeFlower
from tests.support.machines import require


@pytest.fixture(scope="session")
def kernel() -> Iterator[UserModeFlower]:
    """A private kernel; without one the test is skipped, or fails where oracles are required."""
    with UserModeFlower() as oracle:
        require(oracle)
        yield oracle
