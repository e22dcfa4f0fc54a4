"""User-mode Linux for all targets of tc: one kernel for each process that runs tests, for a boot takes seconds.

A list of filters replaces the one before, and so does what is told of frames, so tests do not see one another. What
changes the kernel itself (devices, connections) has a kernel of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.targets.flower.oracle import UserModeFlower
from tests.support.machines import require


@pytest.fixture(scope="session")
def uml() -> Iterator[UserModeFlower]:
    """A private kernel; without one the test is skipped, or fails where oracles are required."""
    with UserModeFlower() as oracle:
        require(oracle)
        yield oracle
