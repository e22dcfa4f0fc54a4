"""The real machine for tests of eBPF."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.machines import require


@pytest.fixture(scope="session")
def kernel_oracle() -> Iterator[KernelOracle]:
    """This kernel; a skip where it cannot be asked, and a failure where P4VERIFY_REQUIRE_ORACLES=1."""
    with KernelOracle() as oracle:
        require(oracle)
        yield oracle
