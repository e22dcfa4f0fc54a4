"""Open vSwitch for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.machines import require


@pytest.fixture(scope="session")
def switch() -> Iterator[OpenVSwitch]:
    """A private switch; without one the test is skipped, or fails where oracles are required."""
    with OpenVSwitch() as oracle:
        require(oracle)
        yield oracle
