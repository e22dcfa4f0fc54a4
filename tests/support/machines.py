"""Real machines in tests: there, or the test is skipped with the reason; in CI their absence is a failure."""

from __future__ import annotations

import os

import pytest

from p4verify.targets.base import Oracle


def require(oracle: Oracle) -> None:
    """Skip the test if ``oracle`` cannot be asked here; fail it instead where P4VERIFY_REQUIRE_ORACLES=1."""
    reason = oracle.available()
    if reason is not None:
        if os.environ.get("P4VERIFY_REQUIRE_ORACLES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
