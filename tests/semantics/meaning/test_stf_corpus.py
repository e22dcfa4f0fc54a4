"""Other people's STF tests on the program's meaning: a sample every day, all of them in the campaign."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported
from tests.conftest import corpus_root

FAIL = {
    "ubpf_hash_extern": "expects what an extern answers that only a C file beside the test defines",
    "ipip_decap": "the test sends at port 0 what it should expect there: its runner also sees what it sends itself",
}
"""Tests that contradict the specification, or test a choice that it leaves open."""


def _tests(every: int) -> list[Path]:
    return sorted((corpus_root() / "p4c").rglob("*.stf"))[::every]


def _program(test: Path) -> Path:
    """The program of the same name, or (several tests of one program) of the name up to the last ``_``."""
    own = test.with_suffix(".p4")
    return own if own.is_file() else test.with_name(test.stem.rpartition("_")[0] + ".p4")


def _outcome(test: Path) -> str:
    """``pass``, or what happened instead."""
    try:
        result = run_stf(load_program(str(_program(test))), test.read_text(), test.name)
    except Unsupported as error:
        return f"unsupported: {error.reason}"
    except InputError as error:
        return f"not read: {error}"
    return "pass" if result.passed else f"fail: {result}"


def _wanted(name: str) -> str:
    return "fail" if name in FAIL else "pass"


def _check(tests: list[Path]) -> None:
    outcomes = {test: _outcome(test) for test in tests}
    wrong = [f"{test.name}: {got}" for test, got in outcomes.items() if not got.startswith(_wanted(test.stem))]
    print(Counter(got.split(":")[0] for got in outcomes.values()))
    assert not wrong, "\n".join(wrong)


@pytest.mark.corpus
def test_a_sample(corpus: Path) -> None:
    _check(_tests(5))


@pytest.mark.corpus
@pytest.mark.campaign
def test_all(corpus: Path) -> None:
    _check(_tests(1))
