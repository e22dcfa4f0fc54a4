"""Real machines in tests: there, or the test is skipped with the reason; in CI their absence is a failure."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from p4verify.targets.base import Oracle

from . import bpf_suite

REQUIRED = os.environ.get("P4VERIFY_REQUIRE_ORACLES") == "1"
"""Whether real machines must be there."""

needs_clang = pytest.mark.skipif(not bpf_suite.usable() and not REQUIRED, reason="no clang with libbpf's headers")
"""Skips a test that compiles C programs where that cannot be done; in CI it runs and fails instead."""


def require(oracle: Oracle) -> None:
    """Skip the test if ``oracle`` cannot be asked here; fail it instead where P4VERIFY_REQUIRE_ORACLES=1."""
    reason = oracle.available()
    if reason is not None:
        absent(reason)


def absent(reason: str) -> NoReturn:
    """Skip the test because of what is not here; fail it instead where P4VERIFY_REQUIRE_ORACLES=1."""
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
