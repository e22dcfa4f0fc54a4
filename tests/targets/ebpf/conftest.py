"""The real machine for tests of eBPF."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from p4verify.targets.ebpf.oracle import KernelOracle


@pytest.fixture(scope="session")
def kernel_oracle() -> Iterator[KernelOracle]:
    """This kernel; a skip where it cannot be asked, and a failure where P4VERIFY_REQUIRE_ORACLES=1."""
    with KernelOracle() as oracle:
        reason = oracle.available()
        if reason is not None:
            if os.environ.get("P4VERIFY_REQUIRE_ORACLES") == "1":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
        yield oracle
