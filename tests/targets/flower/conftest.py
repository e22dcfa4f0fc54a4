"""User-mode Linux for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.tc.oracle.kernel import Kernel
from tests.support.private_tc import Inside


@pytest.fixture(scope="session")
def kernel(uml: UserModeFlower) -> UserModeFlower:
    """A private kernel."""
    return uml


@pytest.fixture(scope="session")
def tc(kernel: UserModeFlower) -> Iterator[Inside]:
    """A private kernel with some devices, without any filter."""
    made = Kernel()
    made.run("".join(f"ip link add port{i} type veth peer name p{i}\n" for i in (0, 1, 2, 7)))
    yield Inside(made)
    made.close()
