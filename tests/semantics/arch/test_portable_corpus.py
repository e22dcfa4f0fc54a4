"""PSA, PNA and P4TC on the programs and STF tests of others."""

from __future__ import annotations

import random
import re
import time
from functools import lru_cache
from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported
from tests.conftest import corpus_root
from tests.support.law import damaged, law

ROOT = corpus_root() / "p4c"
FOLDERS = ("p4_16_samples", "p4tc_samples", "p4tc_samples_stf")
_INCLUDES = re.compile(r"#include\s*[<\"](?:.*/)?p[sn]a\.p4[>\"]")
SECONDS = 20
"""What one behaviour may take."""

UNSUPPORTED = {
    "add_entry_2_errors": "a mistake on purpose: an action that the table has not",
    "direct_counter_errors": "a mistake on purpose: a counter of another kind as the table's direct counter",
    "meter_errors": "a mistake on purpose: a meter of another kind as the table's direct meter",
}
"""Programs without a behaviour on all packets, and why."""

ENDLESS = {
    "pna-example-pass-3": "recirculates every packet, in every pass",
}
"""Programs for which no packet comes to an end."""

STF_DIFFERS = {
    "ipip_decap": "says `packet` where it means `expect`: the frame that leaves is expected nowhere",
}
"""STF tests that do not pass, and why."""

FRAMES = (
    bytes(range(64)),
    bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x06" + bytes(44),
    bytes(12) + b"\x08\x00\x46\x00\x00\x30" + bytes(5) + b"\x11" + bytes(40),
    bytes(12) + b"\x86\xdd\x60" + bytes(60),
    bytes(12) + b"\x81\x00\x00\x05\x08\x00\x45" + bytes(50),
)


def programs() -> list[str]:
    """The corpus's programs for these architectures, as FOLDER/NAME."""
    files = [f for folder in FOLDERS if (ROOT / folder).is_dir() for f in sorted((ROOT / folder).glob("*.p4"))]
    return [f"{f.parent.name}/{f.stem}" for f in files if _INCLUDES.search(f.read_text("latin-1"))]


def stf_tests() -> list[Path]:
    """The STF tests of these programs."""
    known = set(programs())
    tests = [t for folder in FOLDERS if (ROOT / folder).is_dir() for t in sorted((ROOT / folder).glob("*.stf"))]
    return [t for t in tests if _program_of(t, known)]


def _program_of(test: Path, known: set[str]) -> str | None:
    """The program of a test: the one with its name, or the longest name with which its own begins."""
    names = [name for name in known if f"{test.parent.name}/{test.stem}".startswith(name)]
    exact = f"{test.parent.name}/{test.stem}"
    return exact if exact in known else max((n for n in names if n.startswith("p4tc")), key=len, default=None)


@lru_cache(maxsize=4)
def loaded(name: str) -> ir.Program | None:
    """A program, or None if it is refused or no whole program."""
    try:
        program = load_program(str(ROOT / f"{name}.p4"))
    except InputError:
        return None
    return program if program.main is not None else None


EVERY_DAY = programs()[::9]


def check(name: str) -> None:
    """A program has a behaviour, made in time, and a run on any packet agrees with it."""
    program = loaded(name)
    if program is None:
        pytest.skip("refused by the front end, or no whole program")
    began = time.monotonic()
    if name.rpartition("/")[2] in UNSUPPORTED:
        with pytest.raises(Unsupported):
            meaning(program)
        return
    assert meaning(program).cases
    assert time.monotonic() - began < SECONDS
    rng = random.Random(name)
    own = [damaged(rng, rng.choice(FRAMES)) for _ in range(4)]
    assert law(program, own, rng.getrandbits(30)) > 0 or name.rpartition("/")[2] in ENDLESS


@pytest.mark.corpus
@pytest.mark.parametrize("name", EVERY_DAY)
def test_programs_of_others_have_a_behaviour_that_runs_agree_with(name: str) -> None:
    check(name)


@pytest.mark.corpus
@pytest.mark.campaign
@pytest.mark.parametrize("name", sorted(set(programs()) - set(EVERY_DAY)))
def test_every_program_of_others_has_a_behaviour_that_runs_agree_with(name: str) -> None:
    check(name)


@pytest.mark.corpus
@pytest.mark.parametrize("test", stf_tests(), ids=lambda test: test.stem)
def test_stf_tests_of_others_pass(test: Path) -> None:
    name = _program_of(test, set(programs()))
    assert name is not None
    program = loaded(name)
    if program is None:
        pytest.skip("refused by the front end, or no whole program")
    result = run_stf(program, test.read_text(), str(test))
    assert result.passed == (test.stem not in STF_DIFFERS), str(result)
