"""What all tests share: the corpus of others, real machines, and how their absence shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault("P4VERIFY_CACHE", "off")  # tests leave nothing behind; those of the store have their own folders

settings.register_profile("everyday", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("campaign", deadline=None, max_examples=10_000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("P4VERIFY_HYPOTHESIS", "everyday"))


def corpus_root() -> Path:
    """Where the test data of others lies."""
    return Path(os.environ.get("P4VERIFY_CORPUS", ROOT.parent / "shared" / "corpus"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what walks the corpus where there is none; in CI that is a failure."""
    if item.get_closest_marker("corpus") and not corpus_root().is_dir():
        reason = f"no corpus at {corpus_root()} (set P4VERIFY_CORPUS)"
        if os.environ.get("P4VERIFY_REQUIRE_CORPUS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The corpus's root folder."""
    return corpus_root()
