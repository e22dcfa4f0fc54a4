"""User-mode Linux for the tests of this folder."""

from __future__ import annotations

import pytest

from p4verify.targets.flower.oracle import UserModeFlower


@pytest.fixture(scope="session")
def kernel(uml: UserModeFlower) -> UserModeFlower:
    """A private kernel."""
    return uml
