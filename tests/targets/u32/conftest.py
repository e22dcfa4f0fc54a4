"""The kernel's u32 for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from p4verify.targets.u32.oracle import KernelU32


@pytest.fixture(scope="session")
def kernel() -> Iterator[KernelU32]:
    """The running kernel's classifier; without one the test is skipped, or fails where oracles are required."""
    with KernelU32() as oracle:
        reason = oracle.available()
        if reason is not None:
            if os.environ.get("P4VERIFY_REQUIRE_ORACLES") == "1":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
        yield oracle
