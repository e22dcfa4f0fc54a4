"""The kernel's u32 for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.targets.u32.oracle import KernelU32
from tests.support.machines import require


@pytest.fixture(scope="session")
def kernel() -> Iterator[KernelU32]:
    """The running kernel's classifier; without one the test is skipped, or fails where oracles are required."""
    with KernelU32() as oracle:
        require(oracle)
        yield oracle
